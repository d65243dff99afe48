"""One compilation from start to end."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import onnx
from numpy.typing import NDArray

from ironworks.compiler.artifact import write_artifact, write_batches
from ironworks.compiler.backends import BuildOptions
from ironworks.compiler.batches import checked_sizes, sample_of
from ironworks.compiler.building import Built, build_all
from ironworks.compiler.contest import Contest, Outcome
from ironworks.compiler.emulation import find_emulator
from ironworks.compiler.findings import find_issues
from ironworks.compiler.frontends import find_frontend
from ironworks.compiler.options import CompileOptions
from ironworks.compiler.references import Reference
from ironworks.compiler.report import (
    BatchReport,
    Phases,
    Report,
    describe_graph,
    this_machine,
    versions_of,
)
from ironworks.compiler.sources import Optimised, Source, any_rows, import_all, optimise
from ironworks.compiler.targets import find_target
from ironworks.compiler.trials import Trial, time_winners
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
        ClientError: the target, the framework, the model, the shapes or the options cannot be used.
        PlatformError: no candidate is equal to the original, or the original cannot be run.
    """
    row, frontend, phases = find_target(target), find_frontend(framework), Phases()
    row = replace(row, threads=options.threads)
    sizes = checked_sizes(options.batch_sizes)
    if row.architecture != architecture():
        find_emulator(row.architecture)  # before any work
    with tempfile.TemporaryDirectory(prefix="ironworks-compile-") as work:
        progress(f"Importing the {framework} model")
        with phases.measure("import"):
            sources = import_all(frontend, model, input_shapes, sizes, name)
        contests = [
            Contest(options, row, source, [sample_of(sample, source.size) for sample in samples])
            if source.size
            else Contest(options, row, source, samples)
            for source in sources
        ]
        with phases.measure("passes"):
            optimised = [optimise(source.graph) for source in sources]
        graphs = [item.graph for item in optimised]
        progress(f"Building candidates for {target} from {len(graphs[0].graph.node)} operators")
        with phases.measure("build"):
            build = BuildOptions(row.threads, options.tune_seconds, contests[0].samples)
            built = build_all(graphs, row, Path(work), build, [contest.request for contest in contests])
        for backend, reason in built[0].skipped.items():
            progress(f"The backend {backend} is skipped: {reason}")
        results = []
        for source, contest, candidates in zip(sources, contests, built, strict=True):
            original = reference or _graph_reference(source.graph)
            outcome = contest.run(candidates.candidates, candidates.skipped, original, phases, progress)
            results.append(_Result(source, candidates, outcome, original.name))
        report = _report(framework, target, name, results, optimised[0], options, phases)
        progress(f"Writing the artifact: {'; '.join(result.line for result in results)}")
        _write(results, report, output, phases)
    return report


@dataclass(frozen=True)
class _Result:
    """What came of a source."""

    source: Source
    built: Built
    outcome: Outcome
    reference: str

    @property
    def best(self) -> Trial:
        """The winner."""
        return self.outcome.choice.best

    @property
    def line(self) -> str:
        """For the log."""
        time = self.best.microseconds
        speed = f"{time:.1f} µs a call" if time else "not timed: it is for another machine"
        return f"{self.best.candidate.label}, {speed}{self.source.batch}"


def _write(results: Sequence[_Result], report: Report, output: Path, phases: Phases) -> None:
    first = results[0]
    if not first.source.size:
        write_artifact(first.best.candidate, first.best.manifest, report, output)
        return
    with phases.measure("time"):
        winners = time_winners(
            {result.source.size: result.best for result in results},
            {result.source.size: result.outcome.typical for result in results},
        )
    write_batches(winners, *any_rows([result.source for result in results]), report, output)


def _graph_reference(graph: onnx.ModelProto) -> Reference:
    # Importing it takes as long as compiling a small model, and most compilations have their framework.
    from ironworks.compiler.references.graph import graph_reference

    return graph_reference(graph)


def _report(
    framework: str,
    target: str,
    name: str,
    results: Sequence[_Result],
    optimised: Optimised,
    options: CompileOptions,
    phases: Phases,
) -> Report:
    """`optimised` is the first source's graph."""
    first, source, outcome = results[0], results[0].source, results[0].outcome
    trials = [trial for result in results for trial in result.outcome.choice.trials]
    return Report(
        framework=framework,
        target=target,
        inputs=source.inputs,
        outputs=source.outputs,
        operators=source.imported.operators,
        nodes=(len(source.graph.graph.node), len(optimised.graph.graph.node)),
        passes=optimised.passes,
        candidates=[trial.report for trial in outcome.choice.trials],
        skipped=first.built.skipped,
        chosen=first.best.candidate.label,
        reference=first.reference,
        reference_microseconds=outcome.original_microseconds,
        findings=[*source.imported.findings, *find_issues(optimised.graph)],
        seconds=phases.seconds,
        model=name.rstrip("/").rpartition("/")[2],
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        before=describe_graph(source.graph),
        after=describe_graph(optimised.graph),
        machine=this_machine(),
        versions=versions_of([trial.manifest.versions for trial in trials]),
        tolerances=options.tolerances,
        precision=outcome.precision,
        validation=outcome.validation,
        threads=options.threads,
        batches=[_batch_report(result) for result in results if result.source.size],
    )


def _batch_report(result: _Result) -> BatchReport:
    return BatchReport(
        size=result.source.size,
        candidates=[trial.report for trial in result.outcome.choice.trials],
        skipped=result.built.skipped,
        chosen=result.best.candidate.label,
        reference_microseconds=result.outcome.original_microseconds,
        precision=result.outcome.precision,
        validation=result.outcome.validation,
    )
