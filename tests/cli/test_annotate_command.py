"""`imlbench annotate`: masks, scores and overlays of pairs and folders, and one line for whatever is wrong."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from PIL import Image

from imlbench import registry
from imlbench.overlays import COLOUR, overlay
from imlbench.registry import Entry
from tests.making_sets import BOX, SHAPE, Toy, annotate_eval, edit, imlbench, make_set, photo, write_image


@pytest.fixture
def pair(tmp_path):
    """Two files: an original and its edit."""
    original = photo()
    return (
        write_image(tmp_path / "in" / "original.png", original),
        write_image(tmp_path / "in" / "edited.png", edit(original)),
    )


@pytest.fixture
def folders(tmp_path):
    """Folders of originals and edited images, three pairs, one of them in a folder of its own."""
    for number, name in enumerate(("a", "b", "sub/c")):
        original = photo(number)
        write_image(tmp_path / "o" / f"{name}.png", original)
        write_image(tmp_path / "e" / f"{name}.bmp", edit(original, number))
    return tmp_path / "o", tmp_path / "e"


def annotate(*arguments, annotator="pixdiff-20"):
    return imlbench("annotate", *arguments, "--annotator", annotator)


def pixels(path):
    return np.asarray(Image.open(path))


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def toy(monkeypatch, function, **card):
    """Register an annotator of that function under the name toy; returned to look at."""
    made = Toy(function=function, **card)
    monkeypatch.setitem(registry.groups()["annotators"], "toy", [Entry("annotators", "toy", "x:y", "test")])
    monkeypatch.setattr(Entry, "load", lambda self: made)
    return made


def test_a_pair_gives_mask_scores_and_overlay(pair, tmp_path):
    mask, soft, shown = (tmp_path / "out" / name for name in ("mask.png", "soft.png", "overlay.png"))
    done = annotate(*pair, "remove the box", "-o", mask, "--soft", soft, "--overlay", shown, annotator="ssim")
    assert done.code == 0, done.err
    assert (done.out.count("\n"), str(mask) in done.out) == (1, True)
    assert set(np.unique(pixels(mask))) <= {0, 255}
    assert pixels(mask).shape == SHAPE
    assert pixels(soft).dtype == np.uint8
    assert np.array_equal(pixels(mask) == 255, pixels(soft) >= 128)
    assert pixels(shown).shape == (*SHAPE, 3)


def test_the_mask_is_what_the_evaluation_counts(tmp_path):
    root = make_set(tmp_path / "set", 1)
    assert annotate_eval(root, tmp_path / "results", "--save-maps", annotator="pixdiff-morph").code == 0
    kept = next((tmp_path / "results" / "maps").rglob("*.png"))
    paths = root / "original" / "00.png", root / "edited" / "00.png"
    mask, soft = tmp_path / "m.png", tmp_path / "s.png"
    assert annotate(*paths, "-o", mask, "--soft", soft, annotator="pixdiff-morph").code == 0
    assert np.array_equal(pixels(kept), pixels(soft))
    assert pixels(mask)[BOX].mean() > 100


def test_the_original_is_fitted_as_the_evaluation_fits_it(tmp_path):
    original = np.full((32, 48, 3), 90, np.uint8)
    edited = original[::2, ::2].copy()
    edited[BOX] = 200
    paths = write_image(tmp_path / "o.png", original), write_image(tmp_path / "e.png", edited)
    done = annotate(*paths, "-o", tmp_path / "m.png")
    assert "original resized from 48 x 32" in done.out
    assert np.array_equal(pixels(tmp_path / "m.png") == 255, edited[..., 0] == 200)


def test_folders_are_paired_by_name(folders, tmp_path):
    done = annotate(*folders, "-o", tmp_path / "out", "--soft", tmp_path / "soft", "--overlay", tmp_path / "shown")
    assert (done.code, done.out) == (0, "3 annotated, 0 kept, 0 failed\n"), done.err
    for folder in ("out", "soft", "shown"):
        assert files(tmp_path / folder) == ["a.png", "b.png", "sub/c.png"]


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "json"])
def test_instructions_come_from_a_table(folders, tmp_path, monkeypatch, suffix):
    seen = {}
    toy(monkeypatch, lambda pair: seen.update({pair.id: pair.instruction}) or np.zeros(SHAPE, bool))
    texts = {"a": "remove  the box", "sub/c.bmp": "add, a cat"}
    rows = [{"name": name, "instruction": text} for name, text in texts.items()]
    written = {
        "csv": 'name,instruction\na,remove  the box\nsub/c.bmp,"add, a cat"\n',
        "jsonl": "\n".join(map(json.dumps, rows)) + "\n",
        "json": json.dumps(texts),
    }
    (folders[1] / f"instructions.{suffix}").write_text(written[suffix], "utf-8-sig")
    assert annotate(*folders, "-o", tmp_path / "out", annotator="toy").code == 0
    assert seen == {"a": "remove the box", "b": None, "sub/c": "add, a cat"}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("t.csv", "a,b\n1,2\n", "expected the columns name and instruction"),
        ("t.jsonl", '{"name": "a"}\n', "line 1: expected an object such as"),
        ("t.jsonl", "\n[1]\n", "line 2: expected an object such as"),
        ("t.jsonl", "{\n", "line 1: expected an object such as"),
        ("t.json", '{"a": 1}', "expected an object such as"),
        ("t.json", "[" * 100_000, "instructions cannot be read"),
        ("t.csv", "\udcff", "instructions cannot be read"),
        ("t.txt", "a", "expected instructions as .jsonl, .csv or .json"),
    ],
)
def test_a_table_that_cannot_be_read(folders, tmp_path, name, text, message):
    (tmp_path / name).write_bytes(text.encode(errors="surrogateescape"))
    done = annotate(*folders, "-o", tmp_path / "out", "--instructions", tmp_path / name)
    assert message in done.complaint()
    assert not (tmp_path / "out").exists()


def test_two_tables_are_refused_and_a_missing_one_is_told(folders, tmp_path):
    for suffix in ("csv", "json"):
        (folders[1] / f"instructions.{suffix}").write_text("{}")
    assert "keep one of them" in annotate(*folders, "-o", tmp_path / "out").complaint()
    missing = annotate(*folders, "-o", tmp_path / "out", "--instructions", tmp_path / "none.csv")
    assert "no such file" in missing.complaint()


def test_what_is_wrong_with_one_pair_does_not_stop_the_others(folders, tmp_path):
    originals, editeds = folders
    write_image(editeds / "alone.png", photo())
    write_image(originals / "orphan.png", photo())
    write_image(originals / "narrow.png", photo(0, (16, 80)))
    write_image(editeds / "narrow.png", photo())
    (editeds / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    write_image(originals / "broken.png", photo())
    write_image(editeds / "twice.png", photo())
    write_image(editeds / "twice.bmp", photo())
    (editeds / "instructions.csv").write_text("name,instruction\nnobody,remove it\n")
    done = annotate(*folders, "-o", tmp_path / "out")
    assert (done.code, done.out) == (1, "3 annotated, 0 kept, 6 failed\n")
    assert files(tmp_path / "out") == ["a.png", "b.png", "sub/c.png"]
    for start, name in (
        ("missing-partner", "alone"),
        ("missing-partner", "orphan.png"),
        ("size-mismatch", "narrow"),
        ("unreadable", "broken"),
        ("double-match", "twice"),
        ("missing-partner", "nobody"),
    ):
        assert any(line.startswith(f"imlbench: {start}: ") and name in line for line in done.err.splitlines()), start
    assert done.err.count("\n") == 6


def test_existing_files_are_kept_unless_told_otherwise(folders, tmp_path):
    out, soft = tmp_path / "out", tmp_path / "soft"
    (out / "sub").mkdir(parents=True)
    (out / "a.png").write_bytes(b"mine")
    assert annotate(*folders, "-o", out).out == "2 annotated, 1 kept (--overwrite writes them anew), 0 failed\n"
    assert (out / "a.png").read_bytes() == b"mine"
    again = annotate(*folders, "-o", out, "--soft", soft)
    assert again.out == "3 annotated, 0 kept, 0 failed\n"
    assert (out / "a.png").read_bytes() == b"mine"
    assert len(files(soft)) == 3
    assert annotate(*folders, "-o", out, "--overwrite").code == 0
    assert pixels(out / "a.png").shape == SHAPE


def test_a_kept_pair_is_told_and_nothing_is_decoded(pair, tmp_path):
    (tmp_path / "m.png").write_bytes(b"mine")
    pair[0].write_bytes(b"no image")
    done = annotate(*pair, "-o", tmp_path / "m.png")
    assert (done.code, "kept what is there" in done.out) == (0, True)


def test_nothing_is_written_outside_the_output_folder(folders, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    os.symlink(tmp_path / "elsewhere", tmp_path / "out" / "sub")
    done = annotate(*folders, "-o", tmp_path / "out")
    assert (done.code, "imlbench: outside-root: sub/c" in done.err) == (1, True)
    assert not files(tmp_path / "elsewhere")
    assert files(tmp_path / "out") == ["a.png", "b.png"]


def test_a_folder_in_the_way_of_a_file(folders, tmp_path):
    (tmp_path / "out" / "a.png").mkdir(parents=True)
    done = annotate(*folders, "-o", tmp_path / "out", "--overwrite")
    assert (done.code, "a.png is a folder" in done.err) == (1, True)
    assert files(tmp_path / "out") == ["b.png", "sub/c.png"]


def test_json_says_what_came_of_each_pair(folders, tmp_path):
    (folders[0] / "a.png").write_bytes(b"")
    done = annotate(*folders, "-o", tmp_path / "out", "--json")
    told = json.loads(done.out)
    assert (done.code, told["written"], told["failed"]) == (1, 2, 1)
    first, second = told["pairs"][:2]
    assert (first["id"], first["status"], first["reason"]) == ("a", "failed", "unreadable")
    assert second["files"] == {"mask": str(tmp_path / "out" / "b.png")}
    assert 0 < second["marked_share"] < 1


def test_an_annotator_that_fails_on_one_pair_of_a_batch_does_the_others(folders, tmp_path, monkeypatch):
    def function(pair):
        if pair.id == "b":
            raise ValueError("no\nway")
        return np.ones(SHAPE, bool)

    made = toy(monkeypatch, function, batched=True)
    done = annotate(*folders, "-o", tmp_path / "out", annotator="toy")
    assert (done.code, done.err) == (1, "imlbench: adapter-error: b: ValueError: no way\n")
    assert files(tmp_path / "out") == ["a.png", "sub/c.png"]
    assert made.calls[0] == ["a", "b", "sub/c"]


@pytest.mark.parametrize(
    ("scores", "message"),
    [(np.full(SHAPE, np.nan, np.float32), "expected 0 to 1"), (np.zeros(SHAPE), "float64"), ("map", "H x W array")],
)
def test_a_map_that_is_none(pair, tmp_path, monkeypatch, scores, message):
    toy(monkeypatch, lambda pair: scores)
    done = annotate(*pair, "-o", tmp_path / "m.png", annotator="toy")
    assert (done.code, "imlbench: bad-map: " in done.err, message in done.err) == (1, True, True)
    assert not (tmp_path / "m.png").exists()


def test_an_annotator_that_needs_an_instruction(pair, tmp_path, monkeypatch):
    toy(monkeypatch, lambda pair: np.ones(SHAPE, bool), needs_instruction=True, uses_instruction=True)
    without = annotate(*pair, "-o", tmp_path / "m.png", annotator="toy")
    assert (without.code, "no-instruction" in without.err) == (1, True)
    assert annotate(*pair, "remove it", "-o", tmp_path / "m.png", annotator="toy").code == 0


@pytest.mark.parametrize("broken", [b"", b"text", b"\xff\xd8\xff\xe0"])
def test_a_single_pair_that_cannot_be_read(pair, tmp_path, broken):
    pair[1].write_bytes(broken)
    done = annotate(*pair, "-o", tmp_path / "m.png")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("imlbench: unreadable: edited.png: ")
    assert done.err.count("\n") == 1


def test_wrong_usage_is_one_line(pair, folders, tmp_path):
    original, edited = pair
    out = tmp_path / "m.png"
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    cases = [
        ((tmp_path / "none.png", edited, "-o", out), "original: no such file or folder"),
        ((original, "x" * 5000, "-o", out), "edited: no such file or folder"),
        ((original, folders[1], "-o", out), "two images or two folders"),
        ((original, edited, "-o", tmp_path / "m.jpg"), "ending in .png"),
        ((original, edited, "-o", tmp_path / "empty"), "ending in .png"),
        ((original, edited, "-o", edited, "--overwrite"), "is or lies in what is to be annotated"),
        ((original, edited, "-o", out, "--soft", out), "need places of their own"),
        ((original, edited, "-o", out, "--instructions", out), "--instructions is for folders"),
        ((*folders, "-o", tmp_path / "file"), "expected a folder"),
        ((*folders, "-o", folders[1]), "is or lies in what is to be annotated"),
        ((*folders, "-o", folders[0] / "new"), "is or lies in what is to be annotated"),
        ((*folders, "remove it", "-o", tmp_path / "out"), "name a file of instructions"),
        ((folders[0], tmp_path / "empty", "-o", tmp_path / "out"), "no images in this folder"),
        ((original, edited), "Missing option '--out'"),
        ((original, edited, "-o", out, "--batch-size", 0), "Invalid value for '--batch-size'"),
    ]
    for arguments, message in cases:
        assert message in annotate(*arguments).complaint()
    assert "did you mean pixdiff-20" in annotate(original, edited, "-o", out, annotator="pixdif-20").complaint()
    assert "name one of them" in annotate(original, edited, "-o", out, annotator="pixdiff-*").complaint()
    assert not out.exists()


def test_overlays_leave_what_is_not_marked_and_draw_a_contour():
    image = np.full((40, 60, 3), 100, np.uint8)
    marked = np.zeros((40, 60), np.uint8)
    marked[10:30, 20:50] = 1
    drawn = overlay(image, marked)
    assert (image == 100).all()
    assert tuple(drawn[10, 20]) == COLOUR
    assert tuple(drawn[9, 20]) == (255, 255, 255)
    assert tuple(drawn[20, 35]) == (162, 60, 128)
    assert (drawn[:8] == 100).all()
    assert np.array_equal(overlay(image, np.zeros_like(marked)), image)
    assert (overlay(image, np.ones_like(marked))[0] == COLOUR).all()
