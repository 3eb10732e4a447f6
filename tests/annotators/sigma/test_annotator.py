"""The adapters `sigma` and `sigma-lite`: contract, sizes, batches, cards, and what is said of missing weights."""

from __future__ import annotations

import hashlib
import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from annotators.sigma import cards, grounding_choice
from annotators.sigma.annotator import SigmaAnnotator, SigmaLite
from annotators.sigma.checkpoint import save_checkpoint
from annotators.sigma.grounding.pairs import PairPriors
from annotators.sigma.network.model import Sigma
from annotators.sigma.network.presets import SIGMA_LITE
from annotators.sigma.policy import LITE_POLICY, SIGMA_POLICY, InferencePolicy
from annotators.sigma.rules import RulesParser
from imlbench.backbones.efficientnet_lite import EfficientNetLite0
from imlbench.conformance import check_annotator
from imlbench.conformance.inputs import make_pair
from imlbench.errors import UserError
from imlbench.jobs import annotator_handles
from imlbench.samples import Pair
from tests.annotators.sigma.network.making_networks import StubEncoder, small_network

torch.set_num_threads(1)

TINY = replace(
    SIGMA_LITE, width=16, pyramid_width=16, decoder_width=8, fusion_width=8, attention_lattice=8, key_lattice=4
)

GOLDEN = [0.4991, 0.51001, 0.50331, 0.50084, 0.52221, 0.04236]
"""Four scores, their mean and their deviation, of the 80 x 80 pair."""


def fill(module: nn.Module) -> None:
    """Weights by a formula, so that golden values do not depend on anyone's random numbers."""
    for place, (name, value) in enumerate(module.named_parameters()):
        if value.ndim > 1:
            waves = torch.sin(0.7 * torch.arange(value.numel(), dtype=torch.float64) + place) * 1.4
            value.data.copy_((waves / math.sqrt(value[0].numel())).reshape(value.shape))
        elif name.endswith("bias"):
            value.data.zero_()


@pytest.fixture(scope="module")
def encoder():
    built = EfficientNetLite0(TINY.layers, TINY.detail_layer)
    fill(built)
    return built


@pytest.fixture(scope="module")
def checkpoint(encoder, tmp_path_factory):
    network = Sigma(TINY, encoder)
    fill(network.decoder)
    fill(network.differencing)
    fill(network.refinement)
    for part in (network.evidence, network.prior, network.cross_modal):
        fill(part)
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_checkpoint(path, network, {"seed": 0})
    return path


@pytest.fixture(autouse=True)
def no_weights_of_this_machine(monkeypatch, tmp_path):
    for name in ("IMLBENCH_SIGMA", "IMLBENCH_SIGMA_LITE", "IMLBENCH_GROUNDER", "IMLBENCH_PARSER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("IMLBENCH_WEIGHTS", str(tmp_path / "no-weights"))


@pytest.fixture
def lite(checkpoint, encoder):
    return SigmaLite(checkpoint=checkpoint, encoder=encoder)


def sigma(tmp_path, **options):
    """SIGMA over a stub of its backbone."""
    network = small_network()
    save_checkpoint(tmp_path / "small.safetensors", network)
    policy = InferencePolicy(square=112)
    return SigmaAnnotator(checkpoint=tmp_path / "small.safetensors", encoder=network.encoder, policy=policy, **options)


class Brightness:
    """A grounder that finds what is bright in its image, whatever the concept."""

    identity = "brightness"

    def maps(self, image, concept):
        return image[None, :, :, 0].astype(np.float32) / 255


def test_the_lite_adapter_passes_the_conformance_suite(checkpoint, encoder):
    report = check_annotator(lambda: SigmaLite(checkpoint=checkpoint, encoder=encoder), name="sigma-lite")
    assert report.passed, report


def test_the_full_adapter_passes_the_conformance_suite(tmp_path, monkeypatch):
    monkeypatch.setenv("IMLBENCH_GROUNDER", "none")
    report = check_annotator(lambda: sigma(tmp_path), name="sigma")
    assert report.passed, report


def test_maps_do_not_depend_on_the_batch_or_its_order_to_the_bit(lite):
    pairs = [make_pair(size) for size in ((96, 64), (64, 96), (47, 61), (96, 64), (700, 300), (1, 9))]
    alone = [lite.annotate([pair])[0] for pair in pairs]
    for order in (range(6), (3, 1, 5, 0, 4, 2)):
        found = lite.annotate([pairs[place] for place in order])
        assert all(np.array_equal(alone[place], scores) for place, scores in zip(order, found, strict=True))


def test_several_scales_do_not_depend_on_the_batch_either(checkpoint, encoder):
    policy = replace(LITE_POLICY, long_sides=(64, 96, 128), flips=True)
    lite = SigmaLite(checkpoint=checkpoint, encoder=encoder, policy=policy)
    pairs = [make_pair((128, 96)), make_pair((64, 64)), make_pair((96, 128))]
    alone = [lite.annotate([pair])[0] for pair in pairs]
    for first, second in zip(alone, lite.annotate(pairs[::-1])[::-1], strict=True):
        assert np.array_equal(first, second)


def test_pairs_of_one_size_go_together_where_there_is_an_accelerator(lite):
    lite.predictor.device = "an accelerator"
    views = lite.predictor._groups([cards_view(place, size) for place, size in enumerate("abab")])
    assert [[view.place for view in group] for group in views] == [[0, 2], [1, 3]]


def cards_view(place, letter):
    from annotators.sigma.inference import View

    return View(place, (512, 512) if letter == "a" else (256, 512))


def test_golden_values(lite):
    scores = lite.annotate([make_pair((80, 80))])[0]
    found = [*scores[10, 10:80:20].tolist(), float(scores.mean()), float(scores.std())]
    assert found == pytest.approx(GOLDEN, abs=2e-4)


def test_an_edit_shows(lite):
    edited, same = lite.annotate([make_pair((96, 96)), make_pair((96, 96), identical=True)])
    assert np.abs(edited - same).max() > 0.01


@pytest.mark.parametrize("size", [(1, 1), (1, 700), (2000, 3), (33, 31), (513, 512)])
def test_any_size_gives_a_map_of_that_size(lite, size):
    scores = lite.annotate([make_pair(size)])[0]
    assert (scores.shape, scores.dtype) == (size, np.float32)
    assert scores.min() >= 0
    assert scores.max() <= 1


def test_a_huge_image_costs_no_more_memory_than_itself_and_its_map(checkpoint):
    """Two images of 17 megapixels in a process of its own: 101 MB, the map 67 MB, all in under 1 GB."""
    program = f"""
import numpy as np, torch
torch.set_num_threads(1)
from annotators.sigma.annotator import SigmaLite
from imlbench.backbones.efficientnet_lite import EfficientNetLite0
from annotators.sigma.network.presets import SIGMA_LITE
from imlbench.samples import Pair
image = np.zeros((4096, 4096, 3), np.uint8)
edited = image.copy()
lite = SigmaLite(checkpoint={str(checkpoint)!r}, encoder=EfficientNetLite0(SIGMA_LITE.layers, SIGMA_LITE.detail_layer))
assert lite.annotate([Pair("a", image, edited)])[0].shape == (4096, 4096)
# Not ru_maxrss, which a child takes over from its parent.
print(next(int(line.split()[1]) // 1024 for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=600, check=True)
    assert int(done.stdout) < 1000


def test_the_prior_reaches_the_network_and_needs_an_instruction(tmp_path):
    grounded = sigma(tmp_path, priors=PairPriors(RulesParser(), Brightness()))
    plain = sigma(tmp_path, priors=PairPriors(RulesParser(), Nothing()))
    told, untold = make_pair((80, 80), instruction="add a dog"), make_pair((80, 80), instruction=None)
    assert not np.allclose(grounded.annotate([told])[0], plain.annotate([told])[0], atol=1e-4)
    assert np.array_equal(grounded.annotate([untold])[0], plain.annotate([untold])[0])


class Nothing:
    """A grounder that finds nothing."""

    identity = "nothing"

    def maps(self, image, concept):
        return np.zeros((0, *image.shape[:2]), np.float32)


def test_policies_say_where_the_network_looks():
    assert SIGMA_POLICY.sizes(300, 700) == ((518, 518),)
    assert LITE_POLICY.sizes(512, 512) == ((512, 512),)
    assert LITE_POLICY.sizes(1000, 2000) == ((256, 512),)
    assert LITE_POLICY.sizes(200, 300) == ((352, 512),)
    assert LITE_POLICY.sizes(1, 1) == ((512, 512),)
    assert LITE_POLICY.sizes(10_000, 4) == ((512, 32),)
    as_they_are = replace(LITE_POLICY, enlarge=False)
    assert as_they_are.sizes(200, 300) == ((192, 288),)
    assert as_they_are.sizes(1, 1) == ((32, 32),)
    both = replace(as_they_are, long_sides=(256, 512))
    assert both.sizes(512, 512) == ((256, 256), (512, 512))
    assert both.sizes(200, 200) == ((192, 192),)


@pytest.mark.parametrize(
    "values",
    [
        *({"square": 0}, {"square": -1}, {"square": 9999}, {"long_sides": (512,)}, {"multiple": 0}, {"threshold": 1.0}),
        {"square": 0, "long_sides": (8,), "multiple": 32},
    ],
)
def test_a_policy_that_makes_no_sense(values):
    with pytest.raises(UserError, match="SIGMA's inference"):
        InferencePolicy(**values)


@pytest.mark.parametrize(
    ("adapter", "words"),
    [
        (SigmaAnnotator, ("sigma.safetensors", "imlbench train sigma", "imlbench weights get")),
        (SigmaLite, ("sigma-lite.safetensors", "install")),
    ],
)
def test_missing_weights_are_told_in_one_line(adapter, words, monkeypatch, tmp_path):
    variable = f"IMLBENCH_{adapter.declared.name.upper().replace('-', '_')}"
    monkeypatch.setenv(variable, str(tmp_path / "nowhere.safetensors"))
    with pytest.raises(UserError, match=f"{variable} names this place") as told:
        adapter()
    assert "\n" not in str(told.value)
    monkeypatch.delenv(variable)
    if adapter is SigmaAnnotator:
        with pytest.raises(UserError) as told:
            adapter()
        assert all(word in str(told.value) for word in words)
        assert "\n" not in str(told.value)


def test_a_named_checkpoint_is_on_the_card_before_anything_is_loaded(checkpoint, monkeypatch):
    monkeypatch.setenv("IMLBENCH_SIGMA_LITE", str(checkpoint))
    digest = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    assert [weight.sha256 for weight in SigmaLite.card.weights][-1] == digest
    handle = annotator_handles(["sigma-lite"] if registered() else [SigmaLite], "cpu", 0)[0]
    assert handle.card == SigmaLite.card


def registered() -> bool:
    """Whether the installed package's metadata knows the adapter."""
    from imlbench.registry import names

    return "sigma-lite" in names("annotators")


def test_the_card_of_an_instance_is_that_of_its_weights(lite, checkpoint):
    assert lite.card.weights[-1].sha256 == hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    assert lite.card.weights[0] == cards.SIGMA_LITE.weights[0]
    assert lite.card.version == cards.SIGMA_LITE.version


def test_another_grounding_or_policy_is_another_version(tmp_path, monkeypatch, checkpoint, encoder):
    usual = SigmaLite.card.version
    monkeypatch.setenv("IMLBENCH_GROUNDER", "transformers")
    assert SigmaLite.card.version != usual
    assert {"grounding-dino-base", "sam2.1-hiera-small"} <= {weight.name for weight in SigmaLite.card.weights}
    monkeypatch.setenv("IMLBENCH_GROUNDER", "none")
    monkeypatch.setenv("IMLBENCH_PARSER", "qwen")
    assert SigmaLite.card.version == usual
    other = SigmaLite(checkpoint=checkpoint, encoder=encoder, policy=replace(LITE_POLICY, long_sides=(256,)))
    assert other.card.version != usual


def test_an_unknown_grounder_or_parser(monkeypatch, checkpoint, encoder):
    monkeypatch.setenv("IMLBENCH_GROUNDER", "transformer")
    with pytest.raises(UserError, match="unknown grounder 'transformer'"):
        SigmaLite(checkpoint=checkpoint, encoder=encoder)
    choice = grounding_choice.GroundingChoice("langsam", "ruls")
    with pytest.raises(UserError, match="unknown parser 'ruls'"):
        grounding_choice.priors_of(choice, "cpu", (37, 37), 0.01)


def test_a_checkpoint_over_another_backbone_is_another_annotator(tmp_path):
    save_checkpoint(tmp_path / "small.safetensors", small_network())
    with pytest.raises(UserError, match="sigma-lite expects a network over efficientnet-lite0, found one over dinov2"):
        SigmaLite(checkpoint=tmp_path / "small.safetensors", encoder=StubEncoder())


def test_every_default_says_where_it_comes_from():
    for adapter in (SigmaAnnotator, SigmaLite):
        facts = adapter.facts()
        assert {fact.origin for fact in facts} == {"S", "I"}
        assert all(fact.note for fact in facts)
        assert {"encoder", "layers", "square", "flips"} <= {fact.name for fact in facts}
        text = cards.model_card(adapter.card)
        assert all(f"| {fact.name} | {fact.value} | {fact.origin} |" in text for fact in facts)


def test_listing_needs_neither_torch_nor_the_weights():
    program = "import sys; from annotators.sigma.annotator import SigmaAnnotator as A, SigmaLite as L; A.card, L.card; "
    program += "print(sorted({'torch', 'cv2', 'transformers', 'safetensors'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=600, check=True)
    assert done.stdout.strip() == "[]"


def test_a_prior_of_another_lattice_in_one_batch(lite):
    prior = np.full((5, 5), 0.5, np.float32)
    stacked = lite.predictor._prior([None, prior])
    assert stacked.shape == (2, 1, 5, 5)
    assert float(stacked[0].mean()) == pytest.approx(TINY.prior_epsilon)
    assert lite.predictor._prior([None, None]) is None


def test_greyscale_photographs_are_ordinary_ones(lite):
    grey = make_pair((64, 64), grey=True)
    assert isinstance(grey, Pair)
    assert lite.annotate([grey])[0].shape == (64, 64)
