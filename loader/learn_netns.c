// SPDX-License-Identifier: BSD-2-Clause
/* Namespaces, and what is bound in them. */
#include "learn_state.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netns_enter.h"

#define SNAPSHOT_EVERY 20000000ull /* ns */
#define MINI_EVERY     2000000ull  /* ns: between two looks for a minisocket */

struct learn_netns *learn_find_netns(struct hs_learn *learn, uint32_t id)
{
	struct learn_netns *ns;

	HASH_FIND(hh, learn->netns, &id, sizeof(id), ns);
	return ns;
}

static struct learn_netns *netns_new(struct hs_learn *learn, uint32_t id)
{
	struct learn_netns *ns = calloc(1, sizeof(*ns));

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

static bool label_taken(const struct hs_learn *learn, const struct learn_netns *but,
			const char *label)
{
	for (const struct learn_netns *ns = learn->netns; ns; ns = ns->hh.next)
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

static int emit_counter(const struct learn_out *out, uint32_t id,
			const struct learn_before *counters)
{
	struct hs_rec_counter rec = {
		.hdr = learn_header(out, HS_REC_COUNTER, sizeof(rec)),
		.netns = id,
		.icmp_limit_global = counters->global,
		.icmp_limit_host = counters->host,
		.icmp6_limit_host = counters->host6,
	};

	return out->emit(out->ctx, &rec.hdr);
}

static struct learn_before counters_of(const struct hs_procnet *p)
{
	return (struct learn_before){ p->cookie, p->icmp_limit_global, p->icmp_limit_host,
				      p->icmp6_limit_host };
}

/* Names the namespace; `found` is NULL when it is gone. */
static int netns_name(struct hs_learn *learn, struct learn_netns *ns, const struct hs_netns *found,
		      const struct learn_out *out)
{
	struct hs_rec_netns rec = {
		.hdr = learn_header(out, HS_REC_NETNS, sizeof(rec)),
		.netns = ns->id,
	};
	struct learn_before counters = {};
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

int learn_netns(struct hs_learn *learn, uint32_t id, uint32_t inum, uint64_t cookie,
		const struct learn_out *out)
{
	struct learn_netns *ns = id ? learn_find_netns(learn, id) : NULL;
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

int learn_before_tracing(struct hs_learn *learn)
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

/* Snapshots. */

/* The process whose path led into the namespace may be gone, and the namespace still there. */
static int snapshot_read(struct hs_learn *learn, struct learn_netns *ns)
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

static int snapshot_take(struct hs_learn *learn, struct learn_netns *ns,
			 const struct learn_out *out)
{
	struct learn_before counters;
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

		rec->hdr = learn_header(out, HS_REC_BOUND, sizeof(*rec));
		rec->netns = ns->id;
		err = out->emit(out->ctx, &rec->hdr);
		if (err)
			return err;
	}
	counters = counters_of(&learn->procnet);
	return emit_counter(out, ns->id, &counters);
}

int learn_snapshot(struct hs_learn *learn, uint32_t id, const struct learn_out *out)
{
	struct learn_netns *ns = learn_find_netns(learn, id);

	if (!ns || !ns->path[0])
		return 0;
	if (!ns->snapshot || out->time >= ns->snapshot + SNAPSHOT_EVERY)
		return snapshot_take(learn, ns, out);
	ns->skipped = true;
	if (!learn->due || ns->snapshot + SNAPSHOT_EVERY < learn->due)
		learn->due = ns->snapshot + SNAPSHOT_EVERY;
	return 0;
}

int learn_snapshots_due(struct hs_learn *learn, bool force, const struct learn_out *out)
{
	struct learn_netns *ns;

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

int learn_mini(struct hs_learn *learn, const struct hs_rec_tcp *rec, const struct learn_out *out)
{
	struct learn_netns *ns;
	struct hs_rec_sock mini = {
		.hdr = learn_header(out, HS_REC_MINI, sizeof(mini)),
		.netns = rec->at.netns,
		.family = rec->local.family,
		.protocol = IPPROTO_TCP,
		.local = rec->local,
		.remote = rec->remote,
	};

	if (!leaves_minisocket(rec) || out->time < learn->mini_asked + MINI_EVERY)
		return 0;
	ns = learn_find_netns(learn, rec->at.netns);
	if (!ns || !ns->path[0])
		return 0;
	learn->mini_asked = out->time;
	if (netns_run(ns->path, ns->inum, run_find_mini, &mini) || !mini.state)
		return 0;
	return out->emit(out->ctx, &mini.hdr);
}
