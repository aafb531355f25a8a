/*
 * What to run, as descriptor 5 brings it: zero-terminated strings, the last of which is followed by the end of the stream. First three numbers in
 * decimal: until when it may start, in hundredths of a second since the machine started (0: whenever); how many arguments; how many entries of the
 * environment. Then the arguments, then the entries. Entries are taken as they are: any name that the kernel takes, no shell in between.
 */
#include "init.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Above what Linux takes for arguments and environment. */
enum { MAX_BYTES = 8 << 20 };

static char *read_all(size_t *length) {
  size_t room = 16384, used = 0;
  char *text = malloc(room);
  while (text != NULL) {
    const ssize_t got = read(COMMAND, text + used, room - used);
    if (got == 0) {
      *length = used;
      return text;
    }
    if (got < 0) {
      if (errno == EINTR) continue;
      fail("cannot read", "the command");
    }
    used += (size_t)got;
    if (used < room) continue;
    if (room >= MAX_BYTES) break;
    room *= 2;
    text = realloc(text, room);
  }
  errno = E2BIG;
  fail("cannot hold", "the command");
}

struct reader {
  char *at;
  char *end;
};

/* The next string. The agent is gone, or broken, when there is none: then nothing may run. */
static char *next(struct reader *reader) {
  char *zero = reader->at < reader->end ? memchr(reader->at, '\0', (size_t)(reader->end - reader->at)) : NULL;
  if (zero == NULL) {
    errno = EPIPE;
    fail("cannot read", "the command: it is cut short");
  }
  char *text = reader->at;
  reader->at = zero + 1;
  return text;
}

static unsigned long long next_number(struct reader *reader) {
  char *end = NULL;
  const char *text = next(reader);
  errno = 0;
  const unsigned long long value = strtoull(text, &end, 10);
  if (errno != 0 || end == text || *end != '\0') {
    errno = EINVAL;
    fail("cannot read", "the command: not a number");
  }
  return value;
}

static char **next_list(struct reader *reader, unsigned long long count) {
  if (count > MAX_BYTES) {
    errno = E2BIG;
    fail("cannot hold", "the command");
  }
  char **list = calloc((size_t)count + 1, sizeof *list);
  if (list == NULL) fail("cannot hold", "the command");
  for (unsigned long long at = 0; at < count; at += 1) list[at] = next(reader);
  return list;
}

static unsigned long long now_in_hundredths(void) {
  struct timespec now;
  if (clock_gettime(CLOCK_BOOTTIME, &now) != 0) fail("cannot read", "the clock");
  return (unsigned long long)now.tv_sec * 100 + (unsigned long long)now.tv_nsec / 10000000;
}

struct command read_command(void) {
  size_t length = 0;
  char *text = read_all(&length);
  struct reader reader = {text, text + length};
  close(COMMAND);
  const unsigned long long until = next_number(&reader);
  const unsigned long long arguments = next_number(&reader);
  const unsigned long long entries = next_number(&reader);
  struct command command;
  command.argv = next_list(&reader, arguments);
  command.env = next_list(&reader, entries);
  if (arguments == 0 || reader.at != reader.end) {
    errno = EINVAL;
    fail("cannot read", "the command: it does not end where it should");
  }
  /* An agent that was paused right before this must not run what is somebody else's by now. */
  if (until != 0 && now_in_hundredths() >= until) {
    errno = ETIME;
    fail("this node has not heard from the platform", "for too long");
  }
  return command;
}
