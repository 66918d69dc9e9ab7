// SPDX-License-Identifier: BSD-2-Clause
/* What provoked a packet. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "engine.h"
#include "packet.h"
#include "stages.h"

#define QUOTE_DEPTH  1000 /* journeys that are compared with a quote */
#define ANSWER_DEPTH 16	  /* errors were born just before */

/* The packet that this softirq receives, NULL none. */
struct node *node_in_softirq(struct hs_journeys *js, const struct hs_event *e)
{
	struct processing *now = &js->now[e->cpu % HS_MAX_CPUS];

	return e->softirq && now->ctx == e->ctx ? node_by_serial(js, now->serial) : NULL;
}

/* Is `n` handled while another packet is being received? */
bool node_is_guest(struct hs_journeys *js, const struct node *n, const struct hs_event *e)
{
	const struct node *now = node_in_softirq(js, e);

	return now && now != n;
}

static void node_set_cause(struct hs_journeys *js, struct node *n, struct node *cause,
			   const char *text)
{
	n->cause = cause->serial;
	n->j.cause_kind = HS_CAUSE_JOURNEY;
	n->j.cause_text = text;
	/* What a followed socket provokes belongs to it, even where the filter leaves the cause out. */
	n->by_socket |= cause->by_socket;
	cause->open_children++;
	if (serials_add(&cause->children, &cause->n_children, n->serial))
		js->error = -ENOMEM;
}

/* What tells that this ICMP error was built for that packet: the tracepoint, else the stack. */
static struct node *cause_of_icmp(struct hs_journeys *js, const struct hs_event *e,
				  const struct node *n, const char **ret_function)
{
	struct icmp_pending *p = &js->icmp[e->cpu % HS_MAX_CPUS];
	struct node *offender;

	if (!p->serial || p->ctx != e->ctx || (!p->ctx && p->tid != e->task.tid))
		return NULL;
	offender = node_by_serial(js, p->serial);
	if (!offender || !packet_quotes(&n->j.packet, &offender->j.packet))
		return NULL;
	*ret_function = p->function;
	p->serial = 0;
	return offender;
}

/* The segment that this RST answers, told just before: it may be processed in somebody's call. */
static struct node *cause_of_reset(struct hs_journeys *js, const struct hs_event *e)
{
	const struct reset_pending *p = &js->reset[e->cpu % HS_MAX_CPUS];

	if (!p->set || p->ctx != e->ctx || (!p->ctx && p->tid != e->task.tid))
		return NULL;
	return node_by_serial(js, p->serial);
}

/*
 * The SYN-ACK that the last segment of a handshake answers: connect() holds the socket while it waits, so
 * the answer is sent in its call, tcp_rcv_synsent_state_process().
 */
static struct node *cause_of_handshake(struct hs_journeys *js, const struct node *n)
{
	const struct flow_node *f = flow_by_serial(js, n->flow);
	struct node *synack = f ? node_by_serial(js, f->end[n->j.from].received) : NULL;

	if (n->keepalive || n->j.packet.payload ||
	    !node_has_flags(n, TH_ACK, TH_FIN | TH_SYN | TH_RST) ||
	    !node_has_flags(synack, TH_SYN | TH_ACK, 0))
		return NULL;
	return synack;
}

/* The newest of a list that `error` quotes. utlist: the head's prev is the tail. */
static struct node *cause_quoted_in(struct node *list, const struct node *error)
{
	struct node *n = list ? list->prev : NULL;

	for (int i = 0; i < QUOTE_DEPTH && n; i++, n = n == list ? NULL : n->prev)
		if (packet_quotes(&error->j.packet, &n->j.packet))
			return n;
	return NULL;
}

/* The packet that an ICMP error quotes, for an error that had to wait before it was sent. */
static struct node *cause_of_quote(struct hs_journeys *js, const struct node *error)
{
	return cause_quoted_in(js->open, error) ?: cause_quoted_in(js->done, error);
}

/* The same where several waited: they are given up in the order in which they came. */
static struct node *cause_that_waited(struct hs_journeys *js, const struct node *error)
{
	struct node *n;

	DL_FOREACH (js->open, n)
		if (!n->answered && node_is_open(n) && node_timed_stage(n) == HS_STAGE_RECEIVE &&
		    packet_quotes(&error->j.packet, &n->j.packet))
			return n;
	return NULL;
}

static const char *stack_function(const struct hs_event *e, const char *name)
{
	for (size_t i = 0; i < e->n_functions; i++)
		if (!strcmp(e->functions[i], name))
			return e->functions[i];
	return "";
}

const char cause_waited_text[] = "waited for the next hop's link-layer address";

/* The call that is at work on a socket for as long as its SYN is unanswered, or else the last that sent. */
static const struct hs_call *call_that_sent(struct hs_journeys *js, const struct sock_node *s)
{
	struct open_call *call, *tmp;

	HASH_ITER (hh, js->calls, call, tmp)
		if (call->sk == s->sk && call->c.id == HS_CALL_CONNECT)
			return &call->c;
	return s->last_send.name ? &s->last_send : NULL;
}

/*
 * Its cause is the call that sent it earlier. It was sent, or dropped, while the answer to ARP or ND was
 * processed or when none came, because it waited for the next hop's address (neigh_update() sends the queue);
 * or when a program gave its verdict.
 */
static bool node_waited(struct hs_journeys *js, struct node *n, const struct sock_node *s,
			const char *text)
{
	const struct hs_call *sent = s ? call_that_sent(js, s) : NULL;
	struct open_call *call, *tmp;

	if (!sent)
		return false;
	n->waited = text;
	n->j.cause_kind = HS_CAUSE_CALL;
	n->j.by = sent->task;
	n->j.by_call = sent->name;
	n->j.by_fd = sent->fd;
	n->born_tid = sent->task.tid;
	n->j.by_done = sent->left;
	n->j.by_ret = sent->ret;
	HASH_ITER (hh, js->calls, call, tmp)
		if (call->sk == s->sk && call->c.entered == sent->entered &&
		    serials_add(&call->sent, &call->n_sent, n->serial))
			js->error = -ENOMEM;
	return true;
}

/* Born in the call of a program that gave a verdict; returns whether that is all there is to say of its cause. */
static bool node_after_verdict(struct hs_journeys *js, const struct hs_event *e, struct node *n,
			       struct node **ret_cause)
{
	const struct hs_rec_birth *birth = (const void *)e->rec;

	switch (nfqueue_born(js, e, ret_cause)) {
	case HS_NFQUEUE_BACK:
		if (!node_waited(js, n, sock_find(js, birth->sk), nfqueue_back_text(js, e)))
			n->j.cause_kind = HS_CAUSE_KERNEL;
		return true;
	case HS_NFQUEUE_MEANWHILE:
		n->j.cause_kind = HS_CAUSE_KERNEL;
		return !*ret_cause;
	default:
		return false;
	}
}

/* Is this packet born because it is dropped after a wait for a next hop that did not answer? */
static bool born_in_vain(const struct hs_event *e, const struct node *n)
{
	if (e->rec->stage != HS_STAGE_DROP || !e->softirq)
		return false;
	/* TCP's timers send, too (what was sent before, or probes), and a rule may drop that. */
	if (!e->n_functions)
		return n->j.packet.proto != IPPROTO_TCP ||
		       (!n->j.retransmission &&
			(n->j.packet.payload || node_has_flags(n, TH_SYN, 0) ||
			 node_has_flags(n, TH_FIN, 0)));
	return *stack_function(e, "neigh_timer_handler") ||
	       *stack_function(e, "neigh_invalidate") || *stack_function(e, "neigh_release");
}

/* The event as if it happened in that function, not in those that it called. */
static struct hs_event event_in(const struct hs_event *e, const char *function)
{
	struct hs_event in = *e;

	for (in.n_functions = 0; in.n_functions < e->n_functions;)
		if (!strcmp(e->functions[in.n_functions++], function))
			return in;
	in.n_functions = 0;
	return in;
}

/* The error shows that it was built, where no tracepoint does (ICMPv6). */
static void node_answered(struct hs_journeys *js, const struct hs_event *e, struct node *n,
			  const struct node *error, const char **ret_function)
{
	struct hs_event at = event_in(e, "icmp6_send");

	n->answered = true;
	n->want_counter = false;
	if (!**ret_function)
		*ret_function = stack_function(e, "icmp6_send");
	if (error->waited)
		return;
	if (packet_is_unreachable_host(&error->j.packet))
		fate_waited(js, n, &at);
	node_hop(js, n, &at, HS_STAGE_ICMP_ERROR, tell_icmp(js, &error->j.packet), *ret_function,
		 0);
}

void node_find_answer(struct hs_journeys *js, const struct hs_event *e, struct node *n)
{
	struct node *error = js->open ? js->open->prev : NULL;
	const char *function = "";

	for (int i = 0; i < ANSWER_DEPTH && error; i++) {
		if (!error->cause && packet_quotes(&error->j.packet, &n->j.packet))
			break;
		error = error == js->open ? NULL : error->prev;
	}
	if (!error || n->answered || !packet_quotes(&error->j.packet, &n->j.packet) || error->cause)
		return;
	n->answer = error->j.packet;
	node_answered(js, e, n, error, &function);
	node_set_cause(js, error, n, tell_icmp(js, &error->j.packet));
	node_select(js, error);
	if (error->selected && n->selected && !error->j.cause) {
		error->j.cause = n->j.id;
		if (serials_add(&n->j.caused, &n->j.n_caused, error->j.id))
			js->error = -ENOMEM;
	}
}

/* Has it been in the queue of the device of `e`? */
static bool node_was_queued_at(const struct hs_event *e, const struct node *n)
{
	for (size_t i = n->j.n_hops; i-- > 0;)
		if (n->j.hops[i].stage == HS_STAGE_DEV_QUEUE &&
		    !strcmp(n->j.hops[i].netns, e->netns) && !strcmp(n->j.hops[i].dev, e->dev.name))
			return true;
	return false;
}

static struct node *original_in(struct node *list, const struct hs_event *e, const struct node *n)
{
	struct node *other = list ? list->prev : NULL;

	for (int i = 0; i < QUOTE_DEPTH && other; i++, other = other == list ? NULL : other->prev)
		if (other != n && !other->duplicate && other->head == n->head &&
		    packet_is_same(&other->j.packet, &n->j.packet) && node_was_queued_at(e, other))
			return other;
	return NULL;
}

/* It shares the memory of its original, netem_enqueue(), and was never given to the device's queue. */
struct node *node_find_original(struct hs_journeys *js, const struct hs_event *e,
				const struct node *n)
{
	if (!n->head)
		return NULL;
	return original_in(js->open, e, n) ?: original_in(js->done, e, n);
}

/* Has it been sent by a bridge's own device, from here? */
static bool node_left_by_bridge(const struct hs_event *e, const struct node *n)
{
	for (size_t i = n->j.n_hops; i-- > 0;)
		if (n->j.hops[i].stage == HS_STAGE_DEV_XMIT &&
		    !strcmp(n->j.hops[i].dev_kind, "bridge") &&
		    !strcmp(n->j.hops[i].netns, e->netns))
			return true;
	return false;
}

struct node *node_find_flooded(struct hs_journeys *js, const struct hs_event *e,
			       const struct hs_packet *p)
{
	const struct hs_rec_birth *birth = (const void *)e->rec;
	struct node *now = node_in_softirq(js, e);
	struct node *sent = node_by_serial(js, js->queued[e->cpu % HS_MAX_CPUS]);

	if (now && now->address != birth->at.skb && !(e->rec->flags & HS_F_LOCAL) &&
	    (now->head == (uint32_t)birth->head || packet_is_same(&now->j.packet, p)))
		return now;
	/* The copy that was sent just before is one of the same. */
	if (sent && sent->duplicate)
		sent = node_by_serial(js, sent->cause);
	if (!sent || sent->address == birth->at.skb || sent->head != (uint32_t)birth->head ||
	    !packet_is_same(&sent->j.packet, p))
		return NULL;
	/* TCP sends again from the same memory. */
	return !(e->rec->flags & HS_F_LOCAL) || node_left_by_bridge(e, sent) ? sent : NULL;
}

void node_set_fragment(struct hs_journeys *js, struct node *n, struct node *whole)
{
	node_set_cause(js, n, whole,
		       "a fragment of it, as it is longer than the next device's MTU");
}

void node_set_duplicate(struct hs_journeys *js, const struct hs_event *e, struct node *n,
			struct node *original)
{
	const struct hs_where *at = &((const struct hs_rec_birth *)e->rec)->at;

	node_set_cause(js, n, original,
		       e->rec->stage == HS_STAGE_DEV_QUEUE
			       ? "a copy, as it goes more than one way"
			       : names_internf(js->names, "a duplicate, made by %s",
					       tell_qdisc(js, at->netns, at->ifindex)));
	n->j.cause_kind = HS_CAUSE_JOURNEY;
	memcpy(n->around, original->around, sizeof(n->around));
	n->n_around = original->n_around;
	n->j.has_rel = original->j.has_rel;
	n->j.rel_seq = original->j.rel_seq;
	n->j.rel_ack = original->j.rel_ack;
}

/* Does the cause wait until somebody tells the next hop's link-layer address? */
static bool cause_asks(const struct hs_event *e, const struct node *n, const struct node *cause)
{
	if (n->j.noise != HS_NOISE_ARP && n->j.noise != HS_NOISE_ND)
		return false;
	if (packet_is_address_answer(&n->j.packet) || cause->j.noise)
		return false;
	if (!e->n_functions)
		return cause->j.packet.proto != IPPROTO_TCP;
	/* Not where it is the answer that has to wait. (ip_forward() often is no frame of its own.) */
	for (size_t i = 0; i < e->n_functions; i++) {
		const struct hs_stage_info *stage = stage_of_function(e->functions[i]);

		if (stage && (stage->id == HS_STAGE_IP_LOCAL || stage->id == HS_STAGE_ICMP_ERROR ||
			      !strcmp(stage->layer, "transport")))
			return false;
	}
	return true;
}

/* Born because the answer to ARP or ND came; returns whether that is all there is to say of its cause. */
static bool node_set_free(struct hs_journeys *js, const struct hs_rec_birth *birth, struct node *n,
			  struct node **cause)
{
	if (!*cause || n->j.noise || n->j.packet.icmp_error ||
	    !packet_is_address_answer(&(*cause)->j.packet))
		return false;
	if (node_waited(js, n, sock_find(js, birth->sk), cause_waited_text))
		return true;
	/* Whoever sent it is not followed. */
	n->waited = cause_waited_text;
	*cause = n->flow ? cause_of_handshake(js, n) : NULL;
	if (!*cause)
		n->j.cause_kind = HS_CAUSE_NONE;
	return !*cause;
}

void node_find_cause(struct hs_journeys *js, const struct hs_event *e, struct node *n)
{
	const struct hs_rec_birth *birth = (const void *)e->rec;
	const char *function = "", *what = tell_icmp(js, &n->j.packet);
	struct open_call *call;
	struct node *cause = NULL;

	if (n->j.packet.icmp_error)
		cause = cause_of_icmp(js, e, n, &function);
	if (!cause && n->flow && node_has_flags(n, TH_RST, 0))
		cause = cause_of_reset(js, e);
	if (!cause)
		cause = node_in_softirq(js, e);
	if (!cause && node_after_verdict(js, e, n, &cause))
		return;
	if (!cause && n->flow)
		cause = cause_of_handshake(js, n);
	if (cause && n->j.packet.icmp_error && packet_is_address_answer(&cause->j.packet)) {
		cause = cause_of_quote(js, n) ?: cause;
		n->waited = cause_waited_text;
	}
	/* Of a timer: nobody answered for the next hop. */
	if (!cause && e->softirq && n->j.packet.icmp_error)
		cause = cause_that_waited(js, n) ?: cause_of_quote(js, n);
	if (!cause && born_in_vain(e, n) &&
	    node_waited(js, n, sock_find(js, birth->sk), cause_waited_text))
		return;
	if (node_set_free(js, birth, n, &cause))
		return;
	if (cause && n->j.packet.icmp_error) {
		if (packet_quotes(&n->j.packet, &cause->j.packet))
			cause->answer = n->j.packet;
		if (!cause->answered)
			node_answered(js, e, cause, n, &function);
	}
	if (cause) {
		if (cause_asks(e, n, cause)) {
			cause->asked = true;
			js->asked = e->time;
		}
		n->j.cause_kind = HS_CAUSE_JOURNEY;
		node_set_cause(js, n, cause,
			       *function
				       ? names_internf(js->names, "%s, built in %s", what, function)
				       : what);
		return;
	}
	if (e->softirq) {
		n->j.cause_kind = HS_CAUSE_KERNEL;
		return;
	}
	call = birth->call == HS_CALL_EXIT ? NULL : call_of(js, e->task.tid);
	n->j.cause_kind = call || birth->call ? HS_CAUSE_CALL : HS_CAUSE_KERNEL;
	n->j.by_call = call_name(call ? call->c.id : birth->call);
	if (call) {
		n->j.by_fd = call->c.fd;
		n->by_socket = true;
		if (serials_add(&call->sent, &call->n_sent, n->serial))
			js->error = -ENOMEM;
	}
}
