/* SPDX-License-Identifier: BSD-2-Clause */
/* A TCP connection under way, told step by step. For the stories of helper_tcp.c. */
#ifndef HELPER_CONV_H
#define HELPER_CONV_H

#include "helper_view.h"

enum { FIN = 0x01, SYN = 0x02, RST = 0x04, PSH = 0x08, ACK = 0x10 };
enum { CLIENT, SERVER };
enum { AT_LISTENER = 1, AT_CLIENT, AT_SERVER };

extern const struct hs_task conv_tasks[2];
extern const char *const conv_places[2], *const conv_devs[2];

/* A connection under way. */
struct conv {
	struct view *v;
	struct hs_flow flow;
	uint32_t *last_id; /* of a journey; shared by all connections of a story */
	uint64_t *now;
	uint32_t seq[2]; /* the next of each end */
	uint32_t socket[2];
	bool late; /* what a segment changed is told after its end; a FIN's sender before it */
	struct hs_summary *sum;
};

/* A segment as it is to be told. */
struct seg {
	unsigned int from;
	uint8_t flags;
	uint32_t payload;
	uint32_t cause;			    /* a journey, */
	const char *call;		    /* a call of the sender, */
	const char *timer;		    /* or a timer */
	enum hs_tcp_state sender, receiver; /* what it changed, 0: nothing */
	bool inferred;			    /* the receiver's change */
	uint32_t again, of;		    /* a retransmission */
	uint64_t resent_after;
	bool zero_window, probe;
	const char *rst_reason;
	enum hs_fate_kind fate; /* 0: what is usual */
	const char *reason, *why, *remedy;
	uint32_t queued;	      /* unread bytes at the receiver after it */
	const struct hs_task *reader; /* reads it at once, in a call that is not shown */
};

void conv_begin(struct conv *c, struct view *v, uint32_t id, uint32_t *last_id, uint64_t *now,
		struct hs_summary *sum);
void conv_state(struct conv *c, unsigned int end, enum hs_tcp_state after, struct hs_state s);
void tell_listener(struct view *v, uint32_t queued, uint32_t limit);
/* A segment sets out; `t` is then its own. */
void conv_depart(struct conv *c, const struct seg *s, struct trip *t);
/* It is received at `at`, and its end told. */
void conv_arrive(struct conv *c, const struct seg *s, struct trip *t, uint64_t at);
/* Tells of a segment from its birth to its end; returns its id. */
uint32_t conv_say(struct conv *c, struct seg s);
struct hs_call conv_enter(struct conv *c, unsigned int end, enum hs_call_id id, const char *name);
void conv_leave(struct conv *c, struct hs_call *call, int64_t ret);
/* A call that goes on by itself: sent, read: the journeys (0: none) */
void conv_call(struct conv *c, unsigned int end, enum hs_call_id id, const char *name, int64_t ret,
	       uint32_t sent, uint32_t error_from);
uint32_t conv_write(struct conv *c, unsigned int end, uint32_t n);
void conv_read(struct conv *c, unsigned int end, uint32_t from, uint32_t n, uint32_t left,
	       uint32_t what);
void conv_accept(struct conv *c, uint32_t before);
void tell_listen(struct view *v, uint64_t *now);
/* connect() and the three segments; the accept queue then holds `waiting`. */
void conv_handshake(struct conv *c, uint32_t waiting);
/* One end closes, or is closed; returns the FIN. */
uint32_t conv_close(struct conv *c, unsigned int end, enum hs_tcp_state sender,
		    enum hs_tcp_state receiver, bool inferred);

#endif
