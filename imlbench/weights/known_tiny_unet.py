"""tiny-unet's part of the catalogue: a detector of this project's own, small enough to be trained on a processor."""

from __future__ import annotations

from imlbench.weights.entries import KnownFile, Source, WeightFile

TINY_UNET = WeightFile(
    name="tiny-unet",
    title="tiny-unet, a detector of your own",
    licence="own",
    licence_url="",
    source=Source.OWN,
    origin="trained by you",
    files=(KnownFile("tiny-unet.safetensors"),),
    needed_by=("tiny-unet",),
    how="no weights: train some (imlbench finetune tiny-unet --init scratch --data EXPORTED --out RUN), then let "
    "IMLBENCH_TINY_UNET name RUN/best.safetensors",
)
