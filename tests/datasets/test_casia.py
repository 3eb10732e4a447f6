import numpy as np
import pytest
from making import BOX, by_id, edited, expected_mask, mask, photo, strays, write

from imlbench.authentic import WithOriginals
from imlbench.datasets.casia import CasiaV1, CasiaV2
from imlbench.errors import Reason, SampleError, UserError
from imlbench.loading import load
from imlbench.verification import Finding
from imlbench.verify import verify

EXTRA = "Sp_D_NRN_A_cha0011_sec0011_0542"
V1_MASKS = {
    # Name of the mask: name of the image in the first release.
    "CM/Sp_S_CND_A_pla0016_pla0016_0196": "CM/Sp_S_CND_A_pla0016_pla0016_0196",
    "CM/Sp_S_NND_A_nat0054_nat0054_0189": "Sp/Sp_D_NND_A_nat0054_nat0054_0189",
    "Sp/Sp_D_NNN_A_cha0039_nat0019_0320": "Sp/Sp_D_NNN_A_nat0019_cha0039_0320",
    "Sp/Sp_D_NNN_A_sec0049_sec0050_0117": "Sp/Sp_D_NNN_A_sec0049_sec0049_0117",
    "Sp/Sp_D_NRD_A_ani0040_ani0054_0257": "CM/Sp_S_NRD_A_ani0040_ani0054.0257",
    "Sp/Sp_D_NRN_A_nat0063_nat0065_0443": "Sp/Sp_D_NRN_A_ant0063_nat0065_0443",
}


def white_in(mode):
    """A mask as the published ones are: grey, colour, or colour with full opacity."""
    grey = mask()
    return {"L": grey, "RGB": np.dstack([grey] * 3), "RGBA": np.dstack([grey, grey, grey, np.full_like(grey, 255)])}[
        mode
    ]


def make_v1(root, folder="Tp", corrected=True):
    for (name, first), mode in zip(V1_MASKS.items(), ("L", "RGB", "RGBA") * 2, strict=True):
        write(root / f"CASIA 1.0 groundtruth/{name}_gt.png", white_in(mode))
        write(root / f"{folder}/{name if corrected else first}.jpg", edited())
    write(root / f"{folder}/Sp/{EXTRA}.jpg", photo())
    for name in ("Au_cha_0039", "Au_nat_0019", "Au_nat_0054", "Au_sec_0001"):
        write(root / f"Au/{name}.jpg", photo())
    return root


@pytest.mark.parametrize("corrected", [True, False])
def test_v1_images_find_their_masks_under_corrected_names_and_under_those_of_the_first_release(tmp_path, corrected):
    dataset = CasiaV1(make_v1(tmp_path / "CASIA 1.0 dataset", corrected=corrected))
    samples = by_id(dataset)
    tampered = {name: sample for name, sample in samples.items() if sample.scope == "local"}
    wanted = {name if corrected else first: name for name, first in V1_MASKS.items()}
    assert {name: sample.mask.name for name, sample in tampered.items()} == {
        image.split("/")[1]: f"CASIA 1.0 groundtruth/{name}_gt.png" for image, name in wanted.items()
    }
    for sample in tampered.values():
        np.testing.assert_array_equal(load(sample).mask, expected_mask())


def test_v1_kind_and_original_are_told_by_the_masks_name(tmp_path):
    samples = by_id(CasiaV1(make_v1(tmp_path, corrected=False)))
    swapped = samples["Sp_D_NNN_A_nat0019_cha0039_0320"]
    assert swapped.original.name == "Au/Au_cha_0039.jpg"
    assert swapped.tags == {"manipulation": "splicing"}
    assert samples["Sp_D_NND_A_nat0054_nat0054_0189"].tags == {"manipulation": "copy-move"}
    assert samples["Sp_D_NND_A_nat0054_nat0054_0189"].original.name == "Au/Au_nat_0054.jpg"
    assert samples["Sp_S_CND_A_pla0016_pla0016_0196"].original is None


def test_v1_extra_image_is_left_out_and_named_as_a_warning(tmp_path):
    dataset = CasiaV1(make_v1(tmp_path))
    assert len(dataset) == 6 + 4
    assert EXTRA not in by_id(dataset)
    found = verify(dataset, workers=1)
    assert found.defects == []
    assert [(problem.reason, problem.name) for problem in found.warnings] == [(Finding.UNCHANGED, f"Tp/Sp/{EXTRA}.jpg")]
    assert "shows the authentic image Au_cha_0011" in found.warnings[0].message
    assert dict(found.scopes) == {"local": 6, "authentic": 4}
    # A copy in which someone has made a black mask for it.
    write(tmp_path / f"groundtruth/{EXTRA}_gt.png", mask(0))
    assert verify(CasiaV1(tmp_path), workers=1).defects == []


def test_v1_authentic_images_are_not_counted_again_as_originals(tmp_path):
    dataset = CasiaV1(make_v1(tmp_path))
    assert list(WithOriginals(dataset).originals()) == []


def test_v1_layout_with_corel_photographs_has_authentic_images_and_no_originals(tmp_path):
    write(tmp_path / "Sp/Sp_S_CND_A_pla0016_pla0016_0196.jpg", edited())
    write(tmp_path / "groundtruth/Sp_S_CND_A_pla0016_pla0016_0196_gt.png", mask())
    write(tmp_path / "Au_corel/650.jpg", photo())
    samples = by_id(CasiaV1(tmp_path))
    assert [(sample.id, sample.scope) for sample in samples.values()] == [
        ("Sp_S_CND_A_pla0016_pla0016_0196", "local"),
        ("650", "authentic"),
    ]
    assert samples["Sp_S_CND_A_pla0016_pla0016_0196"].original is None


def test_v1_download_with_both_releases_is_read_in_the_corrected_one(tmp_path):
    make_v1(tmp_path, "Original Tp/Tp", corrected=False)
    assert len(CasiaV1(tmp_path)) == 10
    make_v1(tmp_path, "Modified Tp/Tp")
    dataset = CasiaV1(tmp_path)
    samples = by_id(dataset)
    assert "Sp_D_NNN_A_cha0039_nat0019_0320" in samples
    assert "Sp_D_NNN_A_nat0019_cha0039_0320" not in samples
    assert [problem.reason for problem in dataset.orphans()] == [Finding.UNCHANGED]


def test_v1_image_under_two_wrong_names_is_named(tmp_path):
    make_v1(tmp_path, corrected=False)
    write(tmp_path / "Tp/Sp/Sp_S_NNN_A_nat0019_cha0039_0320.jpg", edited())
    twice = {problem.name: problem for problem in CasiaV1(tmp_path).orphans() if problem.reason == Reason.DOUBLE_MATCH}
    assert list(twice) == ["Sp_S_NNN_A_nat0019_cha0039_0320"]
    assert "one image under two names" in twice["Sp_S_NNN_A_nat0019_cha0039_0320"].message


def test_v1_without_the_separate_masks_is_refused(tmp_path):
    write(tmp_path / "Tp/CM/Sp_S_CND_A_pla0016_pla0016_0196.jpg", edited())
    with pytest.raises(UserError, match="casiav1: 1 tampered images and no mask of theirs"):
        CasiaV1(tmp_path)


def make_v2(root, masks="Gt/{}_gt.png"):
    """One image under the name of the first release, one whose mask is turned, one whose mask is a little small."""
    images = {
        "Tp_D_CNN_S_N_cha10122_nat00059_12169.tif": "Tp_D_CNN_S_N_cha10117_nat00059_12169",
        "Tp_D_CNN_M_N_sec00011_cha00085_11227.jpg": "Tp_D_CNN_M_N_sec00011_cha00085_11227",
        "Tp_S_NNN_S_N_sec00074_sec00074_00751.tif": "Tp_S_NNN_S_N_sec00074_sec00074_00751",
    }
    for image, name in images.items():
        write(root / "Tp" / image, np.tile(edited(), (4, 4, 1)))
        values = np.tile(mask(), (4, 4))
        if name.endswith("11227"):
            values = np.rot90(values)
        if name.endswith("00751"):
            values = values[:, :-1]
        write(root / masks.format(name), np.ascontiguousarray(values))
    for name in ("Au_cha_10117.jpg", "Au_ani_20016.jpg", "Au_ani_10140.bmp"):
        write(root / "Au" / name, np.tile(photo(), (4, 4, 1)))
    return root


@pytest.mark.parametrize("masks", ["Gt/{}_gt.png", "Gt/{}.png", "CASIA 2 Groundtruth/{}_gt.png", "groundtruth/{}.png"])
def test_v2_joins_by_number_whatever_the_folder_and_the_rest_of_the_name(tmp_path, masks):
    dataset = CasiaV2(make_v2(tmp_path / "CASIA2.0-Corrected-Groundtruth", masks))
    samples = by_id(dataset)
    assert len(samples) == 6
    renamed = samples["Tp_D_CNN_S_N_cha10122_nat00059_12169"]
    assert renamed.original.name == "Au/Au_cha_10117.jpg"
    assert renamed.tags == {"manipulation": "splicing"}
    loaded = load(renamed)
    assert loaded.mask[BOX].all()
    assert loaded.mask.mean() == expected_mask().mean()
    assert strays(dataset) == {}


def test_v2_faulty_masks_and_duplicates_are_tagged_and_named_by_verify(tmp_path):
    dataset = CasiaV2(make_v2(tmp_path))
    samples = by_id(dataset)
    turned, small = "Tp_D_CNN_M_N_sec00011_cha00085_11227", "Tp_S_NNN_S_N_sec00074_sec00074_00751"
    assert samples[turned].tags["fault"] == "mask turned by 90 degrees"
    assert samples[small].tags["fault"] == "mask of a slightly different size"
    assert samples["Au_ani_20016"].tags == {"duplicate of": "Au_ani_10140"}
    assert samples["Au_ani_10140"].tags == {}
    found = verify(dataset, workers=1)
    assert [(problem.reason, problem.name) for problem in found.defects] == [(Reason.SIZE_MISMATCH, turned)]
    assert [(problem.reason, problem.name) for problem in found.warnings] == [(Finding.RESIZED, small)]
    with pytest.raises(SampleError, match="turned by 90 degrees"):
        load(samples[turned])


def test_v2_two_masks_of_one_number_are_not_guessed_between(tmp_path):
    make_v2(tmp_path)
    write(tmp_path / "more/Tp_D_CNN_S_N_cha10122_nat00059_12169_gt.png", mask())
    sample = by_id(CasiaV2(tmp_path))["Tp_D_CNN_S_N_cha10122_nat00059_12169"]
    assert (sample.original, dict(sample.tags)) == (None, {})
    with pytest.raises(SampleError, match="2 matches in the mask files"):
        load(sample)
