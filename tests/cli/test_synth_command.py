"""`imlbench synth`: what is printed, the options, and clear refusals."""

from __future__ import annotations

import json

import pytest

from tests.making_sets import imlbench
from tests.synthesis.making_photographs import make_photographs


@pytest.fixture
def photos(tmp_path):
    return make_photographs(tmp_path / "photos", 3, tmp_path / "labels")


def test_a_set_is_made_and_told(photos, tmp_path):
    out = tmp_path / "set"
    done = imlbench("synth", "--photos", photos, "-o", out, "--count", 3, "--side", "96-128", "--kinds", "text,removal")
    assert done.code == 0
    assert "3 pairs (3 made now) from 3 photographs" in done.out
    facts = json.loads((out / "set.json").read_bytes())
    assert set(facts["recipe"]["kinds"]) == {"text", "removal"}
    assert facts["side"] == [96, 128]


def test_json_tells_the_facts(photos, tmp_path):
    labels = ("--polygons", tmp_path / "labels")
    done = imlbench("synth", "--photos", photos, *labels, "-o", tmp_path / "set", "--count", 2, "--side", 128, "--json")
    facts = json.loads(done.out)
    assert (facts["pairs"], facts["made"], facts["polygons"]) == (2, 2, 3)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--side", "big"], "--side: expected pixels"),
        (["--side", "5000"], "--side: expected pixels from 64"),
        (["--kinds", "remov"], "did you mean removal"),
        (["--count", "0"], "expected at least 1"),
        (["--recipe", "missing.toml"], "missing.toml: cannot be read"),
        (["--vae", "sd"], "--vae: expected taef2"),
        (["--exclude", "nowhere"], "--exclude: no such folder"),
        (["--polygons", "nowhere"], "--polygons: no such folder"),
    ],
)
def test_wrong_options_are_refused_in_one_line(photos, tmp_path, options, expected):
    done = imlbench("synth", "--photos", photos, "-o", tmp_path / "set", "--count", 1, *options)
    assert done.code == 2
    assert expected in done.err
    assert len(done.err.splitlines()) == 1
    assert not (tmp_path / "set").exists()


def test_missing_weights_are_told_before_anything_is_written(photos, tmp_path, monkeypatch):
    monkeypatch.delenv("IMLBENCH_TAEF2", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    done = imlbench("synth", "--photos", photos, "-o", tmp_path / "set", "--count", 1, "--vae", "taef2")
    assert (done.code, len(done.err.splitlines())) == (2, 1)
    assert "IMLBENCH_TAEF2" in done.err
    assert not (tmp_path / "set").exists()
