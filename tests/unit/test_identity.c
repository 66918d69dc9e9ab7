// SPDX-License-Identifier: BSD-2-Clause
/* Which records are of one packet: memory used again, copies, devices on devices, tunnels, NAT, forwarding. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "helper_lab.h"

/* UDP that is read on the CPU that received it has no visible free: the address comes back. */
static void test_address_reused_after_read(void **state)
{
	struct stream *s = lab_new();
	struct wire w = lab_datagram(4), x = lab_datagram(8);

	(void)state;
	lab_delivered(s, A, &w, 1);
	lab_read_by(s, SERVER, 4, 0, 0);
	lab_delivered(s, A, &x, 1);
	lab_read_by(s, SERVER, 8, 0, 0);
	lab_expect(s, "#1 born, UDP to port 8080, by the kernel\n"
		      "#1 queued at @1 in ns_server\n"
		      "#1 read by server[700] recvfrom, 4 B\n"
		      "#1 settled\n"
		      "#2 born, UDP to port 8080, by the kernel\n"
		      "#2 queued at @1 in ns_server\n"
		      "#2 read by server[700] recvfrom, 8 B\n"
		      "#2 settled\n");
}

static void test_address_reused_after_drop(void **state)
{
	struct stream *s = lab_new();
	struct wire w = lab_datagram(4);

	(void)state;
	lab_crossed(s, A, &w, SK_CLIENT);
	stream_drop(s, A, "SOME_REASON", "__udp4_lib_rcv");
	lab_delivered(s, A, &w, 1);
	stream_consume(s, A, "skb_defer_free_flush");
	lab_read_by(s, SERVER, 4, 0, 0);
	lab_expect(s, "#1 born, UDP to port 8080, by the kernel\n"
		      "#1 dropped in ns_server: SOME_REASON by __udp4_lib_rcv\n"
		      "#1 settled\n"
		      "#2 born, UDP to port 8080, by the kernel\n"
		      "#2 queued at @1 in ns_server\n"
		      "#2 read by server[700] recvfrom, 4 B\n"
		      "#2 settled\n");
}

/* A pure ACK has no event after its reception, so the next packet at its address is another. */
static void test_address_reused_after_nothing(void **state)
{
	struct stream *s = lab_new();
	struct wire ack = wire_tcp(CLIENT_EP, SERVER_EP, 0x10, 0);
	struct wire fin = wire_tcp(CLIENT_EP, SERVER_EP, 0x11, 0);

	(void)state;
	lab_crossed(s, A, &ack, 0);
	stream_back(s);
	lab_crossed(s, A, &fin, 0);
	stream_drop(s, A, "QUEUE_PURGE", "sk_stream_kill_queues");
	stream_tick(s, 150 * STREAM_MS);
	lab_expect(s, "#1 born, TCP to port 8080, by the kernel\n"
		      "#2 born, TCP to port 8080, by the kernel\n"
		      "#2 consumed in ns_server by sk_stream_kill_queues\n"
		      "#1 consumed in ns_server (taken by TCP; nothing shows its end), inferred\n"
		      "#1 settled\n"
		      "#2 settled\n");
}

/* The next one is none that we see, and no tick comes for long: trace has no time. */
static void test_address_reused_by_a_stranger(void **state)
{
	struct stream *s = lab_new();
	struct wire ack = wire_tcp(CLIENT_EP, SERVER_EP, 0x10, 0), w = lab_datagram(4);

	(void)state;
	lab_crossed(s, A, &ack, 0);
	stream_wait(s, 150 * STREAM_MS);
	lab_delivered(s, B, &w, 1);
	stream_consume(s, A, "skb_queue_purge_reason");
	lab_read_by(s, SERVER, 4, 0, 0);
	lab_expect(s, "#1 born, TCP to port 8080, by the kernel\n"
		      "#2 born, UDP to port 8080, by the kernel\n"
		      "#1 consumed in ns_server (taken by TCP; nothing shows its end), inferred\n"
		      "#1 settled\n"
		      "#2 queued at @1 in ns_server\n"
		      "#2 read by server[700] recvfrom, 4 B\n"
		      "#2 settled\n");
}

/*
 * The same, but the next one is a clone, which no event bears: on another port of a bridge, looped back
 * by a multicast sender (in its call), or a tap's. It cannot have got there, so it is another.
 */
static void test_address_reused_by_a_clone(void **state)
{
	struct stream *s = lab_new();
	struct wire ack = wire_tcp(CLIENT_EP, SERVER_EP, 0x10, 0);

	(void)state;
	lab_crossed(s, A, &ack, 0);
	stream_softirq(s, 1);
	stream_see(s, HS_STAGE_DEV_QUEUE, A, NS_ROUTER, VETH_RC);
	stream_drop(s, A, "SOME_REASON", "veth_xmit");
	lab_crossed(s, B, &ack, 0);
	stream_back(s);
	stream_by(s, 0, CLIENT);
	stream_see(s, HS_STAGE_BACKLOG, B, NS_SERVER, VETH_S);
	stream_drop(s, B, "SOME_REASON", "ip_rcv_finish");
	lab_crossed(s, C, &ack, 0);
	stream_drop(s, C, "PACKET_SOCK_ERROR", "packet_rcv");
	stream_consume(s, C, "packet_recvmsg");
	stream_tick(s, 150 * STREAM_MS);
	lab_expect(s, "#1 born, TCP to port 8080, by the kernel\n"
		      "#2 born\n"
		      "#2 dropped in ns_router: SOME_REASON by veth_xmit\n"
		      "#2 settled, incomplete (0 lost)\n"
		      "#3 born, TCP to port 8080, by the kernel\n"
		      "#4 born\n"
		      "#4 dropped in ns_server: SOME_REASON by ip_rcv_finish\n"
		      "#4 settled, incomplete (0 lost)\n"
		      "#5 born, TCP to port 8080, by the kernel\n"
		      "#1 consumed in ns_server (taken by TCP; nothing shows its end), inferred\n"
		      "#1 settled\n"
		      "#3 consumed in ns_server (taken by TCP; nothing shows its end), inferred\n"
		      "#3 settled\n"
		      "#5 consumed in ns_server (taken by TCP; nothing shows its end), inferred\n"
		      "#5 settled\n");
}

/* A segment and its retransmission have one memory, and both are journeys. */
static void test_same_memory_sent_twice(void **state)
{
	struct stream *s = lab_new();
	struct wire w = wire_tcp(CLIENT_EP, SERVER_EP, 0x18, 100);

	(void)state;
	stream_birth(s, A, NS_CLIENT, VETH_C, &w, 0);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_CLIENT, VETH_C);
	stream_drop(s, A, "NOT_SPECIFIED", "veth_xmit");
	stream_wait(s, 200 * STREAM_MS);
	stream_softirq(s, 0);
	stream_birth(s, A, NS_CLIENT, VETH_C, &w, 0);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_CLIENT, VETH_C);
	stream_see(s, HS_STAGE_BACKLOG, A, NS_SERVER, VETH_S);
	lab_expect(s, "#1 born, TCP to port 8080, by the kernel\n"
		      "#1 dropped in ns_client: NOT_SPECIFIED by veth_xmit\n"
		      "#2 born, TCP to port 8080, by the retransmission timer, again (1) of #1\n"
		      "#1 settled\n"
		      "#2 settled\n");
}

/* Sent a second time while the first has no end yet: veth hands over, it does not send again. */
static void test_same_memory_without_an_end(void **state)
{
	struct stream *s = lab_new();
	struct wire w = wire_tcp(CLIENT_EP, SERVER_EP, 0x18, 100);

	(void)state;
	stream_birth(s, A, NS_CLIENT, VETH_C, &w, 0);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_CLIENT, VETH_C);
	stream_birth(s, A, NS_CLIENT, VETH_C, &w, 0);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_CLIENT, VETH_C);
	lab_expect(s, "#1 born, TCP to port 8080, by the kernel\n"
		      "#2 born, TCP to port 8080, by the kernel, again (1) of #1\n"
		      "#1 settled\n"
		      "#2 settled\n");
}

/* A clone shares the head, and its end is not the packet's end. */
static void test_clone_is_freed(void **state)
{
	struct stream *s = lab_new();
	struct wire w = lab_datagram(4);

	(void)state;
	stream_birth(s, A, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	stream_consume(s, B, "tpacket_rcv");
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_CLIENT, VETH_C);
	stream_see(s, HS_STAGE_BACKLOG, A, NS_SERVER, VETH_S);
	lab_received(s, A);
	stream_consume(s, B, "tpacket_rcv");
	stream_queued(s, SK_SERVER, A, 1);
	lab_read_by(s, SERVER, 4, 0, 0);
	lab_expect(s, "#1 born, UDP to port 8080, by the kernel\n"
		      "#1 queued at @1 in ns_server\n"
		      "#1 read by server[700] recvfrom, 4 B\n"
		      "#1 settled\n");
}

/* VLAN over veth: the packet enters a device's queue twice. */
static void test_stacked_device(void **state)
{
	struct stream *s = lab_new();
	struct wire w = lab_datagram(4);

	(void)state;
	stream_birth(s, A, NS_CLIENT, VLAN, &w, SK_CLIENT);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_CLIENT, VLAN);
	lab_sent(s, A, &w, SK_CLIENT);
	lab_received(s, A);
	stream_queued(s, SK_SERVER, A, 1);
	lab_expect_hops(s,
			"#1 born, UDP to port 8080, by the kernel\n"
			"#1   ns_client/vlan5 device queue\n"
			"#1   ns_client/vlan5 transmit\n"
			"#1   ns_client/veth_c device queue\n"
			"#1   ns_client/veth_c transmit\n"
			"#1   => ns_server/veth_s backlog\n"
			"#1   ns_server/veth_s receive\n"
			"#1   ns_server/veth_s socket queue (server[700], 1 waiting, 768 of 212992 "
			"B)\n"
			"#1 queued at @1 in ns_server\n"
			"#1 settled\n");
}

/* Nothing is probed between the receiving of a tag and the VLAN device: being there tells. */
static void test_untagged(void **state)
{
	struct stream *s = lab_new();
	struct wire w = lab_datagram(4);

	(void)state;
	stream_birth(s, A, NS_CLIENT, VLAN, &w, SK_CLIENT);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_CLIENT, VLAN);
	stream_tag(s, A, 5);
	lab_sent(s, A, &w, SK_CLIENT);
	stream_softirq(s, s->cpu);
	stream_tag(s, A, 5);
	stream_see(s, HS_STAGE_RECEIVE, A, NS_SERVER, VETH_S);
	stream_passed(s, HS_STAGE_IP_IN, A, NS_SERVER, VLAN);
	stream_passed(s, HS_STAGE_UDP_IN, A, NS_SERVER, VLAN);
	stream_queued(s, SK_SERVER, A, 1);
	lab_expect_hops(
		s, "#1 born, UDP to port 8080, by the kernel\n"
		   "#1   ns_client/vlan5 device queue\n"
		   "#1   ns_client/vlan5 transmit\n"
		   "#1   ns_client/veth_c device queue (VLAN 5)\n"
		   "#1   ns_client/veth_c transmit\n"
		   "#1   => ns_server/veth_s backlog\n"
		   "#1   ns_server/veth_s receive\n"
		   "#1   ns_server/vlan5 vlan untag (via vlan_do_receive) (VLAN 5)\n"
		   "#1   ns_server/vlan5 ip receive []\n"
		   "#1   ns_server/vlan5 udp receive []\n"
		   "#1   ns_server/vlan5 socket queue (server[700], 1 waiting, 768 of 212992 B)\n"
		   "#1 queued at @1 in ns_server\n"
		   "#1 settled\n");
}

/* A tunnel sends the same packet to another device, in functions that are probed there. */
static void expect_tunnel(bool by_gro)
{
	struct stream *s = lab_new();
	struct wire w = lab_datagram(4);
	struct wire outer = wire_udp("10.0.0.2:5000", "10.0.0.1:4789", 62);
	char lines[1024];

	outer.data[20 + 8 + 6] = 42; /* RFC 7348, 5: the network */
	stream_birth(s, A, NS_CLIENT, VXLAN, &w, SK_CLIENT);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_CLIENT, VXLAN);
	stream_passed(s, HS_STAGE_LOCAL_OUT, A, NS_CLIENT, VXLAN);
	stream_passed(s, HS_STAGE_IP_OUT, A, NS_CLIENT, VETH_C);
	stream_passed(s, HS_STAGE_NEIGHBOUR, A, NS_CLIENT, VETH_C);
	lab_sent(s, A, &outer, SK_CLIENT);
	lab_received(s, A);
	stream_passed(s, HS_STAGE_IP_IN, A, NS_SERVER, VETH_S);
	if (by_gro)
		stream_passed(s, HS_STAGE_GRO, A, NS_SERVER, VXLAN);
	else
		stream_see(s, HS_STAGE_BACKLOG, A, NS_SERVER, VXLAN);
	stream_softirq(s, s->cpu); /* as in Linux 5.10 */
	stream_see(s, HS_STAGE_RECEIVE, A, NS_SERVER, VXLAN);
	stream_passed(s, HS_STAGE_IP_IN, A, NS_SERVER, VXLAN);
	stream_queued(s, SK_SERVER, A, 1);
	snprintf(
		lines, sizeof(lines),
		"#1 born, UDP to port 8080, by the kernel\n"
		"#1   ns_client/vxlan1 device queue\n"
		"#1   ns_client/vxlan1 transmit\n"
		"#1   ns_client/vxlan1 local out []\n"
		"#1   ns_client/veth_c ip output []\n"
		"#1   ns_client/veth_c neighbour []\n"
		"#1   ns_client/veth_c device queue (inside UDP 10.0.0.2:5000 → 10.0.0.1:4789, VXLAN 42)\n"
		"#1   ns_client/veth_c transmit\n"
		"#1   => ns_server/veth_s backlog\n"
		"#1   ns_server/veth_s receive\n"
		"#1   ns_server/veth_s ip receive []\n"
		"#1   ns_server/vxlan1 decapsulate (via __iptunnel_pull_header) "
		"(out of UDP 10.0.0.2:5000 → 10.0.0.1:4789, VXLAN 42)\n"
		"#1   ns_server/vxlan1 %s\n"
		"#1   ns_server/vxlan1 receive\n"
		"#1   ns_server/vxlan1 ip receive []\n"
		"#1   ns_server/vxlan1 socket queue (server[700], 1 waiting, 768 of 212992 B)\n"
		"#1 queued at @1 in ns_server\n"
		"#1 settled\n",
		by_gro ? "gro []" : "backlog");
	lab_expect_hops(s, lines);
}

static void test_tunnel(void **state)
{
	(void)state;
	expect_tunnel(true);
	expect_tunnel(false); /* sit: netif_rx() */
}

#define FORWARDED                                                                    \
	"#1 born, UDP to port 8080, by the kernel\n"                                 \
	"#1   ns_client/veth_c device queue%s\n"                                     \
	"#1   ns_client/veth_c transmit\n"                                           \
	"#1   => ns_router/veth_rc backlog\n"                                        \
	"#1   ns_router/veth_rc receive\n"                                           \
	"#1   ns_router/veth_rs device queue%s\n"                                    \
	"#1   ns_router/veth_rs transmit\n"                                          \
	"#1   => ns_server/veth_s backlog\n"                                         \
	"#1   ns_server/veth_s receive\n"                                            \
	"#1   ns_server/veth_s socket queue (server[700], 1 waiting, 768 of 212992 " \
	"B)\n"                                                                       \
	"#1 queued at @1 in ns_server\n"                                             \
	"#1 settled\n"

/* Through a router that writes other addresses into it, or another label before it. */
static void forward_as(struct stream *s, const struct wire *born, const struct wire *now)
{
	stream_birth(s, A, NS_CLIENT, VETH_C, born, SK_CLIENT);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_CLIENT, VETH_C);
	stream_see(s, HS_STAGE_BACKLOG, A, NS_ROUTER, VETH_RC);
	stream_softirq(s, 0);
	stream_see(s, HS_STAGE_RECEIVE, A, NS_ROUTER, VETH_RC);
	stream_forwarded(s, A, NS_ROUTER, VETH_RS, now);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_ROUTER, VETH_RS);
	stream_see(s, HS_STAGE_BACKLOG, A, NS_SERVER, VETH_S);
	stream_see(s, HS_STAGE_RECEIVE, A, NS_SERVER, VETH_S);
	stream_queued(s, SK_SERVER, A, 1);
}

static void test_translated(void **state)
{
	static const struct {
		const char *from, *to, *text;
	} table[] = {
		{ "10.9.0.1:5000", SERVER_EP, " (now from 10.9.0.1:5000)" },
		{ CLIENT_EP, "10.9.0.2:80", " (now to 10.9.0.2:80)" },
		{ "10.9.0.1:5000", "10.9.0.2:80", " (now 10.9.0.1:5000 → 10.9.0.2:80)" },
		{ CLIENT_EP, SERVER_EP, "" },
	};
	struct wire born = lab_datagram(4);

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct stream *s = lab_new();
		struct wire now = wire_udp(table[i].from, table[i].to, 4);
		char expected[1024];

		forward_as(s, &born, &now);
		snprintf(expected, sizeof(expected), FORWARDED, "", table[i].text);
		lab_expect_hops(s, expected);
	}
}

/* What is established explains nothing; what has no entry is untracked, or nothing was there to track it. */
static void test_conntrack(void **state)
{
	static const struct {
		uint8_t ct;
		const char *text;
	} table[] = {
		{ HS_CT_TOLD | HS_CT_ENTRY | 2, " (conntrack: new)" },
		{ HS_CT_TOLD | HS_CT_ENTRY | 1, " (conntrack: related)" },
		{ HS_CT_TOLD | HS_CT_ENTRY | 4, " (conntrack: related reply)" },
		{ HS_CT_TOLD | HS_CT_ENTRY | 0, "" },
		{ HS_CT_TOLD | HS_CT_ENTRY | 3, "" },
		{ HS_CT_TOLD | 7, " (conntrack: untracked)" },
		{ HS_CT_TOLD, "" },
		{ 0, "" },
	};
	struct wire born = lab_datagram(4);

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct stream *s = lab_new();
		char expected[1024];

		s->ct = table[i].ct;
		forward_as(s, &born, &born);
		snprintf(expected, sizeof(expected), FORWARDED, table[i].text, table[i].text);
		lab_expect_hops(s, expected);
	}
}

/* The socket that is missing is the one that the packet was translated for. */
static void test_translated_to_nobody(void **state)
{
	struct stream *s = lab_new();
	struct wire born = lab_datagram(4), now = wire_udp(CLIENT_EP, "10.9.0.2:80", 4);

	(void)state;
	stream_birth(s, A, NS_CLIENT, VETH_C, &born, 0);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_CLIENT, VETH_C);
	stream_see(s, HS_STAGE_BACKLOG, A, NS_ROUTER, VETH_RC);
	stream_softirq(s, 0);
	stream_see(s, HS_STAGE_RECEIVE, A, NS_ROUTER, VETH_RC);
	stream_forwarded(s, A, NS_ROUTER, VETH_RS, &now);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_ROUTER, VETH_RS);
	stream_see(s, HS_STAGE_BACKLOG, A, NS_SERVER, VETH_S);
	stream_see(s, HS_STAGE_RECEIVE, A, NS_SERVER, VETH_S);
	stream_drop(s, A, "NO_SOCKET", "__udp4_lib_rcv");
	lab_expect(
		s,
		"#1 born, UDP to port 8080, by the kernel\n"
		"#1 dropped in ns_server: NO_SOCKET by __udp4_lib_rcv (no UDP socket on 10.9.0.2:80)\n"
		"#1 no ICMP (none was seen, and no counter tells why)\n"
		"#1 settled\n");
}

static void test_labels(void **state)
{
	struct stream *s = lab_of(stream_new("filter", "udp port 8080", NULL));
	struct wire w = lab_datagram(4);
	struct wire born = wire_mpls(w, 100), now = wire_mpls(wire_mpls(w, 7), 101);
	char expected[1024];

	(void)state;
	now.data[2] &= ~1; /* not the bottom of the stack */
	forward_as(s, &born, &now);
	snprintf(expected, sizeof(expected), FORWARDED, " (label 100)", " (labels 101, 7)");
	lab_expect_hops(s, expected);
}

/* Nothing is known of a packet that is forwarded with headers: its birth was lost. */
static void test_translated_without_a_birth(void **state)
{
	struct stream *s = lab_new();
	struct wire now = lab_datagram(4);

	(void)state;
	stream_forwarded(s, A, NS_ROUTER, VETH_RS, &now);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_ROUTER, VETH_RS);
	lab_expect_hops(s, "#1 born\n"
			   "#1   ns_router/veth_rs device queue\n"
			   "#1   ns_router/veth_rs transmit\n"
			   "#1 settled, incomplete (0 lost)\n");
}

/* Through a router: skb_iif is set, so its device queue is no birth. */
/* What is sent to a group goes to this machine too, before it goes to the device. */
static void test_looped(void **state)
{
	struct stream *s = lab_of(stream_new("all", NULL));
	struct wire w = wire_udp("10.0.1.2:4000", "224.0.0.9:8080", 4);

	(void)state;
	stream_enter(s, HS_CALL_SENDTO, 3, SK_CLIENT, 4, NULL);
	stream_looped(s, B, NS_CLIENT, VETH_C, &w);
	stream_birth(s, A, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_CLIENT, VETH_C);
	stream_see(s, HS_STAGE_BACKLOG, A, NS_SERVER, VETH_S);
	stream_softirq(s, 0);
	stream_see(s, HS_STAGE_RECEIVE, B, NS_CLIENT, VETH_C);
	stream_drop(s, B, "IP_INNOROUTES", "ip_rcv_finish");
	stream_see(s, HS_STAGE_RECEIVE, A, NS_SERVER, VETH_S);
	stream_drop(s, A, "IP_INNOROUTES", "ip_rcv_finish");
	stream_back(s);
	lab_expect_hops(
		s,
		"#1 born, UDP to port 8080, by client[812] sendto(3)\n"
		"#1   ns_client/veth_c backlog\n"
		"#2 born, UDP to port 8080, by client[812] sendto(3)\n"
		"#2   ns_client/veth_c device queue\n"
		"#2   ns_client/veth_c transmit\n"
		"#2   => ns_server/veth_s backlog\n"
		"#1   ns_client/veth_c receive (in sender's call)\n"
		"#1   ns_client/veth_c drop\n"
		"#1 dropped in ns_client: IP_INNOROUTES by ip_rcv_finish (ns_client has no route to 224.0.0.9)\n"
		"#2   ns_server/veth_s receive (in sender's call)\n"
		"#2   ns_server/veth_s drop\n"
		"#2 dropped in ns_server: IP_INNOROUTES by ip_rcv_finish (ns_server has no route to 224.0.0.9)\n"
		"#1 settled\n"
		"#2 settled\n");
}

/* A bridge sends a copy out of another port, and takes the original itself. */
static void test_flooded(void **state)
{
	struct stream *s = lab_of(stream_new("all", NULL));
	struct wire w = wire_arp("10.0.1.2", "10.0.1.1", 1), old = lab_datagram(4);

	(void)state;
	/* What was at the copy's address before: consumed, as no event told. */
	stream_birth(s, B, NS_ROUTER, VETH_RC, &old, 0);
	stream_see(s, HS_STAGE_DEV_XMIT, B, NS_ROUTER, VETH_RC);
	stream_see(s, HS_STAGE_BACKLOG, B, NS_ROUTER, VETH_RC);
	stream_see(s, HS_STAGE_RECEIVE, B, NS_ROUTER, VETH_RC);

	stream_birth(s, A, NS_CLIENT, VETH_C, &w, 0);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_CLIENT, VETH_C);
	stream_see(s, HS_STAGE_BACKLOG, A, NS_ROUTER, VETH_RC);
	stream_softirq(s, 0);
	stream_see(s, HS_STAGE_RECEIVE, A, NS_ROUTER, VETH_RC);
	stream_flooded(s, B, NS_ROUTER, VETH_RS, &w, A);
	stream_see(s, HS_STAGE_DEV_XMIT, B, NS_ROUTER, VETH_RS);
	stream_see(s, HS_STAGE_BACKLOG, B, NS_SERVER, VETH_S);
	stream_consume(s, A, "arp_process");
	stream_softirq(s, 0);
	stream_see(s, HS_STAGE_RECEIVE, B, NS_SERVER, VETH_S);
	stream_consume(s, B, "arp_process");
	stream_back(s);
	stream_tick(s, STREAM_S);
	lab_expect_hops(
		s,
		"#1 born, UDP to port 8080, by the kernel\n"
		"#1   ns_router/veth_rc device queue\n"
		"#1   ns_router/veth_rc transmit\n"
		"#1   ns_router/veth_rc backlog\n"
		"#1   ns_router/veth_rc receive\n"
		"#2 born, by the kernel\n"
		"#2   ns_client/veth_c device queue\n"
		"#2   ns_client/veth_c transmit\n"
		"#2   => ns_router/veth_rc backlog\n"
		"#2   ns_router/veth_rc receive\n"
		"#3 born, because of #2: a copy, as it goes more than one way\n"
		"#3   ns_router/veth_rs device queue\n"
		"#3   ns_router/veth_rs transmit\n"
		"#3   => ns_server/veth_s backlog\n"
		"#2   ns_router/veth_rc consumed\n"
		"#2 consumed in ns_router by arp_process\n"
		"#3   ns_server/veth_s receive\n"
		"#3   ns_server/veth_s consumed\n"
		"#3 consumed in ns_server by arp_process\n"
		"#3 settled\n"
		"#2 settled, caused #3\n"
		"#1 unknown in ns_router (received, and no event tells what became of it), inferred\n"
		"#1 settled\n");
}

static void test_forwarded(void **state)
{
	struct stream *s = lab_new();
	struct wire w = lab_datagram(4);

	(void)state;
	stream_birth(s, A, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_CLIENT, VETH_C);
	stream_see(s, HS_STAGE_BACKLOG, A, NS_ROUTER, VETH_RC);
	stream_softirq(s, 0);
	stream_see(s, HS_STAGE_RECEIVE, A, NS_ROUTER, VETH_RC);
	stream_stack(s, "__dev_queue_xmit < ip_output < ip_forward < ip_rcv < handle_softirqs");
	stream_see(s, HS_STAGE_DEV_QUEUE, A, NS_ROUTER, VETH_RS);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_ROUTER, VETH_RS);
	stream_stack(s, "__netif_rx < veth_xmit < handle_softirqs");
	stream_see(s, HS_STAGE_BACKLOG, A, NS_SERVER, VETH_S);
	stream_see(s, HS_STAGE_RECEIVE, A, NS_SERVER, VETH_S);
	stream_drop(s, A, "SOME_REASON", "ip_rcv_finish");
	lab_expect_hops(s, "#1 born, UDP to port 8080, by the kernel\n"
			   "#1   ns_client/veth_c device queue\n"
			   "#1   ns_client/veth_c transmit\n"
			   "#1   => ns_router/veth_rc backlog\n"
			   "#1   ns_router/veth_rc receive\n"
			   "#1   ns_router/veth_rc ip receive (via ip_rcv)\n"
			   "#1   ns_router/veth_rc ip forward (via ip_forward)\n"
			   "#1   ns_router/veth_rs ip output (via ip_output)\n"
			   "#1   ns_router/veth_rs device queue [ip_rcv ip_forward ip_output "
			   "__dev_queue_xmit]\n"
			   "#1   ns_router/veth_rs transmit\n"
			   "#1   ns_router/veth_rs veth transmit (via veth_xmit)\n"
			   "#1   => ns_server/veth_s backlog [veth_xmit __netif_rx]\n"
			   "#1   ns_server/veth_s receive\n"
			   "#1   ns_server/veth_s drop\n"
			   "#1 dropped in ns_server: SOME_REASON by ip_rcv_finish\n"
			   "#1 settled\n");
}

/* A packet that waits at a router for ARP is silent for long, and goes on. */
static void test_forwarded_after_a_wait(void **state)
{
	struct stream *s = lab_new();
	struct wire w = lab_datagram(4);

	(void)state;
	stream_birth(s, A, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_CLIENT, VETH_C);
	stream_see(s, HS_STAGE_BACKLOG, A, NS_ROUTER, VETH_RC);
	stream_softirq(s, 0);
	stream_see(s, HS_STAGE_RECEIVE, A, NS_ROUTER, VETH_RC);
	stream_tick(s, 500 * STREAM_MS);
	stream_softirq(s, 0);
	stream_see(s, HS_STAGE_DEV_QUEUE, A, NS_ROUTER, VETH_RS);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_ROUTER, VETH_RS);
	stream_see(s, HS_STAGE_BACKLOG, A, NS_SERVER, VETH_S);
	stream_see(s, HS_STAGE_RECEIVE, A, NS_SERVER, VETH_S);
	stream_queued(s, SK_SERVER, A, 1);
	lab_read_by(s, SERVER, 4, 0, 0);
	lab_expect(s, "#1 born, UDP to port 8080, by the kernel\n"
		      "#1 queued at @1 in ns_server\n"
		      "#1 read by server[700] recvfrom, 4 B\n"
		      "#1 settled\n");
}

/* What arrives from outside in one softirq was not caused by what arrived there just before. */
static void test_arrivals_are_no_consequences(void **state)
{
	struct stream *s = lab_new();
	struct wire w = lab_datagram(4);

	(void)state;
	stream_softirq(s, 0);
	stream_arrival(s, A, NS_SERVER, ETH, &w);
	stream_queued(s, SK_SERVER, A, 1);
	stream_arrival(s, B, NS_SERVER, ETH, &w);
	stream_queued(s, SK_SERVER, B, 2);
	lab_expect(s, "#1 born, UDP to port 8080\n"
		      "#1 queued at @1 in ns_server\n"
		      "#2 born, UDP to port 8080\n"
		      "#2 queued at @1 in ns_server\n"
		      "#1 settled\n"
		      "#2 settled\n");
}

/* By a device that leads out of the machine. */
static void test_left(void **state)
{
	struct stream *s = lab_new();
	struct wire w = wire_udp(SERVER_EP, "192.0.2.1:53", 4);

	(void)state;
	stream_birth(s, A, NS_SERVER, ETH, &w, 0);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_SERVER, ETH);
	stream_consume(s, A, "napi_consume_skb");
	lab_expect(s, "#1 born, UDP to port 53, by the kernel\n"
		      "#1 left in ns_server by napi_consume_skb\n"
		      "#1 settled\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_address_reused_after_read),
		cmocka_unit_test(test_address_reused_after_drop),
		cmocka_unit_test(test_address_reused_after_nothing),
		cmocka_unit_test(test_address_reused_by_a_stranger),
		cmocka_unit_test(test_address_reused_by_a_clone),
		cmocka_unit_test(test_same_memory_sent_twice),
		cmocka_unit_test(test_same_memory_without_an_end),
		cmocka_unit_test(test_clone_is_freed),
		cmocka_unit_test(test_stacked_device),
		cmocka_unit_test(test_untagged),
		cmocka_unit_test(test_tunnel),
		cmocka_unit_test(test_translated),
		cmocka_unit_test(test_conntrack),
		cmocka_unit_test(test_translated_to_nobody),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_translated_without_a_birth),
		cmocka_unit_test(test_looped),
		cmocka_unit_test(test_flooded),
		cmocka_unit_test(test_forwarded),
		cmocka_unit_test(test_forwarded_after_a_wait),
		cmocka_unit_test(test_arrivals_are_no_consequences),
		cmocka_unit_test(test_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
