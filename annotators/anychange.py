"""AnyChange: SAM's masks of both images, those kept whose features differ. Needs the extra imlbench[anychange].

Zheng, Zhong, Zhang and Ermon, Segment Any Change, NeurIPS 2024, by their package torchange, which is used as it is.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from imlbench.adapters import Annotator
from imlbench.cards import AdapterCard
from imlbench.errors import UserError, one_line
from imlbench.weights import lacking, locate
from imlbench.weights.using import known_weight

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from imlbench.samples import Pair, ScoreMap

PACKAGE = "torchange"
WEIGHTS = "sam-vit-b"
ANGLE = 155
"""Degrees, the package's default: a mask is kept where the two images' features in it are more than 180 - 155 apart."""
THRESHOLD = (1 + math.cos(math.radians(ANGLE))) / 2
LONGEST = 1024
"""Pixels of the longer side: SAM sees no more, and the package enlarges 256 channels to the size that it is given."""


class AnyChange(Annotator):
    """(1 - cosine) / 2 of the two images' features within each mask that AnyChange keeps, 0 elsewhere.

    Where masks overlap, the larger score counts.

    Args:
        device: where SAM runs.
        seed: of no meaning; nothing is drawn.
        model: an AnyChange of torchange's; None = with SAM's published ViT-B, from this machine.

    Raises:
        UserError: the package or the weights are missing, or they do not load.
    """

    card: ClassVar[AdapterCard] = AdapterCard(
        name="anychange",
        title="AnyChange",
        version="1",
        summary="SAM's masks in which the features of the two images differ; needs imlbench[anychange]; no training",
        licence="Apache-2.0",
        citation="Zheng, Zhong, Zhang, Ermon, Segment Any Change, NeurIPS 2024; by the authors' package torchange",
        url="https://arxiv.org/abs/2402.01188",
        threshold=THRESHOLD,
        batched=True,
        accelerated=True,
        weights=(known_weight(WEIGHTS),),
    )

    def __init__(self, device: str = "cpu", seed: int = 0, *, model: Any = None) -> None:
        super().__init__(device, seed)
        self.model = published_model(device) if model is None else model

    @classmethod
    def missing(cls) -> str:
        return lacking_package() or lacking(WEIGHTS)

    def annotate(self, pairs: Sequence[Pair]) -> list[ScoreMap]:
        return [self._annotate(pair) for pair in pairs]

    def _annotate(self, pair: Pair) -> NDArray[np.float32]:
        import cv2

        from imlbench.images import resize_image

        height, width = pair.edited.shape[:2]
        scale = min(1.0, LONGEST / max(height, width))
        size = max(1, round(height * scale)), max(1, round(width * scale))
        images = [image if scale == 1 else resize_image(image, size) for image in (pair.original, pair.edited)]
        # A call that failed leaves its images' features behind, and the next would take them for its own.
        self.model.clear_cached_embedding()
        scores = score_map(self.model(*images), size)
        if scale == 1:
            return scores
        # Not bilinearly: between a mask and nothing, half a score would be above the threshold too.
        enlarged: NDArray[np.float32] = cv2.resize(scores, (width, height), interpolation=cv2.INTER_NEAREST)  # type: ignore[assignment]
        return enlarged


def score_map(found: Mapping[str, Any], shape: tuple[int, int]) -> NDArray[np.float32]:
    """The kept masks' scores: H x W, float32 in [0, 1], at least `THRESHOLD` within a mask.

    Args:
        found: the package's predictions: `masks`, each with its `size` and its `counts`, and `scores`, minus cosines.
        shape: (height, width).

    Raises:
        ValueError: a mask has another size.
    """
    import numpy as np

    scores = np.zeros(shape, np.float32)
    # In double precision, so that what the package kept stays above the threshold.
    confidences = (1 + np.asarray(found["scores"], np.float64)) / 2
    for encoded, confidence in zip(found["masks"], confidences.clip(0, 1), strict=True):
        mask = decoded(encoded, shape)
        scores[mask] = np.maximum(scores[mask], np.float32(confidence))
    return scores


def decoded(encoded: Mapping[str, Any], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """A mask from the lengths of its runs, column by column, the first of them outside: H x W.

    Raises:
        ValueError: it has another size.
    """
    import numpy as np

    height, width = shape
    runs = np.asarray(encoded["counts"], np.int64)
    if tuple(encoded["size"]) != shape or runs.sum() != height * width:
        found = f"size {encoded['size']} with {runs.sum()} pixels"
        raise ValueError(f"{PACKAGE}: expected a mask of {height} x {width} pixels, found {one_line(found, 80)}")
    flat: NDArray[np.bool_] = np.repeat(np.arange(runs.size) % 2 == 1, runs)
    return flat.reshape(width, height).T


def published_model(device: str) -> Any:
    """The package's AnyChange over SAM's ViT-B with its default settings.

    Raises:
        UserError: the package or the weights are missing, or they do not load.
    """
    if lacks := lacking_package():
        raise UserError(lacks)
    path = locate(WEIGHTS)
    # A library that the package loads asks the network for news of itself when it is imported, unless told not to.
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    try:
        return on_device(built(path), device)
    except Exception as error:
        # Its libraries' versions, a damaged file, a device that is not there: each raises by another type.
        reason = one_line(f"{type(error).__name__}: {error}", 200)
        raise UserError(f"anychange: {PACKAGE} cannot load {path} on {one_line(device, 40)}: {reason}") from error


def built(path: Path) -> Any:
    """The model with the settings that the row stands for, whatever the defaults of the package become."""
    model = import_module(f"{PACKAGE}.models.segment_any_change").AnyChange("vit_b", sam_checkpoint=str(path))
    model.make_mask_generator(points_per_side=32, stability_score_thresh=0.95)
    model.set_hyperparameters(
        change_confidence_threshold=ANGLE,
        auto_threshold=False,
        use_normalized_feature=True,
        area_thresh=0.8,
        match_hist=False,
        bitemporal_match=True,
    )
    return model


def on_device(model: Any, device: str) -> Any:
    """The model where it is asked for: the package itself takes a GPU whenever there is one."""
    import torch

    model.device = torch.device(device)
    model.sam.to(model.device)
    norm = model.sam.image_encoder.neck[3]
    weight, bias = (values.detach()[:, None, None] for values in (norm.weight, norm.bias))
    # The inverse of the encoder's last normalisation; the package's own keeps tensors of the first device.
    model.inv_transform = lambda features: (features - bias) / weight
    return model


def lacking_package() -> str:
    """What is said where the package is not installed; empty = it is."""
    if find_spec(PACKAGE) is not None:
        return ""
    return f"anychange: needs {PACKAGE}, not installed: pip install 'imlbench[anychange]'"
