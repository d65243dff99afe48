from __future__ import annotations

import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ironworks.serving.codecs import decode, encode
from ironworks.serving.errors import InvocationError

NUMBERS = st.one_of(
    arrays.boolean_dtypes(),
    arrays.integer_dtypes(endianness="?"),
    arrays.unsigned_integer_dtypes(endianness="?"),
    arrays.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
)


def npy(array: object, version: tuple[int, int] | None = None) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asanyarray(array), version=version)
    return stream.getvalue()


def refusal(body: bytes, content_type: str) -> InvocationError:
    with pytest.raises(InvocationError) as caught:
        decode(body, content_type)
    return caught.value


@given(arrays.arrays(NUMBERS, arrays.array_shapes(min_dims=0, min_side=0)), st.booleans())
def test_npy_is_read_as_numpy_reads_it(array: np.ndarray, fortran: bool) -> None:
    body = npy(np.asfortranarray(array) if fortran else array)

    decoded = decode(body, "application/x-npy")

    reference = np.load(io.BytesIO(body))
    assert decoded.dtype == reference.dtype
    np.testing.assert_array_equal(decoded, reference)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_every_version_of_npy_is_read(version: tuple[int, int]) -> None:
    decoded = decode(npy([[1.5, 2.5]], version), "application/vnd+python.numpy+binary")
    np.testing.assert_array_equal(decoded, [[1.5, 2.5]])


@given(st.binary(max_size=300))
def test_damaged_npy_is_a_400(noise: bytes) -> None:
    for body in (noise, b"\x93NUMPY" + noise, b"\x93NUMPY\x01\x00" + noise, npy([1.0])[:-9] + noise[:3]):
        assert refusal(body, "application/x-npy").status == 400


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.array([{}], dtype=object), "type object"),
        (np.array(["a"]), "type <U1"),
        (np.array([(1, 2.0)], dtype="i4,f4"), "type"),
    ],
)
def test_npy_of_anything_but_numbers_is_a_400_and_unpickles_nothing(array: np.ndarray, text: str) -> None:
    error = refusal(npy(array), "application/x-npy")
    assert error.status == 400
    assert text in error.message


@pytest.mark.parametrize("shape", ["(-1,)", "(1.0,)", "[1]", "(True,)", "(10**30,)"])
def test_npy_with_a_wrong_shape_is_a_400(shape: str) -> None:
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}".encode()
    body = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(4)
    assert refusal(body, "application/x-npy").status == 400


def test_npy_with_too_few_bytes_names_both_numbers() -> None:
    error = refusal(npy(np.zeros((2, 3), np.float32))[:-4], "application/x-npy")
    assert "24 bytes, and 20 bytes follow" in error.message


def test_csv_is_rows_of_numbers() -> None:
    decoded = decode(b"1,2.5\n-3e2,4\n", "text/csv; charset=utf-8")
    np.testing.assert_array_equal(decoded, [[1, 2.5], [-300, 4]])


@pytest.mark.parametrize("body", [b"", b" \n", b"1,a", b"1,2\n3", b"\xff\xfe", b"1,,2", b"1;2"])
def test_csv_that_is_no_table_of_numbers_is_a_400(body: bytes) -> None:
    assert refusal(body, "text/csv").status == 400


def test_raw_bytes_are_little_endian_float32() -> None:
    np.testing.assert_array_equal(decode(np.float32([1, -2]).tobytes(), "application/octet-stream"), [1, -2])


@pytest.mark.parametrize("body", [b"", b"abc", b"abcde"])
def test_raw_bytes_that_are_no_float32_are_a_400(body: bytes) -> None:
    assert refusal(body, "application/octet-stream").status == 400


@pytest.mark.parametrize(
    "document", [[[1, 2]], {"instances": [[1, 2]]}, {"inputs": [[1, 2]]}], ids=["list", "instances", "inputs"]
)
def test_json_lists_are_one_array(document: object) -> None:
    np.testing.assert_array_equal(decode(json.dumps(document).encode(), "application/json"), [[1, 2]])


@pytest.mark.parametrize("document", [{"a": [1], "b": [[2]]}, {"inputs": {"a": [1], "b": [[2]]}}])
def test_json_objects_are_arrays_by_input_name(document: object) -> None:
    decoded = decode(json.dumps(document).encode(), "application/json", ["a", "b"])
    assert {name: value.tolist() for name, value in decoded.items()} == {"a": [1], "b": [[2]]}


def test_an_input_of_the_model_that_is_called_inputs_is_that_input() -> None:
    decoded = decode(b'{"inputs": [1]}', "application/json", ["inputs"])
    assert set(decoded) == {"inputs"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nul",
        b'"a"',
        b"null",
        b"[]",
        b"[[1],[1,2]]",
        b'["a"]',
        b'{"a": null}',
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_json_that_is_no_array_is_a_400(body: bytes) -> None:
    assert refusal(body, "application/json").status == 400


def test_an_unknown_content_type_is_a_415_that_names_the_known_ones() -> None:
    error = refusal(b"x", "image/png")
    assert error.status == 415
    assert "'image/png'" in error.message
    assert "application/x-npy" in error.message


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("Text/CSV; charset=utf-8", "text/csv"),
        ("image/png, text/csv", "text/csv"),
        ("text/csv;q=0.5, application/x-npy", "application/x-npy"),
        ("text/csv;q=0, */*", "application/json"),
        ("text/*", "text/csv"),
        ("application/vnd+python.numpy+binary", "application/vnd+python.numpy+binary"),
    ],
)
def test_accept_chooses_the_answers_format(accept: str, content_type: str) -> None:
    assert encode(np.zeros((1, 2)), accept)[1] == content_type


@pytest.mark.parametrize("accept", ["image/png", "text/csv;q=0", "text/csv;q=high", ","])
def test_nothing_acceptable_is_a_406_or_the_default(accept: str) -> None:
    if accept == ",":
        assert encode([1], accept)[1] == "application/json"
        return
    with pytest.raises(InvocationError) as caught:
        encode([1], accept)
    assert caught.value.status == 406


@given(arrays.arrays(np.float32, arrays.array_shapes(max_dims=2), elements=st.floats(-1e6, 1e6, width=32)))
def test_what_is_encoded_decodes_to_the_same_numbers(array: np.ndarray) -> None:
    for accept in ("application/json", "application/x-npy", "text/csv"):
        body, content_type = encode(array, accept)
        np.testing.assert_array_equal(
            decode(body, content_type).reshape(array.shape).astype(np.float32), array
        )


def test_json_holds_arrays_in_lists_and_dicts() -> None:
    body, _ = encode({"a": np.float32([1]), "b": [np.int64(2), "c"]}, "application/json")
    assert json.loads(body) == {"a": [1.0], "b": [2, "c"]}


@pytest.mark.parametrize("accept", ["text/csv", "application/x-npy"])
def test_several_outputs_are_not_available_in_a_format_for_one(accept: str) -> None:
    with pytest.raises(InvocationError) as caught:
        encode({"a": np.zeros(1), "b": np.zeros(1)}, accept)
    assert caught.value.status == 406
