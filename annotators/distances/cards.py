"""The cards of the distances. Read by `imlbench list`: nothing heavy is imported here."""

from __future__ import annotations

from dataclasses import replace

from imlbench.cards import AdapterCard
from imlbench.inference.sizes import SizePolicy
from imlbench.weights.using import known_weight

OTSU = "Otsu, IEEE Transactions on Systems, Man, and Cybernetics 9(1), 1979"
COSINE_THRESHOLD = 0.25
"""A mean cosine of 0.5. Ours: chosen on no data."""
LPIPS_THRESHOLD = 0.5
"""Ours: chosen on no data; the authors name none."""
LPIPS_POLICY = SizePolicy(long_sides=(1024,))
"""At the pair's own scale, as LPIPS was fitted to what people see; larger ones are shrunk, which bounds the memory."""
POLICIES = {
    "efficientnet-lite0": SizePolicy(long_sides=(512,), enlarge=True, multiple=32),
    "dinov2-base": SizePolicy(square=518),
    "alexnet": LPIPS_POLICY,
}
"""How pairs reach each network; as SIGMA has it for the backbones that it shares."""


def by_otsu(card: AdapterCard) -> AdapterCard:
    """The row that parts each pair's distances by their own Otsu threshold, from the card of the distance itself."""
    return replace(
        card, summary=f"{card.summary} > Otsu's threshold of it; no training", citation=f"{card.citation}; {OTSU}"
    )


def by_threshold(card: AdapterCard, threshold: float) -> AdapterCard:
    """The row that hands out the distance itself, cut at one threshold for all pairs."""
    return replace(
        card,
        name=f"{card.name}-fixed",
        title=f"{card.title} (fixed)",
        summary=f"{card.summary} >= {threshold:g}; no training",
        threshold=threshold,
        soft=True,
    )


EFFICIENTNET = AdapterCard(
    name="efficientnet-cosine",
    title="EfficientNet cosine",
    version="1",
    summary="(1 - cosine) / 2 of the features of EfficientNet-Lite0's blocks 4, 10 and 14",
    licence="Apache-2.0",
    citation="imlbench; Tan and Le, EfficientNet, ICML 2019",
    url="https://arxiv.org/abs/1905.11946",
    batched=True,
    accelerated=True,
    soft=False,
    weights=(known_weight("efficientnet-lite0"),),
)
DINOV2 = replace(
    EFFICIENTNET,
    name="dinov2-cosine",
    title="DINOv2 cosine",
    summary="(1 - cosine) / 2 of the features of DINOv2-Base's last three layers",
    citation="imlbench; Oquab et al., DINOv2, TMLR 2024",
    url="https://arxiv.org/abs/2304.07193",
    weights=(known_weight("dinov2-base"),),
)
LPIPS = replace(
    EFFICIENTNET,
    name="lpips-map",
    title="LPIPS",
    summary="LPIPS (AlexNet, version 0.1) of every pixel",
    citation="Zhang, Isola, Efros, Shechtman, Wang, LPIPS, CVPR 2018",
    url="https://arxiv.org/abs/1801.03924",
    weights=(known_weight("alexnet"), known_weight("lpips-alex")),
)
