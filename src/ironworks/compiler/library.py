"""`ironworks.compile`: a compilation without a server."""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ironworks.archives import extract
from ironworks.compiler.batches import with_rows
from ironworks.compiler.frontends import FRAMEWORKS
from ironworks.compiler.options import Arrays, CompileOptions
from ironworks.compiler.pipeline import Sample, compile_model
from ironworks.compiler.references import Reference
from ironworks.compiler.report import Report
from ironworks.compiler.tolerance import parse_tolerances
from ironworks.compiler.validation.examples import read_arrays
from ironworks.errors import ClientError
from ironworks.runtime import CompiledModel, load

_ENDINGS = {".onnx": "ONNX", "-symbol.json": "MXNET"}


@dataclass(frozen=True)
class Artifact:
    """A compiled model: the `.tar.gz` at `path`, and what the compilation found and measured."""

    path: Path
    report: Report

    def load(self, threads: int | None = None) -> CompiledModel:
        """Load it, to run in this process with up to `threads` threads: those it was compiled for if not given."""
        return load(self.path, threads)


def compile(
    model: Path | str,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    target: str = "LINUX_X86_64",
    *,
    output: Path | str | None = None,
    framework: str | None = None,
    reference: Reference | None = None,
    samples: Sequence[Sample] = (),
    precision: str = "f32",
    tolerance: str | float | Mapping[str, float] | None = None,
    validate: Path | str | Arrays | None = None,
    calibrate: Path | str | Arrays | None = None,
    progress: Callable[[str], None] = lambda _: None,
    batch_sizes: Sequence[int] = (),
    threads: int = 1,
    tune_seconds: float = 0.0,
) -> Artifact:
    """Compile `model` for `target`, verify the result against the original, and write the artifact.

    `model` is an ONNX file, an MXNet `-symbol.json` with its `.params` beside it, a folder with one of them, or
    a tar archive of such a folder. `input_shapes` may be left out where the ONNX file fixes them. `output` is
    `MODEL-TARGET.tar.gz` in the current folder if not given. `framework` is AWS's name (`ONNX`, `MXNET`), found
    from the files if not given. `reference` is the original to verify against; ONNX's own evaluator otherwise. With
    `batch_sizes`, as `[1, 8, 32]`, the artifact takes any number of rows; each of them is put in place of the first
    size of every shape. Candidates are timed with `threads` threads. For `tune_seconds` our own code is tuned by
    measurement.

    `precision` is `f32`, a reduced one (`bf16`, `int8`, `int8-weights`), or `auto`: reduced if that is faster and
    loses no accuracy. `tolerance` is a number for float32, or numbers by dtype. `validate` is labelled data, a file
    .npz or arrays: one for each input, any number of examples, and their `labels`. `calibrate` is the same without
    labels, for `int8`; the validation data, or the samples, otherwise.

    Raises:
        ClientError: the model, the shapes, the target, the data or an option cannot be used.
        PlatformError: no build is equal to the original.
    """
    path = Path(model)
    options = CompileOptions(
        precision,
        parse_tolerances(tolerance),
        _arrays(validate, "validation data"),
        _arrays(calibrate, "calibration data"),
        batch_sizes=tuple(batch_sizes),
        threads=threads,
        tune_seconds=tune_seconds,
    )
    with _opened(path) as source:
        framework = framework or _framework(source, path)
        shapes = input_shapes or _declared_shapes(source, framework, path, batch_sizes)
        written = Path(output) if output else Path(f"{_stem(path)}-{target}.tar.gz")
        written.parent.mkdir(parents=True, exist_ok=True)
        report = compile_model(
            source,
            framework=framework,
            input_shapes=shapes,
            target=target,
            output=written,
            name=str(model),
            reference=reference,
            progress=progress,
            samples=samples,
            options=options,
        )
    return Artifact(written, report)


def _arrays(given: Path | str | Arrays | None, purpose: str) -> Arrays | None:
    return read_arrays(Path(given), purpose) if isinstance(given, str | Path) else given


@contextmanager
def _opened(path: Path) -> Iterator[Path]:
    """The file or folder of the model; an archive is unpacked for as long."""
    if not path.exists():
        raise ClientError(
            f"There is no model at {path}. Give a file, a folder or a tar archive that is there."
        )
    if path.is_dir() or not tarfile.is_tarfile(path):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="ironworks-model-") as folder:
        extract(path, Path(folder), str(path))
        yield Path(folder)


def _framework(source: Path, path: Path) -> str:
    files = [source] if source.is_file() else sorted(item for item in source.rglob("*") if item.is_file())
    found = {name for ending, name in _ENDINGS.items() if any(item.name.endswith(ending) for item in files)}
    if len(found) != 1:
        problem = "models of several frameworks" if found else "no model"
        raise ClientError(
            f"{path} has {problem}. A model is an ONNX file (*.onnx) or an MXNet checkpoint (*-symbol.json with "
            f"*-0000.params). Name the framework if it is none of these by name: {', '.join(FRAMEWORKS)}."
        )
    return found.pop()


def _declared_shapes(
    source: Path, framework: str, path: Path, batch_sizes: Sequence[int]
) -> dict[str, list[int]]:
    if framework == "ONNX":
        from ironworks.compiler.frontends.onnx import declared_shapes

        shapes = declared_shapes(source, str(path))
        if batch_sizes:
            shapes = with_rows(shapes, batch_sizes[0])
        if all(size > 0 for shape in shapes.values() for size in shape):
            return shapes
        inputs = "; ".join(f"{name} {[size or '?' for size in shape]}" for name, shape in shapes.items())
        raise ClientError(
            f"The model leaves sizes of its inputs open: {inputs}. A compiled model has fixed shapes; give them."
        )
    raise ClientError(
        "An MXNet checkpoint does not say what shapes its inputs have. Give them, by the names of the inputs."
    )


def _stem(path: Path) -> str:
    name = path.resolve().name
    for ending in (".tar.gz", ".tgz", ".tar", ".onnx", "-symbol.json"):
        name = name.removesuffix(ending)
    return name
