"""How waiting for a job looks: what it prints, and below it on a terminal the phase and how long it has lasted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING

from ironworks.sdk.following import Line, Phase

if TYPE_CHECKING:
    from rich.console import Console

Label = Callable[[Line], str]


def watch(events: Iterable[Phase | Line], console: Console, label: Label | None = None) -> list[Phase]:
    """Show events as they come; the phases that there were, of which the last is the final one."""
    phases: list[Phase] = []
    with phase_line(console) as begin:
        for event in events:
            if isinstance(event, Phase):
                phases.append(event)
                begin("" if event.final else event.name)
            else:
                print_line(console, event, label(event) if label else "")
    return phases


@contextmanager
def phase_line(console: Console) -> Iterator[Callable[[str], None]]:
    """A line at the end of a terminal with the phase and how long it has lasted; what is yielded begins a phase."""
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.table import Column

    cut = Column(no_wrap=True, overflow="ellipsis")
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False, table_column=cut),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:

        def begin(name: str) -> None:
            for task in progress.task_ids:
                progress.remove_task(task)
            if name:
                progress.add_task(name, total=None)

        yield begin


def print_line(console: Console, line: Line, label: str = "") -> None:
    """Print a line in its own colours where the terminal has them, behind the name of the process."""
    from rich.text import Text

    text = Text.from_ansi(line.text)
    console.print(Text.assemble((f"{label}  ", "cyan"), text) if label else text, soft_wrap=True)


def summary(title: str, phases: list[Phase]) -> str:
    """Such as `Training job mnist: Completed after 7.3 s (Starting 0.4 s, Training 6.8 s)`."""
    last = phases[-1]
    took = last.time - phases[0].time
    parts = ", ".join(f"{phase.name} {after.time - phase.time:.1f} s" for phase, after in pairwise(phases))
    return f"{title}: {last.name} after {took:.1f} s" + (f" ({parts})" if parts else "")


def reason(phases: list[Phase]) -> str:
    """Why it failed, on one line."""
    return phases[-1].reason.replace("\n", " ")


def host(line: Line) -> str:
    """Which host of a training job printed a line: `algo-1`, of the stream `JOB/algo-1-1764000000`."""
    return line.stream.rpartition("/")[2].rpartition("-")[0]
