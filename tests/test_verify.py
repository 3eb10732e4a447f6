"""Verification of a set whose samples each have one defect."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest
from PIL import Image

from imlbench.cards import DatasetCard
from imlbench.datasets.base import Dataset, Problem
from imlbench.errors import Reason, UserError
from imlbench.masks import WHITE
from imlbench.samples import Sample
from imlbench.sources import BrokenSource, BytesSource, FileSource
from imlbench.verification import Verification, by_reason, problem_text
from imlbench.verify import verify

SHAPE = (24, 32)


class Toy(Dataset):
    """Samples that a test puts together."""

    card: ClassVar[DatasetCard] = DatasetCard(
        name="toy",
        title="Toy",
        version="1",
        summary="",
        licence="CC0-1.0",
        citation="",
        published={"": 3, "large": 5},
        variants=("large", "unpublished"),
        mask_rule="white",
        layout="anything",
    )

    def __init__(self, root: Any, samples: list[Sample], variant: str = "", orphans: tuple[Problem, ...] = ()) -> None:
        super().__init__(root, variant)
        self._samples = samples
        self._orphans = orphans

    def __len__(self) -> int:
        return len(self._samples)

    def samples(self) -> Iterator[Sample]:
        return iter(self._samples)

    def orphans(self) -> Iterator[Problem]:
        return iter(self._orphans)


class Raising:
    """A third party's source that fails in its own way."""

    name = "raising"

    def read(self) -> bytes:
        raise ZeroDivisionError("surprise")

    def signature(self) -> str:
        return ""


def png(pixels: np.ndarray, mode: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, mode)
    return buffer.getvalue()


def source(name: str, pixels: np.ndarray) -> BytesSource:
    return BytesSource(name, png(pixels))


def photo(shape: tuple[int, int] = SHAPE) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 200, (*shape, 3), dtype=np.uint8)


def mask(shape: tuple[int, int] = SHAPE) -> np.ndarray:
    """A quarter of the frame."""
    values = np.zeros(shape, np.uint8)
    values[: shape[0] // 2, : shape[1] // 2] = 255
    return values


def sample(name: str = "a", **changes: Any) -> Sample:
    """A composited edit without defects, but for the changes."""
    changed = photo()
    changed[mask() > 0] = 255
    good = Sample(
        id=name,
        original=source("original.png", photo()),
        edited=source("edited.png", changed),
        mask=source("mask.png", mask()),
        mask_rule=WHITE,
    )
    return replace(good, **changes)


def found(tmp_path: Any, *samples: Sample, **options: Any) -> Verification:
    return verify(Toy(tmp_path, list(samples), **options), workers=2)


def named(problems: list[Problem]) -> list[tuple[str, str]]:
    return [(str(problem.reason), problem.name) for problem in problems]


def test_a_sound_set_passes_and_is_measured(tmp_path):
    result = found(tmp_path, sample("a"), sample("b"), sample("c"))
    assert result.problems == []
    assert result.passed(strict=True)
    assert result.completeness == "complete"
    assert (result.samples, result.checked, result.failed, result.without_original) == (3, 3, 0, 0)
    assert (result.compared, result.composited) == (3, 3)
    assert list(result.areas) == [0.25] * 3
    assert (result.widths, result.heights) == ((32, 32), (24, 24))
    assert dict(result.facts())["samples"] == "complete: 3 of 3 published samples"
    assert dict(result.facts())["image size"] == "width 32, height 24 pixels"


def test_fewer_samples_than_published_are_a_subset_and_fail_only_if_strict(tmp_path):
    result = found(tmp_path, sample("a"), variant="large")
    assert result.completeness == "subset"
    assert result.count_text() == "subset: 1 of 5 published samples"
    assert result.problems == []
    assert result.passed()
    assert not result.passed(strict=True)


def test_large_counts_are_written_with_commas():
    assert Verification("d", "D", "/", 2, 221097).count_text() == "subset: 2 of 221,097 published samples"


def test_more_samples_than_published_are_a_warning(tmp_path):
    result = found(tmp_path, *(sample(name) for name in "abcd"))
    assert result.completeness == "more"
    assert named(result.warnings) == [("more-than-published", "toy")]
    assert result.passed()
    assert not result.passed(strict=True)


def test_a_set_without_published_count_has_nothing_to_compare_with(tmp_path):
    result = found(tmp_path, sample("a"), variant="unpublished")
    assert result.completeness == "unknown"
    assert result.passed(strict=True)


def test_an_empty_set_is_a_defect(tmp_path):
    result = found(tmp_path)
    assert named(result.defects) == [("no-samples", "toy")]
    assert result.facts()[1] == ("checked", "0, 0 cannot be loaded")


def truncated() -> BytesSource:
    data = png(photo())
    return BytesSource("half.png", data[: len(data) // 2])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"mask": None, "mask_rule": None}, "missing-partner"),
        ({"original": BrokenSource("a", Reason.MISSING_PARTNER, "a: no such file in real")}, "missing-partner"),
        ({"mask": BrokenSource("a", Reason.DOUBLE_MATCH, "a: 2 matches in mask: a.png, a.tif")}, "double-match"),
        ({"edited": BytesSource("a.png", b"")}, "unreadable"),
        ({"edited": BytesSource("a.png", b"this is text")}, "unreadable"),
        ({"original": truncated()}, "unreadable"),
        ({"mask": truncated()}, "unreadable"),
        ({"edited": Raising()}, "unreadable"),
        ({"original": source("o.png", photo((32, 32)))}, "size-mismatch"),
        ({"mask": source("m.png", mask((32, 24)))}, "size-mismatch"),
    ],
)
def test_a_sample_that_cannot_be_loaded_is_named_with_its_reason(tmp_path, changes, reason):
    result = found(tmp_path, sample("good"), sample("bad", **changes))
    assert named(result.defects) == [(reason, "bad")]
    assert (result.checked, result.failed) == (2, 1)
    assert not result.passed()


def test_a_missing_file_and_a_link_out_of_the_root_are_named(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "secret.png").write_bytes(png(photo()))
    os.symlink(tmp_path / "secret.png", root / "link.png")
    missing, link = (FileSource(str(root.resolve()), name) for name in ("none.png", "link.png"))
    result = found(root, sample("a", edited=missing), sample("b", original=link))
    assert named(result.defects) == [("missing-file", "a"), ("outside-root", "b")]


def test_an_image_above_the_limit_is_refused_before_it_is_decoded(tmp_path):
    buffer = io.BytesIO()
    Image.new("1", (8200, 8200)).save(buffer, "PNG")
    result = found(tmp_path, sample("bomb", mask=BytesSource("bomb.png", buffer.getvalue())))
    assert named(result.defects) == [("too-large", "bomb")]


def test_every_broken_file_of_a_sample_is_named(tmp_path):
    broken = sample(
        "a",
        original=BytesSource("original.png", b""),
        edited=BytesSource("edited.png", b""),
        mask=BytesSource("mask.png", b""),
    )
    result = found(tmp_path, broken)
    assert [problem.message.split(":")[0] for problem in result.defects] == ["original.png", "edited.png", "mask.png"]
    assert result.failed == 1


def test_a_missing_original_does_not_hide_a_mask_that_does_not_fit(tmp_path):
    gone = BrokenSource("a", Reason.MISSING_PARTNER, "a: no such file in real")
    result = found(tmp_path, sample("a", original=gone, mask=source("m.png", mask((32, 24)))))
    assert named(result.defects) == [("missing-partner", "a"), ("size-mismatch", "a")]


def test_what_loading_resizes_is_a_warning(tmp_path):
    small = sample("a", original=source("o.png", photo((48, 64))), mask=source("m.png", mask((12, 16))))
    result = found(tmp_path, small)
    assert named(result.warnings) == [("resized", "a"), ("resized", "a")]
    assert result.defects == []
    assert result.warnings[0].message == "original resized from 64 x 48 to 32 x 24"
    assert not result.conversions


@pytest.mark.parametrize(("value", "reason"), [(0, "empty-mask"), (255, "full-mask")])
def test_empty_and_full_masks_are_warnings_of_their_own(tmp_path, value, reason):
    result = found(tmp_path, sample("a", mask=source("m.png", np.full(SHAPE, value, np.uint8))))
    assert named(result.warnings) == [(reason, "a")]
    assert result.passed()


def test_whole_image_and_authentic_samples_are_counted_not_warned_of(tmp_path):
    bare = {"original": None, "mask": None, "mask_rule": None}
    result = found(tmp_path, sample("a", scope="whole-image", **bare), sample("b", scope="authentic", **bare))
    assert result.problems == []
    assert result.scopes == {"whole-image": 1, "authentic": 1}
    assert list(result.areas) == []
    assert dict(result.facts())["scope"] == "1 authentic, 1 whole-image"


def test_a_mask_that_contradicts_the_scope_is_a_warning(tmp_path):
    result = found(tmp_path, sample("a", scope="authentic"), sample("b", scope="whole-image"))
    assert named(result.warnings) == [("contrary-mask", "a"), ("contrary-mask", "b")]


def test_an_edit_that_is_its_original_is_a_warning(tmp_path):
    same = source("same.png", photo())
    result = found(tmp_path, sample("a", original=same, edited=same))
    assert named(result.warnings) == [("unchanged", "a")]


def test_samples_without_original_are_counted_not_named(tmp_path):
    result = found(tmp_path, sample("a", original=None), sample("b", original=None), sample("c"))
    assert result.problems == []
    assert (result.without_original, result.compared) == (2, 1)


def test_only_edits_that_leave_the_outside_alone_count_as_composited(tmp_path):
    one, two = photo() + np.uint8(1), photo() + np.uint8(2)
    result = found(tmp_path, sample("a", edited=source("e.png", one)), sample("b", edited=source("e.png", two)))
    assert (result.compared, result.composited) == (2, 1)


def test_ranges_and_conversions_cover_all_readable_samples(tmp_path):
    alpha = np.dstack([photo(), np.full(SHAPE, 255, np.uint8)])
    tall = sample("b", original=None, edited=source("e.png", photo((40, 16))), mask=source("m.png", mask((40, 16))))
    result = found(tmp_path, sample("a", edited=source("e.png", alpha)), tall)
    assert (result.widths, result.heights) == ((16, 32), (24, 40))
    assert result.conversions == {"alpha channel dropped": 1}
    assert dict(result.facts())["converted"] == "alpha channel dropped: 1"


def test_two_samples_of_one_id_and_orphans_are_defects(tmp_path):
    orphan = Problem(Reason.MISSING_PARTNER, "mask/x.png", "mask/x.png: no edited image")
    result = found(tmp_path, sample("a"), sample("a"), orphans=(orphan,))
    assert named(result.defects) == [("double-match", "a"), ("missing-partner", "mask/x.png")]


def test_problems_come_in_the_set_s_order_however_many_threads(tmp_path):
    broken = [sample(f"{number:03}", edited=BytesSource("e.png", b"")) for number in range(40)]
    result = verify(Toy(tmp_path, broken), workers=4)
    assert [problem.name for problem in result.defects] == [one.id for one in broken]


def test_a_limit_checks_a_subset_but_counts_the_whole_set(tmp_path):
    result = verify(Toy(tmp_path, [sample(str(number)) for number in range(10)]), workers=1, limit=4)
    assert (result.samples, result.checked) == (10, 4)
    for options in ({"limit": 0}, {"workers": 0}):
        with pytest.raises(UserError, match="at least 1"):
            verify(Toy(tmp_path, [sample()]), **options)


def test_progress_is_told_of_every_sample(tmp_path):
    news: list[tuple[int, ...]] = []

    class Recorder:
        def start(self, total: int) -> None:
            news.append((total,))

        def advance(self, samples: int, failed: int) -> None:
            news.append((samples, failed))

    verify(Toy(tmp_path, [sample("a"), sample("b", edited=Raising())]), 1, None, Recorder())
    assert news == [(2,), (1, 0), (1, 1)]


def test_the_dictionary_is_json_and_holds_everything(tmp_path):
    result = found(tmp_path, sample("a"), sample("b", mask=None, mask_rule=None), sample("c", original=None))
    read = json.loads(json.dumps(result.as_dict(), allow_nan=False))
    assert read["completeness"] == "complete"
    assert (read["samples"], read["published"], read["failed"]) == (3, 3, 1)
    assert read["mask_area"] == {"min": 0.25, "median": 0.25, "max": 0.25}
    assert (read["width"], read["height"]) == ([32, 32], [24, 24])
    assert read["defects"] == [{"reason": "missing-partner", "name": "b", "message": "b: no mask"}]
    assert read["warnings"] == []


def test_a_dictionary_of_nothing_readable_is_json_too(tmp_path):
    read = found(tmp_path, sample("a", edited=Raising())).as_dict()
    assert (read["mask_area"], read["width"], read["height"]) == (None, None, None)


def test_problem_texts_begin_with_the_name_once_and_stay_on_one_line():
    assert problem_text(Problem("x", "a", "a: gone")) == "a: gone"
    assert problem_text(Problem("x", "a", "the mask\nis \x1b[31mempty")) == "a: the mask is ?[31mempty"
    assert list(by_reason([Problem("y", "1", ""), Problem("x", "2", ""), Problem("y", "3", "")])) == ["y", "x"]
