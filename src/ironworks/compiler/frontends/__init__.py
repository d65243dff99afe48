"""Readers of trained models: one module a framework, by AWS's name of the framework.

A frontend has one function, `read(folder, input_shapes, name) -> ImportedModel`, that raises `ClientError`
with what is wrong with the model in `folder`; `name` is how messages call its archive.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from ironworks.errors import ClientError

if TYPE_CHECKING:
    import onnx

FRAMEWORKS = {
    "MXNET": "ironworks.compiler.frontends.mxnet",
    "ONNX": "ironworks.compiler.frontends.onnx",
}


@dataclass(frozen=True)
class ImportedModel:
    """A model as ONNX.

    Attributes:
        model: every input has a fixed shape.
        operators: how many of each operator of the framework the model has.
        findings: what the person who made the model should know.
    """

    model: onnx.ModelProto
    operators: Mapping[str, int]
    findings: Sequence[str] = field(default=())


class Frontend(Protocol):
    """A module of this package."""

    def read(self, folder: Path, input_shapes: Mapping[str, Sequence[int]], name: str) -> ImportedModel:
        """Read the model in `folder`, with inputs of `input_shapes`.

        Raises:
            ClientError: the model or the shapes cannot be used.
        """


def find_frontend(framework: str) -> Frontend:
    """The frontend for AWS's framework name.

    Raises:
        ClientError: there is none yet.
    """
    if framework not in FRAMEWORKS:
        raise ClientError(
            f"Models of the framework {framework} cannot be compiled yet; {' and '.join(FRAMEWORKS)} can. "
            "Where the framework has an exporter to ONNX, export the model and compile it as ONNX."
        )
    return cast(Frontend, import_module(FRAMEWORKS[framework]))


def match_inputs(given: Mapping[str, Sequence[int]], existing: Sequence[str]) -> None:
    """Compare the names in DataInputConfig with those of the model's inputs.

    Raises:
        ClientError: an input is unknown, or one is missing.
    """
    unknown = [name for name in given if name not in existing]
    missing = [name for name in existing if name not in given]
    if not unknown and not missing:
        return
    problems = []
    if unknown:
        problems.append(f"names {', '.join(unknown)}, which the model does not have as an input")
    if missing:
        problems.append(f"lacks {', '.join(missing)}")
    raise ClientError(
        f"DataInputConfig {' and '.join(problems)}. The inputs of the model: {', '.join(existing) or 'none'}. "
        "Give the shape of each of them."
    )
