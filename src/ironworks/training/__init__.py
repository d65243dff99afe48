"""One training job: its environment, the container contract that its script sees, and its results."""

from ironworks.training.environments import Environment, Environments
from ironworks.training.job import Observer, Outcome, TrainingResult, run_training
from ironworks.training.lines import Line
from ironworks.training.spec import TrainingSpec

__all__ = [
    "Environment",
    "Environments",
    "Line",
    "Observer",
    "Outcome",
    "TrainingResult",
    "TrainingSpec",
    "run_training",
]
