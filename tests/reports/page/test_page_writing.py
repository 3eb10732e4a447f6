import json
import os
import re

import pytest

from imlbench.errors import UserError
from reports.page import writing
from reports.page.folders import MARKER_FILE, drop_stale, files_folder, replaced_folder
from reports.page.writing import (
    MARKERS,
    Filed,
    Inlined,
    asset,
    data_script,
    filled,
    inline_block,
    linked_block,
    page_text,
    safe_json,
    url_of,
)
from tests.reports.page.page_results import HOSTILE, LONG, script_data, tree

SURROGATE = "half \ud800 character"


@pytest.mark.parametrize("text", [*HOSTILE, LONG, SURROGATE])
def test_no_text_can_leave_its_string_or_its_script(text):
    found = safe_json({text: [text]})
    assert not re.search("[<>&\u2028\u2029]", found)
    assert found.isascii()
    assert json.loads(found) == {text: [text]}


def test_what_json_has_no_word_for_is_refused():
    with pytest.raises(ValueError, match="not JSON compliant"):
        safe_json({"value": float("nan")})


def test_the_script_hands_over_the_same_data():
    data = {"format": 1, "notes": list(HOSTILE), "runs": [{"a": None, "b": [0.5, True]}], "samples": {"id": []}}
    assert script_data(data_script(data)) == data


def test_what_a_block_holds_is_never_taken_for_a_marker():
    blocks = ("<style>" + "".join(MARKERS), "".join(MARKERS), "".join(MARKERS) + "\\1")
    template = "head".join(("", *MARKERS, "tail"))
    assert filled(template, blocks) == "head".join(("", *blocks, "tail"))


def test_a_template_without_its_markers_is_refused():
    with pytest.raises(ValueError, match="must stand in it once, found 0"):
        filled("<!--STYLE--><!--DATA-->", ("", "", ""))


def test_the_front_end_can_stand_in_the_page():
    assert all(asset("page.html").count(marker) == 1 for marker in MARKERS)
    assert not re.search("</script|<!--", asset("page.js"), re.IGNORECASE)
    assert "</style" not in asset("page.css").lower()


def test_the_page_holds_its_three_parts_and_reaches_for_nothing_else():
    text = page_text(inline_block({"format": 1, "title": "</script>"}))
    assert not [marker for marker in MARKERS if marker in text]
    assert text.index("<style>") < text.index("window.IMLBENCH_DATA") < text.rindex("<script>")
    assert not re.search(r"""(?:src|href)\s*=\s*["']?\s*(?:https?:)?//""", text)


def test_addresses_are_quoted():
    assert url_of('a#b?c%d"e f.é') == "./a%23b%3Fc%25d%22e%20f.%C3%A9"
    assert linked_block(url_of('x"><script>') + "/data.js") == '<script src="./x%22%3E%3Cscript%3E/data.js"></script>'
    assert url_of(os.fsdecode(b"\xff")) == "./%FF"


def test_pictures_are_kept_within_or_beside_the_page(tmp_path):
    assert Inlined().keep("000/00000m.png", b"png") == "data:image/png;base64,cG5n"
    assert Inlined().keep("000/00000o.webp", b"webp").startswith("data:image/webp;base64,")
    assert Filed(tmp_path, "./x").keep("000/00000m.png", b"png") == "./x/000/00000m.png"
    assert (tmp_path / "000" / "00000m.png").read_bytes() == b"png"


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    target = tmp_path / "deep" / "page_files"
    for text in ("first", "second"):
        with replaced_folder(target) as fresh:
            (fresh / "data.js").write_text(text)
            if text == "first":
                (fresh / "pictures").mkdir()
                (fresh / "pictures" / "a.png").write_bytes(b"old")
    assert set(tree(target)) == {MARKER_FILE, "data.js"}
    assert (target / "data.js").read_text() == "second"
    assert os.listdir(target.parent) == ["page_files"]


def test_what_goes_wrong_leaves_the_old_folder_and_nothing_else(tmp_path):
    target = tmp_path / "page_files"
    with replaced_folder(target) as fresh:
        (fresh / "data.js").write_text("old")
    before = tree(tmp_path)

    def interrupted():
        with replaced_folder(target) as fresh:
            (fresh / "data.js").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert tree(tmp_path) == before


def test_a_refused_swap_puts_the_old_folder_back(tmp_path, monkeypatch):
    target = tmp_path / "page_files"
    with replaced_folder(target) as fresh:
        (fresh / "data.js").write_text("old")
    before = tree(tmp_path)
    rename = os.rename

    def refusing(source, destination):
        if str(source).endswith(".new"):
            raise OSError(28, "No space left on device")
        rename(source, destination)

    monkeypatch.setattr(os, "rename", refusing)
    with pytest.raises(UserError, match=r"page_files: cannot be written \(No space left"), replaced_folder(target):
        pass
    assert tree(tmp_path) == before


def make_foreign(folder):
    folder.mkdir()
    (folder / "thesis.tex").write_text("mine")


def make_mixed(folder):
    with replaced_folder(folder) as fresh:
        (fresh / "data.js").write_text("old")
    (folder / "thesis.tex").write_text("mine")


def make_file(folder):
    folder.write_text("mine")


def make_link(folder):
    elsewhere = folder.with_name("elsewhere")
    with replaced_folder(elsewhere) as fresh:
        (fresh / "data.js").write_text("old")
    folder.symlink_to(elsewhere)


@pytest.mark.parametrize("make", [make_foreign, make_mixed, make_file, make_link])
def test_what_this_command_did_not_make_is_never_replaced_or_removed(tmp_path, make):
    target = tmp_path / "page_files"
    make(target)
    before = tree(tmp_path)
    with pytest.raises(UserError, match="page_files"), replaced_folder(target):
        pytest.fail("nothing must be drawn before this is refused")
    drop_stale(target)
    assert tree(tmp_path) == before


def test_an_empty_folder_may_be_filled_and_a_stale_one_is_removed(tmp_path):
    target = tmp_path / "page_files"
    target.mkdir()
    drop_stale(target)
    assert target.exists()
    with replaced_folder(target) as fresh:
        (fresh / "data.js").write_text("x")
    drop_stale(target)
    assert not target.exists()


def test_a_place_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"), replaced_folder(tmp_path / "file" / "page_files"):
        pytest.fail("there is no folder to fill")
    with pytest.raises(UserError, match="cannot be written"):
        Filed(tmp_path / "file", "x").keep("000/a.png", b"")


def test_the_folder_is_named_after_the_page(tmp_path):
    assert files_folder(tmp_path / "my.page.html").name == "my.page_files"
    assert writing.size_text(1234) == "1.2 kB"
    assert writing.size_text(12_345_678) == "12.3 MB"
