// SPDX-License-Identifier: BSD-2-Clause
#include "journey.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "packet.h"
#include "stages.h"

#define SETTLE_NS   2000000000ull  /* silence after which a journey is shown as it is */
#define QUIET_NS    100000000ull   /* silence after which the protocol has kept a packet */
#define ASK_NS	    10000000000ull /* the next hop has as long to answer: ARP, ND */
#define REMEMBER_NS 5000000000ull  /* a settled journey may still be somebody's cause */

struct hs_journeys *journeys_new(struct hs_names *names, const struct hs_select *select,
				 const struct hs_sink *sink)
{
	struct hs_journeys *js = calloc(1, sizeof(*js));

	if (js) {
		js->names = names;
		js->select = select;
		js->sink = sink;
	}
	return js;
}

void journeys_free(struct hs_journeys *js)
{
	struct node *n, *n_tmp;
	struct sock_node *s, *s_tmp;
	struct open_call *c, *c_tmp;
	struct limits *l, *l_tmp;
	struct flow_node *f, *f_tmp;

	if (!js)
		return;
	DL_FOREACH_SAFE (js->open, n, n_tmp)
		node_free(js, n);
	DL_FOREACH_SAFE (js->done, n, n_tmp)
		node_free(js, n);
	HASH_ITER (hh, js->calls, c, c_tmp)
		call_free(js, c);
	HASH_ITER (hh, js->socks, s, s_tmp)
		sock_forget(js, s);
	DL_FOREACH_SAFE (js->flow_list, f, f_tmp)
		flow_free(js, f);
	HASH_ITER (hh, js->limits, l, l_tmp) {
		HASH_DEL(js->limits, l);
		free(l);
	}
	for (int i = 0; i < HS_MAX_CPUS; i++)
		free(js->snap[i]);
	queues_free(js);
	rules_free(js);
	free(js->refusals);
	free(js->bound);
	free(js);
}

size_t journeys_underway(const struct hs_journeys *js)
{
	return js->underway;
}

size_t journeys_unread(const struct hs_journeys *js)
{
	const struct node *n;
	size_t unread = 0;

	DL_FOREACH (js->open, n)
		unread += n->selected && n->j.fate.kind == HS_FATE_QUEUED && !n->j.read_done &&
			  !n->j.unread_at_close && n->j.packet.proto != IPPROTO_TCP;
	return unread;
}

uint64_t journeys_settled(const struct hs_journeys *js)
{
	return js->settled;
}

static const char *text_joined(struct hs_journeys *js, const char *a, const char *b)
{
	return *a && *b ? names_internf(js->names, "%s; %s", a, b) : *a ? a : b;
}

/* A connection that is established explains nothing. */
static const char *conntrack_text(struct hs_journeys *js, const struct hs_event *e)
{
	const char *state = event_conntrack(e);

	if (!*state || !strncmp(state, "established", strlen("established")))
		return "";
	return names_internf(js->names, "conntrack: %s", state);
}

/*
 * The same packet again, on a device below the first: VLAN, tunnel, bridge (__dev_queue_xmit() is
 * entered once for each). After a veth or lo the same memory means a new transmission.
 */
static bool node_continues(const struct node *n, const struct hs_event *e)
{
	const struct hs_rec_birth *birth = (const void *)e->rec;
	const struct hs_hop *last = node_timed_hop(n);
	enum hs_stage stage = node_timed_stage(n);

	if (n->freed || !last || n->j.fate.kind != HS_FATE_UNDERWAY)
		return false;
	if (e->rec->stage == HS_STAGE_DEV_XMIT)
		return stage == HS_STAGE_DEV_QUEUE && n->ifindex == birth->at.ifindex;
	if (e->rec->stage == HS_STAGE_RECEIVE)
		return stage == HS_STAGE_BACKLOG && n->ifindex == birth->at.ifindex;
	if (e->rec->stage == HS_STAGE_DEV_QUEUE)
		return stage == HS_STAGE_DEV_XMIT && strcmp(last->dev, e->dev.name) &&
		       n->netns == birth->at.netns && *last->dev_kind &&
		       !kind_is_inside(last->dev_kind);
	return false;
}

/* The headers of one that is forwarded may be told again, as they are now. */
static bool event_may_be_birth(const struct hs_event *e)
{
	return e->rec->type == HS_REC_BIRTH &&
	       (e->rec->stage != HS_STAGE_DEV_QUEUE || e->rec->flags & HS_F_LOCAL);
}

/* Is it what is being received where this event happens? */
static bool node_is_in_hand(struct hs_journeys *js, const struct node *n, const struct hs_event *e)
{
	const struct hs_hop *last = node_timed_hop(n);

	if (e->softirq)
		return node_in_softirq(js, e) == n;
	return last && !last->softirq && last->task.tid == e->task.tid;
}

/*
 * Can one that was received be seen there next? Queued or transmitted in the same namespace, if it was queued
 * first; on a device above (a bridge, a tunnel, what tc redirects) only while it is being received.
 */
static bool node_leads_to(struct hs_journeys *js, const struct node *n, const struct hs_event *e)
{
	const struct hs_where *at = &((const struct hs_rec_stage *)e->rec)->at;

	switch (e->rec->stage) {
	case HS_STAGE_DEV_XMIT:
		return false;
	case HS_STAGE_DEV_QUEUE:
		return n->netns == at->netns;
	case HS_STAGE_BACKLOG:
	case HS_STAGE_RECEIVE:
		return node_is_in_hand(js, n, e) || tunnel_leads_to(n, e);
	default:
		return true;
	}
}

/*
 * Is this event about another packet at the same address, whose birth was lost or no event? (Clones have
 * none, of which a bridge makes one a port.) The one before has its end, or it cannot have got there.
 */
static bool node_is_over(struct hs_journeys *js, const struct node *n, const struct hs_event *e)
{
	enum hs_stage stage = node_timed_stage(n);

	if (n->freed || n->j.fate.kind == HS_FATE_QUEUED || stage == HS_STAGE_SOCK_ERROR)
		return true;
	return stage == HS_STAGE_RECEIVE && !node_leads_to(js, n, e);
}

/* Forwarded, but not that packet: a copy of the one that is being received, or a fragment. */
static bool event_is_copy(struct hs_journeys *js, const struct hs_event *e, const struct node *n)
{
	struct hs_packet p;
	uint16_t proto;

	if (e->rec->type != HS_REC_BIRTH || e->rec->stage != HS_STAGE_DEV_QUEUE ||
	    e->rec->flags & HS_F_LOCAL)
		return false;
	birth_parse(e, &proto, &p);
	return (node_find_flooded(js, e, &p) || relate_find_cut(js, e, &p)) &&
	       (!n || node_is_over(js, n, e) || !packet_is_same(&n->j.packet, &p));
}

static const char *receive_text(const struct node *n, const struct hs_event *e)
{
	if (!e->softirq)
		return "";
	return n->j.cause_kind == HS_CAUSE_CALL && n->born_tid == e->task.tid ? "in sender's call"
									      : "";
}

/*
 * A packet of this machine's own ends, and is born for it if it was not queued to a device before. One
 * that was received is another at the same address: this one never was.
 */
static void on_unborn(struct hs_journeys *js, const struct hs_event *e)
{
	const struct hs_where *at = &((const struct hs_rec_birth *)e->rec)->at;
	struct node *n = node_by_address(js, at->skb);
	enum hs_stage stage = n ? node_timed_stage(n) : 0;

	if (n && !n->freed && n->j.fate.kind == HS_FATE_UNDERWAY && stage != HS_STAGE_RECEIVE &&
	    stage != HS_STAGE_SOCK_QUEUE)
		return;
	n = birth_node(js, e);
	if (!n)
		return;
	n->netns = at->netns;
	n->ifindex = at->ifindex;
	/* One that waited in vain for the next hop is born, as it is told, when it is given up. */
	if (n->waited != cause_waited_text)
		func_born(js, n, e);
	node_find_answer(js, e, n);
}

static void on_seen(struct hs_journeys *js, const struct hs_event *e)
{
	const struct hs_where *at = &((const struct hs_rec_stage *)e->rec)->at;
	struct node *n = node_by_address(js, at->skb);
	const char *text = "", *headers = "", *queued;
	bool copy = event_is_copy(js, e, n);

	if (e->rec->stage == HS_STAGE_WAKEUP) {
		reader_woken(js, e);
		return;
	}
	if (e->rec->stage == HS_STAGE_RUNNING) {
		reader_running(js, e);
		return;
	}
	if (e->rec->stage == HS_STAGE_QDISC_ENQUEUE || e->rec->stage == HS_STAGE_QDISC_DEQUEUE)
		n = queue_take_moved(js, e, n);
	/* A copy that the queueing discipline made is born when the driver gets it. */
	if (!n &&
	    (e->rec->stage == HS_STAGE_QDISC_ENQUEUE || e->rec->stage == HS_STAGE_QDISC_DEQUEUE))
		return;
	if (e->rec->type == HS_REC_BIRTH && e->rec->stage == HS_STAGE_DROP) {
		on_unborn(js, e);
		return;
	}
	if (copy || (event_may_be_birth(e) && (!n || !node_continues(n, e)))) {
		n = birth_node(js, e);
		if (n && n->waited)
			text = n->waited;
		/* What the sender's call ran was about the original. */
		if (n && !n->duplicate)
			func_born(js, n, e);
		if (n && !*text)
			text = n->j.held_text;
	}
	if (!copy && !event_may_be_birth(e) && (!n || node_is_over(js, n, e)))
		n = node_headless(js, e, at->skb);
	if (!n)
		return;
	if (e->rec->stage == HS_STAGE_DEV_QUEUE)
		js->queued[e->cpu % HS_MAX_CPUS] = n->serial;
	if (e->rec->stage == HS_STAGE_RECEIVE) {
		struct processing *now = &js->now[e->cpu % HS_MAX_CPUS];

		if (e->softirq)
			*now = (struct processing){ .ctx = e->ctx, .serial = n->serial };
		text = receive_text(n, e);
		if (js->select->followed && !n->by_socket)
			n->by_socket = sock_followed_wants(js, n, at->netns);
		if (n->flow)
			tcp_arrived(js, n, e);
	}
	/* Forwarded while the answer to ARP or ND was received. */
	if (!copy && !event_may_be_birth(e) && e->rec->stage == HS_STAGE_DEV_QUEUE &&
	    node_is_guest(js, n, e))
		text = cause_waited_text;
	if (!copy && e->rec->type == HS_REC_BIRTH && e->rec->stage == HS_STAGE_DEV_QUEUE)
		headers = birth_headers(js, n, e);
	if (e->rec->stage == HS_STAGE_DEV_QUEUE || e->rec->stage == HS_STAGE_RECEIVE)
		headers = text_joined(js, headers, tunnel_tagged(js, n, e));
	text = text_joined(js, headers, text);
	text = text_joined(js, conntrack_text(js, e), text);
	queued = queue_seen(js, n, e);
	if (*queued)
		text = queued;
	node_hop(js, n, e, e->rec->stage, text, "", 0);
}

static void on_icmp(struct hs_journeys *js, const struct hs_event *e)
{
	const struct hs_rec_icmp *icmp = (const void *)e->rec;
	struct node *n = node_by_address(js, icmp->at.skb);
	struct hs_packet about = {
		.version = 4,
		.has_icmp = true,
		.icmp_error = true,
		.proto = IPPROTO_ICMP,
		.icmp_type = icmp->icmp_type,
		.icmp_code = icmp->icmp_code,
	};
	const char *function = e->n_functions ? e->functions[e->n_functions - 1] : "";

	if (!n)
		return;
	n->answered = true;
	n->answer = about;
	if (packet_is_unreachable_host(&about))
		fate_waited(js, n, e);
	js->icmp[e->cpu % HS_MAX_CPUS] = (struct icmp_pending){
		.serial = n->serial,
		.ctx = e->ctx,
		.tid = e->task.tid,
		.time = e->time,
		.function = function,
	};
	node_hop(js, n, e, HS_STAGE_ICMP_ERROR, tell_icmp(js, &about), function, 0);
}

static bool node_is_received(const struct node *n)
{
	return n && node_is_open(n) && node_timed_stage(n) == HS_STAGE_RECEIVE;
}

/* The oldest packet received for that socket whose end is open. */
static struct node *node_for_socket(struct hs_journeys *js, const struct sock_node *s)
{
	struct node *n, *found = NULL;
	int depth = 0;

	/* utlist: the head's prev is the tail */
	for (n = js->open ? js->open->prev : NULL; n && depth < 1000;
	     depth++, n = n == js->open ? NULL : n->prev)
		if (node_is_received(n) && n->netns == s->netns &&
		    n->j.packet.proto == s->s.protocol && n->j.packet.dst.port == s->s.local.port &&
		    (!s->flow || !n->flow || n->flow == s->flow))
			found = n;
	return found;
}

/*
 * The packet that was queued. Usually the one being received here. But from 6.18 on UDP packets
 * that arrive on several CPUs at once are queued by one of them, which then reports each of the
 * batch
 * (__udp_enqueue_schedule_skb(), udp_prod_queue): its own comes first, the newest is the tail.
 */
static struct node *node_of_queue(struct hs_journeys *js, const struct hs_event *e,
				  const struct sock_node *s)
{
	const struct hs_rec_queue *q = (const void *)e->rec;
	struct node *now = node_in_softirq(js, e), *tail = node_by_address(js, q->at.skb);

	if (node_is_received(now))
		return now;
	return node_is_received(tail) ? tail : node_for_socket(js, s);
}

static void on_queued(struct hs_journeys *js, const struct hs_event *e)
{
	const struct hs_rec_queue *q = (const void *)e->rec;
	struct sock_node *s = sock_get(js, q->sk);
	struct node *n = s && !s->listening ? node_of_queue(js, e, s) : NULL;
	struct hs_fate fate = no_fate;
	struct flow_node *f;

	if (!n)
		return;
	if (s->s.followed)
		n->by_socket = true;
	/* A raw socket gets a clone while the protocol goes on with the original. */
	if (q->at.skb && s->s.type == SOCK_RAW)
		node_set_address(js, n, q->at.skb);
	node_hop(js, n, e, HS_STAGE_SOCK_QUEUE, tell_queue(js, s, q), "", 0);
	js->readable[e->cpu % HS_MAX_CPUS] = n->serial;
	fate.kind = HS_FATE_QUEUED;
	fate.time = e->time;
	fate.stage = HS_STAGE_SOCK_QUEUE;
	fate.socket = n->selected ? sock_id(js, s) : 0;
	fate.owner = s->s.owner;
	if (n->selected && s->s.type == SOCK_DGRAM)
		fate.why = tell_candidates(js, s, n);
	node_set_fate(js, n, fate);
	fragment_is_whole(js, n);
	if (s->s.type != SOCK_STREAM && sock_push(js, s, n, e->time, q->qlen))
		js->error = -ENOMEM;
	f = flow_by_serial(js, n->flow);
	if (f)
		seq_queued(f, n, e->time);
	seq_joined(js, s, e->time);
	node_try_settle(js, n);
}

static void on_sock_error(struct hs_journeys *js, const struct hs_event *e)
{
	const struct hs_rec_queue *q = (const void *)e->rec;
	struct sock_node *s = sock_get(js, q->sk);
	struct node *n = node_in_softirq(js, e);
	const struct flow_node *f = s ? flow_by_serial(js, s->flow) : NULL;

	/*
	 * The program held the socket when the RST came: it is processed in the program's call. An error
	 * without one is its own (SO_LINGER, tcp_disconnect()), or that of a timer that had to wait.
	 */
	if (f && !e->softirq) {
		struct node *last = node_by_serial(js, f->end[s->end].received);

		/* One RST ends one connection; the endpoints may be another's by now. */
		n = node_has_flags(last, TH_RST, 0) && last->j.told == HS_TOLD_NOTHING ? last
										       : NULL;
	}
	/* tcp_disconnect() reports that there is none any more. */
	if (!s || !q->err)
		return;
	s->err = q->err;
	s->err_from = n ? n->serial : 0;
	if (!n)
		return;
	if (s->s.followed)
		n->by_socket = true;
	node_hop(js, n, e, HS_STAGE_SOCK_ERROR,
		 names_internf(js->names, "%s will be told", tell_task(js, &s->s.owner)), "", 0);
	n->j.told = HS_TOLD_SOCKET;
	n->j.told_err = q->err;
	n->j.told_task = s->s.owner;
}

/* Does it wait until the next hop tells its link-layer address? It asked, or another to the same place did. */
static bool node_waits_for_hop(const struct hs_journeys *js, const struct node *n)
{
	const struct node *other;

	if (!node_is_open(n) || node_timed_stage(n) != HS_STAGE_RECEIVE)
		return false;
	if (n->asked || js->ticked > js->asked + ASK_NS)
		return n->asked;
	DL_FOREACH (js->open, other)
		if (other->asked && node_is_open(other) && other->netns == n->netns &&
		    node_timed_stage(other) == HS_STAGE_RECEIVE &&
		    !memcmp(&other->j.packet.dst.addr, &n->j.packet.dst.addr,
			    sizeof(struct hs_addr)))
			return true;
	return false;
}

/* A program has it (NFQUEUE), which may take its time. */
static bool node_waits_for_verdict(const struct node *n)
{
	return node_is_open(n) && node_stage(n) == HS_STAGE_NFQUEUE_OUT;
}

/* Its connection has no end here, so it is not TCP that keeps it. */
static bool node_passes_through(struct hs_journeys *js, const struct node *n)
{
	const struct flow_node *f = flow_by_serial(js, n->flow);
	const struct flow_end *to = f ? &f->end[!n->j.from] : NULL;

	return to && to->netns && !to->guessed && to->netns != n->netns;
}

/* Nobody reads a FIN, or what was left in a queue at close; of what connection it was says who read a segment. */
static bool node_may_be_read(struct hs_journeys *js, const struct node *n)
{
	if (n->j.fate.kind != HS_FATE_QUEUED || n->j.read_done || n->freed || n->j.unread_at_close)
		return false;
	if (n->j.packet.proto != IPPROTO_TCP)
		return true;
	return n->j.packet.payload && flow_by_serial(js, n->flow);
}

/* What depends on the kernel's version and is not to be seen otherwise. */
static void on_start(struct hs_journeys *js, const struct hs_rec_start *rec)
{
	unsigned int major = 0, minor = 0, version;

	if (sscanf(rec->release, "%u.%u", &major, &minor) != 2)
		return;
	version = major * 1000 + minor;
	js->has_reasons = version >= 5017;
	js->nft_frees = version >= 6007; /* what nftables drops, NF_DROP_REASON() */
}

/* What became of those that have been quiet since, at `now`. */
static void look_after(struct hs_journeys *js, uint64_t now)
{
	struct node *n, *tmp;

	js->ticked = now;
	lost_tell(js, now);
	SINK(js, tick, now);
	DL_FOREACH_SAFE (js->open, n, tmp) {
		uint64_t quiet = now > n->last ? now - n->last : 0;
		/* Others may be waiting for the next hop's address. */
		bool kept = (n->j.packet.proto == IPPROTO_TCP && !node_passes_through(js, n)) ||
			    n->j.packet.fragmented;

		if (quiet > QUIET_NS && quiet < ASK_NS &&
		    (node_waits_for_verdict(n) || node_waits_for_hop(js, n)))
			continue;
		if (fragment_waits(js, n, now))
			continue;
		if (n->j.fate.kind == HS_FATE_UNDERWAY && quiet > (kept ? QUIET_NS : SETTLE_NS))
			fate_conclude(js, n, now);
		if (quiet > SETTLE_NS)
			node_settle(js, n);
		else
			node_try_settle(js, n);
	}
	flow_expire(js, now);
	/* In the order in which they were settled; one that still waits in a socket goes last
	 * again. */
	while ((n = js->done) && now > n->last + REMEMBER_NS) {
		if (!node_may_be_read(js, n)) {
			node_free(js, n);
			continue;
		}
		n->last = now;
		DL_DELETE(js->done, n);
		DL_APPEND(js->done, n);
	}
}

/* All that happened before `now` has come. */
static void on_tick(struct hs_journeys *js, uint64_t now)
{
	js->last_tick = now;
	lost_tick(js, now);
	if (now >= js->ticked + TICK_NS)
		look_after(js, now);
}

static void on_end(struct hs_journeys *js, uint64_t now)
{
	struct node *n;
	struct open_call *call, *call_tmp;

	lost_end(js, now);
	DL_FOREACH (js->open, n) {
		if (n->j.fate.kind == HS_FATE_UNDERWAY && !node_waits_for_hop(js, n))
			fate_conclude(js, n, now);
	}
	/* Settling one may settle its cause too, so always the oldest that is left. */
	while (js->open)
		node_settle(js, js->open);
	HASH_ITER (hh, js->calls, call, call_tmp)
		call_free(js, call);
	js->sum.shown = js->shown;
	/* The numbers that are missing may be more than what was told. */
	js->sum.losses.n[HS_LOSS_RING] = js->sum.lost;
	js->sum.nothing = tell_nothing(js);
	SINK(js, summary, &js->sum);
}

int journeys_event(void *ctx, const struct hs_event *e)
{
	struct hs_journeys *js = ctx;
	bool happened = e->rec->type < HS_REC_START && !(e->rec->flags & HS_F_LISTED);

	js->sum.events += e->rec->type < HS_REC_START;
	if (happened && e->time < js->last_tick)
		js->sum.losses.n[HS_LOSS_LATE]++;
	switch (e->rec->type) {
	case HS_REC_STAGE:
	case HS_REC_BIRTH:
		on_seen(js, e);
		break;
	case HS_REC_FUNC:
		func_event(js, e);
		break;
	case HS_REC_ROUTE:
		route_event(js, e);
		break;
	case HS_REC_PROBE:
		func_probe(js, e);
		break;
	case HS_REC_FREE:
		fate_freed(js, e);
		break;
	case HS_REC_ICMP:
		on_icmp(js, e);
		break;
	case HS_REC_QUEUE:
		if (e->rec->stage == HS_STAGE_SOCK_ERROR)
			on_sock_error(js, e);
		else
			on_queued(js, e);
		break;
	case HS_REC_READ:
		sock_read(js, e);
		break;
	case HS_REC_CALL:
		call_event(js, e);
		break;
	case HS_REC_TCP:
		tcp_event(js, e);
		break;
	case HS_REC_TAG:
		tunnel_tag(js, (const void *)e->rec);
		break;
	case HS_REC_PAYLOAD:
		birth_payload(js, e);
		break;
	case HS_REC_SIGNAL:
		tcp_signal(js, e);
		break;
	case HS_REC_SOCK:
		sock_learn(js, (const void *)e->rec);
		break;
	case HS_REC_BOUND:
		sock_learn_bound(js, (const void *)e->rec);
		break;
	case HS_REC_MINI:
		js->mini = *(const struct hs_rec_sock *)e->rec;
		break;
	case HS_REC_COUNTER:
		fate_counter(js, e);
		break;
	case HS_REC_START:
		on_start(js, (const void *)e->rec);
		break;
	case HS_REC_RULE:
		rules_learn(js, (const void *)e->rec);
		break;
	case HS_REC_REFUSAL:
		refusal_learn(js, (const void *)e->rec);
		break;
	case HS_REC_TICK:
		on_tick(js, e->time);
		break;
	case HS_REC_LOSS:
		lost_event(js, e);
		break;
	case HS_REC_END:
		on_end(js, e->time);
		break;
	}
	/* On a busy machine much happens between two ticks, and addresses are used again. */
	if (happened && e->time >= js->ticked + TICK_NS)
		look_after(js, e->time);
	return js->error;
}
