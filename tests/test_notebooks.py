"""The notebooks and their page: run through, free of this machine's traces, checked for drift."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import logscan.accessor

REPOSITORY = Path(__file__).parents[1]
NOTEBOOKS = sorted((REPOSITORY / "notebooks").glob("*.ipynb"))
PAGE = (REPOSITORY / "docs" / "jupyter.md").read_text(encoding="utf-8")


@pytest.fixture
def execute() -> ModuleType:
    pytest.importorskip("nbclient")
    spec = importlib.util.spec_from_file_location("execute", REPOSITORY / "notebooks" / "execute.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def code_cells(path: Path) -> list[dict[str, Any]]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_kept_with_the_outputs_of_one_run(path: Path) -> None:
    cells = code_cells(path)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert all(cell["outputs"] for cell in cells), "a cell that shows nothing"
    assert "error" not in {output["output_type"] for cell in cells for output in cell["outputs"]}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_hold_no_paths_of_a_machine(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.findall(r"/(?:home|root|tmp|work|Users)/\S*", text)


def cell(**output: Any) -> Any:
    import nbformat

    return nbformat.from_dict({"cells": [{"cell_type": "code", "outputs": [output]}]})


def shows(execute: ModuleType, kept: dict[str, Any], fresh: dict[str, Any]) -> list[str]:
    return list(execute.differences(cell(**kept), cell(**fresh)))


def table(text: str, count: int, **data: str) -> dict[str, Any]:
    return {"output_type": "execute_result", "execution_count": count, "data": {"text/plain": text, **data}}


def test_another_output_is_drift(execute: ModuleType) -> None:
    assert shows(execute, table("1", 1), table("2", 1)) == [
        "cell 1 shows\n[{'text/plain': '2'}]\nand not\n[{'text/plain': '1'}]"
    ]
    stream = {"output_type": "stream", "name": "stdout"}
    assert shows(execute, {**stream, "text": "a"}, {**stream, "text": "b"})


def test_counters_and_the_bytes_of_images_are_no_drift(execute: ModuleType) -> None:
    def image(content: str, count: int) -> dict[str, Any]:
        html = f'<img alt="a plot" src="data:image/png;base64,{content}">'
        return table("", count, **{"image/png": content, "text/html": html})

    assert shows(execute, image("AAAA", 1), image("BBBB", 7)) == []


def test_an_image_that_is_gone_is_drift(execute: ModuleType) -> None:
    assert shows(execute, table("", 1, **{"image/png": "AAAA"}), table("", 1))


def test_the_page_names_every_method() -> None:
    named = set(re.findall(r"^\| `replies\.smtp\.(\w+)", PAGE, re.M))
    assert named == {name for name in dir(logscan.accessor.SmtpAccessor) if not name.startswith("_")}


def test_the_pages_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sample_logs").symlink_to(REPOSITORY / "sample_logs")
    examples = re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S)
    assert len(examples) == 3
    exec("".join(examples), {})  # noqa: S102  our own page


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", PAGE):
        assert (REPOSITORY / "docs" / target).exists(), target
