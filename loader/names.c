// SPDX-License-Identifier: BSD-2-Clause
#include "names.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/if.h>

/* Out of memory: the element is left out of the table and `tbl` NULL says so. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct string {
	UT_hash_handle hh;
	char text[];
};

struct entry {
	uint64_t key;
	const char *text;
	const char *kind; /* devices only */
	uint32_t mtu;	  /* devices; of functions the backend */
	UT_hash_handle hh;
};

struct hs_names {
	struct string *strings;
	struct entry *netns;		     /* by id */
	struct entry *devices, *qdiscs;	     /* by (namespace, ifindex) */
	struct entry *symbols;		     /* by address */
	struct entry *reasons, *rst_reasons; /* by number */
	struct entry *functions;	     /* by number in HS_REC_FUNC */
	struct entry *tasks;		     /* by (process, thread) */
};

static const char nothing[] = "";

static uint64_t pair_key(uint32_t high, uint32_t low)
{
	return (uint64_t)high << 32 | low;
}

struct hs_names *names_new(void)
{
	return calloc(1, sizeof(struct hs_names));
}

static void table_free(struct entry *table)
{
	struct entry *e, *next;

	HASH_ITER (hh, table, e, next) {
		HASH_DEL(table, e);
		free(e);
	}
}

void names_free(struct hs_names *names)
{
	struct string *s, *next;

	if (!names)
		return;
	table_free(names->netns);
	table_free(names->devices);
	table_free(names->qdiscs);
	table_free(names->symbols);
	table_free(names->reasons);
	table_free(names->rst_reasons);
	table_free(names->functions);
	table_free(names->tasks);
	HASH_ITER (hh, names->strings, s, next) {
		HASH_DEL(names->strings, s);
		free(s);
	}
	free(names);
}

/* NULL when out of memory. */
static const char *intern(struct hs_names *names, const char *text, size_t len)
{
	struct string *s;

	len = strnlen(text, len);
	if (len == 0)
		return nothing;
	HASH_FIND(hh, names->strings, text, len, s);
	if (s)
		return s->text;
	s = calloc(1, sizeof(*s) + len + 1);
	if (!s)
		return NULL;
	memcpy(s->text, text, len);
	HASH_ADD_KEYPTR(hh, names->strings, s->text, len, s);
	if (!s->hh.tbl) {
		free(s);
		return NULL;
	}
	return s->text;
}

const char *names_intern(struct hs_names *names, const char *s, size_t len)
{
	const char *text = intern(names, s, len);

	return text ? text : nothing;
}

const char *names_internf(struct hs_names *names, const char *fmt, ...)
{
	char buf[256];
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	if (len < 0)
		return nothing;
	if ((size_t)len < sizeof(buf))
		return names_intern(names, buf, len);

	char *text = malloc(len + 1);
	const char *one;

	if (!text)
		return nothing;
	va_start(ap, fmt);
	vsnprintf(text, len + 1, fmt, ap);
	va_end(ap);
	one = names_intern(names, text, len);
	free(text);
	return one;
}

static struct entry *table_find(struct entry *table, uint64_t key)
{
	struct entry *e;

	HASH_FIND(hh, table, &key, sizeof(key), e);
	return e;
}

/* The entry of `key`, made when there is none; NULL when out of memory. */
static struct entry *table_entry(struct entry **table, uint64_t key)
{
	struct entry *e = table_find(*table, key);

	if (e)
		return e;
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->key = key;
	e->text = nothing;
	e->kind = nothing;
	HASH_ADD(hh, *table, key, sizeof(e->key), e);
	if (!e->hh.tbl) {
		free(e);
		return NULL;
	}
	return e;
}

static int table_learn(struct hs_names *names, struct entry **table, uint64_t key, const char *text,
		       size_t len)
{
	const char *one = intern(names, text, len);
	struct entry *e = one ? table_entry(table, key) : NULL;

	if (!e)
		return -ENOMEM;
	e->text = one;
	return 0;
}

int names_learn_netns(struct hs_names *names, const struct hs_rec_netns *rec)
{
	return table_learn(names, &names->netns, rec->netns, rec->label, sizeof(rec->label));
}

int names_learn_device(struct hs_names *names, const struct hs_rec_dev *rec)
{
	const char *name = intern(names, rec->name, sizeof(rec->name));
	const char *kind = intern(names, rec->kind, sizeof(rec->kind));
	struct entry *e;

	if (kind && !*kind && rec->flags & IFF_LOOPBACK)
		kind = intern(names, "loopback", sizeof("loopback"));
	if (!name || !kind)
		return -ENOMEM;
	e = table_entry(&names->devices, pair_key(rec->netns, rec->ifindex));
	if (!e)
		return -ENOMEM;
	e->text = name;
	e->kind = kind;
	e->mtu = rec->mtu;
	return 0;
}

int names_learn_qdisc(struct hs_names *names, const struct hs_rec_qdisc *rec)
{
	return table_learn(names, &names->qdiscs, pair_key(rec->netns, rec->ifindex), rec->kind,
			   sizeof(rec->kind));
}

int names_learn_symbol(struct hs_names *names, uint64_t addr, const char *text)
{
	return table_learn(names, &names->symbols, addr, text, strlen(text));
}

int names_learn_rst_reason(struct hs_names *names, uint64_t reason, const char *text)
{
	return table_learn(names, &names->rst_reasons, reason, text, strlen(text));
}

int names_learn_reason(struct hs_names *names, uint64_t reason, const char *text)
{
	return table_learn(names, &names->reasons, reason, text, strlen(text));
}

int names_learn_function(struct hs_names *names, uint32_t fn, enum hs_backend backend,
			 const char *text)
{
	int r = table_learn(names, &names->functions, fn, text, strlen(text));

	if (!r)
		table_find(names->functions, fn)->mtu = backend;
	return r;
}

int names_learn_task(struct hs_names *names, const struct hs_rec_task *rec)
{
	return table_learn(names, &names->tasks, pair_key(rec->pid, rec->tid), rec->comm,
			   sizeof(rec->comm));
}

const char *names_netns(struct hs_names *names, uint32_t netns)
{
	struct entry *e = table_find(names->netns, netns);

	return e ? e->text : "net:?";
}

struct hs_device names_device(struct hs_names *names, uint32_t netns, uint32_t ifindex)
{
	struct entry *e = table_find(names->devices, pair_key(netns, ifindex));

	if (!e)
		return (struct hs_device){ .name = nothing, .kind = nothing };
	return (struct hs_device){ .name = e->text, .kind = e->kind, .mtu = e->mtu };
}

const char *names_qdisc(struct hs_names *names, uint32_t netns, uint32_t ifindex)
{
	struct entry *e = table_find(names->qdiscs, pair_key(netns, ifindex));

	return e ? e->text : nothing;
}

const char *names_symbol(struct hs_names *names, uint64_t addr)
{
	struct entry *e = table_find(names->symbols, addr);

	return e ? e->text : nothing;
}

const char *names_function(struct hs_names *names, uint32_t fn, enum hs_backend *ret_backend)
{
	struct entry *e = table_find(names->functions, fn);

	*ret_backend = e ? e->mtu : HS_BY_STACK;
	return e ? e->text : nothing;
}

const char *names_rst_reason(struct hs_names *names, uint32_t reason)
{
	struct entry *e = table_find(names->rst_reasons, reason);

	return e ? e->text : nothing;
}

const char *names_reason(struct hs_names *names, uint32_t reason)
{
	struct entry *e = table_find(names->reasons, reason);

	return e ? e->text : nothing;
}

struct hs_task names_task(struct hs_names *names, uint32_t pid, uint32_t tid)
{
	struct entry *e = table_find(names->tasks, pair_key(pid, tid));

	/* a thread that said nothing of itself has, most often, the name of its process */
	if (!e && tid != pid)
		e = table_find(names->tasks, pair_key(pid, pid));
	return (struct hs_task){ .pid = pid, .tid = tid, .comm = e ? e->text : nothing };
}
