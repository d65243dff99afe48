from __future__ import annotations

import io
import json
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ironworks.serving.codecs import decode, encode, text
from ironworks.serving.errors import InvocationError

NUMBERS = st.one_of(
    arrays.boolean_dtypes(),
    arrays.integer_dtypes(endianness="?"),
    arrays.unsigned_integer_dtypes(endianness="?"),
    arrays.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
)


@pytest.fixture(params=["all", "orjson", "json"], autouse=True)
def parser(request: pytest.FixtureRequest) -> Iterator[None]:
    """With all that reads fast, without our extension, and with Python's own library alone."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param != "all":
            patch.setattr(text, "_arrays", None)
        if request.param == "json":
            patch.setattr(text, "orjson", None)
        yield


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
    assert decoded.dtype == reference.dtype.newbyteorder("=")
    np.testing.assert_array_equal(decoded, reference)


@pytest.mark.parametrize("order", ["C", "F"])
def test_the_data_of_npy_and_raw_bytes_is_not_copied(order: str) -> None:
    array = np.asarray([[1, 2], [3, 4]], np.float32, order=order)
    for body, content_type in (
        (npy(array), "application/x-npy"),
        (array.tobytes(), "application/octet-stream"),
    ):
        assert np.shares_memory(decode(body, content_type), np.frombuffer(body, np.uint8))


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_every_version_of_npy_is_read(version: tuple[int, int]) -> None:
    decoded = decode(npy([[1.5, 2.5]], version), "application/vnd+python.numpy+binary")
    np.testing.assert_array_equal(decoded, [[1.5, 2.5]])


@given(st.binary(max_size=300))
def test_damaged_npy_is_a_400(noise: bytes) -> None:
    for body in (noise, b"\x93NUMPY" + noise, b"\x93NUMPY\x01\x00" + noise, npy([1.0])[:-9] + noise[:3]):
        assert refusal(body, "application/x-npy").status == 400


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.array([{}], dtype=object), "type object"),
        (np.array(["a"]), "type <U1"),
        (np.array([(1, 2.0)], dtype="i4,f4"), "type"),
    ],
)
def test_npy_of_anything_but_numbers_is_a_400_and_unpickles_nothing(array: np.ndarray, message: str) -> None:
    error = refusal(npy(array), "application/x-npy")
    assert error.status == 400
    assert message in error.message


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


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"1,2\n\n3,x4", "line 3, column 2: 'x4' is not a number"),
        (b"1,2\n3", "line 2 has 1 columns, the first one 2"),
        (b"a,b\n1,2", "line 1, column 1: 'a'"),
        (b"true,1", "'true'"),
        (b'"1",2', "column 1"),
        (b"1],[2", "'1]'"),
        (b"null", "'null'"),
    ],
)
def test_an_error_in_csv_says_where_it_is(body: bytes, where: str) -> None:
    assert where in refusal(body, "text/csv").message


@pytest.mark.parametrize(
    "body", [b".5,+1,1.,nan,-inf\r\n\r\n 2, 3,04,1e5,0\r\n", b"\xef\xbb\xbf.5,1,1,nan,-inf\n2,3,4,1e5,0"]
)
def test_csv_takes_every_way_to_write_a_number(body: bytes) -> None:
    np.testing.assert_array_equal(decode(body, "text/csv"), [[0.5, 1, 1, np.nan, -np.inf], [2, 3, 4, 1e5, 0]])


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


def test_json_has_nan_and_infinity_as_the_inference_toolkit_has() -> None:
    body, _ = encode(np.array([np.nan, np.inf, -np.inf, 1.5]), "application/json")
    assert body == b"[NaN,Infinity,-Infinity,1.5]"
    np.testing.assert_array_equal(decode(body, "application/json"), [np.nan, np.inf, -np.inf, 1.5])


def test_an_answer_may_have_null_and_keys_and_integers_that_only_python_writes() -> None:
    for value, body in (
        ({"a": None}, b'{"a":null}'),
        ({1: 2}, b'{"1":2}'),
        ([2**80], b"[1208925819614629174706176]"),
    ):
        assert encode(value, "application/json")[0] == body


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
