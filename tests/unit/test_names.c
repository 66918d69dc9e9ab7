// SPDX-License-Identifier: BSD-2-Clause
/* What the names store learns, replaces and answers for what it does not know. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <linux/if.h>

#include "../../loader/names.h"

static int setup(void **state)
{
	*state = names_new();
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	names_free(*state);
	return 0;
}

static void test_unknown_is_never_null(void **state)
{
	struct hs_names *names = *state;
	struct hs_device dev = names_device(names, 1, 2);
	struct hs_task task = names_task(names, 7, 8);

	assert_string_equal(names_netns(names, 5), "net:?");
	assert_string_equal(dev.name, "");
	assert_string_equal(dev.kind, "");
	assert_int_equal(dev.mtu, 0);
	assert_string_equal(names_symbol(names, 0xffffffff81000000), "");
	assert_string_equal(names_reason(names, 3), "");
	assert_int_equal(task.pid, 7);
	assert_int_equal(task.tid, 8);
	assert_string_equal(task.comm, "");
}

static void test_intern_gives_one_copy(void **state)
{
	struct hs_names *names = *state;
	char buf[] = "veth0";
	const char *one = names_intern(names, buf, sizeof(buf));
	const char *two = names_intern(names, "veth0XYZ", 5);

	assert_ptr_equal(one, two);
	memset(buf, 'x', 5);
	assert_string_equal(one, "veth0");
	assert_ptr_equal(names_intern(names, "", 9), names_intern(names, "abc", 0));
	assert_ptr_equal(names_internf(names, "%s%d", "veth", 0), one);
	assert_string_equal(names_intern(names, "no NUL inside", 2), "no");
}

static void test_internf_of_any_length(void **state)
{
	struct hs_names *names = *state;

	for (int len = 250; len < 260; len++)
		assert_int_equal(strlen(names_internf(names, "%*d", len, 1)), len);
	assert_int_equal(strlen(names_internf(names, "%*d", 5000, 1)), 5000);
}

static void test_netns_replaced(void **state)
{
	struct hs_names *names = *state;
	struct hs_rec_netns rec = { .netns = 9, .inum = 4026532000, .label = "ns_a" };
	const char *first;

	assert_int_equal(names_learn_netns(names, &rec), 0);
	first = names_netns(names, 9);
	assert_string_equal(first, "ns_a");
	strcpy(rec.label, "ns_b");
	assert_int_equal(names_learn_netns(names, &rec), 0);
	assert_string_equal(names_netns(names, 9), "ns_b");
	assert_string_equal(first, "ns_a");
	assert_string_equal(names_netns(names, 10), "net:?");
}

static void test_label_without_nul(void **state)
{
	struct hs_names *names = *state;
	struct hs_rec_netns rec = { .netns = 1 };

	memset(rec.label, 'n', sizeof(rec.label));
	assert_int_equal(names_learn_netns(names, &rec), 0);
	assert_int_equal(strlen(names_netns(names, 1)), sizeof(rec.label));
}

static void test_devices(void **state)
{
	struct hs_names *names = *state;
	struct hs_rec_dev veth = {
		.netns = 1, .ifindex = 2, .mtu = 1500, .name = "veth_c1", .kind = "veth"
	};
	struct hs_rec_dev lo = {
		.netns = 2, .ifindex = 1, .mtu = 65536, .flags = IFF_UP | IFF_LOOPBACK, .name = "lo"
	};
	struct hs_rec_dev eth = {
		.netns = 1, .ifindex = 1, .mtu = 9000, .name = "a_name_of_15_ch"
	};

	assert_int_equal(names_learn_device(names, &veth), 0);
	assert_int_equal(names_learn_device(names, &lo), 0);
	assert_int_equal(names_learn_device(names, &eth), 0);
	assert_string_equal(names_device(names, 1, 2).name, "veth_c1");
	assert_string_equal(names_device(names, 1, 2).kind, "veth");
	assert_int_equal(names_device(names, 1, 2).mtu, 1500);
	assert_string_equal(names_device(names, 2, 1).kind, "loopback");
	assert_string_equal(names_device(names, 1, 1).name, "a_name_of_15_ch");
	assert_string_equal(names_device(names, 1, 1).kind, "");
	assert_string_equal(names_device(names, 2, 2).name, "");

	strcpy(veth.name, "eth0");
	assert_int_equal(names_learn_device(names, &veth), 0);
	assert_string_equal(names_device(names, 1, 2).name, "eth0");
}

static void test_symbols_and_reasons(void **state)
{
	struct hs_names *names = *state;

	assert_int_equal(names_learn_symbol(names, 0xffffffff81234567, "udp_rcv"), 0);
	assert_int_equal(names_learn_symbol(names, 0x81234567, "other"), 0);
	assert_int_equal(names_learn_reason(names, 3, "NO_SOCKET"), 0);
	assert_string_equal(names_symbol(names, 0xffffffff81234567), "udp_rcv");
	assert_string_equal(names_symbol(names, 0x81234567), "other");
	assert_string_equal(names_reason(names, 3), "NO_SOCKET");
	assert_string_equal(names_symbol(names, 3), "");
}

static void test_tasks(void **state)
{
	struct hs_names *names = *state;
	struct hs_rec_task rec = { .pid = 100, .tid = 100, .comm = "server" };

	assert_int_equal(names_learn_task(names, &rec), 0);
	assert_string_equal(names_task(names, 100, 100).comm, "server");
	/* a thread not heard of has its process's name, until it tells its own */
	assert_string_equal(names_task(names, 100, 101).comm, "server");
	rec.tid = 101;
	memcpy(rec.comm, "sixteen_bytes_16", HS_NAME_LEN);
	assert_int_equal(names_learn_task(names, &rec), 0);
	assert_string_equal(names_task(names, 100, 101).comm, "sixteen_bytes_16");
	assert_string_equal(names_task(names, 100, 100).comm, "server");
	/* the number was used again */
	rec.tid = 100;
	strcpy(rec.comm, "client");
	assert_int_equal(names_learn_task(names, &rec), 0);
	assert_string_equal(names_task(names, 100, 100).comm, "client");
}

static void test_many(void **state)
{
	struct hs_names *names = *state;
	char text[32];

	for (uint64_t i = 0; i < 20000; i++) {
		snprintf(text, sizeof(text), "fn_%d", (int)i);
		assert_int_equal(names_learn_symbol(names, i << 4, text), 0);
	}
	for (uint64_t i = 0; i < 20000; i++) {
		snprintf(text, sizeof(text), "fn_%d", (int)i);
		assert_string_equal(names_symbol(names, i << 4), text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_unknown_is_never_null, setup, teardown),
		cmocka_unit_test_setup_teardown(test_intern_gives_one_copy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_internf_of_any_length, setup, teardown),
		cmocka_unit_test_setup_teardown(test_netns_replaced, setup, teardown),
		cmocka_unit_test_setup_teardown(test_label_without_nul, setup, teardown),
		cmocka_unit_test_setup_teardown(test_devices, setup, teardown),
		cmocka_unit_test_setup_teardown(test_symbols_and_reasons, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tasks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
