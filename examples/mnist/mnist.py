"""Train a small neural network on MNIST with MXNet's Module, and serve it when SageMaker Neo has compiled it.

As a program it is a SageMaker training script: hyperparameters come as arguments, folders as SM_*
variables. As a module it has the two hooks that an endpoint calls around the compiled model; they
use NumPy alone.
"""

import argparse
import gzip
import io
import json
import logging
import os
import struct
from pathlib import Path

import mxnet as mx
import numpy as np


def load_data(folder):
    """Labels (N,) and images (N, 1, 28, 28) in 0 to 1, from the gzip-compressed IDX files below a folder.

    IDX has a header of big-endian numbers, then the bytes: two numbers for labels (magic, count) and
    four for images (magic, count, rows, columns).
    """
    with gzip.open(find_file(folder, "labels.gz")) as file:
        struct.unpack(">II", file.read(8))
        labels = np.frombuffer(file.read(), dtype=np.uint8).astype(np.float32)
    with gzip.open(find_file(folder, "images.gz")) as file:
        _, count, rows, columns = struct.unpack(">IIII", file.read(16))
        pixels = np.frombuffer(file.read(), dtype=np.uint8)
    images = pixels.reshape(count, 1, rows, columns).astype(np.float32) / 255
    return labels, images


def find_file(folder, name):
    """The file of this name, wherever it lies below a folder."""
    found = sorted(Path(folder).rglob(name))
    if not found:
        raise FileNotFoundError(f"There is no {name} below {folder}.")
    return found[0]


def shard(data, hosts, current_host):
    """The part of some data that one of several hosts trains on."""
    size = len(data) // len(hosts)
    start = size * hosts.index(current_host)
    return data[start : start + size]


def build_graph():
    """784 → 128 → 64 → 10 with a softmax at its end: the outputs are probabilities."""
    data = mx.sym.flatten(mx.sym.var("data"))
    hidden = mx.sym.Activation(mx.sym.FullyConnected(data, num_hidden=128), act_type="relu")
    hidden = mx.sym.Activation(mx.sym.FullyConnected(hidden, num_hidden=64), act_type="relu")
    return mx.sym.SoftmaxOutput(mx.sym.FullyConnected(hidden, num_hidden=10), name="softmax")


def train(args):
    """Train on this host's part of the data; the trained module."""
    mx.random.seed(args.seed)
    np.random.seed(args.seed)  # the iterator's shuffle is NumPy's
    labels, images = load_data(args.train)
    labels, images = (shard(part, args.hosts, args.current_host) for part in (labels, images))
    training = mx.io.NDArrayIter(images, labels, args.batch_size, shuffle=True)
    test_labels, test_images = load_data(args.test)
    validation = mx.io.NDArrayIter(test_images, test_labels, args.batch_size)

    module = mx.mod.Module(symbol=build_graph(), context=mx.cpu())
    module.fit(
        training,
        eval_data=validation,
        # Several hosts share their gradients through parameter servers.
        kvstore="dist_sync" if len(args.hosts) > 1 else "local",
        optimizer="sgd",
        optimizer_params={"learning_rate": args.learning_rate},
        eval_metric="acc",
        batch_end_callback=mx.callback.Speedometer(args.batch_size, 200),
        num_epoch=args.epochs,
    )
    return module


def save(module, folder):
    """Write the graph, the weights, and the shapes that the graph was trained with."""
    folder = Path(folder)
    module.symbol.save(str(folder / "model-symbol.json"))
    module.save_params(str(folder / "model-0000.params"))
    shapes = [{"name": shape.name, "shape": list(shape.shape)} for shape in module.data_shapes]
    (folder / "model-shapes.json").write_text(json.dumps(shapes))


def parse_args():
    """Hyperparameters, and what SageMaker's variables say."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch-size", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--learning-rate", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--model-dir", default=os.environ.get("SM_MODEL_DIR", "."))
    parser.add_argument("--train", default=os.environ.get("SM_CHANNEL_TRAIN"))
    parser.add_argument("--test", default=os.environ.get("SM_CHANNEL_TEST"))
    parser.add_argument("--hosts", type=json.loads, default=os.environ.get("SM_HOSTS", '["algo-1"]'))
    parser.add_argument("--current-host", default=os.environ.get("SM_CURRENT_HOST", "algo-1"))
    args = parser.parse_args()
    for channel in ("train", "test"):
        if getattr(args, channel) is None:
            parser.error(f"--{channel} FOLDER is needed where no SM_CHANNEL_{channel.upper()} is set")
    return args


def neo_preprocess(payload, content_type):
    """A request's body, a .npy array of one image, as what the compiled model takes."""
    if content_type != "application/vnd+python.numpy+binary":
        raise RuntimeError("Content type must be application/vnd+python.numpy+binary")
    return np.load(io.BytesIO(payload))


def neo_postprocess(result):
    """The model's ten probabilities as JSON. The graph ends in a softmax: they are ready."""
    probabilities = np.squeeze(result).tolist()
    return json.dumps(probabilities), "application/json"


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    arguments = parse_args()
    trained = train(arguments)
    # All hosts have the same weights: one of them saves.
    if arguments.current_host == arguments.hosts[0]:
        save(trained, arguments.model_dir)
