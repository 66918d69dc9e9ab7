/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets for tests: header bytes as on the wire, from the network header on. */
#ifndef HELPER_WIRE_H
#define HELPER_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "../../bpf/abi.h"

struct wire {
	uint16_t proto; /* EtherType */
	uint32_t len;
	uint8_t data[HS_HEADERS_LONG];
};

/* Endpoints are written "10.0.1.2:4000" and "[fd00::2]:4000", addresses without the port. */
struct wire wire_udp(const char *from, const char *to, uint32_t payload);
struct wire wire_tcp(const char *from, const char *to, uint8_t flags, uint32_t payload);
/* The same with its numbers: a segment of a connection. */
struct wire wire_segment(const char *from, const char *to, uint8_t flags, uint32_t payload,
			 uint32_t seq, uint32_t ack, uint16_t window);
/* An echo request (or reply) of `payload` bytes. */
struct wire wire_echo(const char *from, const char *to, bool reply, uint32_t payload);
/* An ICMP or ICMPv6 error of `from` to the sender of `about`. */
struct wire wire_error(const struct wire *about, const char *from, uint8_t type, uint8_t code);
struct wire wire_arp(const char *from, const char *to, uint16_t op);
/* `inner` behind an MPLS label. */
struct wire wire_mpls(struct wire inner, uint32_t label);
/* An ICMPv6 message without more: 133 router solicitation, 135 and 136 neighbour discovery. */
struct wire wire_icmp6(const char *from, const char *to, uint8_t type);
/* IPv4: the fragment of `whole` at `offset` (a multiple of 8). */
struct wire wire_fragment(struct wire whole, uint16_t offset, bool more, uint32_t payload);

/* An endpoint, or an address with port 0, that is written so. */
struct hs_sa wire_sa(const char *text);

#endif
