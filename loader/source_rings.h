/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ring buffers, one a CPU, as one stream in order of time. Within a ring the order is that of
 * writing; between rings it is that of the records' times.
 */
#ifndef HS_SOURCE_RINGS_H
#define HS_SOURCE_RINGS_H

#include "source.h"

struct hs_rings;

/*
 * Makes them, of `bytes` together (each a power of two and at least a page), and puts them into the
 * BPF array of maps `fd`. Negative errno.
 */
int rings_new(struct hs_rings **ret, int fd, size_t bytes);
void rings_free(struct hs_rings *rings);

/*
 * Hands over what is older than `*until`, of each ring at most `budget` records. Lowers `*until` to the
 * time up to which all that waited was handed over. Negative errno: of `fn`, or of a ring buffer.
 */
int rings_consume(struct hs_rings *rings, unsigned int budget, uint64_t *until, hs_record_fn fn,
		  void *ctx);

#endif
