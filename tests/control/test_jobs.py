"""The controller of jobs: who is started, stopped, buried."""

from __future__ import annotations

from typing import Any

import pytest

from ironworks.control import compilation_jobs, training_jobs
from ironworks.control.job import directory, discard, log_path
from ironworks.control.jobs import JobController
from ironworks.control.platform import Platform
from ironworks.control.records import Resource
from ironworks.errors import PlatformError
from ironworks.executors import Handle
from tests.control.conftest import REGION, compilation_request, training_request
from tests.control.fakes import FakeExecutor

SERVICES = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}


@pytest.fixture
def executor() -> FakeExecutor:
    return FakeExecutor()


@pytest.fixture
def controller(platform: Platform, executor: FakeExecutor) -> JobController:
    return JobController(platform, executor, SERVICES, slots=2)


def read(platform: Platform, job: Resource) -> Resource:
    return platform.resources.get(job.kind, job.region, job.name)


def test_agent_is_started_once_with_the_job_and_its_services(
    platform: Platform, controller: JobController, executor: FakeExecutor
) -> None:
    job = training_jobs.create(platform, REGION, training_request())
    controller.reconcile()
    controller.reconcile()
    ((pid, command),) = executor.commands.items()
    assert command[-1] == job.arn
    assert executor.environments[pid]["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert executor.environments[pid]["AWS_REGION"] == REGION
    assert read(platform, job).process == {"pid": pid, "started": 1.0}


def test_jobs_beyond_the_slots_wait_in_order(
    platform: Platform, controller: JobController, executor: FakeExecutor
) -> None:
    jobs = [training_jobs.create(platform, REGION, training_request(f"job-{n}")) for n in range(3)]
    controller.reconcile()
    assert [command[-1] for command in executor.commands.values()] == [job.arn for job in jobs[:2]]
    platform.resources.change(
        jobs[0].id, lambda row: training_jobs.finish(row, "Completed", "Completed", "", {})
    )
    controller.reconcile()
    assert executor.commands[1002][-1] == jobs[2].arn


def test_kinds_of_jobs_do_not_wait_for_each_other(
    platform: Platform, controller: JobController, executor: FakeExecutor
) -> None:
    for n in range(2):
        training_jobs.create(platform, REGION, training_request(f"job-{n}"))
    compilation_jobs.create(platform, REGION, compilation_request())
    controller.reconcile()
    assert len(executor.running) == 3


def test_job_whose_agent_died_fails_with_the_reason(
    platform: Platform, controller: JobController, executor: FakeExecutor
) -> None:
    training = training_jobs.create(platform, REGION, training_request())
    compilation = compilation_jobs.create(platform, REGION, compilation_request())
    controller.reconcile()
    for pid in list(executor.running):
        executor.die(pid)
    controller.reconcile()
    for job, status in ((training, "Failed"), (compilation, "FAILED")):
        ended = read(platform, job)
        assert ended.status == status
        assert ended.state["FailureReason"].startswith("InternalServerError: the process of this job ended")
    assert len(executor.killed) == 2, "what the agents had started is ended too"


def test_stop_is_passed_on_once(
    platform: Platform, controller: JobController, executor: FakeExecutor
) -> None:
    job = training_jobs.create(platform, REGION, training_request())
    controller.reconcile()
    platform.resources.change(job.id, training_jobs.request_stop)
    controller.reconcile()
    controller.reconcile()
    assert executor.terminated() == [1000]


def test_new_server_finds_the_agents_of_the_old_one(platform: Platform, executor: FakeExecutor) -> None:
    job = training_jobs.create(platform, REGION, training_request())
    JobController(platform, executor, SERVICES, slots=2).reconcile()
    JobController(platform, executor, SERVICES, slots=2).reconcile()
    assert len(executor.commands) == 1
    assert read(platform, job).status == "InProgress"


def test_agent_that_cannot_be_started_fails_its_job(platform: Platform, controller: JobController) -> None:
    class Refusing(FakeExecutor):
        def start(self, *_: object, **__: object) -> Handle:
            raise PlatformError("The process python could not be started: no memory.")

    job = training_jobs.create(platform, REGION, training_request())
    JobController(platform, Refusing(), SERVICES, slots=2).reconcile()
    assert read(platform, job).state["FailureReason"].startswith("InternalServerError: The process python")


@pytest.mark.parametrize("kind", ["training", "compilation"])
def test_job_whose_agent_died_while_it_was_being_stopped_is_stopped(
    platform: Platform, controller: JobController, executor: FakeExecutor, kind: str
) -> None:
    # SIGTERM ends an agent that has not yet come so far as to catch it.
    job, request_stop, status = (
        (training_jobs.create(platform, REGION, training_request()), training_jobs.request_stop, "Stopped")
        if kind == "training"
        else (
            compilation_jobs.create(platform, REGION, compilation_request()),
            compilation_jobs.request_stop,
            "STOPPED",
        )
    )
    controller.reconcile()
    platform.resources.change(job.id, request_stop)
    controller.reconcile()
    executor.die(1000)
    controller.reconcile()
    assert read(platform, job).status == status
    assert "FailureReason" not in read(platform, job).state
    assert not list(platform.home.jobs.iterdir())


def test_agent_of_a_killed_server_keeps_the_job_that_it_has_entered_itself_in(platform: Platform) -> None:
    class Late(FakeExecutor):
        def start(self, *arguments: Any, **named: Any) -> Handle:
            platform.resources.change(job.id, enter)
            return super().start(*arguments, **named)

    def enter(row: Resource) -> None:
        row.process = {"pid": 7, "started": 1.0}

    job = training_jobs.create(platform, REGION, training_request())
    JobController(platform, Late(), SERVICES, slots=2).reconcile()
    assert read(platform, job).process == {"pid": 7, "started": 1.0}


def test_files_of_a_job_whose_agent_was_killed_are_removed(
    platform: Platform, controller: JobController, executor: FakeExecutor
) -> None:
    job = training_jobs.create(platform, REGION, training_request())
    controller.reconcile()
    (directory(platform.home, job) / "ml").mkdir(parents=True)
    executor.die(1000)
    controller.reconcile()
    assert [path.name for path in platform.home.jobs.iterdir()] == [f"{job.id}.log"]
    discard(platform, read(platform, job))
    assert not list(platform.home.jobs.iterdir())


def test_sweep_removes_what_belongs_to_no_running_job(platform: Platform, controller: JobController) -> None:
    ended, running = (training_jobs.create(platform, REGION, training_request(name)) for name in ("a", "b"))
    platform.resources.change(ended.id, lambda row: training_jobs.fail(row, "x"))
    for job in (ended, running):
        directory(platform.home, job).mkdir()
        log_path(platform.home, job).touch()
    (platform.home.jobs / "99.log").touch()
    controller.sweep()
    left = sorted(path.name for path in platform.home.jobs.iterdir())
    assert left == sorted([f"{ended.id}.log", f"{running.id}", f"{running.id}.log"])
