"""Weights of the transformers grounder: where they lie, what they hash to, and loading them without any surprise."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from annotators.sigma.qwen import quiet
from imlbench.errors import UserError, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

WEIGHTS = ".safetensors"
READ = (WEIGHTS, ".json", ".txt")
"""Endings of the files that decide what a model computes."""
TWINS = {"prompt_encoder.shared_embedding.positional_embedding": "shared_image_embedding.positional_embedding"}
"""SAM 2 encodes places in images and in prompts by one matrix. Files may hold it once, under the second name, as
transformers 4 saved it; transformers 5 has two and would leave the first random."""


def located(weights: str) -> Path:
    """The folder of a model's weights.

    Args:
        weights: a folder, or the name of weights that `imlbench weights get` brings.

    Raises:
        UserError: no such folder and no such weights on this machine; the message says how to get them.
    """
    if os.path.isdir(weights):
        return Path(weights)
    if os.sep in weights or weights in ("", ".", ".."):
        raise UserError(f"grounder transformers: no such folder: {one_line(weights, 200)}")
    from imlbench.weights import locate

    return locate(weights)


def digest(folders: Iterable[Path]) -> str:
    """Hexadecimal digits that change with any file that decides what the models compute."""
    total = hashlib.sha256()
    for folder in folders:
        for name in sorted(entry.name for entry in os.scandir(folder) if entry.name.endswith(READ) and entry.is_file()):
            with open(folder / name, "rb") as file:
                total.update(hashlib.file_digest(file, "sha256").digest())
            # Between the files, so that no two sets of files run together.
            total.update(name.encode("utf-8", "surrogateescape") + b"\0")
        total.update(b"\0")
    return total.hexdigest()[:16]


def load_detector(folder: Path, device: str) -> tuple[Any, Any]:
    """Processor and GroundingDINO in float32.

    Raises:
        UserError: the folder does not hold a GroundingDINO.
    """
    from transformers import GroundingDinoForObjectDetection, GroundingDinoProcessor

    return load(folder, device, ("grounding-dino",), GroundingDinoProcessor, GroundingDinoForObjectDetection)


def load_segmenter(folder: Path, device: str) -> tuple[Any, Any]:
    """Processor and SAM 2 in float32; published weights call themselves sam2_video and are a superset.

    Raises:
        UserError: the folder does not hold a SAM 2.
    """
    from transformers import Sam2Model, Sam2Processor

    return load(folder, device, ("sam2", "sam2_video"), Sam2Processor, Sam2Model)


def load(folder: Path, device: str, types: Sequence[str], processors: Any, models: Any) -> tuple[Any, Any]:
    """Processor and model of a folder, ready for inference; the hub is not asked, pickled files are not read.

    Raises:
        UserError: a file is missing or broken, the model is another one, or tensors are missing.
    """
    import torch
    from transformers import PretrainedConfig

    name = f"grounder transformers: {one_line(folder, 200)}"
    try:
        told, _ = PretrainedConfig.get_config_dict(str(folder), local_files_only=True)
        if told.get("model_type") not in types:
            raise ValueError(f"config.json says {told.get('model_type')!r}")
        # What the library says of a sam2_video folder, and its progress bars, are no news to the user.
        with quiet():
            processor = processors.from_pretrained(str(folder), local_files_only=True)
            model, report = models.from_pretrained(
                str(folder),
                local_files_only=True,
                use_safetensors=True,
                dtype=torch.float32,
                output_loading_info=True,
            )
    except Exception as error:
        # A broken folder makes the libraries raise almost anything; the user needs its name and the reason.
        reason = one_line(f"{type(error).__name__}: {error}", 200)
        raise UserError(f"{name} cannot be loaded as {types[0]}: {reason}") from error
    complete(model, report["missing_keys"], f"{name} lacks", types[0])
    return processor, on_device(model, device).eval().requires_grad_(False)


def complete(model: Any, missing: Iterable[str], lacks: str, kind: str) -> None:
    """Fill a tensor that has a twin, refuse other holes: the library fills them with random numbers and goes on.

    Raises:
        UserError: a tensor is missing.
    """
    lost = set(missing)
    tensors = model.state_dict()
    for name, twin in TWINS.items():
        if name in lost and twin not in lost:
            tensors[name].copy_(tensors[twin])
            lost.remove(name)
    if lost:
        raise UserError(f"{lacks} {len(lost)} tensors of {kind}, {one_line(min(lost), 80)} among them")


def on_device(model: Any, device: str) -> Any:
    """The model moved to a device.

    Raises:
        UserError: there is no such device, or its memory is full.
    """
    try:
        return model.to(device)
    except (RuntimeError, AssertionError) as error:
        reason = one_line(error, 200)
        raise UserError(f"grounding: the device {one_line(device, 40)!r} cannot be used: {reason}") from error
