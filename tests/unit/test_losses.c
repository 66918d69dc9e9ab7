// SPDX-License-Identifier: BSD-2-Clause
/* The counters of what is lost: as records of every age tell them, and the table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../loader/losses.h"

#define COUNTS 16

static struct hs_rec_loss *record(size_t size)
{
	struct hs_rec_loss *rec = calloc(1, sizeof(*rec) + COUNTS * sizeof(uint64_t));

	assert_non_null(rec);
	rec->hdr.type = HS_REC_LOSS;
	rec->hdr.size = size;
	rec->reserve = 7;
	rec->misses = 2;
	rec->maps = 5;
	rec->untimed = 11;
	rec->calls = 13;
	rec->n_kinds = HS_LOST_KINDS;
	rec->n_cpus = 2;
	for (size_t i = 0; i < COUNTS; i++)
		rec->counts[i] = 100 + i;
	return rec;
}

static void test_records(void **state)
{
	struct hs_rec_loss *rec = record(offsetof(struct hs_rec_loss, untimed));
	struct hs_losses losses = { 0 };

	(void)state;
	losses_learn(&losses, rec);
	assert_int_equal(losses.n[HS_LOSS_RING], 7);
	assert_int_equal(losses.n[HS_LOSS_MISSES], 2);
	assert_int_equal(losses.n[HS_LOSS_NAME], 5);
	assert_int_equal(losses.n[HS_LOSS_UNTIMED], 0);
	rec->hdr.size = offsetof(struct hs_rec_loss, n_kinds);
	losses_learn(&losses, rec);
	assert_int_equal(losses.n[HS_LOSS_UNTIMED], 11);
	assert_int_equal(losses.n[HS_LOSS_UNSEEN_CALLS], 13);
	assert_int_equal(losses.ring[0], 0);
	rec->hdr.size = sizeof(*rec) + (HS_LOST_KINDS + 2) * sizeof(uint64_t);
	losses_learn(&losses, rec);
	assert_int_equal(losses.n[HS_LOSS_NAME], 100 + HS_LOST_NAME);
	assert_int_equal(losses.n[HS_LOSS_FOLLOWED], 100 + HS_LOST_FOLLOWED);
	assert_int_equal(losses.n[HS_LOSS_PAYLOAD], 100 + HS_LOST_PAYLOAD);
	assert_int_equal(losses.ring[0], 100 + HS_LOST_KINDS);
	assert_int_equal(losses.ring[1], 101 + HS_LOST_KINDS);
	assert_int_equal(losses.ring[2], 0);
	free(rec);
}

/* Of one that is cut, or says more than it has: no byte behind its end is read. */
static void test_damaged(void **state)
{
	struct hs_rec_loss *rec = record(sizeof(*rec) + sizeof(uint64_t) + 4), *exact;
	struct hs_losses losses = { 0 };

	(void)state;
	rec->n_kinds = rec->n_cpus = UINT32_MAX;
	exact = malloc(rec->hdr.size);
	assert_non_null(exact);
	memcpy(exact, rec, rec->hdr.size);
	losses_learn(&losses, exact);
	assert_int_equal(losses.n[HS_LOSS_NAME], 100);
	assert_int_equal(losses.n[HS_LOSS_FOLLOWED], 0);
	assert_int_equal(losses.ring[0], 0);
	free(exact);
	/* Kinds that are newer than this program are skipped, the CPUs behind them are found. */
	rec->hdr.size = sizeof(*rec) + (HS_LOST_KINDS + 3) * sizeof(uint64_t);
	rec->n_kinds = HS_LOST_KINDS + 1;
	rec->n_cpus = 2;
	losses_learn(&losses, rec);
	assert_int_equal(losses.ring[0], 101 + HS_LOST_KINDS);
	free(rec);
}

static void expect_table(const struct hs_losses *losses, const char *expected)
{
	const struct text_style style = { .width = 80 };
	struct text t;

	text_init(&t, &style);
	losses_tell(losses, &t);
	assert_string_equal(t.data, expected);
	text_free(&t);
}

static void test_table(void **state)
{
	struct hs_losses losses = { 0 };

	(void)state;
	expect_table(&losses, "Nothing was lost.\n");
	losses.n[HS_LOSS_RING] = 12345;
	losses.ring[0] = 12000;
	losses.ring[3] = 345;
	losses.n[HS_LOSS_WOKEN] = 1;
	expect_table(
		&losses,
		" lost  what           where              what to do\n"
		"12345  events         rings of CPU 0, 3  --ring 128M; -w FILE, and trace read it\n"
		"                                         later; --stacks=never\n"
		"    1  readers woken  map woken          --maps with a larger number\n");
	for (size_t i = 0; i < 12; i++)
		losses.ring[i] = 1;
	losses.n[HS_LOSS_WOKEN] = 0;
	expect_table(
		&losses,
		" lost  what    where                               what to do\n"
		"12345  events  rings of CPU 0, 1, 2, 3 and 8 more  --ring 128M; -w FILE, and\n"
		"                                                   trace read it later;\n"
		"                                                   --stacks=never\n");
}

/* Each has a name of its own, in JSON, and says what to do. */
static void test_names(void **state)
{
	(void)state;
	for (int i = 0; i < HS_LOSSES; i++)
		for (int k = 0; k < i; k++)
			assert_string_not_equal(loss_name(i), loss_name(k));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
