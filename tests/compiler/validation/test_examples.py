"""A caller's examples: batches of the model's size, and what is wrong with those that do not fit."""

from __future__ import annotations

import numpy as np
import pytest

from ironworks.compiler.validation.examples import match_examples, match_labels, read_arrays
from ironworks.errors import ClientError
from ironworks.runtime import Tensor

IMAGE = [Tensor("data", (4, 3), "float32")]
TWO = [*IMAGE, Tensor("ids", (4, 2), "int64")]


def match(arrays, inputs=IMAGE):
    return match_examples(arrays, inputs, "validation data")


def test_examples_come_in_batches_of_the_models_size_and_the_last_is_filled_up():
    data = np.arange(30, dtype=np.uint8).reshape(10, 3)
    examples = match({"data": data, "labels": np.zeros(10)})
    batches = [batch["data"] for batch in examples.batches()]
    assert [batch.shape for batch in batches] == [(4, 3)] * 3
    assert {batch.dtype.name for batch in batches} == {"float32"}
    np.testing.assert_array_equal(np.vstack(batches)[:10], data)
    np.testing.assert_array_equal(batches[2][2:], data[[9, 9]])
    assert len(list(examples.batches(most=2))) == 2


def test_an_example_may_have_another_shape_with_as_many_numbers():
    examples = match({"data": np.ones((4, 1, 3, 1))})
    assert next(examples.batches())["data"].shape == (4, 3)


def test_every_input_has_its_array():
    arrays = {"ids": np.ones((5, 2), np.int32), "data": np.ones((5, 3))}
    first = next(match(arrays, TWO).batches())
    assert {name: array.dtype.name for name, array in first.items()} == {"data": "float32", "ids": "int64"}


@pytest.mark.parametrize(
    ("arrays", "problem"),
    [
        ({"x": np.ones((2, 3))}, "lacks data and names x, which is no input of the model"),
        ({"data": np.ones((2, 3)), "x": np.ones(2)}, "names x, which is no input"),
        ({"labels": np.ones(2)}, "lacks data"),
        ({"data": np.ones((2, 4))}, r"the shape \[2, 4\], and one example of the model is \[3\]"),
        ({"data": np.float32(1)}, r"the shape \[\], and one example"),
        ({"data": np.ones((0, 3))}, "has no examples"),
        ({"data": np.array([["a", "b", "c"]])}, "the dtype <U1; numbers are needed"),
    ],
)
def test_arrays_that_do_not_fit_the_model_are_refused(arrays, problem):
    with pytest.raises(ClientError, match=problem):
        match(arrays)


def test_inputs_with_different_numbers_of_examples_are_refused():
    with pytest.raises(ClientError, match="different number of examples for each input: data 2, ids 3"):
        match({"data": np.ones((2, 3)), "ids": np.ones((3, 2))}, TWO)


@pytest.mark.parametrize("other", [Tensor("scale", (1,), "float32"), Tensor("scale", (), "float32")])
def test_a_model_that_does_not_tell_examples_apart_is_refused(other):
    with pytest.raises(ClientError, match="do not have the same first dimension"):
        match({"data": np.ones((4, 3)), "scale": np.ones(1)}, [*IMAGE, other])


@pytest.mark.parametrize(
    "labels",
    [
        np.array([2, 0, 1]),
        np.array([[2.0], [0], [1]]),
        np.eye(3)[[2, 0, 1]],
        np.eye(3, dtype=bool)[[2, 0, 1]],
    ],
)
def test_labels_are_indices_or_one_hot(labels):
    np.testing.assert_array_equal(match_labels({"labels": labels}, 3), [2, 0, 1])


@pytest.mark.parametrize(
    ("arrays", "problem"),
    [
        ({"data": np.ones(3)}, "has no labels; it has data"),
        ({}, "has no labels; it has no arrays"),
        ({"labels": np.ones(4)}, r"is \[4\] float64, and there are 3 examples"),
        ({"labels": np.ones((3, 2, 2))}, "and there are 3 examples"),
        ({"labels": np.array(["a", "b", "c"])}, "and there are 3 examples"),
        ({"labels": np.array([0.5, 1, 2])}, "numbers that are not whole"),
        ({"labels": np.array([np.nan, 1, 2])}, "numbers that are not whole"),
        ({"labels": np.ones((3, 2))}, "rows that are not one-hot"),
        ({"labels": np.full((3, 2), 0.5)}, "rows that are not one-hot"),
    ],
)
def test_labels_that_are_none_are_refused(arrays, problem):
    with pytest.raises(ClientError, match=problem):
        match_labels(arrays, 3)


def test_a_file_is_read_by_name(tmp_path):
    np.savez(tmp_path / "x.npz", data=np.ones((2, 3)), labels=[0, 1])
    arrays = read_arrays(tmp_path / "x.npz", "validation data")
    assert {name: array.shape for name, array in arrays.items()} == {"data": (2, 3), "labels": (2,)}


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    np.save(tmp_path / "x.npy", np.ones(3))
    (tmp_path / "text.npz").write_text("hello")
    np.savez(tmp_path / "objects.npz", data=np.array([{}], object))
    for name, problem in (
        ("x.npy", "is one array without a name"),
        ("text.npz", "cannot be read as .npz"),
        ("objects.npz", "cannot be read as .npz"),
        ("absent.npz", "cannot be read as .npz"),
    ):
        with pytest.raises(ClientError, match=f"The calibration data .*{name} {problem}"):
            read_arrays(tmp_path / name, "calibration data")
