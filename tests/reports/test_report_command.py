"""The group `imlbench report`: its commands come from the registry."""

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from making_results import hard, make_run, scored, write
from typer.testing import CliRunner

from imlbench import registry
from imlbench.cards import Card
from imlbench.cli.main import app
from imlbench.errors import UserError
from imlbench.registry import Entry
from imlbench.report import Report

CARD = Card(name="mine", title="Mine", version="1", summary="a third party's", licence="MIT", citation="-")


def run_command(*arguments):
    return CliRunner().invoke(app, ["report", *arguments])


@pytest.fixture
def register(monkeypatch):
    """Register an object as a third party's report."""

    def add(name, value):
        module = f"third_party_{name}"
        monkeypatch.setitem(sys.modules, module, SimpleNamespace(REPORT=value))
        known = {**registry.groups()["reports"], name: [Entry("reports", name, f"{module}:REPORT", "their-package")]}
        groups = {**registry.groups(), "reports": known}
        monkeypatch.setattr(registry, "groups", lambda: groups)

    return add


def test_help_lists_every_report_with_its_summary():
    result = run_command("--help")
    assert result.exit_code == 0
    for name in ("slices", "sweep", "table1"):
        assert f" {name} " in result.output
    assert "published numbers" in result.output


def test_unknown_name_suggests_the_nearest():
    result = run_command("tabel1")
    assert isinstance(result.exception, UserError)
    assert str(result.exception) == "unknown report 'tabel1': did you mean table1, table3, table2?"


def test_report_of_a_third_party_runs_with_its_own_options(register):
    seen = []

    def mine(size: int = 1) -> None:
        """Mine."""
        seen.append(size)

    register("mine", Report(CARD, mine))
    assert run_command("mine", "--size", "7").exit_code == 0
    assert seen == [7]
    assert "a third party's" in run_command("--help").output


def test_broken_report_is_listed_as_broken_and_hides_no_other(register):
    register("broken", "not a report")
    result = run_command("--help")
    assert result.exit_code == 0
    assert "broken" in result.output
    assert "table1" in result.output
    refused = run_command("broken")
    assert isinstance(refused.exception, UserError)
    assert "registered by their-package" in str(refused.exception)
    assert "expected an imlbench.report.Report, found str" in str(refused.exception)


def test_wrong_option_is_a_usage_error():
    assert run_command("table1", "--nonsense").exit_code == 2


def test_missing_results_folder_is_named(tmp_path):
    result = run_command("table1", "--results", str(tmp_path / "none"))
    assert isinstance(result.exception, UserError)
    assert "no results file" in str(result.exception)


def test_file_that_cannot_be_written_is_named_and_nothing_is_left(tmp_path):
    run = make_run()
    folder = write(tmp_path / "results", (run, scored(run, [hard(1, 0, 0, 1)])))
    (tmp_path / "t.md").mkdir()
    result = run_command("table1", "--results", str(folder), "-o", str(tmp_path / "t.md"))
    assert isinstance(result.exception, UserError)
    assert "cannot be written" in str(result.exception)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results", "t.md"]


def test_listing_reports_imports_nothing_heavy():
    import subprocess

    heavy = ("numpy", "pandas", "matplotlib", "torch", "cv2", "rich")
    code = (
        "import sys; from imlbench import registry\n"
        "[registry.resolve('reports', name).load() for name in registry.names('reports')]\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_code_in_the_documentation_runs(tmp_path, monkeypatch, capsys):
    text = (Path(__file__).parents[2] / "docs" / "reports.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert len(blocks) == 2
    run = make_run()
    write(tmp_path / "results", (run, scored(run, [hard(30, 10, 10, 50)])))
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in blocks:
        exec(block, names)
    assert "PixDiff-Fixed(10) CoCoGlide f1 75.0 92.26" in capsys.readouterr().out
    names["worst"]()
    assert capsys.readouterr().out == f"{run.run_id} 0.75\n"
