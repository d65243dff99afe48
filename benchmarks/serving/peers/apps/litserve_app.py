"""LitServe with one worker and one API server; what it reads is its own JSON, or a raw body for npy."""

from typing import Annotated

import litserve
from fastapi import Body, Request, Response
from onnx_model import CONTENT_TYPE, JSON, PORT, Model


class Json(litserve.LitAPI):
    """JSON, which LitServe parses."""

    def setup(self, device):
        self.model = Model()

    def decode_request(self, request: Request):
        return request

    def predict(self, rows):
        return self.model.run(rows)

    def encode_response(self, scores) -> Response:
        return scores


class Npy(Json):
    """npy, which arrives as bytes."""

    def decode_request(self, request: Annotated[bytes, Body()]):
        return request

    def predict(self, body):
        return self.model.answer(body)

    def encode_response(self, answer):
        return Response(answer, media_type="application/json")


if __name__ == "__main__":
    api = (Json if CONTENT_TYPE == JSON else Npy)(api_path="/invocations")
    litserve.LitServer(api, accelerator="cpu", workers_per_device=1).run(
        host="127.0.0.1", port=PORT, log_level="warning", num_api_servers=1, generate_client_file=False
    )
