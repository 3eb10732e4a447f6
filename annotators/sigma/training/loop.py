"""The training loop: one step after another, on one device or many, from the start or from where it was killed."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from annotators.sigma.training.checkpoints import LAST, read_checkpoint, write_checkpoint
from annotators.sigma.training.config import UNBOUND
from annotators.sigma.training.data import Batch, Plan, batches
from annotators.sigma.training.ema import Ema
from annotators.sigma.training.export import export
from annotators.sigma.training.logs import TRAINING, VALIDATION, Log, Silence
from annotators.sigma.training.run import BEST, FINAL, Run, make_accelerator
from annotators.sigma.training.schedule import rate_at
from annotators.sigma.training.stages import TEACHER, make_stage, teach
from annotators.sigma.training.validation import Score, as_score, spread, validate
from imlbench.errors import UserError

if TYPE_CHECKING:
    from annotators.sigma.network.model import Sigma


class Trainer:
    """A run in progress.

    Args:
        run: what to do.
        network: the student, on the processor, with the weights to start from.

    Raises:
        UserError: accelerate is missing, the folder holds another run, or the checkpoint does not fit.
    """

    def __init__(self, run: Run, network: Sigma) -> None:
        self.run, self.config = run, run.config
        self.accelerator = make_accelerator(run.config, run.cpu)
        self.network = network.to(self.accelerator.device).train()
        self.ema = Ema(self.network, run.config.ema_momentum, warm_up=run.stage == 1)
        stage = make_stage(run.stage, self.network, run.config)
        self.terms = stage.terms
        trainable = [parameter for parameter in network.parameters() if parameter.requires_grad]
        betas = (run.config.betas[0], run.config.betas[1])
        optimizer = torch.optim.AdamW(trainable, run.config.learning_rate, betas, weight_decay=run.config.weight_decay)
        self.trainable = trainable
        self.stage: nn.Module
        self.stage, self.optimizer = self.accelerator.prepare(stage, optimizer)
        self.step, self.best, self.trained_seconds = 0, -1.0, 0.0
        self.history = dict(run.history)
        if run.resume:
            self._restore(read_checkpoint(run.out))
        elif (run.out / LAST).exists():
            raise UserError(f"{run.out}: holds a run already; give --resume to go on with it, or another folder")
        elif (run.out / BEST).exists():
            raise UserError(
                f"{run.out}: holds {BEST} without a {LAST} to go on from; delete it, or take another folder"
            )
        world = self.accelerator.num_processes
        self.plan = Plan(len(run.data), run.config, self.step, self.accelerator.process_index, world)

    def train(self) -> Score | None:
        """Take the steps that are left, validating and saving on the way.

        Returns:
            The last validation's score; None where there is nothing to validate on, or no step was left.

        Raises:
            UserError: the loss is not finite, a pair cannot be read, or the folder cannot be written.
        """
        if self.step >= self.plan.steps:
            return None
        log = self._log()
        started = time.monotonic()
        micro = iter(batches(self.run.data, self.plan, self.config.workers))
        score, scored_at = None, -1
        with contextlib.closing(log):
            while self.step < self.plan.steps:
                before = time.monotonic()
                losses = self._take_step(micro)
                self.trained_seconds += time.monotonic() - before
                log.write(TRAINING, self.step, {**losses, "rate": self._rate(self.step - 1)})
                over = self._over(started)
                if self.step % self.config.log_every == 0 or over or self.step == 1:
                    self._say_step(losses)
                if self.step % self.config.validate_every == 0 or over or self.step == self.plan.steps:
                    score, scored_at = self._validate(log), self.step
                if self.step % self.config.save_every == 0 or scored_at == self.step:
                    self._save()
                if over:
                    break
        self._export(FINAL, score)
        if not self.run.validation:
            self._export(BEST, score)
        return score

    def _take_step(self, micro: Iterator[Batch]) -> dict[str, float]:
        """One optimiser step over all accumulated batches; its losses, averaged over batches and processes."""
        rate = self._rate(self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        totals = torch.zeros(len(self.terms), device=self.accelerator.device)
        for part in range(self.config.accumulation):
            batch = {name: value.to(self.accelerator.device, non_blocking=True) for name, value in next(micro).items()}
            last = part == self.config.accumulation - 1
            with contextlib.nullcontext() if last else self.accelerator.no_sync(self.stage):
                losses = self._losses(batch)
                self.accelerator.backward(losses["loss"] / self.config.accumulation)
            totals += torch.stack([losses[name].detach().float() for name in self.terms])
        if self.config.gradient_clip:
            self.accelerator.clip_grad_norm_(self.trainable, self.config.gradient_clip)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.ema.update(self.network)
        self.step += 1
        means = self.accelerator.reduce(totals, "mean") / self.config.accumulation
        return self._checked(dict(zip(self.terms, means.tolist(), strict=True)))

    def _losses(self, batch: Batch) -> dict[str, Tensor]:
        if self.run.stage == 2:
            with self.accelerator.autocast():
                batch[TEACHER] = teach(self.ema.network, batch)
        losses: dict[str, Tensor] = self.stage(batch)
        return losses

    def _checked(self, losses: dict[str, float]) -> dict[str, float]:
        if not all(abs(value) < float("inf") for value in losses.values()):
            raise UserError(f"the loss is not finite at step {self.step}; lower learning_rate, or set precision = 'no'")
        return losses

    def _rate(self, step: int) -> float:
        return rate_at(step, self.plan.steps, self.config.learning_rate, self.config.warmup_steps)

    def _over(self, started: float) -> bool:
        """Whether the wall time is up, for any process: all must stop at the same step."""
        if self.run.seconds is None:
            return False
        late = torch.tensor([float(time.monotonic() - started >= self.run.seconds)], device=self.accelerator.device)
        return bool(self.accelerator.reduce(late, "sum").item() > 0)

    def _validate(self, log: Log | Silence) -> Score | None:
        """Score the averaged weights, and keep them if they are the best yet."""
        pairs = spread(self.run.validation, self.config.validation_limit)
        if not pairs:
            return None
        share = pairs[self.accelerator.process_index :: self.accelerator.num_processes]
        with self.accelerator.autocast():
            sums = validate(self.ema.network, share, self.accelerator.device)
        # As float32: not every accelerator knows float64.
        gathered = self.accelerator.reduce(torch.from_numpy(sums).float().to(self.accelerator.device), "sum")
        score = as_score(gathered.cpu().double().numpy())
        log.write(VALIDATION, self.step, score._asdict())
        self._say(
            f"step {self.step}: validation F1 {100 * score.f1:.1f} on {score.edited} pairs, "
            f"{100 * score.marked:.2f} % marked in {score.untouched} without an edit"
        )
        if score.f1 > self.best:
            self.best = score.f1
            self._export(BEST, score)
        return score

    def _export(self, name: str, score: Score | None) -> None:
        if self.accelerator.is_main_process:
            facts = {"step": self.step, "seconds": round(self.trained_seconds), "score": score and score._asdict()}
            export(self.run.out / name, self.ema.network, {**self.history, **facts})

    def _save(self) -> None:
        if not self.accelerator.is_main_process:
            return
        scaler = self.accelerator.scaler
        state = {
            "step": self.step,
            "best": self.best,
            "seconds": self.trained_seconds,
            "stage": self.run.stage,
            "config": self.config.to_dict(),
            "data_sha256": self.run.data_sha256,
            "history": json.dumps(self.history),
            "processes": self.accelerator.num_processes,
            "network": self.network.state_dict(),
            "ema": self.ema.state(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": None if scaler is None else scaler.state_dict(),
            # Data and views follow from seed and position; this is for whatever else may draw numbers.
            "random": torch.get_rng_state(),
        }
        write_checkpoint(self.run.out, state)

    def _restore(self, state: Mapping[str, Any]) -> None:
        """Take everything from a checkpoint, once it is known to be of this very run.

        Raises:
            UserError: stage, configuration, data or number of processes differ.
        """
        self._expect("stage", state["stage"], self.run.stage)
        self._expect("number of processes", state["processes"], self.accelerator.num_processes)
        self._expect("data", state["data_sha256"], self.run.data_sha256)
        config = self.config.to_dict()
        for name, value in state["config"].items():
            if name not in UNBOUND:
                self._expect(name, value, config.get(name))
        self.network.load_state_dict(state["network"])
        self.ema.load(state["ema"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.accelerator.scaler is not None and state["scaler"]:
            self.accelerator.scaler.load_state_dict(state["scaler"])
        torch.set_rng_state(state["random"])
        self.step, self.best, self.trained_seconds = state["step"], state["best"], state["seconds"]
        before = json.loads(state["history"])
        commands = [*before.get("commands", ()), *self.history.get("commands", ())]
        self.history = {**before, "commands": commands}

    def _expect(self, what: str, found: object, wanted: object) -> None:
        if found != wanted:
            raise UserError(f"{self.run.out}: --resume: the run's {what} was {found!s:.80}, now it is {wanted!s:.80}")

    def _log(self) -> Log | Silence:
        columns = (*self.terms, "rate")
        return Log(self.run.out, columns, self.step) if self.accelerator.is_main_process else Silence()

    def _say_step(self, losses: Mapping[str, float]) -> None:
        parts = ", ".join(f"{name} {value:.4f}" for name, value in losses.items())
        pace = self.trained_seconds / self.step
        left = pace * (self.plan.steps - self.step) / 60
        self._say(f"step {self.step}/{self.plan.steps}: {parts}; {pace:.2f} s a step, {left:.0f} min left")

    def _say(self, line: str) -> None:
        if self.accelerator.is_main_process:
            self.run.say(line)
