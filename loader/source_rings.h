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
 * Takes out what is there, of each ring at most `budget` records, and lowers `*until` to the time up to which all
 * that waited was taken. Negative errno of a ring buffer.
 */
int rings_take(struct hs_rings *rings, unsigned int budget, uint64_t *until);

/* Hands over what was taken and is older than `until`, by its time. Negative errno: of `fn`. */
int rings_hand_over(struct hs_rings *rings, uint64_t until, hs_record_fn fn, void *ctx);

#endif
