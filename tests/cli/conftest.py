from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from ironworks.control.processes import stop_all
from ironworks.home import Home
from ironworks.server.process import start_in_background, stop
from tests.acceptance.interpreters import CACHE
from tests.cli.platform import Platform, clean_environment, run

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def installation(folder: Path, patch: pytest.MonkeyPatch, start: bool) -> Iterator[Home]:
    """An installation that the environment names; what is left on it is ended."""
    for name in [name for name in os.environ if name.startswith(("IRONWORKS_", "AWS_"))]:
        patch.delenv(name)
    patch.setenv("IRONWORKS_HOME", str(folder / "home"))
    patch.setenv("SHELL", "/bin/bash")
    found = Home.from_environment()
    if start:
        start_in_background(found, "127.0.0.1", 0)
    yield found
    stop(found)
    if start:
        stop_all(found)  # not before: a server that runs would start instances anew


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """An installation of the test's own, that no server runs on yet."""
    yield from installation(tmp_path, monkeypatch, start=False)


@pytest.fixture
def ironworks(home: Home) -> Run:
    """Runs the command line as a process of its own."""

    def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "ironworks.cli", *arguments],
            env={**os.environ, **environ},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run


@pytest.fixture(scope="package")
def platform() -> Iterator[Platform]:
    """A server that the tests of commands share. Its home has a short path: sockets lie in it."""
    folder = Path(tempfile.mkdtemp(prefix="iw-"))
    environ = clean_environment()
    home = Home.from_environment(
        {
            "IRONWORKS_HOME": str(folder / "home"),
            "IRONWORKS_ENVIRONMENTS": str(CACHE / "environments"),
            "IRONWORKS_DATASETS": str(CACHE / "datasets"),
        }
    )
    start_in_background(home, "127.0.0.1", 0, environ=environ)
    with pytest.MonkeyPatch.context() as patch:
        # The command line's own process must not find another region or home.
        for name in os.environ.keys() - environ.keys():
            patch.delenv(name)
        yield Platform(home)
    stop(home)
    stop_all(home)
    shutil.rmtree(folder)


SCRIPT = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int, default=2)
parser.add_argument("--fail", default="no")
arguments = parser.parse_args()
for step in range(arguments.steps):
    print(f"step {step} loss={1 / (step + 1):.2f}", flush=True)
if arguments.fail != "no":
    raise ValueError(arguments.fail)
open("/opt/ml/model/weights", "w").write("1")
"""


@pytest.fixture(scope="package")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training script that needs no framework."""
    path = tmp_path_factory.mktemp("script") / "steps.py"
    path.write_text(SCRIPT)
    return path


@pytest.fixture(scope="package")
def trained(platform: Platform, script: Path) -> str:
    """The name of a training job that has ended well."""
    ran = platform(
        *("train", script, "--framework", "python", "--name", "fine", "-p", "steps=3"),
        *("--metric", "loss=loss=([0-9.]+)"),
    )
    assert ran.code == 0, ran.err
    return "fine"


@pytest.fixture(scope="package")
def failed(platform: Platform, script: Path) -> str:
    """The name of a training job that has failed."""
    ran = platform("train", script, "--framework", "python", "--name", "broken", "-p", "fail=on purpose")
    assert ran.code == 1, ran.err
    return "broken"


@pytest.fixture(scope="package")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A compiled model that answers ten probabilities for 784 numbers: of ten parts, each speaks for one"""
    folder = tmp_path_factory.mktemp("model")
    weights = np.kron(np.eye(10, dtype=np.float32), np.ones((79, 1), np.float32))[:784]
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["data", "weights"], ["sums"]),
            helper.make_node("Softmax", ["sums"], ["probabilities"], axis=1),
        ],
        "parts",
        [helper.make_tensor_value_info("data", TensorProto.FLOAT, [1, 784])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, 10])],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, folder / "parts.onnx")
    ran = run("compile", folder / "parts.onnx", "--target", "ml_c5", "-o", folder / "parts.tar.gz")
    assert ran.code == 0, ran.err
    return folder / "parts.tar.gz"


@pytest.fixture(scope="package")
def endpoint(platform: Platform, artifact: Path) -> str:
    """The name of an endpoint in service."""
    ran = platform("deploy", artifact, "--name", "parts", "--instances", "2")
    assert ran.code == 0, ran.err
    return "parts"
