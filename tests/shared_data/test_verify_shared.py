"""`imlbench datasets verify` and `inspect` on real copies of the published sets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from imlbench.cli.datasets import datasets_app

DATA = Path(__file__).parents[2].parent / "shared" / "data"

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not DATA.is_dir(), reason="the private data folder shared/data is not beside the project"),
]


def test_verify_finds_two_triples_of_deal300k():
    result = CliRunner().invoke(datasets_app, ["verify", "deal300k", "--root", str(DATA / "DEAL-300K")])
    assert result.exit_code == 0
    assert "subset: 2 of 221,097 published samples" in result.stdout
    assert "no defects, no warnings" in result.stdout


def test_verify_finds_cocoglide_complete_and_composited():
    arguments = ["verify", "cocoglide", "--root", str(DATA / "CoCoGlide"), "--strict", "--json"]
    result = CliRunner().invoke(datasets_app, arguments)
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert (found["completeness"], found["checked"], found["composited"]) == ("complete", 512, found["compared"])
    assert found["defects"] == found["warnings"] == []


def test_inspect_draws_deal300k(tmp_path):
    out = tmp_path / "sheet.png"
    arguments = ["inspect", "deal300k", "--root", str(DATA / "DEAL-300K"), "-o", str(out)]
    assert CliRunner().invoke(datasets_app, arguments).exit_code == 0
    with Image.open(out) as sheet:
        assert sheet.width > 1000
