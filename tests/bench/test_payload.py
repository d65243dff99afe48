import io

import numpy as np
import pytest

from ironworks.bench.payload import NPY, digit, read
from ironworks.errors import ClientError


def test_the_digit_is_a_seven_as_the_sdk_sends_it() -> None:
    payload = read("digit", None)
    array = np.load(io.BytesIO(payload.body))
    assert payload.content_type == NPY and len(payload.body) == 6400
    assert array.shape == (1, 784) and array.dtype == np.float64
    picture = array.reshape(28, 28)
    np.testing.assert_array_equal(array, digit())
    assert picture.min() == 0 and picture.max() == 1 and 0.75 < (picture == 0).mean() < 0.95
    assert picture[7, 8:20].min() > 0.9, "the bar"
    assert picture[21, 12] > 0.5 and picture[21, 20] == 0, "the stroke down, to the left"


@pytest.mark.parametrize(
    ("name", "content_type"), [("x.npy", NPY), ("x.JSON", "application/json"), ("x.csv", "text/csv")]
)
def test_the_name_of_a_file_says_its_content_type(tmp_path, name, content_type) -> None:
    (tmp_path / name).write_bytes(b"[1]")
    payload = read(str(tmp_path / name), None)
    assert (payload.body, payload.content_type) == (b"[1]", content_type)
    assert read(str(tmp_path / name), "text/x").content_type == "text/x"


def test_a_payload_that_cannot_be_sent_is_refused(tmp_path) -> None:
    with pytest.raises(ClientError, match="cannot be read: No such file"):
        read(str(tmp_path / "none.npy"), None)
    (tmp_path / "x.bin").write_bytes(b"1")
    with pytest.raises(ClientError, match="--content-type"):
        read(str(tmp_path / "x.bin"), None)
    (tmp_path / "x.npy").write_bytes(b"")
    with pytest.raises(ClientError, match="is empty"):
        read(str(tmp_path / "x.npy"), None)
