"""The server of an installation, asked like any client asks."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.exceptions import ClientError as ServiceError

from ironworks.errors import ClientError
from ironworks.home import Home
from ironworks.server.keys import Keys
from ironworks.server.process import running
from ironworks.server.protocols.model import MODELS

DEFAULT_REGION = "us-west-2"


@dataclass(frozen=True)
class Access:
    """Where the server is, and who asks."""

    url: str
    keys: Keys
    region: str

    @classmethod
    def of(cls, home: Home, environ: Mapping[str, str] = os.environ) -> Access:
        """The server that runs on a home.

        Raises:
            ClientError: none does.
        """
        record = running(home)
        if record is None:
            raise ClientError(f"No server runs on {home.path}. Start it: ironworks up")
        region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or DEFAULT_REGION
        return cls(record.url, Keys.open(home.keys), region)

    @cached_property
    def sagemaker(self) -> Any:
        """The API's client."""
        return self._client("sagemaker")

    @cached_property
    def s3(self) -> Any:
        """The object store's client."""
        return self._client("s3")

    @cached_property
    def ironworks(self) -> Any:
        """The client of what AWS has no operations for."""
        return self._client("ironworks")

    def _client(self, service: str) -> Any:
        session = botocore.session.Session(session_vars={"profile": (None, None, None, None)})
        session.get_component("data_loader").search_paths.append(str(MODELS))
        return boto3.Session(botocore_session=session).client(
            service,
            region_name=self.region,
            endpoint_url=self.url,
            aws_access_key_id=self.keys.access_key_id,
            aws_secret_access_key=self.keys.secret_access_key,
            config=Config(proxies={}, connect_timeout=5, read_timeout=60, retries={"total_max_attempts": 1}),
        )


@contextmanager
def told(what: str) -> Iterator[None]:
    """An error of the API as one of the caller's; `what` says what was asked for.

    Raises:
        ClientError: the server refused, or does not answer.
    """
    try:
        yield
    except ServiceError as error:
        raise ClientError(f"{what}: {error.response['Error'].get('Message', error)}") from None
    except BotoCoreError as error:
        raise ClientError(f"{what}: {error}") from None
