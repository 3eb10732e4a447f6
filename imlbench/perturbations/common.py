"""What several perturbations share: their card's common facts, whole severities, the size they work at."""

from __future__ import annotations

from imlbench.cards import Card
from imlbench.errors import Reason, SampleError, UserError


def own_card(
    name: str, title: str, summary: str, *, citation: str = "imlbench, docs/protocol.md", url: str = ""
) -> Card:
    """Card of a perturbation that imlbench defines."""
    return Card(name=name, title=title, version="1", summary=summary, licence="Apache-2.0", citation=citation, url=url)


def check_whole(name: str, meaning: str, severity: float, lowest: int, highest: int) -> None:
    """Refuse a severity that is no whole number from `lowest` to `highest`.

    Raises:
        UserError: such as "jpeg: severity is a whole quality from 1 to 100, found 0".
    """
    if not (lowest <= severity <= highest and severity == int(severity)):
        raise UserError(f"{name}: severity is a {meaning} from {lowest} to {highest}, found {severity:g}")


def check_pixels(name: str, height: int, width: int, limit: int) -> None:
    """Refuse work on images that would not fit into memory.

    Raises:
        SampleError: more than `limit` pixels.
    """
    if height * width > limit:
        message = f"{name}: works on at most {limit} pixels at once, here {width} x {height}"
        raise SampleError(Reason.TOO_LARGE, message)
