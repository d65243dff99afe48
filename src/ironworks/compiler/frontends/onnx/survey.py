"""One look over a whole ONNX model, before any work: what of it cannot be compiled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import onnx
from onnx import AttributeProto, defs

from ironworks.compiler.frontends.unsupported import Unsupported
from ironworks.errors import ClientError

_DOMAINS = ("", "ai.onnx", "ai.onnx.ml")
_OPENING = "The model has operators that cannot be compiled"
_SPECIAL = {
    "com.microsoft": "Export it without ONNX Runtime's graph optimisation, which makes operators of com.microsoft.",
    "aten": "Export it from PyTorch with OperatorExportTypes.ONNX, so that nothing stays an ATen operator.",
    "is a sequence": "Take and give tensors only.",
}
"""What to do, by a part of what was found."""
_GENERAL = "Export it with standard operators only, or deploy the model uncompiled."


def refuse_unsupported(model: onnx.ModelProto) -> None:
    """Look at every node, also those within If, Loop and Scan.

    Raises:
        ClientError: an operator is not part of ONNX in the model's version of it, an attribute is not one of its
            operator or is missing, or an input or output is no tensor: all of them with the names of the nodes.
    """
    versions = {item.domain: item.version for item in model.opset_import}
    newest = defs.onnx_opset_version()
    if versions.get("", versions.get("ai.onnx", 0)) > newest:
        raise ClientError(
            f"The model is of opset {versions.get('', versions.get('ai.onnx'))}, and the installed onnx knows up to "
            f"{newest}. Export it with an older one, or upgrade onnx."
        )
    found = Unsupported()
    for node in _nodes(model.graph.node):
        name = node.name or next(iter(node.output), "?")
        for problem in _problems(node, versions):
            found.add(problem, name)
    for value in (*model.graph.input, *model.graph.output):
        if not value.type.HasField("tensor_type"):
            kind = (value.type.WhichOneof("value") or "of no type").removesuffix("_type")
            found.add(f"an input or output that is a {kind}", value.name)
    special = [remedy for part, remedy in _SPECIAL.items() if part in found]
    found.refuse(_OPENING, [*special, _GENERAL])


def _nodes(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
    for node in nodes:
        yield node
        for attribute in node.attribute:
            if attribute.type == AttributeProto.GRAPH:
                yield from _nodes(attribute.g.node)


def _problems(node: onnx.NodeProto, versions: dict[str, int]) -> Iterator[str]:
    domain = "" if node.domain == "ai.onnx" else node.domain
    version = versions.get(node.domain, versions.get("ai.onnx", 0) if not domain else 0)
    shown = f"{node.domain}::{node.op_type}" if domain else node.op_type
    if node.domain not in _DOMAINS or not defs.has(
        node.op_type, max_inclusive_version=version, domain=domain
    ):
        yield shown
        return
    schema = defs.get_schema(node.op_type, version, domain)
    if schema.deprecated:
        yield f"{shown}, which opset {version} no longer has,"
        return
    given = {attribute.name: attribute for attribute in node.attribute}
    for name, attribute in given.items():
        if name not in schema.attributes:
            yield f"{shown} with the attribute {name}, which it does not have in opset {version},"
        elif _kind(attribute) not in ("UNDEFINED", str(schema.attributes[name].type).rpartition(".")[2]):
            yield f"{shown} with the attribute {name} of another type,"
    for name, expected in schema.attributes.items():
        if expected.required and name not in given:
            yield f"{shown} without the attribute {name}, which it needs,"


def _kind(attribute: AttributeProto) -> str:
    return str(AttributeProto.AttributeType.Name(attribute.type))
