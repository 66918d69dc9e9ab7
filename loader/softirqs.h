/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Softirqs that the kernel ran without its programs: it counts each (/proc/softirqs, kstat_incr_softirqs_this_cpu()
 * in handle_softirqs(), kernel/softirq.c), and so does a program on softirq_entry, which comes right after. What is
 * done in one that no program sees is not seen either, and no other counter tells. Measured on a 6.18 of a cloud: of
 * one CPU's softirqs 2 of 100 go unseen, those that interrupt one certain task.
 */
#ifndef HS_SOFTIRQS_H
#define HS_SOFTIRQS_H

#include "../bpf/abi.h"

#include <stdbool.h>
#include <stdint.h>

struct hs_softirqs {
	bool begun;
	uint32_t ran[HS_MOST_CPUS],
		seen[HS_MOST_CPUS]; /* when it began; all that is counted goes round */
	uint64_t unseen;	    /* since; at least so many */
};

/*
 * Looks what has run since the first look; the program must be attached before that, and still be at each look.
 * Where /proc/softirqs cannot be read, nothing is known: 0.
 */
void softirqs_look(struct hs_softirqs *s, const struct hs_cpu *cpus, int n_cpus);

/*
 * Adds up a text like that of /proc/softirqs: in the first line the CPUs, in each other one a name and how many
 * softirqs of that kind each of them ran. Keeps the numbers of CPUs that are not there.
 */
void softirqs_parse(char *text, uint32_t *ran, int n_cpus);

#endif
