"""What columns and files are commonly called: for corpora whose layout nobody published."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal, get_args

from imlbench.errors import UserError, one_line

Role = Literal["original", "edited", "instruction", "type", "id", "caption"]
ROLES: tuple[Role, ...] = get_args(Role)
IMAGES: tuple[Role, ...] = ("original", "edited")
TEXTS: tuple[Role, ...] = ("instruction", "type", "id", "caption")

COMMON_NAMES: Mapping[Role, tuple[str, ...]] = {
    "original": (
        *("original", "original_image", "original_img", "source", "source_image", "source_img", "src_img"),
        *("input_image", "input_img", "image_file", "before", "before_image", "input"),
    ),
    "edited": (
        *("edited", "edited_image", "edited_img", "edited_file", "target", "target_image", "target_img"),
        *("output_image", "output_img", "processed_img", "after", "after_image", "output"),
    ),
    "instruction": (
        "instruction",
        "edit_instruction",
        "edit_prompt",
        "edited_prompt_list",
        "command",
        "prompt",
        "edit",
    ),
    "type": ("edit_type", "type", "task", "task_id", "edit_task", "category"),
    "id": ("id", "image_id", "img_id", "key", "__key__", "omni_edit_id"),
    "caption": ("caption", "output_caption", "edited_caption", "target_caption"),
}
"""Names by role, the likeliest first."""


def read_options(owner: str, text: str) -> dict[Role, str]:
    """The names that a text such as "original=src,edited=tgt" gives to roles.

    Args:
        owner: the corpus' name, for messages.
        text: role=name, comma-separated; "" names none. A name may not hold a comma.

    Raises:
        UserError: an item is something else, or names a role again.
    """
    chosen: dict[Role, str] = {}
    for item in text.split(",") if text else ():
        role, equals, name = item.partition("=")
        known = next((each for each in ROLES if each == role.strip()), None)
        if known is None or known in chosen or not (equals and name.strip()):
            expected = f"expected ROLE=NAME,... with the roles {', '.join(ROLES)}, each once"
            raise UserError(f"{owner}: {one_line(item, 80)!r}: {expected}")
        chosen[known] = name.strip()
    return chosen


def common_name(role: Role, there: Collection[str]) -> str | None:
    """The likeliest of the common names of a role that is `there`, None where none is."""
    return next((name for name in COMMON_NAMES[role] if name in there), None)
