/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A sink that lets through only journeys of certain ends (--only, --reason). What a journey is
 * becomes known when it settles, so all of it is passed on then, with the connection it
 * belongs to and the states that it changed. Calls, signals, sockets, losses and the summary pass.
 */
#ifndef HS_ONLY_H
#define HS_ONLY_H

#include "model.h"
#include "select.h"

enum hs_only {
	HS_ONLY_DROPPED = 1 << 0,
	HS_ONLY_REFUSED = 1 << 1,
	HS_ONLY_RESET = 1 << 2,
	HS_ONLY_RETRANSMITTED = 1 << 3,
	HS_ONLY_UNREAD = 1 << 4,
	HS_ONLY_UNKNOWN = 1 << 5,
};

/* "dropped,unread": sets bits; -EINVAL for an unknown word, which `ret_bad` then points at. */
int only_parse(const char *list, unsigned int *bits, const char **ret_bad);

/* `reasons`: names of drop reasons, any of them; outlives the sink. NULL: no memory. */
struct hs_sink *only_new(struct hs_sink *inner, unsigned int bits, const struct hs_words *reasons);
/* How many journeys it let through. */
uint64_t only_passed(const struct hs_sink *sink);
void only_free(struct hs_sink *sink);

#endif
