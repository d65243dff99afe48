/* What is answered without the model, and the heads of all answers. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "server.h"

static const struct {
  int status;
  const char *phrase;
} phrases[] = {
    {200, "OK"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {411, "Length Required"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {422, "Unprocessable Content"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

static const char *phrase_of(int status) {
  for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++)
    if (phrases[i].status == status) return phrases[i].phrase;
  return "";
}

static bool is_path(const struct connection *connection, const char *path) {
  struct span span = connection->head.path;
  return span.size == strlen(path) && memcmp(connection->input + span.at, path, span.size) == 0;
}

/* Whether the request has the token. How long it takes does not depend on where the two differ. */
static bool is_allowed(const struct server *server, const struct connection *connection) {
  const char *token = server->settings.token, *value = connection->input + connection->head.authorization.at;
  size_t size = connection->head.authorization.size, wanted = token ? strlen(token) : 0;
  if (wanted == 0 || size != wanted + 7 || strncasecmp(value, "Bearer ", 7) != 0) return false;
  volatile unsigned char difference = 0;
  for (size_t i = 0; i < wanted; i++) difference |= (unsigned char)(value[7 + i] ^ token[i]);
  return difference == 0;
}

int route(const struct server *server, const struct connection *connection) {
  const struct head *head = &connection->head;
  if (is_path(connection, "/ping")) return head->method == METHOD_GET || head->method == METHOD_HEAD ? 200 : 405;
  if (!is_path(connection, "/invocations")) return 404;
  if (connection->direct && !is_allowed(server, connection)) return 401;
  if (head->method != METHOD_POST) return 405;
  if (!head->chunked && !head->has_length) return 411;
  return head->length > server->settings.payload_limit ? 413 : 0;
}

static size_t message_for(const struct server *server, const struct connection *connection, int status, char *text,
                          size_t room) {
  const char *fault = connection->head.fault ? connection->head.fault : connection->chunks.fault;
  int path = (int)(connection->head.path.size < 80 ? connection->head.path.size : 80);
  switch (status) {
    case 200: return 0;
    case 401: return (size_t)snprintf(text, room, "Send the endpoint's token: Authorization: Bearer TOKEN.");
    case 404:
      return (size_t)snprintf(text, room, "There is no %.*s here: GET /ping and POST /invocations.", path,
                              connection->input + connection->head.path.at);
    case 405:
      return (size_t)snprintf(text, room,
                              is_path(connection, "/ping") ? "/ping takes GET." : "/invocations takes POST.");
    case 408: return (size_t)snprintf(text, room, "The request did not come in whole in time.");
    case 411:
      return (size_t)snprintf(text, room,
                              "Say how long the payload is: Content-Length, or Transfer-Encoding: chunked.");
    case 413:
      return (size_t)snprintf(text, room, "The payload has more than %zu bytes.", server->settings.payload_limit);
    case 503: return (size_t)snprintf(text, room, "The instance was busy with other invocations for too long.");
    case 504: return (size_t)snprintf(text, room, "The model and its functions gave no answer in time.");
    default: return (size_t)snprintf(text, room, "This request is not taken: %s.", fault ? fault : "it is malformed");
  }
}

static const char *fields_for(const struct connection *connection, int status) {
  if (status == 401) return "www-authenticate: Bearer\r\n";
  if (status == 405) return is_path(connection, "/ping") ? "allow: GET, HEAD\r\n" : "allow: POST\r\n";
  return "";
}

static const char *ending(const struct connection *connection) {
  if (connection->closing) return "connection: close\r\n\r\n";
  return connection->head.old ? "connection: keep-alive\r\n\r\n" : "\r\n";
}

enum transfer send_plain(struct server *server, struct connection *connection, int status) {
  char head[512], text[256];
  size_t size = message_for(server, connection, status, text, sizeof text);
  int length = snprintf(head, sizeof head,
                        "HTTP/1.1 %d %s\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: %zu\r\n%s%s",
                        status, phrase_of(status), size, fields_for(connection, status), ending(connection));
  return send_parts(connection, head, (size_t)length, text, connection->head.method == METHOD_HEAD ? 0 : size);
}

/* The head is put together by copying: a call of snprintf takes as long as a small layer. */

static char *put(char *to, const char *text, size_t size) {
  memcpy(to, text, size);
  return to + size;
}

#define PUT(to, text) put(to, text, sizeof text - 1)

static char *put_number(char *to, int64_t number) {
  char digits[20];
  int count = 0;
  uint64_t left = number > 0 ? (uint64_t)number : 0;
  do digits[count++] = (char)('0' + left % 10);
  while (left /= 10);
  while (count) *to++ = digits[--count];
  return to;
}

/* How long the invocation waited, and how long the user's functions and the model took, in microseconds. */
static char *put_times(char *to, const struct connection *connection, const struct answer *answer) {
  to = PUT(to, "x-ironworks-times: ");
  to = put_number(to, (answer->began - connection->since) / 1000);
  *to++ = ',';
  to = put_number(to, answer->hooks_time / 1000);
  *to++ = ',';
  to = put_number(to, answer->model_time / 1000);
  return PUT(to, "\r\n");
}

enum transfer send_answer(struct connection *connection, const struct answer *answer) {
  char head[512 + TYPE_LIMIT], *to = head;
  const char *phrase = phrase_of(answer->status), *end = ending(connection);
  to = PUT(to, "HTTP/1.1 ");
  to = put_number(to, answer->status);
  *to++ = ' ';
  to = put(to, phrase, strlen(phrase));
  to = PUT(to, "\r\ncontent-type: ");
  to = put(to, answer->type, answer->type_size);
  to = PUT(to, "\r\ncontent-length: ");
  to = put_number(to, (int64_t)answer->size);
  to = PUT(to, "\r\n");
  if (!connection->direct) to = put_times(to, connection, answer);
  to = put(to, end, strlen(end));
  return send_parts(connection, head, (size_t)(to - head), answer->body, answer->size);
}
