// SPDX-License-Identifier: BSD-2-Clause
/*
 * Why bytes that a program wrote to a TCP socket were not sent at once. No event tells; it is concluded from how
 * the socket was when the call returned, as tcp_write_xmit() would have judged it (net/ipv4/tcp_output.c).
 */
#include <string.h>
#include <sys/socket.h>

#include "engine.h"

/* include/net/tcp.h */
#define TCP_NAGLE_OFF  1
#define TCP_NAGLE_CORK 2

/* tcp_snd_wnd_test(): does the next segment end behind the window? */
static bool window_is_full(const struct hs_rec_tcp *tcp)
{
	uint32_t unsent = tcp->write_seq - tcp->snd_nxt;
	uint32_t next = tcp->snd_nxt + (unsent < tcp->mss ? unsent : tcp->mss);

	return seq_before(tcp->snd_una + tcp->snd_wnd, next);
}

static enum hs_hold hold_of(const struct hs_rec_tcp *tcp, uint32_t flags)
{
	bool partial = tcp->write_seq - tcp->snd_nxt < tcp->mss;

	if (window_is_full(tcp))
		return HS_HOLD_WINDOW;
	if (tcp->in_flight >= tcp->cwnd)
		return HS_HOLD_CONGESTION;
	if (partial && (tcp->nonagle & TCP_NAGLE_CORK || flags & MSG_MORE))
		return HS_HOLD_CORK;
	/* tcp_minshall_check() */
	if (partial && !(tcp->nonagle & TCP_NAGLE_OFF) && tcp->in_flight &&
	    seq_before(tcp->snd_una, tcp->snd_sml) && !seq_before(tcp->snd_nxt, tcp->snd_sml))
		return HS_HOLD_NAGLE;
	return HS_HOLD_OTHER;
}

void hold_written(struct flow_end *end, const struct sock_node *s, const struct hs_call *c,
		  uint32_t from, uint32_t to)
{
	const struct hs_rec_tcp *tcp = &s->tcp;
	struct written w = { .from = from, .to = to, .time = c->left, .call = c->name };

	/* mss 0: a recording that does not tell. */
	if (!tcp->mss || !seq_before(tcp->snd_nxt, to))
		return;
	if (seq_before(w.from, tcp->snd_nxt))
		w.from = tcp->snd_nxt;
	w.by = hold_of(tcp, c->flags);
	if (end->n_written == WRITTEN_MAX)
		end->written[WRITTEN_MAX - 1].to = to;
	else
		end->written[end->n_written++] = w;
}

void hold_closed(struct flow_end *end)
{
	for (size_t i = 0; i < end->n_written; i++)
		end->written[i].by = HS_HOLD_WINDOW;
}

static const char *hold_text(struct hs_journeys *js, const struct hs_journey *j)
{
	static const char *const by[HS_HOLD_MAX] = {
		[HS_HOLD_NAGLE] = "Nagle's algorithm kept it back",
		[HS_HOLD_CORK] = "corked, as more was announced",
		[HS_HOLD_WINDOW] = "the peer's window was full",
		[HS_HOLD_CONGESTION] = "the congestion window was full",
		[HS_HOLD_OTHER] = "paced, or the device was busy",
	};

	return names_internf(js->names, "%s after %s(): %s%s (inferred)",
			     tell_duration(js, j->held), j->held_call, by[j->held_by],
			     j->held_delayed_ack ? " until the peer's delayed ACK" : "");
}

void hold_sent(struct hs_journeys *js, struct flow_end *end, struct node *n)
{
	uint32_t seq = n->j.packet.tcp_seq, next = seq + n->j.packet.payload;
	const struct node *cause = node_by_serial(js, n->cause);
	size_t gone = 0;

	if (n->j.retransmission || seq == next)
		return;
	for (; gone < end->n_written && seq_before(end->written[gone].from, next); gone++) {
		struct written *w = &end->written[gone];

		if (!seq_before(seq, w->from) && seq_before(seq, w->to) && n->j.born > w->time) {
			n->j.held = n->j.born - w->time;
			n->j.held_by = w->by;
			n->j.held_call = w->call;
			n->j.held_delayed_ack = cause && cause->j.cause_kind == HS_CAUSE_TIMER &&
						cause->j.packet.tcp_ack == seq &&
						!cause->j.packet.payload;
			n->j.held_text = hold_text(js, &n->j);
		}
		if (seq_before(next, w->to)) {
			w->from = next;
			break;
		}
	}
	end->n_written -= gone;
	memmove(end->written, end->written + gone, end->n_written * sizeof(end->written[0]));
}

/*
 * It waits until a third of the buffer is free: sk_stream_is_writeable(), include/net/sock.h. The buffer may have
 * grown meanwhile, tcp_sndbuf_expand().
 */
static bool still_waits(const struct hs_rec_tcp *tcp)
{
	return tcp->wmem >= tcp->sndbuf || tcp->sndbuf - tcp->wmem < tcp->wmem / 2;
}

void hold_full(struct hs_journeys *js, const struct sock_node *s)
{
	const struct hs_rec_tcp *tcp = &s->tcp;
	struct open_call *call, *tmp;

	if (!tcp->mss || !still_waits(tcp))
		return;
	HASH_ITER (hh, js->calls, call, tmp) {
		if (call->sk != s->sk || !call_sends(call->c.id))
			continue;
		call->c.buffer_full |= tcp->wmem >= tcp->sndbuf;
		call->c.window_full |= call->c.buffer_full && window_is_full(tcp);
	}
}
