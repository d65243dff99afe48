"""What `fit` is given, as channels of a training job: S3 URIs as they are, everything else uploaded."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ironworks.errors import ClientError

if TYPE_CHECKING:
    from ironworks.sdk.session import Session

DEFAULT_CHANNEL = "training"


def channels(session: Session, inputs: Any, prefix: str) -> list[dict[str, Any]]:
    """`InputDataConfig` of a training job; what is not in the object store is uploaded below `prefix`.

    Args:
        session: where to.
        inputs: a mapping from channels to data, or the data of the one channel `training`. Data are an S3 URI; a
            file or a folder (`file://` is understood); an array, which becomes `array.npy`; a sequence of arrays
            (`array_0.npy`, …) or a mapping of them (`NAME.npy`).
        prefix: an S3 URI.

    Raises:
        ClientError: a channel has no data, or data of another kind.
    """
    if inputs is None:
        return []
    by_name = inputs if isinstance(inputs, Mapping) else {DEFAULT_CHANNEL: inputs}
    if not by_name:
        raise ClientError(
            "fit was given no channel. Give at least one, as {'train': 'folder'}, or None for none."
        )
    return [
        {
            "ChannelName": name,
            "DataSource": {
                "S3DataSource": {
                    "S3DataType": "S3Prefix",
                    "S3Uri": _stored(session, name, data, f"{prefix}/{name}"),
                    "S3DataDistributionType": "FullyReplicated",
                }
            },
        }
        for name, data in by_name.items()
    ]


def _stored(session: Session, name: str, data: Any, prefix: str) -> str:
    """The S3 URI of a channel's data."""
    if isinstance(data, str) and data.startswith("s3://"):
        return data
    if isinstance(data, str | Path):
        try:
            return upload_path(session, Path(str(data).removeprefix("file://")), prefix)
        except ClientError as error:
            raise ClientError(f"The channel {name!r}: {error}") from error
    return _upload_arrays(session, _arrays(name, data), prefix)


def upload_path(session: Session, path: Path, prefix: str) -> str:
    """Upload a file, or all that lies below a folder; the S3 URI of the file, or of the folder with a `/`.

    Raises:
        ClientError: there is nothing at `path`.
    """
    if path.is_file():
        return session.upload(path, f"{prefix}/{path.name}")
    files = sorted(file for file in path.rglob("*") if file.is_file())
    if not files:
        problem = "has no files in it" if path.is_dir() else "does not exist"
        raise ClientError(f"{path} {problem}. Give a file, a folder with files, or an S3 URI.")
    for file in files:
        session.upload(file, f"{prefix}/{file.relative_to(path).as_posix()}")
    return f"{prefix}/"


def _arrays(name: str, data: Any) -> dict[str, np.ndarray[Any, Any]]:
    if isinstance(data, np.ndarray):
        return {"array": data}
    if isinstance(data, Mapping):
        named = {str(key): value for key, value in data.items()}
    elif isinstance(data, Sequence) and not isinstance(data, bytes):
        named = {f"array_{index}": value for index, value in enumerate(data)}
    else:
        named = {}
    if not named or not all(isinstance(value, np.ndarray) for value in named.values()):
        raise ClientError(
            f"The channel {name!r} is a {type(data).__name__}. Give an S3 URI, a file, a folder, a NumPy array, or a "
            "list or dict of arrays."
        )
    return named


def _upload_arrays(session: Session, arrays: Mapping[str, np.ndarray[Any, Any]], prefix: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        for name, array in arrays.items():
            if array.dtype.hasobject:
                raise ClientError(f"The array {name!r} holds Python objects. Give one of numbers.")
            path = Path(folder) / f"{name}.npy"
            np.save(path, array, allow_pickle=False)
            session.upload(path, f"{prefix}/{path.name}")
    return f"{prefix}/"
