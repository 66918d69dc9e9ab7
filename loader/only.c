// SPDX-License-Identifier: BSD-2-Clause
#include "only.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>
#include <utlist.h>

#define PATIENCE_NS 10000000000ull /* longer does no journey take to settle */

/* A connection of which nothing has passed yet. */
struct only_flow {
	struct hs_flow f;
	UT_hash_handle hh;
};

/* A change of state, until it is known whether what moved it passes. */
struct only_state {
	struct hs_state s;
	struct only_state *prev, *next;
};

#define RECENT 256 /* so many settled journeys are remembered: a change may be told after that */

struct only {
	struct hs_sink sink;
	struct only_flow *flows;
	struct {
		uint32_t id;
		bool passed;
	} recent[RECENT];
	struct only_state *states;
	struct hs_sink *inner;
	unsigned int bits;
	const struct hs_words *reasons;
	uint64_t passed;
};

static const struct {
	const char *word;
	unsigned int bit;
} only_words[] = {
	{ "dropped", HS_ONLY_DROPPED }, { "refused", HS_ONLY_REFUSED },
	{ "reset", HS_ONLY_RESET },	{ "retransmitted", HS_ONLY_RETRANSMITTED },
	{ "unread", HS_ONLY_UNREAD },	{ "unknown", HS_ONLY_UNKNOWN },
};

int only_parse(const char *list, unsigned int *bits, const char **ret_bad)
{
	for (const char *word = list; *word;) {
		size_t len = strcspn(word, ","), i;

		for (i = 0; i < sizeof(only_words) / sizeof(only_words[0]); i++)
			if (strlen(only_words[i].word) == len &&
			    !strncmp(only_words[i].word, word, len))
				break;
		if (i == sizeof(only_words) / sizeof(only_words[0])) {
			*ret_bad = word;
			return -EINVAL;
		}
		*bits |= only_words[i].bit;
		word += len;
		word += *word == ',';
	}
	return 0;
}

static bool only_wants(const struct only *o, const struct hs_journey *j)
{
	const struct hs_fate *fate = &j->fate;

	if (o->reasons->n && words_have(o->reasons, fate->reason))
		return true;
	if (o->bits & HS_ONLY_DROPPED && fate->kind == HS_FATE_DROPPED)
		return true;
	if (o->bits & HS_ONLY_REFUSED && fate->kind == HS_FATE_REFUSED)
		return true;
	if (o->bits & HS_ONLY_RESET && j->packet.proto == IPPROTO_TCP &&
	    j->packet.tcp_flags & TH_RST)
		return true;
	if (o->bits & HS_ONLY_RETRANSMITTED && j->retransmission)
		return true;
	if (o->bits & HS_ONLY_UNREAD &&
	    (j->unread_at_close ||
	     (fate->kind == HS_FATE_QUEUED && !j->read_done && j->packet.proto != IPPROTO_TCP)))
		return true;
	return o->bits & HS_ONLY_UNKNOWN && fate->kind == HS_FATE_UNKNOWN;
}

/* Something of that connection passes, so the connection does. */
static void only_meet(struct only *o, uint32_t id)
{
	struct only_flow *flow = NULL;

	HASH_FIND(hh, o->flows, &id, sizeof(id), flow);
	if (!flow)
		return;
	HASH_DEL(o->flows, flow);
	if (o->inner->flow)
		o->inner->flow(o->inner->ctx, &flow->f);
	free(flow);
}

/* The journey that a change of state passes with: received or else sent with it; 0 none. */
static uint32_t only_mover(const struct hs_state *s)
{
	return s->cause_kind == HS_CAUSE_JOURNEY && s->cause ? s->cause : s->sent;
}

/* What that journey changed passes with it, or not at all. */
static void only_states(struct only *o, uint32_t id, bool pass)
{
	struct only_state *state, *tmp;

	DL_FOREACH_SAFE (o->states, state, tmp) {
		if (only_mover(&state->s) != id)
			continue;
		if (pass && o->inner->state)
			o->inner->state(o->inner->ctx, &state->s);
		DL_DELETE(o->states, state);
		free(state);
	}
}

static void only_settled(void *ctx, const struct hs_journey *j)
{
	struct only *o = ctx;
	struct hs_sink *in = o->inner;
	bool wanted = only_wants(o, j);

	if (wanted)
		only_meet(o, j->flow);
	only_states(o, j->id, wanted);
	o->recent[j->id % RECENT].id = j->id;
	o->recent[j->id % RECENT].passed = wanted;
	if (!wanted)
		return;
	o->passed++;
	if (in->hop)
		for (size_t i = 0; i < j->n_hops; i++)
			in->hop(in->ctx, j, &j->hops[i]);
	if (in->fate && j->fate.kind != HS_FATE_UNDERWAY)
		in->fate(in->ctx, j);
	if (in->read && j->read_done)
		in->read(in->ctx, j);
	if (in->told && (j->told == HS_TOLD_CALL || j->told == HS_TOLD_NOBODY))
		in->told(in->ctx, j);
	if (in->unread && j->unread_at_close)
		in->unread(in->ctx, j);
	if (in->no_icmp && *j->no_icmp)
		in->no_icmp(in->ctx, j);
	if (in->settled)
		in->settled(in->ctx, j);
}

static void only_call_enter(void *ctx, const struct hs_call *call)
{
	struct hs_sink *in = ((struct only *)ctx)->inner;

	if (in->call_enter)
		in->call_enter(in->ctx, call);
}

static void only_call(void *ctx, const struct hs_call *call)
{
	struct hs_sink *in = ((struct only *)ctx)->inner;

	only_meet(ctx, call->flow);
	if (in->call)
		in->call(in->ctx, call);
}

static void only_flow(void *ctx, const struct hs_flow *f)
{
	struct only_flow *flow = calloc(1, sizeof(*flow));
	struct hs_sink *in = ((struct only *)ctx)->inner;
	struct only *o = ctx;

	/* without memory it passes: too much is better than too little */
	if (!flow) {
		if (in->flow)
			in->flow(in->ctx, f);
		return;
	}
	flow->f = *f;
	HASH_ADD(hh, o->flows, f.id, sizeof(f->id), flow);
}

static void only_state(void *ctx, const struct hs_state *s)
{
	struct only *o = ctx;
	struct only_flow *flow = NULL;
	struct only_state *state;
	uint32_t mover = only_mover(s);

	HASH_FIND(hh, o->flows, &s->flow.id, sizeof(s->flow.id), flow);
	if (flow)
		flow->f = s->flow;
	if (!mover)
		return;
	if (o->recent[mover % RECENT].id == mover) {
		if (o->recent[mover % RECENT].passed && o->inner->state)
			o->inner->state(o->inner->ctx, s);
		return;
	}
	state = calloc(1, sizeof(*state));
	if (!state)
		return;
	state->s = *s;
	DL_APPEND(o->states, state);
	while ((state = o->states) && state->s.time + PATIENCE_NS < s->time) {
		DL_DELETE(o->states, state);
		free(state);
	}
}

static void only_socket(void *ctx, const struct hs_socket *socket)
{
	struct hs_sink *in = ((struct only *)ctx)->inner;

	if (in->socket)
		in->socket(in->ctx, socket);
}

static void only_signal(void *ctx, const struct hs_signal *signal)
{
	struct hs_sink *in = ((struct only *)ctx)->inner;

	if (in->signal)
		in->signal(in->ctx, signal);
}

static void only_tick(void *ctx, uint64_t now)
{
	struct hs_sink *in = ((struct only *)ctx)->inner;

	if (in->tick)
		in->tick(in->ctx, now);
}

static void only_loss(void *ctx, uint64_t time, uint64_t lost, uint64_t misses)
{
	struct hs_sink *in = ((struct only *)ctx)->inner;

	if (in->loss)
		in->loss(in->ctx, time, lost, misses);
}

static void only_summary(void *ctx, const struct hs_summary *summary)
{
	struct hs_sink *in = ((struct only *)ctx)->inner;

	if (in->summary)
		in->summary(in->ctx, summary);
}

struct hs_sink *only_new(struct hs_sink *inner, unsigned int bits, const struct hs_words *reasons)
{
	struct only *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->inner = inner;
	o->bits = bits;
	o->reasons = reasons;
	o->sink = (struct hs_sink){
		.ctx = o,
		.call_enter = only_call_enter,
		.call = only_call,
		.settled = only_settled,
		.flow = only_flow,
		.state = only_state,
		.socket = only_socket,
		.signal = only_signal,
		.tick = only_tick,
		.loss = only_loss,
		.summary = only_summary,
	};
	return &o->sink;
}

uint64_t only_passed(const struct hs_sink *sink)
{
	return ((const struct only *)sink->ctx)->passed;
}

void only_free(struct hs_sink *sink)
{
	struct only *o = sink ? sink->ctx : NULL;
	struct only_state *state, *state_tmp;
	struct only_flow *flow, *flow_tmp;

	if (!o)
		return;
	DL_FOREACH_SAFE (o->states, state, state_tmp)
		free(state);
	HASH_ITER (hh, o->flows, flow, flow_tmp) {
		HASH_DEL(o->flows, flow);
		free(flow);
	}
	free(o);
}
