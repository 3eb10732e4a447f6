"""A sample becomes aligned, read-only arrays, or fails with its reason."""

import hashlib
import io

import numpy as np
import pytest
from PIL import Image as PillowImage

from imlbench.errors import Reason, SampleError
from imlbench.loading import load
from imlbench.masks import TRANSPARENT, WHITE
from imlbench.samples import Sample
from imlbench.sources import BrokenSource, BytesSource, FileSource

RANDOM = np.random.default_rng(0)
EDITED = RANDOM.integers(0, 256, (20, 30, 3), dtype=np.uint8)
MASK = np.zeros((20, 30), dtype=bool)
MASK[5:12, 8:20] = True


def source(array, name="x.png", **options):
    buffer = io.BytesIO()
    PillowImage.fromarray(array).save(buffer, "PNG", **options)
    return BytesSource(name, buffer.getvalue())


def sample(**changes):
    parts = {"edited": source(EDITED, "e.png"), "original": source(EDITED, "o.png"), "mask": source(MASK, "m.png")}
    return Sample(**{"id": "s1", "mask_rule": WHITE, **parts, **changes})


def refused(broken, reason, words):
    with pytest.raises(SampleError, match=words) as caught:
        load(broken)
    assert caught.value.reason is reason


def test_aligned_files_are_loaded_as_they_are():
    loaded = load(sample(instruction="make it red", caption="a wall"))
    np.testing.assert_array_equal(loaded.edited, EDITED)
    np.testing.assert_array_equal(loaded.original, EDITED)
    np.testing.assert_array_equal(loaded.mask, MASK)
    assert loaded.notes == ()
    for array in (loaded.edited, loaded.original, loaded.mask):
        assert not array.flags.writeable
    pair = loaded.pair()
    assert (pair.id, pair.instruction, pair.caption) == ("s1", "make it red", "a wall")
    assert pair.edited is loaded.edited
    assert pair.original is loaded.original


def test_a_larger_original_is_shrunk_by_areas_with_a_note():
    large = np.kron(EDITED, np.ones((2, 2, 1), np.uint8))
    loaded = load(sample(original=source(large)))
    np.testing.assert_array_equal(loaded.original, EDITED)
    assert loaded.notes == ("original resized from 60 x 40",)
    assert not loaded.original.flags.writeable


def test_a_smaller_original_is_enlarged_with_a_note():
    small = np.full((10, 15, 3), 80, dtype=np.uint8)
    small[:, 8:] = 160
    loaded = load(sample(original=source(small)))
    assert loaded.original.shape == EDITED.shape
    assert loaded.notes == ("original resized from 15 x 10",)
    # Bicubic interpolation overshoots at an edge; linear and nearest do not.
    assert loaded.original.min() < 80
    assert loaded.original.max() > 160


def test_an_original_of_another_aspect_is_refused():
    refused(sample(original=source(EDITED[:, :25])), Reason.SIZE_MISMATCH, "original is 25 x 20, edited is 30 x 20")
    turned = np.ascontiguousarray(EDITED.transpose(1, 0, 2))
    refused(sample(original=source(turned)), Reason.SIZE_MISMATCH, "original is 20 x 30")


def test_a_mask_of_another_size_is_resized_with_a_note():
    loaded = load(sample(mask=source(MASK.repeat(3, axis=0).repeat(3, axis=1))))
    np.testing.assert_array_equal(loaded.mask, MASK)
    assert loaded.notes == ("mask resized from 90 x 60 by nearest neighbour",)


def test_a_turned_mask_is_refused():
    refused(sample(mask=source(MASK.T.copy(), "m.png")), Reason.SIZE_MISMATCH, "m.png: .*turned by 90 degrees")


def test_conversions_of_both_images_are_noted_once():
    clear = np.dstack([EDITED, np.full(MASK.shape, 255, np.uint8)])
    loaded = load(sample(edited=source(clear), original=source(clear)))
    assert loaded.notes == ("alpha channel dropped",)


def test_the_mask_rule_of_the_sample_is_used():
    alpha = np.dstack([EDITED, np.where(MASK, 0, 255).astype(np.uint8)])
    np.testing.assert_array_equal(load(sample(mask=source(alpha), mask_rule=TRANSPARENT)).mask, MASK)
    refused(sample(mask_rule=TRANSPARENT), Reason.UNREADABLE, "alpha channel")


@pytest.mark.parametrize(("scope", "edited"), [("whole-image", True), ("authentic", False)])
def test_a_scope_that_says_everything_needs_no_mask(scope, edited):
    loaded = load(sample(mask=None, mask_rule=None, scope=scope))
    assert (loaded.mask == edited).all()
    assert loaded.mask.shape == MASK.shape
    assert not loaded.mask.flags.writeable
    assert set(loaded.files) == {"edited", "original"}


def test_a_local_edit_without_a_mask_is_refused():
    refused(sample(mask=None), Reason.MISSING_PARTNER, "s1: no mask")
    refused(sample(mask_rule=None), Reason.MISSING_PARTNER, "s1: no mask")


def test_a_sample_without_an_original_has_no_pair():
    loaded = load(sample(original=None))
    assert loaded.original is None
    assert loaded.outside_difference() is None
    with pytest.raises(SampleError, match="s1: the dataset ships no original") as caught:
        loaded.pair()
    assert caught.value.reason is Reason.NO_ORIGINAL


@pytest.mark.parametrize("role", ["edited", "original", "mask"])
def test_the_failure_of_any_file_is_the_samples_failure(role, tmp_path):
    missing = FileSource(str(tmp_path.resolve()), "gone.png")
    refused(sample(**{role: missing}), Reason.MISSING_FILE, "gone.png: no such file")
    twice = BrokenSource("7", Reason.DOUBLE_MATCH, "7: 2 matches")
    refused(sample(**{role: twice}), Reason.DOUBLE_MATCH, "7: 2 matches")
    refused(sample(**{role: BytesSource("cut.png", b"\x89PNG")}), Reason.UNREADABLE, "cut.png: ")


def test_files_are_identified_by_the_hash_of_their_bytes():
    chosen = sample()
    loaded = load(chosen)
    assert loaded.files == {
        role: hashlib.sha256(getattr(chosen, role).data).hexdigest() for role in ("edited", "original", "mask")
    }


def test_the_content_changes_with_every_file_and_with_nothing_else():
    content = load(sample()).content()
    assert load(sample(id="other", instruction="words")).content() == content
    changed = EDITED.copy()
    changed[0, 0, 0] ^= 1
    others = [
        load(sample(edited=source(changed))).content(),
        load(sample(original=source(changed))).content(),
        load(sample(mask=source(~MASK))).content(),
        load(sample(original=None)).content(),
    ]
    assert len({content, *others}) == 5


def test_outside_difference_sees_only_what_lies_outside_the_mask():
    inside, outside = EDITED.copy(), EDITED.copy()
    inside[6, 9] = 255 - inside[6, 9]
    assert load(sample(original=source(inside))).outside_difference() == 0
    outside[0, 0, 2] = outside[0, 0, 2] + 7 if outside[0, 0, 2] < 128 else outside[0, 0, 2] - 7
    assert load(sample(original=source(outside))).outside_difference() == 7
    white, black = np.full_like(EDITED, 255), np.zeros_like(EDITED)
    assert load(sample(edited=source(white), original=source(black))).outside_difference() == 255


def test_nothing_lies_outside_a_full_mask():
    assert load(sample(mask=source(np.ones_like(MASK)))).outside_difference() is None
    assert load(sample(mask=source(np.zeros_like(MASK)))).outside_difference() == 0


def test_the_samples_signature_tells_which_files_there_are():
    whole, partial = sample().signature(), sample(original=None).signature()
    assert whole != partial
    assert partial.startswith("-/")
