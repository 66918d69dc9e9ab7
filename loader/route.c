// SPDX-License-Identifier: BSD-2-Clause
/*
 * What routing tables answer: for the packet that is received, or for the one that is sent next in the same
 * thread or softirq. Several tables may be asked for one packet (local, main); others are asked for
 * addresses that are not its destination (rp_filter, ARP).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "engine.h"

static const struct hs_rec_route *route_rec(const struct hs_event *e)
{
	return (const void *)e->rec;
}

static bool route_is_for(const struct hs_rec_route *rec, const struct hs_packet *p)
{
	return p->dst.addr.family == rec->dst.family &&
	       !memcmp(p->dst.addr.bytes, rec->dst.addr, rec->dst.family == AF_INET6 ? 16 : 4);
}

const struct hs_matched no_match = { .table = "", .prefix = "" };

struct hs_matched route_matched(struct hs_journeys *js, const struct hs_event *e)
{
	const struct hs_rec_route *rec = route_rec(e);
	struct hs_addr to;

	if (e->rec->type != HS_REC_ROUTE || e->plen < 0 || rec->type == RTN_LOCAL)
		return no_match;
	to = endpoint_of(&rec->dst).addr;
	return (struct hs_matched){
		.table = route_table_name(js, rec->table),
		.prefix = route_prefix(js, &to, (unsigned int)e->plen),
		.inferred = rec->dst.family == AF_INET,
	};
}

static const char *route_text(struct hs_journeys *js, const struct hs_event *e)
{
	const struct hs_rec_route *rec = route_rec(e);
	const char *table = names_internf(js->names, "table %s", route_table_name(js, rec->table));
	uint8_t refused = route_refusal(rec);
	const char *dev = names_device(js->names, rec->at.netns, rec->oif).name;
	struct hs_matched by = route_matched(js, e);
	char address[INET6_ADDRSTRLEN] = "", matched[80] = "";

	if (*by.prefix)
		snprintf(matched, sizeof(matched), ": %s%s", by.prefix,
			 by.inferred ? ", inferred" : "");
	if (refused || rec->err)
		return names_internf(js->names, "%s (%s%s)",
				     refused ? route_kind_name(refused) : "no route", table,
				     matched);
	/* One table stands for both until there are rules of one's own, fib_unmerge(). */
	if (rec->type == RTN_LOCAL) {
		inet_ntop(rec->dst.family, rec->dst.addr, address, sizeof(address));
		return names_internf(js->names, "%s is an address here (%s)", address, table);
	}
	if (!rec->via.family)
		return names_internf(js->names, "on the link, %s (%s%s)", dev, table, matched);
	inet_ntop(rec->via.family, rec->via.addr, address, sizeof(address));
	return names_internf(js->names, "via %s, %s (%s%s)", address, dev, table, matched);
}

/* Since the last tracepoint of the path. */
static bool node_was_at(const struct node *n, enum hs_stage stage)
{
	enum hs_stage landmark = node_timed_stage(n);

	for (size_t i = n->j.n_hops; i-- > 0 && n->j.hops[i].stage != landmark;)
		if (n->j.hops[i].stage == stage)
			return true;
	return false;
}

void route_event(struct hs_journeys *js, const struct hs_event *e)
{
	const struct hs_rec_route *rec = route_rec(e);
	struct node *n = node_in_softirq(js, e);
	struct context *c;

	c = context_of(js, e, true);
	if (c)
		lookup_note(c, e);
	/* Nothing in this table: the next one is asked, or the error that follows says so. */
	if (route_goes_on(rec))
		return;
	if (n && node_is_open(n) && node_timed_stage(n) == HS_STAGE_RECEIVE &&
	    route_is_for(rec, &n->j.packet)) {
		if (!node_was_at(n, HS_STAGE_ROUTE_IN))
			node_hop(js, n, e, HS_STAGE_ROUTE_IN, route_text(js, e), "", 0);
		return;
	}
	if (!c)
		return;
	c->has_route = true;
	c->route.route = *rec;
	c->route.e = *e;
	c->route.stage = HS_STAGE_ROUTE_OUT;
	c->route.text = route_text(js, e);
	memcpy(c->route_stack, e->functions, e->n_functions * sizeof(*e->functions));
	c->route.e.functions = c->route_stack;
}

struct held *route_of(struct context *c, const struct node *n, const struct hs_event *e)
{
	const struct hs_rec_birth *birth = (const void *)e->rec;

	if (!c->has_route || !route_is_for(&c->route.route, &n->j.packet))
		return NULL;
	/* A socket that is connected keeps what connect() found out. */
	if (!n->waited && c->route.route.call != birth->call)
		return NULL;
	return &c->route;
}
