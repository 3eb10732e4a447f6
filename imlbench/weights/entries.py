"""What the catalogue says of weights: names, licences, sizes, hashes, sources."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from imlbench.errors import UserError, one_line


class Source(StrEnum):
    """Where weights come from."""

    HUB = "hub"
    """A repository of the Hugging Face hub."""
    URL = "url"
    """Files behind https addresses."""
    PACKAGE = "package"
    """A file of an installed Python package; `pip` brings it."""
    OWN = "own"
    """Published by no one; the user trains them."""
    PAGE = "page"
    """Published, but behind a page on which a person has to choose and unpack."""


BY_HAND = (Source.PACKAGE, Source.OWN, Source.PAGE)
"""What no command of imlbench downloads."""


@dataclass(frozen=True, slots=True)
class KnownFile:
    """One file of an entry.

    Attributes:
        name: file name in the weights' folder; for packages the path within the package.
        size: in bytes, None where it is not known.
        sha256: hexadecimal digest, None where it is not known and is recorded at the first get.
        url: address, for the source `url`.
    """

    name: str
    size: int | None = None
    sha256: str | None = None
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightFile:
    """One entry of the catalogue: the files that make one network.

    Attributes:
        name: as typed at the command line.
        title: for people.
        licence: SPDX identifier; "own" where the user trains them.
        licence_url: where the licence, or the page that names it, can be read.
        source: where the files come from.
        origin: the hub's repository, the Python package to install, or a page's address.
        files: the tensors first, then what else is needed beside them.
        needed_by: what in imlbench uses them.
        revision: of the hub's repository, a full commit; a branch would move.
        package: the importable package that holds the file, for the source `package`.
        how: how to come by them, where no command of imlbench brings them.
    """

    name: str
    title: str
    licence: str
    licence_url: str
    source: Source
    origin: str
    files: tuple[KnownFile, ...]
    needed_by: tuple[str, ...]
    revision: str = ""
    package: str = ""
    how: str = ""

    @property
    def size(self) -> int | None:
        """Bytes of all files, None where one is not known."""
        sizes = [file.size for file in self.files]
        return None if None in sizes else sum(size or 0 for size in sizes)

    @property
    def sha256(self) -> str | None:
        """Digest of the first file, which holds the tensors."""
        return self.files[0].sha256

    @property
    def names(self) -> tuple[str, ...]:
        """The files' names."""
        return tuple(file.name for file in self.files)


def entry(name: str, entries: Iterable[WeightFile]) -> WeightFile:
    """The entry of a name.

    Raises:
        UserError: there is none.
    """
    known = {one.name: one for one in entries}
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=3) or [one for one in known if name and name in one]
    hint = f"did you mean {' or '.join(near)}?" if near else "`imlbench weights list` shows them"
    raise UserError(f"there are no weights named {one_line(repr(name), 80)}; {hint}")
