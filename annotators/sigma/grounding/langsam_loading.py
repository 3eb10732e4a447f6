"""Weights of the langsam grounder: where they lie, and loading them without the hub and without pickled code."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from annotators.sigma.grounding.loading import digest, on_device
from imlbench.errors import UserError, one_line
from imlbench.perturbations.local_weights import weights_folder

NAME = "grounder langsam"
VARIABLE = "IMLBENCH_LANGSAM"
PACKAGES = {"groundingdino": "groundingdino-py", "sam2": "sam2"}
"""Module and distribution."""
DETECTOR_CONFIGS = {
    "groundingdino_swint_ogc.pth": "groundingdino.config.GroundingDINO_SwinT_OGC",
    "groundingdino_swinb_cogcoor.pth": "groundingdino.config.GroundingDINO_SwinB_cfg",
}
"""Published weights, and the package's own settings for them; a settings file is code, and no other is ever run."""
SEGMENTER_CONFIGS = {
    "sam2.1_hiera_tiny.pt": "configs/sam2.1/sam2.1_hiera_t.yaml",
    "sam2.1_hiera_small.pt": "configs/sam2.1/sam2.1_hiera_s.yaml",
    "sam2.1_hiera_base_plus.pt": "configs/sam2.1/sam2.1_hiera_b+.yaml",
    "sam2.1_hiera_large.pt": "configs/sam2.1/sam2.1_hiera_l.yaml",
}
TEXT_ENCODER = "bert-base-uncased"


@dataclass(frozen=True, slots=True, kw_only=True)
class LangSamFiles:
    """The weights in a folder.

    Attributes:
        folder: holds all three.
        detector: name of the GroundingDINO file.
        segmenter: name of the SAM 2.1 file.
        text_encoder: name of the folder with the BERT that GroundingDINO reads prompts with.
    """

    folder: Path
    detector: str = "groundingdino_swint_ogc.pth"
    segmenter: str = "sam2.1_hiera_small.pt"
    text_encoder: str = TEXT_ENCODER

    @classmethod
    def configured(cls) -> LangSamFiles:
        """Those in the folder of the environment variable or of the config file.

        Raises:
            UserError: neither names a folder.
        """
        require_packages()
        holds = f"{cls.__dataclass_fields__['detector'].default}, {cls.__dataclass_fields__['segmenter'].default}"
        return cls(folder=weights_folder(NAME, "langsam", VARIABLE, f"{holds} and the folder {TEXT_ENCODER}"))

    def check(self) -> None:
        """Make sure that everything is there.

        Raises:
            UserError: a package or a file is missing, or a file's name is none of the published ones.
        """
        require_packages()
        for name, known in ((self.detector, DETECTOR_CONFIGS), (self.segmenter, SEGMENTER_CONFIGS)):
            if name not in known:
                raise UserError(f"{NAME}: unknown weights {one_line(name, 80)!r}: expected {' or '.join(known)}")
            if not os.path.isfile(self.folder / name):
                raise UserError(f"{NAME}: no such file: {self.folder / name}; download it once and put it there")
        if not os.path.isfile(self.folder / self.text_encoder / "config.json"):
            raise UserError(
                f"{NAME}: {self.folder / self.text_encoder} does not hold config.json; download {TEXT_ENCODER} "
                "(weights and tokenizer) once and put it there"
            )

    def digest(self) -> str:
        """Hexadecimal digits that change with the weights."""
        total = hashlib.sha256(digest([self.folder / self.text_encoder]).encode())
        for name in (self.detector, self.segmenter):
            with open(self.folder / name, "rb") as file:
                total.update(name.encode() + hashlib.file_digest(file, "sha256").digest())
        return total.hexdigest()[:16]


def require_packages() -> None:
    """Refuse to go on without the extra.

    Raises:
        UserError: a package is not installed.
    """
    missing = [package for module, package in PACKAGES.items() if find_spec(module) is None]
    if missing:
        raise UserError(
            f"{NAME}: needs {' and '.join(missing)}, not installed: pip install 'imlbench[langsam]', "
            "or use the grounder transformers"
        )


def load_detector(files: LangSamFiles, device: str) -> Any:
    """GroundingDINO of groundingdino-py.

    Raises:
        UserError: the package does not run beside this transformers, or a file is broken.
    """
    import torch

    def build() -> Any:
        settings = import_module("groundingdino.util.slconfig").SLConfig.fromfile(
            import_module(DETECTOR_CONFIGS[files.detector]).__file__
        )
        settings.device = "cpu"
        # A folder instead of the name that the package would ask the hub for.
        settings.text_encoder_type = str(files.folder / files.text_encoder)
        # Saves memory in training only, and warns without gradients.
        settings.use_checkpoint = settings.use_transformer_ckpt = False
        model = import_module("groundingdino.models").build_model(settings)
        stored = torch.load(files.folder / files.detector, map_location="cpu", weights_only=True)["model"]
        clean = import_module("groundingdino.util.misc").clean_state_dict(stored)
        if missing := sorted(model.load_state_dict(clean, strict=False).missing_keys):
            raise ValueError(f"{len(missing)} tensors are missing, {missing[0]} among them")
        return model.float().eval().requires_grad_(False)

    return on_device(built("groundingdino-py", files.folder / files.detector, build), device)


def load_segmenter(files: LangSamFiles, device: str) -> Any:
    """SAM 2.1's image predictor of sam2.

    Raises:
        UserError: a file is broken or of another size of model.
    """

    def build() -> Any:
        module = import_module("sam2.build_sam")
        # The package itself loads tensors only and refuses missing ones.
        return module.build_sam2(SEGMENTER_CONFIGS[files.segmenter], str(files.folder / files.segmenter), device="cpu")

    model = on_device(built("sam2", files.folder / files.segmenter, build), device)
    return import_module("sam2.sam2_image_predictor").SAM2ImagePredictor(model)


def built(package: str, path: Path, build: Callable[[], Any]) -> Any:
    """What `build` makes, any failure turned into one line.

    Raises:
        UserError: it fails.
    """
    try:
        return build()
    except Exception as error:
        # A broken file, or a package beside libraries that it was not made for, raises almost anything.
        reason = one_line(f"{type(error).__name__}: {error}", 200)
        hint = "pip install 'imlbench[langsam]' brings versions that fit together"
        raise UserError(f"{NAME}: {package} cannot load {path}: {reason} ({hint})") from error
