// SPDX-License-Identifier: BSD-2-Clause
/*
 * Functions that are probed (bpf/functions.def): which packet each was about. Many run before the packet is
 * born (by net_dev_queue, or by its arrival from outside), so they are held until then.
 */
#include <errno.h>
#include <string.h>

#include "engine.h"
#include "stages.h"

static const struct hs_rec_func *func_rec(const struct hs_event *e)
{
	return (const void *)e->rec;
}

static void held_set(struct held *held, const struct hs_event *e)
{
	held->rec = *func_rec(e);
	held->e = *e; /* such records have no stack */
	held->stage = e->rec->stage;
	held->text = "";
}

/* The event, with its record where it stands now. */
static const struct hs_event *held_event(struct held *held)
{
	held->e.rec = &held->at.hdr;
	return &held->e;
}

static void held_add(struct hs_journeys *js, struct held *list, size_t *n, const struct hs_event *e,
		     const char *text)
{
	if (*n >= HELD_MAX) {
		js->sum.losses.n[HS_LOSS_HELD]++;
		return;
	}
	held_set(&list[*n], e);
	list[(*n)++].text = text;
}

static struct hold *hold_find(struct hs_journeys *js, uint64_t skb)
{
	for (size_t i = 0; skb && i < HOLDS_MAX; i++)
		if (js->holds[i].skb == skb)
			return &js->holds[i];
	return NULL;
}

/* Of a packet that is new: what was held under its address was another. */
static struct hold *hold_new(struct hs_journeys *js, uint64_t skb)
{
	struct hold *h = hold_find(js, skb);

	if (!h)
		h = &js->holds[js->last_hold++ % HOLDS_MAX];
	h->skb = skb;
	h->n = 0;
	return h;
}

/* NULL: nothing is known of it. The idle task, one on each CPU, has key 0. */
static struct context *context_by_key(struct hs_journeys *js, uint64_t key)
{
	for (size_t i = 0; key && i < HOLDS_MAX; i++)
		if (js->contexts[i].key == key)
			return &js->contexts[i];
	return NULL;
}

struct context *context_of(struct hs_journeys *js, const struct hs_event *e, bool make)
{
	/* The softirqs of a CPU are numbered; a thread's number never has the highest bit. */
	uint64_t key = e->softirq ? 1ull << 63 | (uint64_t)e->cpu << 32 | e->ctx : e->task.tid;
	struct context *c = context_by_key(js, key);

	if (c || !make || !key)
		return c;
	c = &js->contexts[js->last_context++ % HOLDS_MAX];
	memset(c, 0, sizeof(*c));
	c->key = key;
	return c;
}

/* ---- words ---- */

static const char *text_of_hook(struct hs_journeys *js, const struct hs_rec_func *rec)
{
	int verdict = (int)rec->ret;

	/* nf_hook_slow(): 1 go on; 0 queued or stolen; else dropped. */
	return names_internf(js->names, "%s: %s", rules_hook(rec->hook),
			     verdict == 1   ? "accepted"
			     : verdict == 0 ? "queued, or taken by a rule"
					    : "dropped");
}

static const char *text_of_socket(struct hs_journeys *js, const struct hs_rec_func *rec)
{
	struct sock_node *s = rec->ret ? sock_find(js, rec->ret) : NULL;

	if (!rec->ret)
		return "none";
	if (!s || !s->s.owner.pid)
		return "found";
	return names_internf(js->names, "found, of %s", tell_task(js, &s->s.owner));
}

static bool stage_is_nfqueue(enum hs_stage stage)
{
	return stage == HS_STAGE_NFQUEUE_OUT || stage == HS_STAGE_NFQUEUE_BACK;
}

/* What the function returned, or was told, means. */
static const char *func_text(struct hs_journeys *js, const struct hs_event *e)
{
	const struct hs_rec_func *rec = func_rec(e);
	int value = (int)rec->ret;

	if (stage_is_nfqueue(e->rec->stage))
		return nfqueue_text(js, e);
	if (rec->how != HS_FUNC_DONE && rec->how != HS_FUNC_LEFT)
		return "";
	switch (e->rec->stage) {
	case HS_STAGE_NETFILTER:
		return text_of_hook(js, rec);
	case HS_STAGE_SOCK_LOOKUP:
		return text_of_socket(js, rec);
	case HS_STAGE_NEIGH_WAIT:
		return value ? "not known yet: the packet waits" : "known";
	case HS_STAGE_REASSEMBLY:
		return value ? "kept until the others are there" : "complete";
	default:
		return "";
	}
}

/* ---- the packet a function is about ---- */

static bool stage_is(enum hs_stage stage, const char *layer)
{
	const struct hs_stage_info *info = stage_info(stage);

	return info && !strcmp(info->layer, layer);
}

static bool stage_goes(enum hs_stage stage, const char *direction)
{
	const struct hs_stage_info *info = stage_info(stage);

	return info && !strcmp(info->direction, direction);
}

/* The first that is done with a packet's memory, so an older packet there is gone. */
static bool stage_begins(enum hs_stage stage)
{
	return stage == HS_STAGE_SKB_ALLOC || stage == HS_STAGE_UDP_XMIT ||
	       stage == HS_STAGE_LOCAL_OUT || stage == HS_STAGE_GRO;
}

/* A tunnel sends the very packet on that it was given to transmit, iptunnel_xmit(). */
static bool node_is_in_tunnel(const struct node *n)
{
	const struct hs_hop *last = node_timed_hop(n);

	return last && last->stage == HS_STAGE_DEV_XMIT && !n->freed && *last->dev_kind &&
	       !kind_is_inside(last->dev_kind);
}

/* What a tunnel took out of a packet that was received is received once more, gro_cells_receive(). */
static bool node_is_out_of_tunnel(const struct node *n, const struct hs_event *e)
{
	return e->rec->stage == HS_STAGE_GRO && node_is_open(n) &&
	       node_timed_stage(n) == HS_STAGE_RECEIVE && *e->dev.kind &&
	       !kind_is_inside(e->dev.kind);
}

/* May it still meet that function? Its address may be another's by now. */
static bool node_fits(const struct node *n, enum hs_stage stage)
{
	if (n->freed)
		return false;
	if (n->j.fate.kind == HS_FATE_QUEUED)
		return stage_is(stage, "socket");
	return node_is_open(n);
}

static bool node_has_just_been_at(const struct node *n, enum hs_stage stage)
{
	const struct hs_hop *last = node_last_hop(n);

	return last && last->stage == stage && last->by != HS_BY_STACK;
}

static void func_hop(struct hs_journeys *js, struct node *n, const struct hs_event *e)
{
	enum hs_stage stage = e->rec->stage;
	bool off = stage == HS_STAGE_TUNNEL_IN || stage == HS_STAGE_VLAN_IN;

	if (!node_has_just_been_at(n, stage))
		node_hop(js, n, e, stage,
			 off ? tunnel_take_off(js, n, stage == HS_STAGE_VLAN_IN) : func_text(js, e),
			 "", 0);
}

/* ICMPv6 errors have no tracepoint; this is before their rate limit, so the error itself must show. */
static void func_icmp6(struct hs_journeys *js, const struct hs_event *e)
{
	struct node *n = node_by_address(js, func_rec(e)->at.skb);
	enum hs_backend by;

	if (n)
		js->icmp[e->cpu % HS_MAX_CPUS] = (struct icmp_pending){
			.serial = n->serial,
			.ctx = e->ctx,
			.tid = e->task.tid,
			.time = e->time,
			.function = names_function(js->names, func_rec(e)->fn, &by),
		};
}

static void func_at(struct hs_journeys *js, const struct hs_event *e)
{
	enum hs_stage stage = e->rec->stage;
	uint64_t skb = func_rec(e)->at.skb;
	struct node *n = node_by_address(js, skb);
	struct hold *h = hold_find(js, skb);

	if (stage == HS_STAGE_ICMP_ERROR) {
		func_icmp6(js, e);
		return;
	}
	if (!h && stage_begins(stage) &&
	    !(n && (node_is_in_tunnel(n) || node_is_out_of_tunnel(n, e))))
		h = hold_new(js, skb);
	if (h)
		held_add(js, h->list, &h->n, e, func_text(js, e));
	else if (n && node_fits(n, stage))
		func_hop(js, n, e);
	else if (stage_goes(stage, "out")) {
		h = hold_new(js, skb);
		held_add(js, h->list, &h->n, e, func_text(js, e));
	}
}

/* The receive call that the thread of `e` takes `n` out of the queue in. */
static void func_read(struct hs_journeys *js, struct node *n, const struct hs_event *e)
{
	struct context *c = context_of(js, e, false);

	/* A call that began before the packet was there slept: its wake-up is the hop. */
	if (!c || !c->has_read || c->read.e.time < n->j.fate.time || n->settled)
		return;
	c->has_read = false;
	func_hop(js, n, held_event(&c->read));
}

/* What a function returned is the packet. */
static void func_new(struct hs_journeys *js, const struct hs_event *e)
{
	uint64_t skb = func_rec(e)->at.skb;
	struct node *n = node_by_address(js, skb);

	if (stage_begins(e->rec->stage)) {
		struct hold *h = hold_new(js, skb);

		held_add(js, h->list, &h->n, e, func_text(js, e));
	} else if (n && n->j.fate.kind == HS_FATE_QUEUED && !n->freed) {
		func_read(js, n, e);
		func_hop(js, n, e);
	}
}

/* Of kinds whose result comes with another record: that of the entry, completed; NULL: not seen. */
static struct held *context_complete(struct context *c, const struct hs_event *e)
{
	const struct hs_rec_func *rec = func_rec(e);

	for (size_t i = 0; c && i < 4; i++) {
		struct held *held = &c->entered[i];

		if (held->rec.kind == HS_FN_STACK || held->rec.fn != rec->fn)
			continue;
		held->rec.ret = rec->ret;
		held->rec.how = HS_FUNC_DONE;
		held->rec.hdr.time = held->e.time = e->time;
		return held;
	}
	return NULL;
}

static void func_next(struct hs_journeys *js, const struct hs_event *e)
{
	struct context *c = context_of(js, e, true);

	if (!c)
		return;
	switch (func_rec(e)->kind) {
	case HS_FN_CALL:
		/* udpv6_sendmsg() calls udp_sendmsg() for a mapped address. */
		if (c->has_call && c->call.rec.hdr.stage == e->rec->stage &&
		    c->call.rec.call == func_rec(e)->call && !c->n_next &&
		    e->time - c->call.e.time < 1000)
			return;
		c->has_call = true;
		c->n_next = 0;
		held_set(&c->call, e);
		break;
	case HS_FN_READ:
		c->has_read = true;
		held_set(&c->read, e);
		break;
	default:
		held_add(js, c->next, &c->n_next, e, "");
	}
}

void func_event(struct hs_journeys *js, const struct hs_event *e)
{
	const struct hs_rec_func *rec = func_rec(e);
	struct context *c;
	struct held *held;
	struct node *n;

	if (rec->how == HS_FUNC_ENTERED) {
		c = context_of(js, e, true);
		if (c)
			held_set(&c->entered[c->n_entered++ % 4], e);
		return;
	}
	switch (rec->kind) {
	case HS_FN_AT:
		if (rec->how != HS_FUNC_LEFT) {
			if (stage_is_nfqueue(e->rec->stage))
				nfqueue_passed(js, e);
			if (!nfqueue_told(js, e))
				func_at(js, e);
			break;
		}
		held = context_complete(context_of(js, e, false), e);
		if (held) {
			if (!nfqueue_told(js, held_event(held)))
				func_at(js, held_event(held));
			held->rec.kind = HS_FN_STACK;
		}
		break;
	case HS_FN_NEW:
		func_new(js, e);
		break;
	case HS_FN_HERE:
		n = node_in_softirq(js, e);
		if (n && node_fits(n, e->rec->stage))
			func_hop(js, n, e);
		break;
	default:
		func_next(js, e);
	}
}

void func_probe(struct hs_journeys *js, const struct hs_event *e)
{
	js->probed[e->rec->stage] = true;
}

/* ---- births ---- */

/* A call that is not known: a softirq, or a kernel before 5.15. */
static bool call_may_send(uint16_t call)
{
	return call == HS_CALL_NONE || call_sends(call);
}

static void replay(struct hs_journeys *js, struct node *n, struct held **list, size_t count,
		   const struct hs_event *birth)
{
	const struct hs_where *at = &((const struct hs_rec_birth *)birth->rec)->at;

	if (count && list[0]->e.time < n->j.born)
		n->j.born = list[0]->e.time;
	for (size_t i = 0; i < count; i++) {
		struct held *held = list[i];

		/* Before it was given to a device it was where it came to one. */
		held->at.at.netns = at->netns;
		held->at.at.ifindex = at->ifindex;
		held->e.netns = birth->netns;
		held->e.dev = birth->dev;
		if (!node_has_just_been_at(n, held->stage))
			node_hop(js, n, held_event(held), held->stage, held->text, "", 0);
	}
}

static void list_add(struct held **list, size_t *n, struct held *held)
{
	size_t at = *n;

	while (at && list[at - 1]->e.time > held->e.time) {
		list[at] = list[at - 1];
		at--;
	}
	list[at] = held;
	++*n;
}

/*
 * Did the call that `called` ran in send `n`, now, or earlier where it waited? A call that only held the socket while
 * a segment came did not send the answer: connect() and the last ACK of the handshake. And what an earlier call
 * wrote may be sent by a later one: setsockopt(TCP_CORK).
 */
static bool context_called(const struct node *n, const struct held *called,
			   const struct hs_event *e)
{
	const struct hs_rec_birth *birth = (const void *)e->rec;

	return n->waited || (!e->softirq && called->rec.call == birth->call &&
			     call_may_send(birth->call) && n->j.cause_kind != HS_CAUSE_JOURNEY);
}

void func_born(struct hs_journeys *js, struct node *n, const struct hs_event *e)
{
	const struct hs_rec_birth *birth = (const void *)e->rec;
	struct hold *h = hold_find(js, birth->at.skb);
	struct context *c = NULL;
	struct held *list[2 * HELD_MAX + 2] = { NULL }, *route;
	size_t count = 0;

	/* A question for a link-layer address is the kernel's own, in whosever call. */
	if (birth->hdr.flags & HS_F_LOCAL && n->j.noise != HS_NOISE_ARP &&
	    n->j.noise != HS_NOISE_ND)
		c = n->waited ? context_by_key(js, n->born_tid) : context_of(js, e, false);
	if (c && c->has_call && context_called(n, &c->call, e))
		list_add(list, &count, &c->call);
	for (size_t i = 0; c && i < c->n_next; i++)
		if (n->waited || c->next[i].rec.call == birth->call)
			list_add(list, &count, &c->next[i]);
	for (size_t i = 0; h && i < h->n; i++)
		list_add(list, &count, &h->list[i]);
	route = c ? route_of(c, n, e) : NULL;
	if (route)
		list_add(list, &count, route);
	replay(js, n, list, count, e);
	if (c)
		c->n_next = c->has_route = 0;
	if (h)
		h->skb = 0;
}
