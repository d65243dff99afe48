from __future__ import annotations

import json

import pytest

from ironworks.serving.invocation import Answer
from tests.serving.scripts import Doubling, failure, invoke

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
