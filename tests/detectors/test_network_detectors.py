"""The adapters around stand-ins for their networks: conformance, tiles, notes, weights and what is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn.functional import avg_pool2d, interpolate

from detectors import borrowed, network_detector
from detectors.borrowed import lacking_packages
from detectors.cards import LIMIT_VARIABLE
from detectors.cat_net import preprocessing as cat_net_preprocessing
from detectors.cat_net.coefficients import Luma
from detectors.cat_net.detector import CatNet, CatNetBenco
from detectors.cat_net.jpeg_header import read_header
from detectors.iml_vit.detector import ImlVit
from detectors.mesorch.detector import Mesorch
from detectors.mvss_net.detector import MvssNet, MvssNetBenco
from detectors.pscc_net.detector import PsccNet, PsccNetBenco
from detectors.sparse_vit.detector import SparseVit
from detectors.trufor.detector import TruFor, TruForBenco
from imlbench.adapters import Picture
from imlbench.conformance import check_detector
from imlbench.errors import UserError
from imlbench.weights import catalogue
from tests.detectors.making_networks import jpeg_of, pixels_of

ROOT = Path(__file__).parents[2]


def grey(batch):
    """B x 1 x H x W, a soft function of the colours."""
    return (batch[:, :3].mean(dim=1, keepdim=True) * 3).sigmoid()


class Stand(torch.nn.Module):
    """What every stand-in has: one weight."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))


class CatStand(Stand):
    def forward(self, batch, tables):
        assert tables.shape[1:] == (1, 8, 8)
        logits = avg_pool2d(grey(batch) + batch[:, 3:4], 4)
        return torch.cat([-logits, logits], dim=1)


class MvssStand(Stand):
    def __init__(self):
        super().__init__()
        self.constrain_conv = SimpleNamespace(kernel=torch.nn.Parameter(torch.ones(1)))

    def forward(self, batch, mask, edge_mask, label):
        # As the real one normalises its kernel in place.
        self.constrain_conv.kernel.data = self.constrain_conv.kernel.data * 0.9
        assert mask.shape == edge_mask.shape
        assert label.shape == batch.shape[:1]
        return {"pred_mask": grey(batch) * self.constrain_conv.kernel}


class FeatureStand(Stand):
    def forward_features(self, batch):
        return avg_pool2d(grey(batch), 4)

    def resize(self, features):
        return interpolate(features, size=(512, 512), mode="bilinear", align_corners=True)


class SparseStand(Stand):
    def encoder_net(self, batch):
        return {"last": avg_pool2d(grey(batch), 4)}

    def lmu(self, features):
        return features[0]


class PsccStand(Stand):
    def FENet(self, batch):  # noqa: N802
        return [grey(batch)] * 4

    def SegNet(self, features):  # noqa: N802
        return [interpolate(features[0], size=(256, 256), mode="bilinear", align_corners=True)] * 4

    def ClsNet(self, features):  # noqa: N802
        level = features[0].mean(dim=(1, 2, 3))
        return torch.stack([-level, level], dim=1)


class TruForStand(Stand):
    def forward(self, batch):
        assert min(batch.shape[2:]) >= 32
        level = grey(batch)
        return torch.cat([-level, level], dim=1), level, level.mean(dim=(2, 3)), level


STANDS = {
    CatNet: CatStand,
    CatNetBenco: CatStand,
    MvssNet: MvssStand,
    MvssNetBenco: MvssStand,
    ImlVit: FeatureStand,
    PsccNet: PsccStand,
    PsccNetBenco: PsccStand,
    TruFor: TruForStand,
    TruForBenco: TruForStand,
    SparseVit: SparseStand,
    Mesorch: FeatureStand,
}
EVERY = pytest.mark.parametrize("kind", STANDS, ids=lambda kind: kind.declared.name)


def read_luma(data, shape=None):
    """Stands in for the library: coefficients that count up, so that a shifted tile shows."""
    rows, columns = read_header(data).blocks
    count = np.arange(rows * 8 * columns * 8) // 5 % 30
    return Luma(count.reshape(rows * 8, columns * 8).astype(np.int16), np.ones((8, 8), np.uint16))


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMLBENCH_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.delenv(LIMIT_VARIABLE, raising=False)
    monkeypatch.setattr(cat_net_preprocessing, "read_luma", read_luma)


def built(kind):
    return kind(network=STANDS[kind]())


@EVERY
def test_conformance(kind):
    report = check_detector(lambda: built(kind), name=kind.declared.name)
    assert report.passed, str(report)


@EVERY
def test_every_detector_has_its_weights_in_the_catalogue(kind):
    entry = catalogue()[kind.declared.name]
    assert entry.needed_by == (kind.declared.name,)
    assert entry.licence


@EVERY
def test_a_picture_larger_than_any_limit_is_seen_whole(kind, monkeypatch):
    monkeypatch.setenv(LIMIT_VARIABLE, "65536")
    pixels = np.zeros((330, 410, 3), np.uint8)
    pixels[300:, 380:] = 255
    (found,) = built(kind).detect([Picture("large", pixels)])
    assert found.score_map.shape == (330, 410)
    # What lies in the last corner is in the map.
    corner, rest = found.score_map[315:, 395:].mean(), found.score_map[:200, :200].mean()
    # IMDL-BenCo's second scaling leaves little of any colour.
    least = 1 if found.score_map.dtype == np.uint8 else 1e-4 if kind is CatNetBenco else 0.01
    assert abs(float(corner) - float(rest)) > least


class TestTiles:
    @pytest.mark.parametrize("kind", [CatNet, TruFor, PsccNet])
    def test_their_number_is_noted_and_another_limit_is_another_version(self, kind, monkeypatch):
        detector = built(kind)
        usual = detector.card.version
        assert "tiles" not in "".join(detector.detect([Picture("a", pixels_of(300, 400))])[0].notes)
        monkeypatch.setenv(LIMIT_VARIABLE, "65536")
        assert kind.card.version == f"{usual}+limit-65536"
        detector = built(kind)
        assert detector.card.version == f"{usual}+limit-65536"
        (found,) = detector.detect([Picture("a", pixels_of(300, 400))])
        assert any(note.startswith("seen in 6 tiles of at most 256 pixels") for note in found.notes)
        assert ("image score: the largest of the tiles'" in found.notes) == kind.declared.scores_images

    def test_cat_nets_tiles_keep_whole_blocks(self, monkeypatch):
        picture = Picture("a", np.zeros((300, 411, 3), np.uint8), jpeg_of(np.zeros((300, 411, 3), np.uint8)), "JPEG")
        (whole,) = built(CatNet).detect([picture])
        monkeypatch.setenv(LIMIT_VARIABLE, "65536")
        (tiled,) = built(CatNet).detect([picture])
        # The stand-in looks at a pixel's nearest neighbours alone: coefficients in another place would show.
        np.testing.assert_allclose(tiled.score_map, whole.score_map, atol=0.02)

    @pytest.mark.parametrize("value", ["many", "-1", "65535", "1e6", "9" * 40])
    def test_a_limit_that_is_none(self, monkeypatch, value):
        monkeypatch.setenv(LIMIT_VARIABLE, value)
        with pytest.raises(UserError, match="IMLBENCH_DETECTOR_MAX_PIXELS: expected whole pixels from 65536"):
            built(TruFor)
        # Listing shows the card all the same.
        assert TruFor.card.name == "trufor"


class TestCards:
    def test_conventions_are_on_the_cards(self):
        said = {kind.declared.name: kind.declared.preprocessing for kind in STANDS}
        assert {name for name, convention in said.items() if convention == "benco"} == {
            "cat-net-benco",
            "mvss-net-benco",
            "pscc-net-benco",
            "trufor-benco",
        }
        assert set(said.values()) == {"official", "benco"}

    def test_terms_that_bind_the_user_are_told(self):
        assert "non-profit" in TruFor.declared.licence
        assert "NVIDIA" in Mesorch.declared.licence
        assert MvssNet.declared.licence == SparseVit.declared.licence == "none stated by its authors"
        assert catalogue()["cat-net"].licence == "CC-BY-4.0"
        assert "CC-BY-NC-4.0" in catalogue()["iml-vit"].licence

    def test_weights_are_told_by_their_hashes(self, tmp_path, monkeypatch):
        assert TruFor.card.weights == ()
        (tmp_path / "a.pth").write_bytes(b"a")
        monkeypatch.setenv("IMLBENCH_TRUFOR", str(tmp_path / "a.pth"))
        (weight,) = TruFor.card.weights
        assert weight.sha256 == "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"

    def test_an_image_score_only_where_the_network_has_a_head(self):
        for kind in STANDS:
            (found,) = built(kind).detect([Picture("a", pixels_of(40, 40))])
            assert (found.image_score is not None) == kind.declared.scores_images

    def test_a_padded_picture_is_noted(self):
        assert built(TruFor).detect([Picture("a", pixels_of(5, 80))])[0].notes == ("padded to 32 pixels",)


class TestMissing:
    @EVERY
    def test_the_extra_is_one_line(self, kind, monkeypatch):
        monkeypatch.setattr(borrowed, "find_spec", lambda name: None)
        named = "imdlbenco13" + (" and jpeglib" if "cat" in kind.declared.name else "")
        install = f"pip install 'imlbench[{'imdlbenco,jpeg' if 'cat' in kind.declared.name else 'imdlbenco'}]'"
        assert kind.missing() == f"{kind.declared.name}: needs {named}, not installed: {install}"
        with pytest.raises(UserError, match="not installed: pip install"):
            kind()

    @EVERY
    def test_weights_are_one_line_with_what_to_do(self, kind, monkeypatch):
        monkeypatch.setattr(kind, "lacking_packages", classmethod(lambda cls: ""))
        said = kind.missing()
        assert said.startswith(f"weights {kind.declared.name}: no file ")
        assert "imlbench weights get" in said
        with pytest.raises(UserError, match=f"weights {kind.declared.name}: no file"):
            kind()

    def test_cat_net_needs_jpeglib_too(self, monkeypatch):
        monkeypatch.setattr(borrowed, "find_spec", lambda name: None if name == "jpeglib" else True)
        assert CatNet.missing() == "cat-net: needs jpeglib, not installed: pip install 'imlbench[jpeg]'"

    def test_files_that_are_given_must_be_there(self, tmp_path, monkeypatch):
        monkeypatch.setattr(network_detector.NetworkDetector, "lacking_packages", classmethod(lambda cls: ""))
        with pytest.raises(UserError, match=r"expected the file trufor\.pth\.tar"):
            TruFor(weights=tmp_path / "none.pth")
        with pytest.raises(
            UserError, match=r"expected a folder with HRNet\.pth, NLCDetection\.pth, DetectionHead\.pth"
        ):
            PsccNet(weights=tmp_path)

    def test_the_package_is_looked_for_and_not_imported(self, monkeypatch):
        monkeypatch.setattr(borrowed, "find_spec", lambda name: True)
        assert lacking_packages("toy") == ""


def test_listing_imports_nothing_heavy():
    modules = ("cat_net", "iml_vit", "mesorch", "mvss_net", "pscc_net", "sparse_vit", "trufor")
    code = (
        "import importlib, sys\n"
        f"for name in {modules}:\n"
        "    module = importlib.import_module(f'detectors.{name}.detector')\n"
        "    for one in vars(module).values():\n"
        "        if hasattr(one, 'missing') and hasattr(one, 'declared'): one.card, one.missing()\n"
        "print([name for name in ('torch', 'numpy', 'cv2', 'PIL', 'timm', 'IMDLBenCo') if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert said.stdout.strip() == "[]"


def test_the_constrained_kernel_stays_as_it_was_loaded():
    detector = built(MvssNet)
    first = detector.detect([Picture("a", pixels_of(30, 30))])[0].score_map.copy()
    np.testing.assert_array_equal(detector.detect([Picture("a", pixels_of(30, 30))])[0].score_map, first)
    assert detector.network.constrain_conv.kernel.item() == 1
