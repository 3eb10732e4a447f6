"""How the texts of shared options are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from imlbench.cli.options import failure_limit, roots_by_dataset
from imlbench.errors import UserError


@pytest.mark.parametrize(
    ("text", "limit"),
    [("0", (0, False)), ("5", (5, False)), ("007", (7, False)), ("0.01", (0.01, True)), (".5", (0.5, True)),
     ("1.0", (1, True)), ("0.0", (0, True))],
)  # fmt: skip
def test_a_number_is_a_number_and_a_point_makes_a_fraction(text, limit):
    assert failure_limit(text) == limit


@pytest.mark.parametrize(
    "text", ["", "-1", "-0.1", "1.1", "5.0", "nan", "inf", "1e3", "5 %", "five", "1_000", " 5", "."]
)
def test_anything_else_is_refused(text):
    with pytest.raises(
        UserError, match=r"--fail-on-error: expected a number such as 5 or a fraction from 0\.0 to 1\.0"
    ):
        failure_limit(text)


@pytest.mark.parametrize(
    ("datasets", "roots", "expected"),
    [
        (["a"], [], {"a": None}),
        (["a"], ["/x"], {"a": "/x"}),
        (["a"], ["a=/x"], {"a": "/x"}),
        (["a:1"], ["a=/x"], {"a:1": "/x"}),
        (["a:1", "a:2"], ["a=/x", "a:2=/y"], {"a:1": "/x", "a:2": "/y"}),
        (["a:1", "a:2"], ["/x"], {"a:1": "/x", "a:2": "/x"}),
        (["a", "b"], ["/x"], {"a": "/x/a", "b": "/x/b"}),
        (["a", "b"], ["b=/y", "/x"], {"a": "/x/a", "b": "/y"}),
        (["a", "b"], ["b=/y"], {"a": None, "b": "/y"}),
        # A folder may have an equals sign in its name.
        (["a"], ["key=value"], {"a": "key=value"}),
        (["a"], ["a=b=c"], {"a": "b=c"}),
    ],
)
def test_roots(datasets, roots, expected):
    found = roots_by_dataset(datasets, roots)
    assert found == {name: None if root is None else Path(root) for name, root in expected.items()}


@pytest.mark.parametrize(
    ("datasets", "roots", "message"),
    [
        (["a"], ["/x", "/y"], "two folders, /x and /y, for one dataset; give one"),
        (["a", "b"], ["/x", "/y"], "two folders, /x and /y: name the dataset each is for, as in a=/x"),
        (["a"], ["a=/x", "a=/y"], "two folders for a: /x and /y; give one"),
    ],
)
def test_unclear_roots_are_refused(datasets, roots, message):
    with pytest.raises(UserError, match=f"^--data-root: {message}$"):
        roots_by_dataset(datasets, roots)
