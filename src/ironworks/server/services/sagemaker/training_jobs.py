"""CreateTrainingJob and its kin."""

from __future__ import annotations

from ironworks.control import training_jobs
from ironworks.control.job import discard
from ironworks.control.records import Resource
from ironworks.server.backend import Backend
from ironworks.server.call import Caller
from ironworks.server.errors import ServiceError, ValidationError
from ironworks.server.protocols.document import to_document
from ironworks.server.services.operations import Params
from ironworks.server.services.sagemaker.resources import (
    describe,
    find,
    list_page,
    refused_as_validation,
    taken_as,
)

_MISSING = "Requested resource not found."


def create_training_job(backend: Backend, caller: Caller, params: Params) -> Params:
    """Store the job; the reconciler starts it."""
    taken = "Job name must be unique within an AWS account and region, and {arn} exists."
    with taken_as("ResourceInUse", taken), refused_as_validation():
        job = training_jobs.create(backend.platform, caller.region, to_document(params))
    backend.reconciler.wake()
    return {"TrainingJobArn": job.arn}


def describe_training_job(backend: Backend, caller: Caller, params: Params) -> Params:
    """Everything that is known of a job."""
    job = find(backend, caller, training_jobs.KIND, params["TrainingJobName"], _MISSING)
    return describe(
        job,
        TrainingJobArn=job.arn,
        TrainingJobStatus=job.status,
        ModelArtifacts=job.state.get("ModelArtifacts", {"S3ModelArtifacts": ""}),
    )


def list_training_jobs(backend: Backend, caller: Caller, params: Params) -> Params:
    """A page of jobs."""
    return list_page(backend, caller, training_jobs.KIND, params, _summary, "TrainingJobSummaries")


def stop_training_job(backend: Backend, caller: Caller, params: Params) -> None:
    """Ask a running job to stop."""
    job = find(backend, caller, training_jobs.KIND, params["TrainingJobName"], _MISSING)
    if job.status not in training_jobs.RUNNING:
        raise ValidationError(f"The request was rejected because the training job is in status {job.status}.")
    backend.platform.resources.change(job.id, training_jobs.request_stop)
    backend.reconciler.wake()


def delete_training_job(backend: Backend, caller: Caller, params: Params) -> None:
    """Remove the record of a job that has ended."""
    job = find(backend, caller, training_jobs.KIND, params["TrainingJobName"], _MISSING)
    if job.status in training_jobs.RUNNING:
        raise ServiceError(
            "ResourceInUse", f"The training job {job.name} is {job.status}. Stop it before you delete it."
        )
    discard(backend.platform, job)


def _summary(job: Resource) -> Params:
    return {
        "TrainingJobName": job.name,
        "TrainingJobArn": job.arn,
        "CreationTime": job.created_at,
        "TrainingEndTime": job.state.get("TrainingEndTime"),
        "LastModifiedTime": job.modified_at,
        "TrainingJobStatus": job.status,
        "SecondaryStatus": job.state.get("SecondaryStatus"),
    }
