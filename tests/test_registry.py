"""The registry: real packages on the path, clashes, broken ones, and names that are nearly right."""

from __future__ import annotations

import importlib
import random
import sys

import pytest

from imlbench import registry
from imlbench.errors import UserError
from tests.making_sets import write_package

TOY = "class Theirs:\n    card = None\n"


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Put a package on the path, as a third party would."""
    monkeypatch.syspath_prepend(str(tmp_path))
    registry.groups.cache_clear()

    def add(name, module=TOY, group="annotators", **entries):
        write_package(tmp_path, name, module, {key.replace("_", "-"): value for key, value in entries.items()}, group)
        importlib.invalidate_caches()
        registry.groups.cache_clear()

    yield add
    registry.groups.cache_clear()
    for name in [name for name in sys.modules if name.endswith("_package")]:
        del sys.modules[name]


def test_a_third_partys_entry_is_found_and_loaded(install):
    install("their_package", theirs="their_package:Theirs")
    entry = registry.resolve("annotators", "theirs")
    assert (entry.package, entry.target, entry.load().__name__) == ("their_package", "their_package:Theirs", "Theirs")


def test_two_packages_of_one_name_are_an_error_that_names_both(install):
    install("first_package", theirs="first_package:Theirs")
    install("second_package", theirs="second_package:Theirs")
    with pytest.raises(UserError) as caught:
        registry.resolve("annotators", "theirs")
    message = str(caught.value)
    assert message.startswith("annotator theirs is registered twice, by ")
    assert "first_package (first_package:Theirs)" in message
    assert "second_package (second_package:Theirs)" in message
    assert message.endswith("; uninstall one or rename it")


def test_a_name_of_ours_cannot_be_taken_over(install):
    install("their_package", pixdiff_0="their_package:Theirs")
    with pytest.raises(UserError, match=r"registered twice, by .*imlbench.*their_package|their_package.*imlbench"):
        registry.resolve("annotators", "pixdiff-0")
    assert registry.resolve("annotators", "pixdiff-10").package == "imlbench"


@pytest.mark.parametrize(
    ("module", "target", "reason"),
    [
        ("import no_such_module_at_all", "broken_package:Theirs", "ModuleNotFoundError: No module named"),
        ("raise RuntimeError('two\\nlines')", "broken_package:Theirs", "RuntimeError: two lines"),
        ("", "broken_package:Theirs", "AttributeError: module 'broken_package' has no attribute 'Theirs'"),
        ("this is no python", "broken_package:Theirs", "SyntaxError"),
        ("", "missing_package:Theirs", "ModuleNotFoundError"),
    ],
)
def test_an_entry_that_cannot_be_imported_is_one_line_naming_its_package(install, module, target, reason):
    install("broken_package", module, theirs=target)
    with pytest.raises(UserError) as caught:
        registry.resolve("annotators", "theirs").load()
    message = str(caught.value)
    assert message.startswith(f"theirs (registered by broken_package as {target}) cannot be loaded: {reason}")
    assert "\n" not in message


def test_groups_of_other_kinds_and_programs_are_passed_over(install):
    install("their_package", group="annotators.more", theirs="their_package:Theirs")
    install("other_package", group="sauces", theirs="other_package:Theirs")
    assert "theirs" not in registry.names("annotators")


def test_names_are_in_natural_order():
    names = ["pixdiff-0", "pixdiff-5", "pixdiff-10", "pixdiff-40", "pixdiff-exact", "ssim"]
    shuffled = random.Random(0).sample(names, len(names))
    assert sorted(shuffled, key=registry.natural_key) == names
    assert sorted(["b", "2", "10", "²", "a1²", "a1", ""], key=registry.natural_key)[:3] == ["", "2", "10"]
    assert registry.names("annotators") == sorted(registry.names("annotators"), key=registry.natural_key)


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("annotators", "pixdif-10", "unknown annotator 'pixdif-10': did you mean pixdiff-10"),
        ("datasets", "cocoglid", "unknown dataset 'cocoglid': did you mean cocoglide"),
        ("annotators", "zzzz", "unknown annotator 'zzzz': `imlbench list annotators` shows what there is"),
        ("annotators", "a\nb", "unknown annotator 'a b'"),
        ("annotators", "", "unknown annotator ''"),
    ],
)
def test_unknown_names_get_a_hint(kind, name, message):
    with pytest.raises(UserError) as caught:
        registry.resolve(kind, name)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_glob_that_matches_nothing_is_an_error_though_others_match():
    with pytest.raises(UserError, match=r"no annotator matches 'pixdif-\*': `imlbench list annotators` shows"):
        registry.match("annotators", ["pixdiff-*", "pixdif-*"])
