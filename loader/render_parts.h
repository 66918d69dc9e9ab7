/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the text views share: the sentences about a journey, a call, a loss, the end. For the
 * renderers only; everybody else wants render.h.
 */
#ifndef HS_RENDER_PARTS_H
#define HS_RENDER_PARTS_H

#include "render.h"
#include "text.h"

/* The head of every renderer's state; sink.ctx points to it. */
struct render {
	struct hs_sink sink;
	FILE *out;
	struct hs_render_options opt;
	struct text_style style;
	struct text page; /* lines that are complete but not written */
	struct text line; /* the paragraph under work */
	uint64_t last;	  /* time of the line before, for HS_TIME_DELTA */
	char *remedy;	  /* the last that was printed: not again at every drop of a burst */
	void (*destroy)(struct render *r); /* frees what the view added; may be NULL */
};

/* Zeroed memory of `size` bytes that begins with a struct render; NULL when out of memory. */
void *parts_new(size_t size, FILE *out, const struct hs_render_options *options);

/* The paragraph `r->line` flows into the page and is cleared. */
void parts_flow(struct render *r, const char *prefix, int indent);
/* `r->line` fits on the rest of the line that begins at `column`. */
bool parts_fits(const struct render *r, int column);
void parts_write(struct render *r);

/* A growing set of small numbers (journey ids). */
struct id_set {
	uint8_t *bits;
	size_t bytes;
};

bool id_set_has(const struct id_set *set, uint32_t id);
/* False when out of memory; the set is unchanged then. */
bool id_set_add(struct id_set *set, uint32_t id);

/* Is there a time column in every line (-t, -tt, -ttt), and how wide is it. */
bool parts_has_clock(const struct render *r);
int parts_clock_width(const struct render *r);
/* `time` as -t, -tt or -ttt say; right-aligned to end at `column`. */
void parts_clock(struct render *r, struct text *t, uint64_t time, int column);

const char *parts_gap(const struct render *r); /* between the parts of a line: "  " or ", " */

/* Sentences. Each adds to `t` without a newline. */
void parts_id(struct text *t, uint32_t id); /* #7 */
void parts_cause(struct text *t,
		 const struct hs_journey *j); /* "◀ #2"; of a relative "fragment of #2" */
/* It is a part, or a loop's copy, of one that did not provoke it: its relation is told beside its cause. */
bool parts_is_part(const struct hs_journey *j);
void parts_relation(struct text *t, const struct hs_journey *j); /* "duplicate of #2" */
/* "by client[8] sendto(3) = 4" */
void parts_by(struct text *t, const struct hs_journey *j);
/* One word with its mark, "✗ DROPPED" or in lower case, coloured. */
void parts_fate_word(struct text *t, const struct hs_fate *fate, bool upper);
/* What follows the word: "NO_SOCKET in __udp4_lib_rcv" (`function`: the last two words too). */
void parts_fate_rest(struct text *t, const struct hs_journey *j, bool function);
/* The sentence that explains a fate, where parts_fate_rest() has not said it already; or "". */
const char *parts_fate_why(const struct hs_fate *fate);
void parts_read(struct text *t, const struct hs_journey *j);
/* The same without how long it waited: follow's time column tells that. */
void parts_read_short(struct text *t, const struct hs_journey *j);
/* "recvfrom() = ECONNREFUSED" of whom */
void parts_told_call(struct text *t, const struct hs_journey *j);
void parts_told(struct text *t, const struct hs_journey *j);
void parts_unread(struct text *t, const struct hs_journey *j);
void parts_no_icmp(struct text *t, const struct hs_journey *j);
void parts_incomplete(struct text *t, const struct hs_journey *j);
void parts_label(struct text *t, enum hs_stage stage);
/*
 * "receive: text (softirq, CPU 1)", without a CPU that is still the same where `column` leaves no
 * room for it; `prev` is the timed hop before, or NULL.
 */
void parts_hop(struct render *r, struct text *t, const struct hs_journey *j,
	       const struct hs_hop *hop, const struct hs_hop *prev, int column);
/* "ip_send_skb → ip_output"; false when the hop has no functions */
bool parts_functions(struct text *t, const struct hs_hop *hop);
void parts_arrow(struct text *t); /* between things in a chain */

/* Is this the hop that the fate line tells about, so that it needs no line of its own. */
bool parts_is_fate_hop(const struct hs_journey *j, const struct hs_hop *hop);
/* The timed hop before `hop` (which is one of j's), or NULL. */
const struct hs_hop *parts_prev_timed(const struct hs_journey *j, const struct hs_hop *hop);

/* True once for the same remedy in a row; false for "". */
bool parts_new_remedy(struct render *r, const char *remedy);

/* Whole lines of list, tree and follow: a call, and the sinks' loss and summary (ctx: a render). */
/* `more`: what else came of it; `prefix`: of a second line; both may be NULL */
void parts_call(struct render *r, const struct hs_call *call, const struct text *more,
		const char *prefix);
void parts_loss(void *ctx, uint64_t time, uint64_t lost, uint64_t misses);
void parts_summary(struct render *r, const struct hs_summary *s);

#endif
