"""What our SDK adds to the script that it runs: `python -m benchmarks.sdk`.

Each round runs the notebook's script by hand, then fit, compile, deploy, the first prediction and delete by the SDK;
figures are medians of the rounds. A server runs already, and everything has been used once.
"""

from __future__ import annotations

import contextlib
import io
import statistics
import time
from dataclasses import dataclass, fields

import numpy as np
from benchmarks.flow import SCRIPT, Figure, table_of, temporary_home, timed, train_by_hand
from rich.console import Console

import ironworks as iw
from ironworks.training import Environments

ROUNDS = 5
DATA = "s3://sagemaker-sample-data-{}/mxnet/mnist"


@dataclass
class Round:
    """Seconds of one round."""

    by_hand: float
    fit: float
    late: float
    """From the end of the job, by its own record, to the return of fit."""
    compile: float
    deploy: float
    predict: float
    delete: float

    @property
    def beyond_the_script(self) -> float:
        return self.fit + self.compile + self.deploy + self.predict - self.by_hand


def main() -> None:
    """Measure and print."""
    with temporary_home() as home:
        python = Environments(home.environments).prepare("mxnet", "1.9.1", print).python
        session = iw.Session(home=home.path)
        rounds = [_round(session, timed(lambda: train_by_hand(python, home))[0]) for _ in range(ROUNDS + 1)][
            1:
        ]
    median = Round(
        *(statistics.median(getattr(one, field.name) for one in rounds) for field in fields(Round))
    )
    beyond = statistics.median(one.beyond_the_script for one in rounds)
    Console().print(
        table_of(
            [
                Figure(
                    f"fit, compile, deploy, predict beyond the script ({median.by_hand:.1f} s)",
                    beyond,
                    "s",
                    3.0,
                ),
                Figure("fit beyond the script", median.fit - median.by_hand, "s", 1.0),
                Figure("end of the job to the return of fit", median.late, "s", 0.2),
                Figure("compile", median.compile, "s", 3.0),
                Figure("deploy and first prediction", median.deploy + median.predict, "s", 1.0),
                Figure("delete", median.delete, "s", 0.5),
            ]
        )
    )


def _round(session: iw.Session, by_hand: float) -> Round:
    folder = DATA.format(session.region)
    estimator = iw.MXNet(SCRIPT, hyperparameters={"epochs": 1}, session=session)
    with contextlib.redirect_stdout(io.StringIO()):
        fit = timed(lambda: estimator.fit({"train": f"{folder}/train", "test": f"{folder}/test"}))[0]
        returned = time.time()
        ended = estimator.latest_training_job.description["LastModifiedTime"].timestamp()
        compiling, model = timed(lambda: estimator.compile("ml_c5", {"data": [1, 784]}))
        deploying, predictor = timed(model.deploy)
        predicting = timed(lambda: predictor.predict(np.zeros((1, 784), np.float32)))[0]
        deleting = timed(predictor.delete)[0]
    return Round(by_hand, fit, returned - ended, compiling, deploying, predicting, deleting)


if __name__ == "__main__":
    main()
