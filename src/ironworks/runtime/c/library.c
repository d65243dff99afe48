/* The part of a model library that is the same for all: the choice of code by processor, sessions, threads.
   Licence: Apache-2.0. */
#include "kernels.h"

#include <pthread.h>
#include <stdlib.h>

#define ALIGNMENT 64

/* Threads that wait for work. A run hands out indices of a task; whoever is free takes the next. */
struct ironworks_team {
  pthread_mutex_t lock;
  pthread_cond_t begin;
  pthread_cond_t end;
  void (*task)(void *arguments, long index);
  void *arguments;
  long next, count, busy;
  unsigned long round;
  int stopping, size;
  pthread_t workers[];
};

struct ironworks_session {
  const ironworks_generated *code;
  ironworks_team *team;
  char *workspace;
  void *allocated;
};

/* Work on the current round until no index is left; the lock is held before and after. */
static void work(ironworks_team *team) {
  team->busy++;
  while (team->next < team->count) {
    long index = team->next++;
    pthread_mutex_unlock(&team->lock);
    team->task(team->arguments, index);
    pthread_mutex_lock(&team->lock);
  }
  if (--team->busy == 0) pthread_cond_signal(&team->end);
}

static void *wait_for_work(void *raw) {
  ironworks_team *team = raw;
  unsigned long seen = 0;
  pthread_mutex_lock(&team->lock);
  for (;;) {
    while (!team->stopping && team->round == seen) pthread_cond_wait(&team->begin, &team->lock);
    if (team->stopping) break;
    seen = team->round;
    work(team);
  }
  pthread_mutex_unlock(&team->lock);
  return NULL;
}

void ironworks_parallel(ironworks_team *team, void (*task)(void *arguments, long index), void *arguments, long count) {
  if (team == NULL || team->size == 0 || count < 2) {
    for (long index = 0; index < count; index++) task(arguments, index);
    return;
  }
  pthread_mutex_lock(&team->lock);
  team->task = task;
  team->arguments = arguments;
  team->next = 0;
  team->count = count;
  team->round++;
  pthread_cond_broadcast(&team->begin);
  work(team);
  while (team->busy > 0) pthread_cond_wait(&team->end, &team->lock);
  pthread_mutex_unlock(&team->lock);
}

static void disband(ironworks_team *team) {
  if (team == NULL) return;
  pthread_mutex_lock(&team->lock);
  team->stopping = 1;
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
  session->allocated = malloc(session->code->workspace + ALIGNMENT);
  int workers = threads > 1 && session->code->parallel ? threads - 1 : 0;
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
