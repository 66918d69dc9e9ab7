/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Does a packet meet the conditions of a rule of nftables, as far as its headers tell? Pure.
 */
#ifndef HS_RULE_MATCH_H
#define HS_RULE_MATCH_H

#include <stdbool.h>

#include <json-c/json.h>

#include "model.h"

/* In this order, so that the smaller of two is "both". */
enum hs_maybe { HS_NO, HS_MAYBE, HS_YES };

struct hs_rule_packet {
	const struct hs_packet *packet;
	const char *iif, *oif; /* names of devices, "" none, NULL unknown */
	bool has_mark, has_ct;
	uint32_t mark; /* skb->mark */
	uint8_t ct_state; /* as nft's "ct state": invalid 1, established 2, related 4, new 8, untracked 64 */
	bool translated; /* rules may have changed addresses and ports on the way */
	/* what the set of that name holds, an array; NULL: not known */
	struct json_object *(*elements)(void *ctx, const char *name);
	void *ctx;
};

/*
 * One statement of libnftables-json(5), with numbers where it may have names (NFT_CTX_OUTPUT_NUMERIC_ALL).
 * What is no condition is met. Conditions about what is not known (users, sets that packets change, limits)
 * may be met.
 */
enum hs_maybe rule_statement_is_met(struct json_object *statement, const struct hs_rule_packet *p);

/* Is the value of this expression `right` for the packet? `right` as in a match. */
enum hs_maybe rule_value_is(struct json_object *left, struct json_object *right,
			    const struct hs_rule_packet *p);

#endif
