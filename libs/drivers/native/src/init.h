/* The first process of an instance: what its parts share. */
#ifndef FORNAX_INIT_H
#define FORNAX_INIT_H

#include <signal.h>
#include <stddef.h>
#include <sys/types.h>

/* Descriptors that the agent gives to it, beside the three standard ones. */
enum { CONTROL = 3, STATUS = 4, COMMAND = 5, FIRST_OTHER = 6 };
/* As a shell says it: the sandbox failed, the command cannot be run, there is no such command. */
enum { EXIT_SETUP = 125, EXIT_CANNOT_RUN = 126, EXIT_NOT_FOUND = 127 };

/* What to run; its strings live as long as the process. */
struct command {
  char **argv;
  char **env;
};

struct options {
  /* Where signals go: every process of the namespace, or the command's process group. */
  int aims_at_all;
  /* Whose the command is; without `has_user` it stays the agent's. */
  int has_user;
  uid_t uid;
  gid_t gid;
  /* Whom the command takes itself for; without `has_mask` that is who it is. */
  int has_mask;
  uid_t seen_uid;
  gid_t seen_gid;
  const char *directory;
  /* Whether the command has a terminal, in the place of three pipes, and its rows and columns. */
  int has_terminal;
  char size[24];
  /* Whether it is one more command of an instance that another process is the first of. */
  int has_entered;
};

/* Whose the files of a tree are, and who is to take them for its own. */
struct owners {
  unsigned from;
  unsigned to;
};

/* What the process that is to become the command tells before it does. */
struct word {
  enum { REFUSED_BY_SETUP, REFUSED_BY_COMMAND, ABOUT_TO_RUN } what;
  /* Of a refusal: the number of the error. Of what is about to run: its own number, as it sees itself. */
  int why;
};

/* Ends the process with what failed and why on standard error. */
_Noreturn void fail(const char *what, const char *subject);
/* From now on `fail` also writes a struct word to this descriptor. */
void report_failures_to(int fd);

/* main.c: carries out options, the first of which is a name, and what follows from them. @returns the exit code */
int carry_out(int argc, char **argv);

/* serve.c: starts processes, each of which carries out options, until standard input ends. @returns the exit code */
int serve(void);

/* empty.c: kills what is in control groups, whose files of processes these are, until nothing is. @returns the exit code, 0: nothing is left */
int empty_groups(int count, char **paths);

/* enter.c */
sigset_t requests_to_end(void);
void join_group(const char *path);
void write_pid_file(const char *path);

/* pipes.c: takes descriptors 1 to 5 by names in a folder. */
void take_pipes(const char *folder);

/* isolate.c */
void join_namespace(const char *path, int kind);
void isolate(int with_network);
void own_mounts(void);
void raise_loopback(void);
void mount_bind(const char *source, const char *target);
void mount_tmpfs(const char *target, const char *options);
void mount_cover(const char *target);
void mount_devpts(const char *target);
void mount_proc(const char *target);
void mount_mask(const char *target);
void mount_read_only(const char *target);
void open_group(const char *folder, const char *name);
void mount_groups(const char *target);

/* layers.c */
void mount_layers(const char *lower, const char *folder, const struct owners *owners);
void mount_writable(const char *target, const char *folder, const struct owners *owners);

/* users.c: a namespace of users in which this process' own user is seen as another one, and nobody else is there. */
void enter_users(int kinds, uid_t seen_uid, gid_t seen_gid);

/* network.c */
/* What an instance may reach by its way out: IPv4 networks, as in 10.0.0.0/8. The longest one that holds an address decides. */
struct way_out {
  char **denied;
  size_t denied_count;
  char **allowed;
  size_t allowed_count;
  /* A file of it, or "new"; NULL: that of the agent. */
  const char *user_namespace;
};
/* Holds a network with a way out until standard input ends; tells "ready <pid>" on standard output. @returns the exit code */
int hold_network(const struct way_out *way, char **stack);

/* command.c */
struct command read_command(void);

/* terminal.c */
/* Makes a terminal for the command. @returns the end that the agent speaks through */
int make_terminal(void);
/* Makes the other end the standard input and outputs of this process, which is the first of its session. */
void take_terminal(int terminal, const struct options *options);
/* Sets its size, as two numbers, rows and columns. */
void set_size(int terminal, const char *numbers);
/* Starts a process that carries bytes between it and the standard input and output of this one. @returns its number */
pid_t carry_terminal(int terminal);

/* session.c: ends what is left of the session of a command in an instance, whose leader has this number there. */
void end_session(pid_t leader);

/* become.c: does all that can be done for a command before it is known, reads it, and becomes it; or writes to `report` why not, and ends. */
_Noreturn void become(const struct options *options, int report, int terminal);

/* Gives up every capability, and, with `has_user`, the user. */
void drop_privileges(const struct options *options);

/* ways.c */
/* Enters namespaces of the process whose namespace of processes has this number: all that differ, or its network alone. */
void enter_namespaces(unsigned pid, const char *number, int network_alone);
/* Carries connections from the socket `way` in a folder into the network that it is in, until standard input ends; tells "ready" on standard output. @returns the exit code */
int carry_ways(const char *folder);
/* Carries bytes from `in` to `far` and from there to `out`, each with its end; with `until_either`, until what comes from `far` has ended. */
void carry(int in, int out, int far, int until_either);

/* tell.c */
int tell_those_who_handle(pid_t aim, int number);

/* supervise.c: runs the command as a child until it ends. @returns the exit code */
int supervise(const struct options *options);

/* seccomp.c */
/* Writes the filter, for this process and all that it forks. Safe to repeat. */
void write_filter(void);
void filter_system_calls(void);

#endif
