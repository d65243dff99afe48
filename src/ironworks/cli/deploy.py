"""`ironworks deploy`: bring an endpoint into service."""

from __future__ import annotations

import re
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ironworks.cli.archive import look_into
from ironworks.cli.completion import deployable_names
from ironworks.cli.connection import connect
from ironworks.cli.failures import NotFound
from ironworks.cli.kinds import COMPILATION, ENDPOINT, MODEL, TRAINING, Description, find
from ironworks.cli.models import container
from ironworks.cli.options import HomeOption, JsonOption, RegionOption
from ironworks.cli.screen import facts, output, print_json
from ironworks.errors import ClientError

if TYPE_CHECKING:
    from ironworks.sdk.model import Model
    from ironworks.sdk.session import Session

Container = dict[str, Any]
"""`PrimaryContainer` of CreateModel."""

LONGEST = 63
_TRAINED = re.compile(r"s3://.+/([^/]+)/output/model\.tar\.gz")
"""Where a training job stores its model."""


def deploy(
    what: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A job or a model by its name, an archive or a folder here, or an S3 URI.",
            autocompletion=deployable_names,
        ),
    ],
    name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="The endpoint's name; if not given, that of the model.", show_default=False
        ),
    ] = None,
    instances: Annotated[int, typer.Option(metavar="N", min=1, help="How many processes serve it.")] = 1,
    script: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A script with hooks around the model.", show_default=False),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait until it is in service, or return at once.")
    ] = True,
    as_json: JsonOption = False,
    region: RegionOption = None,
    home: HomeOption = None,
) -> None:
    """Deploy what was trained or compiled, or a model that lies here.

    A job brings the script that it was trained with, whose hooks serve it.
    When the endpoint does not come into service, all is deleted again.

    ironworks deploy mnist
    ironworks deploy model-ml_c5.tar.gz --name digits --instances 2
    """
    from ironworks.sdk.deployment import deploy as deploy_container
    from ironworks.sdk.instance_types import for_target

    session = connect(home, region)
    endpoint = name or _endpoint_name(what)
    if ENDPOINT.describe(session.client("sagemaker"), endpoint):
        raise ClientError(
            f"There is an endpoint {endpoint}. Give this one another --name, or delete it: ironworks rm {endpoint}"
        )
    source = model_of(session, what, script)
    with redirect_stdout(sys.stderr):  # where the SDK's progress belongs here
        if isinstance(source, dict):
            deploy_container(
                session,
                endpoint,
                container=source,
                instance_count=instances,
                instance_type=for_target(look_into(session, source["ModelDataUrl"]).target),
                serializer=None,
                deserializer=None,
                wait=wait,
            )
        else:
            source.deploy(instances, endpoint_name=endpoint, wait=wait)
    if as_json:
        print_json(find(session.client("sagemaker"), endpoint, [ENDPOINT])[ENDPOINT])
    else:
        ask = f"ironworks invoke {endpoint} --file FILE" if wait else f"ironworks endpoints {endpoint}"
        output().print(facts({"endpoint": endpoint, "next": ask}))


def model_of(session: Session, what: str, script: Path | None) -> Model | Container:
    """What is to be deployed: a model that lies here or was made by a job, or what a model on the server is made of.

    Raises:
        NotFound: it is none of these.
        ClientError: the job has made no model.
    """
    from ironworks.sdk.model import Model

    hooks = {"entry_point": str(script)} if script else {}
    if what.startswith("s3://"):
        return Model(what, target=look_into(session, what).target, session=session, **hooks)
    if Path(what).exists():
        return Model(what, session=session, **hooks)
    try:
        found = find(session.client("sagemaker"), what, [MODEL, COMPILATION, TRAINING])
    except NotFound as error:
        raise NotFound(f"There is no file {what}. {error}") from None
    if MODEL in found and script is None:
        return container(found[MODEL])
    if MODEL in found:
        return model_of(session, container(found[MODEL])["ModelDataUrl"], script)
    kind, job = next(iter(found.items()))
    artifact = job["ModelArtifacts"]["S3ModelArtifacts"]
    if not artifact:
        raise ClientError(
            f"The {kind.label} {what} is {job[kind.status]} and has made no model. See: ironworks job {what}"
        )
    trained = _training_job_of(session, job) if kind is COMPILATION else job
    compiled = _compiled_with(job) if kind is COMPILATION else _trained_with(job)
    return Model(artifact, session=session, **{**_script_of(trained), **compiled, **hooks})


def _compiled_with(job: Description) -> dict[str, Any]:
    """The arguments of `Model` that a compilation job tells."""
    output = job["OutputConfig"]
    platform = output.get("TargetPlatform", {})
    return {
        "framework": job["InputConfig"]["Framework"].lower(),
        "target": output.get("TargetDevice") or f"{platform['Os']}_{platform['Arch']}",
        "image_uri": job.get("InferenceImage"),
    }


def _trained_with(job: Description) -> dict[str, Any]:
    """The arguments of `Model` that a training job tells."""
    from ironworks.training.images import Image

    image = Image.parse(job["AlgorithmSpecification"]["TrainingImage"])
    return {"framework": image.framework, "framework_version": image.version}


def _script_of(job: Description | None) -> dict[str, Any]:
    """The script of a training job and what lies beside it, as arguments of `Model`."""
    from ironworks.sdk.training_request import parameters_of

    if job is None:
        return {}
    parameters = parameters_of(job)
    return {
        "entry_point": parameters["sagemaker_program"],
        "source_dir": parameters["sagemaker_submit_directory"],
    }


def _training_job_of(session: Session, compilation: Description) -> Description | None:
    """The training job whose model was compiled; None if it came from elsewhere, or the job was deleted."""
    uri = compilation["InputConfig"]["S3Uri"]
    match = _TRAINED.fullmatch(uri)
    job = TRAINING.describe(session.client("sagemaker"), match[1]) if match else None
    return job if job is not None and job["ModelArtifacts"]["S3ModelArtifacts"] == uri else None


def _endpoint_name(what: str) -> str:
    """The name of a job, model, file or object in SageMaker's letters and length."""
    name = what.rstrip("/").rpartition("/")[2].removesuffix(".tar.gz").removesuffix(".onnx")
    return re.sub("[^a-zA-Z0-9]+", "-", name).strip("-")[:LONGEST].rstrip("-") or "model"
