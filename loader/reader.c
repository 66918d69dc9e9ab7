// SPDX-License-Identifier: BSD-2-Clause
/* Readers: whom a packet woke, when that one ran, and what it had been doing while the packet was queued. */
#include "engine.h"

void reader_woken(struct hs_journeys *js, const struct hs_event *e)
{
	struct node *n = node_by_serial(js, js->readable[e->cpu % HS_MAX_CPUS]);
	size_t i;

	js->readable[e->cpu % HS_MAX_CPUS] = 0;
	if (!n || n->j.fate.kind != HS_FATE_QUEUED)
		return;
	node_hop(js, n, e, HS_STAGE_WAKEUP, tell_task(js, &e->task), "", 0);
	i = js->last_woken++ % WOKEN_MAX;
	js->sum.losses.n[HS_LOSS_RUNNING] += js->woken[i].tid && !js->woken[i].ran;
	js->woken[i].tid = e->task.tid;
	js->woken[i].serial = n->serial;
	js->woken[i].time = e->time;
	js->woken[i].ran = 0;
}

void reader_running(struct hs_journeys *js, const struct hs_event *e)
{
	for (size_t i = 0; i < WOKEN_MAX; i++) {
		struct node *n;

		if (js->woken[i].tid != e->task.tid || js->woken[i].ran)
			continue;
		n = node_by_serial(js, js->woken[i].serial);
		js->woken[i].ran = e->time;
		if (n && !n->settled && n->j.fate.kind == HS_FATE_QUEUED)
			node_hop(js, n, e, HS_STAGE_RUNNING, tell_task(js, &e->task), "", 0);
	}
}

void reader_explain(const struct hs_journeys *js, uint64_t queued, struct hs_read *read)
{
	uint64_t woken = 0, ran = 0;

	read->reader = HS_READER_UNKNOWN;
	read->runnable = 0;
	if (!queued || read->time <= queued)
		return;
	/* The last time that it ran after it was woken, if that was after the packet was queued. */
	for (size_t i = 0; i < WOKEN_MAX; i++)
		if (js->woken[i].tid && js->woken[i].tid == read->task.tid &&
		    js->woken[i].time <= read->time && js->woken[i].time >= woken &&
		    (!js->woken[i].ran || js->woken[i].ran > queued)) {
			woken = js->woken[i].time;
			ran = js->woken[i].ran;
		}
	if (ran > queued && ran <= read->time)
		read->runnable = ran - (woken > queued ? woken : queued);
	if (read->entered && read->entered <= queued)
		read->reader = HS_READER_BLOCKED;
	else if (woken >= queued)
		read->reader = HS_READER_ASLEEP;
	else if (woken)
		read->reader = HS_READER_RUNNABLE;
	else if (read->entered)
		read->reader = HS_READER_ELSEWHERE;
}
