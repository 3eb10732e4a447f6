"""The borrowed networks themselves: weights that follow from names, saved as published, loaded, and golden maps.

Runs where the package with the networks is installed. A golden value tells a release of the package that computes
something else although names and shapes are the same.
"""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from detectors.borrowed import undrawn
from detectors.checkpoints import load_into
from imlbench.errors import UserError
from tests.detectors.making_networks import fill, jpeg_picture, needs_jpeglib, needs_networks

pytestmark = needs_networks
MESORCH = [0.512008, 0.505629, 0.542689, 0.522539]
IML_VIT = {"BN": [0.663044, 0.582082, 0.641640], "LN": [0.661136, 0.577274, 0.641703]}
PLACES = ((0, 0), (20, 28), (39, 55))


def agrees(detection, values, tolerance=2e-3):
    """Whether a 40 x 56 map has the recorded values at `PLACES`, and then its recorded mean."""
    levels = detection.score_map.dtype == np.uint8
    found = [float(detection.score_map[place]) for place in PLACES] + [float(detection.score_map.mean())]
    assert found == pytest.approx(values, abs=1.5 if levels else tolerance)


def made(build, gain=3.4, **options):
    with undrawn():
        return fill(build(**options), gain)


@needs_jpeglib
def test_cat_net(tmp_path, monkeypatch):
    from detectors.cat_net.detector import CatNet
    from detectors.cat_net.network import build

    monkeypatch.setenv("IMLBENCH_WEIGHTS", str(tmp_path))
    state = {"epoch": 3, "best_p_mIoU": np.float64(0.5), "state_dict": made(build, 2.4).state_dict()}
    torch.save(state, tmp_path / "CAT_full_v2.pth.tar")
    detector = CatNet(weights=tmp_path)
    (found,) = detector.detect([jpeg_picture()])
    assert found.notes == ()
    agrees(found, [0.459494, 0.362291, 0.586827, 0.452660])


@needs_jpeglib
def test_cat_net_benco_takes_the_wrapped_layout(tmp_path, monkeypatch):
    from detectors.cat_net.detector import CatNetBenco
    from detectors.cat_net.network import build

    monkeypatch.setenv("IMLBENCH_WEIGHTS", str(tmp_path))
    state = {f"model.{name}": value for name, value in made(build, 2.4).state_dict().items()}
    torch.save({"model": {**state, "loss.criterion.weight": torch.ones(2)}}, tmp_path / "own.pth")
    (found,) = CatNetBenco(weights=tmp_path / "own.pth").detect([jpeg_picture()])
    assert found.score_map.shape == (40, 56)
    assert 0 <= found.score_map.min() < found.score_map.max() <= 1


def test_mvss_net(tmp_path, monkeypatch):
    from detectors.mvss_net.detector import MvssNet
    from detectors.mvss_net.network import build

    monkeypatch.setenv("IMLBENCH_WEIGHTS", str(tmp_path))
    torch.save(made(build).state_dict(), tmp_path / "mvssnet_casia.pt")
    detector = MvssNet(weights=tmp_path)
    (found,) = detector.detect([jpeg_picture()])
    agrees(found, [109, 85, 109, 85.284])
    np.testing.assert_array_equal(detector.detect([jpeg_picture()])[0].score_map, found.score_map)


def test_pscc_net_from_its_three_files(tmp_path, monkeypatch):
    from detectors.pscc_net.detector import PsccNet
    from detectors.pscc_net.network import build

    monkeypatch.setenv("IMLBENCH_WEIGHTS", str(tmp_path))
    network = made(build)
    for part, name in (("FENet", "HRNet"), ("SegNet", "NLCDetection"), ("ClsNet", "DetectionHead")):
        state = {f"module.{key}": value for key, value in getattr(network, part).state_dict().items()}
        torch.save(state, tmp_path / f"{name}.pth")
    (found,) = PsccNet(weights=tmp_path).detect([jpeg_picture()])
    agrees(found, [0.481703, 0.405262, 0.476201, 0.406058])
    assert found.image_score == pytest.approx(0.417685, abs=2e-3)


def test_pscc_nets_gates_are_the_authors_or_bencos():
    from detectors.pscc_net.network import build, probabilities

    batch = torch.from_numpy(np.random.default_rng(0).random((1, 3, 32, 32), np.float32))
    gated, raw = made(build), made(build, gated=False)
    assert gated.state_dict().keys() == raw.state_dict().keys()
    with torch.inference_mode():
        masks = gated.SegNet(gated.FENet(batch))
        assert all(float(mask.min()) >= 0 and float(mask.max()) <= 1 for mask in masks)
        ours, benco = probabilities(gated, batch)[0], probabilities(raw, batch, gated=False)[0]
    assert float((ours - benco).abs().max()) > 0.01


def test_trufor(tmp_path, monkeypatch):
    from detectors.trufor.detector import TruFor, TruForBenco
    from detectors.trufor.network import build

    monkeypatch.setenv("IMLBENCH_WEIGHTS", str(tmp_path))
    torch.save({"epoch": 3, "state_dict": made(build).state_dict()}, tmp_path / "trufor.pth.tar")
    detector = TruFor(weights=tmp_path)
    (found,) = detector.detect([jpeg_picture()])
    agrees(found, [0.584572, 0.840627, 0.724229, 0.725338])
    assert found.image_score == pytest.approx(0.602478, abs=2e-3)
    # Looked up while it ran: whoever imports the package still gets it whole.
    assert not [name for name in sys.modules if name.startswith("IMDLBenCo")]
    with pytest.raises(UserError, match=r"trufor-benco: .*not this network's weights"):
        load_into(torch.nn.Linear(2, 2), tmp_path / "trufor.pth.tar", TruForBenco.declared.name)


def test_sparse_vit(tmp_path, monkeypatch):
    from detectors.sparse_vit.detector import SparseVit
    from detectors.sparse_vit.network import build

    monkeypatch.setenv("IMLBENCH_WEIGHTS", str(tmp_path))
    torch.save({"model": made(build).state_dict()}, tmp_path / "checkpoint.pth")
    (found,) = SparseVit(weights=tmp_path).detect([jpeg_picture()])
    agrees(found, [0.833874, 0.696522, 0.481400, 0.759037])


def test_mesorch(tmp_path, monkeypatch):
    from detectors.mesorch.detector import Mesorch
    from detectors.mesorch.network import build

    monkeypatch.setenv("IMLBENCH_WEIGHTS", str(tmp_path))
    torch.save({"model": made(build).state_dict()}, tmp_path / "mesorch-98.pth")
    (found,) = Mesorch(weights=tmp_path).detect([jpeg_picture()])
    agrees(found, MESORCH)


@pytest.mark.parametrize("norm", ["BN", "LN"])
def test_iml_vit_tells_its_normalisation_from_names(tmp_path, norm):
    from detectors.iml_vit.network import build, norm_of, probabilities

    network = made(build, norm=norm, side=128)
    assert norm_of({f"module.{name}": 0 for name in network.state_dict()}) == norm
    batch = torch.from_numpy(np.random.default_rng(0).random((1, 3, 128, 128), np.float32))
    with torch.inference_mode():
        found = probabilities(network, batch)[0].numpy()
    assert found.shape == (128, 128)
    assert [float(found[0, 0]), float(found[70, 50]), float(found.mean())] == pytest.approx(IML_VIT[norm], abs=2e-3)


def test_drawing_nothing_moves_no_seed():
    from detectors.pscc_net.network import build

    torch.manual_seed(5)
    before = torch.get_rng_state()
    with undrawn():
        build()
    assert torch.equal(torch.get_rng_state(), before)


def test_another_release_with_another_network_is_refused(monkeypatch):
    from detectors.pscc_net import network

    monkeypatch.setattr(network, "FINGERPRINT", "0" * 64)
    with pytest.raises(UserError, match=r"pscc-net: imdlbenco\S* \S+ has another network .*pip install imdlbenco13=="):
        network.build()
