/* A learning Ethernet switch in user space, between network namespaces, whose cables can be slow, narrow or cut: for tests of
 * several hosts on one machine, whose kernel may have no netem.
 *
 *   network_switch CABLES PID1 PID2 ...    port i is a tap device "eth0" in the network namespace of process PIDi
 *
 * CABLES has a line a port, read at the start and again on SIGHUP:  PORT DELAY_US RATE_KBIT CUT   (0: none, no limit, whole).
 * A frame waits for the line to be free, and for the delay, of the port that it comes in by and of the one that it leaves
 * by; it is never overtaken. "ready" on stdout when the devices are there. Ends on SIGTERM, the devices with it. Needs root. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { PORTS = 16, FRAME_BYTES = 65536, ADDRESSES = 256, QUEUE = 4096, ADDRESS_BYTES = 6, HEADER_BYTES = 14 };

typedef struct frame {
  struct frame *next;
  int64_t due; /* when it has come out at the other end, ns */
  size_t length;
  unsigned char bytes[];
} frame;

typedef struct port {
  int device;
  int64_t delay, rate; /* ns; bit/s, 0 = no limit */
  bool cut;
  int64_t in_free, out_free; /* when the line is free again */
  frame *first, *last;       /* on their way out, in the order of time */
  int queued;
} port;

static port ports[PORTS];
static int port_count;
static struct {
  unsigned char address[ADDRESS_BYTES];
  int port;
} seen[ADDRESSES];
static int seen_count;
static volatile sig_atomic_t look_again = 1, done;

static void on_signal(int number) {
  if (number == SIGHUP)
    look_again = 1;
  else
    done = 1;
}

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void read_cables(const char *path) {
  long number, delay, rate, cut;
  FILE *file = fopen(path, "r");
  look_again = 0;
  while (file && fscanf(file, "%ld %ld %ld %ld", &number, &delay, &rate, &cut) == 4) {
    if (number < 1 || number > port_count) continue;
    port *p = &ports[number - 1];
    p->delay = delay * 1000;
    p->rate = rate * 1000;
    p->cut = cut != 0;
  }
  if (file) fclose(file);
}

/* ---- frames -------------------------------------------------------------------------------------------- */

/* When a frame that comes at `t` has left the line, one frame after the other. */
static int64_t pass(int64_t *line_free, int64_t t, int64_t rate, size_t length) {
  if (rate == 0) return t;
  if (*line_free < t) *line_free = t;
  *line_free += (int64_t)length * 8 * INT64_C(1000000000) / rate;
  return *line_free;
}

static void send_out(const port *in, port *out, const unsigned char *bytes, size_t length, int64_t t) {
  if (out->cut || out->queued == QUEUE) return;
  frame *f = malloc(sizeof *f + length);
  if (!f) return;
  f->next = NULL;
  f->due = pass(&out->out_free, t, out->rate, length) + in->delay + out->delay;
  if (out->last && f->due < out->last->due) f->due = out->last->due;
  f->length = length;
  memcpy(f->bytes, bytes, length);
  if (out->last)
    out->last->next = f;
  else
    out->first = f;
  out->last = f;
  out->queued++;
}

/* The entry of an address, or -1. */
static int find(const unsigned char *address) {
  for (int i = 0; i < seen_count; i++)
    if (memcmp(seen[i].address, address, ADDRESS_BYTES) == 0) return i;
  return -1;
}

/* Notes where the sender is; to the receiver if it is known where it is, else everywhere. */
static void take_in(int number, const unsigned char *bytes, size_t length) {
  port *in = &ports[number];
  const unsigned char *receiver = bytes, *sender = bytes + ADDRESS_BYTES;
  if (length < HEADER_BYTES || in->cut) return;
  const int64_t t = pass(&in->in_free, now(), in->rate, length);
  int entry = find(sender);
  if (entry < 0 && seen_count < ADDRESSES) memcpy(seen[entry = seen_count++].address, sender, ADDRESS_BYTES);
  if (entry >= 0) seen[entry].port = number;
  entry = receiver[0] & 1 ? -1 : find(receiver); /* odd: to several */
  for (int i = 0; i < port_count; i++)
    if (i != number && (entry < 0 || seen[entry].port == i)) send_out(in, &ports[i], bytes, length, t);
}

/* Lets go what is due; the time of the next one that is not, or INT64_MAX. */
static int64_t let_out(port *p) {
  const int64_t t = now();
  while (p->first && p->first->due <= t) {
    frame *f = p->first;
    if (write(p->device, f->bytes, f->length) < 0 && errno == EAGAIN) return t + 1000000;
    p->first = f->next;
    if (!p->first) p->last = NULL;
    p->queued--;
    free(f);
  }
  return p->first ? p->first->due : INT64_MAX;
}

/* ---- devices ------------------------------------------------------------------------------------------- */

static int open_device(const char *pid) {
  char path[64];
  struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
  snprintf(path, sizeof path, "/proc/%d/ns/net", atoi(pid));
  const int space = open(path, O_RDONLY | O_CLOEXEC);
  if (space < 0 || setns(space, CLONE_NEWNET) != 0) {
    perror(path);
    return -1;
  }
  close(space);
  strcpy(request.ifr_name, "eth0");
  const int device = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (device < 0 || ioctl(device, TUNSETIFF, &request) != 0) {
    perror("/dev/net/tun");
    return -1;
  }
  return device;
}

static void run(const char *cables) {
  static unsigned char bytes[FRAME_BYTES];
  struct pollfd ready[PORTS];
  for (int i = 0; i < port_count; i++) ready[i] = (struct pollfd){.fd = ports[i].device, .events = POLLIN};
  while (!done) {
    int64_t next = INT64_MAX;
    if (look_again) read_cables(cables);
    for (int i = 0; i < port_count; i++) {
      const int64_t due = let_out(&ports[i]);
      if (due < next) next = due;
    }
    const int64_t left = next == INT64_MAX ? INT64_C(1000000000) : next - now();
    const struct timespec wait = {left > 0 ? left / 1000000000 : 0, left > 0 ? left % 1000000000 : 0};
    if (ppoll(ready, (nfds_t)port_count, &wait, NULL) < 0) continue; /* a signal */
    for (int i = 0; i < port_count; i++) {
      ssize_t n;
      for (int k = 0; k < 64 && (n = read(ports[i].device, bytes, sizeof bytes)) > 0; k++)
        take_in(i, bytes, (size_t)n);
    }
  }
}

int main(int argc, char **argv) {
  struct sigaction action = {.sa_handler = on_signal};
  if (argc < 3 || argc - 2 > PORTS) {
    fprintf(stderr, "usage: network_switch CABLES PID1 PID2 ... (at most %d)\n", PORTS);
    return 64;
  }
  const int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  for (; port_count < argc - 2; port_count++)
    if ((ports[port_count].device = open_device(argv[port_count + 2])) < 0) return 69;
  if (home < 0 || setns(home, CLONE_NEWNET) != 0) { /* it is no process of the last host */
    perror("/proc/self/ns/net");
    return 69;
  }
  sigaction(SIGHUP, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  puts("ready");
  fflush(stdout);
  run(argv[1]);
  return 0;
}
