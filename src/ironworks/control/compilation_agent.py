"""What the agent of a compilation job does: fetch the model, compile it, store the artifact."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from ironworks import archives
from ironworks.compiler import MxnetReference, Reference, compile_model, parse_data_input_config, targets
from ironworks.compiler.compiler_options import RequestedOptions, parse_compiler_options
from ironworks.compiler.options import Arrays, CompileOptions
from ironworks.compiler.validation.examples import read_arrays
from ironworks.control import compilation_jobs
from ironworks.control.job import Job
from ironworks.control.records import Document, Resource
from ironworks.errors import ClientError, IronworksError
from ironworks.objects import parse_s3_uri
from ironworks.objects.errors import ObjectError

DEFAULT_MAX_RUNTIME = 900
POLL_SECONDS = 0.05


def run(job: Job) -> None:
    """Compile in a thread of its own, so that a request to stop and the time limit are obeyed at once."""
    _change(job, compilation_jobs.begin)
    work = _Work(job)
    work.start()
    limit = job.resource.request.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME)
    deadline = time.monotonic() + limit
    while work.is_alive():
        work.join(POLL_SECONDS)
        if job.stop.is_set():
            _change(job, lambda row: compilation_jobs.finish(row, "STOPPED", {}))
            return
        if time.monotonic() > deadline:
            raise ClientError(
                f"The compilation took longer than its MaxRuntimeInSeconds of {limit}. Give it more."
            )
    outcome = work.outcome()
    _change(job, lambda row: compilation_jobs.finish(row, "COMPLETED", outcome))


def fail(job: Job, error: IronworksError) -> None:
    """End the job with the error as its FailureReason."""
    _log(job, error.failure_reason)
    _change(job, lambda row: compilation_jobs.fail(row, error.failure_reason))


class _Work(threading.Thread):
    """A daemon: when the job is stopped, the process ends without waiting for it."""

    def __init__(self, job: Job) -> None:
        super().__init__(name="compile", daemon=True)
        self._job = job
        self._outcome: Document = {}
        self._error: Exception | None = None

    def run(self) -> None:
        try:
            self._outcome = _compile(self._job)
        except Exception as error:
            self._error = error

    def outcome(self) -> Document:
        if self._error is not None:
            raise self._error
        return self._outcome


def _compile(job: Job) -> Document:
    config = job.resource.request["InputConfig"]
    output = job.resource.request["OutputConfig"]
    uri = config["S3Uri"]
    shapes = parse_data_input_config(config.get("DataInputConfig", ""))
    target = _target(output)
    requested = parse_compiler_options(output.get("CompilerOptions"), targets.find_target(target))
    options = _options(job, requested)
    model = _fetch_model(job, uri)
    artifact = job.directory / artifact_name(uri, target)
    with _reference(job, config["Framework"], model, shapes) as reference:
        compile_model(
            model,
            framework=config["Framework"],
            input_shapes=shapes,
            target=target,
            output=artifact,
            name=uri,
            reference=reference,
            progress=lambda line: _log(job, line),
            options=options,
        )
    destination = f"{output['S3OutputLocation'].rstrip('/')}/{artifact.name}"
    return {
        "ModelArtifacts": {"S3ModelArtifacts": destination},
        "ModelDigests": {"ArtifactDigest": f"sha256:{_store(job, artifact, destination)}"},
    }


def artifact_name(uri: str, target: str) -> str:
    """As Neo names it: `model.tar.gz` compiled for `ml_c5` is `model-ml_c5.tar.gz`."""
    stem = uri.rpartition("/")[2]
    for ending in (".tar.gz", ".tgz", ".tar"):
        stem = stem.removesuffix(ending)
    return f"{stem}-{target}.tar.gz"


def _target(output: Document) -> str:
    platform = output.get("TargetPlatform")
    if platform is None:
        return targets.find_target(output["TargetDevice"]).name
    return targets.find_platform(platform["Os"], platform["Arch"], platform.get("Accelerator")).name


def _options(job: Job, requested: RequestedOptions) -> CompileOptions:
    """CompilerOptions with the data that they name, fetched."""

    def arrays(uri: str, purpose: str) -> Arrays | None:
        if not uri:
            return None
        path = job.directory / f"{purpose.partition(' ')[0]}.npz"
        bucket, key = parse_s3_uri(uri)
        try:
            job.platform.objects.download(bucket, key, path)
        except ObjectError as error:
            raise ClientError(
                f"The {purpose} {uri} of CompilerOptions cannot be read ({error.code}: {error}). Store a file "
                ".npz there."
            ) from error
        return read_arrays(path, purpose, uri)

    return CompileOptions(
        precision=requested.precision,
        tolerances=requested.tolerances,
        validation=arrays(requested.validation, "validation data"),
        calibration=arrays(requested.calibration, "calibration data"),
        input_dtype=requested.input_dtype,
        batch_sizes=requested.batch_sizes,
        threads=requested.threads,
        tune_seconds=requested.tune_seconds,
    )


def _reference(
    job: Job, framework: str, model: Path, shapes: Mapping[str, Sequence[int]]
) -> AbstractContextManager[Reference | None]:
    """The original framework, where its environment is there; else the compiler uses ONNX's own evaluator."""
    environment = job.platform.environments.find("mxnet", "") if framework == "MXNET" else None
    return nullcontext() if environment is None else MxnetReference(environment.python, model, shapes)


def _fetch_model(job: Job, uri: str) -> Path:
    bucket, key = parse_s3_uri(uri)
    archive, model = job.directory / "model.tar.gz", job.directory / "model"
    try:
        job.platform.objects.download(bucket, key, archive)
    except ObjectError as error:
        raise ClientError(
            f"The model {uri} cannot be read ({error.code}: {error}). "
            "InputConfig.S3Uri must name a model archive that a training job or you have stored there."
        ) from error
    archives.extract(archive, model, uri)
    return model


def _store(job: Job, artifact: Path, destination: str) -> str | None:
    bucket, key = parse_s3_uri(destination)
    try:
        return job.platform.objects.upload(artifact, bucket, key).sha256
    except ObjectError as error:
        raise ClientError(
            f"The compiled model cannot be stored as {destination} ({error.code}: {error}). "
            "OutputConfig.S3OutputLocation must be in a bucket that you may write to."
        ) from error


def _change(job: Job, change: Callable[[Resource], None]) -> None:
    job.platform.resources.change(job.resource.id, change)


def _log(job: Job, line: str) -> None:
    now = int(time.time() * 1000)
    resource = job.resource
    job.platform.logs.append(resource.region, compilation_jobs.LOG_GROUP, resource.name, [(now, line)])
