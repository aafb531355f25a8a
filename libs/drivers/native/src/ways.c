/*
 * Ways into an instance that runs: its namespaces are entered, and connections are carried into its network.
 *
 * The agent connects to the socket `way` in a folder of its own, sends the two bytes of a port, the higher one first, and reads one: 0 when the instance listens there, else
 * 1. From then on both directions are carried, each with its end. One small process carries each connection, without a privilege.
 */
#include "init.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
  WAITING_CONNECTIONS = 128,
  CARRIED_BYTES = 65536,
  /* Connections of one instance that are carried at once, in one process each: beyond what the agent asks for. */
  MOST_CARRIED = 320,
  CONNECT_MS = 10000,
  /* For so long, whoever has gone may leave something behind that nobody takes. */
  LEFT_MS = 10000,
};

static const struct {
  const char *name;
  int kind;
  int is_network;
} KINDS[] = {
    {"user", CLONE_NEWUSER, 1}, {"net", CLONE_NEWNET, 1}, {"mnt", CLONE_NEWNS, 0}, {"pid", CLONE_NEWPID, 0},
    {"ipc", CLONE_NEWIPC, 0},   {"uts", CLONE_NEWUTS, 0}, {"cgroup", CLONE_NEWCGROUP, 0},
};

/* The number of a namespace of a process; 0 where this kernel has no such kind. */
static ino_t number_of(const char *pid, const char *name) {
  char path[64];
  struct stat facts;
  snprintf(path, sizeof path, "/proc/%s/ns/%s", pid, name);
  return stat(path, &facts) == 0 ? facts.st_ino : 0;
}

/*
 * Enters the namespaces of a process: all that differ from ours, or its network alone. The process is held before it is looked whether its namespace of processes has the number
 * that the agent knows: it may have ended, and its number be another's.
 */
void enter_namespaces(unsigned pid, const char *number, int network_alone) {
  char name[16];
  snprintf(name, sizeof name, "%u", pid);
  const int process = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
  if (process < 0) fail("cannot hold the process", name);
  char *end = NULL;
  errno = 0;
  const unsigned long long expected = strtoull(number, &end, 10);
  errno = ESRCH;
  if (end == number || *end != '\0' || expected == 0 || number_of(name, "pid") != expected || expected == number_of("self", "pid")) fail("is no instance:", name);
  int kinds = 0;
  for (size_t at = 0; at < sizeof KINDS / sizeof *KINDS; at += 1) {
    const ino_t its = number_of(name, KINDS[at].name);
    if ((KINDS[at].is_network || !network_alone) && its != 0 && its != number_of("self", KINDS[at].name)) kinds |= KINDS[at].kind;
  }
  /* Whoever shares the network of the machine has no network of its own to be reached in. */
  errno = ENONET;
  if (network_alone && (kinds & CLONE_NEWNET) == 0) fail("shares the network of this machine:", name);
  /* Who may enter the network as it is needs no rights in the instance's users. */
  const int is_in = network_alone && setns(process, CLONE_NEWNET) == 0;
  if (!is_in && kinds != 0 && setns(process, kinds) != 0) fail("cannot enter the namespaces of", name);
  /* A command of the same user must not trace what enters beside it. */
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) fail("cannot protect", "who enters");
  close(process);
}

/* What goes one way. */
struct direction {
  int from, to;
  char bytes[CARRIED_BYTES];
  size_t start, end;
  int has_ended, is_shut;
  /* What it leads to is also where the other direction comes from, and no socket. */
  int stays_open;
};

static void shut(struct direction *way) {
  if (way->is_shut) return;
  way->is_shut = 1;
  if (!way->stays_open && shutdown(way->to, SHUT_WR) != 0 && errno == ENOTSOCK) close(way->to);
}

/* @returns 0 when this way is broken */
static int carry_some(struct direction *way, short readable, short writable) {
  if (way->start == way->end && !way->has_ended && readable != 0) {
    const ssize_t got = read(way->from, way->bytes, sizeof way->bytes);
    if (got < 0 && errno != EAGAIN && errno != EINTR && errno != EIO) return 0;
    if (got == 0 || (got < 0 && errno == EIO)) way->has_ended = 1;
    way->start = 0;
    way->end = got > 0 ? (size_t)got : 0;
    writable = POLLOUT;
  }
  if (way->start < way->end && writable != 0) {
    const ssize_t put = write(way->to, way->bytes + way->start, way->end - way->start);
    if (put < 0 && errno != EAGAIN && errno != EINTR) return 0;
    if (put > 0) way->start += (size_t)put;
  }
  if (way->start == way->end && way->has_ended) shut(way);
  return 1;
}

static void without_waiting(int fd) { fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }

/* Nothing to read while bytes wait to be written: so whoever writes fast waits for who reads slowly. */
static int readable_of(const struct direction *way) { return way->start == way->end && !way->has_ended; }

/*
 * Carries both directions until both have ended, or one is broken; with `until_either`, until what comes from `far` has ended. Where nobody is left behind `in`, what came from
 * there is delivered as long as it is taken: a process that waited for more would be left behind for as long as the instance runs.
 */
void carry(int in, int out, int far, int until_either) {
  static struct direction there, back;
  there = (struct direction){.from = in, .to = far, .stays_open = until_either};
  back = (struct direction){.from = far, .to = out};
  signal(SIGPIPE, SIG_IGN);
  without_waiting(in);
  without_waiting(out);
  without_waiting(far);
  int is_left = 0;
  while (!back.is_shut || (!until_either && !there.is_shut)) {
    struct pollfd watched[] = {
        /* Without a wish it still tells that the other side is gone. */
        {readable_of(&there) || !(until_either || is_left) ? in : -1, readable_of(&there) ? POLLIN : 0, 0},
        {there.start < there.end ? far : -1, POLLOUT, 0},
        {readable_of(&back) ? far : -1, POLLIN, 0},
        {back.start < back.end ? out : -1, POLLOUT, 0},
    };
    const int count = poll(watched, 4, is_left ? LEFT_MS : -1);
    if ((count < 0 && errno != EINTR) || (count == 0 && is_left)) return;
    if (!until_either && (watched[0].revents & (POLLHUP | POLLERR)) != 0) is_left = 1;
    if (!carry_some(&there, watched[0].revents, watched[1].revents) && !until_either) return;
    if (!carry_some(&back, watched[2].revents, watched[3].revents)) return;
  }
}

/* @returns a connection; -1 where nobody listens, or nobody takes it in time, or whoever wants it is gone */
static int connect_to(int family, const struct sockaddr *at, socklen_t size, int near) {
  const int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  int trouble = connect(fd, at, size) == 0 ? 0 : errno;
  if (trouble == EINPROGRESS) {
    struct pollfd watched[] = {{fd, POLLOUT, 0}, {near, 0, 0}};
    socklen_t length = sizeof trouble;
    if (poll(watched, 2, CONNECT_MS) <= 0 || watched[1].revents != 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &trouble, &length) != 0) trouble = ETIMEDOUT;
  }
  if (trouble == 0) return fd;
  close(fd);
  return -1;
}

static int connect_within(unsigned short port, int to) {
  const struct sockaddr_in near = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  const struct sockaddr_in6 near6 = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  const int fd = connect_to(AF_INET, (const struct sockaddr *)&near, sizeof near, to);
  return fd < 0 ? connect_to(AF_INET6, (const struct sockaddr *)&near6, sizeof near6, to) : fd;
}

static _Noreturn void carry_connection(int near) {
  unsigned char port[2];
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || recv(near, port, sizeof port, MSG_WAITALL) != (ssize_t)sizeof port) _exit(1);
  const int far = connect_within((unsigned short)(port[0] << 8 | port[1]), near);
  const char answer = far < 0;
  if (write(near, &answer, 1) != 1 || far < 0) _exit(1);
  carry(near, near, far, 0);
  _exit(0);
}

static void wake(int number) { (void)number; }

/* @returns how many of those that carry have ended */
static int ended(void) {
  int count = 0;
  while (waitpid(-1, NULL, WNOHANG) > 0) count += 1;
  return count;
}

int carry_ways(const char *folder) {
  const struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "way"};
  const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (chdir(folder) != 0) fail("cannot enter", folder);
  umask(077);
  unlink(at.sun_path);
  if (listener < 0 || bind(listener, (const struct sockaddr *)&at, sizeof at) != 0 || listen(listener, WAITING_CONNECTIONS) != 0) fail("cannot listen in", folder);
  const sigset_t deaf_to = requests_to_end();
  sigprocmask(SIG_SETMASK, &deaf_to, NULL);
  /* The end of one that carries ends the wait for the next connection. */
  const struct sigaction waking = {.sa_handler = wake};
  sigaction(SIGCHLD, &waking, NULL);
  const struct options nobody = {.directory = folder};
  drop_privileges(&nobody);
  filter_system_calls();
  dprintf(STDOUT_FILENO, "ready\n");
  close(STDOUT_FILENO);
  for (int carried = 0;;) {
    struct pollfd watched[] = {{STDIN_FILENO, POLLIN, 0}, {listener, POLLIN, 0}};
    const int has_come = poll(watched, 2, -1) >= 0;
    const int trouble = errno;
    carried -= ended();
    if (!has_come && trouble == EINTR) continue;
    if (!has_come) return EXIT_SETUP;
    /* The agent lets go of it, or is dead. */
    if (watched[0].revents != 0) return 0;
    if (watched[1].revents == 0) continue;
    const int near = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (near < 0) continue;
    const pid_t child = carried < MOST_CARRIED ? fork() : -1;
    if (child > 0) carried += 1;
    if (child == 0) {
      close(STDIN_FILENO);
      close(listener);
      carry_connection(near);
    }
    close(near);
  }
}
