"""How long the console's pages take with 10,000 jobs in the database: `python -m benchmarks.console`.

A server on a new home, filled by its database; each page is asked for over one connection, as a browser does.
"""

from __future__ import annotations

import argparse
import http.client
import os
import shutil
import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from ironworks.console.access import make_link_token
from ironworks.console.urls import PREFIX
from ironworks.control import compilation_jobs, endpoints, models, training_jobs
from ironworks.control.platform import Platform
from ironworks.control.records import Resource
from ironworks.database import utc_now
from ironworks.home import Home
from ironworks.server.keys import Keys
from ironworks.server.process import ServerRecord, start_in_background, stop

REGION = "us-west-2"
LINES = 2000
PAGES = {
    "overview": "",
    "training jobs": "jobs/training",
    "training jobs, found by name": "jobs/training?name=4999",
    "training jobs, failed ones": "jobs/training?status=Failed",
    "training job": "jobs/training/training-job-00009",
    "compilation jobs": "jobs/compilation",
    "compilation job": "jobs/compilation/compilation-job-00009",
    "models": "models",
    "endpoints": "endpoints",
}


def main() -> None:
    """Fill, measure, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=20)
    arguments = parser.parse_args()
    path = Path(tempfile.mkdtemp(prefix="iw-"))
    home = Home.from_environment({"IRONWORKS_HOME": str(path)})
    try:
        record = start_in_background(home, "127.0.0.1", 0, environ=dict(os.environ))
        fill(home, arguments.jobs)
        print(f"{arguments.jobs:,} jobs; milliseconds, {arguments.rounds} requests of each page\n")
        print(f"{'page':32}{'median':>8}{'most':>8}{'kB':>8}")
        for name, (times, size) in measure(home, record, arguments.rounds).items():
            print(f"{name:32}{statistics.median(times):8.1f}{max(times):8.1f}{size / 1000:8.1f}")
    finally:
        stop(home)
        shutil.rmtree(path)


def fill(home: Home, jobs: int) -> None:
    """Jobs, half of them of each kind, as many models as a tenth of them, and some endpoints that have failed."""
    platform = Platform.open(home, Keys.open(home.keys).account)
    counts = {
        training_jobs.KIND: jobs // 2,
        compilation_jobs.KIND: jobs - jobs // 2,
        models.KIND: jobs // 10,
        endpoints.KIND: 100,
    }
    rows = [row(platform, kind, number) for kind, count in counts.items() for number in range(count)]
    with platform.database.write() as session:
        session.execute(insert(Resource), rows)
    lines = [(1000 * number, f"Epoch[{number}] Train-accuracy=0.9{number:04}") for number in range(LINES)]
    platform.logs.append(REGION, training_jobs.LOG_GROUP, "training-job-00009/algo-1-1", lines)
    platform.close()


def row(platform: Platform, kind: str, number: int) -> dict[str, Any]:
    """A resource as it looks when its life is over."""
    name = f"{kind}-{number:05}"
    good = number % 7 != 0
    status, request, state = STATES[kind](name, good)
    created = utc_now() - timedelta(seconds=60 * number)
    return {
        "kind": kind,
        "region": REGION,
        "name": name,
        "arn": platform.arn(REGION, kind, name),
        "status": status,
        "created_at": created,
        "modified_at": created + timedelta(seconds=40),
        "request": request,
        "state": state,
        "process": None,
    }


def _training_job(name: str, good: bool) -> tuple[str, Any, Any]:
    status = "Completed" if good else "Failed"
    request = {
        "TrainingJobName": name,
        "AlgorithmSpecification": {"TrainingImage": "mxnet-training:1.9.1", "TrainingInputMode": "File"},
        "HyperParameters": {f"parameter-{number}": str(number) for number in range(12)},
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/artifacts"},
        "ResourceConfig": {"InstanceType": "ml.m4.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
        "RoleArn": "arn:aws:iam::123456789012:role/IronworksExecutionRole",
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
    }
    phases = [
        {
            "Status": phase,
            "StartTime": 10.0 * at,
            "EndTime": 10.0 * at + 10,
            "StatusMessage": "As it should be",
        }
        for at, phase in enumerate(("Starting", "Downloading", "Training", "Uploading", status))
    ]
    return status, request, {"SecondaryStatus": status, "SecondaryStatusTransitions": phases}


def _compilation_job(name: str, good: bool) -> tuple[str, Any, Any]:
    request = {
        "CompilationJobName": name,
        "RoleArn": "arn:aws:iam::123456789012:role/IronworksExecutionRole",
        "InputConfig": {"S3Uri": "s3://bucket/model", "DataInputConfig": "{}", "Framework": "MXNET"},
        "OutputConfig": {"S3OutputLocation": "s3://bucket/compiled", "TargetDevice": "ml_c5"},
    }
    return ("COMPLETED" if good else "FAILED"), request, {}


def _model(name: str, _good: bool) -> tuple[str, Any, Any]:
    return "", {"ModelName": name, "PrimaryContainer": {"Image": "", "ModelDataUrl": "s3://bucket/model"}}, {}


def _endpoint(name: str, _good: bool) -> tuple[str, Any, Any]:
    return "Failed", {"EndpointName": name, "EndpointConfigName": name}, {"Plan": []}


STATES = {
    training_jobs.KIND: _training_job,
    compilation_jobs.KIND: _compilation_job,
    models.KIND: _model,
    endpoints.KIND: _endpoint,
}


def measure(home: Home, record: ServerRecord, rounds: int) -> dict[str, tuple[list[float], int]]:
    """Milliseconds of each request, and the bytes of the page; the pages take turns."""
    connection = http.client.HTTPConnection(record.host, record.port, timeout=30)
    token = make_link_token(Keys.open(home.keys).secret_access_key)
    connection.request("GET", f"{PREFIX}/login?token={token}")
    response = connection.getresponse()
    response.read()
    headers = {"cookie": response.headers["set-cookie"].partition(";")[0]}
    found: dict[str, tuple[list[float], int]] = {name: ([], 0) for name in PAGES}
    for round_ in range(rounds + 1):
        for name, path in PAGES.items():
            began = time.perf_counter()
            connection.request("GET", f"{PREFIX}/{REGION}/{path}", headers=headers)
            response = connection.getresponse()
            body = response.read()
            milliseconds = (time.perf_counter() - began) * 1000
            if response.status != 200:
                raise RuntimeError(f"{path} was answered {response.status}")
            if round_:  # in the first one templates are read and models loaded
                found[name] = ([*found[name][0], milliseconds], len(body))
    connection.close()
    return found


if __name__ == "__main__":
    main()
