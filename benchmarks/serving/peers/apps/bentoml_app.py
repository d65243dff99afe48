"""BentoML with one worker: its own JSON, or a raw body for npy."""

from typing import Annotated

import bentoml
import numpy as np
from onnx_model import CONTENT_TYPE, JSON, Model

if CONTENT_TYPE == JSON:
    Body = np.ndarray
else:
    Body = Annotated[bytes, bentoml.validators.ContentType("application/octet-stream")]


@bentoml.service(workers=1, metrics={"enabled": False}, logging={"access": {"enabled": False}})
class Digits:
    """The model behind /invocations."""

    def __init__(self) -> None:
        self.model = Model()

    @bentoml.api(route="/invocations")
    async def invocations(self, body: Body, /) -> list[float]:
        """The model's scores."""
        if CONTENT_TYPE == JSON:
            return self.model.run(body)
        import io

        return self.model.run(np.load(io.BytesIO(body)))
