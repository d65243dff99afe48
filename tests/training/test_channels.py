"""Objects become files of a channel."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.training.service import BUCKET, Service

from ironworks.errors import ClientError
from ironworks.training.channels import download_channel
from ironworks.training.limits import Interrupted
from ironworks.training.spec import Channel


def download(service: Service, uri: str, data_type: str, directory: Path) -> dict[str, str]:
    channel = Channel("train", data_type, uri, "FullyReplicated", "None")
    download_channel(channel, directory, service.store, lambda: None)
    return {
        path.relative_to(directory).as_posix(): path.read_text()
        for path in directory.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize(
    ("prefix", "names"),
    [
        ("data/train", {"images": "i", "deep/labels": "l"}),
        ("data/train/", {"images": "i", "deep/labels": "l"}),
        ("data/train/images", {"images": "i"}),
        ("data/tr", {"ain/images": "i", "ain/deep/labels": "l"}),
    ],
)
def test_the_part_behind_the_prefix_is_the_files_name(
    plain: Service, tmp_path: Path, prefix: str, names: dict[str, str]
) -> None:
    plain.put("data/train/images", "i")
    plain.put("data/train/deep/labels", "l")
    plain.put("data/train/folder/", "")
    assert download(plain, f"s3://{BUCKET}/{prefix}", "S3Prefix", tmp_path) == names


def test_a_manifest_names_the_objects(plain: Service, tmp_path: Path) -> None:
    plain.put("data/a/1", "one")
    plain.put("data/b/2", "two")
    plain.put("data/c", "not listed")
    plain.put("manifest", json.dumps([{"prefix": f"s3://{BUCKET}/data/"}, "a/1", "b/2"]))
    files = download(plain, f"s3://{BUCKET}/manifest", "ManifestFile", tmp_path)
    assert files == {"a/1": "one", "b/2": "two"}


@pytest.mark.parametrize("text", ["{", "[]", '["a"]', '[{"prefix": 1}]', '[{"prefix": "s3://b/"}, 1]', "{}"])
def test_a_wrong_manifest_is_named(plain: Service, tmp_path: Path, text: str) -> None:
    plain.put("manifest", text)
    with pytest.raises(ClientError, match=f"The manifest s3://{BUCKET}/manifest"):
        download(plain, f"s3://{BUCKET}/manifest", "ManifestFile", tmp_path)


@pytest.mark.parametrize(
    ("uri", "words"), [("s3://absent/x", "absent"), (f"s3://{BUCKET}/x", "No S3 objects")]
)
def test_a_missing_source_is_named(plain: Service, tmp_path: Path, uri: str, words: str) -> None:
    with pytest.raises(ClientError, match=words):
        download(plain, uri, "S3Prefix", tmp_path)


@pytest.mark.parametrize("key", ["data/../../x", "data/" + "n" * 300])
def test_a_key_that_cannot_be_a_file_name_is_named(plain: Service, tmp_path: Path, key: str) -> None:
    plain.put(key, "x")
    with pytest.raises(ClientError, match=r"Rename the object"):
        download(plain, f"s3://{BUCKET}/data/", "S3Prefix", tmp_path / "channel")


def test_a_key_below_another_is_named(plain: Service, tmp_path: Path) -> None:
    plain.put("data/a", "x")
    plain.put("data/a/b", "y")
    with pytest.raises(ClientError, match=r"data/a/b cannot be a file"):
        download(plain, f"s3://{BUCKET}/data", "S3Prefix", tmp_path)


def test_a_download_is_broken_off_between_two_objects(plain: Service, tmp_path: Path) -> None:
    plain.put("data/a", "x")

    def check() -> None:
        raise Interrupted("Stopped")

    channel = Channel("train", "S3Prefix", f"s3://{BUCKET}/data", "FullyReplicated", "None")
    with pytest.raises(Interrupted):
        download_channel(channel, tmp_path, plain.store, check)
