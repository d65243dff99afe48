"""Where the lines of a job or an endpoint are, by its name alone."""

from __future__ import annotations

from dataclasses import dataclass

from ironworks.cli.failures import NotFound
from ironworks.cli.kinds import COMPILATION, ENDPOINT, TRAINING, Description, Kind, find
from ironworks.cli.watching import host
from ironworks.sdk.following import Line, Log, LogReader
from ironworks.sdk.session import Session

LOGGED = (TRAINING, COMPILATION, ENDPOINT)


@dataclass(frozen=True)
class Source:
    """A log, and whose it is.

    Attributes:
        description: what Describe answers; None when the resource was deleted and its log is left.
    """

    kind: Kind
    name: str
    description: Description | None

    @property
    def log(self) -> Log:
        """The group, and how the names of the streams begin."""
        if self.kind is TRAINING:
            return Log.of_training(self.name)
        if self.kind is COMPILATION:
            return Log.of_compilation(self.name)
        return Log.of_endpoint(self.name)

    def label(self, line: Line) -> str:
        """What tells the processes apart that print into this log; empty where there is one."""
        if self.kind is ENDPOINT:
            return line.stream
        hosts = (self.description or {}).get("ResourceConfig", {}).get("InstanceCount", 1)
        return host(line) if hosts > 1 else ""


def source_of(session: Session, name: str) -> Source:
    """The log of the job or endpoint of this name; of several, of that which was made last.

    Raises:
        NotFound: nothing has this name, nor has it left a log.
    """
    try:
        found = find(session.client("sagemaker"), name, LOGGED)
    except NotFound:
        left = [
            source for source in (Source(kind, name, None) for kind in LOGGED) if _is_there(session, source)
        ]
        if not left:
            raise
        return left[0]
    kind = max(found, key=lambda one: found[one]["CreationTime"])
    return Source(kind, name, found[kind])


def _is_there(session: Session, source: Source) -> bool:
    return bool(LogReader(session, source.log).read())
