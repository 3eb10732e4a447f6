"""GroundingDINO and SAM 2.1 through transformers: boxes by the concept, a soft mask in each box.

Section 3.2.2 of the paper names LangSAM, which is this pair of models. Nothing is downloaded here.
"""

from __future__ import annotations

from functools import cached_property
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
from annotators.sigma.grounding.loading import digest, load_detector, load_segmenter, located
from imlbench.cards import Card

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from annotators.sigma.grounding.contract import Maps
    from annotators.sigma.grounding.detections import Boxes
    from imlbench.samples import Image

BOXES_AT_ONCE = 8
"""Boxes that the segmenter decodes together; bounds memory, not the result."""


class TransformersGrounder(Explaining):
    """GroundingDINO and SAM 2.1 in float32.

    Args:
        detector: a folder, or a name that `imlbench weights list` shows: grounding-dino-tiny or grounding-dino-base.
        segmenter: likewise, such as sam2.1-hiera-small.
        device: "cpu", "cuda", "cuda:1".
        thresholds: what counts as found.

    Raises:
        UserError: weights are missing, broken, or not those of these models.
    """

    card: ClassVar[Card] = Card(
        name="transformers",
        title="GroundingDINO + SAM 2.1",
        version=VERSION,
        summary="GroundingDINO's boxes and SAM 2.1's masks, by transformers",
        licence="Apache-2.0 (code and weights)",
        citation="Liu et al., Grounding DINO, ECCV 2024; Ravi et al., SAM 2, ICLR 2025",
        url="https://arxiv.org/abs/2303.05499",
    )

    def __init__(
        self,
        detector: str = "grounding-dino-base",
        segmenter: str = "sam2.1-hiera-small",
        *,
        device: str = "cpu",
        thresholds: Thresholds | None = None,
    ) -> None:
        self.device = device
        self.thresholds = thresholds or Thresholds()
        # Both are looked for before either is loaded: a missing one is told at once.
        self.folders = located(detector), located(segmenter)
        self.detector_processor, self.detector = load_detector(self.folders[0], device)
        self.segmenter_processor, self.segmenter = load_segmenter(self.folders[1], device)

    @cached_property
    def identity(self) -> str:
        """Changes with both models' files, the thresholds and this code."""
        return f"transformers {VERSION} {digest(self.folders)} {self.thresholds}"

    def maps(self, image: Image, concept: str) -> Maps:
        text = prompt(concept)
        if not text or min(image.shape[:2]) < MIN_SIDE:
            return no_maps(image)
        boxes = self.detect(image, text)
        # SAM cannot be asked about no box.
        return self.segment(image, boxes) if len(boxes) else no_maps(image)

    def detect(self, image: Image, text: str) -> Boxes:
        """Boxes of what the prompt names, the best first."""
        inputs = self.detector_processor(images=picture(image), text=text, return_tensors="pt").to(self.device)
        with full_precision(self.device):
            outputs = self.detector(**inputs)
        # The keywords' names: the older box_threshold is gone.
        found = self.detector_processor.post_process_grounded_object_detection(
            outputs,
            inputs["input_ids"],
            threshold=self.thresholds.box,
            text_threshold=self.thresholds.text,
            target_sizes=[image.shape[:2]],
        )[0]
        # Of no box at all the library has one empty label.
        labels = found["text_labels"][: len(found["scores"])]
        named = np.array([has_word(label) for label in labels], bool)
        boxes, scores = (found[key].float().cpu().numpy()[named] for key in ("boxes", "scores"))
        return usable(boxes.reshape(-1, 4), scores, image.shape, self.thresholds)

    def segment(self, image: Image, boxes: Boxes) -> Maps:
        """Soft masks of K >= 1 boxes: K x H x W. The image is encoded once, however many boxes there are."""
        inputs = self.segmenter_processor(images=picture(image), input_boxes=[boxes.tolist()], return_tensors="pt").to(
            self.device
        )
        with full_precision(self.device):
            seen = self.segmenter.get_image_embeddings(inputs["pixel_values"])
            parts = [
                self.decode(seen, inputs["input_boxes"][:, start : start + BOXES_AT_ONCE], image.shape)
                for start in range(0, len(boxes), BOXES_AT_ONCE)
            ]
        return np.concatenate(parts)

    def decode(self, seen: Any, boxes: Any, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Soft masks of some boxes on an encoded image."""
        outputs = self.segmenter(image_embeddings=seen, input_boxes=boxes, multimask_output=False)
        # Logits are enlarged, not probabilities: edges stay as sharp as the model means them.
        logits = self.segmenter_processor.post_process_masks(outputs.pred_masks, [shape[:2]], binarize=False)[0]
        return sigmoid(logits[:, 0].float().cpu().numpy())


def picture(image: Image) -> Any:
    """The image as Pillow's: of an array three pixels high a processor would take the rows for channels."""
    from PIL import Image as PillowImage

    return PillowImage.fromarray(np.ascontiguousarray(image))
