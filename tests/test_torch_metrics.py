"""The torchmetrics classes give the stored metrics to the last digit, and behave as torchmetrics' own do."""

import copy
import itertools
import math
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torchmetrics import Metric, MetricCollection

from imlbench import torch_metrics
from imlbench.counting import Truth
from imlbench.errors import UserError
from imlbench.histograms import levels
from imlbench.metrics import METRICS, Conventions, CountTable
from imlbench.statistics import summarise
from imlbench.torch_counting import batch_counts, batch_histograms
from imlbench.torch_metrics import (
    AUROC,
    F1,
    MCC,
    AveragePrecision,
    BoundaryF1,
    IoU,
    OracleF1,
    Precision,
    Recall,
)

TOLERANCE = 2
CLASSES = {
    "f1": F1,
    "iou": IoU,
    "precision": Precision,
    "recall": Recall,
    "mcc": MCC,
    "auc": AUROC,
    "ap": AveragePrecision,
    "f1_oracle": OracleF1,
    "boundary_f1": lambda threshold=0.5, invert="never", **options: BoundaryF1(TOLERANCE, threshold, **options),
}


def batches(sizes=(3, 1, 4), shape=(17, 23), seed=0):
    """Batches of (preds, target), with an empty mask, a full mask and an empty prediction among them."""
    generator = np.random.default_rng(seed)
    made = []
    for size in sizes:
        target = generator.random((size, *shape)) < 0.3
        preds = np.clip(generator.normal(0.4 + 0.3 * target, 0.2), 0, 1).astype(np.float32)
        target[0], preds[-1] = size % 2 == 0, preds[-1] * 0.3
        made.append((torch.from_numpy(preds), torch.from_numpy(target)))
    made[0][0][0] = 0
    return made


def stored(data, names, conventions, threshold=0.5):
    """Means as a run stores them: counted sample by sample, summarised together."""
    counted = [
        Truth(mask.numpy(), TOLERANCE).count(scores.numpy(), threshold)
        for preds, target in data
        for scores, mask in zip(preds.float(), target.bool(), strict=True)
    ]
    columns = np.array([(c.tp, c.fp, c.fn, c.tn) for c in counted]).T
    boundary = [(b.predicted, b.predicted_matched, b.true, b.true_matched) for b in (c.boundary for c in counted)]
    table = CountTable(*columns, np.array([c.histogram for c in counted]), np.array(boundary))
    return {name: summary.mean for name, summary in summarise(table, names, conventions, resamples=0).items()}


def updated(metric, data):
    for preds, target in data:
        metric.update(preds, target)
    return metric


def identical(found, expected):
    return float(found) == expected or (math.isnan(float(found)) and math.isnan(expected))


def test_there_is_a_class_for_every_stored_metric():
    assert set(CLASSES) == set(METRICS)
    own = {c for c in vars(torch_metrics).values() if isinstance(c, type) and issubclass(c, Metric)}
    assert {c.metric_name for c in own if hasattr(c, "metric_name")} == set(METRICS)
    for name, made in CLASSES.items():
        metric = made()
        assert metric.plot_lower_bound == METRICS[name].lowest
        assert (metric.higher_is_better, metric.is_differentiable, metric.full_state_update) == (True, False, False)


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("empty", ["one", "zero", "skip"])
@pytest.mark.parametrize("average", ["image", "pixel"])
def test_the_value_is_the_stored_one_to_the_last_digit(name, empty, average):
    data, conventions = batches(), Conventions(empty=empty, average=average)
    metric = updated(CLASSES[name](threshold=0.4, empty=empty, average=average), data)
    found = metric.compute()
    assert found.dtype == torch.float64
    assert found.shape == ()
    assert identical(found, stored(data, [name], conventions, threshold=0.4)[name])


@pytest.mark.parametrize("name", [name for name in CLASSES if name != "boundary_f1"])
def test_the_better_of_a_map_and_its_inverse_is_the_stored_one(name):
    data = [(1 - preds, target) for preds, target in batches()]
    metric = updated(CLASSES[name](invert="best"), data)
    assert identical(metric.compute(), stored(data, [name], Conventions(invert="best"))[name])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_float_types_are_compared_in_float32(dtype):
    data = [(preds.to(dtype), target) for preds, target in batches()]
    found = updated(MetricCollection([F1(), AUROC(), MCC()]), data).compute()
    expected = stored(data, ["f1", "auc", "mcc"], Conventions())
    assert [float(value) for value in found.values()] == [expected["f1"], expected["auc"], expected["mcc"]]


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int32, torch.int64])
def test_targets_of_any_integer_type_and_with_a_channel_are_accepted(dtype):
    data = batches()
    expected = stored(data, ["f1"], Conventions())["f1"]
    assert float(updated(F1(), [(p, t.to(dtype)) for p, t in data]).compute()) == expected
    assert float(updated(F1(), [(p[:, None], t[:, None].to(dtype)) for p, t in data]).compute()) == expected


def test_bins_and_counts_are_those_of_the_numpy_core():
    edges = np.arange(257, dtype=np.float32) / np.float32(256)
    scores = np.stack([edges, np.nextafter(edges, np.float32(0)), np.minimum(np.nextafter(edges, np.float32(2)), 1)])
    mask = np.zeros(scores.shape, bool)
    mask[:, ::3] = True
    preds, target = torch.from_numpy(scores)[None], torch.from_numpy(mask)[None]
    for threshold in (0.0, 0.1, 0.3, 0.5, 1 / 3, 1.0):
        counts = Truth(mask).count(scores, threshold)
        assert batch_counts(preds, target, threshold, None).tolist() == [[counts.tp, counts.fp, counts.fn, counts.tn]]
        np.testing.assert_array_equal(batch_histograms(preds, target, None)[0].numpy(), counts.histogram)
    assert levels(scores).max() == 255


def test_counts_above_two_to_the_24_are_exact():
    side = 4100
    preds, target = torch.ones((1, side, side)), torch.ones((1, side, side), dtype=torch.bool)
    target[0, 0, 0] = False
    assert batch_counts(preds, target, 0.5, None).tolist() == [[side * side - 1, 1, 0, 0]]
    assert batch_histograms(preds, target, None)[0, :, 255].tolist() == [1, side * side - 1]


def test_forward_gives_the_batch_and_gathers_the_whole():
    data = batches()
    metric = F1()
    for batch in data:
        assert float(metric(*batch)) == stored([batch], ["f1"], Conventions())["f1"]
    assert float(metric.compute()) == stored(data, ["f1"], Conventions())["f1"]


@pytest.mark.parametrize("name", CLASSES)
def test_reset_forgets_everything(name):
    data = batches()
    metric = updated(CLASSES[name](), data[:2])
    metric.reset()
    assert identical(updated(metric, data[2:]).compute(), stored(data[2:], [name], Conventions())[name])


@pytest.mark.filterwarnings("ignore:The ``compute`` method of metric")
@pytest.mark.parametrize("name", CLASSES)
def test_nothing_seen_gives_nan(name):
    for average in ("image", "pixel"):
        metric = CLASSES[name](average=average)
        assert math.isnan(float(metric.compute()))
        metric.update(torch.zeros((0, 4, 4)), torch.zeros((0, 4, 4), dtype=torch.bool))
        assert math.isnan(float(metric.compute()))


def test_a_collection_counts_once_for_metrics_of_equal_settings():
    data = batches()
    collection = MetricCollection([F1(), IoU(), MCC(), AUROC(), AveragePrecision(), BoundaryF1(TOLERANCE)])
    found = updated(collection, data).compute()
    names = ["f1", "iou", "mcc", "auc", "ap", "boundary_f1"]
    expected = stored(data, names, Conventions())
    assert [float(value) for value in found.values()] == [expected[name] for name in names]
    assert sorted(map(len, collection.compute_groups.values())) == [1, 2, 3]


def test_a_collection_never_merges_metrics_of_other_thresholds_or_tolerances():
    # The first batch looks the same to all of them, so that only their settings tell them apart.
    hard, target = torch.tensor([[[0.0, 1.0], [1.0, 0.0]]]), torch.tensor([[[0, 1], [0, 0]]])
    soft = torch.tensor([[[0.3, 0.9], [0.6, 0.1]]])
    collection = MetricCollection(
        {
            "low": F1(0.2),
            "middle": F1(0.5),
            "nearly": F1(0.500001),
            "high": F1(0.8),
            "near": BoundaryF1(1),
            "far": BoundaryF1(3),
        }
    )
    updated(collection, [(hard, target), (soft, target)])
    for name in ("low", "middle", "nearly", "high"):
        alone = updated(F1(collection[name].threshold), [(hard, target), (soft, target)])
        assert float(collection[name].compute()) == float(alone.compute()), name
    assert all(len(group) == 1 for group in collection.compute_groups.values())


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("average", ["image", "pixel"])
def test_merged_instances_equal_one_that_saw_everything(name, average):
    data = batches(sizes=(2, 3, 1, 4))
    first, second = (updated(CLASSES[name](average=average), part) for part in (data[:1], data[1:]))
    first.merge_state(second)
    assert identical(first.compute(), stored(data, [name], Conventions(average=average))[name])


def beside(others):
    """Options that make a metric gather from processes which hold the states of `others`."""
    states = itertools.cycle(others[0].metric_state)

    def gather(tensor, group):
        # The states are gathered one after the other, in the order in which they were added.
        assert group is None
        name = next(states)
        held = [other.metric_state[name] for other in others]
        return [tensor, *(torch.cat(state) if isinstance(state, list) else state for state in held)]

    return {"dist_sync_fn": gather, "distributed_available_fn": lambda: True}


@pytest.mark.filterwarnings("ignore:The ``compute`` method of metric")
@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("seen", [0, 1, 2])
def test_processes_are_gathered_even_where_one_saw_nothing(name, seen):
    data = batches(sizes=(2, 3, 4))
    others = [updated(CLASSES[name](), [batch]) for batch in data[seen:]]
    metric = updated(CLASSES[name](**beside(others)), data[:seen])
    assert identical(metric.compute(), stored(data, [name], Conventions())[name])
    rows = sum(len(part) for part in metric.counts)
    assert rows == sum(len(preds) for preds, _ in data[:seen])
    assert all(part.dtype == torch.int64 for part in metric.counts)


@pytest.mark.parametrize("name", ["f1", "auc", "boundary_f1"])
def test_copies_and_pickles_carry_on(name):
    data = batches()
    metric = updated(CLASSES[name](), data[:1])
    for twin in (pickle.loads(pickle.dumps(metric)), copy.deepcopy(metric)):
        assert identical(updated(twin, data[1:]).compute(), stored(data, [name], Conventions())[name])
    persistent = CLASSES[name]()
    persistent.persistent(True)
    restored = CLASSES[name]()
    restored.persistent(True)
    restored.load_state_dict(updated(persistent, data).state_dict())
    assert identical(restored._table().tp.sum(), float(persistent._table().tp.sum()))


def test_counts_stay_integers_when_the_dtype_or_the_device_changes():
    data = batches()
    expected = stored(data, ["auc"], Conventions())["auc"]
    for change in (lambda m: m.half(), lambda m: m.set_dtype(torch.float16), lambda m: m.to("cpu", torch.bfloat16)):
        metric = change(updated(AUROC(), data))
        assert all(part.dtype == torch.int64 for part in metric.histogram + metric.counts)
        assert float(metric.compute()) == expected
    assert updated(F1(), data[:1]).to("meta").counts[0].device.type == "meta"


@pytest.mark.parametrize("ignored", [255, -1, 2])
@pytest.mark.parametrize("name", [name for name in CLASSES if name != "boundary_f1"])
def test_ignored_pixels_leave_no_trace(name, ignored):
    (preds, target), *_ = batches(sizes=(4,))
    labels = target.long()
    labels[:, :, 15:] = ignored
    cropped = (preds[:, :, :15], target[:, :, :15])
    metric = updated(CLASSES[name](ignore_index=ignored), [(preds, labels)])
    assert identical(metric.compute(), stored([cropped], [name], Conventions())[name])
    assert metric._table().tn.sum() + metric._table().fp.sum() == (~cropped[1]).sum()


def test_a_sample_of_ignored_pixels_only_is_left_out():
    preds, target = torch.ones((2, 3, 3)), torch.ones((2, 3, 3), dtype=torch.int64)
    target[1] = 9
    assert float(updated(F1(ignore_index=9), [(preds, target)]).compute()) == 1
    assert math.isnan(float(updated(F1(ignore_index=9), [(preds[1:], target[1:])]).compute()))


def test_minus_one_does_not_ignore_255_in_a_byte_target():
    target = torch.tensor([[[0, 1, 255]]], dtype=torch.uint8)
    with pytest.raises(ValueError, match="found 255"):
        F1(ignore_index=-1).update(torch.rand((1, 1, 3)), target)


GOOD = torch.full((2, 3, 4), 0.5)
TARGET = torch.zeros((2, 3, 4), dtype=torch.int64)


@pytest.mark.parametrize(
    ("preds", "target", "words"),
    [
        (GOOD, TARGET[:1], r"\(2, 3, 4\), target \(1, 3, 4\)"),
        (GOOD[:, None], TARGET, r"\(2, 1, 3, 4\), target \(2, 3, 4\)"),
        (GOOD[0], TARGET[0], r"N x 1 x H x W, found shape \(3, 4\)"),
        (GOOD.reshape(1, 2, 3, 4), TARGET.reshape(1, 2, 3, 4), r"found shape \(1, 2, 3, 4\)"),
        (GOOD[:, :0], TARGET[:, :0], r"found shape \(2, 0, 4\)"),
        (TARGET, TARGET, "floating-point scores .* found torch.int64"),
        (GOOD, GOOD, "bool or integers .* found torch.float32"),
        (GOOD * 3, TARGET, "logits need a sigmoid"),
        (-GOOD, TARGET, "logits need a sigmoid"),
        (GOOD * math.nan, TARGET, "without NaN"),
        (GOOD, TARGET + 7, "expected 0 and 1 in target, found 7"),
    ],
)
@pytest.mark.parametrize("name", ["f1", "auc", "boundary_f1"])
def test_a_bad_batch_is_refused_and_changes_nothing(preds, target, words, name):
    metric = CLASSES[name]()
    with pytest.raises(ValueError, match=words):
        metric.update(preds, target)
    assert len(metric._table()) == 0


def test_value_checks_can_be_left_out_for_speed():
    metric = F1(validate_args=False)
    metric.update(GOOD * 3, TARGET)
    assert float(metric.compute()) == 0
    with pytest.raises(ValueError, match=r"found torch\.int64"):
        metric.update(TARGET, TARGET)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: F1(1.5), "threshold=1.5: expected a number from 0 to 1"),
        (lambda: F1(math.nan), "threshold=nan"),
        (lambda: F1(empty="two"), "one, skip, zero"),
        (lambda: F1(average="macro"), "image, pixel"),
        (lambda: F1(ignore_index=1), "choose another value"),
        (lambda: BoundaryF1(-1), "tolerance=-1"),
    ],
)
def test_a_bad_setting_is_refused(make, words):
    with pytest.raises(UserError, match=words):
        make()


def test_gradients_are_not_kept():
    preds, target = batches()[0]
    metric = F1()
    metric.update(preds.requires_grad_(), target)
    assert not metric.counts[0].requires_grad


def test_the_documented_example_runs(capsys):
    text = (Path(__file__).parents[1] / "docs" / "metrics.md").read_text(encoding="utf-8")
    blocks = [block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "MetricCollection" in block]
    assert len(blocks) == 1
    exec(compile(blocks[0], "docs/metrics.md", "exec"), {})
    assert "BoundaryF1" in capsys.readouterr().out
