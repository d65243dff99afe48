/* A body in chunks (RFC 9112, 7.1), put together where it lies. */
#ifndef IRONWORKS_CHUNKS_H
#define IRONWORKS_CHUNKS_H

#include "head.h"

#define CHUNK_LINE_LIMIT 1024 /* bytes of a chunk's size and extensions */
#define TRAILERS_LIMIT HEAD_LIMIT

struct chunks {
  enum { CHUNK_SIZE, CHUNK_DATA, CHUNK_END, TRAILER } stage;
  uint64_t left;   /* bytes that the chunk still has */
  size_t trailers; /* bytes of trailers that were read, and dropped */
  const char *fault;
};

/* Read on in `data`, which holds `*body` bytes of the body and behind them what has come in since, `*size` in all.
   Afterwards `*body` has grown and what is left, the unfinished part of a line or the next request, lies behind it.
   Returns UNFINISHED, WHOLE, or the status to refuse the request with: 413 where the body passes `limit`. */
int read_chunks(struct chunks *chunks, char *data, size_t *size, size_t *body, size_t limit);

#endif
