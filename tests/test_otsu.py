"""Otsu's threshold from a histogram against OpenCV's own."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from imlbench.otsu import above_otsu, otsu_level

MAPS = {
    "uniform": lambda g, n: g.integers(0, 256, n),
    "few levels": lambda g, n: g.choice(g.integers(0, 256, g.integers(1, 5)), n),
    "neighbouring levels": lambda g, n: g.integers(100, 103, n),
    "falling": lambda g, n: g.exponential(g.uniform(0.1, 40), n).clip(0, 255),
    "specks": lambda g, n: (g.random(n) < 0.01) * 255,
    "bell": lambda g, n: g.normal(g.uniform(0, 255), g.uniform(0, 60), n).clip(0, 255),
}


@pytest.mark.parametrize("kind", MAPS)
def test_otsu_from_a_histogram_decides_as_opencv_does(kind):
    generator = np.random.default_rng(list(MAPS).index(kind))
    for _ in range(300):
        grey = MAPS[kind](generator, generator.integers(1, 60, 2)).astype(np.uint8)
        _, expected = cv2.threshold(grey, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
        assert np.array_equal(above_otsu(grey), expected.astype(bool))


def test_otsu_leaves_doubtful_histograms_to_opencv():
    constant = np.zeros(256, np.int64)
    constant[7] = 100
    assert otsu_level(constant) is None
    symmetric = np.zeros(256, np.int64)
    symmetric[[10, 20, 30]] = 5
    assert otsu_level(symmetric) is None
    assert otsu_level(symmetric * (1 << 20)) is None
    clear = np.zeros(256, np.int64)
    clear[[10, 200]] = 50, 10
    assert otsu_level(clear) is not None
