// SPDX-License-Identifier: BSD-2-Clause
/* Firewall rules and routes of a namespace. */
#include "learn_state.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netns_enter.h"
#include "refusals.h"
#include "ruleset.h"

#define RULES_EVERY    20000000ull /* ns: between two looks whether the rules changed */
#define REFUSALS_EVERY 20000000ull /* ns: between two looks which routes refuse */

/* Firewall rules. */

static int emit_rule(const struct learn_out *out, uint32_t netns, enum hs_rule_what what,
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
	rec->hdr = learn_header(out, HS_REC_RULE, size);
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

static int emit_rules(const struct learn_out *out, const struct learn_netns *ns,
		      const struct hs_ruleset *rules)
{
	int err = emit_rule(out, ns->id, HS_RULES_BEGIN, "");

	for (size_t i = 0; !err && i < rules->n; i++)
		err = emit_rule(out, ns->id, HS_RULES_ITEM, rules->items[i]);
	if (!err && *rules->error)
		err = emit_rule(out, ns->id, HS_RULES_FAILED, rules->error);
	return err;
}

int learn_rules(struct hs_learn *learn, uint32_t id, const struct learn_out *out)
{
	struct learn_netns *ns = learn_find_netns(learn, id);
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

int learn_refusals(struct hs_learn *learn, uint32_t id, const struct learn_out *out)
{
	struct learn_netns *ns = learn_find_netns(learn, id);
	struct hs_rec_refusal begin = {
		.hdr = learn_header(out, HS_REC_REFUSAL, sizeof(begin)),
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

int learn_prefix(struct hs_learn *learn, const struct hs_rec_route *rec,
		 const struct learn_out *out)
{
	struct hs_rec_prefix prefix = {
		.hdr = learn_header(out, HS_REC_PREFIX, sizeof(prefix)),
		.netns = rec->at.netns,
		.table = rec->table,
		.dst = rec->dst,
	};
	struct learn_netns *ns;
	int plen;

	if (rec->dst.family != AF_INET || rec->err || rec->type == RTN_LOCAL || !rec->at.netns)
		return 0;
	ns = learn_find_netns(learn, rec->at.netns);
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
