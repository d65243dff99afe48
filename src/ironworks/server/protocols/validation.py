"""Checks a request's members against its shape, in AWS's words.

AWS lists every violation in one message: "2 validation errors detected: Value '' at 'trainingJobName' failed
to satisfy constraint: Member must …; …". Members that the model does not know are ignored, as AWS does, so
that a newer client keeps working.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import regex
from botocore.model import Shape

from ironworks.server.errors import ServiceError, ValidationError

PATTERN_SECONDS = 1.0
"""Some of AWS's patterns backtrack without end on hostile input; such a value is refused."""

_TYPES: dict[str, tuple[type, ...]] = {
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
    "string": (str,),
    "character": (str,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "boolean": (bool,),
}


def validate(params: Any, shape: Shape) -> None:
    """Check `params` against `shape`.

    Raises:
        ServiceError: `SerializationException`, a member has the wrong type.
        ValidationError: with every violated constraint.
    """
    violations = list(_violations(params, shape, ""))
    if violations:
        count = f"{len(violations)} validation error{'s' if len(violations) > 1 else ''} detected: "
        raise ValidationError(count + "; ".join(violations))


def _violations(value: Any, shape: Shape, path: str) -> Iterator[str]:
    _check_type(value, shape, path)
    if shape.type_name == "structure":
        yield from _structure_violations(value, shape, path)
    elif shape.type_name == "list":
        yield from _size_violations(value, len(value), shape, path)
        for index, item in enumerate(value):
            yield from _violations(item, shape.member, f"{path}.{index + 1}.member")
    elif shape.type_name == "map":
        yield from _size_violations(value, len(value), shape, path)
        for key, item in value.items():
            yield from _violations(key, shape.key, f"{path}.key")
            yield from _violations(item, shape.value, f"{path}.{key}.member")
    elif shape.type_name in ("string", "character"):
        yield from _string_violations(value, shape, path)
    elif shape.type_name in ("integer", "long", "float", "double"):
        yield from _range_violations(value, shape, path)


def _structure_violations(value: dict[str, Any], shape: Shape, path: str) -> Iterator[str]:
    for name in shape.required_members:
        if value.get(name) is None:
            yield f"Value null at '{_join(path, name)}' failed to satisfy constraint: Member must not be null"
    for name, member in shape.members.items():
        if value.get(name) is not None:
            yield from _violations(value[name], member, _join(path, name))


def _string_violations(value: str, shape: Shape, path: str) -> Iterator[str]:
    yield from _size_violations(value, len(value), shape, path)
    pattern = shape.metadata.get("pattern")
    if pattern and not _matches(pattern, value):
        yield _violation(value, path, f"satisfy regular expression pattern: {pattern}")
    if shape.enum and value not in shape.enum:
        yield _violation(value, path, f"satisfy enum value set: [{', '.join(shape.enum)}]")


def _size_violations(value: Any, size: int, shape: Shape, path: str) -> Iterator[str]:
    if size < shape.metadata.get("min", 0):
        yield _violation(value, path, f"have length greater than or equal to {shape.metadata['min']}")
    if size > shape.metadata.get("max", size):
        yield _violation(value, path, f"have length less than or equal to {shape.metadata['max']}")


def _range_violations(value: float, shape: Shape, path: str) -> Iterator[str]:
    if value < shape.metadata.get("min", value):
        yield _violation(value, path, f"have value greater than or equal to {shape.metadata['min']}")
    if value > shape.metadata.get("max", value):
        yield _violation(value, path, f"have value less than or equal to {shape.metadata['max']}")


def _violation(value: Any, path: str, constraint: str) -> str:
    return f"Value '{str(value)[:200]}' at '{path}' failed to satisfy constraint: Member must {constraint}"


def _check_type(value: Any, shape: Shape, path: str) -> None:
    expected = _TYPES.get(shape.type_name)
    wrong_boolean = isinstance(value, bool) and shape.type_name != "boolean"
    if expected is not None and (wrong_boolean or not isinstance(value, expected)):
        raise ServiceError(
            "SerializationException",
            f"{path or 'The request'} must be of type {shape.type_name}, not {type(value).__name__}.",
        )
    if isinstance(value, float) and not math.isfinite(value):
        raise ServiceError("SerializationException", f"{path} must be a finite number, not {value}.")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ServiceError("SerializationException", f"{path} must be a number of at most 64 bits.")
    if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
        raise ServiceError(
            "SerializationException", f"{path} is not Unicode text: it has half a surrogate pair."
        )


def _join(path: str, name: str) -> str:
    name = name[0].lower() + name[1:]
    return f"{path}.{name}" if path else name


def _matches(pattern: str, value: str) -> bool:
    try:
        return _compiled(pattern).fullmatch(value, timeout=PATTERN_SECONDS) is not None
    except TimeoutError:
        return False


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> regex.Pattern[str]:
    return regex.compile(pattern)
