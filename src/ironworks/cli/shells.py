"""How each kind of shell writes that a variable is set, or is not."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum


class Shell(str, Enum):
    """`bash` stands for every shell of the Bourne family: bash, zsh, dash, ksh."""

    BASH = "bash"
    FISH = "fish"
    POWERSHELL = "powershell"


@dataclass(frozen=True)
class Syntax:
    """Statements of one line, each ended so that it also stands when line ends are lost."""

    assign: Callable[[str, str], str]
    remove: Callable[[str], str]


def _fish_quote(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _powershell_quote(value: str) -> str:
    # PowerShell takes typographic quotes for quotes as well; doubling makes each stand for itself.
    for quote in "'\u2018\u2019\u201a\u201b":
        value = value.replace(quote, quote * 2)
    return f"'{value}'"


SYNTAX: Mapping[Shell, Syntax] = {
    Shell.BASH: Syntax(
        assign=lambda name, value: f"export {name}={shlex.quote(value)};",
        remove=lambda name: f"unset {name};",
    ),
    Shell.FISH: Syntax(
        assign=lambda name, value: f"set -gx {name} {_fish_quote(value)};",
        remove=lambda name: f"set -e {name};",
    ),
    Shell.POWERSHELL: Syntax(
        assign=lambda name, value: f"${{env:{name}}} = {_powershell_quote(value)};",
        remove=lambda name: f"Remove-Item -LiteralPath Env:{name} -ErrorAction SilentlyContinue;",
    ),
}


def of_user(environ: Mapping[str, str]) -> Shell:
    """The shell that the environment speaks of: `SHELL`, and where there is none PowerShell's own variable."""
    name = environ.get("SHELL", "").replace("\\", "/").rpartition("/")[2]
    if name == "fish":
        return Shell.FISH
    if name in ("pwsh", "powershell") or (not name and "PSModulePath" in environ):
        return Shell.POWERSHELL
    return Shell.BASH


def statements(
    shell: Shell, before: Mapping[str, str], after: Mapping[str, str], names: Iterable[str]
) -> list[str]:
    """What makes `after` of `before`, as far as `names` go."""
    syntax = SYNTAX[shell]
    return [
        syntax.assign(name, after[name]) if name in after else syntax.remove(name)
        for name in sorted(names)
        if name in after or name in before
    ]
