"""The evaluation loop: what is computed, what is left alone, what is recorded, whatever the order of work."""

from __future__ import annotations

import os
import shutil
from collections import Counter

import cv2
import numpy as np
import pytest

from imlbench import evaluate as lazy_evaluate
from imlbench.datasets.folder import Folder
from imlbench.datasets.manifest import Manifest
from imlbench.errors import UserError
from imlbench.evaluation import Evaluation, evaluate
from imlbench.jobs import annotator_handles, make_jobs
from imlbench.metrics import METRICS
from imlbench.perturb import CLEAN, Condition
from imlbench.perturbations.compression import Jpeg
from imlbench.perturbations.filters import Blur
from imlbench.perturbations.noise import Noise
from imlbench.results.database import database_path
from imlbench.results.reading import ResultReader
from imlbench.settings import Settings
from tests.making_sets import BOX, SHAPE, ListDataset, Toy, make_set, memory_sample, stored, toy_card, write_triple


@pytest.fixture
def root(tmp_path):
    return make_set(tmp_path / "set")


@pytest.fixture
def out(tmp_path):
    return tmp_path / "results"


def run(root, out, annotators, conditions=(CLEAN,), progress=None, **settings):
    """One evaluation; returns its account."""
    dataset = Folder(root) if not hasattr(root, "samples") else root
    chosen = Settings(out=out, **{"workers": 2, **settings})
    jobs = make_jobs(annotator_handles(annotators, "cpu", chosen.seed), dataset, conditions, chosen.seed)
    return Evaluation(dataset, jobs, chosen, progress).run()


def settle(path):
    """Give a file another time and the same content."""
    os.utime(path, ns=(1_000_000_000, 1_000_000_000))


class TestOnlyMissing:
    def test_nothing_is_computed_twice(self, root, out):
        toy = Toy()
        first, second = run(root, out, [toy]), run(root, out, [toy])
        assert toy.ids() == ["00", "01", "02", "03", "04", "05"]
        assert (first.computed.total(), first.stored.total()) == (6, 0)
        assert (second.computed.total(), second.stored.total()) == (0, 6)

    def test_a_finished_run_does_not_even_build_its_adapter(self, root, out):
        built = Counter()

        class Built(Toy):
            def __init__(self, device, seed):
                built["times"] += 1
                super().__init__()

        run(root, out, [Built])
        assert built["times"] == 1
        account = run(root, out, [Built])
        assert built["times"] == 1
        assert account.total("ok") == 6

    def test_only_new_samples_are_computed(self, root, out):
        toy = Toy()
        run(root, out, [toy])
        write_triple(root, "new", 77)
        run(root, out, [toy])
        assert toy.ids() == ["00", "01", "02", "03", "04", "05", "new"]

    def test_another_annotator_or_version_is_another_run(self, root, out):
        run(root, out, [Toy()])
        other, newer = Toy("other"), Toy(version="2")
        run(root, out, [other, Toy()])
        run(root, out, [newer])
        assert len(other.ids()) == len(newer.ids()) == 6
        with ResultReader(out) as reader:
            assert len(reader.runs()) == 3

    def test_failures_are_tried_again(self, root, out):
        def moody(pair):
            if toy.calls.count([pair.id]) == 1 and pair.id in ("01", "04"):
                raise ValueError("a bad day")
            return np.zeros(pair.edited.shape[:2], bool)

        toy = Toy(function=moody)
        first = run(root, out, [toy])
        assert first.reasons("failed") == {"adapter-error": 2}
        second = run(root, out, [toy])
        assert toy.calls[6:] == [["01"], ["04"]] or toy.calls[6:] == [["04"], ["01"]]
        assert second.total("failed") == 0
        assert {row[0] for row in stored(out).values()} == {"ok"}

    def test_changed_content_is_computed_anew(self, root, out):
        toy = Toy()
        run(root, out, [toy])
        before = stored(out)
        write_triple(root, "03", 99)
        settle(root / "edited" / "03.png")
        run(root, out, [toy])
        assert toy.ids().count("03") == 2
        assert len(toy.ids()) == 7
        changed = {key[-1] for key, row in stored(out).items() if before[key] != row}
        assert changed == {"03"}

    def test_a_touched_file_is_looked_at_once_and_not_computed(self, root, out):
        toy = Toy()
        run(root, out, [toy])
        before = stored(out)
        settle(root / "edited" / "03.png")
        account = run(root, out, [toy])
        assert len(toy.ids()) == 6
        assert (account.computed.total(), account.stored.total()) == (0, 6)
        assert stored(out) == before
        # The new time is remembered: no file is read the next time.
        for folder in ("original", "edited", "mask"):
            for path in (root / folder).iterdir():
                status = path.stat()
                path.write_bytes(b"x" * status.st_size)
                os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert run(root, out, [toy]).stored.total() == 6
        assert stored(out) == before

    def test_a_touched_file_does_not_turn_a_skip_into_a_score(self, root, out):
        needy = Toy(needs_instruction=True)
        run(root, out, [needy])
        settle(root / "edited" / "03.png")
        account = run(root, out, [needy])
        assert account.total("ok") == 0
        assert account.reasons("skipped") == {"no-instruction": 6}

    def test_a_new_mask_rule_counts_anew_and_a_new_tag_is_noted_without_counting(self, root, out):
        def evaluated(line: str) -> tuple[int, dict[str, object]]:
            table = "id,original,edited,mask,mask_rule,kind\n00,original/00.png,edited/00.png,mask/00.png,"
            (root / "list.csv").write_text(f"{table}{line}\n")
            jobs = make_jobs(annotator_handles(["pixdiff-10"], "cpu", 0), Manifest(root / "list.csv"), [CLEAN], 0)
            account = Evaluation(Manifest(root / "list.csv"), jobs, Settings(out=out)).run()
            with ResultReader(out) as reader:
                row = reader.frame().iloc[0].to_dict()
            return account.computed.total(), row

        first = evaluated("white,boat")
        assert first[0] == 1
        computed, row = evaluated("white,ship")
        assert (computed, row["tag:kind"], row["tp"]) == (0, "ship", first[1]["tp"])
        assert evaluated("white,ship")[0] == 0
        computed, row = evaluated("black,ship")
        assert (computed, row["tp"], row["edited_pixels"]) == (1, first[1]["fp"], 24 * 16 - 72)

    def test_a_new_instruction_matters_to_those_who_read_it(self, root, out):
        needy, reader, blind = Toy("needy", needs_instruction=True), Toy("reader", uses_instruction=True), Toy("blind")
        run(root, out, [needy, reader, blind])
        (root / "instructions.csv").write_text("name,instruction\n02,remove the boat\n")
        account = run(root, out, [needy, reader, blind])
        assert needy.ids() == ["02"]
        assert reader.ids().count("02") == 2
        assert (len(reader.ids()), len(blind.ids())) == (7, 6)
        assert account.computed.total() == 2
        assert run(root, out, [needy, reader, blind]).computed.total() == 0
        (root / "instructions.csv").write_text("name,instruction\n02,paint the boat\n")
        assert run(root, out, [needy, reader, blind]).computed.total() == 2

    def test_boundary_asked_later_computes_what_lacks_it(self, root, out):
        first, second = Toy("first"), Toy("second")
        run(root, out, [first], boundary=2)
        run(root, out, [first, second], boundary=2)
        assert (len(first.ids()), len(second.ids())) == (6, 6)
        third = Toy("third")
        run(root, out, [third])
        run(root, out, [third, first], boundary=2)
        assert (len(first.ids()), len(third.ids())) == (6, 12)
        run(root, out, [first])
        assert len(first.ids()) == 6
        run(root, out, [first], boundary=3)
        assert len(first.ids()) == 12
        with ResultReader(out) as reader:
            assert np.isfinite(reader.frame()["boundary_f1"]).sum() == 18


class TestOverwrite:
    def test_never_leaves_a_run_with_any_result_alone(self, root, out):
        old, new = Toy("old"), Toy("new")
        run(root, out, [old], sample_ids=["02"])
        account = run(root, out, [old, new], overwrite="never")
        assert (old.ids(), len(new.ids())) == (["02"], 6)
        assert account.computed.total() == 6

    def test_always_computes_everything_anew(self, root, out):
        toy = Toy()
        run(root, out, [toy])
        before = stored(out)
        account = run(root, out, [toy], overwrite="always")
        assert account.computed.total() == 6
        assert len(toy.ids()) == 12
        assert stored(out) == before

    def test_an_unknown_word_is_refused(self, out):
        with pytest.raises(UserError, match="overwrite: expected one of never, only-missing, always, found 'maybe'"):
            Settings(out=out, overwrite="maybe")


@pytest.mark.parametrize(
    ("name", "value"), [("workers", 0), ("batch_size", 0), ("limit", 0), ("boundary", -1), ("seed", -1)]
)
def test_settings_are_checked(name, value):
    with pytest.raises(UserError, match=f"{name.replace('_', '-')} must be at least"):
        Settings(**{name: value})


class TestSubsets:
    def test_larger_limits_contain_smaller_ones_and_reuse_them(self, tmp_path, out):
        root = make_set(tmp_path / "many", 30)
        asked: list[set[str]] = []
        for limit in (5, 12, 29):
            toy = Toy()
            account = run(root, tmp_path / f"alone-{limit}", [toy], limit=limit)
            assert account.samples == len(toy.ids()) == limit
            asked.append(set(toy.ids()))
            again = Toy()
            run(root, out, [again], limit=limit)
            assert len(again.ids()) == limit - len(asked[-2] if len(asked) > 1 else ())
        assert asked[0] < asked[1] < asked[2]

    def test_a_subset_is_no_prefix_and_depends_on_the_seed(self, tmp_path):
        root = make_set(tmp_path / "many", 30)
        chosen = []
        for seed in (0, 1):
            toy = Toy()
            run(root, tmp_path / str(seed), [toy], limit=10, seed=seed)
            chosen.append(toy.ids())
        assert chosen[0] != chosen[1]
        assert all(ids != [f"{number:02}" for number in range(10)] for ids in chosen)

    def test_a_limit_above_the_size_is_everything(self, root, out):
        toy = Toy()
        assert run(root, out, [toy], limit=1000).samples == 6

    def test_named_samples_only(self, root, out):
        toy = Toy()
        run(root, out, [toy], sample_ids=["04", "01"])
        assert toy.ids() == ["01", "04"]

    def test_an_unknown_sample_gets_a_hint_and_nothing_is_written(self, root, out):
        with pytest.raises(UserError, match="has no sample '0O'; did you mean 0"):
            run(root, out, [Toy()], sample_ids=["01", "0O"])
        assert not out.exists()


class TestBatches:
    def test_sizes_with_the_last_partial_one(self, tmp_path, out):
        root = make_set(tmp_path / "seven", 7)
        toy = Toy(batched=True)
        run(root, out, [toy], batch_size=3, workers=1)
        assert toy.calls == [["00", "01", "02"], ["03", "04", "05"], ["06"]]

    def test_cheap_adapters_get_one_pair_at_a_time(self, root, out):
        toy = Toy()
        run(root, out, [toy], batch_size=3)
        assert {len(call) for call in toy.calls} == {1}

    def test_only_the_guilty_sample_of_a_batch_fails(self, root, out):
        def grumpy(pair):
            if pair.id == "04":
                raise RuntimeError("cannot\nread this")
            return pair.edited[..., 0]

        toy = Toy(function=grumpy, batched=True)
        account = run(root, out, [toy], batch_size=3)
        assert toy.calls[1:] == [["03", "04", "05"], ["03"], ["04"], ["05"]]
        assert (account.total("ok"), account.reasons("failed")) == (5, {"adapter-error": 1})
        with ResultReader(out) as reader:
            (run_stored,) = reader.runs()
            expected = ("04", "failed", "adapter-error", "toy: RuntimeError: cannot read this")
            assert reader.failures(run_stored.run_id) == [expected]


BAD_MAPS = {
    "nan": (lambda shape: np.full(shape, np.nan, np.float32), "bad-map", "nan"),
    "above one": (lambda shape: np.full(shape, 1.5, np.float32), "bad-map", "1.5"),
    "three channels": (lambda shape: np.zeros((*shape, 3), np.float32), "bad-map", "H x W"),
    "float64": (lambda shape: np.zeros(shape), "bad-map", "float64"),
    "no array": (lambda shape: "map", "bad-map", "str"),
    "empty": (lambda shape: np.zeros((0, 0), np.float32), "bad-map", "H x W"),
}


@pytest.mark.parametrize("batched", [False, True])
@pytest.mark.parametrize(("function", "reason", "word"), BAD_MAPS.values(), ids=BAD_MAPS)
def test_a_bad_map_is_recorded_with_its_reason(root, out, function, reason, word, batched):
    toy = Toy(function=lambda pair: function(pair.edited.shape[:2]), batched=batched)
    account = run(root, out, [toy])
    assert account.reasons("failed") == {reason: 6}
    with ResultReader(out) as reader:
        assert all(word in failure[3] for failure in reader.failures(reader.runs()[0].run_id))


@pytest.mark.parametrize("returned", [[], None, [np.zeros((16, 24), bool)] * 3])
def test_a_wrong_number_of_maps_is_recorded(root, out, returned):
    toy = Toy(batched=True)
    toy.annotate = lambda pairs: returned
    assert sum(run(root, out, [toy], batch_size=2).reasons("failed").values()) == 6


def test_too_few_maps_for_a_batch_are_asked_for_one_by_one(root, out):
    toy = Toy(batched=True)
    toy.annotate = lambda pairs: [pairs[0].edited[..., 0]]
    assert run(root, out, [toy], batch_size=4).total("ok") == 6


def test_a_smaller_map_is_resized_bilinearly(tmp_path, out):
    half = np.random.default_rng(0).random((7, 11), dtype=np.float32)
    toy = Toy(function=lambda pair: half)
    run(ListDataset(tmp_path, [memory_sample("one")]), out, [toy])
    with ResultReader(out) as reader:
        row = reader.frame().iloc[0]
    marked = cv2.resize(half, SHAPE[::-1], interpolation=cv2.INTER_LINEAR) >= 0.5
    nearest = cv2.resize(half, SHAPE[::-1], interpolation=cv2.INTER_NEAREST) >= 0.5
    assert (row.tp, row.fp) == (marked[BOX].sum(), marked.sum() - marked[BOX].sum())
    assert row.tp + row.fp != nearest.sum()


class TestSkips:
    def test_without_instruction(self, root, out):
        (root / "instructions.csv").write_text("name,instruction\n02,remove the boat\n")
        needy, plain = Toy("needy", needs_instruction=True), Toy("plain")
        account = run(root, out, [needy, plain])
        assert needy.ids() == ["02"]
        assert len(plain.ids()) == 6
        assert account.reasons("skipped") == {"no-instruction": 5}
        assert account.total("failed") == 0

    def test_without_original(self, root, out):
        shutil.rmtree(root / "original")
        toy = Toy()
        account = run(root, out, [toy])
        assert toy.calls == []
        assert account.reasons("skipped") == {"no-original": 6}

    def test_whole_images_are_scored_and_left_out_of_averages(self, tmp_path, out):
        samples = [memory_sample("a"), memory_sample("b", 1), memory_sample("w", 2, scope="whole-image")]
        frame = evaluate(ListDataset(tmp_path, samples), Toy(), out=out)
        assert dict(frame["scope"].value_counts()) == {"local": 2, "whole-image": 1}
        with ResultReader(out) as reader:
            (stored_run,) = reader.runs()
            summary = reader.stored_summaries(stored_run.run_id)["f1"]
            assert stored_run.scopes == {"local": 2, "whole-image": 1}
        assert summary.n == 2
        assert summary.mean == pytest.approx(frame[frame["scope"] == "local"]["f1"].mean())


def test_a_sample_is_read_once_for_all_annotators_and_conditions(tmp_path, out):
    samples = [memory_sample(str(number), number) for number in range(5)]
    conditions = [CLEAN, Condition(Jpeg(), 50), Condition(Noise(), 25), Condition(Blur(), 5)]
    run(ListDataset(tmp_path, samples), out, [Toy("a"), Toy("b", batched=True), Toy("c")], conditions)
    assert {source.reads for sample in samples for source in (sample.original, sample.edited)} == {1}
    assert len(stored(out)) == 5 * 4 * 3


class TestConditions:
    CONDITIONS = (CLEAN, Condition(Jpeg(), 50), Condition(Noise(), 25), Condition(Noise(), 5), Condition(Blur(), 5))

    def test_each_is_a_run_of_its_own_with_other_numbers(self, root, out):
        run(root, out, [Toy()], self.CONDITIONS)
        with ResultReader(out) as reader:
            runs = reader.runs()
            means = {reader.stored_summaries(one.run_id)["auc"].mean for one in runs}
        assert [(one.run.perturbation, one.run.severity) for one in runs] == [
            ("", None), ("jpeg", 50), ("noise", 25), ("noise", 5), ("blur", 5)
        ]  # fmt: skip
        assert len(means) == 5

    @pytest.mark.parametrize("target", ["edited", "both"])
    def test_the_target_decides_which_image_changes(self, tmp_path, out, target):
        seen = {}

        def look(pair):
            seen[pair.id] = (pair.original.copy(), pair.edited.copy())
            return pair.edited[..., 0]

        sample = memory_sample("one")
        dataset = ListDataset(tmp_path, [sample])
        run(dataset, out, [Toy(function=look)])
        clean = seen["one"]
        run(dataset, out, [Toy(function=look)], [Condition(Noise(), 25, target)])
        assert (seen["one"][0] != clean[0]).any() == (target == "both")
        assert (seen["one"][1] != clean[1]).any()
        difference = seen["one"][0].astype(int) - clean[0], seen["one"][1].astype(int) - clean[1]
        assert (difference[0] != difference[1]).any()

    def test_noise_does_not_depend_on_workers_order_or_resumption(self, tmp_path, out):
        samples = [memory_sample(str(number), number) for number in range(8)]
        noise = [Condition(Noise(), 20)]
        run(ListDataset(tmp_path, samples), out, [Toy()], noise, workers=1)
        other = tmp_path / "other"
        run(ListDataset(tmp_path, samples[::-1]), other, [Toy()], noise, sample_ids=["5", "2"])
        run(ListDataset(tmp_path, samples[::-1]), other, [Toy()], noise, workers=4)
        assert stored(other) == stored(out)
        run(ListDataset(tmp_path, samples), tmp_path / "seed", [Toy()], noise, seed=1)
        assert stored(tmp_path / "seed") != stored(out)

    def test_the_same_condition_twice_is_one_run(self, root, out):
        toy = Toy()
        twice = [Condition(Noise(), 5), Condition(Noise(), 5.0), CLEAN, Condition()]
        account = run(root, out, [toy], twice)
        assert account.computed.total() == len(toy.ids()) == 12
        with ResultReader(out) as reader:
            assert len(reader.runs()) == 2

    def test_a_perturbation_that_raises_fails_the_sample_only(self, root, out):
        class Broken(Jpeg):
            def apply(self, image, severity, generator):
                raise ValueError("too wide")

        account = run(root, out, [Toy()], [CLEAN, Condition(Broken(), 50)])
        assert (account.total("ok"), account.reasons("failed")) == (6, {"adapter-error": 6})
        with ResultReader(out) as reader:
            failed = next(one for one in reader.runs() if one.run.perturbation)
            assert reader.failures(failed.run_id)[0][3] == "jpeg at severity 50: ValueError: too wide"


@pytest.mark.parametrize(("workers", "batch_size"), [(1, 1), (4, 3), (3, 100)])
def test_results_do_not_depend_on_workers_or_batches(root, tmp_path, workers, batch_size):
    annotators = ["pixdiff-10", "pixdiff-otsu", "ssim", Toy("model", batched=True)]
    reference = tmp_path / "reference"
    run(root, reference, annotators, workers=2, batch_size=2)
    run(root, tmp_path / "other", annotators, workers=workers, batch_size=batch_size)
    assert stored(tmp_path / "other") == stored(reference)
    with ResultReader(reference) as one, ResultReader(tmp_path / "other") as two:
        for first, second in zip(one.runs(), two.runs(), strict=True):
            # As text, in which NaN equals NaN.
            summaries = [reader.stored_summaries(first.run_id) for reader in (one, two)]
            assert repr(summaries[0]) == repr(summaries[1])
            assert one.fingerprint(first.run_id) == two.fingerprint(second.run_id)


class BuiltToy(Toy):
    """A toy that is built as a registered one is."""

    def __init__(self, device, seed):
        super().__init__("built")


class TestPython:
    def test_frame_columns_and_attributes(self, root, out):
        (root / "edited" / "05.png").write_bytes(b"")
        frame = lazy_evaluate("folder", ["pixdiff-10", Toy(needs_instruction=True)], data_root=root, out=out)
        assert len(frame) == 5
        assert set(METRICS) < set(frame.columns)
        facts = {"run_id", "dataset", "adapter", "sample_id", "tp", "fp", "fn", "tn", "mask_area", "scope"}
        assert facts < set(frame.columns)
        assert set(frame["adapter"]) == {"pixdiff-10"}
        assert (frame["tp"] + frame["fp"] + frame["fn"] + frame["tn"] == frame["width"] * frame["height"]).all()
        assert frame.attrs == {
            "failed": {"unreadable": 2},
            "skipped": {"no-instruction": 5},
            "results": str(out / "results.db"),
        }

    @pytest.mark.parametrize(
        ("annotators", "count"),
        [("pixdiff-?0", 4), ("ssim", 1), (Toy(), 1), (BuiltToy, 1), ([Toy("one"), BuiltToy, "ssim", "pixdiff-1*"], 4)],
    )
    def test_names_globs_objects_and_classes(self, root, out, annotators, count):
        assert len(evaluate("folder", annotators, data_root=root, out=out)) == 6 * count

    def test_two_annotators_of_one_name_are_refused(self, root, out):
        with pytest.raises(UserError, match="two annotators are named toy"):
            evaluate("folder", [Toy(), Toy(function=lambda pair: pair.edited[..., 0])], data_root=root, out=out)

    def test_an_adapter_that_cannot_be_built_ends_the_run_with_its_reason(self, root, out):
        class Unbuildable(Toy):
            card = toy_card("unbuildable")

            def __init__(self, device, seed):
                raise ImportError("no module named magic")

        with pytest.raises(UserError, match="unbuildable cannot be built: ImportError: no module named magic"):
            evaluate("folder", ["pixdiff-0", Unbuildable], data_root=root, out=out, workers=1)

    def test_the_frame_holds_what_was_asked_for_not_all_that_is_stored(self, root, out):
        evaluate("folder", "pixdiff-0", data_root=root, out=out)
        one = evaluate("folder", "pixdiff-0", data_root=root, out=out, sample_ids=["02"])
        assert list(one["sample_id"]) == ["02"]
        assert len(evaluate("folder", "pixdiff-0", data_root=root, out=out, limit=3)) == 3

    def test_ctrl_c_is_passed_on_to_the_caller(self, root, out):
        evaluate("folder", "pixdiff-0", data_root=root, out=out, sample_ids=["00"])

        def interrupt(pair):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            evaluate("folder", Toy(function=interrupt, batched=True), data_root=root, out=out)
        assert len(stored(out)) == 1


class Listener:
    """Remembers the news."""

    def __init__(self):
        self.totals, self.done, self.failed = [], 0, 0

    def start(self, total):
        self.totals.append(total)

    def advance(self, samples, failed):
        assert self.totals, "news before the start"
        self.done += samples
        self.failed += failed


class TestProgress:
    @pytest.mark.parametrize("batched", [False, True])
    def test_advances_sum_to_the_total_and_failures_are_told(self, root, out, batched):
        def grumpy(pair):
            if pair.id in ("01", "05"):
                raise RuntimeError
            return pair.edited[..., 0]

        listener = Listener()
        run(root, out, [Toy(function=grumpy, batched=batched)], progress=listener, batch_size=4)
        assert (listener.totals, listener.done, listener.failed) == ([6], 6, 2)

    def test_stored_samples_advance_too(self, root, out):
        run(root, out, [Toy()], sample_ids=["00", "03"])
        listener = Listener()
        run(root, out, [Toy()], progress=listener)
        assert (listener.totals, listener.done) == ([6], 6)
        listener = Listener()
        run(root, out, [Toy()], progress=listener, limit=4)
        assert (listener.totals, listener.done) == ([4], 4)


class TestPlan:
    def evaluation(self, root, out, **settings):
        dataset = Folder(root)
        jobs = make_jobs(annotator_handles([Toy("a"), Toy("b")], "cpu", 0), dataset, [CLEAN], 0)
        return Evaluation(dataset, jobs, Settings(out=out, **settings), Listener())

    def test_nothing_is_written(self, root, out):
        assert list(self.evaluation(root, out).plan().values()) == [6, 6]
        assert not out.exists()

    def test_counts_what_is_missing(self, root, out):
        run(root, out, [Toy("a")], sample_ids=["00", "03"])
        before = database_path(out).read_bytes()
        assert list(self.evaluation(root, out).plan().values()) == [4, 6]
        assert list(self.evaluation(root, out, overwrite="always").plan().values()) == [6, 6]
        assert list(self.evaluation(root, out, overwrite="never").plan().values()) == [0, 6]
        assert database_path(out).read_bytes() == before

    def test_planning_before_running_does_not_count_twice(self, root, out):
        run(root, out, [Toy("a")], sample_ids=["00", "03"])
        evaluation = self.evaluation(root, out)
        evaluation.plan()
        account = evaluation.run()
        assert account.samples == 6
        assert (account.computed.total(), account.stored.total()) == (10, 2)


class TestSummaries:
    def test_are_made_for_results_that_a_killed_run_left(self, root, out, monkeypatch):
        monkeypatch.setattr(Evaluation, "_summarise", lambda *_: None)
        run(root, out, [Toy()])
        monkeypatch.undo()
        account = run(root, out, [Toy()])
        assert account.computed.total() == 0
        with ResultReader(out) as reader:
            assert reader.stored_summaries(reader.runs()[0].run_id)["f1"].n == 6

    def test_are_not_left_stale_by_a_killed_run(self, root, out, monkeypatch):
        run(root, out, [Toy()], sample_ids=["00", "01"])
        monkeypatch.setattr(Evaluation, "_summarise", lambda *_: None)
        run(root, out, [Toy()])
        monkeypatch.undo()
        run(root, out, [Toy()])
        with ResultReader(out) as reader:
            run_id = reader.runs()[0].run_id
            stored_now, expected = reader.stored_summaries(run_id), reader.summarise(run_id, list(METRICS))
            assert {name: repr(stored_now[name]) for name in METRICS} == {
                name: repr(expected[name]) for name in METRICS
            }
            assert reader.stored_summaries(run_id)["f1"].n == 6
