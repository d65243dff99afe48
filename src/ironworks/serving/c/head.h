/* The head of an HTTP/1.1 request: its first line and its fields (RFC 9110, RFC 9112), read strictly. */
#ifndef IRONWORKS_HEAD_H
#define IRONWORKS_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEAD_LIMIT (16 * 1024)

enum reading { UNFINISHED = 0, WHOLE = 1 }; /* or the status of the refusal, 400 and above */

enum method { METHOD_GET, METHOD_HEAD, METHOD_POST, METHOD_OTHER };

/* Bytes of the buffer that the head was read from. */
struct span {
  size_t at, size;
};

struct head {
  size_t at;  /* where the next line begins; when all is read, the size of the head */
  bool begun; /* the first line was read */
  enum method method;
  struct span path, content_type, accept, authorization;
  uint64_t length;
  bool has_length, has_host, chunked, expects_continue, keep_alive, old; /* old: HTTP/1.0 */
  const char *fault;                                                     /* why it is refused */
};

/* Read the lines that are complete in `data`, from `head->at` on. The same bytes come first at every call; `head` is
   all zero at the first. Returns UNFINISHED, WHOLE, or the status to refuse the request with. */
int read_head(struct head *head, const char *data, size_t size);

/* `text` without the case of letters. */
bool same_word(const char *data, size_t size, const char *text);

bool is_token_character(unsigned char character);

#endif
