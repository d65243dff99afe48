from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from botocore.awsrequest import HeadersDict
from botocore.parsers import create_parser
from hypothesis import given
from hypothesis import strategies as st

from ironworks.server.errors import ServiceError
from ironworks.server.protocols import rest_xml
from ironworks.server.protocols.model import service_model

MODEL = service_model("s3")
ROUTER = rest_xml.Router(MODEL)


@pytest.mark.parametrize(
    ("method", "segments", "query", "headers", "name"),
    [
        ("GET", 0, {}, {}, "ListBuckets"),
        ("PUT", 1, {}, {}, "CreateBucket"),
        ("GET", 1, {}, {}, "ListObjects"),
        ("GET", 1, {"list-type": "2"}, {}, "ListObjectsV2"),
        ("GET", 1, {"list-type": "1"}, {}, "ListObjects"),
        ("GET", 1, {"uploads": ""}, {}, "ListMultipartUploads"),
        ("GET", 1, {"lifecycle": ""}, {}, "GetBucketLifecycleConfiguration"),
        ("POST", 1, {"delete": ""}, {}, "DeleteObjects"),
        ("GET", 2, {}, {}, "GetObject"),
        ("GET", 2, {"x-id": "GetObject", "partNumber": "1"}, {}, "GetObject"),
        ("GET", 2, {"uploadId": "1"}, {}, "ListParts"),
        ("GET", 2, {"tagging": ""}, {}, "GetObjectTagging"),
        ("PUT", 2, {}, {}, "PutObject"),
        ("PUT", 2, {}, {"x-amz-copy-source": "b/k"}, "CopyObject"),
        ("PUT", 2, {"partNumber": "1", "uploadId": "1"}, {}, "UploadPart"),
        ("PUT", 2, {"partNumber": "1", "uploadId": "1"}, {"x-amz-copy-source": "b/k"}, "UploadPartCopy"),
        ("POST", 2, {"uploads": ""}, {}, "CreateMultipartUpload"),
        ("POST", 2, {"uploadId": "1"}, {}, "CompleteMultipartUpload"),
        ("DELETE", 2, {}, {}, "DeleteObject"),
        ("DELETE", 2, {"uploadId": "1"}, {}, "AbortMultipartUpload"),
    ],
)
def test_request_means_the_most_specific_operation(
    method: str, segments: int, query: dict[str, str], headers: dict[str, str], name: str
) -> None:
    assert ROUTER.operation(method, segments, query, headers).name == name


def test_request_that_means_nothing_is_not_allowed() -> None:
    with pytest.raises(ServiceError) as caught:
        ROUTER.operation("POST", 2, {}, {})
    assert (caught.value.code, caught.value.status) == ("MethodNotAllowed", 405)


def parse(
    name: str, query: dict[str, str] | None = None, headers: Any = None, body: bytes = b""
) -> dict[str, Any]:
    uri = {"Bucket": "b", "Key": "k"}
    return rest_xml.parse(MODEL.operation_model(name), uri, query or {}, headers or {}, body)


def test_members_come_from_path_query_headers_and_metadata() -> None:
    members = parse(
        "PutObject",
        headers={"content-type": "text/plain", "x-amz-meta-a": "1", "content-length": "5", "if-match": '"e"'},
    )
    assert members == {
        "Bucket": "b",
        "Key": "k",
        "ContentType": "text/plain",
        "Metadata": {"a": "1"},
        "ContentLength": 5,
        "IfMatch": '"e"',
    }


def test_dates_that_are_none_are_ignored_in_headers_as_http_has_it() -> None:
    assert "IfModifiedSince" not in parse("GetObject", headers={"if-modified-since": "yesterday"})
    parsed = parse("GetObject", headers={"if-modified-since": "Wed, 02 Jan 2030 00:00:00 GMT"})
    assert parsed["IfModifiedSince"] == datetime(2030, 1, 2, tzinfo=timezone.utc)


@pytest.mark.parametrize("text", ["x", "", "1.5", "9" * 20, "٣"])
def test_number_that_is_none_is_an_invalid_argument(text: str) -> None:
    with pytest.raises(ServiceError) as caught:
        parse("ListObjectsV2", {"max-keys": text})
    assert (caught.value.code, caught.value.details["ArgumentName"]) == ("InvalidArgument", "max-keys")


@pytest.mark.parametrize("namespace", ["", ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'])
def test_xml_is_read_with_and_without_namespace(namespace: str) -> None:
    objects = "<Object><Key>a&amp;b</Key></Object><Object><Key> c </Key></Object>"
    body = f"<Delete{namespace}>{objects}<Quiet>true</Quiet></Delete>"
    assert parse("DeleteObjects", body=body.encode())["Delete"] == {
        "Objects": [{"Key": "a&b"}, {"Key": " c "}],
        "Quiet": True,
    }


@pytest.mark.parametrize(
    "body",
    [
        b"<Delete>",
        b"not xml",
        b"<Delete/>",
        b"<Delete><Object/></Delete>",
        b"<Delete><Object><Key>a</Key><Size>big</Size></Object></Delete>",
        b'<!DOCTYPE a [<!ENTITY b "c">]><Delete><Object><Key>&b;</Key></Object></Delete>',
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><Delete/>',
        "<!DOCTYPE a><Delete/>".encode("utf-16"),
        b'<?xml version="1.0" encoding="no-such"?><Delete/>',
        b"\xff\xfe\xfa",
    ],
)
def test_malformed_or_dangerous_xml_is_refused(body: bytes) -> None:
    with pytest.raises(ServiceError) as caught:
        parse("DeleteObjects", body=body)
    assert caught.value.code == "MalformedXML"


def test_missing_xml_is_asked_for() -> None:
    with pytest.raises(ServiceError) as caught:
        parse("DeleteObjects")
    assert caught.value.code == "MissingRequestBodyError"


@given(st.binary(max_size=200))
def test_no_bytes_make_the_parser_fail_otherwise(body: bytes) -> None:
    try:
        rest_xml.parse_xml(body)
    except ServiceError as error:
        assert error.code == "MalformedXML"


def reparse(name: str, members: dict[str, Any]) -> dict[str, Any]:
    operation = MODEL.operation_model(name)
    response = rest_xml.serialize(operation, "Root", members)
    wire = {
        "body": response.body,
        "status_code": response.status,
        "headers": HeadersDict(response.headers),
    }
    parsed = create_parser("rest-xml").parse(wire, operation.output_shape)
    del parsed["ResponseMetadata"]
    return dict(parsed)


def test_botocore_reads_back_what_is_written() -> None:
    moment = datetime(2030, 1, 2, 3, 4, 5, 678000, tzinfo=timezone.utc)
    listing = {
        "Name": "b",
        "Prefix": "",
        "IsTruncated": False,
        "MaxKeys": 7,
        "Contents": [{"Key": "<&>\"'", "LastModified": moment, "Size": 3, "ChecksumAlgorithm": ["CRC32"]}],
        "CommonPrefixes": [{"Prefix": "a/"}, {"Prefix": "b/"}],
    }
    assert reparse("ListObjectsV2", listing) == listing
    tags = {"TagSet": [{"Key": "a", "Value": ""}]}
    assert reparse("GetObjectTagging", tags) == tags
    headers = {"ETag": '"e"', "BucketKeyEnabled": True, "Size": 5}
    assert reparse("PutObject", headers) == headers
    encryption = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
    assert reparse("GetBucketEncryption", {"ServerSideEncryptionConfiguration": encryption}) == {
        "ServerSideEncryptionConfiguration": encryption
    }


def test_status_is_the_models() -> None:
    response = rest_xml.serialize(MODEL.operation_model("DeleteObject"), "Root", {})
    assert (response.status, response.body, response.headers) == (204, b"", {})


def test_characters_that_xml_cannot_hold_become_references() -> None:
    assert rest_xml.escape("a\x00\x1f\n<é>") == "a&#x0;&#x1f;&#xa;&lt;é&gt;"


def test_failure_has_s3s_form() -> None:
    error = ServiceError("NoSuchKey", "It's <gone>.", 404, {"Key": "k"})
    response = rest_xml.failure(error, "/b/k", "id")
    assert response.status == 404
    assert response.body == (
        b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code><Message>It\'s &lt;gone&gt;.</Message>'
        b"<Key>k</Key><Resource>/b/k</Resource><RequestId>id</RequestId></Error>"
    )


def test_failure_can_be_read_whatever_it_names() -> None:
    response = rest_xml.failure(ServiceError("NoSuchKey", "No \x00 \ufffe here."), "/b/k", "id")
    assert isinstance(response.body, bytes)
    assert rest_xml.parse_xml(response.body).findtext("Message") == "No \ufffd \ufffd here."
