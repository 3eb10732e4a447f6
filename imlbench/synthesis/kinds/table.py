"""The kinds of edit by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from imlbench.synthesis.kinds.background import change_background
from imlbench.synthesis.kinds.copy_move import copy_move
from imlbench.synthesis.kinds.insertion import insert
from imlbench.synthesis.kinds.object_jitter import jitter_objects
from imlbench.synthesis.kinds.recolouring import recolour
from imlbench.synthesis.kinds.removal import remove
from imlbench.synthesis.kinds.repainting import repaint
from imlbench.synthesis.kinds.replacement import replace
from imlbench.synthesis.kinds.retexturing import retexture
from imlbench.synthesis.kinds.text import write_text

if TYPE_CHECKING:
    import numpy as np

    from imlbench.synthesis.scene import Edit, Scene

Kind = Callable[["Scene", "np.random.Generator"], "Edit | None"]

KINDS: dict[str, Kind] = {
    "removal": remove,
    "insertion": insert,
    "replacement": replace,
    "repainting": repaint,
    "copy-move": copy_move,
    "recolouring": recolour,
    "retexturing": retexture,
    "background": change_background,
    "text": write_text,
    "object-jitter": jitter_objects,
}
