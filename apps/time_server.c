/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * time_server ADDRESS PORT: answers each request of time_protocol.h with the current time.
 *
 * One UDP socket serves all clients: there are no connections, each datagram carries its sender's
 * address, and the answer goes there. The socket gets only what was sent to ADDRESS; 0.0.0.0 (or
 * ::) stands for every address of this network namespace. But then it is the route to the client
 * that decides which address an answer comes from, and a client that asked another one will not
 * take it.
 */
#include <err.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "time_protocol.h"

/* An IPv6 address, "%" and an interface, and around them "[", "]:65535". */
#define ENDPOINT_SIZE (INET6_ADDRSTRLEN + 1 + IF_NAMESIZE + sizeof("[]:65535"))

static void endpoint_format(const struct sockaddr_storage *addr, socklen_t addr_len,
			    char ret_text[static ENDPOINT_SIZE])
{
	char host[INET6_ADDRSTRLEN + 1 + IF_NAMESIZE], port[sizeof("65535")];
	int error = getnameinfo((const struct sockaddr *)addr, addr_len, host, sizeof(host), port,
				sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);

	if (error)
		errx(1, "getnameinfo: %s", gai_strerror(error));
	snprintf(ret_text, ENDPOINT_SIZE, addr->ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host,
		 port);
}

/* getaddrinfo() takes 70000 for 4464, so the range is checked here. */
static int port_is_valid(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return digits > 0 && digits <= 5 && text[digits] == '\0' && atoi(text) <= 65535;
}

/*
 * At exit the kernel closes the socket. _exit(), as a signal handler must not call exit(). A flag
 * looked at in the loop would come too late for a signal just before recvfrom() goes to sleep.
 */
static void stop(int signal_number)
{
	(void)signal_number;
	_exit(0);
}

int main(int argc, char **argv)
{
	/* NUMERIC: an address, never a name, so nothing is asked of a name server. */
	const struct addrinfo hints = {
		.ai_socktype = SOCK_DGRAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
	};
	const struct sigaction on_stop = { .sa_handler = stop };
	struct sockaddr_storage addr; /* large enough for either family */
	socklen_t addr_len = sizeof(addr);
	char endpoint[ENDPOINT_SIZE];
	struct addrinfo *local;
	int fd, error;

	if (argc != 3 || !port_is_valid(argv[2])) {
		fputs("usage: time_server ADDRESS PORT\n", stderr);
		return 2;
	}
	error = getaddrinfo(argv[1], argv[2], &hints, &local);
	if (error)
		errx(1, "getaddrinfo: '%s': %s", argv[1],
		     error == EAI_NONAME ? "not an IPv4 or IPv6 address" : gai_strerror(error));

	/* One write a line, even into a pipe or a file, so that the log is always up to date. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (sigaction(SIGINT, &on_stop, NULL) < 0 || sigaction(SIGTERM, &on_stop, NULL) < 0)
		err(1, "sigaction");

	fd = socket(local->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		err(1, "socket");
	if (bind(fd, local->ai_addr, local->ai_addrlen) < 0)
		err(1, "bind");
	freeaddrinfo(local);

	/* With port 0 only the kernel knows the port, so ask it. */
	if (getsockname(fd, (struct sockaddr *)&addr, &addr_len) < 0)
		err(1, "getsockname");
	endpoint_format(&addr, addr_len, endpoint);
	printf("time_server: bound to %s\n", endpoint);

	for (;;) {
		char time_text[TIME_TEXT_SIZE];
		struct time_message message;
		struct timespec now;
		const char *refusal;
		ssize_t length;

		/* MSG_TRUNC: return the datagram's full length, even if the buffer holds less. */
		addr_len = sizeof(addr);
		length = recvfrom(fd, &message, sizeof(message), MSG_TRUNC,
				  (struct sockaddr *)&addr, &addr_len);
		if (length < 0)
			err(1, "recvfrom");
		if (clock_gettime(CLOCK_REALTIME, &now) < 0)
			err(1, "clock_gettime");
		time_format_utc(now, time_text);
		endpoint_format(&addr, addr_len, endpoint);

		refusal = time_message_check(&message, length, TIME_REQUEST);
		if (refusal) {
			printf("%s refused %zd bytes from %s: %s\n", time_text, length, endpoint,
			       refusal);
			continue;
		}
		printf("%s request %u from %s\n", time_text, be32toh(message.sequence), endpoint);

		time_message_fill(&message, TIME_ANSWER, be32toh(message.sequence), now);
		/* A client that cannot be reached is no reason to stop serving the others. */
		length = sendto(fd, &message, sizeof(message), 0, (struct sockaddr *)&addr,
				addr_len);
		if (length < 0)
			warn("sendto %s", endpoint);
	}
}
