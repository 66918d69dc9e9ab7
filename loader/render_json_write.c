// SPDX-License-Identifier: BSD-2-Clause
#include "render_json_write.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

void json_put(struct text *t, const char *s)
{
	text_raw(t, s, strlen(s));
}

void json_putf(struct text *t, const char *fmt, ...)
{
	char buf[64];
	va_list args;

	va_start(args, fmt);
	vsnprintf(buf, sizeof(buf), fmt, args);
	va_end(args);
	json_put(t, buf);
}

void json_string(struct text *t, const char *s)
{
	const char *at = s;
	uint32_t cp;

	json_put(t, "\"");
	while ((cp = text_next(&s))) {
		if (cp == TEXT_BAD)
			json_put(t, "\\ufffd");
		else if (cp == '"' || cp == '\\')
			json_putf(t, "\\%c", (char)cp);
		else if (cp < 0x20 || cp == 0x7f)
			json_putf(t, "\\u%04x", (unsigned int)cp);
		else if (cp >= 0x10000 && t->style->ascii)
			json_putf(t, "\\u%04x\\u%04x", 0xd800 + ((cp - 0x10000) >> 10),
				  0xdc00 + (cp & 0x3ff));
		else if (cp >= 0x80 && t->style->ascii)
			json_putf(t, "\\u%04x", cp);
		else
			text_raw(t, at, (size_t)(s - at));
		at = s;
	}
	json_put(t, "\"");
}

/* The name of the next member; the writer of an object's first one finds no comma to write. */
void json_key(struct text *t, const char *name)
{
	char before = t->len ? t->data[t->len - 1] : '{';

	if (before != '{')
		json_put(t, ",");
	json_string(t, name);
	json_put(t, ":");
}

void json_element(struct text *t)
{
	if (t->len && t->data[t->len - 1] != '[')
		json_put(t, ",");
}

void json_str(struct text *t, const char *name, const char *value)
{
	json_key(t, name);
	json_string(t, value ? value : "");
}

void json_lower(struct text *t, const char *name, const char *value)
{
	char buf[32];
	size_t i = 0;

	for (; i < sizeof(buf) - 1 && value[i]; i++)
		buf[i] = (char)tolower((unsigned char)value[i]);
	buf[i] = '\0';
	json_str(t, name, buf);
}

void json_uint(struct text *t, const char *name, uint64_t value)
{
	json_key(t, name);
	json_putf(t, "%" PRIu64, value);
}

void json_int(struct text *t, const char *name, int64_t value)
{
	json_key(t, name);
	json_putf(t, "%" PRId64, value);
}

void json_bool(struct text *t, const char *name, bool value)
{
	json_key(t, name);
	json_put(t, value ? "true" : "false");
}

void json_null(struct text *t, const char *name)
{
	json_key(t, name);
	json_put(t, "null");
}

/* An id, or null for 0. */
void json_id(struct text *t, const char *name, uint32_t id)
{
	if (id)
		json_uint(t, name, id);
	else
		json_null(t, name);
}

void json_ids(struct text *t, const char *name, const uint32_t *ids, size_t n)
{
	json_key(t, name);
	json_put(t, "[");
	for (size_t i = 0; i < n; i++)
		json_putf(t, "%s%" PRIu32, i ? "," : "", ids[i]);
	json_put(t, "]");
}

void json_errno(struct text *t, const char *name, int err)
{
	char buf[16];

	json_str(t, name, text_errno(err, buf));
}
