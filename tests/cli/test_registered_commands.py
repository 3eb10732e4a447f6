"""Commands that packages register: listed beside the program's own, imported when asked for, never in their place."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from imlbench import registry
from imlbench.cards import Card
from imlbench.cli.main import app
from imlbench.errors import UserError
from imlbench.registry import Entry
from imlbench.report import Report

CARD = Card(name="mine", title="Mine", version="1", summary="a third party's", licence="MIT", citation="-")


def run(*arguments):
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture
def register(monkeypatch):
    """Register an object as a third party's command."""

    def add(name, value):
        module = f"third_party_{name}"
        monkeypatch.setitem(sys.modules, module, SimpleNamespace(COMMAND=value))
        entry = Entry("commands", name, f"{module}:COMMAND", "their-package")
        known = {**registry.groups()["commands"], name: [entry]}
        groups = {**registry.groups(), "commands": known}
        monkeypatch.setattr(registry, "groups", lambda: groups)

    return add


def test_a_third_partys_command_runs_and_is_listed(register):
    seen = []

    def mine(size: int = 1) -> None:
        """Mine."""
        seen.append(size)

    register("mine", Report(CARD, mine))
    assert run("mine", "--size", "7").exit_code == 0
    assert seen == [7]
    text = run("--help").output
    assert "a third party's" in text
    assert "annotate-eval" in text


def test_a_broken_command_is_listed_as_broken_and_hides_no_other(register):
    register("broken", 3)
    text = run("--help").output
    assert "broken" in text
    assert "annotate-eval" in text
    refused = run("broken", "--any", "thing")
    assert isinstance(refused.exception, UserError)
    assert "broken (registered by their-package" in str(refused.exception)


def test_a_command_of_the_program_is_not_replaced(register):
    register("list", Report(CARD, lambda: pytest.fail("replaced")))
    done = run("list", "reports")
    assert done.exit_code == 0
    assert "table1" in done.output
    assert run("--help").output.count("a third party's") == 0


def test_unknown_commands_are_usage_errors_with_a_hint():
    done = run("anotate-eval")
    assert done.exit_code == 2
    assert "annotate-eval" in done.output


def test_ablation_is_there_and_its_help_imports_nothing_heavy():
    heavy = ("torch", "numpy", "pandas", "transformers", "cv2")
    code = (
        "import sys, atexit\n"
        f"atexit.register(lambda: print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr))\n"
        "from imlbench.cli.main import main\nmain()"
    )
    for arguments in (["--help"], ["ablation", "--help"]):
        command = [sys.executable, "-c", code, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert "ablation" in done.stdout
        assert done.stderr.strip() == "[]"
