/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * time_client [-U] [-t SECONDS] ADDRESS PORT: asks a time server for the time, once.
 *
 * The socket is connected. For UDP that sends nothing: the kernel notes the peer, delivers only
 * what comes from there, and can tell this program of ICMP errors: a port that no socket is bound
 * to becomes ECONNREFUSED. With -U the socket is not connected: the same ICMP message arrives, this
 * program is told nothing and waits until its time is up.
 */
#include <err.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "time_protocol.h"

static const char usage[] =
	"usage: time_client [-U] [-t SECONDS] ADDRESS PORT\n"
	"  -U  use an unconnected socket\n"
	"  -t  wait so long for the answer (default 2; fractions are allowed)\n";

/* An IPv6 address, "%" and an interface, and around them "[", "]:65535". */
#define ENDPOINT_SIZE (INET6_ADDRSTRLEN + 1 + IF_NAMESIZE + sizeof("[]:65535"))

static void endpoint_format(const struct sockaddr *addr, socklen_t addr_len,
			    char ret_text[static ENDPOINT_SIZE])
{
	char host[INET6_ADDRSTRLEN + 1 + IF_NAMESIZE], port[sizeof("65535")];
	int error = getnameinfo(addr, addr_len, host, sizeof(host), port, sizeof(port),
				NI_NUMERICHOST | NI_NUMERICSERV);

	if (error)
		errx(1, "getnameinfo: %s", gai_strerror(error));
	snprintf(ret_text, ENDPOINT_SIZE, addr->sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host,
		 port);
}

/* getaddrinfo() takes 70000 for 4464, so the range is checked here. */
static int port_is_valid(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return digits > 0 && digits <= 5 && text[digits] == '\0' && atoi(text) <= 65535;
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
	/* Differs from run to run, so a late answer to an earlier run is not taken for ours. */
	const uint32_t sequence = getpid();
	char server[ENDPOINT_SIZE], time_text[TIME_TEXT_SIZE], *end = "";
	double timeout = 2, sent_at, left;
	struct time_message message;
	struct addrinfo *remote;
	int connected = 1, option, fd, error;
	ssize_t length;

	while ((option = getopt(argc, argv, "Ut:")) != -1) {
		switch (option) {
		case 'U':
			connected = 0;
			break;
		case 't':
			timeout = strtod(optarg, &end);
			break;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (argc - optind != 2 || !port_is_valid(argv[optind + 1]) || *end != '\0' ||
	    !(timeout >= 0.001 && timeout <= 3600)) {
		fputs(usage, stderr);
		return 2;
	}
	error = getaddrinfo(argv[optind], argv[optind + 1], &hints, &remote);
	if (error)
		errx(1, "getaddrinfo: '%s': %s", argv[optind],
		     error == EAI_NONAME ? "not an IPv4 or IPv6 address" : gai_strerror(error));
	endpoint_format(remote->ai_addr, remote->ai_addrlen, server);

	fd = socket(remote->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		err(1, "socket");
	if (connected && connect(fd, remote->ai_addr, remote->ai_addrlen) < 0)
		err(1, "connect");

	/* A datagram is sent whole or not at all, so there is no short count to look for. */
	time_message_fill(&message, TIME_REQUEST, sequence, (struct timespec){ 0 });
	sent_at = clock_seconds();
	if (connected)
		length = send(fd, &message, sizeof(message), 0);
	else
		length = sendto(fd, &message, sizeof(message), 0, remote->ai_addr,
				remote->ai_addrlen);
	if (length < 0)
		err(1, connected ? "send" : "sendto");
	freeaddrinfo(remote);

	/* Until a valid answer comes. What is refused does not extend the time that is left. */
	while ((left = sent_at + timeout - clock_seconds()) > 1e-6) {
		struct timeval wait = { .tv_sec = left, .tv_usec = (left - (long)left) * 1e6 };
		struct sockaddr_storage peer;
		socklen_t peer_len = sizeof(peer);
		char sender[ENDPOINT_SIZE];
		const char *refusal;

		if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0)
			err(1, "setsockopt");
		/* MSG_TRUNC: return the datagram's full length, even if the buffer holds less. */
		length = recvfrom(fd, &message, sizeof(message), MSG_TRUNC,
				  (struct sockaddr *)&peer, &peer_len);
		if (length < 0 && errno == ECONNREFUSED)
			errx(1, "recvfrom: %s: no socket is bound to %s", strerror(errno), server);
		if (length < 0 && (errno == EAGAIN || errno == EINTR))
			continue; /* time is up, or the program was stopped and continued */
		if (length < 0)
			err(1, "recvfrom");

		/* Anyone may send to an unconnected socket. */
		endpoint_format((struct sockaddr *)&peer, peer_len, sender);
		refusal = time_message_check(&message, length, TIME_ANSWER);
		if (!connected && strcmp(sender, server) != 0)
			refusal = "not the server that was asked";
		else if (!refusal && be32toh(message.sequence) != sequence)
			refusal = "wrong sequence number";
		if (refusal) {
			warnx("refused %zd bytes from %s: %s", length, sender, refusal);
			continue;
		}

		time_format_utc(time_message_time(&message), time_text);
		printf("%s answer %u from %s after %.3f ms\n", time_text, sequence, sender,
		       (clock_seconds() - sent_at) * 1e3);
		if (close(fd) < 0)
			err(1, "close");
		return 0;
	}
	errx(1, "recvfrom: no answer from %s within %g s", server, timeout);
}
