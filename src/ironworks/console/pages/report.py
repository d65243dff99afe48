"""The report in a compiled model's archive, as sections of a page: drawn by what draws `report.html` too."""

from __future__ import annotations

import asyncio
import logging
import tarfile
import tempfile
import zlib
from collections.abc import AsyncGenerator, Sequence
from functools import lru_cache
from typing import IO, Any, cast
from urllib.parse import quote

from ironworks.console.visit import Visit
from ironworks.drawing.markup import Html
from ironworks.errors import ClientError
from ironworks.objects.uri import parse_s3_uri
from ironworks.server.errors import ServiceError
from ironworks.server.http import Response

IN_MEMORY = 16 * 1024 * 1024
LARGEST_REPORT = 64 * 1024 * 1024
"""Bytes of a `report.json`."""

Section = tuple[str, str, Sequence[Html]]
"""Its name, its heading and what stands in it."""

_DAMAGE = (ServiceError, ClientError, ValueError, tarfile.TarError, zlib.error, OSError, EOFError)
_KEPT = 4

_log = logging.getLogger(__name__)
_texts: dict[str, str] = {}
"""The reports that were read last, by the ETag of their archive."""


async def sections(visit: Visit, uri: str) -> tuple[Sequence[Section], str]:
    """The sections of the report in the archive at `uri`, or why there are none; neither where there is no archive."""
    if not uri:
        return (), ""
    try:
        bucket, key = parse_s3_uri(uri)
        text = await _text(await visit.wire.get_object(bucket, quote(key)))
        return await asyncio.to_thread(_sections, text), ""
    except _DAMAGE as error:
        _log.info("The report in %s cannot be shown: %s", uri, error)
        return (), f"The report in {uri} cannot be shown: {error}"


async def _text(archive: Response) -> str:
    etag = archive.headers["ETag"]
    if etag in _texts:
        if isinstance(archive.body, AsyncGenerator):
            await archive.body.aclose()
        return _texts[etag]
    with tempfile.SpooledTemporaryFile(IN_MEMORY) as file:
        if isinstance(archive.body, bytes):
            file.write(archive.body)
        else:
            async for chunk in archive.body:
                file.write(chunk)
        file.seek(0)
        text = await asyncio.to_thread(_member, cast("IO[bytes]", file))
    while len(_texts) >= _KEPT:
        _texts.pop(next(iter(_texts)))
    _texts[etag] = text
    return text


def _member(archive: IO[bytes]) -> str:
    with tarfile.open(fileobj=archive, mode="r:*") as tar:
        for member in tar:
            if member.name.removeprefix("./") == "report.json" and member.isfile():
                if member.size > LARGEST_REPORT:
                    raise ValueError(f"its report.json has {member.size} bytes")
                content = tar.extractfile(member)
                assert content is not None  # it is a file
                return content.read().decode()
    raise ValueError("it has no report.json; it was not compiled by Ironworks")


@lru_cache(_KEPT)
def _sections(text: str) -> Sequence[Section]:
    # Only here: the compiler's room loads numpy, which a server otherwise does without.
    from ironworks.compiler.report import Report
    from ironworks.compiler.report.sections import SECTIONS

    report = Report.from_json(text)
    made: list[tuple[str, str, Any]] = [(name, heading, make(report)) for name, heading, make in SECTIONS]
    return [section for section in made if section[2]]
