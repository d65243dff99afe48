/* Where connections come from. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server.h"

static void admit(struct server *server, int descriptor, bool direct) {
  struct connection *connection = new_connection(descriptor, direct);
  if (connection == NULL) {
    close(descriptor);
    return;
  }
  int on = 1;
  if (direct) setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  connection->state = IDLE;
  connection->deadline = direct ? connection->since + IDLE_TIME : 0;
  pthread_mutex_lock(&server->lock);
  connection->next = server->connections;
  if (server->connections) server->connections->previous = connection;
  server->connections = connection;
  if (server->count++ == 0) set_clock(server, true);
  pthread_mutex_unlock(&server->lock);
  watch(server, &connection->source, EPOLL_CTL_ADD, EPOLLIN | EPOLLRDHUP | EPOLLONESHOT);
}

/* A client's descriptor, with one byte: `d` if it came by the direct address. -1 with EPIPE: no more will come. */
static int receive_descriptor(int descriptor, bool *direct) {
  char kind = 0, control[CMSG_SPACE(sizeof(int))];
  struct iovec part = {&kind, 1};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  ssize_t count = recvmsg(descriptor, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (count == 0) errno = EPIPE;
  struct cmsghdr *header = count > 0 ? CMSG_FIRSTHDR(&message) : NULL;
  if (header == NULL || header->cmsg_type != SCM_RIGHTS) return -1;
  int client;
  memcpy(&client, CMSG_DATA(header), sizeof client);
  fcntl(client, F_SETFL, fcntl(client, F_GETFL) | O_NONBLOCK);
  *direct = kind == 'd';
  return client;
}

static void accept_all(struct server *server, struct listener *listener) {
  for (;;) {
    bool direct = listener->direct;
    int client = listener->source.kind == HANDOFF
                     ? receive_descriptor(listener->source.descriptor, &direct)
                     : accept4(listener->source.descriptor, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client >= 0) {
      admit(server, client, direct);
      continue;
    }
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) usleep(10000); /* until one closes */
    if (errno == EPIPE) { /* who accepted for this process is gone, so it ends as well */
      close(listener->source.descriptor);
      listener->source.descriptor = -1;
      kill(getpid(), SIGTERM);
    }
    return;
  }
}

void welcome(struct server *server, struct listener *listener) {
  pthread_mutex_lock(&server->accepting);
  if (listener->source.descriptor >= 0) {
    accept_all(server, listener);
    if (listener->source.descriptor >= 0) watch(server, &listener->source, EPOLL_CTL_MOD, EPOLLIN | EPOLLONESHOT);
  }
  pthread_mutex_unlock(&server->accepting);
}

int listen_on(struct server *server, int descriptor, int kind, bool direct) {
  struct listener *listener = calloc(1, sizeof *listener);
  if (listener == NULL) return -1;
  *listener = (struct listener){{kind, fcntl(descriptor, F_DUPFD_CLOEXEC, 3)}, direct, server->listeners};
  if (listener->source.descriptor < 0) {
    free(listener);
    return -1;
  }
  fcntl(listener->source.descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK);
  server->listeners = listener;
  watch(server, &listener->source, EPOLL_CTL_ADD, EPOLLIN | EPOLLONESHOT);
  return 0;
}

void close_listeners(struct server *server) {
  pthread_mutex_lock(&server->accepting);
  for (struct listener *listener = server->listeners; listener; listener = listener->next) {
    if (listener->source.descriptor < 0) continue;
    accept_all(server, listener);
    if (listener->source.descriptor >= 0) close(listener->source.descriptor);
    listener->source.descriptor = -1;
  }
  pthread_mutex_unlock(&server->accepting);
}
