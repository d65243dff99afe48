"""What the cost model estimates and a measurement can decide: how a layer is computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ironworks.compiler.native.filtering import possible_sizes, tile_size
from ironworks.compiler.native.kernels import dense as matrix
from ironworks.compiler.native.kernels import product as arrays
from ironworks.compiler.native.kernels.blocking import Block, ranked
from ironworks.compiler.native.kernels.convolution import ORDERS, Convolution
from ironworks.compiler.native.kernels.dense import Dense
from ironworks.compiler.native.kernels.epilogue import Epilogue
from ironworks.compiler.native.kernels.product import Product

Layer = Convolution | Dense | Product
_BLOCKS = 5
"""Of the estimated best that are worth a measurement."""


@dataclass(frozen=True)
class Way:
    """How a layer is computed: in Winograd's `tiles`, if not 0, else in blocks; what is not given is estimated."""

    tiles: int = 0
    block: Block | None = None
    order: str = ""


class Decisions:
    """The ways that were measured to be best, by layer; and every layer that was asked for, with its flops."""

    def __init__(self, made: Mapping[Layer, Way] | None = None) -> None:
        self._made = dict(made or {})
        self.layers: dict[Layer, float] = {}

    def way(self, layer: Layer, flops: float) -> Way:
        """The way for `layer`: the measured one, or the estimated best."""
        question = plain(layer)
        self.layers[question] = max(flops, self.layers.get(question, 0.0))
        return self._made.get(question) or ways(layer)[0]


def plain(layer: Layer) -> Layer:
    """The layer without what comes after it, which has no say in how it is computed, and without a block."""
    if isinstance(layer, Convolution):
        return replace(layer, epilogue=Epilogue())
    if isinstance(layer, Dense):
        return replace(layer, epilogue=Epilogue(), block=Block(1, 1))
    return replace(layer, epilogue=Epilogue(), block=Block(1, 1))


def ways(layer: Layer) -> list[Way]:
    """How `layer` could be computed, the estimated best first."""
    if isinstance(layer, Convolution):
        return _convolutions(layer)
    found = matrix.blocks(layer) if isinstance(layer, Dense) else arrays.blocks(layer)
    return [Way(block=block) for block in found[:_BLOCKS]]


def _convolutions(layer: Convolution) -> list[Way]:
    best = Way(tiles=tile_size(layer))
    if layer.depthwise:
        return [best, *(Way(block=Block(rows, 1)) for rows in (2, 4, 5, 8, 10) if rows <= layer.row_length)]
    vectors = layer.outputs // layer.lanes
    blocks = [layer.block, *ranked(layer.row_length, vectors, layer.registers)[:_BLOCKS]]
    direct = [Way(block=block) for block in dict.fromkeys(blocks)]
    orders = [Way(block=layer.block, order=order) for order in ORDERS]
    return list(dict.fromkeys([best, *(Way(tiles=size) for size in possible_sizes(layer)), *direct, *orders]))
