// SPDX-License-Identifier: BSD-2-Clause
/*
 * The tree: a block a journey. A block is composed when its journey settles and printed when all
 * its relatives have settled too, parents first, so that a packet, what it provoked and what came
 * of that stand together.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "render_tree.h"

#define G	    TEXT_GLUE
#define NETNS_WIDTH 10
#define DEV_WIDTH   11
#define WAIT_NS	    5000000000u /* for a relative: more than the 2 s after which journeys settle */

/* --- families --- */

static struct tree_block *tree_find(const struct tree *tree, uint32_t id)
{
	for (struct tree_block *b = tree->held; b; b = b->next) {
		if (b->id == id)
			return b;
	}
	return NULL;
}

static bool family_is_whole(const struct tree *tree, const struct tree_block *block)
{
	for (size_t i = 0; i < block->n_caused; i++) {
		const struct tree_block *child = tree_find(tree, block->caused[i]);

		if (child ? !family_is_whole(tree, child)
			  : !id_set_has(&tree->printed, block->caused[i]))
			return false;
	}
	return true;
}

static struct tree_block *family_top(const struct tree *tree, struct tree_block *block)
{
	struct tree_block *parent;

	while (block->cause && (parent = tree_find(tree, block->cause)))
		block = parent;
	return block;
}

static void tree_forget(struct tree *tree, const struct tree_block *block)
{
	struct tree_block **at = &tree->held;

	while (*at && *at != block)
		at = &(*at)->next;
	if (!*at)
		return;
	*at = block->next;
	if (!*at)
		tree->held_end = at;
}

/* Once, under the first block that needs it. */
static void print_legend(struct tree *tree)
{
	struct render *r = &tree->r;
	int indent = tree_columns(tree).netns;

	tree->legend_shown = true;
	text_color(&r->line, TEXT_DIM);
	text_add(&r->line, "(· inferred from the stack of the next hop, not timed)");
	text_color(&r->line, TEXT_RESET);
	text_pad(&r->page, indent);
	parts_flow(r, NULL, indent);
}

/* Prints a block and those it caused, and frees them. */
static void tree_print(struct tree *tree, struct tree_block *block)
{
	struct render *r = &tree->r;
	struct text *t = &r->line;
	struct tree_block *child;

	if (tree->wrote)
		text_newline(&r->page);
	tree->wrote = true;
	tree->wrote_line = false;
	tree_forget(tree, block);
	if (!id_set_add(&tree->printed, block->id))
		r->page.failed = true;
	text_append(&r->page, &block->head);
	for (size_t i = 0; i < block->n_caused; i++) {
		int indent = r->opt.plain ? 2 : tree_columns(tree).netns;

		child = tree_find(tree, block->caused[i]);
		text_pad(&r->page, indent);
		text_add(&r->page, r->opt.plain ? "causes " : "└▶ ");
		if (child)
			text_append(t, &child->as_child);
		else
			text_addf(t, "#%" PRIu32, block->caused[i]);
		tree_flow(tree, &r->page, indent + 3);
	}
	text_append(&r->page, &block->tail);
	for (size_t i = 0; i < block->n_caused; i++) {
		child = tree_find(tree, block->caused[i]);
		if (!child || !child->outcome.len)
			continue;
		text_append(t, &child->outcome);
		tree_add_then(tree, &r->page);
	}
	if (block->via && !tree->legend_shown && !r->opt.plain)
		print_legend(tree);
	parts_write(r);
	for (size_t i = 0; i < block->n_caused; i++) {
		child = tree_find(tree, block->caused[i]);
		if (child)
			tree_print(tree, child);
	}
	tree_block_free(block);
}

/* Those that have waited too long for a relative are printed without it. */
static void tree_release(struct tree *tree, uint64_t now)
{
	while (tree->held && tree->held->time + WAIT_NS < now)
		tree_print(tree, family_top(tree, tree->held));
}

static void tree_settled(void *ctx, const struct hs_journey *j)
{
	struct tree *tree = ctx;
	struct tree_block *block = tree_block_new(tree, j), *top;

	if (!block) {
		tree->r.page.failed = true;
		parts_write(&tree->r);
		return;
	}
	*tree->held_end = block;
	tree->held_end = &block->next;
	top = family_top(tree, block);
	if (tree->r.opt.partial)
		tree_print(tree, block);
	else if ((!top->cause || id_set_has(&tree->printed, top->cause)) &&
		 family_is_whole(tree, top))
		tree_print(tree, top);
	tree_release(tree, j->n_hops ? j->hops[j->n_hops - 1].time : j->born);
}

/* --- what comes between the blocks --- */

static void tree_begin_line(struct tree *tree)
{
	if (tree->wrote && !tree->wrote_line)
		text_newline(&tree->r.page);
	tree->wrote = true;
	tree->wrote_line = true;
}

/* Something became known of a journey: part of its block where that is still to come. */
static void tree_later(struct tree *tree, const struct hs_journey *j,
		       void (*sentence)(struct text *t, const struct hs_journey *j))
{
	struct tree_block *block = tree_find(tree, j->id);

	if (block) {
		sentence(&tree->r.line, j);
		tree_add_then(tree, &block->tail);
	} else if (id_set_has(&tree->printed, j->id)) {
		tree_begin_line(tree);
		parts_id(&tree->r.page, j->id);
		text_add(&tree->r.page, tree->r.opt.plain ? ": " : " ");
		if (!tree->r.opt.plain)
			text_pad(&tree->r.page, TREE_HEADER_INDENT);
		sentence(&tree->r.line, j);
		parts_flow(&tree->r, NULL, TREE_HEADER_INDENT);
		parts_write(&tree->r);
	}
}

/* The call that read a part of a stream has a line of its own. */
static void tree_read(void *ctx, const struct hs_journey *j)
{
	struct tree *tree = ctx;

	if (!j->flow || tree_find(tree, j->id) || !flows_is_inside(&tree->flows, &j->read.task))
		tree_later(ctx, j, parts_read);
}

static void tree_told(void *ctx, const struct hs_journey *j)
{
	tree_later(ctx, j, parts_told);
}

static void tree_unread(void *ctx, const struct hs_journey *j)
{
	tree_later(ctx, j, parts_unread);
}

static void tree_no_icmp(void *ctx, const struct hs_journey *j)
{
	tree_later(ctx, j, parts_no_icmp);
}

static void tree_clock(struct tree *tree, uint64_t time)
{
	if (!parts_has_clock(&tree->r))
		return;
	parts_clock(&tree->r, &tree->r.page, time, parts_clock_width(&tree->r));
	text_add(&tree->r.page, tree->r.opt.plain ? ": " : "  ");
}

/* Blocks tell of calls that sent, read a datagram or failed because of one; others get a line. */
static void tree_call(void *ctx, const struct hs_call *call)
{
	struct tree *tree = ctx;
	bool stream = call->type == SOCK_STREAM;
	struct text more;

	tree_release(tree, call->left);
	flows_leave(&tree->flows, call);
	text_init(&more, &tree->r.style);
	flows_call_changes(&tree->flows, &more, call);
	if (more.len || !(call->n_journeys || (!stream && (call->read || call->error_from)))) {
		tree_begin_line(tree);
		tree_clock(tree, call->left);
		parts_call(&tree->r, call, &more, NULL);
		parts_write(&tree->r);
	}
	text_free(&more);
}

static void tree_call_enter(void *ctx, const struct hs_call *call)
{
	struct tree *tree = ctx;

	flows_enter(&tree->flows, call);
}

static void tree_flow_told(void *ctx, const struct hs_flow *f)
{
	struct tree *tree = ctx;

	flows_learn(&tree->flows, f);
}

/* Part of the block of what moved it where that is still to come. */
static void tree_state(void *ctx, const struct hs_state *s)
{
	struct tree *tree = ctx;
	uint32_t id = s->cause_kind == HS_CAUSE_JOURNEY && s->cause ? s->cause : s->sent;
	struct tree_block *block = id ? tree_find(tree, id) : NULL;

	flows_learn(&tree->flows, &s->flow);
	if (!flows_is_change(s) || flows_keep(&tree->flows, s, &tree->composed))
		return;
	if (block) {
		flows_change(&tree->r.line, s, id);
		tree_add_then(tree, &block->tail);
		return;
	}
	tree_begin_line(tree);
	tree_clock(tree, s->time);
	flows_whose(&tree->r.line, s);
	text_add(&tree->r.line, tree->r.opt.plain ? ": " : "  ");
	flows_change(&tree->r.line, s, 0);
	parts_flow(&tree->r, NULL, TREE_HEADER_INDENT);
	parts_write(&tree->r);
}

static void tree_signal(void *ctx, const struct hs_signal *s)
{
	struct tree *tree = ctx;

	tree_begin_line(tree);
	tree_clock(tree, s->time);
	flows_signal(&tree->r.line, s, true);
	parts_flow(&tree->r, NULL, TREE_HEADER_INDENT);
	parts_write(&tree->r);
}

static void tree_tick(void *ctx, uint64_t now)
{
	struct tree *tree = ctx;

	tree_release(tree, now);
	flows_forget(&tree->flows, now);
}

static void tree_loss(void *ctx, uint64_t time, uint64_t lost, uint64_t misses)
{
	tree_begin_line(ctx);
	parts_loss(ctx, time, lost, misses);
}

static void tree_summary(void *ctx, const struct hs_summary *s)
{
	struct tree *tree = ctx;

	while (tree->held)
		tree_print(tree, family_top(tree, tree->held));
	tree->r.page.failed |= tree->flows.failed;
	if (tree->wrote)
		text_newline(&tree->r.page);
	parts_summary(&tree->r, s);
}

static void tree_destroy(struct render *r)
{
	struct tree *tree = (struct tree *)r;

	while (tree->held) {
		struct tree_block *block = tree->held;

		tree->held = block->next;
		tree_block_free(block);
	}
	flows_free(&tree->flows);
	free(tree->printed.bits);
	free(tree->composed.bits);
}

struct hs_sink *render_tree_new(FILE *out, const struct hs_render_options *options)
{
	struct tree *tree = parts_new(sizeof(*tree), out, options);

	if (!tree)
		return NULL;
	tree->held_end = &tree->held;
	flows_init(&tree->flows, sizeof(struct flow_view), NULL);
	tree->netns_width = NETNS_WIDTH;
	tree->dev_width = DEV_WIDTH;
	tree->r.destroy = tree_destroy;
	tree->r.sink.call_enter = tree_call_enter;
	tree->r.sink.call = tree_call;
	tree->r.sink.read = tree_read;
	tree->r.sink.told = tree_told;
	tree->r.sink.unread = tree_unread;
	tree->r.sink.no_icmp = tree_no_icmp;
	tree->r.sink.settled = tree_settled;
	tree->r.sink.flow = tree_flow_told;
	tree->r.sink.state = tree_state;
	tree->r.sink.signal = tree_signal;
	tree->r.sink.tick = tree_tick;
	tree->r.sink.loss = tree_loss;
	tree->r.sink.summary = tree_summary;
	return &tree->r.sink;
}
