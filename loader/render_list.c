// SPDX-License-Identifier: BSD-2-Clause
/*
 * The list: a line a journey when its fate is known, later lines for what becomes of it, and calls.
 * Of TCP: a header line a connection, changes of state on the line of what moved them, and many
 * uneventful segments and calls in a row as one line.
 *
 * A connection's first things are written at once. After that its uneventful ones are held, until
 * something else comes or FOLD_GAP_NS pass; up to HELD_MAX then get their lines after all.
 */
#include <inttypes.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "render_list.h"

#define G	      TEXT_GLUE
#define SHOWN_FIRST   8
#define HELD_MAX      8
#define FOLD_GAP_NS   50000000u	  /* silence after which a run is over */
#define FOLD_SPAN_NS  1000000000u /* a longer run is told in parts */
#define STATE_WAIT_NS 3000000000u /* for the segment that moved it */

static struct list_flow *list_flow_of(struct list *l, uint32_t id)
{
	struct list_flow *lf = id ? (struct list_flow *)flows_get(&l->flows, id) : NULL;

	if (lf && !lf->held.style)
		text_init(&lf->held, &l->r.style);
	return lf;
}

/* --- what is held --- */

/* Ends a run: its lines, or one line for all of it. */
static void list_end_run(struct list *l, struct list_flow *lf)
{
	struct render *r = &l->r;
	int column;

	if (!lf || !lf->running)
		return;
	DL_DELETE(l->running, lf);
	lf->running = false;
	if (lf->n_held <= HELD_MAX) {
		text_append(&r->page, &lf->held);
		parts_write(r);
		text_clear(&lf->held);
		return;
	}
	for (size_t i = 0; i <= lf->fold.n_calls; i++) {
		column = list_begin(r, 0, lf->v.f.id, lf->fold.last);
		if (!i) {
			fold_segments(&r->line, &lf->fold, &lf->v.f);
		} else {
			text_task(&r->line, &lf->fold.calls[i - 1].task);
			text_add(&r->line, G);
			fold_calls(&r->line, &lf->fold.calls[i - 1]);
		}
		if (r->line.len)
			parts_flow(r, NULL, column + 4);
		else
			text_clear(&r->page);
		parts_write(r);
	}
}

/* Something else is about to get a line: what was before it gets its own first. */
static void list_release(struct list *l)
{
	struct list_flow *lf, *tmp;

	DL_FOREACH_SAFE (l->running, lf, tmp) {
		if (lf->n_held <= HELD_MAX)
			list_end_run(l, lf);
	}
}

static void list_head(struct list *l, struct list_flow *lf)
{
	struct render *r = &l->r;

	if (!lf || lf->v.headed)
		return;
	lf->v.headed = true;
	flows_id(&r->page, lf->v.f.id);
	text_add(&r->page, " ");
	text_pad(&r->page, LIST_ID_WIDTH);
	flows_header(&r->line, &lf->v.f);
	parts_flow(r, NULL, LIST_ID_WIDTH);
	parts_write(r);
}

/* Before a line that is written at once. */
static void list_before(struct list *l, struct list_flow *lf)
{
	list_end_run(l, lf);
	list_release(l);
	list_head(l, lf);
}

static void list_end_unread(struct list *l)
{
	struct render *r = &l->r;
	struct list_flow *lf = l->unread.n ? list_flow_of(l, l->unread.flow) : NULL;
	int column;

	if (!l->unread.n)
		return;
	list_before(l, lf);
	if (l->unread.n <= 2) {
		text_append(&r->page, &l->unread.lines);
	} else {
		column = list_begin(r, 0, l->unread.flow, l->unread.time);
		text_addf(&r->line, "%" PRIu64 G "segments, ", l->unread.n);
		text_size(&r->line, l->unread.bytes);
		text_addf(&r->line, ", were never read: @%" PRIu32 " was closed", l->unread.socket);
		parts_flow(r, NULL, column);
	}
	parts_write(r);
	text_clear(&l->unread.lines);
	l->unread.n = l->unread.bytes = 0;
}

static void list_show_change(struct list *l, const struct hs_state *s)
{
	struct render *r = &l->r;
	int column;

	list_before(l, list_flow_of(l, s->flow.id));
	flows_whose(&r->page, s);
	text_add(&r->page, " ");
	text_pad(&r->page, LIST_ID_WIDTH);
	column = list_begin(r, 0, 0, s->time);
	flows_change(&r->line, s, 0);
	parts_flow(r, NULL, column + 4);
	parts_write(r);
}

static void list_segment(struct list *l, const struct hs_journey *j);

static void last_free(struct list *l)
{
	struct hs_journey *j = &l->last.j;

	for (size_t i = 0; i < j->n_hops; i++)
		free(j->hops[i].functions);
	free(j->hops);
	free(l->last.payload);
	l->last.payload = NULL;
	*j = (struct hs_journey){ 0 };
}

/* Nothing more will be told of the last segment: its line. */
static void list_end_last(struct list *l)
{
	struct hs_journey j = l->last.j;

	if (!j.id)
		return;
	l->last.j.id = 0;
	if (!id_set_add(&l->told, j.id))
		l->r.page.failed = true;
	list_segment(l, &j);
	last_free(l);
}

/* Keeps a segment, with as much of its hops as a line shows. */
static void list_set_last(struct list *l, const struct hs_journey *j)
{
	const struct flow_socket *s = flows_socket(&l->flows, j->fate.socket);
	struct hs_journey *last = &l->last.j;

	*last = *j;
	last->hops = j->n_hops ? calloc(j->n_hops, sizeof(*j->hops)) : NULL;
	last->n_hops = last->hops ? j->n_hops : 0;
	last->caused = NULL;
	last->n_caused = 0;
	l->last.payload = j->payload ? malloc(j->payload_captured + 1) : NULL;
	if (l->last.payload)
		memcpy(l->last.payload, j->payload, j->payload_captured);
	last->payload = l->last.payload;
	last->payload_captured = last->payload ? j->payload_captured : 0;
	for (size_t i = 0; i < last->n_hops; i++) {
		struct hs_hop *hop = &last->hops[i];

		*hop = j->hops[i];
		hop->functions = NULL;
		if (!l->r.opt.verbose || !hop->n_functions)
			continue;
		hop->functions = calloc(hop->n_functions, sizeof(*hop->functions));
		if (hop->functions)
			memcpy(hop->functions, j->hops[i].functions,
			       hop->n_functions * sizeof(*hop->functions));
		else
			hop->n_functions = 0;
	}
	l->last.has_unread = s && s->has_queues;
	l->last.unread = s ? s->rcv_queued : 0;
}

/* Time has come so far: what waited too long waits no more. */
static void list_now(struct list *l, uint64_t now)
{
	struct flow_change *change;

	list_end_last(l);
	list_end_unread(l);
	while (l->running && l->running->fold.last + FOLD_GAP_NS < now)
		list_end_run(l, l->running);
	while (now > STATE_WAIT_NS && (change = flows_take_older(&l->flows, now - STATE_WAIT_NS))) {
		list_show_change(l, &change->s);
		free(change);
	}
}

/* A run begins or goes on; false: the line that is about to be made is written at once. */
static bool list_run(struct list *l, struct list_flow *lf)
{
	if (lf->shown < SHOWN_FIRST) {
		lf->shown++;
		return false;
	}
	if (lf->running && lf->fold.last - lf->fold.first > FOLD_SPAN_NS)
		list_end_run(l, lf);
	if (lf->running) {
		DL_DELETE(l->running, lf);
	} else {
		lf->fold = (struct fold){ 0 };
		lf->n_held = 0;
	}
	DL_APPEND(l->running, lf);
	lf->running = true;
	return true;
}

/* --- journeys --- */

static void list_segment(struct list *l, const struct hs_journey *j)
{
	struct list_flow *lf = list_flow_of(l, j->flow);
	bool opens = flows_opens_window(lf ? &lf->v : NULL, j);

	if (!lf || l->r.opt.no_fold || opens || !flows_is_uneventful(j) ||
	    flows_has_of_journey(&l->flows, j)) {
		list_before(l, lf);
		list_segment_line(l, lf, j, opens);
		parts_write(&l->r);
		return;
	}
	if (!list_run(l, lf)) {
		list_release(l);
		list_head(l, lf);
		list_segment_line(l, lf, j, false);
		parts_write(&l->r);
		return;
	}
	fold_add_segment(&lf->fold, j);
	if (!id_set_add(&l->folded, j->id))
		l->r.page.failed = true;
	if (lf->n_held++ < HELD_MAX) {
		list_segment_line(l, lf, j, false);
		text_append(&lf->held, &l->r.page);
	} else {
		text_clear(&lf->held);
	}
	text_clear(&l->r.page);
}

static void list_packet(struct list *l, const struct hs_journey *j)
{
	list_before(l, NULL);
	list_packet_line(l, j);
	parts_write(&l->r);
}

static uint64_t last_time(const struct hs_journey *j)
{
	return j->n_hops ? j->hops[j->n_hops - 1].time : j->born;
}

static void list_fate(void *ctx, const struct hs_journey *j)
{
	struct list *l = ctx;
	struct list_flow *lf = list_flow_of(l, j->flow);

	/* told anew, before its line was written */
	if (l->last.j.id == j->id)
		last_free(l);
	list_now(l, j->fate.time ? j->fate.time : last_time(j));
	if (lf)
		flows_touch(&l->flows, &lf->v, j->fate.time ? j->fate.time : last_time(j));
	if (j->flow && j->packet.proto == IPPROTO_TCP)
		list_set_last(l, j);
	else
		list_packet(l, j);
}

static void list_later(struct list *l, const struct hs_journey *j, uint64_t time,
		       void (*sentence)(struct text *t, const struct hs_journey *j))
{
	struct render *r = &l->r;
	int column;

	list_now(l, time);
	list_before(l, NULL);
	column = list_begin(r, j->id, 0, time);
	sentence(&r->line, j);
	parts_flow(r, NULL, column);
	parts_write(r);
}

/* Calls that are shown say which bytes of a stream they read. */
static void list_read(void *ctx, const struct hs_journey *j)
{
	struct list *l = ctx;

	/* It may be the last segment's, read before its sender's call has returned. */
	list_now(l, j->read.time);
	if (j->flow && (flows_is_inside(&l->flows, &j->read.task) || id_set_has(&l->folded, j->id)))
		return;
	list_later(ctx, j, j->read.time, parts_read);
}

/*
 * An error that the socket only holds is told when a call returns it, or at the end; the calls of a
 * connection say so themselves.
 */
static void list_told(void *ctx, const struct hs_journey *j)
{
	struct list *l = ctx;

	if (j->flow && j->told == HS_TOLD_CALL && flows_is_inside(&l->flows, &j->told_task))
		return;
	if (j->told != HS_TOLD_SOCKET)
		list_later(ctx, j, last_time(j), parts_told);
}

static void list_unread(void *ctx, const struct hs_journey *j)
{
	struct list *l = ctx;
	struct render *r = &l->r;
	int column;

	if (!j->flow || r->opt.no_fold) {
		list_later(ctx, j, last_time(j), parts_unread);
		return;
	}
	list_end_last(l);
	if (l->unread.n && l->unread.flow != j->flow)
		list_end_unread(l);
	l->unread.flow = j->flow;
	l->unread.socket = j->fate.socket;
	l->unread.time = last_time(j);
	l->unread.bytes += j->packet.payload;
	if (l->unread.n++ >= 2)
		return;
	column = list_begin(r, j->id, 0, last_time(j));
	parts_unread(&r->line, j);
	parts_flow(r, NULL, column);
	text_append(&l->unread.lines, &r->page);
	text_clear(&r->page);
}

static void list_no_icmp(void *ctx, const struct hs_journey *j)
{
	list_later(ctx, j, last_time(j), parts_no_icmp);
}

static void list_settled(void *ctx, const struct hs_journey *j)
{
	if (j->fate.kind == HS_FATE_UNDERWAY)
		list_fate(ctx, j);
	if (j->told == HS_TOLD_SOCKET)
		list_later(ctx, j, last_time(j), parts_told);
}

/* --- calls, and the rest --- */

static void list_call(void *ctx, const struct hs_call *call)
{
	struct list *l = ctx;
	struct list_flow *lf = list_flow_of(l, call->flow);
	bool fold = lf && !l->r.opt.no_fold && flows_call_is_uneventful(call);

	list_now(l, call->left);
	flows_leave(&l->flows, call);
	if (lf)
		flows_touch(&l->flows, &lf->v, call->left);
	if (!fold || !list_run(l, lf)) {
		if (fold)
			list_release(l);
		else
			list_before(l, lf);
		list_head(l, lf);
		list_call_line(l, call);
		parts_write(&l->r);
		return;
	}
	if (!fold_add_call(&lf->fold, &lf->v.f, call)) {
		list_end_run(l, lf);
		list_run(l, lf);
		fold_add_call(&lf->fold, &lf->v.f, call);
	}
	if (lf->n_held++ < HELD_MAX) {
		list_call_line(l, call);
		text_append(&lf->held, &l->r.page);
	} else {
		text_clear(&lf->held);
	}
	text_clear(&l->r.page);
}

static void list_call_enter(void *ctx, const struct hs_call *call)
{
	struct list *l = ctx;

	flows_enter(&l->flows, call);
}

static void list_flow(void *ctx, const struct hs_flow *f)
{
	struct list *l = ctx;

	flows_learn(&l->flows, f);
}

static void list_socket(void *ctx, const struct hs_socket *s)
{
	struct list *l = ctx;

	flows_learn_socket(&l->flows, s);
}

static void list_state(void *ctx, const struct hs_state *s)
{
	struct list *l = ctx;

	flows_learn(&l->flows, &s->flow);
	if (!flows_is_change(s) || flows_keep(&l->flows, s, &l->told))
		return;
	list_now(l, s->time);
	list_show_change(l, s);
}

static void list_signal(void *ctx, const struct hs_signal *s)
{
	struct list *l = ctx;

	list_now(l, s->time);
	list_before(l, NULL);
	list_begin(&l->r, 0, 0, s->time);
	flows_signal(&l->r.line, s, true);
	parts_flow(&l->r, NULL, LIST_ID_WIDTH);
	parts_write(&l->r);
}

static void list_tick(void *ctx, uint64_t now)
{
	struct list *l = ctx;

	list_now(l, now);
	flows_forget(&l->flows, now);
}

static void list_loss(void *ctx, uint64_t time, uint64_t lost, uint64_t misses)
{
	list_now(ctx, time);
	list_before(ctx, NULL);
	parts_loss(ctx, time, lost, misses);
}

static void list_summary(void *ctx, const struct hs_summary *s)
{
	struct list *l = ctx;

	list_now(l, UINT64_MAX);
	l->r.page.failed |= l->flows.failed;
	parts_summary(ctx, s);
}

static void list_flow_free(struct flow_view *fv)
{
	struct list_flow *lf = (struct list_flow *)fv;

	text_free(&lf->held);
}

static void list_destroy(struct render *r)
{
	struct list *l = (struct list *)r;

	last_free(l);
	flows_free(&l->flows);
	free(l->told.bits);
	free(l->folded.bits);
	text_free(&l->unread.lines);
}

struct hs_sink *render_list_new(FILE *out, const struct hs_render_options *options)
{
	struct list *l = parts_new(sizeof(*l), out, options);

	if (!l)
		return NULL;
	flows_init(&l->flows, sizeof(struct list_flow), list_flow_free);
	text_init(&l->unread.lines, &l->r.style);
	l->r.destroy = list_destroy;
	l->r.sink.call_enter = list_call_enter;
	l->r.sink.call = list_call;
	l->r.sink.fate = list_fate;
	l->r.sink.read = list_read;
	l->r.sink.told = list_told;
	l->r.sink.unread = list_unread;
	l->r.sink.no_icmp = list_no_icmp;
	l->r.sink.settled = list_settled;
	l->r.sink.flow = list_flow;
	l->r.sink.state = list_state;
	l->r.sink.socket = list_socket;
	l->r.sink.signal = list_signal;
	l->r.sink.tick = list_tick;
	l->r.sink.loss = list_loss;
	l->r.sink.summary = list_summary;
	return &l->r.sink;
}
