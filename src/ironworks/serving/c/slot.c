/* The slot for computing, and the queue before it. */
#include <errno.h>
#include <time.h>

#include "server.h"

void queue(struct server *server, struct connection *connection) {
  int64_t time = now();
  pthread_mutex_lock(&server->lock);
  connection->state = QUEUED;
  connection->since = time;
  connection->deadline = time + server->settings.answer_time;
  connection->behind = NULL;
  if (server->first)
    server->last->behind = connection;
  else
    server->first = connection;
  server->last = connection;
  server->queued++;
  if (server->computing && server->settings.batch > 1) pthread_cond_broadcast(&server->changed);
  pthread_mutex_unlock(&server->lock);
}

struct connection *answer(struct server *server, size_t number, const struct answer *answer) {
  pthread_mutex_lock(&server->lock);
  struct connection *connection = server->running[number];
  server->running[number] = NULL;
  if (connection) connection->state = OWNED;
  pthread_mutex_unlock(&server->lock);
  if (connection == NULL) return NULL;
  connection->served = true;
  connection->closing = !connection->head.keep_alive || server->draining;
  if (send_answer(connection, answer) != BROKEN) return connection;
  end(server, connection);
  return NULL;
}

void resume(struct server *server, struct connection *connection) {
  const struct head *head = &connection->head;
  begin_request(connection, head->at + (head->chunked ? connection->body : head->length));
  proceed(server, connection);
}

/* Wait for others to be computed together with the first. The lock is held. */
static void gather(struct server *server) {
  int64_t until = server->first->since + server->settings.batch_delay;
  struct timespec time = {until / SECOND, until % SECOND};
  while (server->first && server->queued < server->settings.batch && !server->draining && now() < until)
    if (pthread_cond_timedwait(&server->changed, &server->lock, &time) == ETIMEDOUT) return;
}

/* Take what is to be computed next out of the queue. False: there is nothing, and the slot is free again. */
static bool take(struct server *server, struct connection **batch, size_t *taken) {
  struct connection *left = NULL;
  size_t count = 0;
  pthread_mutex_lock(&server->lock);
  if (server->first && server->settings.batch > 1) gather(server);
  int64_t time = now();
  while (server->first && count < server->settings.batch) {
    struct connection *connection = server->first;
    server->first = connection->behind;
    server->queued--;
    connection->state = OWNED;
    if (time - connection->since > SECOND / 1000 && has_left(connection)) { /* meanwhile the client may have gone */
      connection->behind = left;
      left = connection;
    } else {
      batch[count++] = connection;
    }
  }
  bool goes_on = count || left;
  server->computing = goes_on;
  server->computing_since = time;
  pthread_mutex_unlock(&server->lock);
  while (left) {
    struct connection *connection = left;
    left = connection->behind;
    end(server, connection);
  }
  *taken = count;
  return goes_on;
}

void start_running(struct server *server, struct connection *const *batch, size_t count) {
  int64_t deadline = now() + server->settings.answer_time;
  pthread_mutex_lock(&server->lock);
  for (size_t i = 0; i < count; i++) {
    server->running[i] = batch[i];
    batch[i]->state = RUNNING;
    batch[i]->deadline = deadline;
  }
  pthread_mutex_unlock(&server->lock);
}

void compute(struct server *server) {
  struct connection *batch[BATCH_LIMIT];
  pthread_mutex_lock(&server->lock);
  bool mine = server->first && !server->computing;
  if (mine) {
    server->computing = true;
    server->computing_since = now();
  }
  pthread_mutex_unlock(&server->lock);
  for (size_t count; mine && take(server, batch, &count);)
    if (count) server->compute(server, batch, count);
}
