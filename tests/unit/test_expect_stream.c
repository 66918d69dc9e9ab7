// SPDX-License-Identifier: BSD-2-Clause
/* Expectations of whole streams of records: the same verdict each time, and the view as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../loader/only.h"
#include "../../loader/pipeline.h"
#include "helper_story.h"

struct outcome {
	char *view, *report;
	enum hs_verdict verdict;
};

static char *printed(struct text *text)
{
	char *out = NULL;
	size_t len;
	FILE *f = open_memstream(&out, &len);

	assert_non_null(f);
	text_write(text, f);
	fclose(f);
	text_free(text);
	return out;
}

struct feed {
	struct hs_pipeline *p;
	bool cut;
};

static int feed_record(void *ctx, const struct hs_hdr *rec)
{
	struct feed *feed = ctx;

	if (feed->cut && rec->type == HS_REC_END)
		pipeline_note_cut(feed->p);
	return pipeline_record(feed->p, rec);
}

/* What `trace read` does with a stream; `text` NULL: without expectation. */
static struct outcome outcome_of(const struct stream *s, struct hs_show show, const char *text,
				 bool cut)
{
	struct text_style style = { .ascii = true };
	struct outcome o = { 0 };
	struct feed feed = { .cut = cut };
	struct text report;
	char err[2048];
	size_t len;
	FILE *out = open_memstream(&o.view, &len);

	assert_non_null(out);
	if (text && expect_add(&show.expect, text, err, sizeof(err)))
		fail_msg("%s", err);
	assert_int_equal(pipeline_new(&feed.p, out, &show, NULL), 0);
	assert_int_equal(stream_each(s, feed_record, &feed), 0);
	text_init(&report, &style);
	o.verdict = pipeline_verdict(feed.p, &report);
	o.report = printed(&report);
	pipeline_free(feed.p);
	fclose(out);
	expectations_free(&show.expect);
	return o;
}

static void outcome_free(struct outcome *o)
{
	free(o->view);
	free(o->report);
}

/* A datagram that is dropped. */
static struct stream *small(bool lossy)
{
	struct stream *s = stream_new(NULL);
	struct wire w = wire_udp("10.0.1.2:4000", "10.0.1.1:8081", 4);

	stream_netns(s, 1, "ns_a");
	stream_dev(s, 1, 2, "veth_a", "veth");
	stream_birth(s, 0xb000, 1, 2, &w, 0);
	stream_see(s, HS_STAGE_RECEIVE, 0xb000, 1, 2);
	if (lossy)
		stream_loss(s, 3, 0, 0);
	stream_drop(s, 0xb000, "NO_SOCKET", "__udp4_lib_rcv");
	stream_end(s);
	return s;
}

static void test_verdicts(void **state)
{
	static const struct {
		const char *text;
		enum hs_verdict whole, lossy, cut;
	} cases[] = {
		{ "drop NO_SOCKET", HS_VERDICT_HELD, HS_VERDICT_INCONCLUSIVE, HS_VERDICT_HELD },
		{ "journey dport=8081", HS_VERDICT_HELD, HS_VERDICT_HELD, HS_VERDICT_HELD },
		{ "no icmp", HS_VERDICT_HELD, HS_VERDICT_INCONCLUSIVE, HS_VERDICT_INCONCLUSIVE },
		{ "no drop", HS_VERDICT_FAILED, HS_VERDICT_INCONCLUSIVE, HS_VERDICT_INCONCLUSIVE },
		{ "icmp", HS_VERDICT_FAILED, HS_VERDICT_INCONCLUSIVE, HS_VERDICT_INCONCLUSIVE },
	};
	struct stream *whole = small(false), *lossy = small(true);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hs_show show = { .quiet = true };
		struct outcome a = outcome_of(whole, show, cases[i].text, false),
			       b = outcome_of(lossy, show, cases[i].text, false),
			       c = outcome_of(whole, show, cases[i].text, true);

		if (a.verdict != cases[i].whole || b.verdict != cases[i].lossy ||
		    c.verdict != cases[i].cut)
			fail_msg("%s: %s%s%s", cases[i].text, a.report, b.report, c.report);
		assert_string_equal(a.view, "");
		outcome_free(&a);
		outcome_free(&b);
		outcome_free(&c);
	}
	stream_free(whole);
	stream_free(lossy);
}

/* A view shows what it did without, and JSON ends with the verdict. */
static void test_the_view_is_the_same(void **state)
{
	struct stream *s = stream_new(NULL);

	(void)state;
	story_tell(s);
	for (int view = HS_VIEW_LIST; view <= HS_VIEW_JSON; view++)
		for (int i = 0; i < 4; i++) {
			struct hs_show show = { .view = view,
						.only = i & 1 ? HS_ONLY_UNREAD : 0,
						.render.json_hops = i & 2 };
			struct outcome without = outcome_of(s, show, NULL, false),
				       one = outcome_of(s, show, "drop; queued; call", false),
				       two = outcome_of(s, show, "drop; queued; call", false);
			size_t len = strlen(without.view);

			assert_int_equal(strncmp(without.view, one.view, len), 0);
			if (view == HS_VIEW_JSON)
				assert_int_equal(strncmp(one.view + len,
							 "{\"type\":\"expect\",\"held\":", 24),
						 0);
			else
				assert_string_equal(one.view + len, "");
			assert_string_equal(one.view, two.view);
			assert_string_equal(one.report, two.report);
			outcome_free(&without);
			outcome_free(&one);
			outcome_free(&two);
		}
	stream_free(s);
}

/* --only hides from the view, not from an expectation. */
static void test_before_only(void **state)
{
	struct stream *s = small(false);
	struct hs_show show = { .view = HS_VIEW_LIST, .only = HS_ONLY_UNREAD };
	struct outcome o = outcome_of(s, show, "drop", false);

	(void)state;
	assert_int_equal(o.verdict, HS_VERDICT_HELD);
	assert_null(strstr(o.view, "NO_SOCKET"));
	assert_string_equal(o.report, "expected: 1 of 1 held\n");
	outcome_free(&o);
	stream_free(s);
}

/* Not a single record. */
static void test_nothing(void **state)
{
	struct hs_show show = { .quiet = true };
	struct hs_pipeline *p;
	struct text text;
	static const struct text_style style;

	(void)state;
	assert_int_equal(pipeline_new(&p, NULL, &show, NULL), 0);
	text_init(&text, &style);
	assert_false(pipeline_holds(p));
	assert_int_equal(pipeline_verdict(p, &text), HS_VERDICT_INCONCLUSIVE);
	pipeline_free(p);
	text_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_the_view_is_the_same),
		cmocka_unit_test(test_before_only),
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
