// SPDX-License-Identifier: BSD-2-Clause
/*
 * A flood of small UDP datagrams, IPv4. Sender and receiver are two processes, each in a network
 * namespace and on a CPU of the caller's choosing (ip netns exec, taskset).
 *
 *	flood receive PORT			until SIGTERM; prints "bound" and then "received N"
 *	flood send ADDRESS PORT COUNT [SECONDS]	as many datagrams, or as long; prints
 *						"sent N in S typical R"
 *
 * N / S is the rate, R the rate of the median batch of 32, which whatever else the machine had to
 * do in between does not touch. A datagram that the kernel refuses to take is not counted and ends
 * the flood with an error.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH	32
#define PAYLOAD 18 /* the shortest Ethernet frame: 60 bytes */
#define BUFFER	(4 << 20)
#define BATCHES (1 << 20) /* of so many the median is taken, the first ones */

struct batch {
	struct mmsghdr msgs[BATCH];
	struct iovec iov[BATCH];
	char data[BATCH][64];
};

static volatile sig_atomic_t stopped;

static void stop(int signo)
{
	(void)signo;
	stopped = 1;
}

static void batch_init(struct batch *b, size_t len)
{
	memset(b, 0, sizeof(*b));
	for (int i = 0; i < BATCH; i++) {
		b->iov[i].iov_base = b->data[i];
		b->iov[i].iov_len = len;
		b->msgs[i].msg_hdr.msg_iov = &b->iov[i];
		b->msgs[i].msg_hdr.msg_iovlen = 1;
	}
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static int fail(const char *what)
{
	fprintf(stderr, "flood: %s: %s\n", what, strerror(errno));
	return 1;
}

static int flood_receive(const char *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(atoi(port)) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), room = BUFFER;
	struct sigaction act = { .sa_handler = stop }; /* no SA_RESTART: recvmmsg() is to return */
	static struct batch b;
	unsigned long n = 0;
	int got;

	batch_init(&b, sizeof(b.data[0]));
	sigaction(SIGTERM, &act, NULL);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)))
		return fail("receive");
	puts("bound");
	fflush(stdout);
	while (!stopped) {
		got = recvmmsg(fd, b.msgs, BATCH, MSG_WAITFORONE, NULL);
		if (got > 0)
			n += got;
		else if (errno != EINTR)
			return fail("recvmmsg");
	}
	/* What was queued before the signal. */
	while ((got = recvmmsg(fd, b.msgs, BATCH, MSG_DONTWAIT, NULL)) > 0)
		n += got;
	printf("received %lu\n", n);
	return 0;
}

static int compare(const void *a, const void *b)
{
	const float *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int flood_send(const char *address, const char *port, unsigned long count, double seconds)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(atoi(port)) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	static float took[BATCHES];
	double start, end, before;
	size_t n_took = 0;
	static struct batch b;
	unsigned long n = 0;

	batch_init(&b, PAYLOAD);
	if (inet_pton(AF_INET, address, &to.sin_addr) != 1) {
		errno = EINVAL;
		return fail(address);
	}
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)))
		return fail("connect");
	start = end = now();
	while (n < count && (!seconds || end - start < seconds)) {
		unsigned int want = count - n < BATCH ? count - n : BATCH;
		int sent = sendmmsg(fd, b.msgs, want, 0);

		/* An ICMP error that came back: it is about an earlier datagram. */
		if (sent < 0 && errno != ECONNREFUSED)
			return fail("sendmmsg");
		n += sent > 0 ? sent : 0;
		before = end;
		end = now();
		if (sent == BATCH && n_took < BATCHES)
			took[n_took++] = end - before;
	}
	qsort(took, n_took, sizeof(took[0]), compare);
	printf("sent %lu in %.6f typical %.0f\n", n, end - start,
	       n_took ? BATCH / took[n_took / 2] : n / (end - start));
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "receive"))
		return flood_receive(argv[2]);
	if ((argc == 5 || argc == 6) && !strcmp(argv[1], "send"))
		return flood_send(argv[2], argv[3], strtoul(argv[4], NULL, 10),
				  argc == 6 ? strtod(argv[5], NULL) : 0);
	fprintf(stderr, "usage: flood receive PORT\n"
			"       flood send ADDRESS PORT COUNT [SECONDS]\n");
	return 2;
}
