"""Jobs: handles that build late, and the identity that makes two jobs one run."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from types import SimpleNamespace

import pytest

from imlbench import registry
from imlbench.cards import Weight
from imlbench.errors import UserError
from imlbench.jobs import Handle, annotator_handles, describe, make_jobs, make_run
from imlbench.perturb import CLEAN, Condition
from imlbench.perturbations.compression import Jpeg
from imlbench.perturbations.noise import Noise
from tests.making_sets import ListDataset, Toy, toy_card


@pytest.fixture
def dataset(tmp_path):
    return ListDataset(tmp_path, [])


def names(handles):
    return [handle.card.name for handle in handles]


def test_globs_and_names_give_each_annotator_once_in_the_order_asked_for():
    handles = annotator_handles(["pixdiff-20", "pixdiff-?0", "ssim"], "cpu", 0)
    assert names(handles) == ["pixdiff-20", "pixdiff-10", "pixdiff-30", "pixdiff-40", "ssim"]


class Lacking(Toy):
    card = toy_card("lacking")

    @classmethod
    def missing(cls):
        return "no file lacking.bin; get it"


def test_a_pattern_leaves_out_what_cannot_run_and_says_so(monkeypatch, caplog):
    entries = {
        name: [SimpleNamespace(name=name, package="a", target="b", load=lambda c=c: c)]
        for name, c in (("lacking", Lacking), ("toy", Toy()))
    }
    monkeypatch.setattr(registry, "groups", lambda: {"annotators": entries})
    assert names(annotator_handles(["*"], "cpu", 0)) == ["toy"]
    assert "lacking left out of '*': no file lacking.bin; get it" in caplog.text
    # Named, it is not left out: building it says what is wrong.
    assert names(annotator_handles(["lacking"], "cpu", 0)) == ["lacking"]
    with pytest.raises(UserError, match=r"nothing that 'lack\*' stands for can run here: no file lacking.bin"):
        annotator_handles(["lack*"], "cpu", 0)


def test_an_object_is_used_as_it_is_and_given_twice_is_one():
    toy = Toy()
    (handle,) = annotator_handles([toy, toy], "cpu", 0)
    assert handle.get() is toy


def test_two_objects_of_one_name_are_refused():
    with pytest.raises(UserError, match="two annotators are named toy: results are kept by name"):
        annotator_handles([Toy(), Toy()], "cpu", 0)


def test_a_class_is_built_once_with_device_and_seed_even_by_many_threads():
    built = Counter()

    def factory(device, seed):
        time.sleep(0.01)
        built[device, seed] += 1
        return Toy()

    handle = Handle(toy_card(), factory, "cuda:1", 7)
    assert built.total() == 0
    threads = [threading.Thread(target=handle.get) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert built == {("cuda:1", 7): 1}


def test_a_constructor_that_raises_is_one_line_with_the_name():
    def factory(device, seed):
        raise FileNotFoundError(2, "No such file", "weights\n.bin")

    with pytest.raises(UserError, match=r"toy cannot be built: FileNotFoundError: .*No such file") as caught:
        Handle(toy_card(), factory, "cpu", 0).get()
    assert "\n" not in str(caught.value)


def test_a_constructors_own_advice_is_passed_on():
    def factory(device, seed):
        raise UserError("get the weights with ...")

    with pytest.raises(UserError, match=r"^get the weights with \.\.\.$"):
        Handle(toy_card(), factory, "cpu", 0).get()


@pytest.mark.parametrize("value", [object(), SimpleNamespace(card="toy"), Toy.annotate])
def test_something_registered_that_is_no_annotator_is_named(monkeypatch, value):
    monkeypatch.setitem(sys.modules, "their_module", SimpleNamespace(thing=value))
    entry = registry.Entry("annotators", "theirs", "their_module:thing", "their-package")
    monkeypatch.setattr(
        registry,
        "groups",
        lambda: {kind: {"theirs": [entry]} if kind == "annotators" else {} for kind in registry.KINDS},
    )
    with pytest.raises(UserError, match=r"theirs \(registered by their-package as their_module:thing\): expected"):
        annotator_handles(["theirs"], "cpu", 0)


def test_describe_has_type_and_message():
    assert describe(ValueError("x")) == "ValueError: x"
    assert describe(ValueError()) == "ValueError"


def identity(dataset, condition=CLEAN, seed=0, **card):
    return make_run("annotator", toy_card(**card), dataset, condition, seed).run_id


WEIGHT = Weight(name="w", sha256="ab", licence="none", source="nowhere")


@pytest.mark.parametrize("change", [{"version": "2"}, {"threshold": 0.4}, {"weights": (WEIGHT,)}, {"name": "other"}])
def test_what_decides_the_numbers_is_part_of_the_identity(dataset, change):
    assert identity(dataset, **change) != identity(dataset)


@pytest.mark.parametrize("change", [{"title": "T"}, {"summary": "s"}, {"batched": True}, {"url": "u"}])
def test_what_does_not_decide_them_is_not(dataset, change):
    assert identity(dataset, **change) == identity(dataset)


def test_the_seed_takes_part_only_where_it_matters(dataset):
    assert identity(dataset, seed=1) == identity(dataset, seed=2)
    assert identity(dataset, seed=1, seeded=True) != identity(dataset, seed=2, seeded=True)
    noise, jpeg = Condition(Noise(), 5), Condition(Jpeg(), 50)
    assert identity(dataset, noise, seed=1) != identity(dataset, noise, seed=2)
    assert identity(dataset, jpeg, seed=1) == identity(dataset, jpeg, seed=2)


def test_severity_and_target_take_part(dataset):
    conditions = [
        CLEAN, Condition(Noise(), 5), Condition(Noise(), 6), Condition(Noise(), 5, "both"), Condition(Jpeg(), 5)
    ]  # fmt: skip
    assert len({identity(dataset, condition) for condition in conditions}) == 5
    assert identity(dataset, Condition(Noise(), 5)) == identity(dataset, Condition(Noise(), 5.0))


def test_the_grid_is_ordered_by_condition_then_adapter_and_has_each_run_once(dataset):
    handles = annotator_handles([Toy("a"), Toy("b")], "cpu", 0)
    jobs = make_jobs(handles, dataset, [CLEAN, Condition(Jpeg(), 50), Condition()], 0)
    assert [(job.run.perturbation, job.card.name) for job in jobs] == [
        ("", "a"), ("", "b"), ("jpeg", "a"), ("jpeg", "b")
    ]  # fmt: skip
