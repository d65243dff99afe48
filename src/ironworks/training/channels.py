"""Downloading a job's input: the channels, and the archive with the user's code."""

from __future__ import annotations

import errno
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from ironworks import archives
from ironworks.errors import ClientError
from ironworks.objects import ObjectStore, parse_s3_uri
from ironworks.training.layout import Layout
from ironworks.training.spec import Channel

Check = Callable[[], None]
"""Called between two objects; raises to break the download off."""

_NAME_ERRORS = (errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.EINVAL, errno.EILSEQ)


def download_channel(channel: Channel, directory: Path, store: ObjectStore, check: Check) -> int:
    """Copy a channel's objects into `directory`; how many there were.

    Raises:
        ClientError: there is none, the bucket or the manifest is at fault, or a key cannot be a file name.
    """
    find = _manifest_objects if channel.data_type == "ManifestFile" else _prefix_objects
    count = 0
    for bucket, key, name in find(channel.uri, store):
        check()
        _download(store, bucket, key, directory, name)
        count += 1
    if count == 0:
        raise ClientError(
            f'Data download failed:No S3 objects found under S3 URL "{channel.uri}" given in input data source'
        )
    return count


def download_prefix(uri: str, directory: Path, store: ObjectStore, check: Check) -> None:
    """Copy every object below the folder `uri`, if any, into `directory`."""
    for bucket, key, name in _prefix_objects(uri.rstrip("/") + "/", store):
        check()
        _download(store, bucket, key, directory, name)


def download_source(uri: str, layout: Layout, store: ObjectStore) -> None:
    """Unpack the archive with the user's code. It lies in S3, or has come with a channel.

    Raises:
        ClientError: it is not there, or is not an archive.
    """
    if uri.startswith("/"):
        archive = layout.own(layout.place(uri))
        if not archive.is_file():
            raise ClientError(f"sagemaker_submit_directory is {uri!r}, and no channel brought this file.")
        archives.extract(archive, layout.code, uri)
        return
    bucket, key = parse_s3_uri(uri)
    with tempfile.TemporaryDirectory(dir=layout.root) as folder:
        archive = Path(folder) / "source"
        store.download(bucket, key, archive)
        archives.extract(archive, layout.code, uri)


def _prefix_objects(uri: str, store: ObjectStore) -> Iterator[tuple[str, str, str]]:
    """Bucket, key and relative name of each object whose key begins as `uri` does."""
    bucket, prefix = parse_s3_uri(uri)
    for info in store.walk(bucket, prefix):
        if info.key.endswith("/"):  # stands for a folder, as some tools make them
            continue
        # A prefix that is a whole key names one object, and its file keeps the last part of the name.
        name = info.key[len(prefix) :].lstrip("/") or PurePosixPath(info.key).name
        yield bucket, info.key, name


def _manifest_objects(uri: str, store: ObjectStore) -> Iterator[tuple[str, str, str]]:
    """Bucket, key and relative name of each object that a manifest lists.

    The format is `[{"prefix": "s3://bucket/folder/"}, "relative/name", …]`: AWS, S3DataSource, S3DataType.
    """
    bucket, key = parse_s3_uri(uri)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "manifest"
        store.download(bucket, key, path)
        entries = _read_manifest(path, uri)
    prefix_bucket, prefix = parse_s3_uri(entries[0]["prefix"])
    for name in entries[1:]:
        yield prefix_bucket, prefix + name, name.lstrip("/")


def _read_manifest(path: Path, uri: str) -> list[Any]:
    try:
        entries = json.loads(path.read_text())
    except ValueError as error:
        raise ClientError(f"The manifest {uri} is not JSON: {error}.") from error
    if (
        not isinstance(entries, list)
        or not entries
        or not isinstance(entries[0], dict)
        or not isinstance(entries[0].get("prefix"), str)
        or not all(isinstance(name, str) for name in entries[1:])
    ):
        raise ClientError(
            f'The manifest {uri} has not the form [{{"prefix": "s3://BUCKET/FOLDER/"}}, "NAME", "NAME", …].'
        )
    return entries


def _download(store: ObjectStore, bucket: str, key: str, directory: Path, name: str) -> None:
    target = directory / name
    if ".." in PurePosixPath(name).parts or "\0" in name:
        raise ClientError(
            f"Data download failed:the key of s3://{bucket}/{key} leads out of the channel's folder. Rename the object."
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        store.download(bucket, key, target)
    except OSError as error:
        if error.errno not in _NAME_ERRORS:
            raise
        raise ClientError(
            f"Data download failed:s3://{bucket}/{key} cannot be a file of its own below the channel's folder "
            f"({error.strerror}). Rename the object."
        ) from error
