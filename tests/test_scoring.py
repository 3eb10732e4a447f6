"""From a sample to outcomes: decoding failures, facts, the key of what was seen."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from imlbench.errors import Reason, SampleError
from imlbench.jobs import annotator_handles, make_jobs
from imlbench.perturb import CLEAN, Condition
from imlbench.perturbations.compression import Jpeg
from imlbench.perturbations.noise import Noise
from imlbench.results.records import Known
from imlbench.samples import Sample
from imlbench.scoring import Scorer, Task, perturbed, signature_of
from imlbench.sources import BrokenSource
from tests.making_sets import ListDataset, Toy, memory_sample, png


def process(sample, *annotators, known=None, conditions=(CLEAN,), keep_map=None, tmp_path="."):
    jobs = make_jobs(annotator_handles(annotators, "cpu", 0), ListDataset(tmp_path, [sample]), conditions, 0)
    scorer = Scorer("listed", 0, None, keep_map)
    return scorer.process(Task(sample, signature_of(sample), [(job, known) for job in jobs]))


def test_an_undecodable_sample_fails_for_every_job_without_facts_of_pixels():
    sample = memory_sample("bad", tags={"editor": "x"}, edited=BrokenSource("bad", Reason.DOUBLE_MATCH, "two of them"))
    result = process(sample, Toy("one"), Toy("two", batched=True))
    assert [(outcome.status, outcome.reason, outcome.message) for outcome in result.outcomes] == [
        ("failed", "double-match", "two of them")
    ] * 2
    facts = result.outcomes[0].sample
    assert (facts.content, facts.width, facts.edited_pixels, facts.tags) == ("", None, None, {"editor": "x"})
    assert result.waiting == []


class RaisingSource:
    name = "raising"

    def read(self):
        raise MemoryError

    def signature(self):
        return ""


def test_whatever_a_source_raises_is_the_samples_failure():
    (outcome,) = process(memory_sample("bad", edited=RaisingSource()), Toy()).outcomes
    assert (outcome.reason, outcome.message) == ("unreadable", "bad: MemoryError")


def test_facts_of_a_decoded_sample():
    sample = memory_sample("good", instruction="remove the boat", tags={"editor": "x"})
    (outcome,) = process(sample, Toy()).outcomes
    facts = outcome.sample
    assert (facts.width, facts.height, facts.edited_pixels, facts.scope) == (24, 16, 72, "local")
    assert facts.outside_difference == 14
    assert set(facts.files) == {"original", "edited", "mask"}
    assert (facts.instruction, facts.tags) == ("remove the boat", {"editor": "x"})
    assert (outcome.status, outcome.counts.tp + outcome.counts.fn) == ("ok", 72)


def test_annotators_that_hand_out_one_array_share_one_count():
    result = process(memory_sample("a"), "pixdiff-10", "pixdiff-20")
    first, second = (outcome.counts for outcome in result.outcomes)
    assert first.histogram is second.histogram
    assert first.tp > second.tp


def test_adapters_see_read_only_images_and_never_the_mask():
    def scribble(pair):
        pair.edited[0, 0] = 0

    (outcome,) = process(memory_sample("a"), Toy(function=scribble)).outcomes
    assert (outcome.reason, "read-only" in outcome.message) == ("adapter-error", True)
    pairs = []
    process(memory_sample("a"), Toy(function=lambda pair: pairs.append(pair) or pair.edited[..., 0]))
    assert not any("mask" in name for name in dir(pairs[0]))


def test_maps_are_kept_only_when_valid():
    kept = []
    process(
        memory_sample("a"),
        Toy("good"),
        Toy("bad", function=lambda pair: None),
        keep_map=lambda job, name, scores: kept.append((job.card.name, name, scores.shape)),
    )
    assert kept == [("good", "a", (16, 24))]


def test_a_stopped_scorer_computes_nothing(tmp_path):
    toy = Toy()
    sample = memory_sample("a")
    jobs = make_jobs(annotator_handles([toy], "cpu", 0), ListDataset(tmp_path, [sample]), [CLEAN], 0)
    scorer = Scorer("listed", 0, None, None)
    scorer.stop.set()
    result = scorer.process(Task(sample, "", [(jobs[0], None)]))
    assert (result.outcomes, toy.calls, sample.edited.reads) == ([], [], 0)


def known(content, signature):
    return Known("ok", "", signature, content, None)


def test_a_known_content_is_not_scored_again():
    content = process(memory_sample("a"), Toy()).outcomes[0].sample.content
    toy = Toy()
    result = process(memory_sample("a"), toy, known=known(content, "older"))
    assert (len(result.unchanged), result.outcomes, toy.calls) == (1, [], [])
    result = process(memory_sample("a", seed=1), toy, known=known(content, "older"))
    assert (result.unchanged, len(result.outcomes), toy.calls) == ([], 1, [["a"]])


@pytest.mark.parametrize("card", ["needs_instruction", "uses_instruction", "uses_caption"])
def test_a_known_content_with_another_text_is_scored_again_by_those_who_read_it(card):
    sample = memory_sample("a", instruction="paint it red", caption="a boat")
    before = signature_of(memory_sample("a", instruction="paint it blue", caption="a boat"))
    content = process(sample, Toy()).outcomes[0].sample.content
    reads = process(sample, Toy(**{card: True}), known=known(content, before))
    ignores = process(sample, Toy(), known=known(content, before))
    assert (len(reads.outcomes), len(ignores.outcomes)) == (1, 0)
    same = process(sample, Toy(**{card: True}), known=known(content, signature_of(sample)))
    assert len(same.unchanged) == 1


def test_signatures_tell_texts_apart():
    texts = [(None, None), ("a", None), (None, "a"), ("a", "b"), ("", None)]
    signatures = {signature_of(memory_sample("a", instruction=one, caption=two)) for one, two in texts}
    assert len(signatures) == len(texts)
    assert signature_of(memory_sample("a")).startswith(memory_sample("a").signature())


def test_clean_hands_on_the_very_pair_and_its_shared_values():
    pairs = []
    process(memory_sample("a"), *(Toy(name, lambda pair: pairs.append(pair) or pair.edited[..., 0]) for name in "xy"))
    assert pairs[0] is pairs[1]
    assert perturbed(pairs[0], CLEAN, 0) is pairs[0]
    noisy = perturbed(pairs[0], Condition(Noise(), 9), 0)
    assert noisy is not pairs[0]
    assert noisy.original is pairs[0].original


def test_an_image_too_wide_for_jpeg_fails_alone():
    wide = np.zeros((1, 70_000, 3), np.uint8)
    sample = memory_sample("wide", edited=memory_sample("wide").edited, original=None)
    sample.edited.data = png(wide)
    sample = Sample("wide", sample.edited, original=sample.edited, scope="whole-image")
    outcomes = process(sample, Toy(), conditions=[CLEAN, Condition(Jpeg(), 50)]).outcomes
    assert [(outcome.status, outcome.reason) for outcome in outcomes] == [("ok", ""), ("failed", "adapter-error")]
    assert outcomes[1].message.startswith("jpeg at severity 50: ")
    assert "\n" not in outcomes[1].message


def test_an_adapters_own_sample_error_keeps_its_reason():
    def refuse(pair):
        raise SampleError(Reason.TOO_LARGE, "more than I can chew")

    (outcome,) = process(memory_sample("a"), Toy(function=refuse)).outcomes
    assert (outcome.status, outcome.reason, outcome.message) == ("failed", "too-large", "more than I can chew")


def test_threads_may_share_one_scorer(tmp_path):
    samples = [memory_sample(str(number), number) for number in range(12)]
    jobs = make_jobs(annotator_handles(["pixdiff-10"], "cpu", 0), ListDataset(tmp_path, samples), [CLEAN], 0)
    scorer = Scorer("listed", 0, None, None)
    found = {}

    def work(sample):
        found[sample.id] = scorer.process(Task(sample, "", [(jobs[0], None)])).outcomes[0].counts

    threads = [threading.Thread(target=work, args=(sample,)) for sample in samples]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for sample in samples:
        alone = scorer.process(Task(sample, "", [(jobs[0], None)])).outcomes[0].counts
        assert (alone.tp, alone.fp) == (found[sample.id].tp, found[sample.id].fp)
