"""One writer for each export format: takes batches, makes a file of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from isal import igzip

from logscan.errors import UsageError
from logscan.text_formats import delimited, json_lines

Write = Callable[[pa.RecordBatch], object]
About = Callable[[], Mapping[str, str]]
_Open = Callable[[BinaryIO, pa.Schema, bool, About | None], AbstractContextManager[Write]]

_COMPRESSIONS: dict[str, Callable[[BinaryIO], Any]] = {
    "gz": lambda stream: igzip.open(stream, "wb"),  # type: ignore[no-untyped-call]
    "zst": lambda stream: zstandard.ZstdCompressor().stream_writer(stream, closefd=False),
}
_ROW_GROUP = 1 << 14  # rows: enough to compress well, few enough to keep memory flat


@contextmanager
def writer(
    kind: str,
    stream: BinaryIO,
    schema: pa.Schema,
    *,
    for_terminal: bool = False,
    about: About | None = None,
) -> Iterator[Write]:
    """A function that writes batches of ``schema`` to ``stream`` in the format ``kind``, such as ``csv.gz``.

    ``about`` gives further metadata of a Parquet file once all rows are written. The file is complete when the block
    ends; the stream stays open. Raises UsageError for an unknown format.
    """
    name, _, compression = known_format(kind).partition(".")
    if for_terminal and (name in _BINARY or compression):
        raise UsageError(f"{kind} is binary and not for a terminal; redirect it or use -o FILE")
    with ExitStack() as stack:
        if compression:
            stream = stack.enter_context(_COMPRESSIONS[compression](stream))
        yield stack.enter_context(_FORMATS[name](stream, schema, for_terminal, about))


def known_format(kind: str) -> str:
    """``kind``, if it is a format; raises UsageError if not."""
    if kind not in format_names():
        raise UsageError(f"unknown format {kind}; known are {', '.join(format_names())}")
    return kind


def format_names() -> list[str]:
    """Every format, in the form that ``writer`` takes and file names end in."""
    compressed = (f".{compression}" for compression in _COMPRESSIONS)
    text = [name for name in _FORMATS if name not in _BINARY]
    return [*_FORMATS, *(name + ending for ending in compressed for name in text)]


class ParquetRows:
    """A Parquet file in the making, whose rows wait until there are enough for a row group."""

    def __init__(self, stream: BinaryIO, schema: pa.Schema, about: About | None = None) -> None:
        self._file = pq.ParquetWriter(stream, schema, compression="zstd", write_page_checksum=True)
        self._schema = schema
        self._about = about
        self._waiting: list[pa.RecordBatch] = []

    def __enter__(self) -> ParquetRows:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.flush()
            if self._about:
                self._file.add_key_value_metadata(self._about())
        self._file.close()

    def write(self, batch: pa.RecordBatch) -> None:
        """Add rows."""
        self._waiting.append(batch)
        if sum(map(len, self._waiting)) >= _ROW_GROUP:
            self.flush()

    def flush(self) -> None:
        """Write what waits, as a row group."""
        if self._waiting:
            self._file.write_table(pa.Table.from_batches(self._waiting, self._schema))
            self._waiting.clear()


@contextmanager
def _parquet(stream: BinaryIO, schema: pa.Schema, _: bool, about: About | None) -> Iterator[Write]:
    with ParquetRows(stream, schema, about) as rows:
        yield rows.write


@contextmanager
def _arrow(stream: BinaryIO, schema: pa.Schema, _: bool, __: About | None) -> Iterator[Write]:
    # In an IPC file a dictionary may grow and not change, while each batch brings its own.
    places: dict[int, dict[str | None, int]] = {
        i: {} for i, type_ in enumerate(schema.types) if pa.types.is_dictionary(type_)
    }

    def grown(column: pa.DictionaryArray, place: dict[str | None, int]) -> pa.DictionaryArray:
        new = [place.setdefault(value, len(place)) for value in column.dictionary.to_pylist()]
        if not place:
            place[""] = 0  # Arrow lets a dictionary grow only once there is something in it
        indices = pa.array(np.array(new, np.int32)).take(column.indices)
        return pa.DictionaryArray.from_arrays(indices, pa.array(place, column.dictionary.type))

    options = pa.ipc.IpcWriteOptions(compression="zstd", emit_dictionary_deltas=True)
    with pa.ipc.new_file(stream, schema, options=options) as file:

        def write(batch: pa.RecordBatch) -> None:
            columns = [
                grown(column, places[i]) if i in places else column for i, column in enumerate(batch.columns)
            ]
            file.write_batch(pa.record_batch(columns, schema=schema))

        yield write


def _delimited(delimiter: str) -> _Open:
    @contextmanager
    def opened(stream: BinaryIO, schema: pa.Schema, for_terminal: bool, _: About | None) -> Iterator[Write]:
        def write(batch: pa.RecordBatch, *, header: bool = False) -> None:
            stream.write(delimited(batch, delimiter, header=header, for_terminal=for_terminal))

        write(pa.RecordBatch.from_pylist([], schema), header=True)
        yield write

    return opened


@contextmanager
def _json_lines(stream: BinaryIO, schema: pa.Schema, _: bool, __: About | None) -> Iterator[Write]:
    yield lambda batch: stream.write(json_lines(batch))


_FORMATS: dict[str, _Open] = {
    "parquet": _parquet,
    "arrow": _arrow,
    "csv": _delimited(","),
    "tsv": _delimited("\t"),
    "jsonl": _json_lines,
}
_BINARY = ("parquet", "arrow")
