"""What happens to the whole of an image on its way through an editor or a website: drawn, recorded, applied.

A step is an object with a "name" and its parameters; the list of steps decides the pixels and is stored with the pair.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from PIL import Image as PillowImage

from imlbench.perturbations.noise import gaussian

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.samples import Image, Mask
    from imlbench.synthesis.recipe import Recipe, SideRecipe

Step = dict[str, Any]
RoundTrip = Callable[["Image"], "Image"]
FILE_FORMATS = {"jpeg": ("JPEG", ".jpg"), "webp": ("WEBP", ".webp")}
FILTERS = {"nearest": cv2.INTER_NEAREST, "linear": cv2.INTER_LINEAR, "cubic": cv2.INTER_CUBIC, "area": cv2.INTER_AREA}


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One side of a pair as it is stored.

    Attributes:
        data: the file's bytes; they decode to the pixels that the steps lead to.
        suffix: of the file's name.
    """

    data: bytes
    suffix: str


def draw_steps(recipe: Recipe, side: SideRecipe, vae: str, generator: np.random.Generator) -> list[Step]:
    """The steps of one side, in the order in which they happen; none where the side stays as it is.

    Args:
        recipe: ranges.
        side: shares.
        vae: name of the autoencoder that is given; empty where none is.
        generator: where the draws come from.
    """
    steps: list[Step] = []
    through_vae = bool(vae) and generator.random() < side.vae
    if not through_vae and generator.random() < side.untouched:
        return steps
    for name, draw in DRAWS.items():
        drawn = [{"name": name, **draw(recipe, generator)}] if generator.random() < getattr(side, name) else []
        if name == "resize" and through_vae:
            # The autoencoder works at the editor's own size.
            drawn = [
                {"name": "vae", "model": vae, **{key: value for key, value in step.items() if key != "name"}}
                for step in drawn or [{}]
            ]
        steps += drawn
    if generator.random() < side.jpeg:
        chroma = "4:2:0" if generator.random() < 0.7 else "4:4:4"
        steps.append({"name": "jpeg", "quality": int(generator.uniform(*recipe.jpeg_quality)), "chroma": chroma})
    elif generator.random() < side.webp:
        steps.append({"name": "webp", "quality": int(generator.uniform(*recipe.webp_quality))})
    return steps


def draw_resize(recipe: Recipe, generator: np.random.Generator) -> Step:
    """An editor's working size and the filters there and back."""
    filters = [("area", "cubic"), ("area", "linear"), ("linear", "linear"), ("cubic", "cubic"), ("nearest", "nearest")]
    there, back = filters[generator.choice(len(filters), p=[0.4, 0.2, 0.15, 0.22, 0.03])]
    # The nearest neighbour at half the size leaves blocks; at nearly the full size it is what careless tools do.
    low, high = (0.85, 1.15) if there == "nearest" else recipe.working_scale
    return {
        "scale": round(float(np.exp(generator.uniform(np.log(low), np.log(high)))), 3),
        "there": there,
        "back": back,
    }


def draw_tone(recipe: Recipe, generator: np.random.Generator) -> Step:
    """Gain per channel, offset in grey levels, gamma, saturation: all near to nothing."""
    strength = recipe.tone_strength
    common = generator.normal(1, strength)
    gain = [round(float(common * generator.normal(1, strength / 2)), 4) for _ in range(3)]
    offset = round(float(generator.normal(0, 100 * strength)), 2)
    gamma = round(float(np.exp(generator.normal(0, strength))), 4)
    return {
        "gain": gain,
        "offset": offset,
        "gamma": gamma,
        "saturation": round(float(generator.normal(1, strength)), 4),
    }


DRAWS: dict[str, Callable[[Recipe, np.random.Generator], Step]] = {
    "resize": draw_resize,
    "tone": draw_tone,
    "blur": lambda recipe, generator: {"deviation": draw_blur(recipe, generator)},
    "sharpen": lambda _, generator: {"amount": round(float(generator.uniform(0.2, 1.0)), 3)},
    "noise": lambda recipe, generator: {
        "deviation": round(float(generator.uniform(*recipe.noise_deviation)), 3),
        "grey": bool(generator.random() < 0.5),
        "seed": int(generator.integers(1 << 31)),
    },
    "shift": lambda _, generator: draw_shift(generator),
    "warp": lambda _, generator: draw_warp(generator),
}
"""The steps before the file is written, in their order: parameters by name."""


def draw_blur(recipe: Recipe, generator: np.random.Generator) -> float:
    """A Gaussian's standard deviation in pixels: half of the time log-uniform, so that slight ones are not rare."""
    low, high = recipe.blur_deviation
    slight = float(np.exp(generator.uniform(np.log(low), np.log(high))))
    return round(slight if generator.random() < 0.5 else float(generator.uniform(low, high)), 3)


def draw_shift(generator: np.random.Generator) -> Step:
    """Half of the time a whole pixel along an axis or both, else a fraction of one."""
    if generator.random() < 0.5:
        x, y = [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, -1)][generator.integers(6)]
        return {"x": x, "y": y}
    return {axis: round(float(generator.uniform(-0.7, 0.7)), 3) for axis in "xy"}


def draw_warp(generator: np.random.Generator) -> Step:
    """Factor and offsets as shares of the sides, and how far smooth bends go, in pixels."""
    return {
        "scale": round(float(np.exp(generator.normal(0, 0.004))), 5),
        "x": round(float(generator.normal(0, 0.003)), 5),
        "y": round(float(generator.normal(0, 0.003)), 5),
        "bend": round(float(generator.uniform(0, 1.5)), 3),
        "seed": int(generator.integers(1 << 31)),
    }


def apply_steps(image: Image, steps: list[Step], round_trip: RoundTrip | None) -> Side:
    """Carry out the steps and write the file.

    Args:
        image: H x W x 3, uint8.
        steps: from `draw_steps`; a lossy compression, where there is one, is the last.
        round_trip: through the autoencoder, which "vae" steps need.

    Returns:
        The file: where the last step is a compression, what its encoder wrote, since that is what an editor would
        have returned and it is small; else lossless WebP.
    """
    image = with_steps(image, steps, round_trip)
    last = steps[-1] if steps else {}
    if last.get("name") in FILE_FORMATS:
        return compressed(image, last)
    return Side(lossless(image), ".webp")


def with_steps(image: Image, steps: list[Step], round_trip: RoundTrip | None = None) -> Image:
    """The image after all steps but the file's compression: H x W x 3, uint8."""
    for step in steps:
        if step["name"] == "vae":
            assert round_trip is not None
            image = resized(image, step, round_trip) if "scale" in step else round_trip(image)
        elif step["name"] in STEPS:
            image = STEPS[step["name"]](image, step)
    return image


def degraded(image: Image, steps: list[Step]) -> Image:
    """The image as it comes out of a file that was written after these steps, none of them an autoencoder's."""
    image = with_steps(image, steps)
    if steps and steps[-1]["name"] in FILE_FORMATS:
        return np.asarray(PillowImage.open(io.BytesIO(compressed(image, steps[-1]).data)).convert("RGB"))
    return image


def resized(image: Image, step: Step, between: RoundTrip | None = None) -> Image:
    """To the working size and back, with something done to it there."""
    height, width = image.shape[:2]
    size = (max(8, round(width * step["scale"])), max(8, round(height * step["scale"])))
    there = cv2.resize(image, size, interpolation=FILTERS[step["there"]])
    if between is not None:
        there = between(there)  # type: ignore[arg-type]
    return cv2.resize(there, (width, height), interpolation=FILTERS[step["back"]])  # type: ignore[return-value]


def toned(image: Image, step: Step) -> Image:
    """Gamma, then saturation around the luma, then gain and offset."""
    values = (image.astype(np.float32) / 255) ** np.float32(step["gamma"]) * 255
    luma = values @ np.array([0.299, 0.587, 0.114], np.float32)
    values = luma[:, :, None] + (values - luma[:, :, None]) * np.float32(step["saturation"])
    return rounded(values * np.array(step["gain"], np.float32) + np.float32(step["offset"]))


def blurred(image: Image, step: Step) -> Image:
    """Gaussian blur."""
    return cv2.GaussianBlur(image, (0, 0), step["deviation"])  # type: ignore[return-value]


def sharpened(image: Image, step: Step) -> Image:
    """Unsharp mask of one pixel's radius."""
    values = image.astype(np.float32)
    return rounded(values + np.float32(step["amount"]) * (values - cv2.GaussianBlur(values, (0, 0), 1.0)))


def noisy(image: Image, step: Step) -> Image:
    """White Gaussian noise, the same in all channels where it is grey."""
    generator = np.random.default_rng(step["seed"])
    shape = (*image.shape[:2], 1) if step["grey"] else image.shape
    return rounded(image + gaussian(shape, step["deviation"] ** 2, generator))


def shifted(image: Image, step: Step) -> Image:
    """Moved right by x and down by y; the border repeats."""
    return cv2.warpAffine(  # type: ignore[return-value]
        image, matrix_of(step), image.shape[1::-1], flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )


def warped(image: Image, step: Step) -> Image:
    """Scaled about its middle, moved, and bent smoothly; the border repeats."""
    columns, rows = sources(step, image.shape)
    return cv2.remap(image, columns, rows, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[return-value]


def sources(step: Step, shape: tuple[int, ...]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Where each pixel of a warped image comes from: columns and rows, H x W float32 each."""
    height, width = shape[:2]
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    # One bend a sixth of the frame: neighbours keep their places to one another.
    bends = np.random.default_rng(step["seed"]).uniform(-1, 1, (2, 6, 6)).astype(np.float32) * np.float32(step["bend"])
    across, down = (cv2.resize(bend, (width, height), interpolation=cv2.INTER_CUBIC) for bend in bends)
    return (
        ((columns - middle_x) / step["scale"] + middle_x - step["x"] * width + across).astype(np.float32),
        ((rows - middle_y) / step["scale"] + middle_y - step["y"] * height + down).astype(np.float32),
    )


def shifted_mask(mask: Mask, steps: list[Step]) -> Mask:
    """The mask moved as the edited side's steps move its image."""
    for step in steps:
        if step["name"] in MOVES:
            mask = MOVES[step["name"]](mask.astype(np.float32), step) > 0.5
    return mask


def shifted_plane(plane: NDArray[np.float32], step: Step) -> NDArray[Any]:
    """One channel moved as `shifted` moves an image."""
    return cv2.warpAffine(plane, matrix_of(step), plane.shape[::-1], borderMode=cv2.BORDER_REPLICATE)


def warped_plane(plane: NDArray[np.float32], step: Step) -> NDArray[Any]:
    """One channel moved as `warped` moves an image."""
    return cv2.remap(plane, *sources(step, plane.shape), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


MOVES: dict[str, Callable[[NDArray[np.float32], Step], NDArray[Any]]] = {"shift": shifted_plane, "warp": warped_plane}


def matrix_of(step: Step) -> NDArray[np.float32]:
    """2 x 3 matrix of a shift."""
    return np.array([[1, 0, step["x"]], [0, 1, step["y"]]], np.float32)


def rounded(values: NDArray[np.floating]) -> Image:
    """Float values to uint8."""
    levels: Image = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return levels


STEPS: dict[str, Callable[[Image, Step], Image]] = {
    "resize": resized,
    "tone": toned,
    "blur": blurred,
    "sharpen": sharpened,
    "noise": noisy,
    "shift": shifted,
    "warp": warped,
}


def compressed(image: Image, step: Step) -> Side:
    """The file of a lossy compression."""
    name, suffix = FILE_FORMATS[step["name"]]
    options: dict[str, Any] = {"quality": step["quality"]}
    if name == "JPEG":
        options["subsampling"] = step["chroma"]
    else:
        options["method"] = 2
    buffer = io.BytesIO()
    PillowImage.fromarray(image).save(buffer, name, **options)
    return Side(buffer.getvalue(), suffix)


def lossless(image: Image) -> bytes:
    """Lossless WebP at the least effort: exact, a quarter smaller than PNG and several times quicker to write."""
    buffer = io.BytesIO()
    PillowImage.fromarray(image).save(buffer, "WEBP", lossless=True, quality=0, method=0)
    return buffer.getvalue()
