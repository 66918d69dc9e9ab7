/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * random_client ADDRESS PORT BYTES [PAUSE_MS]: asks a random_server for BYTES bytes and writes them
 * to its output, 4 KiB at a time. With PAUSE_MS the server pauses after each 1 KiB.
 *
 * Behind a slow reader, as in `random_client 10.0.0.2 8089 10000000 | pv -qL 4k >/dev/null`, this
 * program waits in write(), so it reads nothing, so its receive buffer fills, so the server's
 * kernel may not send, so the server waits in send(). That is flow control.
 */
#include <err.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "random_protocol.h"

#define CHUNK_SIZE 4096

static int number_is_valid(const char *text, unsigned long long min, unsigned long long max)
{
	size_t digits = strspn(text, "0123456789");

	return digits > 0 && digits <= 18 && text[digits] == '\0' &&
	       strtoull(text, NULL, 10) >= min && strtoull(text, NULL, 10) <= max;
}

int main(int argc, char **argv)
{
	/* NUMERIC: an address, never a name, so nothing is asked of a name server. */
	const struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
	};
	struct random_request request = {
		.magic = htobe32(RANDOM_MAGIC),
		.version = htobe16(RANDOM_VERSION),
	};
	unsigned long long wanted, got = 0;
	struct addrinfo *remote;
	int fd, error;

	/* getaddrinfo() takes port 70000 for 4464, so the range is checked here. */
	if (argc < 4 || argc > 5 || !number_is_valid(argv[2], 0, 65535) ||
	    !number_is_valid(argv[3], 1, RANDOM_BYTES_MAX) ||
	    (argc == 5 && !number_is_valid(argv[4], 0, RANDOM_PAUSE_MAX))) {
		fprintf(stderr,
			"usage: random_client ADDRESS PORT BYTES [PAUSE_MS]\n"
			"  BYTES is 1 to %llu, PAUSE_MS 0 to %d\n",
			(unsigned long long)RANDOM_BYTES_MAX, RANDOM_PAUSE_MAX);
		return 2;
	}
	wanted = strtoull(argv[3], NULL, 10);
	request.bytes = htobe64(wanted);
	if (argc == 5)
		request.pause = htobe16(atoi(argv[4]));
	error = getaddrinfo(argv[1], argv[2], &hints, &remote);
	if (error)
		errx(1, "getaddrinfo: '%s': %s", argv[1],
		     error == EAI_NONAME ? "not an IPv4 or IPv6 address" : gai_strerror(error));

	fd = socket(remote->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		err(1, "socket");
	if (connect(fd, remote->ai_addr, remote->ai_addrlen) < 0)
		err(1, "connect");
	freeaddrinfo(remote);

	/* The send buffer of a new connection is empty, so it takes these 16 bytes as a whole. */
	if (send(fd, &request, sizeof(request), 0) != sizeof(request))
		err(1, "send");

	while (got < wanted) {
		size_t length = wanted - got < CHUNK_SIZE ? wanted - got : CHUNK_SIZE;
		char chunk[CHUNK_SIZE];
		ssize_t count, written;

		/* WAITALL: wait until all of it is here. Less comes only before the end. */
		count = recv(fd, chunk, length, MSG_WAITALL);
		if (count < 0)
			err(1, "recv");
		if (count == 0)
			errx(1,
			     "recv: the server has closed the connection after %llu of %llu bytes",
			     got, wanted);
		got += count;

		/* A pipe may take only a part. */
		for (ssize_t done = 0; done < count; done += written) {
			written = write(STDOUT_FILENO, chunk + done, count - done);
			if (written < 0)
				err(1, "write");
		}
	}
	if (close(fd) < 0)
		err(1, "close");
	return 0;
}
