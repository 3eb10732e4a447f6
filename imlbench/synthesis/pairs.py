"""One pair from its number: which photograph, which edits, which encodings. Depends on seed and number alone."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image as PillowImage

from imlbench.perturb import keyed_generator
from imlbench.synthesis.blending import visible
from imlbench.synthesis.encodings import RoundTrip, Side, apply_steps, draw_steps, shifted_mask
from imlbench.synthesis.kinds.table import KINDS
from imlbench.synthesis.posters import poster
from imlbench.synthesis.reading import Split
from imlbench.synthesis.scene import Edit, Scene, View
from imlbench.synthesis.views import covering_view, draw_view
from imlbench.synthesis.words import place_words, sentence

if TYPE_CHECKING:
    from imlbench.samples import Image, Mask
    from imlbench.synthesis.photographs import Photograph
    from imlbench.synthesis.recipe import Recipe

TRIES = 12
"""Kinds drawn before a pair is given up and becomes a zero edit."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All that decides a set's pairs.

    Attributes:
        photographs: that can serve, and the SHA-256 of each.
        hashes: likewise.
        splits: likewise, the side of each.
        recipe: shares and ranges.
        seed: of the set.
        side: shortest and longest longer side of a pair, in pixels.
        vae: name of the autoencoder; empty where there is none.
    """

    photographs: Sequence[Photograph]
    hashes: Sequence[str]
    splits: Sequence[Split]
    recipe: Recipe
    seed: int
    side: tuple[int, int]
    vae: str = ""

    def siblings(self, index: int) -> list[int]:
        """Indices of the other photographs on the same side of the split; its own where it is alone there."""
        same = [other for other, split in enumerate(self.splits) if split == self.splits[index] and other != index]
        return same or [index]

    def source(self, number: int) -> int:
        """Index of a pair's photograph: all serve once before any serves again, in an order drawn anew each round."""
        rounds, place = divmod(number, len(self.photographs))
        order = keyed_generator(self.seed, "order", rounds).permutation(len(self.photographs))
        return int(order[place])


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """An edited view before it is encoded.

    Attributes:
        original: H x W x 3, uint8.
        edited: H x W x 3, uint8; equal to `original` for a zero edit.
        mask: H x W bool: the union of the edits' masks.
        words: action, concepts, instruction and kind.
    """

    original: Image
    edited: Image
    mask: Mask
    words: dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Files:
    """A pair ready to be written: its three files and its record without their names."""

    original: Side
    edited: Side
    mask: bytes
    record: dict[str, Any]


def split_of(name: str, seed: int, validation: float) -> Split:
    """The side of a photograph, by the hash of its name and the seed."""
    digest = hashlib.sha256(f"{seed}\0{name}".encode()).digest()
    return "validation" if int.from_bytes(digest[:8]) < validation * 2**64 else "train"


def make_pair(plan: Plan, number: int, round_trip: RoundTrip | None = None) -> Files:
    """The pair of that number, encoded.

    Raises:
        SampleError: its photograph can no longer be read, or the autoencoder failed.
    """
    made, index = compose(plan, number)
    encodings = {}
    for name, side in (("original", plan.recipe.original), ("edited", plan.recipe.edited)):
        encodings[name] = draw_steps(plan.recipe, side, plan.vae, keyed_generator(plan.seed, number, name))
    mask = shifted_mask(made.mask, encodings["edited"])
    height, width = mask.shape
    record = {
        "id": f"{number:06d}",
        "source": plan.photographs[index].name,
        **made.words,
        "encoding": encodings,
        "seed": plan.seed,
        "width": width,
        "height": height,
        "zero_edit": not mask.any(),
        "split": plan.splits[index],
        "source_sha256": plan.hashes[index],
    }
    original = apply_steps(made.original, encodings["original"], round_trip)
    edited = apply_steps(made.edited, encodings["edited"], round_trip)
    return Files(original, edited, encode_mask(mask), record)


def compose(plan: Plan, number: int) -> tuple[Made, int]:
    """The pair of that number before it is encoded, and the index of its photograph."""
    generator = keyed_generator(plan.seed, number, "edit")
    index = plan.source(number)
    view = draw_view(plan.photographs[index], plan.side, plan.recipe.crop, generator)
    if generator.random() < plan.recipe.poster:
        view = poster(view, generator)
    siblings = plan.siblings(index)

    def donor() -> View:
        other = plan.photographs[siblings[generator.integers(len(siblings))]]
        return covering_view(other, (view.image.shape[0], view.image.shape[1]), generator)

    scene = Scene(view, np.zeros(view.image.shape[:2], np.bool_), donor, plan.recipe)
    if generator.random() < plan.recipe.zero:
        return zero_edit(scene, generator), index
    count = int(generator.integers(2, 4)) if generator.random() < plan.recipe.several else 1
    return edited(scene, count, generator), index


def edited(scene: Scene, count: int, generator: np.random.Generator) -> Made:
    """A view edited up to `count` times, each time where it was not edited yet."""
    names = tuple(scene.recipe.kinds)
    weights = np.array([scene.recipe.kinds[name] for name in names])
    edits: list[tuple[str, Edit]] = []
    now = scene
    for _ in range(TRIES):
        name = names[generator.choice(len(names), p=weights / weights.sum())]
        # What replaces the whole background leaves no room for others.
        if name == "background" and count > 1:
            continue
        edit = KINDS[name](now, generator)
        if edit is None or not visible(now.image, edit.image, edit.mask) or edit.mask.all():
            continue
        edits.append((name, edit))
        now = replace(now, view=remaining(now.view, edit), taken=now.taken | edit.mask)
        if len(edits) == count:
            break
    if not edits:
        return zero_edit(scene, generator)
    words = joined(edits)
    if generator.random() >= scene.recipe.instruction:
        words["instruction"] = None
    return Made(scene.image, now.image, now.taken, words)


def remaining(view: View, edit: Edit) -> View:
    """The edited view with the objects that the edit did not touch."""
    return View(edit.image, tuple(one for one in view.instances if not (one.mask & edit.mask).any()))


def joined(edits: list[tuple[str, Edit]]) -> dict[str, Any]:
    """The words of one edit or several: different actions together are global, which names no concept."""
    actions = {edit.action for _, edit in edits}
    concepts = [
        " and ".join(dict.fromkeys(filter(None, texts))) or None
        for texts in zip(*((edit.concept_original, edit.concept_edited) for _, edit in edits), strict=True)
    ]
    sentences = [edit.instruction for _, edit in edits]
    later = [text[0].lower() + text[1:] for text in sentences[1:]]
    if len(actions) > 1:
        concepts = [None, None]
    instruction = sentences[0] if not later else f"{sentences[0].rstrip('.')}, then {', then '.join(later)}"
    return {
        "action": actions.pop() if len(actions) == 1 else "global",
        "instruction": instruction,
        "concept_original": concepts[0],
        "concept_edited": concepts[1],
        "kind": "+".join(name for name, _ in edits),
    }


def zero_edit(scene: Scene, generator: np.random.Generator) -> Made:
    """Nothing is edited; now and then an instruction asks for an edit that was not carried out."""
    words: dict[str, Any] = {"action": "global", "instruction": None, "concept_original": None, "concept_edited": None}
    if generator.random() < scene.recipe.idle_instruction and scene.view.instances:
        instance = scene.view.instances[generator.integers(len(scene.view.instances))]
        concept = f"{instance.name} {place_words(instance.mask)}" if generator.random() < 0.2 else instance.name
        text = sentence("remove", generator, original=concept)
        words |= {"action": "remove", "concept_original": concept, "instruction": text}
    words["kind"] = "none"
    return Made(scene.image, scene.image, np.zeros(scene.image.shape[:2], np.bool_), words)


def encode_mask(mask: Mask) -> bytes:
    """PNG of a mask, one bit a pixel: white = edited."""
    buffer = io.BytesIO()
    PillowImage.fromarray(mask).save(buffer, "PNG", optimize=False)
    return buffer.getvalue()
