"""Model archives: made of what lies here, looked into, and joined with the script that serves them."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

from ironworks.archives import pack
from ironworks.errors import ClientError

_ENDINGS = (".onnx",)
"""Of files that are a model by themselves."""


def packed(path: Path, folder: Path) -> Path:
    """The archive of a model: `path` itself if it is one, else one of that folder or file, made in `folder`.

    Raises:
        ClientError: it is neither.
    """
    archive = folder / "model.tar.gz"
    if path.is_dir():
        pack(path, archive)
    elif path.suffix in _ENDINGS:
        with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
            tar.add(path, arcname=path.name)
    elif tarfile.is_tarfile(path):
        return path
    else:
        raise ClientError(f"{path} is no model. Give a .tar.gz, a folder, or a file {' or '.join(_ENDINGS)}.")
    return archive


def target_of(archive: Path) -> str | None:
    """What a compiled model was compiled for; None of one that is not compiled."""
    with tarfile.open(archive, "r:*") as tar:
        for member in tar:
            content = tar.extractfile(member) if member.name.removeprefix("./") == "manifest.json" else None
            if content is not None:
                return str(json.load(content)["target"])
    return None


def with_code(model: Path, code: Path, target: Path) -> None:
    """Write the archive `model` anew as `target`, with the members of the archive `code` below `code/`.

    A `code` folder that the model brought is replaced.
    """
    with tarfile.open(target, "w:gz", compresslevel=1) as tar:
        for prefix, archive in (("", model), ("code/", code)):
            with tarfile.open(archive, "r:*") as members:
                for member in members:
                    name = member.name.removeprefix("./").strip("/")
                    if not name or name == "." or (not prefix and name.split("/")[0] == "code"):
                        continue
                    content = members.extractfile(member) if member.isfile() else None
                    tar.addfile(member.replace(name=prefix + name), content or io.BytesIO())
