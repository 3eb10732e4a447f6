"""`imlbench detect`: maps and overlays of images and folders, scores as JSON lines, nothing outside the folder."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from PIL import Image

from detectors.ela import ErrorLevelAnalysis
from imlbench import registry
from imlbench.adapters import Picture
from imlbench.overlays import overlay
from imlbench.registry import Entry
from tests.making_detectors import ToyDetector, brightness, detector_card
from tests.making_sets import edit, imlbench, photo, write_image


@pytest.fixture
def image(tmp_path):
    return write_image(tmp_path / "in" / "a.png", edit(photo()))


def detect(*arguments):
    return imlbench("detect", *arguments)


def lines(done):
    return [json.loads(line) for line in done.out.splitlines()]


def tree(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def read(path):
    return np.array(Image.open(path))


class TestOneImage:
    def test_gets_its_map_and_its_overlay(self, image, tmp_path):
        out = tmp_path / "out"
        done = detect(image, "-o", out)
        assert done.code == 0
        scores = ErrorLevelAnalysis().detect([Picture("a", edit(photo()))])[0].score_map
        np.testing.assert_array_equal(read(out / "a-map.png"), np.minimum(scores * 256, 255).astype(np.uint8))
        marked = (scores >= 0.5).astype(np.uint8)
        np.testing.assert_array_equal(read(out / "a-overlay.png"), overlay(edit(photo()), marked))
        assert tree(out) == ["a-map.png", "a-overlay.png"]
        share = f"{100 * marked.mean():.2f} % of the pixels marked"
        assert done.out.startswith(f"{image}: largest score {scores.max():.3f}, {share}: {out}/a-map.png, ")

    def test_is_told_of_as_one_line_of_json(self, image, tmp_path):
        (row,) = lines(detect(image, "-o", tmp_path / "out", "--json"))
        assert row["image"] == str(image)
        assert (row["status"], row["detector"], row["image_score_from"]) == ("written", "ela", "map")
        assert (row["width"], row["height"]) == (24, 16)
        assert 0 <= row["marked_share"] <= 1
        assert 0 < row["image_score"] < 1
        assert row["files"] == {kind: str(tmp_path / "out" / f"a-{kind}.png") for kind in ("map", "overlay")}

    def test_is_kept_where_both_files_are_there_unless_asked_for_anew(self, image, tmp_path):
        detect(image, "-o", tmp_path / "out")
        os.remove(tmp_path / "out" / "a-overlay.png")
        assert lines(detect(image, "-o", tmp_path / "out", "--json"))[0]["status"] == "written"
        assert "kept what is there" in detect(image, "-o", tmp_path / "out").out
        assert lines(detect(image, "-o", tmp_path / "out", "--json", "--overwrite"))[0]["status"] == "written"

    @pytest.mark.parametrize(
        ("pixels", "note"),
        [
            (photo()[..., 0], None),
            (np.dstack([photo(), photo()[..., 0]]), "alpha channel dropped"),
            (photo(shape=(1, 1)), None),
            (photo(shape=(2, 3000)), None),
            (photo()[..., 0].astype(np.uint16) * 256, "16-bit grey cut to 8 bits"),
        ],
        ids=["grey", "alpha", "tiny", "long", "16-bit"],
    )
    def test_may_be_grey_transparent_tiny_long_or_deep(self, tmp_path, pixels, note):
        image = write_image(tmp_path / "in" / "x.png", pixels)
        (row,) = lines(detect(image, "-o", tmp_path / "out", "--json"))
        assert row["status"] == "written"
        assert row["notes"] == ([note] if note else [])
        assert read(tmp_path / "out" / "x-map.png").shape == pixels.shape[:2]

    def test_above_the_limit_of_pixels_is_refused_before_it_is_decoded(self, tmp_path):
        huge = tmp_path / "huge.png"
        Image.new("1", (8200, 8200)).save(huge)
        (row,) = lines(detect(huge, "-o", tmp_path / "out", "--json"))
        assert (row["status"], row["reason"]) == ("failed", "too-large")
        assert not (tmp_path / "out").exists()


class TestSeveral:
    @pytest.fixture
    def folder(self, tmp_path):
        for number, name in enumerate(("a.png", "sub/a.png", "b.jpg", "b.png")):
            write_image(tmp_path / "in" / name, photo(number))
        (tmp_path / "in" / "broken.png").write_bytes(b"nothing")
        (tmp_path / "in" / "notes.txt").write_text("no image")
        return tmp_path / "in"

    def test_keep_their_folders_and_broken_ones_stop_nothing(self, folder, tmp_path):
        done = detect(folder, "-o", tmp_path / "out")
        assert done.code == 1
        names = ["a", "b.jpg", "b.png", "sub/a"]
        assert tree(tmp_path / "out") == [f"{name}-{kind}.png" for name in names for kind in ("map", "overlay")]
        assert done.out.endswith("4 judged, 0 kept, 1 failed\n")
        assert done.err == (
            "imlbench: unreadable: broken.png: not an image (JPEG, PNG, WebP, TIFF, BMP, GIF or PPM expected)\n"
        )

    def test_are_lines_of_json_in_order_failures_among_them(self, folder, tmp_path):
        found = lines(detect(folder, "-o", tmp_path / "out", "--json"))
        assert [os.path.relpath(row["image"], folder) for row in found] == [
            "a.png", "b.jpg", "b.png", "broken.png", "sub/a.png",
        ]  # fmt: skip
        assert [row["status"] for row in found] == ["written", "written", "written", "failed", "written"]
        assert found[3]["image_score"] is None

    def test_into_a_folder_among_them_judges_no_map(self, folder):
        for _ in range(2):
            found = lines(detect(folder, "-o", folder / "out", "--json"))
            assert len(found) == 5
        assert len(tree(folder / "out")) == 8

    def test_given_twice_are_judged_once(self, folder, tmp_path):
        found = lines(detect(folder / "a.png", folder / "sub" / ".." / "a.png", "-o", tmp_path / "out", "--json"))
        assert len(found) == 1


class TestRefusals:
    def test_of_two_images_with_the_same_files(self, image, tmp_path):
        other = write_image(tmp_path / "other" / "a.png", photo())
        done = detect(image, other, "-o", tmp_path / "out")
        assert f"{image} and {other} would have the same files" in done.complaint()
        assert not (tmp_path / "out").exists()

    def test_of_writing_onto_what_is_judged(self, image, tmp_path):
        target = write_image(tmp_path / "in" / "a-map.png", photo())
        before = target.read_bytes()
        done = detect(image, target, "-o", tmp_path / "in", "--overwrite")
        assert "is to be judged and to be written" in done.complaint()
        assert "is or holds what is to be judged" in detect(tmp_path / "in", "-o", tmp_path / "in").complaint()
        assert "is or holds what is to be judged" in detect(tmp_path / "in", "-o", tmp_path).complaint()
        assert target.read_bytes() == before

    def test_of_a_link_that_leads_out_of_the_folder(self, tmp_path):
        write_image(tmp_path / "in" / "sub" / "a.png", photo())
        for name in ("out", "elsewhere"):
            (tmp_path / name).mkdir()
        (tmp_path / "out" / "sub").symlink_to(tmp_path / "elsewhere")
        (row,) = lines(detect(tmp_path / "in", "-o", tmp_path / "out", "--json"))
        assert (row["status"], row["reason"]) == ("failed", "outside-root")
        assert tree(tmp_path / "elsewhere") == []

    def test_of_what_is_not_there(self, image, tmp_path):
        (tmp_path / "empty").mkdir()
        assert "no such file or folder: " in detect(tmp_path / "none.png", "-o", tmp_path / "out").complaint()
        assert "no images in this folder" in detect(tmp_path / "empty", "-o", tmp_path / "out").complaint()
        assert "expected a folder, found a file" in detect(image, "-o", image).complaint()
        assert (
            "unknown detector 'elo': did you mean ela?"
            in detect(image, "-o", tmp_path / "out", "--detector", "elo").complaint()
        )
        assert not (tmp_path / "out").exists()


def own_score(picture):
    if picture.id.endswith("b.png"):
        raise ValueError("not this one")
    print("a third party talks")
    return brightness(picture)._replace(image_score=0.25, notes=("saved at quality 100",))


class Batched(ToyDetector):
    card = detector_card("batched", batched=True)

    def __init__(self, device="cpu", seed=0):
        super().__init__(own_score, "batched", batched=True)


def test_a_third_partys_detector_in_batches_with_a_score_of_its_own(tmp_path, monkeypatch):
    for number, name in enumerate("abc"):
        write_image(tmp_path / "in" / f"{name}.png", photo(number))
    groups = registry.groups()
    entry = Entry("detectors", "batched", f"{__name__}:Batched", "elsewhere")
    patched = {**groups, "detectors": {**groups["detectors"], "batched": [entry]}}
    monkeypatch.setattr(registry, "groups", lambda: patched)
    done = detect(tmp_path / "in", "-o", tmp_path / "out", "--json", "--detector", "batched", "--batch-size", 2)
    found = lines(done)
    assert [row["status"] for row in found] == ["written", "failed", "written"]
    assert (found[0]["image_score"], found[0]["image_score_from"]) == (0.25, "detector")
    assert found[0]["notes"] == ["saved at quality 100"]
    assert found[1]["message"].endswith("ValueError: not this one")
    assert "a third party talks" in done.err
    np.testing.assert_array_equal(read(tmp_path / "out" / "a-map.png"), photo(0)[..., 1])
