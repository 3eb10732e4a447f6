"""The page on disk: one file that holds everything, or a file and a folder that are replaced as a whole."""

from __future__ import annotations

import base64
import html
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from imlbench.errors import UserError

ASSETS = Path(__file__).parent / "assets"
MARKERS = ("<!--STYLE-->", "<!--DATA-->", "<!--SCRIPT-->")
KINDS = {".webp": "image/webp", ".png": "image/png"}
ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
SINGLE_SIDE, FOLDER_SIDE = 320, 512
"""Longest side of a picture in pixels."""


class Inlined:
    """Pictures within the page's one file."""

    side = SINGLE_SIDE

    def keep(self, name: str, data: bytes) -> str:
        """The picture as a data: address."""
        return f"data:{KINDS[os.path.splitext(name)[1]]};base64,{base64.b64encode(data).decode()}"


@dataclass
class Filed:
    """Pictures as files.

    Attributes:
        folder: where they are written.
        address: of that folder relative to the page, as a URL without a slash at its end.
    """

    folder: Path
    address: str
    side = FOLDER_SIDE

    def keep(self, name: str, data: bytes) -> str:
        """Write the picture; its address relative to the page."""
        path = self.folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        except OSError as error:
            raise UserError(f"{path}: cannot be written ({error.strerror})") from error
        return f"{self.address}/{name}"


def safe_json(value: object) -> str:
    """JSON that may stand in a script: no character that could end the script, or a line of it, is left as it is."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    for character, escape in ESCAPES.items():
        text = text.replace(character, escape)
    return text


def data_script(data: Mapping[str, Any]) -> str:
    """The statement that hands the data to the page's script."""
    # Part by part: the encoder holds a part's text twice.
    parts = ",\n".join(f"{safe_json(name)}:{safe_json(value)}" for name, value in data.items())
    return f"window.IMLBENCH_DATA = {{{parts}}};\n"


def page_text(data_block: str) -> str:
    """The page around its data.

    Args:
        data_block: a whole script element.
    """
    style, script = (asset(name) for name in ("page.css", "page.js"))
    blocks = (f"<style>\n{style}</style>", data_block, f"<script>\n{script}</script>")
    return filled(asset("page.html"), blocks)


def asset(name: str) -> str:
    """A file of the page's front end."""
    return (ASSETS / name).read_text(encoding="utf-8")


def filled(template: str, blocks: tuple[str, ...]) -> str:
    """The template with a block in place of each marker; what a block holds is never taken for a marker."""
    for marker in MARKERS:
        if template.count(marker) != 1:
            raise ValueError(f"page.html: {marker} must stand in it once, found {template.count(marker)}")
    pieces = []
    for marker, block in zip(MARKERS, blocks, strict=True):
        before, template = template.split(marker)
        pieces += [before, block]
    return "".join([*pieces, template])


def inline_block(data: Mapping[str, Any]) -> str:
    """The data within the page."""
    return f"<script>{data_script(data)}</script>"


def linked_block(address: str) -> str:
    """The data in a file beside the page; `address` is a URL."""
    return f'<script src="{html.escape(address)}"></script>'


def url_of(name: str) -> str:
    """A file name as a relative URL: without this, `#`, `?`, `%` and `:` would mean something else."""
    return "./" + quote(os.fsencode(name), safe="")


def bytes_below(path: Path) -> int:
    """Size of a file, or of all files in a folder."""
    if path.is_file():
        return path.stat().st_size
    return sum(os.path.getsize(os.path.join(top, name)) for top, _, names in os.walk(path) for name in names)


def size_text(count: int) -> str:
    """A number of bytes for people."""
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"
