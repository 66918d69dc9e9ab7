/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the list share. Not for others.
 *   render_list.c        when a line is written, what is held and folded
 *   render_list_lines.c  the lines
 */
#ifndef HS_RENDER_LIST_H
#define HS_RENDER_LIST_H

#include "render_fold.h"

#define LIST_ID_WIDTH 4 /* "#12 " */

struct list_flow {
	struct flow_view v;
	unsigned int shown; /* uneventful things that got a line */
	bool running;
	struct fold fold;
	struct text held; /* lines, unless there are too many */
	unsigned int n_held;
	struct list_flow *prev, *next; /* of those that are running */
};

struct list {
	struct render r;
	struct flows flows;
	struct list_flow *running;  /* in order of the last addition */
	struct id_set told, folded; /* segments */
	bool legend_shown;
	/* the last segment: what it changed may be told after its fate */
	struct {
		struct hs_journey j; /* id 0: none */
		uint8_t *payload;    /* j.payload, as its own */
		bool has_unread;
		uint32_t unread;
	} last;
	/* segments of one connection that nobody read, told of in a row */
	struct {
		uint32_t flow, socket;
		uint64_t n, bytes, time;
		struct text lines;
	} unread;
};

/*
 * The id of a journey or else of a connection, and the time where one is asked for; returns the
 * column where the text starts.
 */
int list_begin(struct render *r, uint32_t id, uint32_t flow, uint64_t time);

/* Lines of these, onto the page. */
void list_packet_line(struct list *l, const struct hs_journey *j);
/* Takes the changes of state that went with it. `opens`: a closed window. */
void list_segment_line(struct list *l, struct list_flow *lf, const struct hs_journey *j,
		       bool opens);
/* Takes those that went with the call. */
void list_call_line(struct list *l, const struct hs_call *call);

#endif
