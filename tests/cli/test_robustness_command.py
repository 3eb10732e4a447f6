"""`imlbench robustness` from beginning to end: conditions, reuse, one decode, bounded memory, wrong input."""

from __future__ import annotations

import json
import random
import threading
import weakref

import numpy as np
import pytest

from imlbench import registry
from imlbench.evaluation import Evaluation
from imlbench.jobs import annotator_handles, make_jobs
from imlbench.perturb import CLEAN, Condition
from imlbench.perturbations import vae_taef2
from imlbench.perturbations.compression import Jpeg
from imlbench.perturbations.noise import Noise
from imlbench.perturbations.sweep import sweep_conditions
from imlbench.settings import Settings
from tests.making_sets import ListDataset, Toy, annotate_eval, imlbench, make_set, memory_sample, stored, write_package


@pytest.fixture
def root(tmp_path):
    return make_set(tmp_path / "set", 4)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "results"


def robustness(root, out, *arguments, annotator="pixdiff-10"):
    chosen = ("--dataset", "folder", "--data-root", root, "--annotator", annotator, "--out", out, "--workers", 2)
    return imlbench("robustness", *chosen, *arguments)


def runs(done):
    """The runs that a command with --json told of."""
    assert done.code == 0, done.err
    return json.loads(done.out)["runs"]


class TestOutput:
    def test_a_table_with_an_annotators_conditions_together(self, root, out):
        done = robustness(root, out, "--perturb", "jpeg", "--severity", "jpeg=90,50", annotator="pixdiff-[12]0")
        assert done.code == 0
        lines = [" ".join(line.split()) for line in done.out.splitlines()]
        assert lines[0] == "dataset annotator condition n F1 95 % IoU 95 % computed skipped failed"
        expected = [
            f"folder:set pixdiff-{threshold} {condition} 4"
            for threshold in (10, 20)
            for condition in ("clean", "jpeg 90", "jpeg 50")
        ]
        assert [line[: len(start)] for line, start in zip(lines[1:-1], expected, strict=True)] == expected
        following = f"imlbench report robustness --results {out} -o robustness.png"
        assert done.out.splitlines()[-1] == f"results: {out / 'results.db'}; next: {following}"

    def test_json_says_under_which_condition(self, root, out):
        rows = runs(robustness(root, out, "--perturb", "noise", "--severity", 5, "--target", "both", "--json"))
        assert [(row["perturbation"], row["severity"], row["target"]) for row in rows] == [
            ("", None, "edited"), ("noise", 5.0, "both")
        ]  # fmt: skip
        assert all(row["computed"] == row["metrics"]["f1"]["n"] == 4 for row in rows)

    def test_both_is_told_in_the_table(self, root, out):
        done = robustness(root, out, "--perturb", "blur", "--severity", 3, "--target", "both", "--no-clean")
        assert " ".join(done.out.splitlines()[1].split()).startswith("folder:set pixdiff-10 blur 3 on both 4 ")
        assert len(done.out.splitlines()) == 3

    def test_a_preset(self, root, out):
        rows = runs(robustness(root, out, "--preset", "benco", "--no-clean", "--json", "--limit", 1))
        assert [(row["perturbation"], row["severity"]) for row in rows] == [
            *(("jpeg", quality) for quality in (100, 90, 80, 70, 60, 50)),
            *(("noise", variance) for variance in (3, 7, 11, 15, 19, 23)),
            *(("blur", side) for side in (3, 7, 11, 15, 19, 23)),
        ]

    def test_failures_are_told_with_their_condition(self, root, out):
        (root / "edited" / "02.png").write_bytes(b"")
        done = robustness(root, out, "--perturb", "jpeg", "--severity", 90)
        assert done.code == 1
        assert "pixdiff-10 on folder:set: 1 failed (unreadable 1)\n" in done.err
        assert "pixdiff-10 on folder:set, jpeg 90: 1 failed (unreadable 1)\n" in done.err

    def test_a_dry_run_computes_nothing(self, root, out):
        done = robustness(root, out, "--perturb", "jpeg", "--severity", 90, "--dry-run")
        assert done.out.splitlines() == [
            "folder:set  pixdiff-10: 4 samples to compute",
            "folder:set  pixdiff-10  jpeg 90: 4 samples to compute",
        ]
        assert not out.exists()
        rows = json.loads(robustness(root, out, "--perturb", "jpeg", "--severity", 90, "--dry-run", "--json").out)
        assert [(row["perturbation"], row["to_compute"]) for row in rows] == [("", 4), ("jpeg", 4)]

    def test_options_from_a_config_file(self, root, out, tmp_path):
        text = f"""
[robustness]
dataset = "folder"
data-root = "{root}"
annotator = "pixdiff-10"
perturb = ["jpeg", "noise"]
severity = "noise=5"
clean = false
out = "{out}"
json = true
"""
        (tmp_path / "run.toml").write_text(text)
        rows = runs(imlbench("robustness", "--config", tmp_path / "run.toml", "--severity", "jpeg=90"))
        expected = [("jpeg", 90), *(("noise", variance) for variance in (5, 10, 15, 20, 25))]
        assert [(row["perturbation"], row["severity"]) for row in rows] == expected

    def test_maps_of_each_condition_are_kept_apart(self, root, out):
        robustness(root, out, "--perturb", "jpeg", "--severity", "90,50", "--save-maps")
        assert len(list((out / "maps").iterdir())) == 3
        assert len(list((out / "maps").rglob("*.png"))) == 12


class TestReuse:
    def test_clean_results_of_annotate_eval_are_not_computed_anew(self, root, out):
        annotate_eval(root, out)
        before = stored(out)
        clean, jpeg = runs(robustness(root, out, "--perturb", "jpeg", "--severity", 90, "--json"))
        assert (clean["perturbation"], clean["computed"], clean["stored"]) == ("", 0, 4)
        assert (jpeg["perturbation"], jpeg["computed"], jpeg["stored"]) == ("jpeg", 4, 0)
        assert {key: row for key, row in stored(out).items() if key[1] == ""} == before

    def test_and_the_other_way_round(self, root, out):
        robustness(root, out, "--perturb", "jpeg", "--severity", 90)
        assert runs(annotate_eval(root, out, "--json"))[0]["computed"] == 0

    def test_a_longer_sweep_computes_only_what_is_new(self, root, out):
        robustness(root, out, "--perturb", "noise", "--severity", "5,10")
        before = stored(out)
        rows = runs(robustness(root, out, "--perturb", "noise", "--severity", "20,10,5", "--json"))
        assert [(row["severity"], row["computed"]) for row in rows] == [(None, 0), (20, 4), (10, 0), (5, 0)]
        after = stored(out)
        assert {key: after[key] for key in before} == before

    def test_a_sweep_in_pieces_equals_a_sweep_at_once(self, root, out, tmp_path):
        robustness(root, out, "--perturb", "noise", "--perturb", "jpeg", "--workers", 1)
        other = tmp_path / "other"
        robustness(root, other, "--perturb", "jpeg", "--no-clean")
        robustness(root, other, "--perturb", "noise", "--sample-id", "03", "--severity", 20)
        robustness(root, other, "--perturb", "noise", "--workers", 4)
        assert stored(other) == stored(out)


def evaluate(tmp_path, name, conditions, annotators, workers=2, samples=6):
    """One evaluation of samples in memory; returns them."""
    listed = [memory_sample(str(number), number) for number in range(samples)]
    dataset = ListDataset(tmp_path, listed)
    settings = Settings(out=tmp_path / name, workers=workers)
    jobs = make_jobs(annotator_handles(annotators, "cpu", 0), dataset, conditions, 0)
    assert Evaluation(dataset, jobs, settings).run().total("failed") == 0
    return listed


def test_noise_is_the_same_for_any_order_of_severities_and_any_number_of_workers(tmp_path):
    conditions = sweep_conditions(["noise", "jpeg"])
    evaluate(tmp_path, "one", conditions, [Toy()], workers=1)
    shuffled = random.Random(3).sample(conditions, len(conditions))
    assert shuffled != conditions
    evaluate(tmp_path, "four", shuffled, [Toy()], workers=4)
    assert stored(tmp_path / "four") == stored(tmp_path / "one")
    noisy = [row for key, row in stored(tmp_path / "one").items() if key[1] == "noise"]
    assert len(noisy) == 6 * 5
    assert len({row[-2] for row in noisy}) == 6 * 5


def test_one_decode_feeds_all_severities_and_annotators(tmp_path):
    conditions = sweep_conditions(["jpeg", "noise", "blur", "resize"])
    samples = evaluate(tmp_path, "once", conditions, [Toy("a"), Toy("b")])
    assert {source.reads for sample in samples for source in (sample.original, sample.edited)} == {1}
    assert len(stored(tmp_path / "once")) == 6 * (1 + 6 + 5 + 6 + 3) * 2


def test_a_perturbed_image_is_dropped_before_the_next_is_made(tmp_path):
    alive, most, lock = weakref.WeakValueDictionary(), [], threading.Lock()

    class Watched(Jpeg):
        def apply(self, image, severity, generator):
            result = super().apply(image, severity, generator)
            with lock:
                most.append(1 + len(alive))
                alive[len(most)] = result
            return result

    conditions = [CLEAN, *(Condition(Watched(), quality) for quality in range(50, 90))]
    workers = 2
    evaluate(tmp_path, "watched", conditions, [Toy("a"), Toy("b")], workers=workers)
    assert len(most) == 6 * 40
    assert max(most) <= workers


class TestWrongInput:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ([], "nothing to perturb: give --perturb (blur, jpeg,"),
            (["--perturb", "jpg"], "unknown perturbation 'jpg': did you mean jpeg"),
            (["--perturb", "sharpen-9000"], "unknown perturbation 'sharpen-9000'"),
            (["--perturb", "jpeg", "--severity", "0"], "jpeg: severity is a whole quality from 1 to 100, found 0"),
            (["--perturb", "noise", "--severity", "-5"], "noise: severity is a variance above 0 and up to 65025"),
            (["--perturb", "jpeg", "--severity", "high"], "--severity: expected a number such as 90, or jpeg=90,70, "),
            (["--perturb", "jpeg", "--perturb", "blur", "--severity", "90"], "name the perturbation a severity is for"),
            (["--perturb", "jpeg", "--target", "original"], "--target"),
            (["--preset", "paper"], "--preset"),
            (["--perturb", "jpeg", "--workers", "0"], "workers must be at least 1"),
            (["--perturb", "jpeg", "--fail-on-error", "x"], "--fail-on-error: expected a number"),
            (["--perturb", "jpeg", "--sample-id", "9"], "has no sample '9'"),
        ],
    )
    def test_is_refused_in_one_line_and_nothing_is_written(self, root, out, arguments, message):
        assert message in robustness(root, out, *arguments).complaint()
        assert not out.exists()

    @pytest.fixture
    def no_weights(self, tmp_path, monkeypatch):
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
        monkeypatch.chdir(tmp_path)
        monkeypatch.delenv(vae_taef2.VARIABLE, raising=False)
        vae_taef2.load.cache_clear()

    def test_missing_weights_are_told_before_anything_is_computed(self, root, out, no_weights):
        complaint = robustness(root, out, "--perturb", "jpeg", "--perturb", "vae-taef2").complaint()
        assert "vae-taef2: set IMLBENCH_TAEF2 to the folder that holds taef2_encoder.pth and" in complaint
        assert not out.exists()

    def test_damaged_weights_too(self, root, out, tmp_path, no_weights, monkeypatch):
        for name in vae_taef2.FILES:
            (tmp_path / name).write_bytes(b"junk")
        monkeypatch.setenv(vae_taef2.VARIABLE, str(tmp_path))
        complaint = robustness(root, out, "--perturb", "vae-taef2").complaint()
        assert f"{tmp_path / vae_taef2.FILES[0]}: not a weight file that torch reads" in complaint
        assert not out.exists()


def test_a_third_partys_perturbation_is_one_class_and_one_line(root, out, tmp_path, monkeypatch):
    module = """
from imlbench.cards import Card
from imlbench.perturb import Perturbation
class Darken(Perturbation):
    card = Card(name="darken", title="D", version="1", summary="s", licence="x", citation="-")
    severities = (1, 2)
    def check(self, severity):
        pass
    def apply(self, image, severity, generator):
        print("darkening")
        return image // int(1 + severity)
"""
    package = write_package(tmp_path / "packages", "dark", module, {"darken": "dark:Darken"}, group="perturbations")
    monkeypatch.syspath_prepend(str(package))
    registry.groups.cache_clear()
    try:
        assert "darken" in imlbench("list", "perturbations").out
        rows = runs(robustness(root, out, "--perturb", "darken", "--json"))
    finally:
        registry.groups.cache_clear()
    assert [row["severity"] for row in rows] == [None, 1, 2]
    assert rows[0]["metrics"]["f1"]["mean"] != rows[2]["metrics"]["f1"]["mean"]


def test_noise_on_both_is_independent():
    condition = Condition(Noise(), 25, "both")
    image = np.full((32, 32, 3), 100, np.uint8)
    original, edited = (condition.apply(image, role, "x", 0) for role in ("original", "edited"))
    assert (original != edited).mean() > 0.5
