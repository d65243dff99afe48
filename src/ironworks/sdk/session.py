"""A session: clients of one server in one region, and where its objects are kept."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import BotoCoreError, ParamValidationError
from botocore.exceptions import ClientError as ErrorAnswer

from ironworks.errors import ClientError, IronworksError
from ironworks.objects import parse_s3_uri
from ironworks.sdk.connection import connect
from ironworks.sdk.errors import RequestRefused, ServerUnreachable
from ironworks.sdk.legacy import legacy_names
from ironworks.server.process import running


class Session:
    """Clients of a server that speak AWS's wire, with its own keys.

    Without arguments it connects to the server that `ironworks env` has set the shell up for; else to that of the
    home (`IRONWORKS_HOME`, or `~/.ironworks`), which is started if it does not run. `home` names another one.

    Raises:
        IronworksError: no server runs and none can be started.
    """

    @legacy_names(ignored={"boto_session": "the session makes one, with the installation's own keys"})
    def __init__(self, home: Path | str | None = None, region: str | None = None) -> None:
        self._connection = connect(home, region)
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        home = f", home={str(self._connection.home.path)!r}" if self._connection.home else ""
        return f"<Session {self.url}, region={self.region!r}{home}>"

    @property
    def url(self) -> str:
        """The server's address."""
        return self._connection.url

    @property
    def region(self) -> str:
        """The region that everything of this session is in."""
        return str(self._connection.boto.region_name)

    @property
    def boto_session(self) -> boto3.Session:
        """A boto3 session with the keys and the region; give its clients `endpoint_url=session.url`."""
        return self._connection.boto

    boto_region_name = region

    def client(self, service: str) -> Any:
        """The boto3 client of a service: `sagemaker`, `s3`, `logs`, … and `ironworks`."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._connection.boto.client(service, **self._connection.arguments)
            return self._clients[service]

    def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Perform an operation, such as `call("sagemaker", "describe_model", ModelName="m")`.

        Raises:
            RequestRefused: the server refused it.
            ServerUnreachable: no server answers.
            ClientError: the parameters are none that the operation takes.
        """
        try:
            answer: dict[str, Any] = getattr(self.client(service), operation)(**parameters)
        except ErrorAnswer as error:
            raise _refused(error) from error
        except ParamValidationError as error:
            raise ClientError(str(error)) from error
        except BotoCoreError as error:
            raise self._unreachable(error) from error
        return answer

    @cached_property
    def account(self) -> str:
        """The installation's account number."""
        return str(self._identity["Account"])

    @cached_property
    def role(self) -> str:
        """The ARN of the role that jobs and models run with."""
        name = self._identity["Arn"].split("/")[1]
        return str(self.call("iam", "get_role", RoleName=name)["Role"]["Arn"])

    @cached_property
    def _identity(self) -> dict[str, Any]:
        return self.call("sts", "get_caller_identity")

    def default_bucket(self) -> str:
        """The bucket for what has been given no place: `sagemaker-REGION-ACCOUNT`. It is made at first use."""
        return self._default_bucket

    @cached_property
    def _default_bucket(self) -> str:
        name = f"sagemaker-{self.region}-{self.account}"
        place = {} if self.region == "us-east-1" else {"LocationConstraint": self.region}
        try:
            self.call(
                "s3", "create_bucket", Bucket=name, **({"CreateBucketConfiguration": place} if place else {})
            )
        except RequestRefused as error:
            if error.code != "BucketAlreadyOwnedByYou":
                raise
        return name

    def upload(self, path: Path | str, uri: str) -> str:
        """Upload a file to an S3 URI, which is returned.

        Raises:
            ClientError: the file cannot be read, or the bucket refuses it.
        """
        bucket, key = parse_s3_uri(uri)
        try:
            self.client("s3").upload_file(str(path), bucket, key)
        except OSError as error:
            raise ClientError(f"{path} cannot be read: {error.strerror}.") from error
        except S3UploadFailedError as error:
            raise ClientError(f"{path} could not be uploaded to {uri}: {error}") from error
        except BotoCoreError as error:
            raise self._unreachable(error) from error
        return uri

    def download(self, uri: str, path: Path | str) -> Path:
        """Download an object to a file.

        Raises:
            RequestRefused: it is not there.
        """
        bucket, key = parse_s3_uri(uri)
        try:
            self.client("s3").download_file(bucket, key, str(path))
        except ErrorAnswer as error:
            raise RequestRefused(
                "GetObject", error.response["Error"]["Code"], f"{uri} cannot be read"
            ) from error
        except BotoCoreError as error:
            raise self._unreachable(error) from error
        return Path(path)

    def delete_objects(self, uri: str) -> None:
        """Delete every object whose URI begins with `uri`."""
        bucket, prefix = parse_s3_uri(uri)
        while found := self.call("s3", "list_objects_v2", Bucket=bucket, Prefix=prefix).get("Contents"):
            keys = [{"Key": item["Key"]} for item in found]
            self.call("s3", "delete_objects", Bucket=bucket, Delete={"Objects": keys, "Quiet": True})

    @contextmanager
    def objects_removed_on_failure(self, *prefixes: str) -> Iterator[None]:
        """If the block fails, objects whose URIs begin with one of `prefixes` are deleted."""
        try:
            yield
        except BaseException:
            for prefix in prefixes:
                with suppress(IronworksError):  # what failed is told, not that it could not be cleaned up
                    self.delete_objects(prefix)
            raise

    def upload_data(self, path: Path | str, bucket: str | None = None, key_prefix: str = "data") -> str:
        """Upload a file, or all files of a folder, as the SageMaker SDK does; the S3 URI of the prefix or file."""
        from ironworks.sdk.channels import upload_path

        return upload_path(self, Path(path), f"s3://{bucket or self.default_bucket()}/{key_prefix}")

    def delete_endpoint(self, endpoint_name: str) -> None:
        """Delete an endpoint. Its configuration and its model stay: `Predictor.delete` deletes all three."""
        self.call("sagemaker", "delete_endpoint", EndpointName=endpoint_name)

    def lives(self) -> bool:
        """Whether the server that this session was made for is still the one to speak to."""
        home = self._connection.home
        if home is None:
            return True
        record = running(home)
        return record is not None and record.url == self.url

    def _unreachable(self, error: Exception) -> ServerUnreachable:
        return ServerUnreachable(
            f"No server answers at {self.url} ({error}). Start it: ironworks up. Jobs and endpoints go on meanwhile."
        )


def get_execution_role(sagemaker_session: Session | None = None) -> str:
    """The ARN of the role that jobs run with."""
    return (sagemaker_session or default_session()).role


_default: dict[tuple[str | None, ...], Session] = {}
"""At most one, by what the environment said when it was made."""


def default_session() -> Session:
    """The session of whoever names none. It is made anew when the environment has changed or the server has gone."""
    names = ("IRONWORKS_HOME", "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_REGION", "AWS_DEFAULT_REGION")
    key = tuple(os.environ.get(name) for name in names)
    if key not in _default or not _default[key].lives():
        _default.clear()
        _default[key] = Session()
    return _default[key]


def _refused(error: ErrorAnswer) -> RequestRefused:
    answer = error.response["Error"]
    return RequestRefused(error.operation_name, answer["Code"], answer["Message"], error.response)
