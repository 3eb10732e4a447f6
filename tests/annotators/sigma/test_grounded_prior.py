"""The adapter `grounded-prior`: the prior enlarged, its contract, its card, what is said without a grounder."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from annotators.sigma import grounded_prior
from annotators.sigma.grounded_prior import GroundedPrior
from annotators.sigma.grounding.cache import PriorCache
from annotators.sigma.grounding.pairs import PairPriors
from annotators.sigma.grounding.read_only import ReadOnlyCache
from annotators.sigma.rules import RulesParser
from imlbench.conformance import check_annotator
from imlbench.errors import UserError
from imlbench.samples import Pair

torch.set_num_threads(1)


class Bright:
    """A grounder that finds what is bright in its image, whatever the concept."""

    identity = "bright"

    def __init__(self, **options):
        self.asked = []

    def maps(self, image, concept):
        self.asked.append(concept)
        return (image[None, :, :, 0] > 200).astype(np.float32)


@pytest.fixture(autouse=True)
def nothing_of_this_machine(monkeypatch, tmp_path):
    for name in ("GROUNDER", "PARSER", "GROUNDING_DINO_BASE", "SAM2_1_HIERA_SMALL", "LANGSAM"):
        monkeypatch.delenv(f"IMLBENCH_{name}", raising=False)
    monkeypatch.setenv("IMLBENCH_WEIGHTS", str(tmp_path / "no-weights"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def adapter(grounder=None, cache=None):
    return GroundedPrior(priors=PairPriors(RulesParser(), grounder or Bright(), cache=cache))


def bright_box(instruction):
    original = np.full((111, 148, 3), 40, np.uint8)
    edited = original.copy()
    edited[30:60, 72:120] = 250
    return Pair("box", original, edited, instruction)


def test_it_marks_what_the_instruction_names_where_the_grounder_finds_it():
    grounder = Bright()
    (scores,) = adapter(grounder).annotate([bright_box("add a lamp")])
    assert (scores.shape, scores.dtype) == ((111, 148), np.float32)
    marked = scores >= GroundedPrior.card.threshold
    assert marked[33:57, 76:116].all()
    assert not marked[:26].any()
    assert not marked[:, :66].any()
    assert grounder.asked == ["lamp"]


def test_nothing_found_marks_nothing():
    pair = bright_box("remove the lamp")
    (scores,) = adapter().annotate([Pair("dark", pair.original, pair.original, pair.instruction)])
    assert 0 < scores.max() < 0.02


def test_it_passes_the_conformance_suite():
    report = check_annotator(adapter, name="grounded-prior")
    assert report.passed, report


def test_another_grounder_is_another_version_of_the_card(monkeypatch):
    usual = GroundedPrior.card
    assert (usual.name, usual.version) == ("grounded-prior", "1")
    assert [weight.name for weight in usual.weights] == ["grounding-dino-base", "sam2.1-hiera-small"]
    assert adapter().card.version.startswith("1+")
    monkeypatch.setenv("IMLBENCH_GROUNDER", "langsam")
    assert GroundedPrior.card.version == "1+langsam+rules"
    assert GroundedPrior.card.weights == ()


class TestCache:
    def test_what_another_adapter_kept_is_read(self, tmp_path):
        pair, writer, reader = bright_box("add a lamp"), Bright(), Bright()
        (first,) = adapter(writer, PriorCache(tmp_path / "priors")).annotate([pair])
        (second,) = adapter(reader, ReadOnlyCache(tmp_path / "priors")).annotate([pair])
        assert (writer.asked, reader.asked) == (["lamp"], [])
        assert np.array_equal(first, second)

    def test_nothing_is_written(self, tmp_path):
        adapter(cache=ReadOnlyCache(tmp_path / "priors")).annotate([bright_box("add a lamp")])
        assert not (tmp_path / "priors").exists()

    def test_the_usual_priors_do_not_write_either(self, monkeypatch, tmp_path):
        priors = PairPriors(RulesParser(), Bright(), cache=PriorCache(tmp_path / "priors"))
        monkeypatch.setattr(grounded_prior, "priors_of", lambda *choice: priors)
        monkeypatch.setattr(GroundedPrior, "missing", classmethod(lambda cls: ""))
        GroundedPrior().annotate([bright_box("add a lamp")])
        assert not (tmp_path / "priors").exists()


class TestNoGrounder:
    def refused(self):
        told = GroundedPrior.missing()
        with pytest.raises(UserError) as raised:
            GroundedPrior()
        assert str(raised.value) == told
        assert "\n" not in told
        return told

    def test_the_usual_grounder_without_weights_says_which(self):
        assert self.refused().startswith("weights grounding-dino-base: no file ")

    def test_leaving_grounding_out_leaves_nothing(self, monkeypatch):
        monkeypatch.setenv("IMLBENCH_GROUNDER", "none")
        assert "needs a grounder, and IMLBENCH_GROUNDER names none" in self.refused()

    def test_an_unknown_grounder_is_told_of(self, monkeypatch):
        monkeypatch.setenv("IMLBENCH_GROUNDER", "langsma")
        assert "did you mean langsam?" in self.refused()

    def test_langsam_without_its_packages_or_weights_says_so(self, monkeypatch):
        monkeypatch.setenv("IMLBENCH_GROUNDER", "langsam")
        assert self.refused().startswith("grounder langsam: ")

    def test_the_parser_that_needs_a_model_is_looked_for_too(self, monkeypatch):
        monkeypatch.setattr(grounded_prior, "lacking_grounder", lambda choice: "")
        monkeypatch.setenv("IMLBENCH_PARSER", "qwen")
        assert self.refused().startswith("weights qwen2.5-0.5b-instruct: no file ")


def test_reading_the_card_imports_nothing_heavy():
    code = (
        "import sys\n"
        "from annotators.sigma.grounded_prior import GroundedPrior\n"
        "GroundedPrior.card, GroundedPrior.missing()\n"
        "print(sorted({'numpy', 'cv2', 'torch', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
