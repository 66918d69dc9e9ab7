// SPDX-License-Identifier: BSD-2-Clause
/* The words for the values of the model: names, times, sizes, addresses, packets. */
#define _GNU_SOURCE
#include "text.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define G	   TEXT_GLUE
#define N_ELEMS(a) (sizeof(a) / sizeof((a)[0]))

static const char *const stage_labels[] = {
#define HS_STAGE(id, NAME, label, ...) [id] = label,
#include "../bpf/stages.def"
#undef HS_STAGE
};

static const char *const stage_names[] = {
#define HS_STAGE(id, NAME, ...) [id] = #NAME,
#include "../bpf/stages.def"
#undef HS_STAGE
};

const char *text_stage_label(enum hs_stage stage)
{
	return stage < N_ELEMS(stage_labels) && stage_labels[stage] ? stage_labels[stage] : "";
}

const char *text_stage_name(enum hs_stage stage)
{
	return stage < N_ELEMS(stage_names) && stage_names[stage] ? stage_names[stage] : "";
}

const char *text_reader_name(enum hs_reader reader)
{
	static const char *const names[] = {
		[HS_READER_UNKNOWN] = "",
		[HS_READER_BLOCKED] = "blocked",
		[HS_READER_ASLEEP] = "asleep",
		[HS_READER_RUNNABLE] = "runnable",
		[HS_READER_ELSEWHERE] = "elsewhere",
	};

	return names[reader];
}

const char *text_relation_name(enum hs_relation relation)
{
	static const char *const names[] = {
		[HS_RELATION_NONE] = "",
#define HS_RELATION(NAME, word, ...) [HS_RELATION_##NAME] = word,
#include "relations.def"
#undef HS_RELATION
	};

	return names[relation];
}

const char *text_relation_words(enum hs_relation relation)
{
	static const char *const words[] = {
		[HS_RELATION_NONE] = "",
#define HS_RELATION(NAME, word, before, ...) [HS_RELATION_##NAME] = before,
#include "relations.def"
#undef HS_RELATION
	};

	return words[relation];
}

const char *text_hold_name(enum hs_hold hold)
{
	static const char *const names[HS_HOLD_MAX] = {
		[HS_HOLD_NONE] = "",
		[HS_HOLD_NAGLE] = "nagle",
		[HS_HOLD_CORK] = "cork",
		[HS_HOLD_WINDOW] = "window",
		[HS_HOLD_CONGESTION] = "congestion",
		[HS_HOLD_OTHER] = "other",
	};

	return names[hold];
}

const char *text_noise_name(enum hs_noise noise)
{
	static const char *const names[HS_NOISE_MAX] = {
		[HS_NOISE_NO] = "",	  [HS_NOISE_ARP] = "ARP",     [HS_NOISE_ND] = "ND",
		[HS_NOISE_RS] = "RS",	  [HS_NOISE_MLD] = "MLD",     [HS_NOISE_IGMP] = "IGMP",
		[HS_NOISE_MDNS] = "mDNS", [HS_NOISE_LLMNR] = "LLMNR", [HS_NOISE_SSDP] = "SSDP",
		[HS_NOISE_LLDP] = "LLDP", [HS_NOISE_STP] = "STP",
	};

	return names[noise];
}

const char *text_tcp_flag(int bit)
{
	static const char *const names[] = {
		"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"
	};

	return names[bit & 7];
}

const char *text_errno(int err, char buf[static 16])
{
	const char *name = strerrorname_np(err);

	if (name)
		return name;
	/* of the kernel alone: the call is made anew, or returns EINTR, when the signal is handled */
	if (err == 512 || err == 513 || err == 514 || err == 516)
		return "ERESTART";
	snprintf(buf, 16, "errno %d", err);
	return buf;
}

const char *text_proto_name(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_ICMP:
		return "ICMP";
	case IPPROTO_IGMP:
		return "IGMP";
	case IPPROTO_IPIP:
		return "IPIP";
	case IPPROTO_TCP:
		return "TCP";
	case IPPROTO_UDP:
		return "UDP";
	case IPPROTO_IPV6:
		return "IPv6-in-IP";
	case IPPROTO_GRE:
		return "GRE";
	case IPPROTO_ESP:
		return "ESP";
	case IPPROTO_AH:
		return "AH";
	case IPPROTO_ICMPV6:
		return "ICMPv6";
	case IPPROTO_SCTP:
		return "SCTP";
	case IPPROTO_UDPLITE:
		return "UDP-Lite";
	default:
		return NULL;
	}
}

/* RFC 792, 1122 section 3.2.2, 1812 section 5.2.7 */
static const char *icmp4_name(uint8_t type, uint8_t code)
{
	static const char *const unreachable[] = {
		"network unreachable",
		"host unreachable",
		"protocol unreachable",
		"port unreachable",
		"fragmentation needed",
		"source route failed",
		"network unknown",
		"host unknown",
		"source host isolated",
		"network prohibited",
		"host prohibited",
		"network unreachable for this service",
		"host unreachable for this service",
		"communication prohibited",
		"host precedence violation",
		"precedence cutoff",
	};

	switch (type) {
	case 0:
		return "echo reply";
	case 3:
		return code < N_ELEMS(unreachable) ? unreachable[code] : "unreachable";
	case 4:
		return "source quench";
	case 5:
		return "redirect";
	case 8:
		return "echo request";
	case 9:
		return "router advertisement";
	case 10:
		return "router solicitation";
	case 11:
		return code == 1 ? "reassembly time exceeded" : "TTL exceeded";
	case 12:
		return "parameter problem";
	case 13:
		return "timestamp request";
	case 14:
		return "timestamp reply";
	default:
		return NULL;
	}
}

/* RFC 4443, 4861, 2710, 3810 */
static const char *icmp6_name(uint8_t type, uint8_t code)
{
	static const char *const unreachable[] = {
		"no route",
		"communication prohibited",
		"beyond scope of the source address",
		"address unreachable",
		"port unreachable",
		"source address refused",
		"route rejected",
	};

	switch (type) {
	case 1:
		return code < N_ELEMS(unreachable) ? unreachable[code] : "unreachable";
	case 2:
		return "packet too big";
	case 3:
		return code == 1 ? "reassembly time exceeded" : "hop limit exceeded";
	case 4:
		return "parameter problem";
	case 128:
		return "echo request";
	case 129:
		return "echo reply";
	case 130:
		return "MLD query";
	case 131:
	case 143:
		return "MLD report";
	case 132:
		return "MLD done";
	case 133:
		return "router solicitation";
	case 134:
		return "router advertisement";
	case 135:
		return "neighbour solicitation";
	case 136:
		return "neighbour advertisement";
	case 137:
		return "redirect";
	default:
		return NULL;
	}
}

const char *text_icmp_name(uint8_t version, uint8_t type, uint8_t code)
{
	return version == 6 ? icmp6_name(type, code) : icmp4_name(type, code);
}

/* tenths of `unit` ns, rounded */
static uint64_t tenths(uint64_t ns, uint64_t unit)
{
	return (ns + unit / 20) / (unit / 10);
}

void text_duration(struct text *t, uint64_t ns)
{
	static const struct {
		uint64_t unit, below; /* ns; tenths of the unit */
		const char *name, *word;
	} scales[] = {
		{ 1000, 10000, "µs", "microseconds" },
		{ 1000 * 1000, 10000, "ms", "milliseconds" },
		{ 1000 * 1000 * 1000, 6000, "s", "seconds" },
	};

	for (size_t i = 0; i < N_ELEMS(scales); i++) {
		uint64_t n = tenths(ns, scales[i].unit);

		if (n < scales[i].below) {
			text_addf(t, "%" PRIu64 ".%" PRIu64 G "%s", n / 10, n % 10,
				  t->style->plain ? scales[i].word : scales[i].name);
			return;
		}
	}
	ns /= 1000 * 1000 * 1000;
	text_addf(t, "%" PRIu64 G "%s" G "%" PRIu64 G "%s", ns / 60,
		  t->style->plain ? "minutes" : "min", ns % 60, t->style->plain ? "seconds" : "s");
}

void text_size(struct text *t, uint64_t bytes)
{
	if (t->style->plain) {
		text_addf(t, "%" PRIu64 G "byte%s", bytes, bytes == 1 ? "" : "s");
	} else if (bytes < 100 * 1000) {
		text_addf(t, "%" PRIu64 G "B", bytes);
	} else if (bytes < 999500) {
		text_addf(t, "%" PRIu64 G "kB", (bytes + 500) / 1000);
	} else {
		uint64_t mb = tenths(bytes, 1000 * 1000);

		text_addf(t, "%" PRIu64 ".%" PRIu64 G "MB", mb / 10, mb % 10);
	}
}

void text_address(struct text *t, const struct hs_addr *addr)
{
	char buf[INET6_ADDRSTRLEN];

	if (addr->family != AF_INET && addr->family != AF_INET6) {
		text_add(t, "?");
		return;
	}
	inet_ntop(addr->family, addr->bytes, buf, sizeof(buf));
	text_add(t, buf);
}

void text_endpoint(struct text *t, const struct hs_endpoint *ep)
{
	bool brackets = ep->addr.family == AF_INET6;

	text_add(t, brackets ? "[" : "");
	text_address(t, &ep->addr);
	text_addf(t, "%s:%u", brackets ? "]" : "", ep->port);
}

void text_range(struct text *t, uint32_t from, uint32_t to)
{
	if (t->style->plain)
		text_addf(t, "%" PRIu32 G "to" G "%" PRIu32, from, to);
	else if (from == to)
		text_addf(t, "%" PRIu32, from);
	else
		text_addf(t, "%" PRIu32 "..%" PRIu32, from, to);
}

void text_task(struct text *t, const struct hs_task *task)
{
	if (!task->pid)
		text_add(t, "the" G "kernel");
	else
		text_addf(t, "%s[%" PRIu32 "]", task->comm && *task->comm ? task->comm : "?",
			  task->pid);
}

static void add_end(struct text *t, const struct hs_endpoint *ep, bool port)
{
	if (port)
		text_endpoint(t, ep);
	else
		text_address(t, &ep->addr);
}

static void add_ends(struct text *t, const struct hs_endpoint *src, const struct hs_endpoint *dst,
		     bool ports, const char *gap)
{
	text_add(t, t->style->plain ? "from" G : "");
	add_end(t, src, ports);
	text_addf(t, "%s→" G, gap);
	add_end(t, dst, ports);
}

void text_endpoints(struct text *t, const struct hs_endpoint *src, const struct hs_endpoint *dst)
{
	add_ends(t, src, dst, true, " ");
}

void text_proto(struct text *t, uint8_t proto)
{
	const char *name = text_proto_name(proto);

	if (name)
		text_add(t, name);
	else
		text_addf(t, "IP" G "protocol" G "%u", proto);
}

static const char *packet_gap(const struct text *t)
{
	return t->style->plain ? ", " : "  ";
}

static void add_arp(struct text *t, const struct hs_packet *p)
{
	text_add(t, p->arp_op == 2 ? "ARP" G "reply" G : "ARP" G "who-has" G);
	text_address(t, p->arp_op == 2 ? &p->src.addr : &p->dst.addr);
	text_add(t, p->arp_op == 2 ? " to" G : " tell" G);
	text_address(t, p->arp_op == 2 ? &p->dst.addr : &p->src.addr);
}

static void add_icmp(struct text *t, const struct hs_packet *p, bool about)
{
	bool v6 = p->version == 6;
	bool echo = v6 ? p->icmp_type == 128 || p->icmp_type == 129
		       : p->icmp_type == 8 || p->icmp_type == 0;
	bool mtu = v6 ? p->icmp_type == 2 : p->icmp_type == 3 && p->icmp_code == 4;
	const char *name = text_icmp_name(p->version, p->icmp_type, p->icmp_code);

	text_add(t, packet_gap(t));
	if (name)
		text_add(t, name);
	else
		text_addf(t, "type" G "%u" G "code" G "%u", p->icmp_type, p->icmp_code);
	if (echo)
		text_addf(t, " id" G "%u" G "seq" G "%u", p->echo_id, p->echo_seq);
	if (mtu)
		text_addf(t, " MTU" G "%" PRIu32, v6 ? p->icmp_info : p->icmp_info & 0xffff);
	if (!about || !p->has_quoted)
		return;
	text_add(t, " about" G);
	text_proto(t, p->quoted_proto);
	text_add(t, G);
	add_ends(t, &p->quoted_src, &p->quoted_dst, p->quoted_src.port || p->quoted_dst.port, G);
}

static void add_tcp_flags(struct text *t, uint8_t flags)
{
	bool any = false;

	text_add(t, packet_gap(t));
	for (int bit = 0; bit < 8; bit++) {
		if (!(flags & 1 << bit))
			continue;
		text_addf(t, "%s%s", any ? "+" : "", text_tcp_flag(bit));
		any = true;
	}
	text_add(t, any ? "" : "no" G "flags");
}

void text_packet(struct text *t, const struct hs_packet *p, bool about)
{
	const char *gap = packet_gap(t);

	if (p->ethertype == 0x0806 || p->arp_op) {
		add_arp(t, p);
		return;
	}
	if (!p->version) {
		text_addf(t, "EtherType" G "0x%04x%s", p->ethertype, gap);
		text_size(t, p->length);
		return;
	}
	text_proto(t, p->proto);
	text_add(t, G);
	add_ends(t, &p->src, &p->dst, p->has_ports, " ");
	if (p->later_fragment) {
		text_addf(t, "%sfragment" G "at" G "%u", gap, p->frag_offset);
	} else if (p->has_icmp) {
		add_icmp(t, p, about);
	} else if (p->proto == IPPROTO_TCP) {
		add_tcp_flags(t, p->tcp_flags);
	} else if (p->fragmented) {
		text_addf(t, "%sfirst" G "fragment", gap);
	}
	if (p->has_icmp ? p->icmp_error || !p->payload : p->proto == IPPROTO_TCP && !p->payload)
		return;
	text_add(t, gap);
	text_size(t, p->payload);
}
