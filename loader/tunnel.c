// SPDX-License-Identifier: BSD-2-Clause
/*
 * Headers before headers: a VLAN device or a tunnel puts one before a packet, which goes on inside of it, and
 * the one at the other end takes it off. The packet is the same all the way.
 */
#include <string.h>

#include "engine.h"
#include "packet.h"

static bool kind_is(const char *kind, const char *name)
{
	return !strcmp(kind, name);
}

/* "VXLAN 42", "key 7"; "" a kind whose number has no name. */
static const char *wrap_words(struct hs_journeys *js, const struct hs_wrap *wrap)
{
	static const struct {
		const char *kind, *words;
	} names[] = {
		{ "vlan", "VLAN %u" },	   { "vxlan", "VXLAN %u" }, { "geneve", "Geneve %u" },
		{ "gre", "key %u" },	   { "gretap", "key %u" },  { "ip6gre", "key %u" },
		{ "ip6gretap", "key %u" },
	};

	for (size_t i = 0; wrap->has_id && i < sizeof(names) / sizeof(names[0]); i++)
		if (kind_is(wrap->kind, names[i].kind))
			return names_internf(js->names, names[i].words, wrap->id);
	return "";
}

static void around_add(struct node *n, const struct around *around)
{
	n->wrap = around->wrap;
	if (n->n_around < AROUND_MAX)
		n->around[n->n_around++] = *around;
}

const char *tunnel_put_on(struct hs_journeys *js, struct node *n, const struct hs_packet *outer,
			  const uint8_t *data, size_t len)
{
	const struct hs_hop *last = node_timed_hop(n);
	struct around around = { .wrap = { .way = HS_WRAP_ON,
					   .kind = last ? last->dev_kind : "" } };
	const char *words;

	if (!*tell_headers(js, n, outer))
		return "";
	around.wrap.has_id = packet_tunnel_id(data, len, &around.wrap.id);
	words = wrap_words(js, &around.wrap);
	/* Behind UDP anything may be; of these kinds it is known. */
	around.wrap.has_id = *words;
	around.text = names_internf(js->names, "%s%s%s", tell_outer(js, outer), *words ? ", " : "",
				    words);
	around_add(n, &around);
	return names_internf(js->names, "inside %s", around.text);
}

const char *tunnel_take_off(struct hs_journeys *js, struct node *n, bool vlan)
{
	const struct around *top = n->n_around ? &n->around[n->n_around - 1] : NULL;

	if (!top || kind_is(top->wrap.kind, "vlan") != vlan)
		return "";
	n->n_around--;
	n->wrap = top->wrap;
	n->wrap.way = HS_WRAP_OFF;
	return vlan ? top->text : names_internf(js->names, "out of %s", top->text);
}

void tunnel_tag(struct hs_journeys *js, const struct hs_rec_tag *rec)
{
	js->tag[rec->hdr.cpu % HS_MAX_CPUS] = *rec;
}

/* Does it have just that tag already, or the one below another? A bridge gives it to a device once more. */
static bool around_has_tag(const struct node *n, uint32_t id)
{
	for (size_t i = 0; i < n->n_around; i++)
		if (kind_is(n->around[i].wrap.kind, "vlan") && n->around[i].wrap.id == id)
			return true;
	return false;
}

const char *tunnel_tagged(struct hs_journeys *js, struct node *n, const struct hs_event *e)
{
	struct hs_rec_tag *tag = &js->tag[e->cpu % HS_MAX_CPUS];
	struct around around = { .wrap = { HS_WRAP_ON, "vlan", true, tag->tci & 0xfff } };
	const struct hs_where *at = &((const struct hs_rec_stage *)e->rec)->at;
	bool its = tag->skb && tag->skb == at->skb;

	tag->skb = 0;
	if (!its || around_has_tag(n, around.wrap.id))
		return "";
	around.text = wrap_words(js, &around.wrap);
	around_add(n, &around);
	if (e->rec->stage == HS_STAGE_DEV_QUEUE)
		return around.text;
	/* It came with it from another machine. */
	n->wrap = (struct hs_wrap){ 0 };
	return "";
}

/*
 * gro_cells_receive() puts it into a queue of the device. Older kernels (5.10) leave that to the next
 * softirq, under another number.
 */
bool tunnel_leads_to(const struct node *n, const struct hs_event *e)
{
	const struct hs_where *at = &((const struct hs_rec_stage *)e->rec)->at;
	const struct hs_hop *last = node_last_hop(n);

	if (!last || n->netns != at->netns || kind_is_inside(e->dev.kind))
		return false;
	if (last->stage == HS_STAGE_TUNNEL_IN)
		return true;
	if (last->stage == HS_STAGE_GRO)
		return n->ifindex == at->ifindex;
	return n->n_around && kind_is(e->dev.kind, n->around[n->n_around - 1].wrap.kind);
}

/* Its function has returned before the packet meets another tracepoint, on the tunnel's own device. */
bool tunnel_is_left(const struct node *n, const struct hs_hop *before, const struct hs_hop *hop)
{
	if (!before || !n->n_around || hop->crossed || strcmp(before->netns, hop->netns))
		return false;
	return (hop->stage == HS_STAGE_RECEIVE || hop->stage == HS_STAGE_GRO ||
		hop->stage == HS_STAGE_BACKLOG) &&
	       before->stage != HS_STAGE_TUNNEL_IN && strcmp(before->dev, hop->dev) &&
	       kind_is(hop->dev_kind, n->around[n->n_around - 1].wrap.kind);
}
