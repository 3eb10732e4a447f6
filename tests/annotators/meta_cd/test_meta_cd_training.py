"""What a trainer drives: recipe, losses by hand, a run from the command line, and one that lowers its loss."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from annotators.meta_cd.annotator import MetaCdAnnotator, SamCdAnnotator
from annotators.meta_cd.checkpoint import load_network
from annotators.meta_cd.fastsam import load_fastsam
from annotators.meta_cd.header import describe
from annotators.meta_cd.model import Seen
from annotators.meta_cd.training.command import META_CD, SAM_CD
from annotators.meta_cd.training.launch import prepare
from annotators.meta_cd.training.losses import all_losses, binary_loss, change_loss, similarity_loss
from annotators.meta_cd.training.recipe import RECIPES, MetaCdRecipe, read_config
from annotators.meta_cd.training.task import MetaCdTask
from imlbench.cli.main import app
from imlbench.errors import UserError
from imlbench.training.launch import Request
from imlbench.training.optimisers import make_optimiser
from imlbench.weights.checking import digest
from tests.annotators.ddpm_cd.making_ddpm_cd import make_pair
from tests.annotators.meta_cd.making_meta_cd import TINY_SAM, fastsam_file, package, tiny
from tests.annotators.sigma.training.making_training import make_set

CONFIG = """
preset = "meta-cd-small"
batch_size = 2
workers = 0
sizes = [64]
validate_every = 2
precision = "no"
learning_rate = 0.01
[network]
cnn = 10
image_size = 64
features = [8, 16, 16, 16]
adapted = [4, 4, 8, 8]
decoded = 8
semantic = 4
change_blocks = 1
compared = 8
threshold_widths = [8, 8]
pool = 3
"""


def test_binary_cross_entropy_by_hand():
    found = change_loss(torch.tensor([[[2.0, -1.0]]]), torch.tensor([[[1.0, 1.0]]]))
    assert found.item() == pytest.approx((math.log1p(math.exp(-2)) + math.log1p(math.exp(1))) / 2)


def test_binary_map_loss_is_the_share_of_wrong_pixels():
    probabilities, mask = torch.tensor([[[0.9, 0.3, 0.5, 0.1]]]), torch.tensor([[[1.0, 1.0, 0.0, 0.0]]])
    thresholds = torch.full_like(mask, 0.4, requires_grad=True)
    found = binary_loss(probabilities, thresholds, mask)
    assert found.item() == 0.5
    found.backward()
    # The missed pixel asks for a lower threshold, the falsely marked one for a higher one, the right ones for nothing.
    torch.testing.assert_close(thresholds.grad, torch.tensor([[[0.0, 0.25, -0.25, 0.0]]]))


def test_similarity_by_hand_over_unchanged_pixels_alone():
    before = torch.tensor([3 * math.log(3), 0.0]).view(1, 2, 1, 1).expand(1, 2, 1, 2)
    after = torch.tensor([0.0, 3 * math.log(3)]).view(1, 2, 1, 1).expand(1, 2, 1, 2)
    # Softmax at temperature 3 gives (3/4, 1/4) and (1/4, 3/4), whose cosine is 0.6.
    for mask, expected in (([0.0, 0.0], 0.4), ([1.0, 0.0], 0.4), ([1.0, 1.0], 0.0)):
        found = similarity_loss((before, after), torch.tensor([[mask]]))
        assert found.item() == pytest.approx(expected, abs=1e-6)
    assert similarity_loss((before, before), torch.zeros(1, 1, 2)).item() == pytest.approx(0, abs=1e-6)


def test_similarity_is_taken_at_the_masks_size():
    before, after = torch.zeros(1, 2, 1, 2), torch.zeros(1, 2, 1, 2)
    after[0, 0, 0, 1] = 30.0
    left, right = torch.zeros(1, 4, 8), torch.zeros(1, 4, 8)
    left[:, :, :4], right[:, :, 4:] = 1, 1
    assert similarity_loss((before, after), left) > similarity_loss((before, after), right) + 0.1


def test_the_loss_is_the_sum_of_its_parts():
    logits, mask = torch.randn(2, 8, 8), torch.randint(0, 2, (2, 8, 8)).float()
    semantics = torch.randn(2, 4, 2, 2), torch.randn(2, 4, 2, 2)
    found = all_losses(Seen(logits, semantics, torch.full_like(mask, 0.5)), mask)
    assert found["loss"].item() == pytest.approx(sum(found[name].item() for name in ("bce", "similarity", "binary")))
    assert list(all_losses(Seen(logits, semantics, None), mask)) == ["loss", "bce", "similarity"]


def test_the_recipe_is_the_published_one():
    recipe = MetaCdRecipe()
    assert (recipe.optimiser, recipe.epochs, recipe.batch_size, recipe.sizes) == ("sgd", 100, 16, (256,))
    assert [recipe.rate(step, 100) for step in (0, 50, 90)] == pytest.approx([0.1, 0.0125, 0.0001])
    optimiser = make_optimiser(recipe, [torch.nn.Parameter(torch.zeros(1))])
    group = optimiser.param_groups[0]
    assert isinstance(optimiser, torch.optim.SGD)
    assert (group["momentum"], group["nesterov"], group["weight_decay"]) == (0.9, True, 5e-4)


def test_presets_of_the_two_commands():
    assert {name: list(recipes) for name, recipes in RECIPES.items()} == {
        "meta-cd": ["meta-cd", "meta-cd-small"],
        "sam-cd": ["sam-cd"],
    }
    assert [read_config(name, "")[1].annotator for name in RECIPES] == ["meta-cd", "sam-cd"]
    recipe, config = read_config("meta-cd", "meta-cd-small")
    assert (recipe.cnn_weights, config.sam, config.cnn) == ("random", False, 18)
    assert (META_CD.card.name, SAM_CD.card.name) == ("meta-cd", "sam-cd")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('preset = "meta-cd"\n[network]\ncnn = 0\nthreshold = false', "imlbench train sam-cd"),
        ("sizes = [250]", "sizes: expected multiples of 32, found 250"),
        ('cnn_weights = ""', "cnn_weights: expected imagenet, random or a file"),
        ("[network]\nwidth = 3", r"run\.toml: MetaCdConfig has no field 'width'"),
        ("[network]\nimage_size = 128", "sizes: expected the network's image_size = 128 among them, found 256"),
        ('preset = "sam-cd"', "there is no training preset 'sam-cd'"),
    ],
)
def test_a_configuration_that_makes_no_run_is_refused(tmp_path, text, told):
    (tmp_path / "run.toml").write_text(text)
    with pytest.raises(UserError, match=told):
        read_config("meta-cd", str(tmp_path / "run.toml"))


def batch(side: int = 64) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    original = torch.rand(4, 3, side, side, generator=generator)
    mask = torch.zeros(4, 1, side, side)
    for number in range(4):
        mask[number, :, 8 * number : 8 * number + 24, 16:48] = 1
    return {"original": original, "edited": torch.where(mask > 0, 0.9, original), "mask": mask}


def test_a_tiny_training_run_lowers_its_loss():
    task = MetaCdTask(tiny()).train()
    optimiser = make_optimiser(MetaCdRecipe(learning_rate=0.02), task.trainable())
    found = []
    for _ in range(12):
        losses = task(batch())
        optimiser.zero_grad()
        losses["loss"].backward()
        optimiser.step()
        found.append({name: value.item() for name, value in losses.items()})
    assert found[-1]["loss"] < 0.6 * found[0]["loss"]
    assert tuple(found[0]) == task.terms


def test_every_trained_weight_gets_a_gradient():
    task = MetaCdTask(tiny()).train()
    task(batch())["loss"].backward()
    assert all(parameter.grad is not None for parameter in task.trainable())


def test_sam_cd_trains_all_but_fastsam(tmp_path):
    with package(tmp_path):
        task = MetaCdTask(tiny(TINY_SAM, load_fastsam(fastsam_file(tmp_path), TINY_SAM))).train()
        assert task.terms == ("loss", "bce", "similarity")
        losses = task(batch())
        losses["loss"].backward()
        frozen = {id(parameter) for part in task.frozen() for parameter in part.parameters()}
        assert len(frozen) > 0
        assert not frozen & {id(parameter) for parameter in task.trainable()}
        assert all(parameter.grad is not None for parameter in task.trainable())


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """No configured datasets and no weights; a set, and a configuration of a tiny network."""
    monkeypatch.delenv("IMLBENCH_DATA_ROOT", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "no-config"))
    monkeypatch.setenv("IMLBENCH_WEIGHTS", str(tmp_path / "no-weights"))
    for name in ("IMLBENCH_META_CD", "IMLBENCH_FASTSAM_X", "IMLBENCH_RESNET_18", "IMLBENCH_META_CD_INPUT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.toml").write_text(CONFIG)
    make_set(tmp_path / "set", 6)
    return tmp_path


def train(*arguments, name="meta-cd"):
    return CliRunner().invoke(app, ["train", name, "--cpu", "--data", "set", *map(str, arguments)])


def test_from_the_command_line_to_weights_that_annotate(alone):
    done = train("--config", "run.toml", "--steps", 3, "--out", "run")
    assert done.exit_code == 0, done.output
    assert "the ResNet-10 starts from random weights" in done.stderr
    assert "run: 3 of 3 steps, validation F1 " in done.stdout
    described = describe(alone / "run" / "best.safetensors", "meta-cd")
    assert (described.facts["cnn_start"], described.facts["architecture"]["cnn"]) == ("random", 10)
    found = MetaCdAnnotator(weights=alone / "run" / "last.safetensors").annotate([make_pair("a")])[0]
    assert (found.shape, found.dtype) == ((40, 56), np.float32)


def test_sam_cd_from_the_command_line_to_weights_that_annotate(alone, monkeypatch):
    text = CONFIG.replace("meta-cd-small", "sam-cd").replace("cnn = 10", "cnn = 0\nthreshold = false")
    (alone / "run.toml").write_text(text.replace("features = [8, 16, 16, 16]", ""))
    with package(alone):
        sam = fastsam_file(alone)
        monkeypatch.setenv("IMLBENCH_FASTSAM_X", str(sam))
        done = train("--config", "run.toml", "--steps", 2, "--out", "run", name="sam-cd")
        assert done.exit_code == 0, done.output
        weights = alone / "run" / "last.safetensors"
        assert describe(weights, "sam-cd").fastsam == digest(sam)
        found = SamCdAnnotator(weights=weights, fastsam=sam).annotate([make_pair("a")])[0]
        assert (found.shape, found.dtype) == ((40, 56), np.float32)


def test_a_run_may_start_from_weights_of_a_file(alone):
    trunk = tiny(seed=5).encoders.cnn.trunk
    torch.save(trunk.state_dict(), alone / "resnet.pth")
    (alone / "run.toml").write_text(f'cnn_weights = "resnet.pth"\n{CONFIG}')
    trainer = prepare("meta-cd", Request(data=("set",), out=alone / "run", steps=1, cpu=True), "run.toml")
    torch.testing.assert_close(trainer.network.encoders.cnn.trunk.conv1.weight, trunk.conv1.weight)
    assert trainer.run.history["cnn_start"] == digest(alone / "resnet.pth")


def test_a_resumed_run_gives_the_weights_of_one_that_was_not_stopped(alone):
    assert train("--config", "run.toml", "--steps", 4, "--out", "whole").exit_code == 0
    assert train("--config", "run.toml", "--steps", 4, "--out", "parts", "--minutes", 0).exit_code == 0
    done = train("--config", "run.toml", "--steps", 4, "--out", "parts", "--resume")
    assert done.exit_code == 0, done.output
    images = torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64)
    whole, parts = (load_network(alone / name / "last.safetensors")(*images) for name in ("whole", "parts"))
    torch.testing.assert_close(whole.logits, parts.logits, rtol=0, atol=0)


def test_the_published_network_asks_for_fastsam_and_says_what_can_be_done(alone, monkeypatch):
    monkeypatch.setattr("annotators.meta_cd.training.launch.lacking_package", lambda: "meta-cd: FastSAM needs x")
    done = train("--out", "run")
    assert isinstance(done.exception, UserError)
    assert "or train without it: imlbench train meta-cd --config meta-cd-small" in str(done.exception)
    assert not (alone / "run").exists()


def test_missing_imagenet_weights_are_told_with_both_ways_out(alone):
    (alone / "run.toml").write_text(
        CONFIG.replace("cnn = 10", "cnn = 18").replace("batch", 'cnn_weights = "imagenet"\nbatch')
    )
    with pytest.raises(UserError, match=r"weights resnet-18: no file .*; or set cnn_weights = 'random'") as caught:
        prepare("meta-cd", Request(data=("set",), out=alone / "run"), "run.toml")
    assert "\n" not in str(caught.value)
