"""`ironworks compile` and `ironworks targets`."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ironworks.cli.compile_job import Wanted, compile_job
from ironworks.cli.completion import training_names
from ironworks.cli.failures import Misuse
from ironworks.cli.options import HomeOption, JsonOption, home_at
from ironworks.cli.screen import notes
from ironworks.compiler.tolerance import PRECISIONS
from ironworks.errors import ClientError

if TYPE_CHECKING:
    from rich.table import Table

    from ironworks.compiler import Reference, Report
    from ironworks.compiler.report import BatchReport, CandidateReport

_LARGEST_SIZE = 2**31
_DEFAULTS = ("f32", None, 1, 0.0)
"""Of the options that a compilation job takes as CompilerOptions."""


def compile_(
    model: Annotated[
        Path | None,
        typer.Argument(
            metavar="[MODEL]",
            help="An ONNX file, an MXNet checkpoint, a folder or a tar archive.",
            show_default=False,
        ),
    ] = None,
    job: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="In MODEL's place, what a training job has made: the server compiles it.",
            autocompletion=training_names,
            show_default=False,
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="With --job, what the compilation job is called; one is made up if not given.",
            show_default=False,
        ),
    ] = None,
    shape: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=SIZES",
            help="The shape of an input, data=1,784; once for each input.",
            show_default=False,
        ),
    ] = None,
    batch: Annotated[
        str | None,
        typer.Option(
            metavar="SIZES",
            help="Batch sizes, 1,8,32: the artifact takes any number of rows, and each has its own code.",
            show_default=False,
        ),
    ] = None,
    target: Annotated[str, typer.Option(metavar="TARGET", help="What to compile for.")] = "LINUX_X86_64",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="The artifact to write.", show_default=False),
    ] = None,
    sample: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="An input that the model is meant for: .npy, or .npz with arrays by input name.",
            show_default=False,
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write the report as a page, too.", show_default=False),
    ] = None,
    precision: Annotated[
        str,
        typer.Option(
            metavar="|".join(PRECISIONS),
            help="What to compute in. auto: less than float32 only if that is faster and, on --validate, as accurate.",
        ),
    ] = "f32",
    validate: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Labelled examples, .npz: an array by input name and labels. The accuracy is measured on them.",
            show_default=False,
        ),
    ] = None,
    calibrate: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Examples, .npz, that int8 is fitted to; those of --validate or --sample if not given.",
            show_default=False,
        ),
    ] = None,
    tolerance: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER",
            help="How far off an output may be, 1e-5 or float32=1e-5,int8=0.1: a part of its largest value.",
            show_default=False,
        ),
    ] = None,
    threads: Annotated[
        int,
        typer.Option(metavar="N", help="How many threads a call may use; candidates are timed with as many."),
    ] = 1,
    tune: Annotated[
        float,
        typer.Option(
            metavar="SECONDS", help="How long our own code may be tuned by measurement on this machine."
        ),
    ] = 0.0,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Compile a model, and prove it equal to the original.

    ironworks compile model/ --shape data=1,784 --target ml_c5
    ironworks compile --job mnist --shape data=1,784 --name mnist-fast
    """
    shapes = dict(_shape(text) for text in shape or [])
    sizes = _batch_sizes(batch) if batch else []
    if (model is None) == (job is None):
        raise Misuse(
            "Say what to compile: a MODEL that lies here, or with --job what a training job has made."
        )
    if job is not None:
        _refuse({"--sample": sample, "--html": html, "--validate": validate, "--calibrate": calibrate})
        asked = {"precision": precision, "tolerance": tolerance, "threads": threads, "tune": tune}
        changed = {name: value for name, value in asked.items() if value not in _DEFAULTS}
        options = {**changed, "batch_sizes": sizes} if sizes else changed
        compile_job(Wanted(job, name, shapes, target, options, output), home, as_json)
        return
    if name is not None:
        raise Misuse(
            "--name is that of a compilation job, so it goes with --job. The artifact's name is --output's."
        )
    assert model is not None
    from ironworks.cli.watching import phase_line
    from ironworks.compiler.library import compile

    with _reference(model, shapes, home) as reference, phase_line(notes()) as begin:
        artifact = compile(
            model,
            shapes or None,
            target,
            output=output,
            reference=reference,
            samples=[_sample(sample, shapes)] if sample else (),
            precision=precision,
            validate=validate,
            calibrate=calibrate,
            tolerance=tolerance,
            progress=begin,
            batch_sizes=sizes,
            threads=threads,
            tune_seconds=tune,
        )
    if html:
        from ironworks.compiler.artifact import write_page

        write_page(artifact.report, html)
    if as_json:
        typer.echo(artifact.report.to_json(), nl=False)
        return
    _show(artifact.report, artifact.path)


def targets(as_json: JsonOption = False) -> None:
    """List what models can be compiled for.

    Also what the other targets of AWS would need.
    """
    from rich.console import Console
    from rich.table import Table

    from ironworks.compiler.targets import MISSING, TARGETS

    if as_json:
        rows = [asdict(row) for row in TARGETS.values()]
        missing = {name: what for what, names in MISSING.items() for name in names}
        typer.echo(json.dumps({"targets": rows, "missing": missing}, indent=2))
        return
    console = Console(file=sys.stdout, highlight=False)
    table = Table("target", "architecture", "instruction sets", "device", box=None, pad_edge=False)
    for row in TARGETS.values():
        table.add_row(row.name, row.architecture, ", ".join(row.instruction_sets), row.note)
    console.print(table)
    console.print("\nNot yet:")
    for what, names in MISSING.items():
        console.print(f"  {', '.join(names)}: {what}", soft_wrap=True)


def _refuse(files: Mapping[str, Path | None]) -> None:
    """Refuse options that are about files of this machine.

    Raises:
        Misuse: one was given.
    """
    given = [option for option, value in files.items() if value is not None]
    if given:
        raise Misuse(
            f"{', '.join(given)} cannot be given with --job: the server compiles it, from what is in S3."
        )


def _shape(text: str) -> tuple[str, list[int]]:
    name, _, sizes = text.rpartition("=")
    try:
        shape = [int(size) for size in sizes.split(",")]
    except ValueError:
        shape = []
    if not name or not shape or not all(0 < size < _LARGEST_SIZE for size in shape):
        raise ClientError(
            f"--shape {text} is no shape. Write the input's name and its sizes: --shape data=1,784"
        )
    return name, shape


def _batch_sizes(text: str) -> list[int]:
    try:
        return [int(size) for size in text.split(",")]
    except ValueError:
        raise ClientError(
            f"--batch {text} is no list of batch sizes. Write numbers of rows: --batch 1,8,32"
        ) from None


def _sample(path: Path, shapes: dict[str, list[int]]) -> dict[str, Any]:
    import numpy as np

    try:
        content = np.load(path, allow_pickle=False)
        arrays = dict(content) if hasattr(content, "files") else {next(iter(shapes), "data"): content}
    except (OSError, ValueError) as error:
        raise ClientError(f"The sample {path} cannot be read as .npy or .npz: {error}.") from error
    for name, shape in shapes.items():
        if name not in arrays or arrays[name].size != int(np.prod(shape)):
            raise ClientError(
                f"The sample {path} has {', '.join(f'{k} {list(v.shape)}' for k, v in arrays.items())}, and the "
                f"input {name} is {shape}."
            )
    return {name: np.asarray(arrays[name], np.float32).reshape(shape) for name, shape in shapes.items()}


def _reference(
    model: Path, shapes: dict[str, list[int]], home: Path | None
) -> AbstractContextManager[Reference | None]:
    """MXNet itself for a checkpoint in a folder, where its environment has been made."""
    from ironworks.compiler import MxnetReference
    from ironworks.training.environments import Environments

    environment = Environments(home_at(home).environments).find("mxnet", "")
    checkpoint = model.is_dir() and any(model.rglob("*-symbol.json"))
    if environment is None or not checkpoint or not shapes:
        return nullcontext()
    return MxnetReference(environment.python, model, shapes)


def _show(report: Report, path: Path) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(file=sys.stdout, highlight=False)
    if not report.batches:
        console.print(_candidates(report))
    for batch in report.batches:
        console.print(Text(f"batch {batch.size}", style="bold"))
        console.print(_candidates(batch))
    for backend, reason in report.skipped.items():
        console.print(Text(f"skipped {backend}: {reason}"))
    if report.validation is not None:
        original, count = report.validation.accuracy, report.validation.examples
        console.print(f"the original's accuracy: {original:.4f} on {count:,} examples")
    if report.precision.reason:
        console.print(Text(f"precision: {report.precision.reason}"))
    for finding in report.findings:
        console.print(Text(f"note: {finding}"))
    console.print(Text(f"verified against {report.reference}"))
    console.print(Text(f"{path} ({path.stat().st_size / 1e6:,.2f} MB)", style="bold"))


def _candidates(report: Report | BatchReport) -> Table:
    from rich.table import Table
    from rich.text import Text

    graded = ("accuracy", "changed", "difference") if report.validation else ()
    table = Table("", "candidate", "µs a call", "largest error", *graded, "", box=None, pad_edge=False)
    for candidate in report.candidates:
        chosen = candidate.label == report.chosen
        time = "" if candidate.microseconds is None else f"{candidate.microseconds:,.1f}"
        errors = [item.relative for item in candidate.verification if item.inputs != "denormal"]
        table.add_row(
            "→" if chosen else "",
            Text(candidate.label),
            Text(time, justify="right"),
            f"{max(errors, default=float('nan')):.1e}",
            *(_grade(candidate) if report.validation else ()),
            Text(f"dropped: {candidate.dropped}" if candidate.dropped else candidate.note),
        )
    return table


def _grade(candidate: CandidateReport) -> list[str]:
    """Accuracy on the examples, answers that changed, and the largest difference of a score."""
    grade = candidate.validation
    if grade is None:
        return ["", "", ""]
    return [f"{grade.accuracy:.4f}", str(grade.changed), f"{grade.largest_difference:.1e}"]
