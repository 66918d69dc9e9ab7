// SPDX-License-Identifier: BSD-2-Clause
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "render_list.h"
#include "render_payload.h"

#define FATE_COLUMN	46 /* behind `#2  UDP 10.0.2.2:40112 → 10.0.2.1:8080  4 B  ` */
#define TCP_FATE_COLUMN 35 /* behind `#2  ~1 ← SYN+ACK seq 0 ack 1 ◀ #1 ` */
#define G		TEXT_GLUE
#define SLOW_NS		1000000u /* a segment that took so long is told so */

int list_begin(struct render *r, uint32_t id, uint32_t flow, uint64_t time)
{
	struct text *page = &r->page;

	if (id || flow) {
		if (id)
			parts_id(page, id);
		else
			flows_id(page, flow);
		text_add(page, " ");
		text_pad(page, LIST_ID_WIDTH);
	}
	if (parts_has_clock(r)) {
		text_pad(page, LIST_ID_WIDTH);
		parts_clock(r, page, time, page->column + parts_clock_width(r));
		text_add(page, r->opt.plain ? ": " : "  ");
	}
	return page->column;
}

static void list_note(struct render *r, int indent)
{
	text_pad(&r->page, indent);
	parts_flow(r, NULL, indent);
}

/* detail 2: also after how long; 1: also where; 0: only what must be said */
static void add_fate(struct render *r, const struct hs_journey *j, int detail)
{
	const struct hs_fate *fate = &j->fate;
	struct text *t = &r->line;
	bool there = *fate->netns && detail > 0;
	bool sentence = fate->kind == HS_FATE_DROPPED || fate->kind == HS_FATE_REFUSED ||
			fate->kind == HS_FATE_UNDERWAY || fate->kind == HS_FATE_UNKNOWN;

	parts_fate_word(t, fate, false);
	if (there && fate->kind == HS_FATE_DROPPED)
		text_addf(t, G "in" G "%s", fate->netns);
	text_add(t, sentence ? ":" G : G);
	parts_fate_rest(t, j, false);
	if (there && fate->kind == HS_FATE_CONSUMED)
		text_addf(t, G "in" G "%s", fate->netns);
	if (detail > 1 && fate->time > j->born && fate->kind != HS_FATE_UNKNOWN) {
		text_add(t, "," G "after" G);
		text_duration(t, fate->time - j->born);
	}
}

/* `where`: the line before had no room to say it */
static void add_why(struct text *t, const struct hs_fate *fate, bool where)
{
	bool dropped = fate->kind == HS_FATE_DROPPED;
	bool function = dropped && *fate->function;
	const char *why = parts_fate_why(fate);

	where = where && dropped && *fate->netns;
	if (where || function)
		text_addf(t, "in %s%s%s", where ? fate->netns : "", where && function ? ", " : "",
			  function ? fate->function : "");
	if (*why)
		text_addf(t, "%s%s", where || function ? ": " : "", why);
}

/* The way through the namespaces, stage by stage. */
static void add_path(struct text *t, const struct hs_journey *j)
{
	const char *netns = NULL;

	for (size_t i = 0; i < j->n_hops; i++) {
		const struct hs_hop *hop = &j->hops[i];

		if (!netns || strcmp(netns, hop->netns) != 0)
			text_addf(t, "%s%s: ",
				  !netns	    ? ""
				  : t->style->plain ? "; "
						    : " ⇒" G,
				  hop->netns);
		else
			parts_arrow(t);
		parts_label(t, hop->stage);
		netns = hop->netns;
	}
}

static void list_verbose(struct render *r, const struct hs_journey *j, int indent)
{
	struct text *t = &r->line;

	if (j->n_hops) {
		add_path(t, j);
		list_note(r, indent);
	}
	for (size_t i = 0; i < j->n_hops; i++) {
		const struct hs_hop *hop = &j->hops[i];

		if (!hop->n_functions || (r->opt.verbose < 2 && !parts_is_fate_hop(j, hop)))
			continue;
		parts_label(t, hop->stage);
		text_add(t, ": ");
		parts_functions(t, hop);
		list_note(r, indent);
	}
	if (r->opt.verbose > 1) {
		text_addf(t, "skb 0x%llx", (unsigned long long)j->skb);
		list_note(r, indent);
	}
}

/* A queueing discipline that kept it for long, or changed the order. */
static void list_queues(struct render *r, const struct hs_journey *j, int column)
{
	if (!j->waited_in_qdisc ||
	    (j->qdisc_wait < SLOW_NS && !j->n_overtook && !j->n_overtaken_by))
		return;
	for (size_t i = 0; i < j->n_hops; i++) {
		const struct hs_hop *hop = &j->hops[i];

		if (!*hop->text ||
		    (hop->stage != HS_STAGE_QDISC_DEQUEUE && hop->stage != HS_STAGE_DEV_XMIT))
			continue;
		text_addf(&r->line, "left %s %s", hop->dev, hop->text);
		list_note(r, column);
	}
}

static void list_notes(struct render *r, const struct hs_journey *j, int column)
{
	struct text *t = &r->line;

	list_queues(r, j, column);
	if (j->held >= SLOW_NS) {
		text_add(t, j->held_text);
		list_note(r, column);
	}
	if (parts_new_remedy(r, j->fate.remedy)) {
		text_add(t, j->fate.remedy);
		list_note(r, column);
	}
	if (j->incomplete) {
		parts_incomplete(t, j);
		list_note(r, column);
	}
	if (r->opt.verbose)
		list_verbose(r, j, column);
	payload_add(r, &r->page, j, NULL, 4);
}

void list_packet_line(struct list *l, const struct hs_journey *j)
{
	struct render *r = &l->r;
	struct text *t = &r->line;
	bool caused = j->cause_kind == HS_CAUSE_JOURNEY && j->cause;
	/* The most that fits on one line; on two there is room to say where. */
	static const int details[] = { 2, 1, 0, 1 };
	int column, i;

	column = list_begin(r, j->id, 0, j->fate.time ? j->fate.time : j->born);
	for (i = 0; i < 4; i++) {
		text_clear(t);
		text_packet(t, &j->packet, !caused);
		if (caused || parts_is_part(j)) {
			text_add(t, parts_gap(r));
			parts_cause(t, j);
		}
		text_add(t, parts_gap(r));
		if (!r->opt.plain && !parts_has_clock(r))
			text_pad(t, FATE_COLUMN - column);
		add_fate(r, j, details[i]);
		if (parts_fits(r, column))
			break;
	}
	parts_flow(r, NULL, column);
	add_why(t, &j->fate, i == 2);
	if (t->len)
		list_note(r, column);
	list_notes(r, j, column);
}

/* The listener may be told of before or after the change. */
static void add_accept_queue(struct list *l, struct text *t, const struct flow_change *change)
{
	const struct flow_socket *listener;
	uint32_t n = change->accept;

	if (!change->has_accept)
		return;
	listener = flows_listener(&l->flows, &change->s.flow);
	if (listener && listener->accept_queued > n)
		n = listener->accept_queued;
	text_addf(t, ", accept" G "queue" G "%" PRIu32, n);
}

/* What a segment changed: "client FIN_WAIT1, server CLOSE_WAIT". True: some of it is inferred. */
static bool add_changes(struct list *l, struct text *t, const struct hs_journey *j)
{
	struct flow_change *change, *before = NULL;
	bool inferred = false;

	while ((change = flows_take_of_journey(&l->flows, j))) {
		const struct hs_state *s = &change->s;

		if (!flows_is_change(s)) {
			free(change);
			continue;
		}
		text_add(t, t->len ? ", " : "");
		flows_new_state(t, s, before ? &before->s : NULL);
		add_accept_queue(l, t, change);
		inferred |= s->inferred && !s->confirmed;
		free(before);
		before = change;
	}
	free(before);
	return inferred;
}

static bool fate_is_good(const struct hs_fate *fate)
{
	return fate->kind == HS_FATE_QUEUED || fate->kind == HS_FATE_CONSUMED ||
	       fate->kind == HS_FATE_MERGED || fate->kind == HS_FATE_LEFT;
}

/* The fate of a segment that arrived; the changes say more than that the kernel consumed it. */
static void add_arrival(struct list *l, struct text *t, const struct hs_journey *j,
			const struct text *changes, bool after)
{
	const struct hs_fate *fate = &j->fate;
	bool queued = fate->kind == HS_FATE_QUEUED && j->packet.payload;

	if ((fate->kind == HS_FATE_CONSUMED || fate->kind == HS_FATE_QUEUED) && !queued &&
	    changes->len && !t->style->plain) {
		text_color(t, TEXT_GREEN);
		text_add(t, "✓" G);
		text_color(t, TEXT_RESET);
		text_append(t, changes);
	} else {
		parts_fate_word(t, fate, false);
		if (fate->kind == HS_FATE_QUEUED)
			text_addf(t, G "at" G "@%" PRIu32, fate->socket);
		else if (fate->kind != HS_FATE_CONSUMED)
			text_add(t, G);
		if (fate->kind != HS_FATE_QUEUED && fate->kind != HS_FATE_CONSUMED)
			parts_fate_rest(t, j, false);
		if (queued && l->last.has_unread) {
			text_add(t, ", ");
			text_size(t, l->last.unread);
			text_add(t, G "unread");
		}
		text_add(t, changes->len ? ", " : "");
		text_append(t, changes);
	}
	if (after && fate->time > j->born + SLOW_NS) {
		text_add(t, "," G "after" G);
		text_duration(t, fate->time - j->born);
	}
}

void list_segment_line(struct list *l, struct list_flow *lf, const struct hs_journey *j, bool opens)
{
	static const int details[] = { 2, 2, 1, 0, 1 };
	struct render *r = &l->r;
	struct text *t = &r->line, changes;
	int column, i;
	bool good = fate_is_good(&j->fate), inferred;

	text_init(&changes, &r->style);
	inferred = add_changes(l, &changes, j);
	column = list_begin(r, j->id, 0, j->fate.time ? j->fate.time : j->born);
	for (i = 0; i < 5; i++) {
		text_clear(t);
		flows_id(t, j->flow);
		text_add(t, r->opt.plain ? "," G : G);
		flows_direction(t, lf ? &lf->v.f : NULL, j->from);
		text_add(t, r->opt.plain ? ":" G : G);
		flows_segment(t, j, details[i] ? TEXT_SEGMENT_ALL : TEXT_SEGMENT_SEQ, opens);
		text_add(t, parts_gap(r));
		if (!i && !r->opt.plain && !parts_has_clock(r))
			text_pad(t, TCP_FATE_COLUMN - column);
		if (good)
			add_arrival(l, t, j, &changes, details[i]);
		else
			add_fate(r, j, details[i] > 1 ? 1 : details[i]);
		if (parts_fits(r, column))
			break;
	}
	parts_flow(r, NULL, column);
	add_why(t, &j->fate, !good && i == 3);
	if (t->len)
		list_note(r, column);
	if (!good && changes.len) {
		text_append(t, &changes);
		list_note(r, column);
	}
	if (inferred && !l->legend_shown && !r->opt.plain) {
		text_add(t, "(in parentheses: inferred, no event shows it)");
		list_note(r, column);
		l->legend_shown = true;
	}
	text_free(&changes);
	list_notes(r, j, column);
}

void list_call_line(struct list *l, const struct hs_call *call)
{
	struct render *r = &l->r;
	struct text more;

	text_init(&more, &r->style);
	flows_call_changes(&l->flows, &more, call);
	list_begin(r, 0, call->flow, call->left);
	parts_call(r, call, &more, NULL);
	text_free(&more);
}
