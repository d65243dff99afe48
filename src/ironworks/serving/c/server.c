#define _GNU_SOURCE
#include "server.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define EVENTS 32

void watch(struct server *server, struct source *source, int operation, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = source};
  epoll_ctl(server->epoll, operation, source->descriptor, &event);
}

void serve(struct server *server) {
  struct epoll_event events[EVENTS];
  for (;;) {
    int count = epoll_wait(server->epoll, events, EVENTS, -1);
    for (int i = 0; i < count; i++) {
      struct source *source = events[i].data.ptr;
      switch (source->kind) {
        case STOP: return;
        case CLOCK: tick(server); break;
        case CONNECTION: wake(server, (struct connection *)source); break;
        default: welcome(server, (struct listener *)source);
      }
    }
    compute(server);
  }
}

void stop_serving(struct server *server) { eventfd_write(server->stop.descriptor, 1); }

size_t drain(struct server *server, double seconds) {
  int64_t until = now() + (int64_t)(seconds * 1e9);
  close_listeners(server);
  pthread_mutex_lock(&server->lock);
  server->draining = true;
  pthread_cond_broadcast(&server->changed);
  while (server->count && now() < until) {
    pthread_mutex_unlock(&server->lock);
    sweep(server);
    pthread_mutex_lock(&server->lock);
    int64_t next = now() + SECOND / 20;
    if (next > until) next = until;
    struct timespec time = {next / SECOND, next % SECOND};
    if (server->count) pthread_cond_timedwait(&server->changed, &server->lock, &time);
  }
  size_t left = server->count;
  pthread_mutex_unlock(&server->lock);
  return left;
}

int open_server(struct server *server) {
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&server->changed, &attributes);
  pthread_condattr_destroy(&attributes);
  pthread_mutex_init(&server->lock, NULL);
  pthread_mutex_init(&server->accepting, NULL);
  server->epoll = epoll_create1(EPOLL_CLOEXEC);
  server->clock = (struct source){CLOCK, timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)};
  server->stop = (struct source){STOP, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  if (server->epoll < 0 || server->clock.descriptor < 0 || server->stop.descriptor < 0) return -1;
  watch(server, &server->clock, EPOLL_CTL_ADD, EPOLLIN | EPOLLET);
  watch(server, &server->stop, EPOLL_CTL_ADD, EPOLLIN);
  return 0;
}

void close_server(struct server *server) {
  while (server->connections) end(server, server->connections);
  close_listeners(server);
  for (struct listener *listener; (listener = server->listeners);) {
    server->listeners = listener->next;
    free(listener);
  }
  close(server->epoll);
  close(server->clock.descriptor);
  close(server->stop.descriptor);
  pthread_cond_destroy(&server->changed);
  pthread_mutex_destroy(&server->lock);
  pthread_mutex_destroy(&server->accepting);
  free(server->settings.token);
}
void end(struct server *server, struct connection *connection) {
  pthread_mutex_lock(&server->lock);
  if (connection->previous)
    connection->previous->next = connection->next;
  else
    server->connections = connection->next;
  if (connection->next) connection->next->previous = connection->previous;
  if (--server->count == 0) pthread_cond_broadcast(&server->changed);
  pthread_mutex_unlock(&server->lock);
  free_connection(connection);
}
