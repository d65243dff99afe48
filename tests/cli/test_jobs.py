import pytest

from tests.cli.platform import Platform


def test_jobs_are_listed_the_newest_first(platform: Platform, trained: str, failed: str) -> None:
    lines = platform("jobs", "--kind", "training").out.splitlines()
    assert lines[0].split() == ["name", "kind", "status", "created", "took", "target"]
    names = [line.split()[0] for line in lines[1:]]
    assert names.index(failed) < names.index(trained)
    assert next(line for line in lines if line.startswith(failed)).split()[1:3] == ["training", "Failed"]


def test_jobs_are_chosen_by_state_name_and_kind(platform: Platform, trained: str, failed: str) -> None:
    def names(*options: str) -> list[str]:
        summaries = platform("jobs", "--json", *options).json["TrainingJobSummaries"]
        return [summary["TrainingJobName"] for summary in summaries]

    assert failed in names("--status", "failed") and trained not in names("--status", "failed")
    named = names("--name", trained[1:])
    assert trained in named and failed not in named and all(trained[1:] in name for name in named)
    assert len(names("--kind", "training", "--limit", "1")) == 1
    assert "TrainingJobSummaries" not in platform("jobs", "--json", "--kind", "compilation").json


def test_an_unknown_state_names_those_that_there_are(platform: Platform) -> None:
    ran = platform("jobs", "--status", "done")
    assert ran.code == 2
    assert ran.err.startswith("Error: --status done is no state of a job.") and "completed" in ran.err


def test_no_jobs_are_said_to_be_none(platform: Platform) -> None:
    ran = platform("jobs", "--name", "nothing-is-called-so")
    assert (ran.code, ran.out, ran.err) == (0, "", "No such jobs.\n")


def test_a_job_shows_its_phases_parameters_metrics_and_model(platform: Platform, trained: str) -> None:
    ran = platform("job", trained)
    assert ran.code == 0
    for text in (
        "Completed",
        "Training job completed",
        "steps.py",
        "/output/model.tar.gz",
        f"ironworks logs {trained}",
    ):
        assert text in ran.out
    metric = next(line for line in ran.out.splitlines() if line.startswith("loss"))
    assert metric.split()[1] == "0.33"
    steps = next(line for line in ran.out.splitlines() if line.startswith("steps"))
    assert steps.split() == ["steps", "3"]
    assert "sagemaker_" not in ran.out


def test_a_job_that_failed_shows_why(platform: Platform, failed: str) -> None:
    assert "AlgorithmError" in platform("job", failed).out and "on purpose" in platform("job", failed).out


def test_a_job_as_json_is_what_aws_describes(platform: Platform, trained: str) -> None:
    described = platform("job", trained, "--json").json
    assert described["TrainingJobName"] == trained and described["TrainingJobStatus"] == "Completed"
    assert described["CreationTime"].endswith("Z") and "ResponseMetadata" not in described


def test_a_mistyped_name_is_not_found_and_the_right_one_is_said(platform: Platform, trained: str) -> None:
    ran = platform("job", trained + "x")
    assert ran.code == 4
    assert (
        ran.err == f"Error: There is no training job or compilation job {trained}x. Did you mean {trained}?\n"
    )


def test_a_job_of_another_region_is_not_here(platform: Platform, trained: str) -> None:
    assert platform("job", trained, "--region", "eu-west-1").code == 4


@pytest.mark.parametrize("as_json", [False, True])
def test_stopping_what_has_ended_is_a_failure(platform: Platform, trained: str, as_json: bool) -> None:
    ran = platform("stop", trained, *(["--json"] if as_json else []))
    assert ran.code == 1
    if as_json:
        assert ran.json["Jobs"] == [
            {"Kind": "training job", "Name": trained, "Status": "Completed", "Asked": False}
        ]
    else:
        assert ran.out == f"The training job {trained} is Completed already.\n"
