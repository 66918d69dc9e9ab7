// SPDX-License-Identifier: BSD-2-Clause
/*
 * Queueing disciplines: how long packets wait in them, which of them overtake others, what they drop, and
 * what they make copies of.
 *
 * The lab: ns_client (1) with veth_c (2) and eth0 (4), joined to ns_server (2) with veth_s (3).
 */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "helper_conn.h"
#include "helper_notes.h"
#include "helper_stream.h"

enum { NS_CLIENT = 1, NS_SERVER = 2 };
enum { VETH_C = 2, VETH_S = 3, ETH = 4 };
enum { PID = 812 };
enum { SK = 0xc000, SK_OTHER = 0xc800 };
/* skb addresses */
enum { A = 0xa000, B = 0xb000, C = 0xc100, D = 0xd000 };

#define CLIENT_EP "10.0.1.2:4000"
#define SERVER_EP "10.0.1.1:8080"

static struct stream *lab(const char *kind)
{
	struct stream *s = stream_new(NULL);

	stream_netns(s, NS_CLIENT, "ns_client");
	stream_netns(s, NS_SERVER, "ns_server");
	stream_dev(s, NS_CLIENT, VETH_C, "veth_c", "veth");
	stream_dev(s, NS_CLIENT, ETH, "eth0", "");
	stream_dev(s, NS_SERVER, VETH_S, "veth_s", "veth");
	if (*kind)
		stream_qdisc(s, NS_CLIENT, VETH_C, kind);
	stream_task(s, PID, "client");
	stream_sock_is(s, SK, NS_CLIENT, IPPROTO_UDP, CLIENT_EP, SERVER_EP);
	stream_sock(s, SK, PID, "client", true);
	stream_by(s, 0, PID);
	return s;
}

static struct wire datagram(void)
{
	return wire_udp(CLIENT_EP, SERVER_EP, 4);
}

/* Given to the device, whose queueing discipline takes it. */
static void taken_as(struct stream *s, uint64_t skb, const struct wire *wire)
{
	stream_birth(s, skb, NS_CLIENT, VETH_C, wire, SK);
	stream_see(s, HS_STAGE_QDISC_ENQUEUE, skb, NS_CLIENT, VETH_C);
}

static void taken(struct stream *s, uint64_t skb)
{
	const struct wire wire = datagram();

	taken_as(s, skb, &wire);
}

/* And after a while let go. */
static void let_go(struct stream *s, uint64_t skb, uint64_t ms)
{
	stream_wait(s, ms * STREAM_MS);
	stream_see(s, HS_STAGE_QDISC_DEQUEUE, skb, NS_CLIENT, VETH_C);
	stream_see(s, HS_STAGE_DEV_XMIT, skb, NS_CLIENT, VETH_C);
}

static void expect_hops(struct stream *s, const char *expected)
{
	notes_expect(s, (struct note_kinds){ .hops = true }, expected);
}

static void test_wait(void **state)
{
	struct stream *s = lab("tbf");

	(void)state;
	taken(s, A);
	let_go(s, A, 77);
	expect_hops(s, "#1   ns_client/veth_c device queue\n"
		       "#1   ns_client/veth_c qdisc enqueue (tbf)\n"
		       "#1   ns_client/veth_c qdisc dequeue (after 77.0 ms in tbf)\n"
		       "#1   ns_client/veth_c transmit\n");
}

static void test_no_discipline(void **state)
{
	struct stream *s = lab("");
	const struct wire wire = datagram();

	(void)state;
	stream_birth(s, A, NS_CLIENT, VETH_C, &wire, SK);
	stream_birth(s, B, NS_CLIENT, VETH_C, &wire, SK);
	stream_see(s, HS_STAGE_DEV_XMIT, B, NS_CLIENT, VETH_C);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_CLIENT, VETH_C);
	expect_hops(s, "#1   ns_client/veth_c device queue\n"
		       "#2   ns_client/veth_c device queue\n"
		       "#2   ns_client/veth_c transmit\n"
		       "#1   ns_client/veth_c transmit\n");
}

/* One that was sent off together with another is told of by the driver only. */
static void test_bulk(void **state)
{
	struct stream *s = lab("pfifo");

	(void)state;
	taken(s, A);
	stream_wait(s, 5 * STREAM_MS);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_CLIENT, VETH_C);
	expect_hops(s, "#1   ns_client/veth_c device queue\n"
		       "#1   ns_client/veth_c qdisc enqueue (pfifo)\n"
		       "#1   ns_client/veth_c transmit (after 5.0 ms in pfifo)\n");
}

static void test_order(void **state)
{
	struct stream *s = lab("netem");
	const struct wire wire = datagram();

	(void)state;
	taken(s, A);
	taken(s, B);
	/* It waits elsewhere, and is not overtaken. */
	stream_birth(s, D, NS_CLIENT, ETH, &wire, SK);
	stream_see(s, HS_STAGE_QDISC_ENQUEUE, D, NS_CLIENT, ETH);
	taken(s, C);
	let_go(s, C, 1);
	let_go(s, B, 10);
	let_go(s, A, 100);
	expect_hops(
		s,
		"#1   ns_client/veth_c device queue\n"
		"#1   ns_client/veth_c qdisc enqueue (netem)\n"
		"#2   ns_client/veth_c device queue\n"
		"#2   ns_client/veth_c qdisc enqueue (netem)\n"
		"#3   ns_client/eth0 device queue\n"
		"#3   ns_client/eth0 qdisc enqueue\n"
		"#4   ns_client/veth_c device queue\n"
		"#4   ns_client/veth_c qdisc enqueue (netem)\n"
		"#4   ns_client/veth_c qdisc dequeue (after 1.0 ms in netem, ahead of #1 and #2)\n"
		"#4   ns_client/veth_c transmit\n"
		"#2   ns_client/veth_c qdisc dequeue (after 11.0 ms in netem, ahead of #1, overtaken by #4)\n"
		"#2   ns_client/veth_c transmit\n"
		"#1   ns_client/veth_c qdisc dequeue (after 111.0 ms in netem, overtaken by #4 and #2)\n"
		"#1   ns_client/veth_c transmit\n");
}

/* Linux 5.10 tells only that it lets go. */
static void test_no_enqueue(void **state)
{
	struct stream *s = lab("netem");
	const struct wire wire = datagram();

	(void)state;
	stream_birth(s, A, NS_CLIENT, VETH_C, &wire, SK);
	stream_birth(s, B, NS_CLIENT, VETH_C, &wire, SK);
	let_go(s, B, 2);
	let_go(s, A, 20);
	expect_hops(
		s, "#1   ns_client/veth_c device queue\n"
		   "#2   ns_client/veth_c device queue\n"
		   "#2   ns_client/veth_c qdisc dequeue (after 2.0 ms in netem, ahead of #1)\n"
		   "#2   ns_client/veth_c transmit\n"
		   "#1   ns_client/veth_c qdisc dequeue (after 22.0 ms in netem, overtaken by #2)\n"
		   "#1   ns_client/veth_c transmit\n");
}

/* What was dropped is overtaken by nobody. */
static void test_dropped_is_gone(void **state)
{
	struct stream *s = lab("netem");

	(void)state;
	taken(s, A);
	stream_drop(s, A, "QDISC_DROP", "__dev_queue_xmit");
	taken(s, B);
	let_go(s, B, 3);
	notes_expect(
		s, (struct note_kinds){ .hops = true, .fates = true },
		"#1   ns_client/veth_c device queue\n"
		"#1   ns_client/veth_c qdisc enqueue (netem)\n"
		"#1   ns_client/veth_c drop\n"
		"#1 dropped in ns_client: QDISC_DROP by __dev_queue_xmit (netem, the queueing discipline of veth_c, dropped it: a loss that it was told to make)\n"
		"#2   ns_client/veth_c device queue\n"
		"#2   ns_client/veth_c qdisc enqueue (netem)\n"
		"#2   ns_client/veth_c qdisc dequeue (after 3.0 ms in netem)\n"
		"#2   ns_client/veth_c transmit\n");
}

static void test_drop_words(void **state)
{
	static const char *const stories[][4] = {
		/* kind, reason, function, words; taken never */
		{ "netem", "QDISC_DROP", "__dev_queue_xmit",
		  "#1 dropped in ns_client: QDISC_DROP by __dev_queue_xmit (netem, the queueing discipline of veth_c, dropped it: its queue was full)\n" },
		{ "tbf", "QDISC_DROP", "__dev_queue_xmit",
		  "#1 dropped in ns_client: QDISC_DROP by __dev_queue_xmit (tbf, the queueing discipline of veth_c, dropped it: its queue was full, or the packet is longer than its burst)\n" },
		{ "", "QDISC_DROP", "__dev_queue_xmit",
		  "#1 dropped in ns_client: QDISC_DROP by __dev_queue_xmit (the queueing discipline of veth_c dropped it)\n" },
		{ "netem", "NOT_SPECIFIED", "kfree_skb_list",
		  "#1 dropped in ns_client: NOT_SPECIFIED by kfree_skb_list (netem, the queueing discipline of veth_c, dropped it: a loss that it was told to make, or its queue was full)\n" },
		{ "", "NOT_SPECIFIED", "kfree_skb_list",
		  "#1 dropped in ns_client: NOT_SPECIFIED by kfree_skb_list\n" },
		{ "", "TC_EGRESS", "__dev_queue_xmit",
		  "#1 dropped in ns_client: TC_EGRESS by __dev_queue_xmit (a filter of tc on veth_c dropped it on its way out: its action says so (drop; police, what is above the rate))\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
		struct stream *s = lab(stories[i][0]);
		const struct wire wire = datagram();

		stream_birth(s, A, NS_CLIENT, VETH_C, &wire, SK);
		stream_drop(s, A, stories[i][1], stories[i][2]);
		notes_expect(s, (struct note_kinds){ .fates = true }, stories[i][3]);
	}
}

/* ---- copies ---- */

static void test_duplicate(void **state)
{
	struct stream *s = lab("netem");
	const struct wire wire = datagram(), other = wire_udp(CLIENT_EP, SERVER_EP, 5);

	(void)state;
	stream_enter(s, HS_CALL_SENDTO, 3, SK, 4, NULL);
	taken_as(s, A, &wire);
	stream_wait(s, 2 * STREAM_MS);
	stream_copy(s, B, NS_CLIENT, VETH_C, &wire, SK, A);
	/* The same memory, and another packet. */
	stream_copy(s, C, NS_CLIENT, VETH_C, &other, SK, A);
	/* The same headers, in other memory. */
	stream_copy(s, D, NS_CLIENT, VETH_C, &wire, SK, D);
	let_go(s, A, 1);
	stream_leave(s, 4);
	notes_expect(
		s, (struct note_kinds){ .births = true, .calls = true },
		"#1 born, UDP to port 8080, by client[812] sendto(3)\n"
		"#2 born, UDP to port 8080, because of #1: a duplicate, made by netem, the queueing discipline of veth_c\n"
		"#3 born, UDP to port 8080, by client[812] sendto(3)\n"
		"#4 born, UDP to port 8080, by client[812] sendto(3)\n"
		"sendto(3) = 4, sent #1 #3 #4\n");
}

/* It waited as long as its original had when it left, and neither overtakes the other. */
static void test_duplicate_wait(void **state)
{
	struct stream *s = lab("netem");
	const struct wire wire = datagram();

	(void)state;
	taken_as(s, A, &wire);
	stream_wait(s, 2 * STREAM_MS);
	stream_copy(s, B, NS_CLIENT, VETH_C, &wire, SK, A);
	let_go(s, A, 1);
	expect_hops(s, "#1   ns_client/veth_c device queue\n"
		       "#1   ns_client/veth_c qdisc enqueue (netem)\n"
		       "#2   ns_client/veth_c transmit (after 2.0 ms in netem)\n"
		       "#1   ns_client/veth_c qdisc dequeue (after 3.0 ms in netem)\n"
		       "#1   ns_client/veth_c transmit\n");
}

/* A segment's copy is no retransmission. */
static void test_duplicate_segment(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	const struct wire wire =
		wire_segment(c.end[CLIENT].at, c.end[SERVER].at, CONN_ACK | CONN_PSH, 5,
			     CONN_CLIENT_ISN + 1, CONN_SERVER_ISN + 1, 512);

	(void)state;
	stream_qdisc(s, CONN_NS_CLIENT, CONN_VETH_C, "netem");
	stream_by(s, 0, CONN_PID_CLIENT);
	stream_birth(s, A, CONN_NS_CLIENT, CONN_VETH_C, &wire, c.end[CLIENT].sk);
	stream_copy(s, B, CONN_NS_CLIENT, CONN_VETH_C, &wire, c.end[CLIENT].sk, A);
	stream_see(s, HS_STAGE_QDISC_DEQUEUE, A, CONN_NS_CLIENT, CONN_VETH_C);
	stream_see(s, HS_STAGE_DEV_XMIT, A, CONN_NS_CLIENT, CONN_VETH_C);
	notes_expect(
		s, (struct note_kinds){ .births = true, .segments = true },
		"#4 born, TCP to port 8080, by the kernel; ~1.0 PSH ACK seq 1 ack 1, 5 B\n"
		"#5 born, TCP to port 8080, because of #4: a duplicate, made by netem, the queueing discipline of veth_c; ~1.0 PSH ACK seq 1 ack 1, 5 B\n");
}

/* netem changes a copy, so that the original stays as it was: still the same packet. */
static void moved(const char *kind, const char *function)
{
	struct stream *s = lab(kind);
	const struct wire wire = datagram();

	stream_birth(s, A, NS_CLIENT, VETH_C, &wire, SK);
	stream_consume(s, A, function);
	stream_qdisc(s, NS_CLIENT, VETH_C, "netem");
	stream_see(s, HS_STAGE_QDISC_ENQUEUE, A, NS_CLIENT, VETH_C);
	stream_wait(s, STREAM_MS);
	stream_see(s, HS_STAGE_QDISC_DEQUEUE, B, NS_CLIENT, VETH_C);
	stream_copy(s, B, NS_CLIENT, VETH_C, &wire, SK, B);
	stream_see(s, HS_STAGE_BACKLOG, B, NS_SERVER, VETH_S);
	stream_softirq(s, 0);
	stream_see(s, HS_STAGE_RECEIVE, B, NS_SERVER, VETH_S);
	stream_drop(s, B, "UDP_CSUM", "__udp4_lib_rcv");
	notes_expect(s, (struct note_kinds){ .births = true, .hops = true, .fates = true },
		     "#1 born, UDP to port 8080, by the kernel\n"
		     "#1   ns_client/veth_c device queue\n"
		     "#1   ns_client/veth_c qdisc enqueue (netem)\n"
		     "#1   ns_client/veth_c qdisc dequeue (after 1.0 ms in netem)\n"
		     "#1   ns_client/veth_c transmit\n"
		     "#1   => ns_server/veth_s backlog\n"
		     "#1   ns_server/veth_s receive\n"
		     "#1   ns_server/veth_s drop\n"
		     "#1 dropped in ns_server: UDP_CSUM by __udp4_lib_rcv\n");
}

static void test_moved(void **state)
{
	(void)state;
	moved("netem", "netem_enqueue");
	/* Its first packet says the kind only afterwards. */
	moved("", "netem_enqueue");
	/* The module came after the functions were listed. */
	moved("netem", "veth_set_channels.cold");
}

/* Segments are packets of their own. */
static void test_cut_is_not_moved(void **state)
{
	struct stream *s = lab("netem");
	const struct wire wire = wire_udp(CLIENT_EP, SERVER_EP, 4000);

	(void)state;
	stream_birth(s, A, NS_CLIENT, VETH_C, &wire, SK);
	stream_consume(s, A, "netem_enqueue");
	stream_see(s, HS_STAGE_QDISC_ENQUEUE, A, NS_CLIENT, VETH_C);
	notes_expect(s, (struct note_kinds){ .fates = true },
		     "#1 consumed in ns_client by netem_enqueue\n");
}

/* ---- calls that waited in vain ---- */

static void waits_in_vain(struct stream *s)
{
	stream_enter(s, HS_CALL_RECVFROM, 3, SK, 4, NULL);
	stream_wait(s, 300 * STREAM_MS);
	stream_leave(s, -EAGAIN);
}

#define IN_VAIN "recvfrom(3) = EAGAIN (nothing came before the socket's timeout (SO_RCVTIMEO)"

static void test_silence(void **state)
{
	struct stream *s = lab("netem");
	const struct wire answer = wire_udp(SERVER_EP, CLIENT_EP, 4);

	(void)state;
	taken(s, A);
	stream_drop(s, A, "QDISC_DROP", "__dev_queue_xmit");
	taken(s, B);
	stream_drop(s, B, "QDISC_DROP", "__dev_queue_xmit");
	waits_in_vain(s);
	/* It was told once. */
	waits_in_vain(s);
	/* The answer. */
	stream_birth(s, C, NS_SERVER, VETH_S, &answer, SK_OTHER);
	stream_drop(s, C, "TC_EGRESS", "__dev_queue_xmit");
	waits_in_vain(s);
	/* The queueing discipline keeps it longer than the call waits. */
	taken(s, D);
	waits_in_vain(s);
	notes_expect(
		s, (struct note_kinds){ .calls = true },
		IN_VAIN
		": #1 and #2, which it sent, were dropped by netem, the queueing discipline of veth_c)\n" IN_VAIN
		")\n" IN_VAIN
		": #3, which was for it, was dropped by a filter of tc on veth_s)\n" IN_VAIN
		": #4, which it sent, still waits in netem, the queueing discipline of veth_c)\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wait),	       cmocka_unit_test(test_no_discipline),
		cmocka_unit_test(test_bulk),	       cmocka_unit_test(test_order),
		cmocka_unit_test(test_no_enqueue),     cmocka_unit_test(test_dropped_is_gone),
		cmocka_unit_test(test_drop_words),     cmocka_unit_test(test_duplicate),
		cmocka_unit_test(test_duplicate_wait), cmocka_unit_test(test_duplicate_segment),
		cmocka_unit_test(test_moved),	       cmocka_unit_test(test_cut_is_not_moved),
		cmocka_unit_test(test_silence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
