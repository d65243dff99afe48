import numpy as np
import pytest

from ironworks.datasets import digits
from ironworks.errors import ClientError


def drawn(height: int, width: int, ground: float) -> np.ndarray:
    """A stroke of 1 : 2 in a corner, dark on light or light on dark."""
    picture = np.full((height, width), ground, np.float32)
    picture[5:45, 3:23] = 1 - ground
    return picture


@pytest.mark.parametrize("ground", [0.0, 1.0])
@pytest.mark.parametrize("size", [(60, 60), (200, 90)])
def test_a_drawing_is_scaled_to_the_box_and_centred(ground: float, size: tuple[int, int]) -> None:
    digit = digits.from_picture(drawn(*size, ground))
    assert digit.shape == (28, 28) and digit.dtype == np.float32
    rows, columns = np.nonzero(digit > 0.5)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (4, 23, 9, 18)
    assert digit.max() == pytest.approx(1.0) and digit.min() == 0.0


def test_the_centre_of_mass_is_in_the_middle() -> None:
    picture = np.zeros((100, 100), np.float32)
    picture[10:90, 10:20] = 1  # a heavy stroke on the left
    picture[10:20, 10:70] = 1
    digit = digits.from_picture(picture)
    rows, columns = np.mgrid[0:28, 0:28] + 0.5
    centre = (digit * rows).sum() / digit.sum(), (digit * columns).sum() / digit.sum()
    assert centre == pytest.approx((14, 14), abs=0.51)


def test_edges_are_smooth() -> None:
    digit = digits.from_picture(drawn(60, 60, 1.0)[:, :50])
    tilted = np.tri(100, dtype=np.float32)
    grey = digits.from_picture(1 - tilted)
    assert ((grey > 0.1) & (grey < 0.9)).sum() > 10 and digit.max() <= 1.0


def test_a_digit_of_mnist_is_left_as_it_is() -> None:
    image = np.zeros((28, 28), np.float32)
    image[4:24, 10:14] = 0.8
    np.testing.assert_array_equal(digits.from_picture(image), image)


@pytest.mark.parametrize("ground", [0.0, 1.0, 0.97])
def test_nothing_drawn_is_an_error(ground: float) -> None:
    with pytest.raises(ClientError, match="nothing is drawn"):
        digits.from_picture(np.full((28, 28), ground, np.float32))
