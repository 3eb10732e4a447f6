"""`imlbench train sigma` and its guard: both stages from the command line, and evaluation data refused."""

from __future__ import annotations

import hashlib
import json

import pytest
from making_training import TinyEncoder, make_set
from typer.testing import CliRunner

from annotators.sigma.training import launch
from annotators.sigma.training.export import read_trained
from imlbench.cli.main import app
from imlbench.errors import UserError
from imlbench.evaluation_sets import evaluation_cards
from imlbench.training.guard import find_images, guard
from imlbench.training.pairs import Place, parse_place, read_training_set

CONFIG = """
preset = "sigma-lite"
steps = 3
batch_size = 2
workers = 0
sizes = [32]
validate_every = 2
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
drbs = 1
bcmr_steps = 1
"""


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """No configured datasets, and a tiny backbone."""
    for name in evaluation_cards():
        monkeypatch.delenv(f"IMLBENCH_DATA_ROOT_{name.upper().replace('-', '_')}", raising=False)
    monkeypatch.delenv("IMLBENCH_DATA_ROOT", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "no-config"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(launch, "backbone", lambda config: TinyEncoder())
    monkeypatch.setattr(launch, "round_trip", lambda name, half=False: lambda image, generator: image // 2)
    (tmp_path / "run.toml").write_text(CONFIG)
    make_set(tmp_path / "set", 6)
    return tmp_path


def command(*arguments):
    return CliRunner().invoke(app, ["train", "sigma", "--cpu", "--config", "run.toml", *map(str, arguments)])


def test_both_stages_from_the_command_line(alone):
    done = command("--stage", 1, "--data", "set", "--out", "one")
    assert done.exit_code == 0, done.output
    assert "one: 3 of 3 steps, validation F1 " in done.stdout
    assert "step 3: validation F1" in done.stderr
    done = command("--stage", 2, "--data", "set", "--out", "two", "--init", "one/best.safetensors")
    assert done.exit_code == 0, done.output
    history = read_trained(alone / "two" / "best.safetensors").history
    assert (history["stage"], history["before"]["stage"]) == (2, 1)
    assert history["evaluation_data"] == []
    assert history["data"] == ["set"]
    assert history["training"]["network"]["width"] == 16
    assert len(history["commands"]) == 1


def test_nothing_to_compare_with_is_told(alone):
    line = "no evaluation set has a configured data root here"
    assert line in command("--stage", 1, "--data", "set", "--out", "one").stderr
    (alone / "kept").mkdir()
    (alone / "kept" / "a.png").write_bytes(b"x")
    assert line not in command("--stage", 1, "--data", "set", "--out", "two", "--keep-out", "kept").stderr


def test_missing_weights_of_the_backbone_are_one_line(alone, monkeypatch):
    monkeypatch.undo()
    monkeypatch.chdir(alone)
    path = alone / "run.toml"
    path.write_text('encoder_weights = "nowhere.pth"\n' + CONFIG)
    done = command("--stage", 1, "--data", "set", "--out", "one")
    assert isinstance(done.exception, UserError)
    assert "nowhere.pth" in str(done.exception)


def test_stopped_and_resumed_from_the_command_line(alone):
    arguments = ("--stage", 1, "--data", "set", "--out", "one")
    assert "one: 1 of 3 steps" in command(*arguments, "--minutes", 0).stdout
    assert "one: 3 of 3 steps" in command(*arguments, "--resume").stdout
    assert len(read_trained(alone / "one" / "last.safetensors").history["commands"]) == 2


def test_stage_two_needs_stage_one(alone):
    done = command("--stage", 2, "--data", "set", "--out", "two")
    assert isinstance(done.exception, UserError)
    assert "--init FILE" in str(done.exception)


def test_stage_two_takes_pairs_without_looking_at_their_masks(alone):
    command("--stage", 1, "--data", "set", "--out", "one")
    make_set(alone / "others", 4, seed=1)
    start = ("--init", "one/last.safetensors")
    done = command("--stage", 2, "--data", "set", "--unlabelled", "folder=others", "--out", "two", *start)
    assert done.exit_code == 0, done.output
    assert read_trained(alone / "two" / "last.safetensors").history["data"] == ["set", "folder:others"]


def test_the_trainer_is_registered():
    done = CliRunner().invoke(app, ["train", "--help"])
    assert "sigma" in done.output
    unknown = CliRunner().invoke(app, ["train", "sgma"])
    assert str(unknown.exception) == "unknown trainer 'sgma': did you mean sigma?"


def evaluation_folder(folder, image):
    """CocoGlide's layout with one of our images in it."""
    for name in ("real", "fake", "mask"):
        (folder / name).mkdir(parents=True)
    (folder / "fake" / "glide_inpainting_val2017_1_up.png").write_bytes(image)
    return folder


def test_an_image_of_an_evaluation_set_is_found_by_its_hash(alone, monkeypatch):
    image = (alone / "set" / "edited" / "000002.png").read_bytes()
    monkeypatch.setenv("IMLBENCH_DATA_ROOT_COCOGLIDE", str(evaluation_folder(alone / "coco", image)))
    done = command("--stage", 1, "--data", "set", "--out", "one")
    assert isinstance(done.exception, UserError)
    assert "pair 000002 (from photograph-2.png) holds cocoglide's fake/" in str(done.exception)
    assert "--allow-evaluation-data" in str(done.exception)
    assert not (alone / "one").exists()
    done = command("--stage", 1, "--data", "set", "--out", "one", "--allow-evaluation-data")
    assert done.exit_code == 0, done.output
    marks = read_trained(alone / "one" / "best.safetensors").history
    assert len(marks["evaluation_data"]) == 1
    assert marks["compared_with"] == ["cocoglide"]


def test_a_photograph_of_an_evaluation_set_is_found_through_the_pair_made_from_it(alone):
    read = read_training_set([Place(alone / "set", None)], 0.05)
    (alone / "kept").mkdir()
    (alone / "kept" / "renamed.jpg").write_bytes(b"photograph 3")
    assert hashlib.sha256(b"photograph 3").hexdigest() == read.train[3].source_sha256
    found = find_images(read.train, {"kept": alone / "kept"})
    assert found == ["pair 000003 (from photograph-3.png) holds kept's renamed.jpg"]
    done = command("--stage", 1, "--data", "set", "--out", "one", "--keep-out", "kept")
    assert "refused to train on evaluation data" in str(done.exception)


def test_two_folders_to_keep_out_of_one_name_do_not_hide_each_other(alone):
    for parent, content in (("a", b"photograph 3"), ("b", b"something else")):
        (alone / parent / "test").mkdir(parents=True)
        (alone / parent / "test" / "x.jpg").write_bytes(content)
    both = ("--keep-out", "a/test", "--keep-out", "b/test")
    done = command("--stage", 1, "--data", "set", "--out", "one", *both)
    assert "refused to train on evaluation data" in str(done.exception)


def test_an_evaluation_set_is_refused_by_name_and_by_layout(alone):
    magicbrush = alone / "magicbrush"
    (magicbrush / "images" / "1").mkdir(parents=True)
    for name in ("1-input.png", "1-output1.png", "1-mask1.png"):
        (magicbrush / "images" / "1" / name).write_bytes((alone / "set" / "mask" / "000000.png").read_bytes())
    (magicbrush / "edit_turns.json").write_text(
        json.dumps([{"input": "1-input.png", "mask": "1-mask1.png", "output": "1-output1.png", "instruction": "x"}])
    )
    place = parse_place(f"magicbrush={magicbrush}")
    with pytest.raises(UserError, match="was named as magicbrush:test, an evaluation set"):
        guard([place], (), (), False)
    with pytest.raises(UserError, match="has the layout of magicbrush, an evaluation set"):
        guard([Place(magicbrush, None)], (), (), False)


def test_a_synthesised_set_has_no_evaluation_sets_layout(alone):
    assert guard([Place(alone / "set", None)], (), (), False)["evaluation_data"] == []


def test_a_folder_to_keep_out_that_is_missing_is_a_slip(alone):
    done = command("--stage", 1, "--data", "set", "--out", "one", "--keep-out", "nowhere")
    assert isinstance(done.exception, UserError)
    assert "--keep-out: no image file in nowhere" in str(done.exception)
