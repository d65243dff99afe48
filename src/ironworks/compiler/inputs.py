"""`DataInputConfig`: the names and shapes of a model's inputs, as callers of CreateCompilationJob write them."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

from ironworks.errors import ClientError

_EXAMPLE = 'Write it as {"data": [1, 784]}: the shape of each input by its name.'
_BARE_KEY = re.compile(r"([{,]\s*)([A-Za-z_][\w./-]*)\s*:")
_MOST_ELEMENTS = 2**31
_SHOWN = 200
"""Characters that messages repeat of what cannot be read: a FailureReason has 1,024."""


class _RepeatedName(ValueError):
    pass


def parse_data_input_config(text: str) -> dict[str, list[int]]:
    """The shape of each input by its name, in the order in which they are written.

    Besides JSON it reads what AWS's documentation and shells make of it: Python's quotes and tuples, quotes
    with backslashes, names without quotes. A list of shapes without names (PyTorch's form), and a shape alone,
    name their inputs `input0`, `input1`, …

    Raises:
        ClientError: the text is not of any of these forms, or a shape is not a list of positive numbers.
    """
    document = _read(text)
    if isinstance(document, (list, tuple)):
        shapes = [document] if document and all(_is_number(item) for item in document) else document
        document = {f"input{position}": shape for position, shape in enumerate(shapes)}
    if not isinstance(document, dict) or not document:
        raise ClientError(f"DataInputConfig {_shown(text)} names no input. {_EXAMPLE}")
    return {_name(key, text): _shape(key, shape) for key, shape in document.items()}


def _read(text: str) -> Any:
    unescaped = text.replace('\\"', '"')
    for candidate in (text, unescaped, _BARE_KEY.sub(r'\1"\2":', unescaped)):
        try:
            return json.loads(candidate, object_pairs_hook=_unrepeated)
        except _RepeatedName as error:
            raise ClientError(f"DataInputConfig names the input {error} twice. {_EXAMPLE}") from error
        except (ValueError, RecursionError):
            pass
        try:
            return ast.literal_eval(candidate.strip())
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            pass
    raise ClientError(f"DataInputConfig {_shown(text)} cannot be read. {_EXAMPLE}")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for key, value in pairs:
        if key in document:
            raise _RepeatedName(key)
        document[key] = value
    return document


def _name(key: Any, text: str) -> str:
    if not isinstance(key, str) or not key:
        raise ClientError(
            f"DataInputConfig {_shown(text)} has {_shown(key)} where the name of an input is expected. {_EXAMPLE}"
        )
    return key


def _shape(name: str, shape: Any) -> list[int]:
    if isinstance(shape, dict):
        raise ClientError(
            f"DataInputConfig describes the input {name} with {', '.join(map(str, shape))}, a form that only the "
            f"target coreml has. {_EXAMPLE}"
        )
    if not isinstance(shape, (list, tuple)) or not shape:
        raise ClientError(f"DataInputConfig gives the input {name} the shape {_shown(shape)}. {_EXAMPLE}")
    elements = 1
    for dimension in shape:
        if not _is_number(dimension) or dimension < 1:
            raise ClientError(
                f"DataInputConfig gives the input {name} the shape {_shown(list(shape))}; {_shown(dimension)} is not a "
                f"positive whole number. A compiled model has fixed shapes, the batch included. {_EXAMPLE}"
            )
        elements *= dimension
    if elements > _MOST_ELEMENTS:
        raise ClientError(
            f"DataInputConfig gives the input {name} more than {_MOST_ELEMENTS} elements. {_EXAMPLE}"
        )
    return list(shape)


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
