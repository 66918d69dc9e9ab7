// SPDX-License-Identifier: BSD-2-Clause
#include "render_fold.h"

#include <inttypes.h>
#include <string.h>

#define G TEXT_GLUE

static void fold_time(struct fold *fold, uint64_t from, uint64_t to)
{
	if (!fold->first || from < fold->first)
		fold->first = from;
	if (to > fold->last)
		fold->last = to;
}

void fold_add_segment(struct fold *fold, const struct hs_journey *j)
{
	unsigned int end = j->from & 1;

	fold_time(fold, j->born, j->fate.time);
	if (j->packet.payload)
		fold->n_data[end]++;
	else
		fold->n_acks[end]++;
	fold->bytes[end] += j->packet.payload;
	if (j->fate.kind == HS_FATE_LEFT)
		fold->left++;
	else
		fold->delivered++;
	if (!fold->first_id)
		fold->first_id = j->id;
	fold->last_id = j->id;
}

unsigned int fold_call_end(const struct hs_flow *f, const struct hs_call *call)
{
	if (f->end[0].socket && f->end[0].socket == call->socket)
		return 0;
	if (f->end[1].socket && f->end[1].socket == call->socket)
		return 1;
	if (call->id == HS_CALL_ACCEPT || call->id == HS_CALL_ACCEPT4)
		return 1;
	return f->end[0].at.port != call->local.port ||
	       memcmp(&f->end[0].at.addr, &call->local.addr, sizeof(call->local.addr)) != 0;
}

static struct fold_calls *calls_of(struct fold *fold, const struct hs_flow *f,
				   const struct hs_call *call)
{
	struct fold_calls *c;

	for (size_t i = 0; i < fold->n_calls; i++) {
		c = &fold->calls[i];
		if (c->task.tid == call->task.tid && c->fd == call->fd && c->id == call->id)
			return c;
	}
	if (fold->n_calls == FOLD_CALLS)
		return NULL;
	c = &fold->calls[fold->n_calls++];
	*c = (struct fold_calls){ .task = call->task,
				  .id = call->id,
				  .name = call->name,
				  .fd = call->fd,
				  .end = fold_call_end(f, call),
				  .len = call->len };
	return c;
}

bool fold_add_call(struct fold *fold, const struct hs_flow *f, const struct hs_call *call)
{
	struct fold_calls *c = calls_of(fold, f, call);

	if (!c)
		return false;
	fold_time(fold, call->entered, call->left);
	if (c->len != call->len)
		c->len = 0;
	if (call->ret < 0) {
		c->again++;
		return true;
	}
	c->n++;
	c->bytes += (uint64_t)call->ret;
	c->parts += text_call_sends(call->id) && (uint64_t)call->ret < call->len;
	if (call->has_range) {
		if (!c->has_range)
			c->from = call->rel_from;
		c->to = call->rel_to;
		c->has_range = true;
	}
	return true;
}

static void add_count(struct text *t, uint64_t n, const char *what)
{
	text_addf(t, "%" PRIu64 G "%s%s", n, what, n == 1 ? "" : "s");
}

static void add_data(struct text *t, const struct fold *fold, const struct hs_flow *f,
		     unsigned int end)
{
	flows_direction(t, f, end);
	text_add(t, t->style->plain ? ":" G : G);
	add_count(t, fold->n_data[end], "segment");
	text_add(t, ", ");
	text_size(t, fold->bytes[end]);
}

static void add_acks(struct text *t, const struct fold *fold, const struct hs_flow *f)
{
	uint64_t n = fold->n_acks[0] + fold->n_acks[1];
	bool only = !fold->n_data[0] && !fold->n_data[1];
	unsigned int end = !fold->n_acks[0];

	if (!n)
		return;
	if (only && n == fold->n_acks[end]) {
		flows_direction(t, f, end);
		text_add(t, t->style->plain ? ":" G : G);
		add_count(t, n, "ACK");
		return;
	}
	text_add(t, only ? "" : ", ");
	add_count(t, n, "ACK");
	if (n != fold->n_acks[end])
		return;
	text_add(t, t->style->plain ? " from" G : G);
	if (t->style->plain)
		flows_end(t, f, end);
	else
		flows_direction(t, f, end);
}

void fold_segments(struct text *t, const struct fold *fold, const struct hs_flow *f)
{
	unsigned int most = fold->bytes[1] > fold->bytes[0];

	if (!fold->delivered && !fold->left)
		return;
	if (fold->n_data[most])
		add_data(t, fold, f, most);
	if (fold->n_data[!most]) {
		text_add(t, ", ");
		add_data(t, fold, f, !most);
	}
	add_acks(t, fold, f);
	text_add(t, ", all" G);
	text_add(t, fold->delivered ? "delivered" : "left" G "the" G "machine");
	if (fold->delivered && fold->left)
		text_add(t, G "or" G "left" G "the" G "machine");
	text_add(t, ", ");
	text_duration(t, fold->last - fold->first);
}

void fold_calls(struct text *t, const struct fold_calls *c)
{
	const char *times = t->style->plain ? G "times" G : G "×" G;

	if (c->n)
		text_addf(t, "%" PRIu64 "%s", c->n, times);
	text_addf(t, "%s(%" PRId32, c->name, c->fd);
	if (c->len) {
		text_add(t, "," G);
		text_size(t, c->len);
	}
	text_add(t, ") =" G);
	if (c->n)
		text_size(t, c->bytes);
	if (c->has_range && c->to != c->from) {
		text_add(t, ", bytes" G);
		text_range(t, c->from, c->to - 1);
	}
	if (c->parts)
		text_addf(t, ", %" PRIu64 G "took" G "only" G "a" G "part", c->parts);
	if (c->again)
		text_addf(t, "%s%" PRIu64 "%sEAGAIN", c->n ? ", " : "", c->again, times);
}
