"""How a tensor lies in memory: images pixel by pixel, the channels of a pixel together, padded to whole vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

from ironworks.compiler.native.ir import Index


@dataclass(frozen=True)
class Position:
    """Which element: the first channel of a vector, of a pixel of an image."""

    image: Index
    y: Index
    x: Index
    channel: Index


Halo = tuple[int, int, int, int]
"""Pixels of zeros around an image: top, left, bottom, right."""


@dataclass(frozen=True)
class Layout:
    """`images` × `channels` × `height` × `width` numbers; a matrix is images of one pixel.

    `stored` channels are kept of each pixel. What lies in the channels beyond `channels` is of no meaning, and
    no kernel lets it flow into others.
    """

    images: int
    channels: int
    height: int
    width: int
    stored: int
    halo: Halo = (0, 0, 0, 0)

    @property
    def row(self) -> int:
        """Elements from a pixel to the one below it."""
        return (self.width + self.halo[1] + self.halo[3]) * self.stored

    @property
    def image(self) -> int:
        """Elements from an image to the next."""
        return (self.height + self.halo[0] + self.halo[2]) * self.row

    @property
    def origin(self) -> int:
        """Elements before the first that is not halo."""
        return self.halo[0] * self.row + self.halo[1] * self.stored

    @property
    def elements(self) -> int:
        """All of them, halo and padding included."""
        return self.images * self.image

    @property
    def pixels(self) -> int:
        """Pixels of an image."""
        return self.height * self.width

    def at(self, image: Index, y: Index, x: Index) -> Index:
        """Where a pixel begins, counted from `origin`."""
        return image * self.image + y * self.row + x * self.stored

    def locate(self, position: Position) -> tuple[Index, bool]:
        """Where the element is that stands for the one at `position`; never one for a whole row."""
        return self.stretched(position.image, position.y, position.x) + position.channel, False

    def stretched(self, image: Index, y: Index, x: Index) -> Index:
        """Where the pixel begins that stands for it when this tensor is broadcast over images of more pixels."""
        return self.at(
            image if self.images > 1 else Index(),
            y if self.height > 1 else Index(),
            x if self.width > 1 else Index(),
        )


def layout_of(shape: Sequence[int], lanes: int, halo: Halo = (0, 0, 0, 0)) -> Layout:
    """The layout of a tensor of `shape`, (N, C, H, W) or (N, C, …); one of rank 1 counts as one image."""
    images, channels, *pixels = shape if len(shape) > 1 else (1, *shape)
    height, width = (pixels[0], prod(pixels[1:])) if pixels else (1, 1)
    return Layout(images, channels, height, width, -(-channels // lanes) * lanes, halo)


def dense(layout: Layout) -> Layout:
    """The same without padding and halo: what a caller's array is, if it has one pixel or one channel."""
    return replace(layout, stored=layout.channels, halo=(0, 0, 0, 0))
