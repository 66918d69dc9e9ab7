// SPDX-License-Identifier: BSD-2-Clause
#include "symbols.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * The end of a function is the start of the next; what lies further behind the last one of a module
 * or of the kernel belongs to no function. The longest functions stay well below this.
 */
#define MAX_FUNCTION (64 * 1024)

struct symbol {
	uint64_t addr;
	const char *name;
};

struct hs_symbols {
	char *text;	     /* the names, each ended by a NUL in place of what followed it */
	struct symbol *list; /* by address, each address once */
	size_t n;
	bool hidden;
};

static int by_address(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	/* the first in the file first */
	return x->name < y->name ? -1 : x->name > y->name;
}

static const char *parse_hex(const char *p, uint64_t *ret_value)
{
	uint64_t value = 0;

	for (;; p++) {
		if (*p >= '0' && *p <= '9')
			value = value << 4 | (uint64_t)(*p - '0');
		else if (*p >= 'a' && *p <= 'f')
			value = value << 4 | (uint64_t)(*p - 'a' + 10);
		else
			break;
	}
	*ret_value = value;
	return p;
}

/*
 * One line "ffffffff81000000 T name" or "ffffffffc0000000 t name\t[module]", already ended by a
 * NUL. True when it is a function with an address.
 */
static bool parse_line(char *line, struct symbol *ret, bool *ret_any, bool *ret_address)
{
	uint64_t addr;
	const char *p = parse_hex(line, &addr);

	if (p == line || p[0] != ' ' || p[1] == '\0' || p[2] != ' ')
		return false;
	*ret_any = true;
	if (addr == 0)
		return false;
	*ret_address = true;
	if (!strchr("tTwW", p[1]))
		return false;
	ret->addr = addr;
	ret->name = p + 3;
	line[p + 3 - line + strcspn(p + 3, "\t ")] = '\0';
	return true;
}

/* Takes over `text`, which is len + 1 bytes long. */
static int parse_owned(struct hs_symbols **ret, char *text, size_t len)
{
	struct hs_symbols *s = calloc(1, sizeof(*s));
	bool any = false, address = false, sorted = true;
	size_t lines = 1, unique = 0;

	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	if (s)
		s->list = calloc(lines, sizeof(*s->list));
	if (!s || !s->list) {
		free(s);
		free(text);
		return -ENOMEM;
	}
	s->text = text;
	text[len] = '\0';
	for (char *line = text; line < text + len;) {
		char *end = memchr(line, '\n', text + len - line);

		if (!end)
			end = text + len;
		*end = '\0';
		if (parse_line(line, &s->list[s->n], &any, &address)) {
			if (s->n > 0 && s->list[s->n].addr < s->list[s->n - 1].addr)
				sorted = false;
			s->n++;
		}
		line = end + 1;
	}
	if (!sorted)
		qsort(s->list, s->n, sizeof(*s->list), by_address);
	for (size_t i = 0; i < s->n; i++)
		if (unique == 0 || s->list[i].addr != s->list[unique - 1].addr)
			s->list[unique++] = s->list[i];
	s->n = unique;
	s->hidden = any && !address;
	*ret = s;
	return 0;
}

int symbols_parse(struct hs_symbols **ret, const char *text, size_t len)
{
	char *copy = malloc(len + 1);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, text, len);
	return parse_owned(ret, copy, len);
}

int symbols_load(struct hs_symbols **ret)
{
	size_t len = 0, room = 8 << 20;
	char *text = malloc(room + 1);
	ssize_t got;
	int fd;

	if (!text)
		return -ENOMEM;
	fd = open("/proc/kallsyms", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		goto fail;
	for (;;) {
		got = read(fd, text + len, room - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			goto fail;
		if (got == 0)
			break;
		len += got;
		if (len == room) {
			char *bigger = realloc(text, room * 2 + 1);

			if (!bigger)
				goto fail;
			text = bigger;
			room *= 2;
		}
	}
	close(fd);
	return parse_owned(ret, text, len);

fail:
	got = -errno;
	if (fd >= 0)
		close(fd);
	free(text);
	return got;
}

void symbols_free(struct hs_symbols *symbols)
{
	if (!symbols)
		return;
	free(symbols->list);
	free(symbols->text);
	free(symbols);
}

bool symbols_hidden(const struct hs_symbols *symbols)
{
	return symbols->hidden;
}

const char *symbols_find(const struct hs_symbols *symbols, uint64_t addr)
{
	size_t low = 0, high = symbols->n;

	/* the last one that does not begin behind addr */
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (symbols->list[mid].addr <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == 0 || addr - symbols->list[low - 1].addr >= MAX_FUNCTION)
		return NULL;
	return symbols->list[low - 1].name;
}

bool symbols_have(const struct hs_symbols *symbols, const char *name)
{
	for (size_t i = 0; i < symbols->n; i++)
		if (!strcmp(symbols->list[i].name, name))
			return true;
	return false;
}
