/* A namespace of users: what a process takes itself for is nothing that the machine knows of. */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static void tell(const char *path, const char *text) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) fail("cannot map", path);
  close(fd);
}

/*
 * Enters a new namespace of users, and the others that are asked for, as whoever this process is: it needs no right for that, and has all of them in
 * there, where nothing is but itself. Its user is the only one of the machine that is anybody there.
 */
void enter_users(int kinds, uid_t seen_uid, gid_t seen_gid) {
  const uid_t uid = geteuid();
  const gid_t gid = getegid();
  char map[64];
  if (unshare(CLONE_NEWUSER | kinds) != 0) fail("cannot make", "a user namespace");
  /* Who has changed its user owns none of its own files in /proc until then. */
  const int before = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
  if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0) fail("cannot be", "looked at");
  /* Else it could leave groups that forbid something to their members. */
  tell("/proc/self/setgroups", "deny");
  snprintf(map, sizeof map, "%u %u 1\n", seen_uid, uid);
  tell("/proc/self/uid_map", map);
  snprintf(map, sizeof map, "%u %u 1\n", seen_gid, gid);
  tell("/proc/self/gid_map", map);
  if (prctl(PR_SET_DUMPABLE, before == 1, 0, 0, 0) != 0) fail("cannot be", "left alone");
}
