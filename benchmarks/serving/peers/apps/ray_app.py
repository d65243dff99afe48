"""Ray Serve: one replica of one core, one proxy."""

import logging
import signal
from pathlib import Path

import ray
from onnx_model import PORT, Model
from ray import serve
from starlette.requests import Request
from starlette.responses import Response


@serve.deployment(num_replicas=1, ray_actor_options={"num_cpus": 1}, max_ongoing_requests=128)
class Digits:
    """The model behind /invocations."""

    def __init__(self) -> None:
        self.model = Model()

    async def __call__(self, request: Request) -> Response:
        """The model's scores."""
        return Response(self.model.answer(await request.body()), media_type="application/json")


if __name__ == "__main__":
    # Its files in the current folder, not in one that all share and nobody empties.
    ray.init(
        _temp_dir=str(Path.cwd()),
        num_cpus=2,
        include_dashboard=False,
        logging_level=logging.WARNING,
        log_to_driver=False,
    )
    serve.start(http_options={"host": "127.0.0.1", "port": PORT})
    serve.run(
        Digits.bind(),
        route_prefix="/invocations",
        logging_config={"log_level": "WARNING", "enable_access_log": False},
    )
    signal.pause()
