"""`imlbench finetune tiny-unet`: from an exported set to weights that the detector runs with."""

from __future__ import annotations

import csv
import json
from importlib.metadata import EntryPoint

import pytest
import torch
import typer
from typer.testing import CliRunner

from detectors.tiny_unet.detector import TinyUnetDetector
from detectors.tiny_unet.own_files import describe
from detectors.tiny_unet.training.finetuner import TINY_UNET, TinyUnetRecipe, TinyUnetTask, begin
from imlbench.cli.finetune import finetune
from imlbench.config import ENVIRONMENT_PREFIX, environment_name
from imlbench.errors import UserError
from imlbench.evaluation_sets import evaluation_cards
from imlbench.training import finetuners
from imlbench.training.finetuning import FinetuneRequest, complete, prepare
from imlbench.weights.checking import digest
from tests.detectors.tiny_unet.making_tiny_unet import make_weights
from tests.training.making_exports import make_export

CONFIG = """
steps = 4
batch_size = 2
workers = 0
precision = "no"
sizes = [32]
validate_every = 2
save_every = 2
[network]
widths = [4, 6, 8]
"""


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """A training set, a configuration, and nothing of this machine."""
    torch.set_num_threads(1)
    for name in (ENVIRONMENT_PREFIX, "IMLBENCH_TINY_UNET", *map(environment_name, evaluation_cards())):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "no-config"))
    monkeypatch.setenv("IMLBENCH_WEIGHTS", str(tmp_path / "no-weights"))
    monkeypatch.chdir(tmp_path)
    # Whatever is installed here.
    point = EntryPoint("tiny-unet", "detectors.tiny_unet.training.finetuner:TINY_UNET", finetuners.GROUP)
    monkeypatch.setattr(finetuners, "registered", lambda: (point,))
    (tmp_path / "run.toml").write_text(CONFIG)
    make_export(tmp_path / "set")
    return tmp_path


def command(*arguments):
    app = typer.Typer()
    app.command()(finetune)
    return CliRunner().invoke(app, [*arguments])


def begun(root, **changes):
    asked = {"data": (str(root / "set"),), "out": root / "run", "init": "scratch", "config": str(root / "run.toml")}
    return prepare(FinetuneRequest(**{**asked, "cpu": True, "say": lambda line: None, **changes}), TINY_UNET)


def losses(run):
    with (run / "training.csv").open() as file:
        return [row["loss"] for row in csv.DictReader(file)]


def test_the_command_leaves_weights_that_the_detector_runs_with(alone):
    asked = ("tiny-unet", "--data", "set", "--out", "run", "--init", "scratch", "--config", "run.toml", "--cpu")
    found = command(*asked)
    assert found.exit_code == 0, found.output
    run = alone / "run"
    facts = json.loads((run / "finished.json").read_text())
    assert facts["best_sha256"] == digest(run / "best.safetensors")
    assert facts["first_sha256"] == digest(run / "first.safetensors")
    assert (facts["steps"], facts["images"]) == (4, 6)
    told = describe(run / "best.safetensors").facts
    assert (told["detector"], told["started_from"], told["pairs"]) == ("tiny-unet", None, 6)
    assert TinyUnetDetector(weights=run / "best.safetensors").card.weights[0].sha256 == facts["best_sha256"]
    assert len(losses(run)) == 4
    assert command(*asked).exit_code != 0
    assert command(*asked, "--resume").exit_code == 0


def test_a_killed_run_goes_on_to_the_same_losses(alone):
    complete(begun(alone, out=alone / "whole"), lambda line: None)
    killed = begun(alone)
    take = killed._take_step

    def die_at_the_third(micro):
        if killed.step == 2:
            raise KeyboardInterrupt
        return take(micro)

    killed._take_step = die_at_the_third
    with pytest.raises(KeyboardInterrupt):
        killed.train()
    assert not (alone / "run/finished.json").exists()
    assert complete(begun(alone, resume=True), lambda line: None)
    assert losses(alone / "run") == losses(alone / "whole")
    assert digest(alone / "run/last.safetensors") != digest(alone / "run/first.safetensors")


def test_a_resumed_run_must_be_the_same(alone):
    complete(begun(alone), lambda line: None)
    (alone / "other.toml").write_text("learning_rate = 1e-4\n" + CONFIG)
    with pytest.raises(UserError, match="learning_rate"):
        begun(alone, resume=True, config=str(alone / "other.toml"))
    make_export(alone / "set", seed=1)
    with pytest.raises(UserError, match="data"):
        begun(alone, resume=True)


def test_it_starts_from_public_weights_or_from_a_file(alone, monkeypatch):
    plain = alone / "plain.toml"
    plain.write_text(CONFIG.partition("[network]")[0])
    with pytest.raises(UserError, match="IMLBENCH_TINY_UNET"):
        begun(alone, init="public", config=str(plain))
    path = make_weights(alone / "mine.safetensors", seed=5)
    monkeypatch.setenv("IMLBENCH_TINY_UNET", str(path))
    public = begun(alone, init="public", config=str(plain))
    named = begun(alone, init=str(path), config=str(plain), out=alone / "named")
    assert public.run.identity["started_from"] == digest(path)
    assert digest(alone / "run/first.safetensors") == digest(alone / "named/first.safetensors")
    assert torch.equal(public.network.head.weight, named.network.head.weight)
    with pytest.raises(UserError, match="expected public, scratch or a weight file"):
        begun(alone, init="nowhere")
    (alone / "wide.toml").write_text(CONFIG.replace("[4, 6, 8]", "[8, 16]"))
    with pytest.raises(UserError, match="give --init scratch"):
        begun(alone, init=str(path), config=str(alone / "wide.toml"))


def test_the_seed_decides_the_first_weights(alone):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        begun(alone, out=alone / name, seed=seed)
    first = [digest(alone / name / "first.safetensors") for name in "abc"]
    assert first[0] == first[1] != first[2]


def test_evaluation_images_are_refused(alone):
    with pytest.raises(UserError, match="refused to train on evaluation data"):
        begun(alone, keep_out=[alone / "set" / "validation" / "edited"])


def test_unknown_sizes_and_keys_are_told(alone):
    for text, told in (("[network]\nwidth = 3", "unknown key 'width'"), ("[network]\npreset = 'x'", "expected one of")):
        (alone / "wrong.toml").write_text(text)
        with pytest.raises(UserError, match=told):
            begun(alone, config=str(alone / "wrong.toml"))
    (alone / "wrong.toml").write_text("dice_weight = -1")
    with pytest.raises(UserError, match="dice_weight"):
        begun(alone, config=str(alone / "wrong.toml"))


def test_statistics_can_be_frozen_while_weights_learn():
    recipe = TinyUnetRecipe(freeze_statistics=True, sizes=(32,))
    task = begin(recipe, "scratch", {"network": {"widths": [4, 6]}}).task
    assert isinstance(task, TinyUnetTask)
    task.train()
    norm = task.network.patches[1]
    assert task.network.training
    assert not norm.training
    assert norm.weight.requires_grad


def test_it_learns_to_find_flat_rectangles(alone):
    (alone / "run.toml").write_text(CONFIG.replace("steps = 4", "steps = 60\nlearning_rate = 1e-2\nema_momentum = 0.9"))
    trainer = begun(alone)
    assert trainer.train().f1 > 0.6


def test_an_unknown_detector_is_told_with_the_nearest(alone):
    with pytest.raises(UserError, match="did you mean tiny-unet"):
        finetuners.finetuner("tiny-unte")


def test_what_is_registered_must_be_a_finetuner(monkeypatch):
    for target, told in (("json:dumps", "expected a Finetuner, found function"), ("no.module:X", "cannot be loaded")):
        monkeypatch.setattr(finetuners, "registered", lambda t=target: (EntryPoint("x", t, finetuners.GROUP),))
        with pytest.raises(UserError, match=told):
            finetuners.finetuner("x")
    both = tuple(EntryPoint("x", target, finetuners.GROUP) for target in ("a:X", "b:X"))
    monkeypatch.setattr(finetuners, "registered", lambda: both)
    with pytest.raises(UserError, match="registered twice"):
        finetuners.finetuner("x")
