"""Checkpoints in the layouts that are published, and files that must be refused, each with one line."""

from __future__ import annotations

import argparse
import collections
import os

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from detectors.borrowed import Settings, fingerprint
from detectors.checkpoints import load_into, read
from imlbench.errors import UserError

torch.set_num_threads(1)


def network():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))


@pytest.fixture
def state():
    return {name: value + 1 for name, value in network().state_dict().items()}


def renamed(state, before):
    return {before + name: value for name, value in state.items()}


def loads(path, state, **options):
    """Whether a checkpoint of these values is read."""
    target = network()
    load_into(target, path, "toy", **options)
    return all(torch.equal(value, state[name]) for name, value in target.state_dict().items())


def refusal(path, **options):
    with pytest.raises(UserError) as caught:
        load_into(network(), path, "toy", **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


LAYOUTS = {
    "bare": lambda state: state,
    "ordered": collections.OrderedDict,
    "state_dict": lambda state: {"epoch": 3, "best": np.float64(0.5), "state_dict": state, "optimizer": {"lr": 0.1}},
    "model": lambda state: {"model": state, "args": argparse.Namespace(lr=0.1, names=["a"]), "epoch": np.int64(3)},
    "network": lambda state: {"network": state},
    "parallel": lambda state: renamed(state, "module."),
    "parallel in a table": lambda state: {"state_dict": renamed(state, "module.")},
}


class TestLayouts:
    @pytest.mark.parametrize("layout", LAYOUTS)
    @pytest.mark.parametrize("ending", ["w.pth", "w.pth.tar", "w.pt", "w.th"])
    def test_published_layouts(self, state, tmp_path, layout, ending):
        torch.save(LAYOUTS[layout](state), tmp_path / ending)
        assert loads(tmp_path / ending, state)

    def test_files_of_torch_before_1_6(self, state, tmp_path):
        torch.save({"state_dict": state}, tmp_path / "w.pth", _use_new_zipfile_serialization=False)
        assert loads(tmp_path / "w.pth", state)

    def test_safetensors(self, state, tmp_path):
        save_file(state, tmp_path / "w.safetensors")
        assert loads(tmp_path / "w.safetensors", state)

    def test_a_wrapping_network_and_what_it_stores_beside(self, state, tmp_path):
        wrapped = {**renamed(state, "module.model."), "module.loss.weight": torch.ones(2)}
        torch.save({"model": wrapped}, tmp_path / "w.pth")
        assert loads(tmp_path / "w.pth", state, prefix="model.", beside=("loss.weight",))

    def test_a_wrapped_file_without_parallel(self, state, tmp_path):
        torch.save({"model": {**renamed(state, "model."), "loss.weight": torch.ones(2)}}, tmp_path / "w.pth")
        assert loads(tmp_path / "w.pth", state, prefix="model.", beside=("loss.weight",))


class Runs:
    """Writes a file when a pickle of it is read."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


class TestRefused:
    def test_a_pickle_with_code_is_not_run(self, state, tmp_path):
        torch.save({"state_dict": state, "extra": Runs(tmp_path / "ran")}, tmp_path / "w.pth.tar")
        said = refusal(tmp_path / "w.pth.tar")
        assert "asks for posix.system" in said or "asks for nt.system" in said
        assert "nothing of it was run" in said
        assert not (tmp_path / "ran").exists()

    def test_what_is_allowed_beside_tensors_opens_no_way_to_code(self, state, tmp_path):
        torch.save({"model": state, "args": argparse.Namespace(hook=Runs(tmp_path / "ran"))}, tmp_path / "w.pth")
        assert "nothing of it was run" in refusal(tmp_path / "w.pth")
        assert not (tmp_path / "ran").exists()

    def test_another_network_is_told_by_its_first_names(self, state, tmp_path):
        torch.save({"0.weight": state["0.weight"][:2], "head.weight": torch.ones(1)}, tmp_path / "w.pth")
        said = refusal(tmp_path / "w.pth")
        assert said.startswith(f"toy: {tmp_path / 'w.pth'}: not this network's weights: ")
        assert "missing" in said
        assert "1 unexpected (head.weight)" in said
        assert "0.weight is 2 x 3 x 3 x 3, not 4 x 3 x 3 x 3" in said

    def test_truncated_empty_missing_and_foreign_files(self, state, tmp_path):
        torch.save(state, tmp_path / "w.pth")
        whole = (tmp_path / "w.pth").read_bytes()
        (tmp_path / "w.pth").write_bytes(whole[: len(whole) // 2])
        assert "truncated, damaged or no weight file" in refusal(tmp_path / "w.pth")
        (tmp_path / "w.pth").write_bytes(b"")
        assert "found an empty one" in refusal(tmp_path / "w.pth")
        (tmp_path / "w.pth").write_bytes(b"<html>Google Drive - Virus scan warning</html>")
        assert "truncated, damaged or no weight file" in refusal(tmp_path / "w.pth")
        assert "no such file" in refusal(tmp_path / "none.pth")
        assert "found a folder" in refusal(tmp_path)

    def test_no_table_of_tensors(self, tmp_path):
        torch.save([1, 2], tmp_path / "w.pth")
        assert "expected named tensors, found list" in refusal(tmp_path / "w.pth")
        torch.save({"epoch": 3}, tmp_path / "w.pth")
        assert "expected tensors by name, but 'epoch' is int" in refusal(tmp_path / "w.pth")

    def test_reading_leaves_no_type_allowed_behind(self, state, tmp_path):
        torch.save(state, tmp_path / "w.pth")
        before = torch.serialization.get_safe_globals()
        read(tmp_path / "w.pth")
        assert torch.serialization.get_safe_globals() == before


class TestFingerprint:
    def test_names_and_shapes_count_values_and_order_do_not(self):
        one = {"a": torch.zeros(2, 3), "b": torch.zeros(())}
        assert fingerprint(one) == fingerprint({"b": torch.ones(()), "a": (2, 3)})
        assert fingerprint(one) != fingerprint({"a": (3, 2), "b": ()})
        assert fingerprint(one) != fingerprint({"a": (2, 3), "c": ()})

    def test_settings_are_attributes_and_entries(self):
        settings = Settings(A=1)
        assert (settings.A, settings["A"], "B" in settings) == (1, 1, False)
        with pytest.raises(AttributeError):
            _ = settings.B
