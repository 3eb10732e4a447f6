"""What every corpus is: input files in a fixed order, each of them a stream of pairs without masks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from imlbench.cards import CollectionCard
from imlbench.errors import UserError, one_line
from imlbench.sources import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusCard(CollectionCard):
    """Facts of a corpus: its samples are pairs. No variants are named where any text may follow the colon."""


@dataclass(frozen=True, slots=True)
class CorpusPair:
    """One pair of a corpus, not decoded yet. A broken one is a pair too: reading its source raises why.

    Attributes:
        id: "<part's name>#<row>": by place, never by the source's say, so unique and the same on every machine.
        source_id: the source's own id, "" where it has none. Any text; never used as a path.
        source_type: the source's own name of the edit type, "" where it has none.
        edit_type: a word of `imlbench.corpora.vocabulary`.
        instruction: the text command that made the edit, None where there is none. Any text of any length.
        original: the image before the edit, encoded as it was stored.
        edited: the image after it.
        caption: a text that describes the content but commands nothing.
    """

    id: str
    source_id: str
    source_type: str
    edit_type: str
    instruction: str | None
    original: Source
    edited: Source
    caption: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """An input file of a corpus (a shard, an archive) or a stretch of a folder's sorted list.

    Attributes:
        name: relative to the root, printable, unique in the corpus.
        rows: number of pairs, None where only reading it through tells.
        signature: changes when the content does: size and time of the file, or a hash of the list.
        broken: why nothing of it can be read, in one line that names it; empty where it can.
    """

    name: str
    rows: int | None
    signature: str
    broken: str = ""


class Corpus(ABC):
    """A corpus below a root folder. It can be pickled, and opened again in another process by name and root.

    Construction lists files and opens none of them.

    Args:
        root: the folder that holds the corpus.
        variant: one of the card's variants, or options; empty means the default.

    Raises:
        UserError: the root is missing, holds nothing of the corpus, or the variant is unknown.
    """

    card: ClassVar[CorpusCard]

    def __init__(self, root: Path | str, variant: str = "") -> None:
        self.root = self._checked_root(Path(root))
        self.variant = self._checked_variant(variant)

    def _checked_root(self, root: Path) -> str:
        """Absolute path of the root, symbolic links resolved."""
        if not root.is_dir():
            problem = "not a folder" if root.exists() else "no such folder"
            raise UserError(f"{self.card.name}: {problem}: {one_line(root, 200)}; expected {self.card.layout}")
        return str(root.resolve())

    def _checked_variant(self, variant: str) -> str:
        return self.card.checked_variant(variant)

    @property
    def label(self) -> str:
        """The name under which `open_corpus` opens the same corpus again: registered name, and variant if any."""
        return self.card.label(self.variant)

    @property
    def published(self) -> int | None:
        """Number of pairs that the authors publish for this variant, None where they state none."""
        return self.card.published.get(self.variant)

    @abstractmethod
    def parts(self) -> list[Part]:
        """The input files, in an order that depends on their names alone.

        A file that as a whole is not what it should be is a part too, a broken one: it must not stop the others.
        """

    @abstractmethod
    def pairs(self, part: Part, start: int = 0, stop: int | None = None) -> Iterator[CorpusPair]:
        """The pairs of rows `start` (included) to `stop` (excluded) of a part, in order, read as they are asked for.

        A row that cannot be read is a pair with a `BrokenSource`, so that none is lost; what a row says does not
        depend on `start` and `stop`. Memory does not grow with the length of the part.

        Args:
            part: one of `parts()`, of this object or of another that was opened on the same root.
            start: first row, from 0.
            stop: row after the last one; None = to the end of the part.

        Raises:
            UserError: the part is none of this corpus, or as a whole is not what it should be and its number of rows
                is not known.
        """
