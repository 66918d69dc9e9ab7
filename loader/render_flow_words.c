// SPDX-License-Identifier: BSD-2-Clause
/* What the text views say about connections, segments, changes of state, signals. */
#include <inttypes.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "render_flows.h"

#define G TEXT_GLUE

enum { RST = 0x04 };

void flows_id(struct text *t, uint32_t id)
{
	text_color(t, TEXT_BOLD);
	text_addf(t, "~%" PRIu32, id);
	text_color(t, TEXT_RESET);
}

void flows_whose(struct text *t, const struct hs_state *s)
{
	if (s->flow.id)
		flows_id(t, s->flow.id);
	else
		text_addf(t, "@%" PRIu32, s->socket);
}

void flows_end(struct text *t, const struct hs_flow *f, unsigned int end)
{
	const struct hs_flow_end *e = f ? &f->end[end & 1] : NULL;

	if (!f || f->opened)
		text_add(t, end & 1 ? "server" : "client");
	else if (e->owner.pid)
		text_task(t, &e->owner);
	else
		text_endpoint(t, &e->at);
}

void flows_direction(struct text *t, const struct hs_flow *f, unsigned int from)
{
	if (!t->style->plain) {
		text_add(t, from & 1 ? "←" : "→");
		return;
	}
	flows_end(t, f, from);
	text_add(t, G "to" G);
	flows_end(t, f, !(from & 1));
}

/* Who is there; where, when that is not known. */
void flows_who(struct text *t, const struct hs_flow_end *e)
{
	if (e->owner.pid)
		text_task(t, &e->owner);
	else if (*e->netns)
		text_add(t, e->netns);
	else
		text_add(t, t->style->plain ? "an" G "unknown" G "peer" : "?");
}

void flows_header(struct text *t, const struct hs_flow *f)
{
	const char *gap = t->style->plain ? ", " : "  ";

	text_add(t, "TCP" G);
	text_endpoints(t, &f->end[0].at, &f->end[1].at);
	text_add(t, gap);
	flows_who(t, &f->end[0]);
	text_add(t, t->style->plain ? " and" G : G "⇄ ");
	flows_who(t, &f->end[1]);
	if (!f->opened)
		text_addf(t, "%sits start was not seen", gap);
}

static void add_cause(struct text *t, uint32_t journey)
{
	text_addf(t, t->style->plain ? ", because" G "of" G "#%" PRIu32 : " ◀" G "#%" PRIu32,
		  journey);
}

void flows_retransmission(struct text *t, const struct hs_journey *j)
{
	bool timer = j->cause_kind == HS_CAUSE_TIMER && j->timer && *j->timer;

	text_color(t, TEXT_YELLOW);
	text_addf(t, "retransmission" G "%" PRIu32, j->retransmission);
	if (j->retransmission_of)
		text_addf(t, G "of" G "#%" PRIu32, j->retransmission_of);
	text_color(t, TEXT_RESET);
	/* the retransmission timer: everybody knows whose it is */
	if (timer && !strncmp(j->timer, "retransmi", 9))
		text_add(t, G "(timer)");
	else if (timer)
		text_addf(t, " (%s)", j->timer);
	if (j->resent_after) {
		text_add(t, " after" G);
		text_duration(t, j->resent_after);
	}
}

void flows_segment(struct text *t, const struct hs_journey *j, enum text_segment how, bool opens)
{
	bool rst = j->packet.tcp_flags & RST;

	if (j->zero_window && !rst)
		text_color(t, TEXT_YELLOW);
	text_segment(t, j, how);
	if (j->zero_window && !rst)
		text_color(t, TEXT_RESET);
	if (opens)
		text_add(t, t->style->plain ? ", window" G "opens" : " window" G "opens");
	if (rst && j->rst_reason && *j->rst_reason)
		text_addf(t, " (%s)", j->rst_reason);
	if (j->retransmission) {
		text_add(t, ", ");
		flows_retransmission(t, j);
	} else if (j->cause_kind == HS_CAUSE_TIMER && !j->window_probe && j->timer && *j->timer) {
		text_addf(t, " (%s)", j->timer);
	}
	if (j->cause_kind == HS_CAUSE_JOURNEY && j->cause)
		add_cause(t, j->cause);
}

void flows_packet(struct text *t, const struct hs_journey *j, bool about)
{
	const char *gap = t->style->plain ? ", " : "  ";

	if (!j->flow || j->packet.proto != IPPROTO_TCP) {
		text_packet(t, &j->packet, about);
		return;
	}
	text_add(t, "TCP" G);
	text_endpoints(t, &j->packet.src, &j->packet.dst);
	text_add(t, gap);
	text_segment(t, j, TEXT_SEGMENT_ALL);
	if (j->packet.tcp_flags & RST && j->rst_reason && *j->rst_reason)
		text_addf(t, " (%s)", j->rst_reason);
	text_add(t, gap);
	flows_id(t, j->flow);
	if (j->retransmission) {
		text_add(t, gap);
		flows_retransmission(t, j);
	}
}

void flows_state(struct text *t, enum hs_tcp_state state, bool inferred)
{
	text_addf(t, inferred && !t->style->plain ? "(%s)" : "%s", text_tcp_state(state));
	if (inferred && t->style->plain)
		text_add(t, G "(inferred)");
}

void flows_new_state(struct text *t, const struct hs_state *s, const struct hs_state *before)
{
	if (s->flow.id && (!before || before->end != s->end)) {
		flows_end(t, &s->flow, s->end);
		text_add(t, G);
	}
	flows_state(t, s->after, s->inferred && !s->confirmed);
}

void flows_change(struct text *t, const struct hs_state *s, uint32_t here)
{
	bool timer = s->cause_kind == HS_CAUSE_TIMER && s->timer && *s->timer;
	bool doubt = s->inferred && !s->confirmed;

	if (s->flow.id) {
		flows_end(t, &s->flow, s->end);
		text_add(t, G);
	}
	text_addf(t, "%s →" G "%s", text_tcp_state(s->before), text_tcp_state(s->after));
	if (s->cause_kind == HS_CAUSE_CALL) {
		bool named = s->by_call && *s->by_call;

		text_add(t, " by" G);
		if (!named || s->by.pid != s->owner.pid)
			text_task(t, &s->by);
		if (named)
			text_addf(t, "%s%s()", s->by.pid != s->owner.pid ? G : "", s->by_call);
	} else if (s->cause_kind == HS_CAUSE_JOURNEY && s->cause && s->cause != here) {
		add_cause(t, s->cause);
	}
	if (timer || doubt)
		text_addf(t, " (%s%s%s)", timer ? s->timer : "", timer && doubt ? "," G : "",
			  doubt ? "inferred" : "");
}

void flows_call_changes(struct flows *fs, struct text *t, const struct hs_call *call)
{
	struct flow_change *change;

	while ((change = flows_take_of_call(fs, call))) {
		if (flows_is_change(&change->s)) {
			text_add(t, ", ");
			flows_new_state(t, &change->s, NULL);
		}
		free(change);
	}
}

void flows_signal(struct text *t, const struct hs_signal *s, bool who)
{
	char buf[16];

	if (who) {
		text_task(t, &s->task);
		text_add(t, G);
	}
	text_add(t, s->fatal ? "killed" G "by" G : "got" G);
	text_color(t, TEXT_RED);
	text_add(t, text_signal(s->number, buf));
	text_color(t, TEXT_RESET);
	if (s->by_call && *s->by_call)
		text_addf(t, " in" G "%s(%" PRId32 ")", s->by_call, s->fd);
	if (s->cause)
		add_cause(t, s->cause);
}
