import subprocess
import sys

import pytest

from imlbench import registry
from imlbench.annotating import instructions
from imlbench.annotating.instructions import Meaning, meaning, reader_identity


@pytest.mark.parametrize(
    ("text", "edit_type", "expected"),
    [
        ("remove the cup", "removal", Meaning("remove", "cup", None)),
        ("remove the cup", "style", Meaning("remove", "cup", None)),
        ("replace the dog with a cat", "replacement", Meaning("replace", "dog", "cat")),
        # Nothing understood: the type's usual action, where it has one, and no concept.
        ("make it pop", "removal", Meaning("remove", None, None)),
        ("make it pop", "counting", Meaning("global", None, None)),
        (None, "addition", Meaning("add", None, None)),
        ("", "counting", Meaning(None, None, None)),
    ],
)
def test_an_instruction_says_what_it_asks_for_and_else_its_type_does(text, edit_type, expected):
    assert meaning(text, edit_type) == expected


def test_without_a_parser_only_the_type_tells(monkeypatch):
    monkeypatch.setattr(registry, "names", lambda kind: [])
    instructions.explainer.cache_clear()
    try:
        assert reader_identity() == ""
        assert meaning("remove the cup", "removal") == Meaning("remove", None, None)
    finally:
        instructions.explainer.cache_clear()


def test_the_parsers_identity_is_on_record():
    assert reader_identity().startswith("rules ")


def test_reading_an_instruction_loads_no_deep_learning():
    code = (
        "import sys; from imlbench.annotating.instructions import meaning\n"
        "print(*meaning('remove the cup', 'removal'), *sorted({'torch', 'transformers', 'cv2'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "remove cup None\n"
