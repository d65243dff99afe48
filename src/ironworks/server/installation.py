"""An installation while its server runs: what is opened at the start and closed at the end."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import ModuleType
from urllib.parse import urlsplit

from ironworks.control.platform import Platform
from ironworks.control.reconciler import Reconciler
from ironworks.database import Database
from ironworks.database.schema import bring_up_to_date
from ironworks.executors import Executor
from ironworks.executors import local as local_executor
from ironworks.home import Home
from ironworks.server.backend import Backend
from ironworks.server.call import Service
from ironworks.server.instances import InstancePool
from ironworks.server.keys import Keys
from ironworks.server.metrics import Metrics
from ironworks.server.metrics.page import MetricsPage, open_token
from ironworks.server.metrics.processes import InstanceSampler
from ironworks.server.protocols import json
from ironworks.server.router import EndpointRouter
from ironworks.server.services import cloudwatch, iam, ironworks, logs, sagemaker, sts
from ironworks.server.services.document_service import DocumentService
from ironworks.server.services.monitoring_service import MonitoringService
from ironworks.server.services.operations import Operations
from ironworks.server.services.query_service import QueryService
from ironworks.server.services.runtime import RuntimeService
from ironworks.server.services.s3 import S3Service


class Installation:
    """The services of one home, and what they stand on."""

    backend: Backend
    keys: Keys
    services: Mapping[str, Service]
    metrics: Metrics
    metrics_page: MetricsPage

    def __init__(self, home: Home, address: str, executor: Executor = local_executor) -> None:
        self._home = home
        self.address = address
        self._executor = executor

    def start(self) -> None:
        """Open the home and begin to reconcile.

        Raises:
            IronworksError: the home cannot be used.
        """
        self._home.create()
        self.keys = Keys.open(self._home.keys)
        database = Database(self._home.database_url)
        bring_up_to_date(database)
        database.close()
        self._platform = Platform.open(self._home, self.keys.account)
        self._platform.objects.sweep()
        self._pool = InstancePool()
        router = EndpointRouter(self._pool)
        self._reconciler = Reconciler(
            self._platform, self._executor, self._job_variables(), router, slots=os.cpu_count() or 1
        )
        self.metrics = Metrics(router.instances)
        self._sampler = InstanceSampler(self._platform, self.metrics)
        self.metrics_page = MetricsPage(self.metrics, self._platform, open_token(self._home.metrics_token))
        self.backend = Backend(
            self._platform, self._reconciler, self.keys, router, self.metrics, self._host()
        )
        self.services = _services(self.backend)
        self._reconciler.start()
        self._sampler.start()

    async def stop(self) -> None:
        """Close everything; jobs and instances go on."""
        self._sampler.stop()
        self._reconciler.stop()
        await self._pool.close()
        self._platform.close()

    def _host(self) -> str:
        return urlsplit(self.address).hostname or "127.0.0.1"

    def _job_variables(self) -> dict[str, str]:
        return {
            "IRONWORKS_HOME": str(self._home.path),
            "AWS_ENDPOINT_URL": self.address,
            "AWS_ACCESS_KEY_ID": self.keys.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.keys.secret_access_key,
        }


def _services(backend: Backend) -> dict[str, Service]:
    def operations(name: str, *modules: ModuleType) -> Operations:
        return Operations(backend, name, modules)

    return {
        "sagemaker": DocumentService(operations("sagemaker", *sagemaker.MODULES), json),
        "sagemaker-runtime": RuntimeService(backend),
        "logs": DocumentService(operations("logs", logs), json),
        "monitoring": MonitoringService(operations("cloudwatch", cloudwatch)),
        "ironworks": DocumentService(operations("ironworks", ironworks), json),
        "sts": QueryService(operations("sts", sts)),
        "iam": QueryService(operations("iam", iam)),
        "s3": S3Service(backend.platform.objects, backend.keys.account),
    }
