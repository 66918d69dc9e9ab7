// SPDX-License-Identifier: BSD-2-Clause
/* What happens to TCP sockets: states, resets, timers, refused connections. RFC 9293, 3.3.2. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "engine.h"
#include "names.h"

/* icsk_pending, include/net/inet_connection_sock.h */
#define PENDING_LOSS_PROBE 5

struct hs_socket tcp_socket(struct hs_journeys *js, const struct sock_node *s)
{
	const struct flow_node *f = flow_by_serial(js, s->flow);
	const struct hs_rec_tcp *tcp = &s->tcp;
	struct hs_socket socket = s->s;

	if (!tcp->sk)
		return socket;
	socket.has_queues = true;
	socket.rcv_limit = tcp->rcvbuf;
	socket.snd_limit = tcp->sndbuf;
	if (s->s.state == HS_TCP_LISTEN) {
		socket.accept_queued = tcp->backlog;
		socket.accept_limit = tcp->backlog_max;
		return socket;
	}
	socket.rcv_queued = tcp->rcv_nxt - tcp->copied_seq;
	if (socket.rcv_queued && f) /* a FIN takes a number and is no byte */
		socket.rcv_queued -= seq_fin_before(&f->end[!s->end], tcp->rcv_nxt);
	socket.snd_queued = tcp->write_seq - tcp->snd_una;
	if (socket.snd_queued && /* a SYN or a FIN takes a number, too */
	    (s->s.state == HS_TCP_SYN_SENT || s->s.state == HS_TCP_SYN_RECV ||
	     (f && seq_fin_before(&f->end[s->end], tcp->write_seq))))
		socket.snd_queued--;
	socket.rcv_window = tcp->rcv_wnd;
	socket.snd_window = tcp->snd_wnd;
	return socket;
}

static bool socket_changed(const struct hs_socket *a, const struct hs_socket *b)
{
	return a->state != b->state || a->rcv_queued != b->rcv_queued ||
	       a->snd_queued != b->snd_queued || a->accept_queued != b->accept_queued ||
	       a->rcv_limit != b->rcv_limit || a->snd_limit != b->snd_limit ||
	       a->accept_limit != b->accept_limit || a->rcv_window != b->rcv_window ||
	       a->snd_window != b->snd_window;
}

/* Sockets are told of once something of theirs is shown. */
static void socket_tell(struct hs_journeys *js, struct sock_node *s)
{
	struct hs_socket now;

	if (!js->sink->socket || !s->s.id)
		return;
	now = tcp_socket(js, s);
	if (s->told.id && !socket_changed(&now, &s->told))
		return;
	s->told = now;
	SINK(js, socket, &now);
}

/* A child of a listener belongs to the listener's program until somebody accepts it. */
static void child_inherit(struct hs_journeys *js, struct sock_node *child)
{
	struct sock_node *s, *tmp;

	HASH_ITER (hh, js->socks, s, tmp)
		if (s->listening && s->netns == child->netns &&
		    endpoint_takes(&s->s.local, &child->s.local.addr, child->s.local.port)) {
			child->s.followed = s->s.followed;
			child->s.owner = s->s.owner;
			return;
		}
}

/* The socket as the record has it. One that is being unhashed has lost its port already. */
static struct sock_node *socket_update(struct hs_journeys *js, const struct hs_rec_tcp *rec)
{
	struct sock_node *s = rec->sk ? sock_get(js, rec->sk) : NULL;

	if (!s)
		return NULL;
	s->tcp = (struct hs_rec_tcp){ 0 };
	memcpy(&s->tcp, rec, rec->hdr.size < sizeof(*rec) ? rec->hdr.size : sizeof(*rec));
	s->lost_tcp = lost_now(js);
	s->netns = rec->at.netns;
	s->s.netns = names_netns(js->names, rec->at.netns);
	s->s.state = rec->after;
	s->s.protocol = IPPROTO_TCP;
	s->s.type = 1; /* SOCK_STREAM */
	s->s.family = rec->local.family;
	if (rec->local.port) {
		s->s.local = endpoint_of(&rec->local);
		s->s.remote = endpoint_of(&rec->remote);
	}
	s->listening = rec->after == HS_TCP_LISTEN;
	return s;
}

static bool port_is(const struct hs_endpoint *a, const struct hs_endpoint *b)
{
	return a->port == b->port && a->addr.family == b->addr.family;
}

/* The connection of the segment that is received, if one of its ends can be what that socket has to do with. */
static struct flow_node *translated_flow(struct hs_journeys *js, const struct sock_node *s,
					 const struct hs_event *e)
{
	const struct node *n = node_in_softirq(js, e);

	if (!n || n->netns != s->netns ||
	    (!port_is(&n->src, &s->s.remote) && !port_is(&n->dst, &s->s.local)))
		return NULL;
	return flow_by_serial(js, n->flow);
}

/*
 * Its connection, looked up once it has two endpoints. They need not be those of any packet that was seen: the
 * addresses are translated before the socket is looked up (REDIRECT, DNAT to this machine).
 */
static struct flow_node *socket_flow(struct hs_journeys *js, struct sock_node *s,
				     const struct hs_event *e)
{
	struct flow_node *f = flow_by_serial(js, s->flow);
	unsigned int end;

	if (f || !s->s.remote.port || !s->s.local.port)
		return f;
	f = flow_find(js, &s->s.local, &s->s.remote, s->netns, &end);
	if (!f) {
		f = translated_flow(js, s, e);
		if (!f)
			return NULL;
		end = !node_in_softirq(js, e)->j.from;
		flow_add_alias(js, f, end, &s->s.local, &s->s.remote);
	}
	flow_set_socket(js, f, end, s);
	return f;
}

static void state_by_call(struct hs_journeys *js, const struct hs_event *e, struct hs_state *state)
{
	const struct hs_rec_tcp *rec = (const void *)e->rec;
	struct open_call *call = rec->call == HS_CALL_EXIT ? NULL : call_of(js, e->task.tid);

	state->cause_kind = HS_CAUSE_CALL;
	state->by = e->task;
	state->by_call = call_name(call ? call->c.id : rec->call);
}

/* Transitions that only a segment brings about, whoever happens to run. */
static bool change_needs_segment(uint8_t before, uint8_t after)
{
	switch (after) {
	case HS_TCP_ESTABLISHED:
	case HS_TCP_FIN_WAIT2:
	case HS_TCP_CLOSE_WAIT:
	case HS_TCP_CLOSING:
	case HS_TCP_TIME_WAIT:
		return true;
	case HS_TCP_CLOSE:
		return before == HS_TCP_LAST_ACK || before == HS_TCP_CLOSING;
	default:
		return false;
	}
}

/* The timer that gave up on it. */
static const char *state_timer(const struct hs_rec_tcp *rec)
{
	if (rec->before == HS_TCP_FIN_WAIT2)
		return "FIN_WAIT2 timer";
	if (!rec->probes || rec->retransmits)
		return "retransmission timer";
	return rec->write_seq == rec->snd_una ? "keep-alive timer" : "zero-window probe";
}

/*
 * What moved it. A segment that arrived while a program held the socket is processed when the program
 * lets go (release_sock()), in the program's call: the last that arrived is meant.
 */
static struct node *state_find_cause(struct hs_journeys *js, const struct hs_event *e,
				     struct flow_node *f, struct hs_state *state)
{
	struct node *n = node_in_softirq(js, e);

	if (!n && f && !e->softirq) {
		struct node *last = node_by_serial(js, f->end[state->end].received);

		if (change_needs_segment(state->before, state->after) ||
		    (state->after == HS_TCP_CLOSE && node_has_flags(last, TH_RST, 0)) ||
		    (state->after == HS_TCP_CLOSE && state->before == HS_TCP_FIN_WAIT2 &&
		     node_has_flags(last, TH_FIN, 0)))
			n = last;
	}
	if (n) {
		state->cause_kind = HS_CAUSE_JOURNEY;
		state->cause = n->serial;
	} else if (e->softirq) {
		state->cause_kind = HS_CAUSE_TIMER;
		state->timer = state_timer((const void *)e->rec);
	} else {
		state_by_call(js, e, state);
	}
	return n;
}

/* A segment that carried nothing but news for the state machine has done its work. */
static void segment_done(struct hs_journeys *js, struct node *n, uint64_t time)
{
	struct hs_fate fate = no_fate;

	if (!node_is_open(n) || n->j.packet.payload || node_has_flags(n, TH_FIN, 0))
		return;
	fate.kind = HS_FATE_CONSUMED;
	fate.time = time;
	fate.stage = node_stage(n);
	node_set_fate(js, n, fate);
	node_try_settle(js, n);
}

static void state_init(struct hs_journeys *js, struct hs_state *state, const struct sock_node *s,
		       uint64_t time)
{
	(void)js;
	*state = (struct hs_state){
		.time = time,
		.netns = s->s.netns,
		.local = s->s.local,
		.owner = s->s.owner,
		.end = s->end,
		.flow.end = { { .netns = "", .owner.comm = "" },
			      { .netns = "", .owner.comm = "" } },
		.by = { .comm = "" },
		.by_call = "",
		.timer = "",
	};
}

/* Has the kernel's table that minisocket? */
static bool mini_is(const struct hs_rec_sock *mini, const struct hs_flow *flow,
		    const struct hs_state *state, uint32_t netns)
{
	struct hs_endpoint local = endpoint_of(&mini->local), remote = endpoint_of(&mini->remote);

	return mini->state == state->after && mini->netns == netns &&
	       local.port == flow->end[state->end].at.port &&
	       remote.port == flow->end[!state->end].at.port &&
	       !memcmp(&local.addr, &flow->end[state->end].at.addr, sizeof(local.addr)) &&
	       !memcmp(&remote.addr, &flow->end[!state->end].at.addr, sizeof(remote.addr));
}

/*
 * tcp_time_wait() frees the socket and leaves a small one, which no event shows: it stands in TIME_WAIT,
 * or, where close() came before the peer's FIN, in FIN_WAIT2 until that comes.
 */
static bool state_to_minisocket(struct hs_journeys *js, struct flow_node *f, struct hs_state *state,
				const struct node *cause)
{
	if (!f || state->after != HS_TCP_CLOSE || node_has_flags(cause, TH_RST, 0))
		return false;
	if (state->before == HS_TCP_FIN_WAIT2 && state->cause_kind == HS_CAUSE_TIMER)
		return false;
	if ((state->before == HS_TCP_FIN_WAIT2 && node_has_flags(cause, TH_FIN, 0)) ||
	    state->before == HS_TCP_CLOSING)
		state->after = HS_TCP_TIME_WAIT;
	else if (state->before == HS_TCP_FIN_WAIT2)
		state->after = HS_TCP_FIN_WAIT2;
	else
		return false;
	state->minisocket = state->inferred = true;
	state->confirmed = mini_is(&js->mini, &f->f, state, f->end[state->end].netns);
	js->mini.state = 0; /* once */
	f->end[state->end].mini = true;
	return true;
}

static void on_changed(struct hs_journeys *js, const struct hs_event *e)
{
	const struct hs_rec_tcp *rec = (const void *)e->rec;
	struct sock_node *s = sock_find(js, rec->sk);
	struct hs_state state;
	struct flow_node *f;
	struct node *cause;

	/* Just made: what had the address before is gone. */
	if (s && rec->before == HS_TCP_LISTEN && rec->after == HS_TCP_SYN_RECV)
		sock_forget(js, s);
	s = socket_update(js, rec);
	if (!s)
		return;
	if (rec->before == HS_TCP_LISTEN && rec->after == HS_TCP_SYN_RECV)
		child_inherit(js, s);
	if (rec->after == HS_TCP_SYN_SENT)
		s->flow = s->reset = s->err = 0;
	/* listen() and connect() run in their caller, also where nobody is followed. */
	if (!s->s.owner.pid && !e->softirq &&
	    (rec->after == HS_TCP_LISTEN || rec->after == HS_TCP_SYN_SENT))
		s->s.owner = e->task;
	f = socket_flow(js, s, e);
	state_init(js, &state, s, e->time);
	state.before = rec->before;
	state.after = rec->after;
	if (rec->after == HS_TCP_SYN_SENT) {
		/* Before the port is chosen: tcp_v4_connect(). */
		state_by_call(js, e, &state);
		s->opening = state;
		return;
	}
	cause = state_find_cause(js, e, f, &state);
	if (!f) {
		if (s->s.followed &&
		    (rec->after == HS_TCP_LISTEN || rec->before == HS_TCP_LISTEN)) {
			state.socket = sock_id(js, s);
			state.cause = node_id(js, state.cause);
			SINK(js, state, &state);
		}
		socket_tell(js, s);
		return;
	}
	if (rec->after == HS_TCP_CLOSE)
		seq_unread(js, f, s->end);
	if (cause) {
		cause->j.changed_state = true;
		segment_done(js, cause, e->time);
	}
	/* The request was in SYN_RECV when it answered; now it becomes a socket. */
	if (f->f.end[s->end].state == state.after)
		return;
	state_to_minisocket(js, f, &state, cause);
	if (state.before == state.after)
		return;
	if (f->f.id)
		sock_id(js, s);
	flow_tell_state(js, f, &state);
	if (!state.minisocket)
		socket_tell(js, s);
}

/* Between calls a socket is told of only when a window closes or opens. */
static void tell_window(struct hs_journeys *js, struct sock_node *s)
{
	if (s->told.id &&
	    (!s->tcp.snd_wnd != !s->told.snd_window || !s->tcp.rcv_wnd != !s->told.rcv_window))
		socket_tell(js, s);
}

static void on_received(struct hs_journeys *js, const struct hs_event *e)
{
	const struct hs_rec_tcp *rec = (const void *)e->rec;
	struct sock_node *s = socket_update(js, rec);
	struct node *n = node_by_address(js, rec->at.skb);
	struct flow_node *f = s ? socket_flow(js, s, e) : NULL;

	if (!s)
		return;
	tell_window(js, s);
	hold_full(js, s);
	seq_joined(js, s, e->time);
	if (!n)
		return;
	n->taken = true;
	n->by_socket |= s->s.followed;
	node_select(js, n);
	if (n->selected)
		n->j.to_socket = sock_id(js, s);
	if (!f || n->flow != f->serial)
		return;
	/* Nothing shows the end of a bare ACK: it is processed on the spot, tcp_ack(). */
	if (!node_has_flags(n, 0, TH_SYN | TH_RST))
		return;
	segment_done(js, n, e->time);
}

static void on_reset_sent(struct hs_journeys *js, const struct hs_event *e)
{
	const struct hs_rec_tcp *rec = (const void *)e->rec;
	struct node *n = node_by_address(js, rec->at.skb);
	struct sock_node *s = rec->sk ? sock_find(js, rec->sk) : NULL;
	struct flow_node *f = s ? flow_by_serial(js, s->flow) : NULL;
	const char *reason = names_rst_reason(js->names, rec->reason);

	if (rec->at.skb) {
		js->reset[e->cpu % HS_MAX_CPUS] = (struct reset_pending){
			.set = true,
			.serial = n ? n->serial : 0,
			.ctx = e->ctx,
			.tid = e->task.tid,
			.reason = reason,
		};
		return;
	}
	/* Told after it was sent: tcp_send_active_reset(). */
	n = f ? node_by_serial(js, f->end[s->end].reset) : NULL;
	if (n && !*n->j.rst_reason)
		n->j.rst_reason = reason;
}

static void on_retransmitted(struct hs_journeys *js, const struct hs_event *e)
{
	const struct hs_rec_tcp *rec = (const void *)e->rec;
	struct sock_node *s = socket_update(js, rec);

	if (s)
		socket_tell(js, s);
}

void tcp_event(struct hs_journeys *js, const struct hs_event *e)
{
	const struct hs_rec_tcp *rec = (const void *)e->rec;
	struct sock_node *s;

	switch (rec->what) {
	case HS_TCP_SNAPSHOT:
		s = socket_update(js, rec);
		if (s) {
			socket_flow(js, s, e);
			socket_tell(js, s);
		}
		break;
	case HS_TCP_CHANGED:
		on_changed(js, e);
		break;
	case HS_TCP_RECEIVED:
		on_received(js, e);
		break;
	case HS_TCP_RETRANSMITTED:
		on_retransmitted(js, e);
		break;
	case HS_TCP_RESET_SENT:
		on_reset_sent(js, e);
		break;
	case HS_TCP_RESET_RECEIVED:
		s = socket_update(js, rec);
		if (s && socket_flow(js, s, e))
			s->reset = flow_by_serial(js, s->flow)->end[s->end].received;
		break;
	}
}

/* The SYN tells the port that connect() chose, and so which connection it was that began. */
static void born_syn(struct hs_journeys *js, struct flow_node *f, struct node *n, uint64_t sk)
{
	struct sock_node *s = sk ? sock_find(js, sk) : NULL;
	struct hs_state state;

	if (!s || !s->opening.after)
		return;
	state = s->opening;
	s->opening.after = HS_TCP_NONE;
	s->s.local = n->j.packet.src;
	s->s.remote = n->j.packet.dst;
	flow_set_socket(js, f, n->j.from, s);
	state.end = n->j.from;
	state.local = s->s.local;
	state.sent = n->serial;
	n->j.changed_state = true;
	flow_tell_state(js, f, &state);
}

/* A change that no event shows, of an end without a socket. */
static struct hs_state state_of_end(const struct flow_node *f, unsigned int end, uint64_t time)
{
	return (struct hs_state){
		.time = time,
		.end = end,
		.netns = f->f.end[end].netns,
		.local = f->f.end[end].at,
		.owner = f->f.end[end].owner,
		.before = f->f.end[end].state,
		.by = { .comm = "" },
		.by_call = "",
		.timer = "",
		.inferred = true,
		.minisocket = true,
	};
}

/* The listener that a segment to `at` reaches, NULL. */
static struct sock_node *listener_of(struct hs_journeys *js, uint32_t netns,
				     const struct hs_endpoint *at)
{
	struct sock_node *s, *tmp;

	HASH_ITER (hh, js->socks, s, tmp)
		/* A forked program may have closed it: what TCP says of it counts. */
		if (s->listening && (!s->closed || s->tcp.sk) && s->netns == netns &&
		    endpoint_takes(&s->s.local, &at->addr, at->port))
			return s;
	return NULL;
}

/* Nobody told of accept(); but no SYN is answered while the accept queue is full: tcp_conn_request(). */
static void listener_has_room(struct hs_journeys *js, uint32_t netns, const struct hs_endpoint *at)
{
	struct sock_node *s = listener_of(js, netns, at);

	if (s && s->tcp.backlog > s->tcp.backlog_max)
		s->tcp.backlog = s->tcp.backlog_max;
}

/* A listener's answer: the request is in SYN_RECV, and has no socket yet. */
static void born_synack(struct hs_journeys *js, struct flow_node *f, struct node *n, uint32_t netns)
{
	struct hs_state state = state_of_end(f, n->j.from, n->j.born);
	struct node *syn = node_by_serial(js, n->cause);

	if (state.before != HS_TCP_NONE)
		return;
	listener_has_room(js, netns, &n->j.packet.src);
	state.before = HS_TCP_LISTEN;
	state.after = HS_TCP_SYN_RECV;
	state.minisocket = false;
	state.cause_kind = n->cause ? HS_CAUSE_JOURNEY : HS_CAUSE_KERNEL;
	state.cause = n->cause;
	state.sent = n->serial;
	n->j.changed_state = true;
	if (syn)
		syn->j.changed_state = true;
	flow_tell_state(js, f, &state);
}

/* A minisocket that resets its peer is gone: inet_twsk_deschedule_put() in tcp_v4_rcv(). */
static void born_reset_by_mini(struct hs_journeys *js, struct flow_node *f, struct node *n)
{
	struct hs_state state = state_of_end(f, n->j.from, n->j.born);

	f->end[n->j.from].mini = false;
	state.after = HS_TCP_CLOSE;
	state.cause_kind = HS_CAUSE_JOURNEY;
	state.cause = n->cause;
	state.sent = n->serial;
	n->j.changed_state = true;
	flow_tell_state(js, f, &state);
}

static void born_reset(struct hs_journeys *js, struct flow_node *f, struct node *n,
		       const struct hs_event *e)
{
	struct reset_pending *p = &js->reset[e->cpu % HS_MAX_CPUS];
	struct node *cause = n->cause ? node_by_serial(js, n->cause) : NULL;
	enum hs_tcp_state state = f->f.end[n->j.from].state;
	struct sock_node *s;

	f->end[n->j.from].reset = n->serial;
	if (f->end[n->j.from].mini)
		born_reset_by_mini(js, f, n);
	else if (cause && (state == HS_TCP_NONE || state == HS_TCP_CLOSE))
		cause->reset = true;
	if (p->set && p->ctx == e->ctx && (p->ctx || p->tid == e->task.tid))
		n->j.rst_reason = p->reason;
	p->set = false;
	s = f->end[n->j.from].sk ? sock_find(js, f->end[n->j.from].sk) : NULL;
	if (n->j.cause_kind == HS_CAUSE_CALL && !*n->j.cause_text && s && s->flow == f->serial &&
	    tcp_socket(js, s).rcv_queued)
		n->j.cause_text = names_internf(js->names, "closed with %u B unread",
						tcp_socket(js, s).rcv_queued);
}

void tcp_born(struct hs_journeys *js, struct node *n, const struct hs_event *e)
{
	const struct hs_rec_birth *birth = (const void *)e->rec;
	struct flow_node *f = flow_by_serial(js, n->flow);

	if (!f)
		return;
	/* States refer to it by its id. */
	node_select(js, n);
	if (n->duplicate)
		return;
	if (n->j.cause_kind == HS_CAUSE_KERNEL && e->softirq) {
		n->j.timer = tcp_timer(js, n, birth->pending);
		if (*n->j.timer)
			n->j.cause_kind = HS_CAUSE_TIMER;
	}
	hold_sent(js, &f->end[n->j.from], n);
	/* The change came just before: tcp_close_state(). */
	if (node_has_flags(n, TH_FIN, TH_RST) && !n->j.retransmission &&
	    (f->f.end[n->j.from].state == HS_TCP_FIN_WAIT1 ||
	     f->f.end[n->j.from].state == HS_TCP_LAST_ACK))
		n->j.changed_state = true;
	if (node_has_flags(n, TH_SYN, TH_ACK))
		born_syn(js, f, n, birth->sk);
	else if (node_has_flags(n, TH_SYN | TH_ACK, 0))
		born_synack(js, f, n, birth->at.netns);
	else if (node_has_flags(n, TH_RST, 0))
		born_reset(js, f, n, e);
}

const char *tcp_timer(const struct hs_journeys *js, const struct node *n, uint16_t pending)
{
	(void)js;
	if (n->j.retransmission)
		return pending == PENDING_LOSS_PROBE ? "tail loss probe" : "retransmission timer";
	if (n->j.window_probe)
		return "zero-window probe";
	if (n->keepalive)
		return "keep-alive timer";
	if (n->j.packet.payload || node_has_flags(n, TH_SYN, 0) || node_has_flags(n, TH_FIN, 0) ||
	    node_has_flags(n, TH_RST, 0))
		return "";
	return "delayed ACK timer";
}

void tcp_arrived(struct hs_journeys *js, struct node *n, const struct hs_event *e)
{
	const struct hs_where *at = &((const struct hs_rec_stage *)e->rec)->at;
	struct flow_node *f = flow_by_serial(js, n->flow);
	struct flow_end *end;
	struct hs_state state;

	if (!f)
		return;
	f->last = e->time;
	end = &f->end[!n->j.from];
	if (end->netns && !end->guessed && end->netns != at->netns)
		return; /* on the way */
	end->received = n->serial;
	seq_arrived(js, f, n);
	n->by_socket |= f->followed;
	if (!end->mini)
		return;
	state = state_of_end(f, !n->j.from, e->time);
	if (node_has_flags(n, TH_RST, 0)) /* tcp_timewait_state_process() */
		state.after = HS_TCP_CLOSE;
	else if (node_has_flags(n, TH_FIN, 0) && state.before == HS_TCP_FIN_WAIT2)
		state.after = HS_TCP_TIME_WAIT;
	else
		return;
	end->mini = state.after != HS_TCP_CLOSE;
	state.cause_kind = HS_CAUSE_JOURNEY;
	state.cause = n->serial;
	n->j.changed_state = true;
	flow_tell_state(js, f, &state);
}

struct sock_node *tcp_receiver(struct hs_journeys *js, const struct node *n)
{
	const struct flow_node *f = flow_by_serial(js, n->flow);
	struct sock_node *s = f ? sock_find(js, f->end[!n->j.from].sk) : NULL;

	return s && s->flow == n->flow && s->netns == n->netns ? s : NULL;
}

/* Requests to where that SYN went whose handshake was begun and not finished. */
static unsigned int half_open(struct hs_journeys *js, const struct node *n)
{
	const struct hs_endpoint *to = &n->j.packet.dst;
	const struct flow_node *f;
	unsigned int count = 0;

	DL_FOREACH (js->flow_list, f)
		for (int i = 0; i < 2; i++)
			count += f->end[i].netns == n->netns &&
				 f->f.end[i].state == HS_TCP_SYN_RECV &&
				 f->f.end[i].at.port == to->port &&
				 !memcmp(&f->f.end[i].at.addr, &to->addr, sizeof(to->addr));
	return count;
}

uint64_t tcp_doubt(struct hs_journeys *js, const struct node *n)
{
	const struct flow_node *f = flow_by_serial(js, n->flow);
	const struct sock_node *s;
	uint64_t known;

	if (!f || !js->lost.total || n->j.packet.payload || !n->j.has_rel || n->j.rel_seq != 1 ||
	    n->j.rel_ack != 1 || !node_has_flags(n, TH_ACK, TH_SYN | TH_RST | TH_FIN))
		return 0;
	s = listener_of(js, n->netns, &n->j.packet.dst);
	known = f->f.opened ? f->lost_before : 0;
	if (s && s->tcp.sk && s->lost_tcp < known)
		known = s->lost_tcp;
	return js->lost.total - known;
}

const char *tcp_refused(struct hs_journeys *js, const struct node *n)
{
	const struct flow_node *f = flow_by_serial(js, n->flow);
	bool syn = node_has_flags(n, TH_SYN, TH_ACK | TH_RST) && !n->n_children;
	/* The last of the handshake, and the request has not become a socket: tcp_check_req(). */
	bool ack = f && node_has_flags(n, TH_ACK, TH_SYN | TH_RST) &&
		   f->f.end[!n->j.from].state == HS_TCP_SYN_RECV;
	struct sock_node *s;
	unsigned int half;
	bool full;

	/* Its answer, or the socket that it made, may have been missed. */
	if ((!syn && !ack) || js->lost.total > n->lost_before)
		return NULL;
	s = listener_of(js, n->netns, &n->j.packet.dst);
	if (!s)
		return NULL;
	full = s->tcp.sk && s->tcp.backlog > s->tcp.backlog_max;
	if (ack && !full)
		return NULL;
	if (full)
		return names_internf(js->names, "the accept queue of %s on %s is full: %u of %u",
				     tell_task(js, &s->s.owner), tell_endpoint(js, &s->s.local),
				     s->tcp.backlog, s->tcp.backlog_max + 1);
	half = half_open(js, n);
	if (half)
		return names_internf(
			js->names,
			"%s on %s does not answer: its SYN queue is full, with %u half-open connection%s",
			tell_task(js, &s->s.owner), tell_endpoint(js, &s->s.local), half,
			half == 1 ? "" : "s");
	return names_internf(js->names, "%s on %s does not answer: its queue is full",
			     tell_task(js, &s->s.owner), tell_endpoint(js, &s->s.local));
}

void tcp_signal(struct hs_journeys *js, const struct hs_event *e)
{
	const struct hs_rec_signal *rec = (const void *)e->rec;
	struct open_call *call = call_of(js, rec->tid);
	struct sock_node *s = call && call->sk ? sock_find(js, call->sk) : NULL;
	struct hs_signal signal = {
		.time = e->time,
		.task = names_task(js->names, rec->pid, rec->tid),
		.number = rec->number,
		.fatal = !rec->caught,
		.by_call = "",
		.fd = -1,
	};

	if (call && rec->number == 13 /* SIGPIPE */) {
		signal.by_call = call->c.name;
		signal.fd = call->c.fd;
		call->c.signal = rec->number;
		signal.socket = s ? sock_id(js, s) : 0;
		signal.cause = s ? node_id(js, s->reset) : 0;
	}
	SINK(js, signal, &signal);
}
