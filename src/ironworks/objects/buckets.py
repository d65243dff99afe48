"""Buckets, and who may do what with them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from ironworks.database import Database, utc_now
from ironworks.objects.entries import BucketInfo
from ironworks.objects.errors import (
    AccessDenied,
    BucketAlreadyExists,
    BucketAlreadyOwnedByYou,
    BucketNotEmpty,
    InvalidBucketName,
    NoSuchBucket,
)
from ironworks.objects.references import References
from ironworks.objects.samples import SAMPLES, SAMPLES_CREATED, sample_region
from ironworks.objects.tables import BucketRow, ObjectRow, UploadRow

_NAME = re.compile(r"(?!xn--|sthree-)(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?<!-s3alias)(?<!--ol-s3)")


class Buckets:
    """The buckets of one store."""

    def __init__(
        self, database: Database, references: References, prepare_samples: Callable[[], None] | None
    ) -> None:
        self._database = database
        self._references = references
        self._prepare_samples = prepare_samples

    def create(self, name: str, region: str = "us-east-1") -> BucketInfo:
        """Make a bucket.

        Raises:
            InvalidBucketName, BucketAlreadyExists, BucketAlreadyOwnedByYou: as S3 does.
        """
        if not _NAME.fullmatch(name) or _is_ip_address(name):
            raise InvalidBucketName(name)
        if self._is_sample(name):
            raise BucketAlreadyExists(name)
        with self._database.write() as session:
            if session.get(BucketRow, name) is not None:
                raise BucketAlreadyOwnedByYou(name)
            row = BucketRow(name=name, region=region, created=utc_now())
            session.add(row)
        return _info(row)

    def get(self, name: str) -> BucketInfo:
        """The bucket of this name; asking for the sample data's does not fetch the data.

        Raises:
            NoSuchBucket: there is none.
        """
        region = sample_region(name)
        if region is not None and self._prepare_samples is not None:
            return BucketInfo(name=name, region=region, created=SAMPLES_CREATED)
        with self._database.read() as session:
            _require(session, name, name)
            return _info(session.get_one(BucketRow, name))

    def list(self) -> list[BucketInfo]:
        """The user's buckets by name; the sample data is nobody's."""
        with self._database.read() as session:
            rows = session.scalars(
                select(BucketRow).where(BucketRow.name != SAMPLES).order_by(BucketRow.name)
            )
            return [_info(row) for row in rows]

    def delete(self, name: str) -> None:
        """Remove an empty bucket, and with it the uploads that were never completed.

        Raises:
            NoSuchBucket, BucketNotEmpty: as S3 does.
            AccessDenied: it is the sample data's.
        """
        dropped: set[str] = set()
        with self.writing(name) as session:
            if session.scalar(select(ObjectRow.key).where(ObjectRow.bucket == name).limit(1)) is not None:
                raise BucketNotEmpty(name)
            for upload in session.scalars(select(UploadRow.id).where(UploadRow.bucket == name)).all():
                dropped |= self._references.drop(session, upload)
            session.execute(delete(UploadRow).where(UploadRow.bucket == name))
            session.execute(delete(BucketRow).where(BucketRow.name == name))
        self._references.collect(dropped)

    @contextmanager
    def reading(self, name: str) -> Iterator[tuple[Session, str]]:
        """A read session, and the bucket name that the rows have.

        Raises:
            NoSuchBucket: there is no such bucket.
            SampleDataUnavailable: it is the sample data's, and the data cannot be fetched.
        """
        rows = self._source(name)
        with self._database.read() as session:
            _require(session, rows, name)
            yield session, rows

    @contextmanager
    def writing(self, name: str) -> Iterator[Session]:
        """A write session for a bucket that may be written to.

        Raises:
            NoSuchBucket: there is no such bucket.
            AccessDenied: it is the sample data's.
        """
        self._refuse_samples(name)
        with self._references.write() as session:
            _require(session, name, name)
            yield session

    def require_writable(self, name: str) -> None:
        """Ask whether `writing` would refuse now, without keeping other writers waiting. Raises as it does."""
        self._refuse_samples(name)
        with self._database.read() as session:
            _require(session, name, name)

    @contextmanager
    def copying(self, source: str, target: str) -> Iterator[tuple[Session, str]]:
        """A write session for `target`, and the name that the rows of `source` have. Raises as both above."""
        rows = self._source(source)
        with self.writing(target) as session:
            _require(session, rows, source)
            yield session, rows

    def _source(self, name: str) -> str:
        if not self._is_sample(name):
            return name
        assert self._prepare_samples is not None
        self._prepare_samples()
        return SAMPLES

    def _refuse_samples(self, name: str) -> None:
        if self._is_sample(name):
            raise AccessDenied(
                f"The bucket {name!r} holds the sample data and is read-only. Use a bucket of your own."
            )

    def _is_sample(self, name: str) -> bool:
        return self._prepare_samples is not None and sample_region(name) is not None


def _require(session: Session, rows: str, name: str) -> None:
    if name == SAMPLES or session.get(BucketRow, rows) is None:
        raise NoSuchBucket(name)


def _info(row: BucketRow) -> BucketInfo:
    return BucketInfo(name=row.name, region=row.region, created=row.created)


def _is_ip_address(name: str) -> bool:
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        return False
    return True
