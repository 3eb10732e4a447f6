"""An array of JSON objects, parsed one by one, so that a file of any size needs little memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from imlbench.results.row_checks import shown

LONGEST = 1 << 26
"""Characters of an object: far above any provenance."""
READ_AT_ONCE = 1 << 20


def objects(path: Path) -> Iterator[dict[str, Any]]:
    """Objects of the array that a file holds.

    Raises:
        ValueError: no such array, or it was cut off.
    """
    decoder = json.JSONDecoder(parse_constant=no_constant)
    with path.open(encoding="utf-8-sig") as file:
        text = Unread(file)
        text.expect("[")
        if text.peek() == "]":
            return
        while True:
            value = text.value(decoder)
            if not isinstance(value, dict):
                raise ValueError(f"expected an array of objects, found {shown(value)}")
            yield value
            if text.expect(",]") == "]":
                break
        if text.peek():
            raise ValueError("text after the array's end")


def no_constant(name: str) -> None:
    """Refuse what is no JSON: NaN, Infinity.

    Raises:
        ValueError: always.
    """
    raise ValueError(f"{name} is no JSON")


class Unread:
    """Text that is taken from a file as it is needed."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._text = ""
        self._start = 0

    def peek(self) -> str:
        """The next character that is no white space, empty at the end."""
        while True:
            while self._start < len(self._text) and self._text[self._start] in " \t\r\n":
                self._start += 1
            if self._start < len(self._text) or not self._more(READ_AT_ONCE):
                return self._text[self._start : self._start + 1]

    def expect(self, choices: str) -> str:
        """Take one of some characters."""
        found = self.peek()
        if not found or found not in choices:
            raise ValueError(f"expected {' or '.join(choices)}, found {shown(found) if found else 'the end'}")
        self._start += 1
        return found

    def value(self, decoder: json.JSONDecoder) -> Any:
        """Take a JSON value."""
        self.peek()
        while True:
            try:
                value, self._start = decoder.raw_decode(self._text, self._start)
            except json.JSONDecodeError:
                # Perhaps the rest of it has not been read yet; ever more at a time, so that the attempts stay few.
                missing = max(READ_AT_ONCE, len(self._text) - self._start)
                if len(self._text) - self._start > LONGEST or not self._more(missing):
                    raise
            else:
                return value

    def _more(self, characters: int) -> bool:
        """Read on; whether there was anything."""
        added = self._file.read(characters)
        self._text, self._start = self._text[self._start :] + added, 0
        return bool(added)
