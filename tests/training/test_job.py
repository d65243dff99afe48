"""A job from its request to its results, and every way in which it can fail."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import psutil
import pytest
from tests.training.service import BUCKET, NAME, Service, channel, request

from ironworks.errors import AlgorithmError, ClientError, PlatformError
from ironworks.training import Environments

HELLO = "print('hello')"
OUTPUT = f"models/{NAME}/output"


def gone(pid: int) -> bool:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.02)
    return False


def test_a_job_goes_through_its_statuses_and_leaves_its_model(service: Service) -> None:
    result = service.run("import os; open(os.environ['SM_MODEL_DIR'] + '/weights', 'w').write('w')")
    assert [name for name, _ in service.observer.statuses] == [
        "Starting",
        "Downloading",
        "Training",
        "Uploading",
    ]
    assert all(message for _, message in service.observer.statuses)
    assert result.outcome == "Completed"
    assert result.model_artifacts == f"s3://{BUCKET}/{OUTPUT}/model.tar.gz"
    assert result.training_started < result.training_ended
    assert service.members(f"{OUTPUT}/model.tar.gz") == {"weights": b"w"}


def test_channels_are_folders_of_files(service: Service) -> None:
    service.put("mnist/train/images.gz", "I")
    service.put("mnist/train/deep/labels.gz", "L")
    body = request(InputDataConfig=[channel("train", f"s3://{BUCKET}/mnist/train")])
    service.run(
        "import json, os, pathlib; root = pathlib.Path(os.environ['SM_CHANNEL_TRAIN'])\n"
        "print(json.dumps({str(p.relative_to(root)): p.read_text() for p in root.rglob('*') if p.is_file()}))",
        body,
    )
    assert service.printed() == {"images.gz": "I", "deep/labels.gz": "L"}


def test_a_channel_without_objects_fails_in_sagemakers_words(plain: Service) -> None:
    uri = f"s3://{BUCKET}/nothing"
    with pytest.raises(ClientError) as caught:
        plain.run(HELLO, request(InputDataConfig=[channel("train", uri)]))
    assert caught.value.failure_reason == (
        f'ClientError: Data download failed:No S3 objects found under S3 URL "{uri}" given in input data source'
    )


@pytest.mark.parametrize(
    "body",
    [
        request(InputDataConfig=[channel("train", "s3://absent/x")]),
        request(OutputDataConfig={"S3OutputPath": "s3://absent/x"}),
        request(CheckpointConfig={"S3Uri": "s3://absent/x"}),
    ],
)
def test_a_missing_bucket_is_named_before_the_script_runs(plain: Service, body: dict[str, object]) -> None:
    with pytest.raises(ClientError, match="absent"):
        plain.run(HELLO, body)
    assert "hello" not in plain.observer.texts


def test_a_missing_entry_point_lists_what_is_there(plain: Service) -> None:
    with pytest.raises(ClientError, match=r"'train.py' is not in .*sourcedir.tar.gz, which holds: other.py"):
        plain.run({"other.py": HELLO})


def test_a_damaged_source_archive_is_named(plain: Service) -> None:
    plain.put("code/sourcedir.tar.gz", "no archive")
    plain.put_source = lambda files: None  # type: ignore[method-assign]
    with pytest.raises(ClientError, match=r"sourcedir.tar.gz is not a readable tar archive"):
        plain.run(HELLO)


def test_an_exception_fails_the_job_with_the_toolkits_text(service: Service) -> None:
    with pytest.raises(AlgorithmError) as caught:
        service.run("raise ValueError('boom')")
    assert caught.value.failure_reason == (
        'AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage "ValueError: boom"\n'
        'Command "python train.py", exit code: 1'
    )
    assert "Traceback (most recent call last):" in service.observer.texts


def test_an_exit_code_is_kept(service: Service) -> None:
    with pytest.raises(AlgorithmError, match="ExitCode 7") as caught:
        service.run("import sys; sys.exit(7)")
    assert caught.value.failure_reason.endswith("exit code: 7")


def test_the_failure_file_speaks_for_the_script(service: Service) -> None:
    with pytest.raises(AlgorithmError) as caught:
        service.run(
            "import os; open(os.environ['SM_OUTPUT_DIR'] + '/failure', 'w').write('F' * 2000); os._exit(3)"
        )
    assert caught.value.failure_reason.startswith("AlgorithmError: FFF")
    assert caught.value.failure_reason.endswith("F, exit code: 3")
    assert len(caught.value.failure_reason) == 1024


def test_the_last_lines_before_a_crash_are_in_the_log(service: Service) -> None:
    with pytest.raises(AlgorithmError) as caught:
        service.run("import os\nfor n in range(5000): print(n)\nos.abort()")
    assert service.observer.texts[-5000:] == [str(n) for n in range(5000)]
    assert caught.value.exit_code == 128 + signal.SIGABRT


def test_lines_of_both_kinds_keep_their_order(service: Service) -> None:
    service.run("import sys\nfor n in range(50): print(n, file=[sys.stdout, sys.stderr][n % 2])")
    assert service.observer.texts[-50:] == [str(n) for n in range(50)]
    stamps = [at for at, _ in service.observer.lines]
    assert stamps == sorted(stamps)


def test_metrics_are_found_in_the_log(plain: Service) -> None:
    algorithm = request()["AlgorithmSpecification"]
    definitions = [{"Name": "accuracy", "Regex": r"accuracy=(\S+)"}, {"Name": "never", "Regex": "never=(.)"}]
    body = request(AlgorithmSpecification={**algorithm, "MetricDefinitions": definitions})
    result = plain.run("print('accuracy=0.5'); print('accuracy=n/a'); print('Epoch[9] accuracy=0.75')", body)
    assert [(name, value) for name, value, _ in plain.observer.metrics] == [
        ("accuracy", 0.5),
        ("accuracy", 0.75),
    ]
    assert result.metrics == {"accuracy": 0.75}


def test_hyperparameters_are_arguments_sorted_by_name(service: Service) -> None:
    parameters = request()["HyperParameters"] | {
        "n": "3",
        "learning-rate": "0.1",
        "text": "a b",
        "quoted": '"x y"',
    }
    service.run("import json, sys; print(json.dumps(sys.argv))", request(HyperParameters=parameters))
    assert service.printed() == [
        "train.py", "--learning-rate", "0.1", "-n", "3", "--quoted", "x y", "--text", "a b"
    ]  # fmt: skip


def test_the_shells_environment_stays_outside(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of the host")
    monkeypatch.setenv("PIP_INDEX_URL", "https://index.example")
    body = request(Environment={"MINE": "yes"})
    service.run("import json, os; print(json.dumps(dict(os.environ)))", body)
    seen = service.printed()
    assert "AWS_SECRET_ACCESS_KEY" not in seen
    assert seen["AWS_ENDPOINT_URL"] == "http://127.0.0.1:8750"
    assert seen["PIP_INDEX_URL"] == "https://index.example"
    assert seen["MINE"] == "yes"
    assert seen["HOME"] == str(service.directory / "home")


def test_a_shell_script_gets_the_arguments_as_they_are(service: Service) -> None:
    parameters = request()["HyperParameters"] | {"sagemaker_program": "run it.sh", "text": "a  'b' $HOME"}
    body = request(HyperParameters=parameters)
    service.run({"run it.sh": '#!/bin/sh\nprintf "%s|" "$@"\n', "setup.py": "raise SystemExit(9)"}, body)
    assert service.observer.texts[-1] == "--text|a  'b' $HOME|"


BACKEND = """
import base64, hashlib, os, zipfile

def build_wheel(directory, config_settings=None, metadata_directory=None):
    name = "packaged-1.0-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(directory, name), "w") as wheel:
        wheel.writestr("packaged.py", "import sys; print('packaged', sys.argv[1:], __file__)")
        info = "packaged-1.0.dist-info/"
        wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: packaged\\nVersion: 1.0\\n")
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(info + "RECORD", "")
    return name
"""
BUILD_SYSTEM = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


def test_a_package_is_installed_into_the_jobs_own_environment(service: Service) -> None:
    parameters = request()["HyperParameters"] | {"sagemaker_program": "packaged.py", "epochs": "1"}
    source = {"setup.py": "", "pyproject.toml": BUILD_SYSTEM, "backend.py": BACKEND}
    service.run(source, request(HyperParameters=parameters))
    last = service.observer.texts[-1]
    assert last.startswith("packaged ['--epochs', '1']")
    assert str(service.directory / "environment") in last


def test_requirements_that_are_there_already_need_no_index(service: Service) -> None:
    service.run({"train.py": HELLO, "requirements.txt": "psutil\n"})
    assert service.observer.texts[-1] == "hello"
    assert any("already satisfied: psutil" in text for text in service.observer.texts)


def test_a_requirement_that_cannot_be_installed_fails_the_job(service: Service) -> None:
    with pytest.raises(AlgorithmError, match=r"InstallRequirementsError:\nExitCode 1") as caught:
        service.run({"train.py": HELLO, "requirements.txt": "./absent-1.0-py3-none-any.whl\n"})
    assert "absent-1.0" in str(caught.value)
    assert any("absent-1.0" in text for text in service.observer.texts)
    assert "hello" not in service.observer.texts


SAVES_ON_SIGTERM = """
import os, signal, sys, time
def save(*_):
    open(os.environ["SM_MODEL_DIR"] + "/saved", "w").close()
    print("saving")
    sys.exit(0)
signal.signal(signal.SIGTERM, save)
print("ready")
time.sleep(60)
"""


def test_a_stopped_script_may_save_its_model(service: Service) -> None:
    running = service.start(SAVES_ON_SIGTERM)
    service.observer.wait_for("ready")
    service.stop.set()
    result = running.result()
    assert result.outcome == "Stopped"
    assert service.observer.texts[-1] == "saving"
    assert "saved" in service.members(f"{OUTPUT}/model.tar.gz")


def test_a_script_that_a_shell_started_may_save_its_model_too(service: Service) -> None:
    parameters = request()["HyperParameters"] | {"sagemaker_program": "run.sh"}
    source = {"run.sh": "#!/bin/sh\npython train.py\necho after\n", "train.py": SAVES_ON_SIGTERM}
    running = service.start(source, request(HyperParameters=parameters))
    service.observer.wait_for("ready")
    service.stop.set()
    assert running.result().outcome == "Stopped"
    assert "saved" in service.members(f"{OUTPUT}/model.tar.gz")


def test_a_script_without_a_handler_ends_at_once(service: Service) -> None:
    running = service.start("import time; print('ready'); time.sleep(60)")
    service.observer.wait_for("ready")
    service.stop.set()
    assert running.result().outcome == "Stopped"


STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, lambda *_: print("no"))
subprocess.Popen([sys.executable, "-c", "import signal, time; signal.signal(15, lambda *_: 0); time.sleep(60)",
                  os.environ["SM_MODEL_DIR"]], start_new_session=True)
print("ready")
while True: time.sleep(0.1)
"""


def test_a_stubborn_script_is_killed_after_the_grace(service: Service) -> None:
    before = psutil.Process().children(recursive=True)
    running = service.start(STUBBORN, grace=0.3)
    service.observer.wait_for("ready")
    children = set(psutil.Process().children(recursive=True)) - set(before)
    service.stop.set()
    assert running.result().outcome == "Stopped"
    assert "no" in service.observer.texts
    assert all(gone(child.pid) for child in children)


def test_the_time_allowed_ends_a_script_with_its_model(service: Service) -> None:
    body = request(StoppingCondition={"MaxRuntimeInSeconds": 1})
    result = service.run(SAVES_ON_SIGTERM, body)
    assert result.outcome == "MaxRuntimeExceeded"
    assert "saved" in service.members(f"{OUTPUT}/model.tar.gz")


def test_a_job_stopped_before_it_began_has_no_model(plain: Service) -> None:
    plain.stop.set()
    result = plain.run(HELLO)
    assert (result.outcome, result.model_artifacts) == ("Stopped", None)


def test_what_a_script_leaves_running_ends_with_it(service: Service) -> None:
    before = psutil.Process().children(recursive=True)
    service.run(
        "import subprocess, sys\n"
        "for own in (False, True):\n"
        "    subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session=own)\n"
    )
    assert set(psutil.Process().children(recursive=True)) <= set(before)


def test_a_killed_agent_takes_the_script_with_it(service: Service, tmp_path: Path) -> None:
    pid = os.fork()
    if pid == 0:  # the agent; pytest's own cleaning up is not for it
        try:
            service.observer.log = lambda lines: [  # type: ignore[method-assign]
                (tmp_path / "ready").touch() for _, text in lines if text == "ready"
            ]
            service.run(STUBBORN)
        finally:
            os._exit(0)
    end = time.monotonic() + 20
    while not (tmp_path / "ready").exists() and time.monotonic() < end:
        time.sleep(0.02)
    children = psutil.Process(pid).children(recursive=True)
    assert len(children) >= 3
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert all(gone(child.pid) for child in children)


def test_output_data_is_archived_beside_the_model(service: Service) -> None:
    service.run("import os; open(os.environ['SM_OUTPUT_DATA_DIR'] + '/plot', 'w').write('p')")
    assert service.members(f"{OUTPUT}/output.tar.gz") == {"plot": b"p"}


def test_an_uncompressed_model_is_uploaded_file_by_file(plain: Service) -> None:
    body = request(OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/models", "CompressionType": "NONE"})
    source = (
        "import os; root = os.environ['SM_MODEL_DIR']; os.mkdir(root + '/a')\n"
        "open(root + '/a/b', 'w').write('b'); os.symlink('/etc/passwd', root + '/stolen')"
    )
    result = plain.run(source, body)
    assert result.model_artifacts == f"s3://{BUCKET}/{OUTPUT}/model/"
    assert [info.key for info in plain.store.walk(BUCKET, OUTPUT)] == [f"{OUTPUT}/model/a/b"]


@pytest.mark.parametrize("folder", ["model", "output/data", "output/failure"])
def test_a_link_out_of_the_job_is_not_followed(service: Service, folder: str) -> None:
    source = (
        f"import os, sys; path = os.path.dirname(os.environ['SM_MODEL_DIR']) + '/{folder}'\n"
        "if os.path.isdir(path): os.rmdir(path)\n"
        "os.symlink('/etc', path); sys.exit(path.endswith('failure'))"
    )
    with pytest.raises(ClientError, match="by a link"):
        service.run(source)


def test_checkpoints_come_in_and_go_out_while_the_script_runs(sandboxed: Service) -> None:
    sandboxed.put("checkpoints/old", "old")
    body = request(CheckpointConfig={"S3Uri": f"s3://{BUCKET}/checkpoints/"})
    running = sandboxed.start(
        "import os, time\n"
        "print(open('/opt/ml/checkpoints/old').read())\n"
        "os.mkdir('/opt/ml/checkpoints/epoch'); open('/opt/ml/checkpoints/epoch/1', 'w').write('one')\n"
        "while not os.path.exists('/opt/ml/checkpoints/go'): time.sleep(0.01)\n"
        "open('/opt/ml/checkpoints/epoch/2', 'w').write('two')",
        body,
        checkpoint_interval=0.05,
    )
    sandboxed.observer.wait_for("old")
    end = time.monotonic() + 20
    while not any(info.key.endswith("epoch/1") for info in sandboxed.store.walk(BUCKET, "checkpoints")):
        assert time.monotonic() < end
        time.sleep(0.02)
    (sandboxed.directory / "ml" / "checkpoints" / "go").touch()
    running.result()
    assert sandboxed.get("checkpoints/epoch/2") == b"two"


def test_checkpoints_of_a_failed_script_are_kept(plain: Service) -> None:
    body = request(CheckpointConfig={"S3Uri": f"s3://{BUCKET}/checkpoints"})
    with pytest.raises(AlgorithmError):
        plain.run(
            "import os; open(os.environ['SM_CHECKPOINT_DIR'] + '/1', 'w').write('one'); os._exit(1)", body
        )
    assert plain.get("checkpoints/1") == b"one"


def test_a_sandboxed_script_sees_neither_the_home_nor_other_jobs(sandboxed: Service) -> None:
    (sandboxed.home / "keys").write_text("secret")
    (sandboxed.home / "jobs" / "other").mkdir()
    sandboxed.run(
        "import json, os; print(json.dumps([os.path.exists(p) for p in "
        f"({str(sandboxed.home / 'keys')!r}, {str(sandboxed.home / 'jobs' / 'other')!r})]))"
    )
    assert sandboxed.printed() == [False, False]


def test_a_sandboxed_script_cannot_write_to_the_system_and_has_its_own_tmp(sandboxed: Service) -> None:
    sandboxed.run(
        "import os, subprocess\n"
        "open('/tmp/mine', 'w').close()\n"
        "subprocess.run(['mount', '-o', 'remount,rw', '/'], capture_output=True)\n"
        "try: open('/etc/written', 'w')\n"
        "except OSError as error: print(error.strerror)"
    )
    assert sandboxed.observer.texts[-1] == "Read-only file system"
    assert not Path("/tmp/mine").exists()


def test_a_file_that_a_setting_names_is_seen_although_the_home_is_hidden(sandboxed: Service) -> None:
    (sandboxed.home / "ca.pem").write_text("certificate")
    services = {"AWS_CA_BUNDLE": str(sandboxed.home / "ca.pem")}
    sandboxed.run("import os; print(open(os.environ['AWS_CA_BUNDLE']).read())", services=services)
    assert sandboxed.observer.texts[-1] == "certificate"


def test_network_isolation_leaves_no_network(sandboxed: Service) -> None:
    source = (
        "import json, os; print(json.dumps(os.listdir('/sys/class/net') and open('/proc/net/dev').read()))"
    )
    sandboxed.run(source, request(EnableNetworkIsolation=True))
    assert [line.split(":")[0].strip() for line in sandboxed.printed().splitlines()[2:]] == ["lo"]


def test_network_isolation_without_a_sandbox_is_refused(plain: Service) -> None:
    with pytest.raises(ClientError, match="EnableNetworkIsolation needs bubblewrap"):
        plain.run(HELLO, request(EnableNetworkIsolation=True))


ENTRYPOINT = {
    "TrainingImage": "python:3",
    "TrainingInputMode": "File",
    "ContainerEntrypoint": ["/bin/bash"],
    "ContainerArguments": ["-c", "chmod +x /opt/ml/input/data/code/run.sh && /opt/ml/input/data/code/run.sh"],
}


def test_a_container_entrypoint_runs_with_opt_ml(sandboxed: Service) -> None:
    sandboxed.put("drivers/run.sh", "#!/bin/sh\npython -c 'print(6 * 7)'\npwd\n")
    body = request(
        AlgorithmSpecification=ENTRYPOINT,
        HyperParameters=None,
        InputDataConfig=[channel("code", f"s3://{BUCKET}/drivers/")],
    )
    assert sandboxed.run(HELLO, body).outcome == "Completed"
    assert sandboxed.observer.texts[-2:] == ["42", "/opt/ml/code"]


def test_a_container_entrypoint_without_a_sandbox_is_refused(plain: Service) -> None:
    body = request(AlgorithmSpecification=ENTRYPOINT, HyperParameters=None)
    with pytest.raises(ClientError, match="Install bubblewrap"):
        plain.run(HELLO, body)


def test_a_program_that_is_not_there_is_named(sandboxed: Service) -> None:
    algorithm = {**ENTRYPOINT, "ContainerEntrypoint": ["/no/such/program"], "ContainerArguments": []}
    with pytest.raises(AlgorithmError, match="/no/such/program: No such file or directory") as caught:
        sandboxed.run(HELLO, request(AlgorithmSpecification=algorithm, HyperParameters=None))
    assert caught.value.exit_code == 127


def test_a_sandbox_that_cannot_be_set_up_is_the_platforms_fault(
    sandboxed: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = ["bwrap", "--ro-bind", "/absent", "/absent", "true"]
    monkeypatch.setattr("ironworks.training.sandbox.Sandbox.wrap", lambda *_: broken)
    with pytest.raises(PlatformError, match="The sandbox could not be set up: bwrap: "):
        sandboxed.run(HELLO)


def test_a_gpu_image_is_served_on_the_cpu_and_says_so(plain: Service) -> None:
    algorithm = {"TrainingImage": "mxnet-training:1.4.1-gpu-py3", "TrainingInputMode": "File"}
    plain.run(HELLO, request(AlgorithmSpecification=algorithm))
    assert any("is built for GPUs; it is served on the CPU here" in text for text in plain.observer.texts)


def test_a_missing_environment_is_prepared_under_a_status_of_its_own(
    plain: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ironworks.training.recipes._INSTALLERS", ("./absent-1.0.whl",))
    monkeypatch.setattr("ironworks.training.environments._VENV", ("-m", "absent_venv"))
    algorithm = {"TrainingImage": "python:3", "TrainingInputMode": "File"}
    with pytest.raises(PlatformError, match=r"Python 3\.\d+ environment could not be prepared"):
        plain.run(HELLO, request(AlgorithmSpecification=algorithm), environments=Environments(tmp_path / "e"))
    assert plain.observer.statuses[-1][0] == "DownloadingTrainingImage"
    assert any(text.startswith("Preparing the Python") for text in plain.observer.texts)


def test_configuration_files_are_those_of_the_container(plain: Service) -> None:
    service = plain
    service.put("x/1", "1")
    service.run(
        "import json, os, pathlib; root = pathlib.Path(os.environ['SM_INPUT_CONFIG_DIR'])\n"
        "print(json.dumps({p.stem: json.loads(p.read_text()) for p in root.iterdir()}))",
        request(InputDataConfig=[channel("train", f"s3://{BUCKET}/x")]),
    )
    files = service.printed()
    assert files["hyperparameters"] == request()["HyperParameters"]
    assert files["inputdataconfig"] == {
        "train": {
            "TrainingInputMode": "File",
            "S3DistributionType": "FullyReplicated",
            "RecordWrapperType": "None",
        }
    }
    assert files["resourceconfig"]["hosts"] == ["algo-1"]
    assert json.dumps(files["resourceconfig"]["instance_groups"]).count("homogeneousCluster") == 1


def test_what_makes_the_sandbox_does_not_heed_the_variables_of_the_job(
    sandboxed: Service, tmp_path: Path
) -> None:
    impostor = tmp_path / "bin" / "bwrap"
    impostor.parent.mkdir()
    impostor.write_text(f"#!/bin/sh\ntouch {tmp_path}/escaped\n")
    impostor.chmod(0o755)
    outside = sorted(tmp_path.iterdir())
    variables = {
        "PATH": f"{impostor.parent}:/usr/bin:/bin",
        "LD_DEBUG": "files",
        "LD_DEBUG_OUTPUT": str(tmp_path / "loaded"),
    }
    sandboxed.run(
        "import json, os; print(json.dumps([os.environ[name] for name in ('LD_DEBUG', 'PATH')]))",
        request(Environment=variables),
    )
    (line,) = (text for text in sandboxed.observer.texts if text.startswith("["))
    debug, path = json.loads(line)
    assert debug == "files" and path.endswith(variables["PATH"])
    assert sorted(tmp_path.iterdir()) == outside
