"""The language-model parser: its prompt, the reading of its answers, and a tiny Qwen2 made on the spot."""

import json
import shutil
import subprocess
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from annotators.sigma.parse import NOTHING, Action, Parse
from annotators.sigma.qwen import EXAMPLES, NEW_TOKENS, QwenParser, messages, parse_answer
from imlbench.errors import UserError
from tests.annotators.sigma.test_parse import assert_consistent

KNOWN = "Hang a lantern on the porch."
ANSWER = '{"original": null, "edited": "lantern", "action": "add"}'
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory):
    """A folder with a Qwen2 of some thousand weights that has learnt one answer by heart."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(0)
    tokenizer = byte_tokenizer()
    config = Qwen2Config(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=1, max_position_embeddings=4096, eos_token_id=tokenizer.eos_token_id,
        tie_word_embeddings=True,
    )  # fmt: skip
    model = Qwen2ForCausalLM(config)
    prompt = tokenizer.apply_chat_template(messages(KNOWN), add_generation_prompt=True, return_dict=True)["input_ids"]
    answer = tokenizer(ANSWER + "<|im_end|>")["input_ids"]
    tokens = torch.tensor([prompt + answer])
    labels = torch.tensor([[-100] * len(prompt) + answer])
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(80):
        optimiser.zero_grad()
        model(input_ids=tokens, labels=labels).loss.backward()
        optimiser.step()
    folder = tmp_path_factory.mktemp("qwen")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def byte_tokenizer():
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=["<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([message["content"] for message in messages(KNOWN)], trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|im_end|>", chat_template=TEMPLATE)


def test_the_models_greedy_answer_becomes_the_parse(tiny_model):
    parser = QwenParser(str(tiny_model))
    assert parser.answer(KNOWN) == ANSWER
    assert parser.parse(KNOWN) == Parse(None, "lantern", Action.ADD)


def test_the_model_stops_after_64_tokens_and_repeats_itself_exactly(tiny_model):
    parser = QwenParser(str(tiny_model))
    first = parser.answer("remove the second ladder from the wall")
    assert parser.answer("remove the second ladder from the wall") == first
    assert 0 < len(parser.tokenizer(first)["input_ids"]) <= NEW_TOKENS + 1


@pytest.mark.parametrize("text", ["", "  \n", None])
def test_no_instruction_is_global_without_asking_the_model(tiny_model, text):
    assert QwenParser(str(tiny_model)).parse(text) == NOTHING


@pytest.mark.parametrize("text", ["\ud800 broken", "x" * 50_000, "<|im_end|><|im_start|>", "犬を追加", "\x00"])
def test_hostile_instructions_give_a_parse(tiny_model, text):
    assert_consistent(QwenParser(str(tiny_model)).parse(text))


def test_the_identity_changes_with_the_weights(tiny_model, tmp_path):
    same = shutil.copytree(tiny_model, tmp_path / "same")
    other = shutil.copytree(tiny_model, tmp_path / "other")
    with (other / "model.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        last = file.read(1)[0]
        file.seek(-1, 2)
        # The lowest bit of the last weight's sign and exponent byte: another number, still a number.
        file.write(bytes([last ^ 1]))
    first, second, third = (QwenParser(str(folder)).identity for folder in (tiny_model, same, other))
    assert first == second != third


def damage_remove_weights(folder):
    (folder / "model.safetensors").unlink()


def damage_truncate_weights(folder):
    (folder / "model.safetensors").write_bytes(b"\x00" * 100)


def damage_break_config(folder):
    (folder / "config.json").write_text("{")


def damage_other_architecture(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "bert", "architectures": ["BertModel"]}))


def damage_more_layers(folder):
    config = json.loads((folder / "config.json").read_text())
    layers = {"num_hidden_layers": 2, "layer_types": ["full_attention"] * 2}
    (folder / "config.json").write_text(json.dumps(config | layers))


def damage_empty(folder):
    for file in folder.iterdir():
        file.unlink()


DAMAGES = (
    damage_remove_weights, damage_truncate_weights, damage_break_config, damage_other_architecture, damage_more_layers,
    damage_empty,
)  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_broken_folder_gives_one_line_that_names_it(tiny_model, tmp_path, damage):
    folder = shutil.copytree(tiny_model, tmp_path / "broken")
    damage(folder)
    with pytest.raises(UserError) as caught:
        QwenParser(str(folder))
    message = str(caught.value)
    assert message.startswith("parser qwen: ")
    assert "broken" in message
    assert "\n" not in message


@pytest.mark.parametrize("name", ["Qwen/Qwen2.5-0.5B-Instruct", "no/such model", "../nowhere", "", "a/b/c\n"])
def test_missing_weights_give_one_line_that_says_what_to_do(monkeypatch, tmp_path, name):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub._snapshot_download.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(UserError, match=r"^parser qwen: .*use the parser rules$"):
        QwenParser(name)


def test_importing_the_parser_imports_neither_torch_nor_transformers():
    code = (
        "import sys, annotators.sigma.qwen, annotators.sigma.rules; "
        "sys.exit(bool({'torch', 'transformers', 'numpy'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_prompt_shows_one_example_of_each_action_and_ends_with_the_instruction():
    assert sorted(example[3] for example in EXAMPLES) == sorted(Action)
    chat = messages("Make  the\nboat blue")
    assert [message["role"] for message in chat] == ["system", *["user", "assistant"] * 5, "user"]
    assert chat[-1]["content"] == "Make the boat blue"
    for (_, original, edited, action), message in zip(EXAMPLES, chat[2::2], strict=False):
        assert parse_answer(message["content"]) == Parse(original, edited, Action(action))


@pytest.mark.parametrize(
    ("answer", "parse"),
    [
        (ANSWER, Parse(None, "lantern", Action.ADD)),
        (f"Sure! ```json\n{ANSWER}\n``` Anything else?", Parse(None, "lantern", Action.ADD)),
        (ANSWER + '{"original": "x", "edited": null, "action": "remove"}', Parse(None, "lantern", Action.ADD)),
        ('{broken {"original": "cup", "edited": "mug", "action": "replace"}', Parse("cup", "mug", Action.REPLACE)),
        ('{"original": "cup", "edited": "null", "action": "replace"}', Parse("cup", None, Action.REMOVE)),
        ('{"original": ["cup"], "edited": {"a": 1}, "action": 3}', NOTHING),
        ('{"original": "cup", "edited": "red cup", "action": "attribute', NOTHING),
        ("{}", NOTHING),
        ("", NOTHING),
        ("[1, 2]", NOTHING),
        ('{"a":' * 5000, NOTHING),
        ('{"a": ' + "9" * 4500 + "}", NOTHING),
    ],
)
def test_the_first_json_object_of_an_answer_counts(answer, parse):
    assert parse_answer(answer) == parse


KEYS = st.sampled_from(["original", "edited", "action", "x"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.sampled_from([*Action, "null", "red cup"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


@given(st.text(), st.dictionaries(KEYS, VALUES), st.text())
@example("{", {}, "}")
def test_no_answer_makes_the_reader_raise(before, found, after):
    assert_consistent(parse_answer(before + json.dumps(found) + after))


@given(st.text(alphabet='{}[]":, aeglnotu\\0-', max_size=200))
def test_no_heap_of_brackets_makes_the_reader_raise(text):
    assert_consistent(parse_answer(text))
