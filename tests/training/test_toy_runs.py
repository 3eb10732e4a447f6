"""The room, seen through a toy: losses fall, a killed run goes on to the same ones, frozen parts stay, weights tell."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors import safe_open

from imlbench.config import ENVIRONMENT_PREFIX, environment_name
from imlbench.errors import UserError
from imlbench.evaluation_sets import evaluation_cards
from imlbench.training.checkpoints import read_checkpoint
from imlbench.training.items import PairData
from imlbench.training.launch import Request, complete, make_trainer, read_data
from imlbench.training.validation import as_score, validate
from tests.training.making_pairs import make_set
from tests.training.toy import SgdRecipe, Toy, ToyRecipe, ToyTask


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    return make_set(tmp_path_factory.mktemp("sets") / "set", 8, side=24)


@pytest.fixture
def make(pairs, tmp_path, monkeypatch):
    """A trainer of the toy."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "no-config"))
    for name in (ENVIRONMENT_PREFIX, *map(environment_name, evaluation_cards())):
        monkeypatch.delenv(name, raising=False)

    def made(name="run", recipe=None, data=PairData, identity=None, folder=pairs, **asked):
        recipe = recipe or ToyRecipe()
        values = {"data": (str(folder),), "out": tmp_path / name, "cpu": True, "say": lambda line: None}
        request = Request(**{**values, **asked})
        read, marks = read_data(request, recipe)
        return make_trainer(request, recipe, ToyTask(Toy()), data(read.train, recipe), read, marks, identity)

    return made


def rows(folder, name="training.csv"):
    with (folder / name).open(newline="") as file:
        return list(csv.DictReader(file))


def facts_of(path):
    with safe_open(path, framework="pt") as file:
        return json.loads(file.metadata()["facts"])


def tensors_of(path):
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


class KilledError(Exception):
    """What ends a run in the middle."""


class Dying(PairData):
    """Data that fail at the 9th item: in step 5 of batches of 2, one step after a checkpoint."""

    left = 8

    def __getitem__(self, key):
        self.left -= 1
        if self.left < 0:
            raise KilledError
        return super().__getitem__(key)


@pytest.mark.parametrize(
    "recipe", [ToyRecipe(), SgdRecipe(), ToyRecipe(ema_momentum=0.0)], ids=["adamw", "sgd", "no-ema"]
)
def test_a_killed_run_goes_on_to_the_same_losses(make, tmp_path, recipe):
    recipe = replace(recipe, save_every=3)
    make("whole", recipe).train()
    with pytest.raises(KilledError):
        make("killed", recipe, Dying).train()
    assert (len(rows(tmp_path / "killed")), read_checkpoint(tmp_path / "killed")["step"]) == (4, 3)
    make("killed", recipe, resume=True).train()
    for table in ("training.csv", "validation.csv"):
        assert rows(tmp_path / "killed", table) == rows(tmp_path / "whole", table)
    whole, killed = (tensors_of(tmp_path / name / "last.safetensors") for name in ("whole", "killed"))
    assert all(torch.equal(value, killed[name]) for name, value in whole.items())


@pytest.mark.parametrize("recipe", [ToyRecipe(), SgdRecipe()], ids=["adamw", "sgd"])
def test_losses_fall(make, tmp_path, recipe):
    make(recipe=replace(recipe, steps=30, batch_size=4, sizes=(16,), validate_every=99)).train()
    losses = [float(row["loss"]) for row in rows(tmp_path / "run")]
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])


def test_a_run_that_was_killed_before_it_wrote_its_last_weights_writes_them(make):
    run = make("run")
    run.train()
    last = run.run.out / "last.safetensors"
    weights = last.read_bytes()
    last.unlink()
    make("run", resume=True).train()
    assert last.stat().st_size == pytest.approx(len(weights), abs=2000)


def test_the_rates_in_the_log_are_the_schedules(make, tmp_path):
    make(recipe=SgdRecipe(steps=4, learning_rate=0.08)).train()
    rates = [float(row["rate"]) for row in rows(tmp_path / "run")]
    assert rates == pytest.approx([0.08 * (1 - step / 4) ** 3 for step in range(4)])


def test_frozen_parts_stay_to_the_bit_and_out_of_checkpoints(make, tmp_path):
    trainer = make()
    before = {name: value.clone() for name, value in trainer.network.backbone.state_dict().items()}
    assert not any(module.training for module in trainer.network.backbone.modules())
    assert trainer.network.head[0].training
    trainer.train()
    assert all(torch.equal(value, trainer.network.backbone.state_dict()[name]) for name, value in before.items())
    assert trainer.ema.network.backbone is trainer.network.backbone
    saved = read_checkpoint(tmp_path / "run")
    assert not any(name.startswith("backbone") for name in (*saved["network"], *saved["ema"]))
    assert saved["network"]["head.0.num_batches_tracked"] == 6


def test_without_averaging_the_weights_themselves_are_exported(make, tmp_path):
    trainer = make(recipe=ToyRecipe(ema_momentum=0.0))
    trainer.train()
    exported = tensors_of(tmp_path / "run" / "last.safetensors")
    assert all(torch.equal(value, exported[name]) for name, value in trainer.network.head.state_dict().items())


def test_the_average_lags_behind(make, tmp_path):
    trainer = make()
    trainer.train()
    exported = tensors_of(tmp_path / "run" / "last.safetensors")
    assert not torch.equal(trainer.network.head[2].weight, exported["2.weight"])
    assert exported["0.num_batches_tracked"] == 6


def test_weights_tell_how_they_came_about(make, tmp_path):
    make(recipe=ToyRecipe(softness=0.25), identity={"backbone": "abc"}).train()
    facts = facts_of(tmp_path / "run" / "best.safetensors")
    assert (facts["data"], facts["pairs"], facts["backbone"], facts["evaluation_data"]) == (["set"], 4, "abc", [])
    assert (facts["training"]["softness"], facts["training"]["steps"]) == (0.25, 6)
    assert facts["score"]["edited"] == 3
    assert facts["step"] in (3, 6)


def test_validation_shows_the_averaged_network_every_pair_by_its_id(make):
    trainer = make()
    score = as_score(validate(trainer.task, trainer.ema.network, trainer.run.validation, torch.device("cpu")))
    assert (score.edited, score.untouched) == (3, 1)
    assert trainer.task.asked == ["000004", "000005", "000006", "000007"]


def test_a_limit_of_the_wall_time_ends_a_run_with_a_checkpoint(make, tmp_path):
    lines = []
    complete(make(minutes=0.0), lines.append)
    assert read_checkpoint(tmp_path / "run")["step"] == 1
    assert lines[0].startswith(f"{tmp_path / 'run'}: 1 of 6 steps, validation F1 ")
    complete(make(resume=True), lines.append)
    assert lines[1].startswith(f"{tmp_path / 'run'}: 6 of 6 steps")
    complete(make(resume=True), lines.append)
    assert lines[2] == f"{tmp_path / 'run'}: 6 of 6 steps, not validated now; best.safetensors, last.safetensors"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"identity": {"backbone": "b"}}, "--resume: the run's backbone was a, now it is b"),
        ({"recipe": ToyRecipe(softness=0.5)}, "--resume: the run's softness was 0.0, now it is 0.5"),
    ],
)
def test_going_on_with_something_else_is_refused(make, changes, expected):
    make(identity={"backbone": "a"}, minutes=0.0).train()
    with pytest.raises(UserError, match=expected):
        make(**{"identity": {"backbone": "a"}, "resume": True, **changes})
    make(identity={"backbone": "a"}, resume=True, recipe=ToyRecipe(log_every=1, workers=0)).train()


def test_going_on_with_other_pairs_is_refused(make, tmp_path):
    make(minutes=0.0).train()
    others = make_set(tmp_path / "others", 6, seed=1, side=24)
    with pytest.raises(UserError, match="--resume: the run's data was"):
        make(resume=True, folder=others)


def test_a_checkpoint_of_another_network_does_not_fit(make, tmp_path):
    make(minutes=0.0).train()
    path = tmp_path / "run" / "last.pt"
    state = torch.load(path, weights_only=True)
    state["network"]["head.2.weight"] = torch.zeros(1, 5, 1, 1)
    torch.save(state, path)
    with pytest.raises(RuntimeError, match="size mismatch"):
        make(resume=True)


def test_a_folder_with_a_run_is_not_overwritten(make, tmp_path):
    make(recipe=ToyRecipe(steps=1)).train()
    with pytest.raises(UserError, match="holds a run already"):
        make()
    (tmp_path / "run" / "last.pt").unlink()
    with pytest.raises(UserError, match=r"holds best\.safetensors without a last\.pt"):
        make()


def test_evaluation_data_are_refused_and_marked_when_allowed(make, pairs, tmp_path):
    (tmp_path / "kept").mkdir()
    shutil.copy(pairs / "edited" / "000006.png", tmp_path / "kept" / "renamed.png")
    with pytest.raises(UserError, match="refused to train on evaluation data: pair 000006"):
        make(keep_out=(tmp_path / "kept",))
    make(keep_out=(tmp_path / "kept",), allow_evaluation_data=True).train()
    facts = facts_of(tmp_path / "run" / "best.safetensors")
    assert len(facts["evaluation_data"]) == 1
    assert facts["kept_out"] == ["kept"]


def test_the_task_may_look_at_what_the_average_says_before_the_losses(make, monkeypatch):
    seen = []

    def teach(task, batch, average):
        batch["said"] = average(batch["original"], batch["edited"]).detach()
        seen.append(average.training)

    monkeypatch.setattr(ToyTask, "teach", teach)
    make(recipe=ToyRecipe(steps=2)).train()
    assert seen == [False, False]
