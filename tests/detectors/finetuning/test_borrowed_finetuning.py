"""Fine-tuning of borrowed networks: inputs, losses and files, with small networks in their place."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import nn

from detectors.arrays import imagenet_planes
from detectors.checkpoints import load_into
from detectors.finetuning import finetuners, methods
from detectors.finetuning.task import SquareTask
from imlbench.errors import UserError
from imlbench.training.losses import binary_cross_entropy, edge_cross_entropy

torch.set_num_threads(1)
ALL = (finetuners.SPARSE_VIT, finetuners.MESORCH, finetuners.IML_VIT, finetuners.MVSS_NET)


class Quarter(nn.Module):
    """Logits at a quarter of the size, as IML-ViT's head gives them."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Conv2d(3, 1, 4, stride=4)

    def forward_features(self, batch):
        return self.layer(batch)


class Edged(nn.Module):
    """A head and an edge branch within a forward pass that gives neither, as MVSS-Net's."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body, self.erb_trans_3 = nn.Conv2d(3, 1, 8, stride=8), nn.Conv2d(3, 1, 4, stride=4)
        self.head = SimpleHead()

    def forward(self, image, mask, edge_mask, label):
        assert mask.shape[1:] == edge_mask.shape[1:] == (1, *image.shape[2:])
        assert label.shape == image.shape[:1]
        self.erb_trans_3(image)
        return {"pred_mask": self.head(self.body(image))[0]}


class SimpleHead(nn.Module):
    """A tuple of one, as MVSS-Net's head gives it."""

    def forward(self, found):
        return (found,)


def task_of(finetuner, network):
    method = finetuner.begin.keywords["method"]
    return SquareTask(network, finetuner.recipes["finetune"], method)


def batch_of(side=64, count=2):
    generator = torch.Generator().manual_seed(1)
    mask = torch.zeros(count, 1, side, side)
    mask[0, :, 8:40, 8:40] = 1
    image = torch.rand(count, 3, side, side, generator=generator)
    return {"image": image, "mask": mask, "valid": torch.ones_like(mask)}


@pytest.mark.parametrize("finetuner", ALL, ids=lambda one: one.name)
def test_a_fine_tuning_begins_at_a_tenth_of_the_published_rate(finetuner):
    usual, published = finetuner.recipes["finetune"], finetuner.recipes["published"]
    assert next(iter(finetuner.recipes)) == "finetune"
    assert usual.learning_rate == pytest.approx(published.learning_rate / 10)
    assert (usual.epochs, usual.freeze_statistics, published.freeze_statistics) == (10, True, False)


def test_the_network_sees_what_the_detector_shows_it():
    pixels = np.random.default_rng(0).integers(0, 256, (12, 12, 3), np.uint8)
    image = torch.from_numpy(pixels.transpose(2, 0, 1).copy()).float()[None] / 255
    plain, swapped = task_of(finetuners.SPARSE_VIT, Quarter()), task_of(finetuners.MVSS_NET, Edged())
    assert np.allclose(plain.prepared(image)[0].numpy(), imagenet_planes(pixels), atol=1e-5)
    assert np.allclose(swapped.prepared(image)[0].numpy(), imagenet_planes(pixels[..., ::-1]), atol=1e-5)


def test_iml_vit_counts_edges_twenty_times():
    task, batch = task_of(finetuners.IML_VIT, Quarter()), batch_of()
    found = task(batch)
    logits = methods.iml_vit_logits(task.network, task.prepared(batch["image"]))["mask"]
    assert logits.shape == batch["mask"].shape
    bce = binary_cross_entropy(logits, batch["mask"], batch["valid"])
    edge = edge_cross_entropy(logits, batch["mask"], batch["valid"], 7)
    assert tuple(found) == task.terms
    assert found["loss"].item() == pytest.approx((bce + 20 * edge).item(), rel=1e-5)


def test_mvss_nets_logits_are_caught_before_their_sigmoids():
    network = Edged()
    task, batch = task_of(finetuners.MVSS_NET, network), batch_of()
    found = task(batch)
    weighed = 0.16 * found["mask"] + 0.04 * found["image"] + 0.80 * found["edge"]
    assert tuple(found) == task.terms
    assert found["loss"].item() == pytest.approx(weighed.item(), rel=1e-5)
    found["loss"].backward()
    assert all(value.grad is not None and value.grad.abs().sum() > 0 for value in network.parameters())
    assert not network.head._forward_hooks
    assert not network.erb_trans_3._forward_hooks


def test_a_failing_pass_leaves_no_hook():
    network = Edged()
    with pytest.raises(RuntimeError):
        methods.mvss_net_logits(network, torch.zeros(1, 5, 16, 16))
    assert not network.head._forward_hooks


def test_sparse_vit_and_mesorch_take_their_own_ways_to_logits():
    layer = Quarter().layer
    batch = torch.rand(1, 3, 32, 32)
    sparse = SimpleNamespace(encoder_net=lambda images: {"a": layer(images)}, lmu=lambda found: found[0])
    assert methods.sparse_vit_logits(sparse, batch)["mask"].shape == (1, 1, 32, 32)
    mesorch = SimpleNamespace(forward_features=layer, resize=nn.Upsample(scale_factor=4))
    assert methods.mesorch_logits(mesorch, batch)["mask"].shape == (1, 1, 32, 32)


def test_validation_follows_the_detectors_own_rules():
    pixels = np.random.default_rng(0).integers(0, 256, (30, 50, 3), np.uint8)
    for finetuner, network in ((finetuners.IML_VIT, Quarter()), (finetuners.MVSS_NET, Edged())):
        task = task_of(finetuner, network.eval())
        with torch.inference_mode():
            found = task.judge(network, pixels, torch.device("cpu"))
        assert found.shape == (30, 50)
        assert found.dtype == np.float32
        assert 0 <= found.min() <= found.max() <= 1


def test_weights_are_written_as_the_detector_reads_them(tmp_path):
    network, other = Quarter(), Quarter()
    task = task_of(finetuners.IML_VIT, network)
    path = tmp_path / "best.safetensors"
    task.export(path, network, {"pairs": 3})
    with torch.no_grad():
        other.layer.weight.zero_()
    load_into(other, path, "iml-vit")
    assert torch.equal(other.layer.weight, network.layer.weight)
    with safe_open(path, "pt") as file:
        assert json.loads(file.metadata()["imlbench"]) == {"facts": {"pairs": 3}, "format": "imlbench-iml-vit"}
    with torch.no_grad():
        network.layer.bias.fill_(float("nan"))
    with pytest.raises(UserError, match="NaN or infinity"):
        task.export(path, network, {})


def test_without_weights_public_says_how_to_get_them(tmp_path, monkeypatch):
    monkeypatch.setenv("IMLBENCH_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("IMLBENCH_SPARSE_VIT", raising=False)
    with pytest.raises(UserError, match="sparse-vit"):
        finetuners.SPARSE_VIT.begin(finetuners.SPARSE_VIT.recipes["finetune"], "public", {})
