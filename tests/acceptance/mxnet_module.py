"""What MXNet's Module itself says to the test images, to compare the answers of endpoints with."""

from __future__ import annotations

import gzip
import subprocess
import tarfile
from pathlib import Path

import numpy as np
from tests.acceptance.flow import CLIENTS
from tests.acceptance.installation import Installation
from tests.acceptance.interpreters import CACHE

from ironworks.training.environments import Environments


def fetch(installation: Installation, uri: str, folder: Path) -> Path:
    """The unpacked archive."""
    bucket, key = uri.removeprefix("s3://").split("/", 1)
    archive = folder.with_suffix(".tar.gz")
    installation.client("s3").download_file(bucket, key, str(archive))
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return folder


def mnist_test_set(installation: Installation) -> tuple[np.ndarray, np.ndarray]:
    """The 10,000 images (10000, 784), float32 from 0 to 1, and their labels."""
    s3 = installation.client("s3")
    parts = [
        gzip.decompress(
            s3.get_object(Bucket="sagemaker-sample-data-us-west-2", Key=f"mxnet/mnist/test/{name}.gz")[
                "Body"
            ].read()
        )
        for name in ("images", "labels")
    ]
    images = np.frombuffer(parts[0], np.uint8, offset=16).reshape(10_000, 784)
    return images / np.float32(255), np.frombuffer(parts[1], np.uint8, offset=8)


def mxnet_probabilities(model: Path, images: np.ndarray, folder: Path, batch_size: int) -> np.ndarray:
    """What the Module in the folder `model` gives for images (N, 784): (N, 10). `folder` is for its files."""
    environment = Environments(CACHE / "environments").prepare("mxnet", "1.9.1", print)
    np.save(folder / "images.npy", images)
    subprocess.run(
        [
            environment.python,
            CLIENTS / "mxnet_predict.py",
            model,
            folder / "images.npy",
            folder / "answers.npy",
            str(batch_size),
        ],
        check=True,
    )
    return np.load(folder / "answers.npy")
