// SPDX-License-Identifier: BSD-2-Clause
/*
 * Queueing disciplines: which packets wait for a device, how long, and which of them overtake others. A
 * packet joins when it is given to the device's queue. Without a discipline it is the driver's at once; where
 * there is one, an event tells that it takes the packet (from 5.15 on), and one that it lets it go.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

/* The packets that were given to one device. */
struct queue {
	uint64_t key;	      /* namespace, ifindex */
	struct node *waiting; /* the one that has waited longest first */
	UT_hash_handle hh;
};

static struct queue *queue_get(struct hs_journeys *js, const struct hs_where *at)
{
	uint64_t key = (uint64_t)at->netns << 32 | at->ifindex;
	struct queue *q = NULL;

	HASH_FIND(hh, js->queues, &key, sizeof(key), q);
	if (q)
		return q;
	q = calloc(1, sizeof(*q));
	if (!q) {
		js->error = -ENOMEM;
		return NULL;
	}
	q->key = key;
	HASH_ADD(hh, js->queues, key, sizeof(q->key), q);
	return q;
}

void queues_free(struct hs_journeys *js)
{
	struct queue *q, *tmp;

	HASH_ITER (hh, js->queues, q, tmp) {
		HASH_DEL(js->queues, q);
		free(q);
	}
}

void queue_leave(struct node *n)
{
	if (!n->queue)
		return;
	DL_DELETE2(n->queue->waiting, n, queue_prev, queue_next);
	n->queue = NULL;
}

static void queue_join(struct hs_journeys *js, struct node *n, const struct hs_event *e,
		       uint64_t since)
{
	queue_leave(n);
	n->queue = queue_get(js, &((const struct hs_rec_stage *)e->rec)->at);
	if (!n->queue)
		return;
	DL_APPEND2(n->queue->waiting, n, queue_prev, queue_next);
	n->queued_at = since;
	n->queue_took = false;
}

bool queue_has(struct hs_journeys *js, const struct node *n)
{
	/* Before 5.15 nothing tells that it was taken; but not to leave at once shows it. */
	return n->queue && (n->queue_took || *names_qdisc(js->names, n->netns, n->ifindex));
}

bool queue_is_moved(struct hs_journeys *js, struct node *n, const char *function)
{
	uint32_t mtu;

	if (!n->queue || n->queue_took || node_timed_stage(n) != HS_STAGE_DEV_QUEUE)
		return false;
	/* 6.1 does not say who freed it; and the name of a function of a module that came later is not known. */
	if (strcmp(function, "netem_enqueue") &&
	    strcmp(names_qdisc(js->names, n->netns, n->ifindex), "netem"))
		return false;
	/* A longer one is cut into segments, which go on by themselves: netem_segment(). */
	mtu = names_device(js->names, n->netns, n->ifindex).mtu;
	if (mtu && n->j.packet.length > mtu)
		return false;
	node_set_address(js, n, 0);
	n->moved = true;
	n->head = 0;
	return true;
}

struct node *queue_take_moved(struct hs_journeys *js, const struct hs_event *e, struct node *n)
{
	const struct hs_where *at = &((const struct hs_rec_stage *)e->rec)->at;
	struct node *last = node_by_serial(js, js->queued[e->cpu % HS_MAX_CPUS]);
	struct queue *q;

	/* It is told to be taken by the address that it was given by, dev_qdisc_enqueue(). */
	if (e->rec->stage == HS_STAGE_QDISC_ENQUEUE)
		return last && last->moved && last->ifindex == at->ifindex ? last : n;
	if (n && !n->freed && n->j.fate.kind == HS_FATE_UNDERWAY)
		return n;
	q = queue_get(js, at);
	for (last = q ? q->waiting : NULL; last && !last->moved;)
		last = last->queue_next;
	if (!last)
		return n;
	last->moved = false;
	node_set_address(js, last, at->skb);
	return last;
}

/* Is `other`, which joined before it, overtaken by it, and to be named so? */
static bool queue_overtakes(const struct node *n, const struct node *other)
{
	return n->selected && other->selected && other->queue_took == n->queue_took &&
	       n->j.n_overtook < OVERTAKEN_MAX && other->j.n_overtaken_by < OVERTAKEN_MAX;
}

/* Those that joined before it and still wait. */
static void queue_overtake(struct hs_journeys *js, struct node *n)
{
	struct node *other = n->queue->waiting;

	for (; other && other->queued_at < n->queued_at; other = other->queue_next)
		if (queue_overtakes(n, other) &&
		    (serials_add(&n->j.overtook, &n->j.n_overtook, other->j.id) ||
		     serials_add(&other->j.overtaken_by, &other->j.n_overtaken_by, n->j.id)))
			js->error = -ENOMEM;
}

/* "after 79.6 ms in netem, ahead of #3, overtaken by #5 and #6" */
static const char *queue_text(struct hs_journeys *js, const struct node *n, uint64_t waited)
{
	const char *kind = n->j.qdisc, *text;

	text = names_internf(js->names, "after %s%s%s", tell_duration(js, waited),
			     *kind ? " in " : "", kind);
	if (n->j.n_overtook)
		text = names_internf(js->names, "%s, ahead of %s", text,
				     tell_ids(js, n->j.overtook, n->j.n_overtook));
	if (n->j.n_overtaken_by)
		text = names_internf(js->names, "%s, overtaken by %s", text,
				     tell_ids(js, n->j.overtaken_by, n->j.n_overtaken_by));
	return text;
}

static const char *queue_let_go(struct hs_journeys *js, struct node *n, const struct hs_event *e)
{
	const struct hs_where *at = &((const struct hs_rec_stage *)e->rec)->at;
	uint64_t waited = e->time > n->queued_at ? e->time - n->queued_at : 0;

	queue_overtake(js, n);
	queue_leave(n);
	n->j.qdisc = names_qdisc(js->names, at->netns, at->ifindex);
	n->j.qdisc_wait += waited;
	n->j.waited_in_qdisc = true;
	return queue_text(js, n, waited);
}

const char *queue_seen(struct hs_journeys *js, struct node *n, const struct hs_event *e)
{
	const struct hs_where *at = &((const struct hs_rec_stage *)e->rec)->at;
	const struct node *original;

	switch (e->rec->stage) {
	case HS_STAGE_DEV_QUEUE:
		queue_join(js, n, e, e->time);
		return "";
	case HS_STAGE_QDISC_ENQUEUE:
		queue_join(js, n, e, e->time);
		n->queue_took = n->queue != NULL;
		n->j.qdisc = names_qdisc(js->names, at->netns, at->ifindex);
		return n->j.qdisc;
	case HS_STAGE_QDISC_DEQUEUE:
		return n->queue ? queue_let_go(js, n, e) : "";
	case HS_STAGE_DEV_XMIT:
		/* A copy was put into the queue with its original, and no event told of it. */
		original = n->duplicate && !n->j.n_hops ? node_by_serial(js, n->cause) : NULL;
		if (original && !n->j.waited_in_qdisc && original->queued_at) {
			queue_join(js, n, e, original->queued_at);
			n->queue_took = original->j.n_hops && original->queue_took;
			return n->queue ? queue_let_go(js, n, e) : "";
		}
		/* One that was let go together with others is told of only here. */
		if (n->queue && n->queue_took)
			return queue_let_go(js, n, e);
		queue_leave(n);
		return "";
	default:
		return "";
	}
}
