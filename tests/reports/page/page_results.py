"""Pages made from miniature sets, and their data read back the way a browser would get it."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

from PIL import Image

from imlbench.results.records import Outcome
from tests.making_sets import Done, annotate_eval, imlbench, make_set
from tests.reports.making_results import facts

HOSTILE = (
    "../../x",
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "line\u2028separator\u2029paragraph",
    "a&b\"c'd`${e}\\",
    "<!--DATA-->",
    "é漢字\U0001f600",
    "con\x00trol\x1b[31m",
)
LONG = "replace the cat with a dog " * 200


def page(results: Path, output: Path, *arguments: object) -> Done:
    """`imlbench report html`."""
    return imlbench("report", "html", "--results", results, "-o", output, *arguments)


def scored_set(tmp_path: Path, count: int = 3, annotator: str = "pixdiff-1*", *arguments: object) -> Path:
    """Results of a `folder` set that lies in tmp_path/set."""
    root = make_set(tmp_path / "set", count)
    annotate_eval(root, tmp_path / "out", *arguments, annotator=annotator)
    return tmp_path / "out"


def script_data(text: str) -> dict[str, Any]:
    """The object that a script hands to the page."""
    start = text.index("window.IMLBENCH_DATA = ") + len("window.IMLBENCH_DATA = ")
    found, end = json.JSONDecoder().raw_decode(text, start)
    assert text[end:].startswith(";")
    return found


def data_of(path: Path) -> dict[str, Any]:
    """Data of a page in one file, or of a data.js."""
    return script_data(path.read_text(encoding="utf-8"))


def picture(src: str, folder: Path | None = None) -> Image.Image:
    """The picture behind a src: a data: address, or a file below the folder."""
    if src.startswith("data:"):
        return Image.open(io.BytesIO(base64.b64decode(src.partition(",")[2])))
    assert folder is not None
    return Image.open(io.BytesIO((folder / src).read_bytes()))


def outcome(run, sample_id, counts, **changes) -> Outcome:
    """A scored sample of any id."""
    return Outcome(run.run_id, facts(run.dataset, sample_id, **changes), "", "ok", counts=counts)


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
