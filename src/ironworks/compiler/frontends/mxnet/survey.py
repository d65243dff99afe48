"""One look over a whole symbol, before its parameters are read: what of it cannot be compiled."""

from __future__ import annotations

from ironworks.compiler.frontends.mxnet.operators import OPERATORS
from ironworks.compiler.frontends.mxnet.symbol import Symbol
from ironworks.compiler.frontends.unsupported import Unsupported

_OPENING = "The model has operators that cannot be compiled yet"
_SPECIAL = {
    "quantized": "Export the network before it was quantized; the compiler has a precision of its own.",
    "_sg_mkldnn": "Export the network without MXNet's graph optimisation (optimize_for, get_backend_symbol).",
    "Custom": "A Custom operator is Python code, which a compiled model cannot have.",
    "Target": "Export the network for inference: targets belong to training.",
    "Loss": "Export the network for inference: a loss belongs to training.",
}
"""What to do, by a part of the operator's name."""
_GENERAL = (
    "Compile the part of the network before them (symbol.get_internals()) and do the rest in the script's "
    "neo_postprocess, or deploy the model uncompiled."
)


def survey(symbol: Symbol) -> Unsupported:
    """Every operator of `symbol` that is not in the table, and every attribute with an unsupported value."""
    found = Unsupported()
    for node in symbol.nodes:
        if node.operator == "null":
            continue
        if node.operator not in OPERATORS:
            found.add(node.operator, node.name)
            continue
        for key, allowed in OPERATORS[node.operator].only.items():
            value = node.attributes.get(key)
            if value is not None and value not in allowed:
                found.add(f"{node.operator} with {key}={value}, not {' or '.join(allowed)},", node.name)
    return found


def refuse(found: Unsupported) -> None:
    """Tell all of `found`, with what can be done about it.

    Raises:
        ClientError: something was found.
    """
    special = [remedy for part, remedy in _SPECIAL.items() if part in found]
    found.refuse(_OPENING, [*special, _GENERAL])
