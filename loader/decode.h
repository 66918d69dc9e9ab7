/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From records to events: checks sizes, learns names, cleans stacks, notices gaps in the sequence
 * numbers. Pure. Its right neighbour is the journey engine.
 */
#ifndef HS_DECODE_H
#define HS_DECODE_H

#include "names.h"

struct hs_event {
	const struct hs_hdr *rec; /* the record, whose size was checked; cast by rec->type */
	uint64_t time;
	uint16_t cpu;
	bool softirq;
	uint32_t ctx; /* of the softirq, with cpu; 0 in process context */
	/* where a packet was, for records that say it */
	const char *netns;
	struct hs_device dev;
	struct hs_task task;
	int plen; /* HS_REC_ROUTE: bits of the route that matched, IPv4: inferred; -1 not known */
	/* the part of the stack that belongs here, outermost first: cut at the softirq's or the
	 * system call's entry, tracing machinery removed; interned strings */
	const char *const *functions;
	size_t n_functions;
};

struct hs_decoder;

typedef int (*hs_event_fn)(void *ctx, const struct hs_event *event);
typedef void (*hs_gap_fn)(void *ctx, uint64_t time, int64_t lost);

/* `gap` hears of lost records (negative: late ones that were counted as lost). NULL: no memory. */
struct hs_decoder *decode_new(struct hs_names *names, hs_event_fn fn, hs_gap_fn gap, void *ctx);
void decode_free(struct hs_decoder *decoder);

/* One record. Unknown types are skipped; -EPROTO for one that is too short for its type. */
int decode_record(struct hs_decoder *decoder, const struct hs_hdr *rec);

#endif
