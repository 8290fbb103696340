"""The replies table as a pandas DataFrame, and back."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
import pyarrow as pa

from logscan.errors import UsageError
from logscan.schema import SCHEMA


def to_pandas(table: pa.Table) -> pd.DataFrame:
    """A DataFrame with UTC times, categories for words, nullable integers and Arrow-backed strings.

    The categories are the words that there are, in the order of the alphabet: which came first does not matter.
    """

    def dtype(type_: pa.DataType) -> object | None:
        if pa.types.is_string(type_):
            return pd.StringDtype("pyarrow")
        if pa.types.is_integer(type_):
            return {16: pd.Int16Dtype(), 32: pd.Int32Dtype(), 64: pd.Int64Dtype()}[type_.bit_width]
        return None

    frame: pd.DataFrame = table.to_pandas(types_mapper=dtype)
    for name in frame.columns[frame.dtypes == "category"]:
        used = frame[name].cat.remove_unused_categories().cat.categories
        frame[name] = frame[name].cat.set_categories(sorted(used))
    return frame


def from_pandas(frame: pd.DataFrame, wanted: Iterable[str] | None = None) -> pa.Table:
    """The columns of ``frame`` as a pyarrow Table, those of the replies table in their types.

    ``wanted`` are the columns to take, as far as the frame has them; all by default. Times without a zone count
    as UTC; see ``unindexed`` for what was made the index. Raises UsageError if there are two columns of one name,
    or a column holds what its type cannot.
    """
    frame = unindexed(frame)
    chosen = frame.columns if wanted is None else frame.columns[frame.columns.isin(list(wanted))]
    twice = chosen[chosen.duplicated()]
    if len(twice):
        raise UsageError(f"the DataFrame has more than one column {twice[0]}")
    return pa.table({str(name): _column(frame[name]) for name in chosen})


def unindexed(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with those columns of the replies table that were made its index as columns again."""
    levels = [name for name in frame.index.names if name in SCHEMA.names and name not in frame.columns]
    return frame.reset_index(level=levels) if levels else frame


def _column(values: pd.Series) -> pa.Array | pa.ChunkedArray:
    type_ = SCHEMA.field(values.name).type if values.name in SCHEMA.names else None
    # A column of nothing, as read from CSV, is of any type.
    if type_ is not None and values.isna().all():
        return pa.nulls(len(values), type_)
    try:
        return pa.Array.from_pandas(values, type=type_)
    except pa.ArrowException as error:
        reason = "; ".join(map(str, error.args))
        raise UsageError(f"the DataFrame is no replies table: column {values.name}: {reason}") from error
