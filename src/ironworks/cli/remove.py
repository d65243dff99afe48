"""`ironworks rm`."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ironworks.cli.completion import every_name
from ironworks.cli.connection import connect
from ironworks.cli.failures import FAILED, Misuse
from ironworks.cli.kinds import ENDPOINT, EVERY, JOBS, Description, Kind, find
from ironworks.cli.options import HomeOption, JsonOption, RegionOption, YesOption
from ironworks.cli.screen import notes, output, print_json

if TYPE_CHECKING:
    from ironworks.sdk.session import Session

_MOST = 10_000


class KindName(str, Enum):
    """What `--kind` takes."""

    ENDPOINT = "endpoint"
    CONFIG = "endpoint-config"
    MODEL = "model"
    COMPILATION = "compilation-job"
    TRAINING = "training-job"


@dataclass(frozen=True)
class Removal:
    """One resource that goes, and what is freed with it."""

    kind: Kind
    name: str
    description: Description
    freed: str

    def __str__(self) -> str:
        return f"{self.kind.label} {self.name}" + (f" ({self.freed})" if self.freed else "")


def rm(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME", help="What to delete.", autocompletion=every_name, show_default=False),
    ] = None,
    kind: Annotated[
        KindName | None,
        typer.Option(
            metavar="KIND",
            help=f"Only what is of this kind: {', '.join(KindName)}.",
            show_default=False,
        ),
    ] = None,
    all_endpoints: Annotated[
        bool, typer.Option("--all-endpoints", help="Every endpoint of the region.")
    ] = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
    region: RegionOption = None,
    home: HomeOption = None,
) -> None:
    """Delete endpoints, models and jobs.

    It says what goes, and asks. An endpoint, its configuration and its
    model go together where they have one name. What jobs have written
    to S3 stays.

    ironworks rm digits
    ironworks rm --all-endpoints --yes
    ironworks rm mnist --kind model
    """
    if bool(names) == all_endpoints:
        raise Misuse("Say what to delete: one or more names, or --all-endpoints.")
    session = connect(home, region)
    sagemaker = session.client("sagemaker")
    wanted = [one for one in EVERY if kind is None or one.noun == kind.value.replace("-", "_")]
    found = _every_endpoint(sagemaker) if all_endpoints else list(names or [])
    plan = [removal for name in dict.fromkeys(found) for removal in _removals(sagemaker, name, wanted)]
    if not plan:
        notes().print("No endpoints.")
    elif not yes and not _agreed(plan):
        raise typer.Exit(FAILED)
    gone = [_perform(session, removal, quiet=as_json) for removal in plan]
    if as_json:
        print_json({"Deleted": gone})


def _removals(sagemaker: Any, name: str, kinds: Sequence[Kind]) -> list[Removal]:
    """What goes with a name: what was deployed under it, or if nothing was, the jobs that are called so."""
    found = find(sagemaker, name, kinds)
    deployed = [kind for kind in found if kind not in JOBS]
    jobs = [kind for kind in found if kind in JOBS]
    if deployed and jobs:
        notes().print(f"Stays: the {' and the '.join(kind.label for kind in jobs)} {name}. See --kind.")
    return [Removal(kind, name, found[kind], _freed(kind, found[kind])) for kind in deployed or jobs]


def _freed(kind: Kind, description: Description) -> str:
    if kind is ENDPOINT:
        variants = description.get("ProductionVariants", [])
        count = sum(variant.get("CurrentInstanceCount", 0) for variant in variants)
        return f"{count} instance ends" if count == 1 else f"{count} instances end"
    return "its record; what it has written to S3 stays" if kind in JOBS else ""


def _every_endpoint(sagemaker: Any) -> list[str]:
    return [endpoint["EndpointName"] for endpoint in ENDPOINT.list(sagemaker, _MOST)]


def _agreed(plan: Sequence[Removal]) -> bool:
    """Whether whoever sits there wants it.

    Raises:
        Misuse: nobody sits there.
    """
    if not _somebody_sits_there():
        raise Misuse("Nobody can be asked here. If you are sure, give --yes.")
    console = notes()
    console.print("This deletes:")
    for removal in plan:
        console.print(f"  {removal}")
    return typer.confirm("Go on?", err=True)


def _somebody_sits_there() -> bool:
    return sys.stdin.isatty()


def _perform(session: Session, removal: Removal, quiet: bool) -> dict[str, str]:
    """Delete one resource, and an endpoint to its end: until no process of it is left."""
    from ironworks.cli.following import changes

    removal.kind.delete(session.client("sagemaker"), removal.name)
    if removal.kind is ENDPOINT:
        deque(changes(session, removal.description[ENDPOINT.arn]), maxlen=0)
    if not quiet:
        output().print(f"Deleted: {removal}")
    return {"Kind": removal.kind.label, "Name": removal.name}
