"""Multipart uploads: parts are blobs, and the completed object is the sequence of them."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from ironworks.database import utc_now
from ironworks.objects import digests
from ironworks.objects.blobs import Blobs, Sealed
from ironworks.objects.buckets import Buckets
from ironworks.objects.entries import ALWAYS, PLAIN, Attributes, Condition, ObjectInfo, PartInfo, UploadInfo
from ironworks.objects.errors import (
    BadDigest,
    EntityTooSmall,
    InvalidPart,
    InvalidPartOrder,
    InvalidRequest,
    NoSuchUpload,
)
from ironworks.objects.placement import attribute_columns, check_key, displace
from ironworks.objects.references import References
from ironworks.objects.tables import ObjectRow, PartRow, UploadRow
from ironworks.objects.writing import Writer

SMALLEST_PART = 5 * 1024 * 1024
"""Bytes that every part but the last must have."""


@dataclass(frozen=True)
class CompletedPart:
    """A part as the completion lists it; checksums are base64, by algorithm."""

    number: int
    etag: str
    checksums: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Completion:
    """What the completion says of the whole object; None and empty are not checked."""

    parts: Sequence[CompletedPart]
    size: int | None = None
    checksums: Mapping[str, str] = field(default_factory=dict)
    checksum_type: str | None = None
    condition: Condition = ALWAYS


class Uploads:
    """The multipart uploads of one store."""

    def __init__(self, buckets: Buckets, references: References, blobs: Blobs) -> None:
        self._buckets = buckets
        self._references = references
        self._blobs = blobs

    def create(
        self,
        bucket: str,
        key: str,
        attributes: Attributes = PLAIN,
        checksum_algorithm: str | None = None,
        checksum_type: str | None = None,
    ) -> UploadInfo:
        """Begin an upload.

        Raises:
            NoSuchBucket, AccessDenied, KeyTooLong: the object could not be stored there.
            InvalidRequest: no such checksum, or not of this type.
        """
        check_key(key)
        if checksum_algorithm is None and checksum_type is not None:
            raise InvalidRequest("A checksum type needs a checksum algorithm.")
        if checksum_algorithm is not None:
            digests.known(checksum_algorithm)
            checksum_type = checksum_type or digests.default_type(checksum_algorithm)
            digests.check_type(checksum_algorithm, checksum_type)
        row = UploadRow(
            id=_new_id(),
            bucket=bucket,
            key=key,
            started=utc_now(),
            attributes=attribute_columns(attributes),
            checksum_algorithm=checksum_algorithm,
            checksum_type=checksum_type,
        )
        with self._buckets.writing(bucket) as session:
            session.add(row)
        return row.info()

    def parts(self, bucket: str, key: str, upload: str) -> tuple[UploadInfo, list[PartInfo]]:
        """An upload and the parts that it has so far, by number.

        Raises:
            NoSuchBucket, NoSuchUpload: as S3 does.
        """
        with self._buckets.reading(bucket) as (session, name):
            row = _require(session, name, key, upload)
            return row.info(), [part.info() for part in _parts(session, upload)]

    def writer(
        self, bucket: str, key: str, upload: str, number: int, checksums: Sequence[str] = ()
    ) -> Writer[PartInfo]:
        """A writer for a part; the same number again replaces it. Computes `checksums` and the upload's own.

        Raises:
            NoSuchBucket, NoSuchUpload: as S3 does.
        """
        with self._buckets.reading(bucket) as (session, name):
            wanted = _require(session, name, key, upload).checksum_algorithm
        algorithms = dict.fromkeys([*checksums, *([wanted] if wanted else [])])

        def place(session: Session, sealed: Sealed) -> tuple[PartInfo, set[str]]:
            _require(session, bucket, key, upload)
            old = session.get(PartRow, (upload, number))
            replaced = {old.blob} if old else set()
            row = session.merge(
                PartRow(
                    content=upload,
                    number=number,
                    blob=sealed.name,
                    size=sealed.size,
                    etag=sealed.md5,
                    modified=utc_now(),
                    checksums=dict(sealed.checksums),
                )
            )
            return row.info(), replaced

        return Writer(
            self._blobs.receive(algorithms), lambda: self._buckets.writing(bucket), place, self._references
        )

    def complete(self, bucket: str, key: str, upload: str, completion: Completion) -> ObjectInfo:
        """Make the listed parts the object; parts that are not listed are dropped.

        A completion that is sent again, because its answer was lost, gets the same answer.

        Raises:
            NoSuchBucket, NoSuchUpload, PreconditionFailed: as S3 does.
            InvalidPart, InvalidPartOrder, EntityTooSmall, InvalidRequest, BadDigest: the list is wrong.
        """
        with self._buckets.writing(bucket) as session:
            done = session.get(ObjectRow, (bucket, key))
            if done is not None and done.content == upload:
                return done.info(bucket)
            row = _require(session, bucket, key, upload)
            uploaded = _parts(session, upload)
            parts = _listed({part.number: part for part in uploaded}, completion)
            checksums = _whole_checksums(row, parts, completion)
            replaced = displace(session, self._references, bucket, key, completion.condition)
            for part in set(uploaded) - set(parts):
                replaced.add(part.blob)
                session.delete(part)
            session.delete(row)
            finished = ObjectRow(
                bucket=bucket,
                key=key,
                content=upload,
                size=sum(part.size for part in parts),
                etag=digests.etag_of_parts([part.etag for part in parts]),
                modified=utc_now(),
                attributes=row.attributes,
                checksums=checksums,
                checksum_type=(row.checksum_type or "") if checksums else "",
                parts=len(parts),
                sha256=None,
            )
            session.add(finished)
        self._references.collect(replaced)
        return finished.info(bucket)

    def abort(self, bucket: str, key: str, upload: str) -> None:
        """Give an upload up, with its parts.

        Raises:
            NoSuchBucket, NoSuchUpload: as S3 does.
        """
        with self._buckets.writing(bucket) as session:
            _require(session, bucket, key, upload)
            session.execute(delete(UploadRow).where(UploadRow.id == upload))
            dropped = self._references.drop(session, upload)
        self._references.collect(dropped)

    def list(self, bucket: str, prefix: str = "") -> list[UploadInfo]:
        """The uploads under way whose keys begin with `prefix`, by key and then by start."""
        with self._buckets.reading(bucket) as (session, name):
            query = select(UploadRow).where(UploadRow.bucket == name).order_by(UploadRow.key, UploadRow.id)
            return [row.info() for row in session.scalars(query) if row.key.startswith(prefix)]


def _new_id() -> str:
    # Begins with the time, so that the uploads of one key sort by their start.
    return f"{time.time_ns():016x}{secrets.token_hex(8)}"


def _require(session: Session, bucket: str, key: str, upload: str) -> UploadRow:
    row = session.get(UploadRow, upload)
    if row is None or (row.bucket, row.key) != (bucket, key):
        raise NoSuchUpload(upload)
    return row


def _parts(session: Session, upload: str) -> list[PartRow]:
    return list(session.scalars(select(PartRow).where(PartRow.content == upload).order_by(PartRow.number)))


def _listed(uploaded: Mapping[int, PartRow], completion: Completion) -> list[PartRow]:
    if not completion.parts:
        raise InvalidRequest("You must specify at least one part.")
    numbers = [part.number for part in completion.parts]
    if any(later <= earlier for earlier, later in pairwise(numbers)):
        raise InvalidPartOrder
    parts = [_matching(uploaded.get(part.number), part) for part in completion.parts]
    for part in parts[:-1]:
        if part.size < SMALLEST_PART:
            raise EntityTooSmall(part.number, part.size, SMALLEST_PART)
    size = sum(part.size for part in parts)
    if completion.size is not None and completion.size != size:
        raise InvalidRequest(f"The parts have {size} bytes, not {completion.size}.")
    return parts


def _matching(uploaded: PartRow | None, listed: CompletedPart) -> PartRow:
    if uploaded is None or uploaded.etag != listed.etag:
        raise InvalidPart(
            f"Part {listed.number} with ETag {listed.etag} could not be found: it was not uploaded, "
            "or was replaced by another."
        )
    for algorithm, text in listed.checksums.items():
        if uploaded.checksums.get(algorithm, text) != text:
            raise InvalidPart(f"The {algorithm} of part {listed.number} is not {text}.")
    return uploaded


def _whole_checksums(row: UploadRow, parts: Sequence[PartRow], completion: Completion) -> dict[str, str]:
    for algorithm in completion.checksums.keys() - {row.checksum_algorithm}:
        raise InvalidRequest(
            f"The {algorithm} of the object cannot be checked: the upload was created for "
            f"{row.checksum_algorithm or 'no checksum'}. Name the algorithm when you create the upload."
        )
    if completion.checksum_type not in (None, row.checksum_type):
        raise InvalidRequest(
            f"The upload was created with the checksum type {row.checksum_type}, not {completion.checksum_type}."
        )
    if row.checksum_algorithm is None or row.checksum_type is None:
        return {}
    algorithm = row.checksum_algorithm
    actual = digests.of_parts(
        algorithm, row.checksum_type, [(part.checksums[algorithm], part.size) for part in parts]
    )
    expected = completion.checksums.get(algorithm, actual)
    if actual not in (expected, f"{expected}-{len(parts)}"):
        raise BadDigest(f"The {algorithm} you specified ({expected}) is not that of the parts ({actual}).")
    return {algorithm: actual}
