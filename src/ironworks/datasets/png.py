"""Grey values of a PNG picture, without a library for pictures (PNG, third edition, W3C 2025).

Every colour type and depth is read; interlaced pictures are not. Alpha is laid on white, as paper is.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ironworks.errors import ClientError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
LARGEST = 4_000_000
"""Pixels. Filters are undone in Python, which takes about a second for so many."""

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Of red, green and blue (ITU-R BT.601)."""

Bytes = npt.NDArray[np.uint8]
Grey = npt.NDArray[np.float32]


@dataclass(frozen=True)
class _Header:
    width: int
    height: int
    depth: int
    colour: int

    @property
    def channels(self) -> int:
        return _CHANNELS[self.colour]

    @property
    def row_bytes(self) -> int:
        return (self.width * self.channels * self.depth + 7) // 8

    @property
    def pixel_bytes(self) -> int:
        """How far apart the bytes are that a filter compares; at least 1."""
        return max(1, self.channels * self.depth // 8)


def read_grey(content: bytes) -> Grey:
    """The picture as an array of shape (height, width), float32, from 0 for black to 1 for white.

    Raises:
        ClientError: it is no PNG, is damaged, interlaced, or too large.
    """
    try:
        chunks = list(_chunks(content))
        header = _header(chunks)
        data = b"".join(body for kind, body in chunks if kind == b"IDAT")
        samples = _samples(_unfiltered(_inflated(data, header), header), header)
        optional = dict(chunks)
        return _grey(samples, header, optional.get(b"PLTE", b""), optional.get(b"tRNS", b""))
    except (ValueError, zlib.error) as error:
        raise ClientError(f"The picture cannot be read: {error}.") from error


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    if not content.startswith(SIGNATURE):
        raise ValueError("it is not a PNG")
    position = len(SIGNATURE)
    kind = b""
    while kind != b"IEND":
        if len(content) < position + 12:
            raise ValueError("it is cut off")
        (length,) = struct.unpack_from(">I", content, position)
        kind = content[position + 4 : position + 8]
        body = content[position + 8 : position + 8 + length]
        checksum = content[position + 8 + length : position + 12 + length]
        if checksum != zlib.crc32(kind + body).to_bytes(4, "big"):
            raise ValueError("it is damaged or cut off: a checksum is wrong")
        yield kind, body
        position += 12 + length


def _header(chunks: list[tuple[bytes, bytes]]) -> _Header:
    kind, body = chunks[0]
    if kind != b"IHDR" or len(body) != 13:
        raise ValueError("its header is not where it should be")
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", body)
    if depth not in _DEPTHS.get(colour, ()) or not width * height:
        raise ValueError("its header makes no sense")
    if interlaced:
        raise ValueError("it is interlaced; save it without interlacing")
    if width * height > LARGEST:
        raise ValueError(f"it has {width} × {height} pixels; make it smaller, to at most {LARGEST:,}")
    return _Header(width, height, depth, colour)


def _inflated(data: bytes, header: _Header) -> Bytes:
    """Rows of bytes, each behind the number of its filter."""
    size = header.height * (1 + header.row_bytes)
    content = zlib.decompressobj().decompress(data, size)
    if len(content) < size:
        raise ValueError("it is cut off")
    return np.frombuffer(content, np.uint8).reshape(header.height, 1 + header.row_bytes)


def _unfiltered(rows: Bytes, header: _Header) -> Bytes:
    """The rows as they were before each was filtered (section 9)."""
    step = header.pixel_bytes
    result = np.zeros((header.height + 1, header.row_bytes), np.uint8)
    for index, row in enumerate(rows):
        kind, line, above = row[0], row[1:], result[index]
        if kind == 0:
            result[index + 1] = line
        elif kind == 1:
            padded = np.zeros(-(-len(line) // step) * step, np.uint8)
            padded[: len(line)] = line
            result[index + 1] = padded.reshape(-1, step).cumsum(0, np.uint8).reshape(-1)[: len(line)]
        elif kind == 2:
            result[index + 1] = line + above
        elif kind in (3, 4):
            result[index + 1] = _predicted(line.tolist(), above.tolist(), step, kind == 4)
        else:
            raise ValueError(f"a row has the filter {kind}, which there is not")
    return result[1:]


def _predicted(line: list[int], above: list[int], step: int, paeth: bool) -> list[int]:
    """A row whose every byte is added to what its neighbours let expect: their average, or Paeth's choice."""
    done = [0] * step
    corner = [0] * step + above
    for index, value in enumerate(line):
        left, up = done[index], above[index]
        if paeth:
            upper_left = corner[index]
            guess = left + up - upper_left
            # Of equal distances the left one counts, then the upper.
            expected = min((left, up, upper_left), key=lambda one: abs(guess - one))
        else:
            expected = (left + up) // 2
        done.append((value + expected) & 255)
    return done[step:]


def _samples(rows: Bytes, header: _Header) -> npt.NDArray[Any]:
    """Shape (height, width, channels), as whole numbers."""
    count = header.width * header.channels
    if header.depth == 16:
        values: npt.NDArray[Any] = np.ascontiguousarray(rows).view(">u2")
    elif header.depth == 8:
        values = rows
    else:
        bits = np.unpackbits(rows, axis=1).reshape(header.height, -1, header.depth)
        values = bits @ (1 << np.arange(header.depth)[::-1])
    return values[:, :count].reshape(header.height, header.width, header.channels)


def _grey(samples: npt.NDArray[Any], header: _Header, palette: bytes, transparency: bytes) -> Grey:
    if header.colour == 3:
        colours, alphas = _palette(palette, transparency)
        if samples.max() >= len(colours):
            raise ValueError("it uses a colour that its palette has not")
        values, alpha = colours[samples[..., 0]] @ _LUMA, alphas[samples[..., 0]]
    else:
        scaled = samples.astype(np.float32) / (2**header.depth - 1)
        values = scaled[..., :3] @ _LUMA if header.channels >= 3 else scaled[..., 0]
        alpha = scaled[..., -1] if header.channels in (2, 4) else np.ones_like(values)
    return np.asarray(values * alpha + (1 - alpha), np.float32)


def _palette(palette: bytes, transparency: bytes) -> tuple[Grey, Grey]:
    """Colours of shape (n, 3), and the alpha of each."""
    colours = np.frombuffer(palette, np.uint8).reshape(-1, 3).astype(np.float32) / np.float32(255)
    alphas = np.ones(len(colours), np.float32)
    alphas[: len(transparency)] = np.frombuffer(transparency, np.uint8)[: len(colours)] / 255
    return colours, alphas
