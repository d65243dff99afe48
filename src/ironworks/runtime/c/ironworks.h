/* A model that Ironworks compiled to native code, for callers in C.

   A model library (`model.so` of an artifact) has one symbol, `ironworks_model_open`. It needs libc and libm
   only. Licence: Apache-2.0. */
#ifndef IRONWORKS_H
#define IRONWORKS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define IRONWORKS_ABI 1

/* An input or output. `dtype` is numpy's name ("float32", "int64"); elements are dense, in C order. */
typedef struct {
  const char *name;
  const char *dtype;
  int rank;
  const int64_t *shape;
} ironworks_tensor;

/* A running copy: working memory and threads. One call at a time; as many sessions as callers. */
typedef struct ironworks_session ironworks_session;

/* One set of shapes (a batch size) that the model was compiled for. Variants have the same inputs and outputs and
   differ in the first size of each shape, the number of rows. */
typedef struct {
  int input_count;
  int output_count;
  const ironworks_tensor *inputs;
  const ironworks_tensor *outputs;
  double flops; /* floating-point operations of one run, to judge how long it takes */
  /* Start a session of variant number `variant`, its place in `variants`, with up to `threads` threads, the caller's
     included; NULL if memory or threads are lacking. */
  ironworks_session *(*start)(int variant, int threads);
  /* Run: `inputs[i]` and `outputs[i]` point to dense arrays of the described shapes, of any alignment. */
  void (*run)(ironworks_session *session, const void *const *inputs, void *const *outputs);
  void (*stop)(ironworks_session *session);
} ironworks_variant;

/* What `ironworks_model_open` answers. A model of one batch size has one variant. One of several has a variant for
   each, smallest first: run the one whose `inputs[0].shape[0]` is the number of rows at hand. More rows are
   several runs; for fewer, run the next larger one with any finite numbers in the rows that are left over, and
   ignore their answers. */
typedef struct {
  int abi; /* IRONWORKS_ABI */
  int variant_count;
  const ironworks_variant *variants;
  const char *instruction_set; /* the level chosen for this processor: "x86-64-v4", "armv8-a" */
} ironworks_model;

/* The model in this library, or NULL if this processor has none of the instruction sets it was compiled for. */
const ironworks_model *ironworks_model_open(void);

#ifdef __cplusplus
}
#endif
#endif
