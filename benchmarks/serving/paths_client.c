/* A client that adds little. Arguments: a port of the loopback, clients, seconds, and the file of one request.

   Each client sends its next request when it has the whole answer to the last one. Prints one line: requests a second,
   the latency's 50th and 99th percentile in microseconds, and the answers that were not 200. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST_CLIENTS 1024
#define MOST_TIMES 4000000

struct client {
  int socket;
  double sent;
  size_t size;
  char answer[65536];
};

static double seconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void check(int failed, const char *what) {
  if (!failed) return;
  perror(what);
  exit(1);
}

static int dial(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int client = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  check(client < 0 || connect(client, (struct sockaddr *)&address, sizeof address) != 0, "connect");
  setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return client;
}

static void ask(struct client *client, const char *request, size_t size) {
  client->size = 0;
  client->sent = seconds();
  for (size_t at = 0; at < size;) {
    ssize_t count = send(client->socket, request + at, size - at, MSG_NOSIGNAL);
    check(count <= 0, "send");
    at += (size_t)count;
  }
}

/* Whether the answer is whole. */
static int hear(struct client *client) {
  ssize_t count = recv(client->socket, client->answer + client->size, sizeof client->answer - 1 - client->size, 0);
  check(count <= 0, "recv");
  client->size += (size_t)count;
  client->answer[client->size] = 0;
  char *end = strstr(client->answer, "\r\n\r\n");
  if (end == NULL) return 0;
  char *length = strcasestr(client->answer, "\r\ncontent-length: ");
  check(length == NULL, "an answer without Content-Length");
  return client->size == (size_t)(end + 4 - client->answer) + strtoul(length + 18, NULL, 10);
}

static int ascending(const void *one, const void *other) {
  float difference = *(const float *)one - *(const float *)other;
  return (difference > 0) - (difference < 0);
}

int main(int count, char **words) {
  check(count != 5, "PORT CLIENTS SECONDS FILE");
  int port = atoi(words[1]), clients = atoi(words[2]), set = epoll_create1(0);
  double length = atof(words[3]);
  static char request[1 << 20];
  static struct client all[MOST_CLIENTS];
  static float times[MOST_TIMES];
  FILE *file = fopen(words[4], "rb");
  check(file == NULL, words[4]);
  size_t size = fread(request, 1, sizeof request, file), done = 0, bad = 0;
  for (int i = 0; i < clients; i++) {
    all[i].socket = dial(port);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &all[i]};
    epoll_ctl(set, EPOLL_CTL_ADD, all[i].socket, &event);
  }
  double warm = seconds() + length / 4, until = warm + length;
  for (int i = 0; i < clients; i++) ask(&all[i], request, size);
  for (double time = 0; time < until && done < MOST_TIMES;) {
    struct epoll_event events[64];
    int ready = epoll_wait(set, events, 64, 1000);
    for (int i = 0; i < ready && done < MOST_TIMES; i++) {
      struct client *client = events[i].data.ptr;
      if (!hear(client)) continue;
      time = seconds();
      if (client->sent > warm) times[done++] = (float)((time - client->sent) * 1e6);
      bad += strncmp(client->answer, "HTTP/1.1 200", 12) != 0;
      ask(client, request, size);
    }
    check(ready == 0, "no answer for a second");
  }
  qsort(times, done, sizeof *times, ascending);
  check(done == 0, "nothing was measured");
  printf("%.0f %.1f %.1f %zu\n", (double)done / length, times[done / 2], times[done * 99 / 100], bad);
  return 0;
}
