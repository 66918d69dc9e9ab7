/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Doing something inside another network namespace. Live only.
 */
#ifndef HS_NETNS_ENTER_H
#define HS_NETNS_ENTER_H

#include <stdint.h>

/*
 * Runs fn(ctx) in the namespace at `path`, in a thread of its own that ends with it, and waits. So
 * the caller never leaves its namespace and there is no way back that could fail. The result is
 * that of fn, or negative: -ESTALE when `path` by now leads to another namespace than `inum`,
 * -ENOENT when it is gone, -EPERM without CAP_SYS_ADMIN (not needed for the caller's own
 * namespace).
 */
int netns_run(const char *path, uint32_t inum, int (*fn)(void *ctx), void *ctx);

/* The cookie of the namespace that the calling thread is in. -ENOPROTOOPT before Linux 5.14. */
int netns_cookie(uint64_t *ret);

#endif
