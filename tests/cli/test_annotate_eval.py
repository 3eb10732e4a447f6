"""`imlbench annotate-eval` from beginning to end: output, resumption, roots, kept maps."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imlbench import registry
from imlbench.results.reading import ResultReader
from tests.making_sets import (
    annotate_eval,
    edit,
    imlbench,
    make_set,
    mask,
    photo,
    stored,
    write_image,
    write_package,
    write_triple,
)


@pytest.fixture
def root(tmp_path):
    return make_set(tmp_path / "set")


@pytest.fixture
def out(tmp_path):
    return tmp_path / "results"


class TestOutput:
    def test_a_table_of_means_and_where_to_go_next(self, root, out):
        done = annotate_eval(root, out, annotator="pixdiff-*")
        assert done.code == 0
        lines = done.out.splitlines()
        assert " ".join(lines[0].split()) == "dataset annotator n F1 95 % IoU 95 % computed skipped failed"
        names = ["0", "10", "20", "30", "40", "exact", "morph", "otsu"]
        assert [line.split()[1] for line in lines[1:-1]] == [f"pixdiff-{name}" for name in names]
        with ResultReader(out) as reader:
            one = next(one.run_id for one in reader.runs() if one.run.adapter == "pixdiff-0")
            f1 = reader.summarise(one, ["f1"])["f1"].mean
        assert lines[1].split()[2:4] == ["6", f"{100 * f1:.2f}"]
        assert lines[-1] == f"results: {out / 'results.db'}; next: imlbench report table1 --results {out}"
        assert done.err.splitlines()[-1].startswith("set: 6/6 samples, ")

    def test_again_computes_nothing(self, root, out):
        first = annotate_eval(root, out)
        before = stored(out)
        second = annotate_eval(root, out)
        assert stored(out) == before
        computed = [done.out.splitlines()[1].split()[-3] for done in (first, second)]
        assert computed == ["6", "0"]
        assert first.out.splitlines()[1].split()[:5] == second.out.splitlines()[1].split()[:5]

    @pytest.mark.parametrize("overwrite", ["never", "only-missing", "always"])
    def test_overwrite(self, root, out, overwrite):
        annotate_eval(root, out, "--sample-id", "02")
        done = annotate_eval(root, out, "--json", "--overwrite", overwrite)
        (run,) = json.loads(done.out)["runs"]
        assert run["computed"] == {"never": 0, "only-missing": 5, "always": 6}[overwrite]
        assert run["metrics"]["f1"]["n"] == (1 if overwrite == "never" else 6)

    def test_json_is_json_and_nothing_else(self, root, out):
        (root / "edited" / "05.png").write_bytes(b"")
        done = annotate_eval(root, out, "--json", "--fail-on-error", 1)
        document = json.loads(done.out)
        assert document["results"] == str(out)
        (run,) = document["runs"]
        assert (run["dataset"], run["annotator"]) == ("folder:set", "pixdiff-10")
        assert (run["computed"], run["stored"], run["scored"]) == (6, 0, 5)
        assert (run["failed"], run["skipped"]) == ({"unreadable": 1}, {})
        assert run["metrics"]["boundary_f1"] == {"mean": None, "stderr": None, "low": None, "high": None, "n": 0}
        assert 0 < run["metrics"]["f1"]["low"] <= run["metrics"]["f1"]["mean"] <= run["metrics"]["f1"]["high"] <= 1

    def test_a_limit_is_a_limit_and_the_table_says_of_how_many_the_mean_is(self, root, out):
        done = annotate_eval(root, out, "--limit", 4)
        assert done.out.splitlines()[1].split()[2] == "4"
        annotate_eval(root, out)
        again = annotate_eval(root, out, "--limit", 2)
        assert again.out.splitlines()[1].split()[2] == "6"

    def test_boundary_is_computed_on_request(self, root, out):
        done = annotate_eval(root, out, "--boundary", 2, "--json")
        assert json.loads(done.out)["runs"][0]["metrics"]["boundary_f1"]["n"] == 6


class TestDryRun:
    def test_nothing_is_written_not_even_the_folder(self, root, out):
        done = annotate_eval(root, out, "--dry-run", annotator="pixdiff-?0")
        assert done.code == 0
        assert done.out.splitlines()[0] == "folder:set  pixdiff-10: 6 samples to compute"
        assert not out.exists()

    def test_json_and_what_is_there_already(self, root, out):
        annotate_eval(root, out, "--sample-id", "02")
        before = {path.name: path.read_bytes() for path in out.iterdir()}
        done = annotate_eval(root, out, "--dry-run", "--json", annotator="pixdiff-?0")
        assert {row["annotator"]: row["to_compute"] for row in json.loads(done.out)} == {
            "pixdiff-10": 5, "pixdiff-20": 6, "pixdiff-30": 6, "pixdiff-40": 6
        }  # fmt: skip
        assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def damage(path: Path, how: str) -> None:
    """Break an image file in one of the ways in which files are broken."""
    whole = path.read_bytes()
    if how == "truncated":
        path.write_bytes(whole[: len(whole) // 2])
    elif how == "zero bytes":
        path.write_bytes(b"")
    elif how == "text":
        path.write_text("I am a PNG, honestly\n")
    elif how == "bomb":
        # The header promises 60,000 x 60,000 pixels; what it promises must never be allocated.
        path.write_bytes(whole[:16] + (60_000).to_bytes(4, "big") * 2 + whole[24:])
    elif how == "missing":
        path.unlink()
    elif how == "link out":
        outside = path.parents[2] / "secret.png"
        write_image(outside, photo(8))
        path.unlink()
        path.symlink_to(outside)
    elif how == "folder":
        path.unlink()
        path.mkdir()


FAILURES = {
    "truncated": "unreadable",
    "zero bytes": "unreadable",
    "text": "unreadable",
    "bomb": "unreadable too-large",
    "link out": "outside-root",
}


class TestFailures:
    @pytest.mark.parametrize("folder", ["original", "edited", "mask"])
    @pytest.mark.parametrize("how", FAILURES)
    def test_a_broken_file_is_recorded_and_the_rest_is_scored(self, root, out, how, folder):
        damage(root / folder / "03.png", how)
        done = annotate_eval(root, out)
        assert done.code == 1
        assert "Traceback" not in done.err
        rows = stored(out)
        (failed,) = [key for key, row in rows.items() if row[0] == "failed"]
        assert failed[-1] == "03"
        assert rows[failed][1] in FAILURES[how]
        assert sum(row[0] == "ok" for row in rows.values()) == 5
        assert f"pixdiff-10 on folder:set: 1 failed ({rows[failed][1]} 1)\n" in done.err
        assert done.err.endswith(f"imlbench: samples failed or nothing was scored; the reasons are stored in {out}\n")

    @pytest.mark.parametrize(
        ("folder", "shape", "reason"),
        [
            ("original", (16, 40), "size-mismatch"),
            ("mask", (16, 40), "size-mismatch"),
            ("mask", (24, 16), "size-mismatch"),
        ],
    )
    def test_sizes_that_do_not_fit(self, root, out, folder, shape, reason):
        pixels = photo(1, shape) if folder == "original" else mask(shape)
        write_image(root / folder / "03.png", pixels)
        assert annotate_eval(root, out).code == 1
        assert stored(out)["pixdiff-10", "", "", "03"][1] == reason

    def test_a_missing_mask_and_two_originals(self, root, out):
        (root / "mask" / "01.png").unlink()
        write_image(root / "original" / "02.jpg", photo(2))
        assert annotate_eval(root, out).code == 1
        rows = stored(out)
        assert [rows["pixdiff-10", "", "", name][1] for name in ("01", "02")] == ["missing-partner", "double-match"]

    def test_no_number_of_failures_is_let_pass_by_default(self, root, out):
        damage(root / "edited" / "00.png", "text")
        assert annotate_eval(root, out).code == 1

    @pytest.mark.parametrize(
        ("bound", "code"),
        [("1", 1), ("2", 0), ("100", 0), ("0.3", 1), ("0.34", 0), ("1.0", 0), (".5", 0), ("0.0", 1)],
    )
    def test_fail_on_error_as_number_and_as_fraction(self, root, out, bound, code):
        for name in ("00", "04"):
            damage(root / "edited" / f"{name}.png", "truncated")
        assert annotate_eval(root, out, "--fail-on-error", bound).code == code

    def test_nothing_scored_is_never_a_success(self, root, out):
        for path in (root / "edited").iterdir():
            damage(path, "text")
        assert annotate_eval(root, out, "--fail-on-error", "1.0").code == 1

    def test_skips_are_told_and_are_no_failures(self, root, out):
        (root / "original" / "03.png").unlink()
        shutil.rmtree(root / "original")
        done = annotate_eval(root, out)
        assert "pixdiff-10 on folder:set: 6 skipped (no-original 6)\n" in done.err
        assert done.code == 1

    def test_mended_files_are_scored_by_the_same_command(self, root, out):
        whole = (root / "edited" / "03.png").read_bytes()
        damage(root / "edited" / "03.png", "truncated")
        assert annotate_eval(root, out).code == 1
        (root / "edited" / "03.png").write_bytes(whole)
        done = annotate_eval(root, out)
        assert (done.code, done.out.splitlines()[1].split()[2]) == (0, "6")
        assert {row[0] for row in stored(out).values()} == {"ok"}


def unusual(kind: str) -> Image.Image:
    """An image that is unusual and sound."""
    pixels = edit(photo(1), 1)
    image = Image.fromarray(pixels)
    if kind == "alpha":
        image.putalpha(Image.fromarray(mask()))
    elif kind == "16-bit":
        return Image.fromarray(pixels[..., 0].astype(np.uint16) << 8)
    elif kind == "palette":
        return image.quantize(64)
    elif kind == "grey":
        return image.convert("L")
    elif kind == "bilevel":
        return image.convert("1")
    elif kind == "cmyk":
        return image.convert("CMYK")
    return image


class TestUnusualImages:
    @pytest.mark.parametrize(
        ("kind", "suffix", "note"),
        [
            ("alpha", "png", "alpha channel dropped"),
            ("16-bit", "png", "16-bit grey cut to 8 bits"),
            ("palette", "png", ""),
            ("palette", "gif", ""),
            ("grey", "png", ""),
            ("bilevel", "png", ""),
            ("cmyk", "jpg", "CMYK converted to RGB"),
            ("cmyk", "tif", "CMYK converted to RGB"),
        ],
    )
    def test_are_scored_and_the_conversion_noted(self, root, out, kind, suffix, note):
        (root / "edited" / "01.png").unlink()
        unusual(kind).save(root / "edited" / f"01.{suffix}")
        assert annotate_eval(root, out).code == 0
        with ResultReader(out) as reader:
            ((notes,),) = reader.query("SELECT notes FROM samples WHERE sample_id = '01'")
        assert note in notes

    @pytest.mark.parametrize("orientation", [3, 6, 8])
    def test_exif_rotation_is_applied(self, root, out, orientation):
        turns = {3: 2, 6: 1, 8: 3}[orientation]
        stored_as = np.rot90(edit(photo(1), 1), turns)
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.fromarray(np.ascontiguousarray(stored_as)).save(root / "edited" / "01.png", exif=exif)
        assert annotate_eval(root, out).code == 0
        row = stored(out)["pixdiff-10", "", "", "01"]
        straight = make_set(root.parent / "straight", 2)
        annotate_eval(straight, root.parent / "other")
        assert row[2:6] == stored(root.parent / "other")["pixdiff-10", "", "", "01"][2:6]

    def test_one_pixel(self, root, out):
        for folder, pixels in (("original", photo(0, (1, 1))), ("edited", photo(1, (1, 1)))):
            write_image(root / folder / "tiny.png", pixels)
        write_image(root / "mask" / "tiny.png", np.full((1, 1), 255, np.uint8))
        done = annotate_eval(root, out, annotator="*")
        assert done.code == 0
        row = stored(out)["pixdiff-10", "", "", "tiny"]
        assert sum(row[2:6]) == 1


class TestKeptMaps:
    NAMES = ("für Élise", "日本 語", "con*?|", "a" * 200, "tab\there", "new\nline", "...x", "--flag", "$(id)")

    def test_hostile_names_stay_below_the_folder_of_maps(self, tmp_path, out):
        root = make_set(tmp_path / "set", 1)
        for number, name in enumerate(self.NAMES):
            write_triple(root, name, number)
        write_triple(root, "deep/er/x", 3)
        # A name that begins with a full stop is a hidden file, which no set has.
        expected = 1 + len(self.NAMES) - 1 + 1
        before = {path for path in tmp_path.rglob("*") if out not in path.parents}
        done = annotate_eval(root, out, "--save-maps", annotator="pixdiff-?0")
        assert done.code == 0, done.err
        assert len(list((out / "maps").iterdir())) == 4
        for folder in (out / "maps").iterdir():
            maps = list(folder.iterdir())
            assert len(maps) == expected
            assert all(path.is_file() and path.suffix == ".png" and path.name.isascii() for path in maps)
        after = {path for path in tmp_path.rglob("*") if out not in path.parents}
        assert after - before == {out}
        assert {path.name for path in out.iterdir()} == {"maps", "results.db"}

    def test_a_manifest_cannot_name_its_way_out(self, tmp_path, out):
        root = make_set(tmp_path / "set", 1)
        rows = ["id,original,edited,mask"]
        names = ("../../x", "/etc/x", "a/../../../b")
        rows += [f"{name},original/00.png,edited/00.png,mask/00.png" for name in names]
        (root / "list.csv").write_text("\n".join(rows) + "\n")
        done = imlbench(
            "annotate-eval", "--dataset", "manifest", "--data-root", root / "list.csv", "--annotator", "pixdiff-10",
            "--save-maps", "--out", out,
        )  # fmt: skip
        assert done.code == 0, done.err
        (folder,) = (out / "maps").iterdir()
        assert len(list(folder.iterdir())) == 3
        assert {path.name for path in tmp_path.iterdir()} == {"set", "results"}

    def test_the_map_is_the_difference(self, root, out):
        annotate_eval(root, out, "--save-maps", "--sample-id", "02")
        (path,) = (out / "maps").rglob("*.png")
        levels = np.asarray(Image.open(path))
        row = stored(out)["pixdiff-10", "", "", "02"]
        assert (levels >= 10).sum() == row[2] + row[3]

    def test_maps_that_cannot_be_written_end_the_run_in_one_line(self, root, out):
        out.mkdir()
        (out / "maps").write_text("in the way")
        complaint = annotate_eval(root, out, "--save-maps").complaint()
        assert "cannot be written" in complaint
        assert str(out / "maps") in complaint


class TestRoots:
    @pytest.fixture(autouse=True)
    def nothing_set(self, tmp_path, monkeypatch):
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
        for name in ("IMLBENCH_DATA_ROOT", "IMLBENCH_DATA_ROOT_FOLDER"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.chdir(tmp_path)

    ARGUMENTS = ("annotate-eval", "--dataset", "folder", "--annotator", "pixdiff-10")

    def test_none_names_the_variable(self):
        complaint = imlbench(*self.ARGUMENTS).complaint()
        assert "folder: no data root; give --data-root DIR, set IMLBENCH_DATA_ROOT_FOLDER" in complaint

    def test_from_the_environment(self, root, monkeypatch):
        monkeypatch.setenv("IMLBENCH_DATA_ROOT_FOLDER", str(root))
        assert imlbench(*self.ARGUMENTS).code == 0
        assert len(stored(Path("results"))) == 6

    def test_from_a_config_file(self, root):
        Path("imlbench.toml").write_text(f'[data_roots]\nfolder = "{root.name}"\n')
        assert imlbench(*self.ARGUMENTS).code == 0

    def test_several_datasets_with_a_root_each(self, tmp_path, root, out):
        names = [("a", 2), ("b", 3)]
        specs = [f"folder:{name}" for name, _ in names]
        roots = [f"folder:{name}={make_set(tmp_path / name, count)}" for name, count in names]
        arguments = [part for spec in specs for part in ("--dataset", spec)]
        arguments += [part for text in roots for part in ("--data-root", text)]
        done = imlbench("annotate-eval", *arguments, "--annotator", "pixdiff-10", "--out", out, "--json")
        assert {run["dataset"]: run["scored"] for run in json.loads(done.out)["runs"]} == {"folder:a": 2, "folder:b": 3}

    def test_several_datasets_below_one_folder(self, tmp_path, out):
        make_set(tmp_path / "all" / "folder", 2)
        listing = "original,edited,mask\noriginal/00.png,edited/00.png,mask/00.png\n"
        make_set(tmp_path / "all" / "manifest", 1)
        (tmp_path / "all" / "manifest" / "manifest.csv").write_text(listing)
        done = imlbench(
            "annotate-eval", "--dataset", "folder", "--dataset", "manifest", "--data-root",
            f"manifest={tmp_path / 'all' / 'manifest' / 'manifest.csv'}", "--data-root", tmp_path / "all",
            "--annotator", "pixdiff-10", "--out", out,
        )  # fmt: skip
        assert done.code == 0, done.err
        assert len(stored(out)) == 3


class TestConfig:
    def test_a_file_gives_defaults_and_the_command_line_wins(self, root, out, tmp_path):
        text = f"""
[annotate-eval]
dataset = "folder"
data-root = "{root}"
annotator = ["pixdiff-10", "pixdiff-2*"]
limit = 3
out = "{out}"
json = true
"""
        (tmp_path / "run.toml").write_text(text)
        done = imlbench("annotate-eval", "--config", tmp_path / "run.toml")
        assert {run["annotator"]: run["scored"] for run in json.loads(done.out)["runs"]} == {
            "pixdiff-10": 3, "pixdiff-20": 3
        }  # fmt: skip
        done = imlbench("annotate-eval", "--config", tmp_path / "run.toml", "--limit", 5, "--annotator", "ssim")
        assert [(run["annotator"], run["scored"]) for run in json.loads(done.out)["runs"]] == [("ssim", 5)]


def test_what_an_annotator_prints_does_not_spoil_the_json(root, out, tmp_path, monkeypatch):
    module = """
from imlbench.cards import AdapterCard
from imlbench.adapters import Annotator
class Chatty(Annotator):
    card = AdapterCard(name="chatty", title="C", version="1", summary="s", licence="x", citation="-", batched=True)
    def annotate(self, pairs):
        print("loading weights, please wait")
        return [pair.edited[..., 0] for pair in pairs]
"""
    write_package(tmp_path / "packages", "chatty_package", module, {"chatty": "chatty_package:Chatty"})
    monkeypatch.syspath_prepend(str(tmp_path / "packages"))
    registry.groups.cache_clear()
    try:
        done = annotate_eval(root, out, "--json", annotator="chatty")
    finally:
        registry.groups.cache_clear()
    assert json.loads(done.out)["runs"][0]["scored"] == 6
    assert "loading weights" in done.err
