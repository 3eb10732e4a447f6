"""What the figures share: colours of Okabe and Ito, marks that tell series apart in grey, text, files."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imlbench.errors import UserError, one_line
from imlbench.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
SOLID: tuple[Any, ...] = ("-", (0, (6, 1.5)), (0, (3, 1, 1, 1)), (0, (8, 1.5, 1.5, 1.5)))
FORMS = ("png", "svg", "pdf")


def plain(text: str, limit: int = 40) -> str:
    """Text that is drawn as it is: a dollar sign would start a formula, an underscore hide a legend entry."""
    shown = one_line(text, limit).replace("$", r"\$")
    return f" {shown}" if shown.startswith("_") else shown


def image_bytes(figure: Figure, form: str) -> bytes:
    """The figure as png, svg or pdf; the same figure gives the same bytes."""
    from matplotlib import rc_context

    dates = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
    buffer = io.BytesIO()
    with rc_context({"svg.hashsalt": "imlbench"}):
        figure.savefig(buffer, format=form, dpi=160, bbox_inches="tight", metadata=dates[form])
    return buffer.getvalue()


def figure_form(output: Path) -> str:
    """The form that a file's suffix names: png, svg or pdf.

    Raises:
        UserError: it names none of them.
    """
    form = output.suffix.lower().removeprefix(".")
    if form not in FORMS:
        expected = ", ".join(f".{known}" for known in FORMS)
        raise UserError(f"{one_line(output)}: expected a name ending in {expected}")
    return form


def save_figure(figure: Figure, output: Path) -> None:
    """Write a figure in the form that the file's suffix names.

    Raises:
        UserError: the suffix names no form, or the file cannot be written.
    """
    write_atomically(output, image_bytes(figure, figure_form(output)))
