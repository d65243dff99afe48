"""Models: compiled, deployed, asked, and removed again."""

from __future__ import annotations

import gzip
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import ironworks as iw
from ironworks.sdk import deployment
from ironworks.sdk.model_archives import with_code
from tests.acceptance.installation import Installation
from tests.sdk.notebook import Ran

SHAPE = {"data": [1, 784]}


@pytest.fixture(scope="module")
def trained(ported: Ran, session: iw.Session) -> iw.MXNet:
    """The estimator of the notebook's job, found by its name."""
    return iw.MXNet.attach(ported.variables["mnist_estimator"].job.name, session)


@pytest.fixture(scope="module")
def compiled(trained: iw.MXNet) -> iw.Model:
    return trained.compile("LINUX_X86_64", SHAPE, logs=False)


@pytest.fixture(scope="module")
def seven(session: iw.Session) -> np.ndarray:
    """The first image of the test set (784,), float32 from 0 to 1."""
    body = session.call(
        "s3", "get_object", Bucket="sagemaker-sample-data-us-west-2", Key="mxnet/mnist/test/images.gz"
    )["Body"]
    return np.frombuffer(gzip.decompress(body.read()), np.uint8, 784, 16) / np.float32(255)


def nothing_is_left(session: iw.Session, name: str) -> bool:
    """Whether no endpoint, configuration or model of a name is there."""
    lists = {
        "list_endpoints": "Endpoints",
        "list_endpoint_configs": "EndpointConfigs",
        "list_models": "Models",
    }
    return not any(
        session.call("sagemaker", operation, NameContains=name)[member] for operation, member in lists.items()
    )


def test_a_predictor_answers_arrays_and_is_gone_after_its_block(
    compiled: iw.Model,
    seven: np.ndarray,
    session: iw.Session,
    installation: Installation,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with compiled.deploy() as predictor:
        name = predictor.endpoint_name
        assert f"Endpoint {name}\n" in capsys.readouterr().out
        assert predictor.status == "InService"
        assert repr(predictor) == f"<Predictor {name} at {session.url}>"
        for data in (seven, seven.reshape(1, 784), seven.reshape(28, 28).tolist()):
            answer = predictor.predict(data)
            assert isinstance(answer, np.ndarray)
            assert answer.argmax() == 7
        other = iw.Predictor(name, session, deserializer=iw.JSONDeserializer())
        assert isinstance(other.predict(seven), list)
        assert other.predict(seven, target_variant="AllTraffic")[7] > 0.1
    assert nothing_is_left(session, name)
    assert installation.processes("ironworks.serving") == []
    predictor = compiled.deploy(endpoint_name="once-more")
    assert compiled.predictor is predictor
    predictor.delete_endpoint()  # of which the model stays
    assert not nothing_is_left(session, "once-more")
    predictor.delete()
    predictor.delete()
    assert nothing_is_left(session, "once-more")


def test_the_input_that_a_hook_refuses_is_said_to_be_at_fault(compiled: iw.Model, seven: np.ndarray) -> None:
    with compiled.deploy(serializer=iw.JSONSerializer()) as predictor:
        with pytest.raises(
            iw.InvocationFailed, match="the input is at fault.*Content type must be"
        ) as raised:
            predictor.predict(seven)
        assert raised.value.status == 400
        assert predictor.status == "InService"


def test_an_unknown_endpoint_is_said_to_be_one(session: iw.Session) -> None:
    with pytest.raises(iw.RequestRefused, match="Endpoint nowhere of account .* not found"):
        iw.Predictor("nowhere", session).predict([1.0])


def test_an_endpoint_that_fails_says_why_and_is_removed(
    compiled: iw.Model, session: iw.Session, tmp_path: Path
) -> None:
    (tmp_path / "serve.py").write_text("raise RuntimeError('not today')\n")
    model = iw.Model(
        compiled.model_data,
        entry_point="serve.py",
        source_dir=str(tmp_path),
        target=compiled.target,
        session=session,
    )
    with pytest.raises(iw.DeploymentFailed) as raised:
        model.deploy(endpoint_name="failing")
    assert "not today" in raised.value.reason
    assert any("RuntimeError: not today" in line for line in raised.value.log_lines)
    assert nothing_is_left(session, "failing")
    model.delete()


def test_an_interrupted_deployment_leaves_nothing(
    compiled: iw.Model,
    session: iw.Session,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(deployment, "show", interrupted)
        compiled.deploy(endpoint_name="interrupted")
    assert "endpoint interrupted is deleted again" in capsys.readouterr().out
    assert nothing_is_left(session, "interrupted")


def test_an_endpoint_need_not_be_waited_for(compiled: iw.Model, session: iw.Session) -> None:
    with compiled.deploy(endpoint_name="in-its-own-time", wait=False) as predictor:
        assert predictor.status in ("Creating", "InService")
    assert nothing_is_left(session, "in-its-own-time")


def test_what_cannot_be_created_leaves_nothing(compiled: iw.Model, session: iw.Session) -> None:
    with pytest.raises(iw.RequestRefused, match="nstanceType"):
        compiled.deploy(endpoint_name="refused", instance_type="ml.no.such")
    assert nothing_is_left(session, "refused")


def test_the_old_ways_to_delete_an_endpoint_work(
    compiled: iw.Model, trained: iw.MXNet, session: iw.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        pytest.warns(FutureWarning, match="Estimator.delete_endpoint"),
        pytest.raises(iw.ClientError, match="nothing"),
    ):
        trained.delete_endpoint()
    with compiled.deploy() as predictor, monkeypatch.context() as patch:
        patch.setattr(trained.model, "predictor", predictor)
        trained.delete_endpoint()
        with pytest.raises(iw.RequestRefused, match="Could not find"):
            _ = predictor.status
    with compiled.deploy() as predictor, pytest.warns(FutureWarning, match="Predictor.endpoint"):
        session.delete_endpoint(predictor.endpoint)


def test_the_accepted_type_can_be_set_as_in_1_x(session: iw.Session) -> None:
    predictor = iw.Predictor("any", session)
    with pytest.warns(FutureWarning, match="Predictor.accept"):
        predictor.accept = "text/csv"
    assert predictor.accept == "text/csv"


def test_another_family_of_instances_is_refused(ported: Ran, session: iw.Session) -> None:
    for_c5 = ported.variables["compiled_model"]
    model = iw.Model(for_c5.model_data, target="ml_c5", session=session)
    with pytest.raises(iw.DeploymentFailed, match="compiled for ml_c5.*ml.m4.xlarge"):
        model.deploy(instance_type="ml.m4.xlarge", endpoint_name="elsewhere")
    assert nothing_is_left(session, "elsewhere")


def test_a_model_for_a_device_is_not_deployed(session: iw.Session) -> None:
    model = iw.Model("s3://bucket/model-rasp3b.tar.gz", target="rasp3b", session=session)
    with pytest.raises(
        iw.ClientError, match="compiled for rasp3b, which is no machine that endpoints run on"
    ):
        model.deploy()


def test_an_artifact_here_is_deployed_without_a_script(
    compiled: iw.Model, session: iw.Session, tmp_path: Path, seven: np.ndarray
) -> None:
    artifact = compiled.download(tmp_path / "artifact.tar.gz")
    with iw.Model(artifact, session=session, name="mine") as model:
        assert model.target == "LINUX_X86_64"
        assert repr(model) == f"<Model mine: mxnet, compiled for LINUX_X86_64, {model.model_data}>"
        with model.deploy() as predictor:
            assert predictor.endpoint_name.startswith("mine-")
            answer = predictor.predict(seven.reshape(1, 784))
            assert answer.shape == (1, 10)
            assert answer.dtype == np.float32
            assert answer.argmax() == 7
    with pytest.raises(iw.RequestRefused, match="cannot be read"):
        model.download(tmp_path / "gone")


def test_a_compiled_model_runs_in_this_process(
    compiled: iw.Model, trained: iw.MXNet, seven: np.ndarray
) -> None:
    assert compiled.load().run(seven)[0].argmax() == 7
    with pytest.raises(iw.ClientError, match="not compiled, and only a compiled model runs here"):
        trained.model.load()


def test_deleting_a_compiled_model_removes_its_job_and_its_artifact(
    trained: iw.MXNet, session: iw.Session
) -> None:
    model = trained.compile("ml_m5", SHAPE, logs=False)
    job, uri = model.compilation, model.model_data
    assert job is not None
    model.delete()
    assert not job.exists
    bucket, key = uri.removeprefix("s3://").split("/", 1)
    assert session.call("s3", "list_objects_v2", Bucket=bucket, Prefix=key)["KeyCount"] == 0
    assert trained.model_data


def test_compiling_can_be_waited_for_later(trained: iw.MXNet) -> None:
    model = trained.compile("ml_m5", SHAPE, options={"batch_sizes": [1, 4]}, wait=False)
    assert "compiled for ml_m5" in repr(model)
    assert model.compilation is not None
    with pytest.raises(iw.ClientError, match="has made no model. Wait for it"):
        _ = model.model_data
    model.compilation.wait(logs=False)
    assert model.load().run(np.zeros((4, 784), np.float32))[0].shape == (4, 10)
    model.delete()


def test_a_compilation_that_fails_says_why(trained: iw.MXNet) -> None:
    with pytest.raises(iw.CompilationFailed) as raised:
        trained.compile("ml_c5", {"data": [1, 5]}, logs=False)
    assert raised.value.reason.startswith("ClientError: ")
    assert raised.value.log_lines
    assert "Correct what the request names" in str(raised.value)


def test_an_unknown_target_is_refused_with_those_that_are_there(trained: iw.MXNet) -> None:
    with pytest.raises(iw.ClientError, match="There is no target 'ml_zx81'. Compile for one of ml_m4"):
        trained.compile("ml_zx81", SHAPE)


def network(path: Path) -> Path:
    """An ONNX file that doubles four numbers."""
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Add", ["x", "x"], ["y"])],
        "doubles",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 4])],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 4])],
    )
    opset = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    return path


def test_an_onnx_file_is_compiled_as_it_is(session: iw.Session, tmp_path: Path) -> None:
    model = iw.Model(network(tmp_path / "doubles.onnx"), session=session)
    assert (model.framework, model.target) == ("onnx", None)
    compiled = model.compile("LINUX_X86_64", {"x": [1, 4]}, logs=False)
    np.testing.assert_array_equal(compiled.load().run(np.float32([[1, 2, 3, 4]]))[0], [[2, 4, 6, 8]])


def test_a_model_must_be_one(session: iw.Session, tmp_path: Path) -> None:
    with pytest.raises(iw.ClientError, match="There is no model at"):
        iw.Model(tmp_path / "none.tar.gz", session=session)
    (tmp_path / "text").write_text("no archive")
    with pytest.raises(iw.ClientError, match="is no model. Give a .tar.gz, a folder, or a file .onnx"):
        iw.Model(tmp_path / "text", session=session)
    with pytest.raises(iw.ClientError, match="There is no script"):
        iw.Model("s3://bucket/model.tar.gz", entry_point="none.py", session=session)


def test_a_script_takes_the_place_of_the_one_that_a_model_brought(tmp_path: Path) -> None:
    def archive(name: str, **files: str) -> Path:
        with tarfile.open(tmp_path / name, "w:gz") as tar:
            for file, text in files.items():
                path = tmp_path / "member"
                path.write_text(text)
                tar.add(path, arcname=file.replace("__", "/"))
        return tmp_path / name

    model = archive("model", **{"manifest.json": "{}", "code__old.py": "old"})
    with_code(model, archive("code", **{"./new.py": "new"}), tmp_path / "both")
    with tarfile.open(tmp_path / "both") as tar:
        found: dict[str, Any] = {member.name: tar.extractfile(member) for member in tar}
        assert {name: file.read() for name, file in found.items()} == {
            "manifest.json": b"{}",
            "code/new.py": b"new",
        }
