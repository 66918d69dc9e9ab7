// SPDX-License-Identifier: BSD-2-Clause
/*
 * The journey engine, from records to what a sink is told. Each test tells a story of one or two
 * packets as the kernel's tracepoints do, and compares what the engine makes of it.
 *
 * The lab: ns_client (1) with veth_c (2), joined to ns_server (2) with veth_s (3).
 */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "../../loader/journey.h"
#include "helper_notes.h"
#include "helper_stream.h"

enum { NS_CLIENT = 1, NS_SERVER = 2, NS_ROUTER = 3 };
enum { LO = 1, VETH_C = 2, VETH_S = 3, VETH_RC = 4, VETH_RS = 5, VLAN = 6, ETH = 7 };
enum { CLIENT = 812, SERVER = 700, SECOND = 701 };
enum { SK_CLIENT = 0xc000, SK_SERVER = 0x5000, SK_RAW = 0x7000 };
/* skb addresses */
enum { A = 0xa000, B = 0xb000, C = 0xc100, D = 0xd000 };

#define CLIENT_ADDR "10.0.1.2"
#define SERVER_ADDR "10.0.1.1"
#define CLIENT_EP   CLIENT_ADDR ":4000"
#define SERVER_EP   SERVER_ADDR ":8080"

static struct stream *lab_of(struct stream *s)
{
	stream_netns(s, NS_CLIENT, "ns_client");
	stream_netns(s, NS_SERVER, "ns_server");
	stream_netns(s, NS_ROUTER, "ns_router");
	stream_dev(s, NS_CLIENT, VETH_C, "veth_c", "veth");
	stream_dev(s, NS_SERVER, VETH_S, "veth_s", "veth");
	stream_dev(s, NS_ROUTER, VETH_RC, "veth_rc", "veth");
	stream_dev(s, NS_ROUTER, VETH_RS, "veth_rs", "veth");
	stream_dev(s, NS_CLIENT, VLAN, "vlan5", "vlan");
	stream_dev(s, NS_SERVER, ETH, "eth0", "");
	stream_task(s, CLIENT, "client");
	stream_task(s, SERVER, "server");
	stream_task(s, SECOND, "second");
	stream_sock_is(s, SK_CLIENT, NS_CLIENT, IPPROTO_UDP, CLIENT_EP, SERVER_EP);
	stream_sock_is(s, SK_SERVER, NS_SERVER, IPPROTO_UDP, SERVER_EP, NULL);
	stream_sock(s, SK_SERVER, SERVER, "server", false);
	stream_by(s, 0, CLIENT);
	return s;
}

static struct stream *lab(void)
{
	return lab_of(stream_new(NULL));
}

/* ---- what happens again and again ---- */

/* Handed to veth_c, and by it to its peer. */
static void sent(struct stream *s, uint64_t skb, const struct wire *wire, uint64_t sk)
{
	stream_birth(s, skb, NS_CLIENT, VETH_C, wire, sk);
	stream_see(s, HS_STAGE_DEV_XMIT, skb, NS_CLIENT, VETH_C);
	stream_see(s, HS_STAGE_BACKLOG, skb, NS_SERVER, VETH_S);
}

/* The softirq that receives it begins. */
static void received(struct stream *s, uint64_t skb)
{
	stream_softirq(s, s->cpu);
	stream_see(s, HS_STAGE_RECEIVE, skb, NS_SERVER, VETH_S);
}

static void crossed(struct stream *s, uint64_t skb, const struct wire *wire, uint64_t sk)
{
	sent(s, skb, wire, sk);
	received(s, skb);
}

/* As far as the queue of the server's socket, in which `qlen` packets are then. */
static void delivered(struct stream *s, uint64_t skb, const struct wire *wire, uint32_t qlen)
{
	stream_by(s, 0, CLIENT);
	crossed(s, skb, wire, SK_CLIENT);
	stream_queued(s, SK_SERVER, skb, qlen);
	stream_back(s);
}

static void read_by(struct stream *s, uint32_t pid, int32_t ret, uint32_t flags, uint32_t qlen)
{
	stream_by(s, 1, pid);
	stream_read(s, SK_SERVER, ret, flags, qlen);
}

static struct wire datagram(uint32_t payload)
{
	return wire_udp(CLIENT_EP, SERVER_EP, payload);
}

/* ---- running a stream ---- */

struct run {
	struct hs_names *names;
	struct hs_select select;
	struct hs_journeys *journeys;
	struct hs_decoder *decoder;
	size_t underway; /* before END */
};

static int run_record(void *ctx, const struct hs_hdr *rec)
{
	struct run *r = ctx;

	if (rec->type == HS_REC_START) {
		const struct hs_rec_start *start = (const void *)rec;
		char err[256];

		assert_int_equal(select_add_spec(&r->select, start->spec, start->spec_len, err,
						 sizeof(err)),
				 0);
	}
	if (rec->type == HS_REC_END)
		r->underway = journeys_underway(r->journeys);
	return decode_record(r->decoder, rec);
}

static size_t run(struct stream *s, struct notes *notes)
{
	struct run r = {.names = names_new()};

	assert_non_null(r.names);
	r.journeys = journeys_new(r.names, &r.select, &notes->sink);
	assert_non_null(r.journeys);
	r.decoder = decode_new(r.names, journeys_event, journeys_gap, r.journeys);
	assert_non_null(r.decoder);
	assert_int_equal(stream_each(s, run_record, &r), 0);
	decode_free(r.decoder);
	journeys_free(r.journeys);
	select_free(&r.select);
	names_free(r.names);
	return r.underway;
}

static void expect_with(struct stream *s, bool hops, const char *expected)
{
	struct notes notes;

	stream_end(s);
	notes_init(&notes);
	notes.hops = hops;
	run(s, &notes);
	assert_string_equal(notes_text(&notes), expected);
	notes_done(&notes);
	stream_free(s);
}

/* The stream ends; these lines and no others come out. Frees the stream. */
static void expect(struct stream *s, const char *expected)
{
	expect_with(s, false, expected);
}

static void expect_hops(struct stream *s, const char *expected)
{
	expect_with(s, true, expected);
}

/* ---- delivered and read ---- */

static void test_delivered_and_read(void **state)
{
	struct stream *s = lab();
	struct wire w = datagram(4);

	(void)state;
	stream_enter(s, HS_CALL_SENDTO, 3, SK_CLIENT, 4, SERVER_EP);
	stream_stack(s, "bpf_prog_1 < __traceiter_net_dev_queue < __dev_queue_xmit < "
			"ip_finish_output2 < ip_output < ip_send_skb < udp_sendmsg < "
			"__sys_sendto < __x64_sys_sendto < do_syscall_64");
	stream_birth(s, A, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_CLIENT, VETH_C);
	stream_see(s, HS_STAGE_BACKLOG, A, NS_SERVER, VETH_S);
	received(s, A);
	stream_stack(s, "sock_def_readable < __udp_enqueue_schedule_skb < udp_queue_rcv_skb < "
			"udp_rcv < ip_local_deliver < ip_rcv < __netif_receive_skb < "
			"process_backlog < net_rx_action < handle_softirqs < do_softirq < "
			"__dev_queue_xmit < udp_sendmsg");
	stream_queued(s, SK_SERVER, A, 1);
	stream_leave(s, 4);
	stream_by(s, 1, SERVER);
	stream_read(s, SK_SERVER, 4, 0, 0);
	expect_hops(s, "#1 born, UDP to port 8080, by client[812] sendto(3)\n"
		       "#1   ns_client/veth_c udp send (via udp_sendmsg)\n"
		       "#1   ns_client/veth_c ip output (via ip_output)\n"
		       "#1   ns_client/veth_c device queue [__sys_sendto udp_sendmsg ip_send_skb "
		       "ip_output ip_finish_output2 __dev_queue_xmit]\n"
		       "#1   ns_client/veth_c transmit\n"
		       "#1   => ns_server/veth_s backlog\n"
		       "#1   ns_server/veth_s receive (in the sender's call)\n"
		       "#1   ns_server/veth_s ip receive (via ip_rcv)\n"
		       "#1   ns_server/veth_s ip local deliver (via ip_local_deliver)\n"
		       "#1   ns_server/veth_s udp receive (via udp_rcv)\n"
		       "#1   ns_server/veth_s socket queue (server[700], 1 waiting, 768 of 212992 "
		       "B) [net_rx_action process_backlog __netif_receive_skb ip_rcv "
		       "ip_local_deliver udp_rcv udp_queue_rcv_skb __udp_enqueue_schedule_skb "
		       "sock_def_readable]\n"
		       "#1 queued at @2 in ns_server\n"
		       "sendto(3) = 4, sent #1\n"
		       "#1 read by server[700] recvfrom, 4 B\n"
		       "#1 settled\n");
}

static void test_reader_wins_the_race(void **state)
{
	struct stream *s = lab();
	struct wire w = datagram(4);

	(void)state;
	/* The reader on CPU 1 has it before the softirq on CPU 0 can say that it was queued. */
	crossed(s, A, &w, SK_CLIENT);
	stream_by(s, 1, SERVER);
	stream_read(s, SK_SERVER, 4, 0, 0);
	s->cpu = 0;
	s->ctx = s->last_ctx;
	stream_queued(s, SK_SERVER, 0, 0);
	expect(s, "#1 born, UDP to port 8080, by the kernel\n"
		  "#1 queued at @1 in ns_server\n"
		  "#1 read by server[700] recvfrom, 4 B\n"
		  "#1 settled\n");
}

static void test_two_readers_win_the_race(void **state)
{
	struct stream *s = lab();
	struct wire w = datagram(4), x = datagram(8);
	uint32_t first, second;

	(void)state;
	/* Two softirqs fill the queue, two readers empty it, and only then is it told. */
	crossed(s, A, &w, SK_CLIENT);
	first = s->ctx;
	stream_by(s, 2, SECOND);
	crossed(s, B, &x, SK_CLIENT);
	second = s->ctx;
	read_by(s, SERVER, 4, 0, 1);
	read_by(s, SECOND, 8, 0, 0);
	s->cpu = 0;
	s->ctx = first;
	stream_queued(s, SK_SERVER, 0, 0);
	s->cpu = 2;
	s->ctx = second;
	stream_queued(s, SK_SERVER, 0, 0);
	expect(s, "#1 born, UDP to port 8080, by the kernel\n"
		  "#2 born, UDP to port 8080, by the kernel\n"
		  "#1 queued at @1 in ns_server\n"
		  "#1 read by server[700] recvfrom, 4 B\n"
		  "#1 settled\n"
		  "#2 queued at @1 in ns_server\n"
		  "#2 read by second[701] recvfrom, 8 B\n"
		  "#2 settled\n");
}

static void test_read_of_an_older_datagram(void **state)
{
	struct stream *s = lab();
	struct wire w = datagram(4);

	(void)state;
	/* What was queued before tracing began is read; that is not the read of what comes later. */
	read_by(s, SERVER, 9, 0, 0);
	delivered(s, A, &w, 1);
	read_by(s, SECOND, 4, 0, 0);
	expect(s, "#1 born, UDP to port 8080, by the kernel\n"
		  "#1 queued at @1 in ns_server\n"
		  "#1 read by second[701] recvfrom, 4 B\n"
		  "#1 settled\n");
}

static void test_two_readers(void **state)
{
	struct stream *s = lab();
	struct wire w = datagram(4), x = datagram(8);

	(void)state;
	delivered(s, A, &w, 1);
	delivered(s, B, &x, 2);
	read_by(s, SECOND, 4, 0, 1);
	read_by(s, SERVER, 8, 0, 0);
	expect(s, "#1 born, UDP to port 8080, by the kernel\n"
		  "#1 queued at @1 in ns_server\n"
		  "#2 born, UDP to port 8080, by the kernel\n"
		  "#2 queued at @1 in ns_server\n"
		  "#1 read by second[701] recvfrom, 4 B\n"
		  "#1 settled\n"
		  "#2 read by server[700] recvfrom, 8 B\n"
		  "#2 settled\n");
}

static void test_peek_is_no_read(void **state)
{
	struct stream *s = lab();
	struct wire w = datagram(4);

	(void)state;
	delivered(s, A, &w, 1);
	read_by(s, SERVER, 4, 0x2 /* MSG_PEEK */, 1);
	read_by(s, SERVER, 4, 0, 0);
	expect(s, "#1 born, UDP to port 8080, by the kernel\n"
		  "#1 queued at @1 in ns_server\n"
		  "#1 read by server[700] recvfrom, 4 B\n"
		  "#1 settled\n");
}

static void test_cut_by_a_short_buffer(void **state)
{
	struct stream *s = lab();
	struct wire w = datagram(10);

	(void)state;
	delivered(s, A, &w, 1);
	delivered(s, B, &w, 2);
	read_by(s, SERVER, 3, 0, 1);
	/* With MSG_TRUNC the call returns how long the datagram was. */
	stream_by(s, 1, SERVER);
	stream_enter(s, HS_CALL_RECVFROM, 3, SK_SERVER, 3, NULL);
	stream_read(s, SK_SERVER, 10, 0x20 /* MSG_TRUNC */, 0);
	stream_leave(s, 10);
	expect(s, "#1 born, UDP to port 8080, by the kernel\n"
		  "#1 queued at @1 in ns_server\n"
		  "#2 born, UDP to port 8080, by the kernel\n"
		  "#2 queued at @1 in ns_server\n"
		  "#1 read by server[700] recvfrom, 3 B, 7 lost\n"
		  "#1 settled\n"
		  "#2 read by server[700] recvfrom, 3 B, 7 lost\n"
		  "#2 settled\n"
		  "recvfrom(3) = 10, read #2\n");
}

static void test_unread_at_close(void **state)
{
	struct stream *s = lab();
	struct wire w = datagram(4);

	(void)state;
	delivered(s, A, &w, 1);
	stream_by(s, 1, 0);
	stream_softirq(s, 1);
	stream_drop(s, A, "NOT_SPECIFIED", "udp_destruct_common");
	expect(s, "#1 born, UDP to port 8080, by the kernel\n"
		  "#1 queued at @1 in ns_server\n"
		  "#1 unread at close\n"
		  "#1 settled\n");
}

static void test_full_receive_buffer(void **state)
{
	struct stream *s = lab();
	struct wire w = datagram(4);

	(void)state;
	crossed(s, A, &w, SK_CLIENT);
	stream_drop_at(s, A, "SOCKET_RCVBUFF", "__udp_enqueue_schedule_skb", SK_SERVER, 2304, 2304);
	expect(s, "#1 born, UDP to port 8080, by the kernel\n"
		  "#1 dropped at @1 in ns_server: SOCKET_RCVBUFF by __udp_enqueue_schedule_skb (the "
		  "receive buffer of server[700] (socket @1, 10.0.1.1:8080) is full: 2304 of 2304 B "
		  "in use)\n"
		  "#1 settled\n");
}

/* A datagram thrown out of the queue by its reader (bad checksum) is not what the next read gets. */
static void test_reader_discards_one(void **state)
{
	struct stream *s = lab();
	struct wire w = datagram(4), x = datagram(8);

	(void)state;
	delivered(s, A, &w, 1);
	delivered(s, B, &x, 2);
	stream_by(s, 1, SERVER);
	stream_drop(s, A, "UDP_CSUM", "udp_recvmsg");
	read_by(s, SERVER, 8, 0, 0);
	expect(s, "#1 born, UDP to port 8080, by the kernel\n"
		  "#1 queued at @1 in ns_server\n"
		  "#2 born, UDP to port 8080, by the kernel\n"
		  "#2 queued at @1 in ns_server\n"
		  "#1 unread at close\n"
		  "#1 settled\n"
		  "#2 read by server[700] recvfrom, 8 B\n"
		  "#2 settled\n");
}

static void test_raw_socket_gets_a_clone(void **state)
{
	struct stream *s = lab();
	struct wire w = wire_echo(SERVER_ADDR, CLIENT_ADDR, true, 56);

	(void)state;
	stream_sock_is(s, SK_RAW, NS_SERVER, IPPROTO_ICMP, "0.0.0.0", NULL);
	stream_sock(s, SK_RAW, SERVER, "ping", false);
	stream_by(s, 0, CLIENT);
	crossed(s, A, &w, 0);
	stream_queued(s, SK_RAW, B, 1); /* the clone; the original goes on to icmp_rcv() */
	stream_consume(s, A, "icmp_rcv");
	stream_by(s, 1, SERVER);
	stream_consume(s, B, "skb_free_datagram");
	stream_read(s, SK_RAW, 84, 0, 0);
	expect(s, "#1 born, ICMP, by the kernel\n"
		  "#1 queued at @1 in ns_server\n"
		  "#1 read by server[700] recvfrom, 56 B\n"
		  "#1 settled\n");
}

/* ---- the closed port ---- */

/* The kernel's own order: the ICMP error sets out before the datagram that caused it is freed. */
static void closed_port(struct stream *s, const struct wire *w, bool tracepoint)
{
	struct wire e = w->proto == 0x86dd ? wire_error(w, "fd00::1", 1, 4)
					   : wire_error(w, SERVER_ADDR, 3, 3);
	uint32_t softirq;

	crossed(s, A, w, SK_CLIENT);
	softirq = s->ctx;
	if (tracepoint) {
		stream_stack(s, "__icmp_send < __udp4_lib_rcv < ip_local_deliver < handle_softirqs");
		stream_icmp(s, A, NS_SERVER, VETH_S, 3, 3);
	} else {
		stream_stack(s, "__dev_queue_xmit < icmp6_send < __udp6_lib_rcv < ip6_input < "
				"handle_softirqs");
	}
	stream_birth(s, B, NS_SERVER, VETH_S, &e, 0);
	stream_see(s, HS_STAGE_DEV_XMIT, B, NS_SERVER, VETH_S);
	stream_see(s, HS_STAGE_BACKLOG, B, NS_CLIENT, VETH_C);
	stream_drop(s, A, "NO_SOCKET", w->proto == 0x86dd ? "__udp6_lib_rcv" : "__udp4_lib_rcv");
	s->ctx = softirq;
	stream_see(s, HS_STAGE_RECEIVE, B, NS_CLIENT, VETH_C);
}

/* O2: a connected client is told by the call that waits for the answer. */
static void test_closed_port(void **state)
{
	struct stream *s = lab();
	struct wire w = datagram(4);

	(void)state;
	stream_bound(s, NS_SERVER, IPPROTO_UDP, "10.0.9.9:8080");
	stream_enter(s, HS_CALL_SENDTO, 3, SK_CLIENT, 4, NULL);
	closed_port(s, &w, true);
	stream_error(s, SK_CLIENT, ECONNREFUSED);
	stream_consume(s, B, "icmp_rcv");
	stream_leave(s, 4);
	stream_enter(s, HS_CALL_RECVFROM, 3, SK_CLIENT, 64, NULL);
	stream_read(s, SK_CLIENT, -ECONNREFUSED, 0, 0);
	stream_leave(s, -ECONNREFUSED);
	expect_hops(s, "#1 born, UDP to port 8080, by client[812] sendto(3)\n"
		       "#1   ns_client/veth_c device queue\n"
		       "#1   ns_client/veth_c transmit\n"
		       "#1   => ns_server/veth_s backlog\n"
		       "#1   ns_server/veth_s receive (in the sender's call)\n"
		       "#1   ns_server/veth_s ip local deliver (via ip_local_deliver)\n"
		       "#1   ns_server/veth_s udp receive (via __udp4_lib_rcv)\n"
		       "#1   ns_server/veth_s icmp error (ICMP port unreachable) "
		       "[ip_local_deliver __udp4_lib_rcv __icmp_send]\n"
		       "#2 born, ICMP, because of #1: ICMP port unreachable, built in __icmp_send\n"
		       "#2   ns_server/veth_s device queue\n"
		       "#2   ns_server/veth_s transmit\n"
		       "#2   => ns_client/veth_c backlog\n"
		       "#1   ns_server/veth_s drop\n"
		       "#1 dropped in ns_server: NO_SOCKET by __udp4_lib_rcv (no UDP socket on "
		       "10.0.1.1:8080 (one is on 10.0.9.9:8080))\n"
		       "#2   ns_client/veth_c receive\n"
		       "#2   ns_client/veth_c socket error (client[812] will be told)\n"
		       "#2   ns_client/veth_c consumed\n"
		       "#2 consumed in ns_client by icmp_rcv\n"
		       "sendto(3) = 4, sent #1\n"
		       "#2 told recvfrom ECONNREFUSED\n"
		       "#2 settled\n"
		       "#1 settled, caused #2\n"
		       "recvfrom(3) = ECONNREFUSED, error from #2 (told by #2, ICMP port "
		       "unreachable)\n");
}

/* The error may also come out of the next send. */
static void test_closed_port_told_by_send(void **state)
{
	struct stream *s = lab();
	struct wire w = datagram(4);

	(void)state;
	closed_port(s, &w, true);
	stream_error(s, SK_CLIENT, ECONNREFUSED);
	stream_consume(s, B, "icmp_rcv");
	stream_by(s, 0, CLIENT);
	stream_enter(s, HS_CALL_SENDTO, 3, SK_CLIENT, 4, NULL);
	stream_send_failed(s, SK_CLIENT, -ECONNREFUSED);
	stream_leave(s, -ECONNREFUSED);
	expect(s, "#1 born, UDP to port 8080, by the kernel\n"
		  "#2 born, ICMP, because of #1: ICMP port unreachable, built in __icmp_send\n"
		  "#1 dropped in ns_server: NO_SOCKET by __udp4_lib_rcv (no UDP socket on "
		  "10.0.1.1:8080)\n"
		  "#2 consumed in ns_client by icmp_rcv\n"
		  "#2 told sendto ECONNREFUSED\n"
		  "#2 settled\n"
		  "#1 settled, caused #2\n"
		  "sendto(3) = ECONNREFUSED, error from #2 (told by #2, ICMP port unreachable)\n");
}

/* O52: an unconnected socket is not told. The kernel frees the handled error as NOT_SPECIFIED. */
static void test_closed_port_unconnected(void **state)
{
	struct stream *s = lab();
	struct wire w = datagram(4);

	(void)state;
	stream_sock_is(s, SK_CLIENT, NS_CLIENT, IPPROTO_UDP, CLIENT_EP, NULL);
	stream_sock(s, SK_CLIENT, CLIENT, "client", false);
	closed_port(s, &w, true);
	stream_drop(s, B, "NOT_SPECIFIED", "icmp_rcv");
	expect(s, "#1 born, UDP to port 8080, by the kernel\n"
		  "#2 born, ICMP, because of #1: ICMP port unreachable, built in __icmp_send\n"
		  "#1 dropped in ns_server: NO_SOCKET by __udp4_lib_rcv (no UDP socket on "
		  "10.0.1.1:8080)\n"
		  "#2 consumed in ns_client by icmp_rcv\n"
		  "#2 told nobody (the socket is not connected, so an error could be about any of "
		  "its peers (connect() it, or set IP_RECVERR))\n"
		  "#2 settled\n"
		  "#1 settled, caused #2\n");
}

/* The server's socket is closed by now: it is not "on" that address any more. */
static void test_closed_port_after_close(void **state)
{
	struct stream *s = lab();
	struct wire w = datagram(4);

	(void)state;
	crossed(s, A, &w, SK_CLIENT);
	stream_icmp(s, A, NS_SERVER, VETH_S, 3, 3);
	stream_drop(s, A, "NO_SOCKET", "__udp4_lib_rcv");
	expect(s, "#1 born, UDP to port 8080, by the kernel\n"
		  "#1 dropped in ns_server: NO_SOCKET by __udp4_lib_rcv (no UDP socket on "
		  "10.0.1.1:8080)\n"
		  "#1 settled\n");
}

/* ICMPv6 has no tracepoint: the error's birth shows that it was built, and the stack where. */
static void test_closed_port_ipv6(void **state)
{
	struct stream *s = lab();
	struct wire w = wire_udp("[fd00::2]:4000", "[fd00::1]:8080", 4);

	(void)state;
	stream_sock_is(s, SK_CLIENT, NS_CLIENT, IPPROTO_UDP, "[fd00::2]:4000", "[fd00::1]:8080");
	stream_sock(s, SK_CLIENT, CLIENT, "client", false);
	closed_port(s, &w, false);
	stream_error(s, SK_CLIENT, ECONNREFUSED);
	stream_consume(s, B, "icmpv6_rcv");
	expect(s, "#1 born, UDP to port 8080, by the kernel\n"
		  "#2 born, ICMPv6, because of #1: ICMPv6 port unreachable, built in icmp6_send\n"
		  "#1 dropped in ns_server: NO_SOCKET by __udp6_lib_rcv (no UDP socket on "
		  "[fd00::1]:8080)\n"
		  "#2 consumed in ns_client by icmpv6_rcv\n"
		  "#1 settled, caused #2\n"
		  "#2 settled\n");
}

static void dropped_silently(struct stream *s, uint64_t skb, const struct wire *w)
{
	stream_by(s, 0, CLIENT);
	crossed(s, skb, w, SK_CLIENT);
	stream_drop(s, skb, "NO_SOCKET", "__udp4_lib_rcv");
}

/* O53: errors that were not sent are explained by the limits' counters, one each, no more. */
static void test_icmp_rate_limit(void **state)
{
	struct stream *s = lab();
	struct wire w = datagram(4);

	(void)state;
	stream_counter(s, NS_CLIENT, 0, 0, 0);
	stream_counter(s, NS_SERVER, 7, 100, 0);
	stream_counter(s, NS_SERVER, 7, 101, 0); /* one rose before the drop was told */
	dropped_silently(s, A, &w);
	dropped_silently(s, B, &w);
	stream_counter(s, NS_CLIENT, 5, 0, 0); /* another namespace's say nothing */
	stream_counter(s, NS_SERVER, 8, 101, 0);
	dropped_silently(s, C, &w);
	expect(s, "#1 born, UDP to port 8080, by the kernel\n"
		  "#1 dropped in ns_server: NO_SOCKET by __udp4_lib_rcv (no UDP socket on "
		  "10.0.1.1:8080)\n"
		  "#1 no ICMP (rate limit (IcmpOutRateLimitHost rose; sysctl "
		  "net.ipv4.icmp_ratelimit))\n"
		  "#1 settled\n"
		  "#2 born, UDP to port 8080, by the kernel\n"
		  "#2 dropped in ns_server: NO_SOCKET by __udp4_lib_rcv (no UDP socket on "
		  "10.0.1.1:8080)\n"
		  "#2 no ICMP (rate limit (IcmpOutRateLimitGlobal rose; sysctl "
		  "net.ipv4.icmp_ratelimit))\n"
		  "#2 settled\n"
		  "#3 born, UDP to port 8080, by the kernel\n"
		  "#3 dropped in ns_server: NO_SOCKET by __udp4_lib_rcv (no UDP socket on "
		  "10.0.1.1:8080)\n"
		  "#3 no ICMP (none was seen, and no counter tells why)\n"
		  "#3 settled\n");
}

/* A datagram to many asks for no error. */
static void test_multicast_deserves_no_icmp(void **state)
{
	struct stream *s = lab();
	struct wire w = wire_udp(CLIENT_EP, "239.1.2.3:8080", 4);

	(void)state;
	dropped_silently(s, A, &w);
	expect(s, "#1 born, UDP to port 8080, by the kernel\n"
		  "#1 dropped in ns_server: NO_SOCKET by __udp4_lib_rcv (no UDP socket on "
		  "239.1.2.3:8080)\n"
		  "#1 settled\n");
}

/* ---- waiting for ARP ---- */

static void test_waited_for_arp(void **state)
{
	struct stream *s = lab();
	struct wire w = datagram(4), ask = wire_arp(CLIENT_ADDR, SERVER_ADDR, 1),
		    answer = wire_arp(SERVER_ADDR, CLIENT_ADDR, 2);

	(void)state;
	stream_enter(s, HS_CALL_SENDTO, 3, SK_CLIENT, 4, NULL);
	crossed(s, A, &ask, 0);
	stream_birth(s, B, NS_SERVER, VETH_S, &answer, 0);
	stream_see(s, HS_STAGE_DEV_XMIT, B, NS_SERVER, VETH_S);
	stream_see(s, HS_STAGE_BACKLOG, B, NS_CLIENT, VETH_C);
	stream_consume(s, A, "arp_process");
	stream_see(s, HS_STAGE_RECEIVE, B, NS_CLIENT, VETH_C);
	/* neigh_update() sends what waited, in the softirq that received the answer */
	stream_stack(s, "__dev_queue_xmit < ip_finish_output2 < neigh_update < arp_process < "
			"handle_softirqs");
	stream_birth(s, C, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	stream_see(s, HS_STAGE_DEV_XMIT, C, NS_CLIENT, VETH_C);
	stream_consume(s, B, "arp_process");
	stream_leave(s, 4);
	expect(s, "#1 born, by client[812] sendto(3)\n"
		  "#2 born, because of #1\n"
		  "#1 consumed in ns_server by arp_process\n"
		  "#3 born, UDP to port 8080, by client[812] sendto(3)\n"
		  "#2 consumed in ns_client by arp_process\n"
		  "#2 settled\n"
		  "sendto(3) = 4, sent #1 #3\n"
		  "#1 settled, caused #2\n"
		  "#3 settled\n");
}

/* The error had to ask for the way back first; it is about the datagram, not about the answer. */
static void test_icmp_error_waited_for_arp(void **state)
{
	struct stream *s = lab();
	struct wire w = datagram(4), e = wire_error(&w, SERVER_ADDR, 3, 3),
		    answer = wire_arp(CLIENT_ADDR, SERVER_ADDR, 2);

	(void)state;
	crossed(s, A, &w, SK_CLIENT);
	stream_icmp(s, A, NS_SERVER, VETH_S, 3, 3);
	stream_drop(s, A, "NO_SOCKET", "__udp4_lib_rcv");
	stream_back(s);
	stream_by(s, 0, 0);
	crossed(s, B, &answer, 0);
	stream_birth(s, C, NS_SERVER, VETH_S, &e, 0);
	stream_consume(s, B, "arp_process");
	expect(s, "#1 born, UDP to port 8080, by the kernel\n"
		  "#1 dropped in ns_server: NO_SOCKET by __udp4_lib_rcv (no UDP socket on "
		  "10.0.1.1:8080)\n"
		  "#1 settled\n"
		  "#2 born, ICMP, because of #1: ICMP port unreachable\n"
		  "#2 settled\n");
}

/* ---- identity ---- */

/* UDP that is read on the CPU that received it has no visible free: the address comes back. */
static void test_address_reused_after_read(void **state)
{
	struct stream *s = lab();
	struct wire w = datagram(4), x = datagram(8);

	(void)state;
	delivered(s, A, &w, 1);
	read_by(s, SERVER, 4, 0, 0);
	delivered(s, A, &x, 1);
	read_by(s, SERVER, 8, 0, 0);
	expect(s, "#1 born, UDP to port 8080, by the kernel\n"
		  "#1 queued at @1 in ns_server\n"
		  "#1 read by server[700] recvfrom, 4 B\n"
		  "#1 settled\n"
		  "#2 born, UDP to port 8080, by the kernel\n"
		  "#2 queued at @1 in ns_server\n"
		  "#2 read by server[700] recvfrom, 8 B\n"
		  "#2 settled\n");
}

static void test_address_reused_after_drop(void **state)
{
	struct stream *s = lab();
	struct wire w = datagram(4);

	(void)state;
	crossed(s, A, &w, SK_CLIENT);
	stream_drop(s, A, "UDP_CSUM", "__udp4_lib_rcv");
	delivered(s, A, &w, 1);
	stream_consume(s, A, "skb_defer_free_flush");
	read_by(s, SERVER, 4, 0, 0);
	expect(s, "#1 born, UDP to port 8080, by the kernel\n"
		  "#1 dropped in ns_server: UDP_CSUM by __udp4_lib_rcv (the UDP checksum is wrong, "
		  "so the data cannot be trusted)\n"
		  "#1 settled\n"
		  "#2 born, UDP to port 8080, by the kernel\n"
		  "#2 queued at @1 in ns_server\n"
		  "#2 read by server[700] recvfrom, 4 B\n"
		  "#2 settled\n");
}

/* A pure ACK has no event after its reception, so the next packet at its address is another. */
static void test_address_reused_after_nothing(void **state)
{
	struct stream *s = lab();
	struct wire ack = wire_tcp(CLIENT_EP, SERVER_EP, 0x10, 0);
	struct wire fin = wire_tcp(CLIENT_EP, SERVER_EP, 0x11, 0);

	(void)state;
	crossed(s, A, &ack, 0);
	stream_back(s);
	crossed(s, A, &fin, 0);
	stream_drop(s, A, "QUEUE_PURGE", "sk_stream_kill_queues");
	stream_tick(s, 150 * STREAM_MS);
	expect(s, "#1 born, TCP to port 8080, by the kernel\n"
		  "#2 born, TCP to port 8080, by the kernel\n"
		  "#2 consumed in ns_server by sk_stream_kill_queues\n"
		  "#2 settled\n"
		  "#1 consumed in ns_server (taken by TCP; nothing shows its end), inferred\n"
		  "#1 settled\n");
}

/* A segment and its retransmission have one memory, and both are journeys. */
static void test_same_memory_sent_twice(void **state)
{
	struct stream *s = lab();
	struct wire w = wire_tcp(CLIENT_EP, SERVER_EP, 0x18, 100);

	(void)state;
	stream_birth(s, A, NS_CLIENT, VETH_C, &w, 0);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_CLIENT, VETH_C);
	stream_drop(s, A, "NOT_SPECIFIED", "veth_xmit");
	stream_wait(s, 200 * STREAM_MS);
	stream_softirq(s, 0);
	stream_birth(s, A, NS_CLIENT, VETH_C, &w, 0);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_CLIENT, VETH_C);
	stream_see(s, HS_STAGE_BACKLOG, A, NS_SERVER, VETH_S);
	expect(s, "#1 born, TCP to port 8080, by the kernel\n"
		  "#1 dropped in ns_client: NOT_SPECIFIED by veth_xmit\n"
		  "#1 settled\n"
		  "#2 born, TCP to port 8080, by the kernel\n"
		  "#2 settled\n");
}

/* Sent a second time while the first has no end yet: veth hands over, it does not send again. */
static void test_same_memory_without_an_end(void **state)
{
	struct stream *s = lab();
	struct wire w = wire_tcp(CLIENT_EP, SERVER_EP, 0x18, 100);

	(void)state;
	stream_birth(s, A, NS_CLIENT, VETH_C, &w, 0);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_CLIENT, VETH_C);
	stream_birth(s, A, NS_CLIENT, VETH_C, &w, 0);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_CLIENT, VETH_C);
	expect(s, "#1 born, TCP to port 8080, by the kernel\n"
		  "#2 born, TCP to port 8080, by the kernel\n"
		  "#1 settled\n"
		  "#2 settled\n");
}

/* A clone shares the head, and its end is not the packet's end. */
static void test_clone_is_freed(void **state)
{
	struct stream *s = lab();
	struct wire w = datagram(4);

	(void)state;
	stream_birth(s, A, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	stream_consume(s, B, "tpacket_rcv");
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_CLIENT, VETH_C);
	stream_see(s, HS_STAGE_BACKLOG, A, NS_SERVER, VETH_S);
	received(s, A);
	stream_consume(s, B, "tpacket_rcv");
	stream_queued(s, SK_SERVER, A, 1);
	read_by(s, SERVER, 4, 0, 0);
	expect(s, "#1 born, UDP to port 8080, by the kernel\n"
		  "#1 queued at @1 in ns_server\n"
		  "#1 read by server[700] recvfrom, 4 B\n"
		  "#1 settled\n");
}

/* VLAN over veth: the packet enters a device's queue twice. */
static void test_stacked_device(void **state)
{
	struct stream *s = lab();
	struct wire w = datagram(4);

	(void)state;
	stream_birth(s, A, NS_CLIENT, VLAN, &w, SK_CLIENT);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_CLIENT, VLAN);
	sent(s, A, &w, SK_CLIENT);
	received(s, A);
	stream_queued(s, SK_SERVER, A, 1);
	expect_hops(s, "#1 born, UDP to port 8080, by the kernel\n"
		       "#1   ns_client/vlan5 device queue\n"
		       "#1   ns_client/vlan5 transmit\n"
		       "#1   ns_client/veth_c device queue\n"
		       "#1   ns_client/veth_c transmit\n"
		       "#1   => ns_server/veth_s backlog\n"
		       "#1   ns_server/veth_s receive\n"
		       "#1   ns_server/veth_s socket queue (server[700], 1 waiting, 768 of 212992 "
		       "B)\n"
		       "#1 queued at @2 in ns_server\n"
		       "#1 settled\n");
}

/* Through a router: skb_iif is set, so its device queue is no birth. */
static void test_forwarded(void **state)
{
	struct stream *s = lab();
	struct wire w = datagram(4);

	(void)state;
	stream_birth(s, A, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_CLIENT, VETH_C);
	stream_see(s, HS_STAGE_BACKLOG, A, NS_ROUTER, VETH_RC);
	stream_softirq(s, 0);
	stream_see(s, HS_STAGE_RECEIVE, A, NS_ROUTER, VETH_RC);
	stream_stack(s, "__dev_queue_xmit < ip_output < ip_forward < ip_rcv < handle_softirqs");
	stream_see(s, HS_STAGE_DEV_QUEUE, A, NS_ROUTER, VETH_RS);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_ROUTER, VETH_RS);
	stream_stack(s, "__netif_rx < veth_xmit < handle_softirqs");
	stream_see(s, HS_STAGE_BACKLOG, A, NS_SERVER, VETH_S);
	stream_see(s, HS_STAGE_RECEIVE, A, NS_SERVER, VETH_S);
	stream_drop(s, A, "IP_RPFILTER", "ip_rcv_finish");
	expect_hops(s, "#1 born, UDP to port 8080, by the kernel\n"
		       "#1   ns_client/veth_c device queue\n"
		       "#1   ns_client/veth_c transmit\n"
		       "#1   => ns_router/veth_rc backlog\n"
		       "#1   ns_router/veth_rc receive\n"
		       "#1   ns_router/veth_rs ip receive (via ip_rcv)\n"
		       "#1   ns_router/veth_rs ip forward (via ip_forward)\n"
		       "#1   ns_router/veth_rs ip output (via ip_output)\n"
		       "#1   ns_router/veth_rs device queue [ip_rcv ip_forward ip_output "
		       "__dev_queue_xmit]\n"
		       "#1   ns_router/veth_rs transmit\n"
		       "#1   => ns_server/veth_s backlog [veth_xmit __netif_rx]\n"
		       "#1   ns_server/veth_s receive\n"
		       "#1   ns_server/veth_s drop\n"
		       "#1 dropped in ns_server: IP_RPFILTER by ip_rcv_finish (the way back to the "
		       "sender leads through another device (reverse path filter))\n"
		       "#1 settled\n");
}

/* A packet that waits at a router for ARP is silent for long, and goes on. */
static void test_forwarded_after_a_wait(void **state)
{
	struct stream *s = lab();
	struct wire w = datagram(4);

	(void)state;
	stream_birth(s, A, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_CLIENT, VETH_C);
	stream_see(s, HS_STAGE_BACKLOG, A, NS_ROUTER, VETH_RC);
	stream_softirq(s, 0);
	stream_see(s, HS_STAGE_RECEIVE, A, NS_ROUTER, VETH_RC);
	stream_tick(s, 500 * STREAM_MS);
	stream_softirq(s, 0);
	stream_see(s, HS_STAGE_DEV_QUEUE, A, NS_ROUTER, VETH_RS);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_ROUTER, VETH_RS);
	stream_see(s, HS_STAGE_BACKLOG, A, NS_SERVER, VETH_S);
	stream_see(s, HS_STAGE_RECEIVE, A, NS_SERVER, VETH_S);
	stream_queued(s, SK_SERVER, A, 1);
	read_by(s, SERVER, 4, 0, 0);
	expect(s, "#1 born, UDP to port 8080, by the kernel\n"
		  "#1 queued at @1 in ns_server\n"
		  "#1 read by server[700] recvfrom, 4 B\n"
		  "#1 settled\n");
}

/* What arrives from outside in one softirq was not caused by what arrived there just before. */
static void test_arrivals_are_no_consequences(void **state)
{
	struct stream *s = lab();
	struct wire w = datagram(4);

	(void)state;
	stream_softirq(s, 0);
	stream_arrival(s, A, NS_SERVER, ETH, &w);
	stream_queued(s, SK_SERVER, A, 1);
	stream_arrival(s, B, NS_SERVER, ETH, &w);
	stream_queued(s, SK_SERVER, B, 2);
	expect(s, "#1 born, UDP to port 8080\n"
		  "#1 queued at @1 in ns_server\n"
		  "#2 born, UDP to port 8080\n"
		  "#2 queued at @1 in ns_server\n"
		  "#1 settled\n"
		  "#2 settled\n");
}

/* By a device that leads out of the machine. */
static void test_left(void **state)
{
	struct stream *s = lab();
	struct wire w = wire_udp(SERVER_EP, "192.0.2.1:53", 4);

	(void)state;
	stream_birth(s, A, NS_SERVER, ETH, &w, 0);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_SERVER, ETH);
	stream_consume(s, A, "napi_consume_skb");
	expect(s, "#1 born, UDP to port 53, by the kernel\n"
		  "#1 left in ns_server by napi_consume_skb\n"
		  "#1 settled\n");
}

/* ---- ends that look like others ---- */

static void test_benign_frees(void **state)
{
	struct stream *s = lab();
	struct wire fin = wire_tcp(CLIENT_EP, SERVER_EP, 0x11, 0);
	struct wire w = datagram(4);

	(void)state;
	/* taken by a minisocket */
	crossed(s, A, &fin, 0);
	stream_drop(s, A, "NOT_SPECIFIED", "tcp_v4_rcv");
	/* the same words, and a drop: nobody purges a datagram's queue while it is in none */
	crossed(s, B, &w, SK_CLIENT);
	stream_drop(s, B, "NOT_SPECIFIED", "ip_rcv_core");
	crossed(s, C, &w, SK_CLIENT);
	stream_drop(s, C, "QUEUE_PURGE", "skb_queue_purge_reason");
	expect(s, "#1 born, TCP to port 8080, by the kernel\n"
		  "#1 consumed in ns_server by tcp_v4_rcv\n"
		  "#1 settled\n"
		  "#2 born, UDP to port 8080, by the kernel\n"
		  "#2 dropped in ns_server: NOT_SPECIFIED by ip_rcv_core\n"
		  "#2 settled\n"
		  "#3 born, UDP to port 8080, by the kernel\n"
		  "#3 dropped in ns_server: QUEUE_PURGE by skb_queue_purge_reason\n"
		  "#3 settled\n");
}

static void test_fragments_are_kept(void **state)
{
	struct stream *s = lab();
	struct wire whole = wire_udp(CLIENT_EP, SERVER_EP, 2000);
	struct wire first = wire_fragment(whole, 0, true, 1480),
		    last = wire_fragment(whole, 1480, false, 528);

	(void)state;
	crossed(s, A, &first, SK_CLIENT);
	stream_back(s);
	crossed(s, B, &last, SK_CLIENT);
	stream_queued(s, SK_SERVER, B, 1); /* the last one brings the whole datagram */
	stream_tick(s, 150 * STREAM_MS);
	expect(s, "#1 born, UDP to port 8080, by the kernel\n"
		  "#2 born, UDP, by the kernel\n"
		  "#2 queued at @1 in ns_server\n"
		  "#1 merged in ns_server (kept until the other fragments of its datagram are "
		  "there), inferred\n"
		  "#1 settled\n"
		  "#2 settled\n");
}

/* 2 s of silence settle a journey; what comes later is told all the same, and counted once. */
static void test_fate_after_settling(void **state)
{
	struct stream *s = lab();
	struct wire w = datagram(4);
	struct notes notes;

	(void)state;
	stream_birth(s, A, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	stream_tick(s, 2100 * STREAM_MS);
	stream_drop(s, A, "QDISC_DROP", "__dev_queue_xmit");
	stream_end(s);
	notes_init(&notes);
	assert_int_equal(run(s, &notes), 0);
	assert_string_equal(notes_text(&notes),
			    "#1 born, UDP to port 8080, by the kernel\n"
			    "#1 settled\n"
			    "#1 dropped in ns_client: QDISC_DROP by __dev_queue_xmit (the queueing "
			    "discipline of the device refused it, its queue is full)\n");
	assert_int_equal(notes.summary.dropped, 1);
	assert_int_equal(notes.summary.underway, 0);
	notes_done(&notes);
	stream_free(s);
}
