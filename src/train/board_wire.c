/* Datagrams between the board's threads: UDP, a few dozen bytes, none of them waited for. Rank 0 listens on all its
 * interfaces; another rank tries all the addresses that rank 0 has, and stays with the one that is answered. */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>
#include "board.h"

_Static_assert(sizeof(struct sockaddr_in6) <= sizeof((dsm__sender *)0)->address, "an address has room");

enum { STRANGERS = 1000 }; /* datagrams that are not ours, looked at in one go */

/* Not inherited by programs that this process starts. */
static int open_socket(bool *four) {
  const int kind = SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, off = 0;
  int s = socket(AF_INET6, kind, 0);
  *four = s < 0;
  if (s < 0) return socket(AF_INET, kind, 0);
  if (setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) != 0) {
    close(s);
    *four = true;
    return socket(AF_INET, kind, 0);
  }
  return s;
}

/* ---- rank 0's addresses -------------------------------------------------------------------------------- */

static bool take(dsm__door *door, const struct ifaddrs *i, bool loopback) {
  unsigned char *address = door->address[door->ways];
  if (!i->ifa_addr || !(i->ifa_flags & IFF_UP) || !!(i->ifa_flags & IFF_LOOPBACK) != loopback) return false;
  if (i->ifa_addr->sa_family == AF_INET) {
    memset(address, 0, 10);
    memset(address + 10, 0xff, 2);
    memcpy(address + 12, &((const struct sockaddr_in *)(const void *)i->ifa_addr)->sin_addr, 4);
    return true;
  }
  if (i->ifa_addr->sa_family != AF_INET6) return false;
  const struct in6_addr *six = &((const struct sockaddr_in6 *)(const void *)i->ifa_addr)->sin6_addr;
  if (IN6_IS_ADDR_LINKLOCAL(six)) return false; /* means something else on every host */
  memcpy(address, six, 16);
  return true;
}

static void find_addresses(dsm__door *door) {
  struct ifaddrs *all = NULL;
  if (getifaddrs(&all) != 0) return;
  for (int loopback = 0; loopback <= 1; loopback++)
    for (const struct ifaddrs *i = all; i && door->ways < DSM__WAYS - !loopback; i = i->ifa_next)
      if (take(door, i, loopback)) door->ways++;
  freeifaddrs(all);
}

/* ---- sockets ------------------------------------------------------------------------------------------- */

/* Bound to a port of the system's choice, told in `port`. */
static bool bind_anywhere(const dsm__wire *wire, uint16_t *port) {
  struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT};
  struct sockaddr_in four = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};
  struct sockaddr *address = wire->four ? (struct sockaddr *)&four : (struct sockaddr *)&six;
  socklen_t length = wire->four ? sizeof four : sizeof six;
  if (bind(wire->socket, address, length) != 0) return false;
  if (getsockname(wire->socket, address, &length) != 0) return false;
  *port = ntohs(wire->four ? four.sin_port : six.sin6_port);
  return true;
}

void dsm__wire_listen(dsm__wire *wire, char *why, size_t size) {
  const int room = 1 << 20; /* of many ranks between two looks; the system gives what it allows */
  *wire = (dsm__wire){.socket = -1};
  why[0] = '\0';
  wire->socket = open_socket(&wire->four);
  bool opened = wire->socket >= 0 && bind_anywhere(wire, &wire->door.port);
  if (opened) opened = getrandom(wire->door.token, sizeof wire->door.token, 0) == sizeof wire->door.token;
  const int error = errno;
  if (opened) {
    setsockopt(wire->socket, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    find_addresses(&wire->door);
  }
  if (opened && wire->door.ways > 0) return;
  snprintf(why, size, "%s", opened ? "no network interface is up" : strerror(error));
  dsm__wire_close(wire);
  wire->door.port = 0;
}

void dsm__wire_reach(dsm__wire *wire, const dsm__door *door) {
  *wire = (dsm__wire){.socket = -1, .door = *door};
  if (wire->door.ways > DSM__WAYS) wire->door.ways = DSM__WAYS;
  if (door->port != 0) wire->socket = open_socket(&wire->four);
}

void dsm__wire_close(dsm__wire *wire) {
  if (wire->socket >= 0) close(wire->socket);
  wire->socket = -1;
}

/* ---- datagrams ----------------------------------------------------------------------------------------- */

void dsm__wire_send(const dsm__wire *wire, dsm__datagram *d) {
  const unsigned char *address = wire->door.address[d->way];
  if (wire->socket < 0 || d->way >= wire->door.ways) return;
  memcpy(d->token, wire->door.token, sizeof d->token);
  d->answer = 0;
  if (wire->four) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(wire->door.port)};
    if (!IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)(const void *)address)) return;
    memcpy(&to.sin_addr, address + 12, 4);
    sendto(wire->socket, d, sizeof *d, MSG_NOSIGNAL, (struct sockaddr *)&to, sizeof to);
  } else {
    struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(wire->door.port)};
    memcpy(&to.sin6_addr, address, 16);
    sendto(wire->socket, d, sizeof *d, MSG_NOSIGNAL, (struct sockaddr *)&to, sizeof to);
  }
}

bool dsm__wire_receive(const dsm__wire *wire, dsm__datagram *d, dsm__sender *from) {
  struct sockaddr_in6 address;
  if (wire->socket < 0) return false;
  for (int strangers = 0; strangers < STRANGERS; strangers++) {
    socklen_t length = sizeof address;
    const ssize_t n = recvfrom(wire->socket, d, sizeof *d, MSG_TRUNC, (struct sockaddr *)&address, &length);
    if (n < 0 && (errno == EINTR || errno == ECONNREFUSED)) continue;
    if (n < 0) return false;
    if (n != (ssize_t)sizeof *d || memcmp(d->token, wire->door.token, sizeof d->token) != 0) continue;
    memcpy(from->address, &address, length);
    from->length = length;
    return true;
  }
  return false;
}

void dsm__wire_answer(const dsm__wire *wire, dsm__datagram *d, const dsm__sender *to) {
  struct sockaddr_in6 address;
  memcpy(&address, to->address, to->length);
  memcpy(d->token, wire->door.token, sizeof d->token);
  d->answer = 1;
  sendto(wire->socket, d, sizeof *d, MSG_NOSIGNAL, (struct sockaddr *)&address, to->length);
}
