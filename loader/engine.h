/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the journey engine share. Not for others.
 *   journey.c  what each event means        node.c    a journey's life
 *   birth.c    a packet's first event       lost.c    records that are missing
 *   hop.c      its hops                     cause.c   what provoked it
 *   fate.c     what became of it            socket.c  sockets, queues, reads
 *   call.c     system calls                 tell.c    sentences
 *   flow.c     TCP connections              seq.c  their bytes, by sequence number
 *   tcp.c      their states, resets, timers   hold.c  why written bytes were not sent at once
 *   reader.c   what a reader was doing
 *   func.c     functions that are probed    route.c  what routing tables answer    no_route.c  why they refuse
 *   martian.c  addresses that may not be
 *   tunnel.c   headers before headers   relate.c   copies, parts, repetitions
 *   queue.c    queueing disciplines    rules.c    firewall rules    tell_drop.c  sentences about drops
 */
#ifndef HS_ENGINE_H
#define HS_ENGINE_H

#include <uthash.h>
#include <utlist.h>

#include "journey.h"
#include "losses.h"

#define AROUND_MAX 4

/* A header that a device put before a packet. */
struct around {
	struct hs_wrap wrap;
	const char *text; /* "GRE 10.0.0.2 → 10.0.0.1, key 7" */
};

/* A packet on its way. Others refer to it by `serial`: it may be gone, but is never taken for
 * another. */
struct node {
	struct hs_journey j; /* what a sink sees */
	uint32_t serial;
	uint32_t netns, ifindex; /* of the last hop */
	uint32_t cause;		 /* serial, 0 */
	uint32_t *children;	 /* serials */
	size_t n_children;
	size_t open_children; /* that are not settled */
	uint64_t last;	      /* time of the last event */
	uint64_t lost_before; /* lost_now() at its birth */
	uint64_t address; /* of the skb that stands for it now, the key of by_address; 0: none any
			     more */
	uint32_t born_tid;
	struct hs_endpoint src, dst; /* as they are now; j.packet has those of its birth */
	uint64_t sk; /* its sender, 0; the same socket only if sock_serial is its serial */
	uint32_t sock_serial;
	const char **stack; /* of the last hop, to cut what the next one shares with it */
	size_t n_stack;
	bool selected, settled, folded;
	bool by_socket, by_netns, by_dev, by_filter; /* which selections it satisfies */
	const char *waited; /* for what it waited since it was sent, before its birth; NULL not */
	bool freed;	    /* its memory was given back */
	bool reset;	    /* an RST was sent because of it, by no socket */
	bool answered;	    /* an ICMP error was sent because of it: */
	struct hs_packet answer; /* that error; before its birth only its type and code */
	bool in_vain;		 /* it waited for the next hop, which did not answer */
	bool asked;		 /* forwarding it asks for the next hop's link-layer address */
	uint32_t head;		 /* low half of skb->head, 0 unknown */
	uint32_t flow;		 /* serial of its connection, 0 */
	uint8_t *bytes;		 /* of its payload, j.payload; NULL none */
	uint32_t labels;	 /* bytes of MPLS labels before its IP header, at its birth */
	struct around around[AROUND_MAX]; /* what devices put before it, the outermost last */
	size_t n_around;
	struct hs_wrap wrap; /* of the hop that comes next */
	bool cut;	     /* into segments */
	bool in_fragments;   /* the same into these */
	enum hs_relation relation;
	uint32_t relative, into; /* serials, 0: of j.related_to and j.merged_into */
	bool taken;		 /* by a TCP socket (tcp_probe) */
	bool keepalive;		 /* it asks whether the peer is there */
	struct queue *queue; /* of the device that it was given to and has not left; NULL none */
	uint64_t queued_at;  /* when it was put there, the last time; 0 never */
	bool queue_took;     /* a queueing discipline has it, as an event told */
	bool moved;	     /* netem has made a copy of it that goes on for it */
	bool duplicate;	     /* of its cause, by a queueing discipline or a bridge */
	bool silence_told;   /* a call that waited in vain was explained by it */
	bool want_counter;   /* no ICMP error: the limits' counters will say why */
	bool whole;	     /* a fragment whose datagram was put together */
	UT_hash_handle hh, by_address;
	struct node *prev, *next;
	struct node *queue_prev, *queue_next;
};

#define EARLY_MAX 4

struct waiting {
	uint32_t serial; /* 0: queued before tracing began, or its record was lost */
	uint64_t time;
};

struct sock_node {
	struct hs_socket s;
	uint64_t sk;
	uint32_t serial; /* addresses are given again */
	uint32_t netns;
	uint64_t ino;
	bool listening;
	bool closed; /* by a followed process; others may hold it too */
	/* a ring of queue_room, of which queue_n are used from queue_first on */
	struct waiting *queue;
	size_t queue_first, queue_n, queue_room;
	bool filled; /* `queue` was compared with the kernel's length since tracing began */
	uint64_t lost_pushed, lost_read; /* lost_now() when it was compared the last time */
	uint64_t lost_tcp;		 /* lost_now() at the last snapshot */
	struct hs_read early[EARLY_MAX]; /* reads that came before their queueing was told */
	size_t n_early;
	/* what a call got that was entered before tracing began: read, error_from are serials */
	struct {
		uint32_t tid, read, error_from;
	} got;
	struct hs_call last_send; /* of a followed process; name NULL: none yet */
	int err;		  /* pending error and the journey that brought it */
	uint32_t err_from;
	/* of TCP */
	struct hs_rec_tcp tcp;	 /* the last snapshot; tcp.sk 0: none */
	uint32_t flow;		 /* serial of its connection, 0 */
	unsigned int end;	 /* which end of it */
	uint32_t reset;		 /* serial of the RST that it received, 0 */
	struct hs_state opening; /* its SYN_SENT, until its SYN tells the port; after 0: none */
	struct hs_socket told;	 /* what was handed to the sink the last time */
	UT_hash_handle hh;
};

/* ---- TCP: sequence numbers are absolute here, as packets have them ---- */

/* A segment that takes room in the sequence: data, SYN, FIN. */
struct segment {
	uint32_t seq, end; /* end: after its last byte, SYN and FIN counted */
	uint32_t serial;   /* of the journey that carried it first */
	uint32_t
		id; /* of that, when it was sent again the last time: it is forgotten after a while */
	uint32_t times; /* sent again */
	uint64_t sent;	/* when, the last time */
	uint8_t flags;
	bool read;	  /* all of it */
	uint64_t queued;  /* when it was put into the receiver's queue, 0 not yet, */
	uint32_t carrier; /* and serial of the journey that brought it there */
};

/* Bytes that a call wrote and that were not sent when it returned. */
struct written {
	uint32_t from, to; /* sequence numbers; to: after the last */
	uint64_t time;	   /* when it returned */
	const char *call;
	enum hs_hold by;
};

#define WRITTEN_MAX 16 /* of more, the last ones count as one */

struct flow_end {
	uint32_t netns; /* 0: not known yet, or a stranger */
	bool guessed; /* netns: where segments for it arrive from outside, which may only forward */
	uint64_t sk;  /* 0: none */
	bool has_isn, has_max;
	uint32_t isn, max;    /* initial sequence number; after the last that was sent */
	bool acked;	      /* an acknowledgement arrived: */
	uint32_t una;	      /* the first of its numbers that is not acknowledged */
	uint16_t window;      /* of the peer, as it last arrived, unscaled */
	struct segment *segs; /* that it sent and that are not both acknowledged and read */
	size_t n_segs, room_segs;
	struct written written[WRITTEN_MAX]; /* the oldest first */
	size_t n_written;
	uint32_t received; /* serial of the last segment that arrived for it, 0 */
	uint32_t reset;	   /* serial of the last RST that it sent, 0 */
	bool mini;	   /* a minisocket stands for it */
};

struct flow_key {
	struct hs_endpoint a, b; /* in order of their bytes; padding is zero */
};

/* The endpoints of a connection as they are elsewhere on its way: addresses are translated (NAT). */
struct flow_alias {
	struct flow_key key;
	struct hs_endpoint end[2];
	struct flow_node *flow; /* NULL: another connection has them now */
	UT_hash_handle hh;
};

#define ALIASES_MAX 4

struct flow_node {
	struct hs_flow f;
	struct flow_key key;
	struct flow_alias alias[ALIASES_MAX];
	size_t n_alias;
	uint32_t serial;
	struct flow_end end[2];
	bool followed;		  /* one of its sockets is */
	uint64_t lost_before;	  /* lost_now() at its first segment */
	uint64_t last;		  /* time of its last event */
	struct hs_state *waiting; /* not told yet, as the flow is not shown */
	size_t n_waiting;
	UT_hash_handle hh, by_key;
	struct flow_node *same; /* an older one between the same endpoints */
	struct flow_node *prev, *next;
};

/* A call that has been entered and not left. */
struct open_call {
	uint32_t tid;
	struct hs_call c;
	uint32_t *segments; /* serials of those whose bytes it read */
	size_t n_segments;
	uint64_t sk;	/* 0: none */
	uint32_t *sent; /* serials */
	size_t n_sent;
	uint32_t read; /* serial */
	uint32_t error_from;
	UT_hash_handle hh;
};

/* A socket of /proc, as found near a drop. */
struct bound {
	uint32_t netns;
	uint64_t time;
	uint16_t protocol;
	struct hs_endpoint local;
};

/* ICMP errors that a rate limit suppressed, as the counters of a namespace tell it. */
enum limit { LIMIT_HOST4, LIMIT_HOST6, LIMIT_GLOBAL, LIMIT_MAX };

struct limits {
	uint32_t netns;
	uint64_t unclaimed[LIMIT_MAX]; /* suppressed, and no journey explained by it */
	uint64_t last[LIMIT_MAX];
	UT_hash_handle hh;
};

struct processing {
	uint32_t ctx;	 /* softirq number; 0: nothing */
	uint32_t serial; /* the packet being received in it */
};

/* An RST is about to be sent: why, and because of which packet. */
struct reset_pending {
	bool set;
	uint32_t serial; /* 0: none */
	uint32_t ctx, tid;
	const char *reason;
};

struct icmp_pending {
	uint32_t serial; /* 0: none */
	uint32_t ctx, tid;
	uint64_t time;
	const char *function;
};

/* Something that happened, kept until it is known which packet it was about. */
struct held {
	union {
		struct hs_rec_stage at; /* what all of them begin with */
		struct hs_rec_func rec;
		struct hs_rec_route route;
	};
	struct hs_event e; /* e.rec: the record, where it stands now */
	enum hs_stage stage;
	const char *text;
};

#define HELD_MAX 12 /* functions that run before a packet is born */

/* Functions that worked on a packet before its birth. */
struct hold {
	uint64_t skb; /* 0: unused */
	struct held list[HELD_MAX];
	size_t n;
};

#define LOOKUPS_MAX   8 /* addresses that routing tables were asked for */
#define LOOKUP_TABLES 6

/* What routing tables answered when they were asked for an address, one after the other. */
struct lookup {
	uint64_t time;		 /* of the last answer; 0: unused */
	struct hs_rec_route rec; /* that answer; its dst is the address */
	uint32_t tables[LOOKUP_TABLES];
	size_t n_tables;
	bool thrown; /* one of them had a throw route, IPv6: */
	uint32_t throw_table;
	uint8_t throw_plen;
};

/* Functions that ran in one thread, or in one softirq, and belong to the packet that comes next there. */
struct context {
	uint64_t key; /* 0: unused */
	struct held call, next[HELD_MAX], read, route;
	bool has_call, has_read, has_route;
	const char *route_stack[HS_MAX_FRAMES];
	size_t n_next;
	struct held entered[4]; /* whose result is awaited; kind HS_FN_STACK: unused */
	size_t n_entered;	/* so far: the next takes the place of the oldest */
	enum hs_stage nfqueue;	/* NFQUEUE_OUT or _BACK, whichever came last; 0 neither: */
	uint64_t nfqueue_skb, nfqueue_time;
	struct lookup lookups[LOOKUPS_MAX];
	size_t last_lookup;
};

#define HOLDS_MAX 64
#define AHEAD_MAX 16
#define WOKEN_MAX 16

/* Packets that FILTER alone kept away, by destination port. */
struct missed {
	uint16_t port;
	uint64_t n; /* 0: an unused place */
};

/* Ticks may come faster than it is worth looking at them. */
#define TICK_NS	   50000000ull
#define MISSED_MAX 16 /* ports that are told apart */

/* Records that are missing. */
struct lost {
	uint64_t gaps, reserve,
		misses; /* missing numbers, and by the counters; misses: skipped events */
	uint64_t total; /* that any journey alive may miss */
	struct {
		uint64_t until, total;
	} ahead[AHEAD_MAX]; /* told ahead: by when it was lost, `total` then; oldest first */
	size_t n_ahead;
	uint64_t past;	 /* with n_ahead: what had been lost before them */
	bool told_ahead; /* this recording tells losses before what comes after them */
	uint64_t told, misses_told, told_at; /* what the sink knows, and since when */
};

struct hs_journeys {
	struct hs_names *names;
	const struct hs_select *select;
	const struct hs_sink *sink;
	struct node *all;	/* by serial */
	struct node *addresses; /* by address */
	struct node *open;	/* not settled, in order of birth */
	struct node *done;	/* settled, in that order; kept for a while as possible causes */
	size_t n_nodes;
	uint32_t last_serial, last_id, last_socket, last_sock_serial;
	size_t shown, underway;
	uint64_t settled;
	struct sock_node *socks;
	struct open_call *calls;
	struct bound *bound;
	size_t n_bound;
	struct queue *queues;
	struct ruleset *rulesets; /* by namespace */
	bool nft_frees;		  /* the function that frees tells whether nftables dropped it */
	bool has_reasons;	  /* the kernel tells why it drops a packet */
	struct hs_rec_refusal *refusals; /* of all namespaces, as they were when last looked at */
	size_t n_refusals;
	struct hs_rec_sock mini; /* the minisocket that was found last */
	struct limits *limits;
	struct processing now[HS_MAX_CPUS];
	struct icmp_pending icmp[HS_MAX_CPUS];
	struct reset_pending reset[HS_MAX_CPUS];
	struct hs_rec_payload *snap[HS_MAX_CPUS]; /* of the packet born next there, NULL none */
	struct flow_node *flows;		  /* by serial */
	struct flow_node *flow_keys;		  /* by endpoints: the newest */
	struct flow_alias *flow_aliases;	  /* by key */
	struct flow_node *flow_list;		  /* the one that was quiet longest first */
	size_t n_flows;
	uint32_t last_flow, last_flow_id; /* serial, ~id */
	struct missed missed[MISSED_MAX];
	struct hold holds[HOLDS_MAX]; /* the oldest is given up for a new one */
	struct context contexts[HOLDS_MAX];
	size_t last_hold, last_context;
	bool probed[256]; /* stages that functions time in this recording */
	struct hs_summary sum;
	struct lost lost;
	uint64_t last_tick;
	uint64_t ticked, asked;		    /* times; asked: for the next hop of a forwarded one */
	struct hs_rec_tag tag[HS_MAX_CPUS]; /* of the packet told next there; skb 0: none */
	uint32_t queued[HS_MAX_CPUS];	    /* serial of what a device queued last there */
	uint32_t readable[HS_MAX_CPUS]; /* of what a socket queued last, until somebody is woken */
	struct {
		uint32_t tid, serial;
		uint64_t time, ran; /* ran: when it was on a CPU again, 0 not yet */
	} woken[WOKEN_MAX];	    /* readers, by what; tid 0: unused */
	size_t last_woken;
	int error; /* -ENOMEM */
};

#define SINK(js, callback, ...)                                             \
	do {                                                                \
		if ((js)->sink->callback)                                   \
			(js)->sink->callback((js)->sink->ctx, __VA_ARGS__); \
	} while (0)

/* birth.c */
/* The packet of a HS_REC_BIRTH. NULL when out of memory, which js->error then says. */
struct node *birth_node(struct hs_journeys *js, const struct hs_event *e);
/* Its headers as they are now. Returns the bytes of MPLS labels before them, after which comes `*ret_proto`. */
size_t birth_parse(const struct hs_event *e, uint16_t *ret_proto, struct hs_packet *ret);
/* It is given to a device with other headers than those it was born with: what is new about them; "". */
const char *birth_headers(struct hs_journeys *js, struct node *n, const struct hs_event *e);
/* The bytes of what is born next on that CPU. */
void birth_payload(struct hs_journeys *js, const struct hs_event *e);

/* lost.c */
/*
 * What the counters say beyond the gaps that were seen: lost after the last record, or skipped. What is told
 * ahead may not have been lost yet, so those that are born meanwhile count as alive, too.
 */
void lost_event(struct hs_journeys *js, const struct hs_event *e);
/* What was told ahead to be lost by `now` is in the past. */
void lost_tick(struct hs_journeys *js, uint64_t now);
/* Once a second, and not at once: a record that an interrupt overtook is not lost, only late. */
void lost_tell(struct hs_journeys *js, uint64_t now);
/* What is not told yet is, at once. */
void lost_end(struct hs_journeys *js, uint64_t now);
/* What may have been lost before this moment: of what is told ahead, nobody knows whether it was already. */
static inline uint64_t lost_now(const struct hs_journeys *js)
{
	return js->lost.n_ahead ? js->lost.past : js->lost.total;
}

/* node.c */
extern const struct hs_fate no_fate; /* its strings are "" */
int serials_add(uint32_t **list, size_t *n, uint32_t serial);
/* NULL when out of memory, which js->error then says. */
struct node *node_new(struct hs_journeys *js, const struct hs_event *e);
/* For a packet that was on its way before tracing began, or whose birth was lost. */
struct node *node_headless(struct hs_journeys *js, const struct hs_event *e, uint64_t address);
void node_free(struct hs_journeys *js, struct node *n);
struct node *node_by_serial(struct hs_journeys *js, uint32_t serial);
struct node *node_by_address(struct hs_journeys *js, uint64_t address);
/* From now on that address is this packet; 0: none is. */
void node_set_address(struct hs_journeys *js, struct node *n, uint64_t address);
/* The id of a journey that is shown, 0. */
uint32_t node_id(struct hs_journeys *js, uint32_t serial);
/* Shows a journey from now on, its earlier hops first, if the selection wants it. */
void node_select(struct hs_journeys *js, struct node *n);
void node_set_fate(struct hs_journeys *js, struct node *n, struct hs_fate fate);
/* The last hop that is a place on the path, not an end; the same, timed by a tracepoint of the path. */
enum hs_stage node_stage(const struct node *n);
enum hs_stage node_timed_stage(const struct node *n);
/* That hop itself, NULL none. */
const struct hs_hop *node_timed_hop(const struct node *n);
/* Nothing says yet what became of it; silence alone may have led to "unknown". */
/* A TCP segment with all of `flags` and none of `none` (TH_*, netinet/tcp.h). */
bool node_has_flags(const struct node *n, uint8_t flags, uint8_t none);
bool node_is_open(const struct node *n);
void node_note_loss(const struct hs_journeys *js, struct node *n);
void node_settle(struct hs_journeys *js, struct node *n);
void node_try_settle(struct hs_journeys *js, struct node *n);
/* It was read, as j.read says; or its socket was closed, and nobody read it. */
void node_read(struct hs_journeys *js, struct node *n);
void node_unread(struct hs_journeys *js, struct node *n);

/* hop.c */
/* Does a device of that kind hand its packets to this machine itself? */
bool kind_is_inside(const char *kind);
/* A hop of `stage`; one without place or device (a free) stays where the packet was. */
/* As struct hs_hop has it. */
const char *event_conntrack(const struct hs_event *e);
void node_hop(struct hs_journeys *js, struct node *n, const struct hs_event *e, enum hs_stage stage,
	      const char *text, const char *function, uint64_t address);
struct hs_hop *node_last_hop(const struct node *n);

/* func.c */
/* What is known of the thread or softirq of `e`; NULL: nothing, and `make` is false, or it is the idle task. */
struct context *context_of(struct hs_journeys *js, const struct hs_event *e, bool make);
void func_event(struct hs_journeys *js, const struct hs_event *e);
/* Which stages functions will time, HS_REC_PROBE. */
void func_probe(struct hs_journeys *js, const struct hs_event *e);
/* A packet was just born by `e`: what ran before becomes its first hops. */
void func_born(struct hs_journeys *js, struct node *n, const struct hs_event *e);

/* route.c */
void route_event(struct hs_journeys *js, const struct hs_event *e);
/* The answer of a routing table that the thread of `e` got for the packet `n`, just born; NULL none. */
/* By which prefix the table's answer was found; no_match: it is none, or not told. */
extern const struct hs_matched no_match;
struct hs_matched route_matched(struct hs_journeys *js, const struct hs_event *e);
struct held *route_of(struct context *c, const struct node *n, const struct hs_event *e);

/* no_route.c */
/* What a call or a packet wanted a route for. */
struct no_route_question {
	uint32_t netns;
	struct hs_addr to, from; /* from: family 0 unknown */
	int err;		 /* what it was told, negative errno; 0 unknown */
	uint64_t since;		 /* the tables were asked after that */
};

/* RTN_* of a route that refuses, 0: it does not, or there is none; its name, "" of one that leads somewhere. */
uint8_t route_refusal(const struct hs_rec_route *rec);
const char *route_kind_name(uint8_t type);
/* Nothing there, so the next table is asked. */
bool route_goes_on(const struct hs_rec_route *rec);
/* "main", "100" */
const char *route_table_name(struct hs_journeys *js, uint32_t table);
/* "10.9.0.0/16", "default": of the prefixes that have the address, that of `plen` bits. */
const char *route_prefix(struct hs_journeys *js, const struct hs_addr *addr, unsigned int plen);
/* An answer of a routing table, for what comes next in that thread or softirq. */
void lookup_note(struct context *c, const struct hs_event *e);
/* The answer for that address, not older than `since`; NULL none. `c` may be NULL. */
const struct lookup *lookup_of(const struct context *c, const struct hs_addr *addr, uint64_t since);
void refusal_learn(struct hs_journeys *js, const struct hs_rec_refusal *rec);
/* Why there is no route, as far as that is known. False: nothing says that there is none. */
bool no_route_find(struct hs_journeys *js, const struct hs_event *e,
		   const struct no_route_question *q, struct hs_no_route *ret);

/* martian.c */
/* Was it dropped for an address that it may not have? Says so in `fate`. */
bool martian_explain(struct hs_journeys *js, const struct node *n, const struct hs_event *e,
		     struct hs_fate *fate);
/* The reverse path filter of IPv4 dropped it, by `fate->reason` surely, else perhaps: why. */
void filter_explain(struct hs_journeys *js, const struct node *n, const struct hs_event *e,
		    struct hs_fate *fate);

/* tell_drop.c */
/* Why it was dropped and what to look at, where more is known than the reason says. */
void tell_drop(struct hs_journeys *js, const struct node *n, const struct hs_event *e,
	       struct hs_fate *fate);
/* Did netfilter drop it? It says so by a reason, before 5.17 by the function that frees. */
bool tell_is_by_rule(const struct hs_fate *fate);
/* Did its queueing discipline? */
bool tell_is_by_qdisc(struct hs_journeys *js, const struct node *n, const struct hs_fate *fate);

/* nfqueue.c */
/* A packet is given to a program, or comes back from it (stages NFQUEUE_OUT, NFQUEUE_BACK). */
void nfqueue_passed(struct hs_journeys *js, const struct hs_event *e);
const char *nfqueue_text(struct hs_journeys *js, const struct hs_event *e);
/* Does this tell of nf_hook_slow() what nfqueue_passed() has told, that the packet is queued? */
bool nfqueue_told(struct hs_journeys *js, const struct hs_event *e);
/* Is that one of the functions that carry out a program's verdict? */
bool nfqueue_is_verdict(const char *function);
/* Of a packet that came back, for its next hop: who had it; "" where NFQUEUE_BACK is timed, and tells that. */
const char *nfqueue_back_text(struct hs_journeys *js, const struct hs_event *e);
enum nfqueue_birth {
	HS_NFQUEUE_NOT,
	HS_NFQUEUE_BACK, /* the packet came back from a program, and was sent before */
	HS_NFQUEUE_MEANWHILE, /* it is another, born while that one is handled: ret_cause, NULL unknown */
};
enum nfqueue_birth nfqueue_born(struct hs_journeys *js, const struct hs_event *e,
				struct node **ret_cause);

/* rules.c */
/* Which kernel the recording is of. */
void rules_learn(struct hs_journeys *js, const struct hs_rec_rule *rec);
void rules_free(struct hs_journeys *js);
/* "output" for NF_INET_LOCAL_OUT (include/uapi/linux/netfilter.h), "" for what is none. */
const char *rules_hook(unsigned int hook);
/* Netfilter dropped it: by which rule. False: the rules are not known; else `ret->candidates` may be 0. */
bool rules_find(struct hs_journeys *js, const struct node *n, const struct hs_rec_free *rec,
		struct hs_rule *ret);

/* queue.c */
#define OVERTAKEN_MAX 16 /* journeys that are named */
/* It was seen there: what is to be said of its time in a queueing discipline, "" nothing. */
const char *queue_seen(struct hs_journeys *js, struct node *n, const struct hs_event *e);
/*
 * netem_enqueue() changes no bytes that others share (TCP keeps the original): it takes a copy and frees what
 * it was given, skb_unshare(). Is that its end? Then the packet waits for the copy, which is told of next.
 */
bool queue_is_moved(struct hs_journeys *js, struct node *n, const char *function);
/*
 * The packet that an event of a queueing discipline is about: `n`, which has that address, or one whose copy it is,
 * and which has the address from then on; the one that has waited longest. NULL: neither.
 */
struct node *queue_take_moved(struct hs_journeys *js, const struct hs_event *e, struct node *n);
/* Does it wait in a queueing discipline? */
bool queue_has(struct hs_journeys *js, const struct node *n);
void queue_leave(struct node *n);
void queues_free(struct hs_journeys *js);

/* cause.c */
/* The packet that this softirq receives, NULL none. */
struct node *node_in_softirq(struct hs_journeys *js, const struct hs_event *e);
/* Is `n` handled while another packet is being received? */
bool node_is_guest(struct hs_journeys *js, const struct node *n, const struct hs_event *e);
extern const char cause_waited_text[]; /* for the next hop's link-layer address */
/* Of a packet just born, by the event of its birth. */
void node_find_cause(struct hs_journeys *js, const struct hs_event *e, struct node *n);
/* The packet of which the one just born, by a driver, is a copy that a queueing discipline made; NULL none. */
struct node *node_find_original(struct hs_journeys *js, const struct hs_event *e,
				const struct node *n);
/*
 * The packet of which another one, about to be queued to a device, is a copy: a bridge sends one out of each port, and
 * a mirror one more. `p`: its headers. NULL none.
 */
struct node *node_find_flooded(struct hs_journeys *js, const struct hs_event *e,
			       const struct hs_packet *p);
/* It is one of the fragments that `whole` is forwarded in. */
void node_set_fragment(struct hs_journeys *js, struct node *n, struct node *whole);
void node_set_duplicate(struct hs_journeys *js, const struct hs_event *e, struct node *n,
			struct node *original);
/* Of a packet that is born when it ends: the ICMP error about it may have been born before. */
void node_find_answer(struct hs_journeys *js, const struct hs_event *e, struct node *n);

/* fragment.c */
/* Is it kept until the others of its datagram are there? Then its end is still to come, if it has any. */
bool fragment_waits(const struct hs_journeys *js, const struct node *n, uint64_t now);
/* Freed by a function of that name: is it because the others did not come, or did not fit? */
bool fragment_is_given_up(const struct node *n, const char *function);
/* It stands for its whole datagram now. */
void fragment_is_whole(struct hs_journeys *js, const struct node *n);
/* It is freed there and not dropped, which may show that its datagram was whole. */
void fragment_consumed(struct hs_journeys *js, const struct node *n, const char *function);

/* fate.c */
void fate_freed(struct hs_journeys *js, const struct hs_event *e);
void fate_counter(struct hs_journeys *js, const struct hs_event *e);
/* It waited for the next hop's link-layer address in vain: a hop that says so, before its end. */
void fate_waited(struct hs_journeys *js, struct node *n, const struct hs_event *e);
/* Is a packet that is freed so one that waited for a next hop which did not answer? */
bool fate_is_vain_wait(const char *reason, const char *function);
/* What silence means, by the last thing that was seen. */
void fate_conclude(struct hs_journeys *js, struct node *n, uint64_t now);
/* A segment is in the queue of `s`, and no event told of it. False: it has another fate already. */
bool fate_joined(struct hs_journeys *js, struct node *n, struct sock_node *s, uint64_t time);

/* socket.c */
struct hs_endpoint endpoint_of(const struct hs_sa *sa);
/* Whether a socket that is bound there takes what comes to that address and port. */
bool endpoint_takes(const struct hs_endpoint *socket, const struct hs_addr *addr, uint16_t port);
struct sock_node *sock_find(struct hs_journeys *js, uint64_t sk);
struct sock_node *sock_get(struct hs_journeys *js, uint64_t sk);
uint32_t sock_id(struct hs_journeys *js, struct sock_node *s);
void sock_learn(struct hs_journeys *js, const struct hs_rec_sock *rec);
void sock_learn_bound(struct hs_journeys *js, const struct hs_rec_sock *rec);
/* Queued is `n`; the kernel's queue then holds `qlen`. 0 or -ENOMEM. */
int sock_push(struct hs_journeys *js, struct sock_node *s, struct node *n, uint64_t time,
	      uint32_t qlen);
void sock_read(struct hs_journeys *js, const struct hs_event *e);
void sock_forget(struct hs_journeys *js, struct sock_node *s);
/* Is the packet addressed to a followed socket of namespace `netns`? */
bool sock_followed_wants(struct hs_journeys *js, const struct node *n, uint32_t netns);

/* call.c */
const char *call_name(enum hs_call_id id);
bool call_sends(enum hs_call_id id);
void call_event(struct hs_journeys *js, const struct hs_event *e);
struct open_call *call_of(struct hs_journeys *js, uint32_t tid);
void call_free(struct hs_journeys *js, struct open_call *call);

/* hold.c */
/* A call has written the bytes from `from` up to `to` to `s`, and returned. */
void hold_written(struct flow_end *end, const struct sock_node *s, const struct hs_call *c,
		  uint32_t from, uint32_t to);
/* The peer's window has closed while they wait. */
void hold_closed(struct flow_end *end);
/* A segment with bytes that were not sent before was born: what kept them. */
void hold_sent(struct hs_journeys *js, struct flow_end *end, struct node *n);
/* A call that writes is inside, and `s` is as its snapshot says: does it wait for room? */
void hold_full(struct hs_journeys *js, const struct sock_node *s);

/* reader.c */
/* Somebody is woken right after a packet was put into a socket's queue; he runs again. */
void reader_woken(struct hs_journeys *js, const struct hs_event *e);
void reader_running(struct hs_journeys *js, const struct hs_event *e);
/* What the reader had done until it read what was queued at `queued`. */
void reader_explain(const struct hs_journeys *js, uint64_t queued, struct hs_read *read);

/* flow.c */
struct flow_node *flow_by_serial(struct hs_journeys *js, uint32_t serial);
/* The connection between a socket's endpoints; *ret_end: which end `local` is. NULL none. */
struct flow_node *flow_find(struct hs_journeys *js, const struct hs_endpoint *local,
			    const struct hs_endpoint *remote, uint32_t netns,
			    unsigned int *ret_end);
/* Finds or makes the connection of a segment that was just born. */
void flow_join(struct hs_journeys *js, struct node *n, const struct hs_event *e);
/* That socket is this end. */
void flow_set_socket(struct hs_journeys *js, struct flow_node *f, unsigned int end,
		     struct sock_node *s);
/* Its endpoints have these addresses elsewhere, `src` being end `from`. */
void flow_add_alias(struct hs_journeys *js, struct flow_node *f, unsigned int from,
		    const struct hs_endpoint *src, const struct hs_endpoint *dst);
/* Shows a flow from now on: its header, then the states that waited. Returns its id. */
uint32_t flow_show(struct hs_journeys *js, struct flow_node *f);
void flow_free(struct hs_journeys *js, struct flow_node *f);
/* Forgets what is over for long. */
void flow_expire(struct hs_journeys *js, uint64_t now);
/* A change of state: handed to the sink, now or when the flow is shown. */
void flow_tell_state(struct hs_journeys *js, struct flow_node *f, struct hs_state *state);

/* seq.c */
/* Of two sequence numbers less than 2^31 apart. */
bool seq_before(uint32_t a, uint32_t b);
/*
 * A segment was sent: counts it, finds out whether it was sent before. `cut`: from a larger one, which
 * was counted as a whole.
 */
void seq_sent(struct hs_journeys *js, struct flow_node *f, struct node *n, bool cut);
/* It arrived at its end: what it acknowledges needs no retransmission. */
void seq_arrived(struct hs_journeys *js, struct flow_node *f, const struct node *n);
/* It is in the receiver's queue. */
void seq_queued(struct flow_node *f, const struct node *n, uint64_t time);
/* `s` has all up to its rcv_nxt: segments that nothing showed to be queued came with others. */
/* Serial of the journey that brought the bytes just before its own, 0 unknown. */
uint32_t seq_carrier_before(const struct flow_node *f, const struct node *n);
void seq_joined(struct hs_journeys *js, struct sock_node *s, uint64_t time);
/* The last `ret` bytes before `copied` were read by the other end; `call` may be NULL. */
void seq_read(struct hs_journeys *js, struct flow_node *f, unsigned int reader, uint32_t copied,
	      const struct hs_read *read, struct open_call *call);
/* The journey of the oldest segment of `end` that was sent again and never acknowledged; 0 none. */
uint32_t seq_unanswered(const struct flow_end *end, uint32_t *ret_times);
/* The other end's segments that wait in `reader`'s queue are lost with its socket. */
void seq_unread(struct hs_journeys *js, struct flow_node *f, unsigned int reader);
/* A number of `end`'s sequence, counted from its initial one. */
uint32_t seq_rel(const struct flow_end *end, uint32_t seq);
/* Bytes of the stream up to `copied` that are a FIN, which no call returns. */
uint32_t seq_fin_before(const struct flow_end *end, uint32_t copied);

/* tcp.c */
/* Records that were lost since what was known when its handshake began, if it is the end of one; else 0. */
uint64_t tcp_doubt(struct hs_journeys *js, const struct node *n);
void tcp_event(struct hs_journeys *js, const struct hs_event *e);
void tcp_signal(struct hs_journeys *js, const struct hs_event *e);
/* A segment was born: its SYN or SYN-ACK moves states, its RST has a reason. */
void tcp_born(struct hs_journeys *js, struct node *n, const struct hs_event *e);
/* It arrived at `netns`. */
void tcp_arrived(struct hs_journeys *js, struct node *n, const struct hs_event *e);
/* The timer behind a segment that no packet and no call provoked; "" none is known. */
const char *tcp_timer(const struct hs_journeys *js, const struct node *n, uint16_t pending);
/* The socket that a segment arrived for, in the namespace where it is; NULL none is known. */
struct sock_node *tcp_receiver(struct hs_journeys *js, const struct node *n);
/* Is that SYN refused by a full accept queue? Then why, else NULL. */
const char *tcp_refused(struct hs_journeys *js, const struct node *n);
/* As the sink sees it, with its queues. */
struct hs_socket tcp_socket(struct hs_journeys *js, const struct sock_node *s);

/* relate.c */
/* What it is to another one; `original`: that it is a copy of, or was cut from; NULL none is known. */
void relate_born(struct hs_journeys *js, const struct hs_event *e, struct node *n,
		 struct node *original);
/* The packet that is being forwarded in fragments, of which the headers `p` are one; NULL it is none. */
struct node *relate_find_cut(struct hs_journeys *js, const struct hs_event *e,
			     const struct hs_packet *p);
/* It was put together with others: with which one, as far as event `e` (NULL: silence) tells. */
void relate_merged(struct hs_journeys *js, struct node *n, const struct hs_event *e);
/* The ids of its relatives that are shown by now. */
void relate_tell(struct hs_journeys *js, struct node *n);

/* tunnel.c: the words for the hop, and what it says besides (node.wrap) */
/* It is given to a device inside of what these bytes begin. */
const char *tunnel_put_on(struct hs_journeys *js, struct node *n, const struct hs_packet *outer,
			  const uint8_t *data, size_t len);
/* The outermost is taken off, by a VLAN device or by a tunnel; "" nobody saw it put on. */
const char *tunnel_take_off(struct hs_journeys *js, struct node *n, bool vlan);
/* The VLAN tag of the packet that is told next. */
void tunnel_tag(struct hs_journeys *js, const struct hs_rec_tag *rec);
/* It has that tag, if it is new. */
const char *tunnel_tagged(struct hs_journeys *js, struct node *n, const struct hs_event *e);
/* Is it received on the device of the tunnel that it is in, or was just taken out of? */
bool tunnel_leads_to(const struct node *n, const struct hs_event *e);
/* Does being at this device tell that its tunnel took a header off? */
bool tunnel_is_left(const struct node *n, const struct hs_hop *before, const struct hs_hop *hop);

/* tell.c: sentences for people; interned */
const char *tell_address(struct hs_journeys *js, const struct hs_addr *addr);
const char *tell_endpoint(struct hs_journeys *js, const struct hs_endpoint *ep);
const char *tell_task(struct hs_journeys *js, const struct hs_task *task);
/* "netem, the queueing discipline of veth_c2" */
const char *tell_qdisc(struct hs_journeys *js, uint32_t netns, uint32_t ifindex);
/* "79.6 ms" */
const char *tell_duration(struct hs_journeys *js, uint64_t ns);
/* "#3, #4 and #5" */
const char *tell_ids(struct hs_journeys *js, const uint32_t *ids, size_t n);
const char *tell_icmp(struct hs_journeys *js, const struct hs_packet *p);
/* MPLS labels that are before its IP header now. */
const char *tell_labels(struct hs_journeys *js, const uint8_t *data, size_t len);
/* How the headers differ from those of its birth: addresses; "". */
const char *tell_headers(struct hs_journeys *js, const struct node *n, const struct hs_packet *now);
/* "UDP 10.0.0.2:5000 → 10.0.0.1:4789" */
const char *tell_outer(struct hs_journeys *js, const struct hs_packet *p);
const char *tell_no_socket(struct hs_journeys *js, const struct node *n);
const char *tell_rcvbuf(struct hs_journeys *js, const struct sock_node *s, uint32_t rmem,
			uint32_t limit);
const char *tell_candidates(struct hs_journeys *js, const struct sock_node *chosen,
			    const struct node *n);
/* It waited for the next hop's link-layer address; ns 0: nobody knows how long. */
const char *tell_wait(struct hs_journeys *js, uint64_t ns);
const char *tell_queue(struct hs_journeys *js, const struct sock_node *s,
		       const struct hs_rec_queue *rec);
const char *tell_nobody(struct hs_journeys *js, const struct hs_packet *error,
			const struct sock_node *s);
/* Why a call failed, and what to do; notes at the call what routing said. */
const char *tell_hint(struct hs_journeys *js, const struct hs_event *e, struct open_call *call);
const char *tell_nothing(struct hs_journeys *js);

#endif
