/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the journey engine share. Not for others.
 *   journey.c  what each event means        node.c    a journey's life
 *   hop.c      its hops                     cause.c   what provoked it
 *   fate.c     what became of it            socket.c  sockets, queues, reads
 *   call.c     system calls                 tell.c    sentences
 */
#ifndef HS_ENGINE_H
#define HS_ENGINE_H

#include <uthash.h>
#include <utlist.h>

#include "journey.h"

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
	uint64_t lost_before; /* lost_total at its birth */
	uint64_t address; /* of the skb that stands for it now, the key of by_address; 0: none any
			     more */
	uint32_t born_tid;
	uint64_t sk; /* its sender, 0; the same socket only if sock_serial is its serial */
	uint32_t sock_serial;
	const char **stack; /* of the last hop, to cut what the next one shares with it */
	size_t n_stack;
	bool selected, settled, folded;
	bool by_socket, by_netns, by_dev, by_filter; /* which selections it satisfies */
	bool waited;				     /* for the next hop's link-layer address */
	bool freed;				     /* its memory was given back */
	bool answered;				     /* an ICMP error was sent because of it */
	bool want_counter; /* no ICMP error: the limits' counters will say why */
	UT_hash_handle hh, by_address;
	struct node *prev, *next;
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
	uint64_t lost_pushed, lost_read; /* lost_total when it was compared the last time */
	struct hs_read early[EARLY_MAX]; /* reads that came before their queueing was told */
	size_t n_early;
	/* what a call got that was entered before tracing began: read, error_from are serials */
	struct {
		uint32_t tid, read, error_from;
	} got;
	struct hs_call last_send; /* of a followed process; name NULL: none yet */
	int err;		  /* pending error and the journey that brought it */
	uint32_t err_from;
	UT_hash_handle hh;
};

/* A call that has been entered and not left. */
struct open_call {
	uint32_t tid;
	struct hs_call c;
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

struct icmp_pending {
	uint32_t serial; /* 0: none */
	uint32_t ctx, tid;
	uint64_t time;
	const char *function;
};

/* Packets that FILTER alone kept away, by destination port. */
struct missed {
	uint16_t port;
	uint64_t n; /* 0: an unused place */
};

#define MISSED_MAX 16 /* ports that are told apart */

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
	struct limits *limits;
	struct processing now[HS_MAX_CPUS];
	struct icmp_pending icmp[HS_MAX_CPUS];
	struct missed missed[MISSED_MAX];
	struct hs_summary sum;
	uint64_t misses_seen, gaps, reserve; /* lost: missing numbers, and by the counters */
	uint64_t lost_total;		     /* records that any journey alive may miss */
	uint64_t ticked, loss_told;	     /* times */
	int error;			     /* -ENOMEM */
};

#define SINK(js, callback, ...)                                             \
	do {                                                                \
		if ((js)->sink->callback)                                   \
			(js)->sink->callback((js)->sink->ctx, __VA_ARGS__); \
	} while (0)

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
/* The last hop that is a place on the path, not an end; the same, timed by a probe. */
enum hs_stage node_stage(const struct node *n);
enum hs_stage node_timed_stage(const struct node *n);
/* Nothing says yet what became of it; silence alone may have led to "unknown". */
bool node_is_open(const struct node *n);
void node_note_loss(const struct hs_journeys *js, struct node *n);
void node_settle(struct hs_journeys *js, struct node *n);
void node_try_settle(struct hs_journeys *js, struct node *n);

/* hop.c */
/* Does a device of that kind hand its packets to this machine itself? */
bool kind_is_inside(const char *kind);
/* A hop of `stage`; one without place or device (a free) stays where the packet was. */
void node_hop(struct hs_journeys *js, struct node *n, const struct hs_event *e, enum hs_stage stage,
	      const char *text, const char *function, uint64_t address);
struct hs_hop *node_last_hop(const struct node *n);

/* cause.c */
/* The packet that this softirq receives, NULL none. */
struct node *node_in_softirq(struct hs_journeys *js, const struct hs_event *e);
/* Is `n` handled while another packet is being received? */
bool node_is_guest(struct hs_journeys *js, const struct node *n, const struct hs_event *e);
/* Of a packet just born, by the event of its birth. */
void node_find_cause(struct hs_journeys *js, const struct hs_event *e, struct node *n);

/* fate.c */
void fate_freed(struct hs_journeys *js, const struct hs_event *e);
void fate_counter(struct hs_journeys *js, const struct hs_event *e);
/* What silence means, by the last thing that was seen. */
void fate_conclude(struct hs_journeys *js, struct node *n, uint64_t now);

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
bool sock_followed_wants(struct hs_journeys *js, const struct hs_packet *p, uint32_t netns);

/* call.c */
const char *call_name(enum hs_call_id id);
void call_event(struct hs_journeys *js, const struct hs_event *e);
struct open_call *call_of(struct hs_journeys *js, uint32_t tid);
void call_free(struct hs_journeys *js, struct open_call *call);

/* tell.c: sentences for people; interned */
const char *tell_endpoint(struct hs_journeys *js, const struct hs_endpoint *ep);
const char *tell_task(struct hs_journeys *js, const struct hs_task *task);
const char *tell_icmp(struct hs_journeys *js, const struct hs_packet *p);
const char *tell_no_socket(struct hs_journeys *js, const struct node *n);
const char *tell_rcvbuf(struct hs_journeys *js, const struct sock_node *s, uint32_t rmem,
			uint32_t limit);
const char *tell_queue(struct hs_journeys *js, const struct sock_node *s,
		       const struct hs_rec_queue *rec);
const char *tell_nobody(struct hs_journeys *js, const struct hs_packet *error,
			const struct sock_node *s);
const char *tell_hint(struct hs_journeys *js, const struct hs_rec_call *rec,
		      const struct open_call *call);
const char *tell_nothing(struct hs_journeys *js);

#endif
