"""One training job, from its request to its results."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from ironworks.errors import ClientError
from ironworks.home import Home
from ironworks.objects import ObjectStore
from ironworks.training import channels, overlay, sandbox, script, variables
from ironworks.training.checkpoints import CheckpointSync
from ironworks.training.environments import Environment, Environments
from ironworks.training.host import SUPERVISOR, Host
from ironworks.training.layout import Layout
from ironworks.training.limits import Interrupted, Limits
from ironworks.training.lines import JobLog, Line
from ironworks.training.results import output_location, upload_results
from ironworks.training.spec import TrainingSpec

Outcome = Literal["Completed", "Stopped", "MaxRuntimeExceeded"]


class Observer(Protocol):
    """Is told what happens, all from the thread that runs the job."""

    def status(self, secondary: str, message: str) -> None:
        """The job enters a secondary status."""

    def log(self, lines: Sequence[Line]) -> None:
        """Lines of the job's log, in order: milliseconds since 1970, and text."""

    def metric(self, name: str, value: float, at: float) -> None:
        """A value of a metric was printed; `at` is seconds since 1970."""


@dataclass(frozen=True)
class TrainingResult:
    """How a job that did not fail ended.

    Attributes:
        outcome: `Stopped` and `MaxRuntimeExceeded` have a model too, if training had begun.
        model_artifacts: S3 URI of the model; None if training had not begun.
        metrics: the last value of each.
        training_started, training_ended: seconds since 1970; the same if training had not begun.
    """

    outcome: Outcome
    model_artifacts: str | None
    metrics: Mapping[str, float]
    training_started: float
    training_ended: float


def run_training(
    spec: TrainingSpec,
    *,
    store: ObjectStore,
    directory: Path,
    environments: Environments,
    observer: Observer,
    stop: threading.Event,
    services: Mapping[str, str],
    hidden: Sequence[Path] | None = None,
    grace: float = 120.0,
    checkpoint_interval: float = 5.0,
) -> TrainingResult:
    """Run a job to its end.

    Args:
        spec: what to run.
        store: where input comes from and results go to.
        directory: an empty folder for the job's files; the caller removes it afterwards.
        environments: the framework environments, where the job's is made if it is missing.
        observer: is told of progress.
        stop: set it to stop the job.
        services: variables that point AWS clients in the script to this installation.
        hidden: folders that a sandboxed script must not see into; by default this installation's home.
        grace: seconds between SIGTERM and SIGKILL.
        checkpoint_interval: seconds between two looks for changed checkpoints.

    Raises:
        ClientError: what the request names cannot be used.
        AlgorithmError: the script failed.
        PlatformError: this installation failed.
    """
    log = JobLog(spec.metrics, observer.log, observer.metric)
    limits = Limits(stop, spec.max_runtime, grace)
    try:
        limits.check()
        observer.status("Starting", "Preparing the instances for training")
        isolated = _isolation(spec, log)
        limits.check()
        root = directory / "ml"
        layout = Layout(root, sandbox.SEEN if isolated else root)
        _download(spec, layout, store, observer, limits)
        environment = _environment(spec, environments, observer, log, limits)
    except Interrupted as interrupted:
        now = time.time()
        return TrainingResult(interrupted.cause, None, {}, now, now)
    hidden = (Home.from_environment().path,) if hidden is None else hidden
    host = _host(spec, layout, environment, services, hidden, log, limits)

    observer.status("Training", "Training image download completed. Training in progress.")
    limits.begin_training()
    started = time.time()
    with _checkpoints(spec, layout, store, checkpoint_interval):
        interruption = script.run(spec, host)
    ended = time.time()
    observer.status("Uploading", "Uploading generated training model")
    artifacts = upload_results(spec, layout, store)
    return TrainingResult(interruption or "Completed", artifacts, log.metrics, started, ended)


def _isolation(spec: TrainingSpec, log: JobLog) -> bool:
    """Whether the job runs in a sandbox. What it cannot do without one is refused."""
    if sandbox.usable():
        return True
    remedy = "Install bubblewrap (apt install bubblewrap) and start the job again."
    if spec.entrypoint:
        raise ClientError(
            f"ContainerEntrypoint needs a folder /opt/ml of its own, which bubblewrap makes. {remedy}"
        )
    if spec.network_isolation:
        raise ClientError(f"EnableNetworkIsolation needs bubblewrap. {remedy}")
    log.note(
        "This job is not isolated, for bubblewrap is not used here: there is no /opt/ml, and the script finds its "
        "folders by the SM_* variables."
    )
    return False


def _download(
    spec: TrainingSpec, layout: Layout, store: ObjectStore, observer: Observer, limits: Limits
) -> None:
    observer.status("Downloading", "Downloading input data")
    layout.create(spec)
    bucket, prefix = output_location(spec)
    next(iter(store.walk(bucket, prefix)), None)  # a bucket that is not there is better found now than later
    for channel in spec.channels:
        channels.download_channel(channel, layout.data / channel.name, store, limits.check)
    if spec.checkpoints is not None:
        directory = layout.place(spec.checkpoints.local_path)
        channels.download_prefix(spec.checkpoints.uri, directory, store, limits.check)
    limits.check()
    if spec.source_uri and not spec.entrypoint:
        channels.download_source(spec.source_uri, layout, store)


def _environment(
    spec: TrainingSpec, environments: Environments, observer: Observer, log: JobLog, limits: Limits
) -> Environment:
    """The environment that the image stands for, made now if it is missing."""
    image = spec.image

    def note(text: str) -> None:
        limits.check()
        log.note(text)

    if image.gpu:
        log.note(f"The image {image.uri} is built for GPUs; it is served on the CPU here.")
    if environments.find(image.framework, image.version) is None:
        observer.status("DownloadingTrainingImage", "Downloading the training image")
    return environments.prepare(image.framework, image.version, note, limits.check)


def _host(
    spec: TrainingSpec,
    layout: Layout,
    environment: Environment,
    services: Mapping[str, str],
    hidden: Sequence[Path],
    log: JobLog,
    limits: Limits,
) -> Host:
    directory = layout.root.parent
    home, temporary, packages = directory / "home", directory / "tmp", directory / "environment"
    home.mkdir()
    temporary.mkdir()
    python = overlay.create(environment, packages)
    outside = {**variables.of_host(), **services}
    settings = {
        **outside,
        "HOME": str(home),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        "PYTHONUNBUFFERED": "1",
    }
    box = None
    if layout.seen == sandbox.SEEN:
        box = sandbox.Sandbox(
            layout=layout.root,
            temporary=temporary,
            writable=(home, packages),
            hidden=(*hidden, directory.parent),
            visible=(*_needed(environment), *_paths(outside)),
            network=not spec.network_isolation,
        )
    else:
        settings["TMPDIR"] = str(temporary)
    settings |= spec.environment
    # Whatever the user's PATH is, `python` is the environment's.
    path = f"{python.parent}:{environment.python.parent}:{settings['PATH']}"
    return Host(layout, box, {**settings, "PATH": path, **variables.of_job(spec, layout)}, log, limits)


def _needed(environment: Environment) -> tuple[Path, ...]:
    """What the interpreters of the job and of its supervisor consist of, and how names are resolved."""
    return (
        environment.python.parent.parent,
        environment.site_packages,
        environment.base,
        Path(sys.prefix),
        Path(sys.base_prefix),
        SUPERVISOR,
        Path("/etc/resolv.conf").resolve(),
    )


def _paths(settings: Mapping[str, str]) -> list[Path]:
    """Files and folders that settings of this machine name, such as a bundle of certificates."""
    return [Path(value) for name, value in settings.items() if value.startswith("/") and name != "HOME"]


def _checkpoints(
    spec: TrainingSpec, layout: Layout, store: ObjectStore, interval: float
) -> contextlib.AbstractContextManager[None]:
    if spec.checkpoints is None:
        return contextlib.nullcontext()
    return CheckpointSync(spec.checkpoints, layout, store, interval)
