"""The replies table as a pandas DataFrame, and back."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa

from logscan.errors import UsageError
from logscan.schema import SCHEMA


def to_pandas(table: pa.Table) -> pd.DataFrame:
    """A DataFrame with UTC times, categories for words, nullable integers and Arrow-backed strings."""

    def dtype(type_: pa.DataType) -> object | None:
        if pa.types.is_string(type_):
            return pd.StringDtype("pyarrow")
        if pa.types.is_integer(type_):
            return {16: pd.Int16Dtype(), 32: pd.Int32Dtype(), 64: pd.Int64Dtype()}[type_.bit_width]
        return None

    frame: pd.DataFrame = table.to_pandas(types_mapper=dtype)
    return frame


def from_pandas(frame: pd.DataFrame) -> pa.Table:
    """The columns of ``frame``, those of the replies table in their types, as a pyarrow Table.

    Raises UsageError if a column holds what its type cannot.
    """

    def column(field: pa.Field) -> pa.Array:
        values = frame[field.name]
        if values.isna().all():  # as read from CSV, where a column of nothing is of any type
            return pa.nulls(len(values), field.type)
        return pa.Array.from_pandas(values, type=field.type)

    inferred = pa.Schema.from_pandas(frame, preserve_index=False)
    schema = pa.schema(
        SCHEMA.field(field.name) if field.name in SCHEMA.names else field for field in inferred
    )
    try:
        return pa.table([column(field) for field in schema], schema)
    except pa.ArrowException as error:
        raise UsageError(f"the DataFrame is no replies table: {'; '.join(map(str, error.args))}") from error
