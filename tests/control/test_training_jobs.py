"""The states of a training job."""

from __future__ import annotations

from itertools import pairwise

import pytest

from ironworks.control import training_jobs
from ironworks.control.platform import Platform
from ironworks.control.records import Resource
from ironworks.control.resources import AlreadyExists
from ironworks.errors import ClientError
from tests.control.conftest import REGION, training_request


@pytest.fixture
def job(platform: Platform) -> Resource:
    return training_jobs.create(platform, REGION, training_request())


def statuses(job: Resource) -> list[str]:
    return [transition["Status"] for transition in job.state["SecondaryStatusTransitions"]]


def test_new_job_is_starting(job: Resource) -> None:
    assert (job.status, job.state["SecondaryStatus"], statuses(job)) == (
        "InProgress",
        "Starting",
        ["Starting"],
    )
    assert "EndTime" not in job.state["SecondaryStatusTransitions"][0]


def test_name_that_is_taken_and_request_that_cannot_be_done_leave_nothing(
    platform: Platform, job: Resource
) -> None:
    with pytest.raises(AlreadyExists):
        training_jobs.create(platform, REGION, training_request())
    two = {"InstanceType": "ml.m4.xlarge", "InstanceCount": 2, "VolumeSizeInGB": 1}
    with pytest.raises(ClientError, match="host"):
        training_jobs.create(platform, REGION, training_request("two", ResourceConfig=two))
    assert platform.resources.count(training_jobs.KIND, "InProgress") == 1


def test_transitions_are_only_ever_appended_and_each_ends_where_the_next_begins(
    platform: Platform, job: Resource
) -> None:
    for status in ("Downloading", "Training"):
        training_jobs.advance(job, status, "…")
    training_jobs.finish(job, "Completed", "Completed", "done", {})
    transitions = job.state["SecondaryStatusTransitions"]
    assert statuses(job) == ["Starting", "Downloading", "Training", "Completed"]
    for before, after in pairwise(transitions):
        assert before["EndTime"] == after["StartTime"]
    assert transitions[-1]["EndTime"] >= transitions[-1]["StartTime"]


def test_same_status_again_only_changes_its_message(job: Resource) -> None:
    training_jobs.advance(job, "Starting", "Preparing the MXNet environment")
    assert statuses(job) == ["Starting"]
    assert job.state["SecondaryStatusTransitions"][0]["StatusMessage"] == "Preparing the MXNet environment"


def test_finished_job_has_its_times(job: Resource) -> None:
    outcome = {"TrainingStartTime": 100.0, "TrainingEndTime": 121.4}
    training_jobs.finish(job, "Completed", "Completed", "done", outcome)
    assert job.state["TrainingTimeInSeconds"] == job.state["BillableTimeInSeconds"] == 21


def test_end_is_final(job: Resource) -> None:
    training_jobs.finish(job, "Completed", "Completed", "done", {})
    training_jobs.fail(job, "too late")
    assert (job.status, "FailureReason" in job.state) == ("Completed", False)


def test_job_that_never_ran_is_stopped_at_once(job: Resource) -> None:
    training_jobs.request_stop(job)
    assert (job.status, job.state["SecondaryStatus"]) == ("Stopped", "Stopped")


def test_running_job_is_asked_to_stop(job: Resource) -> None:
    job.process = {"pid": 1, "started": 1.0}
    training_jobs.request_stop(job)
    assert (job.status, job.state["SecondaryStatus"]) == ("Stopping", "Stopping")


def test_ended_job_enters_no_further_status(job: Resource) -> None:
    training_jobs.request_stop(job)
    training_jobs.advance(job, "Downloading", "…")
    assert statuses(job) == ["Starting", "Stopped"]


def test_job_that_completes_while_it_is_being_stopped_is_stopped_and_keeps_its_model(job: Resource) -> None:
    job.process = {"pid": 1, "started": 1.0}
    training_jobs.request_stop(job)
    training_jobs.finish(job, "Completed", "Completed", "done", {"ModelArtifacts": {"S3ModelArtifacts": "u"}})
    assert (job.status, job.state["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert job.state["ModelArtifacts"] == {"S3ModelArtifacts": "u"}


def test_training_has_its_start_while_it_runs_and_when_its_agent_died(job: Resource) -> None:
    training_jobs.advance(job, "Training", "…")
    started = job.state["TrainingStartTime"]
    assert started == job.state["SecondaryStatusTransitions"][-1]["StartTime"]
    training_jobs.fail(job, "died")
    assert job.state["TrainingStartTime"] == started
