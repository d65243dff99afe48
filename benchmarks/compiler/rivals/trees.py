"""Libraries that run ensembles of decision trees, on the files that `forests.py` has written."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from benchmarks.compiler.rivals import Call, Job, each_in_turn


def xgboost(job: Job) -> Call:
    """`Booster.inplace_predict`."""
    import xgboost as library

    booster = library.Booster({"nthread": job.threads}, model_file=str(job.folder / "model.ubj"))
    rows = each_in_turn(job.arrays)
    return lambda: booster.inplace_predict(rows())


def lightgbm(job: Job) -> Call:
    """`Booster.predict`."""
    import lightgbm as library

    booster = library.Booster(model_file=str(job.folder / "model.txt"))
    rows, threads = each_in_turn(job.arrays), job.threads
    return lambda: booster.predict(rows(), num_threads=threads)


def treelite(job: Job) -> Call:
    """GTIL, its interpreter."""
    from treelite import gtil

    model, rows, threads = _treelite(job), each_in_turn(job.arrays), job.threads
    return lambda: gtil.predict(model, rows(), nthread=threads)


def tl2cgen(job: Job) -> Call:
    """If-else code in C, called through its `Predictor`; its matrices are made beforehand."""
    import tl2cgen as library

    predictor = library.Predictor(_compiled(job), nthread=job.threads)
    kind = predictor.threshold_type
    matrices = [library.DMatrix(np.asarray(array, kind), dtype=kind) for array in job.arrays]
    rows = each_in_turn(matrices)
    return lambda: predictor.predict(rows())


def tl2cgen_function(job: Job) -> Call:
    """The same, its C function alone, row by row on one thread."""
    import tl2cgen as library

    path = _compiled(job)
    predictor = library.Predictor(path, nthread=1)
    data = [np.ascontiguousarray(array, predictor.threshold_type) for array in job.arrays]
    answer = np.zeros(len(data[0]), predictor.leaf_output_type)
    function: Any = ctypes.CDLL(path).predict
    function.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
    function.restype = None
    pointers = [
        [
            (ctypes.c_void_p(array[row:].ctypes.data), ctypes.c_void_p(answer[row:].ctypes.data))
            for row in range(len(array))
        ]
        for array in data
    ]
    following = each_in_turn(zip(pointers, data, strict=True))  # a pointer does not keep its memory

    def call() -> Any:
        for row, place in following()[0]:
            function(row, 0, place)
        return answer

    return call


def _treelite(job: Job) -> Any:
    from treelite import frontend

    if (job.folder / "model.ubj").exists():
        return frontend.load_xgboost_model(job.folder / "model.ubj")
    return frontend.load_lightgbm_model(job.folder / "model.txt")


def _compiled(job: Job) -> str:
    import tl2cgen as library

    path = job.work / "model.so"
    if not path.exists():
        library.export_lib(_treelite(job), "gcc", path, {"parallel_comp": 8}, nthread=2)
    return str(path)
