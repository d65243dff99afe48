"""The files by which clients come to trust this installation's certificate authority.

Apart from `authority`, so that reading them needs no cryptography (`ironworks env` starts in a blink).
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

CERTIFICATE = "ca.pem"
"""Name of the authority's own certificate in its folder."""

_BEGIN = b"-----BEGIN CERTIFICATE-----"


def write_bundle(roots: Path, authority: Path, target: Path) -> None:
    """Write the certificates of `roots`, then that of `authority`, to `target` (PEM), unless they are there.

    `roots` is a file, or a folder of them as OpenSSL's `c_rehash` makes it.

    Raises:
        OSError: `roots` or `authority` cannot be read, or `target` not be written.
    """
    content = b"".join(part.rstrip(b"\n") + b"\n" for part in (*_certificates(roots), authority.read_bytes()))
    if not target.exists() or target.read_bytes() != content:
        replace(target, content, mode=0o644)


def replace(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Write `path` whole or not at all: a reader sees the old bytes or the new."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _certificates(roots: Path) -> list[bytes]:
    if not roots.is_dir():
        return [roots.read_bytes()]
    files = sorted({path.resolve() for path in roots.iterdir() if path.is_file()})
    return [content for content in (path.read_bytes() for path in files) if _BEGIN in content]
