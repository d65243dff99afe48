/* The clock of the server: what waits too long. */
#include <stdio.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "server.h"

#define GRACE_TIME \
  (SECOND / 2) /* in which a client that has just connected may send its request to a draining server */

void set_clock(struct server *server, bool on) {
  const struct settings *settings = &server->settings;
  int64_t shortest = settings->request_time < settings->answer_time ? settings->request_time : settings->answer_time;
  int64_t tick = !on ? 0 : shortest < 4 * SECOND ? shortest / 4 + 1 : SECOND;
  struct timespec time = {tick / SECOND, tick % SECOND};
  struct itimerspec every = {time, time};
  timerfd_settime(server->clock.descriptor, 0, &every, NULL);
}

/* Wake the owner-to-be of a connection that waits for its client. The lock is held. */
static void expire(struct connection *connection) {
  connection->expired = true;
  shutdown(connection->source.descriptor, connection->state == READING ? SHUT_RD : SHUT_RDWR);
}

static bool is_idle(const struct connection *connection, int64_t time) {
  char byte;
  if (connection->state != IDLE || (!connection->served && time < connection->since + GRACE_TIME)) return false;
  return recv(connection->source.descriptor, &byte, 1, MSG_DONTWAIT | MSG_PEEK) <= 0; /* no request has just come */
}

/* Take what has waited too long out of the queue. The lock is held. */
static struct connection *late_in_queue(struct server *server, int64_t time) {
  struct connection *late = NULL;
  while (server->first && server->first->deadline < time) { /* they are in the order of their deadlines */
    struct connection *connection = server->first;
    server->first = connection->behind;
    server->queued--;
    connection->state = OWNED;
    connection->behind = late;
    late = connection;
  }
  return late;
}

/* Take what is computed for too long from who computes it. The lock is held. */
static struct connection *late_in_slot(struct server *server, int64_t time) {
  struct connection *late = NULL;
  for (size_t i = 0; i < server->settings.batch; i++) {
    struct connection *connection = server->running[i];
    if (connection == NULL || connection->deadline >= time) continue;
    server->running[i] = NULL;
    connection->state = OWNED;
    connection->behind = late;
    late = connection;
  }
  return late;
}

static void give_up_all(struct server *server, struct connection *late, int status) {
  while (late) {
    struct connection *connection = late;
    late = connection->behind;
    dprintf(STDOUT_FILENO, "ERROR ironworks.serving: Invocation answered with %d: %s for more than %.0f s.\n", status,
            status == 504 ? "the model and its functions have been at work" : "it has waited for others",
            (double)server->settings.answer_time / SECOND);
    give_up(server, connection, status);
  }
}

void sweep(struct server *server) {
  int64_t time = now();
  pthread_mutex_lock(&server->lock);
  struct connection *queued = late_in_queue(server, time), *computed = late_in_slot(server, time);
  bool stuck = server->computing && time - server->computing_since > 2 * server->settings.answer_time;
  for (struct connection *connection = server->connections; connection; connection = connection->next) {
    bool waits = connection->state >= IDLE && !connection->expired;
    bool late = connection->deadline && connection->deadline < time;
    if (waits && (late || (server->draining && is_idle(connection, time)))) expire(connection);
  }
  if (server->count == 0 && !server->computing) set_clock(server, false);
  pthread_mutex_unlock(&server->lock);
  give_up_all(server, queued, 503);
  give_up_all(server, computed, 504);
  if (!stuck) return;
  dprintf(STDERR_FILENO,
          "The model's functions have not returned for %.0f s: this instance ends, so that another takes its place.\n",
          2.0 * (double)server->settings.answer_time / SECOND);
  _exit(1);
}

void tick(struct server *server) {
  uint64_t count;
  ssize_t got = read(server->clock.descriptor, &count, sizeof count); /* or it would not tick again */
  if (got == sizeof count) sweep(server);
}
