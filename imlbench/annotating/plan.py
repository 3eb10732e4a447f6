"""The plan of an annotation: every option that decides a byte of the output, and the shards."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from imlbench.annotating.gate import Gates
from imlbench.annotating.instructions import reader_identity
from imlbench.annotating.shards import Shard, listed, make_shards
from imlbench.corpora.vocabulary import aligned_types
from imlbench.errors import UserError, one_line
from imlbench.jobs import annotator_handles
from imlbench.provenance import PROTOCOL_VERSION

if TYPE_CHECKING:
    from imlbench.adapters import Annotator
    from imlbench.cards import AdapterCard
    from imlbench.corpora.base import Corpus, Part
    from imlbench.jobs import Handle

    Named = str | type[Annotator]
    """An annotator: its registered name, or its class, which must be importable where the work is done."""

FORMAT = 2
TIMEOUT = 600.0
"""Seconds that a batch may take, unless something else is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What decides the output besides the corpus and the annotators.

    Attributes:
        types: words of the vocabulary that are annotated; the others' pairs are excluded.
        limit: number of pairs, a sample of stretches of the corpus that the seed chooses; None = all.
        shard_size: pairs of a shard at most, unless its part has a length that is not known.
        gates: what a pair must reach to be kept.
        keep_soft: whether the scores are stored too.
        seed: of the sample, and of annotators that draw random numbers.
    """

    types: tuple[str, ...] = field(default_factory=aligned_types)
    limit: int | None = None
    shard_size: int = 500
    gates: Gates = field(default_factory=Gates)
    keep_soft: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value in (("limit", self.limit), ("shard-size", self.shard_size)):
            if value is not None and value < 1:
                raise UserError(f"--{name}: expected at least 1, found {value}")
        if self.seed < 0:
            raise UserError(f"--seed: expected at least 0, found {self.seed}")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Plan:
    """All that a worker needs to know, on any machine that has the data and the weights. It can be pickled.

    Attributes:
        corpus: the opened corpus.
        annotator: who annotates.
        second: who annotates as well, for the agreement; None = nobody.
        options: what else decides the output.
        parts: the corpus' files, those that cannot be read too.
        shards: the work.
        identity: every option that decides a byte of the output, and the corpus' files, as JSON has them.
        digest: hexadecimal SHA-256 of the identity without the files and the shards, which a shard's manifest tells of
            by itself: a file that is mended must not make the others' shards another plan's.
        device: where the annotators run. Like the three below it changes no more than rounding does.
        batch_size: pairs per call of an annotator that works in batches.
        threads: threads that decode ahead of the annotator; 0 = none, pairs are decoded when their turn comes.
        timeout: seconds that a batch may take; a process that takes longer is ended, like one that hangs. 0 = for ever.
    """

    corpus: Corpus
    annotator: Named
    second: Named | None
    options: Options
    parts: tuple[Part, ...]
    shards: tuple[Shard, ...]
    identity: Mapping[str, Any]
    digest: str
    device: str = "cpu"
    batch_size: int = 8
    threads: int = 0
    timeout: float = TIMEOUT

    @property
    def broken(self) -> dict[str, str]:
        """Why files cannot be read as a whole, by name."""
        return {part.name: part.broken for part in self.parts if part.broken}

    @property
    def by_shard(self) -> bool:
        """Whether progress is counted in shards: only reading tells how many pairs there are."""
        return any(shard.stop is None for shard in self.shards)

    def handles(self) -> tuple[Handle, Handle | None]:
        """The annotator and the second one on the plan's device, not built yet.

        Raises:
            UserError: unknown, or a pattern that means several.
        """
        return both_handles(self.annotator, self.second, self.device, self.options.seed)


def make_plan(
    corpus: Corpus,
    annotator: Named,
    options: Options,
    second: Named | None = None,
    batch_size: int = 8,
    timeout: float = TIMEOUT,
) -> Plan:
    """The plan of annotating a corpus.

    Raises:
        UserError: unknown annotators, twice the same one, or a corpus without pairs that can be read.
    """
    if batch_size < 1:
        raise UserError(f"--batch-size: expected at least 1, found {batch_size}")
    if not 0 <= timeout < threading.TIMEOUT_MAX:
        raise UserError(f"--timeout: expected seconds, or 0 for no end, found {timeout:g}")
    cards = [handle.card for handle in both_handles(annotator, second, "cpu", options.seed) if handle]
    if len(cards) == 2 and cards[0].name == cards[1].name:
        raise UserError(f"--second {cards[1].name}: expected another annotator than --annotator")
    parts = tuple(corpus.parts())
    shards = make_shards(corpus, parts, options)
    if not shards:
        raise UserError(nothing_to_do(corpus, parts))
    said = make_identity(corpus, cards, options)
    return Plan(
        corpus=corpus,
        annotator=annotator,
        second=second,
        options=options,
        parts=parts,
        shards=shards,
        identity={**said, **listed(parts, shards)},
        digest=hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest(),
        batch_size=batch_size,
        timeout=timeout,
    )


def nothing_to_do(corpus: Corpus, parts: Sequence[Part]) -> str:
    """Why there are no shards."""
    broken = [part.broken for part in parts if part.broken]
    if not broken:
        return f"{corpus.label}: no pairs below {one_line(corpus.root, 200)}"
    more = f" (and {len(broken) - 1} more of {len(parts)} files)" if len(broken) > 1 else ""
    return f"{broken[0]}{more}"


def make_identity(corpus: Corpus, cards: Sequence[AdapterCard], options: Options) -> dict[str, Any]:
    """Every option that decides a byte of the output, as JSON has it."""
    said = {
        "format": FORMAT,
        "protocol": PROTOCOL_VERSION,
        "corpus": corpus.label,
        "corpus_version": corpus.card.version,
        "annotator": card_identity(cards[0], options.seed),
        "second": card_identity(cards[1], options.seed) if len(cards) > 1 else None,
        "parser": reader_identity(),
        **asdict(options),
    }
    if options.gates.pair_kind == "any":
        # Annotations that were begun before there was this gate go on under their name.
        del said["gates"]["pair_kind"]
    # Tuples become lists, so that it equals what is read back.
    plain: dict[str, Any] = json.loads(json.dumps(said))
    return plain


def both_handles(annotator: Named, second: Named | None, device: str, seed: int) -> tuple[Handle, Handle | None]:
    """The annotator and the second one, not built yet.

    Raises:
        UserError: unknown, or a pattern that means several.
    """
    found = [
        None if name is None else one_handle(name, option, device, seed)
        for name, option in ((annotator, "--annotator"), (second, "--second"))
    ]
    assert found[0] is not None
    return found[0], found[1]


def one_handle(name: Named, option: str, device: str, seed: int) -> Handle:
    """The annotator of that name.

    Raises:
        UserError: unknown, or a pattern that means several.
    """
    handles = annotator_handles([name], device, seed)
    if len(handles) > 1:
        raise UserError(f"{option} {name} means {len(handles)} annotators; name one of them")
    return handles[0]


def card_identity(card: AdapterCard, seed: int) -> dict[str, Any]:
    """What of an annotator decides its maps."""
    return {
        "name": card.name,
        "version": card.version,
        "threshold": card.threshold,
        "weights": sorted(weight.sha256 for weight in card.weights),
        "seed": seed if card.seeded else None,
    }
