// SPDX-License-Identifier: BSD-2-Clause
/* TCP connections: found by their endpoints, kept while they live, shown when something of them is. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "engine.h"
#include "packet.h"

#define FLOW_MAX      20000	     /* remembered at once */
#define FLOW_QUIET_NS 70000000000ull /* longer than TIME_WAIT, after which the ports are free */
#define WAITING_MAX   32

struct flow_node *flow_by_serial(struct hs_journeys *js, uint32_t serial)
{
	struct flow_node *f = NULL;

	if (serial)
		HASH_FIND(hh, js->flows, &serial, sizeof(serial), f);
	return f;
}

/* Fields one by one: padding has to be zero. */
static void key_put(struct hs_endpoint *to, const struct hs_endpoint *from)
{
	memset(to, 0, sizeof(*to));
	to->addr.family = from->addr.family;
	memcpy(to->addr.bytes, from->addr.bytes, sizeof(to->addr.bytes));
	to->port = from->port;
}

static struct flow_key key_of(const struct hs_endpoint *a, const struct hs_endpoint *b)
{
	struct flow_key key, turned;

	memset(&key, 0, sizeof(key));
	memset(&turned, 0, sizeof(turned));
	key_put(&key.a, a);
	key_put(&key.b, b);
	key_put(&turned.a, b);
	key_put(&turned.b, a);
	return memcmp(&key.a, &key.b, sizeof(key.a)) <= 0 ? key : turned;
}

static void alias_unlink(struct hs_journeys *js, struct flow_alias *a)
{
	if (a->flow)
		HASH_DEL(js->flow_aliases, a);
	a->flow = NULL;
}

static struct flow_node *flow_find_alias(struct hs_journeys *js, const struct flow_key *key,
					 const struct hs_endpoint *local, uint32_t netns,
					 unsigned int *ret_end)
{
	struct flow_alias *a = NULL;
	const struct flow_end *end;

	HASH_FIND(hh, js->flow_aliases, key, sizeof(*key), a);
	if (!a)
		return NULL;
	end = &a->flow->end[!packet_same_endpoint(&a->end[0], local)];
	if (netns && end->netns && !end->guessed && end->netns != netns)
		return NULL;
	*ret_end = (unsigned int)(end - a->flow->end);
	return a->flow;
}

void flow_add_alias(struct hs_journeys *js, struct flow_node *f, unsigned int from,
		    const struct hs_endpoint *src, const struct hs_endpoint *dst)
{
	struct flow_key key = key_of(src, dst);
	struct flow_alias *old = NULL, *a;

	HASH_FIND(hh, js->flow_aliases, &key, sizeof(key), old);
	if (!memcmp(&key, &f->key, sizeof(key)) || (old && old->flow == f))
		return;
	if (f->n_alias == ALIASES_MAX) {
		js->sum.losses.n[HS_LOSS_ADDRESSES]++;
		return;
	}
	if (old)
		alias_unlink(js, old);
	a = &f->alias[f->n_alias++];
	a->key = key;
	a->flow = f;
	a->end[from] = *src;
	a->end[!from] = *dst;
	HASH_ADD(hh, js->flow_aliases, key, sizeof(a->key), a);
}

struct flow_node *flow_find(struct hs_journeys *js, const struct hs_endpoint *local,
			    const struct hs_endpoint *remote, uint32_t netns, unsigned int *ret_end)
{
	struct flow_key key = key_of(local, remote);
	struct flow_node *f = NULL;

	HASH_FIND(by_key, js->flow_keys, &key, sizeof(key), f);
	for (; f; f = f->same) {
		unsigned int end = packet_same_endpoint(&f->f.end[0].at, local) ? 0 : 1;

		if (netns && f->end[end].netns && !f->end[end].guessed &&
		    f->end[end].netns != netns)
			continue;
		*ret_end = end;
		return f;
	}
	return flow_find_alias(js, &key, local, netns, ret_end);
}

static void flow_unlink(struct hs_journeys *js, struct flow_node *f)
{
	struct flow_node *head = NULL, **at;

	HASH_FIND(by_key, js->flow_keys, &f->key, sizeof(f->key), head);
	if (head == f) {
		HASH_DELETE(by_key, js->flow_keys, f);
		if (f->same)
			HASH_ADD(by_key, js->flow_keys, key, sizeof(f->key), f->same);
		return;
	}
	for (at = head ? &head->same : &head; *at; at = &(*at)->same)
		if (*at == f) {
			*at = f->same;
			return;
		}
}

void flow_free(struct hs_journeys *js, struct flow_node *f)
{
	flow_unlink(js, f);
	for (size_t i = 0; i < f->n_alias; i++)
		alias_unlink(js, &f->alias[i]);
	HASH_DELETE(hh, js->flows, f);
	DL_DELETE(js->flow_list, f);
	js->n_flows--;
	free(f->end[0].segs);
	free(f->end[1].segs);
	free(f->waiting);
	free(f);
}

static struct flow_node *flow_new(struct hs_journeys *js, const struct hs_packet *p, uint64_t time)
{
	struct flow_node *f, *head = NULL;

	while (js->n_flows >= (js->select->tables ?: FLOW_MAX)) {
		/* What its segments do is not understood any more. */
		js->sum.losses.n[HS_LOSS_FLOWS]++;
		js->lost.total++;
		flow_free(js, js->flow_list);
	}
	f = calloc(1, sizeof(*f));
	if (!f) {
		js->error = -ENOMEM;
		return NULL;
	}
	f->serial = ++js->last_flow;
	f->lost_before = lost_now(js);
	f->key = key_of(&p->src, &p->dst);
	f->f.born = f->last = time;
	f->f.opened = p->tcp_flags & TH_SYN && !(p->tcp_flags & TH_ACK);
	f->f.end[0].at = p->src;
	f->f.end[1].at = p->dst;
	for (int i = 0; i < 2; i++)
		f->f.end[i].netns = f->f.end[i].owner.comm = "";
	HASH_ADD(hh, js->flows, serial, sizeof(f->serial), f);
	HASH_FIND(by_key, js->flow_keys, &f->key, sizeof(f->key), head);
	if (head)
		HASH_DELETE(by_key, js->flow_keys, head);
	f->same = head;
	HASH_ADD(by_key, js->flow_keys, key, sizeof(f->key), f);
	DL_APPEND(js->flow_list, f);
	js->n_flows++;
	return f;
}

/* Where that end is; `guess`: unless something better is known. */
static void flow_set_netns(struct hs_journeys *js, struct flow_node *f, unsigned int end,
			   uint32_t netns, bool guess)
{
	if (f->end[end].netns && (guess || !f->end[end].guessed))
		return;
	f->end[end].netns = netns;
	f->end[end].guessed = guess;
	f->f.end[end].netns = names_netns(js->names, netns);
}

void flow_join(struct hs_journeys *js, struct node *n, const struct hs_event *e)
{
	const struct hs_rec_birth *birth = (const void *)e->rec;
	const struct hs_packet *p = &n->j.packet;
	/* What arrives from outside was sent by a stranger. */
	bool local = e->rec->stage != HS_STAGE_RECEIVE && e->rec->stage != HS_STAGE_BACKLOG;
	bool opens = p->tcp_flags & TH_SYN && !(p->tcp_flags & TH_ACK);
	uint32_t netns = birth->at.netns;
	unsigned int from = 0, to = 0;
	struct flow_node *f;
	struct sock_node *s;

	if (p->proto != IPPROTO_TCP || !p->has_ports || p->later_fragment)
		return;
	if (local) {
		f = flow_find(js, &p->src, &p->dst, netns, &from);
	} else {
		/* It may be forwarded from here to the namespace where its end is. */
		f = flow_find(js, &p->dst, &p->src, netns, &to)
			    ?: flow_find(js, &p->dst, &p->src, 0, &to);
		from = !to;
	}
	/* The same endpoints again. */
	if (f && opens && f->end[from].has_isn && f->end[from].isn != p->tcp_seq)
		f = NULL;
	if (!f) {
		f = flow_new(js, p, e->time);
		from = 0;
	}
	if (!f)
		return;
	n->flow = f->serial;
	n->j.from = from;
	f->last = e->time;
	DL_DELETE(js->flow_list, f);
	DL_APPEND(js->flow_list, f);
	flow_set_netns(js, f, local ? from : !from, netns, !local);
	if (local && !strcmp(e->dev.kind, "loopback"))
		flow_set_netns(js, f, !from, netns, false);
	s = birth->sk ? sock_find(js, birth->sk) : NULL;
	/* A reset or a SYN-ACK may come from a listener, a request or a socket of the kernel's own. */
	if (s && opens && s->opening.after)
		f->f.born = s->opening.time; /* when connect() began it */
	if (s && s->s.type == SOCK_STREAM && s->s.remote.port && s->s.local.port) {
		flow_add_alias(js, f, from, &s->s.local, &s->s.remote);
		flow_set_socket(js, f, from, s);
	}
	/* A copy is no retransmission. */
	if (!n->duplicate)
		seq_sent(js, f, n, e->rec->stage == HS_STAGE_DEV_XMIT);
	n->by_socket |= f->followed;
	n->j.flow = f->f.id;
}

void flow_set_socket(struct hs_journeys *js, struct flow_node *f, unsigned int end,
		     struct sock_node *s)
{
	struct hs_flow_end *shown = &f->f.end[end];

	s->flow = f->serial;
	s->end = end;
	f->end[end].sk = s->sk;
	f->followed |= s->s.followed;
	if (s->netns)
		flow_set_netns(js, f, end, s->netns, false);
	if (s->s.owner.pid)
		shown->owner = s->s.owner;
	if (f->f.id) {
		shown->socket = sock_id(js, s);
		s->s.flow = f->f.id;
	}
}

/*
 * Who will probably answer a SYN: the owner of the one listener that takes it. In which namespace it
 * arrives is not known yet, so of several none is taken.
 */
static struct hs_task listener_owner(struct hs_journeys *js, const struct flow_node *f)
{
	const struct hs_endpoint *at = &f->f.end[1].at;
	const struct sock_node *found = NULL;
	struct sock_node *s, *tmp;
	size_t n = 0;

	/* Of a followed program before others: there may be other labs on this machine. */
	for (int followed = 1; followed >= 0 && !n; followed--)
		HASH_ITER (hh, js->socks, s, tmp)
			if (s->listening && (!s->closed || s->tcp.sk) &&
			    s->s.followed == followed &&
			    endpoint_takes(&s->s.local, &at->addr, at->port)) {
				found = s;
				n++;
			}
	return n == 1 ? found->s.owner : (struct hs_task){ .comm = "" };
}

uint32_t flow_show(struct hs_journeys *js, struct flow_node *f)
{
	if (f->f.id)
		return f->f.id;
	f->f.id = ++js->last_flow_id;
	js->sum.flows++;
	for (unsigned int i = 0; i < 2; i++) {
		struct sock_node *s = f->end[i].sk ? sock_find(js, f->end[i].sk) : NULL;

		if (s && s->flow == f->serial)
			flow_set_socket(js, f, i, s);
	}
	if (!f->f.end[1].owner.pid && f->f.opened)
		f->f.end[1].owner = listener_owner(js, f);
	SINK(js, flow, &f->f);
	for (size_t i = 0; i < f->n_waiting; i++) {
		struct hs_state *state = &f->waiting[i];

		state->flow.id = f->f.id;
		for (int k = 0; k < 2; k++)
			state->flow.end[k].socket = f->f.end[k].socket;
		/* Until now: whether it had one. */
		state->socket = state->socket ? f->f.end[state->end].socket : 0;
		state->cause = node_id(js, state->cause);
		state->sent = node_id(js, state->sent);
		SINK(js, state, state);
	}
	free(f->waiting);
	f->waiting = NULL;
	f->n_waiting = 0;
	return f->f.id;
}

void flow_tell_state(struct hs_journeys *js, struct flow_node *f, struct hs_state *state)
{
	struct hs_state *grown;

	f->f.end[state->end].state = state->after;
	state->flow = f->f;
	if (f->f.id) {
		state->socket = state->minisocket ? 0 : f->f.end[state->end].socket;
		state->cause = node_id(js, state->cause);
		state->sent = node_id(js, state->sent);
		SINK(js, state, state);
		return;
	}
	if (f->n_waiting == WAITING_MAX) {
		js->sum.losses.n[HS_LOSS_STATES]++;
		return;
	}
	state->socket = !state->minisocket && f->end[state->end].sk;
	grown = realloc(f->waiting, (f->n_waiting + 1) * sizeof(*grown));
	if (!grown) {
		js->error = -ENOMEM;
		return;
	}
	f->waiting = grown;
	grown[f->n_waiting++] = *state;
}

static bool flow_is_over(const struct flow_node *f)
{
	for (int i = 0; i < 2; i++)
		switch (f->f.end[i].state) {
		case HS_TCP_NONE:
		case HS_TCP_CLOSE:
		case HS_TCP_TIME_WAIT:
			break;
		default:
			return false;
		}
	return true;
}

void flow_expire(struct hs_journeys *js, uint64_t now)
{
	struct flow_node *f, *tmp;

	DL_FOREACH_SAFE (js->flow_list, f, tmp) {
		if (now < f->last + FLOW_QUIET_NS)
			break;
		if (flow_is_over(f))
			flow_free(js, f);
	}
}
