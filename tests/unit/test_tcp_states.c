// SPDX-License-Identifier: BSD-2-Clause
/*
 * The states of both ends of a TCP connection (RFC 9293, 3.3.2), and what moved them. The kernel
 * has an event for each change of a socket; requests and minisockets have none.
 */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "helper_conn.h"
#include "helper_notes.h"

static const struct note_kinds states = { .states = true };

/* The client closes, the server takes its FIN (#4) and acknowledges it (#5). */
static void client_closed(struct conn *c)
{
	struct conn_segment fin = conn_close(c, CLIENT, HS_TCP_ESTABLISHED, HS_TCP_FIN_WAIT1), ack;

	conn_arrive(c, &fin);
	conn_take_fin(c, &fin);
	stream_back(c->s);
	conn_leave(c, 0);
	stream_softirq(c->s, 1);
	ack = conn_send(c, SERVER, CONN_ACK, 0);
	conn_arrive(c, &ack);
	conn_tcp(c, CLIENT)->snd_una = ack.ack;
	conn_state(c, CLIENT, HS_TCP_FIN_WAIT1, HS_TCP_FIN_WAIT2);
}

#define CLIENT_CLOSED                                              \
	"~1.0 @2 ESTABLISHED -> FIN_WAIT1, by client[812] close\n" \
	"~1.1 @3 ESTABLISHED -> CLOSE_WAIT, because of #4\n"       \
	"~1.0 @2 FIN_WAIT1 -> FIN_WAIT2, because of #5\n"

/* ---- opening and closing in order ---- */

static void test_orderly(void **state)
{
	struct stream *s = conn_lab(NULL);
	struct conn c;

	(void)state;
	conn_init(&c, s, 0);
	conn_listen(&c, 1);
	conn_whole(&c);
	notes_expect(s, states,
		     "@1 CLOSE -> LISTEN, by server[700] listen\n"
		     "~1.0 @2 CLOSE -> SYN_SENT, by client[812] connect, with #1\n"
		     "~1.1 LISTEN -> SYN_RECV, because of #1, with #2, inferred\n"
		     "~1.0 @2 SYN_SENT -> ESTABLISHED, because of #2\n"
		     "~1.1 @3 SYN_RECV -> ESTABLISHED, because of #3\n"
		     "~1.0 @2 ESTABLISHED -> FIN_WAIT1, by client[812] close\n"
		     "~1.1 @3 ESTABLISHED -> CLOSE_WAIT, because of #4\n"
		     "~1.1 @3 CLOSE_WAIT -> LAST_ACK, by server[700] close\n"
		     "~1.0 @2 FIN_WAIT1 -> FIN_WAIT2, because of #5\n"
		     "~1.0 FIN_WAIT2 -> TIME_WAIT, because of #5, inferred, minisocket\n"
		     "~1.1 @3 LAST_ACK -> CLOSE, because of #6\n");
}

/* What each state says of the ends of its flow, as they become known. */
static void test_both_ends(void **state)
{
	struct stream *s = conn_lab(NULL);
	struct conn c;

	(void)state;
	conn_init(&c, s, 0);
	conn_listen(&c, 1);
	conn_open(&c);
	notes_expect(s, (struct note_kinds){ .states = true, .ends = true },
		     "@1 CLOSE -> LISTEN, by server[700] listen, at 0.0.0.0:8080\n"
		     "~1.0 @2 CLOSE -> SYN_SENT, by client[812] connect, with #1, at 10.0.1.2:4000 "
		     "[10.0.1.2:4000 in ns_client @2 client[812] SYN_SENT | 10.0.1.1:8080 "
		     "server[700] none]\n"
		     "~1.1 LISTEN -> SYN_RECV, because of #1, with #2, inferred, at 10.0.1.1:8080 "
		     "[10.0.1.2:4000 in ns_client @2 client[812] SYN_SENT | 10.0.1.1:8080 in "
		     "ns_server server[700] SYN_RECV]\n"
		     "~1.0 @2 SYN_SENT -> ESTABLISHED, because of #2, at 10.0.1.2:4000 "
		     "[10.0.1.2:4000 in ns_client @2 client[812] ESTABLISHED | 10.0.1.1:8080 in "
		     "ns_server server[700] SYN_RECV]\n"
		     "~1.1 @3 SYN_RECV -> ESTABLISHED, because of #3, at 10.0.1.1:8080 "
		     "[10.0.1.2:4000 in ns_client @2 client[812] ESTABLISHED | 10.0.1.1:8080 in "
		     "ns_server @3 server[700] ESTABLISHED]\n");
}

/* The flow is told of first, and SYN_SENT with its SYN, whose id it names. */
static void test_syn_sent_is_told_with_its_syn(void **state)
{
	struct stream *s = conn_lab(NULL);
	struct conn c;

	(void)state;
	conn_init(&c, s, 0);
	conn_syn(&c);
	notes_expect(s, (struct note_kinds){ .flows = true, .states = true, .births = true },
		     "~1 opened: 10.0.1.2:4000 in ns_client @1 client[812] -> 10.0.1.1:8080\n"
		     "~1.0 @1 CLOSE -> SYN_SENT, by client[812] connect, with #1\n"
		     "#1 born, TCP to port 8080, by client[812] connect(3)\n");
}

/* No port was free, or no route: it never had a SYN, and is no connection. */
static void test_connect_fails_before_its_syn(void **state)
{
	struct stream *s = conn_lab(NULL);
	struct conn c;

	(void)state;
	conn_init(&c, s, 0);
	stream_sock_is(s, c.end[CLIENT].sk, CONN_NS_CLIENT, IPPROTO_TCP, "0.0.0.0:0", NULL);
	conn_enter(&c, CLIENT, HS_CALL_CONNECT, 0);
	conn_state(&c, CLIENT, HS_TCP_CLOSE, HS_TCP_SYN_SENT);
	conn_state(&c, CLIENT, HS_TCP_SYN_SENT, HS_TCP_CLOSE);
	conn_leave(&c, -EADDRNOTAVAIL);
	conn_syn(&c);
	notes_expect(s, (struct note_kinds){ .states = true, .calls = true },
		     "connect(3) = EADDRNOTAVAIL\n"
		     "~1.0 @1 CLOSE -> SYN_SENT, by client[812] connect, with #1\n");
}

/* It waits for the next hop's address; the answer lets it go. */
static void test_syn_that_waited_for_arp(void **state)
{
	struct stream *s = conn_lab(NULL);
	struct wire arp = wire_arp("10.0.1.1", "10.0.1.2", 2);
	struct conn c;

	(void)state;
	conn_init(&c, s, 0);
	stream_sock_is(s, c.end[CLIENT].sk, CONN_NS_CLIENT, IPPROTO_TCP, "0.0.0.0:0", NULL);
	conn_enter(&c, CLIENT, HS_CALL_CONNECT, 0);
	conn_state(&c, CLIENT, HS_TCP_CLOSE, HS_TCP_SYN_SENT);
	conn_init(&c, s, 0);
	conn_tcp(&c, CLIENT)->after = HS_TCP_SYN_SENT;
	stream_softirq(s, 0);
	stream_arrival(s, 0xf000, CONN_NS_CLIENT, CONN_VETH_C, &arp);
	conn_send(&c, CLIENT, CONN_SYN, 0);
	notes_expect(s, (struct note_kinds){ .states = true, .births = true },
		     "~1.0 @1 CLOSE -> SYN_SENT, by client[812] connect, with #1\n"
		     "#1 born, TCP to port 8080, by client[812] connect(3)\n");
}

/* A SYN that is sent again, and its answer, move nothing. */
static void test_handshake_again(void **state)
{
	struct stream *s = conn_lab(NULL);
	struct conn_segment syn, synack;
	struct conn c;

	(void)state;
	conn_init(&c, s, 0);
	conn_listen(&c, 1);
	syn = conn_syn(&c);
	conn_arrive(&c, &syn);
	synack = conn_synack(&c, &syn);
	stream_softirq(s, 0);
	syn = conn_send_again(&c, &syn);
	conn_arrive(&c, &syn);
	c.sender = c.request;
	conn_send_again(&c, &synack);
	notes_expect(s, states,
		     "@1 CLOSE -> LISTEN, by server[700] listen\n"
		     "~1.0 @2 CLOSE -> SYN_SENT, by client[812] connect, with #1\n"
		     "~1.1 LISTEN -> SYN_RECV, because of #1, with #2, inferred\n");
}

/* The SYN-ACK's record was lost: the child's own change tells it. */
static void test_request_that_nobody_saw(void **state)
{
	struct stream *s = conn_lab(NULL);
	struct conn_segment syn, ack;
	struct conn c;

	(void)state;
	conn_init(&c, s, 0);
	conn_listen(&c, 1);
	syn = conn_syn(&c);
	conn_arrive(&c, &syn);
	stream_back(s);
	conn_tcp(&c, CLIENT)->rcv_nxt = CONN_SERVER_ISN + 1;
	stream_lose(s, 1);
	ack = conn_send(&c, CLIENT, CONN_ACK, 0);
	conn_arrive(&c, &ack);
	conn_child(&c);
	notes_expect(s, states,
		     "@1 CLOSE -> LISTEN, by server[700] listen\n"
		     "~1.0 @2 CLOSE -> SYN_SENT, by client[812] connect, with #1\n"
		     "~1.1 @3 LISTEN -> SYN_RECV, because of #2\n"
		     "~1.1 @3 SYN_RECV -> ESTABLISHED, because of #2\n");
}

/* Its SYN was lost, too: whose it is the child knows from its listener. */
static void test_child_belongs_to_the_listener(void **state)
{
	struct stream *s = conn_lab(NULL);
	struct conn_segment ack;
	struct conn c;

	(void)state;
	conn_init(&c, s, 0);
	conn_listen(&c, 1);
	stream_by(s, 0, CONN_PID_CLIENT);
	stream_lose(s, 9);
	ack = conn_send(&c, CLIENT, CONN_ACK, 0);
	conn_arrive(&c, &ack);
	conn_child(&c);
	notes_expect(
		s, (struct note_kinds){ .states = true, .ends = true },
		"@1 CLOSE -> LISTEN, by server[700] listen, at 0.0.0.0:8080\n"
		"~1.1 @2 LISTEN -> SYN_RECV, because of #1, at 10.0.1.1:8080 [10.0.1.2:4000 in "
		"ns_client none | 10.0.1.1:8080 in ns_server @2 server[700] SYN_RECV]\n"
		"~1.1 @2 SYN_RECV -> ESTABLISHED, because of #1, at 10.0.1.1:8080 "
		"[10.0.1.2:4000 in ns_client none | 10.0.1.1:8080 in ns_server @2 server[700] "
		"ESTABLISHED]\n");
}

/* A SYN-ACK of an end that opens itself: both connect() to each other. */
static void test_simultaneous_open(void **state)
{
	struct stream *s = conn_lab(NULL);
	struct conn_segment syn[2], answer[2];
	struct conn c;

	(void)state;
	conn_init(&c, s, 0);
	syn[CLIENT] = conn_syn(&c);
	conn_leave(&c, -EINPROGRESS);
	conn_enter(&c, SERVER, HS_CALL_CONNECT, 0);
	conn_state(&c, SERVER, HS_TCP_CLOSE, HS_TCP_SYN_SENT);
	syn[SERVER] = conn_send(&c, SERVER, CONN_SYN, 0);
	conn_leave(&c, -EINPROGRESS);
	conn_tcp(&c, SERVER)->rcv_nxt = CONN_CLIENT_ISN + 1;
	conn_tcp(&c, CLIENT)->rcv_nxt = CONN_SERVER_ISN + 1;
	conn_arrive(&c, &syn[CLIENT]);
	conn_state(&c, SERVER, HS_TCP_SYN_SENT, HS_TCP_SYN_RECV);
	answer[SERVER] = conn_send(&c, SERVER, CONN_SYN | CONN_ACK, 0);
	conn_arrive(&c, &syn[SERVER]);
	conn_state(&c, CLIENT, HS_TCP_SYN_SENT, HS_TCP_SYN_RECV);
	answer[CLIENT] = conn_send(&c, CLIENT, CONN_SYN | CONN_ACK, 0);
	conn_arrive(&c, &answer[SERVER]);
	conn_state(&c, CLIENT, HS_TCP_SYN_RECV, HS_TCP_ESTABLISHED);
	conn_arrive(&c, &answer[CLIENT]);
	conn_state(&c, SERVER, HS_TCP_SYN_RECV, HS_TCP_ESTABLISHED);
	notes_expect(s, states,
		     "~1.0 @1 CLOSE -> SYN_SENT, by client[812] connect, with #1\n"
		     "~1.1 @2 CLOSE -> SYN_SENT, by server[700] connect, with #2\n"
		     "~1.1 @2 SYN_SENT -> SYN_RECV, because of #1\n"
		     "~1.0 @1 SYN_SENT -> SYN_RECV, because of #2\n"
		     "~1.0 @1 SYN_RECV -> ESTABLISHED, because of #3\n"
		     "~1.1 @2 SYN_RECV -> ESTABLISHED, because of #4\n");
}

/* ---- minisockets ---- */

/*
 * close() comes before the peer's FIN: a minisocket waits for it in FIN_WAIT2, and then in
 * TIME_WAIT. That the socket is gone is no change.
 */
static void test_minisocket_waits_for_the_fin(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment fin;

	(void)state;
	client_closed(&c);
	conn_state(&c, CLIENT, HS_TCP_FIN_WAIT2, HS_TCP_CLOSE);
	fin = conn_close(&c, SERVER, HS_TCP_CLOSE_WAIT, HS_TCP_LAST_ACK);
	conn_arrive(&c, &fin);
	stream_drop(s, fin.skb, "NOT_SPECIFIED", "tcp_v4_rcv");
	notes_expect(s, states,
		     CLIENT_CLOSED
		     "~1.1 @3 CLOSE_WAIT -> LAST_ACK, by server[700] close\n"
		     "~1.0 FIN_WAIT2 -> TIME_WAIT, because of #6, inferred, minisocket\n");
}

/* shutdown(): the socket stays until the FIN has come. close() then leaves nothing to tell. */
static void test_shutdown_then_close(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment fin, ack;

	(void)state;
	conn_enter(&c, CLIENT, HS_CALL_SHUTDOWN, 0);
	conn_state(&c, CLIENT, HS_TCP_ESTABLISHED, HS_TCP_FIN_WAIT1);
	fin = conn_send(&c, CLIENT, CONN_FIN | CONN_ACK, 0);
	conn_arrive(&c, &fin);
	conn_take_fin(&c, &fin);
	ack = conn_send(&c, SERVER, CONN_ACK, 0);
	conn_arrive_here(&c, &ack);
	stream_back(s);
	conn_state(&c, CLIENT, HS_TCP_FIN_WAIT1, HS_TCP_FIN_WAIT2);
	conn_leave(&c, 0);
	conn_enter(&c, CLIENT, HS_CALL_CLOSE, 0);
	conn_state(&c, CLIENT, HS_TCP_FIN_WAIT2, HS_TCP_CLOSE);
	conn_leave(&c, 0);
	fin = conn_close(&c, SERVER, HS_TCP_CLOSE_WAIT, HS_TCP_LAST_ACK);
	conn_arrive(&c, &fin);
	notes_expect(s, states,
		     "~1.0 @2 ESTABLISHED -> FIN_WAIT1, by client[812] shutdown\n"
		     "~1.1 @3 ESTABLISHED -> CLOSE_WAIT, because of #4\n"
		     "~1.0 @2 FIN_WAIT1 -> FIN_WAIT2, because of #5\n"
		     "~1.1 @3 CLOSE_WAIT -> LAST_ACK, by server[700] close\n"
		     "~1.0 FIN_WAIT2 -> TIME_WAIT, because of #6, inferred, minisocket\n");
}

/* The FIN never comes: the kernel gives up on an orphan. */
static void test_fin_wait2_timer(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	client_closed(&c);
	stream_softirq(s, 0);
	conn_state(&c, CLIENT, HS_TCP_FIN_WAIT2, HS_TCP_CLOSE);
	notes_expect(s, states,
		     CLIENT_CLOSED "~1.0 @2 FIN_WAIT2 -> CLOSE, by the FIN_WAIT2 timer\n");
}

/* Found in the kernel's table: what was concluded is certain. */
static void test_minisocket_is_confirmed(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment fin;

	(void)state;
	client_closed(&c);
	fin = conn_close(&c, SERVER, HS_TCP_CLOSE_WAIT, HS_TCP_LAST_ACK);
	conn_arrive(&c, &fin);
	stream_mini(s, c.end[CLIENT].sk, HS_TCP_TIME_WAIT);
	conn_state(&c, CLIENT, HS_TCP_FIN_WAIT2, HS_TCP_CLOSE);
	notes_expect(
		s, states,
		CLIENT_CLOSED
		"~1.1 @3 CLOSE_WAIT -> LAST_ACK, by server[700] close\n"
		"~1.0 FIN_WAIT2 -> TIME_WAIT, because of #6, inferred, minisocket, confirmed\n");
}

static void test_other_minisockets_confirm_nothing(void **state)
{
	struct conn c, other;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment fin;

	(void)state;
	conn_init(&other, s, 1);
	client_closed(&c);
	fin = conn_close(&c, SERVER, HS_TCP_CLOSE_WAIT, HS_TCP_LAST_ACK);
	conn_arrive(&c, &fin);
	stream_mini(s, c.end[CLIENT].sk, HS_TCP_FIN_WAIT2); /* as it was before */
	stream_mini(s, c.end[SERVER].sk, HS_TCP_TIME_WAIT); /* the other end */
	stream_mini(s, other.end[CLIENT].sk, HS_TCP_TIME_WAIT);
	conn_state(&c, CLIENT, HS_TCP_FIN_WAIT2, HS_TCP_CLOSE);
	notes_expect(s, states,
		     CLIENT_CLOSED
		     "~1.1 @3 CLOSE_WAIT -> LAST_ACK, by server[700] close\n"
		     "~1.0 FIN_WAIT2 -> TIME_WAIT, because of #6, inferred, minisocket\n");
}

/* Data for a connection that nobody reads any more: the minisocket resets it, and is gone. */
static void test_minisocket_resets(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment data;

	(void)state;
	client_closed(&c);
	conn_state(&c, CLIENT, HS_TCP_FIN_WAIT2, HS_TCP_CLOSE);
	stream_back(s);
	conn_enter(&c, SERVER, HS_CALL_SENDTO, 5);
	data = conn_send(&c, SERVER, CONN_PSH | CONN_ACK, 5);
	conn_arrive(&c, &data);
	stream_tcp_reset(s, 0x7000, data.skb, "TCP_TIMEWAIT_SOCKET");
	c.sender = 0x7000;
	conn_send(&c, CLIENT, CONN_RST, 0);
	notes_expect(s, states,
		     CLIENT_CLOSED
		     "~1.0 FIN_WAIT2 -> CLOSE, because of #6, with #7, inferred, minisocket\n");
}

/* Both close before they know of the other: the FINs cross. */
static void test_simultaneous_close(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment fin[2], ack[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		fin[i] = conn_close(&c, i, HS_TCP_ESTABLISHED, HS_TCP_FIN_WAIT1);
		conn_leave(&c, 0);
	}
	for (int i = 0; i < 2; i++) {
		conn_arrive(&c, &fin[!i]);
		conn_tcp(&c, i)->rcv_nxt++;
		ack[i] = conn_send(&c, i, CONN_ACK, 0);
		conn_state(&c, i, HS_TCP_FIN_WAIT1, HS_TCP_CLOSING);
	}
	for (int i = 0; i < 2; i++) {
		conn_arrive(&c, &ack[!i]);
		conn_state(&c, i, HS_TCP_CLOSING, HS_TCP_CLOSE);
	}
	notes_expect(s, states,
		     "~1.0 @2 ESTABLISHED -> FIN_WAIT1, by client[812] close\n"
		     "~1.1 @3 ESTABLISHED -> FIN_WAIT1, by server[700] close\n"
		     "~1.0 @2 FIN_WAIT1 -> CLOSING, because of #5\n"
		     "~1.1 @3 FIN_WAIT1 -> CLOSING, because of #4\n"
		     "~1.0 CLOSING -> TIME_WAIT, because of #7, inferred, minisocket\n"
		     "~1.1 CLOSING -> TIME_WAIT, because of #6, inferred, minisocket\n");
}

/* ---- resets ---- */

static void test_reset_when_established(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment rst;

	(void)state;
	conn_enter(&c, SERVER, HS_CALL_CLOSE, 0);
	conn_state(&c, SERVER, HS_TCP_ESTABLISHED, HS_TCP_CLOSE);
	rst = conn_send(&c, SERVER, CONN_RST | CONN_ACK, 0);
	conn_arrive(&c, &rst);
	conn_state(&c, CLIENT, HS_TCP_ESTABLISHED, HS_TCP_CLOSE);
	notes_expect(s, states,
		     "~1.1 @3 ESTABLISHED -> CLOSE, by server[700] close\n"
		     "~1.0 @2 ESTABLISHED -> CLOSE, because of #4\n");
}

/* No minisocket is left behind by one that was reset. */
static void test_reset_in_fin_wait2(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment rst;

	(void)state;
	client_closed(&c);
	stream_back(s);
	conn_enter(&c, SERVER, HS_CALL_CLOSE, 0);
	conn_state(&c, SERVER, HS_TCP_CLOSE_WAIT, HS_TCP_CLOSE);
	rst = conn_send(&c, SERVER, CONN_RST | CONN_ACK, 0);
	conn_arrive(&c, &rst);
	conn_state(&c, CLIENT, HS_TCP_FIN_WAIT2, HS_TCP_CLOSE);
	notes_expect(s, states,
		     CLIENT_CLOSED "~1.1 @3 CLOSE_WAIT -> CLOSE, by server[700] close\n"
				   "~1.0 @2 FIN_WAIT2 -> CLOSE, because of #6\n");
}

/* Nobody listens. connect() holds the socket, and processes the RST itself. */
static void test_connection_refused(void **state)
{
	struct stream *s = conn_lab(NULL);
	struct conn_segment syn, rst;
	struct conn c;

	(void)state;
	conn_init(&c, s, 0);
	syn = conn_syn(&c);
	conn_arrive(&c, &syn);
	rst = conn_send(&c, SERVER, CONN_RST | CONN_ACK, 0);
	conn_arrive_here(&c, &rst);
	stream_back(s);
	conn_state(&c, CLIENT, HS_TCP_SYN_SENT, HS_TCP_CLOSE);
	conn_leave(&c, -ECONNREFUSED);
	notes_expect(s, states,
		     "~1.0 @1 CLOSE -> SYN_SENT, by client[812] connect, with #1\n"
		     "~1.0 @1 SYN_SENT -> CLOSE, because of #2\n");
}

/* One that gives up has lost its port already: where it was is remembered. */
static void test_without_a_port(void **state)
{
	struct stream *s = conn_lab(NULL);
	struct conn c;

	(void)state;
	conn_init(&c, s, 0);
	conn_syn(&c);
	stream_sock_is(s, c.end[CLIENT].sk, CONN_NS_CLIENT, IPPROTO_TCP, "0.0.0.0:0",
		       "10.0.1.1:8080");
	stream_softirq(s, 0);
	conn_state(&c, CLIENT, HS_TCP_SYN_SENT, HS_TCP_CLOSE);
	notes_expect(s, (struct note_kinds){ .states = true, .ends = true },
		     "~1.0 @1 CLOSE -> SYN_SENT, by client[812] connect, with #1, at 10.0.1.2:4000 "
		     "[10.0.1.2:4000 in ns_client @1 client[812] SYN_SENT | 10.0.1.1:8080 none]\n"
		     "~1.0 @1 SYN_SENT -> CLOSE, by the retransmission timer, at 10.0.1.2:4000 "
		     "[10.0.1.2:4000 in ns_client @1 client[812] CLOSE | 10.0.1.1:8080 none]\n");
}

/* ---- sockets without a connection ---- */

static void test_listener(void **state)
{
	struct stream *s = conn_lab(NULL);
	struct conn c;

	(void)state;
	conn_init(&c, s, 0);
	conn_listen(&c, 1);
	stream_enter(s, HS_CALL_CLOSE, 3, CONN_LISTENER, 0, NULL);
	stream_tcp_state(s, CONN_LISTENER, HS_TCP_LISTEN, HS_TCP_CLOSE);
	conn_leave(&c, 0);
	notes_expect(s, states,
		     "@1 CLOSE -> LISTEN, by server[700] listen\n"
		     "@1 LISTEN -> CLOSE, by server[700] close\n");
}

/* One that nobody follows is nobody's news. */
static void test_listener_of_a_stranger(void **state)
{
	struct stream *s = conn_lab(NULL);

	(void)state;
	stream_sock_is(s, CONN_LISTENER, CONN_NS_SERVER, IPPROTO_TCP, "0.0.0.0:8080", NULL);
	stream_by(s, 0, CONN_PID_SERVER);
	stream_tcp_state(s, CONN_LISTENER, HS_TCP_CLOSE, HS_TCP_LISTEN);
	stream_tcp_state(s, CONN_LISTENER, HS_TCP_LISTEN, HS_TCP_CLOSE);
	notes_expect(s, states, "");
}

/* ---- what is shown ---- */

/* A filter names one packet: what happened to the connection before is told with it. */
static void test_states_wait_until_the_flow_is_shown(void **state)
{
	struct stream *s = conn_lab("filter", "tcp[13] & 4 != 0", NULL);
	struct conn_segment syn, rst;
	struct conn c;

	(void)state;
	conn_init(&c, s, 0);
	c.unfollowed = true;
	syn = conn_syn(&c);
	conn_arrive(&c, &syn);
	rst = conn_send(&c, SERVER, CONN_RST | CONN_ACK, 0);
	conn_arrive_here(&c, &rst);
	stream_back(s);
	conn_state(&c, CLIENT, HS_TCP_SYN_SENT, HS_TCP_CLOSE);
	notes_expect(s, (struct note_kinds){ .flows = true, .states = true, .births = true },
		     "~1 opened: 10.0.1.2:4000 in ns_client @1 client[812] -> 10.0.1.1:8080 in "
		     "ns_server\n"
		     "~1.0 @1 CLOSE -> SYN_SENT, by client[812] connect\n"
		     "#1 born, TCP to port 4000, because of #0\n"
		     "~1.0 @1 SYN_SENT -> CLOSE, because of #1\n");
}

/* Its sending moved its sender's state: so it did, where it is lost, too. */
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

/* A request has no socket, also where the flow is shown later. */
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

/* The strings of a model are never NULL, those of a state without a flow are. */
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

/* What was found once confirms once: the next connection between the same endpoints was not looked up. */
static void test_minisocket_is_confirmed_once(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct conn_segment fin;

		client_closed(&c);
		s->noted_from = s->len;
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

/* The server closes with bytes unread: its RST ends the client's minisocket (tcp_timewait_state_process()). */
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
		     CLIENT_CLOSED
		     "~1.1 @3 CLOSE_WAIT -> CLOSE, by server[700] close\n"
		     "~1.0 FIN_WAIT2 -> CLOSE, because of #6, inferred, minisocket\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_orderly),
		cmocka_unit_test(test_both_ends),
		cmocka_unit_test(test_syn_sent_is_told_with_its_syn),
		cmocka_unit_test(test_connect_fails_before_its_syn),
		cmocka_unit_test(test_syn_that_waited_for_arp),
		cmocka_unit_test(test_handshake_again),
		cmocka_unit_test(test_request_that_nobody_saw),
		cmocka_unit_test(test_child_belongs_to_the_listener),
		cmocka_unit_test(test_simultaneous_open),
		cmocka_unit_test(test_minisocket_waits_for_the_fin),
		cmocka_unit_test(test_shutdown_then_close),
		cmocka_unit_test(test_fin_wait2_timer),
		cmocka_unit_test(test_minisocket_is_confirmed),
		cmocka_unit_test(test_other_minisockets_confirm_nothing),
		cmocka_unit_test(test_minisocket_resets),
		cmocka_unit_test(test_simultaneous_close),
		cmocka_unit_test(test_reset_when_established),
		cmocka_unit_test(test_reset_in_fin_wait2),
		cmocka_unit_test(test_connection_refused),
		cmocka_unit_test(test_without_a_port),
		cmocka_unit_test(test_listener),
		cmocka_unit_test(test_listener_of_a_stranger),
		cmocka_unit_test(test_states_wait_until_the_flow_is_shown),
		cmocka_unit_test(test_fin_changes_a_state),
		cmocka_unit_test(test_request_has_no_socket_later),
		cmocka_unit_test(test_state_without_a_flow_has_strings),
		cmocka_unit_test(test_minisocket_is_confirmed_once),
		cmocka_unit_test(test_reset_ends_a_minisocket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
