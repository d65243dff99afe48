"""Our own operations, through botocore and our own model of the service."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ironworks.control import compilation_jobs, training_jobs
from ironworks.control.records import Resource
from tests.server.wire import REGION, Wire

NAMES = iter(f"waited-for-{number}" for number in range(100))


@pytest.fixture
def client(wire: Wire) -> Any:
    return wire.client("ironworks")


@pytest.fixture
def job(wire: Wire) -> Resource:
    name = next(NAMES)
    arn = wire.platform.arn(REGION, training_jobs.KIND, name)
    return wire.platform.resources.create(
        training_jobs.KIND,
        REGION,
        name,
        arn,
        status="Completed",
        request={},
        state={"SecondaryStatus": "Completed"},
    )


def wait_while(client: Any, job: Resource, act: Any, **arguments: Any) -> dict[str, Any]:
    """What a call that knows the job as it is answers when `act` has been done."""
    version = client.wait_for_change(ResourceArn=job.arn)["Version"]
    answers: list[Any] = []

    def call() -> None:
        try:
            answers.append(client.wait_for_change(ResourceArn=job.arn, Version=version, MaxWaitSeconds=30))
        except ClientError as error:
            answers.append(error)

    waiting = threading.Thread(target=call)
    waiting.start()
    time.sleep(0.1)
    assert not answers, "it answered although nothing had changed"
    act()
    waiting.join(20)
    if isinstance(answers[0], ClientError):
        raise answers[0]
    assert answers[0]["Version"] != version
    return dict(answers[0])


def test_a_caller_who_knows_nothing_is_answered_at_once(client: Any, job: Resource) -> None:
    answer = client.wait_for_change(ResourceArn=job.arn)
    assert (answer["Status"], answer["SecondaryStatus"]) == ("Completed", "Completed")
    assert answer["LastModifiedTime"] == job.modified_at.replace(
        microsecond=answer["LastModifiedTime"].microsecond
    )


def test_a_change_of_status_ends_the_wait(client: Any, wire: Wire, job: Resource) -> None:
    def fail() -> None:
        def change(row: Resource) -> None:
            row.status, row.state = "Failed", {**row.state, "FailureReason": "it was a test"}

        wire.platform.resources.change(job.id, change)

    answer = wait_while(client, job, fail)
    assert (answer["Status"], answer["FailureReason"]) == ("Failed", "it was a test")


def test_a_line_in_the_log_ends_the_wait(client: Any, wire: Wire, job: Resource) -> None:
    def log() -> None:
        wire.platform.logs.append(REGION, training_jobs.LOG_GROUP, f"{job.name}/algo-1-1", [(1, "a line")])

    wait_while(client, job, log)


def test_the_log_of_a_job_whose_name_begins_alike_does_not(client: Any, wire: Wire, job: Resource) -> None:
    version = client.wait_for_change(ResourceArn=job.arn)["Version"]
    wire.platform.logs.append(REGION, training_jobs.LOG_GROUP, f"{job.name}-2/algo-1-1", [(1, "a line")])
    assert (
        client.wait_for_change(ResourceArn=job.arn, Version=version, MaxWaitSeconds=0)["Version"] == version
    )


def test_nor_does_that_of_a_compilation_whose_name_begins_alike(client: Any, wire: Wire) -> None:
    name = next(NAMES)
    arn = wire.platform.arn(REGION, compilation_jobs.KIND, name)
    wire.platform.resources.create(
        compilation_jobs.KIND, REGION, name, arn, status="COMPLETED", request={}, state={}
    )
    version = client.wait_for_change(ResourceArn=arn)["Version"]
    for stream, waits in ((f"{name}-2", True), (name, False)):
        wire.platform.logs.append(REGION, compilation_jobs.LOG_GROUP, stream, [(1, "a line")])
        answer = client.wait_for_change(ResourceArn=arn, Version=version, MaxWaitSeconds=0)
        assert (answer["Version"] == version) is waits


def test_a_resource_that_is_deleted_meanwhile_is_said_to_be_gone(
    client: Any, wire: Wire, job: Resource
) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException.*deleted"):
        wait_while(client, job, lambda: wire.platform.resources.delete(job))


def test_waiting_ends_after_the_time_asked_for(client: Any, job: Resource) -> None:
    version = client.wait_for_change(ResourceArn=job.arn)["Version"]
    answer = client.wait_for_change(ResourceArn=job.arn, Version=version, MaxWaitSeconds=1)
    assert answer["Version"] == version


def test_longer_than_a_client_would_wait_is_refused(client: Any, job: Resource) -> None:
    with pytest.raises(ClientError, match="maxWaitSeconds"):
        client.wait_for_change(ResourceArn=job.arn, MaxWaitSeconds=51)
