"""docs/annotate-corpus.md and docs/export.md say what is: their code runs, their options are the commands'."""

from __future__ import annotations

import functools
import importlib.util
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from imlbench.annotating.rows import SCHEMA
from imlbench.corpora.vocabulary import EDIT_TYPES
from imlbench.exporting.formats import WRITERS
from tests.exporting.making_annotations import make_both, plain_pairs
from tests.making_sets import REPOSITORY, imlbench

ANNOTATE, EXPORT = ((REPOSITORY / "docs" / f"{name}.md").read_text() for name in ("annotate-corpus", "export"))
SEEN = """
import numpy
image, mask = numpy.asarray(image), numpy.asarray(mask)
assert mask.any() and not mask.all() and image.any(), (image.shape, mask.shape)
"""
"""Put behind a page's code, which ends with an edited image and its mask."""


def section(page: str, heading: str) -> str:
    """What stands below a heading, up to the next one of its rank or a higher one."""
    rank = heading.count("#")
    found = re.search(rf"^{re.escape(heading)}\n(.*?)(?=^#{{1,{rank}}} |\Z)", page, re.MULTILINE | re.DOTALL)
    assert found, heading
    return found[1]


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def code_of(layout: str) -> str:
    """The code that loads a format."""
    (code,) = blocks(section(EXPORT, f"### {layout}"), "python")
    return code


def is_installed(code: str) -> bool:
    """Whether every package that the code imports is there."""
    packages = re.findall(r"^(?:from|import) (\w+)", code, re.MULTILINE)
    # A folder of tests called like a package is found too where its parent can be imported from, but has no origin.
    return all(spec and spec.origin for spec in map(importlib.util.find_spec, packages))


LOADABLE = [layout for layout in WRITERS if is_installed(code_of(layout))]
"""The formats whose programs are installed; imlbench's own is one of them."""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_both(tmp_path_factory.mktemp("made"), plain_pairs(6))


def python(code: str, folder: Path) -> str:
    """What the code prints, run in a process of its own."""
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "HF_HOME": str(folder / "cache"), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_imlbenchs_own_format_is_among_those_that_are_loaded():
    assert "folder" in LOADABLE


@pytest.mark.parametrize("layout", LOADABLE)
def test_the_code_of_the_page_loads_the_format(made, tmp_path, layout):
    arguments = ("--root", made.corpus, "--format", layout, "--authentic", "0.5", "--out", tmp_path / "training")
    done = imlbench("export", made.annotation, *arguments)
    assert done.code == 0, done.err
    python(code_of(layout) + SEEN, tmp_path)


def test_the_code_of_the_page_reads_an_annotation(made, tmp_path):
    os.symlink(made.annotation, tmp_path / "annotation")
    (code,) = blocks(ANNOTATE, "python")
    assert python(code, tmp_path).startswith("6 invert the box 0.16")


COMMANDS = [
    shlex.split(line, comments=True)
    for page in (ANNOTATE, EXPORT)
    for block in blocks(page, "sh")
    for line in block.replace("\\\n", " ").splitlines()
    if "imlbench " in line
]


def words_of(command: list[str]) -> list[str]:
    """The command's own words: "imlbench", and the environment before it, left out."""
    start = command.index("imlbench") + 1
    return command[start : start + (2 if command[start] in ("corpus", "report", "datasets") else 1)]


@functools.cache
def options_of(*words: str) -> set[str]:
    """The options that a command's help lists; what its texts name besides does not count."""
    done = imlbench(*words, "--help")
    assert done.code == 0, done.err
    listed = re.findall(r"^│[ *]{1,5}(--[a-z-]+)(?: +-\w)?(?: +(--[a-z-]+) )?", done.out, re.MULTILINE)
    return {option for line in listed for option in line if option} - {"--help"}


def test_there_are_commands_on_the_pages():
    assert len(COMMANDS) > 10


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_of_the_pages_has_the_options_that_it_is_given(command):
    given = {word for word in command if word.startswith("--")}
    assert given <= options_of(*words_of(command))


@pytest.mark.parametrize(
    ("page", "heading", "words"),
    [
        (ANNOTATE, "## Options", ("annotate-corpus",)),
        (ANNOTATE, "## The report", ("report", "corpus")),
        (EXPORT, "## Options", ("export",)),
    ],
)
def test_a_table_of_options_is_complete_and_has_no_others(page, heading, words):
    rows = re.findall(r"^\| (`--.*?) \|", section(page, heading), re.MULTILINE)
    assert set(re.findall(r"--[a-z][a-z-]*", " ".join(rows))) == options_of(*words)


def test_the_columns_of_the_page_are_the_annotations_in_their_order():
    table = section(ANNOTATE, "## The output")
    rows = re.findall(r"^\| (`[a-z_0-9`, ]+) \| ([a-z]+)", table, re.MULTILINE)
    named = [(name, kind) for names, kind in rows for name in re.findall(r"`(\w+)`", names)]
    assert [name for name, _ in named] == SCHEMA.names
    # The one line of two types says the first one first.
    words = {pa.string(): "text", pa.int64(): "text", pa.binary(): "bytes", pa.float64(): "number"}
    assert dict(named) == {field.name: words.get(field.type, "integer") for field in SCHEMA}


def test_the_edit_types_of_the_page_are_the_vocabularys():
    listed = section(ANNOTATE, "### Edit types").split("\n\n")[1]
    assert re.findall(r"[a-z-]+", listed.split(";")[0]) == list(EDIT_TYPES)
