/* The limits of one core: multiply-adds of float32, and reading memory of several sizes. Licence: Apache-2.0. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#if defined(__AVX512F__)
#define LANES 16
#define CHAINS 24
#elif defined(__AVX__)
#define LANES 8
#define CHAINS 12
#else
#define LANES 4
#define CHAINS 12
#endif
typedef float vec __attribute__((vector_size(LANES * 4)));

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

static volatile float sink;

/* CHAINS sums that do not wait for each other keep both units busy. */
static double multiply_adds(void) {
  const long steps = 4000000;
  vec sums[CHAINS] = {{0}}, a = {0}, b = {0};
  for (int i = 0; i < LANES; i++) a[i] = 1e-3f * i, b[i] = 1.0f - 1e-6f * i;
  /* Sums that begin alike would be one to the compiler. */
  for (int i = 0; i < CHAINS; i++) sums[i] += (float)i;
  double start = now();
  for (long step = 0; step < steps; step++) {
#pragma GCC unroll 24
    for (int i = 0; i < CHAINS; i++) sums[i] = sums[i] * b + a;
  }
  double seconds = now() - start;
  for (int i = 1; i < CHAINS; i++) sums[0] += sums[i];
  sink = sums[0][0];
  return 2.0 * LANES * CHAINS * steps / seconds;
}

static double read_bytes(const float *memory, long bytes) {
  long count = bytes / sizeof(vec) / 8 * 8;
  const vec *vectors = (const vec *)memory;
  long passes = 1 + (400L << 20) / bytes;
  vec sums[8] = {{0}};
  double start = now();
  for (long pass = 0; pass < passes; pass++) {
    for (long i = 0; i < count; i += 8) {
#pragma GCC unroll 8
      for (int j = 0; j < 8; j++) sums[j] += vectors[i + j];
    }
    __asm__ volatile("" ::: "memory");
  }
  double seconds = now() - start;
  for (int j = 1; j < 8; j++) sums[0] += sums[j];
  sink = sums[0][0];
  return (double)count * sizeof(vec) * passes / seconds;
}

int main(int count, char **sizes) {
  long most = 64;
  for (int i = 1; i < count; i++) {
    long size = atol(sizes[i]);
    if (size > most) most = size;
  }
  float *memory = aligned_alloc(64, (most + 63) / 64 * 64);
  if (!memory) return 1;
  for (long i = 0; i < most / 4; i++) memory[i] = 1e-3f * (i & 1023);
  printf("%.6g", multiply_adds());
  for (int i = 1; i < count; i++) printf(" %.6g", read_bytes(memory, atol(sizes[i])));
  printf("\n");
  return 0;
}
