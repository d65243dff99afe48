"""Reading and writing the `.tar.gz` archives in which SageMaker moves code and models."""

from __future__ import annotations

import errno
import lzma
import tarfile
import zlib
from pathlib import Path

from ironworks.errors import ClientError

_DAMAGE = (tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, LookupError, OSError)
"""OSError: also members that cannot be files of one folder, such as `a` and `a/b`."""

_BLOCK = 1 << 20
_WORTH_COMPRESSING = 0.85

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


def extract(archive: Path, directory: Path, name: str) -> None:
    """Unpack `archive` (tar, compressed or not) into `directory`.

    `name` is how messages call the archive (its S3 URI). A root entry with an empty name, as the
    SageMaker SDK writes it when it repacks a model, is accepted.

    Raises:
        ClientError: the archive is damaged, or a member would be written outside `directory`.
        OSError: the disk is full.
    """
    directory.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(archive, "r:*") as tar:
            for member in tar:
                if member.name.strip("./") == "":
                    continue
                tar.extract(member, directory, filter="data")
            _read_to_the_end(tar)
    except tarfile.FilterError as error:
        raise ClientError(
            f"{name} holds the member {error.tarinfo.name!r}, which would be written outside the folder that "
            "the archive is unpacked in. Make the archive anew with relative paths: tar czf model.tar.gz -C FOLDER ."
        ) from error
    except _DAMAGE as error:
        if isinstance(error, OSError) and error.errno in _NO_SPACE:
            raise
        raise ClientError(
            f"{name} is not a readable tar archive ({error}). Make it anew: tar czf model.tar.gz -C FOLDER ."
        ) from error


def _read_to_the_end(tar: tarfile.TarFile) -> None:
    """A compressed stream's checksum stands behind the last member and is compared only when it is read."""
    while tar.fileobj is not None and tar.fileobj.read(_BLOCK):
        pass


def pack(directory: Path, archive: Path) -> None:
    """Write everything below `directory` into the gzip-compressed tar `archive`, names in sorted order.

    A job waits for this, so the level of compression is the lowest, or none where that would save little.
    """
    with tarfile.open(archive, "w:gz", compresslevel=_level(directory)) as tar:
        for path in sorted(directory.iterdir()):
            tar.add(path, arcname=path.name)


def _level(directory: Path) -> int:
    """Judged by the middle of the largest file: trained weights hardly compress, and take 15 s a gigabyte to try."""
    files = [path for path in directory.rglob("*") if path.is_file() and not path.is_symlink()]
    largest = max(files, key=lambda path: path.stat().st_size, default=None)
    if largest is None:
        return 1
    with largest.open("rb") as file:
        file.seek(max(0, largest.stat().st_size - _BLOCK) // 2)
        block = file.read(_BLOCK)
    return 1 if len(zlib.compress(block, 1)) < _WORTH_COMPRESSING * len(block) else 0
