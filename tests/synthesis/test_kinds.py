from __future__ import annotations

import numpy as np
import pytest

from imlbench.synthesis.blending import EDITED_ABOVE, blend, feathered, visible
from imlbench.synthesis.kinds.table import KINDS
from imlbench.synthesis.polygons import Instance, parse_polygon, rasterised
from imlbench.synthesis.reading import ACTIONS
from imlbench.synthesis.recipe import KIND_WEIGHTS, Recipe
from imlbench.synthesis.scene import Edit, Scene, View
from imlbench.synthesis.shapes import SHAPES, draw_shape
from tests.synthesis.making_photographs import scenery


def scene_of(seed: int = 0, objects: float = 0.75, taken: np.ndarray | None = None) -> Scene:
    def view(number: int) -> View:
        mask = np.zeros((120, 160), np.bool_)
        mask[20:80, 30:90] = True
        return View(scenery(number), (Instance("dog", mask),))

    nothing = np.zeros((120, 160), np.bool_)
    return Scene(view(seed), nothing if taken is None else taken, lambda: view(seed + 100), Recipe(objects=objects))


def first_edit(name: str, scene: Scene) -> Edit:
    for seed in range(40):
        edit = KINDS[name](scene, np.random.default_rng(seed))
        if edit is not None:
            return edit
    pytest.fail(f"{name} found no way in forty draws")


def test_every_kind_of_the_recipe_has_its_function():
    assert set(KINDS) == set(KIND_WEIGHTS)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_outside_a_soft_edge_of_the_mask_the_photograph_is_untouched(name: str):
    scene = scene_of()
    edit = first_edit(name, scene)
    assert edit.image.dtype == np.uint8
    assert edit.image.shape == scene.image.shape
    assert edit.mask.dtype == np.bool_
    assert edit.mask.any()
    changed = (edit.image != scene.image).any(axis=2)
    # The widest feather has a deviation of 5 pixels, which OpenCV's kernel carries 20 pixels far.
    near = feathered(edit.mask, 5.0) > 0
    assert not (changed & ~near).any()
    assert changed[edit.mask].mean() > 0.5


@pytest.mark.parametrize("name", sorted(KINDS))
def test_an_edit_says_what_it_did(name: str):
    edit = first_edit(name, scene_of(objects=1.0))
    assert edit.action in ACTIONS
    assert len(edit.instruction) > 8
    assert "{" not in edit.instruction
    assert "None" not in edit.instruction
    wanted = {"add": (False, True), "remove": (True, False)}.get(edit.action, (True, True))
    assert (edit.concept_original is not None, edit.concept_edited is not None) == wanted


@pytest.mark.parametrize("name", sorted(KINDS))
def test_the_same_generator_makes_the_same_edit(name: str):
    first, second = first_edit(name, scene_of()), first_edit(name, scene_of())
    assert np.array_equal(first.image, second.image)
    assert np.array_equal(first.mask, second.mask)
    assert first.instruction == second.instruction


@pytest.mark.parametrize("name", ["removal", "insertion", "recolouring", "copy-move", "text"])
def test_what_is_taken_stays_untouched(name: str):
    taken = np.zeros((120, 160), np.bool_)
    taken[:, :80] = True
    scene = scene_of(objects=0.0, taken=taken)
    edit = first_edit(name, scene)
    assert edit.mask[:, 80:].any()
    assert (edit.mask & taken).sum() < 0.1 * edit.mask.sum()


def test_the_mask_of_a_blend_is_what_changes_and_what_was_meant_to():
    base, content = np.zeros((120, 160, 3), np.uint8), np.full((120, 160, 3), 255, np.uint8)
    hard = np.zeros((120, 160), np.bool_)
    hard[40:80, 40:80] = True
    alpha = feathered(hard, 2.0)
    image, mask = blend(base, content, alpha)
    # White on black changes by two levels from an opacity of 1.5 / 255 on.
    assert np.array_equal(mask, alpha * 255 > 1.5)
    assert np.array_equal(image[alpha == 0], base[alpha == 0])
    assert (image[50:70, 50:70] == 255).all()
    # Where the content equals what was there, opacity alone decides.
    _, mask = blend(base, base, alpha)
    assert np.array_equal(mask, alpha > EDITED_ABOVE)
    _, mask = blend(base, base + np.uint8(1), alpha)
    assert np.array_equal(mask, alpha > EDITED_ABOVE)


def test_an_edit_that_nobody_sees_is_not_visible():
    image, mask = scenery(2), np.ones((120, 160), np.bool_)
    assert not visible(image, image, mask)
    assert not visible(image, image + 1, mask)
    assert visible(image, 255 - image, mask)
    assert not visible(image, 255 - image, ~mask)


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_a_shape_has_about_the_area_that_it_was_asked_for(name: str):
    masks = [SHAPES[name](scenery(seed), np.random.default_rng(seed), 0.1) for seed in range(12)]
    areas = [mask.mean() for mask in masks if mask.any()]
    assert len(areas) >= 10
    assert 0.02 < np.median(areas) < 0.3


def test_shapes_span_small_and_large_areas():
    areas = [draw_shape(scenery(seed), np.random.default_rng(seed), (0.003, 0.6)).mean() for seed in range(60)]
    assert min(areas) < 0.01
    assert max(areas) > 0.25
    assert all(0.0015 <= area <= 0.72 for area in areas)


@pytest.mark.parametrize(
    "line",
    [
        "dog 0.1 0.1 0.2 0.2 0.3 0.3",
        "80 0.1 0.1 0.2 0.2 0.3 0.1",
        "1 0.5 0.5 0.2 0.2",
        "1 0 0 nan 1 1 1",
        "1 0 0 5 5 1 1",
    ],
)
def test_a_line_that_is_no_polygon_is_refused(line: str):
    assert parse_polygon(line) is None


def test_a_polygon_is_rasterised_where_it_says():
    polygon = parse_polygon("16 0.25 0.25 0.75 0.25 0.75 0.75 0.25 0.75")
    assert polygon is not None
    assert polygon.name == "dog"
    mask = rasterised(polygon, np.array([[100.0, 0, 0], [0, 80.0, 0]]), (80, 100))
    assert mask[40, 50]
    assert not mask[5, 5]
    assert 0.24 < mask.mean() < 0.28
