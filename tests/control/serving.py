"""An endpoint, the controller that brings it to its plan, and the processes that the controller believes to run."""

from __future__ import annotations

import contextlib
import io
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import select

from ironworks.control import endpoints, instances, models
from ironworks.control.endpoint_controller import EndpointController
from ironworks.control.platform import Platform
from ironworks.control.records import Instance, Resource
from ironworks.objects.errors import BucketAlreadyOwnedByYou
from ironworks.runtime.manifest import Manifest
from tests.control.conftest import REGION
from tests.control.fakes import FakeExecutor

MANIFEST = Manifest("ml_c5", "x86_64", "onnxruntime", "model.onnx", inputs=(), outputs=()).to_json()


def put_archive(platform: Platform, uri_key: str, **files: str) -> None:
    path = platform.home.path / "upload.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name.replace("__", "."))
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    with contextlib.suppress(BucketAlreadyOwnedByYou):
        platform.objects.buckets.create("bucket", REGION)
    platform.objects.upload(path, "bucket", uri_key)


def variant(name: str = "AllTraffic", count: int = 1, model: str = "m", **changes: Any) -> dict[str, Any]:
    """A variant of an endpoint configuration."""
    return {
        "VariantName": name,
        "ModelName": model,
        "InitialInstanceCount": count,
        "InstanceType": "ml.c5.large",
        **changes,
    }


def create_model(platform: Platform, name: str = "m", **files: str) -> None:
    """A model with an archive of its own."""
    put_archive(platform, f"{name}.tar.gz", **(files or {"manifest__json": MANIFEST}))
    container = {"Image": "i", "ModelDataUrl": f"s3://bucket/{name}.tar.gz", "Environment": {"A": "1"}}
    models.create(platform, REGION, {"ModelName": name, "PrimaryContainer": container})


def create_config(platform: Platform, name: str, *variants: dict[str, Any]) -> None:
    """An endpoint configuration."""
    endpoints.create_config(platform, REGION, {"EndpointConfigName": name, "ProductionVariants": [*variants]})


def create(platform: Platform, count: int = 1, instance_type: str = "ml.c5.large", **files: str) -> Resource:
    """The endpoint `e` of a configuration `c`, and the model `m` that it serves."""
    create_model(platform, **files)
    create_config(platform, "c", variant(count=count, InstanceType=instance_type))
    return endpoints.create(platform, REGION, {"EndpointName": "e", "EndpointConfigName": "c"})


def read(platform: Platform) -> Resource:
    return platform.resources.get(endpoints.KIND, REGION, "e")


def running(platform: Platform) -> list[Instance]:
    with platform.database.read() as session:
        return list(session.scalars(select(Instance).order_by(Instance.started_at)))


def until(controller: EndpointController, condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        controller.reconcile()
        time.sleep(0.005)


def in_service(
    platform: Platform, controller: EndpointController, ready: set[str], count: int = 1
) -> list[Instance]:
    until(controller, lambda: len(running(platform)) == count)
    ready.update(instance.id for instance in running(platform))
    until(controller, lambda: read(platform).status == "InService")
    return running(platform)


def sockets(platform: Platform, *found: Instance) -> tuple[Path, ...]:
    """Where instances listen."""
    return tuple(instances.socket_path(platform.home, instance.id) for instance in found)


def of(platform: Platform, generation: int) -> list[Instance]:
    """The instances of a generation."""
    return [instance for instance in running(platform) if instance.generation == generation]


def settle(
    platform: Platform, controller: EndpointController, executor: FakeExecutor, count: int
) -> list[Instance]:
    """Let every process end that is told to, until the endpoint is in service with `count` instances."""

    def settled() -> bool:
        for pid in executor.terminated():
            executor.die(pid)
        return read(platform).status == "InService" and len(running(platform)) == count

    until(controller, settled)
    return running(platform)


def scale(platform: Platform, name: str = "AllTraffic", **desired: Any) -> None:
    """Give a variant of the endpoint `e` another weight or count."""
    endpoints.scale(platform, read(platform), [{"VariantName": name, **desired}])
