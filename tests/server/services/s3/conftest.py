"""A server on loopback with nothing but S3 behind the real application, and clients of it."""

from __future__ import annotations

import http.client
import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from ironworks.database import Database
from ironworks.database.schema import bring_up_to_date
from ironworks.home import Home
from ironworks.objects import LocalObjects
from ironworks.server.app import App
from ironworks.server.authority import Authority
from ironworks.server.keys import Keys
from ironworks.server.services.s3 import S3Service
from tests.server.running import running

_numbers = itertools.count()


@dataclass
class S3Server:
    """The part of an installation that the application needs, and where it listens."""

    keys: Keys
    services: Mapping[str, Any]
    store: LocalObjects
    home: Home
    url: str = ""

    def client(self, region: str = "us-west-2", **config: Any) -> Any:
        """An unmodified boto3 client with this installation's keys."""
        return boto3.client(
            "s3",
            region_name=region,
            endpoint_url=self.url,
            aws_access_key_id=self.keys.access_key_id,
            aws_secret_access_key=self.keys.secret_access_key,
            config=Config(**{"retries": {"total_max_attempts": 1}, "signature_version": "s3v4", **config}),
        )

    def files(self) -> list[Path]:
        """Every blob, finished or not."""
        return [path for path in self.home.objects.rglob("*") if path.is_file()]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    path = Path(tempfile.mkdtemp(prefix="iw-s3-"))
    home = Home.from_environment({"IRONWORKS_HOME": str(path)})
    home.create()
    database = Database(home.database_url)
    bring_up_to_date(database)
    sample = tmp_path_factory.mktemp("samples") / "images.gz"
    sample.write_bytes(b"images")
    store = LocalObjects(database, home.objects, lambda: {"mxnet/mnist/train/images.gz": sample})
    keys = Keys.open(home.keys)
    found = S3Server(keys, {"s3": S3Service(store, keys.account)}, store, home)
    with running(Authority.open(home.ca), app=App(found)) as server:  # type: ignore[arg-type]
        found.url = server.url
        yield found
    database.close()
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def client(server: S3Server) -> Iterator[Any]:
    client = server.client()
    yield client
    client.close()


@pytest.fixture
def bucket(client: Any) -> str:
    """A new bucket."""
    name = f"bucket-{next(_numbers)}"
    client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    return name


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


Raw = Callable[..., Answer]


class _Auth(S3SigV4Auth):
    """Signs all headers, and of the body what the request's own header says of it."""

    def __init__(self, keys: Keys, payload: str) -> None:
        super().__init__(Credentials(keys.access_key_id, keys.secret_access_key), "s3", "us-west-2")
        self._payload = payload

    def payload(self, request: AWSRequest) -> str:
        return self._payload


@pytest.fixture(scope="session")
def raw(server: S3Server) -> Iterator[Raw]:
    """Signs and sends any request: method, path with query, headers, body (bytes, or pieces in HTTP chunks)."""
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=20)

    def send(method: str, target: str, headers: Mapping[str, str] = {}, body: Any = b"") -> Answer:
        request = AWSRequest(method=method, url=server.url + target, headers=dict(headers))
        _Auth(server.keys, headers.get("X-Amz-Content-SHA256", "UNSIGNED-PAYLOAD")).add_auth(request)
        connection.request(method, target, body=body, headers=dict(request.headers.items()))
        response = connection.getresponse()
        return Answer(response.status, dict(response.headers), response.read())

    yield send
    connection.close()
