// SPDX-License-Identifier: BSD-2-Clause
/*
 * The sink: passes everything on, and remembers what the steps of an expectation may be about. A
 * packet is copied whenever something is told of it; once it is settled, only those are kept that a
 * step may match, and for each step a few that are nearly what it wants.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "expect_parts.h"

#define BYTES_MAX     (256ull << 20) /* of what is remembered */
#define BUDGET_SO_FAR 2000000	     /* comparisons, to know whether all hold already */

#define PASS(x, callback, ...)                                              \
	do {                                                                \
		if ((x)->inner->callback)                                   \
			(x)->inner->callback((x)->inner->ctx, __VA_ARGS__); \
	} while (0)

static void expect_time(struct expect *x, uint64_t time)
{
	if (time > x->now)
		x->now = time;
}

/* ---- facts ---- */

static struct fact *fact_new(struct expect *x, enum thing thing)
{
	struct fact *fact = x->bytes < BYTES_MAX ? calloc(1, sizeof(*fact)) : NULL;

	if (!fact) {
		x->trouble.full = true;
		return NULL;
	}
	fact->thing = thing;
	fact->refs = 1;
	fact->order = x->order++;
	fact->start = x->start;
	fact->seen = x->now;
	fact->bytes = sizeof(*fact);
	x->bytes += fact->bytes;
	return fact;
}

/* What is forgotten before it is copied again. */
static void fact_drop_parts(struct expect *x, struct fact *fact)
{
	free(fact->j.hops);
	free(fact->j.caused);
	free(fact->j.overtook);
	free(fact->j.overtaken_by);
	free(fact->data);
	fact->data = NULL;
	free(fact->path);
	fact->path = NULL;
	x->bytes -= fact->bytes - sizeof(*fact);
	fact->bytes = sizeof(*fact);
}

static void fact_free(struct expect *x, struct fact *fact)
{
	if (fact->thing == THING_JOURNEY) {
		fact_drop_parts(x, fact);
	} else if (fact->thing == THING_CALL) {
		free(fact->c.journeys);
		free(fact->c.reads);
	}
	x->bytes -= fact->bytes;
	free(fact);
}

static void fact_put(struct expect *x, struct fact *fact)
{
	if (--fact->refs)
		return;
	if (fact->thing == THING_JOURNEY)
		HASH_DEL(x->journeys, fact);
	DL_DELETE(x->all, fact);
	fact_free(x, fact);
}

/* A copy of `n` elements for `fact`; NULL for none, and where there is no memory. */
static void *fact_copy(struct expect *x, struct fact *fact, const void *from, size_t n, size_t size)
{
	void *copy = n ? malloc(n * size) : NULL;

	if (n && !copy)
		x->trouble.full = true;
	if (!copy)
		return NULL;
	memcpy(copy, from, n * size);
	fact->bytes += n * size;
	x->bytes += n * size;
	return copy;
}

/* It may be what a step is nearly about: in place of one that is less so. */
static void fact_offer(struct expect *x, struct near near[EXPECT_NEAR], struct fact *fact,
		       unsigned int score)
{
	struct near *worst = near;

	for (size_t i = 0; i < EXPECT_NEAR; i++) {
		if (!near[i].fact) {
			worst = &near[i];
			break;
		}
		if (near[i].score > worst->score)
			worst = &near[i];
	}
	if (worst->fact && worst->score <= score)
		return;
	if (worst->fact)
		fact_put(x, worst->fact);
	fact->refs++;
	*worst = (struct near){ fact, score };
}

/* Nothing more is said of it: is it wanted? */
static void fact_settle(struct expect *x, struct fact *fact)
{
	bool wanted = false;

	fact->settled = true;
	for (size_t e = 0; e < x->list->n; e++)
		for (size_t i = 0; i < x->list->all[e]->n; i++) {
			const struct step *step = &x->list->all[e]->steps[i];
			unsigned int score;

			if (step->kind->thing != fact->thing)
				continue;
			score = step_score(step, fact, NULL, NULL);
			if (score)
				fact_offer(x, x->judgements[e].near[i], fact, score);
			wanted |= !score;
		}
	if (wanted)
		x->changes++;
	else
		fact_put(x, fact);
}

static void fact_add(struct expect *x, struct fact *fact)
{
	DL_APPEND(x->all, fact);
	fact_settle(x, fact);
}

/* ---- packets ---- */

/* Bytes as a text, a dot for what is none. */
static char *fact_text(struct expect *x, struct fact *fact, const uint8_t *bytes, size_t n)
{
	char *text = malloc(n + 1);

	if (!text) {
		x->trouble.full = true;
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		text[i] = (char)(bytes[i] < ' ' || bytes[i] == 0x7f ? '.' : bytes[i]);
	text[n] = '\0';
	fact->bytes += n + 1;
	x->bytes += n + 1;
	return text;
}

/* "ns_a/veth_a > ns_b/veth_b": each place once, as long as it stays there. */
static char *fact_path(struct expect *x, struct fact *fact, const struct hs_journey *j)
{
	const struct hs_hop *before = NULL;
	char *path = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&path, &len);

	for (size_t i = 0; f && i < j->n_hops; i++) {
		const struct hs_hop *hop = &j->hops[i];

		if (!*hop->netns || !*hop->dev ||
		    (before && !strcmp(hop->netns, before->netns) &&
		     !strcmp(hop->dev, before->dev)))
			continue;
		fprintf(f, "%s%s/%s", before ? " > " : "", hop->netns, hop->dev);
		before = hop;
	}
	if (!f || fclose(f)) {
		x->trouble.full = true;
		return NULL;
	}
	fact->bytes += len + 1;
	x->bytes += len + 1;
	return path;
}

/* What the journey points at, and is not the names store's. */
static void fact_copy_parts(struct expect *x, struct fact *fact, const struct hs_journey *j)
{
	fact->j.hops = fact_copy(x, fact, j->hops, j->n_hops, sizeof(*j->hops));
	fact->j.n_hops = fact->j.hops ? j->n_hops : 0;
	for (size_t i = 0; i < fact->j.n_hops; i++) {
		fact->j.hops[i].functions = NULL;
		fact->j.hops[i].n_functions = 0;
	}
	fact->path = fact_path(x, fact, j);
	fact->j.caused = fact_copy(x, fact, j->caused, j->n_caused, sizeof(*j->caused));
	fact->j.n_caused = fact->j.caused ? j->n_caused : 0;
	fact->j.overtook = fact_copy(x, fact, j->overtook, j->n_overtook, sizeof(*j->overtook));
	fact->j.n_overtook = fact->j.overtook ? j->n_overtook : 0;
	fact->j.overtaken_by =
		fact_copy(x, fact, j->overtaken_by, j->n_overtaken_by, sizeof(*j->overtaken_by));
	fact->j.n_overtaken_by = fact->j.overtaken_by ? j->n_overtaken_by : 0;
	fact->j.payload = NULL;
	if (j->payload && j->payload_captured)
		fact->data = fact_text(x, fact, j->payload, j->payload_captured);
}

static struct fact *fact_of_journey(struct expect *x, const struct hs_journey *j)
{
	struct fact *fact = NULL;

	if (!x->wants[THING_JOURNEY])
		return NULL;
	HASH_FIND(hh, x->journeys, &j->id, sizeof(j->id), fact);
	if (fact) {
		fact_drop_parts(x, fact);
		fact->j = *j;
	} else {
		fact = fact_new(x, THING_JOURNEY);
		if (!fact)
			return NULL;
		fact->j = *j;
		HASH_ADD(hh, x->journeys, j.id, sizeof(fact->j.id), fact);
		DL_APPEND(x->all, fact);
	}
	fact_copy_parts(x, fact, j);
	x->changes++;
	return fact;
}

static void expect_hop(void *ctx, const struct hs_journey *j, const struct hs_hop *hop)
{
	struct expect *x = ctx;

	expect_time(x, hop->time);
	PASS(x, hop, j, hop);
}

static void expect_fate(void *ctx, const struct hs_journey *j)
{
	struct expect *x = ctx;

	expect_time(x, j->fate.time);
	fact_of_journey(x, j);
	PASS(x, fate, j);
}

static void expect_read(void *ctx, const struct hs_journey *j)
{
	struct expect *x = ctx;

	expect_time(x, j->read.time);
	fact_of_journey(x, j);
	PASS(x, read, j);
}

static void expect_told(void *ctx, const struct hs_journey *j)
{
	struct expect *x = ctx;
	struct fact *fact = fact_of_journey(x, j);

	if (fact)
		fact->told_at = x->now;
	PASS(x, told, j);
}

static void expect_unread(void *ctx, const struct hs_journey *j)
{
	struct expect *x = ctx;
	struct fact *fact = fact_of_journey(x, j);

	if (fact)
		fact->unread_at = x->now;
	PASS(x, unread, j);
}

static void expect_no_icmp(void *ctx, const struct hs_journey *j)
{
	struct expect *x = ctx;

	fact_of_journey(x, j);
	PASS(x, no_icmp, j);
}

static void expect_settled(void *ctx, const struct hs_journey *j)
{
	struct expect *x = ctx;
	struct fact *fact = fact_of_journey(x, j);

	if (fact && !fact->settled)
		fact_settle(x, fact);
	PASS(x, settled, j);
}

/* ---- calls ---- */

static struct fact *fact_of_call(struct expect *x, const struct hs_call *call)
{
	struct fact *fact = fact_new(x, THING_CALL);

	if (!fact)
		return NULL;
	fact->c = *call;
	fact->c.journeys =
		fact_copy(x, fact, call->journeys, call->n_journeys, sizeof(*call->journeys));
	fact->c.n_journeys = fact->c.journeys ? call->n_journeys : 0;
	fact->c.reads = fact_copy(x, fact, call->reads, call->n_reads, sizeof(*call->reads));
	fact->c.n_reads = fact->c.reads ? call->n_reads : 0;
	return fact;
}

/* The task is not in the call any more that it entered before. */
static void expect_left(struct expect *x, uint32_t tid)
{
	struct fact *fact, *tmp;

	DL_FOREACH_SAFE (x->inside, fact, tmp) {
		if (fact->c.task.tid != tid)
			continue;
		DL_DELETE(x->inside, fact);
		fact_free(x, fact);
	}
}

static void expect_call_enter(void *ctx, const struct hs_call *call)
{
	struct expect *x = ctx;
	struct fact *fact;

	expect_time(x, call->entered);
	expect_left(x, call->task.tid);
	fact = x->wants_blocked ? fact_of_call(x, call) : NULL;
	if (fact)
		DL_APPEND(x->inside, fact);
	PASS(x, call_enter, call);
}

static void expect_call(void *ctx, const struct hs_call *call)
{
	struct expect *x = ctx;
	struct fact *fact = x->wants[THING_CALL] ? fact_of_call(x, call) : NULL;

	expect_time(x, call->left);
	expect_left(x, call->task.tid);
	if (fact)
		fact_add(x, fact);
	PASS(x, call, call);
}

/* ---- what is a moment ---- */

static void expect_flow(void *ctx, const struct hs_flow *flow)
{
	struct expect *x = ctx;
	struct fact *fact = x->wants[THING_FLOW] ? fact_new(x, THING_FLOW) : NULL;

	expect_time(x, flow->born);
	if (fact) {
		fact->f = *flow;
		fact_add(x, fact);
	}
	PASS(x, flow, flow);
}

static void expect_state(void *ctx, const struct hs_state *state)
{
	struct expect *x = ctx;
	struct fact *fact = x->wants[THING_STATE] ? fact_new(x, THING_STATE) : NULL;

	expect_time(x, state->time);
	if (fact) {
		fact->s = *state;
		fact_add(x, fact);
	}
	PASS(x, state, state);
}

static void expect_socket(void *ctx, const struct hs_socket *socket)
{
	struct expect *x = ctx;
	struct fact *fact = x->wants[THING_SOCKET] ? fact_new(x, THING_SOCKET) : NULL;

	if (fact) {
		fact->k = *socket;
		fact_add(x, fact);
	}
	PASS(x, socket, socket);
}

static void expect_signal(void *ctx, const struct hs_signal *signal)
{
	struct expect *x = ctx;
	struct fact *fact = x->wants[THING_SIGNAL] ? fact_new(x, THING_SIGNAL) : NULL;

	expect_time(x, signal->time);
	if (fact) {
		fact->g = *signal;
		fact_add(x, fact);
	}
	PASS(x, signal, signal);
}

/* ---- the end ---- */

static void expect_tick(void *ctx, uint64_t now)
{
	struct expect *x = ctx;

	expect_time(x, now);
	PASS(x, tick, now);
}

static void expect_loss(void *ctx, uint64_t time, uint64_t lost, uint64_t misses)
{
	struct expect *x = ctx;

	expect_time(x, time);
	x->trouble.lost = lost;
	x->trouble.misses = misses;
	PASS(x, loss, time, lost, misses);
}

static void expect_judge(struct expect *x)
{
	struct fact *fact, *tmp;

	DL_FOREACH_SAFE (x->inside, fact, tmp) {
		DL_DELETE(x->inside, fact);
		fact_add(x, fact);
	}
	for (size_t e = 0; e < x->list->n; e++) {
		if (judge(&x->judgements[e], x->all, &x->trouble, 0))
			x->judgements[e].verdict = HS_VERDICT_INCONCLUSIVE;
	}
	x->done = true;
}

static void expect_summary(void *ctx, const struct hs_summary *summary)
{
	struct expect *x = ctx;

	x->trouble.lost = summary->lost;
	x->trouble.misses = summary->misses;
	x->trouble.calls = summary->unseen_calls;
	x->trouble.full |= summary->losses.n[HS_LOSS_JOURNEYS] || summary->losses.n[HS_LOSS_FLOWS];
	expect_judge(x);
	PASS(x, summary, summary);
}

void expect_note_cut(struct hs_sink *sink)
{
	((struct expect *)sink->ctx)->trouble.cut = true;
}

/* Could what is still to come change that it holds? */
static bool step_may_change(const struct step *step)
{
	return step->absent || step->kind->last || (step->counted && step->max != UINT32_MAX);
}

bool expect_is_over(struct hs_sink *sink)
{
	struct expect *x = sink->ctx;

	if (x->done || x->changes == x->judged)
		return x->done;
	x->judged = x->changes;
	for (size_t e = 0; e < x->list->n; e++) {
		for (size_t i = 0; i < x->list->all[e]->n; i++)
			if (step_may_change(&x->list->all[e]->steps[i]))
				return false;
		if (judge(&x->judgements[e], x->all, &x->trouble, BUDGET_SO_FAR) ||
		    x->judgements[e].verdict != HS_VERDICT_HELD)
			return false;
	}
	return true;
}

enum hs_verdict expect_verdict(const struct hs_sink *sink)
{
	const struct expect *x = sink->ctx;
	enum hs_verdict worst = x->done ? HS_VERDICT_HELD : HS_VERDICT_INCONCLUSIVE;

	for (size_t e = 0; e < x->list->n && x->done; e++) {
		enum hs_verdict verdict = x->judgements[e].verdict;

		if (verdict == HS_VERDICT_FAILED || worst == HS_VERDICT_HELD)
			worst = verdict;
	}
	return worst;
}

/* ---- begin and end ---- */

static int expect_prepare(struct expect *x)
{
	x->judgements = calloc(x->list->n, sizeof(*x->judgements));
	if (!x->judgements)
		return -ENOMEM;
	for (size_t e = 0; e < x->list->n; e++) {
		struct judgement *judgement = &x->judgements[e];
		const struct hs_expectation *expectation = x->list->all[e];

		judgement->e = expectation;
		judgement->near = calloc(expectation->n, sizeof(*judgement->near));
		judgement->chosen = calloc(expectation->n, sizeof(struct fact *));
		judgement->counts = calloc(expectation->n, sizeof(*judgement->counts));
		if (!judgement->near || !judgement->chosen || !judgement->counts)
			return -ENOMEM;
		for (size_t i = 0; i < expectation->n; i++) {
			x->wants[expectation->steps[i].kind->thing] = true;
			x->wants_blocked |= expectation->steps[i].kind->last;
		}
	}
	return 0;
}

struct hs_sink *expect_new(struct hs_sink *inner, const struct hs_expectations *list,
			   uint64_t start)
{
	struct expect *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	x->inner = inner;
	x->list = list;
	x->start = x->now = start;
	x->sink = (struct hs_sink){
		.ctx = x,
		.call_enter = expect_call_enter,
		.call = expect_call,
		.hop = expect_hop,
		.fate = expect_fate,
		.read = expect_read,
		.told = expect_told,
		.unread = expect_unread,
		.no_icmp = expect_no_icmp,
		.settled = expect_settled,
		.flow = expect_flow,
		.state = expect_state,
		.socket = expect_socket,
		.signal = expect_signal,
		.tick = expect_tick,
		.loss = expect_loss,
		.summary = expect_summary,
	};
	if (!expect_prepare(x))
		return &x->sink;
	expect_free(&x->sink);
	return NULL;
}

void expect_free(struct hs_sink *sink)
{
	struct expect *x = sink ? sink->ctx : NULL;
	struct fact *fact, *tmp;

	if (!x)
		return;
	HASH_CLEAR(hh, x->journeys);
	DL_FOREACH_SAFE (x->all, fact, tmp)
		fact_free(x, fact);
	DL_FOREACH_SAFE (x->inside, fact, tmp)
		fact_free(x, fact);
	for (size_t e = 0; e < x->list->n && x->judgements; e++) {
		free(x->judgements[e].near);
		free(x->judgements[e].chosen);
		free(x->judgements[e].counts);
	}
	free(x->judgements);
	free(x);
}
