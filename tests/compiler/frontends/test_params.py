"""Parameter files of every layout, written byte by byte."""

from __future__ import annotations

from struct import pack

import ml_dtypes
import numpy as np
import pytest

from ironworks.compiler.frontends.mxnet.params import read_params
from ironworks.errors import ClientError

VALUES = np.arange(6, dtype=np.float32).reshape(2, 3)
DEVICE = pack("<ii", 1, 0)
V1 = pack("<II2q", 0xF993FAC8, 2, 2, 3) + DEVICE
V2 = pack("<Iii2q", 0xF993FAC9, 0, 2, 2, 3) + DEVICE
V3 = pack("<Iii2q", 0xF993FACA, 0, 2, 2, 3) + DEVICE
OLDEST = pack("<I2I", 2, 2, 3) + DEVICE
FLOAT = pack("<i", 0) + VALUES.tobytes()


def file(*arrays, names=("arg:w",)):
    data = pack("<QQQ", 0x112, 0, len(arrays)) + b"".join(arrays) + pack("<Q", len(names))
    return data + b"".join(pack("<Q", len(name)) + name.encode() for name in names)


def read(tmp_path, data):
    path = tmp_path / "model-0000.params"
    path.write_bytes(data)
    return read_params(path)


@pytest.mark.parametrize("header", [V1, V2, V3, OLDEST], ids=["V1", "V2", "V3", "oldest"])
def test_every_layout_is_read(tmp_path, header):
    np.testing.assert_array_equal(read(tmp_path, file(header + FLOAT))["w"], VALUES)


@pytest.mark.parametrize(
    ("code", "dtype"), [(0, "f4"), (1, "f8"), (2, "f2"), (3, "u1"), (4, "i4"), (5, "i1"), (6, "i8"), (7, "?")]
)
def test_every_dtype_is_read(tmp_path, code, dtype):
    values = VALUES.astype(dtype)
    array = read(tmp_path, file(V2 + pack("<i", code) + values.tobytes()))["w"]
    assert array.dtype == values.dtype
    np.testing.assert_array_equal(array, values)


def test_bfloat16_becomes_float32(tmp_path):
    values = VALUES.astype(ml_dtypes.bfloat16)
    array = read(tmp_path, file(V2 + pack("<i", 12) + values.tobytes()))["w"]
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array, values.astype(np.float32))


def test_prefixes_are_dropped_and_absent_arrays_left_out(tmp_path):
    absent = pack("<Iii", 0xF993FAC9, -1, 0)
    data = file(V2 + FLOAT, absent, V1 + FLOAT, names=("arg:w", "arg:none", "aux:bn_moving_mean"))
    assert list(read(tmp_path, data)) == ["w", "bn_moving_mean"]


def test_a_rank_of_zero_is_a_number_in_layout_3(tmp_path):
    scalar = pack("<Iii", 0xF993FACA, 0, 0) + DEVICE + pack("<if", 0, 2.5)
    assert read(tmp_path, file(scalar))["w"] == np.float32(2.5)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "does not begin with 0x112"),
        (b"PK" * 40, "does not begin with 0x112"),
        (file(V2 + FLOAT)[:-30], "it ends at byte"),
        (file(V2 + FLOAT) + b"x", "1 bytes follow its end"),
        (file(V2 + FLOAT, names=()), "1 arrays and 0 names"),
        (file(V2 + pack("<i", 99) + VALUES.tobytes()), "unknown dtype 99"),
        (file(pack("<Iii2q", 0xF993FAC9, 0, 2, -2, 3) + DEVICE + FLOAT), r"has the shape \(-2, 3\)"),
        (file(pack("<Iii", 0xF993FAC9, 0, 77) + DEVICE + FLOAT), "has 77 dimensions"),
        (file(pack("<Iii2q", 0xF993FAC9, 0, 2, 2**40, 2**40) + DEVICE + FLOAT), "it ends at byte"),
        (file(pack("<Iii2q", 0xF993FAC9, 0, 2, 0, 2**62) + DEVICE + pack("<i", 0)), "array is too big"),
        (file(pack("<Iii", 0xF993FAC9, 1, 0)), r"sparse array.*tostype\('default'\)"),
        (file(V2 + FLOAT, names=("w",))[:-1] + b"\xff", "can't decode"),
    ],
)
def test_a_damaged_file_is_refused_with_the_reason(tmp_path, data, reason):
    with pytest.raises(
        ClientError, match=f"model-0000.params is not a parameter file as MXNet saves it: .*{reason}"
    ):
        read(tmp_path, data)


@pytest.mark.parametrize("length", range(0, 90, 7))
def test_a_file_cut_anywhere_is_refused(tmp_path, length):
    with pytest.raises(ClientError):
        read(tmp_path, file(V2 + FLOAT)[:length])
