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

    Level 1: model weights hardly compress, and a job waits for this.
    """
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        for path in sorted(directory.iterdir()):
            tar.add(path, arcname=path.name)
