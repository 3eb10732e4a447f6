"""The code of docs/add-an-annotator.md works as printed: it is cut out of the page, registered, and run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
PAGE = (REPOSITORY / "docs" / "add-an-annotator.md").read_text(encoding="utf-8")
NAMED_BLOCK = re.compile(r"^`(?P<path>[\w./-]+)`\n\n```\w+\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
FOLDER = "chroma-annotator"


def blocks(language: str) -> list[str]:
    """The page's unnamed code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def package(tmp_path_factory) -> Path:
    """The page's files, with the metadata that an installer would write beside them."""
    root = tmp_path_factory.mktemp("tutorial")
    for found in NAMED_BLOCK.finditer(PAGE):
        path = root / found["path"]
        path.parent.mkdir(exist_ok=True)
        path.write_text(found["code"], encoding="utf-8")
    folder = root / FOLDER
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    metadata = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    metadata.mkdir()
    facts = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (metadata / "METADATA").write_text(facts, encoding="utf-8")
    points = []
    for group, entries in project["entry-points"].items():
        points += [f"[{group}]", *(f"{name} = {target}" for name, target in entries.items())]
    (metadata / "entry_points.txt").write_text("\n".join(points) + "\n", encoding="utf-8")
    return folder


def python(package: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(package), str(REPOSITORY)])
    environment = os.environ | {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=package, env=environment, capture_output=True, text=True, check=False
    )


def test_the_page_shows_the_files_that_it_lists(package):
    listing = next(block for block in blocks("") if block.startswith(FOLDER))
    files = {path.name for path in package.iterdir() if path.is_file()}
    assert files == {line.strip() for line in listing.splitlines()[1:]}


def test_the_registry_finds_it_by_its_entry_point_without_importing_numpy(package):
    code = (
        "import sys; from imlbench.registry import resolve; entry = resolve('annotators', 'chroma');"
        "print(entry.package, entry.load().card.title, 'numpy' in sys.modules)"
    )
    done = python(package, "-c", code)
    assert (done.stdout.strip(), done.stderr) == ("chroma-annotator Chroma difference False", "")


def test_the_conformance_suite_prints_what_the_page_shows(package):
    code = (
        "import sys; from imlbench.conformance import check_registered; report = check_registered('chroma');"
        "print(report); sys.exit(not report.passed)"
    )
    done = python(package, "-c", code)
    assert (done.returncode, done.stderr) == (0, "")
    assert blocks("text") == [done.stdout]


def test_the_tests_of_the_page_pass(package):
    done = python(package, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_chroma_annotator.py")
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def test_the_commands_name_the_annotator_and_the_folder(package):
    commands = "".join(blocks("sh")).splitlines()
    assert commands[0].startswith("pip install ")
    assert commands[0].endswith(package.name)
    assert "imlbench check chroma" in commands
    assert any(
        command.startswith("imlbench annotate-eval ") and "--annotator chroma" in command for command in commands
    )
