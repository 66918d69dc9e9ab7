// SPDX-License-Identifier: BSD-2-Clause
/*
 * The journey engine, from records to what a sink is told. Each test tells a story of one or two
 * packets as the kernel's tracepoints do, and compares what the engine makes of it.
 *
 * The lab: ns_client (1) with veth_c (2), joined to ns_server (2) with veth_s (3).
 */
#include <errno.h>
#include <malloc.h>
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
enum { LO = 1, VETH_C = 2, VETH_S = 3, VETH_RC = 4, VETH_RS = 5, VLAN = 6, ETH = 7, VXLAN = 8 };
enum { CLIENT = 812, SERVER = 700, SECOND = 701 };
enum { SK_CLIENT = 0xc000, SK_SERVER = 0x5000, SK_RAW = 0x7000, SK_TCP = 0x7100 };
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
	stream_dev(s, NS_CLIENT, LO, "lo", "loopback");
	stream_dev(s, NS_CLIENT, VETH_C, "veth_c", "veth");
	stream_dev(s, NS_SERVER, VETH_S, "veth_s", "veth");
	stream_dev(s, NS_ROUTER, VETH_RC, "veth_rc", "veth");
	stream_dev(s, NS_ROUTER, VETH_RS, "veth_rs", "veth");
	stream_dev(s, NS_CLIENT, VLAN, "vlan5", "vlan");
	stream_dev(s, NS_SERVER, VLAN, "vlan5", "vlan");
	stream_dev(s, NS_CLIENT, VXLAN, "vxlan1", "vxlan");
	stream_dev(s, NS_SERVER, VXLAN, "vxlan1", "vxlan");
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
	stream_by(s, 0, CLIENT);
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

		assert_int_equal(
			select_add_spec(&r->select, start->spec, start->spec_len, err, sizeof(err)),
			0);
	}
	if (rec->type == HS_REC_END)
		r->underway = journeys_underway(r->journeys);
	return decode_record(r->decoder, rec);
}

static size_t run(struct stream *s, struct notes *notes)
{
	struct run r = { .names = names_new() };

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
		       "#1   ns_client/veth_c local out (via ip_send_skb)\n"
		       "#1   ns_client/veth_c ip output (via ip_output)\n"
		       "#1   ns_client/veth_c neighbour (via ip_finish_output2)\n"
		       "#1   ns_client/veth_c device queue [__sys_sendto udp_sendmsg ip_send_skb "
		       "ip_output ip_finish_output2 __dev_queue_xmit]\n"
		       "#1   ns_client/veth_c transmit\n"
		       "#1   => ns_server/veth_s backlog\n"
		       "#1   ns_server/veth_s receive (in sender's call)\n"
		       "#1   ns_server/veth_s ip receive (via ip_rcv)\n"
		       "#1   ns_server/veth_s ip local deliver (via ip_local_deliver)\n"
		       "#1   ns_server/veth_s udp receive (via udp_rcv)\n"
		       "#1   ns_server/veth_s udp queue (via udp_queue_rcv_skb)\n"
		       "#1   ns_server/veth_s receive buffer (via __udp_enqueue_schedule_skb)\n"
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
	/* What was queued before tracing began is read; that is not the read of what comes later.
	 */
	read_by(s, SERVER, 9, 0, 0);
	delivered(s, A, &w, 1);
	read_by(s, SECOND, 4, 0, 0);
	expect(s, "#1 born, UDP to port 8080, by the kernel\n"
		  "#1 queued at @1 in ns_server\n"
		  "#1 read by second[701] recvfrom, 4 B\n"
		  "#1 settled\n");
}

/* Two datagrams wait there since before tracing began: the first two reads are theirs. */
static void test_queued_before_tracing(void **state)
{
	struct stream *s = lab();
	struct wire w = datagram(4);

	(void)state;
	delivered(s, A, &w, 3);
	read_by(s, SERVER, 9, 0, 2);
	read_by(s, SERVER, 9, 0, 1);
	read_by(s, SECOND, 4, 0, 0);
	expect(s, "#1 born, UDP to port 8080, by the kernel\n"
		  "#1 queued at @1 in ns_server\n"
		  "#1 read by second[701] recvfrom, 4 B\n"
		  "#1 settled\n");
}

/*
 * From 6.18 on what arrives on several CPUs at once is queued by one of them, which reports each:
 * its own first. The queue is as long as the whole batch already at the first report.
 */
static void test_queued_as_a_batch(void **state)
{
	struct stream *s = lab();
	struct wire w = datagram(4), x = datagram(8);
	uint32_t first;

	(void)state;
	crossed(s, A, &w, SK_CLIENT);
	first = s->ctx;
	stream_by(s, 2, SECOND);
	sent(s, B, &x, SK_CLIENT);
	received(s, B);
	s->cpu = 0;
	s->ctx = first;
	stream_queued(s, SK_SERVER, B, 2);
	stream_queued(s, SK_SERVER, B, 2);
	read_by(s, SERVER, 4, 0, 1);
	read_by(s, SERVER, 8, 0, 0);
	expect(s, "#1 born, UDP to port 8080, by the kernel\n"
		  "#2 born, UDP to port 8080, by the kernel\n"
		  "#1 queued at @1 in ns_server\n"
		  "#2 queued at @1 in ns_server\n"
		  "#1 read by server[700] recvfrom, 4 B\n"
		  "#1 settled\n"
		  "#2 read by server[700] recvfrom, 8 B\n"
		  "#2 settled\n");
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

/* Long after it was shown as it was then: one is read, the other never. */
static void test_late(void **state)
{
	struct stream *s = lab();
	struct wire w = datagram(4);
	struct notes notes;

	(void)state;
	delivered(s, A, &w, 1);
	delivered(s, B, &w, 2);
	stream_tick(s, 60 * STREAM_S);
	read_by(s, SERVER, 4, 0, 1);
	stream_by(s, 1, 0);
	stream_softirq(s, 1);
	stream_drop(s, B, "NOT_SPECIFIED", "udp_destruct_common");
	stream_end(s);
	notes_init(&notes);
	run(s, &notes);
	assert_string_equal(notes_text(&notes), "#1 born, UDP to port 8080, by the kernel\n"
						"#1 queued at @1 in ns_server\n"
						"#2 born, UDP to port 8080, by the kernel\n"
						"#2 queued at @1 in ns_server\n"
						"#1 settled\n"
						"#2 settled\n"
						"#1 read by server[700] recvfrom, 4 B\n"
						"#2 unread at close\n");
	assert_int_equal(notes.summary.queued, 2);
	assert_int_equal(notes.summary.read, 1);
	assert_int_equal(notes.summary.unread_at_close, 1);
	notes_done(&notes);
	stream_free(s);
}

static void test_full_receive_buffer(void **state)
{
	struct stream *s = lab();
	struct wire w = datagram(4);

	(void)state;
	crossed(s, A, &w, SK_CLIENT);
	stream_drop_at(s, A, "SOCKET_RCVBUFF", "__udp_enqueue_schedule_skb", SK_SERVER, 2304, 2304);
	expect(s,
	       "#1 born, UDP to port 8080, by the kernel\n"
	       "#1 dropped at @1 in ns_server: SOCKET_RCVBUFF by __udp_enqueue_schedule_skb (the "
	       "receive buffer of server[700] on "
	       "10.0.1.1:8080 is full: 2304 of 2304 B "
	       "in use)\n"
	       "#1 settled\n");
}

/* Before 5.17 without a reason: what the socket holds tells. */
static void test_full_receive_buffer_without_reason(void **state)
{
	struct wire w = datagram(4);
	struct stream *s = lab();

	(void)state;
	stream_kernel(s, "5.10.0");
	crossed(s, A, &w, SK_CLIENT);
	stream_drop_at(s, A, "NOT_SPECIFIED", "udp_queue_rcv_one_skb", SK_SERVER, 2305, 2304);
	crossed(s, B, &w, SK_CLIENT);
	stream_drop_at(s, B, "NOT_SPECIFIED", "udp_queue_rcv_one_skb", SK_SERVER, 2304, 2304);
	notes_expect(
		s, (struct note_kinds){ .fates = true },
		"#1 dropped at @1 in ns_server: NOT_SPECIFIED by udp_queue_rcv_one_skb (the receive buffer of "
		"server[700] on 10.0.1.1:8080 is full: 2305 of 2304 B in use)\n"
		"#2 dropped in ns_server: NOT_SPECIFIED by udp_queue_rcv_one_skb\n");
}

/*
 * A datagram thrown out of the queue by its reader (bad checksum) is dropped, and not what the next read gets.
 * Before Linux 6.15 there is no reason.
 */
static void reader_discards_one(const char *reason, const char *function, const char *expected)
{
	struct stream *s = lab();
	struct wire w = datagram(4), x = datagram(8);

	delivered(s, A, &w, 1);
	delivered(s, B, &x, 2);
	stream_by(s, 1, SERVER);
	stream_drop(s, A, reason, function);
	read_by(s, SERVER, 8, 0, 0);
	expect(s, expected);
}

#define DISCARDED(end)                               \
	"#1 born, UDP to port 8080, by the kernel\n" \
	"#1 queued at @1 in ns_server\n"             \
	"#2 born, UDP to port 8080, by the kernel\n" \
	"#2 queued at @1 in ns_server\n"             \
	"#1 dropped in ns_server: " end "\n"         \
	"#1 settled\n"                               \
	"#2 read by server[700] recvfrom, 8 B\n"     \
	"#2 settled\n"

static void test_reader_discards_one(void **state)
{
	(void)state;
	reader_discards_one("UDP_CSUM", "udp_recvmsg", DISCARDED("UDP_CSUM by udp_recvmsg"));
	reader_discards_one("NOT_SPECIFIED", "udpv6_recvmsg",
			    DISCARDED("NOT_SPECIFIED by udpv6_recvmsg"));
	reader_discards_one("NOT_SPECIFIED", "__first_packet_length",
			    DISCARDED("NOT_SPECIFIED by __first_packet_length"));
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
		stream_stack(s,
			     "__icmp_send < __udp4_lib_rcv < ip_local_deliver < handle_softirqs");
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
	expect_hops(s,
		    "#1 born, UDP to port 8080, by client[812] sendto(3)\n"
		    "#1   ns_client/veth_c device queue\n"
		    "#1   ns_client/veth_c transmit\n"
		    "#1   => ns_server/veth_s backlog\n"
		    "#1   ns_server/veth_s receive (in sender's call)\n"
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
		    "recvfrom(3) = ECONNREFUSED, error from #2 (ICMP port unreachable about #1)\n");
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
		  "sendto(3) = ECONNREFUSED, error from #2 (ICMP port unreachable about #1)\n");
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
static void expect_closed_port(const char *kernel, const char *reason)
{
	struct stream *s = lab();
	struct wire w = datagram(4);
	char expected[256];

	stream_kernel(s, kernel);
	crossed(s, A, &w, SK_CLIENT);
	stream_icmp(s, A, NS_SERVER, VETH_S, 3, 3);
	stream_drop(s, A, reason, "__udp4_lib_rcv");
	snprintf(expected, sizeof(expected),
		 "#1 born, UDP to port 8080, by the kernel\n"
		 "#1 dropped in ns_server: %s by __udp4_lib_rcv (no UDP socket on 10.0.1.1:8080)\n"
		 "#1 settled\n",
		 reason);
	expect(s, expected);
}

static void test_closed_port_after_close(void **state)
{
	(void)state;
	expect_closed_port("6.18.0", "NO_SOCKET");
	/* before 5.17 the kernel gives no reasons: the function and the error tell */
	expect_closed_port("5.10.0", "NOT_SPECIFIED");
}

/* Nothing was answered: it may have had a bad checksum. */
static void test_unsaid_without_answer(void **state)
{
	struct stream *s = lab();
	struct wire w = datagram(4);

	(void)state;
	stream_kernel(s, "5.10.0");
	crossed(s, A, &w, SK_CLIENT);
	stream_drop(s, A, "NOT_SPECIFIED", "__udp4_lib_rcv");
	notes_expect(s, (struct note_kinds){ .fates = true },
		     "#1 dropped in ns_server: NOT_SPECIFIED by __udp4_lib_rcv\n");
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
		  "[fd00::1]:8080 (one is on 10.0.1.1:8080))\n"
		  ""
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
		  "net.ipv4.icmp_msgs_per_sec))\n"
		  "#2 settled\n"
		  "#3 born, UDP to port 8080, by the kernel\n"
		  "#3 dropped in ns_server: NO_SOCKET by __udp4_lib_rcv (no UDP socket on "
		  "10.0.1.1:8080)\n"
		  "#3 no ICMP (none was seen, and no counter tells why)\n"
		  "#3 settled\n");
}

/* No counter rises for 2 s: then it is settled, and said. */
static void test_no_icmp_and_no_counter(void **state)
{
	struct stream *s = lab();
	struct wire w = datagram(4);

	(void)state;
	dropped_silently(s, A, &w);
	stream_tick(s, 2100 * STREAM_MS);
	stream_tick(s, 10000 * STREAM_MS);
	expect(s, "#1 born, UDP to port 8080, by the kernel\n"
		  "#1 dropped in ns_server: NO_SOCKET by __udp4_lib_rcv (no UDP socket on "
		  "10.0.1.1:8080)\n"
		  "#1 no ICMP (none was seen, and no counter tells why)\n"
		  "#1 settled\n");
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
		  "239.1.2.3:8080 (one is on 10.0.1.1:8080))\n"
		  ""
		  "#1 settled\n");
}

/* Results that no kernel returns, as a damaged recording may hold them. */
static void test_results_out_of_range(void **state)
{
	struct stream *s = lab();
	struct wire w = datagram(4);

	(void)state;
	closed_port(s, &w, true);
	stream_error(s, SK_CLIENT, INT32_MIN);
	stream_by(s, 0, CLIENT);
	stream_read(s, SK_CLIENT, INT32_MIN, 0, 0);
	stream_enter(s, HS_CALL_SENDTO, 3, SK_CLIENT, 4, NULL);
	stream_leave(s, INT64_MIN);
	expect(s, "#1 born, UDP to port 8080, by the kernel\n"
		  "#2 born, ICMP, because of #1: ICMP port unreachable, built in __icmp_send\n"
		  "#1 dropped in ns_server: NO_SOCKET by __udp4_lib_rcv (no UDP socket on "
		  "10.0.1.1:8080)\n"
		  "sendto(3) = errno 4095\n"
		  "#2 unknown in ns_client (received, and no event tells what became of it), "
		  "inferred\n"
		  "#1 settled, caused #2\n"
		  "#2 settled\n");
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

/* The program that sent it is not followed: the answer let it go, and is not what it is about. */
static void test_stranger_waited_for_arp(void **state)
{
	struct stream *s = lab();
	struct wire w = datagram(4), answer = wire_arp(SERVER_ADDR, CLIENT_ADDR, 2);

	(void)state;
	crossed(s, A, &answer, 0);
	stream_birth(s, B, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	stream_see(s, HS_STAGE_DEV_XMIT, B, NS_CLIENT, VETH_C);
	stream_consume(s, A, "arp_process");
	expect_hops(
		s,
		"#1 born, UDP to port 8080\n"
		"#1   ns_client/veth_c device queue (waited for the next hop's link-layer address)\n"
		"#1   ns_client/veth_c transmit\n"
		"#1 settled\n");
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

/* ---- packets that end before they reach a device ---- */

/* The call that sends `w`, and the question that it asks; then nothing for 3 s. */
static void asked(struct stream *s, const struct wire *question)
{
	stream_enter(s, HS_CALL_SENDTO, 3, SK_CLIENT, 4, NULL);
	crossed(s, A, question, 0);
	stream_consume(s, A, "arp_process");
	stream_back(s);
	stream_leave(s, 4);
	stream_tick(s, 3 * STREAM_S);
	stream_by(s, 0, 0);
	stream_softirq(s, 0);
}

static void test_waited_in_vain(void **state)
{
	struct stream *s = lab();
	struct wire w = datagram(4), ask = wire_arp(CLIENT_ADDR, SERVER_ADDR, 1),
		    e = wire_error(&w, CLIENT_ADDR, 3, 1);

	(void)state;
	asked(s, &ask);
	stream_stack(s, "neigh_invalidate < neigh_timer_handler < handle_softirqs");
	stream_unborn(s, C, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	stream_icmp(s, C, NS_CLIENT, VETH_C, 3, 1);
	stream_birth(s, D, NS_CLIENT, LO, &e, 0);
	stream_unborn(s, C, NS_CLIENT, VETH_C, &w, SK_CLIENT); /* known by now */
	stream_drop_in(s, C, NS_CLIENT, VETH_C, "NEIGH_FAILED", "neigh_invalidate");
	expect_hops(
		s,
		"#1 born, by client[812] sendto(3)\n"
		"#1   ns_client/veth_c device queue\n"
		"#1   ns_client/veth_c transmit\n"
		"#1   => ns_server/veth_s backlog\n"
		"#1   ns_server/veth_s receive (in sender's call)\n"
		"#1   ns_server/veth_s consumed\n"
		"#1 consumed in ns_server by arp_process\n"
		"sendto(3) = 4, sent #1\n"
		"#1 settled\n"
		"#2 born, UDP to port 8080, by client[812] sendto(3)\n"
		"#2   ns_client/veth_c neighbour (waited 3.0 s for the next hop's link-layer address, and nobody answered)\n"
		"#2   ns_client/veth_c icmp error (ICMP host unreachable)\n"
		"#3 born, ICMP, because of #2: ICMP host unreachable\n"
		"#3   ns_client/lo device queue\n"
		"#2   ns_client/veth_c drop\n"
		"#2 dropped in ns_client: NEIGH_FAILED by neigh_invalidate\n"
		"#2 settled, caused #3\n"
		"#3 settled\n");
}

/* ICMPv6 has no tracepoint: the error is born before the packet that it is about. */
static void test_waited_in_vain_v6(void **state)
{
	struct stream *s = lab();
	struct wire w = wire_udp("[fd00::2]:4000", "[fd00::1]:8080", 4),
		    ask = wire_icmp6("fd00::2", "ff02::1:ff00:1", 135),
		    e = wire_error(&w, "fd00::2", 1, 3);

	(void)state;
	asked(s, &ask);
	stream_stack(
		s,
		"__dev_queue_xmit < ip6_output < icmp6_send < ndisc_error_report < neigh_invalidate < neigh_timer_handler < handle_softirqs");
	stream_birth(s, D, NS_CLIENT, LO, &e, 0);
	stream_stack(s, "neigh_invalidate < neigh_timer_handler < handle_softirqs");
	stream_unborn(s, C, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	stream_drop_in(s, C, NS_CLIENT, VETH_C, "NOT_SPECIFIED", "neigh_invalidate");
	expect_hops(
		s,
		"#1 born, ICMPv6, by client[812] sendto(3)\n"
		"#1   ns_client/veth_c device queue\n"
		"#1   ns_client/veth_c transmit\n"
		"#1   => ns_server/veth_s backlog\n"
		"#1   ns_server/veth_s receive (in sender's call)\n"
		"#1   ns_server/veth_s consumed\n"
		"#1 consumed in ns_server by arp_process\n"
		"sendto(3) = 4, sent #1\n"
		"#1 settled\n"
		"#2 born, ICMPv6, by the kernel\n"
		"#2   ns_client/lo ip output (via ip6_output)\n"
		"#2   ns_client/lo device queue [neigh_timer_handler neigh_invalidate ndisc_error_report icmp6_send ip6_output __dev_queue_xmit]\n"
		"#3 born, UDP to port 8080, by client[812] sendto(3)\n"
		"#3   ns_client/veth_c neighbour (waited 3.0 s for the next hop's link-layer address, and nobody answered)\n"
		"#3   ns_client/veth_c icmp error (ICMPv6 address unreachable)\n"
		"#3   ns_client/veth_c drop\n"
		"#3 dropped in ns_client: NOT_SPECIFIED by neigh_invalidate (Nobody answered the question for the next hop's hardware address.)\n"
		"#2 settled\n"
		"#3 settled, caused #2\n");
}

/* A rule of the output hook: the call fails, and what it sent is seen. */
static void test_refused_on_output(void **state)
{
	struct stream *s = lab();
	struct wire w = datagram(4);

	(void)state;
	stream_enter(s, HS_CALL_SENDTO, 3, SK_CLIENT, 4, NULL);
	stream_unborn(s, C, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	stream_stack(s, "nf_hook_slow < ip_send_skb < udp_sendmsg < __sys_sendto");
	stream_drop_in(s, C, NS_CLIENT, VETH_C, "NETFILTER_DROP", "nft_do_chain");
	stream_leave(s, -EPERM);
	expect_hops(
		s,
		"#1 born, UDP to port 8080, by client[812] sendto(3)\n"
		"#1   ns_client/veth_c udp send (via udp_sendmsg)\n"
		"#1   ns_client/veth_c local out (via ip_send_skb)\n"
		"#1   ns_client/veth_c netfilter (via nf_hook_slow)\n"
		"#1   ns_client/veth_c drop [__sys_sendto udp_sendmsg ip_send_skb nf_hook_slow]\n"
		"#1 dropped in ns_client: NETFILTER_DROP by nft_do_chain\n"
		"sendto(3) = EPERM, sent #1 (a rule of the output hook dropped #1 before it could leave (nft list ruleset))\n"
		"#1 settled\n");
}

#define CHAIN(family, hook, name)                                                \
	"{\"chain\":{\"family\":\"" family "\",\"table\":\"t\",\"name\":\"" name \
	"\",\"type\":\"filter\",\"hook\":\"" hook "\",\"prio\":0,\"policy\":\"accept\"}}"
#define REJECTS(family, name)                                                    \
	"{\"rule\":{\"family\":\"" family "\",\"table\":\"t\",\"chain\":\"" name \
	"\",\"handle\":4,\"expr\":[{\"reject\":null}],\"text\":\"reject " name "\"}}"

/* Dropped as it is received there, with that stack, whether or not what bridges run is timed by itself: why. */
static void expect_rule_of(const char *stack, bool probed, const char *function, const char *why)
{
	bool nft = !strcmp(function, "nft_do_chain");
	struct stream *s = lab();
	struct wire w = datagram(4);
	char expected[512];

	stream_rule(s, NS_SERVER, NULL);
	stream_rule(s, NS_SERVER, CHAIN("netdev", "ingress", "dev"));
	stream_rule(s, NS_SERVER, REJECTS("netdev", "dev"));
	stream_rule(s, NS_SERVER, CHAIN("bridge", "prerouting", "in"));
	stream_rule(s, NS_SERVER, REJECTS("bridge", "in"));
	stream_rule(s, NS_SERVER, CHAIN("bridge", "forward", "through"));
	stream_rule(s, NS_SERVER, REJECTS("bridge", "through"));
	stream_rule(s, NS_SERVER, CHAIN("inet", "prerouting", "ip"));
	stream_rule(s, NS_SERVER, REJECTS("inet", "ip"));
	if (probed)
		stream_probe(s, HS_STAGE_BRIDGE_IN, "br_handle_frame_finish");
	/* It has been asked about elsewhere, too. */
	stream_stack(s, "__dev_queue_xmit < ip_output < udp_sendmsg");
	crossed(s, A, &w, SK_CLIENT);
	stream_stack(s, stack);
	stream_drop(s, A, nft ? "NETFILTER_DROP" : "NOT_SPECIFIED", function);
	snprintf(expected, sizeof(expected), "#1 dropped in ns_server: %s by %s (%s)\n",
		 nft ? "NETFILTER_DROP" : "NOT_SPECIFIED", function, why);
	notes_expect(s, (struct note_kinds){ .fates = true }, expected);
}

static void test_whose_rule(void **state)
{
	(void)state;
	expect_rule_of("nf_hook_slow < __netif_receive_skb_core < process_backlog", false,
		       "nft_do_chain",
		       "the rule 'reject dev' in chain dev of table netdev t rejects it");
	expect_rule_of(
		"nf_hook_slow < br_handle_frame < __netif_receive_skb_core < process_backlog",
		false, "nft_do_chain",
		"the rule 'reject in' in chain in of table bridge t rejects it");
	expect_rule_of(
		"nf_hook_slow < br_forward < br_handle_frame_finish < br_handle_frame < process_backlog",
		false, "nft_do_chain",
		"the rule 'reject through' in chain through of table bridge t rejects it");
	expect_rule_of("nft_do_chain < br_handle_frame < process_backlog", true, "nft_do_chain",
		       "the rule 'reject in' in chain in of table bridge t rejects it");
	expect_rule_of("nf_hook_slow < ip_rcv < __netif_receive_skb_core < process_backlog", false,
		       "nft_do_chain",
		       "the rule 'reject ip' in chain ip of table inet t rejects it");
	/* Before 6.7 the bridge frees what its prerouting drops, nf_hook_bridge_pre(); for other causes too. */
	expect_rule_of("br_handle_frame < process_backlog", false, "br_handle_frame",
		       "the rule 'reject in' in chain in of table bridge t rejects it");
}

#define LEGACY(table) "{\"legacy\":{\"family\":\"ip\",\"table\":\"" table "\"}}"
#define MAY_DROP                                                                                 \
	"{\"rule\":{\"family\":\"inet\",\"table\":\"t\",\"chain\":\"ip\",\"handle\":4,\"expr\":" \
	"[{\"limit\":{}},{\"drop\":null}],\"text\":\"limit rate 1/second drop\"}}"

/* Dropped at the prerouting hook by that function: who drops there, of nftables and of those legacy tables. */
static void expect_legacy(const char *kernel, const char *function, const char *const tables[2],
			  bool nft, const char *why)
{
	struct stream *s = lab();
	struct wire w = datagram(4);
	char expected[512];

	stream_kernel(s, kernel);
	stream_rule(s, NS_SERVER, NULL);
	for (int i = 0; i < 2 && tables[i]; i++)
		stream_rule(s, NS_SERVER, tables[i]);
	if (nft) {
		stream_rule(s, NS_SERVER, CHAIN("inet", "prerouting", "ip"));
		stream_rule(s, NS_SERVER, MAY_DROP);
	}
	crossed(s, A, &w, SK_CLIENT);
	stream_stack(s, "nf_hook_slow < ip_rcv < __netif_receive_skb_core < process_backlog");
	stream_drop(s, A, "NETFILTER_DROP", function);
	snprintf(expected, sizeof(expected), "#1 dropped in ns_server: NETFILTER_DROP by %s (%s)\n",
		 function, why);
	notes_expect(s, (struct note_kinds){ .fates = true }, expected);
}

static void test_legacy_or_nft(void **state)
{
	static const char raw[] =
		"a rule of iptables-legacy drops it: chain PREROUTING of table ip raw";
	static const char rule[] =
		"the rule 'limit rate 1/second drop' in chain ip of table inet t drops it";

	(void)state;
	/* Table nat takes no rule that drops, table filter has no chain there. */
	expect_legacy("6.12.1", "nf_hook_slow",
		      (const char *const[]){ LEGACY("nat"), LEGACY("raw") }, false, raw);
	expect_legacy("6.12.1", "nf_hook_slow",
		      (const char *const[]){ LEGACY("filter"), LEGACY("raw") }, false, raw);
	expect_legacy(
		"6.12.1", "nf_hook_slow", (const char *const[]){ LEGACY("mangle"), LEGACY("raw") },
		false,
		"probably a rule of iptables-legacy drops it: chain PREROUTING of table ip mangle, or another table's");
	/* The function tells which of both it was, from 6.7 on. */
	expect_legacy("6.7.0", "nf_hook_slow", (const char *const[]){ LEGACY("raw"), NULL }, true,
		      raw);
	expect_legacy("6.7.0", "nft_do_chain", (const char *const[]){ LEGACY("raw"), NULL }, true,
		      rule);
	expect_legacy(
		"6.6.9", "nf_hook_slow", (const char *const[]){ LEGACY("raw"), NULL }, true,
		"one of 2 rules that may have, of which the first is 'limit rate 1/second drop' in chain ip of table inet t");
	expect_legacy("6.6.9", "nf_hook_slow", (const char *const[]){ NULL, NULL }, true, rule);
}

/* One that is known is not born again; one at the address of another that was received is another. */
static void test_unborn_and_known(void **state)
{
	struct stream *s = lab();
	struct wire w = datagram(4);

	(void)state;
	stream_birth(s, A, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	stream_unborn(s, A, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	stream_drop_in(s, A, NS_CLIENT, VLAN, "QDISC_DROP", "__dev_queue_xmit");
	delivered(s, B, &w, 1);
	stream_by(s, 0, CLIENT);
	stream_unborn(s, B, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	stream_drop_in(s, B, NS_CLIENT, VETH_C, "NETFILTER_DROP", "nft_do_chain");
	expect_hops(
		s,
		"#1 born, UDP to port 8080, by the kernel\n"
		"#1   ns_client/veth_c device queue\n"
		"#1   ns_client/veth_c drop\n"
		"#1 dropped in ns_client: QDISC_DROP by __dev_queue_xmit (the queueing discipline of veth_c dropped it)\n"
		"#1 settled\n"
		"#2 born, UDP to port 8080, by the kernel\n"
		"#2   ns_client/veth_c device queue\n"
		"#2   ns_client/veth_c transmit\n"
		"#2   => ns_server/veth_s backlog\n"
		"#2   ns_server/veth_s receive\n"
		"#2   ns_server/veth_s socket queue (server[700], 1 waiting, 768 of 212992 B)\n"
		"#2 queued at @1 in ns_server\n"
		"#3 born, UDP to port 8080, by the kernel\n"
		"#3   ns_client/veth_c drop\n"
		"#3 dropped in ns_client: NETFILTER_DROP by nft_do_chain\n"
		"#3 settled\n"
		"#2 settled\n");
}

/* Forwarded, it waits at the router; nothing is concluded from its silence while it does. */
static void test_forwarded_and_waiting(void **state)
{
	struct stream *s = lab();
	struct wire w = datagram(4), ask = wire_arp("10.0.2.1", "10.0.2.9", 1),
		    e = wire_error(&w, SERVER_ADDR, 3, 1);

	(void)state;
	crossed(s, A, &w, SK_CLIENT);
	stream_stack(
		s,
		"__dev_queue_xmit < arp_send_dst < neigh_probe < __neigh_event_send < ip_output < __netif_receive_skb < handle_softirqs");
	stream_birth(s, B, NS_SERVER, ETH, &ask, 0);
	stream_back(s);
	stream_tick(s, 3 * STREAM_S);
	stream_by(s, 0, 0);
	stream_softirq(s, 0);
	stream_icmp(s, A, NS_SERVER, ETH, 3, 1);
	stream_birth(s, D, NS_SERVER, VETH_S, &e, 0);
	stream_drop(s, A, "NEIGH_FAILED", "neigh_invalidate");
	expect_hops(
		s,
		"#1 born, UDP to port 8080, by the kernel\n"
		"#1   ns_client/veth_c device queue\n"
		"#1   ns_client/veth_c transmit\n"
		"#1   => ns_server/veth_s backlog\n"
		"#1   ns_server/veth_s receive\n"
		"#2 born, because of #1\n"
		"#2   ns_server/eth0 ip output (via ip_output)\n"
		"#2   ns_server/eth0 neighbour wait (via __neigh_event_send)\n"
		"#2   ns_server/eth0 device queue [__netif_receive_skb ip_output __neigh_event_send neigh_probe arp_send_dst __dev_queue_xmit]\n"
		"#2 settled\n"
		"#1   ns_server/eth0 neighbour (waited 3.0 s for the next hop's link-layer address, and nobody answered)\n"
		"#1   ns_server/eth0 icmp error (ICMP host unreachable)\n"
		"#3 born, ICMP, because of #1: ICMP host unreachable\n"
		"#3   ns_server/veth_s device queue\n"
		"#1   ns_server/eth0 drop\n"
		"#1 dropped in ns_server: NEIGH_FAILED by neigh_invalidate\n"
		"#1 settled, caused #2 #3\n"
		"#3 settled\n");
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
	stream_drop(s, A, "SOME_REASON", "__udp4_lib_rcv");
	delivered(s, A, &w, 1);
	stream_consume(s, A, "skb_defer_free_flush");
	read_by(s, SERVER, 4, 0, 0);
	expect(s, "#1 born, UDP to port 8080, by the kernel\n"
		  "#1 dropped in ns_server: SOME_REASON by __udp4_lib_rcv\n"
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
		  "#1 consumed in ns_server (taken by TCP; nothing shows its end), inferred\n"
		  "#1 settled\n"
		  "#2 settled\n");
}

/* The next one is none that we see, and no tick comes for long: trace has no time. */
static void test_address_reused_by_a_stranger(void **state)
{
	struct stream *s = lab();
	struct wire ack = wire_tcp(CLIENT_EP, SERVER_EP, 0x10, 0), w = datagram(4);

	(void)state;
	crossed(s, A, &ack, 0);
	stream_wait(s, 150 * STREAM_MS);
	delivered(s, B, &w, 1);
	stream_consume(s, A, "skb_queue_purge_reason");
	read_by(s, SERVER, 4, 0, 0);
	expect(s, "#1 born, TCP to port 8080, by the kernel\n"
		  "#2 born, UDP to port 8080, by the kernel\n"
		  "#1 consumed in ns_server (taken by TCP; nothing shows its end), inferred\n"
		  "#1 settled\n"
		  "#2 queued at @1 in ns_server\n"
		  "#2 read by server[700] recvfrom, 4 B\n"
		  "#2 settled\n");
}

/*
 * The same, but the next one is a clone, which no event bears: on another port of a bridge, looped back
 * by a multicast sender (in its call), or a tap's. It cannot have got there, so it is another.
 */
static void test_address_reused_by_a_clone(void **state)
{
	struct stream *s = lab();
	struct wire ack = wire_tcp(CLIENT_EP, SERVER_EP, 0x10, 0);

	(void)state;
	crossed(s, A, &ack, 0);
	stream_softirq(s, 1);
	stream_see(s, HS_STAGE_DEV_QUEUE, A, NS_ROUTER, VETH_RC);
	stream_drop(s, A, "SOME_REASON", "veth_xmit");
	crossed(s, B, &ack, 0);
	stream_back(s);
	stream_by(s, 0, CLIENT);
	stream_see(s, HS_STAGE_BACKLOG, B, NS_SERVER, VETH_S);
	stream_drop(s, B, "SOME_REASON", "ip_rcv_finish");
	crossed(s, C, &ack, 0);
	stream_drop(s, C, "PACKET_SOCK_ERROR", "packet_rcv");
	stream_consume(s, C, "packet_recvmsg");
	stream_tick(s, 150 * STREAM_MS);
	expect(s, "#1 born, TCP to port 8080, by the kernel\n"
		  "#2 born\n"
		  "#2 dropped in ns_router: SOME_REASON by veth_xmit\n"
		  "#2 settled, incomplete (0 lost)\n"
		  "#3 born, TCP to port 8080, by the kernel\n"
		  "#4 born\n"
		  "#4 dropped in ns_server: SOME_REASON by ip_rcv_finish\n"
		  "#4 settled, incomplete (0 lost)\n"
		  "#5 born, TCP to port 8080, by the kernel\n"
		  "#1 consumed in ns_server (taken by TCP; nothing shows its end), inferred\n"
		  "#1 settled\n"
		  "#3 consumed in ns_server (taken by TCP; nothing shows its end), inferred\n"
		  "#3 settled\n"
		  "#5 consumed in ns_server (taken by TCP; nothing shows its end), inferred\n"
		  "#5 settled\n");
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
		  "#2 born, TCP to port 8080, by the retransmission timer, again (1) of #1\n"
		  "#1 settled\n"
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
		  "#2 born, TCP to port 8080, by the kernel, again (1) of #1\n"
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
		       "#1 queued at @1 in ns_server\n"
		       "#1 settled\n");
}

/* Nothing is probed between the receiving of a tag and the VLAN device: being there tells. */
static void test_untagged(void **state)
{
	struct stream *s = lab();
	struct wire w = datagram(4);

	(void)state;
	stream_birth(s, A, NS_CLIENT, VLAN, &w, SK_CLIENT);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_CLIENT, VLAN);
	stream_tag(s, A, 5);
	sent(s, A, &w, SK_CLIENT);
	stream_softirq(s, s->cpu);
	stream_tag(s, A, 5);
	stream_see(s, HS_STAGE_RECEIVE, A, NS_SERVER, VETH_S);
	stream_passed(s, HS_STAGE_IP_IN, A, NS_SERVER, VLAN);
	stream_passed(s, HS_STAGE_UDP_IN, A, NS_SERVER, VLAN);
	stream_queued(s, SK_SERVER, A, 1);
	expect_hops(s,
		    "#1 born, UDP to port 8080, by the kernel\n"
		    "#1   ns_client/vlan5 device queue\n"
		    "#1   ns_client/vlan5 transmit\n"
		    "#1   ns_client/veth_c device queue (VLAN 5)\n"
		    "#1   ns_client/veth_c transmit\n"
		    "#1   => ns_server/veth_s backlog\n"
		    "#1   ns_server/veth_s receive\n"
		    "#1   ns_server/vlan5 vlan untag (via vlan_do_receive) (VLAN 5)\n"
		    "#1   ns_server/vlan5 ip receive []\n"
		    "#1   ns_server/vlan5 udp receive []\n"
		    "#1   ns_server/vlan5 socket queue (server[700], 1 waiting, 768 of 212992 B)\n"
		    "#1 queued at @1 in ns_server\n"
		    "#1 settled\n");
}

/* A tunnel sends the same packet to another device, in functions that are probed there. */
static void expect_tunnel(bool by_gro)
{
	struct stream *s = lab();
	struct wire w = datagram(4);
	struct wire outer = wire_udp("10.0.0.2:5000", "10.0.0.1:4789", 62);
	char lines[1024];

	outer.data[20 + 8 + 6] = 42; /* RFC 7348, 5: the network */
	stream_birth(s, A, NS_CLIENT, VXLAN, &w, SK_CLIENT);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_CLIENT, VXLAN);
	stream_passed(s, HS_STAGE_LOCAL_OUT, A, NS_CLIENT, VXLAN);
	stream_passed(s, HS_STAGE_IP_OUT, A, NS_CLIENT, VETH_C);
	stream_passed(s, HS_STAGE_NEIGHBOUR, A, NS_CLIENT, VETH_C);
	sent(s, A, &outer, SK_CLIENT);
	received(s, A);
	stream_passed(s, HS_STAGE_IP_IN, A, NS_SERVER, VETH_S);
	if (by_gro)
		stream_passed(s, HS_STAGE_GRO, A, NS_SERVER, VXLAN);
	else
		stream_see(s, HS_STAGE_BACKLOG, A, NS_SERVER, VXLAN);
	stream_softirq(s, s->cpu); /* as in Linux 5.10 */
	stream_see(s, HS_STAGE_RECEIVE, A, NS_SERVER, VXLAN);
	stream_passed(s, HS_STAGE_IP_IN, A, NS_SERVER, VXLAN);
	stream_queued(s, SK_SERVER, A, 1);
	snprintf(
		lines, sizeof(lines),
		"#1 born, UDP to port 8080, by the kernel\n"
		"#1   ns_client/vxlan1 device queue\n"
		"#1   ns_client/vxlan1 transmit\n"
		"#1   ns_client/vxlan1 local out []\n"
		"#1   ns_client/veth_c ip output []\n"
		"#1   ns_client/veth_c neighbour []\n"
		"#1   ns_client/veth_c device queue (inside UDP 10.0.0.2:5000 → 10.0.0.1:4789, VXLAN 42)\n"
		"#1   ns_client/veth_c transmit\n"
		"#1   => ns_server/veth_s backlog\n"
		"#1   ns_server/veth_s receive\n"
		"#1   ns_server/veth_s ip receive []\n"
		"#1   ns_server/vxlan1 decapsulate (via __iptunnel_pull_header) "
		"(out of UDP 10.0.0.2:5000 → 10.0.0.1:4789, VXLAN 42)\n"
		"#1   ns_server/vxlan1 %s\n"
		"#1   ns_server/vxlan1 receive\n"
		"#1   ns_server/vxlan1 ip receive []\n"
		"#1   ns_server/vxlan1 socket queue (server[700], 1 waiting, 768 of 212992 B)\n"
		"#1 queued at @1 in ns_server\n"
		"#1 settled\n",
		by_gro ? "gro []" : "backlog");
	expect_hops(s, lines);
}

static void test_tunnel(void **state)
{
	(void)state;
	expect_tunnel(true);
	expect_tunnel(false); /* sit: netif_rx() */
}

#define FORWARDED                                                                    \
	"#1 born, UDP to port 8080, by the kernel\n"                                 \
	"#1   ns_client/veth_c device queue%s\n"                                     \
	"#1   ns_client/veth_c transmit\n"                                           \
	"#1   => ns_router/veth_rc backlog\n"                                        \
	"#1   ns_router/veth_rc receive\n"                                           \
	"#1   ns_router/veth_rs device queue%s\n"                                    \
	"#1   ns_router/veth_rs transmit\n"                                          \
	"#1   => ns_server/veth_s backlog\n"                                         \
	"#1   ns_server/veth_s receive\n"                                            \
	"#1   ns_server/veth_s socket queue (server[700], 1 waiting, 768 of 212992 " \
	"B)\n"                                                                       \
	"#1 queued at @1 in ns_server\n"                                             \
	"#1 settled\n"

/* Through a router that writes other addresses into it, or another label before it. */
static void forward_as(struct stream *s, const struct wire *born, const struct wire *now)
{
	stream_birth(s, A, NS_CLIENT, VETH_C, born, SK_CLIENT);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_CLIENT, VETH_C);
	stream_see(s, HS_STAGE_BACKLOG, A, NS_ROUTER, VETH_RC);
	stream_softirq(s, 0);
	stream_see(s, HS_STAGE_RECEIVE, A, NS_ROUTER, VETH_RC);
	stream_forwarded(s, A, NS_ROUTER, VETH_RS, now);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_ROUTER, VETH_RS);
	stream_see(s, HS_STAGE_BACKLOG, A, NS_SERVER, VETH_S);
	stream_see(s, HS_STAGE_RECEIVE, A, NS_SERVER, VETH_S);
	stream_queued(s, SK_SERVER, A, 1);
}

static void test_translated(void **state)
{
	static const struct {
		const char *from, *to, *text;
	} table[] = {
		{ "10.9.0.1:5000", SERVER_EP, " (now from 10.9.0.1:5000)" },
		{ CLIENT_EP, "10.9.0.2:80", " (now to 10.9.0.2:80)" },
		{ "10.9.0.1:5000", "10.9.0.2:80", " (now 10.9.0.1:5000 → 10.9.0.2:80)" },
		{ CLIENT_EP, SERVER_EP, "" },
	};
	struct wire born = datagram(4);

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct stream *s = lab();
		struct wire now = wire_udp(table[i].from, table[i].to, 4);
		char expected[1024];

		forward_as(s, &born, &now);
		snprintf(expected, sizeof(expected), FORWARDED, "", table[i].text);
		expect_hops(s, expected);
	}
}

/* What is established explains nothing; what has no entry is untracked, or nothing was there to track it. */
static void test_conntrack(void **state)
{
	static const struct {
		uint8_t ct;
		const char *text;
	} table[] = {
		{ HS_CT_TOLD | HS_CT_ENTRY | 2, " (conntrack: new)" },
		{ HS_CT_TOLD | HS_CT_ENTRY | 1, " (conntrack: related)" },
		{ HS_CT_TOLD | HS_CT_ENTRY | 4, " (conntrack: related reply)" },
		{ HS_CT_TOLD | HS_CT_ENTRY | 0, "" },
		{ HS_CT_TOLD | HS_CT_ENTRY | 3, "" },
		{ HS_CT_TOLD | 7, " (conntrack: untracked)" },
		{ HS_CT_TOLD, "" },
		{ 0, "" },
	};
	struct wire born = datagram(4);

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct stream *s = lab();
		char expected[1024];

		s->ct = table[i].ct;
		forward_as(s, &born, &born);
		snprintf(expected, sizeof(expected), FORWARDED, table[i].text, table[i].text);
		expect_hops(s, expected);
	}
}

/* The socket that is missing is the one that the packet was translated for. */
static void test_translated_to_nobody(void **state)
{
	struct stream *s = lab();
	struct wire born = datagram(4), now = wire_udp(CLIENT_EP, "10.9.0.2:80", 4);

	(void)state;
	stream_birth(s, A, NS_CLIENT, VETH_C, &born, 0);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_CLIENT, VETH_C);
	stream_see(s, HS_STAGE_BACKLOG, A, NS_ROUTER, VETH_RC);
	stream_softirq(s, 0);
	stream_see(s, HS_STAGE_RECEIVE, A, NS_ROUTER, VETH_RC);
	stream_forwarded(s, A, NS_ROUTER, VETH_RS, &now);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_ROUTER, VETH_RS);
	stream_see(s, HS_STAGE_BACKLOG, A, NS_SERVER, VETH_S);
	stream_see(s, HS_STAGE_RECEIVE, A, NS_SERVER, VETH_S);
	stream_drop(s, A, "NO_SOCKET", "__udp4_lib_rcv");
	expect(s,
	       "#1 born, UDP to port 8080, by the kernel\n"
	       "#1 dropped in ns_server: NO_SOCKET by __udp4_lib_rcv (no UDP socket on 10.9.0.2:80)\n"
	       "#1 no ICMP (none was seen, and no counter tells why)\n"
	       "#1 settled\n");
}

static void test_labels(void **state)
{
	struct stream *s = lab_of(stream_new("filter", "udp port 8080", NULL));
	struct wire w = datagram(4);
	struct wire born = wire_mpls(w, 100), now = wire_mpls(wire_mpls(w, 7), 101);
	char expected[1024];

	(void)state;
	now.data[2] &= ~1; /* not the bottom of the stack */
	forward_as(s, &born, &now);
	snprintf(expected, sizeof(expected), FORWARDED, " (label 100)", " (labels 101, 7)");
	expect_hops(s, expected);
}

/* Nothing is known of a packet that is forwarded with headers: its birth was lost. */
static void test_translated_without_a_birth(void **state)
{
	struct stream *s = lab();
	struct wire now = datagram(4);

	(void)state;
	stream_forwarded(s, A, NS_ROUTER, VETH_RS, &now);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_ROUTER, VETH_RS);
	expect_hops(s, "#1 born\n"
		       "#1   ns_router/veth_rs device queue\n"
		       "#1   ns_router/veth_rs transmit\n"
		       "#1 settled, incomplete (0 lost)\n");
}

/* Through a router: skb_iif is set, so its device queue is no birth. */
/* What is sent to a group goes to this machine too, before it goes to the device. */
static void test_looped(void **state)
{
	struct stream *s = lab_of(stream_new("all", NULL));
	struct wire w = wire_udp("10.0.1.2:4000", "224.0.0.9:8080", 4);

	(void)state;
	stream_enter(s, HS_CALL_SENDTO, 3, SK_CLIENT, 4, NULL);
	stream_looped(s, B, NS_CLIENT, VETH_C, &w);
	stream_birth(s, A, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_CLIENT, VETH_C);
	stream_see(s, HS_STAGE_BACKLOG, A, NS_SERVER, VETH_S);
	stream_softirq(s, 0);
	stream_see(s, HS_STAGE_RECEIVE, B, NS_CLIENT, VETH_C);
	stream_drop(s, B, "IP_INNOROUTES", "ip_rcv_finish");
	stream_see(s, HS_STAGE_RECEIVE, A, NS_SERVER, VETH_S);
	stream_drop(s, A, "IP_INNOROUTES", "ip_rcv_finish");
	stream_back(s);
	expect_hops(
		s,
		"#1 born, UDP to port 8080, by client[812] sendto(3)\n"
		"#1   ns_client/veth_c backlog\n"
		"#2 born, UDP to port 8080, by client[812] sendto(3)\n"
		"#2   ns_client/veth_c device queue\n"
		"#2   ns_client/veth_c transmit\n"
		"#2   => ns_server/veth_s backlog\n"
		"#1   ns_client/veth_c receive (in sender's call)\n"
		"#1   ns_client/veth_c drop\n"
		"#1 dropped in ns_client: IP_INNOROUTES by ip_rcv_finish (ns_client has no route to 224.0.0.9)\n"
		"#2   ns_server/veth_s receive (in sender's call)\n"
		"#2   ns_server/veth_s drop\n"
		"#2 dropped in ns_server: IP_INNOROUTES by ip_rcv_finish (ns_server has no route to 224.0.0.9)\n"
		"#1 settled\n"
		"#2 settled\n");
}

/* A bridge sends a copy out of another port, and takes the original itself. */
static void test_flooded(void **state)
{
	struct stream *s = lab_of(stream_new("all", NULL));
	struct wire w = wire_arp("10.0.1.2", "10.0.1.1", 1), old = datagram(4);

	(void)state;
	/* What was at the copy's address before: consumed, as no event told. */
	stream_birth(s, B, NS_ROUTER, VETH_RC, &old, 0);
	stream_see(s, HS_STAGE_DEV_XMIT, B, NS_ROUTER, VETH_RC);
	stream_see(s, HS_STAGE_BACKLOG, B, NS_ROUTER, VETH_RC);
	stream_see(s, HS_STAGE_RECEIVE, B, NS_ROUTER, VETH_RC);

	stream_birth(s, A, NS_CLIENT, VETH_C, &w, 0);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_CLIENT, VETH_C);
	stream_see(s, HS_STAGE_BACKLOG, A, NS_ROUTER, VETH_RC);
	stream_softirq(s, 0);
	stream_see(s, HS_STAGE_RECEIVE, A, NS_ROUTER, VETH_RC);
	stream_flooded(s, B, NS_ROUTER, VETH_RS, &w, A);
	stream_see(s, HS_STAGE_DEV_XMIT, B, NS_ROUTER, VETH_RS);
	stream_see(s, HS_STAGE_BACKLOG, B, NS_SERVER, VETH_S);
	stream_consume(s, A, "arp_process");
	stream_softirq(s, 0);
	stream_see(s, HS_STAGE_RECEIVE, B, NS_SERVER, VETH_S);
	stream_consume(s, B, "arp_process");
	stream_back(s);
	stream_tick(s, STREAM_S);
	expect_hops(
		s,
		"#1 born, UDP to port 8080, by the kernel\n"
		"#1   ns_router/veth_rc device queue\n"
		"#1   ns_router/veth_rc transmit\n"
		"#1   ns_router/veth_rc backlog\n"
		"#1   ns_router/veth_rc receive\n"
		"#2 born, by the kernel\n"
		"#2   ns_client/veth_c device queue\n"
		"#2   ns_client/veth_c transmit\n"
		"#2   => ns_router/veth_rc backlog\n"
		"#2   ns_router/veth_rc receive\n"
		"#3 born, because of #2: a copy, as it goes more than one way\n"
		"#3   ns_router/veth_rs device queue\n"
		"#3   ns_router/veth_rs transmit\n"
		"#3   => ns_server/veth_s backlog\n"
		"#2   ns_router/veth_rc consumed\n"
		"#2 consumed in ns_router by arp_process\n"
		"#3   ns_server/veth_s receive\n"
		"#3   ns_server/veth_s consumed\n"
		"#3 consumed in ns_server by arp_process\n"
		"#3 settled\n"
		"#2 settled, caused #3\n"
		"#1 unknown in ns_router (received, and no event tells what became of it), inferred\n"
		"#1 settled\n");
}

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
	stream_drop(s, A, "SOME_REASON", "ip_rcv_finish");
	expect_hops(s, "#1 born, UDP to port 8080, by the kernel\n"
		       "#1   ns_client/veth_c device queue\n"
		       "#1   ns_client/veth_c transmit\n"
		       "#1   => ns_router/veth_rc backlog\n"
		       "#1   ns_router/veth_rc receive\n"
		       "#1   ns_router/veth_rc ip receive (via ip_rcv)\n"
		       "#1   ns_router/veth_rc ip forward (via ip_forward)\n"
		       "#1   ns_router/veth_rs ip output (via ip_output)\n"
		       "#1   ns_router/veth_rs device queue [ip_rcv ip_forward ip_output "
		       "__dev_queue_xmit]\n"
		       "#1   ns_router/veth_rs transmit\n"
		       "#1   ns_router/veth_rs veth transmit (via veth_xmit)\n"
		       "#1   => ns_server/veth_s backlog [veth_xmit __netif_rx]\n"
		       "#1   ns_server/veth_s receive\n"
		       "#1   ns_server/veth_s drop\n"
		       "#1 dropped in ns_server: SOME_REASON by ip_rcv_finish\n"
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
		  "#2 born, UDP to port 8080, by the kernel\n"
		  "#2 dropped in ns_server: NOT_SPECIFIED by ip_rcv_core\n"
		  "#2 settled\n"
		  "#3 born, UDP to port 8080, by the kernel\n"
		  "#3 dropped in ns_server: QUEUE_PURGE by skb_queue_purge_reason\n"
		  "#3 settled\n"
		  "#1 settled\n");
}

/* The last to arrive becomes the whole datagram (inet_frag_reasm_prepare()), the others end. */
static void fragments(struct stream *s, struct wire *ret_first, struct wire *ret_last)
{
	struct wire whole = wire_udp(CLIENT_EP, SERVER_EP, 2000);
	struct wire middle = wire_fragment(whole, 800, true, 800);

	*ret_first = wire_fragment(whole, 0, true, 800);
	*ret_last = wire_fragment(whole, 1600, false, 408);
	crossed(s, B, &middle, SK_CLIENT);
	stream_back(s);
}

#define FRAGMENTS                                                                         \
	"#1 born, UDP, by the kernel\n"                                                   \
	"#2 born, UDP to port 8080, by the kernel\n"                                      \
	"#3 born, UDP, by the kernel\n"                                                   \
	"#2 merged in ns_server by inet_frag_reasm_prepare (put together with the other " \
	"fragments of its datagram)\n"                                                    \
	"#2 settled\n"                                                                    \
	"#3 queued at @1 in ns_server\n"

static void fragments_read(int32_t copied, const char *expected)
{
	struct stream *s = lab();
	struct wire first, last;

	fragments(s, &first, &last);
	crossed(s, A, &first, SK_CLIENT);
	stream_back(s);
	crossed(s, C, &last, SK_CLIENT);
	stream_consume(s, A, "inet_frag_reasm_prepare");
	stream_queued(s, SK_SERVER, C, 1);
	read_by(s, SERVER, copied, 0, 0);
	stream_tick(s, 150 * STREAM_MS);
	expect(s, expected);
}

static void test_fragments(void **state)
{
	(void)state;
	fragments_read(2000, FRAGMENTS
		       "#3 read by server[700] recvfrom, 2000 B\n"
		       "#3 settled\n"
		       "#1 merged in ns_server (kept until the other fragments of its datagram are "
		       "there), inferred\n"
		       "#1 settled\n");
	fragments_read(300, FRAGMENTS
		       "#3 read by server[700] recvfrom, 300 B, 1700 lost\n"
		       "#3 settled\n"
		       "#1 merged in ns_server (kept until the other fragments of its datagram are "
		       "there), inferred\n"
		       "#1 settled\n");
}

/* Before Linux 6.3: consume_skb does not say where, and what is freed with the datagram looks like a drop. */
static void test_fragments_of_old(void **state)
{
	struct stream *s = lab();
	struct wire first, last;

	(void)state;
	fragments(s, &first, &last);
	crossed(s, A, &first, SK_CLIENT);
	stream_back(s);
	crossed(s, C, &last, SK_CLIENT);
	stream_consume(s, A, "");
	stream_queued(s, SK_SERVER, C, 1);
	read_by(s, SERVER, 2000, 0, 0);
	stream_drop(s, B, "NOT_SPECIFIED", "skb_release_data");
	expect(s,
	       "#1 born, UDP, by the kernel\n"
	       "#2 born, UDP to port 8080, by the kernel\n"
	       "#3 born, UDP, by the kernel\n"
	       "#2 merged in ns_server (put together with the other fragments of its datagram)\n"
	       "#2 settled\n"
	       "#3 queued at @1 in ns_server\n"
	       "#3 read by server[700] recvfrom, 2000 B\n"
	       "#3 settled\n"
	       "#1 merged in ns_server by skb_release_data (put together with the other fragments of "
	       "its datagram)\n"
	       "#1 settled\n");
}

/* The first fragment comes last: how long the datagram is, nothing says. */
static void test_fragments_out_of_order(void **state)
{
	struct stream *s = lab();
	struct wire first, last;

	(void)state;
	fragments(s, &first, &last);
	crossed(s, C, &last, SK_CLIENT);
	stream_back(s);
	crossed(s, A, &first, SK_CLIENT);
	stream_queued(s, SK_SERVER, A, 1);
	read_by(s, SERVER, 2000, 0, 0);
	expect(s, "#1 born, UDP, by the kernel\n"
		  "#2 born, UDP, by the kernel\n"
		  "#3 born, UDP to port 8080, by the kernel\n"
		  "#3 queued at @1 in ns_server\n"
		  "#3 read by server[700] recvfrom, 2000 B\n"
		  "#3 settled\n"
		  "#1 merged in ns_server (kept until the other fragments of its datagram are "
		  "there), inferred\n"
		  "#2 merged in ns_server (kept until the other fragments of its datagram are "
		  "there), inferred\n"
		  "#1 settled\n"
		  "#2 settled\n");
}

#define BORN_ALONE "#1 born, UDP, by the kernel\n"

/* The others never come: that is known only when the kernel gives it up, half a minute later. */
static void test_fragment_alone(void **state)
{
	struct stream *s = lab();
	struct wire whole = wire_udp(CLIENT_EP, SERVER_EP, 2000);
	struct wire later = wire_fragment(whole, 800, true, 800);

	(void)state;
	crossed(s, B, &later, SK_CLIENT);
	stream_back(s);
	stream_tick(s, 30000 * STREAM_MS);
	stream_drop(s, B, "FRAG_REASM_TIMEOUT", "ip_expire");
	expect(s, BORN_ALONE "#1 dropped in ns_server: FRAG_REASM_TIMEOUT by ip_expire\n"
			     "#1 settled\n");
	s = lab();
	crossed(s, B, &later, SK_CLIENT);
	stream_back(s);
	stream_tick(s, 30000 * STREAM_MS);
	stream_consume(s, B, "inet_frag_rbtree_purge");
	expect(s, BORN_ALONE
	       "#1 consumed in ns_server by inet_frag_rbtree_purge (given up: the other fragments "
	       "of its datagram did not come, or did not fit)\n"
	       "#1 settled\n");
}

/* Another packet is where it was: its data went to one of the others, and nothing will tell of its end. */
static void test_fragment_is_replaced(void **state)
{
	struct stream *s = lab();
	struct wire whole = wire_udp(CLIENT_EP, SERVER_EP, 2000);
	struct wire later = wire_fragment(whole, 800, true, 800), other = datagram(4);

	(void)state;
	crossed(s, B, &later, SK_CLIENT);
	stream_back(s);
	stream_birth(s, B, NS_CLIENT, VETH_C, &other, SK_CLIENT);
	stream_tick(s, 150 * STREAM_MS);
	stream_consume(s, B, "veth_xmit");
	expect(s, BORN_ALONE
	       "#2 born, UDP to port 8080, by the kernel\n"
	       "#1 merged in ns_server (kept until the other fragments of its datagram are "
	       "there), inferred\n"
	       "#1 settled\n"
	       "#2 consumed in ns_client by veth_xmit\n"
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
	stream_drop(s, A, "SOME_REASON", "__dev_queue_xmit");
	stream_end(s);
	notes_init(&notes);
	assert_int_equal(run(s, &notes), 0);
	assert_string_equal(notes_text(&notes), "#1 born, UDP to port 8080, by the kernel\n"
						"#1 settled\n"
						"#1 dropped in ns_client: SOME_REASON by "
						"__dev_queue_xmit\n");
	assert_int_equal(notes.summary.dropped, 1);
	assert_int_equal(notes.summary.underway, 0);
	notes_done(&notes);
	stream_free(s);
}

/* ---- selection ---- */

#define DELIVERED(id, port, socket)                           \
	"#" id " born, UDP to port " port ", by the kernel\n" \
	"#" id " queued at @" socket " in ns_server\n"

/* A packet chosen late (at its second namespace) shows its earlier hops first; ids have no gaps. */
static void test_chosen_late(void **state)
{
	struct stream *s = lab_of(stream_new("netns", "ns_server", NULL));
	struct wire w = datagram(4);

	(void)state;
	stream_birth(s, C, NS_CLIENT, VETH_C, &w, SK_CLIENT); /* never gets there */
	stream_see(s, HS_STAGE_DEV_XMIT, C, NS_CLIENT, VETH_C);
	sent(s, A, &w, SK_CLIENT);
	expect_hops(s, "#1 born, UDP to port 8080, by the kernel\n"
		       "#1   ns_client/veth_c device queue\n"
		       "#1   ns_client/veth_c transmit\n"
		       "#1   => ns_server/veth_s backlog\n"
		       "#1 settled\n");
}

static void test_chosen_by_device(void **state)
{
	struct stream *s = lab_of(stream_new("dev", "eth0", "dev", "vlan5", NULL));
	struct wire w = datagram(4);

	(void)state;
	delivered(s, A, &w, 1);
	stream_arrival(s, B, NS_SERVER, ETH, &w);
	expect_hops(
		s,
		"#1 born, UDP to port 8080\n"
		""
		"#1   ns_server/eth0 receive\n"
		"#1 unknown in ns_server (received, and no event tells what became of it), inferred\n"
		""
		"#1 settled\n");
}

/* The filter sees a packet at its birth; what it causes is shown whatever its headers are. */
static void test_chosen_by_filter(void **state)
{
	struct stream *s = lab_of(stream_new("filter", "udp port 8080", NULL));
	struct wire w = datagram(4), other = wire_udp(CLIENT_EP, "10.0.1.1:9", 4);

	(void)state;
	stream_birth(s, D, NS_CLIENT, VETH_C, &other, SK_CLIENT);
	closed_port(s, &w, true);
	expect(s, "#1 born, UDP to port 8080, by the kernel\n"
		  "#2 born, ICMP, because of #1: ICMP port unreachable, built in __icmp_send\n"
		  "#1 dropped in ns_server: NO_SOCKET by __udp4_lib_rcv (no UDP socket on "
		  "10.0.1.1:8080)\n"
		  "#2 unknown in ns_client (received, and no event tells what became of it), "
		  "inferred\n"
		  "#2 told nobody (no socket is known that sent the packet)\n"
		  "#1 settled, caused #2\n"
		  "#2 settled\n");
}

/* All kinds that are given have to hold. */
static void test_chosen_by_all_together(void **state)
{
	struct stream *s =
		lab_of(stream_new("filter", "udp", "filter", "dst port 8080", "netns", "ns_server",
				  "netns", "ns_router", "dev", "veth_s", NULL));
	struct wire w = datagram(4), other = wire_udp(CLIENT_EP, "10.0.1.1:9", 4);

	(void)state;
	sent(s, A, &w, SK_CLIENT);
	sent(s, B, &other, SK_CLIENT);
	stream_birth(s, C, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	expect(s, "#1 born, UDP to port 8080, by the kernel\n"
		  "#1 settled\n");
}

/* A followed server sees what arrives before it first touches its socket, and nothing else. */
static void followed_server(const char *local, const char *to, bool wanted)
{
	struct stream *s = lab_of(stream_new("followed", NULL));
	struct wire w = wire_udp(*to == '[' ? "[fd00::2]:4000" : CLIENT_EP, to, 4);
	struct notes notes;

	stream_sock_is(s, SK_RAW, NS_SERVER, IPPROTO_UDP, local, NULL);
	stream_sock(s, SK_RAW, SECOND, "second", true);
	crossed(s, A, &w, 0);
	stream_end(s);
	notes_init(&notes);
	run(s, &notes);
	assert_int_equal(notes.summary.shown, wanted);
	notes_done(&notes);
	stream_free(s);
}

static void test_chosen_for_a_followed_server(void **state)
{
	(void)state;
	followed_server("10.0.1.1:53", "10.0.1.1:53", true);
	followed_server("0.0.0.0:53", "10.0.1.1:53", true);
	followed_server("[::]:53", "10.0.1.1:53", true); /* a dual-stack server */
	followed_server("[::ffff:10.0.1.1]:53", "10.0.1.1:53", true);
	followed_server("[::]:53", "[fd00::1]:53", true);
	followed_server("[fd00::1]:53", "[fd00::1]:53", true);
	followed_server("10.0.1.1:53", "10.0.1.1:54", false);
	followed_server("10.0.1.9:53", "10.0.1.1:53", false);
	followed_server("0.0.0.0:53", "[fd00::1]:53", false);
	followed_server("[fd00::1]:53", "10.0.1.1:53", false);
}

/* The server on [::] is queued an IPv4 datagram of a client with a mapped address. */
static void test_dual_stack_server(void **state)
{
	struct stream *s = lab_of(stream_new("followed", NULL));
	struct wire w = datagram(4), e = wire_error(&w, SERVER_ADDR, 3, 3);

	(void)state;
	stream_sock_is(s, SK_SERVER, NS_SERVER, IPPROTO_UDP, "[::]:8080", NULL);
	stream_sock(s, SK_SERVER, SERVER, "server", true);
	stream_sock_is(s, SK_CLIENT, NS_CLIENT, IPPROTO_UDP, "[::ffff:10.0.1.2]:4000",
		       "[::ffff:10.0.1.1]:8080");
	stream_sock(s, SK_CLIENT, CLIENT, "client", true);
	delivered(s, A, &w, 1);
	read_by(s, SERVER, 4, 0, 0);
	stream_by(s, 0, CLIENT);
	crossed(s, B, &w, SK_CLIENT);
	stream_birth(s, C, NS_SERVER, VETH_S, &e, 0);
	expect(s, "#1 born, UDP to port 8080, by the kernel\n"
		  "#1 queued at @2 in ns_server\n"
		  "#1 read by server[700] recvfrom, 4 B\n"
		  "#1 settled\n"
		  "#2 born, UDP to port 8080, by the kernel\n"
		  "#3 born, ICMP, because of #2: ICMP port unreachable\n"
		  "#2 unknown in ns_server (received, and no event tells what became of it), "
		  "inferred\n"
		  "#2 settled, caused #3\n"
		  "#3 settled\n");
}

/* What another process sends is shown from where it reaches the followed socket. */
static void test_chosen_by_the_receiver(void **state)
{
	struct stream *s = lab_of(stream_new("followed", NULL));
	struct wire w = datagram(4), x = wire_udp(CLIENT_EP, "10.0.1.1:9", 4);

	(void)state;
	stream_sock(s, SK_SERVER, SERVER, "server", true);
	delivered(s, B, &x, 1); /* a lie: the socket is not bound to port 9, the queue tells */
	delivered(s, A, &w, 1);
	expect(s, DELIVERED("1", "9", "1") DELIVERED("2", "8080", "1") "#1 settled\n"
								       "#2 settled\n");
}

/* A process ends; its socket's memory is given to a socket of a stranger. */
static void test_socket_of_the_dead(void **state)
{
	struct stream *s = lab_of(stream_new("followed", NULL));
	struct wire w = datagram(4);

	(void)state;
	stream_enter(s, HS_CALL_CONNECT, 3, SK_CLIENT, 0, SERVER_EP);
	s->open.ino = 7;
	stream_leave(s, 0);
	stream_sock(s, SK_CLIENT, SECOND, "second", false);
	stream_by(s, 0, SECOND);
	stream_birth(s, A, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	expect(s, "connect(3) = 0\n");
}

/* The same before close() has returned. */
static void test_socket_while_it_is_closed(void **state)
{
	struct stream *s = lab_of(stream_new("followed", NULL));
	struct wire w = datagram(4);

	(void)state;
	stream_enter(s, HS_CALL_CONNECT, 3, SK_CLIENT, 0, SERVER_EP);
	s->open.ino = 7;
	stream_leave(s, 0);
	stream_enter(s, HS_CALL_CLOSE, 3, SK_CLIENT, 0, NULL);
	stream_by(s, 1, SECOND);
	stream_sock(s, SK_CLIENT, SECOND, "second", false);
	stream_birth(s, A, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	s->open.ino = 7;
	stream_leave(s, 0);
	stream_by(s, 1, SECOND);
	stream_birth(s, B, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	expect(s, "connect(3) = 0\n"
		  "close(3) = 0\n");
}

/* Background traffic is counted, not shown. */
static void test_noise_is_folded(void **state)
{
	struct stream *s = lab();
	struct wire arp = wire_arp(CLIENT_ADDR, SERVER_ADDR, 1);
	struct wire rs = wire_icmp6("fe80::2", "ff02::2", 133);
	struct notes notes;

	(void)state;
	stream_birth(s, A, NS_CLIENT, VETH_C, &arp, 0);
	stream_birth(s, B, NS_CLIENT, VETH_C, &rs, 0);
	stream_birth(s, C, NS_CLIENT, VETH_C, &rs, 0);
	stream_end(s);
	notes_init(&notes);
	run(s, &notes);
	assert_string_equal(notes_text(&notes), "");
	assert_int_equal(notes.summary.packets, 3);
	assert_int_equal(notes.summary.shown, 0);
	assert_int_equal(notes.summary.background[HS_NOISE_ARP], 1);
	assert_int_equal(notes.summary.background[HS_NOISE_RS], 2);
	assert_string_equal(notes.summary.nothing,
			    "3 packets seen, none matched: all were background (--all shows it)");
	notes_done(&notes);
	stream_free(s);
}

static void test_noise_is_shown_when_asked_for(void **state)
{
	struct wire arp = wire_arp(CLIENT_ADDR, SERVER_ADDR, 1);
	struct stream *s = lab_of(stream_new("all", NULL));

	(void)state;
	stream_birth(s, A, NS_CLIENT, VETH_C, &arp, 0);
	expect(s, "#1 born, by the kernel\n"
		  "#1 settled\n");
	s = lab_of(stream_new("filter", "arp", NULL));
	stream_birth(s, A, NS_CLIENT, VETH_C, &arp, 0);
	expect(s, "#1 born, by the kernel\n"
		  "#1 settled\n");
}

/* ARP because of a followed call belongs to the story; that of a stranger does not. */
static void test_noise_of_a_call_is_shown(void **state)
{
	struct stream *s = lab_of(stream_new("followed", NULL));
	struct wire arp = wire_arp(CLIENT_ADDR, SERVER_ADDR, 1);

	(void)state;
	stream_birth(s, B, NS_CLIENT, VETH_C, &arp, 0);
	stream_enter(s, HS_CALL_SENDTO, 3, SK_CLIENT, 4, NULL);
	stream_birth(s, A, NS_CLIENT, VETH_C, &arp, 0);
	stream_leave(s, 4);
	expect(s, "#1 born, by client[812] sendto(3)\n"
		  "sendto(3) = 4, sent #1\n"
		  "#1 settled\n");
}

/* The terminal's own connection is left out, in both directions. */
static void test_terminal_is_left_out(void **state)
{
	struct stream *s =
		lab_of(stream_new("without", "10.0.1.2", "4000", "10.0.1.1", "8080", "all", NULL));
	struct wire there = wire_tcp(CLIENT_EP, SERVER_EP, 0x18, 9);
	struct wire back = wire_tcp(SERVER_EP, CLIENT_EP, 0x10, 0);
	struct wire other = wire_tcp(CLIENT_EP, "10.0.1.1:22", 0x02, 0);

	(void)state;
	stream_birth(s, A, NS_CLIENT, VETH_C, &there, 0);
	stream_birth(s, B, NS_SERVER, VETH_S, &back, 0);
	stream_birth(s, C, NS_CLIENT, VETH_C, &other, 0);
	expect(s, "#1 born, TCP to port 22, by the kernel\n"
		  "#1 settled\n");
}

static void test_nothing_matched(void **state)
{
	struct stream *s = lab_of(stream_new("filter", "udp port 9", "netns", "ns_x", NULL));
	struct wire w = datagram(4);
	struct notes notes;

	(void)state;
	delivered(s, A, &w, 1);
	stream_end(s);
	notes_init(&notes);
	run(s, &notes);
	assert_string_equal(notes.summary.nothing,
			    "1 packet seen, none matched 'udp port 9' -n ns_x");
	notes_done(&notes);
	stream_free(s);
}

/* ---- losses ---- */

/* A gap marks who was alive; silence after that is no evidence. */
static void test_gap(void **state)
{
	struct stream *s = lab();
	struct wire w = datagram(4);

	(void)state;
	delivered(s, A, &w, 1);
	read_by(s, SERVER, 4, 0, 0);
	stream_by(s, 0, CLIENT);
	crossed(s, B, &w, SK_CLIENT);
	stream_lose(s, 3);
	stream_back(s);
	delivered(s, C, &w, 1);
	read_by(s, SERVER, 4, 0, 0);
	stream_tick(s, 2100 * STREAM_MS);
	expect(s,
	       DELIVERED(
		       "1", "8080",
		       "1") "#1 read by server[700] recvfrom, 4 B\n"
			    "#1 settled\n"
			    "#2 born, UDP to port 8080, by the kernel\n" DELIVERED(
				    "3", "8080",
				    "1") "#3 read by server[700] recvfrom, 4 B\n"
					 "#3 settled\n"
					 "lost 3, skipped 0\n"
					 "#2 unknown in ns_server (events were lost, so its end may have been missed), "
					 "inferred\n"
					 "#2 settled, incomplete (3 lost)\n");
}

/* Numbers are taken before room is, so one record may overtake another. */
static void test_late_record(void **state)
{
	struct stream *s = lab();
	struct wire w = datagram(4);
	struct notes notes;
	uint32_t late;

	(void)state;
	stream_birth(s, A, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	late = s->seq[0];
	stream_lose(s, 1);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_CLIENT, VETH_C);
	s->forced_seq = &late;
	stream_task(s, CLIENT, "client");
	stream_loss(s, 0, 0, 0);
	stream_end(s);
	notes_init(&notes);
	run(s, &notes);
	assert_int_equal(notes.summary.lost, 0);
	notes_done(&notes);
	stream_free(s);
}

/* A number that comes twice is damage, and no reason to count below zero. */
static void test_repeated_number(void **state)
{
	struct stream *s = lab();
	struct notes notes;
	uint32_t first = 0;

	(void)state;
	s->forced_seq = &first;
	stream_task(s, CLIENT, "client");
	stream_loss(s, 2, 0, 0);
	stream_end(s);
	notes_init(&notes);
	run(s, &notes);
	assert_int_equal(notes.summary.lost, 2);
	notes_done(&notes);
	stream_free(s);
}

/*
 * LOSS tells of what no gap can show: records after the last one, programs that were skipped. The
 * sink hears of losses at most once a second.
 */
static void test_loss_beyond_gaps(void **state)
{
	struct stream *s = lab();
	struct wire w = datagram(4);

	(void)state;
	stream_birth(s, A, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	stream_lose(s, 2);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_CLIENT, VETH_C);
	stream_loss(s, 2, 0, 0);
	stream_loss(s, 5, 1, 1);
	stream_loss(s, 5, 1, 1);
	stream_wait(s, STREAM_S);
	stream_loss(s, 6, 1, 1);
	expect(s,
	       "#1 born, UDP to port 8080, by the kernel\n"
	       "lost 2, skipped 0\n"
	       "lost 6, skipped 2\n"
	       "#1 unknown in ns_client (events were lost, so its end may have been missed), inferred\n"
	       "#1 settled, incomplete (8 lost)\n");
}

/* The birth was lost: a journey without a beginning, which no filter can have chosen. */
/*
 * What is told ahead may have been lost until then: who is born before that, and ends, is marked; who is born
 * later is not, though the gap is seen later still.
 */
static void test_loss_told_ahead(void **state)
{
	struct stream *s = lab();
	struct wire w = datagram(4);

	(void)state;
	stream_birth(s, A, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	stream_loss_ahead(s, 3, 20 * STREAM_MS);
	stream_drop(s, A, "SOME_REASON", "veth_xmit");
	stream_tick(s, 10 * STREAM_MS);
	stream_birth(s, B, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	stream_drop(s, B, "SOME_REASON", "veth_xmit");
	stream_tick(s, 10 * STREAM_MS);
	stream_lose(s, 3);
	stream_birth(s, C, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	stream_drop(s, C, "SOME_REASON", "veth_xmit");
	expect(s, "#1 born, UDP to port 8080, by the kernel\n"
		  "lost 3, skipped 0\n"
		  "#1 dropped in ns_client: SOME_REASON by veth_xmit\n"
		  "#1 settled, incomplete (3 lost)\n"
		  "#2 born, UDP to port 8080, by the kernel\n"
		  "#2 dropped in ns_client: SOME_REASON by veth_xmit\n"
		  "#2 settled, incomplete (3 lost)\n"
		  "#3 born, UDP to port 8080, by the kernel\n"
		  "#3 dropped in ns_client: SOME_REASON by veth_xmit\n"
		  "#3 settled\n");
}

/* Where there is no room for more packets, the oldest is given up, and nobody knows its fate. */
static void test_forgotten(void **state)
{
	struct stream *s = lab_of(stream_new("tables", "2", NULL));
	struct wire w = datagram(4);
	struct notes notes;

	(void)state;
	stream_birth(s, A, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	stream_birth(s, B, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	stream_drop(s, B, "SOME_REASON", "veth_xmit");
	stream_birth(s, C, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	stream_birth(s, D, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	stream_drop(s, A, "SOME_REASON", "veth_xmit");
	stream_end(s);
	notes_init(&notes);
	run(s, &notes);
	assert_string_equal(
		notes_text(&notes),
		"#1 born, UDP to port 8080, by the kernel\n"
		"#2 born, UDP to port 8080, by the kernel\n"
		"#2 dropped in ns_client: SOME_REASON by veth_xmit\n"
		"#2 settled\n"
		"#3 born, UDP to port 8080, by the kernel\n"
		"#1 unknown in ns_client (forgotten on its way: too many packets at once), inferred\n"
		"#1 settled, incomplete (1 lost)\n"
		"#4 born, UDP to port 8080, by the kernel\n"
		"#3 settled\n"
		"#4 settled\n");
	assert_int_equal(notes.summary.losses.n[HS_LOSS_JOURNEYS], 1);
	assert_int_equal(notes.summary.losses.n[HS_LOSS_KEPT], 1);
	notes_done(&notes);
	stream_free(s);
}

/* A FIN in a socket's queue is never read, and takes no room for long. */
static void test_queued_fin_is_not_kept(void **state)
{
	struct stream *s = lab_of(stream_new("tables", "4", NULL));
	struct wire fin = wire_tcp(CLIENT_EP, SERVER_EP, 0x11, 0);
	struct notes notes;

	(void)state;
	stream_sock_is(s, SK_TCP, NS_SERVER, IPPROTO_TCP, SERVER_EP, CLIENT_EP);
	for (uint64_t i = 0; i < 10; i++) {
		crossed(s, A + i * 256, &fin, 0);
		stream_queued(s, SK_TCP, A + i * 256, 1);
		stream_back(s);
		stream_tick(s, 3 * STREAM_S);
		stream_tick(s, 3 * STREAM_S);
	}
	stream_end(s);
	notes_init(&notes);
	run(s, &notes);
	assert_int_equal(notes.summary.queued, 10);
	assert_int_equal(notes.summary.losses.n[HS_LOSS_KEPT], 0);
	assert_int_equal(notes.summary.losses.n[HS_LOSS_JOURNEYS], 0);
	notes_done(&notes);
	stream_free(s);
}

static void test_lost_birth(void **state)
{
	struct stream *s = lab();

	(void)state;
	stream_lose(s, 1);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_CLIENT, VETH_C);
	stream_see(s, HS_STAGE_BACKLOG, A, NS_SERVER, VETH_S);
	received(s, A);
	stream_tick(s, 2100 * STREAM_MS);
	expect(s, "#1 born\n"
		  "lost 1, skipped 0\n"
		  "#1 unknown in ns_server (events were lost, so its end may have been missed), "
		  "inferred\n"
		  "#1 settled, incomplete (0 lost)\n");
	s = lab_of(stream_new("filter", "udp", NULL));
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_CLIENT, VETH_C);
	expect(s, "");
}

/* The next packet at an address, without its birth, is not the one that was delivered there. */
static void test_lost_birth_at_a_known_address(void **state)
{
	struct stream *s = lab();
	struct wire w = datagram(4), ack = wire_tcp(CLIENT_EP, SERVER_EP, 0x10, 0);

	(void)state;
	delivered(s, A, &w, 1);
	read_by(s, SERVER, 4, 0, 0);
	stream_by(s, 0, CLIENT);
	stream_lose(s, 1);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_CLIENT, VETH_C);
	stream_drop(s, A, "SOME_REASON", "veth_xmit");
	/* the same after a pure ACK, whose end nothing shows */
	crossed(s, B, &ack, 0);
	stream_back(s);
	stream_lose(s, 1);
	stream_see(s, HS_STAGE_DEV_XMIT, B, NS_CLIENT, VETH_C);
	stream_drop(s, B, "SOME_REASON", "veth_xmit");
	expect(s,
	       DELIVERED(
		       "1", "8080",
		       "1") "#1 read by server[700] recvfrom, 4 B\n"
			    "#1 settled\n"

			    "#2 born\n"
			    "#2 dropped in ns_client: SOME_REASON by veth_xmit\n"
			    "#2 settled, incomplete (0 lost)\n"
			    "#3 born, TCP to port 8080, by the kernel\n"
			    ""
			    "#4 born\n"
			    "#4 dropped in ns_client: SOME_REASON by veth_xmit\n"
			    "#4 settled, incomplete (0 lost)\n"
			    "lost 2, skipped 0\n"
			    "#3 unknown in ns_server (events were lost, so its end may have been missed), "
			    "inferred\n"
			    "#3 settled, incomplete (2 lost)\n");
}

/* A read that was lost must not shift all later reads by one. */
static void test_lost_read(void **state)
{
	struct stream *s = lab();
	struct wire w = datagram(4), x = datagram(8);

	(void)state;
	delivered(s, A, &w, 1);
	stream_by(s, 1, SERVER);
	stream_lose(s, 1); /* the read of #1 */
	delivered(s, B, &x, 1);
	read_by(s, SERVER, 8, 0, 0);
	expect(s, DELIVERED("1", "8080", "1")
			  DELIVERED("2", "8080", "1") "#2 read by server[700] recvfrom, 8 B\n"
						      "#2 settled, incomplete (1 lost)\n"
						      "lost 1, skipped 0\n"
						      "#1 settled, incomplete (1 lost)\n");
}

/* ---- bounds ---- */

/* of this process: others on the machine do not count */
static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* A stream too long to be kept: each record goes to the engine at once. */
struct flood {
	struct run run;
	struct notes notes;
	struct stream *s;
};

static void flood_push(struct flood *f)
{
	assert_int_equal(stream_each(f->s, run_record, &f->run), 0);
	f->s->len = 0;
}

static void flood_begin(struct flood *f, struct stream *s)
{
	f->run = (struct run){ .names = names_new() };
	notes_init(&f->notes);
	f->notes.quiet = true;
	f->run.journeys = journeys_new(f->run.names, &f->run.select, &f->notes.sink);
	f->run.decoder = decode_new(f->run.names, journeys_event, journeys_gap, f->run.journeys);
	f->s = lab_of(s);
	flood_push(f);
}

static void flood_end(struct flood *f)
{
	stream_end(f->s);
	flood_push(f);
	decode_free(f->run.decoder);
	journeys_free(f->run.journeys);
	select_free(&f->run.select);
	names_free(f->run.names);
	stream_free(f->s);
	notes_done(&f->notes);
}

/*
 * More than are remembered. It takes 1 to 2 s, on a busy machine twice that; a step that is
 * quadratic would take minutes.
 */
#ifdef __SANITIZE_ADDRESS__
#define FLOOD 120000
#else
#define FLOOD 300000
#endif
#define FLOOD_S 10

/*
 * Nobody reads the queue, nothing is freed: what is remembered stays bounded and cheap. The oldest
 * are settled although nothing ended them.
 */
static void test_flood_without_ends(void **state)
{
	struct flood f;
	struct wire w = datagram(4);
	double begin = seconds();

	(void)state;
	flood_begin(&f, stream_new(NULL));
	for (uint32_t i = 0; i < FLOOD; i++) {
		delivered(f.s, 0x100000 + i * 256ull, &w, i < 100 ? i + 1 : 100);
		if (i % 1000 == 0)
			stream_tick(f.s, 0);
		flood_push(&f);
	}
	assert_true(f.notes.n_settled >= FLOOD - 100000);
	/* 1.7 kB each; 0 where a sanitizer has its own malloc() */
	assert_true(mallinfo2().uordblks < 100000 * 3000ul);
	flood_end(&f);
	assert_int_equal(f.notes.n_settled, FLOOD);
	assert_true(seconds() - begin < FLOOD_S);
}

/* With records lost all the time. */
static void test_flood_with_gaps(void **state)
{
	struct flood f;
	struct wire w = datagram(4);
	double begin = seconds();

	(void)state;
	flood_begin(&f, stream_new(NULL));
	for (uint32_t i = 0; i < FLOOD; i++) {
		delivered(f.s, 0x100000 + i * 256ull, &w, i < 100 ? i + 1 : 100);
		if (i % 10 == 0)
			stream_lose(f.s, 1);
		flood_push(&f);
	}
	flood_end(&f);
	assert_int_equal(f.notes.summary.lost, FLOOD / 10);
	assert_true(seconds() - begin < FLOOD_S);
}

/* Closed ports under the rate limit: each waits for a counter that comes often and says nothing. */
static void test_flood_to_a_closed_port(void **state)
{
	struct flood f;
	struct wire w = datagram(4);
	double begin = seconds();

	(void)state;
	flood_begin(&f, stream_new(NULL));
	stream_counter(f.s, NS_SERVER, 0, 0, 0);
	for (uint32_t i = 0; i < FLOOD; i++) {
		dropped_silently(f.s, 0x100000 + i * 256ull, &w);
		if (i % 5000 == 0)
			stream_counter(f.s, NS_SERVER, 0, i, 0);
		flood_push(&f);
	}
	flood_end(&f);
	assert_int_equal(f.notes.summary.dropped, FLOOD);
	assert_true(seconds() - begin < FLOOD_S);
}

/* A thousand causes deep: each packet was sent because of the one before. */
static void test_long_chain_of_causes(void **state)
{
	struct stream *s = lab_of(stream_new("netns", "ns_server", NULL));
	struct flood f;
	struct wire w = datagram(4);
	uint32_t n = 90000;

	(void)state;
	flood_begin(&f, s);
	stream_softirq(s, 0);
	for (uint32_t i = 0; i < n; i++) {
		stream_birth(s, 0x100000 + i * 256ull, NS_CLIENT, VETH_C, &w, 0);
		stream_see(s, HS_STAGE_RECEIVE, 0x100000 + i * 256ull, NS_CLIENT, VETH_C);
		flood_push(&f);
	}
	/* The first one gets where all of them are shown, then they end from the last to the first.
	 */
	stream_see(s, HS_STAGE_DEV_QUEUE, 0x100000, NS_CLIENT, VETH_C);
	stream_see(s, HS_STAGE_DEV_XMIT, 0x100000, NS_CLIENT, VETH_C);
	stream_see(s, HS_STAGE_BACKLOG, 0x100000, NS_SERVER, VETH_S);
	flood_push(&f);
	assert_int_equal(f.notes.n_hops, 2 * n + 3);
	for (uint32_t i = 0; i < n; i++) {
		stream_consume(s, 0x100000 + i * 256ull, "kfree_skb_list");
		flood_push(&f);
	}
	assert_int_equal(f.notes.n_settled, n);
	flood_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_delivered_and_read),
		cmocka_unit_test(test_reader_wins_the_race),
		cmocka_unit_test(test_two_readers_win_the_race),
		cmocka_unit_test(test_read_of_an_older_datagram),
		cmocka_unit_test(test_queued_before_tracing),
		cmocka_unit_test(test_queued_as_a_batch),
		cmocka_unit_test(test_two_readers),
		cmocka_unit_test(test_peek_is_no_read),
		cmocka_unit_test(test_cut_by_a_short_buffer),
		cmocka_unit_test(test_unread_at_close),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_full_receive_buffer),
		cmocka_unit_test(test_full_receive_buffer_without_reason),
		cmocka_unit_test(test_reader_discards_one),
		cmocka_unit_test(test_raw_socket_gets_a_clone),
		cmocka_unit_test(test_closed_port),
		cmocka_unit_test(test_closed_port_told_by_send),
		cmocka_unit_test(test_closed_port_unconnected),
		cmocka_unit_test(test_closed_port_after_close),
		cmocka_unit_test(test_unsaid_without_answer),
		cmocka_unit_test(test_closed_port_ipv6),
		cmocka_unit_test(test_icmp_rate_limit),
		cmocka_unit_test(test_no_icmp_and_no_counter),
		cmocka_unit_test(test_multicast_deserves_no_icmp),
		cmocka_unit_test(test_results_out_of_range),
		cmocka_unit_test(test_waited_for_arp),
		cmocka_unit_test(test_stranger_waited_for_arp),
		cmocka_unit_test(test_icmp_error_waited_for_arp),
		cmocka_unit_test(test_waited_in_vain),
		cmocka_unit_test(test_waited_in_vain_v6),
		cmocka_unit_test(test_refused_on_output),
		cmocka_unit_test(test_whose_rule),
		cmocka_unit_test(test_legacy_or_nft),
		cmocka_unit_test(test_unborn_and_known),
		cmocka_unit_test(test_forwarded_and_waiting),
		cmocka_unit_test(test_address_reused_after_read),
		cmocka_unit_test(test_address_reused_after_drop),
		cmocka_unit_test(test_address_reused_after_nothing),
		cmocka_unit_test(test_address_reused_by_a_stranger),
		cmocka_unit_test(test_address_reused_by_a_clone),
		cmocka_unit_test(test_same_memory_sent_twice),
		cmocka_unit_test(test_same_memory_without_an_end),
		cmocka_unit_test(test_clone_is_freed),
		cmocka_unit_test(test_stacked_device),
		cmocka_unit_test(test_untagged),
		cmocka_unit_test(test_tunnel),
		cmocka_unit_test(test_translated),
		cmocka_unit_test(test_conntrack),
		cmocka_unit_test(test_translated_to_nobody),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_translated_without_a_birth),
		cmocka_unit_test(test_looped),
		cmocka_unit_test(test_flooded),
		cmocka_unit_test(test_forwarded),
		cmocka_unit_test(test_forwarded_after_a_wait),
		cmocka_unit_test(test_arrivals_are_no_consequences),
		cmocka_unit_test(test_left),
		cmocka_unit_test(test_benign_frees),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_fragments_of_old),
		cmocka_unit_test(test_fragments_out_of_order),
		cmocka_unit_test(test_fragment_alone),
		cmocka_unit_test(test_fragment_is_replaced),
		cmocka_unit_test(test_fate_after_settling),
		cmocka_unit_test(test_chosen_late),
		cmocka_unit_test(test_chosen_by_device),
		cmocka_unit_test(test_chosen_by_filter),
		cmocka_unit_test(test_chosen_by_all_together),
		cmocka_unit_test(test_chosen_for_a_followed_server),
		cmocka_unit_test(test_dual_stack_server),
		cmocka_unit_test(test_chosen_by_the_receiver),
		cmocka_unit_test(test_socket_of_the_dead),
		cmocka_unit_test(test_socket_while_it_is_closed),
		cmocka_unit_test(test_noise_is_folded),
		cmocka_unit_test(test_noise_is_shown_when_asked_for),
		cmocka_unit_test(test_noise_of_a_call_is_shown),
		cmocka_unit_test(test_terminal_is_left_out),
		cmocka_unit_test(test_nothing_matched),
		cmocka_unit_test(test_gap),
		cmocka_unit_test(test_late_record),
		cmocka_unit_test(test_repeated_number),
		cmocka_unit_test(test_loss_beyond_gaps),
		cmocka_unit_test(test_loss_told_ahead),
		cmocka_unit_test(test_forgotten),
		cmocka_unit_test(test_queued_fin_is_not_kept),
		cmocka_unit_test(test_lost_birth),
		cmocka_unit_test(test_lost_birth_at_a_known_address),
		cmocka_unit_test(test_lost_read),
		cmocka_unit_test(test_flood_without_ends),
		cmocka_unit_test(test_flood_with_gaps),
		cmocka_unit_test(test_flood_to_a_closed_port),
		cmocka_unit_test(test_long_chain_of_causes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
