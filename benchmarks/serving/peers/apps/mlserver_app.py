"""A runtime of MLServer with a handler of its own, beside MLServer's V2 protocol, which knows no npy."""

import asyncio

from mlserver import MLModel, MLServer, ModelSettings, Settings
from mlserver.handlers import custom_handler
from mlserver.settings import ModelParameters
from onnx_model import PORT, Model
from starlette.requests import Request
from starlette.responses import Response


class Digits(MLModel):
    """The model behind /invocations."""

    async def load(self) -> bool:
        self.model = Model()
        return True

    @custom_handler(rest_path="/invocations")
    async def invocations(self, request: Request) -> Response:
        """The model's scores."""
        return Response(self.model.answer(await request.body()), media_type="application/json")


async def main() -> None:
    """Serve without workers of its own, which would only add a queue between processes."""
    settings = Settings(
        debug=False,
        host="127.0.0.1",
        http_port=PORT,
        grpc_port=PORT + 1,
        metrics_endpoint=None,
        parallel_workers=0,
    )
    model = ModelSettings(name="digits", implementation=Digits, parameters=ModelParameters(uri="."))
    await MLServer(settings).start([model])


if __name__ == "__main__":
    asyncio.run(main())
