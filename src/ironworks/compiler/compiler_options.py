"""`OutputConfig.CompilerOptions` of CreateCompilationJob: each option is honoured, or refused by its name.

AWS documents `dtype` (of the model's inputs), `mcpu` and `mattr` (processors), and options of devices that Ironworks
does not compile for. `precision`, `tolerance`, `validation`, `calibration`, `batch_sizes`, `threads` and `tune` are
ours.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ironworks.compiler.batches import checked_sizes
from ironworks.compiler.options import MOST_THREADS
from ironworks.compiler.targets import Target
from ironworks.compiler.tolerance import PRECISIONS, TOLERANCES, parse_tolerances
from ironworks.errors import ClientError

_GPU = "is for NVIDIA's GPUs, and Ironworks compiles for the cores of a device"
_REFUSED = {
    "gpu_code": _GPU,
    "trt_ver": _GPU,
    "cuda_ver": _GPU,
    "android_platform": "is for Android, whose toolchain Ironworks does not have yet",
    "class_labels": "is for Core ML; keep the names of the classes in your inference code",
}
_NEURON = "--"
_DTYPES = {"float": "float32", "float32": "float32", "long": "int64", "int64": "int64"}
_LEVELS: Mapping[str, Sequence[str]] = {
    "x86-64-v2": ("nehalem", "westmere", "silvermont", "goldmont", "x86-64-v2"),
    "x86-64-v3": ("haswell", "broadwell", "skylake", "core-avx2", "znver1", "znver2", "znver3", "x86-64-v3"),
    "x86-64-v4": (
        *("skylake-avx512", "cascadelake", "cooperlake", "icelake-client", "icelake-server"),
        *("sapphirerapids", "znver4", "znver5", "x86-64-v4"),
    ),
}
"""Processors, as LLVM calls them, by the instruction set that they have."""
_FEATURES: Mapping[str, Sequence[str]] = {
    "x86-64-v2": ("sse3", "ssse3", "sse4.1", "sse4.2", "popcnt"),
    "x86-64-v3": ("avx", "avx2", "fma", "f16c", "bmi", "bmi2", "lzcnt", "movbe"),
    "x86-64-v4": ("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"),
    "armv7-a": ("neon", "vfp3", "vfpv3", "vfp4", "vfpv4"),
    "armv8-a": ("neon", "fp-armv8"),
}


@dataclass(frozen=True)
class RequestedOptions:
    """What CompilerOptions ask for.

    Attributes:
        precision, tolerances: as CompileOptions has them.
        validation, calibration: S3 URIs of files `.npz`; empty if none was given.
        input_dtype: numpy's name of the dtype that the model's inputs are said to have.
        batch_sizes, threads, tune_seconds: as CompileOptions has them.
    """

    precision: str = "f32"
    tolerances: Mapping[str, float] = field(default_factory=lambda: dict(TOLERANCES))
    validation: str = ""
    calibration: str = ""
    input_dtype: str | None = None
    batch_sizes: tuple[int, ...] = ()
    threads: int = 1
    tune_seconds: float = 0.0


def parse_compiler_options(text: str | None, target: Target) -> RequestedOptions:
    """Read the JSON text of CompilerOptions; Python's quotes, which AWS's examples have, are read as well.

    Names of options are compared without case, and `-` counts as `_`.

    Raises:
        ClientError: the text is no JSON object, or an option is unknown, cannot be honoured for `target`, or has
            a value that it does not take. The message names it.
    """
    requested = RequestedOptions()
    if text is None:
        return requested
    seen = set()
    for written, value in _read(text).items():
        name = str(written).lower().replace("-", "_")
        if name in seen:
            raise ClientError(f"CompilerOptions names {written} twice.")
        seen.add(name)
        if name in _REFUSED:
            raise ClientError(f"CompilerOptions has {written}, which {_REFUSED[name]}. Leave it out.")
        if name not in _READERS:
            raise ClientError(
                f"CompilerOptions has {written}, which Ironworks does not know. It honours {', '.join(_READERS)}."
            )
        requested = _READERS[name](requested, value, target)
    return requested


def _read(text: str) -> dict[Any, Any]:
    document: Any = None
    for read in (json.loads, ast.literal_eval):
        try:
            document = read(text)
            break
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
    if isinstance(document, dict):
        return document
    if (document if isinstance(document, str) else text).lstrip("\"' ").startswith(_NEURON):
        raise ClientError(
            f"CompilerOptions {text!r} are options of the Neuron compiler, which is for AWS Inferentia and Trainium; "
            "Ironworks compiles for the cores of a device. Leave them out."
        )
    raise ClientError(
        f'CompilerOptions {text!r} is no JSON object. Write it as {{"precision": "int8"}}: each option by its name.'
    )


def _precision(requested: RequestedOptions, value: Any, _: Target) -> RequestedOptions:
    if value not in PRECISIONS:
        raise ClientError(
            f"CompilerOptions has the precision {value!r}. Ask for one of {', '.join(PRECISIONS)}."
        )
    return replace(requested, precision=value)


def _tolerance(requested: RequestedOptions, value: Any, _: Target) -> RequestedOptions:
    if not isinstance(value, (int, float, str, dict)) or isinstance(value, bool):
        raise ClientError(
            f"CompilerOptions has the tolerance {value!r}. Give a number, or numbers by dtype: {{'float32': 1e-5}}."
        )
    return replace(requested, tolerances=parse_tolerances(value))


def _examples(name: str) -> Callable[[RequestedOptions, Any, Target], RequestedOptions]:
    def read(requested: RequestedOptions, value: Any, _: Target) -> RequestedOptions:
        if not isinstance(value, str) or not value.startswith("s3://"):
            raise ClientError(
                f"CompilerOptions has the {name} {value!r}. Give the S3 URI of a file .npz, s3://bucket/examples.npz."
            )
        changes: dict[str, Any] = {name: value}
        return replace(requested, **changes)

    return read


def _dtype(requested: RequestedOptions, value: Any, _: Target) -> RequestedOptions:
    if not isinstance(value, str) or value not in _DTYPES:
        raise ClientError(
            f"CompilerOptions has the dtype {value!r}. It is the type of the model's inputs, one of "
            f"{', '.join(_DTYPES)}; to compute in less than float32, use precision."
        )
    return replace(requested, input_dtype=_DTYPES[value])


def _batch_sizes(requested: RequestedOptions, value: Any, _: Target) -> RequestedOptions:
    if not isinstance(value, list) or not value:
        raise ClientError(
            f"CompilerOptions has batch_sizes {value!r}. Give a list of numbers of rows: [1, 8, 32]."
        )
    return replace(requested, batch_sizes=tuple(checked_sizes(value)))


def _threads(requested: RequestedOptions, value: Any, _: Target) -> RequestedOptions:
    if type(value) is not int or not 1 <= value <= MOST_THREADS:
        raise ClientError(
            f"CompilerOptions has threads {value!r}. Give how many one call may use, 1 to {MOST_THREADS}."
        )
    return replace(requested, threads=value)


def _tune(requested: RequestedOptions, value: Any, _: Target) -> RequestedOptions:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
        raise ClientError(f"CompilerOptions has tune {value!r}. Give the seconds that code may be tuned for.")
    return replace(requested, tune_seconds=float(value))


def _mcpu(requested: RequestedOptions, value: Any, target: Target) -> RequestedOptions:
    level = next((level for level, names in _LEVELS.items() if value in names), None)
    if target.architecture != "x86_64":
        raise ClientError(
            f"CompilerOptions has mcpu {value!r}. Code for {target.name} is for every {target.instruction_sets[0]} "
            "processor, and none is preferred. Leave mcpu out."
        )
    if level is None:
        known = ", ".join(name for names in _LEVELS.values() for name in names)
        raise ClientError(f"CompilerOptions has mcpu {value!r}, which is none of {known}.")
    if level not in target.instruction_sets:
        raise ClientError(
            f"CompilerOptions has mcpu {value!r}, which is {level}, and code for {target.name} is for "
            f"{' and '.join(target.instruction_sets)}. Choose another target or leave mcpu out."
        )
    return requested


def _mattr(requested: RequestedOptions, value: Any, target: Target) -> RequestedOptions:
    """What the code for the target has anyway, on processors that have it, is honoured by that."""
    has = [f"+{name}" for level in _upto(target) for name in _FEATURES[level]]
    attributes = value.split(",") if isinstance(value, str) else value
    for attribute in attributes if isinstance(attributes, list) else [None]:
        if attribute not in has:
            raise ClientError(
                f"CompilerOptions has mattr {value if attribute is None else attribute!r}. Code for {target.name} "
                f"uses {', '.join(has)}, and nothing else can be asked for. Leave it out."
            )
    return requested


def _upto(target: Target) -> list[str]:
    """The instruction sets of the target, and those below them."""
    best = list(_FEATURES).index(target.instruction_sets[-1])
    family = target.instruction_sets[-1].partition("-v")[0]
    return [level for level in list(_FEATURES)[: best + 1] if level.partition("-v")[0] == family]


_READERS: Mapping[str, Callable[[RequestedOptions, Any, Target], RequestedOptions]] = {
    "precision": _precision,
    "tolerance": _tolerance,
    "validation": _examples("validation"),
    "calibration": _examples("calibration"),
    "batch_sizes": _batch_sizes,
    "threads": _threads,
    "tune": _tune,
    "dtype": _dtype,
    "mcpu": _mcpu,
    "mattr": _mattr,
}
