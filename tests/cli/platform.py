"""A server for tests of commands that need one, and the commands as a shell sees them: output and exit code."""

from __future__ import annotations

import io
import json
import os
import struct
import sys
import zlib
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from ironworks import cli
from ironworks.home import Home


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which is one JSON document."""
        return json.loads(self.out)


def run(*arguments: str | Path, stdin: bytes = b"") -> Ran:
    """Run the console script in this process. Nobody sits at a terminal."""
    out, err = (io.TextIOWrapper(io.BytesIO(), write_through=True) for _ in range(2))
    argv = ["ironworks", *map(str, arguments)]
    given = io.TextIOWrapper(io.BytesIO(stdin))
    code = 0
    with (
        patch.object(sys, "argv", argv),
        patch.object(sys, "stdin", given),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            cli.main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
    texts = [stream.buffer.getvalue().decode() for stream in (out, err)]  # type: ignore[attr-defined]
    return Ran(code, *texts)


@dataclass(frozen=True)
class Platform:
    """A running server, and commands that are told its home."""

    home: Home

    def __call__(self, *arguments: str | Path, stdin: bytes = b"") -> Ran:
        return run(*arguments, "--home", self.home.path, stdin=stdin)


def clean_environment() -> dict[str, str]:
    """This process's environment without what would name another installation or AWS."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("IRONWORKS_", "AWS_"))}


def png(grey: np.ndarray[Any, Any]) -> bytes:
    """A picture of 8-bit grey values, of shape (height, width)."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    height, width = grey.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = b"".join(b"\0" + row.tobytes() for row in grey)
    signature = b"\x89PNG\r\n\x1a\n"
    return signature + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
