/* Where others find this process: files of the agent, and control groups. */
#include "init.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* Writes the number of this process; into the file of a control group that means to join it. */
void write_own_pid(const char *path) {
  char text[24];
  const int length = snprintf(text, sizeof text, "%d\n", (int)getpid());
  const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) fail("cannot open", path);
  if (write(fd, text, (size_t)length) != length) fail("cannot write to", path);
  close(fd);
}
