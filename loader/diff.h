/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two recordings, A and B, held against each other (trace diff): which journeys of theirs are the
 * same one, the first hop where two such part, and what differs there.
 *   diff_collect.c  what is kept of a recording     diff_pair.c  which journeys belong together
 *   diff_align.c    two sequences, side by side     diff_hops.c  where two journeys part
 *   diff_calls.c    system calls                    diff_tell.c, diff_json.c  the views
 */
#ifndef HS_DIFF_H
#define HS_DIFF_H

#include <stdio.h>

#include "model.h"
#include "render.h"

struct diff_hop {
	uint64_t time;
	const char *netns, *dev, *text, *function;
	enum hs_stage stage;
	uint8_t kind, by; /* enum hs_hop_kind, hs_backend */
	bool common;	  /* the other journey has it too */
	uint16_t visit;	  /* how often it had come to another namespace by then */
};

struct diff_journey {
	struct hs_journey j; /* its hops are here; caused: a copy; no payload */
	struct diff_hop *hops;
	size_t n_hops;
	struct diff_journey *other; /* in the other recording, NULL */
	bool moved;		    /* ... though with other addresses, or from another place */
};

struct diff_call {
	struct hs_call c; /* no journeys, no reads */
	unsigned int who; /* tasks of a name are numbered as they come */
	size_t other;	  /* its index there and 1, 0: none */
};

/* One recording. */
struct diff_side {
	struct hs_sink sink;		/* what its pipeline tells to */
	struct diff_journey **journeys; /* by birth */
	size_t n_journeys;
	struct diff_call *calls; /* by return */
	size_t n_calls;
	bool silent; /* what it does not tell may have happened: events were lost, or it is cut short */
	/* private */
	struct diff_journey **by_id;
	size_t n_ids;
	bool failed; /* out of memory */
};

void diff_side_init(struct diff_side *side);
void diff_side_free(struct diff_side *side);
/* -ENOMEM when something is missing. */
int diff_side_error(const struct diff_side *side);

/* What differs between two journeys. */
enum diff_what {
	DIFF_PLACE,    /* addresses, ports or the namespace where it began */
	DIFF_PATH,     /* stages, namespaces, devices */
	DIFF_ROUTE,    /* what a routing table answered */
	DIFF_FATE,     /* its kind */
	DIFF_REASON,   /* of a drop */
	DIFF_FUNCTION, /* that dropped it */
	DIFF_WHERE,    /* namespace or device of the same fate */
	DIFF_OWNER,    /* whose socket it reached */
	DIFF_READ,     /* whether, by which call and with which result it was read */
	DIFF_UNREAD,   /* whether the socket was closed before */
	DIFF_TOLD,     /* what became of an ICMP error */
	DIFF_TTL,
	DIFF_SIZE,
	DIFF_ICMP, /* type or code */
	DIFF_MAX
};

const char *diff_what_name(enum diff_what what);

enum diff_verdict { DIFF_SAME, DIFF_PART, DIFF_ONLY_A, DIFF_ONLY_B, DIFF_INCONCLUSIVE };

const char *diff_verdict_name(enum diff_verdict verdict);

struct diff_pair {
	const struct diff_journey *side[2]; /* one of them may be NULL */
	enum diff_verdict verdict;
	bool minor; /* in one only, and of no account: background, a TCP segment like others */
	unsigned int differs; /* 1 << enum diff_what */
	/* The parting: hops [0] … before it are common, or in one only and of no account. */
	size_t part[2];
	size_t last[2];	 /* the last common hop before it and 1, 0: none */
	size_t common;	 /* so many are common before it */
	size_t extra[2]; /* so many before it are in one only */
};

struct diff_call_pair {
	const struct diff_call *side[2]; /* one of them may be NULL */
	enum diff_verdict verdict;
};

struct diff {
	struct diff_side side[2];
	struct diff_pair *pairs; /* by birth in A, those of B alone where they came */
	size_t n_pairs;
	struct diff_call_pair *calls; /* that differ */
	size_t n_calls, n_same_calls;
};

/* Both sides are complete. -ENOMEM. */
int diff_compare(struct diff *d);
void diff_free(struct diff *d);
/* DIFF_SAME, DIFF_PART or DIFF_INCONCLUSIVE. */
enum diff_verdict diff_verdict(const struct diff *d);

/* A journey, a call and the end, as lines; `names`: of the recordings. Returns -ENOMEM. */
int diff_tell(const struct diff *d, FILE *out, const struct hs_render_options *options,
	      const char *const names[2]);
int diff_tell_json(const struct diff *d, FILE *out, const struct hs_render_options *options,
		   const char *const names[2]);

/* --- shared by the files of this module --- */

/* Are element i of the one sequence and j of the other the same? */
typedef bool (*diff_same_fn)(const void *ctx, size_t i, size_t j);

/*
 * The longest common subsequence: match[i] becomes the j and 1 that i is aligned with, 0 none.
 * -ENOMEM.
 */
int diff_align(size_t n, size_t m, diff_same_fn same, const void *ctx, size_t *match);

/* Names of two runs: what is in [brackets], a process id, does not count. */
bool diff_same_name(const char *a, const char *b);

/* Sets `other` and `moved` of all journeys. -ENOMEM. */
int diff_pair_journeys(struct diff_side *a, struct diff_side *b);
/* Where the two of pair->side part; fills the rest. -ENOMEM. */
int diff_pair_judge(struct diff_pair *pair, const struct diff *d);
/* Fills d->calls. -ENOMEM. */
int diff_compare_calls(struct diff *d);

#endif
