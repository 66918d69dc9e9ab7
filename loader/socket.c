// SPDX-License-Identifier: BSD-2-Clause
/* Sockets: who owns them, what waits in them, and which read took what. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

#define TCP_LISTEN_STATE  10 /* include/net/tcp_states.h */
#define MSG_PEEK_FLAG	  0x2
#define MSG_TRUNC_FLAG	  0x20
#define MSG_ERRQUEUE_FLAG 0x2000
#define QUEUE_MAX	  65536
#define MISSING_MAX	  4096
#define BOUND_MAX	  4096
#define EARLY_NS	  1000000ull /* queueing is told so late at most, after the read */

struct hs_endpoint endpoint_of(const struct hs_sa *sa)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct hs_endpoint ep = { .addr.family = sa->family, .port = ntohs(sa->port) };

	if (sa->family == AF_INET) {
		memcpy(ep.addr.bytes, sa->addr, 4);
	} else if (sa->family == AF_INET6 && !memcmp(sa->addr, mapped, sizeof(mapped))) {
		/* IPv4 through an IPv6 socket (RFC 4291, 2.5.5.2): the packet is IPv4. */
		ep.addr.family = AF_INET;
		memcpy(ep.addr.bytes, sa->addr + 12, 4);
	} else if (sa->family == AF_INET6) {
		memcpy(ep.addr.bytes, sa->addr, 16);
	}
	return ep;
}

struct sock_node *sock_find(struct hs_journeys *js, uint64_t sk)
{
	struct sock_node *s = NULL;

	HASH_FIND(hh, js->socks, &sk, sizeof(sk), s);
	return s;
}

struct sock_node *sock_get(struct hs_journeys *js, uint64_t sk)
{
	struct sock_node *s = sock_find(js, sk);

	if (s || !sk)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s) {
		js->error = -ENOMEM;
		return NULL;
	}
	s->sk = s->s.sk = sk;
	s->serial = ++js->last_sock_serial;
	s->s.netns = s->s.owner.comm = "";
	HASH_ADD(hh, js->socks, sk, sizeof(s->sk), s);
	return s;
}

void sock_forget(struct hs_journeys *js, struct sock_node *s)
{
	HASH_DEL(js->socks, s);
	free(s->queue);
	free(s);
}

uint32_t sock_id(struct hs_journeys *js, struct sock_node *s)
{
	if (!s->s.id)
		s->s.id = ++js->last_socket;
	return s->s.id;
}

void sock_learn(struct hs_journeys *js, const struct hs_rec_sock *rec)
{
	struct sock_node *s = sock_find(js, rec->sk);

	/*
	 * Another socket at the same address. After close() it goes on without a file: TCP for a while, any other
	 * as long as a packet of it is under way (sock_wfree()), and without its port (udp_lib_unhash()).
	 */
	if (s &&
	    ((s->ino && rec->ino && s->ino != rec->ino) || (s->netns && s->netns != rec->netns) ||
	     (s->closed && s->ino != rec->ino &&
	      (rec->ino || (rec->protocol != IPPROTO_TCP && rec->local.port))))) {
		sock_forget(js, s);
		s = NULL;
	}
	if (!s)
		s = sock_get(js, rec->sk);
	if (!s)
		return;
	if (rec->ino)
		s->ino = rec->ino;
	s->netns = rec->netns;
	s->s.netns = names_netns(js->names, rec->netns);
	s->s.family = rec->family;
	if (rec->sock_type)
		s->s.type = rec->sock_type;
	if (rec->protocol)
		s->s.protocol = rec->protocol;
	/* One that is being unhashed has lost its port already. */
	if (rec->local.port || (!s->closed && !s->s.remote.port)) {
		s->s.local = endpoint_of(&rec->local);
		s->s.remote = endpoint_of(&rec->remote);
	}
	s->listening = rec->protocol == IPPROTO_TCP && rec->state == TCP_LISTEN_STATE;
	s->s.followed |= rec->followed;
	if (rec->pid)
		s->s.owner = (struct hs_task){
			.pid = rec->pid,
			.tid = rec->pid,
			.comm = names_intern(js->names, rec->comm, sizeof(rec->comm)),
		};
}

void sock_learn_bound(struct hs_journeys *js, const struct hs_rec_sock *rec)
{
	struct bound *grown;
	size_t kept = 0;

	/* A snapshot replaces the one before it. */
	for (size_t i = 0; i < js->n_bound; i++)
		if (js->bound[i].netns != rec->netns || js->bound[i].time == rec->hdr.time)
			js->bound[kept++] = js->bound[i];
	js->n_bound = kept;
	if (kept >= BOUND_MAX) {
		js->sum.losses.n[HS_LOSS_SOCKETS]++;
		return;
	}
	grown = realloc(js->bound, (kept + 1) * sizeof(*grown));
	if (!grown) {
		js->error = -ENOMEM;
		return;
	}
	js->bound = grown;
	grown[js->n_bound++] = (struct bound){
		.netns = rec->netns,
		.time = rec->hdr.time,
		.protocol = rec->protocol,
		.local = endpoint_of(&rec->local),
	};
}

bool endpoint_takes(const struct hs_endpoint *socket, const struct hs_addr *addr, uint16_t port)
{
	static const uint8_t any[16];

	if (socket->port != port)
		return false;
	/* [::] takes IPv4 too, 0.0.0.0 no IPv6. */
	if (!memcmp(socket->addr.bytes, any, sizeof(any)))
		return socket->addr.family != AF_INET || addr->family == AF_INET;
	return socket->addr.family == addr->family &&
	       !memcmp(socket->addr.bytes, addr->bytes, sizeof(any));
}

bool sock_followed_wants(struct hs_journeys *js, const struct node *n, uint32_t netns)
{
	const struct hs_packet *p = &n->j.packet;
	struct sock_node *s, *tmp;

	if (!p->has_ports)
		return false;
	HASH_ITER (hh, js->socks, s, tmp) {
		if (!s->s.followed || s->netns != netns || s->s.protocol != p->proto ||
		    !endpoint_takes(&s->s.local, &n->dst.addr, n->dst.port))
			continue;
		if (!s->s.remote.port || endpoint_takes(&s->s.remote, &n->src.addr, n->src.port))
			return true;
	}
	return false;
}

/* ---- reads ---- */

/* Bytes of the datagram; of one that came in fragments the last to arrive stands for it. */
static uint32_t read_offered(const struct hs_packet *p, uint32_t copied)
{
	uint32_t end = p->frag_offset + p->payload, header = sizeof(struct udphdr);

	if (!p->fragmented)
		return p->payload;
	/* Where the first one came last, its length is not known. */
	if (!p->later_fragment || p->proto != IPPROTO_UDP || end < header)
		return copied;
	return end - header > copied ? end - header : copied;
}

static void read_settle(struct hs_journeys *js, struct node *n, const struct waiting *w,
			struct hs_read read)
{
	uint32_t offered;

	n->j.read = read;
	n->j.read.waited = read.time > w->time ? read.time - w->time : 0;
	reader_explain(js, w->time, &n->j.read);
	offered = read_offered(&n->j.packet, read.copied);
	if (read.copied > offered)
		n->j.read.copied = offered;
	n->j.read.lost = offered - n->j.read.copied;
	n->last = read.time;
	node_read(js, n);
	node_try_settle(js, n);
}

static bool sock_pop(struct sock_node *s, struct waiting *ret)
{
	if (!s->queue_n)
		return false;
	*ret = s->queue[s->queue_first];
	s->queue_first = (s->queue_first + 1) % s->queue_room;
	s->queue_n--;
	return true;
}

static int sock_append(struct hs_journeys *js, struct sock_node *s, struct waiting w)
{
	if (s->queue_n == s->queue_room) {
		size_t room = s->queue_room ? s->queue_room * 2 : 8;
		struct waiting *grown;

		if (room > QUEUE_MAX) {
			js->sum.losses.n[HS_LOSS_DATAGRAMS]++;
			sock_pop(s, &(struct waiting){ 0 });
		} else {
			grown = malloc(room * sizeof(*grown));
			if (!grown)
				return -ENOMEM;
			for (size_t i = 0; i < s->queue_n; i++)
				grown[i] = s->queue[(s->queue_first + i) % s->queue_room];
			free(s->queue);
			s->queue = grown;
			s->queue_room = room;
			s->queue_first = 0;
		}
	}
	s->queue[(s->queue_first + s->queue_n++) % s->queue_room] = w;
	return 0;
}

/* The read that took `n` before its queueing was told; one from before it came is about another. */
static bool sock_take_early(struct sock_node *s, const struct node *n, struct hs_read *ret)
{
	uint64_t received = n->j.born;
	bool found = false;
	size_t i = 0;

	for (size_t h = 0; h < n->j.n_hops; h++)
		if (n->j.hops[h].stage == HS_STAGE_RECEIVE)
			received = n->j.hops[h].time;
	while (!found && i < s->n_early) {
		*ret = s->early[i++];
		found = ret->time >= received;
	}
	s->n_early -= i;
	memmove(s->early, s->early + i, s->n_early * sizeof(s->early[0]));
	return found;
}

/* What was queued before tracing began, or while records were lost, is in the way of `n`. */
static int sock_fill(struct hs_journeys *js, struct sock_node *s, uint32_t qlen)
{
	size_t missing = qlen > s->queue_n + 1 ? qlen - s->queue_n - 1 : 0;

	if (s->filled && s->lost_pushed == js->lost.total)
		return 0;
	s->filled = true;
	s->lost_pushed = lost_now(js);
	if (missing > MISSING_MAX) {
		js->sum.losses.n[HS_LOSS_DATAGRAMS] += missing;
		return 0;
	}
	while (missing--)
		if (sock_append(js, s, (struct waiting){ 0 }))
			return -ENOMEM;
	return 0;
}

int sock_push(struct hs_journeys *js, struct sock_node *s, struct node *n, uint64_t time,
	      uint32_t qlen)
{
	struct waiting w = { .serial = n->serial, .time = time };
	struct hs_read read;

	if (sock_take_early(s, n, &read)) {
		read_settle(js, n, &w, read);
		return 0;
	}
	if (sock_fill(js, s, qlen) || sock_append(js, s, w))
		return -ENOMEM;
	/* They were none: of a batch that is queued at once each report counts the whole. */
	while (s->queue_n > qlen && !s->queue[s->queue_first].serial)
		sock_pop(s, &w);
	return 0;
}

static void sock_returned_error(struct hs_journeys *js, struct sock_node *s,
				const struct hs_event *e, const char *call_word)
{
	const struct hs_rec_read *rec = (const void *)e->rec;
	struct open_call *call = call_of(js, rec->at.tid);
	struct node *n;

	if (!s->err || (int64_t)rec->ret + s->err)
		return;
	n = node_by_serial(js, s->err_from);
	s->err = 0;
	if (!n)
		return;
	if (call)
		call->error_from = n->serial;
	s->got.tid = rec->at.tid;
	s->got.read = 0;
	s->got.error_from = n->serial;
	n->j.told = HS_TOLD_CALL;
	n->j.told_task = e->task;
	n->j.told_call = call_word;
	n->last = e->time;
	if (n->selected && js->sink->told)
		js->sink->told(js->sink->ctx, &n->j);
	node_try_settle(js, n);
}

static void sock_keep_early(struct hs_journeys *js, struct sock_node *s, const struct hs_read *read)
{
	if (s->n_early == EARLY_MAX) {
		/* What was read long ago was queued before that: no event told of it. */
		js->sum.losses.n[HS_LOSS_READS] += read->time < s->early[0].time + EARLY_NS;
		memmove(s->early, s->early + 1, --s->n_early * sizeof(s->early[0]));
	}
	s->early[s->n_early++] = *read;
}

/*
 * UDP's copy to user space fires no tracepoint, so which datagram a read took is concluded from the
 * order of the queue: exact for one reader, marked as inferred all the same.
 */
void sock_read(struct hs_journeys *js, const struct hs_event *e)
{
	const struct hs_rec_read *rec = (const void *)e->rec;
	struct open_call *call = call_of(js, rec->at.tid);
	const char *word = call_name(call ? call->c.id : rec->call);
	struct sock_node *s = sock_get(js, rec->sk);
	struct hs_read read = {
		.entered = call ? call->c.entered : 0,
		.time = e->time,
		.task = e->task,
		.call = word,
		.ret = rec->ret,
		.inferred = true,
	};
	struct waiting w;
	struct node *n;

	if (!s)
		return;
	if (!s->s.owner.pid)
		s->s.owner = e->task;
	if (rec->ret < 0) {
		sock_returned_error(js, s, e, word);
		return;
	}
	if (!rec->hdr.stage || rec->flags & (MSG_PEEK_FLAG | MSG_ERRQUEUE_FLAG))
		return;
	if (s->s.type == SOCK_STREAM) {
		struct flow_node *f = flow_by_serial(js, s->flow);

		read.copied = rec->ret;
		seq_joined(js, s, e->time);
		if (f && s->tcp.sk)
			seq_read(js, f, s->end, s->tcp.copied_seq, &read, call);
		return;
	}
	/* With MSG_TRUNC the result is the datagram's length, not what was copied. */
	read.copied = rec->ret;
	if (rec->flags & MSG_TRUNC_FLAG && rec->asked && rec->asked < read.copied)
		read.copied = rec->asked;
	/* Reads whose records were lost have shortened the queue, too. */
	if (s->lost_read != js->lost.total)
		while (s->queue_n > (size_t)rec->qlen + 1)
			sock_pop(s, &w);
	s->lost_read = lost_now(js);
	do {
		if (!sock_pop(s, &w)) {
			sock_keep_early(js, s, &read);
			return;
		}
		n = node_by_serial(js, w.serial);
		/* thrown away by an earlier read: a wrong checksum */
	} while (n && (n->j.unread_at_close || n->j.fate.kind == HS_FATE_DROPPED));
	if (!n)
		return;
	if (call)
		call->read = n->serial;
	s->got.tid = rec->at.tid;
	s->got.read = n->serial;
	s->got.error_from = 0;
	read_settle(js, n, &w, read);
}
