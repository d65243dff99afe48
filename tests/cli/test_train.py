import json
import signal
import subprocess
import sys
from pathlib import Path

from tests.cli.platform import Platform, clean_environment, run

SLOW = "import time\nprint('it runs', flush=True)\ntime.sleep(600)\n"


def test_what_the_script_prints_and_its_phases_are_shown(platform: Platform, script: Path) -> None:
    ran = platform("train", script, "--framework", "python", "--name", "shown", "-p", "steps=2")
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[:2] == ["step 0 loss=1.00", "step 1 loss=0.50"]
    assert "Training job shown: Completed after" in ran.err and "Training 0." in ran.err
    assert "ironworks deploy shown" in ran.out


def test_json_is_the_job_and_what_it_prints_goes_elsewhere(platform: Platform, script: Path) -> None:
    ran = platform("train", script, "--framework", "python", "--name", "as-json", "--json")
    assert ran.json["TrainingJobName"] == "as-json" and ran.json["TrainingJobStatus"] == "Completed"
    assert "step 0 loss=1.00" in ran.err


def test_a_script_that_fails_is_a_failure_with_its_reason(platform: Platform, script: Path) -> None:
    ran = platform("train", script, "--framework", "python", "-p", "fail=as told")
    assert ran.code == 1
    assert (
        "Failed after" in ran.err and "ValueError: as told" in ran.err and "ironworks job steps-" in ran.err
    )


def test_channels_are_uploaded(platform: Platform, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "numbers.txt").write_text("1 2 3")
    (tmp_path / "show.py").write_text("print(open('/opt/ml/input/data/train/numbers.txt').read())")
    ran = platform("train", tmp_path / "show.py", "--framework", "python", "-c", f"train={tmp_path / 'data'}")
    assert ran.out.splitlines()[0] == "1 2 3", ran.err


def test_a_job_that_is_left_alone_can_be_followed_and_stopped(platform: Platform, tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    begun = platform(
        "train", tmp_path / "slow.py", "--framework", "python", "--name", "left-alone", "--detach"
    )
    assert begun.code == 0 and "ironworks logs left-alone -f" in begun.out
    command = [
        sys.executable,
        "-m",
        "ironworks.cli",
        "logs",
        "left-alone",
        "-f",
        "--home",
        platform.home.path,
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean_environment()
    ) as follower:
        assert follower.stdout is not None
        assert follower.stdout.readline() == "it runs\n"
        follower.send_signal(signal.SIGINT)
        _, said = follower.communicate(timeout=20)
    assert follower.returncode == 130
    assert "The job goes on. To stop it: ironworks stop left-alone" in said and "Traceback" not in said
    assert platform("stop", "left-alone").out == "Asked the training job left-alone to stop.\n"
    ended = platform("logs", "left-alone", "-f", "--json")
    assert ended.code == 0 and "is Stopped." in ended.err
    assert json.loads(ended.out.splitlines()[0])["message"] == "it runs"


def test_a_script_that_is_not_there_is_named(platform: Platform) -> None:
    ran = platform("train", "nowhere.py", "--framework", "python")
    assert ran.code == 1 and "There is no script nowhere.py" in ran.err


def test_pairs_have_names_and_values(platform: Platform, script: Path) -> None:
    ran = platform("train", script, "-p", "epochs")
    assert (ran.code, ran.err) == (2, "Error: --hyperparameter epochs is not of the form NAME=VALUE.\n")


def test_a_framework_that_is_not_there_names_those_that_are(platform: Platform, script: Path) -> None:
    ran = platform("train", script, "--framework", "torch")
    assert ran.code == 2 and "mxnet, python" in ran.err


def test_nothing_is_started_where_no_server_runs(script: Path, tmp_path: Path) -> None:
    ran = run("train", script, "--home", tmp_path / "none")
    assert (ran.code, ran.err) == (
        3,
        f"Error: No server runs on {tmp_path / 'none'}. Start it: ironworks up\n",
    )
    assert not (tmp_path / "none").exists()
