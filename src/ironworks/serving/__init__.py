"""One endpoint instance: a process that holds one model and answers `GET /ping` and `POST /invocations`.

    python -m ironworks.serving --model DIR --socket PATH

A request's way: `http` reads it from the Unix socket, `compute` passes it to the one thread that runs models,
`hooks` decodes, predicts and encodes it, with the user's functions (`module`) or with `codecs`.
"""
