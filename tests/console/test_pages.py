"""What the pages show and do, before records that nobody works on."""

from __future__ import annotations

import re
import time

import pytest

from ironworks.control import compilation_jobs, training_jobs, training_metrics
from tests.console import records
from tests.console.conftest import REGION, Browser
from tests.server.wire import REGION as AWS_REGION
from tests.server.wire import Wire

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


def test_lists_show_the_newest_first_and_lead_to_each(wire: Wire, browser: Browser) -> None:
    for name in ("listed-1", "listed-2"):
        records.training_job(wire.platform, name)
    page = browser.get(f"{REGION}/jobs/training?name=listed")
    assert re.findall(r'href="[^"]+/jobs/training/(listed-\d)"', page.text) == ["listed-2", "listed-1"]


def test_lists_are_filtered_by_status_and_name(wire: Wire, browser: Browser) -> None:
    records.training_job(wire.platform, "filtered-good")
    records.training_job(wire.platform, "filtered-bad", "Failed")
    page = browser.get(f"{REGION}/jobs/training?name=FILTERED&status=Failed")
    assert "filtered-bad" in page.words and "filtered-good" not in page.words
    assert "No training job is like that" in browser.get(f"{REGION}/jobs/training?name=nobody").words
    assert "filtered-good" in browser.get(f"{REGION}/jobs/training?status=nonsense&name=filtered").words


def test_lists_go_on_after_fifty(wire: Wire, browser: Browser) -> None:
    for number in range(55):
        records.compilation_job(wire.platform, f"paged-{number}")
    seen: list[str] = []
    path = f"{REGION}/jobs/compilation?name=paged"
    while path:
        page = browser.get(path)
        assert page.status == 200
        seen += re.findall(r'href="[^"]+/jobs/compilation/(paged-\d+)"', page.text)
        following = re.search(r'rel="next" href="([^"]+)"', page.text)
        path = following[1].replace("&amp;", "&") if following else ""
    assert seen == [f"paged-{number}" for number in reversed(range(55))]


def test_a_list_refuses_a_token_that_is_none(browser: Browser) -> None:
    assert browser.get(f"{REGION}/models?after=nonsense").status == 400


def test_the_overview_counts_and_shows_what_runs_and_what_happened(wire: Wire, browser: Browser) -> None:
    records.training_job(wire.platform, "seen-lately", "Failed")
    words = browser.get(f"{REGION}/").words
    assert "seen-lately" in words and "Training jobs" in words
    assert 'eval "$(ironworks env)"' in words and wire.keys.access_key_id in words
    assert wire.keys.secret_access_key not in words


def test_a_region_shows_its_own(wire: Wire, browser: Browser) -> None:
    records.model(wire.platform, "in-oregon")
    assert "in-oregon" in browser.get(f"{REGION}/models").words
    page = browser.get("/_ironworks/console/eu-west-1/models")
    assert "in-oregon" not in page.words and "us-west-2" in page.words


def test_a_training_job_shows_its_phases_parameters_and_log(wire: Wire, browser: Browser) -> None:
    records.training_job(
        wire.platform,
        "shown",
        FinalMetricDataList=[{"MetricName": "accuracy", "Value": 0.97, "Timestamp": 1}],
        ModelArtifacts={"S3ModelArtifacts": "s3://bucket/out/model.tar.gz"},
    )
    wire.platform.logs.append(
        AWS_REGION, training_jobs.LOG_GROUP, "shown/algo-1-1", [(1_000, "Epoch[0] done")]
    )
    words = browser.get(f"{REGION}/jobs/training/shown").words
    for expected in ("Starting", "It went on", "epochs", "mnist.py", "0.97", "s3://bucket/out/model.tar.gz"):
        assert expected in words
    assert "00:00:01 Epoch[0] done" in words


def test_metrics_of_one_subject_share_a_figure(wire: Wire, browser: Browser) -> None:
    job = records.training_job(wire.platform, "measured")
    values = [
        ("train:loss", 0.5, 10.0),
        ("validation:loss", 0.6, 11.0),
        ("speed", 7.0, 10.0),
        ("train:loss", 0.25, 12.0),
    ]
    with wire.platform.database.write() as session:
        training_metrics.add(session, job.id, values)
    text = browser.get(f"{REGION}/jobs/training/measured").text
    assert re.findall(r"<figcaption>(\w+)</figcaption>", text) == ["loss", "speed"]
    assert "train:loss 0.25 at the end, between 0.25 and 0.5" in text


def test_a_page_of_what_runs_asks_again_and_of_what_has_ended_does_not(wire: Wire, browser: Browser) -> None:
    records.compilation_job(wire.platform, "over")
    assert "every 2s" not in browser.get(f"{REGION}/jobs/compilation/over").text
    records.endpoint(wire.platform, "steady", "InService")
    assert 'hx-trigger="every 2s"' in browser.get(f"{REGION}/endpoints/steady").text


def test_a_log_goes_on_where_the_page_ended(wire: Wire, browser: Browser) -> None:
    endpoint = records.endpoint(wire.platform, "talking", "InService")
    group, stream = f"/aws/sagemaker/Endpoints/{endpoint.name}", "AllTraffic/i-1"
    empty = browser.get(f"{REGION}/endpoints/talking").text
    assert "Nothing has been printed yet" in empty
    wire.platform.logs.append(AWS_REGION, group, stream, [(1, "first")])
    more = more_of(empty)
    answer = browser.get(more).text
    assert "first" in answer and 'hx-swap-oob="beforeend:#log"' in answer
    wire.platform.logs.append(AWS_REGION, group, stream, [(2, "second")])
    answer = browser.get(more_of(answer)).text
    assert "second" in answer and "first" not in answer
    answer = browser.get(more_of(answer)).text
    assert "second" not in answer and more_of(answer)


def test_a_log_that_has_ended_is_not_asked_for_any_more(wire: Wire, browser: Browser) -> None:
    records.compilation_job(wire.platform, "quiet")
    wire.platform.logs.append(AWS_REGION, compilation_jobs.LOG_GROUP, "quiet", [(1, "the end")])
    wire.platform.logs.append(AWS_REGION, compilation_jobs.LOG_GROUP, "quiet-2", [(2, "another job's")])
    text = browser.get(f"{REGION}/jobs/compilation/quiet").text
    assert "the end" in text and "another job" not in text and "quiet/log" not in text


def test_a_job_without_a_log_does_not_show_that_of_a_job_whose_name_begins_like_its_own(
    wire: Wire, browser: Browser
) -> None:
    records.compilation_job(wire.platform, "mute")
    wire.platform.logs.append(AWS_REGION, compilation_jobs.LOG_GROUP, "mute-2", [(1, "another job's")])
    words = browser.get(f"{REGION}/jobs/compilation/mute").words
    assert "Nothing was printed." in words and "another job" not in words


def more_of(text: str) -> str:
    """Where a part of a log says that it goes on."""
    found = re.search(r'id="log-more" hx-get="([^"]+)"', text)
    assert found is not None
    return found[1].replace("&amp;", "&")


def test_the_stream_of_a_log_can_be_chosen(wire: Wire, browser: Browser) -> None:
    records.endpoint(wire.platform, "several")
    for instance in ("i-1", "i-2"):
        wire.platform.logs.append(
            AWS_REGION,
            "/aws/sagemaker/Endpoints/several",
            f"AllTraffic/{instance}",
            [(1, f"from {instance}")],
        )
    path = f"{REGION}/endpoints/several"
    assert "from i-1" in browser.get(f"{path}?stream=AllTraffic/i-1").words
    assert "from i-2" in browser.get(f"{path}?stream=AllTraffic/i-2").words
    assert "from i-2" in browser.get(f"{path}?stream=nothing").words


def test_texts_of_others_are_shown_as_texts(wire: Wire, browser: Browser) -> None:
    records.training_job(
        wire.platform,
        "hostile",
        "Failed",
        HyperParameters={HOSTILE: HOSTILE},
        FailureReason=HOSTILE,
        FinalMetricDataList=[{"MetricName": HOSTILE, "Value": 1.0, "Timestamp": 1}],
    )
    job = wire.platform.resources.get(training_jobs.KIND, AWS_REGION, "hostile")
    with wire.platform.database.write() as session:
        training_metrics.add(session, job.id, [(HOSTILE, 1.0, 1.0)])
    wire.platform.logs.append(AWS_REGION, training_jobs.LOG_GROUP, f"hostile/{HOSTILE}", [(1, HOSTILE)])
    records.compilation_job(wire.platform, "hostile", "FAILED", FailureReason=HOSTILE)
    records.endpoint(wire.platform, "hostile", FailureReason=HOSTILE)
    records.model(wire.platform, "hostile", X=HOSTILE)
    for place in ("jobs/training", "jobs/compilation", "endpoints", "models"):
        page = browser.get(f"{REGION}/{place}/hostile")
        assert page.status == 200
        assert HOSTILE in page.words or HOSTILE.replace('"', "&#34;") in page.text, place
        assert "<script>" not in page.text and "<img" not in page.text, place


@pytest.mark.parametrize(
    "path", [f"/models?name={HOSTILE}", f"/models/{HOSTILE}", f"/models?after={HOSTILE}"]
)
def test_texts_in_the_url_are_shown_as_texts(browser: Browser, path: str) -> None:
    from urllib.parse import quote

    page = browser.get(REGION + quote(path, safe="/?="))
    assert "<script>alert" not in page.text and "<img" not in page.text


@pytest.mark.parametrize(
    ("place", "make"),
    [
        ("jobs/training", records.training_job),
        ("jobs/compilation", records.compilation_job),
        ("models", records.model),
    ],
)
def test_deleting_asks_first_and_names_what_goes(
    wire: Wire, browser: Browser, place: str, make: object
) -> None:
    make(wire.platform, "deleted")  # type: ignore[operator]
    path = f"{REGION}/{place}/deleted"
    assert f"{path}/delete" in browser.get(path).text
    asked = browser.get(f"{path}/delete")
    assert "deleted?" in asked.words and "goes" in asked.words
    assert browser.get(path).status == 200
    answer = browser.post(f"{path}/delete")
    assert (answer.status, answer.headers["location"]) == (303, f"{REGION}/{place}")
    assert browser.get(path).status == 404


def test_an_endpoint_is_deleted_after_a_question_that_names_what_stays(wire: Wire, browser: Browser) -> None:
    records.endpoint(wire.platform, "leaving")
    path = f"{REGION}/endpoints/leaving"
    words = browser.get(f"{path}/delete").words
    assert "leaving-config stays" in words and "leaving-model" in words
    assert browser.post(f"{path}/delete").status == 303
    deadline = time.monotonic() + 20
    while browser.get(path).status != 404:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert browser.get(f"{REGION}/models/leaving-model").status == 200


def test_what_the_api_refuses_the_console_does_not_do(wire: Wire, browser: Browser) -> None:
    records.training_job(wire.platform, "ended")
    answer = browser.post(f"{REGION}/jobs/training/ended/stop")
    assert answer.status == 400 and "is in status Completed" in answer.words


def test_an_endpoint_shows_its_traffic(wire: Wire, browser: Browser) -> None:
    endpoint = records.endpoint(wire.platform, "busy", "InService")
    for _ in range(3):
        wire.metrics.record(endpoint.arn, "AllTraffic", 200, total_us=900, instance_us=500)
    text = browser.get(f"{REGION}/endpoints/busy?range=1 h".replace(" ", "+")).text
    assert "Latency of the model" in text and 'aria-current="true">1 h' in text


def test_an_endpoint_shows_its_direct_address_and_keeps_the_token_folded(
    wire: Wire, browser: Browser
) -> None:
    endpoint = records.endpoint(wire.platform, "direct", "InService")
    text = browser.get(f"{REGION}/endpoints/direct").text
    (address,) = {variant["address"] for variant in endpoint.state["Plan"]["variants"]}
    assert f"http://{address}/invocations" in text
    before, _, folded = text.partition("<summary>Show the token")
    assert endpoint.state["Token"] in folded and endpoint.state["Token"] not in before


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"weight AllTraffic": "x", "count AllTraffic": "1"}, "weight AllTraffic is 'x'"),
        ({"weight AllTraffic": "1"}, "count AllTraffic is ''"),
        ({"weight AllTraffic": "1", "count AllTraffic": "0"}, "at least one instance"),
    ],
)
def test_weights_and_counts_that_are_none_change_nothing(
    wire: Wire, browser: Browser, fields: dict[str, str], message: str
) -> None:
    name = "scaled-" + "".join(letter for letter in message if letter.isalpha())
    records.endpoint(wire.platform, name, "InService")
    answer = browser.post(f"{REGION}/endpoints/{name}/scale", fields)
    assert answer.status == 400 and message in answer.words


def test_an_endpoint_without_requests_says_so(wire: Wire, browser: Browser) -> None:
    records.endpoint(wire.platform, "idle", "InService")
    assert "No requests in this time." in browser.get(f"{REGION}/endpoints/idle").words


def test_a_compilation_job_whose_artifact_is_gone_says_so(wire: Wire, browser: Browser) -> None:
    artifacts = {"S3ModelArtifacts": "s3://no-such-bucket/model.tar.gz"}
    records.compilation_job(wire.platform, "lost", ModelArtifacts=artifacts)
    page = browser.get(f"{REGION}/jobs/compilation/lost")
    assert page.status == 200 and "s3://no-such-bucket/model.tar.gz cannot be shown" in page.words


@pytest.mark.parametrize("content", [b"no archive", b""])
def test_a_compilation_job_whose_artifact_is_damaged_says_so(
    wire: Wire, browser: Browser, content: bytes
) -> None:
    s3 = wire.client("s3")
    bucket = f"damaged-{len(content)}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": AWS_REGION})
    s3.put_object(Bucket=bucket, Key="a b.tar.gz", Body=content)
    artifacts = {"S3ModelArtifacts": f"s3://{bucket}/a b.tar.gz"}
    records.compilation_job(wire.platform, bucket, ModelArtifacts=artifacts)
    page = browser.get(f"{REGION}/jobs/compilation/{bucket}")
    assert page.status == 200 and "cannot be shown" in page.words and "NoSuchKey" not in page.words
