"""`ironworks train`: run a script as a training job."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ironworks.cli.connection import connect
from ironworks.cli.failures import FAILED, Misuse
from ironworks.cli.kinds import without_metadata
from ironworks.cli.options import HomeOption, JsonOption, RegionOption
from ironworks.cli.screen import facts, notes, output, plain, print_json

if TYPE_CHECKING:
    from ironworks.sdk.jobs import TrainingJob

_IMAGES = {"mxnet": "mxnet-training:{}-cpu-py3", "python": "python:{}"}
_VERSIONS = {"mxnet": "1.9.1", "python": f"{sys.version_info.major}.{sys.version_info.minor}"}


def train(
    script: Annotated[Path, typer.Argument(metavar="SCRIPT", help="The script to run.")],
    framework: Annotated[
        str, typer.Option(metavar="|".join(_IMAGES), help="Whose environment it runs in.")
    ] = "mxnet",
    framework_version: Annotated[
        str | None,
        typer.Option(metavar="VERSION", help="The framework's version.", show_default=False),
    ] = None,
    source_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="A folder that is sent whole; SCRIPT is its path within it.",
            show_default=False,
        ),
    ] = None,
    channel: Annotated[
        list[str] | None,
        typer.Option(
            "--channel",
            "-c",
            metavar="NAME=PLACE",
            help="Data: a folder, a file or an S3 URI; once for each channel.",
            show_default=False,
        ),
    ] = None,
    hyperparameter: Annotated[
        list[str] | None,
        typer.Option(
            "--hyperparameter",
            "-p",
            metavar="NAME=VALUE",
            help="An argument of the script; once for each.",
            show_default=False,
        ),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=REGEX",
            help="A metric to read from what the script prints: its group 1 is the value.",
            show_default=False,
        ),
    ] = None,
    instances: Annotated[int, typer.Option(metavar="N", min=1, help="How many hosts train.")] = 1,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="The job's name.", show_default=False)
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return at once.")] = False,
    as_json: JsonOption = False,
    region: RegionOption = None,
    home: HomeOption = None,
) -> None:
    """Run a script as a training job, and show what it prints.

    Exit code 1 when the job fails. Ctrl-C ends the watching; the job goes on.

    ironworks train mnist.py -c train=data/ -p epochs=3 --name mnist
    ironworks train loop.py --framework python --detach
    """
    if framework not in _IMAGES:
        raise Misuse(f"--framework {framework} is not there. Those that are: {', '.join(_IMAGES)}.")
    session = connect(home, region)
    from ironworks.sdk.estimator import Estimator

    estimator = Estimator(
        script,
        image_uri=_IMAGES[framework].format(framework_version or _VERSIONS[framework]),
        source_dir=source_dir or "",
        instance_count=instances,
        hyperparameters={key: _number(text) for key, text in _pairs("hyperparameter", hyperparameter)},
        metric_definitions=dict(_pairs("metric", metric)),
        session=session,
    )
    estimator.fit(dict(_pairs("channel", channel)) or None, wait=False, job_name=name)
    job = estimator.latest_training_job
    if detach and not as_json:
        output().print(f"Training job {job.name} has begun. What it prints: ironworks logs {job.name} -f")
    failed = not detach and _watch(job, instances, as_json)
    if as_json:
        print_json(without_metadata(job.description))
    if failed:
        raise typer.Exit(FAILED)


def _watch(job: TrainingJob, instances: int, as_json: bool) -> bool:
    """Show what the job does until it has ended; whether it has failed."""
    from ironworks.cli.watching import host, reason, summary, watch

    console = notes() if as_json else output()
    try:
        phases = watch(job.follow(), console, host if instances > 1 else None)
    except KeyboardInterrupt:
        notes().print(f"\nThe job goes on. To watch it: ironworks logs {job.name} -f")
        notes().print(f"To stop it: ironworks stop {job.name}")
        raise
    notes().print(summary(f"Training job {job.name}", phases), soft_wrap=True)
    if phases[-1].name == "Failed":
        notes().print(plain(reason(phases), "red"), soft_wrap=True)
        notes().print(f"All that is known of it: ironworks job {job.name}")
        return True
    if not as_json and phases[-1].name == "Completed":
        output().print(facts({"model": job.model_data, "next": f"ironworks deploy {job.name}"}))
    return False


def _pairs(option: str, given: list[str] | None) -> list[tuple[str, str]]:
    """`NAME=VALUE` as two texts.

    Raises:
        Misuse: one is not of this form.
    """
    pairs = [(name, value) for name, _, value in (text.partition("=") for text in given or [])]
    for (name, value), text in zip(pairs, given or [], strict=True):
        if not name or not value:
            raise Misuse(f"--{option} {text} is not of the form NAME=VALUE.")
    return pairs


def _number(text: str) -> Any:
    """A number if it is one, so that it is sent as the SDK sends it."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if type(value) in (int, float) else text
