"""`ironworks compile --job`: compile what a training job has made, by a compilation job of the server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from ironworks.cli.connection import connect
from ironworks.cli.failures import FAILED
from ironworks.cli.kinds import TRAINING, find, without_metadata
from ironworks.cli.screen import facts, notes, output, plain, print_json


@dataclass(frozen=True)
class Wanted:
    """What to compile, for what, and how.

    Attributes:
        job: the training job's name.
        name: the compilation job's; None to have one made up.
        options: CompilerOptions.
        artifact: where to copy the artifact to; None to leave it in S3 alone.
    """

    job: str
    name: str | None
    shapes: Mapping[str, Sequence[int]]
    target: str
    options: Mapping[str, Any]
    artifact: Path | None


def compile_job(wanted: Wanted, home: Path | None, as_json: bool) -> None:
    """Run a compilation job and show what it does; exit code 1 when it fails.

    Raises:
        NotFound: there is no such training job.
        ClientError: it has made no model, or the request was refused.
    """
    from ironworks.cli.watching import reason, summary, watch
    from ironworks.sdk.estimator import Estimator

    session = connect(home)
    find(session.client("sagemaker"), wanted.job, [TRAINING])
    trained = Estimator.attach(wanted.job, session)
    model = trained.compile(
        wanted.target, wanted.shapes, options=wanted.options or None, job_name=wanted.name, wait=False
    )
    job = model.compilation
    assert job is not None
    try:
        phases = watch(job.follow(), notes())
    except KeyboardInterrupt:
        notes().print(f"\nThe job goes on. To watch it: ironworks logs {job.name} -f")
        raise
    notes().print(summary(f"Compilation job {job.name}", phases), soft_wrap=True)
    failed = phases[-1].name == "FAILED"
    if wanted.artifact is not None and not failed:
        model.download(wanted.artifact)
    if as_json:
        print_json(without_metadata(job.description))
    elif failed:
        notes().print(plain(reason(phases), "red"), soft_wrap=True)
    else:
        where = str(wanted.artifact or "")
        shown = {"artifact": model.model_data, "copied to": where, "next": f"ironworks deploy {job.name}"}
        output().print(facts(shown))
    if failed:
        raise typer.Exit(FAILED)
