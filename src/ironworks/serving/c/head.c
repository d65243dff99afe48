#include "head.h"

#include <string.h>
#include <strings.h>

static int refuse(struct head *head, int status, const char *fault) {
  head->fault = fault;
  return status;
}

bool is_token_character(unsigned char character) {
  return (character >= '0' && character <= '9') || (character >= 'A' && character <= 'Z') ||
         (character >= 'a' && character <= 'z') || (character && strchr("!#$%&'*+-.^_`|~", character));
}

bool same_word(const char *data, size_t size, const char *text) {
  return size == strlen(text) && strncasecmp(data, text, size) == 0;
}

static bool is_token(const char *data, size_t size) {
  for (size_t i = 0; i < size; i++)
    if (!is_token_character((unsigned char)data[i])) return false;
  return size > 0;
}

static enum method method_of(const char *data, size_t size) {
  if (size == 4 && memcmp(data, "POST", 4) == 0) return METHOD_POST;
  if (size == 3 && memcmp(data, "GET", 3) == 0) return METHOD_GET;
  if (size == 4 && memcmp(data, "HEAD", 4) == 0) return METHOD_HEAD;
  return METHOD_OTHER;
}

static bool is_known_method(const char *data, size_t size) {
  static const char *const known[] = {"PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT"};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (size == strlen(known[i]) && memcmp(data, known[i], size) == 0) return true;
  return method_of(data, size) != METHOD_OTHER;
}

/* The path of a target in origin form, or in absolute form as proxies send it, without the query. */
static struct span path_of(const char *data, struct span target) {
  size_t at = target.at, end = target.at + target.size;
  if (target.size > 7 && strncasecmp(data + at, "http://", 7) == 0) {
    at += 7;
    while (at < end && data[at] != '/' && data[at] != '?') at++;
  }
  const char *query = memchr(data + at, '?', end - at);
  return (struct span){at, query ? (size_t)(query - data) - at : end - at};
}

/* METHOD SP TARGET SP HTTP/1.MINOR */
static int read_first_line(struct head *head, const char *data, size_t at, size_t end) {
  const char *space = memchr(data + at, ' ', end - at);
  if (space == NULL || !is_token(data + at, (size_t)(space - data) - at))
    return refuse(head, 400, "the first line is not that of a request");
  size_t method_size = (size_t)(space - data) - at, target = (size_t)(space - data) + 1;
  const char *second = memchr(data + target, ' ', end - target);
  if (second == NULL || second == data + target) return refuse(head, 400, "the first line has no version");
  for (const char *byte = data + target; byte < second; byte++)
    if (*byte <= ' ' || *byte == 0x7f) return refuse(head, 400, "the target has a character that is not allowed");
  const char *version = second + 1;
  if (data + end - version != 8 || memcmp(version, "HTTP/", 5) != 0 || version[6] != '.' || version[5] < '0' ||
      version[5] > '9' || version[7] < '0' || version[7] > '9')
    return refuse(head, 400, "the first line does not end in a version such as HTTP/1.1");
  if (version[5] != '1') return refuse(head, 505, "this is a server of HTTP/1.1");
  if (!is_known_method(data + at, method_size)) return refuse(head, 501, "the method is not known");
  head->method = method_of(data + at, method_size);
  head->path = path_of(data, (struct span){target, (size_t)(second - data) - target});
  head->old = version[7] == '0';
  head->keep_alive = !head->old;
  head->begun = true;
  return UNFINISHED;
}

static int read_length(struct head *head, const char *value, size_t size) {
  if (head->has_length) return refuse(head, 400, "there are two fields Content-Length");
  if (size == 0 || size > 18) return refuse(head, 400, "Content-Length is not a number");
  for (size_t i = 0; i < size; i++) {
    if (value[i] < '0' || value[i] > '9') return refuse(head, 400, "Content-Length is not a number");
    head->length = head->length * 10 + (uint64_t)(value[i] - '0');
  }
  head->has_length = true;
  return UNFINISHED;
}

static int read_encoding(struct head *head, const char *value, size_t size) {
  if (head->chunked) return refuse(head, 400, "there are two fields Transfer-Encoding");
  if (!same_word(value, size, "chunked")) return refuse(head, 501, "the only transfer encoding here is chunked");
  head->chunked = true;
  return UNFINISHED;
}

/* The options that say whether the connection is kept; `close` wins. */
static void read_connection(struct head *head, const char *value, size_t size) {
  bool close = false, keep = false;
  for (size_t at = 0; at < size;) {
    const char *comma = memchr(value + at, ',', size - at);
    size_t end = comma ? (size_t)(comma - value) : size, last = end;
    while (at < last && (value[at] == ' ' || value[at] == '\t')) at++;
    while (last > at && (value[last - 1] == ' ' || value[last - 1] == '\t')) last--;
    close = close || same_word(value + at, last - at, "close");
    keep = keep || same_word(value + at, last - at, "keep-alive");
    at = end + 1;
  }
  if (close)
    head->keep_alive = false;
  else if (keep && head->old)
    head->keep_alive = true;
}

static int take_field(struct head *head, const char *data, struct span name, struct span value) {
  const char *text = data + value.at, *key = data + name.at;
  switch (name.size) { /* before comparing letters */
    case 4:
      if (!same_word(key, 4, "host")) break;
      if (head->has_host) return refuse(head, 400, "there are two fields Host");
      head->has_host = true;
      break;
    case 6:
      if (same_word(key, 6, "accept")) head->accept = value;
      if (same_word(key, 6, "expect")) head->expects_continue = same_word(text, value.size, "100-continue");
      break;
    case 10:
      if (same_word(key, 10, "connection")) read_connection(head, text, value.size);
      break;
    case 12:
      if (same_word(key, 12, "content-type")) head->content_type = value;
      break;
    case 13:
      if (same_word(key, 13, "authorization")) head->authorization = value;
      break;
    case 14:
      if (same_word(key, 14, "content-length")) return read_length(head, text, value.size);
      break;
    case 17:
      if (same_word(key, 17, "transfer-encoding")) return read_encoding(head, text, value.size);
      break;
  }
  return UNFINISHED;
}

/* NAME: VALUE, with blanks around the value */
static int read_field(struct head *head, const char *data, size_t at, size_t end) {
  if (data[at] == ' ' || data[at] == '\t') return refuse(head, 400, "a field goes on in a second line");
  const char *colon = memchr(data + at, ':', end - at);
  size_t name_size = colon ? (size_t)(colon - data) - at : 0;
  if (!is_token(data + at, name_size)) return refuse(head, 400, "a field's name is not followed by a colon");
  size_t first = at + name_size + 1;
  for (size_t i = first; i < end; i++) {
    unsigned char byte = (unsigned char)data[i];
    if ((byte < ' ' && byte != '\t') || byte == 0x7f)
      return refuse(head, 400, "a field's value has a character that is not allowed");
  }
  while (first < end && (data[first] == ' ' || data[first] == '\t')) first++;
  while (end > first && (data[end - 1] == ' ' || data[end - 1] == '\t')) end--;
  return take_field(head, data, (struct span){at, name_size}, (struct span){first, end - first});
}

/* What only the whole of the fields shows: two ways to say where the body ends are how requests are smuggled. */
static int check_fields(struct head *head) {
  if (head->chunked && head->has_length)
    return refuse(head, 400, "there are both Content-Length and Transfer-Encoding");
  if (head->chunked && head->old) return refuse(head, 400, "HTTP/1.0 has no Transfer-Encoding");
  head->expects_continue = head->expects_continue && !head->old;
  return WHOLE;
}

static int read_line(struct head *head, const char *data, size_t at, size_t end) {
  if (!head->begun) return at == end ? UNFINISHED : read_first_line(head, data, at, end); /* RFC 9112, 2.2 */
  return at == end ? check_fields(head) : read_field(head, data, at, end);
}

int read_head(struct head *head, const char *data, size_t size) {
  size_t within = size < HEAD_LIMIT ? size : HEAD_LIMIT;
  while (head->at < within) {
    const char *feed = memchr(data + head->at, '\n', within - head->at);
    if (feed == NULL) break;
    size_t at = head->at, end = (size_t)(feed - data);
    if (end == at || data[end - 1] != '\r') return refuse(head, 400, "a line does not end in CR LF");
    head->at = end + 1;
    int status = read_line(head, data, at, end - 1);
    if (status != UNFINISHED) return status;
  }
  if (!head->begun && head->at < size && data[head->at] != '\r' && !is_token_character((unsigned char)data[head->at]))
    return refuse(head, 400, "the first line is not that of a request"); /* a TLS client waits without a line */
  return size < HEAD_LIMIT ? UNFINISHED : refuse(head, 431, "the head has more than 16 KiB");
}
