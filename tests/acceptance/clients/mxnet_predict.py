"""Run in MXNet's environment: the probabilities that a trained model gives for images.

python mxnet_predict.py MODEL_FOLDER IMAGES.npy PROBABILITIES.npy BATCH_SIZE

Its sums are rounded differently for different batch sizes.
"""

import sys
from pathlib import Path

import mxnet as mx
import numpy as np

folder, images, answers = map(Path, sys.argv[1:4])
batch_size = int(sys.argv[4])
symbol, weights, states = mx.model.load_checkpoint(str(folder / "model"), 0)
module = mx.mod.Module(symbol)  # its label is there and never bound
data = np.load(images)
module.bind(data_shapes=[("data", (batch_size, *data.shape[1:]))], for_training=False)
module.set_params(weights, states)
np.save(answers, module.predict(mx.io.NDArrayIter(data, batch_size=batch_size)).asnumpy())
