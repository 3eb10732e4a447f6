"""Values and where they come from."""

from __future__ import annotations

from dataclasses import dataclass, fields

from imlbench.origins import inferred, stated


@dataclass(frozen=True, slots=True)
class Values:
    side: int = stated(518, "section 3")
    width: int = inferred(256, "the paper names none")


def test_a_field_has_its_default_and_tells_its_origin():
    assert Values() == Values(side=518, width=256)
    assert [(entry.name, entry.metadata["origin"], entry.metadata["note"]) for entry in fields(Values)] == [
        ("side", "S", "section 3"),
        ("width", "I", "the paper names none"),
    ]
