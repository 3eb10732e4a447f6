"""Counting: exact integers, whatever the dtype, the size and the memory layout."""

import numpy as np
import pytest
from scipy import ndimage

from imlbench.boundaries import inner_boundary
from imlbench.counting import Truth
from imlbench.errors import Reason, SampleError
from imlbench.histograms import EXACT_FLOAT_COUNT, levels
from imlbench.score_maps import checked_map, marked_pixels

SHAPES = [(1, 1), (1, 9), (7, 1), (5, 8), (33, 64)]


def masks(shape):
    random = np.random.default_rng(sum(shape)).random(shape) < 0.3
    single = np.zeros(shape, dtype=bool)
    single[-1, -1] = True
    block = np.zeros(shape, dtype=bool)
    block[shape[0] // 4 : shape[0] // 2 + 1, shape[1] // 3 : shape[1] // 2 + 1] = True
    return {
        "block": block,
        "random": random,
        "empty": np.zeros(shape, bool),
        "full": np.ones(shape, bool),
        "one pixel": single,
    }


def soft_maps(shape):
    random = np.random.default_rng(1).random(shape, dtype=np.float32)
    return {
        "random": random,
        "ties": (np.round(random * 4) / 4).astype(np.float32),
        "zeros": np.zeros(shape, np.float32),
        "ones": np.ones(shape, np.float32),
        "threshold": np.full(shape, 0.5, np.float32),
    }


def reference_counts(marked, mask):
    pairs = ((marked & mask), (marked & ~mask), (~marked & mask), (~marked & ~mask))
    return tuple(int(np.count_nonzero(pair)) for pair in pairs)


def reference_histogram(bins, mask):
    return np.stack([np.bincount(bins[mask == edited].astype(int), minlength=256) for edited in (False, True)])


def numbers(counts):
    return counts.tp, counts.fp, counts.fn, counts.tn


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", ["block", "random", "empty", "full", "one pixel"])
def test_float_maps_are_counted_as_numpy_counts_them(shape, kind):
    mask = masks(shape)[kind]
    for scores in soft_maps(shape).values():
        counts = Truth(mask).count(scores, 0.5)
        assert numbers(counts) == reference_counts(scores >= 0.5, mask)
        bins = np.minimum(np.floor(scores.astype(np.float64) * 256), 255)
        np.testing.assert_array_equal(counts.histogram, reference_histogram(bins, mask))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", ["block", "random", "empty", "full", "one pixel"])
def test_levels_and_decisions_are_counted_as_numpy_counts_them(shape, kind):
    mask = masks(shape)[kind]
    scores = np.random.default_rng(2).integers(0, 256, shape, dtype=np.uint8)
    counts = Truth(mask).count(scores, 0.5)
    assert numbers(counts) == reference_counts(scores >= 128, mask)
    np.testing.assert_array_equal(counts.histogram, reference_histogram(scores, mask))
    decided = Truth(mask).count(scores > 200, 0.5)
    assert numbers(decided) == reference_counts(scores > 200, mask)
    np.testing.assert_array_equal(decided.histogram, reference_histogram(np.where(scores > 200, 255, 0), mask))


def test_threshold_t_of_255_marks_exactly_the_levels_from_t_on():
    scores = np.arange(256, dtype=np.uint8).reshape(16, 16)
    for threshold in range(256):
        np.testing.assert_array_equal(marked_pixels(scores, threshold / 255), scores >= threshold)
    assert not marked_pixels(scores, 1.01).any()


@pytest.mark.parametrize("threshold", [0.0, 0.1, 0.3, 0.5, 0.7, 1.0])
def test_float_scores_equal_to_the_threshold_are_marked(threshold):
    nearest = np.float32(threshold)
    scores = np.array([[np.nextafter(nearest, np.float32(-1)), nearest, np.nextafter(nearest, np.float32(2))]])
    np.testing.assert_array_equal(marked_pixels(scores, threshold), [[0, 1, 1]])


def test_the_threshold_does_not_touch_hard_decisions():
    scores = np.array([[True, False]])
    for threshold in (0.0, 0.5, 1.0):
        np.testing.assert_array_equal(marked_pixels(scores, threshold), [[1, 0]])


def test_bins_are_closed_below_and_open_above():
    edges = np.arange(1, 256, dtype=np.float32) / np.float32(256)
    np.testing.assert_array_equal(levels(edges[np.newaxis])[0], np.arange(1, 256))
    below = np.nextafter(edges, np.float32(0))
    np.testing.assert_array_equal(levels(below[np.newaxis])[0], np.arange(255))
    np.testing.assert_array_equal(levels(np.array([[0, 1]], np.float32)), [[0, 255]])


@pytest.mark.parametrize("shape", [(4200, 4200), (1, EXACT_FLOAT_COUNT + 5), (EXACT_FLOAT_COUNT + 5, 1)])
def test_more_than_two_to_the_24_equal_pixels_are_counted_exactly(shape):
    size = shape[0] * shape[1]
    mask = np.zeros(shape, dtype=bool)
    mask.flat[: size - 3] = True
    counts = Truth(mask).count(np.full(shape, 200, np.uint8), 0.5)
    assert numbers(counts) == (size - 3, 3, 0, 0)
    assert counts.histogram[1, 200] == size - 3
    assert counts.histogram[0, 200] == 3
    assert counts.histogram.sum() == size


@pytest.mark.parametrize("view", [np.transpose, np.flipud, np.fliplr, lambda array: array[::2, 1::3]])
def test_the_memory_layout_does_not_matter(view):
    scores, mask = soft_maps((33, 64))["random"], masks((33, 64))["random"]
    for some in (scores, levels(scores), scores > 0.4):
        strided = Truth(view(mask), tolerance=1).count(view(some), 0.5)
        packed = Truth(view(mask).copy(order="C"), tolerance=1).count(view(some).copy(order="C"), 0.5)
        assert numbers(strided) == numbers(packed)
        assert strided.boundary == packed.boundary
        np.testing.assert_array_equal(strided.histogram, packed.histogram)


def test_read_only_inputs_are_left_unchanged():
    scores, mask = soft_maps((5, 8))["random"], masks((5, 8))["random"]
    scores.flags.writeable = mask.flags.writeable = False
    before = scores.copy()
    Truth(mask, tolerance=2).count(scores, 0.5)
    np.testing.assert_array_equal(scores, before)


def test_the_same_array_is_binned_once():
    truth, scores = Truth(masks((5, 8))["random"]), soft_maps((5, 8))["random"]
    first = truth.count(scores, 0.5).histogram
    assert truth.count(scores, 0.9).histogram is first
    other = truth.count(1 - scores, 0.5).histogram
    assert other is not first
    assert not np.array_equal(other, first)


def test_the_same_levels_at_another_threshold_need_no_look_at_the_pixels():
    mask = masks((5, 8))["random"]
    grey = np.random.default_rng(6).integers(0, 256, mask.shape).astype(np.uint8)
    truth = Truth(mask)
    assert truth.count_again(grey, 0.2) is None
    truth.count(grey, 0.5)
    for threshold in (0.0, 0.2, 1.0, 1.01):
        again = truth.count_again(grey, threshold)
        assert again is not None
        assert numbers(again) == numbers(Truth(mask).count(grey, threshold))
    # An equal map is another one, and a forgotten one is unknown.
    assert truth.count_again(grey.copy(), 0.2) is None
    truth.forget_maps()
    assert truth.count_again(grey, 0.2) is None


def test_what_a_histogram_does_not_tell_is_counted_anew():
    mask, scores = masks((5, 8))["random"], soft_maps((5, 8))["random"]
    grey = (scores * 255).astype(np.uint8)
    floats, near, hard = Truth(mask), Truth(mask, tolerance=2), Truth(mask)
    for truth, counted in ((floats, scores), (near, grey), (hard, scores > 0.5)):
        truth.count(counted, 0.5)
        assert truth.count_again(counted, 0.2) is None


def test_a_map_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"\(5, 8\)"):
        Truth(np.zeros((8, 5), bool)).count(np.zeros((5, 8), np.float32), 0.5)


def slow_boundary(marked):
    """Marked pixels with an unmarked 4-neighbour inside the frame."""
    found = np.zeros_like(marked)
    for y, x in np.argwhere(marked):
        for near_y, near_x in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            inside = 0 <= near_y < marked.shape[0] and 0 <= near_x < marked.shape[1]
            if inside and not marked[near_y, near_x]:
                found[y, x] = True
    return found


def slow_matches(own, others, tolerance):
    if not others.any():
        return 0
    return int((own & (ndimage.distance_transform_edt(~others) <= tolerance)).sum())


@pytest.mark.parametrize("tolerance", [0, 1, 2, 3, 5])
def test_boundaries_match_a_brute_force_distance_transform(tolerance):
    generator = np.random.default_rng(tolerance)
    for size in (1, 2, 9, 24):
        smooth = ndimage.gaussian_filter(generator.random((2, size, size + 1)), (0, 1.5, 1.5))
        marked, mask = smooth > np.median(smooth)
        found = Truth(mask, tolerance).count(marked, 0.5).boundary
        predicted, true = slow_boundary(marked), slow_boundary(mask)
        assert found is not None
        assert found.tolerance == tolerance
        assert (found.predicted, found.true) == (predicted.sum(), true.sum())
        assert found.predicted_matched == slow_matches(predicted, true, tolerance)
        assert found.true_matched == slow_matches(true, predicted, tolerance)


def test_the_frame_is_no_boundary():
    assert inner_boundary(np.ones((4, 5), np.uint8)).sum() == 0
    half = np.zeros((4, 6), np.uint8)
    half[:, :3] = 1
    assert inner_boundary(half).sum() == 4


def test_no_boundary_is_counted_unless_asked_for():
    assert Truth(np.ones((2, 2), bool)).count(np.ones((2, 2), bool), 0.5).boundary is None


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (None, "NoneType"),
        ([[0.5]], "list"),
        (np.zeros((2, 3, 1), np.float32), r"\(2, 3, 1\)"),
        (np.zeros((0, 3), np.float32), r"\(0, 3\)"),
        (np.zeros((2, 3)), "float64"),
        (np.zeros((2, 3), np.float16), "float16"),
        (np.zeros((2, 3), np.int64), "int64"),
        (np.full((2, 3), np.nan, np.float32), "nan"),
        (np.array([[0, np.nan, 1]], np.float32), "nan"),
        (np.array([[0, np.inf, 1]], np.float32), "inf"),
        (np.array([[0, 1.001]], np.float32), "1.001"),
        (np.array([[-0.001, 1]], np.float32), "-0.001"),
    ],
)
def test_a_bad_map_is_refused_with_the_adapters_name(returned, words):
    with pytest.raises(SampleError, match=words) as caught:
        checked_map(returned, (2, 3), "some-annotator")
    assert caught.value.reason is Reason.BAD_MAP
    assert caught.value.message.startswith("some-annotator: ")


@pytest.mark.parametrize("dtype", [np.float32, np.uint8, np.bool_])
def test_a_map_of_the_right_size_is_returned_as_it_is(dtype):
    scores = np.ones((2, 3), dtype)
    checked, resized = checked_map(scores, (2, 3, 3), "x")
    assert checked is scores
    assert not resized


@pytest.mark.parametrize(("dtype", "high"), [(np.float32, 1), (np.uint8, 255), (np.bool_, True)])
def test_a_map_of_another_size_is_resized_bilinearly_as_scores(dtype, high):
    scores = np.array([[0, high]], dtype)
    checked, resized = checked_map(scores, (1, 4), "x")
    assert resized
    assert checked.dtype == np.float32
    np.testing.assert_allclose(checked, [[0, 0.25, 0.75, 1]])
