// SPDX-License-Identifier: BSD-2-Clause
/* Firewall rules: what nft lists, and whether a packet meets the conditions of a rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>

#include "../../loader/rule_match.h"
#include "../../loader/ruleset.h"

/* ---- the listing ---- */

static const char json[] =
	"{\"nftables\": [{\"metainfo\": {\"version\": \"1.0.6\"}},"
	"{\"table\": {\"family\": \"inet\", \"name\": \"f\", \"handle\": 1}},"
	"{\"set\": {\"family\": \"inet\", \"name\": \"s\", \"table\": \"f\", \"elem\": [1]}},"
	"{\"chain\": {\"family\": \"inet\", \"table\": \"f\", \"name\": \"a\", \"handle\": 1}},"
	"{\"rule\": {\"family\": \"inet\", \"table\": \"f\", \"chain\": \"a\", \"handle\": 5, \"expr\": []}},"
	"{\"rule\": {\"family\": \"inet\", \"table\": \"f\", \"chain\": \"a\", \"handle\": 6, \"expr\": []}},"
	"{\"rule\": {\"family\": \"ip\", \"table\": \"f\", \"chain\": \"a\", \"handle\": 5, \"expr\": []}}]}";

static const char text[] = "table inet f { # handle 1\n"
			   "\tset s { # handle 3\n"
			   "\t\telements = { 1 }\n"
			   "\t}\n"
			   "\n"
			   "\tchain a { # handle 1\n"
			   "\t\tcomment \"about it\"\n"
			   "\t\ttype filter hook forward priority filter; policy drop;\n"
			   "\t\tip saddr { 10.1.0.1,\n"
			   "\t\t\t     10.1.0.2 } drop # handle 5\n"
			   "\t\tdrop comment \"no # handle 7\" # handle 6\n"
			   "\t}\n"
			   "}\n"
			   "table ip f { # handle 2\n"
			   "\tchain a { # handle 1\n"
			   "\t\taccept # handle 5\n"
			   "\t}\n"
			   "}\n";

static void the_listing_gives_each_rule_its_words(void **state)
{
	struct hs_ruleset set = { 0 };

	(void)state;
	assert_int_equal(ruleset_parse(&set, json, text), 0);
	assert_int_equal(set.n, 5);
	assert_non_null(strstr(set.items[0], "\"set\""));
	assert_non_null(strstr(set.items[1], "\"chain\""));
	assert_non_null(strstr(set.items[2], "\"text\":\"ip saddr { 10.1.0.1, 10.1.0.2 } drop\""));
	assert_non_null(strstr(set.items[3], "\"text\":\"drop comment \\\"no # handle 7\\\"\""));
	assert_non_null(strstr(set.items[4], "\"text\":\"accept\""));
	ruleset_free(&set);
}

static void what_is_no_listing_is_refused(void **state)
{
	struct hs_ruleset set = { 0 };

	(void)state;
	assert_int_equal(ruleset_parse(&set, "", ""), -EPROTO);
	assert_int_equal(ruleset_parse(&set, "{\"nftables\": 1}", ""), -EPROTO);
	assert_int_equal(ruleset_parse(&set, "[]", "table"), -EPROTO);
	assert_int_equal(set.n, 0);
}

/* ---- conditions ---- */

#define PAYLOAD(protocol, field) \
	"{\"payload\":{\"protocol\":\"" protocol "\",\"field\":\"" field "\"}}"
#define META(key) "{\"meta\":{\"key\":\"" key "\"}}"
#define MATCH(op, left, right) \
	"{\"match\":{\"op\":\"" op "\",\"left\":" left ",\"right\":" right "}}"
#define STATE "{\"ct\":{\"key\":\"state\"}}"

static struct json_object *elements(void *ctx, const char *name)
{
	return !strcmp(name, "known") ? ctx : NULL;
}

/* UDP 10.0.1.2:40000 > 10.0.2.2:8080, in by veth_a; a SYN of fd00::1:40000 > fd00::2:80, out by veth_b. */
static void conditions(void **state)
{
	static const struct {
		const char *statement;
		enum hs_maybe udp, tcp;
	} cases[] = {
		{ MATCH("==", PAYLOAD("udp", "dport"), "8080"), HS_YES, HS_NO },
		{ MATCH("!=", PAYLOAD("udp", "dport"), "8080"), HS_NO, HS_NO },
		{ MATCH("!=", PAYLOAD("udp", "dport"), "8081"), HS_YES, HS_NO },
		{ MATCH("==", PAYLOAD("th", "sport"), "40000"), HS_YES, HS_YES },
		{ MATCH("==", PAYLOAD("tcp", "dport"), "{\"set\":[443,80]}"), HS_NO, HS_YES },
		{ MATCH("==", PAYLOAD("udp", "dport"), "{\"range\":[8000,8080]}"), HS_YES, HS_NO },
		{ MATCH("==", PAYLOAD("udp", "dport"), "{\"range\":[8081,9000]}"), HS_NO, HS_NO },
		{ MATCH("<", PAYLOAD("udp", "dport"), "8081"), HS_YES, HS_NO },
		{ MATCH(">=", PAYLOAD("udp", "dport"), "8081"), HS_NO, HS_NO },
		{ MATCH("==", PAYLOAD("ip", "daddr"), "\"10.0.2.2\""), HS_YES, HS_NO },
		{ MATCH("!=", PAYLOAD("ip", "daddr"), "\"10.0.2.2\""), HS_NO, HS_NO },
		{ MATCH("==", PAYLOAD("ip", "saddr"),
			"{\"prefix\":{\"addr\":\"10.0.1.0\",\"len\":30}}"),
		  HS_YES, HS_NO },
		{ MATCH("==", PAYLOAD("ip", "saddr"),
			"{\"prefix\":{\"addr\":\"10.0.1.0\",\"len\":31}}"),
		  HS_NO, HS_NO },
		{ MATCH("==", PAYLOAD("ip6", "daddr"), "{\"range\":[\"fd00::1\",\"fd00::3\"]}"),
		  HS_NO, HS_YES },
		{ MATCH("==", PAYLOAD("udp", "dport"), "\"@known\""), HS_YES, HS_NO },
		{ MATCH("!=", PAYLOAD("udp", "dport"), "\"@known\""), HS_NO, HS_NO },
		{ MATCH("==", PAYLOAD("udp", "dport"), "\"@other\""), HS_MAYBE, HS_NO },
		{ MATCH("==", META("l4proto"), "17"), HS_YES, HS_NO },
		{ MATCH("==", META("nfproto"), "10"), HS_NO, HS_YES },
		{ MATCH("==", META("iifname"), "\"veth_a\""), HS_YES, HS_MAYBE },
		{ MATCH("==", META("iifname"), "\"veth*\""), HS_YES, HS_MAYBE },
		{ MATCH("==", META("oifname"), "\"veth_a\""), HS_MAYBE, HS_NO },
		{ MATCH("==", META("mark"), "5"), HS_YES, HS_MAYBE },
		{ MATCH("==", META("skuid"), "0"), HS_MAYBE, HS_MAYBE },
		{ MATCH("in", STATE, "[2,4]"), HS_NO, HS_MAYBE },
		{ MATCH("in", STATE, "[\"new\",\"untracked\"]"), HS_YES, HS_MAYBE },
		{ MATCH("in", PAYLOAD("tcp", "flags"), "2"), HS_NO, HS_YES },
		{ MATCH("==", "{\"&\":[" PAYLOAD("tcp", "flags") ",[2,16]]}", "2"), HS_NO, HS_YES },
		{ MATCH("==", "{\"&\":[" PAYLOAD("tcp", "flags") ",{\"|\":[2,16]}]}", "16"), HS_NO,
		  HS_NO },
		{ MATCH("==", "{\"concat\":[]}", "1"), HS_MAYBE, HS_MAYBE },
		{ "{\"limit\":{\"rate\":5}}", HS_MAYBE, HS_MAYBE },
		{ "{\"xt\":null}", HS_MAYBE, HS_MAYBE },
		{ "{\"counter\":{\"packets\":0}}", HS_YES, HS_YES },
		{ "{\"drop\":null}", HS_YES, HS_YES },
	};
	struct hs_packet udp = { .ethertype = 0x800,
				 .version = 4,
				 .proto = IPPROTO_UDP,
				 .has_ports = true,
				 .src.port = 40000,
				 .dst.port = 8080 };
	struct hs_packet tcp = { .ethertype = 0x86dd,
				 .version = 6,
				 .proto = IPPROTO_TCP,
				 .has_ports = true,
				 .tcp_flags = 2,
				 .src.port = 40000,
				 .dst.port = 80 };
	struct json_object *known = json_tokener_parse("[53,{\"range\":[8080,8090]}]");
	struct hs_rule_packet in = { .packet = &udp,
				     .iif = "veth_a",
				     .has_mark = true,
				     .mark = 5,
				     .has_ct = true,
				     .ct_state = 8,
				     .elements = elements,
				     .ctx = known };
	struct hs_rule_packet out = { .packet = &tcp, .oif = "veth_b" };

	(void)state;
	udp.src.addr.family = udp.dst.addr.family = AF_INET;
	tcp.src.addr.family = tcp.dst.addr.family = AF_INET6;
	inet_pton(AF_INET, "10.0.1.2", udp.src.addr.bytes);
	inet_pton(AF_INET, "10.0.2.2", udp.dst.addr.bytes);
	inet_pton(AF_INET6, "fd00::1", tcp.src.addr.bytes);
	inet_pton(AF_INET6, "fd00::2", tcp.dst.addr.bytes);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct json_object *s = json_tokener_parse(cases[i].statement);

		assert_non_null(s);
		if (rule_statement_is_met(s, &in) != cases[i].udp ||
		    rule_statement_is_met(s, &out) != cases[i].tcp)
			fail_msg("%s: %d %d", cases[i].statement, rule_statement_is_met(s, &in),
				 rule_statement_is_met(s, &out));
		json_object_put(s);
	}
	json_object_put(known);
}

static void translated_addresses_are_not_known(void **state)
{
	struct hs_packet p = {
		.version = 4, .proto = IPPROTO_UDP, .has_ports = true, .dst.port = 53
	};
	struct hs_rule_packet rp = { .packet = &p, .translated = true };
	struct json_object *port = json_tokener_parse(MATCH("==", PAYLOAD("udp", "dport"), "53"));
	struct json_object *other = json_tokener_parse(MATCH("==", PAYLOAD("tcp", "dport"), "53"));

	(void)state;
	assert_int_equal(rule_statement_is_met(port, &rp), HS_MAYBE);
	assert_int_equal(rule_statement_is_met(other, &rp), HS_NO);
	json_object_put(port);
	json_object_put(other);
}

static struct json_object *itself(void *ctx, const char *name)
{
	(void)name;
	return ctx;
}

/* A damaged recording may hold anything; libnftables lists no such thing. */
static void nonsense_is_not_known(void **state)
{
	static const char *const statements[] = {
		MATCH("==", PAYLOAD("udp", "dport"), "\"@a\""),
		MATCH("==", PAYLOAD("udp", "dport"), "{\"range\":5}"),
		MATCH("==", "5", "{\"prefix\":{\"len\":999}}"),
		MATCH("in", "{\"&\":3}", "{\"|\":3}"),
	};
	struct hs_packet p = {
		.version = 4, .proto = IPPROTO_UDP, .has_ports = true, .dst.port = 53
	};
	struct json_object *set = json_tokener_parse("[\"@a\"]");
	struct hs_rule_packet rp = { .packet = &p, .elements = itself, .ctx = set };

	(void)state;
	for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
		struct json_object *s = json_tokener_parse(statements[i]);

		assert_int_equal(rule_statement_is_met(s, &rp), HS_MAYBE);
		json_object_put(s);
	}
	json_object_put(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_listing_gives_each_rule_its_words),
		cmocka_unit_test(what_is_no_listing_is_refused),
		cmocka_unit_test(conditions),
		cmocka_unit_test(translated_addresses_are_not_known),
		cmocka_unit_test(nonsense_is_not_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
