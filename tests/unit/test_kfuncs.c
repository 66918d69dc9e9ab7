// SPDX-License-Identifier: BSD-2-Clause
/* Where the functions of the table are in a kernel, by texts like the kernel's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "kfuncs.h"

static struct hs_kfuncs parse(const char *kallsyms, const char *traceable)
{
	struct hs_kfuncs k;
	char *a = strdup(kallsyms), *b = traceable ? strdup(traceable) : NULL;

	assert_int_equal(kfuncs_parse(&k, a, b), 0);
	free(a);
	free(b);
	return k;
}

static const struct hs_kfunc *get(const struct hs_kfuncs *k, const char *name)
{
	for (size_t i = 0; i < k->n; i++)
		if (!strcmp(k->list[i].info->name, name))
			return &k->list[i];
	fail_msg("%s is not in the table", name);
	return NULL;
}

static void test_all_that_may_be_probed(void **state)
{
	struct hs_kfuncs k = parse("ffffffff81000000 T ip_rcv\n", NULL);
	size_t n, wanted = 0;
	const struct hs_function_info *all = functions_all(&n);

	(void)state;
	for (size_t i = 0; i < n; i++)
		wanted += all[i].kind != HS_FN_STACK;
	assert_int_equal(k.n, wanted);
	assert_int_equal(get(&k, "ip_rcv")->addr, 0xffffffff81000000);
	assert_int_equal(get(&k, "ipv6_rcv")->addr, 0);
	assert_false(get(&k, "ip_rcv")->untraceable);
	assert_false(k.hidden);
	kfuncs_free(&k);
}

static void test_names_of_copies(void **state)
{
	struct hs_kfuncs k = parse("ffffffff81000100 t ip_rcv.part.0\n"
				   "ffffffff81000200 t ip_rcv.cold\n"
				   "ffffffff81000300 t ip_output.constprop.0\n"
				   "ffffffff81000400 t nf_hook_slow.isra.0\n"
				   "ffffffff81000500 T nf_hook_slow\n"
				   "ffffffff81000600 D udp_rcv\n"
				   "ffffffff81000700 t udp_rcv_more\n",
				   NULL);

	(void)state;
	/* a part of a function is not the function */
	assert_int_equal(get(&k, "ip_rcv")->addr, 0);
	assert_string_equal(get(&k, "ip_output")->name, "ip_output.constprop.0");
	assert_int_equal(get(&k, "ip_output")->addr, 0xffffffff81000300);
	/* the function itself, where both are there */
	assert_string_equal(get(&k, "nf_hook_slow")->name, "nf_hook_slow");
	/* no data, and no name that only begins alike */
	assert_int_equal(get(&k, "udp_rcv")->addr, 0);
	kfuncs_free(&k);
}

static void test_modules(void **state)
{
	struct hs_kfuncs k = parse("ffffffffc0000100 t veth_xmit\t[veth]\n"
				   "ffffffff81000100 T ip_rcv\n"
				   "ffffffffc0000200 t ip_rcv\t[other]\n",
				   NULL);

	(void)state;
	assert_string_equal(get(&k, "veth_xmit")->module, "veth");
	assert_int_equal(get(&k, "veth_xmit")->addr, 0xffffffffc0000100);
	assert_string_equal(get(&k, "ip_rcv")->module, "");
	kfuncs_free(&k);
}

static void test_what_may_be_traced(void **state)
{
	struct hs_kfuncs k = parse("ffffffff81000100 T ip_rcv\n"
				   "ffffffff81000200 T ip_output\n"
				   "ffffffffc0000100 t veth_xmit\t[veth]\n",
				   "do_one\nip_output\nveth_xmit [veth]\nip_rcv.part.0\n");

	(void)state;
	assert_true(get(&k, "ip_rcv")->untraceable);
	assert_false(get(&k, "ip_output")->untraceable);
	assert_false(get(&k, "veth_xmit")->untraceable);
	/* what is not there is not said to be refused */
	assert_false(get(&k, "udp_rcv")->untraceable);
	kfuncs_free(&k);
}

static void test_hidden(void **state)
{
	struct hs_kfuncs k =
		parse("0000000000000000 T ip_rcv\n0000000000000000 T ip_output\n", NULL);

	(void)state;
	assert_true(k.hidden);
	assert_int_equal(get(&k, "ip_rcv")->addr, 0);
	kfuncs_free(&k);
	k = parse("", "");
	assert_true(k.hidden);
	kfuncs_free(&k);
	k = parse("nonsense\nffffffff81000100\nffffffff81000100 T\n\n", "\n\n");
	assert_true(k.hidden);
	kfuncs_free(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_that_may_be_probed),
		cmocka_unit_test(test_names_of_copies),
		cmocka_unit_test(test_modules),
		cmocka_unit_test(test_what_may_be_traced),
		cmocka_unit_test(test_hidden),
	};

	return cmocka_run_group_tests_name("kfuncs", tests, NULL, NULL);
}
