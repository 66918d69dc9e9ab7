// SPDX-License-Identifier: BSD-2-Clause
/*
 * The ladder: client state, segment, server state, for one connection or for each. What belongs to
 * a connection is kept until it is over (or the trace is), and then written in order of its times.
 */
#include <inttypes.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "render_ladder.h"

#define OVER_NS	  3000000000u /* silence after which a closed connection is over */
#define ROWS_MANY 2048	      /* then runs are folded before the end, */
#define OLD_NS	  500000000u  /* as far as nothing of that time is likely to be told any more */

struct ladder {
	struct render r;
	struct flows flows;
	bool wrote;		    /* a connection */
	uint32_t first_id, last_id; /* of those there were */
};

static struct ladder_flow *ladder_flow_of(struct ladder *l, uint32_t id)
{
	struct ladder_flow *lf = id ? (struct ladder_flow *)flows_get(&l->flows, id) : NULL;

	return lf && !lf->written ? lf : NULL;
}

static void ladder_touch(struct ladder *l, struct ladder_flow *lf, uint64_t time)
{
	flows_touch(&l->flows, &lf->v, time);
	if (lf->n_rows < ROWS_MANY || lf->n_rows < lf->room || l->r.opt.no_fold)
		return;
	if (time > OLD_NS)
		ladder_rows_fold(lf, time - OLD_NS);
}

static struct ladder_row *ladder_add(struct ladder *l, struct ladder_flow *lf,
				     enum ladder_kind kind, uint64_t time, unsigned int end)
{
	struct ladder_row *row = ladder_row_add(lf, kind, time, end);

	if (!row)
		l->flows.failed = true;
	return row;
}

static void ladder_write(struct ladder *l, struct ladder_flow *lf)
{
	struct render *r = &l->r;

	lf->written = true;
	if (lf->n_rows || lf->n_changes) {
		if (l->wrote)
			text_newline(&r->page);
		l->wrote = true;
		if (!ladder_rows_finish(lf, !r->opt.no_fold))
			l->flows.failed = true;
		ladder_draw(r, lf);
		parts_write(r);
	}
	ladder_rows_free(lf);
}

/* Closed, on both sides as far as they are known. */
static bool flow_is_over(const struct hs_flow *f)
{
	bool closed = false;

	for (int i = 0; i < 2; i++) {
		switch (f->end[i].state) {
		case HS_TCP_CLOSE:
		case HS_TCP_TIME_WAIT:
			closed = true;
			break;
		case HS_TCP_NONE:
		case HS_TCP_LISTEN:
			break;
		default:
			return false;
		}
	}
	return closed;
}

static void ladder_tick(void *ctx, uint64_t now)
{
	struct ladder *l = ctx;
	struct flow_view *fv;

	DL_FOREACH (l->flows.by_time, fv) {
		struct ladder_flow *lf = (struct ladder_flow *)fv;

		if (fv->last + OVER_NS >= now)
			break;
		if (!lf->written && flow_is_over(&fv->f))
			ladder_write(l, lf);
	}
	flows_forget(&l->flows, now);
}

/* When it came to where its receiver is. */
static uint64_t arrival_of(const struct hs_journey *j)
{
	switch (j->fate.kind) {
	case HS_FATE_QUEUED:
	case HS_FATE_CONSUMED:
	case HS_FATE_MERGED:
		break;
	default:
		return 0;
	}
	for (size_t i = j->n_hops; i--;)
		if (j->hops[i].kind == HS_HOP_STAGE && j->hops[i].stage == HS_STAGE_RECEIVE)
			return j->hops[i].time;
	return j->fate.time;
}

/* A fate may be told anew. */
static struct ladder_row *ladder_known(struct ladder_flow *lf, uint32_t id)
{
	for (size_t i = lf->n_rows; i-- && lf->n_rows - i < 64;)
		if (lf->rows[i].kind == LADDER_SEGMENT && lf->rows[i].j.id == id)
			return &lf->rows[i];
	return NULL;
}

static void ladder_fate(void *ctx, const struct hs_journey *j)
{
	struct ladder *l = ctx;
	struct ladder_flow *lf = ladder_flow_of(l, j->flow);
	struct ladder_row *row;

	if (!lf || j->packet.proto != IPPROTO_TCP)
		return;
	row = ladder_known(lf, j->id);
	if (!row) {
		row = ladder_add(l, lf, LADDER_SEGMENT, j->born, j->from);
		if (!row)
			return;
		row->opens = flows_opens_window(&lf->v, j);
	}
	row->j = *j;
	row->j.hops = NULL;
	row->j.n_hops = 0;
	row->j.caused = NULL;
	row->j.n_caused = 0;
	row->j.payload = NULL;
	row->arrival = arrival_of(j);
	ladder_touch(l, lf, j->fate.time > j->born ? j->fate.time : j->born);
}

static void ladder_settled(void *ctx, const struct hs_journey *j)
{
	if (j->fate.kind == HS_FATE_UNDERWAY)
		ladder_fate(ctx, j);
}

/* Calls that begin something; the others wait for it. */
static bool call_acts(enum hs_call_id id)
{
	return text_call_sends(id) || id == HS_CALL_CONNECT || id == HS_CALL_CLOSE ||
	       id == HS_CALL_SHUTDOWN;
}

static void ladder_call(void *ctx, const struct hs_call *call)
{
	struct ladder *l = ctx;
	struct ladder_flow *lf = ladder_flow_of(l, call->flow);
	bool acts = call_acts(call->id), both;
	struct ladder_row *row;
	unsigned int end;

	if (!lf)
		return;
	end = fold_call_end(&lf->v.f, call);
	if (!lf->v.f.end[end].owner.pid || call->id == HS_CALL_ACCEPT ||
	    call->id == HS_CALL_ACCEPT4)
		lf->v.f.end[end].owner = call->task;
	both = acts && (call->id == HS_CALL_CONNECT || call->left - call->entered >= 1000000);
	for (int i = !acts; i <= (both || !acts); i++) {
		row = ladder_add(l, lf, i ? LADDER_RETURN : LADDER_CALL,
				 i ? call->left : call->entered, end);
		if (!row)
			return;
		row->returns = both;
		row->call = *call;
		row->call.journeys = row->call.reads = NULL;
		row->call.n_journeys = row->call.n_reads = 0;
	}
	ladder_touch(l, lf, call->left);
}

static void ladder_flow(void *ctx, const struct hs_flow *f)
{
	struct ladder *l = ctx;

	if (!l->first_id)
		l->first_id = f->id;
	l->last_id = f->id;
	if (!l->r.opt.flow || l->r.opt.flow == f->id)
		flows_learn(&l->flows, f);
}

static void ladder_state(void *ctx, const struct hs_state *s)
{
	struct ladder *l = ctx;
	struct ladder_flow *lf;

	if (l->r.opt.flow && l->r.opt.flow != s->flow.id)
		return;
	flows_learn(&l->flows, &s->flow);
	lf = ladder_flow_of(l, s->flow.id);
	if (!lf || !flows_is_change(s))
		return;
	if (lf->n_changes == lf->changes_room) {
		size_t room = lf->changes_room ? lf->changes_room * 2 : 16;
		struct hs_state *changes = realloc(lf->changes, room * sizeof(*changes));

		if (!changes) {
			l->flows.failed = true;
			return;
		}
		lf->changes = changes;
		lf->changes_room = room;
	}
	lf->changes[lf->n_changes++] = *s;
	ladder_touch(l, lf, s->time);
}

/* Of the connections whose socket it was about, or whose owner got it. */
static void ladder_signal(void *ctx, const struct hs_signal *s)
{
	struct ladder *l = ctx;
	struct ladder_row *row;

	for (struct flow_view *fv = l->flows.by_id; fv; fv = fv->hh.next) {
		struct ladder_flow *lf = (struct ladder_flow *)fv;

		for (unsigned int end = 0; end < 2 && !lf->written; end++) {
			const struct hs_flow_end *e = &fv->f.end[end];

			if (s->socket ? e->socket != s->socket
				      : !e->owner.pid || e->owner.pid != s->task.pid)
				continue;
			row = ladder_add(l, lf, LADDER_SIGNAL, s->time, end);
			if (row)
				row->signal = *s;
		}
	}
}

static void ladder_summary(void *ctx, const struct hs_summary *s)
{
	struct ladder *l = ctx;
	struct render *r = &l->r;
	struct text *t = &r->line;

	for (struct flow_view *fv = l->flows.by_id; fv; fv = fv->hh.next)
		if (!((struct ladder_flow *)fv)->written)
			ladder_write(l, (struct ladder_flow *)fv);
	if (!l->wrote && r->opt.flow && l->first_id)
		text_addf(t, "There is no connection ~%" PRIu32 " here, but ~%" PRIu32, r->opt.flow,
			  l->first_id);
	if (!l->wrote && r->opt.flow && l->last_id != l->first_id)
		text_addf(t, " to ~%" PRIu32, l->last_id);
	else if (!l->wrote && !l->first_id)
		text_add(t, "No TCP connection was seen");
	if (l->wrote)
		text_newline(&r->page);
	else if (t->len)
		parts_flow(r, NULL, 4);
	r->page.failed |= l->flows.failed;
	parts_summary(r, s);
}

static void ladder_flow_free(struct flow_view *fv)
{
	ladder_rows_free((struct ladder_flow *)fv);
}

static void ladder_destroy(struct render *r)
{
	flows_free(&((struct ladder *)r)->flows);
}

struct hs_sink *render_ladder_new(FILE *out, const struct hs_render_options *options)
{
	struct ladder *l = parts_new(sizeof(*l), out, options);

	if (!l)
		return NULL;
	flows_init(&l->flows, sizeof(struct ladder_flow), ladder_flow_free);
	l->r.destroy = ladder_destroy;
	l->r.sink.call = ladder_call;
	l->r.sink.fate = ladder_fate;
	l->r.sink.settled = ladder_settled;
	l->r.sink.flow = ladder_flow;
	l->r.sink.state = ladder_state;
	l->r.sink.signal = ladder_signal;
	l->r.sink.tick = ladder_tick;
	l->r.sink.loss = parts_loss;
	l->r.sink.summary = ladder_summary;
	return &l->r.sink;
}
