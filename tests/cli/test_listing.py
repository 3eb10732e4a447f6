"""`imlbench list`, `--help` and `--version`: complete, quick, and without what is heavy."""

from __future__ import annotations

import json
import sys

import pytest

from imlbench import __version__, registry
from tests.making_sets import REPOSITORY, finish, imlbench, start, write_package

HEAVY = ("torch", "torchvision", "torchmetrics", "transformers", "pandas", "matplotlib", "cv2", "skimage", "pyarrow")
IMPORTED = "print(*(name for name in {heavy} if name in sys.modules), file=sys.stderr)"


@pytest.mark.parametrize(
    "arguments",
    [("--help",), ("--version",), ("list",), ("list", "annotators", "--json"), ("annotate-eval", "--help"),
     ("report", "--help"), ("datasets", "--help"), ("check", "--help"), ("robustness", "--help"), ("compare", "--help"),
     ("results", "--help")],
)  # fmt: skip
def test_imports_nothing_heavy(arguments):
    code = f"""
import sys, atexit
atexit.register(lambda: {IMPORTED.format(heavy=HEAVY)})
from imlbench.cli.main import main
main()
"""
    done = finish(start(*arguments, code=(sys.executable, "-c", code)))
    assert (done.code, done.err.strip()) == (0, "")
    assert done.out


def test_importing_the_package_imports_no_numpy():
    code = f"import sys, imlbench; imlbench.__version__; {IMPORTED.format(heavy=('numpy', *HEAVY))}"
    assert finish(start(code=(sys.executable, "-c", code))).err.strip() == ""


def test_version():
    assert imlbench("--version") == (0, f"imlbench {__version__}\n", "")


@pytest.mark.parametrize("kind", registry.KINDS)
def test_each_kind_alone_and_as_json(kind):
    done = imlbench("list", kind)
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0] == f"{kind} ({len(registry.names(kind))})"
    rows = json.loads(imlbench("list", kind, "--json").out)
    assert [row["name"] for row in rows] == registry.names(kind)
    for row, line in zip(rows, lines[1:], strict=False):
        assert row["summary"] in line
        assert not row["summary"].startswith("broken")
        assert row["version"]
        assert row["licence"]


def test_everything_at_once():
    done = imlbench("list")
    for kind in registry.KINDS:
        assert f"{kind} (" in done.out
        for name in registry.names(kind):
            assert f"  {name} " in done.out
    assert set(json.loads(imlbench("list", "--json").out)) == set(registry.KINDS)


def test_a_kind_with_nothing_says_how_to_add_some(monkeypatch):
    monkeypatch.setattr(registry, "groups", lambda: {kind: {} for kind in registry.KINDS})
    done = imlbench("list", "detectors")
    assert done.out == "detectors (0)\n  none installed; a package can register some under imlbench.detectors\n"


def test_an_unknown_kind_is_one_line():
    assert "annotators" in imlbench("list", "annotator").complaint()


def test_third_parties_are_marked_and_a_broken_one_hides_nothing(tmp_path):
    write_package(tmp_path, "broken_package", "import no_such_module", {"broken": "broken_package:X"})
    card = """
from imlbench.cards import AdapterCard
class Fine:
    card = AdapterCard(name="fine", title="F", version="2", summary="a fine one", licence="MIT", citation="-")
class Odd:
    card = 3
"""
    write_package(tmp_path, "fine_package", card, {"fine": "fine_package:Fine", "odd": "fine_package:Odd"})
    done = finish(start("list", "annotators", paths=[tmp_path]))
    assert (done.code, done.err) == (0, "")
    assert "a fine one [fine_package]" in done.out
    assert "broken: broken (registered by broken_package as broken_package:X) cannot be loaded: Module" in done.out
    assert "odd" in done.out
    assert "pixdiff-0 " in done.out
    assert REPOSITORY.is_dir()


def test_a_package_with_damaged_metadata_hides_nothing(tmp_path):
    write_package(tmp_path, "fine_package", "", {})
    (tmp_path / "fine_package-1.0.dist-info" / "entry_points.txt").write_text("[imlbench.annotators\nx y\n = \n")
    (tmp_path / "nameless-1.0.dist-info").mkdir()
    entries = "[imlbench.annotators]\nnameless = nowhere:X\n"
    (tmp_path / "nameless-1.0.dist-info" / "entry_points.txt").write_text(entries)
    (tmp_path / "nameless-1.0.dist-info" / "METADATA").write_text("")
    done = finish(start("list", "annotators", paths=[tmp_path]))
    assert (done.code, done.err) == (0, "")
    assert "pixdiff-0 " in done.out
