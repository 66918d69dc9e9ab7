// SPDX-License-Identifier: BSD-2-Clause
/* What became of a packet: frees that are drops and frees that are none, ICMP errors that nobody
 * got. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "reasons.h"
#include "stages.h"

/* An ICMP error that reached its namespace and no socket: who was not told, and why. */
static void node_tell_nobody(struct hs_journeys *js, struct node *n)
{
	const struct node *about = n->cause ? node_by_serial(js, n->cause) : NULL;
	struct sock_node *s = about && about->sk ? sock_find(js, about->sk) : NULL;

	if (!n->j.packet.icmp_error || n->j.told != HS_TOLD_NOTHING)
		return;
	if (s && s->serial != about->sock_serial)
		s = NULL;
	n->j.told = HS_TOLD_NOBODY;
	n->j.told_why = tell_nobody(js, &n->j.packet, s);
	if (n->selected)
		SINK(js, told, &n->j);
}

/* With the datagram that a fragment is a part of; before Linux 6.3 this looks like a drop. */
static bool free_is_of_whole(const char *function)
{
	return !strcmp(function, "skb_release_data") || !strcmp(function, "kfree_skb_list") ||
	       !strcmp(function, "kfree_skb_list_reason");
}

/*
 * Frees that look like drops and are none. A received ICMP error may end as NOT_SPECIFIED in
 * icmp_rcv() though it was handled; so do handled MLD messages (mld_query_work()); a TCP segment
 * that was taken by a minisocket is freed the same way, and one left in a queue at close as
 * QUEUE_PURGE, or in sk_stream_kill_queues() where there is no such reason (6.1); for others it is a drop
 * (packets that wait for an address that never comes).
 */
static bool free_is_benign(const struct hs_journeys *js, const struct node *n, const char *reason,
			   const char *function)
{
	static const char *const functions[] = { "icmp_rcv",	    "icmpv6_rcv", "mld_query_work",
						 "mld_report_work", "ndisc_rcv",  "arp_process" };

	if (!strcmp(reason, "QUEUE_PURGE"))
		return n->j.packet.proto == IPPROTO_TCP;
	/* A probe asks for an answer with bytes that the peer has: tcp_xmit_probe_skb(). */
	if (n->j.window_probe && !strcmp(reason, "TCP_OLD_SEQUENCE"))
		return true;
	if (!strcmp(reason, "TCP_RESET")) /* an RST that has done its work: tcp_reset() */
		return node_has_flags(n, TH_RST, 0);
	if (strcmp(reason, "NOT_SPECIFIED"))
		return false;
	if (n->j.packet.fragmented && free_is_of_whole(function))
		return true;
	/* The question for another host's address, in the group of all whose addresses end alike. */
	if (n->j.noise == HS_NOISE_ND && !strcmp(function, "ip6_mc_input"))
		return true;
	/* With reasons this is NO_SOCKET. */
	if (n->reset && !js->has_reasons)
		return false;
	if (n->j.packet.proto == IPPROTO_TCP)
		return !strcmp(function, "tcp_v4_rcv") || !strcmp(function, "tcp_v6_rcv") ||
		       !strcmp(function, "tcp_rcv_state_process") ||
		       !strcmp(function, "sk_stream_kill_queues");
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (!strcmp(function, functions[i]))
			return true;
	return false;
}

/*
 * A fragment ends when its data becomes another packet's, or with it. The last to arrive is turned
 * into the whole datagram by inet_frag_reasm_prepare(), and may be consumed like any other.
 */
static bool free_is_merge(struct hs_journeys *js, const struct node *n, const struct hs_event *e,
			  const char *function)
{
	if (!n->j.packet.fragmented)
		return false;
	/* Before 6.3 consume_skb does not say who called it; that is while the last one is received. */
	if (!*function)
		return node_is_guest(js, n, e);
	return !strcmp(function, "inet_frag_reasm_prepare") || free_is_of_whole(function);
}

/*
 * Bytes that reached TCP and were not dropped are in the receive queue, put behind what that or the
 * backlog holds already: tcp_try_coalesce(), tcp_add_backlog().
 */
static struct hs_fate fate_of_joined(struct hs_journeys *js, struct node *n, struct sock_node *s,
				     uint64_t time)
{
	struct hs_fate fate = no_fate;

	fate.kind = HS_FATE_QUEUED;
	fate.time = time;
	fate.stage = node_stage(n);
	fate.socket = n->selected ? sock_id(js, s) : 0;
	fate.owner = s->s.owner;
	fate.why = "joined to the segment before it in the queue";
	n->into = seq_carrier_before(flow_by_serial(js, n->flow), n);
	return fate;
}

static bool node_joined(struct hs_journeys *js, struct node *n, struct hs_fate *fate)
{
	struct sock_node *s = n->j.packet.payload ? tcp_receiver(js, n) : NULL;

	if (!s)
		return false;
	*fate = fate_of_joined(js, n, s, fate->time);
	seq_queued(flow_by_serial(js, n->flow), n, n->last);
	return true;
}

bool fate_joined(struct hs_journeys *js, struct node *n, struct sock_node *s, uint64_t time)
{
	struct hs_fate fate;

	if (!node_is_open(n))
		return false;
	fate = fate_of_joined(js, n, s, time);
	if (node_timed_stage(n) != HS_STAGE_RECEIVE || n->netns != s->netns) {
		n->j.incomplete = true;
		fate.why = "its socket has the bytes; no event tells how they came there";
	}
	node_set_fate(js, n, fate);
	return true;
}

static const char refused_remedy[] =
	"Accept faster, or listen() with a longer backlog (sysctl net.core.somaxconn bounds it); SYN cookies "
	"(net.ipv4.tcp_syncookies) need no SYN queue. The client tries again by itself.";

/* Whether it was taken or refused hangs on what came before it, of which something is lost. */
static void node_doubt(struct hs_journeys *js, struct node *n)
{
	uint64_t doubt = tcp_doubt(js, n);

	if (!doubt || n->settled)
		return;
	n->j.incomplete = true;
	n->j.lost = doubt > n->j.lost ? doubt : n->j.lost;
}

static void node_consumed(struct hs_journeys *js, struct node *n, const struct hs_event *e,
			  const char *function)
{
	struct hs_fate fate = no_fate;
	enum hs_stage stage = node_timed_stage(n);
	const char *refused;
	bool outward = stage == HS_STAGE_DEV_XMIT || stage == HS_STAGE_DEV_QUEUE;
	bool unsaid = !*function; /* where it was consumed: before 6.3 */

	fate.time = e->time;
	fate.stage = node_stage(n);
	fate.function = function;
	fate.kind = HS_FATE_CONSUMED;
	refused = stage == HS_STAGE_RECEIVE && n->flow ? tcp_refused(js, n) : NULL;
	if (refused) {
		fate.kind = HS_FATE_REFUSED;
		fate.why = refused;
		fate.remedy = refused_remedy;
		fate.inferred = true;
	} else if (stage == HS_STAGE_DEV_QUEUE &&
		   (!strncmp(function, "validate_xmit_skb", strlen("validate_xmit_skb")) ||
		    (unsaid && n->flow))) {
		fate.why = "cut into segments, which go on by themselves";
		fate.inferred = unsaid; /* of TCP's packets nothing else is consumed there */
	} else if (!strcmp(function, "ip_do_fragment") || !strcmp(function, "ip6_fragment") ||
		   (unsaid && n->in_fragments)) {
		fate.why = "cut into fragments, which go on by themselves";
	} else if (outward && !kind_is_inside(node_last_hop(n)->dev_kind)) {
		fate.kind = HS_FATE_LEFT;
	} else if (stage == HS_STAGE_RECEIVE && node_joined(js, n, &fate)) {
		fate.inferred = false;
	} else if (stage == HS_STAGE_RECEIVE && free_is_merge(js, n, e, function)) {
		fate.kind = HS_FATE_MERGED;
		fate.why = "put together with the other fragments of its datagram";
		relate_merged(js, n, e);
	} else if (fragment_is_given_up(n, function)) {
		fate.why =
			"given up: the other fragments of its datagram did not come, or did not fit";
	}
	node_doubt(js, n);
	node_set_fate(js, n, fate);
	if (fate.kind == HS_FATE_CONSUMED)
		node_tell_nobody(js, n);
}

/* UDP to nobody asks for an ICMP error, unless it was sent to many (RFC 1122, 3.2.2). */
static bool node_deserves_icmp(const struct node *n)
{
	const struct hs_packet *p = &n->j.packet;
	const uint8_t *dst = p->dst.addr.bytes;

	if (p->proto != IPPROTO_UDP || p->later_fragment)
		return false;
	return p->version == 4 ? dst[0] < 224 : dst[0] != 0xff;
}

static struct limits *limits_find(struct hs_journeys *js, uint32_t netns)
{
	struct limits *l = NULL;

	HASH_FIND(hh, js->limits, &netns, sizeof(netns), l);
	return l;
}

/* A suppressed error that the counters tell of and no journey has claimed. */
static bool limits_claim(struct hs_journeys *js, struct node *n)
{
	/* The global limit is one for both, and counted by IPv4: icmp_global_allow(). */
	static const char *const counters[] = {
		[LIMIT_HOST4] = "IcmpOutRateLimitHost rose; sysctl net.ipv4.icmp_ratelimit",
		[LIMIT_HOST6] = "Icmp6OutRateLimitHost rose; sysctl net.ipv6.icmp.ratelimit",
		[LIMIT_GLOBAL] = "IcmpOutRateLimitGlobal rose; sysctl net.ipv4.icmp_msgs_per_sec",
	};
	enum limit limit = n->j.packet.version == 6 ? LIMIT_HOST6 : LIMIT_HOST4;
	struct limits *l = limits_find(js, n->netns);

	if (!l)
		return false;
	if (!l->unclaimed[limit])
		limit = LIMIT_GLOBAL;
	if (!l->unclaimed[limit])
		return false;
	l->unclaimed[limit]--;
	n->want_counter = false;
	n->j.no_icmp = names_internf(js->names, "rate limit (%s)", counters[limit]);
	if (n->selected)
		SINK(js, no_icmp, &n->j);
	return true;
}

void fate_counter(struct hs_journeys *js, const struct hs_event *e)
{
	const struct hs_rec_counter *rec = (const void *)e->rec;
	const uint64_t now[] = {
		[LIMIT_HOST4] = rec->icmp_limit_host,
		[LIMIT_HOST6] = rec->icmp6_limit_host,
		[LIMIT_GLOBAL] = rec->icmp_limit_global,
	};
	struct limits *l = limits_find(js, rec->netns);
	struct node *n, *tmp;

	if (l) {
		for (int i = 0; i < LIMIT_MAX; i++)
			l->unclaimed[i] += now[i] > l->last[i] ? now[i] - l->last[i] : 0;
	} else {
		l = calloc(1, sizeof(*l));
		if (!l) {
			js->error = -ENOMEM;
			return;
		}
		l->netns = rec->netns;
		HASH_ADD(hh, js->limits, netns, sizeof(l->netns), l);
	}
	memcpy(l->last, now, sizeof(now));
	DL_FOREACH_SAFE (js->open, n, tmp)
		if (n->want_counter && n->netns == rec->netns && limits_claim(js, n))
			node_try_settle(js, n);
}

void fate_waited(struct hs_journeys *js, struct node *n, const struct hs_event *e)
{
	const struct sock_node *s = n->sk ? sock_find(js, n->sk) : NULL;
	uint64_t since = node_timed_stage(n) == HS_STAGE_RECEIVE ? n->last : 0;

	if (n->in_vain)
		return;
	n->in_vain = true;
	if (!since && n->waited && s && s->serial == n->sock_serial)
		since = s->last_send.entered;
	node_hop(js, n, e, HS_STAGE_NEIGHBOUR,
		 tell_wait(js, since && e->time > since ? e->time - since : 0), "", 0);
}

/* What frees the packets that wait when nobody answers: by its name where there is no reason (5.10). */
bool fate_is_vain_wait(const char *reason, const char *function)
{
	static const char *const functions[] = { "arp_error_report", "ndisc_error_report",
						 "neigh_invalidate", "neigh_timer_handler" };

	if (!strcmp(reason, "NEIGH_FAILED"))
		return true;
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (!strcmp(reason, "NOT_SPECIFIED") && !strcmp(function, functions[i]))
			return true;
	return false;
}

static const char full_buffer[] = "SOCKET_RCVBUFF";

/* Where no reason says so: __udp_enqueue_schedule_skb() drops when the limit is passed (net/ipv4/udp.c), 5.10. */
static bool drop_is_of_full_buffer(const struct hs_journeys *js, const struct hs_rec_free *rec,
				   const char *reason)
{
	if (!strcmp(reason, full_buffer))
		return true;
	return rec->sk && !js->has_reasons && rec->rmem > rec->rcvbuf;
}

static void node_dropped(struct hs_journeys *js, struct node *n, const struct hs_event *e,
			 const char *reason, const char *function)
{
	const struct hs_rec_free *rec = (const void *)e->rec;
	bool full = drop_is_of_full_buffer(js, rec, reason);
	const struct hs_reason_info *info = reason_info(full ? full_buffer : reason);
	struct sock_node *s = rec->sk ? sock_find(js, rec->sk) : NULL;
	const struct hs_stage_info *stage;
	struct hs_fate fate = no_fate;

	fate.kind = HS_FATE_DROPPED;
	fate.time = e->time;
	fate.stage = node_stage(n);
	fate.reason = reason;
	fate.function = function;
	stage = stage_info(fate.stage);
	if (info) {
		fate.why = info->sentence;
		fate.remedy = info->remedy;
	} else if (stage) {
		fate.remedy = stage->remedy;
	}
	if (s && s->s.followed) {
		n->by_socket = true;
		node_select(js, n);
	}
	if (!strcmp(reason, "NO_SOCKET"))
		fate.why = tell_no_socket(js, n);
	/* In 6.18 (not in 6.12) the last ACK of a handshake that a full accept queue refuses has a reason. */
	if (!strcmp(reason, "TCP_LISTEN_OVERFLOW")) {
		fate.kind = HS_FATE_REFUSED;
		fate.why = tcp_refused(js, n) ?: fate.why;
	}
	if (full && s) {
		fate.why = tell_rcvbuf(js, s, rec->rmem, rec->rcvbuf);
		fate.socket = n->selected ? sock_id(js, s) : 0;
		fate.owner = s->s.owner;
	}
	tell_drop(js, n, e, &fate);
	node_set_fate(js, n, fate);
	if (!strcmp(reason, "NO_SOCKET") && !n->answered && node_deserves_icmp(n)) {
		n->want_counter = true;
		limits_claim(js, n);
	}
}

static bool node_was_forwarded(const struct node *n)
{
	int queued = 0;

	for (size_t i = 0; i < n->j.n_hops; i++)
		queued += n->j.hops[i].stage == HS_STAGE_DEV_QUEUE;
	return queued > 1;
}

/* A tap's: an AF_PACKET socket gets a clone of what others handle too. */
static bool free_is_of_tap(const struct node *n, const char *reason, const char *function)
{
	static const char *const functions[] = { "packet_rcv", "tpacket_rcv", "packet_recvmsg" };

	if (!n->j.packet.version)
		return false;
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (!strcmp(function, functions[i]))
			return true;
	return !strcmp(reason, "PACKET_SOCK_ERROR");
}

/*
 * TCP often ends a packet without an event, and its address is given to another (of netlink, vsock ...),
 * whose end is not this one's. A forwarded one may have another head too (skb_cow()), and a drop with
 * a reason is believed.
 */
static bool free_is_foreign(const struct node *n, const struct hs_rec_free *rec,
			    struct hs_journeys *js)
{
	const char *reason = names_reason(js->names, rec->reason);
	const char *function = names_symbol(js->names, rec->location);

	if (free_is_of_tap(n, reason, function))
		return true;
	if (fate_is_vain_wait(reason, function) && node_timed_stage(n) == HS_STAGE_RECEIVE)
		return false;
	if (!strcmp(function, "nf_hook_slow"))
		return false;
	if (!n->flow || !rec->head || !n->head || rec->head == n->head || node_was_forwarded(n))
		return false;
	return rec->hdr.stage == HS_STAGE_CONSUME || !strcmp(reason, "NOT_SPECIFIED");
}

/* A long datagram is summed when it is read, or asked for, and thrown away then: CHECKSUM_BREAK. */
static bool free_is_of_checksum(const struct node *n, const char *reason, const char *function)
{
	/* before 6.15 without a reason */
	static const char *const functions[] = { "udp_recvmsg", "udpv6_recvmsg",
						 "__first_packet_length", "first_packet_length" };

	if (n->j.fate.kind != HS_FATE_QUEUED || n->j.read_done || n->j.packet.proto != IPPROTO_UDP)
		return false;
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (!strcmp(function, functions[i]))
			return true;
	return !strcmp(reason, "UDP_CSUM");
}

void fate_freed(struct hs_journeys *js, const struct hs_event *e)
{
	const struct hs_rec_free *rec = (const void *)e->rec;
	struct node *n = node_by_address(js, rec->at.skb);
	const char *function, *reason;
	bool open, drop = e->rec->stage == HS_STAGE_DROP;

	if (!n || n->freed || free_is_foreign(n, rec, js))
		return;
	function = names_symbol(js->names, rec->location);
	if (!drop && queue_is_moved(js, n, function))
		return;
	/*
	 * A bare ACK was thought to be taken when it reached its socket, and may yet be refused there; what has
	 * been shown stays as it was shown.
	 */
	open = node_is_open(n) ||
	       (n->taken && drop && n->j.fate.kind == HS_FATE_CONSUMED && !n->settled);
	if (!drop)
		fragment_consumed(js, n, function);
	n->freed = true;
	queue_leave(n);
	reason = drop ? names_reason(js->names, rec->reason) : "";
	if (drop && free_is_of_checksum(n, reason, function)) {
		node_hop(js, n, e, HS_STAGE_DROP, "", function, rec->location);
		node_dropped(js, n, e, reason, function);
	} else if (n->j.fate.kind == HS_FATE_QUEUED) {
		/* After a read it is the end of its memory, before it the end of its socket. */
		if (drop && !n->j.read_done && n->j.packet.proto != IPPROTO_TCP) {
			n->last = e->time;
			node_unread(js, n);
		}
	} else if (open) {
		bool bad = drop && !free_is_benign(js, n, reason, function);

		if (bad && fate_is_vain_wait(reason, function))
			fate_waited(js, n, e);
		node_hop(js, n, e, bad ? HS_STAGE_DROP : HS_STAGE_CONSUME, "", function,
			 rec->location);
		if (bad)
			node_dropped(js, n, e, reason, function);
		else
			node_consumed(js, n, e, function);
	}
	node_try_settle(js, n);
}

/* What silence means, by the last thing that was seen. */
void fate_conclude(struct hs_journeys *js, struct node *n, uint64_t now)
{
	struct hs_fate fate = no_fate;
	enum hs_stage stage = node_timed_stage(n);

	if (stage != HS_STAGE_RECEIVE && stage != HS_STAGE_SOCK_ERROR)
		return;
	/* A program that was given it has not said what shall become of it. */
	if (node_stage(n) == HS_STAGE_NFQUEUE_OUT)
		return;
	node_note_loss(js, n);
	node_doubt(js, n);
	fate.time = now;
	fate.stage = stage;
	fate.inferred = true;
	if (n->j.incomplete) {
		fate.kind = HS_FATE_UNKNOWN;
		fate.why = "events were lost, so its end may have been missed";
	} else if (n->j.packet.fragmented) {
		fate.kind = HS_FATE_MERGED;
		fate.why = "kept until the other fragments of its datagram are there";
		relate_merged(js, n, NULL);
	} else if (n->flow && tcp_refused(js, n)) {
		fate.kind = HS_FATE_REFUSED;
		fate.why = tcp_refused(js, n);
		fate.remedy = refused_remedy;
	} else if (node_joined(js, n, &fate)) {
		fate.inferred = true;
	} else if (n->j.packet.proto == IPPROTO_TCP) {
		fate.kind = HS_FATE_CONSUMED;
		fate.inferred = !n->taken;
		fate.why = n->taken ? "" : "taken by TCP; nothing shows its end";
	} else {
		fate.kind = HS_FATE_UNKNOWN;
		fate.why = "received, and no event tells what became of it";
	}
	node_set_fate(js, n, fate);
	node_tell_nobody(js, n);
}
