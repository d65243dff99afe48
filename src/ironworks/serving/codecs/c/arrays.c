/* The extension `_arrays`: arrays of numbers from JSON and CSV, in one pass, without an object a number.
 *
 * What is not an array of numbers is answered with None: Python code then reads it, or says what is wrong with it. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x03080000
#include "number.h"

#include <Python.h>
#include <stdlib.h>

enum { MOST_DIMENSIONS = 8 };

typedef union {
    int64_t integer;
    double real;
} Slot;

typedef struct {
    const char *limit; /* the NUL behind the text */
    Slot *slots;
    Py_ssize_t room, count;
    int integers; /* all so far, and so the slots hold integers */
    int rank;     /* -1: no number has been seen yet */
    Py_ssize_t shape[MOST_DIMENSIONS];
} Reader;

static const char *skip_space(const char *text)
{
    while (*text == ' ' || *text == '\n' || *text == '\r' || *text == '\t')
        text++;
    return text;
}

static const char *add_number(Reader *reader, const char *text)
{
    Number number;
    text = read_number(text, reader->limit, &number);
    if (text == NULL || reader->count == reader->room)
        return NULL;
    if (reader->integers && !number.is_integer) {
        for (Py_ssize_t i = 0; i < reader->count; i++)
            reader->slots[i].real = (double)reader->slots[i].integer;
        reader->integers = 0;
    }
    Slot *slot = &reader->slots[reader->count++];
    if (reader->integers)
        slot->integer = number.integer;
    else
        slot->real = number.real;
    return text;
}

/* Reads a number, or a list of what is one dimension deeper. Answers where it ends; NULL if it is neither. */
static const char *read_value(Reader *reader, const char *text, int depth)
{
    text = skip_space(text);
    if (*text != '[') {
        if (reader->rank < 0)
            reader->rank = depth;
        return reader->rank == depth ? add_number(reader, text) : NULL;
    }
    if (depth == MOST_DIMENSIONS)
        return NULL;
    Py_ssize_t size = 0;
    do {
        text = read_value(reader, text + 1, depth + 1);
        if (text == NULL)
            return NULL;
        size++;
        text = skip_space(text);
    } while (*text == ',');
    if (*text != ']' || (reader->shape[depth] >= 0 && reader->shape[depth] != size))
        return NULL;
    reader->shape[depth] = size;
    return text + 1;
}

/* Reads rows of numbers. Answers where they end; NULL if they are not all as long as the first. */
static const char *read_rows(Reader *reader, const char *text)
{
    Py_ssize_t rows = 0, columns = 0;
    for (text = skip_space(text); *text != 0; text = skip_space(text)) {
        Py_ssize_t before = reader->count;
        for (;; text++) {
            while (*text == ' ' || *text == '\t')
                text++;
            text = add_number(reader, text);
            if (text == NULL)
                return NULL;
            while (*text == ' ' || *text == '\t')
                text++;
            if (*text != ',')
                break;
        }
        Py_ssize_t size = reader->count - before;
        if ((*text != '\n' && *text != '\r' && *text != 0) || (rows > 0 && size != columns))
            return NULL;
        columns = size;
        rows++;
    }
    reader->rank = 2;
    reader->shape[0] = rows;
    reader->shape[1] = columns;
    return text;
}

static PyObject *shape_of(const Reader *reader)
{
    PyObject *shape = PyTuple_New(reader->rank);
    for (int i = 0; shape != NULL && i < reader->rank; i++) {
        PyObject *size = PyLong_FromSsize_t(reader->shape[i]);
        if (size == NULL || PyTuple_SetItem(shape, i, size) < 0)
            Py_CLEAR(shape);
    }
    return shape;
}

/* (the numbers' bytes, whether they are integers, their shape), or None. */
static PyObject *found(const Reader *reader)
{
    PyObject *bytes = PyBytes_FromStringAndSize((char *)reader->slots, reader->count * (Py_ssize_t)sizeof(Slot));
    PyObject *shape = shape_of(reader);
    PyObject *integers = PyBool_FromLong(reader->integers);
    PyObject *all = bytes == NULL || shape == NULL ? NULL : PyTuple_Pack(3, bytes, integers, shape);
    Py_XDECREF(bytes);
    Py_XDECREF(shape);
    Py_DECREF(integers);
    return all;
}

static PyObject *read_array(PyObject *body, int csv)
{
    char *text;
    Py_ssize_t size;
    if (PyBytes_AsStringAndSize(body, &text, &size) < 0)
        return NULL;
    Reader reader = {.limit = text + size, .room = size / 2 + 1, .integers = !csv, .rank = -1};
    for (int i = 0; i < MOST_DIMENSIONS; i++)
        reader.shape[i] = -1;
    reader.slots = malloc((size_t)reader.room * sizeof(Slot)); /* a number and what parts it from the next: two bytes */
    if (reader.slots == NULL)
        return PyErr_NoMemory();
    const char *end = csv ? read_rows(&reader, text) : read_value(&reader, text, 0);
    PyObject *answer = Py_None;
    if (end != NULL && skip_space(end) == reader.limit && reader.count > 0)
        answer = found(&reader);
    else
        Py_INCREF(answer);
    free(reader.slots);
    return answer;
}

static PyObject *read_json(PyObject *module, PyObject *body)
{
    (void)module;
    return read_array(body, 0);
}

static PyObject *read_csv(PyObject *module, PyObject *body)
{
    (void)module;
    return read_array(body, 1);
}

static PyMethodDef methods[] = {
    {"read_json", read_json, METH_O, "Of nested lists: the 8-byte numbers, whether int64, the shape; or None."},
    {"read_csv", read_csv, METH_O, "Of rows: the float64 numbers, False, the shape; or None."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "ironworks.serving.codecs._arrays", .m_size = 0, .m_methods = methods};

PyMODINIT_FUNC PyInit__arrays(void) { return PyModule_Create(&definition); }
