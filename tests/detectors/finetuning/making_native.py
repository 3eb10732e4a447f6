"""Fine-tunings of networks that see images at their own size, with nothing of this machine."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from detectors.network_detector import NetworkDetector
from imlbench.config import ENVIRONMENT_PREFIX, environment_name
from imlbench.evaluation_sets import evaluation_cards
from imlbench.training.finetuners import Finetuner
from imlbench.training.finetuning import FinetuneRequest, complete, prepare
from imlbench.training.single_loop import ImageTrainer
from tests.training.making_exports import make_export

CONFIG = """
steps = 4
batch_size = 2
workers = 0
precision = "no"
sizes = [32]
validate_every = 2
save_every = 2
"""


def make_place(root: Path, monkeypatch: pytest.MonkeyPatch, finetuner: Finetuner, network: type[nn.Module]) -> None:
    """A training set, a configuration and weights of a stand-in, which is built where the real network would be."""
    variable = f"IMLBENCH_{finetuner.name.upper().replace('-', '_')}"
    for name in (ENVIRONMENT_PREFIX, variable, *map(environment_name, evaluation_cards())):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(root / "no-config"))
    monkeypatch.setenv("IMLBENCH_WEIGHTS", str(root / "no-weights"))
    monkeypatch.setattr(f"detectors.{finetuner.name.replace('-', '_')}.network.build", network)
    monkeypatch.setattr(NetworkDetector, "lacking_packages", classmethod(lambda cls: ""))
    (root / "run.toml").write_text(CONFIG)
    save_file(network().state_dict(), root / "start.safetensors")
    make_export(root / "set")


def begun(root: Path, finetuner: Finetuner, **changes) -> ImageTrainer:
    """A run that is ready to go, from the stand-in's weights."""
    asked = {"data": (str(root / "set"),), "out": root / "run", "init": str(root / "start.safetensors")}
    asked |= {"config": str(root / "run.toml"), "cpu": True, "say": lambda line: None}
    return prepare(FinetuneRequest(**{**asked, **changes}), finetuner)


def finish(trainer: ImageTrainer) -> bool:
    """Train without a word; whether all steps are taken."""
    return complete(trainer, lambda line: None)


def die_at_the_third_step(trainer: ImageTrainer) -> None:
    """Train as long as that."""
    take = trainer._take_step

    def die(micro):
        if trainer.step == 2:
            raise KeyboardInterrupt
        return take(micro)

    trainer._take_step = die
    with pytest.raises(KeyboardInterrupt):
        trainer.train()


def moved(run: Path) -> set[str]:
    """Parts of the network of which a tensor is not what it was."""
    first, last = load_file(run / "first.safetensors"), load_file(run / "last.safetensors")
    assert first.keys() == last.keys()
    return {name.partition(".")[0] for name in first if not torch.equal(first[name], last[name])}


def same_end(run: Path, other: Path) -> bool:
    """Whether two runs had the same losses and came to the same weights."""
    ends = [load_file(one / "last.safetensors") for one in (run, other)]
    return losses(run) == losses(other) and all(torch.equal(ends[0][name], ends[1][name]) for name in ends[1])


def losses(run: Path) -> list[str]:
    """Of each step, as the log has them."""
    with (run / "training.csv").open() as file:
        return [row["loss"] for row in csv.DictReader(file)]
