"""plan.json: the plan in the folder of an annotation, with whose options every later call must agree."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imlbench.annotating.plan import FORMAT
from imlbench.errors import UserError, one_line

if TYPE_CHECKING:
    from imlbench.annotating.plan import Plan


LISTS = ("parts", "shards")
"""What a plan says of the corpus' files, see `imlbench.annotating.replanning`."""


def check_options(path: Path, stored: dict[str, Any], plan: Plan) -> None:
    """Refuse to go on with other options, or another annotator, than those in the folder.

    Raises:
        UserError: one differs; the message names it.
    """
    for name, value in plan.identity.items():
        if name not in LISTS and stored.get(name) != value:
            raise UserError(f"{one_line(path, 200)}: {difference(name, stored.get(name), value)}")


def difference(name: str, before: Any, now: Any) -> str:
    """What differs, and what to do, in one sentence."""
    if name == "gates" and isinstance(before, dict):
        name = next(key for key in {**before, **now} if before.get(key) != now.get(key))
        # A gate that is not named was open.
        before, now = before.get(name, "any"), now.get(name, "any")
    if name in ("annotator", "second") and isinstance(before, dict) and isinstance(now, dict):
        key = next(key for key in now if before.get(key) != now[key])
        name, before, now = f"{name}'s {key}", before.get(key), now[key]
    shown = f"begun with {name.replace('_', '-')} {one_line(before, 80)}, now {one_line(now, 80)}"
    return f"{shown}; give the same options to go on, or choose another --out"


def plan_text(plan: Plan) -> str:
    """Content of plan.json; the root only tells people, and may be another one on the next call."""
    # One line a part and a shard would make a file of megabytes that nobody reads.
    return json.dumps({**plan.identity, "digest": plan.digest, "root": plan.corpus.root}) + "\n"


def work_digest(plan: Mapping[str, Any]) -> str:
    """Changes when the shards of a plan do, or the files that they are of: what plan.json says is enough to tell."""
    told = [plan.get("digest"), *(plan.get(name) for name in LISTS)]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def read_plan(path: Path) -> dict[str, Any]:
    """What plan.json says.

    Raises:
        UserError: it is missing, damaged, or another version's.
    """
    try:
        stored = json.loads(path.read_bytes())
    except OSError as error:
        raise UserError(f"{one_line(path, 200)}: no plan of an annotation ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{one_line(path, 200)}: not JSON: {one_line(error, 200)}; choose another --out") from error
    if not isinstance(stored, dict) or stored.get("format") != FORMAT:
        expected = f"expected a plan of format {FORMAT}, which this version of imlbench writes"
        raise UserError(f"{one_line(path, 200)}: {expected}; choose another --out")
    return stored
