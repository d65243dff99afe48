"""The manifest of a compiled model: what it takes, what it gives, what it runs on, what it is made of.

`manifest.json` (UTF-8 JSON, one object):

| member | value |
|---|---|
| `format` | `"ironworks-compiled-model"` |
| `version` | 1, or 2 for a model of several batch sizes; a reader refuses any other |
| `target` | the target that the model was compiled for, `"ml_c5"` |
| `architecture` | `"x86_64"`, as `uname -m` says it |
| `instruction_sets` | levels that the compiled code asks for, `["x86-64"]` |
| `engine`, `options`, `entry` | what runs it, how, and the file that it opens |
| `inputs`, `outputs` | `[{"name", "shape", "dtype"}]`, in the order in which the engine takes and gives them |
| `versions` | of what compiled it: `{"ironworks": "0.1.0", …}` |
| `threads` | how many a call could use when it was chosen as the fastest; 1 if there is no such member |
| `files` | SHA-256 (hex) of each file of the artifact but this one, by relative path |

In version 2 the first size of every input and output is -1, the number of rows, and in place of `engine`, `options`,
`entry` and `instruction_sets` there is

| member | value |
|---|---|
| `variants` | an object for each batch size, smallest first: these four, `batch`, and `microseconds` a call or null |
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from math import prod
from typing import Any

import numpy as np

FILE_NAME = "manifest.json"
FORMAT = "ironworks-compiled-model"
VERSIONS = (1, 2)
"""Of one batch size, and of several."""
ANY = -1
"""The first size of a tensor with any number of rows, as `numpy.reshape` takes it."""
ROWS = "ironworks_rows"
"""The name of the number of rows in files of other formats that leave it open."""
_HOW_TO_RUN = ("engine", "entry", "options", "instruction_sets")


class ArtifactError(ValueError):
    """A compiled model that cannot be loaded here: damaged, from another version, or for another machine."""


@dataclass(frozen=True)
class Tensor:
    """An input or output: `dtype` is numpy's name for it.

    `shape` is fixed at compile time, but for the first size of a model that was compiled for several batch
    sizes: that one is `ANY`.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str

    @property
    def any_rows(self) -> bool:
        """Whether it has any number of rows."""
        return self.shape[:1] == (ANY,)

    @property
    def size(self) -> int:
        """Number of elements; of one row if there may be any number of them."""
        return prod(self.shape[1:] if self.any_rows else self.shape)

    def with_rows(self, rows: int) -> Tensor:
        """The same with `rows` in place of the first size."""
        return replace(self, shape=(rows, *self.shape[1:]))

    def __str__(self) -> str:
        sizes = ["n" if size == ANY else str(size) for size in self.shape]
        return f"{self.name} [{', '.join(sizes)}] {self.dtype}"


@dataclass(frozen=True)
class Variant:
    """What runs a batch of one size.

    Attributes:
        batch: rows.
        microseconds: the median of a call where it was compiled; None if that was not measured.
        engine, entry, options, instruction_sets: as `Manifest` has them.
    """

    batch: int
    engine: str
    entry: str
    options: Mapping[str, str]
    instruction_sets: tuple[str, ...]
    microseconds: float | None


@dataclass(frozen=True)
class Manifest:
    """What `manifest.json` says; the module's docstring has the format.

    Where there are `variants`, `engine` and what goes with it are those of the first.
    """

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
    variants: tuple[Variant, ...] = ()
    threads: int = 1

    def of(self, variant: Variant) -> Manifest:
        """The manifest of one of the variants alone."""
        return replace(
            self,
            inputs=tuple(tensor.with_rows(variant.batch) for tensor in self.inputs),
            outputs=tuple(tensor.with_rows(variant.batch) for tensor in self.outputs),
            variants=(),
            **{name: getattr(variant, name) for name in _HOW_TO_RUN},
        )

    def to_json(self) -> str:
        """The text of `manifest.json`."""
        document = {"format": FORMAT, "version": 2 if self.variants else 1, **asdict(self)}
        for name in _HOW_TO_RUN if self.variants else ("variants",):
            del document[name]
        return json.dumps(document, indent=2) + "\n"

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
        if document.get("version") not in VERSIONS:
            raise ArtifactError(
                f"The compiled model has format version {document.get('version')} and this runtime reads "
                f"versions {' and '.join(map(str, VERSIONS))}. Compile the model again with this version of Ironworks."
            )
        try:
            variants = _variants(document["variants"]) if document["version"] == 2 else ()
            return cls(
                target=_text(document["target"]),
                architecture=_text(document["architecture"]),
                inputs=_tensors(document["inputs"], bool(variants)),
                outputs=_tensors(document["outputs"], bool(variants)),
                versions=_texts(document["versions"]),
                files=_texts(document["files"]),
                variants=variants,
                threads=_count(document.get("threads", 1)),
                **_how_to_run(asdict(variants[0]) if variants else document),
            )
        except KeyError as error:
            raise ArtifactError(f"{FILE_NAME} lacks {error}. Compile the model again.") from error
        except (TypeError, ValueError, AttributeError) as error:
            raise ArtifactError(f"{FILE_NAME} is damaged ({error}). Compile the model again.") from error


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} where a text is expected")
    return value


def _count(value: Any) -> int:
    if type(value) is not int or value < 1:
        raise ValueError(f"{value!r} where a number from 1 on is expected")
    return value


def _texts(value: Any) -> dict[str, str]:
    return {_text(key): _text(item) for key, item in value.items()}


def _how_to_run(item: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "engine": _text(item["engine"]),
        "entry": _text(item["entry"]),
        "options": _texts(item["options"]),
        "instruction_sets": tuple(_text(level) for level in item["instruction_sets"]),
    }


def _variants(items: Any) -> tuple[Variant, ...]:
    variants: list[Variant] = []
    for item in items:
        batch, time = item["batch"], item["microseconds"]
        least = variants[-1].batch + 1 if variants else 1
        if type(batch) is not int or batch < least:
            raise ValueError(f"batch size {batch!r} where a number from {least} on is expected")
        if time is not None and not (isinstance(time, (int, float)) and time > 0):
            raise ValueError(f"a call of {time!r} µs")
        variants.append(Variant(batch=batch, microseconds=time, **_how_to_run(item)))
    if not variants:
        raise ValueError("there are no variants")
    return tuple(variants)


def _tensors(items: Any, any_rows: bool) -> tuple[Tensor, ...]:
    tensors = tuple(_tensor(item) for item in items)
    for tensor in tensors:
        if any_rows != tensor.any_rows:
            raise ValueError(f"{tensor} in a model of {'several' if any_rows else 'one'} batch size")
    return tensors


def _tensor(item: Any) -> Tensor:
    dtype = np.dtype(_text(item["dtype"])).name
    return Tensor(_text(item["name"]), tuple(int(dimension) for dimension in item["shape"]), dtype)
