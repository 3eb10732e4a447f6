"""Where the roots of datasets come from when the command line names none."""

from __future__ import annotations

from pathlib import Path

import pytest

from imlbench.config import config_files, data_root, read_toml
from imlbench.errors import UserError


@pytest.fixture(autouse=True)
def nothing_set(tmp_path, monkeypatch):
    """No variable, no file, a home of its own."""
    for name in ("IMLBENCH_DATA_ROOT", "IMLBENCH_DATA_ROOT_BR_GEN", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


def test_nothing_set_names_the_ways_to_set_it():
    expected = "br-gen: no data root; give --data-root DIR, set IMLBENCH_DATA_ROOT_BR_GEN, or add it to imlbench.toml"
    with pytest.raises(UserError) as caught:
        data_root("br-gen")
    assert str(caught.value) == expected
    with pytest.raises(UserError) as caught:
        data_root("br-gen", "--root")
    assert str(caught.value) == expected.replace("--data-root", "--root")


def test_the_order_is_own_variable_then_file_then_common_variable(monkeypatch):
    monkeypatch.setenv("IMLBENCH_DATA_ROOT", "/common")
    assert data_root("br-gen") == Path("/common/br-gen")
    Path("imlbench.toml").write_text('[data_roots]\nbr-gen = "/file"\n')
    assert data_root("br-gen") == Path("/file")
    assert data_root("cocoglide") == Path("/common/cocoglide")
    monkeypatch.setenv("IMLBENCH_DATA_ROOT_BR_GEN", "/own")
    assert data_root("br-gen") == Path("/own")
    monkeypatch.setenv("IMLBENCH_DATA_ROOT_BR_GEN", "")
    assert data_root("br-gen") == Path("/file")


def test_roots_in_a_file_are_relative_to_it_and_know_the_home(tmp_path):
    folder = tmp_path / "home" / ".config" / "imlbench"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(
        '[data_roots]\nbr-gen = "sets/br"\ncocoglide = "~/coco"\nx = "~nobody-here/x"\n'
    )
    assert data_root("br-gen") == folder / "sets" / "br"
    assert data_root("cocoglide") == tmp_path / "home" / "coco"
    assert data_root("x") == folder / "~nobody-here" / "x"


def test_the_file_in_the_current_folder_hides_the_one_at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    (tmp_path / "xdg" / "imlbench").mkdir(parents=True)
    (tmp_path / "xdg" / "imlbench" / "config.toml").write_text('[data_roots]\nbr-gen = "/xdg"\n')
    assert data_root("br-gen") == Path("/xdg")
    Path("imlbench.toml").write_text('[data_roots]\nbr-gen = "/here"\n')
    assert data_root("br-gen") == Path("/here")


def test_a_user_without_a_home_is_no_error(monkeypatch):
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", lambda _: {}["no such user"])
    assert config_files()[1].name == "config.toml"
    with pytest.raises(UserError, match="no data root"):
        data_root("br-gen")


@pytest.mark.parametrize("text", ["data_roots = 3", "[data_roots]\nbr-gen = 3", "[data_roots]\nbr-gen = ['/a']"])
def test_something_else_than_a_folder_is_named(text):
    Path("imlbench.toml").write_text(text)
    with pytest.raises(
        UserError, match=r'^imlbench.toml: \[data_roots\]: expected a line such as br-gen = "/data/br-gen"'
    ):
        data_root("br-gen")


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"[data_roots", "not a TOML file: "), (b"a = '\xff'", "not a TOML file: "), (b"\0", "not a TOML file: ")],
)
def test_a_file_that_is_not_toml_is_named(content, message):
    Path("imlbench.toml").write_bytes(content)
    with pytest.raises(UserError, match=f"^imlbench.toml: {message}"):
        data_root("br-gen")


def test_a_missing_file_or_a_folder_is_one_line(tmp_path):
    with pytest.raises(UserError, match=r"nowhere.toml: cannot be read \(No such file or directory\)"):
        read_toml(tmp_path / "nowhere.toml")
    with pytest.raises(UserError, match=r"cannot be read \(Is a directory\)"):
        read_toml(tmp_path)
