// SPDX-License-Identifier: BSD-2-Clause
/* A packet is seen for the first time: its headers and bytes, its sender, and whose copy or part it is. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "packet.h"

/* Its bytes, which came just before: what lies behind the headers is kept. */
static void node_take_payload(struct hs_journeys *js, struct node *n, const struct hs_event *e)
{
	struct hs_rec_payload *snap = js->snap[e->cpu % HS_MAX_CPUS];
	const struct hs_packet *p = &n->j.packet;
	uint32_t headers = n->labels + p->length - p->payload;

	if (!snap || snap->skb != n->j.skb || p->payload > p->length || snap->len <= headers)
		return;
	n->j.payload_captured = snap->len - headers;
	n->bytes = malloc(n->j.payload_captured);
	if (!n->bytes) {
		js->error = -ENOMEM;
		return;
	}
	memcpy(n->bytes, snap->data + headers, n->j.payload_captured);
	n->j.payload = n->bytes;
}

/* A segment, born on its way to the driver: of the packet that was queued just before, and ends so. */
static struct node *node_find_whole(struct hs_journeys *js, const struct hs_event *e,
				    struct node *n)
{
	struct node *whole = node_by_serial(js, js->queued[e->cpu % HS_MAX_CPUS]);

	if (!whole || whole == n || whole->flow != n->flow || !whole->freed ||
	    whole->j.packet.length <= n->j.packet.length)
		return NULL;
	whole->cut = true;
	n->by_socket |= whole->by_socket;
	if (!*n->j.cause_text && whole->selected)
		n->j.cause_text = names_internf(js->names, "cut from #%u", whole->j.id);
	return whole;
}

/* Bytes of its headers. */
static size_t birth_captured(const struct hs_event *e)
{
	const struct hs_rec_birth *birth = (const void *)e->rec;
	size_t room = e->rec->size - e->rec->frames * sizeof(uint64_t) -
		      offsetof(struct hs_rec_birth, data);

	return birth->headers < room ? birth->headers : room;
}

size_t birth_parse(const struct hs_event *e, uint16_t *ret_proto, struct hs_packet *ret)
{
	const struct hs_rec_birth *birth = (const void *)e->rec;
	size_t captured = birth_captured(e), labels;

	*ret_proto = birth->proto;
	labels = packet_skip_labels(ret_proto, birth->data, captured);
	packet_parse(ret, *ret_proto, birth->l3 - labels, birth->data + labels, captured - labels);
	return labels;
}

const char *birth_headers(struct hs_journeys *js, struct node *n, const struct hs_event *e)
{
	const struct hs_rec_birth *rec = (const void *)e->rec;
	bool inside = rec->hdr.flags & HS_F_LOCAL;
	struct flow_node *f = flow_by_serial(js, n->flow);
	uint16_t proto;
	struct hs_packet p;
	size_t labels = birth_parse(e, &proto, &p);

	if (labels)
		return tell_labels(js, rec->data, labels);
	/* What has not left this machine yet, and is given to a device again: by a tunnel. */
	if (inside)
		return tunnel_put_on(js, n, &p, rec->data, birth_captured(e));
	if (p.version && p.proto == n->j.packet.proto) {
		n->src = n->j.now_src = p.src;
		n->dst = n->j.now_dst = p.dst;
		n->j.translated = !packet_same_endpoint(&p.src, &n->j.packet.src) ||
				  !packet_same_endpoint(&p.dst, &n->j.packet.dst);
		if (f && p.has_ports)
			flow_add_alias(js, f, n->j.from, &p.src, &p.dst);
	}
	return tell_headers(js, n, &p);
}

struct node *birth_node(struct hs_journeys *js, const struct hs_event *e)
{
	const struct hs_rec_birth *birth = (const void *)e->rec;
	size_t captured = birth_captured(e);
	struct node *n = node_new(js, e), *original = NULL, *whole = NULL;
	uint16_t proto;
	struct sock_node *s;

	if (!n)
		return NULL;
	n->j.skb = birth->at.skb;
	n->head = birth->head;
	n->born_tid = birth->at.tid;
	n->labels = birth_parse(e, &proto, &n->j.packet);
	n->src = n->j.packet.src;
	n->dst = n->j.packet.dst;
	node_take_payload(js, n, e);
	n->j.noise = packet_noise(&n->j.packet);
	n->j.packet.headroom = 2 * birth->headroom;
	n->j.packet.checksum_left = birth->hdr.flags & HS_F_PARTIAL;
	n->by_filter =
		select_filters_match(js->select, birth->proto, birth->l3, birth->data, captured) ||
		(n->labels && select_filters_match(js->select, proto, birth->l3 - n->labels,
						   birth->data + n->labels, captured - n->labels));
	n->folded = n->j.noise && !js->select->all && !js->select->filter_text.n;
	node_set_address(js, n, birth->at.skb);
	/* A request (of a listener that answers) is no socket yet, and has no type. */
	s = birth->sk ? sock_find(js, birth->sk) : NULL;
	if (s && s->s.type) {
		n->sk = s->sk;
		n->sock_serial = s->serial;
		n->by_socket = s->s.followed;
	}
	if (birth->hdr.stage == HS_STAGE_DEV_XMIT)
		original = node_find_original(js, e, n);
	else if (birth->hdr.stage == HS_STAGE_DEV_QUEUE)
		original = node_find_flooded(js, e, &n->j.packet);
	n->duplicate = original != NULL;
	if (!original && !(birth->hdr.flags & HS_F_LOCAL))
		whole = relate_find_cut(js, e, &n->j.packet);
	flow_join(js, n, e);
	/* What arrives from outside has no skb_iif yet, either. */
	if (original)
		node_set_duplicate(js, e, n, original);
	else if (whole)
		node_set_fragment(js, n, whole);
	else if (birth->hdr.flags & HS_F_LOOPED ||
		 (birth->hdr.flags & HS_F_LOCAL && birth->hdr.stage != HS_STAGE_RECEIVE &&
		  birth->hdr.stage != HS_STAGE_BACKLOG))
		node_find_cause(js, e, n);
	if (birth->hdr.stage == HS_STAGE_DEV_XMIT && !original)
		whole = node_find_whole(js, e, n);
	if (n->flow)
		tcp_born(js, n, e);
	relate_born(js, e, n, original ?: whole);
	return n;
}

void birth_payload(struct hs_journeys *js, const struct hs_event *e)
{
	const struct hs_rec_payload *rec = (const void *)e->rec;
	struct hs_rec_payload **at = &js->snap[e->cpu % HS_MAX_CPUS], *grown;

	if (rec->len > rec->hdr.size - sizeof(*rec))
		return;
	grown = realloc(*at, rec->hdr.size);
	if (!grown) {
		js->error = -ENOMEM;
		return;
	}
	memcpy(grown, rec, rec->hdr.size);
	*at = grown;
}
