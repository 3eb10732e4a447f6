import numpy as np
import pytest
from making import by_id, edited, expected_mask, mask, photo, strays, write, write_text

from imlbench.datasets.nist16 import Nist16
from imlbench.errors import Reason, SampleError, UserError
from imlbench.loading import load
from imlbench.verify import verify

COLUMNS = (
    "TaskID|ProbeFileID|ProbeFileName|ProbeMaskFileName|DonorFileID|DonorFileName|DonorMaskFileName|IsTarget|"
    "ProbePostProcessed|DonorPostProcessed|ManipulationQuality|IsManipulationTypeRemoval|IsManipulationTypeSplice|"
    "IsManipulationTypeCopyClone|Collection|BaseFileName|Lighting|IsControl|CorrespondingControlFileName|"
    "SemanticConsistency"
)
MASK = "reference/manipulation/mask/NC2016_3942.png"
BASE = "world/NC2016_3272.jpg"


def target(number, post="none", mask_name=MASK, base=BASE):
    probe = f"NC2016_{number}"
    kind = f"{mask_name}||||Y|{post}||simple|N|Y|N|Nimble-SCI|{base}|same|N|probe/NC2016_7105.jpg|"
    return f"Manipulation|{probe}|probe/{probe}.jpg|{kind}"


def authentic(number):
    return f"Manipulation|NC2016_{number}|probe/NC2016_{number}.jpg|||||N|none|||N|N|N|Nimble-WEB|||Y||"


def write_table(root, *rows, columns=COLUMNS):
    write_text(root / "reference/manipulation/NC2016-manipulation-ref.csv", "\n".join((columns, *rows)) + "\n")


def make(root):
    """Two probes made from one photograph, the second rescaled to half, and an authentic probe."""
    write(root / "probe/NC2016_0128.jpg", edited())
    write(root / "probe/NC2016_0129.jpg", np.ascontiguousarray(edited()[::2, ::2]))
    write(root / "probe/NC2016_0098.jpg", photo(5))
    write(root / BASE, photo())
    write(root / MASK, 255 - mask())
    write(root / "reference/splice/mask/NC2016_3942.png", 255 - mask())
    write_text(root / "reference/splice/NC2016-splice-ref.csv", "not read")
    write_table(root, authentic("0098"), target("0128"), target("0129", "rescale"))
    return root


def test_probes_are_joined_to_masks_and_originals_by_the_table(tmp_path):
    dataset = Nist16(make(tmp_path / "NC2016_Test0613"))
    samples = by_id(dataset)
    assert [(sample.id, sample.scope) for sample in samples.values()] == [
        ("NC2016_0098", "authentic"),
        ("NC2016_0128", "local"),
        ("NC2016_0129", "local"),
    ]
    loaded = load(samples["NC2016_0128"])
    np.testing.assert_array_equal(loaded.mask, expected_mask())
    np.testing.assert_array_equal(loaded.original.shape, photo().shape)
    assert samples["NC2016_0128"].mask == samples["NC2016_0129"].mask
    assert samples["NC2016_0129"].tags == {
        "manipulation": "splicing",
        "post-processing": "rescale",
        "collection": "Nimble-SCI",
    }
    assert strays(dataset) == {}


def test_mask_and_original_are_brought_to_a_rescaled_probe(tmp_path):
    loaded = load(by_id(Nist16(make(tmp_path)))["NC2016_0129"])
    np.testing.assert_array_equal(loaded.mask, expected_mask()[::2, ::2])
    assert len([note for note in loaded.notes if "resized from 32 x 24" in note]) == 2


def test_verify_reports_resized_masks_and_nothing_else_of_a_whole_copy(tmp_path):
    found = verify(Nist16(make(tmp_path)), workers=1)
    assert found.defects == []
    assert {problem.name for problem in found.warnings} == {"NC2016_0129"}
    assert found.count_text() == "subset: 3 of 1,124 published samples"


def test_copy_without_world_has_no_originals(tmp_path):
    make(tmp_path)
    (tmp_path / BASE).unlink()
    (tmp_path / "world").rmdir()
    assert by_id(Nist16(tmp_path))["NC2016_0128"].original is None


@pytest.mark.parametrize("change", ["quotes", "commas", "byte-order mark"])
def test_tables_as_other_copies_have_them(tmp_path, change):
    make(tmp_path)
    path = tmp_path / "reference/manipulation/NC2016-manipulation-ref.csv"
    text = path.read_text()
    if change == "quotes":
        text = "\n".join("|".join(f'"{field}"' for field in line.split("|")) for line in text.splitlines())
    text = text.replace("|", ",") if change == "commas" else text
    path.write_text("\ufeff" + text if change == "byte-order mark" else text, encoding="utf-8")
    assert len(Nist16(tmp_path)) == 3


def test_broken_rows_fail_their_samples_only(tmp_path):
    make(tmp_path)
    other = "reference/manipulation/mask/NC2016_1.png"
    rows = (target("0128"), target("0128", mask_name=other), target("0129", mask_name=""), authentic("0098"))
    write_table(tmp_path, *rows, authentic("0098"))
    samples = by_id(Nist16(tmp_path))
    with pytest.raises(SampleError, match="listed 2 times") as double:
        load(samples["NC2016_0128"])
    with pytest.raises(SampleError, match="names no mask") as missing:
        load(samples["NC2016_0129"])
    assert (double.value.reason, missing.value.reason) == (Reason.DOUBLE_MATCH, Reason.MISSING_PARTNER)
    assert not load(samples["NC2016_0098"]).mask.any()


def test_paths_out_of_the_root_are_refused(tmp_path):
    make(tmp_path / "set")
    write(tmp_path / "elsewhere.png", mask())
    write_table(tmp_path / "set", target("0128", mask_name="../elsewhere.png"))
    with pytest.raises(SampleError) as raised:
        load(by_id(Nist16(tmp_path / "set"))["NC2016_0128"])
    assert raised.value.reason == Reason.OUTSIDE_ROOT


def test_probes_and_masks_that_no_row_names_are_orphans(tmp_path):
    make(tmp_path)
    write(tmp_path / "probe/NC2016_9999.jpg", photo())
    write(tmp_path / "reference/manipulation/mask/NC2016_9999.png", mask())
    assert set(strays(Nist16(tmp_path))) == {
        "probe/NC2016_9999.jpg",
        "reference/manipulation/mask/NC2016_9999.png",
    }


def test_missing_or_foreign_tables_are_user_errors(tmp_path):
    with pytest.raises(UserError, match="nist16: expected probe/ and reference/manipulation"):
        Nist16(tmp_path)
    make(tmp_path)
    write_table(tmp_path, columns=COLUMNS)
    with pytest.raises(UserError, match="lists no images"):
        Nist16(tmp_path)
    write_table(tmp_path, authentic("0098"), columns=COLUMNS.replace("IsTarget", "Target"))
    with pytest.raises(UserError, match="lacks the column IsTarget"):
        Nist16(tmp_path)
    (tmp_path / "reference/manipulation/NC2016-manipulation-ref.csv").unlink()
    with pytest.raises(UserError, match=r"expected one table NC2016-manipulation-ref.csv in .*; found mask"):
        Nist16(tmp_path)
