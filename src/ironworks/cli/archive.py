"""What a model's archive in the object store says of itself, read no further than it has to be."""

from __future__ import annotations

import json
import tarfile
from dataclasses import dataclass
from pathlib import PurePath
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ironworks.sdk.session import Session

_MANIFEST, _SHAPES = "manifest.json", "-shapes.json"


@dataclass(frozen=True)
class Archive:
    """A model.

    Attributes:
        shape: of one row of its first input; None where that is not said.
        target: what it was compiled for; None if it is not compiled.
    """

    shape: tuple[int, ...] | None = None
    target: str | None = None


def look_into(session: Session, uri: str) -> Archive:
    """What the archive at an S3 URI says: a compiled model in its manifest, an MXNet checkpoint in its shapes.

    An archive that is gone, is none, or says nothing is one of which nothing is known.
    """
    from ironworks.objects import parse_s3_uri
    from ironworks.sdk.errors import RequestRefused

    bucket, key = parse_s3_uri(uri)
    try:
        body = session.call("s3", "get_object", Bucket=bucket, Key=key)["Body"]
    except RequestRefused:
        return Archive()
    with body:
        try:
            return _read(body)
        except (tarfile.TarError, EOFError, ValueError, LookupError, TypeError):
            return Archive()


def _read(body: IO[bytes]) -> Archive:
    with tarfile.open(fileobj=body, mode="r|*") as tar:
        for member in tar:
            name = PurePath(member.name).name
            file = tar.extractfile(member)
            if file is not None and name == _MANIFEST:
                document = json.load(file)
                return Archive(_row(document["inputs"]), document["target"])
            if file is not None and name.endswith(_SHAPES):
                return Archive(_row(json.load(file)))
    return Archive()


def _row(inputs: list[dict[str, Any]]) -> tuple[int, ...]:
    """The shape of one row of the first input: of a batch of any size, or of the one that was trained with."""
    return (1, *(int(size) for size in inputs[0]["shape"][1:]))
