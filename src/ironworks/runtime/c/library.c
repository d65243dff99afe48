/* The part of a model library that is the same for all: the choice of code by processor, sessions, threads.
   Licence: Apache-2.0. */
#include "kernels.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define ALIGNMENT 64

#define SPINS 2000 /* about 50 µs: between two kernels of a run it is not worth to fall asleep */
#define CLOSED 0xffffffffu

/* Threads that wait for work. A round hands out the indices of a task; whoever is free takes the next.

   `state` is the number of the round and, in its low half, the next index, or CLOSED while a round is being set up:
   whoever takes an index by exchanging the one for the next knows that the task is still that round's. */
struct ironworks_team {
  _Atomic uint64_t state;
  _Atomic long done;
  _Atomic int sleepers;
  ironworks_task *task;
  void *arguments;
  _Atomic long count;
  pthread_mutex_t lock;
  pthread_cond_t begin;
  pthread_cond_t end;
  _Atomic int stopping;
  _Atomic int numbered;
  int size;
  pthread_t workers[];
};

struct ironworks_session {
  const ironworks_generated *code;
  ironworks_team *team;
  char *workspace;
  void *allocated;
};

static void relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
  __asm__ volatile("yield");
#endif
}

/* Take indices of the current round until none is left. */
static void work(ironworks_team *team, int thread) {
  uint64_t state = atomic_load(&team->state);
  while ((uint32_t)state < CLOSED) {
    long index = (uint32_t)state, count = team->count;
    if (index >= count) return;
    if (!atomic_compare_exchange_weak(&team->state, &state, state + 1)) continue;
    team->task(team->arguments, index, thread);
    if (atomic_fetch_add(&team->done, 1) + 1 == count) {
      pthread_mutex_lock(&team->lock);
      pthread_cond_signal(&team->end);
      pthread_mutex_unlock(&team->lock);
    }
    state = atomic_load(&team->state);
  }
}

static int round_is(ironworks_team *team, uint32_t seen) {
  return (uint32_t)(atomic_load(&team->state) >> 32) == seen && !atomic_load(&team->stopping);
}

static void *wait_for_work(void *raw) {
  ironworks_team *team = raw;
  int thread = atomic_fetch_add(&team->numbered, 1) + 1;
  uint32_t seen = 0;
  while (!atomic_load(&team->stopping)) {
    for (int spin = 0; spin < SPINS && round_is(team, seen); spin++) relax();
    if (round_is(team, seen)) {
      pthread_mutex_lock(&team->lock);
      atomic_fetch_add(&team->sleepers, 1);
      while (round_is(team, seen)) pthread_cond_wait(&team->begin, &team->lock);
      atomic_fetch_sub(&team->sleepers, 1);
      pthread_mutex_unlock(&team->lock);
    }
    seen = (uint32_t)(atomic_load(&team->state) >> 32);
    work(team, thread);
  }
  return NULL;
}

void ironworks_parallel(ironworks_team *team, ironworks_task *task, void *arguments, long count) {
  if (team == NULL || team->size == 0 || count < 2) {
    for (long index = 0; index < count; index++) task(arguments, index, 0);
    return;
  }
  uint64_t round = (atomic_load(&team->state) >> 32) + 1;
  atomic_store(&team->state, (round - 1) << 32 | CLOSED);
  team->task = task;
  team->arguments = arguments;
  team->count = count;
  atomic_store(&team->done, 0);
  atomic_store(&team->state, round << 32);
  if (atomic_load(&team->sleepers) > 0) {
    pthread_mutex_lock(&team->lock);
    pthread_cond_broadcast(&team->begin);
    pthread_mutex_unlock(&team->lock);
  }
  work(team, 0);
  for (int spin = 0; spin < SPINS && atomic_load(&team->done) < count; spin++) relax();
  if (atomic_load(&team->done) == count) return;
  pthread_mutex_lock(&team->lock);
  while (atomic_load(&team->done) < count) pthread_cond_wait(&team->end, &team->lock);
  pthread_mutex_unlock(&team->lock);
}

static void disband(ironworks_team *team) {
  if (team == NULL) return;
  pthread_mutex_lock(&team->lock);
  atomic_store(&team->stopping, 1);
  pthread_cond_broadcast(&team->begin);
  pthread_mutex_unlock(&team->lock);
  for (int i = 0; i < team->size; i++) pthread_join(team->workers[i], NULL);
  pthread_cond_destroy(&team->begin);
  pthread_cond_destroy(&team->end);
  pthread_mutex_destroy(&team->lock);
  free(team);
}

/* A team with `size` threads besides the caller's; NULL if there is no memory or no thread to be had. */
static ironworks_team *gather(int size) {
  ironworks_team *team = calloc(1, sizeof *team + (size_t)size * sizeof(pthread_t));
  if (team == NULL) return NULL;
  pthread_mutex_init(&team->lock, NULL);
  pthread_cond_init(&team->begin, NULL);
  pthread_cond_init(&team->end, NULL);
  while (team->size < size) {
    if (pthread_create(&team->workers[team->size], NULL, wait_for_work, team) != 0) {
      disband(team);
      return NULL;
    }
    team->size++;
  }
  return team;
}

static const ironworks_level *level(void) {
  for (int i = 0; i < ironworks_level_count; i++)
    if (ironworks_levels[i].supported()) return &ironworks_levels[i];
  return NULL;
}

static void stop(ironworks_session *session) {
  disband(session->team);
  free(session->allocated);
  free(session);
}

static ironworks_session *start(int variant, int threads) {
  const ironworks_level *chosen = level();
  if (chosen == NULL || variant < 0 || variant >= *chosen->variant_count) return NULL;
  ironworks_session *session = calloc(1, sizeof *session);
  if (session == NULL) return NULL;
  session->code = &chosen->variants[variant];
  int workers = threads > 1 && session->code->parallel ? threads - 1 : 0;
  size_t slots = (size_t)(workers + 1) * session->code->slot;
  session->allocated = malloc(session->code->workspace + slots + ALIGNMENT);
  if (session->allocated == NULL || (workers && (session->team = gather(workers)) == NULL)) {
    stop(session);
    return NULL;
  }
  uintptr_t address = (uintptr_t)session->allocated;
  session->workspace = (char *)((address + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
  return session;
}

static void run(ironworks_session *session, const void *const *inputs, void *const *outputs) {
  session->code->run(inputs, outputs, session->workspace, session->team);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static ironworks_model opened;

static void open_once(void) {
  const ironworks_level *chosen = level();
  if (chosen == NULL) return;
  ironworks_variant *variants = calloc((size_t)*chosen->variant_count, sizeof *variants);
  if (variants == NULL) return;
  for (int i = 0; i < *chosen->variant_count; i++) {
    const ironworks_generated *code = &chosen->variants[i];
    variants[i] = (ironworks_variant){code->input_count, code->output_count, code->inputs, code->outputs,
                                      code->flops,       start,              run,          stop};
  }
  opened = (ironworks_model){IRONWORKS_ABI, *chosen->variant_count, variants, chosen->name};
}

__attribute__((visibility("default"))) const ironworks_model *ironworks_model_open(void) {
  pthread_once(&once, open_once);
  return opened.variants == NULL ? NULL : &opened;
}

__attribute__((destructor)) static void forget(void) { free((void *)opened.variants); }
