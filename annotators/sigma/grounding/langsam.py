"""GroundingDINO and SAM 2.1 through their authors' packages, as lang-sam combines them, without its side effects.

lang-sam turns autocast on for the whole process when it is imported; its two packages are used here directly, in
float32, and nothing outside a call changes. Needs the extra imlbench[langsam].
"""

from __future__ import annotations

from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from annotators.sigma.grounding.contract import no_maps
from annotators.sigma.grounding.detections import (
    MIN_SIDE,
    VERSION,
    Thresholds,
    full_precision,
    has_word,
    prompt,
    sigmoid,
    usable,
)
from annotators.sigma.grounding.explaining import Explaining
from annotators.sigma.grounding.langsam_loading import LangSamFiles, load_detector, load_segmenter
from imlbench.cards import Card

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from annotators.sigma.grounding.contract import Maps
    from annotators.sigma.grounding.detections import Boxes
    from imlbench.samples import Image

SHORT_SIDE, LONG_SIDE = 800, 1333
"""Pixels of the image that the detector sees: this shorter side, unless the longer one would exceed its limit."""
BOXES_AT_ONCE = 8
"""Boxes that the segmenter decodes together; bounds memory, not the result."""


class LangSam(Explaining):
    """GroundingDINO (groundingdino-py) and SAM 2.1 (sam2) in float32.

    Args:
        files: the weight files; by default those in the folder that IMLBENCH_LANGSAM names, or `langsam` in the
            config file's table `weights`.
        device: "cpu", "cuda", "cuda:1".
        thresholds: what counts as found.

    Raises:
        UserError: a package or a weight file is missing, or a file is broken.
    """

    card: ClassVar[Card] = Card(
        name="langsam",
        title="LangSAM",
        version=VERSION,
        summary="GroundingDINO and SAM 2.1 by their authors' packages; needs imlbench[langsam]",
        licence="Apache-2.0 (code and weights)",
        citation="Liu et al., Grounding DINO, ECCV 2024; Ravi et al., SAM 2, ICLR 2025",
        url="https://github.com/luca-medeiros/lang-segment-anything",
    )

    def __init__(
        self, files: LangSamFiles | None = None, *, device: str = "cpu", thresholds: Thresholds | None = None
    ) -> None:
        self.device = device
        self.thresholds = thresholds or Thresholds()
        self.files = files or LangSamFiles.configured()
        self.files.check()
        self.detector = load_detector(self.files, device)
        self.segmenter = load_segmenter(self.files, device)

    @cached_property
    def identity(self) -> str:
        """Changes with the weight files, the thresholds and this code."""
        return f"langsam {VERSION} {self.files.digest()} {self.thresholds}"

    def maps(self, image: Image, concept: str) -> Maps:
        text = prompt(concept)
        if not text or min(image.shape[:2]) < MIN_SIDE:
            return no_maps(image)
        boxes = self.detect(image, text)
        return self.segment(image, boxes) if len(boxes) else no_maps(image)

    def detect(self, image: Image, text: str) -> Boxes:
        """Boxes of what the prompt names, the best first."""
        predict = import_module("groundingdino.util.inference").predict
        limits = self.thresholds.box, self.thresholds.text
        with full_precision(self.device):
            centred, scores, labels = predict(self.detector, normalised(image), text, *limits, device=self.device)
        named = np.array([has_word(label) for label in labels], bool)
        boxes = corners(centred.float().numpy()[named], image.shape)
        return usable(boxes, scores.float().numpy()[named], image.shape, self.thresholds)

    def segment(self, image: Image, boxes: Boxes) -> Maps:
        """Soft masks of K >= 1 boxes: K x H x W."""
        with full_precision(self.device):
            self.segmenter.set_image(np.array(image, order="C"))
            parts = [
                self.segmenter.predict(
                    box=boxes[start : start + BOXES_AT_ONCE], multimask_output=False, return_logits=True
                )[0].reshape(-1, *image.shape[:2])
                for start in range(0, len(boxes), BOXES_AT_ONCE)
            ]
            self.segmenter.reset_predictor()
        return sigmoid(np.concatenate(parts))


def normalised(image: Image) -> Any:
    """What the detector sees: 3 x h x w, float32, resized, ImageNet's mean and deviation taken out."""
    from PIL import Image as PillowImage

    functional = import_module("torchvision.transforms.functional")
    picture = PillowImage.fromarray(np.ascontiguousarray(image))
    tensor = functional.to_tensor(picture.resize(seen_size(image.shape), PillowImage.Resampling.BILINEAR))
    return functional.normalize(tensor, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])


def seen_size(shape: tuple[int, ...]) -> tuple[int, int]:
    """Width and height of the image that the detector sees."""
    height, width = shape[:2]
    scale = min(SHORT_SIDE / min(height, width), LONG_SIDE / max(height, width))
    return max(1, round(width * scale)), max(1, round(height * scale))


def corners(centred: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Boxes as centre, width and height in [0, 1], to left, top, right, bottom in pixels: K x 4 both."""
    height, width = shape[:2]
    centre, half = centred[:, :2], centred[:, 2:] / 2
    size = np.array([width, height, width, height], np.float32)
    pixels: NDArray[np.float32] = np.concatenate([centre - half, centre + half], axis=1) * size
    return pixels
