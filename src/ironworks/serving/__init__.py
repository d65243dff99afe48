"""One endpoint instance: a process that holds one model and answers `GET /ping` and `POST /invocations`.

    python -m ironworks.serving --model DIR --socket PATH [--listen HOST:PORT]

A request's way: `_http`, the server in C below `c/`, reads it and calls `compute`; `hooks` decodes, predicts and
encodes it, with the user's functions (`module`) or with `codecs`; `_http` sends the answer. With several `workers`
one process accepts the connections, and the others, each with a model of its own, answer them.
"""
