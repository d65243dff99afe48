"""Any process may die at any time: each of these really kills one."""

from __future__ import annotations

import http.client
import json
import signal
import tarfile
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import psutil
import pytest
from botocore.exceptions import ClientError
from tests.acceptance.installation import Installation, eventually, final
from tests.acceptance.jobs import BUCKET, ROLE, log_lines, submit

TICKS = "import time\nfor n in range(30): print('tick', n, flush=True); time.sleep(0.1)"


@pytest.fixture(scope="module")
def fragile() -> Iterator[Installation]:
    """One whose server these tests may kill."""
    fragile = Installation()
    try:
        fragile.up()
        yield fragile
    finally:
        fragile.remove()
    assert fragile.processes() == []


@pytest.fixture(scope="module")
def model(fragile: Installation, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URI of an archive with an ONNX model, large enough that compiling it takes a moment."""
    folder = tmp_path_factory.mktemp("model")
    _save_network(folder / "model.onnx", width=512, depth=6)
    submit(fragile, "makes-the-bucket", "")
    archive = folder / "model.tar.gz"
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        tar.add(folder / "model.onnx", "model.onnx")
    fragile.client("s3").upload_file(str(archive), BUCKET, "model.tar.gz")
    return f"s3://{BUCKET}/model.tar.gz"


def _save_network(path: Path, width: int, depth: int) -> None:
    random = np.random.default_rng(0)
    nodes, weights, last = [], [], "data"
    for layer in range(depth):
        matrix = random.normal(size=(width, width), scale=width**-0.5).astype(np.float32)
        weights.append(onnx.numpy_helper.from_array(matrix, f"weight{layer}"))
        nodes.append(onnx.helper.make_node("MatMul", [last, f"weight{layer}"], [f"product{layer}"]))
        nodes.append(onnx.helper.make_node("Relu", [f"product{layer}"], [f"hidden{layer}"]))
        last = f"hidden{layer}"
    shape = [1, width]
    graph = onnx.helper.make_graph(
        nodes,
        "network",
        [onnx.helper.make_tensor_value_info("data", onnx.TensorProto.FLOAT, shape)],
        [onnx.helper.make_tensor_value_info(last, onnx.TensorProto.FLOAT, shape)],
        weights,
    )
    opset = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=8), path)


def _training(fragile: Installation, name: str) -> Any:
    return fragile.client("sagemaker").describe_training_job(TrainingJobName=name)


def _compile(fragile: Installation, name: str, model: str) -> None:
    fragile.client("sagemaker").create_compilation_job(
        CompilationJobName=name,
        RoleArn=ROLE,
        InputConfig={"S3Uri": model, "DataInputConfig": '{"data": [1, 512]}', "Framework": "ONNX"},
        OutputConfig={"S3OutputLocation": f"s3://{BUCKET}/{name}", "TargetDevice": "ml_c5"},
        StoppingCondition={"MaxRuntimeInSeconds": 300},
    )


def _compilation(fragile: Installation, name: str) -> Any:
    sagemaker = fragile.client("sagemaker")
    return final(lambda: sagemaker.describe_compilation_job(CompilationJobName=name), "CompilationJobStatus")


@pytest.fixture(scope="module")
def endpoint(fragile: Installation, model: str) -> str:
    """The name of an endpoint in service, with one instance."""
    _compile(fragile, "served", model)
    compiled = _compilation(fragile, "served")
    assert compiled["CompilationJobStatus"] == "COMPLETED", compiled["FailureReason"]
    sagemaker = fragile.client("sagemaker")
    container = {
        "Image": compiled["InferenceImage"],
        "ModelDataUrl": compiled["ModelArtifacts"]["S3ModelArtifacts"],
    }
    sagemaker.create_model(ModelName="served", ExecutionRoleArn=ROLE, PrimaryContainer=container)
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": "served",
        "InitialInstanceCount": 1,
        "InstanceType": "ml.c5.large",
    }
    sagemaker.create_endpoint_config(EndpointConfigName="served", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="served", EndpointConfigName="served")
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="served", WaiterConfig={"Delay": 1})
    return "served"


def _invoke(fragile: Installation, endpoint: str) -> list[float]:
    answer = fragile.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=endpoint,
        ContentType="application/json",
        Accept="application/json",
        Body=json.dumps([[1.0] * 512]),
    )
    return list(np.ravel(json.loads(answer["Body"].read())))


def _answers(fragile: Installation, endpoint: str) -> list[float]:
    try:
        return _invoke(fragile, endpoint)
    except ClientError:
        return []


def _only(processes: list[psutil.Process]) -> psutil.Process:
    (process,) = processes
    return process


def test_training_goes_on_without_the_server(fragile: Installation) -> None:
    submit(fragile, "outlives", TICKS)
    eventually(lambda: "tick 2" in log_lines(fragile, "outlives"), "the script runs")
    fragile.kill_server()
    fragile.up()
    job = final(lambda: _training(fragile, "outlives"), "TrainingJobStatus")
    assert job["TrainingJobStatus"] == "Completed"
    ticks = [line for line in log_lines(fragile, "outlives") if line.startswith("tick")]
    assert ticks == [f"tick {n}" for n in range(30)]


def test_a_job_that_waited_when_the_server_died_is_run_by_the_next(fragile: Installation) -> None:
    submit(fragile, "just-submitted", "print('ran')")
    fragile.kill_server()
    fragile.up()
    job = final(lambda: _training(fragile, "just-submitted"), "TrainingJobStatus")
    assert job["TrainingJobStatus"] == "Completed"


def test_compilation_goes_on_without_the_server(fragile: Installation, model: str) -> None:
    _compile(fragile, "outlives", model)
    eventually(lambda: fragile.processes("ironworks.control.agent"), "the agent runs")
    fragile.kill_server()
    fragile.up()
    job = _compilation(fragile, "outlives")
    assert job["CompilationJobStatus"] == "COMPLETED", job["FailureReason"]


def test_an_endpoint_serves_on_with_the_same_instance(fragile: Installation, endpoint: str) -> None:
    before = _invoke(fragile, endpoint)
    instance = _only(fragile.processes("ironworks.serving"))
    fragile.kill_server()
    assert instance.is_running()
    fragile.up()
    assert _invoke(fragile, endpoint) == before
    assert fragile.processes("ironworks.serving") == [instance]


def test_a_killed_instance_is_replaced(fragile: Installation, endpoint: str) -> None:
    instance = _only(fragile.processes("ironworks.serving"))
    instance.send_signal(signal.SIGKILL)
    eventually(
        lambda: fragile.processes("ironworks.serving") not in ([], [instance]), "another instance starts"
    )
    eventually(lambda: _answers(fragile, endpoint), "the endpoint answers again")
    status = fragile.client("sagemaker").describe_endpoint(EndpointName=endpoint)["EndpointStatus"]
    assert status == "InService"


def test_a_killed_agent_fails_its_job_and_says_so(fragile: Installation) -> None:
    submit(fragile, "orphan", "import time\nprint('runs', flush=True)\ntime.sleep(600)")
    eventually(lambda: "runs" in log_lines(fragile, "orphan"), "the script runs")
    _only(fragile.processes("ironworks.control.agent")).send_signal(signal.SIGKILL)
    job = final(lambda: _training(fragile, "orphan"), "TrainingJobStatus")
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("InternalServerError: ")
    eventually(lambda: not fragile.processes("train.py"), "the script has ended with its agent")


def test_an_upload_that_breaks_off_leaves_no_object(fragile: Installation, model: str) -> None:
    s3 = fragile.client("s3")
    blobs = _files(fragile.home / "objects")
    address = urllib.parse.urlsplit(
        s3.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": "half"})
    )
    connection = http.client.HTTPConnection(address.netloc)
    connection.putrequest("PUT", f"{address.path}?{address.query}")
    connection.putheader("Content-Length", str(8 << 20))
    connection.endheaders()
    connection.send(bytes(4 << 20))
    connection.close()
    eventually(lambda: _files(fragile.home / "objects") == blobs, "nothing of it is left")
    with pytest.raises(ClientError) as raised:
        s3.head_object(Bucket=BUCKET, Key="half")
    assert raised.value.response["Error"]["Code"] == "404"


def _files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def test_down_all_leaves_no_process(fragile: Installation, endpoint: str) -> None:
    submit(fragile, "long", "import time\nprint('runs', flush=True)\ntime.sleep(600)")
    eventually(lambda: "runs" in log_lines(fragile, "long"), "the script runs")
    fragile.ironworks("down", "--all")
    assert fragile.processes() == []
    # What was stopped by force is told of when the server is back, and the endpoint serves again.
    fragile.up()
    job = final(lambda: _training(fragile, "long"), "TrainingJobStatus")
    assert job["TrainingJobStatus"] in ("Failed", "Stopped")
    eventually(lambda: _answers(fragile, endpoint), "the endpoint answers again")
