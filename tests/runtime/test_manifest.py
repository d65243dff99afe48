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
