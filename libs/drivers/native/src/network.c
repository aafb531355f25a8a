/*
 * A way out for one instance: two network namespaces, and a stack in user space (pasta) that speaks for them on the host.
 *
 *   instance's: loopback, eth0 --veth-- in: router's: out --tap-- stack: sockets of the host
 *
 * What may be reached is decided by the routes and rules of the router, to which no process of an instance has a way: a socket of the instance may be bound to
 * a device, which passes over the routes of its own namespace, but not over those of the next one. The instance has the same routes, for their answer
 * only: the kernel refuses at once what has no route here, but tells of what the router refuses five times and then once a second.
 */
#include "init.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fib_rules.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Addresses that nobody else has (RFC 6890: 192.0.0.0/24 is for protocols): the instance, its router, and the name server, which is the stack. */
static const char INSTANCE[] = "192.0.0.2", ROUTER[] = "192.0.0.1", STACK[] = "192.0.0.8";
enum { NAMES_PORT = 53, MTU = 65520, USERS = 8, INNER = 9, TAP_TRIES = 10000 };

struct message {
  struct nlmsghdr head;
  char body[1024];
};

static void *add(struct message *message, const void *data, size_t size) {
  void *at = (char *)message + NLMSG_ALIGN(message->head.nlmsg_len);
  if (NLMSG_ALIGN(message->head.nlmsg_len) + NLMSG_ALIGN(size) > sizeof *message) {
    errno = EMSGSIZE;
    fail("cannot describe", "a network");
  }
  memset(at, 0, NLMSG_ALIGN(size));
  if (data != NULL) memcpy(at, data, size);
  message->head.nlmsg_len = NLMSG_ALIGN(message->head.nlmsg_len) + NLMSG_ALIGN(size);
  return at;
}

static struct rtattr *begin(struct message *message, int type) {
  struct rtattr *attribute = add(message, NULL, sizeof *attribute);
  attribute->rta_type = (unsigned short)type;
  attribute->rta_len = sizeof *attribute;
  return attribute;
}

static void end(struct message *message, struct rtattr *attribute) {
  attribute->rta_len = (unsigned short)((char *)message + message->head.nlmsg_len - (char *)attribute);
}

static void put(struct message *message, int type, const void *data, size_t size) {
  struct rtattr *attribute = begin(message, type);
  add(message, data, size);
  attribute->rta_len = (unsigned short)(sizeof *attribute + size);
}

static struct message ask(int type, int flags) {
  struct message message;
  memset(&message, 0, sizeof message);
  message.head.nlmsg_len = NLMSG_LENGTH(0);
  message.head.nlmsg_type = (unsigned short)type;
  message.head.nlmsg_flags = (unsigned short)(NLM_F_REQUEST | NLM_F_ACK | flags);
  return message;
}

/* Sends one request to the namespace that this process is in, and waits for its answer. */
static void send_message(struct message *message, const char *what) {
  struct {
    struct nlmsghdr head;
    struct nlmsgerr error;
    char more[2048];
  } answer;
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0 || send(fd, message, message->head.nlmsg_len, 0) < 0 || recv(fd, &answer, sizeof answer, 0) < 0) fail("cannot set up", what);
  close(fd);
  if (answer.head.nlmsg_type == NLMSG_ERROR && answer.error.error == 0) return;
  errno = answer.head.nlmsg_type == NLMSG_ERROR ? -answer.error.error : EPROTO;
  fail("cannot set up", what);
}

static unsigned index_of(const char *name) {
  const unsigned index = if_nametoindex(name);
  if (index == 0) fail("cannot find", name);
  return index;
}

/* A pair of devices: `in` here, eth0 in the namespace of a descriptor. */
static void make_pair(int namespace_fd) {
  struct message message = ask(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  const struct ifinfomsg none = {.ifi_family = AF_UNSPEC};
  add(&message, &none, sizeof none);
  put(&message, IFLA_IFNAME, "in", sizeof "in");
  struct rtattr *info = begin(&message, IFLA_LINKINFO);
  put(&message, IFLA_INFO_KIND, "veth", sizeof "veth");
  struct rtattr *data = begin(&message, IFLA_INFO_DATA);
  struct rtattr *peer = begin(&message, VETH_INFO_PEER);
  add(&message, &none, sizeof none);
  put(&message, IFLA_IFNAME, "eth0", sizeof "eth0");
  put(&message, IFLA_NET_NS_FD, &namespace_fd, sizeof namespace_fd);
  end(&message, peer);
  end(&message, data);
  end(&message, info);
  send_message(&message, "a pair of network devices");
}

static void raise_device(const char *name, int forwards) {
  struct message message = ask(RTM_NEWLINK, 0);
  const struct ifinfomsg link = {.ifi_family = AF_UNSPEC, .ifi_index = (int)index_of(name), .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
  add(&message, &link, sizeof link);
  const unsigned mtu = MTU, yes = 1;
  put(&message, IFLA_MTU, &mtu, sizeof mtu);
  if (forwards) {
    struct rtattr *families = begin(&message, IFLA_AF_SPEC);
    struct rtattr *family = begin(&message, AF_INET);
    struct rtattr *settings = begin(&message, IFLA_INET_CONF);
    put(&message, IPV4_DEVCONF_FORWARDING, &yes, sizeof yes);
    end(&message, settings);
    end(&message, family);
    end(&message, families);
  }
  send_message(&message, name);
}

static struct in_addr address_of(const char *text) {
  struct in_addr address;
  if (inet_pton(AF_INET, text, &address) == 1) return address;
  errno = EINVAL;
  fail("no address", text);
}

static void add_address(const char *device, const char *text) {
  struct message message = ask(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
  const struct ifaddrmsg facts = {.ifa_family = AF_INET, .ifa_prefixlen = 32, .ifa_index = index_of(device)};
  const struct in_addr address = address_of(text);
  add(&message, &facts, sizeof facts);
  put(&message, IFA_LOCAL, &address, sizeof address);
  put(&message, IFA_ADDRESS, &address, sizeof address);
  send_message(&message, text);
}

/* To `network`, as in 10.0.0.0/8, by a device and perhaps a gateway; without a device it is refused. */
static void add_route(const char *network, const char *device, const char *gateway) {
  char text[64];
  snprintf(text, sizeof text, "%s", network);
  char *slash = strchr(text, '/');
  char *rest = NULL;
  const unsigned long bits = slash == NULL ? 99 : strtoul(slash + 1, &rest, 10);
  if (bits > 32 || rest == slash + 1 || *rest != '\0') {
    errno = EINVAL;
    fail("no network", network);
  }
  *slash = '\0';
  const struct in_addr address = address_of(text);
  struct message message = ask(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
  const struct rtmsg facts = {
      .rtm_family = AF_INET,
      .rtm_dst_len = (unsigned char)bits,
      .rtm_table = RT_TABLE_MAIN,
      .rtm_protocol = RTPROT_STATIC,
      .rtm_scope = device != NULL && gateway == NULL ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
      .rtm_type = device == NULL ? RTN_UNREACHABLE : RTN_UNICAST,
      .rtm_flags = gateway == NULL ? 0 : RTNH_F_ONLINK,
  };
  add(&message, &facts, sizeof facts);
  if (bits > 0) put(&message, RTA_DST, &address, sizeof address);
  if (device != NULL) {
    const unsigned index = index_of(device);
    put(&message, RTA_OIF, &index, sizeof index);
  }
  if (gateway != NULL) {
    const struct in_addr via = address_of(gateway);
    put(&message, RTA_GATEWAY, &via, sizeof via);
  }
  send_message(&message, network);
}

/* What goes to the stack itself, from `device` or, without one, from here: by the routes to one of its ports, refused to all (port 0). The lower `order` comes first. */
static void add_rule(unsigned order, const char *device, unsigned short port) {
  struct message message = ask(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL);
  const struct fib_rule_hdr facts = {
      .family = AF_INET,
      .dst_len = 32,
      .table = port == 0 ? RT_TABLE_UNSPEC : RT_TABLE_MAIN,
      .action = port == 0 ? FR_ACT_UNREACHABLE : FR_ACT_TO_TBL,
  };
  const struct in_addr address = address_of(STACK);
  const struct fib_rule_port_range ports = {port, port};
  add(&message, &facts, sizeof facts);
  put(&message, FRA_DST, &address, sizeof address);
  put(&message, FRA_PRIORITY, &order, sizeof order);
  if (device != NULL) put(&message, FRA_IIFNAME, device, strlen(device) + 1);
  if (port != 0) put(&message, FRA_DPORT_RANGE, &ports, sizeof ports);
  send_message(&message, "a rule for the name server");
}

/* The stack answers for names alone: what else is sent to its address, it would send to whoever has that in the network of the machine. */
static void add_rules(const char *device) {
  add_rule(1, device, NAMES_PORT);
  add_rule(2, device, 0);
}

static void write_to(const char *path, const char *text) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) fail("cannot write to", path);
  close(fd);
}

/* A user namespace in which the user of this process is root, and no other user exists. */
static void make_user_namespace(void) {
  char users[64], groups[64];
  snprintf(users, sizeof users, "0 %u 1", (unsigned)getuid());
  snprintf(groups, sizeof groups, "0 %u 1", (unsigned)getgid());
  if (unshare(CLONE_NEWUSER) != 0) fail("cannot make", "a user namespace");
  write_to("/proc/self/setgroups", "deny");
  write_to("/proc/self/uid_map", users);
  write_to("/proc/self/gid_map", groups);
}

static void make_network(void) {
  if (unshare(CLONE_NEWNET) != 0) fail("cannot make", "a network");
  raise_loopback();
}

static void wait_for_device(const char *name) {
  const struct timespec moment = {.tv_nsec = 1000000};
  for (int tries = 0; if_nametoindex(name) == 0; tries += 1) {
    if (tries == TAP_TRIES) fail("the stack did not make", name);
    nanosleep(&moment, NULL);
  }
}

static void tell(int fd) {
  if (write(fd, ".", 1) != 1) _exit(EXIT_SETUP);
}

/* Keeps both namespaces, as long as it lives; descriptor INNER is that of the instance. */
static _Noreturn void keep(const struct way_out *way, int ready) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) fail("cannot be tied to", "its starter");
  if (way->user_namespace != NULL && strcmp(way->user_namespace, "new") == 0) make_user_namespace();
  else if (way->user_namespace != NULL) join_namespace(way->user_namespace, CLONE_NEWUSER);
  make_network();
  const int inner = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  if (inner < 0 || dup2(inner, INNER) < 0) fail("cannot keep", "a network");
  make_network();
  const int outer = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  if (outer < 0) fail("cannot keep", "a network");
  make_pair(INNER);
  tell(ready);

  wait_for_device("out");
  raise_device("in", 1);
  raise_device("out", 1);
  add_address("in", ROUTER);
  add_route("192.0.0.2/32", "in", NULL);
  add_route("192.0.0.8/32", "out", NULL);
  add_route("0.0.0.0/0", "out", STACK);
  for (size_t at = 0; at < way->denied_count; at += 1) add_route(way->denied[at], NULL, NULL);
  for (size_t at = 0; at < way->allowed_count; at += 1) add_route(way->allowed[at], "out", STACK);
  add_rules("in");
  if (setns(INNER, CLONE_NEWNET) != 0) fail("cannot enter", "a network");
  raise_device("eth0", 0);
  add_address("eth0", INSTANCE);
  add_route("0.0.0.0/0", "eth0", ROUTER);
  add_route("192.0.0.8/32", "eth0", ROUTER);
  for (size_t at = 0; at < way->denied_count; at += 1) add_route(way->denied[at], NULL, NULL);
  for (size_t at = 0; at < way->allowed_count; at += 1) add_route(way->allowed[at], "eth0", ROUTER);
  add_rules(NULL);
  if (setns(outer, CLONE_NEWNET) != 0) fail("cannot enter", "a network");
  tell(ready);
  for (;;) pause();
}

/* Gives a descriptor of a namespace to the stack, which has no right to open it by the time it would. */
static void hand_down(const char *pattern, pid_t keeper, int as) {
  char path[64];
  snprintf(path, sizeof path, pattern, (int)keeper);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || dup2(fd, as) < 0) fail("cannot open", path);
}

/* Becomes the stack: its arguments, and where the router is. */
static _Noreturn void run_stack(char **argv, pid_t keeper, const struct way_out *way) {
  size_t count = 0;
  while (argv[count] != NULL) count += 1;
  char **all = calloc(count + 5, sizeof *all);
  if (all == NULL) fail("cannot run", argv[0]);
  memcpy(all, argv, count * sizeof *all);
  static char *const last[] = {"--netns", "/proc/self/fd/9", "--userns", "/proc/self/fd/8"};
  memcpy(all + count, last, (way->user_namespace == NULL ? 2 : 4) * sizeof *all);
  hand_down("/proc/%d/ns/net", keeper, INNER);
  if (way->user_namespace != NULL) hand_down("/proc/%d/ns/user", keeper, USERS);
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0) fail("cannot open", "/dev/null");
  const sigset_t deaf_to = requests_to_end();
  sigprocmask(SIG_SETMASK, &deaf_to, NULL);
  execv(all[0], all);
  fail("cannot run", all[0]);
}

/* Waits for a byte of the keeper, or its end, or that of any child. @returns whether the byte came */
static int heard(int from_keeper, int ended) {
  char byte;
  struct pollfd watched[] = {{from_keeper, POLLIN, 0}, {ended, POLLIN, 0}, {STDIN_FILENO, POLLHUP, 0}};
  while (poll(watched, 3, -1) < 0 && errno == EINTR) {}
  return watched[1].revents == 0 && watched[2].revents == 0 && read(from_keeper, &byte, 1) == 1;
}

int hold_network(const struct way_out *way, char **stack) {
  const sigset_t deaf_to = requests_to_end();
  sigprocmask(SIG_SETMASK, &deaf_to, NULL);
  sigset_t child_ended;
  sigemptyset(&child_ended);
  sigaddset(&child_ended, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child_ended, NULL);
  const int ended = signalfd(-1, &child_ended, SFD_CLOEXEC);
  int ready[2];
  if (ended < 0 || pipe2(ready, O_CLOEXEC) != 0) fail("cannot watch", "the network");
  const pid_t keeper = fork();
  if (keeper == 0) keep(way, ready[1]);
  if (keeper < 0) fail("cannot make", "a process");
  close(ready[1]);
  pid_t speaker = -1;
  int is_up = heard(ready[0], ended);
  if (is_up) {
    speaker = fork();
    if (speaker == 0) run_stack(stack, keeper, way);
    is_up = speaker > 0 && heard(ready[0], ended);
  }
  if (is_up) {
    dprintf(STDOUT_FILENO, "ready %d\n", (int)keeper);
    struct pollfd watched[] = {{STDIN_FILENO, POLLIN, 0}, {ended, POLLIN, 0}};
    while (poll(watched, 2, -1) < 0 && errno == EINTR) {}
    is_up = watched[1].revents == 0;
  }
  kill(keeper, SIGKILL);
  if (speaker > 0) kill(speaker, SIGKILL);
  return is_up ? 0 : EXIT_SETUP;
}
