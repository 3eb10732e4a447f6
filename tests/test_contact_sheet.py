"""The contact sheet: its size, what each tile shows, and that broken samples and hostile texts are drawn too."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from PIL import Image

from imlbench.cards import DatasetCard
from imlbench.contact_sheet import contact_sheet, encode_sheet, row_of
from imlbench.datasets.base import Dataset
from imlbench.errors import UserError
from imlbench.masks import WHITE
from imlbench.parts import load_parts
from imlbench.samples import Sample
from imlbench.sheet_drawing import (
    BROKEN,
    EMPTY,
    GAP,
    HEADER_HEIGHT,
    MARGIN,
    OUTLINE,
    ROW_HEIGHT,
    TEXT_WIDTH,
    TILE,
    outlined,
)
from imlbench.sheet_text import drawable, font, wrap
from imlbench.sources import BytesSource

SHAPE = (64, 64)
GREY, RED = (100, 100, 100), (130, 100, 100)


class Toy(Dataset):
    """Samples that a test puts together."""

    card: ClassVar[DatasetCard] = DatasetCard(
        name="toy", title="Toy", version="1", summary="", licence="", citation="", mask_rule="white", layout=""
    )

    def __init__(self, root: Path, samples: list[Sample]) -> None:
        super().__init__(root)
        self._samples = samples

    def __len__(self) -> int:
        return len(self._samples)

    def samples(self) -> Iterator[Sample]:
        return iter(self._samples)


def source(name: str, pixels: np.ndarray) -> BytesSource:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return BytesSource(name, buffer.getvalue())


def flat(colour: tuple[int, int, int], shape: tuple[int, int] = SHAPE) -> np.ndarray:
    return np.full((*shape, 3), colour, np.uint8)


def half(shape: tuple[int, int] = SHAPE) -> np.ndarray:
    """The left half."""
    mask = np.zeros(shape, np.uint8)
    mask[:, : shape[1] // 2] = 255
    return mask


def sample(name: str = "a", shape: tuple[int, int] = SHAPE, **changes: Any) -> Sample:
    """Grey whose left half turned reddish."""
    pixels = flat(GREY, shape)
    pixels[half(shape) > 0] = RED
    good = Sample(
        id=name,
        original=source("o.png", flat(GREY, shape)),
        edited=source("e.png", pixels),
        mask=source("m.png", half(shape)),
        mask_rule=WHITE,
    )
    return replace(good, **changes)


def sheet_of(tmp_path: Path, *samples: Sample, **options: Any) -> Image.Image:
    return contact_sheet(Toy(tmp_path, list(samples)), **options)


def pixel(sheet: Image.Image, row: int, column: int, x: float, y: float) -> tuple[int, ...]:
    """Colour in a tile at a place given as fractions of its side."""
    left = MARGIN + TEXT_WIDTH + GAP + column * (TILE + GAP)
    found = sheet.getpixel((left + int(x * (TILE - 1)), HEADER_HEIGHT + row * ROW_HEIGHT + int(y * (TILE - 1))))
    assert isinstance(found, tuple)
    return found


def rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour[1:]))


def text_area(sheet: Image.Image, row: int) -> np.ndarray:
    top = HEADER_HEIGHT + row * ROW_HEIGHT
    return np.asarray(sheet)[top : top + TILE, : MARGIN + TEXT_WIDTH]


def test_the_sheet_has_a_row_per_sample_and_four_tiles(tmp_path):
    sheet = sheet_of(tmp_path, sample("a"), sample("b"), sample("c"))
    width = 2 * MARGIN + TEXT_WIDTH + 4 * (TILE + GAP)
    assert sheet.size == (width, HEADER_HEIGHT + 3 * ROW_HEIGHT + MARGIN)
    assert sheet.mode == "RGB"


def test_each_tile_shows_its_picture(tmp_path):
    sheet = sheet_of(tmp_path, sample("a"), sample("b"), amplify=5)
    # ITU-R BT.601: 0.299 of 30, rounded, times 5.
    difference = (round(0.299 * 30) * 5,) * 3
    for row in (0, 1):
        assert pixel(sheet, row, 0, 0.25, 0.5) == pixel(sheet, row, 0, 0.75, 0.5) == GREY
        assert pixel(sheet, row, 1, 0.25, 0.5) == RED
        assert pixel(sheet, row, 1, 0.75, 0.5) == GREY
        assert pixel(sheet, row, 2, 0.25, 0.5) == (255, 255, 255)
        assert pixel(sheet, row, 2, 0.75, 0.5) == (0, 0, 0)
        assert pixel(sheet, row, 3, 0.25, 0.5) == difference
        assert pixel(sheet, row, 3, 0.75, 0.5) == (0, 0, 0)


def test_amplified_differences_stop_at_white(tmp_path):
    sheet = sheet_of(tmp_path, sample(), amplify=1000)
    assert pixel(sheet, 0, 3, 0.25, 0.5) == (255, 255, 255)
    with pytest.raises(UserError, match="amplify must be at least 1"):
        sheet_of(tmp_path, sample(), amplify=0)


def test_the_mask_is_outlined_in_the_edited_image_alone(tmp_path):
    sheet = np.asarray(sheet_of(tmp_path, sample()))
    ours = np.argwhere((sheet == OUTLINE).all(axis=2))
    left = MARGIN + TEXT_WIDTH + GAP + TILE + GAP
    assert len(ours) > 2 * TILE
    assert ours[:, 1].min() == left
    assert ours[:, 1].max() == left + TILE // 2 - 1


def test_an_outline_keeps_regions_smaller_than_a_pixel_of_the_tile():
    mask = np.zeros((4000, 4000), np.bool_)
    mask[2000, 2000] = True
    drawn = outlined(np.zeros((224, 224, 3), np.uint8), mask)
    assert (drawn == OUTLINE).all(axis=2).sum() == 1
    nothing = outlined(np.zeros((224, 224, 3), np.uint8), np.zeros((4000, 4000), np.bool_))
    assert not nothing.any()


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 1), (40, 160), (500, 300)])
def test_pictures_of_any_shape_stand_in_the_middle_of_their_square(tmp_path, shape):
    sheet = sheet_of(tmp_path, sample(shape=shape))
    assert pixel(sheet, 0, 0, 0.5, 0.5) == GREY
    if shape[1] > shape[0]:
        assert pixel(sheet, 0, 0, 0.5, 0.0) == pixel(sheet, 0, 0, 0.5, 1.0) == rgb(EMPTY)
    if shape[0] > shape[1]:
        assert pixel(sheet, 0, 0, 0.0, 0.5) == pixel(sheet, 0, 0, 1.0, 0.5) == rgb(EMPTY)


def test_a_missing_original_gets_a_tile_that_says_so(tmp_path):
    bare = sample(original=None)
    row = row_of(load_parts(bare), 4)
    assert row.tiles[0].reason == "the dataset ships no original of this image"
    assert row.tiles[3].reason == "nothing to compare (original not there)"
    sheet = sheet_of(tmp_path, bare)
    assert pixel(sheet, 0, 0, 0.5, 0.9) == pixel(sheet, 0, 3, 0.5, 0.9) == rgb(EMPTY)
    assert pixel(sheet, 0, 1, 0.25, 0.5) == RED


@pytest.mark.parametrize(
    ("role", "column", "others"), [("original", 0, (1, 2)), ("edited", 1, (0, 2)), ("mask", 2, (0, 1, 3))]
)
def test_a_broken_part_says_why_and_the_others_are_drawn(tmp_path, role, column, others):
    bad = sample(**{role: BytesSource("broken.png", b"nonsense")})
    row = row_of(load_parts(bad), 4)
    assert row.tiles[column].caption == f"{role}: unreadable"
    assert "not an image" in row.tiles[column].reason
    assert row.facts == ("unreadable",)
    sheet = sheet_of(tmp_path, bad, sample("b"))
    assert pixel(sheet, 0, column, 0.5, 0.9) == rgb(BROKEN)
    for other in others:
        assert row.tiles[other].pixels is not None
    assert pixel(sheet, 1, 1, 0.25, 0.5) == RED


def test_a_sample_that_is_broken_throughout_is_drawn_as_reasons(tmp_path):
    nothing = BytesSource("x.png", b"")
    sheet = sheet_of(tmp_path, sample(original=nothing, edited=nothing, mask=nothing))
    assert [pixel(sheet, 0, column, 0.5, 0.9) for column in range(3)] == [rgb(BROKEN)] * 3


def test_a_mask_of_the_wrong_shape_is_not_drawn(tmp_path):
    row = row_of(load_parts(sample(mask=source("m.png", half((64, 32))))), 4)
    assert row.tiles[2].caption == "mask: size-mismatch"
    assert row.tiles[1].outline is None


def test_facts_and_texts_of_a_row():
    row = row_of(load_parts(sample(instruction="do it", caption="a thing")), 4)
    assert row.name == "a"
    assert row.text == "Instruction: do it"
    assert row.facts == ("64 x 64 pixels", "mask area 50.0 %", "pair kind: spg 0.92", "largest difference outside: 0")
    assert [tile.caption for tile in row.tiles] == [
        "original, 64 x 64",
        "edited, 64 x 64",
        "mask, 50.0 %",
        "difference x 4",
    ]
    captioned = row_of(load_parts(sample(caption="a thing", scope="authentic", mask=None, mask_rule=None)), 4)
    assert captioned.text == "Caption: a thing"
    assert captioned.facts[0] == "authentic"


HOSTILE = [
    "日本語のテキスト",
    "مرحبا",
    "👩‍👩‍👧 emoji",
    "\x00\x07\x1b[31mred",
    "\udcff\ud800",
    "line\nbreak\ttab\r",
    "a" * 5000,
    "word " * 2000,
    "",
    " ",
    "[red]markup[/red] %s {x} \\n",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_drawn_within_their_column(tmp_path, text):
    sheet = sheet_of(tmp_path, sample(text or "id", instruction=text), sample("b"))
    area = text_area(sheet, 0)
    assert (area[:, :MARGIN] == 255).all()
    assert (area[:40, MARGIN:] < 128).any() or not text.strip()
    assert pixel(sheet, 0, 0, 0.0, 0.5) == GREY
    between = np.asarray(sheet)[HEADER_HEIGHT + TILE : HEADER_HEIGHT + ROW_HEIGHT - 1, : MARGIN + TEXT_WIDTH]
    assert (between == 255).all()


@pytest.mark.parametrize("text", HOSTILE)
def test_wrapped_lines_fit_and_hold_only_what_the_font_has(text):
    lines = wrap(text, 13, 200, 4)
    assert len(lines) <= 4
    assert all(font(13).getlength(line) <= 200 for line in lines)
    assert all(" " <= character <= "~" for line in lines for character in line)


def test_drawable_keeps_letters_and_marks_what_is_lost():
    assert drawable("Café – “naïve” × 2…") == 'Cafe - "naive" x 2...'
    assert drawable("日本 x") == "?? x"
    assert drawable("a\nb\x00") == "a b?"


def test_wrapping_breaks_at_spaces_then_signs_then_anywhere():
    assert wrap("one two three", 13, round(font(13).getlength("one two")), 9) == ["one two", "three"]
    name = wrap("glide_inpainting_val2017_555009_up", 13, round(font(13).getlength("glide_inpainting_val20")), 9)
    assert name == ["glide_inpainting_", "val2017_555009_up"]
    assert "".join(wrap("x" * 300, 13, 100, 99)) == "x" * 300
    assert wrap("one two three", 13, round(font(13).getlength("one tw...")), 1)[0].endswith("...")
    assert wrap("", 13, 100, 3) == wrap("text", 13, 100, 0) == []


def test_the_default_is_twelve_samples_and_ids_choose_their_own(tmp_path):
    dataset = Toy(tmp_path, [sample(f"{number:02}") for number in range(30)])
    rows = lambda sheet: (sheet.height - HEADER_HEIGHT - MARGIN) // ROW_HEIGHT  # noqa: E731
    assert rows(contact_sheet(dataset)) == 12
    assert rows(contact_sheet(dataset, limit=2)) == 2
    assert rows(contact_sheet(dataset, sample_ids=[f"{number:02}" for number in range(15)])) == 15
    with pytest.raises(UserError, match="no sample 'zz'"):
        contact_sheet(dataset, sample_ids=["zz"])


def test_too_many_rows_are_refused(tmp_path):
    dataset = Toy(tmp_path, [sample("a")] * 101)
    with pytest.raises(UserError, match="at most 100 samples, 101 were asked for"):
        contact_sheet(dataset, limit=500)
    with pytest.raises(UserError, match="limit must be at least 1"):
        contact_sheet(dataset, limit=0)


def test_the_same_seed_draws_the_same_sheet(tmp_path):
    dataset = Toy(tmp_path, [sample(f"{number:02}") for number in range(20)])
    first, again, other = (contact_sheet(dataset, limit=2, seed=seed).tobytes() for seed in (0, 0, 1))
    assert first == again
    assert first != other


@pytest.mark.parametrize(("name", "kind"), [("a.png", "PNG"), ("a.JPG", "JPEG")])
def test_sheets_are_encoded_by_their_suffix(tmp_path, name, kind):
    sheet = sheet_of(tmp_path, sample())
    read = Image.open(io.BytesIO(encode_sheet(Path(name))(sheet)))
    assert (read.format, read.size) == (kind, sheet.size)


@pytest.mark.parametrize("name", ["a.pdf", "a", "a.png.exe", ".png"])
def test_other_suffixes_are_refused(name):
    with pytest.raises(UserError, match=r"\.png or \.jpg"):
        encode_sheet(Path(name))
