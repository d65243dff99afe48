"""A small training service: a store, an environment that is our own interpreter, and a recording observer."""

from __future__ import annotations

import io
import json
import sys
import tarfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ironworks.objects import LocalObjects
from ironworks.training import Environment, Environments, Line, TrainingResult, TrainingSpec, run_training

BUCKET = "bucket"
IMAGE = "763104351884.dkr.ecr.us-west-2.amazonaws.com/mxnet-training:1.4.1-cpu-py3"
NAME = "job-1"
OWN = Environment.of(Path(sys.executable), "Test")


class OwnInterpreter(Environments):
    """Serves every framework with the interpreter that runs the tests."""

    def __init__(self) -> None:
        super().__init__(Path("/nonexistent"))

    def find(self, framework: str, version: str) -> Environment:
        return OWN

    def prepare(
        self, framework: str, version: str, log: Callable[[str], None], check: Callable[[], None]
    ) -> Environment:
        return OWN


class Recorder:
    """Keeps what an observer is told."""

    def __init__(self) -> None:
        self.statuses: list[tuple[str, str]] = []
        self.lines: list[Line] = []
        self.metrics: list[tuple[str, float, float]] = []
        self.seen = threading.Condition()

    def status(self, secondary: str, message: str) -> None:
        self.statuses.append((secondary, message))

    def log(self, lines: Sequence[Line]) -> None:
        with self.seen:
            self.lines += lines
            self.seen.notify_all()

    def metric(self, name: str, value: float, at: float) -> None:
        self.metrics.append((name, value, at))

    @property
    def texts(self) -> list[str]:
        return [text for _, text in self.lines]

    def wait_for(self, text: str) -> None:
        with self.seen:
            assert self.seen.wait_for(lambda: any(text in line for line in self.texts), 20), self.texts


def request(**members: Any) -> dict[str, Any]:
    """A CreateTrainingJob request like the SageMaker SDK's; `members` replace or (None) remove members."""
    whole: dict[str, Any] = {
        "TrainingJobName": NAME,
        "RoleArn": "arn:aws:iam::123456789012:role/role",
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "InputDataConfig": [],
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/models/"},
        "ResourceConfig": {"InstanceType": "ml.m4.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
        "StoppingCondition": {"MaxRuntimeInSeconds": 86400},
        "HyperParameters": {
            "sagemaker_program": '"train.py"',
            "sagemaker_submit_directory": f'"s3://{BUCKET}/code/sourcedir.tar.gz"',
            "sagemaker_container_log_level": "20",
            "sagemaker_region": '"us-west-2"',
            "sagemaker_job_name": f'"{NAME}"',
        },
    }
    whole |= members
    return {name: value for name, value in whole.items() if value is not None}


def channel(name: str, uri: str, data_type: str = "S3Prefix", **members: Any) -> dict[str, Any]:
    source = {"S3DataType": data_type, "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}} | members


def spec_of(body: Mapping[str, Any]) -> TrainingSpec:
    arn = f"arn:aws:sagemaker:us-west-2:123456789012:training-job/{body['TrainingJobName']}"
    return TrainingSpec.from_request(body, region="us-west-2", account="123456789012", arn=arn)


class Service:
    """Runs jobs as the job agent does."""

    def __init__(self, store: LocalObjects, directory: Path, home: Path) -> None:
        self.store = store
        self.directory = directory
        self.home = home
        self.observer = Recorder()
        self.stop = threading.Event()

    def put(self, key: str, content: bytes | str) -> None:
        path = self.directory.parent / "upload"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        self.store.upload(path, BUCKET, key)

    def get(self, key: str) -> bytes:
        path = self.directory.parent / "download"
        self.store.download(BUCKET, key, path)
        return path.read_bytes()

    def members(self, key: str) -> dict[str, bytes]:
        """The files of an archive in the store."""
        with tarfile.open(fileobj=io.BytesIO(self.get(key))) as tar:
            return {m.name: tar.extractfile(m).read() for m in tar if m.isfile()}  # type: ignore[union-attr]

    def put_source(self, files: Mapping[str, str]) -> None:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
            for name, text in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(text.encode())
                tar.addfile(info, io.BytesIO(text.encode()))
        self.put("code/sourcedir.tar.gz", buffer.getvalue())

    def run(
        self, source: str | Mapping[str, str], body: Mapping[str, Any] | None = None, **options: Any
    ) -> TrainingResult:
        self.put_source({"train.py": source} if isinstance(source, str) else source)
        self.directory.mkdir()
        return run_training(
            spec_of(body or request()),
            store=self.store,
            directory=self.directory,
            **{
                "environments": OwnInterpreter(),
                "observer": self.observer,
                "stop": self.stop,
                "services": {"AWS_ENDPOINT_URL": "http://127.0.0.1:8750"},
                "hidden": (self.home,),
                **options,
            },
        )

    def start(
        self, source: str | Mapping[str, str], body: Mapping[str, Any] | None = None, **options: Any
    ) -> Running:
        return Running(lambda: self.run(source, body, **options))

    def printed(self) -> Any:
        """What the script's last line says, as JSON."""
        return json.loads(self.observer.texts[-1])


class Running:
    """A job in a thread of its own."""

    def __init__(self, run: Callable[[], TrainingResult]) -> None:
        self._result: TrainingResult | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(run,))
        self._thread.start()

    def _run(self, run: Callable[[], TrainingResult]) -> None:
        try:
            self._result = run()
        except BaseException as error:
            self._error = error

    def result(self) -> TrainingResult:
        self._thread.join(60)
        assert not self._thread.is_alive()
        if self._error is not None:
            raise self._error
        assert self._result is not None
        return self._result
