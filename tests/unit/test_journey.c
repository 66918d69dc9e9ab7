// SPDX-License-Identifier: BSD-2-Clause
/*
 * The journey engine, from records to what a sink is told. Each test tells a story of one or two packets as
 * the kernel's tracepoints do, and compares what the engine makes of it. Here: how they are read, and ends
 * that look like others.
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "helper_lab.h"
#include "helper_notes.h"

/* ---- delivered and read ---- */

static void test_delivered_and_read(void **state)
{
	struct stream *s = lab_new();
	struct wire w = lab_datagram(4);

	(void)state;
	stream_enter(s, HS_CALL_SENDTO, 3, SK_CLIENT, 4, SERVER_EP);
	stream_stack(s, "bpf_prog_1 < __traceiter_net_dev_queue < __dev_queue_xmit < "
			"ip_finish_output2 < ip_output < ip_send_skb < udp_sendmsg < "
			"__sys_sendto < __x64_sys_sendto < do_syscall_64");
	stream_birth(s, A, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_CLIENT, VETH_C);
	stream_see(s, HS_STAGE_BACKLOG, A, NS_SERVER, VETH_S);
	lab_received(s, A);
	stream_stack(s, "sock_def_readable < __udp_enqueue_schedule_skb < udp_queue_rcv_skb < "
			"udp_rcv < ip_local_deliver < ip_rcv < __netif_receive_skb < "
			"process_backlog < net_rx_action < handle_softirqs < do_softirq < "
			"__dev_queue_xmit < udp_sendmsg");
	stream_queued(s, SK_SERVER, A, 1);
	stream_leave(s, 4);
	stream_by(s, 1, SERVER);
	stream_read(s, SK_SERVER, 4, 0, 0);
	lab_expect_hops(s,
			"#1 born, UDP to port 8080, by client[812] sendto(3)\n"
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
	struct stream *s = lab_new();
	struct wire w = lab_datagram(4);

	(void)state;
	/* The reader on CPU 1 has it before the softirq on CPU 0 can say that it was queued. */
	lab_crossed(s, A, &w, SK_CLIENT);
	stream_by(s, 1, SERVER);
	stream_read(s, SK_SERVER, 4, 0, 0);
	s->cpu = 0;
	s->ctx = s->last_ctx;
	stream_queued(s, SK_SERVER, 0, 0);
	lab_expect(s, "#1 born, UDP to port 8080, by the kernel\n"
		      "#1 queued at @1 in ns_server\n"
		      "#1 read by server[700] recvfrom, 4 B\n"
		      "#1 settled\n");
}

static void test_two_readers_win_the_race(void **state)
{
	struct stream *s = lab_new();
	struct wire w = lab_datagram(4), x = lab_datagram(8);
	uint32_t first, second;

	(void)state;
	/* Two softirqs fill the queue, two readers empty it, and only then is it told. */
	lab_crossed(s, A, &w, SK_CLIENT);
	first = s->ctx;
	stream_by(s, 2, SECOND);
	lab_crossed(s, B, &x, SK_CLIENT);
	second = s->ctx;
	lab_read_by(s, SERVER, 4, 0, 1);
	lab_read_by(s, SECOND, 8, 0, 0);
	s->cpu = 0;
	s->ctx = first;
	stream_queued(s, SK_SERVER, 0, 0);
	s->cpu = 2;
	s->ctx = second;
	stream_queued(s, SK_SERVER, 0, 0);
	lab_expect(s, "#1 born, UDP to port 8080, by the kernel\n"
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
	struct stream *s = lab_new();
	struct wire w = lab_datagram(4);

	(void)state;
	/* What was queued before tracing began is read; that is not the read of what comes later.
	 */
	lab_read_by(s, SERVER, 9, 0, 0);
	lab_delivered(s, A, &w, 1);
	lab_read_by(s, SECOND, 4, 0, 0);
	lab_expect(s, "#1 born, UDP to port 8080, by the kernel\n"
		      "#1 queued at @1 in ns_server\n"
		      "#1 read by second[701] recvfrom, 4 B\n"
		      "#1 settled\n");
}

/* Two datagrams wait there since before tracing began: the first two reads are theirs. */
static void test_queued_before_tracing(void **state)
{
	struct stream *s = lab_new();
	struct wire w = lab_datagram(4);

	(void)state;
	lab_delivered(s, A, &w, 3);
	lab_read_by(s, SERVER, 9, 0, 2);
	lab_read_by(s, SERVER, 9, 0, 1);
	lab_read_by(s, SECOND, 4, 0, 0);
	lab_expect(s, "#1 born, UDP to port 8080, by the kernel\n"
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
	struct stream *s = lab_new();
	struct wire w = lab_datagram(4), x = lab_datagram(8);
	uint32_t first;

	(void)state;
	lab_crossed(s, A, &w, SK_CLIENT);
	first = s->ctx;
	stream_by(s, 2, SECOND);
	lab_sent(s, B, &x, SK_CLIENT);
	lab_received(s, B);
	s->cpu = 0;
	s->ctx = first;
	stream_queued(s, SK_SERVER, B, 2);
	stream_queued(s, SK_SERVER, B, 2);
	lab_read_by(s, SERVER, 4, 0, 1);
	lab_read_by(s, SERVER, 8, 0, 0);
	lab_expect(s, "#1 born, UDP to port 8080, by the kernel\n"
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
	struct stream *s = lab_new();
	struct wire w = lab_datagram(4), x = lab_datagram(8);

	(void)state;
	lab_delivered(s, A, &w, 1);
	lab_delivered(s, B, &x, 2);
	lab_read_by(s, SECOND, 4, 0, 1);
	lab_read_by(s, SERVER, 8, 0, 0);
	lab_expect(s, "#1 born, UDP to port 8080, by the kernel\n"
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
	struct stream *s = lab_new();
	struct wire w = lab_datagram(4);

	(void)state;
	lab_delivered(s, A, &w, 1);
	lab_read_by(s, SERVER, 4, 0x2 /* MSG_PEEK */, 1);
	lab_read_by(s, SERVER, 4, 0, 0);
	lab_expect(s, "#1 born, UDP to port 8080, by the kernel\n"
		      "#1 queued at @1 in ns_server\n"
		      "#1 read by server[700] recvfrom, 4 B\n"
		      "#1 settled\n");
}

static void test_cut_by_a_short_buffer(void **state)
{
	struct stream *s = lab_new();
	struct wire w = lab_datagram(10);

	(void)state;
	lab_delivered(s, A, &w, 1);
	lab_delivered(s, B, &w, 2);
	lab_read_by(s, SERVER, 3, 0, 1);
	/* With MSG_TRUNC the call returns how long the datagram was. */
	stream_by(s, 1, SERVER);
	stream_enter(s, HS_CALL_RECVFROM, 3, SK_SERVER, 3, NULL);
	stream_read(s, SK_SERVER, 10, 0x20 /* MSG_TRUNC */, 0);
	stream_leave(s, 10);
	lab_expect(s, "#1 born, UDP to port 8080, by the kernel\n"
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
	struct stream *s = lab_new();
	struct wire w = lab_datagram(4);

	(void)state;
	lab_delivered(s, A, &w, 1);
	stream_by(s, 1, 0);
	stream_softirq(s, 1);
	stream_drop(s, A, "NOT_SPECIFIED", "udp_destruct_common");
	lab_expect(s, "#1 born, UDP to port 8080, by the kernel\n"
		      "#1 queued at @1 in ns_server\n"
		      "#1 unread at close\n"
		      "#1 settled\n");
}

/* Long after it was shown as it was then: one is read, the other never. */
static void test_late(void **state)
{
	struct stream *s = lab_new();
	struct wire w = lab_datagram(4);
	struct notes notes;

	(void)state;
	lab_delivered(s, A, &w, 1);
	lab_delivered(s, B, &w, 2);
	stream_tick(s, 60 * STREAM_S);
	lab_read_by(s, SERVER, 4, 0, 1);
	stream_by(s, 1, 0);
	stream_softirq(s, 1);
	stream_drop(s, B, "NOT_SPECIFIED", "udp_destruct_common");
	stream_end(s);
	notes_init(&notes);
	notes_run(&notes, s);
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
	struct stream *s = lab_new();
	struct wire w = lab_datagram(4);

	(void)state;
	lab_crossed(s, A, &w, SK_CLIENT);
	stream_drop_at(s, A, "SOCKET_RCVBUFF", "__udp_enqueue_schedule_skb", SK_SERVER, 2304, 2304);
	lab_expect(
		s,
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
	struct wire w = lab_datagram(4);
	struct stream *s = lab_new();

	(void)state;
	stream_kernel(s, "5.10.0");
	lab_crossed(s, A, &w, SK_CLIENT);
	stream_drop_at(s, A, "NOT_SPECIFIED", "udp_queue_rcv_one_skb", SK_SERVER, 2305, 2304);
	lab_crossed(s, B, &w, SK_CLIENT);
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
	struct stream *s = lab_new();
	struct wire w = lab_datagram(4), x = lab_datagram(8);

	lab_delivered(s, A, &w, 1);
	lab_delivered(s, B, &x, 2);
	stream_by(s, 1, SERVER);
	stream_drop(s, A, reason, function);
	lab_read_by(s, SERVER, 8, 0, 0);
	lab_expect(s, expected);
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
	struct stream *s = lab_new();
	struct wire w = wire_echo(SERVER_ADDR, CLIENT_ADDR, true, 56);

	(void)state;
	stream_sock_is(s, SK_RAW, NS_SERVER, IPPROTO_ICMP, "0.0.0.0", NULL);
	stream_sock(s, SK_RAW, SERVER, "ping", false);
	stream_by(s, 0, CLIENT);
	lab_crossed(s, A, &w, 0);
	stream_queued(s, SK_RAW, B, 1); /* the clone; the original goes on to icmp_rcv() */
	stream_consume(s, A, "icmp_rcv");
	stream_by(s, 1, SERVER);
	stream_consume(s, B, "skb_free_datagram");
	stream_read(s, SK_RAW, 84, 0, 0);
	lab_expect(s, "#1 born, ICMP, by the kernel\n"
		      "#1 queued at @1 in ns_server\n"
		      "#1 read by server[700] recvfrom, 56 B\n"
		      "#1 settled\n");
}

/* ---- ends that look like others ---- */

static void test_benign_frees(void **state)
{
	struct stream *s = lab_new();
	struct wire fin = wire_tcp(CLIENT_EP, SERVER_EP, 0x11, 0);
	struct wire w = lab_datagram(4);

	(void)state;
	/* taken by a minisocket */
	lab_crossed(s, A, &fin, 0);
	stream_drop(s, A, "NOT_SPECIFIED", "tcp_v4_rcv");
	/* the same words, and a drop: nobody purges a datagram's queue while it is in none */
	lab_crossed(s, B, &w, SK_CLIENT);
	stream_drop(s, B, "NOT_SPECIFIED", "ip_rcv_core");
	lab_crossed(s, C, &w, SK_CLIENT);
	stream_drop(s, C, "QUEUE_PURGE", "skb_queue_purge_reason");
	lab_expect(s, "#1 born, TCP to port 8080, by the kernel\n"
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
	lab_crossed(s, B, &middle, SK_CLIENT);
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
	struct stream *s = lab_new();
	struct wire first, last;

	fragments(s, &first, &last);
	lab_crossed(s, A, &first, SK_CLIENT);
	stream_back(s);
	lab_crossed(s, C, &last, SK_CLIENT);
	stream_consume(s, A, "inet_frag_reasm_prepare");
	stream_queued(s, SK_SERVER, C, 1);
	lab_read_by(s, SERVER, copied, 0, 0);
	stream_tick(s, 150 * STREAM_MS);
	lab_expect(s, expected);
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
	struct stream *s = lab_new();
	struct wire first, last;

	(void)state;
	fragments(s, &first, &last);
	lab_crossed(s, A, &first, SK_CLIENT);
	stream_back(s);
	lab_crossed(s, C, &last, SK_CLIENT);
	stream_consume(s, A, "");
	stream_queued(s, SK_SERVER, C, 1);
	lab_read_by(s, SERVER, 2000, 0, 0);
	stream_drop(s, B, "NOT_SPECIFIED", "skb_release_data");
	lab_expect(
		s,
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
	struct stream *s = lab_new();
	struct wire first, last;

	(void)state;
	fragments(s, &first, &last);
	lab_crossed(s, C, &last, SK_CLIENT);
	stream_back(s);
	lab_crossed(s, A, &first, SK_CLIENT);
	stream_queued(s, SK_SERVER, A, 1);
	lab_read_by(s, SERVER, 2000, 0, 0);
	lab_expect(s, "#1 born, UDP, by the kernel\n"
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
	struct stream *s = lab_new();
	struct wire whole = wire_udp(CLIENT_EP, SERVER_EP, 2000);
	struct wire later = wire_fragment(whole, 800, true, 800);

	(void)state;
	lab_crossed(s, B, &later, SK_CLIENT);
	stream_back(s);
	stream_tick(s, 30000 * STREAM_MS);
	stream_drop(s, B, "FRAG_REASM_TIMEOUT", "ip_expire");
	lab_expect(s, BORN_ALONE "#1 dropped in ns_server: FRAG_REASM_TIMEOUT by ip_expire\n"
				 "#1 settled\n");
	s = lab_new();
	lab_crossed(s, B, &later, SK_CLIENT);
	stream_back(s);
	stream_tick(s, 30000 * STREAM_MS);
	stream_consume(s, B, "inet_frag_rbtree_purge");
	lab_expect(
		s, BORN_ALONE
		"#1 consumed in ns_server by inet_frag_rbtree_purge (given up: the other fragments "
		"of its datagram did not come, or did not fit)\n"
		"#1 settled\n");
}

/* Another packet is where it was: its data went to one of the others, and nothing will tell of its end. */
static void test_fragment_is_replaced(void **state)
{
	struct stream *s = lab_new();
	struct wire whole = wire_udp(CLIENT_EP, SERVER_EP, 2000);
	struct wire later = wire_fragment(whole, 800, true, 800), other = lab_datagram(4);

	(void)state;
	lab_crossed(s, B, &later, SK_CLIENT);
	stream_back(s);
	stream_birth(s, B, NS_CLIENT, VETH_C, &other, SK_CLIENT);
	stream_tick(s, 150 * STREAM_MS);
	stream_consume(s, B, "veth_xmit");
	lab_expect(s, BORN_ALONE
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
	struct stream *s = lab_new();
	struct wire w = lab_datagram(4);
	struct notes notes;

	(void)state;
	stream_birth(s, A, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	stream_tick(s, 2100 * STREAM_MS);
	stream_drop(s, A, "SOME_REASON", "__dev_queue_xmit");
	stream_end(s);
	notes_init(&notes);
	notes_run(&notes, s);
	assert_int_equal(notes.underway, 0);
	assert_string_equal(notes_text(&notes), "#1 born, UDP to port 8080, by the kernel\n"
						"#1 settled\n"
						"#1 dropped in ns_client: SOME_REASON by "
						"__dev_queue_xmit\n");
	assert_int_equal(notes.summary.dropped, 1);
	assert_int_equal(notes.summary.underway, 0);
	notes_done(&notes);
	stream_free(s);
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
		cmocka_unit_test(test_benign_frees),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_fragments_of_old),
		cmocka_unit_test(test_fragments_out_of_order),
		cmocka_unit_test(test_fragment_alone),
		cmocka_unit_test(test_fragment_is_replaced),
		cmocka_unit_test(test_fate_after_settling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
