// SPDX-License-Identifier: BSD-2-Clause
/*
 * Why there is no route: what tables answered, and what is known of routes and rules that refuse, at the call
 * that failed and at the drop.
 *
 * The lab: ns_client (1) with veth_c (2), joined to ns_router (2) with veth_r (3), which has veth_s (4) too.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "helper_notes.h"
#include "helper_stream.h"

enum { NS_CLIENT = 1, NS_ROUTER = 2 };
enum { VETH_C = 2, VETH_R = 3, VETH_S = 4 };
enum { CLIENT = 812 };
enum { SK = 0xc000 };
enum { A = 0xa000 };

#define CLIENT_EP "10.0.1.2:4000"

static struct stream *lab(void)
{
	struct stream *s = stream_new(NULL);

	stream_netns(s, NS_CLIENT, "ns_client");
	stream_netns(s, NS_ROUTER, "ns_router");
	stream_dev(s, NS_CLIENT, VETH_C, "veth_c", "veth");
	stream_dev(s, NS_ROUTER, VETH_R, "veth_r", "veth");
	stream_dev(s, NS_ROUTER, VETH_S, "veth_s", "veth");
	stream_task(s, CLIENT, "client");
	stream_sock_is(s, SK, NS_CLIENT, IPPROTO_UDP, CLIENT_EP, NULL);
	stream_sock(s, SK, CLIENT, "client", true);
	stream_by(s, 0, CLIENT);
	return s;
}

#define TO  "10.9.1.7:8080"
#define TO6 "[fd00:9::7]:8080"
#define NO  "ns_client has no route to 10.9.1.7: "
#define NO6 "ns_client has no route to fd00:9::7: "

static struct stream *sending(const char *to)
{
	struct stream *s = lab();

	stream_enter(s, HS_CALL_SENDTO, 3, SK, 4, to);
	return s;
}

static void expect_call(struct stream *s, int err, const char *line)
{
	stream_leave(s, -err);
	notes_expect(s, (struct note_kinds){ .calls = true }, line);
}

/* ---- calls ---- */

static void test_prefix_is_looked_up(void **state)
{
	struct stream *s = sending(TO);

	(void)state;
	stream_no_route(s, RT_TABLE_MAIN, TO, -EINVAL, 0, 0);
	stream_refusal(s, NS_CLIENT, HS_REFUSALS_BEGIN, 0, 0, NULL, 0);
	stream_refusal(s, NS_CLIENT, HS_REFUSAL_ROUTE, RTN_BLACKHOLE, 254, "10.9.0.0", 16);
	stream_refusal(s, NS_CLIENT, HS_REFUSAL_ROUTE, RTN_BLACKHOLE, 254, "10.9.0.0", 23);
	/* none of these: another kind, table, prefix, namespace */
	stream_refusal(s, NS_CLIENT, HS_REFUSAL_ROUTE, RTN_PROHIBIT, 254, "10.9.1.0", 24);
	stream_refusal(s, NS_CLIENT, HS_REFUSAL_ROUTE, RTN_BLACKHOLE, 100, "10.9.1.0", 24);
	stream_refusal(s, NS_CLIENT, HS_REFUSAL_ROUTE, RTN_BLACKHOLE, 254, "10.9.2.0", 24);
	stream_refusal(s, NS_ROUTER, HS_REFUSAL_ROUTE, RTN_BLACKHOLE, 254, "10.9.1.0", 24);
	expect_call(s, EINVAL,
		    "sendto(3) = EINVAL (" NO
		    "blackhole 10.9.0.0/23 (table main, prefix inferred))\n");
}

static void test_prefix_is_not_known(void **state)
{
	struct stream *s = sending(TO);

	(void)state;
	stream_no_route(s, 100, TO, -EACCES, 0, 0);
	expect_call(s, EACCES, "sendto(3) = EACCES (" NO "prohibit (table 100))\n");
}

static void test_prefix_is_told(void **state)
{
	struct stream *s = sending(TO6);

	(void)state;
	stream_no_route(s, RT_TABLE_LOCAL, TO6, -EAGAIN, 0, 0);
	stream_no_route(s, RT_TABLE_MAIN, TO6, 0, RTN_UNREACHABLE, 31);
	expect_call(s, EHOSTUNREACH,
		    "sendto(3) = EHOSTUNREACH (" NO6 "unreachable fd00:8::/31 (table main))\n");
}

static void test_nothing_found(void **state)
{
	struct stream *s = sending(TO);

	(void)state;
	stream_no_route(s, RT_TABLE_LOCAL, TO, -EAGAIN, 0, 0);
	stream_no_route(s, 100, TO, -EAGAIN, 0, 0);
	stream_no_route(s, RT_TABLE_MAIN, TO, -EAGAIN, 0, 0);
	/* asked twice: this is a question of its own */
	stream_no_route(s, RT_TABLE_LOCAL, TO, -EAGAIN, 0, 0);
	stream_no_route(s, RT_TABLE_MAIN, TO, -EAGAIN, 0, 0);
	expect_call(
		s, ENETUNREACH,
		"sendto(3) = ENETUNREACH (" NO
		"nothing in table local, main leads there (ip route); is its device up? (ip link))\n");
}

static void test_thrown(void **state)
{
	struct stream *s = sending(TO);

	(void)state;
	stream_no_route(s, 100, TO, -EAGAIN, 0, 0);
	stream_no_route(s, RT_TABLE_MAIN, TO, -EAGAIN, 0, 0);
	stream_refusal(s, NS_CLIENT, HS_REFUSALS_BEGIN, 0, 0, NULL, 0);
	stream_refusal(s, NS_CLIENT, HS_REFUSAL_ROUTE, RTN_THROW, 100, "10.9.0.0", 16);
	expect_call(
		s, ENETUNREACH,
		"sendto(3) = ENETUNREACH (" NO
		"throw 10.9.0.0/16 (table 100, prefix inferred), and nothing after it leads there)\n");
}

static void test_thrown6(void **state)
{
	struct stream *s = sending(TO6);

	(void)state;
	stream_no_route(s, 100, TO6, 0, RTN_THROW, 32);
	stream_no_route(s, RT_TABLE_MAIN, TO6, -EAGAIN, 0, 0);
	expect_call(s, ENETUNREACH,
		    "sendto(3) = ENETUNREACH (" NO6
		    "throw fd00:9::/32 (table 100), and nothing after it leads there)\n");
}

static void test_rule(void **state)
{
	struct stream *s = sending(TO);

	(void)state;
	stream_no_route(s, RT_TABLE_LOCAL, TO, -EAGAIN, 0, 0);
	stream_refusal(s, NS_CLIENT, HS_REFUSALS_BEGIN, 0, 0, NULL, 0);
	stream_refusal(s, NS_CLIENT, HS_REFUSAL_RULE, RTN_PROHIBIT, 90, "10.8.0.0", 16);
	stream_refusal(s, NS_CLIENT, HS_REFUSAL_RULE, RTN_BLACKHOLE, 91, "10.9.0.0", 16);
	stream_refusal(s, NS_CLIENT, HS_REFUSAL_RULE, RTN_PROHIBIT, 92, "10.9.0.0", 16);
	expect_call(s, EACCES,
		    "sendto(3) = EACCES (" NO "prohibit, by rule 92 (ip rule, inferred))\n");
}

static void test_rule_is_not_known(void **state)
{
	struct stream *s = sending(TO);

	(void)state;
	stream_no_route(s, RT_TABLE_LOCAL, TO, -EAGAIN, 0, 0);
	expect_call(s, ENETUNREACH,
		    "sendto(3) = ENETUNREACH (" NO "unreachable, by a rule (ip rule))\n");
}

/* EACCES may come from elsewhere: to broadcast without SO_BROADCAST. */
static void test_other_reason(void **state)
{
	struct stream *s = sending(TO);

	(void)state;
	stream_no_route(s, RT_TABLE_LOCAL, TO, -EAGAIN, 0, 0);
	stream_refusal(s, NS_CLIENT, HS_REFUSALS_BEGIN, 0, 0, NULL, 0);
	expect_call(s, EACCES, "sendto(3) = EACCES\n");
}

static void test_route_found(void **state)
{
	struct stream *s = sending(TO);

	(void)state;
	stream_route(s, RT_TABLE_MAIN, TO, NS_CLIENT, VETH_C);
	expect_call(s, EINVAL, "sendto(3) = EINVAL\n");
}

static void test_broadcast(void **state)
{
	struct stream *s = sending("10.0.1.255:8080");

	(void)state;
	stream_route(s, RT_TABLE_MAIN, "10.0.1.255:8080", NS_CLIENT, VETH_C);
	expect_call(
		s, EACCES,
		"sendto(3) = EACCES (10.0.1.255 is a broadcast address, and the socket is not allowed to "
		"send there: setsockopt(SO_BROADCAST))\n");
}

/* What another call was told says nothing of this one. */
static void test_earlier_call(void **state)
{
	struct stream *s = sending(TO);

	(void)state;
	stream_no_route(s, RT_TABLE_MAIN, TO, -EACCES, 0, 0);
	stream_leave(s, -EACCES);
	stream_enter(s, HS_CALL_SENDTO, 3, SK, 4, TO);
	expect_call(s, EACCES,
		    "sendto(3) = EACCES (" NO "prohibit (table main))\nsendto(3) = EACCES\n");
}

/* ---- drops ---- */

/* A packet that came to the router, where its softirq runs on. */
static struct stream *arrived(const struct wire *w)
{
	struct stream *s = stream_new("all", NULL);

	stream_netns(s, NS_ROUTER, "ns_router");
	stream_dev(s, NS_ROUTER, VETH_R, "veth_r", "veth");
	stream_dev(s, NS_ROUTER, VETH_S, "veth_s", "veth");
	stream_softirq(s, 0);
	stream_arrival(s, A, NS_ROUTER, VETH_R, w);
	return s;
}

static void expect_drop(struct stream *s, const char *reason, const char *function, const char *why)
{
	char line[512];

	stream_drop(s, A, reason, function);
	snprintf(line, sizeof(line), "#1 dropped in ns_router: %s by %s (%s)\n", reason, function,
		 why);
	notes_expect(s, (struct note_kinds){ .fates = true }, line);
}

static void test_drop_refused(void **state)
{
	struct wire w = wire_udp(CLIENT_EP, TO, 4);
	struct stream *s = arrived(&w);

	(void)state;
	stream_no_route(s, RT_TABLE_MAIN, TO, -EINVAL, 0, 0);
	expect_drop(s, "NOT_SPECIFIED", "ip_error",
		    "ns_router has no route to 10.9.1.7: blackhole (table main)");
}

/* 5.10 drops in a function that all of these share. */
static void test_drop_refused6(void **state)
{
	struct wire w = wire_udp("[fd00:1::2]:1", TO6, 4);
	struct stream *s = arrived(&w);

	(void)state;
	stream_no_route(s, RT_TABLE_LOCAL, TO6, -EAGAIN, 0, 0);
	stream_no_route(s, RT_TABLE_MAIN, TO6, 0, RTN_PROHIBIT, 32);
	expect_drop(s, "NOT_SPECIFIED", "ip6_pkt_drop",
		    "ns_router has no route to fd00:9::7: prohibit fd00:9::/32 (table main)");
}

/* With the route that there is, ip_error() says that the device does not forward. */
static void test_drop_not_forwarded(void **state)
{
	struct wire w = wire_udp(CLIENT_EP, TO, 4);
	struct stream *s = arrived(&w);

	(void)state;
	stream_route(s, RT_TABLE_MAIN, TO, NS_ROUTER, VETH_S);
	expect_drop(
		s, "IP_INADDRERRORS", "ip_error",
		"10.9.1.7 is not on ns_router, which does not forward what comes by veth_r: IPv4 forwarding is off there");
}

static void test_drop_way_back(void **state)
{
	struct wire w = wire_udp(CLIENT_EP, TO, 4);
	struct stream *s = arrived(&w);

	(void)state;
	stream_route(s, RT_TABLE_MAIN, TO, NS_ROUTER, VETH_S);
	stream_route(s, RT_TABLE_MAIN, CLIENT_EP, NS_ROUTER, VETH_S);
	expect_drop(
		s, "IP_RPFILTER", "ip_rcv_finish_core",
		"it came by veth_r and says to come from 10.0.1.2, but an answer to that would leave by veth_s (table main), not by veth_r (reverse path filter)");
}

static void expect_martian(const char *from, const char *to, const char *reason,
			   const char *function, const char *why)
{
	struct wire w = wire_udp(from, to, 4);

	expect_drop(arrived(&w), reason, function, why);
}

static void test_martians(void **state)
{
	(void)state;
	expect_martian(
		"224.0.0.5:1", TO, "NOT_SPECIFIED", "ip_rcv_finish",
		"its source 224.0.0.5 is a multicast address, and nothing may come from one (martian source)");
	expect_martian(
		CLIENT_EP, "127.0.0.1:1", "IP_LOCALNET", "ip_rcv_finish_core",
		"its destination 127.0.0.1 is a loopback address, which may be on lo only (martian destination)");
	expect_martian(
		"[::1]:1", TO6, "IP_INHDR", "ip6_rcv_core",
		"its source ::1 is the loopback address, which may be on lo only (martian source)");
	expect_martian(
		"[fe80::5]:1", TO6, "IP_INADDRERRORS", "ip6_forward",
		"its source fe80::5 is of its link only (link-local), and no router forwards it (martian source)");
}

/* Its own address: the kernel says so, or asked no table about it and dropped it all the same. */
static void test_martian_is_own(void **state)
{
	struct wire w = wire_udp(CLIENT_EP, TO, 4);
	struct stream *s = arrived(&w);
	static const char why[] =
		"its source 10.0.1.2 is an address of ns_router itself, and it came from outside (martian source)";

	(void)state;
	expect_drop(s, "IP_LOCAL_SOURCE", "ip_rcv_finish_core", why);
	s = arrived(&w);
	stream_route(s, RT_TABLE_LOCAL, TO, NS_ROUTER, VETH_S);
	expect_drop(s, "NOT_SPECIFIED", "ip_rcv_finish_core", why);
	s = arrived(&w);
	expect_drop(
		s, "NOT_SPECIFIED", "ip_rcv_finish_core",
		"it says to come from 10.0.1.2: is that an address of ns_router itself (martian source), or would an answer to it not leave by veth_r (reverse path filter)?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prefix_is_looked_up),
		cmocka_unit_test(test_prefix_is_not_known),
		cmocka_unit_test(test_prefix_is_told),
		cmocka_unit_test(test_nothing_found),
		cmocka_unit_test(test_thrown),
		cmocka_unit_test(test_thrown6),
		cmocka_unit_test(test_rule),
		cmocka_unit_test(test_rule_is_not_known),
		cmocka_unit_test(test_other_reason),
		cmocka_unit_test(test_route_found),
		cmocka_unit_test(test_broadcast),
		cmocka_unit_test(test_earlier_call),
		cmocka_unit_test(test_drop_refused),
		cmocka_unit_test(test_drop_refused6),
		cmocka_unit_test(test_drop_not_forwarded),
		cmocka_unit_test(test_drop_way_back),
		cmocka_unit_test(test_martians),
		cmocka_unit_test(test_martian_is_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
