"""The main job from the command line alone: train on MNIST, compile, deploy, ask with a picture, delete."""

from collections.abc import Iterator
from gzip import open as open_gzip
from pathlib import Path

import numpy as np
import pytest

from ironworks.datasets.mnist import PREFIX, Mnist
from tests.acceptance.interpreters import CACHE
from tests.cli.platform import Platform, png, run

SCRIPT = Path(__file__).parents[2] / "examples" / "mnist" / "mnist.py"
DATA = "s3://sagemaker-sample-data-us-west-2/mxnet/mnist"


@pytest.fixture(scope="module")
def seven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first of MNIST's test images as somebody's drawing: larger, in a corner, dark on light."""
    mnist = Mnist(CACHE / "datasets")
    if not mnist.present():
        mnist.fetch(None, lambda *_: None)
    with open_gzip(mnist.directory / PREFIX / "test" / "images.gz") as file:
        image = np.frombuffer(file.read(16 + 784)[16:], np.uint8).reshape(28, 28)
    picture = 255 - np.pad(np.kron(image, np.ones((6, 6), np.uint8)), ((0, 100), (40, 10)))
    path = tmp_path_factory.mktemp("picture") / "seven.png"
    path.write_bytes(png(picture))
    return path


@pytest.fixture(scope="module")
def compiled(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The name of the compilation job of a trained model, and a copy of its artifact."""
    trained = platform(
        *(
            "train",
            SCRIPT,
            "-c",
            f"train={DATA}/train",
            "-c",
            f"test={DATA}/test",
            "-p",
            "epochs=1",
            "-p",
            "learning-rate=0.5",
        ),
        *("--name", "mnist", "--metric", "accuracy=Validation-accuracy=([0-9.]+)", "--json"),
    )
    assert trained.code == 0, trained.err
    assert trained.json["FinalMetricDataList"][0]["Value"] > 0.5
    copy = tmp_path_factory.mktemp("artifact") / "mnist.tar.gz"
    ran = platform(
        *("compile", "--job", "mnist", "--shape", "data=1,784", "--target", "ml_c5", "--threads", "2"),
        *("--name", "mnist-fast", "-o", copy, "--json"),
    )
    assert ran.code == 0, ran.err
    assert "Verifying candidates" in ran.err and "COMPLETED after" in ran.err
    assert ran.json["CompilationJobName"] == "mnist-fast"
    assert '"threads": 2' in ran.json["OutputConfig"]["CompilerOptions"]
    yield ran.json["CompilationJobName"], copy


def test_a_compiled_job_is_deployed_with_its_script_and_sees_a_seven(
    platform: Platform, compiled: tuple[str, Path], seven: Path
) -> None:
    deployed = platform("deploy", compiled[0], "--name", "digits")
    assert deployed.code == 0, deployed.err
    model = platform("models", "--name", "digits", "--json").json["Models"][0]
    assert model["PrimaryContainer"]["Environment"]["SAGEMAKER_PROGRAM"] == "mnist.py"
    answer = platform("invoke", "digits", "--file", seven, "--json")
    assert answer.code == 0, answer.err
    assert np.argmax(answer.json["Body"]) == 7
    assert platform("rm", "digits", "--yes").code == 0


def test_the_copy_of_the_artifact_can_be_inspected(platform: Platform, compiled: tuple[str, Path]) -> None:
    assert run("inspect", compiled[1], "--json").json["manifest"]["target"] == "ml_c5"


def test_the_compilation_job_is_shown(platform: Platform, compiled: tuple[str, Path]) -> None:
    text = platform("job", compiled[0]).out
    assert "COMPLETED" in text and '{"data": [1, 784]}' in text and "ml_c5" in text
    row = next(line for line in platform("jobs").out.splitlines() if line.startswith(compiled[0]))
    assert row.split()[-1] == "ml_c5"


def test_a_compilation_that_fails_says_why(platform: Platform, compiled: tuple[str, Path]) -> None:
    ran = platform("compile", "--job", "mnist", "--shape", "data=1,7")
    assert ran.code == 1
    assert "FAILED after" in ran.err and "ClientError" in ran.err
