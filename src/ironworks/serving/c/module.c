/* ironworks.serving._http: the server as a type of Python's, and the calls from it into Python. */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x03080000
#include <Python.h>

#include <stdlib.h>
#include <string.h>

#include "server.h"

typedef struct {
  PyObject_HEAD struct server server;
  PyObject
      *answer; /* answer(list of (body, content type, accept)) -> as many (status, content type, body, nanoseconds) */
} Server;

/* from the server into Python */

static PyObject *text_of(const struct connection *connection, struct span span) {
  return PyUnicode_DecodeLatin1(connection->input + span.at, (Py_ssize_t)span.size, NULL);
}

static PyObject *invocation_of(const struct connection *connection) {
  const struct head *head = &connection->head;
  size_t size = head->chunked ? connection->body : head->length;
  PyObject *body = PyBytes_FromStringAndSize(connection->input + head->at, (Py_ssize_t)size);
  PyObject *type = text_of(connection, head->content_type), *accept = text_of(connection, head->accept);
  PyObject *invocation = body && type && accept ? PyTuple_Pack(3, body, type, accept) : NULL;
  Py_XDECREF(body);
  Py_XDECREF(type);
  Py_XDECREF(accept);
  return invocation;
}

static PyObject *invocations_of(struct connection *const *batch, size_t count) {
  PyObject *invocations = PyList_New(0);
  for (size_t i = 0; i < count && invocations; i++) {
    PyObject *invocation = invocation_of(batch[i]);
    if (invocation == NULL || PyList_Append(invocations, invocation) != 0) Py_CLEAR(invocations);
    Py_XDECREF(invocation);
  }
  return invocations;
}

/* One answer in C's terms; its text and bytes live as long as `item`. */
static bool read_answer(PyObject *item, struct answer *answer) {
  PyObject *status, *type, *body, *nanoseconds;
  Py_ssize_t type_size = 0, size = 0;
  char *bytes = NULL;
  if (item == NULL ||
      !PyArg_ParseTuple(item, "OO!O!O", &status, &PyBytes_Type, &type, &PyBytes_Type, &body, &nanoseconds))
    return false;
  answer->status = (int)PyLong_AsLong(status);
  answer->model_time = PyLong_AsLongLong(nanoseconds);
  if (PyErr_Occurred() || PyBytes_AsStringAndSize(type, &bytes, &type_size) != 0) return false;
  if (type_size > TYPE_LIMIT) {
    PyErr_SetString(PyExc_ValueError, "an answer's content type is too long");
    return false;
  }
  answer->type = bytes;
  answer->type_size = (size_t)type_size;
  if (PyBytes_AsStringAndSize(body, &bytes, &size) != 0) return false;
  answer->body = bytes;
  answer->size = (size_t)size;
  return true;
}

static void fail(struct answer *given) {
  static const char text[] = "The instance failed. The endpoint's log has the traceback.";
  if (PyErr_Occurred()) PyErr_WriteUnraisable(NULL);
  given->status = 500;
  given->type = "text/plain; charset=utf-8";
  given->type_size = strlen(given->type);
  given->body = text;
  given->size = sizeof text - 1;
  given->model_time = 0;
}

/* Compute and answer a batch. Python's lock is released before the connections go on. */
static void compute_in_python(struct server *server, struct connection *const *batch, size_t count) {
  Server *self = server->context;
  struct connection *answered[BATCH_LIMIT];
  PyGILState_STATE state = PyGILState_Ensure();
  int64_t began = now();
  PyObject *invocations = invocations_of(batch, count), *answers = NULL;
  start_running(server, batch, count);
  if (invocations) answers = PyObject_CallFunctionObjArgs(self->answer, invocations, NULL);
  bool complete = answers && PyList_Check(answers) && PyList_Size(answers) == (Py_ssize_t)count;
  int64_t spent = now() - began;
  for (size_t i = 0; i < count; i++) {
    struct answer given = {.began = began};
    if (!read_answer(complete ? PyList_GetItem(answers, (Py_ssize_t)i) : NULL, &given)) fail(&given);
    given.hooks_time = spent - given.model_time;
    answered[i] = answer(server, i, &given);
  }
  Py_XDECREF(answers);
  Py_XDECREF(invocations);
  PyGILState_Release(state);
  for (size_t i = 0; i < count; i++)
    if (answered[i]) resume(server, answered[i]);
}

/* from Python into the server */

static int64_t nanoseconds(double seconds) { return (int64_t)(seconds * 1e9); }

static PyObject *make(PyTypeObject *type, PyObject *arguments, PyObject *names) {
  static char *keywords[] = {"answer", "payload_limit", "request_time", "answer_time",
                             "batch",  "batch_delay",   "token",        NULL};
  PyObject *call;
  Py_ssize_t payload_limit, batch = 1;
  double request_time, answer_time, batch_delay = 0;
  const char *token = NULL;
  if (!PyArg_ParseTupleAndKeywords(arguments, names, "Ondd|ndz", keywords, &call, &payload_limit, &request_time,
                                   &answer_time, &batch, &batch_delay, &token))
    return NULL;
  if (payload_limit < 0 || request_time <= 0 || answer_time <= 0 || batch < 1 || batch > BATCH_LIMIT || batch_delay < 0)
    return PyErr_Format(PyExc_ValueError,
                        "a limit of the server is out of range; at most %d invocations are computed together",
                        BATCH_LIMIT);
  Server *self = (Server *)PyType_GenericAlloc(type, 0);
  if (self == NULL) return NULL;
  self->server.settings =
      (struct settings){(size_t)payload_limit, nanoseconds(request_time), nanoseconds(answer_time),
                        (size_t)batch,         nanoseconds(batch_delay),  token ? strdup(token) : NULL};
  self->server.compute = compute_in_python;
  self->server.context = self;
  Py_INCREF(call);
  self->answer = call;
  if (open_server(&self->server) == 0) return (PyObject *)self;
  PyErr_SetFromErrno(PyExc_OSError);
  Py_DECREF(self);
  return NULL;
}

static void destroy(Server *self) { /* no thread serves: it would hold a reference */
  PyTypeObject *type = Py_TYPE(self);
  close_server(&self->server);
  Py_XDECREF(self->answer);
  PyObject_Free(self);
  Py_DECREF(type);
}

static PyObject *listen_in_python(Server *self, PyObject *arguments) {
  int descriptor, direct;
  if (!PyArg_ParseTuple(arguments, "ip", &descriptor, &direct)) return NULL;
  if (listen_on(&self->server, descriptor, LISTENER, direct) != 0) return PyErr_SetFromErrno(PyExc_OSError);
  Py_RETURN_NONE;
}

static PyObject *take_over_in_python(Server *self, PyObject *arguments) {
  int descriptor;
  if (!PyArg_ParseTuple(arguments, "i", &descriptor)) return NULL;
  if (listen_on(&self->server, descriptor, HANDOFF, false) != 0) return PyErr_SetFromErrno(PyExc_OSError);
  Py_RETURN_NONE;
}

static PyObject *serve_in_python(Server *self, PyObject *nothing) {
  (void)nothing;
  Py_BEGIN_ALLOW_THREADS;
  serve(&self->server);
  Py_END_ALLOW_THREADS;
  Py_RETURN_NONE;
}

static PyObject *stop_in_python(Server *self, PyObject *nothing) {
  (void)nothing;
  stop_serving(&self->server);
  Py_RETURN_NONE;
}

static PyObject *drain_in_python(Server *self, PyObject *arguments) {
  double seconds;
  size_t left;
  if (!PyArg_ParseTuple(arguments, "d", &seconds)) return NULL;
  Py_BEGIN_ALLOW_THREADS;
  left = drain(&self->server, seconds);
  Py_END_ALLOW_THREADS;
  return PyLong_FromSize_t(left);
}

static PyObject *connections_in_python(Server *self, PyObject *nothing) {
  (void)nothing;
  pthread_mutex_lock(&self->server.lock);
  size_t count = self->server.count;
  pthread_mutex_unlock(&self->server.lock);
  return PyLong_FromSize_t(count);
}

static PyMethodDef methods[] = {
    {"listen", (PyCFunction)listen_in_python, METH_VARARGS,
     "listen(descriptor, direct): serve those who connect to a listening socket, with the token if `direct`."},
    {"take_over", (PyCFunction)take_over_in_python, METH_VARARGS,
     "take_over(descriptor): serve connections whose descriptors come through a Unix socket, each with a byte: d for "
     "direct."},
    {"serve", (PyCFunction)serve_in_python, METH_NOARGS, "serve(): serve until `stop`; for several threads."},
    {"stop", (PyCFunction)stop_in_python, METH_NOARGS, "stop(): end the threads that serve."},
    {"drain", (PyCFunction)drain_in_python, METH_VARARGS,
     "drain(seconds): accept nobody any more, close what is idle, wait for the rest. Returns how many connections are "
     "left."},
    {"connections", (PyCFunction)connections_in_python, METH_NOARGS, "connections(): how many are open."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc,
     "Server(answer, payload_limit, request_time, answer_time, batch=1, batch_delay=0.0, token=None)\n\n"
     "`answer` takes a list of (body, content type, accept) and gives as many (status, content type, body, "
     "nanoseconds\n"
     "that the model took), where the content type is bytes. Times are in seconds, the limit in bytes."},
    {Py_tp_new, make},
    {Py_tp_dealloc, destroy},
    {Py_tp_methods, methods},
    {0, NULL},
};

static PyType_Spec spec = {"ironworks.serving._http.Server", sizeof(Server), 0, Py_TPFLAGS_DEFAULT, slots};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_http", "The HTTP server of an endpoint instance.", -1, NULL, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__http(void) {
  PyObject *module = PyModule_Create(&definition);
  PyObject *type = module ? PyType_FromSpec(&spec) : NULL;
  if (type && PyModule_AddObject(module, "Server", type) == 0) return module;
  Py_XDECREF(type);
  Py_XDECREF(module);
  return NULL;
}
