/* A tree of files over another one, which stays as it is: overlayfs, for a task's instance in a slot. */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* linux/mount.h has these, and cannot be had together with sys/mount.h everywhere. */
struct attributes {
  uint64_t set, clear, propagation, users;
};
enum { CLONED = 1, OF_ITSELF = 4, READ_ONLY = 0x1, MAPPED = 0x100000 };

static void write_map(pid_t of, const char *name, const char *map) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", (int)of, name);
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, map, strlen(map)) != (ssize_t)strlen(map)) fail("cannot map", path);
  close(fd);
}

/* @returns a descriptor of a user namespace in which what belongs to `from` belongs to `to`, and what is root's stays so */
static int users_of(unsigned from, unsigned to) {
  int ready[2], gone[2];
  char byte, map[96];
  if (pipe2(ready, O_CLOEXEC) != 0 || pipe2(gone, O_CLOEXEC) != 0) fail("cannot make", "a pipe");
  const pid_t child = fork();
  if (child < 0) fail("cannot make", "a process");
  if (child == 0) {
    close(gone[1]);
    if (unshare(CLONE_NEWUSER) != 0 || write(ready[1], "", 1) != 1) _exit(EXIT_SETUP);
    _exit(read(gone[0], &byte, 1) == 0 ? 0 : EXIT_SETUP);
  }
  close(ready[1]);
  close(gone[0]);
  if (read(ready[0], &byte, 1) != 1) fail("cannot make", "a user namespace");
  snprintf(map, sizeof map, "0 0 1\n%u %u 1\n", from, to);
  write_map(child, "uid_map", map);
  write_map(child, "gid_map", map);
  snprintf(map, sizeof map, "/proc/%d/ns/user", (int)child);
  const int users = open(map, O_RDONLY | O_CLOEXEC);
  if (users < 0) fail("cannot open", map);
  close(ready[0]);
  close(gone[1]);
  while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {}
  return users;
}

/*
 * Shows in `folder`/view what lies in `lower`, and over it what lies in `folder`/job, where all that is changed goes. `folder`/work and `folder`/lower are
 * for the kernel and for this. With `from` and `to`, what belongs to the one in `lower` belongs to the other in the view; without, the mount is made in a user
 * namespace, where the kernel keeps what it notes of files in attributes that their owner may write, and does not move folders of `lower` (rename(2) is EXDEV).
 */
void mount_layers(const char *lower, const char *folder, unsigned from, unsigned to) {
  struct attributes attributes = {.set = READ_ONLY};
  const int has_users = from != 0;
  if (has_users) {
    attributes.set |= MAPPED;
    attributes.users = (uint64_t)users_of(from, to);
  }
  if (chdir(folder) != 0) fail("cannot enter", folder);
  const int tree = (int)syscall(SYS_open_tree, AT_FDCWD, lower, CLONED | O_CLOEXEC);
  if (tree < 0) fail("cannot open", lower);
  if (syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes) != 0) fail("cannot map the users of", lower);
  if (syscall(SYS_move_mount, tree, "", AT_FDCWD, "lower", OF_ITSELF) != 0) fail("cannot bind", lower);
  close(tree);
  if (has_users) close((int)attributes.users);
  /* Relative, so that no name has to be quoted. Nobody needs what is there after the machine has stopped. */
  const char *options = has_users ? "lowerdir=lower,upperdir=job,workdir=work,redirect_dir=on,index=off,metacopy=off,volatile"
                                  : "lowerdir=lower,upperdir=job,workdir=work,index=off,userxattr,volatile";
  if (mount("fornax", "view", "overlay", MS_NOSUID | MS_NODEV, options) != 0) fail("cannot lay files over", lower);
  if (chdir("/") != 0) fail("cannot enter", "/");
}
