"""`imlbench report html` from beginning to end."""

from __future__ import annotations

import html
import re
from dataclasses import replace

import pytest

from imlbench.errors import UserError
from imlbench.results.records import Outcome
from reports.page import command
from tests.making_sets import annotate_eval, edit, make_set, mask, photo, write_image
from tests.reports.making_results import facts, hard, make_run, scored, write
from tests.reports.page.page_results import HOSTILE, LONG, data_of, page, picture, scored_set, tree

GOOD = hard(40, 0, 0, 60)


def test_a_small_page_is_one_file_that_holds_everything(tmp_path):
    results, target = scored_set(tmp_path), tmp_path / "pages" / "page.html"
    done = page(results, target)
    assert (done.code, done.err.count("Traceback")) == (0, 0)
    assert re.search(r"^written: .*page\.html \(one file; .* 1 runs, 3 samples in the gallery\)$", done.out, re.M)
    assert [path.name for path in target.parent.iterdir()] == ["page.html"]
    data = data_of(target)
    assert data["format"] == 1
    assert [run["annotator"] for run in data["runs"]] == ["pixdiff-10"]
    assert data["samples"]["id"] == ["00", "01", "02"]
    assert data["samples"]["problem"] == ["", "", ""]
    for column in ("original", "edited", "mask"):
        assert {picture(src).size for src in data["samples"][column]} == {(24, 16)}
    (result,) = data["results"]
    assert {picture(src).format for src in result["map"]} == {"PNG"}


def test_a_large_page_has_its_data_and_pictures_in_a_folder_beside_it(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "SINGLE_FILE_SAMPLES", 2)
    results, target = scored_set(tmp_path), tmp_path / "pages" / "my page.html"
    assert page(results, target).code == 0
    folder = tmp_path / "pages" / "my page_files"
    assert {path.name for path in folder.iterdir()} == {".imlbench-page", "data.js", "pictures"}
    data = data_of(folder / "data.js")
    assert data["samples"]["edited"][0] == "./my%20page_files/pictures/000/00000e.webp"
    linked = re.findall(r'<script src="([^"]*)"', target.read_text())
    assert linked == ["./my%20page_files/data.js"]
    sources = [*data["samples"]["original"], *data["samples"]["mask"], *data["results"][0]["map"]]
    for src in sources:
        assert picture(src.replace("%20", " "), target.parent).size == (24, 16)
    assert len(set(sources)) == 9


def test_a_folder_of_its_own_holds_page_data_and_pictures(tmp_path):
    results = scored_set(tmp_path)
    assert page(results, tmp_path / "site").code == 0
    assert {path.name for path in (tmp_path / "site").iterdir()} == {
        ".imlbench-page",
        "data.js",
        "index.html",
        "pictures",
    }
    data = data_of(tmp_path / "site" / "data.js")
    assert picture(data["results"][0]["map"][2], tmp_path / "site").size == (24, 16)
    assert '<script src="data.js">' in (tmp_path / "site" / "index.html").read_text()


def test_folder_and_single_file_can_be_forced(tmp_path, monkeypatch):
    results, target = scored_set(tmp_path), tmp_path / "pages" / "page.html"
    assert page(results, target, "--folder").code == 0
    assert (target.parent / "page_files" / "data.js").exists()
    monkeypatch.setattr(command, "SINGLE_FILE_SAMPLES", 0)
    assert page(results, target, "--single-file").code == 0
    assert data_of(target)["samples"]["edited"][0].startswith("data:image/webp")
    assert [path.name for path in target.parent.iterdir()] == ["page.html"]


@pytest.mark.parametrize("shape", ["--single-file", "--folder"])
def test_the_same_results_give_the_same_bytes(tmp_path, shape):
    results = scored_set(tmp_path, 4, "pixdiff-[12]0")
    for name in ("a", "b"):
        assert page(results, tmp_path / name / "page.html", shape).code == 0
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


def test_nothing_is_written_into_the_results_or_the_dataset(tmp_path):
    results = scored_set(tmp_path)
    before = {name: tree(tmp_path / name) for name in ("out", "set")}
    assert page(results, tmp_path / "site").code == 0
    assert {name: tree(tmp_path / name) for name in ("out", "set")} == before


def test_a_limit_a_pick_and_a_metric(tmp_path):
    results, target = scored_set(tmp_path, 5, "pixdiff-[12]0"), tmp_path / "page.html"
    assert page(results, target, "--limit", 2, "--pick", "best", "--metric", "mcc").code == 0
    data = data_of(target)
    assert len(data["samples"]["id"]) == 2
    assert set(data["results"][0]["values"]) == {"f1", "mcc"}
    assert any("3 samples are left out; shown: best" in note for note in data["notes"])
    assert page(results, target, "--no-pictures").code == 0
    everything = data_of(target)
    values = [entry["values"]["f1"] for entry in everything["results"]]
    means = [sum(column) / 2 for column in zip(*values, strict=True)]
    ranked = sorted(everything["samples"]["id"], key=lambda name: -means[everything["samples"]["id"].index(name)])
    assert set(data["samples"]["id"]) == set(ranked[:2])


def test_without_pictures_no_image_is_needed(tmp_path):
    run = make_run()
    done = page(write(tmp_path, (run, scored(run, [GOOD] * 3))), tmp_path / "page.html", "--no-pictures")
    assert (done.code, done.out.count("\n")) == (0, 1)
    data = data_of(tmp_path / "page.html")
    assert data["samples"]["edited"] == [None] * 3
    assert data["samples"]["problem"] == ["pictures were not asked for"] * 3
    assert data["results"][0]["values"]["f1"] == [1.0] * 3


def test_missing_pictures_are_told_in_the_terminal_and_on_the_page(tmp_path):
    run = make_run(dataset="folder")
    done = page(write(tmp_path, (run, scored(run, [GOOD] * 3))), tmp_path / "page.html")
    assert done.code == 0
    assert "folder, samples without pictures: 3 (" in done.out
    data = data_of(tmp_path / "page.html")
    assert all(data["samples"]["problem"])
    assert any("samples without pictures: 3" in note for note in data["notes"])


def test_only_perturbed_runs_make_a_page_without_a_gallery(tmp_path):
    run = make_run(perturbation="jpeg", severity=50.0)
    assert page(write(tmp_path, (run, scored(run, [GOOD] * 3))), tmp_path / "page.html").code == 0
    data = data_of(tmp_path / "page.html")
    assert (data["samples"]["id"], data["results"], len(data["runs"])) == ([], [], 1)
    assert len(data["figures"]) == 1


def test_the_datas_root_can_be_another_than_that_of_the_run(tmp_path):
    results = scored_set(tmp_path)
    (tmp_path / "set").rename(tmp_path / "moved")
    for root in (tmp_path / "moved", f"folder={tmp_path / 'moved'}"):
        assert page(results, tmp_path / "page.html", "--data-root", root).code == 0
        assert data_of(tmp_path / "page.html")["samples"]["problem"] == [""] * 3


def hostile_results(folder):
    """A run whose every text is hostile."""
    run = make_run("a</script>", HOSTILE[1], dataset="set<!--", dataset_title=HOSTILE[2], perturbation="")
    rows = [
        Outcome(
            run.run_id,
            facts(run.dataset, name, content=str(index), instruction=LONG, tags={name: name}, notes=[name]),
            "",
            "ok",
            counts=GOOD,
        )
        for index, name in enumerate(HOSTILE)
    ]
    rows.append(replace(rows[0], sample=facts(run.dataset, "bad", content=""), status="failed", reason="<b>",
                        message=HOSTILE[1], counts=None))  # fmt: skip
    surrogate = {"imlbench": "0</script>", "command": ["x", "\ud800", *HOSTILE], "root": HOSTILE[1], "seed": HOSTILE[2]}
    return write(folder, (run, rows), provenance=surrogate)


@pytest.mark.parametrize("pictures", [(), ("--no-pictures",)])
def test_hostile_text_stays_text(tmp_path, pictures):
    target = tmp_path / "page.html"
    assert page(hostile_results(tmp_path), target, "--title", HOSTILE[1], *pictures).code == 0
    text = target.read_text(encoding="utf-8")
    block = text[text.index("<script>window.IMLBENCH_DATA") :]
    script = block[len("<script>") : block.index("</script>")]
    assert not re.search("[<>&\u2028\u2029]", script)
    assert script.endswith("};\n")
    data = data_of(target)
    assert data["title"] == HOSTILE[1]
    assert set(data["samples"]["id"]) == {*HOSTILE, "bad"}
    assert data["samples"]["instruction"].count(LONG) == len(HOSTILE)
    assert HOSTILE[1] in data["results"][0]["message"]
    assert [path.name for path in tmp_path.iterdir() if path.name not in ("results.db",)] == ["page.html"]


def test_hostile_names_of_samples_and_of_the_page_reach_no_path(tmp_path):
    root = make_set(tmp_path / "set", 1)
    for name in ("<!--<b>&amp;'", "a#b?c%2e", "x" * 200):
        write_image(root / "original" / f"{name}.png", photo(1))
        write_image(root / "edited" / f"{name}.png", edit(photo(1)))
        write_image(root / "mask" / f"{name}.png", mask())
    annotate_eval(root, tmp_path / "out", annotator="pixdiff-20")
    target = tmp_path / "pages" / 'a"><script>#?%.html'
    assert page(tmp_path / "out", target, "--folder").code == 0
    folder = target.with_name(f"{target.stem}_files")
    assert data_of(folder / "data.js")["samples"]["problem"] == [""] * 4
    names = [path.name for path in (folder / "pictures").rglob("*") if path.is_file()]
    assert all(re.fullmatch(r"\d{5}(e\.webp|o\.webp|m\.png|-\d+\.png)", name) for name in names)
    assert len(names) == 16
    (linked,) = re.findall(r'<script src="([^"]*)"', target.read_text())
    assert html.unescape(linked) == "./a%22%3E%3Cscript%3E%23%3F%25_files/data.js"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--single-file",), "--single-file needs a name ending in .html"),
        (("--pick", "all", "--limit", 3), "contradict one another"),
        (("--metric", "nonsense"), "unknown metric 'nonsense'"),
        (("--dataset", "nonsense"), "no run fits; the results hold pixdiff-10 on cocoglide"),
        (("--run", "0000"), "no run"),
        (("--data-root", "a", "--data-root", "b"), "two folders"),
    ],
)
def test_what_cannot_be_is_one_line_and_writes_nothing(tmp_path, arguments, said):
    run = make_run()
    results = write(tmp_path / "out", (run, scored(run, [GOOD])))
    assert said in page(results, tmp_path / "site", *arguments).complaint()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_of_someone_elses_is_refused_before_anything_is_drawn(tmp_path, monkeypatch):
    results = scored_set(tmp_path)
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "thesis.tex").write_text("mine")
    monkeypatch.setattr("reports.page.maker.Artist.draw", lambda self: pytest.fail("drawn in vain"))
    assert "did not make" in page(results, tmp_path / "site").complaint()
    assert tree(tmp_path / "site") == {"thesis.tex": b"mine"}


def test_a_failure_half_way_leaves_the_old_page(tmp_path, monkeypatch):
    results = scored_set(tmp_path)
    assert page(results, tmp_path / "pages" / "page.html", "--folder").code == 0
    before = tree(tmp_path / "pages")

    def fail(self):
        raise UserError("no space")

    monkeypatch.setattr("reports.page.maker.Artist.draw", fail)
    assert page(results, tmp_path / "pages" / "page.html", "--folder").complaint() == "imlbench: no space\n"
    assert tree(tmp_path / "pages") == before
