"""`imlbench datasets verify --pair-kinds` names the pairs that do not show the same content, aligned."""

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from imlbench.cli.main import app
from imlbench.datasets.folder import Folder
from imlbench.verification import Finding
from imlbench.verify import verify
from tests.annotating.making_pairs import edit, photograph


@pytest.fixture
def root(tmp_path):
    """Two edits and another picture."""
    pixels = photograph(0, 96)
    mask = np.zeros((96, 96), np.uint8)
    mask[20:60, 20:60] = 255
    for name, edited in (("a", edit(pixels)), ("b", edit(pixels, 3)), ("other", photograph(9, 96))):
        for role, image in (("original", pixels), ("edited", edited), ("mask", mask)):
            path = tmp_path / role / f"{name}.png"
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(image).save(path)
    return tmp_path


def test_what_is_not_aligned_is_warned_of(root):
    found = verify(Folder(root), workers=1, pair_kinds=True)
    assert dict(found.kinds) == {"spg": 2, "sdg": 1}
    (problem,) = found.warnings
    assert (problem.reason, problem.name) == (Finding.NOT_ALIGNED, "other")
    assert problem.message.startswith("pair kind sdg 0.")
    assert found.passed()
    assert ("pair kinds", "2 spg, 1 sdg") in found.facts()


def test_without_being_asked_nothing_is_told(root):
    found = verify(Folder(root), workers=1)
    assert (found.warnings, dict(found.kinds)) == ([], {})
    assert "pair_kinds" not in found.as_dict()


def test_the_command_prints_it(root):
    arguments = ["datasets", "verify", "folder", "--root", str(root), "--workers", "1", "--pair-kinds"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0
    assert "2 spg, 1 sdg" in done.stdout
    assert "not-aligned (1)" in done.stdout
    facts = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert facts["pair_kinds"] == {"spg": 2, "sdg": 1}
