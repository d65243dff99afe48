import io
import json
from pathlib import Path

import numpy as np
import pytest

from ironworks.cli.archive import Archive, look_into
from ironworks.cli.invoke import Answer, _probabilities
from ironworks.errors import ClientError
from tests.cli.platform import Platform, png


@pytest.fixture
def array(tmp_path: Path) -> Path:
    """Everything speaks for the fourth of ten classes."""
    values = np.zeros((1, 784), np.float32)
    values[:, 3 * 79 : 4 * 79] = 1
    np.save(tmp_path / "x.npy", values)
    return tmp_path / "x.npy"


def test_the_answer_is_printed_as_it_came(platform: Platform, endpoint: str, array: Path) -> None:
    ran = platform("invoke", endpoint, "--file", array)
    assert ran.code == 0, ran.err
    assert np.argmax(json.loads(ran.out)) == 3
    assert "AllTraffic answered in" in ran.err and " ms." in ran.err


def test_probabilities_are_drawn_as_bars(platform: Platform, endpoint: str, array: Path) -> None:
    lines = platform("invoke", endpoint, "--file", array, "--bars").out.splitlines()
    assert len(lines) == 10
    assert lines[3].split() == ["3", "█" * 40, "100.0", "%"]


def test_json_has_the_answer_the_variant_and_the_time(platform: Platform, endpoint: str, array: Path) -> None:
    document = platform("invoke", endpoint, "--file", array, "--variant", "AllTraffic", "--json").json
    assert np.argmax(document["Body"]) == 3
    assert document["InvokedProductionVariant"] == "AllTraffic" and document["Milliseconds"] > 0


@pytest.mark.parametrize("form", ["npy", "json", "csv"])
def test_what_comes_in_tells_what_it_is(platform: Platform, endpoint: str, array: Path, form: str) -> None:
    values = np.load(array)
    content = {
        "npy": array.read_bytes(),
        "json": json.dumps(values.tolist()).encode(),
        "csv": ",".join(str(value) for value in values[0]).encode(),
    }[form]
    ran = platform("invoke", endpoint, "--file", "-", stdin=content)
    assert np.argmax(json.loads(ran.out)) == 3, ran.err


def test_what_cannot_be_told_has_to_be_said(platform: Platform, endpoint: str, array: Path) -> None:
    raw = np.load(array).tobytes()
    ran = platform("invoke", endpoint, "--file", "-", stdin=b"\x01" + raw)
    assert ran.code == 2 and "--content-type" in ran.err
    ran = platform("invoke", endpoint, "-f", "-", "--content-type", "application/octet-stream", stdin=raw)
    assert np.argmax(json.loads(ran.out)) == 3, ran.err


def test_a_picture_of_a_digit_becomes_the_models_input(
    platform: Platform, endpoint: str, tmp_path: Path
) -> None:
    picture = np.full((280, 280), 255, np.uint8)
    picture[120:160, 100:180] = 0  # a bar in the middle, where the rows of the fifth and sixth class are
    (tmp_path / "bar.png").write_bytes(png(picture))
    ran = platform("invoke", endpoint, "--file", tmp_path / "bar.png")
    assert np.argmax(json.loads(ran.out)) in (4, 5), ran.err


def test_an_empty_picture_is_refused(platform: Platform, endpoint: str, tmp_path: Path) -> None:
    (tmp_path / "white.png").write_bytes(png(np.full((28, 28), 255, np.uint8)))
    ran = platform("invoke", endpoint, "--file", tmp_path / "white.png")
    assert ran.code == 1 and "nothing is drawn" in ran.err


def test_a_picture_for_another_model_is_refused(
    platform: Platform, endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ironworks.cli.payload.look_into", lambda *_: Archive((1, 3, 224, 224)))
    (tmp_path / "x.png").write_bytes(png(np.zeros((9, 9), np.uint8)))
    ran = platform("invoke", endpoint, "--file", tmp_path / "x.png")
    assert ran.code == 1 and "[1, 3, 224, 224]" in ran.err and ".npy" in ran.err


def test_the_answer_may_go_to_a_file(platform: Platform, endpoint: str, array: Path, tmp_path: Path) -> None:
    out = tmp_path / "answer.npy"
    ran = platform(
        "invoke", endpoint, "--file", array, "--accept", "application/x-npy", "--out", out, "--json"
    )
    assert ran.json["File"] == str(out) and "Body" not in ran.json
    assert np.load(out).shape == (1, 10)


def test_what_the_model_refuses_is_said_in_its_words(platform: Platform, endpoint: str) -> None:
    ran = platform("invoke", endpoint, "--file", "-", stdin=b"[1, 2]")
    assert ran.code == 1 and "takes 784 numbers" in ran.err and "Traceback" not in ran.err


def test_an_endpoint_or_a_file_that_is_not_there_is_not_found(
    platform: Platform, endpoint: str, array: Path
) -> None:
    ran = platform("invoke", endpoint + "s", "--file", array)
    assert (ran.code, ran.err) == (4, f"Error: There is no endpoint {endpoint}s. Did you mean {endpoint}?\n")
    ran = platform("invoke", endpoint, "--file", "nowhere.npy")
    assert (ran.code, ran.err) == (4, "Error: There is no file nowhere.npy.\n")


@pytest.mark.parametrize(
    ("value", "row"),
    [
        ([[0.25, 0.75]], [0.25, 0.75]),
        ([1, 0], [1.0, 0.0]),
        ([[0.5, 0.5], [0.5, 0.5]], []),
        ([1.5, 0.1], []),
        ("text", []),
        ([0.5], []),
    ],
)
def test_one_row_of_numbers_up_to_one_is_probabilities(value: object, row: list[float]) -> None:
    assert _probabilities(value) == row


def test_an_answer_means_what_its_type_says() -> None:
    array = io.BytesIO()
    np.save(array, np.ones((1, 2)))
    assert Answer(array.getvalue(), "application/x-npy", "v", 1.0).value == [[1.0, 1.0]]
    assert Answer("ä".encode(), "text/plain", "v", 1.0).value == "ä"
    with pytest.raises(ClientError, match="--out"):
        _ = Answer(b"\xff\xfe", "image/png", "v", 1.0).value


def test_nothing_is_known_of_an_archive_that_is_gone_or_none(platform: Platform, endpoint: str) -> None:
    from ironworks.sdk.session import Session

    session = Session(platform.home.path)
    bucket = session.default_bucket()
    session.call("s3", "put_object", Bucket=bucket, Key="text", Body=b"no archive")
    assert look_into(session, f"s3://{bucket}/text") == Archive()
    assert look_into(session, f"s3://{bucket}/nothing") == Archive()
