// SPDX-License-Identifier: BSD-2-Clause
#include "kfuncs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* All of a file of unknown size, ended by a NUL; NULL with errno. */
static char *read_all(const char *path)
{
	size_t room = 1 << 22, n = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = fd < 0 ? NULL : malloc(room);
	ssize_t got = -1;

	while (text && (got = read(fd, text + n, room - n - 1)) > 0) {
		char *grown;

		n += got;
		if (room - n > 1 << 16)
			continue;
		grown = realloc(text, room *= 2);
		if (!grown)
			break;
		text = grown;
	}
	if (text && got) {
		free(text);
		text = NULL;
	}
	if (text)
		text[n] = '\0';
	if (fd >= 0)
		close(fd);
	return text;
}

/* What a copy that the compiler changed is called; parts (.part.0, .cold) are not the function. */
static bool is_variant(const char *suffix)
{
	return !strncmp(suffix, ".isra.", 6) || !strncmp(suffix, ".constprop.", 11);
}

static bool is_part(const char *suffix)
{
	return strstr(suffix, ".part.") || strstr(suffix, ".cold");
}

static int by_name(const void *a, const void *b)
{
	const struct hs_kfunc *const *x = a, *const *y = b;

	return strcmp((*x)->info->name, (*y)->info->name);
}

static int name_of(const void *key, const void *member)
{
	const struct hs_kfunc *const *k = member;

	return strcmp(key, (*k)->info->name);
}

/* "name", "name.isra.0"; NULL for a function that is of no interest. Cuts the suffix off *ret_suffix. */
static struct hs_kfunc *find(struct hs_kfunc **sorted, size_t n, const char *name,
			     const char **ret_suffix)
{
	char plain[HS_KFUNC_NAME];
	size_t len = strcspn(name, ".");
	struct hs_kfunc **k;

	if (!len || len >= sizeof(plain))
		return NULL;
	memcpy(plain, name, len);
	plain[len] = '\0';
	*ret_suffix = name + len;
	k = bsearch(plain, sorted, n, sizeof(*sorted), name_of);
	return k ? *k : NULL;
}

/* One line "ffffffff81000000 T name" or "ffffffffc0000000 t name\t[module]". */
static void take_symbol(struct hs_kfunc **sorted, size_t n, char *line, bool *ret_any)
{
	char *end, *name, *module, *close;
	uint64_t addr = strtoull(line, &end, 16);
	const char *suffix;
	struct hs_kfunc *k;

	if (end == line || !addr || end[0] != ' ' || !strchr("tTwW", end[1]) || end[2] != ' ')
		return;
	*ret_any = true;
	name = end + 3;
	module = strchr(name, '\t');
	if (module)
		*module++ = '\0';
	k = find(sorted, n, name, &suffix);
	if (!k || is_part(suffix) || (*suffix && !is_variant(suffix)))
		return;
	/* The function itself before a copy of it, the kernel's before a module's. */
	if (k->addr && (*suffix || module))
		return;
	k->addr = addr;
	snprintf(k->name, sizeof(k->name), "%s", name);
	*k->module = '\0';
	if (module && *module == '[') {
		close = strchr(module, ']');
		if (close)
			*close = '\0';
		snprintf(k->module, sizeof(k->module), "%s", module + 1);
	}
}

/* One line "name" or "name [module]". */
static void take_traceable(struct hs_kfunc **sorted, size_t n, char *line)
{
	const char *suffix;
	struct hs_kfunc *k;

	line[strcspn(line, " \t")] = '\0';
	k = find(sorted, n, line, &suffix);
	if (k && !strcmp(k->name, line))
		k->untraceable = false;
}

static char *next_line(char **text)
{
	char *line;

	do
		line = strsep(text, "\n");
	while (line && !*line);
	return line;
}

static int kfuncs_new(struct hs_kfuncs *ret)
{
	size_t n;
	const struct hs_function_info *all = functions_all(&n);

	ret->list = calloc(n, sizeof(*ret->list));
	ret->n = 0;
	if (!ret->list)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct hs_kfunc *k = &ret->list[ret->n];

		if (all[i].kind == HS_FN_STACK)
			continue;
		k->info = &all[i];
		snprintf(k->name, sizeof(k->name), "%s", all[i].name);
		ret->n++;
	}
	return 0;
}

int kfuncs_parse(struct hs_kfuncs *ret, char *kallsyms, char *traceable)
{
	struct hs_kfunc **sorted;
	bool any = false;
	char *line;
	int r = kfuncs_new(ret);

	sorted = r ? NULL : calloc(ret->n, sizeof(*sorted));
	if (!sorted) {
		if (!r)
			kfuncs_free(ret);
		return -ENOMEM;
	}
	for (size_t i = 0; i < ret->n; i++)
		sorted[i] = &ret->list[i];
	qsort(sorted, ret->n, sizeof(*sorted), by_name);
	while ((line = next_line(&kallsyms)))
		take_symbol(sorted, ret->n, line, &any);
	ret->hidden = !any;
	for (size_t i = 0; traceable && i < ret->n; i++)
		ret->list[i].untraceable = ret->list[i].addr;
	while ((line = next_line(&traceable)))
		take_traceable(sorted, ret->n, line);
	free(sorted);
	return 0;
}

int kfuncs_find(struct hs_kfuncs *ret)
{
	char *kallsyms = read_all("/proc/kallsyms"), *traceable;
	int r;

	if (!kallsyms)
		return -errno ?: -ENOMEM;
	traceable = read_all("/sys/kernel/tracing/available_filter_functions");
	if (!traceable)
		traceable = read_all("/sys/kernel/debug/tracing/available_filter_functions");
	r = kfuncs_parse(ret, kallsyms, traceable);
	free(kallsyms);
	free(traceable);
	return r;
}

void kfuncs_free(struct hs_kfuncs *k)
{
	free(k->list);
	k->list = NULL;
	k->n = 0;
}
