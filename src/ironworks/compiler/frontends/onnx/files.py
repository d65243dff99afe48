"""Finds and loads an ONNX file with the external data that it names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import onnx
from onnx import external_data_helper

from ironworks.compiler.frontends.sizes import refuse_too_large
from ironworks.errors import ClientError


def find_model(folder: Path, name: str) -> Path:
    """The one ONNX file in `folder` or below, or that `folder` is.

    Raises:
        ClientError: there is none, or there are several.
    """
    if folder.is_file():
        return folder
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    found = [path for path in files if path.suffix == ".onnx"]
    if len(found) != 1:
        listing = ", ".join(str(path.relative_to(folder)) for path in (found or files)[:10]) or "no files"
        raise ClientError(
            f"{name} must have exactly one model, a file *.onnx; it has {len(found)}, among {listing}."
        )
    return found[0]


def load(path: Path) -> onnx.ModelProto:
    """The model in the file `path` with all its weights.

    Raises:
        ClientError: the file is damaged, a file of its external data is missing, or it is too large.
    """
    if not path.stat().st_size:
        raise ClientError(f"{path.name} is not a valid ONNX model: it is empty. Export it again.")
    refuse_too_large(path.stat().st_size, path.name)
    try:
        model = onnx.load(path, load_external_data=False)
    except Exception as error:  # protobuf and the file system each have their own
        raise ClientError(f"{path.name} is not a valid ONNX model: {error}. Export it again.") from error
    files = _external_files(model)
    missing = sorted(name for name in files if not (path.parent / name).is_file())
    if missing:
        raise ClientError(
            f"{path.name} keeps its weights in {', '.join(missing)}, and there is no such file beside it. Put all "
            "files that the exporter wrote into the archive, under the names that they had."
        )
    refuse_too_large(
        path.stat().st_size + sum((path.parent / name).stat().st_size for name in files), path.name
    )
    try:
        external_data_helper.load_external_data_for_model(model, str(path.parent))
    except Exception as error:  # onnx refuses paths that lead elsewhere, and offsets behind the end
        raise ClientError(
            f"The external data of {path.name} cannot be read: {error}. Export it again."
        ) from error
    return model


def _external_files(model: onnx.ModelProto) -> set[str]:
    return {
        entry.value
        for tensor in _tensors(model.graph)
        if tensor.data_location == onnx.TensorProto.EXTERNAL
        for entry in tensor.external_data
        if entry.key == "location"
    }


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """Constants of the graph and of the graphs within its nodes."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.TENSOR:
                yield attribute.t
            elif attribute.type == onnx.AttributeProto.GRAPH:
                yield from _tensors(attribute.g)
