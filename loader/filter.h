/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packet filters in the syntax of pcap-filter(7), for the headers that were captured from the
 * network header on. Never asks DNS and never blocks: hosts and networks are addresses; services
 * (`port http`) and protocols are looked up in /etc/services and /etc/protocols.
 *
 * What such a capture does not hold cannot be asked for and is refused with an explanation: MAC
 * addresses (`ether host`, bare `broadcast` and `multicast`, `gateway`), VLAN tags. `ether proto`
 * works. `less`, `greater` and `len` count an Ethernet header of 14 bytes, as they do for tcpdump.
 * An expression that looks behind the captured bytes (`udp[100]`) does not match.
 */
#ifndef HS_FILTER_H
#define HS_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hs_filter;

/*
 * An empty expression matches everything. On failure `err` says what is wrong and shows a filter
 * that works. -EINVAL for an expression that does not do, -ENOMEM. To be freed with filter_free().
 */
int filter_compile(struct hs_filter **ret, const char *expr, char *err, size_t errlen);

/* `len` captured bytes of a packet that has `l3_length` from its network header on. */
bool filter_match(const struct hs_filter *filter, uint16_t ethertype, uint32_t l3_length,
		  const uint8_t *l3, size_t len);

/* NULL is fine. */
void filter_free(struct hs_filter *filter);

#endif
