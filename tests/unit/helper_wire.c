// SPDX-License-Identifier: BSD-2-Clause
#include "helper_wire.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

static uint16_t next_ip_id;

struct hs_sa wire_sa(const char *text)
{
	struct hs_sa sa = { 0 };
	char addr[64];
	const char *port;

	snprintf(addr, sizeof(addr), "%s", *text == '[' ? text + 1 : text);
	if (*text == '[') {
		sa.family = AF_INET6;
		*strchr(addr, ']') = '\0';
		port = strstr(text, "]:");
		port = port ? port + 2 : NULL;
	} else {
		port = strchr(text, ':');
		sa.family = port && strchr(port + 1, ':') ? AF_INET6 : AF_INET;
		if (sa.family == AF_INET6)
			port = NULL;
		else if (port) {
			*strchr(addr, ':') = '\0';
			port++;
		}
	}
	assert_int_equal(inet_pton(sa.family, addr, sa.addr), 1);
	sa.port = port ? htons(strtoul(port, NULL, 10)) : 0;
	return sa;
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = value >> 8;
	at[1] = value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

static size_t wire_header_length(const struct wire *w)
{
	return w->proto == 0x86dd ? 40 : 20;
}

/* The IP header and `l4` bytes behind it, still zero. */
static struct wire wire_ip(const struct hs_sa *from, const struct hs_sa *to, uint8_t proto,
			   uint32_t l4)
{
	struct wire w = { .proto = from->family == AF_INET6 ? 0x86dd : 0x0800 };

	w.len = wire_header_length(&w) + l4;
	if (from->family == AF_INET6) {
		w.data[0] = 0x60;
		put16(w.data + 4, l4);
		w.data[6] = proto;
		w.data[7] = 64;
		memcpy(w.data + 8, from->addr, 16);
		memcpy(w.data + 24, to->addr, 16);
	} else {
		w.data[0] = 0x45;
		put16(w.data + 2, w.len);
		put16(w.data + 4, ++next_ip_id);
		w.data[8] = 64;
		w.data[9] = proto;
		memcpy(w.data + 12, from->addr, 4);
		memcpy(w.data + 16, to->addr, 4);
	}
	return w;
}

static uint8_t *wire_l4(struct wire *w)
{
	return w->data + wire_header_length(w);
}

struct wire wire_udp(const char *from, const char *to, uint32_t payload)
{
	struct hs_sa src = wire_sa(from), dst = wire_sa(to);
	struct wire w = wire_ip(&src, &dst, IPPROTO_UDP, 8 + payload);

	memcpy(wire_l4(&w), &src.port, 2);
	memcpy(wire_l4(&w) + 2, &dst.port, 2);
	put16(wire_l4(&w) + 4, 8 + payload);
	return w;
}

struct wire wire_segment(const char *from, const char *to, uint8_t flags, uint32_t payload,
			 uint32_t seq, uint32_t ack, uint16_t window)
{
	struct hs_sa src = wire_sa(from), dst = wire_sa(to);
	struct wire w = wire_ip(&src, &dst, IPPROTO_TCP, 20 + payload);

	memcpy(wire_l4(&w), &src.port, 2);
	memcpy(wire_l4(&w) + 2, &dst.port, 2);
	put32(wire_l4(&w) + 4, seq);
	put32(wire_l4(&w) + 8, ack);
	wire_l4(&w)[12] = 5 << 4;
	wire_l4(&w)[13] = flags;
	put16(wire_l4(&w) + 14, window);
	return w;
}

struct wire wire_tcp(const char *from, const char *to, uint8_t flags, uint32_t payload)
{
	return wire_segment(from, to, flags, payload, 0, 0, 0);
}

struct wire wire_echo(const char *from, const char *to, bool reply, uint32_t payload)
{
	struct hs_sa src = wire_sa(from), dst = wire_sa(to);
	bool v6 = src.family == AF_INET6;
	struct wire w = wire_ip(&src, &dst, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, 8 + payload);

	wire_l4(&w)[0] = v6 ? 128 + reply : reply ? 0 : 8;
	return w;
}

struct wire wire_error(const struct wire *about, const char *from, uint8_t type, uint8_t code)
{
	struct hs_sa src = wire_sa(from), dst = { .family = src.family };
	bool v6 = src.family == AF_INET6;
	size_t quoted = about->len < 64 ? about->len : 64;
	struct wire w;

	memcpy(dst.addr, about->data + (v6 ? 8 : 12), v6 ? 16 : 4);
	w = wire_ip(&src, &dst, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, 8 + quoted);
	wire_l4(&w)[0] = type;
	wire_l4(&w)[1] = code;
	memcpy(wire_l4(&w) + 8, about->data, quoted);
	return w;
}

struct wire wire_arp(const char *from, const char *to, uint16_t op)
{
	struct hs_sa src = wire_sa(from), dst = wire_sa(to);
	struct wire w = { .proto = 0x0806, .len = 28 };

	put16(w.data, 1);
	put16(w.data + 2, 0x0800);
	w.data[4] = 6;
	w.data[5] = 4;
	put16(w.data + 6, op);
	memcpy(w.data + 14, src.addr, 4);
	memcpy(w.data + 24, dst.addr, 4);
	return w;
}

struct wire wire_mpls(struct wire inner, uint32_t label)
{
	/* time to live 64, the bottom of the stack */
	struct wire w = { .proto = 0x8847, .len = inner.len + 4 };
	uint32_t word = label << 12 | 1 << 8 | 64;

	for (int i = 0; i < 4; i++)
		w.data[i] = word >> (24 - 8 * i);
	memcpy(w.data + 4, inner.data, sizeof(w.data) - 4);
	return w;
}

struct wire wire_icmp6(const char *from, const char *to, uint8_t type)
{
	struct hs_sa src = wire_sa(from), dst = wire_sa(to);
	struct wire w = wire_ip(&src, &dst, IPPROTO_ICMPV6, 24);

	wire_l4(&w)[0] = type;
	return w;
}

struct wire wire_fragment(struct wire whole, uint16_t offset, bool more, uint32_t payload)
{
	put16(whole.data + 6, offset / 8 | (more ? 0x2000 : 0));
	whole.len = 20 + payload;
	put16(whole.data + 2, whole.len);
	if (offset)
		memset(whole.data + 20, 0, 8);
	return whole;
}
