"""`imlbench train ddpm-cd`: a head of one's own from the command line, into the annotator."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from annotators.ddpm_cd.annotator import DdpmCdAnnotator
from annotators.ddpm_cd.checkpoint import load_extractor, load_head
from annotators.ddpm_cd.own_files import describe
from annotators.ddpm_cd.training.launch import Request, prepare
from imlbench.cli.main import app
from imlbench.config import ENVIRONMENT_PREFIX, environment_name
from imlbench.errors import UserError
from imlbench.evaluation_sets import evaluation_cards
from imlbench.weights.checking import digest
from tests.annotators.ddpm_cd.making_ddpm_cd import FINEST, make_pair, own_files
from tests.training.making_pairs import make_set

CONFIG = """
preset = "small"
steps = 4
batch_size = 2
workers = 0
learning_rate = 3e-3
validate_every = 2
save_every = 2
sizes = [32]
[extractor]
base_width = 8
norm_groups = 4
image_size = 32
attention_sides = [2]
[head]
hidden = 8
"""
RANDOM = ("--random-unet",)


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """A training set, a configuration, and nothing of this machine."""
    torch.set_num_threads(1)
    ours = ("IMLBENCH_DDPM_CD", "IMLBENCH_DDPM_CD_UNET", "IMLBENCH_DDPM_CD_INPUT")
    for name in (ENVIRONMENT_PREFIX, *ours, *map(environment_name, evaluation_cards())):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "no-config"))
    monkeypatch.setenv("IMLBENCH_WEIGHTS", str(tmp_path / "no-weights"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.toml").write_text(CONFIG)
    make_set(tmp_path / "set", 6, side=40)
    return tmp_path


def command(*arguments, out="run"):
    common = ("--cpu", "--config", "run.toml", "--data", "set", "--out", out)
    return CliRunner().invoke(app, ["train", "ddpm-cd", *common, *map(str, arguments)])


def complaint(done) -> str:
    assert isinstance(done.exception, UserError), done.output
    assert "\n" not in str(done.exception)
    return str(done.exception)


def losses(folder: str) -> list[float]:
    with Path(folder, "training.csv").open(newline="") as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


def test_a_head_over_a_random_diffusion_model_reaches_the_annotator(alone, monkeypatch):
    done = command(*RANDOM)
    assert done.exit_code == 0, done.output
    assert "run: 4 of 4 steps, validation F1 " in done.stdout
    assert "the diffusion model is random" in done.stderr
    monkeypatch.setenv("IMLBENCH_DDPM_CD_UNET", "run/unet.safetensors")
    monkeypatch.setenv("IMLBENCH_DDPM_CD", "run/best.safetensors")
    (found,) = DdpmCdAnnotator().annotate([make_pair("a")])
    assert found.shape == (40, 56)
    facts = describe(alone / "run" / "last.safetensors", "head").facts
    assert facts["unet"] == digest(alone / "run" / "unet.safetensors")
    assert (facts["data"], facts["pairs"], facts["evaluation_data"], facts["before"]) == (["set"], 4, [], None)
    assert facts["training"]["learning_rate"] == 3e-3


def test_a_named_diffusion_model_stays_as_it_is_and_the_head_names_it(alone):
    unet, _ = own_files(alone, FINEST)
    before = unet.read_bytes()
    assert command("--unet", unet).exit_code == 0
    assert unet.read_bytes() == before
    assert not (alone / "run" / "unet.safetensors").exists()
    told = describe(alone / "run" / "best.safetensors", "head")
    assert told.extractor == digest(unet)


def test_the_diffusion_model_is_looked_for_where_the_annotator_looks(alone, monkeypatch):
    assert "ddpm-cd-unet" in complaint(command())
    monkeypatch.setenv("IMLBENCH_DDPM_CD_UNET", str(own_files(alone, FINEST)[0]))
    assert command().exit_code == 0


def test_training_lowers_the_loss_and_changes_the_head_alone(alone):
    (alone / "run.toml").write_text(CONFIG.replace("batch_size = 2", "batch_size = 4"))
    request = Request(
        config="run.toml", data=("set",), out=alone / "run", random_unet=True, steps=16, cpu=True, say=lambda line: None
    )
    trainer = prepare(request)
    extractor, head = (
        {name: value.clone() for name, value in part.state_dict().items()}
        for part in (trainer.network.extractor, trainer.network.head)
    )
    trainer.train()
    found = losses("run")
    assert np.mean(found[-4:]) < 0.8 * np.mean(found[:4])
    assert all(torch.equal(value, trainer.network.extractor.state_dict()[name]) for name, value in extractor.items())
    assert not trainer.network.extractor.training
    assert not any(torch.equal(value, trainer.network.head.state_dict()[name]) for name, value in head.items())
    saved = torch.load(alone / "run" / "last.pt", weights_only=True)
    assert not any("extractor" in name for name in (*saved["network"], *saved["ema"]))


def test_the_last_weights_are_those_of_the_network_when_nothing_is_averaged(alone):
    trainer = prepare(
        Request(config="run.toml", data=("set",), out=alone / "run", random_unet=True, cpu=True, say=lambda line: None)
    )
    trainer.train()
    extractor = load_extractor(alone / "run" / "unet.safetensors")
    loaded = load_head(alone / "run" / "last.safetensors", extractor.config)
    assert all(
        torch.equal(value, trainer.network.head.state_dict()[name]) for name, value in loaded.state_dict().items()
    )


def test_a_stopped_run_goes_on_to_the_same_losses(alone):
    assert command(*RANDOM, out="whole").exit_code == 0
    assert "part: 1 of 4 steps" in command(*RANDOM, "--minutes", 0, out="part").stdout
    (alone / "part" / "unet.safetensors").unlink()
    assert "part: 4 of 4 steps" in command(*RANDOM, "--resume", out="part").stdout
    assert losses("part") == losses("whole")


def test_going_on_with_another_diffusion_model_is_refused(alone):
    assert command(*RANDOM, "--minutes", 0).exit_code == 0
    unet, _ = own_files(alone, FINEST)
    assert "the run's unet was" in complaint(command("--unet", unet, "--resume"))
    (alone / "run.toml").write_text(CONFIG.replace("base_width = 8", "base_width = 16"))
    assert "a diffusion model of other sizes" in complaint(command(*RANDOM, "--resume"))


def test_a_finished_run_is_not_overwritten(alone):
    assert command(*RANDOM, "--steps", 1).exit_code == 0
    assert "holds a run already" in complaint(command(*RANDOM, "--steps", 1))


def test_a_head_is_trained_further(alone):
    assert command(*RANDOM).exit_code == 0
    more = ("--unet", "run/unet.safetensors", "--init", "run/last.safetensors")
    assert command(*more, out="more").exit_code == 0
    facts = describe(alone / "more" / "last.safetensors", "head").facts
    assert facts["before"] == digest(alone / "run" / "last.safetensors")
    assert losses("more")[0] < losses("run")[0]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (("sizes = [32]", "sizes = [48]"), "sizes: the diffusion model sees images of 32 x 32, found (48,)"),
        (("hidden", "hiden"), "run.toml: HeadConfig has no field 'hiden'; did you mean 'hidden'?"),
        (("[head]\nhidden", "hiden"), "has no field 'hiden'"),
        (("steps = 4", "stesp = 4"), "run.toml: unknown key 'stesp'; did you mean 'steps'?"),
        (('"small"', '"tiny"'), "there is no training preset 'tiny'; the presets are published, small"),
        (("hidden = 8", "steps = [5000]"), "steps: expected at most 2000, found 5000"),
    ],
)
def test_a_slip_in_the_configuration_is_one_line(alone, changes, expected):
    (alone / "run.toml").write_text(CONFIG.replace(*changes))
    assert expected in complaint(command(*RANDOM))
    assert not (alone / "run" / "last.pt").exists()


def test_a_head_of_other_sizes_is_no_start(alone):
    _, head = own_files(alone, FINEST)
    (alone / "run.toml").write_text(CONFIG.replace("hidden = 8", "hidden = 16"))
    assert "the configuration asks for" in complaint(command("--unet", alone / "extractor.safetensors", "--init", head))


def test_two_diffusion_models_are_one_too_many(alone):
    assert "give one of them" in complaint(command(*RANDOM, "--unet", "x.safetensors"))


def test_the_guard_refuses_evaluation_data(alone):
    (alone / "kept").mkdir()
    (alone / "kept" / "a.png").write_bytes((alone / "set" / "edited" / "000002.png").read_bytes())
    assert "refused to train on evaluation data" in complaint(command(*RANDOM, "--keep-out", "kept"))
