"""The trainings: `imlbench train` for each network, in a process of its own, begun, gone on with, or done already."""

from __future__ import annotations

import csv
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.comparison.contestants import DDPM_CD, WEIGHTS, Trained
from benchmarks.comparison.order import Order, toml_text
from imlbench.errors import UserError
from imlbench.files import write_atomically
from imlbench.training.checkpoints import LAST, read_checkpoint
from imlbench.training.logs import VALIDATION
from imlbench.training.pairs import TrainingSet
from imlbench.weights.using import hash_of

IMLBENCH = (sys.executable, "-c", "from imlbench.cli.main import main; main()")
FINISHED = "finished.json"
INTERRUPTED = 130
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Finished:
    """What came of a training.

    Attributes:
        asked: what decides its weights; another comparison asks for something else.
        command: as it can be typed.
        sides: of the input while it was trained, in pixels.
        learning_rate: at its peak.
        seconds: of training alone, without validation.
        f1: mean over the edited pairs kept apart, in [0, 1]; None = there are none.
        marked: mean share marked in pairs kept apart that have no edit; None = there are none.
    """

    asked: dict[str, Any]
    command: str
    sides: list[int]
    learning_rate: float
    seconds: float
    f1: float | None
    marked: float | None


def train(one: Trained, order: Order, data: TrainingSet, keep_out: Sequence[Path], say: Say) -> Finished:
    """Train a network from its first step or from where it was killed; nothing where it is finished.

    Raises:
        UserError: the training failed, or its folder holds one that was asked for differently.
    """
    folder, asked = order.run(one), what_decides(one, order, data)
    if (folder / FINISHED).is_file():
        return known(folder, asked)
    resume = (folder / LAST).is_file()
    if not resume and folder.is_dir():
        # Killed before its first checkpoint.
        shutil.rmtree(folder)
    config = order.out / "configs" / f"{one.name}.toml"
    write_atomically(config, toml_text(order.config(one)))
    command = [*arguments(one, order, config), *(part for root in keep_out for part in ("--keep-out", str(root)))]
    say(f"{one.name}: training {'goes on' if resume else 'begins'}")
    code = subprocess.run([*IMLBENCH, *command, *(["--resume"] if resume else [])], check=False).returncode
    if code in (INTERRUPTED, -2):
        raise KeyboardInterrupt
    if code or not (folder / WEIGHTS).is_file():
        raise UserError(f"{one.name}: the training ended with code {code}, see above; delete {folder} to begin anew")
    finished = outcome(folder, asked, shlex.join(["imlbench", *command]))
    write_atomically(folder / FINISHED, json.dumps(asdict(finished), indent=1) + "\n")
    return finished


def what_decides(one: Trained, order: Order, data: TrainingSet) -> dict[str, Any]:
    """All that the weights follow from, as JSON holds it."""
    unet = hash_of(order.unet) if order.unet is not None and one is DDPM_CD else ""
    config = {name: value for name, value in order.config(one).items() if name not in ("workers", "save_every")}
    asked = {"samples": order.rounded, "config": config, "data_sha256": data.sha256, "unet": unet}
    found: dict[str, Any] = json.loads(json.dumps(asked))
    return found


def known(folder: Path, asked: dict[str, Any]) -> Finished:
    """A training that is finished.

    Raises:
        UserError: it is another one, or its marker is damaged.
    """
    try:
        finished = Finished(**json.loads((folder / FINISHED).read_bytes()))
        differing = [name for name in asked if finished.asked.get(name) != asked[name]]
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise UserError(f"{folder / FINISHED}: cannot be read; delete {folder} to train anew") from error
    if differing:
        name = differing[0]
        told = f"{name} was {finished.asked.get(name)!s:.200}, now it is {asked[name]!s:.200}"
        raise UserError(f"{folder}: finished for another comparison ({told}); take another --out, or delete it")
    return finished


def arguments(one: Trained, order: Order, config: Path) -> list[str]:
    """What follows `imlbench`."""
    places = ["--config", str(config), "--data", order.pairs, "--out", str(order.run(one)), "--cpu"]
    own = []
    if one is DDPM_CD:
        own = ["--random-unet"] if order.unet is None else ["--unet", str(order.unet)]
    return ["train", *one.command, *places, *own]


def outcome(folder: Path, asked: dict[str, Any], command: str) -> Finished:
    """What a training tells of itself.

    Raises:
        UserError: its checkpoint cannot be read, or it has not come to its last step.
    """
    state = read_checkpoint(folder)
    recipe, steps = state["config"], asked["config"]["steps"]
    if state["step"] != steps:
        raise UserError(f"{folder}: expected {steps} steps, found {state['step']}; run the same command again")
    f1, marked = last_validation(folder)
    return Finished(asked, command, list(recipe["sizes"]), recipe["learning_rate"], state["seconds"], f1, marked)


def last_validation(folder: Path) -> tuple[float | None, float | None]:
    """F1 and marked share of the last validation, None where no pair had a value."""
    with (folder / VALIDATION).open(newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        return None, None
    counted = (("f1", "edited"), ("marked", "untouched"))
    f1, marked = (float(rows[-1][name]) if float(rows[-1][count]) else None for name, count in counted)
    return f1, marked


@contextmanager
def weights_of(order: Order) -> Iterator[None]:
    """Within, the annotators are those that were trained here, in processes that are started too."""
    names = {key: str(order.run(one) / file) for one in order.trained for key, file in one.variables.items()}
    if order.unet is not None:
        names["IMLBENCH_DDPM_CD_UNET"] = str(order.unet)
    before = {key: os.environ.get(key) for key in names}
    os.environ.update(names)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value
