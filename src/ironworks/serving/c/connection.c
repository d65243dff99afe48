#define _GNU_SOURCE
#include "connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define ROOM (32 * 1024) /* more than a head may have */
#define KEPT_ROOM (256 * 1024)

int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

struct connection *new_connection(int descriptor, bool direct) {
  struct connection *connection = calloc(1, sizeof *connection);
  if (connection == NULL) return NULL;
  connection->source.kind = CONNECTION;
  connection->source.descriptor = descriptor;
  connection->direct = direct;
  connection->since = now();
  return connection;
}

void free_connection(struct connection *connection) {
  close(connection->source.descriptor);
  free(connection->input);
  free(connection->output);
  free(connection);
}

bool make_room(struct connection *connection, size_t size) {
  if (size <= connection->room) return true;
  char *grown = realloc(connection->input, size);
  if (grown == NULL) return false;
  connection->input = grown;
  connection->room = size;
  return true;
}

static enum transfer trouble(void) { return errno == EAGAIN || errno == EWOULDBLOCK ? BLOCKED : BROKEN; }

enum transfer receive(struct connection *connection) {
  size_t room = connection->size < connection->room ? connection->room : connection->room ? 2 * connection->room : ROOM;
  if (!make_room(connection, room)) return BROKEN;
  ssize_t count;
  do
    count = recv(connection->source.descriptor, connection->input + connection->size,
                 connection->room - connection->size, MSG_DONTWAIT);
  while (count < 0 && errno == EINTR);
  if (count < 0) return trouble();
  if (connection->size == 0 && !connection->head_read) connection->begun = now();
  connection->size += (size_t)count;
  connection->filled = connection->size == connection->room;
  return count ? DONE : BROKEN;
}

void begin_request(struct connection *connection, size_t size) {
  connection->size -= size;
  if (connection->size) memmove(connection->input, connection->input + size, connection->size);
  if (connection->room > KEPT_ROOM && connection->size <= ROOM) {
    char *shrunk = realloc(connection->input, ROOM);
    if (shrunk) connection->input = shrunk, connection->room = ROOM;
  }
  memset(&connection->head, 0, sizeof connection->head);
  memset(&connection->chunks, 0, sizeof connection->chunks);
  connection->head_read = false;
  connection->body = 0;
  if (connection->size) connection->begun = now();
}

/* Keep `parts` from byte `sent` on. */
static enum transfer keep(struct connection *connection, const struct iovec *parts, size_t sent) {
  size_t size = parts[0].iov_len + parts[1].iov_len - sent, at = 0;
  connection->output = malloc(size);
  if (connection->output == NULL) return BROKEN;
  for (int i = 0; i < 2; i++) {
    size_t skipped = sent < parts[i].iov_len ? sent : parts[i].iov_len;
    sent -= skipped;
    if (parts[i].iov_len > skipped)
      memcpy(connection->output + at, (const char *)parts[i].iov_base + skipped, parts[i].iov_len - skipped);
    at += parts[i].iov_len - skipped;
  }
  connection->output_at = 0;
  connection->output_size = size;
  return BLOCKED;
}

enum transfer send_parts(struct connection *connection, const char *head, size_t head_size, const char *body,
                         size_t size) {
  struct iovec parts[2] = {{(void *)head, head_size}, {(void *)body, size}};
  struct msghdr message = {.msg_iov = parts, .msg_iovlen = size ? 2 : 1};
  ssize_t sent;
  do sent = sendmsg(connection->source.descriptor, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  while (sent < 0 && errno == EINTR);
  if (sent < 0 && trouble() == BROKEN) return BROKEN;
  if (sent == (ssize_t)(head_size + size)) return DONE;
  return keep(connection, parts, sent < 0 ? 0 : (size_t)sent);
}

enum transfer flush(struct connection *connection) {
  while (connection->output_at < connection->output_size) {
    ssize_t sent = send(connection->source.descriptor, connection->output + connection->output_at,
                        connection->output_size - connection->output_at, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return trouble();
    connection->output_at += (size_t)sent;
  }
  free(connection->output);
  connection->output = NULL;
  connection->output_at = connection->output_size = 0;
  return DONE;
}

enum transfer discard(struct connection *connection) {
  char bytes[16 * 1024];
  for (int turn = 0; turn < 64; turn++) { /* then others have their turn */
    ssize_t count = recv(connection->source.descriptor, bytes, sizeof bytes, MSG_DONTWAIT);
    if (count == 0 || (count < 0 && errno != EINTR)) return count ? trouble() : BROKEN;
  }
  return BLOCKED;
}

bool has_left(const struct connection *connection) {
  char byte;
  ssize_t count = recv(connection->source.descriptor, &byte, 1, MSG_DONTWAIT | MSG_PEEK);
  return count == 0 || (count < 0 && trouble() == BROKEN);
}
