/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * echo_server [PORT]: sends each UDP datagram back, or as much of it as fits into 16 bytes.
 *
 * The buffer is small on purpose. A datagram is read by one call: what does not fit into that
 * call's buffer is thrown away, not kept for the next call as it would be with TCP.
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

#define DEFAULT_PORT 5678

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
	const struct sigaction on_stop = { .sa_handler = stop };
	/* The address "::": every address of this network namespace. */
	struct sockaddr_in6 addr = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(DEFAULT_PORT),
		.sin6_addr = in6addr_any,
	};
	socklen_t addr_len = sizeof(addr);
	char endpoint[ENDPOINT_SIZE];
	const int off = 0;
	int fd;

	if (argc > 2 || (argc == 2 && !port_is_valid(argv[1]))) {
		fputs("usage: echo_server [PORT]\n", stderr);
		return 2;
	}
	if (argc == 2)
		addr.sin6_port = htons(atoi(argv[1]));

	/* One write a line, even into a pipe or a file, so that the log is always up to date. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (sigaction(SIGINT, &on_stop, NULL) < 0 || sigaction(SIGTERM, &on_stop, NULL) < 0)
		err(1, "sigaction");

	fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		err(1, "socket");
	/* Serve IPv4 through the same socket: the peer 10.0.1.2 is then shown as ::ffff:10.0.1.2.
	 */
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0)
		err(1, "setsockopt");
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		err(1, "bind");

	/* With port 0 only the kernel knows the port, so ask it. */
	if (getsockname(fd, (struct sockaddr *)&addr, &addr_len) < 0)
		err(1, "getsockname");
	endpoint_format(&addr, addr_len, endpoint);
	printf("echo_server: bound to %s\n", endpoint);

	for (;;) {
		char buffer[16];
		ssize_t sent, got;

		/* MSG_TRUNC: return how long the datagram was, not how much of it was copied. */
		addr_len = sizeof(addr);
		sent = recvfrom(fd, buffer, sizeof(buffer), MSG_TRUNC, (struct sockaddr *)&addr,
				&addr_len);
		if (sent < 0)
			err(1, "recvfrom");
		got = sent < (ssize_t)sizeof(buffer) ? sent : (ssize_t)sizeof(buffer);

		endpoint_format(&addr, addr_len, endpoint);
		printf("read %zd of %zd bytes from %s, %zd lost\n", got, sent, endpoint,
		       sent - got);

		/* 0 bytes are a datagram like any other. A failure must not stop the service. */
		if (sendto(fd, buffer, got, 0, (struct sockaddr *)&addr, addr_len) < 0)
			warn("sendto %s", endpoint);
	}
}
