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
from botocore.config import Config

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
            config=Config(retries={"total_max_attempts": 1}, signature_version="s3v4", **config),
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


@pytest.fixture
def raw(server: S3Server, client: Any) -> Iterator[Raw]:
    """Sends a request as it is to a presigned URL: method, path, headers, body (bytes, or pieces in HTTP chunks)."""
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=20)

    def send(operation: str, params: dict[str, Any], headers: dict[str, str], body: Any = b"") -> Answer:
        method = {"get": "GET", "put": "PUT", "upl": "PUT", "hea": "HEAD", "del": "DELETE"}[operation[:3]]
        url = client.generate_presigned_url(operation, Params=params)
        connection.request(method, url.removeprefix(server.url), body=body, headers=headers)
        response = connection.getresponse()
        return Answer(response.status, dict(response.headers), response.read())

    yield send
    connection.close()
