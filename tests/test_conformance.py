"""The conformance suite: each kind of misbehaviour fails its own check and no other."""

from __future__ import annotations

import io
import json
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace

import cv2
import numpy as np
import pytest
import typer
from PIL import Image as PillowImage
from typer.testing import CliRunner

from imlbench.adapters import Annotator, Detection, Detector, DetectorCard
from imlbench.cards import AdapterCard, Weight
from imlbench.cli.check import check
from imlbench.conformance import Status, check_annotator, check_detector, check_registered
from imlbench.conformance.guard import Record, watch
from imlbench.conformance.inputs import make_pair
from imlbench.differencing import mean_channel_difference
from imlbench.errors import UserError
from imlbench.registry import names

CARD = AdapterCard(
    name="toy", title="Toy", version="1", summary="for tests", licence="Apache-2.0", citation="none", threshold=0.1
)
WEIGHT = Weight(name="toy.safetensors", sha256="0" * 64, licence="MIT", source="made up")


@pytest.fixture(autouse=True)
def _own_working_folder(tmp_path, monkeypatch):
    """The guard looks for new names in the working folder, where other programs may be at work."""
    monkeypatch.chdir(tmp_path)


class Good(Annotator):
    """Keeps the contract; the others break it in one way each."""

    card = CARD

    def annotate(self, pairs):
        return [self.one(pair, pairs) for pair in pairs]

    def one(self, pair, pairs):
        return pair.shared(mean_channel_difference)


def scores(pair):
    return mean_channel_difference(pair)


class TwoForOne(Good):
    def annotate(self, pairs):
        return super().annotate(pairs) * 2


class NotAList(Good):
    def annotate(self, pairs):
        return (score_map for score_map in super().annotate(pairs))


class NotAnArray(Good):
    def one(self, pair, pairs):
        return scores(pair).tolist()


class Crashing(Good):
    def annotate(self, pairs):
        raise RuntimeError("first line\nsecond line")


class Exiting(Good):
    def annotate(self, pairs):
        sys.exit(3)


class Transposed(Good):
    def one(self, pair, pairs):
        return scores(pair).T


class ExtraAxis(Good):
    def one(self, pair, pairs):
        return scores(pair)[..., np.newaxis]


class Double(Good):
    def one(self, pair, pairs):
        return scores(pair).astype(np.float64)


class WithNaN(Good):
    def one(self, pair, pairs):
        values = scores(pair).copy()
        values[0, 0] = np.nan
        return values


class Unscaled(Good):
    def one(self, pair, pairs):
        return scores(pair) * np.float32(255)


class Counting(Good):
    def __init__(self, device="cpu", seed=0):
        super().__init__(device, seed)
        self.calls = 0

    def one(self, pair, pairs):
        self.calls += 1
        return scores(pair) / np.float32(self.calls)


class Remembering(Good):
    """Equal inputs in a row look fine; only another input in between shows the state."""

    previous: np.ndarray | None = None
    last: np.ndarray | None = None

    def annotate(self, pairs):
        maps = [scores(pair) for pair in pairs]
        if self.last is not None and not np.array_equal(self.last, maps[-1]):
            self.previous = self.last
        self.last = maps[-1]
        return [np.zeros_like(one) if self.previous is not None else one for one in maps]


class Unseeded(Good):
    def __init__(self, device="cpu", seed=0):
        super().__init__(device, seed)
        self.scale = np.float32(np.random.default_rng().uniform(0.5, 1))

    def one(self, pair, pairs):
        return scores(pair) * self.scale


class ReusedBuffer(Good):
    card = replace(CARD, batched=True)

    def __init__(self, device="cpu", seed=0):
        super().__init__(device, seed)
        self.buffers = {}

    def one(self, pair, pairs):
        buffer = self.buffers.setdefault(pair.id, np.zeros(pair.edited.shape[:2], np.float32))
        buffer[...] = scores(pair)
        return buffer


class BatchDependent(Good):
    def one(self, pair, pairs):
        return scores(pair) / np.float32(len(pairs))


class OrderDependent(Good):
    def annotate(self, pairs):
        largest = max(float(scores(pair).max()) for pair in pairs[:1]) or 1.0
        return [np.clip(scores(pair) / np.float32(largest), 0, 1) for pair in pairs]


class OnlyMultiplesOfEight(Good):
    def one(self, pair, pairs):
        height, width = pair.edited.shape[:2]
        tiny = min(height, width) < 5
        return scores(pair)[: height if tiny else height - height % 8]


class NoSinglePixel(Good):
    def one(self, pair, pairs):
        if pair.edited.shape[:2] == (1, 1):
            raise ValueError("window larger than the image")
        return scores(pair)


class NoGrey(Good):
    def one(self, pair, pairs):
        if np.ptp(pair.edited, axis=2).max() == 0 and not np.array_equal(pair.original, pair.edited):
            return np.full(pair.edited.shape[:2], np.nan, np.float32)
        return scores(pair)


class DividingByTheLargest(Good):
    def one(self, pair, pairs):
        largest = scores(pair).max()
        with np.errstate(invalid="ignore"):
            return scores(pair) / largest if min(pair.edited.shape[:2]) > 60 else scores(pair)


class NeedsCaption(Good):
    def one(self, pair, pairs):
        assert len(pair.caption) > 0
        return scores(pair)


class SecretlyReadsInstruction(Good):
    def one(self, pair, pairs):
        return scores(pair) * np.float32(0.5 if pair.instruction and "sky" in pair.instruction else 1)


class SecretlyReadsCaption(Good):
    def one(self, pair, pairs):
        return scores(pair) * np.float32(0.5 if pair.caption and "dog" in pair.caption else 1)


class SecretlySeeded(Good):
    def one(self, pair, pairs):
        return scores(pair) / np.float32(1 + self.seed)


class SoftButCalledHard(Good):
    card = replace(CARD, soft=False)


class HardButOnesOf255(Good):
    card = replace(CARD, soft=False)

    def one(self, pair, pairs):
        return (scores(pair) > 0.1).astype(np.uint8)


class HardButCalledSoft(Good):
    def one(self, pair, pairs):
        return scores(pair) > 0.1


class Mutating(Good):
    def one(self, pair, pairs):
        result = scores(pair)
        pair.edited[0, 0] = 7
        return result


class MutatingText(Good):
    def one(self, pair, pairs):
        pair.instruction = None
        return scores(pair)


class MakingWritable(Good):
    def one(self, pair, pairs):
        pair.edited.flags.writeable = True
        return scores(pair)


class NotThreadSafe(Good):
    def one(self, pair, pairs):
        self.current = pair
        time.sleep(0.001)
        return scores(self.current)


class Writing(Good):
    def one(self, pair, pairs):
        with open("log.txt", "a") as file:
            file.write("called\n")
        return scores(pair)


class WritingNatively(Good):
    def one(self, pair, pairs):
        cv2.imwrite("debug.png", pair.edited)
        return scores(pair)


class Connecting(Good):
    def one(self, pair, pairs):
        with socket.socket() as client:
            client.settimeout(0.1)
            client.connect_ex(("127.0.0.1", 9))
        return scores(pair)


class Resolving(Good):
    def one(self, pair, pairs):
        socket.getaddrinfo("127.0.0.1", 80)
        return scores(pair)


class Starting(Good):
    card = replace(CARD, batched=True)
    started = False

    def one(self, pair, pairs):
        if not Starting.started:
            Starting.started = True
            subprocess.run([sys.executable, "-S", "-c", ""], check=True)
        return scores(pair)


class NotBuilding(Good):
    def __init__(self, device="cpu", seed=0):
        raise UserError("weights are missing: put toy.safetensors into the weights folder")


class NotAnAnnotator:
    card = CARD

    def __init__(self, device="cpu", seed=0): ...

    def annotate(self, pairs):
        return [scores(pair) for pair in pairs]


class WithoutCard(Good):
    card = None


def with_card(**changes):
    return type("Dishonest", (Good,), {"card": replace(CARD, **changes)})


MISBEHAVIOUR = [
    (NotBuilding, "construction", "weights are missing"),
    (NotAnAnnotator, "construction", "expected an instance of imlbench.adapters.Annotator, found NotAnAnnotator"),
    (WithoutCard, "construction", "AdapterCard"),
    (TwoForOne, "output", "expected 3 results for 3 inputs, found 6"),
    (NotAList, "output", "found generator"),
    (NotAnArray, "output", "found list"),
    (Crashing, "output", "raised RuntimeError: first line second line"),
    (Exiting, "output", "raised SystemExit: 3"),
    (Mutating, "inputs-untouched", "the edited image was changed in place"),
    (MutatingText, "inputs-untouched", "texts were changed"),
    (MakingWritable, "inputs-untouched", "made writable"),
    (Transposed, "shape", "64x96: expected shape (96, 64), found (64, 96)"),
    (ExtraAxis, "shape", "found (96, 64, 1)"),
    (Double, "dtype", "found float64"),
    (WithNaN, "range", "1 of 6144 scores are NaN"),
    (Unscaled, "range", "expected scores in [0, 1]"),
    (Counting, "determinism", "a second call"),
    (Remembering, "determinism", "a call after other inputs"),
    (Unseeded, "determinism", "a second instance"),
    (ReusedBuffer, "determinism", "wrote into the maps of an earlier one"),
    (BatchDependent, "batch-invariance", "one by one against one batch"),
    (OrderDependent, "batch-invariance", "scores differ, by up to"),
    (OnlyMultiplesOfEight, "odd-sizes", "61x47: expected shape (47, 61), found (40, 61)"),
    (NoSinglePixel, "tiny-images", "1x1: raised ValueError: window larger than the image"),
    (NoGrey, "grey-content", "NaN"),
    (DividingByTheLargest, "identical-pair", "NaN"),
    (NeedsCaption, "without-text", "TypeError"),
    (SoftButCalledHard, "card-soft", "soft=False"),
    (HardButOnesOf255, "card-soft", "0 and 255"),
    (HardButCalledSoft, "card-soft", "soft=True"),
    (SecretlyReadsInstruction, "card-text", "uses_instruction=False"),
    (SecretlyReadsCaption, "card-text", "uses_caption=False"),
    (SecretlySeeded, "card-seed", "seeded=False"),
    (NotThreadSafe, "threads", "4 threads at once"),
    (Writing, "no-writes", "log.txt"),
    (WritingNatively, "no-writes", "debug.png"),
    (Connecting, "no-network", "127.0.0.1"),
    (Resolving, "no-network", "socket.getaddrinfo 127.0.0.1"),
    (Starting, "no-subprocess", "subprocess.Popen"),
    (with_card(name="joy"), "card", "the card says name 'joy', registered is 'toy'"),
    (with_card(title=" "), "card", "title is empty"),
    (with_card(version=""), "card", "version is empty"),
    (with_card(licence=""), "card", "licence is empty"),
    (with_card(citation=None), "card", "citation is empty"),
    (with_card(threshold=1.5), "card", "found 1.5"),
    (with_card(threshold=float("nan")), "card", "found nan"),
    (with_card(threshold="0.5"), "card", "found '0.5'"),
    (with_card(needs_instruction=True), "card", "needs_instruction without uses_instruction"),
    (with_card(weights=(replace(WEIGHT, sha256="abc"),)), "card", "64 hexadecimal digits"),
    (with_card(weights=(replace(WEIGHT, licence=""),)), "card", "licence is empty"),
]


@pytest.mark.parametrize(
    ("adapter", "failing", "message"), MISBEHAVIOUR, ids=[f"{one[1]}-{one[0].__name__}" for one in MISBEHAVIOUR]
)
def test_a_misbehaving_annotator_fails_exactly_its_check(adapter, failing, message):
    report = check_annotator(adapter, name="toy")
    assert report.failures == (failing,), str(report)
    assert not report.passed
    (outcome,) = [outcome for outcome in report.outcomes if outcome.status is Status.FAILED]
    assert message in outcome.message
    assert "\n" not in outcome.message


def test_the_toys_cover_every_check():
    tried = {failing for _, failing, _ in MISBEHAVIOUR}
    assert tried == {outcome.check for outcome in check_annotator(Good, name="toy").outcomes}


def test_a_good_annotator_passes_every_check_and_skips_none():
    report = check_annotator(Good, name="toy")
    assert {outcome.status for outcome in report.outcomes} == {Status.PASSED}, str(report)
    assert report.summary() == f"toy: {len(report.outcomes)} passed, 0 failed, 0 skipped"


def test_an_honest_card_skips_what_it_declares_and_says_why():
    honest = replace(
        CARD,
        needs_instruction=True,
        uses_instruction=True,
        uses_caption=True,
        seeded=True,
        batched=True,
        weights=(WEIGHT,),
    )

    class Honest(Good):
        card = honest

        def one(self, pair, pairs):
            return scores(pair) * np.float32((len(pair.instruction) + self.seed + len(pair.caption or "")) % 7 / 7)

    report = check_annotator(Honest)
    skipped = {outcome.check: outcome.message for outcome in report.outcomes if outcome.status is Status.SKIPPED}
    assert report.passed, str(report)
    assert set(skipped) == {"card-text", "card-seed", "threads"}
    assert all(skipped.values())


def test_hard_maps_may_be_bool_or_the_two_ends_of_the_scale():
    for convert in (np.asarray, lambda hard: hard.astype(np.float32), lambda hard: hard.astype(np.uint8) * 255):
        body = {
            "card": replace(CARD, soft=False),
            "one": lambda self, pair, pairs, convert=convert: convert(scores(pair) > 0.1),
        }
        report = check_annotator(type("Hard", (Good,), body))
        assert report.passed, str(report)


def test_rounding_within_the_tolerance_is_not_batch_dependence():
    class Rounding(Good):
        def one(self, pair, pairs):
            return np.clip(scores(pair) + np.float32(2e-6 * len(pairs)), 0, 1)

    report = check_annotator(Rounding)
    assert report.passed, str(report)


def test_a_factory_without_arguments_is_accepted_and_cannot_be_seeded():
    report = check_annotator(lambda: Good("cpu", 5))
    assert report.name == "toy"
    assert report.passed
    assert [outcome.check for outcome in report.outcomes if outcome.status is Status.SKIPPED] == ["card-seed"]


def test_later_checks_are_skipped_when_the_adapter_cannot_be_built():
    report = check_annotator(NotBuilding)
    assert [outcome.status for outcome in report.outcomes[1:]] == [Status.SKIPPED] * (len(report.outcomes) - 1)
    assert report.outcomes[1].message == "means nothing before construction passes"


DETECTOR_CARD = DetectorCard(
    name="bright", title="Brightness", version="1", summary="for tests", licence="MIT", citation="none", threshold=0.1
)


class Brightness(Detector):
    card = DETECTOR_CARD

    def detect(self, pictures):
        return [self.one(picture) for picture in pictures]

    def one(self, picture):
        score_map = picture.pixels.mean(axis=2, dtype=np.float64).astype(np.float32) / np.float32(255)
        return Detection(score_map)


class WithScore(Brightness):
    card = replace(DETECTOR_CARD, scores_images=True)

    def one(self, picture):
        score_map = super().one(picture).score_map
        return Detection(score_map, float(score_map.max()), ("looked at",))


class BareMaps(Brightness):
    def one(self, picture):
        return super().one(picture).score_map


class Confident(WithScore):
    def one(self, picture):
        return super().one(picture)._replace(image_score=1.2)


class CountingScore(WithScore):
    calls = 0

    def one(self, picture):
        self.calls += 1
        return super().one(picture)._replace(image_score=1 / self.calls)


class WithText(Brightness):
    card = replace(DETECTOR_CARD, uses_instruction=True)


class OldCard(Brightness):
    card = CARD


class OddConvention(Brightness):
    card = replace(DETECTOR_CARD, preprocessing="mine")


class ListOfNotes(Brightness):
    def one(self, picture):
        return super().one(picture)._replace(notes="one text")


class SilentScore(WithScore):
    card = DETECTOR_CARD


class NoScore(Brightness):
    card = WithScore.card


class WantsJpeg(Brightness):
    def one(self, picture):
        if picture.data is None:
            raise ValueError("no file")
        return super().one(picture)


class ReadsSecretly(Brightness):
    def one(self, picture):
        found = super().one(picture)
        return found if picture.jpeg is None else Detection(found.score_map / np.float32(2))


class ReadsOpenly(ReadsSecretly):
    card = replace(DETECTOR_CARD, reads_files=True)


class GreyFileBreaks(Brightness):
    def one(self, picture):
        if picture.jpeg is not None and PillowImage.open(io.BytesIO(picture.jpeg)).mode == "L":
            raise IndexError("component 1")
        return super().one(picture)


@pytest.mark.parametrize(
    ("detector", "skipped"), [(Brightness, set()), (WithScore, set()), (ReadsOpenly, {"card-file"})]
)
def test_a_good_detector_passes_whether_it_scores_images_or_reads_files(detector, skipped):
    report = check_detector(detector, name="bright")
    assert report.passed, str(report)
    assert {outcome.check for outcome in report.outcomes if outcome.status is Status.SKIPPED} == skipped
    assert report.kind == "detectors"
    checks = {outcome.check for outcome in report.outcomes}
    assert {"image-score", "files", "card-file", "card-image-score"} <= checks
    assert not {"identical-pair", "card-text", "without-text"} & checks


@pytest.mark.parametrize(
    ("detector", "failing", "message"),
    [
        (BareMaps, "output", "expected a Detection for each image, found ndarray"),
        (ListOfNotes, "output", "expected a tuple of texts as notes, found 'one text'"),
        (Confident, "image-score", "found 1.2"),
        (CountingScore, "determinism", "image score"),
        (WithText, "card", "a detector is given no text"),
        (OldCard, "card", "expected a DetectorCard, found AdapterCard"),
        (OddConvention, "card", "preprocessing: expected one of own, official, benco, found 'mine'"),
        (SilentScore, "card-image-score", "scores_images=False, but there is one"),
        (NoScore, "card-image-score", "scores_images=True, but there is none for some images"),
        (WantsJpeg, "files", "raised ValueError: no file"),
        (GreyFileBreaks, "files", "64x96-L-quality-80 (JPEG): raised IndexError: component 1"),
        (ReadsSecretly, "card-file", "reads_files=False, but without the file the result is another"),
        (Good, "construction", "expected an instance of imlbench.adapters.Detector, found Good"),
    ],
)
def test_a_misbehaving_detector_fails_its_check(detector, failing, message):
    report = check_detector(detector)
    assert failing in report.failures
    assert message in next(outcome.message for outcome in report.outcomes if outcome.check == failing)


def test_the_guard_hears_every_way_to_write_and_not_reading(tmp_path):
    path = tmp_path / "file"
    path.write_text("x")
    acts = {
        "open w": lambda: open(path, "w").close(),
        "open r+": lambda: open(path, "r+b").close(),
        "os.open": lambda: os.close(os.open(path, os.O_WRONLY)),
        "mkdir": lambda: os.mkdir(tmp_path / "folder"),
        "rename": lambda: os.rename(path, tmp_path / "other"),
        "remove": lambda: os.remove(tmp_path / "other"),
        "sqlite": lambda: sqlite3.connect(tmp_path / "base.db").close(),
        "temporary": lambda: tempfile.TemporaryFile(dir=tmp_path).close(),
    }
    for name, act in acts.items():
        record = Record()
        with watch(record):
            act()
        assert record.writes, name
    harmless = Record()
    with watch(harmless):
        open(__file__).close()
        open(os.devnull, "w").close()
        sqlite3.connect(":memory:").close()
    assert harmless == Record()


def test_the_guard_hears_other_threads_and_is_deaf_outside_its_block(tmp_path):
    record = Record()
    with watch(record), watch(record):
        worker = threading.Thread(target=(tmp_path / "inside").write_text, args=("x",))
        worker.start()
        worker.join()
    (tmp_path / "outside").write_text("x")
    assert [one.rpartition(os.sep)[2] for one in record.writes] == ["inside", "left inside in the working folder"]


def test_caches_that_an_import_writes_do_not_count(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    record = Record()
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (tmp_path / "caching_module.py").write_text(f"open({str(folder / 'cache')!r}, 'w').close()\n")
    with watch(record):
        import caching_module  # noqa: F401
    assert (folder / "cache").exists()
    assert not record.writes


def test_inputs_are_the_same_on_every_call_and_differ_inside_the_patch():
    first, second = make_pair((47, 61)), make_pair((47, 61))
    assert np.array_equal(first.edited, second.edited)
    changed = scores(first) > 0.1
    assert 0.1 < changed.mean() < 0.5
    assert not changed[:15].any()


@pytest.mark.parametrize(
    "name", [name for name in names("annotators") if name.startswith(("pixdiff", "ssim", "meandiff"))]
)
def test_first_party_annotators_pass(name):
    report = check_registered(name)
    assert {outcome.status for outcome in report.outcomes} == {Status.PASSED}, str(report)


def command():
    app = typer.Typer()
    app.command("check")(check)
    return app


def test_command_prints_a_line_per_check_and_exits_with_zero():
    result = CliRunner().invoke(command(), ["pixdiff-10"])
    lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert len(lines) == len(check_registered("pixdiff-10").outcomes) + 1
    assert all(line.startswith("passed ") for line in lines[:-1])
    assert lines[-1].startswith("pixdiff-10: ")


class Chatting(Transposed):
    card = replace(CARD, name="pixdiff-10")

    def one(self, pair, pairs):
        print("[bold]hello[/bold]")
        return super().one(pair, pairs)


def test_command_exits_with_one_when_a_check_fails_and_json_stays_json(monkeypatch):
    monkeypatch.setattr("annotators.pixdiff.PixDiff10", Chatting)
    result = CliRunner().invoke(command(), ["pixdiff-10", "--json", "--kind", "annotators"])
    report = json.loads(result.stdout)
    assert result.exit_code == 1
    assert report["passed"] is False
    assert [outcome["check"] for outcome in report["outcomes"] if outcome["status"] == "failed"] == ["shape"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("pixdif-10",), "did you mean pixdiff-10"),
        (("zzzz",), "`imlbench list detectors`"),
        (("pixdiff-10", "detectors"), "unknown detector 'pixdiff-10'"),
        (("pixdiff-10", "datasets"), "unknown kind 'datasets': expected annotators or detectors"),
    ],
)
def test_an_unknown_name_or_kind_is_a_users_error_with_help(arguments, message):
    with pytest.raises(UserError) as caught:
        check_registered(*arguments)
    assert message in str(caught.value)
