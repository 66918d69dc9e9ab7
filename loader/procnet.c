// SPDX-License-Identifier: BSD-2-Clause
#include "procnet.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "netns_enter.h"

/* The rest of a longer table is not looked at; some 200 sockets fit. */
#define TEXT_MAX (32 * 1024)

/* "0100007F:0035": words of the address in the machine's byte order, the port as a number. */
static const char *parse_sa(const char *p, uint16_t family, struct hs_sa *ret)
{
	size_t words = family == AF_INET6 ? 4 : 1;
	unsigned int port;

	*ret = (struct hs_sa){ .family = family };
	p += strspn(p, " ");
	for (size_t i = 0; i < words; i++, p += 8) {
		unsigned int word;
		uint32_t bytes;

		if (strnlen(p, 8) < 8 || sscanf(p, "%8x", &word) != 1)
			return NULL;
		bytes = word;
		memcpy(ret->addr + 4 * i, &bytes, 4);
	}
	if (sscanf(p, ":%4x", &port) != 1)
		return NULL;
	ret->port = htons(port);
	return p + strcspn(p, " ");
}

/* sl, local, remote, state, queues, timer, retransmissions, uid, timeout, inode */
static bool parse_socket(const char *line, uint16_t family, struct hs_rec_sock *ret)
{
	const char *p = strchr(line, ':');
	unsigned long long ino;
	unsigned int state;

	p = p ? parse_sa(p + 1, family, &ret->local) : NULL;
	p = p ? parse_sa(p, family, &ret->remote) : NULL;
	if (!p || sscanf(p, " %2x %*s %*s %*s %*s %*s %llu", &state, &ino) != 2)
		return false;
	ret->family = family;
	ret->state = state;
	ret->ino = ino;
	return true;
}

size_t procnet_parse_udp(const char *text, uint16_t family, struct hs_rec_sock *ret, size_t max)
{
	const char *line = strchr(text, '\n'); /* the first one is the heading */
	size_t n = 0;

	for (; line && n < max; line = strchr(line + 1, '\n')) {
		struct hs_rec_sock sock = { .protocol = IPPROTO_UDP, .sock_type = SOCK_DGRAM };

		if (parse_socket(line + 1, family, &sock))
			ret[n++] = sock;
	}
	return n;
}

/* The n-th line that begins with "GROUP: ", behind that; NULL when there is none. */
static const char *group_line(const char *text, const char *group, int n)
{
	size_t len = strlen(group);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, group, len) && line[len] == ':' && n-- == 0)
			return line + len + 1;
	}
	return NULL;
}

uint64_t procnet_parse_snmp(const char *text, const char *group, const char *column)
{
	const char *name = group_line(text, group, 0), *value = group_line(text, group, 1);

	while (name && value) {
		size_t name_len, value_len;

		name += strspn(name, " ");
		value += strspn(value, " ");
		name_len = strcspn(name, " \n");
		value_len = strcspn(value, " \n");
		if (!name_len || !value_len)
			break;
		if (name_len == strlen(column) && !memcmp(name, column, name_len))
			return strtoull(value, NULL, 10);
		name += name_len;
		value += value_len;
	}
	return 0;
}

uint64_t procnet_parse_snmp6(const char *text, const char *name)
{
	size_t len = strlen(name);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, name, len) && (line[len] == ' ' || line[len] == '\t'))
			return strtoull(line + len, NULL, 10);
	}
	return 0;
}

/* Empty when there is no such file: no IPv6, or a kernel without it. */
static void read_text(const char *name, char *text)
{
	char path[64];
	size_t len = 0;
	ssize_t got = 1;
	int fd;

	text[0] = '\0';
	snprintf(path, sizeof(path), "/proc/thread-self/net/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	while (got > 0 && len < TEXT_MAX - 1) {
		got = read(fd, text + len, TEXT_MAX - 1 - len);
		if (got > 0)
			len += got;
	}
	close(fd);
	text[len] = '\0';
	/* a line that was cut is no line */
	if (got > 0 && strrchr(text, '\n'))
		*strrchr(text, '\n') = '\0';
}

static void read_counters(struct hs_procnet *ret, char *text)
{
	read_text("snmp", text);
	ret->icmp_limit_global = procnet_parse_snmp(text, "Icmp", "OutRateLimitGlobal");
	ret->icmp_limit_host = procnet_parse_snmp(text, "Icmp", "OutRateLimitHost");
	read_text("snmp6", text);
	ret->icmp6_limit_host = procnet_parse_snmp6(text, "Icmp6OutRateLimitHost");
	if (netns_cookie(&ret->cookie))
		ret->cookie = 0;
}

int procnet_read_counters(struct hs_procnet *ret)
{
	char *text = malloc(TEXT_MAX);

	if (!text)
		return -ENOMEM;
	ret->n = 0;
	read_counters(ret, text);
	free(text);
	return 0;
}

static size_t read_udp(const char *name, uint16_t family, struct hs_rec_sock *ret, size_t max,
		       char *text)
{
	read_text(name, text);
	return procnet_parse_udp(text, family, ret, max);
}

static void diag_socket(const struct inet_diag_msg *msg, struct hs_rec_sock *ret)
{
	*ret = (struct hs_rec_sock){
		.ino = msg->idiag_inode,
		.family = msg->idiag_family,
		.protocol = IPPROTO_TCP,
		.sock_type = SOCK_STREAM,
		.state = msg->idiag_state,
		.local = { .family = msg->idiag_family, .port = msg->id.idiag_sport },
		.remote = { .family = msg->idiag_family, .port = msg->id.idiag_dport },
	};
	memcpy(ret->local.addr, msg->id.idiag_src, sizeof(ret->local.addr));
	memcpy(ret->remote.addr, msg->id.idiag_dst, sizeof(ret->remote.addr));
}

uint8_t procnet_tcp_state(const struct hs_sa *local, const struct hs_sa *remote)
{
	struct {
		struct nlmsghdr hdr;
		struct inet_diag_req_v2 req;
	} ask = {
		.hdr = { .nlmsg_len = sizeof(ask),
			 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			 .nlmsg_flags = NLM_F_REQUEST },
		.req = { .sdiag_family = local->family,
			 .sdiag_protocol = IPPROTO_TCP,
			 .idiag_states = -1,
			 .id = { .idiag_sport = local->port,
				 .idiag_dport = remote->port,
				 .idiag_cookie = { INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE } } },
	};
	_Alignas(struct nlmsghdr) char buf[4096];
	const struct nlmsghdr *hdr = (const void *)buf;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	struct hs_rec_sock found = { 0 };
	ssize_t got = -1;

	if (fd < 0)
		return 0;
	memcpy(ask.req.id.idiag_src, local->addr, sizeof(local->addr));
	memcpy(ask.req.id.idiag_dst, remote->addr, sizeof(remote->addr));
	if (send(fd, &ask, sizeof(ask), 0) == sizeof(ask))
		got = recv(fd, buf, sizeof(buf), 0);
	close(fd);
	if (got > 0 && NLMSG_OK(hdr, got) && hdr->nlmsg_type == SOCK_DIAG_BY_FAMILY)
		diag_socket(NLMSG_DATA(hdr), &found);
	/* The kernel looks for a listener too where there is no such connection. */
	return found.remote.port == remote->port ? found.state : 0;
}

/*
 * Listeners of TCP by sock_diag(7). /proc/net/tcp has them too, but walks the table of all
 * connections of all namespaces for it, which takes a millisecond and more. None when the kernel
 * has no such interface.
 */
static size_t read_listeners(uint16_t family, struct hs_rec_sock *ret, size_t max, char *buf)
{
	struct {
		struct nlmsghdr hdr;
		struct inet_diag_req_v2 req;
	} ask = {
		.hdr = { .nlmsg_len = sizeof(ask),
			 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.req = { .sdiag_family = family,
			 .sdiag_protocol = IPPROTO_TCP,
			 .idiag_states = 1 << TCP_LISTEN },
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	bool more = fd >= 0 && send(fd, &ask, sizeof(ask), 0) == sizeof(ask);
	size_t n = 0;

	while (more) {
		ssize_t got = recv(fd, buf, TEXT_MAX, 0);
		const struct nlmsghdr *hdr = (const void *)buf;

		more = got > 0;
		for (; more && NLMSG_OK(hdr, got); hdr = NLMSG_NEXT(hdr, got)) {
			more = hdr->nlmsg_type == SOCK_DIAG_BY_FAMILY && n < max;
			if (more)
				diag_socket(NLMSG_DATA(hdr), &ret[n++]);
		}
	}
	if (fd >= 0)
		close(fd);
	return n;
}

int procnet_read(struct hs_procnet *ret)
{
	char *text = malloc(TEXT_MAX);
	struct hs_rec_sock *s = ret->sockets;
	size_t udp, tcp;

	if (!text)
		return -ENOMEM;
	udp = read_udp("udp", AF_INET, s, HS_PROCNET_MAX, text);
	udp += read_udp("udp6", AF_INET6, s + udp, HS_PROCNET_MAX - udp, text);
	tcp = read_listeners(AF_INET, s + udp, HS_PROCNET_MAX, text);
	tcp += read_listeners(AF_INET6, s + udp + tcp, HS_PROCNET_MAX - tcp, text);
	ret->n = udp + tcp;
	read_counters(ret, text);
	free(text);
	return 0;
}
