// SPDX-License-Identifier: BSD-2-Clause
#include "helper_tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "helper_conv.h"

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
						   .netns = conv_places[SERVER],
						   .owner.comm = "",
						   .state = HS_TCP_NONE };
	TELL(v, flow, &c.flow);
	call = conv_enter(&c, CLIENT, HS_CALL_CONNECT, "connect");
	syn = conv_say(&c, (struct seg){ .flags = SYN,
					 .call = "connect",
					 .sender = HS_TCP_SYN_SENT,
					 .fate = HS_FATE_DROPPED,
					 .reason = "NO_SOCKET",
					 .why = "no TCP socket listens on 10.0.0.1:8080",
					 .remedy = "Has the server called listen()? ss -ltn." });
	rst = conv_say(&c, (struct seg){ .from = SERVER,
					 .flags = RST | ACK,
					 .cause = syn,
					 .rst_reason = "NO_SOCKET",
					 .receiver = HS_TCP_CLOSE });
	call.given = c.flow.end[SERVER].at;
	call.journeys = &syn;
	call.n_journeys = 1;
	call.error_from = rst;
	conv_leave(&c, &call, -ECONNREFUSED);
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
	call = conv_enter(&c, CLIENT, HS_CALL_CONNECT, "connect");
	syn = conv_say(&c, (struct seg){ .flags = SYN,
					 .call = "connect",
					 .sender = HS_TCP_SYN_SENT,
					 .fate = HS_FATE_REFUSED,
					 .why = QUEUE_FULL });
	now += 1000ull * MS;
	TELL(v, tick, now);
	conv_say(&c, (struct seg){ .flags = SYN,
				   .timer = "retransmission timer",
				   .again = 1,
				   .of = syn,
				   .resent_after = 1000 * MS,
				   .fate = HS_FATE_REFUSED,
				   .why = QUEUE_FULL });
	now += 2000ull * MS;
	TELL(v, tick, now);
	c.seq[CLIENT] = 1;
	synack = conv_say(&c, (struct seg){ .flags = SYN,
					    .timer = "retransmission timer",
					    .again = 2,
					    .of = syn,
					    .resent_after = 2000 * MS,
					    .receiver = HS_TCP_NEW_SYN_RECV,
					    .inferred = true });
	synack = conv_say(&c, (struct seg){ .from = SERVER,
					    .flags = SYN | ACK,
					    .cause = synack,
					    .receiver = HS_TCP_ESTABLISHED });
	c.flow.end[SERVER].socket = c.socket[SERVER];
	tell_listener(v, 2, 1);
	conv_say(&c, (struct seg){ .flags = ACK, .cause = synack, .receiver = HS_TCP_ESTABLISHED });
	call.given = c.flow.end[SERVER].at;
	call.journeys = &syn;
	call.n_journeys = 1;
	conv_leave(&c, &call, 0);
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
			       .task = conv_tasks[end],
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
	call = conv_enter(&c, CLIENT, HS_CALL_WRITE, "write");
	data = conv_say(&c, (struct seg){ .flags = PSH | ACK,
					  .payload = 2,
					  .call = "write",
					  .fate = HS_FATE_DROPPED,
					  .reason = "TCP_ABORT_ON_DATA",
					  .why = "its socket is closed: nobody will read it" });
	rst = conv_say(&c, (struct seg){ .from = SERVER,
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
	conv_leave(&c, &call, 2);
	now += 900 * MS;
	TELL(v, tick, now);
	call = conv_enter(&c, CLIENT, HS_CALL_WRITE, "write");
	call.len = 2;
	call.error_from = rst;
	call.signal = SIGPIPE;
	conv_leave(&c, &call, -EPIPE);
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
	call = conv_enter(&c, SERVER, HS_CALL_CLOSE, "close");
	ids[0] = conv_say(&c, (struct seg){ .from = SERVER,
					    .flags = RST | ACK,
					    .call = "close",
					    .rst_reason = "TCP_DISCONNECT_WITH_DATA",
					    .sender = HS_TCP_CLOSE,
					    .receiver = HS_TCP_CLOSE });
	call.journeys = ids;
	call.n_journeys = 1;
	conv_leave(&c, &call, 0);
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
	call = conv_enter(&c, CLIENT, HS_CALL_WRITE, "write");
	again.call = "write";
	again.of = conv_say(&c, again);
	again.call = NULL;
	call.len = 12;
	call.has_range = true;
	call.rel_from = 1;
	call.rel_to = 13;
	call.journeys = &again.of;
	call.n_journeys = 1;
	call.has_queues = true;
	call.snd_queued = 12;
	conv_leave(&c, &call, 12);
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
		again.cause = conv_say(&c, again);
		again.cause = 0;
	}
	conv_say(&c, (struct seg){ .from = SERVER, .flags = ACK, .cause = last });
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
	call = conv_enter(&c, CLIENT, HS_CALL_WRITE, "write");
	for (int i = 0; i < 2; i++) {
		id = conv_say(&c, (struct seg){ .flags = PSH | ACK,
						.payload = 32768,
						.call = "write",
						.queued = 32768 * (uint32_t)(i + 1) });
		conv_say(&c, (struct seg){ .from = SERVER,
					   .flags = ACK,
					   .cause = id,
					   .zero_window = i == 1 });
	}
	now += 210 * MS;
	TELL(v, tick, now);
	id = conv_say(&c,
		      (struct seg){ .flags = ACK, .timer = "zero-window probe", .probe = true });
	conv_say(&c,
		 (struct seg){ .from = SERVER, .flags = ACK, .cause = id, .zero_window = true });
	now += 415 * MS;
	TELL(v, tick, now);
	conv_read(&c, SERVER, 1, 5, 65531, 4);
	id = conv_say(&c, (struct seg){ .from = SERVER, .flags = ACK, .call = "recvfrom" });
	id = conv_say(
		&c,
		(struct seg){ .flags = PSH | ACK, .payload = 32768, .cause = id, .queued = 98299 });
	conv_say(&c, (struct seg){ .from = SERVER, .flags = ACK, .cause = id });
	call.len = 98304;
	call.has_range = true;
	call.rel_from = 1;
	call.rel_to = 98305;
	conv_leave(&c, &call, 98304);
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
		struct hs_call call = conv_enter(&c, CLIENT, HS_CALL_WRITE, "write");
		uint32_t from = c.seq[CLIENT], id;

		id = conv_say(&c, (struct seg){ .flags = PSH | ACK,
						.payload = 1448,
						.call = "write",
						.queued = 1448 * (uint32_t)(1 + i % 2) });
		if (i % 2)
			conv_say(&c, (struct seg){ .from = SERVER, .flags = ACK, .cause = id });
		call.len = 1448;
		call.has_range = true;
		call.rel_from = from;
		call.rel_to = from + 1448;
		call.journeys = &id;
		call.n_journeys = 1;
		conv_leave(&c, &call, 1448);
		if (i % 10 != 9)
			continue;
		call = conv_enter(&c, SERVER, HS_CALL_RECVFROM, "recvfrom");
		call.len = 65536;
		call.has_range = true;
		call.rel_from = read;
		call.rel_to = read = c.seq[CLIENT];
		call.has_queues = true;
		conv_leave(&c, &call, 14480);
		if (i == 499)
			conv_say(&c, (struct seg){ .flags = PSH | ACK,
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

void tcp_quick_reader(struct view *v)
{
	const struct hs_task reader = { .pid = 900, .tid = 900, .comm = "reader" };
	struct hs_summary sum = { 0 };
	uint64_t now = T0;
	uint32_t last = 0;
	struct conv c;

	conv_open(&c, v, &last, &now, &sum);
	for (int i = 0; i < 300; i++) {
		struct hs_call call = conv_enter(&c, CLIENT, HS_CALL_WRITE, "write");
		uint32_t id = conv_say(&c, (struct seg){ .flags = PSH | ACK,
							 .payload = 20,
							 .call = "write",
							 .reader = &reader });

		conv_say(&c, (struct seg){ .from = SERVER, .flags = ACK, .cause = id });
		call.len = 20;
		call.journeys = &id;
		call.n_journeys = 1;
		conv_leave(&c, &call, 20);
	}
	story_end(v, &sum, 3000);
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
		struct hs_call call = conv_enter(&c, end, HS_CALL_CLOSE, "close");

		segs[end].from = segs[2 + !end].from = end;
		segs[end].sender = HS_TCP_FIN_WAIT1;
		conv_depart(&c, &segs[end], &trips[end]);
		trips[end].j.rel_ack = 1;
		call.journeys = &trips[end].j.id;
		call.n_journeys = 1;
		conv_leave(&c, &call, 0);
		now += 1 * MS;
	}
	for (unsigned int i = 0; i < 4; i++) {
		now = trips[i].j.born + 100 * MS;
		TELL(v, tick, now);
		conv_arrive(&c, &segs[i], &trips[i], now);
		if (i >= 2)
			continue;
		segs[i + 2].cause = trips[i].j.id;
		conv_depart(&c, &segs[i + 2], &trips[i + 2]);
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
				      .netns = conv_places[SERVER],
				      .socket = 9,
				      .owner = conv_tasks[SERVER],
				      .state = HS_TCP_ESTABLISHED };
	b.seq[0] = b.seq[1] = 1;
	b.socket[1] = 9;
	TELL(v, flow, &b.flow);
	sum.flows++;
	id = conv_say(
		&b,
		(struct seg){
			.flags = PSH | ACK, .payload = 77, .cause = 0, .timer = "", .queued = 77 });
	conv_say(&b,
		 (struct seg){ .from = SERVER, .flags = ACK, .cause = id, .fate = HS_FATE_LEFT });
	id = conv_say(
		&b, (struct seg){ .flags = FIN | ACK, .timer = "", .receiver = HS_TCP_CLOSE_WAIT });
	conv_say(&b,
		 (struct seg){ .from = SERVER, .flags = ACK, .cause = id, .fate = HS_FATE_LEFT });
	conv_call(&a, SERVER, HS_CALL_SHUTDOWN, "shutdown", 0, 0, 0);
	conv_write(&a, CLIENT, 41);
	story_end(v, &sum, 60);
}
