// SPDX-License-Identifier: BSD-2-Clause
/* Hops: where a packet was seen, and what the stack says of the way there. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "stages.h"

static struct hs_hop *node_append(struct hs_journeys *js, struct node *n)
{
	struct hs_hop *grown = n->j.hops;

	/* Grows at powers of two. */
	if (!(n->j.n_hops & (n->j.n_hops - 1)))
		grown = realloc(grown, (n->j.n_hops ? n->j.n_hops * 2 : 1) * sizeof(*grown));
	if (!grown) {
		js->error = -ENOMEM;
		return NULL;
	}
	n->j.hops = grown;
	grown += n->j.n_hops++;
	*grown = (struct hs_hop){
		.netns = "",
		.dev = "",
		.dev_kind = "",
		.text = "",
		.conntrack = "",
		.function = "",
		.matched = no_match,
	};
	return grown;
}

bool kind_is_inside(const char *kind)
{
	return !strcmp(kind, "veth") || !strcmp(kind, "loopback");
}

struct hs_hop *node_last_hop(const struct node *n)
{
	return n->j.n_hops ? &n->j.hops[n->j.n_hops - 1] : NULL;
}

/* How much of the stack the hop before had too. */
static size_t node_shared_stack(const struct node *n, const struct hs_event *e)
{
	size_t i = 0;

	while (i < n->n_stack && i < e->n_functions && n->stack[i] == e->functions[i])
		i++;
	return i;
}

static void node_keep_stack(struct hs_journeys *js, struct node *n, const struct hs_event *e)
{
	const char **kept = realloc(n->stack, e->n_functions * sizeof(*kept));

	if (!kept) {
		js->error = -ENOMEM;
		return;
	}
	memcpy(kept, e->functions, e->n_functions * sizeof(*kept));
	n->stack = kept;
	n->n_stack = e->n_functions;
}

/* A question for a link-layer address begins where somebody asks for it. */
static size_t node_skip_to_question(const struct node *n, const struct hs_event *e, size_t from)
{
	if (n->j.n_hops || (n->j.noise != HS_NOISE_ARP && n->j.noise != HS_NOISE_ND))
		return from;
	for (size_t i = e->n_functions; i-- > from;) {
		const struct hs_stage_info *stage = stage_of_function(e->functions[i]);

		if (stage && stage->id == HS_STAGE_NEIGHBOUR)
			return i;
	}
	return from;
}

/* Was the packet still at the place of the hop before: on its way out to a peer, or in and then onwards? */
static bool hop_stays(const struct hs_hop *before, const struct hs_hop *timed,
		      const struct hs_stage_info *via)
{
	if (!before->stage)
		return false;
	if (timed->stage == HS_STAGE_DEV_QUEUE)
		return strcmp(via->direction, "out") != 0;
	return timed->crossed && !strcmp(via->direction, "out");
}

/*
 * Stages that only the stack shows, outermost first, each once. Returns how many of them lie where the packet
 * was before it crossed to the timed hop's place.
 */
static size_t node_add_via(struct hs_journeys *js, struct node *n, const struct hs_event *e,
			   const struct hs_hop *timed, size_t from)
{
	const struct hs_hop before = n->j.n_hops ? *node_last_hop(n) : (struct hs_hop){ 0 };
	const struct hs_stage_info *last = NULL;
	size_t left = 0;
	/* Around a packet's birth, and its sending on after a wait, lies the receiving of another.
	 */
	bool outward = (timed->stage == HS_STAGE_DEV_QUEUE || timed->stage == HS_STAGE_ROUTE_OUT) &&
		       (!n->j.n_hops || node_is_guest(js, n, e));

	for (size_t i = node_skip_to_question(n, e, from); i < e->n_functions; i++) {
		const struct hs_stage_info *stage = stage_of_function(e->functions[i]);
		struct hs_hop *via;

		if (!stage || stage == last || *stage->probe || stage->id == timed->stage ||
		    js->probed[stage->id] ||
		    (outward &&
		     (!strcmp(stage->direction, "in") || stage->id == HS_STAGE_IP_FORWARD)))
			continue;
		/* Around all that follows on the way in, too; it is told once. */
		if (stage->id == HS_STAGE_SOFTIRQ && timed->stage != HS_STAGE_RECEIVE)
			continue;
		last = stage;
		via = node_append(js, n);
		if (!via)
			break;
		*via = *timed;
		via->kind = HS_HOP_VIA;
		via->by = HS_BY_STACK;
		via->stage = stage->id;
		via->text = "";
		via->functions = NULL;
		via->n_functions = 0;
		via->address = 0;
		via->function = e->functions[i];
		/* It ran before the packet reached the timed hop's place: a crossing is shown there. */
		via->crossed = false;
		if (hop_stays(&before, timed, stage)) {
			via->netns = before.netns;
			via->dev = before.dev;
			via->dev_kind = before.dev_kind;
			left++;
		}
	}
	return left;
}

/*
 * A device whose function has returned before the packet meets another tracepoint: that the packet is on
 * the device above tells that it was there.
 */
static bool hop_is_untagged(const struct hs_hop *before, const struct hs_hop *hop)
{
	const struct hs_stage_info *stage = stage_info(hop->stage);

	return before && before->stage != HS_STAGE_VLAN_IN && !hop->crossed && stage &&
	       !strcmp(stage->direction, "in") && !strcmp(hop->dev_kind, "vlan") &&
	       strcmp(before->dev_kind, "vlan") && !strcmp(before->netns, hop->netns);
}

static void node_add_untag(struct hs_journeys *js, struct node *n, const struct hs_hop *hop,
			   enum hs_stage stage)
{
	bool vlan = stage == HS_STAGE_VLAN_IN;
	struct hs_hop *untag = node_append(js, n);

	if (!untag)
		return;
	*untag = *hop;
	untag->kind = HS_HOP_VIA;
	untag->by = HS_BY_STACK;
	untag->stage = stage;
	untag->text = tunnel_take_off(js, n, vlan);
	untag->wrap = n->wrap;
	n->wrap = (struct hs_wrap){ 0 };
	untag->function = vlan ? "vlan_do_receive" : "__iptunnel_pull_header";
	untag->address = 0;
}

/* What the hops before do not share. */
static void hop_set_stack(struct hs_hop *hop, const struct hs_event *e, size_t shared)
{
	if (e->n_functions <= shared)
		return;
	hop->functions = malloc((e->n_functions - shared) * sizeof(*hop->functions));
	if (!hop->functions)
		return;
	hop->n_functions = e->n_functions - shared;
	memcpy(hop->functions, e->functions + shared, hop->n_functions * sizeof(*hop->functions));
}

/* By a probe on a function: that is all there is of a stack. */
static void hop_set_function(struct hs_journeys *js, struct hs_hop *hop, const struct hs_event *e)
{
	const struct hs_rec_func *rec = (const void *)e->rec;

	const char *name = names_function(js->names, rec->fn, &hop->by);

	hop->functions = malloc(sizeof(*hop->functions));
	hop->n_functions = hop->functions != NULL;
	if (hop->functions)
		*hop->functions = name;
}

/*
 * A free tells the device of a packet that was at none yet, and the birth of an ICMP error that of the
 * error: neither moves a packet that is somewhere.
 */
static bool event_is_elsewhere(const struct node *n, const struct hs_event *e)
{
	const struct hs_where *at = &((const struct hs_rec_stage *)e->rec)->at;

	return e->rec->type == HS_REC_FREE ||
	       (e->rec->type == HS_REC_BIRTH && at->skb != n->address);
}

/* enum ip_conntrack_info (include/uapi/linux/netfilter/nf_conntrack_common.h), in the words of nft(8). */
static const char *conntrack_name(uint32_t ct)
{
	static const char *const names[HS_CT_INFO + 1] = {
		"established", "related", "new", "established reply", "related reply", "", "", "",
	};

	if (ct & HS_CT_ENTRY)
		return names[ct & HS_CT_INFO];
	return (ct & HS_CT_INFO) == HS_CT_INFO ? "untracked" : "";
}

const char *event_conntrack(const struct hs_event *e)
{
	const struct hs_rec_drop *drop = (const void *)e->rec;

	if (e->rec->type == HS_REC_BIRTH)
		return conntrack_name(((const struct hs_rec_birth *)e->rec)->ct);
	if (e->rec->type == HS_REC_FREE && e->rec->stage == HS_STAGE_DROP &&
	    e->rec->size >= sizeof(*drop) + e->rec->frames * sizeof(uint64_t))
		return conntrack_name(drop->ct);
	return "";
}

/* A hop of `stage`; place and device as given (a free has none, it stays where it was). */
void node_hop(struct hs_journeys *js, struct node *n, const struct hs_event *e, enum hs_stage stage,
	      const char *text, const char *function, uint64_t address)
{
	const struct hs_where *at = &((const struct hs_rec_stage *)e->rec)->at;
	const struct hs_hop *before = node_last_hop(n);
	struct hs_hop hop = {
		.kind = HS_HOP_STAGE,
		.stage = stage,
		.by = HS_BY_TRACEPOINT,
		/* One that is born at its end is so before the record that says which. */
		.time = !n->j.n_hops && e->time > n->j.born ? n->j.born : e->time,
		.cpu = e->cpu,
		.softirq = e->softirq,
		.task = e->task,
		.text = text,
		.conntrack = "",
		.matched = no_match,
		.function = function,
		.address = address,
	};
	size_t shared, left, first = n->j.n_hops;
	struct hs_hop *added;

	if (at->netns && at->ifindex && !(before && event_is_elsewhere(n, e))) {
		hop.netns = e->netns;
		hop.dev = e->dev.name;
		hop.dev_kind = e->dev.kind;
		hop.crossed = n->netns && n->netns != at->netns;
		n->netns = at->netns;
		n->ifindex = at->ifindex;
	} else if (before) {
		hop.netns = before->netns;
		hop.dev = before->dev;
		hop.dev_kind = before->dev_kind;
	} else {
		hop.netns = at->netns ? e->netns : "";
		hop.dev = hop.dev_kind = "";
	}
	n->last = e->time;
	shared = node_shared_stack(n, e);
	if (hop_is_untagged(before, &hop))
		node_add_untag(js, n, &hop, HS_STAGE_VLAN_IN);
	else if (tunnel_is_left(n, before, &hop))
		node_add_untag(js, n, &hop, HS_STAGE_TUNNEL_IN);
	left = node_add_via(js, n, e, &hop, shared);
	added = node_append(js, n);
	if (!added)
		return;
	*added = hop;
	added->conntrack = event_conntrack(e);
	added->matched = route_matched(js, e);
	added->wrap = n->wrap;
	n->wrap = (struct hs_wrap){ 0 };
	if (hop.crossed && n->j.n_hops - 1 > first + left) {
		/* The functions before this hop ran where it is: the crossing comes before them. */
		n->j.hops[first + left].crossed = true;
		added->crossed = false;
	}
	if (e->rec->type == HS_REC_FUNC)
		hop_set_function(js, added, e);
	else
		hop_set_stack(added, e, shared);
	if (e->n_functions)
		node_keep_stack(js, n, e);
	if (words_have(&js->select->netns, hop.netns))
		n->by_netns = true;
	if (words_have(&js->select->devs, hop.dev))
		n->by_dev = true;
	if (n->selected)
		for (size_t i = first; i < n->j.n_hops; i++)
			SINK(js, hop, &n->j, &n->j.hops[i]);
	else
		node_select(js, n);
}
