"""One vocabulary of edit types for all corpora: 24 categories, and how each source's own names map to them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from imlbench.errors import UserError, one_line
from imlbench.synthesis.reading import Action

OTHER = "other"
"""The word for a type that no source is known to use; the pair keeps the source's own name beside it."""


@dataclass(frozen=True, slots=True)
class EditType:
    """A category of edits.

    Attributes:
        word: its name, as typed after --types.
        title: in reports.
        aligned: False where what was not edited, too, lies elsewhere in the edited image, so that no comparison of
            pixels can tell the edit. Such pairs are excluded unless asked for.
        action: what SIGMA's parser calls such an edit, None where it depends on the instruction.
    """

    word: str
    title: str
    aligned: bool = True
    action: Action | None = None


EDIT_TYPES: Mapping[str, EditType] = {
    kind.word: kind
    for kind in (
        EditType("addition", "Object added", action="add"),
        EditType("removal", "Object removed", action="remove"),
        EditType("replacement", "Object replaced", action="replace"),
        EditType("colour", "Colour changed", action="attribute change"),
        EditType("appearance", "Appearance changed", action="attribute change"),
        EditType("material", "Material changed", action="attribute change"),
        EditType("action", "Pose or action changed", action="attribute change"),
        EditType("text", "Text changed"),
        EditType("counting", "Number of objects changed"),
        EditType("background", "Background changed"),
        EditType("tone", "Weather, season or light changed", action="global"),
        EditType("style", "Style changed", action="global"),
        EditType("restoration", "Degradation repaired", action="global"),
        # An object moves, the rest of the frame stays where it is: such a pair is aligned.
        EditType("movement", "Object moved"),
        EditType("resize", "Resized", aligned=False),
        EditType("rotation", "Rotated", aligned=False),
        EditType("outpaint", "Frame extended", aligned=False),
        EditType("implicit", "Change to be inferred"),
        EditType("visual-box", "Guided by a box"),
        EditType("visual-depth", "Guided by a depth map"),
        EditType("visual-reference", "Guided by another image"),
        EditType("visual-scribble", "Guided by a scribble"),
        EditType("visual-segment", "Guided by segments"),
        EditType("visual-sketch", "Guided by a sketch"),
    )
}
"""The 24 categories by word, in the order of reports."""

UNKNOWN = EditType(OTHER, "Other")

SOURCE_NAMES: Mapping[str, tuple[str, ...]] = {
    # AnyEdit's names first, then CrispEdit's, OmniEdit's and PromptFix's where they differ.
    "addition": ("add", "addition"),
    "removal": ("remove", "removal", "object_removal", "watermark_removal", "watermark"),
    "replacement": ("replace", "swap"),
    "colour": ("color_alter", "color", "attr_mod_color"),
    "appearance": ("appearance_alter", "attribute_modification", "attr_mod"),
    "material": ("material_change", "material_alter", "attr_mod_material", "attr_mod_texture"),
    "action": ("action_change", "motion_change", "attr_mod_action", "attr_mod_pose"),
    "text": ("textual_change", "attr_mod_text"),
    "counting": ("counting",),
    "background": ("background_change",),
    "tone": ("tone_transfer", "tune_transfer", "env", "environment"),
    "style": ("style_change", "style"),
    "restoration": (
        *("deblur", "deblurring", "dehaze", "dehazing", "haze_removal", "desnow", "desnowing", "snow_removal"),
        *("low_light", "lowlight", "low_light_enhancement", "colorize", "colorization", "colourisation"),
    ),
    "movement": ("movement", "relation"),
    "resize": ("resize",),
    "rotation": ("rotation_change",),
    "outpaint": ("outpaint", "outpainting"),
    "implicit": ("implicit_change",),
    "visual-box": ("visual_bbox",),
    "visual-depth": ("visual_depth",),
    "visual-reference": ("visual_reference", "visual_material_transfer"),
    "visual-scribble": ("visual_scribble",),
    "visual-segment": ("visual_segment",),
    "visual-sketch": ("visual_sketch",),
}
"""The sources' names of each category. Of PromptFix's few are published: its tasks are here in likely spellings."""

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_GAP = re.compile(r"[^a-z0-9]+")
MAX_NAME = 500
"""Characters of a name; a longer one is none."""


def normalised(name: str) -> str:
    """A name in lower case with "_" between its words, however the source wrote it: "lowLight", "low-light"."""
    return _GAP.sub("_", _HUMP.sub("_", name).lower()).strip("_") if len(name) <= MAX_NAME else ""


_WORDS: Mapping[str, str] = {normalised(name): word for word, names in SOURCE_NAMES.items() for name in (*names, word)}


def edit_type(source_type: str) -> str:
    """The category of a source's own name of an edit type: a key of `EDIT_TYPES`, or `OTHER`."""
    return _WORDS.get(normalised(source_type), OTHER)


def facts(word: str) -> EditType:
    """The facts of a category, those of `UNKNOWN` for any other text."""
    return EDIT_TYPES.get(word, UNKNOWN)


def aligned_types() -> tuple[str, ...]:
    """The categories that are annotated where nothing else is said: all but the unaligned, and `OTHER`."""
    return (*(word for word, kind in EDIT_TYPES.items() if kind.aligned), OTHER)


def chosen_types(names: Iterable[str]) -> tuple[str, ...]:
    """The categories that a list names, in the vocabulary's order: by their words or by a source's names.

    Raises:
        UserError: a name is neither.
    """
    words = set()
    for name in names:
        word = OTHER if normalised(name) == OTHER else edit_type(name)
        if word == OTHER and normalised(name) != OTHER:
            known = ", ".join((*EDIT_TYPES, OTHER))
            raise UserError(f"--types: {one_line(name, 80)!r} is no edit type; expected some of {known}")
        words.add(word)
    return tuple(word for word in (*EDIT_TYPES, OTHER) if word in words)
