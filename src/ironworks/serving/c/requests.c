/* A connection from one request to the next. */
#include <sys/epoll.h>
#include <sys/socket.h>

#include "server.h"

#define LINGER_TIME (5 * SECOND) /* in which a refused client may read the refusal */
#define TURNS 64 /* times that one connection is read from in a row */

enum step { NEEDS_INPUT, NEEDS_OUTPUT, INVOKES, ENDS };

static enum state state_of(const struct connection *connection, enum step step) {
  if (step == NEEDS_OUTPUT) return WRITING;
  if (connection->lingering) return LINGERING;
  return connection->size || connection->head_read ? READING : IDLE;
}

static int64_t deadline_of(const struct server *server, const struct connection *connection, enum state state) {
  if (state == READING) return connection->begun + server->settings.request_time;
  if (state == LINGERING) return connection->begun + LINGER_TIME;
  if (state == WRITING) return now() + server->settings.request_time;
  return connection->direct ? now() + IDLE_TIME : 0;
}

/* Leave the connection until its client does something. */
static void park(struct server *server, struct connection *connection, enum step step) {
  enum state state = state_of(connection, step);
  int64_t deadline = deadline_of(server, connection, state);
  pthread_mutex_lock(&server->lock);
  connection->state = state;
  connection->deadline = deadline;
  pthread_mutex_unlock(&server->lock);
  watch(server, &connection->source, EPOLL_CTL_MOD,
        (state == WRITING ? EPOLLOUT : EPOLLIN | EPOLLRDHUP) | EPOLLONESHOT);
}

/* Answer without the model. A body that was not read, or cannot be, ends the connection. */
static enum transfer refuse(struct server *server, struct connection *connection, int status) {
  struct head *head = &connection->head;
  bool whole = connection->head_read && !head->chunked && head->length == 0 && !head->fault && status != 411;
  connection->closing = !whole || !head->keep_alive || server->draining;
  connection->unread = !whole;
  connection->served = true;
  enum transfer sent = send_plain(server, connection, status);
  begin_request(connection, whole ? head->at : connection->size);
  return sent;
}

/* Read on in the body. Returns UNFINISHED, WHOLE or a status. */
static int read_body(struct server *server, struct connection *connection) {
  struct head *head = &connection->head;
  if (!head->chunked) {
    if (!make_room(connection, head->at + head->length)) return 413;
    return connection->size - head->at >= head->length ? WHOLE : UNFINISHED;
  }
  size_t size = connection->size - head->at;
  int status = read_chunks(&connection->chunks, connection->input + head->at, &size, &connection->body,
                           server->settings.payload_limit);
  connection->size = head->at + size;
  return status;
}

/* Read on in what has come in. Returns UNFINISHED, WHOLE or a status. */
static int read_request(struct server *server, struct connection *connection, enum transfer *sent) {
  if (!connection->head_read) {
    int status = read_head(&connection->head, connection->input, connection->size);
    if (status != WHOLE) return status;
    connection->head_read = true;
    status = route(server, connection);
    if (status) return status;
    status = read_body(server, connection);
    if (status == UNFINISHED && connection->head.expects_continue)
      *sent = send_parts(connection, "HTTP/1.1 100 Continue\r\n\r\n", 25, NULL, 0);
    return status;
  }
  return read_body(server, connection);
}

/* Read on what the client is still sending: closed at once, the answer could be lost (RFC 9112, 9.6).
   False: there is nothing to wait for. */
static bool linger(struct connection *connection) {
  if (!connection->unread && connection->size == 0) return false;
  if (shutdown(connection->source.descriptor, SHUT_WR) != 0) return false;
  connection->lingering = true;
  connection->size = 0;
  connection->begun = now();
  return true;
}

/* Do what can be done for the connection without waiting. */
static enum step advance(struct server *server, struct connection *connection) {
  enum transfer sent = DONE;
  bool asked = false;
  for (int turn = 0;; turn++) {
    if (sent == DONE && connection->output_size) sent = flush(connection);
    if (sent == BLOCKED) return NEEDS_OUTPUT;
    if (sent == BROKEN) return ENDS;
    if (connection->closing && !connection->lingering && !linger(connection)) return ENDS;
    if (connection->lingering) return discard(connection) == BROKEN ? ENDS : NEEDS_INPUT;
    int status = connection->size ? read_request(server, connection, &sent) : UNFINISHED;
    if (status == WHOLE) return INVOKES;
    if (status != UNFINISHED) {
      sent = refuse(server, connection, status);
    } else if (sent == DONE) {
      if (turn > TURNS || (asked && !connection->filled)) return NEEDS_INPUT;
      asked = true;
      sent = receive(connection);
      if (sent == BLOCKED) return NEEDS_INPUT;
    }
  }
}

void proceed(struct server *server, struct connection *connection) {
  enum step step = advance(server, connection);
  if (step == INVOKES)
    queue(server, connection);
  else if (step == ENDS)
    end(server, connection);
  else
    park(server, connection, step);
}

void wake(struct server *server, struct connection *connection) {
  pthread_mutex_lock(&server->lock);
  enum state state = connection->state;
  bool expired = connection->expired;
  connection->state = OWNED;
  pthread_mutex_unlock(&server->lock);
  if (!expired) {
    proceed(server, connection);
  } else if (state == READING) {
    connection->head_read = false; /* the rest of the request will not be read */
    give_up(server, connection, 408);
  } else {
    end(server, connection);
  }
}

void give_up(struct server *server, struct connection *connection, int status) {
  if (refuse(server, connection, status) == BROKEN)
    end(server, connection);
  else
    proceed(server, connection);
}
