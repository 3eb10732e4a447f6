"""Which weights an adapter is given, and how its card names them."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from imlbench.cards import Weight
from imlbench.errors import UserError
from imlbench.weights import locating, using
from imlbench.weights.entries import KnownFile, Source, WeightFile
from imlbench.weights.using import (
    file_here,
    files_here,
    given_files,
    given_weight,
    hash_of,
    known_weight,
    lacking_files,
    required_file,
    required_files,
    weights_of,
)

DATA = b"weights" * 100
SHA = hashlib.sha256(DATA).hexdigest()


def entry(name, *names, licence="MIT"):
    return WeightFile(
        name=name,
        title="Toy",
        licence=licence,
        licence_url="",
        source=Source.URL,
        origin="a page",
        files=tuple(KnownFile(one, len(DATA), SHA) for one in names),
        needed_by=("nothing",),
    )


ENTRIES = {one.name: one for one in (entry("one", "one.pth"), entry("two", "a.pth", "b.pth"))}


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    """The weights folder, of a machine with nothing else."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    monkeypatch.setenv("IMLBENCH_WEIGHTS", str(tmp_path / "weights"))
    for name in ("IMLBENCH_ONE", "IMLBENCH_TWO"):
        monkeypatch.delenv(name, raising=False)
    for module in (using, locating):
        monkeypatch.setattr(module, "catalogue", lambda: ENTRIES)
    return tmp_path / "weights"


def put(folder, *names, data=DATA):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(data)
    return tuple(folder / name for name in names)


def test_nothing_is_found_where_nothing_is(root):
    assert (file_here("one"), files_here("two")) == (None, ())
    assert lacking_files("one") == f"weights one: no file {root / 'one' / 'one.pth'}; " + (
        "imlbench weights get one, or imlbench weights get one --from FOLDER"
    )
    with pytest.raises(UserError) as caught:
        required_file("one")
    assert str(caught.value) == lacking_files("one")


def test_the_weights_folder_is_used_and_verified(root):
    (path,) = put(root / "one", "one.pth")
    assert file_here("one") == required_file("one") == path
    assert lacking_files("one") == ""
    path.write_bytes(b"another" * 100)
    # As large as the right one: only what reads it can tell.
    assert (file_here("one"), lacking_files("one")) == (path, "")
    with pytest.raises(UserError, match=f"expected SHA-256 {SHA}"):
        required_file("one")


def test_a_place_that_the_user_names_may_hold_any_weights(tmp_path, monkeypatch):
    (path,) = put(tmp_path / "mine", "mine.pth", data=b"my own")
    monkeypatch.setenv("IMLBENCH_ONE", str(path))
    assert file_here("one") == required_file("one") == path
    assert lacking_files("one") == ""


def test_a_place_that_is_named_and_empty_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("IMLBENCH_ONE", str(tmp_path / "nowhere.pth"))
    assert file_here("one") is None
    assert "IMLBENCH_ONE names this place" in lacking_files("one")
    with pytest.raises(UserError, match="IMLBENCH_ONE names this place"):
        required_file("one")


def test_several_files_are_there_together_or_not_at_all(root):
    first = put(root / "two", "a.pth")
    assert files_here("two") == ()
    assert "b.pth" in lacking_files("two")
    with pytest.raises(UserError, match=r"b\.pth"):
        required_files("two")
    both = (*first, *put(root / "two", "b.pth"))
    assert files_here("two") == required_files("two") == both
    assert lacking_files("two") == ""


def test_a_broken_config_file_leaves_the_card_readable():
    Path("imlbench.toml").write_text("[weights")
    assert (file_here("one"), files_here("two")) == (None, ())
    with pytest.raises(UserError):
        required_file("one")


def test_files_that_a_caller_names(tmp_path):
    both = put(tmp_path / "mine", "a.pth", "b.pth")
    assert given_files("two", tmp_path / "mine") == both
    assert given_files("one", str(both[0])) == both[:1]
    with pytest.raises(UserError, match=r"two: .*: expected a folder with a\.pth, b\.pth"):
        given_files("two", both[0])
    with pytest.raises(UserError, match=r"one: .*: expected the file one\.pth"):
        given_files("one", tmp_path / "mine")


def test_a_hash_is_of_what_is_there_now(tmp_path):
    (path,) = put(tmp_path, "x.pth")
    assert hash_of(path) == SHA
    assert hash_of(Path(os.path.relpath(path))) == SHA
    path.write_bytes(b"longer than before" * 100)
    assert hash_of(path) == hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(UserError, match="cannot be read"):
        hash_of(tmp_path / "nothing.pth")


def test_weights_on_a_card_have_the_entrys_licence_and_the_files_hash(root):
    files = put(root / "two", "a.pth", "b.pth")
    assert weights_of("two", files) == tuple(
        Weight(name=name, sha256=SHA, licence="MIT", source="a page") for name in ("a.pth", "b.pth")
    )
    assert weights_of("two", ()) == ()
    assert known_weight("one") == Weight(name="one", sha256=SHA, licence="MIT", source="a page")


def test_a_users_own_file_has_the_licence_that_the_user_knows_of(monkeypatch):
    assert given_weight("one", Path("x/one.pth"), "ab") == Weight(
        name="one.pth", sha256="ab", licence="MIT", source="a page"
    )
    own = {"licence": "the user's", "source": "named or trained by the user"}
    assert given_weight("one", Path("x/best.pth"), "ab") == Weight(name="best.pth", sha256="ab", **own)
    monkeypatch.setattr(using, "catalogue", lambda: {"one": entry("one", "one.pth", licence="own")})
    assert given_weight("one", Path("x/one.pth"), "ab") == Weight(name="one.pth", sha256="ab", **own)


def test_looking_imports_no_torch():
    code = "import sys; import imlbench.weights.using, imlbench.weights.carding, imlbench.weights.own;"
    code += " assert not {'torch', 'safetensors', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
