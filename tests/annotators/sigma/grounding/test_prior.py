"""Items 6 and 7 of the specification against numbers worked out by hand."""

import numpy as np
import pytest
import torch

from annotators.sigma.grounding.nothing import Nothing
from annotators.sigma.grounding.prior import EPSILON, WORKING_SIDE, Found, attention, compute_prior, find, prior
from annotators.sigma.parse import NOTHING, Action, Parse
from tests.annotators.sigma.grounding.grounders_made_up import Answers, Boxes, photo

ADD = Parse(None, "cat", Action.ADD)
REMOVE = Parse("dog", None, Action.REMOVE)
REPLACE = Parse("dog", "cat", Action.REPLACE)
CHANGE = Parse("dog", "cat", Action.ATTRIBUTE_CHANGE)
LEFT, RIGHT = (0, 1, 0, 0.5, 1.0), (0, 1, 0.5, 1, 0.5)


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def grid(*rows):
    return np.array(rows, np.float32)


class TestAttention:
    def test_instances_are_merged_by_their_maximum_and_smoothed(self):
        maps = np.stack([grid([0.2, 0.0], [1.0, 0.4]), grid([0.6, 0.0], [0.0, 0.5])])
        # 0.9 x maximum + 0.1
        assert attention(maps, (2, 2), 0.1) == pytest.approx(grid([0.64, 0.1], [1.0, 0.55]))

    def test_no_instance_gives_the_constant_epsilon(self):
        assert (attention(np.zeros((0, 5, 7), np.float32), (3, 4), 0.02) == np.float32(0.02)).all()

    def test_the_floor_is_epsilon_and_the_ceiling_one(self):
        maps = grid([0, 0, 0, 0], [1, 1, 1, 1])[None]
        found = attention(maps, (2, 1), 0.01)
        assert found.ravel() == pytest.approx([0.01, 1.0])

    def test_shrinking_averages_instead_of_picking_pixels(self):
        # Columns of one pixel, half of them on: picked pixels would give 0 or 1, an antialiased lattice gives a half.
        stripes = np.tile(grid([0, 1]), (64, 32))[None]
        inner = attention(stripes, (8, 8), 0.0)[1:-1, 1:-1]
        assert inner == pytest.approx(0.5, abs=0.05)

    def test_a_smaller_map_is_enlarged_bilinearly(self):
        found = attention(grid([0, 1])[None], (1, 4), 0.0)
        assert found.ravel() == pytest.approx([0, 0.25, 0.75, 1])

    def test_a_map_of_ones_never_exceeds_one(self):
        found = attention(np.ones((1, 613, 1021), np.float32), (37, 37), EPSILON)
        assert found.max() <= 1
        assert found == pytest.approx(1, abs=1e-6)


class TestFusion:
    @pytest.mark.parametrize(
        ("parse", "expected"),
        [
            (ADD, [0.1, 0.55]),
            (REMOVE, [1.0, 0.1]),
            (REPLACE, [0.1, 0.055]),
            (CHANGE, [0.1, 0.055]),
            (NOTHING, [0.1, 0.1]),
        ],
    )
    def test_the_action_decides_what_becomes_of_both_maps(self, parse, expected):
        found = Found(grid([1, 0])[None], grid([0, 0.5])[None])
        assert prior(parse, found, (1, 2), 0.1).ravel() == pytest.approx(expected)

    def test_one_concept_found_and_the_other_not_multiplies_by_epsilon(self):
        found = Found(grid([1, 0])[None], np.zeros((0, 1, 2), np.float32))
        assert prior(REPLACE, found, (1, 2), 0.1).ravel() == pytest.approx([0.1, 0.01])

    @pytest.mark.parametrize("parse", [ADD, REMOVE, REPLACE, CHANGE, NOTHING])
    def test_where_nothing_was_found_the_prior_is_the_constant_epsilon(self, parse):
        found = compute_prior(parse, photo(), photo(1), Nothing(), (5, 3))
        assert found.shape == (5, 3)
        assert found.dtype == np.float32
        assert (found == np.float32(EPSILON)).all()

    def test_the_lattice_of_the_specification_is_the_default(self):
        assert compute_prior(ADD, photo(), photo(1), Boxes({"cat": [LEFT]})).shape == (37, 37)


class TestFinding:
    def test_each_concept_is_looked_for_in_its_own_image(self):
        class Recorder(Boxes):
            def maps(self, image, concept):
                self.asked.append((concept, int(image[0, 0, 0])))
                return super().maps(image, concept)[:0]

        before, after = np.full((20, 20, 3), 11, np.uint8), np.full((20, 20, 3), 22, np.uint8)
        grounder = Recorder()
        find(REPLACE, before, after, grounder)
        assert [entry for entry in grounder.asked if isinstance(entry, tuple)] == [("dog", 11), ("cat", 22)]

    def test_an_absent_concept_is_not_looked_for(self):
        grounder = Boxes()
        find(ADD, photo(), photo(1), grounder)
        find(REMOVE, photo(), photo(1), grounder)
        find(NOTHING, photo(), photo(1), grounder)
        assert grounder.asked == ["cat", "dog"]

    def test_a_moved_concept_moves_the_prior(self):
        left = compute_prior(ADD, photo(), photo(1), Boxes({"cat": [LEFT]}), (4, 4))
        right = compute_prior(ADD, photo(), photo(1), Boxes({"cat": [RIGHT]}), (4, 4))
        assert left[:, 0].min() > 0.9 > 0.1 > left[:, 3].max()
        assert right[:, 3].min() > 0.4 > 0.1 > right[:, 0].max()

    def test_two_instances_both_count(self):
        found = compute_prior(ADD, photo(), photo(1), Boxes({"cat": [LEFT, RIGHT]}), (1, 2))
        assert found.ravel() == pytest.approx([0.99 * 1 + 0.01, 0.99 * 0.5 + 0.01], abs=0.1)

    def test_the_prior_is_never_empty(self):
        empty = Answers(np.zeros((3, 40, 60), np.float32))
        for parse in (ADD, REMOVE, REPLACE, CHANGE, NOTHING):
            assert compute_prior(parse, photo(), photo(1), empty).min() > 0

    def test_large_images_are_shown_to_the_grounder_as_smaller_copies(self):
        sizes = []

        class Looking(Boxes):
            def maps(self, image, concept):
                sizes.append(image.shape)
                return super().maps(image, concept)

        tall = np.zeros((3 * WORKING_SIDE, 30, 3), np.uint8)
        thin = np.zeros((1, 2 * WORKING_SIDE, 3), np.uint8)
        found = find(REPLACE, tall, thin, Looking({"dog": [LEFT]}))
        assert sizes == [(WORKING_SIDE, 10, 3), (1, WORKING_SIDE, 3)]
        assert found.original.shape == (1, WORKING_SIDE, 10)

    @pytest.mark.parametrize(
        ("answer", "message"),
        [
            (np.zeros((1, 60, 40), np.float32), r"expected maps of shape K x 40 x 60, found \(1, 60, 40\)"),
            (np.zeros((40, 60), np.float32), r"found \(40, 60\)"),
            (np.full((1, 40, 60), 1.5, np.float32), r"expected values in \[0, 1\], found 1.5 to 1.5"),
            (np.full((1, 40, 60), np.nan, np.float32), r"expected values in \[0, 1\], found nan"),
            (np.full((1, 40, 60), -0.1, np.float32), r"expected values in \[0, 1\]"),
        ],
    )
    def test_a_grounder_that_breaks_its_contract_is_named(self, answer, message):
        with pytest.raises(ValueError, match=f"grounder answers: .*{message}"):
            compute_prior(ADD, photo(), photo(1), Answers(answer))
