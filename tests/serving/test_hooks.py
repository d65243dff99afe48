from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from ironworks.serving.errors import InvocationError, StartupError
from ironworks.serving.hooks import make_handler
from ironworks.serving.invocation import Answer, Handler, Invocation

FOLDER = Path("model")


@dataclass
class Named:
    name: str


class Doubling:
    """Stands for a compiled model of two numbers."""

    def __init__(self, outputs: int = 1) -> None:
        self.inputs = [Named("data")]
        self.outputs = [Named(f"out{index}") for index in range(outputs)]

    def run(self, data: Any) -> list[np.ndarray]:
        array = np.asarray(data["data"] if isinstance(data, dict) else data, dtype=np.float32)
        if array.size != 2:
            raise ValueError(f"The input data takes 2 numbers and was given {array.size}.")
        return [array * 2 * (index + 1) for index in range(len(self.outputs))]


def handler(source: str | None, model: Any = None) -> Handler:
    module = None
    if source is not None:
        module = ModuleType("hosting_script")
        exec(source, module.__dict__)
    return make_handler(module, FOLDER, lambda _: model or Doubling())


def invoke(source: str | None, body: bytes = b"[1, 2]", model: Any = None, **members: str) -> Answer:
    return handler(source, model)(Invocation(body, **members))


def failure(source: str | None, body: bytes = b"[1, 2]", **members: str) -> InvocationError:
    with pytest.raises(InvocationError) as caught:
        invoke(source, body, **members)
    return caught.value


def refusal(source: str) -> str:
    with pytest.raises(StartupError) as caught:
        handler(source)
    return str(caught.value)


# without hooks


@pytest.mark.parametrize("source", [None, "def train(): pass", "neo_preprocess = 3"])
def test_without_hooks_payloads_are_decoded_and_answers_encoded_by_content_type(source: str | None) -> None:
    assert invoke(source, b"1,2", content_type="text/csv", accept="text/csv") == Answer(
        b"2.0,4.0\n", "text/csv"
    )


def test_several_outputs_are_answered_by_name() -> None:
    assert json.loads(invoke(None, model=Doubling(2)).body) == {"out0": [2.0, 4.0], "out1": [4.0, 8.0]}


def test_an_input_of_the_wrong_size_is_a_400_with_the_models_words() -> None:
    error = failure(None, b"[1, 2, 3]")
    assert (error.status, "takes 2 numbers and was given 3" in error.message) == (400, True)


# Neo


def test_neo_hooks_get_bytes_and_the_array_and_give_body_and_content_type() -> None:
    source = """
import json, numpy
def neo_preprocess(payload, content_type):
    assert type(payload) is bytes and content_type == 'x/y; v=1'
    return numpy.array([len(payload), 1])
def neo_postprocess(result):
    assert isinstance(result, numpy.ndarray)
    return json.dumps(result.tolist()), 'text/special'
"""
    assert invoke(source, b"abc", content_type="x/y; v=1") == Answer(b"[6.0, 2.0]", "text/special")


def test_neo_postprocess_gets_the_list_of_several_outputs() -> None:
    source = "def neo_postprocess(result):\n    assert type(result) is list\n    return str(len(result))"
    assert invoke(source, model=Doubling(2)) == Answer(b"2", "application/json")


def test_a_missing_neo_postprocess_is_the_codec() -> None:
    source = "def neo_preprocess(payload, content_type): return {'data': [3, 4]}"
    assert invoke(source, b"", accept="text/csv").body == b"6.0,8.0\n"


def test_neo_preprocess_may_give_a_list() -> None:
    assert invoke("def neo_preprocess(payload, content_type): return [3, 4]").body == b"[6.0,8.0]"


@pytest.mark.parametrize(
    ("returned", "body"),
    [
        ("'é'", "é".encode()),
        ("b'raw'", b"raw"),
        ("bytearray(b'raw')", b"raw"),
        ("result", b"[2.0,4.0]"),
        ("{'p': result[0]}", b'{"p":2.0}'),
        ("[1, 2]", b"[1,2]"),
        ("(1, 2)", b"[1,2]"),
        ("(result, 'text/csv')", b"2.0,4.0\n"),
    ],
)
def test_neo_postprocess_may_return_text_bytes_arrays_and_lists(returned: str, body: bytes) -> None:
    assert invoke(f"def neo_postprocess(result): return {returned}").body == body


@pytest.mark.parametrize(
    ("returned", "text"),
    [
        ("None", "it gave None"),
        ("object()", "object cannot be written as JSON"),
        (r"('a', 'text/plain\r\nx: y')", "not a content type"),
        ("([1], 'image/png')", "image/png"),
    ],
)
def test_a_result_that_is_no_answer_names_the_hook_or_the_format(returned: str, text: str) -> None:
    error = failure(f"def neo_postprocess(result): return {returned}")
    assert error.status >= 500 or error.status == 406
    assert text in error.message


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        ("raise RuntimeError('Content type must be npy')", "Content type must be npy"),
        ("raise ValueError('bad')", "bad"),
        ("{}['missing']", "KeyError: 'missing'"),
        ("assert False", "AssertionError"),
        ("int(payload)", "invalid literal"),
    ],
)
@pytest.mark.parametrize("hook", ["neo_preprocess(payload, content_type)", "input_fn(payload, content_type)"])
def test_what_a_hook_says_of_its_input_is_a_400_with_its_text(hook: str, statement: str, text: str) -> None:
    error = failure(f"def {hook}:\n    {statement}", b"x", content_type="application/x-mine")
    assert error.status == 400
    assert text in error.message
    assert hook.partition("(")[0] in error.message
    assert error.__cause__ is not None  # the log gets the traceback


@pytest.mark.parametrize(
    "statement", ["undefined_name", "import no_such_module_anywhere", "payload.no_attribute"]
)
def test_a_mistake_in_the_code_of_neo_preprocess_is_a_500(statement: str) -> None:
    error = failure(f"def neo_preprocess(payload, content_type):\n    {statement}")
    assert error.status == 500
    assert "neo_preprocess" in error.message


def test_an_error_of_neo_postprocess_is_a_500() -> None:
    error = failure("def neo_postprocess(result): raise ValueError('no')")
    assert (error.status, "neo_postprocess: ValueError: no" in error.message) == (500, True)


def test_neo_preprocess_that_gives_no_numbers_is_a_500() -> None:
    error = failure("def neo_preprocess(payload, content_type): return None")
    assert error.status == 500
    assert "neo_preprocess gave a NoneType" in error.message


def test_neo_preprocess_that_gives_rows_of_different_lengths_is_a_500() -> None:
    assert failure("def neo_preprocess(payload, content_type): return [[1], [1, 2]]").status == 500


# inference toolkit


def test_all_toolkit_functions_work_together() -> None:
    source = """
def model_fn(model_dir): return model_dir
def input_fn(data, content_type): return [type(data).__name__, content_type]
def predict_fn(data, model): return [*data, model]
def output_fn(prediction, accept): return ' '.join(prediction), 'text/plain'
"""
    answer = invoke(source, b"1,2", content_type="text/csv", accept="text/csv")
    assert answer == Answer(b"str text/csv model", "text/plain")


@pytest.mark.parametrize("accept", ["application/x-npy", "application/json"])
def test_predict_fn_may_change_what_it_is_given(accept: str) -> None:
    from ironworks.serving import codecs

    body, content_type = codecs.encode(np.array([2.0, 4.0]), accept)
    source = "def predict_fn(data, model):\n    data /= 2\n    return data"
    assert json.loads(invoke(source, body, content_type=content_type).body) == [1, 2]


def test_the_compiled_model_is_not_loaded_when_model_fn_gives_the_model() -> None:
    module = ModuleType("hosting_script")
    module.model_fn = lambda _: "own"  # type: ignore[attr-defined]
    module.predict_fn = lambda data, model: model  # type: ignore[attr-defined]

    def load(_: Path) -> Any:
        raise AssertionError

    assert make_handler(module, FOLDER, load)(Invocation(b"[1]")).body == b'"own"'


@pytest.mark.parametrize(
    "source",
    [
        "def input_fn(data, content_type): return [1, 2]",
        "def predict_fn(data, model): return model.run(data)[0]",
        "def output_fn(prediction, accept): return prediction",
    ],
)
def test_each_missing_toolkit_function_has_a_default(source: str) -> None:
    assert invoke(source).body == b"[2.0,4.0]"


def test_output_fn_is_given_json_where_anything_is_accepted() -> None:
    source = "def output_fn(prediction, accept): return accept"
    assert invoke(source, accept="*/*") == Answer(b"application/json")


def test_transform_fn_does_it_all() -> None:
    source = "def transform_fn(model, data, content_type, accept): return data + content_type + accept, 'text/plain'"
    answer = invoke(source, b"[]", accept="text/csv")
    assert answer == Answer(b"[]application/jsontext/csv", "text/plain")


@pytest.mark.parametrize(
    "source",
    [
        "def transform_fn(model, data, content_type, accept): raise ValueError('no')",
        "def predict_fn(data, model): raise ValueError('no')",
        "def output_fn(prediction, accept): raise ValueError('no')",
    ],
)
def test_an_error_behind_the_input_is_a_500(source: str) -> None:
    error = failure(source)
    assert (error.status, "ValueError: no" in error.message) == (500, True)


def test_text_that_is_not_utf8_is_a_400() -> None:
    assert failure("def input_fn(data, content_type): return data", b"\xff").status == 400


def test_transform_fn_beside_one_of_its_parts_is_refused() -> None:
    source = (
        "def transform_fn(model, data, content_type, accept): pass\ndef input_fn(data, content_type): pass"
    )
    assert "transform_fn and input_fn" in refusal(source)


def test_a_model_fn_that_fails_is_refused_with_its_text() -> None:
    assert "model_fn failed: OSError: no weights" in refusal(
        "def model_fn(model_dir): raise OSError('no weights')"
    )


def test_a_model_fn_that_leaves_is_refused() -> None:
    assert "model_fn failed: SystemExit: 0" in refusal("def model_fn(model_dir): raise SystemExit(0)")


def test_a_model_that_cannot_run_needs_a_predict_fn() -> None:
    assert "define predict_fn" in refusal("def model_fn(model_dir): return 3")
