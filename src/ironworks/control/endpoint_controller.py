"""Brings endpoints to what their plans say: instances started, asked, replaced, stopped."""

from __future__ import annotations

import logging
import shutil
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sqlalchemy import delete, select

from ironworks.control import endpoints, instance_logs, instances, model_folders
from ironworks.control.endpoints import Variant
from ironworks.control.platform import Platform
from ironworks.control.records import Instance, Resource
from ironworks.database import utc_now
from ironworks.errors import IronworksError, PlatformError
from ironworks.executors import Executor, Handle

log = logging.getLogger(__name__)

START_SECONDS = 300
"""An instance that does not answer within this time fails its endpoint."""
DRAIN_SECONDS = 10
"""What a stopped instance has to finish its answers."""
LONGEST_BACKOFF = 10.0


@dataclass(frozen=True)
class Route:
    """Where the requests of one variant go."""

    variant: str
    weight: float
    sockets: tuple[Path, ...]


class Router(Protocol):
    """Whoever sends requests to instances."""

    def publish(self, arn: str, routes: Sequence[Route]) -> None:
        """From now on the endpoint's requests go there; no routes: nowhere."""


class EndpointController:
    """The difference between the plans of all endpoints and the instances that run, done step by step."""

    def __init__(
        self, platform: Platform, executor: Executor, services: Mapping[str, str], router: Router
    ) -> None:
        self._platform = platform
        self._executor = executor
        self._services = services
        self._router = router
        self._preparations: dict[tuple[int, str], Future[None]] = {}
        self._preparing = ThreadPoolExecutor(max_workers=2, thread_name_prefix="prepare-model")
        self._published: dict[str, tuple[Route, ...]] = {}
        self._stopping_since: dict[str, float] = {}
        self._deaths: dict[tuple[int, str], tuple[int, float]] = {}
        self._began = utc_now()

    def close(self) -> None:
        """Let go of the threads; instances go on."""
        self._preparing.shutdown(wait=False, cancel_futures=True)

    def sweep(self) -> None:
        """End instances that a server started and could not write down any more, because it was killed."""
        written_down = {instance.id for mine in self._instances().values() for instance in mine}
        instances.end_strays(self._executor, self._platform.home, written_down)

    def reconcile(self) -> bool:
        """One round. True when something is under way and the next round should come soon."""
        rows = self._platform.resources.with_status(
            endpoints.KIND, "Creating", "InService", "Deleting", "Failed"
        )
        running = self._instances()
        busy = False
        for endpoint in rows:
            mine = running.get(endpoint.id, [])
            try:
                for instance in mine:
                    busy |= instance_logs.ship(self._platform, endpoint, instance)
                busy |= self._reconcile_endpoint(endpoint, mine)
            except Exception:  # the trouble of one endpoint is not that of the others
                log.exception("endpoint %s: this round failed", endpoint.name)
        return busy

    def _reconcile_endpoint(self, endpoint: Resource, mine: list[Instance]) -> bool:
        if endpoint.status == "Deleting":
            return self._delete(endpoint, mine)
        if endpoint.status == "Failed":
            return self._stop_all(endpoint, mine)
        try:
            return self._run(endpoint, mine)
        except IronworksError as error:
            log.warning("endpoint %s: %s", endpoint.name, error)
            reason = str(error)
            self._platform.resources.change(endpoint.id, lambda row: endpoints.fail(row, reason))
            for variant in endpoints.variants(endpoint):
                self._back_off(endpoint, variant.name)
            return endpoint.status == "Creating"

    def _run(self, endpoint: Resource, mine: list[Instance]) -> bool:
        alive = [instance for instance in mine if self._still_alive(endpoint, instance)]
        for instance in alive:
            if not instance.ready:
                self._ask(endpoint, instance)
        missing = self._start_missing(endpoint, alive)
        self._publish(endpoint, alive)
        if missing or not all(instance.ready for instance in alive):
            return True
        if endpoint.status == "Creating":
            self._platform.resources.change(endpoint.id, endpoints.enter_service)
            log.info("endpoint %s in service with %d instances", endpoint.name, len(alive))
        return False

    def _still_alive(self, endpoint: Resource, instance: Instance) -> bool:
        if self._executor.alive(Handle.from_dict(instance.process)):
            return True
        reason = instance_logs.last_line(self._platform, endpoint, instance)
        # One of before our time may have been ended from outside, by 'ironworks down --all' for example.
        if endpoint.status == "Creating" and instance.started_at >= self._began:
            raise IronworksError(
                f"An instance of variant {instance.variant} ended before it answered; its last line is: "
                f"{reason[:500]!r}. The log group {endpoints.LOG_GROUP}/{endpoint.name} has all that it printed."
            )
        log.warning("endpoint %s: instance %s died: %s", endpoint.name, instance.id, reason)
        if instance.ready:
            self._deaths.pop((endpoint.id, instance.variant), None)
        self._back_off(endpoint, instance.variant)
        self._forget(endpoint, instance)
        return False

    def _back_off(self, endpoint: Resource, variant: str) -> None:
        """The first new start comes at once, each further one that is in vain after twice the time."""
        key = (endpoint.id, variant)
        deaths = self._deaths.get(key, (0, 0.0))[0] + 1
        pause = 0.0 if deaths == 1 else min(LONGEST_BACKOFF, 0.1 * 2**deaths)
        self._deaths[key] = (deaths, time.monotonic() + pause)

    def _ask(self, endpoint: Resource, instance: Instance) -> None:
        if instances.answers(self._platform.home, instance.id):
            instance.ready = True
            with self._platform.database.write() as session:
                session.merge(instance)
        elif time.time() - instance.started_at.timestamp() > START_SECONDS:
            raise IronworksError(
                f"An instance of variant {instance.variant} did not answer GET /ping within {START_SECONDS} s. "
                f"The log group {endpoints.LOG_GROUP}/{endpoint.name} has what it printed."
            )

    def _start_missing(self, endpoint: Resource, alive: Sequence[Instance]) -> bool:
        missing = False
        for variant in endpoints.variants(endpoint):
            count = sum(instance.variant == variant.name for instance in alive)
            if count < variant.instance_count:
                missing = True
                if self._may_start(endpoint, variant) and self._prepared(endpoint, variant):
                    for _ in range(variant.instance_count - count):
                        self._start(endpoint, variant)
        return missing

    def _prepared(self, endpoint: Resource, variant: Variant) -> bool:
        # In a thread: fetching a large model must not keep other endpoints waiting.
        key = (endpoint.id, variant.name)
        folder = instances.model_folder(self._platform.home, endpoint.id, variant)
        if key not in self._preparations:
            self._preparations[key] = self._preparing.submit(
                model_folders.prepare, self._platform.objects, variant, folder
            )
        preparation = self._preparations[key]
        if not preparation.done():
            return False
        del self._preparations[key]
        try:
            preparation.result()
        except OSError as error:
            raise PlatformError(
                f"The model data of {variant.model_name}, {variant.model_data}, could not be unpacked: {error}. "
                "See to the disk of this installation, and create the endpoint again."
            ) from error
        return True

    def _may_start(self, endpoint: Resource, variant: Variant) -> bool:
        return time.monotonic() >= self._deaths.get((endpoint.id, variant.name), (0, 0.0))[1]

    def _start(self, endpoint: Resource, variant: Variant) -> None:
        services = {**self._services, "AWS_DEFAULT_REGION": endpoint.region, "AWS_REGION": endpoint.region}
        instance = instances.start(self._executor, self._platform.home, endpoint.id, variant, services)
        try:
            with self._platform.database.write() as session:
                session.add(instance)
        except BaseException:  # nobody would ever end a process that is written down nowhere
            instances.kill(self._executor, self._platform.home, instance)
            self._back_off(endpoint, variant.name)
            raise

    def _publish(self, endpoint: Resource, alive: Sequence[Instance]) -> None:
        routes = tuple(
            Route(
                variant.name,
                variant.weight,
                tuple(
                    instances.socket_path(self._platform.home, instance.id)
                    for instance in alive
                    if instance.ready and instance.variant == variant.name
                ),
            )
            for variant in endpoints.variants(endpoint)
        )
        if self._published.get(endpoint.arn) != routes:
            self._published[endpoint.arn] = routes
            self._router.publish(endpoint.arn, routes)

    def _delete(self, endpoint: Resource, mine: Sequence[Instance]) -> bool:
        if self._stop_all(endpoint, mine):
            return True
        shutil.rmtree(instances.folder(self._platform.home, endpoint.id), ignore_errors=True)
        self._platform.resources.delete(endpoint)
        log.info("endpoint %s deleted", endpoint.name)
        return False

    def _stop_all(self, endpoint: Resource, mine: Sequence[Instance]) -> bool:
        if self._published.pop(endpoint.arn, None) is not None:
            self._router.publish(endpoint.arn, ())
        for variant in endpoints.variants(endpoint):
            self._deaths.pop((endpoint.id, variant.name), None)
        for instance in mine:
            self._stop(endpoint, instance)
        return bool(mine) or self._still_preparing(endpoint)

    def _still_preparing(self, endpoint: Resource) -> bool:
        """Call preparations off. One that has begun goes on to its end, and would make the folder anew."""
        for key in [key for key in self._preparations if key[0] == endpoint.id]:
            preparation = self._preparations[key]
            if preparation.cancel() or preparation.done():
                del self._preparations[key]
        return any(key[0] == endpoint.id for key in self._preparations)

    def _stop(self, endpoint: Resource, instance: Instance) -> None:
        if not self._executor.alive(Handle.from_dict(instance.process)):
            self._forget(endpoint, instance)
        elif instance.id not in self._stopping_since:
            self._stopping_since[instance.id] = time.monotonic()
            instances.stop(self._executor, instance)
        elif time.monotonic() - self._stopping_since[instance.id] > DRAIN_SECONDS:
            instances.kill(self._executor, self._platform.home, instance)

    def _forget(self, endpoint: Resource, instance: Instance) -> None:
        while instance_logs.ship(self._platform, endpoint, instance, ended=True):
            pass
        instances.kill(self._executor, self._platform.home, instance)
        self._stopping_since.pop(instance.id, None)
        instances.log_path(self._platform.home, endpoint.id, instance.id).unlink(missing_ok=True)
        with self._platform.database.write() as session:
            session.execute(delete(Instance).where(Instance.id == instance.id))

    def _instances(self) -> dict[int, list[Instance]]:
        found: dict[int, list[Instance]] = defaultdict(list)
        with self._platform.database.read() as session:
            for instance in session.scalars(select(Instance).order_by(Instance.started_at)):
                found[instance.endpoint_id].append(instance)
        return found
