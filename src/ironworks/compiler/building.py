"""Asks every backend for candidates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import onnx

from ironworks.compiler.backends import (
    BACKENDS,
    BackendSkipped,
    BatchBackend,
    BuildOptions,
    Candidate,
    find_backend,
)
from ironworks.compiler.precision.build import build_reduced
from ironworks.compiler.precision.request import Request
from ironworks.compiler.targets import Target
from ironworks.errors import IronworksError


@dataclass
class Built:
    """The candidates of all backends, and why some have none."""

    candidates: list[Candidate] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)


def build_all(
    graphs: Sequence[onnx.ModelProto],
    target: Target,
    work: Path,
    options: BuildOptions,
    requests: Sequence[Request],
) -> list[Built]:
    """What the backends build for each of `graphs`, which differ in the batch size; each with its request.

    Raises:
        PlatformError: a C compiler refuses what was generated.
    """
    built = [Built() for _ in graphs]
    for name in BACKENDS:
        for item, made in zip(built, _build_with(name, graphs, target, work / name, options), strict=True):
            if isinstance(made, str):
                item.skipped[name] = made
            else:
                item.candidates.extend(made)
    for number, (item, graph, request) in enumerate(zip(built, graphs, requests, strict=True)):
        folder = work / f"reduced-{number}"
        reduced, without = build_reduced(request, graph, item.candidates, target, folder, options)
        item.candidates.extend(reduced)
        item.skipped.update(without)
    return built


def _build_with(
    name: str, graphs: Sequence[onnx.ModelProto], target: Target, work: Path, options: BuildOptions
) -> list[list[Candidate] | str]:
    """For each of `graphs` one backend's candidates, or why it has none; the same files for all where it can."""
    backend = find_backend(name)
    if len(graphs) > 1 and isinstance(backend, BatchBackend):
        made = _attempt(partial(backend.build_batches, graphs, target, options=options), work / "all")
        if made:
            return [made] * len(graphs)
    return [
        _attempt(partial(backend.build, graph, target, options=options), work / str(number))
        for number, graph in enumerate(graphs)
    ]


def _attempt(build: Callable[..., list[Candidate]], folder: Path) -> list[Candidate] | str:
    folder.mkdir(parents=True)
    try:
        return build(folder=folder)
    except BackendSkipped as reason:
        return str(reason)
    except IronworksError:
        raise
    except Exception as error:  # a backend that fails on a model must not keep the others from it
        return f"it failed with {error!r}; please report the model"
