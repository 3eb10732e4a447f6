"""Weight files of this project's own training: written whole or not at all, and read as what anyone may have made."""

from __future__ import annotations

import hashlib
import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from imlbench.errors import UserError
from imlbench.weights.own import entry_of, expect_version, fitting, naming, not_finite, portable, write_own

STATE = {"b.weight": torch.arange(6.0).reshape(2, 3), "a.count": torch.tensor(7)}
VALUES = {"version": 1, "facts": {"seed": 0}, "config": {"widths": [1, 2]}}


def test_what_is_written_is_read_again(tmp_path):
    path = tmp_path / "x.safetensors"
    digest = write_own(path, STATE, VALUES)
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert entry_of(path) == VALUES
    found = load_file(path)
    assert {name: value.dtype for name, value in found.items()} == {"a.count": torch.int64, "b.weight": torch.float32}
    assert all(torch.equal(found[name], value) for name, value in STATE.items())
    with safe_open(path, "pt") as file:
        assert file.metadata() == {"imlbench": json.dumps(VALUES, sort_keys=True)}


def test_equal_content_gives_equal_files_in_whatever_order(tmp_path):
    first = write_own(tmp_path / "a.safetensors", STATE, VALUES)
    other = write_own(tmp_path / "b.safetensors", dict(reversed(STATE.items())), dict(reversed(VALUES.items())))
    assert first == other
    assert write_own(tmp_path / "c.safetensors", STATE, {**VALUES, "version": 2}) != first


def test_a_file_is_replaced(tmp_path):
    path = tmp_path / "x.safetensors"
    path.write_text("before")
    write_own(str(path), STATE, VALUES)
    assert entry_of(path) == VALUES
    assert [one.name for one in tmp_path.iterdir()] == ["x.safetensors"]


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_what_cannot_be_a_file_is_not_written(tmp_path, bad):
    with pytest.raises(UserError, match=r"expected a name that ends in \.safetensors"):
        write_own(tmp_path / "x.pth", STATE, VALUES)
    with pytest.raises(ValueError, match="facts must be JSON"):
        write_own(tmp_path / "x.safetensors", STATE, {"facts": object()})
    with pytest.raises(ValueError, match="JSON compliant"):
        write_own(tmp_path / "x.safetensors", STATE, {"facts": bad})
    state = {**STATE, "c": torch.tensor([0.0, bad])}
    with pytest.raises(ValueError, match="c: expected finite weights, found NaN or infinity; nothing is saved"):
        write_own(tmp_path / "x.safetensors", state, VALUES)
    assert not list(tmp_path.iterdir())


def test_the_first_weight_that_is_not_finite_is_named():
    wrong = torch.tensor(torch.nan)
    assert not_finite(STATE) == ""
    assert not_finite({"z": wrong, **STATE, "b": wrong}) == "b"


def test_weights_travel_as_float32_or_whole_numbers_in_memory_of_their_own():
    half = torch.ones(2, 3, dtype=torch.float16, requires_grad=True).T
    found = portable(half)
    assert (found.dtype, found.is_contiguous(), found.requires_grad) == (torch.float32, True, False)
    assert portable(torch.tensor([1.5], dtype=torch.float64)).dtype == torch.float32
    assert portable(torch.tensor([1], dtype=torch.int16)).dtype == torch.int16
    value = torch.zeros(2)
    portable(value)[:] = 1
    assert not value.any()


def test_shared_and_strided_tensors_can_be_written(tmp_path):
    value = torch.arange(6.0).reshape(2, 3)
    write_own(tmp_path / "x.safetensors", {"a": value, "b": value.T}, VALUES)
    assert torch.equal(load_file(tmp_path / "x.safetensors")["b"], value.T)


@pytest.mark.parametrize("metadata", [None, {}, {"other": "1"}, {"imlbench": "[1]"}, {"imlbench": "3"}])
def test_a_file_without_such_an_object_says_nothing(tmp_path, metadata):
    save_file({"x": torch.zeros(1)}, tmp_path / "x.safetensors", metadata)
    assert entry_of(tmp_path / "x.safetensors") == {}


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"\x00" * 8, b"\xff" * 64, b"\x02\x00\x00\x00\x00\x00\x00\x00[]", b"\x10\x00\x00\x00\x00\x00\x00\x00{}"),
        (20).to_bytes(8, "little") + b'{"__metadata__": 17}',
        (35).to_bytes(8, "little") + b'{"__metadata__": {"imlbench": 1700}}',
        (200_000).to_bytes(8, "little") + b"[" * 200_000,
    ],
)
def test_hostile_bytes_are_told_in_one_line(tmp_path, content):
    (tmp_path / "x.safetensors").write_bytes(content)
    with pytest.raises(UserError, match="truncated, damaged or no weight file") as caught:
        entry_of(tmp_path / "x.safetensors")
    assert "\n" not in str(caught.value)


def test_another_ending_a_folder_or_nothing_is_told(tmp_path):
    (tmp_path / "x.safetensors").mkdir()
    with pytest.raises(UserError, match=r"ends in \.safetensors"):
        entry_of(tmp_path / "x.pth")
    for name in ("x.safetensors", "y.safetensors"):
        with pytest.raises(UserError, match="no such weight file"):
            entry_of(tmp_path / name)


def test_another_version_is_told_and_names_the_file(tmp_path):
    expect_version(tmp_path, {"version": 1}, 1)
    for values, told in (({"version": 2}, "found 2"), ({}, "found None"), ({"version": "x" * 999}, "found 'xxx")):
        with pytest.raises(UserError, match=f"expected format version 1, {told}") as caught:
            expect_version(tmp_path, values, 1)
        assert str(caught.value).startswith(f"{tmp_path}: ")
        assert len(str(caught.value)) < len(str(tmp_path)) + 100


def test_what_is_wrong_with_values_names_their_file(tmp_path):
    with pytest.raises(UserError) as caught, naming(tmp_path / "x"):
        raise UserError("width: expected 1, found 2")
    assert str(caught.value) == f"{tmp_path / 'x'}: width: expected 1, found 2"
    with pytest.raises(KeyError), naming(tmp_path):
        raise KeyError("no user's error")


def test_weights_are_taken_in_the_networks_type_and_only_of_its_kind(tmp_path):
    like = torch.zeros(2)
    assert fitting(tmp_path, "w", torch.ones(2, dtype=torch.float16), like).dtype == torch.float32
    for value, other, kind in (
        (torch.tensor([1, 2]), like, "floating-point"),
        (torch.tensor([1.0, torch.nan]), like, "floating-point"),
        (torch.tensor([1.0, 2.0]), torch.tensor([1, 2]), "whole"),
    ):
        with pytest.raises(UserError, match=f"w: expected finite {kind} numbers"):
            fitting(tmp_path, "w", value, other)
