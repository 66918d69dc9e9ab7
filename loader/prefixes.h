/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * By which prefix a table's route matched: the kernel's event tells of IPv4 only its next hop
 * (include/trace/events/fib.h), so that is looked up among the routes of the table. Live only.
 */
#ifndef HS_PREFIXES_H
#define HS_PREFIXES_H

#include <stddef.h>
#include <stdint.h>

#include "../bpf/abi.h"

/* Of a table with more next hops none is known: to read it takes too long. */
#define HS_PREFIXES_MAX 1024

/* A next hop of a route, as the event has it. */
struct hs_prefix {
	uint32_t addr;	  /* host order */
	uint8_t plen;	  /* bits */
	uint32_t oif;	  /* device, 0 none */
	struct hs_sa via; /* family 0: none, it is on the link */
};

struct hs_prefixes {
	struct hs_prefix list[HS_PREFIXES_MAX];
	size_t n;
};

/*
 * IPv4's table of that number, in the namespace that the calling thread is in; with "main" also "local", as
 * one event stands for both, fib_lookup() (include/net/ip_fib.h). 0 or negative errno; -E2BIG: too many.
 */
int prefixes_read(uint32_t table, struct hs_prefixes *ret);

/* Bits of the longest that has the address and leads where the event says; -1 there is none. */
int prefixes_find(const struct hs_prefixes *all, const struct hs_rec_route *rec);

#endif
