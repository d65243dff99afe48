"""JSON into dataclasses, by their annotations.

A member that is not known is passed over, so a report of a later version is read; one that is missing takes its
default, so a report of an earlier version is.
"""

from __future__ import annotations

import json
import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import lru_cache
from math import inf
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

Kind = TypeVar("Kind")


class ReportError(ValueError):
    """A `report.json` that cannot be read: it is no JSON, a member is missing or is something else."""


def read_json(kind: type[Kind], text: str | bytes) -> Kind:
    """The dataclass `kind` that `text` holds.

    Raises:
        ReportError: `text` is no JSON, or no `kind`.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ReportError(f"it is no JSON ({error})") from error
    return cast(Kind, _read(kind, document, ""))


def _read(kind: Any, value: Any, place: str) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        (inner,) = (argument for argument in arguments if argument is not types.NoneType)
        return None if value is None else _read(inner, value, place)
    if is_dataclass(kind):
        return _read_members(kind, _expect(value, dict, place), place)
    if origin is Mapping:
        items = _expect(value, dict, place).items()
        return {key: _read(arguments[1], item, f"{place}.{key}") for key, item in items}
    if origin is Sequence or (origin is tuple and arguments[-1] is Ellipsis):
        items = enumerate(_expect(value, list, place))
        return tuple(_read(arguments[0], item, f"{place}[{index}]") for index, item in items)
    if origin is tuple:
        return _read_fixed(arguments, value, place)
    if isinstance(kind, type) and issubclass(kind, tuple):
        return kind(*_read_fixed(tuple(_hints(kind).values()), value, place))
    if kind is float:  # JSON has no infinity: `null` stands for it
        return inf if value is None else float(_expect(value, (int, float), place))
    return _expect(value, kind, place)


def _read_members(kind: Any, document: Mapping[str, Any], place: str) -> Any:
    members = {}
    for member in fields(kind):
        name = f"{place}.{member.name}".lstrip(".")
        if member.name in document:
            members[member.name] = _read(_hints(kind)[member.name], document[member.name], name)
        elif member.default is MISSING and member.default_factory is MISSING:
            raise ReportError(f"it lacks {name}")
    return kind(**members)


def _read_fixed(kinds: Sequence[Any], value: Any, place: str) -> tuple[Any, ...]:
    """A list of as many items as there are `kinds`; more are of a later version."""
    items = _expect(value, list, place)
    if len(items) < len(kinds):
        raise ReportError(f"{place} has {len(items)} items, not {len(kinds)}")
    return tuple(
        _read(kind, item, f"{place}[{index}]")
        for index, (kind, item) in enumerate(zip(kinds, items, strict=False))
    )


def _expect(value: Any, kind: Any, place: str) -> Any:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ReportError(f"{place or 'the whole'} is {json.dumps(value)[:60]}")
    return value


_hints = lru_cache(maxsize=None)(get_type_hints)
