"""Brings endpoints to what their plans say: instances started, asked, replaced, ended.

Creating, updating, scaling, replacing what died and going on after a restart are one step, repeated: which
instances should there be, which are there, do the difference; and when a plan is reached, say so.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections import Counter
from collections.abc import Mapping, Sequence

from ironworks.control import endpoints, instance_logs, instances, routes
from ironworks.control.fleet import Fleet
from ironworks.control.plans import Plan, Variant
from ironworks.control.platform import Platform
from ironworks.control.preparations import Preparations
from ironworks.control.records import Instance, Resource
from ironworks.control.routes import Route, Router
from ironworks.database import utc_now
from ironworks.errors import IronworksError
from ironworks.executors import Executor, Handle

log = logging.getLogger(__name__)

DRAIN_SECONDS = 65
"""What an instance whose endpoint goes on has to finish its answers: longer than any may take."""
DELETE_SECONDS = 10
"""What an instance of a deleted endpoint has."""


class EndpointController:
    """The difference between the plans of all endpoints and the instances that run, done step by step.

    Attributes:
        processes: what runs; the end of one of them is a reason for a round.
    """

    def __init__(
        self, platform: Platform, executor: Executor, services: Mapping[str, str], router: Router
    ) -> None:
        self.processes: set[Handle] = set()
        self._platform = platform
        self._fleet = Fleet(platform, executor, services)
        self._router = router
        self._preparations = Preparations(platform)
        self._published: dict[str, tuple[Route, ...]] = {}
        self._cleared: set[int] = set()
        self._began = utc_now()

    def close(self) -> None:
        """Let go of the threads; instances go on."""
        self._preparations.close()

    def sweep(self) -> None:
        """End instances that a server started and could not write down any more, because it was killed."""
        self._fleet.sweep()

    def reconcile(self) -> bool:
        """One round. True when something is under way and the next round should come soon."""
        running = self._fleet.members()
        busy = False
        for endpoint in self._platform.resources.with_status(endpoints.KIND, *endpoints.STATES):
            mine = running[endpoint.id]
            try:
                for instance in mine:
                    busy |= instance_logs.ship(self._platform, endpoint, instance)
                busy |= self._reconcile_endpoint(endpoint, mine)
            except Exception:  # the trouble of one endpoint is not that of the others
                log.exception("endpoint %s: this round failed", endpoint.name)
        everything = [instance for mine in running.values() for instance in mine]
        self.processes = {Handle.from_dict(instance.process) for instance in everything}
        return busy

    def _reconcile_endpoint(self, endpoint: Resource, mine: list[Instance]) -> bool:
        if endpoint.status == "Deleting":
            return self._delete(endpoint, mine)
        if endpoint.status == "Failed":
            return self._end_all(endpoint, mine)
        return self._run(endpoint, mine)

    def _run(self, endpoint: Resource, mine: list[Instance]) -> bool:
        if endpoint.status == "Updating":
            self._cleared.discard(endpoint.id)
        under_way = False
        wanted: set[str] = set()
        for plan in endpoints.targets(endpoint):
            hopeful = self._bury(endpoint, plan, mine)
            kept = self._choose(plan, mine)
            under_way |= self._advance(endpoint, plan, kept, mine) if hopeful else True
            wanted |= {instance.id for instance in kept}
        self._publish(endpoint, [instance for instance in mine if instance.id in wanted])
        surplus = [instance for instance in mine if instance.id not in wanted]
        self._end(endpoint, surplus, DRAIN_SECONDS)
        under_way |= bool(surplus) or self._reach(endpoint, mine)
        if not under_way:
            self._clear(endpoint)
        return under_way

    def _bury(self, endpoint: Resource, plan: Plan, mine: list[Instance]) -> bool:
        """Forget the instances of a plan that died. False when one had never answered: so the plan has failed."""
        own = [i for i in mine if i.generation == plan.generation and not i.ending]
        hopeful = True
        for instance in [instance for instance in own if not self._fleet.alive(instance)]:
            mine.remove(instance)
            reason = self._fleet.forget(endpoint, instance)
            log.warning("endpoint %s: instance %s died: %s", endpoint.name, instance.id, reason)
            self._fleet.back_off(endpoint, plan, instance.variant, afresh=instance.ready)
            # One of before our time may have been ended from outside, by 'ironworks down --all' for example.
            if not instance.ready and instance.started_at >= self._began:
                hopeful = False
                self._fail(
                    endpoint,
                    plan,
                    f"An instance of variant {instance.variant} ended before it answered; its last line is: "
                    f"{reason[:500]!r}. The log group {endpoints.log_group(endpoint)} has all that it printed.",
                )
        return hopeful

    def _choose(self, plan: Plan, mine: Sequence[Instance]) -> list[Instance]:
        """The instances of a plan that it needs: those that answer first, then the oldest."""
        chosen: list[Instance] = []
        for variant in plan.variants:
            own = [
                instance
                for instance in mine
                if instance.generation == plan.generation
                and instance.variant == variant.name
                and not instance.ending
            ]
            own.sort(key=lambda instance: not instance.ready)
            chosen += own[: variant.instance_count]
        return chosen

    def _advance(self, endpoint: Resource, plan: Plan, kept: list[Instance], mine: list[Instance]) -> bool:
        """Ask the instances that are new and start those that are missing. Whether that is to be gone on with."""
        try:
            if plan.deadline is not None and endpoint.status == "Updating" and time.time() > plan.deadline:
                raise IronworksError("The update was not done within its MaximumExecutionTimeoutInSeconds.")
            for variant in plan.variants:
                own = [instance for instance in kept if instance.variant == variant.name]
                for instance in own:
                    if not instance.ready:
                        self._fleet.ask(endpoint, instance, variant)
                for _ in range(self._startable(endpoint, plan, variant, variant.instance_count - len(own))):
                    kept.append(self._fleet.start(endpoint, plan, variant))
                    mine.append(kept[-1])
        except IronworksError as error:
            for variant in plan.variants:
                self._fleet.back_off(endpoint, plan, variant.name)
            self._fail(endpoint, plan, str(error))
        return not _is_reached(plan, mine)

    def _startable(self, endpoint: Resource, plan: Plan, variant: Variant, missing: int) -> int:
        """How many of the missing instances can be started now.

        Raises:
            IronworksError: the model cannot be had.
        """
        if missing <= 0 or not self._fleet.may_start(endpoint, plan, variant.name):
            return 0
        return missing if self._preparations.done(endpoint, variant) else 0

    def _fail(self, endpoint: Resource, plan: Plan, reason: str) -> None:
        log.warning("endpoint %s, plan %d: %s", endpoint.name, plan.generation, reason)
        if plan == endpoints.targets(endpoint)[-1]:
            self._platform.resources.change(endpoint.id, lambda row: endpoints.fail(row, reason))

    def _publish(self, endpoint: Resource, kept: Sequence[Instance]) -> None:
        found = routes.of_plan(self._platform.home, endpoints.plan(endpoint), kept)
        if self._published.get(endpoint.arn) != found:
            self._published[endpoint.arn] = found
            self._router.publish(endpoint.arn, found)

    def _reach(self, endpoint: Resource, mine: Sequence[Instance]) -> bool:
        """Whether the endpoint has come to its newest plan in this round."""
        goal = endpoints.next_plan(endpoint) or endpoints.plan(endpoint)
        if endpoint.status == "InService" or not _is_reached(goal, mine):
            return False
        self._platform.resources.change(endpoint.id, lambda row: endpoints.reach(row, goal))
        log.info("endpoint %s in service with plan %d", endpoint.name, goal.generation)
        return True

    def _clear(self, endpoint: Resource) -> None:
        """Remove the models of plans that are no more, once after each update and each start of the server."""
        if endpoint.id in self._cleared or self._preparations.call_off(endpoint.id):
            return
        self._cleared.add(endpoint.id)
        used = {variant.folder for variant in endpoints.plan(endpoint).variants}
        for path in instances.folder(self._platform.home, endpoint.id).iterdir():
            if path.is_dir() and path.name not in used:
                shutil.rmtree(path, ignore_errors=True)

    def _delete(self, endpoint: Resource, mine: Sequence[Instance]) -> bool:
        if self._end_all(endpoint, mine):
            return True
        shutil.rmtree(instances.folder(self._platform.home, endpoint.id), ignore_errors=True)
        self._platform.resources.delete(endpoint)
        log.info("endpoint %s deleted", endpoint.name)
        return False

    def _end_all(self, endpoint: Resource, mine: Sequence[Instance]) -> bool:
        if self._published.pop(endpoint.arn, None) is not None:
            self._router.publish(endpoint.arn, ())
        self._fleet.pardon(endpoint)
        self._end(endpoint, mine, DELETE_SECONDS)
        return bool(mine) or self._preparations.call_off(endpoint.id)

    def _end(self, endpoint: Resource, surplus: Sequence[Instance], grace: float) -> None:
        for instance in surplus:
            if self._fleet.alive(instance):
                self._fleet.retire(instance, grace)
            else:
                self._fleet.forget(endpoint, instance)


def _is_reached(plan: Plan, mine: Sequence[Instance]) -> bool:
    """Whether all instances of a plan answer."""
    answering = Counter(
        instance.variant
        for instance in mine
        if instance.generation == plan.generation and instance.ready and not instance.ending
    )
    return all(answering[variant.name] >= variant.instance_count for variant in plan.variants)
