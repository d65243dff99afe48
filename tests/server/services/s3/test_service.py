"""What unmodified boto3 does with the service."""

from __future__ import annotations

import base64
import errno
import hashlib
import http.client
import io
import os
import urllib.request
import zlib
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from boto3.exceptions import S3UploadFailedError
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from ironworks.objects.errors import SampleDataUnavailable, StoreFull
from tests.server.services.s3.conftest import Raw, S3Server

SAMPLES = "sagemaker-sample-data-us-west-2"
CHUNKED, NO_CHUNKS = {"content-encoding": "aws-chunked"}, b"0\r\n\r\n"
CRC32 = {"x-amz-checksum-algorithm": "CRC32"}
PARTS = {"x-amz-object-attributes": "ObjectParts"}


def refused(code: str, status: int, call: Any, **arguments: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
    return dict(error["Error"])


def read(client: Any, **arguments: Any) -> bytes:
    return bytes(client.get_object(**arguments)["Body"].read())


def test_object_with_everything_that_is_kept_beside_it(client: Any, bucket: str) -> None:
    put = client.put_object(
        Bucket=bucket,
        Key="a/b c+é%",
        Body=b"hello",
        ContentType="text/plain",
        CacheControl="no-store",
        ContentEncoding="identity",
        Metadata={"Owner": "me"},
        Tagging="a=1&b=x%20y",
        ServerSideEncryption="aws:kms",
        StorageClass="STANDARD_IA",
        Expires=datetime(2030, 1, 2, tzinfo=timezone.utc),
    )
    assert put["ETag"] == f'"{hashlib.md5(b"hello").hexdigest()}"'
    assert put["ServerSideEncryption"] == "aws:kms"
    got = client.get_object(Bucket=bucket, Key="a/b c+é%")
    assert got["Body"].read() == b"hello"
    assert {
        name: got[name] for name in ("ContentType", "CacheControl", "ContentEncoding", "StorageClass")
    } == {
        "ContentType": "text/plain",
        "CacheControl": "no-store",
        "ContentEncoding": "identity",
        "StorageClass": "STANDARD_IA",
    }
    assert (got["Metadata"], got["TagCount"], got["ContentLength"]) == ({"owner": "me"}, 2, 5)
    assert got["ExpiresString"] == "Wed, 02 Jan 2030 00:00:00 GMT"
    tags = client.get_object_tagging(Bucket=bucket, Key="a/b c+é%")["TagSet"]
    assert tags == [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "x y"}]
    head = client.head_object(Bucket=bucket, Key="a/b c+é%")
    assert head["ETag"] == got["ETag"] == put["ETag"]
    assert head["LastModified"] == got["LastModified"]
    assert abs(head["LastModified"] - datetime.now(timezone.utc)) < timedelta(minutes=1)


def test_large_object_goes_up_and_down_in_parts(client: Any, bucket: str) -> None:
    data = os.urandom(20_000_000)
    client.upload_fileobj(io.BytesIO(data), bucket, "large")
    head = client.head_object(Bucket=bucket, Key="large", ChecksumMode="ENABLED")
    assert head["ETag"].endswith('-3"')
    assert head["ChecksumType"] in ("FULL_OBJECT", "COMPOSITE")
    for threads in (True, False):
        sink = io.BytesIO()
        client.download_fileobj(bucket, "large", sink, Config=TransferConfig(use_threads=threads))
        assert sink.getvalue() == data
    assert read(client, Bucket=bucket, Key="large") == data
    second = client.get_object(Bucket=bucket, Key="large", PartNumber=2)
    assert (second["PartsCount"], second["ContentLength"]) == (3, 8 << 20)
    assert second["Body"].read() == data[8 << 20 : 16 << 20]
    refused("InvalidRange", 416, client.get_object, Bucket=bucket, Key="large", PartNumber=4)


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_checksums_that_the_client_computes_are_kept_and_answered(
    client: Any, bucket: str, algorithm: str
) -> None:
    put = client.put_object(Bucket=bucket, Key="key", Body=b"hello", ChecksumAlgorithm=algorithm)
    got = client.get_object(Bucket=bucket, Key="key", ChecksumMode="ENABLED")
    assert got[f"Checksum{algorithm}"] == put[f"Checksum{algorithm}"]
    assert got["Body"].read() == b"hello"
    listed = client.list_objects_v2(Bucket=bucket)["Contents"][0]
    assert listed["ChecksumAlgorithm"] == [algorithm]
    attributes = client.get_object_attributes(
        Bucket=bucket,
        Key="key",
        ObjectAttributes=["ETag", "Checksum", "ObjectSize", "StorageClass", "ObjectParts"],
    )
    assert attributes["Checksum"][f"Checksum{algorithm}"] == put[f"Checksum{algorithm}"]
    assert (attributes["ObjectSize"], attributes["StorageClass"]) == (5, "STANDARD")
    assert f'"{attributes["ETag"]}"' == put["ETag"]
    assert "ObjectParts" not in attributes


@pytest.mark.parametrize(
    ("header", "text", "code"),
    [
        ("Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg==", "BadDigest"),
        ("Content-MD5", "nonsense", "InvalidDigest"),
        ("x-amz-checksum-crc32", "AAAAAA==", "BadDigest"),
        ("x-amz-checksum-crc32", "AAAA", "InvalidDigest"),
        ("x-amz-checksum-crc7", "AAAA", "InvalidRequest"),
        ("x-amz-checksum-sha256", base64.b64encode(bytes(32)).decode(), "BadDigest"),
    ],
)
def test_wrong_checksum_stores_nothing(
    raw: Raw, server: S3Server, client: Any, bucket: str, header: str, text: str, code: str
) -> None:
    before = server.files()
    answer = raw("PUT", f"/{bucket}/key", {header: text}, b"hello")
    assert (answer.status, f"<Code>{code}</Code>" in answer.body.decode()) == (400, True)
    refused("404", 404, client.head_object, Bucket=bucket, Key="key")
    assert server.files() == before


def test_payload_that_is_not_the_signed_one_stores_nothing(
    server: S3Server, client: Any, bucket: str
) -> None:
    def tamper(request: Any, **_: Any) -> None:
        request.body = b"jello"

    tampering = server.client()
    tampering.meta.events.register("before-send.s3.PutObject", tamper)
    before = server.files()
    refused(
        "XAmzContentSHA256Mismatch",
        400,
        tampering.put_object,
        Bucket=bucket,
        Key="key",
        Body=b"hello",
        ContentMD5=base64.b64encode(hashlib.md5(b"jello").digest()).decode(),
    )
    tampering.close()
    refused("404", 404, client.head_object, Bucket=bucket, Key="key")
    assert server.files() == before


def test_upload_that_breaks_off_stores_nothing(server: S3Server, client: Any, bucket: str) -> None:
    before = server.files()
    url = client.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "key"})
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=20)
    connection.putrequest("PUT", url.removeprefix(server.url))
    connection.putheader("Content-Length", "10000000")
    connection.endheaders(bytes(5_000_000))
    connection.close()
    assert client.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    for _ in range(500):
        if server.files() == before:
            break
        urllib.request.urlopen(f"{server.url}/_ironworks/health").read()
    assert server.files() == before


def test_body_in_http_chunks_is_taken(raw: Raw, client: Any, bucket: str) -> None:
    pieces = [os.urandom(100_000) for _ in range(30)]
    answer = raw("PUT", f"/{bucket}/key", {}, iter(pieces))
    assert answer.status == 200
    assert read(client, Bucket=bucket, Key="key") == b"".join(pieces)


def test_aws_chunked_with_a_trailing_checksum(raw: Raw, client: Any, bucket: str) -> None:
    headers = {
        "Content-Encoding": "gzip,aws-chunked",
        "X-Amz-Trailer": "x-amz-checksum-crc32",
        "X-Amz-Decoded-Content-Length": "5",
    }
    body = b"3\r\nhel\r\n2\r\nlo\r\n0\r\nx-amz-checksum-crc32:%s\r\n\r\n"
    place = f"/{bucket}/key"
    assert b"BadDigest" in raw("PUT", place, headers, body % b"AAAAAA==").body
    assert b"IncompleteBody" in raw("PUT", place, headers | {"X-Amz-Decoded-Content-Length": "6"}, body).body
    assert b"MalformedTrailer" in raw("PUT", place, headers, b"5\r\nhello\r\n0\r\n\r\n").body
    refused("404", 404, client.head_object, Bucket=bucket, Key="key")
    assert raw("PUT", place, headers, body % b"NhCmhg==").status == 200
    got = client.get_object(Bucket=bucket, Key="key", ChecksumMode="ENABLED")
    assert (got["Body"].read(), got["ContentEncoding"], got["ChecksumCRC32"]) == (
        b"hello",
        "gzip",
        "NhCmhg==",
    )


@pytest.mark.parametrize(
    ("text", "content", "content_range"),
    [
        ("bytes=0-0", b"0", "bytes 0-0/10"),
        ("bytes=3-", b"3456789", "bytes 3-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=-99", b"0123456789", "bytes 0-9/10"),
        ("bytes=8-99", b"89", "bytes 8-9/10"),
    ],
)
def test_range_answers_the_part(
    client: Any, bucket: str, text: str, content: bytes, content_range: str
) -> None:
    client.put_object(Bucket=bucket, Key="key", Body=b"0123456789")
    got = client.get_object(Bucket=bucket, Key="key", Range=text)
    assert (got["Body"].read(), got["ContentRange"]) == (content, content_range)
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
    head = client.head_object(Bucket=bucket, Key="key", Range=text)
    assert head["ContentLength"] == len(content)


@pytest.mark.parametrize("text", ["bytes=5-3", "bytes=", "lines=1-2", "bytes=0-1,3-4", "bytes=a-b"])
def test_range_that_is_none_is_ignored(client: Any, bucket: str, text: str) -> None:
    client.put_object(Bucket=bucket, Key="key", Body=b"0123456789")
    assert read(client, Bucket=bucket, Key="key", Range=text) == b"0123456789"


@pytest.mark.parametrize("text", ["bytes=10-", "bytes=10-20", "bytes=-0"])
def test_range_outside_is_refused(client: Any, bucket: str, text: str) -> None:
    client.put_object(Bucket=bucket, Key="key", Body=b"0123456789")
    refused("InvalidRange", 416, client.get_object, Bucket=bucket, Key="key", Range=text)


def test_conditional_reads(client: Any, bucket: str) -> None:
    place = {"Bucket": bucket, "Key": "key"}
    etag = client.put_object(**place, Body=b"1")["ETag"]
    modified = client.head_object(**place)["LastModified"]
    earlier, later = modified - timedelta(hours=1), modified + timedelta(hours=1)
    for call, precondition in ((client.get_object, "PreconditionFailed"), (client.head_object, "412")):
        refused(precondition, 412, call, **place, IfMatch='"other"')
        refused(precondition, 412, call, **place, IfUnmodifiedSince=earlier)
        refused("304", 304, call, **place, IfNoneMatch=etag)
        refused("304", 304, call, **place, IfModifiedSince=later)
        call(**place, IfMatch=etag, IfUnmodifiedSince=earlier)
        call(**place, IfNoneMatch='"other"', IfModifiedSince=later)


def test_conditional_writes(client: Any, bucket: str) -> None:
    place = {"Bucket": bucket, "Key": "key"}
    etag = client.put_object(**place, Body=b"1", IfNoneMatch="*")["ETag"]
    refused("PreconditionFailed", 412, client.put_object, **place, Body=b"2", IfNoneMatch="*")
    refused("PreconditionFailed", 412, client.put_object, **place, Body=b"2", IfMatch='"other"')
    refused("NotImplemented", 501, client.put_object, **place, Body=b"2", IfNoneMatch='"other"')
    client.put_object(**place, Body=b"2", IfMatch=etag)
    refused("PreconditionFailed", 412, client.delete_object, **place, IfMatch=etag)
    assert read(client, **place) == b"2"


def test_answer_headers_can_be_chosen_but_not_smuggled(client: Any, bucket: str) -> None:
    place = {"Bucket": bucket, "Key": "key"}
    client.put_object(**place, Body=b"1")
    got = client.get_object(**place, ResponseContentType="image/png", ResponseContentDisposition="inline")
    assert (got["ContentType"], got["ContentDisposition"]) == ("image/png", "inline")
    refused("InvalidArgument", 400, client.get_object, **place, ResponseContentType="a\r\nSet-Cookie: b")


def test_presigned_urls(server: S3Server, client: Any, bucket: str) -> None:
    place = {"Bucket": bucket, "Key": "a b/é+"}
    put = client.generate_presigned_url("put_object", Params=place)
    urllib.request.urlopen(urllib.request.Request(put, data=b"hello", method="PUT")).read()
    with urllib.request.urlopen(client.generate_presigned_url("get_object", Params=place)) as answer:
        assert answer.read() == b"hello"


def test_presigned_url_may_carry_headers_in_its_query(server: S3Server, client: Any, bucket: str) -> None:
    older = server.client(signature_version="s3")
    place = {"Bucket": bucket, "Key": "key"}
    kept = {"Metadata": {"a": "b"}, "ServerSideEncryption": "AES256", "Tagging": "t=1", "ContentType": "a/b"}
    url = older.generate_presigned_url("put_object", Params={**place, **kept})
    older.close()
    assert "x-amz-meta-a=b" in url
    put = urllib.request.Request(url, data=b"hello", method="PUT", headers={"Content-Type": "a/b"})
    with urllib.request.urlopen(put) as answer:
        assert answer.status == 200
    got = client.get_object(**place)
    assert (got["Metadata"], got["ServerSideEncryption"], got["TagCount"]) == ({"a": "b"}, "AES256", 1)


def test_copy(client: Any, bucket: str) -> None:
    client.put_object(Bucket=bucket, Key="a b/é", Body=b"1", Metadata={"a": "1"}, Tagging="t=1")
    source = {"Bucket": bucket, "Key": "a b/é"}
    result = client.copy_object(Bucket=bucket, Key="copy", CopySource=source)["CopyObjectResult"]
    copy = client.get_object(Bucket=bucket, Key="copy")
    assert (copy["Body"].read(), copy["Metadata"], copy["TagCount"]) == (b"1", {"a": "1"}, 1)
    assert copy["ETag"] == result["ETag"]
    client.copy_object(
        Bucket=bucket, Key="copy", CopySource=source, MetadataDirective="REPLACE", Metadata={"b": "2"}
    )
    assert client.head_object(Bucket=bucket, Key="copy")["Metadata"] == {"b": "2"}
    refused("InvalidRequest", 400, client.copy_object, Bucket=bucket, Key="a b/é", CopySource=source)
    copying = {"Bucket": bucket, "Key": "copy", "CopySource": source}
    refused("PreconditionFailed", 412, client.copy_object, **copying, CopySourceIfMatch='"other"')
    refused("PreconditionFailed", 412, client.copy_object, **copying, CopySourceIfNoneMatch=result["ETag"])
    missing = {"Bucket": bucket, "Key": "missing"}
    refused("NoSuchKey", 404, client.copy_object, Bucket=bucket, Key="copy", CopySource=missing)
    refused("InvalidArgument", 400, client.copy_object, Bucket=bucket, Key="copy", CopySource="nokey")


def test_copy_of_what_is_missing_names_the_source(raw: Raw, bucket: str) -> None:
    missing_key = raw("PUT", f"/{bucket}/copy", {"x-amz-copy-source": f"{bucket}/source"})
    assert (missing_key.status, b"<Key>source</Key>" in missing_key.body) == (404, True)
    missing_bucket = raw("PUT", f"/{bucket}/copy", {"x-amz-copy-source": "elsewhere/source"})
    assert (missing_bucket.status, b"<BucketName>elsewhere<" in missing_bucket.body) == (404, True)


def test_batch_delete(client: Any, bucket: str) -> None:
    keys = ["a", "b", "c d/é"]
    for key in keys:
        client.put_object(Bucket=bucket, Key=key, Body=b"")
    objects = [{"Key": key} for key in [*keys, "missing"]]
    answer = client.delete_objects(Bucket=bucket, Delete={"Objects": objects[1:]})
    assert [entry["Key"] for entry in answer["Deleted"]] == ["b", "c d/é", "missing"]
    wrong = client.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a", "ETag": '"other"'}]})
    assert wrong["Errors"][0]["Code"] == "PreconditionFailed"
    version = client.delete_objects(
        Bucket=bucket, Delete={"Objects": [{"Key": "a", "VersionId": "1"}, {"Key": "b", "VersionId": "null"}]}
    )
    assert [(entry["Key"], entry["Code"]) for entry in version["Errors"]] == [("a", "NoSuchVersion")]
    assert [entry["Key"] for entry in version["Deleted"]] == ["b"]
    sized = client.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a", "Size": 7}]})
    assert sized["Errors"][0]["Code"] == "NotImplemented"
    assert client.list_objects_v2(Bucket=bucket)["KeyCount"] == 1
    quiet = client.delete_objects(Bucket=bucket, Delete={"Objects": objects[:1], "Quiet": True})
    assert "Deleted" not in quiet
    assert client.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_multipart_upload_step_by_step(client: Any, bucket: str) -> None:
    place = {"Bucket": bucket, "Key": "key"}
    client.put_object(Bucket=bucket, Key="source", Body=os.urandom(6_000_000))
    upload = client.create_multipart_upload(**place, ContentType="text/plain")
    part = {**place, "UploadId": upload["UploadId"]}
    refused("InvalidArgument", 400, client.upload_part, **part, PartNumber=0, Body=b"")
    copied = client.upload_part_copy(
        **part, PartNumber=1, CopySource=f"{bucket}/source", CopySourceRange="bytes=10-5500009"
    )["CopyPartResult"]
    refused(
        "InvalidArgument",
        400,
        client.upload_part_copy,
        **part,
        PartNumber=1,
        CopySource=f"{bucket}/source",
        CopySourceRange="bytes=10-9999999",
    )
    second = client.upload_part(**part, PartNumber=2, Body=b"end")
    listed = client.list_parts(**part)
    assert [(entry["PartNumber"], entry["Size"]) for entry in listed["Parts"]] == [(1, 5_500_000), (2, 3)]
    assert client.list_parts(**part, MaxParts=1)["IsTruncated"]
    assert [entry["UploadId"] for entry in client.list_multipart_uploads(Bucket=bucket)["Uploads"]] == [
        upload["UploadId"]
    ]
    parts = [{"PartNumber": 1, "ETag": copied["ETag"]}, {"PartNumber": 2, "ETag": second["ETag"]}]
    refused(
        "InvalidPartOrder",
        400,
        client.complete_multipart_upload,
        **part,
        MultipartUpload={"Parts": parts[::-1]},
    )
    wrong = [{"PartNumber": 2, "ETag": copied["ETag"]}]
    refused("InvalidPart", 400, client.complete_multipart_upload, **part, MultipartUpload={"Parts": wrong})
    done = client.complete_multipart_upload(**part, MultipartUpload={"Parts": parts})
    assert done["ETag"].endswith('-2"')
    whole = read(client, Bucket=bucket, Key="source")[10:5_500_010] + b"end"
    got = client.get_object(**place)
    assert (got["Body"].read(), got["ContentType"]) == (whole, "text/plain")
    refused("NoSuchUpload", 404, client.abort_multipart_upload, **part)


def test_checksum_of_a_completion_is_that_of_the_object(client: Any, bucket: str, tmp_path: Path) -> None:
    data = os.urandom(9_000_000)
    (tmp_path / "file").write_bytes(data)
    whole = base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()
    client.upload_file(str(tmp_path / "file"), bucket, "key", ExtraArgs={"ChecksumCRC32": whole})
    head = client.head_object(Bucket=bucket, Key="key", ChecksumMode="ENABLED")
    assert (head["ChecksumCRC32"], head["ChecksumType"]) == (whole, "FULL_OBJECT")
    with pytest.raises(S3UploadFailedError, match="BadDigest"):
        client.upload_file(str(tmp_path / "file"), bucket, "other", ExtraArgs={"ChecksumCRC32": "AAAAAA=="})
    refused("404", 404, client.head_object, Bucket=bucket, Key="other")


def test_an_empty_part_cannot_be_read_on_its_own(client: Any, bucket: str) -> None:
    place = {"Bucket": bucket, "Key": "key"}
    part = {**place, "UploadId": client.create_multipart_upload(**place)["UploadId"]}
    parts = [
        {"PartNumber": number, "ETag": client.upload_part(**part, PartNumber=number, Body=body)["ETag"]}
        for number, body in ((1, bytes(5 * 2**20)), (2, b""))
    ]
    client.complete_multipart_upload(**part, MultipartUpload={"Parts": parts})
    assert client.head_object(**place, PartNumber=1)["ContentLength"] == 5 * 2**20
    refused("InvalidRange", 416, client.get_object, **place, PartNumber=2)


def test_uploads_are_paged(client: Any, bucket: str) -> None:
    for key in ("a/1", "a/2", "b", "b", "c"):
        client.create_multipart_upload(Bucket=bucket, Key=key)
    keys: list[str] = []
    markers: dict[str, str] = {}
    while True:
        page = client.list_multipart_uploads(Bucket=bucket, MaxUploads=2, **markers)
        keys += [upload["Key"] for upload in page["Uploads"]]
        if not page["IsTruncated"]:
            break
        markers = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}
    assert keys == ["a/1", "a/2", "b", "b", "c"]
    rolled = client.list_multipart_uploads(Bucket=bucket, Delimiter="/")
    assert [entry["Prefix"] for entry in rolled["CommonPrefixes"]] == ["a/"]


def test_buckets(server: S3Server, client: Any, bucket: str) -> None:
    names = [entry["Name"] for entry in client.list_buckets()["Buckets"]]
    assert bucket in names
    assert SAMPLES not in names
    assert client.get_bucket_location(Bucket=bucket)["LocationConstraint"] == "us-west-2"
    assert client.head_bucket(Bucket=bucket)["BucketRegion"] == "us-west-2"
    refused("BucketAlreadyOwnedByYou", 409, client.create_bucket, Bucket=bucket)
    virginia = server.client("us-east-1")
    virginia.create_bucket(Bucket=bucket)
    virginia.create_bucket(Bucket=f"{bucket}-east")
    assert virginia.get_bucket_location(Bucket=f"{bucket}-east")["LocationConstraint"] is None
    virginia.close()
    refused("404", 404, client.head_bucket, Bucket="missing-bucket")
    error = refused("NoSuchBucket", 404, client.list_objects_v2, Bucket="missing-bucket")
    assert error["BucketName"] == "missing-bucket"
    client.delete_bucket(Bucket=bucket)
    refused("404", 404, client.head_bucket, Bucket=bucket)


def test_settings_are_accepted_and_answered_as_unset(client: Any, bucket: str) -> None:
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    client.put_bucket_policy(Bucket=bucket, Policy="{}")
    client.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"BlockPublicAcls": True})
    assert "Status" not in client.get_bucket_versioning(Bucket=bucket)
    rules = client.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    for code, call in (
        ("NoSuchBucketPolicy", client.get_bucket_policy),
        ("NoSuchLifecycleConfiguration", client.get_bucket_lifecycle_configuration),
        ("NoSuchPublicAccessBlockConfiguration", client.get_public_access_block),
        ("NoSuchTagSet", client.get_bucket_tagging),
    ):
        refused(code, 404, call, Bucket=bucket)
        refused("NoSuchBucket", 404, call, Bucket="missing-bucket")


def test_what_is_not_here_is_refused_by_name(client: Any, bucket: str) -> None:
    error = refused("UnknownOperationException", 400, client.list_object_versions, Bucket=bucket)
    assert "ListObjectVersions" in error["Message"]
    key = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "0" * 32}
    refused("NotImplemented", 501, client.put_object, Bucket=bucket, Key="key", Body=b"", **key)
    locked = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": datetime(2030, 1, 1)}
    refused("InvalidRequest", 400, client.put_object, Bucket=bucket, Key="key", Body=b"", **locked)
    client.put_object(Bucket=bucket, Key="key", Body=b"")
    refused("NoSuchVersion", 404, client.get_object, Bucket=bucket, Key="key", VersionId="abc")


def test_another_owner_is_denied(server: S3Server, client: Any, bucket: str) -> None:
    client.head_bucket(Bucket=bucket, ExpectedBucketOwner=server.keys.account)
    refused("403", 403, client.head_bucket, Bucket=bucket, ExpectedBucketOwner="000000000001")
    refused("AccessDenied", 403, client.list_objects_v2, Bucket=bucket, ExpectedBucketOwner="000000000001")


def test_tags(client: Any, bucket: str) -> None:
    place = {"Bucket": bucket, "Key": "key"}
    client.put_object(**place, Body=b"")
    client.put_object_tagging(**place, Tagging={"TagSet": [{"Key": "a", "Value": "<&>"}]})
    assert client.get_object_tagging(**place)["TagSet"] == [{"Key": "a", "Value": "<&>"}]
    client.delete_object_tagging(**place)
    assert client.get_object_tagging(**place)["TagSet"] == []
    twice = {"TagSet": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]}
    refused("InvalidTag", 400, client.put_object_tagging, **place, Tagging=twice)
    many = {"TagSet": [{"Key": str(number), "Value": ""} for number in range(11)]}
    refused("BadRequest", 400, client.put_object_tagging, **place, Tagging=many)
    refused("InvalidTag", 400, client.put_object, **place, Body=b"", Tagging=f"{'k' * 129}=1")
    refused("MetadataTooLarge", 400, client.put_object, **place, Body=b"", Metadata={"a": "x" * 2048})


def test_listing_arguments_are_checked(client: Any, bucket: str) -> None:
    refused("InvalidArgument", 400, client.list_objects_v2, Bucket=bucket, ContinuationToken="!")
    refused("InvalidArgument", 400, client.list_objects_v2, Bucket=bucket, MaxKeys=-1)
    refused("InvalidArgument", 400, client.list_objects, Bucket=bucket, EncodingType="base64")


def test_sample_data_is_there_to_read(client: Any) -> None:
    client.head_bucket(Bucket=SAMPLES)
    listed = client.list_objects_v2(Bucket=SAMPLES, Prefix="mxnet/mnist/train")["Contents"]
    assert [entry["Key"] for entry in listed] == ["mxnet/mnist/train/images.gz"]
    assert read(client, Bucket=SAMPLES, Key="mxnet/mnist/train/images.gz") == b"images"
    refused("AccessDenied", 403, client.put_object, Bucket=SAMPLES, Key="key", Body=b"")


def test_sample_data_that_cannot_be_had_says_what_to_do(
    server: S3Server, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise SampleDataUnavailable("Run: ironworks datasets fetch mnist")

    monkeypatch.setattr(server.store.buckets, "_prepare_samples", fail)
    error = refused("SampleDataUnavailable", 400, client.list_objects_v2, Bucket=SAMPLES)
    assert "ironworks datasets fetch mnist" in error["Message"]


def test_full_disk_is_said_and_leaves_nothing(
    server: S3Server, client: Any, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = server.files()
    with monkeypatch.context() as patched:
        patched.setattr("ironworks.objects.blobs.os.fsync", full)
        error = refused(StoreFull.code, 507, client.put_object, Bucket=bucket, Key="key", Body=b"hello")
    assert "No space left on device. Make room there" in error["Message"]
    assert server.files() == before


@pytest.mark.parametrize(
    ("method", "target", "headers", "body", "code"),
    [
        ("GET", "key", {"Range": f"bytes={'9' * 5000}-"}, b"", "InvalidRange"),
        ("PUT", "key", {"x-amz-decoded-content-length": "9" * 5000, **CHUNKED}, NO_CHUNKS, "InvalidArgument"),
        ("PUT", "key", {"X-Amz-Content-SHA256": "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"}, b"", "NotImplemented"),
        ("PUT", "key", {"x-amz-write-offset-bytes": "5"}, b"more", "NotImplemented"),
        ("DELETE", "key", {"x-amz-if-match-size": "7"}, b"", "NotImplemented"),
        ("PUT", "key?x-amz-meta-a=%0D%0Ab", {}, b"", "InvalidArgument"),
        ("POST", "key?uploadId={upload}", {}, b"", "InvalidRequest"),
        ("POST", "key?uploads=", {**CRC32, "x-amz-checksum-type": "SOME"}, b"", "InvalidRequest"),
        ("GET", "key?attributes=", {**PARTS, "x-amz-max-parts": "-1"}, b"", "InvalidArgument"),
    ],
)  # fmt: skip
def test_odd_requests_are_refused_by_name_and_change_nothing(
    raw: Raw,
    client: Any,
    bucket: str,
    method: str,
    target: str,
    headers: dict[str, str],
    body: bytes,
    code: str,
) -> None:
    place = {"Bucket": bucket, "Key": "key"}
    part = {**place, "UploadId": client.create_multipart_upload(**place)["UploadId"]}
    etag = client.upload_part(**part, PartNumber=1, Body=b"hello")["ETag"]
    client.complete_multipart_upload(**part, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    upload = client.create_multipart_upload(**place)["UploadId"]
    answer = raw(method, f"/{bucket}/{target}".replace("{upload}", upload), headers, body)
    assert f"<Code>{code}</Code>" in answer.body.decode()
    assert read(client, **place) == b"hello"


@pytest.mark.parametrize("region", ["a\r\nSet-Cookie: b", "日本", "a" * 65])
def test_bucket_is_not_made_in_a_region_that_cannot_be_one(raw: Raw, client: Any, region: str) -> None:
    written = "".join(f"&#{ord(character)};" for character in region)
    body = f"<C><LocationConstraint>{written}</LocationConstraint></C>".encode()
    assert b"InvalidLocationConstraint" in raw("PUT", "/nowhere-bucket", {}, body).body
    refused("404", 404, client.head_bucket, Bucket="nowhere-bucket")


def test_copy_source_in_raw_utf8_means_the_same_key(raw: Raw, client: Any, bucket: str) -> None:
    client.put_object(Bucket=bucket, Key="é", Body=b"hello")
    copied = raw("PUT", f"/{bucket}/copy", {"x-amz-copy-source": f"{bucket}/é".encode().decode("latin-1")})
    assert copied.status == 200
    assert read(client, Bucket=bucket, Key="copy") == b"hello"
