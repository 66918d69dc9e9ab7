// SPDX-License-Identifier: BSD-2-Clause
/* System calls of followed processes: entered, left, and what they had to do with packets. */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

const char *call_name(enum hs_call_id id)
{
	static const char *const names[HS_CALL_MAX] = {
		[HS_CALL_SOCKET] = "socket",	 [HS_CALL_BIND] = "bind",
		[HS_CALL_CONNECT] = "connect",	 [HS_CALL_LISTEN] = "listen",
		[HS_CALL_ACCEPT] = "accept",	 [HS_CALL_ACCEPT4] = "accept4",
		[HS_CALL_SENDTO] = "sendto",	 [HS_CALL_SENDMSG] = "sendmsg",
		[HS_CALL_SENDMMSG] = "sendmmsg", [HS_CALL_RECVFROM] = "recvfrom",
		[HS_CALL_RECVMSG] = "recvmsg",	 [HS_CALL_RECVMMSG] = "recvmmsg",
		[HS_CALL_READ] = "read",	 [HS_CALL_WRITE] = "write",
		[HS_CALL_READV] = "readv",	 [HS_CALL_WRITEV] = "writev",
		[HS_CALL_SHUTDOWN] = "shutdown", [HS_CALL_CLOSE] = "close",
		[HS_CALL_EXIT] = "exit",
	};

	return id < HS_CALL_MAX && names[id] ? names[id] : "";
}

struct open_call *call_of(struct hs_journeys *js, uint32_t tid)
{
	struct open_call *call = NULL;

	HASH_FIND(hh, js->calls, &tid, sizeof(tid), call);
	return call;
}

void call_free(struct hs_journeys *js, struct open_call *call)
{
	HASH_DEL(js->calls, call);
	free(call->sent);
	free(call->segments);
	free(call->c.journeys);
	free(call->c.reads);
	free(call);
}

static void call_fill(struct hs_journeys *js, struct open_call *call, const struct hs_rec_call *rec)
{
	struct hs_call *c = &call->c;

	c->entered = rec->entered;
	c->task = names_task(js->names, rec->pid, rec->tid);
	c->id = rec->call;
	c->name = call_name(rec->call);
	c->fd = rec->fd;
	c->len = rec->len;
	c->flags = rec->flags;
	c->family = rec->family;
	c->type = rec->sock_type;
	c->protocol = rec->protocol;
	c->local = endpoint_of(&rec->local);
	c->remote = endpoint_of(&rec->remote);
	c->given = endpoint_of(&rec->name);
	c->qlen = rec->qlen;
	c->hint = "";
	c->no_route = no_fate.no_route;
}

/* The socket as the call left it: bound, connected, owned. */
static struct sock_node *call_socket(struct hs_journeys *js, const struct hs_rec_call *rec)
{
	struct sock_node *s = sock_find(js, rec->sk);
	bool other = s && s->ino && rec->ino && s->ino != rec->ino;

	/* close() has freed it, and somebody else was given its memory before the call returned. */
	if (!rec->sk || (other && rec->call == HS_CALL_CLOSE))
		return NULL;
	if (s && (other || rec->call == HS_CALL_SOCKET)) {
		sock_forget(js, s);
		s = NULL;
	}
	if (!s)
		s = sock_get(js, rec->sk);
	if (!s)
		return NULL;
	if (rec->ino)
		s->ino = rec->ino;
	s->netns = rec->netns;
	s->s.netns = names_netns(js->names, rec->netns);
	s->s.family = rec->family;
	s->s.type = rec->sock_type;
	s->s.protocol = rec->protocol;
	/* Who closes it may be a forked child that does not want it. */
	if (rec->call != HS_CALL_CLOSE || !s->s.owner.pid)
		s->s.owner = names_task(js->names, rec->pid, rec->tid);
	s->s.followed = true;
	s->closed = rec->call == HS_CALL_CLOSE;
	if (rec->local.family && (rec->local.port || !s->s.remote.port)) {
		s->s.local = endpoint_of(&rec->local);
		s->s.remote = endpoint_of(&rec->remote);
	}
	return s;
}

bool call_sends(enum hs_call_id id)
{
	switch (id) {
	case HS_CALL_SENDTO:
	case HS_CALL_SENDMSG:
	case HS_CALL_SENDMMSG:
	case HS_CALL_WRITE:
	case HS_CALL_WRITEV:
	case HS_CALL_CONNECT:
		return true;
	default:
		return false;
	}
}

static bool call_receives(enum hs_call_id id)
{
	switch (id) {
	case HS_CALL_RECVFROM:
	case HS_CALL_RECVMSG:
	case HS_CALL_RECVMMSG:
	case HS_CALL_READ:
	case HS_CALL_READV:
		return true;
	default:
		return false;
	}
}

static void call_entered(struct hs_journeys *js, const struct hs_event *e)
{
	const struct hs_rec_call *rec = (const void *)e->rec;
	struct open_call *call = call_of(js, rec->tid);
	struct sock_node *s;

	if (call)
		call_free(js, call);
	call = calloc(1, sizeof(*call));
	if (!call) {
		js->error = -ENOMEM;
		return;
	}
	call->tid = rec->tid;
	HASH_ADD(hh, js->calls, tid, sizeof(call->tid), call);
	call_fill(js, call, rec);
	call->sk = rec->sk;
	s = rec->call == HS_CALL_SOCKET ? NULL : call_socket(js, rec);
	call->c.socket = s ? sock_id(js, s) : 0;
	if (s && call_sends(call->c.id))
		s->last_send = call->c;
	if (js->sink->call_enter)
		js->sink->call_enter(js->sink->ctx, &call->c);
}

/* accept() has a new socket, which is the caller's from now on. */
static void call_accepted(struct hs_journeys *js, const struct hs_rec_call *rec, struct hs_call *c,
			  const struct sock_node *listener)
{
	struct sock_node *child = rec->len ? sock_find(js, rec->len) : NULL;
	struct flow_node *f = child ? flow_by_serial(js, child->flow) : NULL;

	c->len = 0;
	if (rec->ret < 0)
		return;
	c->accept_before = listener ? listener->tcp.backlog + 1 : 0;
	if (!child)
		return;
	child->s.owner = c->task;
	child->s.followed = true;
	c->socket = sock_id(js, child);
	if (f) {
		flow_set_socket(js, f, child->end, child);
		c->flow = flow_show(js, f);
	}
	c->remote = child->s.remote;
}

/* Which bytes of the stream it wrote or read, and what it left. */
static void call_stream(struct hs_journeys *js, struct open_call *call, struct sock_node *s)
{
	struct flow_node *f = flow_by_serial(js, s->flow);
	struct hs_socket now = tcp_socket(js, s);
	struct hs_call *c = &call->c;
	struct flow_end *mine, *theirs;
	uint32_t last;

	if (!s->tcp.sk)
		return;
	c->has_queues = now.has_queues;
	c->rcv_queued = now.rcv_queued;
	c->snd_queued = now.snd_queued;
	c->accept_queued = now.accept_queued;
	c->accept_limit = now.accept_limit;
	if (!f)
		return;
	c->flow = flow_show(js, f);
	mine = &f->end[s->end];
	theirs = &f->end[!s->end];
	if (c->ret <= 0 || c->id == HS_CALL_CONNECT)
		return;
	if (call_sends(c->id)) {
		c->rel_to = seq_rel(mine, s->tcp.write_seq);
		c->has_range = mine->has_isn;
		hold_written(mine, s, c, s->tcp.write_seq - c->ret, s->tcp.write_seq);
	} else if (call_receives(c->id)) {
		last = s->tcp.copied_seq - seq_fin_before(theirs, s->tcp.copied_seq);
		if (c->flags & MSG_PEEK)
			last += c->ret;
		c->rel_to = seq_rel(theirs, last);
		c->has_range = theirs->has_isn;
	}
	c->rel_from = c->rel_to - c->ret;
	for (size_t i = 0; i < call->n_segments; i++) {
		uint32_t id = node_id(js, call->segments[i]);

		if (id && serials_add(&c->reads, &c->n_reads, id))
			js->error = -ENOMEM;
	}
	c->read = c->n_reads ? c->reads[0] : 0;
}

/* The segment behind a failure: the RST that ended the connection, whatever the call made of it. */
static void call_broken(struct hs_journeys *js, const struct hs_event *e, struct open_call *call,
			struct sock_node *s)
{
	const struct flow_node *f = flow_by_serial(js, s->flow);
	uint32_t serial = 0, times;
	struct node *n;

	if (call->error_from || call->c.ret >= 0)
		return;
	if (f && call->c.ret == -ETIMEDOUT) {
		call->error_from = seq_unanswered(&f->end[s->end], &times);
		return;
	}
	if (s->err && s->err == -call->c.ret) {
		serial = s->err_from;
		s->err = 0;
	} else if (call->c.ret == -EPIPE) {
		serial = s->reset;
	}
	n = node_by_serial(js, serial);
	if (!n)
		return;
	call->error_from = serial;
	if (n->j.told == HS_TOLD_CALL)
		return;
	n->j.told = HS_TOLD_CALL;
	n->j.told_err = -call->c.ret;
	n->j.told_task = e->task.pid ? e->task : call->c.task;
	n->j.told_call = call->c.name;
	if (n->selected)
		SINK(js, told, &n->j);
	node_try_settle(js, n);
}

static void call_left(struct hs_journeys *js, const struct hs_event *e)
{
	const struct hs_rec_call *rec = (const void *)e->rec;
	struct open_call *call = call_of(js, rec->tid);
	struct sock_node *s;

	s = call_socket(js, rec);
	if (!call) {
		call_entered(js, e);
		call = call_of(js, rec->tid);
		if (!call)
			return;
		if (s && s->got.tid == rec->tid) {
			call->read = s->got.read;
			call->error_from = s->got.error_from;
		}
	}
	call_fill(js, call, rec);
	call->c.left = e->time;
	/* Errors end there (MAX_ERRNO, include/linux/err.h); a damaged recording holds others. */
	call->c.ret = rec->ret < -4095 ? -4095 : rec->ret;
	if (s && call_sends(call->c.id))
		s->last_send = call->c;
	call->c.socket = s ? sock_id(js, s) : 0;
	call->c.read = node_id(js, call->read);
	if (s && rec->protocol == IPPROTO_TCP) {
		call_broken(js, e, call, s);
		call_stream(js, call, s);
		if (rec->call == HS_CALL_ACCEPT || rec->call == HS_CALL_ACCEPT4)
			call_accepted(js, rec, &call->c, s);
	}
	call->c.error_from = node_id(js, call->error_from);
	for (size_t i = 0; i < call->n_sent; i++) {
		struct node *n = node_by_serial(js, call->sent[i]);

		if (!n)
			continue;
		n->j.by_done = true;
		n->j.by_ret = call->c.ret;
		if (n->selected)
			serials_add(&call->c.journeys, &call->c.n_journeys, n->j.id);
	}
	if (rec->ret < 0)
		call->c.hint = tell_hint(js, e, call);
	if (js->sink->call)
		js->sink->call(js->sink->ctx, &call->c);
	/* Only now: the call has to be gone before what it sent can settle. */
	HASH_DEL(js->calls, call);
	for (size_t i = 0; i < call->n_sent; i++) {
		struct node *n = node_by_serial(js, call->sent[i]);

		if (n)
			node_try_settle(js, n);
	}
	free(call->sent);
	free(call->segments);
	free(call->c.journeys);
	free(call->c.reads);
	free(call);
}

void call_event(struct hs_journeys *js, const struct hs_event *e)
{
	if (e->rec->flags & HS_F_ENTER)
		call_entered(js, e);
	else
		call_left(js, e);
}
