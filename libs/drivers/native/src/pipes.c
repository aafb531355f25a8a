/*
 * Takes the ends of its pipes by their names in a folder, where an engine of containers started this process and gave it none.
 *
 * Whoever made them holds the other ends already, so nothing here waits: without a reader a pipe that is written to cannot be opened, and one without a
 * writer has ended. "opened" on descriptor 4 says that the names are not needed any more.
 */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

static void take(const char *folder, const char *name, int access, int as) {
  char path[PATH_MAX];
  const int length = snprintf(path, sizeof path, "%s/%s", folder, name);
  if (length < 0 || (size_t)length >= sizeof path) {
    errno = ENAMETOOLONG;
    fail("cannot open", name);
  }
  const int fd = open(path, access | O_NONBLOCK);
  if (fd < 0 || fcntl(fd, F_SETFL, 0) != 0) fail("cannot open", path);
  if (fd == as) return;
  if (dup2(fd, as) < 0) fail("cannot take", path);
  close(fd);
}

void take_pipes(const char *folder) {
  /* The engine may have left these closed: else one of them would be given to what is opened here, and lost. */
  for (int fd = 0; fd < FIRST_OTHER; fd += 1)
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0) fail("cannot open", "/dev/null");
  const int null = open("/dev/null", O_RDONLY);
  if (null < 0 || dup2(null, STDIN_FILENO) < 0) fail("cannot take", "/dev/null");
  close(null);
  /* First the one that says what is wrong with the others. */
  take(folder, "err", O_WRONLY, STDERR_FILENO);
  take(folder, "out", O_WRONLY, STDOUT_FILENO);
  take(folder, "status", O_WRONLY, STATUS);
  take(folder, "control", O_RDONLY, CONTROL);
  take(folder, "order", O_RDONLY, COMMAND);
  if (write(STATUS, "opened\n", 7) != 7) fail("cannot tell", "the agent");
}
