/* Runs any number of rows on variants of a model library that differ in their number of rows. What it is for is
   the time of the Python that does the same, which is as much as a few rows take. Licence: Apache-2.0. */
#include "_native.h"

#include <stddef.h>
#include <string.h>
#include <structmember.h>

#ifndef Py_T_PYSSIZET /* before Python 3.12 they had no prefix */
#define Py_T_PYSSIZET T_PYSSIZET
#define Py_READONLY READONLY
#endif

typedef struct {
  PyObject_HEAD
  vectorcallfunc call;
  PyObject *functions; /* a tuple of Function */
  PyObject *plan;      /* the number of rows -> a tuple with the sizes of the runs */
} Rows;

static Function *function_at(Rows *self, Py_ssize_t number) { return (Function *)PyTuple_GET_ITEM(self->functions, number); }

static Py_ssize_t batch_of(Function *function) { return (Py_ssize_t)function->variant->inputs[0].shape[0]; }

/* Bytes of a row of an input, and of an output. */
static Py_ssize_t input_row(Function *function, int number) { return function->input_bytes[number] / batch_of(function); }

static Py_ssize_t output_row(Function *function, int number) {
  return ironworks_bytes_of(&function->variant->outputs[number]) / batch_of(function);
}

/* How many rows the inputs have, each the same; 0 if one is not as the model takes it. `*held` buffers are held. */
static Py_ssize_t hold(Function *function, PyObject *const *inputs, Py_buffer *given, int *held) {
  Py_ssize_t rows = 0;
  for (*held = 0; *held < function->variant->input_count;) {
    int number = *held;
    if (!ironworks_is_dense(inputs[number], function->input_kind[number], &given[number])) return 0;
    ++*held;
    Py_ssize_t row = input_row(function, number), length = given[number].len;
    if (length == 0 || length % row != 0 || (number > 0 && length / row != rows)) return 0;
    rows = length / row;
  }
  return rows;
}

static void release(Py_buffer *buffers, int count) {
  while (count > 0) PyBuffer_Release(&buffers[--count]);
}

/* Run `rows` rows from `start` on. Where the variant has more, those are zero, and their answers are dropped. */
static int run_part(Function *function, Py_ssize_t start, Py_ssize_t rows, Py_buffer *given, Py_buffer *results) {
  int inputs = function->variant->input_count, outputs = function->variant->output_count, padded = rows < batch_of(function);
  Py_ssize_t total = 0;
  for (int i = 0; i < inputs; i++) total += function->input_bytes[i];
  for (int i = 0; i < outputs; i++) total += ironworks_bytes_of(&function->variant->outputs[i]);
  char *spare = padded ? PyMem_RawCalloc(1, (size_t)total) : NULL, *next = spare;
  if (padded && spare == NULL) {
    PyErr_NoMemory();
    return -1;
  }
  const void *from[MOST_TENSORS];
  void *to[MOST_TENSORS];
  for (int i = 0; i < inputs; i++) {
    from[i] = (char *)given[i].buf + start * input_row(function, i);
    if (!padded) continue;
    from[i] = memcpy(next, from[i], (size_t)(rows * input_row(function, i)));
    next += function->input_bytes[i];
  }
  for (int i = 0; i < outputs; i++) {
    to[i] = padded ? next : (char *)results[i].buf + start * output_row(function, i);
    if (padded) next += ironworks_bytes_of(&function->variant->outputs[i]);
  }
  int failed = ironworks_run(function, from, to);
  for (int i = 0; padded && i < outputs; i++) {
    Py_ssize_t row = output_row(function, i);
    memcpy((char *)results[i].buf + start * row, to[i], (size_t)(rows * row));
  }
  PyMem_RawFree(spare);
  return failed;
}

static Function *of_batch(Rows *self, Py_ssize_t size) {
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(self->functions); i++)
    if (batch_of(function_at(self, i)) == size) return function_at(self, i);
  return NULL;
}

static int run_all(Rows *self, Py_ssize_t rows, Py_buffer *given, Py_buffer *results) {
  PyObject *number = PyLong_FromSsize_t(rows);
  PyObject *sizes = number ? PyObject_CallOneArg(self->plan, number) : NULL;
  Py_XDECREF(number);
  if (sizes == NULL) return -1;
  Py_ssize_t start = 0, runs = PyTuple_Check(sizes) ? PyTuple_GET_SIZE(sizes) : 0;
  int failed = 0;
  for (Py_ssize_t i = 0; !failed && i < runs && start < rows; i++) {
    Py_ssize_t size = PyLong_AsSsize_t(PyTuple_GET_ITEM(sizes, i));
    Function *function = of_batch(self, size);
    if (function == NULL) break;
    failed = run_part(function, start, size < rows - start ? size : rows - start, given, results);
    start += size;
  }
  Py_DECREF(sizes);
  if (!failed && start < rows) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_RuntimeError, "the plan does not cover the rows");
    return -1;
  }
  return failed;
}

/* A new array of output `number` with so many rows. */
static PyObject *new_result(Function *function, int number, Py_ssize_t rows) {
  PyObject *template = PyTuple_GET_ITEM(function->templates, number), *shape = PyTuple_GET_ITEM(template, 0);
  PyObject *own = PyTuple_New(PyTuple_GET_SIZE(shape)), *first = PyLong_FromSsize_t(rows), *array = NULL;
  if (own != NULL && first != NULL) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(shape); i++)
      PyTuple_SET_ITEM(own, i, Py_NewRef(i == 0 ? first : PyTuple_GET_ITEM(shape, i)));
    array = PyObject_CallFunctionObjArgs(function->make, own, PyTuple_GET_ITEM(template, 1), NULL);
  }
  Py_XDECREF(own);
  Py_XDECREF(first);
  return array;
}

/* rows(input, …) -> list of new arrays, or None where an argument is no dense array of the right dtype, or of no whole rows */
static PyObject *call(PyObject *callable, PyObject *const *arguments, size_t flags, PyObject *names) {
  Rows *self = (Rows *)callable;
  Function *function = function_at(self, 0);
  int outputs = function->variant->output_count, held = 0, made = 0;
  if (names != NULL || PyVectorcall_NARGS(flags) != function->variant->input_count) Py_RETURN_NONE;
  Py_buffer given[MOST_TENSORS], results[MOST_TENSORS];
  Py_ssize_t rows = hold(function, arguments, given, &held);
  if (rows == 0) {
    release(given, held);
    Py_RETURN_NONE;
  }
  PyObject *list = PyList_New(outputs);
  for (; list != NULL && made < outputs; made++) {
    PyObject *array = new_result(function, made, rows);
    if (array == NULL) break;
    PyList_SET_ITEM(list, made, array);
    if (PyObject_GetBuffer(array, &results[made], PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE) != 0) break;
  }
  if (list != NULL && (made < outputs || run_all(self, rows, given, results) != 0)) Py_CLEAR(list);
  release(results, made);
  release(given, held);
  return list;
}

/* run_into(inputs, outputs): lists of dense arrays with as many rows as each other */
static PyObject *run_into(Rows *self, PyObject *arguments) {
  PyObject *sources, *targets;
  if (!PyArg_ParseTuple(arguments, "O!O!", &PyList_Type, &sources, &PyList_Type, &targets)) return NULL;
  Function *function = function_at(self, 0);
  int outputs = function->variant->output_count, held = 0, made = 0, failed = 1;
  if (PyList_GET_SIZE(sources) != function->variant->input_count || PyList_GET_SIZE(targets) != outputs) {
    PyErr_SetString(PyExc_ValueError, "the model has another number of inputs or outputs");
    return NULL;
  }
  Py_buffer given[MOST_TENSORS], results[MOST_TENSORS];
  Py_ssize_t rows = hold(function, PySequence_Fast_ITEMS(sources), given, &held);
  if (rows == 0) PyErr_SetString(PyExc_ValueError, "an input is no dense array of the model's dtype, or of no whole rows");
  for (; rows != 0 && made < outputs; made++) {
    if (PyObject_GetBuffer(PyList_GET_ITEM(targets, made), &results[made], PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE) != 0) break;
    if (results[made].len == rows * output_row(function, made)) continue;
    PyBuffer_Release(&results[made]);
    PyErr_Format(PyExc_ValueError, "output %d has not as many rows as the inputs", made);
    break;
  }
  if (rows != 0 && made == outputs) failed = run_all(self, rows, given, results);
  release(results, made);
  release(given, held);
  if (failed) return NULL;
  Py_RETURN_NONE;
}

/* Whether all are variants of one model. */
static int are_variants(PyObject *functions) {
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(functions); i++) {
    if (!PyObject_TypeCheck(PyTuple_GET_ITEM(functions, i), &FunctionType)) return 0;
    Function *first = (Function *)PyTuple_GET_ITEM(functions, 0), *other = (Function *)PyTuple_GET_ITEM(functions, i);
    const ironworks_variant *one = first->variant, *two = other->variant;
    if (one->input_count != two->input_count || one->output_count != two->output_count || one->input_count < 1) return 0;
    for (int k = 0; k < one->input_count; k++)
      if (two->inputs[k].rank < 1 || two->inputs[k].shape[0] != batch_of(other) || input_row(first, k) != input_row(other, k) ||
          first->input_kind[k] != other->input_kind[k])
        return 0;
    for (int k = 0; k < one->output_count; k++)
      if (two->outputs[k].rank < 1 || two->outputs[k].shape[0] != batch_of(other) || output_row(first, k) != output_row(other, k))
        return 0;
  }
  return PyTuple_GET_SIZE(functions) > 0;
}

static int open_rows(Rows *self, PyObject *arguments, PyObject *names) {
  static char *keywords[] = {"functions", "plan", NULL};
  PyObject *functions, *plan;
  if (self->functions != NULL || !PyArg_ParseTupleAndKeywords(arguments, names, "O!O", keywords, &PyTuple_Type, &functions, &plan))
    return -1;
  if (!are_variants(functions)) {
    PyErr_SetString(PyExc_ValueError, "the functions are not variants of one model");
    return -1;
  }
  self->functions = Py_NewRef(functions);
  self->plan = Py_NewRef(plan);
  self->call = call;
  return 0;
}

static void close_rows(Rows *self) {
  Py_XDECREF(self->functions);
  Py_XDECREF(self->plan);
  Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMethodDef methods[] = {
    {"run_into", (PyCFunction)run_into, METH_VARARGS, "run_into(inputs, outputs): run into the caller's arrays."},
    {NULL, NULL, 0, NULL},
};
static PyMemberDef members[] = {
    {"__vectorcalloffset__", Py_T_PYSSIZET, offsetof(Rows, call), Py_READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};
PyTypeObject RowsType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "ironworks.runtime._native.Rows",
    .tp_basicsize = sizeof(Rows),
    .tp_doc = "Rows(functions, plan): variants of a model library, callable with any number of rows.",
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_vectorcall_offset = offsetof(Rows, call),
    .tp_call = PyVectorcall_Call,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)open_rows,
    .tp_dealloc = (destructor)close_rows,
    .tp_methods = methods,
    .tp_members = members,
};
