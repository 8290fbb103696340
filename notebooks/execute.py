"""Keep the outputs that the notebooks show equal to what logscan gives.

    python notebooks/execute.py           runs all notebooks and keeps their outputs
    python notebooks/execute.py --check   runs them, only tells what differs, and fails if anything does

Needs the dependency group ``notebooks``.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parent
# As on a machine in UTC, wherever this runs; a checkout's logscan, installed or not.
ENVIRONMENT = {"TZ": "UTC", "LANG": "C.UTF-8", "NO_COLOR": "1", "PYTHONPATH": str(FOLDER.parent / "src")}
_IMAGE = re.compile(r"data:image/[^\"]*")


def notebooks() -> list[Path]:
    """All notebooks."""
    return sorted(FOLDER.glob("*.ipynb"))


def executed(path: Path) -> nbformat.NotebookNode:
    """The notebook with the outputs that it has now; raises CellExecutionError if a cell fails."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=120,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(FOLDER)}},
    )
    client.execute(env=os.environ | ENVIRONMENT)
    # What the kernel says about itself changes with every Python.
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return notebook


def differences(kept: nbformat.NotebookNode, fresh: nbformat.NotebookNode) -> Iterator[str]:
    """What was shown and what is shown now, for each cell where the two differ."""
    for number, (old, new) in enumerate(zip(kept.cells, fresh.cells, strict=True), 1):
        before, now = shown(old), shown(new)
        if before != now:
            yield f"cell {number} shows\n{now}\nand not\n{before}"


def shown(cell: nbformat.NotebookNode) -> list[Any]:
    """A cell's outputs without what differs from run to run: counters, and the bytes of images."""
    return [
        output["text"]
        if output["output_type"] == "stream"
        else {
            kind: "an image" if kind.startswith("image/") else _IMAGE.sub("an image", value)
            for kind, value in output["data"].items()
        }
        for output in cell.get("outputs", [])
    ]


def main(*, check: bool) -> None:
    """Renew all notebooks, or only tell which differ."""
    stale = []
    for path in notebooks():
        fresh = executed(path)
        found = list(differences(nbformat.read(path, as_version=4), fresh))
        if found:
            stale.append(path.name)
        if check:
            print(*found, sep="\n", end="")
        else:
            nbformat.write(fresh, path)
    if stale:
        print("out of date:" if check else "renewed:", *stale)
    sys.exit(1 if check and stale else 0)


if __name__ == "__main__":
    main(check="--check" in sys.argv[1:])
