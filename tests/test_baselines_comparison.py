"""The comparison of baselines: equal terms for all, each step once, killed trainings go on, nothing is hidden."""

import csv
import os
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from annotators.dass.training.launch import Request as DassRequest
from annotators.dass.training.launch import read_config as read_dass
from annotators.dass.training.recipe import RECIPES as DASS_RECIPES
from annotators.ddpm_cd.training.launch import RECIPES as DDPM_CD_RECIPES
from annotators.ddpm_cd.training.launch import Request, prepare
from annotators.ddpm_cd.training.launch import read_config as read_ddpm_cd
from annotators.meta_cd.training.recipe import RECIPES as META_CD_RECIPES
from annotators.meta_cd.training.recipe import read_config as read_meta_cd
from annotators.sigma.training.presets import TRAINING_PRESETS, read_training_config
from benchmarks.baselines_comparison import compare, main, parsed
from benchmarks.comparison import measuring
from benchmarks.comparison.contestants import DASS, DDPM_CD, META_CD, SIGMA_LITE, TRAINED
from benchmarks.comparison.measuring import Column, Measured
from benchmarks.comparison.order import Order, read_changes, toml_text
from benchmarks.comparison.training import arguments, last_validation, train, weights_of
from benchmarks.comparison.writing import Found, notes, score_cell
from benchmarks.making import make_pairs
from imlbench.config import ENVIRONMENT_PREFIX, environment_name
from imlbench.errors import UserError
from imlbench.evaluation_sets import evaluation_cards
from imlbench.statistics import Summary
from imlbench.training.launch import complete
from imlbench.training.pairs import parse_place, read_training_set
from tests.training.making_pairs import make_set

TINY = {
    "ddpm-cd": {
        "batch_size": 2,
        "extractor": {
            "base_width": 8,
            "multipliers": [1, 2],
            "blocks": 1,
            "attention_sides": [8],
            "norm_groups": 4,
            "image_size": 16,
        },
        "head": {"maps": [1, 3], "steps": [50], "hidden": 4},
        "sizes": [16],
    },
    "meta-cd": {"batch_size": 4},
    "dass": {"batch_size": 2},
    "sigma-lite": {"batch_size": 1, "accumulation": 2},
}
"""Two steps of two pairs each are four samples."""


@pytest.fixture
def order(tmp_path, monkeypatch):
    """Pairs to train on, pairs to measure on, and nothing of this machine."""
    torch.set_num_threads(1)
    ours = [name for one in TRAINED for name in one.variables]
    others = ("IMLBENCH_DDPM_CD_INPUT", "IMLBENCH_TAEF2", ENVIRONMENT_PREFIX)
    for name in (*ours, *others, *map(environment_name, evaluation_cards())):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "no-config"))
    monkeypatch.setenv("IMLBENCH_WEIGHTS", str(tmp_path / "no-weights"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    # The cost is measured in processes that are started as `python -m benchmarks.footprint`.
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    monkeypatch.chdir(tmp_path)
    make_pairs(tmp_path / "seen", 2, 2, 48)
    return Order(
        pairs=str(make_set(tmp_path / "set", 6, side=24)),
        out=tmp_path / "out",
        samples=4,
        datasets=(f"folder={tmp_path / 'seen'}",),
        demo=False,
        only=("ddpm-cd", "efficientnet-cosine-fixed"),
        changes=TINY,
        workers=0,
    )


def killed_after_a_step(order):
    """What a training that was killed has left: a checkpoint after its first step, no marker."""
    config = order.out / "configs" / "ddpm-cd.toml"
    config.parent.mkdir(parents=True)
    config.write_text(toml_text(order.config(DDPM_CD)))
    request = Request(
        config=str(config),
        data=(order.pairs,),
        out=order.run(DDPM_CD),
        random_unet=True,
        cpu=True,
        minutes=0,
        say=lambda line: None,
    )
    complete(prepare(request), lambda line: None)


def stamps(folder):
    return {path: path.stat().st_mtime_ns for path in sorted(folder.rglob("*")) if path.suffix != ".md"}


def test_a_killed_training_goes_on_and_a_second_run_computes_nothing(order, monkeypatch):
    killed_after_a_step(order)
    said = []
    first = compare(order, said.append)
    assert said[0] == "ddpm-cd: training goes on"
    with (order.run(DDPM_CD) / "training.csv").open(newline="") as file:
        assert [row["step"] for row in csv.DictReader(file)] == ["1", "2"]
    # Two annotators, two pairs, four conditions: the round trip cannot be had.
    assert (first.computed, first.failed, len(first.columns)) == (16, 0, 4)
    page = (order.out / "comparison.md").read_text()
    assert "folder:seen, clean (n = 2)" in page
    assert ", vae-taef2 1 (n" not in page
    assert "- Left out: vae-taef2: set IMLBENCH_TAEF2" in page
    assert "Trained on 4 samples of 4 pairs (set); seed 0" in page
    assert "random weights here, was not pretrained" in page
    assert "imlbench train ddpm-cd --config" in page
    assert "folder:seen, clean: efficientnet-cosine-fixed, " in page
    assert "hard decision" not in page
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| ddpm-cd")]
    assert (int(rows[0][5].replace(",", "")) > 0, int(rows[0][6].replace(",", "")) > 0) == (True, True)
    assert [row[3] for row in rows if "Adam" in row[2]] == ["2 x 2"]

    before = {path: stamp for path, stamp in stamps(order.out).items() if "results" not in path.parts}
    said.clear()
    monkeypatch.setattr("benchmarks.comparison.training.IMLBENCH", ("no such program",))
    assert compare(order, said.append).computed == 0
    assert said == []
    after = stamps(order.out)
    assert all(after[path] == stamp for path, stamp in before.items())

    with pytest.raises(UserError, match=r"finished for another comparison .*samples was 4, now it is 8"):
        compare(replace(order, samples=5))


def test_a_training_that_fails_is_told_of_and_leaves_no_marker(order):
    changed = {**TINY, "ddpm-cd": {**TINY["ddpm-cd"], "nonsense": 1}}
    wrong = replace(order, changes=changed)
    data = read_training_set([parse_place(order.pairs)], 0.0)
    with pytest.raises(UserError, match="ddpm-cd: the training ended with code 2"):
        train(DDPM_CD, wrong, data, [], lambda line: None)
    assert not (order.run(DDPM_CD) / "finished.json").exists()


def read_back(one, order, folder):
    """Recipe of a training's file, as its own trainer reads it."""
    path = folder / f"{one.name}.toml"
    path.write_text(toml_text(order.config(one)))
    if one is META_CD:
        return read_meta_cd("meta-cd", str(path))[0]
    if one is SIGMA_LITE:
        return read_training_config(str(path), 1)
    request, read = (DassRequest, read_dass) if one is DASS else (Request, read_ddpm_cd)
    return read(request(config=str(path), data=(), out=folder))[0]


@pytest.mark.parametrize("changes", [{}, TINY])
def test_all_see_the_same_number_of_samples_with_the_same_seed(tmp_path, changes):
    order = Order(pairs="set", out=tmp_path, samples=90, seed=3, changes=changes)
    recipes = [read_back(one, order, tmp_path) for one in TRAINED]
    assert {recipe.steps * recipe.batch_size * recipe.accumulation for recipe in recipes} == {order.rounded}
    assert order.rounded == (92 if changes else 96)
    assert {recipe.seed for recipe in recipes} == {3}
    assert all(recipe.validate_every == recipe.steps for recipe in recipes)


def test_recipes_are_the_methods_own_but_for_length_and_bookkeeping(tmp_path):
    order = Order(pairs="set", out=tmp_path)
    ours = {
        "ddpm-cd": DDPM_CD_RECIPES["small"],
        "meta-cd": META_CD_RECIPES["meta-cd"]["meta-cd-small"],
        "dass": DASS_RECIPES["dass-small"],
        "sigma-lite": TRAINING_PRESETS["sigma-lite"],
    }
    set_here = {"steps", "seed", "workers", "validate_every", "validation_limit", "save_every", "log_every"}
    for one in TRAINED:
        found, usual = read_back(one, order, tmp_path).to_dict(), ours[one.name].to_dict()
        differing = {name for name in usual if found[name] != usual[name]} - set_here
        assert differing == ({"sizes"} if one is META_CD else set())
        assert usual["batch_size"] == one.batch_size
        told = type(ours[one.name]).optimiser
        assert one.optimiser.lower().startswith(told)


def test_how_pairs_are_seen_follows_from_the_configuration(tmp_path):
    usual, tiny = (Order(pairs="set", out=tmp_path, changes=changes) for changes in ({}, TINY))
    assert [one.seen(usual.config(one)) for one in TRAINED] == [
        *("128 x 128", "128 x 128", "longer side 512", "longer side 512")
    ]
    assert DDPM_CD.seen(tiny.config(DDPM_CD)) == "16 x 16"


def test_only_ddpm_cd_is_told_of_a_diffusion_model(tmp_path):
    order = Order(pairs="set", out=tmp_path, unet=tmp_path / "unet.safetensors")
    told = {one.name: arguments(one, order, tmp_path / "x.toml") for one in TRAINED}
    assert [name for name, line in told.items() if "--unet" in line] == ["ddpm-cd"]
    assert "--random-unet" not in told["ddpm-cd"]
    assert all("--cpu" in line for line in told.values())
    assert told["sigma-lite"][:4] == ["train", "sigma", "--stage", "1"]


def test_the_environment_is_as_before(tmp_path, monkeypatch):
    monkeypatch.setenv("IMLBENCH_DASS", "mine")
    monkeypatch.delenv("IMLBENCH_META_CD", raising=False)
    with weights_of(Order(pairs="set", out=tmp_path)):
        assert os.environ["IMLBENCH_DASS"] == str(tmp_path / "runs" / "dass" / "last.safetensors")
    assert os.environ["IMLBENCH_DASS"] == "mine"
    assert "IMLBENCH_META_CD" not in os.environ


def test_changes_are_tables_by_annotator(tmp_path):
    path = tmp_path / "changes.toml"
    path.write_text("[meta-cd]\nsizes = [256]\n[meta-cd.network]\nimage_size = 256\n")
    order = parsed(["set", "--out", str(tmp_path), "--changes", str(path)])
    config = tomllib.loads(toml_text(order.config(META_CD)))
    assert (config["sizes"], config["network"], config["preset"]) == ([256], {"image_size": 256}, "meta-cd-small")
    path.write_text("sizes = [256]\n")
    with pytest.raises(UserError, match="expected nothing but tables"):
        read_changes(path)


@pytest.mark.parametrize(
    "wrong", [("--only", "sigma"), ("--samples", "0"), ("--no-demo",), ("--changes", "no-such-file.toml")]
)
def test_an_order_that_means_nothing_is_one_line(tmp_path, capsys, wrong):
    assert main(["set", "--out", str(tmp_path), *wrong]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_perturbations_without_their_weights_are_left_out(order):
    found, left_out = measuring.conditions()
    assert [measuring.words(condition) for condition in found] == ["clean", "jpeg 50", "noise 25", "blur 13"]
    assert len(left_out) == 1
    assert left_out[0].startswith("vae-taef2: ")


def test_fewer_images_than_the_others_are_told_of():
    all_of_them, fewer = Summary(0.5, 0.1, 0.4, 0.6, 10), Summary(0.25, 0.1, 0.2, 0.3, 9)
    by_name = {"a": all_of_them, "b": fewer, "c": Summary(np.nan, np.nan, np.nan, np.nan, 0)}
    assert [score_cell(by_name, name) for name in "abc"] == ["50.0 (40.0 to 60.0)", "25.0 (20.0 to 30.0, n = 9)", "-"]


def test_failures_and_a_pretrained_diffusion_model_change_the_notes(tmp_path):
    order = Order(pairs="set", out=tmp_path, unet=tmp_path / "unet.safetensors")
    measured = Measured([Column("demo, clean", {})], [], 0, 3)
    told = notes(Found(order, None, {}, measured, {}, "a machine"))
    assert "3 outcomes have no score" in told
    assert "random weights" not in told


def test_a_validation_without_pairs_of_a_kind_has_no_number(tmp_path):
    (tmp_path / "validation.csv").write_text("step,f1,edited,marked,untouched\n2,0.25,2,0,0\n")
    assert last_validation(tmp_path) == (0.25, None)
