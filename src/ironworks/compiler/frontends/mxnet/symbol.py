"""Reads `NAME-symbol.json`.

The file is one object: `nodes` (`op`, `name`, `attrs`, `inputs` as `[node, output, version]`) in topological
order, and `heads`. Up to 0.8 an operator's parameters were called `param` and the user's `attr`; up to 1.1 both
were `attr`; `op` is `null` for a variable. Up to 0.8 a BatchNorm listed no auxiliary states.
Source: `src/nnvm/legacy_json_util.cc` and `3rdparty/tvm/nnvm/src/pass/saveload_json.cc` in Apache MXNet 1.9.1.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ironworks.errors import ClientError

Output = tuple[int, int]
"""A node's index and which of its outputs."""

_BATCH_NORM_INPUTS = ("gamma", "beta", "moving_mean", "moving_var")


@dataclass(frozen=True)
class SymbolNode:
    """An operator or a variable (`operator` is `null`)."""

    index: int
    operator: str
    name: str
    attributes: Mapping[str, str]
    inputs: tuple[Output, ...]


@dataclass(frozen=True)
class Symbol:
    """The nodes that the heads depend on, in topological order, and the heads."""

    nodes: Sequence[SymbolNode]
    heads: Sequence[Output]

    @cached_property
    def by_index(self) -> dict[int, SymbolNode]:
        """Each node by its index in the file."""
        return {node.index: node for node in self.nodes}


def read_symbol(path: Path, arities: Mapping[str, int | None]) -> Symbol:
    """Read the symbol in the file `path`.

    `arities` limits, by operator, how many inputs count: what an output layer takes after the first is the
    label, which inference has no use for. Nodes that nothing else depends on are left out.

    Raises:
        ClientError: the file is not a symbol.
    """
    try:
        document = json.loads(path.read_bytes())
        nodes = [_node(index, item) for index, item in enumerate(document["nodes"])]
        heads = [_output(head) for head in document["heads"]]
        if not heads:
            raise ValueError("it has no heads")
        nodes = _with_auxiliary_states(nodes)
        return Symbol(_reachable(nodes, heads, arities), heads)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise ClientError(
            f"{path.name} is not a symbol as MXNet saves it ({type(error).__name__}: {error}). Save it again with "
            "symbol.save, Module.save_checkpoint or HybridBlock.export."
        ) from error


def _node(index: int, item: Mapping[str, Any]) -> SymbolNode:
    attributes: dict[str, str] = {}
    for key in ("attr", "param", "attrs"):
        attributes.update(item.get(key) or {})
    for text in (item["op"], item["name"], *attributes, *attributes.values()):
        if not isinstance(text, str):
            raise TypeError(f"the node {index} has {text!r} where a text is expected")
    inputs = tuple(_output(source) for source in item["inputs"])
    if any(source >= index for source, _ in inputs):
        raise ValueError(f"the node {item['name']} takes a later one as its input")
    return SymbolNode(index, item["op"], item["name"], attributes, inputs)


def _output(entry: Sequence[int]) -> Output:
    node, output = int(entry[0]), int(entry[1])
    if node < 0:
        raise ValueError(f"there is no node {node}")
    return node, output


def _with_auxiliary_states(nodes: list[SymbolNode]) -> list[SymbolNode]:
    """Append the variables that a BatchNorm of MXNet 0.8 and earlier left unsaid, and place them first in line."""
    completed = list(nodes)
    for node in nodes:
        if node.operator == "BatchNorm" and len(node.inputs) == 3:
            extra = []
            for role in _BATCH_NORM_INPUTS[2:]:
                extra.append((len(completed), 0))
                completed.append(SymbolNode(len(completed), "null", f"{node.name}_{role}", {}, ()))
            completed[node.index] = SymbolNode(
                node.index, node.operator, node.name, node.attributes, (*node.inputs, *extra)
            )
    return completed


def _reachable(
    nodes: Sequence[SymbolNode], heads: Sequence[Output], arities: Mapping[str, int | None]
) -> list[SymbolNode]:
    needed: set[int] = set()
    pending = [index for index, _ in heads]
    while pending:
        index = pending.pop()
        if index not in needed:
            needed.add(index)
            node = nodes[index]
            pending.extend(source for source, _ in node.inputs[: arities.get(node.operator)])
    # Variables first: those appended above come after the nodes that take them.
    return sorted((nodes[index] for index in needed), key=lambda node: (node.operator != "null", node.index))
