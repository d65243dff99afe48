/* The server of one instance: several threads that share an epoll set, and one slot for computing.

   Whoever reads the last byte of an invocation queues it; whoever then finds the slot free takes it and answers what is
   queued, so a lone client's request never changes threads. All else is answered where it is read. */
#ifndef IRONWORKS_SERVER_H
#define IRONWORKS_SERVER_H

#include <pthread.h>
#include <stdatomic.h>

#include "connection.h"

#define SECOND INT64_C(1000000000)
#define IDLE_TIME (75 * SECOND) /* of a connection to the direct address */
#define BATCH_LIMIT 256
#define TYPE_LIMIT 1024 /* bytes of an answer's content type */

struct listener {
  struct source source;
  bool direct;
  struct listener *next;
};

struct settings {
  size_t payload_limit;
  int64_t request_time; /* nanoseconds in which a request must have come in, or be taken, whole */
  int64_t answer_time;  /* in which an invocation must be answered */
  size_t batch;         /* invocations that are computed together */
  int64_t batch_delay;  /* how long the first of them may wait for others */
  char *token;          /* of the direct address; NULL: nobody is let in there */
};

struct server {
  struct settings settings;
  /* Answers a batch of invocations; called by one thread at a time. It calls `start_running` as soon as it has their
     bytes: from then on the connections are not the thread's any more, and may be given up. */
  void (*compute)(struct server *server, struct connection *const *batch, size_t count);
  void *context;
  int epoll;
  struct source clock, stop;
  pthread_mutex_t accepting;
  struct listener *listeners;

  pthread_mutex_t lock; /* guards all that follows */
  pthread_cond_t changed;
  struct connection *connections;
  size_t count;
  struct connection *first, *last; /* the queue */
  size_t queued;
  bool computing;
  atomic_bool draining; /* set under the lock, and also read without */
  int64_t computing_since;
  struct connection *running[BATCH_LIMIT]; /* NULL: it was given up */
};

/* What an invocation is answered with. */
struct answer {
  int status;
  const char *type, *body;
  size_t type_size, size;
  int64_t began, hooks_time, model_time; /* nanoseconds */
};

/* Returns -1 with errno set if the system gives no descriptors. */
int open_server(struct server *server);

void close_server(struct server *server);

/* Serve the clients of a listening socket, or of those that come through a socket with their descriptor (HANDOFF). */
int listen_on(struct server *server, int descriptor, int kind, bool direct);

/* Serve until `stop_serving`; several threads may. */
void serve(struct server *server);

void stop_serving(struct server *server);

/* Take no more connections, close those that wait for nothing, and wait `seconds` for the others.
   Returns how many are left. */
size_t drain(struct server *server, double seconds);

void start_running(struct server *server, struct connection *const *batch, size_t count);

/* For `compute`: answer the invocation `running[number]`, and let its connection go on with `resume`, which needs not
   be in the same lock of Python. NULL: it was given up. */
struct connection *answer(struct server *server, size_t number, const struct answer *answer);

void resume(struct server *server, struct connection *connection);

/* routes.c: answers that need no model, and what stands before every answer. */

/* What to do with the request whose head was read: 0 to read its body and compute, or the status to answer. */
int route(const struct server *server, const struct connection *connection);

/* Send the answer of `status` that has no model in it. */
enum transfer send_plain(struct server *server, struct connection *connection, int status);

enum transfer send_answer(struct connection *connection, const struct answer *answer);

/* requests.c */

/* Do all that can be done for a connection of this thread's without waiting. */
void proceed(struct server *server, struct connection *connection);

/* Go on with a connection that epoll tells of. */
void wake(struct server *server, struct connection *connection);

/* Answer its request with an error, whatever it has come to. */
void give_up(struct server *server, struct connection *connection, int status);

/* slot.c */

void queue(struct server *server, struct connection *connection);

/* Take the slot if it is free, and answer what is queued. */
void compute(struct server *server);

/* listeners.c */

void welcome(struct server *server, struct listener *listener);

/* Accept what waits to be accepted, and nothing after it. */
void close_listeners(struct server *server);

/* deadlines.c */

/* The clock ticks only while there are connections, or while something is computed. The lock is held. */
void set_clock(struct server *server, bool on);

/* What is to be done when the clock has ticked. */
void tick(struct server *server);

/* End what has waited for longer than it may, and, when draining, what waits for nothing. */
void sweep(struct server *server);

/* server.c */

void watch(struct server *server, struct source *source, int operation, uint32_t events);

void end(struct server *server, struct connection *connection);

#endif
