"""ASGI without a framework, under uvicorn with uvloop and httptools."""

import uvicorn
from onnx_model import PORT, WORKERS, Model

model = Model()
HEADERS = [(b"content-type", b"application/json")]


async def app(scope, receive, send):
    """Answer any request with the model's scores."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    answer = model.answer(body)
    length = (b"content-length", str(len(answer)).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [*HEADERS, length]})
    await send({"type": "http.response.body", "body": answer})


if __name__ == "__main__":
    uvicorn.run(
        "raw_asgi:app",
        port=PORT,
        workers=WORKERS,
        loop="uvloop",
        http="httptools",
        lifespan="off",
        access_log=False,
        log_level="warning",
    )
