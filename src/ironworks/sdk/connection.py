"""How the SDK reaches a server: the one that the environment names, or that of a home, which is started if need be."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

from ironworks import __version__
from ironworks.errors import ClientError, IronworksError
from ironworks.home import DEFAULT_PORT, Home
from ironworks.server.activation import DEFAULT_REGION, restored
from ironworks.server.keys import Keys
from ironworks.server.process import ServerRecord, running, start_in_background
from ironworks.server.protocols.model import MODELS

HOST = "127.0.0.1"
_RETRIES = {"mode": "standard", "total_max_attempts": 3}
_WITHOUT_PROFILE = {"profile": (None, None, None, None)}
"""A session variable that neither AWS_PROFILE nor a file can set."""


@dataclass(frozen=True)
class Connection:
    """A server, and what clients of it are made with.

    Attributes:
        url: where it answers.
        home: its home; None if the environment names the server.
        boto: a boto3 session with its keys and region.
        arguments: what each client is given besides.
    """

    url: str
    home: Home | None
    boto: boto3.Session
    arguments: Mapping[str, Any]


def connect(
    home: Path | str | None, region: str | None, environ: Mapping[str, str] = os.environ
) -> Connection:
    """Connect to the server of `home`; if none is given, to that of AWS_ENDPOINT_URL, else of IRONWORKS_HOME.

    Raises:
        IronworksError: no server runs and none can be started.
    """
    region = region or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or DEFAULT_REGION
    url = environ.get("AWS_ENDPOINT_URL")
    if home is None and url:
        boto = boto3.Session(
            botocore_session=_with_own_models(botocore.session.Session()), region_name=region
        )
        return Connection(url, None, boto, {"config": Config(retries=_RETRIES)})
    if home is not None:
        environ = {**environ, "IRONWORKS_HOME": str(home)}
    return _to_home(Home.from_environment(environ), region, environ)


def _to_home(home: Home, region: str, environ: Mapping[str, str]) -> Connection:
    """With the installation's own address and keys, whatever else the environment says."""
    record = running(home) or _start(home, environ)
    keys = Keys.open(home.keys)
    boto = boto3.Session(
        botocore_session=_with_own_models(botocore.session.Session(session_vars=_WITHOUT_PROFILE)),
        aws_access_key_id=keys.access_key_id,
        aws_secret_access_key=keys.secret_access_key,
        region_name=region,
    )
    config = Config(retries=_RETRIES, proxies={}, use_fips_endpoint=False, use_dualstack_endpoint=False)
    return Connection(record.url, home, boto, {"endpoint_url": record.url, "config": config})


def _start(home: Home, environ: Mapping[str, str]) -> ServerRecord:
    before = restored(environ)  # or a server started from a shell that is set up would be its own proxy
    try:
        record = _start_on_free_port(home, before)
    except IronworksError:
        other = running(home)  # which another process has started meanwhile
        if other is None:
            raise
        return other
    sys.stdout.write(
        f"Ironworks {__version__}: no server ran on {home.path}, so one was started at {record.url}. "
        "It stays; to stop it: ironworks down\n"
    )
    sys.stdout.flush()
    return record


def _start_on_free_port(home: Home, environ: Mapping[str, str]) -> ServerRecord:
    try:
        return start_in_background(home, HOST, DEFAULT_PORT, environ=environ)
    except ClientError:  # the port is taken
        return start_in_background(home, HOST, 0, environ=environ)


def _with_own_models(session: botocore.session.Session) -> botocore.session.Session:
    session.get_component("data_loader").search_paths.append(str(MODELS))
    return session
