// SPDX-License-Identifier: BSD-2-Clause
/*
 * Which route: the table's, the next hop, and the prefix that matched; of IPv4 that is looked up.
 *
 * The lab: ns_router (1) with veth_r (3), by which packets come, and veth_s (4).
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "../../loader/prefixes.h"
#include "helper_notes.h"
#include "helper_stream.h"

enum { NS = 1, NS_OTHER = 2 };
enum { VETH_R = 3, VETH_S = 4 };
enum { A = 0xa000 };

#define FROM  "10.0.1.2:4000"
#define TO    "10.9.1.7:8080"
#define FROM6 "[fd00:1::2]:4000"
#define TO6   "[fd00:9::7]:8080"

static struct stream *arrived(const char *from, const char *to)
{
	struct stream *s = stream_new("all", NULL);
	struct wire w = wire_udp(from, to, 4);

	stream_netns(s, NS, "ns_router");
	stream_dev(s, NS, VETH_R, "veth_r", "veth");
	stream_dev(s, NS, VETH_S, "veth_s", "veth");
	stream_softirq(s, 0);
	stream_arrival(s, A, NS, VETH_R, &w);
	return s;
}

/* What is said of the route. */
static void expect_route(struct stream *s, const char *says)
{
	char lines[256];

	snprintf(lines, sizeof(lines),
		 "#1   ns_router/veth_r receive\n#1   ns_router/veth_r route in (%s)\n", says);
	notes_expect(s, (struct note_kinds){ .hops = true }, lines);
}

static void test_prefix(void **state)
{
	struct stream *s = arrived(FROM, TO);

	(void)state;
	stream_prefix(s, NS, RT_TABLE_MAIN, TO, 20);
	stream_route(s, RT_TABLE_MAIN, TO, NS, VETH_S);
	expect_route(s, "on the link, veth_s (table main: 10.9.0.0/20, inferred)");
}

static void test_default(void **state)
{
	struct stream *s = arrived(FROM, TO);

	(void)state;
	stream_prefix(s, NS, 100, TO, 0);
	stream_route(s, 100, TO, NS, VETH_S);
	expect_route(s, "on the link, veth_s (table 100: default, inferred)");
}

static void test_not_known(void **state)
{
	struct stream *s = arrived(FROM, TO);

	(void)state;
	stream_route(s, RT_TABLE_MAIN, TO, NS, VETH_S);
	expect_route(s, "on the link, veth_s (table main)");
}

/* That of another question says nothing of this one. */
static void test_of_another(void **state)
{
	static const struct {
		uint32_t netns, table;
		const char *dst;
	} others[] = {
		{ NS_OTHER, RT_TABLE_MAIN, TO },
		{ NS, 100, TO },
		{ NS, RT_TABLE_MAIN, "10.9.1.8:8080" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct stream *s = arrived(FROM, TO);

		stream_prefix(s, others[i].netns, others[i].table, others[i].dst, 24);
		stream_route(s, RT_TABLE_MAIN, TO, NS, VETH_S);
		expect_route(s, "on the link, veth_s (table main)");
	}
}

/* It is of the next one only. */
static void test_of_an_earlier(void **state)
{
	struct stream *s = arrived(FROM, TO);

	(void)state;
	stream_prefix(s, NS, RT_TABLE_MAIN, TO, 24);
	stream_no_route(s, RT_TABLE_LOCAL, TO, -EAGAIN, 0, 0);
	stream_route(s, RT_TABLE_MAIN, TO, NS, VETH_S);
	expect_route(s, "on the link, veth_s (table main)");
}

static void test_ipv6_is_told(void **state)
{
	struct stream *s = arrived(FROM6, TO6);

	(void)state;
	stream_no_route(s, RT_TABLE_MAIN, TO6, 0, RTN_PROHIBIT, 31);
	expect_route(s, "prohibit (table main: fd00:8::/31)");
}

/* ---- looked up ---- */

static struct hs_sa address(const char *text)
{
	struct hs_sa sa = { .family = strchr(text, ':') ? AF_INET6 : AF_INET };

	if (*text)
		assert_int_equal(inet_pton(sa.family, text, sa.addr), 1);
	else
		sa.family = 0;
	return sa;
}

/* To 10.9.1.7, by `dev` and `via`, "": none. */
static int found(const struct hs_prefix *list, size_t n, uint32_t dev, const char *via)
{
	const struct hs_rec_route rec = { .oif = dev,
					  .dst = address("10.9.1.7"),
					  .via = address(via) };

	return prefix_longest(list, n, &rec);
}

static void test_longest_that_leads_there(void **state)
{
	static const struct {
		const char *addr;
		uint8_t plen;
		uint32_t dev;
		const char *via;
	} routes[] = {
		{ "0.0.0.0", 0, VETH_R, "10.0.1.1" },  { "10.9.0.0", 16, VETH_S, "" },
		{ "10.9.0.0", 23, VETH_S, "" },	       { "10.9.1.8", 29, VETH_S, "" },
		{ "10.9.1.6", 31, VETH_R, "" },	       { "10.8.0.0", 15, VETH_S, "10.0.2.2" },
		{ "10.9.1.7", 32, VETH_S, "fe80::1" },
	};

	enum { N = sizeof(routes) / sizeof(routes[0]) };
	struct hs_prefix list[N];

	(void)state;
	for (size_t i = 0; i < N; i++)
		list[i] = (struct hs_prefix){ .addr = ntohl(inet_addr(routes[i].addr)),
					      .plen = routes[i].plen,
					      .oif = routes[i].dev,
					      .via = address(routes[i].via) };
	assert_int_equal(found(list, N, VETH_S, ""), 23);
	assert_int_equal(found(list, N, VETH_R, ""), 31);
	assert_int_equal(found(list, N, VETH_R, "10.0.1.1"), 0);
	assert_int_equal(found(list, N, VETH_S, "10.0.2.2"), 15);
	assert_int_equal(found(list, N, VETH_S, "fe80::1"), 32);
	assert_int_equal(found(list, N, VETH_S, "fe80::2"), -1);
	assert_int_equal(found(list, N, VETH_S, "10.0.1.1"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prefix),
		cmocka_unit_test(test_default),
		cmocka_unit_test(test_not_known),
		cmocka_unit_test(test_of_another),
		cmocka_unit_test(test_of_an_earlier),
		cmocka_unit_test(test_ipv6_is_told),
		cmocka_unit_test(test_longest_that_leads_there),
	};

	return cmocka_run_group_tests_name("which route", tests, NULL, NULL);
}
