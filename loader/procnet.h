/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bound sockets and ICMP counters of a network namespace, from /proc/net and sock_diag(7). Live
 * only, but for the parsers, which are pure.
 */
#ifndef HS_PROCNET_H
#define HS_PROCNET_H

#include <stddef.h>
#include <stdint.h>

#include "../bpf/abi.h"

#define HS_PROCNET_MAX 64 /* sockets of a transport protocol */

/* The sockets have neither header nor netns; owner unknown. */
struct hs_procnet {
	uint64_t cookie;	    /* of the namespace; 0 where the kernel does not tell */
	uint64_t icmp_limit_global; /* 0 where the kernel has no such counter */
	uint64_t icmp_limit_host;
	uint64_t icmp6_limit_host;
	size_t n;
	struct hs_rec_sock sockets[2 * HS_PROCNET_MAX];
};

/* Of the namespace that the calling thread is in: cookie and counters. 0 or negative errno. */
int procnet_read_counters(struct hs_procnet *ret);

/* The same and the sockets: all of UDP and the listeners of TCP, at most HS_PROCNET_MAX of each. */
int procnet_read(struct hs_procnet *ret);

/*
 * The state (TCP_*) of the connection between these endpoints in the namespace of the calling thread,
 * minisockets included; 0 when there is none, or the kernel has no sock_diag(7).
 */
uint8_t procnet_tcp_state(const struct hs_sa *local, const struct hs_sa *remote);

/*
 * The lines of /proc/net/udp or udp6. Fills family, protocol, sock_type, state, local, remote and
 * ino of at most `max` records and returns how many.
 */
size_t procnet_parse_udp(const char *text, uint16_t family, struct hs_rec_sock *ret, size_t max);

/* A column of /proc/net/snmp, which has a line of names over each line of values. 0 when absent. */
uint64_t procnet_parse_snmp(const char *text, const char *group, const char *column);

/* A line of /proc/net/snmp6. 0 when absent. */
uint64_t procnet_parse_snmp6(const char *text, const char *name);

#endif
