"""The manifest of a compiled model: what it takes, what it gives, what it runs on, what it is made of.

`manifest.json` (UTF-8 JSON, one object):

| member | value |
|---|---|
| `format` | `"ironworks-compiled-model"` |
| `version` | 1; a reader refuses any other |
| `target` | the target that the model was compiled for, `"ml_c5"` |
| `architecture` | `"x86_64"`, as `uname -m` says it |
| `instruction_sets` | levels that the compiled code asks for, `["x86-64"]` |
| `engine`, `options`, `entry` | what runs it, how, and the file that it opens |
| `inputs`, `outputs` | `[{"name", "shape", "dtype"}]`, in the order in which the engine takes and gives them |
| `versions` | of what compiled it: `{"ironworks": "0.1.0", …}` |
| `files` | SHA-256 (hex) of each file of the artifact but this one, by relative path |
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

FILE_NAME = "manifest.json"
FORMAT = "ironworks-compiled-model"
VERSION = 1


class ArtifactError(ValueError):
    """A compiled model that cannot be loaded here: damaged, from another version, or for another machine."""


@dataclass(frozen=True)
class Tensor:
    """An input or output: `dtype` is numpy's name for it, `shape` is fixed at compile time."""

    name: str
    shape: tuple[int, ...]
    dtype: str

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(np.prod(self.shape, dtype=np.int64))

    def __str__(self) -> str:
        return f"{self.name} {list(self.shape)} {self.dtype}"


@dataclass(frozen=True)
class Manifest:
    """What `manifest.json` says; the module's docstring has the format."""

    target: str
    architecture: str
    engine: str
    entry: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    instruction_sets: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """The text of `manifest.json`."""
        return json.dumps({"format": FORMAT, "version": VERSION, **asdict(self)}, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Manifest:
        """Read the text of `manifest.json`.

        Raises:
            ArtifactError: it is not JSON, not of this format and version, or a member is missing or wrong.
        """
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ArtifactError(f"{FILE_NAME} is not JSON ({error}). Compile the model again.") from error
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise ArtifactError(
                f"{FILE_NAME} is not the manifest of a compiled model. Compile the model again."
            )
        if document.get("version") != VERSION:
            raise ArtifactError(
                f"The compiled model has format version {document.get('version')} and this runtime reads "
                f"version {VERSION}. Compile the model again with this version of Ironworks."
            )
        try:
            return cls(
                target=_text(document["target"]),
                architecture=_text(document["architecture"]),
                engine=_text(document["engine"]),
                entry=_text(document["entry"]),
                inputs=tuple(_tensor(item) for item in document["inputs"]),
                outputs=tuple(_tensor(item) for item in document["outputs"]),
                instruction_sets=tuple(_text(item) for item in document["instruction_sets"]),
                options=_texts(document["options"]),
                versions=_texts(document["versions"]),
                files=_texts(document["files"]),
            )
        except KeyError as error:
            raise ArtifactError(f"{FILE_NAME} lacks {error}. Compile the model again.") from error
        except (TypeError, ValueError, AttributeError) as error:
            raise ArtifactError(f"{FILE_NAME} is damaged ({error}). Compile the model again.") from error


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} where a text is expected")
    return value


def _texts(value: Any) -> dict[str, str]:
    return {_text(key): _text(item) for key, item in value.items()}


def _tensor(item: Any) -> Tensor:
    dtype = np.dtype(_text(item["dtype"])).name
    return Tensor(_text(item["name"]), tuple(int(dimension) for dimension in item["shape"]), dtype)
