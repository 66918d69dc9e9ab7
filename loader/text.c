// SPDX-License-Identifier: BSD-2-Clause
/* Lines: composed in columns, cleaned, wrapped, written. */
#define _GNU_SOURCE
#include "text.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define GLUE	   0xa0u /* code point of TEXT_GLUE */
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
	case 0x21c4: /* ⇄ */
		return "<->";
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
