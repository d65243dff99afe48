"""Whether a convolution is worth Winograd's detour, and its calls if it is."""

from __future__ import annotations

from collections.abc import Sequence

from ironworks.compiler.native.kernels.convolution import Convolution
from ironworks.compiler.native.kernels.winograd import (
    Winograd,
    blocks,
    input_kernel,
    pack_weights,
    result_kernel,
)
from ironworks.compiler.native.layout import Layout
from ironworks.compiler.native.operations import Array
from ironworks.compiler.native.program import Place, ProgramBuilder

_TRANSFORM_CYCLES = {2: (32, 30), 4: (120, 100)}
"""For a vector of channels of a tile, by size: into the input's transform, and back from the products."""
_CACHED_BYTES = 1 << 20
"""Weights that stay in the second-level cache from one run to the next, and the bytes a cycle of what does not."""
_STREAMED = 5
_TILES = 32
"""Of a block, at least: enough for the transformed weights to be read seldom."""
_TRANSFORMED_BYTES = 1 << 19
_STACK_BYTES = 1 << 20


def tile_size(convolution: Convolution) -> int:
    """The size of the tiles that are estimated to be fastest, or 0 for the direct way."""
    return min([0, *possible_sizes(convolution)], key=lambda size: _cycles(convolution, size))


def possible_sizes(convolution: Convolution) -> list[int]:
    """The sizes of tiles in which it can be computed."""
    source, result, window = convolution.source, convolution.result, convolution.window
    plain = (window.height, window.width, window.stride_y, window.stride_x, window.step_y, window.step_x)
    if convolution.depthwise or plain != (3, 3, 1, 1, 1, 1) or source.channels < convolution.lanes:
        return []
    return [
        size
        for size in _TRANSFORM_CYCLES
        if size <= min(result.height, result.width) and _fits(convolution, size)
    ]


def _fits(convolution: Convolution, size: int) -> bool:
    """Whether the products of a row of tiles, two vectors of outputs wide, may lie on the stack."""
    columns = -(-convolution.result.width // size)
    return 4 * (size + 2) ** 2 * columns * 2 * convolution.lanes <= _STACK_BYTES


def _cycles(convolution: Convolution, size: int) -> float:
    source, result, lanes = convolution.source, convolution.result, convolution.lanes
    products = source.channels * result.stored / (2 * lanes)
    if size == 0:
        pixels = result.images * result.pixels
        return 9 * pixels * products + _reading(9 * source.channels * result.stored)
    tiles = result.images * -(-result.height // size) * -(-result.width // size)
    there, back = _TRANSFORM_CYCLES[size]
    positions = (size + 2) ** 2
    transforms = tiles * (there * source.stored + back * result.stored) / lanes
    passes = len(blocks(result, size, _rows(convolution, size))) * result.images
    reading = passes * _reading(positions * source.channels * result.stored)
    return tiles * positions * products + transforms + reading


def _reading(weights: int) -> float:
    size = 4 * weights
    return size / _STREAMED if size > _CACHED_BYTES else 0


def call_winograd(
    builder: ProgramBuilder,
    convolution: Convolution,
    size: int,
    weight: Array,
    bias: Place,
    places: tuple[Place, Place, Sequence[Place]],
) -> None:
    """Add the calls for a convolution in tiles of `size`; `places` are of x, y and the epilogue's operands."""
    source, result, epilogue = convolution.source, convolution.result, convolution.epilogue
    x, y, operands = places
    layouts = [layout for layout in epilogue.layouts if layout is not None]
    parts = blocks(result, size, _rows(convolution, size))
    packed = None
    for image in range(result.images):
        for top, tiles in parts:
            block = Winograd(
                source,
                result,
                tiles,
                convolution.window.top,
                convolution.window.left,
                epilogue,
                convolution.lanes,
                convolution.registers,
                convolution.parallel,
            )
            if packed is None:
                packed = Place(builder.weight(pack_weights(block, weight)))
                transformed = Place(builder.tensor(block.transformed))
            builder.call(input_kernel(block), _moved(x, source, image, top), transformed)
            moved = [
                _moved(place, layout, image, top) for place, layout in zip(operands, layouts, strict=True)
            ]
            builder.call(
                result_kernel(block), transformed, packed, bias, _moved(y, result, image, top), *moved
            )


def _rows(convolution: Convolution, size: int) -> int:
    """Rows of tiles of a block."""
    columns = -(-convolution.result.width // size)
    most = _TRANSFORMED_BYTES // (4 * (size + 2) ** 2 * columns * convolution.source.stored)
    return max(1, min(-(-_TILES // columns), most))


def _moved(place: Place, layout: Layout, image: int, row: int) -> Place:
    """The same place of another image, `row` rows further down, if the layout has these."""
    images = image * layout.image if layout.images > 1 else 0
    return Place(place.memory, place.offset + images + (row * layout.row if layout.height > 1 else 0))
