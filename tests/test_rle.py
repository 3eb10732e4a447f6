"""COCO's run lengths.

3,000 random masks of up to 60 x 60 pixels and one of 3000 x 2000 were also compared with pycocotools 2.0, which is not
needed here: its `encode` gave the same bytes, its `area` the same area, and `decode` took its bytes.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from imlbench.errors import SampleError
from imlbench.rle import area, decode, encode

MASKS = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=40))


def slow_encode(mask):
    """The format's definition, a pixel and a group of bits at a time."""
    runs, last = [0], False
    for value in mask.T.reshape(-1).tolist():
        if value != last:
            runs.append(0)
            last = value
        runs[-1] += 1
    text = ""
    for index, run in enumerate(runs):
        number = run - runs[index - 2] if index > 2 else run
        while True:
            group, number = number & 31, number >> 5
            done = number == (-1 if group & 16 else 0)
            text += chr(48 + group + (0 if done else 32))
            if done:
                break
    return text.encode()


@pytest.mark.parametrize(
    ("mask", "counts"),
    [
        # One run of 200: 200 = 6 * 32 + 8, so 48 + 8 + 32 and 48 + 6.
        (np.zeros((5, 40), np.bool_), b"X6"),
        # Begins edited: no unedited pixel, then four edited ones.
        (np.ones((2, 2), np.bool_), b"04"),
        # Runs 0 1 4 1 4 1 4 1; from the fourth on the differences are 0.
        (np.eye(4, dtype=np.bool_), b"01400000"),
        # Runs 5 2 2 2 2 2 5: the last differs by 3.
        (np.pad(np.ones((2, 3), np.bool_), 1), b"5220003"),
        # Runs 1 3 1 1: the fourth is 1 - 3 = -2, the group 11110 = 30, its sign bit set.
        (np.array([[0], [1], [1], [1], [0], [1]], np.bool_), b"131N"),
        # 16 does not fit into 5 bits with a sign: 16 + 32 + 48 = "`", then 0.
        (np.zeros((16, 1), np.bool_), b"`0"),
        (np.zeros((15, 1), np.bool_), b"?"),
    ],
)
def test_masks_whose_counts_were_worked_out_by_hand(mask, counts):
    assert encode(mask) == counts
    assert np.array_equal(decode(counts, mask.shape), mask)
    assert area(counts) == mask.sum()


@given(MASKS)
def test_counts_are_those_of_the_definition_and_decode_to_the_mask(mask):
    counts = encode(mask)
    assert counts == slow_encode(mask)
    assert np.array_equal(decode(counts, mask.shape), mask)
    assert area(counts) == mask.sum()


def test_long_runs_and_large_negative_differences():
    mask = np.zeros((3000, 2000), np.bool_)
    mask[:, 3:1900] = True
    mask[7, 1900] = mask[0, 1999] = True
    assert encode(mask) == slow_encode(mask)
    assert np.array_equal(decode(encode(mask), mask.shape), mask)


@pytest.mark.parametrize("view", ["transposed", "strided", "reversed", "read-only"])
def test_any_memory_layout(view):
    mask = np.random.default_rng(3).random((20, 30)) < 0.3
    views = {"transposed": mask.T, "strided": mask[::2, ::3], "reversed": mask[::-1], "read-only": mask.copy()}
    views["read-only"].flags.writeable = False
    assert encode(views[view]) == slow_encode(views[view])


def test_a_mask_without_pixels():
    for shape in ((0, 5), (5, 0), (0, 0)):
        assert encode(np.zeros(shape, np.bool_)) == b"0"
        assert decode(b"0", shape).shape == shape


def test_runs_of_no_pixels_that_other_writers_leave():
    # Runs 1 0 1 2: the second edited run follows upon an empty one.
    assert decode(b"1012", (2, 2)).T.reshape(-1).tolist() == [False, False, True, True]


@pytest.mark.parametrize(
    "counts",
    [
        b"",
        b"5",  # too few pixels
        b"X6",  # too many
        b"53",  # 5 + 3
        b" 9",  # a byte below 48
        b"9\xff",
        b"p9",  # a byte above 111
        b"X",  # ends within a number
        b"oooooooo0",  # a number of nine bytes
        b"oooooo?",  # the largest of seven bytes
        b"N:",  # a negative run
        b"18N0",  # a run that becomes negative, though the sum fits
        b"0" * 200,  # more runs than pixels
    ],
)
def test_hostile_counts_are_refused(counts):
    with pytest.raises(SampleError, match="run lengths"):
        decode(counts, (3, 3))


@given(st.binary(max_size=60), st.integers(0, 12), st.integers(0, 12))
def test_any_bytes_give_a_mask_of_the_shape_or_a_sample_error(counts, height, width):
    try:
        mask = decode(counts, (height, width))
    except SampleError:
        return
    assert mask.shape == (height, width)
    assert mask.dtype == np.bool_
    assert area(counts) == mask.sum()
