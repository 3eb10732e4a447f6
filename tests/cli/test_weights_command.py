"""`imlbench weights list | get | verify | path`."""

from __future__ import annotations

import hashlib
import json
import sys

import pytest
from typer.testing import CliRunner

from imlbench.cli.weights import weights_app
from imlbench.errors import UserError
from imlbench.weights import catalogue
from tests.making_sets import finish, imlbench, start

DATA = b"trained" * 50
SHA = hashlib.sha256(DATA).hexdigest()
HEAVY = ("torch", "transformers", "huggingface_hub", "safetensors", "numpy")


@pytest.fixture(autouse=True)
def nothing_set(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    monkeypatch.setenv("IMLBENCH_WEIGHTS", str(tmp_path / "root"))
    for name in ("IMLBENCH_TAEF2", "IMLBENCH_SIGMA", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)


def run(*arguments):
    result = CliRunner().invoke(weights_app, [str(argument) for argument in arguments])
    if isinstance(result.exception, UserError):
        raise result.exception
    return result


@pytest.fixture
def trained(tmp_path):
    path = tmp_path / "best.safetensors"
    path.write_bytes(DATA)
    return path


def test_list_names_every_entry_with_its_facts():
    lines = run("list").stdout.splitlines()
    assert lines[0].split("\t") == ["name", "state", "size", "sha-256", "licence", "source", "needed by"]
    assert [line.split("\t")[0] for line in lines[1:]] == list(catalogue())
    cells = lines[3].split("\t")
    assert cells[3] == catalogue()["dinov2-base"].sha256
    assert cells[5] == "hub: facebook/dinov2-base"
    own = next(line for line in lines if line.startswith("sigma\t"))
    assert own.split("\t")[:4] == ["sigma", "missing", "unknown", "hash unknown"]
    rows = {row["name"]: row for row in json.loads(run("list", "--json").stdout)}
    assert rows["taef2"]["state"] == "missing"
    assert rows["taef2"]["size"] == 5409448
    assert rows["dinov2-base"]["licence"] == "Apache-2.0"
    assert rows["efficientnet-lite0"]["source"] == "package"
    assert rows["sigma"]["hash"] == "hash unknown: recorded at the first get"
    assert [file["name"] for file in rows["taef2"]["files"]] == ["taef2_encoder.pth", "taef2_decoder.pth"]


def test_get_from_a_file_verify_and_path(tmp_path, trained):
    out = run("get", "sigma", "--from", trained).stdout
    place = tmp_path / "root" / "sigma" / "sigma.safetensors"
    assert f"{place}: fetched, 350 bytes, SHA-256 {SHA}" in out
    assert "its hash was unknown: this one is recorded" in out
    assert run("path", "sigma").stdout == f"{place}\n"
    assert run("verify", "sigma").stdout == "sigma: verified\n"
    row = next(row for row in json.loads(run("list", "--json").stdout) if row["name"] == "sigma")
    assert row["state"] == "verified"
    assert row["hash"].startswith("recorded 2")
    assert row["files"][0]["pinned"]["sha256"] == SHA


def test_verify_finds_what_was_changed(tmp_path, trained):
    run("get", "sigma", "--from", trained)
    (tmp_path / "root" / "sigma" / "sigma.safetensors").write_bytes(DATA[::-1])
    for arguments in (["verify"], ["verify", "sigma"]):
        result = run(*arguments)
        assert result.exit_code == 1
        assert "sigma: wrong" in result.stdout
        assert f"expected SHA-256 {SHA} (recorded at the first get)" in result.stdout
    rows = json.loads(run("verify", "--json").stdout)
    assert {row["name"]: row["state"] for row in rows}["sigma"] == "wrong"


def test_verify_of_what_is_missing_fails_only_where_it_is_named():
    assert run("verify").exit_code == 0
    result = run("verify", "taef2")
    assert (result.exit_code, result.stdout) == (1, "taef2: missing\n")


def test_root_is_taken_from_the_option(tmp_path, trained):
    run("get", "sigma", "--from", trained, "--root", tmp_path / "other")
    assert run("path", "sigma", "--root", tmp_path / "other").stdout.startswith(str(tmp_path / "other"))
    with pytest.raises(UserError, match="no file"):
        run("path", "sigma")


def test_errors_are_one_line_and_exit_with_2(tmp_path, trained):
    for arguments, said in (
        (("get", "sigma"), "nobody has published them: train them"),
        (("get", "nothing"), "there are no weights named 'nothing'"),
        (("path", "taef2"), "imlbench weights get taef2"),
        (("get", "taef2", "--from", str(tmp_path / "none")), "no such file or folder"),
    ):
        done = imlbench("weights", *arguments)
        assert done.code == 2
        assert said in done.err
        assert len(done.err.splitlines()) == 1


def test_get_where_the_user_names_a_place_says_so(tmp_path, trained, monkeypatch):
    monkeypatch.setenv("IMLBENCH_SIGMA", str(trained))
    assert run("path", "sigma").stdout == f"{trained}\n"
    with pytest.raises(UserError, match="IMLBENCH_SIGMA names this place"):
        run("get", "sigma", "--from", trained)


@pytest.mark.parametrize("arguments", [("--help",), ("list",), ("list", "--json"), ("get", "--help")])
def test_nothing_heavy_is_imported(arguments):
    imported = f"print(*(name for name in {HEAVY} if name in sys.modules), file=sys.stderr)"
    code = f"import sys, atexit\natexit.register(lambda: {imported})\nfrom imlbench.cli.main import main\nmain()\n"
    done = finish(start("weights", *arguments, code=(sys.executable, "-c", code)))
    assert (done.code, done.err.strip()) == (0, "")
    assert done.out
