// SPDX-License-Identifier: BSD-2-Clause
#include "diff.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>

const char *diff_what_name(enum diff_what what)
{
	static const char *const names[] = {
		[DIFF_PLACE] = "place",	  [DIFF_PATH] = "path",	    [DIFF_ROUTE] = "route",
		[DIFF_FATE] = "fate",	  [DIFF_REASON] = "reason", [DIFF_FUNCTION] = "function",
		[DIFF_WHERE] = "where",	  [DIFF_OWNER] = "owner",   [DIFF_READ] = "read",
		[DIFF_UNREAD] = "unread", [DIFF_TOLD] = "told",	    [DIFF_TTL] = "ttl",
		[DIFF_SIZE] = "size",	  [DIFF_ICMP] = "icmp",
	};

	return names[what];
}

const char *diff_verdict_name(enum diff_verdict verdict)
{
	static const char *const names[] = {
		[DIFF_SAME] = "same",
		[DIFF_PART] = "part",
		[DIFF_ONLY_A] = "only_a",
		[DIFF_ONLY_B] = "only_b",
		[DIFF_INCONCLUSIVE] = "inconclusive",
	};

	return names[verdict];
}

/* One more ACK or segment is no difference between two runs; a handshake, a reset, a loss is. */
static bool journey_is_minor(const struct hs_journey *j)
{
	if (j->noise)
		return true;
	return j->packet.proto == IPPROTO_TCP &&
	       !(j->packet.tcp_flags & (TH_SYN | TH_FIN | TH_RST)) && !j->retransmission &&
	       !j->zero_window && !j->window_probe &&
	       (j->fate.kind == HS_FATE_QUEUED || j->fate.kind == HS_FATE_CONSUMED ||
		j->fate.kind == HS_FATE_MERGED || j->fate.kind == HS_FATE_LEFT);
}

static int pair_add(struct diff *d, const struct diff_journey *a, const struct diff_journey *b)
{
	struct diff_pair *pair = &d->pairs[d->n_pairs++];

	*pair = (struct diff_pair){ .side = { a, b } };
	if (a && b)
		return diff_pair_judge(pair, d);
	pair->minor = journey_is_minor(&(a ? a : b)->j);
	if (!pair->minor && d->side[a ? 1 : 0].silent)
		pair->verdict = DIFF_INCONCLUSIVE;
	else
		pair->verdict = a ? DIFF_ONLY_A : DIFF_ONLY_B;
	return 0;
}

static int compare_journeys(struct diff *d)
{
	const struct diff_side *a = &d->side[0], *b = &d->side[1];
	size_t j = 0;
	int r = 0;

	d->pairs = calloc(a->n_journeys + b->n_journeys + 1, sizeof(*d->pairs));
	if (!d->pairs)
		return -ENOMEM;
	for (size_t i = 0; i < a->n_journeys && !r; i++) {
		const struct diff_journey *one = a->journeys[i], *other = one->other;

		for (; other && j < b->n_journeys && b->journeys[j]->j.id < other->j.id && !r; j++)
			if (!b->journeys[j]->other)
				r = pair_add(d, NULL, b->journeys[j]);
		if (!r)
			r = pair_add(d, one, other);
	}
	for (; j < b->n_journeys && !r; j++)
		if (!b->journeys[j]->other)
			r = pair_add(d, NULL, b->journeys[j]);
	return r;
}

int diff_compare(struct diff *d)
{
	int r = diff_pair_journeys(&d->side[0], &d->side[1]);

	if (!r)
		r = compare_journeys(d);
	if (!r)
		r = diff_compare_calls(d);
	return r;
}

enum diff_verdict diff_verdict(const struct diff *d)
{
	enum diff_verdict verdict = DIFF_SAME;

	for (size_t i = 0; i < d->n_pairs; i++) {
		if (d->pairs[i].minor || d->pairs[i].verdict == DIFF_SAME)
			continue;
		if (d->pairs[i].verdict != DIFF_INCONCLUSIVE)
			return DIFF_PART;
		verdict = DIFF_INCONCLUSIVE;
	}
	for (size_t i = 0; i < d->n_calls; i++) {
		if (d->calls[i].verdict != DIFF_INCONCLUSIVE)
			return DIFF_PART;
		verdict = DIFF_INCONCLUSIVE;
	}
	return verdict;
}

void diff_free(struct diff *d)
{
	free(d->pairs);
	free(d->calls);
	diff_side_free(&d->side[0]);
	diff_side_free(&d->side[1]);
	*d = (struct diff){ 0 };
}
