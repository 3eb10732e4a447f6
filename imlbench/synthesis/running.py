"""Making a set: look at the photographs, make what is missing, finish."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imlbench.errors import SampleError, UserError
from imlbench.files import write_atomically
from imlbench.synthesis import folder as folders
from imlbench.synthesis.encodings import RoundTrip
from imlbench.synthesis.folder import LOOKS, SetFolder, locked, write_pair
from imlbench.synthesis.guard import Exclusion, excluded_images, refuse_evaluation_sets
from imlbench.synthesis.pairs import Plan, make_pair, split_of
from imlbench.synthesis.photographs import Look, Photograph, find_photographs, look_at, usable
from imlbench.synthesis.polygons import read_polygons
from imlbench.synthesis.recipe import Recipe
from imlbench.synthesis.vae import check_vae, make_round_trip, weights_digest
from imlbench.synthesis.workers import spread

ENGINE = 2
"""Raised when the same options make other pairs than before: a set is never continued by another engine."""

Tell = Callable[[str, int, int], None]
"""Told of progress: what is being done, how much of it, of how much."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for.

    Attributes:
        photos: folders of photographs, searched with all folders below them.
        out: folder of the set.
        count: number of pairs.
        seed: of the set.
        workers: processes; never changes a pixel.
        side: shortest and longest longer side of a pair in pixels.
        polygons: folder of label files in YOLO's format, or None.
        exclude: folders of images that no photograph may show.
        recipe: shares and ranges.
        vae: name of the autoencoder; empty for none.
    """

    photos: Sequence[Path]
    out: Path
    count: int
    seed: int = 0
    workers: int = 1
    side: tuple[int, int] = (512, 512)
    polygons: Path | None = None
    exclude: Sequence[Path] = ()
    recipe: Recipe = field(default_factory=Recipe)
    vae: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it.

    Attributes:
        facts: content of `set.json`.
        made: pairs made by this run; 0 where the set was finished before.
        skipped: why photographs, or lines of label files, did not serve; one line each.
    """

    facts: dict[str, Any]
    made: int
    skipped: tuple[str, ...]


def synthesise(order: Order, tell: Tell = lambda what, done, total: None) -> Outcome:
    """Make a set, or what is missing of it.

    Raises:
        UserError: a folder, an option or a weight file is not as it must be, or no photograph can serve.
    """
    check_order(order)
    refuse_evaluation_sets(order.photos)
    photographs = find_photographs(order.photos, order.polygons)
    check_objects(order, photographs)
    excluded = excluded_images(order.exclude)
    options = describe(order, photographs, excluded)
    with locked(order.out):
        folder = SetFolder(order.out, options)
        facts = folder.facts()
        if facts is not None and facts.get("pairs") == order.count:
            folder.tidy()
            used = facts["photographs_used"]
            return Outcome(facts, 0, (*used["skipped"].values(), *used["label_problems"]))
        if facts is not None and facts["pairs"] > order.count:
            raise UserError(f"{order.out}: holds {facts['pairs']} pairs already; ask for as many or more")
        looks = survey(folder, photographs, excluded, order.workers, tell)
        return complete(folder, order, photographs, looks, tell)


def complete(folder: SetFolder, order: Order, photographs: list[Photograph], looks: list[Look], tell: Tell) -> Outcome:
    """Make the pairs that are missing and finish the set."""
    plan, skipped = make_plan(order, photographs, looks)
    lines = folder.done()
    missing = [number for number in range(order.count) if f"{number:06d}" not in lines]
    for number, line in spread(PairMaker(plan, order.out), missing, order.workers):
        lines[f"{number:06d}"] = line
        tell("pairs", len(lines), order.count)
    messages = {name: look.message for name, look in skipped.items()}
    labels = [problem for look in looks for problem in look.label_problems]
    used = {"usable": len(plan.photographs), "skipped": messages, "label_problems": labels}
    facts = folder.finish(order.count, lines, used)
    return Outcome(facts, len(missing), (*messages.values(), *labels))


def check_order(order: Order) -> None:
    """Refuse numbers without meaning.

    Raises:
        UserError: one is out of range.
    """
    low, high = order.side
    if not 64 <= low <= high <= 4096:
        raise UserError(f"--side: expected pixels from 64 to 4096, found {low}-{high}")
    if order.count < 1 or order.workers < 1:
        raise UserError(f"--count and --workers: expected at least 1, found {order.count} and {order.workers}")
    check_vae(order.vae)
    out = os.path.realpath(order.out)
    for folder in (*order.photos, *order.exclude):
        if os.path.commonpath((out, os.path.realpath(folder))) == os.path.realpath(folder):
            raise UserError(f"--out: {order.out} lies in {folder}, which would then hold the set too; name another one")


def check_objects(order: Order, photographs: Sequence[Photograph]) -> None:
    """Refuse Object Jitter where no object is known: every pair of that kind would be none.

    Raises:
        UserError: there are no polygons, or none belongs to a photograph.
    """
    if not order.recipe.kinds.get("object-jitter", 0.0) > 0:
        return
    wanted = "the kind object-jitter enlarges annotated objects"
    if order.polygons is None:
        raise UserError(f"--polygons: {wanted}; name a folder of instance polygons, or leave that kind out")
    if not any(read_polygons(one.label_root, one.label)[0] for one in photographs if one.label):
        raise UserError(f"--polygons: {wanted}, and {order.polygons} has no polygon for any of the photographs")


def describe(order: Order, photographs: list[Photograph], excluded: list[Photograph]) -> dict[str, Any]:
    """All that decides the pairs except their number, without the machine's own paths."""
    return {
        "engine": ENGINE,
        "seed": order.seed,
        "side": list(order.side),
        "photos": sorted({photograph.name.split("/", 1)[0] for photograph in photographs}),
        "photographs": listing_digest(photographs),
        "polygons": sum(1 for photograph in photographs if photograph.label),
        "excluded": listing_digest(excluded) if excluded else "",
        "vae": order.vae,
        "vae_weights": weights_digest(order.vae),
        "recipe": order.recipe.facts(),
    }


def listing_digest(photographs: Sequence[Photograph]) -> str:
    """One hash over names and sizes of the files: quick, and changes when a file comes, goes or grows."""
    digest = hashlib.sha256()
    for photograph in photographs:
        for root, path in ((photograph.root, photograph.path), (photograph.label_root, photograph.label)):
            size = os.path.getsize(os.path.join(root, path)) if path and os.path.isfile(os.path.join(root, path)) else 0
            digest.update(f"{photograph.name}\0{path}\0{size}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def survey(
    folder: SetFolder, photographs: list[Photograph], excluded: list[Photograph], workers: int, tell: Tell
) -> list[Look]:
    """A look at each photograph, kept beside the set: the next run need not look again."""
    path = folder.root / LOOKS
    if os.path.isfile(path):
        known = folders.read_json_object(path)
        return [Look.from_facts(known[one.name]) for one in photographs]
    total = len(photographs) + len(excluded)
    found: dict[int, Look] = {}
    for index, look in spread(look_at_numbered, enumerate([*photographs, *excluded]), workers):
        found[index] = look
        tell("photographs", len(found), total)
    exclusion = Exclusion(found[index] for index in range(len(photographs), total))
    looks = [exclusion.judged(photograph, found[index]) for index, photograph in enumerate(photographs)]
    facts = {photograph.name: look.facts() for photograph, look in zip(photographs, looks, strict=True)}
    write_atomically(path, json.dumps(facts, ensure_ascii=False) + "\n")
    return looks


def look_at_numbered(task: tuple[int, Photograph]) -> tuple[int, Look]:
    """A look at a photograph, with its number."""
    return task[0], look_at(task[1])


def make_plan(order: Order, photographs: list[Photograph], looks: list[Look]) -> tuple[Plan, dict[str, Look]]:
    """The plan of a set, and the photographs that do not serve.

    Raises:
        UserError: none serves.
    """
    kept, skipped = usable(photographs, looks)
    if not kept:
        first = next(iter(skipped.values())).message
        raise UserError(f"--photos: none of {len(photographs)} image files can serve; the first: {first}")
    chosen = [photographs[index] for index in kept]
    splits = [split_of(photograph.name, order.seed, order.recipe.validation) for photograph in chosen]
    hashes = [looks[index].sha256 for index in kept]
    return Plan(chosen, hashes, splits, order.recipe, order.seed, order.side, order.vae), skipped


class PairMaker:
    """Makes and writes pairs; the autoencoder is loaded with the first one.

    Args:
        plan: of the set.
        root: its folder.
    """

    def __init__(self, plan: Plan, root: Path) -> None:
        self.plan = plan
        self.root = root
        self.round_trip: RoundTrip | None = None

    def __call__(self, number: int) -> tuple[int, str]:
        if self.plan.vae and self.round_trip is None:
            self.round_trip = make_round_trip(self.plan.vae)
        try:
            files = make_pair(self.plan, number, self.round_trip)
        except SampleError as error:
            # Each photograph was read before: it has gone since, or the machine is out of memory.
            raise UserError(f"pair {number}: {error.message}; mend it and run the command again to go on") from error
        return number, write_pair(self.root, files)
