// SPDX-License-Identifier: BSD-2-Clause
/*
 * Why there is no route: which table said so and by which kind of route, or which rule. The answers of the
 * tables come as events; that of IPv4 does not tell the prefix, and no event tells of rules, so these are
 * taken from a look at the namespace, and marked as inferred.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

/* fib_props[] (net/ipv4/fib_semantics.c); a rule that is unreachable says ENETUNREACH, fib4_rule_action(). */
static const struct {
	uint8_t type;
	int err;
	const char *name;
} kinds[] = {
	{ RTN_BLACKHOLE, -EINVAL, "blackhole" },
	{ RTN_UNREACHABLE, -EHOSTUNREACH, "unreachable" },
	{ RTN_PROHIBIT, -EACCES, "prohibit" },
	{ RTN_THROW, -EAGAIN, "throw" },
	{ RTN_UNREACHABLE, -ENETUNREACH, "unreachable" },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

const char *route_kind_name(uint8_t type)
{
	for (size_t i = 0; i < KINDS; i++)
		if (kinds[i].type == type)
			return kinds[i].name;
	return "";
}

static uint8_t kind_of_err(int err)
{
	for (size_t i = 0; i < KINDS; i++)
		if (kinds[i].err == err)
			return kinds[i].type;
	return 0;
}

/* No table without a route leads to these. */
static bool errno_is_of_rule(int err)
{
	return err == -EINVAL || err == -EACCES;
}

uint8_t route_refusal(const struct hs_rec_route *rec)
{
	if (rec->err)
		return rec->err == -EAGAIN ? 0 : kind_of_err(rec->err);
	return *route_kind_name(rec->type) ? rec->type : 0;
}

bool route_goes_on(const struct hs_rec_route *rec)
{
	return rec->err == -EAGAIN || (!rec->err && rec->type == RTN_THROW);
}

const char *route_table_name(struct hs_journeys *js, uint32_t table)
{
	switch (table) {
	case RT_TABLE_LOCAL:
		return "local";
	case RT_TABLE_MAIN:
		return "main";
	case RT_TABLE_DEFAULT:
		return "default";
	default:
		return names_internf(js->names, "%u", table);
	}
}

/* ---- what tables answered ---- */

static bool lookup_is_for(const struct lookup *l, const struct hs_addr *addr)
{
	return l->time && l->rec.dst.family == addr->family &&
	       !memcmp(l->rec.dst.addr, addr->bytes, addr->family == AF_INET6 ? 16 : 4);
}

static bool lookup_asked(const struct lookup *l, uint32_t table)
{
	for (size_t i = 0; i < l->n_tables; i++)
		if (l->tables[i] == table)
			return true;
	return false;
}

const struct lookup *lookup_of(const struct context *c, const struct hs_addr *addr, uint64_t since)
{
	for (size_t i = 0; c && i < LOOKUPS_MAX; i++)
		if (lookup_is_for(&c->lookups[i], addr) && c->lookups[i].time >= since)
			return &c->lookups[i];
	return NULL;
}

void lookup_note(struct context *c, const struct hs_event *e)
{
	const struct hs_rec_route *rec = (const void *)e->rec;
	struct hs_addr addr = endpoint_of(&rec->dst).addr;
	struct lookup *l = (struct lookup *)lookup_of(c, &addr, 0);

	if (!l)
		l = &c->lookups[c->last_lookup++ % LOOKUPS_MAX];
	/* A question of its own: the last one was answered, or begins with the same table. */
	if (!lookup_is_for(l, &addr) || !route_goes_on(&l->rec) || lookup_asked(l, rec->table))
		*l = (struct lookup){ .rec = *rec };
	l->rec = *rec;
	l->time = e->time;
	if (l->n_tables < LOOKUP_TABLES)
		l->tables[l->n_tables++] = rec->table;
	if (!rec->err && rec->type == RTN_THROW) {
		l->thrown = true;
		l->throw_table = rec->table;
		l->throw_plen = rec->plen;
	}
}

/* ---- what the namespace has that refuses ---- */

void refusal_learn(struct hs_journeys *js, const struct hs_rec_refusal *rec)
{
	struct hs_rec_refusal *list;
	size_t n = 0;

	for (size_t i = 0; i < js->n_refusals; i++)
		if (rec->what != HS_REFUSALS_BEGIN || js->refusals[i].netns != rec->netns)
			js->refusals[n++] = js->refusals[i];
	js->n_refusals = n;
	list = realloc(js->refusals, (js->n_refusals + 1) * sizeof(*list));
	if (!list) {
		js->error = -ENOMEM;
		return;
	}
	js->refusals = list;
	list[js->n_refusals++] = *rec;
}

/* The namespace was looked at. */
static bool refusals_known(const struct hs_journeys *js, uint32_t netns)
{
	for (size_t i = 0; i < js->n_refusals; i++)
		if (js->refusals[i].netns == netns)
			return true;
	return false;
}

/* An address that is not known may be any. */
static bool prefix_has(const struct hs_sa *prefix, unsigned int plen, const struct hs_addr *addr)
{
	unsigned int bytes = plen / 8, bits = plen % 8;
	uint8_t mask = (uint8_t)(0xff00 >> bits);

	if (!addr->family || !plen)
		return true;
	if (prefix->family != addr->family || plen > (addr->family == AF_INET6 ? 128 : 32))
		return false;
	return !memcmp(prefix->addr, addr->bytes, bytes) &&
	       (!bits || !((prefix->addr[bytes] ^ addr->bytes[bytes]) & mask));
}

static bool refusal_fits(const struct hs_rec_refusal *r, const struct no_route_question *q,
			 enum hs_refusal_what what)
{
	return r->netns == q->netns && r->what == what && r->dst.family == q->to.family &&
	       prefix_has(&r->dst, r->dst_plen, &q->to) &&
	       prefix_has(&r->src, r->src_plen, &q->from);
}

/* The longest prefix of that type in that table. */
static const struct hs_rec_refusal *refusal_route(struct hs_journeys *js,
						  const struct no_route_question *q, uint8_t type,
						  uint32_t table)
{
	const struct hs_rec_refusal *best = NULL;

	for (size_t i = 0; i < js->n_refusals; i++) {
		const struct hs_rec_refusal *r = &js->refusals[i];

		if (refusal_fits(r, q, HS_REFUSAL_ROUTE) && r->type == type && r->number == table &&
		    (!best || r->dst_plen > best->dst_plen))
			best = r;
	}
	return best;
}

/* The first rule; of that type, or 0: any. */
static const struct hs_rec_refusal *refusal_rule(struct hs_journeys *js,
						 const struct no_route_question *q, uint8_t type)
{
	for (size_t i = 0; i < js->n_refusals; i++)
		if (refusal_fits(&js->refusals[i], q, HS_REFUSAL_RULE) &&
		    (!type || js->refusals[i].type == type))
			return &js->refusals[i];
	return NULL;
}

/* ---- the answer ---- */

const char *route_prefix(struct hs_journeys *js, const struct hs_addr *addr, unsigned int plen)
{
	unsigned int bits = addr->family == AF_INET6 ? 128 : 32;
	struct hs_addr prefix = *addr;

	if (!plen)
		return "default";
	for (unsigned int bit = plen; bit < bits; bit++)
		prefix.bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
	return names_internf(js->names, "%s/%u", tell_address(js, &prefix), plen);
}

static bool is_throw(const struct hs_no_route *r)
{
	return !strcmp(r->kind, "throw");
}

static void answer_route(struct hs_journeys *js, const struct no_route_question *q, uint8_t type,
			 uint32_t table, int plen, struct hs_no_route *ret)
{
	const char *name = route_table_name(js, table);

	ret->kind = route_kind_name(type);
	ret->table = name;
	ret->prefix = plen >= 0 ? route_prefix(js, &q->to, (unsigned int)plen) : "";
	ret->text =
		names_internf(js->names, "%s%s%s (table %s%s)%s", ret->kind, plen >= 0 ? " " : "",
			      ret->prefix, name, ret->inferred ? ", prefix inferred" : "",
			      is_throw(ret) ? ", and nothing after it leads there" : "");
}

/* A table refused: of IPv6 the event tells by which prefix. */
static void answer_refused(struct hs_journeys *js, const struct no_route_question *q,
			   const struct hs_rec_route *rec, uint8_t type, struct hs_no_route *ret)
{
	const struct hs_rec_refusal *r = NULL;

	if (!rec->err) {
		answer_route(js, q, type, rec->table, rec->plen, ret);
		return;
	}
	r = refusal_route(js, q, type, rec->table);
	ret->inferred = r;
	answer_route(js, q, type, rec->table, r ? r->dst_plen : -1, ret);
}

static void answer_rule(struct hs_journeys *js, const struct no_route_question *q, uint8_t type,
			struct hs_no_route *ret)
{
	const struct hs_rec_refusal *r = refusal_rule(js, q, type);

	ret->kind = r ? route_kind_name(r->type) : type ? route_kind_name(type) : "rule";
	ret->by_rule = true;
	ret->inferred = r;
	ret->rule = r ? r->number : 0;
	ret->text = r ? names_internf(js->names, "%s, by rule %u (ip rule, inferred)", ret->kind,
				      r->number)
		      : names_internf(js->names, "%s, by a rule (ip rule)",
				      type ? ret->kind : "refused");
}

/* IPv4 does not tell a throw from nothing found. */
static bool answer_thrown(struct hs_journeys *js, const struct no_route_question *q,
			  const struct lookup *l, struct hs_no_route *ret)
{
	for (size_t i = 0; i < l->n_tables; i++) {
		const struct hs_rec_refusal *r = refusal_route(js, q, RTN_THROW, l->tables[i]);

		if (!r)
			continue;
		ret->inferred = true;
		answer_route(js, q, RTN_THROW, l->tables[i], r->dst_plen, ret);
		return true;
	}
	if (l->thrown)
		answer_route(js, q, RTN_THROW, l->throw_table, l->throw_plen, ret);
	return l->thrown;
}

static void answer_none(struct hs_journeys *js, const struct lookup *l, struct hs_no_route *ret)
{
	const char *tables = "";

	for (size_t i = 0; i < l->n_tables; i++)
		tables = names_internf(js->names, "%s%s%s", tables, i ? ", " : "",
				       route_table_name(js, l->tables[i]));
	ret->kind = "nothing";
	ret->table = tables;
	ret->text = names_internf(js->names, "nothing in table %s leads there", tables);
}

/* No table refused, and none had a route: did a rule refuse? Without a look at them, the errno must tell. */
static bool is_by_rule(struct hs_journeys *js, const struct no_route_question *q,
		       const struct lookup *l)
{
	if (refusal_rule(js, q, kind_of_err(q->err)))
		return true;
	if (refusals_known(js, q->netns))
		return false;
	return errno_is_of_rule(q->err) ||
	       (q->err == -ENETUNREACH && !lookup_asked(l, RT_TABLE_MAIN));
}

bool no_route_find(struct hs_journeys *js, const struct hs_event *e,
		   const struct no_route_question *q, struct hs_no_route *ret)
{
	const struct lookup *l = lookup_of(context_of(js, e, false), &q->to, q->since);
	uint8_t type = l ? route_refusal(&l->rec) : 0;
	struct hs_no_route found = no_fate.no_route;

	if (!l || (!type && !route_goes_on(&l->rec)))
		return false;
	if (type && type != RTN_THROW)
		answer_refused(js, q, &l->rec, type, &found);
	else if (is_by_rule(js, q, l))
		answer_rule(js, q, kind_of_err(q->err), &found);
	else if (errno_is_of_rule(q->err))
		return false; /* it says something else */
	else if (!answer_thrown(js, q, l, &found))
		answer_none(js, l, &found);
	*ret = found;
	return true;
}
