// SPDX-License-Identifier: BSD-2-Clause
/* A journey as the engine keeps it: found, chosen, given a fate, settled, forgotten. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>

#include "engine.h"

#define JOURNEY_MAX 100000 /* remembered at once */

int serials_add(uint32_t **list, size_t *n, uint32_t serial)
{
	uint32_t *grown = realloc(*list, (*n + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	*list = grown;
	grown[(*n)++] = serial;
	return 0;
}

struct node *node_by_serial(struct hs_journeys *js, uint32_t serial)
{
	struct node *n = NULL;

	HASH_FIND(hh, js->all, &serial, sizeof(serial), n);
	return n;
}

uint32_t node_id(struct hs_journeys *js, uint32_t serial)
{
	struct node *n = serial ? node_by_serial(js, serial) : NULL;

	return n && n->selected ? n->j.id : 0;
}

struct node *node_by_address(struct hs_journeys *js, uint64_t address)
{
	struct node *n = NULL;

	if (address)
		HASH_FIND(by_address, js->addresses, &address, sizeof(address), n);
	return n;
}

void node_set_address(struct hs_journeys *js, struct node *n, uint64_t address)
{
	struct node *old = node_by_address(js, address);

	if (old == n)
		return;
	if (old) {
		HASH_DELETE(by_address, js->addresses, old);
		old->address = 0;
	}
	if (n->address)
		HASH_DELETE(by_address, js->addresses, n);
	n->address = address;
	if (address)
		HASH_ADD(by_address, js->addresses, address, sizeof(n->address), n);
}

void node_free(struct hs_journeys *js, struct node *n)
{
	queue_leave(n);
	node_set_address(js, n, 0);
	HASH_DELETE(hh, js->all, n);
	if (n->settled)
		DL_DELETE(js->done, n);
	else
		DL_DELETE(js->open, n);
	js->n_nodes--;
	for (size_t i = 0; i < n->j.n_hops; i++)
		free(n->j.hops[i].functions);
	free(n->j.hops);
	free(n->j.caused);
	free(n->j.overtook);
	free(n->j.overtaken_by);
	free(n->children);
	free(n->stack);
	free(n->bytes);
	free(n);
}

/* All that has been selected by, but FILTER. */
static bool node_is_near(const struct hs_journeys *js, const struct node *n)
{
	const struct hs_select *s = js->select;

	return (!s->followed || n->by_socket) && (!s->netns.n || n->by_netns) &&
	       (!s->devs.n || n->by_dev);
}

static bool node_is_wanted(struct hs_journeys *js, const struct node *n)
{
	const struct hs_select *s = js->select;
	const struct node *cause = n->cause ? node_by_serial(js, n->cause) : NULL;

	if (select_is_without(s, &n->j.packet))
		return false;
	if (cause && cause->selected)
		return true;
	if (n->folded && !n->by_socket)
		return false;
	return node_is_near(js, n) && n->by_filter;
}

static void node_show(struct hs_journeys *js, struct node *n)
{
	struct flow_node *f;
	struct sock_node *s;
	struct node *cause;

	n->selected = true;
	n->j.id = ++js->last_id;
	f = flow_by_serial(js, n->flow);
	if (f)
		n->j.flow = flow_show(js, f);
	s = n->sk ? sock_find(js, n->sk) : NULL;
	if (s && s->serial == n->sock_serial)
		n->j.socket = sock_id(js, s);
	js->shown++;
	if (n->j.fate.kind == HS_FATE_UNDERWAY)
		js->underway++;
	cause = n->cause ? node_by_serial(js, n->cause) : NULL;
	if (cause && cause->selected) {
		n->j.cause = cause->j.id;
		n->j.duplicate_of = n->duplicate ? cause->j.id : 0;
		serials_add(&cause->j.caused, &cause->j.n_caused, n->j.id);
	}
	relate_tell(js, n);
	for (size_t i = 0; i < n->j.n_hops; i++)
		SINK(js, hop, &n->j, &n->j.hops[i]);
	if (n->j.fate.kind != HS_FATE_UNDERWAY)
		SINK(js, fate, &n->j);
}

/*
 * Shows a journey from now on, its earlier hops first, and then those it provoked, which were born
 * before it was chosen. Chains of causes can be long, so this does not recurse.
 */
void node_select(struct hs_journeys *js, struct node *n)
{
	uint32_t *next = NULL;
	size_t n_next = 0;

	for (;;) {
		if (n && !n->selected && !n->settled && node_is_wanted(js, n)) {
			node_show(js, n);
			for (size_t i = n->n_children; i-- > 0;)
				if (serials_add(&next, &n_next, n->children[i]))
					js->error = -ENOMEM;
		}
		if (!n_next)
			break;
		n = node_by_serial(js, next[--n_next]);
	}
	free(next);
}

const struct hs_fate no_fate = {
	.netns = "",
	.dev = "",
	.reason = "",
	.function = "",
	.why = "",
	.remedy = "",
	.owner.comm = "",
	.rule = { .hook = "", .family = "", .table = "", .chain = "", .text = "" },
	.no_route = { .kind = "", .table = "", .prefix = "", .text = "" },
};

/* Records that were lost while it was alive may have been about it. */
void node_note_loss(const struct hs_journeys *js, struct node *n)
{
	uint64_t lost = js->lost.total - n->lost_before;

	if (n->settled || js->lost.total <= n->lost_before)
		return;
	n->j.incomplete = true;
	n->j.lost = lost > n->j.lost ? lost : n->j.lost;
}

static uint64_t *node_counter(struct hs_journeys *js, const struct node *n)
{
	uint64_t *const counts[] = {
		[HS_FATE_UNDERWAY] = &js->sum.underway, [HS_FATE_QUEUED] = &js->sum.queued,
		[HS_FATE_DROPPED] = &js->sum.dropped,	[HS_FATE_REFUSED] = &js->sum.refused,
		[HS_FATE_CONSUMED] = &js->sum.consumed, [HS_FATE_MERGED] = &js->sum.merged,
		[HS_FATE_LEFT] = &js->sum.left,		[HS_FATE_UNKNOWN] = &js->sum.unknown,
	};

	return counts[n->j.fate.kind];
}

void node_set_fate(struct hs_journeys *js, struct node *n, struct hs_fate fate)
{
	const struct hs_hop *last = node_last_hop(n);
	bool first = n->j.fate.kind == HS_FATE_UNDERWAY;

	node_note_loss(js, n);
	fate.netns = last ? last->netns : "";
	fate.dev = last ? last->dev : "";
	if (n->selected && n->settled) {
		/* It was counted as what it seemed to be. */
		--*node_counter(js, n);
		n->j.fate = fate;
		++*node_counter(js, n);
	} else if (n->selected && first) {
		js->underway--;
	}
	n->j.fate = fate;
	relate_tell(js, n);
	if (n->selected)
		SINK(js, fate, &n->j);
}

bool node_has_flags(const struct node *n, uint8_t flags, uint8_t none)
{
	return n && (n->j.packet.tcp_flags & flags) == flags && !(n->j.packet.tcp_flags & none);
}

bool node_is_open(const struct node *n)
{
	const struct hs_fate *fate = &n->j.fate;

	return !n->freed && (fate->kind == HS_FATE_UNDERWAY ||
			     (fate->kind == HS_FATE_UNKNOWN && fate->inferred));
}

/* The last hop that is a place on the path, not an end. */
enum hs_stage node_stage(const struct node *n)
{
	for (size_t i = n->j.n_hops; i-- > 0;) {
		enum hs_stage stage = n->j.hops[i].stage;

		if (stage != HS_STAGE_DROP && stage != HS_STAGE_CONSUME)
			return stage;
	}
	return 0;
}

const struct hs_hop *node_timed_hop(const struct node *n)
{
	for (size_t i = n->j.n_hops; i-- > 0;) {
		enum hs_stage stage = n->j.hops[i].stage;

		switch (n->j.hops[i].by == HS_BY_TRACEPOINT ? stage : 0) {
		case HS_STAGE_DEV_QUEUE:
		case HS_STAGE_DEV_XMIT:
		case HS_STAGE_BACKLOG:
		case HS_STAGE_RECEIVE:
		case HS_STAGE_SOCK_QUEUE:
		case HS_STAGE_SOCK_ERROR:
			return &n->j.hops[i];
		default:
			continue;
		}
	}
	return NULL;
}

enum hs_stage node_timed_stage(const struct node *n)
{
	const struct hs_hop *hop = node_timed_hop(n);

	return hop ? hop->stage : 0;
}

static bool node_can_settle(struct hs_journeys *js, struct node *n)
{
	const struct hs_journey *j = &n->j;
	bool datagram = j->packet.proto != IPPROTO_TCP;

	if (j->fate.kind == HS_FATE_UNDERWAY || n->want_counter || n->open_children)
		return false;
	/* What a segment provokes (an ACK, data that waited for one) is born soon after its own end is known. */
	if (n->flow && js->ticked < n->last + TICK_NS)
		return false;
	if (j->fate.kind == HS_FATE_QUEUED && datagram && !j->read_done && !j->unread_at_close)
		return false;
	if (j->cause_kind == HS_CAUSE_CALL && !j->by_done && call_of(js, n->born_tid))
		return false;
	/* An error that a call provoked: what it is about may be seen only when it is dropped, which is next. */
	if (j->cause_kind == HS_CAUSE_CALL && j->packet.icmp_error &&
	    js->ticked < n->last + TICK_NS)
		return false;
	if ((j->packet.icmp_error || j->told == HS_TOLD_SOCKET) &&
	    (j->told == HS_TOLD_SOCKET ||
	     (j->told == HS_TOLD_NOTHING && j->fate.kind == HS_FATE_QUEUED)))
		return false;
	return true;
}

/* What became of it in a socket's queue, in the sum (by 1) or no longer (by -1). */
static void node_count_queued(struct hs_journeys *js, const struct node *n, int by)
{
	bool tcp = n->j.packet.proto == IPPROTO_TCP;

	js->sum.read += n->j.read_done && !tcp ? by : 0;
	js->sum.streamed +=
		n->j.fate.kind == HS_FATE_QUEUED && tcp && !n->j.unread_at_close ? by : 0;
	js->sum.unread_at_close += n->j.unread_at_close ? by : 0;
}

/* Either may come long after it was settled. */
static void node_mark(struct hs_journeys *js, struct node *n, bool *mark)
{
	bool counted = n->settled && n->selected;

	if (counted)
		node_count_queued(js, n, -1);
	*mark = true;
	if (counted)
		node_count_queued(js, n, 1);
}

void node_read(struct hs_journeys *js, struct node *n)
{
	node_mark(js, n, &n->j.read_done);
	if (n->selected)
		SINK(js, read, &n->j);
}

void node_unread(struct hs_journeys *js, struct node *n)
{
	node_mark(js, n, &n->j.unread_at_close);
	if (n->selected)
		SINK(js, unread, &n->j);
}

static void node_count(struct hs_journeys *js, const struct node *n)
{
	++*node_counter(js, n);
	node_count_queued(js, n, 1);
	js->sum.resets += n->j.packet.proto == IPPROTO_TCP && node_has_flags(n, TH_RST, 0);
	js->sum.retransmissions += n->j.retransmission > 0;
}

/* For a run that ends with nothing: where the packets went that FILTER did not name. */
static void node_miss(struct hs_journeys *js, const struct node *n)
{
	uint16_t port = n->j.packet.dst.port;

	if (js->shown || n->by_filter || !n->j.packet.has_ports || !node_is_near(js, n))
		return;
	for (size_t i = 0; i < MISSED_MAX; i++) {
		struct missed *missed = &js->missed[i];

		if (!missed->n || missed->port == port) {
			missed->port = port;
			missed->n++;
			return;
		}
	}
}

/* Nobody knows its fate, and nobody will. */
static void node_give_up(struct hs_journeys *js, struct node *n, const char *why)
{
	struct hs_fate fate = no_fate;

	fate.kind = HS_FATE_UNKNOWN;
	fate.time = n->last;
	fate.stage = node_stage(n);
	fate.inferred = true;
	fate.why = why;
	node_set_fate(js, n, fate);
}

static void node_without_icmp(struct hs_journeys *js, struct node *n)
{
	n->want_counter = false;
	n->j.no_icmp = "none was seen, and no counter tells why";
	if (n->selected)
		SINK(js, no_icmp, &n->j);
}

static void node_settle_one(struct hs_journeys *js, struct node *n)
{
	if (n->want_counter)
		node_without_icmp(js, n);
	/* A segment whose fate was known before is as complete as it was then. */
	if (!n->flow || n->j.fate.kind == HS_FATE_UNDERWAY)
		node_note_loss(js, n);
	if (n->j.fate.kind == HS_FATE_UNDERWAY && n->j.lost)
		node_give_up(js, n, "events were lost, so its end may have been missed");
	n->settled = true;
	DL_DELETE(js->open, n);
	DL_APPEND(js->done, n);
	if (n->selected) {
		if (n->j.fate.kind == HS_FATE_UNDERWAY)
			js->underway--;
		node_count(js, n);
		relate_tell(js, n);
		js->settled++;
		SINK(js, settled, &n->j);
	} else if (n->folded) {
		js->sum.background[n->j.noise]++;
	} else {
		node_miss(js, n);
	}
}

void node_settle(struct hs_journeys *js, struct node *n)
{
	while (n && !n->settled) {
		struct node *cause = n->cause ? node_by_serial(js, n->cause) : NULL;

		node_settle_one(js, n);
		if (cause)
			cause->open_children--;
		/* It may have waited for this one only. */
		n = cause && node_can_settle(js, cause) ? cause : NULL;
	}
}

void node_try_settle(struct hs_journeys *js, struct node *n)
{
	if (!n->settled && node_can_settle(js, n))
		node_settle(js, n);
}

/* To make room for others. What comes of it from now on is not told. */
static void node_forget(struct hs_journeys *js, struct node *n)
{
	js->sum.losses.n[n->settled ? HS_LOSS_KEPT : HS_LOSS_JOURNEYS]++;
	if (!n->settled) {
		n->j.incomplete = true;
		n->j.lost++;
	}
	if (n->j.fate.kind == HS_FATE_UNDERWAY)
		node_give_up(js, n, "forgotten on its way: too many packets at once");
	node_settle(js, n);
	node_free(js, n);
}

struct node *node_new(struct hs_journeys *js, const struct hs_event *e)
{
	struct node *n, *old;

	while (js->n_nodes >= (js->select->tables ?: JOURNEY_MAX)) {
		old = js->done ?: js->open;
		node_forget(js, old);
	}
	n = calloc(1, sizeof(*n));
	if (!n) {
		js->error = -ENOMEM;
		return NULL;
	}
	n->serial = ++js->last_serial;
	n->lost_before = lost_now(js);
	n->j.fate = no_fate;
	n->j.born = n->last = e->time;
	n->j.by = e->task;
	n->j.by_call = n->j.cause_text = n->j.told_call = n->j.told_why = n->j.no_icmp = "";
	n->j.timer = n->j.rst_reason = n->j.qdisc = n->j.held_call = n->j.held_text = "";
	n->j.told_task.comm = n->j.read.task.comm = n->j.read.call = "";
	n->j.by_fd = -1;
	n->by_filter = true;
	HASH_ADD(hh, js->all, serial, sizeof(n->serial), n);
	DL_APPEND(js->open, n);
	js->n_nodes++;
	js->sum.packets++;
	return n;
}

/* A packet that was on its way before tracing began, or whose birth was lost. */
struct node *node_headless(struct hs_journeys *js, const struct hs_event *e, uint64_t address)
{
	struct node *n = node_new(js, e);

	if (!n)
		return NULL;
	n->j.skb = address;
	n->j.cause_kind = HS_CAUSE_NONE;
	n->j.incomplete = true;
	n->by_filter = !js->select->filter_text.n;
	node_set_address(js, n, address);
	return n;
}
