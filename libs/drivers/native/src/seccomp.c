/*
 * The system calls that an instance may make: as in the default profile of the OCI runtimes (containers/common and moby, seccomp.json), for a container
 * without capabilities. What is not on the list is EPERM; what is newer than the list, ENOSYS, so that programs fall back. Calls of another
 * architecture's or the 32-bit ABI are EPERM.
 */
#include "init.h"

#include <asm/unistd.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>

#if defined(__x86_64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "the filter is not written for this architecture"
#endif

static const uint32_t ALLOWED[] = {
#include "allowed-calls.inc"
};
enum { ALLOWED_COUNT = sizeof ALLOWED / sizeof *ALLOWED };

/* The newest call that this list has an opinion on; those after it did not exist. */
#ifdef __NR_removexattrat
#define NEWEST __NR_removexattrat
#else
#define NEWEST __NR_mseal
#endif

#define ALLOW SECCOMP_RET_ALLOW
#define REFUSE (SECCOMP_RET_ERRNO | EPERM)
#define UNKNOWN (SECCOMP_RET_ERRNO | ENOSYS)

/* Making a namespace needs a capability, but a namespace of users would give one. */
#define NEW_NAMESPACES (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

struct range {
  uint32_t first;
  uint32_t last;
};

static struct sock_filter program[BPF_MAXINSNS];
static size_t length;

static void add(uint16_t code, uint8_t if_true, uint8_t if_false, uint32_t operand) {
  program[length++] = (struct sock_filter){code, if_true, if_false, operand};
}
static void load(size_t offset) { add(BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)offset); }
static void answer(uint32_t with) { add(BPF_RET | BPF_K, 0, 0, with); }
static size_t argument(int at) { return offsetof(struct seccomp_data, args) + 8 * (size_t)at; }

/* `call` with a first argument of these values only. */
static void allow_values(uint32_t call, const uint32_t *values, size_t count) {
  add(BPF_JMP | BPF_JEQ | BPF_K, 0, (uint8_t)(count * 2 + 2), call);
  load(argument(0));
  for (size_t at = 0; at < count; at += 1) {
    add(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, values[at]);
    answer(ALLOW);
  }
  answer(REFUSE);
}

static int by_number(const void *a, const void *b) {
  const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

static size_t ranges_of(struct range *ranges) {
  static uint32_t sorted[ALLOWED_COUNT];
  size_t count = 0;
  for (size_t at = 0; at < ALLOWED_COUNT; at += 1) sorted[at] = ALLOWED[at];
  qsort(sorted, ALLOWED_COUNT, sizeof *sorted, by_number);
  for (size_t at = 0; at < ALLOWED_COUNT; at += 1) {
    if (count > 0 && sorted[at] <= ranges[count - 1].last + 1) ranges[count - 1].last = sorted[at];
    else ranges[count++] = (struct range){sorted[at], sorted[at]};
  }
  return count;
}

/* A search by halves: the kernel tries every number against the filter when it is set, and a list from top to bottom would cost more than the start. */
static void search(const struct range *ranges, size_t count) {
  if (count == 1) {
    add(BPF_JMP | BPF_JGE | BPF_K, 0, 2, ranges->first);
    add(BPF_JMP | BPF_JGT | BPF_K, 1, 0, ranges->last);
    answer(ALLOW);
    answer(REFUSE);
    return;
  }
  const size_t half = count / 2;
  const size_t jump = length;
  add(BPF_JMP | BPF_JGE | BPF_K, 0, 0, ranges[half].first);
  search(ranges, half);
  /* Jumps reach 255 steps. */
  if (length - jump - 1 > UINT8_MAX) {
    errno = E2BIG;
    fail("cannot write", "the filter of system calls");
  }
  program[jump].jt = (uint8_t)(length - jump - 1);
  search(ranges + half, count - half);
}

static void write_program(void) {
  static const uint32_t personalities[] = {0x0, 0x8, 0x20000, 0x20008, 0xffffffff};
  static struct range ranges[ALLOWED_COUNT];
  load(offsetof(struct seccomp_data, arch));
  add(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, OWN_ARCHITECTURE);
  answer(REFUSE);
  load(offsetof(struct seccomp_data, nr));
#ifdef __x86_64__
  add(BPF_JMP | BPF_JGE | BPF_K, 0, 1, 0x40000000); /* the x32 ABI */
  answer(REFUSE);
#endif
  add(BPF_JMP | BPF_JGT | BPF_K, 0, 1, NEWEST);
  answer(UNKNOWN);
  /* Its flags are behind a pointer, where no filter sees them: programs fall back to clone. */
  add(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, __NR_clone3);
  answer(UNKNOWN);
  allow_values(__NR_personality, personalities, sizeof personalities / sizeof *personalities);
  /* A thread with open files of its own would hold some that nobody finds who looks at its process: none is made so but to hide them. */
  add(BPF_JMP | BPF_JEQ | BPF_K, 0, 6, __NR_clone);
  load(argument(0));
  add(BPF_JMP | BPF_JSET | BPF_K, 2, 0, NEW_NAMESPACES);
  add(BPF_JMP | BPF_JSET | BPF_K, 0, 2, CLONE_THREAD);
  add(BPF_JMP | BPF_JSET | BPF_K, 1, 0, CLONE_FILES);
  answer(REFUSE);
  answer(ALLOW);
  /* The other way to open files of a thread's own. */
  add(BPF_JMP | BPF_JEQ | BPF_K, 0, 4, __NR_close_range);
  load(argument(2));
  add(BPF_JMP | BPF_JSET | BPF_K, 0, 1, 2 /* CLOSE_RANGE_UNSHARE */);
  answer(REFUSE);
  answer(ALLOW);
  /* Sockets to the machine's hypervisor, and those of the kernel's ciphers, belong to no container. */
  add(BPF_JMP | BPF_JEQ | BPF_K, 0, 5, __NR_socket);
  load(argument(0));
  add(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 40 /* AF_VSOCK */);
  add(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 38 /* AF_ALG */);
  answer(REFUSE);
  answer(ALLOW);
  search(ranges, ranges_of(ranges));
}

void write_filter(void) {
  if (length == 0) write_program();
}

/* Needs no capability, since there are no new privileges to gain. */
void filter_system_calls(void) {
  write_filter();
  const struct sock_fprog filter = {(unsigned short)length, program};
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) != 0) fail("cannot filter", "system calls");
}
