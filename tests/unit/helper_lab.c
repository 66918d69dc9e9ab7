// SPDX-License-Identifier: BSD-2-Clause
#include "helper_lab.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "helper_notes.h"

struct stream *lab_of(struct stream *s)
{
	stream_netns(s, NS_CLIENT, "ns_client");
	stream_netns(s, NS_SERVER, "ns_server");
	stream_netns(s, NS_ROUTER, "ns_router");
	stream_dev(s, NS_CLIENT, LO, "lo", "loopback");
	stream_dev(s, NS_CLIENT, VETH_C, "veth_c", "veth");
	stream_dev(s, NS_SERVER, VETH_S, "veth_s", "veth");
	stream_dev(s, NS_ROUTER, VETH_RC, "veth_rc", "veth");
	stream_dev(s, NS_ROUTER, VETH_RS, "veth_rs", "veth");
	stream_dev(s, NS_CLIENT, VLAN, "vlan5", "vlan");
	stream_dev(s, NS_SERVER, VLAN, "vlan5", "vlan");
	stream_dev(s, NS_CLIENT, VXLAN, "vxlan1", "vxlan");
	stream_dev(s, NS_SERVER, VXLAN, "vxlan1", "vxlan");
	stream_dev(s, NS_SERVER, ETH, "eth0", "");
	stream_task(s, CLIENT, "client");
	stream_task(s, SERVER, "server");
	stream_task(s, SECOND, "second");
	stream_sock_is(s, SK_CLIENT, NS_CLIENT, IPPROTO_UDP, CLIENT_EP, SERVER_EP);
	stream_sock_is(s, SK_SERVER, NS_SERVER, IPPROTO_UDP, SERVER_EP, NULL);
	stream_sock(s, SK_SERVER, SERVER, "server", false);
	stream_by(s, 0, CLIENT);
	return s;
}

struct stream *lab_new(void)
{
	return lab_of(stream_new(NULL));
}

void lab_sent(struct stream *s, uint64_t skb, const struct wire *wire, uint64_t sk)
{
	stream_birth(s, skb, NS_CLIENT, VETH_C, wire, sk);
	stream_see(s, HS_STAGE_DEV_XMIT, skb, NS_CLIENT, VETH_C);
	stream_see(s, HS_STAGE_BACKLOG, skb, NS_SERVER, VETH_S);
}

void lab_received(struct stream *s, uint64_t skb)
{
	stream_softirq(s, s->cpu);
	stream_see(s, HS_STAGE_RECEIVE, skb, NS_SERVER, VETH_S);
}

void lab_crossed(struct stream *s, uint64_t skb, const struct wire *wire, uint64_t sk)
{
	stream_by(s, 0, CLIENT);
	lab_sent(s, skb, wire, sk);
	lab_received(s, skb);
}

void lab_delivered(struct stream *s, uint64_t skb, const struct wire *wire, uint32_t qlen)
{
	stream_by(s, 0, CLIENT);
	lab_crossed(s, skb, wire, SK_CLIENT);
	stream_queued(s, SK_SERVER, skb, qlen);
	stream_back(s);
}

void lab_read_by(struct stream *s, uint32_t pid, int32_t ret, uint32_t flags, uint32_t qlen)
{
	stream_by(s, 1, pid);
	stream_read(s, SK_SERVER, ret, flags, qlen);
}

struct wire lab_datagram(uint32_t payload)
{
	return wire_udp(CLIENT_EP, SERVER_EP, payload);
}

void lab_dropped_silently(struct stream *s, uint64_t skb, const struct wire *w)
{
	stream_by(s, 0, CLIENT);
	lab_crossed(s, skb, w, SK_CLIENT);
	stream_drop(s, skb, "NO_SOCKET", "__udp4_lib_rcv");
}

void lab_closed_port(struct stream *s, const struct wire *w, bool tracepoint)
{
	struct wire e = w->proto == 0x86dd ? wire_error(w, "fd00::1", 1, 4)
					   : wire_error(w, SERVER_ADDR, 3, 3);
	uint32_t softirq;

	lab_crossed(s, A, w, SK_CLIENT);
	softirq = s->ctx;
	if (tracepoint) {
		stream_stack(s,
			     "__icmp_send < __udp4_lib_rcv < ip_local_deliver < handle_softirqs");
		stream_icmp(s, A, NS_SERVER, VETH_S, 3, 3);
	} else {
		stream_stack(s, "__dev_queue_xmit < icmp6_send < __udp6_lib_rcv < ip6_input < "
				"handle_softirqs");
	}
	stream_birth(s, B, NS_SERVER, VETH_S, &e, 0);
	stream_see(s, HS_STAGE_DEV_XMIT, B, NS_SERVER, VETH_S);
	stream_see(s, HS_STAGE_BACKLOG, B, NS_CLIENT, VETH_C);
	stream_drop(s, A, "NO_SOCKET", w->proto == 0x86dd ? "__udp6_lib_rcv" : "__udp4_lib_rcv");
	s->ctx = softirq;
	stream_see(s, HS_STAGE_RECEIVE, B, NS_CLIENT, VETH_C);
}

static void expect_with(struct stream *s, bool hops, const char *expected)
{
	struct notes notes;

	stream_end(s);
	notes_init(&notes);
	notes.hops = hops;
	notes_run(&notes, s);
	assert_string_equal(notes_text(&notes), expected);
	notes_done(&notes);
	stream_free(s);
}

void lab_expect(struct stream *s, const char *expected)
{
	expect_with(s, false, expected);
}

void lab_expect_hops(struct stream *s, const char *expected)
{
	expect_with(s, true, expected);
}
