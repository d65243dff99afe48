"""The notebook's flow, timed: `python benchmarks/flow.py`.

Starts a server on a home of its own, drives it through boto3 on the real MNIST, and prints each figure beside
its bar. Downloads are kept where `IRONWORKS_ENVIRONMENTS` and `IRONWORKS_DATASETS` say. Figures are medians of
interleaved rounds; the training job is compared with the same script run by hand.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
import statistics
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import psutil
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from rich.console import Console
from rich.table import Table

from ironworks.control import training_jobs
from ironworks.control.platform import Platform
from ironworks.control.processes import stop_all
from ironworks.control.records import Resource
from ironworks.database import utc_now
from ironworks.datasets.mnist import Mnist
from ironworks.home import Home
from ironworks.server import process
from ironworks.server.keys import Keys
from ironworks.training import Environments

REGION = "us-west-2"
ROLE = "arn:aws:iam::123456789012:role/benchmark"
SCRIPT = Path(__file__).parents[1] / "examples" / "mnist" / "mnist.py"
IMAGE = "763104351884.dkr.ecr.us-west-2.amazonaws.com/mxnet-training:1.9.1-cpu-py3"
ROUNDS = 5
NPY = "application/vnd+python.numpy+binary"


@dataclass
class Figure:
    """One row of the table."""

    what: str
    value: float
    unit: str
    bar: float


class Flow:
    """The clients of one server, and the steps of the flow."""

    def __init__(self, home: Home, url: str) -> None:
        keys = Keys.open(home.keys)
        self.url = url
        self.credentials = Credentials(keys.access_key_id, keys.secret_access_key)
        session = boto3.Session(keys.access_key_id, keys.secret_access_key, region_name=REGION)
        self.s3, self.sagemaker, self.runtime = (
            session.client(name, endpoint_url=url) for name in ("s3", "sagemaker", "sagemaker-runtime")
        )
        self.s3.create_bucket(Bucket="bench", CreateBucketConfiguration={"LocationConstraint": REGION})
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w:gz") as tar:
            tar.add(SCRIPT, SCRIPT.name)
        self.s3.put_object(Bucket="bench", Key="sourcedir.tar.gz", Body=archive.getvalue())

    def train(self, name: str) -> str:
        """Run a training job of one epoch; the URI of its model."""
        self.sagemaker.create_training_job(**_training_request(name))
        job = _until_final(
            lambda: self.sagemaker.describe_training_job(TrainingJobName=name),
            "TrainingJobStatus",
            ("Completed", "Failed"),
        )
        return str(job["ModelArtifacts"]["S3ModelArtifacts"])

    def compile(self, name: str, model: str) -> str:
        """Run a compilation job; the URI of its artifact."""
        self.sagemaker.create_compilation_job(
            CompilationJobName=name,
            RoleArn=ROLE,
            InputConfig={"S3Uri": model, "DataInputConfig": '{"data": [1, 784]}', "Framework": "MXNET"},
            OutputConfig={"S3OutputLocation": "s3://bench/compiled", "TargetDevice": "ml_c5"},
            StoppingCondition={"MaxRuntimeInSeconds": 300},
        )
        job = _until_final(
            lambda: self.sagemaker.describe_compilation_job(CompilationJobName=name),
            "CompilationJobStatus",
            ("COMPLETED", "FAILED"),
        )
        return str(job["ModelArtifacts"]["S3ModelArtifacts"])

    def prepare_model(self, name: str, artifact: str) -> None:
        """A model and a configuration of the compiled artifact with the script beside it, as the SDK packs it."""
        bucket, key = artifact.removeprefix("s3://").split("/", 1)
        body = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        packed = io.BytesIO()
        with tarfile.open(fileobj=io.BytesIO(body)) as old, tarfile.open(fileobj=packed, mode="w:gz") as new:
            for member in old:
                new.addfile(member, old.extractfile(member))
            new.add(SCRIPT, f"code/{SCRIPT.name}")
        self.s3.put_object(Bucket="bench", Key="deployed/model.tar.gz", Body=packed.getvalue())
        container = {
            "Image": "neo",
            "ModelDataUrl": "s3://bench/deployed/model.tar.gz",
            "Environment": {"SAGEMAKER_PROGRAM": SCRIPT.name},
        }
        self.sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container)
        variant = {
            "VariantName": "AllTraffic",
            "ModelName": name,
            "InitialInstanceCount": 1,
            "InstanceType": "ml.c5.4xlarge",
        }
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])

    def signed(self, name: str, body: bytes) -> AWSRequest:
        """A prediction's request, signed: what is left to measure is the server and the instance."""
        path = f"/endpoints/{name}/invocations"
        request = AWSRequest("POST", self.url + path, headers={"Content-Type": NPY}, data=body)
        SigV4Auth(self.credentials, "sagemaker", REGION).add_auth(request)
        return request

    def invoke(self, name: str, body: bytes) -> bytes:
        """One prediction."""
        answer = self.runtime.invoke_endpoint(EndpointName=name, Body=body, ContentType=NPY)
        return bytes(answer["Body"].read())


def main() -> None:
    """Measure and print."""
    console = Console()
    with temporary_home() as home:
        started = time.perf_counter()
        record = process.start_in_background(home, "127.0.0.1", 0)
        figures = [Figure("server: start to first answer", time.perf_counter() - started, "s", 1.5)]
        time.sleep(1)
        memory = psutil.Process(record.pid).memory_info().rss / 1e6
        figures.append(Figure("server: memory at rest", memory, "MB", 120))
        flow = Flow(home, record.url)
        figures += _measure_jobs(home, flow)
        figures += _measure_endpoint(flow)
        figures.append(_measure_listing(home, flow))
        after = psutil.Process(record.pid).memory_info().rss / 1e6
        figures.append(Figure("server: memory after all this", after, "MB", 200))
    console.print(table_of(figures))


def table_of(figures: Sequence[Figure]) -> Table:
    """Each figure beside its bar."""
    table = Table("figure", "measured", "bar")
    for figure in figures:
        met = figure.value <= figure.bar
        table.add_row(
            figure.what,
            f"{figure.value:.3f} {figure.unit}",
            f"≤ {figure.bar:g} {figure.unit} {'✓' if met else '✗'}",
        )
    return table


def _measure_jobs(home: Home, flow: Flow) -> list[Figure]:
    environment = Environments(home.environments).prepare("mxnet", "1.9.1", print)
    flow.train("warm-up")
    by_hand, by_job, compilations = [], [], []
    for number in range(ROUNDS):
        by_hand.append(timed(lambda: train_by_hand(environment.python, home))[0])
        seconds, model = timed(lambda n=number: flow.train(f"train-{n}"))
        by_job.append(seconds)
        seconds, artifact = timed(lambda n=number, m=model: flow.compile(f"compile-{n}", m))
        compilations.append(seconds)
    flow.prepare_model("bench", artifact)
    overhead = statistics.median(job - hand for job, hand in zip(by_job, by_hand, strict=True))
    return [
        Figure(
            f"training job over the script by hand ({statistics.median(by_hand):.1f} s)", overhead, "s", 1.0
        ),
        Figure("compilation job, submitted to COMPLETED", statistics.median(compilations), "s", 3.0),
    ]


def _measure_endpoint(flow: Flow) -> list[Figure]:
    payload = io.BytesIO()
    np.save(payload, np.random.default_rng(0).random((1, 784)))
    body = payload.getvalue()
    first, deleted = [], []
    for number in range(ROUNDS):
        name = f"endpoint-{number}"
        first.append(timed(lambda n=name: _deploy(flow, n, body))[0])
        if number == ROUNDS - 1:
            latencies = [timed(lambda n=name: flow.invoke(n, body))[0] * 1e3 for _ in range(1000)]
            alone = _raw_latencies(flow, name, body)
        deleted.append(timed(lambda n=name: _delete(flow, n))[0])
    return [
        Figure("CreateEndpoint to first prediction", statistics.median(first), "s", 1.0),
        Figure("InvokeEndpoint through boto3, p50", statistics.median(latencies), "ms", 4.0),
        Figure("InvokeEndpoint through boto3, p99", statistics.quantiles(latencies, n=100)[98], "ms", 12.0),
        Figure("InvokeEndpoint, server and instance alone, p50", statistics.median(alone), "ms", 1.0),
        Figure("DeleteEndpoint to gone", statistics.median(deleted), "s", 0.5),
    ]


def _raw_latencies(flow: Flow, name: str, body: bytes) -> list[float]:
    """Through a bare socket: a client library's own work is of the size of what is measured."""
    request = flow.signed(name, body)
    host, _, port = flow.url.removeprefix("http://").partition(":")
    lines = [
        f"POST /endpoints/{name}/invocations HTTP/1.1",
        f"Host: {host}:{port}",
        f"Content-Length: {len(body)}",
    ]
    lines += [f"{header}: {value}" for header, value in request.headers.items()]
    message = "\r\n".join([*lines, "", ""]).encode() + body
    with socket.create_connection((host, int(port))) as connection:

        def ask() -> None:
            connection.sendall(message)
            answer = b""
            while not answer.endswith(b"]"):  # the end of the ten probabilities
                answer += connection.recv(65536)

        return [timed(ask)[0] * 1e3 for _ in range(1000)]


def _measure_listing(home: Home, flow: Flow) -> Figure:
    platform = Platform.open(home, Keys.open(home.keys).account)
    now = utc_now()
    with platform.database.write() as session:
        session.add_all(
            Resource(
                kind=training_jobs.KIND, region=REGION, name=f"listed-{number}", arn=f"arn:listed-{number}",
                status="Completed", created_at=now, modified_at=now, state={},
                request=_training_request(f"listed-{number}"),
            )
            for number in range(10_000)
        )  # fmt: skip
    platform.close()
    pages = [timed(lambda: flow.sagemaker.list_training_jobs(MaxResults=100))[0] * 1e3 for _ in range(30)]
    return Figure("page of 100 of 10,000 training jobs", statistics.median(pages), "ms", 30)


def _deploy(flow: Flow, name: str, body: bytes) -> None:
    flow.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName="bench")
    flow.sagemaker.describe_endpoint(EndpointName=name)
    json.loads(flow.invoke(name, body))


def _delete(flow: Flow, name: str) -> None:
    flow.sagemaker.delete_endpoint(EndpointName=name)
    while True:
        try:
            flow.sagemaker.describe_endpoint(EndpointName=name)
        except ClientError:
            return
        time.sleep(0.005)


def train_by_hand(python: Path, home: Home) -> None:
    """Run the script for one epoch, as a person would."""
    files = Mnist(home.datasets).files(lambda *_: None)
    with tempfile.TemporaryDirectory() as folder:
        environ = {
            **os.environ,
            "SM_MODEL_DIR": folder,
            "SM_HOSTS": '["algo-1"]',
            "SM_CURRENT_HOST": "algo-1",
        }
        for channel in ("train", "test"):
            some_file = next(path for key, path in files.items() if f"/{channel}/" in key)
            environ[f"SM_CHANNEL_{channel.upper()}"] = str(some_file.parent)
        command = [str(python), str(SCRIPT), "--epochs", "1"]
        subprocess.run(command, env=environ, check=True, capture_output=True)


def _training_request(name: str) -> dict[str, Any]:
    def channel(kind: str) -> dict[str, Any]:
        source = {
            "S3DataType": "S3Prefix",
            "S3Uri": f"s3://sagemaker-sample-data-{REGION}/mxnet/mnist/{kind}",
            "S3DataDistributionType": "FullyReplicated",
        }
        return {"ChannelName": kind, "DataSource": {"S3DataSource": source}}

    return {
        "TrainingJobName": name,
        "RoleArn": ROLE,
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "InputDataConfig": [channel("train"), channel("test")],
        "OutputDataConfig": {"S3OutputPath": "s3://bench/out"},
        "ResourceConfig": {"InstanceType": "ml.m4.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        "HyperParameters": {
            "epochs": "1",
            "sagemaker_program": f'"{SCRIPT.name}"',
            "sagemaker_submit_directory": '"s3://bench/sourcedir.tar.gz"',
        },
    }


def _until_final(
    describe: Callable[[], dict[str, Any]], member: str, final: tuple[str, str]
) -> dict[str, Any]:
    while (answer := describe())[member] not in final:
        time.sleep(0.05)  # more often would take the job's processor away
    if answer[member] == final[1]:
        raise SystemExit(answer["FailureReason"])
    return answer


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds that a call takes, and what it returns."""
    begin = time.perf_counter()
    result = call()
    return time.perf_counter() - begin, result


@contextmanager
def temporary_home() -> Iterator[Home]:
    """A home of its own; all that runs on it is ended at the end."""
    path = Path(tempfile.mkdtemp(prefix="iw-"))
    home = Home.from_environment({**os.environ, "IRONWORKS_HOME": str(path)})
    try:
        yield home
    finally:
        process.stop(home)
        stop_all(home)
        shutil.rmtree(path)


if __name__ == "__main__":
    main()
