"""The table that the other modules of this package fill."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ironworks.compiler.frontends.mxnet.node import Node

Translation = Callable[[Node], "str | list[str]"]


@dataclass(frozen=True)
class Operator:
    """How an operator is translated.

    Attributes:
        translate: adds ONNX nodes and answers the tensors of the node's outputs.
        trained: its inputs after the first are parameters.
        inputs: how many inputs count; None is all. The rest are labels.
        only: the values that are supported of an attribute that can have others, as MXNet writes them.
    """

    translate: Callable[[Node], list[str]]
    trained: bool = False
    inputs: int | None = None
    only: Mapping[str, Sequence[str]] = field(default_factory=dict)


OPERATORS: dict[str, Operator] = {}


def operator(
    *names: str,
    trained: bool = False,
    inputs: int | None = None,
    only: Mapping[str, Sequence[str]] | None = None,
) -> Callable[[Translation], Translation]:
    """Enter the decorated function into the table, under each of MXNet's `names` for the operator."""

    def enter(function: Translation) -> Translation:
        def translate(node: Node) -> list[str]:
            answer = function(node)
            return [answer] if isinstance(answer, str) else answer

        for name in names:
            OPERATORS[name] = Operator(translate, trained, inputs, only or {})
        return function

    return enter
