// SPDX-License-Identifier: BSD-2-Clause
/* Sentences for people: why a packet died, why nobody was told, why a call failed. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "packet.h"
#include "reasons.h"
#include "text.h"

#define DATAGRAM_MAX  65507 /* bytes in one over IPv4 */
#define TOO_BIG_DEPTH 1000  /* journeys that are looked at */

const char *tell_endpoint(struct hs_journeys *js, const struct hs_endpoint *ep)
{
	char addr[INET6_ADDRSTRLEN] = "?";

	if (ep->addr.family)
		inet_ntop(ep->addr.family, ep->addr.bytes, addr, sizeof(addr));
	return names_internf(js->names, ep->addr.family == AF_INET6 ? "[%s]:%u" : "%s:%u", addr,
			     ep->port);
}

static const char *tell_address(struct hs_journeys *js, const struct hs_addr *addr)
{
	char text[INET6_ADDRSTRLEN] = "?";

	if (addr->family)
		inet_ntop(addr->family, addr->bytes, text, sizeof(text));
	return names_intern(js->names, text, sizeof(text));
}

const char *tell_task(struct hs_journeys *js, const struct hs_task *task)
{
	if (!task->pid)
		return "the socket's program";
	return names_internf(js->names, "%s[%u]", *task->comm ? task->comm : "?", task->pid);
}

const char *tell_icmp(struct hs_journeys *js, const struct hs_packet *p)
{
	const char *name = text_icmp_name(p->version, p->icmp_type, p->icmp_code);

	if (!p->has_icmp)
		return "";
	if (!name)
		return names_internf(js->names, "ICMP%s type %u code %u",
				     p->version == 6 ? "v6" : "", p->icmp_type, p->icmp_code);
	return names_internf(js->names, "ICMP%s %s", p->version == 6 ? "v6" : "", name);
}

/* "label 100", "labels 100, 200": the outermost first. */
static const char *tell_labels(struct hs_journeys *js, const uint8_t *data, size_t len)
{
	const char *text = "";

	for (size_t i = 0; i < len; i += 4)
		text = names_internf(js->names, "%s%s%u",
				     i	       ? text
				     : len > 4 ? "labels "
					       : "label ",
				     i ? ", " : "", packet_label(data + i));
	return text;
}

static const char *tell_end(struct hs_journeys *js, const struct hs_packet *p,
			    const struct hs_endpoint *ep)
{
	return p->has_ports ? tell_endpoint(js, ep) : tell_address(js, &ep->addr);
}

static bool same_end(const struct hs_endpoint *a, const struct hs_endpoint *b)
{
	return a->port == b->port && !memcmp(&a->addr, &b->addr, sizeof(a->addr));
}

const char *tell_headers(struct hs_journeys *js, const struct node *n,
			 const struct hs_rec_birth *now, size_t captured)
{
	uint16_t ethertype = now->proto;
	size_t labels = packet_skip_labels(&ethertype, now->data, captured);
	const struct hs_packet *was = &n->j.packet;
	const char *proto;
	struct hs_packet p;
	bool src, dst;

	if (labels)
		return tell_labels(js, now->data, labels);
	packet_parse(&p, ethertype, now->l3, now->data, captured);
	proto = text_proto_name(p.proto);
	src = !same_end(&p.src, &was->src);
	dst = !same_end(&p.dst, &was->dst);
	/* Without an address there was nothing that could change. */
	if (!p.version || !was->version || (!src && !dst))
		return "";
	/* What has not left this machine yet, and is given to a device again: by a tunnel. */
	if (now->hdr.flags & HS_F_LOCAL)
		return names_internf(js->names, "inside %s %s → %s", proto ? proto : "IP",
				     tell_end(js, &p, &p.src), tell_end(js, &p, &p.dst));
	if (src && dst)
		return names_internf(js->names, "now %s → %s", tell_end(js, &p, &p.src),
				     tell_end(js, &p, &p.dst));
	return names_internf(js->names, src ? "now from %s" : "now to %s",
			     tell_end(js, &p, src ? &p.src : &p.dst));
}

/*
 * A socket of the same protocol and port on another address of that namespace, "" none. One of the
 * packet's own IP version comes first; one that would have taken the packet is closed by now.
 */
static const char *tell_neighbour_socket(struct hs_journeys *js, const struct node *n)
{
	const struct hs_packet *p = &n->j.packet;
	const struct hs_endpoint *found = NULL;
	struct sock_node *s, *tmp;

	for (size_t i = 0; i < js->n_bound; i++) {
		const struct bound *b = &js->bound[i];

		if (b->netns == n->netns && b->protocol == p->proto &&
		    b->local.port == p->dst.port &&
		    !endpoint_takes(&b->local, &p->dst.addr, p->dst.port) &&
		    (!found || b->local.addr.family == p->dst.addr.family))
			found = &b->local;
	}
	HASH_ITER (hh, js->socks, s, tmp)
		if (s->netns == n->netns && s->s.protocol == p->proto && !s->s.remote.port &&
		    s->s.local.port == p->dst.port &&
		    !endpoint_takes(&s->s.local, &p->dst.addr, p->dst.port) &&
		    (!found || (found->addr.family != p->dst.addr.family &&
				s->s.local.addr.family == p->dst.addr.family)))
			found = &s->s.local;
	return found ? tell_endpoint(js, found) : "";
}

const char *tell_no_socket(struct hs_journeys *js, const struct node *n)
{
	const struct hs_packet *p = &n->j.packet;
	const char *near, *proto = text_proto_name(p->proto);

	if (!p->has_ports)
		return "no socket waits for it";
	near = tell_neighbour_socket(js, n);
	return names_internf(js->names,
			     *near ? "no %s socket on %s (one is on %s)" : "no %s socket on %s",
			     proto ? proto : "such", tell_endpoint(js, &p->dst), near);
}

const char *tell_rcvbuf(struct hs_journeys *js, const struct sock_node *s, uint32_t rmem,
			uint32_t limit)
{
	return names_internf(js->names, "the receive buffer of %s on %s is full: %u of %u B in use",
			     tell_task(js, &s->s.owner), tell_endpoint(js, &s->s.local), rmem,
			     limit);
}

const char *tell_queue(struct hs_journeys *js, const struct sock_node *s,
		       const struct hs_rec_queue *rec)
{
	return names_internf(js->names, "%s, %u waiting, %u of %u B", tell_task(js, &s->s.owner),
			     rec->qlen, rec->rmem, rec->rcvbuf);
}

const char *tell_qdisc(struct hs_journeys *js, uint32_t netns, uint32_t ifindex)
{
	const char *dev = names_device(js->names, netns, ifindex).name;
	const char *kind = names_qdisc(js->names, netns, ifindex);

	return names_internf(js->names, "%s%sthe queueing discipline of %s", kind,
			     *kind ? ", " : "", *dev ? dev : "its device");
}

const char *tell_duration(struct hs_journeys *js, uint64_t ns)
{
	struct text_style style = { .width = 80 };
	char words[32];
	struct text t;
	size_t len = 0;

	text_init(&t, &style);
	text_duration(&t, ns);
	/* Only a view glues the unit to its number. */
	for (const char *p = t.data ?: ""; *p && len < sizeof(words) - 1; p++) {
		bool glue = !strncmp(p, TEXT_GLUE, strlen(TEXT_GLUE));

		words[len++] = glue ? ' ' : *p;
		p += glue ? strlen(TEXT_GLUE) - 1 : 0;
	}
	text_free(&t);
	return names_intern(js->names, words, len);
}

const char *tell_ids(struct hs_journeys *js, const uint32_t *ids, size_t n)
{
	char text[OVERTAKEN_MAX * 20 + 32] = "";
	size_t len = 0;

	for (size_t i = 0; i < n && i < OVERTAKEN_MAX; i++)
		len += snprintf(text + len, sizeof(text) - len, "%s#%u",
				!i	    ? ""
				: i + 1 < n ? ", "
					    : " and ",
				ids[i]);
	if (n > OVERTAKEN_MAX)
		snprintf(text + len, sizeof(text) - len, " and %zu more", n - OVERTAKEN_MAX);
	return names_intern(js->names, text, sizeof(text));
}

/*
 * Other UDP sockets that would have taken it: compute_score() prefers the one that is bound (or connected)
 * more exactly. "" none.
 */
const char *tell_candidates(struct hs_journeys *js, const struct sock_node *chosen,
			    const struct node *n)
{
	const struct hs_packet *p = &n->j.packet;
	const struct sock_node *found = NULL;
	struct sock_node *s, *tmp;
	unsigned int others = 0;
	bool alike;

	HASH_ITER (hh, js->socks, s, tmp) {
		if (s == chosen || s->closed || s->netns != chosen->netns ||
		    s->s.type != SOCK_DGRAM || s->s.protocol != p->proto ||
		    !endpoint_takes(&s->s.local, &p->dst.addr, p->dst.port) ||
		    (s->s.remote.port && memcmp(&s->s.remote, &p->src, sizeof(p->src)) != 0))
			continue;
		found = s;
		others++;
	}
	if (!found)
		return "";
	alike = !memcmp(&found->s.local.addr, &chosen->s.local.addr, sizeof(found->s.local.addr)) &&
		!found->s.remote.port == !chosen->s.remote.port;
	return names_internf(js->names, "%s of %s would take it too%s; %s",
			     tell_endpoint(js, &found->s.local), tell_task(js, &found->s.owner),
			     others > 1 ? ", and others" : "",
			     alike ? "they share the port" : "the more exact one gets it");
}

/*
 * Errors that a connected UDP socket is told without IP_RECVERR: `fatal` of icmp_err_convert[]
 * (net/ipv4/icmp.c) and of tab_unreach[] (net/ipv6/icmp.c), and __udp4_lib_err(), in Linux 6.12.
 */
static bool tell_is_fatal(const struct hs_packet *p)
{
	static const char fatal4[] = { 2, 3, 6, 7, 8, 9, 10, 13, 14, 15 };
	static const char fatal6[] = { 1, 4, 5, 6 };

	if (p->version == 6)
		return p->icmp_type == 4 ||
		       (p->icmp_type == 1 && memchr(fatal6, p->icmp_code, sizeof(fatal6)));
	return p->icmp_type == 12 ||
	       (p->icmp_type == 3 && memchr(fatal4, p->icmp_code, sizeof(fatal4)));
}

const char *tell_nobody(struct hs_journeys *js, const struct hs_packet *error,
			const struct sock_node *s)
{
	bool tcp = error->quoted_proto == IPPROTO_TCP;

	if (packet_is_too_big(error))
		return names_internf(
			js->names,
			tcp ? "TCP needs no program for that: it sends again in segments that fit into %u B"
			    : "the kernel notes it: what is longer than %u B on that way is cut into fragments, or the call fails with EMSGSIZE where the socket forbids that",
			error->icmp_info);
	if (s && s->s.type == SOCK_RAW)
		return "a raw socket hears of errors only when it is connected or has IP_RECVERR";
	if (tcp && !tell_is_fatal(error))
		return "the error may pass, so TCP goes on trying until its time is up";
	if (s && !s->s.remote.port)
		return "the socket is not connected, so an error could be about any of its peers (connect() it, or set IP_RECVERR)";
	if (!tell_is_fatal(error))
		return "the error may pass, so only a socket with IP_RECVERR hears of it";
	if (s)
		return "the socket is gone or belongs to another peer by now";
	return "no socket is known that sent the packet";
}

const char *tell_wait(struct hs_journeys *js, uint64_t ns)
{
	struct text_style style = { .width = 80 };
	const char *result;
	struct text t;

	if (!ns)
		return "waited for the next hop's link-layer address, and nobody answered";
	text_init(&t, &style);
	text_duration(&t, ns);
	result = names_internf(
		js->names, "waited %s for the next hop's link-layer address, and nobody answered",
		t.data ?: "");
	text_free(&t);
	return result;
}

/* ---- drops ---- */

/* What a sentence about a drop is made of. */
struct drop {
	struct hs_journeys *js;
	const struct node *n;
	const struct hs_packet *p;
	const char *netns, *dev; /* where */
	const char *src, *dst;
	struct hs_fate *fate;
};

static void drop_no_route(const struct drop *d)
{
	d->fate->why = names_internf(d->js->names, "%s has no route to %s", d->netns, d->dst);
	d->fate->remedy = names_internf(
		d->js->names,
		"Look at ip route get %s there: which route, by which device, and is that device up?",
		d->dst);
}

/* IP_INADDRERRORS says it in 6.1 and later; before, only the function does. */
static void drop_not_forwarded(const struct drop *d)
{
	bool sure = !strcmp(d->fate->reason, "IP_INADDRERRORS");

	d->fate->why = names_internf(
		d->js->names,
		sure ? "%s is not on %s, which forwards nothing: IPv%u forwarding is off there"
		     : "%s is not on %s, which did not forward it: is IPv%u forwarding off there?",
		d->dst, d->netns, d->p->version);
	d->fate->remedy = names_internf(
		d->js->names,
		"sysctl -w %s=1 there, if it shall be a router; on no device of its own? ip addr.",
		d->p->version == 6 ? "net.ipv6.conf.all.forwarding" : "net.ipv4.ip_forward");
}

static void drop_no_carrier(const struct drop *d)
{
	d->fate->why =
		names_internf(d->js->names, "%s has no carrier: its other end is down", d->dev);
	d->fate->remedy = names_internf(
		d->js->names,
		"Look at ip link show %s: it says NO-CARRIER. Set the other end up, or plug in the cable.",
		d->dev);
}

static void drop_rp_filter(const struct drop *d)
{
	bool sure = !strcmp(d->fate->reason, "IP_RPFILTER");

	d->fate->why = names_internf(
		d->js->names,
		sure ? "it says to come from %s, and an answer to that would not leave by %s (reverse path filter)"
		     : "it says to come from %s; would an answer to that leave by %s (reverse path filter)?",
		d->src, d->dev);
	d->fate->remedy = names_internf(
		d->js->names,
		"Look at ip route get %s in %s, and at the sysctl net.ipv4.conf.%s.rp_filter: 1 strict, 2 any device will do, 0 off; the one of conf.all counts too if it is larger.",
		d->src, d->netns, d->dev);
}

/* How often it came to where it is now. */
static unsigned int drop_visits(const struct drop *d)
{
	unsigned int visits = 0;

	for (size_t i = 0; i < d->n->j.n_hops; i++)
		visits += d->n->j.hops[i].stage == HS_STAGE_RECEIVE &&
			  !strcmp(d->n->j.hops[i].netns, d->netns);
	return visits;
}

static void drop_ttl(const struct drop *d)
{
	const char *ttl = d->p->version == 6 ? "hop limit" : "TTL";
	unsigned int visits = drop_visits(d);

	d->fate->why =
		visits > 1
			? names_internf(
				  d->js->names,
				  "its %s of %u was used up: it came to %s %u times, so it runs in a circle",
				  ttl, d->p->ttl, d->netns, visits)
			: names_internf(
				  d->js->names,
				  "its %s of %u was used up: so many routers it may pass, and no more",
				  ttl, d->p->ttl);
	d->fate->remedy = names_internf(
		d->js->names,
		visits > 1
			? "Two routers name each other as the way to %s: look at ip route get %s on each."
			: "Send with a larger one, or look for a loop: ip route get on each router to %s.%.0s",
		d->dst, d->dst);
}

static void drop_too_big(const struct drop *d)
{
	uint32_t mtu = d->n->answer.icmp_info;
	const char *never =
		d->p->version == 6 ? "no router may cut IPv6" : "it must not be fragmented (DF)";

	d->fate->why =
		mtu ? names_internf(d->js->names,
				    "it is longer than the MTU of the next device, %u B, and %s",
				    mtu, never)
		    : names_internf(d->js->names,
				    "it is longer than the MTU of the next device, and %s", never);
	d->fate->remedy =
		"The sender is told by ICMP, and sends less at once from then on; if it does not, look where that ICMP is dropped. The MTUs: ip link.";
}

static bool drop_has_passed(const struct drop *d, enum hs_stage stage)
{
	for (size_t i = 0; i < d->n->j.n_hops; i++)
		if (d->n->j.hops[i].stage == stage)
			return true;
	return false;
}

/*
 * A loss that netem was asked for passes for a success, and so for being taken (netem_enqueue(); from 5.15 on
 * an event tells that); what does not fit does not.
 */
static void drop_by_qdisc(const struct drop *d)
{
	const char *kind = names_qdisc(d->js->names, d->n->netns, d->n->ifindex), *how = "";
	bool taken = drop_has_passed(d, HS_STAGE_QDISC_ENQUEUE);
	bool netem = !strcmp(kind, "netem");

	if (netem && taken)
		how = ": a loss that it was told to make";
	else if (netem && strcmp(d->fate->reason, "NOT_SPECIFIED"))
		how = ": its queue was full";
	else if (netem)
		how = ": a loss that it was told to make, or its queue was full";
	else if (!strcmp(kind, "tbf") && !taken)
		how = ": its queue was full, or the packet is longer than its burst";
	d->fate->why = names_internf(d->js->names, *kind ? "%s, dropped it%s" : "%s dropped it%s",
				     tell_qdisc(d->js, d->n->netns, d->n->ifindex), how);
	d->fate->remedy = names_internf(
		d->js->names,
		"Look at tc -s qdisc show dev %s in %s: its settings, and how many it dropped.",
		d->dev, d->netns);
}

static void drop_by_tc(const struct drop *d, const char *way, const char *hook)
{
	d->fate->why = names_internf(
		d->js->names,
		"a filter of tc on %s dropped it on its way %s: its action says so (drop; police, what is above the rate)",
		d->dev, way);
	d->fate->remedy = names_internf(
		d->js->names, "Look at tc -s filter show dev %s %s in %s: how many it dropped.",
		d->dev, hook, d->netns);
}

/* What frees those that a queueing discipline did not take, by its name where there is no reason (5.10). */
static bool drop_is_by_qdisc(struct hs_journeys *js, const struct node *n,
			     const struct hs_fate *fate)
{
	if (!strncmp(fate->reason, "QDISC_", strlen("QDISC_")))
		return true;
	return !strcmp(fate->reason, "NOT_SPECIFIED") &&
	       *names_qdisc(js->names, n->netns, n->ifindex) &&
	       node_timed_stage(n) == HS_STAGE_DEV_QUEUE &&
	       (!strcmp(fate->function, "kfree_skb_list") ||
		!strcmp(fate->function, "__dev_queue_xmit"));
}

static void drop_not_joined(const struct drop *d)
{
	d->fate->why =
		names_internf(d->js->names, "%s has not joined the group %s, so it is not meant",
			      d->netns, d->dst);
	d->fate->remedy = "";
}

/*
 * Netfilter says so by a reason, or (before 5.17) by the function that frees what a hook drops.
 */
static bool drop_is_by_rule(const struct hs_fate *fate)
{
	return !strcmp(fate->reason, "NETFILTER_DROP") || !strcmp(fate->function, "nf_hook_slow");
}

static void drop_by_rule(const struct drop *d, const struct hs_rec_free *rec)
{
	struct hs_rule *rule = &d->fate->rule;
	struct hs_names *names = d->js->names;
	const char *place, *list;

	if (!rules_find(d->js, d->n, rec, rule))
		return;
	if (!rule->candidates) {
		d->fate->why = names_internf(
			names,
			"no rule of nftables at the %s hook drops it: a function of another module does (BPF, conntrack, a security module)",
			rule->hook);
		d->fate->remedy = names_internf(
			names, "Look at nft list hooks in %s: whose functions are at that hook.",
			d->netns);
		return;
	}
	place = names_internf(names, "chain %s of table %s %s", rule->chain, rule->family,
			      rule->table);
	if (rule->legacy) {
		list = names_internf(names, "%s-legacy -t %s -L %s -v -n",
				     *rule->family && rule->family[2] ? "ip6tables" : "iptables",
				     rule->table, rule->chain);
		d->fate->why = names_internf(names, "%s rule of iptables-legacy dropped it: %s%s",
					     rule->candidates > 1 ? "probably a" : "a", place,
					     rule->candidates > 1 ? ", or another table's" : "");
	} else {
		list = names_internf(names, "nft -a list chain %s %s %s", rule->family, rule->table,
				     rule->chain);
		if (rule->candidates > 1)
			d->fate->why = names_internf(
				names,
				"one of %u rules that may have, of which the first is '%s' in %s",
				rule->candidates, rule->text, place);
		else if (rule->policy)
			d->fate->why = names_internf(
				names, "no rule takes it, and the policy of %s is drop", place);
		else
			d->fate->why = names_internf(names, "the rule '%s' in %s %s it", rule->text,
						     place, rule->rejects ? "rejects" : "drops");
	}
	d->fate->remedy = rule->handle && rule->candidates == 1
				  ? names_internf(names, "Look at %s in %s: it has handle %llu.",
						  list, d->netns, (unsigned long long)rule->handle)
				  : names_internf(names, "Look at %s in %s.", list, d->netns);
}

/* The ICMP error about it says why. */
static bool drop_answered(const struct drop *d)
{
	const struct hs_packet *answer = &d->n->answer;
	bool six = answer->version == 6;

	if (!d->n->answered || !answer->icmp_error)
		return false;
	if (answer->icmp_type == (six ? 3 : 11) && !answer->icmp_code)
		drop_ttl(d);
	else if (packet_is_too_big(answer))
		drop_too_big(d);
	else if (answer->icmp_type == (six ? 1 : 3) && !answer->icmp_code &&
		 strcmp(d->fate->reason, "NETFILTER_DROP"))
		drop_no_route(d);
	else
		return false;
	return true;
}

void tell_drop(struct hs_journeys *js, const struct node *n, const struct hs_rec_free *rec,
	       struct hs_fate *fate)
{
	const struct hs_hop *last = node_last_hop(n);
	const struct drop d = {
		.js = js,
		.n = n,
		.p = &n->j.packet,
		.netns = last && *last->netns ? last->netns : "its namespace",
		.dev = last && *last->dev ? last->dev : "the device",
		.src = tell_address(js, &n->j.packet.src.addr),
		.dst = tell_address(js, &n->j.packet.dst.addr),
		.fate = fate,
	};
	const char *function = fate->function;
	bool unsaid = !strcmp(fate->reason, "NOT_SPECIFIED");

	if (!d.p->version)
		return;
	if (rec->hdr.flags & HS_F_NO_CARRIER && node_timed_stage(n) == HS_STAGE_DEV_QUEUE) {
		drop_no_carrier(&d);
	} else if (fate_is_vain_wait(fate->reason, function)) {
		fate->why = reason_info("NEIGH_FAILED")->sentence;
		fate->remedy = reason_info("NEIGH_FAILED")->remedy;
	} else if (drop_is_by_rule(fate)) {
		drop_by_rule(&d, rec);
	} else if (drop_answered(&d)) {
		return;
	} else if ((unsaid || !strcmp(fate->reason, "IP_INADDRERRORS")) &&
		   (!strcmp(function, "ip_error") || !strcmp(function, "ip6_forward"))) {
		drop_not_forwarded(&d);
	} else if (!strcmp(fate->reason, "IP_INNOROUTES") ||
		   !strcmp(fate->reason, "IP_OUTNOROUTES")) {
		drop_no_route(&d);
	} else if (!strcmp(fate->reason, "IP_RPFILTER") ||
		   (unsaid && d.p->version == 4 && !strncmp(function, "ip_rcv_finish", 13))) {
		drop_rp_filter(&d);
	} else if (!strcmp(fate->reason, "PKT_TOO_BIG")) {
		drop_too_big(&d);
	} else if (drop_is_by_qdisc(js, n, fate)) {
		drop_by_qdisc(&d);
	} else if (!strcmp(fate->reason, "TC_INGRESS")) {
		drop_by_tc(&d, "in", "ingress");
	} else if (!strcmp(fate->reason, "TC_EGRESS")) {
		drop_by_tc(&d, "out", "egress");
	} else if (unsaid && !strcmp(function, "ip6_mc_input")) {
		drop_not_joined(&d);
	}
}

/* ---- failed calls ---- */

/* Is a connection of that port in TIME_WAIT at this end? */
static bool tell_has_time_wait(struct hs_journeys *js, uint32_t netns, uint16_t port)
{
	const struct flow_node *f;

	DL_FOREACH (js->flow_list, f)
		for (int i = 0; i < 2; i++)
			if (f->end[i].netns == netns && f->f.end[i].at.port == port &&
			    f->f.end[i].state == HS_TCP_TIME_WAIT)
				return true;
	return false;
}

static const char *tell_bind_hint(struct hs_journeys *js, const struct hs_rec_call *rec, int err,
				  const struct hs_endpoint *ep)
{
	const char *where = names_netns(js->names, rec->netns);

	switch (err) {
	case EADDRNOTAVAIL:
		return names_internf(js->names, "%s is on no interface of %s (ip addr)",
				     tell_address(js, &ep->addr), where);
	case EADDRINUSE:
		if (tell_has_time_wait(js, rec->netns, ep->port))
			return names_internf(
				js->names,
				"a connection of port %u is in TIME_WAIT for a minute (SO_REUSEADDR, set by both programs, lets bind() pass)",
				ep->port);
		return names_internf(js->names, "another socket of %s has %s already (ss -lunp)",
				     where, tell_endpoint(js, ep));
	case EACCES:
		if (rec->port_floor >= 0 && ep->port < rec->port_floor)
			return names_internf(
				js->names,
				"ports below %d need CAP_NET_BIND_SERVICE (sysctl net.ipv4.ip_unprivileged_port_start)",
				rec->port_floor);
	}
	return "";
}

/* How often the segment that `n` carried first was sent. */
static uint32_t tell_times(struct hs_journeys *js, const struct node *n)
{
	const struct flow_node *f = flow_by_serial(js, n->flow);
	uint32_t times = 0;

	if (f)
		seq_unanswered(&f->end[n->j.from], &times);
	return times + 1;
}

/* The newest error of a list about a packet that was too big for the way to that address. */
static const struct node *too_big_in(const struct node *list, const struct hs_addr *dst)
{
	const struct node *n = list ? list->prev : NULL;

	for (int i = 0; i < TOO_BIG_DEPTH && n; i++, n = n == list ? NULL : n->prev)
		if (n->selected && packet_is_too_big(&n->j.packet) &&
		    !memcmp(&n->j.packet.quoted_dst.addr, dst, sizeof(*dst)))
			return n;
	return NULL;
}

static const char *tell_too_long(struct hs_journeys *js, const struct open_call *call,
				 const struct hs_addr *to)
{
	const struct node *error = too_big_in(js->open, to) ?: too_big_in(js->done, to);
	const char *peer = tell_address(js, to);
	uint64_t headers = to->family == AF_INET6 ? 40 + 8 : 20 + 8;

	if (call->c.len > DATAGRAM_MAX)
		return "the message is longer than one datagram can be";
	if (!error)
		return names_internf(
			js->names,
			"the message is longer than the MTU on the way to %s allows, and the socket forbids fragments (IP_MTU_DISCOVER); ip route get shows that MTU",
			peer);
	if (call->c.len + headers <= error->j.packet.icmp_info)
		return names_internf(
			js->names,
			"not this message is too long: the error #%u still waited for a call that could return it",
			error->j.id);
	return names_internf(
		js->names,
		"the message is longer than the MTU on the way to %s, %u B as #%u told, and the socket forbids fragments (IP_MTU_DISCOVER)",
		peer, error->j.packet.icmp_info, error->j.id);
}

/* ---- calls that waited in vain ---- */

/* What became of a packet that was to be answered, or to be the answer; "" nothing that explains a silence. */
static const char *silence_of(struct hs_journeys *js, const struct node *n)
{
	const struct hs_fate *fate = &n->j.fate;

	if (fate->kind == HS_FATE_UNDERWAY && queue_has(js, n))
		return names_internf(js->names, "still waits in %s",
				     tell_qdisc(js, n->netns, n->ifindex));
	if (fate->kind != HS_FATE_DROPPED)
		return "";
	if (drop_is_by_qdisc(js, n, fate))
		return names_internf(js->names, "dropped by %s",
				     tell_qdisc(js, n->netns, n->ifindex));
	if (!strncmp(fate->reason, "TC_", strlen("TC_")))
		return names_internf(js->names, "dropped by a filter of tc on %s",
				     *fate->dev ? fate->dev : "its device");
	return names_internf(js->names, "dropped in %s: %s", fate->netns,
			     *fate->reason ? fate->reason : fate->function);
}

static bool silence_is_of(const struct node *n, const struct sock_node *s, bool sent)
{
	const struct hs_packet *p = &n->j.packet;

	if (!n->selected || n->silence_told)
		return false;
	if (sent)
		return n->sk == s->sk && n->sock_serial == s->serial;
	return p->proto == s->s.protocol && p->dst.port &&
	       endpoint_takes(&s->s.local, &p->dst.addr, p->dst.port);
}

struct silence {
	const char *what;
	uint32_t ids[OVERTAKEN_MAX];
	size_t n;
};

/* Those that met the same end as the first one that is found. */
static void silence_collect(struct hs_journeys *js, struct node *list, const struct sock_node *s,
			    bool sent, struct silence *found)
{
	struct node *n;

	DL_FOREACH (list, n) {
		const char *what;

		if (!silence_is_of(n, s, sent))
			continue;
		what = silence_of(js, n);
		if (!*what || (found->n && what != found->what))
			continue;
		n->silence_told = true;
		found->what = what;
		if (found->n < OVERTAKEN_MAX)
			found->ids[found->n++] = n->j.id;
	}
}

static const char *tell_silence(struct hs_journeys *js, const struct open_call *call)
{
	static const char nothing[] = "nothing came before the socket's timeout (SO_RCVTIMEO)";
	struct sock_node *s = call->sk ? sock_find(js, call->sk) : NULL;

	if (!s || s->s.protocol == IPPROTO_TCP)
		return nothing;
	for (int sent = 1; sent >= 0; sent--) {
		struct silence found = { 0 };

		silence_collect(js, js->done, s, sent, &found);
		silence_collect(js, js->open, s, sent, &found);
		if (found.n)
			return names_internf(js->names, "%s: %s, which %s, %s%s", nothing,
					     tell_ids(js, found.ids, found.n),
					     sent	   ? "it sent"
					     : found.n > 1 ? "were for it"
							   : "was for it",
					     !strncmp(found.what, "still", 5) ? ""
					     : found.n > 1		      ? "were "
									      : "was ",
					     found.what);
	}
	return nothing;
}

/* A packet of that call that was dropped before it left. */
static const char *tell_refused_send(struct hs_journeys *js, const struct open_call *call)
{
	for (size_t i = 0; i < call->n_sent; i++) {
		const struct node *n = node_by_serial(js, call->sent[i]);

		if (!n || !n->selected || !drop_is_by_rule(&n->j.fate))
			continue;
		return n->j.fate.rule.candidates
			       ? names_internf(js->names,
					       "#%u was dropped before it could leave: %s", n->j.id,
					       n->j.fate.why)
			       : names_internf(
					 js->names,
					 "a rule of the output hook dropped #%u before it could leave (nft list ruleset)",
					 n->j.id);
	}
	return "";
}

const char *tell_hint(struct hs_journeys *js, const struct hs_rec_call *rec,
		      const struct open_call *call)
{
	struct node *error = call->error_from ? node_by_serial(js, call->error_from) : NULL;
	struct hs_endpoint ep = endpoint_of(&rec->name);
	const struct hs_addr *to = &(ep.addr.family ? &ep : &call->c.remote)->addr;
	const char *peer = tell_address(js, to);
	int err = -call->c.ret;

	if (error && error->flow && call->c.ret == -ETIMEDOUT)
		return names_internf(js->names, "#%u was sent %u times, and nobody answered",
				     error->j.id, tell_times(js, error));
	if (error && error->flow)
		return names_internf(js->names,
				     error->j.cause
					     ? "the RST #%u ended the connection, an answer to #%u"
					     : "the RST #%u ended the connection",
				     error->j.id, error->j.cause);
	if (error && error->selected)
		return names_internf(js->names, error->j.cause ? "%s about #%u" : "%s",
				     tell_icmp(js, &error->j.packet), error->j.cause);
	if (rec->call == HS_CALL_BIND)
		return tell_bind_hint(js, rec, err, &ep);
	switch (err) {
	case EAGAIN:
		switch (rec->call) {
		case HS_CALL_RECVFROM:
		case HS_CALL_RECVMSG:
		case HS_CALL_RECVMMSG:
		case HS_CALL_READ:
		case HS_CALL_READV:
			return rec->hdr.time - rec->entered > 1000000
				       ? tell_silence(js, call)
				       : "nothing waits in the receive queue";
		}
		return "";
	case EMSGSIZE:
		return tell_too_long(js, call, to);
	case ENETUNREACH:
		return names_internf(
			js->names, "%s has no route to %s (ip route); is its device up? (ip link)",
			names_netns(js->names, rec->netns), peer);
	case EHOSTUNREACH:
		return names_internf(
			js->names,
			"%s cannot reach %s: a route says so, or the next hop did not answer (ip route get, ip neigh)",
			names_netns(js->names, rec->netns), peer);
	case EPERM:
		return tell_refused_send(js, call);
	}
	return "";
}

const char *tell_nothing(struct hs_journeys *js)
{
	const struct hs_select *s = js->select;
	char *text = NULL;
	const struct missed *most = js->missed;
	const char *result;
	size_t len = 0;
	FILE *f;

	if (js->shown)
		return "";
	if (!js->sum.packets)
		return "no packet was seen";
	f = open_memstream(&text, &len);
	if (!f)
		return "";
	fprintf(f, "%llu packet%s seen, none matched", (unsigned long long)js->sum.packets,
		js->sum.packets == 1 ? "" : "s");
	for (size_t i = 0; i < s->filter_text.n; i++)
		fprintf(f, " '%s'", s->filter_text.word[i]);
	for (size_t i = 0; i < s->netns.n; i++)
		fprintf(f, " -n %s", s->netns.word[i]);
	for (size_t i = 0; i < s->devs.n; i++)
		fprintf(f, " -i %s", s->devs.word[i]);
	if (s->followed)
		fprintf(f, " the sockets of the followed processes");
	if (!s->filter_text.n && !s->netns.n && !s->devs.n && !s->followed)
		fprintf(f, ": all were background (--all shows it)");
	for (size_t i = 1; i < MISSED_MAX; i++)
		if (js->missed[i].n > most->n)
			most = &js->missed[i];
	if (most->n)
		fprintf(f, "; %llu went to port %u", (unsigned long long)most->n, most->port);
	fclose(f);
	result = names_intern(js->names, text, len);
	free(text);
	return result;
}
