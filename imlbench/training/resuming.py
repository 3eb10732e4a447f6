"""What a checkpoint holds of a run in progress, and how it goes on from one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch

from imlbench.errors import UserError
from imlbench.training.states import load_own_state, own_state

if TYPE_CHECKING:
    from imlbench.training.loop import Trainer
    from imlbench.training.task import Network


def state_of(trainer: Trainer[Network]) -> dict[str, Any]:
    """Everything that the steps to come depend on, and what the run is."""
    scaler = trainer.accelerator.scaler
    state = {
        "step": trainer.step,
        "best": trainer.best,
        "seconds": trainer.trained_seconds,
        "config": trainer.recipe.to_dict(),
        "data_sha256": trainer.run.data_sha256,
        "history": json.dumps(trainer.history),
        "processes": trainer.accelerator.num_processes,
        "network": own_state(trainer.network, trainer.task.frozen()),
        "ema": trainer.ema.state(),
        "optimizer": trainer.optimizer.state_dict(),
        "scaler": None if scaler is None else scaler.state_dict(),
        # Data and views follow from seed and position; this is for whatever else may draw numbers.
        "random": torch.get_rng_state(),
    }
    clashes = sorted(state.keys() & trainer.run.identity.keys())
    if clashes:
        raise ValueError(f"a run's identity may not use the names of its state: {', '.join(clashes)}")
    return {**trainer.run.identity, **state}


def restore(trainer: Trainer[Network], state: Mapping[str, Any]) -> None:
    """Take everything from a checkpoint, once it is known to be of this very run.

    Args:
        trainer: at its start.
        state: as `read_checkpoint` gives it.

    Raises:
        UserError: identity, recipe, data or number of processes differ.
        RuntimeError: its tensors do not fit the network.
    """
    expect_same_run(trainer, state)
    load_own_state(trainer.network, state["network"], trainer.task.frozen())
    trainer.ema.load(state["ema"])
    trainer.optimizer.load_state_dict(state["optimizer"])
    if trainer.accelerator.scaler is not None and state["scaler"]:
        trainer.accelerator.scaler.load_state_dict(state["scaler"])
    torch.set_rng_state(state["random"])
    trainer.step, trainer.best, trainer.trained_seconds = state["step"], state["best"], state["seconds"]
    before = json.loads(state["history"])
    commands = [*before.get("commands", ()), *trainer.history.get("commands", ())]
    trainer.history = {**before, "commands": commands}


def expect_same_run(trainer: Trainer[Network], state: Mapping[str, Any]) -> None:
    """Compare a checkpoint with what is asked for now.

    Raises:
        UserError: they differ in something that losses depend on.
    """
    run = trainer.run
    config = run.recipe.to_dict()
    compared = [(name, state.get(name), wanted) for name, wanted in run.identity.items()]
    compared += [("number of processes", state["processes"], trainer.accelerator.num_processes)]
    compared += [("data", state["data_sha256"], run.data_sha256)]
    compared += [
        (name, value, config.get(name)) for name, value in state["config"].items() if name not in run.recipe.unbound
    ]
    for what, found, wanted in compared:
        if found != wanted:
            raise UserError(f"{run.out}: --resume: the run's {what} was {found!s:.80}, now it is {wanted!s:.80}")
