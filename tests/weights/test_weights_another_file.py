"""A second, different file is refused in one line, not passed over; --force takes it where no hash is published."""

import hashlib
import json

import pytest
from typer.testing import CliRunner

from imlbench import weights as weights_module
from imlbench.cli.main import app
from imlbench.errors import UserError
from imlbench.weights.entries import KnownFile, Source, WeightFile
from imlbench.weights.getting import get

FIRST, SECOND = b"first" * 100, b"other" * 100


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def toy(source=Source.PAGE, published=False) -> WeightFile:
    known = KnownFile("w.pth", len(FIRST), sha(FIRST)) if published else KnownFile("w.pth")
    return WeightFile(
        name="toy",
        title="a toy",
        licence="MIT",
        licence_url="",
        source=source,
        origin="a page",
        files=(known,),
        needed_by=("me",),
        how="fetch it by hand",
    )


@pytest.fixture
def files(tmp_path):
    paths = tmp_path / "first.pth", tmp_path / "second.pth"
    for path, data in zip(paths, (FIRST, SECOND), strict=True):
        path.write_bytes(data)
    return paths


def kept(root) -> bytes:
    return (root / "toy" / "w.pth").read_bytes()


def test_another_file_is_refused_and_the_first_one_stays(files, tmp_path):
    first, second = files
    get(toy(), first, tmp_path / "root")
    with pytest.raises(UserError) as caught:
        get(toy(), second, tmp_path / "root")
    message = str(caught.value)
    assert message.count("\n") == 0
    assert all(
        part in message for part in (str(second), sha(FIRST), sha(SECOND), "recorded at the first get", "--force")
    )
    assert kept(tmp_path / "root") == FIRST


def test_the_same_file_again_is_already_there(files, tmp_path):
    get(toy(), files[0], tmp_path / "root")
    (one,) = get(toy(), files[0], tmp_path / "root")
    assert (one.fetched, one.pinned, one.sha256) == (False, False, sha(FIRST))


def test_force_takes_the_new_file_and_records_it(files, tmp_path):
    first, second = files
    get(toy(), first, tmp_path / "root")
    (one,) = get(toy(), second, tmp_path / "root", force=True)
    assert (one.fetched, one.pinned, kept(tmp_path / "root")) == (True, True, SECOND)
    record = json.loads((tmp_path / "root" / "toy" / "pinned.json").read_text())["w.pth"]
    assert (record["sha256"], record["source"]) == (sha(SECOND), str(second))
    with pytest.raises(UserError, match="recorded at the first get"):
        get(toy(), first, tmp_path / "root")


@pytest.mark.parametrize("force", [False, True])
def test_a_published_hash_cannot_be_forced(files, tmp_path, force):
    get(toy(published=True), files[0], tmp_path / "root")
    with pytest.raises(UserError, match=r"as published; nothing was changed$"):
        get(toy(published=True), files[1], tmp_path / "root", force=force)
    assert kept(tmp_path / "root") == FIRST


def test_what_the_user_trains_anew_replaces_what_was_trained_before(files, tmp_path):
    for path, data in zip(files, (FIRST, SECOND), strict=True):
        (one,) = get(toy(Source.OWN), path, tmp_path / "root")
        assert (one.pinned, kept(tmp_path / "root")) == (True, data)


def test_the_command_says_it_in_one_line(files, tmp_path, monkeypatch):
    monkeypatch.setattr(weights_module, "catalogue", lambda: {"toy": toy()})
    root = tmp_path / "root"

    def run(*arguments):
        return CliRunner().invoke(app, ["weights", "get", "toy", "--root", str(root), *map(str, arguments)])

    assert run("--from", files[0]).exit_code == 0
    refused = run("--from", files[1])
    assert isinstance(refused.exception, UserError)
    assert kept(root) == FIRST
    done = run("--from", files[1], "--force")
    assert done.exit_code == 0
    assert "its hash was unknown: this one is recorded" in done.output
    assert kept(root) == SECOND
