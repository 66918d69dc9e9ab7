// SPDX-License-Identifier: BSD-2-Clause
/*
 * Which firewall rule dropped a packet: the rules of its namespace are gone through as nft_do_chain() does
 * (net/netfilter/nf_tables_core.c), with what is known of the packet. Where that leaves several, all are
 * counted and the first is named.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <json-c/json.h>

#include "engine.h"
#include "json_get.h"
#include "rule_match.h"
#include "stages.h"

#define CT_UNTRACKED 7 /* IP_CT_UNTRACKED, which the header keeps for the kernel */
#define LOOKS_MAX    3000000
#define DEPTH_MAX    16 /* NFT_JUMP_STACK_SIZE */

struct ruleset {
	uint32_t netns;
	struct json_object *items; /* array */
	bool partial;		   /* some could not be read */
	UT_hash_handle hh;
};

/* One packet, on its way through the rules. */
struct walk {
	struct hs_journeys *js;
	struct json_object *items, *nothing; /* an empty array */
	struct hs_rule_packet packet;
	struct hs_rule *found;
	const char *family, *table; /* of the base chain */
	int depth;
	size_t left; /* rules that may still be looked at, so that chains of jumps come to an end */
	bool accepted;		/* it may leave the base chain by "accept" */
	enum hs_maybe returned; /* it may leave the chain before its end */
};

static bool has(struct json_object *o, const char *key)
{
	struct json_object *value;

	return json_object_is_type(o, json_type_object) &&
	       json_object_object_get_ex(o, key, &value);
}

static struct ruleset *ruleset_of(struct hs_journeys *js, uint32_t netns)
{
	struct ruleset *set;

	HASH_FIND(hh, js->rulesets, &netns, sizeof(netns), set);
	return set;
}

static struct ruleset *ruleset_new(struct hs_journeys *js, uint32_t netns)
{
	struct ruleset *set = calloc(1, sizeof(*set));

	if (!set)
		return NULL;
	set->netns = netns;
	HASH_ADD(hh, js->rulesets, netns, sizeof(netns), set);
	if (!set->hh.tbl) {
		free(set);
		return NULL;
	}
	return set;
}

void rules_learn(struct hs_journeys *js, const struct hs_rec_rule *rec)
{
	struct ruleset *set = ruleset_of(js, rec->netns);

	if (!set)
		set = ruleset_new(js, rec->netns);
	if (!set) {
		js->error = -ENOMEM;
		return;
	}
	switch (rec->what) {
	case HS_RULES_BEGIN:
		json_object_put(set->items);
		set->items = json_object_new_array();
		set->partial = false;
		break;
	case HS_RULES_ITEM: {
		struct json_object *item = json_tokener_parse(rec->text);

		if (!set->items || !item || json_object_array_add(set->items, item)) {
			json_object_put(item);
			set->partial = true;
		}
		break;
	}
	default:
		set->partial = true;
	}
}

void rules_free(struct hs_journeys *js)
{
	struct ruleset *set, *next;

	HASH_ITER (hh, js->rulesets, set, next) {
		HASH_DEL(js->rulesets, set);
		json_object_put(set->items);
		free(set);
	}
}

/* ---- the walk ---- */

static void candidate(struct walk *w, const char *chain, const char *text, uint64_t handle,
		      bool policy)
{
	struct hs_rule *found = w->found;

	if (found->candidates++)
		return;
	found->family = names_internf(w->js->names, "%s", w->family);
	found->table = names_internf(w->js->names, "%s", w->table);
	found->chain = names_internf(w->js->names, "%s", chain);
	found->text = names_internf(w->js->names, "%s", text);
	found->handle = handle;
	found->policy = policy;
	found->rejects = strcasestr(text, "reject");
}

static void candidate_rule(struct walk *w, struct json_object *rule)
{
	candidate(w, json_get_word(rule, "chain"), json_get_word(rule, "text"),
		  (uint64_t)json_object_get_int64(json_get(rule, "handle")), false);
}

static enum hs_maybe walk_chain(struct walk *w, const char *chain);

/* What a verdict does to a packet that met the rule's conditions: can it go on to the next rule? */
static enum hs_maybe verdict_passes(struct walk *w, struct json_object *verdict,
				    struct json_object *rule, enum hs_maybe met)
{
	struct json_object *target = json_get(verdict, "jump") ?: json_get(verdict, "goto");
	enum hs_maybe passes = HS_NO;

	if (has(verdict, "drop") || has(verdict, "reject")) {
		candidate_rule(w, rule);
	} else if (target) {
		passes = walk_chain(w, json_get_word(target, "target"));
		if (has(verdict, "goto")) { /* its end is this chain's */
			w->returned = passes > w->returned ? passes : w->returned;
			passes = HS_NO;
		}
	} else if (has(verdict, "accept") || has(verdict, "queue")) {
		w->accepted = true;
	} else if (has(verdict, "return")) {
		w->returned = met > w->returned ? met : w->returned;
	} else {
		return HS_YES; /* "continue" */
	}
	if (met == HS_YES)
		return passes;
	return HS_MAYBE;
}

static bool is_verdict(struct json_object *s)
{
	static const char *const verdicts[] = { "accept", "drop",	"reject",   "jump",
						"goto",	  "return",	"queue",    "snat",
						"dnat",	  "masquerade", "redirect", "continue" };

	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++)
		if (has(s, verdicts[i]))
			return true;
	return false;
}

/* Of a set or map of that table; one that packets or time change is not known. */
static struct json_object *elements_of(void *ctx, const char *name)
{
	const struct walk *w = ctx;

	for (size_t i = 0; i < json_get_length(w->items); i++) {
		struct json_object *item = json_object_array_get_idx(w->items, i);
		struct json_object *set = json_get(item, "set") ?: json_get(item, "map");
		const char *flags = json_object_get_string(json_get(set, "flags")) ?: "";

		if (set && !strcmp(json_get_word(set, "name"), name) &&
		    !strcmp(json_get_word(set, "family"), w->family) &&
		    !strcmp(json_get_word(set, "table"), w->table))
			return strstr(flags, "dynamic") || strstr(flags, "timeout") ?
				       NULL :
				       json_get(set, "elem") ?: w->nothing;
	}
	return NULL;
}

/* {"vmap":{"key":..., "data":{"set":[[key, verdict], ...]}}}, or data the name of a map */
static enum hs_maybe map_passes(struct walk *w, struct json_object *map, struct json_object *rule,
				enum hs_maybe met)
{
	struct json_object *data = json_get(map, "data"), *set = json_get(data, "set");
	const char *name = json_object_get_string(data) ?: "";
	enum hs_maybe passes = HS_YES;

	if (*name == '@')
		set = elements_of(w, name + 1);
	/* its elements are not known */
	if (!set || !json_object_is_type(set, json_type_array)) {
		w->accepted = true;
		candidate_rule(w, rule);
		return HS_MAYBE;
	}
	for (size_t i = 0; i < json_get_length(set) && passes != HS_NO; i++) {
		struct json_object *pair = json_object_array_get_idx(set, i);
		enum hs_maybe is;

		if (!json_object_is_type(pair, json_type_array) || json_get_length(pair) != 2)
			continue;
		is = rule_value_is(json_get(map, "key"), json_object_array_get_idx(pair, 0),
				   &w->packet);
		if (is != HS_NO)
			passes = verdict_passes(w, json_object_array_get_idx(pair, 1), rule,
						is < met ? is : met);
		if (is == HS_YES)
			break;
	}
	return passes;
}

static enum hs_maybe rule_passes(struct walk *w, struct json_object *rule)
{
	struct json_object *expr = json_get(rule, "expr");
	enum hs_maybe met = HS_YES;
	bool xt = false;

	for (size_t i = 0; expr && i < json_get_length(expr); i++) {
		struct json_object *s = json_object_array_get_idx(expr, i);
		enum hs_maybe this = rule_statement_is_met(s, &w->packet);

		xt = has(s, "xt");
		if (this == HS_NO)
			return HS_YES;
		if (this < met)
			met = this;
		if (json_get(s, "vmap"))
			return map_passes(w, json_get(s, "vmap"), rule, met);
		if (is_verdict(s)) {
			/* a translation accepts */
			bool nat = has(s, "snat") || has(s, "dnat") || has(s, "masquerade") ||
				   has(s, "redirect");

			if (nat)
				w->accepted = true;
			return !nat	       ? verdict_passes(w, s, rule, met)
			       : met == HS_YES ? HS_NO
					       : HS_MAYBE;
		}
	}
	/* A target of iptables, of which JSON says nothing. */
	if (xt && (strcasestr(json_get_word(rule, "text"), "reject") ||
		   strcasestr(json_get_word(rule, "text"), "drop")))
		candidate_rule(w, rule);
	return xt ? HS_MAYBE : HS_YES;
}

/* Can the packet come out of that chain, to where it was called from? */
static enum hs_maybe walk_chain(struct walk *w, const char *chain)
{
	enum hs_maybe passes = HS_YES, returned = w->returned;

	if (w->depth >= DEPTH_MAX)
		return HS_MAYBE;
	w->depth++;
	w->returned = HS_NO;
	for (size_t i = 0; i < json_get_length(w->items) && passes != HS_NO && w->left; i++) {
		struct json_object *rule = json_get(json_object_array_get_idx(w->items, i), "rule");
		enum hs_maybe this;

		w->left--;
		if (!rule || strcmp(json_get_word(rule, "family"), w->family) ||
		    strcmp(json_get_word(rule, "table"), w->table) ||
		    strcmp(json_get_word(rule, "chain"), chain))
			continue;
		this = rule_passes(w, rule);
		if (this < passes)
			passes = this;
	}
	w->depth--;
	if (w->returned > passes)
		passes = w->returned;
	w->returned = returned;
	return passes;
}

/* Does it go on to the hook's next base chain? */
static bool walk_base(struct walk *w, struct json_object *chain)
{
	enum hs_maybe passes;

	w->family = json_get_word(chain, "family");
	w->table = json_get_word(chain, "table");
	w->accepted = false;
	passes = walk_chain(w, json_get_word(chain, "name"));
	if (passes != HS_NO && !strcmp(json_get_word(chain, "policy"), "drop")) {
		candidate(w, json_get_word(chain, "name"), "policy drop", 0, true);
		passes = HS_NO;
	}
	return passes != HS_NO || w->accepted;
}

/* Whose hooks are asked: a device's, as it receives; a bridge's; IP's. */
enum place { PLACE_DEVICE, PLACE_BRIDGE, PLACE_IP };

/* A hook, or two of which it is not known which. */
struct asked {
	enum place place;
	const char *hook[2]; /* "" none */
	unsigned int number; /* of IP, enum nf_inet_hooks */
	uint8_t version;
	const char *dev; /* NULL unknown */
};

static bool is_of_device(struct json_object *chain, const char *dev)
{
	struct json_object *of = json_get(chain, "dev"); /* nft 1.0.6 does not tell it */

	if (!of || !dev)
		return true;
	if (!json_object_is_type(of, json_type_array))
		return !strcmp(json_get_word(chain, "dev"), dev);
	for (size_t i = 0; i < json_get_length(of); i++)
		if (!strcmp(json_object_get_string(json_object_array_get_idx(of, i)) ?: "", dev))
			return true;
	return false;
}

static bool is_asked(const struct asked *a, struct json_object *chain)
{
	const char *family = json_get_word(chain, "family");

	switch (a->place) {
	case PLACE_DEVICE: /* inet has an ingress hook too */
		return (!strcmp(family, "netdev") || !strcmp(family, "inet")) &&
		       is_of_device(chain, a->dev);
	case PLACE_BRIDGE:
		return !strcmp(family, "bridge");
	default:
		return !strcmp(family, "inet") || !strcmp(family, a->version == 6 ? "ip6" : "ip");
	}
}

/* The base chains of a hook in the order in which they are asked; one after `last` (-1: none), -1: no more. */
static int next_base(struct json_object *items, const struct asked *asked, const char *hook,
		     int last)
{
	int64_t after = 0, best_prio = 0;
	int best = -1;

	if (last >= 0)
		after = json_object_get_int64(json_get(
			json_get(json_object_array_get_idx(items, (size_t)last), "chain"), "prio"));
	for (int i = 0; i < (int)json_get_length(items); i++) {
		struct json_object *chain =
			json_get(json_object_array_get_idx(items, (size_t)i), "chain");
		int64_t prio = json_object_get_int64(json_get(chain, "prio"));

		if (!chain || strcmp(json_get_word(chain, "hook"), hook) || !is_asked(asked, chain))
			continue;
		if (last >= 0 && (prio < after || (prio == after && i <= last)))
			continue;
		if (best < 0 || prio < best_prio) {
			best = i;
			best_prio = prio;
		}
	}
	return best;
}

static bool translates(struct json_object *items)
{
	for (size_t i = 0; i < json_get_length(items); i++)
		if (!strcmp(json_get_word(json_get(json_object_array_get_idx(items, i), "chain"),
					  "type"),
			    "nat"))
			return true;
	return false;
}

/* ---- iptables-legacy ---- */

/*
 * Which of its tables have a chain at a hook: valid_hooks in net/ipv4/netfilter/iptable_*.c. In table nat
 * iptables takes no rule that drops.
 */
static bool legacy_has(const char *table, const char *hook)
{
	static const struct {
		const char *name, *hooks;
	} tables[] = {
		{ "filter", "input forward output" },
		{ "mangle", "prerouting input forward output postrouting" },
		{ "raw", "prerouting output" },
		{ "security", "input forward output" },
	};

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		if (!strcmp(tables[i].name, table))
			return strstr(tables[i].hooks, hook);
	return false;
}

static const char *upper(struct hs_journeys *js, const char *hook)
{
	char name[16];
	size_t i = 0;

	for (; hook[i] && i + 1 < sizeof(name); i++)
		name[i] = (char)(hook[i] - 'a' + 'A');
	name[i] = '\0';
	return names_internf(js->names, "%s", name);
}

/* `filter` is the one in which people drop, so it is named first. */
static void legacy_find(struct hs_journeys *js, struct json_object *items, const struct node *n,
			struct hs_rule *found)
{
	const char *family = n->j.packet.version == 6 ? "ip6" : "ip";

	for (size_t i = 0; i < json_get_length(items); i++) {
		struct json_object *legacy =
			json_get(json_object_array_get_idx(items, i), "legacy");
		const char *table = json_get_word(legacy, "table");

		if (!legacy || strcmp(json_get_word(legacy, "family"), family) ||
		    !legacy_has(table, found->hook))
			continue;
		if (!found->candidates++ || (found->legacy && !strcmp(table, "filter"))) {
			found->legacy = true;
			found->rejects = n->answered;
			found->family = family;
			found->table = names_internf(js->names, "%s", table);
			found->chain = upper(js, found->hook);
		}
	}
}

/* ---- */

const char *rules_hook(unsigned int hook)
{
	static const char *const names[] = { "prerouting", "input", "forward", "output",
					     "postrouting" };

	return hook < sizeof(names) / sizeof(names[0]) ? names[hook] : "";
}

static struct asked asked_ip(unsigned int number)
{
	return (struct asked){ PLACE_IP, { rules_hook(number), "" }, number, 0, NULL };
}

/* What the stage of a hop says, but the stack of a drop where it does: other probes time those functions then. */
static enum hs_stage stage_asked(const struct hs_hop *hop)
{
	for (size_t i = hop->stage == HS_STAGE_DROP ? hop->n_functions : 0; i-- > 0;) {
		const struct hs_stage_info *stage = stage_of_function(hop->functions[i]);

		if (stage && (stage->id == HS_STAGE_BRIDGE_IN || stage->id == HS_STAGE_BRIDGE_OUT))
			return stage->id;
	}
	return hop->stage;
}

/* Whose rules were asked last, since a device received it. */
static struct asked asked_of(const struct node *n)
{
	for (size_t i = n->j.n_hops; i-- > 0;)
		switch (stage_asked(&n->j.hops[i])) {
		case HS_STAGE_LOCAL_OUT:
			return asked_ip(NF_INET_LOCAL_OUT);
		case HS_STAGE_IP_OUT:
			return asked_ip(NF_INET_POST_ROUTING);
		case HS_STAGE_IP_IN:
			return asked_ip(NF_INET_PRE_ROUTING);
		case HS_STAGE_IP_LOCAL:
			return asked_ip(NF_INET_LOCAL_IN);
		case HS_STAGE_IP_FORWARD:
			return asked_ip(NF_INET_FORWARD);
		case HS_STAGE_BRIDGE_OUT: /* __br_forward(), br_forward_finish() */
			return (struct asked){
				PLACE_BRIDGE, { "forward", "postrouting" }, 0, 0, NULL
			};
		case HS_STAGE_BRIDGE_IN: /* br_handle_frame(), br_pass_frame_up() */
			return (struct asked){
				PLACE_BRIDGE, { "prerouting", "input" }, 0, 0, NULL
			};
		case HS_STAGE_RECEIVE:
			return (struct asked){ PLACE_DEVICE, { "ingress", "" }, 0, 0, NULL };
		default:
			break;
		}
	return asked_ip(NF_INET_NUMHOOKS);
}

/* NF_CT_STATE_BIT() and nft_ct_get_eval(), net/netfilter/nft_ct.c. */
static uint8_t ct_state(uint32_t ct)
{
	unsigned int info = ct & HS_CT_INFO;

	if (ct & HS_CT_ENTRY)
		return (uint8_t)(1u << (info % IP_CT_IS_REPLY + 1));
	return info == CT_UNTRACKED ? 64 : 1;
}

static void packet_see_drop(struct hs_rule_packet *p, const struct hs_rec_free *rec)
{
	const struct hs_rec_drop *drop = (const void *)rec;

	if (rec->hdr.size < sizeof(*drop) + rec->hdr.frames * sizeof(uint64_t))
		return;
	p->has_mark = true;
	p->mark = drop->mark;
	p->has_ct = drop->ct & HS_CT_TOLD;
	p->ct_state = ct_state(drop->ct);
}

bool rules_find(struct hs_journeys *js, const struct node *n, const struct hs_rec_free *rec,
		struct hs_rule *ret)
{
	struct ruleset *set = ruleset_of(js, n->netns);
	const struct hs_hop *last = node_last_hop(n);
	const char *dev = last && *last->dev ? last->dev : NULL;
	struct asked asked = asked_of(n);
	bool ip = asked.place == PLACE_IP, local = ip && asked.number == NF_INET_LOCAL_OUT,
	     out = local || (ip && asked.number == NF_INET_POST_ROUTING),
	     in = !out && strcmp(asked.hook[1], "postrouting");
	struct walk w = {
		.js = js,
		.items = set ? set->items : NULL,
		.packet = { .packet = &n->j.packet,
			    .iif = in ? dev : NULL,
			    .oif = out ? dev : NULL,
			    .elements = elements_of,
			    .ctx = &w },
		.found = ret,
		.left = LOOKS_MAX,
	};
	const char *function = names_symbol(js->names, rec->location);
	bool by_nft = !strcmp(function, "nft_do_chain");
	bool by_other = ip && js->nft_frees && !strcmp(function, "nf_hook_slow");
	bool goes_on = true;

	asked.version = n->j.packet.version;
	asked.dev = dev;
	ret->hook = asked.hook[0];
	if (!w.items || set->partial || !*ret->hook)
		return false;
	w.nothing = json_object_new_array();
	packet_see_drop(&w.packet, rec);
	if (local)
		w.packet.iif = "";
	w.packet.translated = translates(w.items);
	for (size_t i = 0; i < 2 && !ret->candidates && !by_other; i++) {
		const char *hook = asked.hook[i];

		for (int base = next_base(w.items, &asked, hook, -1); *hook && base >= 0 && goes_on;
		     base = next_base(w.items, &asked, hook, base)) {
			ret->hook = hook;
			goes_on = walk_base(
				&w, json_get(json_object_array_get_idx(w.items, (size_t)base),
					     "chain"));
		}
	}
	json_object_put(w.nothing);
	if (!w.left) {
		*ret = no_fate.rule;
		ret->hook = asked.hook[0];
		return false;
	}
	/* What may have dropped it in nftables may have let it pass, too. */
	if (ip && goes_on && !by_nft)
		legacy_find(js, w.items, n, ret);
	/* Which hook it was, is inferred; for rules of IP there are other signs. */
	if (!ret->candidates && !ip) {
		*ret = no_fate.rule;
		return false;
	}
	return true;
}
