/* Where others find this process: files of the agent, and control groups. */
#include "init.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/*
 * What the parts of an agent's service that it ends itself are deaf to: whoever stops the service may tell all of it at once, as systemd does, and
 * instances are ended by the agent, in order.
 */
sigset_t requests_to_end(void) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  return signals;
}

static void write_text(const char *path, int flags, const char *text) {
  const ssize_t length = (ssize_t)strlen(text);
  const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);
  if (fd < 0) fail("cannot open", path);
  if (write(fd, text, (size_t)length) != length) fail("cannot write to", path);
  close(fd);
}

/* Joins a control group by its file of processes. */
void join_group(const char *path) {
  char text[24];
  snprintf(text, sizeof text, "%d\n", (int)getpid());
  write_text(path, 0, text);
}

/* When this process started, in clock ticks since boot: field 22 of /proc/self/stat. The name before it may hold anything. */
static const char *start_time(char *stat, size_t room) {
  const int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
  const ssize_t got = fd < 0 ? -1 : read(fd, stat, room - 1);
  if (fd >= 0) close(fd);
  if (got <= 0) return NULL;
  stat[got] = '\0';
  char *at = strrchr(stat, ')');
  for (int field = 2; at != NULL && field < 22; field += 1) at = strchr(at + 1, ' ');
  if (at == NULL) return NULL;
  at += 1;
  at[strcspn(at, " \n")] = '\0';
  return at;
}

/* Writes down which process this is, so that nobody takes a later one with its number for it. */
void write_pid_file(const char *path) {
  char stat[2048], text[64];
  const char *start = start_time(stat, sizeof stat);
  if (start == NULL) snprintf(text, sizeof text, "%d", (int)getpid());
  else snprintf(text, sizeof text, "%d %s", (int)getpid(), start);
  write_text(path, O_TRUNC, text);
}
