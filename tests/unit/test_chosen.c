// SPDX-License-Identifier: BSD-2-Clause
/* Which journeys are told: by filter, device, namespace, program; background traffic. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "helper_lab.h"
#include "helper_notes.h"

/* A packet chosen late (at its second namespace) shows its earlier hops first; ids have no gaps. */
static void test_chosen_late(void **state)
{
	struct stream *s = lab_of(stream_new("netns", "ns_server", NULL));
	struct wire w = lab_datagram(4);

	(void)state;
	stream_birth(s, C, NS_CLIENT, VETH_C, &w, SK_CLIENT); /* never gets there */
	stream_see(s, HS_STAGE_DEV_XMIT, C, NS_CLIENT, VETH_C);
	lab_sent(s, A, &w, SK_CLIENT);
	lab_expect_hops(s, "#1 born, UDP to port 8080, by the kernel\n"
			   "#1   ns_client/veth_c device queue\n"
			   "#1   ns_client/veth_c transmit\n"
			   "#1   => ns_server/veth_s backlog\n"
			   "#1 settled\n");
}

static void test_chosen_by_device(void **state)
{
	struct stream *s = lab_of(stream_new("dev", "eth0", "dev", "vlan5", NULL));
	struct wire w = lab_datagram(4);

	(void)state;
	lab_delivered(s, A, &w, 1);
	stream_arrival(s, B, NS_SERVER, ETH, &w);
	lab_expect_hops(
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
	struct wire w = lab_datagram(4), other = wire_udp(CLIENT_EP, "10.0.1.1:9", 4);

	(void)state;
	stream_birth(s, D, NS_CLIENT, VETH_C, &other, SK_CLIENT);
	lab_closed_port(s, &w, true);
	lab_expect(s, "#1 born, UDP to port 8080, by the kernel\n"
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
	struct wire w = lab_datagram(4), other = wire_udp(CLIENT_EP, "10.0.1.1:9", 4);

	(void)state;
	lab_sent(s, A, &w, SK_CLIENT);
	lab_sent(s, B, &other, SK_CLIENT);
	stream_birth(s, C, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	lab_expect(s, "#1 born, UDP to port 8080, by the kernel\n"
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
	lab_crossed(s, A, &w, 0);
	stream_end(s);
	notes_init(&notes);
	notes_run(&notes, s);
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
	struct wire w = lab_datagram(4), e = wire_error(&w, SERVER_ADDR, 3, 3);

	(void)state;
	stream_sock_is(s, SK_SERVER, NS_SERVER, IPPROTO_UDP, "[::]:8080", NULL);
	stream_sock(s, SK_SERVER, SERVER, "server", true);
	stream_sock_is(s, SK_CLIENT, NS_CLIENT, IPPROTO_UDP, "[::ffff:10.0.1.2]:4000",
		       "[::ffff:10.0.1.1]:8080");
	stream_sock(s, SK_CLIENT, CLIENT, "client", true);
	lab_delivered(s, A, &w, 1);
	lab_read_by(s, SERVER, 4, 0, 0);
	stream_by(s, 0, CLIENT);
	lab_crossed(s, B, &w, SK_CLIENT);
	stream_birth(s, C, NS_SERVER, VETH_S, &e, 0);
	lab_expect(s, "#1 born, UDP to port 8080, by the kernel\n"
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
	struct wire w = lab_datagram(4), x = wire_udp(CLIENT_EP, "10.0.1.1:9", 4);

	(void)state;
	stream_sock(s, SK_SERVER, SERVER, "server", true);
	lab_delivered(s, B, &x, 1); /* a lie: the socket is not bound to port 9, the queue tells */
	lab_delivered(s, A, &w, 1);
	lab_expect(s, LAB_DELIVERED("1", "9", "1") LAB_DELIVERED("2", "8080", "1") "#1 settled\n"
										   "#2 settled\n");
}

/* A process ends; its socket's memory is given to a socket of a stranger. */
static void test_socket_of_the_dead(void **state)
{
	struct stream *s = lab_of(stream_new("followed", NULL));
	struct wire w = lab_datagram(4);

	(void)state;
	stream_enter(s, HS_CALL_CONNECT, 3, SK_CLIENT, 0, SERVER_EP);
	s->open.ino = 7;
	stream_leave(s, 0);
	stream_sock(s, SK_CLIENT, SECOND, "second", false);
	stream_by(s, 0, SECOND);
	stream_birth(s, A, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	lab_expect(s, "connect(3) = 0\n");
}

/* The same before close() has returned. */
static void test_socket_while_it_is_closed(void **state)
{
	struct stream *s = lab_of(stream_new("followed", NULL));
	struct wire w = lab_datagram(4);

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
	lab_expect(s, "connect(3) = 0\n"
		      "close(3) = 0\n");
}

/* Background traffic is counted, not shown. */
static void test_noise_is_folded(void **state)
{
	struct stream *s = lab_new();
	struct wire arp = wire_arp(CLIENT_ADDR, SERVER_ADDR, 1);
	struct wire rs = wire_icmp6("fe80::2", "ff02::2", 133);
	struct notes notes;

	(void)state;
	stream_birth(s, A, NS_CLIENT, VETH_C, &arp, 0);
	stream_birth(s, B, NS_CLIENT, VETH_C, &rs, 0);
	stream_birth(s, C, NS_CLIENT, VETH_C, &rs, 0);
	stream_end(s);
	notes_init(&notes);
	notes_run(&notes, s);
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
	lab_expect(s, "#1 born, by the kernel\n"
		      "#1 settled\n");
	s = lab_of(stream_new("filter", "arp", NULL));
	stream_birth(s, A, NS_CLIENT, VETH_C, &arp, 0);
	lab_expect(s, "#1 born, by the kernel\n"
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
	lab_expect(s, "#1 born, by client[812] sendto(3)\n"
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
	lab_expect(s, "#1 born, TCP to port 22, by the kernel\n"
		      "#1 settled\n");
}

static void test_nothing_matched(void **state)
{
	struct stream *s = lab_of(stream_new("filter", "udp port 9", "netns", "ns_x", NULL));
	struct wire w = lab_datagram(4);
	struct notes notes;

	(void)state;
	lab_delivered(s, A, &w, 1);
	stream_end(s);
	notes_init(&notes);
	notes_run(&notes, s);
	assert_string_equal(notes.summary.nothing,
			    "1 packet seen, none matched 'udp port 9' -n ns_x");
	notes_done(&notes);
	stream_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
