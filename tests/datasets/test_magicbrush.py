from pathlib import Path

import numpy as np
import pytest
from making import by_id, edited, expected_mask, mask, photo, strays, write, write_json
from making_parquet import cell, doubled, magicbrush_rows, painted_out, png, write_shard

from imlbench.datasets.magicbrush import MagicBrush
from imlbench.errors import Reason, SampleError, UserError
from imlbench.loading import load

DEV = (("100", 1), ("100", 2), ("200", 1))


def make_shards(root: Path, split: str = "dev", turns=DEV) -> Path:
    half = len(turns) // 2 + 1
    for number, part in enumerate((turns[:half], turns[half:])):
        write_shard(root / f"data/{split}-{number:05d}-of-00002.parquet", magicbrush_rows(part))
    return root


def make_folder(root: Path, turns=DEV, top: str = "test", extra=()) -> Path:
    items = [*extra]
    for seed, (image, turn) in enumerate(turns):
        folder = root / top / "images" / image
        before = f"{image}-input.png" if turn == 1 else f"{image}-output{turn - 1}.png"
        if turn == 1:
            write(folder / before, photo(seed))
        write(folder / f"{image}-mask{turn}.png", painted_out(doubled(photo(seed)), doubled(mask())))
        write(folder / f"{image}-output{turn}.png", doubled(edited(seed)))
        items.append(
            {
                "input": before,
                "mask": f"{image}-mask{turn}.png",
                "output": f"{image}-output{turn}.png",
                "instruction": f"turn {turn} of {image}",
            }
        )
    write_json(root / top / "edit_turns.json", items)
    return root


def test_shards_give_turns_with_instructions_in_the_order_of_rows(tmp_path):
    dataset = MagicBrush(make_shards(tmp_path))
    samples = by_id(dataset)
    assert list(samples) == ["100-1", "100-2", "200-1"]
    assert samples["100-2"].instruction == "turn 2 of 100"
    assert samples["100-2"].tags == {"editor": "DALL-E 2", "turn": "2"}
    assert (dataset.variant, dataset.label) == ("dev", "magicbrush")
    assert list(dataset.orphans()) == []


def test_mask_is_read_from_alpha_and_small_source_is_brought_to_the_target(tmp_path):
    sample = by_id(MagicBrush(make_shards(tmp_path)))["100-1"]
    loaded = load(sample)
    assert np.array_equal(loaded.mask, doubled(expected_mask()))
    assert loaded.edited.shape == (48, 64, 3)
    assert np.array_equal(loaded.edited, doubled(edited(0)))
    assert loaded.original.shape == (48, 64, 3)
    assert any("original resized from 32 x 24" in note for note in loaded.notes)


def test_mask_without_alpha_fails_its_sample_instead_of_losing_the_answer(tmp_path):
    flat = [cell(png(doubled(photo(seed)))) for seed in range(2)]
    write_shard(tmp_path / "dev-0.parquet", {**magicbrush_rows(DEV[:2]), "mask_img": flat})
    with pytest.raises(SampleError, match="alpha channel, but the file has none"):
        load(next(MagicBrush(tmp_path).samples()))


def test_default_is_dev_where_the_root_holds_several_splits(tmp_path):
    make_shards(tmp_path, "train", (("900", 1), ("900", 2), ("900", 3)))
    make_shards(tmp_path, "dev")
    make_folder(tmp_path, (("700", 1),))
    assert list(by_id(MagicBrush(tmp_path))) == ["100-1", "100-2", "200-1"]
    assert list(by_id(MagicBrush(tmp_path, "train"))) == ["900-1", "900-2", "900-3"]
    assert list(by_id(MagicBrush(tmp_path, "test"))) == ["700-1"]


@pytest.mark.parametrize(("split", "label"), [("train", "magicbrush:train"), ("dev", "magicbrush")])
def test_default_is_the_split_that_is_there_and_results_name_it(tmp_path, split, label):
    assert MagicBrush(make_shards(tmp_path, split)).label == label


def test_shards_without_a_split_in_their_names_are_taken_whole(tmp_path):
    write_shard(tmp_path / "0000.parquet", magicbrush_rows(DEV))
    write_shard(tmp_path / "0001.parquet", magicbrush_rows((("300", 1),)))
    assert len(MagicBrush(tmp_path)) == 4
    assert MagicBrush(tmp_path).label == "magicbrush"
    assert MagicBrush(tmp_path, "train").label == "magicbrush:train"


def test_turns_that_come_twice_keep_ids_of_their_own_and_are_named(tmp_path):
    dataset = MagicBrush(make_shards(tmp_path, turns=(*DEV, ("100", 2))))
    assert list(by_id(dataset)) == ["100-1", "100-2", "200-1", "100-2#2"]
    assert strays(dataset) == {"100-2#2": "data/dev-00001-of-00002.parquet row 0: repeats 100-2"}


def test_null_and_truncated_images_fail_their_samples_only(tmp_path):
    targets = [None, cell(png(doubled(edited(1)))[:200]), cell(png(doubled(edited(2))))]
    write_shard(tmp_path / "dev-0.parquet", {**magicbrush_rows(DEV), "target_img": targets})
    first, second, third = MagicBrush(tmp_path).samples()
    for sample, reason in ((first, Reason.MISSING_PARTNER), (second, Reason.UNREADABLE)):
        with pytest.raises(SampleError) as caught:
            load(sample)
        assert caught.value.reason is reason
    assert np.array_equal(load(third).edited, doubled(edited(2)))


def test_test_folder_gives_turns_in_the_order_of_the_list(tmp_path):
    dataset = MagicBrush(make_folder(tmp_path))
    samples = by_id(dataset)
    assert list(samples) == ["100-1", "100-2", "200-1"]
    assert (dataset.label, dataset.variant) == ("magicbrush:test", "test")
    second = samples["100-2"]
    assert second.original.name == "test/images/100/100-output1.png"
    assert second.instruction == "turn 2 of 100"
    assert second.tags == {"editor": "DALL-E 2", "turn": "2"}
    loaded = load(samples["200-1"])
    assert np.array_equal(loaded.mask, doubled(expected_mask()))
    assert np.array_equal(loaded.edited, doubled(edited(2)))
    assert list(dataset.orphans()) == []


def test_folder_may_itself_be_the_root(tmp_path):
    dataset = MagicBrush(make_folder(tmp_path, top="."), "test")
    assert len(by_id(dataset)) == 3
    assert load(next(dataset.samples())).mask.any()


def test_folder_names_strays_double_turns_and_missing_files(tmp_path):
    again = {"input": "100-input.png", "mask": "100-mask1.png", "output": "100-output1.png", "instruction": ""}
    dataset = MagicBrush(make_folder(tmp_path, extra=(again,)))
    write(tmp_path / "test/images/999/999-output1.png", photo())
    (tmp_path / "test/images/200/200-mask1.png").unlink()
    samples = by_id(dataset)
    assert list(samples) == ["100-1", "100-1#2", "100-2", "200-1"]
    assert samples["100-1"].instruction is None
    assert set(strays(dataset)) == {"100-output1.png", "test/images/999/999-output1.png"}
    with pytest.raises(SampleError) as caught:
        load(samples["200-1"])
    assert caught.value.reason is Reason.MISSING_FILE


def test_listed_name_that_leads_out_of_the_root_fails_its_sample(tmp_path):
    write(tmp_path / "secret.png", photo())
    out = {"input": "x-../../../../secret.png", "mask": "m", "output": "../../../../secret.png", "instruction": "go"}
    sample = next(MagicBrush(make_folder(tmp_path / "root", extra=(out,))).samples())
    for source in (sample.original, sample.edited):
        with pytest.raises(SampleError) as caught:
            source.read()
        assert caught.value.reason in (Reason.OUTSIDE_ROOT, Reason.MISSING_FILE)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "expected a list of turns, found dict"),
        ("[", "not JSON"),
        ('[{"input": "a", "mask": "b", "output": "c"}]', "item 0: expected the texts input, mask, output"),
        ('[{"input": 1, "mask": "b", "output": "c", "instruction": "d"}]', "item 0: expected the texts"),
    ],
)
def test_broken_list_of_turns_is_one_line(tmp_path, text, message):
    (make_folder(tmp_path) / "test/edit_turns.json").write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        MagicBrush(tmp_path)
    assert "\n" not in str(caught.value)


def test_list_without_images_beside_it_is_one_line(tmp_path):
    write_json(tmp_path / "test/edit_turns.json", [])
    with pytest.raises(UserError, match=r"expected the folder images/ beside test/edit_turns\.json"):
        MagicBrush(tmp_path)


def test_two_folders_of_one_split_are_not_guessed_between(tmp_path):
    make_folder(tmp_path, top="one")
    make_folder(tmp_path, top="two")
    with pytest.raises(UserError, match="one and two both hold the split test"):
        MagicBrush(tmp_path)


def test_missing_split_and_empty_root_say_what_is_there(tmp_path):
    with pytest.raises(UserError, match=r"found neither shards nor edit_turns\.json; expected the hub's shards"):
        MagicBrush(tmp_path)
    make_shards(tmp_path)
    with pytest.raises(UserError, match=r"no split test in .*found only the split dev"):
        MagicBrush(tmp_path, "test")
    with pytest.raises(UserError, match="no variant 'validation'"):
        MagicBrush(tmp_path, "validation")


def test_shards_without_masks_are_refused_at_once(tmp_path):
    columns = magicbrush_rows(DEV)
    del columns["mask_img"]
    write_shard(tmp_path / "dev-0.parquet", columns)
    with pytest.raises(UserError, match=r"dev-0\.parquet has no column mask_img"):
        MagicBrush(tmp_path)
