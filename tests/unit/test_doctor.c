// SPDX-License-Identifier: BSD-2-Clause
/* What the doctor makes of the facts about a machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "doctor.h"

static const struct hs_attempt works = { .tried = true };
static const struct hs_attempt refused = { .tried = true, .error = -EPERM };

static struct hs_doctor_probe *add_probe(struct hs_doctor *d, const char *name)
{
	struct hs_doctor_probe *probe = &d->probes[d->n_probes++];

	snprintf(probe->name, sizeof(probe->name), "%s", name);
	probe->exists = true;
	probe->load = probe->attach = works;
	return probe;
}

/* A machine with nothing to complain about. */
static struct hs_doctor healthy(void)
{
	struct hs_doctor d = {
		.release = "6.18.1",
		.machine = "x86_64",
		.cap_bpf = true,
		.cap_perfmon = true,
		.cap_net_admin = true,
		.cap_sys_admin = true,
		.cap_syslog = true,
		.btf = true,
		.drop_reasons = 100,
		.kallsyms = works,
		.ring = works,
		.program = works,
		.trace = works,
	};

	add_probe(&d, "net_dev_queue");
	add_probe(&d, "kfree_skb");
	add_probe(&d, "sys_enter");
	return d;
}

static void take_privileges(struct hs_doctor *d)
{
	d->uid = 1000;
	d->cap_bpf = d->cap_perfmon = d->cap_net_admin = d->cap_sys_admin = d->cap_syslog = false;
	d->ring = d->program = d->trace = d->kallsyms = refused;
	for (size_t i = 0; i < d->n_probes; i++)
		d->probes[i].load = d->probes[i].attach = (struct hs_attempt){ 0 };
}

static enum hs_way way(const struct hs_doctor *d, const char *stage)
{
	const struct hs_stage_info *info = stage_by_word(stage);

	assert_non_null(info);
	return doctor_way(d, info);
}

static void test_healthy(void **state)
{
	struct hs_doctor d = healthy();

	(void)state;
	doctor_judge(&d);
	assert_true(doctor_works(&d));
	assert_int_equal(d.n_problems, 0);
	assert_null(doctor_cause(&d));
	assert_int_equal(doctor_working_probes(&d), 3);
	assert_int_equal(way(&d, "device queue"), HS_WAY_TRACEPOINT);
	assert_int_equal(way(&d, "udp send"), HS_WAY_STACKS);
}

static void test_ordinary_user(void **state)
{
	struct hs_doctor d = healthy();

	(void)state;
	take_privileges(&d);
	doctor_judge(&d);
	assert_string_equal(doctor_cause(&d)->about, "privileges");
	assert_string_equal(doctor_cause(&d)->what, "CAP_BPF and CAP_PERFMON are missing");
	assert_non_null(strstr(doctor_cause(&d)->remedy, "root"));
	assert_int_equal(way(&d, "device queue"), HS_WAY_UNTRIED);
	assert_int_equal(way(&d, "udp send"), HS_WAY_NAMELESS);
	/* that BPF is refused follows from it, and is no second problem */
	for (size_t i = 1; i < d.n_problems; i++)
		assert_false(d.problems[i].fatal);
}

static void test_one_capability_is_missing(void **state)
{
	struct hs_doctor d = healthy();

	(void)state;
	take_privileges(&d);
	d.cap_bpf = true;
	doctor_judge(&d);
	assert_string_equal(doctor_cause(&d)->what, "CAP_PERFMON is missing");
	d.cap_bpf = false;
	d.cap_perfmon = true;
	doctor_judge(&d);
	assert_string_equal(doctor_cause(&d)->what, "CAP_BPF is missing");
}

static void test_old_capability_is_enough(void **state)
{
	struct hs_doctor d = healthy();

	(void)state;
	d.cap_bpf = d.cap_perfmon = false;
	doctor_judge(&d);
	assert_int_equal(d.n_problems, 0);
}

static void test_other_namespaces_stay_closed(void **state)
{
	struct hs_doctor d = healthy();

	(void)state;
	d.cap_sys_admin = false;
	doctor_judge(&d);
	assert_int_equal(d.n_problems, 1);
	assert_false(d.problems[0].fatal);
	assert_non_null(strstr(d.problems[0].what, "CAP_SYS_ADMIN"));
}

static void test_user_namespace(void **state)
{
	struct hs_doctor d = healthy();

	(void)state;
	d.user_namespace = true;
	d.ring = d.program = d.trace = refused;
	doctor_judge(&d);
	assert_non_null(strstr(doctor_cause(&d)->what, "user namespace"));
}

static void test_no_btf(void **state)
{
	struct hs_doctor d = healthy();

	(void)state;
	d.btf = false;
	d.drop_reasons = 0;
	d.trace = (struct hs_attempt){ .tried = true, .error = -ENOENT };
	for (size_t i = 0; i < d.n_probes; i++)
		d.probes[i] = (struct hs_doctor_probe){ .name = "kfree_skb" };
	doctor_judge(&d);
	assert_string_equal(doctor_cause(&d)->about, "btf");
	/* what is in BTF is not known; it is not missing */
	assert_int_equal(d.n_problems, 1);
	assert_int_equal(way(&d, "drop"), HS_WAY_UNTRIED);
}

static void test_lockdown(void **state)
{
	struct hs_doctor d = healthy();

	(void)state;
	strcpy(d.lockdown, "integrity");
	doctor_judge(&d);
	assert_int_equal(d.n_problems, 0);
	strcpy(d.lockdown, "confidentiality");
	d.program = d.trace = refused;
	doctor_judge(&d);
	assert_string_equal(doctor_cause(&d)->about, "lockdown");
}

static void test_bpf_refused_in_spite_of_privileges(void **state)
{
	struct hs_doctor d = healthy();

	(void)state;
	d.ring = d.program = d.trace = refused;
	doctor_judge(&d);
	assert_string_equal(doctor_cause(&d)->about, "ring");
	assert_non_null(strstr(doctor_cause(&d)->remedy, "seccomp"));
	d.ring.error = -EINVAL;
	strcpy(d.release, "5.4.0-200");
	doctor_judge(&d);
	assert_string_equal(doctor_cause(&d)->remedy, "Use Linux 5.8 or newer.");
}

static void test_missing_tracepoint(void **state)
{
	struct hs_doctor d = healthy();
	struct hs_doctor_probe *probe = add_probe(&d, "icmp_send");

	(void)state;
	probe->exists = false;
	probe->load = probe->attach = (struct hs_attempt){ 0 };
	strcpy(d.release, "6.1.0-40-amd64");
	doctor_judge(&d);
	assert_int_equal(way(&d, "icmp error"), HS_WAY_ABSENT);
	assert_int_equal(d.n_problems, 1);
	assert_false(d.problems[0].fatal);
	assert_string_equal(d.problems[0].what, "tracepoint icmp_send does not exist");
	assert_string_equal(d.problems[0].remedy, "Use Linux 6.10 or newer.");

	/* a newer kernel without it was built so; and if trace cannot go on, this is why */
	strcpy(d.release, "6.18.1");
	d.trace = (struct hs_attempt){ .tried = true, .error = -ESRCH };
	doctor_judge(&d);
	assert_ptr_equal(doctor_cause(&d), &d.problems[0]);
	assert_non_null(strstr(d.problems[0].remedy, "built without"));
}

static void test_preemption(void **state)
{
	struct hs_doctor d = healthy();

	(void)state;
	d.preempts = true;
	doctor_judge(&d);
	assert_false(d.probes_preempted);
	strcpy(d.release, "7.0.1-amd64");
	doctor_judge(&d);
	assert_true(d.probes_preempted);
	d.preempts = false;
	doctor_judge(&d);
	assert_false(d.probes_preempted);
	assert_int_equal(d.n_problems, 0);
}

static void test_program_that_does_not_load(void **state)
{
	struct hs_doctor d = healthy();
	struct hs_attempt why = { .tried = true, .error = -EACCES, .why = "invalid access" };

	(void)state;
	d.probes[1].load = why;
	d.probes[1].attach = (struct hs_attempt){ 0 };
	strcpy(d.release, "6.6.30");
	doctor_judge(&d);
	assert_int_equal(way(&d, "drop"), HS_WAY_REFUSED);
	assert_string_equal(d.problems[0].what,
			    "the program of tracepoint kfree_skb does not load: invalid access");
	assert_string_equal(d.problems[0].remedy, "Use Linux 6.11 or newer.");
}

static void test_probe_of_no_stage_says_what_it_hides(void **state)
{
	struct hs_doctor d = healthy();

	(void)state;
	d.probes[2].attach = refused;
	doctor_judge(&d);
	assert_string_equal(d.problems[0].what,
			    "the program of tracepoint sys_enter does not attach: Operation not "
			    "permitted (what that hides: system calls)");
}

static void test_unexplained_failure_is_told_as_it_is(void **state)
{
	struct hs_doctor d = healthy();

	(void)state;
	d.trace = (struct hs_attempt){ .tried = true, .error = -EIO, .why = "loading: no luck" };
	doctor_judge(&d);
	assert_string_equal(doctor_cause(&d)->about, "trace");
	assert_string_equal(doctor_cause(&d)->what, "loading: no luck");
}

static void test_hidden_function_names(void **state)
{
	struct hs_doctor d = healthy();

	(void)state;
	d.kallsyms = refused;
	d.kptr_restrict = 2;
	doctor_judge(&d);
	assert_int_equal(d.n_problems, 1);
	assert_false(d.problems[0].fatal);
	assert_string_equal(d.problems[0].remedy, "As root: sysctl kernel.kptr_restrict=1");
	d.kptr_restrict = 1;
	doctor_judge(&d);
	assert_non_null(strstr(d.problems[0].remedy, "CAP_SYSLOG"));
	d.kallsyms.error = -ENOENT;
	doctor_judge(&d);
	assert_non_null(strstr(d.problems[0].remedy, "CONFIG_KALLSYMS"));
}

static void test_too_many_problems(void **state)
{
	struct hs_doctor d = healthy();

	(void)state;
	take_privileges(&d);
	d.n_probes = 0;
	for (size_t i = 0; i < HS_DOCTOR_PROBES; i++)
		add_probe(&d, "icmp_send")->exists = false;
	doctor_judge(&d);
	assert_in_range(d.n_problems, HS_DOCTOR_PROBES, HS_DOCTOR_PROBLEMS);
	for (size_t i = 0; i < d.n_problems; i++) {
		assert_true(*d.problems[i].what);
		assert_true(*d.problems[i].remedy);
	}
}

static void test_each_stage_says_what_its_absence_hides(void **state)
{
	size_t n;
	const struct hs_stage_info *all = stages_all(&n);

	(void)state;
	for (size_t i = 0; i < n; i++)
		if (*all[i].probe && !doctor_hides(all[i].probe))
			fail_msg("what hides a missing %s?", all[i].probe);
	assert_null(doctor_hides("nonsense"));
}

static void test_lockdown_file(void **state)
{
	char buf[16];

	(void)state;
	doctor_parse_lockdown("none [integrity] confidentiality\n", buf, sizeof(buf));
	assert_string_equal(buf, "integrity");
	doctor_parse_lockdown("[none] integrity confidentiality\n", buf, sizeof(buf));
	assert_string_equal(buf, "none");
	doctor_parse_lockdown("none", buf, sizeof(buf));
	assert_string_equal(buf, "");
	doctor_parse_lockdown("none [integ", buf, sizeof(buf));
	assert_string_equal(buf, "");
	doctor_parse_lockdown("[a word that is far too long]", buf, sizeof(buf));
	assert_int_equal(strlen(buf), sizeof(buf) - 1);
}

static void test_last_words(void **state)
{
	char buf[32];

	(void)state;
	doctor_last_words("", buf, sizeof(buf));
	assert_string_equal(buf, "");
	doctor_last_words("0: (79) r1 = *(u64 *)(r1 +24)\n"
			  "invalid bpf_context access\n"
			  "processed 1 insns (limit 1000000)\n\n",
			  buf, sizeof(buf));
	assert_string_equal(buf, "invalid bpf_context access");
	doctor_last_words("no end of line", buf, sizeof(buf));
	assert_string_equal(buf, "no end of line");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_healthy),
		cmocka_unit_test(test_ordinary_user),
		cmocka_unit_test(test_one_capability_is_missing),
		cmocka_unit_test(test_old_capability_is_enough),
		cmocka_unit_test(test_other_namespaces_stay_closed),
		cmocka_unit_test(test_user_namespace),
		cmocka_unit_test(test_no_btf),
		cmocka_unit_test(test_lockdown),
		cmocka_unit_test(test_bpf_refused_in_spite_of_privileges),
		cmocka_unit_test(test_missing_tracepoint),
		cmocka_unit_test(test_preemption),
		cmocka_unit_test(test_program_that_does_not_load),
		cmocka_unit_test(test_probe_of_no_stage_says_what_it_hides),
		cmocka_unit_test(test_unexplained_failure_is_told_as_it_is),
		cmocka_unit_test(test_hidden_function_names),
		cmocka_unit_test(test_too_many_problems),
		cmocka_unit_test(test_each_stage_says_what_its_absence_hides),
		cmocka_unit_test(test_lockdown_file),
		cmocka_unit_test(test_last_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
