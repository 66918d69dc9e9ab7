// SPDX-License-Identifier: BSD-2-Clause
/* The tables of stages and drop reasons: what they must hold for everyone who reads them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "reasons.h"
#include "stages.h"

static void is_one_of(const char *word, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(word, *list))
			return;
	fail_msg("'%s' is not allowed here", word);
}

static void test_fields(void **state)
{
	static const char *const layers[] = { "socket",	   "transport", "network",
					      "neighbour", "device",	NULL };
	static const char *const directions[] = { "out", "in", "both", NULL };
	size_t n;
	const struct hs_stage_info *all = stages_all(&n);

	(void)state;
	assert_true(n >= 25);
	for (size_t i = 0; i < n; i++) {
		is_one_of(all[i].layer, layers);
		is_one_of(all[i].direction, directions);
		assert_true(*all[i].label && strlen(all[i].label) <= 16);
		assert_int_equal(all[i].meaning[strlen(all[i].meaning) - 1], '.');
		for (const char *c = all[i].name; *c; c++)
			assert_true(isupper((unsigned char)*c) || *c == '_');
		/* the record holds it in a byte, and 0 means none */
		assert_in_range(all[i].id, 1, UINT8_MAX);
	}
}

static void test_each_is_found_by_all_its_names(void **state)
{
	size_t n, n_functions;
	const struct hs_stage_info *all = stages_all(&n);
	const struct hs_function_info *functions = functions_all(&n_functions);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		assert_ptr_equal(stage_info(all[i].id), &all[i]);
		assert_ptr_equal(stage_by_word(all[i].label), &all[i]);
		assert_ptr_equal(stage_by_word(all[i].name), &all[i]);
	}
	/* so no function stands for two stages */
	for (size_t i = 0; i < n_functions; i++) {
		assert_int_equal(stage_of_function(functions[i].name)->id, functions[i].stage);
		assert_true(strlen(functions[i].name) < 40);
		assert_int_equal(functions[i].kind == HS_FN_AT, functions[i].arg != 0);
		/* a cookie has so many bits for it, bpf/functions.bpf.h */
		assert_in_range(functions[i].arg, 0, 3);
	}
}

static void test_unknown(void **state)
{
	(void)state;
	assert_null(stage_info((enum hs_stage)0));
	assert_null(stage_info((enum hs_stage)255));
	assert_null(stage_of_function(""));
	assert_null(stage_of_function(".cold"));
	assert_null(stage_of_function("udp"));
	assert_null(stage_of_function("udp_rcv_"));
	assert_null(stage_of_function("udp_rcv __udp4_lib_rcv"));
	assert_null(stage_by_word(""));
	assert_null(stage_by_word("udp"));
	assert_null(stage_by_word("udp receive "));
}

static void test_compiler_suffixes(void **state)
{
	(void)state;
	assert_int_equal(stage_of_function("udp_rcv.isra.0")->id, HS_STAGE_UDP_IN);
	assert_int_equal(stage_of_function("udp_rcv.part.0")->id, HS_STAGE_UDP_IN);
	assert_int_equal(stage_of_function("udp_rcv.constprop.12.isra.0")->id, HS_STAGE_UDP_IN);
	assert_int_equal(stage_of_function("__netif_receive_skb_core.constprop.0")->id,
			 HS_STAGE_RECEIVE);
	assert_null(stage_of_function("udp_rc.isra.0"));
	assert_int_equal(stage_of_function("veth_xmit.cold")->id, HS_STAGE_VETH_XMIT);
}

static void test_words(void **state)
{
	(void)state;
	assert_int_equal(stage_by_word("Udp-Receive")->id, HS_STAGE_UDP_IN);
	assert_int_equal(stage_by_word("udp_in")->id, HS_STAGE_UDP_IN);
}

static void test_reasons(void **state)
{
	size_t n;
	const struct hs_reason_info *all = reasons_all(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		assert_ptr_equal(reason_info(all[i].name), &all[i]); /* so it is there once */
		assert_int_equal(all[i].sentence[strlen(all[i].sentence) - 1], '.');
	}
	assert_null(reason_info(""));
	assert_null(reason_info("NO_SUCH_REASON"));
	assert_non_null(reason_info("NO_SOCKET"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_each_is_found_by_all_its_names),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_compiler_suffixes),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_reasons),
	};

	return cmocka_run_group_tests_name("stages", tests, NULL, NULL);
}
