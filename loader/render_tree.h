/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the tree share. Not for others.
 *   render_tree.c        when a block is printed, among its relatives
 *   render_tree_block.c  one block
 */
#ifndef HS_RENDER_TREE_H
#define HS_RENDER_TREE_H

#include "render_flows.h"

#define TREE_HEADER_INDENT 4

struct tree_block {
	struct tree_block *next;
	uint32_t id, cause;
	uint32_t *caused;
	size_t n_caused;
	uint64_t time;
	struct text head; /* lines before those of what it caused, and after them */
	struct text tail;
	struct text as_child; /* what its parent says of it at the place of birth */
	bool via;	      /* has hops that were not timed */
	struct text outcome;  /* and at the end; empty when there is nothing to say */
};

struct tree {
	struct render r;
	struct tree_block *held, **held_end; /* settled, waiting for relatives; in order */
	struct id_set printed, composed;
	struct flows flows;
	int netns_width, dev_width;
	bool legend_shown;
	bool wrote;	 /* anything */
	bool wrote_line; /* the last thing was a line, not a block */
};

/* Where the columns begin. */
struct tree_columns {
	int time_end, netns, dev, stage;
};

struct tree_columns tree_columns(const struct tree *tree);
/* The paragraph under work, r.line, flows to the end of `to`. */
void tree_flow(struct tree *tree, struct text *to, int indent);
/* The same, behind the word "then". */
void tree_add_then(struct tree *tree, struct text *to);

/* Composes the block of a journey that has settled; NULL when out of memory. */
struct tree_block *tree_block_new(struct tree *tree, const struct hs_journey *j);
void tree_block_free(struct tree_block *block);

#endif
