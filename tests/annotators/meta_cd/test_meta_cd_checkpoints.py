"""Weight files of this project's own: round trip, and one line for whatever is wrong with one."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from annotators.meta_cd.checkpoint import load_network, save_network
from annotators.meta_cd.fastsam import load_fastsam
from annotators.meta_cd.header import describe
from imlbench.errors import UserError
from tests.annotators.meta_cd.making_meta_cd import TINY, TINY_SAM, fastsam_file, package, tiny, tiny_file


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tiny_file(tmp_path_factory.mktemp("weights"))


def test_a_network_comes_back_as_it_was(file, tmp_path):
    images = torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64)
    before, after = tiny()(*images), load_network(file, "meta-cd")(*images)
    torch.testing.assert_close(after.logits, before.logits, rtol=0, atol=0)
    torch.testing.assert_close(after.thresholds, before.thresholds, rtol=0, atol=0)


def test_equal_networks_give_equal_files(file, tmp_path):
    save_network(tmp_path / "again.safetensors", tiny(), {"seed": 0})
    assert (tmp_path / "again.safetensors").read_bytes() == file.read_bytes()


def test_a_file_says_what_it_is(file):
    described = describe(file, "meta-cd")
    assert described.config == TINY.to_dict()
    assert (described.facts, described.fastsam, described.needs_fastsam) == ({"seed": 0}, "", False)


def test_fastsams_weights_are_not_in_a_file_and_are_held_against_its_hash(tmp_path):
    with package(tmp_path):
        sam = fastsam_file(tmp_path)
        network = tiny(TINY_SAM, load_fastsam(sam, TINY_SAM))
        place = tmp_path / "sam-cd.safetensors"
        save_network(place, network, fastsam="a" * 64)
        assert not any("sam" in name for name in load_file(place))
        images = torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64)
        loaded = load_network(place, "sam-cd", sam, "a" * 64)
        torch.testing.assert_close(loaded(*images).logits, network(*images).logits, rtol=0, atol=0)
        with pytest.raises(UserError, match=r"trained with the FastSAM of SHA-256 a{64}, found b{64}"):
            load_network(place, "sam-cd", sam, "b" * 64)
        with pytest.raises(UserError, match="name its file too"):
            load_network(place, "sam-cd")
        with pytest.raises(UserError, match="expected weights of meta-cd, found sam-cd's"):
            load_network(place, "meta-cd")


def test_what_cannot_be_a_file_is_not_written(tmp_path):
    network = tiny()
    with pytest.raises(UserError, match=r"ends in \.safetensors"):
        save_network(tmp_path / "weights.pth", network)
    with pytest.raises(ValueError, match="must be JSON"):
        save_network(tmp_path / "weights.safetensors", network, {"when": object()})
    network.semantics.weight.data[0, 0] = torch.nan
    with pytest.raises(ValueError, match=r"semantics\.weight: expected finite weights"):
        save_network(tmp_path / "weights.safetensors", network)
    assert not list(tmp_path.iterdir())


def entry(**changes) -> dict[str, str]:
    """A file's metadata with something else in it."""
    values = {"format": "imlbench-meta-cd", "version": 1, "annotator": "meta-cd", "config": TINY.to_dict()}
    return {"imlbench": json.dumps({**values, **changes})}


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        ({}, "expected weights of `imlbench train meta-cd`"),
        ({"imlbench": "[" * 100_000}, "truncated, damaged or no weight file"),
        ({"imlbench": "{"}, "truncated, damaged or no weight file"),
        ({"imlbench": "[1]"}, "expected weights of `imlbench train meta-cd`"),
        (entry(format="imlbench-ddpm-cd"), "expected weights of `imlbench train meta-cd`"),
        (entry(version=2), "expected format version 1, found 2"),
        (entry(annotator="sam-cd"), "expected weights of meta-cd, found sam-cd's"),
        (entry(config=[]), "expected config and facts as tables"),
        (entry(config={"cnn": 50}), "cnn: expected one of"),
        (entry(config={"cnn": "18"}), "cnn: expected int"),
        (entry(config={"colour": 1}), "has no field 'colour'"),
        (entry(config={**TINY.to_dict(), "decoded": 4096}), "not this network's weights"),
        (entry(), "not this network's weights: "),
    ],
)
def test_other_and_hostile_descriptions_are_told_in_one_line(tmp_path, metadata, told):
    save_file({"semantics.weight": torch.zeros(1)}, tmp_path / "x.safetensors", metadata)
    with pytest.raises(UserError, match=told) as caught:
        load_network(tmp_path / "x.safetensors", "meta-cd")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 8,
        b"\xff" * 64,
        b"\x02\x00\x00\x00\x00\x00\x00\x00[]",
        b"\x10\x00\x00\x00\x00\x00\x00\x00{}",
        (20).to_bytes(8, "little") + b'{"__metadata__": 17}',
        (35).to_bytes(8, "little") + b'{"__metadata__": {"imlbench": 1700}}',
    ],
)
def test_hostile_bytes_are_told_in_one_line(tmp_path, content):
    place = tmp_path / "x.safetensors"
    place.write_bytes(content)
    with pytest.raises(UserError, match="truncated, damaged or no weight file") as caught:
        load_network(place)
    assert "\n" not in str(caught.value)


def test_a_truncated_file_is_told(file, tmp_path):
    place = tmp_path / "x.safetensors"
    place.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(UserError, match="truncated, damaged or no weight file"):
        load_network(place)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("semantics.weight", torch.nan, "semantics.weight: expected finite floating-point numbers"),
        ("decoder.adapters.0.1.num_batches_tracked", None, "expected finite whole numbers"),
    ],
)
def test_weights_that_are_no_weights_are_refused(file, tmp_path, name, value, told):
    tensors = load_file(file)
    tensors[name] = tensors[name].float() if value is None else torch.full_like(tensors[name], value)
    save_file(tensors, tmp_path / "x.safetensors", {"imlbench": json.dumps(header_of(file))})
    with pytest.raises(UserError, match=told):
        load_network(tmp_path / "x.safetensors")


def header_of(file):
    described = describe(file)
    values = {"format": "imlbench-meta-cd", "version": 1, "annotator": "meta-cd"}
    return {**values, "config": described.config, "facts": {}, "fastsam": ""}


def test_another_ending_or_no_file_is_told(tmp_path):
    with pytest.raises(UserError, match=r"ends in \.safetensors"):
        load_network(tmp_path / "x.pth")
    with pytest.raises(UserError, match="no such weight file"):
        load_network(tmp_path / "x.safetensors")
    with pytest.raises(UserError, match="no such weight file"):
        load_network(tmp_path.with_suffix(".safetensors"))


def test_half_precision_weights_are_taken_as_float32(file, tmp_path):
    tensors = {name: value.half() if value.is_floating_point() else value for name, value in load_file(file).items()}
    save_file(tensors, tmp_path / "x.safetensors", {"imlbench": json.dumps(header_of(file))})
    assert {value.dtype for value in load_network(tmp_path / "x.safetensors").parameters()} == {torch.float32}


def test_a_smaller_network_says_so_itself(tmp_path):
    config = replace(TINY, threshold=False)
    save_network(tmp_path / "x.safetensors", tiny(config))
    assert load_network(tmp_path / "x.safetensors", "meta-cd").threshold is None
