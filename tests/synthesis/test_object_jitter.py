"""Object Jitter: what is enlarged, what is marked, what is refused, and that older sets stay what they were."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from imlbench.errors import UserError
from imlbench.synthesis.kinds import object_jitter
from imlbench.synthesis.kinds.object_jitter import FACTOR, jitter_objects, large_enough, opacity
from imlbench.synthesis.pairs import Plan, compose
from imlbench.synthesis.photographs import find_photographs, look_at
from imlbench.synthesis.polygons import Instance
from imlbench.synthesis.recipe import KIND_WEIGHTS, Recipe, recipe_from
from imlbench.synthesis.running import Order, make_plan, synthesise
from imlbench.synthesis.scene import Scene, View
from tests.synthesis.making_photographs import make_photographs, scenery

USUAL = {
    "removal": 1.0,
    "insertion": 1.0,
    "replacement": 0.8,
    "repainting": 0.8,
    "copy-move": 0.6,
    "recolouring": 0.9,
    "retexturing": 0.8,
    "background": 0.6,
    "text": 0.4,
}
"""The kinds as they were before there was Object Jitter."""


def box(top: int, left: int, height: int, width: int, shape: tuple[int, int] = (120, 160)) -> np.ndarray:
    mask = np.zeros(shape, np.bool_)
    mask[top : top + height, left : left + width] = True
    return mask


DOG, CAT = box(20, 20, 32, 48), box(70, 100, 32, 40)


def scene_of(*masks: np.ndarray, taken: np.ndarray | None = None) -> Scene:
    instances = tuple(Instance(name, mask) for name, mask in zip(("dog", "cat", "cow"), masks, strict=False))
    view = View(scenery(0), instances)
    nothing = np.zeros((120, 160), np.bool_)
    return Scene(view, nothing if taken is None else taken, lambda: view, Recipe())


def edits_of(scene: Scene, count: int = 200) -> list[object]:
    return [jitter_objects(scene, np.random.default_rng(seed)) for seed in range(count)]


def test_the_mask_is_the_enlarged_objects():
    edit = jitter_objects(scene_of(DOG), np.random.default_rng(0))
    rows, columns = np.nonzero(edit.mask.any(axis=1))[0], np.nonzero(edit.mask.any(axis=0))[0]
    # 32 x 48 at rows 20-51, columns 20-67, by an eighth about its middle: two more rows and three more columns a side.
    assert (rows[0], rows[-1], columns[0], columns[-1]) == (18, 53, 17, 70)
    assert edit.mask.sum() == FACTOR**2 * DOG.sum()
    assert (edit.mask & DOG).sum() == DOG.sum()


def test_the_object_is_its_own_pixels_larger():
    scene = scene_of(DOG)
    scene.image[DOG] = 10
    scene.image[32:40, 40:48] = 250
    edit = jitter_objects(scene, np.random.default_rng(0))
    assert (edit.image[24:30, 24:36] == 10).all()
    assert 8 * 8 < (edit.image[DOG][:, 0] > 130).sum() <= 9 * 9
    assert edit.image[52, 40].max() <= 40
    assert np.array_equal(edit.image[:14], scene.image[:14])


def test_the_words_name_the_object():
    edit = jitter_objects(scene_of(DOG), np.random.default_rng(0))
    assert edit.action == "attribute change"
    assert edit.concept_original.startswith("dog")
    assert edit.concept_edited == f"larger {edit.concept_original}"
    assert edit.concept_original in edit.instruction


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        (box(10, 10, 16, 16), True),
        (box(10, 10, 15, 17), False),
        (box(10, 10, 8, 32), True),
        (box(10, 10, 7, 60), False),
        (box(10, 10, 60, 7), False),
        (np.zeros((120, 160), np.bool_), False),
    ],
)
def test_an_object_has_a_box_of_8_pixels_and_256_of_them(mask: np.ndarray, expected: bool):
    assert large_enough(mask) is expected
    assert (jitter_objects(scene_of(mask), np.random.default_rng(0)) is not None) is expected


def test_without_objects_there_is_no_edit():
    assert edits_of(scene_of(), 20) == [None] * 20


@pytest.mark.parametrize(("height", "made"), [(88, True), (95, False)])
def test_more_than_three_quarters_of_the_image_are_refused(height: int, made: bool):
    # 128 columns become 144 of 160; 88 rows become 99 of 120 (74.3 %), 95 become 107 (80 %).
    edit = jitter_objects(scene_of(box(10, 16, height, 128)), np.random.default_rng(0))
    assert (edit is not None) is made


def test_two_objects_together_may_not_exceed_it_either(monkeypatch):
    monkeypatch.setattr(object_jitter, "SECOND", 1.0)
    halves = box(6, 6, 100, 66), box(6, 88, 100, 66)
    assert edits_of(scene_of(*halves), 20) == [None] * 20
    assert all(edits_of(scene_of(halves[0]), 20))


def test_what_was_edited_before_is_left_alone():
    beside = scene_of(DOG, CAT, taken=box(15, 15, 6, 6))
    assert all((edit.mask & CAT).any() and not (edit.mask & DOG).any() for edit in edits_of(beside, 30))
    assert edits_of(scene_of(DOG, taken=box(53, 30, 2, 2)), 10) == [None] * 10


def test_now_and_then_there_is_a_second_object():
    found = [int((edit.mask & DOG).any()) + int((edit.mask & CAT).any()) for edit in edits_of(scene_of(DOG, CAT))]
    assert set(found) == {1, 2}
    assert found.count(2) == pytest.approx(object_jitter.SECOND * 200, abs=25)
    both = next(edit for edit in edits_of(scene_of(DOG, CAT)) if (edit.mask & DOG).any() and (edit.mask & CAT).any())
    assert "dog" in both.concept_original
    assert "cat" in both.concept_original


def test_a_second_object_never_lies_on_the_first(monkeypatch):
    monkeypatch.setattr(object_jitter, "SECOND", 1.0)
    # The two boxes keep apart, the enlarged ones do not.
    near = box(20, 70, 32, 48)
    for edit in edits_of(scene_of(DOG, near), 20):
        assert edit.mask.sum() == FACTOR**2 * DOG.sum()


def test_one_paste_in_five_has_a_soft_edge():
    alphas = [opacity(DOG, np.random.default_rng(seed)) for seed in range(1000)]
    soft = [alpha for alpha in alphas if ((alpha > 0) & (alpha < 1)).any()]
    assert len(soft) == pytest.approx(200, abs=40)
    # Kernels of 3 to 11 pixels reach one to five pixels beyond the edge.
    reach = {20 - int(np.nonzero((alpha > 0).any(axis=1))[0][0]) for alpha in soft}
    assert reach == {1, 2, 3, 4, 5}
    assert all(np.array_equal(alpha, DOG.astype(np.float32)) for alpha in alphas if not (alpha % 1).any())


def test_the_same_seed_makes_the_same_edit():
    first, second = edits_of(scene_of(DOG, CAT), 20), edits_of(scene_of(DOG, CAT), 20)
    assert all(np.array_equal(one.image, other.image) for one, other in zip(first, second, strict=True))
    assert all(np.array_equal(one.mask, other.mask) for one, other in zip(first, second, strict=True))
    assert len({edit.instruction for edit in first}) > 3
    assert len({edit.image.tobytes() for edit in first}) > 3


def plan_of(folder: Path, recipe: Recipe) -> Plan:
    if not (folder / "photos").exists():
        make_photographs(folder / "photos", 4, folder / "labels")
    order = Order([folder / "photos"], folder / "set", 6, 5, side=(128, 128), polygons=folder / "labels", recipe=recipe)
    photographs = find_photographs(order.photos, order.polygons)
    return make_plan(order, photographs, [look_at(one) for one in photographs])[0]


def test_existing_recipes_and_seeds_make_the_very_same_pairs(tmp_path: Path):
    older, now = plan_of(tmp_path, Recipe(kinds=USUAL)), plan_of(tmp_path, Recipe())
    named = plan_of(tmp_path, recipe_from({"kinds": {**USUAL, "object-jitter": 0}}, "recipe.toml"))
    for number in range(6):
        expected = compose(older, number)[0]
        for found in (compose(now, number)[0], compose(named, number)[0]):
            assert found.words == expected.words
            assert np.array_equal(found.original, expected.original)
            assert np.array_equal(found.edited, expected.edited)
            assert np.array_equal(found.mask, expected.mask)


def test_the_usual_recipe_says_what_it_always_said():
    # What a set is continued by: sets begun before there was this kind go on.
    assert Recipe().facts()["kinds"] == USUAL
    assert list(Recipe().kinds) == list(USUAL)
    assert KIND_WEIGHTS["object-jitter"] == 0.0


def test_it_is_drawn_where_it_is_asked_for(tmp_path: Path):
    asked = Recipe(zero=0.0, poster=0.0, several=0.0).only(("object-jitter",))
    assert asked.kinds == {"object-jitter": 1.0}
    plan = plan_of(tmp_path, asked)
    made = [compose(plan, number)[0] for number in range(8)]
    kinds = {one.words["kind"] for one in made}
    assert "object-jitter" in kinds
    assert kinds <= {"object-jitter", "none"}


def test_without_polygons_it_is_refused_in_one_line(tmp_path: Path):
    photos = make_photographs(tmp_path / "photos", 2, tmp_path / "labels")
    recipe = Recipe().only(("object-jitter", "removal"))
    order = Order([photos], tmp_path / "set", 2, side=(64, 64), recipe=recipe)
    with pytest.raises(UserError, match="name a folder of instance polygons") as caught:
        synthesise(order)
    assert "\n" not in str(caught.value)
    # Boxes are no polygons, and names that belong to no photograph serve none.
    for name, line in (("0.txt", "16 0.5 0.5 0.2 0.2\n"), ("other.txt", "16 0.1 0.1 0.5 0.1 0.5 0.6\n")):
        folder = tmp_path / name.removesuffix(".txt")
        folder.mkdir()
        (folder / name).write_text(line)
        with pytest.raises(UserError, match="no polygon for any"):
            synthesise(replace(order, polygons=folder))
    assert not (tmp_path / "set").exists()
    assert synthesise(replace(order, polygons=tmp_path / "labels")).made == 2
