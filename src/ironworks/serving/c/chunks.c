#include "chunks.h"

#include <string.h>

static int refuse(struct chunks *chunks, int status, const char *fault) {
  chunks->fault = fault;
  return status;
}

static int digit_of(char character) {
  if (character >= '0' && character <= '9') return character - '0';
  if (character >= 'a' && character <= 'f') return character - 'a' + 10;
  if (character >= 'A' && character <= 'F') return character - 'A' + 10;
  return -1;
}

/* SIZE in hexadecimal digits, perhaps with extensions, which mean nothing here */
static int read_size(struct chunks *chunks, const char *line, size_t size) {
  size_t digits = 0;
  uint64_t value = 0;
  while (digits < size && digit_of(line[digits]) >= 0) value = value * 16 + (uint64_t)digit_of(line[digits++]);
  size_t at = digits;
  while (at < size && (line[at] == ' ' || line[at] == '\t')) at++;
  if (digits == 0 || digits > 15 || (at < size && line[at] != ';') || (at == size && at > digits))
    return refuse(chunks, 400, "a chunk does not begin with its size");
  for (; at < size; at++)
    if (((unsigned char)line[at] < ' ' && line[at] != '\t') || line[at] == 0x7f)
      return refuse(chunks, 400, "a chunk's extension has a character that is not allowed");
  chunks->left = value;
  chunks->stage = value ? CHUNK_DATA : TRAILER;
  return UNFINISHED;
}

static int read_trailer(struct chunks *chunks, const char *line, size_t size) {
  if (size == 0) return WHOLE;
  const char *colon = memchr(line, ':', size);
  for (const char *byte = line; byte < line + size; byte++) {
    bool fits = byte < colon ? is_token_character((unsigned char)*byte) : (unsigned char)*byte >= ' ' || *byte == '\t';
    if (colon == NULL || colon == line || !fits || *byte == 0x7f)
      return refuse(chunks, 400, "a field behind the chunks is malformed");
  }
  chunks->trailers += size + 2;
  if (chunks->trailers < TRAILERS_LIMIT) return UNFINISHED;
  return refuse(chunks, 431, "the fields behind the chunks are too long");
}

/* Read one line of a chunk's frame and move `*at` behind it. UNFINISHED with `*at` as it was: the line is cut off. */
static int read_frame(struct chunks *chunks, const char *data, size_t size, size_t *at) {
  size_t limit = chunks->stage == TRAILER ? TRAILERS_LIMIT : CHUNK_LINE_LIMIT;
  const char *feed = memchr(data + *at, '\n', size - *at);
  if (feed == NULL) {
    bool must_end = chunks->stage == CHUNK_END && size > *at && (data[*at] != '\r' || size - *at > 1);
    if (must_end) return refuse(chunks, 400, "a chunk is longer than its size");
    return size - *at < limit ? UNFINISHED : refuse(chunks, 400, "a line between the chunks is too long");
  }
  size_t first = *at, end = (size_t)(feed - data);
  if (end == first || data[end - 1] != '\r')
    return refuse(chunks, 400, "a line between the chunks does not end in CR LF");
  if (end - first > limit) return refuse(chunks, 400, "a line between the chunks is too long");
  *at = end + 1;
  if (chunks->stage == CHUNK_SIZE) return read_size(chunks, data + first, end - 1 - first);
  if (chunks->stage == TRAILER) return read_trailer(chunks, data + first, end - 1 - first);
  if (end - 1 != first) return refuse(chunks, 400, "a chunk is longer than its size");
  chunks->stage = CHUNK_SIZE;
  return UNFINISHED;
}

int read_chunks(struct chunks *chunks, char *data, size_t *size, size_t *body, size_t limit) {
  size_t from = *body, to = *body;
  int status = UNFINISHED;
  while (from < *size && status == UNFINISHED) {
    if (chunks->stage == CHUNK_DATA) {
      size_t part = *size - from < chunks->left ? *size - from : (size_t)chunks->left;
      memmove(data + to, data + from, part);
      from += part;
      to += part;
      chunks->left -= part;
      if (chunks->left == 0) chunks->stage = CHUNK_END;
      continue;
    }
    size_t before = from;
    status = read_frame(chunks, data, *size, &from);
    if (status == UNFINISHED && chunks->stage == CHUNK_DATA && (chunks->left > limit || to > limit - chunks->left))
      status = refuse(chunks, 413, NULL);
    if (from == before) break; /* the rest of the line is to come */
  }
  memmove(data + to, data + from, *size - from);
  *size -= from - to;
  *body = to;
  return status;
}
