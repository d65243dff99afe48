/* One client's connection: its buffers, and the request that is being read from them. It belongs to one thread at a
   time, except for the members that the server's lock guards. */
#ifndef IRONWORKS_CONNECTION_H
#define IRONWORKS_CONNECTION_H

#include "chunks.h"
#include "head.h"

/* What epoll tells of: the first member of everything that it watches. */
struct source {
  enum { CONNECTION, LISTENER, HANDOFF, CLOCK, STOP } kind;
  int descriptor;
};

/* OWNED: a thread is at work on it. QUEUED and RUNNING: its invocation waits for the compute slot, or has it. The
   others wait for the client: to begin a request, to go on with it, to read an answer, to read a refusal and close. */
enum state { OWNED, QUEUED, RUNNING, IDLE, READING, WRITING, LINGERING };

struct connection {
  struct source source;
  bool direct; /* a client came by the direct address: it needs the token, and is not told the times */

  /* guarded by the server's lock */
  struct connection *previous, *next;
  struct connection *behind; /* in the queue */
  enum state state;
  int64_t deadline; /* nanoseconds of the monotonic clock; 0: none */
  int64_t since;    /* when it was accepted, or its invocation was whole */
  bool expired;

  /* the owner's */
  char *input;
  size_t size, room; /* bytes that have come in, and that there is room for */
  bool filled;       /* the last that came in filled the room, so there may be more */
  struct head head;
  struct chunks chunks;
  bool head_read;
  size_t body;   /* bytes of the body that are there, if it is chunked */
  int64_t begun; /* when the first byte of the request came, or the lingering began */
  char *output;  /* what the client was too slow to take */
  size_t output_at, output_size;
  bool served;  /* a request was answered */
  bool closing; /* after what is being sent */
  bool unread;  /* something of a request was not read, so closing needs care */
  bool lingering;
};

enum transfer { DONE, BLOCKED, BROKEN };

int64_t now(void);

struct connection *new_connection(int descriptor, bool direct);

void free_connection(struct connection *connection);

/* Read what has come in; BLOCKED: nothing has. BROKEN: the client is gone, or there is no memory. */
enum transfer receive(struct connection *connection);

/* Make room for `size` bytes of input. False: there is no memory. */
bool make_room(struct connection *connection, size_t size);

/* Forget the first `size` bytes of the input, those of a request that is answered, and begin the next. */
void begin_request(struct connection *connection, size_t size);

/* Send `head` and `body`, and keep what the client does not take at once. */
enum transfer send_parts(struct connection *connection, const char *head, size_t head_size, const char *body,
                         size_t size);

/* Go on sending what was kept. */
enum transfer flush(struct connection *connection);

/* Read what has come in and throw it away; BROKEN: that was all that ever comes. */
enum transfer discard(struct connection *connection);

/* Whether the client has closed its side. */
bool has_left(const struct connection *connection);

#endif
