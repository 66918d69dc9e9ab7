// SPDX-License-Identifier: BSD-2-Clause
#include "helper_tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

enum { FIN = 0x01, SYN = 0x02, RST = 0x04, PSH = 0x08, ACK = 0x10 };
enum { CLIENT, SERVER };
enum { AT_LISTENER = 1, AT_CLIENT, AT_SERVER };

static const struct hs_task tasks[2] = { { 812, 812, "simple_nc" }, { 801, 801, "byte_sink" } };
static const char *const places[2] = { "ns_client", "ns_server" };
static const char *const devs[2] = { "veth_c", "veth_s" };

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
	uint32_t queued; /* unread bytes at the receiver after it */
};

static void conv_begin(struct conv *c, struct view *v, uint32_t id, uint32_t *last_id,
		       uint64_t *now, struct hs_summary *sum)
{
	*c = (struct conv){ .v = v,
			    .last_id = last_id,
			    .now = now,
			    .sum = sum,
			    .socket = { AT_CLIENT + 2 * (id - 1), AT_SERVER + 2 * (id - 1) } };
	c->flow = (struct hs_flow){ .id = id, .opened = true, .born = *now };
	c->flow.end[0] = (struct hs_flow_end){ .at = ep("10.0.0.2", (uint16_t)(40111 + id)),
					       .netns = places[0],
					       .socket = c->socket[0],
					       .owner = tasks[0],
					       .state = HS_TCP_CLOSE };
	c->flow.end[1] = (struct hs_flow_end){ .at = ep("10.0.0.1", 8080),
					       .netns = places[1],
					       .owner = tasks[1],
					       .state = HS_TCP_LISTEN };
	TELL(v, flow, &c->flow);
	sum->flows++;
}

static void conv_state(struct conv *c, unsigned int end, enum hs_tcp_state after, struct hs_state s)
{
	s.time = s.time ? s.time : *c->now;
	s.end = end;
	s.before = c->flow.end[end].state;
	s.after = after;
	c->flow.end[end].state = after;
	s.flow = c->flow;
	s.socket = c->flow.end[end].socket;
	s.netns = places[end];
	s.local = c->flow.end[end].at;
	s.owner = c->flow.end[end].owner;
	if (!s.by_call)
		s.by_call = "";
	if (!s.timer)
		s.timer = "";
	TELL(c->v, state, &s);
}

static void conv_socket(struct conv *c, unsigned int end, uint32_t queued)
{
	struct hs_socket s = { .id = c->socket[end],
			       .netns = places[end],
			       .family = AF_INET,
			       .type = SOCK_STREAM,
			       .protocol = IPPROTO_TCP,
			       .local = c->flow.end[end].at,
			       .remote = c->flow.end[!end].at,
			       .owner = c->flow.end[end].owner,
			       .followed = true,
			       .state = c->flow.end[end].state,
			       .flow = c->flow.id,
			       .has_queues = true,
			       .rcv_queued = queued,
			       .rcv_limit = 131072,
			       .snd_limit = 87040,
			       .rcv_window = 65535,
			       .snd_window = 65535 };

	TELL(c->v, socket, &s);
}

static void tell_listener(struct view *v, uint32_t queued, uint32_t limit)
{
	struct hs_socket s = { .id = AT_LISTENER,
			       .netns = places[SERVER],
			       .family = AF_INET,
			       .type = SOCK_STREAM,
			       .protocol = IPPROTO_TCP,
			       .local = ep("0.0.0.0", 8080),
			       .owner = tasks[SERVER],
			       .followed = true,
			       .state = HS_TCP_LISTEN,
			       .has_queues = true,
			       .accept_queued = queued,
			       .accept_limit = limit };

	TELL(v, socket, &s);
}

static void trip_segment(struct conv *c, struct trip *t, const struct seg *s)
{
	bool ack = s->flags & ACK;
	struct hs_packet p = { .ethertype = 0x0800,
			       .version = 4,
			       .proto = IPPROTO_TCP,
			       .ttl = 64,
			       .has_ports = true,
			       .src = c->flow.end[s->from].at,
			       .dst = c->flow.end[!s->from].at,
			       .length = s->payload + 52,
			       .payload = s->payload,
			       .tcp_flags = s->flags,
			       .tcp_window = s->zero_window ? 0 : 502 };

	trip_init(t, ++*c->last_id, p, *c->now);
	t->j.flow = c->flow.id;
	t->j.from = s->from;
	t->j.has_rel = true;
	t->j.rel_seq = c->seq[s->from];
	t->j.rel_ack = ack ? c->seq[!s->from] : 0;
	t->j.packet.tcp_seq = 1000000 + t->j.rel_seq;
	t->j.packet.tcp_ack = ack ? 2000000 + t->j.rel_ack : 0;
	t->j.socket = c->flow.end[s->from].socket;
	t->j.timer = s->timer ? s->timer : "";
	t->j.rst_reason = s->rst_reason ? s->rst_reason : "";
	t->j.retransmission = s->again;
	t->j.retransmission_of = s->of;
	t->j.resent_after = s->resent_after;
	t->j.zero_window = s->zero_window;
	t->j.window_probe = s->probe;
	t->j.changed_state = s->sender || s->receiver;
	if (s->call) {
		t->j.cause_kind = HS_CAUSE_CALL;
		t->j.by = c->flow.end[s->from].owner;
		t->j.by_call = s->call;
		t->j.by_fd = s->from == CLIENT ? 3 : 4;
	} else if (s->cause) {
		t->j.cause_kind = HS_CAUSE_JOURNEY;
		t->j.cause = s->cause;
	} else {
		t->j.cause_kind = HS_CAUSE_TIMER;
	}
	if (!s->again && !s->probe)
		c->seq[s->from] += s->payload + !!(s->flags & (SYN | FIN));
	else
		t->j.rel_seq = s->probe ? c->seq[s->from] - 1 : c->seq[s->from] - s->payload;
	if (s->again && s->flags & SYN)
		t->j.rel_seq = 0;
}

static void seg_count(struct conv *c, const struct trip *t)
{
	struct hs_summary *sum = c->sum;

	sum->packets++;
	sum->shown++;
	sum->queued += t->j.fate.kind == HS_FATE_QUEUED;
	sum->read += t->j.fate.kind == HS_FATE_QUEUED;
	sum->consumed += t->j.fate.kind == HS_FATE_CONSUMED;
	sum->dropped += t->j.fate.kind == HS_FATE_DROPPED;
	sum->refused += t->j.fate.kind == HS_FATE_REFUSED;
	sum->retransmissions += !!t->j.retransmission;
	sum->resets += !!(t->j.packet.tcp_flags & RST);
}

static void trip_end(struct conv *c, struct trip *t, const struct seg *s, uint64_t at)
{
	enum hs_fate_kind kind = s->fate;
	unsigned int to = !s->from;

	if (!kind)
		kind = s->payload ? HS_FATE_QUEUED : HS_FATE_CONSUMED;
	if (kind == HS_FATE_QUEUED)
		trip_queued(t, at, c->socket[to], places[to], devs[to]);
	else
		trip_fate(t, kind, at, places[to], devs[to]);
	if (kind == HS_FATE_DROPPED)
		trip_last(t, HS_STAGE_DROP, at, places[to], devs[to])->function = "tcp_v4_rcv";
	t->j.to_socket = c->flow.end[to].socket;
	t->j.fate.inferred = kind == HS_FATE_CONSUMED;
	t->j.fate.reason = s->reason ? s->reason : "";
	t->j.fate.function = kind == HS_FATE_DROPPED ? "tcp_v4_rcv" : "";
	t->j.fate.why = s->why ? s->why : "";
	t->j.fate.remedy = s->remedy ? s->remedy : "";
}

/* A segment sets out; `t` is then its own. */
static void depart(struct conv *c, const struct seg *s, struct trip *t)
{
	uint64_t born = *c->now;

	trip_segment(c, t, s);
	trip_hop(t, HS_STAGE_DEV_QUEUE, born, places[s->from], devs[s->from]);
	trip_hop(t, HS_STAGE_DEV_XMIT, born + 500, places[s->from], devs[s->from]);
	tell_hops(c->v, t, 0, 2);
	if (s->sender)
		conv_state(c, s->from, s->sender,
			   (struct hs_state){ .time = born,
					      .sent = c->late && s->flags & FIN ? 0 : t->j.id,
					      .cause_kind = t->j.cause_kind,
					      .cause = s->cause,
					      .by = t->j.by,
					      .by_call = t->j.by_call,
					      .timer = t->j.timer });
}

static void change_receiver(struct conv *c, const struct seg *s, const struct trip *t, uint64_t at)
{
	if (s->receiver)
		conv_state(c, !s->from, s->receiver,
			   (struct hs_state){ .time = at + 500,
					      .cause_kind = HS_CAUSE_JOURNEY,
					      .cause = t->j.id,
					      .inferred = s->inferred,
					      .minisocket = s->inferred });
}

/* It is received at `at`, and its end told. */
static void arrive(struct conv *c, const struct seg *s, struct trip *t, uint64_t at)
{
	unsigned int to = !s->from;

	trip_hop(t, HS_STAGE_BACKLOG, at - US, places[to], devs[to]);
	trip_last(t, HS_STAGE_RECEIVE, at, places[to], devs[to]);
	tell_hops(c->v, t, 2, t->j.n_hops);
	if (!c->late)
		change_receiver(c, s, t, at);
	if (s->queued)
		conv_socket(c, to, s->queued);
	trip_end(c, t, s, at + US);
	tell_hops(c->v, t, 4, t->j.n_hops);
	TELL(c->v, fate, &t->j);
	TELL(c->v, settled, &t->j);
	if (c->late)
		change_receiver(c, s, t, at);
	seg_count(c, t);
	if (*c->now < at + 2 * US)
		*c->now = at + 2 * US;
}

/* Tells of a segment from its birth to its end; returns its id. */
static uint32_t say(struct conv *c, struct seg s)
{
	uint64_t at = *c->now + 3 * US;
	struct trip t;

	depart(c, &s, &t);
	arrive(c, &s, &t, at);
	return t.j.id;
}

static struct hs_call enter(struct conv *c, unsigned int end, enum hs_call_id id, const char *name)
{
	struct hs_call call = made_call(tasks[end], id, name, end == CLIENT ? 3 : 4, 0, *c->now);

	call.left = 0;
	call.type = SOCK_STREAM;
	call.protocol = IPPROTO_TCP;
	call.flow = c->flow.id;
	call.socket = c->socket[end];
	call.local = c->flow.end[end].at;
	call.remote = c->flow.end[!end].at;
	TELL(c->v, call_enter, &call);
	*c->now += US;
	return call;
}

static void leave(struct conv *c, struct hs_call *call, int64_t ret)
{
	*c->now += US;
	call->left = *c->now;
	call->ret = ret;
	TELL(c->v, call, call);
	*c->now += US;
}

/* A call that goes on by itself: sent, read: the journeys (0: none) */
static void conv_call(struct conv *c, unsigned int end, enum hs_call_id id, const char *name,
		      int64_t ret, uint32_t sent, uint32_t error_from)
{
	struct hs_call call = enter(c, end, id, name);

	call.journeys = &sent;
	call.n_journeys = !!sent;
	call.error_from = error_from;
	leave(c, &call, ret);
}

static uint32_t conv_write(struct conv *c, unsigned int end, uint32_t n)
{
	struct hs_call call = enter(c, end, HS_CALL_WRITE, "write");
	uint32_t id, from = c->seq[end];

	id = say(c, (struct seg){ .from = end,
				  .flags = PSH | ACK,
				  .payload = n,
				  .call = "write",
				  .queued = n });
	say(c, (struct seg){ .from = !end, .flags = ACK, .cause = id });
	call.len = n;
	call.journeys = &id;
	call.n_journeys = 1;
	call.has_range = true;
	call.rel_from = from;
	call.rel_to = from + n;
	call.has_queues = true;
	leave(c, &call, n);
	return id;
}

static void conv_read(struct conv *c, unsigned int end, uint32_t from, uint32_t n, uint32_t left,
		      uint32_t what)
{
	struct hs_call call = enter(c, end, HS_CALL_RECVFROM, "recvfrom");

	call.len = 5;
	call.read = what;
	call.reads = &what;
	call.n_reads = 1;
	call.has_range = n > 0;
	call.rel_from = from;
	call.rel_to = from + n;
	call.has_queues = true;
	call.rcv_queued = left;
	call.waited = 12 * MS;
	if (n)
		conv_socket(c, end, left);
	leave(c, &call, n);
}

static void conv_accept(struct conv *c, uint32_t before)
{
	struct hs_call call = enter(c, SERVER, HS_CALL_ACCEPT, "accept");

	c->flow.end[SERVER].socket = c->socket[SERVER];
	c->flow.end[SERVER].owner = tasks[SERVER];
	call.fd = 3;
	call.socket = c->socket[SERVER];
	call.given = c->flow.end[CLIENT].at;
	call.has_queues = true;
	call.accept_before = before;
	call.accept_queued = before - 1;
	tell_listener(c->v, before - 1, 1);
	leave(c, &call, 4);
}

static void tell_listen(struct view *v, uint64_t *now)
{
	struct hs_state s = { .socket = AT_LISTENER,
			      .netns = places[SERVER],
			      .local = ep("0.0.0.0", 8080),
			      .owner = tasks[SERVER],
			      .before = HS_TCP_CLOSE,
			      .after = HS_TCP_LISTEN,
			      .cause_kind = HS_CAUSE_CALL,
			      .by = tasks[SERVER],
			      .by_call = "listen",
			      .timer = "" };
	struct hs_call call = made_call(tasks[SERVER], HS_CALL_SOCKET, "socket", -1, 3, *now);

	call.type = SOCK_STREAM;
	call.protocol = IPPROTO_TCP;
	call.socket = AT_LISTENER;
	TELL(v, call, &call);
	call = made_call(tasks[SERVER], HS_CALL_LISTEN, "listen", 3, 0, *now += 10 * US);
	call.type = SOCK_STREAM;
	call.flags = 1;
	call.socket = AT_LISTENER;
	TELL(v, call_enter, &call);
	s.time = *now;
	TELL(v, state, &s);
	tell_listener(v, 0, 1);
	TELL(v, call, &call);
	*now += 100 * US;
}

/* connect() and the three segments; the accept queue then holds `waiting`. */
static void conv_handshake(struct conv *c, uint32_t waiting)
{
	struct hs_call call = enter(c, CLIENT, HS_CALL_CONNECT, "connect");
	uint32_t syn, synack;

	syn = say(c, (struct seg){ .flags = SYN,
				   .call = "connect",
				   .sender = HS_TCP_SYN_SENT,
				   .receiver = HS_TCP_NEW_SYN_RECV,
				   .inferred = true });
	synack = say(c, (struct seg){ .from = SERVER,
				      .flags = SYN | ACK,
				      .cause = syn,
				      .receiver = HS_TCP_ESTABLISHED });
	/* the kernel's own steps, when the last ACK is there */
	c->flow.end[SERVER].socket = c->socket[SERVER];
	tell_listener(c->v, waiting, 1);
	say(c, (struct seg){ .flags = ACK, .cause = synack, .receiver = HS_TCP_ESTABLISHED });
	call.given = c->flow.end[SERVER].at;
	call.journeys = &syn;
	call.n_journeys = 1;
	leave(c, &call, 0);
}

/* One end closes, or is closed; returns the FIN. */
static uint32_t conv_close(struct conv *c, unsigned int end, enum hs_tcp_state sender,
			   enum hs_tcp_state receiver, bool inferred)
{
	struct hs_call call = enter(c, end, HS_CALL_CLOSE, "close");
	uint32_t fin = say(c, (struct seg){ .from = end,
					    .flags = FIN | ACK,
					    .call = "close",
					    .sender = sender,
					    .receiver = receiver,
					    .inferred = inferred });
	enum hs_tcp_state acked = sender == HS_TCP_LAST_ACK ? HS_TCP_CLOSE : HS_TCP_FIN_WAIT2;

	say(c, (struct seg){ .from = !end, .flags = ACK, .cause = fin, .receiver = acked });
	call.journeys = &fin;
	call.n_journeys = 1;
	leave(c, &call, 0);
	return fin;
}

static void story_end(struct view *v, struct hs_summary *sum, uint32_t events)
{
	sum->events = events;
	sum->nothing = "";
	TELL(v, summary, sum);
}

static void orderly(struct view *v, bool late)
{
	struct hs_summary sum = { 0 };
	uint32_t last = 0, data, fin;
	uint64_t now = T0;
	struct conv c;

	tell_listen(v, &now);
	conv_begin(&c, v, 1, &last, &now, &sum);
	c.late = late;
	conv_handshake(&c, 1);
	now += 200 * US;
	data = conv_write(&c, CLIENT, 12);
	now += 2ull * S;
	TELL(v, tick, now);
	conv_accept(&c, 1);
	now += 100 * MS;
	conv_read(&c, SERVER, 1, 5, 7, data);
	now += 100 * MS;
	conv_read(&c, SERVER, 6, 5, 2, data);
	now += 100 * MS;
	conv_read(&c, SERVER, 11, 2, 0, data);
	now += 300 * MS;
	fin = conv_close(&c, CLIENT, HS_TCP_FIN_WAIT1, HS_TCP_CLOSE_WAIT, false);
	now += 20 * US;
	conv_read(&c, SERVER, 13, 0, 0, fin);
	now += 20 * US;
	conv_close(&c, SERVER, HS_TCP_LAST_ACK, HS_TCP_TIME_WAIT, true);
	now += 60ull * S;
	conv_state(&c, CLIENT, HS_TCP_CLOSE,
		   (struct hs_state){ .cause_kind = HS_CAUSE_TIMER,
				      .timer = "TIME_WAIT timer",
				      .inferred = true,
				      .minisocket = true });
	story_end(v, &sum, 60);
}

void tcp_orderly(struct view *v)
{
	orderly(v, false);
}

void tcp_orderly_late(struct view *v)
{
	orderly(v, true);
}

void tcp_no_listener(struct view *v)
{
	struct hs_summary sum = { 0 };
	struct hs_call call;
	uint32_t last = 0, syn, rst;
	uint64_t now = T0;
	struct conv c;

	conv_begin(&c, v, 1, &last, &now, &sum);
	c.flow.end[SERVER] = (struct hs_flow_end){ .at = ep("10.0.0.1", 8080),
						   .netns = places[SERVER],
						   .owner.comm = "",
						   .state = HS_TCP_NONE };
	TELL(v, flow, &c.flow);
	call = enter(&c, CLIENT, HS_CALL_CONNECT, "connect");
	syn = say(&c, (struct seg){ .flags = SYN,
				    .call = "connect",
				    .sender = HS_TCP_SYN_SENT,
				    .fate = HS_FATE_DROPPED,
				    .reason = "NO_SOCKET",
				    .why = "no TCP socket listens on 10.0.0.1:8080",
				    .remedy = "Has the server called listen()? ss -ltn." });
	rst = say(&c, (struct seg){ .from = SERVER,
				    .flags = RST | ACK,
				    .cause = syn,
				    .rst_reason = "NO_SOCKET",
				    .receiver = HS_TCP_CLOSE });
	call.given = c.flow.end[SERVER].at;
	call.journeys = &syn;
	call.n_journeys = 1;
	call.error_from = rst;
	leave(&c, &call, -ECONNREFUSED);
	story_end(v, &sum, 12);
}

#define QUEUE_FULL "2 connections wait for accept(), listen() asked for 1"

void tcp_full_queue(struct view *v)
{
	struct hs_summary sum = { 0 };
	struct hs_call call;
	uint32_t last = 0, syn, synack;
	uint64_t now = T0;
	struct conv c;

	tell_listen(v, &now);
	conv_begin(&c, v, 3, &last, &now, &sum);
	call = enter(&c, CLIENT, HS_CALL_CONNECT, "connect");
	syn = say(&c, (struct seg){ .flags = SYN,
				    .call = "connect",
				    .sender = HS_TCP_SYN_SENT,
				    .fate = HS_FATE_REFUSED,
				    .why = QUEUE_FULL });
	now += 1000ull * MS;
	TELL(v, tick, now);
	say(&c, (struct seg){ .flags = SYN,
			      .timer = "retransmission timer",
			      .again = 1,
			      .of = syn,
			      .resent_after = 1000 * MS,
			      .fate = HS_FATE_REFUSED,
			      .why = QUEUE_FULL });
	now += 2000ull * MS;
	TELL(v, tick, now);
	c.seq[CLIENT] = 1;
	synack = say(&c, (struct seg){ .flags = SYN,
				       .timer = "retransmission timer",
				       .again = 2,
				       .of = syn,
				       .resent_after = 2000 * MS,
				       .receiver = HS_TCP_NEW_SYN_RECV,
				       .inferred = true });
	synack = say(&c, (struct seg){ .from = SERVER,
				       .flags = SYN | ACK,
				       .cause = synack,
				       .receiver = HS_TCP_ESTABLISHED });
	c.flow.end[SERVER].socket = c.socket[SERVER];
	tell_listener(v, 2, 1);
	say(&c, (struct seg){ .flags = ACK, .cause = synack, .receiver = HS_TCP_ESTABLISHED });
	call.given = c.flow.end[SERVER].at;
	call.journeys = &syn;
	call.n_journeys = 1;
	leave(&c, &call, 0);
	story_end(v, &sum, 30);
}

/* Handshake and accept(). */
static void conv_open(struct conv *c, struct view *v, uint32_t *last, uint64_t *now,
		      struct hs_summary *sum)
{
	conv_begin(c, v, 1, last, now, sum);
	conv_handshake(c, 1);
	*now += 50 * US;
	conv_accept(c, 1);
	*now += 300 * MS;
	TELL(v, tick, *now);
}

static void tell_signal(struct conv *c, unsigned int end, int number, const char *call,
			uint32_t cause)
{
	struct hs_signal s = { .time = *c->now,
			       .task = tasks[end],
			       .number = number,
			       .fatal = true,
			       .by_call = call,
			       .fd = 3,
			       .socket = *call ? c->socket[end] : 0,
			       .cause = cause };

	TELL(c->v, signal, &s);
	*c->now += 5 * US;
}

void tcp_broken_pipe(struct view *v)
{
	struct hs_summary sum = { 0 };
	struct hs_call call;
	uint32_t last = 0, data, rst;
	uint64_t now = T0;
	struct conv c;

	conv_open(&c, v, &last, &now, &sum);
	tell_signal(&c, SERVER, SIGTERM, "", 0);
	conv_close(&c, SERVER, HS_TCP_FIN_WAIT1, HS_TCP_CLOSE_WAIT, false);
	now += 700 * MS;
	TELL(v, tick, now);
	call = enter(&c, CLIENT, HS_CALL_WRITE, "write");
	data = say(&c, (struct seg){ .flags = PSH | ACK,
				     .payload = 2,
				     .call = "write",
				     .fate = HS_FATE_DROPPED,
				     .reason = "TCP_ABORT_ON_DATA",
				     .why = "its socket is closed: nobody will read it" });
	rst = say(&c, (struct seg){ .from = SERVER,
				    .flags = RST,
				    .cause = data,
				    .rst_reason = "TCP_ABORT_ON_DATA",
				    .receiver = HS_TCP_CLOSE });
	call.len = 2;
	call.has_range = true;
	call.rel_from = 1;
	call.rel_to = 3;
	call.journeys = &data;
	call.n_journeys = 1;
	leave(&c, &call, 2);
	now += 900 * MS;
	TELL(v, tick, now);
	call = enter(&c, CLIENT, HS_CALL_WRITE, "write");
	call.len = 2;
	call.error_from = rst;
	call.signal = SIGPIPE;
	leave(&c, &call, -EPIPE);
	tell_signal(&c, CLIENT, SIGPIPE, "write", rst);
	story_end(v, &sum, 40);
}

void tcp_unread(struct view *v)
{
	struct hs_summary sum = { 0 };
	struct hs_journey unread = { .flow = 1,
				     .packet = { .payload = 1000, .proto = IPPROTO_TCP },
				     .fate = { .socket = AT_SERVER } };
	uint32_t last = 0, ids[3];
	uint64_t now = T0;
	struct hs_call call;
	struct conv c;

	conv_open(&c, v, &last, &now, &sum);
	for (int i = 0; i < 3; i++)
		ids[i] = conv_write(&c, CLIENT, 1000);
	now += 400 * MS;
	TELL(v, tick, now);
	tell_signal(&c, SERVER, SIGKILL, "", 0);
	for (int i = 0; i < 3; i++) {
		unread.id = ids[i];
		unread.born = now;
		unread.unread_at_close = true;
		TELL(v, unread, &unread);
	}
	sum.read -= 3;
	sum.unread_at_close = 3;
	call = enter(&c, SERVER, HS_CALL_CLOSE, "close");
	ids[0] = say(&c, (struct seg){ .from = SERVER,
				       .flags = RST | ACK,
				       .call = "close",
				       .rst_reason = "TCP_DISCONNECT_WITH_DATA",
				       .sender = HS_TCP_CLOSE,
				       .receiver = HS_TCP_CLOSE });
	call.journeys = ids;
	call.n_journeys = 1;
	leave(&c, &call, 0);
	story_end(v, &sum, 50);
}

void tcp_lost(struct view *v)
{
	struct hs_summary sum = { 0 };
	struct seg again = { .flags = PSH | ACK,
			     .payload = 12,
			     .timer = "retransmission timer",
			     .fate = HS_FATE_DROPPED,
			     .reason = "IP_FORWARDING",
			     .why = "ns_server does not forward: net.ipv4.ip_forward is 0",
			     .remedy = "sysctl net.ipv4.ip_forward=1" };
	uint32_t last = 0;
	uint64_t now = T0, wait = 204 * MS;
	struct hs_call call;
	struct conv c;

	conv_open(&c, v, &last, &now, &sum);
	call = enter(&c, CLIENT, HS_CALL_WRITE, "write");
	again.call = "write";
	again.of = say(&c, again);
	again.call = NULL;
	call.len = 12;
	call.has_range = true;
	call.rel_from = 1;
	call.rel_to = 13;
	call.journeys = &again.of;
	call.n_journeys = 1;
	call.has_queues = true;
	call.snd_queued = 12;
	leave(&c, &call, 12);
	for (int i = 0; i < 3; i++, wait *= 2) {
		now += wait;
		TELL(v, tick, now);
		again.again++;
		again.resent_after = wait;
		if (i == 2)
			again = (struct seg){ .flags = PSH | ACK,
					      .payload = 12,
					      .timer = "retransmission timer",
					      .again = 3,
					      .of = again.of,
					      .resent_after = wait,
					      .queued = 12 };
		again.cause = say(&c, again);
		again.cause = 0;
	}
	say(&c, (struct seg){ .from = SERVER, .flags = ACK, .cause = last });
	story_end(v, &sum, 60);
}

void tcp_zero_window(struct view *v)
{
	struct hs_summary sum = { 0 };
	uint32_t last = 0, id;
	uint64_t now = T0;
	struct hs_call call;
	struct conv c;

	conv_open(&c, v, &last, &now, &sum);
	call = enter(&c, CLIENT, HS_CALL_WRITE, "write");
	for (int i = 0; i < 2; i++) {
		id = say(&c, (struct seg){ .flags = PSH | ACK,
					   .payload = 32768,
					   .call = "write",
					   .queued = 32768 * (uint32_t)(i + 1) });
		say(&c, (struct seg){
				.from = SERVER, .flags = ACK, .cause = id, .zero_window = i == 1 });
	}
	now += 210 * MS;
	TELL(v, tick, now);
	id = say(&c, (struct seg){ .flags = ACK, .timer = "zero-window probe", .probe = true });
	say(&c, (struct seg){ .from = SERVER, .flags = ACK, .cause = id, .zero_window = true });
	now += 415 * MS;
	TELL(v, tick, now);
	conv_read(&c, SERVER, 1, 5, 65531, 4);
	id = say(&c, (struct seg){ .from = SERVER, .flags = ACK, .call = "recvfrom" });
	id = say(&c, (struct seg){
			     .flags = PSH | ACK, .payload = 32768, .cause = id, .queued = 98299 });
	say(&c, (struct seg){ .from = SERVER, .flags = ACK, .cause = id });
	call.len = 98304;
	call.has_range = true;
	call.rel_from = 1;
	call.rel_to = 98305;
	leave(&c, &call, 98304);
	story_end(v, &sum, 60);
}

void tcp_bulk(struct view *v)
{
	struct hs_summary sum = { 0 };
	uint32_t last = 0, read = 1;
	uint64_t now = T0;
	struct conv c;

	conv_open(&c, v, &last, &now, &sum);
	for (int i = 0; i < 1000; i++) {
		struct hs_call call = enter(&c, CLIENT, HS_CALL_WRITE, "write");
		uint32_t from = c.seq[CLIENT], id;

		id = say(&c, (struct seg){ .flags = PSH | ACK,
					   .payload = 1448,
					   .call = "write",
					   .queued = 1448 * (uint32_t)(1 + i % 2) });
		if (i % 2)
			say(&c, (struct seg){ .from = SERVER, .flags = ACK, .cause = id });
		call.len = 1448;
		call.has_range = true;
		call.rel_from = from;
		call.rel_to = from + 1448;
		call.journeys = &id;
		call.n_journeys = 1;
		leave(&c, &call, 1448);
		if (i % 10 != 9)
			continue;
		call = enter(&c, SERVER, HS_CALL_RECVFROM, "recvfrom");
		call.len = 65536;
		call.has_range = true;
		call.rel_from = read;
		call.rel_to = read = c.seq[CLIENT];
		call.has_queues = true;
		leave(&c, &call, 14480);
		if (i == 499)
			say(&c, (struct seg){ .flags = PSH | ACK,
					      .payload = 1448,
					      .cause = last,
					      .again = 1,
					      .of = id,
					      .fate = HS_FATE_DROPPED,
					      .reason = "TCP_OLD_DATA" });
	}
	conv_close(&c, CLIENT, HS_TCP_FIN_WAIT1, HS_TCP_CLOSE_WAIT, false);
	story_end(v, &sum, 9000);
}

void tcp_crossing(struct view *v)
{
	struct hs_summary sum = { 0 };
	struct seg segs[4] = { { .flags = FIN | ACK, .call = "close", .receiver = HS_TCP_CLOSING },
			       { .flags = FIN | ACK, .call = "close", .receiver = HS_TCP_CLOSING },
			       { .flags = ACK, .receiver = HS_TCP_TIME_WAIT, .inferred = true },
			       { .flags = ACK, .receiver = HS_TCP_TIME_WAIT, .inferred = true } };
	struct trip trips[4];
	uint32_t last = 0;
	uint64_t now = T0;
	struct conv c;

	conv_open(&c, v, &last, &now, &sum);
	/* sent 1 ms apart, 100 ms on their way */
	for (unsigned int end = 0; end < 2; end++) {
		struct hs_call call = enter(&c, end, HS_CALL_CLOSE, "close");

		segs[end].from = segs[2 + !end].from = end;
		segs[end].sender = HS_TCP_FIN_WAIT1;
		depart(&c, &segs[end], &trips[end]);
		trips[end].j.rel_ack = 1;
		call.journeys = &trips[end].j.id;
		call.n_journeys = 1;
		leave(&c, &call, 0);
		now += 1 * MS;
	}
	for (unsigned int i = 0; i < 4; i++) {
		now = trips[i].j.born + 100 * MS;
		TELL(v, tick, now);
		arrive(&c, &segs[i], &trips[i], now);
		if (i >= 2)
			continue;
		segs[i + 2].cause = trips[i].j.id;
		depart(&c, &segs[i + 2], &trips[i + 2]);
	}
	story_end(v, &sum, 20);
}

void tcp_two(struct view *v)
{
	struct hs_summary sum = { 0 };
	uint32_t last = 0, id;
	uint64_t now = T0;
	struct conv a, b;

	conv_begin(&a, v, 1, &last, &now, &sum);
	conv_handshake(&a, 1);
	conv_accept(&a, 1);
	id = conv_write(&a, CLIENT, 40);
	conv_read(&a, SERVER, 1, 40, 0, id);
	conv_write(&a, SERVER, 60);
	/* a stranger, whose start was not seen */
	b = a;
	b.flow.id = 2;
	b.flow.opened = false;
	b.flow.end[0] =
		(struct hs_flow_end){ .at = ep("2001:db8:aaaa:bbbb:cccc:dddd:eeee:1111", 50000),
				      .netns = "",
				      .owner.comm = "",
				      .state = HS_TCP_NONE };
	b.flow.end[1] =
		(struct hs_flow_end){ .at = ep("2001:db8:aaaa:bbbb:cccc:dddd:eeee:2222", 8080),
				      .netns = places[SERVER],
				      .socket = 9,
				      .owner = tasks[SERVER],
				      .state = HS_TCP_ESTABLISHED };
	b.seq[0] = b.seq[1] = 1;
	b.socket[1] = 9;
	TELL(v, flow, &b.flow);
	sum.flows++;
	id = say(
		&b,
		(struct seg){
			.flags = PSH | ACK, .payload = 77, .cause = 0, .timer = "", .queued = 77 });
	say(&b, (struct seg){ .from = SERVER, .flags = ACK, .cause = id, .fate = HS_FATE_LEFT });
	id = say(&b,
		 (struct seg){ .flags = FIN | ACK, .timer = "", .receiver = HS_TCP_CLOSE_WAIT });
	say(&b, (struct seg){ .from = SERVER, .flags = ACK, .cause = id, .fate = HS_FATE_LEFT });
	conv_call(&a, SERVER, HS_CALL_SHUTDOWN, "shutdown", 0, 0, 0);
	conv_write(&a, CLIENT, 41);
	story_end(v, &sum, 60);
}
