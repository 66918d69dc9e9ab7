// SPDX-License-Identifier: BSD-2-Clause
#include "losses.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define CPUS_TOLD 4

static const struct {
	const char *json, *what, *where, *remedy;
} losses_info[HS_LOSSES] = {
#define LOSS(id, json, what, where, remedy) [HS_LOSS_##id] = { #json, what, where, remedy },
#include "losses.def"
#undef LOSS
};

/* What BPF counts, as it is called here. */
static const enum hs_loss losses_of_kind[HS_LOST_KINDS] = {
	[HS_LOST_NAME] = HS_LOSS_NAME,	     [HS_LOST_FOLLOWED] = HS_LOSS_FOLLOWED,
	[HS_LOST_CALL] = HS_LOSS_CALL,	     [HS_LOST_RECEIVING] = HS_LOSS_RECEIVING,
	[HS_LOST_HEADERS] = HS_LOSS_HEADERS, [HS_LOST_WOKEN] = HS_LOSS_WOKEN,
	[HS_LOST_STACK] = HS_LOSS_STACK,     [HS_LOST_ARGUMENT] = HS_LOSS_ARGUMENT,
	[HS_LOST_PAYLOAD] = HS_LOSS_PAYLOAD, [HS_LOST_SOFTIRQ] = HS_LOSS_SOFTIRQS,
};

const char *loss_name(enum hs_loss loss)
{
	return losses_info[loss].json;
}

void losses_learn(struct hs_losses *losses, const struct hs_rec_loss *rec)
{
	size_t size = rec->hdr.size, n;

	losses->n[HS_LOSS_RING] = rec->reserve;
	losses->n[HS_LOSS_MISSES] = rec->misses;
	if (size >= offsetof(struct hs_rec_loss, calls))
		losses->n[HS_LOSS_UNTIMED] = rec->untimed;
	if (size >= offsetof(struct hs_rec_loss, n_kinds))
		losses->n[HS_LOSS_UNSEEN_CALLS] = rec->calls;
	if (size < sizeof(*rec)) {
		/* Not told apart yet. */
		losses->n[HS_LOSS_NAME] = rec->maps;
		return;
	}
	n = (size - sizeof(*rec)) / sizeof(rec->counts[0]);
	for (size_t i = 0; i < rec->n_kinds && i < n && i < HS_LOST_KINDS; i++)
		losses->n[losses_of_kind[i]] = rec->counts[i];
	if (rec->n_kinds > n)
		return;
	for (size_t i = 0; i < rec->n_cpus && rec->n_kinds + i < n && i < HS_MAX_CPUS; i++)
		losses->ring[i] = rec->counts[rec->n_kinds + i];
}

/* The CPUs whose rings lost something, as "CPU 0, 3, 17 and 5 more"; false: none is told. */
static bool losses_cpus(const struct hs_losses *losses, char *buf, size_t len)
{
	size_t n = 0, used = 0;

	*buf = '\0';
	for (size_t cpu = 0; cpu < HS_MAX_CPUS; cpu++) {
		if (!losses->ring[cpu])
			continue;
		if (n < CPUS_TOLD && used < len)
			used += snprintf(buf + used, len - used, "%s%zu", n ? ", " : "CPU ", cpu);
		n++;
	}
	if (n > CPUS_TOLD && used < len)
		snprintf(buf + used, len - used, " and %zu more", n - CPUS_TOLD);
	return n;
}

/* A row, or the head of the table (what NULL). */
struct row {
	char count[24];
	const char *what, *remedy;
	char where[96];
};

static size_t rows_of(const struct hs_losses *losses, struct row *rows)
{
	char cpus[64];
	size_t n = 0;

	for (size_t i = 0; i < HS_LOSSES; i++) {
		struct row *row = &rows[n];

		if (!losses->n[i])
			continue;
		n++;
		snprintf(row->count, sizeof(row->count), "%" PRIu64, losses->n[i]);
		row->what = losses_info[i].what;
		row->remedy = losses_info[i].remedy;
		snprintf(row->where, sizeof(row->where), "%s", losses_info[i].where);
		if (i == HS_LOSS_RING && losses_cpus(losses, cpus, sizeof(cpus)))
			snprintf(row->where, sizeof(row->where), "%s of %s", losses_info[i].where,
				 cpus);
	}
	return n;
}

void losses_tell(const struct hs_losses *losses, struct text *t)
{
	struct row rows[1 + HS_LOSSES] = {
		{ .count = "lost", .what = "what", .where = "where", .remedy = "what to do" }
	};
	size_t n = 1 + rows_of(losses, rows + 1), count = 0, what = 0, where = 0;
	struct text remedy;

	if (n == 1) {
		text_add(t, "Nothing was lost.");
		text_newline(t);
		return;
	}
	text_init(&remedy, t->style);
	for (size_t i = 0; i < n; i++) {
		count = strlen(rows[i].count) > count ? strlen(rows[i].count) : count;
		what = strlen(rows[i].what) > what ? strlen(rows[i].what) : what;
		where = strlen(rows[i].where) > where ? strlen(rows[i].where) : where;
	}
	for (size_t i = 0; i < n; i++) {
		text_addf(t, "%*s  %-*s  %-*s  ", (int)count, rows[i].count, (int)what,
			  rows[i].what, (int)where, rows[i].where);
		text_clear(&remedy);
		text_add(&remedy, rows[i].remedy);
		text_flow(t, &remedy, NULL, (int)(count + what + where + 6));
		text_newline(t);
	}
	text_free(&remedy);
}
