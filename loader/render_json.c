// SPDX-License-Identifier: BSD-2-Clause
/* NDJSON: one object a line, as docs/trace.schema.json describes. RFC 8259. */
#include <ctype.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <string.h>

#include "render_parts.h"

#define N_ELEMS(a) (sizeof(a) / sizeof((a)[0]))

/* --- writing --- */

static void put(struct text *t, const char *s)
{
	text_raw(t, s, strlen(s));
}

static __attribute__((format(printf, 2, 3))) void putf(struct text *t, const char *fmt, ...)
{
	char buf[64];
	va_list args;

	va_start(args, fmt);
	vsnprintf(buf, sizeof(buf), fmt, args);
	va_end(args);
	put(t, buf);
}

static void put_string(struct text *t, const char *s)
{
	const char *at = s;
	uint32_t cp;

	put(t, "\"");
	while ((cp = text_next(&s))) {
		if (cp == TEXT_BAD)
			put(t, "\\ufffd");
		else if (cp == '"' || cp == '\\')
			putf(t, "\\%c", (char)cp);
		else if (cp < 0x20 || cp == 0x7f)
			putf(t, "\\u%04x", (unsigned int)cp);
		else if (cp >= 0x10000 && t->style->ascii)
			putf(t, "\\u%04x\\u%04x", 0xd800 + ((cp - 0x10000) >> 10),
			     0xdc00 + (cp & 0x3ff));
		else if (cp >= 0x80 && t->style->ascii)
			putf(t, "\\u%04x", cp);
		else
			text_raw(t, at, (size_t)(s - at));
		at = s;
	}
	put(t, "\"");
}

/* The name of the next member; the writer of an object's first one finds no comma to write. */
static void key(struct text *t, const char *name)
{
	char before = t->len ? t->data[t->len - 1] : '{';

	if (before != '{')
		put(t, ",");
	put_string(t, name);
	put(t, ":");
}

static void element(struct text *t)
{
	if (t->len && t->data[t->len - 1] != '[')
		put(t, ",");
}

static void put_str(struct text *t, const char *name, const char *value)
{
	key(t, name);
	put_string(t, value ? value : "");
}

static void put_lower(struct text *t, const char *name, const char *value)
{
	char buf[32];
	size_t i = 0;

	for (; i < sizeof(buf) - 1 && value[i]; i++)
		buf[i] = (char)tolower((unsigned char)value[i]);
	buf[i] = '\0';
	put_str(t, name, buf);
}

static void put_uint(struct text *t, const char *name, uint64_t value)
{
	key(t, name);
	putf(t, "%" PRIu64, value);
}

static void put_int(struct text *t, const char *name, int64_t value)
{
	key(t, name);
	putf(t, "%" PRId64, value);
}

static void put_bool(struct text *t, const char *name, bool value)
{
	key(t, name);
	put(t, value ? "true" : "false");
}

static void put_null(struct text *t, const char *name)
{
	key(t, name);
	put(t, "null");
}

/* An id, or null for 0. */
static void put_id(struct text *t, const char *name, uint32_t id)
{
	if (id)
		put_uint(t, name, id);
	else
		put_null(t, name);
}

static void put_ids(struct text *t, const char *name, const uint32_t *ids, size_t n)
{
	key(t, name);
	put(t, "[");
	for (size_t i = 0; i < n; i++)
		putf(t, "%s%" PRIu32, i ? "," : "", ids[i]);
	put(t, "]");
}

static void put_errno(struct text *t, const char *name, int err)
{
	char buf[16];

	put_str(t, name, text_errno(err, buf));
}

static void begin(struct render *r, const char *type)
{
	put(&r->page, "{");
	put_str(&r->page, "type", type);
}

static void end(struct render *r)
{
	put(&r->page, "}");
	text_newline(&r->page);
	parts_write(r);
}

/* --- parts --- */

static void put_address(struct render *r, const char *name, const struct hs_addr *addr)
{
	if (!addr->family) {
		put_null(&r->page, name);
		return;
	}
	text_clear(&r->line);
	text_address(&r->line, addr);
	put_str(&r->page, name, r->line.data);
}

static void put_ends(struct render *r, const struct hs_endpoint *src, const struct hs_endpoint *dst,
		     bool ports)
{
	put_address(r, "src", &src->addr);
	put_address(r, "dst", &dst->addr);
	if (!ports)
		return;
	put_uint(&r->page, "sport", src->port);
	put_uint(&r->page, "dport", dst->port);
}

static void put_endpoint(struct render *r, const char *name, const struct hs_endpoint *ep)
{
	struct text *t = &r->page;

	if (!ep->addr.family) {
		put_null(t, name);
		return;
	}
	key(t, name);
	put(t, "{");
	put_address(r, "address", &ep->addr);
	put_uint(t, "port", ep->port);
	put(t, "}");
}

static void put_proto(struct text *t, uint8_t proto)
{
	const char *name = text_proto_name(proto);

	if (name)
		put_str(t, "proto", name);
	else
		put_null(t, "proto");
	put_uint(t, "proto_number", proto);
}

static void put_icmp(struct render *r, const struct hs_packet *p)
{
	struct text *t = &r->page;
	const char *name = text_icmp_name(p->version, p->icmp_type, p->icmp_code);

	key(t, "icmp");
	put(t, "{");
	put_uint(t, "type", p->icmp_type);
	put_uint(t, "code", p->icmp_code);
	put_str(t, "name", name);
	put_bool(t, "error", p->icmp_error);
	put_uint(t, "info", p->icmp_info);
	if (!p->icmp_error) {
		put_uint(t, "echo_id", p->echo_id);
		put_uint(t, "echo_seq", p->echo_seq);
	}
	if (p->has_quoted) {
		key(t, "quoted");
		put(t, "{");
		put_proto(t, p->quoted_proto);
		put_ends(r, &p->quoted_src, &p->quoted_dst,
			 p->quoted_src.port || p->quoted_dst.port);
		put_uint(t, "ip_id", p->quoted_ip_id);
		put(t, "}");
	}
	put(t, "}");
}

static void put_tcp(struct text *t, const struct hs_packet *p)
{
	key(t, "tcp");
	put(t, "{");
	key(t, "flags");
	put(t, "[");
	for (int bit = 0; bit < 8; bit++) {
		if (!(p->tcp_flags & 1 << bit))
			continue;
		element(t);
		put_string(t, text_tcp_flag(bit));
	}
	put(t, "]");
	put_uint(t, "seq", p->tcp_seq);
	put_uint(t, "ack", p->tcp_ack);
	put_uint(t, "window", p->tcp_window);
	put(t, "}");
}

static void put_packet(struct render *r, const struct hs_packet *p)
{
	struct text *t = &r->page;

	key(t, "packet");
	put(t, "{");
	put_uint(t, "version", p->version);
	put_uint(t, "ethertype", p->ethertype);
	put_uint(t, "length", p->length);
	if (p->arp_op) {
		put_str(t, "proto", "ARP");
		put_ends(r, &p->src, &p->dst, false);
		put_uint(t, "arp_op", p->arp_op);
	} else if (p->version) {
		put_proto(t, p->proto);
		put_ends(r, &p->src, &p->dst, p->has_ports);
		put_uint(t, "payload", p->payload);
		put_uint(t, "ip_id", p->ip_id);
		put_uint(t, "ttl", p->ttl);
	}
	if (p->fragmented) {
		key(t, "fragment");
		put(t, "{");
		put_uint(t, "offset", p->frag_offset);
		put_bool(t, "later", p->later_fragment);
		put(t, "}");
	}
	if (p->has_icmp)
		put_icmp(r, p);
	if (p->version && p->proto == IPPROTO_TCP && !p->later_fragment)
		put_tcp(t, p);
	put(t, "}");
}

static void put_task(struct text *t, const char *name, const struct hs_task *task)
{
	key(t, name);
	if (!task->pid) {
		put(t, "null");
		return;
	}
	put(t, "{");
	put_uint(t, "pid", task->pid);
	put_uint(t, "tid", task->tid);
	put_str(t, "comm", task->comm);
	put(t, "}");
}

static void put_stage(struct text *t, enum hs_stage stage)
{
	put_lower(t, "stage", text_stage_name(stage));
	put_str(t, "label", text_stage_label(stage));
}

/* The members of a hop, without the braces. */
static void put_hop(struct render *r, const struct hs_hop *hop)
{
	struct text *t = &r->page;

	put_str(t, "kind", hop->kind == HS_HOP_VIA ? "via" : "stage");
	put_stage(t, hop->stage);
	put_uint(t, "time", hop->time);
	put_str(t, "netns", hop->netns);
	put_str(t, "dev", hop->dev);
	put_str(t, "dev_kind", hop->dev_kind);
	put_uint(t, "cpu", hop->cpu);
	put_bool(t, "softirq", hop->softirq);
	put_uint(t, "pid", hop->task.pid);
	put_str(t, "comm", hop->task.comm);
	put_bool(t, "crossed", hop->crossed);
	put_str(t, "text", hop->text);
	put_str(t, "function", hop->function);
	key(t, "functions");
	put(t, "[");
	for (size_t i = 0; i < hop->n_functions; i++) {
		element(t);
		put_string(t, hop->functions[i]);
	}
	put(t, "]");
	if (r->opt.verbose > 1 && hop->address) {
		key(t, "address");
		putf(t, "\"0x%" PRIx64 "\"", hop->address);
	}
}

static void put_cause(struct text *t, const struct hs_journey *j)
{
	static const char *const kinds[] = {
		[HS_CAUSE_NONE] = "none",
		[HS_CAUSE_CALL] = "call",
		[HS_CAUSE_JOURNEY] = "journey",
		[HS_CAUSE_KERNEL] = "kernel",
	};

	key(t, "cause");
	put(t, "{");
	put_str(t, "kind", kinds[j->cause_kind]);
	if (j->cause_kind == HS_CAUSE_CALL) {
		put_task(t, "task", &j->by);
		put_str(t, "call", j->by_call);
		if (j->by_fd >= 0)
			put_int(t, "fd", j->by_fd);
		if (j->by_done)
			put_int(t, "ret", j->by_ret);
	}
	if (j->cause_kind == HS_CAUSE_JOURNEY)
		put_id(t, "journey", j->cause);
	put_str(t, "text", j->cause_text);
	put(t, "}");
}

static void put_fate(struct text *t, const struct hs_fate *fate)
{
	static const char *const kinds[] = {
		[HS_FATE_UNDERWAY] = "underway", [HS_FATE_QUEUED] = "queued",
		[HS_FATE_DROPPED] = "dropped",	 [HS_FATE_REFUSED] = "refused",
		[HS_FATE_CONSUMED] = "consumed", [HS_FATE_MERGED] = "merged",
		[HS_FATE_LEFT] = "left",	 [HS_FATE_UNKNOWN] = "unknown",
	};

	key(t, "fate");
	put(t, "{");
	put_str(t, "kind", kinds[fate->kind]);
	put_uint(t, "time", fate->time);
	put_str(t, "netns", fate->netns);
	put_str(t, "dev", fate->dev);
	put_stage(t, fate->stage);
	put_str(t, "reason", fate->reason);
	put_str(t, "function", fate->function);
	put_id(t, "socket", fate->socket);
	if (fate->owner.pid)
		put_task(t, "owner", &fate->owner);
	put_str(t, "why", fate->why);
	put_str(t, "remedy", fate->remedy);
	put_bool(t, "inferred", fate->inferred);
	put(t, "}");
}

static void put_read_members(struct text *t, const struct hs_journey *j)
{
	const struct hs_read *read = &j->read;

	put_uint(t, "time", read->time);
	put_id(t, "socket", j->fate.socket);
	put_task(t, "task", &read->task);
	put_str(t, "call", read->call);
	put_int(t, "ret", read->ret);
	put_uint(t, "copied", read->copied);
	put_uint(t, "lost", read->lost);
	put_uint(t, "waited", read->waited);
	put_bool(t, "inferred", read->inferred);
}

static void put_told_members(struct text *t, const struct hs_journey *j)
{
	static const char *const kinds[] = {
		[HS_TOLD_NOTHING] = "nothing",
		[HS_TOLD_SOCKET] = "socket",
		[HS_TOLD_CALL] = "call",
		[HS_TOLD_NOBODY] = "nobody",
	};

	put_str(t, "kind", kinds[j->told]);
	if (j->told_err)
		put_errno(t, "errno", j->told_err);
	if (j->told == HS_TOLD_CALL) {
		put_task(t, "task", &j->told_task);
		put_str(t, "call", j->told_call);
	}
	if (j->told == HS_TOLD_NOBODY)
		put_str(t, "why", j->told_why);
}

/* --- lines --- */

static void json_journey(void *ctx, const struct hs_journey *j)
{
	struct render *r = ctx;
	struct text *t = &r->page;

	begin(r, "journey");
	put_uint(t, "id", j->id);
	put_uint(t, "born", j->born);
	put_packet(r, &j->packet);
	put_id(t, "socket", j->socket);
	put_cause(t, j);
	put_ids(t, "caused", j->caused, j->n_caused);
	key(t, "hops");
	put(t, "[");
	for (size_t i = 0; i < j->n_hops; i++) {
		element(t);
		put(t, "{");
		put_hop(r, &j->hops[i]);
		put(t, "}");
	}
	put(t, "]");
	put_fate(t, &j->fate);
	key(t, "read");
	if (j->read_done) {
		put(t, "{");
		put_read_members(t, j);
		put(t, "}");
	} else {
		put(t, "null");
	}
	put_bool(t, "unread_at_close", j->unread_at_close);
	key(t, "told");
	put(t, "{");
	put_told_members(t, j);
	put(t, "}");
	put_str(t, "no_icmp", j->no_icmp);
	put_str(t, "noise", text_noise_name(j->noise));
	put_bool(t, "complete", !j->incomplete);
	put_uint(t, "lost", j->lost);
	if (r->opt.verbose > 1) {
		key(t, "skb");
		putf(t, "\"0x%" PRIx64 "\"", j->skb);
	}
	end(r);
}

static void json_hop(void *ctx, const struct hs_journey *j, const struct hs_hop *hop)
{
	struct render *r = ctx;

	begin(r, "hop");
	put_uint(&r->page, "journey", j->id);
	put_hop(r, hop);
	end(r);
}

static void json_read(void *ctx, const struct hs_journey *j)
{
	struct render *r = ctx;

	begin(r, "read");
	put_uint(&r->page, "journey", j->id);
	put_read_members(&r->page, j);
	end(r);
}

static void json_told(void *ctx, const struct hs_journey *j)
{
	struct render *r = ctx;

	begin(r, "told");
	put_uint(&r->page, "journey", j->id);
	put_told_members(&r->page, j);
	end(r);
}

static void json_unread(void *ctx, const struct hs_journey *j)
{
	struct render *r = ctx;

	begin(r, "unread");
	put_uint(&r->page, "journey", j->id);
	put_id(&r->page, "socket", j->fate.socket);
	end(r);
}

static void json_no_icmp(void *ctx, const struct hs_journey *j)
{
	struct render *r = ctx;

	begin(r, "no_icmp");
	put_uint(&r->page, "journey", j->id);
	put_str(&r->page, "why", j->no_icmp);
	end(r);
}

static void json_call(void *ctx, const struct hs_call *c)
{
	struct render *r = ctx;
	struct text *t = &r->page;

	begin(r, "call");
	put_uint(t, "entered", c->entered);
	put_uint(t, "left", c->left);
	put_task(t, "task", &c->task);
	put_str(t, "name", c->name);
	if (c->fd >= 0)
		put_int(t, "fd", c->fd);
	put_int(t, "ret", c->ret);
	if (c->ret < 0)
		put_errno(t, "errno", (int)-c->ret);
	put_uint(t, "len", c->len);
	put_uint(t, "flags", c->flags);
	put_id(t, "socket", c->socket);
	put_uint(t, "family", c->family);
	put_uint(t, "sock_type", c->type);
	put_uint(t, "protocol", c->protocol);
	put_endpoint(r, "local", &c->local);
	put_endpoint(r, "remote", &c->remote);
	put_endpoint(r, "given", &c->given);
	put_uint(t, "qlen", c->qlen);
	put_ids(t, "journeys", c->journeys, c->n_journeys);
	put_id(t, "read", c->read);
	put_id(t, "error_from", c->error_from);
	put_str(t, "hint", c->hint);
	end(r);
}

static void json_loss(void *ctx, uint64_t time, uint64_t lost, uint64_t misses)
{
	struct render *r = ctx;

	begin(r, "loss");
	put_uint(&r->page, "time", time);
	put_uint(&r->page, "lost", lost);
	put_uint(&r->page, "misses", misses);
	end(r);
}

static void json_summary(void *ctx, const struct hs_summary *s)
{
	const struct {
		const char *name;
		uint64_t value;
	} counts[] = {
		{ "packets", s->packets },
		{ "shown", s->shown },
		{ "queued", s->queued },
		{ "read", s->read },
		{ "streamed", s->streamed },
		{ "dropped", s->dropped },
		{ "refused", s->refused },
		{ "consumed", s->consumed },
		{ "left", s->left },
		{ "merged", s->merged },
		{ "underway", s->underway },
		{ "unknown", s->unknown },
		{ "unread_at_close", s->unread_at_close },
		{ "events", s->events },
		{ "lost", s->lost },
		{ "misses", s->misses },
	};
	struct render *r = ctx;
	struct text *t = &r->page;

	begin(r, "summary");
	for (size_t i = 0; i < N_ELEMS(counts); i++)
		put_uint(t, counts[i].name, counts[i].value);
	key(t, "background");
	put(t, "{");
	for (int i = 1; i < HS_NOISE_MAX; i++) {
		if (s->background[i])
			put_uint(t, text_noise_name(i), s->background[i]);
	}
	put(t, "}");
	put_str(t, "nothing", s->nothing);
	put_uint(t, "start", r->opt.start);
	put_int(t, "wall_offset", r->opt.wall_offset);
	end(r);
}

struct hs_sink *render_json_new(FILE *out, const struct hs_render_options *options)
{
	struct render *r = parts_new(sizeof(*r), out, options);

	if (!r)
		return NULL;
	r->sink.call = json_call;
	if (options->json_hops)
		r->sink.hop = json_hop;
	r->sink.read = json_read;
	r->sink.told = json_told;
	r->sink.unread = json_unread;
	r->sink.no_icmp = json_no_icmp;
	r->sink.settled = json_journey;
	r->sink.loss = json_loss;
	r->sink.summary = json_summary;
	return &r->sink;
}
