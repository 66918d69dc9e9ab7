// SPDX-License-Identifier: BSD-2-Clause
/* The views of what is not TCP, against expected text. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "../../loader/text.h"
#include "helper_view.h"

/* --- building journeys by hand --- */

static const struct hs_task client = { 812, 812, "time_client" };
static const struct hs_task server = { 700, 700, "time_server" };

static struct hs_packet udp(const char *src, uint16_t sport, const char *dst, uint16_t dport,
			    uint32_t payload)
{
	bool v6 = strchr(src, ':');

	return (struct hs_packet){
		.ethertype = v6 ? 0x86dd : 0x0800,
		.version = v6 ? 6 : 4,
		.proto = IPPROTO_UDP,
		.ttl = 64,
		.has_ports = true,
		.src = ep(src, sport),
		.dst = ep(dst, dport),
		.ip_id = 4711,
		.length = payload + (v6 ? 48 : 28),
		.payload = payload,
	};
}

static struct hs_packet port_unreachable(const struct hs_packet *about)
{
	struct hs_packet p = *about;

	p.proto = p.version == 6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	p.src = about->dst;
	p.dst = about->src;
	p.src.port = p.dst.port = 0;
	p.has_ports = false;
	p.has_icmp = p.icmp_error = p.has_quoted = true;
	p.icmp_type = p.version == 6 ? 1 : 3;
	p.icmp_code = p.version == 6 ? 4 : 3;
	p.length = about->length + 28;
	p.quoted_proto = IPPROTO_UDP;
	p.quoted_src = about->src;
	p.quoted_dst = about->dst;
	p.quoted_ip_id = about->ip_id;
	return p;
}

static void trip_sent_by(struct trip *t, struct hs_task task, int64_t ret)
{
	t->j.cause_kind = HS_CAUSE_CALL;
	t->j.by = task;
	t->j.by_call = "sendto";
	t->j.by_fd = 3;
	t->j.by_done = true;
	t->j.by_ret = ret;
}

static void trip_caused_by(struct trip *t, struct trip *parent, const char *text)
{
	t->j.cause_kind = HS_CAUSE_JOURNEY;
	t->j.cause = parent->j.id;
	t->j.cause_text = text;
	parent->caused[parent->j.n_caused++] = t->j.id;
}

static void trip_functions(struct hs_hop *hop, const char **functions, size_t n)
{
	hop->functions = functions;
	hop->n_functions = n;
}

/* Out of one namespace, over a veth, up to the receiver's UDP or ICMP; returns the time. */
static uint64_t trip_over_veth(struct trip *t, const char *from, const char *from_dev,
			       const char *to, const char *to_dev, enum hs_stage last)
{
	static const char *out[] = { "__x64_sys_sendto",  "__sys_sendto",    "udp_sendmsg",
				     "udp_send_skb",	  "ip_send_skb",     "ip_output",
				     "ip_finish_output2", "__dev_queue_xmit" };
	static const char *in[] = { "net_rx_action", "__napi_poll", "process_backlog",
				    "__netif_receive_skb_one_core" };
	uint64_t at = t->j.born;
	struct hs_hop *hop;

	if (t->j.cause_kind == HS_CAUSE_CALL)
		trip_via(t, HS_STAGE_UDP_SEND, at, from, "", "udp_sendmsg");
	trip_via(t, HS_STAGE_IP_OUT, at, from, "", "ip_output");
	hop = trip_hop(t, HS_STAGE_DEV_QUEUE, at, from, from_dev);
	trip_functions(hop, out, 8);
	hop->cpu = 1;
	at += 640;
	trip_hop(t, HS_STAGE_DEV_XMIT, at, from, from_dev)->cpu = 1;
	at += 1300;
	trip_hop(t, HS_STAGE_BACKLOG, at, to, to_dev)->cpu = 1;
	at += 2150;
	hop = trip_hop(t, HS_STAGE_RECEIVE, at, to, to_dev);
	hop->cpu = 1;
	hop->softirq = true;
	hop->text = t->j.cause_kind == HS_CAUSE_CALL ? "in sender's call" : "";
	trip_functions(hop, in, 4);
	trip_via(t, HS_STAGE_IP_IN, at + 900, to, to_dev, "ip_rcv");
	trip_via(t, HS_STAGE_IP_LOCAL, at + 900, to, to_dev, "ip_local_deliver_finish");
	trip_via(t, last, at + 900, to, to_dev, "");
	return at + 900;
}

static void trip_read(struct trip *t, struct hs_task task, uint64_t time, int32_t ret,
		      uint32_t lost)
{
	t->j.read_done = true;
	t->j.read = (struct hs_read){ .time = time,
				      .task = task,
				      .call = "recvfrom",
				      .ret = ret,
				      .copied = (uint32_t)ret,
				      .lost = lost,
				      .waited = time - t->j.fate.time,
				      .inferred = true };
}

static void trip_no_socket(struct trip *t, uint64_t time, const char *netns, const char *dev,
			   const char *why)
{
	static const char *path[] = { "ip_local_deliver_finish", "ip_protocol_deliver_rcu",
				      "__udp4_lib_rcv", "sk_skb_reason_drop" };
	struct hs_hop *hop = trip_last(t, HS_STAGE_DROP, time, netns, dev);

	hop->function = "__udp4_lib_rcv";
	hop->address = 0xffffffff81b2c4d0;
	trip_functions(hop, path, 4);
	trip_fate(t, HS_FATE_DROPPED, time, netns, dev);
	t->j.fate.reason = "NO_SOCKET";
	t->j.fate.function = "__udp4_lib_rcv";
	t->j.fate.stage = HS_STAGE_UDP_IN;
	t->j.fate.why = why;
	t->j.fate.remedy = "Is a program bound to that very address and port, in that namespace? "
			   "ss -lun.";
}

/* --- scenarios: what the journey engine would say, in order --- */

static void trip_request(struct trip *t, uint32_t id, uint16_t port, uint64_t born)
{
	uint64_t at;

	trip_init(t, id, udp("10.0.1.2", port, "10.0.1.1", 8080, 12), born);
	trip_sent_by(t, client, 12);
	at = trip_over_veth(t, "ns_client1", "veth_c1", "ns_server", "veth_srv_c1",
			    HS_STAGE_UDP_IN);
	trip_queued(t, at, 1, "ns_server", "veth_srv_c1");
	trip_read(t, server, at + 12300, 12, 0);
}

/* O7: a request and its answer. */
static void tell_delivered(struct view *v)
{
	struct hs_summary s = {
		.packets = 16, .shown = 2, .queued = 2, .read = 2, .events = 40, .nothing = ""
	};
	struct trip request, answer;
	struct hs_call c;
	uint32_t id = 1;
	uint64_t at;

	c = made_call(client, HS_CALL_SOCKET, "socket", -1, 3, T0);
	c.socket = 2;
	TELL(v, call, &c);
	c = made_call(client, HS_CALL_CONNECT, "connect", 3, 0, T0 + 10 * US);
	c.given = c.remote = ep("10.0.1.1", 8080);
	c.local = ep("10.0.1.2", 40001);
	TELL(v, call, &c);
	trip_request(&request, 1, 40001, T0 + 20 * US);
	tell_hops(v, &request, 0, request.j.n_hops);
	TELL(v, fate, &request.j);
	c = made_call(client, HS_CALL_SENDTO, "sendto", 3, 12, T0 + 18 * US);
	c.len = 12;
	c.journeys = &id;
	c.n_journeys = 1;
	TELL(v, call, &c);
	TELL(v, read, &request.j);
	TELL(v, settled, &request.j);

	trip_init(&answer, 2, udp("10.0.1.1", 8080, "10.0.1.2", 40001, 24), T0 + 60 * US);
	trip_sent_by(&answer, server, 24);
	at = trip_over_veth(&answer, "ns_server", "veth_srv_c1", "ns_client1", "veth_c1",
			    HS_STAGE_UDP_IN);
	trip_queued(&answer, at, 2, "ns_client1", "veth_c1");
	trip_read(&answer, client, at + 25 * US, 24, 0);
	tell_hops(v, &answer, 0, answer.j.n_hops);
	TELL(v, fate, &answer.j);
	TELL(v, read, &answer.j);
	c = made_call(client, HS_CALL_RECVFROM, "recvfrom", 3, 24, T0 + 50 * US);
	c.left = at + 26 * US;
	c.len = 64;
	c.given = ep("10.0.1.1", 8080);
	c.read = 2;
	TELL(v, call, &c);
	TELL(v, settled, &answer.j);
	c = made_call(client, HS_CALL_CLOSE, "close", 3, 0, T0 + 120 * US);
	TELL(v, call, &c);
	s.background[HS_NOISE_ND] = 8;
	s.background[HS_NOISE_MLD] = 6;
	TELL(v, summary, &s);
}

static uint64_t trip_closed_port(struct trip *dead, struct trip *icmp, uint32_t id, uint64_t born)
{
	uint64_t at, back;

	trip_init(dead, id, udp("10.0.2.2", 40112, "10.0.2.1", 8080, 4), born);
	trip_sent_by(dead, client, 4);
	at = trip_over_veth(dead, "ns_client2", "veth_c2", "ns_server", "veth_srv_c2",
			    HS_STAGE_UDP_IN);
	trip_last(dead, HS_STAGE_ICMP_ERROR, at, "ns_server", "veth_srv_c2")->text =
		"port unreachable";

	trip_init(icmp, id + 1, port_unreachable(&dead->j.packet), at + 1500);
	trip_caused_by(icmp, dead, "ICMP port unreachable, built in __icmp_send");
	back = trip_over_veth(icmp, "ns_server", "veth_srv_c2", "ns_client2", "veth_c2",
			      HS_STAGE_ICMP_IN);
	trip_no_socket(dead, at + 3100, "ns_server", "veth_srv_c2",
		       "no socket on 10.0.2.1:8080 (one is on 10.0.1.1:8080)");
	return back;
}

static void icmp_consumed(struct trip *icmp, uint64_t time, const char *netns, const char *dev)
{
	struct hs_hop *hop;

	hop = trip_last(icmp, HS_STAGE_CONSUME, time, netns, dev);
	hop->function = "icmp_rcv";
	trip_fate(icmp, HS_FATE_CONSUMED, time, netns, dev);
	icmp->j.fate.function = "icmp_rcv";
}

/* O2: no socket, the ICMP error, and the call that is told. */
static void tell_closed_port(struct view *v)
{
	struct hs_summary s = {
		.packets = 2, .shown = 2, .dropped = 1, .consumed = 1, .events = 22, .nothing = ""
	};
	struct trip dead, icmp;
	struct hs_call c;
	uint64_t back;
	uint32_t id = 2;

	c = made_call(client, HS_CALL_SOCKET, "socket", -1, 3, T0);
	c.socket = 2;
	TELL(v, call, &c);
	c = made_call(client, HS_CALL_CONNECT, "connect", 3, 0, T0 + 10 * US);
	c.given = c.remote = ep("10.0.2.1", 8080);
	c.local = ep("10.0.2.2", 40112);
	TELL(v, call, &c);
	back = trip_closed_port(&dead, &icmp, 2, T0 + 20 * US);
	tell_hops(v, &dead, 0, dead.j.n_hops - 1);
	tell_hops(v, &icmp, 0, 4);
	tell_hops(v, &dead, dead.j.n_hops - 1, dead.j.n_hops);
	TELL(v, fate, &dead.j);
	tell_hops(v, &icmp, 4, icmp.j.n_hops);
	trip_last(&icmp, HS_STAGE_SOCK_ERROR, back + 400, "ns_client2", "")->text = "ECONNREFUSED";
	icmp.j.told = HS_TOLD_SOCKET;
	icmp.j.told_err = ECONNREFUSED;
	tell_hops(v, &icmp, icmp.j.n_hops - 1, icmp.j.n_hops);
	TELL(v, told, &icmp.j);
	icmp_consumed(&icmp, back + 900, "ns_client2", "veth_c2");
	tell_hops(v, &icmp, icmp.j.n_hops - 1, icmp.j.n_hops);
	TELL(v, fate, &icmp.j);
	TELL(v, settled, &dead.j);
	c = made_call(client, HS_CALL_SENDTO, "sendto", 3, 4, T0 + 18 * US);
	c.left = T0 + 45 * US;
	c.len = 4;
	c.journeys = &id;
	c.n_journeys = 1;
	TELL(v, call, &c);
	icmp.j.told = HS_TOLD_CALL;
	icmp.j.told_task = client;
	icmp.j.told_call = "recvfrom";
	TELL(v, told, &icmp.j);
	TELL(v, settled, &icmp.j);
	c = made_call(client, HS_CALL_RECVFROM, "recvfrom", 3, -ECONNREFUSED, T0 + 60 * US);
	c.len = 64;
	c.error_from = 3;
	TELL(v, call, &c);
	TELL(v, summary, &s);
}

/* Ten requests on two CPUs: the hops of all come mixed, the ends in another order. */
static void tell_ten(struct view *v)
{
	struct hs_summary s = { .packets = 10,
				.shown = 10,
				.queued = 10,
				.read = 9,
				.unread_at_close = 1,
				.events = 90,
				.nothing = "" };
	struct trip trips[10];

	for (uint32_t i = 0; i < 10; i++) {
		trip_request(&trips[i], i + 1, (uint16_t)(40001 + i), T0 + i * 1700);
		trips[i].j.read.time += (10 - i) * 20000;
		trips[i].j.read.waited += (10 - i) * 20000;
		for (size_t h = 0; h < trips[i].j.n_hops; h++)
			trips[i].hops[h].cpu = i % 2;
	}
	trips[9].j.read_done = false;
	trips[9].j.unread_at_close = true;
	/* one event at a time: what a stack shows comes with the hop that it led to */
	for (size_t from = 0, end; from < trips[0].j.n_hops; from = end) {
		for (end = from + 1; trips[0].hops[end - 1].kind == HS_HOP_VIA; end++)
			;
		for (size_t i = 0; i < 10; i++) {
			tell_hops(v, &trips[i], from, end);
			if (end == trips[i].j.n_hops)
				TELL(v, fate, &trips[i].j);
		}
	}
	for (int i = 8; i >= 0; i--)
		TELL(v, read, &trips[i].j);
	TELL(v, unread, &trips[9].j);
	for (int i = 9; i >= 0; i--)
		TELL(v, settled, &trips[i].j);
	TELL(v, summary, &s);
}

#define LONG6_A "2001:db8:aaaa:bbbb:cccc:dddd:eeee:1111"
#define LONG6_B "2001:db8:aaaa:bbbb:cccc:dddd:eeee:2222"

/* Two addresses that do not fit on one line together. */
static void tell_ipv6(struct view *v)
{
	struct hs_summary s = { .packets = 3,
				.shown = 3,
				.queued = 1,
				.read = 1,
				.dropped = 1,
				.consumed = 1,
				.events = 30,
				.nothing = "" };
	struct trip ok, dead, icmp;
	struct hs_call c;
	uint64_t at;

	c = made_call(client, HS_CALL_SENDTO, "sendto", 3, 12, T0 + 18 * US);
	c.len = 12;
	c.given = ep(LONG6_B, 58080);
	TELL(v, call, &c);
	trip_init(&ok, 1, udp(LONG6_A, 40112, LONG6_B, 58080, 12), T0);
	trip_sent_by(&ok, client, 12);
	at = trip_over_veth(&ok, "ns_client1", "veth_c1", "ns_server", "veth_srv_c1",
			    HS_STAGE_UDP_IN);
	trip_queued(&ok, at, 1, "ns_server", "veth_srv_c1");
	trip_read(&ok, server, at + 40 * US, 12, 0);
	tell_whole(v, &ok);

	trip_init(&dead, 2, udp(LONG6_A, 40112, LONG6_B, 8081, 12), T0 + 90 * US);
	trip_sent_by(&dead, client, 12);
	at = trip_over_veth(&dead, "ns_client1", "veth_c1", "ns_server", "veth_srv_c1",
			    HS_STAGE_UDP_IN);
	trip_via(&dead, HS_STAGE_ICMP_ERROR, at, "ns_server", "veth_srv_c1", "icmp6_send");
	trip_init(&icmp, 3, port_unreachable(&dead.j.packet), at + 1500);
	trip_caused_by(&icmp, &dead, "ICMPv6 port unreachable, built in icmp6_send");
	trip_no_socket(&dead, at + 3100, "ns_server", "veth_srv_c1",
		       "no socket on [" LONG6_B "]:8081 (one is on [" LONG6_B "]:58080)");
	at = trip_over_veth(&icmp, "ns_server", "veth_srv_c1", "ns_client1", "veth_c1",
			    HS_STAGE_ICMP_IN);
	icmp_consumed(&icmp, at, "ns_client1", "veth_c1");
	tell_whole(v, &dead);
	tell_whole(v, &icmp);
	TELL(v, summary, &s);
}

/* Events were lost; one journey ends nowhere, one is still under way. */
static void tell_incomplete(struct view *v)
{
	struct hs_summary s = { .packets = 2,
				.shown = 2,
				.unknown = 1,
				.underway = 1,
				.events = 12,
				.lost = 3,
				.misses = 1,
				.nothing = "" };
	struct trip lost, open;

	trip_init(&lost, 1, udp("10.0.1.2", 40001, "10.0.1.1", 8080, 12), T0);
	trip_sent_by(&lost, client, 12);
	trip_hop(&lost, HS_STAGE_DEV_QUEUE, T0, "ns_client1", "veth_c1");
	trip_fate(&lost, HS_FATE_UNKNOWN, T0 + 2ull * S, "ns_client1", "veth_c1");
	lost.j.fate.why = "last seen on veth_c1 in ns_client1";
	lost.j.incomplete = true;
	lost.j.lost = 3;
	tell_hops(v, &lost, 0, lost.j.n_hops);
	TELL(v, loss, T0 + 1ull * S, 3, 1);
	TELL(v, fate, &lost.j);
	TELL(v, settled, &lost.j);

	trip_init(&open, 2, udp("10.0.1.2", 40001, "10.0.1.1", 8080, 12), T0 + 3ull * S);
	trip_sent_by(&open, client, 12);
	trip_hop(&open, HS_STAGE_DEV_QUEUE, T0 + 3ull * S, "ns_client1", "veth_c1")->text =
		"netem holds it";
	open.j.fate.netns = "ns_client1";
	open.j.fate.dev = "veth_c1";
	open.j.fate.why = "last seen at the device queue of veth_c1 in ns_client1";
	tell_hops(v, &open, 0, open.j.n_hops);
	TELL(v, settled, &open.j);
	TELL(v, summary, &s);
}

/* O10: the reader's buffer is too short. */
static void tell_cut(struct view *v)
{
	struct hs_summary s = {
		.packets = 1, .shown = 1, .queued = 1, .read = 1, .events = 9, .nothing = ""
	};
	struct hs_task echo = { 955, 955, "echo_server" };
	struct trip t;
	struct hs_call c;
	uint64_t at;

	trip_init(&t, 1, udp("127.0.0.1", 40001, "127.0.0.1", 5678, 40), T0);
	trip_sent_by(&t, client, 40);
	at = t.j.born + 2 * US;
	trip_hop(&t, HS_STAGE_DEV_QUEUE, T0, "host", "lo");
	trip_hop(&t, HS_STAGE_DEV_XMIT, T0 + 500, "host", "lo");
	trip_queued(&t, at, 4, "host", "lo");
	trip_read(&t, echo, at + 12ull * 1000 * US, 16, 24);
	tell_whole(v, &t);
	c = made_call(echo, HS_CALL_RECVFROM, "recvfrom", 3, 16, T0 - 5ull * S);
	c.left = t.j.read.time;
	c.len = 16;
	c.read = 1;
	c.qlen = 2;
	c.given = ep("127.0.0.1", 40001);
	TELL(v, call, &c);
	TELL(v, summary, &s);
}

/* O52: the error finds an unconnected socket. O53: the error was never sent. */
static void tell_untold(struct view *v)
{
	struct hs_summary s = {
		.packets = 3, .shown = 3, .dropped = 2, .consumed = 1, .events = 33, .nothing = ""
	};
	struct trip dead, icmp, silent;
	uint64_t back, at;

	back = trip_closed_port(&dead, &icmp, 1, T0);
	icmp_consumed(&icmp, back + 500, "ns_client2", "veth_c2");
	icmp.j.told = HS_TOLD_NOBODY;
	icmp.j.told_why = "the socket is not connected, and without IP_RECVERR such a socket "
			  "hears of no ICMP error";
	tell_whole(v, &dead);
	tell_hops(v, &icmp, 0, icmp.j.n_hops);
	TELL(v, fate, &icmp.j);
	TELL(v, told, &icmp.j);
	TELL(v, settled, &icmp.j);

	trip_init(&silent, 3, udp("10.0.2.2", 40112, "10.0.2.1", 8080, 4), T0 + 80 * US);
	trip_sent_by(&silent, client, 4);
	at = trip_over_veth(&silent, "ns_client2", "veth_c2", "ns_server", "veth_srv_c2",
			    HS_STAGE_UDP_IN);
	trip_no_socket(&silent, at + 500, "ns_server", "veth_srv_c2", "no socket on 10.0.2.1:8080");
	tell_hops(v, &silent, 0, silent.j.n_hops);
	TELL(v, fate, &silent.j);
	silent.j.no_icmp = "the rate limit for 10.0.2.2 was reached (net.ipv4.icmp_ratelimit; "
			   "IcmpOutRateLimitHost rose by 1)";
	TELL(v, no_icmp, &silent.j);
	TELL(v, settled, &silent.j);
	TELL(v, summary, &s);
}

/* O9, O35: one overtakes another in a queueing discipline, and is doubled there. */
static void tell_queues(struct view *v)
{
	static uint32_t ids[] = { 1, 2 };
	struct hs_summary s = {
		.packets = 3, .shown = 3, .queued = 3, .events = 24, .nothing = ""
	};
	struct trip trips[3];

	for (uint32_t i = 0; i < 3; i++) {
		struct trip *t = &trips[i];
		uint64_t born = T0 + i * 10 * US, left = i ? born + 4 * US : born + 80 * MS;

		trip_init(t, i + 1, udp("10.0.2.2", 40112, "10.0.2.1", 8080, 24), born);
		t->j.waited_in_qdisc = true;
		t->j.qdisc = "netem";
		t->j.qdisc_wait = left - born;
		if (i < 2) {
			trip_sent_by(t, client, 24);
			trip_hop(t, HS_STAGE_DEV_QUEUE, born, "ns_client2", "veth_c2");
			trip_hop(t, HS_STAGE_QDISC_ENQUEUE, born + US, "ns_client2", "veth_c2")
				->text = "netem";
			trip_hop(t, HS_STAGE_QDISC_DEQUEUE, left, "ns_client2", "veth_c2")->text =
				i ? "after 4.0 us in netem, ahead of #1"
				  : "after 80.0 ms in netem, overtaken by #2";
			trip_hop(t, HS_STAGE_DEV_XMIT, left + US, "ns_client2", "veth_c2");
		} else {
			t->j.cause_kind = HS_CAUSE_JOURNEY;
			t->j.cause = t->j.duplicate_of = 2;
			t->j.cause_text =
				"a duplicate, made by netem, the queueing discipline of veth_c2";
			trip_hop(t, HS_STAGE_DEV_XMIT, left + US, "ns_client2", "veth_c2")->text =
				"after 4.0 us in netem";
		}
		trip_last(t, HS_STAGE_RECEIVE, left + 2 * US, "ns_server", "veth_srv_c2");
		trip_queued(t, left + 3 * US, 2, "ns_server", "veth_srv_c2");
	}
	trips[0].j.overtaken_by = &ids[1];
	trips[1].j.overtook = &ids[0];
	trips[0].j.n_overtaken_by = trips[1].j.n_overtook = 1;
	for (int i = 1; i < 4; i++)
		tell_whole(v, &trips[i % 3]);
	TELL(v, summary, &s);
}

/* Other packets, failing calls, and a run in which nothing matched. */
static void tell_calls(struct view *v)
{
	struct hs_summary s = { .packets = 312,
				.events = 900,
				.nothing = "312 packets seen, none matched 'udp port 8081'; 4 went "
					   "to port 8080" };
	struct hs_task bash = { 12, 12, "b\xff\x1b[31mad" };
	struct hs_call c;

	c = made_call(server, HS_CALL_BIND, "bind", 3, -EADDRNOTAVAIL, T0);
	c.given = ep("10.0.3.1", 8080);
	c.hint = "10.0.3.1 is on no interface of ns_server; it has 10.0.1.1, 10.0.2.1 and "
		 "127.0.0.1";
	TELL(v, call, &c);
	c = made_call(server, HS_CALL_BIND, "bind", 3, -EADDRINUSE, T0);
	c.given = ep("10.0.1.1", 8080);
	TELL(v, call, &c);
	c = made_call(server, HS_CALL_BIND, "bind", 3, 0, T0);
	c.given = ep("127.0.0.1", 0);
	c.local = ep("127.0.0.1", 40112);
	TELL(v, call, &c);
	c = made_call(server, HS_CALL_SOCKET, "socket", -1, 4, T0);
	c.family = AF_INET6;
	c.type = SOCK_RAW;
	c.protocol = IPPROTO_ICMPV6;
	TELL(v, call, &c);
	c = made_call(client, HS_CALL_RECVFROM, "recvfrom", 3, -EAGAIN, T0);
	c.left = T0 + 2ull * S;
	c.len = 64;
	c.flags = MSG_PEEK | MSG_TRUNC;
	TELL(v, call, &c);
	c = made_call(bash, HS_CALL_SHUTDOWN, "shutdown", 3, -4242, T0);
	c.flags = SHUT_WR;
	TELL(v, call, &c);
	TELL(v, summary, &s);
}

/* A ping, answered by the kernel; an ARP request; a fragment; a name that JSON must escape. */
static void tell_others(struct view *v)
{
	struct hs_summary s = { .packets = 4,
				.shown = 4,
				.consumed = 2,
				.left = 1,
				.refused = 1,
				.events = 9,
				.nothing = "" };
	struct hs_packet ping = udp("10.0.1.2", 0, "10.0.1.1", 0, 56), arp = { 0 }, frag = ping,
			 syn;
	struct hs_task odd = { 9, 9, "q\"\\\x01\xc3\xa9\xff" };
	struct trip request, reply, t;

	ping.proto = IPPROTO_ICMP;
	ping.has_ports = false;
	ping.has_icmp = true;
	ping.icmp_type = 8;
	ping.echo_id = 7;
	ping.echo_seq = 1;
	trip_init(&request, 1, ping, T0);
	trip_sent_by(&request, odd, 64);
	trip_hop(&request, HS_STAGE_RECEIVE, T0, "ns_server", "veth_srv_c1");
	trip_via(&request, HS_STAGE_ICMP_REPLY, T0, "ns_server", "veth_srv_c1", "icmp_reply");
	trip_last(&request, HS_STAGE_CONSUME, T0 + 900, "ns_server", "veth_srv_c1");
	trip_fate(&request, HS_FATE_CONSUMED, T0 + 900, "ns_server", "veth_srv_c1");
	ping.icmp_type = 0;
	ping.src = ep("10.0.1.1", 0);
	ping.dst = ep("10.0.1.2", 0);
	trip_init(&reply, 2, ping, T0 + 500);
	trip_caused_by(&reply, &request, "ICMP echo reply, built in icmp_reply");
	trip_hop(&reply, HS_STAGE_DEV_QUEUE, T0 + 500, "ns_server", "veth_srv_c1");
	trip_fate(&reply, HS_FATE_LEFT, T0 + 700, "ns_server", "eth0");
	/* the child first: it waits for its parent */
	tell_whole(v, &reply);
	tell_whole(v, &request);

	arp.ethertype = 0x0806;
	arp.arp_op = 1;
	arp.length = 28;
	arp.src = ep("10.0.1.2", 0);
	arp.dst = ep("10.0.1.1", 0);
	trip_init(&t, 3, arp, T0 + 5 * US);
	t.j.cause_kind = HS_CAUSE_KERNEL;
	t.j.cause_text = "the neighbour timer";
	trip_hop(&t, HS_STAGE_RECEIVE, T0 + 5 * US, "a-namespace-with-a-long-name", "eth0");
	trip_fate(&t, HS_FATE_CONSUMED, T0 + 9 * US, "a-namespace-with-a-long-name", "eth0");
	tell_whole(v, &t);

	syn = udp("10.0.1.2", 5000, "10.0.1.1", 80, 0);
	syn.proto = IPPROTO_TCP;
	syn.tcp_flags = 2;
	trip_init(&t, 4, syn, T0 + 15 * US);
	trip_sent_by(&t, client, -EINPROGRESS);
	trip_hop(&t, HS_STAGE_RECEIVE, T0 + 15 * US, "ns_server", "veth_srv_c1");
	trip_fate(&t, HS_FATE_REFUSED, T0 + 19 * US, "ns_server", "veth_srv_c1");
	t.j.fate.inferred = true;
	tell_whole(v, &t);

	frag.proto = IPPROTO_UDP;
	frag.has_ports = false;
	frag.fragmented = frag.later_fragment = true;
	frag.frag_offset = 1480;
	frag.payload = 520;
	trip_init(&t, 5, frag, T0 + 30 * US);
	trip_hop(&t, HS_STAGE_DEV_QUEUE, T0 + 30 * US, "ns_server", "veth_srv_c1");
	trip_fate(&t, HS_FATE_MERGED, T0 + 31 * US, "ns_server", "veth_srv_c1");
	tell_whole(v, &t);
	TELL(v, summary, &s);
}

/* No line is too long and no line is broken, whatever the width and the style. */
static void test_any_width(void **state)
{
	static void (*const tells[])(struct view * v) = {
		tell_delivered, tell_closed_port, tell_ten,   tell_ipv6,   tell_incomplete,
		tell_cut,	tell_untold,	  tell_calls, tell_others,
	};
	static make_view *const views[] = { render_list_new, render_tree_new, render_follow_new };

	(void)state;
	for (size_t i = 0; i < sizeof(tells) / sizeof(tells[0]); i++) {
		for (int n = 0; n < 3 * 4 * 3 * 5; n++) {
			static const int widths[] = { 60, 72, 80, 100, 200 };
			struct hs_render_options options = {
				.width = widths[n % 5],
				.ascii = n / 5 % 2,
				.plain = n / 10 % 2,
				.verbose = n / 20 % 3,
				.time = n % 4,
				.wall_offset = 1700000000ll * S,
				.start = T0 - S,
			};
			char *text = view_render(views[n / 60], tells[i], &options);

			view_check_lines(text, &options, false);
			free(text);
		}
	}
}

/* Colour only adds: without its escape sequences the text is the same. */
static void test_color_only_adds(void **state)
{
	static make_view *const views[] = { render_list_new, render_tree_new, render_follow_new };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct hs_render_options options = { .width = 80 };
		char *without = view_render(views[i], tell_closed_port, &options), *with, *to;

		options.color = true;
		with = view_render(views[i], tell_closed_port, &options);
		to = with;
		assert_non_null(strchr(with, '\033'));
		for (const char *from = with; *from; from++) {
			if (*from == '\033')
				from = strchr(from, 'm');
			else
				*to++ = *from;
		}
		*to = '\0';
		assert_string_equal(with, without);
		free(with);
		free(without);
	}
}

/* Every line of a packet begins with its id: grep '^#3 ' finds all of it. */
static void test_follow_greps(void **state)
{
	struct hs_render_options options = { .width = 60 };
	char *text = view_render(render_follow_new, tell_untold, &options), *save = NULL;
	int lines = 0;

	(void)state;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (strncmp(line, "#2 ", 3) != 0)
			continue;
		lines++;
		assert_int_equal(strncmp(line, "#2 <#1 ", 7), 0);
	}
	assert_true(lines > 8);
	free(text);
}

/* A child whose parent is never shown must come out in the end. */
static void tell_orphan(struct view *v)
{
	struct hs_summary s = { .packets = 1, .shown = 1, .nothing = "" };
	struct trip parent, child;

	trip_init(&parent, 1, udp("10.0.1.2", 1, "10.0.1.1", 2, 3), T0);
	trip_init(&child, 2, port_unreachable(&parent.j.packet), T0);
	trip_caused_by(&child, &parent, "");
	trip_hop(&child, HS_STAGE_DEV_QUEUE, T0, "ns_server", "veth_srv_c1");
	tell_whole(v, &child);
	TELL(v, summary, &s);
}

static void test_orphan(void **state)
{
	struct hs_render_options options = { .width = 80 };
	char *text = view_render(render_tree_new, tell_orphan, &options);

	(void)state;
	assert_non_null(strstr(text, "#2  ICMP"));
	free(text);
}

/* A full disk is found by ferror(). */
static void test_write_error(void **state)
{
	struct hs_render_options options = { .width = 80 };
	FILE *out = fopen("/dev/full", "we");
	struct view v;

	(void)state;
	if (!out)
		skip();
	setlinebuf(out);
	v.sink = render_list_new(out, &options);
	tell_calls(&v);
	assert_true(ferror(out));
	render_free(v.sink);
	fclose(out);
	render_free(NULL);
}

static const struct view_expectation expectations[] = {
	{ "delivered.list", render_list_new, tell_delivered, { 0 } },
	{ "delivered.tree", render_tree_new, tell_delivered, { 0 } },
	{ "delivered.follow", render_follow_new, tell_delivered, { 0 } },
	{ "delivered.json", render_json_new, tell_delivered, { .json_hops = true } },
	{ "delivered.list-v", render_list_new, tell_delivered, { .verbose = 1 } },
	{ "delivered.list-t",
	  render_list_new,
	  tell_delivered,
	  { .time = HS_TIME_WALL, .wall_offset = 1700000000ll * S, .utc_offset = 3600 } },
	{ "delivered.follow-tt",
	  render_follow_new,
	  tell_delivered,
	  { .time = HS_TIME_START, .start = T0 - 1ull * S } },
	{ "delivered.follow-ttt", render_follow_new, tell_delivered, { .time = HS_TIME_DELTA } },
	{ "closed_port.list", render_list_new, tell_closed_port, { 0 } },
	{ "closed_port.tree", render_tree_new, tell_closed_port, { 0 } },
	{ "closed_port.tree-v", render_tree_new, tell_closed_port, { .verbose = 1 } },
	{ "closed_port.tree-vv", render_tree_new, tell_closed_port, { .verbose = 2 } },
	{ "closed_port.follow", render_follow_new, tell_closed_port, { 0 } },
	{ "closed_port.follow-v", render_follow_new, tell_closed_port, { .verbose = 1 } },
	{ "closed_port.json", render_json_new, tell_closed_port, { 0 } },
	{ "closed_port.list-ascii", render_list_new, tell_closed_port, { .ascii = true } },
	{ "closed_port.tree-ascii", render_tree_new, tell_closed_port, { .ascii = true } },
	{ "closed_port.follow-ascii", render_follow_new, tell_closed_port, { .ascii = true } },
	{ "closed_port.list-plain", render_list_new, tell_closed_port, { .plain = true } },
	{ "closed_port.tree-plain", render_tree_new, tell_closed_port, { .plain = true } },
	{ "closed_port.follow-plain", render_follow_new, tell_closed_port, { .plain = true } },
	{ "closed_port.tree-color",
	  render_tree_new,
	  tell_closed_port,
	  { .color = true, .width = 200 } },
	{ "ten.list", render_list_new, tell_ten, { 0 } },
	{ "ten.tree", render_tree_new, tell_ten, { 0 } },
	{ "ten.follow", render_follow_new, tell_ten, { 0 } },
	{ "ipv6.list", render_list_new, tell_ipv6, { 0 } },
	{ "ipv6.tree", render_tree_new, tell_ipv6, { 0 } },
	{ "ipv6.follow", render_follow_new, tell_ipv6, { 0 } },
	{ "incomplete.list", render_list_new, tell_incomplete, { 0 } },
	{ "incomplete.tree", render_tree_new, tell_incomplete, { 0 } },
	{ "incomplete.follow", render_follow_new, tell_incomplete, { 0 } },
	{ "incomplete.json", render_json_new, tell_incomplete, { 0 } },
	{ "cut.list", render_list_new, tell_cut, { 0 } },
	{ "cut.tree", render_tree_new, tell_cut, { 0 } },
	{ "cut.follow", render_follow_new, tell_cut, { 0 } },
	{ "queues.list", render_list_new, tell_queues, { 0 } },
	{ "queues.tree", render_tree_new, tell_queues, { 0 } },
	{ "queues.follow", render_follow_new, tell_queues, { 0 } },
	{ "queues.json", render_json_new, tell_queues, { 0 } },
	{ "untold.list", render_list_new, tell_untold, { 0 } },
	{ "untold.tree", render_tree_new, tell_untold, { 0 } },
	{ "untold.follow", render_follow_new, tell_untold, { 0 } },
	{ "untold.json", render_json_new, tell_untold, { 0 } },
	{ "calls.list", render_list_new, tell_calls, { 0 } },
	{ "calls.tree", render_tree_new, tell_calls, { 0 } },
	{ "calls.json", render_json_new, tell_calls, { 0 } },
	{ "others.list", render_list_new, tell_others, { 0 } },
	{ "others.tree", render_tree_new, tell_others, { 0 } },
	{ "others.follow", render_follow_new, tell_others, { 0 } },
	{ "others.json", render_json_new, tell_others, { .ascii = true, .verbose = 2 } },
};

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(test_any_width),    cmocka_unit_test(test_color_only_adds),
		cmocka_unit_test(test_follow_greps), cmocka_unit_test(test_orphan),
		cmocka_unit_test(test_write_error),
	};
	int failed = view_check_all(expectations, sizeof(expectations) / sizeof(expectations[0]));

	return failed + cmocka_run_group_tests(others, NULL, NULL) ? 1 : 0;
}
