// SPDX-License-Identifier: BSD-2-Clause
#include "helper_story.h"

#include <errno.h>
#include <netinet/in.h>

enum { NS_A = 1, NS_B = 2, VETH_A = 2, VETH_B = 3, VLAN_A = 4, ETH = 5 };
enum { CLIENT = 812, SERVER = 700 };
enum { SK_CLIENT = 0xc000, SK_SERVER = 0x5000, SK_SIX = 0x6000, SK_RAW = 0x7000 };

static void story_names(struct stream *s)
{
	stream_netns(s, NS_A, "ns_a");
	stream_netns(s, NS_B, "ns_b");
	stream_dev(s, NS_A, VETH_A, "veth_a", "veth");
	stream_dev(s, NS_B, VETH_B, "veth_b", "veth");
	stream_dev(s, NS_A, VLAN_A, "vlan5", "vlan");
	stream_dev(s, NS_B, ETH, "eth0", "");
	stream_task(s, CLIENT, "client");
	stream_task(s, SERVER, "server");
	stream_sock_is(s, SK_CLIENT, NS_A, IPPROTO_UDP, "10.0.1.2:4000", "10.0.1.1:8080");
	stream_sock_is(s, SK_SERVER, NS_B, IPPROTO_UDP, "10.0.1.1:8080", NULL);
	stream_sock_is(s, SK_SIX, NS_B, IPPROTO_UDP, "[::]:53", NULL);
	stream_sock_is(s, SK_RAW, NS_B, IPPROTO_ICMP, "0.0.0.0", NULL);
	stream_sock(s, SK_SERVER, SERVER, "server", true);
	stream_sock(s, SK_SIX, SERVER, "server", true);
	stream_sock(s, SK_RAW, SERVER, "server", false);
	stream_counter(s, NS_B, 0, 0, 0);
}

static void story_cross(struct stream *s, uint64_t skb, const struct wire *w, uint64_t sk)
{
	stream_stack(s, "bpf_prog_1 < __dev_queue_xmit < ip_finish_output2 < ip_output < "
			"udp_sendmsg < __sys_sendto < do_syscall_64");
	stream_birth(s, skb, NS_A, VETH_A, w, sk);
	stream_see(s, HS_STAGE_DEV_XMIT, skb, NS_A, VETH_A);
	stream_see(s, HS_STAGE_BACKLOG, skb, NS_B, VETH_B);
	stream_softirq(s, 0);
	stream_stack(s, "__netif_receive_skb_core < process_backlog < net_rx_action < "
			"handle_softirqs < __dev_queue_xmit");
	stream_see(s, HS_STAGE_RECEIVE, skb, NS_B, VETH_B);
}

static void story_delivered(struct stream *s)
{
	struct wire w = wire_udp("10.0.1.2:4000", "10.0.1.1:8080", 40);

	stream_by(s, 0, CLIENT);
	stream_enter(s, HS_CALL_SENDTO, 3, SK_CLIENT, 40, "10.0.1.1:8080");
	story_cross(s, 0xa000, &w, SK_CLIENT);
	stream_stack(s, "sock_def_readable < __udp_enqueue_schedule_skb < udp_rcv < "
			"ip_local_deliver < ip_rcv < handle_softirqs");
	stream_queued(s, SK_SERVER, 0xa000, 1);
	stream_leave(s, 40);
	stream_by(s, 1, SERVER);
	stream_enter(s, HS_CALL_RECVFROM, 4, SK_SERVER, 16, NULL);
	stream_consume(s, 0xa000, "skb_consume_udp");
	stream_read(s, SK_SERVER, 16, 0, 0);
	stream_leave(s, 16);
}

static void story_closed_port(struct stream *s)
{
	struct wire w = wire_udp("10.0.1.2:4000", "10.0.1.1:8081", 4),
		    e = wire_error(&w, "10.0.1.1", 3, 3);

	stream_by(s, 0, CLIENT);
	stream_enter(s, HS_CALL_SENDTO, 3, SK_CLIENT, 4, NULL);
	story_cross(s, 0xb000, &w, SK_CLIENT);
	stream_stack(s, "__icmp_send < __udp4_lib_rcv < handle_softirqs");
	stream_icmp(s, 0xb000, NS_B, VETH_B, 3, 3);
	stream_birth(s, 0xb100, NS_B, VETH_B, &e, 0);
	stream_see(s, HS_STAGE_DEV_XMIT, 0xb100, NS_B, VETH_B);
	stream_see(s, HS_STAGE_BACKLOG, 0xb100, NS_A, VETH_A);
	stream_bound(s, NS_B, IPPROTO_UDP, "10.0.1.9:8081");
	stream_counter(s, NS_B, 0, 1, 0);
	stream_drop(s, 0xb000, "NO_SOCKET", "__udp4_lib_rcv");
	stream_see(s, HS_STAGE_RECEIVE, 0xb100, NS_A, VETH_A);
	stream_error(s, SK_CLIENT, ECONNREFUSED);
	stream_consume(s, 0xb100, "icmp_rcv");
	stream_leave(s, 4);
	stream_enter(s, HS_CALL_RECVFROM, 3, SK_CLIENT, 4, NULL);
	stream_read(s, SK_CLIENT, -ECONNREFUSED, 0, 0);
	stream_leave(s, -ECONNREFUSED);
	/* the next one gets no error */
	stream_by(s, 0, CLIENT);
	story_cross(s, 0xb000, &w, SK_CLIENT);
	stream_drop(s, 0xb000, "NO_SOCKET", "__udp4_lib_rcv");
	stream_back(s);
}

static void story_six(struct stream *s)
{
	struct wire w = wire_udp("[fd00::2]:4000", "[fd00::1]:53", 30),
		    e = wire_error(&w, "fd00::1", 1, 4), nd = wire_icmp6("fd00::2", "ff02::1", 135);

	stream_by(s, 2, CLIENT);
	stream_birth(s, 0xd100, NS_A, VETH_A, &nd, 0);
	story_cross(s, 0xd000, &w, 0);
	stream_queued(s, SK_SIX, 0xd000, 1);
	stream_back(s);
	story_cross(s, 0xd200, &w, 0);
	stream_birth(s, 0xd300, NS_B, VETH_B, &e, 0);
	stream_drop(s, 0xd200, "NO_SOCKET", "__udp6_lib_rcv");
	stream_by(s, 2, 0);
	stream_drop(s, 0xd000, "NOT_SPECIFIED", "udp_destruct_common");
}

static void story_others(struct stream *s)
{
	struct wire arp = wire_arp("10.0.1.2", "10.0.1.1", 1),
		    ping = wire_echo("10.0.1.2", "10.0.1.1", false, 56),
		    tcp = wire_tcp("10.0.1.2:5000", "10.0.1.1:80", 0x02, 0),
		    big = wire_udp("10.0.1.2:4000", "10.0.1.1:8080", 2000),
		    first = wire_fragment(big, 0, true, 1480),
		    last = wire_fragment(big, 1480, false, 528);

	stream_by(s, 0, CLIENT);
	story_cross(s, 0xe000, &arp, 0);
	stream_back(s);
	story_cross(s, 0xe100, &ping, 0);
	stream_queued(s, SK_RAW, 0xe180, 1);
	stream_consume(s, 0xe100, "icmp_rcv");
	stream_back(s);
	stream_birth(s, 0xe200, NS_A, VLAN_A, &tcp, 0);
	stream_see(s, HS_STAGE_DEV_XMIT, 0xe200, NS_A, VLAN_A);
	story_cross(s, 0xe200, &tcp, 0);
	stream_back(s);
	story_cross(s, 0xe300, &first, SK_CLIENT);
	story_cross(s, 0xe400, &last, SK_CLIENT);
	stream_softirq(s, 3);
	stream_arrival(s, 0xe500, NS_B, ETH, &big);
	stream_drop_at(s, 0xe500, "SOCKET_RCVBUFF", "__udp_enqueue_schedule_skb", SK_SERVER, 2304,
		       2304);
}

void story_tell(struct stream *s)
{
	story_names(s);
	story_delivered(s);
	story_closed_port(s);
	stream_tick(s, 150 * STREAM_MS);
	story_six(s);
	story_others(s);
	stream_by(s, 0, CLIENT);
	stream_lose(s, 3);
	story_delivered(s);
	stream_see(s, HS_STAGE_DEV_XMIT, 0xf000, NS_A, VETH_A); /* its birth was lost */
	stream_loss(s, 5, 1, 0);
	stream_tick(s, 3 * STREAM_S);
	story_delivered(s);
	stream_by(s, 0, CLIENT);
	stream_sock_is(s, 0xc800, NS_A, IPPROTO_UDP, "0.0.0.0:0", NULL);
	stream_enter(s, HS_CALL_BIND, 5, 0xc800, 0, "10.9.9.9:80");
	stream_leave(s, -EADDRNOTAVAIL);
	stream_enter(s, HS_CALL_CLOSE, 5, 0xc800, 0, NULL);
	stream_leave(s, 0);
	stream_end(s);
}
