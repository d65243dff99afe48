"""Moves what instances print from their files to their log streams.

An instance writes to a file, so that its lines survive it and a restart of the server; how far the file has
been read is committed together with the lines, so none is lost and none comes twice.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from ironworks.control import endpoints
from ironworks.control.instances import log_path
from ironworks.control.logs import append_lines
from ironworks.control.platform import Platform
from ironworks.control.records import Instance, Resource

LARGEST_READ = 1024 * 1024
LONGEST_REASON = 4096


def ship(platform: Platform, endpoint: Resource, instance: Instance, *, ended: bool = False) -> bool:
    """Append lines that the instance has printed since the last time; also an unfinished one if it has `ended`.

    At most `LARGEST_READ` bytes, so that one that prints without end does not keep the others waiting.
    Whether there was anything.
    """
    lines = _next_lines(log_path(platform.home, endpoint.id, instance.id), instance.log_offset, ended)
    if not lines:
        return False
    now = int(time.time() * 1000)
    with platform.database.write() as session:
        row = session.get(Instance, instance.id)
        if row is None:
            return False
        append_lines(
            session,
            endpoint.region,
            endpoints.log_group(endpoint),
            f"{instance.variant}/{instance.id}",
            [(now, line.decode(errors="replace")) for line in lines.splitlines() if line],
        )
        row.log_offset += len(lines)
    instance.log_offset = row.log_offset
    return True


def last_line(platform: Platform, endpoint: Resource, instance: Instance) -> str:
    """The last line that an instance printed, for the reason why it ended."""
    try:
        with log_path(platform.home, endpoint.id, instance.id).open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - LONGEST_REASON))
            lines = file.read().decode(errors="replace").splitlines()
    except FileNotFoundError:
        lines = []
    return next((line for line in reversed(lines) if line.strip()), "it printed nothing")


def _next_lines(path: Path, offset: int, ended: bool) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            block = file.read(LARGEST_READ)
    except FileNotFoundError:
        return b""
    whole = block.rfind(b"\n") + 1
    return block if ended or (len(block) == LARGEST_READ and whole == 0) else block[:whole]
