"""Distances as annotators: the cosine map by hand, Otsu on floats, contract, cards, what is said of missing weights."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from annotators.distances.annotators import (
    Dinov2Cosine,
    Dinov2CosineFixed,
    EfficientNetCosine,
    EfficientNetCosineFixed,
    LpipsMap,
    LpipsMapFixed,
)
from annotators.distances.cosine import CosineDistance
from annotators.distances.mapping import DistanceMaps
from annotators.distances.otsu import above_own_otsu
from imlbench.backbones.encoder import Encoder
from imlbench.conformance import check_annotator
from imlbench.conformance.inputs import make_pair
from imlbench.errors import UserError
from imlbench.inference.sizes import SizePolicy
from imlbench.samples import Pair

torch.set_num_threads(1)

ALL = (EfficientNetCosine, EfficientNetCosineFixed, Dinov2Cosine, Dinov2CosineFixed, LpipsMap, LpipsMapFixed)
SMALL = SizePolicy(long_sides=(64,), multiple=8)


class Colours(Encoder):
    """Two levels: the image itself, and the means of its 2 x 2 cells."""

    def __init__(self) -> None:
        super().__init__((3, 3), (0.5, 0.5, 0.5), (1.0, 1.0, 1.0))

    def lattices(self, height, width):
        return [(height, width), (height // 2, width // 2)]

    def features(self, normalised):
        return [normalised, torch.nn.functional.avg_pool2d(normalised, 2)]


@pytest.fixture(autouse=True)
def no_weights_of_this_machine(monkeypatch, tmp_path):
    for name in ("DINOV2_BASE", "EFFICIENTNET_LITE0", "ALEXNET", "LPIPS_ALEX"):
        monkeypatch.delenv(f"IMLBENCH_{name}", raising=False)
    monkeypatch.setenv("IMLBENCH_WEIGHTS", str(tmp_path / "no-weights"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def vectors(*colours):
    """An image of one row, its pixels' features given as colours around the encoder's mean."""
    return torch.tensor(colours, dtype=torch.float32).T[None, :, None, :] + 0.5


class TestCosine:
    def test_distance_runs_from_0_for_the_same_direction_to_1_for_the_opposite_one(self):
        network = CosineDistance(Colours())
        # Two columns alike, so that a cell's mean has the direction of its pixels.
        before = vectors(*[(0.3, 0, 0)] * 6).repeat(1, 1, 2, 1)
        after = vectors(*[(0.1, 0, 0)] * 2, *[(0, 0.2, 0)] * 2, *[(-0.4, 0, 0)] * 2).repeat(1, 1, 2, 1)
        found = network(before, after)
        assert found.shape == (1, 2, 6)
        assert torch.allclose(found[0, 0, [0, -1]], torch.tensor([0.0, 1.0]), atol=1e-6)

    def test_levels_are_enlarged_to_the_finest_and_averaged(self):
        generator = torch.Generator().manual_seed(4)
        before, after = (torch.rand(2, 3, 4, 6, generator=generator) for _ in range(2))
        fine, coarse = (
            (1 - torch.cosine_similarity(x - 0.5, y - 0.5, dim=1)) / 2
            for x, y in (
                (before, after),
                (torch.nn.functional.avg_pool2d(before, 2), torch.nn.functional.avg_pool2d(after, 2)),
            )
        )
        enlarged = torch.nn.functional.interpolate(coarse[:, None], (4, 6), mode="bilinear", align_corners=False)[:, 0]
        assert torch.allclose(CosineDistance(Colours())(before, after), (fine + enlarged) / 2, atol=1e-6)

    def test_the_packaged_weights_see_a_repainted_patch_and_nothing_in_an_unedited_pair(self):
        pair = make_pair((96, 128))
        hard, nothing = EfficientNetCosine().annotate([pair, make_pair((96, 128), identical=True)])
        (soft,) = EfficientNetCosineFixed().annotate([pair])
        patch = np.zeros((96, 128), bool)
        patch[32:84, 64:112] = True
        assert hard.dtype == np.bool_
        assert not nothing.any()
        assert soft.dtype == np.float32
        assert hard[patch].mean() > 0.7 > 0.3 > hard[~patch].mean()
        assert soft[patch].mean() > 2 * soft[~patch].mean()
        assert np.array_equal(hard, above_own_otsu(soft))


class TestOtsu:
    def test_two_levels_are_parted_between_them_wherever_they_lie(self):
        for low, high in ((0.0, 1.0), (0.31, 0.32), (0.002, 0.4)):
            distances = np.full((9, 7), low, np.float32)
            distances[2:4, 3:] = high
            assert np.array_equal(above_own_otsu(distances), distances == np.float32(high))

    def test_a_map_without_a_difference_marks_nothing(self):
        rounding = np.full((5, 6), 0.2, np.float32) + np.float32(3e-8) * np.arange(30, dtype=np.float32).reshape(5, 6)
        assert not above_own_otsu(rounding).any()
        assert not above_own_otsu(np.zeros((3, 3), np.float32)).any()

    def test_it_agrees_with_scikit_image_within_a_level(self):
        from skimage.filters import threshold_otsu

        generator = np.random.default_rng(5)
        distances = generator.beta(2, 9, (60, 50)).astype(np.float32)
        distances[20:40, 10:30] += np.float32(0.4)
        level = float(distances.max() - distances.min()) / 255
        threshold = threshold_otsu(distances)
        marked = above_own_otsu(distances)
        assert not marked[distances < threshold - 2 * level].any()
        assert marked[distances > threshold + 2 * level].all()


class TestContract:
    @pytest.mark.parametrize("adapter", [EfficientNetCosine, EfficientNetCosineFixed])
    def test_the_adapters_pass_the_conformance_suite(self, adapter):
        report = check_annotator(
            lambda: adapter(network=CosineDistance(Colours()), policy=SMALL), name=adapter.card.name
        )
        assert report.passed, report

    def test_maps_do_not_depend_on_the_batch_or_its_order(self):
        maps = DistanceMaps(CosineDistance(Colours()), SMALL)
        pairs = [make_pair(size) for size in ((96, 64), (64, 96), (47, 61), (96, 64), (300, 100), (1, 9))]
        alone = [maps.of([pair])[0] for pair in pairs]
        for pair, found in zip(pairs, alone, strict=True):
            assert found.shape == pair.edited.shape[:2]
        assert all(np.array_equal(one, other) for one, other in zip(alone, maps.of(pairs), strict=True))
        assert all(np.array_equal(one, other) for one, other in zip(alone, maps.of(pairs[::-1])[::-1], strict=True))

    def test_groups_of_one_size_go_through_the_network_together_on_an_accelerator(self):
        sizes = []

        class Counting(CosineDistance):
            def forward(self, original, edited):
                sizes.append(tuple(original.shape))
                return super().forward(original, edited)

        maps = DistanceMaps(Counting(Colours()), SMALL)
        maps.device = "meta-like"  # any other name than the CPU's
        maps._tensor = lambda images, size: DistanceMaps._tensor(DistanceMaps(maps.network, SMALL), images, size)
        maps.of([make_pair(size) for size in ((64, 64), (32, 64), (64, 64))])
        assert sizes == [(2, 3, 64, 64), (1, 3, 32, 64)]

    def test_an_image_of_the_wrong_kind_is_no_input(self):
        grey = np.zeros((8, 8), np.uint8)
        with pytest.raises((ValueError, RuntimeError)):
            DistanceMaps(CosineDistance(Colours()), SMALL).of([Pair("grey", grey, grey)])


class TestCards:
    def test_names_are_unique_and_every_weight_has_its_hash_and_licence(self):
        assert len({adapter.card.name for adapter in ALL}) == len(ALL)
        for adapter in ALL:
            assert adapter.card.weights
            assert all(len(weight.sha256) == 64 and weight.licence for weight in adapter.card.weights)

    def test_rows_by_otsu_are_hard_and_fixed_rows_say_their_threshold(self):
        for otsu, fixed in zip(ALL[::2], ALL[1::2], strict=True):
            assert (otsu.card.soft, fixed.card.soft) == (False, True)
            assert fixed.card.name == f"{otsu.card.name}-fixed"
            assert f">= {fixed.card.threshold:g}" in fixed.card.summary
            assert "Otsu" in otsu.card.summary
            assert "Otsu" not in fixed.card.summary + fixed.card.citation
            assert otsu.card.weights == fixed.card.weights

    def test_reading_them_imports_nothing_heavy(self):
        code = (
            "import sys\n"
            "from annotators.distances.annotators import Dinov2Cosine, EfficientNetCosine, LpipsMap\n"
            "for one in (Dinov2Cosine, EfficientNetCosine, LpipsMap): one.card, one.missing()\n"
            "print(sorted({'numpy', 'cv2', 'torch', 'torchvision', 'torchmetrics', 'transformers'} & set(sys.modules)))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert (done.stdout.strip(), done.stderr) == ("[]", "")


class TestMissingWeights:
    @pytest.mark.parametrize(("adapter", "weights"), [(Dinov2Cosine, "dinov2-base"), (LpipsMapFixed, "alexnet")])
    def test_one_line_says_what_is_missing_and_how_to_get_it(self, adapter, weights):
        told = adapter.missing()
        assert told.startswith(f"weights {weights}: no file ")
        assert f"imlbench weights get {weights}" in told
        assert "\n" not in told
        with pytest.raises(UserError) as raised:
            adapter()
        assert str(raised.value) == told

    def test_nothing_is_missing_where_the_package_with_the_weights_is_installed(self):
        assert EfficientNetCosine.missing() == ""

    def test_a_file_of_another_size_is_told_of(self, monkeypatch, tmp_path):
        (tmp_path / "model.safetensors").write_bytes(b"short")
        monkeypatch.setenv("IMLBENCH_DINOV2_BASE", str(tmp_path))
        assert "expected 346,345,912 bytes, found 5" in Dinov2Cosine.missing()

    def test_files_of_the_right_size_and_another_content_are_refused(self, monkeypatch, tmp_path):
        other = tmp_path / "efficientnet-lite0-57934424.pth"
        with other.open("wb") as file:
            file.truncate(18826032)
        monkeypatch.setenv("IMLBENCH_EFFICIENTNET_LITE0", str(other))
        with pytest.raises(UserError, match="expected SHA-256 5793"):
            EfficientNetCosine()
