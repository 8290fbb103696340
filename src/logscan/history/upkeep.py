"""Looking after a store: many small files of a day become one, and what is damaged is found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from logscan.errors import UnreadableInput
from logscan.history.manifest import DataFile, Manifest
from logscan.history.store import Store, checksum_of, described, existing, new_name

if TYPE_CHECKING:
    import pyarrow as pa


def verify(folder: Path) -> list[str]:
    """Read every file of a store; a line for each that is not as the manifest says."""
    return [problem for file in existing(folder).files if (problem := _damage(folder, file))]


def compact(store: Store) -> int:
    """Make one file of all files of each day; return how many files that leaves fewer.

    Raises UnreadableInput, and leaves the store as it was, if one of them is damaged.
    """
    days: defaultdict[str, list[DataFile]] = defaultdict(list)
    for file in store.manifest.files:
        days[str(Path(file.path).parent)].append(file)
    name = new_name()
    files: list[DataFile] = []
    for day, parts in sorted(days.items()):
        files += parts if len(parts) == 1 else _merged(store.folder, parts, Path(day) / name)
    saved = len(store.manifest.files) - len(files)
    if saved:
        store.commit(Manifest(tuple(files), store.manifest.logs))
    return saved


def _merged(folder: Path, parts: Sequence[DataFile], path: Path) -> tuple[DataFile, ...]:
    """One file with the rows of all parts, those with the earliest rows first."""
    from logscan.export import write

    for part in parts:
        if problem := _damage(folder, part):
            raise UnreadableInput(f"{problem}; nothing was merged")
    ordered = sorted(parts, key=lambda part: part.first or "")
    write((batch for part in ordered for batch in _batches(folder / part.path)), folder / path)
    merged = described(folder, [folder / path])
    if merged[0].rows != sum(part.rows for part in parts):
        raise UnreadableInput(f"{folder / path}: {merged[0].rows:,} rows were merged, not those of all parts")
    return merged


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    import pyarrow.parquet as pq

    with closing(pq.ParquetFile(path)) as file:
        for number in range(file.num_row_groups):
            yield from file.read_row_group(number).combine_chunks().to_batches()


def _damage(folder: Path, file: DataFile) -> str | None:
    """What is wrong with a file, in one line."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = folder / file.path
    try:
        if checksum_of(path) != file.checksum:
            return f"{path}: damaged: its checksum is not that of the manifest"
        with closing(pq.ParquetFile(path, page_checksum_verification=True)) as stored:
            rows = sum(stored.read_row_group(number).num_rows for number in range(stored.num_row_groups))
    except OSError as error:
        return f"{path}: {error.strerror or error}"
    except pa.ArrowException as error:
        return f"{path}: damaged: {str(error).partition(chr(10))[0]}"
    if rows != file.rows:
        return f"{path}: has {rows:,} rows; the manifest says {file.rows:,}"
    return None
