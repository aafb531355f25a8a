/*
 * fornax-init: the first process of an instance.
 *
 *   fornax-init [--pid-file FILE] [--join FILE]... --then PROGRAM ARGUMENT...
 *   fornax-init --pipes FOLDER --directory DIR --aim all
 *   fornax-init [--pid-file FILE] [--join FILE]... [--namespace-user FILE] [--namespace-network FILE] [--namespace-mount FILE]
 *               [[--lower-user FROM TO] --layers LOWER FOLDER] [--isolate | --isolate-network] [--own-mounts]
 *               [--writable AT FOLDER | --bind FROM TO | --tmpfs AT OPTIONS | --cover AT | --devpts AT | --proc AT | --mask AT | --read-only AT | --group FOLDER NAME | --groups AT]...
 *               --directory DIR --aim all|group [--user UID GID] [--seen-as UID GID]
 *   fornax-init [--join FILE]... --enter PID NUMBER [--terminal ROWS COLUMNS] --directory DIR --aim group [--user UID GID] [--seen-as UID GID]
 *   fornax-init --enter-network PID NUMBER --carry-ways FOLDER
 *   fornax-init --serve
 *   fornax-init --empty FILE...
 *   fornax-init [--own-user FILE|new] [--deny NETWORK]... [--allow NETWORK]... --hold-network PROGRAM ARGUMENT...
 *
 * The second form is the third one in a container that an engine made: it takes its pipes by name (see pipes.c). The fourth runs one more command in an instance that runs, with what standard input brings (see session.c), the fifth carries
 * connections into it (see ways.c). The sixth starts processes that do what the first and third form do (see serve.c). The seventh ends what is in control groups (see empty.c). The last holds a network
 * with a way out for an instance, which enters it by --namespace-network (see network.c).
 * Options are carried out in their order. The first form only enters control groups and becomes another program, say bwrap, which runs the third form
 * inside of what it made. The third form reads what to run from descriptor 5 (see command.c), so neither arguments nor environment of the
 * command are ever in anybody's argument list but the command's own, runs it (see become.c for all that it gets), obeys descriptor 3 and tells on
 * descriptor 4 (see supervise.c). It may be started, and all of this done, long before it is told what to run.
 */
#include "init.h"

#include <errno.h>
#include <linux/close_range.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int failures = -1;

void report_failures_to(int fd) { failures = fd; }

_Noreturn void fail(const char *what, const char *subject) {
  const struct word refusal = {.what = REFUSED_BY_SETUP, .why = errno};
  dprintf(STDERR_FILENO, "%s %s: %s\n", what, subject, strerror(refusal.why));
  /* Who reads it takes the end of the pipe for a refusal, too. */
  if (failures >= 0 && write(failures, &refusal, sizeof refusal) < 0) _exit(EXIT_SETUP);
  _exit(EXIT_SETUP);
}

static _Noreturn void wrong(const char *option) {
  errno = EINVAL;
  fail("option", option);
}

static unsigned number(const char *text) {
  char *end = NULL;
  errno = 0;
  unsigned long value = strtoul(text, &end, 10);
  if (errno != 0 || end == text || *end != '\0' || value >= 0xffffffffUL) wrong(text);
  return (unsigned)value;
}

static int own_argc;
static char **own_argv;

/* Who looks at this process from inside reads paths of the host in its arguments otherwise. */
static void forget_arguments(void) {
  const int argc = own_argc;
  char **argv = own_argv;
  for (int at = 0; at < argc; at += 1) memset(argv[at], 0, strlen(argv[at]));
  const char name[] = "init";
  if (argc > 1 && argv[1] - argv[0] >= (ptrdiff_t)sizeof name) memcpy(argv[0], name, sizeof name);
}

int carry_out(int argc, char **argv) {
  struct options options = {.directory = "/"};
  struct way_out way = {.denied = calloc((size_t)argc, sizeof(char *)), .allowed = calloc((size_t)argc, sizeof(char *))};
  if (way.denied == NULL || way.allowed == NULL) fail("cannot read", "options");
  int has_aim = 0;
  struct owners mapped;
  const struct owners *owners = NULL;
  /* Whatever the agent's own parent left open is nobody's business here. */
  if (syscall(SYS_close_range, FIRST_OTHER, ~0U, 0) != 0)
    for (int fd = FIRST_OTHER; fd < 65536; fd += 1) close(fd);

  for (int at = 1; at < argc;) {
    const char *option = argv[at++];
    const int left = argc - at;
    const char *first = left > 0 ? argv[at] : NULL;
    const char *second = left > 1 ? argv[at + 1] : NULL;
#define IS(name, values) (strcmp(option, name) == 0 && (left >= (values) || (wrong(option), 0)) && (at += (values), 1))
    if (IS("--pid-file", 1)) write_pid_file(first);
    else if (IS("--pipes", 1)) take_pipes(first);
    else if (IS("--join", 1)) join_group(first);
    else if (IS("--then", 1)) {
      execv(first, &argv[at - 1]);
      fail("cannot run", first);
    }
    else if (IS("--namespace-user", 1)) join_namespace(first, CLONE_NEWUSER);
    else if (IS("--namespace-mount", 1)) join_namespace(first, CLONE_NEWNS);
    else if (IS("--namespace-network", 1)) join_namespace(first, CLONE_NEWNET);
    else if (IS("--enter", 2)) {
      enter_namespaces(number(first), second, 0);
      options.has_entered = 1;
    }
    else if (IS("--enter-network", 2)) enter_namespaces(number(first), second, 1);
    else if (IS("--carry-ways", 1)) return carry_ways(first);
    else if (IS("--terminal", 2)) {
      options.has_terminal = 1;
      snprintf(options.size, sizeof options.size, "%u %u", number(first), number(second));
    }
    else if (IS("--own-user", 1)) way.user_namespace = first;
    else if (IS("--deny", 1)) way.denied[way.denied_count++] = argv[at - 1];
    else if (IS("--allow", 1)) way.allowed[way.allowed_count++] = argv[at - 1];
    else if (IS("--hold-network", 1)) return hold_network(&way, &argv[at - 1]);
    else if (IS("--lower-user", 2)) {
      mapped = (struct owners){.from = number(first), .to = number(second)};
      if (mapped.to == 0) wrong(option);
      owners = &mapped;
    } else if (IS("--layers", 2)) mount_layers(first, second, owners);
    else if (IS("--writable", 2)) mount_writable(first, second, owners);
    else if (IS("--own-mounts", 0)) own_mounts();
    else if (IS("--isolate", 0)) isolate(0);
    else if (IS("--isolate-network", 0)) isolate(1);
    else if (IS("--bind", 2)) mount_bind(first, second);
    else if (IS("--tmpfs", 2)) mount_tmpfs(first, second);
    else if (IS("--cover", 1)) mount_cover(first);
    else if (IS("--devpts", 1)) mount_devpts(first);
    else if (IS("--proc", 1)) mount_proc(first);
    else if (IS("--mask", 1)) mount_mask(first);
    else if (IS("--read-only", 1)) mount_read_only(first);
    else if (IS("--group", 2)) open_group(first, second);
    else if (IS("--groups", 1)) mount_groups(first);
    else if (IS("--directory", 1)) options.directory = strdup(first);
    else if (IS("--aim", 1)) {
      options.aims_at_all = strcmp(first, "all") == 0;
      if (!options.aims_at_all && strcmp(first, "group") != 0) wrong(first);
      has_aim = 1;
    } else if (IS("--user", 2)) {
      options.has_user = 1;
      options.uid = number(first);
      options.gid = number(second);
      if (options.uid == 0 || options.gid == 0) wrong("--user");
    } else if (IS("--seen-as", 2)) {
      options.has_mask = 1;
      options.seen_uid = number(first);
      options.seen_gid = number(second);
    } else wrong(option);
#undef IS
  }
  if (!has_aim) wrong("--aim (missing)");
  if (options.directory == NULL) fail("cannot read", "options");
  /* Where the command starts is for who it is to enter (see become.c): no matter of this process, which may have other rights. */
  if (chdir("/") != 0) fail("cannot enter", "/");
  forget_arguments();
  return supervise(&options);
}

int main(int argc, char **argv) {
  own_argc = argc;
  own_argv = argv;
  if (argc == 2 && strcmp(argv[1], "--serve") == 0) return serve();
  if (argc > 2 && strcmp(argv[1], "--empty") == 0) return empty_groups(argc - 2, argv + 2);
  return carry_out(argc, argv);
}
