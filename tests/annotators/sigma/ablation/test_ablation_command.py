"""`imlbench ablation`: two tiny variants end to end, again, killed, and with files by another hand."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from annotators.sigma.ablation import annotator
from annotators.sigma.ablation.config_file import toml_text
from annotators.sigma.ablation.stages import trials
from annotators.sigma.checkpoint import read_checkpoint
from annotators.sigma.network.presets import variants
from annotators.sigma.training import launch
from annotators.sigma.training.export import export
from annotators.sigma.training.presets import read_training_config
from imlbench.backbones.encoder import Encoder
from imlbench.cli.main import app
from imlbench.errors import UserError
from imlbench.evaluation_sets import evaluation_cards
from imlbench.results.reading import ResultReader
from imlbench.training import loop
from imlbench.training.checkpoints import read_checkpoint as read_state
from reports.ablation_runs import PREFIX, ROWS
from tests.annotators.sigma.training.making_training import CONFIG, make_set
from tests.making_sets import make_set as make_evaluation_set

TOML = """
preset = "sigma-lite"
steps = 3
batch_size = 2
workers = 0
sizes = [32]
validate_every = 2
save_every = 1
precision = "no"
[network]
layers = [2, 4]
image_size = 32
width = 16
heads = 2
pyramid_width = 16
decoder_width = 8
fusion_width = 8
position_cells = 8
bcmr_steps = 1
attention_lattice = 0
key_lattice = 0
"""


class Levels(Encoder):
    """As many convolutions as the configuration has layers, the same at every call."""

    def __init__(self, count: int) -> None:
        super().__init__((8,) * count, (0.5,) * 3, (0.25,) * 3)
        torch.manual_seed(5)
        self.strides = (4, 8)[-count:]
        self.convolutions = nn.ModuleList(nn.Conv2d(3, 8, stride, stride) for stride in self.strides)
        self.freeze()

    def lattices(self, height, width):
        return [(height // stride, width // stride) for stride in self.strides]

    def features(self, normalised):
        return [convolution(normalised) for convolution in self.convolutions]


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    torch.set_num_threads(1)
    monkeypatch.setattr(launch, "backbone", lambda config: Levels(len(config.network.layers)))
    monkeypatch.setattr(launch, "round_trip", lambda name, half=False: lambda image, generator: image // 2)
    for name in evaluation_cards():
        monkeypatch.delenv(f"IMLBENCH_DATA_ROOT_{name.upper().replace('-', '_')}", raising=False)
    for name in ("IMLBENCH_DATA_ROOT", "IMLBENCH_GROUNDER", "IMLBENCH_PARSER"):
        monkeypatch.delenv(name, raising=False)


def fill(folder: Path) -> Path:
    (folder / "run.toml").write_text(TOML)
    make_set(folder / "set", 6)
    make_evaluation_set(folder / "pairs", 3)
    return folder


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """A folder of its own with a configuration, a training set and an evaluation set."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "no-config"))
    monkeypatch.chdir(tmp_path)
    return fill(tmp_path)


def ablation(*arguments, variants=("baseline", "full"), out="out"):
    asked = [word for name in variants for word in ("--variant", name)]
    common = ("--config", "run.toml", "--data", "set", "--dataset", "folder", "--data-root", "pairs", "--out", out)
    return CliRunner().invoke(app, ["ablation", "--cpu", "--workers", "1", *common, *asked, *map(str, arguments)])


def complaint(done) -> str:
    assert isinstance(done.exception, UserError), done.output
    assert "\n" not in str(done.exception)
    return str(done.exception)


def runs(folder="out"):
    with ResultReader(Path(folder)) as reader:
        return {stored.run.adapter.removeprefix(PREFIX): stored for stored in reader.runs()}


def forbid(monkeypatch):
    """Whoever trains or builds a model now fails."""

    def refuse(*arguments):
        raise AssertionError("something was trained or built")

    monkeypatch.setattr(launch, "prepare", refuse)
    monkeypatch.setattr(launch, "backbone", refuse)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.safetensors")}


def test_trains_evaluates_and_prints_and_the_second_time_does_nothing(alone, monkeypatch):
    done = ablation()
    assert done.exit_code == 0, done.output
    assert "+msdb+2DRBs+IGB+Stage II training" in done.stdout
    assert "Optimiser steps, Stage I + Stage II: baseline 3; +msdb+2DRBs+IGB+Stage II training 3 + 3." in done.stdout
    assert "Our training data: set (4 pairs), seed 0 (all rows)" in done.stdout
    assert sorted(path.parent.relative_to(alone / "out").as_posix() for path in alone.rglob("final.safetensors")) == [
        "baseline/stage-1", "full/stage-2", "msdb-2drb-igb/stage-1",
    ]  # fmt: skip
    first, found = files(alone), runs()
    assert set(found) == {"baseline", "full"}
    assert all(stored.total("ok") == 3 for stored in found.values())
    weights = read_checkpoint(alone / "out" / "full" / "stage-2" / "final.safetensors")
    assert (weights.facts["stage"], weights.facts["before"]["stage"]) == (2, 1)
    card = json.loads(found["full"].run.card)
    assert weights.sha256 in [weight["sha256"] for weight in card["weights"]]
    assert weights.sha256 in json.loads(found["full"].run.identity)["weights"]
    assert card["ablation"]["checkpoint"] == weights.sha256
    assert [config["steps"] for config in card["ablation"]["training"]] == [3, 3]
    assert card["uses_instruction"]
    assert not json.loads(found["baseline"].run.card)["uses_instruction"]

    forbid(monkeypatch)
    again = ablation()
    assert again.exit_code == 0, again.output
    assert (again.stdout, files(alone), runs()["full"].run_id) == (done.stdout, first, found["full"].run_id)

    # Stage I of the grounded variant is there already: only its evaluation is left, which is what the ban stops.
    third = ablation(variants=["msdb-2drb-igb"])
    assert isinstance(third.exception, UserError)
    assert "sigma-ablation-msdb-2drb-igb cannot be built" in str(third.exception)
    assert "begins" not in third.stderr


class KilledError(Exception):
    """What ends a run in the middle."""


def kill_after(monkeypatch, steps):
    """Die when so many steps have been taken in all."""
    take, left = loop.Trainer._take_step, [steps]

    def dying(self, micro):
        if left[0] == 0:
            raise KilledError
        left[0] -= 1
        return take(self, micro)

    monkeypatch.setattr(loop.Trainer, "_take_step", dying)
    return lambda: monkeypatch.setattr(loop.Trainer, "_take_step", take)


def test_killed_in_either_stage_it_goes_on_to_the_same_weights(alone, monkeypatch):
    assert ablation(variants=["full"], out="whole").exit_code == 0
    for steps in (2, 3):
        revive = kill_after(monkeypatch, steps)
        assert isinstance(ablation(variants=["full"]).exception, KilledError)
        revive()
    assert read_state(alone / "out" / "full" / "stage-2")["step"] == 2
    done = ablation(variants=["full"])
    assert done.exit_code == 0, done.output
    assert "full, stage 2: goes on" in done.stderr
    assert "msdb-2drb-igb, stage 1" not in done.stderr
    for name in ("msdb-2drb-igb/stage-1", "full/stage-2"):
        one, other = (read_checkpoint(alone / out / name / "final.safetensors") for out in ("whole", "out"))
        assert all(torch.equal(one.tensors[key], other.tensors[key]) for key in one.tensors)


def test_killed_before_the_first_checkpoint_it_begins_anew(alone, monkeypatch):
    def die(*arguments):
        raise KilledError

    monkeypatch.setattr(loop, "write_checkpoint", die)
    (alone / "run.toml").write_text(TOML.replace("validate_every = 2", "validate_every = 1"))
    assert isinstance(ablation(variants=["baseline"]).exception, KilledError)
    stage = alone / "out" / "baseline" / "stage-1"
    assert (stage / "best.safetensors").is_file()
    assert not (stage / "last.pt").exists()
    monkeypatch.undo()
    monkeypatch.chdir(alone)
    monkeypatch.setattr(launch, "backbone", lambda config: Levels(len(config.network.layers)))
    done = ablation(variants=["baseline"])
    assert done.exit_code == 0, done.output
    assert "baseline, stage 1: begins" in done.stderr


def test_killed_between_training_and_final_weights_it_only_finishes(alone, monkeypatch):
    # Without validation pairs the weights are written last of all, and may be missing too.
    (alone / "set2").mkdir()
    make_set(alone / "set2", 4)
    shutil.rmtree(alone / "set")
    (alone / "set2").rename(alone / "set")
    monkeypatch.setattr(loop.Trainer, "_export", lambda *arguments: (_ for _ in ()).throw(KilledError))
    assert isinstance(ablation(variants=["baseline"]).exception, KilledError)
    monkeypatch.undo()
    monkeypatch.chdir(alone)
    monkeypatch.setattr(launch, "backbone", lambda config: Levels(len(config.network.layers)))
    done = ablation(variants=["baseline"])
    assert done.exit_code == 0, done.output
    assert "step 3/3" not in done.stderr
    assert read_checkpoint(alone / "out" / "baseline" / "stage-1" / "final.safetensors").facts["step"] == 3


def test_minutes_end_a_stage_for_good(alone, monkeypatch):
    done = ablation("--minutes", 0, variants=["baseline"])
    assert done.exit_code == 0, done.output
    assert "Optimiser steps, Stage I + Stage II: baseline 1." in done.stdout
    forbid(monkeypatch)
    assert ablation(variants=["baseline"]).exit_code == 0


def test_finished_weights_by_another_hand_are_one_line(alone):
    assert ablation(variants=["baseline"]).exit_code == 0
    final = alone / "out" / "baseline" / "stage-1" / "final.safetensors"
    whole = final.read_bytes()
    final.write_bytes(whole[: len(whole) // 2])
    assert "not a safetensors file that loads" in complaint(ablation(variants=["baseline"]))
    assert "delete the file to train the stage anew" in complaint(ablation(variants=["baseline"]))
    final.write_bytes(b"")
    complaint(ablation(variants=["baseline"]))
    read = read_checkpoint_network(whole, alone)
    export(final, read, {"training": [], "stage": 1})
    assert "was trained with" in complaint(ablation(variants=["baseline"]))
    export(final, read, {**facts_of(whole, alone), "stage": 2})
    assert "in another stage" in complaint(ablation(variants=["baseline"]))
    final.write_bytes(whole)
    assert "trained with seed 0, now it is 7" in complaint(ablation("--seed", 7, variants=["baseline"]))
    make_set(alone / "set", 8, seed=3)
    assert "was trained on other data" in complaint(ablation(variants=["baseline"]))


def read_checkpoint_network(data: bytes, folder: Path):
    from annotators.sigma.checkpoint import build_network

    (folder / "copy.safetensors").write_bytes(data)
    read = read_checkpoint(folder / "copy.safetensors")
    return build_network(read, Levels(len(read.config.layers)))


def facts_of(data: bytes, folder: Path):
    (folder / "copy.safetensors").write_bytes(data)
    return dict(read_checkpoint(folder / "copy.safetensors").facts)


def test_a_broken_state_of_an_unfinished_stage_is_one_line(alone):
    last = alone / "out" / "baseline" / "stage-1" / "last.pt"
    last.parent.mkdir(parents=True)
    for content in (b"", b"PK\x03\x04half"):
        last.write_bytes(content)
        assert "not a checkpoint that torch reads" in complaint(ablation(variants=["baseline"]))
    for state in ({"format": 1}, {"format": 1, "stage": 1, "processes": 1, "data_sha256": 3, "config": None}):
        torch.save(state, last)
        assert str(last.parent.relative_to(alone)) in complaint(ablation(variants=["baseline"]))
    assert not (last.parent / "config.toml").exists()


def test_stage_two_must_go_on_from_the_weights_that_lie_there(alone, monkeypatch):
    assert ablation("--minutes", 0, variants=["full"]).exit_code == 0
    shutil.rmtree(alone / "out" / "msdb-2drb-igb")
    monkeypatch.setattr("sys.argv", ["imlbench", "ablation", "at another time"])
    assert ablation("--minutes", 0, variants=["msdb-2drb-igb"]).exit_code == 0
    assert "went on from other weights than" in complaint(ablation(variants=["full"]))
    (alone / "out" / "full" / "stage-2" / "final.safetensors").unlink()
    assert "went on from other weights than" in complaint(ablation(variants=["full"]))


def test_evaluation_data_is_refused_and_marked_when_allowed(alone):
    (alone / "kept").mkdir()
    shutil.copy(alone / "set" / "edited" / "000001.png", alone / "kept" / "a.png")
    guarded = ("--keep-out", "kept")
    assert "refused to train on evaluation data" in complaint(ablation(*guarded, variants=["baseline"]))
    shutil.copy(alone / "pairs" / "original" / "02.png", alone / "set" / "original" / "000005.png")
    assert "holds pairs's original/02.png" in complaint(ablation(variants=["baseline"]))
    assert not (alone / "out" / "baseline").exists()
    make_set(alone / "set", 6)
    done = ablation(*guarded, "--allow-evaluation-data", variants=["baseline"])
    assert done.exit_code == 0, done.output
    assert "Warning: trained on evaluation data, as was asked for: baseline;" in done.stdout


def test_a_sample_that_fails_is_recorded_and_ends_with_one(alone):
    (alone / "pairs" / "edited" / "01.png").write_bytes(b"no image")
    done = ablation("--minutes", 0, variants=["baseline"])
    assert done.exit_code == 1
    assert "sigma-ablation-baseline on folder:pairs: 1 failed (unreadable 1)" in done.stderr
    assert "failed: unreadable 1." in done.stdout
    assert ablation("--fail-on-error", 1, variants=["baseline"]).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--variant", "msdb-2drbs"), "--variant: there is no 'msdb-2drbs'; did you mean msdb-2drb?"),
        (("--variant", "\n"), "the variants are baseline, msdb, "),
        (("--stage2-config", "sigma"), "--stage2-config: expected the network of --config"),
        (("--data-root", "elsewhere"), "--data-root: two folders, pairs and elsewhere"),
        (("--data", "nowhere"), "no such folder: nowhere"),
        (("--limit", "0"), "limit must be at least 1"),
    ],
)
def test_slips_are_found_before_anything_is_trained(alone, arguments, expected):
    assert expected in complaint(ablation(*arguments))
    assert not (alone / "out").exists()


def test_what_is_missing_for_a_later_variant_is_told_first(alone, monkeypatch):
    monkeypatch.setenv("IMLBENCH_GROUNDER", "nosuch")
    assert "unknown grounder 'nosuch'" in complaint(ablation())
    assert not (alone / "out").exists()
    assert ablation("--minutes", 0, variants=["baseline"]).exit_code == 0


def test_the_grounder_reaches_the_branch_and_is_part_of_the_run(alone, monkeypatch):
    (alone / "pairs" / "instructions.json").write_text(json.dumps({"00": "add a dog", "02": "remove the cat"}))
    both = ["baseline", "msdb-2drb-igb"]
    assert "had the grounder none" in ablation("--minutes", 0, variants=both).stdout
    before = runs()
    asked = []

    class Priors:
        def of(self, original, edited, instruction):
            asked.append(instruction)
            return np.full((8, 8), 0.5, np.float32)

    monkeypatch.setenv("IMLBENCH_GROUNDER", "langsam")
    monkeypatch.setattr(annotator, "priors_of", lambda *arguments: Priors())
    done = ablation("--minutes", 0, variants=both)
    assert done.exit_code == 0, done.output
    assert sorted(asked) == ["add a dog", "remove the cat"]
    assert "had the grounder none" not in done.stdout
    assert "+msdb+2DRBs+IGB on pairs: 2 runs of different versions or settings; the newest" in done.stdout
    after = runs()
    assert after["baseline"].run_id == before["baseline"].run_id
    assert after["msdb-2drb-igb"].run_id != before["msdb-2drb-igb"].run_id


def test_all_variants_share_one_base_and_their_names_are_the_reports():
    known = variants(CONFIG.network)
    assert {name: variant.row for name, variant in known.items()} == dict(ROWS)
    found = trials((), CONFIG, CONFIG, Path("out"))
    assert [trial.variant.name for trial in found] == list(ROWS)
    owners = [[(stage.owner, stage.number) for stage in trial.stages] for trial in found]
    assert owners[-1] == [("msdb-2drb-igb", 1), ("full", 2)]
    assert owners[-2] == [("msdb-2drb-igb", 1)]
    assert all(trial.stages[-1].config.network == trial.variant.config for trial in found)


@pytest.mark.parametrize("words", ["plain", 'a "b" \\ \n\t\x7f\x01 é 😀', ""])
def test_a_configuration_survives_its_file(tmp_path, words):
    config = replace(CONFIG, encoder_weights=words, learning_rate=1e-5, epochs=3, validation_share=0.0)
    (tmp_path / "c.toml").write_text(toml_text(config), encoding="utf-8")
    assert read_training_config(str(tmp_path / "c.toml"), 1) == config
    assert read_training_config(str(tmp_path / "c.toml"), 2) == config


def test_the_settings_of_a_stage_are_kept_beside_it(alone):
    assert ablation("--minutes", 0, "--seed", 4, variants=["baseline"]).exit_code == 0
    read = read_training_config(str(alone / "out" / "baseline" / "stage-1" / "config.toml"), 1)
    assert (read.seed, read.network.drbs, read.network.layers) == (4, 0, (4,))


def test_one_process_only(alone, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert "runs in one process" in complaint(ablation())
