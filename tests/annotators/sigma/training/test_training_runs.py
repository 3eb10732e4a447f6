"""Whole runs on the processor: losses fall, a killed run goes on to the same losses, the best weights are kept."""

from __future__ import annotations

import csv
import functools
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from making_training import NETWORK, make_set, short, tiny_network

from annotators.sigma.network.model import Sigma
from annotators.sigma.training.data import StageOneData, StageTwoData
from annotators.sigma.training.export import export, load_trained, read_trained
from annotators.sigma.training.stages import StageOne, make_stage
from annotators.sigma.training.widening import DIFFERENCING, widened
from imlbench.errors import UserError
from imlbench.training.checkpoints import read_checkpoint
from imlbench.training.loop import Trainer
from imlbench.training.pairs import Place, read_training_set
from imlbench.training.run import Run
from imlbench.training.validation import as_score, f1, spread, validate


def softened(image, generator):
    """Stands for an autoencoder: every pixel changes a little."""
    return np.clip(image.astype(np.int16) + 3, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    return read_training_set([Place(make_set(tmp_path_factory.mktemp("sets") / "set", 8), None)], 0.05)


@pytest.fixture
def make_trainer(read, tmp_path):
    """A trainer on the small set."""

    def make(name="run", stage=1, resume=False, network=None, data=None, seconds=None, **changes):
        config = short(**changes)
        if data is None and stage == 1:
            data = StageOneData(read.train, config)
        elif data is None:
            data = StageTwoData(read.train, read.train, config, [softened])
        run = Run(
            recipe=config,
            identity={"stage": stage},
            data=data,
            validation=read.validation,
            out=tmp_path / name,
            history={"seed": config.seed, "commands": ["train"]},
            data_sha256=read.sha256,
            seconds=seconds,
            resume=resume,
            cpu=True,
            say=lambda line: None,
        )
        return Trainer(run, make_stage(stage, network or tiny_network(), config))

    return make


def rows(folder, name="training.csv"):
    with (folder / name).open(newline="") as file:
        return list(csv.DictReader(file))


class KilledError(Exception):
    """What ends a run in the middle."""


class Dying(StageOneData):
    """Data that fail after so many items."""

    left = 0

    def __getitem__(self, key):
        self.left -= 1
        if self.left < 0:
            raise KilledError
        return super().__getitem__(key)


@pytest.mark.parametrize("accumulation", [1, 2])
def test_a_killed_run_goes_on_to_the_same_losses(make_trainer, read, tmp_path, accumulation):
    changes = {"accumulation": accumulation, "steps": 7, "save_every": 2, "validate_every": 4}
    make_trainer("whole", **changes).train()
    dying = Dying(read.train, short(**changes))
    # Dies within step 6, two steps after the last checkpoint but one step after the last row of the log.
    dying.left = 5 * 2 * accumulation + 1
    with pytest.raises(KilledError):
        make_trainer("killed", data=dying, **changes).train()
    assert len(rows(tmp_path / "killed")) == 5
    assert read_checkpoint(tmp_path / "killed")["step"] == 4
    trainer = make_trainer("killed", resume=True, **changes)
    assert trainer.step == 4
    trainer.train()
    assert rows(tmp_path / "killed") == rows(tmp_path / "whole")
    assert rows(tmp_path / "killed", "validation.csv") == rows(tmp_path / "whole", "validation.csv")
    ends = [read_trained(tmp_path / name / "last.safetensors").state for name in ("whole", "killed")]
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])


def test_a_killed_second_stage_goes_on_to_the_same_losses(make_trainer, tmp_path):
    make_trainer("whole", stage=2, steps=4).train()
    make_trainer("part", stage=2, steps=4, seconds=0.0).train()
    trainer = make_trainer("part", stage=2, steps=4, resume=True)
    assert trainer.step == 1
    trainer.train()
    assert rows(tmp_path / "part") == rows(tmp_path / "whole")


def test_the_wall_time_ends_a_run_with_a_checkpoint(make_trainer, tmp_path):
    trainer = make_trainer(seconds=0.0)
    trainer.train()
    assert read_checkpoint(tmp_path / "run")["step"] == trainer.step == 1
    assert len(rows(tmp_path / "run", "validation.csv")) == 1


def test_stage_one_then_stage_two_lower_their_losses(make_trainer, tmp_path):
    first = make_trainer("one", steps=24, sizes=(32,), batch_size=4, ema_momentum=0.9)
    first.train()
    losses = [float(row["loss"]) for row in rows(tmp_path / "one")]
    assert np.mean(losses[-6:]) < 0.8 * np.mean(losses[:6])
    network = tiny_network()
    load_trained(tmp_path / "one" / "last.safetensors", network)
    make_trainer(
        "two", stage=2, network=network, steps=24, sizes=(32,), batch_size=4, learning_rate=1e-3, ema_momentum=0.9
    ).train()
    table = rows(tmp_path / "two")
    for term in ("loss", "zero_edit", "disentanglement"):
        values = [float(row[term]) for row in table]
        assert np.mean(values[-6:]) < np.mean(values[:6]), term
    row = {name: float(value) for name, value in table[-1].items()}
    parts = row["supervised"] + 0.5 * row["zero_edit"] + 0.3 * row["pseudo_label"] + 0.1 * row["disentanglement"]
    assert row["loss"] == pytest.approx(parts, rel=1e-4)


def test_the_frozen_encoder_stays_as_it_is_to_the_bit(make_trainer):
    trainer = make_trainer(steps=3)
    before = [value.clone() for value in trainer.network.encoder.state_dict().values()]
    start = trainer.network.evidence.weight.clone()
    trainer.train()
    after = trainer.network.encoder.state_dict().values()
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))
    assert not torch.equal(trainer.network.evidence.weight, start)


def test_accumulated_batches_equal_one_large_batch(make_trainer, tmp_path):
    same = {"sizes": (32,), "steps": 1, "validate_every": 99, "gradient_clip": 0.0}
    # Soft Dice and BCE are means over images of one size, so that two halves average to the whole.
    make_trainer("large", batch_size=4, **same).train()
    make_trainer("halves", batch_size=2, accumulation=2, **same).train()
    large, halves = (float(rows(tmp_path / name)[0]["loss"]) for name in ("large", "halves"))
    assert halves == pytest.approx(large, rel=1e-5)


def test_a_finished_run_is_not_overwritten(make_trainer):
    make_trainer(steps=1).train()
    with pytest.raises(UserError, match="holds a run already; give --resume"):
        make_trainer(steps=1)


def test_weights_without_a_state_to_go_on_from_are_not_overwritten(make_trainer, tmp_path):
    make_trainer(steps=1).train()
    (tmp_path / "run" / "last.pt").unlink()
    with pytest.raises(UserError, match=r"holds best.safetensors without a last.pt to go on from; delete it"):
        make_trainer(steps=1)


def test_a_state_by_another_hand_is_refused_in_one_line(make_trainer, tmp_path):
    (tmp_path / "run").mkdir()
    torch.save({"format": 1, "step": 3}, tmp_path / "run" / "last.pt")
    with pytest.raises(UserError, match="not a checkpoint of this version"):
        make_trainer(resume=True)


def test_resuming_a_finished_run_changes_nothing(make_trainer, tmp_path):
    make_trainer(steps=2).train()
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir() if path.is_file()}
    assert make_trainer(steps=2, resume=True).train() is None
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir() if path.is_file()} == before


def test_resuming_what_was_never_begun(make_trainer):
    with pytest.raises(UserError, match=r"no last\.pt to resume from"):
        make_trainer(resume=True)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"learning_rate": 0.1}, "the run's learning_rate was 0.003, now it is 0.1"),
        ({"stage": 2}, "the run's stage was 1, now it is 2"),
        ({"sizes": (64,)}, r"the run's sizes was \(32, 48\), now it is \(64,\)"),
    ],
)
def test_resuming_another_run_is_refused(make_trainer, changes, expected):
    make_trainer(steps=1).train()
    with pytest.raises(UserError, match=expected):
        make_trainer(resume=True, **{"steps": 1, **changes})


def test_resuming_may_change_how_often_something_is_said(make_trainer):
    make_trainer(steps=2, seconds=0.0).train()
    make_trainer(steps=2, resume=True, log_every=1, save_every=1).train()


def test_a_damaged_checkpoint_is_one_line(make_trainer, tmp_path):
    make_trainer(steps=1).train()
    path = tmp_path / "run" / "last.pt"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(UserError, match="not a checkpoint that torch reads"):
        make_trainer(steps=1, resume=True)
    torch.save([1], path)
    with pytest.raises(UserError, match="not a checkpoint of this version"):
        make_trainer(steps=1, resume=True)


def test_a_loss_that_is_not_finite_stops_the_run(make_trainer):
    trainer = make_trainer()
    with torch.no_grad():
        trainer.network.evidence.weight.fill_(float("nan"))
    with pytest.raises(UserError, match="the loss is not finite at step 1; lower learning_rate"):
        trainer.train()


def test_training_without_accelerate_is_one_line(make_trainer, monkeypatch):
    monkeypatch.setattr("imlbench.training.run.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"accelerate.*pip install 'imlbench\[train\]'"):
        make_trainer()


def test_tensorboard_gets_what_the_tables_get(make_trainer, tmp_path, monkeypatch):
    seen = []
    board = SimpleNamespace(add_scalar=lambda *row: seen.append(row), close=lambda: seen.append("closed"))
    module = SimpleNamespace(SummaryWriter=lambda folder, purge_step: board)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    monkeypatch.setattr("imlbench.training.logs.find_spec", lambda name: True)
    make_trainer(steps=2).train()
    loss = float(rows(tmp_path / "run")[1]["loss"])
    assert ("training/loss", pytest.approx(loss), 2) in seen
    assert any(row[0] == "validation/f1" for row in seen)
    assert seen[-1] == "closed"


def test_the_best_weights_are_those_of_the_best_validation(make_trainer, tmp_path, monkeypatch):
    scores = iter([0.2, 0.7, 0.4])
    monkeypatch.setattr("imlbench.training.loop.validate", lambda *arguments: np.array([next(scores) * 10, 10, 0, 0]))
    make_trainer(steps=6, validate_every=2).train()
    best, last = (read_trained(tmp_path / "run" / f"{name}.safetensors").history for name in ("best", "last"))
    assert (best["step"], last["step"]) == (4, 6)
    assert best["score"]["f1"] == pytest.approx(0.7)
    assert best["commands"] == ["train"]


def test_validation_counts_edited_and_untouched_pairs_apart(read):
    network = tiny_network()
    score = as_score(validate(StageOne(network, short()), network, read.validation, torch.device("cpu")))
    assert (score.edited, score.untouched) == (3, 1)
    for parameter in network.decoder.parameters():
        parameter.data.zero_()
    # A logit of 0 is a probability of 0.5, which is marked: everywhere.
    score = as_score(validate(StageOne(network, short()), network, read.validation, torch.device("cpu")))
    assert score.marked == 1.0
    assert score.f1 == pytest.approx(2 * 0.25 / 1.25)


def test_f1_by_hand():
    marked, mask = np.array([[True, True, False]]), np.array([[True, False, True]])
    assert f1(marked, mask) == pytest.approx(0.5)


def test_a_limit_spreads_over_all_pairs():
    assert spread(list(range(10)), 4) == [0, 2, 5, 7]
    assert spread(list(range(3)), 0) == spread(list(range(3)), 5) == [0, 1, 2]


@pytest.mark.parametrize(("half", "tolerance"), [(False, 0.0), (True, 1e-3)])
def test_exported_weights_are_read_back(tmp_path, half, tolerance):
    network, other = tiny_network(), tiny_network()
    with torch.no_grad():
        network.evidence.weight.mul_(3)
    export(tmp_path / "w.safetensors", network, {"seed": 3, "before": None}, half)
    assert load_trained(tmp_path / "w.safetensors", other) == {"seed": 3, "before": None}
    assert torch.allclose(other.evidence.weight, network.evidence.weight, rtol=tolerance, atol=tolerance / 100)
    assert not any("encoder" in name for name in read_trained(tmp_path / "w.safetensors").state)


@pytest.mark.parametrize("more", [{"subpixels": 2}, {"pixel_cell": 4}, {"subpixels": 2, "pixel_cell": 4}], ids=str)
def test_a_finer_network_starts_where_a_coarse_one_ended(tmp_path, more):
    coarse = tiny_network()
    fine = Sigma(replace(NETWORK, **more), coarse.encoder)
    path = tmp_path / "weights.safetensors"
    export(path, coarse, {})
    load_trained(path, fine)
    heads = []
    for network in (coarse, fine):
        network.decoder.head.register_forward_hook(lambda module, given, found: heads.append(found))
        network.eval()(*torch.rand(2, 1, 3, 32, 32, generator=torch.Generator().manual_seed(1)))
    torch.testing.assert_close(heads[1], heads[0].repeat(1, more.get("subpixels", 1) ** 2, 1, 1))


def test_details_start_without_a_say():
    weight = torch.arange(1.0, 8.0)[None]
    config = replace(NETWORK, encoder="efficientnet-lite0", layers=(2, 4), detail_layer=0)
    network = SimpleNamespace(encoder=SimpleNamespace(channels=(3,)), config=config)
    found = widened({DIFFERENCING: weight}, replace(config, detail_layer=-1), network)[DIFFERENCING]
    assert found.tolist() == [[1, 2, 0, 3, 4, 0, 5, 6, 0, 7]]


def test_nothing_is_narrowed(tmp_path):
    fine = Sigma(replace(NETWORK, pixel_cell=4), tiny_network().encoder)
    export(tmp_path / "w.safetensors", fine, {})
    with pytest.raises(UserError, match="another network configuration"):
        load_trained(tmp_path / "w.safetensors", tiny_network())


def test_weights_of_another_network_are_refused(tmp_path):
    export(tmp_path / "w.safetensors", tiny_network(), {})
    other = tiny_network(replace(NETWORK, width=32))
    with pytest.raises(UserError, match="another network configuration"):
        load_trained(tmp_path / "w.safetensors", other)


def test_files_that_are_no_weights_are_one_line(tmp_path):
    read = functools.partial(read_trained, tmp_path / "w.safetensors")
    with pytest.raises(UserError, match="no such file"):
        read()
    (tmp_path / "w.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0nonsense")
    with pytest.raises(UserError, match="not a safetensors file"):
        read()
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(1)}, str(tmp_path / "w.safetensors"))
    with pytest.raises(UserError, match="imlbench"):
        read()
