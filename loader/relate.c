// SPDX-License-Identifier: BSD-2-Clause
/* Relatives: whose copy, part or repetition a packet is, and into which other one it went. */
#include <netinet/in.h>
#include <string.h>

#include "engine.h"
#include "packet.h"

#define RELATE_DEPTH 256 /* journeys that are looked at */

static bool begins_datagram(const struct node *n)
{
	return !n->j.packet.later_fragment;
}

/* The others have been put together with it. */
static bool stands_for_datagram(const struct node *n)
{
	return n->j.fate.kind == HS_FATE_QUEUED || n->j.fate.kind == HS_FATE_CONSUMED;
}

/* The newest other fragment of the same datagram. utlist: the head's prev is the tail. */
static struct node *fragment_in(struct node *list, const struct node *n,
				bool (*is_wanted)(const struct node *n))
{
	struct node *other = list ? list->prev : NULL;

	for (int i = 0; i < RELATE_DEPTH && other; i++, other = other == list ? NULL : other->prev)
		if (other != n && is_wanted(other) &&
		    packet_same_datagram(&other->j.packet, &n->j.packet))
			return other;
	return NULL;
}

static struct node *fragment_like(struct hs_journeys *js, const struct node *n,
				  bool (*is_wanted)(const struct node *n))
{
	return fragment_in(js->open, n, is_wanted) ?: fragment_in(js->done, n, is_wanted);
}

/* The copy that was made for this machine itself just before the packet was born, ip_mc_output(). */
static struct node *looped_before(struct hs_journeys *js, const struct node *n)
{
	struct node *other = js->open ? js->open->prev : NULL;

	for (int i = 0; i < 16 && other; i++, other = other == js->open ? NULL : other->prev)
		if (other != n && other->relation == HS_RELATION_LOOPED && !other->relative &&
		    packet_is_same(&other->j.packet, &n->j.packet))
			return other;
	return NULL;
}

static bool is_to_group(const struct hs_packet *p)
{
	const uint8_t *dst = p->dst.addr.bytes;

	return p->version == 4 ? dst[0] >> 4 == 0xe : p->version == 6 && dst[0] == 0xff;
}

/* Did a bridge do it? Its functions are in the stack, or were probed on the way of the one that came in. */
static bool is_bridged(const struct hs_event *e, const struct node *original)
{
	for (size_t i = 0; i < e->n_functions; i++)
		if (!strncmp(e->functions[i], "br_", 3))
			return true;
	for (size_t i = original->j.n_hops; i-- > 0;)
		if (original->j.hops[i].stage == HS_STAGE_BRIDGE_IN ||
		    original->j.hops[i].stage == HS_STAGE_BRIDGE_OUT ||
		    !strcmp(original->j.hops[i].dev_kind, "bridge"))
			return true;
	return false;
}

static enum hs_relation relation_of_copy(const struct hs_event *e, const struct node *n,
					 const struct node *original)
{
	if (e->rec->stage == HS_STAGE_DEV_QUEUE && is_bridged(e, original))
		return HS_RELATION_FLOODED;
	if (e->rec->stage == HS_STAGE_DEV_QUEUE && is_to_group(&n->j.packet))
		return HS_RELATION_MULTICAST;
	return n->head && n->head == original->head ? HS_RELATION_CLONE : HS_RELATION_COPY;
}

/* What kind of relative a packet is that is just born, and whose. */
static enum hs_relation relation_of(struct hs_journeys *js, const struct hs_event *e,
				    const struct node *n, struct node *original,
				    struct node **ret_relative)
{
	*ret_relative = original;
	if (original && n->duplicate)
		return relation_of_copy(e, n, original);
	if (original)
		return original->cut ? HS_RELATION_SEGMENT : HS_RELATION_FRAGMENT;
	if (n->j.retransmission)
		return HS_RELATION_RETRANSMISSION;
	if (n->j.packet.later_fragment) {
		*ret_relative = fragment_like(js, n, begins_datagram);
		return HS_RELATION_FRAGMENT;
	}
	return e->rec->flags & HS_F_LOOPED ? HS_RELATION_LOOPED : HS_RELATION_NONE;
}

void relate_born(struct hs_journeys *js, const struct hs_event *e, struct node *n,
		 struct node *original)
{
	struct node *relative, *looped;

	n->relation = relation_of(js, e, n, original, &relative);
	n->relative = relative ? relative->serial : 0;
	if (original && n->relation == HS_RELATION_FRAGMENT)
		original->in_fragments = true;
	looped = e->rec->stage == HS_STAGE_DEV_QUEUE ? looped_before(js, n) : NULL;
	if (looped)
		looped->relative = n->serial;
}

struct node *relate_find_cut(struct hs_journeys *js, const struct hs_event *e,
			     const struct hs_packet *p)
{
	const struct hs_rec_birth *birth = (const void *)e->rec;
	struct node *now = node_in_softirq(js, e);
	const struct hs_packet *whole = now ? &now->j.packet : NULL;

	if (!now || now->address == birth->at.skb || !p->fragmented || whole->fragmented)
		return NULL;
	/* NAT may have changed its addresses meanwhile. */
	return whole->version == p->version && whole->proto == p->proto &&
			       whole->ip_id == p->ip_id && whole->length > p->length
		       ? now
		       : NULL;
}

void relate_merged(struct hs_journeys *js, struct node *n, const struct hs_event *e)
{
	struct node *now = e ? node_in_softirq(js, e) : NULL;

	if (!now || now == n || !packet_same_datagram(&now->j.packet, &n->j.packet))
		now = fragment_like(js, n, stands_for_datagram);
	n->into = now ? now->serial : 0;
}

void relate_tell(struct hs_journeys *js, struct node *n)
{
	struct hs_journey *j = &n->j;

	j->relation = n->relation;
	j->related_to = n->relation == HS_RELATION_RETRANSMISSION ?
				j->retransmission_of :
				node_id(js, n->relative) ?: j->related_to;
	j->merged_into = node_id(js, n->into) ?: j->merged_into;
}
