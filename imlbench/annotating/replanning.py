"""Going on with a begun annotation although files of its corpus are not what they were.

One file must not stop the others: one that cannot be read is on record as broken. Once it is mended it is planned anew
on request; the shards of the other files stay what they are, under their numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from imlbench.annotating.shards import Shard, bounded, cut, listed, part_entry, sample_size
from imlbench.corpora.base import Part
from imlbench.errors import UserError, one_line

if TYPE_CHECKING:
    from imlbench.annotating.plan import Plan

MENDED = "could not be read when this annotation began, and can be now: give --retry-failed to annotate it"


class Cut(NamedTuple):
    """A shard in plan.json: the place of its part in the list of parts, first row, row after the last one."""

    place: int
    start: int
    stop: int | None


@dataclass(frozen=True, slots=True)
class Begun:
    """What plan.json says of the corpus' files.

    Attributes:
        parts: the files.
        cuts: the shards in their order.
    """

    parts: list[Part]
    cuts: list[Cut]

    @classmethod
    def read(cls, path: Path, stored: dict[str, Any]) -> Self:
        """The parts and shards of a stored plan.

        Raises:
            UserError: it holds none.
        """
        try:
            begun = cls([Part(*entry) for entry in stored["parts"]], [Cut(*entry) for entry in stored["shards"]])
            if not all(0 <= one.place < len(begun.parts) for one in begun.cuts):
                raise IndexError("a shard of no file")
        except (KeyError, TypeError, IndexError) as error:
            raise UserError(f"{one_line(path, 200)}: damaged ({one_line(error, 80)}); choose another --out") from error
        return begun

    def shards_of(self, place: int) -> list[int]:
        """Numbers of the shards of a part."""
        return [number for number, cut in enumerate(self.cuts) if cut.place == place]

    def listed(self) -> dict[str, Any]:
        """The same as JSON has it."""
        return {"parts": [part_entry(part) for part in self.parts], "shards": [list(one) for one in self.cuts]}

    def replace(self, place: int, numbers: Sequence[int], found: Sequence[tuple[int, int | None]]) -> None:
        """Give a part other shards; those beyond the numbers that it has come last, so that no other's changes."""
        for number, stretch in zip_longest(numbers, found[: len(numbers)], fillvalue=None):
            # A number that is left over stays, as a shard without rows.
            assert number is not None
            self.cuts[number] = Cut(place, *(stretch or (0, 0)))
        self.cuts.extend(Cut(place, *stretch) for stretch in found[len(numbers) :])

    def outdated(self, plan: Plan) -> list[int]:
        """Numbers of the shards that are others in a plan."""
        now = [(shard.part, shard.start, shard.stop) for shard in plan.shards]
        return [n for n, one in enumerate(self.cuts) if (self.parts[one.place], one.start, one.stop) != now[n]]


def go_on(
    path: Path, begun: Begun, plan: Plan, retry_failed: bool, unfinished: Callable[[Sequence[int]], bool]
) -> Plan:
    """The plan to go by: the begun one, with the files that were mended.

    Args:
        path: of plan.json, for messages.
        begun: what it says.
        plan: of this call, with the same options.
        retry_failed: whether files with failures are planned anew where they have changed.
        unfinished: whether one of these shards is not done, or holds rows that failed.

    Raises:
        UserError: a file has changed, or there are others; the message names the first.
    """
    if listed(plan.parts, plan.shards) == begun.listed():
        return plan
    check_for_others(path, begun, plan)
    now = {part.name: part for part in plan.parts}
    going = Begun(list(begun.parts), list(begun.cuts))
    for place, before in enumerate(begun.parts):
        part = what_became(before, now.get(before.name, before), retry_failed)
        going.parts[place] = part
        if part.broken or part == before:
            continue
        numbers = begun.shards_of(place)
        if not before.broken:
            check_change(path, before.name, retry_failed, unfinished(numbers))
        going.replace(place, numbers, stretches(plan, part, going, numbers))
    shards = tuple(Shard(number, going.parts[one.place], *one[1:]) for number, one in enumerate(going.cuts))
    return replace(plan, parts=tuple(going.parts), shards=shards, identity={**plan.identity, **going.listed()})


def check_for_others(path: Path, begun: Begun, plan: Plan) -> None:
    """Refuse files that have come since. Under a limit they do not matter: its sample has been drawn.

    Raises:
        UserError: there are some.
    """
    known = {part.name for part in begun.parts}
    new = [part.name for part in plan.parts if part.name not in known and (part.broken or part.rows != 0)]
    if new and plan.options.limit is None:
        more = f" and {len(new) - 1} more" if len(new) > 1 else ""
        raise UserError(f"{one_line(path, 200)}: {has_changed(f'{new[0]}{more} came since')}; choose another --out")


def check_change(path: Path, name: str, retry_failed: bool, unfinished: bool) -> None:
    """Refuse a file that is not what it was, unless it is one with failures that are to be retried.

    Raises:
        UserError: it is refused.
    """
    if retry_failed and unfinished:
        return
    advice = "give --retry-failed to annotate it anew, or " if unfinished else ""
    what = has_changed(f"{name} is not the file it was")
    raise UserError(f"{one_line(path, 200)}: {what}; {advice}choose another --out")


def has_changed(what: str) -> str:
    """What is said of a corpus that is not what it was."""
    return f"the corpus has changed since this annotation began ({one_line(what, 200)})"


def what_became(before: Part, now: Part, retry_failed: bool) -> Part:
    """What a part is taken for."""
    if before.broken and not now.broken and not retry_failed:
        return replace(before, broken=f"{before.name}: {MENDED}")
    # Of a file that was whole when it was planned, what is done stays; its other rows will be failures on record.
    return before if now.broken and not before.broken else now


def stretches(plan: Plan, part: Part, going: Begun, numbers: Sequence[int]) -> list[tuple[int, int | None]]:
    """The stretches of a part that is planned anew."""
    limit, size = plan.options.limit, plan.options.shard_size
    if limit is None:
        return [(start, stop) for _, start, stop in cut(part, size)]
    before = [going.cuts[number] for number in numbers]
    if before:
        # The sample stays what was drawn, as far as the file is still so long.
        most = inf if part.rows is None else part.rows
        ends = [int(min(one.stop or 0, most)) for one in before]
        return [(one.start, stop) for one, stop in zip(before, ends, strict=True) if stop > one.start]
    found: list[tuple[int, int | None]] = []
    left = limit - sum((one.stop or one.start) - one.start for one in going.cuts)
    for stretch in cut(part, sample_size(limit, size)):
        _, start, stop = bounded(plan.corpus, stretch, left)
        if stop > start:
            found.append((start, stop))
            left -= stop - start
    return found
