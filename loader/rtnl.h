/* SPDX-License-Identifier: BSD-2-Clause */
/* What the calling thread's network namespace tells by rtnetlink(7). */
#ifndef HS_RTNL_H
#define HS_RTNL_H

#include <stddef.h>
#include <stdint.h>

#include <libmnl/libmnl.h>

/* A socket whose questions the kernel filters by their headers (since 4.20). NULL and errno: there is none. */
struct mnl_socket *rtnl_open(void);

/*
 * Asks `type` (RTM_GET*) for all there are; every message of the answer goes to `fn`, with `ctx`. `header`: of
 * `len` bytes, as the question has it, with attributes or without. 0 or negative errno, that of `fn` too.
 */
int rtnl_dump(struct mnl_socket *nl, uint16_t type, const void *header, size_t len, mnl_cb_t fn,
	      void *ctx);

#endif
