"""Training: the losses by hand, what is kept still, and `imlbench train dass` from the command line on."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

from annotators.dass.annotator import DassAnnotator
from annotators.dass.config import PRESETS, DassConfig
from annotators.dass.header import describe
from annotators.dass.model import Dass
from annotators.dass.training.command import DASS
from annotators.dass.training.launch import Request, first_weights, prepare, read_config
from annotators.dass.training.losses import segmentation_losses
from annotators.dass.training.recipe import RECIPES, DassRecipe
from annotators.dass.training.task import DassTask, turned
from imlbench.cli.main import app
from imlbench.config import ENVIRONMENT_PREFIX, environment_name
from imlbench.errors import UserError
from imlbench.evaluation_sets import evaluation_cards
from imlbench.weights.checking import digest
from tests.annotators.dass.making_dass import FLIPPED, SEEN, TINY, images, make_pair, own_file, tiny
from tests.training.making_pairs import make_set

CONFIG = """
preset = "dass-small"
steps = 3
batch_size = 2
workers = 0
validate_every = 3
save_every = 3
warmup_steps = 0
learning_rate = 3e-3
ema_momentum = 0.0
sizes = [64]
[network]
encoder = "shufflenet_v2_x0_5"
finest_stride = 8
pool_sides = [1, 2]
width = 8
norm_groups = 4
[input]
side = 64
"""


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """A training set, a configuration, and nothing of this machine."""
    for name in (ENVIRONMENT_PREFIX, "IMLBENCH_DASS", *map(environment_name, evaluation_cards())):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "no-config"))
    monkeypatch.setenv("IMLBENCH_WEIGHTS", str(tmp_path / "no-weights"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.toml").write_text(CONFIG)
    make_set(tmp_path / "set", 6, side=64)
    return tmp_path


def request(**changes: object) -> Request:
    usual = {"config": "run.toml", "data": ("set",), "out": Path("run"), "cpu": True, "random_encoder": True}
    return Request(**{**usual, "say": lambda line: None, **changes})


def losses_of(folder: str) -> list[float]:
    with Path(folder, "training.csv").open(newline="") as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


def test_losses_by_hand():
    # p = 0.8 where edited, 0.5 elsewhere.
    logits = torch.tensor([math.log(4), 0.0, 0.0, 0.0]).view(1, 1, 2, 2)
    mask = torch.tensor([1.0, 0, 0, 0]).view(1, 1, 2, 2)
    found = segmentation_losses(logits, mask, dice_weight=0.5)
    bce = (-math.log(0.8) - 3 * math.log(0.5)) / 4
    dice = 1 - (2 * 0.8 + 1) / (0.8 + 1.5 + 1 + 1)
    assert found["bce"].item() == pytest.approx(bce)
    assert found["dice"].item() == pytest.approx(dice)
    assert found["loss"].item() == pytest.approx(bce + 0.5 * dice)


def test_an_empty_mask_costs_what_is_marked():
    mask = torch.zeros(1, 1, 4, 4)
    quiet, loud = (segmentation_losses(torch.full((1, 1, 4, 4), value), mask) for value in (-9.0, 2.0))
    assert quiet["loss"] < 0.01
    assert loud["loss"] > 2


def test_turning_upside_down_takes_only_those_that_are_named():
    planes = torch.arange(8.0).view(2, 1, 2, 2)
    found = turned(planes, torch.tensor([False, True]))
    assert torch.equal(found[0], planes[0])
    assert found[1].flatten().tolist() == [6, 7, 4, 5]


def test_statistics_that_came_with_weights_stay():
    network = Dass(TINY)
    batch = {"turned": torch.tensor([True, False])}
    batch |= dict(zip(("original", "edited"), images(2, 64, 64), strict=True)) | {"mask": torch.ones(2, 1, 64, 64)}
    norm = network.encoder.network.get_submodule("stage2.0.branch1.1")
    before = norm.running_mean.clone()
    kept = DassTask(network, RECIPES["dass-small"], SEEN, freeze_norms=True).train()
    losses = kept(batch)
    assert set(losses) == {"loss", "bce", "dice"}
    assert torch.equal(before, norm.running_mean)
    assert network.head.training
    DassTask(network, RECIPES["dass-small"], SEEN, freeze_norms=False).train()(batch)
    assert not torch.equal(before, norm.running_mean)


def test_validation_sees_what_the_annotator_would():
    original, edited = images(1, 64, 64)
    for policy, logits in ((SEEN, tiny().forward), (FLIPPED, tiny().flipped)):
        task = DassTask(tiny(), RECIPES["dass-small"], policy, freeze_norms=True)
        with torch.no_grad():
            found = task.probabilities(tiny(), original, edited, ["a"])
            assert torch.equal(found, logits(original, edited).sigmoid())


def test_a_training_run_lowers_its_loss(alone):
    (alone / "run.toml").write_text(CONFIG.replace("batch_size = 2", "batch_size = 4").replace("3e-3", "1e-2"))
    trainer = prepare(request(steps=16))
    before = trainer.network.encoder.first.weight.clone()
    trainer.train()
    found = losses_of("run")
    assert np.mean(found[-3:]) < 0.85 * np.mean(found[:3])
    assert not torch.equal(before, trainer.network.encoder.first.weight)


def test_from_the_command_line_to_the_annotator(alone, monkeypatch):
    common = ("train", "dass", "--cpu", "--config", "run.toml", "--data", "set", "--out", "run")
    done = CliRunner().invoke(app, [*common, "--random-encoder"])
    assert done.exit_code == 0, done.output
    assert "run: 3 of 3 steps, validation F1 " in done.stdout
    assert "random weights" in done.stderr
    monkeypatch.setenv("IMLBENCH_DASS", "run/best.safetensors")
    (found,) = DassAnnotator().annotate([make_pair("a")])
    assert found.shape == (40, 56)
    told = describe(alone / "run" / "last.safetensors")
    assert (told.config, told.policy) == (TINY, SEEN)
    assert (told.facts["started_from"], told.facts["pairs"], told.facts["data"]) == ("random", 4, ["set"])


def test_two_runs_of_one_seed_are_one_and_a_resumed_one_too(alone):
    prepare(request(out=Path("whole"))).train()
    prepare(request(out=Path("again"))).train()
    first, second = (load_file(f"{name}/last.safetensors") for name in ("whole", "again"))
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    assert losses_of("whole") == losses_of("again")
    with pytest.raises(UserError, match="--resume"):
        prepare(request(out=Path("whole")))
    assert prepare(request(out=Path("whole"), resume=True)).step == 3


def test_it_starts_from_weights_of_its_own(alone):
    trainer = prepare(request(random_encoder=False, start=own_file(alone)))
    assert torch.equal(trainer.network.encoder.first.weight, tiny().encoder.first.weight)
    assert trainer.task.freeze_norms
    assert trainer.run.identity["started_from"] == digest(alone / "dass.safetensors")
    (alone / "run.toml").write_text(CONFIG.replace("width = 8", "width = 16"))
    with pytest.raises(UserError, match="of other sizes"):
        prepare(request(random_encoder=False, start=alone / "dass.safetensors", out=Path("other")))


def test_the_small_preset_starts_from_the_packages_encoder(alone, monkeypatch):
    monkeypatch.delenv("IMLBENCH_WEIGHTS")
    asked = request(config="dass-small", random_encoder=False)
    recipe, config, policy = read_config(asked)
    assert (config, policy, recipe) == (*PRESETS["dass-small"], RECIPES["dass-small"])
    assert first_weights(asked, config).name == "efficientnet-lite0-57934424.pth"


@pytest.mark.parametrize(
    ("changes", "config", "told"),
    [
        ({"random_encoder": True}, DassConfig(encoder="efficientnet-lite0"), "keeps the statistics"),
        ({"random_encoder": False}, DassConfig(encoder="resnet50"), "name a file of resnet50's ImageNet weights"),
        ({"random_encoder": False}, DassConfig(), "weights convnext-small: no file"),
        ({"random_encoder": True, "start": Path("dass.safetensors")}, DassConfig(), "exclude each other"),
    ],
)
def test_first_weights_that_cannot_be_had_get_one_line(alone, changes, config, told):
    with pytest.raises(UserError, match=told) as caught:
        first_weights(request(**changes), config)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("[network]\nwidht = 8", "did you mean 'width'"),
        ("[input]\nside = 100", "multiple of 32"),
        ("sizes = [100]", "multiples of 32"),
        ("vertical_flip_probability = 2.0", "vertical_flip_probability"),
        ("dice_weight = -1.0", "dice_weight"),
    ],
)
def test_a_configuration_that_means_nothing_gets_one_line(alone, line, told):
    (alone / "bad.toml").write_text(line)
    with pytest.raises(UserError, match=told) as caught:
        read_config(request(config="bad.toml"))
    assert "\n" not in str(caught.value)
    assert "bad.toml" in str(caught.value)


def test_the_recipe_of_dass_flips_as_its_input_does():
    assert DassRecipe().vertical_flip_probability > 0
    assert PRESETS["dass"].policy.flips
    assert RECIPES["dass-small"].vertical_flip_probability == 0
    assert DASS.card.name == "dass"
