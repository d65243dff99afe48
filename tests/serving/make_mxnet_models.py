"""Run by an interpreter that has MXNet: writes the models that the tests serve, and what MXNet says to `rows.npy`.

python make_mxnet_models.py FOLDER

    module/    a Module of (n, 2, 3), trained with batches of 5, that ends in a SoftmaxOutput with its label
    two/       a Module with the inputs `b` and `a`, both (n, 2), and the outputs b + 10 a and a
    gluon/     a Gluon block and its model_fn
    expected.npy, expected_gluon.npy    the answers to rows.npy, (4, 2, 3), one row at a time
"""

import json
import sys
from pathlib import Path

import mxnet as mx
import numpy as np

folder = Path(sys.argv[1])
mx.random.seed(7)


def save(module, name):
    (folder / name).mkdir()
    module.save_checkpoint(str(folder / name / "model"), 0)
    shapes = [{"name": shape.name, "shape": list(shape.shape)} for shape in module.data_shapes]
    (folder / name / "model-shapes.json").write_text(json.dumps(shapes))


rows = np.random.default_rng(0).random((4, 2, 3), np.float32)
np.save(folder / "rows.npy", rows)

hidden = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=3, name="dense")
module = mx.mod.Module(mx.sym.SoftmaxOutput(hidden, name="softmax"))
module.bind([("data", (5, 2, 3))], [("softmax_label", (5,))])
module.init_params(mx.init.Xavier())
save(module, "module")
one = mx.mod.Module(module.symbol, label_names=None)
one.bind([("data", (1, 2, 3))], for_training=False)
one.set_params(*module.get_params(), allow_missing=True)  # the label
np.save(folder / "expected.npy", one.predict(mx.io.NDArrayIter(rows, batch_size=1)).asnumpy())

b, a = mx.sym.var("b"), mx.sym.var("a")
two = mx.mod.Module(mx.sym.Group([b + 10 * a, mx.sym.identity(a, name="same")]), ["b", "a"], None)
two.bind([("b", (5, 2)), ("a", (5, 2))])
two.init_params()
save(two, "two")

block = mx.gluon.nn.Dense(3)
block.initialize(mx.init.Xavier())
np.save(folder / "expected_gluon.npy", block(mx.nd.array(rows)).asnumpy())
(folder / "gluon" / "code").mkdir(parents=True)
block.save_parameters(str(folder / "gluon" / "dense.params"))
(folder / "gluon" / "code" / "inference.py").write_text("""
import mxnet as mx

def model_fn(model_dir):
    block = mx.gluon.nn.Dense(3)
    block.load_parameters(model_dir + "/dense.params")
    return block
""")
