// SPDX-License-Identifier: BSD-2-Clause
#include "render_ladder.h"

#include <stdlib.h>
#include <string.h>

#define FOLD_GAP_NS  50000000u /* silence after which a run is over */
#define FOLD_MIN     16	       /* as many rows and more become a few and one */
#define FOLD_KEPT    3
#define SLOW_NS	     1000000u

#define CROSSING_MAX 64 /* so far back are segments looked for that were under way */

struct ladder_row *ladder_row_add(struct ladder_flow *lf, enum ladder_kind kind, uint64_t time,
				  unsigned int end)
{
	struct ladder_row *row;

	if (lf->n_rows == lf->room) {
		size_t room = lf->room ? lf->room * 2 : 16;
		struct ladder_row *rows = realloc(lf->rows, room * sizeof(*rows));

		if (!rows)
			return NULL;
		lf->rows = rows;
		lf->room = room;
	}
	row = &lf->rows[lf->n_rows++];
	memset(row, 0, sizeof(*row));
	row->kind = kind;
	row->time = time;
	row->order = lf->told++;
	row->end = end & 1;
	return row;
}

void ladder_rows_free(struct ladder_flow *lf)
{
	for (size_t i = 0; i < lf->n_rows; i++)
		if (lf->rows[i].kind == LADDER_FOLD)
			free(lf->rows[i].fold);
	free(lf->rows);
	free(lf->changes);
	lf->rows = NULL;
	lf->changes = NULL;
	lf->n_rows = lf->room = lf->n_changes = lf->changes_room = 0;
}

static int row_compare(const void *a, const void *b)
{
	const struct ladder_row *x = a, *y = b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static void rows_sort(struct ladder_flow *lf)
{
	if (lf->n_rows)
		qsort(lf->rows, lf->n_rows, sizeof(*lf->rows), row_compare);
}

/* --- folding --- */

static bool row_is_uneventful(const struct ladder_row *row)
{
	if (row->kind == LADDER_SEGMENT)
		return !row->opens && flows_is_uneventful(&row->j);
	return (row->kind == LADDER_CALL || row->kind == LADDER_RETURN) && !row->returns &&
	       flows_call_is_uneventful(&row->call);
}

static uint64_t row_last(const struct ladder_row *row)
{
	return row->kind == LADDER_FOLD ? row->fold->last : row->time;
}

static bool fold_row(struct fold *fold, const struct hs_flow *f, const struct ladder_row *row)
{
	if (row->kind != LADDER_SEGMENT)
		return fold_add_call(fold, f, &row->call);
	fold_add_segment(fold, &row->j);
	return true;
}

/* The end of the run that begins at `i`. */
static size_t run_end(const struct ladder_flow *lf, size_t i, uint64_t before)
{
	for (i++; i < lf->n_rows; i++) {
		const struct ladder_row *row = &lf->rows[i];

		if (row->time >= before || !row_is_uneventful(row) ||
		    row->time > row_last(row - 1) + FOLD_GAP_NS)
			break;
	}
	return i;
}

void ladder_rows_fold(struct ladder_flow *lf, uint64_t before)
{
	size_t to = 0;

	rows_sort(lf);
	for (size_t i = 0, end; i < lf->n_rows; i = end) {
		struct ladder_row *row = &lf->rows[i];
		bool goes_on = row->kind == LADDER_FOLD;
		struct fold *fold = goes_on ? row->fold : NULL;

		end = goes_on || (row->time < before && row_is_uneventful(row))
			      ? run_end(lf, i, before)
			      : i + 1;
		if (!goes_on && end - i >= FOLD_MIN) {
			fold = calloc(1, sizeof(*fold));
			for (size_t kept = 0; fold && kept < FOLD_KEPT; kept++)
				lf->rows[to++] = lf->rows[i++];
		} else if (goes_on) {
			lf->rows[to++] = lf->rows[i++];
		}
		if (fold && !goes_on) {
			struct ladder_row first = lf->rows[i];

			fold_row(fold, &lf->v.f, &lf->rows[i++]);
			lf->rows[to] = (struct ladder_row){ .kind = LADDER_FOLD,
							    .time = first.time,
							    .order = first.order,
							    .end = first.end };
			lf->rows[to++].fold = fold;
		}
		/* what finds no room in it any more stays */
		for (; i < end; i++)
			if (!fold || !fold_row(fold, &lf->v.f, &lf->rows[i]))
				lf->rows[to++] = lf->rows[i];
	}
	lf->n_rows = to;
}

/* --- states --- */

/*
 * Until Linux 6.6 close() leaves the last reference to what runs after sys_exit, on the way to user mode (fput(),
 * task_work_add()). The rows are of one connection's sockets, so it is this close().
 */
static bool change_came_late(const struct hs_state *s, const struct hs_call *call)
{
	return !strcmp(s->by_call, "close") && !strcmp(call->name, "close");
}

static bool change_went_with(const struct hs_state *s, const struct ladder_row *row)
{
	switch (row->kind) {
	case LADDER_SEGMENT:
		if (row->end == s->end)
			return s->sent == row->j.id;
		return !row->departs && s->cause_kind == HS_CAUSE_JOURNEY && s->cause == row->j.id;
	case LADDER_ARRIVAL:
		return row->end != s->end && s->cause_kind == HS_CAUSE_JOURNEY &&
		       s->cause == row->j.id;
	case LADDER_CALL:
	case LADDER_RETURN:
		return s->cause_kind == HS_CAUSE_CALL && !s->sent && row->end == s->end &&
		       row->call.task.tid == s->by.tid && s->time >= row->call.entered &&
		       (s->time <= row->call.left || change_came_late(s, &row->call));
	default:
		return false;
	}
}

static bool change_place(struct ladder_flow *lf, const struct hs_state *s)
{
	struct ladder_state state = { s->after, s->inferred && !s->confirmed };
	struct ladder_row *row;

	for (size_t i = 0; i < lf->n_rows; i++) {
		row = &lf->rows[i];
		if (change_went_with(s, row) && !row->state[s->end & 1].state) {
			row->state[s->end & 1] = state;
			return true;
		}
	}
	row = ladder_row_add(lf, LADDER_CHANGE, s->time, s->end);
	if (!row)
		return false;
	row->change = *s;
	row->state[s->end & 1] = state;
	return true;
}

/* --- segments that cross --- */

/* Did something at the receiver of that segment come between its departure and its arrival? */
static bool row_is_overtaken(const struct ladder_flow *lf, size_t i)
{
	const struct ladder_row *row = &lf->rows[i];
	bool slow = row->arrival > row->time + SLOW_NS, matters = row->j.changed_state;

	if (!row->arrival)
		return false;
	for (size_t k = 0; k < lf->n_changes; k++) {
		const struct hs_state *s = &lf->changes[k];
		bool own = s->cause_kind == HS_CAUSE_JOURNEY && s->cause == row->j.id;

		if ((s->end & 1) != row->end && !own && s->time > row->time &&
		    s->time < row->arrival)
			return true;
	}
	/* one that was on its way already, and comes before this one does */
	for (size_t back = 1; slow && back <= i && back <= CROSSING_MAX; back++) {
		const struct ladder_row *other = row - back;

		if (other->kind == LADDER_SEGMENT && other->end != row->end &&
		    other->arrival > row->time && other->arrival < row->arrival)
			return true;
	}
	for (i++; i < lf->n_rows && lf->rows[i].time < row->arrival; i++) {
		const struct ladder_row *other = &lf->rows[i];
		bool segment = other->kind == LADDER_SEGMENT;

		if (other->end != row->end && (slow || (segment && matters)))
			return true;
		if (segment && other->end == row->end && other->arrival &&
		    other->arrival < row->arrival)
			return true;
	}
	return false;
}

static bool rows_split(struct ladder_flow *lf)
{
	size_t n = lf->n_rows;

	for (size_t i = 0; i < n; i++) {
		struct ladder_row *row;

		if (lf->rows[i].kind != LADDER_SEGMENT || !row_is_overtaken(lf, i))
			continue;
		row = ladder_row_add(lf, LADDER_ARRIVAL, lf->rows[i].arrival, lf->rows[i].end);
		if (!row)
			return false;
		row->j = lf->rows[i].j;
		lf->rows[i].departs = true;
	}
	rows_sort(lf);
	return true;
}

bool ladder_rows_finish(struct ladder_flow *lf, bool fold)
{
	if (fold)
		ladder_rows_fold(lf, UINT64_MAX);
	else
		rows_sort(lf);
	if (!rows_split(lf))
		return false;
	for (size_t i = 0; i < lf->n_changes; i++)
		if (!change_place(lf, &lf->changes[i]))
			return false;
	rows_sort(lf);
	return true;
}
