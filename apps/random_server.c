/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * random_server [PORT]: sends random bytes, 1 KiB at a time, as many as the client asks for in a
 * request of random_protocol.h. It serves one client at a time.
 *
 * It is worth interrupting a slow client in the middle. If it ends with data unread, its kernel
 * resets the connection. And this server does not give up at the first failure: it calls send()
 * twice more, on purpose, to show what the kernel says, one call after the other:
 *
 *	send() = 512 of 1024	it was waiting for room, and had taken a part of the chunk (that is
 *				so as a rule: the kernel fills whole segments, not whole chunks)
 *	ECONNRESET		the error itself; it is told once
 *	EPIPE and SIGPIPE	there is no connection any more, and SIGPIPE ends the server
 *
 * A client that ends with nothing unread sends FIN instead; then the next send() still works and is
 * answered by RST, and the one after that is EPIPE and SIGPIPE already.
 *
 * SIGPIPE is left at its default for that. A server that means to serve ignores the signal, or
 * passes MSG_NOSIGNAL to send(), and closes the connection at the first failure.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "random_protocol.h"

#define DEFAULT_PORT 8089
#define CHUNK_SIZE   1024
#define FAILURES_MAX 3

/* An IPv6 address, "%" and an interface, and around them "[", "]:65535". */
#define ENDPOINT_SIZE (INET6_ADDRSTRLEN + 1 + IF_NAMESIZE + sizeof("[]:65535"))

static void endpoint_format(const struct sockaddr_in6 *addr, socklen_t addr_len,
			    char ret_text[static ENDPOINT_SIZE])
{
	char host[INET6_ADDRSTRLEN + 1 + IF_NAMESIZE], port[sizeof("65535")];
	int error = getnameinfo((const struct sockaddr *)addr, addr_len, host, sizeof(host), port,
				sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);

	if (error)
		errx(1, "getnameinfo: %s", gai_strerror(error));
	snprintf(ret_text, ENDPOINT_SIZE, "[%s]:%s", host, port);
}

static int port_is_valid(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return digits > 0 && digits <= 5 && text[digits] == '\0' && atoi(text) <= 65535;
}

int main(int argc, char **argv)
{
	/* The address "::": every address of this network namespace. */
	struct sockaddr_in6 addr = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(DEFAULT_PORT),
		.sin6_addr = in6addr_any,
	};
	socklen_t addr_len = sizeof(addr);
	char endpoint[ENDPOINT_SIZE];
	const int off = 0, on = 1;
	int fd, source;

	if (argc > 2 || (argc == 2 && !port_is_valid(argv[1]))) {
		fputs("usage: random_server [PORT]\n", stderr);
		return 2;
	}
	if (argc == 2)
		addr.sin6_port = htons(atoi(argv[1]));

	/* One write a line, even into a pipe or a file, so that the log is always up to date. */
	setvbuf(stdout, NULL, _IOLBF, 0);

	source = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
	if (source < 0)
		err(1, "open /dev/urandom");

	fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		err(1, "socket");
	/* Serve IPv4 through the same socket: the peer 10.0.1.2 is then shown as ::ffff:10.0.1.2.
	 */
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0)
		err(1, "setsockopt");
	/* Start again at once, even if connections of an earlier run are in TIME_WAIT. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		err(1, "setsockopt");
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		err(1, "bind");
	if (listen(fd, SOMAXCONN) < 0)
		err(1, "listen");

	/* With port 0 only the kernel knows the port, so ask it. */
	if (getsockname(fd, (struct sockaddr *)&addr, &addr_len) < 0)
		err(1, "getsockname");
	endpoint_format(&addr, addr_len, endpoint);
	printf("random_server: bound to %s\n", endpoint);

	for (;;) {
		unsigned long long wanted = 0, sent = 0;
		struct timespec pause = { 0 };
		struct random_request request;
		int connection, failures = 0;
		const char *refusal;
		size_t length = 0;
		ssize_t count;

		addr_len = sizeof(addr);
		connection = accept(fd, (struct sockaddr *)&addr, &addr_len);
		if (connection < 0)
			err(1, "accept");
		endpoint_format(&addr, addr_len, endpoint);

		/* TCP carries bytes, not messages: the request may come in pieces. */
		do {
			count = recv(connection, (char *)&request + length,
				     sizeof(request) - length, 0);
			if (count > 0)
				length += count;
		} while (count > 0 && length < sizeof(request));

		refusal = count < 0 ? strerror(errno) : random_request_check(&request, length);
		if (refusal) {
			printf("refused %zu bytes from %s: %s\n", length, endpoint, refusal);
		} else {
			wanted = be64toh(request.bytes);
			pause.tv_sec = be16toh(request.pause) / 1000;
			pause.tv_nsec = be16toh(request.pause) % 1000 * 1000000L;
			printf("%llu bytes for %s, pause %u ms\n", wanted, endpoint,
			       be16toh(request.pause));
		}

		while (sent < wanted && failures < FAILURES_MAX) {
			unsigned char chunk[CHUNK_SIZE];

			length = wanted - sent < CHUNK_SIZE ? wanted - sent : CHUNK_SIZE;
			if (read(source, chunk, length) != (ssize_t)length)
				err(1, "read /dev/urandom");
			/* Waits while there is no room in the send buffer. */
			count = send(connection, chunk, length, 0);
			if (count < 0) {
				warn("send");
				failures++;
				continue;
			}
			if (count < (ssize_t)length)
				printf("send() = %zd of %zu\n", count, length);
			sent += count;
			if (be16toh(request.pause) > 0 && nanosleep(&pause, NULL) < 0)
				err(1, "nanosleep");
		}
		if (!refusal)
			printf("%llu of %llu bytes sent to %s\n", sent, wanted, endpoint);
		if (close(connection) < 0)
			err(1, "close");
	}
}
