"""One compilation from start to end."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import onnx
from numpy.typing import NDArray
from onnx import checker, shape_inference

from ironworks.compiler.artifact import write_artifact
from ironworks.compiler.backends import BACKENDS, BackendSkipped, BuildOptions, Candidate, find_backend
from ironworks.compiler.contest import Contest
from ironworks.compiler.emulation import find_emulator
from ironworks.compiler.findings import find_issues
from ironworks.compiler.frontends import Frontend, ImportedModel, find_frontend
from ironworks.compiler.graph import checked
from ironworks.compiler.options import CompileOptions
from ironworks.compiler.passes import apply_passes
from ironworks.compiler.precision.build import build_reduced
from ironworks.compiler.precision.request import Request
from ironworks.compiler.references import Reference
from ironworks.compiler.report import Phases, Report, describe_graph, this_machine, versions_of
from ironworks.compiler.targets import Target, find_target
from ironworks.compiler.tensors import described_inputs, described_outputs
from ironworks.errors import PlatformError
from ironworks.runtime import Tensor
from ironworks.runtime.artifact import architecture

Sample = Mapping[str, NDArray[Any]]
_DEFAULTS = CompileOptions()


def compile_model(
    model: Path,
    *,
    framework: str,
    input_shapes: Mapping[str, Sequence[int]],
    target: str,
    output: Path,
    name: str,
    reference: Reference | None = None,
    progress: Callable[[str], None] = lambda _: None,
    samples: Sequence[Sample] = (),
    options: CompileOptions = _DEFAULTS,
) -> Report:
    """Compile the model in the folder `model` and write the artifact to `output`, a `.tar.gz`.

    `framework` and `target` are AWS's names, `name` is how messages call the model's archive (its S3 URI).
    Candidates are verified against `reference`; without one, against the graph as it was imported, run by
    ONNX's interpreter or node by node by ONNX Runtime, which cannot find an error of the import. `samples` are
    inputs that the model is meant for; those of `options` take their place where there are none.

    Raises:
        ClientError: the target, the framework, the model, the shapes or the options' data cannot be used.
        PlatformError: no candidate is equal to the original, or the original cannot be run.
    """
    row, frontend, phases = find_target(target), find_frontend(framework), Phases()
    if row.architecture != architecture():
        find_emulator(row.architecture)  # before any work
    with tempfile.TemporaryDirectory(prefix="ironworks-compile-") as work:
        progress(f"Importing the {framework} model")
        with phases.measure("import"):
            source = _import(frontend, model, input_shapes, name)
        contest = Contest(options, row, source.inputs, source.outputs, samples)
        with phases.measure("passes"):
            graph, passes = _optimise(source.graph)
        progress(f"Building candidates for {target} from {len(graph.graph.node)} operators")
        with phases.measure("build"):
            build = BuildOptions(row.threads, samples=contest.samples)
            candidates, skipped = _build(graph, row, Path(work), build, contest.request)
        for backend, reason in skipped.items():
            progress(f"The backend {backend} is skipped: {reason}")
        original = reference or _graph_reference(source.graph)
        outcome = contest.run(candidates, skipped, original, phases, progress)
        best = outcome.choice.best
        report = Report(
            framework=framework,
            target=target,
            inputs=source.inputs,
            outputs=source.outputs,
            operators=source.imported.operators,
            nodes=(len(source.graph.graph.node), len(graph.graph.node)),
            passes=passes,
            candidates=[trial.report for trial in outcome.choice.trials],
            skipped=skipped,
            chosen=best.candidate.label,
            reference=original.name,
            reference_microseconds=outcome.original_microseconds,
            findings=[*source.imported.findings, *find_issues(graph)],
            seconds=phases.seconds,
            model=name.rstrip("/").rpartition("/")[2],
            created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            before=describe_graph(source.graph),
            after=describe_graph(graph),
            machine=this_machine(),
            versions=versions_of([trial.manifest.versions for trial in outcome.choice.trials]),
            tolerances=options.tolerances,
            precision=outcome.precision,
            validation=outcome.validation,
        )
        speed = (
            f"{best.microseconds:.1f} µs a call"
            if best.microseconds
            else "not timed: it is for another machine"
        )
        progress(f"Writing the artifact: {report.chosen}, {speed}")
        write_artifact(best.candidate, best.manifest, report, output)
    return report


@dataclass(frozen=True)
class _Source:
    """The model as it was imported, checked, with what it takes and gives."""

    imported: ImportedModel
    graph: onnx.ModelProto
    inputs: list[Tensor]
    outputs: list[Tensor]


def _import(frontend: Frontend, model: Path, shapes: Mapping[str, Sequence[int]], name: str) -> _Source:
    imported = frontend.read(model, shapes, name)
    graph = _checked(imported.model)
    return _Source(imported, graph, described_inputs(graph), described_outputs(graph))


def _optimise(original: onnx.ModelProto) -> tuple[onnx.ModelProto, dict[str, int]]:
    graph = onnx.ModelProto()
    graph.CopyFrom(original)
    passes = apply_passes(graph)
    return _checked(graph), passes


def _build(
    graph: onnx.ModelProto, target: Target, work: Path, options: BuildOptions, request: Request
) -> tuple[list[Candidate], dict[str, str]]:
    """The candidates of all backends, and why some have none."""
    candidates, skipped = [], {}
    for name in BACKENDS:
        folder = work / name
        folder.mkdir()
        try:
            candidates += find_backend(name).build(graph, target, folder, options)
        except BackendSkipped as reason:
            skipped[name] = str(reason)
    reduced, without = build_reduced(request, graph, candidates, target, work / "reduced", options)
    return candidates + reduced, skipped | without


def _graph_reference(graph: onnx.ModelProto) -> Reference:
    # Importing it takes as long as compiling a small model, and most compilations have their framework.
    from ironworks.compiler.references.graph import graph_reference

    return graph_reference(graph)


def _checked(model: onnx.ModelProto) -> onnx.ModelProto:
    try:
        return checked(model)
    except (checker.ValidationError, shape_inference.InferenceError) as error:
        raise PlatformError(
            f"The compiler made an invalid graph: {error}. Please report the model."
        ) from error
