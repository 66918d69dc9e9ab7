/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * byte_sink [-a] [-r] [PORT]: a TCP server that swallows bytes, one system call at a time. It stops
 * before each step and goes on at Enter, so that there is time to see what the kernel does by
 * itself: it refuses, connects and acknowledges for a program that is doing nothing.
 *
 * Ctrl-C ends it anywhere, the end of the input (Ctrl-D) where it has stopped. Then the kernel
 * closes its sockets, as close() would have done.
 */
#include <ctype.h>
#include <err.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DEFAULT_PORT 8080

/*
 * How many connections may wait for accept(). Servers that mean to serve ask for SOMAXCONN; with 1,
 * a few clients are enough to see what becomes of those for whom there is no room. (Linux compares
 * with "more than", so that one more than this can wait.)
 */
#define BACKLOG 1

static const char usage[] = "usage: byte_sink [-a] [-r] [PORT]\n"
			    "  -a  do not stop between the steps\n"
			    "  -r  set SO_REUSEADDR, to be able to start again at once\n";

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

static int never_stop; /* -a */

static void wait_for_enter(const char *next)
{
	int c;

	if (never_stop)
		return;
	printf("next: %s; Enter\n", next);
	do
		c = getchar();
	while (c != '\n' && c != EOF);
	if (c == EOF)
		exit(0);
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
	int reuse = 0, option, fd;

	while ((option = getopt(argc, argv, "ar")) != -1) {
		switch (option) {
		case 'a':
			never_stop = 1;
			break;
		case 'r':
			reuse = 1;
			break;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	argc -= optind;
	argv += optind;
	if (argc > 1 || (argc == 1 && !port_is_valid(argv[0]))) {
		fputs(usage, stderr);
		return 2;
	}
	if (argc == 1)
		addr.sin6_port = htons(atoi(argv[0]));

	/* One write a line, even into a pipe or a file, so that the log is always up to date. */
	setvbuf(stdout, NULL, _IOLBF, 0);

	wait_for_enter("socket() and bind()");
	fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		err(1, "socket");
	/* Serve IPv4 through the same socket: the peer 10.0.1.2 is then shown as ::ffff:10.0.1.2.
	 */
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0)
		err(1, "setsockopt");
	/*
	 * Without it, bind() fails (EADDRINUSE) as long as a connection of an earlier run is in
	 * TIME_WAIT on this port: a minute. It only helps if that run had set it as well, which is
	 * why servers that mean to serve set it always.
	 */
	if (reuse && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		err(1, "setsockopt");
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		err(1, "bind");

	/* With port 0 only the kernel knows the port, so ask it. */
	if (getsockname(fd, (struct sockaddr *)&addr, &addr_len) < 0)
		err(1, "getsockname");
	endpoint_format(&addr, addr_len, endpoint);
	printf("byte_sink: bound to %s\n", endpoint);

	/* So far the port is closed: a SYN is answered by RST. */
	wait_for_enter("listen()");
	if (listen(fd, BACKLOG) < 0)
		err(1, "listen");
	printf("listen(%d, %d) = 0\n", fd, BACKLOG);

	for (;;) {
		ssize_t count;
		int connection;

		/* From here on the kernel completes handshakes and takes data, without us. */
		wait_for_enter("accept()");
		addr_len = sizeof(addr);
		connection = accept(fd, (struct sockaddr *)&addr, &addr_len);
		if (connection < 0)
			err(1, "accept");
		endpoint_format(&addr, addr_len, endpoint);
		printf("accept() = %d from %s\n", connection, endpoint);

		for (;;) {
			/* Small on purpose: what does not fit stays in the receive queue. */
			unsigned char buffer[16];

			wait_for_enter("recv()");
			count = recv(connection, buffer, sizeof(buffer), 0);
			if (count <= 0)
				break;
			printf("recv() = %zd: ", count);
			for (ssize_t i = 0; i < count; i++)
				printf(isprint(buffer[i]) ? "%c" : "\\x%02x", buffer[i]);
			printf("\n");
		}
		/* A client that went wrong is no reason to stop serving the others. */
		if (count < 0)
			warn("recv");
		else
			printf("recv() = 0: the client sent FIN, and this was all\n");

		wait_for_enter("close()");
		if (close(connection) < 0)
			err(1, "close");
		printf("close(%d) = 0\n", connection);
	}
}
