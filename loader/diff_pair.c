// SPDX-License-Identifier: BSD-2-Clause
/*
 * Which journey of A is which of B. What a packet is decides: protocol, endpoints, kind of segment
 * or message, what caused it; ports that the kernel picks differ from run to run, so one port of the
 * two has to be the same, and a port once found to stand for another does so for good. What is left
 * over is paired without regard to addresses and places, and then what one program sent in both
 * runs, without regard to ports.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "diff.h"

#define WINDOW 512 /* so many candidates of a kind are looked at */

/* A port of A, with its address, that stands for one of B; and the other way round. */
struct port_key {
	struct hs_endpoint at;
	uint32_t proto;
};

struct port_pair {
	struct port_key key;
	uint16_t other;
	UT_hash_handle hh;
};

/* Journeys of B that are of one kind, by birth. */
struct kind_key {
	struct hs_addr src, dst;
	const char *netns; /* of B */
	uint16_t ethertype, arp_op;
	uint8_t version, proto, tcp_flags, icmp_type;
	bool moved, has_icmp, has_payload, again, probe, later_fragment;
	uint8_t noise;
};

struct kind {
	struct kind_key key;
	struct diff_journey **all;
	size_t n, first; /* those before `first` are paired */
	UT_hash_handle hh;
};

struct pairing {
	struct port_pair *ports[2]; /* of A, of B */
	struct kind *kinds;
	const char **netns; /* names of B's namespaces, each once */
	size_t n_netns;
	const struct diff_side *a;
};

/* --- ports --- */

static struct port_key port_key(const struct hs_endpoint *at, uint8_t proto)
{
	struct port_key key;

	memset(&key, 0, sizeof(key));
	key.at.addr.family = at->addr.family;
	memcpy(key.at.addr.bytes, at->addr.bytes, sizeof(key.at.addr.bytes));
	key.at.port = at->port;
	key.proto = proto;
	return key;
}

static const struct port_pair *port_find(const struct port_pair *ports,
					 const struct hs_endpoint *at, uint8_t proto)
{
	struct port_key key = port_key(at, proto);
	struct port_pair *found;

	HASH_FIND(hh, ports, &key, sizeof(key), found);
	return found;
}

static int port_add(struct port_pair **ports, const struct hs_endpoint *at, uint8_t proto,
		    uint16_t other)
{
	const struct port_key key = port_key(at, proto);
	struct port_pair *added;

	if (port_find(*ports, at, proto))
		return 0;
	added = calloc(1, sizeof(*added));
	if (!added)
		return -ENOMEM;
	memcpy(&added->key, &key, sizeof(key));
	added->other = other;
	HASH_ADD(hh, *ports, key, sizeof(added->key), added);
	return 0;
}

/* What two have to agree in. */
enum level {
	LEVEL_SAME,  /* addresses, place and a port */
	LEVEL_MOVED, /* a port */
	LEVEL_ASKED, /* the program that sent it */
};

/* May the one stand for the other, as far as is known? */
static bool port_fits(const struct pairing *p, const struct hs_endpoint *a,
		      const struct hs_endpoint *b, uint8_t proto)
{
	const struct port_pair *of_a = port_find(p->ports[0], a, proto);
	const struct port_pair *of_b = port_find(p->ports[1], b, proto);

	return (!of_a || of_a->other == b->port) && (!of_b || of_b->other == a->port);
}

static bool port_stands(const struct pairing *p, const struct hs_endpoint *a,
			const struct hs_endpoint *b, uint8_t proto)
{
	const struct port_pair *of_a = port_find(p->ports[0], a, proto);

	return a->port == b->port || (of_a && of_a->other == b->port);
}

static bool ports_fit(const struct pairing *p, const struct hs_endpoint a[2],
		      const struct hs_endpoint b[2], uint8_t proto, enum level level)
{
	if (!a[0].port && !a[1].port && !b[0].port && !b[1].port)
		return level != LEVEL_ASKED;
	return (level == LEVEL_ASKED || port_stands(p, &a[0], &b[0], proto) ||
		port_stands(p, &a[1], &b[1], proto)) &&
	       port_fits(p, &a[0], &b[0], proto) && port_fits(p, &a[1], &b[1], proto);
}

static int ports_learn(struct pairing *p, const struct hs_endpoint a[2],
		       const struct hs_endpoint b[2], uint8_t proto)
{
	int r = 0;

	for (int i = 0; i < 2 && !r; i++) {
		r = port_add(&p->ports[0], &a[i], proto, b[i].port);
		if (!r)
			r = port_add(&p->ports[1], &b[i], proto, a[i].port);
	}
	return r;
}

/* The ports that tell whose packet it is: an ICMP error's are those of what it is about. */
static uint8_t journey_ends(const struct hs_packet *p, struct hs_endpoint ends[2])
{
	ends[0] = p->has_quoted ? p->quoted_src : p->src;
	ends[1] = p->has_quoted ? p->quoted_dst : p->dst;
	if (!p->has_quoted && !p->has_ports)
		ends[0].port = ends[1].port = 0;
	return p->has_quoted ? p->quoted_proto : p->proto;
}

/* --- kinds --- */

/* B's name of that namespace, so that names can be compared as pointers; NULL: it has none. */
static const char *netns_known(const struct pairing *p, const char *name)
{
	for (size_t i = 0; i < p->n_netns; i++)
		if (diff_same_name(p->netns[i], name))
			return p->netns[i];
	return NULL;
}

static int netns_learn(struct pairing *p, const char *name)
{
	const char **grown;

	if (netns_known(p, name))
		return 0;
	grown = realloc(p->netns, (p->n_netns + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	p->netns = grown;
	grown[p->n_netns++] = name;
	return 0;
}

static const char *journey_netns(const struct diff_journey *j)
{
	return j->n_hops ? j->hops[0].netns : "";
}

/* Of A with `moved`: as if it were somewhere else. */
static struct kind_key kind_key(const struct pairing *p, const struct diff_journey *j, bool moved)
{
	const struct hs_packet *packet = &j->j.packet;
	struct kind_key key;

	memset(&key, 0, sizeof(key));
	key.moved = moved;
	if (!moved) {
		key.src.family = packet->src.addr.family;
		memcpy(key.src.bytes, packet->src.addr.bytes, sizeof(key.src.bytes));
		key.dst.family = packet->dst.addr.family;
		memcpy(key.dst.bytes, packet->dst.addr.bytes, sizeof(key.dst.bytes));
		key.netns = netns_known(p, journey_netns(j));
	}
	key.ethertype = packet->ethertype;
	key.arp_op = packet->arp_op;
	key.version = packet->version;
	key.proto = packet->proto;
	key.tcp_flags = packet->tcp_flags & (TH_FIN | TH_SYN | TH_RST);
	key.icmp_type = packet->icmp_type;
	key.has_icmp = packet->has_icmp;
	key.has_payload = packet->payload && packet->proto == IPPROTO_TCP;
	key.again = j->j.retransmission;
	key.probe = j->j.window_probe;
	key.later_fragment = packet->later_fragment;
	key.noise = j->j.noise;
	return key;
}

static struct kind *kind_find(const struct pairing *p, const struct kind_key *key)
{
	struct kind *kind;

	HASH_FIND(hh, p->kinds, key, sizeof(*key), kind);
	return kind;
}

static int kind_add(struct pairing *p, struct diff_journey *j, bool moved)
{
	struct kind_key key = kind_key(p, j, moved);
	struct kind *kind = kind_find(p, &key);
	struct diff_journey **grown;

	if (!kind) {
		kind = calloc(1, sizeof(*kind));
		if (!kind)
			return -ENOMEM;
		memcpy(&kind->key, &key, sizeof(key)); /* padding, too */
		HASH_ADD(hh, p->kinds, key, sizeof(kind->key), kind);
	}
	grown = kind->all;
	if (!(kind->n & (kind->n - 1)))
		grown = realloc(grown, (kind->n ? kind->n * 2 : 1) * sizeof(struct diff_journey *));
	if (!grown)
		return -ENOMEM;
	kind->all = grown;
	grown[kind->n++] = j;
	return 0;
}

/* --- pairs --- */

static const struct diff_journey *journey_cause(const struct diff_side *side,
						const struct diff_journey *j)
{
	return j->j.cause_kind == HS_CAUSE_JOURNEY && j->j.cause < side->n_ids
		       ? side->by_id[j->j.cause]
		       : NULL;
}

/* What caused the one is what caused the other; of ARP and TCP anything may. */
static bool causes_fit(const struct pairing *p, const struct diff_side *b,
		       const struct diff_journey *ja, const struct diff_journey *jb)
{
	const struct diff_journey *cause = journey_cause(p->a, ja);

	if (ja->j.noise || ja->j.packet.proto == IPPROTO_TCP)
		return true;
	if ((ja->j.cause_kind == HS_CAUSE_JOURNEY) != (jb->j.cause_kind == HS_CAUSE_JOURNEY))
		return false;
	return !cause || !cause->other || cause->other == journey_cause(b, jb);
}

/* What a program did in both runs, if it is asked where. */
static bool senders_fit(const struct hs_journey *a, const struct hs_journey *b, enum level level)
{
	return level != LEVEL_ASKED ||
	       (a->cause_kind == HS_CAUSE_CALL && b->cause_kind == HS_CAUSE_CALL && *a->by.comm &&
		!strcmp(a->by.comm, b->by.comm));
}

static int pair_one(struct pairing *p, const struct diff_side *b, struct diff_journey *ja,
		    enum level level)
{
	const bool moved = level != LEVEL_SAME;
	struct kind_key key = kind_key(p, ja, moved);
	struct kind *kind = kind_find(p, &key);
	struct hs_endpoint ends_a[2], ends_b[2];
	uint8_t proto = journey_ends(&ja->j.packet, ends_a);

	/* A namespace that B does not have */
	if (!kind || (!moved && !key.netns))
		return 0;
	while (kind->first < kind->n && kind->all[kind->first]->other)
		kind->first++;
	for (size_t i = kind->first; i < kind->n && i < kind->first + WINDOW; i++) {
		struct diff_journey *jb = kind->all[i];

		if (jb->other || journey_ends(&jb->j.packet, ends_b) != proto ||
		    !ports_fit(p, ends_a, ends_b, proto, level) || !causes_fit(p, b, ja, jb) ||
		    !senders_fit(&ja->j, &jb->j, level))
			continue;
		ja->other = jb;
		jb->other = ja;
		ja->moved = jb->moved = moved;
		return ports_learn(p, ends_a, ends_b, proto);
	}
	return 0;
}

static void pairing_free(struct pairing *p)
{
	struct kind *kind, *kind_tmp;
	struct port_pair *port, *port_tmp;

	HASH_ITER (hh, p->kinds, kind, kind_tmp) {
		HASH_DEL(p->kinds, kind);
		free(kind->all);
		free(kind);
	}
	for (int i = 0; i < 2; i++) {
		HASH_ITER (hh, p->ports[i], port, port_tmp) {
			HASH_DEL(p->ports[i], port);
			free(port);
		}
	}
	free(p->netns);
}

static int pair_level(struct pairing *p, const struct diff_side *a, const struct diff_side *b,
		      enum level level)
{
	int r = 0;

	for (size_t i = 0; i < a->n_journeys && !r; i++)
		if (!a->journeys[i]->other)
			r = pair_one(p, b, a->journeys[i], level);
	return r;
}

int diff_pair_journeys(struct diff_side *a, struct diff_side *b)
{
	/* The last finds ports that stand for others, so there may be more of the first then. */
	static const enum level levels[] = { LEVEL_SAME, LEVEL_MOVED, LEVEL_ASKED, LEVEL_SAME,
					     LEVEL_MOVED };
	__attribute__((cleanup(pairing_free))) struct pairing p = { .a = a };
	int r = 0;

	for (size_t i = 0; i < b->n_journeys && !r; i++)
		r = netns_learn(&p, journey_netns(b->journeys[i]));
	for (size_t i = 0; i < b->n_journeys && !r; i++)
		r = kind_add(&p, b->journeys[i], false);
	for (size_t i = 0; i < b->n_journeys && !r; i++)
		r = kind_add(&p, b->journeys[i], true);
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]) && !r; i++)
		r = pair_level(&p, a, b, levels[i]);
	return r;
}
