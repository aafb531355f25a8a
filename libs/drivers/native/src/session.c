/*
 * One more command in an instance that runs: what it has started ends with it. A shell gives each of its jobs a process group of its own, but all are of one
 * session, which whoever wants to stay in the instance leaves (setsid(2)), as for any other end of a terminal.
 */
#include "init.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SESSION_ROUNDS = 100, SESSION_PAUSE_NS = 2000000 };

/* @returns whether a process is of the session, and lives: fields 3 and 6 of /proc/<number>/stat. The name before them may hold anything. */
static int is_of(const char *number, pid_t leader) {
  char path[64], stat[1024], state = 'X';
  int session = 0;
  if (snprintf(path, sizeof path, "/proc/%s/stat", number) >= (int)sizeof path) return 0;
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  const ssize_t got = fd < 0 ? -1 : read(fd, stat, sizeof stat - 1);
  if (fd >= 0) close(fd);
  if (got <= 0) return 0;
  stat[got] = '\0';
  const char *at = strrchr(stat, ')');
  if (at == NULL || sscanf(at + 1, " %c %*d %*d %d", &state, &session) != 2) return 0;
  return session == leader && state != 'Z' && state != 'X';
}

/* @returns how many were left */
static int end_those(pid_t leader) {
  int left = 0;
  DIR *folder = opendir("/proc");
  if (folder == NULL) return 0;
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
    if (entry->d_name[0] < '1' || entry->d_name[0] > '9' || !is_of(entry->d_name, leader)) continue;
    /* Held before it is looked at once more: its number may be another's by now. */
    const int held = (int)syscall(SYS_pidfd_open, (pid_t)atoi(entry->d_name), 0);
    if (held < 0) continue;
    if (is_of(entry->d_name, leader)) {
      left += 1;
      syscall(SYS_pidfd_send_signal, held, SIGKILL, NULL, 0);
    }
    close(held);
  }
  closedir(folder);
  return left;
}

void end_session(pid_t leader) {
  /* This process is outside of the instance's processes and has other numbers for them; its children are inside. */
  const pid_t child = fork();
  if (child < 0) return;
  if (child == 0) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) _exit(EXIT_SETUP);
    for (int round = 0; round < SESSION_ROUNDS && end_those(leader) > 0; round += 1)
      nanosleep(&(struct timespec){.tv_nsec = SESSION_PAUSE_NS}, NULL);
    _exit(0);
  }
  waitpid(child, NULL, 0);
}
