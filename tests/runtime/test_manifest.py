from __future__ import annotations

import json

import pytest

from ironworks.runtime import ArtifactError, Manifest


def test_a_manifest_comes_back_as_it_was_written(manifest):
    first = Manifest.from_json(json.dumps(manifest()))
    assert Manifest.from_json(first.to_json()) == first
    assert first.inputs[0].size == 4


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "other"}', "\x00"])
def test_anything_else_is_refused(text):
    with pytest.raises(ArtifactError, match="manifest.json is not"):
        Manifest.from_json(text)


@pytest.mark.parametrize(
    "member",
    ["target", "architecture", "engine", "entry", "inputs", "outputs", "options", "versions", "files"],
)
def test_every_member_must_be_there_and_of_its_kind(manifest, member):
    document = manifest()
    with pytest.raises(ArtifactError, match="damaged"):
        Manifest.from_json(json.dumps(document | {member: 3}))
    del document[member]
    with pytest.raises(ArtifactError, match=f"lacks '{member}'"):
        Manifest.from_json(json.dumps(document))


@pytest.mark.parametrize("change", [{"dtype": "float99"}, {"shape": ["a"]}, {"name": None}])
def test_a_tensor_must_make_sense(manifest, change):
    document = manifest()
    document["inputs"][0].update(change)
    with pytest.raises(ArtifactError, match="damaged"):
        Manifest.from_json(json.dumps(document))


def how_to_run(**changes):
    return {
        "engine": "native",
        "entry": "model.so",
        "options": {},
        "instruction_sets": ["x86-64-v3"],
    } | changes


@pytest.fixture
def of_several(manifest):
    """The document of a model of two batch sizes."""
    tensors = [{"name": "x", "shape": [-1, 4], "dtype": "float32"}]
    variants = [
        {"batch": 1, "microseconds": 2.5} | how_to_run(),
        {"batch": 8, "microseconds": None} | how_to_run(engine="onnxruntime", entry="model.onnx"),
    ]
    document = manifest(version=2, inputs=tensors, outputs=tensors, variants=variants, threads=2)
    for name in how_to_run():
        del document[name]
    return document


def test_a_manifest_of_several_batch_sizes_comes_back_as_it_was_written(of_several):
    manifest = Manifest.from_json(json.dumps(of_several))
    assert json.loads(manifest.to_json()) == of_several
    assert Manifest.from_json(manifest.to_json()) == manifest


@pytest.mark.parametrize("threads", [0, -1, 1.5, "2", True, None])
def test_a_number_of_threads_that_is_none_is_refused(of_several, threads):
    with pytest.raises(ArtifactError, match="is damaged"):
        Manifest.from_json(json.dumps({**of_several, "threads": threads}))


def test_an_artifact_without_a_number_of_threads_runs_on_one(of_several):
    del of_several["threads"]
    assert Manifest.from_json(json.dumps(of_several)).threads == 1


def test_one_batch_size_alone_has_fixed_shapes(of_several):
    manifest = Manifest.from_json(json.dumps(of_several))
    assert str(manifest.inputs[0]) == "x [n, 4] float32"
    assert manifest.inputs[0].size == 4
    first, second = (manifest.of(variant) for variant in manifest.variants)
    assert (first.engine, first.inputs[0].shape, first.variants) == ("native", (1, 4), ())
    assert (second.entry, second.outputs[0].shape) == ("model.onnx", (8, 4))
    assert json.loads(second.to_json())["version"] == 1


@pytest.mark.parametrize(
    "change",
    [
        {"variants": []},
        {"variants": [{"batch": 0, "microseconds": 1.0} | how_to_run()]},
        {"variants": [{"batch": 1, "microseconds": 1.0} | how_to_run()] * 2},
        {"variants": [{"batch": 1, "microseconds": "fast"} | how_to_run()]},
        {"variants": [{"batch": 1, "microseconds": -1.0} | how_to_run()]},
        {"variants": [{"batch": 1, "microseconds": 1.0} | how_to_run(engine=3)]},
        {"inputs": [{"name": "x", "shape": [1, 4], "dtype": "float32"}]},
        {"outputs": [{"name": "x", "shape": [], "dtype": "float32"}]},
    ],
)
def test_variants_must_make_sense(of_several, change):
    with pytest.raises(ArtifactError, match="damaged"):
        Manifest.from_json(json.dumps(of_several | change))


def test_a_model_of_one_batch_size_has_no_open_shape(manifest):
    document = manifest(inputs=[{"name": "x", "shape": [-1, 4], "dtype": "float32"}])
    with pytest.raises(ArtifactError, match="damaged"):
        Manifest.from_json(json.dumps(document))


@pytest.mark.parametrize("member", ["variants", "inputs"])
def test_a_model_of_several_batch_sizes_lacks_nothing(of_several, member):
    del of_several[member]
    with pytest.raises(ArtifactError, match=f"lacks '{member}'"):
        Manifest.from_json(json.dumps(of_several))
