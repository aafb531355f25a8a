/*
 * Sends a signal to those processes of the instance that have a handler for it. All others, a shell around the command or a program that has just begun, say,
 * would be ended by it.
 */
#include "init.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { PAUSES = 20, PAUSE_NS = 5000000 };

/* Sets of signals of a process as Linux shows them, in hexadecimal: the lowest bit is signal 1. */
static int has_signal(const char *line, const char *set, int number) {
  const size_t length = strlen(set);
  return strncmp(line, set, length) == 0 && (strtoull(line + length, NULL, 16) >> (number - 1) & 1);
}

static void look(pid_t pid, int number, int *is_handled, int *is_blocked) {
  char path[64], line[256];
  *is_handled = *is_blocked = 0;
  snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
  FILE *file = fopen(path, "re");
  if (file == NULL) return;
  while (fgets(line, sizeof line, file) != NULL) {
    *is_handled |= has_signal(line, "SigCgt:", number);
    *is_blocked |= has_signal(line, "SigBlk:", number);
  }
  fclose(file);
}

/*
 * A process that makes another one blocks signals for a moment, and the new one has the handlers of the old until it becomes a program, which what waits for it
 * would end: so one that blocks it is looked at again. One that goes on blocking it waits for it, or wants it later.
 */
static int handles(pid_t pid, int number, int *pauses) {
  for (;;) {
    int is_handled, is_blocked;
    look(pid, number, &is_handled, &is_blocked);
    if (!is_handled || !is_blocked || *pauses == 0) return is_handled;
    *pauses -= 1;
    nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
  }
}

/* @param aim as of kill(2): -1 for all but this process, else the group with that number negative. @returns how many got it */
int tell_those_who_handle(pid_t aim, int number) {
  DIR *folder = opendir("/proc");
  if (folder == NULL) return 0;
  int told = 0;
  /* Of all together: whoever is to end the instance waits for this. */
  int pauses = PAUSES;
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
    const pid_t pid = (pid_t)atoi(entry->d_name);
    if (pid <= 0 || pid == getpid() || (aim != -1 && getpgid(pid) != -aim)) continue;
    /* Held before it is looked at: its number may be another's by the time that it is told. */
    const int held = (int)syscall(SYS_pidfd_open, pid, 0);
    if (held < 0) continue;
    if (handles(pid, number, &pauses) && syscall(SYS_pidfd_send_signal, held, number, NULL, 0) == 0) told += 1;
    close(held);
  }
  closedir(folder);
  return told;
}
