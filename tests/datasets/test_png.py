"""Pictures are written here by the rules of the specification, with each filter, and read back."""

import struct
import zlib

import numpy as np
import pytest

from ironworks.datasets import png
from ironworks.errors import ClientError

WIDTH, HEIGHT = 7, 5
RNG = np.random.default_rng(3)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def written(rows: list[bytes], depth: int, colour: int, *more: bytes, interlaced: int = 0) -> bytes:
    """A picture of rows that are filtered already, each behind its filter's number."""
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, colour, 0, 0, interlaced)
    data = zlib.compress(b"".join(rows))
    parts = [chunk(b"IHDR", header), *more, chunk(b"IDAT", data[:9]), chunk(b"IDAT", data[9:])]
    return png.SIGNATURE + b"".join(parts) + chunk(b"IEND", b"")


def filtered(rows: list[bytes], kind: int, step: int) -> list[bytes]:
    """The rows as a filter writes them, byte by byte, as section 9.2 has the formulas."""
    found, above = [], bytes(len(rows[0]))
    for row in rows:
        line = bytearray([kind])
        for index, value in enumerate(row):
            a = row[index - step] if index >= step else 0
            b = above[index]
            c = above[index - step] if index >= step else 0
            p = a + b - c
            distances = abs(p - a), abs(p - b), abs(p - c)
            if distances[0] <= distances[1] and distances[0] <= distances[2]:
                paeth = a
            else:
                paeth = b if distances[1] <= distances[2] else c
            line.append((value - [0, a, b, (a + b) // 2, paeth][kind]) % 256)
        found.append(bytes(line))
        above = row
    return found


@pytest.mark.parametrize("kind", range(5))
@pytest.mark.parametrize(("colour", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
@pytest.mark.parametrize("depth", [8, 16])
def test_every_filter_of_every_kind_of_pixel(kind: int, colour: int, channels: int, depth: int) -> None:
    values = RNG.integers(0, 2**depth, (HEIGHT, WIDTH, channels))
    rows = [row.astype(f">u{depth // 8}").tobytes() for row in values]
    found = png.read_grey(written(filtered(rows, kind, channels * depth // 8), depth, colour))
    scaled = values / (2**depth - 1)
    light = scaled[..., :3] @ [0.299, 0.587, 0.114] if channels >= 3 else scaled[..., 0]
    alpha = scaled[..., -1] if channels in (2, 4) else 1.0
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, light * alpha + 1 - alpha, atol=1e-6)


def test_of_equal_distances_paeth_takes_the_left_one_then_the_upper() -> None:
    values = RNG.integers(0, 4, (HEIGHT, WIDTH)).astype(np.uint8)  # so few values that ties abound
    rows = filtered([row.tobytes() for row in values], 4, 1)
    np.testing.assert_allclose(png.read_grey(written(rows, 8, 0)), values / 255, atol=1e-6)


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_pixels_smaller_than_a_byte(depth: int) -> None:
    values = RNG.integers(0, 2**depth, (HEIGHT, WIDTH))
    bits = ((values[..., None] >> np.arange(depth)[::-1]) & 1).reshape(HEIGHT, -1).astype(np.uint8)
    rows = [b"\0" + row.tobytes() for row in np.packbits(bits, axis=1)]
    np.testing.assert_allclose(png.read_grey(written(rows, depth, 0)), values / (2**depth - 1), atol=1e-6)


def test_a_palette_with_transparent_colours() -> None:
    palette = chunk(b"PLTE", bytes([0, 0, 0, 255, 255, 255, 255, 0, 0])) + chunk(b"tRNS", bytes([0]))
    rows = [b"\0" + bytes([0, 1, 2, 0, 1, 2, 0])] * HEIGHT
    found = png.read_grey(written(rows, 8, 3, palette))
    np.testing.assert_allclose(found[0], [1, 1, 0.299, 1, 1, 0.299, 1], atol=1e-6)


GREY = [b"\0" + bytes(WIDTH)] * HEIGHT


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"\xff\xd8\xff\xe0 a JPEG", "not a PNG"),
        (written(GREY, 8, 0)[:-20], "cut off"),
        (written(GREY, 8, 0)[:40], "cut off"),
        (written(GREY, 8, 0).replace(b"IDAT", b"IDAX", 1), "checksum"),
        (written(GREY[:-1], 8, 0), "cut off"),
        (written([b"\x07" + bytes(WIDTH)] * HEIGHT, 8, 0), "filter 7"),
        (written(GREY, 8, 0, interlaced=1), "without interlacing"),
        (written(GREY, 3, 0), "header makes no sense"),
        (written([b"\0" + bytes([9] * WIDTH)] * HEIGHT, 8, 3, chunk(b"PLTE", bytes(6))), "palette has not"),
        (png.SIGNATURE + chunk(b"IEND", b""), "header is not"),
        (
            png.SIGNATURE
            + chunk(b"IHDR", struct.pack(">IIBBBBB", 9000, 9000, 8, 0, 0, 0, 0))
            + chunk(b"IEND", b""),
            "make it smaller",
        ),
    ],
)
def test_what_cannot_be_read_says_why(content: bytes, problem: str) -> None:
    with pytest.raises(ClientError, match=f"The picture cannot be read: .*{problem}"):
        png.read_grey(content)
