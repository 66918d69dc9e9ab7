/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Routes and rules of a network namespace that refuse: `ip route add blackhole ...`, `ip rule add ... prohibit`.
 * The kernel's events tell that IPv4 routing refused, not which route did. Live only.
 */
#ifndef HS_REFUSALS_H
#define HS_REFUSALS_H

#include <stddef.h>

#include "../bpf/abi.h"

/* More are not looked at. */
#define HS_REFUSALS_MAX 256

struct hs_refusals {
	struct hs_rec_refusal list[HS_REFUSALS_MAX]; /* hdr and netns are left to the caller */
	size_t n;
};

/* Of the namespace that the calling thread is in. 0 or negative errno. */
int refusals_read(struct hs_refusals *ret);

#endif
