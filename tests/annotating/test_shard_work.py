import hashlib
import io

import numpy as np
import pytest
from PIL import Image

from imlbench import rle
from imlbench.annotating.plan import Options, make_plan
from imlbench.annotating.shard_work import Task, annotate_shard, annotate_task
from imlbench.annotating.tools import build_tools
from imlbench.errors import Reason, UserError
from imlbench.sources import BrokenSource
from tests.annotating.making_pairs import (
    BytesCorpus,
    Moody,
    Soft,
    Toy,
    card,
    edit,
    encoded,
    make_corpus,
    photograph,
    plan_of,
    poisoned,
    write_pair,
)

PHOTO = photograph(1)


def one_row(tmp_path, original, edited, annotator="pixdiff-morph", second=None, pair=None, **options):
    """The row of a corpus of one pair."""
    original, edited = (side if isinstance(side, bytes) else encoded(side) for side in (original, edited))
    corpus = BytesCorpus(tmp_path, original, edited, **(pair or {}))
    plan = make_plan(corpus, annotator, Options(**options), second)
    return annotate_task(plan, Task(plan.shards[0]), build_tools(plan)).table.to_pylist()[0]


def test_a_kept_row_says_what_was_found(tmp_path):
    edited = edit(PHOTO)
    row = one_row(tmp_path, PHOTO, edited, pair={"instruction": "remove the red boat", "edit_type": "removal"})
    mask = rle.decode(row["mask"], (row["height"], row["width"]))
    changed = np.abs(PHOTO.astype(int) - edited).max(axis=2) > 25
    assert (row["status"], row["reason"], row["message"]) == ("kept", "", "")
    assert (row["action"], row["concept_original"], row["concept_edited"]) == ("remove", "red boat", None)
    assert row["area"] == mask.mean()
    assert abs(row["area"] - changed.mean()) < 0.03
    assert (row["components"], row["qes"]) == (1, 1.0)
    assert row["alignment"] > 0.9
    assert row["original_sha256"] == hashlib.sha256(encoded(PHOTO)).hexdigest()
    assert row["edited_sha256"] == hashlib.sha256(encoded(edited)).hexdigest()
    assert len(row["phash"]) == 16
    assert (row["agreement"], row["soft"]) == (None, None)


def huge_png() -> bytes:
    """The header of an image of 100,000 x 100,000 pixels."""
    buffer = io.BytesIO()
    Image.new("L", (1, 1)).save(buffer, "PNG")
    data = bytearray(buffer.getvalue())
    data[16:24] = (100_000).to_bytes(4, "big") * 2
    import zlib

    data[29:33] = zlib.crc32(bytes(data[12:29])).to_bytes(4, "big")
    return bytes(data)


@pytest.mark.parametrize(
    ("edited", "status", "reason"),
    [
        (PHOTO, "rejected", "unchanged"),
        (np.clip(PHOTO.astype(int) + 1, 0, 255).astype(np.uint8), "rejected", "unchanged"),
        (255 - PHOTO // 4, "rejected", "global"),
        (poisoned(PHOTO), "rejected", "area"),
        (photograph(1, 60)[:, :40].copy(), "rejected", "size-mismatch"),
        (huge_png(), "rejected", "too-large"),
        (b"", "failed", "unreadable"),
        (b"\x89PNG\r\n\x1a\nbroken", "failed", "unreadable"),
        (encoded(PHOTO)[:-50], "failed", "unreadable"),
    ],
)
def test_what_cannot_be_kept_says_why(tmp_path, edited, status, reason):
    row = one_row(tmp_path, PHOTO, edited)
    assert (row["status"], row["reason"]) == (status, reason)
    assert row["message"]
    assert row["id"] == "p#0"


class Corner(Soft):
    card = card("corner")

    def annotate(self, pairs):
        maps = [np.zeros(pair.edited.shape[:2], np.float32) for pair in pairs]
        for scores in maps:
            scores[:8, :8] = 1
        return maps


def test_a_shifted_frame_is_unaligned(tmp_path):
    half = PHOTO.copy()
    half[:, :10] = 100
    row = one_row(tmp_path, half, np.roll(half, 4, axis=0), Corner)
    assert (row["status"], row["reason"]) == ("rejected", "unaligned")
    assert row["alignment"] < 0.5
    assert row["area"] == 64 / 48**2


def test_a_frame_that_has_changed_everywhere_says_how_well_it_is_aligned(tmp_path):
    darker, other = (encoded(side) for side in (PHOTO // 3, photograph(77)))
    assert one_row(tmp_path, PHOTO + 40, darker)["alignment"] > 0.9
    assert one_row(tmp_path, PHOTO, other)["alignment"] < 0.3


def test_an_original_of_another_size_is_fitted_and_noted(tmp_path):
    large = np.asarray(Image.fromarray(PHOTO).resize((96, 96)))
    row = one_row(tmp_path, large, edit(PHOTO))
    assert (row["status"], row["message"]) == ("kept", "original resized from 96 x 96")
    assert (row["height"], row["width"]) == (48, 48)


def test_a_missing_file_is_a_failure_with_its_reason(tmp_path):
    gone = BrokenSource("e", Reason.MISSING_FILE, "e: no such file")
    row = one_row(tmp_path, PHOTO, PHOTO, pair={"edited": gone})
    assert (row["status"], row["reason"], row["message"]) == ("failed", "missing-file", "e: no such file")


def test_types_that_were_not_asked_for_are_excluded_and_not_opened(tmp_path):
    broken = BrokenSource("e", Reason.MISSING_FILE, "opened")
    row = one_row(tmp_path, PHOTO, PHOTO, pair={"edited": broken, "original": broken, "edit_type": "outpaint"})
    assert (row["status"], row["reason"]) == ("excluded", "type")


def test_an_action_comes_from_the_type_where_the_text_names_nothing(tmp_path):
    row = one_row(tmp_path, PHOTO, edit(PHOTO), pair={"instruction": None, "edit_type": "removal"})
    assert (row["action"], row["instruction"]) == ("remove", None)
    assert one_row(tmp_path, PHOTO, edit(PHOTO), pair={"edit_type": "other"})["action"] is None


class Needy(Soft):
    card = card("needy", needs_instruction=True)


def test_an_annotator_that_needs_a_text_rejects_pairs_without(tmp_path):
    row = one_row(tmp_path, PHOTO, edit(PHOTO), Needy)
    assert (row["status"], row["reason"]) == ("rejected", "no-instruction")


class Wrong(Soft):
    card = card("wrong")

    def annotate(self, pairs):
        return [np.full((3, 3), 7.0, np.float32) for _ in pairs]


def test_a_map_that_is_none_is_a_failure(tmp_path):
    row = one_row(tmp_path, PHOTO, edit(PHOTO), Wrong)
    assert (row["status"], row["reason"], row["mask"]) == ("failed", "bad-map", None)


def test_scores_are_kept_on_request(tmp_path):
    row = one_row(tmp_path, PHOTO, edit(PHOTO), Soft, keep_soft=True)
    soft = np.asarray(Image.open(io.BytesIO(row["soft"])))
    mask = rle.decode(row["mask"], (48, 48))
    assert soft.dtype == np.uint8
    assert np.array_equal(soft >= np.ceil(0.3 * 255), mask)


class Opposite(Soft):
    card = card("opposite")

    def annotate(self, pairs):
        return [255 - scores for scores in super().annotate(pairs)]


def test_a_second_annotator_has_to_agree(tmp_path):
    agreeing = one_row(tmp_path, PHOTO, edit(PHOTO), Soft, second="pixdiff-morph")
    assert agreeing["agreement"] > 0.8
    assert agreeing["status"] == "kept"
    against = one_row(tmp_path, PHOTO, edit(PHOTO), "pixdiff-morph", second=Opposite)
    assert (against["status"], against["reason"]) == ("rejected", "disagreement")
    assert against["agreement"] < 0.5
    assert against["mask"] is not None


def test_a_second_annotator_that_fails_is_a_failure(tmp_path):
    row = one_row(tmp_path, PHOTO, edit(PHOTO), "pixdiff-morph", second=Wrong)
    assert (row["status"], row["reason"]) == ("failed", "bad-map")


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """A part of ten pairs, of which some cannot be kept."""
    root = make_corpus(tmp_path_factory.mktemp("mixed") / "root", parts=1, rows=10)
    part = root / "part0"
    write_pair(part, "001", PHOTO, b"broken")
    write_pair(part, "003", PHOTO, edit(PHOTO), edit_type="resize")
    write_pair(part, "004", PHOTO, PHOTO)
    write_pair(part, "006", photograph(3, 64), edit(photograph(3, 64)))
    return root


@pytest.mark.parametrize("threads", [0, 3])
@pytest.mark.parametrize("batch_size", [1, 3, 16])
def test_neither_batches_nor_threads_change_a_byte(mixed, batch_size, threads):
    from dataclasses import replace

    plain = plan_of(mixed, Soft, batch_size=2, shard_size=10)
    other = replace(plan_of(mixed, Soft, batch_size=batch_size, shard_size=10), threads=threads)
    first, second = annotate_shard(plain, plain.shards[0]), annotate_shard(other, other.shards[0])
    assert (first.parquet, first.manifest) == (second.parquet, second.manifest)
    assert first.facts["status"] == {"excluded": 1, "failed": 1, "kept": 7, "rejected": 1}
    assert first.facts["reasons"]["rejected"] == {"unchanged": 1}
    assert (first.facts["first_id"], first.facts["last_id"], first.facts["rows"]) == ("part0#0", "part0#9", 10)


def test_some_rows_are_the_same_as_in_their_shard(mixed):
    plan = plan_of(mixed, Soft, shard_size=10)
    tools, shard = build_tools(plan), plan.shards[0]
    whole = annotate_task(plan, Task(shard), tools).table
    some = annotate_task(plan, Task(shard, (1, 5, 6)), tools).table
    assert some.equals(whole.take([1, 5, 6]))


def test_a_pair_that_an_annotator_cannot_bear_does_not_harm_its_batch(tmp_path, monkeypatch):
    monkeypatch.setenv("TEST_CURE", str(tmp_path / "none"))
    root = make_corpus(tmp_path / "root", parts=1, rows=4)
    write_pair(root / "part0", "002", PHOTO, poisoned(edit(PHOTO)))
    plan = plan_of(root, Moody)
    rows = annotate_task(plan, Task(plan.shards[0]), build_tools(plan)).table.to_pylist()
    assert [row["status"] for row in rows] == ["kept", "kept", "failed", "kept"]
    assert rows[2]["reason"] == "adapter-error"
    assert rows[2]["message"] == "RuntimeError: not today, <object object at 0x0>"


def test_a_part_that_has_become_shorter_is_no_shard(tmp_path):
    root = make_corpus(tmp_path / "root", parts=1, rows=4)
    plan = plan_of(root)
    (root / "part0" / "003.edited.png").unlink()
    with pytest.raises(UserError, match="3 rows, expected 4"):
        annotate_shard(plan, plan.shards[0])


def test_other_weights_than_the_plans_are_refused(tmp_path):
    from dataclasses import replace

    plan = plan_of(make_corpus(tmp_path / "root", parts=1, rows=1))
    other = replace(plan, identity={**plan.identity, "annotator": {**plan.identity["annotator"], "weights": ["0"]}})
    with pytest.raises(UserError, match="not those that the plan was made with"):
        build_tools(other)


def test_news_tells_every_row(mixed):
    plan = plan_of(mixed, shard_size=10)
    heard = []
    annotate_task(plan, Task(plan.shards[0]), build_tools(plan), heard.append)
    assert sum(heard) == 10


def test_pairs_of_a_toy_are_by_place():
    assert Toy.card.name == "toy"
