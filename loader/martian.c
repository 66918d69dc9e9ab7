// SPDX-License-Identifier: BSD-2-Clause
/* Packets from outside with an address that they may not have, and those that the reverse path filter drops. */
#include <linux/rtnetlink.h>
#include <string.h>

#include "engine.h"

enum martian_end { SOURCE, DESTINATION };

static bool is_zero(const uint8_t *a, size_t len)
{
	static const uint8_t zero[16];

	return !memcmp(a, zero, len);
}

static bool is_ones(const uint8_t *a)
{
	return !memcmp(a, "\xff\xff\xff\xff", 4);
}

static bool is_loopback6(const uint8_t *a)
{
	return is_zero(a, 15) && a[15] == 1;
}

/* The first rule of martians.def that it breaks; NULL none. */
static const char *martian_rule(const struct hs_packet *p, enum martian_end *ret_end)
{
	const uint8_t *d = p->dst.addr.bytes, *a;

#define HS_MARTIAN(ip, end, test, sentence)          \
	a = (end) == SOURCE ? p->src.addr.bytes : d; \
	if (p->version == (ip) && (test)) {          \
		*ret_end = end;                      \
		return sentence;                     \
	}
#include "martians.def"
#undef HS_MARTIAN
	return NULL;
}

/* Drops of ip_rcv_finish() that are not for another reason; of IPv6, IP_INHDR may also be a bad header. */
static bool drop_may_be_martian(const struct hs_packet *p, const struct hs_fate *fate)
{
	static const char *const reasons[] = { "IP_INVALID_SOURCE", "IP_INVALID_DEST",
					       "IP_LOCALNET", "IP_LOCAL_SOURCE" };
	const char *function = fate->function;

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (!strcmp(fate->reason, reasons[i]))
			return true;
	if (p->version == 6)
		return !strncmp(function, "ip6_rcv_core", 12) || !strcmp(function, "ip6_forward");
	return !strcmp(fate->reason, "NOT_SPECIFIED") && !strncmp(function, "ip_rcv_finish", 13);
}

static void martian_tell(struct hs_journeys *js, enum martian_end end, const struct hs_addr *addr,
			 const char *sentence, struct hs_fate *fate)
{
	fate->no_route.kind = end == SOURCE ? "martian_source" : "martian_destination";
	fate->why = names_internf(js->names, "its %s %s is %s (martian %s)",
				  end == SOURCE ? "source" : "destination", tell_address(js, addr),
				  sentence, end == SOURCE ? "source" : "destination");
	fate->no_route.text = fate->why;
}

/*
 * Before 6.14 such a drop has no reason. A table said that the source is local; or the filter is off, so that
 * no table was asked about it, and nothing else is left (fib_validate_source()) but bad options.
 */
static bool martian_is_local(struct hs_journeys *js, const struct hs_packet *p,
			     const struct hs_event *e, const struct hs_fate *fate)
{
	struct context *c = context_of(js, e, false);
	const struct lookup *there = lookup_of(c, &p->dst.addr, 0);
	const struct lookup *back = lookup_of(c, &p->src.addr, 0);

	if (p->version != 4)
		return false;
	if (!strcmp(fate->reason, "IP_LOCAL_SOURCE"))
		return true;
	if (back)
		return !back->rec.err && back->rec.type == RTN_LOCAL;
	/* No table is asked on the way to a group: ip_route_input_mc(). */
	return there && !p->ip_options && p->dst.addr.bytes[0] >> 4 != 14;
}

bool martian_explain(struct hs_journeys *js, const struct node *n, const struct hs_event *e,
		     struct hs_fate *fate)
{
	const struct hs_packet *p = &n->j.packet;
	const struct hs_hop *last = node_last_hop(n);
	const char *rule;
	enum martian_end end;

	if (!drop_may_be_martian(p, fate))
		return false;
	rule = martian_rule(p, &end);
	if (rule) {
		martian_tell(js, end, end == SOURCE ? &p->src.addr : &p->dst.addr, rule, fate);
		fate->remedy =
			"Who built it: a raw socket, a tunnel, or a program that is bound to an address that others cannot reach?";
		return true;
	}
	if (!martian_is_local(js, p, e, fate))
		return false;
	martian_tell(js, SOURCE, &p->src.addr,
		     names_internf(js->names, "an address of %s itself, and it came from outside",
				   last ? last->netns : "this namespace"),
		     fate);
	fate->remedy = names_internf(
		js->names,
		"Do two hosts have that address (ip addr), or came the packet back in a loop? The sysctl net.ipv4.conf.%s.accept_local lets such packets in.",
		last && *last->dev ? last->dev : "DEV");
	return true;
}

/* ---- reverse path filter ---- */

/* Where an answer would go, as fib_validate_source() was told; "" not known. */
static const char *filter_way(struct hs_journeys *js, const struct node *n,
			      const struct hs_event *e, const char *dev, struct hs_fate *fate)
{
	const struct lookup *back = lookup_of(context_of(js, e, false), &n->j.packet.src.addr, 0);
	struct no_route_question q = { .netns = n->netns, .to = n->j.packet.src.addr };
	struct hs_no_route none;

	if (!back)
		return "";
	fate->no_route.table = route_table_name(js, back->rec.table);
	if (no_route_find(js, e, &q, &none))
		return names_internf(js->names, "no route leads back to that: %s", none.text);
	return names_internf(js->names, "an answer to that would leave by %s (table %s), not by %s",
			     names_device(js->names, back->rec.at.netns, back->rec.oif).name
				     ?: "another device",
			     fate->no_route.table, dev);
}

void filter_explain(struct hs_journeys *js, const struct node *n, const struct hs_event *e,
		    struct hs_fate *fate)
{
	bool sure = !strcmp(fate->reason, "IP_RPFILTER");
	const struct hs_hop *last = node_last_hop(n);
	const char *dev = last && *last->dev ? last->dev : "the device";
	const char *netns = last ? last->netns : "its namespace";
	const char *src = tell_address(js, &n->j.packet.src.addr);
	const char *way = filter_way(js, n, e, dev, fate);

	if (*way)
		fate->why = names_internf(
			js->names,
			"it came by %s and says to come from %s, but %s (reverse path filter)", dev,
			src, way);
	else if (sure)
		fate->why = names_internf(
			js->names,
			"it says to come from %s, and an answer to that would not leave by %s (reverse path filter)",
			src, dev);
	else
		fate->why = names_internf(
			js->names,
			"it says to come from %s: is that an address of %s itself (martian source), or would an answer to it not leave by %s (reverse path filter)?",
			src, netns, dev);
	fate->no_route.kind = *way || sure ? "rp_filter" : "";
	fate->no_route.text = fate->why;
	fate->remedy = names_internf(
		js->names,
		"Look at ip route get %s in %s, and at the sysctl net.ipv4.conf.%s.rp_filter: 1 strict, 2 any device will do, 0 off; the one of conf.all counts too if it is larger.",
		src, netns, dev);
}
