// SPDX-License-Identifier: BSD-2-Clause
/* Records in, a view out: what the stream's first record may be, and that nothing else matters. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../loader/only.h"
#include "../../loader/pipeline.h"
#include "../../loader/source.h"
#include "helper_story.h"

static const struct hs_show list = { .view = HS_VIEW_LIST };

/* What a view wrote. */
struct output {
	struct hs_pipeline *p;
	FILE *file;
	char *text;
	size_t len;
};

static void output_begin(struct output *o, const struct hs_show *show,
			 const struct hs_select *extra)
{
	*o = (struct output){ 0 };
	o->file = open_memstream(&o->text, &o->len);
	assert_non_null(o->file);
	assert_int_equal(pipeline_new(&o->p, o->file, show, extra), 0);
}

static void output_end(struct output *o)
{
	pipeline_free(o->p);
	fclose(o->file);
}

static char *output_of(const struct stream *s, const struct hs_show *show,
		       const struct hs_select *extra)
{
	struct output o;

	output_begin(&o, show, extra);
	assert_int_equal(stream_each(s, pipeline_record, o.p), 0);
	assert_string_equal(pipeline_error(o.p), "");
	output_end(&o);
	return o.text;
}

static struct stream *told(struct stream *s)
{
	story_tell(s);
	return s;
}

/* The same stream gives the same bytes, live, again, and from a file. */
static void test_same_bytes(void **state)
{
	struct stream *s = told(stream_new(NULL));

	(void)state;
	for (int view = HS_VIEW_LIST; view <= HS_VIEW_JSON; view++)
		for (int i = 0; i < 8; i++) {
			struct hs_show show = { .view = view,
						.only = i & 4 ? HS_ONLY_DROPPED : 0,
						.render = { .verbose = i & 3,
							    .json_hops = i & 1 } };
			char *one = output_of(s, &show, NULL), *two = output_of(s, &show, NULL);
			char err[256];
			struct output o;
			FILE *file = tmpfile();

			assert_non_null(file);
			assert_int_equal(fwrite(s->bytes, s->len, 1, file), 1);
			rewind(file);
			output_begin(&o, &show, NULL);
			assert_int_equal(
				recording_read(file, pipeline_record, o.p, err, sizeof(err)), 0);
			output_end(&o);
			assert_true(*one);
			assert_string_equal(one, two);
			assert_string_equal(one, o.text);
			free(one);
			free(two);
			free(o.text);
			fclose(file);
		}
	stream_free(s);
}

/* What is asked for when a recording is read narrows what was asked for when it was made. */
static void test_extra_selection(void **state)
{
	struct stream *all = told(stream_new(NULL));
	struct stream *some = told(stream_new("netns", "ns_b", NULL));
	struct stream *both = told(stream_new("netns", "ns_b", "filter", "udp port 53", NULL));
	struct hs_select extra = { 0 };
	char err[256], *wide, *narrow, *narrowed, *expected;

	(void)state;
	assert_int_equal(select_add_filter(&extra, "udp port 53", err, sizeof(err)), 0);
	wide = output_of(all, &list, NULL);
	narrow = output_of(some, &list, NULL);
	narrowed = output_of(some, &list, &extra);
	expected = output_of(both, &list, NULL);
	assert_string_equal(narrowed, expected);
	assert_true(strlen(wide) > strlen(narrow) && strlen(narrow) > strlen(narrowed));
	free(wide);
	free(narrow);
	free(narrowed);
	free(expected);
	select_free(&extra);
	stream_free(all);
	stream_free(some);
	stream_free(both);
}

/* START as it may come out of a damaged file, in memory of exactly its size. */
static int start_with(uint16_t size, uint32_t spec_len, const char *spec, bool *ret_explained)
{
	union {
		uint8_t room[sizeof(struct hs_rec_start) + 64];
		struct hs_rec_start start;
	} rec = { 0 };
	struct hs_hdr *copy = malloc(size);
	struct output o;
	int r;

	rec.start.hdr.type = HS_REC_START;
	memcpy(rec.start.magic, "HOPSCOPE", 8);
	rec.start.abi = HS_ABI_VERSION;
	if (size > sizeof(rec.start))
		memcpy(rec.start.spec, spec, size - sizeof(rec.start));
	rec.start.hdr.size = size;
	rec.start.spec_len = spec_len;
	memcpy(copy, &rec, size);
	output_begin(&o, &list, NULL);
	r = pipeline_record(o.p, copy);
	*ret_explained = *pipeline_error(o.p);
	/* whatever comes after it */
	for (int i = 0; i < 2 && r; i++)
		pipeline_record(o.p, copy);
	output_end(&o);
	free(o.text);
	free(copy);
	return r;
}

static void test_damaged_start(void **state)
{
	const uint16_t fixed = sizeof(struct hs_rec_start);
	bool explained;

	(void)state;
	assert_int_equal(start_with(fixed, 0, "", &explained), 0);
	assert_int_equal(start_with(fixed + 4, 4, "all", &explained), 0);
	assert_int_equal(start_with(fixed + 8, 4, "all\0pad", &explained), 0);
	assert_false(explained);
	for (uint16_t size = sizeof(struct hs_hdr); size < fixed; size++) {
		assert_int_equal(start_with(size, 0, "", &explained), -EPROTO);
		assert_true(explained);
	}
	assert_int_equal(start_with(fixed, 4, "all", &explained), -EPROTO);
	assert_int_equal(start_with(fixed + 4, 5, "all", &explained), -EPROTO);
	assert_int_equal(start_with(fixed + 4, UINT32_MAX, "all", &explained), -EPROTO);
	assert_true(explained);
	assert_int_equal(start_with(fixed + 3, 3, "all", &explained), -EINVAL);
	assert_true(explained);
	assert_int_equal(start_with(fixed + 16, 16, "filter\0udp prt 5", &explained), -EINVAL);
	assert_true(explained);
}

/* Only the first START counts, nothing before it does, and nothing after END. */
static void test_first_and_last(void **state)
{
	struct stream *plain = told(stream_new(NULL)), *odd = stream_new(NULL);
	size_t start = odd->len;
	struct stream *second = stream_new("netns", "nowhere", NULL);
	char *expected, *got;

	(void)state;
	/* odd: a tick, START, START with a selection, the story, the story again after END */
	odd->len = 0;
	stream_tick(odd, 0);
	odd->len += start;
	memcpy(odd->bytes + odd->len - start, plain->bytes, start);
	memcpy(odd->bytes + odd->len, second->bytes, second->len);
	odd->len += second->len;
	odd->time = STREAM_T0;
	story_tell(odd);
	story_tell(odd);
	expected = output_of(plain, &list, NULL);
	got = output_of(odd, &list, NULL);
	assert_string_equal(got, expected);
	free(expected);
	free(got);
	stream_free(plain);
	stream_free(odd);
	stream_free(second);
}

static void test_short_record(void **state)
{
	struct stream *s = stream_new(NULL);
	struct hs_rec_stage rec = { 0 };
	struct output o;

	(void)state;
	stream_add(s, &rec, sizeof(rec) - 8, HS_REC_STAGE, HS_STAGE_DEV_XMIT);
	output_begin(&o, &list, NULL);
	assert_int_equal(stream_each(s, pipeline_record, o.p), -EPROTO);
	assert_string_equal(pipeline_error(o.p), "a record of type 1 has only 40 bytes");
	output_end(&o);
	free(o.text);
	stream_free(s);
}

/* A newer recording has types and longer records that this reader skips. */
static void test_unknown_types(void **state)
{
	struct stream *plain = told(stream_new(NULL)), *newer = stream_new(NULL);
	struct {
		struct hs_hdr hdr;
		char more[500];
	} rec = { 0 };
	uint64_t time = newer->time;
	char *expected, *got;

	(void)state;
	stream_add(newer, &rec, sizeof(rec), 250, 7);
	stream_add(newer, &rec, sizeof(rec), 60, 7);
	newer->time = time;
	story_tell(newer);
	expected = output_of(plain, &list, NULL);
	got = output_of(newer, &list, NULL);
	assert_string_equal(got, expected);
	free(expected);
	free(got);
	stream_free(plain);
	stream_free(newer);
}

/* Cut anywhere, a recording is read as far as it goes, and that it was cut is said. */
static void test_cut_recording(void **state)
{
	struct stream *s = told(stream_new(NULL));

	(void)state;
	for (size_t len = 0; len < s->len; len += len < 400 ? 1 : 211) {
		FILE *file = fmemopen(s->bytes, len ? len : 1, "r");
		char err[256] = "";
		struct output o;
		int r;

		if (!len)
			fgetc(file);
		output_begin(&o, &list, NULL);
		r = recording_read(file, pipeline_record, o.p, err, sizeof(err));
		assert_int_equal(r, len < sizeof(struct hs_rec_start) ? -EPROTO : -ENODATA);
		assert_true(*err);
		output_end(&o);
		free(o.text);
		fclose(file);
	}
	stream_free(s);
}

/* -c N: done when that many came to their end; with --only, of those that pass. */
static void test_count(void **state)
{
	struct stream *s = told(stream_new(NULL));
	struct hs_show show = { .view = HS_VIEW_LIST, .count = 2 };
	struct output o;

	(void)state;
	output_begin(&o, &show, NULL);
	assert_false(pipeline_is_done(o.p));
	assert_int_equal(pipeline_underway(o.p), 0);
	assert_int_equal(stream_each(s, pipeline_record, o.p), 0);
	assert_true(pipeline_is_done(o.p));
	assert_int_equal(pipeline_underway(o.p), 0);
	output_end(&o);
	free(o.text);
	show.only = HS_ONLY_REFUSED;
	output_begin(&o, &show, NULL);
	assert_int_equal(stream_each(s, pipeline_record, o.p), 0);
	assert_false(pipeline_is_done(o.p));
	output_end(&o);
	free(o.text);
	stream_free(s);
	pipeline_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_bytes),    cmocka_unit_test(test_extra_selection),
		cmocka_unit_test(test_damaged_start), cmocka_unit_test(test_first_and_last),
		cmocka_unit_test(test_short_record),  cmocka_unit_test(test_unknown_types),
		cmocka_unit_test(test_cut_recording), cmocka_unit_test(test_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
