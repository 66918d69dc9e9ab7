// SPDX-License-Identifier: BSD-2-Clause
/*
 * Where two journeys part. They are aligned by stage, namespace and device; one that is paired with
 * a journey from another place, by stage and how often it came to another namespace. A hop in one
 * only is no parting where the other recording may have been unable to see it (a function without a
 * probe, a stack that was not taken), or where it comes and goes from run to run.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "diff.h"

struct hops_ctx {
	const struct diff_journey *a, *b;
	bool moved;
};

static bool hops_same(const void *ctx, size_t i, size_t j)
{
	const struct hops_ctx *c = ctx;
	const struct diff_hop *a = &c->a->hops[i], *b = &c->b->hops[j];

	if (a->stage != b->stage)
		return false;
	if (c->moved)
		return a->visit == b->visit;
	return diff_same_name(a->netns, b->netns) && diff_same_name(a->dev, b->dev);
}

/* Without it, the way was another one. The end of a journey is told by its fate. */
static bool hop_matters(const struct diff_hop *hop)
{
	if (hop->by != HS_BY_TRACEPOINT)
		return false;
	switch (hop->stage) {
	case HS_STAGE_ROUTE_OUT: /* a socket keeps the answer, and they come with stacks only */
	case HS_STAGE_ROUTE_IN:
	case HS_STAGE_WAKEUP: /* only a reader that waits */
	case HS_STAGE_RUNNING:
	case HS_STAGE_SOCK_READ:
	case HS_STAGE_SOCK_QUEUE:
	case HS_STAGE_DROP:
	case HS_STAGE_CONSUME:
	case HS_STAGE_QDISC_ENQUEUE: /* before Linux 5.15 there is no event; dequeue tells it */
		return false;
	default:
		return true;
	}
}

/* --- what differs besides the way --- */

/* Compilers name a part of a function after the whole: "ip_rcv.part.0". */
static bool same_function(const char *a, const char *b)
{
	size_t n = strcspn(a, "."), m = strcspn(b, ".");

	return !n || !m || (n == m && !strncmp(a, b, n));
}

/* Older kernels give no reason, or a less exact one. */
static bool same_reason(const struct hs_fate *a, const struct hs_fate *b)
{
	if (!strcmp(a->reason, b->reason))
		return true;
	if (!*a->reason || !*b->reason)
		return true;
	return (!strcmp(a->reason, "NOT_SPECIFIED") || !strcmp(b->reason, "NOT_SPECIFIED")) &&
	       *a->function && *b->function && same_function(a->function, b->function);
}

/* A segment that reached TCP did so whether GRO merged it or not. */
static bool same_kind(const struct hs_journey *a, const struct hs_journey *b)
{
	const enum hs_fate_kind x = a->fate.kind, y = b->fate.kind;

	if (x == y)
		return true;
	return a->packet.proto == IPPROTO_TCP &&
	       (x == HS_FATE_QUEUED || x == HS_FATE_CONSUMED || x == HS_FATE_MERGED) &&
	       (y == HS_FATE_QUEUED || y == HS_FATE_CONSUMED || y == HS_FATE_MERGED);
}

static unsigned int fate_differs(const struct hs_journey *a, const struct hs_journey *b, bool moved)
{
	const struct hs_fate *x = &a->fate, *y = &b->fate;
	unsigned int differs = 0;

	if (!same_kind(a, b))
		return 1 << DIFF_FATE;
	if (x->kind == HS_FATE_DROPPED) {
		differs |= same_reason(x, y) ? 0 : 1 << DIFF_REASON;
		differs |= same_function(x->function, y->function) ? 0 : 1 << DIFF_FUNCTION;
	}
	if (!moved && (!diff_same_name(x->netns, y->netns) || !diff_same_name(x->dev, y->dev)))
		differs |= 1 << DIFF_WHERE;
	if (x->kind == HS_FATE_QUEUED && x->owner.pid && y->owner.pid &&
	    strcmp(x->owner.comm, y->owner.comm) != 0)
		differs |= 1 << DIFF_OWNER;
	return differs;
}

/* Reads of a stream do not follow its segments. */
static bool same_read(const struct hs_journey *a, const struct hs_journey *b)
{
	if (a->packet.proto == IPPROTO_TCP || (!a->read_done && !b->read_done))
		return true;
	return a->read_done == b->read_done && a->read.ret == b->read.ret &&
	       a->read.lost == b->read.lost && !strcmp(a->read.call, b->read.call) &&
	       !strcmp(a->read.task.comm, b->read.task.comm);
}

static unsigned int sequel_differs(const struct hs_journey *a, const struct hs_journey *b)
{
	unsigned int differs = 0;

	if (!same_read(a, b))
		differs |= 1 << DIFF_READ;
	if (a->unread_at_close != b->unread_at_close)
		differs |= 1 << DIFF_UNREAD;
	if (a->told != b->told || a->told_err != b->told_err ||
	    (a->told == HS_TOLD_CALL && strcmp(a->told_call, b->told_call) != 0))
		differs |= 1 << DIFF_TOLD;
	return differs;
}

/* How a stream is cut into segments depends on when its bytes come. */
static unsigned int packet_differs(const struct hs_packet *a, const struct hs_packet *b)
{
	unsigned int differs = 0;

	if (a->ttl != b->ttl)
		differs |= 1 << DIFF_TTL;
	if (a->proto != IPPROTO_TCP && a->length != b->length)
		differs |= 1 << DIFF_SIZE;
	if (a->has_icmp && (a->icmp_type != b->icmp_type || a->icmp_code != b->icmp_code))
		differs |= 1 << DIFF_ICMP;
	return differs;
}

/* --- the way --- */

static bool hop_is_route(const struct diff_hop *hop)
{
	return hop->stage == HS_STAGE_ROUTE_OUT || hop->stage == HS_STAGE_ROUTE_IN;
}

/* A gap between two common hops, or before the first, or behind the last. */
struct gap {
	size_t a, b;	     /* where it begins */
	size_t end_a, end_b; /* behind it */
};

static bool gap_matters(const struct hops_ctx *c, const struct gap *gap)
{
	for (size_t i = gap->a; i < gap->end_a; i++)
		if (hop_matters(&c->a->hops[i]))
			return true;
	for (size_t i = gap->b; i < gap->end_b; i++)
		if (hop_matters(&c->b->hops[i]))
			return true;
	return false;
}

/* The one that lacks the hops is the one whose silence counts. */
static bool gap_is_silent(const struct hops_ctx *c, const struct gap *gap)
{
	bool in_a = false, in_b = false;

	for (size_t i = gap->a; i < gap->end_a; i++)
		in_a |= hop_matters(&c->a->hops[i]);
	for (size_t i = gap->b; i < gap->end_b; i++)
		in_b |= hop_matters(&c->b->hops[i]);
	return (!in_a && c->a->j.incomplete) || (!in_b && c->b->j.incomplete);
}

/* Goes along the common hops up to the parting; true when that is found, as a difference of the way. */
static bool hops_walk(struct diff_pair *pair, const struct hops_ctx *c, const size_t *match,
		      bool *silent)
{
	struct gap gap = { 0 };

	for (size_t i = 0; i <= c->a->n_hops; i++) {
		bool end = i == c->a->n_hops;

		if (!end && !match[i])
			continue;
		gap.end_a = i;
		gap.end_b = end ? c->b->n_hops : match[i] - 1;
		pair->part[0] = gap.a;
		pair->part[1] = gap.b;
		if (gap_matters(c, &gap)) {
			*silent = gap_is_silent(c, &gap);
			pair->differs |= 1 << DIFF_PATH;
			return true;
		}
		if (end)
			return false;
		pair->extra[0] += gap.end_a - gap.a;
		pair->extra[1] += gap.end_b - gap.b;
		c->a->hops[i].common = c->b->hops[match[i] - 1].common = true;
		if (!c->moved && hop_is_route(&c->a->hops[i]) &&
		    strcmp(c->a->hops[i].text, c->b->hops[match[i] - 1].text) != 0) {
			pair->part[0] = i;
			pair->part[1] = match[i] - 1;
			pair->differs |= 1 << DIFF_ROUTE;
			return true;
		}
		pair->common++;
		pair->last[0] = i + 1;
		pair->last[1] = match[i];
		gap.a = i + 1;
		gap.b = match[i];
	}
	return false;
}

/* Both ends are known, so it is no silence that tells them apart. */
static bool fate_is_known(const struct hs_journey *j)
{
	return j->fate.kind != HS_FATE_UNKNOWN &&
	       (j->fate.kind != HS_FATE_UNDERWAY || !j->incomplete) &&
	       !(j->fate.inferred && j->incomplete);
}

static bool pair_is_silent(const struct diff_pair *pair, const struct diff *d, bool path_silent)
{
	const struct hs_journey *a = &pair->side[0]->j, *b = &pair->side[1]->j;
	const unsigned int fates = 1 << DIFF_FATE | 1 << DIFF_REASON | 1 << DIFF_FUNCTION |
				   1 << DIFF_WHERE | 1 << DIFF_OWNER;
	const unsigned int sequels = 1 << DIFF_READ | 1 << DIFF_UNREAD | 1 << DIFF_TOLD;
	unsigned int proven = pair->differs;
	bool cut = (d->side[0].silent && a->fate.kind == HS_FATE_UNDERWAY) ||
		   (d->side[1].silent && b->fate.kind == HS_FATE_UNDERWAY);

	if (path_silent)
		proven &= ~(1u << DIFF_PATH);
	if (!fate_is_known(a) || !fate_is_known(b) || cut)
		proven &= ~fates;
	if (a->incomplete || b->incomplete || d->side[0].silent || d->side[1].silent)
		proven &= ~sequels;
	return !proven;
}

int diff_pair_judge(struct diff_pair *pair, const struct diff *d)
{
	struct hops_ctx c = { .a = pair->side[0],
			      .b = pair->side[1],
			      .moved = pair->side[0]->moved };
	size_t *match = calloc(c.a->n_hops + 1, sizeof(*match));
	bool silent = false;
	int r;

	if (!match)
		return -ENOMEM;
	r = diff_align(c.a->n_hops, c.b->n_hops, hops_same, &c, match);
	if (!r) {
		if (c.moved)
			pair->differs |= 1 << DIFF_PLACE;
		hops_walk(pair, &c, match, &silent);
		pair->differs |= fate_differs(&c.a->j, &c.b->j, c.moved) |
				 sequel_differs(&c.a->j, &c.b->j) |
				 packet_differs(&c.a->j.packet, &c.b->j.packet);
		if (pair->differs)
			pair->verdict =
				pair_is_silent(pair, d, silent) ? DIFF_INCONCLUSIVE : DIFF_PART;
	}
	free(match);
	return r;
}
