"""What happens to a job or an endpoint, told as it happens: its phases and the lines of its log.

Nothing here asks on a timer: `WaitForChange` answers when something has changed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ironworks.sdk.errors import RequestRefused

if TYPE_CHECKING:
    from ironworks.sdk.session import Session

PAUSE_SECONDS = 0.1
"""Between two looks at a log that grows: a script that prints all the time must not be slowed down by its watcher."""


@dataclass(frozen=True)
class Phase:
    """A job or an endpoint entered a status.

    Attributes:
        name: the status, or the secondary status if there is one.
        time: when, Unix seconds.
        final: whether nothing follows.
        reason: the FailureReason; empty if nothing failed.
    """

    name: str
    time: float
    final: bool = False
    reason: str = ""


@dataclass(frozen=True)
class Line:
    """One line of a log.

    Attributes:
        text: the line.
        stream: which log stream it is of; a job has one a host.
        time: when it was printed, Unix seconds.
    """

    text: str
    stream: str
    time: float


@dataclass(frozen=True)
class Log:
    """Where a job or an endpoint prints: a log group, and how the names of its streams begin.

    A prefix that does not end in a slash is the whole name of the one stream.
    """

    group: str
    prefix: str

    @classmethod
    def of_training(cls, name: str) -> Log:
        """That of a training job, a stream a host."""
        return cls("/aws/sagemaker/TrainingJobs", f"{name}/")

    @classmethod
    def of_compilation(cls, name: str) -> Log:
        """That of a compilation job, one stream."""
        return cls("/aws/sagemaker/CompilationJobs", name)

    @classmethod
    def of_endpoint(cls, name: str) -> Log:
        """That of an endpoint, a stream an instance."""
        return cls(f"/aws/sagemaker/Endpoints/{name}", "")

    def has(self, stream: str) -> bool:
        """Whether a stream that begins so is of this log: that of a job whose name begins alike is not."""
        return self.prefix in ("", stream) or self.prefix.endswith("/")


class LogReader:
    """Reads what a log has that has not been read yet."""

    def __init__(self, session: Session, log: Log) -> None:
        self._session = session
        self._log = log
        self._tokens: dict[str, str] = {}

    def read(self) -> list[Line]:
        """New lines of all streams, in the order of time."""
        lines = [line for stream in self._streams() for line in self._read(stream)]
        return sorted(lines, key=lambda line: line.time)

    def _streams(self) -> list[str]:
        names: list[str] = []
        more: dict[str, str] = {}
        while True:
            try:
                page = self._session.call(
                    "logs",
                    "describe_log_streams",
                    logGroupName=self._log.group,
                    **({"logStreamNamePrefix": self._log.prefix} if self._log.prefix else {}),
                    **more,
                )
            except RequestRefused as error:
                if error.code == "ResourceNotFoundException":
                    return []  # nothing has been printed yet
                raise
            found = [stream["logStreamName"] for stream in page["logStreams"]]
            names += [stream for stream in found if self._log.has(stream)]
            if not page.get("nextToken"):
                return names
            more = {"nextToken": page["nextToken"]}

    def _read(self, stream: str) -> Iterator[Line]:
        while True:
            token = self._tokens.get(stream)
            page = self._session.call(
                "logs",
                "get_log_events",
                logGroupName=self._log.group,
                logStreamName=stream,
                startFromHead=True,
                **({"nextToken": token} if token else {}),
            )
            for event in page["events"]:
                yield Line(event["message"], stream, event["timestamp"] / 1000)
            self._tokens[stream] = page["nextForwardToken"]
            if not page["events"]:
                return


def follow(session: Session, arn: str, running: tuple[str, ...], log: Log | None) -> Iterator[Phase | Line]:
    """Phases and lines from the beginning until the status is none of `running`; the last is a final Phase.

    Args:
        session: of whose server.
        arn: a training job, a compilation job or an endpoint.
        running: the statuses in which it goes on.
        log: where it prints; None to leave the lines out.

    Raises:
        RequestRefused: it is not there, or has been deleted meanwhile.
    """
    reader = LogReader(session, log) if log is not None else None
    version, phase = "", ""
    while True:
        change = session.call(
            "ironworks", "wait_for_change", ResourceArn=arn, **({"Version": version} if version else {})
        )
        version, since = change["Version"], change["LastModifiedTime"].timestamp()
        final = change["Status"] not in running
        lines = reader.read() if reader is not None else []
        name = change.get("SecondaryStatus") or change["Status"]
        before = [line for line in lines if final or line.time <= since]
        yield from before
        if name != phase or final:
            yield Phase(name, since, final, change.get("FailureReason", ""))
        yield from lines[len(before) :]
        if final:
            return
        if name == phase and lines:
            time.sleep(PAUSE_SECONDS)
        phase = name
