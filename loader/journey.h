/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The journey engine: from events to journeys, their fates, reads, causes and calls, handed to a
 * sink. Pure: time advances by events only. What it keeps is bounded (JOURNEY_MAX in journey.c).
 */
#ifndef HS_JOURNEY_H
#define HS_JOURNEY_H

#include "decode.h"
#include "model.h"
#include "select.h"

struct hs_journeys;

/* NULL when out of memory. All arguments have to outlive the engine. */
struct hs_journeys *journeys_new(struct hs_names *names, const struct hs_select *select,
				 const struct hs_sink *sink);
void journeys_free(struct hs_journeys *journeys);

/* hs_event_fn and hs_gap_fn; `ctx` is the engine. 0 or -ENOMEM. */
int journeys_event(void *ctx, const struct hs_event *event);
void journeys_gap(void *ctx, uint64_t time, int64_t lost);

/* Journeys that are shown and have no fate yet. */
size_t journeys_underway(const struct hs_journeys *journeys);
/* Of the shown ones, datagrams queued in the last seconds that wait to be read. */
size_t journeys_unread(const struct hs_journeys *journeys);
/* Journeys that were shown and are settled. */
uint64_t journeys_settled(const struct hs_journeys *journeys);

#endif
