// SPDX-License-Identifier: BSD-2-Clause
/*
 * The picture: time, the client's states, its lifeline, what passes between, the server's lifeline
 * and its states. Where that is too wide, states are written between the lifelines; still narrower,
 * there are no times. In plain text a sentence a row.
 */
#include <inttypes.h>
#include <string.h>

#include "render_ladder.h"

#define G	    TEXT_GLUE
#define TIME_WIDTH  9
#define STATE_WIDTH 13 /* "(ESTABLISHED)" */
#define MIDDLE_MIN  36 /* without it the states go into the middle, */
#define NARROW_MIN  36 /* and without that the times go */

struct drawing {
	struct render *r;
	const struct ladder_flow *lf;
	int time_width;	 /* 0: no times */
	bool states;	 /* in columns of their own */
	int left;	 /* where the left lifeline is; */
	int middle;	 /* so wide is it between them */
	uint64_t last;	 /* time of the row before, 0: none */
	const char *why; /* of the last loss: the next may have the same */
	bool inferred;	 /* a state in parentheses was written */
	struct text_style narrow;
	const char *dash, *bar, *right, *back, *lost;
};

static void drawing_init(struct drawing *d, struct render *r, const struct ladder_flow *lf)
{
	bool ascii = r->opt.ascii;
	int clock = r->opt.time == HS_TIME_BIRTH ? TIME_WIDTH : parts_clock_width(r);

	*d = (struct drawing){ .r = r,
			       .lf = lf,
			       .dash = ascii ? "-" : "─",
			       .bar = ascii ? "|" : "│",
			       .right = ascii ? ">" : "▶",
			       .back = ascii ? "<" : "◀",
			       .lost = ascii ? "x" : "✗" };
	d->time_width = clock;
	d->left = clock + 1 + STATE_WIDTH;
	d->states = true;
	d->middle = r->opt.width - 2 * (d->left - clock - 1) - clock - 1 - 3;
	if (d->middle < MIDDLE_MIN) {
		d->states = false;
		d->left = clock + 1;
		d->middle = r->opt.width - d->left - 2;
	}
	if (d->middle < NARROW_MIN) {
		d->time_width = d->left = 0;
		d->middle = r->opt.width - 2;
	}
	d->narrow = r->style;
	d->narrow.width = d->middle - 2;
}

/* --- a line --- */

/* Since the row before, where no option says otherwise. */
static void draw_time(struct drawing *d, uint64_t time)
{
	struct text *page = &d->r->page, at;

	if (!d->time_width || !time)
		return;
	if (parts_has_clock(d->r)) {
		parts_clock(d->r, page, time, d->time_width);
		return;
	}
	text_init(&at, &d->r->style);
	text_add(&at, d->last ? "+" : "");
	text_duration(&at, d->last && time > d->last ? time - d->last : 0);
	text_pad(page, d->time_width - at.column);
	text_append(page, &at);
	text_free(&at);
	d->last = time;
}

static void draw_state(struct drawing *d, const struct ladder_state *state)
{
	struct text *page = &d->r->page;

	if (!state->state)
		return;
	text_color(page, TEXT_BOLD);
	flows_state(page, state->state, state->inferred);
	text_color(page, TEXT_RESET);
	d->inferred |= state->inferred;
}

/* `middle` as it is, from the left lifeline on; `state`: what each end is from now on, or NULL. */
static void draw_line(struct drawing *d, uint64_t time, const struct ladder_state *state,
		      const struct text *middle)
{
	struct text *page = &d->r->page;

	draw_time(d, time);
	if (d->states) {
		text_pad(page, d->time_width + 1);
		if (state)
			draw_state(d, &state[0]);
	}
	text_pad(page, d->left);
	text_add(page, d->bar);
	if (middle)
		text_append(page, middle);
	text_pad(page, d->left + 1 + d->middle);
	text_add(page, d->bar);
	if (d->states && state && state[1].state) {
		text_add(page, " ");
		draw_state(d, &state[1]);
	}
	text_newline(page);
}

/* Text at one side of the middle, wrapped; `t` is cleared. */
static void draw_note(struct drawing *d, uint64_t time, const struct ladder_state *state,
		      unsigned int end, struct text *t)
{
	struct text lines, line;
	const char *at, *stop;

	text_init(&lines, &d->narrow);
	text_init(&line, &d->r->style);
	text_flow(&lines, t, NULL, end ? 0 : 2);
	text_clear(t);
	for (at = lines.len ? lines.data : ""; at; at = stop) {
		int width = 0;

		stop = strchr(at, '\n');
		for (const char *p = at; *p && *p != '\n';) {
			if (*p == '\033') {
				p = strchr(p, 'm') + 1;
				continue;
			}
			text_next(&p);
			width++;
		}
		text_clear(&line);
		text_pad(&line, end ? d->middle - 1 - width : 1);
		text_raw(&line, at, stop ? (size_t)(stop - at) : strlen(at));
		line.column += width;
		draw_line(d, time, state, &line);
		time = 0;
		state = NULL;
		if (stop)
			stop++;
	}
	text_free(&lines);
	text_free(&line);
}

/* Where states have no columns, a row each. */
static void draw_states(struct drawing *d, const struct ladder_row *row)
{
	struct text *t = &d->r->line;

	for (unsigned int i = 0; i < 2 && !d->states; i++) {
		/* who sent it changed first */
		unsigned int end = row->kind == LADDER_SEGMENT && row->end ? !i : i;

		if (!row->state[end].state)
			continue;
		text_color(t, TEXT_BOLD);
		flows_state(t, row->state[end].state, row->state[end].inferred);
		text_color(t, TEXT_RESET);
		d->inferred |= row->state[end].inferred;
		draw_note(d, 0, NULL, end, t);
	}
}

/* --- segments --- */

static bool is_lost(const struct hs_fate *fate)
{
	return fate->kind == HS_FATE_DROPPED || fate->kind == HS_FATE_REFUSED;
}

static const char *arrow_end(const struct drawing *d, const struct ladder_row *row)
{
	enum hs_fate_kind kind = row->j.fate.kind;

	if (row->departs || kind == HS_FATE_UNDERWAY)
		return "…";
	if (kind == HS_FATE_UNKNOWN)
		return "?";
	if (is_lost(&row->j.fate))
		return d->lost;
	return row->end ? d->back : d->right;
}

static void add_words(struct text *t, const struct ladder_row *row, enum text_segment how)
{
	const struct hs_journey *j = &row->j;

	text_segment(t, j, how);
	if (row->opens)
		text_add(t, G "window" G "opens");
	if (how == TEXT_SEGMENT_ALL && j->rst_reason && *j->rst_reason)
		text_addf(t, G "(%s)", j->rst_reason);
}

/* As much as finds room; false when that is nothing but the id. */
static bool add_label(const struct drawing *d, struct text *t, const struct ladder_row *row)
{
	bool arrives = row->kind == LADDER_ARRIVAL;

	for (int how = arrives ? TEXT_SEGMENT_NAME : TEXT_SEGMENT_ALL; how >= 0; how--) {
		text_clear(t);
		parts_id(t, row->j.id);
		text_add(t, G);
		add_words(t, row, (enum text_segment)how);
		if (t->column + 6 <= d->middle)
			return true;
	}
	text_clear(t);
	parts_id(t, row->j.id);
	return arrives;
}

/*
 * "── #4 12 B seq 1..12 ack 1 ─────▶", to the other side or so far as it came; `label`, `end` as
 * they will be written.
 */
static void draw_arrow(struct drawing *d, const struct ladder_row *row, const struct text *label)
{
	bool lost = is_lost(&row->j.fate) || row->departs, arrives = row->kind == LADDER_ARRIVAL;
	const char *head = arrives ? row->end ? d->back : d->right : arrow_end(d, row);
	int room = d->middle - (lost && d->middle > label->column + 14 ? 6 : 0);
	bool red = is_lost(&row->j.fate);
	struct text line, tip;
	int dashes;

	text_init(&line, &d->r->style);
	text_init(&tip, &d->r->style);
	text_add(&tip, head);
	if (arrives)
		text_add(&tip, "…");
	dashes = room - label->column - tip.column - 3;
	dashes = dashes < 1 ? 1 : dashes;
	if (row->end)
		text_pad(&line, d->middle - room);
	if (red)
		text_color(&line, TEXT_RED);
	if (row->end)
		text_add(&line, head);
	else if (arrives)
		text_add(&line, "…");
	text_add(&line, d->dash);
	text_add(&line, " ");
	text_append(&line, label);
	text_add(&line, " ");
	text_repeat(&line, d->dash, dashes);
	if (!row->end)
		text_add(&line, head);
	else if (arrives)
		text_add(&line, "…");
	if (red)
		text_color(&line, TEXT_RESET);
	draw_line(d, row->time, row->state, &line);
	text_free(&line);
	text_free(&tip);
}

static void draw_segment(struct drawing *d, const struct ladder_row *row)
{
	const struct hs_journey *j = &row->j;
	struct text *t = &d->r->line, label;

	if (row->kind == LADDER_SEGMENT && j->retransmission) {
		flows_retransmission(t, j);
		if (j->cause_kind == HS_CAUSE_JOURNEY && j->cause)
			text_addf(t, G "◀" G "#%" PRIu32, j->cause);
		draw_note(d, 0, NULL, row->end, t);
	} else if (row->kind == LADDER_SEGMENT && j->cause_kind == HS_CAUSE_TIMER &&
		   !j->window_probe && *j->timer) {
		text_add(t, j->timer);
		draw_note(d, 0, NULL, row->end, t);
	}
	text_init(&label, &d->r->style);
	if (!add_label(d, &label, row))
		add_words(t, row, TEXT_SEGMENT_ALL);
	if (t->len)
		draw_note(d, 0, NULL, row->end, t);
	draw_arrow(d, row, &label);
	text_free(&label);
	draw_states(d, row);
	if (row->departs || row->kind == LADDER_ARRIVAL ||
	    !(is_lost(&j->fate) || j->fate.kind == HS_FATE_UNDERWAY ||
	      j->fate.kind == HS_FATE_UNKNOWN || j->incomplete))
		return;
	if (is_lost(&j->fate) || j->fate.kind == HS_FATE_UNDERWAY ||
	    j->fate.kind == HS_FATE_UNKNOWN) {
		parts_fate_word(t, &j->fate, false);
		if (j->fate.kind == HS_FATE_DROPPED && *j->fate.netns)
			text_addf(t, G "in" G "%s", j->fate.netns);
		text_add(t, ":" G);
		parts_fate_rest(t, j, false);
		draw_note(d, 0, NULL, !row->end, t);
	}
	if (!d->why || strcmp(d->why, j->fate.why) != 0)
		text_add(t, parts_fate_why(&j->fate));
	d->why = j->fate.why;
	if (t->len)
		draw_note(d, 0, NULL, !row->end, t);
	if (j->incomplete) {
		parts_incomplete(t, j);
		draw_note(d, 0, NULL, !row->end, t);
	}
}

/* --- calls, and the rest --- */

static void add_return(struct text *t, const struct hs_call *call)
{
	char buf[16];

	text_addf(t, "%s() =" G, call->name);
	if (call->ret < 0) {
		text_color(t, TEXT_RED);
		text_add(t, text_errno((int)-call->ret, buf));
		text_color(t, TEXT_RESET);
	} else {
		text_addf(t, "%" PRId64, call->ret);
	}
	if (call->signal)
		text_addf(t, G "and" G "%s", text_signal(call->signal, buf));
	if (call->left - call->entered >= 1000000) {
		text_add(t, " after" G);
		text_duration(t, call->left - call->entered);
	}
}

/* As much as finds room: what the ladder shows anyway is left out first. */
static void add_call(struct text *t, const struct ladder_row *row, int room)
{
	struct hs_call call = row->call;

	if (row->kind == LADDER_RETURN && row->returns) {
		add_return(t, &row->call);
		return;
	}
	if (row->returns)
		call.left = 0;
	call.local.port = 0;
	call.socket = 0;
	if (call.id != HS_CALL_CONNECT)
		call.given.addr.family = 0;
	for (int detail = 2; detail >= 0; detail--) {
		text_clear(t);
		if (detail < 2)
			call.has_range = false;
		if (detail < 1 && (text_call_sends(call.id) || text_call_receives(call.id)))
			call.flags = 0;
		text_call(t, &call, detail > 1);
		if (t->column <= room)
			return;
	}
}

static void draw_fold(struct drawing *d, const struct ladder_row *row)
{
	const struct fold *fold = row->fold;
	struct text *t = &d->r->line;
	uint64_t time = row->time;

	fold_segments(t, fold, &d->lf->v.f);
	if (t->len) {
		draw_note(d, time, NULL, fold->bytes[1] > fold->bytes[0], t);
		time = 0;
	}
	for (size_t i = 0; i < fold->n_calls; i++) {
		fold_calls(t, &fold->calls[i]);
		draw_note(d, time, NULL, fold->calls[i].end, t);
		time = 0;
	}
}

/* What moved a state, when no other row shows it. */
static void add_mover(struct text *t, const struct hs_state *s)
{
	if (s->cause_kind == HS_CAUSE_TIMER && s->timer && *s->timer)
		text_add(t, s->timer);
	else if (s->cause_kind == HS_CAUSE_CALL && s->by_call && *s->by_call)
		text_addf(t, "by" G "%s()", s->by_call);
	else if (s->cause_kind == HS_CAUSE_JOURNEY && s->cause)
		text_addf(t, "by" G "#%" PRIu32, s->cause);
}

static void add_signal(struct text *t, const struct ladder_flow *lf, const struct ladder_row *row)
{
	flows_signal(t, &row->signal, row->signal.task.pid != lf->v.f.end[row->end].owner.pid);
}

static void draw_row(struct drawing *d, const struct ladder_row *row)
{
	struct text *t = &d->r->line;

	switch (row->kind) {
	case LADDER_SEGMENT:
	case LADDER_ARRIVAL:
		draw_segment(d, row);
		return;
	case LADDER_FOLD:
		draw_fold(d, row);
		return;
	case LADDER_CALL:
	case LADDER_RETURN:
		add_call(t, row, d->middle - 2);
		break;
	case LADDER_SIGNAL:
		add_signal(t, d->lf, row);
		break;
	case LADDER_CHANGE:
		add_mover(t, &row->change);
		break;
	}
	if (t->len || d->states)
		draw_note(d, row->time, row->state, row->end, t);
	draw_states(d, row);
}

/* --- the head --- */

/* "client simple_nc[812]", "byte_sink[801] server": who they are, or at least where */
static void add_end(struct text *t, const struct hs_flow *f, unsigned int end)
{
	const struct hs_flow_end *e = &f->end[end];

	if (!f->opened || e->owner.pid) {
		text_add(t, f->opened && !end ? "client" G : "");
		flows_who(t, e);
		text_add(t, f->opened && end ? G "server" : "");
	} else {
		text_add(t, end ? "server" : "client");
		text_addf(t, *e->netns ? G "in" G "%s" : "%s", e->netns);
	}
}

static void add_where(struct text *t, const struct hs_flow_end *e)
{
	text_endpoint(t, &e->at);
	if (*e->netns && e->owner.pid)
		text_addf(t, " in" G "%s", e->netns);
}

/* One at each side, on one line if they fit. */
static void draw_sides(struct drawing *d, const struct text *a, const struct text *b)
{
	struct text *page = &d->r->page;
	int width = d->r->opt.width;

	text_pad(page, d->time_width ? d->time_width + 1 : 0);
	if (page->column + a->column > width) {
		text_flow(page, a, NULL, 0);
	} else {
		text_append(page, a);
	}
	if (page->column + b->column + 2 > width)
		text_newline(page);
	text_pad(page, width - b->column);
	if (b->column > width)
		text_flow(page, b, NULL, 0);
	else
		text_append(page, b);
	text_newline(page);
}

static enum hs_tcp_state first_state(const struct ladder_flow *lf, unsigned int end)
{
	for (size_t i = 0; i < lf->n_changes; i++)
		if ((lf->changes[i].end & 1) == end)
			return lf->changes[i].before;
	return lf->v.f.end[end].state;
}

static void draw_head(struct drawing *d)
{
	struct ladder_row row = { .kind = LADDER_CHANGE };
	const struct hs_flow *f = &d->lf->v.f;
	struct text *page = &d->r->page, a, b;

	text_init(&a, &d->r->style);
	text_init(&b, &d->r->style);
	flows_id(page, f->id);
	if (!d->time_width)
		text_add(page, "  TCP");
	if (!f->opened)
		text_add(page, "  its start was not seen");
	if (!d->time_width || !f->opened)
		text_newline(page);
	add_end(&a, f, 0);
	add_end(&b, f, 1);
	draw_sides(d, &a, &b);
	text_clear(&a);
	text_clear(&b);
	add_where(&a, &f->end[0]);
	add_where(&b, &f->end[1]);
	draw_sides(d, &a, &b);
	for (unsigned int end = 0; end < 2; end++)
		row.state[end].state = first_state(d->lf, end);
	if (d->states)
		draw_line(d, 0, row.state, NULL);
	draw_states(d, &row);
	text_free(&a);
	text_free(&b);
}

/* --- in words --- */

static void tell_time(struct drawing *d, uint64_t time)
{
	struct text *page = &d->r->page;

	text_add(page, "  ");
	if (parts_has_clock(d->r)) {
		parts_clock(d->r, page, time, 2 + parts_clock_width(d->r));
	} else {
		text_add(page, d->last ? "after" G : "at" G);
		text_duration(page, d->last && time > d->last ? time - d->last : 0);
	}
	d->last = time;
	text_add(page, ": ");
}

static void tell_states(struct text *t, const struct hs_flow *f, const struct ladder_row *row)
{
	for (unsigned int i = 0; i < 2; i++) {
		unsigned int end = row->kind == LADDER_SEGMENT && row->end ? !i : i;

		if (!row->state[end].state)
			continue;
		text_add(t, t->len ? "; " : "");
		flows_end(t, f, end);
		text_add(t, G "is" G);
		flows_state(t, row->state[end].state, row->state[end].inferred);
	}
}

static void tell_segment(struct text *t, const struct ladder_flow *lf, const struct ladder_row *row)
{
	const struct hs_journey *j = &row->j;

	flows_direction(t, &lf->v.f, row->end);
	text_add(t, ": ");
	parts_id(t, j->id);
	if (row->kind == LADDER_ARRIVAL) {
		text_add(t, " arrives");
		return;
	}
	text_add(t, G);
	flows_segment(t, j, TEXT_SEGMENT_ALL, row->opens);
	if (row->departs)
		text_add(t, ", departs");
	if (!is_lost(&j->fate) && j->fate.kind != HS_FATE_UNDERWAY &&
	    j->fate.kind != HS_FATE_UNKNOWN)
		return;
	text_add(t, "; ");
	parts_fate_word(t, &j->fate, false);
	if (j->fate.kind == HS_FATE_DROPPED && *j->fate.netns)
		text_addf(t, G "in" G "%s", j->fate.netns);
	text_add(t, ":" G);
	parts_fate_rest(t, j, false);
	if (*parts_fate_why(&j->fate))
		text_addf(t, ": %s", parts_fate_why(&j->fate));
}

static void tell_line(struct drawing *d, uint64_t time)
{
	if (!d->r->line.len)
		return;
	tell_time(d, time);
	parts_flow(d->r, NULL, 4);
}

static void tell_row(struct drawing *d, const struct ladder_row *row)
{
	const struct hs_flow *f = &d->lf->v.f;
	struct text *t = &d->r->line, words;

	if (row->kind == LADDER_FOLD) {
		fold_segments(t, row->fold, f);
		tell_line(d, row->time);
		for (size_t i = 0; i < row->fold->n_calls; i++) {
			flows_end(t, f, row->fold->calls[i].end);
			text_add(t, ": ");
			fold_calls(t, &row->fold->calls[i]);
			tell_line(d, row->time);
		}
		return;
	}
	if (row->kind == LADDER_SEGMENT || row->kind == LADDER_ARRIVAL) {
		tell_segment(t, d->lf, row);
	} else {
		text_init(&words, &d->r->style);
		if (row->kind == LADDER_SIGNAL)
			add_signal(&words, d->lf, row);
		else if (row->kind == LADDER_CHANGE)
			add_mover(&words, &row->change);
		else
			add_call(&words, row, d->r->opt.width);
		flows_end(t, f, row->end);
		text_add(t, words.len ? ": " : "");
		text_append(t, &words);
		text_free(&words);
	}
	tell_states(t, f, row);
	tell_line(d, row->time);
	if ((row->kind == LADDER_SEGMENT) && row->j.incomplete) {
		parts_incomplete(t, &row->j);
		text_pad(&d->r->page, 4);
		parts_flow(d->r, NULL, 4);
	}
}

static void tell_head(struct drawing *d)
{
	struct ladder_row row = { .kind = LADDER_CHANGE };
	const struct hs_flow *f = &d->lf->v.f;

	flows_id(&d->r->page, f->id);
	text_add(&d->r->page, ": ");
	flows_header(&d->r->line, f);
	parts_flow(d->r, NULL, 4);
	for (unsigned int end = 0; end < 2; end++)
		row.state[end].state = first_state(d->lf, end);
	text_add(&d->r->page, "  ");
	tell_states(&d->r->line, f, &row);
	parts_flow(d->r, NULL, 4);
}

void ladder_draw(struct render *r, const struct ladder_flow *lf)
{
	struct drawing d;

	drawing_init(&d, r, lf);
	if (r->opt.plain)
		tell_head(&d);
	else
		draw_head(&d);
	for (size_t i = 0; i < lf->n_rows; i++) {
		if (r->opt.plain)
			tell_row(&d, &lf->rows[i]);
		else
			draw_row(&d, &lf->rows[i]);
	}
	if (!d.inferred || r->opt.plain)
		return;
	text_pad(&r->page, d.time_width ? d.time_width + 1 : 0);
	text_add(&r->line, "(in parentheses: inferred, no event shows it)");
	parts_flow(r, NULL, d.time_width ? d.time_width + 1 : 0);
}
