"""Text: words are written upon the image, half of the time on a plate."""

from __future__ import annotations

import importlib.util
import os
from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from imlbench.synthesis.blending import blend, feathered
from imlbench.synthesis.scene import Edit
from imlbench.synthesis.words import colour_of, place_words, sentence

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.synthesis.scene import Scene

FACES = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSansMono", "DejaVuSans-Oblique")
"""Of the fonts that come with matplotlib."""
HERSHEY = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_TRIPLEX, cv2.FONT_HERSHEY_SCRIPT_COMPLEX, cv2.FONT_HERSHEY_DUPLEX)
"""Of the fonts that OpenCV draws as strokes."""

_LISTED = (
    "SALE,OPEN,Hello,Welcome,Paris,Tokyo,2024,50%,EXIT,Coffee,Fresh,NEW,Stop,Love,Music,Summer,Winter,Hotel,"
    "Garden,Museum,Today,Free,Lemon,River,Happy,Birthday,No.7,Radio,Market,Dreams,Light,Best,City,Tour,Big,Small,"
    "Ocean"
)
WORDS = tuple(_LISTED.split(","))


def write_text(scene: Scene, generator: np.random.Generator) -> Edit | None:
    """One to three words in one of several fonts; the mask is the letters, or the plate where they have one."""
    words = " ".join(str(word) for word in generator.choice(WORDS, int(generator.integers(1, 4)), replace=False))
    height, width = scene.image.shape[:2]
    letters = draw_letters(words, (height, width), generator)
    plate = letters.copy()
    on_plate = generator.random() < 0.4
    if on_plate:
        plate = plate_around(letters)
    if (plate > 0.5).mean() < scene.recipe.area[0] / 2 or ((plate > 0) & scene.taken).any():
        return None
    ink, paper = draw_colours(scene, plate, generator)
    soft = np.maximum(plate, feathered(plate > 0.5, 0.6)) if on_plate else letters
    content = (
        paper * (1 - letters[:, :, None]) + ink * letters[:, :, None]
        if on_plate
        else np.broadcast_to(ink, scene.image.shape)
    )
    image, mask = blend(scene.image, content.astype(np.float32), soft)
    text = sentence("text", generator, quality=words, where=place_words(mask))
    return Edit(image, mask, "add", None, f'text "{words.lower()}"', text)


def draw_colours(
    scene: Scene, plate: NDArray[np.float32], generator: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Ink and paper, RGB 0-255: the ink stands off from what is below it."""
    below = scene.image[plate > 0.5].mean() / 255
    dark = below > 0.5
    value = generator.uniform(0, 0.3) if dark else generator.uniform(0.8, 1)
    ink = colour_of(generator.uniform(0, 360), generator.choice([0, 0, 0.7]), value)
    back = generator.uniform(0.8, 1) if dark else generator.uniform(0, 0.3)
    paper = colour_of(generator.uniform(0, 360), generator.uniform(0, 0.4), back)
    return np.array(ink, np.float32), np.array(paper, np.float32)


def draw_letters(text: str, size: tuple[int, int], generator: np.random.Generator) -> NDArray[np.float32]:
    """The letters' opacity, H x W float32 in [0, 1], somewhere in the frame, sometimes turned."""
    height, width = size
    tall = int(np.clip(np.exp(generator.uniform(np.log(0.05), np.log(0.22))) * height, 10, 400))
    small = hershey(text, tall, generator) if generator.random() < 0.25 else typeset(text, tall, generator)
    fit = min(1.0, 0.92 * width / small.shape[1], 0.92 * height / small.shape[0])
    turn = float(generator.normal(0, 12)) if generator.random() < 0.3 else 0.0
    middle = (small.shape[1] / 2, small.shape[0] / 2)
    matrix = cv2.getRotationMatrix2D(middle, turn, fit)
    room = small.shape[1] * fit / 2, small.shape[0] * fit / 2
    matrix[0, 2] += generator.uniform(room[0], max(room[0] + 1, width - room[0])) - middle[0]
    matrix[1, 2] += generator.uniform(room[1], max(room[1] + 1, height - room[1])) - middle[1]
    return cv2.warpAffine(small, matrix, (width, height), flags=cv2.INTER_LINEAR)  # type: ignore[return-value]


def typeset(text: str, tall: int, generator: np.random.Generator) -> NDArray[np.float32]:
    """h x w float32 in [0, 1]: the text in an outline font, `tall` pixels high."""
    faces = outline_fonts()
    choice = int(generator.integers(len(faces) + 1))
    font = ImageFont.load_default(tall) if choice == len(faces) else ImageFont.truetype(faces[choice], tall)
    left, top, right, bottom = (round(edge) for edge in font.getbbox(text))
    canvas = PillowImage.new("L", (max(1, right - left + 4), max(1, bottom - top + 4)))
    ImageDraw.Draw(canvas).text((2 - left, 2 - top), text, fill=255, font=font)
    return np.asarray(canvas, np.float32) / np.float32(255)


def hershey(text: str, tall: int, generator: np.random.Generator) -> NDArray[np.float32]:
    """h x w float32 in [0, 1]: the text in strokes, `tall` pixels high."""
    face = HERSHEY[generator.integers(len(HERSHEY))]
    thick = max(1, round(tall * generator.uniform(0.04, 0.14)))
    scale = cv2.getFontScaleFromHeight(face, tall, thick)
    (width, height), below = cv2.getTextSize(text, face, scale, thick)
    canvas = np.zeros((height + below + 2 * thick, width + 2 * thick), np.uint8)
    cv2.putText(canvas, text, (thick, height + thick), face, scale, (255,), thick, cv2.LINE_AA)
    return canvas.astype(np.float32) / np.float32(255)


def plate_around(letters: NDArray[np.float32]) -> NDArray[np.float32]:
    """The smallest rectangle around the letters, turned as they are, widened: H x W float32, 0 or 1."""
    rows, columns = np.nonzero(letters > 0.3)
    if not len(rows):
        return letters
    centre, (across, down), angle = cv2.minAreaRect(np.stack([columns, rows], axis=1).astype(np.float32))
    margin = 0.35 * min(across, down)
    corners = cv2.boxPoints((centre, (across + margin, down + margin), angle))
    canvas = np.zeros(letters.shape, np.uint8)
    cv2.fillPoly(canvas, [np.round(corners).astype(np.int32)], (1,))
    return canvas.astype(np.float32)


@cache
def outline_fonts() -> tuple[str, ...]:
    """Files of the outline fonts that are there."""
    package = importlib.util.find_spec("matplotlib")
    if package is None or package.origin is None:
        return ()
    folder = os.path.join(os.path.dirname(package.origin), "mpl-data", "fonts", "ttf")
    paths = (os.path.join(folder, f"{face}.ttf") for face in FACES)
    return tuple(path for path in paths if os.path.isfile(path))
