"""JSON and CSV.

Plain arrays of numbers are read by our extension, in one pass. What it leaves goes a more careful way: JSON to orjson
and then to `json`, which also knows NaN and Infinity as SageMaker's inference toolkit does, CSV line by line, so that
an error says where it is. orjson writes what it can. Where neither is there, Python's own library does it all.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

try:
    import orjson
except ImportError:  # in a framework's environment
    orjson = None  # type: ignore[assignment]

try:
    from ironworks.serving.codecs import _arrays
except ImportError:  # it was not built
    _arrays = None  # type: ignore[assignment]

Array = npt.NDArray[Any]


def read_json(body: bytes, names: Sequence[str] = ()) -> Array | dict[str, Array]:
    """A list, `{"instances": list}`, `{"inputs": list or {name: list}}` or `{name: list}`.

    Raises:
        ValueError: it is none of these.
    """
    found = _arrays and _arrays.read_json(body)
    if found:
        return _array(*found)
    document = _loads(body)
    if isinstance(document, dict) and len(document) == 1:
        (key,) = document
        if key in ("instances", "inputs") and key not in names:
            document = document[key]
    if isinstance(document, dict):
        return {name: _numbers(value, f"the value of {name!r}") for name, value in document.items()}
    return _numbers(document, "it")


def write_json(value: Any) -> bytes:
    """Arrays as lists, float32 with the digits of the equal float64; NaN and infinities as `NaN` and `Infinity`.

    Raises:
        TypeError: something in it has no form in JSON.
    """
    if orjson is not None:
        try:
            body = orjson.dumps(value, default=_plain)
        except TypeError:
            pass  # keys that are no strings, integers of more than 64 bits
        else:
            if b"null" not in body:  # which orjson writes for NaN
                return body
    return json.dumps(value, default=_plain, separators=(",", ":")).encode()


def read_csv(body: bytes) -> Array:
    """Rows of numbers, shape (rows, columns), float64; empty lines are passed over.

    Raises:
        ValueError: a field is no number, or rows differ in length; it says where.
    """
    found = _arrays and _arrays.read_csv(body)
    if found:
        return _array(*found)
    return _read_lines(body.decode("utf-8-sig"))


def write_csv(array: Array) -> bytes:
    """A line for each row; more than two dimensions are flattened behind the first."""
    rows = array.reshape(len(array), -1) if array.ndim > 1 else array.reshape(1, -1)
    if orjson is not None:
        body = orjson.dumps(rows.tolist())
        if b"null" not in body and b'"' not in body:
            return body[2:-2].replace(b"],[", b"\n") + b"\n"
    return "".join(",".join(map(str, row)) + "\n" for row in rows.tolist()).encode()


def _array(numbers: bytes, integers: bool, shape: tuple[int, ...]) -> Array:
    return np.frombuffer(numbers, np.int64 if integers else np.float64).reshape(shape)


def _loads(body: bytes) -> Any:
    if orjson is not None:
        try:
            return orjson.loads(body)
        except ValueError:
            pass
    try:
        return json.loads(body)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _numbers(value: Any, name: str) -> Array:
    """A number or a list of lists of numbers as an array."""
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} is a list whose rows differ in length") from error
    if array.dtype.kind not in "biuf" or array.size == 0:
        raise ValueError(f"{name} is not a list of numbers")
    return array


def _plain(value: Any) -> Any:
    """NumPy's arrays and numbers in Python's own types."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError(f"A {type(value).__name__} cannot be written as JSON.")


def _read_lines(text: str) -> Array:
    rows: list[list[float]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        row = [_number(field, number, column) for column, field in enumerate(line.split(","), 1)]
        if rows and len(row) != len(rows[0]):
            raise ValueError(f"line {number} has {len(row)} columns, the first one {len(rows[0])}")
        rows.append(row)
    if not rows:
        raise ValueError("it is empty")
    return np.array(rows)


def _number(field: str, line: int, column: int) -> float:
    try:
        return float(field)
    except ValueError:
        raise ValueError(f"line {line}, column {column}: {field[:40]!r} is not a number") from None
