"""Recurrent layers, which have all their weights in one array.

First come the weights, layer by layer and direction by direction: input to hidden (gates · units, features), then
hidden to hidden (gates · units, units); after all of them the biases in the same order. Source:
`src/operator/rnn-inl.h` of Apache MXNet 1.9.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ironworks.compiler.frontends.mxnet.node import Node
from ironworks.compiler.frontends.mxnet.operators.table import operator

_ORDER = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2), "rnn_relu": (0,), "rnn_tanh": (0,)}
"""MXNet's number of each of ONNX's gates: input, output, forget, cell; update, reset, hidden."""
_KIND: dict[str, tuple[str, dict[str, Any]]] = {
    "lstm": ("LSTM", {}),
    "gru": ("GRU", {"linear_before_reset": 1}),
    "rnn_relu": ("RNN", {"activations": ["Relu"]}),
    "rnn_tanh": ("RNN", {"activations": ["Tanh"]}),
}
_OFF = ("False", "0")
_NONE = ("None",)
_VARIANTS = {
    "use_sequence_length": _OFF,
    "projection_size": _NONE,
    "lstm_state_clip_min": _NONE,
    "lstm_state_clip_max": _NONE,
}


@operator("_rnn_param_concat")
def joined_parameters(node: Node) -> str:
    return node.emit("Concat", node.inputs, axis=node.axis("dim", 1))


@operator("RNN", only=_VARIANTS)
def recurrent(node: Node) -> list[str]:
    """Data is (steps, batch, features), a state (layers · directions, batch, units)."""
    layers = list(_layers(node))
    units, directions = node.integer("state_size"), layers[0].directions
    steps, batch = node.shape()[:2]
    data, finals = node.inputs[0], []
    for layer in layers:
        answers = layer.emit(data)
        sides = node.emit("Transpose", [answers[0]], f"{layer.suffix}_sides", perm=[0, 2, 1, 3])
        data = node.reshape(sides, (steps, batch, directions * units), f"{layer.suffix}_joined")
        finals.append(answers[1:])
    if not node.flag("state_outputs"):
        return [data]
    states = [list(parts) for parts in zip(*finals, strict=True)]
    return [
        data,
        *(node.emit("Concat", parts, f"_state{index}", axis=0) for index, parts in enumerate(states)),
    ]


@dataclass(frozen=True)
class _Layer:
    """One layer: where its weights and biases begin, and what its initial states are."""

    node: Node
    index: int
    directions: int
    features: int
    weights: int
    biases: int

    @property
    def suffix(self) -> str:
        return f"_layer{self.index}"

    def emit(self, data: str) -> list[str]:
        """Add ONNX's layer on `data`; answer its output (steps, directions, batch, units) and final states."""
        node, mode = self.node, self.node.text("mode", "lstm")
        weights = [
            self._matrices("input", self.features, 0),
            self._matrices("hidden", self._units, self._rows * self.features),
        ]
        kind, attributes = _KIND[mode]
        directed = {key: value * self.directions for key, value in attributes.items() if key == "activations"}
        states = [self._state(position) for position in range(2, 4 if mode == "lstm" else 3)]
        return node.builder.add(
            kind,
            [data, *weights, self._bias(), "", *states],
            node.name + self.suffix,
            outputs=1 + len(states),
            hidden_size=self._units,
            direction="bidirectional" if self.directions == 2 else "forward",
            **attributes | directed,
        )

    @property
    def _units(self) -> int:
        return self.node.integer("state_size")

    @property
    def _rows(self) -> int:
        """Rows of a matrix: gates · units."""
        return len(_ORDER[self.node.text("mode", "lstm")]) * self._units

    def _matrices(self, side: str, columns: int, offset: int) -> str:
        """The matrices of both directions, gates in ONNX's order: (directions, gates · units, columns)."""
        stride = self._rows * (self.features + self._units)
        starts = [self.weights + offset + direction * stride for direction in range(self.directions)]
        parts = [
            self._gate_major(start, columns, f"{side}{direction}") for direction, start in enumerate(starts)
        ]
        return self._joined(
            [self.node.reshape(part, (1, self._rows, columns), "_matrix") for part in parts], side
        )

    def _bias(self) -> str:
        """(directions, 2 · gates · units): input to hidden, hidden to hidden."""
        rows = []
        for direction in range(self.directions):
            starts = [self.biases + (2 * direction + side) * self._rows for side in range(2)]
            parts = [
                self._gate_major(start, 1, f"bias{direction}{side}") for side, start in enumerate(starts)
            ]
            flat = [self.node.reshape(part, (1, self._rows), "_vector") for part in parts]
            rows.append(self.node.emit("Concat", flat, f"{self.suffix}_bias{direction}", axis=1))
        return self._joined(rows, "bias")

    def _gate_major(self, start: int, columns: int, name: str) -> str:
        """A part of the parameters as (gates, units, columns), gates in ONNX's order."""
        node, order = self.node, _ORDER[self.node.text("mode", "lstm")]
        part = node.cut(node.inputs[1], start, start + self._rows * columns, 0, f"{self.suffix}_{name}")
        apart = node.reshape(part, (len(order), self._units, columns), f"{self.suffix}_{name}_gates")
        if len(order) == 1:
            return apart
        return node.emit(
            "Gather", [apart, node.constant("order", list(order))], f"{self.suffix}_{name}_order", axis=0
        )

    def _joined(self, parts: list[str], name: str) -> str:
        if len(parts) == 1:
            return parts[0]
        return self.node.emit("Concat", parts, f"{self.suffix}_{name}", axis=0)

    def _state(self, position: int) -> str:
        """This layer's part of an initial state; a state of unknown batch size has 1 there and is repeated."""
        node, first = self.node, self.index * self.directions
        shape = [node.integer("num_layers") * self.directions, node.shape()[1], self._units]
        whole = node.inputs[position]
        if node.shape(position) != tuple(shape):
            whole = node.emit("Expand", [whole, node.constant("state_shape", shape)], "_state")
        return node.cut(whole, first, first + self.directions, 0, f"{self.suffix}_initial{position}")


def _layers(node: Node) -> Iterator[_Layer]:
    directions = 2 if node.flag("bidirectional") else 1
    units, count = node.integer("state_size"), node.integer("num_layers")
    gates = len(_ORDER[node.text("mode", "lstm")]) * units
    features = [node.shape()[2], *[directions * units] * (count - 1)]
    sizes = [directions * gates * (columns + units) for columns in features]
    node.parameter(1, (sum(sizes) + count * directions * 2 * gates,))
    for index, columns in enumerate(features):
        weights = sum(sizes[:index])
        yield _Layer(node, index, directions, columns, weights, sum(sizes) + index * directions * 2 * gates)
