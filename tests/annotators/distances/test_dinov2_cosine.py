"""`dinov2-cosine` through its own loading code, on a made checkpoint: DINOv2's structure, narrower."""

from __future__ import annotations

import pytest
import torch
from transformers import Dinov2Config, Dinov2Model

from annotators.distances import cosine
from annotators.distances.annotators import Dinov2Cosine, Dinov2CosineFixed
from imlbench.backbones import dinov2
from imlbench.conformance import check_annotator
from imlbench.conformance.inputs import make_pair
from imlbench.inference.sizes import SizePolicy

torch.set_num_threads(1)

WIDTH = 24
SMALL = SizePolicy(square=56)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    torch.manual_seed(0)
    place = tmp_path_factory.mktemp("dinov2")
    config = Dinov2Config(hidden_size=WIDTH, num_hidden_layers=12, num_attention_heads=2, image_size=56, patch_size=14)
    Dinov2Model(config).save_pretrained(place)
    return place


@pytest.fixture(autouse=True)
def made_weights(monkeypatch, folder):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setitem(dinov2.WIDTHS, "dinov2-base", WIDTH)
    monkeypatch.setattr(cosine, "locate", lambda name: {"dinov2-base": folder}[name])


@pytest.mark.parametrize("adapter", [Dinov2Cosine, Dinov2CosineFixed])
def test_the_adapters_pass_the_conformance_suite(adapter):
    report = check_annotator(lambda: adapter(policy=SMALL), name=adapter.card.name)
    assert report.passed, report


def test_the_last_three_layers_are_compared_by_the_angle_of_their_normalised_tokens(folder):
    network = Dinov2Cosine(policy=SMALL).maps.network
    original, edited = torch.rand(2, 1, 3, 56, 56, generator=torch.Generator().manual_seed(3))
    model = Dinov2Model.from_pretrained(folder, local_files_only=True).eval()
    expected = torch.zeros(1, 16)
    with torch.inference_mode():
        states = [
            model(pixel_values=(image - network.encoder.mean) / network.encoder.deviation, output_hidden_states=True)
            for image in (original, edited)
        ]
        for layer in (10, 11, 12):
            before, after = (model.layernorm(state.hidden_states[layer])[:, 1:] for state in states)
            expected += (1 - torch.cosine_similarity(before, after, dim=2)) / 6
        found = network(original, edited)
    assert found.shape == (1, 4, 4)
    assert torch.allclose(found.flatten(1), expected, atol=1e-5)


def test_a_pair_without_an_edit_has_no_distance_and_no_marks():
    pair = make_pair((60, 80), identical=True)
    assert Dinov2CosineFixed(policy=SMALL).annotate([pair])[0].max() < 1e-6
    assert not Dinov2Cosine(policy=SMALL).annotate([pair])[0].any()
