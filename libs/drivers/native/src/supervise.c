/*
 * Runs the command as a child of the first process, reaps what it leaves, passes on signals and tells how it ended.
 *
 * Descriptor 3 brings orders, one a line: the name of a signal for all; "TELL" and the name of one for those who handle it (see tell.c); "HOLD" and a number of
 * seconds, which stops all until "CONT", or for so long; "SIZE" and the rows and columns of the terminal. Its end means that the agent is dead, and then all must die.
 * Descriptor 4 takes one line each: "started" once the command itself runs (or was found not to be there), "refused E2BIG" when it is too long to be
 * run at all, later "exit <code> <number of the signal or 0>" and "cpu <milliseconds>"; "told <how many>" answers each "TELL".
 */
#include "init.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <fcntl.h>
#include <unistd.h>

static const struct {
  const char *name;
  int number;
} SIGNALS[] = {{"TERM", SIGTERM}, {"KILL", SIGKILL}, {"INT", SIGINT}, {"HUP", SIGHUP}, {"USR1", SIGUSR1}, {"USR2", SIGUSR2}, {"STOP", SIGSTOP}, {"CONT", SIGCONT}};

/* An hour: nobody copies for longer than that. What a terminal still holds is taken at once, or by nobody. */
enum { MAX_HELD_S = 3600, MAX_DRAIN_MS = 10000 };

struct state {
  pid_t child;
  /* -1 in a namespace: everything but this process. */
  pid_t aim;
  /* -1: there is none. */
  int terminal;
  /* Carries what it shows; 0: nobody does. */
  pid_t carrier;
  /* The command's number as it sees itself; 0: it has not begun. */
  pid_t leader;
  char line[32];
  size_t length;
  /* Until when all are held, by a clock that nobody sets; 0: they are not. */
  long held_until;
  int has_ended;
  int status;
  struct rusage use;
};

/* @returns 0 for a name that is none */
static int number_of(const char *name) {
  for (size_t at = 0; at < sizeof SIGNALS / sizeof *SIGNALS; at += 1)
    if (strcmp(SIGNALS[at].name, name) == 0) return SIGNALS[at].number;
  return 0;
}

static long now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void let_go(struct state *state) {
  if (state->held_until == 0) return;
  state->held_until = 0;
  kill(state->aim, SIGCONT);
}

/* One step for all of them: none can make another one, or go on, meanwhile. This process stays awake, to let go of them or to end them. */
static void hold(struct state *state, const char *seconds) {
  char *end = NULL;
  const long count = strtol(seconds, &end, 10);
  if (end == seconds || *end != '\0' || count < 1 || count > MAX_HELD_S) return;
  kill(state->aim, SIGSTOP);
  state->held_until = now_ms() + count * 1000;
}

static void obey(struct state *state, const char *order) {
  if (strncmp(order, "HOLD ", 5) == 0) return hold(state, order + 5);
  if (strncmp(order, "SIZE ", 5) == 0) return set_size(state->terminal, order + 5);
  if (strncmp(order, "TELL ", 5) == 0) {
    const int number = number_of(order + 5);
    dprintf(STATUS, "told %d\n", number == 0 ? 0 : tell_those_who_handle(state->aim, number));
    return;
  }
  const int number = number_of(order);
  if (number == 0) return;
  kill(state->aim, number);
  /* What is held hears nothing but the one signal that ends it. */
  if (number != SIGSTOP) let_go(state);
}

/* How long to wait for what comes next: until those who are held are let go, or for ever. */
static int patience(const struct state *state) {
  if (state->held_until == 0) return -1;
  const long left = state->held_until - now_ms();
  return left > 0 ? (int)left : 0;
}

/* @returns 0 at the end of the stream */
static int read_orders(struct state *state) {
  char text[64];
  const ssize_t got = read(CONTROL, text, sizeof text);
  if (got == 0) return 0;
  if (got < 0) return errno == EINTR || errno == EAGAIN;
  for (ssize_t at = 0; at < got; at += 1) {
    if (text[at] != '\n') {
      if (state->length + 1 < sizeof state->line) state->line[state->length++] = text[at];
      continue;
    }
    state->line[state->length] = '\0';
    state->length = 0;
    obey(state, state->line);
  }
  return 1;
}

/* Takes everybody who ended: the command, and what others left to this process. */
static void reap(struct state *state) {
  int status;
  struct rusage use;
  for (pid_t pid; (pid = wait4(-1, &status, WNOHANG, &use)) > 0;) {
    if (pid == state->carrier) state->carrier = 0;
    if (pid != state->child) continue;
    state->has_ended = 1;
    state->status = status;
    state->use = use;
  }
}

static long milliseconds(struct timeval time) { return time.tv_sec * 1000 + time.tv_usec / 1000; }

static int tell_end(const struct state *state) {
  const int by = WIFSIGNALED(state->status) ? WTERMSIG(state->status) : 0;
  const int code = by != 0 ? 128 + by : WEXITSTATUS(state->status);
  const long cpu = milliseconds(state->use.ru_utime) + milliseconds(state->use.ru_stime);
  dprintf(STATUS, "exit %d %d\ncpu %ld\n", code, by, cpu);
  return code;
}

static int hear(int report, struct word *word) {
  ssize_t got;
  while ((got = read(report, word, sizeof *word)) < 0 && errno == EINTR) {}
  return got == (ssize_t)sizeof *word;
}

/* Waits until the command is known and begins. @returns whether it runs; else why not. What ends before it is about to run was ended by somebody. */
static int has_started(int report, struct word *word, pid_t *leader) {
  if (!hear(report, word)) *word = (struct word){.what = REFUSED_BY_SETUP};
  if (word->what != ABOUT_TO_RUN) return 0;
  *leader = word->why;
  /* The pipe ends by itself when the command runs. */
  return !hear(report, word);
}

/* Whoever carries the terminal ends with this process: it first takes what the command has left there. */
static void drain_terminal(struct state *state, int ended) {
  const long until = now_ms() + MAX_DRAIN_MS;
  reap(state);
  while (state->carrier > 0) {
    struct pollfd watched[] = {{CONTROL, POLLIN, 0}, {ended, POLLIN, 0}};
    const long left = until - now_ms();
    char order[64];
    struct signalfd_siginfo seen;
    if (left <= 0 || (poll(watched, 2, (int)left) < 0 && errno != EINTR)) return;
    if (watched[0].revents != 0 && read(CONTROL, order, sizeof order) == 0) return;
    while (read(ended, &seen, sizeof seen) == (ssize_t)sizeof seen) {}
    reap(state);
  }
}

/* One more command of an instance takes with it what it has started: the instance goes on, and would keep that. */
static void end_all(const struct state *state, const struct options *options) {
  kill(state->aim, SIGKILL);
  if (!state->has_ended) kill(state->child, SIGKILL);
  if (options->has_entered && state->leader > 0) end_session(state->leader);
  /* The namespace cannot end while somebody in it is not reaped, and that is its parent's to do. */
  if (options->has_entered && !state->has_ended) waitpid(state->child, NULL, 0);
}

/* A command that cannot be run is how it ended, and the user has read why. */
static int tell_refusal(const struct word *refusal) {
  if (refusal->what == REFUSED_BY_SETUP) return EXIT_SETUP;
  if (refusal->why == E2BIG) {
    dprintf(STATUS, "refused E2BIG\n");
    return EXIT_SETUP;
  }
  const int code = refusal->why == ENOENT || refusal->why == ENOTDIR ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN;
  dprintf(STATUS, "started\nexit %d 0\ncpu 0\n", code);
  return code;
}

int supervise(const struct options *options) {
  /* A command of the same user must not trace this process, which no filter holds, or reach its descriptors. Children are so until they are the command. */
  if (options->aims_at_all && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) fail("cannot protect", "the first process");
  struct state state;
  memset(&state, 0, sizeof state);
  sigset_t all, child_ended;
  sigfillset(&all);
  sigemptyset(&child_ended);
  sigaddset(&child_ended, SIGCHLD);
  /* Signals from inside do not end the one that must tell the end. */
  sigprocmask(SIG_SETMASK, &all, NULL);
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  const int ended = signalfd(-1, &child_ended, SFD_CLOEXEC | SFD_NONBLOCK);
  int report[2];
  if (ended < 0 || pipe2(report, O_CLOEXEC) != 0) fail("cannot watch", "the command");
  state.terminal = options->has_terminal ? make_terminal() : -1;
  set_size(state.terminal, options->size);
  state.child = fork();
  if (state.child < 0) fail("cannot make", "a process");
  if (state.child == 0) become(options, report[1], state.terminal);
  close(report[1]);
  if (state.terminal >= 0) state.carrier = carry_terminal(state.terminal);
  close(COMMAND);
  state.aim = options->aims_at_all ? -1 : -state.child;
  struct word word;
  if (!has_started(report[0], &word, &state.leader)) {
    drain_terminal(&state, ended);
    return tell_refusal(&word);
  }
  close(report[0]);
  /* The outputs are the command's alone: their readers wait for the last writer. */
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; fd <= 2; fd += 1)
    if (null < 0 || dup2(null, fd) < 0) close(fd);
  if (write(STATUS, "started\n", 8) != 8) kill(state.aim, SIGKILL);

  struct pollfd watched[] = {{CONTROL, POLLIN, 0}, {ended, POLLIN, 0}};
  while (!state.has_ended) {
    if (poll(watched, 2, patience(&state)) < 0 && errno != EINTR) break;
    if (patience(&state) == 0) let_go(&state);
    if (watched[0].revents != 0 && !read_orders(&state)) {
      end_all(&state, options);
      _exit(128 + SIGKILL);
    }
    struct signalfd_siginfo seen;
    while (read(ended, &seen, sizeof seen) == (ssize_t)sizeof seen) {}
    reap(&state);
  }
  if (!options->aims_at_all) end_all(&state, options);
  drain_terminal(&state, ended);
  return tell_end(&state);
}
