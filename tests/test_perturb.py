"""The contract of perturbations: conditions that are checked when they are made, keyed noise, identity."""

from __future__ import annotations

import json

import numpy as np
import pytest

from imlbench import registry
from imlbench.cards import Card
from imlbench.errors import UserError
from imlbench.jobs import make_run
from imlbench.perturb import CLEAN, Condition, Perturbation, keyed_generator
from imlbench.perturbations.compression import Jpeg
from imlbench.perturbations.filters import Blur
from imlbench.perturbations.noise import Noise
from tests.making_sets import ListDataset, photo, toy_card

PURE = [name for name in registry.names("perturbations") if not name.startswith("vae-")]
"""Those that need no weights."""


def registered(name):
    return registry.resolve("perturbations", name).load()()


@pytest.mark.parametrize("name", registry.names("perturbations"))
def test_registered_ones_have_valid_defaults_and_their_own_name_on_the_card(name):
    perturbation = registered(name)
    assert perturbation.card.name == name
    assert perturbation.severities
    for severity in perturbation.severities:
        perturbation.check(severity)


def test_the_planned_ones_are_there():
    assert set(registry.names("perturbations")) >= {
        "blur", "jpeg", "noise", "resize", "social", "vae-kl", "vae-taef2", "webp"
    }  # fmt: skip


@pytest.mark.parametrize("name", PURE)
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (7, 5), (33, 50)])
def test_size_and_type_stay_and_the_input_is_left_alone(name, shape):
    perturbation = registered(name)
    image = photo(0, shape)
    image.flags.writeable = False
    for severity in perturbation.severities:
        result = perturbation.apply(image, severity, np.random.default_rng(0))
        assert (result.shape, result.dtype) == (image.shape, np.uint8)
        assert not np.shares_memory(result, image)
    assert np.array_equal(image, photo(0, shape))


@pytest.mark.parametrize("name", PURE)
def test_it_is_a_function_of_its_arguments(name):
    perturbation = registered(name)
    severity = perturbation.severities[-1]
    one, two = (perturbation.apply(photo(), severity, np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, photo())
    another_draw = perturbation.apply(photo(), severity, np.random.default_rng(8))
    assert np.array_equal(one, another_draw) != perturbation.seeded


@pytest.mark.parametrize("name", ["jpeg", "noise", "blur", "webp", "social"])
def test_defaults_go_from_mild_to_strong(name):
    perturbation = registered(name)
    rows, columns = np.mgrid[:64, :64]
    image = np.stack([2 * rows, 2 * columns, rows + columns], axis=2).astype(np.uint8) + photo(1, (64, 64)) // 3
    errors = []
    for severity in perturbation.severities:
        result = perturbation.apply(image, severity, np.random.default_rng(0))
        errors.append(np.abs(result.astype(int) - image).mean())
    assert errors == sorted(errors)


def test_a_condition_needs_a_severity_and_a_known_target():
    with pytest.raises(UserError, match="jpeg: give a severity; usual ones: 100, 90, 80, 70, 60, 50"):
        Condition(Jpeg())
    with pytest.raises(UserError, match="target: expected one of edited, both, found 'original'"):
        Condition(Jpeg(), 50, "original")


def test_clean_touches_nothing():
    image = photo()
    assert CLEAN.apply(image, "edited", "a", 0) is image
    assert (CLEAN.name, CLEAN.seeded, CLEAN.severity) == ("", False, None)


def test_edited_spares_the_original_and_results_are_read_only():
    image = photo()
    condition = Condition(Blur(), 3)
    assert condition.apply(image, "original", "a", 0) is image
    blurred = condition.apply(image, "edited", "a", 0)
    assert not blurred.flags.writeable
    assert (Condition(Blur(), 3, "both").apply(image, "original", "a", 0) == blurred).all()


def test_noise_depends_on_seed_sample_severity_and_role_alone():
    def draw(seed=0, sample="a", severity=5.0, role="edited"):
        image = np.full((8, 8, 3), 100, np.uint8)
        return Condition(Noise(), severity, "both").apply(image, role, sample, seed).tobytes()

    assert draw() == draw() == draw(severity=5)
    others = [draw(seed=1), draw(sample="b"), draw(severity=6.0), draw(role="original")]
    assert len({draw(), *others}) == 5


def test_the_generator_is_the_same_on_every_machine():
    drawn = keyed_generator(0, "a", "noise", 5.0, "edited").integers(0, 1000, 5).tolist()
    assert drawn == [725, 446, 325, 742, 443]


class SecretDraws(Perturbation):
    """Draws numbers without saying so."""

    card = Card(name="secret", title="S", version="1", summary="s", licence="MIT", citation="c")
    severities = (1.0,)

    def check(self, severity):
        pass

    def apply(self, image, severity, generator):
        return np.minimum(image, generator.integers(256))


def test_one_that_draws_without_saying_so_is_told():
    with pytest.raises(UserError, match="secret draws random numbers: its class must say `seeded = True`"):
        Condition(SecretDraws(), 1).apply(np.zeros((4, 4, 3), np.uint8), "edited", "a", 0)


class Weighted(Perturbation):
    """Declares weights."""

    card = Card(name="weighted", title="W", version="3", summary="-", licence="none", citation="none")
    severities = (1,)

    def __init__(self, **weights):
        self.files = weights

    def check(self, severity):
        pass

    def apply(self, image, severity, generator):
        return image

    def weights(self):
        return self.files


class TestIdentity:
    @staticmethod
    def run(tmp_path, condition):
        return make_run("annotator", toy_card(), ListDataset(tmp_path, []), condition, 0)

    def test_weights_and_version_of_the_perturbation_take_part(self, tmp_path):
        run = self.run(tmp_path, Condition(Weighted(encoder="ab"), 1))
        identity = json.loads(run.identity)
        assert identity["perturbation_weights"] == {"encoder": "ab"}
        assert identity["perturbation_version"] == "3"
        assert run.run_id != self.run(tmp_path, Condition(Weighted(encoder="cd"), 1)).run_id

    def test_clean_and_weightless_ones_say_nothing_of_weights(self, tmp_path):
        clean = json.loads(self.run(tmp_path, CLEAN).identity)
        assert not [name for name in clean if name.startswith("perturbation_")]
        jpeg = json.loads(self.run(tmp_path, Condition(Jpeg(), 50)).identity)
        assert "perturbation_weights" not in jpeg
        assert jpeg["perturbation_version"] == Jpeg.card.version
