"""Pictures as a model takes them."""

from __future__ import annotations

import io
import json
from array import array

import numpy as np
import pytest

from ironworks.console.pages.payload import PayloadError, npy, picture_of


def manifest(*shape: int, inputs: int = 1) -> dict[str, object]:
    return {"inputs": [{"name": f"x{at}", "shape": list(shape), "dtype": "float32"} for at in range(inputs)]}


@pytest.mark.parametrize("shape", [(1, 784), (3,), (1, 2, 3)])
def test_arrays_are_written_as_numpy_reads_them(shape: tuple[int, ...]) -> None:
    values = array("f", np.arange(np.prod(shape), dtype=np.float32) / 7)
    read = np.load(io.BytesIO(npy(values, shape)))
    assert read.dtype == np.float32 and read.shape == shape
    assert read.ravel().tolist() == values.tolist()


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((1, 784), (28, 28, 1, False, (1, 784))),
        ((-1, 784), (28, 28, 1, False, (1, 784))),
        ((1, 1, 28, 28), (28, 28, 1, False, (1, 1, 28, 28))),
        ((1, 3, 224, 200), (224, 200, 3, True, (1, 3, 224, 200))),
        ((1, 32, 30, 3), (32, 30, 3, False, (1, 32, 30, 3))),
        ((1, 16), (0, 0, 0, False, ())),
        ((8, 784), (0, 0, 0, False, ())),
        ((1, 5, 5, 5), (0, 0, 0, False, ())),
    ],
)
def test_the_input_says_which_pictures_a_model_takes(
    shape: tuple[int, ...], expected: tuple[object, ...]
) -> None:
    found = picture_of(manifest(*shape))
    assert (found.height, found.width, found.channels, found.channels_first, found.shape) == expected


def test_a_model_of_several_inputs_takes_no_picture() -> None:
    assert picture_of(manifest(1, 784, inputs=2)).height == 0


@pytest.mark.parametrize("document", [{}, {"inputs": 1}, {"inputs": [{"shape": ["x"]}]}])
def test_a_manifest_that_cannot_be_read_takes_no_picture(document: dict[str, object]) -> None:
    assert picture_of(document).height == 0


def test_a_model_that_is_not_compiled_is_given_a_digit() -> None:
    assert picture_of(None).is_digit


def test_pixels_become_the_input() -> None:
    body = picture_of(manifest(1, 1, 28, 28)).payload(json.dumps([0.5] * 784))
    assert np.array_equal(np.load(io.BytesIO(body)), np.full((1, 1, 28, 28), 0.5, np.float32))


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        ("", "Nothing is drawn yet"),
        ("[1, 2]", "takes 784 pixels, and 2 were sent"),
        ("nonsense", "not a list of numbers"),
        ('{"a": 1}', "not a list of numbers"),
        ('["a"]', "not a list of numbers"),
        (json.dumps([1e999] * 784).replace("Infinity", "1e999"), "784"),
    ],
)
def test_what_is_no_picture_is_refused(pixels: str, message: str) -> None:
    with pytest.raises(PayloadError, match=message):
        picture_of(manifest(1, 784)).payload(pixels)
