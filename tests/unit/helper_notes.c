// SPDX-License-Identifier: BSD-2-Clause
#include "helper_notes.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../loader/reasons.h"
#include "../../loader/stages.h"
#include "../../loader/text.h"

static void note_task(FILE *f, const struct hs_task *task)
{
	fprintf(f, "%s[%" PRIu32 "]", *task->comm ? task->comm : "?", task->pid);
}

static void note_ids(FILE *f, const char *what, const uint32_t *ids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fprintf(f, "%s#%" PRIu32, i ? " " : what, ids[i]);
}

/* "#2 born, UDP to port 8080, by client[812] sendto(3)" */
static void note_birth(FILE *f, const struct hs_journey *j)
{
	const char *proto = text_proto_name(j->packet.proto);

	fprintf(f, "#%" PRIu32 " born", j->id);
	if (j->packet.version)
		fprintf(f, ", %s", proto ? proto : "other");
	if (j->packet.has_ports)
		fprintf(f, " to port %u", j->packet.dst.port);
	if (j->cause_kind == HS_CAUSE_CALL) {
		fprintf(f, ", by ");
		note_task(f, &j->by);
		fprintf(f, " %s(%d)", j->by_call, j->by_fd);
	} else if (j->cause_kind == HS_CAUSE_JOURNEY) {
		fprintf(f, ", because of #%" PRIu32 "%s%s", j->cause, *j->cause_text ? ": " : "",
			j->cause_text);
	} else if (j->cause_kind == HS_CAUSE_KERNEL) {
		fprintf(f, ", by the kernel");
	} else if (j->cause_kind == HS_CAUSE_TIMER) {
		fprintf(f, ", by the %s", j->timer);
	}
	if (j->retransmission)
		fprintf(f, ", again (%" PRIu32 ") of #%" PRIu32, j->retransmission,
			j->retransmission_of);
	fprintf(f, "\n");
}

/* "#2   ns_b/veth_b receive" */
static void note_hop(void *ctx, const struct hs_journey *j, const struct hs_hop *hop)
{
	struct notes *n = ctx;
	const struct hs_stage_info *stage = stage_info(hop->stage);

	n->n_hops++;
	if (n->quiet)
		return;
	if (hop == j->hops)
		note_birth(n->file, j);
	if (!n->hops)
		return;
	fprintf(n->file, "#%" PRIu32 "   %s%s/%s %s", j->id, hop->crossed ? "=> " : "", hop->netns,
		hop->dev, stage ? stage->label : "?");
	if (hop->kind == HS_HOP_VIA)
		fprintf(n->file, " (via %s)", hop->function);
	else if (*hop->text)
		fprintf(n->file, " (%s)", hop->text);
	for (size_t i = 0; i < hop->n_functions; i++)
		fprintf(n->file, "%s%s", i ? " " : " [", hop->functions[i]);
	fprintf(n->file, "%s\n", hop->n_functions ? "]" : "");
}

static void note_fate(void *ctx, const struct hs_journey *j)
{
	static const char *const kinds[] = {
		[HS_FATE_UNDERWAY] = "under way", [HS_FATE_QUEUED] = "queued",
		[HS_FATE_DROPPED] = "dropped",	  [HS_FATE_REFUSED] = "refused",
		[HS_FATE_CONSUMED] = "consumed",  [HS_FATE_MERGED] = "merged",
		[HS_FATE_LEFT] = "left",	  [HS_FATE_UNKNOWN] = "unknown",
	};
	struct notes *n = ctx;
	const struct hs_fate *fate = &j->fate;
	const struct hs_reason_info *reason = reason_info(fate->reason);

	n->n_fates++;
	if (n->quiet)
		return;
	fprintf(n->file, "#%" PRIu32 " %s", j->id, kinds[fate->kind]);
	if (fate->socket)
		fprintf(n->file, " at @%" PRIu32, fate->socket);
	if (*fate->netns)
		fprintf(n->file, " in %s", fate->netns);
	if (*fate->reason)
		fprintf(n->file, ": %s", fate->reason);
	if (*fate->function)
		fprintf(n->file, " by %s", fate->function);
	/* The fixed sentence of a reason has tests of its own. */
	if (*fate->why && (!reason || fate->why != reason->sentence))
		fprintf(n->file, " (%s)", fate->why);
	fprintf(n->file, "%s\n", fate->inferred ? ", inferred" : "");
}

static void note_read(void *ctx, const struct hs_journey *j)
{
	struct notes *n = ctx;

	if (n->quiet)
		return;
	fprintf(n->file, "#%" PRIu32 " read by ", j->id);
	note_task(n->file, &j->read.task);
	fprintf(n->file, " %s, %" PRIu32 " B", j->read.call, j->read.copied);
	if (j->read.lost)
		fprintf(n->file, ", %" PRIu32 " lost", j->read.lost);
	fprintf(n->file, "\n");
}

static void note_told(void *ctx, const struct hs_journey *j)
{
	struct notes *n = ctx;
	char buf[16];

	if (n->quiet)
		return;
	fprintf(n->file, "#%" PRIu32 " told ", j->id);
	if (j->told == HS_TOLD_NOBODY)
		fprintf(n->file, "nobody (%s)\n", j->told_why);
	else if (j->told == HS_TOLD_SOCKET)
		fprintf(n->file, "socket %s\n", text_errno(j->told_err, buf));
	else
		fprintf(n->file, "%s %s\n", j->told_call, text_errno(j->told_err, buf));
}

static void note_unread(void *ctx, const struct hs_journey *j)
{
	struct notes *n = ctx;

	if (!n->quiet)
		fprintf(n->file, "#%" PRIu32 " unread at close\n", j->id);
}

static void note_no_icmp(void *ctx, const struct hs_journey *j)
{
	struct notes *n = ctx;

	if (!n->quiet)
		fprintf(n->file, "#%" PRIu32 " no ICMP (%s)\n", j->id, j->no_icmp);
}

static void note_settled(void *ctx, const struct hs_journey *j)
{
	struct notes *n = ctx;

	n->n_settled++;
	if (n->quiet)
		return;
	fprintf(n->file, "#%" PRIu32 " settled", j->id);
	note_ids(n->file, ", caused ", j->caused, j->n_caused);
	if (j->incomplete)
		fprintf(n->file, ", incomplete (%" PRIu64 " lost)", j->lost);
	fprintf(n->file, "\n");
}

static void note_call(void *ctx, const struct hs_call *call)
{
	struct notes *n = ctx;
	char buf[16];

	if (n->quiet)
		return;
	fprintf(n->file, "%s(%d) = ", call->name, call->fd);
	if (call->ret < 0)
		fprintf(n->file, "%s", text_errno(-call->ret, buf));
	else
		fprintf(n->file, "%" PRId64, call->ret);
	note_ids(n->file, ", sent ", call->journeys, call->n_journeys);
	note_ids(n->file, ", read ", &call->read, !!call->read);
	note_ids(n->file, ", error from ", &call->error_from, !!call->error_from);
	fprintf(n->file, "%s%s%s\n", *call->hint ? " (" : "", call->hint, *call->hint ? ")" : "");
}

static void note_loss(void *ctx, uint64_t time, uint64_t lost, uint64_t misses)
{
	struct notes *n = ctx;

	(void)time;
	if (!n->quiet)
		fprintf(n->file, "lost %" PRIu64 ", skipped %" PRIu64 "\n", lost, misses);
}

static void note_summary(void *ctx, const struct hs_summary *s)
{
	struct notes *n = ctx;

	n->summary = *s;
	snprintf(n->nothing, sizeof(n->nothing), "%s", s->nothing);
	n->summary.nothing = n->nothing;
}

void notes_init(struct notes *n)
{
	*n = (struct notes){ 0 };
	n->sink = (struct hs_sink){
		.ctx = n,
		.call = note_call,
		.hop = note_hop,
		.fate = note_fate,
		.read = note_read,
		.told = note_told,
		.unread = note_unread,
		.no_icmp = note_no_icmp,
		.settled = note_settled,
		.loss = note_loss,
		.summary = note_summary,
	};
	n->file = open_memstream(&n->text, &n->len);
	assert_non_null(n->file);
}

const char *notes_text(struct notes *n)
{
	fflush(n->file);
	return n->text;
}

void notes_done(struct notes *n)
{
	fclose(n->file);
	free(n->text);
}
