// SPDX-License-Identifier: BSD-2-Clause
/* Which filters match which packets, and which are refused before anybody is asked for a name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/if_ether.h>

#include "../../loader/filter.h"

/* 10.0.2.2:40112 > 10.0.2.1:53 */
static const uint8_t udp4[] = { 0x45, 0,    0, 0x20, 0x12, 0x34, 0x40, 0,   0x40, 0x11, 0,
				0,    10,   0, 2,    2,	   10,	 0,    2,   1,	  0x9c, 0xb0,
				0,    0x35, 0, 12,   0,	   0,	 'p',  'i', 'n',  'g' };
/* ::1:40112 > ::1:8080, SYN */
static const uint8_t tcp6[] = { 0x60, 0, 0, 0, 0, 20, 6, 64,   0, 0, 0,	   0,	 0,    0,    0,
				0,    0, 0, 0, 0, 0,  0, 0,    1, 0, 0,	   0,	 0,    0,    0,
				0,    0, 0, 0, 0, 0,  0, 0,    0, 1, 0x9c, 0xb0, 0x1f, 0x90, 0,
				0,    0, 0, 0, 0, 0,  0, 0x50, 2, 0, 0,	   0,	 0,    0,    0 };
/* port unreachable, 10.0.2.1 > 10.0.2.2 */
static const uint8_t icmp4[] = { 0x45, 0, 0,  56, 0, 0, 0, 0, 64, 1, 0, 0, 10, 0,
				 2,    1, 10, 0,  2, 2, 3, 3, 0,  0, 0, 0, 0,  0 };
static const uint8_t arp[] = { 0,  1, 8, 0, 6, 4, 0, 1, 2, 0, 0,  0, 0, 1,
			       10, 0, 2, 1, 0, 0, 0, 0, 0, 0, 10, 0, 2, 2 };

static bool match(const char *expr, uint16_t ethertype, const uint8_t *data, size_t len)
{
	struct hs_filter *filter = NULL;
	char err[512] = "";
	bool yes;
	int result = filter_compile(&filter, expr, err, sizeof(err));

	if (result)
		fail_msg("'%s': %s", expr, err);
	yes = filter_match(filter, ethertype, len, data, len);
	filter_free(filter);
	return yes;
}

static void assert_refused(const char *expr, const char *word)
{
	struct hs_filter *untouched = (struct hs_filter *)expr, *filter = untouched;
	char err[512] = "";

	if (filter_compile(&filter, expr, err, sizeof(err)) != -EINVAL)
		fail_msg("'%s' was taken", expr);
	assert_ptr_equal(filter, untouched);
	if (!strstr(err, word))
		fail_msg("'%s': '%s' should speak of '%s'", expr, err, word);
	assert_non_null(strstr(err, "filter '"));
}

static bool on_udp4(const char *expr)
{
	return match(expr, ETH_P_IP, udp4, sizeof(udp4));
}

static bool on_tcp6(const char *expr)
{
	return match(expr, ETH_P_IPV6, tcp6, sizeof(tcp6));
}

static void test_udp4(void **state)
{
	static const char *const yes[] = {
		"",
		"udp",
		"ip",
		"port 53",
		"udp port 53",
		"port domain",
		"udp dst port domain",
		"host 10.0.2.1",
		"src host 10.0.2.2",
		"src 10.0.2.2 and dst 10.0.2.1",
		"net 10.0.2.0/24",
		"net 10.0",
		"net 10.0.2.0 mask 255.255.255.0",
		"portrange 50-60",
		"udp and not port 22",
		"host 10.0.2.9 or 10.0.2.1",
		"port 22 or 53",
		"port 22 or domain",
		"port (22 or 53 or ssh)",
		"(port ssh or port domain) and host 10.0.2.1",
		"ip proto \\udp",
		"ip proto 17",
		"ether proto 0x0800",
		"ether proto \\ip",
		"udp[0:2] == 40112",
		"udp[8:4] = 0x70696e67",
		"ip[6] & 0x40 != 0",
		"len == 46",
		"less 46",
		"not ip6",
		"! arp && ! tcp",
		"not ip multicast",
	};
	static const char *const no[] = {
		"tcp",	       "ip6",		"arp",		"port 54",
		"src port 53", "host 10.0.2.3", "host ::1",	"net 10.0.3.0/24",
		"greater 47",  "ip multicast",	"udp[200] = 0",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		if (!on_udp4(yes[i]))
			fail_msg("'%s' does not match", yes[i]);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (on_udp4(no[i]))
			fail_msg("'%s' matches", no[i]);
}

static void test_tcp6(void **state)
{
	static const char *const yes[] = {
		"ip6",
		"tcp",
		"host ::1",
		"src host ::1 and tcp port 8080",

		"net ::/64",
		"ip6 host ::1",
		"port 8080",
		"ip6[6] = 6",
		"ip6[53] & tcp-syn != 0",
		"ip6[40 + tcpflags] & (tcp-syn | tcp-ack) == tcp-syn",
		"dst 0:0:0:0:0:0:0:1",
		"not host ::ffff:10.0.2.1",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		if (!on_tcp6(yes[i]))
			fail_msg("'%s' does not match", yes[i]);
	assert_false(on_tcp6("udp"));
	assert_false(on_tcp6("host fd00::1"));
	assert_false(on_tcp6("ip"));
}

static void test_others(void **state)
{
	(void)state;
	assert_true(match("arp", ETH_P_ARP, arp, sizeof(arp)));
	assert_true(match("arp host 10.0.2.2", ETH_P_ARP, arp, sizeof(arp)));
	assert_false(match("ip", ETH_P_ARP, arp, sizeof(arp)));
	assert_true(match("icmp", ETH_P_IP, icmp4, sizeof(icmp4)));
	assert_true(match("icmp[icmptype] == icmp-unreach", ETH_P_IP, icmp4, sizeof(icmp4)));
	assert_false(match("icmp[icmptype] == icmp-echo", ETH_P_IP, icmp4, sizeof(icmp4)));
	assert_true(match("ether proto 0x88cc", 0x88cc, arp, 4));
	assert_true(match("stp", ETH_P_802_2, (const uint8_t[]){ 0x42, 0x42, 3 }, 3));
}

static void test_short_and_long_captures(void **state)
{
	struct hs_filter *filter;
	char err[256];
	uint8_t *data;

	(void)state;
	assert_int_equal(filter_compile(&filter, "udp port 53 and greater 1000", err, sizeof(err)),
			 0);
	for (size_t len = 0; len <= sizeof(udp4); len++) {
		data = malloc(len + 1);
		assert_non_null(data);
		memcpy(data + 1, udp4, len);
		/* both ports have to be there for an answer */
		assert_int_equal(filter_match(filter, ETH_P_IP, 1400, data + 1, len), len >= 24);
		free(data);
	}
	assert_false(filter_match(filter, ETH_P_IP, 100, udp4, sizeof(udp4)));
	data = calloc(1, 4096);
	assert_non_null(data);
	memcpy(data, udp4, sizeof(udp4));
	assert_true(filter_match(filter, ETH_P_IP, 4096, data, 4096));
	assert_false(filter_match(filter, ETH_P_IP, 0, NULL, 0));
	free(data);
	filter_free(filter);
	filter_free(NULL);
}

/* Each of these would make libpcap ask DNS. */
static void test_names_of_hosts_are_refused(void **state)
{
	static const char *const asks[] = {
		"host evil.invalid",
		"evil",
		"src evil",
		"not evil",
		"!evil",
		"(evil)",
		"net evil",
		"src net evil",
		"tcp and evil",
		"host 10.0.2.1 or evil",
		"port 53 and host evil",
		"host 10.0.2.1 and (port 53) and evil",
		"host 10.0.2.1 and ((port 53)) and not evil",
		"host \\evil",
		"host \\10.0.2.1x",
		"port \\a[ or host evil]",
		"port 53 or src evil",
		"host evil:80",
		"host ::1 or evil",
		"host 1a.evil",
		"host 1e100.evil",
		"host 1..2evil",
		"host tcp-evil",
		"host dead.beef.evil",
		"ip host evil",
		"arp host evil",
		"dst host -evil",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++)
		assert_refused(asks[i], "no DNS");
	assert_refused("host 1..2", "no DNS");
	assert_refused("host 1-2", "no DNS");
	assert_refused("host 1.2.3.4.5", "no DNS");
	assert_refused("host evil", "'evil'");
	assert_refused("host evil", "host 10.0.2.1");
}

static void test_what_is_not_captured_is_refused(void **state)
{
	assert_refused("ether host 02:00:00:00:00:01", "MAC");
	assert_refused("ether src 02:00:00:00:00:01", "MAC");
	assert_refused("ether dst 2:0:0:0:0:1", "MAC");
	assert_refused("host 02:00:00:00:00:01", "MAC");
	assert_refused("ether host 02-00-00-00-00-01", "MAC");
	assert_refused("ether host 0200.0000.0001", "MAC");
	assert_refused("ether host 0200000000aa", "MAC");
	assert_refused("ether host evil", "MAC");
	assert_refused("udp and ether[0] & 1 = 1", "MAC");
	assert_refused("ether", "MAC");
	assert_refused("ether and proto 17", "MAC");
	assert_refused("ether multicast", "MAC");
	assert_refused("ether ::1", "MAC");
	assert_refused("broadcast", "ip multicast");
	assert_refused("udp and multicast", "ip multicast");
	assert_refused("ip and multicast", "ip multicast");
	assert_refused("gateway 10.0.0.1", "MAC");
	assert_refused("vlan 7", "-i");
	assert_refused("inbound", "-i");
	assert_refused("ifname eth0", "-i");
	(void)state;
}

static void test_errors_say_what_works(void **state)
{
	struct hs_filter *filter;
	char tiny[8];

	assert_refused("udp prt 53", "'prt'");
	assert_refused("UDP", "'UDP'");
	assert_refused("udp port", "syntax error");
	assert_refused("udp port 53 53", "an example that works");
	assert_refused("port nosuchservice", "nosuchservice");
	assert_refused("port 70000", "70000");
	assert_refused("host 10.0.2.1 and", "syntax error");
	assert_refused("host 300.1.1.1", "an example that works");
	assert_refused("(udp", "syntax error");
	assert_refused("udp)", "syntax error");
	assert_refused("((((((((((((((((((((((((((((((((((udp))))))))))))))))))))))))))))))))))",
		       "deep");
	assert_refused("tcp[", "an example");
	assert_refused("\\", "an example");
	/* the text is cut, not the stack */
	assert_int_equal(filter_compile(&filter, "host evil", tiny, sizeof(tiny)), -EINVAL);
	assert_int_equal(strlen(tiny), sizeof(tiny) - 1);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_udp4),
		cmocka_unit_test(test_tcp6),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_short_and_long_captures),
		cmocka_unit_test(test_names_of_hosts_are_refused),
		cmocka_unit_test(test_what_is_not_captured_is_refused),
		cmocka_unit_test(test_errors_say_what_works),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
