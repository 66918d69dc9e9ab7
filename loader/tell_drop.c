// SPDX-License-Identifier: BSD-2-Clause
/* Why a packet was dropped, and what to look at: a sentence for each kind of end. */
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#include "engine.h"
#include "packet.h"
#include "reasons.h"

/* What a sentence about a drop is made of. */
struct drop {
	struct hs_journeys *js;
	const struct hs_event *e;
	const struct node *n;
	const struct hs_packet *p;
	const char *netns, *dev; /* where */
	const char *src, *dst;
	struct hs_fate *fate;
};

static void drop_no_route(const struct drop *d)
{
	const char *text = d->fate->no_route.text;

	d->fate->why = names_internf(
		d->js->names, *text ? "%s has no route to %s: %s" : "%s has no route to %s%s",
		d->netns, d->dst, text);
	d->fate->remedy = names_internf(
		d->js->names,
		"Look at ip route get %s there: which route, by which device, and is that device up?",
		d->dst);
}

/* What routing told the packet, as the function that dropped it or the ICMP error shows; 0 unknown. */
static int drop_route_errno(const struct drop *d)
{
	const struct hs_packet *answer = &d->n->answer;

	if (!strncmp(d->fate->function, "ip6_pkt_prohibit", 16))
		return -EACCES;
	if (!strncmp(d->fate->function, "dst_discard", 11))
		return -EINVAL;
	if (!d->n->answered)
		return 0;
	if (answer->version == 6)
		return answer->icmp_type == ICMP6_DST_UNREACH &&
				       answer->icmp_code == ICMP6_DST_UNREACH_ADMIN
			       ? -EACCES
			       : 0;
	return answer->icmp_type == ICMP_DEST_UNREACH && answer->icmp_code == ICMP_PKT_FILTERED
		       ? -EACCES
		       : 0;
}

static bool drop_is_of_route(const struct drop *d)
{
	return reason_is_no_route(d->fate->function) || !strcmp(d->fate->reason, "IP_INNOROUTES") ||
	       !strcmp(d->fate->reason, "IP_OUTNOROUTES");
}

/* ip_error() of a device that does not forward asks no further: IP_INADDRERRORS. */
static bool drop_by_route(const struct drop *d)
{
	struct no_route_question q = {
		.netns = d->n->netns,
		.to = d->n->dst.addr,
		.from = d->n->src.addr,
		.err = drop_route_errno(d),
	};

	if (!drop_is_of_route(d) || !strcmp(d->fate->reason, "IP_INADDRERRORS") ||
	    !no_route_find(d->js, d->e, &q, &d->fate->no_route))
		return false;
	drop_no_route(d);
	return true;
}

/* IP_INADDRERRORS says it in 6.1 and later; before, only the function does. */
static void drop_not_forwarded(const struct drop *d)
{
	bool sure = !strcmp(d->fate->reason, "IP_INADDRERRORS");
	bool six = d->p->version == 6;

	d->fate->no_route.kind = sure ? "forwarding_off" : "";
	d->fate->why = names_internf(
		d->js->names,
		sure ? "%s is not on %s, which does not forward what comes by %s: IPv%u forwarding is off there"
		     : "%s is not on %s, which did not forward what came by %s: is IPv%u forwarding off there?",
		d->dst, d->netns, d->dev, d->p->version);
	d->fate->no_route.text = d->fate->why;
	d->fate->remedy =
		six ? "sysctl -w net.ipv6.conf.all.forwarding=1 there, if it shall be a router; on no device of its own? ip addr."
		    : names_internf(
			      d->js->names,
			      "sysctl -w net.ipv4.ip_forward=1 there, if it shall be a router, or net.ipv4.conf.%s.forwarding=1 for that device; on no device of its own? ip addr.",
			      d->dev);
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
bool tell_is_by_qdisc(struct hs_journeys *js, const struct node *n, const struct hs_fate *fate)
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

static bool is_to_group(const struct hs_packet *p)
{
	const uint8_t *dst = p->dst.addr.bytes;

	return p->version == 4 ? dst[0] >> 4 == 0xe : dst[0] == 0xff;
}

/* __udp4_lib_mcast_deliver(), __udp6_lib_mcast_deliver(): the host is in the group for another port, or interface. */
static void drop_no_member(const struct drop *d)
{
	d->fate->why = names_internf(d->js->names,
				     "no socket of %s on port %u takes what is for the group %s",
				     d->netns, d->p->dst.port, d->dst);
	d->fate->remedy =
		"Has a program bound that port, and joined the group on that device? ss -lun, ip maddr.";
}

bool tell_is_by_rule(const struct hs_fate *fate)
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
		d->fate->why = names_internf(names, "%s rule of iptables-legacy %s it: %s%s",
					     rule->candidates > 1 ? "probably a" : "a",
					     rule->rejects ? "rejects" : "drops", place,
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

/* nf_queue() frees what no program takes. */
static void drop_by_nfqueue(const struct drop *d)
{
	const char *list = "Look at /proc/net/netfilter/nfnetlink_queue";

	if (nfqueue_is_verdict(d->fate->function)) {
		d->fate->why = "a rule gave it to a program (NFQUEUE), and that said drop";
		d->fate->remedy =
			names_internf(d->js->names, "%s in %s: its second column is the program.",
				      list, d->netns);
	} else {
		d->fate->why =
			"a rule gives it to a program (NFQUEUE), but none reads that queue, or it is full";
		d->fate->remedy = names_internf(
			d->js->names,
			"%s in %s: which queues are read, and how many packets wait there. A rule with 'bypass' lets packets pass where no program is.",
			list, d->netns);
	}
}

/* Without reasons (before 5.17) the answer tells: an ICMP error of the transport, an RST of no socket. */
static bool drop_no_socket(const struct drop *d)
{
	if (!reason_may_be_no_socket(d->fate->function))
		return false;
	if (!d->n->answered && !d->n->reset)
		return false;
	d->fate->why = tell_no_socket(d->js, d->n);
	d->fate->remedy = reason_info("NO_SOCKET")->remedy;
	return true;
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

/* What receives a tunnel's packets, in net/ipv4/tunnel4.c, net/ipv4/ip_gre.c and net/ipv6/ of Linux 6.12. */
static bool function_is_of_tunnel(const char *function)
{
	static const char *const functions[] = { "tunnel4_rcv", "tunnel64_rcv", "tunnelmpls4_rcv",
						 "tunnel6_rcv", "tunnel46_rcv", "tunnelmpls6_rcv",
						 "gre_rcv",	"ipgre_rcv" };

	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (!strcmp(function, functions[i]))
			return true;
	return false;
}

static void drop_no_tunnel(const struct drop *d)
{
	const struct node *n = d->n;

	d->fate->why = names_internf(d->js->names, "no tunnel of %s takes %s", d->netns,
				     n->n_around ? n->around[n->n_around - 1].text : "it");
	d->fate->remedy = names_internf(
		d->js->names,
		"A tunnel takes what is sent between just its two addresses, with its key, while it is up: ip -n %s -d link.",
		d->netns);
}

void tell_drop(struct hs_journeys *js, const struct node *n, const struct hs_event *e,
	       struct hs_fate *fate)
{
	const struct hs_rec_free *rec = (const void *)e->rec;
	const struct hs_hop *last = node_last_hop(n);
	const struct drop d = {
		.js = js,
		.e = e,
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
	} else if (tell_is_by_rule(fate) || (unsaid && reason_may_be_rule(function))) {
		drop_by_rule(&d, rec);
	} else if (nfqueue_is_verdict(function) || !strcmp(function, "nf_queue")) {
		drop_by_nfqueue(&d);
	} else if (function_is_of_tunnel(function)) {
		drop_no_tunnel(&d);
	} else if (drop_by_route(&d) || drop_answered(&d) || (unsaid && drop_no_socket(&d))) {
		return;
	} else if (martian_explain(js, n, e, fate)) {
		return;
	} else if ((unsaid || !strcmp(fate->reason, "IP_INADDRERRORS")) &&
		   (!strcmp(function, "ip_error") || !strcmp(function, "ip6_forward"))) {
		drop_not_forwarded(&d);
	} else if (!strcmp(fate->reason, "IP_INNOROUTES") ||
		   !strcmp(fate->reason, "IP_OUTNOROUTES")) {
		drop_no_route(&d);
	} else if (unsaid && is_to_group(d.p) && !strncmp(function, "ip_rcv_finish", 13)) {
		drop_not_joined(&d); /* ip_route_input_rcu(); a wrong way back is IP_RPFILTER */
	} else if (unsaid && is_to_group(d.p) && !strncmp(function, "__udp", 5)) {
		drop_no_member(&d);
	} else if (!strcmp(fate->reason, "IP_RPFILTER") ||
		   (unsaid && d.p->version == 4 && !strncmp(function, "ip_rcv_finish", 13))) {
		filter_explain(js, n, e, fate);
	} else if (!strcmp(fate->reason, "PKT_TOO_BIG")) {
		drop_too_big(&d);
	} else if (tell_is_by_qdisc(js, n, fate)) {
		drop_by_qdisc(&d);
	} else if (!strcmp(fate->reason, "TC_INGRESS")) {
		drop_by_tc(&d, "in", "ingress");
	} else if (!strcmp(fate->reason, "TC_EGRESS")) {
		drop_by_tc(&d, "out", "egress");
	} else if (unsaid && !strcmp(function, "ip6_mc_input")) {
		drop_not_joined(&d);
	}
}
