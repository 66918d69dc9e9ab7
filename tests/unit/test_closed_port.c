// SPDX-License-Identifier: BSD-2-Clause
/* Where nobody listens: the drop, the ICMP error, who is told. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "helper_lab.h"
#include "helper_notes.h"

/* O2: a connected client is told by the call that waits for the answer. */
static void test_closed_port(void **state)
{
	struct stream *s = lab_new();
	struct wire w = lab_datagram(4);

	(void)state;
	stream_bound(s, NS_SERVER, IPPROTO_UDP, "10.0.9.9:8080");
	stream_enter(s, HS_CALL_SENDTO, 3, SK_CLIENT, 4, NULL);
	lab_closed_port(s, &w, true);
	stream_error(s, SK_CLIENT, ECONNREFUSED);
	stream_consume(s, B, "icmp_rcv");
	stream_leave(s, 4);
	stream_enter(s, HS_CALL_RECVFROM, 3, SK_CLIENT, 64, NULL);
	stream_read(s, SK_CLIENT, -ECONNREFUSED, 0, 0);
	stream_leave(s, -ECONNREFUSED);
	lab_expect_hops(
		s, "#1 born, UDP to port 8080, by client[812] sendto(3)\n"
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
	struct stream *s = lab_new();
	struct wire w = lab_datagram(4);

	(void)state;
	lab_closed_port(s, &w, true);
	stream_error(s, SK_CLIENT, ECONNREFUSED);
	stream_consume(s, B, "icmp_rcv");
	stream_by(s, 0, CLIENT);
	stream_enter(s, HS_CALL_SENDTO, 3, SK_CLIENT, 4, NULL);
	stream_send_failed(s, SK_CLIENT, -ECONNREFUSED);
	stream_leave(s, -ECONNREFUSED);
	lab_expect(s, "#1 born, UDP to port 8080, by the kernel\n"
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
	struct stream *s = lab_new();
	struct wire w = lab_datagram(4);

	(void)state;
	stream_sock_is(s, SK_CLIENT, NS_CLIENT, IPPROTO_UDP, CLIENT_EP, NULL);
	stream_sock(s, SK_CLIENT, CLIENT, "client", false);
	lab_closed_port(s, &w, true);
	stream_drop(s, B, "NOT_SPECIFIED", "icmp_rcv");
	lab_expect(s,
		   "#1 born, UDP to port 8080, by the kernel\n"
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
	struct stream *s = lab_new();
	struct wire w = lab_datagram(4);
	char expected[256];

	stream_kernel(s, kernel);
	lab_crossed(s, A, &w, SK_CLIENT);
	stream_icmp(s, A, NS_SERVER, VETH_S, 3, 3);
	stream_drop(s, A, reason, "__udp4_lib_rcv");
	snprintf(expected, sizeof(expected),
		 "#1 born, UDP to port 8080, by the kernel\n"
		 "#1 dropped in ns_server: %s by __udp4_lib_rcv (no UDP socket on 10.0.1.1:8080)\n"
		 "#1 settled\n",
		 reason);
	lab_expect(s, expected);
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
	struct stream *s = lab_new();
	struct wire w = lab_datagram(4);

	(void)state;
	stream_kernel(s, "5.10.0");
	lab_crossed(s, A, &w, SK_CLIENT);
	stream_drop(s, A, "NOT_SPECIFIED", "__udp4_lib_rcv");
	notes_expect(s, (struct note_kinds){ .fates = true },
		     "#1 dropped in ns_server: NOT_SPECIFIED by __udp4_lib_rcv\n");
}

/* ICMPv6 has no tracepoint: the error's birth shows that it was built, and the stack where. */
static void test_closed_port_ipv6(void **state)
{
	struct stream *s = lab_new();
	struct wire w = wire_udp("[fd00::2]:4000", "[fd00::1]:8080", 4);

	(void)state;
	stream_sock_is(s, SK_CLIENT, NS_CLIENT, IPPROTO_UDP, "[fd00::2]:4000", "[fd00::1]:8080");
	stream_sock(s, SK_CLIENT, CLIENT, "client", false);
	lab_closed_port(s, &w, false);
	stream_error(s, SK_CLIENT, ECONNREFUSED);
	stream_consume(s, B, "icmpv6_rcv");
	lab_expect(s,
		   "#1 born, UDP to port 8080, by the kernel\n"
		   "#2 born, ICMPv6, because of #1: ICMPv6 port unreachable, built in icmp6_send\n"
		   "#1 dropped in ns_server: NO_SOCKET by __udp6_lib_rcv (no UDP socket on "
		   "[fd00::1]:8080 (one is on 10.0.1.1:8080))\n"
		   ""
		   "#2 consumed in ns_client by icmpv6_rcv\n"
		   "#1 settled, caused #2\n"
		   "#2 settled\n");
}

/* O53: errors that were not sent are explained by the limits' counters, one each, no more. */
static void test_icmp_rate_limit(void **state)
{
	struct stream *s = lab_new();
	struct wire w = lab_datagram(4);

	(void)state;
	stream_counter(s, NS_CLIENT, 0, 0, 0);
	stream_counter(s, NS_SERVER, 7, 100, 0);
	stream_counter(s, NS_SERVER, 7, 101, 0); /* one rose before the drop was told */
	lab_dropped_silently(s, A, &w);
	lab_dropped_silently(s, B, &w);
	stream_counter(s, NS_CLIENT, 5, 0, 0); /* another namespace's say nothing */
	stream_counter(s, NS_SERVER, 8, 101, 0);
	lab_dropped_silently(s, C, &w);
	lab_expect(s, "#1 born, UDP to port 8080, by the kernel\n"
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
	struct stream *s = lab_new();
	struct wire w = lab_datagram(4);

	(void)state;
	lab_dropped_silently(s, A, &w);
	stream_tick(s, 2100 * STREAM_MS);
	stream_tick(s, 10000 * STREAM_MS);
	lab_expect(s, "#1 born, UDP to port 8080, by the kernel\n"
		      "#1 dropped in ns_server: NO_SOCKET by __udp4_lib_rcv (no UDP socket on "
		      "10.0.1.1:8080)\n"
		      "#1 no ICMP (none was seen, and no counter tells why)\n"
		      "#1 settled\n");
}

/* A datagram to many asks for no error. */
static void test_multicast_deserves_no_icmp(void **state)
{
	struct stream *s = lab_new();
	struct wire w = wire_udp(CLIENT_EP, "239.1.2.3:8080", 4);

	(void)state;
	lab_dropped_silently(s, A, &w);
	lab_expect(s, "#1 born, UDP to port 8080, by the kernel\n"
		      "#1 dropped in ns_server: NO_SOCKET by __udp4_lib_rcv (no UDP socket on "
		      "239.1.2.3:8080 (one is on 10.0.1.1:8080))\n"
		      ""
		      "#1 settled\n");
}

/* Results that no kernel returns, as a damaged recording may hold them. */
static void test_results_out_of_range(void **state)
{
	struct stream *s = lab_new();
	struct wire w = lab_datagram(4);

	(void)state;
	lab_closed_port(s, &w, true);
	stream_error(s, SK_CLIENT, INT32_MIN);
	stream_by(s, 0, CLIENT);
	stream_read(s, SK_CLIENT, INT32_MIN, 0, 0);
	stream_enter(s, HS_CALL_SENDTO, 3, SK_CLIENT, 4, NULL);
	stream_leave(s, INT64_MIN);
	lab_expect(s, "#1 born, UDP to port 8080, by the kernel\n"
		      "#2 born, ICMP, because of #1: ICMP port unreachable, built in __icmp_send\n"
		      "#1 dropped in ns_server: NO_SOCKET by __udp4_lib_rcv (no UDP socket on "
		      "10.0.1.1:8080)\n"
		      "sendto(3) = errno 4095\n"
		      "#2 unknown in ns_client (received, and no event tells what became of it), "
		      "inferred\n"
		      "#1 settled, caused #2\n"
		      "#2 settled\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
