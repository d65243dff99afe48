"""Training jobs by the SDK, with scripts that need no framework."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ironworks as iw
from ironworks.sdk import jobs
from ironworks.sdk.following import Line, Phase
from ironworks.sdk.session import Session
from tests.acceptance.installation import eventually

IMAGE = "python:3.11-slim"


def estimator(script: Path, session: Session, **arguments: Any) -> iw.Estimator:
    return iw.Estimator(script, image_uri=IMAGE, session=session, **arguments)


def written(tmp_path: Path, source: str) -> Path:
    path = tmp_path / "script.py"
    path.write_text(source)
    return path


def test_folders_files_and_arrays_become_channels(
    script: Path, session: Session, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "data"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "a.txt").write_text("four")
    trained = estimator(
        script,
        session,
        hyperparameters={"rate": np.float32(0.5), "name": "x"},
        metric_definitions={"loss": "loss=(.+)"},
    ).fit({"train": folder, "training": {"images": np.zeros((3, 2)), "labels": np.arange(3)}})
    lines = trained.latest_training_job.log_lines()
    assert "arguments --name x --rate 0.5" in lines
    assert "train deep/a.txt 4" in lines
    assert [line for line in lines if line.startswith("training")] == [
        f"training images.npy {128 + 48}",
        f"training labels.npy {128 + 24}",
    ]
    assert trained.metrics == {"loss": 0.25}
    assert repr(trained) == f"<Estimator train.py in {IMAGE}: <TrainingJob {trained.job.name}: Completed>>"
    printed = capsys.readouterr().out
    assert printed.startswith(f"Training job {trained.job.name}\n  Starting\n")
    assert "  │ arguments --name x --rate 0.5\n" in printed
    assert "  Completed after " in printed


def test_a_job_is_followed_from_its_beginning_in_order(script: Path, session: Session) -> None:
    trained = estimator(script, session).fit(wait=False)
    events = list(trained.latest_training_job.follow())
    lines = [event.text for event in events if isinstance(event, Line)]
    assert lines[0].startswith("arguments")
    assert lines[-1] == "loss=0.25"
    last = events[-1]
    assert isinstance(last, Phase)
    assert (last.name, last.final) == ("Completed", True)
    assert [event for event in events if isinstance(event, Phase) and event.final] == [last]
    # Another look at a job that has ended tells it all again.
    again = [event.text for event in trained.latest_training_job.follow() if isinstance(event, Line)]
    assert again == lines


def test_lines_come_while_the_script_runs(tmp_path: Path, session: Session) -> None:
    flag = tmp_path / "seen"
    waits = written(tmp_path, "import time\nprint('first', flush=True)\nwhile True: time.sleep(0.1)\n")
    job = estimator(waits, session).fit(wait=False).latest_training_job
    for event in job.follow():
        if isinstance(event, Line) and event.text == "first":
            flag.touch()
            job.stop()
    assert flag.exists()
    assert job.status == "Stopped"


def test_a_failure_has_the_reason_the_last_lines_and_what_to_do(tmp_path: Path, session: Session) -> None:
    fails = written(tmp_path, "print('about to fail', flush=True)\nraise ValueError('no such luck')\n")
    failing = estimator(fails, session)
    with pytest.raises(iw.TrainingFailed) as raised:
        failing.fit(logs=False)
    error = raised.value
    assert error.name == failing.latest_training_job.name
    assert error.reason.startswith("AlgorithmError: ")
    assert "about to fail" in error.log_lines
    assert error.log_lines[-1] == "ValueError: no such luck"
    assert f"All that it printed: ironworks logs {error.name}" in str(error)
    assert "Correct the script" in str(error)
    assert isinstance(error, iw.IronworksError)


def test_logs_can_be_left_out(script: Path, session: Session, capsys: pytest.CaptureFixture[str]) -> None:
    estimator(script, session).fit(logs=False)
    assert "│" not in capsys.readouterr().out


def test_an_interrupt_ends_the_waiting_alone(
    tmp_path: Path, session: Session, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    job = (
        estimator(written(tmp_path, "import time; time.sleep(60)"), session)
        .fit(wait=False)
        .latest_training_job
    )

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(jobs, "show", interrupted)
        job.wait()
    assert (
        f"Training job {job.name} goes on. To wait again: .wait(), to end it: .stop()"
        in capsys.readouterr().out
    )
    assert job.status == "InProgress"
    job.stop()
    assert job.wait().status == "Stopped"


def test_the_estimator_of_a_job_is_found_by_its_name(script: Path, session: Session) -> None:
    name = estimator(script, session, hyperparameters={"rate": 0.5}).fit(logs=False).latest_training_job.name
    found = iw.Estimator.attach(name, session)
    assert found.hyperparameters == {"rate": 0.5}
    assert found.image_uri == IMAGE
    assert found.model_data.endswith(f"/{name}/output/model.tar.gz")
    with pytest.raises(iw.ClientError, match="is no image of MXNet. Take iw.Estimator"):
        iw.MXNet.attach(name, session)
    with pytest.raises(iw.RequestRefused, match="not found"):
        iw.Estimator.attach("nobody", session)


def test_deleting_leaves_nothing_of_a_job(script: Path, session: Session, tmp_path: Path) -> None:
    with estimator(script, session).fit({"train": script.parent}, logs=False) as trained:
        name = trained.latest_training_job.name
    with pytest.raises(iw.RequestRefused, match="not found"):
        _ = iw.TrainingJob(name, session).status
    left = session.call("s3", "list_objects_v2", Bucket=session.default_bucket(), Prefix=f"{name}/")
    assert left["KeyCount"] == 0


def test_what_is_gone_already_can_be_deleted(script: Path, session: Session) -> None:
    estimator(script, session).delete()
    trained = estimator(script, session).fit(logs=False)
    trained.latest_training_job.delete()
    trained.delete()


def test_an_image_is_needed_and_must_be_of_the_framework(script: Path, session: Session) -> None:
    with pytest.raises(iw.ClientError, match="An Estimator needs image_uri, such as 'python:3.11'"):
        iw.Estimator(script, session=session)
    with pytest.raises(iw.ClientError, match="python:3.11 is no image of MXNet"):
        iw.MXNet(script, image_uri="python:3.11", session=session)
    assert iw.MXNet(script, session=session).image_uri == "mxnet-training:1.9.1-cpu-py3"
    assert iw.MXNet(script, framework_version="1.4.1", session=session).framework_version == "1.4.1"


def test_a_job_that_runs_a_command_has_no_estimator(session: Session) -> None:
    session.call(
        "sagemaker",
        "create_training_job",
        TrainingJobName="command",
        RoleArn=session.role,
        AlgorithmSpecification={
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["true"],
        },
        OutputDataConfig={"S3OutputPath": f"s3://{session.default_bucket()}"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )
    with pytest.raises(iw.ClientError, match="runs a command of its own and has no script"):
        iw.Estimator.attach("command", session)


def test_deleting_stops_what_runs(tmp_path: Path, session: Session) -> None:
    job = (
        estimator(written(tmp_path, "import time; time.sleep(60)"), session)
        .fit(wait=False)
        .latest_training_job
    )
    job.delete()
    with pytest.raises(iw.RequestRefused):
        _ = job.status


def test_an_estimator_says_that_it_is_not_trained(script: Path, session: Session) -> None:
    new = estimator(script, session)
    assert repr(new) == f"<Estimator train.py in {IMAGE}: not trained yet>"
    with pytest.raises(iw.ClientError, match="Nothing has been trained yet. Call fit"):
        _ = new.model_data
    with pytest.raises(iw.ClientError, match="Nothing has been trained yet"):
        new.deploy()


def test_a_job_without_a_model_says_so(tmp_path: Path, session: Session) -> None:
    job = (
        estimator(written(tmp_path, "import time; time.sleep(60)"), session)
        .fit(wait=False)
        .latest_training_job
    )
    with pytest.raises(iw.ClientError, match=r"is InProgress and has made no model. Wait for it"):
        _ = job.model_data
    job.delete()


def test_what_the_server_refuses_is_one_error_with_its_code_and_leaves_no_object(
    script: Path, session: Session
) -> None:
    with pytest.raises(iw.RequestRefused) as raised:
        estimator(script, session).fit({"train": script.parent}, job_name="not_a_name")
    assert (raised.value.operation, raised.value.code) == ("CreateTrainingJob", "ValidationException")
    left = session.call("s3", "list_objects_v2", Bucket=session.default_bucket(), Prefix="not_a_name")
    assert left["KeyCount"] == 0
    with pytest.raises(iw.ClientError, match="MaxRuntimeInSeconds"):
        estimator(script, session, max_run="soon").fit()


def test_a_name_that_is_taken_is_refused_before_anything_is_stored(script: Path, session: Session) -> None:
    first = estimator(script, session).fit(logs=False, job_name="taken").latest_training_job
    archive = first.description["HyperParameters"]["sagemaker_submit_directory"].strip('"')
    bucket, key = archive.removeprefix("s3://").split("/", 1)
    before = session.call("s3", "head_object", Bucket=bucket, Key=key)["LastModified"]
    with pytest.raises(iw.ClientError, match="There is a training job taken already"):
        estimator(script, session).fit(job_name="taken")
    assert session.call("s3", "head_object", Bucket=bucket, Key=key)["LastModified"] == before


def test_waiting_goes_through_an_event_and_not_a_poll(
    tmp_path: Path, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While nothing happens one call waits; the change ends it."""
    job = (
        estimator(written(tmp_path, "import time; time.sleep(60)"), session)
        .fit(wait=False)
        .latest_training_job
    )
    calls: list[str] = []
    call = Session.call

    def counted(self: Session, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        calls.append(operation)
        return call(self, service, operation, **parameters)

    eventually(lambda: job.description["SecondaryStatus"] == "Training", "the script runs")
    monkeypatch.setattr(Session, "call", counted)
    waiting = threading.Thread(target=job.wait, args=(False,))
    waiting.start()
    eventually(lambda: calls.count("wait_for_change") == 2, "the second call waits")
    time.sleep(1)
    assert calls.count("wait_for_change") == 2
    job.stop()
    waiting.join(20)
    assert not waiting.is_alive()
