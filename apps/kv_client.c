/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kv_client ADDRESS PORT: sends requests of kv_protocol.h to a kv_store and prints the answers. Its
 * input says which, one a line:
 *
 *	set KEY VALUE	VALUE is the rest of the line
 *	get KEY
 *	del KEY
 *	list		all keys and their values
 *	count		how many there are
 *	quit		closes the connection; so does the end of the input
 *	fire		sends many requests and closes without reading any answer
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

#include "kv_protocol.h"

#define FIRE_COUNT 10

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
 * Makes a request of a line, which it takes apart. Returns what is wrong with the line; NULL if
 * nothing is.
 */
static const char *request_parse(char *line, struct kv_message *ret_request)
{
	static const struct {
		const char *name;
		enum kv_type type;
		int with_key, with_value;
	} commands[] = {
		{ "set", KV_SET, 1, 1 },   { "get", KV_GET, 1, 0 },	{ "del", KV_DEL, 1, 0 },
		{ "list", KV_LIST, 0, 0 }, { "count", KV_COUNT, 0, 0 },
	};
	const char *name = strtok(line, " "), *key = "", *value = "", *rest;

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(name, commands[i].name) != 0)
			continue;
		if (commands[i].with_key)
			key = strtok(NULL, " ");
		if (commands[i].with_value)
			value = strtok(NULL, "");
		rest = strtok(NULL, "");
		if (!key || !value || rest)
			break;
		/* The server checks this too; but then it is too late for the connection. */
		if (strlen(key) > KV_KEY_MAX)
			return "the key is too long";
		if (strlen(value) > KV_VALUE_MAX)
			return "the value is too long";
		kv_message_fill(ret_request, commands[i].type, key, strlen(key), value,
				strlen(value));
		return NULL;
	}
	return "use: set KEY VALUE, get KEY, del KEY, list, count, fire, quit";
}

/* What somebody else has stored might do things to a terminal. */
static void bytes_print(const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		putchar((unsigned char)bytes[i] < ' ' || bytes[i] == 0x7f ? '?' : bytes[i]);
}

static void answer_print(const struct kv_message *request, const struct kv_message *answer)
{
	switch (kv_message_type(answer)) {
	case KV_ENTRY:
		if (kv_message_type(request) != KV_LIST)
			errx(1, "refused the answer: an entry, and no list was asked for");
		bytes_print(kv_message_key(answer), kv_message_key_length(answer));
		printf(" = ");
		bytes_print(kv_message_value(answer), kv_message_value_length(answer));
		break;
	case KV_NOT_FOUND:
		printf("not found");
		break;
	case KV_FULL:
		printf("the store is full");
		break;
	default: /* KV_OK: kv_message_receive() lets no other type through */
		if (kv_message_type(request) == KV_GET || kv_message_type(request) == KV_COUNT)
			bytes_print(kv_message_value(answer), kv_message_value_length(answer));
		else
			printf("ok");
	}
	printf("\n");
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
	int fd, error, status = 0;
	struct addrinfo *remote;
	size_t line_size = 0;

	if (argc != 3 || !port_is_valid(argv[2])) {
		fputs("usage: kv_client ADDRESS PORT\n", stderr);
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
	/* Returns when the server's kernel has answered; the server may be busy with another. */
	if (connect(fd, remote->ai_addr, remote->ai_addrlen) < 0)
		err(1, "connect");
	freeaddrinfo(remote);

	/* connect() has chosen the address and the port on this side. */
	if (getsockname(fd, (struct sockaddr *)&addr, &addr_len) < 0)
		err(1, "getsockname");
	endpoint_format(&addr, addr_len, endpoint);
	printf("kv_client: connected from %s\n", endpoint);

	for (;;) {
		struct kv_message request, answer;
		const char *refusal;
		ssize_t length;

		if (isatty(STDIN_FILENO)) {
			printf("> ");
			fflush(stdout);
		}
		length = getline(&line, &line_size, stdin);
		if (length < 0 && ferror(stdin))
			err(1, "getline");
		if (length < 0)
			break;
		line[strcspn(line, "\n")] = '\0';
		if (line[strspn(line, " ")] == '\0')
			continue;
		if (strcmp(line, "quit") == 0)
			break;

		if (strcmp(line, "fire") == 0) {
			kv_message_fill(&request, KV_COUNT, "", 0, "", 0);
			/* MSG_MORE on all but the last one: they leave together, in one segment. */
			for (int left = FIRE_COUNT; left > 0; left--)
				if (kv_message_send(fd, &request, left > 1 ? MSG_MORE : 0) < 0)
					err(1, "send");
			printf("%d requests sent, no answer read\n", FIRE_COUNT);
			/*
			 * close() sends a FIN while no answer is here, as when the server is busy
			 * with another client. Else it sends an RST, since unread data is lost.
			 */
			break;
		}

		refusal = request_parse(line, &request);
		if (refusal) {
			warnx("%s", refusal);
			status = 1;
			continue;
		}
		if (kv_message_send(fd, &request, 0) < 0)
			err(1, "send");

		do {
			int received = kv_message_receive(fd, KV_ANSWER, &answer, &refusal);

			if (received == 0)
				errx(1, "recv: the server has closed the connection");
			if (received < 0)
				errx(1, "refused the answer: %s", refusal);
			answer_print(&request, &answer);
		} while (kv_message_type(&answer) == KV_ENTRY);
	}
	free(line);
	if (close(fd) < 0)
		err(1, "close");
	return status;
}
