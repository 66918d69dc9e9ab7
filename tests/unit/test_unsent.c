// SPDX-License-Identifier: BSD-2-Clause
/* Packets that wait for a neighbour, or end before they reach a device. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "helper_lab.h"
#include "helper_notes.h"

/* ---- waiting for ARP ---- */

static void test_waited_for_arp(void **state)
{
	struct stream *s = lab_new();
	struct wire w = lab_datagram(4), ask = wire_arp(CLIENT_ADDR, SERVER_ADDR, 1),
		    answer = wire_arp(SERVER_ADDR, CLIENT_ADDR, 2);

	(void)state;
	stream_enter(s, HS_CALL_SENDTO, 3, SK_CLIENT, 4, NULL);
	lab_crossed(s, A, &ask, 0);
	stream_birth(s, B, NS_SERVER, VETH_S, &answer, 0);
	stream_see(s, HS_STAGE_DEV_XMIT, B, NS_SERVER, VETH_S);
	stream_see(s, HS_STAGE_BACKLOG, B, NS_CLIENT, VETH_C);
	stream_consume(s, A, "arp_process");
	stream_see(s, HS_STAGE_RECEIVE, B, NS_CLIENT, VETH_C);
	/* neigh_update() sends what waited, in the softirq that received the answer */
	stream_stack(s, "__dev_queue_xmit < ip_finish_output2 < neigh_update < arp_process < "
			"handle_softirqs");
	stream_birth(s, C, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	stream_see(s, HS_STAGE_DEV_XMIT, C, NS_CLIENT, VETH_C);
	stream_consume(s, B, "arp_process");
	stream_leave(s, 4);
	lab_expect(s, "#1 born, by client[812] sendto(3)\n"
		      "#2 born, because of #1\n"
		      "#1 consumed in ns_server by arp_process\n"
		      "#3 born, UDP to port 8080, by client[812] sendto(3)\n"
		      "#2 consumed in ns_client by arp_process\n"
		      "#2 settled\n"
		      "sendto(3) = 4, sent #1 #3\n"
		      "#1 settled, caused #2\n"
		      "#3 settled\n");
}

/* The program that sent it is not followed: the answer let it go, and is not what it is about. */
static void test_stranger_waited_for_arp(void **state)
{
	struct stream *s = lab_new();
	struct wire w = lab_datagram(4), answer = wire_arp(SERVER_ADDR, CLIENT_ADDR, 2);

	(void)state;
	lab_crossed(s, A, &answer, 0);
	stream_birth(s, B, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	stream_see(s, HS_STAGE_DEV_XMIT, B, NS_CLIENT, VETH_C);
	stream_consume(s, A, "arp_process");
	lab_expect_hops(
		s,
		"#1 born, UDP to port 8080\n"
		"#1   ns_client/veth_c device queue (waited for the next hop's link-layer address)\n"
		"#1   ns_client/veth_c transmit\n"
		"#1 settled\n");
}

/* The error had to ask for the way back first; it is about the datagram, not about the answer. */
static void test_icmp_error_waited_for_arp(void **state)
{
	struct stream *s = lab_new();
	struct wire w = lab_datagram(4), e = wire_error(&w, SERVER_ADDR, 3, 3),
		    answer = wire_arp(CLIENT_ADDR, SERVER_ADDR, 2);

	(void)state;
	lab_crossed(s, A, &w, SK_CLIENT);
	stream_icmp(s, A, NS_SERVER, VETH_S, 3, 3);
	stream_drop(s, A, "NO_SOCKET", "__udp4_lib_rcv");
	stream_back(s);
	stream_by(s, 0, 0);
	lab_crossed(s, B, &answer, 0);
	stream_birth(s, C, NS_SERVER, VETH_S, &e, 0);
	stream_consume(s, B, "arp_process");
	lab_expect(s, "#1 born, UDP to port 8080, by the kernel\n"
		      "#1 dropped in ns_server: NO_SOCKET by __udp4_lib_rcv (no UDP socket on "
		      "10.0.1.1:8080)\n"
		      "#1 settled\n"
		      "#2 born, ICMP, because of #1: ICMP port unreachable\n"
		      "#2 settled\n");
}

/* ---- packets that end before they reach a device ---- */

/* The call that sends `w`, and the question that it asks; then nothing for 3 s. */
static void asked(struct stream *s, const struct wire *question)
{
	stream_enter(s, HS_CALL_SENDTO, 3, SK_CLIENT, 4, NULL);
	lab_crossed(s, A, question, 0);
	stream_consume(s, A, "arp_process");
	stream_back(s);
	stream_leave(s, 4);
	stream_tick(s, 3 * STREAM_S);
	stream_by(s, 0, 0);
	stream_softirq(s, 0);
}

static void test_waited_in_vain(void **state)
{
	struct stream *s = lab_new();
	struct wire w = lab_datagram(4), ask = wire_arp(CLIENT_ADDR, SERVER_ADDR, 1),
		    e = wire_error(&w, CLIENT_ADDR, 3, 1);

	(void)state;
	asked(s, &ask);
	stream_stack(s, "neigh_invalidate < neigh_timer_handler < handle_softirqs");
	stream_unborn(s, C, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	stream_icmp(s, C, NS_CLIENT, VETH_C, 3, 1);
	stream_birth(s, D, NS_CLIENT, LO, &e, 0);
	stream_unborn(s, C, NS_CLIENT, VETH_C, &w, SK_CLIENT); /* known by now */
	stream_drop_in(s, C, NS_CLIENT, VETH_C, "NEIGH_FAILED", "neigh_invalidate");
	lab_expect_hops(
		s,
		"#1 born, by client[812] sendto(3)\n"
		"#1   ns_client/veth_c device queue\n"
		"#1   ns_client/veth_c transmit\n"
		"#1   => ns_server/veth_s backlog\n"
		"#1   ns_server/veth_s receive (in sender's call)\n"
		"#1   ns_server/veth_s consumed\n"
		"#1 consumed in ns_server by arp_process\n"
		"sendto(3) = 4, sent #1\n"
		"#1 settled\n"
		"#2 born, UDP to port 8080, by client[812] sendto(3)\n"
		"#2   ns_client/veth_c neighbour (waited 3.0 s for the next hop's link-layer address, and nobody answered)\n"
		"#2   ns_client/veth_c icmp error (ICMP host unreachable)\n"
		"#3 born, ICMP, because of #2: ICMP host unreachable\n"
		"#3   ns_client/lo device queue\n"
		"#2   ns_client/veth_c drop\n"
		"#2 dropped in ns_client: NEIGH_FAILED by neigh_invalidate\n"
		"#2 settled, caused #3\n"
		"#3 settled\n");
}

/* ICMPv6 has no tracepoint: the error is born before the packet that it is about. */
static void test_waited_in_vain_v6(void **state)
{
	struct stream *s = lab_new();
	struct wire w = wire_udp("[fd00::2]:4000", "[fd00::1]:8080", 4),
		    ask = wire_icmp6("fd00::2", "ff02::1:ff00:1", 135),
		    e = wire_error(&w, "fd00::2", 1, 3);

	(void)state;
	asked(s, &ask);
	stream_stack(
		s,
		"__dev_queue_xmit < ip6_output < icmp6_send < ndisc_error_report < neigh_invalidate < neigh_timer_handler < handle_softirqs");
	stream_birth(s, D, NS_CLIENT, LO, &e, 0);
	stream_stack(s, "neigh_invalidate < neigh_timer_handler < handle_softirqs");
	stream_unborn(s, C, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	stream_drop_in(s, C, NS_CLIENT, VETH_C, "NOT_SPECIFIED", "neigh_invalidate");
	lab_expect_hops(
		s,
		"#1 born, ICMPv6, by client[812] sendto(3)\n"
		"#1   ns_client/veth_c device queue\n"
		"#1   ns_client/veth_c transmit\n"
		"#1   => ns_server/veth_s backlog\n"
		"#1   ns_server/veth_s receive (in sender's call)\n"
		"#1   ns_server/veth_s consumed\n"
		"#1 consumed in ns_server by arp_process\n"
		"sendto(3) = 4, sent #1\n"
		"#1 settled\n"
		"#2 born, ICMPv6, by the kernel\n"
		"#2   ns_client/lo ip output (via ip6_output)\n"
		"#2   ns_client/lo device queue [neigh_timer_handler neigh_invalidate ndisc_error_report icmp6_send ip6_output __dev_queue_xmit]\n"
		"#3 born, UDP to port 8080, by client[812] sendto(3)\n"
		"#3   ns_client/veth_c neighbour (waited 3.0 s for the next hop's link-layer address, and nobody answered)\n"
		"#3   ns_client/veth_c icmp error (ICMPv6 address unreachable)\n"
		"#3   ns_client/veth_c drop\n"
		"#3 dropped in ns_client: NOT_SPECIFIED by neigh_invalidate (Nobody answered the question for the next hop's hardware address.)\n"
		"#2 settled\n"
		"#3 settled, caused #2\n");
}

/* A rule of the output hook: the call fails, and what it sent is seen. */
static void test_refused_on_output(void **state)
{
	struct stream *s = lab_new();
	struct wire w = lab_datagram(4);

	(void)state;
	stream_enter(s, HS_CALL_SENDTO, 3, SK_CLIENT, 4, NULL);
	stream_unborn(s, C, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	stream_stack(s, "nf_hook_slow < ip_send_skb < udp_sendmsg < __sys_sendto");
	stream_drop_in(s, C, NS_CLIENT, VETH_C, "NETFILTER_DROP", "nft_do_chain");
	stream_leave(s, -EPERM);
	lab_expect_hops(
		s,
		"#1 born, UDP to port 8080, by client[812] sendto(3)\n"
		"#1   ns_client/veth_c udp send (via udp_sendmsg)\n"
		"#1   ns_client/veth_c local out (via ip_send_skb)\n"
		"#1   ns_client/veth_c netfilter (via nf_hook_slow)\n"
		"#1   ns_client/veth_c drop [__sys_sendto udp_sendmsg ip_send_skb nf_hook_slow]\n"
		"#1 dropped in ns_client: NETFILTER_DROP by nft_do_chain\n"
		"sendto(3) = EPERM, sent #1 (a rule of the output hook dropped #1 before it could leave (nft list ruleset))\n"
		"#1 settled\n");
}

#define CHAIN(family, hook, name)                                                \
	"{\"chain\":{\"family\":\"" family "\",\"table\":\"t\",\"name\":\"" name \
	"\",\"type\":\"filter\",\"hook\":\"" hook "\",\"prio\":0,\"policy\":\"accept\"}}"
#define REJECTS(family, name)                                                    \
	"{\"rule\":{\"family\":\"" family "\",\"table\":\"t\",\"chain\":\"" name \
	"\",\"handle\":4,\"expr\":[{\"reject\":null}],\"text\":\"reject " name "\"}}"

/* Dropped as it is received there, with that stack, whether or not what bridges run is timed by itself: why. */
static void expect_rule_of(const char *stack, bool probed, const char *function, const char *why)
{
	bool nft = !strcmp(function, "nft_do_chain");
	struct stream *s = lab_new();
	struct wire w = lab_datagram(4);
	char expected[512];

	stream_rule(s, NS_SERVER, NULL);
	stream_rule(s, NS_SERVER, CHAIN("netdev", "ingress", "dev"));
	stream_rule(s, NS_SERVER, REJECTS("netdev", "dev"));
	stream_rule(s, NS_SERVER, CHAIN("bridge", "prerouting", "in"));
	stream_rule(s, NS_SERVER, REJECTS("bridge", "in"));
	stream_rule(s, NS_SERVER, CHAIN("bridge", "forward", "through"));
	stream_rule(s, NS_SERVER, REJECTS("bridge", "through"));
	stream_rule(s, NS_SERVER, CHAIN("inet", "prerouting", "ip"));
	stream_rule(s, NS_SERVER, REJECTS("inet", "ip"));
	if (probed)
		stream_probe(s, HS_STAGE_BRIDGE_IN, "br_handle_frame_finish");
	/* It has been asked about elsewhere, too. */
	stream_stack(s, "__dev_queue_xmit < ip_output < udp_sendmsg");
	lab_crossed(s, A, &w, SK_CLIENT);
	stream_stack(s, stack);
	stream_drop(s, A, nft ? "NETFILTER_DROP" : "NOT_SPECIFIED", function);
	snprintf(expected, sizeof(expected), "#1 dropped in ns_server: %s by %s (%s)\n",
		 nft ? "NETFILTER_DROP" : "NOT_SPECIFIED", function, why);
	notes_expect(s, (struct note_kinds){ .fates = true }, expected);
}

static void test_whose_rule(void **state)
{
	(void)state;
	expect_rule_of("nf_hook_slow < __netif_receive_skb_core < process_backlog", false,
		       "nft_do_chain",
		       "the rule 'reject dev' in chain dev of table netdev t rejects it");
	expect_rule_of(
		"nf_hook_slow < br_handle_frame < __netif_receive_skb_core < process_backlog",
		false, "nft_do_chain",
		"the rule 'reject in' in chain in of table bridge t rejects it");
	expect_rule_of(
		"nf_hook_slow < br_forward < br_handle_frame_finish < br_handle_frame < process_backlog",
		false, "nft_do_chain",
		"the rule 'reject through' in chain through of table bridge t rejects it");
	expect_rule_of("nft_do_chain < br_handle_frame < process_backlog", true, "nft_do_chain",
		       "the rule 'reject in' in chain in of table bridge t rejects it");
	expect_rule_of("nf_hook_slow < ip_rcv < __netif_receive_skb_core < process_backlog", false,
		       "nft_do_chain",
		       "the rule 'reject ip' in chain ip of table inet t rejects it");
	/* Before 6.7 the bridge frees what its prerouting drops, nf_hook_bridge_pre(); for other causes too. */
	expect_rule_of("br_handle_frame < process_backlog", false, "br_handle_frame",
		       "the rule 'reject in' in chain in of table bridge t rejects it");
}

#define LEGACY(table) "{\"legacy\":{\"family\":\"ip\",\"table\":\"" table "\"}}"
#define MAY_DROP                                                                                 \
	"{\"rule\":{\"family\":\"inet\",\"table\":\"t\",\"chain\":\"ip\",\"handle\":4,\"expr\":" \
	"[{\"limit\":{}},{\"drop\":null}],\"text\":\"limit rate 1/second drop\"}}"

/* Dropped at the prerouting hook by that function: who drops there, of nftables and of those legacy tables. */
static void expect_legacy(const char *kernel, const char *function, const char *const tables[2],
			  bool nft, const char *why)
{
	struct stream *s = lab_new();
	struct wire w = lab_datagram(4);
	char expected[512];

	stream_kernel(s, kernel);
	stream_rule(s, NS_SERVER, NULL);
	for (int i = 0; i < 2 && tables[i]; i++)
		stream_rule(s, NS_SERVER, tables[i]);
	if (nft) {
		stream_rule(s, NS_SERVER, CHAIN("inet", "prerouting", "ip"));
		stream_rule(s, NS_SERVER, MAY_DROP);
	}
	lab_crossed(s, A, &w, SK_CLIENT);
	stream_stack(s, "nf_hook_slow < ip_rcv < __netif_receive_skb_core < process_backlog");
	stream_drop(s, A, "NETFILTER_DROP", function);
	snprintf(expected, sizeof(expected), "#1 dropped in ns_server: NETFILTER_DROP by %s (%s)\n",
		 function, why);
	notes_expect(s, (struct note_kinds){ .fates = true }, expected);
}

static void test_legacy_or_nft(void **state)
{
	static const char raw[] =
		"a rule of iptables-legacy drops it: chain PREROUTING of table ip raw";
	static const char rule[] =
		"the rule 'limit rate 1/second drop' in chain ip of table inet t drops it";

	(void)state;
	/* Table nat takes no rule that drops, table filter has no chain there. */
	expect_legacy("6.12.1", "nf_hook_slow",
		      (const char *const[]){ LEGACY("nat"), LEGACY("raw") }, false, raw);
	expect_legacy("6.12.1", "nf_hook_slow",
		      (const char *const[]){ LEGACY("filter"), LEGACY("raw") }, false, raw);
	expect_legacy(
		"6.12.1", "nf_hook_slow", (const char *const[]){ LEGACY("mangle"), LEGACY("raw") },
		false,
		"probably a rule of iptables-legacy drops it: chain PREROUTING of table ip mangle, or another table's");
	/* The function tells which of both it was, from 6.7 on. */
	expect_legacy("6.7.0", "nf_hook_slow", (const char *const[]){ LEGACY("raw"), NULL }, true,
		      raw);
	expect_legacy("6.7.0", "nft_do_chain", (const char *const[]){ LEGACY("raw"), NULL }, true,
		      rule);
	expect_legacy(
		"6.6.9", "nf_hook_slow", (const char *const[]){ LEGACY("raw"), NULL }, true,
		"one of 2 rules that may have, of which the first is 'limit rate 1/second drop' in chain ip of table inet t");
	expect_legacy("6.6.9", "nf_hook_slow", (const char *const[]){ NULL, NULL }, true, rule);
}

/* One that is known is not born again; one at the address of another that was received is another. */
static void test_unborn_and_known(void **state)
{
	struct stream *s = lab_new();
	struct wire w = lab_datagram(4);

	(void)state;
	stream_birth(s, A, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	stream_unborn(s, A, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	stream_drop_in(s, A, NS_CLIENT, VLAN, "QDISC_DROP", "__dev_queue_xmit");
	lab_delivered(s, B, &w, 1);
	stream_by(s, 0, CLIENT);
	stream_unborn(s, B, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	stream_drop_in(s, B, NS_CLIENT, VETH_C, "NETFILTER_DROP", "nft_do_chain");
	lab_expect_hops(
		s,
		"#1 born, UDP to port 8080, by the kernel\n"
		"#1   ns_client/veth_c device queue\n"
		"#1   ns_client/veth_c drop\n"
		"#1 dropped in ns_client: QDISC_DROP by __dev_queue_xmit (the queueing discipline of veth_c dropped it)\n"
		"#1 settled\n"
		"#2 born, UDP to port 8080, by the kernel\n"
		"#2   ns_client/veth_c device queue\n"
		"#2   ns_client/veth_c transmit\n"
		"#2   => ns_server/veth_s backlog\n"
		"#2   ns_server/veth_s receive\n"
		"#2   ns_server/veth_s socket queue (server[700], 1 waiting, 768 of 212992 B)\n"
		"#2 queued at @1 in ns_server\n"
		"#3 born, UDP to port 8080, by the kernel\n"
		"#3   ns_client/veth_c drop\n"
		"#3 dropped in ns_client: NETFILTER_DROP by nft_do_chain\n"
		"#3 settled\n"
		"#2 settled\n");
}

/* Forwarded, it waits at the router; nothing is concluded from its silence while it does. */
static void test_forwarded_and_waiting(void **state)
{
	struct stream *s = lab_new();
	struct wire w = lab_datagram(4), ask = wire_arp("10.0.2.1", "10.0.2.9", 1),
		    e = wire_error(&w, SERVER_ADDR, 3, 1);

	(void)state;
	lab_crossed(s, A, &w, SK_CLIENT);
	stream_stack(
		s,
		"__dev_queue_xmit < arp_send_dst < neigh_probe < __neigh_event_send < ip_output < __netif_receive_skb < handle_softirqs");
	stream_birth(s, B, NS_SERVER, ETH, &ask, 0);
	stream_back(s);
	stream_tick(s, 3 * STREAM_S);
	stream_by(s, 0, 0);
	stream_softirq(s, 0);
	stream_icmp(s, A, NS_SERVER, ETH, 3, 1);
	stream_birth(s, D, NS_SERVER, VETH_S, &e, 0);
	stream_drop(s, A, "NEIGH_FAILED", "neigh_invalidate");
	lab_expect_hops(
		s,
		"#1 born, UDP to port 8080, by the kernel\n"
		"#1   ns_client/veth_c device queue\n"
		"#1   ns_client/veth_c transmit\n"
		"#1   => ns_server/veth_s backlog\n"
		"#1   ns_server/veth_s receive\n"
		"#2 born, because of #1\n"
		"#2   ns_server/eth0 ip output (via ip_output)\n"
		"#2   ns_server/eth0 neighbour wait (via __neigh_event_send)\n"
		"#2   ns_server/eth0 device queue [__netif_receive_skb ip_output __neigh_event_send neigh_probe arp_send_dst __dev_queue_xmit]\n"
		"#2 settled\n"
		"#1   ns_server/eth0 neighbour (waited 3.0 s for the next hop's link-layer address, and nobody answered)\n"
		"#1   ns_server/eth0 icmp error (ICMP host unreachable)\n"
		"#3 born, ICMP, because of #1: ICMP host unreachable\n"
		"#3   ns_server/veth_s device queue\n"
		"#1   ns_server/eth0 drop\n"
		"#1 dropped in ns_server: NEIGH_FAILED by neigh_invalidate\n"
		"#1 settled, caused #2 #3\n"
		"#3 settled\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waited_for_arp),
		cmocka_unit_test(test_stranger_waited_for_arp),
		cmocka_unit_test(test_icmp_error_waited_for_arp),
		cmocka_unit_test(test_waited_in_vain),
		cmocka_unit_test(test_waited_in_vain_v6),
		cmocka_unit_test(test_refused_on_output),
		cmocka_unit_test(test_whose_rule),
		cmocka_unit_test(test_legacy_or_nft),
		cmocka_unit_test(test_unborn_and_known),
		cmocka_unit_test(test_forwarded_and_waiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
