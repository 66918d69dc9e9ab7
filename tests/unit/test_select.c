// SPDX-License-Identifier: BSD-2-Clause
/* The selection as words, there and back, and what it matches. What it does to journeys is in
 * test_chosen.c. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../loader/packet.h"
#include "../../loader/select.h"
#include "helper_stream.h"

/* The words as in the code, each with its NUL. */
#define SPEC(words) words, sizeof(words)

static int add(struct hs_select *s, const char *spec, size_t len)
{
	char err[256] = "";
	int r = select_add_spec(s, spec, len, err, sizeof(err));

	/* an error is explained */
	assert_int_equal(!r, !*err);
	return r;
}

static void test_there_and_back(void **state)
{
	static const char spec[] =
		"followed\0all\0netns\0ns_a\0netns\0ns b\0dev\0veth0\0filter\0udp "
		"port 53\0filter\0ip6\0without\0"
		"10.0.0.1\0"
		"22\0"
		"10.0.0.2\0"
		"50000";
	struct hs_select s = { 0 };
	char *back;
	size_t len;

	(void)state;
	assert_int_equal(add(&s, SPEC(spec)), 0);
	assert_true(s.followed && s.all && s.has_without);
	assert_int_equal(s.netns.n, 2);
	assert_string_equal(s.netns.word[1], "ns b");
	assert_int_equal(s.devs.n, 1);
	assert_int_equal(s.filter_text.n, 2);
	assert_int_equal(s.without[1].port, 50000);
	assert_int_equal(select_spec(&s, &back, &len), 0);
	assert_int_equal(len, sizeof(spec));
	assert_memory_equal(back, spec, len);
	free(back);
	select_free(&s);
}

static void test_nothing_selected(void **state)
{
	struct hs_select s = { 0 };
	struct wire w = wire_udp("10.0.0.1:1", "10.0.0.2:2", 0);
	char *spec;
	size_t len;

	(void)state;
	assert_int_equal(add(&s, "", 0), 0);
	assert_true(select_filters_match(&s, w.proto, w.len, w.data, w.len));
	assert_int_equal(select_spec(&s, &spec, &len), 0);
	assert_int_equal(len, 0);
	free(spec);
	select_free(&s);
}

/* A recording may be damaged, or newer. */
static void test_not_understood(void **state)
{
	static const struct {
		const char *spec;
		size_t len;
	} bad[] = {
		{ SPEC("") },
		{ SPEC("colour\0red") },
		{ SPEC("netns") },
		{ SPEC("followed\0dev") },
		{ SPEC("filter\0udp port") },
		{ "all", 3 }, /* the NUL is missing */
		{ SPEC("netns\0a") - 1 },
		{ SPEC("without\0"
		       "10.0.0.1\0"
		       "22\0"
		       "10.0.0.2") },
		{ SPEC("without\0"
		       "nobody\0"
		       "22\0"
		       "10.0.0.2\0"
		       "23") },
		{ SPEC("without\0"
		       "10.0.0.1\0"
		       "22\0"
		       "10.0.0.256\0"
		       "23") },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct hs_select s = { 0 };
		/* in memory of exactly its size, so that a sanitizer sees who reads on */
		char *spec = malloc(bad[i].len);

		memcpy(spec, bad[i].spec, bad[i].len);
		assert_int_equal(add(&s, spec, bad[i].len), -EINVAL);
		free(spec);
		select_free(&s);
	}
}

static void test_all_filters_have_to_match(void **state)
{
	struct hs_select s = { 0 };
	struct wire dns = wire_udp("10.0.0.1:1", "10.0.0.2:53", 30),
		    ntp = wire_udp("10.0.0.1:1", "10.0.0.2:123", 30),
		    tcp = wire_tcp("10.0.0.1:1", "10.0.0.2:53", 2, 0),
		    six = wire_udp("[fd00::1]:1", "[fd00::2]:53", 30);

	(void)state;
	assert_int_equal(add(&s, SPEC("filter\0port 53\0filter\0udp\0filter\0ip")), 0);
	assert_true(select_filters_match(&s, dns.proto, dns.len, dns.data, dns.len));
	assert_false(select_filters_match(&s, ntp.proto, ntp.len, ntp.data, ntp.len));
	assert_false(select_filters_match(&s, tcp.proto, tcp.len, tcp.data, tcp.len));
	assert_false(select_filters_match(&s, six.proto, six.len, six.data, six.len));
	/* what was not captured does not match, and is not read */
	assert_false(select_filters_match(&s, dns.proto, dns.len, dns.data, 20));
	assert_false(select_filters_match(&s, dns.proto, dns.len, dns.data, 0));
	select_free(&s);
}

static bool is_without(const struct hs_select *s, const struct wire *w)
{
	struct hs_packet p;

	packet_parse(&p, w->proto, w->len, w->data,
		     w->len < HS_HEADERS_LONG ? w->len : HS_HEADERS_LONG);
	return select_is_without(s, &p);
}

static void test_without(void **state)
{
	static const char *const ends[][2] = { { "10.0.0.1:22", "10.0.0.2:50000" },
					       { "[fd00::1]:22", "[fd00::2]:50000" } };
	struct hs_select s[2] = { 0 };

	(void)state;
	assert_int_equal(add(&s[0], SPEC("without\0"
					 "10.0.0.1\0"
					 "22\0"
					 "10.0.0.2\0"
					 "50000")),
			 0);
	assert_int_equal(add(&s[1], SPEC("without\0"
					 "fd00::1\0"
					 "22\0"
					 "fd00::2\0"
					 "50000")),
			 0);
	for (int i = 0; i < 2; i++) {
		struct wire there = wire_tcp(ends[i][0], ends[i][1], 0x10, 0),
			    back = wire_tcp(ends[i][1], ends[i][0], 0x10, 0),
			    udp = wire_udp(ends[i][0], ends[i][1], 0),
			    other = wire_tcp(ends[i][0], i ? "[fd00::2]:50001" : "10.0.0.2:50001",
					     0x10, 0);

		assert_true(is_without(&s[i], &there));
		assert_true(is_without(&s[i], &back));
		assert_false(is_without(&s[i], &udp));
		assert_false(is_without(&s[i], &other));
		assert_false(is_without(&s[!i], &there));
		select_free(&s[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_nothing_selected),
		cmocka_unit_test(test_not_understood),
		cmocka_unit_test(test_all_filters_have_to_match),
		cmocka_unit_test(test_without),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
