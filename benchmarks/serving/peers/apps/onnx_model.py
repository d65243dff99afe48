"""The model as the peers run it: ONNX Runtime with one thread, npy and JSON read as one does by hand."""

import io
import json
import os

import numpy as np
import onnxruntime

JSON = "application/json"
CONTENT_TYPE = os.environ.get("PEER_CONTENT_TYPE", JSON)
"""Of what will be sent."""
PORT = int(os.environ.get("PEER_PORT", "0"))
WORKERS = int(os.environ.get("PEER_WORKERS", "1"))


class Model:
    """The file that PEER_MODEL names."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        providers = ["CPUExecutionProvider"]
        self.session = onnxruntime.InferenceSession(os.environ["PEER_MODEL"], options, providers=providers)
        self.name = self.session.get_inputs()[0].name

    def answer(self, body: bytes) -> bytes:
        """A JSON list, from a body of CONTENT_TYPE."""
        rows = json.loads(body) if CONTENT_TYPE == JSON else np.load(io.BytesIO(body))
        return json.dumps(self.run(rows)).encode()

    def run(self, rows) -> list:
        """The scores of one row."""
        data = np.asarray(rows, np.float32)
        return self.session.run(None, {self.name: data})[0][0].tolist()
