"""The configuration: SIGMA's values and their origins, the presets, Table 3's rows, and what is refused."""

from __future__ import annotations

import csv
from dataclasses import fields, replace
from pathlib import Path

import pytest

from annotators.sigma.network.config import SigmaConfig, facts
from annotators.sigma.network.presets import LITE_REASONS, SIGMA, SIGMA_LITE, preset, preset_facts, variants
from imlbench.errors import UserError


def test_defaults_are_sigma_and_say_what_the_paper_states():
    assert preset("sigma") == SigmaConfig()
    origins = {fact.name: fact.origin for fact in preset_facts("sigma")}
    stated = {name for name, origin in origins.items() if origin == "S"}
    assert stated == {"encoder", "layers", "image_size", "drbs", "grounding", "bcmr_steps", "fusion_stride"}
    assert set(origins.values()) == {"S", "I"}
    assert all(fact.note for fact in preset_facts("sigma"))


def test_every_value_in_which_lite_differs_is_inferred_and_has_a_reason():
    different = {entry.name for entry in fields(SIGMA) if getattr(SIGMA, entry.name) != getattr(SIGMA_LITE, entry.name)}
    by_name = {fact.name: fact for fact in preset_facts("sigma-lite")}
    assert different <= set(LITE_REASONS)
    for name in different:
        assert by_name[name].origin == "I"
        assert by_name[name].note == f"SIGMA has {getattr(SIGMA, name)}; {LITE_REASONS[name]}"


def test_a_changed_value_loses_the_mark_of_the_paper():
    by_name = {fact.name: fact.origin for fact in facts(replace(SIGMA, drbs=4))}
    assert by_name["drbs"] == "I"
    assert by_name["layers"] == "S"


def test_table_3_has_its_seven_rows_in_order():
    rows = variants()
    published = Path("reports/paper/table3_ablation.csv")
    if published.exists():
        with published.open() as file:
            assert [row.row for row in rows.values()] == list(dict.fromkeys(r["variant"] for r in csv.DictReader(file)))
    switches = [(len(v.config.layers), v.config.drbs, v.config.grounding, v.stages) for v in rows.values()]
    assert switches == [
        (1, 0, False, 1),
        (3, 0, False, 1),
        (3, 2, False, 1),
        (3, 4, False, 1),
        (3, 8, False, 1),
        (3, 2, True, 1),
        (3, 2, True, 2),
    ]
    assert rows["baseline"].config.layers == (11,)
    assert rows["full"].config == SIGMA


def test_variants_of_lite_keep_its_sizes():
    assert {variant.config.width for variant in variants(SIGMA_LITE).values()} == {SIGMA_LITE.width}
    assert variants(SIGMA_LITE)["baseline"].config.layers == (15,)


def test_a_parsed_table_becomes_a_configuration():
    assert SigmaConfig.from_mapping({"layers": [5, 11], "drbs": 4}) == SigmaConfig(layers=(5, 11), drbs=4)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"layer": [2]}, "no field 'layer'; did you mean 'layers'"),
        ({"zzz": 1}, "no field 'zzz'; the fields are encoder"),
        ({"width": "256"}, "width must be a int, found '256'"),
        ({"width": True}, "width must be a int, found True"),
        ({"grounding": 1}, "grounding must be a bool, found 1"),
        ({"layers": [2, "5"]}, "layers must be a list of integers"),
        ({"width": 0}, "width must be 1 to 16384, found 0"),
        ({"drbs": -1}, "drbs must be 0 to 1024, found -1"),
        ({"prior_epsilon": float("nan")}, "prior_epsilon must lie between 0 and 1"),
        ({"encoder": "resnet\n50"}, "encoder must be one of dinov2-base"),
        ({"layers": []}, "layers must ascend"),
        ({"layers": [5, 2]}, "layers must ascend"),
        ({"layers": [2, 12]}, "within 0 to 11 for dinov2-base"),
        ({"image_size": 512}, "image_size must be a multiple of 14"),
        ({"width": 252}, "width must be a multiple of 8 (heads)"),
        ({"width": 6, "heads": 1}, "width must be a multiple of 4"),
        ({"fusion_width": 20}, "fusion_width must be a multiple of 8 (norm_groups)"),
        ({"detail_layer": 1}, "of a backbone with strides"),
        ({"encoder": "efficientnet-lite0", "layers": [2, 4], "detail_layer": 2}, "below the first of layers, found 2"),
        ({"encoder": "efficientnet-lite0", "layers": [2, 4], "detail_layer": -2}, "detail_layer must be -1"),
        ({"subpixels": 2}, "fusion_stride must be a multiple of 2 (subpixels), found 1"),
        ({"attention_lattice": 8, "key_lattice": 16}, "key_lattice must not exceed attention_lattice"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(values, message):
    with pytest.raises(UserError) as caught:
        SigmaConfig.from_mapping(values)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_preset_is_refused():
    with pytest.raises(UserError, match="the presets are sigma, sigma-lite"):
        preset("sigma-huge")
