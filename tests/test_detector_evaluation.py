"""Detectors in the evaluation: what they see, what is stored of them, and what is averaged with what."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from imlbench.adapters import Detection, Picture
from imlbench.authentic import WithOriginals
from imlbench.errors import Reason, SampleError, UserError
from imlbench.evaluation import Evaluation, evaluate
from imlbench.jobs import adapter_handles, annotator_handles, detector_handles, make_jobs
from imlbench.loading import load, load_alone, picture_of
from imlbench.perturb import CLEAN, Condition
from imlbench.perturbations.compression import Jpeg
from imlbench.perturbations.filters import Blur
from imlbench.results.merging import merge_results
from imlbench.results.reading import ResultReader
from imlbench.samples import Sample
from imlbench.settings import Settings
from imlbench.sources import BrokenSource, BytesSource
from tests.making_detectors import ToyDetector, brightness, detector_card, mixed_set
from tests.making_sets import ListDataset, Toy, edit, memory_sample, photo, png


@pytest.fixture
def out(tmp_path):
    return tmp_path / "results"


def run(dataset, detectors, out, **options):
    return evaluate(dataset, detectors, kind="detector", out=out, workers=2, **options)


def rows(out, statement):
    with ResultReader(out) as reader:
        return reader.query(statement)


def summaries(out):
    with ResultReader(out) as reader:
        (stored,) = reader.runs("detector")
        return reader.stored_summaries(stored.run_id)


SCORES = "SELECT sample_id, image_score FROM counts ORDER BY sample_id"


class TestWhatIsSeen:
    def test_is_the_edited_image_with_its_file(self, tmp_path, out):
        toy = ToyDetector()
        dataset = ListDataset(tmp_path, [memory_sample("x")])
        run(dataset, toy, out)
        picture = toy.pictures["x"]
        np.testing.assert_array_equal(picture.pixels, edit(photo()))
        assert not picture.pixels.flags.writeable
        assert picture.data == dataset.listed[0].edited.data
        assert (picture.format, picture.orientation, picture.jpeg) == ("PNG", 1, None)

    @pytest.mark.parametrize("broken", [True, False])
    def test_takes_no_original_that_is_broken_or_of_another_size(self, tmp_path, out, broken):
        name = "x-original"
        missing = BrokenSource(name, Reason.MISSING_PARTNER, "not there")
        original = missing if broken else BytesSource(name, png(photo(shape=(50, 20))))
        frame = run(ListDataset(tmp_path, [memory_sample("x", original=original)]), ToyDetector(), out)
        assert len(frame) == 1

    def test_under_a_perturbation_has_a_file_only_where_the_perturbation_tells_one(self, tmp_path, out):
        dataset = ListDataset(tmp_path, [memory_sample("x")])
        silent, telling = ToyDetector(), ToyDetector(name="other")
        run(dataset, silent, out, conditions=[Condition(Blur(), 5)])
        run(dataset, telling, out, conditions=[Condition(Jpeg(), 70)])
        assert (silent.pictures["x"].data, silent.pictures["x"].format) == (None, "")
        assert telling.pictures["x"].jpeg[:2] == b"\xff\xd8"
        decoded = np.asarray(Image.open(io.BytesIO(telling.pictures["x"].jpeg)))
        # Pillow's decoder and OpenCV's round differently.
        assert np.abs(decoded.astype(int) - telling.pictures["x"].pixels).max() <= 8
        assert not np.array_equal(telling.pictures["x"].pixels, edit(photo()))

    def test_is_one_image_whatever_the_target(self, tmp_path):
        dataset = ListDataset(tmp_path, [memory_sample("x")])
        handles = adapter_handles("detectors", [ToyDetector()], "cpu", 0)
        conditions = [Condition(Jpeg(), 70, target) for target in ("edited", "both")]
        (job,) = make_jobs(handles, dataset, conditions, 0, "detector")
        assert job.run.target == "edited"


class TestPictures:
    @pytest.mark.parametrize(("form", "jpeg"), [("JPEG", True), ("PNG", False), ("WEBP", False), ("BMP", False)])
    def test_know_their_format(self, form, jpeg):
        buffer = io.BytesIO()
        Image.fromarray(photo()).save(buffer, form)
        picture = picture_of("x", photo(), buffer.getvalue())
        assert (picture.format, picture.jpeg is not None) == (form, jpeg)

    def test_that_were_turned_upright_are_no_jpeg_for_readers_of_coefficients(self):
        exif = Image.Exif()
        exif[0x0112] = 6
        buffer = io.BytesIO()
        Image.fromarray(photo()).save(buffer, "JPEG", exif=exif)
        loaded = load_alone(Sample("x", BytesSource("x", buffer.getvalue()), scope="authentic"))
        picture = loaded.picture()
        assert picture.pixels.shape == (24, 16, 3)
        assert (picture.orientation, picture.data, picture.jpeg) == (6, buffer.getvalue(), None)

    def test_of_a_phone_that_appends_images_are_jpegs(self):
        buffer = io.BytesIO()
        image = Image.fromarray(photo())
        image.save(buffer, "MPO", save_all=True, append_images=[image])
        assert picture_of("x", photo(), buffer.getvalue()).format == "JPEG"


class TestImageScores:
    def test_are_the_detectors_own_or_else_the_largest_of_the_map(self, tmp_path, out):
        dataset = ListDataset(tmp_path, [memory_sample("x"), memory_sample("y", 1)])
        answers = {
            "x": Detection(np.zeros((16, 24), np.float32), 0.75),
            "y": Detection(np.full((16, 24), 51, np.uint8)),
        }
        run(dataset, ToyDetector(lambda picture: answers[picture.id]), out)
        assert rows(out, SCORES) == [("x", 0.75), ("y", 0.2)]

    @pytest.mark.parametrize("score", [1.2, -0.1, float("nan"), "high"])
    def test_that_are_none_fail_the_sample(self, tmp_path, out, score):
        toy = ToyDetector(lambda picture: brightness(picture)._replace(image_score=score))
        frame = run(ListDataset(tmp_path, [memory_sample("x")]), toy, out)
        assert frame.attrs["failed"] == {"bad-map": 1}

    @pytest.mark.parametrize("answer", [np.zeros((16, 24), np.float32), None, Detection(np.zeros(3)), (1, 2, 3)])
    def test_need_a_detection(self, tmp_path, out, answer):
        frame = run(ListDataset(tmp_path, [memory_sample("x")]), ToyDetector(lambda _: answer), out)
        assert frame.attrs["failed"] == {"bad-map": 1}

    def test_of_annotators_are_none(self, tmp_path, out):
        evaluate(ListDataset(tmp_path, [memory_sample("x")]), Toy(), out=out)
        assert rows(out, SCORES) == [("x", None)]


class TestApart:
    def test_each_mean_is_over_its_own_images(self, tmp_path, out):
        """A box that covers a quarter of the frame, an image score by hand."""
        scores = {"t0": 0.9, "t1": 0.4, "a0": 0.4, "a1": 0.1, "w0": 0.3}

        def judge(picture):
            score_map = np.zeros((16, 24), np.float32)
            score_map[:8, :12] = picture.id != "a1"
            return Detection(score_map, scores[picture.id])

        run(mixed_set(tmp_path), ToyDetector(judge, scores_images=True), out)
        found = summaries(out)
        # Tampered: the mask is rows 4-9, columns 6-17: 72 pixels, of which 4 x 6 are marked, beside 72 others.
        assert found["f1"].n == 2
        assert found["f1"].mean == pytest.approx(2 * 24 / (2 * 24 + 72 + 48))
        assert (found["false_alarms_tampered"].n, found["false_alarms_tampered"].mean) == (2, pytest.approx(72 / 312))
        assert (found["false_alarms_authentic"].n, found["false_alarms_authentic"].mean) == (2, pytest.approx(0.125))
        assert (found["marked_whole"].n, found["marked_whole"].mean) == (1, pytest.approx(0.25))
        # Pairs: 0.9 beats both, 0.4 ties with one and beats the other; the whole-image fake beats one of two.
        assert (found["image_auc"].n, found["image_auc"].mean) == (4, pytest.approx(3.5 / 4))
        assert (found["image_auc_whole"].n, found["image_auc_whole"].mean) == (3, pytest.approx(0.5))

    def test_without_authentic_images_there_is_no_auc(self, tmp_path, out):
        run(ListDataset(tmp_path, [memory_sample("x")]), ToyDetector(), out)
        found = summaries(out)
        assert found["image_auc"].n == found["false_alarms_authentic"].n == 0
        assert np.isnan(found["image_auc"].mean)

    def test_annotators_have_no_such_means(self, tmp_path, out):
        evaluate(ListDataset(tmp_path, [memory_sample("x")]), Toy(), out=out)
        with ResultReader(out) as reader:
            (stored,) = reader.runs()
            assert not {"image_auc", "false_alarms_authentic"} & reader.stored_summaries(stored.run_id).keys()


class TestOriginals:
    def test_follow_once_each_as_authentic_images(self, tmp_path, out):
        shared = BytesSource("shared", png(photo(3)))
        samples = [memory_sample("x", original=shared), memory_sample("y", 1, original=shared), memory_sample("z", 2)]
        dataset = WithOriginals(ListDataset(tmp_path, samples))
        assert [sample.id for sample in dataset.samples()] == ["x", "y", "z", "original:x", "original:z"]
        assert len(dataset) == 5
        toy = ToyDetector()
        run(ListDataset(tmp_path, samples), toy, out, originals=True)
        np.testing.assert_array_equal(toy.pictures["original:x"].pixels, photo(3))
        scopes = dict(rows(out, "SELECT sample_id, scope FROM samples"))
        assert [name for name, scope in scopes.items() if scope == "authentic"] == ["original:x", "original:z"]
        assert summaries(out)["image_auc"].n == 5

    def test_are_not_those_that_were_edited_before_nor_missing(self, tmp_path):
        first = memory_sample("x", tags={"turn": "1"})
        samples = [
            first,
            memory_sample("later", 1, tags={"turn": "2"}),
            memory_sample("chained", 2, original=first.edited),
            memory_sample("alone", 3, original=None),
            memory_sample("lost", 4, original=BrokenSource("o", Reason.MISSING_PARTNER, "not there")),
        ]
        found = WithOriginals(ListDataset(tmp_path, samples)).originals()
        assert [sample.id for sample in found] == ["original:x"]

    def test_are_added_to_the_run_that_is_there_already(self, tmp_path, out):
        dataset = ListDataset(tmp_path, [memory_sample("x")])
        run(dataset, ToyDetector(), out)
        toy = ToyDetector()
        run(dataset, toy, out, originals=True)
        assert toy.ids() == ["original:x"]
        with ResultReader(out) as reader:
            assert [one.scopes for one in reader.runs()] == [{"local": 1, "authentic": 1}]

    def test_can_be_chosen_by_id(self, tmp_path, out):
        toy = ToyDetector()
        dataset = ListDataset(tmp_path, [memory_sample("x")])
        run(dataset, toy, out, originals=True, sample_ids=["original:x"])
        assert toy.ids() == ["original:x"]
        with pytest.raises(UserError, match="are for detectors"):
            evaluate(dataset, Toy(), out=out, originals=True)
        with pytest.raises(UserError, match="has no sample 'original:y'"):
            run(dataset, toy, out, originals=True, sample_ids=["original:y"])


class TestResume:
    def test_only_what_is_missing_or_failed_is_judged(self, tmp_path, out):
        dataset = mixed_set(tmp_path)

        def refuse(picture):
            if picture.id == "t1":
                raise SampleError(Reason.ADAPTER_ERROR, "not today")
            return brightness(picture)

        first = ToyDetector(refuse, batched=True)
        frame = run(dataset, first, out, batch_size=3)
        assert frame.attrs["failed"] == {"adapter-error": 1}
        second = ToyDetector(batched=True)
        run(dataset, second, out, batch_size=3)
        assert second.ids() == ["t1"]
        assert summaries(out)["f1"].n == 2

    def test_a_batch_that_fails_is_judged_one_by_one(self, tmp_path, out):
        def refuse(picture):
            if picture.id == "a0":
                raise ValueError("no")
            return brightness(picture)

        toy = ToyDetector(refuse, batched=True)
        frame = run(mixed_set(tmp_path), toy, out, batch_size=8)
        assert max(map(len, toy.calls)) == 5
        assert len(frame) == 4

    def test_another_convention_of_preprocessing_is_another_run(self, tmp_path, out):
        dataset = ListDataset(tmp_path, [memory_sample("x")])
        for word in ("official", "benco", "official"):
            run(dataset, ToyDetector(preprocessing=word), out)
        identities = [json.loads(text)["preprocessing"] for (text,) in rows(out, "SELECT identity FROM runs")]
        assert sorted(identities) == ["benco", "official"]


def test_notes_are_stored_beside_the_result(tmp_path, out):
    small = Detection(np.zeros((8, 12), np.float32), None, ("no JPEG: saved at quality 100", "two\nlines"))
    run(ListDataset(tmp_path, [memory_sample("x")]), ToyDetector(lambda _: small), out)
    ((message,),) = rows(out, "SELECT message FROM counts")
    assert message == "score map resized from 12 x 8; no JPEG: saved at quality 100; two lines"


class TestBesideAnnotators:
    def test_a_sample_has_one_content_and_keeps_what_only_the_pair_tells(self, tmp_path, out):
        sample = memory_sample("x", original=BytesSource("o", png(photo(shape=(32, 48)))))
        assert load(sample).content() == load_alone(sample).content()
        dataset = ListDataset(tmp_path, [sample])
        evaluate(dataset, Toy(), out=out)
        told = "SELECT count(*), max(outside_difference), max(notes) FROM samples"
        before = rows(out, told)
        assert before[0][1] is not None
        assert "original resized" in before[0][2]
        run(dataset, ToyDetector(), out)
        assert rows(out, told) == before

    @pytest.mark.parametrize("order", [1, -1])
    def test_files_of_both_are_merged_without_losing_it(self, tmp_path, out, order):
        dataset = ListDataset(tmp_path, [memory_sample("x")])
        evaluate(dataset, Toy(), out=tmp_path / "annotators")
        run(dataset, ToyDetector(), tmp_path / "detectors")
        merge_results([tmp_path / "annotators", tmp_path / "detectors"][::order], out)
        ((count, difference),) = rows(out, "SELECT count(*), max(outside_difference) FROM samples")
        assert count == 1
        assert difference is not None
        assert sorted(score is None for _, score in rows(out, SCORES)) == [False, True]

    def test_one_evaluation_is_of_one_kind(self, tmp_path, out):
        dataset = ListDataset(tmp_path, [memory_sample("x")])
        jobs = make_jobs(annotator_handles([Toy()], "cpu", 0), dataset, [CLEAN], 0)
        jobs += make_jobs(detector_handles([ToyDetector()], "cpu", 0), dataset, [CLEAN], 0, "detector")
        with pytest.raises(ValueError, match="evaluations of their own"):
            Evaluation(dataset, jobs, Settings(out=out))


def test_adapters_of_the_other_kind_and_with_another_card_are_refused():
    class OldCard(ToyDetector):
        card = Toy.card

    with pytest.raises(UserError, match="toy: not a detector: it has no method detect"):
        detector_handles([Toy], "cpu", 0)
    with pytest.raises(UserError, match="toy: not an annotator: it has no method annotate"):
        annotator_handles([ToyDetector], "cpu", 0)
    with pytest.raises(UserError, match="toy: expected a DetectorCard as `card`, found AdapterCard"):
        detector_handles([OldCard], "cpu", 0)
    assert detector_card().preprocessing == "own"


def test_a_picture_without_a_file_has_no_jpeg():
    assert Picture("x", photo()).jpeg is None
