"""rpc-v2-cbor: the examples of RFC 8949, what botocore writes and reads, and what is no CBOR."""

from __future__ import annotations

import math
from datetime import datetime, timezone
from typing import Any

import pytest
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import given
from hypothesis import strategies as st

from ironworks.server.errors import ServiceError, UnknownOperation, ValidationError
from ironworks.server.http import Request, Response
from ironworks.server.protocols import cbor
from ironworks.server.protocols.model import service_model

CLOUDWATCH = service_model("cloudwatch")
STATISTICS = CLOUDWATCH.operation_model("GetMetricStatistics")
MOMENT = datetime(2026, 1, 31, 12, 30, 0, 250_000, tzinfo=timezone.utc)
PROTOCOL = "smithy-rpc-v2-cbor"

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)


@given(values)
def test_what_is_written_is_read(value: Any) -> None:
    assert cbor.decode(cbor.encode(value)) == value


@pytest.mark.parametrize(
    ("encoded", "value"),
    [
        ("00", 0),
        ("17", 23),
        ("1818", 24),
        ("1903e8", 1000),
        ("1a000f4240", 1000000),
        ("1bffffffffffffffff", 2**64 - 1),
        ("20", -1),
        ("3903e7", -1000),
        ("f93c00", 1.0),
        ("f90001", 5.960464477539063e-8),
        ("fa47c35000", 100000.0),
        ("fbc010666666666666", -4.1),
        ("f97c00", math.inf),
        ("f4", False),
        ("f5", True),
        ("f6", None),
        ("f7", None),
        ("c11a514b67b0", datetime(2013, 3, 21, 20, 4, tzinfo=timezone.utc)),
        ("d74401020304", b"\1\2\3\4"),
        ("62c3bc", "ü"),
        ("83010203", [1, 2, 3]),
        ("a26161016162820203", {"a": 1, "b": [2, 3]}),
        ("5f42010243030405ff", b"\1\2\3\4\5"),
        ("7f657374726561646d696e67ff", "streaming"),
        ("9f018202039f0405ffff", [1, [2, 3], [4, 5]]),
        ("bf61610161629f0203ffff", {"a": 1, "b": [2, 3]}),
    ],
)
def test_examples_of_the_rfc(encoded: str, value: Any) -> None:
    assert cbor.decode(bytes.fromhex(encoded)) == value


@pytest.mark.parametrize(
    "encoded",
    [
        "18", "61", "8201", "a101", "a10102ff", "ff", "82ff01", "0000", "1c", "f0", "61ff", "5f01ff", "7f4101ff",
        "bf01ff", "a18001", "c16161", "c1fb7e37e43c8800759c", "3f", "df00", "9bffffffffffffffff", "81" * 100 + "01",
    ],
)  # fmt: skip
def test_what_is_no_cbor_is_refused(encoded: str) -> None:
    with pytest.raises(ServiceError, match="not CBOR") as raised:
        cbor.decode(bytes.fromhex(encoded))
    assert raised.value.code == "SerializationException"


@given(st.binary(max_size=60))
def test_no_body_breaks_the_reader(data: bytes) -> None:
    try:
        cbor.decode(data)
    except ServiceError as error:
        assert error.code == "SerializationException"


def request(path: str) -> Request:
    async def body() -> Any:
        yield b""

    return Request("POST", path, "", {"smithy-protocol": "rpc-v2-cbor"}, body())


def test_a_request_as_botocore_writes_it() -> None:
    params = {"Namespace": "n", "MetricName": "m", "StartTime": MOMENT, "EndTime": MOMENT, "Period": 60}
    written = create_serializer(PROTOCOL).serialize_to_request(params, STATISTICS)
    assert cbor.matches(request(written["url_path"]))
    assert cbor.operation(request(written["url_path"]), CLOUDWATCH).name == "GetMetricStatistics"
    assert cbor.parse(written["body"], STATISTICS) == params


def read_back(answer: Response) -> dict[str, Any]:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    raw = {"status_code": answer.status, "headers": headers, "body": answer.body}
    parsed: dict[str, Any] = create_parser(PROTOCOL).parse(raw, STATISTICS.output_shape)
    return parsed


def test_an_answer_as_botocore_reads_it() -> None:
    points = [{"Timestamp": MOMENT, "Average": 3, "ExtendedStatistics": {"p50": 0.5}, "Unit": "None"}]
    parsed = read_back(cbor.serialize({"Label": "m", "Datapoints": points, "Extra": 1}, STATISTICS, "id-1"))
    assert parsed["Datapoints"] == points and parsed["Label"] == "m" and "Extra" not in parsed
    assert parsed["ResponseMetadata"]["RequestId"] == "id-1"


def test_an_error_as_botocore_reads_it() -> None:
    parsed = read_back(cbor.failure(ServiceError("Code", "why"), "id-1"))
    assert parsed["Error"]["Code"] == "Code" and parsed["Error"]["Message"] == "why"


def test_members_are_checked() -> None:
    with pytest.raises(ValidationError, match="metricName"):
        cbor.parse(cbor.encode({"Namespace": "n"}), STATISTICS)
    with pytest.raises(ServiceError, match="must be of type structure"):
        cbor.parse(cbor.encode([1]), STATISTICS)
    params = {"Namespace": "n", "MetricName": "m", "StartTime": "noon", "EndTime": MOMENT, "Period": 60}
    with pytest.raises(ServiceError, match="'noon' is not a moment"):
        cbor.parse(cbor.encode(params), STATISTICS)


@pytest.mark.parametrize(
    "path",
    ["/", "/service/Other/operation/ListMetrics", "/service/GraniteServiceVersion20100801/operation/Invent"],
)
def test_what_is_no_operation(path: str) -> None:
    with pytest.raises(UnknownOperation):
        cbor.operation(request(path), CLOUDWATCH)
