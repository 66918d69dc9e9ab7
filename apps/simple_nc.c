/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * simple_nc ADDRESS PORT: sends each line of its input over a TCP connection, and closes it at the
 * end of the input. It never reads from the connection, so nothing tells it that the server has
 * gone, except a write() that fails.
 *
 * That takes two of them. After the server's FIN the first write() still works, because the server
 * may have closed only its own direction; the answer is an RST. The second one fails with EPIPE,
 * and before a program could see that, SIGPIPE ends it. Programs that serve others ignore SIGPIPE
 * or pass MSG_NOSIGNAL to send(); this one leaves the signal at its default, to show it.
 */
#include <err.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
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

int main(int argc, char **argv)
{
	/* NUMERIC: an address, never a name, so nothing is asked of a name server. */
	const struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
	};
	struct sockaddr_storage addr; /* large enough for either family */
	socklen_t addr_len = sizeof(addr);
	char endpoint[ENDPOINT_SIZE], *line = NULL;
	struct addrinfo *remote;
	size_t line_size = 0;
	ssize_t length;
	int fd, error;

	if (argc != 3 || !port_is_valid(argv[2])) {
		fputs("usage: simple_nc ADDRESS PORT\n", stderr);
		return 2;
	}
	error = getaddrinfo(argv[1], argv[2], &hints, &remote);
	if (error)
		errx(1, "getaddrinfo: '%s': %s", argv[1],
		     error == EAI_NONAME ? "not an IPv4 or IPv6 address" : gai_strerror(error));

	/* One write a line, even into a pipe or a file, so that the log is always up to date. */
	setvbuf(stdout, NULL, _IOLBF, 0);

	fd = socket(remote->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		err(1, "socket");
	/* Returns when the server's kernel has answered, whatever the server itself is doing. */
	if (connect(fd, remote->ai_addr, remote->ai_addrlen) < 0)
		err(1, "connect");
	freeaddrinfo(remote);

	/* connect() has chosen the address and the port on this side. */
	if (getsockname(fd, (struct sockaddr *)&addr, &addr_len) < 0)
		err(1, "getsockname");
	endpoint_format(&addr, addr_len, endpoint);
	printf("simple_nc: connected from %s\n", endpoint);

	while ((length = getline(&line, &line_size, stdin)) >= 0) {
		/* A write() that was interrupted may have taken only a part. */
		for (ssize_t sent = 0; sent < length;) {
			ssize_t count = write(fd, line + sent, length - sent);

			if (count < 0)
				err(1, "write");
			printf("write() = %zd\n", count);
			sent += count;
		}
	}
	if (ferror(stdin))
		err(1, "getline");
	free(line);

	/*
	 * Sends FIN, after what the kernel has not sent yet; it goes on with that without us. (If
	 * the server had sent us something, unread now, close() would send RST: data was lost.)
	 */
	if (close(fd) < 0)
		err(1, "close");
	return 0;
}
