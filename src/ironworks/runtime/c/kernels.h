/* What the generated code of one instruction set gives to library.c, and what library.c gives to it. */
#ifndef IRONWORKS_KERNELS_H
#define IRONWORKS_KERNELS_H

#include "ironworks.h"

typedef struct ironworks_team ironworks_team;

/* The `index`th part of some work; `thread` says who does it: 0 is the caller, the team's others follow. */
typedef void ironworks_task(void *arguments, long index, int thread);

/* Call `task` for each index from 0 to count - 1, spread over the team's threads; returns when all are done. */
void ironworks_parallel(ironworks_team *team, ironworks_task *task, void *arguments, long count);

typedef void ironworks_kernel(const void *const *inputs, void *const *outputs, char *workspace, ironworks_team *team);

/* One variant as generated: `workspace` bytes, 64-byte aligned, are for one run at a time; `slot` bytes for each of its
   threads follow. Both are multiples of 64. */
typedef struct {
  int input_count;
  int output_count;
  const ironworks_tensor *inputs;
  const ironworks_tensor *outputs;
  double flops;
  size_t workspace;
  size_t slot;
  int parallel; /* whether any kernel uses more than one thread */
  ironworks_kernel *run;
} ironworks_generated;

/* The code of one instruction set; `supported` asks the processor. library.c is compiled with a table of these:
   `ironworks_level ironworks_levels[]`, best first, and `int ironworks_level_count`. */
typedef struct {
  const char *name;
  int (*supported)(void);
  const int *variant_count;
  const ironworks_generated *variants;
} ironworks_level;

extern const ironworks_level ironworks_levels[];
extern const int ironworks_level_count;

#endif
