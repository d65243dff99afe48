"""Opens the artifact of a compiled model: unpacks it, verifies it, starts its engine.

A small model loads about as fast as a module of the standard library. So what only archives need is imported when
one is opened, and paths are `os.path`'s, because pathlib imports half a dozen others.
"""

from __future__ import annotations

import hashlib
import os.path

from ironworks.runtime import engines
from ironworks.runtime.manifest import FILE_NAME, ArtifactError, Manifest
from ironworks.runtime.model import CompiledModel

_ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64"}


def load(path: os.PathLike[str] | str, threads: int | None = None) -> CompiledModel:
    """Load the compiled model at `path`, a folder or the `.tar.gz` that a compilation wrote.

    `threads` is how many threads one `run` may use: as many as the model was compiled for if not given, which is one
    unless more were asked for, because several instances on one machine slow each other down with more.

    Raises:
        ArtifactError: there is no compiled model, it is damaged, or it is for another machine or version.
    """
    path = os.fspath(path)
    if os.path.isdir(path):
        return _load_folder(path, threads)
    import tempfile

    # An engine holds what it needs when it is open, so the unpacked files can go.
    with tempfile.TemporaryDirectory(prefix="ironworks-model-") as folder:
        unpack(path, folder)
        return _load_folder(folder, threads)


def verify(folder: str, *, here: bool = True) -> Manifest:
    """Read the manifest in `folder` and compare every file with its SHA-256.

    `here` is whether the model is to run on this machine, and so has to be for its architecture.

    Raises:
        ArtifactError: the manifest or a file is missing, damaged, or made for another architecture.
    """
    try:
        manifest = Manifest.from_json(_content(os.path.join(folder, FILE_NAME)))
    except FileNotFoundError as error:
        raise ArtifactError(
            f"{folder} holds no {FILE_NAME}, so it is not a compiled model. Give the folder or archive "
            "that a compilation wrote."
        ) from error
    machine = architecture()
    if here and manifest.architecture != machine:
        raise ArtifactError(
            f"The model was compiled for {manifest.target} ({manifest.architecture}) and this machine is "
            f"{machine}. Compile it for a target of this machine."
        )
    for name, expected in manifest.files.items():
        _verify_file(folder, name, expected)
    for entry in {manifest.entry, *(variant.entry for variant in manifest.variants)}:
        if entry not in manifest.files:
            raise ArtifactError(f"{FILE_NAME} has no checksum for {entry}. Compile the model again.")
    return manifest


def architecture() -> str:
    """This machine's architecture, `x86_64` or `aarch64`."""
    machine = os.uname().machine.lower()
    return _ARCHITECTURES.get(machine, machine)


def _load_folder(folder: str, threads: int | None) -> CompiledModel:
    manifest = verify(folder)
    return CompiledModel(manifest, engines.start(manifest, folder, threads or manifest.threads))


def _content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _verify_file(folder: str, name: str, expected: str) -> None:
    whole = os.path.realpath(folder)
    try:
        path = os.path.realpath(os.path.join(whole, name))
        inside = os.path.commonpath([whole, path]) == whole
    except ValueError:  # no path of this system: it holds a zero, or half a character
        inside = False
    if not inside:
        raise ArtifactError(
            f"{FILE_NAME} names {name!r}, which is outside the artifact. Compile the model again."
        )
    try:
        found = hashlib.sha256(_content(path)).hexdigest()
    except OSError as error:
        raise ArtifactError(f"The compiled model lacks its file {name}. Compile the model again.") from error
    if found != expected:
        raise ArtifactError(
            f"The compiled model's file {name} has SHA-256 {found}, where {FILE_NAME} says {expected}: it was "
            "changed or damaged after compilation. Compile the model again."
        )


def unpack(archive: str, folder: str) -> None:
    """Unpack the archive of a compiled model into `folder`.

    Raises:
        ArtifactError: there is no archive, or it is damaged.
    """
    import tarfile
    import zlib

    try:
        with tarfile.open(archive, "r|*") as tar:  # as a stream, which needs no module gzip
            tar.extractall(folder, members=(item for item in tar if item.name.strip("./")), filter="data")
    except FileNotFoundError as error:
        raise ArtifactError(f"There is no compiled model at {archive}.") from error
    except (tarfile.TarError, zlib.error, EOFError, LookupError, OSError) as error:
        raise _unreadable(archive, error) from error
    except Exception as error:
        from lzma import LZMAError

        if isinstance(error, LZMAError):
            raise _unreadable(archive, error) from error
        raise


def _unreadable(archive: str, error: Exception) -> ArtifactError:
    return ArtifactError(f"{archive} is not a compiled model: it is no readable archive ({error}).")
