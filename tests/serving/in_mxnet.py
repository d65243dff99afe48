"""Run by an interpreter that has MXNet: serves a model archive, and answers the requests that come as JSON.

python in_mxnet.py FOLDER [PROGRAM] < [[BODY, CONTENT_TYPE, ACCEPT], ...]

Prints, behind what the model prints, a list of [STATUS, CONTENT_TYPE, BODY] or the text of the refusal. Bodies are
base64.
"""

import base64
import json
import sys
from pathlib import Path

from ironworks.serving import loading
from ironworks.serving.compute import answer_to
from ironworks.serving.errors import StartupError
from ironworks.serving.invocation import Invocation

folder, program = Path(sys.argv[1]), (sys.argv[2:] or [None])[0]
try:
    handler = loading.prepare(folder, program)
except StartupError as error:
    print(json.dumps(str(error)))
    sys.exit()
answers = []
for body, content_type, accept in json.load(sys.stdin):
    answer = answer_to(Invocation(base64.b64decode(body), content_type, accept), handler)
    answers.append([answer.status, answer.content_type, base64.b64encode(answer.body).decode()])
print(json.dumps(answers))
