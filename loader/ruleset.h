/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The firewall rules of a network namespace, by libnftables(3), and which tables iptables-legacy uses. Live
 * only, but for the parser, which is pure.
 */
#ifndef HS_RULESET_H
#define HS_RULESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As HS_RULES_ITEM in abi.h describes them; or why there are none. */
struct hs_ruleset {
	uint32_t generation; /* as below; 0 unknown */
	char **items;	     /* JSON, one a line */
	size_t n;
	char error[128]; /* "" */
};

/*
 * A number that is another one when the rules have changed: nftables' count of changes (NFT_MSG_GETGEN), and how
 * many tables of iptables-legacy are in use. Of the namespace that the calling thread is in. 0 or negative errno:
 * -ENOENT without nf_tables.
 */
int ruleset_generation(uint32_t *ret);

/*
 * The same: all of it. 0 (see `error`), or -ENOMEM. The caller frees it. `nft`: nf_tables is in this kernel; else
 * it is not asked where iptables-legacy is used, as that question would load its module.
 */
int ruleset_read(struct hs_ruleset *ret, bool nft);
void ruleset_free(struct hs_ruleset *rules);

/*
 * Adds to `ret` the chains, rules, sets and maps of `json` (nft -j list ruleset), each rule with its words from `text`
 * (nft -a list ruleset). 0, -EPROTO, -ENOMEM.
 */
int ruleset_parse(struct hs_ruleset *ret, const char *json, const char *text);

#endif
