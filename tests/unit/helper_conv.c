// SPDX-License-Identifier: BSD-2-Clause
#include "helper_conv.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

const struct hs_task conv_tasks[2] = { { 812, 812, "simple_nc" }, { 801, 801, "byte_sink" } };
const char *const conv_places[2] = { "ns_client", "ns_server" };
const char *const conv_devs[2] = { "veth_c", "veth_s" };

void conv_begin(struct conv *c, struct view *v, uint32_t id, uint32_t *last_id, uint64_t *now,
		struct hs_summary *sum)
{
	*c = (struct conv){ .v = v,
			    .last_id = last_id,
			    .now = now,
			    .sum = sum,
			    .socket = { AT_CLIENT + 2 * (id - 1), AT_SERVER + 2 * (id - 1) } };
	c->flow = (struct hs_flow){ .id = id, .opened = true, .born = *now };
	c->flow.end[0] = (struct hs_flow_end){ .at = ep("10.0.0.2", (uint16_t)(40111 + id)),
					       .netns = conv_places[0],
					       .socket = c->socket[0],
					       .owner = conv_tasks[0],
					       .state = HS_TCP_CLOSE };
	c->flow.end[1] = (struct hs_flow_end){ .at = ep("10.0.0.1", 8080),
					       .netns = conv_places[1],
					       .owner = conv_tasks[1],
					       .state = HS_TCP_LISTEN };
	TELL(v, flow, &c->flow);
	sum->flows++;
}

void conv_state(struct conv *c, unsigned int end, enum hs_tcp_state after, struct hs_state s)
{
	s.time = s.time ? s.time : *c->now;
	s.end = end;
	s.before = c->flow.end[end].state;
	s.after = after;
	c->flow.end[end].state = after;
	s.flow = c->flow;
	s.socket = c->flow.end[end].socket;
	s.netns = conv_places[end];
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
			       .netns = conv_places[end],
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

void tell_listener(struct view *v, uint32_t queued, uint32_t limit)
{
	struct hs_socket s = { .id = AT_LISTENER,
			       .netns = conv_places[SERVER],
			       .family = AF_INET,
			       .type = SOCK_STREAM,
			       .protocol = IPPROTO_TCP,
			       .local = ep("0.0.0.0", 8080),
			       .owner = conv_tasks[SERVER],
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
	t->j.retransmission_of = t->j.related_to = s->of;
	if (s->of)
		t->j.relation = HS_RELATION_RETRANSMISSION;
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
		trip_queued(t, at, c->socket[to], conv_places[to], conv_devs[to]);
	else
		trip_fate(t, kind, at, conv_places[to], conv_devs[to]);
	if (kind == HS_FATE_DROPPED)
		trip_last(t, HS_STAGE_DROP, at, conv_places[to], conv_devs[to])->function =
			"tcp_v4_rcv";
	t->j.to_socket = c->flow.end[to].socket;
	t->j.fate.inferred = kind == HS_FATE_CONSUMED;
	t->j.fate.reason = s->reason ? s->reason : "";
	t->j.fate.function = kind == HS_FATE_DROPPED ? "tcp_v4_rcv" : "";
	t->j.fate.why = s->why ? s->why : "";
	t->j.fate.remedy = s->remedy ? s->remedy : "";
}

/* A segment sets out; `t` is then its own. */
void conv_depart(struct conv *c, const struct seg *s, struct trip *t)
{
	uint64_t born = *c->now;

	trip_segment(c, t, s);
	trip_hop(t, HS_STAGE_DEV_QUEUE, born, conv_places[s->from], conv_devs[s->from]);
	trip_hop(t, HS_STAGE_DEV_XMIT, born + 500, conv_places[s->from], conv_devs[s->from]);
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
void conv_arrive(struct conv *c, const struct seg *s, struct trip *t, uint64_t at)
{
	unsigned int to = !s->from;

	trip_hop(t, HS_STAGE_BACKLOG, at - US, conv_places[to], conv_devs[to]);
	trip_last(t, HS_STAGE_RECEIVE, at, conv_places[to], conv_devs[to]);
	tell_hops(c->v, t, 2, t->j.n_hops);
	if (!c->late)
		change_receiver(c, s, t, at);
	if (s->queued)
		conv_socket(c, to, s->queued);
	trip_end(c, t, s, at + US);
	tell_hops(c->v, t, 4, t->j.n_hops);
	TELL(c->v, fate, &t->j);
	if (s->reader) {
		t->j.read_done = true;
		t->j.read = (struct hs_read){ .time = at + 2 * US,
					      .task = *s->reader,
					      .call = "recvfrom",
					      .ret = (int32_t)s->payload,
					      .copied = s->payload,
					      .waited = US };
		TELL(c->v, read, &t->j);
	}
	TELL(c->v, settled, &t->j);
	if (c->late)
		change_receiver(c, s, t, at);
	seg_count(c, t);
	if (*c->now < at + 2 * US)
		*c->now = at + 2 * US;
}

/* Tells of a segment from its birth to its end; returns its id. */
uint32_t conv_say(struct conv *c, struct seg s)
{
	uint64_t at = *c->now + 3 * US;
	struct trip t;

	conv_depart(c, &s, &t);
	conv_arrive(c, &s, &t, at);
	return t.j.id;
}

struct hs_call conv_enter(struct conv *c, unsigned int end, enum hs_call_id id, const char *name)
{
	struct hs_call call =
		made_call(conv_tasks[end], id, name, end == CLIENT ? 3 : 4, 0, *c->now);

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

void conv_leave(struct conv *c, struct hs_call *call, int64_t ret)
{
	*c->now += US;
	call->left = *c->now;
	call->ret = ret;
	TELL(c->v, call, call);
	*c->now += US;
}

/* A call that goes on by itself: sent, read: the journeys (0: none) */
void conv_call(struct conv *c, unsigned int end, enum hs_call_id id, const char *name, int64_t ret,
	       uint32_t sent, uint32_t error_from)
{
	struct hs_call call = conv_enter(c, end, id, name);

	call.journeys = &sent;
	call.n_journeys = !!sent;
	call.error_from = error_from;
	conv_leave(c, &call, ret);
}

uint32_t conv_write(struct conv *c, unsigned int end, uint32_t n)
{
	struct hs_call call = conv_enter(c, end, HS_CALL_WRITE, "write");
	uint32_t id, from = c->seq[end];

	id = conv_say(c, (struct seg){ .from = end,
				       .flags = PSH | ACK,
				       .payload = n,
				       .call = "write",
				       .queued = n });
	conv_say(c, (struct seg){ .from = !end, .flags = ACK, .cause = id });
	call.len = n;
	call.journeys = &id;
	call.n_journeys = 1;
	call.has_range = true;
	call.rel_from = from;
	call.rel_to = from + n;
	call.has_queues = true;
	conv_leave(c, &call, n);
	return id;
}

void conv_read(struct conv *c, unsigned int end, uint32_t from, uint32_t n, uint32_t left,
	       uint32_t what)
{
	struct hs_call call = conv_enter(c, end, HS_CALL_RECVFROM, "recvfrom");

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
	conv_leave(c, &call, n);
}

void conv_accept(struct conv *c, uint32_t before)
{
	struct hs_call call = conv_enter(c, SERVER, HS_CALL_ACCEPT, "accept");

	c->flow.end[SERVER].socket = c->socket[SERVER];
	c->flow.end[SERVER].owner = conv_tasks[SERVER];
	call.fd = 3;
	call.socket = c->socket[SERVER];
	call.given = c->flow.end[CLIENT].at;
	call.has_queues = true;
	call.accept_before = before;
	call.accept_queued = before - 1;
	tell_listener(c->v, before - 1, 1);
	conv_leave(c, &call, 4);
}

void tell_listen(struct view *v, uint64_t *now)
{
	struct hs_state s = { .socket = AT_LISTENER,
			      .netns = conv_places[SERVER],
			      .local = ep("0.0.0.0", 8080),
			      .owner = conv_tasks[SERVER],
			      .before = HS_TCP_CLOSE,
			      .after = HS_TCP_LISTEN,
			      .cause_kind = HS_CAUSE_CALL,
			      .by = conv_tasks[SERVER],
			      .by_call = "listen",
			      .timer = "" };
	struct hs_call call = made_call(conv_tasks[SERVER], HS_CALL_SOCKET, "socket", -1, 3, *now);

	call.type = SOCK_STREAM;
	call.protocol = IPPROTO_TCP;
	call.socket = AT_LISTENER;
	TELL(v, call, &call);
	call = made_call(conv_tasks[SERVER], HS_CALL_LISTEN, "listen", 3, 0, *now += 10 * US);
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
void conv_handshake(struct conv *c, uint32_t waiting)
{
	struct hs_call call = conv_enter(c, CLIENT, HS_CALL_CONNECT, "connect");
	uint32_t syn, synack;

	syn = conv_say(c, (struct seg){ .flags = SYN,
					.call = "connect",
					.sender = HS_TCP_SYN_SENT,
					.receiver = HS_TCP_NEW_SYN_RECV,
					.inferred = true });
	synack = conv_say(c, (struct seg){ .from = SERVER,
					   .flags = SYN | ACK,
					   .cause = syn,
					   .receiver = HS_TCP_ESTABLISHED });
	/* the kernel's own steps, when the last ACK is there */
	c->flow.end[SERVER].socket = c->socket[SERVER];
	tell_listener(c->v, waiting, 1);
	conv_say(c, (struct seg){ .flags = ACK, .cause = synack, .receiver = HS_TCP_ESTABLISHED });
	call.given = c->flow.end[SERVER].at;
	call.journeys = &syn;
	call.n_journeys = 1;
	conv_leave(c, &call, 0);
}

/* One end closes, or is closed; returns the FIN. */
uint32_t conv_close(struct conv *c, unsigned int end, enum hs_tcp_state sender,
		    enum hs_tcp_state receiver, bool inferred)
{
	struct hs_call call = conv_enter(c, end, HS_CALL_CLOSE, "close");
	uint32_t fin = conv_say(c, (struct seg){ .from = end,
						 .flags = FIN | ACK,
						 .call = "close",
						 .sender = sender,
						 .receiver = receiver,
						 .inferred = inferred });
	enum hs_tcp_state acked = sender == HS_TCP_LAST_ACK ? HS_TCP_CLOSE : HS_TCP_FIN_WAIT2;

	conv_say(c, (struct seg){ .from = !end, .flags = ACK, .cause = fin, .receiver = acked });
	call.journeys = &fin;
	call.n_journeys = 1;
	conv_leave(c, &call, 0);
	return fin;
}
