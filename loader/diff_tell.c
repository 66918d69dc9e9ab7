// SPDX-License-Identifier: BSD-2-Clause
/* Where two recordings part, in lines for people. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "diff.h"
#include "render_flows.h"

#define G	   TEXT_GLUE
#define LABEL	   4  /* column of "A" and "B" */
#define SAID	   11 /* column of what is said of them */
#define ALIKE_MAX  64 /* so many different partings are known again */
#define CALLS_MAX  20 /* so many calls are shown without -v */
#define PLACES_MAX 6  /* so many places of a way are shown without -v */

static const char *const letters[] = { "A", "B" };

/* `r->line` becomes a paragraph behind a label, which may be "". */
static void tell_said(struct render *r, const char *label)
{
	text_pad(&r->page, LABEL);
	if (*label) {
		text_color(&r->page, TEXT_BOLD);
		text_addf(&r->page, "%s%s", label, r->opt.plain ? ":" : "");
		text_color(&r->page, TEXT_RESET);
		text_add(&r->page, " ");
	}
	text_pad(&r->page, SAID);
	parts_flow(r, NULL, SAID);
}

static void tell_place(struct render *r, const struct diff_hop *hop)
{
	text_color(&r->line, TEXT_CYAN);
	text_addf(&r->line, "%s%s%s", hop->netns, *hop->dev ? G : "", hop->dev);
	text_color(&r->line, TEXT_RESET);
	text_add(&r->line, r->opt.plain ? ": " : "  ");
}

static bool same_place(const struct diff_hop *a, const struct diff_hop *b)
{
	return !strcmp(a->netns, b->netns) && !strcmp(a->dev, b->dev);
}

/* What it says depends on the run, or is said by the fate. */
static bool hop_has_text(const struct diff_hop *hop)
{
	return *hop->text && hop->stage != HS_STAGE_RECEIVE && hop->stage != HS_STAGE_SOCK_QUEUE &&
	       hop->stage != HS_STAGE_WAKEUP && hop->stage != HS_STAGE_RUNNING;
}

static void tell_hop(struct text *t, const struct diff_hop *hop)
{
	parts_label(t, hop->stage);
	if (hop_has_text(hop))
		text_addf(t, ": %s", hop->text);
}

static bool hop_is_end(const struct diff_hop *hop)
{
	return hop->stage == HS_STAGE_DROP || hop->stage == HS_STAGE_SOCK_QUEUE ||
	       hop->stage == HS_STAGE_CONSUME || hop->stage == HS_STAGE_WAKEUP ||
	       hop->stage == HS_STAGE_RUNNING;
}

/* Hops from `i` on, a paragraph for each place; `label` stands before the first. */
static const char *tell_way(struct render *r, const struct diff_journey *j, size_t i,
			    const char *label)
{
	unsigned int places = 0;

	while (i < j->n_hops) {
		const struct diff_hop *first = &j->hops[i];
		const char *last = "";
		bool any = false;

		for (; i < j->n_hops && same_place(first, &j->hops[i]); i++) {
			const char *stage = text_stage_label(j->hops[i].stage);

			if (hop_is_end(&j->hops[i]) ||
			    (!strcmp(stage, last) && !hop_has_text(&j->hops[i])))
				continue;
			if (any)
				parts_arrow(&r->line);
			else
				tell_place(r, first);
			tell_hop(&r->line, &j->hops[i]);
			last = stage;
			any = true;
		}
		if (!any)
			continue;
		tell_said(r, label);
		label = "";
		if (++places == PLACES_MAX && !r->opt.verbose && i < j->n_hops) {
			text_addf(&r->line, "… and" G "%zu" G "more" G "hops", j->n_hops - i);
			tell_said(r, "");
			break;
		}
	}
	return label;
}

static void tell_fate(struct render *r, const struct diff_journey *kept, const char *label)
{
	struct hs_journey j = kept->j;
	struct hs_hop last = { 0 };
	struct text *t = &r->line;

	if (kept->n_hops) {
		const struct diff_hop *hop = &kept->hops[kept->n_hops - 1];

		last = (struct hs_hop){ .stage = hop->stage, .netns = hop->netns, .dev = hop->dev };
		j.hops = &last;
		j.n_hops = 1;
	}
	parts_fate_word(t, &j.fate, true);
	text_add(t, " ");
	parts_fate_rest(t, &j, true);
	if (*j.fate.netns && j.fate.kind != HS_FATE_LEFT && j.fate.kind != HS_FATE_UNDERWAY &&
	    j.fate.kind != HS_FATE_UNKNOWN)
		text_addf(t, ", in" G "%s", j.fate.netns);
	tell_said(r, label);
	text_add(t, parts_fate_why(&j.fate));
	if (t->len)
		tell_said(r, "");
	if (parts_new_remedy(r, j.fate.remedy)) {
		text_add(t, j.fate.remedy);
		tell_said(r, "");
	}
}

/* What came of it: sentences about it, in `r->line`, until there are no more. */
static bool tell_sequel(struct render *r, const struct hs_journey *j, int i)
{
	struct text *t = &r->line;

	if (i == 0 && j->no_icmp && *j->no_icmp)
		parts_no_icmp(t, j);
	else if (i == 1 && j->read_done)
		parts_read_short(t, j);
	else if (i == 2 && j->unread_at_close)
		parts_unread(t, j);
	else if (i == 3 && j->told != HS_TOLD_NOTHING)
		parts_told(t, j);
	else if (i == 4 && j->incomplete)
		parts_incomplete(t, j);
	return i < 5;
}

static void tell_caused(struct render *r, const struct diff_side *side, uint32_t id)
{
	const struct diff_journey *child = id < side->n_ids ? side->by_id[id] : NULL;
	struct text *t = &r->line;

	text_add(t, r->opt.plain ? "causes" G : "└▶" G);
	parts_id(t, id);
	if (child) {
		text_add(t, G);
		if (*child->j.cause_text)
			text_add(t, child->j.cause_text);
		else
			text_packet(t, &child->j.packet, false);
		if (child->j.told != HS_TOLD_NOTHING) {
			text_add(t, ", ");
			parts_told(t, &child->j);
		}
	}
	tell_said(r, "");
}

/* What became of it from hop `from` on. */
static void tell_side(struct render *r, const struct diff_side *side, const struct diff_journey *j,
		      size_t from, const char *label)
{
	label = tell_way(r, j, from, label);
	tell_fate(r, j, label);
	for (int i = 0; tell_sequel(r, &j->j, i); i++)
		if (r->line.len)
			tell_said(r, "");
	for (size_t i = 0; i < j->j.n_caused; i++)
		tell_caused(r, side, j->j.caused[i]);
}

static void tell_ids(struct render *r, const struct diff_pair *pair)
{
	const uint32_t a = pair->side[0]->j.id, b = pair->side[1]->j.id;

	parts_id(&r->page, a);
	if (a != b) {
		text_add(&r->page, " in" G "A, ");
		parts_id(&r->page, b);
		text_add(&r->page, " in" G "B");
	}
	text_add(&r->page, r->opt.plain ? ": " : " ");
	text_pad(&r->page, LABEL);
}

static void tell_packet(struct render *r, const struct hs_journey *j)
{
	flows_packet(&r->line, j, true);
	if (j->cause_kind == HS_CAUSE_JOURNEY && j->cause) {
		text_add(&r->line, parts_gap(r));
		parts_cause(&r->line, j);
	} else if (j->cause_kind != HS_CAUSE_NONE && !j->retransmission) {
		text_add(&r->line, parts_gap(r));
		parts_by(&r->line, j);
	}
}

static void tell_common(struct render *r, const struct diff_pair *pair)
{
	const struct diff_journey *a = pair->side[0], *b = pair->side[1];
	struct text *t = &r->line;

	if (!pair->common) {
		text_add(t, "nothing: they part where they begin");
		tell_said(r, "both");
		return;
	}
	text_addf(t, "%zu" G "hop%s; the last: ", pair->common, pair->common == 1 ? "" : "s");
	tell_place(r, &a->hops[pair->last[0] - 1]);
	tell_hop(t, &a->hops[pair->last[0] - 1]);
	if (!same_place(&a->hops[pair->last[0] - 1], &b->hops[pair->last[1] - 1])) {
		text_add(t, " (in" G "B: ");
		text_addf(t, "%s" G "%s)", b->hops[pair->last[1] - 1].netns,
			  b->hops[pair->last[1] - 1].dev);
	}
	tell_said(r, "both");
}

static bool pair_differs(const struct diff_pair *pair, enum diff_what what)
{
	return pair->differs & 1u << what;
}

static void tell_numbers(struct render *r, const struct diff_pair *pair)
{
	const struct hs_packet *a = &pair->side[0]->j.packet, *b = &pair->side[1]->j.packet;

	if (pair_differs(pair, DIFF_TTL)) {
		text_addf(&r->line, "%s" G "%u in" G "A, %u in" G "B",
			  a->version == 6 ? "hop limit" : "TTL", a->ttl, b->ttl);
		tell_said(r, "");
	}
	if (pair_differs(pair, DIFF_SIZE)) {
		text_size(&r->line, a->length);
		text_add(&r->line, " in" G "A, ");
		text_size(&r->line, b->length);
		text_add(&r->line, " in" G "B, from the IP header on");
		tell_said(r, "");
	}
}

static void tell_inconclusive(struct render *r)
{
	text_color(&r->line, TEXT_YELLOW);
	text_add(&r->line, r->opt.plain ? "Inconclusive:" : "! inconclusive:");
	text_color(&r->line, TEXT_RESET);
	text_add(&r->line, " events were lost, so what is not seen may have happened");
	tell_said(r, "");
}

static void tell_parting(struct render *r, const struct diff *d, const struct diff_pair *pair)
{
	const unsigned int numbers = 1 << DIFF_TTL | 1 << DIFF_SIZE | 1 << DIFF_PLACE;

	tell_ids(r, pair);
	tell_packet(r, &pair->side[0]->j);
	parts_flow(r, NULL, LABEL);
	if (pair_differs(pair, DIFF_PLACE) || pair_differs(pair, DIFF_ICMP)) {
		text_add(&r->page, r->opt.plain ? "  in B: " : "");
		text_pad(&r->page, LABEL);
		text_add(&r->line, r->opt.plain ? "" : "in" G "B ");
		tell_packet(r, &pair->side[1]->j);
		parts_flow(r, NULL, LABEL);
	}
	tell_numbers(r, pair);
	if (pair->differs & ~numbers) {
		tell_common(r, pair);
		for (int i = 0; i < 2; i++)
			tell_side(r, &d->side[i], pair->side[i], pair->part[i], letters[i]);
	}
	if (pair->verdict == DIFF_INCONCLUSIVE)
		tell_inconclusive(r);
}

static void tell_only(struct render *r, const struct diff_pair *pair)
{
	int in = pair->side[0] ? 0 : 1;
	const struct hs_journey *j = &pair->side[in]->j;

	parts_id(&r->page, j->id);
	text_addf(&r->page, " only" G "in" G "%s%s", letters[in], r->opt.plain ? ": " : "  ");
	tell_packet(r, j);
	parts_flow(r, NULL, LABEL);
	tell_fate(r, pair->side[in], "");
	for (int i = 0; tell_sequel(r, j, i); i++)
		if (r->line.len)
			tell_said(r, "");
	if (pair->verdict == DIFF_INCONCLUSIVE)
		tell_inconclusive(r);
}

/* --- partings that are alike --- */

static bool journeys_alike(const struct diff_pair *p, const struct diff_pair *q, int in)
{
	const struct diff_journey *a = p->side[in], *b = q->side[in];
	const struct hs_packet *x, *y;

	if (!a || !b)
		return a == b;
	x = &a->j.packet;
	y = &b->j.packet;
	if ((p->part[in] < a->n_hops ? a->hops[p->part[in]].stage : 0) !=
	    (q->part[in] < b->n_hops ? b->hops[q->part[in]].stage : 0))
		return false;
	return x->proto == y->proto && x->icmp_type == y->icmp_type &&
	       x->icmp_code == y->icmp_code && x->tcp_flags == y->tcp_flags &&
	       !memcmp(&x->src.addr, &y->src.addr, sizeof(x->src.addr)) &&
	       !memcmp(&x->dst.addr, &y->dst.addr, sizeof(x->dst.addr)) &&
	       (x->src.port == y->src.port || x->dst.port == y->dst.port) &&
	       a->j.fate.kind == b->j.fate.kind && !strcmp(a->j.fate.netns, b->j.fate.netns) &&
	       !strcmp(a->j.fate.reason, b->j.fate.reason) && a->j.told == b->j.told &&
	       a->j.told_err == b->j.told_err && a->j.read_done == b->j.read_done;
}

static bool pairs_alike(const struct diff_pair *p, const struct diff_pair *q)
{
	return p->verdict == q->verdict && p->differs == q->differs && journeys_alike(p, q, 0) &&
	       journeys_alike(p, q, 1);
}

/* Those that part like one before, by index: how many there are of it, and which is the last. */
struct alike {
	size_t n, last;
	bool told; /* with one before */
};

static void find_alike(const struct diff *d, struct alike *alike)
{
	size_t known[ALIKE_MAX], n_known = 0;

	for (size_t i = 0; i < d->n_pairs; i++) {
		const struct diff_pair *pair = &d->pairs[i];
		size_t k = 0;

		if (pair->verdict == DIFF_SAME || pair->minor)
			continue;
		while (k < n_known && !pairs_alike(&d->pairs[known[k]], pair))
			k++;
		if (k < n_known) {
			alike[i].told = true;
			alike[known[k]].n++;
			alike[known[k]].last = i;
		} else if (n_known < ALIKE_MAX) {
			known[n_known++] = i;
		}
	}
}

static void tell_alike(struct render *r, const struct diff *d, const struct alike *alike)
{
	const struct diff_pair *last = &d->pairs[alike->last];
	int in = last->side[0] ? 0 : 1;

	if (!alike->n)
		return;
	text_addf(&r->line, "and %zu more like it, the last: #%" PRIu32 " in" G "%s", alike->n,
		  last->side[in]->j.id, letters[in]);
	text_add(&r->line, " (-v shows them)");
	tell_said(r, "");
}

/* --- calls --- */

static void tell_call(struct render *r, const struct diff_call *call, const char *label)
{
	struct text *t = &r->line;

	text_task(t, &call->c.task);
	text_add(t, " ");
	text_call(t, &call->c, true);
	tell_said(r, label);
	if (call->c.hint && *call->c.hint) {
		text_add(t, call->c.hint);
		tell_said(r, "");
	}
}

static bool side_knows(const struct diff_side *side, const char *comm)
{
	for (size_t i = 0; i < side->n_calls; i++)
		if (!strcmp(side->calls[i].c.task.comm, comm))
			return true;
	return false;
}

/* A program that ran in one recording only: how many calls from `i` on are its. */
static size_t calls_of_stranger(const struct diff *d, size_t i)
{
	int in = d->calls[i].side[0] ? 0 : 1;
	const struct hs_call *first = &d->calls[i].side[in]->c;
	size_t n = 0;

	if (d->calls[i].side[!in] || side_knows(&d->side[!in], first->task.comm))
		return 0;
	for (; i + n < d->n_calls; n++) {
		const struct diff_call *call = d->calls[i + n].side[in];

		if (!call || call->c.task.pid != first->task.pid ||
		    strcmp(call->c.task.comm, first->task.comm) != 0)
			break;
	}
	return n;
}

/* What is said of the call pairs from `i` on; returns behind them. */
static size_t tell_call_pair(struct render *r, const struct diff *d, size_t i)
{
	const struct diff_call_pair *pair = &d->calls[i];
	size_t strangers = r->opt.verbose ? 0 : calls_of_stranger(d, i);

	for (int in = 0; in < 2; in++) {
		char label[8];

		if (!pair->side[in])
			continue;
		snprintf(label, sizeof(label), "%s%s", letters[in], pair->side[!in] ? "" : " only");
		if (strangers > 1) {
			text_task(&r->line, &pair->side[in]->c.task);
			text_addf(&r->line, ": %zu calls (-v shows them)", strangers);
			tell_said(r, label);
		} else {
			tell_call(r, pair->side[in], label);
		}
	}
	if (pair->verdict == DIFF_INCONCLUSIVE)
		tell_inconclusive(r);
	return i + (strangers ? strangers : 1);
}

static void tell_calls(struct render *r, const struct diff *d)
{
	size_t i = 0, shown = 0;

	if (!d->n_calls)
		return;
	text_newline(&r->page);
	text_add(&r->line, "System calls that differ:");
	parts_flow(r, NULL, LABEL);
	while (i < d->n_calls && (r->opt.verbose || shown++ < CALLS_MAX))
		i = tell_call_pair(r, d, i);
	if (i == d->n_calls)
		return;
	text_addf(&r->line, "… and %zu more (-v shows them)", d->n_calls - i);
	tell_said(r, "");
}

/* --- what is the same, and the end --- */

static void tell_extra(struct render *r, const struct diff_pair *pair, int in)
{
	const struct diff_journey *j = pair->side[in];
	bool any = false;

	for (size_t i = 0; i < pair->part[in]; i++) {
		if (j->hops[i].common)
			continue;
		if (!any) {
			parts_id(&r->line, j->j.id);
			text_addf(&r->line, " in" G "%s: ", letters[in]);
		} else {
			text_add(&r->line, ", ");
		}
		parts_label(&r->line, j->hops[i].stage);
		any = true;
	}
	if (any)
		tell_said(r, "");
}

/* Hops that one recording has, and the other could not see. */
static void tell_extras(struct render *r, const struct diff *d)
{
	size_t n[2] = { 0 };

	for (size_t i = 0; i < d->n_pairs; i++) {
		n[0] += d->pairs[i].extra[0];
		n[1] += d->pairs[i].extra[1];
	}
	if (!n[0] && !n[1])
		return;
	for (int in = 0; in < 2; in++)
		if (n[in])
			text_addf(&r->line, "%s%zu" G "hop%s in" G "%s" G "only",
				  r->line.len ? " and " : "", n[in], n[in] == 1 ? "" : "s",
				  letters[in]);
	text_add(&r->line, ": no parting, as the same hops follow");
	if (!r->opt.verbose)
		text_add(&r->line, " (-v names them)");
	parts_flow(r, NULL, LABEL);
	for (size_t i = 0; r->opt.verbose && i < d->n_pairs; i++)
		for (int in = 0; in < 2; in++)
			if (d->pairs[i].extra[in])
				tell_extra(r, &d->pairs[i], in);
}

static void tell_minors(struct render *r, const struct diff *d)
{
	size_t noise[2] = { 0 }, segments[2] = { 0 };

	for (size_t i = 0; i < d->n_pairs; i++) {
		const struct diff_pair *pair = &d->pairs[i];
		int in = pair->side[0] ? 0 : 1;

		if (!pair->minor)
			continue;
		noise[in] += pair->side[in]->j.noise != HS_NOISE_NO;
		segments[in] += pair->side[in]->j.noise == HS_NOISE_NO;
	}
	for (int in = 0; in < 2; in++) {
		if (noise[in])
			text_addf(&r->line,
				  "%zu" G "background packet%s (ARP and the like) in" G "%s" G
				  "only: no parting",
				  noise[in], noise[in] == 1 ? "" : "s", letters[in]);
		if (r->line.len)
			parts_flow(r, NULL, LABEL);
		if (segments[in])
			text_addf(&r->line,
				  "%zu" G "uneventful TCP segment%s in" G "%s" G "only: no parting",
				  segments[in], segments[in] == 1 ? "" : "s", letters[in]);
		if (r->line.len)
			parts_flow(r, NULL, LABEL);
	}
}

/* "2 journeys are the same", and behind the first count "1 parts" */
static void add_count(struct text *t, size_t n, const char *one, const char *more)
{
	bool first = !t->len;

	if (!n)
		return;
	text_addf(t, "%s%zu" G, first ? "" : ", ", n);
	if (first)
		text_add(t, n == 1 ? "journey" G : "journeys" G);
	text_add(t, n == 1 ? one : more);
}

static void tell_end(struct render *r, const struct diff *d)
{
	size_t of[DIFF_INCONCLUSIVE + 1] = { 0 };
	struct text *t = &r->line;

	for (size_t i = 0; i < d->n_pairs; i++)
		if (!d->pairs[i].minor)
			of[d->pairs[i].verdict]++;
	text_newline(&r->page);
	add_count(t, of[DIFF_SAME], "is" G "the" G "same", "are" G "the" G "same");
	add_count(t, of[DIFF_PART], "parts", "part");
	add_count(t, of[DIFF_ONLY_A], "is" G "only" G "in" G "A", "are" G "only" G "in" G "A");
	add_count(t, of[DIFF_ONLY_B], "is" G "only" G "in" G "B", "are" G "only" G "in" G "B");
	add_count(t, of[DIFF_INCONCLUSIVE], "is" G "inconclusive", "are" G "inconclusive");
	if (!t->len)
		text_add(t, "There is no packet in either");
	if (d->n_same_calls || d->n_calls) {
		text_add(t, "; of" G "the" G "calls ");
		if (d->n_calls)
			text_addf(t, "%zu" G "differ%s, ", d->n_calls, d->n_calls == 1 ? "s" : "");
		text_addf(t, "%zu" G "%s" G "the" G "same", d->n_same_calls,
			  d->n_same_calls == 1 ? "is" : "are");
	}
	parts_flow(r, NULL, LABEL);
	tell_extras(r, d);
	tell_minors(r, d);
}

static void tell_names(struct render *r, const struct diff *d, const char *const names[2])
{
	for (int i = 0; i < 2; i++) {
		text_addf(&r->line, "%s%s%s%s%zu" G "packet%s", letters[i],
			  r->opt.plain ? ": " : "  ", names[i], parts_gap(r), d->side[i].n_journeys,
			  d->side[i].n_journeys == 1 ? "" : "s");
		if (d->side[i].silent)
			text_add(&r->line, ", events were lost");
		parts_flow(r, NULL, LABEL);
	}
}

int diff_tell(const struct diff *d, FILE *out, const struct hs_render_options *options,
	      const char *const names[2])
{
	struct render *r = parts_new(sizeof(*r), out, options);
	struct alike *alike;
	int result;

	if (!r)
		return -ENOMEM;
	alike = calloc(d->n_pairs + 1, sizeof(*alike));
	if (alike && !r->opt.verbose)
		find_alike(d, alike);
	tell_names(r, d, names);
	for (size_t i = 0; alike && i < d->n_pairs; i++) {
		const struct diff_pair *pair = &d->pairs[i];

		if (pair->verdict == DIFF_SAME || pair->minor || alike[i].told)
			continue;
		text_newline(&r->page);
		if (pair->side[0] && pair->side[1])
			tell_parting(r, d, pair);
		else
			tell_only(r, pair);
		tell_alike(r, d, &alike[i]);
		parts_write(r);
	}
	tell_calls(r, d);
	tell_end(r, d);
	result = !alike || r->page.failed || r->line.failed ? -ENOMEM : 0;
	free(alike);
	parts_write(r);
	render_free(&r->sink);
	return result;
}
