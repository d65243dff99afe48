/* Calls a model library from Python with as little as possible between the caller's array and the code.

   Arrays are taken by the buffer protocol, so nothing here depends on a version of NumPy. Licence: Apache-2.0. */
#include "_native.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>
#include <structmember.h>

#ifndef Py_T_PYSSIZET /* before Python 3.12 they had no prefix */
#define Py_T_PYSSIZET T_PYSSIZET
#define Py_T_OBJECT_EX T_OBJECT_EX
#define Py_READONLY READONLY
#endif

#define LONG_RUN_FLOPS 4e5 /* about 10 µs: other threads may go on meanwhile */

Py_ssize_t ironworks_bytes_of(const ironworks_tensor *tensor) {
  Py_ssize_t size = strstr(tensor->dtype, "64") ? 8 : strstr(tensor->dtype, "32") ? 4 : strstr(tensor->dtype, "16") ? 2 : 1;
  for (int i = 0; i < tensor->rank; i++) size *= (Py_ssize_t)tensor->shape[i];
  return size;
}

static char kind_of(const ironworks_tensor *tensor) {
  if (strcmp(tensor->dtype, "float32") == 0) return 'f';
  if (strcmp(tensor->dtype, "float64") == 0) return 'd';
  if (strcmp(tensor->dtype, "int64") == 0) return 'l';
  if (strcmp(tensor->dtype, "int32") == 0) return 'i';
  return 0;
}

static ironworks_session *take_session(Function *self) {
  if (self->idle_count) return self->idle[--self->idle_count];
  ironworks_session *session = self->variant->start(self->number, self->threads);
  if (session == NULL) PyErr_SetString(PyExc_MemoryError, "there is no memory or no thread for another run of the model");
  return session;
}

static void give_back(Function *self, ironworks_session *session) {
  if (self->idle_count == self->idle_room) {
    Py_ssize_t room = self->idle_room * 2 + 4;
    ironworks_session **grown = realloc(self->idle, (size_t)room * sizeof *grown);
    if (grown == NULL) {
      self->variant->stop(session);
      return;
    }
    self->idle = grown;
    self->idle_room = room;
  }
  self->idle[self->idle_count++] = session;
}

int ironworks_run(Function *self, const void *const *inputs, void *const *outputs) {
  ironworks_session *session = take_session(self);
  if (session == NULL) return -1;
  if (self->variant->flops > LONG_RUN_FLOPS) {
    Py_BEGIN_ALLOW_THREADS;
    self->variant->run(session, inputs, outputs);
    Py_END_ALLOW_THREADS;
  } else {
    self->variant->run(session, inputs, outputs);
  }
  give_back(self, session);
  return 0;
}

int ironworks_is_dense(PyObject *object, char kind, Py_buffer *view) {
  if (!PyObject_CheckBuffer(object) || PyObject_GetBuffer(object, view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) != 0) {
    PyErr_Clear();
    return 0;
  }
  if (view->format && view->format[0] == kind && view->format[1] == 0) return 1;
  PyBuffer_Release(view);
  return 0;
}

/* Whether `object` is a dense array of the input's dtype and size; `view` is held if so. */
static int fits(Function *self, int number, PyObject *object, Py_buffer *view) {
  if (!ironworks_is_dense(object, self->input_kind[number], view)) return 0;
  if (view->len == self->input_bytes[number]) return 1;
  PyBuffer_Release(view);
  return 0;
}

/* function(input, …) -> list of new arrays, or None where an argument is no dense array of the right dtype and size */
static PyObject *call(PyObject *callable, PyObject *const *arguments, size_t flags, PyObject *names) {
  Function *self = (Function *)callable;
  int inputs = self->variant->input_count, outputs = self->variant->output_count, held = 0, made = 0;
  if (names != NULL || PyVectorcall_NARGS(flags) != inputs) Py_RETURN_NONE;
  Py_buffer given[MOST_TENSORS], results[MOST_TENSORS];
  const void *from[MOST_TENSORS];
  void *to[MOST_TENSORS];
  PyObject *answer = NULL;
  for (; held < inputs; held++) {
    if (!fits(self, held, arguments[held], &given[held])) {
      answer = Py_NewRef(Py_None);
      goto done;
    }
    from[held] = given[held].buf;
  }
  PyObject *list = PyList_New(outputs);
  if (list == NULL) goto done;
  for (; made < outputs; made++) {
    PyObject *array = PyObject_Call(self->make, PyTuple_GET_ITEM(self->templates, made), NULL);
    if (array == NULL) break;
    PyList_SET_ITEM(list, made, array);
    if (PyObject_GetBuffer(array, &results[made], PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE) != 0) break;
    to[made] = results[made].buf;
  }
  if (made == outputs && ironworks_run(self, from, to) == 0)
    answer = list;
  else
    Py_DECREF(list);
done:
  while (made > 0) PyBuffer_Release(&results[--made]);
  while (held > 0) PyBuffer_Release(&given[--held]);
  return answer;
}

static void close_function(Function *self) {
  while (self->idle_count) self->variant->stop(self->idle[--self->idle_count]);
  free(self->idle);
  Py_XDECREF(self->instruction_set);
  Py_XDECREF(self->make);
  Py_XDECREF(self->templates);
  if (self->library) dlclose(self->library);
  Py_TYPE(self)->tp_free((PyObject *)self);
}

/* Open variant `number` of the library at `path`. Raises OSError; ValueError if it has no code for this processor. */
static int open_function(Function *self, PyObject *arguments, PyObject *names) {
  static char *keywords[] = {"path", "number", "threads", "make", "templates", NULL};
  const char *path;
  PyObject *make, *templates;
  if (!PyArg_ParseTupleAndKeywords(arguments, names, "siiOO!", keywords, &path, &self->number, &self->threads, &make,
                                   &PyTuple_Type, &templates))
    return -1;
  self->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (self->library == NULL) {
    PyErr_SetString(PyExc_OSError, dlerror());
    return -1;
  }
  const ironworks_model *(*open)(void) = (const ironworks_model *(*)(void))dlsym(self->library, "ironworks_model_open");
  const ironworks_model *model = open ? open() : NULL;
  if (model == NULL || model->abi != IRONWORKS_ABI || self->number < 0 || self->number >= model->variant_count) {
    PyErr_SetString(PyExc_ValueError, "the library has no code for this processor, or is of another version");
    return -1;
  }
  self->variant = &model->variants[self->number];
  if (self->variant->input_count > MOST_TENSORS || self->variant->output_count > MOST_TENSORS ||
      PyTuple_GET_SIZE(templates) != self->variant->output_count) {
    PyErr_SetString(PyExc_ValueError, "the library has other inputs and outputs than described");
    return -1;
  }
  for (int i = 0; i < self->variant->input_count; i++) {
    self->input_bytes[i] = ironworks_bytes_of(&self->variant->inputs[i]);
    self->input_kind[i] = kind_of(&self->variant->inputs[i]);
  }
  self->instruction_set = PyUnicode_FromString(model->instruction_set);
  self->make = Py_NewRef(make);
  self->templates = Py_NewRef(templates);
  self->call = call;
  return self->instruction_set == NULL ? -1 : 0;
}

/* run_into(inputs, outputs): sequences of dense arrays that fit, which the caller has checked by `described` */
static PyObject *run_into(Function *self, PyObject *arguments) {
  PyObject *sources, *targets;
  if (!PyArg_ParseTuple(arguments, "O!O!", &PyList_Type, &sources, &PyList_Type, &targets)) return NULL;
  int inputs = self->variant->input_count, outputs = self->variant->output_count, held = 0, made = 0, failed = 1;
  Py_buffer given[MOST_TENSORS], results[MOST_TENSORS];
  const void *from[MOST_TENSORS];
  void *to[MOST_TENSORS];
  if (PyList_GET_SIZE(sources) != inputs || PyList_GET_SIZE(targets) != outputs) {
    PyErr_SetString(PyExc_ValueError, "the model has another number of inputs or outputs");
    return NULL;
  }
  for (; held < inputs; held++) {
    if (!fits(self, held, PyList_GET_ITEM(sources, held), &given[held])) {
      PyErr_Format(PyExc_ValueError, "input %d is no dense array of the model's dtype and size", held);
      goto done;
    }
    from[held] = given[held].buf;
  }
  for (; made < outputs; made++) {
    if (PyObject_GetBuffer(PyList_GET_ITEM(targets, made), &results[made], PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE) != 0) goto done;
    if (results[made].len != ironworks_bytes_of(&self->variant->outputs[made])) {
      PyBuffer_Release(&results[made]);
      PyErr_Format(PyExc_ValueError, "output %d has not the model's size", made);
      goto done;
    }
    to[made] = results[made].buf;
  }
  failed = ironworks_run(self, from, to);
done:
  while (made > 0) PyBuffer_Release(&results[--made]);
  while (held > 0) PyBuffer_Release(&given[--held]);
  if (failed) return NULL;
  Py_RETURN_NONE;
}

/* described() -> (inputs, outputs), each a list of (name, dtype, shape) */
static PyObject *tensor_list(const ironworks_tensor *tensors, int count) {
  PyObject *list = PyList_New(count);
  for (int i = 0; list != NULL && i < count; i++) {
    PyObject *shape = PyTuple_New(tensors[i].rank);
    for (int k = 0; shape != NULL && k < tensors[i].rank; k++)
      PyTuple_SET_ITEM(shape, k, PyLong_FromLongLong(tensors[i].shape[k]));
    PyObject *item = Py_BuildValue("ssN", tensors[i].name, tensors[i].dtype, shape);
    if (item == NULL) Py_CLEAR(list);
    else PyList_SET_ITEM(list, i, item);
  }
  return list;
}

static PyObject *described(Function *self, PyObject *unused) {
  (void)unused;
  return Py_BuildValue("NN", tensor_list(self->variant->inputs, self->variant->input_count),
                       tensor_list(self->variant->outputs, self->variant->output_count));
}

static PyMethodDef methods[] = {
    {"run_into", (PyCFunction)run_into, METH_VARARGS, "run_into(inputs, outputs): run into the caller's arrays."},
    {"described", (PyCFunction)described, METH_NOARGS, "The library's own description of inputs and outputs."},
    {NULL, NULL, 0, NULL},
};
static PyMemberDef members[] = {
    {"__vectorcalloffset__", Py_T_PYSSIZET, offsetof(Function, call), Py_READONLY, NULL},
    {"instruction_set", Py_T_OBJECT_EX, offsetof(Function, instruction_set), Py_READONLY, "Chosen for this processor."},
    {NULL, 0, 0, 0, NULL},
};
PyTypeObject FunctionType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "ironworks.runtime._native.Function",
    .tp_basicsize = sizeof(Function),
    .tp_doc = "Function(path, number, threads, make, templates): a variant of a model library, callable.",
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_vectorcall_offset = offsetof(Function, call),
    .tp_call = PyVectorcall_Call,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)open_function,
    .tp_dealloc = (destructor)close_function,
    .tp_methods = methods,
    .tp_members = members,
};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_native", NULL, -1, NULL, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__native(void) {
  if (PyType_Ready(&FunctionType) < 0 || PyType_Ready(&RowsType) < 0) return NULL;
  PyObject *created = PyModule_Create(&module);
  if (created == NULL || PyModule_AddObjectRef(created, "Function", (PyObject *)&FunctionType) < 0 ||
      PyModule_AddObjectRef(created, "Rows", (PyObject *)&RowsType) < 0) {
    Py_XDECREF(created);
    return NULL;
  }
  return created;
}
