// SPDX-License-Identifier: BSD-2-Clause
/* System calls in words. */
#define _GNU_SOURCE
#include "text.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define G	   TEXT_GLUE
#define NS_PER_MS  1000000
#define N_ELEMS(a) (sizeof(a) / sizeof((a)[0]))

static void add_family(struct text *t, uint16_t family)
{
	if (family == AF_INET)
		text_add(t, "AF_INET");
	else if (family == AF_INET6)
		text_add(t, "AF_INET6");
	else
		text_addf(t, "family" G "%u", family);
}

static void add_socket_type(struct text *t, uint16_t type, uint16_t protocol)
{
	static const char *const names[] = {
		[SOCK_STREAM] = "SOCK_STREAM",
		[SOCK_DGRAM] = "SOCK_DGRAM",
		[SOCK_RAW] = "SOCK_RAW",
	};
	bool usual = !protocol || (type == SOCK_DGRAM && protocol == IPPROTO_UDP) ||
		     (type == SOCK_STREAM && protocol == IPPROTO_TCP);

	if (type < N_ELEMS(names) && names[type])
		text_add(t, names[type]);
	else
		text_addf(t, "type" G "%u", type);
	if (!usual) {
		text_add(t, "," G);
		text_proto(t, (uint8_t)protocol);
	}
}

static void add_msg_flags(struct text *t, uint32_t flags)
{
	static const struct {
		uint32_t flag;
		const char *name;
	} names[] = {
		{ MSG_OOB, "OOB" },
		{ MSG_PEEK, "PEEK" },
		{ MSG_DONTROUTE, "DONTROUTE" },
		{ MSG_TRUNC, "TRUNC" },
		{ MSG_DONTWAIT, "DONTWAIT" },
		{ MSG_WAITALL, "WAITALL" },
		{ MSG_CONFIRM, "CONFIRM" },
		{ MSG_ERRQUEUE, "ERRQUEUE" },
		{ MSG_NOSIGNAL, "NOSIGNAL" },
		{ MSG_MORE, "MORE" },
	};
	bool any = false;

	for (size_t i = 0; i < N_ELEMS(names); i++) {
		if (!(flags & names[i].flag))
			continue;
		text_addf(t, "%sMSG_%s", any ? "|" : "," G, names[i].name);
		any = true;
	}
}

static bool is_send(enum hs_call_id id)
{
	return id == HS_CALL_SENDTO || id == HS_CALL_SENDMSG || id == HS_CALL_SENDMMSG ||
	       id == HS_CALL_WRITE || id == HS_CALL_WRITEV;
}

static bool is_receive(enum hs_call_id id)
{
	return id == HS_CALL_RECVFROM || id == HS_CALL_RECVMSG || id == HS_CALL_RECVMMSG ||
	       id == HS_CALL_READ || id == HS_CALL_READV;
}

static void add_arguments(struct text *t, const struct hs_call *c)
{
	static const char *const how[] = { "SHUT_RD", "SHUT_WR", "SHUT_RDWR" };

	if (c->id == HS_CALL_SOCKET) {
		add_family(t, c->family);
		text_add(t, "," G);
		add_socket_type(t, c->type, c->protocol);
		return;
	}
	text_addf(t, "%" PRId32, c->fd);
	if ((c->id == HS_CALL_BIND || c->id == HS_CALL_CONNECT) && c->given.addr.family) {
		text_add(t, "," G);
		text_endpoint(t, &c->given);
	} else if (c->id == HS_CALL_LISTEN) {
		text_addf(t, "," G "%" PRIu32, c->flags);
	} else if (c->id == HS_CALL_SHUTDOWN) {
		text_addf(t, "," G "%s", c->flags < N_ELEMS(how) ? how[c->flags] : "?");
	} else if (is_send(c->id) || is_receive(c->id)) {
		text_add(t, "," G);
		text_size(t, c->len);
		if (is_send(c->id) && c->given.addr.family) {
			text_add(t, G "→" G);
			text_endpoint(t, &c->given);
		}
		add_msg_flags(t, c->flags);
	}
}

static bool makes_socket(enum hs_call_id id)
{
	return id == HS_CALL_SOCKET || id == HS_CALL_ACCEPT || id == HS_CALL_ACCEPT4;
}

static bool is_unspecified(const struct hs_addr *addr)
{
	static const uint8_t zero[16];

	return !memcmp(addr->bytes, zero, addr->family == AF_INET6 ? 16 : 4);
}

static bool is_stream(const struct hs_call *c)
{
	return c->type == SOCK_STREAM;
}

/* Bytes of a stream: which, and what is left of them. */
static void add_stream(struct text *t, const struct hs_call *c, bool detail)
{
	bool receives = is_receive(c->id);

	if (!c->ret && c->len && receives) {
		text_add(t, ", end" G "of" G "stream");
		return;
	}
	if (c->ret <= 0)
		return;
	if (c->has_range && c->rel_to != c->rel_from) {
		text_add(t, "," G "bytes" G);
		text_range(t, c->rel_from, c->rel_to - 1);
		if (detail && receives && c->waited >= NS_PER_MS) {
			text_add(t, " (");
			text_duration(t, c->waited);
			text_add(t, G "old)");
		}
	}
	if (!c->has_queues || (!receives && (!detail || !c->snd_queued)))
		return;
	text_add(t, ", ");
	text_size(t, receives ? c->rcv_queued : c->snd_queued);
	text_add(t, receives ? G "left" : G "not" G "acknowledged");
}

/* What a successful call tells beyond its number. */
static void add_outcome(struct text *t, const struct hs_call *c, bool detail)
{
	bool named = detail || !c->flow; /* else the connection tells the addresses */

	switch (c->id) {
	case HS_CALL_BIND:
		if (c->local.port != c->given.port) {
			text_add(t, ", bound" G "to" G);
			text_endpoint(t, &c->local);
		}
		break;
	case HS_CALL_CONNECT:
		if (named && c->local.port && !is_unspecified(&c->local.addr)) {
			text_add(t, ", from" G);
			text_endpoint(t, &c->local);
		}
		/* A datagram socket only remembers the address. */
		text_add(t, c->type == SOCK_DGRAM ? ", no" G "packet" : "");
		break;
	case HS_CALL_ACCEPT:
	case HS_CALL_ACCEPT4:
		if (named && c->given.addr.family) {
			text_add(t, " from" G);
			text_endpoint(t, &c->given);
		}
		if (c->has_queues)
			text_addf(t,
				  t->style->plain ? ", queue" G "%" PRIu32 G "to" G "%" PRIu32
						  : ", queue" G "%" PRIu32 "→%" PRIu32,
				  c->accept_before, c->accept_queued);
		text_add(t, ", no" G "packet");
		break;
	case HS_CALL_RECVFROM:
	case HS_CALL_RECVMSG:
	case HS_CALL_RECVMMSG:
		if (c->given.addr.family) {
			text_add(t, " from" G);
			text_endpoint(t, &c->given);
		}
		break;
	default:
		break;
	}
	if (is_stream(c) && (is_send(c->id) || is_receive(c->id)))
		add_stream(t, c, detail);
}

static void add_error(struct text *t, const struct hs_call *c, bool detail)
{
	int err = (int)-c->ret;
	const char *meaning = strerrordesc_np(err);
	char buf[16];

	if (!strcmp(text_errno(err, buf), "ERESTART"))
		meaning = "interrupted" G "by a" G "signal";

	text_add(t, " =" G "-1" G);
	text_color(t, TEXT_RED);
	text_add(t, text_errno(err, buf));
	text_color(t, TEXT_RESET);
	if (c->signal)
		text_addf(t, G "and" G "%s", text_signal(c->signal, buf));
	if (detail && meaning && !(c->hint && *c->hint))
		text_addf(t, " (%s)", meaning);
}

/* Calls that may have to wait for the peer, so that it is worth saying how long they did. */
static bool may_block(const struct hs_call *c)
{
	return is_receive(c->id) || (is_stream(c) && (is_send(c->id) || c->id == HS_CALL_CONNECT));
}

void text_call(struct text *t, const struct hs_call *c, bool detail)
{
	text_addf(t, "%s(", c->name);
	add_arguments(t, c);
	text_add(t, ")");
	if (!c->left) {
		text_add(t, " …");
		return;
	}
	if (c->ret < 0) {
		add_error(t, c, detail);
	} else {
		text_addf(t, " =" G "%" PRId64, c->ret);
		if (c->socket && makes_socket(c->id))
			text_addf(t, G "(@%" PRIu32 ")", c->socket);
		add_outcome(t, c, detail);
	}
	if (detail && may_block(c) && c->left > c->entered && c->left - c->entered >= NS_PER_MS) {
		text_add(t, " after" G);
		text_duration(t, c->left - c->entered);
	}
	if (detail && c->buffer_full)
		text_addf(t, ", the" G "send" G "buffer was" G "full%s",
			  c->window_full ? " as was the" G "peer's" G "window" : "");
	if (detail && is_receive(c->id) && !is_stream(c) && c->ret >= 0 && c->qlen)
		text_addf(t, ", %" PRIu32 G "still" G "queued", c->qlen);
}

bool text_call_sends(enum hs_call_id id)
{
	return is_send(id);
}

bool text_call_receives(enum hs_call_id id)
{
	return is_receive(id);
}
