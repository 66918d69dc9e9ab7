/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Many uneventful segments and calls of a connection, as one. For the renderers only.
 */
#ifndef HS_RENDER_FOLD_H
#define HS_RENDER_FOLD_H

#include "render_flows.h"

#define FOLD_CALLS 6

/* Calls of a thread on a descriptor. */
struct fold_calls {
	struct hs_task task;
	enum hs_call_id id;
	const char *name;
	int32_t fd;
	unsigned int end;      /* of the connection */
	uint64_t len;	       /* that each of them asked for, 0: not the same */
	uint64_t n, bytes;     /* those that worked */
	uint64_t again, parts; /* EAGAIN; sends that took only a part */
	bool has_range;
	uint32_t from, to;
};

struct fold {
	uint64_t first, last;			 /* times */
	uint64_t n_data[2], bytes[2], n_acks[2]; /* by the end that sent them */
	uint64_t delivered, left;		 /* how many ended so */
	uint32_t first_id, last_id;
	struct fold_calls calls[FOLD_CALLS];
	size_t n_calls;
};

void fold_add_segment(struct fold *fold, const struct hs_journey *j);
/* False when there is no room for calls of one more kind. */
bool fold_add_call(struct fold *fold, const struct hs_flow *f, const struct hs_call *call);
/* Which end of the connection made that call. */
unsigned int fold_call_end(const struct hs_flow *f, const struct hs_call *call);

/* "→ 998 segments, 1.4 MB, 501 ACKs ←, all delivered, 3.1 ms"; nothing when there are none */
void fold_segments(struct text *t, const struct fold *fold, const struct hs_flow *f);
/* "98 × recvfrom(3, 4096 B) = 0.4 MB, bytes 1..401408" */
void fold_calls(struct text *t, const struct fold_calls *calls);

#endif
