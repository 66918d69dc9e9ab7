// SPDX-License-Identifier: BSD-2-Clause
/* What the engine remembers and how long it takes are bounded. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "helper_lab.h"
#include "helper_notes.h"

/* of this process: others on the machine do not count */
static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* A stream too long to be kept: each record goes to the engine at once. */
struct flood {
	struct notes notes;
	struct notes_run *run;
	struct stream *s;
};

static void flood_push(struct flood *f)
{
	notes_run_feed(f->run, f->s);
	f->s->len = 0;
}

static void flood_begin(struct flood *f, struct stream *s)
{
	notes_init(&f->notes);
	f->notes.quiet = true;
	f->run = notes_run_new(&f->notes);
	f->s = lab_of(s);
	flood_push(f);
}

static void flood_end(struct flood *f)
{
	stream_end(f->s);
	flood_push(f);
	notes_run_free(f->run);
	stream_free(f->s);
	notes_done(&f->notes);
}

/*
 * More than are remembered. It takes 1 to 2 s, on a busy machine twice that; a step that is
 * quadratic would take minutes.
 */
#ifdef __SANITIZE_ADDRESS__
#define FLOOD 120000
#else
#define FLOOD 300000
#endif
#define FLOOD_S 10

/*
 * Nobody reads the queue, nothing is freed: what is remembered stays bounded and cheap. The oldest
 * are settled although nothing ended them.
 */
static void test_flood_without_ends(void **state)
{
	struct flood f;
	struct wire w = lab_datagram(4);
	double begin = seconds();

	(void)state;
	flood_begin(&f, stream_new(NULL));
	for (uint32_t i = 0; i < FLOOD; i++) {
		lab_delivered(f.s, 0x100000 + i * 256ull, &w, i < 100 ? i + 1 : 100);
		if (i % 1000 == 0)
			stream_tick(f.s, 0);
		flood_push(&f);
	}
	assert_true(f.notes.n_settled >= FLOOD - 100000);
	/* 1.7 kB each; 0 where a sanitizer has its own malloc() */
	assert_true(mallinfo2().uordblks < 100000 * 3000ul);
	flood_end(&f);
	assert_int_equal(f.notes.n_settled, FLOOD);
	assert_true(seconds() - begin < FLOOD_S);
}

/* With records lost all the time. */
static void test_flood_with_gaps(void **state)
{
	struct flood f;
	struct wire w = lab_datagram(4);
	double begin = seconds();

	(void)state;
	flood_begin(&f, stream_new(NULL));
	for (uint32_t i = 0; i < FLOOD; i++) {
		lab_delivered(f.s, 0x100000 + i * 256ull, &w, i < 100 ? i + 1 : 100);
		if (i % 10 == 0)
			stream_lose(f.s, 1);
		flood_push(&f);
	}
	flood_end(&f);
	assert_int_equal(f.notes.summary.lost, FLOOD / 10);
	assert_true(seconds() - begin < FLOOD_S);
}

/* Closed ports under the rate limit: each waits for a counter that comes often and says nothing. */
static void test_flood_to_a_closed_port(void **state)
{
	struct flood f;
	struct wire w = lab_datagram(4);
	double begin = seconds();

	(void)state;
	flood_begin(&f, stream_new(NULL));
	stream_counter(f.s, NS_SERVER, 0, 0, 0);
	for (uint32_t i = 0; i < FLOOD; i++) {
		lab_dropped_silently(f.s, 0x100000 + i * 256ull, &w);
		if (i % 5000 == 0)
			stream_counter(f.s, NS_SERVER, 0, i, 0);
		flood_push(&f);
	}
	flood_end(&f);
	assert_int_equal(f.notes.summary.dropped, FLOOD);
	assert_true(seconds() - begin < FLOOD_S);
}

/* A thousand causes deep: each packet was sent because of the one before. */
static void test_long_chain_of_causes(void **state)
{
	struct stream *s = lab_of(stream_new("netns", "ns_server", NULL));
	struct flood f;
	struct wire w = lab_datagram(4);
	uint32_t n = 90000;

	(void)state;
	flood_begin(&f, s);
	stream_softirq(s, 0);
	for (uint32_t i = 0; i < n; i++) {
		stream_birth(s, 0x100000 + i * 256ull, NS_CLIENT, VETH_C, &w, 0);
		stream_see(s, HS_STAGE_RECEIVE, 0x100000 + i * 256ull, NS_CLIENT, VETH_C);
		flood_push(&f);
	}
	/* The first one gets where all of them are shown, then they end from the last to the first.
	 */
	stream_see(s, HS_STAGE_DEV_QUEUE, 0x100000, NS_CLIENT, VETH_C);
	stream_see(s, HS_STAGE_DEV_XMIT, 0x100000, NS_CLIENT, VETH_C);
	stream_see(s, HS_STAGE_BACKLOG, 0x100000, NS_SERVER, VETH_S);
	flood_push(&f);
	assert_int_equal(f.notes.n_hops, 2 * n + 3);
	for (uint32_t i = 0; i < n; i++) {
		stream_consume(s, 0x100000 + i * 256ull, "kfree_skb_list");
		flood_push(&f);
	}
	assert_int_equal(f.notes.n_settled, n);
	flood_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flood_without_ends),
		cmocka_unit_test(test_flood_with_gaps),
		cmocka_unit_test(test_flood_to_a_closed_port),
		cmocka_unit_test(test_long_chain_of_causes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
