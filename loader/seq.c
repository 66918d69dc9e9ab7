// SPDX-License-Identifier: BSD-2-Clause
/*
 * The bytes of a TCP connection by their sequence numbers (RFC 9293, 3.4): which segment carried them,
 * how often it was sent, which call read them. Numbers wrap, so they are compared by difference.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

#define SEGMENTS_MAX 4096 /* kept for one direction */

bool seq_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

uint32_t seq_rel(const struct flow_end *end, uint32_t seq)
{
	return end->has_isn ? seq - end->isn : 0;
}

uint32_t seq_fin_before(const struct flow_end *end, uint32_t copied)
{
	for (size_t i = end->n_segs; i-- > 0;)
		if (end->segs[i].flags & TH_FIN)
			return end->segs[i].end == copied;
	return 0;
}

static uint32_t segment_bytes(const struct segment *seg)
{
	return seg->end - seg->seq - !!(seg->flags & TH_SYN) - !!(seg->flags & TH_FIN);
}

/* Acknowledged, and read, or with nothing to read. */
static bool segment_is_done(const struct segment *seg, const struct flow_end *end,
			    const struct flow_end *other)
{
	if (!end->acked || seq_before(end->una, seg->end))
		return false;
	/* A stranger's reads are not seen. A FIN is kept: seq_fin_before() asks for it. */
	return !(seg->flags & TH_FIN) && (!segment_bytes(seg) || seg->read || !other->netns);
}

static void segments_prune(struct hs_journeys *js, struct flow_end *end,
			   const struct flow_end *other)
{
	size_t gone = 0;

	while (gone < end->n_segs && segment_is_done(&end->segs[gone], end, other))
		gone++;
	if (end->n_segs - gone >= SEGMENTS_MAX) {
		js->sum.losses.n[HS_LOSS_SEGMENTS] += end->n_segs - gone - (SEGMENTS_MAX - 1);
		gone = end->n_segs - SEGMENTS_MAX + 1;
	}
	if (!gone)
		return;
	end->n_segs -= gone;
	memmove(end->segs, end->segs + gone, end->n_segs * sizeof(*end->segs));
}

static void segments_add(struct hs_journeys *js, struct flow_end *end, struct segment seg)
{
	if (end->n_segs == end->room_segs) {
		size_t room = end->room_segs ? end->room_segs * 2 : 8;
		struct segment *grown = realloc(end->segs, room * sizeof(*grown));

		if (!grown) {
			js->error = -ENOMEM;
			return;
		}
		end->segs = grown;
		end->room_segs = room;
	}
	end->segs[end->n_segs++] = seg;
}

static struct segment *segment_with(struct flow_end *end, uint32_t seq)
{
	for (size_t i = end->n_segs; i-- > 0;) {
		struct segment *seg = &end->segs[i];

		if (!seq_before(seq, seg->seq) && seq_before(seq, seg->end))
			return seg;
	}
	return NULL;
}

/* Where a direction's start was not seen, its first segment is where counting begins. */
static void seq_begin(struct flow_end *end, uint32_t isn)
{
	if (end->has_isn)
		return;
	end->has_isn = true;
	end->isn = isn;
}

static void seq_again(struct hs_journeys *js, struct flow_end *end, struct node *n)
{
	struct segment *seg = segment_with(end, n->j.packet.tcp_seq);

	n->j.retransmission = seg ? ++seg->times : 1;
	if (!seg)
		return;
	seg->id = node_id(js, seg->serial) ?: seg->id;
	n->j.retransmission_of = seg->id;
	n->j.resent_after = n->j.born - seg->sent;
	seg->sent = n->j.born;
}

/* What the larger one carried first is this one's; the rest stays. */
static void segment_cut(struct hs_journeys *js, struct flow_end *end, const struct node *n,
			uint32_t next)
{
	uint32_t seq = n->j.packet.tcp_seq;
	struct segment *seg = segment_with(end, seq);
	struct segment rest;

	if (!seg || seg->seq != seq)
		return;
	rest = *seg;
	rest.seq = next;
	rest.flags &= ~TH_SYN;
	seg->serial = n->serial;
	seg->flags = n->j.packet.tcp_flags;
	if (!seq_before(next, seg->end))
		return;
	seg->end = next;
	segments_add(js, end, rest);
}

void seq_sent(struct hs_journeys *js, struct flow_node *f, struct node *n, bool cut)
{
	const struct hs_packet *p = &n->j.packet;
	struct flow_end *end = &f->end[n->j.from], *other = &f->end[!n->j.from];
	uint32_t seq = p->tcp_seq, next;
	bool syn = p->tcp_flags & TH_SYN, fin = p->tcp_flags & TH_FIN;

	next = seq + p->payload + syn + fin;
	/* An RST for a connection that does not exist has seq 0, or the segment's ack (RFC 9293, 3.10.7.1). */
	if (p->tcp_flags & TH_RST && !end->has_isn) {
		n->j.has_rel = other->has_isn;
		n->j.rel_ack = p->tcp_flags & TH_ACK ? seq_rel(other, p->tcp_ack) : 0;
		return;
	}
	seq_begin(end, syn ? seq : seq - 1);
	if (p->tcp_flags & TH_ACK) {
		seq_begin(other, p->tcp_ack - 1);
		n->j.rel_ack = seq_rel(other, p->tcp_ack);
	}
	n->j.has_rel = true;
	n->j.rel_seq = seq_rel(end, seq);
	if (p->tcp_flags & TH_RST)
		return;
	n->j.zero_window = !p->tcp_window && !syn;
	if (next == seq) {
		/* tcp_xmit_probe_skb(): one before the next byte, to get an answer. */
		n->j.window_probe =
			end->has_max && seq == end->max - 1 && end->acked && !end->window;
		n->keepalive = end->has_max && seq == end->max - 1 && !n->j.window_probe;
		return;
	}
	if (cut && end->has_max && !seq_before(end->max, next)) {
		segment_cut(js, end, n, next);
		return;
	}
	if (end->has_max && seq_before(seq, end->max)) {
		seq_again(js, end, n);
		if (!seq_before(end->max, next))
			return;
		seq = end->max; /* more than before: the rest is new */
	}
	end->has_max = true;
	end->max = next;
	segments_prune(js, end, other);
	segments_add(js, end,
		     (struct segment){
			     .seq = seq,
			     .end = next,
			     .serial = n->serial,
			     .sent = n->j.born,
			     .flags = p->tcp_flags,
		     });
}

void seq_arrived(struct hs_journeys *js, struct flow_node *f, const struct node *n)
{
	const struct hs_packet *p = &n->j.packet;
	struct flow_end *end = &f->end[!n->j.from];

	if (!(p->tcp_flags & TH_ACK) || p->tcp_flags & TH_RST)
		return;
	if (!end->acked || !seq_before(p->tcp_ack, end->una)) {
		end->acked = true;
		end->una = p->tcp_ack;
		end->window = p->tcp_window;
		if (!end->window)
			hold_closed(end);
	}
	segments_prune(js, end, &f->end[n->j.from]);
}

void seq_queued(struct flow_node *f, const struct node *n, uint64_t time)
{
	struct flow_end *end = &f->end[n->j.from];
	uint32_t first = n->j.packet.tcp_seq, last = first + n->j.packet.payload;

	for (size_t i = 0; i < end->n_segs; i++) {
		struct segment *seg = &end->segs[i];

		/* A FIN without bytes takes one number, too. */
		if (seg->queued || seq_before(seg->seq, first) ||
		    (seg->seq != first && !seq_before(seg->seq, last)))
			continue;
		seg->queued = time;
		seg->carrier = n->serial;
	}
}

uint32_t seq_carrier_before(const struct flow_node *f, const struct node *n)
{
	const struct flow_end *end = f ? &f->end[n->j.from] : NULL;

	for (size_t i = 0; end && i < end->n_segs; i++)
		if (end->segs[i].end == n->j.packet.tcp_seq && segment_bytes(&end->segs[i]))
			return end->segs[i].carrier ?: end->segs[i].serial;
	return 0;
}

void seq_joined(struct hs_journeys *js, struct sock_node *s, uint64_t time)
{
	struct flow_node *f = s->tcp.sk ? flow_by_serial(js, s->flow) : NULL;
	struct flow_end *end;

	if (!f)
		return;
	end = &f->end[!s->end];
	for (size_t i = 0; i < end->n_segs; i++) {
		struct segment *seg = &end->segs[i];
		struct node *n;

		/* Of one that was sent again it is not known which copy came first. */
		if (seg->queued || seg->times || !segment_bytes(seg) ||
		    seq_before(s->tcp.rcv_nxt, seg->end - !!(seg->flags & TH_FIN)))
			continue;
		n = node_by_serial(js, seg->serial);
		if (n && fate_joined(js, n, s, time))
			seq_queued(f, n, time);
	}
}

uint32_t seq_unanswered(const struct flow_end *end, uint32_t *ret_times)
{
	for (size_t i = 0; i < end->n_segs; i++)
		if (end->segs[i].times && (!end->acked || seq_before(end->una, end->segs[i].end))) {
			*ret_times = end->segs[i].times;
			return end->segs[i].serial;
		}
	return 0;
}

/* The last byte of `n` has been read. */
static void seq_read_journey(struct hs_journeys *js, struct node *n, const struct segment *seg,
			     const struct hs_read *read)
{
	n->j.read = *read;
	n->j.read.copied = n->j.packet.payload;
	n->j.read.lost = 0;
	n->j.read.inferred = false;
	n->j.read.waited = seg->queued && read->time > seg->queued ? read->time - seg->queued : 0;
	reader_explain(js, seg->queued, &n->j.read);
	node_read(js, n);
}

void seq_read(struct hs_journeys *js, struct flow_node *f, unsigned int reader, uint32_t copied,
	      const struct hs_read *read, struct open_call *call)
{
	struct flow_end *end = &f->end[!reader];
	uint32_t from = copied - seq_fin_before(end, copied) - read->copied;

	for (size_t i = 0; i < end->n_segs; i++) {
		struct segment *seg = &end->segs[i];
		uint32_t last = seg->end - !!(seg->flags & TH_FIN);
		uint32_t first = seg->seq + !!(seg->flags & TH_SYN);
		uint32_t carrier = seg->carrier ? seg->carrier : seg->serial;
		struct node *n = node_by_serial(js, carrier);
		bool has_bytes = first != last;

		if (seg->read || !has_bytes)
			continue;
		if (call && seq_before(first, copied) && seq_before(from, last)) {
			if ((!call->n_segments ||
			     call->segments[call->n_segments - 1] != carrier) &&
			    serials_add(&call->segments, &call->n_segments, carrier))
				js->error = -ENOMEM;
			if (seg->queued && read->time > seg->queued &&
			    read->time - seg->queued > call->c.waited)
				call->c.waited = read->time - seg->queued;
		}
		seg->read = !seq_before(copied, last);
		if (seg->read && n && !n->j.read_done &&
		    !seq_before(copied, n->j.packet.tcp_seq + n->j.packet.payload))
			seq_read_journey(js, n, seg, read);
	}
	segments_prune(js, end, &f->end[reader]);
}

void seq_unread(struct hs_journeys *js, struct flow_node *f, unsigned int reader)
{
	struct flow_end *end = &f->end[!reader];

	for (size_t i = 0; i < end->n_segs; i++) {
		struct segment *seg = &end->segs[i];
		struct node *n = node_by_serial(js, seg->serial);

		if (!n || !seg->queued || seg->read || !segment_bytes(seg) || n->j.unread_at_close)
			continue;
		node_unread(js, n);
	}
}
