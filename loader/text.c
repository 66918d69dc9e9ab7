// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "text.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define GLUE	   0xa0u /* code point of TEXT_GLUE */
#define G	   TEXT_GLUE
#define N_ELEMS(a) (sizeof(a) / sizeof((a)[0]))

/* --- characters --- */

uint32_t text_next(const char **s)
{
	const unsigned char *p = (const unsigned char *)*s;
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t cp = p[0];
	int n;

	if (!cp)
		return 0;
	(*s)++;
	if (cp < 0x80)
		return cp;
	n = cp >= 0xf0 ? 4 : cp >= 0xe0 ? 3 : 2;
	if (cp < 0xc2 || cp > 0xf4)
		return TEXT_BAD;
	cp &= 0x7f >> n;
	for (int i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return TEXT_BAD;
		cp = cp << 6 | (p[i] & 0x3f);
	}
	if (cp < least[n] || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
		return TEXT_BAD;
	*s += n - 1;
	return cp;
}

struct range {
	uint32_t from, to;
};

static bool in_ranges(uint32_t cp, const struct range *ranges, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (cp >= ranges[i].from && cp <= ranges[i].to)
			return true;
	}
	return false;
}

/* Unicode 15: the large blocks of marks (Mn, Me, ZWJ) and of wide characters (UAX #11 W, F). */
static int char_width(uint32_t cp)
{
	static const struct range zero[] = {
		{ 0x300, 0x36f },   { 0x483, 0x489 },	{ 0x591, 0x5bd },   { 0x610, 0x61a },
		{ 0x64b, 0x65f },   { 0x900, 0x902 },	{ 0x93c, 0x93c },   { 0xe31, 0xe31 },
		{ 0xe34, 0xe3a },   { 0xe47, 0xe4e },	{ 0x1ab0, 0x1aff }, { 0x1dc0, 0x1dff },
		{ 0x200b, 0x200d }, { 0x20d0, 0x20ff }, { 0xfe00, 0xfe0f }, { 0xfe20, 0xfe2f },
	};
	static const struct range wide[] = {
		{ 0x1100, 0x115f },   { 0x2e80, 0x303e },   { 0x3041, 0xa4cf },
		{ 0xac00, 0xd7a3 },   { 0xf900, 0xfaff },   { 0xfe30, 0xfe6f },
		{ 0xff00, 0xff60 },   { 0xffe0, 0xffe6 },   { 0x1f300, 0x1f64f },
		{ 0x1f680, 0x1f6ff }, { 0x1f900, 0x1faff }, { 0x20000, 0x3fffd },
	};

	if (cp < 0x300)
		return 1;
	if (in_ranges(cp, zero, N_ELEMS(zero)))
		return 0;
	return in_ranges(cp, wide, N_ELEMS(wide)) ? 2 : 1;
}

/* Would move the cursor, or the direction of writing. */
static bool is_unsafe(uint32_t cp)
{
	static const struct range unsafe[] = {
		{ 0x01, 0x1f },	    { 0x7f, 0x9f },	{ 0x200e, 0x200f },
		{ 0x2028, 0x202e }, { 0x2060, 0x206f }, { 0xfeff, 0xfeff },
	};

	return in_ranges(cp, unsafe, N_ELEMS(unsafe));
}

static const char *ascii_for(uint32_t cp)
{
	switch (cp) {
	case 0x2190: /* ← */
	case 0x25c0: /* ◀ */
		return "<-";
	case 0x2192: /* → */
	case 0x25b6: /* ▶ */
		return "->";
	case 0x21d2: /* ⇒ */
		return "=>";
	case 0x2514: /* └ */
		return "`";
	case 0x2550: /* ═ */
		return "=";
	case 0x2500: /* ─ */
	case 0x2010:
	case 0x2011:
	case 0x2013:
	case 0x2014:
	case 0x2212:
		return "-";
	case 0x2502: /* │ */
		return "|";
	case 0xb7: /* · */
		return ".";
	case 0x2026: /* … */
		return "...";
	case 0x2713: /* ✓ */
		return "ok";
	case 0x2717: /* ✗ */
	case 0xd7:
		return "x";
	case 0xb5: /* µ */
	case 0x3bc:
		return "u";
	case 0x2018:
	case 0x2019:
		return "'";
	case 0x201c:
	case 0x201d:
		return "\"";
	case 0x2264:
		return "<=";
	case 0x2265:
		return ">=";
	default:
		return "?";
	}
}

int text_width(const char *s)
{
	int width = 0;
	uint32_t cp;

	while ((cp = text_next(&s)))
		width += char_width(cp);
	return width;
}

/* --- composing --- */

void text_init(struct text *t, const struct text_style *style)
{
	*t = (struct text){ .style = style };
}

void text_free(struct text *t)
{
	free(t->data);
	text_init(t, t->style);
}

void text_clear(struct text *t)
{
	t->len = 0;
	t->column = 0;
	t->failed = false;
	if (t->data)
		t->data[0] = '\0';
}

void text_raw(struct text *t, const char *s, size_t n)
{
	if (t->len + n + 1 > t->cap) {
		size_t cap = (t->len + n + 1) * 2 + 128;
		char *data = realloc(t->data, cap);

		if (!data) {
			t->failed = true;
			return;
		}
		t->data = data;
		t->cap = cap;
	}
	if (n)
		memcpy(t->data + t->len, s, n);
	t->len += n;
	t->data[t->len] = '\0';
}

void text_append(struct text *t, const struct text *from)
{
	t->failed |= from->failed;
	text_raw(t, from->data ? from->data : "", from->len);
	t->column = from->len && memchr(from->data, '\n', from->len) ? from->column
								     : t->column + from->column;
}

static void add_ascii(struct text *t, const char *s)
{
	text_raw(t, s, strlen(s));
	t->column += (int)strlen(s);
}

void text_add(struct text *t, const char *s)
{
	const char *at = s;
	uint32_t cp;

	while ((cp = text_next(&s))) {
		size_t n = (size_t)(s - at);

		if (cp == TEXT_BAD || is_unsafe(cp)) {
			add_ascii(t, "?");
		} else if (t->style->plain && (cp == 0x2192 || cp == 0x21d2)) {
			add_ascii(t, "to");
		} else if (t->style->ascii && cp >= 0x80 && cp != GLUE) {
			add_ascii(t, ascii_for(cp));
		} else {
			text_raw(t, at, n);
			t->column += char_width(cp);
		}
		at = s;
	}
}

void text_addf(struct text *t, const char *fmt, ...)
{
	char small[256], *big = NULL;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(small, sizeof(small), fmt, args);
	va_end(args);
	if (n < (int)sizeof(small)) {
		text_add(t, n < 0 ? "?" : small);
		return;
	}
	va_start(args, fmt);
	n = vasprintf(&big, fmt, args);
	va_end(args);
	if (n < 0) {
		t->failed = true;
		return;
	}
	text_add(t, big);
	free(big);
}

void text_color(struct text *t, enum text_color color)
{
	static const char *const codes[] = {
		[TEXT_RESET] = "\033[0m", [TEXT_BOLD] = "\033[1m",   [TEXT_DIM] = "\033[2m",
		[TEXT_RED] = "\033[31m",  [TEXT_GREEN] = "\033[32m", [TEXT_YELLOW] = "\033[33m",
		[TEXT_CYAN] = "\033[36m",
	};

	if (t->style->color)
		text_raw(t, codes[color], strlen(codes[color]));
}

void text_repeat(struct text *t, const char *s, int times)
{
	for (int i = 0; i < times; i++)
		text_add(t, s);
}

void text_pad(struct text *t, int column)
{
	while (t->column < column && !t->failed)
		add_ascii(t, " ");
}

void text_newline(struct text *t)
{
	text_raw(t, "\n", 1);
	t->column = 0;
}

/* --- wrapping --- */

struct flow {
	struct text *to;
	const char *prefix;
	int indent;
	int start;     /* column where the text of this line began */
	char color[8]; /* the escape sequence in force, "" */
};

/* Bytes of the escape sequence at s, 0 when there is none. */
static size_t escape_len(const char *s, const char *end)
{
	const char *p = s;

	if (p == end || *p != '\033')
		return 0;
	while (p < end && *p != 'm')
		p++;
	return (size_t)(p - s) + (p < end);
}

static int span_width(const char *s, const char *end)
{
	int width = 0;

	while (s < end) {
		size_t n = escape_len(s, end);

		if (n)
			s += n;
		else
			width += char_width(text_next(&s));
	}
	return width;
}

static void flow_break(struct flow *f, int indent)
{
	struct text *t = f->to;

	if (f->color[0])
		text_raw(t, "\033[0m", 4);
	text_newline(t);
	if (f->prefix)
		text_add(t, f->prefix);
	text_pad(t, indent);
	if (f->color[0])
		text_raw(t, f->color, strlen(f->color));
	f->start = t->column;
}

/* One unit that stays whole; `cut`: unless it is wider than the line, then at any character. */
static void flow_put(struct flow *f, const char *s, const char *end, bool cut)
{
	while (s < end) {
		size_t n = escape_len(s, end);
		const char *from = s;

		if (n) {
			if (n < sizeof(f->color)) {
				bool reset = !memcmp(s, "\033[0m", n < 4 ? n : 4);

				snprintf(f->color, sizeof(f->color), "%.*s", reset ? 0 : (int)n, s);
			}
			text_raw(f->to, s, n);
			s += n;
			continue;
		}
		n = (size_t)char_width(text_next(&s));
		if (cut && f->to->column + (int)n > f->to->style->width)
			flow_break(f, f->prefix ? 0 : 2);
		text_raw(f->to, from, (size_t)(s - from));
		f->to->column += (int)n;
	}
}

/* The end of the word at s. An option ("ss -lun") is not parted from its command. */
static const char *find_gap(const char *s, const char *end, const char *gap)
{
	const char *p = s;

	while ((p = memmem(p, (size_t)(end - p), gap, strlen(gap)))) {
		if (*gap != ' ' || end - p < 3 || p[1] != '-' || p[2] < 'a' || p[2] > 'z')
			return p;
		p++;
	}
	return end;
}

static void flow_run(struct flow *f, const char *s, const char *end, const char *gap)
{
	size_t gap_len = strlen(gap);
	int width = f->to->style->width;

	while (s < end) {
		const char *stop;
		int gaps = 0, w, indent = f->indent;
		bool cut = false;

		for (; (size_t)(end - s) >= gap_len && !memcmp(s, gap, gap_len); s += gap_len)
			gaps++;
		stop = find_gap(s, end, gap);
		w = span_width(s, stop);
		if (f->to->column + gaps + w <= width) {
			text_pad(f->to, f->to->column + gaps);
			flow_put(f, s, stop, false);
			s = stop;
			continue;
		}
		if (w > width - indent && *gap == ' ' && find_gap(s, stop, TEXT_GLUE) < stop) {
			text_pad(f->to, f->to->column + gaps);
			flow_run(f, s, stop, TEXT_GLUE);
			s = stop;
			continue;
		}
		if (w > width - indent) {
			int low = f->prefix ? text_width(f->prefix) : 2;

			cut = w > width - low;
			indent = cut ? low : width - w;
		}
		if (f->to->column > f->start || indent < f->start)
			flow_break(f, indent);
		flow_put(f, s, stop, cut);
		s = stop;
	}
}

void text_flow(struct text *t, const struct text *from, const char *prefix, int indent)
{
	struct flow f = { .to = t, .prefix = prefix, .indent = indent, .start = t->column };

	t->failed |= from->failed;
	if (from->data)
		flow_run(&f, from->data, from->data + from->len, " ");
}

void text_write(struct text *t, FILE *out)
{
	size_t n = 0;

	for (size_t i = 0; i < t->len; i++) {
		if (t->data[i] == '\xc2' && i + 1 < t->len && t->data[i + 1] == '\xa0') {
			t->data[n++] = ' ';
			i++;
			continue;
		}
		while (t->data[i] == '\n' && n && t->data[n - 1] == ' ')
			n--;
		t->data[n++] = t->data[i];
	}
	if (n)
		fwrite(t->data, 1, n, out);
	if (t->failed)
		fputs("(out of memory: a line is missing)\n", out);
	text_clear(t);
}

/* --- words for values --- */

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

static void add_proto(struct text *t, uint8_t proto)
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
	add_proto(t, p->quoted_proto);
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
	add_proto(t, p->proto);
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

/* --- calls --- */

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
		add_proto(t, (uint8_t)protocol);
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

/* What a successful call tells beyond its number. */
static void add_outcome(struct text *t, const struct hs_call *c)
{
	switch (c->id) {
	case HS_CALL_BIND:
		if (c->local.port != c->given.port) {
			text_add(t, ", bound" G "to" G);
			text_endpoint(t, &c->local);
		}
		break;
	case HS_CALL_CONNECT:
		if (c->local.port && !is_unspecified(&c->local.addr)) {
			text_add(t, ", from" G);
			text_endpoint(t, &c->local);
		}
		/* A datagram socket only remembers the address. */
		text_add(t, c->type == SOCK_DGRAM ? ", no" G "packet" : "");
		break;
	case HS_CALL_ACCEPT:
	case HS_CALL_ACCEPT4:
	case HS_CALL_RECVFROM:
	case HS_CALL_RECVMSG:
	case HS_CALL_RECVMMSG:
		if (c->given.addr.family) {
			text_add(t, " from" G);
			text_endpoint(t, &c->given);
		}
		text_add(t, is_receive(c->id) ? "" : ", no" G "packet");
		break;
	default:
		break;
	}
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
		int err = (int)-c->ret;
		const char *meaning = strerrordesc_np(err);
		char buf[16];

		text_add(t, " =" G "-1" G);
		text_color(t, TEXT_RED);
		text_add(t, text_errno(err, buf));
		text_color(t, TEXT_RESET);
		if (detail && meaning && !(c->hint && *c->hint))
			text_addf(t, " (%s)", meaning);
	} else {
		text_addf(t, " =" G "%" PRId64, c->ret);
		if (c->socket && makes_socket(c->id))
			text_addf(t, G "(@%" PRIu32 ")", c->socket);
		add_outcome(t, c);
	}
	if (detail && is_receive(c->id) && c->left > c->entered &&
	    c->left - c->entered >= 1000 * 1000) {
		text_add(t, " after" G);
		text_duration(t, c->left - c->entered);
	}
	if (detail && is_receive(c->id) && c->ret >= 0 && c->qlen)
		text_addf(t, ", %" PRIu32 G "still" G "queued", c->qlen);
}
