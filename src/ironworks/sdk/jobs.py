"""Jobs of a server: training and compilation. They go on whether anybody waits or not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from ironworks.errors import ClientError
from ironworks.sdk.deletion import Deletable
from ironworks.sdk.errors import SHOWN_LINES, CompilationFailed, Failed, RequestRefused, TrainingFailed
from ironworks.sdk.following import Line, Log, LogReader, Phase, follow
from ironworks.sdk.progress import say, show
from ironworks.sdk.session import default_session

if TYPE_CHECKING:
    from ironworks.sdk.session import Session

JobType = TypeVar("JobType", bound="Job")


class Job(Deletable):
    """A job by its name. Nothing is asked of the server before something is looked up.

    Attributes:
        name: the job's name.
        session: of whose server.
    """

    kind: ClassVar[str]
    """AWS's noun, as in `DescribeTrainingJob`."""
    running: ClassVar[tuple[str, ...]]
    failure: ClassVar[type[Failed]]

    def __init__(self, name: str, session: Session | None = None) -> None:
        self.name = name
        self.session = session or default_session()
        self._known: dict[str, Any] = {}

    def __repr__(self) -> str:
        status = self._known.get(f"{self.kind}Status", "not looked at yet")
        return f"<{type(self).__name__} {self.name}: {status}>"

    @property
    def exists(self) -> bool:
        """Whether the server knows the job."""
        try:
            _ = self.description
        except RequestRefused:
            return False
        return True

    @property
    def description(self) -> dict[str, Any]:
        """What the Describe operation answers now.

        Raises:
            RequestRefused: there is no such job.
        """
        self._known = self._call("describe")
        return self._known

    @property
    def arn(self) -> str:
        """The job's ARN."""
        return str(self._settled("Arn"))

    @property
    def status(self) -> str:
        """The job's status now, as AWS spells it."""
        return str(self.description[f"{self.kind}Status"])

    @property
    def model_data(self) -> str:
        """The S3 URI of the archive that the job has made.

        Raises:
            ClientError: it has made none.
        """
        uri = self.description.get("ModelArtifacts", {}).get("S3ModelArtifacts", "")
        if not uri:
            status = self._known[f"{self.kind}Status"]
            raise ClientError(f"{self._title} is {status} and has made no model. Wait for it: wait()")
        return str(uri)

    def follow(self, logs: bool = True) -> Iterator[Phase | Line]:
        """Its phases and the lines of its log from the beginning, as they happen; a final Phase ends them."""
        return follow(self.session, self.arn, self.running, self._log if logs else None)

    def wait(self: JobType, logs: bool = True) -> JobType:
        """Show what happens until the job has ended.

        Ctrl-C ends the waiting, not the job, and says how to go on.

        Raises:
            Failed: the job failed: a TrainingFailed or a CompilationFailed.
        """
        try:
            last = show(self._title, self.follow(logs))
        except KeyboardInterrupt:
            say(
                f"Waiting was interrupted; {self._title} goes on. To wait again: .wait(), to end it: .stop(); "
                f"in a shell: ironworks logs -f {self.name}, ironworks stop {self.name}"
            )
            raise
        if last.name.lower() == "failed":
            raise self.failure(self.name, last.reason, self.log_lines()[-SHOWN_LINES:])
        _ = self.description
        return self

    def log_lines(self) -> list[str]:
        """All that the job has printed so far."""
        return [line.text for line in LogReader(self.session, self._log).read()]

    def stop(self) -> None:
        """Ask the job to stop. One that has ended is left as it is."""
        if self.status in self.running:
            self._call("stop")

    def delete(self) -> None:
        """Stop the job if it runs, and delete its record. What it has made stays; one that is gone is no error."""
        if not self.exists:
            return
        self.stop()
        for _ in follow(self.session, self.arn, self.running, None):
            pass
        self._call("delete")

    @property
    def _title(self) -> str:
        return f"{self.failure.what} {self.name}"

    @property
    def _log(self) -> Log:
        raise NotImplementedError

    def _settled(self, member: str) -> Any:
        """A member that does not change while the job lives."""
        known = self._known or self.description
        return known[f"{self.kind}{member}"]

    def _call(self, verb: str) -> dict[str, Any]:
        operation = f"{verb}_{self.kind.replace('Job', '_job').lower()}"
        return self.session.call("sagemaker", operation, **{f"{self.kind}Name": self.name})


class TrainingJob(Job):
    """A training job by its name."""

    kind = "TrainingJob"
    running = ("InProgress", "Stopping")
    failure = TrainingFailed

    @property
    def metrics(self) -> Mapping[str, float]:
        """The last value of each metric that the job was asked to look for."""
        found = self.description.get("FinalMetricDataList", ())
        return {metric["MetricName"]: metric["Value"] for metric in found}

    @property
    def _log(self) -> Log:
        return Log.of_training(self.name)


class CompilationJob(Job):
    """A compilation job by its name."""

    kind = "CompilationJob"
    running = ("STARTING", "INPROGRESS", "STOPPING")
    failure = CompilationFailed

    @property
    def _log(self) -> Log:
        return Log.of_compilation(self.name)
