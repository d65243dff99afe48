"""The table that the other modules of this package fill."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ironworks.compiler.frontends.mxnet.node import Node

Translation = Callable[[Node], "str | list[str]"]


@dataclass(frozen=True)
class Operator:
    """How an operator is translated.

    Attributes:
        translate: adds ONNX nodes and answers the tensors of the node's outputs.
        trained: its inputs after the first are parameters.
        inputs: how many inputs count; None is all. The rest are labels.
    """

    translate: Callable[[Node], list[str]]
    trained: bool = False
    inputs: int | None = None


OPERATORS: dict[str, Operator] = {}


def operator(
    *names: str, trained: bool = False, inputs: int | None = None
) -> Callable[[Translation], Translation]:
    """Enter the decorated function into the table, under each of MXNet's `names` for the operator."""

    def enter(function: Translation) -> Translation:
        def translate(node: Node) -> list[str]:
            answer = function(node)
            return [answer] if isinstance(answer, str) else answer

        for name in names:
            OPERATORS[name] = Operator(translate, trained, inputs)
        return function

    return enter
