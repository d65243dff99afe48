"""What every object store offers, whatever keeps its bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from ironworks.objects.buckets import Buckets
from ironworks.objects.entries import Attributes, Condition, ObjectInfo, Page
from ironworks.objects.reading import ObjectReader
from ironworks.objects.uploads import Uploads
from ironworks.objects.writing import Writer


class ObjectStore(Protocol):
    """Objects by bucket and key. All calls block; all may come from any thread.

    Each raises `objects.errors.ObjectError` with S3's code when it refuses.
    """

    buckets: Buckets
    uploads: Uploads

    def head(self, bucket: str, key: str) -> ObjectInfo:
        """The object without its bytes."""

    def open(self, bucket: str, key: str) -> ObjectReader:
        """The object for reading."""

    def writer(
        self,
        bucket: str,
        key: str,
        attributes: Attributes = ...,
        checksums: Sequence[str] = ...,
        condition: Condition = ...,
    ) -> Writer[ObjectInfo]:
        """A writer for a new object, which replaces the one under the key when it commits."""

    def upload(self, path: Path, bucket: str, key: str, attributes: Attributes = ...) -> ObjectInfo:
        """Store a local file."""

    def download(self, bucket: str, key: str, path: Path) -> ObjectInfo:
        """Write an object to a local file, whole or not at all."""

    def list(
        self, bucket: str, prefix: str = ..., delimiter: str = ..., after: str = ..., limit: int = ...
    ) -> Page:
        """One page of objects."""

    def walk(self, bucket: str, prefix: str = ...) -> Iterator[ObjectInfo]:
        """Every object whose key begins with `prefix`."""

    def copy(
        self,
        source: tuple[str, str],
        target: tuple[str, str],
        derive: Callable[[ObjectInfo], Attributes] = ...,
        condition: Condition = ...,
    ) -> ObjectInfo:
        """Store an object under a second (bucket, key) without copying its bytes."""

    def delete(self, bucket: str, key: str, condition: Condition = ...) -> None:
        """Remove a key; removing none is fine."""

    def delete_many(self, bucket: str, keys: Sequence[str]) -> None:
        """Remove many keys at once."""

    def set_tags(self, bucket: str, key: str, tags: Mapping[str, str]) -> None:
        """Replace an object's tags."""

    def sweep(self) -> int:
        """Remove what a crash left behind; answers how many files."""
