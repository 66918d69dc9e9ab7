/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the ladder share. Not for others.
 *   render_ladder.c       what is kept of each connection, when it is written
 *   render_ladder_rows.c  rows in order, states at their rows, runs folded
 *   render_ladder_draw.c  the picture, and the same in words
 */
#ifndef HS_RENDER_LADDER_H
#define HS_RENDER_LADDER_H

#include "render_fold.h"

enum ladder_kind {
	LADDER_SEGMENT,
	LADDER_ARRIVAL, /* of a segment that something else at its receiver overtook */
	LADDER_CALL,	/* entered */
	LADDER_RETURN,
	LADDER_SIGNAL,
	LADDER_CHANGE, /* of a state, by none of the above */
	LADDER_FOLD,
};

/* A state that an end takes in a row; NULL text: it keeps its own. */
struct ladder_state {
	enum hs_tcp_state state; /* 0: as it was */
	bool inferred;
};

struct ladder_row {
	enum ladder_kind kind;
	uint64_t time, arrival; /* arrival: of a segment, 0: it did not */
	size_t order;		/* in which it was told */
	unsigned int end;	/* whose; of a segment, who sent it */
	bool opens;		/* a closed window */
	bool departs;		/* its arrival has a row of its own */
	bool returns;		/* of a call: so has its return */
	struct ladder_state state[2];
	union {
		struct hs_journey j; /* without hops and what it caused */
		struct hs_call call; /* without the journeys */
		struct hs_signal signal;
		struct hs_state change;
		struct fold *fold;
	};
};

struct ladder_flow {
	struct flow_view v;
	struct ladder_row *rows;
	size_t n_rows, room, told;
	struct hs_state *changes;
	size_t n_changes, changes_room;
	bool written;
};

/* Room for one more row, zeroed; NULL when out of memory. */
struct ladder_row *ladder_row_add(struct ladder_flow *lf, enum ladder_kind kind, uint64_t time,
				  unsigned int end);
void ladder_rows_free(struct ladder_flow *lf);
/* Folds what is older than `before`; the rows are in order then. */
void ladder_rows_fold(struct ladder_flow *lf, uint64_t before);
/* All that remains to be done before they are drawn. False when out of memory. */
bool ladder_rows_finish(struct ladder_flow *lf, bool fold);

void ladder_draw(struct render *r, const struct ladder_flow *lf);

#endif
