"""The processes behind the endpoints: started, asked, told to end, and written down."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping

from sqlalchemy import delete, select

from ironworks.control import direct, endpoints, instance_logs, instances
from ironworks.control.plans import Plan, Variant
from ironworks.control.platform import Platform
from ironworks.control.records import Instance, Resource
from ironworks.errors import IronworksError
from ironworks.executors import Executor, Handle

LONGEST_BACKOFF = 10.0


class Fleet:
    """All instances of an installation."""

    def __init__(self, platform: Platform, executor: Executor, services: Mapping[str, str]) -> None:
        self._platform = platform
        self._executor = executor
        self._services = services
        self._told_to_end: dict[str, float] = {}
        self._deaths: dict[tuple[int, str, int], tuple[int, float]] = {}

    def members(self) -> dict[int, list[Instance]]:
        """The instances that are written down, by endpoint, oldest first."""
        found: dict[int, list[Instance]] = defaultdict(list)
        with self._platform.database.read() as session:
            for instance in session.scalars(select(Instance).order_by(Instance.started_at)):
                found[instance.endpoint_id].append(instance)
        return found

    def sweep(self) -> None:
        """End instances that a server started and could not write down any more, because it was killed."""
        written_down = {instance.id for mine in self.members().values() for instance in mine}
        instances.end_strays(self._executor, self._platform.home, written_down)

    def alive(self, instance: Instance) -> bool:
        """Whether the process runs."""
        return self._executor.alive(Handle.from_dict(instance.process))

    def start(self, endpoint: Resource, plan: Plan, variant: Variant) -> Instance:
        """Start an instance of a variant whose model folder is there.

        Raises:
            PlatformError: the process cannot be started.
        """
        services = {**self._services, "AWS_DEFAULT_REGION": endpoint.region, "AWS_REGION": endpoint.region}
        if variant.address:
            services[direct.TOKEN_VARIABLE] = endpoint.state["Token"]
        instance = instances.start(self._executor, self._platform.home, endpoint.id, variant, services)
        instance.generation, instance.ending = plan.generation, False
        try:
            with self._platform.database.write() as session:
                session.add(instance)
        except BaseException:  # nobody would ever end a process that is written down nowhere
            instances.kill(self._executor, self._platform.home, instance)
            self.back_off(endpoint, plan, variant.name)
            raise
        return instance

    def ask(self, endpoint: Resource, instance: Instance, variant: Variant) -> None:
        """Note it when a new instance answers.

        Raises:
            IronworksError: it has not answered for too long, and has been killed.
        """
        if instances.answers(self._platform.home, instance.id):
            self._change(instance, lambda row: setattr(row, "ready", True))
        elif time.time() - instance.started_at.timestamp() > variant.start_seconds:
            instances.kill(self._executor, self._platform.home, instance)
            raise IronworksError(
                f"An instance of variant {variant.name} did not answer GET /ping within {variant.start_seconds} s. "
                f"The log group {endpoints.log_group(endpoint)} has what it printed."
            )

    def retire(self, instance: Instance, grace: float) -> None:
        """Take an instance, step by step, from its requests to its end; after `grace` seconds by force.

        It is told to end in the round after the one that took it from the routes: what was sent to it in between
        is answered.
        """
        told = self._told_to_end.get(instance.id)
        if not instance.ending:
            self._change(instance, lambda row: setattr(row, "ending", True))
        elif told is None:
            self._told_to_end[instance.id] = time.monotonic()
            instances.stop(self._executor, instance)
        elif time.monotonic() - told > grace:
            instances.kill(self._executor, self._platform.home, instance)

    def forget(self, endpoint: Resource, instance: Instance) -> str:
        """Remove what is left of an instance that ended; answers the last line that it printed."""
        while instance_logs.ship(self._platform, endpoint, instance, ended=True):
            pass
        last_line = instance_logs.last_line(self._platform, endpoint, instance)
        instances.kill(self._executor, self._platform.home, instance)
        self._told_to_end.pop(instance.id, None)
        instances.log_path(self._platform.home, endpoint.id, instance.id).unlink(missing_ok=True)
        with self._platform.database.write() as session:
            session.execute(delete(Instance).where(Instance.id == instance.id))
        return last_line

    def back_off(self, endpoint: Resource, plan: Plan, variant: str, *, afresh: bool = False) -> None:
        """Wait before the next start: not after the first that was in vain, then twice as long after each.

        `afresh`: what ended now had worked before.
        """
        key = (endpoint.id, variant, plan.generation)
        deaths = 1 if afresh else self._deaths.get(key, (0, 0.0))[0] + 1
        pause = 0.0 if deaths == 1 else min(LONGEST_BACKOFF, 0.1 * 2**deaths)
        self._deaths[key] = (deaths, time.monotonic() + pause)

    def may_start(self, endpoint: Resource, plan: Plan, variant: str) -> bool:
        """Whether that wait is over."""
        return time.monotonic() >= self._deaths.get((endpoint.id, variant, plan.generation), (0, 0.0))[1]

    def pardon(self, endpoint: Resource) -> None:
        """Wait for nothing any more before a start for this endpoint."""
        for key in [key for key in self._deaths if key[0] == endpoint.id]:
            del self._deaths[key]

    def _change(self, instance: Instance, change: Callable[[Instance], None]) -> None:
        change(instance)
        with self._platform.database.write() as session:
            session.merge(instance)
