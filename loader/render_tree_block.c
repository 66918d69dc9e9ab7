// SPDX-License-Identifier: BSD-2-Clause
#include <inttypes.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "render_tree.h"
#include "render_payload.h"

#define G	       TEXT_GLUE
#define MAX_NAME_WIDTH 16
#define NARROW	       60 /* below that there are no columns */
#define CROSSING_WIDTH 67 /* both ends of the rule included */

static bool is_narrow(const struct tree *tree)
{
	return tree->r.opt.width < NARROW;
}

struct tree_columns tree_columns(const struct tree *tree)
{
	enum hs_time_format time = tree->r.opt.time;
	bool delta = time == HS_TIME_BIRTH || time == HS_TIME_DELTA;
	struct tree_columns c = { .time_end = delta ? 9 : parts_clock_width(&tree->r) };

	c.netns = c.time_end + 2;
	if (is_narrow(tree)) {
		c.dev = c.stage = c.netns + 2;
		return c;
	}
	c.dev = c.netns + tree->netns_width + 2;
	c.stage = c.dev + tree->dev_width + 2;
	return c;
}

static void widen(int *width, const char *name)
{
	int w = text_width(name);

	if (w > *width)
		*width = w < MAX_NAME_WIDTH ? w : MAX_NAME_WIDTH;
}

void tree_flow(struct tree *tree, struct text *to, int indent)
{
	text_flow(to, &tree->r.line, NULL, indent);
	text_newline(to);
	text_clear(&tree->r.line);
}

/* --- one block --- */

/* What is known while a block is composed. */
struct composing {
	const struct hs_journey *j;
	struct tree_block *block;
	struct text *to; /* head, then tail */
	struct tree_columns col;
	const struct hs_hop *timed; /* the last timed hop */
	bool fate_done, via;
};

static void add_time(struct tree *tree, struct composing *c, uint64_t time)
{
	struct text at;

	if (tree->r.opt.time == HS_TIME_WALL || tree->r.opt.time == HS_TIME_START) {
		parts_clock(&tree->r, c->to, time, c->col.time_end);
		return;
	}
	text_init(&at, &tree->r.style);
	if (tree->r.opt.plain)
		text_add(&at, c->timed ? "  after" G : "  at" G);
	else if (c->timed)
		text_add(&at, "+");
	text_duration(&at, c->timed && time > c->timed->time ? time - c->timed->time : 0);
	text_pad(c->to, c->col.time_end - at.column);
	text_append(c->to, &at);
	text_free(&at);
}

static void add_place(struct tree *tree, struct composing *c, const struct hs_hop *hop)
{
	struct text *to = c->to;

	if (tree->r.opt.plain) {
		text_addf(&tree->r.line, ": %s, %s%s", hop->netns, hop->dev, *hop->dev ? ", " : "");
		return;
	}
	text_pad(to, c->col.netns);
	if (is_narrow(tree)) {
		text_addf(&tree->r.line, "%s %s%s", hop->netns, hop->dev, *hop->dev ? " " : "");
		return;
	}
	text_color(to, TEXT_CYAN);
	text_add(to, hop->netns);
	text_color(to, TEXT_RESET);
	text_add(to, "  ");
	text_pad(to, c->col.dev);
	text_add(to, hop->dev);
	text_add(to, "  ");
	text_pad(to, c->col.stage);
}

static const char *find_dev(const struct hs_journey *j, size_t i, int step)
{
	const char *netns = j->hops[i].netns;

	for (; i < j->n_hops && !strcmp(j->hops[i].netns, netns); i += (size_t)step) {
		if (*j->hops[i].dev)
			return j->hops[i].dev;
	}
	return NULL;
}

static void add_crossing(struct tree *tree, struct composing *c, size_t i)
{
	const struct hs_journey *j = c->j;
	const char *from = i ? find_dev(j, i - 1, -1) : NULL;
	const char *to = find_dev(j, i, 1);
	struct text *t = &tree->r.line;
	int rule;

	if (!from || !to) {
		from = i ? j->hops[i - 1].netns : "?";
		to = j->hops[i].netns;
	}
	if (tree->r.opt.plain) {
		text_addf(c->to, "  crossing from %s to %s", from, to);
		text_newline(c->to);
		return;
	}
	text_addf(t, " %s" G "⇒" G "%s ", from, to);
	rule = CROSSING_WIDTH - t->column;
	if (rule > tree->r.opt.width - c->col.netns - t->column)
		rule = tree->r.opt.width - c->col.netns - t->column;
	text_pad(c->to, c->col.netns);
	text_color(c->to, TEXT_BOLD);
	text_repeat(c->to, "═", rule / 2);
	text_append(c->to, t);
	text_repeat(c->to, "═", rule - rule / 2);
	text_color(c->to, TEXT_RESET);
	text_newline(c->to);
	text_clear(t);
}

static void add_functions(struct tree *tree, struct composing *c, const struct hs_hop *hop)
{
	struct text *t = &tree->r.line;
	int indent = tree->r.opt.plain ? TREE_HEADER_INDENT : c->col.dev;

	if (!tree->r.opt.verbose || !hop->n_functions)
		return;
	text_color(t, TEXT_DIM);
	parts_functions(t, hop);
	text_color(t, TEXT_RESET);
	text_pad(c->to, indent);
	tree_flow(tree, c->to, indent);
}

static void add_note(struct tree *tree, struct text *to, int indent)
{
	text_pad(to, indent);
	tree_flow(tree, to, indent);
}

static void add_fate(struct tree *tree, struct composing *c, bool timed)
{
	const struct hs_fate *fate = &c->j->fate;
	bool plain = tree->r.opt.plain;
	int indent = plain ? TREE_HEADER_INDENT : c->col.dev;
	struct text *t = &tree->r.line;

	c->to = &c->block->tail;
	c->fate_done = true;
	if (timed)
		add_time(tree, c, fate->time);
	if (plain)
		text_add(c->to, timed ? ": " : "  ");
	else
		text_pad(c->to, c->col.netns);
	parts_fate_word(c->to, fate, true);
	text_add(c->to, " ");
	if (!plain)
		text_pad(c->to, indent);
	parts_fate_rest(t, c->j, true);
	if (fate->kind == HS_FATE_QUEUED && *fate->netns)
		text_addf(t, " in" G "%s", fate->netns);
	tree_flow(tree, c->to, indent);
	text_add(t, parts_fate_why(fate));
	if (t->len)
		add_note(tree, c->to, indent);
	if (parts_new_remedy(&tree->r, fate->remedy)) {
		text_add(t, fate->remedy);
		add_note(tree, c->to, indent);
	}
	if (c->j->incomplete) {
		parts_incomplete(t, c->j);
		add_note(tree, c->to, indent);
	}
}

/* Hops i … of one place that no probe timed go on one line; returns the index behind them. */
static size_t add_via(struct tree *tree, struct composing *c, size_t i)
{
	const struct hs_hop *first = &c->j->hops[i];
	struct text *t = &tree->r.line;
	const char *label = NULL;

	c->via = true;
	if (tree->r.opt.plain)
		text_add(c->to, "  untimed");
	else
		text_pad(c->to, c->col.time_end - 1);
	text_add(c->to, tree->r.opt.plain ? "" : "·");
	add_place(tree, c, first);
	text_color(t, TEXT_DIM);
	for (; i < c->j->n_hops; i++) {
		const struct hs_hop *hop = &c->j->hops[i];
		bool own = *hop->text || tree->r.opt.verbose > 1;

		if (hop != first &&
		    (hop->kind != HS_HOP_VIA || own || hop->crossed ||
		     strcmp(hop->netns, first->netns) != 0 || strcmp(hop->dev, first->dev) != 0))
			break;
		if (label && !strcmp(label, text_stage_label(hop->stage)))
			continue;
		if (label)
			parts_arrow(t);
		label = text_stage_label(hop->stage);
		parts_hop(&tree->r, t, c->j, hop, NULL, 0);
		if (own) {
			i++;
			break;
		}
	}
	text_color(t, TEXT_RESET);
	tree_flow(tree, c->to, tree->r.opt.plain ? TREE_HEADER_INDENT : c->col.stage);
	return i;
}

static bool makes_packet(enum hs_stage stage)
{
	return stage == HS_STAGE_ICMP_ERROR || stage == HS_STAGE_ICMP_REPLY;
}

static size_t add_hop(struct tree *tree, struct composing *c, size_t i)
{
	const struct hs_hop *hop = &c->j->hops[i];
	bool is_fate = !c->fate_done && parts_is_fate_hop(c->j, hop);
	bool children = makes_packet(hop->stage);
	struct hs_hop shown = *hop;

	/* After the fate, that memory was given back is of no interest. */
	if (c->fate_done && hop->stage == HS_STAGE_CONSUME && !tree->r.opt.verbose)
		return i + 1;
	if (hop->crossed)
		add_crossing(tree, c, i);
	if (hop->kind == HS_HOP_VIA) {
		size_t end = add_via(tree, c, i);

		for (; i < end; i++)
			children |= makes_packet(c->j->hops[i].stage);
	} else if (is_fate && !hop->crossed && tree->r.opt.verbose < 2) {
		add_fate(tree, c, true);
		add_functions(tree, c, hop);
		c->timed = hop;
		return i + 1;
	} else {
		add_time(tree, c, hop->time);
		add_place(tree, c, hop);
		/* The line of the packet that was made here names the function. */
		if (children && c->j->n_caused)
			shown.function = "";
		parts_hop(&tree->r, &tree->r.line, c->j, &shown, c->timed, c->to->column);
		tree_flow(tree, c->to, tree->r.opt.plain ? TREE_HEADER_INDENT : c->col.stage);
		add_functions(tree, c, hop);
		c->timed = hop;
		i++;
	}
	if (is_fate)
		add_fate(tree, c, false);
	if (children)
		c->to = &c->block->tail;
	return i;
}

static void add_header(struct tree *tree, struct composing *c)
{
	const struct hs_journey *j = c->j;
	struct render *r = &tree->r;
	struct text *t = &r->line;
	const struct hs_packet *p = &j->packet;
	bool caused = j->cause_kind == HS_CAUSE_JOURNEY && j->cause;

	parts_id(c->to, j->id);
	text_add(c->to, r->opt.plain ? ": " : " ");
	if (!r->opt.plain)
		text_pad(c->to, TREE_HEADER_INDENT);
	flows_packet(t, j, j->cause_kind != HS_CAUSE_JOURNEY || r->opt.verbose);
	if (flows_opens_window(flows_get(&tree->flows, j->flow), j))
		text_add(t, ", window opens");
	if (caused || parts_is_part(j)) {
		text_add(t, parts_gap(r));
		parts_cause(t, j);
	}
	if (!caused && j->cause_kind != HS_CAUSE_NONE && !j->retransmission) {
		text_add(t, parts_gap(r));
		parts_by(t, j);
	}
	tree_flow(tree, c->to, TREE_HEADER_INDENT);
	payload_add(r, c->to, j, NULL, TREE_HEADER_INDENT);
	if (r->opt.verbose < 2)
		return;
	text_addf(t, "skb" G "0x%" PRIx64 ", %" PRIu32 G "B with headers", j->skb, p->length);
	if (p->headroom)
		text_addf(t, ", %u" G "B headroom", p->headroom);
	text_addf(t, ", TTL" G "%u, IP id" G "%" PRIu32 "%s", p->ttl, p->ip_id,
		  p->checksum_left ? ", checksum left to the device" : "");
	add_note(tree, c->to, TREE_HEADER_INDENT);
}

void tree_add_then(struct tree *tree, struct text *to)
{
	int indent = tree_columns(tree).netns;

	text_color(to, TEXT_BOLD);
	text_add(to, "  then ");
	text_color(to, TEXT_RESET);
	if (tree->r.opt.plain)
		indent = TREE_HEADER_INDENT;
	else
		text_pad(to, indent);
	tree_flow(tree, to, indent);
}

static void add_sequel(struct tree *tree, struct text *to, const struct hs_journey *j)
{
	struct text *t = &tree->r.line;
	struct flow_change *change;

	while ((change = flows_take_of_journey(&tree->flows, j))) {
		if (flows_is_change(&change->s)) {
			flows_change(t, &change->s, j->id);
			tree_add_then(tree, to);
		}
		free(change);
	}

	if (j->no_icmp && *j->no_icmp) {
		parts_no_icmp(t, j);
		tree_add_then(tree, to);
	}
	if (j->read_done) {
		parts_read(t, j);
		tree_add_then(tree, to);
	}
	if (j->unread_at_close) {
		parts_unread(t, j);
		tree_add_then(tree, to);
	}
	if (j->told != HS_TOLD_NOTHING) {
		parts_told(t, j);
		tree_add_then(tree, to);
	}
}

/* What the parent's block says of this journey. */
static void add_for_parent(struct tree_block *block, const struct hs_journey *j)
{
	struct text *t = &block->as_child;

	parts_id(t, j->id);
	text_add(t, G);
	if (j->cause_text && *j->cause_text)
		text_add(t, j->cause_text);
	else if (j->flow && j->packet.proto == IPPROTO_TCP)
		text_segment(t, j, TEXT_SEGMENT_ALL);
	else
		text_packet(t, &j->packet, false);
	t = &block->outcome;
	if (j->told != HS_TOLD_NOTHING) {
		text_addf(t, "#%" PRIu32 " reached %s", j->id,
			  *j->fate.netns ? j->fate.netns : "its sender");
		text_add(t, j->told == HS_TOLD_CALL ? ": " : ", ");
		if (j->told == HS_TOLD_CALL) {
			text_task(t, &j->told_task);
			text_add(t, " ");
			parts_told_call(t, j);
		} else {
			parts_told(t, j);
		}
	} else if (j->fate.kind == HS_FATE_DROPPED) {
		text_addf(t, "#%" PRIu32 " was dropped in %s: %s", j->id, j->fate.netns,
			  j->fate.reason);
	}
}

void tree_block_free(struct tree_block *block)
{
	text_free(&block->head);
	text_free(&block->tail);
	text_free(&block->as_child);
	text_free(&block->outcome);
	free(block->caused);
	free(block);
}

struct tree_block *tree_block_new(struct tree *tree, const struct hs_journey *j)
{
	struct tree_block *block = calloc(1, sizeof(*block));
	struct composing c = { .j = j, .block = block };

	if (!block)
		return NULL;
	block->caused = calloc(j->n_caused + 1, sizeof(*block->caused));
	if (!block->caused) {
		free(block);
		return NULL;
	}
	if (j->n_caused)
		memcpy(block->caused, j->caused, j->n_caused * sizeof(*block->caused));
	block->n_caused = j->n_caused;
	if (!id_set_add(&tree->composed, j->id))
		tree->r.page.failed = true;
	block->id = j->id;
	block->cause = j->cause_kind == HS_CAUSE_JOURNEY ? j->cause : 0;
	block->time = j->n_hops ? j->hops[j->n_hops - 1].time : j->born;
	text_init(&block->head, &tree->r.style);
	text_init(&block->tail, &tree->r.style);
	text_init(&block->as_child, &tree->r.style);
	text_init(&block->outcome, &tree->r.style);
	for (size_t i = 0; i < j->n_hops; i++) {
		widen(&tree->netns_width, j->hops[i].netns);
		widen(&tree->dev_width, j->hops[i].dev);
	}
	c.to = &block->head;
	c.col = tree_columns(tree);
	add_header(tree, &c);
	for (size_t i = 0; i < j->n_hops;)
		i = add_hop(tree, &c, i);
	if (!c.fate_done)
		add_fate(tree, &c, false);
	block->via = c.via;
	add_sequel(tree, &block->tail, j);
	add_for_parent(block, j);
	return block;
}
