// SPDX-License-Identifier: BSD-2-Clause
#include "helper_conn.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SERVER_AT "10.0.1.1:8080"

struct stream *conn_lab(const char *word, ...)
{
	const char *words[8] = { word };
	struct stream *s;
	va_list ap;

	va_start(ap, word);
	for (int i = 0; words[i]; i++) {
		assert_true(i < 7);
		words[i + 1] = va_arg(ap, const char *);
	}
	va_end(ap);
	s = stream_new(words[0], words[1], words[2], words[3], words[4], words[5], words[6], NULL);
	stream_netns(s, CONN_NS_CLIENT, "ns_client");
	stream_netns(s, CONN_NS_SERVER, "ns_server");
	stream_dev(s, CONN_NS_CLIENT, CONN_LO, "lo", "loopback");
	stream_dev(s, CONN_NS_SERVER, CONN_LO, "lo", "loopback");
	stream_dev(s, CONN_NS_CLIENT, CONN_VETH_C, "veth_c", "veth");
	stream_dev(s, CONN_NS_SERVER, CONN_VETH_S, "veth_s", "veth");
	stream_dev(s, CONN_NS_SERVER, CONN_ETH, "eth0", "");
	stream_task(s, CONN_PID_CLIENT, "client");
	stream_task(s, CONN_PID_SERVER, "server");
	return s;
}

static void conn_init_end(struct conn *c, unsigned int end, uint32_t isn)
{
	struct conn_end *e = &c->end[end];

	stream_sock_is(c->s, e->sk, e->netns, IPPROTO_TCP, e->at, c->end[!end].at);
	*stream_tcp_of(c->s, e->sk) = (struct hs_rec_tcp){
		.sk = e->sk,
		.after = HS_TCP_CLOSE,
		.write_seq = isn,
		.snd_una = isn,
		.snd_nxt = isn,
		.sndbuf = 87040,
		.rcvbuf = 131072,
		.snd_wnd = 65536,
		.rcv_wnd = 65536,
	};
	e->window = 64;
}

void conn_init(struct conn *c, struct stream *s, unsigned int number)
{
	*c = (struct conn){
		.s = s,
		.request = 0x6000 + number * 0x10,
		.next_skb = 0xa0000 + number * 0x10000,
		.end = { { .sk = 0xc000 + number * 0x10,
			   .netns = CONN_NS_CLIENT,
			   .dev = CONN_VETH_C,
			   .pid = CONN_PID_CLIENT,
			   .fd = 3 },
			 { .sk = 0xd000 + number * 0x10,
			   .netns = CONN_NS_SERVER,
			   .dev = CONN_VETH_S,
			   .pid = CONN_PID_SERVER,
			   .cpu = 1,
			   .fd = 4 } },
	};
	snprintf(c->end[CLIENT].at, sizeof(c->end[CLIENT].at), "10.0.1.2:%u", 4000 + number);
	snprintf(c->end[SERVER].at, sizeof(c->end[SERVER].at), SERVER_AT);
	conn_init_end(c, CLIENT, CONN_CLIENT_ISN);
	conn_init_end(c, SERVER, CONN_SERVER_ISN);
}

void conn_set_isn(struct conn *c, uint32_t client, uint32_t server)
{
	conn_init_end(c, CLIENT, client);
	conn_init_end(c, SERVER, server);
}

struct stream *conn_lab_opened(struct conn *c)
{
	struct stream *s = conn_lab(NULL);

	conn_init(c, s, 0);
	conn_listen(c, 1);
	conn_open(c);
	conn_accept(c);
	s->noted_from = s->len;
	return s;
}

struct hs_rec_tcp *conn_tcp(struct conn *c, unsigned int end)
{
	return stream_tcp_of(c->s, c->end[end].sk);
}

void conn_state(struct conn *c, unsigned int end, enum hs_tcp_state before, enum hs_tcp_state after)
{
	stream_tcp_state(c->s, c->end[end].sk, before, after);
}

/* ---- segments ---- */

static bool is_after(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

static void conn_put(struct conn *c, const struct conn_segment *seg)
{
	const struct conn_end *me = &c->end[seg->from], *peer = &c->end[!seg->from];
	struct wire w = wire_segment(me->at, peer->at, seg->flags, seg->payload, seg->seq, seg->ack,
				     me->window);

	stream_birth(c->s, seg->skb, me->netns, me->dev, &w, c->sender ?: me->sk);
	c->sender = 0;
	stream_see(c->s, HS_STAGE_DEV_XMIT, seg->skb, me->netns, me->dev);
	stream_see(c->s, HS_STAGE_BACKLOG, seg->skb, peer->netns, peer->dev);
}

struct conn_segment conn_send(struct conn *c, unsigned int from, uint8_t flags, uint32_t payload)
{
	struct hs_rec_tcp *tcp = conn_tcp(c, from);
	struct conn_segment seg = {
		.skb = c->next_skb,
		.from = from,
		.flags = flags,
		.payload = payload,
		.seq = tcp->snd_nxt,
		.ack = flags & CONN_ACK ? tcp->rcv_nxt : 0,
	};

	c->next_skb += 0x100;
	conn_put(c, &seg);
	tcp->snd_nxt += payload + !!(flags & CONN_SYN) + !!(flags & CONN_FIN);
	if (is_after(tcp->snd_nxt, tcp->write_seq))
		tcp->write_seq = tcp->snd_nxt;
	return seg;
}

struct conn_segment conn_send_again(struct conn *c, const struct conn_segment *seg)
{
	struct conn_segment again = *seg;

	again.skb = c->next_skb;
	c->next_skb += 0x100;
	conn_put(c, &again);
	return again;
}

void conn_arrive_here(struct conn *c, const struct conn_segment *seg)
{
	const struct conn_end *peer = &c->end[!seg->from];

	stream_see(c->s, HS_STAGE_RECEIVE, seg->skb, peer->netns, peer->dev);
}

void conn_arrive(struct conn *c, const struct conn_segment *seg)
{
	stream_softirq(c->s, c->s->cpu);
	conn_arrive_here(c, seg);
}

void conn_take(struct conn *c, const struct conn_segment *seg)
{
	const struct conn_end *peer = &c->end[!seg->from];
	struct hs_rec_tcp *tcp = conn_tcp(c, !seg->from);

	stream_tcp(c->s, HS_TCP_RECEIVED, peer->sk, seg->skb);
	tcp->snd_una = seg->ack;
	if (!seg->payload)
		return;
	tcp->rcv_nxt = seg->seq + seg->payload;
	stream_queued(c->s, peer->sk, seg->skb, 1);
}

struct conn_segment conn_deliver(struct conn *c, unsigned int from, uint8_t flags, uint32_t payload)
{
	struct conn_segment seg = conn_send(c, from, flags, payload);

	conn_arrive(c, &seg);
	conn_take(c, &seg);
	stream_back(c->s);
	return seg;
}

/* ---- calls ---- */

static void conn_call(struct conn *c, unsigned int end, enum hs_call_id call, int fd, uint64_t sk,
		      uint64_t len)
{
	stream_by(c->s, c->end[end].cpu, c->end[end].pid);
	if (c->unfollowed)
		c->s->call = call;
	else
		stream_enter(c->s, call, fd, sk, len,
			     call == HS_CALL_CONNECT ? c->end[!end].at : NULL);
}

void conn_leave(struct conn *c, int64_t ret)
{
	stream_back(c->s);
	if (c->unfollowed)
		c->s->call = 0;
	else
		stream_leave(c->s, ret);
}

void conn_enter(struct conn *c, unsigned int end, enum hs_call_id call, uint64_t len)
{
	conn_call(c, end, call, c->end[end].fd, c->end[end].sk, len);
}

void conn_listen(struct conn *c, uint32_t backlog)
{
	struct stream *s = c->s;

	stream_sock_is(s, CONN_LISTENER, CONN_NS_SERVER, IPPROTO_TCP, "0.0.0.0:8080", NULL);
	*stream_tcp_of(s, CONN_LISTENER) =
		(struct hs_rec_tcp){ .sk = CONN_LISTENER, .after = HS_TCP_CLOSE };
	conn_call(c, SERVER, HS_CALL_LISTEN, 3, CONN_LISTENER, 0);
	stream_tcp_of(s, CONN_LISTENER)->backlog_max = backlog;
	stream_tcp_state(s, CONN_LISTENER, HS_TCP_CLOSE, HS_TCP_LISTEN);
	conn_leave(c, 0);
}

/* Before the port is chosen: tcp_v4_connect(). */
static void conn_without_port(struct conn *c)
{
	struct conn_end *e = &c->end[CLIENT];

	stream_sock_is(c->s, e->sk, e->netns, IPPROTO_TCP, "0.0.0.0:0", NULL);
}

static void conn_with_ports(struct conn *c)
{
	struct conn_end *e = &c->end[CLIENT];

	stream_sock_is(c->s, e->sk, e->netns, IPPROTO_TCP, e->at, c->end[SERVER].at);
}

struct conn_segment conn_syn(struct conn *c)
{
	struct conn_end *e = &c->end[CLIENT];

	conn_without_port(c);
	conn_enter(c, CLIENT, HS_CALL_CONNECT, 0);
	conn_state(c, CLIENT, HS_TCP_CLOSE, HS_TCP_SYN_SENT);
	conn_with_ports(c);
	stream_sock(c->s, e->sk, 0, "", false);
	return conn_send(c, CLIENT, CONN_SYN, 0);
}

struct conn_segment conn_synack(struct conn *c, const struct conn_segment *syn)
{
	struct conn_segment synack;

	conn_tcp(c, SERVER)->rcv_nxt = syn->seq + 1;
	conn_tcp(c, SERVER)->copied_seq = syn->seq + 1;
	c->sender = c->request;
	synack = conn_send(c, SERVER, CONN_SYN | CONN_ACK, 0);
	stream_consume(c->s, syn->skb, "tcp_rcv_state_process");
	return synack;
}

struct conn_segment conn_established(struct conn *c, const struct conn_segment *synack)
{
	struct hs_rec_tcp *tcp = conn_tcp(c, CLIENT);

	tcp->rcv_nxt = tcp->copied_seq = synack->seq + 1;
	tcp->snd_una = synack->ack;
	stream_tcp_state(c->s, c->end[CLIENT].sk, HS_TCP_SYN_SENT, HS_TCP_ESTABLISHED);
	return conn_send(c, CLIENT, CONN_ACK, 0);
}

void conn_child(struct conn *c)
{
	struct hs_rec_tcp *tcp = conn_tcp(c, SERVER), *listener;

	stream_tcp_state(c->s, c->end[SERVER].sk, HS_TCP_LISTEN, HS_TCP_SYN_RECV);
	tcp->snd_una = tcp->snd_nxt;
	stream_tcp_state(c->s, c->end[SERVER].sk, HS_TCP_SYN_RECV, HS_TCP_ESTABLISHED);
	listener = stream_tcp_of(c->s, CONN_LISTENER);
	listener->backlog++;
	stream_queued(c->s, CONN_LISTENER, 0, 0);
}

void conn_open(struct conn *c)
{
	struct conn_segment syn = conn_syn(c), synack, ack;

	conn_arrive(c, &syn);
	synack = conn_synack(c, &syn);
	conn_arrive_here(c, &synack);
	/* connect() held the socket: it is processed when it lets go, release_sock(). */
	stream_back(c->s);
	ack = conn_established(c, &synack);
	conn_arrive(c, &ack);
	conn_child(c);
	conn_leave(c, 0);
}

void conn_accept(struct conn *c)
{
	conn_call(c, SERVER, HS_CALL_ACCEPT, 3, CONN_LISTENER, 0);
	stream_tcp_of(c->s, CONN_LISTENER)->backlog--;
	c->s->open.len = c->end[SERVER].sk; /* the new socket */
	conn_leave(c, c->end[SERVER].fd);
}

struct conn_segment conn_write(struct conn *c, unsigned int end, uint32_t bytes)
{
	struct conn_segment seg, ack;

	conn_enter(c, end, HS_CALL_SENDTO, bytes);
	seg = conn_send(c, end, CONN_PSH | CONN_ACK, bytes);
	conn_arrive(c, &seg);
	conn_take(c, &seg);
	ack = conn_send(c, !end, CONN_ACK, 0);
	conn_arrive_here(c, &ack);
	stream_back(c->s);
	conn_take(c, &ack);
	conn_leave(c, bytes);
	return seg;
}

void conn_read(struct conn *c, unsigned int end, uint32_t bytes)
{
	conn_enter(c, end, HS_CALL_RECVFROM, 4096);
	conn_tcp(c, end)->copied_seq += bytes;
	stream_read(c->s, c->end[end].sk, bytes, 0, 0);
	conn_leave(c, bytes);
}

struct conn_segment conn_close(struct conn *c, unsigned int end, enum hs_tcp_state before,
			       enum hs_tcp_state after)
{
	conn_enter(c, end, HS_CALL_CLOSE, 0);
	conn_state(c, end, before, after);
	return conn_send(c, end, CONN_FIN | CONN_ACK, 0);
}

void conn_take_fin(struct conn *c, const struct conn_segment *fin)
{
	struct hs_rec_tcp *tcp = conn_tcp(c, !fin->from);
	uint64_t sk = c->end[!fin->from].sk;

	stream_tcp(c->s, HS_TCP_RECEIVED, sk, fin->skb);
	tcp->rcv_nxt = fin->seq + 1;
	conn_state(c, !fin->from, HS_TCP_ESTABLISHED, HS_TCP_CLOSE_WAIT);
	stream_queued(c->s, sk, fin->skb, 1);
}

void conn_read_end(struct conn *c, unsigned int end)
{
	conn_enter(c, end, HS_CALL_RECVFROM, 4096);
	conn_tcp(c, end)->copied_seq = conn_tcp(c, end)->rcv_nxt;
	stream_read(c->s, c->end[end].sk, 0, 0, 0);
	conn_leave(c, 0);
}

struct conn_segment conn_last_fin(struct conn *c, const struct conn_segment *fin)
{
	unsigned int end = !fin->from;
	struct hs_rec_tcp *tcp = conn_tcp(c, end);
	struct conn_segment ack;

	tcp->snd_una = fin->ack;
	conn_state(c, end, HS_TCP_FIN_WAIT1, HS_TCP_FIN_WAIT2);
	tcp->rcv_nxt = fin->seq + 1;
	ack = conn_send(c, end, CONN_ACK, 0);
	conn_state(c, end, HS_TCP_FIN_WAIT2, HS_TCP_CLOSE);
	stream_drop(c->s, fin->skb, "QUEUE_PURGE", "sk_stream_kill_queues");
	return ack;
}

void conn_whole(struct conn *c)
{
	struct conn_segment fin, ack;

	conn_open(c);
	conn_accept(c);
	fin = conn_close(c, CLIENT, HS_TCP_ESTABLISHED, HS_TCP_FIN_WAIT1);
	conn_arrive(c, &fin);
	conn_take_fin(c, &fin);
	conn_leave(c, 0);
	conn_read_end(c, SERVER);
	/* Its FIN acknowledges the client's: no ACK of its own. */
	fin = conn_close(c, SERVER, HS_TCP_CLOSE_WAIT, HS_TCP_LAST_ACK);
	conn_arrive(c, &fin);
	ack = conn_last_fin(c, &fin);
	conn_arrive_here(c, &ack);
	stream_back(c->s);
	conn_tcp(c, SERVER)->snd_una = ack.ack;
	conn_state(c, SERVER, HS_TCP_LAST_ACK, HS_TCP_CLOSE);
	conn_leave(c, 0);
}
