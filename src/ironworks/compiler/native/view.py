"""Where the elements of a tensor are: a number of steps for each dimension, as NumPy's strides, in elements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

from ironworks.compiler.native.ir import Index
from ironworks.compiler.native.layout import Layout


@dataclass(frozen=True)
class View:
    """Element (i, j, …) is `offset + i · strides[0] + j · strides[1] + …` elements from the memory's first."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int = 0

    @property
    def from_first(self) -> View:
        """The same elements, in a memory whose first element is the view's."""
        return replace(self, offset=0)

    @property
    def elements(self) -> int:
        """How many there are."""
        return prod(self.shape)

    @property
    def dense(self) -> bool:
        """Whether they follow each other in order, without gaps."""
        needed = 1
        for size, stride in zip(reversed(self.shape), reversed(self.strides), strict=True):
            if size > 1 and stride != needed:
                return False
            needed *= size
        return True

    @property
    def row(self) -> int:
        """Elements from one to the next in the last dimension; 1 if there is one only."""
        return self.strides[-1] if self.shape and self.shape[-1] > 1 else 1

    def locate(self, indices: Sequence[Index]) -> tuple[Index, bool]:
        """Where an element is, and whether all of its row are this one."""
        return self.at(indices), self.shape[-1] > 1 and self.strides[-1] == 0

    def at(self, indices: Sequence[Index]) -> Index:
        """The place of an element, counted from the first."""
        place = Index()
        for index, stride in zip(indices, self.strides, strict=True):
            place = place + index * stride
        return place

    def permuted(self, axes: Sequence[int]) -> View:
        """Dimension i is what was dimension `axes[i]`."""
        return replace(
            self,
            shape=tuple(self.shape[axis] for axis in axes),
            strides=tuple(self.strides[axis] for axis in axes),
        )

    def broadcast(self, shape: Sequence[int]) -> View:
        """Every element along a dimension of size 1 that has another size in `shape` is the same."""
        missing = len(shape) - len(self.shape)
        strides = [0 if size == 1 else stride for size, stride in zip(self.shape, self.strides, strict=True)]
        return View(tuple(shape), (*[0] * missing, *strides), self.offset)

    def part(self, axis: int, start: int, size: int, step: int = 1) -> View:
        """`size` of the positions along `axis`, each `step` after the other."""
        shape, strides = list(self.shape), list(self.strides)
        offset = self.offset + start * strides[axis]
        shape[axis], strides[axis] = size, strides[axis] * step
        return View(tuple(shape), tuple(strides), offset)

    def reshaped(self, shape: Sequence[int]) -> View | None:
        """The same elements in the same order; None where no strides do that."""
        (strides,), merged = coalesced(self.shape, [self.strides])
        sizes, found = list(shape), []
        for size, stride in zip(merged, strides, strict=True):
            left = size
            while left > 1:
                if not sizes:
                    return None
                part = sizes.pop(0)
                if left % part:
                    return None
                left //= part
                found.append(left * stride)
        return View(tuple(shape), (*found, *[0] * len(sizes)), self.offset)


def dense_view(shape: Sequence[int]) -> View:
    """Of elements in order without gaps."""
    strides = [prod(shape[position + 1 :]) for position in range(len(shape))]
    return View(tuple(shape), tuple(strides))


def view_of(layout: Layout, shape: Sequence[int]) -> View:
    """The tensor of `shape` that lies in `layout`, counted from the layout's origin."""
    if len(shape) < 2:
        return View(tuple(shape), (1,) * len(shape))
    pixels = (layout.row, layout.stored) if len(shape) > 3 else (layout.row,)
    return View(tuple(shape), (layout.image, 1, *pixels[: len(shape) - 2]))


def coalesced(
    shape: Sequence[int], strides: Sequence[Sequence[int]]
) -> tuple[list[tuple[int, ...]], tuple[int, ...]]:
    """The fewest dimensions that do the same, for several views of one shape at once: their strides, and the sizes.

    Dimensions of size 1 go; two neighbours become one where in each view the inner ends where the outer steps.
    """
    sizes: list[int] = []
    steps: list[list[int]] = [[] for _ in strides]
    for axis, size in enumerate(shape):
        if size == 1:
            continue
        own = [view[axis] for view in strides]
        if sizes and all(taken[-1] == step * size for taken, step in zip(steps, own, strict=True)):
            sizes[-1] *= size
            for taken, step in zip(steps, own, strict=True):
                taken[-1] = step
            continue
        sizes.append(size)
        for taken, step in zip(steps, own, strict=True):
            taken.append(step)
    return [tuple(taken) for taken in steps], tuple(sizes)
