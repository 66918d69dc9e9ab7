// SPDX-License-Identifier: BSD-2-Clause
/*
 * NFQUEUE: a packet that a rule gave to a program goes on, or ends, in that program's call; it is its
 * sender's all the same, and what is born while it is received there is because of it.
 *
 * The lab: ns_client (1) with veth_c (2), joined to ns_server (2) with veth_s (3).
 */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "helper_notes.h"
#include "helper_stream.h"

enum { NS_CLIENT = 1, NS_SERVER = 2 };
enum { VETH_C = 2, VETH_S = 3 };
enum { CLIENT = 812, PROGRAM = 900 };
enum { SK = 0xc000 };
/* skb addresses */
enum { A = 0xa000, B = 0xb000 };

#define CLIENT_EP "10.0.1.2:4000"
#define SERVER_EP "10.0.1.1:8080"

static struct stream *lab_of(struct stream *s)
{
	stream_netns(s, NS_CLIENT, "ns_client");
	stream_netns(s, NS_SERVER, "ns_server");
	stream_dev(s, NS_CLIENT, VETH_C, "veth_c", "veth");
	stream_dev(s, NS_SERVER, VETH_S, "veth_s", "veth");
	stream_task(s, CLIENT, "client");
	stream_task(s, PROGRAM, "program");
	stream_sock_is(s, SK, NS_CLIENT, IPPROTO_UDP, CLIENT_EP, SERVER_EP);
	stream_sock(s, SK, CLIENT, "client", true);
	return s;
}

static struct stream *lab(void)
{
	return lab_of(stream_new(NULL));
}

/* A call that is over before the packet is given to a device. */
static void sends(struct stream *s)
{
	stream_by(s, 0, CLIENT);
	stream_enter(s, HS_CALL_SENDTO, 3, SK, 4, NULL);
	stream_leave(s, 4);
}

static void verdict_stack(struct stream *s, const char *inner)
{
	char frames[256];

	snprintf(frames, sizeof(frames),
		 "%s < nfqnl_reinject < nfqnl_recv_verdict < nfnetlink_rcv_msg < netlink_sendmsg",
		 inner);
	stream_stack(s, frames);
}

static void test_stack(void **state)
{
	struct stream *s = lab();
	const struct wire wire = wire_udp(CLIENT_EP, SERVER_EP, 4);

	(void)state;
	sends(s);
	stream_by(s, 1, PROGRAM);
	verdict_stack(s, "__dev_queue_xmit < ip_output");
	stream_birth(s, A, NS_CLIENT, VETH_C, &wire, SK);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_CLIENT, VETH_C);
	notes_expect(
		s, (struct note_kinds){ .births = true, .hops = true },
		"#1 born, UDP to port 8080, by client[812] sendto(3)\n"
		"#1   ns_client/veth_c from a program (via nfqnl_recv_verdict)\n"
		"#1   ns_client/veth_c ip output (via ip_output)\n"
		"#1   ns_client/veth_c device queue (came back from program[900] (NFQUEUE)) "
		"[netlink_sendmsg nfnetlink_rcv_msg nfqnl_recv_verdict nfqnl_reinject ip_output "
		"__dev_queue_xmit]\n"
		"#1   ns_client/veth_c transmit\n");
}

/* And so is the socket: without a file and a port it is still the same, for as long as its packet waits. */
static void test_closed(void **state)
{
	struct stream *s = lab_of(stream_new("followed", NULL));
	const struct wire wire = wire_udp(CLIENT_EP, SERVER_EP, 4);
	struct hs_rec_sock rest = { .sk = SK,
				    .netns = NS_CLIENT,
				    .sock_type = SOCK_DGRAM,
				    .protocol = IPPROTO_UDP,
				    .family = AF_INET };

	(void)state;
	sends(s);
	stream_enter(s, HS_CALL_CLOSE, 3, SK, 0, NULL);
	stream_leave(s, 0);
	stream_by(s, 1, PROGRAM);
	stream_add(s, &rest, sizeof(rest), HS_REC_SOCK, 0);
	verdict_stack(s, "__dev_queue_xmit < ip_output");
	stream_birth(s, A, NS_CLIENT, VETH_C, &wire, SK);
	notes_expect(s, (struct note_kinds){ .births = true },
		     "#1 born, UDP to port 8080, by client[812] sendto(3)\n");
}

static void test_dropped(void **state)
{
	struct stream *s = lab();
	const struct wire wire = wire_udp(CLIENT_EP, SERVER_EP, 4);

	(void)state;
	stream_by(s, 0, CLIENT);
	stream_enter(s, HS_CALL_SENDTO, 3, SK, 4, NULL);
	stream_passed(s, HS_STAGE_LOCAL_OUT, A, NS_CLIENT, 0);
	stream_passed_with(s, HS_STAGE_NFQUEUE_OUT, A, NS_CLIENT, 0, 7);
	stream_leave(s, 4);
	stream_by(s, 1, PROGRAM);
	stream_passed_with(s, HS_STAGE_NFQUEUE_BACK, A, NS_CLIENT, 0, 0);
	stream_unborn(s, A, NS_CLIENT, VETH_C, &wire, SK);
	stream_drop(s, A, "NOT_SPECIFIED", "nfqnl_reinject");
	notes_expect(
		s, (struct note_kinds){ .births = true, .fates = true, .hops = true },
		"#1 born, UDP to port 8080, by client[812] sendto(3)\n"
		"#1   ns_client/veth_c local out []\n"
		"#1   ns_client/veth_c to a program (input: waits in queue 7 for a verdict) []\n"
		"#1   ns_client/veth_c from a program (input: program[900] said drop) []\n"
		"#1   ns_client/veth_c drop\n"
		"#1 dropped in ns_client: NOT_SPECIFIED by nfqnl_reinject (a rule gave it to a program "
		"(NFQUEUE), and that said drop)\n");
}

/* However long the program takes: neither has TCP kept the segment, nor is its fate unknown. */
static void test_slow_program(void **state)
{
	struct stream *s = lab();
	const struct wire wire = wire_tcp(CLIENT_EP, SERVER_EP, 0x10, 4);

	(void)state;
	stream_by(s, 0, CLIENT);
	stream_birth(s, A, NS_CLIENT, VETH_C, &wire, 0);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_CLIENT, VETH_C);
	stream_see(s, HS_STAGE_BACKLOG, A, NS_SERVER, VETH_S);
	stream_softirq(s, 0);
	stream_see(s, HS_STAGE_RECEIVE, A, NS_SERVER, VETH_S);
	stream_passed_with(s, HS_STAGE_NFQUEUE_OUT, A, NS_SERVER, VETH_S, 7);
	stream_back(s);
	for (int i = 0; i < 5; i++)
		stream_tick(s, STREAM_S);
	stream_by(s, 1, PROGRAM);
	stream_passed_with(s, HS_STAGE_NFQUEUE_BACK, A, NS_SERVER, VETH_S, 0);
	stream_drop(s, A, "NOT_SPECIFIED", "nfqnl_reinject");
	notes_expect(
		s, (struct note_kinds){ .fates = true },
		"#1 dropped in ns_server: NOT_SPECIFIED by nfqnl_reinject (a rule gave it to a program "
		"(NFQUEUE), and that said drop)\n");
}

/* Timed, and received there: the answer is of the request, not of the program. */
static void test_received(void **state)
{
	struct stream *s = lab();
	const struct wire ask = wire_echo("10.0.1.2", "10.0.1.1", false, 8);
	const struct wire reply = wire_echo("10.0.1.1", "10.0.1.2", true, 8);

	(void)state;
	stream_by(s, 0, CLIENT);
	stream_birth(s, A, NS_CLIENT, VETH_C, &ask, 0);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_CLIENT, VETH_C);
	stream_see(s, HS_STAGE_BACKLOG, A, NS_SERVER, VETH_S);
	stream_softirq(s, 0);
	stream_see(s, HS_STAGE_RECEIVE, A, NS_SERVER, VETH_S);
	stream_passed_with(s, HS_STAGE_NFQUEUE_OUT, A, NS_SERVER, VETH_S, 7);
	stream_back(s);
	stream_by(s, 1, PROGRAM);
	stream_passed_with(s, HS_STAGE_NFQUEUE_BACK, A, NS_SERVER, VETH_S, 1);
	stream_birth(s, B, NS_SERVER, VETH_S, &reply, 0);
	notes_expect(
		s, (struct note_kinds){ .births = true, .hops = true },
		"#1 born, ICMP, by the kernel\n"
		"#1   ns_client/veth_c device queue\n"
		"#1   ns_client/veth_c transmit\n"
		"#1   => ns_server/veth_s backlog\n"
		"#1   ns_server/veth_s receive\n"
		"#1   ns_server/veth_s to a program (input: waits in queue 7 for a verdict) []\n"
		"#1   ns_server/veth_s from a program (input: program[900] said accept) []\n"
		"#2 born, ICMP, because of #1: ICMP echo reply\n"
		"#2   ns_server/veth_s device queue\n");
}

/* In a stack alone it cannot be said which request; but not that the program sent the answer. */
static void test_received_in_stack(void **state)
{
	struct stream *s = lab();
	const struct wire reply = wire_echo("10.0.1.1", "10.0.1.2", true, 8);

	(void)state;
	stream_by(s, 1, PROGRAM);
	stream_enter(s, HS_CALL_SENDMSG, 4, 0, 4, NULL);
	verdict_stack(s, "icmp_reply < icmp_rcv < ip_protocol_deliver_rcu");
	stream_birth(s, B, NS_SERVER, VETH_S, &reply, 0);
	notes_expect(s, (struct note_kinds){ .births = true }, "#1 born, ICMP, by the kernel\n");
}

/* What that program sends itself, later, is its own. */
static void test_own(void **state)
{
	struct stream *s = lab();
	const struct wire wire = wire_udp(CLIENT_EP, SERVER_EP, 4);

	(void)state;
	stream_by(s, 1, PROGRAM);
	stream_passed_with(s, HS_STAGE_NFQUEUE_BACK, A, NS_SERVER, VETH_S, 1);
	stream_stack(s, "__dev_queue_xmit < udp_sendmsg");
	stream_enter(s, HS_CALL_SENDTO, 5, SK, 4, NULL);
	stream_birth(s, B, NS_CLIENT, VETH_C, &wire, SK);
	notes_expect(s, (struct note_kinds){ .births = true },
		     "#1 born, UDP to port 8080, by program[900] sendto(5)\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stack),	 cmocka_unit_test(test_closed),
		cmocka_unit_test(test_dropped),	 cmocka_unit_test(test_slow_program),
		cmocka_unit_test(test_received), cmocka_unit_test(test_received_in_stack),
		cmocka_unit_test(test_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
