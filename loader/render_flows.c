// SPDX-License-Identifier: BSD-2-Clause
#include "render_flows.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#define FORGET_NS   (120ull * 1000 * 1000 * 1000)
#define BLOCKING_NS 200000000u /* a call that took so long is worth a line */

enum { FIN = 0x01, SYN = 0x02, RST = 0x04, URG = 0x20 };

void flows_init(struct flows *fs, size_t view_size, void (*view_free)(struct flow_view *fv))
{
	*fs = (struct flows){ .view_size = view_size, .view_free = view_free };
}

static void flow_free(struct flows *fs, struct flow_view *fv)
{
	HASH_DEL(fs->by_id, fv);
	DL_DELETE(fs->by_time, fv);
	if (fs->view_free)
		fs->view_free(fv);
	free(fv);
}

void flows_free(struct flows *fs)
{
	struct flow_view *fv, *fv_tmp;
	struct flow_socket *s, *s_tmp;
	struct flow_caller *c, *c_tmp;
	struct flow_change *change, *change_tmp;

	DL_FOREACH_SAFE (fs->by_time, fv, fv_tmp)
		flow_free(fs, fv);
	HASH_ITER (hh, fs->sockets, s, s_tmp) {
		HASH_DEL(fs->sockets, s);
		free(s);
	}
	HASH_ITER (hh, fs->callers, c, c_tmp) {
		HASH_DEL(fs->callers, c);
		free(c);
	}
	DL_FOREACH_SAFE (fs->changes, change, change_tmp)
		free(change);
	fs->changes = NULL;
}

/* --- connections --- */

struct flow_view *flows_get(struct flows *fs, uint32_t id)
{
	struct flow_view *fv = NULL;

	HASH_FIND(hh, fs->by_id, &id, sizeof(id), fv);
	return fv;
}

void flows_learn(struct flows *fs, const struct hs_flow *f)
{
	struct flow_view *fv = f->id ? flows_get(fs, f->id) : NULL;

	if (!f->id)
		return;
	if (!fv) {
		fv = calloc(1, fs->view_size);
		if (!fv) {
			fs->failed = true;
			return;
		}
		fv->f.id = f->id;
		fv->last = f->born;
		HASH_ADD(hh, fs->by_id, f.id, sizeof(f->id), fv);
		DL_APPEND(fs->by_time, fv);
	}
	fv->f = *f;
}

void flows_touch(struct flows *fs, struct flow_view *fv, uint64_t time)
{
	fv->last = time;
	DL_DELETE(fs->by_time, fv);
	DL_APPEND(fs->by_time, fv);
}

static bool end_is_over(const struct hs_flow_end *end)
{
	return end->state == HS_TCP_CLOSE || end->state == HS_TCP_TIME_WAIT ||
	       end->state == HS_TCP_NONE || end->state == HS_TCP_LISTEN;
}

void flows_forget(struct flows *fs, uint64_t now)
{
	struct flow_view *fv;

	while ((fv = fs->by_time) && fv->last + FORGET_NS < now) {
		if (end_is_over(&fv->f.end[0]) && end_is_over(&fv->f.end[1]))
			flow_free(fs, fv);
		else
			flows_touch(fs, fv, now);
	}
}

/* --- sockets --- */

static struct flow_socket *socket_find(const struct flows *fs, uint32_t id)
{
	struct flow_socket *s = NULL;

	HASH_FIND(hh, fs->sockets, &id, sizeof(id), s);
	return s;
}

const struct flow_socket *flows_socket(const struct flows *fs, uint32_t id)
{
	return socket_find(fs, id);
}

void flows_learn_socket(struct flows *fs, const struct hs_socket *told)
{
	struct flow_socket *s = socket_find(fs, told->id);

	if (told->protocol != IPPROTO_TCP)
		return;
	if (told->state == HS_TCP_CLOSE && s) {
		HASH_DEL(fs->sockets, s);
		free(s);
	}
	if (told->state == HS_TCP_CLOSE)
		return;
	if (!s) {
		s = calloc(1, sizeof(*s));
		if (!s) {
			fs->failed = true;
			return;
		}
		s->id = told->id;
		HASH_ADD(hh, fs->sockets, id, sizeof(s->id), s);
	}
	s->flow = told->flow;
	s->netns = told->netns;
	s->port = told->local.port;
	s->listens = told->state == HS_TCP_LISTEN;
	s->has_queues = told->has_queues;
	s->rcv_queued = told->rcv_queued;
	s->accept_queued = told->accept_queued;
	s->accept_limit = told->accept_limit;
}

const struct flow_socket *flows_listener(const struct flows *fs, const struct hs_flow *f)
{
	const struct hs_flow_end *server = &f->end[1];

	for (const struct flow_socket *s = fs->sockets; s; s = s->hh.next)
		if (s->listens && s->has_queues && s->port == server->at.port &&
		    !strcmp(s->netns, server->netns))
			return s;
	return NULL;
}

/* --- calls --- */

static struct flow_caller *caller_find(const struct flows *fs, uint32_t tid)
{
	struct flow_caller *c = NULL;

	HASH_FIND(hh, fs->callers, &tid, sizeof(tid), c);
	return c;
}

void flows_enter(struct flows *fs, const struct hs_call *call)
{
	struct flow_caller *c = caller_find(fs, call->task.tid);

	if (c)
		return;
	c = calloc(1, sizeof(*c));
	if (!c) {
		fs->failed = true;
		return;
	}
	c->tid = call->task.tid;
	HASH_ADD(hh, fs->callers, tid, sizeof(c->tid), c);
}

void flows_leave(struct flows *fs, const struct hs_call *call)
{
	struct flow_caller *c = caller_find(fs, call->task.tid);

	if (!c)
		return;
	HASH_DEL(fs->callers, c);
	free(c);
}

bool flows_is_inside(const struct flows *fs, const struct hs_task *task)
{
	return task->tid && caller_find(fs, task->tid);
}

/* --- changes of state --- */

/* The change that a call makes just before it sends FIN. */
static bool is_closing(const struct hs_state *s)
{
	return s->cause_kind == HS_CAUSE_CALL && !s->sent &&
	       (s->after == HS_TCP_FIN_WAIT1 || s->after == HS_TCP_LAST_ACK ||
		s->after == HS_TCP_CLOSING);
}

static bool goes_with(const struct flow_change *change, const struct hs_journey *j)
{
	const struct hs_state *s = &change->s;

	if (change->with)
		return change->with == j->id;
	return is_closing(s) && j->packet.tcp_flags & FIN && s->flow.id == j->flow &&
	       s->end == j->from && s->time <= j->born;
}

bool flows_keep(struct flows *fs, const struct hs_state *s, const struct id_set *told)
{
	bool opens = s->after == HS_TCP_ESTABLISHED && s->end && s->flow.opened;
	const struct flow_socket *listener = opens ? flows_listener(fs, &s->flow) : NULL;
	struct flow_change *change;
	uint32_t with = 0;

	if (s->cause_kind == HS_CAUSE_JOURNEY && s->cause && !id_set_has(told, s->cause))
		with = s->cause;
	else if (s->sent && !id_set_has(told, s->sent))
		with = s->sent;
	if (!with && !(is_closing(s) && s->flow.id) &&
	    (s->cause_kind != HS_CAUSE_CALL || s->sent || !flows_is_inside(fs, &s->by)))
		return false;
	change = calloc(1, sizeof(*change));
	if (!change) {
		fs->failed = true;
		return false;
	}
	change->s = *s;
	change->with = with;
	change->has_accept = listener != NULL;
	change->accept = listener ? listener->accept_queued : 0;
	DL_APPEND(fs->changes, change);
	return true;
}

struct flow_change *flows_take_of_journey(struct flows *fs, const struct hs_journey *j)
{
	struct flow_change *change;

	DL_FOREACH (fs->changes, change) {
		if (goes_with(change, j)) {
			DL_DELETE(fs->changes, change);
			return change;
		}
	}
	return NULL;
}

bool flows_has_of_journey(const struct flows *fs, const struct hs_journey *j)
{
	const struct flow_change *change;

	DL_FOREACH (fs->changes, change) {
		if (goes_with(change, j))
			return true;
	}
	return false;
}

/* What a call began by sending FIN is told with that. */
struct flow_change *flows_take_of_call(struct flows *fs, const struct hs_call *call)
{
	struct flow_change *change;

	DL_FOREACH (fs->changes, change) {
		const struct hs_state *s = &change->s;

		if (!change->with && s->by.tid == call->task.tid && s->time <= call->left &&
		    !(is_closing(s) && call->n_journeys)) {
			DL_DELETE(fs->changes, change);
			return change;
		}
	}
	return NULL;
}

struct flow_change *flows_take_older(struct flows *fs, uint64_t before)
{
	struct flow_change *change = fs->changes;

	if (!change || change->s.time >= before)
		return NULL;
	DL_DELETE(fs->changes, change);
	return change;
}

bool flows_is_change(const struct hs_state *s)
{
	return strcmp(text_tcp_state(s->before), text_tcp_state(s->after)) != 0;
}

/* --- what is worth a line --- */

bool flows_opens_window(struct flow_view *fv, const struct hs_journey *j)
{
	unsigned int end = j->from & 1;
	bool was;

	if (!fv || j->packet.tcp_flags & (SYN | RST) || j->window_probe)
		return false;
	was = fv->no_window[end];
	fv->no_window[end] = j->zero_window;
	return was && !j->zero_window;
}

bool flows_is_uneventful(const struct hs_journey *j)
{
	switch (j->fate.kind) {
	case HS_FATE_QUEUED:
	case HS_FATE_CONSUMED:
	case HS_FATE_MERGED:
	case HS_FATE_LEFT:
		break;
	default:
		return false;
	}
	return j->flow && !(j->packet.tcp_flags & (FIN | SYN | RST | URG)) && !j->retransmission &&
	       !j->zero_window && !j->window_probe && !j->changed_state && !j->incomplete &&
	       !j->unread_at_close && j->told == HS_TOLD_NOTHING;
}

bool flows_call_is_uneventful(const struct hs_call *call)
{
	return call->flow && (text_call_sends(call->id) || text_call_receives(call->id)) &&
	       (call->ret > 0 || call->ret == -EAGAIN) && !call->signal && !call->error_from &&
	       call->left - call->entered < BLOCKING_NS;
}
