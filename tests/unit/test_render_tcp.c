// SPDX-License-Identifier: BSD-2-Clause
/* The views of TCP, against expected text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "helper_tcp.h"

static const struct view_expectation expectations[] = {
	{ "tcp_orderly.list", render_list_new, tcp_orderly, { 0 } },
	{ "tcp_no_listener.list", render_list_new, tcp_no_listener, { 0 } },
	{ "tcp_full_queue.list", render_list_new, tcp_full_queue, { 0 } },
	{ "tcp_broken_pipe.list", render_list_new, tcp_broken_pipe, { 0 } },
	{ "tcp_unread.list", render_list_new, tcp_unread, { 0 } },
	{ "tcp_lost.list", render_list_new, tcp_lost, { 0 } },
	{ "tcp_zero_window.list", render_list_new, tcp_zero_window, { 0 } },
	{ "tcp_bulk.list", render_list_new, tcp_bulk, { 0 } },
	{ "tcp_crossing.list", render_list_new, tcp_crossing, { 0 } },
	{ "tcp_two.list", render_list_new, tcp_two, { 0 } },
	{ "tcp_orderly.ladder", render_ladder_new, tcp_orderly, { 0 } },
	{ "tcp_orderly.ladder-40", render_ladder_new, tcp_orderly, { .width = 40 } },
	{ "tcp_orderly.ladder-ascii", render_ladder_new, tcp_orderly, { .ascii = true } },
	{ "tcp_orderly.ladder-plain", render_ladder_new, tcp_orderly, { .plain = true } },
	{ "tcp_no_listener.ladder", render_ladder_new, tcp_no_listener, { 0 } },
	{ "tcp_full_queue.ladder", render_ladder_new, tcp_full_queue, { 0 } },
	{ "tcp_broken_pipe.ladder", render_ladder_new, tcp_broken_pipe, { 0 } },
	{ "tcp_unread.ladder", render_ladder_new, tcp_unread, { 0 } },
	{ "tcp_lost.ladder", render_ladder_new, tcp_lost, { 0 } },
	{ "tcp_zero_window.ladder", render_ladder_new, tcp_zero_window, { 0 } },
	{ "tcp_bulk.ladder", render_ladder_new, tcp_bulk, { 0 } },
	{ "tcp_crossing.ladder", render_ladder_new, tcp_crossing, { 0 } },
	{ "tcp_two.ladder", render_ladder_new, tcp_two, { 0 } },
	{ "tcp_orderly.json", render_json_new, tcp_orderly, { 0 } },
	{ "tcp_no_listener.json", render_json_new, tcp_no_listener, { 0 } },
	{ "tcp_broken_pipe.json", render_json_new, tcp_broken_pipe, { 0 } },
	{ "tcp_zero_window.json", render_json_new, tcp_zero_window, { .verbose = 2 } },
	{ "tcp_two.json", render_json_new, tcp_two, { .json_hops = true } },
	{ "tcp_orderly.tree", render_tree_new, tcp_orderly, { 0 } },
	{ "tcp_broken_pipe.tree", render_tree_new, tcp_broken_pipe, { 0 } },
	{ "tcp_orderly.follow", render_follow_new, tcp_orderly, { 0 } },
	{ "tcp_broken_pipe.follow", render_follow_new, tcp_broken_pipe, { 0 } },
};

static void (*const stories[])(struct view *v) = {
	tcp_orderly, tcp_no_listener, tcp_full_queue, tcp_broken_pipe, tcp_unread,
	tcp_lost,    tcp_zero_window, tcp_bulk,	      tcp_crossing,    tcp_two,
};

static make_view *const views[] = { render_list_new, render_ladder_new, render_tree_new,
				    render_follow_new };

#define N_STORIES (sizeof(stories) / sizeof(stories[0]))
#define N_VIEWS	  (sizeof(views) / sizeof(views[0]))

/* No line is too long and no line is broken, whatever the width and the style. */
static void test_any_width(void **state)
{
	static const int widths[] = { 40, 48, 60, 71, 72, 80, 100, 200 };

	(void)state;
	for (size_t i = 0; i < N_STORIES; i++) {
		/* a thousand segments are many lines */
		size_t n_views = stories[i] == tcp_bulk ? 2 : N_VIEWS;

		for (size_t n = 0; n < n_views * 8 * 4 * 4; n++) {
			struct hs_render_options options = {
				.width = widths[n % 8],
				.ascii = n / 8 % 2,
				.plain = n / 16 % 2,
				.time = (enum hs_time_format)(n / 32 % 4),
				.verbose = n / 32 % 2,
				.wall_offset = 1700000000ll * S,
				.start = T0 - S,
			};
			char *text = view_render(views[n / 128], stories[i], &options);

			view_check_lines(text, &options, false);
			free(text);
		}
	}
}

/* Colour only adds: without its escape sequences the text is the same. */
static void test_color_only_adds(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_STORIES * N_VIEWS; i++) {
		struct hs_render_options options = { .width = 80 };
		make_view *view = views[i % N_VIEWS];
		char *without = view_render(view, stories[i / N_VIEWS], &options), *with, *to;

		options.color = true;
		with = view_render(view, stories[i / N_VIEWS], &options);
		to = with;
		for (const char *from = with; *from; from++) {
			if (*from == '\033')
				from = strchr(from, 'm');
			else
				*to++ = *from;
		}
		*to = '\0';
		assert_string_equal(with, without);
		free(with);
		free(without);
	}
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}

/* 1,000 segments are a page, in both views that fold, and all of them with --no-fold. */
static void test_fold(void **state)
{
	struct hs_render_options options = { .width = 80 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		char *text;

		options.no_fold = false;
		text = view_render(views[i], tcp_bulk, &options);
		assert_true(count(text, "\n") <= 40);
		/* what is bad is never folded */
		assert_int_equal(count(text, "TCP_OLD_DATA"), 1);
		free(text);
		options.no_fold = true;
		text = view_render(views[i], tcp_bulk, &options);
		assert_true(count(text, "\n") > 2500);
		assert_int_equal(count(text, " 1448 B seq "), 1001);
		free(text);
	}
}

static void test_fold_of_what_is_read_at_once(void **state)
{
	struct hs_render_options options = { .width = 80 };
	char *text = view_render(render_list_new, tcp_quick_reader, &options);

	(void)state;
	assert_true(count(text, "\n") <= 40);
	assert_true(count(text, "read by reader") < 10);
	free(text);
}

/* A story that ends early: all that was held comes with the summary, and no line twice. */
static void tell_cut(struct view *v)
{
	struct hs_sink sink = *v->sink, *whole = v->sink;
	struct hs_summary s = { .shown = 3, .nothing = "" };

	sink.summary = NULL;
	v->sink = &sink;
	tcp_orderly(v);
	v->sink = whole;
	TELL(v, summary, &s);
}

static void test_all_told(void **state)
{
	struct hs_render_options options = { .width = 80 };

	(void)state;
	for (size_t i = 0; i < N_VIEWS; i++) {
		char *text = view_render(views[i], tell_cut, &options);

		assert_non_null(strstr(text, "3 packets:"));
		assert_int_equal(count(text, "FIN seq 13 ack 1"), 1);
		assert_int_equal(count(text, "LAST_ACK"), i < 2 ? 1 : 2);
		free(text);
	}
}

/* It does not matter whether a change is told before or after the end of its segment. */
static void test_late_states(void **state)
{
	struct hs_render_options options = { .width = 80 };
	char *early = view_render(render_list_new, tcp_orderly, &options);
	char *late = view_render(render_list_new, tcp_orderly_late, &options);

	(void)state;
	assert_string_equal(late, early);
	free(early);
	free(late);
	late = view_render(render_ladder_new, tcp_orderly_late, &options);
	assert_int_equal(count(late, "FIN_WAIT1"), 1);
	assert_int_equal(count(late, "(TIME_WAIT)"), 1);
	free(late);
}

/* One connection of several; none of that number. */
static void test_ladder_of_one(void **state)
{
	struct hs_render_options options = { .width = 80, .flow = 2 };
	char *text = view_render(render_ladder_new, tcp_two, &options);

	(void)state;
	assert_int_equal(strncmp(text, "~2 ", 3), 0);
	assert_null(strstr(text, "~1"));
	free(text);
	options.flow = 9;
	text = view_render(render_ladder_new, tcp_two, &options);
	assert_int_equal(
		strncmp(text, "There is no connection ~9 here, but ~1 to ~2\n13 packets", 54), 0);
	free(text);
}

static void tell_no_tcp(struct view *v)
{
	struct hs_summary s = { .packets = 1, .shown = 1, .consumed = 1, .nothing = "" };

	TELL(v, summary, &s);
}

static void test_ladder_of_none(void **state)
{
	struct hs_render_options options = { .width = 80 };
	char *text = view_render(render_ladder_new, tell_no_tcp, &options);

	(void)state;
	assert_int_equal(strncmp(text, "No TCP connection was seen\n1 packet", 35), 0);
	free(text);
}

/* Connections are written when they are over, and forgotten: the second is not the first. */
static void tell_long(struct view *v)
{
	struct hs_sink sink = *v->sink, *whole = v->sink;
	struct hs_summary s = { .packets = 1, .shown = 1, .nothing = "" };

	sink.summary = NULL;
	v->sink = &sink;
	tcp_no_listener(v);
	TELL(v, tick, T0 + 60ull * S);
	TELL(v, tick, T0 + 600ull * S);
	tcp_no_listener(v);
	TELL(v, tick, T0 + 1200ull * S);
	v->sink = whole;
	TELL(v, summary, &s);
}

static void test_ladder_is_written_once(void **state)
{
	struct hs_render_options options = { .width = 80 };
	char *text = view_render(render_ladder_new, tell_long, &options);

	(void)state;
	assert_int_equal(count(text, "#1 SYN seq 0"), 2);
	assert_int_equal(count(text, "connect() = ECONNREFUSED"), 2);
	free(text);
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(test_any_width),
		cmocka_unit_test(test_color_only_adds),
		cmocka_unit_test(test_fold),
		cmocka_unit_test(test_fold_of_what_is_read_at_once),
		cmocka_unit_test(test_all_told),
		cmocka_unit_test(test_late_states),
		cmocka_unit_test(test_ladder_of_one),
		cmocka_unit_test(test_ladder_of_none),
		cmocka_unit_test(test_ladder_is_written_once),
	};
	int failed = view_check_all(expectations, sizeof(expectations) / sizeof(expectations[0]));

	return failed + cmocka_run_group_tests(others, NULL, NULL) ? 1 : 0;
}
