"""How `imlbench list` lays out adapters: licence, weights, what is missing; wrapped on a terminal, never cut."""

import re

import pytest

from imlbench import wanting as wanting_module
from imlbench.cli import listing
from imlbench.weights.entries import KnownFile, Source, WeightFile

FACTS = {"title": "T", "version": "1", "citation": "-", "url": "", "package": "imlbench"}


def row(name, summary="compares things", weights="none needed", wanting=(), licence="MIT", other="", **more):
    facts = {"name": name, "summary": summary, "weights": weights, "licence": licence, "weights_licence": other}
    return {**FACTS, **facts, "wanting": list(wanting), **more}


ROWS = [
    row("plain"),
    row("trained", weights="here", other="BSD-3-Clause"),
    row("first", "w" * 30 + " " + "x" * 30, "weights net: no file", ["weights net: imlbench weights get net"]),
    row("second", weights="weights net: no file", wanting=["weights net: imlbench weights get net"]),
    row("third", weights="third: needs pack, not installed", wanting=["third: needs pack: pip install pack"]),
    {**FACTS, "name": "odd", "summary": "broken: no card", "licence": "", "package": "theirs"},
]


def shown(capsys, monkeypatch, columns):
    monkeypatch.setattr(listing, "terminal_columns", lambda: columns)
    listing.print_rows("annotators", ROWS)
    return capsys.readouterr().out.splitlines()


def test_each_adapter_has_licence_and_weights_on_its_line(capsys, monkeypatch):
    lines = shown(capsys, monkeypatch, None)
    assert lines[0] == "annotators (6)"
    assert [re.split(r"\s{2,}", line.strip())[:3] for line in lines[1:6]] == [
        ["plain", "MIT", "no weights"],
        ["trained", "MIT", "weights here"],
        ["first", "MIT", "weights missing"],
        ["second", "MIT", "weights missing"],
        ["third", "MIT", "missing"],
    ]
    assert lines[2].endswith("compares things (weights: BSD-3-Clause)")
    assert lines[6].split() == ["odd", "broken:", "no", "card", "[theirs]"]


def test_what_is_missing_is_said_once_with_all_that_need_it(capsys, monkeypatch):
    lines = shown(capsys, monkeypatch, None)
    assert lines[7:] == [
        "  missing here:",
        "    first, second: weights net: imlbench weights get net",
        "    third: needs pack: pip install pack",
    ]


@pytest.mark.parametrize("columns", [50, 80, 120])
def test_a_terminal_gets_wrapped_lines_with_every_word(capsys, monkeypatch, columns):
    whole = " ".join(shown(capsys, monkeypatch, None)).split()
    lines = shown(capsys, monkeypatch, columns)
    assert max(map(len, lines)) <= columns
    assert sorted(" ".join(lines).split()) == sorted(whole)


def test_a_summary_stands_right_of_its_columns_where_it_has_room(capsys, monkeypatch):
    wide = shown(capsys, monkeypatch, 80)
    start = wide[3].index("w" * 30)
    assert wide[4] == " " * start + "x" * 30
    narrow = shown(capsys, monkeypatch, 66)
    assert narrow[narrow.index(next(line for line in narrow if "first" in line)) + 1].startswith("    " + "w" * 30)


class Lacking:
    """An adapter that says what it lacks."""

    told = "weights net: no file /home/me/net.pth; imlbench weights get net, or imlbench weights get net --from FOLDER"

    @classmethod
    def missing(cls):
        return cls.told


def test_advice_names_no_place_of_this_machine_and_one_way():
    assert wanting_module.wanting("none-such", Lacking) == ["weights net: imlbench weights get net"]


def test_an_adapter_that_lacks_nothing_or_does_not_say_wants_nothing():
    class Complete(Lacking):
        told = ""

    assert wanting_module.wanting("none-such", Complete) == wanting_module.wanting("none-such", object) == []


def test_weights_that_nobody_publishes_are_wanted_too(monkeypatch, tmp_path):
    own = WeightFile(
        name="own-head",
        title="a head",
        licence="own",
        licence_url="",
        source=Source.OWN,
        origin="nobody",
        files=(KnownFile("head.safetensors"),),
        needed_by=("mine",),
        how="train it",
    )
    monkeypatch.setattr(wanting_module, "catalogue", lambda: {"own-head": own})
    monkeypatch.setattr(wanting_module, "lacking", lambda name: f"weights {name}: no file {tmp_path}/h; train it")
    assert wanting_module.wanting("mine", Lacking) == [
        "weights net: imlbench weights get net",
        "weights own-head: train it",
    ]
    assert len(wanting_module.wanting("other", Lacking)) == 1

    class Told(Lacking):
        told = "mine: no weights: train it"

    assert wanting_module.wanting("mine", Told) == ["mine: no weights: train it"]
