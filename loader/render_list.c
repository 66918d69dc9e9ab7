// SPDX-License-Identifier: BSD-2-Clause
/* The list: a line a journey when its fate is known, later lines for what becomes of it, and calls.
 */
#include <string.h>

#include "render_parts.h"

#define ID_WIDTH    4  /* "#12 " */
#define FATE_COLUMN 46 /* behind `#2  UDP 10.0.2.2:40112 → 10.0.2.1:8080  4 B  ` */
#define G	    TEXT_GLUE

/* The id, and the time where one is asked for; returns the column where the text starts. */
static int list_begin(struct render *r, uint32_t id, uint64_t time)
{
	struct text *page = &r->page;

	if (id) {
		parts_id(page, id);
		text_add(page, " ");
		text_pad(page, ID_WIDTH);
	}
	if (parts_has_clock(r)) {
		text_pad(page, ID_WIDTH);
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

static void list_fate(void *ctx, const struct hs_journey *j)
{
	struct render *r = ctx;
	struct text *t = &r->line;
	int column = list_begin(r, j->id, j->fate.time ? j->fate.time : j->born);
	bool caused = j->cause_kind == HS_CAUSE_JOURNEY && j->cause;
	/* The most that fits on one line; on two there is room to say where. */
	static const int details[] = { 2, 1, 0, 1 };
	int i;

	for (i = 0; i < 4; i++) {
		text_clear(t);
		text_packet(t, &j->packet, !caused);
		if (caused) {
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
	parts_write(r);
}

static void list_later(struct render *r, const struct hs_journey *j, uint64_t time,
		       void (*sentence)(struct text *t, const struct hs_journey *j))
{
	int column = list_begin(r, j->id, time);

	sentence(&r->line, j);
	parts_flow(r, NULL, column);
	parts_write(r);
}

static uint64_t last_time(const struct hs_journey *j)
{
	return j->n_hops ? j->hops[j->n_hops - 1].time : j->born;
}

static void list_read(void *ctx, const struct hs_journey *j)
{
	list_later(ctx, j, j->read.time, parts_read);
}

/* An error that the socket only holds is told when a call returns it, or at the end. */
static void list_told(void *ctx, const struct hs_journey *j)
{
	if (j->told != HS_TOLD_SOCKET)
		list_later(ctx, j, last_time(j), parts_told);
}

static void list_unread(void *ctx, const struct hs_journey *j)
{
	list_later(ctx, j, last_time(j), parts_unread);
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

static void list_call(void *ctx, const struct hs_call *call)
{
	struct render *r = ctx;

	list_begin(r, 0, call->left);
	parts_call(r, call);
	parts_write(r);
}

static void list_summary(void *ctx, const struct hs_summary *s)
{
	parts_summary(ctx, s);
}

struct hs_sink *render_list_new(FILE *out, const struct hs_render_options *options)
{
	struct render *r = parts_new(sizeof(*r), out, options);

	if (!r)
		return NULL;
	r->sink.call = list_call;
	r->sink.fate = list_fate;
	r->sink.read = list_read;
	r->sink.told = list_told;
	r->sink.unread = list_unread;
	r->sink.no_icmp = list_no_icmp;
	r->sink.settled = list_settled;
	r->sink.loss = parts_loss;
	r->sink.summary = list_summary;
	return &r->sink;
}
