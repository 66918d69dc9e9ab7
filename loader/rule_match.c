// SPDX-License-Identifier: BSD-2-Clause
#include "rule_match.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "json_get.h"

/* What an expression stands for. Numbers and addresses are compared as big-endian bytes. */
struct value {
	enum { UNKNOWN, ABSENT, BYTES, TEXT } kind; /* ABSENT: the packet has no such field */
	uint8_t bytes[16];
	size_t len;
	const char *text;
};

static const struct value unknown;
static const struct value absent = { .kind = ABSENT };

static struct value number(uint64_t n)
{
	struct value v = { .kind = BYTES, .len = 8 };

	for (int i = 7; i >= 0; i--, n >>= 8)
		v.bytes[i] = (uint8_t)n;
	return v;
}

static uint64_t number_of(const struct value *v)
{
	uint64_t n = 0;

	for (size_t i = 0; i < v->len; i++)
		n = n << 8 | v->bytes[i];
	return n;
}

static struct value address(const struct hs_addr *a)
{
	struct value v = { .kind = BYTES, .len = a->family == AF_INET6 ? 16 : 4 };

	memcpy(v.bytes, a->bytes, v.len);
	return v;
}

static struct value text(const char *s)
{
	return s ? (struct value){ .kind = TEXT, .text = s } : unknown;
}

/* ---- left: of the packet ---- */

static bool is(const char *a, const char *b)
{
	return !strcmp(a, b);
}

static struct value ip_field(const struct hs_packet *p, const char *field)
{
	if (is(field, "saddr"))
		return address(&p->src.addr);
	if (is(field, "daddr"))
		return address(&p->dst.addr);
	if (is(field, "protocol") || (is(field, "nexthdr") && !p->fragmented))
		return number(p->proto);
	return unknown;
}

static struct value port_field(const struct hs_packet *p, const char *field)
{
	if (p->later_fragment)
		return absent;
	if (p->has_ports && is(field, "sport"))
		return number(p->src.port);
	if (p->has_ports && is(field, "dport"))
		return number(p->dst.port);
	if (p->proto == IPPROTO_TCP && is(field, "flags"))
		return number(p->tcp_flags);
	return unknown;
}

static struct value icmp_field(const struct hs_packet *p, const char *field)
{
	if (p->later_fragment)
		return absent;
	if (p->has_icmp && is(field, "type"))
		return number(p->icmp_type);
	if (p->has_icmp && is(field, "code"))
		return number(p->icmp_code);
	return unknown;
}

static struct value payload_value(struct json_object *payload, const struct hs_rule_packet *rp)
{
	static const struct {
		const char *name;
		uint8_t proto;
	} transports[] = {
		{ "tcp", IPPROTO_TCP },		{ "udp", IPPROTO_UDP },	  { "icmp", IPPROTO_ICMP },
		{ "icmpv6", IPPROTO_ICMPV6 },	{ "sctp", IPPROTO_SCTP }, { "dccp", IPPROTO_DCCP },
		{ "udplite", IPPROTO_UDPLITE }, { "esp", IPPROTO_ESP },	  { "ah", IPPROTO_AH },
		{ "gre", IPPROTO_GRE },
	};
	const char *protocol = json_get_word(payload, "protocol"),
		   *field = json_get_word(payload, "field");
	const struct hs_packet *p = rp->packet;
	bool changes = is(field, "saddr") || is(field, "daddr") || is(field, "sport") ||
		       is(field, "dport");

	if (is(protocol, "ip") || is(protocol, "ip6")) {
		if (p->version != (is(protocol, "ip") ? 4 : 6))
			return absent;
		return changes && rp->translated ? unknown : ip_field(p, field);
	}
	if (is(protocol, "th"))
		return changes && rp->translated ? unknown : port_field(p, field);
	for (size_t i = 0; i < sizeof(transports) / sizeof(transports[0]); i++) {
		if (!is(protocol, transports[i].name))
			continue;
		if (p->proto != transports[i].proto)
			return absent;
		if (changes && rp->translated)
			return unknown;
		return p->has_icmp ? icmp_field(p, field) : port_field(p, field);
	}
	return unknown;
}

static struct value meta_value(struct json_object *meta, const struct hs_rule_packet *p)
{
	const char *key = json_get_word(meta, "key");

	if (is(key, "l4proto"))
		return number(p->packet->proto);
	if (is(key, "nfproto"))
		return number(p->packet->version == 6 ? 10 : 2);
	if (is(key, "protocol"))
		return number(p->packet->ethertype);
	if (is(key, "iifname") || is(key, "iif"))
		return text(p->iif);
	if (is(key, "oifname") || is(key, "oif"))
		return text(p->oif);
	if (is(key, "mark") && p->has_mark)
		return number(p->mark);
	return unknown;
}

static struct value value_of_constant(struct json_object *o);

static struct value left_value(struct json_object *left, const struct hs_rule_packet *p)
{
	struct json_object *and = json_get(left, "&"), *inner;
	struct value v, mask;

	inner = json_get(left, "payload");
	if (inner)
		return payload_value(inner, p);
	inner = json_get(left, "meta");
	if (inner)
		return meta_value(inner, p);
	inner = json_get(left, "ct");
	if (inner)
		return p->has_ct && is(json_get_word(inner, "key"), "state") ? number(p->ct_state)
									     : unknown;
	if (!and || !json_object_is_type(and, json_type_array) || json_get_length(and) != 2)
		return unknown;
	v = left_value(json_object_array_get_idx(and, 0), p);
	mask = value_of_constant(json_object_array_get_idx(and, 1));
	if (v.kind != BYTES)
		return v;
	return mask.kind == BYTES && v.len == 8 && mask.len == 8
		       ? number(number_of(&v) & number_of(&mask))
		       : unknown;
}

/* ---- right: constants ---- */

static struct value named_state(const char *name)
{
	static const struct {
		const char *name;
		uint8_t bit;
	} states[] = {
		{ "invalid", 1 }, { "established", 2 }, { "related", 4 },
		{ "new", 8 },	  { "untracked", 64 },
	};

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (is(states[i].name, name))
			return number(states[i].bit);
	return text(name);
}

/* Flags: [2, 4], or {"|": [..]}. */
static struct value value_of_flags(struct json_object *list)
{
	uint64_t n = 0;

	for (size_t i = 0; i < json_get_length(list); i++) {
		struct value v = value_of_constant(json_object_array_get_idx(list, i));

		if (v.kind != BYTES || v.len != 8)
			return unknown;
		n |= number_of(&v);
	}
	return number(n);
}

static struct value value_of_constant(struct json_object *o)
{
	struct value v = { .kind = BYTES };
	const char *s;

	switch (json_object_get_type(o)) {
	case json_type_int:
		return number((uint64_t)json_object_get_int64(o));
	case json_type_string:
		s = json_object_get_string(o);
		if (*s == '@')
			return unknown;
		v.len = 4;
		if (inet_pton(AF_INET, s, v.bytes) == 1)
			return v;
		v.len = 16;
		if (inet_pton(AF_INET6, s, v.bytes) == 1)
			return v;
		return named_state(s);
	case json_type_array:
		return value_of_flags(o);
	case json_type_object:
		o = json_get(o, "|");
		return o && json_object_is_type(o, json_type_array) ? value_of_flags(o) : unknown;
	default:
		return unknown;
	}
}

static enum hs_maybe either(enum hs_maybe a, enum hs_maybe b)
{
	return a > b ? a : b;
}

static enum hs_maybe not(enum hs_maybe a) {
	return a == HS_YES  ? HS_NO
	       : a == HS_NO ? HS_YES
			    : HS_MAYBE;
}

static enum hs_maybe yes(bool b)
{
	return b ? HS_YES : HS_NO;
}

/* Negative, 0, positive as memcmp(); false when they cannot be compared. */
static bool compare(const struct value *a, const struct value *b, int *ret)
{
	if (a->kind != BYTES || b->kind != BYTES || a->len != b->len)
		return false;
	*ret = memcmp(a->bytes, b->bytes, a->len);
	return true;
}

static enum hs_maybe text_is(const char *a, const char *pattern)
{
	size_t len = strlen(pattern);

	if (len && pattern[len - 1] == '*')
		return yes(!strncmp(a, pattern, len - 1));
	return yes(!strcmp(a, pattern));
}

static enum hs_maybe in_prefix(const struct value *v, struct json_object *prefix)
{
	struct value net = value_of_constant(json_get(prefix, "addr"));
	int bits = json_object_get_int(json_get(prefix, "len"));

	if (v->kind != BYTES || net.kind != BYTES || v->len != net.len || bits < 0 ||
	    (size_t)bits > 8 * v->len)
		return HS_MAYBE;
	for (int i = 0; i < bits; i++)
		if ((v->bytes[i / 8] ^ net.bytes[i / 8]) & 0x80 >> i % 8)
			return HS_NO;
	return HS_YES;
}

static enum hs_maybe in_range(const struct value *v, struct json_object *range)
{
	struct value low, high;
	int below, above;

	if (!json_object_is_type(range, json_type_array) || json_get_length(range) != 2)
		return HS_MAYBE;
	low = value_of_constant(json_object_array_get_idx(range, 0));
	high = value_of_constant(json_object_array_get_idx(range, 1));
	if (!compare(v, &low, &below) || !compare(v, &high, &above))
		return HS_MAYBE;
	return yes(below >= 0 && above <= 0);
}

/* NULL: `right` is no set that is known. */
static struct json_object *set_of(struct json_object *right, const struct hs_rule_packet *p)
{
	const char *name;

	if (json_object_is_type(right, json_type_array))
		return right;
	if (!json_object_is_type(right, json_type_string) || !p->elements)
		return json_get(right, "set");
	name = json_object_get_string(right);
	return *name == '@' ? p->elements(p->ctx, name + 1) : NULL;
}

static enum hs_maybe value_is(const struct value *v, struct json_object *right,
			      const struct hs_rule_packet *p)
{
	struct json_object *set = set_of(right, p), *prefix = json_get(right, "prefix"),
			   *range = json_get(right, "range"), *elem = json_get(right, "elem");
	struct value constant;
	int order;

	if (v->kind == ABSENT)
		return HS_NO;
	if (elem) /* with a timeout, a counter */
		return value_is(v, json_get(elem, "val"), p);
	if (set) {
		/* Elements name no other set; a damaged recording might make them go in circles. */
		struct hs_rule_packet inside = *p;
		enum hs_maybe found = HS_NO;

		inside.elements = NULL;

		if (!json_object_is_type(set, json_type_array))
			return value_is(v, set, &inside);
		for (size_t i = 0; i < json_get_length(set); i++)
			found = either(found,
				       value_is(v, json_object_array_get_idx(set, i), &inside));
		return found;
	}
	if (v->kind == UNKNOWN)
		return HS_MAYBE;
	if (prefix)
		return in_prefix(v, prefix);
	if (range)
		return in_range(v, range);
	constant = value_of_constant(right);
	if (v->kind == TEXT && constant.kind == TEXT)
		return text_is(v->text, constant.text);
	return compare(v, &constant, &order) ? yes(!order) : HS_MAYBE;
}

enum hs_maybe rule_value_is(struct json_object *left, struct json_object *right,
			    const struct hs_rule_packet *p)
{
	struct value v = left_value(left, p);

	return value_is(&v, right, p);
}

/* ---- statements ---- */

static enum hs_maybe match_is_met(struct json_object *match, const struct hs_rule_packet *p)
{
	struct json_object *right = json_get(match, "right");
	struct value v = left_value(json_get(match, "left"), p), constant;
	const char *op = json_get_word(match, "op");
	int order;

	if (v.kind == ABSENT)
		return HS_NO;
	if (is(op, "=="))
		return value_is(&v, right, p);
	if (is(op, "!="))
		return not(value_is(&v, right, p));
	constant = value_of_constant(right);
	if (!compare(&v, &constant, &order))
		return HS_MAYBE;
	if (is(op, "<"))
		return yes(order < 0);
	if (is(op, ">"))
		return yes(order > 0);
	if (is(op, "<="))
		return yes(order <= 0);
	if (is(op, ">="))
		return yes(order >= 0);
	if (is(op, "in") && v.len == 8)
		return yes(number_of(&v) & number_of(&constant));
	return HS_MAYBE;
}

enum hs_maybe rule_statement_is_met(struct json_object *statement, const struct hs_rule_packet *p)
{
	/* "ct count", "meter" and extensions of iptables ("xt") are conditions too. */
	static const char *const conditions[] = { "limit", "quota", "ct count", "meter", "xt" };
	struct json_object *match = json_get(statement, "match"), *any;

	if (match)
		return match_is_met(match, p);
	for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++)
		if (json_object_object_get_ex(statement, conditions[i], &any))
			return HS_MAYBE;
	return HS_YES;
}
