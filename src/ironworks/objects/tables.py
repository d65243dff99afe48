"""The rows of the object store.

An object's bytes are its parts in ascending number: one part for an object put in one piece, and the
uploaded parts, untouched, after a multipart upload. `content` ties parts to the object or to the upload
that they belong to, so completing an upload moves nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Dialect, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from ironworks.database import Table, UtcDateTime
from ironworks.objects.entries import Attributes, ObjectInfo, PartInfo, UploadInfo


class Utf8(TypeDecorator[str]):
    """Text kept as its UTF-8 bytes: S3 orders keys by them, whatever collation the database has."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | bytes | None, _dialect: Dialect) -> bytes | None:
        """Bounds of a range of keys are bytes already: they need not be text."""
        return value.encode() if isinstance(value, str) else value

    def process_result_value(self, value: bytes | None, _dialect: Dialect) -> str | None:
        """The text again."""
        return None if value is None else value.decode()


class BucketRow(Table):
    """A bucket."""

    __tablename__ = "object_buckets"

    name: Mapped[str] = mapped_column(String(255), primary_key=True)
    region: Mapped[str] = mapped_column(String(64))
    created: Mapped[datetime] = mapped_column(UtcDateTime)


class ObjectRow(Table):
    """A key that has an object."""

    __tablename__ = "objects"
    __table_args__ = (Index("objects_by_content", "content", unique=True),)

    bucket: Mapped[str] = mapped_column(String(255), primary_key=True)
    key: Mapped[str] = mapped_column(Utf8(1024), primary_key=True)
    content: Mapped[str] = mapped_column(String(32))
    size: Mapped[int] = mapped_column(BigInteger)
    etag: Mapped[str] = mapped_column(String(64))
    modified: Mapped[datetime] = mapped_column(UtcDateTime)
    attributes: Mapped[dict[str, Any]] = mapped_column(JSON)
    checksums: Mapped[dict[str, str]] = mapped_column(JSON)
    checksum_type: Mapped[str] = mapped_column(String(16))
    parts: Mapped[int]
    sha256: Mapped[str | None] = mapped_column(String(64))

    def info(self, bucket: str) -> ObjectInfo:
        """What the row says, under the name by which the caller knows the bucket."""
        return ObjectInfo(
            bucket=bucket,
            key=self.key,
            size=self.size,
            etag=self.etag,
            modified=self.modified,
            attributes=Attributes(**self.attributes),
            checksums=self.checksums,
            checksum_type=self.checksum_type,
            parts=self.parts,
            sha256=self.sha256,
        )


class UploadRow(Table):
    """A multipart upload under way."""

    __tablename__ = "object_uploads"
    __table_args__ = (Index("object_uploads_by_key", "bucket", "key"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    bucket: Mapped[str] = mapped_column(String(255))
    key: Mapped[str] = mapped_column(Utf8(1024))
    started: Mapped[datetime] = mapped_column(UtcDateTime)
    attributes: Mapped[dict[str, Any]] = mapped_column(JSON)
    checksum_algorithm: Mapped[str | None] = mapped_column(String(16))
    checksum_type: Mapped[str | None] = mapped_column(String(16))

    def info(self) -> UploadInfo:
        """What the row says."""
        return UploadInfo(
            id=self.id,
            bucket=self.bucket,
            key=self.key,
            started=self.started,
            attributes=Attributes(**self.attributes),
            checksum_algorithm=self.checksum_algorithm,
            checksum_type=self.checksum_type,
        )


class PartRow(Table):
    """A run of bytes: which blob, and of what content it is part."""

    __tablename__ = "object_parts"
    __table_args__ = (Index("object_parts_by_blob", "blob"),)

    content: Mapped[str] = mapped_column(String(32), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    blob: Mapped[str] = mapped_column(String(64))
    size: Mapped[int] = mapped_column(BigInteger)
    etag: Mapped[str] = mapped_column(String(64))
    modified: Mapped[datetime] = mapped_column(UtcDateTime)
    checksums: Mapped[dict[str, str]] = mapped_column(JSON)

    def info(self) -> PartInfo:
        """What the row says."""
        return PartInfo(
            number=self.number,
            size=self.size,
            etag=self.etag,
            modified=self.modified,
            checksums=self.checksums,
        )
