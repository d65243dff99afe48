/* The time of a model library's code without any caller, for benchmarks/runtime.py. Licence: Apache-2.0. */
#include <dlfcn.h>
#include <time.h>

#include "ironworks.h"

/* Seconds of one of `count` runs of variant `number` of the library at `path`; negative if it cannot be opened. */
double kernel_seconds(const char *path, int number, const void *input, void *output, long count) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  const ironworks_model *(*open)(void) =
      library ? (const ironworks_model *(*)(void))dlsym(library, "ironworks_model_open") : NULL;
  const ironworks_model *model = open ? open() : NULL;
  if (model == NULL || number >= model->variant_count) return -1;
  const ironworks_variant *variant = &model->variants[number];
  ironworks_session *session = variant->start(number, 1);
  if (session == NULL) return -1;
  struct timespec from, to;
  variant->run(session, &input, &output);
  clock_gettime(CLOCK_MONOTONIC, &from);
  for (long i = 0; i < count; i++) variant->run(session, &input, &output);
  clock_gettime(CLOCK_MONOTONIC, &to);
  variant->stop(session);
  dlclose(library);
  return ((double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec)) / (double)count;
}
