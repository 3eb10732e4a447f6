"""DINOv2 as an encoder: the patch tokens of three layers, through transformers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import Tensor
from torch.nn import functional

from imlbench.backbones.encoder import Encoder, Lattice
from imlbench.errors import UserError, one_line

if TYPE_CHECKING:
    from transformers import Dinov2Model

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)
SOURCES = {"dinov2-base": "facebook/dinov2-base", "dinov2-small": "facebook/dinov2-small"}
WIDTHS = {"dinov2-base": 768, "dinov2-small": 384}


class Dinov2(Encoder):
    """Patch tokens of the named layers, each through the backbone's final LayerNorm, without the class token.

    Args:
        model: the backbone, any width, depth and patch size.
        layers: counted from zero, so that layer k is `hidden_states[k + 1]`.
    """

    def __init__(self, model: Dinov2Model, layers: Sequence[int]) -> None:
        super().__init__([model.config.hidden_size] * len(layers), IMAGENET_MEAN, IMAGENET_DEVIATION)
        if max(layers) >= model.config.num_hidden_layers:
            found = model.config.num_hidden_layers
            raise UserError(f"DINOv2: layer {max(layers)} is wanted, counted from zero, found {found} layers")
        self.model = model
        self.layers = tuple(layers)
        self.patch = _side(model.config.patch_size)
        self.freeze()

    @classmethod
    def from_pretrained(cls, name: str, layers: Sequence[int], source: str | Path = "") -> Self:
        """The published backbone, from a local folder or the hub's cache. Nothing is downloaded.

        Args:
            name: "dinov2-base" or "dinov2-small".
            layers: counted from zero.
            source: a folder with config.json and model.safetensors; empty = the published model's place in the cache.

        Raises:
            UserError: the weights are missing or damaged, or belong to another network.
        """
        from transformers import AutoConfig, Dinov2Model

        place = str(source) or SOURCES[name]
        try:
            config = AutoConfig.from_pretrained(place, local_files_only=True)
            kind, width = config.model_type, getattr(config, "hidden_size", None)
            if (kind, width) != ("dinov2", WIDTHS[name]):
                raise UserError(f"{place}: expected {name} (dinov2, {WIDTHS[name]} wide), found {kind}, {width} wide")
            loaded: Any = Dinov2Model.from_pretrained(
                place,
                config=config,
                local_files_only=True,
                use_safetensors=True,
                dtype=torch.float32,
                output_loading_info=True,
            )
        except UserError:
            raise
        except Exception as error:
            # A missing or damaged file raises by the type of whatever noticed it: hub, JSON, safetensors, transformers.
            raise UserError(f"{name}: {one_line(place, 200)}: {_missing(name, error)}") from error
        model, report = loaded
        _check_complete(place, report)
        return cls(model, layers)

    def lattices(self, height: int, width: int) -> list[Lattice]:
        return [(-(-height // self.patch), -(-width // self.patch))] * len(self.layers)

    def features(self, normalised: Tensor) -> list[Tensor]:
        rows, columns = self.lattices(*normalised.shape[2:])[0]
        size = (rows * self.patch, columns * self.patch)
        if size != tuple(normalised.shape[2:]):
            # The patch convolution would drop what does not fill a patch, and shift the lattice against the image.
            normalised = functional.interpolate(normalised, size, mode="bilinear", align_corners=False)
        states = self.model(pixel_values=normalised, output_hidden_states=True).hidden_states
        tokens = [self.model.layernorm(states[layer + 1])[:, 1:] for layer in self.layers]
        return [level.transpose(1, 2).unflatten(2, (rows, columns)) for level in tokens]


def _missing(name: str, error: Exception) -> str:
    reason = one_line(f"{type(error).__name__}: {error}", 160)
    return f"no weights that load ({reason}); name a folder with {SOURCES[name]}'s config.json and model.safetensors"


def _side(patch: Any) -> int:
    """A patch's side, which transformers writes as a number or as two equal ones."""
    sides = {int(side) for side in patch} if isinstance(patch, Iterable) else {int(patch)}
    if len(sides) != 1:
        raise UserError(f"DINOv2: expected square patches, found {sorted(sides)}")
    return sides.pop()


def _check_complete(place: str, report: Mapping[str, Iterable[object]]) -> None:
    """transformers fills what is missing at random and only warns; a network with holes must not go on."""
    for kind in ("missing_keys", "mismatched_keys"):
        wrong = sorted(str(key) for key in report.get(kind) or ())
        if wrong:
            raise UserError(
                f"{place}: {len(wrong)} {kind.replace('_', ' ')} in the weights, {one_line(wrong[0], 80)} first"
            )
