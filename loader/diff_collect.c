// SPDX-License-Identifier: BSD-2-Clause
/* What is kept of a recording: a sink that copies journeys and calls. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "diff.h"

static bool collect_hops(struct diff_journey *kept, const struct hs_journey *j)
{
	uint16_t visit = 0;

	kept->hops = calloc(j->n_hops + 1, sizeof(*kept->hops));
	if (!kept->hops)
		return false;
	for (size_t i = 0; i < j->n_hops; i++) {
		const struct hs_hop *hop = &j->hops[i];

		visit += hop->crossed;
		kept->hops[i] = (struct diff_hop){
			.time = hop->time,
			.netns = hop->netns,
			.dev = hop->dev,
			.text = hop->text,
			.function = hop->function,
			.stage = hop->stage,
			.kind = hop->kind,
			.by = hop->by,
			.visit = visit,
		};
	}
	kept->n_hops = j->n_hops;
	return true;
}

/* Names live as long as the pipeline; what a journey points at besides is copied or left out. */
static void collect_facts(struct diff_journey *kept, const struct hs_journey *j)
{
	uint32_t *caused = kept->j.caused;

	kept->j = *j;
	kept->j.caused = caused;
	kept->j.hops = NULL;
	kept->j.payload = NULL;
	kept->j.overtook = kept->j.overtaken_by = NULL;
	kept->j.n_hops = kept->j.n_overtook = kept->j.n_overtaken_by = 0;
}

static struct diff_journey *collect_new(struct diff_side *side, uint32_t id)
{
	struct diff_journey *kept;

	if (id >= side->n_ids) {
		size_t n = ((size_t)id + 1) * 2;
		struct diff_journey **grown = realloc(side->by_id, n * sizeof(*grown));

		if (!grown)
			return NULL;
		memset(grown + side->n_ids, 0, (n - side->n_ids) * sizeof(*grown));
		side->by_id = grown;
		side->n_ids = n;
	}
	kept = calloc(1, sizeof(*kept));
	side->by_id[id] = kept;
	return kept;
}

static void collect_settled(void *ctx, const struct hs_journey *j)
{
	struct diff_side *side = ctx;
	struct diff_journey *kept;

	if (j->id < side->n_ids && side->by_id[j->id])
		return;
	kept = collect_new(side, j->id);
	if (kept)
		kept->j.caused = calloc(j->n_caused + 1, sizeof(*j->caused));
	if (!kept || !kept->j.caused || !collect_hops(kept, j)) {
		side->failed = true;
		return;
	}
	collect_facts(kept, j);
	if (j->n_caused)
		memcpy(kept->j.caused, j->caused, j->n_caused * sizeof(*j->caused));
}

/* It has settled, and more became known. */
static void collect_later(void *ctx, const struct hs_journey *j)
{
	struct diff_side *side = ctx;
	struct diff_journey *kept = j->id < side->n_ids ? side->by_id[j->id] : NULL;
	size_t n_caused;

	if (!kept)
		return;
	n_caused = kept->j.n_caused;
	collect_facts(kept, j);
	kept->j.n_caused = n_caused;
}

/* The how-manieth task of its name it is. */
static unsigned int collect_who(const struct diff_side *side, const struct hs_task *task)
{
	unsigned int most = 0;

	for (size_t i = side->n_calls; i-- > 0;) {
		const struct diff_call *before = &side->calls[i];

		if (strcmp(before->c.task.comm, task->comm) != 0)
			continue;
		if (before->c.task.tid == task->tid)
			return before->who;
		most = before->who > most ? before->who : most;
	}
	return most + 1;
}

static void collect_call(void *ctx, const struct hs_call *call)
{
	struct diff_side *side = ctx;
	struct diff_call *grown = side->calls;

	/* Grows at powers of two. */
	if (!(side->n_calls & (side->n_calls - 1)))
		grown = realloc(grown, (side->n_calls ? side->n_calls * 2 : 1) * sizeof(*grown));
	if (!grown) {
		side->failed = true;
		return;
	}
	side->calls = grown;
	grown[side->n_calls] =
		(struct diff_call){ .c = *call, .who = collect_who(side, &call->task) };
	grown[side->n_calls].c.journeys = grown[side->n_calls].c.reads = NULL;
	grown[side->n_calls].c.n_journeys = grown[side->n_calls].c.n_reads = 0;
	side->n_calls++;
}

static void collect_summary(void *ctx, const struct hs_summary *s)
{
	struct diff_side *side = ctx;

	side->silent |= s->lost || s->misses;
	side->journeys = calloc(side->n_ids + 1, sizeof(*side->journeys));
	if (!side->journeys) {
		side->failed = true;
		return;
	}
	for (size_t id = 0; id < side->n_ids; id++)
		if (side->by_id[id])
			side->journeys[side->n_journeys++] = side->by_id[id];
}

void diff_side_init(struct diff_side *side)
{
	*side = (struct diff_side){
		.sink = {
			.ctx = side,
			.call = collect_call,
			.settled = collect_settled,
			.read = collect_later,
			.told = collect_later,
			.unread = collect_later,
			.no_icmp = collect_later,
			.summary = collect_summary,
		},
	};
}

void diff_side_free(struct diff_side *side)
{
	for (size_t id = 0; id < side->n_ids; id++) {
		if (!side->by_id[id])
			continue;
		free(side->by_id[id]->hops);
		free(side->by_id[id]->j.caused);
		free(side->by_id[id]);
	}
	free(side->by_id);
	free(side->journeys);
	free(side->calls);
	*side = (struct diff_side){ 0 };
}

int diff_side_error(const struct diff_side *side)
{
	return side->failed ? -ENOMEM : 0;
}
