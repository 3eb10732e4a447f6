"""Where weights are looked for, and what is refused there."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from imlbench.errors import UserError
from imlbench.weights import catalogue, checking, locate, locating
from imlbench.weights.entries import KnownFile, Source, WeightFile
from imlbench.weights.places import key, place, variable, weights_root
from imlbench.weights.standing import State, standing

DATA = b"weights" * 100
SHA = "ab" * 32


def toy(source=Source.HUB, names=("w.pth", "config.json"), known=True, **changes):
    sha = hashlib.sha256(DATA).hexdigest() if known else None
    facts = {"title": "Toy", "licence": "MIT", "licence_url": "", "origin": "o/r", "needed_by": ("nothing",)}
    files = tuple(KnownFile(name, len(DATA) if known else None, sha) for name in names)
    return WeightFile(
        **{"name": "toy-1.5", "source": source, "files": files, "how": "pip install toy", **facts, **changes}
    )


@pytest.fixture(autouse=True)
def nothing_set(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("IMLBENCH_WEIGHTS", "IMLBENCH_TAEF2", "IMLBENCH_TOY_1_5"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def known(monkeypatch):
    """The catalogue holds one entry, that a test may choose."""

    def choose(entry):
        monkeypatch.setattr(locating, "catalogue", lambda: {entry.name: entry})
        return entry

    return choose


def fill(folder, names=("w.pth", "config.json"), data=DATA):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(data)
    return folder


def refusal(name="toy-1.5", root=None):
    with pytest.raises(UserError) as caught:
        locate(name, root)
    assert "\n" not in str(caught.value)
    return str(caught.value)


class TestPlaces:
    def test_the_users_cache_is_the_default(self, tmp_path):
        assert weights_root() == tmp_path / "cache" / "imlbench" / "weights"

    def test_the_variable_wins_over_the_config_file(self, tmp_path, monkeypatch):
        Path("imlbench.toml").write_text('[weights]\nroot = "models"\n')
        assert weights_root() == tmp_path / "models"
        monkeypatch.setenv("IMLBENCH_WEIGHTS", str(tmp_path / "other"))
        assert weights_root() == tmp_path / "other"
        assert weights_root(Path("given")) == tmp_path / "given"

    def test_a_root_that_is_no_text_is_told(self):
        Path("imlbench.toml").write_text("[weights]\nroot = 3\n")
        with pytest.raises(UserError, match="expected a line such as root"):
            weights_root()

    def test_names_of_keys_and_variables(self):
        assert key("sam2.1-hiera-small") == "sam2_1_hiera_small"
        assert variable("taef2") == "IMLBENCH_TAEF2"
        assert len({key(name) for name in catalogue()} - {"root", "weights"}) == len(catalogue())

    def test_an_entry_of_its_own_place(self, tmp_path, monkeypatch):
        Path("imlbench.toml").write_text('[weights]\ntoy_1_5 = "mine"\n')
        assert place(toy()).folder == tmp_path / "mine"
        assert place(toy()).named_by == "[weights] toy_1_5"
        monkeypatch.setenv("IMLBENCH_TOY_1_5", str(tmp_path / "file.pth"))
        assert place(toy(names=("w.pth",))).path == tmp_path / "file.pth"
        assert place(toy(names=("w.pth",))).named_by == "IMLBENCH_TOY_1_5"
        assert place(toy(), tmp_path / "root").folder == tmp_path / "root" / "toy-1.5"


class TestLocate:
    def test_a_folder_of_files_and_a_single_file(self, tmp_path, known):
        folder = fill(tmp_path / "root" / "toy-1.5")
        known(toy())
        assert locate("toy-1.5", tmp_path / "root") == folder
        known(toy(names=("w.pth",)))
        assert locate("toy-1.5", tmp_path / "root") == folder / "w.pth"

    def test_a_missing_file_is_named_with_what_to_do(self, tmp_path, known):
        known(toy())
        fill(tmp_path / "toy-1.5", ("w.pth",))
        said = refusal(root=tmp_path)
        assert str(tmp_path / "toy-1.5" / "config.json") in said
        assert "imlbench weights get toy-1.5, or imlbench weights get toy-1.5 --from FOLDER" in said

    def test_wrong_files_are_refused(self, tmp_path, known):
        known(toy())
        folder = fill(tmp_path / "toy-1.5")
        (folder / "w.pth").write_bytes(b"x" * len(DATA))
        assert "(published), found" in refusal(root=tmp_path)
        (folder / "w.pth").write_bytes(DATA[:-1])
        assert "expected 700 bytes, found 699: a truncated file" in refusal(root=tmp_path)
        (folder / "w.pth").unlink()
        (folder / "w.pth").mkdir()
        assert "expected a file, found a folder" in refusal(root=tmp_path)
        (folder / "w.pth").rmdir()
        os.mkfifo(folder / "w.pth")
        assert "no file" in refusal(root=tmp_path)

    def test_a_file_is_hashed_once_for_each_change(self, tmp_path, known, monkeypatch):
        known(toy(names=("w.pth",)))
        path = fill(tmp_path / "toy-1.5", ("w.pth",)) / "w.pth"
        hashed = []
        real = checking.digest
        monkeypatch.setattr(checking, "digest", lambda *told: hashed.append(told[0]) or real(*told))
        for _ in range(3):
            locate("toy-1.5", tmp_path)
        assert hashed == [path]
        os.utime(path, ns=(1, 1))
        locate("toy-1.5", tmp_path)
        assert hashed == [path, path]
        (tmp_path / "verified.json").write_text("[")
        locate("toy-1.5", tmp_path)
        assert hashed == [path] * 3

    def test_a_wrong_file_stays_wrong_when_its_hash_is_remembered(self, tmp_path, known):
        known(toy(names=("w.pth",)))
        fill(tmp_path / "toy-1.5", ("w.pth",), b"x" * len(DATA))
        assert refusal(root=tmp_path) == refusal(root=tmp_path)

    def test_a_place_that_the_user_names_is_told(self, tmp_path, known, monkeypatch):
        known(toy())
        monkeypatch.setenv("IMLBENCH_TOY_1_5", str(tmp_path / "mine"))
        assert "IMLBENCH_TOY_1_5 names this place: put w.pth, config.json there" in refusal()
        fill(tmp_path / "mine")
        assert locate("toy-1.5") == tmp_path / "mine"

    def test_the_folder_of_taef2_that_perturbations_use_counts(self, tmp_path, monkeypatch):
        monkeypatch.setenv("IMLBENCH_TAEF2", str(fill(tmp_path / "t", ("taef2_encoder.pth", "taef2_decoder.pth"))))
        assert "expected 2,704,692 bytes, found 700" in refusal("taef2")

    def test_recorded_hashes_count(self, tmp_path, known):
        known(toy(names=("w.pth",), known=False))
        path = fill(tmp_path / "toy-1.5", ("w.pth",)) / "w.pth"
        assert locate("toy-1.5", tmp_path) == path
        checking.write_pins(path.parent, {"w.pth": {"sha256": SHA}})
        assert "(recorded at the first get), found" in refusal(root=tmp_path)

    def test_unknown_names_get_a_hint(self):
        assert "did you mean dinov2-base" in refusal("dinov2-bse")
        assert "dinov2-base or dinov2-small" in refusal("dino")
        assert "weights list" in refusal("x\ny" * 100)

    def test_unpublished_weights_say_so(self, tmp_path):
        assert "nobody has published them: train them" in refusal("sigma", tmp_path)


class TestPackages:
    def test_a_package_that_is_not_installed_says_pip(self, known):
        known(toy(Source.PACKAGE, names=("models/w.pth",), package="no_such_package_here"))
        assert refusal().endswith("pip install toy")

    def test_an_installed_package_is_not_imported(self, tmp_path, known, monkeypatch):
        package = fill(tmp_path / "site" / "toy_package" / "models", ("w.pth",)).parent
        (package / "__init__.py").write_text("raise RuntimeError('imported')")
        monkeypatch.syspath_prepend(str(tmp_path / "site"))
        entry = known(toy(Source.PACKAGE, names=("models/w.pth",), package="toy_package"))
        assert locate("toy-1.5") == package / "models" / "w.pth"
        assert standing(entry).state is State.VERIFIED

    def test_efficientnet_lite0_is_verified_in_its_package(self):
        assert locate("efficientnet-lite0").name == "efficientnet-lite0-57934424.pth"


class TestStanding:
    def test_states(self, tmp_path):
        entry = toy()
        assert standing(entry, tmp_path).state is State.MISSING
        folder = fill(tmp_path / entry.name)
        assert standing(entry, tmp_path).state is State.PRESENT
        assert standing(entry, tmp_path, rehash=True).state is State.VERIFIED
        assert standing(entry, tmp_path).state is State.VERIFIED
        (folder / "w.pth").write_bytes(b"x" * len(DATA))
        assert standing(entry, tmp_path).state is State.PRESENT
        wrong = standing(entry, tmp_path, rehash=True)
        assert wrong.state is State.WRONG
        assert "(published), found" in wrong.files[0].reason
        assert wrong.files[1].state is State.VERIFIED

    def test_rehashing_sees_through_an_unchanged_time(self, tmp_path):
        entry = toy(names=("w.pth",))
        path = fill(tmp_path / entry.name, ("w.pth",)) / "w.pth"
        standing(entry, tmp_path, rehash=True)
        before = path.stat()
        path.write_bytes(b"x" * len(DATA))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert standing(entry, tmp_path, rehash=True).state is State.WRONG

    def test_a_hash_that_nobody_knows(self, tmp_path):
        entry = toy(names=("w.pth",), known=False)
        fill(tmp_path / entry.name, ("w.pth",))
        there = standing(entry, tmp_path, rehash=True)
        assert (there.state, there.hash_known) == (State.PRESENT, "hash unknown: recorded at the first get")
