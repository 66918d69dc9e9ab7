/* SPDX-License-Identifier: BSD-2-Clause */
/* Expectations held against a trace that a test makes up, without the journey engine. */
#ifndef HELPER_EXPECT_H
#define HELPER_EXPECT_H

#include "../../loader/expect.h"
#include "../../loader/text.h"
#include "helper_notes.h"

#define START 1000000000ull
#define MS(n) (START + (n)*1000000ull)

/* ---- things that happen ---- */

/* A datagram from 10.0.2.2:4000 to 10.0.2.1:`dport`, from `born` to `end` ms; under way, dropped, queued. */
struct hs_journey event_packet(uint32_t id, uint16_t dport, uint64_t born, uint64_t end);
struct hs_journey event_dropped(uint32_t id, uint16_t dport, uint64_t born, uint64_t end);
struct hs_journey event_queued(uint32_t id, uint16_t dport, uint64_t born, uint64_t end);
/* An ICMP error for journey `cause`, which the kernel consumed. */
struct hs_journey event_icmp(uint32_t id, uint32_t cause, uint64_t born, uint64_t end);
/* A segment to port 80 in flow 1, queued. */
struct hs_journey event_segment(uint32_t id, uint8_t flags, uint64_t born, uint64_t end);
/* `left` 0: not yet */
struct hs_call event_call(const char *name, enum hs_call_id id, uint64_t entered, uint64_t left,
			  int64_t ret);
/* Flow 1: of its client (0) or server (1). */
struct hs_state event_state(unsigned int end, enum hs_tcp_state before, enum hs_tcp_state after,
			    uint64_t time);

/* ---- a trace ---- */

struct trace {
	struct hs_expectations list;
	struct notes notes; /* what arrives behind the expectations */
	struct hs_sink *sink;
	struct hs_summary summary;
	char *report; /* after a verdict */
	char *json;
};

/* It is held against `text`; an error there fails the test. */
struct trace *trace_new(const char *text);
void trace_free(struct trace *t);
/* All that a journey has come to, and that it is settled. */
void trace_tell(struct trace *t, const struct hs_journey *j);
/* Its entry, and its return unless `left` is 0. */
void trace_tell_call(struct trace *t, const struct hs_call *c);
void trace_tell_state(struct trace *t, const struct hs_state *s);
/* A closed port, as the kernel does it: the error is born before its cause is dropped. */
struct trace *trace_closed_port(const char *text);
/* Two datagrams queued, each the cause of one that is dropped. */
struct trace *trace_four(const char *text);

/* Without an end. */
enum hs_verdict trace_verdict_so_far(struct trace *t);
/* It ends. */
enum hs_verdict trace_verdict(struct trace *t);
/* It ends, with that verdict; frees it. */
void trace_ends_as(struct trace *t, enum hs_verdict wanted);
/* The same, with that report. */
void trace_says(struct trace *t, enum hs_verdict wanted, const char *report);

/* To be freed; frees what is in `text`. */
char *text_as_printed(struct text *text);

#endif
