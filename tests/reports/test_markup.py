import csv
import io
import re

import pytest

from reports.markup import Sheet, csv_text, latex, latex_text, markdown, markdown_text, neutral, stacked

HOSTILE = "a|b\nc`d`<script>alert(1)</script>&[x](javascript:y) *z* _w_ $k$ \\end"


def markdown_cells(line):
    """Cells of a table line as a Markdown reader splits them."""
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def test_markdown_cell_stays_one_cell_on_one_line():
    text = markdown([Sheet("t", ("a", "b"), (((HOSTILE,), ("1",)),))], [])
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert [len(markdown_cells(line)) for line in lines] == [2, 2, 2]


def test_markdown_text_holds_no_live_markup():
    shown = markdown_text(HOSTILE)
    assert "<" not in shown
    assert "\n" not in shown
    for special in "`*_|$":
        assert re.search(rf"(?<!\\)\{special}", shown) is None
    assert r"[x\](javascript:y)" in shown
    assert r"\\end" in shown


def test_markdown_shows_every_note_and_joins_the_parts_of_a_cell():
    text = markdown([Sheet("t", ("a", "b"), ((("x",), ("1.00", "", "(2.00)")),))], ["one", "two | three"])
    assert "| x | 1.00 (2.00) |" in text
    assert text.endswith("- one\n- two \\| three\n")


@pytest.mark.parametrize("text", ["[a](u)", "![a](u)", "[a][b]", "[a]: u", "[[a]](u)"])
def test_markdown_brackets_make_no_link(text):
    assert re.search(r"(?<!\\)\][(\[:]", markdown_text(text)) is None


def test_markdown_intervals_stay_readable():
    assert markdown_text("[1.0, 2.0] (3.00)") == "[1.0, 2.0] (3.00)"


def test_control_characters_and_text_direction_marks_are_not_passed_on():
    assert markdown_text("a\x1b[31m\u202eb") == "a?[31m?b"
    assert latex_text("a\x00b") == "a?b"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("50% & #1 _x_ {y} $z$", r"50\% \& \#1 \_x\_ \{y\} \$z\$"),
        ("\\input{/etc/passwd}", r"\textbackslash{}input\{/etc/passwd\}"),
        ("a^b~c", r"a\textasciicircum{}b\textasciitilde{}c"),
        ("score >= 1 < 2 | 3", r"score \textgreater{}= 1 \textless{} 2 \textbar{} 3"),
        ("[0pt] *", "{[}0pt{]} {*}"),
        ("a--b---c", "a-{}-b-{}-{}-c"),
        ("1 ± 2 †", r"1 $\pm$ 2 $^{\dagger}$"),
        ("é 中", "é {[}U+4E2D{]}"),
    ],
)
def test_latex_escapes(text, expected):
    assert latex_text(text) == expected


def test_latex_has_the_same_number_of_cells_in_every_line_and_balanced_environments():
    sheet = Sheet("F1 (%)", ("a & b", "c"), (((HOSTILE,), ("1.00", "(2.00)")), (("[x]",), ("-",))))
    text = latex([sheet], ["note_1", HOSTILE])
    body = text.split("\\toprule\n")[1].split("\n\\bottomrule")[0]
    lines = [line for line in body.splitlines() if line != r"\midrule"]
    assert [len(re.findall(r"(?<!\\)&", line)) for line in lines] == [1, 1, 1, 1]
    assert all(line.endswith(r" \\") for line in lines)
    assert not any(line.startswith(("[", "*")) for line in lines)
    for environment in ("table", "tabular", "itemize"):
        assert text.count(rf"\begin{{{environment}}}") == text.count(rf"\end{{{environment}}}") == 1
    assert len(re.findall(r"(?<!\\){", text)) == len(re.findall(r"(?<!\\)}", text))
    assert "usepackage{booktabs}" in text.splitlines()[0]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "  =1", "-"])
def test_text_that_looks_like_a_formula_is_neutralised(text):
    assert neutral(text) == f"'{text}"


def test_csv_keeps_numbers_as_numbers_and_text_as_text():
    text = csv_text(("name", "x", "y"), [("=cmd()", -1.5, None), ('a,"b"\nc', 3, "plain")])
    assert list(csv.reader(io.StringIO(text))) == [
        ["name", "x", "y"],
        ["'=cmd()", "-1.5", ""],
        ['a,"b"\nc', "3", "plain"],
    ]


def test_stacked_drops_lines_without_text():
    assert stacked([("a",), ("1", "", "(2)"), ("-", "", "")]) == [("a", "1", "-"), ("", "(2)", "")]
