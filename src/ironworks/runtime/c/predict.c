/* Runs a model library on files: predict MODEL.so INPUT… -- OUTPUT…

   A file has the elements of one tensor, dense, in C order, as the processor has them (little-endian). There is
   one file for each input and output of the model, in its order; outputs are written. Of a model that was
   compiled for several batch sizes, the variant runs whose inputs have the sizes of the files. It shows all that
   a program in C does to use a model. Licence: Apache-2.0. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ironworks.h"

static const struct {
  const char *name;
  size_t bytes;
} DTYPES[] = {{"float32", 4}, {"float64", 8}, {"float16", 2}, {"int64", 8}, {"int32", 4}, {"int16", 2},
              {"int8", 1},    {"uint64", 8},  {"uint32", 4},  {"uint16", 2}, {"uint8", 1}, {"bool", 1}};

static size_t bytes_of(const ironworks_tensor *tensor) {
  size_t bytes = 0;
  for (size_t i = 0; i < sizeof DTYPES / sizeof *DTYPES; i++)
    if (strcmp(DTYPES[i].name, tensor->dtype) == 0) bytes = DTYPES[i].bytes;
  for (int i = 0; i < tensor->rank; i++) bytes *= (size_t)tensor->shape[i];
  return bytes;
}

static int fail(const char *what, const char *which) {
  fprintf(stderr, "predict: %s: %s\n", which, what);
  return 1;
}

/* How many bytes the file has, or -1. */
static long size_of(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) return -1;
  long size = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
  fclose(file);
  return size;
}

static int read_tensor(const char *path, void *data, size_t bytes) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) return fail("cannot be read", path);
  int whole = fread(data, 1, bytes, file) == bytes && fgetc(file) == EOF;
  fclose(file);
  return whole ? 0 : fail("cannot be read", path);
}

/* The first input whose file is not of the variant's size, or -1 if all fit. */
static int misfit(const ironworks_variant *variant, char **inputs) {
  for (int i = 0; i < variant->input_count; i++)
    if (size_of(inputs[i]) != (long)bytes_of(&variant->inputs[i])) return i;
  return -1;
}

/* The number of the variant whose inputs have the sizes of the files; -1, and a message, if there is none. */
static int choose(const ironworks_model *model, char **inputs) {
  int wrong = 0;
  for (int i = 0; i < model->variant_count; i++) {
    int number = misfit(&model->variants[i], inputs);
    if (number < 0) return i;
    wrong = number > wrong ? number : wrong;
  }
  if (size_of(inputs[wrong]) < 0) {
    fail("cannot be read", inputs[wrong]);
    return -1;
  }
  fprintf(stderr, "predict: %s: it must have ", inputs[wrong]);
  for (int i = 0; i < model->variant_count; i++)
    fprintf(stderr, "%s%zu", i ? " or " : "", bytes_of(&model->variants[i].inputs[wrong]));
  fputs(" bytes\n", stderr);
  return -1;
}

static int write_tensor(const char *path, const void *data, size_t bytes) {
  FILE *file = fopen(path, "wb");
  if (file == NULL) return fail("cannot be written", path);
  int whole = fwrite(data, 1, bytes, file) == bytes;
  return fclose(file) == 0 && whole ? 0 : fail("cannot be written", path);
}

static int predict(const ironworks_variant *model, int number, char **inputs, char **outputs) {
  int status = 0, count = model->input_count + model->output_count;
  void **data = calloc((size_t)count + 1, sizeof *data);
  if (data == NULL) return fail("not enough memory", "model");
  for (int i = 0; i < count && status == 0; i++) {
    const ironworks_tensor *tensor = i < model->input_count ? &model->inputs[i] : &model->outputs[i - model->input_count];
    size_t bytes = bytes_of(tensor);
    data[i] = malloc(bytes + 1);
    if (data[i] == NULL) status = fail("not enough memory", tensor->name);
    if (status == 0 && i < model->input_count) status = read_tensor(inputs[i], data[i], bytes);
  }
  ironworks_session *session = status ? NULL : model->start(number, 1);
  if (status == 0 && session == NULL) status = fail("not enough memory", "session");
  if (session != NULL) {
    model->run(session, (const void *const *)data, data + model->input_count);
    model->stop(session);
  }
  for (int i = 0; i < model->output_count && status == 0; i++)
    status = write_tensor(outputs[i], data[model->input_count + i], bytes_of(&model->outputs[i]));
  for (int i = 0; i < count; i++) free(data[i]);
  free(data);
  return status;
}

int main(int count, char **arguments) {
  int middle = 2;
  while (middle < count && strcmp(arguments[middle], "--") != 0) middle++;
  if (count < 3 || middle == count) {
    fputs("usage: predict MODEL.so INPUT... -- OUTPUT...\n", stderr);
    return 2;
  }
  void *library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return fail(dlerror(), arguments[1]);
  const ironworks_model *(*open)(void) = (const ironworks_model *(*)(void))dlsym(library, "ironworks_model_open");
  const ironworks_model *model = open ? open() : NULL;
  if (open == NULL) return fail("it is not a model library", arguments[1]);
  if (model == NULL) return fail("it was compiled for another kind of processor", arguments[1]);
  if (model->abi != IRONWORKS_ABI) return fail("it has another version of the interface", arguments[1]);
  const ironworks_variant *variant = &model->variants[0];
  if (middle - 2 != variant->input_count || count - middle - 1 != variant->output_count) {
    fprintf(stderr, "predict: the model has %d inputs and %d outputs\n", variant->input_count, variant->output_count);
    return 2;
  }
  int number = choose(model, arguments + 2);
  return number < 0 ? 1 : predict(&model->variants[number], number, arguments + 2, arguments + middle + 1);
}
