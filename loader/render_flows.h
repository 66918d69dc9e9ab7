/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a text view remembers of TCP: the connections, the sockets' queues, who is inside a call,
 * and state changes that wait for the line of what moved them. For the renderers only.
 */
#ifndef HS_RENDER_FLOWS_H
#define HS_RENDER_FLOWS_H

#include <uthash.h>

#include "render_parts.h"

/* A connection; views put it first in a struct of their own. */
struct flow_view {
	struct hs_flow f;
	bool headed;	   /* its header line was printed */
	bool no_window[2]; /* what each end said last: it takes nothing */
	uint64_t last;	   /* time of the last thing that was told of it */
	UT_hash_handle hh;
	struct flow_view *prev, *next; /* in order of `last` */
};

struct flow_socket {
	uint32_t id, flow;
	const char *netns;
	uint16_t port;
	bool has_queues, listens;
	uint32_t rcv_queued, accept_queued, accept_limit;
	UT_hash_handle hh;
};

struct flow_change {
	struct hs_state s;
	uint32_t with;	 /* the segment that it waits for, 0: its call */
	bool has_accept; /* it filled the listener's queue, */
	uint32_t accept; /* in which there are so many then */
	struct flow_change *prev, *next;
};

struct flow_caller {
	uint32_t tid;
	UT_hash_handle hh;
};

struct flows {
	struct flow_view *by_id, *by_time;
	struct flow_socket *sockets;
	struct flow_change *changes; /* that wait, in order */
	struct flow_caller *callers; /* threads inside a call */
	size_t view_size;
	void (*view_free)(struct flow_view *fv);
	bool failed; /* out of memory */
};

/* `view_free` frees what a view added, not the struct; may be NULL. */
void flows_init(struct flows *fs, size_t view_size, void (*view_free)(struct flow_view *fv));
void flows_free(struct flows *fs);

/* NULL for an id that was never told of, 0 among them. */
struct flow_view *flows_get(struct flows *fs, uint32_t id);
void flows_learn(struct flows *fs, const struct hs_flow *f);
void flows_learn_socket(struct flows *fs, const struct hs_socket *s);
/* The listener that took the connection, NULL. */
const struct flow_socket *flows_listener(const struct flows *fs, const struct hs_flow *f);
const struct flow_socket *flows_socket(const struct flows *fs, uint32_t id);
/* Something was told of it at that time. */
void flows_touch(struct flows *fs, struct flow_view *fv, uint64_t time);
/* Forgets connections that are long over. */
void flows_forget(struct flows *fs, uint64_t now);

void flows_enter(struct flows *fs, const struct hs_call *call);
void flows_leave(struct flows *fs, const struct hs_call *call);
bool flows_is_inside(const struct flows *fs, const struct hs_task *task);

/*
 * Keeps a change until the line of what moved it; false when that line was there already (its id
 * is in `told`) or will not be.
 */
bool flows_keep(struct flows *fs, const struct hs_state *s, const struct id_set *told);
/*
 * The first kept change that went with that journey, with that call, or that is older than
 * `before`; NULL none. The caller frees it.
 */
struct flow_change *flows_take_of_journey(struct flows *fs, const struct hs_journey *j);
struct flow_change *flows_take_of_call(struct flows *fs, const struct hs_call *call);
struct flow_change *flows_take_older(struct flows *fs, uint64_t before);
bool flows_has_of_journey(const struct flows *fs, const struct hs_journey *j);

/* Does it look like one? Not between the two kinds of SYN_RECV. */
bool flows_is_change(const struct hs_state *s);
/* A window that was closed opens with this one; to be asked once for every segment, in order. */
bool flows_opens_window(struct flow_view *fv, const struct hs_journey *j);
/* Nothing about it is worth a line of its own. */
bool flows_is_uneventful(const struct hs_journey *j);
bool flows_call_is_uneventful(const struct hs_call *call);

/* Words. Each adds to `t` without a newline; `f` may be NULL where it is a pointer. */

/* ~1 */
void flows_id(struct text *t, uint32_t id);
/* ~1, or the listener's @1 */
void flows_whose(struct text *t, const struct hs_state *s);
/* "client", "server"; of a flow whose start was not seen, who it is */
void flows_end(struct text *t, const struct hs_flow *f, unsigned int end);
/* "simple_nc[812]"; where it is when nobody is known; "?" */
void flows_who(struct text *t, const struct hs_flow_end *e);
/* "→", "←"; plain: "client to server" */
void flows_direction(struct text *t, const struct hs_flow *f, unsigned int from);
/* "TCP 10.0.0.2:40112 → 10.0.0.1:8080  simple_nc[812] ⇄ byte_sink[801]" */
void flows_header(struct text *t, const struct hs_flow *f);
/* text_packet(), of a segment with what its flow tells of it */
void flows_packet(struct text *t, const struct hs_journey *j, bool about);
/* The segment, what is special about it, and what caused it: "ACK 13 window 0 ◀ #4" */
void flows_segment(struct text *t, const struct hs_journey *j, enum text_segment how, bool opens);
/* "retransmission 2 of #9 (timer) after 204.1 ms" */
void flows_retransmission(struct text *t, const struct hs_journey *j);
/* "ESTABLISHED", in parentheses when nothing shows it */
void flows_state(struct text *t, enum hs_tcp_state state, bool inferred);
/* "client ESTABLISHED"; after `before` of the same end only "ESTABLISHED" */
void flows_new_state(struct text *t, const struct hs_state *s, const struct hs_state *before);
/*
 * "client CLOSE → SYN_SENT by connect()", of a listener without who it is; `here`: the journey it
 * is told with, 0
 */
void flows_change(struct text *t, const struct hs_state *s, uint32_t here);
/* ", LISTEN": what a call changed without a segment; takes these changes */
void flows_call_changes(struct flows *fs, struct text *t, const struct hs_call *call);
/* `who`: "simple_nc[812] killed by SIGPIPE in write(3) ◀ #9" */
void flows_signal(struct text *t, const struct hs_signal *s, bool who);

#endif
