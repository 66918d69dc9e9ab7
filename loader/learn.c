// SPDX-License-Identifier: BSD-2-Clause
#include "learn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "learn_state.h"
#include "reasons.h"

#define RELOAD_EVERY 1000000000ull /* ns: how often new modules are looked for */
#define TEXT_LEN     256	   /* of a symbol, KSYM_NAME_LEN is 512 but none is as long */

static int emit_text(const struct learn_out *out, uint8_t type, uint64_t key, const char *text)
{
	union {
		struct hs_rec_text rec;
		char room[sizeof(struct hs_rec_text) + TEXT_LEN];
	} u = {};
	size_t len = strnlen(text, TEXT_LEN - 1);

	/* a multiple of 8, so that the next record of a file is aligned */
	u.rec.hdr = learn_header(out, type, (sizeof(u.rec) + len + 1 + 7) & ~7ul);
	u.rec.key = key;
	memcpy(u.rec.text, text, len);
	return out->emit(out->ctx, &u.rec.hdr);
}

/* 1 when `key` was added, 0 when it was there, -ENOMEM. */
static int seen_add(struct seen **table, uint64_t key)
{
	struct seen *s;

	HASH_FIND(hh, *table, &key, sizeof(key), s);
	if (s)
		return 0;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->key = key;
	HASH_ADD(hh, *table, key, sizeof(s->key), s);
	if (!s->hh.tbl) {
		free(s);
		return -ENOMEM;
	}
	return 1;
}

static void seen_free(struct seen *table)
{
	struct seen *s, *next;

	HASH_ITER (hh, table, s, next) {
		HASH_DEL(table, s);
		free(s);
	}
}

/* Symbols. */

static void symbols_renew(struct hs_learn *learn)
{
	struct hs_symbols *symbols;

	learn->symbols_loaded = learn->now ? learn->now : 1;
	if (symbols_load(&symbols)) {
		learn->warning = "no function names: /proc/kallsyms cannot be read";
		return;
	}
	symbols_free(learn->symbols);
	learn->symbols = symbols;
	if (symbols_hidden(symbols))
		learn->warning = "no function names: the kernel hides addresses; "
				 "run as root, or sysctl kernel.kptr_restrict=0";
}

static const char *symbol_name(struct hs_learn *learn, uint64_t addr)
{
	const char *name;

	if (!learn->symbols_loaded)
		symbols_renew(learn);
	if (!learn->symbols || symbols_hidden(learn->symbols))
		return NULL;
	/* a call may be the last instruction of a function */
	name = symbols_find(learn->symbols, addr - 1);
	if (!name && learn->now - learn->symbols_loaded >= RELOAD_EVERY) {
		symbols_renew(learn); /* a module may have come */
		name = symbols_find(learn->symbols, addr - 1);
	}
	return name;
}

static int learn_address(struct hs_learn *learn, uint64_t addr, const struct learn_out *out)
{
	const char *name;
	int added;

	if (addr == 0)
		return 0;
	added = seen_add(&learn->addresses, addr);
	if (added <= 0)
		return added;
	name = symbol_name(learn, addr);
	return name ? emit_text(out, HS_REC_SYM, addr, name) : 0;
}

static int learn_frames(struct hs_learn *learn, const struct hs_hdr *rec,
			const struct learn_out *out)
{
	size_t bytes = rec->frames * sizeof(uint64_t);
	const char *frames = (const char *)rec + rec->size - bytes;

	if (bytes + sizeof(*rec) > rec->size)
		return 0;
	for (size_t i = 0; i < rec->frames; i++) {
		uint64_t addr;
		int err;

		memcpy(&addr, frames + i * sizeof(addr), sizeof(addr));
		err = learn_address(learn, addr, out);
		if (err)
			return err;
	}
	return 0;
}

/* Reasons. */

static void learn_load_reasons(struct hs_learn *learn)
{
	int err;

	if (learn->names_loaded)
		return;
	learn->names_loaded = true;
	err = reason_names_load(&learn->names);
	/* Before 5.17 it has no reasons: no number needs a name. */
	if (err && err != -ENOENT && !learn->warning)
		learn->warning = "drop reasons are numbers: the kernel's BTF cannot be read";
}

static int learn_rst_reason(struct hs_learn *learn, uint32_t reason, const struct learn_out *out)
{
	char name[TEXT_LEN];
	int added = seen_add(&learn->rst_reasons, reason);

	if (added <= 0)
		return added;
	learn_load_reasons(learn);
	reason_rst_name(learn->names, reason, name, sizeof(name));
	return emit_text(out, HS_REC_RST_REASON, reason, name);
}

static int learn_reason(struct hs_learn *learn, uint32_t reason, const struct learn_out *out)
{
	char name[TEXT_LEN];
	int added = seen_add(&learn->reasons, reason);

	if (added <= 0)
		return added;
	learn_load_reasons(learn);
	reason_name(learn->names, reason, name, sizeof(name));
	if (!strcmp(name, "NO_SOCKET"))
		learn->no_socket = reason;
	else if (!strcmp(name, "NETFILTER_DROP"))
		learn->netfilter = reason;
	return emit_text(out, HS_REC_REASON, reason, name);
}

/* Does its errno say that routing refused? fib_props[] (net/ipv4/fib_semantics.c). */
static bool call_is_refused(const struct hs_rec_call *rec)
{
	switch (rec->call) {
	case HS_CALL_CONNECT:
	case HS_CALL_SENDTO:
	case HS_CALL_SENDMSG:
	case HS_CALL_SENDMMSG:
	case HS_CALL_WRITE:
	case HS_CALL_WRITEV:
		return rec->ret == -EINVAL || rec->ret == -EHOSTUNREACH || rec->ret == -EACCES ||
		       rec->ret == -ENETUNREACH;
	}
	return false;
}

/* Before 5.17 a drop has no reason, but the function tells; or may do. */
static bool free_is_no_socket(const struct hs_learn *learn, const struct hs_rec_free *rec,
			      const char *function)
{
	if (!learn->names)
		return reason_may_be_no_socket(function);
	return learn->no_socket && rec->reason == learn->no_socket;
}

static bool free_is_by_netfilter(const struct hs_learn *learn, const struct hs_rec_free *rec,
				 const char *function)
{
	return (learn->netfilter && rec->reason == learn->netfilter) ||
	       reason_may_be_rule(function);
}

static void packet_see(struct seen_packets *seen, const struct hs_where *at)
{
	for (size_t i = 0; i < SEEN_MAX; i++)
		if (seen->last[i].skb == at->skb) {
			seen->last[i] = *at;
			return;
		}
	seen->last[seen->next++ % SEEN_MAX] = *at;
}

/* Where it was seen, 0 not. */
static uint32_t packet_netns(const struct hs_learn *learn, const struct hs_hdr *rec, uint64_t skb)
{
	for (size_t i = 0; rec->cpu < HS_MAX_CPUS && i < SEEN_MAX; i++)
		if (learn->seen[rec->cpu].last[i].skb == skb)
			return learn->seen[rec->cpu].last[i].netns;
	return 0;
}

static int learn_free_record(struct hs_learn *learn, const struct hs_rec_free *rec,
			     const struct learn_out *out)
{
	uint32_t netns = rec->at.netns ?: packet_netns(learn, &rec->hdr, rec->at.skb);
	int err = learn_address(learn, rec->location, out);
	const char *function;

	if (err || rec->hdr.stage != HS_STAGE_DROP)
		return err;
	err = learn_reason(learn, rec->reason, out);
	if (err)
		return err;
	function = symbol_name(learn, rec->location) ?: "";
	if (free_is_no_socket(learn, rec, function))
		return learn_snapshot(learn, netns, out);
	if (free_is_by_netfilter(learn, rec, function))
		return learn_rules(learn, netns, out);
	return reason_is_no_route(function) ? learn_refusals(learn, netns, out) : 0;
}

static int learn_by_type(struct hs_learn *learn, const struct hs_hdr *rec,
			 const struct learn_out *out)
{
	const struct hs_rec_dev *dev = (const void *)rec;
	const struct hs_rec_sock *sock = (const void *)rec;
	const struct hs_rec_call *call = (const void *)rec;
	const struct hs_rec_tcp *tcp = (const void *)rec;
	int err;

	switch (rec->type) {
	case HS_REC_STAGE:
	case HS_REC_BIRTH:
		if (rec->cpu < HS_MAX_CPUS)
			packet_see(&learn->seen[rec->cpu], &((const struct hs_rec_stage *)rec)->at);
		break;
	case HS_REC_DEV:
		if (rec->size >= sizeof(*dev))
			return learn_netns(learn, dev->netns, dev->inum, dev->cookie, out);
		break;
	case HS_REC_SOCK:
		if (rec->size >= sizeof(*sock))
			return learn_netns(learn, sock->netns, 0, 0, out);
		break;
	case HS_REC_CALL:
		if (rec->size < sizeof(*call))
			break;
		err = learn_netns(learn, call->netns, 0, 0, out);
		if (err || rec->flags & HS_F_ENTER || !call_is_refused(call))
			return err;
		return learn_refusals(learn, call->netns, out);
	case HS_REC_TCP:
		if (rec->size < sizeof(*tcp))
			break;
		err = tcp->at.netns ? learn_netns(learn, tcp->at.netns, 0, 0, out) : 0;
		if (!err)
			err = learn_mini(learn, tcp, out);
		if (err || tcp->what != HS_TCP_RESET_SENT)
			return err;
		return learn_rst_reason(learn, tcp->reason, out);
	case HS_REC_ROUTE:
		if (rec->size >= sizeof(struct hs_rec_route))
			return learn_prefix(learn, (const void *)rec, out);
		break;
	case HS_REC_FREE:
		if (rec->size >= sizeof(struct hs_rec_free))
			return learn_free_record(learn, (const void *)rec, out);
		break;
	}
	return 0;
}

int learn_new(struct hs_learn **ret)
{
	struct hs_learn *learn = calloc(1, sizeof(*learn));
	int err = learn ? learn_before_tracing(learn) : -ENOMEM;

	if (err) {
		learn_free(learn);
		return err;
	}
	*ret = learn;
	return 0;
}

void learn_free(struct hs_learn *learn)
{
	struct learn_netns *ns, *next;

	if (!learn)
		return;
	HASH_ITER (hh, learn->netns, ns, next) {
		HASH_DEL(learn->netns, ns);
		free(ns);
	}
	prefixes_free(learn->prefixes);
	seen_free(learn->addresses);
	seen_free(learn->reasons);
	seen_free(learn->rst_reasons);
	symbols_free(learn->symbols);
	reason_names_free(learn->names);
	free(learn->before);
	free(learn);
}

int learn_record(struct hs_learn *learn, const struct hs_hdr *rec, hs_emit_fn emit, void *ctx)
{
	struct learn_out out = { emit, ctx, rec->time };
	int err;

	if (rec->time > learn->now)
		learn->now = rec->time;
	if (learn->due && rec->time >= learn->due) {
		err = learn_snapshots_due(learn, false, &out);
		if (err)
			return err;
	}
	err = learn_by_type(learn, rec, &out);
	return err || !rec->frames ? err : learn_frames(learn, rec, &out);
}

int learn_flush(struct hs_learn *learn, hs_emit_fn emit, void *ctx)
{
	struct learn_out out = { emit, ctx, learn->now };

	return learn_snapshots_due(learn, true, &out);
}

const char *learn_warning(const struct hs_learn *learn)
{
	return learn->warning;
}
