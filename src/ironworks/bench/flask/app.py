"""The original model behind Flask, as one writes it by hand; it runs in the environment of MXNet and Flask.

`python app.py DESCRIPTOR` serves it with Werkzeug on a listening socket that is inherited; `create()` gives the
application to any other WSGI server. IRONWORKS_BENCH_MODEL is the folder of the checkpoint, IRONWORKS_BENCH_SHAPES
a JSON object: the shape of each input.
"""

from __future__ import annotations

import io
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

import mxnet as mx
import numpy as np
from flask import Flask, Response, request


def load_module(folder: str, shapes: dict[str, list[int]]) -> Any:
    """The checkpoint below a folder as a Module that is ready to run."""
    symbol_file = sorted(Path(folder).rglob("*-symbol.json"))[0]
    prefix = str(symbol_file).removesuffix("-symbol.json")
    epoch = int(sorted(symbol_file.parent.glob("*-????.params"))[-1].stem[-4:])
    symbol, arguments, auxiliary = mx.model.load_checkpoint(prefix, epoch)
    module = mx.mod.Module(symbol, data_names=list(shapes), label_names=None, context=mx.cpu())
    data_shapes = [(name, tuple(shape)) for name, shape in shapes.items()]
    module.bind(for_training=False, data_shapes=data_shapes)
    module.set_params(arguments, auxiliary, allow_missing=True)
    return module


def read(body: bytes, content_type: str | None) -> Any:
    """The array of a request: npy, or JSON."""
    if content_type == "application/json":
        return np.array(json.loads(body), np.float32)
    return np.load(io.BytesIO(body))


def create() -> Flask:
    """The application: one model, used by one request at a time."""
    shapes = json.loads(os.environ["IRONWORKS_BENCH_SHAPES"])
    (shape,) = shapes.values()
    module = load_module(os.environ["IRONWORKS_BENCH_MODEL"], shapes)
    lock = threading.Lock()
    app = Flask(__name__)

    @app.post("/invocations")
    def invocations() -> Response:
        array = read(request.get_data(), request.content_type).reshape(shape)
        with lock:
            module.forward(mx.io.DataBatch([mx.nd.array(array)]), is_train=False)
            result = module.get_outputs()[0].asnumpy()
        return Response(json.dumps(np.squeeze(result).tolist()), content_type="application/json")

    return app


def main() -> None:
    """Serve with Werkzeug: connections are kept, each has a thread, and no request is logged."""
    import logging

    from werkzeug.serving import WSGIRequestHandler, make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    WSGIRequestHandler.protocol_version = "HTTP/1.1"
    make_server("127.0.0.1", 0, create(), threaded=True, fd=int(sys.argv[1])).serve_forever()


if __name__ == "__main__":
    main()
