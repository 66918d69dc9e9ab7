// SPDX-License-Identifier: BSD-2-Clause
/* Sentences for people: why a packet died, why nobody was told, why a call failed. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "packet.h"
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

const char *tell_address(struct hs_journeys *js, const struct hs_addr *addr)
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
const char *tell_labels(struct hs_journeys *js, const uint8_t *data, size_t len)
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

const char *tell_outer(struct hs_journeys *js, const struct hs_packet *p)
{
	const char *proto = text_proto_name(p->proto);

	return names_internf(js->names, "%s %s → %s", proto ? proto : "IP",
			     tell_end(js, p, &p->src), tell_end(js, p, &p->dst));
}

const char *tell_headers(struct hs_journeys *js, const struct node *n, const struct hs_packet *now)
{
	const struct hs_packet *was = &n->j.packet;
	bool src, dst;

	src = !packet_same_endpoint(&now->src, &was->src);
	dst = !packet_same_endpoint(&now->dst, &was->dst);
	/* Without an address there was nothing that could change. */
	if (!now->version || !was->version || (!src && !dst))
		return "";
	if (src && dst)
		return names_internf(js->names, "now %s → %s", tell_end(js, now, &now->src),
				     tell_end(js, now, &now->dst));
	return names_internf(js->names, src ? "now from %s" : "now to %s",
			     tell_end(js, now, src ? &now->src : &now->dst));
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
		    b->local.port == n->dst.port &&
		    !endpoint_takes(&b->local, &n->dst.addr, n->dst.port) &&
		    (!found || b->local.addr.family == n->dst.addr.family))
			found = &b->local;
	}
	HASH_ITER (hh, js->socks, s, tmp)
		if (s->netns == n->netns && s->s.protocol == p->proto && !s->s.remote.port &&
		    s->s.local.port == n->dst.port &&
		    !endpoint_takes(&s->s.local, &n->dst.addr, n->dst.port) &&
		    (!found || (found->addr.family != n->dst.addr.family &&
				s->s.local.addr.family == n->dst.addr.family)))
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
			     proto ? proto : "such", tell_endpoint(js, &n->dst), near);
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

/* tcp_v4_err(), tcp_v6_err(): an error that could not pass, and was kept in sk_err_soft. */
static const char *tell_soft_error(const struct sock_node *s)
{
	switch (s->tcp.sk ? s->tcp.after : HS_TCP_CLOSE) {
	case HS_TCP_SYN_SENT:
	case HS_TCP_SYN_RECV:
		return "the socket was in use by connect() just then, so TCP only notes it, and sends again";
	case HS_TCP_CLOSE:
	case HS_TCP_TIME_WAIT:
		return "";
	default:
		return "a connection that is established goes on trying until its time is up; with IP_RECVERR its program is told";
	}
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
	if (tcp && s && tell_is_fatal(error) && *tell_soft_error(s))
		return tell_soft_error(s);
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
	if (tell_is_by_qdisc(js, n, fate))
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

		if (!n || !n->selected || !tell_is_by_rule(&n->j.fate))
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

/* Routing let nothing go there; "" if that is not known. */
static const char *tell_no_route(struct hs_journeys *js, const struct hs_event *e,
				 struct open_call *call, const struct hs_addr *to)
{
	const struct hs_rec_call *rec = (const void *)e->rec;
	struct hs_no_route *why = &call->c.no_route;
	struct no_route_question q = {
		.netns = rec->netns,
		.to = *to,
		.from = call->c.local.addr,
		.err = (int)call->c.ret,
		.since = rec->entered,
	};
	struct hs_event by = *e;
	bool nothing;

	by.task.tid = rec->tid;
	if (!call_sends(rec->call) || !no_route_find(js, &by, &q, why))
		return "";
	nothing = !strcmp(why->kind, "nothing");
	return names_internf(js->names, "%s has no route to %s: %s%s",
			     names_netns(js->names, rec->netns), tell_address(js, to), why->text,
			     nothing ? " (ip route); is its device up? (ip link)" : "");
}

/*
 * EACCES although a table had a route: udp_sendmsg(), raw_sendmsg(), ip4_datagram_connect() refuse that of a
 * broadcast address to a socket that did not ask for it. Security modules refuse before the table is asked.
 */
static const char *tell_broadcast(struct hs_journeys *js, const struct hs_event *e,
				  const struct hs_addr *to)
{
	const struct hs_rec_call *rec = (const void *)e->rec;
	struct hs_event by = *e;
	const struct lookup *l;

	by.task.tid = rec->tid;
	l = lookup_of(context_of(js, &by, false), to, rec->entered);
	if (!call_sends(rec->call) || to->family != AF_INET || !l || l->rec.err ||
	    l->rec.type == RTN_LOCAL)
		return "";
	return names_internf(
		js->names,
		"%s is a broadcast address, and the socket is not allowed to send there: setsockopt(SO_BROADCAST)",
		tell_address(js, to));
}

const char *tell_hint(struct hs_journeys *js, const struct hs_event *e, struct open_call *call)
{
	const struct hs_rec_call *rec = (const void *)e->rec;
	struct node *error = call->error_from ? node_by_serial(js, call->error_from) : NULL;
	struct hs_endpoint ep = endpoint_of(&rec->name);
	const struct hs_addr *to = &(ep.addr.family ? &ep : &call->c.remote)->addr;
	const char *peer = tell_address(js, to), *no_route;
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
	case EINVAL:
	case EACCES:
	case EHOSTUNREACH:
	case ENETUNREACH:
		no_route = tell_no_route(js, e, call, to);
		if (*no_route)
			return no_route;
	}
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
	case EACCES:
		return tell_broadcast(js, e, to);
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
