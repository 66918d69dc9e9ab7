// SPDX-License-Identifier: BSD-2-Clause
/* Expectations: what is said of those that fail, as text and as JSON, and that all is passed on. */
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "helper_expect.h"

/* ---- what came nearest ---- */

static void test_nearest(void **state)
{
	(void)state;
	trace_says(
		trace_closed_port("drop as $p; icmp type=3 code=1 cause=$p; call"),
		HS_VERDICT_FAILED,
		"expect: step 2 of 3 did not hold: icmp type=3 code=1 cause=$p\n"
		"  step 1 held: #1 UDP 10.0.2.2:4000 → 10.0.2.1:8080  4 B, dropped: NO_SOCKET (as "
		"$p)\n"
		"  nearest: #2 ICMP 10.0.2.2 → 10.0.2.1  port unreachable, consumed: code is 3, "
		"not 1\n");
	trace_says(
		trace_closed_port("icmp as $p; drop cause=$p dport=80|81"), HS_VERDICT_FAILED,
		"expect: step 2 of 2 did not hold: drop cause=$p dport=80|81\n"
		"  step 1 held: #2 ICMP 10.0.2.2 → 10.0.2.1  port unreachable, consumed (as $p)\n"
		"  nearest: #1 UDP 10.0.2.2:4000 → 10.0.2.1:8080  4 B, dropped: NO_SOCKET: it has no "
		"cause; dport is 8080, not 80 or 81\n");
	trace_says(
		trace_closed_port("icmp as $p; call recvfrom error_from!=$p errno~TIMED"),
		HS_VERDICT_FAILED,
		"expect: step 2 of 2 did not hold: call recvfrom error_from!=$p errno~TIMED\n"
		"  step 1 held: #2 ICMP 10.0.2.2 → 10.0.2.1  port unreachable, consumed (as $p)\n"
		"  nearest: client[812] recvfrom(3, 0 B) = -1 ECONNREFUSED: error_from is #2; errno is "
		"ECONNREFUSED, not like TIMED\n");
	trace_says(
		trace_closed_port("drop as $p; drop dport=$p.dport+1"), HS_VERDICT_FAILED,
		"expect: step 2 of 2 did not hold: drop dport=$p.dport+1\n"
		"  step 1 held: #1 UDP 10.0.2.2:4000 → 10.0.2.1:8080  4 B, dropped: NO_SOCKET (as "
		"$p)\n"
		"  nearest: #1 UDP 10.0.2.2:4000 → 10.0.2.1:8080  4 B, dropped: NO_SOCKET: dport is "
		"8080, not $p.dport+1 (8081)\n");
	trace_says(
		trace_closed_port("drop; drop"), HS_VERDICT_FAILED,
		"expect: step 2 of 2 did not hold: drop\n"
		"  step 1 held: #1 UDP 10.0.2.2:4000 → 10.0.2.1:8080  4 B, dropped: NO_SOCKET\n"
		"  nearest: #1 UDP 10.0.2.2:4000 → 10.0.2.1:8080  4 B, dropped: NO_SOCKET: step 1 has "
		"it already\n");
	trace_says(
		trace_closed_port("call recvfrom; drop"), HS_VERDICT_FAILED,
		"expect: step 2 of 2 did not hold: drop\n"
		"  step 1 held: client[812] recvfrom(3, 0 B) = -1 ECONNREFUSED\n"
		"  nearest: #1 UDP 10.0.2.2:4000 → 10.0.2.1:8080  4 B, dropped: NO_SOCKET: it was over "
		"before that of step 1 began\n");
	trace_says(
		trace_closed_port("drop netns=ns_client function=none|x why~'no socket'"),
		HS_VERDICT_FAILED,
		"expect: step 1 of 1 did not hold: drop netns=ns_client function=none|x why~'no "
		"socket'\n"
		"  nearest: #1 UDP 10.0.2.2:4000 → 10.0.2.1:8080  4 B, dropped: NO_SOCKET: netns is "
		"'ns_server', not 'ns_client'; it has no why\n");
	trace_says(
		trace_closed_port("queued dport=8080"), HS_VERDICT_FAILED,
		"expect: step 1 of 1 did not hold: queued dport=8080\n"
		"  nearest: #1 UDP 10.0.2.2:4000 → 10.0.2.1:8080  4 B, dropped: NO_SOCKET: it is "
		"dropped\n");
	trace_says(
		trace_closed_port("read dport=8080"), HS_VERDICT_FAILED,
		"expect: step 1 of 1 did not hold: read dport=8080\n"
		"  nearest: #1 UDP 10.0.2.2:4000 → 10.0.2.1:8080  4 B, dropped: NO_SOCKET: nobody read "
		"it\n");
	trace_says(trace_closed_port("signal SIGPIPE"), HS_VERDICT_FAILED,
		   "expect: step 1 of 1 did not hold: signal SIGPIPE\n"
		   "  there is no signal at all\n");
	trace_says(trace_closed_port("drop; no icmp"), HS_VERDICT_FAILED,
		   "expect: step 2 of 2 did not hold: no icmp\n"
		   "  step 1 held: #1 UDP 10.0.2.2:4000 → 10.0.2.1:8080  4 B, dropped: NO_SOCKET\n"
		   "  wanted: none, there is 1\n"
		   "  counted: #2 ICMP 10.0.2.2 → 10.0.2.1  port unreachable, consumed\n");
	trace_says(trace_closed_port("call x2-3; call x4+ fd=3"), HS_VERDICT_FAILED,
		   "expect: step 2 of 2 did not hold: call x4+ fd=3\n"
		   "  step 1 held: call x2-3, 2 of them\n"
		   "  wanted: 4 or more, there are 2\n"
		   "  counted: client[812] sendto(3, 0 B) = 4\n"
		   "  counted: client[812] recvfrom(3, 0 B) = -1 ECONNREFUSED\n");
	trace_says(trace_closed_port("call x1 ret=5"), HS_VERDICT_FAILED,
		   "expect: step 1 of 1 did not hold: call x1 ret=5\n"
		   "  wanted: 1, there is none\n"
		   "  nearest: client[812] sendto(3, 0 B) = 4: ret is 4, not 5\n"
		   "  nearest: client[812] recvfrom(3, 0 B) = -1 ECONNREFUSED: ret is -1, not 5\n");
}

/* The nearest are remembered, however much happens besides. */
static void test_nearest_of_many(void **state)
{
	struct trace *t = trace_new("drop dport=8080 len=32 payload=4 src=10.0.2.3");

	(void)state;
	for (uint32_t i = 1; i <= 5000; i++) {
		struct hs_journey j = event_dropped(i, i == 3000 ? 8080 : 9, i, i + 1);

		trace_tell(t, &j);
	}
	trace_says(
		t, HS_VERDICT_FAILED,
		"expect: step 1 of 1 did not hold: drop dport=8080 len=32 payload=4 src=10.0.2.3\n"
		"  nearest: #3000 UDP 10.0.2.2:4000 → 10.0.2.1:8080  4 B, dropped: NO_SOCKET: src is "
		"10.0.2.2, not 10.0.2.3\n");
}

/* Many ways, and none leads on: it is found out soon. */
static void test_many_ways(void **state)
{
	static const char *const texts[] = {
		"drop; drop; drop; drop; call",
		"drop as $a; drop as $b; drop as $c; call connect sent=$a",
		"drop as $a; drop dport=$a.dport+1",
		"drop as $a; drop as $b; no drop; call fd=$b.fd",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct trace *t = trace_new(texts[i]);

		for (uint32_t n = 1; n <= 2000; n++) {
			struct hs_journey j = event_dropped(n, 8080, n, n + 1);

			trace_tell(t, &j);
		}
		if (trace_verdict(t) != HS_VERDICT_FAILED)
			fail_msg("%s: %s", texts[i], t->report);
		trace_free(t);
	}
}

static void test_too_many_ways(void **state)
{
	struct trace *t = trace_new("drop as $a; drop as $b; drop as $c; "
				    "drop dport=$a.dport+1 dport=$b.dport dport=$c.dport");

	(void)state;
	for (uint32_t n = 1; n <= 800; n++) {
		struct hs_journey j = event_dropped(n, 8080, n, n + 1);

		trace_tell(t, &j);
	}
	assert_int_equal(trace_verdict(t), HS_VERDICT_INCONCLUSIVE);
	assert_non_null(strstr(t->report, "too many ways to match the steps: let them say more"));
	trace_free(t);
}

/* ---- the sink ---- */

static void test_passes_on(void **state)
{
	struct hs_sink nothing = { 0 };
	struct trace *t = trace_closed_port("call");
	struct hs_hop hop = { .stage = HS_STAGE_DROP, .netns = "", .dev = "", .text = "" };
	struct hs_journey j = event_dropped(9, 1, 1, 2);
	struct hs_expectations list = { 0 };
	struct hs_sink *sink;
	char err[256];

	(void)state;
	j.hops = &hop;
	j.n_hops = 1;
	t->sink->hop(t->sink->ctx, &j, &hop);
	t->sink->no_icmp(t->sink->ctx, &j);
	t->sink->loss(t->sink->ctx, MS(3), 2, 1);
	t->sink->tick(t->sink->ctx, MS(4));
	assert_string_equal(notes_text(&t->notes), "#1 dropped in ns_server: NO_SOCKET\n"
						   "sendto(3) = 4, sent #1\n"
						   "recvfrom(3) = ECONNREFUSED, error from #2\n"
						   "#2 consumed in ns_server\n"
						   "#2 told recvfrom ECONNREFUSED\n"
						   "#2 settled\n"
						   "#1 dropped in ns_server: NO_SOCKET\n"
						   "#1 settled, caused #2\n"
						   "#9 born, UDP to port 1\n"
						   "#9 no ICMP ()\n"
						   "lost 2, skipped 1\n");
	t->summary.packets = 7;
	trace_verdict(t);
	assert_int_equal(t->notes.summary.packets, 7);
	trace_free(t);

	/* a view that implements nothing */
	assert_int_equal(expect_add(&list, "call; drop; state; flow; socket; signal; blocked", err,
				    sizeof(err)),
			 0);
	sink = expect_new(&nothing, &list, 0);
	sink->hop(sink->ctx, &j, &hop);
	sink->settled(sink->ctx, &j);
	sink->tick(sink->ctx, 1);
	expect_free(sink);
	expectations_free(&list);
}

static struct json_object *member(struct json_object *o, const char *name)
{
	struct json_object *found = NULL;

	assert_true(json_object_object_get_ex(o, name, &found));
	return found;
}

static void test_json(void **state)
{
	struct trace *t =
		trace_closed_port("drop as $p; call x1+; icmp why~'\xc3\xa9\"' cause=$p; call");
	struct json_object *o, *steps, *step, *near;

	(void)state;
	assert_int_equal(trace_verdict(t), HS_VERDICT_FAILED);
	assert_int_equal(strcspn(t->json, "\n"), strlen(t->json) - 1);
	o = json_tokener_parse(t->json);
	assert_non_null(o);
	assert_string_equal(json_object_get_string(member(o, "type")), "expect");
	assert_false(json_object_get_boolean(member(o, "held")));
	assert_string_equal(json_object_get_string(member(o, "inconclusive")), "");
	steps = member(o, "steps");
	assert_int_equal(json_object_array_length(steps), 4);
	step = json_object_array_get_idx(steps, 0);
	assert_true(json_object_get_boolean(member(step, "held")));
	assert_string_equal(json_object_get_string(member(step, "as")), "p");
	near = json_object_array_get_idx(member(step, "matched"), 0);
	assert_int_equal(json_object_get_int(member(near, "journey")), 1);
	assert_int_equal(json_object_get_int64(member(near, "time")), MS(12));
	step = json_object_array_get_idx(steps, 1);
	assert_int_equal(json_object_get_int(member(step, "count")), 2);
	assert_int_equal(json_object_array_length(member(step, "matched")), 2);
	step = json_object_array_get_idx(steps, 2);
	assert_non_null(member(step, "held"));
	assert_false(json_object_get_boolean(member(step, "held")));
	assert_string_equal(json_object_get_string(member(step, "step")),
			    "icmp why~'\xc3\xa9\"' cause=$p");
	near = json_object_array_get_idx(member(step, "nearest"), 0);
	assert_string_equal(json_object_get_string(member(near, "unmet")), "it has no why");
	step = json_object_array_get_idx(steps, 3);
	assert_null(member(step, "held"));
	json_object_put(o);
	trace_free(t);

	t = trace_four("drop; no drop dport=9");
	t->summary.lost = 3;
	trace_verdict(t);
	o = json_tokener_parse(t->json);
	assert_null(member(o, "held"));
	assert_string_equal(json_object_get_string(member(o, "inconclusive")),
			    "3 events were lost");
	json_object_put(o);
	trace_free(t);
}

static void test_help(void **state)
{
	static const struct text_style style;
	struct text text;
	char *help;

	(void)state;
	text_init(&text, &style);
	expect_help(&text);
	help = text_as_printed(&text);
	assert_non_null(strstr(help, "  drop            a packet is dropped\n"));
	assert_non_null(strstr(help, "Fields of call, blocked:\n  name "));
	assert_non_null(strstr(help, "  lasted "));
	free(help);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nearest),	  cmocka_unit_test(test_nearest_of_many),
		cmocka_unit_test(test_many_ways), cmocka_unit_test(test_too_many_ways),
		cmocka_unit_test(test_passes_on), cmocka_unit_test(test_json),
		cmocka_unit_test(test_help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
