"""`imlbench datasets list | verify | inspect` on a small CoCoGlide made here."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from imlbench.cli import datasets as command
from imlbench.cli.datasets import datasets_app
from imlbench.errors import UserError
from imlbench.registry import names

SHAPE = (24, 32)


def run(*arguments: object):
    return CliRunner().invoke(datasets_app, [str(argument) for argument in arguments])


def write(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three sound samples, in the published layout."""
    return make(tmp_path / "set", 3)


def make(root: Path, count: int) -> Path:
    rows = ["real,fake,mask,prompt"]
    rng = np.random.default_rng(0)
    for number in range(count):
        photo = rng.integers(0, 200, (*SHAPE, 3), dtype=np.uint8)
        mask = np.zeros(SHAPE, np.uint8)
        mask[4:12, 8:24] = 255
        edited = photo.copy()
        edited[mask > 0] = 255
        for folder, pixels in (("real", photo), ("fake", edited), ("mask", mask)):
            write(root / folder / f"{number:02}.png", pixels)
        rows.append(f"real/{number:02}.png,fake/{number:02}.png,mask/{number:02}.png,cat")
    (root / "table.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return root


@pytest.mark.parametrize("option", ["--root", "--data-root"])
def test_verify_of_a_sound_subset_exits_with_zero(root, option):
    result = run("verify", "cocoglide", option, root)
    assert result.exit_code == 0
    assert "subset: 3 of 512 published samples" in result.stdout
    assert "no defects, no warnings" in result.stdout
    assert "3 of 3 differ by at most 1 grey level outside the mask" in result.stdout


def test_the_root_may_come_from_the_environment(root, monkeypatch):
    monkeypatch.setenv("IMLBENCH_DATA_ROOT_COCOGLIDE", str(root))
    assert run("verify", "cocoglide").exit_code == 0


def test_strict_fails_on_a_subset(root):
    assert run("verify", "cocoglide", "--root", root, "--strict").exit_code == 1


def test_defects_are_named_by_reason_and_exit_with_one(root):
    (root / "mask/00.png").unlink()
    (root / "fake/01.png").write_text("not an image")
    write(root / "mask/02.png", np.zeros(SHAPE, np.uint8))
    write(root / "mask/stray.png", np.zeros(SHAPE, np.uint8))
    result = run("verify", "cocoglide", "--root", root)
    assert result.exit_code == 1
    lines = [line.strip() for line in result.stdout.splitlines()]
    start = lines.index("defects: 3")
    assert lines[start + 1 :] == [
        "missing-file (1)",
        "00: mask/00.png: no such file",
        "unreadable (1)",
        "01: fake/01.png: not an image (JPEG, PNG, WebP, TIFF, BMP, GIF or PPM expected)",
        "missing-partner (1)",
        "mask/stray.png: not in table.csv",
        "warnings: 1",
        "empty-mask (1)",
        "02: the mask marks no pixel",
    ]


def test_warnings_alone_exit_with_zero(root):
    write(root / "mask/02.png", np.zeros(SHAPE, np.uint8))
    result = run("verify", "cocoglide", "--root", root)
    assert result.exit_code == 0
    assert "no defects" in result.stdout
    assert "warnings: 1" in result.stdout


def test_at_most_twenty_of_a_reason_are_named_unless_all_are_asked_for(tmp_path):
    root = make(tmp_path / "set", 23)
    for path in (root / "mask").iterdir():
        path.unlink()
    short = run("verify", "cocoglide", "--root", root).stdout
    assert short.count("no such file") == 20
    assert "    ... and 3 more; --all names them" in short
    long = run("verify", "cocoglide", "--root", root, "--all").stdout
    assert long.count("no such file") == 23
    assert "more;" not in long


def test_json_holds_everything_and_nothing_else_is_on_standard_output(root):
    (root / "mask/00.png").unlink()
    result = run("verify", "cocoglide", "--root", root, "--json", "--workers", 1)
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert (found["dataset"], found["completeness"], found["checked"], found["failed"]) == ("cocoglide", "subset", 3, 1)
    assert found["defects"] == [
        {"reason": "missing-file", "name": "00", "message": "mask/00.png: no such file"},
    ]


def test_a_limit_checks_fewer(root):
    found = json.loads(run("verify", "cocoglide", "--root", root, "--json", "--limit", 2).stdout)
    assert (found["samples"], found["checked"]) == (3, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("verify", "cocoglid", "--root", "."), "did you mean cocoglide"),
        (("verify", "cocoglide:x", "--root", "."), "no variant 'x'"),
        (("verify", "cocoglide", "--root", "none"), "no such folder"),
        (("verify", "cocoglide", "--root", "SET", "--limit", "0"), "limit must be at least 1"),
        (("verify", "cocoglide", "--root", "SET", "--workers", "0"), "workers must be at least 1"),
        (("inspect", "cocoglide", "--root", "SET", "-o", "sheet.pdf"), ".png or .jpg"),
        (("inspect", "cocoglide", "--root", "SET", "--sample-id", "zz"), "no sample 'zz'"),
        (("inspect", "cocoglide", "--root", "SET", "--amplify", "0"), "amplify must be at least 1"),
    ],
)
def test_wrong_usage_is_an_error_that_the_user_can_mend(root, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    result = run(*(root if argument == "SET" else argument for argument in arguments))
    assert isinstance(result.exception, UserError)
    assert message in str(result.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_ctrl_c_exits_with_130(root, monkeypatch):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("imlbench.verify.check", interrupt)
    result = run("verify", "cocoglide", "--root", root)
    assert result.exit_code == 130
    assert "interrupted" in result.stderr


def test_the_output_on_a_terminal_says_the_same(root, monkeypatch, capsys):
    from imlbench.datasets.opening import open_dataset
    from imlbench.verify import verify

    (root / "mask/00.png").write_bytes(b"")
    found = verify(open_dataset("cocoglide", root), workers=1)
    command.show_verification(found, 20)
    plain = capsys.readouterr().out
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    command.show_verification(found, 20)
    assert re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out) == plain


def test_inspect_writes_a_sheet_where_it_is_told_to(root, tmp_path):
    out = tmp_path / "new folder" / "sheet.jpg"
    result = run("inspect", "cocoglide", "--root", root, "-o", out, "--limit", 2)
    assert result.exit_code == 0
    with Image.open(out) as sheet:
        assert sheet.format == "JPEG"
        assert f"{sheet.width} x {sheet.height} pixels" in result.stdout


def test_inspect_names_the_sheet_after_the_set(root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("inspect", "cocoglide", "--root", root).exit_code == 0
    first = (tmp_path / "cocoglide-sheet.png").read_bytes()
    assert run("inspect", "cocoglide", "--root", root, "--seed", 0).exit_code == 0
    assert (tmp_path / "cocoglide-sheet.png").read_bytes() == first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cocoglide-sheet.png", "set"]


def test_inspect_draws_the_samples_asked_for_and_broken_ones_too(root, tmp_path):
    (root / "real/01.png").unlink()
    out = tmp_path / "sheet.png"
    heights = []
    for ids in (["01"], ["01", "02"]):
        options = [text for name in ids for text in ("--sample-id", name)]
        assert run("inspect", "cocoglide", "--root", root, "-o", out, *options).exit_code == 0
        with Image.open(out) as sheet:
            heights.append(sheet.height)
    assert heights[1] > heights[0]


def test_list_shows_every_registered_dataset():
    result = run("list")
    assert result.exit_code == 0
    table = [line.split("\t") for line in result.stdout.splitlines()]
    assert table[0] == ["name", "title", "published", "mask rule", "licence", "variants"]
    assert [row[0] for row in table[1:]] == names("datasets")
    cocoglide = next(row for row in table if row[0] == "cocoglide")
    assert cocoglide[1:4] == ["CoCoGlide", "512", "white = edited (grey > 127)"]


def test_list_as_json_holds_the_cards():
    rows = {row["name"]: row for row in json.loads(run("list", "--json").stdout)}
    assert rows["cocoglide"]["published"] == {"": 512}
    assert rows["magicbrush"]["variants"] == ["dev", "train", "test"]


def test_list_names_a_dataset_that_cannot_be_loaded():
    from imlbench.registry import Entry

    facts = command.describe(Entry("datasets", "gone", "no_such_module:Thing", "someone"))
    assert facts["title"].startswith("broken: gone (registered by someone")
    assert facts["variants"] == []


def test_list_on_a_terminal_is_a_table_without_markup(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    command.print_words(("name", "title"), [["a", "[red]b[/red]"]])
    assert "[red]b[/red]" in capsys.readouterr().out
