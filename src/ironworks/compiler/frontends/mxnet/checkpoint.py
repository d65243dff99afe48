"""Finds an MXNet checkpoint among the files of a model archive."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ironworks.errors import ClientError

_PARAMS = re.compile(r"(?P<prefix>.*)-(?P<epoch>\d{4,})\.params")
_EXPECTED = (
    "MXNet saves NAME-symbol.json and NAME-0000.params (Module.save_checkpoint or HybridBlock.export)."
)


@dataclass(frozen=True)
class Checkpoint:
    """The two files of a checkpoint."""

    symbol: Path
    params: Path


def find_checkpoint(folder: Path, name: str) -> Checkpoint:
    """The checkpoint in `folder` or below, or whose symbol file `folder` is; the highest epoch of it.

    Raises:
        ClientError: there is none, or there are several models.
    """
    only = folder if folder.is_file() else None
    folder = folder.parent if only else folder
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    symbols = [only] if only else [path for path in files if path.name.endswith("-symbol.json")]
    if not symbols:
        raise ClientError(f"{name} has no file *-symbol.json; it has {_listing(files, folder)}. {_EXPECTED}")
    if len(symbols) > 1:
        raise ClientError(
            f"{name} has several models: {_listing(symbols, folder)}. Put one model into an archive."
        )
    symbol = symbols[0]
    prefix = symbol.name.removesuffix("-symbol.json")
    epochs = {}
    for path in files:
        match = _PARAMS.fullmatch(path.name)
        if match and match["prefix"] == prefix and path.parent == symbol.parent:
            epochs[int(match["epoch"])] = path
    if not epochs:
        raise ClientError(
            f"{name} has {symbol.name} and no {prefix}-NNNN.params beside it; it has {_listing(files, folder)}. "
            f"{_EXPECTED}"
        )
    return Checkpoint(symbol, epochs[max(epochs)])


def _listing(files: list[Path], folder: Path, most: int = 10) -> str:
    names = [str(path.relative_to(folder)) for path in files]
    if not names:
        return "no files"
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
