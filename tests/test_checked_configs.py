"""Sizes of networks, typed and checked."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from imlbench.errors import UserError
from imlbench.network_config import Checked


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes(Checked):
    width: int = 8
    levels: tuple[int, ...] = (1, 2)
    dropout: float = 0.5
    deep: bool = False
    encoder: str = "small"

    def check(self):
        if self.width > 64:
            raise UserError(f"width: expected at most 64, found {self.width}")


def test_what_is_not_named_keeps_its_default():
    assert Sizes.from_mapping({}) == Sizes()
    assert Sizes.from_mapping({"levels": [3], "dropout": 0}) == Sizes(levels=(3,), dropout=0)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"widht": 8}, "Sizes has no field 'widht'; did you mean 'width'"),
        ({"q": 8}, "the fields are width, levels, dropout, deep, encoder"),
        ({"width": 8.0}, "width: expected int, found 8.0"),
        ({"width": True}, "width: expected int, found True"),
        ({"deep": 1}, "deep: expected bool, found 1"),
        ({"encoder": None}, "encoder: expected str, found None"),
        ({"dropout": float("nan")}, "dropout: expected float, found nan"),
        ({"levels": []}, "levels: expected whole numbers"),
        ({"levels": [1.5]}, "levels: expected whole numbers"),
        ({"levels": 3}, "levels: expected whole numbers, found 3"),
        ({"width": 65}, "width: expected at most 64, found 65"),
    ],
)
def test_other_names_types_and_values_are_told_in_one_line(values, told):
    with pytest.raises(UserError) as caught:
        Sizes.from_mapping(values)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
