"""Weight files are read without running anything in them, and refused in one line that says why."""

from __future__ import annotations

import argparse
import os
import pickle
import warnings

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from imlbench.errors import UserError
from imlbench.weights.loading import finite, load_tensors


class Running:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))


def write(path, state, **options):
    if path.suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save(state, path, **options)
    return path


def refusal(path, expected=None):
    with pytest.raises(UserError) as caught:
        load_tensors(path, expected)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth", "w.pt", "w.bin"])
@pytest.mark.parametrize("form", [None, "module", "shapes"])
def test_tensors_come_back_equal(tmp_path, network, name, form):
    state = network.state_dict()
    shapes = {key: list(value.shape) for key, value in state.items()}
    loaded = load_tensors(write(tmp_path / name, state), {None: None, "module": network, "shapes": shapes}[form])
    assert loaded.keys() == state.keys()
    for key, value in state.items():
        assert torch.equal(loaded[key], value)
        assert loaded[key].dtype == value.dtype


def test_the_old_torch_format_is_read(tmp_path):
    path = write(tmp_path / "w.pth", {"a": torch.arange(4.0)}, _use_new_zipfile_serialization=False)
    assert load_tensors(path)["a"].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("old", [True, False])
def test_code_in_a_pickle_is_named_and_not_run(tmp_path, old):
    made = tmp_path / "made"
    path = write(tmp_path / "w.pth", {"a": Running(made)}, _use_new_zipfile_serialization=not old)
    assert "asks for" in refusal(path)
    assert not made.exists()


def test_a_bare_pickle_is_not_run(tmp_path):
    made = tmp_path / "made"
    path = tmp_path / "w.bin"
    path.write_bytes(pickle.dumps({"a": Running(made)}))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        message = refusal(path)
    assert "weights_only" not in message
    assert not made.exists()


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"a": argparse.Namespace(x=1)}, "asks for argparse.Namespace"),
        (nn.Linear(2, 2), "asks for torch.nn.modules.linear.Linear"),
        (torch.ones(2), "expected named tensors, found Tensor"),
        ([torch.ones(2)], "expected named tensors, found list"),
        ({"epoch": 3}, "'epoch' is int"),
        ({7: torch.ones(1)}, "7 is Tensor"),
        ({"state_dict": {"a": torch.ones(1)}}, "'state_dict' is dict"),
    ],
)
def test_what_is_no_state_dict_is_refused(tmp_path, state, said):
    assert said in refusal(write(tmp_path / "w.pth", state))


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth"])
@pytest.mark.parametrize("keep", [0, 1, 9, 100, 0.5, -1])
def test_truncated_files_are_refused(tmp_path, network, name, keep):
    path = write(tmp_path / name, network.state_dict())
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep) if isinstance(keep, float) else keep])
    assert "get it again" in refusal(path)


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth"])
def test_a_web_page_in_place_of_weights_is_refused(tmp_path, name):
    path = tmp_path / name
    path.write_text("<html><body>Sign in</body></html>")
    assert "no weight file" in refusal(path)


def test_places_that_are_no_weight_file(tmp_path):
    assert "found a folder" in refusal(tmp_path)
    assert "no such weight file" in refusal(tmp_path / "none.pth")
    os.mkfifo(tmp_path / "pipe.pth")
    assert "no such weight file" in refusal(tmp_path / "pipe.pth")
    other = tmp_path / "w.onnx"
    other.write_bytes(b"x")
    assert "ends in one of" in refusal(other)


def test_another_network_is_told_by_names_and_shapes(tmp_path, network):
    other = nn.Sequential(nn.Linear(3, 5), nn.Linear(5, 2), *(nn.Linear(1, 1) for _ in range(3)))
    message = refusal(write(tmp_path / "w.safetensors", network.state_dict()), other)
    assert "6 missing (2.weight, 2.bias, 3.weight, ...)" in message
    assert "3 unexpected (1." in message
    assert "0.weight is 4 x 3, not 5 x 3" in message


def test_a_missing_and_an_unexpected_tensor_are_told(tmp_path):
    path = write(tmp_path / "w.pth", {"a": torch.ones(2), "c": torch.tensor(1.0)})
    assert refusal(path, {"a": (2,), "b": (1,), "c": ()}).endswith("1 missing (b)")
    assert refusal(path, {"a": (2,)}).endswith("1 unexpected (c)")
    assert refusal(path, {"a": (2,), "c": (1,)}).endswith("1 of another shape (c is a scalar, not 1)")


def test_a_tensor_of_a_file_is_finite_or_refused(tmp_path):
    value = torch.ones(2)
    assert finite(tmp_path, "w", value) is value
    assert finite(tmp_path, "n", torch.tensor([1, 2])).dtype == torch.int64
    with pytest.raises(UserError, match="w: expected finite weights"):
        finite(tmp_path, "w", torch.tensor([1.0, torch.inf]))
