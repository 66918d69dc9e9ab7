/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * time_burst_client [-t SECONDS] ADDRESS PORT [COUNT]: sends COUNT requests back to back, then
 * prints the answers as they arrive and says which are missing, out of order or there twice. Exits
 * 1 if some are missing.
 *
 * UDP promises neither order nor delivery; a network with delays and losses (netem) shows it. A
 * COUNT too large for a receive buffer shows that the losses need not happen in the network.
 */
#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "time_protocol.h"

#define COUNT_MAX 10000

static const char usage[] = "usage: time_burst_client [-t SECONDS] ADDRESS PORT [COUNT]\n"
			    "  -t  wait so long for answers after the last request (default 2)\n"
			    "  COUNT is 1 to 10000 (default 10)\n";

/* getaddrinfo() takes 70000 for 4464, so the range is checked here. */
static int number_is_valid(const char *text, int min, int max)
{
	size_t digits = strspn(text, "0123456789");

	return digits > 0 && digits <= 5 && text[digits] == '\0' && atoi(text) >= min &&
	       atoi(text) <= max;
}

/* For measuring: unlike the time of day, this clock is never set. */
static double clock_seconds(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_MONOTONIC, &now) < 0)
		err(1, "clock_gettime");
	return now.tv_sec + now.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	/* NUMERIC: an address, never a name, so nothing is asked of a name server. */
	const struct addrinfo hints = {
		.ai_socktype = SOCK_DGRAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
	};
	static unsigned int seen[COUNT_MAX + 1]; /* answers to each request, by sequence number */
	unsigned int count = 10, answered = 0, late = 0, twice = 0, errors = 0, highest = 0;
	double timeout = 2, sent_at, left;
	char *end = "";
	struct time_message message;
	struct addrinfo *remote;
	int option, fd, error;

	while ((option = getopt(argc, argv, "t:")) != -1) {
		if (option != 't') {
			fputs(usage, stderr);
			return 2;
		}
		timeout = strtod(optarg, &end);
	}
	argc -= optind;
	argv += optind;
	if (argc < 2 || argc > 3 || !number_is_valid(argv[1], 0, 65535) ||
	    (argc == 3 && !number_is_valid(argv[2], 1, COUNT_MAX)) || *end != '\0' ||
	    !(timeout >= 0.001 && timeout <= 3600)) {
		fputs(usage, stderr);
		return 2;
	}
	if (argc == 3)
		count = atoi(argv[2]);
	error = getaddrinfo(argv[0], argv[1], &hints, &remote);
	if (error)
		errx(1, "getaddrinfo: '%s': %s", argv[0],
		     error == EAI_NONAME ? "not an IPv4 or IPv6 address" : gai_strerror(error));
	setvbuf(stdout, NULL, _IOLBF, 0);

	fd = socket(remote->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		err(1, "socket");
	if (connect(fd, remote->ai_addr, remote->ai_addrlen) < 0)
		err(1, "connect");
	freeaddrinfo(remote);

	for (unsigned int sequence = 1; sequence <= count; sequence++) {
		time_message_fill(&message, TIME_REQUEST, sequence, (struct timespec){ 0 });
		/*
		 * An ICMP error waits in the socket until the next system call, and that one fails
		 * without doing its work: the error belongs to an earlier request, and this one has
		 * not been sent. So send it again.
		 */
		while (send(fd, &message, sizeof(message), 0) < 0) {
			if (errno != ECONNREFUSED)
				err(1, "send");
			errors++;
			printf("before request %u: send: %s\n", sequence, strerror(errno));
		}
	}

	/* Until every request is answered or the time is up. */
	sent_at = clock_seconds();
	while (answered < count && (left = sent_at + timeout - clock_seconds()) > 1e-6) {
		struct timeval wait = { .tv_sec = left, .tv_usec = (left - (long)left) * 1e6 };
		char time_text[TIME_TEXT_SIZE];
		const char *refusal, *note = "";
		unsigned int sequence;
		ssize_t length;

		if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0)
			err(1, "setsockopt");
		/* MSG_TRUNC: return the datagram's full length, even if the buffer holds less. */
		length = recv(fd, &message, sizeof(message), MSG_TRUNC);
		if (length < 0 && errno == ECONNREFUSED) {
			errors++;
			printf("after the last request: recv: %s\n", strerror(errno));
			continue;
		}
		if (length < 0 && (errno == EAGAIN || errno == EINTR))
			continue; /* time is up, or the program was stopped and continued */
		if (length < 0)
			err(1, "recv");

		refusal = time_message_check(&message, length, TIME_ANSWER);
		/* The number becomes an index: it must be one that was sent. */
		if (!refusal &&
		    (be32toh(message.sequence) < 1 || be32toh(message.sequence) > count))
			refusal = "unknown sequence number";
		if (refusal) {
			warnx("refused %zd bytes: %s", length, refusal);
			continue;
		}

		sequence = be32toh(message.sequence);
		if (seen[sequence]++) {
			twice++;
			note = ", again";
		} else {
			answered++;
			if (sequence < highest) {
				late++;
				note = ", out of order";
			} else {
				highest = sequence;
			}
		}
		time_format_utc(time_message_time(&message), time_text);
		printf("%s answer %u%s\n", time_text, sequence, note);
	}

	printf("%u requests, %u answered, %u missing, %u out of order, %u again, %u errors\n",
	       count, answered, count - answered, late, twice, errors);
	if (answered < count) {
		printf("missing:");
		for (unsigned int sequence = 1; sequence <= count; sequence++)
			if (!seen[sequence])
				printf(" %u", sequence);
		printf("\n");
	}
	if (close(fd) < 0)
		err(1, "close");
	return answered < count;
}
