/* SPDX-License-Identifier: BSD-2-Clause */
/* What to say to a person about a drop reason (reasons.def). All strings are static, never NULL. */
#ifndef HS_REASONS_H
#define HS_REASONS_H

#include <stdbool.h>
#include <stddef.h>

struct hs_reason_info {
	const char *name;     /* "NO_SOCKET", as the kernel names it without its prefix */
	const char *sentence; /* what happened */
	const char *remedy;   /* what to look at, "" */
};

/* The whole table, for walking; *ret_n is its length. */
const struct hs_reason_info *reasons_all(size_t *ret_n);

/* NULL when nothing is known of that reason. */
const struct hs_reason_info *reason_info(const char *name);

/* Is that one of the functions that stand in the place of a route where there is none? */
bool reason_is_no_route(const char *function);

/* Is that one of the functions that free what no socket is for, among others? */
bool reason_may_be_no_socket(const char *function);

/* Is that one of the functions that free what a firewall rule drops, among others? */
bool reason_may_be_rule(const char *function);

#endif
