"""How the user's code is installed and started, and what is said when it fails."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from ironworks.errors import FAILURE_REASON_LIMIT, AlgorithmError, ClientError
from ironworks.training.host import Host
from ironworks.training.layout import Layout
from ironworks.training.limits import Interruption
from ironworks.training.spec import TrainingSpec
from ironworks.training.variables import arguments

_PIP_INSTALL = ("python", "-m", "pip", "install")


@dataclass(frozen=True)
class Step:
    """One command of a job.

    Attributes:
        command: program and arguments; the program is looked up on the job's PATH.
        error: what the toolkit calls the failure of such a step.
    """

    command: tuple[str, ...]
    error: str


def run(spec: TrainingSpec, host: Host) -> Interruption | None:
    """Install and run the user's code; what cut it short, if anything.

    Raises:
        AlgorithmError: it failed.
        ClientError: the source archive does not hold it.
    """
    for step in steps(spec, host.layout):
        ending = host.run(step.command)
        if ending.interruption is not None:
            return ending.interruption
        if ending.code != 0:
            raise AlgorithmError(_failure(step, ending.code, host), ending.code)
    return None


def steps(spec: TrainingSpec, layout: Layout) -> list[Step]:
    """The commands that the entry point needs, in order.

    The kinds, and which wins, are those of the `sagemaker-training` toolkit: a name that ends with
    `.sh` is a command, a source with a setup.py is a package, `.py` is a script, all else a command.

    Raises:
        ClientError: the source archive does not hold the entry point.
    """
    if spec.entrypoint:
        return [Step(spec.entrypoint, "ContainerEntrypointError")]
    program, words = spec.program, arguments(spec.user_parameters)
    requirements = ["-r", "requirements.txt"] if (layout.code / "requirements.txt").is_file() else []
    if not program.endswith(".sh") and (layout.code / "setup.py").is_file():
        # Without a pyproject.toml nothing says what builds it: setuptools, which is there, does.
        isolation = [] if (layout.code / "pyproject.toml").is_file() else ["--no-build-isolation"]
        module = program.removesuffix(".py").replace("/", ".")
        return [
            _step("InstallModuleError", [*_PIP_INSTALL, *isolation, ".", *requirements]),
            _step("ExecuteUserScriptError", ["python", "-m", module, *words]),
        ]
    _require(program, spec, layout)
    if program.endswith(".py"):
        install = [_step("InstallRequirementsError", [*_PIP_INSTALL, *requirements])] if requirements else []
        return [*install, _step("ExecuteUserScriptError", ["python", program, *words])]
    layout.own(layout.code / program).chmod(0o755)
    return [
        _step(
            "ExecuteUserScriptError",
            ["/bin/sh", "-c", f'exec ./{shlex.quote(program)} "$@"', program, *words],
        )
    ]


def _step(error: str, command: Sequence[str]) -> Step:
    return Step(tuple(command), error)


def _require(program: str, spec: TrainingSpec, layout: Layout) -> None:
    if (layout.code / program).is_file():
        return
    there = sorted(
        path.relative_to(layout.code).as_posix() for path in layout.code.rglob("*") if path.is_file()
    )
    raise ClientError(
        f"The entry point {program!r} is not in the source archive {spec.source_uri}, which holds: "
        f"{', '.join(there[:20]) or 'nothing'}{' …' if len(there) > 20 else ''}."
    )


def _failure(step: Step, code: int, host: Host) -> str:
    """What the script wrote into its failure file, or else the toolkit's text."""
    path = host.layout.own(host.layout.failure)
    if path.is_file():
        with path.open(encoding="utf-8", errors="replace") as file:
            written = file.read(FAILURE_REASON_LIMIT)
        if written.strip():
            return written
    message = host.log.last.replace('"', "'")
    return f'{step.error}:\nExitCode {code}\nErrorMessage "{message}"\nCommand "{shlex.join(step.command)}"'
