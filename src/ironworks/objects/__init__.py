"""The object store: buckets and keys in the database, bytes in files."""

from ironworks.objects.entries import (
    Attributes,
    BucketInfo,
    Condition,
    Expected,
    ObjectInfo,
    Page,
    PartInfo,
    UploadInfo,
)
from ironworks.objects.local import LocalObjects
from ironworks.objects.reading import ObjectReader
from ironworks.objects.store import ObjectStore
from ironworks.objects.uploads import CompletedPart, Completion
from ironworks.objects.uri import parse_s3_uri
from ironworks.objects.writing import Writer

__all__ = [
    "Attributes",
    "BucketInfo",
    "CompletedPart",
    "Completion",
    "Condition",
    "Expected",
    "LocalObjects",
    "ObjectInfo",
    "ObjectReader",
    "ObjectStore",
    "Page",
    "PartInfo",
    "UploadInfo",
    "Writer",
    "parse_s3_uri",
]
