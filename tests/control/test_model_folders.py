"""The folder of a variant is made whole, with the Python that its model needs."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

import ironworks
from ironworks.control import endpoints, instances, model_folders, model_pythons
from ironworks.control.logs import Window
from ironworks.control.plans import Variant
from ironworks.control.platform import Platform
from ironworks.control.records import Resource
from ironworks.errors import ClientError, IronworksError, PlatformError
from ironworks.training.environments import Environment, Environments
from tests.control.conftest import REGION
from tests.control.fakes import FakeExecutor

MANIFEST = json.dumps({"target": "ml_c5"})
ORIGINAL = Variant(
    name="AllTraffic",
    folder="AllTraffic.1",
    address="",
    instance_type="ml.c5.large",
    instance_count=1,
    weight=1.0,
    model_name="m",
    image="763104351884.dkr.ecr.us-west-2.amazonaws.com/mxnet-inference:1.4.1-cpu-py3",
    model_data="s3://bucket/model.tar.gz",
    environment={},
)


@pytest.fixture
def endpoint(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Resource:
    """An endpoint that is being created. Our own Python stands for the frameworks' environments."""

    def prepare(_: Environments, framework: str, version: str, log: object, check: object) -> Environment:
        return Environment.of(Path(sys.executable), f"{framework} {version}")

    monkeypatch.setattr(Environments, "prepare", prepare)
    platform.objects.buckets.create("bucket", REGION)
    return platform.resources.create(
        endpoints.KIND, REGION, "e", "arn:e", status="Creating", request={}, state={}
    )


def put(platform: Platform, key: str, **files: str) -> None:
    path = platform.home.path / "upload.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name.replace("__", "/"))
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    platform.objects.upload(path, "bucket", key)


def python_of(platform: Platform, endpoint: Resource, variant: Variant = ORIGINAL) -> Path:
    return instances.python_folder(platform.home, endpoint.id, variant) / "bin" / "python"


def lines(platform: Platform) -> list[str]:
    streams = platform.logs.streams(REGION, f"{endpoints.LOG_GROUP}/e")
    assert [stream.name for stream in streams] == ["AllTraffic/preparation"]
    return [event.message for event in platform.logs.events([streams[0].id], Window(), 1000)]


def requirement(folder: Path) -> str:
    """The line of a requirements.txt that installs a package of ours, `tiny`, from a wheel."""
    wheel = folder / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny.py", "VALUE = 7\n")
        archive.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        archive.writestr(
            "tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("tiny-1.0.dist-info/RECORD", "")
    return str(wheel)


def test_a_compiled_model_without_requirements_is_served_by_our_own_python(
    platform: Platform, endpoint: Resource
) -> None:
    put(platform, "model.tar.gz", **{"manifest.json": MANIFEST, "code__serve.py": ""})
    model_folders.prepare(platform, endpoint, ORIGINAL)
    assert not python_of(platform, endpoint).parents[1].exists()
    assert (instances.model_folder(platform.home, endpoint.id, ORIGINAL) / "code" / "serve.py").is_file()
    assert platform.logs.groups(REGION) == []


def test_an_original_model_is_served_by_the_framework_of_its_image(
    platform: Platform, endpoint: Resource
) -> None:
    put(platform, "model.tar.gz", **{"model-symbol.json": "{}"})
    model_folders.prepare(platform, endpoint, ORIGINAL)
    found = subprocess.run(
        [python_of(platform, endpoint), "-c", "import ironworks.serving; print(ironworks.__file__)"],
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
    )
    assert Path(found.stdout.strip()).resolve() == Path(ironworks.__file__).resolve()
    assert lines(platform)[0] == "The model m is not a compiled one: it is served by its framework."
    assert "mxnet 1.4.1" in lines(platform)[1]


@pytest.mark.parametrize("files", [{"manifest.json": MANIFEST}, {"model-symbol.json": "{}"}])
def test_an_instance_is_started_with_the_python_of_its_variant(
    platform: Platform, endpoint: Resource, files: dict[str, str]
) -> None:
    put(platform, "model.tar.gz", **files)
    model_folders.prepare(platform, endpoint, ORIGINAL)
    executor = FakeExecutor()
    instances.start(executor, platform.home, endpoint.id, ORIGINAL, {})
    ((python, *_),) = executor.commands.values()
    own = str(python_of(platform, endpoint))
    assert python == (sys.executable if "manifest.json" in files else own)


@pytest.mark.parametrize("files", [{"manifest.json": MANIFEST}, {"model-symbol.json": "{}"}])
def test_requirements_are_installed_for_the_variant_alone(
    platform: Platform, endpoint: Resource, tmp_path: Path, files: dict[str, str]
) -> None:
    put(platform, "model.tar.gz", **files, **{"code__requirements.txt": requirement(tmp_path)})
    model_folders.prepare(platform, endpoint, ORIGINAL)
    own = [python_of(platform, endpoint), "-c", "import tiny; print(tiny.VALUE)"]
    assert subprocess.run(own, capture_output=True, text=True, check=True).stdout == "7\n"
    ours = [sys.executable, "-c", "import tiny"]
    assert subprocess.run(ours, capture_output=True, check=False).returncode != 0
    assert any("Successfully installed tiny" in line for line in lines(platform))


def test_requirements_that_cannot_be_installed_say_why(platform: Platform, endpoint: Resource) -> None:
    put(
        platform,
        "model.tar.gz",
        **{"manifest.json": MANIFEST, "code__requirements.txt": "./absent-1.0-py3-none-any.whl"},
    )
    with pytest.raises(
        ClientError, match=r"code/requirements.txt of the model m cannot be installed: ERROR: .*absent"
    ):
        model_folders.prepare(platform, endpoint, ORIGINAL)
    assert any("absent" in line for line in lines(platform))


def test_an_image_of_no_known_framework_is_refused_by_name(platform: Platform, endpoint: Resource) -> None:
    put(platform, "model.tar.gz", **{"weights.bin": "x"})
    variant = replace(ORIGINAL, image="1.dkr.ecr.us-west-2.amazonaws.com/caffe-inference:1.0-cpu-py3")
    with pytest.raises(
        ClientError, match=r"caffe-inference:1\.0-cpu-py3.*Frameworks that are there: .*mxnet"
    ):
        model_folders.prepare(platform, endpoint, variant)


def test_an_environment_too_old_to_serve_is_refused_with_the_way_out(
    platform: Platform, endpoint: Resource, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(platform, "model.tar.gz", **{"model-symbol.json": "{}"})
    monkeypatch.setattr(model_pythons, "OLDEST", (9, 0))
    with pytest.raises(PlatformError, match=r"cannot serve them.*Install Python 3\.11"):
        model_folders.prepare(platform, endpoint, ORIGINAL)


def test_code_of_an_archive_of_its_own_joins_the_model(platform: Platform, endpoint: Resource) -> None:
    put(platform, "model.tar.gz", **{"manifest.json": MANIFEST})
    put(platform, "sourcedir.tar.gz", **{"serve.py": "print()"})
    environment = {"SAGEMAKER_SUBMIT_DIRECTORY": "s3://bucket/sourcedir.tar.gz"}
    variant = replace(ORIGINAL, environment=environment)
    model_folders.prepare(platform, endpoint, variant)
    assert (instances.model_folder(platform.home, endpoint.id, variant) / "code" / "serve.py").is_file()


def test_code_that_is_not_there_is_named(platform: Platform, endpoint: Resource) -> None:
    put(platform, "model.tar.gz", **{"manifest.json": MANIFEST})
    variant = replace(ORIGINAL, environment={"SAGEMAKER_SUBMIT_DIRECTORY": "s3://bucket/none.tar.gz"})
    with pytest.raises(ClientError, match=r"The code of m \(SAGEMAKER_SUBMIT_DIRECTORY\), s3://bucket/none"):
        model_folders.prepare(platform, endpoint, variant)


def test_a_folder_that_was_broken_off_is_made_anew_and_a_whole_one_is_kept(
    platform: Platform, endpoint: Resource
) -> None:
    put(platform, "model.tar.gz", **{"manifest.json": MANIFEST})
    model = instances.model_folder(platform.home, endpoint.id, ORIGINAL)
    model.mkdir(parents=True)
    (model / "half").touch()
    model_folders.prepare(platform, endpoint, ORIGINAL)
    assert [path.name for path in model.iterdir()] == ["manifest.json"]
    (model / "mark").touch()
    model_folders.prepare(platform, endpoint, ORIGINAL)
    assert (model / "mark").exists()


@pytest.mark.parametrize("status", ["Deleting", "Failed", None])
def test_preparing_ends_when_the_endpoint_is_no_longer_wanted(
    platform: Platform, endpoint: Resource, tmp_path: Path, status: str | None
) -> None:
    put(
        platform,
        "model.tar.gz",
        **{"manifest.json": MANIFEST, "code__requirements.txt": requirement(tmp_path)},
    )
    if status is None:
        platform.resources.delete(endpoint)
    else:
        platform.resources.change(endpoint.id, lambda row: setattr(row, "status", status))
    with pytest.raises(IronworksError, match="no longer wanted"):
        model_folders.prepare(platform, endpoint, ORIGINAL)
    assert not (instances.variant_folder(platform.home, endpoint.id, ORIGINAL) / "ready").exists()
