// SPDX-License-Identifier: BSD-2-Clause
#include "helper_stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#define FUNCTIONS_AT 0xffffffff81000000ull

/* ---- the stream ---- */

static void *stream_room(struct stream *s, size_t size)
{
	void *at;

	while (s->len + size > s->room) {
		s->room = s->room ? s->room * 2 : 65536;
		s->bytes = realloc(s->bytes, s->room);
		assert_non_null(s->bytes);
	}
	at = s->bytes + s->len;
	s->len += size;
	return at;
}

static void stream_put(struct stream *s, struct hs_hdr *hdr, size_t size, uint8_t type)
{
	s->time += STREAM_US;
	hdr->type = type;
	hdr->size = size;
	hdr->time = s->time;
	memcpy(stream_room(s, size), hdr, size);
}

void stream_add(struct stream *s, void *rec, size_t size, uint8_t type, uint8_t stage)
{
	struct hs_hdr *hdr = rec;

	hdr->stage = stage;
	hdr->cpu = s->cpu;
	hdr->ctx = s->ctx;
	hdr->flags |= s->ctx ? HS_F_SOFTIRQ : 0;
	if (type < HS_REC_START && !(hdr->flags & HS_F_LISTED)) {
		hdr->seq = s->forced_seq ? *s->forced_seq : s->seq[s->cpu]++;
		s->forced_seq = NULL;
	}
	stream_put(s, hdr, size, type);
}

/* A record that carries a stack when one was given. */
static void stream_add_stacked(struct stream *s, void *rec, size_t size, uint8_t type,
			       uint8_t stage)
{
	size_t frames = s->n_frames * sizeof(s->frames[0]);
	uint8_t *whole = calloc(1, size + frames);

	assert_non_null(whole);
	memcpy(whole, rec, size);
	memcpy(whole + size, s->frames, frames);
	((struct hs_hdr *)whole)->frames = s->n_frames;
	s->n_frames = 0;
	stream_add(s, whole, size + frames, type, stage);
	free(whole);
}

int stream_each(const struct stream *s, int (*fn)(void *ctx, const struct hs_hdr *rec), void *ctx)
{
	for (size_t at = 0; at < s->len;) {
		struct hs_hdr hdr, *rec;
		int r;

		memcpy(&hdr, s->bytes + at, sizeof(hdr));
		rec = malloc(hdr.size);
		assert_non_null(rec);
		memcpy(rec, s->bytes + at, hdr.size);
		at += hdr.size;
		r = fn(ctx, rec);
		free(rec);
		if (r)
			return r;
	}
	return 0;
}

struct stream *stream_new(const char *word, ...)
{
	struct stream *s = calloc(1, sizeof(*s));
	union {
		uint8_t room[sizeof(struct hs_rec_start) + 1024];
		struct hs_rec_start start;
	} rec = { 0 };
	va_list words;

	memcpy(rec.start.magic, "HOPSCOPE", 8);
	rec.start.abi = HS_ABI_VERSION;
	rec.start.cpus = STREAM_CPUS;
	assert_non_null(s);
	va_start(words, word);
	for (; word; word = va_arg(words, const char *)) {
		strcpy(rec.start.spec + rec.start.spec_len, word);
		rec.start.spec_len += strlen(word) + 1;
	}
	va_end(words);
	strcpy(rec.start.release, "6.18.0");
	s->time = STREAM_T0 - STREAM_US;
	stream_put(s, &rec.start.hdr, sizeof(rec.start) + rec.start.spec_len, HS_REC_START);
	return s;
}

void stream_kernel(struct stream *s, const char *release)
{
	struct hs_rec_start *start = (void *)s->bytes; /* the first record */

	snprintf(start->release, sizeof(start->release), "%s", release);
}

void stream_free(struct stream *s)
{
	for (size_t i = 0; i < s->n_names; i++)
		free(s->names[i]);
	free(s->bytes);
	free(s);
}

/* ---- names ---- */

void stream_netns(struct stream *s, uint32_t netns, const char *label)
{
	struct hs_rec_netns rec = { .netns = netns, .inum = 4026532000 + netns };

	snprintf(rec.label, sizeof(rec.label), "%s", label);
	stream_put(s, &rec.hdr, sizeof(rec), HS_REC_NETNS);
}

void stream_dev(struct stream *s, uint32_t netns, uint32_t ifindex, const char *name,
		const char *kind)
{
	struct hs_rec_dev rec = {
		.cookie = netns, .netns = netns, .ifindex = ifindex, .mtu = 1500
	};

	snprintf(rec.name, sizeof(rec.name), "%s", name);
	snprintf(rec.kind, sizeof(rec.kind), "%s", kind);
	stream_add(s, &rec, sizeof(rec), HS_REC_DEV, 0);
}

void stream_tag(struct stream *s, uint64_t skb, uint16_t vlan)
{
	struct hs_rec_tag rec = { .skb = skb, .proto = 0x8100, .tci = 3 << 13 | vlan };

	stream_add(s, &rec, sizeof(rec), HS_REC_TAG, 0);
}

void stream_qdisc(struct stream *s, uint32_t netns, uint32_t ifindex, const char *kind)
{
	struct hs_rec_qdisc rec = { .netns = netns, .ifindex = ifindex };

	snprintf(rec.kind, sizeof(rec.kind), "%s", kind);
	stream_add(s, &rec, sizeof(rec), HS_REC_QDISC, 0);
}

void stream_task(struct stream *s, uint32_t pid, const char *comm)
{
	struct hs_rec_task rec = { .pid = pid, .tid = pid };

	snprintf(rec.comm, sizeof(rec.comm), "%s", comm);
	stream_add(s, &rec, sizeof(rec), HS_REC_TASK, 0);
}

/* The index of a name; emits a record of `type` the first time. */
static size_t stream_name(struct stream *s, uint8_t type, uint64_t first_key, const char *name)
{
	union {
		uint8_t room[sizeof(struct hs_rec_text) + 128];
		struct hs_rec_text text;
	} rec = { 0 };
	size_t i;

	for (i = 0; i < s->n_names; i++)
		if (s->names[i][0] == type && !strcmp(s->names[i] + 1, name))
			return i;
	assert_true(s->n_names < STREAM_NAMES);
	s->names[i] = calloc(1, strlen(name) + 2);
	assert_non_null(s->names[i]);
	s->names[i][0] = type;
	strcpy(s->names[i] + 1, name);
	s->n_names++;
	rec.text.key = first_key + i * (type == HS_REC_SYM ? 16 : 1);
	snprintf(rec.text.text, 128, "%s", name);
	stream_put(s, &rec.text.hdr, sizeof(rec.text) + strlen(name) + 1, type);
	return i;
}

void stream_probe(struct stream *s, enum hs_stage stage, const char *name)
{
	union {
		struct hs_rec_text text;
		char room[sizeof(struct hs_rec_text) + 128];
	} rec = { .text = { .key = (uint64_t)HS_BY_KPROBE << 32 } };

	snprintf(rec.text.text, 128, "%s", name);
	stream_add(s, &rec, sizeof(rec.text) + strlen(name) + 1, HS_REC_PROBE, (uint8_t)stage);
}

uint64_t stream_function(struct stream *s, const char *name)
{
	return FUNCTIONS_AT + stream_name(s, HS_REC_SYM, FUNCTIONS_AT, name) * 16;
}

uint32_t stream_reason(struct stream *s, const char *name)
{
	return stream_name(s, HS_REC_REASON, 0, name);
}

/* ---- who runs ---- */

void stream_by(struct stream *s, uint16_t cpu, uint32_t pid)
{
	s->cpu = cpu;
	s->ctx = 0;
	s->pid = s->tid = pid;
}

void stream_softirq(struct stream *s, uint16_t cpu)
{
	s->cpu = cpu;
	s->ctx = ++s->last_ctx;
}

void stream_back(struct stream *s)
{
	s->ctx = 0;
}

void stream_wait(struct stream *s, uint64_t ns)
{
	s->time += ns;
}

void stream_stack(struct stream *s, const char *frames)
{
	char *copy = strdup(frames), *rest = copy, *name;

	s->n_frames = 0;
	while ((name = strsep(&rest, " <")))
		if (*name) {
			assert_true(s->n_frames < HS_MAX_FRAMES);
			s->frames[s->n_frames++] = stream_function(s, name);
		}
	free(copy);
}

static const struct stream_sock *stream_find_sock(const struct stream *s, uint64_t sk)
{
	static const struct stream_sock unknown = { .family = AF_INET };

	for (size_t i = 0; i < s->n_socks; i++)
		if (s->socks[i].sk == sk)
			return &s->socks[i];
	return &unknown;
}

/* ---- packets ---- */

static struct hs_where stream_where(const struct stream *s, uint64_t skb, uint32_t netns,
				    uint32_t ifindex)
{
	return (struct hs_where){
		.skb = skb, .netns = netns, .ifindex = ifindex, .pid = s->pid, .tid = s->tid
	};
}

static void stream_add_headers(struct stream *s, enum hs_stage stage, struct hs_where at,
			       const struct wire *wire, uint64_t sk, uint64_t head, uint8_t flags)
{
	struct hs_rec_birth rec = {
		.hdr.flags = flags,
		.at = at,
		.head = head + 0x1000000,
		.sk = sk,
		.len = wire->len,
		.l3 = wire->len,
		.proto = wire->proto,
		.headers = wire->len < HS_HEADERS_LONG ? wire->len : HS_HEADERS_LONG,
		.call = s->ctx ? 0 : s->call,
		.pending = stream_find_sock(s, sk)->tcp.pending,
		.ct = s->ct,
	};

	memcpy(rec.data, wire->data, sizeof(rec.data));
	stream_add_stacked(s, &rec, sizeof(rec), HS_REC_BIRTH, stage);
}

static void stream_add_birth_of(struct stream *s, enum hs_stage stage, struct hs_where at,
				const struct wire *wire, uint64_t sk, uint64_t head)
{
	/* skb_iif is still 0 when a packet arrives, too */
	stream_add_headers(s, stage, at, wire, sk, head, HS_F_LOCAL);
}

static void stream_add_birth(struct stream *s, enum hs_stage stage, struct hs_where at,
			     const struct wire *wire, uint64_t sk)
{
	stream_add_birth_of(s, stage, at, wire, sk, at.skb);
}

void stream_birth(struct stream *s, uint64_t skb, uint32_t netns, uint32_t ifindex,
		  const struct wire *wire, uint64_t sk)
{
	stream_add_birth(s, HS_STAGE_DEV_QUEUE, stream_where(s, skb, netns, ifindex), wire, sk);
}

void stream_forwarded(struct stream *s, uint64_t skb, uint32_t netns, uint32_t ifindex,
		      const struct wire *wire)
{
	stream_add_headers(s, HS_STAGE_DEV_QUEUE, stream_where(s, skb, netns, ifindex), wire, 0,
			   skb, 0);
}

void stream_flooded(struct stream *s, uint64_t skb, uint32_t netns, uint32_t ifindex,
		    const struct wire *wire, uint64_t of)
{
	stream_add_headers(s, HS_STAGE_DEV_QUEUE, stream_where(s, skb, netns, ifindex), wire, 0, of,
			   0);
}

void stream_looped(struct stream *s, uint64_t skb, uint32_t netns, uint32_t ifindex,
		   const struct wire *wire)
{
	stream_add_headers(s, HS_STAGE_BACKLOG, stream_where(s, skb, netns, ifindex), wire, 0, skb,
			   HS_F_LOCAL | HS_F_LOOPED);
}

void stream_passed_with(struct stream *s, enum hs_stage stage, uint64_t skb, uint32_t netns,
			uint32_t ifindex, int64_t value)
{
	struct hs_rec_func rec = { .at = stream_where(s, skb, netns, ifindex),
				   .kind = HS_FN_AT,
				   .ret = value,
				   .hook = NF_INET_LOCAL_IN };

	stream_add(s, &rec, sizeof(rec), HS_REC_FUNC, stage);
}

void stream_passed(struct stream *s, enum hs_stage stage, uint64_t skb, uint32_t netns,
		   uint32_t ifindex)
{
	stream_passed_with(s, stage, skb, netns, ifindex, 0);
}

void stream_cut(struct stream *s, uint64_t skb, uint32_t netns, uint32_t ifindex,
		const struct wire *wire, uint64_t sk)
{
	stream_add_birth(s, HS_STAGE_DEV_XMIT, stream_where(s, skb, netns, ifindex), wire, sk);
}

void stream_unborn(struct stream *s, uint64_t skb, uint32_t netns, uint32_t ifindex,
		   const struct wire *wire, uint64_t sk)
{
	stream_add_birth(s, HS_STAGE_DROP, stream_where(s, skb, netns, ifindex), wire, sk);
}

void stream_drop_in(struct stream *s, uint64_t skb, uint32_t netns, uint32_t ifindex,
		    const char *reason, const char *function)
{
	struct hs_rec_free rec = {
		.at = stream_where(s, skb, netns, ifindex),
		.location = stream_function(s, function),
		.reason = stream_reason(s, reason),
	};

	stream_add_stacked(s, &rec, sizeof(rec), HS_REC_FREE, HS_STAGE_DROP);
}

void stream_copy(struct stream *s, uint64_t skb, uint32_t netns, uint32_t ifindex,
		 const struct wire *wire, uint64_t sk, uint64_t of)
{
	stream_add_birth_of(s, HS_STAGE_DEV_XMIT, stream_where(s, skb, netns, ifindex), wire, sk,
			    of);
}

void stream_arrival(struct stream *s, uint64_t skb, uint32_t netns, uint32_t ifindex,
		    const struct wire *wire)
{
	stream_add_birth(s, HS_STAGE_RECEIVE, stream_where(s, skb, netns, ifindex), wire, 0);
}

void stream_see(struct stream *s, enum hs_stage stage, uint64_t skb, uint32_t netns,
		uint32_t ifindex)
{
	struct hs_rec_stage rec = { .at = stream_where(s, skb, netns, ifindex) };

	stream_add_stacked(s, &rec, sizeof(rec), HS_REC_STAGE, stage);
}

void stream_icmp(struct stream *s, uint64_t skb, uint32_t netns, uint32_t ifindex, uint8_t type,
		 uint8_t code)
{
	struct hs_rec_icmp rec = { .at = stream_where(s, skb, netns, ifindex),
				   .icmp_type = type,
				   .icmp_code = code };

	stream_add_stacked(s, &rec, sizeof(rec), HS_REC_ICMP, HS_STAGE_ICMP_ERROR);
}

void stream_drop_at(struct stream *s, uint64_t skb, const char *reason, const char *function,
		    uint64_t sk, uint32_t rmem, uint32_t rcvbuf)
{
	struct hs_rec_free rec = {
		.at = stream_where(s, skb, 0, 0),
		.location = stream_function(s, function),
		.reason = stream_reason(s, reason),
		.sk = sk,
		.rmem = rmem,
		.rcvbuf = rcvbuf,
	};

	stream_add_stacked(s, &rec, sizeof(rec), HS_REC_FREE, HS_STAGE_DROP);
}

void stream_drop(struct stream *s, uint64_t skb, const char *reason, const char *function)
{
	stream_drop_at(s, skb, reason, function, 0, 0, 0);
}

void stream_consume(struct stream *s, uint64_t skb, const char *function)
{
	struct hs_rec_free rec = { .at = stream_where(s, skb, 0, 0),
				   .location = stream_function(s, function) };

	stream_add(s, &rec, sizeof(rec), HS_REC_FREE, HS_STAGE_CONSUME);
}

/* ---- sockets ---- */

void stream_sock_is(struct stream *s, uint64_t sk, uint32_t netns, uint16_t protocol,
		    const char *local, const char *remote)
{
	struct stream_sock *sock = (struct stream_sock *)stream_find_sock(s, sk);

	if (!sock->sk) {
		assert_true(s->n_socks < STREAM_SOCKS);
		sock = &s->socks[s->n_socks++];
	}
	*sock = (struct stream_sock){
		.sk = sk, .netns = netns, .protocol = protocol, .tcp = sock->tcp
	};
	sock->type = protocol == IPPROTO_UDP ? 2 : protocol == IPPROTO_TCP ? 1 : 3;
	sock->local = wire_sa(local);
	sock->family = sock->local.family;
	if (remote)
		sock->remote = wire_sa(remote);
	else
		sock->remote.family = sock->family;
}

static struct hs_rec_sock stream_sock_rec(const struct stream *s, uint64_t sk)
{
	const struct stream_sock *sock = stream_find_sock(s, sk);

	return (struct hs_rec_sock){
		.sk = sk,
		.netns = sock->netns,
		.sock_type = sock->type,
		.protocol = sock->protocol,
		.family = sock->family,
		.local = sock->local,
		.remote = sock->remote,
		.state = sock->tcp.after     ? sock->tcp.after
			 : sock->remote.port ? 1
					     : 7,
	};
}

void stream_sock(struct stream *s, uint64_t sk, uint32_t pid, const char *comm, bool followed)
{
	struct hs_rec_sock rec = stream_sock_rec(s, sk);

	rec.ino = sk & 0xffff;
	rec.pid = pid;
	rec.followed = followed;
	snprintf(rec.comm, sizeof(rec.comm), "%s", comm);
	stream_add(s, &rec, sizeof(rec), HS_REC_SOCK, 0);
}

void stream_bound(struct stream *s, uint32_t netns, uint16_t protocol, const char *local)
{
	struct hs_rec_sock rec = { .netns = netns, .protocol = protocol, .local = wire_sa(local) };

	rec.family = rec.local.family;
	stream_put(s, &rec.hdr, sizeof(rec), HS_REC_BOUND);
}

/* ---- TCP sockets ---- */

struct hs_rec_tcp *stream_tcp_of(struct stream *s, uint64_t sk)
{
	struct stream_sock *sock = (struct stream_sock *)stream_find_sock(s, sk);

	assert_true(sock->sk);
	sock->tcp.sk = sk;
	return &sock->tcp;
}

/* What is always said of a socket, or of none. */
static struct hs_rec_tcp stream_tcp_rec(const struct stream *s, enum hs_tcp_what what, uint64_t sk,
					uint64_t skb)
{
	const struct stream_sock *sock = stream_find_sock(s, sk);
	struct hs_rec_tcp rec = sock->tcp;

	rec.at = stream_where(s, skb, sock->netns, 0);
	rec.sk = sk;
	rec.what = what;
	rec.call = s->ctx ? 0 : s->call;
	rec.local = sock->local;
	rec.remote = sock->remote;
	return rec;
}

void stream_tcp(struct stream *s, enum hs_tcp_what what, uint64_t sk, uint64_t skb)
{
	struct hs_rec_tcp rec = stream_tcp_rec(s, what, sk, skb);

	stream_add(s, &rec, sizeof(rec), HS_REC_TCP, 0);
}

void stream_tcp_state(struct stream *s, uint64_t sk, uint8_t before, uint8_t after)
{
	struct hs_rec_tcp rec;

	stream_tcp_of(s, sk)->after = after;
	rec = stream_tcp_rec(s, HS_TCP_CHANGED, sk, 0);
	rec.before = before;
	stream_add(s, &rec, sizeof(rec), HS_REC_TCP, 0);
}

void stream_tcp_reset(struct stream *s, uint64_t sk, uint64_t skb, const char *reason)
{
	struct hs_rec_tcp rec = stream_tcp_rec(s, HS_TCP_RESET_SENT, sk, skb);

	rec.reason = stream_name(s, HS_REC_RST_REASON, 0, reason);
	stream_add(s, &rec, sizeof(rec), HS_REC_TCP, 0);
}

/* BPF: hs_see_tcp(). */
static void stream_snapshot(struct stream *s, uint64_t sk)
{
	if (stream_find_sock(s, sk)->tcp.sk)
		stream_tcp(s, HS_TCP_SNAPSHOT, sk, 0);
}

void stream_signal(struct stream *s, uint32_t pid, uint32_t number, bool caught)
{
	struct hs_rec_signal rec = { .pid = pid, .tid = pid, .number = number, .caught = caught };

	stream_add(s, &rec, sizeof(rec), HS_REC_SIGNAL, 0);
}

/* ---- what waits in sockets ---- */

void stream_mini(struct stream *s, uint64_t sk, uint8_t state)
{
	struct hs_rec_sock rec = stream_sock_rec(s, sk);

	rec.sk = 0;
	rec.state = state;
	stream_put(s, &rec.hdr, sizeof(rec), HS_REC_MINI);
}

static void stream_add_queue(struct stream *s, enum hs_stage stage, uint64_t sk, uint64_t tail,
			     uint32_t qlen, int err)
{
	struct hs_rec_queue rec = {
		.at = stream_where(s, tail, stream_find_sock(s, sk)->netns, 0),
		.sk = sk,
		.rmem = qlen * 768,
		.rcvbuf = 212992,
		.qlen = qlen,
		.err = err,
	};

	stream_snapshot(s, sk);
	stream_add_stacked(s, &rec, sizeof(rec), HS_REC_QUEUE, stage);
}

void stream_queued(struct stream *s, uint64_t sk, uint64_t tail, uint32_t qlen)
{
	stream_add_queue(s, HS_STAGE_SOCK_QUEUE, sk, tail, qlen, 0);
}

void stream_error(struct stream *s, uint64_t sk, int err)
{
	stream_add_queue(s, HS_STAGE_SOCK_ERROR, sk, 0, 0, err);
}

static void stream_add_read(struct stream *s, uint8_t stage, uint64_t sk, int32_t ret,
			    uint32_t flags, uint32_t qlen)
{
	struct hs_rec_read rec = {
		.at = stream_where(s, 0, stream_find_sock(s, sk)->netns, 0),
		.sk = sk,
		.ret = ret,
		.flags = flags,
		.qlen = qlen,
		.call = s->call ? s->call
			: stage ? HS_CALL_RECVFROM
				: HS_CALL_SENDTO,
		.asked = flags & MSG_TRUNC && s->call ? s->open.len : 0,
	};

	stream_snapshot(s, sk);
	stream_add(s, &rec, sizeof(rec), HS_REC_READ, stage);
}

void stream_read(struct stream *s, uint64_t sk, int32_t ret, uint32_t flags, uint32_t qlen)
{
	stream_add_read(s, HS_STAGE_SOCK_READ, sk, ret, flags, qlen);
}

void stream_send_failed(struct stream *s, uint64_t sk, int32_t ret)
{
	stream_add_read(s, 0, sk, ret, 0, 0);
}

/* ---- calls ---- */

static void stream_add_call(struct stream *s, uint8_t flags)
{
	struct hs_rec_call rec = s->open;
	bool closed = rec.call == HS_CALL_CLOSE && !flags; /* nothing is left to look at */

	if (!closed)
		stream_snapshot(s, rec.sk);
	rec.hdr.flags = flags;
	stream_add(s, &rec, sizeof(rec), HS_REC_CALL, 0);
}

void stream_enter(struct stream *s, enum hs_call_id call, int fd, uint64_t sk, uint64_t len,
		  const char *name)
{
	const struct stream_sock *sock = stream_find_sock(s, sk);

	s->call = call;
	s->open = (struct hs_rec_call){
		.entered = s->time,
		.pid = s->pid,
		.tid = s->tid,
		.call = call,
		.sock_type = sock->type,
		.protocol = sock->protocol,
		.family = sock->family,
		.fd = fd,
		.len = len,
		.sk = sk,
		.netns = sock->netns,
		.port_floor = -1,
		.local = sock->local,
		.remote = sock->remote,
	};
	if (name)
		s->open.name = wire_sa(name);
	stream_add_call(s, HS_F_ENTER);
}

void stream_leave(struct stream *s, int64_t ret)
{
	const struct stream_sock *sock = stream_find_sock(s, s->open.sk);

	s->open.ret = ret;
	if (sock->tcp.sk) { /* connect() chose a port */
		s->open.local = sock->local;
		s->open.remote = sock->remote;
	}
	stream_by(s, s->cpu, s->open.pid);
	stream_add_call(s, 0);
	s->call = 0;
}

/* ---- the rest ---- */

void stream_rule(struct stream *s, uint32_t netns, const char *item)
{
	struct {
		union {
			struct hs_hdr hdr;
			struct hs_rec_rule rule;
		};
		char text[512];
	} rec = { .rule = { .netns = netns, .what = item ? HS_RULES_ITEM : HS_RULES_BEGIN } };

	snprintf(rec.text, sizeof(rec.text), "%s", item ?: "");
	stream_add(s, &rec, sizeof(rec), HS_REC_RULE, 0);
}

static void stream_answer(struct stream *s, struct hs_rec_route *rec, const char *dst)
{
	rec->dst = wire_sa(dst);
	rec->at.pid = s->pid;
	rec->at.tid = s->tid;
	rec->call = s->call;
	stream_add(s, rec, sizeof(*rec), HS_REC_ROUTE, 0);
}

void stream_no_route(struct stream *s, uint32_t table, const char *dst, int err, uint8_t type,
		     uint8_t plen)
{
	struct hs_rec_route rec = { .table = table, .err = err, .type = type, .plen = plen };

	stream_answer(s, &rec, dst);
}

void stream_route(struct stream *s, uint32_t table, const char *dst, uint32_t netns,
		  uint32_t ifindex)
{
	struct hs_rec_route rec = { .table = table, .oif = ifindex, .at.netns = netns };

	stream_answer(s, &rec, dst);
}

void stream_prefix(struct stream *s, uint32_t netns, uint32_t table, const char *dst, uint8_t plen)
{
	struct hs_rec_prefix rec = { .netns = netns, .table = table, .plen = plen };

	rec.dst = wire_sa(dst);
	stream_add(s, &rec, sizeof(rec), HS_REC_PREFIX, 0);
}

void stream_refusal(struct stream *s, uint32_t netns, enum hs_refusal_what what, uint8_t type,
		    uint32_t number, const char *dst, uint8_t plen)
{
	struct hs_rec_refusal rec = {
		.netns = netns, .what = what, .type = type, .number = number, .dst_plen = plen
	};

	if (dst)
		rec.dst = wire_sa(dst);
	stream_add(s, &rec, sizeof(rec), HS_REC_REFUSAL, 0);
}

void stream_counter(struct stream *s, uint32_t netns, uint64_t global, uint64_t host,
		    uint64_t host6)
{
	struct hs_rec_counter rec = { .netns = netns,
				      .icmp_limit_global = global,
				      .icmp_limit_host = host,
				      .icmp6_limit_host = host6 };

	stream_put(s, &rec.hdr, sizeof(rec), HS_REC_COUNTER);
}

void stream_tick(struct stream *s, uint64_t ns)
{
	struct hs_hdr rec = { 0 };

	s->time += ns;
	stream_put(s, &rec, sizeof(rec), HS_REC_TICK);
}

void stream_lose(struct stream *s, uint32_t n)
{
	s->seq[s->cpu] += n;
}

void stream_loss(struct stream *s, uint64_t reserve, uint64_t misses, uint64_t maps)
{
	struct hs_rec_loss rec = { .reserve = reserve, .misses = misses, .maps = maps };

	stream_put(s, &rec.hdr, sizeof(rec), HS_REC_LOSS);
}

void stream_loss_ahead(struct stream *s, uint64_t reserve, uint64_t ns)
{
	struct hs_rec_loss rec = {
		.hdr.flags = HS_F_AHEAD,
		.reserve = reserve,
		.until = s->time + ns,
	};

	stream_put(s, &rec.hdr, sizeof(rec), HS_REC_LOSS);
}

void stream_end(struct stream *s)
{
	struct hs_rec_end rec = { 0 };

	stream_put(s, &rec.hdr, sizeof(rec), HS_REC_END);
}
