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

/* Routing tables as they were when last looked at. */
struct hs_prefixes;

/* NULL: no memory. */
struct hs_prefixes *prefixes_new(void);

/* NULL is fine. */
void prefixes_free(struct hs_prefixes *prefixes);

/*
 * Bits of the longest prefix in the table that has the address and leads where the event says; -1: none does, or
 * the table cannot be read, or has more than 1024 next hops: to read it takes too long. The namespace is
 * that of `rec`, as netns_run() wants it.
 */
int prefixes_find(struct hs_prefixes *prefixes, const char *path, uint32_t inum,
		  const struct hs_rec_route *rec);

/* ---- of one table ---- */

/* A next hop of a route, as the event has it. */
struct hs_prefix {
	uint32_t addr;	  /* host order */
	uint8_t plen;	  /* bits */
	uint32_t oif;	  /* device, 0 none */
	struct hs_sa via; /* family 0: none, it is on the link */
};

int prefix_longest(const struct hs_prefix *list, size_t n, const struct hs_rec_route *rec);

#endif
