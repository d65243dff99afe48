"""The whole wire in a thread of the tests: an installation whose job processes are fakes, and clients of it."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import botocore.session
import uvicorn
from botocore.config import Config

from ironworks.control.platform import Platform
from ironworks.home import Home
from ironworks.server.app import App, Pages
from ironworks.server.installation import Installation
from ironworks.server.keys import Keys
from ironworks.server.metrics import Metrics
from ironworks.server.protocols.model import MODELS
from tests.control.fakes import FakeExecutor

REGION = "us-west-2"


@dataclass
class Wire:
    """A running server, seen from outside and from inside."""

    url: str
    home: Home
    keys: Keys
    platform: Platform
    executor: FakeExecutor
    metrics: Metrics

    def client(self, service: str, region: str = REGION, **credentials: str) -> Any:
        """A botocore client that never retries, so that a test sees the first answer."""
        secrets = {
            "aws_access_key_id": self.keys.access_key_id,
            "aws_secret_access_key": self.keys.secret_access_key,
            **credentials,
        }
        config = Config(
            retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, parameter_validation=False
        )
        session = botocore.session.Session()
        session.get_component("data_loader").search_paths.append(str(MODELS))
        return session.create_client(
            service, region_name=region, endpoint_url=self.url, config=config, **secrets
        )


@contextlib.contextmanager
def serve(home: Home, make_pages: Callable[[Installation], Pages] | None = None) -> Iterator[Wire]:
    """Run the application on a free port of the loopback, with pages for people if a test is about them."""
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    executor = FakeExecutor()
    installation = Installation(home, url, executor)
    app = App(installation, make_pages(installation) if make_pages else None)
    server = uvicorn.Server(uvicorn.Config(app, lifespan="on", ws="none", log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.005)
    keys = Keys.open(home.keys)
    platform = Platform.open(home, keys.account)
    try:
        yield Wire(url, home, keys, platform, executor, installation.metrics)
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
        platform.close()
