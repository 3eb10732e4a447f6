from pathlib import Path

import numpy as np
from PIL import Image
from typer.testing import CliRunner

from imlbench.cli.main import app
from imlbench.corpora.anyedit import AnyEdit
from imlbench.errors import UserError


def run(*arguments):
    return CliRunner().invoke(app, list(map(str, arguments)))


def photograph(path: Path) -> None:
    """Coarse noise, which is textured enough to be edited."""
    path.parent.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    Image.fromarray(noise).resize((300, 200), Image.Resampling.BICUBIC).save(path)


def test_synthesised_set_becomes_a_corpus_of_its_images(tmp_path):
    photograph(tmp_path / "photos" / "a.png")
    made = run("synth", "--photos", tmp_path / "photos", "--out", tmp_path / "set", "--count", 5, "--side", "96")
    assert made.exit_code == 0, made.output
    written = run("corpus", "from-synth", tmp_path / "set", "-o", tmp_path / "corpus", "--rows", 3)
    assert written.exit_code == 0, written.output
    corpus = AnyEdit(tmp_path / "corpus")
    assert [part.rows for part in corpus.parts()] == [3, 2]
    pairs = [pair for part in corpus.parts() for pair in corpus.pairs(part)]
    originals = {path.read_bytes() for path in (tmp_path / "set" / "original").rglob("*.*")}
    assert {pair.original.read() for pair in pairs} <= originals


def test_folder_without_a_set_is_refused(tmp_path):
    result = run("corpus", "from-synth", tmp_path, "-o", tmp_path / "corpus")
    assert isinstance(result.exception, UserError)
    assert not (tmp_path / "corpus").exists()
