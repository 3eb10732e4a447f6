"""From the words of a command to the conditions of a sweep."""

from __future__ import annotations

import sys

import pytest

from imlbench import registry
from imlbench.errors import UserError
from imlbench.perturbations.sweep import PRESETS, read_severities, sweep_conditions
from tests.making_sets import write_package


def said(*arguments, **options):
    """The conditions as (name, severity)."""
    return [(one.name, one.severity) for one in sweep_conditions(*arguments, **options)]


def test_clean_comes_first_and_the_usual_severities_follow():
    expected = [("", None), *(("jpeg", quality) for quality in (100, 90, 80, 70, 60, 50))]
    assert said(["jpeg"]) == expected
    assert said(["jpeg"], clean=False) == expected[1:]


def test_axes_keep_their_order_and_each_is_one_object():
    conditions = sweep_conditions(["noise", "blur", "noise"], clean=False)
    assert [one.name for one in conditions] == ["noise"] * 5 + ["blur"] * 6
    assert len({id(one.perturbation) for one in conditions}) == 2


@pytest.mark.parametrize(
    ("perturb", "severity", "expected"),
    [
        (["jpeg"], ["90", "70"], [("jpeg", 90), ("jpeg", 70)]),
        (["jpeg"], ["90,70", "90"], [("jpeg", 90), ("jpeg", 70)]),
        (["jpeg"], ["jpeg=90,70", "jpeg=60"], [("jpeg", 90), ("jpeg", 70), ("jpeg", 60)]),
        (["jpeg", "noise"], ["jpeg=90", "noise=2.5"], [("jpeg", 90), ("noise", 2.5)]),
        (["jpeg", "webp"], ["80"], [("jpeg", 80), ("webp", 80)]),
        (["noise", "jpeg"], ["jpeg=90", "3"], [("noise", 3), ("jpeg", 90)]),
        (["resize"], [".5"], [("resize", 0.5)]),
        (["noise", "resize"], ["noise=5"], [("noise", 5), ("resize", 1.25), ("resize", 0.75), ("resize", 0.5)]),
    ],
)
def test_severities_for_all_and_by_name(perturb, severity, expected):
    assert said(perturb, severity, clean=False) == expected


def test_globs_and_targets():
    conditions = sweep_conditions(["*e[bs]*"], ["webp=50", "resize=2"], target="both", clean=False)
    assert [(one.name, one.target) for one in conditions] == [("resize", "both"), ("webp", "both")]


def test_presets():
    assert said([], preset="sigma") == [
        ("", None),
        *(("jpeg", quality) for quality in (100, 90, 80, 70, 60, 50)),
        *(("noise", variance) for variance in (5, 10, 15, 20, 25)),
        *(("blur", side) for side in (3, 5, 7, 9, 11, 13)),
    ]
    assert said(["noise", "blur"], preset="benco", clean=False) == [
        *(("noise", variance) for variance in (3, 7, 11, 15, 19, 23)),
        *(("blur", side) for side in (3, 7, 11, 15, 19, 23)),
    ]
    assert PRESETS["benco"]["jpeg"] == (100, 90, 80, 70, 60, 50)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([],), {}, r"nothing to perturb: give --perturb \(blur, jpeg, .*\) or --preset \(sigma, benco\)"),
        ((["jpg"],), {}, "unknown perturbation 'jpg': did you mean jpeg"),
        ((["z*"],), {}, "no perturbation matches 'z"),
        ((["jpeg"],), {"preset": "paper"}, "--preset: expected one of sigma, benco, found 'paper'"),
        (([],), {"preset": "paper"}, "--preset: expected one of sigma, benco, found 'paper'"),
        ((["webp"],), {"preset": "sigma"}, "--preset sigma says nothing of webp; it has jpeg, noise, blur"),
        ((["jpeg"], ["90"]), {"preset": "sigma"}, "--preset and --severity: give one"),
        ((["jpeg"], ["noise=5"]), {}, "--severity: 'noise' is not perturbed; perturbed: jpeg"),
        ((["jpeg"], ["=5"]), {}, "--severity: '' is not perturbed"),
        ((["jpeg"], ["jpeg=90", "5"]), {}, "--severity 5: every perturbation has severities of its own already"),
        ((["jpeg"], ["101"]), {}, "jpeg: severity is a whole quality from 1 to 100, found 101$"),
        ((["jpeg", "blur"], ["blur=4"]), {}, "blur: severity is an odd kernel side from 1 to 255, found 4$"),
        (
            (["jpeg", "blur"], ["90"]),
            {},
            "blur: severity is an odd .*, found 90; name the perturbation a severity is for, as in --severity blur=3$",
        ),
        ((["jpeg"],), {"target": "original"}, "target: expected one of edited, both, found 'original'"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, options, message):
    with pytest.raises(UserError, match=message):
        sweep_conditions(*arguments, **options)


@pytest.mark.parametrize("text", ["", "x", "jpeg=", "jpeg=x", "90,", "90;70", "1_0", "jpeg=90=70,", "a\nb"])
def test_a_severity_that_is_no_number(text):
    with pytest.raises(UserError, match="--severity: expected a number such as 90, or jpeg=90,70, found "):
        read_severities([text])


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e400", "-5"])
@pytest.mark.parametrize("name", ["jpeg", "noise", "blur", "webp", "resize", "social", "vae-taef2", "vae-kl"])
def test_numbers_that_are_no_severity_of_anything(name, text):
    with pytest.raises(UserError, match=f"^{name}: severity is "):
        sweep_conditions([name], [text])


ABSTRACT = """
from imlbench.perturb import Perturbation
class Thing(Perturbation):
    pass
"""


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("Thing = 3\n", r"^odd \(registered by odd_package as odd_package:Thing\): expected a subclass of imlbench"),
        (ABSTRACT, r"^odd \(registered by odd_package\) cannot be built: TypeError: "),
        ("import no_such_module\n", r"^odd \(registered by odd_package .* cannot be loaded: ModuleNotFoundError"),
    ],
)
def test_something_registered_that_is_no_perturbation(tmp_path, monkeypatch, module, message):
    write_package(tmp_path, "odd_package", module, {"odd": "odd_package:Thing"}, group="perturbations")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "odd_package", raising=False)
    registry.groups.cache_clear()
    try:
        with pytest.raises(UserError, match=message):
            sweep_conditions(["odd"])
    finally:
        registry.groups.cache_clear()
        sys.modules.pop("odd_package", None)
