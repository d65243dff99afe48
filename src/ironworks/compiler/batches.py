"""Models that are compiled for several batch sizes: the shapes of each size, and what they have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from ironworks.compiler.references import Reference
from ironworks.compiler.verify import Expectation, compare
from ironworks.errors import ClientError
from ironworks.runtime import Tensor
from ironworks.runtime.manifest import ANY, ROWS

Shapes = Mapping[str, Sequence[int]]
Sample = Mapping[str, NDArray[Any]]

_MOST_SIZES = 16
_LARGEST = 1 << 16


def checked_sizes(sizes: Sequence[int]) -> list[int]:
    """The batch sizes in order.

    Raises:
        ClientError: one is no number of rows, or is there twice, or they are too many.
    """
    for size in sizes:
        if not isinstance(size, int) or isinstance(size, bool) or not 0 < size <= _LARGEST:
            raise ClientError(f"The batch size {size!r} is no number of rows from 1 to {_LARGEST}.")
    if len(set(sizes)) != len(sizes) or len(sizes) > _MOST_SIZES:
        raise ClientError(
            f"The batch sizes {', '.join(map(str, sizes))} must be at most {_MOST_SIZES} different numbers: each has "
            "code of its own, and rows in between are run with the next larger size."
        )
    return sorted(sizes)


def with_rows(shapes: Shapes, rows: int) -> dict[str, list[int]]:
    """`shapes` with `rows` in place of the first size of each."""
    return {name: [rows, *shape[1:]] for name, shape in shapes.items()}


def sample_of(sample: Sample, rows: int) -> dict[str, NDArray[Any]]:
    """`sample` with `rows` rows: its own, over and over."""
    return {name: np.resize(array, (rows, *array.shape[1:])) for name, array in sample.items()}


def open_tensors(tensors: Sequence[Sequence[Tensor]], sizes: Sequence[int]) -> list[Tensor]:
    """The inputs or outputs of a model, given for each of `sizes`, with any number of rows.

    Raises:
        ClientError: one has not a row for each row of the batch.
    """
    opened = []
    for same in zip(*tensors, strict=True):
        for tensor, size in zip(same, sizes, strict=True):
            if tensor.shape[:1] != (size,) or tensor.with_rows(ANY) != same[0].with_rows(ANY):
                raise ClientError(
                    f"The output {tensor} has not one row for each of the {size} rows of a batch, so rows cannot be "
                    "run in batches of other sizes. Compile the model for one batch size."
                )
        opened.append(same[0].with_rows(ANY))
    return opened


def expect_independent_rows(original: Reference, expectation: Expectation, outputs: Sequence[Tensor]) -> None:
    """Run the original with other numbers in the last half of the batch: the answers of the first half must stay.

    Raises:
        ClientError: they do not, so rows may neither be added to a batch nor be split among several.
    """
    rows = len(next(iter(expectation.draw.inputs.values())))
    kept = rows - rows // 2
    changed = {name: array.copy() for name, array in expectation.draw.inputs.items()}
    for array in changed.values():
        array[kept:] = 0
    answers = original.run(changed)
    first = Expectation(
        expectation.draw, [array[:kept] for array in expectation.outputs], expectation.allowed
    )
    for comparison in compare(first, [array[:kept] for array in answers], outputs):
        if not comparison.equal:
            raise ClientError(
                f"Rows of a batch influence each other: the output {comparison.output} of a row changes by "
                f"{comparison.absolute:.2g} when other rows change. Compile the model for one batch size."
            )


def common_graph(models: Sequence[onnx.ModelProto]) -> onnx.ModelProto | None:
    """One graph for all of `models`, which differ in the batch size, with the number of rows left open.

    None where their nodes or constants differ: somewhere the number of rows is written down.
    """
    first = models[0].graph
    for other in models[1:]:
        same_nodes = list(first.node) == list(other.graph.node)
        if not same_nodes or list(first.initializer) != list(other.graph.initializer):
            return None
    common = onnx.ModelProto()
    common.CopyFrom(models[0])
    del common.graph.value_info[:]
    constants = {tensor.name for tensor in first.initializer}
    for value in (*common.graph.input, *common.graph.output):
        if value.name not in constants:
            value.type.tensor_type.shape.dim[0].dim_param = ROWS
    return common
