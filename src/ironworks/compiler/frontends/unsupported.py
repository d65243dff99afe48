"""What of a model cannot be compiled: all of it in one error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ironworks.errors import FAILURE_REASON_LIMIT, ClientError

_ROOM = FAILURE_REASON_LIMIT - len(f"{ClientError.prefix}: ")
_NODES_SHOWN = 3
_LONGEST_NAME = 60


class Unsupported:
    """What was found while a frontend looked over a whole model: operators and variants, each with its nodes."""

    def __init__(self) -> None:
        self._nodes: dict[str, list[str]] = {}

    def add(self, what: str, node: str) -> None:
        """Note that the node named `node` has `what`, an operator or an operator with an attribute."""
        self._nodes.setdefault(what, []).append(node)

    def refuse(self, opening: str, remedies: Sequence[str]) -> None:
        """Do nothing if nothing was found.

        Raises:
            ClientError: `opening`, what was found with the names of its nodes, and all of `remedies`. It fits
                into a FailureReason: what does not is counted.
        """
        if self._nodes:
            ending = f". {' '.join(remedies)}"
            raise ClientError(
                f"{opening}: {_listing(self._nodes, _ROOM - len(opening) - len(ending) - 2)}{ending}"
            )

    def __contains__(self, text: str) -> bool:
        """Whether anything whose name has `text` in it was found."""
        return any(text in what for what in self._nodes)

    def __bool__(self) -> bool:
        return bool(self._nodes)


def _listing(nodes: Mapping[str, Sequence[str]], room: int) -> str:
    entries = [f"{what} ({_few(names)})" for what, names in nodes.items()]
    whole = "; ".join(entries)
    if len(whole) <= room:
        return whole
    rest = "; and {} more of {} kinds in {} nodes".format
    room -= len(rest(len(entries), len(entries), sum(map(len, nodes.values()))))
    shown = 0
    while shown < len(entries) and len("; ".join(entries[: shown + 1])) <= room:
        shown += 1
    shown = max(shown, 1)
    left = list(nodes.values())[shown:]
    return "; ".join(entries[:shown])[:room] + rest(len(left), len(entries), sum(map(len, left)))


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(_shortened(name) for name in names[:_NODES_SHOWN])
    return shown if len(names) <= _NODES_SHOWN else f"{shown} and {len(names) - _NODES_SHOWN} more"


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"…{name[1 - _LONGEST_NAME :]}"
