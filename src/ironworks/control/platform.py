"""What the server and the agents of jobs share: one installation, opened."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from ironworks.control.logs import Logs
from ironworks.control.resources import Resources
from ironworks.database import Database
from ironworks.datasets.mnist import Mnist
from ironworks.home import Home
from ironworks.objects import LocalObjects, ObjectStore
from ironworks.training.environments import Environments

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Platform:
    """The state of an installation and the account it belongs to."""

    home: Home
    account: str
    database: Database
    resources: Resources
    logs: Logs
    objects: ObjectStore
    environments: Environments

    @classmethod
    def open(cls, home: Home, account: str) -> Platform:
        """Open a home whose database is up to date."""
        database = Database(home.database_url)
        samples = Mnist(home.datasets)
        return cls(
            home=home,
            account=account,
            database=database,
            resources=Resources(database),
            logs=Logs(database),
            objects=LocalObjects(database, home.objects, lambda: samples.files(_log_progress)),
            environments=Environments(home.environments),
        )

    def close(self) -> None:
        """Give the database's connections back."""
        self.database.close()

    def arn(self, region: str, kind: str, name: str) -> str:
        """The ARN of a SageMaker resource."""
        return f"arn:aws:sagemaker:{region}:{self.account}:{kind}/{name}"


def _log_progress(done: int, total: int, what: str) -> None:
    log.info("%s: %d of %d bytes", what, done, total)
