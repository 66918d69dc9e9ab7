// SPDX-License-Identifier: BSD-2-Clause
#include "render_parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "losses.h"

#define G	      TEXT_GLUE
#define NS_PER_S      1000000000
#define NS_PER_MS     1000000
#define MIN_WIDTH     40
#define DEFAULT_WIDTH 80

/* --- the renderer itself --- */

void *parts_new(size_t size, FILE *out, const struct hs_render_options *options)
{
	struct render *r = calloc(1, size);

	if (!r)
		return NULL;
	r->sink.ctx = r;
	r->out = out;
	r->opt = *options;
	if (r->opt.width < MIN_WIDTH)
		r->opt.width = DEFAULT_WIDTH;
	r->style = (struct text_style){
		.width = r->opt.width,
		.ascii = r->opt.ascii,
		.plain = r->opt.plain,
		.color = r->opt.color,
	};
	text_init(&r->page, &r->style);
	text_init(&r->line, &r->style);
	return r;
}

void render_free(struct hs_sink *sink)
{
	struct render *r = sink ? sink->ctx : NULL;

	if (!r)
		return;
	if (r->destroy)
		r->destroy(r);
	text_free(&r->page);
	text_free(&r->line);
	free(r->remedy);
	free(r);
}

void parts_flow(struct render *r, const char *prefix, int indent)
{
	text_flow(&r->page, &r->line, prefix, indent);
	text_newline(&r->page);
	text_clear(&r->line);
}

bool parts_fits(const struct render *r, int column)
{
	return column + r->line.column <= r->opt.width;
}

void parts_write(struct render *r)
{
	text_write(&r->page, r->out);
}

bool id_set_has(const struct id_set *set, uint32_t id)
{
	return id / 8 < set->bytes && set->bits[id / 8] & 1 << id % 8;
}

bool id_set_add(struct id_set *set, uint32_t id)
{
	if (id / 8 >= set->bytes) {
		size_t bytes = ((size_t)id / 8 + 1) * 2;
		uint8_t *bits = realloc(set->bits, bytes);

		if (!bits)
			return false;
		memset(bits + set->bytes, 0, bytes - set->bytes);
		set->bits = bits;
		set->bytes = bytes;
	}
	set->bits[id / 8] |= (uint8_t)(1 << id % 8);
	return true;
}

/* --- time columns --- */

bool parts_has_clock(const struct render *r)
{
	return r->opt.time != HS_TIME_BIRTH;
}

int parts_clock_width(const struct render *r)
{
	switch (r->opt.time) {
	case HS_TIME_WALL:
		return 15; /* 12:34:56.123456 */
	case HS_TIME_START:
		return 11; /* 1234.123456 */
	default:
		return r->style.plain ? 20 : 9; /* +999.9 µs */
	}
}

void parts_clock(struct render *r, struct text *t, uint64_t time, int column)
{
	struct text at;
	uint64_t ns;

	text_init(&at, &r->style);
	switch (r->opt.time) {
	case HS_TIME_WALL:
		ns = time + (uint64_t)r->opt.wall_offset +
		     (uint64_t)((int64_t)r->opt.utc_offset * NS_PER_S);
		text_addf(&at, "%02u:%02u:%02u.%06u", (unsigned int)(ns / NS_PER_S / 3600 % 24),
			  (unsigned int)(ns / NS_PER_S / 60 % 60),
			  (unsigned int)(ns / NS_PER_S % 60), (unsigned int)(ns % NS_PER_S / 1000));
		break;
	case HS_TIME_START:
		ns = time > r->opt.start ? time - r->opt.start : 0;
		text_addf(&at, "%" PRIu64 ".%06u", ns / NS_PER_S,
			  (unsigned int)(ns % NS_PER_S / 1000));
		break;
	default:
		text_add(&at, "+");
		text_duration(&at, r->last && time > r->last ? time - r->last : 0);
	}
	r->last = time;
	text_pad(t, column - at.column);
	text_append(t, &at);
	text_free(&at);
}

/* --- sentences --- */

const char *parts_gap(const struct render *r)
{
	return r->opt.plain ? ", " : "  ";
}

void parts_id(struct text *t, uint32_t id)
{
	text_color(t, TEXT_BOLD);
	text_addf(t, "#%" PRIu32, id);
	text_color(t, TEXT_RESET);
}

bool parts_is_part(const struct hs_journey *j)
{
	return (j->relation == HS_RELATION_FRAGMENT || j->relation == HS_RELATION_LOOPED) &&
	       j->related_to;
}

void parts_relation(struct text *t, const struct hs_journey *j)
{
	const char *words = text_relation_words(j->relation ?: HS_RELATION_COPY);

	for (; *words; words++)
		text_addf(t, "%.*s", *words == ' ' ? (int)strlen(G) : 1, *words == ' ' ? G : words);
	text_addf(t, G "#%" PRIu32, j->related_to ?: j->duplicate_of);
}

void parts_cause(struct text *t, const struct hs_journey *j)
{
	bool relative = j->duplicate_of || parts_is_part(j);

	if (relative)
		parts_relation(t, j);
	if (j->duplicate_of || j->cause_kind != HS_CAUSE_JOURNEY || !j->cause)
		return;
	if (relative && j->cause != j->related_to)
		text_add(t, ", ");
	if (!relative || j->cause != j->related_to)
		text_addf(t, t->style->plain ? "caused" G "by" G "#%" PRIu32 : "◀" G "#%" PRIu32,
			  j->cause);
}

/* detail 2: also what the call returned; 1: also the descriptor */
static void add_by_call(struct text *t, const struct hs_journey *j)
{
	text_add(t, "by" G);
	text_task(t, &j->by);
	if (!*j->by_call)
		return;
	text_addf(t, G "%s(", j->by_call);
	if (j->by_fd >= 0)
		text_addf(t, "%" PRId32, j->by_fd);
	text_add(t, ")");
	if (j->by_done && j->by_ret < 0) {
		char buf[16];

		text_addf(t, G "=" G "%s", text_errno((int)-j->by_ret, buf));
	} else if (j->by_done) {
		text_addf(t, G "=" G "%" PRId64, j->by_ret);
	}
}

void parts_by(struct text *t, const struct hs_journey *j)
{
	if (j->cause_kind == HS_CAUSE_KERNEL) {
		text_add(t, "by" G "the" G "kernel");
		if (*j->cause_text)
			text_addf(t, ": %s", j->cause_text);
	} else if (j->cause_kind == HS_CAUSE_TIMER) {
		text_addf(t, "by" G "the" G "kernel: %s",
			  j->timer && *j->timer ? j->timer : "a timer");
	} else if (j->cause_kind == HS_CAUSE_CALL) {
		add_by_call(t, j);
	}
}

void parts_fate_word(struct text *t, const struct hs_fate *fate, bool upper)
{
	static const struct {
		const char *mark, *lower, *upper;
		enum text_color color;
	} words[] = {
		[HS_FATE_UNDERWAY] = { "…", "under" G "way", "UNDER" G "WAY", TEXT_YELLOW },
		[HS_FATE_QUEUED] = { "✓", "queued", "QUEUED", TEXT_GREEN },
		[HS_FATE_DROPPED] = { "✗", "dropped", "DROPPED", TEXT_RED },
		[HS_FATE_REFUSED] = { "✗", "refused", "REFUSED", TEXT_RED },
		[HS_FATE_CONSUMED] = { "✓", "consumed", "CONSUMED", TEXT_GREEN },
		[HS_FATE_MERGED] = { "✓", "merged", "MERGED", TEXT_GREEN },
		[HS_FATE_LEFT] = { "✓", "left", "LEFT", TEXT_GREEN },
		[HS_FATE_UNKNOWN] = { "?", "unknown", "UNKNOWN", TEXT_YELLOW },
	};

	text_color(t, words[fate->kind].color);
	if (!t->style->plain)
		text_addf(t, "%s" G, words[fate->kind].mark);
	text_add(t, upper ? words[fate->kind].upper : words[fate->kind].lower);
	text_color(t, TEXT_RESET);
}

static void add_function(struct text *t, const char *function)
{
	if (function && *function)
		text_addf(t, " in" G "%s", function);
}

static void add_last_seen(struct text *t, const struct hs_journey *j)
{
	const struct hs_hop *hop = j->n_hops ? &j->hops[j->n_hops - 1] : NULL;

	if (*j->fate.why) {
		text_add(t, j->fate.why);
	} else if (hop) {
		text_add(t, "last seen: ");
		parts_label(t, hop->stage);
		text_addf(t, " %s" G "%s", hop->netns, hop->dev);
	} else {
		text_add(t, "no event tells its end");
	}
}

const char *parts_fate_why(const struct hs_fate *fate)
{
	return fate->kind == HS_FATE_UNDERWAY || fate->kind == HS_FATE_UNKNOWN ? "" : fate->why;
}

void parts_fate_rest(struct text *t, const struct hs_journey *j, bool function)
{
	const struct hs_fate *fate = &j->fate;

	switch (fate->kind) {
	case HS_FATE_UNDERWAY:
	case HS_FATE_UNKNOWN:
		add_last_seen(t, j);
		break;
	case HS_FATE_QUEUED:
		text_addf(t, "at" G "@%" PRIu32, fate->socket);
		if (fate->owner.pid) {
			text_add(t, " of" G);
			text_task(t, &fate->owner);
		}
		break;
	case HS_FATE_DROPPED:
		text_add(t, *fate->reason ? fate->reason : "no reason given");
		if (function)
			add_function(t, fate->function);
		break;
	case HS_FATE_REFUSED:
		text_add(t, "the" G "listener's" G "queue" G "was" G "full");
		break;
	case HS_FATE_CONSUMED:
		text_add(t, "by" G "the" G "kernel");
		if (function)
			add_function(t, fate->function);
		break;
	case HS_FATE_MERGED:
		text_add(t, j->packet.fragmented ? "into" G "its" G "whole" G "datagram"
						 : "into" G "another" G "packet" G "(GRO)");
		if (j->merged_into)
			text_addf(t, G "(#%" PRIu32 ")", j->merged_into);
		break;
	case HS_FATE_LEFT:
		text_addf(t, "this" G "machine" G "by" G "%s", *fate->dev ? fate->dev : "?");
		break;
	}
	if (fate->inferred)
		text_add(t, G "(inferred)");
}

/* Why it was not read at once. */
static void add_reader(struct text *t, const struct hs_read *read)
{
	if (read->waited < NS_PER_MS)
		return;
	if (read->runnable > read->waited / 2) {
		text_add(t, " (it" G "was" G "runnable, without a CPU for" G);
		text_duration(t, read->runnable);
		text_add(t, ")");
	} else if (read->reader == HS_READER_ELSEWHERE) {
		text_add(t, " (it" G "was" G "elsewhere)");
	} else if (read->reader == HS_READER_RUNNABLE) {
		text_add(t, " (it" G "was" G "woken" G "before, and busy)");
	}
}

static void add_read(struct text *t, const struct hs_journey *j, bool waited)
{
	const struct hs_read *read = &j->read;

	text_add(t, "read" G "by" G);
	text_task(t, &read->task);
	if (read->call && *read->call)
		text_addf(t, " %s()", read->call);
	text_addf(t, G "=" G "%" PRId32, read->ret);
	if (waited) {
		text_add(t, " after" G);
		text_duration(t, read->waited);
		add_reader(t, read);
	}
	if (read->inferred)
		text_add(t, " (inferred)");
	if (!read->lost)
		return;
	text_addf(t, ": %" PRIu32 G "of" G, read->copied);
	text_size(t, (uint64_t)read->copied + read->lost);
	text_add(t, G "copied, ");
	text_color(t, TEXT_YELLOW);
	text_size(t, read->lost);
	text_add(t, G "lost");
	text_color(t, TEXT_RESET);
	text_add(t, " (buffer" G "too" G "short)");
}

void parts_read(struct text *t, const struct hs_journey *j)
{
	add_read(t, j, true);
}

void parts_read_short(struct text *t, const struct hs_journey *j)
{
	add_read(t, j, false);
}

void parts_told_call(struct text *t, const struct hs_journey *j)
{
	char buf[16];

	text_addf(t, "%s()" G "=" G, j->told_call && *j->told_call ? j->told_call : "?");
	text_color(t, TEXT_RED);
	text_add(t, text_errno(j->told_err, buf));
	text_color(t, TEXT_RESET);
}

void parts_told(struct text *t, const struct hs_journey *j)
{
	char buf[16];

	switch (j->told) {
	case HS_TOLD_NOTHING:
		break;
	case HS_TOLD_SOCKET:
		text_addf(t, "told to the socket: %s waits for its next call",
			  text_errno(j->told_err, buf));
		break;
	case HS_TOLD_CALL:
		text_add(t, "told to" G);
		text_task(t, &j->told_task);
		text_add(t, ": ");
		parts_told_call(t, j);
		break;
	case HS_TOLD_NOBODY:
		text_add(t, "told to nobody");
		if (j->told_why && *j->told_why)
			text_addf(t, ": %s", j->told_why);
		break;
	}
}

void parts_unread(struct text *t, const struct hs_journey *j)
{
	text_addf(t, "never read: @%" PRIu32 " was closed while it was queued", j->fate.socket);
}

void parts_no_icmp(struct text *t, const struct hs_journey *j)
{
	text_addf(t, "no ICMP error was sent: %s", j->no_icmp);
}

void parts_incomplete(struct text *t, const struct hs_journey *j)
{
	text_color(t, TEXT_YELLOW);
	text_add(t, t->style->plain ? "Inconclusive:" : "! inconclusive:");
	if (j->lost)
		text_addf(t, " %" PRIu64 G "event%s lost while it was alive", j->lost,
			  j->lost == 1 ? " was" : "s were");
	else
		text_add(t, " some of its events may be missing");
	text_color(t, TEXT_RESET);
}

void parts_arrow(struct text *t)
{
	text_add(t, t->style->plain ? ", then" G : " →" G);
}

void parts_label(struct text *t, enum hs_stage stage)
{
	const char *label = text_stage_label(stage);
	char word[2] = "";

	if (!*label)
		text_add(t, "?");
	for (; *label; label++) {
		word[0] = *label;
		text_add(t, *label == ' ' ? G : word);
	}
}

static void add_context(struct text *t, const char *what, bool *any)
{
	text_addf(t, "%s%s", *any ? ", " : " (", what);
	*any = true;
}

/* On which CPU, in whose context: said when it changes. */
static void add_contexts(struct text *t, const struct hs_hop *hop, const struct hs_hop *prev,
			 bool all, bool same_cpu)
{
	bool turned = hop->softirq && (!prev || !prev->softirq);
	bool moved = prev && prev->cpu != hop->cpu;
	bool any = false;
	char buf[32];

	if (turned || (all && hop->softirq))
		add_context(t, "softirq", &any);
	if (all || moved || (turned && same_cpu)) {
		snprintf(buf, sizeof(buf), "CPU" G "%u", hop->cpu);
		add_context(t, buf, &any);
	}
	if (all && hop->task.pid) {
		add_context(t, "", &any);
		text_task(t, &hop->task);
	}
	if (all && hop->address) {
		snprintf(buf, sizeof(buf), "at" G "0x%" PRIx64, hop->address);
		add_context(t, buf, &any);
	}
	text_add(t, any ? ")" : "");
}

static void add_hop(struct render *r, struct text *t, const struct hs_journey *j,
		    const struct hs_hop *hop, const struct hs_hop *prev, bool same_cpu)
{
	parts_label(t, hop->stage);
	if (*hop->text)
		text_addf(t, ": %s", hop->text);
	else if (hop->stage == HS_STAGE_DROP && j->fate.kind == HS_FATE_DROPPED)
		text_addf(t, ": %s", j->fate.reason);
	if (*hop->function && (hop->kind == HS_HOP_STAGE || r->opt.verbose > 1))
		add_function(t, hop->function);
	if (hop->kind == HS_HOP_STAGE)
		add_contexts(t, hop, prev, r->opt.verbose > 1, same_cpu);
}

void parts_hop(struct render *r, struct text *t, const struct hs_journey *j,
	       const struct hs_hop *hop, const struct hs_hop *prev, int column)
{
	struct text full;

	text_init(&full, &r->style);
	add_hop(r, &full, j, hop, prev, true);
	if (column + t->column + full.column <= r->opt.width)
		text_append(t, &full);
	else
		add_hop(r, t, j, hop, prev, false);
	text_free(&full);
}

bool parts_functions(struct text *t, const struct hs_hop *hop)
{
	for (size_t i = 0; i < hop->n_functions; i++) {
		if (i)
			parts_arrow(t);
		text_add(t, hop->functions[i]);
	}
	return hop->n_functions > 0;
}

bool parts_is_fate_hop(const struct hs_journey *j, const struct hs_hop *hop)
{
	enum hs_fate_kind kind = j->fate.kind;

	if (hop->kind != HS_HOP_STAGE || hop->time != j->fate.time)
		return false;
	switch (hop->stage) {
	case HS_STAGE_DROP:
		return kind == HS_FATE_DROPPED || kind == HS_FATE_CONSUMED;
	case HS_STAGE_CONSUME:
		return kind == HS_FATE_CONSUMED || kind == HS_FATE_REFUSED;
	case HS_STAGE_SOCK_QUEUE:
		return kind == HS_FATE_QUEUED;
	default:
		return false;
	}
}

const struct hs_hop *parts_prev_timed(const struct hs_journey *j, const struct hs_hop *hop)
{
	size_t i = 0;

	while (i < j->n_hops && &j->hops[i] != hop)
		i++;
	if (i == j->n_hops)
		return NULL;
	while (i--) {
		if (j->hops[i].kind == HS_HOP_STAGE)
			return &j->hops[i];
	}
	return NULL;
}

bool parts_new_remedy(struct render *r, const char *remedy)
{
	if (!remedy || !*remedy || (r->remedy && !strcmp(r->remedy, remedy)))
		return false;
	free(r->remedy);
	r->remedy = strdup(remedy);
	return true;
}

/* --- lines --- */

static void add_relatives(struct render *r, struct text *t, const struct hs_call *c)
{
	bool plain = r->opt.plain;

	if (c->n_journeys == 1)
		text_addf(t, "%s%s#%" PRIu32, parts_gap(r), plain ? "sends" G : "→" G,
			  c->journeys[0]);
	else if (c->n_journeys)
		text_addf(t, "%s%s#%" PRIu32 G "…" G "#%" PRIu32, parts_gap(r),
			  plain ? "sends" G : "→" G, c->journeys[0],
			  c->journeys[c->n_journeys - 1]);
	if (c->n_reads > 1)
		text_addf(t, "%s%s#%" PRIu32 G "…" G "#%" PRIu32, parts_gap(r),
			  plain ? "reads" G : "←" G, c->reads[0], c->reads[c->n_reads - 1]);
	else if (c->n_reads || c->read)
		text_addf(t, "%s%s#%" PRIu32, parts_gap(r), plain ? "reads" G : "←" G,
			  c->n_reads ? c->reads[0] : c->read);
	if (c->error_from)
		text_addf(t, "%s%s#%" PRIu32, parts_gap(r), plain ? "because" G "of" G : "◀" G,
			  c->error_from);
}

void parts_call(struct render *r, const struct hs_call *call, const struct text *more,
		const char *prefix)
{
	int column = r->page.column;

	for (int detail = 1; detail >= 0; detail--) {
		text_clear(&r->line);
		text_task(&r->line, &call->task);
		text_add(&r->line, G);
		text_call(&r->line, call, detail);
		if (more)
			text_append(&r->line, more);
		add_relatives(r, &r->line, call);
		if (parts_fits(r, column))
			break;
	}
	parts_flow(r, prefix, column + 4);
	if (call->hint && *call->hint) {
		text_add(&r->page, prefix ? prefix : "");
		text_pad(&r->page, column + 4);
		text_add(&r->line, call->hint);
		parts_flow(r, prefix, column + 4);
	}
}

void parts_loss(void *ctx, uint64_t time, uint64_t lost, uint64_t misses)
{
	struct render *r = ctx;
	struct text *t = &r->line;

	if (parts_has_clock(r)) {
		parts_clock(r, &r->page, time, parts_clock_width(r));
		text_add(&r->page, "  ");
	}
	text_color(t, TEXT_YELLOW);
	text_add(t, r->opt.plain ? "Warning:" : "!");
	if (lost)
		text_addf(t, " %" PRIu64 G "event%s", lost, lost == 1 ? "" : "s");
	if (lost && misses)
		text_add(t, " and");
	if (misses)
		text_addf(t, " %" PRIu64 G "probe run%s", misses, misses == 1 ? "" : "s");
	text_add(t, " lost so far; packets alive at that time are marked inconclusive");
	text_color(t, TEXT_RESET);
	parts_flow(r, NULL, 2);
	parts_write(r);
}

static void add_count(struct text *t, uint64_t n, const char *what, bool *any)
{
	if (!n)
		return;
	text_addf(t, "%s%" PRIu64 G "%s", *any ? ", " : " ", n, what);
	*any = true;
}

static void add_background(struct text *t, const struct hs_summary *s)
{
	uint64_t total = 0;
	bool any = false;

	for (int i = 1; i < HS_NOISE_MAX; i++)
		total += s->background[i];
	if (!total)
		return;
	text_addf(t, "background: %" PRIu64 " (", total);
	for (int i = 1; i < HS_NOISE_MAX; i++) {
		if (!s->background[i])
			continue;
		text_addf(t, "%s%" PRIu64 G "%s", any ? ", " : "", s->background[i],
			  text_noise_name(i));
		any = true;
	}
	text_add(t, ")");
}

/* What is missing beside packets: the kernel skips programs on functions and calls while others run. */
static void add_untimed(struct text *t, const struct hs_summary *s)
{
	if (s->untimed)
		text_addf(t, ", but %" PRIu64 G "function%s not timed", s->untimed,
			  s->untimed == 1 ? "" : "s");
	if (s->unseen_calls)
		text_addf(t, ", %s%" PRIu64 G "system call%s not seen", s->untimed ? "" : "but ",
			  s->unseen_calls, s->unseen_calls == 1 ? "" : "s");
}

static void add_losses(struct text *t, const struct hs_summary *s)
{
	uint64_t forgotten = s->losses.n[HS_LOSS_JOURNEYS] + s->losses.n[HS_LOSS_FLOWS];

	if (!s->lost && !s->misses && !forgotten) {
		text_add(t, "; nothing lost");
		add_untimed(t, s);
		return;
	}
	text_color(t, TEXT_YELLOW);
	text_add(t, ";");
	if (s->lost)
		text_addf(t, " %" PRIu64 G "of" G "%" PRIu64 G "events lost", s->lost,
			  s->events + s->lost);
	if (s->misses)
		text_addf(t, "%s %" PRIu64 G "probe run%s skipped", s->lost ? "," : "", s->misses,
			  s->misses == 1 ? "" : "s");
	if (forgotten)
		text_addf(t, "%s %" PRIu64 G "forgotten for want of room",
			  s->lost || s->misses ? "," : "", forgotten);
	text_color(t, TEXT_RESET);
	add_untimed(t, s);
}

static void add_connections(struct text *t, const struct hs_summary *s)
{
	const struct {
		uint64_t n;
		const char *what;
	} counts[] = {
		{ s->flows, "connection" },
		{ s->retransmissions, "retransmission" },
		{ s->resets, "reset" },
	};

	for (size_t i = 0; i < 3; i++)
		if (counts[i].n)
			text_addf(t, "%s%" PRIu64 G "%s%s", t->len ? ", " : "", counts[i].n,
				  counts[i].what, counts[i].n == 1 ? "" : "s");
}

void parts_summary(struct render *r, const struct hs_summary *s)
{
	struct text *t = &r->line;
	uint64_t gone = s->read + s->unread_at_close + s->streamed;
	bool any = false;

	if (!s->shown) {
		text_add(t, s->nothing && *s->nothing ? s->nothing : "No packet was seen");
	} else {
		text_addf(t, "%" PRIu64 G "packet%s:", s->shown, s->shown == 1 ? "" : "s");
		add_count(t, s->read, "queued and read", &any);
		add_count(t, s->streamed, "queued at a stream", &any);
		add_count(t, s->queued > gone ? s->queued - gone : 0, "queued, not read", &any);
		add_count(t, s->unread_at_close, "unread when the socket closed", &any);
		add_count(t, s->dropped, "dropped", &any);
		add_count(t, s->refused, "refused", &any);
		add_count(t, s->consumed, "consumed by the kernel", &any);
		add_count(t, s->merged, "merged", &any);
		add_count(t, s->left, "left the machine", &any);
		add_count(t, s->underway, "still under way", &any);
		add_count(t, s->unknown, "unknown", &any);
	}
	if (s->shown || s->lost || s->misses)
		add_losses(t, s);
	parts_flow(r, NULL, 4);
	add_connections(t, s);
	if (t->len)
		parts_flow(r, NULL, 4);
	add_background(t, s);
	if (t->len)
		parts_flow(r, NULL, 4);
	if (r->opt.stats)
		losses_tell(&s->losses, &r->page);
	parts_write(r);
}
