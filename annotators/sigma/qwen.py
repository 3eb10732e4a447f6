"""The language-model parser: Qwen2.5-0.5B-Instruct reads an instruction and answers with one JSON object.

Section 3.2.2 of the paper names the model; the Instruct variant, greedy decoding, the limit of 64 new tokens and
the prompt are inferred. Nothing is downloaded here: the weights lie in a local folder or in the hub's cache.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from annotators.sigma.parse import NOTHING, Parse, normalised
from imlbench.errors import UserError, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MODEL = "Qwen/Qwen2.5-0.5B-Instruct"
NEW_TOKENS = 64
MAX_INSTRUCTION = 600
"""Characters of an instruction that the model is shown."""
MAX_ANSWER = 4000
"""Characters of an answer that are searched for a JSON object; 64 tokens hold far fewer."""

TASK = """You read an instruction for editing a photograph and say what it touches.
Reply with one JSON object and nothing else. Its keys:
"original": the thing in the photograph before the edit that the instruction changes or takes away, or null;
"edited": the thing that stands there after the edit, or null;
"action": one of "add" (something new appears), "remove" (something goes), "attribute change" (the same thing looks \
different), "replace" (one thing gives way to another), "global" (weather, season, light or style of the whole picture).
Name things as short noun phrases without articles. Never use a pronoun."""

EXAMPLES = (
    ("Put a straw hat on the gardener.", None, "straw hat", "add"),
    ("Get rid of the bin beside the gate.", "bin", None, "remove"),
    ("The kayak should be yellow.", "kayak", "yellow kayak", "attribute change"),
    ("Swap the oak for a palm tree.", "oak", "palm tree", "replace"),
    ("Turn this into a snowy evening.", None, None, "global"),
)
"""One example of each action: instruction, original, edited, action."""


def messages(instruction: str) -> list[dict[str, str]]:
    """The chat that the model continues: the task, one example of each action, the instruction."""
    chat = [{"role": "system", "content": TASK}]
    for text, original, edited, action in EXAMPLES:
        answer = json.dumps({"original": original, "edited": edited, "action": action})
        chat += [{"role": "user", "content": text}, {"role": "assistant", "content": answer}]
    # Lone surrogates cannot be encoded, and a tokenizer may fail on them.
    shown = instruction[:MAX_INSTRUCTION].encode("utf-8", "replace").decode()
    return [*chat, {"role": "user", "content": " ".join(shown.split())}]


def parse_answer(answer: str) -> Parse:
    """The parse that a model's answer contains; the global one where it holds no JSON object. Never raises."""
    found = first_object(answer[:MAX_ANSWER])
    if found is None:
        return NOTHING
    return normalised(found.get("original"), found.get("edited"), found.get("action"))


def first_object(text: str) -> dict[str, Any] | None:
    """The first JSON object in a text, whatever stands around it."""
    decoder = json.JSONDecoder()
    start = text.find("{")
    while start >= 0:
        try:
            value, _ = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            start = text.find("{", start + 1)
            continue
        return value if isinstance(value, dict) else None
    return None


class QwenParser:
    """Qwen2.5-0.5B-Instruct as an `InstructionParser`.

    Args:
        weights: a local folder with config.json, tokenizer and safetensors, or a model's name in the hub's cache.
        device: "cpu", "cuda", "cuda:1".

    Raises:
        UserError: no weights there, or not those of a Qwen2 language model.
    """

    def __init__(self, weights: str = MODEL, device: str = "cpu") -> None:
        self.device = device
        self.folder = local_folder(weights)
        self.tokenizer, self.model = load(self.folder, device)

    @cached_property
    def identity(self) -> str:
        """Changes with the weights, the prompt and the decoding."""
        digest = hashlib.sha256(json.dumps([messages(""), NEW_TOKENS]).encode())
        for name in sorted(os.listdir(self.folder)):
            if name.endswith(".safetensors") or name in ("tokenizer.json", "config.json", "tokenizer_config.json"):
                with open(os.path.join(self.folder, name), "rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
        return f"qwen {digest.hexdigest()[:16]}"

    def parse(self, instruction: str | None) -> Parse:
        if not instruction or not instruction.strip():
            return NOTHING
        return parse_answer(self.answer(instruction))

    def answer(self, instruction: str) -> str:
        """The model's own text: greedy, at most 64 new tokens, special tokens left out."""
        import torch

        inputs = self.tokenizer.apply_chat_template(
            messages(instruction), add_generation_prompt=True, return_tensors="pt", return_dict=True
        ).to(self.device)
        with torch.inference_mode():
            # The model ships with settings for sampling, which greedy decoding must not take over.
            tokens = self.model.generate(
                **inputs,
                max_new_tokens=NEW_TOKENS,
                do_sample=False,
                temperature=None,
                top_p=None,
                top_k=None,
                repetition_penalty=1.0,
                pad_token_id=self.tokenizer.eos_token_id,
            )
        length = inputs["input_ids"].shape[1]
        return str(self.tokenizer.decode(tokens[0, length:], skip_special_tokens=True))


def local_folder(weights: str) -> str:
    """The folder on this machine that holds the weights; nothing is downloaded.

    Raises:
        UserError: neither a folder nor in the hub's cache.
    """
    if os.path.isdir(weights):
        return weights
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return snapshot_download(weights, local_files_only=True)
    except (LocalEntryNotFoundError, HFValidationError):
        raise UserError(
            f"parser qwen: {one_line(weights, 120)} is neither a folder nor in the hub's cache; get it with "
            "`imlbench weights get qwen2.5-0.5b-instruct`, or use the parser rules"
        ) from None


def load(folder: str, device: str) -> tuple[Any, Any]:
    """Tokenizer and model, float32 on the CPU and bfloat16 elsewhere, ready for inference.

    Raises:
        UserError: a file is missing or broken, or the weights are not those of a Qwen2 language model.
    """
    import torch
    from transformers import AutoConfig, AutoTokenizer, Qwen2ForCausalLM

    dtype = torch.float32 if device.startswith("cpu") else torch.bfloat16
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
        if config.model_type != "qwen2":
            raise ValueError(f"config.json says {config.model_type}, expected qwen2")
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        if not tokenizer.chat_template:
            raise ValueError("its tokenizer has no chat template; the Instruct variant is needed")
        with quiet():
            loaded: Any = Qwen2ForCausalLM.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, dtype=dtype, output_loading_info=True
            )
    except Exception as error:
        # A broken folder makes the libraries raise almost anything; the user needs its name and the reason.
        reason = one_line(f"{type(error).__name__}: {error}", 200)
        raise UserError(f"parser qwen: {one_line(folder, 120)} cannot be loaded as {MODEL}: {reason}") from error
    model, report = loaded
    complete(folder, report["missing_keys"])
    return tokenizer, model.to(device).eval()


@contextmanager
def quiet() -> Iterator[None]:
    """Without transformers' own progress bar and tables: a run has its own, and errors are reported in one line."""
    from transformers.utils import logging as imported

    logging: Any = imported
    shown, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity(logging.CRITICAL)
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if shown:
            logging.enable_progress_bar()


def complete(folder: str, missing: Sequence[str]) -> None:
    """Refuse weights with holes, which the library would fill with random numbers.

    Raises:
        UserError: a tensor is missing.
    """
    if missing:
        name = one_line(sorted(missing)[0], 80)
        raise UserError(
            f"parser qwen: {one_line(folder, 120)} lacks {len(missing)} tensors of {MODEL}, {name} among them"
        )
