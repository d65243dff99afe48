from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from ironworks.serving.hooks import make_handler
from ironworks.serving.invocation import Answer, Invocation
from tests.serving.scripts import FOLDER, failure, handler, invoke, refusal


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


# the context


def test_every_function_may_take_the_context() -> None:
    source = """
seen = []
def pre_model_fn(model_dir, context): seen.append('pre')
def model_fn(model_dir, context): return context.system_properties['model_dir']
def model_warmup_fn(model_dir, model, context): seen.append('warm ' + model)
def input_fn(data, content_type, context): return context.get_request_header(0, 'content-type')
def predict_fn(data, model, ctx): return [*seen, data, ctx.model_name]
def output_fn(prediction, accept, context=None):
    return ','.join([*prediction, context.get_response_content_type(0)])
"""
    assert invoke(source, accept="text/csv").body == b"pre,warm model,application/json,model,text/csv"


def test_transform_fn_may_set_the_status_of_one_answer() -> None:
    source = """
def transform_fn(model, data, content_type, accept, context):
    if data == 'bad':
        context.set_response_status(422, 'no')
    return data
"""
    serve = handler(source)
    assert serve(Invocation(b"bad")) == Answer(b"bad", status=422)
    assert serve(Invocation(b"good")) == Answer(b"good")


def test_the_request_is_in_the_contexts_request_processor() -> None:
    source = """
def output_fn(prediction, accept, context):
    processor = context.request_processor[0]
    assert processor.get_request_properties() == context.get_all_request_header(0)
    processor.report_status(201, 'Created')
    context.set_response_content_type(0, 'ignored/ignored')
    return processor.get_request_property('Accept')
"""
    assert invoke(source, accept="text/csv") == Answer(b"text/csv", "text/csv", 201)


def test_an_input_fn_may_take_the_model() -> None:
    source = "def input_fn(data, content_type, model): return [len(model.inputs), 2]"
    assert invoke(source).body == b"[2.0,4.0]"


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("def predict_fn(data): pass", "predict_fn takes 1 arguments (data)"),
        ("def model_fn(a, b, c): pass", "model_fn(model_dir), or with one more, the context"),
        (
            "def transform_fn(model, data, content_type): pass",
            "transform_fn(model, data, content_type, accept)",
        ),
    ],
)
def test_a_function_that_takes_other_arguments_is_refused_with_those_it_is_given(
    source: str, text: str
) -> None:
    assert text in refusal(source)


def test_a_function_may_take_any_number_of_arguments() -> None:
    assert invoke("def predict_fn(*arguments): return len(arguments)").body == b"2"


def test_a_failing_warmup_is_refused() -> None:
    assert "model_warmup_fn failed: OSError: cold" in refusal(
        "def model_warmup_fn(d, m): raise OSError('cold')"
    )


def test_the_default_of_what_is_accepted_comes_from_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", "text/csv")
    assert invoke("def input_fn(data, content_type): return [1, 2]", accept="*/*") == Answer(
        b"2.0,4.0\n", "text/csv"
    )
