/* Feeds requests to the parsers in parts, from memory of exactly their size, and prints what they say of each.

   Input: for each request its size as a decimal number, a line feed, and its bytes. Output: a line for each with the
   status and the size of the body. The status is the same however a request is cut, or the program fails. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chunks.h"

static int feed(const char *request, size_t size, size_t step, size_t *body) {
  struct head head = {0};
  struct chunks chunks = {0};
  int status = UNFINISHED;
  for (size_t known = step < size ? step : size; status == UNFINISHED;
       known = known + step < size ? known + step : size) {
    char *part = malloc(known);
    memcpy(part, request, known);
    status = read_head(&head, part, known);
    free(part);
    if (known == size) break;
  }
  *body = 0;
  if (status != WHOLE || !head.chunked) return status;
  char *data = NULL;
  size_t held = 0;
  status = UNFINISHED;
  for (size_t at = head.at; status == UNFINISHED && at < size;) {
    size_t part = step < size - at ? step : size - at;
    char *grown = malloc(held + part);
    if (held) memcpy(grown, data, held);
    memcpy(grown + held, request + at, part);
    free(data);
    data = grown;
    held += part;
    at += part;
    status = read_chunks(&chunks, data, &held, body, 1000);
  }
  free(data);
  return status;
}

int main(void) {
  static const size_t steps[] = {1, 2, 3, 7, 64, 1 << 20};
  size_t size;
  while (scanf("%zu", &size) == 1 && getchar() == '\n') {
    char *request = malloc(size + 1);
    if (fread(request, 1, size, stdin) != size) return 2;
    int statuses[sizeof steps / sizeof *steps];
    size_t bodies[sizeof steps / sizeof *steps];
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
      statuses[i] = feed(request, size, steps[i], &bodies[i]);
      if (statuses[i] != statuses[0] || (statuses[i] == WHOLE && bodies[i] != bodies[0])) {
        fprintf(stderr, "cut into %zu: %d and %zu, not %d and %zu: %.200s\n", steps[i], statuses[i], bodies[i],
                statuses[0], bodies[0], request);
        return 3;
      }
    }
    printf("%d %zu\n", statuses[0], bodies[0]);
    free(request);
  }
  return 0;
}
