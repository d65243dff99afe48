"""Sample data, fetched once and shared."""

from ironworks.datasets.mnist import Mnist, Progress

__all__ = ["Mnist", "Progress"]
