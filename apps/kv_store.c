/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kv_store [PORT]: keeps keys and their values in memory, for clients that speak kv_protocol.h.
 *
 * Iterative on purpose: it serves one client until that one leaves, then the next. Meanwhile the
 * kernel connects the others and acknowledges their requests; both wait, the connections in the
 * accept queue, the requests in the receive queues.
 *
 * SIGPIPE is left at its default on purpose: a client that goes away while it is answered can end
 * the server. A server that means to serve ignores the signal, or passes MSG_NOSIGNAL to send(),
 * and looks at EPIPE instead.
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

#define DEFAULT_PORT 8085
#define ENTRIES_MAX  100

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

/* Keys and values are any bytes, and without an end: their lengths say how long they are. */
struct entry {
	size_t key_length, value_length;
	char key[KV_KEY_MAX], value[KV_VALUE_MAX];
};

static struct entry entries[ENTRIES_MAX]; /* in no order */
static size_t entries_count;

static struct entry *entry_find(const char *key, size_t key_length)
{
	for (size_t i = 0; i < entries_count; i++) {
		struct entry *entry = &entries[i];

		if (entry->key_length == key_length && memcmp(entry->key, key, key_length) == 0)
			return entry;
	}
	return NULL;
}

/* Returns NULL if there is no more room. */
static struct entry *entry_add(const char *key, size_t key_length)
{
	struct entry *entry;

	if (entries_count == ENTRIES_MAX)
		return NULL;
	entry = &entries[entries_count++];
	memcpy(entry->key, key, key_length);
	entry->key_length = key_length;
	return entry;
}

/* Does what a request asks for and says what is to be answered. */
static void request_apply(const struct kv_message *request, struct kv_message *ret_answer)
{
	const char *key = kv_message_key(request), *value = "";
	size_t key_length = kv_message_key_length(request), value_length = 0;
	struct entry *entry = entry_find(key, key_length);
	enum kv_type type = KV_OK;
	char digits[sizeof("100")];

	switch (kv_message_type(request)) {
	case KV_SET:
		if (!entry)
			entry = entry_add(key, key_length);
		if (!entry) {
			type = KV_FULL;
			break;
		}
		entry->value_length = kv_message_value_length(request);
		memcpy(entry->value, kv_message_value(request), entry->value_length);
		break;
	case KV_GET:
		if (!entry) {
			type = KV_NOT_FOUND;
			break;
		}
		value = entry->value;
		value_length = entry->value_length;
		break;
	case KV_DEL:
		if (!entry) {
			type = KV_NOT_FOUND;
			break;
		}
		*entry = entries[--entries_count]; /* the last one fills the gap */
		break;
	case KV_COUNT:
		value = digits;
		value_length = snprintf(digits, sizeof(digits), "%zu", entries_count);
		break;
	default: /* KV_LIST: the entries have been sent, this ends them */
		break;
	}
	kv_message_fill(ret_answer, type, "", 0, value, value_length);
}

static int list_send(int connection)
{
	for (size_t i = 0; i < entries_count; i++) {
		const struct entry *entry = &entries[i];
		struct kv_message message;

		kv_message_fill(&message, KV_ENTRY, entry->key, entry->key_length, entry->value,
				entry->value_length);
		/* MSG_MORE: more follows at once, so do not hurry to send a segment. */
		if (kv_message_send(connection, &message, MSG_MORE) < 0)
			return -1;
	}
	return 0;
}

/* A line of the log. What a client sent as a key might do things to a terminal. */
static void request_log(const struct kv_message *request)
{
	static const char *const names[] = {
		[KV_SET] = "set",   [KV_GET] = "get",	  [KV_DEL] = "del",
		[KV_LIST] = "list", [KV_COUNT] = "count",
	};
	const char *key = kv_message_key(request);

	printf("request: %s%s", names[kv_message_type(request)],
	       kv_message_key_length(request) > 0 ? " " : "");
	for (size_t i = 0; i < kv_message_key_length(request); i++)
		putchar((unsigned char)key[i] < ' ' || key[i] == 0x7f ? '?' : key[i]);
	printf("\n");
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
	int fd;

	if (argc > 2 || (argc == 2 && !port_is_valid(argv[1]))) {
		fputs("usage: kv_store [PORT]\n", stderr);
		return 2;
	}
	if (argc == 2)
		addr.sin6_port = htons(atoi(argv[1]));

	/* One write a line, even into a pipe or a file, so that the log is always up to date. */
	setvbuf(stdout, NULL, _IOLBF, 0);

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
	printf("kv_store: bound to %s\n", endpoint);

	for (;;) {
		struct kv_message request, answer;
		const char *refusal;
		int connection, status;

		/* Returns at once if somebody waits in the accept queue. No packet is sent. */
		addr_len = sizeof(addr);
		connection = accept(fd, (struct sockaddr *)&addr, &addr_len);
		if (connection < 0)
			err(1, "accept");
		endpoint_format(&addr, addr_len, endpoint);
		printf("serving %s\n", endpoint);

		for (;;) {
			status = kv_message_receive(connection, KV_REQUEST, &request, &refusal);
			if (status <= 0)
				break;
			request_log(&request);
			request_apply(&request, &answer);
			/* This is where SIGPIPE comes from, if the client has reset the connection. */
			if ((kv_message_type(&request) == KV_LIST && list_send(connection) < 0) ||
			    kv_message_send(connection, &answer, 0) < 0) {
				warn("send");
				break;
			}
		}
		if (status == 0)
			printf("%s has left\n", endpoint);
		if (status < 0)
			printf("refused %s: %s\n", endpoint, refusal);
		if (close(connection) < 0)
			err(1, "close");
	}
}
