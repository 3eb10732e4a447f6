"""The training loop for detectors: the common one, validated on single images at their own size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from imlbench.training.logs import VALIDATION, Log, Silence
from imlbench.training.loop import Trainer
from imlbench.training.run import BEST
from imlbench.training.single import read_image
from imlbench.training.single_task import ImageTask
from imlbench.training.task import Network
from imlbench.training.validation import THRESHOLD, Score, as_score, f1, spread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.training.pairs import TrainingPair
    from imlbench.training.run import Run


class ImageTrainer(Trainer[Network]):
    """A fine-tuning in progress.

    Args:
        run: what to do.
        task: the network and its losses, on the processor, with the weights to start from.

    Raises:
        UserError: as `Trainer`.
    """

    task: ImageTask[Network]

    def __init__(self, run: Run, task: ImageTask[Network]) -> None:
        super().__init__(run, task)

    def _validate(self, log: Log | Silence) -> Score | None:
        """Score the averaged weights on images kept apart, and keep them if they are the best yet."""
        images = spread(self.run.validation, self.recipe.validation_limit)
        if not images:
            return None
        share = images[self.accelerator.process_index :: self.accelerator.num_processes]
        with self.accelerator.autocast():
            sums = validate_images(self.task, self.ema.network, share, self.accelerator.device)
        # As float32: not every accelerator knows float64.
        gathered = self.accelerator.reduce(torch.from_numpy(sums).float().to(self.accelerator.device), "sum")
        score = as_score(gathered.cpu().double().numpy())
        log.write(VALIDATION, self.step, score._asdict())
        self._say(
            f"step {self.step}: validation F1 {100 * score.f1:.1f} on {score.edited} edited images, "
            f"{100 * score.marked:.2f} % marked in {score.untouched} authentic ones"
        )
        # Of equals the later one: a network that marks nothing yet has learned something all the same.
        if score.f1 >= self.best:
            self.best = score.f1
            self._export(BEST, score)
        return score


@torch.inference_mode()
def validate_images(
    task: ImageTask[Network], network: Network, images: Sequence[TrainingPair], device: torch.device
) -> NDArray[np.float64]:
    """Sums over the images: of F1 at 0.5, edited images, of marked shares, authentic images; see `as_score`.

    Args:
        task: says what a network's scores are.
        network: what is scored.
        images: with masks; those pixels count as edited whose level is at least 128.
        device: the network's.
    """
    was_training = network.training
    network.eval()
    sums = np.zeros(4)
    for image in images:
        pixels, levels = read_image(image)
        marked, mask = task.judge_file(network, image, pixels, device) >= THRESHOLD, levels >= 128
        sums += (f1(marked, mask), 1, 0, 0) if mask.any() else (0, 0, marked.mean(), 1)
    network.train(was_training)
    return sums
