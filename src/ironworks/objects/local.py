"""The object store on local files and the installation's database."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from ironworks.database import Database, utc_now
from ironworks.objects import listing
from ironworks.objects.blobs import Blobs, Sealed
from ironworks.objects.buckets import Buckets
from ironworks.objects.digests import FULL_OBJECT
from ironworks.objects.entries import ALWAYS, PLAIN, Attributes, Condition, ObjectInfo, Page
from ironworks.objects.errors import DamagedStore, NoSuchKey
from ironworks.objects.placement import attribute_columns, check_key, displace
from ironworks.objects.reading import ObjectReader
from ironworks.objects.references import References
from ironworks.objects.samples import SAMPLES, Samples
from ironworks.objects.tables import BucketRow, ObjectRow, PartRow
from ironworks.objects.uploads import Uploads
from ironworks.objects.writing import Writer

_BUFFER = 4 * 1024 * 1024
_PAGE = 1000


def _own_attributes(source: ObjectInfo) -> Attributes:
    return source.attributes


class LocalObjects:
    """Keys are rows of the database, bytes are blobs below a directory.

    Several processes may use one database and directory at a time. An object is whole or absent, and
    durable once the call that stored it has returned. Equal bytes are stored once.
    """

    def __init__(
        self,
        database: Database,
        directory: Path,
        samples: Callable[[], Mapping[str, Path]] | None = None,
    ) -> None:
        """`samples` answers the local file of each key of the sample data; it is called at first use."""
        self._database = database
        self._blobs = Blobs(directory)
        self._references = References(database, self._blobs)
        brought = Samples(samples, self._samples_stored, self._store_samples) if samples else None
        self.buckets = Buckets(database, self._references, brought.prepare if brought else None)
        self.uploads = Uploads(self.buckets, self._references, self._blobs)

    def head(self, bucket: str, key: str) -> ObjectInfo:
        """The object without its bytes.

        Raises:
            NoSuchBucket, NoSuchKey: as S3 does.
        """
        with self.buckets.reading(bucket) as (session, name):
            return _require(session, name, bucket, key).info(bucket)

    def open(self, bucket: str, key: str) -> ObjectReader:
        """The object for reading; close what is answered.

        Raises:
            NoSuchBucket, NoSuchKey: as S3 does.
            DamagedStore: its bytes are gone from the disk.
        """
        content = ""
        while True:
            with self.buckets.reading(bucket) as (session, name):
                row = _require(session, name, bucket, key)
                query = select(PartRow).where(PartRow.content == row.content).order_by(PartRow.number)
                parts = session.scalars(query).all()
            try:
                infos = [part.info() for part in parts]
                return ObjectReader(row.info(bucket), infos, [part.blob for part in parts], self._blobs)
            except FileNotFoundError:
                if content == row.content:
                    raise DamagedStore(
                        f"The bytes of s3://{bucket}/{key} are gone from the disk. Upload the object again."
                    ) from None
                content = (
                    row.content
                )  # replaced between the two steps: look again, unless it is the same still

    def writer(
        self,
        bucket: str,
        key: str,
        attributes: Attributes = PLAIN,
        checksums: Sequence[str] = (),
        condition: Condition = ALWAYS,
    ) -> Writer[ObjectInfo]:
        """A writer for a new object, which replaces the one under the key when it commits.

        Raises:
            NoSuchBucket, AccessDenied, KeyTooLong: it could not be stored there.
        """
        check_key(key)
        self.buckets.require_writable(bucket)  # refuse before the bytes come, not after
        return self._writer(bucket, key, attributes, checksums, condition)

    def upload(self, path: Path, bucket: str, key: str, attributes: Attributes = PLAIN) -> ObjectInfo:
        """Store a local file. Raises as `writer` does."""
        with path.open("rb", buffering=0) as file, self.writer(bucket, key, attributes) as writer:
            while data := file.read(_BUFFER):
                writer.write(data)
            return writer.commit()

    def download(self, bucket: str, key: str, path: Path) -> ObjectInfo:
        """Write an object to a local file, whole or not at all; its folder is made when missing.

        Raises:
            NoSuchBucket, NoSuchKey: as S3 does.
        """
        with self.open(bucket, key) as reader:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f".{uuid.uuid4().hex}.partial")
            try:
                with partial.open("wb", buffering=0) as file:
                    for chunk in reader.chunks():
                        file.write(chunk)
                partial.replace(path)
            finally:
                partial.unlink(missing_ok=True)
        return reader.info

    def list(
        self, bucket: str, prefix: str = "", delimiter: str = "", after: str = "", limit: int = _PAGE
    ) -> Page:
        """At most `limit` objects and rolled-up prefixes behind `after`.

        Raises:
            NoSuchBucket: as S3 does.
        """
        with self.buckets.reading(bucket) as (session, name):
            found = listing.page(session, name, prefix, delimiter, after, limit)
            return Page([row.info(bucket) for row in found.rows], found.prefixes, found.next)

    def walk(self, bucket: str, prefix: str = "") -> Iterator[ObjectInfo]:
        """Every object whose key begins with `prefix`, in the order of the keys' UTF-8 bytes."""
        after: str | None = ""
        while after is not None:
            page = self.list(bucket, prefix, after=after)
            yield from page.objects
            after = page.next

    def copy(
        self,
        source: tuple[str, str],
        target: tuple[str, str],
        derive: Callable[[ObjectInfo], Attributes] = _own_attributes,
        condition: Condition = ALWAYS,
    ) -> ObjectInfo:
        """Store an object under a second (bucket, key); rows are copied, bytes are not.

        `derive` answers the copy's attributes; it sees the very source that is copied, and may refuse it.

        Raises:
            NoSuchBucket, NoSuchKey, AccessDenied, KeyTooLong, PreconditionFailed: as S3 does.
        """
        check_key(target[1])
        with self.buckets.copying(source[0], target[0]) as (session, name):
            old = _require(session, name, *source)
            attributes = derive(old.info(source[0]))
            parts = session.scalars(select(PartRow).where(PartRow.content == old.content)).all()
            row = ObjectRow(
                bucket=target[0],
                key=target[1],
                content=uuid.uuid4().hex,
                size=old.size,
                etag=old.etag,
                modified=utc_now(),
                attributes=attribute_columns(attributes),
                checksums=old.checksums,
                checksum_type=old.checksum_type,
                parts=old.parts,
                sha256=old.sha256,
            )
            copies = [_copy_of(part, row.content) for part in parts]
            replaced = displace(session, self._references, *target, condition)
            session.add_all([row, *copies])
        self._references.collect(replaced)
        return row.info(target[0])

    def delete(self, bucket: str, key: str, condition: Condition = ALWAYS) -> None:
        """Remove a key; removing none is fine.

        Raises:
            NoSuchBucket, AccessDenied, PreconditionFailed: as S3 does.
        """
        with self.buckets.writing(bucket) as session:
            dropped = displace(session, self._references, bucket, key, condition)
        self._references.collect(dropped)

    def delete_many(self, bucket: str, keys: Sequence[str]) -> None:
        """Remove many keys in one transaction; those that do not exist are fine. Raises as `delete` does."""
        dropped: set[str] = set()
        with self.buckets.writing(bucket) as session:
            for key in keys:
                dropped |= displace(session, self._references, bucket, key, ALWAYS)
        self._references.collect(dropped)

    def set_tags(self, bucket: str, key: str, tags: Mapping[str, str]) -> None:
        """Replace an object's tags.

        Raises:
            NoSuchBucket, NoSuchKey, AccessDenied: as S3 does.
        """
        with self.buckets.writing(bucket) as session:
            row = _require(session, bucket, bucket, key)
            row.attributes = {**row.attributes, "tags": dict(tags)}

    def sweep(self) -> int:
        """Remove what a crash left behind: blobs without a row, files of dead writers. Answers how many.

        Live writers of any process are left alone. It reads the whole folder: do it once, at start.
        """
        return self._references.sweep()

    def _writer(
        self, bucket: str, key: str, attributes: Attributes, checksums: Sequence[str], condition: Condition
    ) -> Writer[ObjectInfo]:
        def place(session: Session, sealed: Sealed) -> tuple[ObjectInfo, set[str]]:
            replaced = displace(session, self._references, bucket, key, condition)
            row, part = _whole(bucket, key, sealed, attributes)
            session.add_all([row, part])
            return row.info(bucket), replaced

        transaction = self._references.write if bucket == SAMPLES else lambda: self.buckets.writing(bucket)
        return Writer(self._blobs.receive(checksums), transaction, place, self._references)

    def _samples_stored(self) -> bool:
        with self._database.read() as session:
            return session.get(BucketRow, SAMPLES) is not None

    def _store_samples(self, files: Mapping[str, Path]) -> None:
        for key, path in files.items():
            with path.open("rb") as file, self._writer(SAMPLES, key, PLAIN, (), ALWAYS) as writer:
                while data := file.read(_BUFFER):
                    writer.write(data)
                writer.commit()
        with self._database.write() as session:
            # The bucket's row comes last: it says that all the files are there.
            session.merge(BucketRow(name=SAMPLES, region="us-east-1", created=utc_now()))


def _require(session: Session, rows: str, bucket: str, key: str) -> ObjectRow:
    row = session.get(ObjectRow, (rows, key))
    if row is None:
        raise NoSuchKey(bucket, key)
    return row


def _whole(bucket: str, key: str, sealed: Sealed, attributes: Attributes) -> tuple[ObjectRow, PartRow]:
    now = utc_now()
    content = uuid.uuid4().hex
    checksums = dict(sealed.checksums)
    row = ObjectRow(
        bucket=bucket,
        key=key,
        content=content,
        size=sealed.size,
        etag=sealed.md5,
        modified=now,
        attributes=attribute_columns(attributes),
        checksums=checksums,
        checksum_type=FULL_OBJECT if checksums else "",
        parts=0,
        sha256=sealed.name,
    )
    part = PartRow(
        content=content,
        number=1,
        blob=sealed.name,
        size=sealed.size,
        etag=sealed.md5,
        modified=now,
        checksums=checksums,
    )
    return row, part


def _copy_of(part: PartRow, content: str) -> PartRow:
    return PartRow(
        content=content,
        number=part.number,
        blob=part.blob,
        size=part.size,
        etag=part.etag,
        modified=part.modified,
        checksums=part.checksums,
    )
