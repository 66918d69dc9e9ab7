// SPDX-License-Identifier: BSD-2-Clause
/*
 * Follow: every hop as it happens. Every line of a journey, also a wrapped one, begins with its id,
 * those of a connection with its own.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "render_flows.h"
#include "render_payload.h"

#define G	       TEXT_GLUE
#define ID_WIDTH       7 /* "#12 <#9" */
#define NETNS_WIDTH    10
#define DEV_WIDTH      11
#define MAX_NAME_WIDTH 16
#define NARROW	       60 /* below that there are no columns */

#define RECENT	       64

struct follow {
	struct render r;
	struct flows flows;
	struct id_set begun;
	struct {
		uint32_t id, cause;
		uint64_t born;
	} recent[RECENT]; /* journeys that a change of state may go with */
	int id_width, netns_width, dev_width;
	bool legend_shown;
	char prefix[40]; /* what the lines of the journey under work begin with */

	/* Hops without a time: a chain, printed when something else comes. */
	uint32_t via_id;
	char via_prefix[40];
	const char *via_netns, *via_dev;
	enum hs_stage via_stage;
	bool via_crossed;
	struct text via;

	/* A hop that may turn out to be the fate, which then replaces its line. */
	uint32_t held_id;
	uint64_t held_time;
	const char *held_netns, *held_dev;
	struct text held, held_functions;
};

static void widen(int *width, const char *name)
{
	int w = text_width(name);

	if (w > *width)
		*width = w < MAX_NAME_WIDTH ? w : MAX_NAME_WIDTH;
}

static void follow_set_prefix(struct follow *f, uint32_t id, uint32_t cause)
{
	int n = snprintf(f->prefix, sizeof(f->prefix), "#%" PRIu32, id);

	if (cause)
		n += snprintf(f->prefix + n, sizeof(f->prefix) - (size_t)n, " <#%" PRIu32, cause);
	if (n > f->id_width)
		f->id_width = n;
	snprintf(f->prefix + n, sizeof(f->prefix) - (size_t)n, "%*s", f->id_width + 1 - n, "");
}

/* Lines that are of no journey. */
static void follow_of(struct follow *f, char kind, uint32_t id)
{
	int n = snprintf(f->prefix, sizeof(f->prefix), "%c%" PRIu32, kind, id);

	if (n > f->id_width)
		f->id_width = n;
	snprintf(f->prefix + n, sizeof(f->prefix) - (size_t)n, "%*s", f->id_width + 1 - n, "");
}

static uint32_t cause_of(const struct hs_journey *j)
{
	return j->cause_kind == HS_CAUSE_JOURNEY ? j->cause : 0;
}

static int time_column(const struct follow *f)
{
	return f->id_width + 1 + parts_clock_width(&f->r);
}

static void follow_prefix(struct follow *f, struct text *to, const char *prefix)
{
	text_color(to, TEXT_BOLD);
	text_add(to, prefix);
	text_color(to, TEXT_RESET);
	if (f->r.opt.plain)
		return;
	text_pad(to, f->id_width + 1);
}

static void follow_time(struct follow *f, struct text *to, const struct hs_journey *j,
			uint64_t time)
{
	struct text at;

	if (parts_has_clock(&f->r)) {
		parts_clock(&f->r, to, time, time_column(f));
		return;
	}
	text_init(&at, &f->r.style);
	text_add(&at, time > j->born ? "+" : "");
	text_duration(&at, time > j->born ? time - j->born : 0);
	if (!f->r.opt.plain)
		text_pad(to, time_column(f) - at.column);
	text_append(to, &at);
	text_free(&at);
}

static bool is_narrow(const struct follow *f)
{
	return f->r.opt.width < NARROW;
}

static int note_column(const struct follow *f)
{
	return is_narrow(f) ? f->id_width + 3 : time_column(f) + 3;
}

/*
 * Returns the column where the text goes on. Plain and narrow text has the place in the paragraph.
 */
static int follow_place(struct follow *f, struct text *to, const char *netns, const char *dev,
			bool crossed)
{
	int column = time_column(f) + 3;

	if (f->r.opt.plain) {
		text_addf(&f->r.line, "%s%s, %s%s", crossed ? ", crossing to " : ", ", netns, dev,
			  *dev ? ", " : "");
		return f->id_width + 1;
	}
	if (is_narrow(f)) {
		text_add(to, " ");
		text_addf(&f->r.line, "%s%s %s%s", crossed ? "⇒" G : "", netns, dev,
			  *dev ? " " : "");
		return f->id_width + 3;
	}
	text_add(to, crossed ? (f->r.opt.ascii ? " =>" : " ⇒ ") : "");
	text_pad(to, column);
	text_color(to, TEXT_CYAN);
	text_add(to, netns);
	text_color(to, TEXT_RESET);
	text_add(to, " ");
	column += f->netns_width + 1;
	text_pad(to, column);
	text_add(to, dev);
	text_add(to, " ");
	column += f->dev_width + 1;
	text_pad(to, column);
	return column;
}

static void follow_flow(struct follow *f, struct text *to, const char *prefix, int indent)
{
	text_flow(to, &f->r.line, prefix, indent);
	text_newline(to);
	text_clear(&f->r.line);
}

static void flush_via(struct follow *f)
{
	int column;

	if (!f->via_id)
		return;
	if (!f->legend_shown && !f->r.opt.plain) {
		text_color(&f->r.page, TEXT_DIM);
		text_pad(&f->r.page, time_column(f) - 1);
		text_add(&f->r.page, "·");
		column = note_column(f);
		text_pad(&f->r.page, column);
		text_add(&f->r.line, "inferred from the stack of the next hop, not timed");
		follow_flow(f, &f->r.page, NULL, column);
		text_color(&f->r.page, TEXT_RESET);
	}
	f->legend_shown = true;
	follow_prefix(f, &f->r.page, f->via_prefix);
	if (!f->r.opt.plain)
		text_pad(&f->r.page, time_column(f) - 1);
	text_add(&f->r.page, f->r.opt.plain ? "untimed" : "·");
	column = follow_place(f, &f->r.page, f->via_netns, f->via_dev, f->via_crossed);
	text_color(&f->r.line, TEXT_DIM);
	text_append(&f->r.line, &f->via);
	text_color(&f->r.line, TEXT_RESET);
	follow_flow(f, &f->r.page, f->via_prefix, column);
	text_clear(&f->via);
	f->via_id = 0;
}

/* Prints what was held back. */
static void follow_flush(struct follow *f)
{
	flush_via(f);
	if (f->held_id) {
		text_append(&f->r.page, &f->held);
		text_append(&f->r.page, &f->held_functions);
	}
	f->held_id = 0;
	text_clear(&f->held);
	text_clear(&f->held_functions);
}

static void follow_birth(struct follow *f, const struct hs_journey *j)
{
	struct text *t = &f->r.line;
	bool caused = j->cause_kind == HS_CAUSE_JOURNEY;

	if (id_set_has(&f->begun, j->id))
		return;
	if (!id_set_add(&f->begun, j->id))
		f->r.page.failed = true;
	f->recent[j->id % RECENT].id = j->id;
	f->recent[j->id % RECENT].cause = cause_of(j);
	f->recent[j->id % RECENT].born = j->born;
	follow_prefix(f, &f->r.page, f->prefix);
	flows_packet(t, j, !caused);
	if (flows_opens_window(flows_get(&f->flows, j->flow), j))
		text_add(t, ", window opens");
	if (j->duplicate_of || parts_is_part(j)) {
		text_add(t, parts_gap(&f->r));
		parts_cause(t, j);
	}
	/* a retransmission says so itself */
	if (j->cause_kind != HS_CAUSE_NONE && !caused && !j->retransmission) {
		text_add(t, parts_gap(&f->r));
		parts_by(t, j);
	}
	follow_flow(f, &f->r.page, f->prefix, f->id_width + 3);
	payload_add(&f->r, &f->r.page, j, f->prefix, f->id_width + 3);
}

static void follow_begin(struct follow *f, const struct hs_journey *j)
{
	follow_set_prefix(f, j->id, cause_of(j));
	follow_birth(f, j);
}

static void add_functions(struct follow *f, struct text *to, const struct hs_hop *hop)
{
	int indent;

	if (!f->r.opt.verbose || !hop->n_functions)
		return;
	indent = f->r.opt.plain ? f->id_width + 1
		 : is_narrow(f) ? f->id_width + 3
				: time_column(f) + 3 + f->netns_width + 1;
	follow_prefix(f, to, f->prefix);
	text_pad(to, indent);
	text_color(&f->r.line, TEXT_DIM);
	parts_functions(&f->r.line, hop);
	text_color(&f->r.line, TEXT_RESET);
	follow_flow(f, to, f->prefix, indent);
}

static void follow_via(struct follow *f, const struct hs_journey *j, const struct hs_hop *hop)
{
	bool same = f->via_id == j->id && !hop->crossed && !strcmp(f->via_netns, hop->netns) &&
		    !strcmp(f->via_dev, hop->dev) && f->r.opt.verbose < 2;

	if (!same) {
		follow_flush(f);
		f->via_id = j->id;
		memcpy(f->via_prefix, f->prefix, sizeof(f->prefix));
		f->via_netns = hop->netns;
		f->via_dev = hop->dev;
		f->via_crossed = hop->crossed;
	} else if (f->via_stage == hop->stage) {
		return;
	} else {
		parts_arrow(&f->via);
	}
	f->via_stage = hop->stage;
	parts_hop(&f->r, &f->via, j, hop, NULL, 0);
}

static bool may_be_fate(const struct follow *f, enum hs_stage stage)
{
	return f->r.opt.verbose < 2 && (stage == HS_STAGE_DROP || stage == HS_STAGE_CONSUME ||
					stage == HS_STAGE_SOCK_QUEUE);
}

static void follow_hop(void *ctx, const struct hs_journey *j, const struct hs_hop *hop)
{
	struct follow *f = ctx;
	struct text *to = &f->r.page;
	bool held;
	int column;

	follow_set_prefix(f, j->id, cause_of(j));
	if (!id_set_has(&f->begun, j->id))
		follow_flush(f);
	follow_birth(f, j);
	widen(&f->netns_width, hop->netns);
	widen(&f->dev_width, hop->dev);
	if (hop->kind == HS_HOP_VIA) {
		follow_via(f, j, hop);
		parts_write(&f->r);
		return;
	}
	follow_flush(f);
	held = may_be_fate(f, hop->stage);
	if (held) {
		to = &f->held;
		f->held_id = j->id;
		f->held_time = hop->time;
		f->held_netns = hop->netns;
		f->held_dev = hop->dev;
	}
	follow_prefix(f, to, f->prefix);
	follow_time(f, to, j, hop->time);
	column = follow_place(f, to, hop->netns, hop->dev, hop->crossed);
	parts_hop(&f->r, &f->r.line, j, hop, parts_prev_timed(j, hop), column);
	follow_flow(f, to, f->prefix, column);
	add_functions(f, held ? &f->held_functions : to, hop);
	parts_write(&f->r);
}

static void follow_note(struct follow *f, int indent)
{
	if (!f->r.line.len)
		return;
	follow_prefix(f, &f->r.page, f->prefix);
	text_pad(&f->r.page, indent);
	follow_flow(f, &f->r.page, f->prefix, indent);
}

static void follow_fate(void *ctx, const struct hs_journey *j)
{
	struct follow *f = ctx;
	const char *netns = j->fate.netns, *dev = j->fate.dev;
	struct text *t = &f->r.line;
	bool replaces;
	int column;

	flush_via(f);
	replaces = f->held_id == j->id && f->held_time == j->fate.time;
	if (replaces) {
		netns = f->held_netns;
		dev = f->held_dev;
		f->held_id = 0;
		text_clear(&f->held);
	} else {
		follow_flush(f);
	}
	follow_begin(f, j);
	follow_prefix(f, &f->r.page, f->prefix);
	if (j->fate.kind != HS_FATE_UNDERWAY)
		follow_time(f, &f->r.page, j, j->fate.time);
	column = follow_place(f, &f->r.page, netns, dev, false);
	parts_fate_word(t, &j->fate, true);
	text_add(t, " ");
	parts_fate_rest(t, j, true);
	follow_flow(f, &f->r.page, f->prefix, column);
	if (f->held_functions.len)
		text_append(&f->r.page, &f->held_functions);
	text_clear(&f->held_functions);
	column = f->r.opt.plain ? f->id_width + 1 : note_column(f);
	text_add(t, parts_fate_why(&j->fate));
	follow_note(f, column);
	if (parts_new_remedy(&f->r, j->fate.remedy))
		text_add(t, j->fate.remedy);
	follow_note(f, column);
	if (j->incomplete)
		parts_incomplete(t, j);
	follow_note(f, column);
	parts_write(&f->r);
}

static void follow_later(struct follow *f, const struct hs_journey *j, uint64_t time,
			 void (*sentence)(struct text *t, const struct hs_journey *j))
{
	int column = note_column(f);

	follow_flush(f);
	follow_begin(f, j);
	follow_prefix(f, &f->r.page, f->prefix);
	if (time) {
		follow_time(f, &f->r.page, j, time);
		text_add(&f->r.page, f->r.opt.plain ? ", " : is_narrow(f) ? " " : "");
	}
	if (f->r.opt.plain)
		column = f->id_width + 1;
	else
		text_pad(&f->r.page, column);
	sentence(&f->r.line, j);
	if (sentence == parts_read && !parts_fits(&f->r, column)) {
		text_clear(&f->r.line);
		parts_read_short(&f->r.line, j);
	}
	follow_flow(f, &f->r.page, f->prefix, column);
	parts_write(&f->r);
}

static void follow_read(void *ctx, const struct hs_journey *j)
{
	follow_later(ctx, j, j->read.time, parts_read);
}

static void follow_told(void *ctx, const struct hs_journey *j)
{
	follow_later(ctx, j, 0, parts_told);
}

static void follow_unread(void *ctx, const struct hs_journey *j)
{
	follow_later(ctx, j, 0, parts_unread);
}

static void follow_no_icmp(void *ctx, const struct hs_journey *j)
{
	follow_later(ctx, j, 0, parts_no_icmp);
}

static void follow_settled(void *ctx, const struct hs_journey *j)
{
	if (j->fate.kind == HS_FATE_UNDERWAY)
		follow_fate(ctx, j);
}

static void follow_call(void *ctx, const struct hs_call *call)
{
	struct follow *f = ctx;
	struct text *page = &f->r.page;

	follow_flush(f);
	if (call->flow) {
		follow_of(f, '~', call->flow);
		follow_prefix(f, page, f->prefix);
	}
	if (parts_has_clock(&f->r)) {
		text_pad(page, f->id_width + 1);
		parts_clock(&f->r, page, call->left, time_column(f));
		text_add(page, f->r.opt.plain ? ": " : "   ");
	}
	parts_call(&f->r, call, NULL, call->flow ? f->prefix : NULL);
	parts_write(&f->r);
}

static void follow_new_flow(void *ctx, const struct hs_flow *flow)
{
	struct follow *f = ctx;
	bool known = flows_get(&f->flows, flow->id);

	flows_learn(&f->flows, flow);
	if (known)
		return;
	follow_flush(f);
	follow_of(f, '~', flow->id);
	follow_prefix(f, &f->r.page, f->prefix);
	flows_header(&f->r.line, flow);
	follow_flow(f, &f->r.page, f->prefix, f->id_width + 3);
	parts_write(&f->r);
}

/* A change of state belongs to the segment that was sent or received with it. */
static void follow_state(void *ctx, const struct hs_state *s)
{
	uint32_t id = s->cause_kind == HS_CAUSE_JOURNEY && s->cause ? s->cause : s->sent;
	struct hs_journey since = { .born = s->flow.born };
	struct follow *f = ctx;
	char flow[16] = "";
	int column;

	flows_learn(&f->flows, &s->flow);
	if (!flows_is_change(s))
		return;
	follow_flush(f);
	if (id && f->recent[id % RECENT].id == id) {
		follow_set_prefix(f, id, f->recent[id % RECENT].cause);
		since.born = f->recent[id % RECENT].born;
		snprintf(flow, sizeof(flow), "~%" PRIu32, s->flow.id);
	} else if (s->flow.id) {
		follow_of(f, '~', s->flow.id);
		id = 0;
	} else {
		follow_of(f, '@', s->socket);
		id = 0;
	}
	follow_prefix(f, &f->r.page, f->prefix);
	if (s->flow.id || parts_has_clock(&f->r))
		follow_time(f, &f->r.page, &since, s->time);
	column = follow_place(f, &f->r.page, s->netns, flow, false);
	flows_change(&f->r.line, s, id);
	follow_flow(f, &f->r.page, f->prefix, column);
	parts_write(&f->r);
}

static void follow_signal(void *ctx, const struct hs_signal *s)
{
	struct follow *f = ctx;
	struct text *page = &f->r.page;

	follow_flush(f);
	if (parts_has_clock(&f->r)) {
		text_pad(page, f->id_width + 1);
		parts_clock(&f->r, page, s->time, time_column(f));
		text_add(page, f->r.opt.plain ? ": " : "   ");
	}
	flows_signal(&f->r.line, s, true);
	parts_flow(&f->r, NULL, 4);
	parts_write(&f->r);
}

static void follow_tick(void *ctx, uint64_t now)
{
	struct follow *f = ctx;

	flows_forget(&f->flows, now);
}

static void follow_loss(void *ctx, uint64_t time, uint64_t lost, uint64_t misses)
{
	follow_flush(ctx);
	parts_loss(ctx, time, lost, misses);
}

static void follow_summary(void *ctx, const struct hs_summary *s)
{
	struct follow *f = ctx;

	follow_flush(f);
	f->r.page.failed |= f->flows.failed;
	parts_summary(&f->r, s);
}

static void follow_destroy(struct render *r)
{
	struct follow *f = (struct follow *)r;

	flows_free(&f->flows);
	free(f->begun.bits);
	text_free(&f->via);
	text_free(&f->held);
	text_free(&f->held_functions);
}

struct hs_sink *render_follow_new(FILE *out, const struct hs_render_options *options)
{
	struct follow *f = parts_new(sizeof(*f), out, options);

	if (!f)
		return NULL;
	flows_init(&f->flows, sizeof(struct flow_view), NULL);
	f->id_width = ID_WIDTH;
	f->netns_width = NETNS_WIDTH;
	f->dev_width = DEV_WIDTH;
	text_init(&f->via, &f->r.style);
	text_init(&f->held, &f->r.style);
	text_init(&f->held_functions, &f->r.style);
	f->r.destroy = follow_destroy;
	f->r.sink.call = follow_call;
	f->r.sink.hop = follow_hop;
	f->r.sink.fate = follow_fate;
	f->r.sink.read = follow_read;
	f->r.sink.told = follow_told;
	f->r.sink.unread = follow_unread;
	f->r.sink.no_icmp = follow_no_icmp;
	f->r.sink.settled = follow_settled;
	f->r.sink.flow = follow_new_flow;
	f->r.sink.state = follow_state;
	f->r.sink.signal = follow_signal;
	f->r.sink.tick = follow_tick;
	f->r.sink.loss = follow_loss;
	f->r.sink.summary = follow_summary;
	return &f->r.sink;
}
