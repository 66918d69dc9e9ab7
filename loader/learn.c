// SPDX-License-Identifier: BSD-2-Clause
#include "learn.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

/* Out of memory: the element is left out of the table and `tbl` NULL says so. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "netns_enter.h"
#include "netns_scan.h"
#include "prefixes.h"
#include "procnet.h"
#include "reason.h"
#include "reasons.h"
#include "refusals.h"
#include "ruleset.h"
#include "symbols.h"

#define SNAPSHOT_EVERY 20000000ull   /* ns */
#define RULES_EVERY    20000000ull   /* ns: between two looks whether the rules changed */
#define REFUSALS_EVERY 20000000ull   /* ns: between two looks which routes refuse */
#define MINI_EVERY     2000000ull    /* ns: between two looks for a minisocket */
#define RELOAD_EVERY   1000000000ull /* ns: how often new modules are looked for */
#define TEXT_LEN       256	     /* of a symbol, KSYM_NAME_LEN is 512 but none is as long */

struct seen {
	uint64_t key;
	UT_hash_handle hh;
};

/* Where the counters of a namespace stood before tracing. */
struct before {
	uint64_t cookie;
	uint64_t global, host, host6;
};

struct netns {
	uint32_t id;
	uint32_t inum;
	char label[HS_NETNS_LABEL]; /* "" as long as it was not found */
	char path[HS_NETNS_PATH];   /* "" when there is no way in */
	bool skipped;		    /* a snapshot was put off */
	uint64_t snapshot;	    /* time of the last one, 0 none */
	uint64_t rules_asked;	    /* time of the last look at its firewall rules, 0 none */
	uint32_t generation;	    /* of these rules, 0 unknown */
	uint64_t refusals_asked;    /* time of the last look at the routes that refuse, 0 none */
	UT_hash_handle hh;
};

#define SEEN_MAX 8

/* The packets that a CPU saw last: their frees tell no namespace, and an answer may have come between. */
struct seen_packets {
	struct hs_where last[SEEN_MAX];
	size_t next; /* to be replaced */
};

struct hs_learn {
	uint64_t now; /* the latest time seen */
	uint64_t due; /* when a snapshot that was put off may be taken; 0 none */
	struct seen *addresses;
	struct seen *reasons, *rst_reasons;
	struct netns *netns;
	struct before *before;
	size_t n_before;
	bool cookies; /* the kernel tells them */
	struct hs_symbols *symbols;
	uint64_t symbols_loaded; /* when; 0 never */
	struct hs_reason_names *names;
	bool names_loaded;
	uint32_t no_socket;	      /* the reason that asks for snapshots; 0 not met yet */
	uint32_t netfilter;	      /* the one that asks for firewall rules; 0 not met yet */
	struct hs_procnet procnet;    /* of the snapshot being taken */
	bool nft;		      /* nf_tables was found in the kernel */
	uint64_t mini_asked;	      /* time of the last look for a minisocket */
	struct hs_prefixes *prefixes; /* NULL: none was asked for yet */
	struct seen_packets seen[HS_MAX_CPUS];
	const char *warning;
};

struct out {
	hs_emit_fn emit;
	void *ctx;
	uint64_t time;
};

static struct hs_hdr header(const struct out *out, uint8_t type, size_t size)
{
	return (struct hs_hdr){ .type = type, .size = size, .time = out->time };
}

static int emit_text(const struct out *out, uint8_t type, uint64_t key, const char *text)
{
	union {
		struct hs_rec_text rec;
		char room[sizeof(struct hs_rec_text) + TEXT_LEN];
	} u = {};
	size_t len = strnlen(text, TEXT_LEN - 1);

	/* a multiple of 8, so that the next record of a file is aligned */
	u.rec.hdr = header(out, type, (sizeof(u.rec) + len + 1 + 7) & ~7ul);
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

static int learn_address(struct hs_learn *learn, uint64_t addr, const struct out *out)
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

static int learn_frames(struct hs_learn *learn, const struct hs_hdr *rec, const struct out *out)
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

static int learn_rst_reason(struct hs_learn *learn, uint32_t reason, const struct out *out)
{
	char name[TEXT_LEN];
	int added = seen_add(&learn->rst_reasons, reason);

	if (added <= 0)
		return added;
	learn_load_reasons(learn);
	reason_rst_name(learn->names, reason, name, sizeof(name));
	return emit_text(out, HS_REC_RST_REASON, reason, name);
}

static int learn_reason(struct hs_learn *learn, uint32_t reason, const struct out *out)
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

/* Namespaces. */

static struct netns *netns_get(struct hs_learn *learn, uint32_t id)
{
	struct netns *ns;

	HASH_FIND(hh, learn->netns, &id, sizeof(id), ns);
	return ns;
}

static struct netns *netns_new(struct hs_learn *learn, uint32_t id)
{
	struct netns *ns = calloc(1, sizeof(*ns));

	if (!ns)
		return NULL;
	ns->id = id;
	HASH_ADD(hh, learn->netns, id, sizeof(ns->id), ns);
	if (!ns->hh.tbl) {
		free(ns);
		return NULL;
	}
	return ns;
}

static bool label_taken(const struct hs_learn *learn, const struct netns *but, const char *label)
{
	for (const struct netns *ns = learn->netns; ns; ns = ns->hh.next)
		if (ns != but && !strcmp(ns->label, label))
			return true;
	return false;
}

static int run_cookie(void *ctx)
{
	return netns_cookie(ctx);
}

static uint64_t cookie_of(const struct hs_netns *ns)
{
	uint64_t cookie = 0;

	return netns_run(ns->path, ns->inum, run_cookie, &cookie) ? 0 : cookie;
}

static int run_counters(void *ctx)
{
	return procnet_read_counters(ctx);
}

static int run_procnet(void *ctx)
{
	return procnet_read(ctx);
}

static int emit_counter(const struct out *out, uint32_t id, const struct before *counters)
{
	struct hs_rec_counter rec = {
		.hdr = header(out, HS_REC_COUNTER, sizeof(rec)),
		.netns = id,
		.icmp_limit_global = counters->global,
		.icmp_limit_host = counters->host,
		.icmp6_limit_host = counters->host6,
	};

	return out->emit(out->ctx, &rec.hdr);
}

static struct before counters_of(const struct hs_procnet *p)
{
	return (struct before){ p->cookie, p->icmp_limit_global, p->icmp_limit_host,
				p->icmp6_limit_host };
}

/* Names the namespace; `found` is NULL when it is gone. */
static int netns_name(struct hs_learn *learn, struct netns *ns, const struct hs_netns *found,
		      const struct out *out)
{
	struct hs_rec_netns rec = {
		.hdr = header(out, HS_REC_NETNS, sizeof(rec)),
		.netns = ns->id,
	};
	struct before counters = {};
	char base[HS_NETNS_LABEL];
	bool known = false;
	int err;

	if (found) {
		ns->inum = found->inum;
		memcpy(base, found->label, sizeof(base));
		memcpy(ns->path, found->path, sizeof(ns->path));
	} else {
		snprintf(base, sizeof(base), "net:%u", ns->inum);
		ns->path[0] = '\0';
	}
	memcpy(ns->label, base, sizeof(base));
	for (unsigned int n = 2; label_taken(learn, ns, ns->label); n++)
		netns_label_number(ns->label, base, n);
	rec.inum = ns->inum;
	memcpy(rec.label, ns->label, sizeof(rec.label));
	err = out->emit(out->ctx, &rec.hdr);
	if (err)
		return err;

	for (size_t i = 0; i < learn->n_before && !known; i++) {
		if ((uint32_t)learn->before[i].cookie == ns->id) {
			counters = learn->before[i];
			known = true;
		}
	}
	if (!known && !learn->cookies) {
		if (!found || netns_run(ns->path, ns->inum, run_counters, &learn->procnet))
			return 0;
		counters = counters_of(&learn->procnet);
	}
	return emit_counter(out, ns->id, &counters);
}

/* The namespace of that inode, if its cookie (0: unknown) is the right one too. */
static const struct hs_netns *find_by_inum(const struct hs_netns_list *all, uint32_t inum,
					   uint64_t cookie)
{
	for (size_t i = 0; i < all->n; i++) {
		uint64_t now;

		if (all->list[i].inum != inum)
			continue;
		now = cookie ? cookie_of(&all->list[i]) : 0;
		return !now || now == cookie ? &all->list[i] : NULL;
	}
	return NULL;
}

static const struct hs_netns *find_by_id(const struct hs_netns_list *all, uint32_t id)
{
	for (size_t i = 0; i < all->n; i++) {
		uint64_t cookie = cookie_of(&all->list[i]);

		/* Before 5.12 the id is the inode, and nobody tells a cookie. */
		if (cookie ? (uint32_t)cookie == id : all->list[i].inum == id)
			return &all->list[i];
	}
	return NULL;
}

/* `inum` and `cookie` are 0 when the record has only the id. */
static int learn_netns(struct hs_learn *learn, uint32_t id, uint32_t inum, uint64_t cookie,
		       const struct out *out)
{
	struct netns *ns = id ? netns_get(learn, id) : NULL;
	const struct hs_netns *found;
	struct hs_netns_list all;
	int err = 0;

	/* named, or looked for in vain and nothing new is known of it */
	if (!id || (ns && (ns->label[0] || !inum)))
		return 0;
	if (!ns)
		ns = netns_new(learn, id);
	if (!ns || netns_list(&all))
		return -ENOMEM;
	ns->inum = inum;
	found = inum ? find_by_inum(&all, inum, cookie) : find_by_id(&all, id);
	if (found || inum)
		err = netns_name(learn, ns, found, out);
	netns_list_free(&all);
	return err;
}

/* Snapshots. */

/* The process whose path led into the namespace may be gone, and the namespace still there. */
static int snapshot_read(struct hs_learn *learn, struct netns *ns)
{
	const struct hs_netns *found;
	struct hs_netns_list all;
	int err = netns_run(ns->path, ns->inum, run_procnet, &learn->procnet);

	if (err != -ENOENT && err != -ESTALE)
		return err;
	err = netns_list(&all);
	if (err)
		return err;
	found = find_by_id(&all, ns->id);
	if (found) {
		memcpy(ns->path, found->path, sizeof(ns->path));
		ns->inum = found->inum;
		err = netns_run(ns->path, ns->inum, run_procnet, &learn->procnet);
	} else {
		err = -ENOENT;
	}
	netns_list_free(&all);
	return err;
}

static int snapshot_take(struct hs_learn *learn, struct netns *ns, const struct out *out)
{
	struct before counters;
	int err;

	ns->skipped = false;
	ns->snapshot = out->time;
	err = snapshot_read(learn, ns);
	if (!err && learn->procnet.cookie && (uint32_t)learn->procnet.cookie != ns->id)
		err = -ESTALE; /* another namespace by now has its inode */
	if (err) {
		ns->path[0] = '\0';
		return err == -ENOMEM ? err : 0;
	}
	for (size_t i = 0; i < learn->procnet.n; i++) {
		struct hs_rec_sock *rec = &learn->procnet.sockets[i];

		rec->hdr = header(out, HS_REC_BOUND, sizeof(*rec));
		rec->netns = ns->id;
		err = out->emit(out->ctx, &rec->hdr);
		if (err)
			return err;
	}
	counters = counters_of(&learn->procnet);
	return emit_counter(out, ns->id, &counters);
}

static int snapshot_ask(struct hs_learn *learn, uint32_t id, const struct out *out)
{
	struct netns *ns = netns_get(learn, id);

	if (!ns || !ns->path[0])
		return 0;
	if (!ns->snapshot || out->time >= ns->snapshot + SNAPSHOT_EVERY)
		return snapshot_take(learn, ns, out);
	ns->skipped = true;
	if (!learn->due || ns->snapshot + SNAPSHOT_EVERY < learn->due)
		learn->due = ns->snapshot + SNAPSHOT_EVERY;
	return 0;
}

/* Takes what was put off and may be taken at `out->time`; all of it when `force`. */
static int snapshots_catch_up(struct hs_learn *learn, bool force, const struct out *out)
{
	struct netns *ns;

	learn->due = 0;
	for (ns = learn->netns; ns; ns = ns->hh.next) {
		uint64_t due = ns->snapshot + SNAPSHOT_EVERY;
		int err;

		if (!ns->skipped)
			continue;
		if (!force && due > out->time) {
			if (!learn->due || due < learn->due)
				learn->due = due;
			continue;
		}
		err = snapshot_take(learn, ns, out);
		if (err)
			return err;
	}
	return 0;
}

/* Called in the namespace: the state of what a closed socket may have left, into the record. */
static int run_find_mini(void *ctx)
{
	struct hs_rec_sock *mini = ctx;

	mini->state = procnet_tcp_state(&mini->local, &mini->remote);
	return 0;
}

static bool leaves_minisocket(const struct hs_rec_tcp *rec)
{
	return rec->what == HS_TCP_CHANGED && rec->after == TCP_CLOSE &&
	       (rec->before == TCP_FIN_WAIT2 || rec->before == TCP_CLOSING);
}

/* tcp_time_wait() has no event: whether the socket left a minisocket is looked up. */
static int learn_mini(struct hs_learn *learn, const struct hs_rec_tcp *rec, const struct out *out)
{
	struct netns *ns = netns_get(learn, rec->at.netns);
	struct hs_rec_sock mini = {
		.hdr = header(out, HS_REC_MINI, sizeof(mini)),
		.netns = rec->at.netns,
		.family = rec->local.family,
		.protocol = IPPROTO_TCP,
		.local = rec->local,
		.remote = rec->remote,
	};

	if (!ns || !ns->path[0] || out->time < learn->mini_asked + MINI_EVERY)
		return 0;
	learn->mini_asked = out->time;
	if (netns_run(ns->path, ns->inum, run_find_mini, &mini) || !mini.state)
		return 0;
	return out->emit(out->ctx, &mini.hdr);
}

/* Firewall rules. */

static int emit_rule(const struct out *out, uint32_t netns, enum hs_rule_what what,
		     const char *text)
{
	static const char too_long[] = "a rule is longer than 60000 bytes";
	size_t len = strlen(text), size = (sizeof(struct hs_rec_rule) + len + 1 + 7) & ~7ul;
	struct hs_rec_rule *rec;
	int err;

	if (size > 60000)
		return emit_rule(out, netns, HS_RULES_FAILED, too_long);
	rec = calloc(1, size);
	if (!rec)
		return -ENOMEM;
	rec->hdr = header(out, HS_REC_RULE, size);
	rec->netns = netns;
	rec->what = what;
	memcpy(rec->text, text, len);
	err = out->emit(out->ctx, &rec->hdr);
	free(rec);
	return err;
}

static int run_generation(void *ctx)
{
	return ruleset_generation(ctx);
}

struct rules_question {
	struct hs_ruleset rules;
	bool nft; /* nf_tables is in the kernel */
};

static int run_rules(void *ctx)
{
	struct rules_question *q = ctx;

	return ruleset_read(&q->rules, q->nft);
}

/* Loaded as a module, or a part of the kernel, which is no folder of /sys/module. */
static bool kernel_has_nft(struct hs_learn *learn)
{
	if (!learn->nft)
		learn->nft = !access("/sys/module/nf_tables", F_OK) ||
			     (learn->symbols && symbols_have(learn->symbols, "nft_do_chain"));
	return learn->nft;
}

static int emit_rules(const struct out *out, const struct netns *ns, const struct hs_ruleset *rules)
{
	int err = emit_rule(out, ns->id, HS_RULES_BEGIN, "");

	for (size_t i = 0; !err && i < rules->n; i++)
		err = emit_rule(out, ns->id, HS_RULES_ITEM, rules->items[i]);
	if (!err && *rules->error)
		err = emit_rule(out, ns->id, HS_RULES_FAILED, rules->error);
	return err;
}

/* Netfilter dropped a packet there: by which rule is concluded from them all. */
static int learn_rules(struct hs_learn *learn, uint32_t id, const struct out *out)
{
	struct netns *ns = netns_get(learn, id);
	struct rules_question q = { .nft = false };
	bool known = ns && ns->rules_asked;
	uint32_t generation = 0;
	int err;

	if (!ns || !ns->path[0] || (known && out->time < ns->rules_asked + RULES_EVERY))
		return 0;
	ns->rules_asked = out->time;
	if (known && ns->generation &&
	    !netns_run(ns->path, ns->inum, run_generation, &generation) &&
	    generation == ns->generation)
		return 0;
	q.nft = kernel_has_nft(learn);
	err = netns_run(ns->path, ns->inum, run_rules, &q);
	if (err)
		return err == -ENOMEM ? err : 0;
	ns->generation = q.rules.generation;
	err = emit_rules(out, ns, &q.rules);
	ruleset_free(&q.rules);
	return err;
}

/* Routes that refuse. */

static int run_refusals(void *ctx)
{
	return refusals_read(ctx);
}

/* A call or a packet found no route there. */
static int learn_refusals(struct hs_learn *learn, uint32_t id, const struct out *out)
{
	struct netns *ns = netns_get(learn, id);
	struct hs_rec_refusal begin = {
		.hdr = header(out, HS_REC_REFUSAL, sizeof(begin)),
		.netns = id,
		.what = HS_REFUSALS_BEGIN,
	};
	struct hs_refusals *all;
	int err;

	if (!ns || !ns->path[0] ||
	    (ns->refusals_asked && out->time < ns->refusals_asked + REFUSALS_EVERY))
		return 0;
	ns->refusals_asked = out->time;
	all = calloc(1, sizeof(*all));
	if (!all)
		return -ENOMEM;
	/* What cannot be read is left out. */
	err = netns_run(ns->path, ns->inum, run_refusals, all) ? 0
							       : out->emit(out->ctx, &begin.hdr);
	for (size_t i = 0; !err && i < all->n; i++) {
		all->list[i].hdr = begin.hdr;
		all->list[i].netns = id;
		err = out->emit(out->ctx, &all->list[i].hdr);
	}
	free(all);
	return err;
}

/* Prefixes of IPv4 routes. */

/* An IPv4 table answered with a route: by which prefix is told just before that. */
static int learn_prefix(struct hs_learn *learn, const struct hs_rec_route *rec,
			const struct out *out)
{
	struct hs_rec_prefix prefix = {
		.hdr = header(out, HS_REC_PREFIX, sizeof(prefix)),
		.netns = rec->at.netns,
		.table = rec->table,
		.dst = rec->dst,
	};
	struct netns *ns;
	int plen;

	if (rec->dst.family != AF_INET || rec->err || rec->type == RTN_LOCAL || !rec->at.netns)
		return 0;
	ns = netns_get(learn, rec->at.netns);
	if (!ns || !ns->path[0])
		return 0;
	learn->prefixes = learn->prefixes ?: prefixes_new();
	if (!learn->prefixes)
		return -ENOMEM;
	plen = prefixes_find(learn->prefixes, ns->path, ns->inum, rec);
	if (plen < 0)
		return 0;
	prefix.plen = (uint8_t)plen;
	return out->emit(out->ctx, &prefix.hdr);
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
			     const struct out *out)
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
		return snapshot_ask(learn, netns, out);
	if (free_is_by_netfilter(learn, rec, function))
		return learn_rules(learn, netns, out);
	return reason_is_no_route(function) ? learn_refusals(learn, netns, out) : 0;
}

static int learn_by_type(struct hs_learn *learn, const struct hs_hdr *rec, const struct out *out)
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
		if (!err && leaves_minisocket(tcp))
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

/* Where the counters stand now, in every namespace that can be entered. */
static int read_before(struct hs_learn *learn)
{
	struct hs_netns_list all;
	uint64_t cookie;
	int err = netns_list(&all);

	if (err)
		return err;
	learn->before = calloc(all.n ? all.n : 1, sizeof(*learn->before));
	learn->cookies = netns_cookie(&cookie) == 0;
	for (size_t i = 0; i < all.n && learn->before && learn->cookies; i++)
		if (!netns_run(all.list[i].path, all.list[i].inum, run_counters, &learn->procnet))
			learn->before[learn->n_before++] = counters_of(&learn->procnet);
	netns_list_free(&all);
	return learn->before ? 0 : -ENOMEM;
}

int learn_new(struct hs_learn **ret)
{
	struct hs_learn *learn = calloc(1, sizeof(*learn));
	int err = learn ? read_before(learn) : -ENOMEM;

	if (err) {
		learn_free(learn);
		return err;
	}
	*ret = learn;
	return 0;
}

void learn_free(struct hs_learn *learn)
{
	struct netns *ns, *next;

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
	struct out out = { emit, ctx, rec->time };
	int err;

	if (rec->time > learn->now)
		learn->now = rec->time;
	if (learn->due && rec->time >= learn->due) {
		err = snapshots_catch_up(learn, false, &out);
		if (err)
			return err;
	}
	err = learn_by_type(learn, rec, &out);
	return err || !rec->frames ? err : learn_frames(learn, rec, &out);
}

int learn_flush(struct hs_learn *learn, hs_emit_fn emit, void *ctx)
{
	struct out out = { emit, ctx, learn->now };

	return snapshots_catch_up(learn, true, &out);
}

const char *learn_warning(const struct hs_learn *learn)
{
	return learn->warning;
}
