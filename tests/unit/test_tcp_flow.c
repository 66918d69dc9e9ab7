// SPDX-License-Identifier: BSD-2-Clause
/* TCP connections: which segment, socket and call belongs to which, and when one is told of. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "helper_conn.h"
#include "helper_notes.h"

static const struct note_kinds flows = { .flows = true };
static const struct note_kinds segments = { .flows = true, .births = true, .segments = true };

/* A segment of nobody's that is traced: the client's namespace sends it to the server's. */
static void segment(struct stream *s, uint64_t skb, const char *from, const char *to, uint8_t flags,
		    uint32_t seq, uint32_t ack, uint32_t payload)
{
	struct wire w = wire_segment(from, to, flags, payload, seq, ack, 64);

	stream_birth(s, skb, CONN_NS_CLIENT, CONN_VETH_C, &w, 0);
}

/* The same of the server's namespace. */
static void answer(struct stream *s, uint64_t skb, const char *from, const char *to, uint8_t flags,
		   uint32_t seq, uint32_t ack, uint32_t payload)
{
	struct wire w = wire_segment(from, to, flags, payload, seq, ack, 64);

	stream_birth(s, skb, CONN_NS_SERVER, CONN_VETH_S, &w, 0);
}

#define A "10.0.1.2:4000"
#define B "10.0.1.1:8080"

/* ---- one connection ---- */

/* Its header comes once, before anything else of it. */
static void test_told_once(void **state)
{
	struct stream *s = conn_lab(NULL);
	struct conn c;

	(void)state;
	conn_init(&c, s, 0);
	conn_listen(&c, 1);
	conn_whole(&c);
	notes_expect(s,
		     (struct note_kinds){ .flows = true,
					  .births = true,
					  .states = true,
					  .sockets = true,
					  .calls = true,
					  .streams = true },
		     "@1 CLOSE -> LISTEN, by server[700] listen\n"
		     "@1 LISTEN, accept queue 0 of 1\n"
		     "listen(3) = 0, @1, accept queue 0 -> 0 of 1\n"
		     "~1 opened: 10.0.1.2:4000 in ns_client @2 client[812] -> 10.0.1.1:8080 "
		     "server[700]\n"
		     "~1.0 @2 CLOSE -> SYN_SENT, by client[812] connect, with #1\n"
		     "#1 born, TCP to port 8080, by client[812] connect(3)\n"
		     "~1.1 LISTEN -> SYN_RECV, because of #1, with #2, inferred\n"
		     "#2 born, TCP to port 4000, because of #1\n"
		     "~1.0 @2 SYN_SENT -> ESTABLISHED, because of #2\n"
		     "@2 ESTABLISHED, recv 0 of 131072, send 0 of 87040, windows 65536 and 65536\n"
		     "#3 born, TCP to port 8080, because of #2\n"
		     "~1.1 @3 SYN_RECV -> ESTABLISHED, because of #3\n"
		     "@3 ESTABLISHED, recv 0 of 131072, send 0 of 87040, windows 65536 and 65536\n"
		     "@1 LISTEN, accept queue 1 of 1\n"
		     "connect(3) = 0, sent #1, ~1 @2, holds 0 and 0\n"
		     "@1 LISTEN, accept queue 0 of 1\n"
		     "accept(3) = 4, ~1 @3, accept queue 1 -> 0 of 1\n"
		     "~1.0 @2 ESTABLISHED -> FIN_WAIT1, by client[812] close\n"
		     "@2 FIN_WAIT1, recv 0 of 131072, send 0 of 87040, windows 65536 and 65536\n"
		     "#4 born, TCP to port 8080, by client[812] close(3)\n"
		     "~1.1 @3 ESTABLISHED -> CLOSE_WAIT, because of #4\n"
		     "@3 CLOSE_WAIT, recv 0 of 131072, send 0 of 87040, windows 65536 and 65536\n"
		     "close(3) = 0, sent #4, ~1 @2, holds 0 and 0\n"
		     "recvfrom(4) = 0, ~1 @3, holds 0 and 0\n"
		     "~1.1 @3 CLOSE_WAIT -> LAST_ACK, by server[700] close\n"
		     "@3 LAST_ACK, recv 0 of 131072, send 0 of 87040, windows 65536 and 65536\n"
		     "#5 born, TCP to port 4000, by server[700] close(4)\n"
		     "~1.0 @2 FIN_WAIT1 -> FIN_WAIT2, because of #5\n"
		     "@2 FIN_WAIT2, recv 0 of 131072, send 0 of 87040, windows 65536 and 65536\n"
		     "#6 born, TCP to port 8080, because of #5\n"
		     "~1.0 FIN_WAIT2 -> TIME_WAIT, because of #5, inferred, minisocket\n"
		     "~1.1 @3 LAST_ACK -> CLOSE, because of #6\n"
		     "@3 CLOSE, recv 0 of 131072, send 0 of 87040, windows 65536 and 65536\n"
		     "close(4) = 0, sent #5, ~1 @3, holds 0 and 0\n");
}

/* Both directions are one flow, whoever has a socket. */
static void test_both_directions(void **state)
{
	struct stream *s = conn_lab(NULL);

	(void)state;
	segment(s, 0xa000, A, B, CONN_SYN, 1000, 0, 0);
	answer(s, 0xb000, B, A, CONN_SYN | CONN_ACK, 9000, 1001, 0);
	segment(s, 0xa100, A, B, CONN_ACK, 1001, 9001, 0);
	notes_expect(s, segments,
		     "~1 opened: 10.0.1.2:4000 in ns_client -> 10.0.1.1:8080\n"
		     "#1 born, TCP to port 8080, by the kernel; ~1.0 SYN seq 0\n"
		     "#2 born, TCP to port 4000, by the kernel; ~1.1 SYN ACK seq 0 ack 1\n"
		     "#3 born, TCP to port 8080, by the kernel; ~1.0 ACK seq 1 ack 1\n");
}

static void test_ipv6(void **state)
{
	struct stream *s = conn_lab(NULL);

	(void)state;
	segment(s, 0xa000, "[fd00::2]:4000", "[fd00::1]:8080", CONN_SYN, 1000, 0, 0);
	answer(s, 0xb000, "[fd00::1]:8080", "[fd00::2]:4000", CONN_SYN | CONN_ACK, 9000, 1001, 0);
	notes_expect(s, segments,
		     "~1 opened: [fd00::2]:4000 in ns_client -> [fd00::1]:8080\n"
		     "#1 born, TCP to port 8080, by the kernel; ~1.0 SYN seq 0\n"
		     "#2 born, TCP to port 4000, by the kernel; ~1.1 SYN ACK seq 0 ack 1\n");
}

/* IPv4 through an IPv6 socket (RFC 4291, 2.5.5.2): the packets are IPv4. */
static void test_mapped_socket(void **state)
{
	struct stream *s = conn_lab(NULL);
	struct conn_segment syn, ack;
	struct conn c;

	(void)state;
	conn_init(&c, s, 0);
	conn_listen(&c, 1);
	stream_sock_is(s, CONN_LISTENER, CONN_NS_SERVER, IPPROTO_TCP, "[::]:8080", NULL);
	stream_sock_is(s, c.end[SERVER].sk, CONN_NS_SERVER, IPPROTO_TCP, "[::ffff:10.0.1.1]:8080",
		       "[::ffff:10.0.1.2]:4000");
	stream_tcp(s, HS_TCP_SNAPSHOT, CONN_LISTENER, 0);
	syn = conn_syn(&c);
	conn_arrive(&c, &syn);
	conn_synack(&c, &syn);
	ack = conn_send(&c, CLIENT, CONN_ACK, 0);
	conn_arrive(&c, &ack);
	conn_child(&c);
	notes_expect(s, (struct note_kinds){ .flows = true, .states = true, .ends = true },
		     "@1 CLOSE -> LISTEN, by server[700] listen, at 0.0.0.0:8080\n"
		     "~1 opened: 10.0.1.2:4000 in ns_client @2 client[812] -> 10.0.1.1:8080 "
		     "server[700]\n"
		     "~1.0 @2 CLOSE -> SYN_SENT, by client[812] connect, with #1, at 10.0.1.2:4000 "
		     "[10.0.1.2:4000 in ns_client @2 client[812] SYN_SENT | 10.0.1.1:8080 "
		     "server[700] none]\n"
		     "~1.1 LISTEN -> SYN_RECV, because of #1, with #2, inferred, at 10.0.1.1:8080 "
		     "[10.0.1.2:4000 in ns_client @2 client[812] SYN_SENT | 10.0.1.1:8080 in "
		     "ns_server server[700] SYN_RECV]\n"
		     "~1.1 @3 SYN_RECV -> ESTABLISHED, because of #3, at 10.0.1.1:8080 "
		     "[10.0.1.2:4000 in ns_client @2 client[812] SYN_SENT | 10.0.1.1:8080 in "
		     "ns_server @3 server[700] ESTABLISHED]\n");
}

/* Tracing began later: who opened it is not known, who was seen first comes first. */
static void test_seen_in_the_middle(void **state)
{
	struct stream *s = conn_lab(NULL);

	(void)state;
	answer(s, 0xb000, B, A, CONN_PSH | CONN_ACK, 50000, 70000, 100);
	segment(s, 0xa000, A, B, CONN_ACK, 70000, 50100, 0);
	segment(s, 0xa100, A, B, CONN_PSH | CONN_ACK, 70000, 50100, 10);
	answer(s, 0xb100, B, A, CONN_PSH | CONN_ACK, 50100, 70010, 5);
	notes_expect(
		s, segments,
		"~1 seen: 10.0.1.1:8080 in ns_server -> 10.0.1.2:4000\n"
		"#1 born, TCP to port 4000, by the kernel; ~1.0 PSH ACK seq 1 ack 1, 100 B\n"
		"#2 born, TCP to port 8080, by the kernel; ~1.1 ACK seq 1 ack 101\n"
		"#3 born, TCP to port 8080, by the kernel; ~1.1 PSH ACK seq 1 ack 101, 10 B\n"
		"#4 born, TCP to port 4000, by the kernel; ~1.0 PSH ACK seq 101 ack 11, 5 B\n");
}

/* Its first is the answer to a SYN: the SYN's sender is not known to be a client, either. */
static void test_seen_from_the_answer_on(void **state)
{
	struct stream *s = conn_lab(NULL);

	(void)state;
	answer(s, 0xb000, B, A, CONN_SYN | CONN_ACK, 9000, 1001, 0);
	segment(s, 0xa000, A, B, CONN_ACK, 1001, 9001, 0);
	notes_expect(s, segments,
		     "~1 seen: 10.0.1.1:8080 in ns_server -> 10.0.1.2:4000\n"
		     "#1 born, TCP to port 4000, by the kernel; ~1.0 SYN ACK seq 0 ack 1\n"
		     "#2 born, TCP to port 8080, by the kernel; ~1.1 ACK seq 1 ack 1\n");
}

/* A socket that was there before tracing began finds its flow when something happens to it. */
static void test_socket_found_later(void **state)
{
	struct stream *s = conn_lab(NULL);
	struct conn c;

	(void)state;
	conn_init(&c, s, 0);
	stream_sock(s, c.end[SERVER].sk, CONN_PID_SERVER, "server", true);
	conn_tcp(&c, SERVER)->after = HS_TCP_ESTABLISHED;
	stream_by(s, 0, CONN_PID_CLIENT);
	c.sender = 0x1; /* one of which nothing is known */
	conn_deliver(&c, CLIENT, CONN_PSH | CONN_ACK, 5);
	conn_enter(&c, SERVER, HS_CALL_SHUTDOWN, 0);
	conn_state(&c, SERVER, HS_TCP_ESTABLISHED, HS_TCP_FIN_WAIT1);
	notes_expect(s, (struct note_kinds){ .flows = true, .states = true, .ends = true },
		     "~1 seen: 10.0.1.2:4000 in ns_client -> 10.0.1.1:8080\n"
		     "~1.1 @1 ESTABLISHED -> FIN_WAIT1, by server[700] shutdown, at 10.0.1.1:8080 "
		     "[10.0.1.2:4000 in ns_client none | 10.0.1.1:8080 in ns_server @1 server[700] "
		     "FIN_WAIT1]\n");
}

/* ---- the same endpoints again ---- */

static void test_same_endpoints_after_close(void **state)
{
	struct stream *s = conn_lab(NULL);
	struct conn c;

	(void)state;
	conn_init(&c, s, 0);
	conn_listen(&c, 1);
	conn_whole(&c);
	stream_wait(s, 60 * STREAM_S);
	conn_init(&c, s, 0);
	conn_tcp(&c, CLIENT)->snd_nxt = 500000;
	conn_tcp(&c, SERVER)->snd_nxt = 700000;
	c.next_skb += 0x8000;
	conn_open(&c);
	conn_accept(&c);
	notes_expect(s, (struct note_kinds){ .flows = true, .states = true },
		     "@1 CLOSE -> LISTEN, by server[700] listen\n"
		     "~1 opened: 10.0.1.2:4000 in ns_client @2 client[812] -> 10.0.1.1:8080 "
		     "server[700]\n"
		     "~1.0 @2 CLOSE -> SYN_SENT, by client[812] connect, with #1\n"
		     "~1.1 LISTEN -> SYN_RECV, because of #1, with #2, inferred\n"
		     "~1.0 @2 SYN_SENT -> ESTABLISHED, because of #2\n"
		     "~1.1 @3 SYN_RECV -> ESTABLISHED, because of #3\n"
		     "~1.0 @2 ESTABLISHED -> FIN_WAIT1, by client[812] close\n"
		     "~1.1 @3 ESTABLISHED -> CLOSE_WAIT, because of #4\n"
		     "~1.1 @3 CLOSE_WAIT -> LAST_ACK, by server[700] close\n"
		     "~1.0 @2 FIN_WAIT1 -> FIN_WAIT2, because of #5\n"
		     "~1.0 FIN_WAIT2 -> TIME_WAIT, because of #5, inferred, minisocket\n"
		     "~1.1 @3 LAST_ACK -> CLOSE, because of #6\n"
		     "~2 opened: 10.0.1.2:4000 in ns_client @2 client[812] -> 10.0.1.1:8080 "
		     "server[700]\n"
		     "~2.0 @2 CLOSE -> SYN_SENT, by client[812] connect, with #7\n"
		     "~2.1 LISTEN -> SYN_RECV, because of #7, with #8, inferred\n"
		     "~2.0 @2 SYN_SENT -> ESTABLISHED, because of #8\n"
		     "~2.1 @4 SYN_RECV -> ESTABLISHED, because of #9\n");
}

/* It was reset, and the port is used again at once. */
static void test_another_initial_number(void **state)
{
	struct stream *s = conn_lab(NULL);

	(void)state;
	segment(s, 0xa000, A, B, CONN_SYN, 1000, 0, 0);
	answer(s, 0xb000, B, A, CONN_RST | CONN_ACK, 0, 1001, 0);
	segment(s, 0xa100, A, B, CONN_SYN, 2000, 0, 0);
	answer(s, 0xb100, B, A, CONN_RST | CONN_ACK, 0, 2001, 0);
	notes_expect(s, segments,
		     "~1 opened: 10.0.1.2:4000 in ns_client -> 10.0.1.1:8080\n"
		     "#1 born, TCP to port 8080, by the kernel; ~1.0 SYN seq 0\n"
		     "#2 born, TCP to port 4000, by the kernel; ~1.1 RST ACK seq 0 ack 1\n"
		     "~2 opened: 10.0.1.2:4000 in ns_client -> 10.0.1.1:8080\n"
		     "#3 born, TCP to port 8080, by the kernel; ~2.0 SYN seq 0\n"
		     "#4 born, TCP to port 4000, by the kernel; ~2.1 RST ACK seq 0 ack 1\n");
}

static void test_syn_sent_again(void **state)
{
	struct stream *s = conn_lab(NULL);

	(void)state;
	segment(s, 0xa000, A, B, CONN_SYN, 1000, 0, 0);
	stream_wait(s, STREAM_S);
	stream_softirq(s, 0);
	segment(s, 0xa100, A, B, CONN_SYN, 1000, 0, 0);
	notes_expect(s, flows, "~1 opened: 10.0.1.2:4000 in ns_client -> 10.0.1.1:8080\n");
}

/* A connection that is over is forgotten when its ports are free, one that is only quiet is not. */
static void forgotten(bool over, const char *expected)
{
	struct stream *s = conn_lab(NULL);
	struct conn c;

	conn_init(&c, s, 0);
	conn_listen(&c, 1);
	if (over) {
		conn_whole(&c);
	} else {
		conn_open(&c);
		conn_accept(&c);
	}
	stream_tick(s, 71 * STREAM_S);
	stream_by(s, 0, CONN_PID_CLIENT);
	segment(s, 0xa000, A, B, CONN_SYN, CONN_CLIENT_ISN, 0, 0);
	notes_expect(s, flows, expected);
}

static void test_forgotten_when_over(void **state)
{
	(void)state;
	forgotten(true, "~1 opened: 10.0.1.2:4000 in ns_client @2 client[812] -> 10.0.1.1:8080 "
			"server[700]\n"
			"~2 opened: 10.0.1.2:4000 in ns_client -> 10.0.1.1:8080 server[700]\n");
}

static void test_kept_when_quiet(void **state)
{
	(void)state;
	forgotten(false, "~1 opened: 10.0.1.2:4000 in ns_client @2 client[812] -> 10.0.1.1:8080 "
			 "server[700]\n");
}

/* ---- namespaces ---- */

/* 127.0.0.1 is another machine in each. */
static void test_same_endpoints_in_two_namespaces(void **state)
{
	static const char from[] = "127.0.0.1:4000", to[] = "127.0.0.1:8080";
	struct stream *s = conn_lab(NULL);
	struct wire syn = wire_segment(from, to, CONN_SYN, 0, 1000, 0, 64),
		    ack = wire_segment(to, from, CONN_SYN | CONN_ACK, 0, 9000, 1001, 64),
		    data = wire_segment(from, to, CONN_PSH | CONN_ACK, 5, 1001, 9001, 64);

	(void)state;
	stream_birth(s, 0xa000, CONN_NS_CLIENT, CONN_LO, &syn, 0);
	stream_birth(s, 0xa100, CONN_NS_CLIENT, CONN_LO, &ack, 0);
	stream_birth(s, 0xb000, CONN_NS_SERVER, CONN_LO, &syn, 0);
	stream_birth(s, 0xb100, CONN_NS_SERVER, CONN_LO, &ack, 0);
	stream_birth(s, 0xa200, CONN_NS_CLIENT, CONN_LO, &data, 0);
	stream_birth(s, 0xb200, CONN_NS_SERVER, CONN_LO, &data, 0);
	notes_expect(s, (struct note_kinds){ .births = true, .segments = true },
		     "#1 born, TCP to port 8080, by the kernel; ~1.0 SYN seq 0\n"
		     "#2 born, TCP to port 4000, by the kernel; ~1.1 SYN ACK seq 0 ack 1\n"
		     "#3 born, TCP to port 8080, by the kernel; ~2.0 SYN seq 0\n"
		     "#4 born, TCP to port 4000, by the kernel; ~2.1 SYN ACK seq 0 ack 1\n"
		     "#5 born, TCP to port 8080, by the kernel; ~1.0 PSH ACK seq 1 ack 1, 5 B\n"
		     "#6 born, TCP to port 8080, by the kernel; ~2.0 PSH ACK seq 1 ack 1, 5 B\n");
}

/* Another machine opens a connection to this one, which answers. */
static void test_stranger(void **state)
{
	static const char from[] = "192.0.2.7:5000", to[] = "10.0.1.1:8080";
	struct stream *s = conn_lab(NULL);
	struct wire syn = wire_segment(from, to, CONN_SYN, 0, 1000, 0, 64),
		    ack = wire_segment(to, from, CONN_SYN | CONN_ACK, 0, 9000, 1001, 64),
		    data = wire_segment(from, to, CONN_PSH | CONN_ACK, 5, 1001, 9001, 64);

	(void)state;
	stream_softirq(s, 0);
	stream_arrival(s, 0xa000, CONN_NS_SERVER, CONN_ETH, &syn);
	stream_birth(s, 0xb000, CONN_NS_SERVER, CONN_ETH, &ack, 0);
	stream_softirq(s, 0);
	stream_arrival(s, 0xa100, CONN_NS_SERVER, CONN_ETH, &data);
	notes_expect(s, segments,
		     "~1 opened: 192.0.2.7:5000 -> 10.0.1.1:8080 in ns_server\n"
		     "#1 born, TCP to port 8080; ~1.0 SYN seq 0\n"
		     "#2 born, TCP to port 5000, because of #1; ~1.1 SYN ACK seq 0 ack 1\n"
		     "#3 born, TCP to port 8080; ~1.0 PSH ACK seq 1 ack 1, 5 B\n");
}

/* This machine opens one to another. */
static void test_to_a_stranger(void **state)
{
	static const char from[] = "10.0.1.1:4000", to[] = "192.0.2.7:80";
	struct stream *s = conn_lab(NULL);
	struct wire syn = wire_segment(from, to, CONN_SYN, 0, 1000, 0, 64),
		    ack = wire_segment(to, from, CONN_SYN | CONN_ACK, 0, 9000, 1001, 64);

	(void)state;
	stream_birth(s, 0xa000, CONN_NS_SERVER, CONN_ETH, &syn, 0);
	stream_softirq(s, 0);
	stream_arrival(s, 0xb000, CONN_NS_SERVER, CONN_ETH, &ack);
	notes_expect(s, segments,
		     "~1 opened: 10.0.1.1:4000 in ns_server -> 192.0.2.7:80\n"
		     "#1 born, TCP to port 80, by the kernel; ~1.0 SYN seq 0\n"
		     "#2 born, TCP to port 4000; ~1.1 SYN ACK seq 0 ack 1\n");
}

/* Connected to itself: both ends are one. */
static void test_connected_to_itself(void **state)
{
	struct stream *s = conn_lab(NULL);
	struct wire syn = wire_segment(A, A, CONN_SYN, 0, 1000, 0, 64),
		    ack = wire_segment(A, A, CONN_ACK, 0, 1001, 1001, 64);

	(void)state;
	stream_birth(s, 0xa000, CONN_NS_CLIENT, CONN_LO, &syn, 0);
	stream_birth(s, 0xa100, CONN_NS_CLIENT, CONN_LO, &ack, 0);
	notes_expect(s, (struct note_kinds){ .births = true, .segments = true },
		     "#1 born, TCP to port 4000, by the kernel; ~1.0 SYN seq 0\n"
		     "#2 born, TCP to port 4000, by the kernel; ~1.0 ACK seq 1 ack 1\n");
}

/* ---- what is none ---- */

static void test_no_flow(void **state)
{
	struct stream *s = conn_lab(NULL);
	struct wire udp = wire_udp(A, B, 4), tcp = wire_tcp(A, B, CONN_ACK, 2000),
		    later = wire_fragment(tcp, 1480, false, 520);

	(void)state;
	stream_birth(s, 0xa000, CONN_NS_CLIENT, CONN_VETH_C, &udp, 0);
	stream_birth(s, 0xa100, CONN_NS_CLIENT, CONN_VETH_C, &later, 0);
	notes_expect(s, segments,
		     "#1 born, UDP to port 8080, by the kernel\n"
		     "#2 born, TCP, by the kernel\n");
}

/* ---- what is shown ---- */

/* Nothing of it is wanted. */
static void test_not_shown(void **state)
{
	struct stream *s = conn_lab("filter", "udp", NULL);
	struct conn c;

	(void)state;
	conn_init(&c, s, 0);
	c.unfollowed = true;
	conn_listen(&c, 1);
	conn_whole(&c);
	notes_expect(s, (struct note_kinds){ .flows = true, .states = true, .sockets = true }, "");
}

/* All of a followed program's connection is shown, what its stranger sends too. */
static void test_followed(void **state)
{
	struct stream *s = conn_lab("followed", NULL);
	struct conn_segment syn;
	struct conn c;

	(void)state;
	stream_by(s, 0, CONN_PID_CLIENT);
	segment(s, 0xf000, "10.0.1.2:5000", B, CONN_SYN, 1000, 0, 0);
	conn_init(&c, s, 0);
	syn = conn_syn(&c);
	conn_arrive(&c, &syn);
	conn_synack(&c, &syn);
	notes_expect(s, segments,
		     "~1 opened: 10.0.1.2:4000 in ns_client @1 client[812] -> 10.0.1.1:8080\n"
		     "#1 born, TCP to port 8080, by client[812] connect(3); ~1.0 SYN seq 0\n"
		     "#2 born, TCP to port 4000, because of #1; ~1.1 SYN ACK seq 0 ack 1\n");
}

/* What the other end sends is shown, though it does not get as far as the followed program. */
static void test_lost_on_the_way_to_a_followed_program(void **state)
{
	struct stream *s = conn_lab("followed", NULL);
	struct conn_segment syn, data;
	struct conn c;

	(void)state;
	conn_init(&c, s, 0);
	syn = conn_syn(&c);
	conn_arrive(&c, &syn);
	conn_synack(&c, &syn);
	stream_by(s, 1, CONN_PID_SERVER);
	s->call = 0;
	data = conn_send(&c, SERVER, CONN_PSH | CONN_ACK, 5);
	stream_drop(s, data.skb, "NEIGH_FAILED", "ip_finish_output2");
	notes_expect(s, (struct note_kinds){ .births = true, .fates = true },
		     "#1 born, TCP to port 8080, by client[812] connect(3)\n"
		     "#2 born, TCP to port 4000, because of #1\n"
		     "#1 consumed in ns_server by tcp_rcv_state_process\n"
		     "#3 born, TCP to port 4000, by the kernel\n"
		     "#3 dropped in ns_client: NEIGH_FAILED by ip_finish_output2\n");
}

/* Nobody has accepted it yet: it belongs to its listener's program. */
static void test_followed_before_it_is_accepted(void **state)
{
	struct stream *s = conn_lab("followed", NULL);
	struct conn c;

	(void)state;
	conn_init(&c, s, 0);
	conn_listen(&c, 1);
	c.unfollowed = true;
	conn_open(&c);
	stream_softirq(s, 1);
	conn_send(&c, SERVER, CONN_ACK, 0);
	notes_expect(s, (struct note_kinds){ .births = true },
		     "#1 born, TCP to port 8080, by client[812] connect(-1)\n"
		     "#2 born, TCP to port 4000, because of #1\n"
		     "#3 born, TCP to port 8080, because of #2\n"
		     "#4 born, TCP to port 4000, by the delayed ACK timer\n");
}

/* ---- many ---- */

/* More than are kept: the oldest are forgotten, and the next segment of one begins a new one. */
static void test_many(void **state)
{
	struct stream *s = conn_lab(NULL);
	struct notes notes;
	char from[32];

	(void)state;
	for (int i = 0; i < 20002; i++) {
		snprintf(from, sizeof(from), "10.0.%d.%d:4000", 2 + i / 250, i % 250);
		segment(s, 0xa000, from, B, CONN_SYN, 1000, 0, 0);
	}
	segment(s, 0xa000, from, B, CONN_SYN, 1000, 0, 0);
	segment(s, 0xa000, "10.0.2.1:4000", B, CONN_SYN, 1000, 0, 0);
	stream_end(s);
	notes_init(&notes);
	notes.quiet = true;
	notes_run(&notes, s);
	assert_int_equal(notes.summary.flows, 20003);
	assert_int_equal(notes.summary.retransmissions, 1);
	notes_done(&notes);
	stream_free(s);
}

/* on_queued(): seq_queued(flow_by_serial(...)) with a flow that FLOW_MAX pushed out: NULL. */
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

/* 127.0.0.1 in two namespaces, the handshakes at the same time: the answers change sides. */
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

/* A stranger's SYN arrives in one namespace, which forwards it to another: one connection. */
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

/* The router gives the segment other addresses and ports; the answer bears those. */
static void test_translated(void **state)
{
	static const char from[] = "192.0.2.7:5000", to[] = "198.51.100.1:80",
			  in[] = "10.0.1.1:6000", server[] = "10.0.1.2:8080";
	struct stream *s = conn_lab(NULL);
	struct wire syn = wire_segment(from, to, CONN_SYN, 0, 1000, 0, 64),
		    inside = wire_segment(in, server, CONN_SYN, 0, 1000, 0, 63),
		    ack = wire_segment(server, in, CONN_SYN | CONN_ACK, 0, 9000, 1001, 64),
		    data = wire_segment(from, to, CONN_ACK, 0, 1001, 9001, 64);

	(void)state;
	stream_softirq(s, 0);
	stream_arrival(s, 0xa000, CONN_NS_SERVER, CONN_ETH, &syn);
	stream_forwarded(s, 0xa000, CONN_NS_SERVER, CONN_VETH_S, &inside);
	stream_see(s, HS_STAGE_DEV_XMIT, 0xa000, CONN_NS_SERVER, CONN_VETH_S);
	stream_see(s, HS_STAGE_BACKLOG, 0xa000, CONN_NS_CLIENT, CONN_VETH_C);
	stream_see(s, HS_STAGE_RECEIVE, 0xa000, CONN_NS_CLIENT, CONN_VETH_C);
	stream_birth(s, 0xb000, CONN_NS_CLIENT, CONN_VETH_C, &ack, 0);
	stream_softirq(s, 0);
	stream_arrival(s, 0xa100, CONN_NS_SERVER, CONN_ETH, &data);
	stream_forwarded(s, 0xa100, CONN_NS_SERVER, CONN_VETH_S, &inside);
	notes_expect(s, (struct note_kinds){ .births = true, .segments = true },
		     "#1 born, TCP to port 80; ~1.0 SYN seq 0\n"
		     "#2 born, TCP to port 6000, because of #1; ~1.1 SYN ACK seq 0 ack 1\n"
		     "#3 born, TCP to port 80; ~1.0 ACK seq 1 ack 1\n");
}

/* Time goes on between the end of a segment and the ACK that it provokes. */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told_once),
		cmocka_unit_test(test_both_directions),
		cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_mapped_socket),
		cmocka_unit_test(test_seen_in_the_middle),
		cmocka_unit_test(test_seen_from_the_answer_on),
		cmocka_unit_test(test_socket_found_later),
		cmocka_unit_test(test_same_endpoints_after_close),
		cmocka_unit_test(test_another_initial_number),
		cmocka_unit_test(test_syn_sent_again),
		cmocka_unit_test(test_forgotten_when_over),
		cmocka_unit_test(test_kept_when_quiet),
		cmocka_unit_test(test_same_endpoints_in_two_namespaces),
		cmocka_unit_test(test_stranger),
		cmocka_unit_test(test_to_a_stranger),
		cmocka_unit_test(test_connected_to_itself),
		cmocka_unit_test(test_no_flow),
		cmocka_unit_test(test_not_shown),
		cmocka_unit_test(test_followed),
		cmocka_unit_test(test_lost_on_the_way_to_a_followed_program),
		cmocka_unit_test(test_followed_before_it_is_accepted),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_queued_after_its_flow_is_forgotten),
		cmocka_unit_test(test_two_namespaces_at_once),
		cmocka_unit_test(test_stranger_is_forwarded),
		cmocka_unit_test(test_translated),
		cmocka_unit_test(test_tick_before_the_ack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
