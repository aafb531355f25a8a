/*
 * Ends all that is in control groups which the kernel cannot end in one step: those of version 1, and of Linux before 5.14. A process that is read from a
 * group may end, and its number be another's, before it is killed: so it is held first, and killed only when the group still has its number then.
 */
#include "init.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Within the usual limit of descriptors. */
enum { AT_ONCE = 256, ROUNDS = 500, PAUSE_NS = 2000000 };

struct numbers {
  pid_t *list;
  size_t count, room;
};

/* A group that is gone has none. */
static void read_group(const char *path, struct numbers *found) {
  char line[32];
  found->count = 0;
  FILE *file = fopen(path, "re");
  if (file == NULL && errno == ENOENT) return;
  if (file == NULL) fail("cannot read", path);
  while (fgets(line, sizeof line, file) != NULL) {
    const pid_t pid = (pid_t)atoi(line);
    /* 0: one that this namespace does not see, and to `kill` all of the caller's own group. */
    if (pid <= 0) continue;
    if (found->count == found->room) {
      found->room = found->room == 0 ? AT_ONCE : found->room * 2;
      found->list = realloc(found->list, found->room * sizeof *found->list);
      if (found->list == NULL) fail("cannot hold", path);
    }
    found->list[found->count++] = pid;
  }
  fclose(file);
}

static int has(const struct numbers *numbers, pid_t pid) {
  for (size_t at = 0; at < numbers->count; at += 1)
    if (numbers->list[at] == pid) return 1;
  return 0;
}

static void kill_those(const char *path, const pid_t *pids, size_t count) {
  static struct numbers now;
  int held[AT_ONCE];
  for (size_t at = 0; at < count; at += 1) {
    held[at] = (int)syscall(SYS_pidfd_open, pids[at], 0);
    /* Before Linux 5.3 nothing can be held. */
    if (held[at] < 0 && errno == ENOSYS) kill(pids[at], SIGKILL);
  }
  read_group(path, &now);
  for (size_t at = 0; at < count; at += 1) {
    if (held[at] < 0) continue;
    if (has(&now, pids[at])) syscall(SYS_pidfd_send_signal, held[at], SIGKILL, NULL, 0);
    close(held[at]);
  }
}

int empty_groups(int count, char **paths) {
  struct numbers found = {0};
  for (int round = 0; round < ROUNDS; round += 1) {
    size_t left = 0;
    for (int each = 0; each < count; each += 1) {
      read_group(paths[each], &found);
      left += found.count;
      for (size_t at = 0; at < found.count; at += AT_ONCE)
        kill_those(paths[each], found.list + at, found.count - at < AT_ONCE ? found.count - at : AT_ONCE);
    }
    if (left == 0) return 0;
    nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
  }
  return 1;
}
