/* A terminal for a command in an instance, whose other end is carried to the agent. */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int make_terminal(void) {
  const int unlocked = 0;
  const int terminal = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (terminal < 0 || ioctl(terminal, TIOCSPTLCK, &unlocked) != 0) fail("cannot make", "a terminal");
  return terminal;
}

void take_terminal(int terminal, const struct options *options) {
  const int end = ioctl(terminal, TIOCGPTPEER, O_RDWR | O_NOCTTY);
  if (end < 0 || ioctl(end, TIOCSCTTY, 0) != 0) fail("cannot take", "a terminal");
  if (options->has_user && fchown(end, options->uid, options->gid) != 0) fail("cannot give away", "a terminal");
  for (int fd = 0; fd <= 2; fd += 1)
    if (dup2(end, fd) < 0) fail("cannot take", "a terminal");
  if (end > 2) close(end);
  close(terminal);
}

void set_size(int terminal, const char *numbers) {
  char *end = NULL;
  const long rows = strtol(numbers, &end, 10), columns = strtol(end, NULL, 10);
  if (terminal < 0 || rows < 1 || columns < 1 || rows > 10000 || columns > 10000) return;
  const struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
  ioctl(terminal, TIOCSWINSZ, &size);
}

pid_t carry_terminal(int terminal) {
  const pid_t carrier = fork();
  if (carrier < 0) fail("cannot make", "a process");
  if (carrier > 0) return carrier;
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) _exit(EXIT_SETUP);
  for (int fd = STDERR_FILENO; fd <= COMMAND; fd += 1) close(fd);
  const struct options nobody = {.directory = "/"};
  drop_privileges(&nobody);
  filter_system_calls();
  carry(STDIN_FILENO, STDOUT_FILENO, terminal, 1);
  _exit(0);
}
