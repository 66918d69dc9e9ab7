// SPDX-License-Identifier: BSD-2-Clause
/* How many records are missing, and of which journeys they may be: of those alive meanwhile. */
#include <string.h>

#include "engine.h"

#define TELL_NS 1000000000ull

/* A gap may be seen after the counters told of it, so the two are never added up. */
static uint64_t lost_known(const struct hs_journeys *js)
{
	return js->lost.gaps > js->lost.reserve ? js->lost.gaps : js->lost.reserve;
}

static void lost_add(struct hs_journeys *js, uint64_t lost, uint64_t misses)
{
	if (!lost && !misses)
		return;
	js->lost.total += lost + misses;
	js->sum.lost = lost_known(js);
	js->sum.misses += misses;
}

void lost_tell(struct hs_journeys *js, uint64_t now)
{
	struct lost *l = &js->lost;

	if (l->told == js->sum.lost && l->misses_told == js->sum.misses)
		return;
	if (l->told_at && now < l->told_at + TELL_NS)
		return;
	l->told_at = now;
	l->told = js->sum.lost;
	l->misses_told = js->sum.misses;
	SINK(js, loss, now, js->sum.lost, js->sum.misses);
}

void lost_end(struct hs_journeys *js, uint64_t now)
{
	js->lost.told_at = 0;
	lost_tell(js, now);
}

/* Nobody knows before `until` which of them are lost already. */
static void lost_ahead(struct hs_journeys *js, uint64_t until)
{
	struct lost *l = &js->lost;

	l->told_ahead = true;
	if (l->n_ahead < AHEAD_MAX)
		l->n_ahead++;
	l->ahead[l->n_ahead - 1].until = until;
	l->ahead[l->n_ahead - 1].total = l->total;
}

void lost_tick(struct hs_journeys *js, uint64_t now)
{
	struct lost *l = &js->lost;
	size_t old = 0;

	while (old < l->n_ahead && l->ahead[old].until <= now)
		l->past = l->ahead[old++].total;
	l->n_ahead -= old;
	memmove(l->ahead, l->ahead + old, l->n_ahead * sizeof(l->ahead[0]));
}

void journeys_gap(void *ctx, uint64_t time, int64_t lost)
{
	struct hs_journeys *js = ctx;
	uint64_t known = lost_known(js);

	(void)time;
	if (lost > 0) {
		js->lost.gaps += lost;
		lost_add(js, js->lost.told_ahead ? lost_known(js) - known : (uint64_t)lost, 0);
	} else if (js->lost.gaps) {
		/* One that was counted; a number may also come twice in a damaged recording. */
		js->lost.gaps--;
		js->lost.total -= js->lost.told_ahead ? known - lost_known(js) : 1;
		js->sum.lost = lost_known(js);
	}
}

void lost_event(struct hs_journeys *js, const struct hs_event *e)
{
	struct lost *l = &js->lost;
	const struct hs_rec_loss *rec = (const void *)e->rec;
	uint64_t known = lost_known(js), misses = rec->misses + rec->maps;

	if (!l->n_ahead)
		l->past = l->total;
	l->reserve = rec->reserve;
	losses_learn(&js->sum.losses, rec);
	js->sum.untimed = js->sum.losses.n[HS_LOSS_UNTIMED];
	js->sum.unseen_calls = js->sum.losses.n[HS_LOSS_UNSEEN_CALLS];
	lost_add(js, rec->reserve > known ? rec->reserve - known : 0, misses - l->misses);
	l->misses = misses;
	if (rec->hdr.flags & HS_F_AHEAD && rec->hdr.size >= sizeof(*rec))
		lost_ahead(js, rec->until);
	lost_tell(js, e->time);
}
