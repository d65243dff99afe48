from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ironworks.compiler import parse_data_input_config
from ironworks.errors import ClientError


@pytest.mark.parametrize(
    "text",
    [
        '{"data": [1, 784]}',
        ' {"data":[1,784]}\n',
        "{'data': [1, 784]}",
        "{'data': (1, 784)}",
        "{'data': (1, 784,),}",
        '{\\"data\\":[1,784]}',
        "{data:[1,784]}",
        "{data: [1, 784]}",
    ],
)
def test_every_documented_form_is_read(text):
    assert parse_data_input_config(text) == {"data": [1, 784]}


@pytest.mark.parametrize(
    ("text", "shapes"),
    [
        ('{"var1": [1,1,28,28], "var2":[1,1,28,28]}', {"var1": [1, 1, 28, 28], "var2": [1, 1, 28, 28]}),
        ("{a:[1],b.c:[2]}", {"a": [1], "b.c": [2]}),
        ("[[1,3,224,224]]", {"input0": [1, 3, 224, 224]}),
        ("[[1,3],[2]]", {"input0": [1, 3], "input1": [2]}),
        ("[1,784]", {"input0": [1, 784]}),
        ('{"input_tensor:0": [1]}', {"input_tensor:0": [1]}),
    ],
)
def test_several_inputs_and_lists_are_read(text, shapes):
    assert parse_data_input_config(text) == shapes


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "cannot be read"),
        ("data", "cannot be read"),
        ('{"data": [1, 784]', "cannot be read"),
        ("__import__('os')", "cannot be read"),
        ("[" * 5000, "cannot be read"),
        ("{}", "names no input"),
        ("[]", "names no input"),
        ("3", "names no input"),
        ('{"data": []}', r"the shape \[\]"),
        ('{"data": 784}', "the shape 784"),
        ('{"data": [0, 784]}', "0 is not a positive whole number"),
        ('{"data": [-1, 784]}', "-1 is not a positive"),
        ('{"data": [1, "784"]}', "'784' is not a positive"),
        ('{"data": [1.5]}', "1.5 is not a positive"),
        ('{"data": [true]}', "True is not a positive"),
        ('{"data": [null, 784]}', "None is not a positive"),
        ('{"data": [1], "data": [2]}', "names the input data twice"),
        ('{"": [1]}', "'' where the name of an input is expected"),
        ("{1: [1]}", "1 where the name of an input is expected"),
        ('{"data": {"shape": [1]}}', "a form that only the target coreml has"),
        ('{"data": [65536, 65537]}', "more than 2147483648 elements"),
    ],
)
def test_what_is_wrong_is_said(text, reason):
    with pytest.raises(ClientError, match=f"DataInputConfig .*{reason}"):
        parse_data_input_config(text)


@given(st.dictionaries(st.text(min_size=1), st.lists(st.integers(1, 64), min_size=1, max_size=4), min_size=1))
def test_all_json_comes_back_as_it_is(shapes):
    assert parse_data_input_config(json.dumps(shapes)) == shapes


@given(st.text())
def test_any_text_is_read_or_refused(text):
    with suppress(ClientError):
        assert parse_data_input_config(text)


@pytest.mark.parametrize(
    "text",
    [
        "a" * 5000,
        f'{{"data": [{"9" * 5000}]}}',
        f'{{"data": [{"9" * 4000}, {"9" * 4000}]}}',
        f'{{"data": [{"1, " * 5000}"x"]}}',
        f'{{"data": [[{"1, " * 5000} 1]]}}',
    ],
)
def test_a_message_is_short_enough_for_a_failure_reason(text):
    with pytest.raises(ClientError) as raised:
        parse_data_input_config(text)
    assert len(str(raised.value)) < 1000
    assert '{"data": [1, 784]}' in str(raised.value)
