/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * addrbind ADDRESS PORT: gives a UDP socket an address and shows which one it got.
 *
 * Worth trying: port 0 (the kernel picks one), a port that is taken, a port below 1024 as an
 * ordinary user, an address that no interface has, 0.0.0.0 and :: (all addresses).
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

/* At exit the kernel closes the socket. _exit(), as a signal handler must not call exit(). */
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
		fputs("usage: addrbind ADDRESS PORT\n", stderr);
		return 2;
	}
	error = getaddrinfo(argv[1], argv[2], &hints, &local);
	if (error)
		errx(1, "getaddrinfo: '%s': %s", argv[1],
		     error == EAI_NONAME ? "not an IPv4 or IPv6 address" : gai_strerror(error));

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
	printf("addrbind: bound to %s; Enter ends\n", endpoint);
	fflush(stdout);

	getchar(); /* Enter, or the end of the input */
	if (close(fd) < 0)
		err(1, "close");
	return 0;
}
