"""The training loop: one step after another, on one device or many, from the start or from where it was killed."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic

import torch
from torch import Tensor, nn

from imlbench.errors import UserError
from imlbench.training.checkpoints import expect_no_run, read_checkpoint, write_checkpoint
from imlbench.training.ema import Ema
from imlbench.training.logs import TRAINING, VALIDATION, Log, Silence
from imlbench.training.optimisers import make_optimiser
from imlbench.training.plan import Plan, batches
from imlbench.training.resuming import restore, state_of
from imlbench.training.run import BEST, FINAL, Run, make_accelerator
from imlbench.training.task import Network, Task
from imlbench.training.validation import Score, as_score, spread, validate

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from imlbench.training.items import Batch


class Trainer(Generic[Network]):
    """A run in progress.

    Args:
        run: what to do.
        task: the student and its losses, on the processor, with the weights to start from.

    Raises:
        UserError: accelerate is missing, the folder holds another run, or the checkpoint does not fit.
    """

    def __init__(self, run: Run, task: Task[Network]) -> None:
        self.run, self.recipe = run, run.recipe
        self.accelerator: Any = make_accelerator(run.recipe.precision, run.cpu)
        self.task = task.to(self.accelerator.device).train()
        self.network: Network = task.network
        self.ema: Ema[Network] = Ema(task.network, run.recipe.ema_momentum, task.warm_up, task.frozen())
        self.trainable = task.trainable()
        self.prepared: nn.Module
        self.optimizer: Optimizer
        self.prepared, self.optimizer = self.accelerator.prepare(task, make_optimiser(run.recipe, self.trainable))
        self.step, self.best, self.trained_seconds = 0, -1.0, 0.0
        self.history: dict[str, Any] = dict(run.history)
        if run.resume:
            restore(self, read_checkpoint(run.out))
        else:
            expect_no_run(run.out)
        world = self.accelerator.num_processes
        self.plan = Plan(len(run.data), run.recipe, self.step, self.accelerator.process_index, world)

    def train(self) -> Score | None:
        """Take the steps that are left, validating and saving on the way.

        Returns:
            The last validation's score; None where there is nothing to validate on, or no step was left.

        Raises:
            UserError: the loss is not finite, a pair cannot be read, or the folder cannot be written.
        """
        if self.step >= self.plan.steps:
            # A kill between the last checkpoint and the weights' file.
            if not (self.run.out / FINAL).exists():
                self._finish(None)
            return None
        log = self._log()
        started = time.monotonic()
        micro = iter(batches(self.run.data, self.plan, self.recipe.workers))
        score, scored_at = None, -1
        with contextlib.closing(log):
            while self.step < self.plan.steps:
                before = time.monotonic()
                losses = self._take_step(micro)
                self.trained_seconds += time.monotonic() - before
                log.write(TRAINING, self.step, {**losses, "rate": self._rate(self.step - 1)})
                over = self._over(started)
                if self.step % self.recipe.log_every == 0 or over or self.step == 1:
                    self._say_step(losses)
                if self.step % self.recipe.validate_every == 0 or over or self.step == self.plan.steps:
                    score, scored_at = self._validate(log), self.step
                if self.step % self.recipe.save_every == 0 or scored_at == self.step:
                    self._save()
                if over:
                    break
        self._finish(score)
        return score

    def _finish(self, score: Score | None) -> None:
        """Write the last weights, which are the best ones too where nothing is validated."""
        self._export(FINAL, score)
        if not self.run.validation:
            self._export(BEST, score)

    def _take_step(self, micro: Iterator[Batch]) -> dict[str, float]:
        """One optimiser step over all accumulated batches; its losses, averaged over batches and processes."""
        rate = self._rate(self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        totals = torch.zeros(len(self.task.terms), device=self.accelerator.device)
        for part in range(self.recipe.accumulation):
            batch = {name: value.to(self.accelerator.device, non_blocking=True) for name, value in next(micro).items()}
            last = part == self.recipe.accumulation - 1
            with contextlib.nullcontext() if last else self.accelerator.no_sync(self.prepared):
                losses = self._losses(batch)
                self.accelerator.backward(losses["loss"] / self.recipe.accumulation)
            totals += torch.stack([losses[name].detach().float() for name in self.task.terms])
        if self.recipe.gradient_clip:
            self.accelerator.clip_grad_norm_(self.trainable, self.recipe.gradient_clip)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.ema.update(self.network)
        self.step += 1
        means = self.accelerator.reduce(totals, "mean") / self.recipe.accumulation
        return self._checked(dict(zip(self.task.terms, means.tolist(), strict=True)))

    def _losses(self, batch: Batch) -> dict[str, Tensor]:
        with self.accelerator.autocast():
            self.task.teach(batch, self.ema.network)
        losses: dict[str, Tensor] = self.prepared(batch)
        return losses

    def _checked(self, losses: dict[str, float]) -> dict[str, float]:
        if not all(abs(value) < float("inf") for value in losses.values()):
            raise UserError(f"the loss is not finite at step {self.step}; lower learning_rate, or set precision = 'no'")
        return losses

    def _rate(self, step: int) -> float:
        return self.recipe.rate(step, self.plan.steps)

    def _over(self, started: float) -> bool:
        """Whether the wall time is up, for any process: all must stop at the same step."""
        if self.run.seconds is None:
            return False
        late = torch.tensor([float(time.monotonic() - started >= self.run.seconds)], device=self.accelerator.device)
        return bool(self.accelerator.reduce(late, "sum").item() > 0)

    def _validate(self, log: Log | Silence) -> Score | None:
        """Score the averaged weights, and keep them if they are the best yet."""
        pairs = spread(self.run.validation, self.recipe.validation_limit)
        if not pairs:
            return None
        share = pairs[self.accelerator.process_index :: self.accelerator.num_processes]
        with self.accelerator.autocast():
            sums = validate(self.task, self.ema.network, share, self.accelerator.device)
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
            self.task.export(self.run.out / name, self.ema.network, {**self.history, **facts})

    def _save(self) -> None:
        if self.accelerator.is_main_process:
            write_checkpoint(self.run.out, state_of(self))

    def _log(self) -> Log | Silence:
        columns = (*self.task.terms, "rate")
        return Log(self.run.out, columns, self.step) if self.accelerator.is_main_process else Silence()

    def _say_step(self, losses: Mapping[str, float]) -> None:
        parts = ", ".join(f"{name} {value:.4f}" for name, value in losses.items())
        pace = self.trained_seconds / self.step
        left = pace * (self.plan.steps - self.step) / 60
        self._say(f"step {self.step}/{self.plan.steps}: {parts}; {pace:.2f} s a step, {left:.0f} min left")

    def _say(self, line: str) -> None:
        if self.accelerator.is_main_process:
            self.run.say(line)
