"""Accuracy, changed answers and differences, counted by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ironworks.compiler import trials
from ironworks.compiler.backends import Candidate
from ironworks.compiler.emulation import EmulatedModel
from ironworks.compiler.trials import Trial, grade_trials
from ironworks.compiler.validation.accuracy import Examination
from ironworks.errors import ClientError
from ironworks.runtime import Manifest, Tensor

INPUTS = [Tensor("data", (2, 3), "float32")]
SCORES = [Tensor("y", (2, 3), "float32")]
DATA = np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 1]]


def same(batch):
    """A model that answers its input: the class is where the one is."""
    return [batch["data"]]


def examination(labels, outputs=SCORES):
    return Examination({"data": DATA, "labels": np.array(labels)}, INPUTS, outputs)


def test_the_originals_accuracy_counts_every_example_once():
    validation = examination([0, 1, 2, 0, 0]).sit(same)
    assert (validation.examples, validation.output, validation.accuracy) == (5, "y", 4 / 5)


def test_a_candidate_is_compared_with_the_labels_and_with_the_original():
    test = examination([0, 1, 2, 0, 0])
    test.sit(same)
    equal = test.grade(same)
    assert (equal.accuracy, equal.changed, equal.largest_difference) == (4 / 5, 0, 0)
    off = test.grade(lambda batch: [batch["data"] + np.float32([0.5, 0, 0])])
    assert (off.accuracy, off.changed, off.largest_difference) == (4 / 5, 0, 0.5)
    first = test.grade(lambda batch: [np.float32([[2, 0, 0]] * 2)])
    assert (first.accuracy, first.changed, first.largest_difference) == (3 / 5, 3, 2)


def test_what_is_not_a_number_in_one_of_the_two_differs():
    test = examination([0, 1, 2, 0, 0])
    test.sit(same)
    assert test.grade(lambda batch: [batch["data"] * np.nan]).largest_difference == np.inf
    test.sit(lambda batch: [batch["data"] * np.float32([1, 1, np.nan])])
    assert test.grade(lambda batch: [batch["data"] * np.float32([1, 1, np.nan])]).largest_difference == 0


def test_a_model_may_answer_the_class_itself():
    test = examination([7, 7, 8, 7, 7], [Tensor("label", (2,), "int64"), *SCORES])
    label = lambda batch: [np.int64([7, 7]), batch["data"]]  # noqa: E731
    assert (test.sit(label).output, test.sit(label).accuracy) == ("label", 4 / 5)
    other = test.grade(lambda batch: [np.int64([7, 8]), batch["data"]])
    assert (other.accuracy, other.changed, other.largest_difference) == (2 / 5, 2, 1)


def test_scores_may_have_sizes_of_one_beside_the_classes():
    outputs = [Tensor("features", (2, 4, 4), "float32"), Tensor("y", (2, 3, 1, 1), "float32")]
    answer = lambda batch: [np.zeros((2, 4, 4)), batch["data"].reshape(2, 3, 1, 1)]  # noqa: E731
    assert examination([0, 1, 2, 0, 1], outputs).sit(answer).accuracy == 1


@pytest.mark.parametrize("shape", [(2, 4, 4), (2, 1), (2,), (1, 3)])
def test_a_model_whose_answer_is_no_class_is_refused(shape):
    with pytest.raises(ClientError, match="none of the model's outputs .y .*has the class"):
        examination([0, 1, 2, 0, 1], [Tensor("y", shape, "float32")])


@pytest.mark.parametrize("labels", [[0, 1, 2, 0, 3], [-1, 1, 2, 0, 1]])
def test_a_label_that_the_output_has_no_class_for_is_refused(labels):
    with pytest.raises(ClientError, match=r"labels .* go from .*, and the output y has 3 classes, 0 to 2"):
        examination(labels)


def test_a_candidate_may_be_asked_the_first_examples_only_and_so_is_compared_with_the_original_on_these():
    test = examination([0, 1, 0, 0, 0])
    assert test.sit(same).accuracy == 3 / 5
    grade = test.grade(lambda batch: [batch["data"][:, [1, 0, 2]]], most=1)
    assert (grade.examples, grade.original, grade.accuracy, grade.changed) == (2, 1, 0, 2)


def test_an_emulated_candidate_is_asked_less_and_says_so(monkeypatch):
    monkeypatch.setattr(trials, "_EMULATED_BATCHES", 2)
    monkeypatch.setattr(EmulatedModel, "run", lambda self, batch: same(batch))
    manifest = Manifest("t", "aarch64", "native", "m", tuple(INPUTS), tuple(SCORES))
    trial = Trial(Candidate("native", {}, Path(), "m", (), {}), manifest, object.__new__(EmulatedModel))
    test = examination([0, 1, 0, 0, 1])
    test.sit(same)
    (graded,) = grade_trials([trial], test)
    assert graded.grade.examples == 4 and graded.grade.accuracy == graded.grade.original == 3 / 4
    assert graded.note == (
        "its accuracy is that on the first 4 examples, because under emulation each call is a process; the original's "
        "on these is 0.7500"
    )
    monkeypatch.setattr(trials, "_EMULATED_BATCHES", 3)
    assert grade_trials([trial], test)[0].note == ""
