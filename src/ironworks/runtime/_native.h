/* What _native.c and _rows.c share: a variant of a model library as Python calls it. Licence: Apache-2.0. */
#ifndef IRONWORKS_NATIVE_H
#define IRONWORKS_NATIVE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "c/ironworks.h"

#define MOST_TENSORS 64

typedef struct {
  PyObject_HEAD
  vectorcallfunc call;
  void *library;
  const ironworks_variant *variant;
  PyObject *instruction_set;
  PyObject *make;      /* numpy.empty */
  PyObject *templates; /* for each output, the arguments of `make` */
  Py_ssize_t input_bytes[MOST_TENSORS];
  char input_kind[MOST_TENSORS];
  int number, threads;
  ironworks_session **idle; /* sessions that nobody uses; guarded by the GIL */
  Py_ssize_t idle_count, idle_room;
} Function;

extern PyTypeObject FunctionType, RowsType;

Py_ssize_t ironworks_bytes_of(const ironworks_tensor *tensor);

/* Whether `object` is a dense array of the dtype; `view` is held if so. */
int ironworks_is_dense(PyObject *object, char kind, Py_buffer *view);

/* Run on arrays that fit; -1 with an exception if there is no memory. */
int ironworks_run(Function *function, const void *const *inputs, void *const *outputs);

#endif
