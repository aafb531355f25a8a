/*
 * From the first process to the command: what a command gets. A session of its own, no privileges and no way to gain one, default signals, a plain mask
 * of files, limits that say the same on every machine, and no descriptor but the three standard ones.
 */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char DEFAULT_PATH[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/* Soft limits; the hard ones are as high as this process may set them. */
static const struct {
  int which;
  rlim_t soft;
  rlim_t hard;
} LIMITS[] = {
    {RLIMIT_CORE, 0, RLIM_INFINITY},
    {RLIMIT_NOFILE, 1024, 524288},
    {RLIMIT_STACK, 8 << 20, RLIM_INFINITY},
    {RLIMIT_MEMLOCK, 8 << 20, 8 << 20},
    {RLIMIT_AS, RLIM_INFINITY, RLIM_INFINITY},
    {RLIMIT_CPU, RLIM_INFINITY, RLIM_INFINITY},
    {RLIMIT_DATA, RLIM_INFINITY, RLIM_INFINITY},
    {RLIMIT_FSIZE, RLIM_INFINITY, RLIM_INFINITY},
    {RLIMIT_NPROC, RLIM_INFINITY, RLIM_INFINITY},
    {RLIMIT_RSS, RLIM_INFINITY, RLIM_INFINITY},
    {RLIMIT_LOCKS, RLIM_INFINITY, RLIM_INFINITY},
    {RLIMIT_SIGPENDING, 65536, 65536},
    {RLIMIT_MSGQUEUE, 819200, 819200},
    {RLIMIT_NICE, 0, 0},
    {RLIMIT_RTPRIO, 0, 0},
    {RLIMIT_RTTIME, RLIM_INFINITY, RLIM_INFINITY},
};

static rlim_t smaller(rlim_t a, rlim_t b) { return a < b ? a : b; }

static void set_limits(void) {
  for (size_t at = 0; at < sizeof LIMITS / sizeof *LIMITS; at += 1) {
    struct rlimit wanted = {LIMITS[at].soft, LIMITS[at].hard};
    if (setrlimit(LIMITS[at].which, &wanted) == 0) continue;
    /* Without the privilege to raise: as much of it as there is. */
    struct rlimit now;
    if (getrlimit(LIMITS[at].which, &now) != 0) fail("cannot read", "limits");
    wanted.rlim_max = smaller(LIMITS[at].hard, now.rlim_max);
    wanted.rlim_cur = smaller(LIMITS[at].soft, wanted.rlim_max);
    if (setrlimit(LIMITS[at].which, &wanted) != 0) fail("cannot set", "limits");
  }
}

/* It needs a capability. One that may not change it has none to lose by it. */
static void bound_capabilities(void) {
  for (int capability = 0; capability <= 63; capability += 1)
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0 && errno == EINVAL) break;
}

void drop_privileges(const struct options *options) {
  bound_capabilities();
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  if (options->has_user) {
    if (setgroups(0, NULL) != 0) fail("cannot leave", "groups");
    if (setresgid(options->gid, options->gid, options->gid) != 0) fail("cannot change", "the group");
    if (setresuid(options->uid, options->uid, options->uid) != 0) fail("cannot change", "the user");
  }
  if (options->has_mask) {
    enter_users(0, options->seen_uid, options->seen_gid);
    /* All capabilities of the new namespace came back with it. */
    bound_capabilities();
  }
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct none[2];
  memset(none, 0, sizeof none);
  if (syscall(SYS_capset, &header, none) != 0) fail("cannot drop", "capabilities");
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail("cannot promise", "no new privileges");
}

static void reset_signals(void) {
  for (int signal_number = 1; signal_number < NSIG; signal_number += 1) signal(signal_number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

static const char *path_of(char *const *env) {
  for (; *env != NULL; env += 1)
    if (strncmp(*env, "PATH=", 5) == 0) return *env + 5;
  return DEFAULT_PATH;
}

/* A file without a first line that says who reads it is a script of the shell, as for execvp. */
static void run_file(const char *file, const struct command *command) {
  execve(file, command->argv, command->env);
  if (errno != ENOEXEC) return;
  size_t count = 0;
  while (command->argv[count] != NULL) count += 1;
  char **argv = calloc(count + 2, sizeof *argv);
  if (argv == NULL) return;
  argv[0] = "/bin/sh";
  argv[1] = (char *)file;
  for (size_t at = 1; at < count; at += 1) argv[at + 1] = command->argv[at];
  execve(argv[0], argv, command->env);
}

/* Looks the command up in the PATH that the command itself gets. Returns with errno when it cannot be run. */
static void run(const struct command *command) {
  const char *name = command->argv[0];
  if (strchr(name, '/') != NULL) return run_file(name, command);
  int refused = ENOENT;
  const char *path = path_of(command->env);
  while (*name != '\0') {
    const char *end = strchrnul(path, ':');
    char file[PATH_MAX];
    const int length = snprintf(file, sizeof file, "%.*s%s%s", (int)(end - path), path, end == path ? "./" : "/", name);
    if (length > 0 && (size_t)length < sizeof file) {
      run_file(file, command);
      if (errno == E2BIG || errno == ENOMEM) return;
      if (errno == EACCES) refused = EACCES;
    }
    if (*end == '\0') break;
    path = end + 1;
  }
  errno = refused;
}

/* Where it starts, with no rights but the command's own. @returns whether it may be there */
static int enter_directory(const char *directory) {
  if (chdir(directory) == 0) return 1;
  const int why = errno;
  dprintf(STDERR_FILENO, "cannot start in %s: %s\n", directory, strerror(why));
  errno = why;
  return 0;
}

/* What the user reads of a command that does not run. */
static void complain(const char *name, int why) {
  const int is_missing = why == ENOENT || why == ENOTDIR;
  dprintf(STDERR_FILENO, "%s: %s\n", name, is_missing && strchr(name, '/') == NULL ? "not found" : strerror(why));
}

_Noreturn void become(const struct options *options, int report, int terminal) {
  report_failures_to(report);
  setsid();
  if (terminal >= 0) take_terminal(terminal, options);
  umask(022);
  set_limits();
  setpriority(PRIO_PROCESS, 0, 0);
  drop_privileges(options);
  /* After the change of user, which takes it back. */
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) fail("cannot be tied to", "its first process");
  filter_system_calls();
  reset_signals();
  /* All of that is done by the time that somebody says what to run. */
  const struct command command = read_command();
  /* What is still open closes when the command begins; until then `report` is needed. */
  if (syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
    for (int fd = STDERR_FILENO + 1; fd < FIRST_OTHER + 16; fd += 1) fcntl(fd, F_SETFD, FD_CLOEXEC);
  const struct word begins = {.what = ABOUT_TO_RUN, .why = (int)getpid()};
  if (write(report, &begins, sizeof begins) != (ssize_t)sizeof begins) _exit(EXIT_SETUP);
  const int is_there = enter_directory(options->directory);
  if (is_there) run(&command);
  const struct word refusal = {.what = REFUSED_BY_COMMAND, .why = errno};
  if (is_there && refusal.why != E2BIG) complain(command.argv[0], refusal.why);
  if (write(report, &refusal, sizeof refusal) < 0) _exit(EXIT_SETUP);
  _exit(EXIT_SETUP);
}
