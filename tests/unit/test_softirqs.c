// SPDX-License-Identifier: BSD-2-Clause
/* Softirqs that no program saw: /proc/softirqs read as text, and against what the program counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../loader/softirqs.h"

static void test_parse(void **state)
{
	uint32_t ran[4] = { 9, 9, 9, 9 };
	/* CPU 1 is off; the sum goes round. */
	char text[] = "                    CPU0       CPU2       CPU3       \n"
		      "          HI:          0          1          2\n"
		      "       TIMER: 4294967295        100         30\n"
		      "      NET_RX:          3        200 4000000000\n";

	(void)state;
	softirqs_parse(text, ran, 4);
	assert_int_equal(ran[0], 2);
	assert_int_equal(ran[1], 9);
	assert_int_equal(ran[2], 301);
	assert_int_equal(ran[3], 4000000032u);
}

/* Of another form, and with more CPUs than there can be. */
static void test_parse_strange(void **state)
{
	char *texts[] = { "", "\n", "no CPUs\nHI: 1 2\n", "CPU0 CPU7\nHI: 1 2\n",
			  "CPU0 CPU-1\nHI: 1 2\n" };
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		uint32_t ran[3] = { 9, 9, 9 };

		strcpy(text, texts[i]);
		softirqs_parse(text, ran, 2);
		assert_int_equal(ran[0], 9);
		assert_int_equal(ran[1], 9);
		assert_int_equal(ran[2], 9);
	}
	strcpy(text, "CPU0 CPU1\nHI 1 2\nTIMER: 5\n");
	softirqs_parse(text, (uint32_t[2]){ 0 }, 2);
}

/* The machine's own have run since, and the program has seen less of them, or more. */
static void test_look(void **state)
{
	static struct hs_cpu cpus[HS_MOST_CPUS];
	static struct hs_softirqs s;

	(void)state;
	softirqs_look(&s, cpus, 1);
	if (!s.begun)
		skip();
	assert_int_equal(s.unseen, 0);
	s.ran[0] -= 1000;
	cpus[0].softirqs = 400000000;
	softirqs_look(&s, cpus, 1);
	assert_int_equal(s.unseen, 0);
	cpus[0].softirqs = 400;
	softirqs_look(&s, cpus, 1);
	assert_in_range(s.unseen, 600, 100000);
	/* What is known already stays so. */
	cpus[0].softirqs = 400000000;
	softirqs_look(&s, cpus, 1);
	assert_in_range(s.unseen, 600, 100000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_strange),
		cmocka_unit_test(test_look),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
