/* A tree of files over another one, which stays as it is: overlayfs, for a task's instance in a slot, and for what an instance writes into its image. */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
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

/* @returns a descriptor of a user namespace in which what belongs to `from` belongs to `to`, and what is root's stays so, unless that is `from` */
static int made_users(unsigned from, unsigned to) {
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
  snprintf(map, sizeof map, "%s%u %u 1\n", from == 0 ? "" : "0 0 1\n", from, to);
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

/* The same for all trees of an instance: it costs a process. */
static int users_of(const struct owners *owners) {
  static int known = -1;
  static struct owners of;
  if (known >= 0 && of.from == owners->from && of.to == owners->to) return known;
  if (known >= 0) close(known);
  of = *owners;
  return known = made_users(owners->from, owners->to);
}

/*
 * Shows at `target` what lies in `lower`, and over it what lies in `upper`, where all that is changed goes; `work` is for the kernel, and `below` for this: folders
 * of where this process is, named relatively so that no name has to be quoted. What belongs to the first of the owners in `lower` belongs to the second; without
 * owners the mount is made in a user namespace, where the kernel keeps what it notes of files in attributes that their owner may write, and does not move
 * folders of `lower` (rename(2) is EXDEV). Nobody needs what is there after the machine has stopped.
 */
static void lay(const char *lower, const char *upper, const char *target, const struct owners *owners) {
  struct attributes attributes = {.set = READ_ONLY};
  if (owners != NULL) {
    attributes.set |= MAPPED;
    attributes.users = (uint64_t)users_of(owners);
  }
  const int tree = (int)syscall(SYS_open_tree, AT_FDCWD, lower, CLONED | O_CLOEXEC);
  if (tree < 0) fail("cannot open", lower);
  if (syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes) != 0) fail("cannot map the users of", lower);
  if (syscall(SYS_move_mount, tree, "", AT_FDCWD, "lower", OF_ITSELF) != 0) fail("cannot bind", lower);
  close(tree);
  char options[128];
  snprintf(options, sizeof options, "lowerdir=lower,upperdir=%s,workdir=work,%s,index=off,volatile", upper,
           owners != NULL ? "redirect_dir=on,metacopy=off" : "userxattr");
  if (mount("fornax", target, "overlay", MS_NOSUID | MS_NODEV, options) != 0) fail("cannot lay files over", lower);
}

/* Shows in `folder`/view what lies in `lower`, and over it what lies in `folder`/job. */
void mount_layers(const char *lower, const char *folder, const struct owners *owners) {
  if (chdir(folder) != 0) fail("cannot enter", folder);
  lay(lower, "job", "view", owners);
  if (chdir("/") != 0) fail("cannot enter", "/");
}

static void make_folder(const char *name, mode_t mode) {
  if (mkdir(name, mode) != 0) fail("cannot make", name);
}

/* Lets what lies at a place be changed: what is changed goes to `folder`, which is made for that. */
void mount_writable(const char *target, const char *folder, const struct owners *owners) {
  make_folder(folder, 0711);
  if (chdir(folder) != 0) fail("cannot enter", folder);
  make_folder("lower", 0700);
  make_folder("work", 0700);
  make_folder("files", 0755);
  if (chmod("files", 0755) != 0 || (owners != NULL && chown("files", owners->to, owners->to) != 0)) fail("cannot hand over", folder);
  lay(target, "files", target, owners);
  /* The kernel has what it needs of it. */
  if (umount2("lower", MNT_DETACH) != 0) fail("cannot let go of", target);
  if (chdir("/") != 0) fail("cannot enter", "/");
}
