/* Namespaces and mounts of an instance, for the level that makes them without bwrap. */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

void join_namespace(const char *path, int kind) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail("cannot open", path);
  if (setns(fd, kind) != 0) fail("cannot enter", path);
  close(fd);
}

/* Whoever is alone in a network may listen on any port of it, 22 too; where the machine does not permit that, from 1024 on. */
static void open_low_ports(void) {
  const int fd = open("/proc/sys/net/ipv4/ip_unprivileged_port_start", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  const ssize_t put = write(fd, "0", 1);
  (void)put;
  close(fd);
}

/* A new network has loopback, and that is down. */
void raise_loopback(void) {
  struct ifreq request;
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("cannot open", "a socket");
  memset(&request, 0, sizeof request);
  strcpy(request.ifr_name, "lo");
  if (ioctl(fd, SIOCGIFFLAGS, &request) != 0) fail("cannot find", "loopback");
  request.ifr_flags |= IFF_UP | IFF_RUNNING;
  if (ioctl(fd, SIOCSIFFLAGS, &request) != 0) fail("cannot raise", "loopback");
  close(fd);
  open_low_ports();
}

/* Stays as the one that the agent knows, ends as the first process of the namespace ends. */
static _Noreturn void wait_for(pid_t child) {
  int status = 0;
  /* Only the namespace's first process reads orders, tells, and holds the outputs open. */
  for (int fd = 0; fd <= COMMAND; fd += 1) close(fd);
  for (pid_t got; (got = waitpid(child, &status, WUNTRACED)) == child ? WIFSTOPPED(status) : errno == EINTR;)
    /* Somebody outside stopped it: it would not tell the end of its command. */
    if (got == child) kill(child, SIGCONT);
  _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

/*
 * Makes namespaces of mounts, processes, IPC, names and control groups, and of networks if asked; returns in their first process. The groups that it
 * has joined by now are the top of all that it sees of groups; a kernel without groups has no such namespace.
 */
void isolate(int with_network) {
  const int kinds = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | (with_network ? CLONE_NEWNET : 0);
  if (unshare(kinds | CLONE_NEWCGROUP) != 0 && (errno != EINVAL || unshare(kinds) != 0)) fail("cannot make", "namespaces");
  const pid_t child = fork();
  if (child < 0) fail("cannot make", "a process");
  if (child > 0) wait_for(child);
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) fail("cannot be tied to", "the agent");
  if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) fail("cannot separate", "mounts");
  if (with_network) raise_loopback();
}

/* For who may mount nothing here: mounts of its own, in a namespace of users of its own, where it stays who it is. */
void own_mounts(void) {
  enter_users(CLONE_NEWNS, geteuid(), getegid());
  if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) fail("cannot separate", "mounts");
}

void mount_bind(const char *source, const char *target) {
  if (mount(source, target, NULL, MS_BIND, NULL) != 0) fail("cannot bind", source);
  if (mount(NULL, target, NULL, MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV, NULL) != 0) fail("cannot bind", target);
}

void mount_tmpfs(const char *target, const char *options) {
  if (mount("fornax", target, "tmpfs", MS_NOSUID | MS_NODEV, options) != 0) fail("cannot mount", target);
}

/* From here on nobody finds what lies there. */
void mount_cover(const char *target) {
  if (mount("fornax", target, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=000,size=4k") != 0) fail("cannot cover", target);
}

void mount_devpts(const char *target) {
  if (mount("fornax", target, "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620") != 0) fail("cannot mount", target);
}

void mount_proc(const char *target) {
  if (mount("proc", target, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0) fail("cannot mount", target);
}

/* Hides a file behind /dev/null, a folder behind an empty one; nothing where there is nothing. */
void mount_mask(const char *target) {
  struct stat facts;
  if (stat(target, &facts) != 0) {
    if (errno == ENOENT || errno == ENOTDIR || errno == EACCES) return;
    fail("cannot look at", target);
  }
  if (S_ISDIR(facts.st_mode)) return mount_cover(target);
  if (mount("/dev/null", target, NULL, MS_BIND, NULL) != 0) fail("cannot mask", target);
}

enum { MAX_GROUPS = 8 };
static struct {
  int fd;
  const char *name;
} groups[MAX_GROUPS];
static int group_count = 0;

/* Remembers the folder of a control group that is to be seen as `name` where groups are, or as that place itself when `name` is empty. */
void open_group(const char *folder, const char *name) {
  if (group_count == MAX_GROUPS) {
    errno = E2BIG;
    fail("cannot show", folder);
  }
  const int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) fail("cannot open", folder);
  groups[group_count].fd = fd;
  groups[group_count++].name = name;
}

/* Shows the control groups that were opened, of which limits can be read, and none of the machine's others. Nothing where there is no such place. */
void mount_groups(const char *target) {
  char source[64], at[256];
  if (access(target, F_OK) != 0) return;
  const int is_one = group_count == 1 && *groups[0].name == '\0';
  if (!is_one && mount("fornax", target, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=755,size=4k") != 0) fail("cannot cover", target);
  for (int each = 0; each < group_count; each += 1) {
    snprintf(source, sizeof source, "/proc/self/fd/%d", groups[each].fd);
    snprintf(at, sizeof at, "%s%s%s", target, is_one ? "" : "/", groups[each].name);
    if (!is_one && mkdir(at, 0755) != 0) fail("cannot make", at);
    if (mount(source, at, NULL, MS_BIND, NULL) != 0) fail("cannot bind", at);
    if (mount(NULL, at, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0) fail("cannot protect", at);
    close(groups[each].fd);
  }
  if (!is_one && mount(NULL, target, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0) fail("cannot protect", target);
}

void mount_read_only(const char *target) {
  if (access(target, F_OK) != 0) return;
  if (mount(target, target, NULL, MS_BIND | MS_REC, NULL) != 0) fail("cannot bind", target);
  if (mount(NULL, target, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0) fail("cannot protect", target);
}
