"""CreateCompilationJob and its kin."""

from __future__ import annotations

from ironworks.control import compilation_jobs
from ironworks.control.job import discard
from ironworks.control.records import Resource
from ironworks.server.backend import Backend
from ironworks.server.call import Caller
from ironworks.server.errors import ServiceError
from ironworks.server.protocols.document import to_document
from ironworks.server.services.operations import Params
from ironworks.server.services.sagemaker.images import inference_image
from ironworks.server.services.sagemaker.resources import describe, find, list_page, taken_as

_ORDER = {"Name": "name", "CreationTime": "created_at", "Status": "status"}


def create_compilation_job(backend: Backend, caller: Caller, params: Params) -> Params:
    """Store the job; the reconciler starts it."""
    with taken_as("ResourceInUse", "Compilation job name must be unique, and {arn} exists."):
        job = compilation_jobs.create(backend.platform, caller.region, to_document(params))
    backend.reconciler.wake()
    return {"CompilationJobArn": job.arn}


def describe_compilation_job(backend: Backend, caller: Caller, params: Params) -> Params:
    """Everything that is known of a job."""
    job = _find(backend, caller, params)
    return describe(
        job,
        CompilationJobArn=job.arn,
        CompilationJobStatus=job.status,
        FailureReason=job.state.get("FailureReason", ""),
        ModelArtifacts=job.state.get("ModelArtifacts", {"S3ModelArtifacts": ""}),
        StoppingCondition=job.request.get("StoppingCondition", {}),
        InferenceImage=inference_image(job.request["InputConfig"]["Framework"], caller.region)
        if job.status == "COMPLETED"
        else None,
    )


def list_compilation_jobs(backend: Backend, caller: Caller, params: Params) -> Params:
    """A page of jobs."""
    return list_page(
        backend, caller, compilation_jobs.KIND, params, _summary, "CompilationJobSummaries", sort_names=_ORDER
    )


def stop_compilation_job(backend: Backend, caller: Caller, params: Params) -> None:
    """Ask a running job to stop; one that has ended is left as it is."""
    job = _find(backend, caller, params)
    backend.platform.resources.change(job.id, compilation_jobs.request_stop)
    backend.reconciler.wake()


def delete_compilation_job(backend: Backend, caller: Caller, params: Params) -> None:
    """Remove the record of a job that has ended."""
    job = _find(backend, caller, params)
    if job.status in compilation_jobs.RUNNING:
        raise ServiceError(
            "ResourceInUse", f"The compilation job {job.name} is {job.status}. Stop it before you delete it."
        )
    discard(backend.platform, job)


def _find(backend: Backend, caller: Caller, params: Params) -> Resource:
    name = params["CompilationJobName"]
    missing = f"Could not find compilation job {name}."
    return find(backend, caller, compilation_jobs.KIND, name, missing)


def _summary(job: Resource) -> Params:
    output = job.request["OutputConfig"]
    platform = output.get("TargetPlatform", {})
    return {
        "CompilationJobName": job.name,
        "CompilationJobArn": job.arn,
        "CreationTime": job.created_at,
        "CompilationStartTime": job.state.get("CompilationStartTime"),
        "CompilationEndTime": job.state.get("CompilationEndTime"),
        "CompilationTargetDevice": output.get("TargetDevice"),
        "CompilationTargetPlatformOs": platform.get("Os"),
        "CompilationTargetPlatformArch": platform.get("Arch"),
        "CompilationTargetPlatformAccelerator": platform.get("Accelerator"),
        "LastModifiedTime": job.modified_at,
        "CompilationJobStatus": job.status,
    }
