"""Training jobs through the wire: logs, stopping, failing, tags."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from tests.acceptance.installation import Installation, eventually, final
from tests.acceptance.jobs import LOG_GROUP, log_lines, submit


def _final(installation: Installation, name: str) -> dict:
    sagemaker = installation.client("sagemaker")
    return dict(final(lambda: sagemaker.describe_training_job(TrainingJobName=name), "TrainingJobStatus"))


def test_the_log_has_every_line_of_both_outputs_in_order(installation: Installation) -> None:
    script = "import sys\nfor n in range(100): print(n, file=(sys.stdout, sys.stderr)[n % 2], flush=True)"
    submit(installation, "lines", script)
    assert _final(installation, "lines")["TrainingJobStatus"] == "Completed"
    numbers = [int(line) for line in log_lines(installation, "lines") if line.isdigit()]
    assert sorted(numbers) == list(range(100))
    assert [n for n in numbers if n % 2] == list(range(1, 100, 2))


def test_reading_a_log_to_its_end_ends(installation: Installation) -> None:
    submit(installation, "read-to-the-end", "print('only line')")
    _final(installation, "read-to-the-end")
    logs = installation.client("logs")
    (stream,) = logs.describe_log_streams(logGroupName=LOG_GROUP, logStreamNamePrefix="read-to-the-end/")[
        "logStreams"
    ]
    where = {"logGroupName": LOG_GROUP, "logStreamName": stream["logStreamName"], "startFromHead": True}
    first = logs.get_log_events(**where)
    assert "only line" in [event["message"] for event in first["events"]]
    again = logs.get_log_events(**where, nextToken=first["nextForwardToken"])
    assert again["events"] == []
    assert again["nextForwardToken"] == first["nextForwardToken"]


def test_a_stopped_job_gets_sigterm_and_what_it_saved_then_is_kept(installation: Installation) -> None:
    script = (
        "import os, pathlib, signal, sys, time\n"
        "def stop(*_):\n"
        "    pathlib.Path(os.environ['SM_MODEL_DIR'], 'saved').write_text('in time')\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, stop)\n"
        "print('ready', flush=True)\n"
        "time.sleep(600)\n"
    )
    submit(installation, "to-be-stopped", script)
    eventually(lambda: "ready" in log_lines(installation, "to-be-stopped"), "the script runs")
    installation.client("sagemaker").stop_training_job(TrainingJobName="to-be-stopped")
    job = _final(installation, "to-be-stopped")
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
    bucket, key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://").split("/", 1)
    assert installation.client("s3").head_object(Bucket=bucket, Key=key)["ContentLength"] > 0


def test_a_failing_script_says_why(installation: Installation) -> None:
    submit(installation, "failing", "raise ValueError('the third wheel')")
    job = _final(installation, "failing")
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("AlgorithmError: ")
    assert "the third wheel" in job["FailureReason"]
    assert job["FailureReason"].endswith("exit code: 1")


def test_a_missing_channel_says_which_objects_are_not_there(installation: Installation) -> None:
    source = {
        "S3DataType": "S3Prefix",
        "S3Uri": "s3://acceptance/nothing-here/",
        "S3DataDistributionType": "FullyReplicated",
    }
    submit(
        installation,
        "no-data",
        "print('never')",
        InputDataConfig=[{"ChannelName": "train", "DataSource": {"S3DataSource": source}}],
    )
    job = _final(installation, "no-data")
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: ")
    assert "s3://acceptance/nothing-here/" in job["FailureReason"]


def test_lists_are_filtered_sorted_and_paged(installation: Installation) -> None:
    for name, script in (("list-a", ""), ("list-b", "raise SystemExit(3)"), ("list-c", "")):
        submit(installation, name, script)
        _final(installation, name)
    sagemaker = installation.client("sagemaker")
    pages = sagemaker.get_paginator("list_training_jobs").paginate(
        NameContains="list-",
        SortBy="Name",
        SortOrder="Ascending",
        PaginationConfig={"PageSize": 2},
    )
    names = [[job["TrainingJobName"] for job in page["TrainingJobSummaries"]] for page in pages]
    assert names == [["list-a", "list-b"], ["list-c"]]
    failed = sagemaker.list_training_jobs(NameContains="list-", StatusEquals="Failed")
    assert [job["TrainingJobName"] for job in failed["TrainingJobSummaries"]] == ["list-b"]
    first = sagemaker.describe_training_job(TrainingJobName="list-a")["CreationTime"]
    later = sagemaker.list_training_jobs(NameContains="list-", CreationTimeAfter=first, SortBy="CreationTime")
    assert "list-c" in [job["TrainingJobName"] for job in later["TrainingJobSummaries"]]


def test_tags_are_added_replaced_listed_and_taken_away(installation: Installation) -> None:
    submit(installation, "tagged", "", Tags=[{"Key": "team", "Value": "a"}, {"Key": "stage", "Value": "x"}])
    sagemaker = installation.client("sagemaker")
    arn = sagemaker.describe_training_job(TrainingJobName="tagged")["TrainingJobArn"]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "team", "Value": "b"}])
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["stage"])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "b"}]
    _final(installation, "tagged")


def test_a_name_is_given_once(installation: Installation) -> None:
    submit(installation, "once", "")
    with pytest.raises(ClientError, match="once") as raised:
        submit(installation, "once", "")
    assert raised.value.response["Error"]["Code"] == "ResourceInUse"
    _final(installation, "once")


def test_a_job_is_in_its_region_alone(installation: Installation) -> None:
    submit(installation, "regional", "")
    elsewhere = installation.client("sagemaker", region_name="eu-west-1")
    with pytest.raises(ClientError, match="Requested resource not found"):
        elsewhere.describe_training_job(TrainingJobName="regional")
    _final(installation, "regional")
