"""`down --all`: everything ends, and the records say so."""

from __future__ import annotations

from ironworks.control import processes, training_jobs
from ironworks.control.jobs import JobController
from ironworks.control.platform import Platform
from ironworks.control.records import Instance
from ironworks.database import utc_now
from ironworks.home import Home
from tests.control.conftest import REGION, training_request
from tests.control.fakes import FakeExecutor


def test_home_that_never_had_a_server_has_nothing_to_stop(home: Home) -> None:
    assert processes.stop_all(home) == []


def test_jobs_are_asked_then_forced_and_end_as_failed(platform: Platform) -> None:
    executor = FakeExecutor()
    job = training_jobs.create(platform, REGION, training_request())
    JobController(platform, executor, {}, slots=1).reconcile()
    assert processes.stop_all(platform.home, executor, grace=0) == ["training-job job-1"]
    assert executor.terminated() == executor.killed == [1000]
    ended = platform.resources.get(job.kind, REGION, job.name)
    assert ended.status == "Failed" and "down --all" in ended.state["FailureReason"]
    assert processes.survivors(platform.home, executor) == []


def test_jobs_that_still_wait_are_left_to_the_next_server(platform: Platform) -> None:
    executor = FakeExecutor()
    for name in ("runs", "waits"):
        training_jobs.create(platform, REGION, training_request(name))
    JobController(platform, executor, {}, slots=1).reconcile()
    processes.stop_all(platform.home, executor, grace=0)
    assert platform.resources.get(training_jobs.KIND, REGION, "waits").status == "InProgress"


def test_instances_are_ended_and_their_endpoint_stays(platform: Platform) -> None:
    executor = FakeExecutor()
    endpoint = platform.resources.create(
        "endpoint", REGION, "e", "arn:e", status="InService", request={}, state={"Plan": []}
    )
    handle = executor.start(["x"], env={}, cwd=platform.home.path, log=platform.home.path / "x.log")
    instance = Instance(
        id="i-0123456789abcdef0",
        endpoint_id=endpoint.id,
        variant="v",
        generation=1,
        ending=False,
        process=handle.to_dict(),
        ready=True,
        started_at=utc_now(),
        log_offset=0,
    )
    with platform.database.write() as session:
        session.add(instance)
    assert processes.stop_all(platform.home, executor, grace=0) == [
        "instance i-0123456789abcdef0 of endpoint e"
    ]
    assert executor.killed
    assert platform.resources.get("endpoint", REGION, "e").status == "InService"
