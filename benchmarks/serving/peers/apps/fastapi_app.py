"""FastAPI under uvicorn with uvloop and httptools; the body is read raw, and nothing is validated."""

import uvicorn
from fastapi import FastAPI, Request, Response
from onnx_model import PORT, WORKERS, Model

model = Model()
app = FastAPI()


@app.post("/invocations")
async def invocations(request: Request):
    """The model's scores. They take microseconds: a thread for them would only cost more."""
    return Response(model.answer(await request.body()), media_type="application/json")


if __name__ == "__main__":
    uvicorn.run(
        "fastapi_app:app",
        port=PORT,
        workers=WORKERS,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )
