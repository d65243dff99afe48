"""What `fit` takes as data, and where it puts it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ironworks.errors import ClientError
from ironworks.sdk.channels import channels
from tests.sdk.recorder import Recorder

PREFIX = "s3://bucket/job/input"


def stored(inputs: Any) -> tuple[dict[str, str], dict[str, bytes]]:
    """The S3 URI of each channel, and the objects that were made."""
    session = Recorder()
    made = channels(session, inputs, PREFIX)
    uris = {channel["ChannelName"]: channel["DataSource"]["S3DataSource"]["S3Uri"] for channel in made}
    return uris, session.objects


def test_an_s3_uri_is_used_as_it_is() -> None:
    assert stored({"train": "s3://data/train", "test": "s3://data/test"}) == (
        {"train": "s3://data/train", "test": "s3://data/test"},
        {},
    )


def test_what_is_no_mapping_is_the_training_channel(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1,2")
    uris, objects = stored(tmp_path / "a.csv")
    assert uris == {"training": f"{PREFIX}/training/a.csv"}
    assert objects == {f"{PREFIX}/training/a.csv": b"1,2"}


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_folder_keeps_its_structure(tmp_path: Path, scheme: str) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "b").write_text("b")
    (tmp_path / "a").write_text("a")
    uris, objects = stored({"train": f"{scheme}{tmp_path}"})
    assert uris == {"train": f"{PREFIX}/train/"}
    assert objects == {f"{PREFIX}/train/a": b"a", f"{PREFIX}/train/deep/b": b"b"}


@pytest.mark.parametrize(
    ("data", "files"),
    [
        (np.arange(3), {"array": 3}),
        ([np.arange(3), np.arange(4)], {"array_0": 3, "array_1": 4}),
        ({"images": np.arange(5), "labels": np.arange(2)}, {"images": 5, "labels": 2}),
    ],
)
def test_arrays_become_npy_files(data: Any, files: dict[str, int]) -> None:
    uris, objects = stored({"train": data})
    assert uris == {"train": f"{PREFIX}/train/"}
    sizes = {
        uri.removeprefix(f"{PREFIX}/train/").removesuffix(".npy"): np.load(io.BytesIO(content)).size
        for uri, content in objects.items()
    }
    assert sizes == files


def test_no_input_is_no_channel() -> None:
    assert stored(None) == ({}, {})


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "no channel"),
        ({"train": "/no/such/folder"}, "The channel 'train': /no/such/folder does not exist"),
        ({"train": 5}, "The channel 'train' is a int. Give an S3 URI, a file, a folder, a NumPy array"),
        ({"train": [1, 2]}, "The channel 'train' is a list"),
        ({"train": []}, "The channel 'train' is a list"),
        ({"train": np.array([object()])}, "'array' holds Python objects"),
    ],
)
def test_other_data_is_refused_by_the_channels_name(inputs: Any, message: str) -> None:
    with pytest.raises(ClientError, match=message):
        stored(inputs)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClientError, match=r"The channel 'train': .* has no files in it"):
        stored({"train": tmp_path})
