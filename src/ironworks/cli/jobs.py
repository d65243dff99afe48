"""`ironworks jobs` and `ironworks stop`: training and compilation jobs."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Annotated, Any

import typer

from ironworks.cli.completion import job_names
from ironworks.cli.connection import connect
from ironworks.cli.failures import FAILED, Misuse
from ironworks.cli.kinds import COMPILATION, JOBS, TRAINING, Description, Kind, find
from ironworks.cli.options import HomeOption, JsonOption, RegionOption
from ironworks.cli.screen import age, between, notes, output, print_json, state, table

_STATES = {
    TRAINING: ("InProgress", "Completed", "Failed", "Stopping", "Stopped"),
    COMPILATION: ("STARTING", "INPROGRESS", "COMPLETED", "FAILED", "STOPPING", "STOPPED"),
}


class JobKind(str, Enum):
    """What `--kind` takes."""

    TRAINING = "training"
    COMPILATION = "compilation"


def jobs(
    kind: Annotated[JobKind | None, typer.Option(help="Jobs of this kind alone.", show_default=False)] = None,
    status: Annotated[
        str | None,
        typer.Option(metavar="STATUS", help="Jobs in this state alone: failed, …", show_default=False),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Jobs whose name has this text.", show_default=False),
    ] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="How many, the newest first.")] = 20,
    as_json: JsonOption = False,
    region: RegionOption = None,
    home: HomeOption = None,
) -> None:
    """List training and compilation jobs.

    ironworks jobs --status failed
    ironworks jobs --kind training --name mnist --limit 5
    """
    kinds = [one for one in JOBS if kind is None or one.short == kind.value]
    states = _states(status, kinds)
    found = _newest(connect(home, region).client("sagemaker"), kinds, states, name, limit)
    if as_json:
        print_json({one.listed: [job for of, job in found if of is one] for one in kinds})
        return
    if not found:
        notes().print("No jobs." if (status or name) is None else "No such jobs.")
        return
    rows = [_row(of, job) for of, job in found]
    output().print(table(["name", "kind", "status", "created", "took", "target"], rows))


def stop(
    names: Annotated[
        list[str],
        typer.Argument(metavar="NAME...", help="The jobs to stop.", autocompletion=job_names),
    ],
    as_json: JsonOption = False,
    region: RegionOption = None,
    home: HomeOption = None,
) -> None:
    """Stop jobs.

    A training script gets two minutes to end, and what it saved is kept.
    Exit code 1 when a job has ended already.
    """
    sagemaker = connect(home, region).client("sagemaker")
    found = [(name, kind, job) for name in names for kind, job in find(sagemaker, name, JOBS).items()]
    outcomes = [_stop(sagemaker, *one) for one in found]
    if as_json:
        print_json({"Stopped": [outcome for outcome in outcomes if outcome["Asked"]], "Jobs": outcomes})
    else:
        for outcome in outcomes:
            output().print(
                f"Asked the {outcome['Kind']} {outcome['Name']} to stop."
                if outcome["Asked"]
                else f"The {outcome['Kind']} {outcome['Name']} is {outcome['Status']} already."
            )
    if not all(outcome["Asked"] for outcome in outcomes):
        raise typer.Exit(FAILED)


def _stop(sagemaker: Any, name: str, kind: Kind, job: Description) -> Description:
    status = job[kind.status]
    asked = status in kind.running
    if asked:
        kind.stop(sagemaker, name)
    return {"Kind": kind.label, "Name": name, "Status": status, "Asked": asked}


def _newest(
    sagemaker: Any, kinds: Sequence[Kind], states: dict[Kind, str], name: str | None, limit: int
) -> list[tuple[Kind, Description]]:
    found = []
    for kind in kinds:
        if states and kind not in states:
            continue
        filters = {"NameContains": name} if name else {}
        filters |= {"StatusEquals": states[kind]} if states else {}
        found += [(kind, job) for job in kind.list(sagemaker, limit, **filters)]
    found.sort(key=lambda pair: pair[1]["CreationTime"], reverse=True)
    return found[:limit]


def _states(status: str | None, kinds: Sequence[Kind]) -> dict[Kind, str]:
    """The state as each kind spells it; empty when none is asked for.

    Raises:
        Misuse: no kind has such a state.
    """
    if status is None:
        return {}
    found = {kind: one for kind in kinds for one in _STATES[kind] if one.lower() == status.lower()}
    if not found:
        known = dict.fromkeys(one.lower() for kind in kinds for one in _STATES[kind])
        raise Misuse(f"--status {status} is no state of a job. Those that there are: {', '.join(known)}.")
    return found


def _row(kind: Kind, job: Description) -> list[object]:
    if kind is TRAINING:
        begin, end, target = job["CreationTime"], job.get("TrainingEndTime"), ""
    else:
        begin, end = job.get("CompilationStartTime"), job.get("CompilationEndTime")
        target = job.get("CompilationTargetDevice") or job.get("CompilationTargetPlatformArch") or ""
    return [
        job[kind.name],
        kind.short,
        state(job[kind.status]),
        age(job["CreationTime"]),
        between(begin, end),
        target,
    ]
