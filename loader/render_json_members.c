// SPDX-License-Identifier: BSD-2-Clause
#include "render_json_members.h"

#include <netinet/in.h>

static void put_address(struct render *r, const char *name, const struct hs_addr *addr)
{
	if (!addr->family) {
		json_null(&r->page, name);
		return;
	}
	text_clear(&r->line);
	text_address(&r->line, addr);
	json_str(&r->page, name, r->line.data);
}

void json_ends(struct render *r, const struct hs_endpoint *src, const struct hs_endpoint *dst,
	       bool ports)
{
	put_address(r, "src", &src->addr);
	put_address(r, "dst", &dst->addr);
	if (!ports)
		return;
	json_uint(&r->page, "sport", src->port);
	json_uint(&r->page, "dport", dst->port);
}

void json_endpoint(struct render *r, const char *name, const struct hs_endpoint *ep)
{
	struct text *t = &r->page;

	if (!ep->addr.family) {
		json_null(t, name);
		return;
	}
	json_key(t, name);
	json_put(t, "{");
	put_address(r, "address", &ep->addr);
	json_uint(t, "port", ep->port);
	json_put(t, "}");
}

static void put_proto(struct text *t, uint8_t proto)
{
	const char *name = text_proto_name(proto);

	if (name)
		json_str(t, "proto", name);
	else
		json_null(t, "proto");
	json_uint(t, "proto_number", proto);
}

static void put_icmp(struct render *r, const struct hs_packet *p)
{
	struct text *t = &r->page;
	const char *name = text_icmp_name(p->version, p->icmp_type, p->icmp_code);

	json_key(t, "icmp");
	json_put(t, "{");
	json_uint(t, "type", p->icmp_type);
	json_uint(t, "code", p->icmp_code);
	json_str(t, "name", name);
	json_bool(t, "error", p->icmp_error);
	json_uint(t, "info", p->icmp_info);
	if (!p->icmp_error) {
		json_uint(t, "echo_id", p->echo_id);
		json_uint(t, "echo_seq", p->echo_seq);
	}
	if (p->has_quoted) {
		json_key(t, "quoted");
		json_put(t, "{");
		put_proto(t, p->quoted_proto);
		json_ends(r, &p->quoted_src, &p->quoted_dst,
			  p->quoted_src.port || p->quoted_dst.port);
		json_uint(t, "ip_id", p->quoted_ip_id);
		json_put(t, "}");
	}
	json_put(t, "}");
}

static void put_tcp(struct text *t, const struct hs_packet *p)
{
	json_key(t, "tcp");
	json_put(t, "{");
	json_key(t, "flags");
	json_put(t, "[");
	for (int bit = 0; bit < 8; bit++) {
		if (!(p->tcp_flags & 1 << bit))
			continue;
		json_element(t);
		json_string(t, text_tcp_flag(bit));
	}
	json_put(t, "]");
	json_uint(t, "seq", p->tcp_seq);
	json_uint(t, "ack", p->tcp_ack);
	json_uint(t, "window", p->tcp_window);
	json_put(t, "}");
}

void json_packet(struct render *r, const struct hs_packet *p)
{
	struct text *t = &r->page;

	json_key(t, "packet");
	json_put(t, "{");
	json_uint(t, "version", p->version);
	json_uint(t, "ethertype", p->ethertype);
	json_uint(t, "length", p->length);
	if (p->arp_op) {
		json_str(t, "proto", "ARP");
		json_ends(r, &p->src, &p->dst, false);
		json_uint(t, "arp_op", p->arp_op);
	} else if (p->version) {
		put_proto(t, p->proto);
		json_ends(r, &p->src, &p->dst, p->has_ports);
		json_uint(t, "payload", p->payload);
		json_uint(t, "ip_id", p->ip_id);
		json_uint(t, "ttl", p->ttl);
		json_bool(t, "checksum_left", p->checksum_left);
		if (p->headroom)
			json_uint(t, "headroom", p->headroom);
	}
	if (p->fragmented) {
		json_key(t, "fragment");
		json_put(t, "{");
		json_uint(t, "offset", p->frag_offset);
		json_bool(t, "later", p->later_fragment);
		json_put(t, "}");
	}
	if (p->has_icmp)
		put_icmp(r, p);
	if (p->version && p->proto == IPPROTO_TCP && !p->later_fragment)
		put_tcp(t, p);
	json_put(t, "}");
}

void json_task(struct text *t, const char *name, const struct hs_task *task)
{
	json_key(t, name);
	if (!task->pid) {
		json_put(t, "null");
		return;
	}
	json_put(t, "{");
	json_uint(t, "pid", task->pid);
	json_uint(t, "tid", task->tid);
	json_str(t, "comm", task->comm);
	json_put(t, "}");
}

void json_stage(struct text *t, enum hs_stage stage)
{
	json_lower(t, "stage", text_stage_name(stage));
	json_str(t, "label", text_stage_label(stage));
}

static void put_rule(struct text *t, const struct hs_rule *rule)
{
	json_key(t, "rule");
	json_put(t, "{");
	json_str(t, "hook", rule->hook);
	json_str(t, "family", rule->family);
	json_str(t, "table", rule->table);
	json_str(t, "chain", rule->chain);
	json_str(t, "text", rule->text);
	json_uint(t, "handle", rule->handle);
	json_bool(t, "policy", rule->policy);
	json_bool(t, "legacy", rule->legacy);
	json_uint(t, "candidates", rule->candidates);
	json_put(t, "}");
}

void json_no_route(struct text *t, const struct hs_no_route *why)
{
	if (!why->kind || !*why->kind)
		return;
	json_key(t, "no_route");
	json_put(t, "{");
	json_str(t, "kind", why->kind);
	json_str(t, "table", why->table);
	json_str(t, "prefix", why->prefix);
	if (why->by_rule)
		json_uint(t, "rule", why->rule);
	json_bool(t, "inferred", why->inferred);
	json_str(t, "text", why->text);
	json_put(t, "}");
}

void json_fate(struct text *t, const struct hs_fate *fate)
{
	static const char *const kinds[] = {
		[HS_FATE_UNDERWAY] = "underway", [HS_FATE_QUEUED] = "queued",
		[HS_FATE_DROPPED] = "dropped",	 [HS_FATE_REFUSED] = "refused",
		[HS_FATE_CONSUMED] = "consumed", [HS_FATE_MERGED] = "merged",
		[HS_FATE_LEFT] = "left",	 [HS_FATE_UNKNOWN] = "unknown",
	};

	json_key(t, "fate");
	json_put(t, "{");
	json_str(t, "kind", kinds[fate->kind]);
	json_uint(t, "time", fate->time);
	json_str(t, "netns", fate->netns);
	json_str(t, "dev", fate->dev);
	json_stage(t, fate->stage);
	json_str(t, "reason", fate->reason);
	json_str(t, "function", fate->function);
	json_id(t, "socket", fate->socket);
	if (fate->owner.pid)
		json_task(t, "owner", &fate->owner);
	json_str(t, "why", fate->why);
	json_str(t, "remedy", fate->remedy);
	json_bool(t, "inferred", fate->inferred);
	if (fate->rule.candidates)
		put_rule(t, &fate->rule);
	json_no_route(t, &fate->no_route);
	json_put(t, "}");
}

void json_read_members(struct text *t, const struct hs_journey *j)
{
	const struct hs_read *read = &j->read;

	json_uint(t, "time", read->time);
	json_id(t, "socket", j->fate.socket);
	json_task(t, "task", &read->task);
	json_str(t, "call", read->call);
	json_int(t, "ret", read->ret);
	json_uint(t, "copied", read->copied);
	json_uint(t, "lost", read->lost);
	json_uint(t, "waited", read->waited);
	json_str(t, "reader", text_reader_name(read->reader));
	json_uint(t, "runnable", read->runnable);
	json_bool(t, "inferred", read->inferred);
}

void json_told_members(struct text *t, const struct hs_journey *j)
{
	static const char *const kinds[] = {
		[HS_TOLD_NOTHING] = "nothing",
		[HS_TOLD_SOCKET] = "socket",
		[HS_TOLD_CALL] = "call",
		[HS_TOLD_NOBODY] = "nobody",
	};

	json_str(t, "kind", kinds[j->told]);
	if (j->told_err)
		json_errno(t, "errno", j->told_err);
	if (j->told == HS_TOLD_CALL) {
		json_task(t, "task", &j->told_task);
		json_str(t, "call", j->told_call);
	}
	if (j->told == HS_TOLD_NOBODY)
		json_str(t, "why", j->told_why);
}

void json_outcome(struct text *t, const struct hs_journey *j)
{
	json_key(t, "read");
	if (j->read_done) {
		json_put(t, "{");
		json_read_members(t, j);
		json_put(t, "}");
	} else {
		json_put(t, "null");
	}
	json_bool(t, "unread_at_close", j->unread_at_close);
	json_key(t, "told");
	json_put(t, "{");
	json_told_members(t, j);
	json_put(t, "}");
}
