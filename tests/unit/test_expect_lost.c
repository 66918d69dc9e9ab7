// SPDX-License-Identifier: BSD-2-Clause
/* Expectations: what cannot be told when something is missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "helper_expect.h"

static void test_losses(void **state)
{
	static const struct {
		const char *text;
		enum hs_verdict lossy, cut;
	} cases[] = {
		/* what was seen was seen */
		{ "drop NO_SOCKET as $a; drop sport!=$a", HS_VERDICT_HELD, HS_VERDICT_HELD },
		{ "drop x2+", HS_VERDICT_HELD, HS_VERDICT_HELD },
		/* what was not seen may have been */
		{ "no drop dport=9", HS_VERDICT_INCONCLUSIVE, HS_VERDICT_INCONCLUSIVE },
		{ "no drop dport=8081", HS_VERDICT_INCONCLUSIVE, HS_VERDICT_INCONCLUSIVE },
		{ "drop x2", HS_VERDICT_INCONCLUSIVE, HS_VERDICT_INCONCLUSIVE },
		{ "drop x3+", HS_VERDICT_INCONCLUSIVE, HS_VERDICT_INCONCLUSIVE },
		{ "drop dport=9", HS_VERDICT_INCONCLUSIVE, HS_VERDICT_INCONCLUSIVE },
		{ "queued dport=8080 read=no", HS_VERDICT_INCONCLUSIVE, HS_VERDICT_INCONCLUSIVE },
		{ "queued dport=8080 reader!=server", HS_VERDICT_INCONCLUSIVE,
		  HS_VERDICT_INCONCLUSIVE },
		{ "queued dport=8082 read", HS_VERDICT_HELD, HS_VERDICT_HELD },
		{ "journey dport!=9", HS_VERDICT_HELD, HS_VERDICT_HELD },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct trace *lossy = trace_four(cases[i].text),
			     *skipped = trace_four(cases[i].text), *cut = trace_four(cases[i].text);

		lossy->summary.lost = 3;
		skipped->summary.misses = 3;
		expect_note_cut(cut->sink);
		if (trace_verdict(lossy) != cases[i].lossy ||
		    trace_verdict(skipped) != cases[i].lossy || trace_verdict(cut) != cases[i].cut)
			fail_msg("%s: %s", cases[i].text, lossy->report);
		trace_free(lossy);
		trace_free(skipped);
		trace_free(cut);
	}
}

static void test_what_is_said_of_losses(void **state)
{
	struct trace *t = trace_four("drop; no drop dport=9");

	(void)state;
	t->summary.lost = 12;
	t->summary.misses = 1;
	trace_says(
		t, HS_VERDICT_INCONCLUSIVE,
		"expect: inconclusive, since 12 events were lost, 1 event was skipped; as far as is "
		"known, all hold\n"
		"  step 1 held: #2 UDP 10.0.2.2:4000 → 10.0.2.1:8081  4 B, dropped: NO_SOCKET\n"
		"  step 2 held: no drop dport=9, 0 of them\n");
	t = trace_four("drop dport=9");
	expect_note_cut(t->sink);
	trace_says(
		t, HS_VERDICT_INCONCLUSIVE,
		"expect: inconclusive, since the recording is cut short; as far as is known, step 1 of "
		"1 did not hold: drop dport=9\n"
		"  nearest: #2 UDP 10.0.2.2:4000 → 10.0.2.1:8081  4 B, dropped: NO_SOCKET: dport is "
		"8081, not 9\n"
		"  nearest: #4 UDP 10.0.2.2:5000 → 10.0.2.1:8083  4 B, dropped: NO_SOCKET: dport is "
		"8083, not 9\n");
}

/* Packets that miss events: nothing may rest on what is concluded from them. */
static void test_incomplete(void **state)
{
	static const struct {
		const char *text;
		enum hs_verdict wanted;
	} cases[] = {
		{ "journey dport=8080 sport=4000 proto=udp", HS_VERDICT_HELD },
		{ "drop dport=8080", HS_VERDICT_INCONCLUSIVE },
		{ "journey dport=8080 fate=dropped", HS_VERDICT_INCONCLUSIVE },
		{ "journey dport=8080 reason~NO", HS_VERDICT_INCONCLUSIVE },
		{ "drop", HS_VERDICT_HELD }, /* the other one */
		{ "drop; drop", HS_VERDICT_INCONCLUSIVE },
		{ "drop dport=9", HS_VERDICT_FAILED },
		{ "drop x2+", HS_VERDICT_INCONCLUSIVE },
		{ "drop x1", HS_VERDICT_INCONCLUSIVE },
		{ "drop x1-2", HS_VERDICT_HELD },
		{ "drop x3+", HS_VERDICT_FAILED },
		{ "no drop", HS_VERDICT_FAILED },
		{ "no drop dport=8080", HS_VERDICT_INCONCLUSIVE },
		{ "no journey dport=8080", HS_VERDICT_FAILED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct trace *t = trace_new(cases[i].text);
		struct hs_journey a = event_dropped(1, 8080, 10, 11),
				  b = event_dropped(2, 8081, 20, 21);

		a.incomplete = true;
		trace_tell(t, &a);
		trace_tell(t, &b);
		if (trace_verdict(t) != cases[i].wanted)
			fail_msg("%s: %s", cases[i].text, t->report);
		trace_free(t);
	}
}

static void test_what_is_said_of_incomplete(void **state)
{
	struct trace *t = trace_new("drop; journey dport=1");
	struct hs_journey a = event_dropped(7, 8080, 10, 11);

	(void)state;
	a.incomplete = true;
	trace_tell(t, &a);
	assert_int_equal(trace_verdict(t), HS_VERDICT_FAILED);
	trace_free(t);
	t = trace_new("drop");
	trace_tell(t, &a);
	trace_says(
		t, HS_VERDICT_INCONCLUSIVE,
		"expect: inconclusive, since events of #7 may be missing: it was under way before "
		"tracing began; as far as is known, it holds\n"
		"  step 1 held: #7 UDP 10.0.2.2:4000 → 10.0.2.1:8080  4 B, dropped: NO_SOCKET\n");
}

/* What was concluded from silence is nothing where records may be missing. */
static void test_inferred(void **state)
{
	struct hs_journey j = event_packet(1, 80, 10, 20);
	struct hs_state s = event_state(0, HS_TCP_FIN_WAIT2, HS_TCP_TIME_WAIT, 30);

	(void)state;
	j.fate.kind = HS_FATE_CONSUMED;
	j.fate.inferred = true;
	s.inferred = true;
	for (int cut = 0; cut < 2; cut++) {
		struct trace *t = trace_new("journey fate=consumed"),
			     *u = trace_new("state TIME_WAIT"), *v = trace_new("state TIME_WAIT");

		trace_tell(t, &j);
		trace_tell_state(u, &s);
		s.confirmed = true;
		trace_tell_state(v, &s);
		s.confirmed = false;
		if (cut) {
			expect_note_cut(t->sink);
			expect_note_cut(u->sink);
			expect_note_cut(v->sink);
		}
		trace_ends_as(t, cut ? HS_VERDICT_INCONCLUSIVE : HS_VERDICT_HELD);
		trace_ends_as(u, cut ? HS_VERDICT_INCONCLUSIVE : HS_VERDICT_HELD);
		trace_ends_as(v, HS_VERDICT_HELD);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_losses),
		cmocka_unit_test(test_what_is_said_of_losses),
		cmocka_unit_test(test_incomplete),
		cmocka_unit_test(test_what_is_said_of_incomplete),
		cmocka_unit_test(test_inferred),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
