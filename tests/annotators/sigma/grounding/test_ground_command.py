"""`imlbench ground`: what is printed, what is drawn, and clear refusals."""

import json
import os

import numpy as np
import pytest
import torch
from PIL import Image

from annotators.sigma.grounding.nothing import Nothing
from annotators.sigma.parse import Action, Parse
from imlbench.errors import UserError
from imlbench.explanation_sheet import draw_explanation, heat, overlaid
from imlbench.registry import Entry
from tests.annotators.sigma.grounding.grounders_made_up import Boxes, photo
from tests.making_sets import imlbench

LEFT = {"dog": [(0, 1, 0, 0.5, 1.0)], "cat": [(0, 1, 0, 0.5, 1.0), (0, 0.5, 0.5, 1, 1.0)]}


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def images(tmp_path):
    for name, seed in (("before.png", 0), ("after.png", 1)):
        Image.fromarray(photo(seed, 80, 120)).save(tmp_path / name)
    return tmp_path / "before.png", tmp_path / "after.png"


@pytest.fixture
def boxes(monkeypatch):
    """The grounder `none` replaced by one that finds things, as a third party's would be found."""
    monkeypatch.setattr(Entry, "load", lambda entry: lambda device: Boxes(LEFT, device=device))


def ground(images, text, *arguments):
    out = images[0].parent / "out.png"
    return imlbench("ground", *images, text, "-o", out, *arguments), out


class TestPrinted:
    def test_the_parse_what_was_found_and_the_prior(self, images, boxes):
        done, _ = ground(images, "replace the dog with a cat", "--json")
        assert (done.code, done.err) == (0, "")
        assert json.loads(done.out) == {
            "original concept": "dog", "edited concept": "cat", "action": "replace",
            "found in the original": 1, "found in the edited": 2, "prior": [0.0001, 1.0],
            "parser": "rules 2", "grounder": "boxes 1",
        }  # fmt: skip

    def test_without_a_grounder_nothing_is_found(self, images):
        done, out = ground(images, "add a cat")
        lines = dict(line.split("  ", 1) for line in done.out.splitlines())
        facts = {name.strip(): value.strip() for name, value in lines.items()}
        assert facts["original concept"] == "-"
        assert facts["edited concept"] == "cat"
        assert facts["action"] == "add"
        assert facts["prior"] == "0.01 to 0.01"
        assert facts["grounder"] == "none"
        assert out.read_bytes().startswith(b"\x89PNG")

    @pytest.mark.parametrize("text", ["", "\x1b[31mred\n\x07", "犬" * 500, "[bold]x[/bold]" * 50])
    def test_hostile_instructions_are_drawn_and_print_no_control_characters(self, images, text):
        done, out = ground(images, text)
        assert done.code == 0
        assert all(line.isprintable() for line in done.out.splitlines())
        Image.open(out).verify()


class TestDrawn:
    def test_concept_maps_and_prior_are_where_the_concept_is(self):
        before = np.full((100, 200, 3), 100, np.uint8)
        grounder = Boxes({"cat": [(0, 1, 0, 0.5, 1.0)]})
        sheet = draw_explanation(before, before, "add a cat", grounder.explain(before, before, "add a cat"))
        assert sheet.dtype == np.uint8
        row = sheet[sheet.shape[0] - 160].astype(int)
        colourful = np.flatnonzero(np.ptp(row, axis=1) > 120)
        # Yellow on the left half of the fourth tile and of the fifth, nowhere else: the third has no concept.
        tile, step = 224, 236
        for index in range(5):
            part = colourful[(colourful >= 24 + index * step) & (colourful < 24 + index * step + tile)]
            if index < 3:
                assert part.size == 0
            else:
                assert 24 + index * step <= part.min() < part.max() < 24 + index * step + tile * 0.6

    def test_no_attention_leaves_the_image_in_grey(self):
        found = overlaid(photo(), np.zeros((40, 60), np.float32)).astype(int)
        assert np.ptp(found, axis=2).max() == 0

    def test_heat_goes_from_dark_to_bright(self):
        colours = heat(np.linspace(0, 1, 11, dtype=np.float32)[None])[0].astype(int).sum(axis=1)
        assert (np.diff(colours) > 0).all()

    @pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (2000, 1)])
    def test_any_image_can_be_drawn(self, shape):
        image = photo(0, *shape)
        found = Boxes(LEFT).explain(image, image, "replace the dog with a cat")
        assert draw_explanation(image, image, None, found).shape[2] == 3


class TestExplanation:
    def test_holds_the_instances_maximum_over_the_image(self):
        found = Boxes(LEFT).explain(photo(), photo(1), "replace the dog with a cat")
        assert (found.original.concept, found.original.instances) == ("dog", 1)
        assert (found.edited.concept, found.edited.instances) == ("cat", 2)
        assert found.edited.attention.mean() == pytest.approx(0.75)
        assert found.prior.shape == (37, 37)

    def test_of_a_parser_that_is_built_already(self):
        class Fixed:
            identity = "fixed"

            def parse(self, instruction):
                return Parse("dog", None, Action.REMOVE)

        found = Nothing().explain_with(Fixed(), photo(), photo(1), None)
        assert (found.action, found.original.concept, found.parser) == ("remove", "dog", "fixed")


class TestReading:
    def test_tells_what_an_explanation_tells_and_asks_for_no_map(self):
        grounder = Boxes(LEFT)
        for text in ("replace the dog with a cat", "remove the dog", "make it brighter", "", None):
            read, found = grounder.read(text), Nothing().explain(photo(), photo(1), text)
            assert (read.action, read.original, read.edited) == (
                found.action,
                found.original.concept,
                found.edited.concept,
            )
            assert read.parser == found.parser
        assert grounder.asked == []

    def test_an_unknown_parser_is_refused(self):
        with pytest.raises(UserError, match="unknown parser 'rule'"):
            Nothing().read("remove the dog", "rule")


class TestRefusals:
    def refused(self, done, pattern):
        assert done.code == 2
        assert done.out == ""
        assert done.err.count("\n") == 1
        assert pattern in done.err

    def test_unknown_parser_and_grounder(self, images):
        self.refused(ground(images, "x", "--parser", "rule")[0], "unknown parser 'rule': expected one of rules, qwen")
        self.refused(ground(images, "x", "--grounder", "nona")[0], "did you mean none?")

    def test_missing_weights_say_how_to_get_them(self, images, tmp_path, monkeypatch):
        monkeypatch.setenv("IMLBENCH_WEIGHTS", str(tmp_path))
        done, out = ground(images, "x", "--grounder", "transformers")
        self.refused(done, "imlbench weights get grounding-dino-base")
        assert not out.exists()
        self.refused(ground(images, "x", "--parser", "qwen")[0], "imlbench weights get qwen2.5-0.5b-instruct")

    def test_images_that_cannot_be_read(self, images, tmp_path):
        broken = tmp_path / "broken.png"
        broken.write_bytes(images[0].read_bytes()[:100])
        os.mkfifo(tmp_path / "pipe")
        for path in (broken, tmp_path / "none.png", tmp_path, tmp_path / "pipe"):
            self.refused(ground((path, images[1]), "x")[0], path.name)

    def test_images_whose_shapes_do_not_fit_together(self, images, tmp_path):
        Image.fromarray(photo(0, 80, 80)).save(tmp_path / "square.png")
        done, _ = ground((images[0], tmp_path / "square.png"), "x")
        self.refused(done, "expected images of one aspect ratio, found 120 x 80 and 80 x 80")

    def test_an_original_of_another_size_is_brought_to_the_edited_ones(self, images, tmp_path, boxes):
        Image.fromarray(photo(0, 40, 60)).save(tmp_path / "small.png")
        done, out = ground((tmp_path / "small.png", images[1]), "remove the dog")
        assert done.code == 0
        assert out.exists()
