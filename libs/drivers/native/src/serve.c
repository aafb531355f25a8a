/*
 * Starts first processes for the agent: a fork of this process is cheap, one of the agent's, which is large, is not.
 *
 * Standard input brings requests: four bytes of length, the lowest first, and zero-terminated strings. "run", a number that the agent chose, and options
 * as of a command line; or "got" and that number; or "kill" and that number, of one that is over nothing. Its end means that the agent is dead. Standard output takes a line for each thing that happened:
 * "opened <number> <pid> <descriptors>": the child is there, and the agent finds its ends of the child's output, complaints, control, status and command
 * in /proc/<this process>/fd, until it says "got"; "refused <number> <errno>"; "ended <number>": the child is over.
 * What a child is to run, and its output, never pass through here.
 * It and what it starts are deaf to requests to end (see enter.c), but the command has signals as everybody (see become.c).
 */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_REQUEST = 1 << 20, PIPES = 5 };

/* The pipes of a child in the order in which the agent is told of them: its descriptor, and whether it reads there. */
static const struct {
  int as;
  int reads;
} ENDS[PIPES] = {{STDOUT_FILENO, 0}, {STDERR_FILENO, 0}, {CONTROL, 1}, {STATUS, 0}, {COMMAND, 1}};

struct started {
  unsigned long long number;
  pid_t pid;
  /* Ends that the agent has not taken yet; -1: none. */
  int ends[PIPES];
};

static struct started *all;
static size_t count, room;
static sigset_t of_children;

static struct started *add_started(void) {
  if (count == room) {
    room = room == 0 ? 64 : room * 2;
    all = realloc(all, room * sizeof *all);
    if (all == NULL) fail("cannot hold", "processes");
  }
  return &all[count++];
}

static void close_ends(int *ends) {
  for (int at = 0; at < PIPES; at += 1) {
    if (ends[at] >= 0) close(ends[at]);
    ends[at] = -1;
  }
}

/* @returns 0 when there is no room for them */
static int make_pipes(int *ours, int *its) {
  for (int at = 0; at < PIPES; at += 1) ours[at] = its[at] = -1;
  for (int at = 0; at < PIPES; at += 1) {
    int pair[2];
    if (pipe2(pair, O_CLOEXEC) != 0) return 0;
    its[at] = pair[ENDS[at].reads ? 0 : 1];
    ours[at] = pair[ENDS[at].reads ? 1 : 0];
    /* Another user opens /dev/stdout once more, inside. */
    if (ENDS[at].as <= STDERR_FILENO && fchmod(its[at], 0666) != 0) return 0;
  }
  return 1;
}

static _Noreturn void become_child(const int *its, int argc, char **argv) {
  setsid();
  sigprocmask(SIG_SETMASK, &of_children, NULL);
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0 || dup2(null, STDIN_FILENO) < 0) _exit(EXIT_SETUP);
  for (int at = 0; at < PIPES; at += 1)
    if (dup2(its[at], ENDS[at].as) < 0) _exit(EXIT_SETUP);
  _exit(carry_out(argc, argv));
}

static void run(unsigned long long number, int argc, char **argv) {
  int its[PIPES];
  struct started one = {.number = number};
  pid_t pid = -1;
  if (make_pipes(one.ends, its)) pid = fork();
  const int why = errno;
  if (pid == 0) become_child(its, argc, argv);
  close_ends(its);
  if (pid < 0) {
    close_ends(one.ends);
    dprintf(STDOUT_FILENO, "refused %llu %d\n", number, why);
    return;
  }
  one.pid = pid;
  *add_started() = one;
  dprintf(STDOUT_FILENO, "opened %llu %d %d %d %d %d %d\n", number, (int)pid, one.ends[0], one.ends[1], one.ends[2], one.ends[3], one.ends[4]);
}

static void got(unsigned long long number) {
  for (size_t at = 0; at < count; at += 1)
    if (all[at].number == number) close_ends(all[at].ends);
}

/* Until it is reaped, which happens nowhere else, its number is nobody else's. */
static void kill_started(unsigned long long number) {
  for (size_t at = 0; at < count; at += 1) {
    if (all[at].number != number || all[at].pid == 0) continue;
    kill(-all[at].pid, SIGKILL);
    kill(all[at].pid, SIGKILL);
  }
}

static _Noreturn void broken(void) {
  errno = EINVAL;
  fail("cannot read", "a request");
}

/* One request: `text` ends with a zero byte. */
static void obey(char *text, size_t length) {
  if (length == 0 || text[length - 1] != '\0') broken();
  size_t strings = 0;
  for (size_t at = 0; at < length; at += 1) strings += text[at] == '\0';
  char **list = calloc(strings + 1, sizeof *list);
  if (list == NULL) fail("cannot hold", "a request");
  char *next = text;
  for (size_t at = 0; at < strings; at += 1, next += strlen(next) + 1) list[at] = next;
  char *end = NULL;
  errno = 0;
  const unsigned long long number = strings > 1 ? strtoull(list[1], &end, 10) : 0;
  if (end == NULL || end == list[1] || *end != '\0' || errno != 0) broken();
  /* The number stands where a command line has the name of the program. */
  if (strcmp(list[0], "run") == 0 && strings > 2) run(number, (int)strings - 1, list + 1);
  else if (strcmp(list[0], "got") == 0 && strings == 2) got(number);
  else if (strcmp(list[0], "kill") == 0 && strings == 2) kill_started(number);
  else broken();
  free(list);
}

static unsigned char *held;
static size_t held_length, held_room;

static size_t length_of(const unsigned char *head) {
  return (size_t)head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 | (size_t)head[3] << 24;
}

/* @returns 0 at the end of the stream */
static int read_requests(void) {
  if (held_room - held_length < 65536) {
    held_room = held_length + 131072;
    held = realloc(held, held_room);
    if (held == NULL) fail("cannot hold", "requests");
  }
  const ssize_t read_now = read(STDIN_FILENO, held + held_length, held_room - held_length);
  if (read_now == 0) return 0;
  if (read_now < 0) return errno == EINTR || errno == EAGAIN;
  held_length += (size_t)read_now;
  size_t at = 0;
  while (held_length - at >= 4) {
    const size_t length = length_of(held + at);
    if (length > MAX_REQUEST) broken();
    if (held_length - at - 4 < length) break;
    obey((char *)held + at + 4, length);
    at += 4 + length;
  }
  memmove(held, held + at, held_length - at);
  held_length -= at;
  return 1;
}

static void reap_started(void) {
  int status;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0;) {
    /* Somebody stopped it: nobody would hear of the end of its command. */
    if (WIFSTOPPED(status)) {
      kill(pid, SIGCONT);
      continue;
    }
    for (size_t at = 0; at < count; at += 1) {
      if (all[at].pid != pid) continue;
      /* Its ends stay until they were taken: what it wrote is still in them. */
      dprintf(STDOUT_FILENO, "ended %llu\n", all[at].number);
      all[at].pid = 0;
    }
  }
  size_t kept = 0;
  for (size_t at = 0; at < count; at += 1)
    if (all[at].pid != 0 || all[at].ends[0] >= 0) all[kept++] = all[at];
  count = kept;
}

int serve(void) {
  /* The descriptors of a child's pipes must not be those that it has them as. */
  int null;
  do null = open("/dev/null", O_RDWR | O_CLOEXEC);
  while (null >= 0 && null < FIRST_OTHER);
  if (null < 0) fail("cannot open", "/dev/null");
  close(null);
  signal(SIGPIPE, SIG_IGN);
  sigset_t child_ended;
  of_children = requests_to_end();
  sigprocmask(SIG_SETMASK, &of_children, NULL);
  sigemptyset(&child_ended);
  sigaddset(&child_ended, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child_ended, NULL);
  const int ended = signalfd(-1, &child_ended, SFD_CLOEXEC | SFD_NONBLOCK);
  if (ended < 0) fail("cannot watch", "processes");
  /* Once, and not for each that is started. */
  write_filter();
  struct pollfd watched[] = {{STDIN_FILENO, POLLIN, 0}, {ended, POLLIN, 0}};
  for (;;) {
    if (poll(watched, 2, -1) < 0 && errno != EINTR) fail("cannot wait for", "requests");
    if (watched[0].revents != 0 && !read_requests()) return 0;
    struct signalfd_siginfo seen;
    while (read(ended, &seen, sizeof seen) == (ssize_t)sizeof seen) {}
    reap_started();
  }
}
