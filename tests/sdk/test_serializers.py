"""Requests' bodies and answers."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest

import ironworks as iw
from ironworks.sdk.serializers import as_deserializer, as_serializer, serializer_for


def read(body: bytes, content_type: str, deserializer: Any = None) -> Any:
    return (deserializer or iw.ArrayDeserializer()).deserialize(io.BytesIO(body), content_type)


def test_arrays_are_npy_under_the_name_that_neo_hooks_look_for() -> None:
    serializer = iw.NumpySerializer()
    assert serializer.CONTENT_TYPE == "application/vnd+python.numpy+binary"
    data = np.arange(6, dtype=np.float32).reshape(2, 3)
    loaded = np.load(io.BytesIO(serializer.serialize(data)))
    np.testing.assert_array_equal(loaded, data)
    assert loaded.dtype == np.float32


def test_lists_are_arrays_and_a_dtype_can_be_asked_for() -> None:
    assert np.load(io.BytesIO(iw.NumpySerializer(dtype="float32").serialize([[1, 2]]))).dtype == np.float32


@pytest.mark.parametrize("data", [[[1, 2], [3]], ["a"], [None], object()])
def test_what_is_no_array_of_numbers_is_refused(data: Any) -> None:
    with pytest.raises(iw.ClientError, match="The input is"):
        iw.NumpySerializer().serialize(data)


def test_json_takes_arrays_inside() -> None:
    body = iw.JSONSerializer().serialize({"x": np.arange(2), "y": np.float32(0.5), "z": [1]})
    assert json.loads(body) == {"x": [0, 1], "y": 0.5, "z": [1]}
    with pytest.raises(iw.ClientError, match="cannot be written as JSON"):
        iw.JSONSerializer().serialize({"x": object()})


@pytest.mark.parametrize(
    ("data", "text"), [([1, 2.5], "1.0,2.5\n"), ([[1, 2], [3, 4]], "1,2\n3,4\n"), ("a,b\n", "a,b\n")]
)
def test_csv_has_a_line_a_row(data: Any, text: str) -> None:
    assert iw.CSVSerializer().serialize(data) == text


def test_bytes_stay_as_they_are() -> None:
    assert iw.BytesSerializer("image/png").CONTENT_TYPE == "image/png"
    assert iw.BytesSerializer().serialize(b"\x00") == b"\x00"
    assert iw.BytesSerializer().serialize("ö") == "ö".encode()
    assert read(b"\x00", "image/png", iw.BytesDeserializer()) == b"\x00"


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        (np.zeros(2), "application/vnd+python.numpy+binary"),
        ([1.0], "application/vnd+python.numpy+binary"),
        (b"raw", "application/octet-stream"),
        ("1,2", "text/csv"),
        ({"x": [1]}, "application/json"),
    ],
)
def test_the_data_choose_the_serializer_if_nobody_else_does(data: Any, content_type: str) -> None:
    assert content_type == serializer_for(data).CONTENT_TYPE


@pytest.mark.parametrize(
    ("body", "content_type", "shape"),
    [
        (b"[0.5, 0.5]", "application/json", (2,)),
        (b"[[1, 2], [3, 4]]", "application/json; charset=utf-8", (2, 2)),
        (b"1,2\n3,4\n", "text/csv", (2, 2)),
        (iw.NumpySerializer().serialize(np.zeros((1, 3))), "application/x-npy", (1, 3)),
    ],
)
def test_answers_become_arrays(body: bytes, content_type: str, shape: tuple[int, ...]) -> None:
    answer = read(body, content_type)
    assert isinstance(answer, np.ndarray)
    assert answer.shape == shape


def test_one_format_is_asked_for() -> None:
    """Hooks are given the Accept header as it is, and compare it with the names of formats."""
    assert iw.ArrayDeserializer().ACCEPT == ("application/json",)
    assert iw.ArrayDeserializer("application/x-npy").ACCEPT == ("application/x-npy",)


def test_answers_that_are_no_arrays_stay_what_they_are() -> None:
    assert read(b'{"label": "seven"}', "application/json") == {"label": "seven"}
    assert read(b'["a", "b"]', "application/json") == ["a", "b"]
    assert read(b"[[1], [2, 3]]", "application/json") == [[1], [2, 3]]
    assert read(b"7", "application/json") == 7
    assert read(b"\x89PNG", "image/png") == b"\x89PNG"
    by_name = read(b'{"scores": [0.5], "boxes": [[1, 2]]}', "application/json")
    assert {name: array.shape for name, array in by_name.items()} == {"scores": (1,), "boxes": (1, 2)}


def test_functions_are_taken_as_in_1_x_with_a_note() -> None:
    with pytest.warns(FutureWarning, match="A function as a serializer"):
        serializer = as_serializer(lambda data: data + b"!")
    assert serializer is not None
    assert serializer.serialize(b"x") == b"x!"

    def lines(stream: Any, content_type: str) -> list[bytes]:
        return [*stream.read().split(), content_type.encode()]

    lines.accept = "text/plain"  # type: ignore[attr-defined]
    with pytest.warns(FutureWarning, match="A function as a deserializer"):
        deserializer = as_deserializer(lines)
    assert deserializer is not None
    assert deserializer.ACCEPT == ("text/plain",)
    assert read(b"a b", "text/plain", deserializer) == [b"a", b"b", b"text/plain"]


def test_objects_of_the_sagemaker_sdk_2_are_taken_as_they_are() -> None:
    serializer = iw.JSONSerializer()
    assert as_serializer(serializer) is serializer
    assert as_deserializer(None) is None
