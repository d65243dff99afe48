"""Agents as real processes, on real jobs: what they write down, and how they end."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from ironworks import archives
from ironworks.control import compilation_jobs, training_jobs, training_metrics
from ironworks.control.compilation_agent import artifact_name
from ironworks.control.logs import Window
from ironworks.control.platform import Platform
from ironworks.control.records import Resource
from ironworks.executors import Handle
from ironworks.objects.errors import NoSuchKey
from tests.compiler.conftest import write_mlp
from tests.control.conftest import REGION, compilation_request, training_request

PYTHON_IMAGE = f"python:{sys.version_info.major}.{sys.version_info.minor}"


def put(platform: Platform, key: str, **files: str) -> str:
    archive = platform.home.path / "archive.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name.replace("__", "."))
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    platform.objects.upload(archive, "bucket", key)
    return f"s3://bucket/{key}"


@pytest.fixture(autouse=True)
def bucket(platform: Platform) -> None:
    platform.objects.buckets.create("bucket", REGION)


@pytest.fixture(autouse=True, scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One environment for all jobs of this module: making it takes longer than the jobs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IRONWORKS_ENVIRONMENTS", str(tmp_path_factory.mktemp("environments")))
        yield


def start(platform: Platform, job: Resource) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "IRONWORKS_HOME": str(platform.home.path),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    return subprocess.Popen(
        [sys.executable, "-m", "ironworks.control.agent", job.arn],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run(platform: Platform, job: Resource) -> Resource:
    process = start(platform, job)
    output, _ = process.communicate(timeout=100)
    assert process.returncode == 0, output
    assert not list(platform.home.jobs.iterdir()), "the job's folder is removed"
    return read(platform, job)


def read(platform: Platform, job: Resource) -> Resource:
    return platform.resources.get(job.kind, job.region, job.name)


def train(platform: Platform, script: str, **changes: Any) -> Resource:
    put(platform, "sourcedir.tar.gz", train__py=script)
    image = {"TrainingImage": PYTHON_IMAGE, "TrainingInputMode": "File"}
    metrics = [{"Name": "loss", "Regex": r"loss=([0-9.]+)"}]
    request = training_request(AlgorithmSpecification={**image, "MetricDefinitions": metrics}, **changes)
    return training_jobs.create(platform, REGION, request)


def lines(platform: Platform, group: str, prefix: str) -> list[str]:
    (stream,) = platform.logs.streams(REGION, group, prefix)
    return [event.message for event in platform.logs.events([stream.id], Window(), 1000)]


def until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_training_job_runs_and_its_record_has_all_that_happened(platform: Platform) -> None:
    script = (
        "import os, pathlib\n"
        "print('loss=2.5'); print('loss=0.5')\n"
        "pathlib.Path(os.environ['SM_MODEL_DIR'], 'weights').write_text('w')\n"
    )
    job = run(platform, train(platform, script))
    assert job.status == "Completed"
    assert job.state["ModelArtifacts"]["S3ModelArtifacts"] == "s3://bucket/out/job-1/output/model.tar.gz"
    (metric,) = job.state["FinalMetricDataList"]
    assert (metric["MetricName"], metric["Value"]) == ("loss", 0.5)
    values = training_metrics.read(platform.database, REGION, "job-1", "loss", 0, time.time())
    assert [value for _, value in values] == [2.5, 0.5]
    statuses = [transition["Status"] for transition in job.state["SecondaryStatusTransitions"]]
    assert statuses[0] == "Starting" and statuses[-3:] == ["Training", "Uploading", "Completed"]
    assert job.state["TrainingStartTime"] <= job.state["TrainingEndTime"]
    printed = lines(platform, training_jobs.LOG_GROUP, "job-1/algo-1-")
    assert printed.index("loss=2.5") < printed.index("loss=0.5")
    assert platform.objects.head("bucket", "out/job-1/output/model.tar.gz").size > 0


def test_failing_script_is_an_algorithm_error_with_its_exit_code(platform: Platform) -> None:
    job = run(platform, train(platform, "import sys; sys.exit(7)"))
    assert job.status == "Failed"
    assert job.state["FailureReason"].startswith("AlgorithmError: ")
    assert job.state["FailureReason"].endswith(", exit code: 7")


def test_input_that_is_not_there_is_a_client_error(platform: Platform) -> None:
    source = {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/nothing"}
    channel = {"ChannelName": "train", "DataSource": {"S3DataSource": source}}
    job = run(platform, train(platform, "", InputDataConfig=[channel]))
    assert job.status == "Failed"
    assert job.state["FailureReason"].startswith("ClientError: Data download failed:No S3 objects found")


def test_job_is_stopped_by_sigterm_and_keeps_its_model(platform: Platform) -> None:
    script = (
        "import os, time\nopen(os.environ['SM_MODEL_DIR'] + '/weights', 'w').write('w')\n"
        "print('up')\ntime.sleep(99)"
    )
    job = train(platform, script)
    process = start(platform, job)
    until(lambda: platform.logs.groups(REGION) and "up" in lines(platform, training_jobs.LOG_GROUP, "job-1/"))
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    stopped = read(platform, job)
    assert stopped.status == "Stopped"
    assert stopped.state["ModelArtifacts"]["S3ModelArtifacts"].endswith("model.tar.gz")


def test_second_agent_of_a_job_leaves_it_to_the_first(platform: Platform) -> None:
    job = train(platform, "import time; print('up'); time.sleep(2)")
    first = start(platform, job)
    until(lambda: read(platform, job).process is not None)
    second = start(platform, job)
    second.communicate(timeout=30)
    assert second.returncode == 0
    assert (read(platform, job).process or {})["pid"] == first.pid
    first.communicate(timeout=30)
    assert read(platform, job).status == "Completed"


def test_killed_agent_takes_its_script_with_it(platform: Platform) -> None:
    marker = f"sleep-{os.getpid()}"
    job = train(platform, f"import time; marker = '{marker}'; print('up'); time.sleep(99)")
    process = start(platform, job)
    until(lambda: platform.logs.groups(REGION) and "up" in lines(platform, training_jobs.LOG_GROUP, "job-1/"))
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.communicate()
    _, left = psutil.wait_procs(children, timeout=10)
    assert children and not left


def test_compilation_that_cannot_be_done_says_why(platform: Platform) -> None:
    cases = {
        "absent": ({}, "s3://bucket/absent.tar.gz", "cannot be read (NoSuchKey"),
        "no-bucket": ({}, "s3://no-such-bucket-1/model.tar.gz", "cannot be read (NoSuchBucket"),
        "empty": ({}, put(platform, "empty.tar.gz", notes__txt="no model"), "-symbol.json"),
        "gpu": ({"TargetDevice": "ml_p3"}, "s3://bucket/absent.tar.gz", "ml_p3"),
    }
    for name, (output, uri, expected) in cases.items():
        request = compilation_request(name, **output)
        request["InputConfig"]["S3Uri"] = uri
        job = run(platform, compilation_jobs.create(platform, REGION, request))
        assert job.status == "FAILED"
        assert job.state["FailureReason"].startswith("ClientError: ")
        assert expected in job.state["FailureReason"]


def test_framework_that_is_not_there_yet_names_those_that_are(platform: Platform) -> None:
    request = compilation_request()
    request["InputConfig"] |= {"Framework": "DARKNET", "S3Uri": put(platform, "m.tar.gz", a__cfg="x")}
    job = run(platform, compilation_jobs.create(platform, REGION, request))
    assert job.status == "FAILED" and "MXNET" in job.state["FailureReason"]


def mlp(platform: Platform) -> str:
    archive = platform.home.path / "mlp.tar.gz"
    archives.pack(write_mlp(platform.home.path / "mlp"), archive)
    platform.objects.upload(archive, "bucket", "model.tar.gz")
    return "s3://bucket/model.tar.gz"


def test_compiled_model_is_stored_under_neos_name(platform: Platform) -> None:
    request = compilation_request()
    request["InputConfig"]["S3Uri"] = mlp(platform)
    job = run(platform, compilation_jobs.create(platform, REGION, request))
    assert job.status == "COMPLETED", job.state
    assert job.state["ModelArtifacts"]["S3ModelArtifacts"] == "s3://bucket/compiled/model-ml_c5.tar.gz"
    stored = platform.objects.head("bucket", "compiled/model-ml_c5.tar.gz")
    assert job.state["ModelDigests"]["ArtifactDigest"] == f"sha256:{stored.sha256}"
    assert job.state["CompilationStartTime"] < job.state["CompilationEndTime"]
    assert lines(platform, compilation_jobs.LOG_GROUP, "compile-1")


def compiled(platform: Platform, name: str, **options: Any) -> Resource:
    """A job that ended, with CompilerOptions."""
    request = compilation_request(name, CompilerOptions=json.dumps(options))
    request["InputConfig"]["S3Uri"] = mlp(platform)
    return run(platform, compilation_jobs.create(platform, REGION, request))


def test_compiler_options_are_honoured(platform: Platform) -> None:
    path = platform.home.path / "examples.npz"
    data = np.random.default_rng(0).random((30, 784), np.float32)
    np.savez(path, data=data, labels=np.arange(30) % 10)
    platform.objects.upload(path, "bucket", "examples.npz")
    options = {"precision": "int8", "tolerance": {"int8": 0.9}, "validation": "s3://bucket/examples.npz"}
    job = compiled(platform, "reduced", **options, dtype="float32", mcpu="skylake-avx512")
    assert job.status == "COMPLETED", job.state
    platform.objects.download("bucket", "compiled/model-ml_c5.tar.gz", path)
    with tarfile.open(path) as tar:
        report = json.loads(tar.extractfile("report.json").read())  # type: ignore[union-attr]
    assert report["precision"]["asked"] == "int8" and report["precision"]["chosen"].startswith("int8")
    assert report["tolerances"]["int8"] == 0.9
    assert report["validation"]["examples"] == 30
    printed = lines(platform, compilation_jobs.LOG_GROUP, "reduced")
    assert any(line.startswith("Precision: int8") for line in printed)
    assert any(line.startswith("Accuracy on 30 examples: ") for line in printed)


def test_a_compiler_option_that_cannot_be_honoured_fails_the_job_by_its_name(platform: Platform) -> None:
    platform.objects.upload(write_text(platform, "hello"), "bucket", "text.npz")
    cases: dict[str, tuple[dict[str, Any], str]] = {
        "gpu": ({"gpu-code": "sm_72"}, "CompilerOptions has gpu-code, which is for NVIDIA's GPUs"),
        "unknown": ({"opt_level": 3}, "CompilerOptions has opt_level, which Ironworks does not know"),
        "dtype": ({"dtype": "int64"}, "has the dtype int64 for the model's inputs, and it takes data"),
        "absent": (
            {"validation": "s3://bucket/absent.npz"},
            "s3://bucket/absent.npz of CompilerOptions cannot be",
        ),
        "no-file": ({"calibration": "s3://bucket/text.npz"}, "s3://bucket/text.npz cannot be read as .npz"),
        "no-data": ({"precision": "int8"}, "The precision int8 needs examples"),
    }
    for name, (options, expected) in cases.items():
        job = compiled(platform, name, **options)
        assert job.status == "FAILED"
        assert job.state["FailureReason"].startswith("ClientError: ")
        assert expected in job.state["FailureReason"]


def test_compiler_options_are_refused_before_the_model_is_fetched(platform: Platform) -> None:
    request = compilation_request(CompilerOptions='{"trt-ver": "6.0.1"}')
    request["InputConfig"]["S3Uri"] = "s3://bucket/absent.tar.gz"
    job = run(platform, compilation_jobs.create(platform, REGION, request))
    assert "trt-ver" in job.state["FailureReason"]


def write_text(platform: Platform, text: str) -> Path:
    path = platform.home.path / "text"
    path.write_text(text)
    return path


def test_compilation_is_stopped_by_sigterm(platform: Platform) -> None:
    request = compilation_request()
    request["InputConfig"]["S3Uri"] = mlp(platform)
    job = compilation_jobs.create(platform, REGION, request)
    process = start(platform, job)
    until(lambda: read(platform, job).status == "INPROGRESS")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert read(platform, job).status == "STOPPED"
    with pytest.raises(NoSuchKey):
        platform.objects.head("bucket", "compiled/model-ml_c5.tar.gz")


def test_compilation_that_takes_too_long_fails(platform: Platform) -> None:
    request = {**compilation_request(), "StoppingCondition": {"MaxRuntimeInSeconds": 0}}
    request["InputConfig"]["S3Uri"] = mlp(platform)
    job = run(platform, compilation_jobs.create(platform, REGION, request))
    assert job.status == "FAILED" and "MaxRuntimeInSeconds" in job.state["FailureReason"]


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("s3://b/out/model.tar.gz", "model-ml_c5.tar.gz"),
        ("s3://b/net.v2.tgz", "net.v2-ml_c5.tar.gz"),
        ("s3://b/odd", "odd-ml_c5.tar.gz"),
    ],
)
def test_artifact_is_named_as_neo_names_it(uri: str, expected: str) -> None:
    assert artifact_name(uri, "ml_c5") == expected


def test_job_that_does_not_exist_is_left_alone(home: Any, database: Any, tmp_path: Path) -> None:
    environment = {**os.environ, "IRONWORKS_HOME": str(home.path)}
    arn = f"arn:aws:sagemaker:{REGION}:123456789012:training-job/none"
    command = [sys.executable, "-m", "ironworks.control.agent", arn]
    assert subprocess.run(command, env=environment, check=False).returncode == 0


@pytest.mark.parametrize("status", ["Stopped", "Stopping"])
def test_job_that_was_stopped_before_its_agent_began_is_not_run(platform: Platform, status: str) -> None:
    job = train(platform, "print('up')")
    if status == "Stopping":
        ended = Handle(2**22 + 1, 1.0).to_dict()
        platform.resources.change(job.id, lambda row: setattr(row, "process", ended))
    platform.resources.change(job.id, training_jobs.request_stop)
    assert read(platform, job).status == status
    stopped = run(platform, job)
    assert stopped.status == "Stopped"
    statuses = [transition["Status"] for transition in stopped.state["SecondaryStatusTransitions"]]
    assert statuses == list(dict.fromkeys(["Starting", status, "Stopped"]))
    assert not platform.logs.groups(REGION)
