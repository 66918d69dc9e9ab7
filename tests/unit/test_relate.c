// SPDX-License-Identifier: BSD-2-Clause
/* Relatives: of each packet that is a copy, a part or a repetition of another one, whose, and which has its bytes. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "helper_conn.h"
#include "helper_notes.h"
#include "helper_stream.h"

enum { NS_CLIENT = 1, NS_SERVER = 2, NS_ROUTER = 3 };
enum { VETH_C = 2, VETH_S = 3, VETH_RC = 4, VETH_RS = 5, VETH_RT = 6 };
enum { A = 0xa000, B = 0xb000, C = 0xc100, SK = 0xc000, SK_SERVER = 0x5000, PID_CLIENT = 812 };

#define FROM  "10.0.1.2:4000"
#define TO    "10.0.1.1:8080"
#define GROUP "224.0.0.9:8080"

static struct stream *lab(void)
{
	struct stream *s = stream_new("all", NULL);

	stream_netns(s, NS_CLIENT, "ns_client");
	stream_netns(s, NS_SERVER, "ns_server");
	stream_netns(s, NS_ROUTER, "ns_router");
	stream_dev(s, NS_CLIENT, VETH_C, "veth_c", "veth");
	stream_dev(s, NS_SERVER, VETH_S, "veth_s", "veth");
	stream_dev(s, NS_ROUTER, VETH_RC, "veth_rc", "veth");
	stream_dev(s, NS_ROUTER, VETH_RS, "veth_rs", "veth");
	stream_dev(s, NS_ROUTER, VETH_RT, "veth_rt", "veth");
	stream_task(s, PID_CLIENT, "client");
	stream_sock_is(s, SK, NS_CLIENT, IPPROTO_UDP, FROM, TO);
	stream_sock_is(s, SK_SERVER, NS_SERVER, IPPROTO_UDP, TO, NULL);
	stream_by(s, 0, PID_CLIENT);
	return s;
}

static void expect(struct stream *s, const char *expected)
{
	notes_expect(s, (struct note_kinds){ .settles = true, .relations = true }, expected);
}

/* Sent by the client, and received by the router in a softirq. */
static void at_router(struct stream *s, uint64_t skb, const struct wire *w)
{
	stream_birth(s, skb, NS_CLIENT, VETH_C, w, SK);
	stream_see(s, HS_STAGE_DEV_XMIT, skb, NS_CLIENT, VETH_C);
	stream_see(s, HS_STAGE_BACKLOG, skb, NS_ROUTER, VETH_RC);
	stream_softirq(s, 0);
	stream_see(s, HS_STAGE_RECEIVE, skb, NS_ROUTER, VETH_RC);
}

static void test_flooded(void **state)
{
	struct stream *s = lab();
	struct wire w = wire_udp(FROM, TO, 4);

	(void)state;
	at_router(s, A, &w);
	stream_stack(
		s, "__dev_queue_xmit < br_dev_queue_push_xmit < br_flood < br_handle_frame_finish");
	stream_flooded(s, B, NS_ROUTER, VETH_RS, &w, A);
	expect(s, "#1 settled, caused #2\n"
		  "#2 settled, duplicate of #1\n");
}

/* The kinds have one word in the text, and differ in JSON. */
static void kind_is(struct stream *s, const char *expected)
{
	notes_expect(s, (struct note_kinds){ .kinds = true }, expected);
}

static void test_kinds_of_copies(void **state)
{
	struct wire one = wire_udp(FROM, TO, 4), many = wire_udp(FROM, GROUP, 4);
	struct stream *s = lab();

	(void)state;
	at_router(s, A, &one);
	stream_stack(s, "__dev_queue_xmit < br_dev_queue_push_xmit < br_flood");
	stream_flooded(s, B, NS_ROUTER, VETH_RS, &one, A);
	kind_is(s, "#1 is no relative\n#2 is flooded of #1\n");

	/* A bridge's function, though it is for a group. */
	s = lab();
	at_router(s, A, &many);
	stream_stack(s, "__dev_queue_xmit < br_dev_queue_push_xmit < br_flood");
	stream_flooded(s, B, NS_ROUTER, VETH_RS, &many, A);
	kind_is(s, "#1 is no relative\n#2 is flooded of #1\n");

	s = lab();
	at_router(s, A, &many);
	stream_flooded(s, B, NS_ROUTER, VETH_RS, &many, A);
	stream_flooded(s, C, NS_ROUTER, VETH_RT, &many, A);
	kind_is(s, "#1 is no relative\n#2 is multicast of #1\n#3 is multicast of #1\n");

	/* What tc mirrors has the same bytes. */
	s = lab();
	at_router(s, A, &one);
	stream_flooded(s, B, NS_ROUTER, VETH_RS, &one, A);
	kind_is(s, "#1 is no relative\n#2 is clone of #1\n");

	s = lab();
	at_router(s, A, &one);
	stream_flooded(s, B, NS_ROUTER, VETH_RS, &one, C);
	kind_is(s, "#1 is no relative\n#2 is copy of #1\n");
}

/* The copy for this machine itself is made first. */
static void test_looped(void **state)
{
	struct stream *s = lab();
	struct wire w = wire_udp(FROM, GROUP, 4), other = wire_udp(FROM, GROUP, 5);

	(void)state;
	stream_looped(s, B, NS_CLIENT, VETH_C, &w);
	stream_birth(s, C, NS_CLIENT, VETH_C, &other, SK);
	stream_birth(s, A, NS_CLIENT, VETH_C, &w, SK);
	kind_is(s, "#1 is looped of #3\n#2 is no relative\n#3 is no relative\n");
}

/* Made by the sender: those behind the first are related to it; the last to arrive has the bytes of all. */
static void test_fragments(void **state)
{
	struct stream *s = lab();
	struct wire whole = wire_udp(FROM, TO, 2000), part[] = {
		wire_fragment(whole, 0, true, 800),
		wire_fragment(whole, 800, true, 800),
		wire_fragment(whole, 1600, false, 408),
	};
	uint64_t skb[] = { A, B, C };

	(void)state;
	for (int i = 0; i < 3; i++) {
		stream_by(s, 0, PID_CLIENT);
		stream_birth(s, skb[i], NS_CLIENT, VETH_C, &part[i], SK);
		stream_see(s, HS_STAGE_DEV_XMIT, skb[i], NS_CLIENT, VETH_C);
		stream_see(s, HS_STAGE_BACKLOG, skb[i], NS_SERVER, VETH_S);
		stream_softirq(s, 0);
		stream_see(s, HS_STAGE_RECEIVE, skb[i], NS_SERVER, VETH_S);
		if (i < 2)
			stream_back(s);
	}
	stream_consume(s, A, "inet_frag_reasm_prepare");
	stream_queued(s, SK_SERVER, C, 1);
	stream_back(s);
	stream_drop(s, B, "NOT_SPECIFIED", "skb_release_data");
	expect(s, "#1 settled, merged into #3\n"
		  "#2 settled, fragment of #1, merged into #3\n"
		  "#3 settled, fragment of #1\n");
}

/* One is missing, so nothing has the bytes of the others. */
static void test_fragments_in_vain(void **state)
{
	struct stream *s = lab();
	struct wire whole = wire_udp(FROM, TO, 2000), first = wire_fragment(whole, 0, true, 800),
		    last = wire_fragment(whole, 1600, false, 408);

	(void)state;
	at_router(s, A, &first);
	stream_back(s);
	at_router(s, B, &last);
	stream_back(s);
	stream_tick(s, STREAM_S);
	expect(s, "#1 settled\n"
		  "#2 settled, fragment of #1\n");
}

/* A router cuts what it forwards: the parts come out of the whole one, which ends. */
static void cut_by_a_router(const char *function, const char *fate)
{
	struct stream *s = lab();
	struct wire whole = wire_udp(FROM, TO, 1400), first = wire_fragment(whole, 0, true, 800),
		    last = wire_fragment(whole, 800, false, 608);

	char lines[256];

	at_router(s, A, &whole);
	stream_forwarded(s, B, NS_ROUTER, VETH_RS, &first);
	stream_forwarded(s, C, NS_ROUTER, VETH_RS, &last);
	stream_consume(s, A, function);
	stream_back(s);
	snprintf(lines, sizeof(lines),
		 "#1 consumed in ns_router%s (cut into fragments, which go on by themselves)\n"
		 "#1 settled, caused #2 #3\n"
		 "#2 settled, fragment of #1\n"
		 "#3 settled, fragment of #1\n",
		 fate);
	notes_expect(s, (struct note_kinds){ .fates = true, .settles = true, .relations = true },
		     lines);
}

static void test_cut_by_a_router(void **state)
{
	(void)state;
	cut_by_a_router("ip_do_fragment", " by ip_do_fragment");
	/* before 6.3 nothing says where it was consumed */
	cut_by_a_router("", "");
}

/* A fragment that is forwarded as it came is the packet that it was. */
static void test_forwarded_fragment(void **state)
{
	struct stream *s = lab();
	struct wire whole = wire_udp(FROM, TO, 1400), first = wire_fragment(whole, 0, true, 800);

	(void)state;
	at_router(s, A, &first);
	stream_forwarded(s, A, NS_ROUTER, VETH_RS, &first);
	kind_is(s, "#1 is no relative\n");
}

static void test_segments(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct wire whole = wire_segment(FROM, TO, CONN_ACK, 2000, 1001, 9001, 64),
		    first = wire_segment(FROM, TO, CONN_ACK, 1000, 1001, 9001, 64),
		    last = wire_segment(FROM, TO, CONN_ACK, 1000, 2001, 9001, 64);

	(void)state;
	stream_by(s, 0, CONN_PID_CLIENT);
	stream_birth(s, 0xe000, CONN_NS_CLIENT, CONN_VETH_C, &whole, c.end[CLIENT].sk);
	stream_consume(s, 0xe000, "validate_xmit_skb");
	stream_cut(s, 0xe100, CONN_NS_CLIENT, CONN_VETH_C, &first, c.end[CLIENT].sk);
	stream_cut(s, 0xe200, CONN_NS_CLIENT, CONN_VETH_C, &last, c.end[CLIENT].sk);
	kind_is(s, "#1 is no relative\n#2 is no relative\n#3 is no relative\n"
		   "#4 is no relative\n#5 is segment of #4\n#6 is segment of #4\n");
}

static void test_retransmission(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment data;

	(void)state;
	stream_by(s, 0, CONN_PID_CLIENT);
	data = conn_send(&c, CLIENT, CONN_PSH | CONN_ACK, 5);
	stream_softirq(s, 0);
	conn_send_again(&c, &data);
	stream_back(s);
	kind_is(s, "#1 is no relative\n#2 is no relative\n#3 is no relative\n"
		   "#4 is no relative\n#5 is retransmission of #4\n");
}

/* What was put behind the segment before it has that one's packet, tcp_try_coalesce(). */
static void test_joined(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment second;

	(void)state;
	stream_by(s, 0, CONN_PID_CLIENT);
	conn_deliver(&c, CLIENT, CONN_PSH | CONN_ACK, 10);
	stream_by(s, 0, CONN_PID_CLIENT);
	second = conn_send(&c, CLIENT, CONN_PSH | CONN_ACK, 10);
	conn_arrive(&c, &second);
	stream_consume(s, second.skb, "tcp_rcv_established");
	stream_back(s);
	notes_expect(s, (struct note_kinds){ .fates = true, .settles = true, .relations = true },
		     "#4 queued at @3 in ns_server\n"
		     "#5 queued at @3 in ns_server (joined to the segment before it in the queue)\n"
		     "#1 settled, caused #2\n#2 settled, caused #3\n#3 settled\n"
		     "#4 settled\n"
		     "#5 settled, merged into #4\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flooded),
		cmocka_unit_test(test_kinds_of_copies),
		cmocka_unit_test(test_looped),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_fragments_in_vain),
		cmocka_unit_test(test_cut_by_a_router),
		cmocka_unit_test(test_forwarded_fragment),
		cmocka_unit_test(test_segments),
		cmocka_unit_test(test_retransmission),
		cmocka_unit_test(test_joined),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
