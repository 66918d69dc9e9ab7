// SPDX-License-Identifier: BSD-2-Clause
#include "helper_notes.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../loader/journey.h"
#include "../../loader/reasons.h"
#include "../../loader/text.h"
#include "../../loader/stages.h"
#include "../../loader/text.h"

/* Is this kind of line wanted? */
static bool note_wants(const struct notes *n, bool asked)
{
	return !n->quiet || asked;
}

static void note_task(FILE *f, const struct hs_task *task)
{
	fprintf(f, "%s[%" PRIu32 "]", *task->comm ? task->comm : "?", task->pid);
}

static void note_ids(FILE *f, const char *what, const uint32_t *ids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fprintf(f, "%s#%" PRIu32, i ? " " : what, ids[i]);
}

/* "10.0.1.2:4000" */
static void note_endpoint(FILE *f, const struct hs_endpoint *ep)
{
	char text[INET6_ADDRSTRLEN];
	bool six = ep->addr.family == AF_INET6;

	if (!ep->addr.family) {
		fprintf(f, "?:%u", ep->port);
		return;
	}
	inet_ntop(ep->addr.family, ep->addr.bytes, text, sizeof(text));
	fprintf(f, six ? "[%s]:%u" : "%s:%u", text, ep->port);
}

/* "; ~1.0 SYN seq 0, zero window" */
static void note_segment(FILE *f, const struct hs_journey *j)
{
	static const char *const flags[] = { "FIN", "SYN", "RST", "PSH", "ACK" };

	fprintf(f, "; ~%" PRIu32 ".%u", j->flow, j->from);
	for (int i = 0; i < 5; i++)
		if (j->packet.tcp_flags & 1 << i)
			fprintf(f, " %s", flags[i]);
	if (j->has_rel)
		fprintf(f, " seq %" PRIu32, j->rel_seq);
	if (j->has_rel && j->packet.tcp_flags & 1 << 4)
		fprintf(f, " ack %" PRIu32, j->rel_ack);
	if (j->packet.payload)
		fprintf(f, ", %" PRIu32 " B", j->packet.payload);
	if (j->resent_after)
		fprintf(f, ", after %" PRIu64 " ms", j->resent_after / 1000000);
	fprintf(f, "%s%s", j->zero_window ? ", zero window" : "",
		j->window_probe ? ", window probe" : "");
	if (*j->rst_reason)
		fprintf(f, ", %s", j->rst_reason);
}

/* "#2 born, UDP to port 8080, by client[812] sendto(3)" */
static void note_birth(const struct notes *n, const struct hs_journey *j)
{
	FILE *f = n->file;
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
		if (n->kinds.segments && *j->cause_text)
			fprintf(f, ": %s", j->cause_text);
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
	if (n->kinds.segments && j->flow)
		note_segment(f, j);
	if (n->kinds.held && j->held)
		fprintf(f, ", held %" PRIu64 " ms by %s: %s", j->held / 1000000,
			text_hold_name(j->held_by), j->held_call);
	fprintf(f, "\n");
}

/* "#2   ns_b/veth_b receive" */
static void note_hop(void *ctx, const struct hs_journey *j, const struct hs_hop *hop)
{
	struct notes *n = ctx;
	const struct hs_stage_info *stage = stage_info(hop->stage);

	n->n_hops++;
	if (note_wants(n, n->kinds.births) && hop == j->hops)
		note_birth(n, j);
	if (n->quiet ? !n->kinds.hops : !n->hops)
		return;
	fprintf(n->file, "#%" PRIu32 "   %s%s/%s %s", j->id, hop->crossed ? "=> " : "", hop->netns,
		hop->dev, stage ? stage->label : "?");
	if (hop->kind == HS_HOP_VIA)
		fprintf(n->file, " (via %s)", hop->function);
	if (*hop->text)
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
	if (!note_wants(n, n->kinds.fates))
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

	if (!note_wants(n, n->kinds.reads))
		return;
	fprintf(n->file, "#%" PRIu32 " read by ", j->id);
	note_task(n->file, &j->read.task);
	fprintf(n->file, " %s, %" PRIu32 " B", j->read.call, j->read.copied);
	if (j->read.lost)
		fprintf(n->file, ", %" PRIu32 " lost", j->read.lost);
	if (n->kinds.reads)
		fprintf(n->file, ", waited %" PRIu64 " ms", j->read.waited / 1000000);
	if (n->kinds.readers)
		fprintf(n->file, ", %s", text_reader_name(j->read.reader));
	if (n->kinds.readers && j->read.runnable)
		fprintf(n->file, ", runnable %" PRIu64 " ms", j->read.runnable / 1000000);
	fprintf(n->file, "\n");
}

static void note_told(void *ctx, const struct hs_journey *j)
{
	struct notes *n = ctx;
	char buf[16];

	if (!note_wants(n, n->kinds.told))
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
	if (n->kinds.kinds && j->relation == HS_RELATION_NONE)
		fprintf(n->file, "#%" PRIu32 " is no relative\n", j->id);
	else if (n->kinds.kinds)
		fprintf(n->file, "#%" PRIu32 " is %s of #%" PRIu32 "\n", j->id,
			text_relation_name(j->relation), j->related_to);
	if (!note_wants(n, n->kinds.settles))
		return;
	fprintf(n->file, "#%" PRIu32 " settled", j->id);
	note_ids(n->file, ", caused ", j->caused, j->n_caused);
	if (n->kinds.segments && j->to_socket)
		fprintf(n->file, ", taken by @%" PRIu32, j->to_socket);
	if (n->kinds.segments && j->changed_state)
		fprintf(n->file, ", changed a state");
	if (n->kinds.segments && *j->rst_reason)
		fprintf(n->file, ", %s", j->rst_reason);
	if (n->kinds.relations && j->relation != HS_RELATION_NONE)
		fprintf(n->file, ", %s #%" PRIu32, text_relation_words(j->relation), j->related_to);
	if (n->kinds.relations && j->merged_into)
		fprintf(n->file, ", merged into #%" PRIu32, j->merged_into);
	if (j->incomplete)
		fprintf(n->file, ", incomplete (%" PRIu64 " lost)", j->lost);
	fprintf(n->file, "\n");
}

/* ", ~1 @2, bytes 1..6, waited 2 ms, holds 0 and 5" */
static void note_stream(FILE *f, const struct hs_call *call)
{
	if (call->flow)
		fprintf(f, ", ~%" PRIu32, call->flow);
	if (call->socket)
		fprintf(f, "%s @%" PRIu32, call->flow ? "" : ",", call->socket);
	if (call->has_range)
		fprintf(f, ", bytes %" PRIu32 "..%" PRIu32, call->rel_from, call->rel_to);
	note_ids(f, ", took ", call->reads, call->n_reads);
	if (call->n_reads)
		fprintf(f, ", waited %" PRIu64 " ms", call->waited / 1000000);
	if (call->has_queues && (call->accept_before || call->accept_limit))
		fprintf(f, ", accept queue %" PRIu32 " -> %" PRIu32 " of %" PRIu32,
			call->accept_before, call->accept_queued, call->accept_limit);
	else if (call->has_queues)
		fprintf(f, ", holds %" PRIu32 " and %" PRIu32, call->rcv_queued, call->snd_queued);
	if (call->signal)
		fprintf(f, ", signal %d", call->signal);
}

static void note_call(void *ctx, const struct hs_call *call)
{
	struct notes *n = ctx;
	char buf[16];

	if (!note_wants(n, n->kinds.calls))
		return;
	fprintf(n->file, "%s(%d) = ", call->name, call->fd);
	if (call->ret < 0)
		fprintf(n->file, "%s", text_errno(-call->ret, buf));
	else
		fprintf(n->file, "%" PRId64, call->ret);
	note_ids(n->file, ", sent ", call->journeys, call->n_journeys);
	note_ids(n->file, ", read ", &call->read, !!call->read);
	note_ids(n->file, ", error from ", &call->error_from, !!call->error_from);
	if (n->kinds.streams)
		note_stream(n->file, call);
	if (n->kinds.held && call->buffer_full)
		fprintf(n->file, ", buffer full%s", call->window_full ? ", window full" : "");
	fprintf(n->file, "%s%s%s\n", *call->hint ? " (" : "", call->hint, *call->hint ? ")" : "");
}

static void note_loss(void *ctx, uint64_t time, uint64_t lost, uint64_t misses)
{
	struct notes *n = ctx;

	(void)time;
	if (!n->quiet)
		fprintf(n->file, "lost %" PRIu64 ", skipped %" PRIu64 "\n", lost, misses);
}

/* ---- TCP ---- */

static const char *note_tcp_state(enum hs_tcp_state state)
{
	static const char *const names[HS_TCP_STATE_MAX] = {
		"none",	     "ESTABLISHED", "SYN_SENT",	    "SYN_RECV",	  "FIN_WAIT1",
		"FIN_WAIT2", "TIME_WAIT",   "CLOSE",	    "CLOSE_WAIT", "LAST_ACK",
		"LISTEN",    "CLOSING",	    "NEW_SYN_RECV",
	};

	return state < HS_TCP_STATE_MAX ? names[state] : "?";
}

/* "10.0.1.2:4000 in ns_client @1 client[812]" */
static void note_end(FILE *f, const struct hs_flow_end *end)
{
	note_endpoint(f, &end->at);
	if (*end->netns)
		fprintf(f, " in %s", end->netns);
	if (end->socket)
		fprintf(f, " @%" PRIu32, end->socket);
	if (end->owner.pid) {
		fprintf(f, " ");
		note_task(f, &end->owner);
	}
}

/* "~1 opened: 10.0.1.2:4000 in ns_client @1 -> 10.0.1.1:8080" */
static void note_flow(void *ctx, const struct hs_flow *flow)
{
	struct notes *n = ctx;

	if (!n->kinds.flows)
		return;
	fprintf(n->file, "~%" PRIu32 " %s: ", flow->id, flow->opened ? "opened" : "seen");
	note_end(n->file, &flow->end[0]);
	fprintf(n->file, " -> ");
	note_end(n->file, &flow->end[1]);
	fprintf(n->file, "\n");
}

static void note_state_cause(FILE *f, const struct hs_state *state)
{
	switch (state->cause_kind) {
	case HS_CAUSE_CALL:
		fprintf(f, ", by ");
		note_task(f, &state->by);
		fprintf(f, " %s", state->by_call);
		break;
	case HS_CAUSE_JOURNEY:
		fprintf(f, ", because of #%" PRIu32, state->cause);
		break;
	case HS_CAUSE_TIMER:
		fprintf(f, ", by the %s", state->timer);
		break;
	case HS_CAUSE_KERNEL:
		fprintf(f, ", by the kernel");
		break;
	case HS_CAUSE_NONE:
		break;
	}
}

static void note_ends(FILE *f, const struct hs_flow *flow)
{
	for (int i = 0; i < 2; i++) {
		fprintf(f, "%s", i ? " | " : " [");
		note_end(f, &flow->end[i]);
		fprintf(f, " %s", note_tcp_state(flow->end[i].state));
	}
	fprintf(f, "]");
}

/* "~1.0 @1 CLOSE -> SYN_SENT, by client[812] connect, with #1" */
static void note_state(void *ctx, const struct hs_state *state)
{
	struct notes *n = ctx;
	FILE *f = n->file;

	if (!n->kinds.states)
		return;
	if (state->flow.id)
		fprintf(f, "~%" PRIu32 ".%u ", state->flow.id, state->end);
	if (state->socket)
		fprintf(f, "@%" PRIu32 " ", state->socket);
	fprintf(f, "%s -> %s", note_tcp_state(state->before), note_tcp_state(state->after));
	note_state_cause(f, state);
	if (state->sent)
		fprintf(f, ", with #%" PRIu32, state->sent);
	fprintf(f, "%s%s%s", state->inferred ? ", inferred" : "",
		state->minisocket ? ", minisocket" : "", state->confirmed ? ", confirmed" : "");
	if (n->kinds.ends) {
		fprintf(f, ", at ");
		note_endpoint(f, &state->local);
	}
	if (n->kinds.ends && state->flow.id)
		note_ends(f, &state->flow);
	fprintf(f, "\n");
}

/* "@1 ESTABLISHED, recv 5 of 131072, send 0 of 87040, windows 65536 and 65483" */
static void note_socket(void *ctx, const struct hs_socket *s)
{
	struct notes *n = ctx;

	if (!n->kinds.sockets)
		return;
	fprintf(n->file, "@%" PRIu32 " %s", s->id, note_tcp_state(s->state));
	if (s->state == HS_TCP_LISTEN)
		fprintf(n->file, ", accept queue %" PRIu32 " of %" PRIu32 "\n", s->accept_queued,
			s->accept_limit);
	else
		fprintf(n->file,
			", recv %" PRIu32 " of %" PRIu32 ", send %" PRIu32 " of %" PRIu32
			", windows %" PRIu32 " and %" PRIu32 "\n",
			s->rcv_queued, s->rcv_limit, s->snd_queued, s->snd_limit, s->rcv_window,
			s->snd_window);
}

/* "client[812] gets signal 13 in sendto(4) at @1, because of #9, fatal" */
static void note_signal(void *ctx, const struct hs_signal *signal)
{
	struct notes *n = ctx;

	if (!n->kinds.signals)
		return;
	note_task(n->file, &signal->task);
	fprintf(n->file, " gets signal %d", signal->number);
	if (*signal->by_call)
		fprintf(n->file, " in %s(%d)", signal->by_call, signal->fd);
	if (signal->socket)
		fprintf(n->file, " at @%" PRIu32, signal->socket);
	if (signal->cause)
		fprintf(n->file, ", because of #%" PRIu32, signal->cause);
	fprintf(n->file, "%s\n", signal->fatal ? ", fatal" : "");
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
		.flow = note_flow,
		.state = note_state,
		.socket = note_socket,
		.signal = note_signal,
		.loss = note_loss,
		.summary = note_summary,
	};
	n->file = open_memstream(&n->text, &n->len);
	assert_non_null(n->file);
}

struct notes_run {
	struct notes *notes;
	struct hs_names *names;
	struct hs_select select;
	struct hs_journeys *journeys;
	struct hs_decoder *decoder;
	size_t at, noted_from; /* bytes of the stream */
};

struct notes_run *notes_run_new(struct notes *n)
{
	struct notes_run *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	r->notes = n;
	r->names = names_new();
	assert_non_null(r->names);
	r->journeys = journeys_new(r->names, &r->select, &n->sink);
	assert_non_null(r->journeys);
	r->decoder = decode_new(r->names, journeys_event, journeys_gap, r->journeys);
	assert_non_null(r->decoder);
	return r;
}

static int run_record(void *ctx, const struct hs_hdr *rec)
{
	struct notes_run *r = ctx;

	if (r->at == r->noted_from) {
		fflush(r->notes->file);
		r->notes->skip = r->notes->len;
	}
	r->at += rec->size;
	if (rec->type == HS_REC_START) {
		const struct hs_rec_start *start = (const void *)rec;
		char err[256];

		assert_int_equal(
			select_add_spec(&r->select, start->spec, start->spec_len, err, sizeof(err)),
			0);
	}
	if (rec->type == HS_REC_END)
		r->notes->underway = journeys_underway(r->journeys);
	return decode_record(r->decoder, rec);
}

void notes_run_feed(struct notes_run *r, const struct stream *s)
{
	assert_int_equal(stream_each(s, run_record, r), 0);
}

void notes_run_free(struct notes_run *r)
{
	decode_free(r->decoder);
	journeys_free(r->journeys);
	select_free(&r->select);
	names_free(r->names);
	free(r);
}

void notes_run(struct notes *n, const struct stream *s)
{
	struct notes_run *r = notes_run_new(n);

	r->noted_from = s->noted_from;
	notes_run_feed(r, s);
	notes_run_free(r);
}

const char *notes_text(struct notes *n)
{
	fflush(n->file);
	return n->text + n->skip;
}

void notes_done(struct notes *n)
{
	fclose(n->file);
	free(n->text);
}

void notes_expect(struct stream *s, struct note_kinds kinds, const char *expected)
{
	struct notes notes;

	stream_end(s);
	notes_init(&notes);
	notes.quiet = true;
	notes.kinds = kinds;
	notes_run(&notes, s);
	/* cmocka shows the first 1,024 bytes of both. */
	if (strcmp(notes_text(&notes), expected))
		fprintf(stderr, "-- got:\n%s-- end\n", notes_text(&notes));
	assert_string_equal(notes_text(&notes), expected);
	notes_done(&notes);
	stream_free(s);
}
