// SPDX-License-Identifier: BSD-2-Clause
/* What the TCP engine once got wrong: each test says what has to come out, and failed then. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "helper_conn.h"
#include "helper_notes.h"

#define A "10.0.1.2:4000"
#define B "10.0.1.1:8080"

static const struct note_kinds states = { .states = true };

/* The client closes, the server takes its FIN (#4) and acknowledges it (#5). */
static void client_closed(struct conn *c)
{
	struct conn_segment fin = conn_close(c, CLIENT, HS_TCP_ESTABLISHED, HS_TCP_FIN_WAIT1), ack;

	conn_arrive(c, &fin);
	conn_take_fin(c, &fin);
	conn_leave(c, 0);
	stream_softirq(c->s, 1);
	ack = conn_send(c, SERVER, CONN_ACK, 0);
	conn_arrive(c, &ack);
	conn_tcp(c, CLIENT)->snd_una = ack.ack;
	conn_state(c, CLIENT, HS_TCP_FIN_WAIT1, HS_TCP_FIN_WAIT2);
	c->s->noted_from = c->s->len;
}

/* 1. on_queued(): seq_queued(flow_by_serial(...)) with a flow that FLOW_MAX pushed out: NULL. */
static void test_queued_after_its_flow_is_forgotten(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment data;
	struct notes notes;
	char from[32];

	(void)state;
	stream_by(s, 0, CONN_PID_CLIENT);
	data = conn_send(&c, CLIENT, CONN_PSH | CONN_ACK, 5);
	conn_arrive(&c, &data);
	stream_by(s, 2, CONN_PID_CLIENT);
	for (int i = 0; i < 20001; i++) {
		struct wire w;

		snprintf(from, sizeof(from), "10.1.%d.%d:4000", i / 250, i % 250);
		w = wire_segment(from, B, CONN_SYN, 0, 1000, 0, 64);
		stream_birth(s, 0xf00000, CONN_NS_CLIENT, CONN_VETH_C, &w, 0);
	}
	s->cpu = 0;
	s->ctx = s->last_ctx;
	stream_queued(s, c.end[SERVER].sk, data.skb, 1);
	stream_end(s);
	notes_init(&notes);
	notes.quiet = true;
	notes_run(&notes, s);
	notes_done(&notes);
	stream_free(s);
}

/* 2. SO_LINGER 0: tcp_disconnect() reports ECONNRESET to its own socket. No packet brought it. */
static void test_own_reset_is_nobodys_fault(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	conn_write(&c, CLIENT, 5);
	conn_read(&c, SERVER, 5);
	s->noted_from = s->len;
	conn_enter(&c, SERVER, HS_CALL_CLOSE, 0);
	conn_state(&c, SERVER, HS_TCP_ESTABLISHED, HS_TCP_CLOSE);
	conn_send(&c, SERVER, CONN_RST | CONN_ACK, 0);
	stream_tcp_reset(s, c.end[SERVER].sk, 0, "TCP_DISCONNECT_WITH_DATA");
	stream_error(s, c.end[SERVER].sk, ECONNRESET);
	conn_leave(&c, 0);
	/* with a hint to the reader: #5, the client's last ACK, gets a hop "will be told" */
	conn_enter(&c, SERVER, HS_CALL_SENDTO, 5);
	stream_send_failed(s, c.end[SERVER].sk, -ECONNRESET);
	conn_leave(&c, -ECONNRESET);
	notes_expect(s, (struct note_kinds){ .told = true, .calls = true },
		     "close(4) = 0, sent #6\n"
		     "sendto(4) = ECONNRESET\n");
}

/* 2b. The write timer was deferred until the call let go: ETIMEDOUT comes from no packet either. */
static void test_timeout_in_a_call(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	conn_enter(&c, CLIENT, HS_CALL_SENDTO, 5);
	stream_error(s, c.end[CLIENT].sk, ETIMEDOUT);
	stream_send_failed(s, c.end[CLIENT].sk, -ETIMEDOUT);
	conn_leave(&c, -ETIMEDOUT);
	notes_expect(s, (struct note_kinds){ .told = true, .calls = true },
		     "sendto(3) = ETIMEDOUT\n");
}

/* 3. 127.0.0.1 in two namespaces, the handshakes at the same time: the answers change sides. */
static void test_two_namespaces_at_once(void **state)
{
	static const char from[] = "127.0.0.1:4000", to[] = "127.0.0.1:8080";
	struct stream *s = conn_lab(NULL);
	struct wire syn = wire_segment(from, to, CONN_SYN, 0, 1000, 0, 64),
		    ack = wire_segment(to, from, CONN_SYN | CONN_ACK, 0, 9000, 1001, 64);

	(void)state;
	stream_birth(s, 0xa000, CONN_NS_CLIENT, CONN_LO, &syn, 0);
	stream_birth(s, 0xb000, CONN_NS_SERVER, CONN_LO, &syn, 0);
	stream_birth(s, 0xa100, CONN_NS_CLIENT, CONN_LO, &ack, 0);
	stream_birth(s, 0xb100, CONN_NS_SERVER, CONN_LO, &ack, 0);
	notes_expect(s, (struct note_kinds){ .births = true, .segments = true },
		     "#1 born, TCP to port 8080, by the kernel; ~1.0 SYN seq 0\n"
		     "#2 born, TCP to port 8080, by the kernel; ~2.0 SYN seq 0\n"
		     "#3 born, TCP to port 4000, by the kernel; ~1.1 SYN ACK seq 0 ack 1\n"
		     "#4 born, TCP to port 4000, by the kernel; ~2.1 SYN ACK seq 0 ack 1\n");
}

/* 4. A stranger's SYN arrives in one namespace, which forwards it to another: one connection. */
static void test_stranger_is_forwarded(void **state)
{
	static const char from[] = "192.0.2.7:5000", to[] = "10.0.1.2:8080";
	struct stream *s = conn_lab(NULL);
	struct wire syn = wire_segment(from, to, CONN_SYN, 0, 1000, 0, 64),
		    ack = wire_segment(to, from, CONN_SYN | CONN_ACK, 0, 9000, 1001, 64),
		    data = wire_segment(from, to, CONN_ACK, 0, 1001, 9001, 64);

	(void)state;
	stream_softirq(s, 0);
	stream_arrival(s, 0xa000, CONN_NS_SERVER, CONN_ETH, &syn);
	stream_see(s, HS_STAGE_DEV_QUEUE, 0xa000, CONN_NS_SERVER, CONN_VETH_S);
	stream_see(s, HS_STAGE_DEV_XMIT, 0xa000, CONN_NS_SERVER, CONN_VETH_S);
	stream_see(s, HS_STAGE_BACKLOG, 0xa000, CONN_NS_CLIENT, CONN_VETH_C);
	stream_see(s, HS_STAGE_RECEIVE, 0xa000, CONN_NS_CLIENT, CONN_VETH_C);
	stream_birth(s, 0xb000, CONN_NS_CLIENT, CONN_VETH_C, &ack, 0);
	stream_softirq(s, 0);
	stream_arrival(s, 0xa100, CONN_NS_SERVER, CONN_ETH, &data);
	notes_expect(s, (struct note_kinds){ .births = true, .segments = true },
		     "#1 born, TCP to port 8080; ~1.0 SYN seq 0\n"
		     "#2 born, TCP to port 5000, because of #1; ~1.1 SYN ACK seq 0 ack 1\n"
		     "#3 born, TCP to port 8080; ~1.0 ACK seq 1 ack 1\n");
}

/* 5. The original was dropped on the way; what was queued and read is the retransmission. */
static void test_the_retransmission_is_read(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment data;

	(void)state;
	stream_by(s, 0, CONN_PID_CLIENT);
	data = conn_send(&c, CLIENT, CONN_PSH | CONN_ACK, 5);
	stream_drop(s, data.skb, "NEIGH_FAILED", "ip_finish_output2");
	stream_softirq(s, 0);
	data = conn_send_again(&c, &data);
	conn_arrive(&c, &data);
	conn_take(&c, &data);
	conn_read(&c, SERVER, 5);
	notes_expect(s, (struct note_kinds){ .reads = true, .calls = true },
		     "#5 read by server[700] recvfrom, 5 B, waited 0 ms\n"
		     "recvfrom(4) = 5, read #5\n");
}

/* 6. The peer's FIN was processed when close() let go of the socket. */
static void test_fin_in_fin_wait2_in_a_call(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment fin;

	(void)state;
	stream_by(s, 1, CONN_PID_SERVER);
	conn_tcp(&c, SERVER)->rcv_nxt++;
	conn_enter(&c, CLIENT, HS_CALL_CLOSE, 0);
	conn_state(&c, CLIENT, HS_TCP_ESTABLISHED, HS_TCP_FIN_WAIT1);
	conn_send(&c, CLIENT, CONN_FIN | CONN_ACK, 0);
	stream_softirq(s, 2);
	fin = conn_send(&c, SERVER, CONN_FIN | CONN_ACK, 0);
	conn_arrive(&c, &fin);
	stream_by(s, 0, CONN_PID_CLIENT);
	conn_state(&c, CLIENT, HS_TCP_FIN_WAIT1, HS_TCP_FIN_WAIT2);
	conn_state(&c, CLIENT, HS_TCP_FIN_WAIT2, HS_TCP_CLOSE);
	conn_leave(&c, 0);
	notes_expect(s, states,
		     "~1.0 @2 ESTABLISHED -> FIN_WAIT1, by client[812] close\n"
		     "~1.0 @2 FIN_WAIT1 -> FIN_WAIT2, because of #5\n"
		     "~1.0 FIN_WAIT2 -> TIME_WAIT, because of #5, inferred, minisocket\n");
}

/* 7. The server closes with bytes unread: its RST ends the client's minisocket (tcp_timewait_state_process()). */
static void test_reset_ends_a_minisocket(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment rst;

	(void)state;
	client_closed(&c);
	conn_state(&c, CLIENT, HS_TCP_FIN_WAIT2, HS_TCP_CLOSE);
	stream_back(s);
	conn_enter(&c, SERVER, HS_CALL_CLOSE, 0);
	conn_state(&c, SERVER, HS_TCP_CLOSE_WAIT, HS_TCP_CLOSE);
	rst = conn_send(&c, SERVER, CONN_RST | CONN_ACK, 0);
	conn_arrive(&c, &rst);
	notes_expect(s, states,
		     "~1.1 @3 CLOSE_WAIT -> CLOSE, by server[700] close\n"
		     "~1.0 FIN_WAIT2 -> CLOSE, because of #6, inferred, minisocket\n");
}

/* 8. One before the next byte, though the window is open: SO_KEEPALIVE. */
static void test_keepalive(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	for (int i = 0; i < 2; i++) {
		stream_softirq(s, 0);
		conn_tcp(&c, i)->snd_nxt--;
		conn_send(&c, i, CONN_ACK, 0);
		conn_tcp(&c, i)->snd_nxt++;
	}
	notes_expect(s, (struct note_kinds){ .births = true, .segments = true },
		     "#4 born, TCP to port 8080, by the keep-alive timer; ~1.0 ACK seq 0 ack 1\n"
		     "#5 born, TCP to port 4000, by the keep-alive timer; ~1.1 ACK seq 0 ack 1\n");
}

/* 8b. Nobody answers the keep-alive probes: tcp_keepalive_timer(). */
static void test_keepalive_gives_up(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	stream_softirq(s, 0);
	conn_tcp(&c, CLIENT)->probes = 9;
	conn_state(&c, CLIENT, HS_TCP_ESTABLISHED, HS_TCP_CLOSE);
	notes_expect(s, states, "~1.0 @2 ESTABLISHED -> CLOSE, by the keep-alive timer\n");
}

/* 9. No SYN-ACK was seen, but records were lost: nothing says that the SYN was refused. */
static void test_lost_synack_is_no_refusal(void **state)
{
	struct stream *s = conn_lab(NULL);
	struct conn_segment syn;
	struct conn c;

	(void)state;
	conn_init(&c, s, 0);
	conn_listen(&c, 1);
	syn = conn_syn(&c);
	conn_arrive(&c, &syn);
	stream_lose(s, 3); /* the SYN-ACK's */
	stream_consume(s, syn.skb, "tcp_rcv_state_process");
	notes_expect(s, (struct note_kinds){ .fates = true },
		     "#1 consumed in ns_server by tcp_rcv_state_process\n");
}

/* 10. A SYN and a FIN take numbers, and are no bytes: they are not what waits to be acknowledged. */
static void test_send_queue_counts_bytes(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	conn_enter(&c, CLIENT, HS_CALL_SHUTDOWN, 0);
	conn_state(&c, CLIENT, HS_TCP_ESTABLISHED, HS_TCP_FIN_WAIT1);
	conn_send(&c, CLIENT, CONN_FIN | CONN_ACK, 0);
	conn_leave(&c, 0);
	notes_expect(s, (struct note_kinds){ .calls = true, .streams = true },
		     "shutdown(3) = 0, sent #4, ~1 @2, holds 0 and 0\n");
}

static void test_send_queue_has_no_syn(void **state)
{
	struct stream *s = conn_lab(NULL);
	struct conn c;

	(void)state;
	conn_init(&c, s, 0);
	conn_syn(&c);
	conn_leave(&c, -EINPROGRESS);
	notes_expect(s, (struct note_kinds){ .calls = true, .streams = true },
		     "connect(3) = EINPROGRESS, sent #1, ~1 @1, holds 0 and 0\n");
}

/* 11. Processed in a call, and put to a segment in the queue: which was it? One of its own flow. */
static void test_queued_in_a_call(void **state)
{
	struct conn c, other;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment seg[2];

	(void)state;
	conn_init(&other, s, 1);
	conn_open(&other);
	conn_accept(&other);
	stream_by(s, 0, CONN_PID_CLIENT);
	seg[0] = conn_send(&other, CLIENT, CONN_PSH | CONN_ACK, 5);
	conn_arrive(&other, &seg[0]);
	stream_back(s);
	seg[1] = conn_send(&c, CLIENT, CONN_PSH | CONN_ACK, 7);
	conn_arrive(&c, &seg[1]);
	s->noted_from = s->len;
	conn_enter(&c, SERVER, HS_CALL_RECVFROM, 10);
	stream_queued(s, c.end[SERVER].sk, 0x999000, 1); /* tcp_try_coalesce(): the tail is older */
	notes_expect(s, (struct note_kinds){ .fates = true },
		     "#8 queued at @3 in ns_server\n"
		     "#7 queued at @5 in ns_server (joined to the segment before it in the queue), "
		     "inferred\n");
}

/* 12. Its sending moved its sender's state: so it did, where it is lost, too. */
static void test_fin_changes_a_state(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment fin;

	(void)state;
	fin = conn_close(&c, CLIENT, HS_TCP_ESTABLISHED, HS_TCP_FIN_WAIT1);
	stream_drop(s, fin.skb, "NEIGH_FAILED", "ip_finish_output2");
	conn_leave(&c, 0);
	notes_expect(s, (struct note_kinds){ .settles = true, .segments = true },
		     "#1 settled, caused #2, changed a state\n"
		     "#2 settled, caused #3, changed a state\n"
		     "#3 settled, changed a state\n"
		     "#4 settled, changed a state\n");
}

/* 13. A request has no socket, also where the flow is shown later. */
static void test_request_has_no_socket_later(void **state)
{
	struct stream *s = conn_lab("filter", "tcp[13] & 8 != 0", NULL);
	struct conn c;

	(void)state;
	conn_init(&c, s, 0);
	c.unfollowed = true;
	conn_listen(&c, 1);
	conn_open(&c);
	conn_deliver(&c, CLIENT, CONN_PSH | CONN_ACK, 5);
	notes_expect(s, states,
		     "~1.0 @1 CLOSE -> SYN_SENT, by client[812] connect\n"
		     "~1.1 LISTEN -> SYN_RECV, because of #0, inferred\n"
		     "~1.0 @1 SYN_SENT -> ESTABLISHED, because of #0\n"
		     "~1.1 @2 SYN_RECV -> ESTABLISHED, because of #0\n");
}

static const char *listener_netns;

static void see_state(void *ctx, const struct hs_state *state)
{
	(void)ctx;
	listener_netns = state->flow.end[0].netns;
}

/* 14. The strings of a model are never NULL, those of a state without a flow are. */
static void test_state_without_a_flow_has_strings(void **state)
{
	struct stream *s = conn_lab(NULL);
	struct notes notes;
	struct conn c;

	(void)state;
	conn_init(&c, s, 0);
	conn_listen(&c, 1);
	stream_end(s);
	notes_init(&notes);
	notes.quiet = true;
	notes.sink.state = see_state;
	notes_run(&notes, s);
	assert_non_null(listener_netns);
	notes_done(&notes);
	stream_free(s);
}

/* 15. The FIN is the last part's only: one byte is still missing of the first. */
static void test_cut_segment_with_a_fin(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct wire whole = wire_segment(A, B, CONN_FIN | CONN_ACK, 2000, 1001, 9001, 64),
		    first = wire_segment(A, B, CONN_ACK, 1000, 1001, 9001, 64),
		    last = wire_segment(A, B, CONN_FIN | CONN_ACK, 1000, 2001, 9001, 64);

	(void)state;
	stream_by(s, 0, CONN_PID_CLIENT);
	stream_birth(s, 0xe000, CONN_NS_CLIENT, CONN_VETH_C, &whole, c.end[CLIENT].sk);
	stream_consume(s, 0xe000, "validate_xmit_skb");
	stream_cut(s, 0xe100, CONN_NS_CLIENT, CONN_VETH_C, &first, c.end[CLIENT].sk);
	stream_cut(s, 0xe200, CONN_NS_CLIENT, CONN_VETH_C, &last, c.end[CLIENT].sk);
	conn_read(&c, SERVER, 999);
	conn_read(&c, SERVER, 1);
	notes_expect(s, (struct note_kinds){ .reads = true, .calls = true },
		     "recvfrom(4) = 999, read #5\n"
		     "#5 read by server[700] recvfrom, 1000 B, waited 0 ms\n"
		     "recvfrom(4) = 1, read #5\n");
}

/* 16. What was found once confirms once: the next connection between the same endpoints was not looked up. */
static void test_minisocket_is_confirmed_once(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct conn_segment fin;

		client_closed(&c);
		fin = conn_close(&c, SERVER, HS_TCP_CLOSE_WAIT, HS_TCP_LAST_ACK);
		conn_arrive(&c, &fin);
		if (!i)
			stream_mini(s, c.end[CLIENT].sk, HS_TCP_TIME_WAIT);
		conn_state(&c, CLIENT, HS_TCP_FIN_WAIT2, HS_TCP_CLOSE);
		if (i)
			break;
		conn_leave(&c, 0);
		conn_init(&c, s, 0);
		conn_set_isn(&c, 500000, 700000);
		c.next_skb += 0x8000;
		conn_open(&c);
		conn_accept(&c);
	}
	notes_expect(s, states,
		     "~2.1 @4 CLOSE_WAIT -> LAST_ACK, by server[700] close\n"
		     "~2.0 FIN_WAIT2 -> TIME_WAIT, because of #12, inferred, minisocket\n");
}

/* 18. A forked child closes its copy of the listener, which goes on listening. */
static void test_listener_is_closed_by_a_child(void **state)
{
	struct stream *s = conn_lab(NULL);
	struct conn_segment syn;
	struct conn c;

	(void)state;
	conn_init(&c, s, 0);
	conn_listen(&c, 1);
	stream_tcp_of(s, CONN_LISTENER)->backlog = 2;
	stream_by(s, 1, 701);
	stream_enter(s, HS_CALL_CLOSE, 3, CONN_LISTENER, 0, NULL);
	stream_leave(s, 0);
	syn = conn_syn(&c);
	conn_arrive(&c, &syn);
	stream_consume(s, syn.skb, "tcp_rcv_state_process");
	notes_expect(
		s, (struct note_kinds){ .fates = true },
		"#1 refused in ns_server by tcp_rcv_state_process (the accept queue of server[700] "
		"on 0.0.0.0:8080 is full: 2 of 2), inferred\n");
}

/* 17. A damaged recording's time: what waits in a socket goes last again and again, for ever. */
static void test_time_that_wraps(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	stream_by(s, 0, CONN_PID_CLIENT);
	conn_deliver(&c, CLIENT, CONN_PSH | CONN_ACK, 5);
	stream_tick(s, 3 * STREAM_S);
	s->time = UINT64_MAX - STREAM_S;
	stream_tick(s, 0);
	alarm(5);
	notes_expect(s, (struct note_kinds){ .signals = true }, "");
	alarm(0);
}

/* 18. Put together in the backlog, tcp_add_backlog(): of three segments one event tells, in a call. */
static void test_joined_in_the_backlog(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment seg[3];
	struct hs_rec_tcp *server;

	(void)state;
	stream_by(s, 0, CONN_PID_CLIENT);
	for (size_t i = 0; i < 3; i++) {
		seg[i] = conn_send(&c, CLIENT, CONN_PSH | CONN_ACK, 10);
		conn_arrive(&c, &seg[i]);
		stream_back(s);
	}
	s->noted_from = s->len;
	conn_enter(&c, SERVER, HS_CALL_RECVFROM, 100);
	stream_tcp(s, HS_TCP_RECEIVED, c.end[SERVER].sk, seg[0].skb);
	server = conn_tcp(&c, SERVER);
	server->rcv_nxt += 30;
	stream_queued(s, c.end[SERVER].sk, seg[0].skb, 1);
	server->copied_seq += 30;
	stream_read(s, c.end[SERVER].sk, 30, 0, 0);
	conn_leave(&c, 30);
	notes_expect(
		s, (struct note_kinds){ .fates = true },
		"#4 queued at @3 in ns_server\n"
		"#5 queued at @3 in ns_server (joined to the segment before it in the queue)\n"
		"#6 queued at @3 in ns_server (joined to the segment before it in the queue)\n");
}

/* 19. Time goes on between the end of a segment and the ACK that it provokes. */
static void test_tick_before_the_ack(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment seg;

	(void)state;
	stream_tick(s, STREAM_S);
	s->noted_from = s->len;
	s->time += 60 * STREAM_MS;
	stream_by(s, 0, CONN_PID_CLIENT);
	seg = conn_send(&c, CLIENT, CONN_PSH | CONN_ACK, 10);
	conn_arrive(&c, &seg);
	conn_take(&c, &seg);
	stream_tick(s, 10 * STREAM_US);
	conn_send(&c, SERVER, CONN_ACK, 0);
	notes_expect(s, (struct note_kinds){ .settles = true },
		     "#4 settled, caused #5\n#5 settled\n");
}

/* 20. Its arrival was not seen, but its bytes are there. */
static void test_bytes_without_an_arrival(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	s->noted_from = s->len;
	stream_by(s, 0, CONN_PID_CLIENT);
	conn_send(&c, CLIENT, CONN_PSH | CONN_ACK, 10);
	conn_deliver(&c, CLIENT, CONN_PSH | CONN_ACK, 10);
	stream_tick(s, 10 * STREAM_S);
	notes_expect(
		s, (struct note_kinds){ .fates = true },
		"#5 queued at @3 in ns_server\n"
		"#4 queued at @3 in ns_server (its socket has the bytes; no event tells how they came "
		"there)\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_queued_after_its_flow_is_forgotten),
		cmocka_unit_test(test_own_reset_is_nobodys_fault),
		cmocka_unit_test(test_timeout_in_a_call),
		cmocka_unit_test(test_two_namespaces_at_once),
		cmocka_unit_test(test_stranger_is_forwarded),
		cmocka_unit_test(test_the_retransmission_is_read),
		cmocka_unit_test(test_fin_in_fin_wait2_in_a_call),
		cmocka_unit_test(test_reset_ends_a_minisocket),
		cmocka_unit_test(test_keepalive),
		cmocka_unit_test(test_keepalive_gives_up),
		cmocka_unit_test(test_lost_synack_is_no_refusal),
		cmocka_unit_test(test_send_queue_counts_bytes),
		cmocka_unit_test(test_send_queue_has_no_syn),
		cmocka_unit_test(test_queued_in_a_call),
		cmocka_unit_test(test_fin_changes_a_state),
		cmocka_unit_test(test_request_has_no_socket_later),
		cmocka_unit_test(test_state_without_a_flow_has_strings),
		cmocka_unit_test(test_cut_segment_with_a_fin),
		cmocka_unit_test(test_minisocket_is_confirmed_once),
		cmocka_unit_test(test_listener_is_closed_by_a_child),
		cmocka_unit_test(test_time_that_wraps),
		cmocka_unit_test(test_joined_in_the_backlog),
		cmocka_unit_test(test_tick_before_the_ack),
		cmocka_unit_test(test_bytes_without_an_arrival),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
