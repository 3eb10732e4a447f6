"""Priors in a view; and simulated ones: what a grounder might have said about a pair whose mask is known.

The sets with exact masks have no instructions, so the grounding branch learns from priors made out of the truth and
spoilt: grown, moved or in part. A pair without an edit gets one that points at nothing, since a grounder finds the
concept whether or not it was edited.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from imlbench.training.views import Floats, View

WORKING_SIDE = 128
"""The mask is spoilt at this size and then averaged down to the lattice."""
MAX_GROWTH = 0.08
MAX_SHIFT = 0.12
"""Shares of the frame's side."""


def draw_prior(
    mask: NDArray[np.bool_], generator: np.random.Generator, side: int, epsilon: float, probability: float
) -> NDArray[np.float32]:
    """With the given probability a simulated prior, else the constant epsilon.

    Args:
        mask: H x W, True = edited.
        generator: the pair's own.
        side: rows and columns of the lattice.
        epsilon: floor of a prior.
        probability: of a simulated prior.

    Returns:
        side x side, in [epsilon, 1].
    """
    if generator.random() >= probability:
        return np.full((side, side), epsilon, np.float32)
    return simulate_prior(mask, generator, side, epsilon)


def simulate_prior(
    mask: NDArray[np.bool_], generator: np.random.Generator, side: int, epsilon: float
) -> NDArray[np.float32]:
    """A = (1 - epsilon) S + epsilon, S a spoilt truth: side x side, in [epsilon, 1]."""
    shape = (WORKING_SIDE, WORKING_SIDE)
    # Whatever is edited at all stays visible: a small edit must not vanish before it is grown.
    truth = cv2.resize(mask.astype(np.float32), shape, interpolation=cv2.INTER_AREA) > 0
    if truth.any():
        spoil = (grown, moved, partial)[generator.integers(3)]
        spoilt = spoil(truth, generator)
    else:
        spoilt = anywhere(generator)
    soft = cv2.GaussianBlur(spoilt.astype(np.float32), (0, 0), generator.uniform(0.5, 2.5))
    lattice = cv2.resize(soft, (side, side), interpolation=cv2.INTER_AREA)
    found: NDArray[np.float32] = ((1 - epsilon) * np.clip(lattice, 0, 1) + epsilon).astype(np.float32)
    return found


def grown(truth: NDArray[np.bool_], generator: np.random.Generator) -> NDArray[np.bool_]:
    """Dilated by an ellipse of up to `MAX_GROWTH` of the side."""
    radius = int(generator.integers(1, int(MAX_GROWTH * WORKING_SIDE) + 1))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return cv2.dilate(truth.astype(np.uint8), kernel).astype(np.bool_)


def moved(truth: NDArray[np.bool_], generator: np.random.Generator) -> NDArray[np.bool_]:
    """Shifted by up to `MAX_SHIFT` of the side on each axis; what leaves the frame is lost."""
    limit = int(MAX_SHIFT * WORKING_SIDE)
    down, right = (int(step) for step in generator.integers(-limit, limit + 1, 2))
    shift = np.array([[1, 0, right], [0, 1, down]], np.float32)
    return cv2.warpAffine(truth.astype(np.uint8), shift, truth.shape[::-1]).astype(np.bool_)


def partial(truth: NDArray[np.bool_], generator: np.random.Generator) -> NDArray[np.bool_]:
    """The part on one side of a line through the middle of the edit."""
    rows, columns = np.nonzero(truth)
    angle = generator.uniform(0, 2 * np.pi)
    grid_rows, grid_columns = np.indices(truth.shape)
    distance = (grid_rows - rows.mean()) * np.sin(angle) + (grid_columns - columns.mean()) * np.cos(angle)
    return np.asarray(truth & (distance >= 0))


def anywhere(generator: np.random.Generator) -> NDArray[np.bool_]:
    """An ellipse that has nothing to do with the pair."""
    canvas = np.zeros((WORKING_SIDE, WORKING_SIDE), np.uint8)
    centre = [int(place) for place in generator.integers(0, WORKING_SIDE, 2)]
    axes = [int(axis) for axis in generator.integers(WORKING_SIDE // 20, WORKING_SIDE // 3, 2)]
    cv2.ellipse(canvas, centre, axes, float(generator.uniform(0, 180)), 0, 360, 1, -1)
    return canvas.astype(np.bool_)


def view_prior(prior: Floats, shape: tuple[int, ...], view: View, side: int) -> Floats:
    """The part in the view of a prior over the whole image.

    Args:
        prior: h x w in [0, 1], over an image of `shape`.
        shape: the image's (height, width, ...).
        view: what of the image is seen.
        side: rows and columns that are wanted.

    Returns:
        side x side, read at the centres of the cells, bilinear, as the image itself is.
    """
    centres = (np.arange(side, dtype=np.float32) + 0.5) / side
    columns = view.left + (1 - centres if view.flip else centres) * view.width
    rows = view.top + centres * view.height
    grid_columns, grid_rows = np.meshgrid(
        columns / shape[1] * prior.shape[1] - 0.5, rows / shape[0] * prior.shape[0] - 0.5
    )
    found = cv2.remap(
        prior,
        grid_columns.astype(np.float32),
        grid_rows.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return found.astype(np.float32, copy=False)
