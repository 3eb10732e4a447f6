"""Soft edges, and fitting one piece of a photograph to another's light."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.samples import Image, Mask


EDITED_ABOVE = 0.15
"""Opacity above which a pixel counts as edited, even where the content equals what was there."""
UNCHANGED = 1
"""Levels by which a pixel of lower opacity may differ without counting as edited: rounding does as much."""


def feathered(mask: Mask, deviation: float) -> NDArray[np.float32]:
    """The mask's opacity in [0, 1], H x W float32, with an edge softened by a Gaussian of `deviation` pixels.

    Below a third of a pixel the edge stays hard. The frame's border is no edge.
    """
    hard = mask.astype(np.float32)
    if deviation < 1 / 3:
        return hard
    return cv2.GaussianBlur(hard, (0, 0), deviation, borderType=cv2.BORDER_REPLICATE)  # type: ignore[return-value]


def draw_feather(generator: np.random.Generator) -> float:
    """Softness of an edge in pixels: hard one time in three, mostly about one pixel, sometimes several."""
    return 0.0 if generator.random() < 0.35 else float(min(generator.exponential(1.0), 5.0))


def blend(base: Image, content: NDArray[np.float32] | Image, alpha: NDArray[np.float32]) -> tuple[Image, Mask]:
    """`content` over `base`.

    Args:
        base: H x W x 3, uint8.
        content: H x W x 3, 0-255, clipped and rounded here.
        alpha: H x W float32, opacity in [0, 1].

    Returns:
        The composite, uint8, equal to `base` bit by bit where `alpha` is 0; and the exact mask: `alpha` above
        `EDITED_ABOVE`, or a channel that changes by more than `UNCHANGED` levels.
    """
    opacity = alpha[:, :, np.newaxis]
    mixed = np.clip(np.rint(base * (1 - opacity) + content * opacity), 0, 255).astype(np.uint8)
    composite = np.where(opacity > 0, mixed, base)
    changed = cv2.absdiff(base, composite).max(axis=2) > UNCHANGED
    return composite, (alpha > EDITED_ABOVE) | changed


def grown(mask: Mask, pixels: int) -> Mask:
    """The mask widened by a disc of this radius."""
    if pixels < 1:
        return mask
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * pixels + 1, 2 * pixels + 1))
    return cv2.dilate(mask.astype(np.uint8), disc).astype(np.bool_)


def statistics(image: NDArray[np.float32], mask: Mask) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and standard deviation per channel inside the mask, which is not empty."""
    values = image[mask]
    return values.mean(axis=0), values.std(axis=0)


def fit_colours(piece: Image, inside: Mask, scene: Image, around: Mask, strength: float) -> NDArray[np.float32]:
    """`piece` with its colours moved towards those of a place in the scene (Reinhard et al., 2001, in Lab).

    Args:
        piece: H x W x 3, uint8.
        inside: H x W bool, what of it is used.
        scene: H x W x 3, uint8.
        around: H x W bool, the place whose light is taken on.
        strength: 0 changes nothing, 1 moves mean and spread entirely.

    Returns:
        H x W x 3 float32, 0-255, neither rounded nor clipped.
    """
    values = piece.astype(np.float32)
    if strength <= 0 or not inside.any() or not around.any():
        return values
    own = cv2.cvtColor(values / 255, cv2.COLOR_RGB2LAB).astype(np.float32)
    other = cv2.cvtColor(scene.astype(np.float32) / 255, cv2.COLOR_RGB2LAB).astype(np.float32)
    mean, spread = statistics(own, inside)
    wanted_mean, wanted_spread = statistics(other, around)
    gain = np.clip((wanted_spread + 1) / (spread + 1), 0.6, 1.6) ** strength
    moved = ((own - mean) * gain + mean + strength * (wanted_mean - mean)).astype(np.float32)
    return cv2.cvtColor(moved, cv2.COLOR_LAB2RGB).astype(np.float32) * 255  # type: ignore[no-any-return]


def visible(before: Image, after: Image, mask: Mask, levels: float = 8.0) -> bool:
    """Whether an edit is seen: inside the mask the mean absolute change reaches `levels`, not on a rim alone."""
    if not mask.any():
        return False
    change = np.abs(before[mask].astype(np.int16) - after[mask]).max(axis=1)
    return bool(change.mean() >= levels and (change > 8).mean() >= 0.3)
