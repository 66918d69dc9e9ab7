/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Journeys and calls built by hand, told to a view as the journey engine would, and what the view
 * writes compared with tests/unit/render/. Tests that use this run from the repository root;
 * UPDATE=1 writes the expectations anew.
 */
#ifndef HELPER_VIEW_H
#define HELPER_VIEW_H

#include "../../loader/render.h"

#define US	 1000u
#define MS	 1000000u
#define S	 1000000000u
#define T0	 (100ull * S)
#define MAX_HOPS 24

struct hs_endpoint ep(const char *addr, uint16_t port);

/* A journey with room for its hops. */
struct trip {
	struct hs_journey j;
	struct hs_hop hops[MAX_HOPS];
	uint32_t caused[2];
};

void trip_init(struct trip *t, uint32_t id, struct hs_packet packet, uint64_t born);
struct hs_hop *trip_hop(struct trip *t, enum hs_stage stage, uint64_t time, const char *netns,
			const char *dev);
void trip_via(struct trip *t, enum hs_stage stage, uint64_t time, const char *netns,
	      const char *dev, const char *function);
/* A hop in a softirq. */
struct hs_hop *trip_last(struct trip *t, enum hs_stage stage, uint64_t time, const char *netns,
			 const char *dev);
void trip_fate(struct trip *t, enum hs_fate_kind kind, uint64_t time, const char *netns,
	       const char *dev);
void trip_queued(struct trip *t, uint64_t time, uint32_t socket, const char *netns,
		 const char *dev);

struct hs_call made_call(struct hs_task task, enum hs_call_id id, const char *name, int fd,
			 int64_t ret, uint64_t at);

struct view {
	struct hs_sink *sink;
};

#define TELL(view, callback, ...)                                               \
	do {                                                                    \
		if ((view)->sink->callback)                                     \
			(view)->sink->callback((view)->sink->ctx, __VA_ARGS__); \
	} while (0)

/* Hops i … before `end`, as they happen. */
void tell_hops(struct view *v, struct trip *t, size_t from, size_t end);
void tell_whole(struct view *v, struct trip *t);

typedef struct hs_sink *make_view(FILE *out, const struct hs_render_options *options);

char *view_render(make_view *make, void (*tell)(struct view *v),
		  const struct hs_render_options *options);
/* No line is too long or ends in a space, nothing is in it that a terminal would obey. */
void view_check_lines(const char *text, const struct hs_render_options *options, bool json);

struct view_expectation {
	const char *file; /* tests/unit/render/FILE.txt */
	make_view *make;
	void (*tell)(struct view *v);
	struct hs_render_options options; /* width 0: 80 */
};

/* How many failed. */
int view_check_all(const struct view_expectation *expectations, size_t n);

#endif
