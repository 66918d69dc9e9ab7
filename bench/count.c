// SPDX-License-Identifier: BSD-2-Clause
/*
 * Loads bpf/count.bpf.c, says "counting", and on SIGINT or SIGTERM prints what was counted as one
 * JSON object:
 *
 *	slot_ns, start		length of a slot of time and where the first one begins
 *	kinds			names of the tracepoints, the order of the counts below
 *	late, misses		events after the last slot; programs skipped for recursion
 *	slots			[cpu, slot, first, last, [count, ...]], those that are not empty
 *
 *	count [SECONDS]		room for so long (60)
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../bpf/count.h"
#include "count.skel.h"

static const char *const kinds[] = {
#define X(NAME, probe) probe,
	HS_COUNT_KINDS(X)
#undef X
};

static uint64_t count_misses(const struct count_bpf *skel)
{
	struct bpf_program *prog;
	uint64_t sum = 0;

	bpf_object__for_each_program (prog, skel->obj) {
		struct bpf_prog_info info = {};
		uint32_t len = sizeof(info);

		if (!bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len))
			sum += info.recursion_misses;
	}
	return sum;
}

static int count_print(const struct count_bpf *skel)
{
	uint32_t n = bpf_map__max_entries(skel->maps.slots);
	int cpus = libbpf_num_possible_cpus();
	struct hs_count_slot *slots = calloc(cpus, sizeof(*slots));
	const char *comma = "";

	if (!slots)
		return -ENOMEM;
	printf("{\"slot_ns\":%llu,\"start\":%llu,\"kinds\":[", 1ull << HS_COUNT_SLOT_SHIFT,
	       (unsigned long long)skel->rodata->count_start);
	for (int i = 0; i < HS_COUNT_MAX; i++)
		printf("%s\"%s\"", i ? "," : "", kinds[i]);
	printf("],\"late\":%llu,\"misses\":%llu,\"slots\":[",
	       (unsigned long long)skel->bss->count_late, (unsigned long long)count_misses(skel));
	for (uint32_t key = 0; key < n; key++) {
		if (bpf_map_lookup_elem(bpf_map__fd(skel->maps.slots), &key, slots))
			break;
		for (int cpu = 0; cpu < cpus; cpu++) {
			const struct hs_count_slot *s = &slots[cpu];

			if (!s->first)
				continue;
			printf("%s\n[%d,%u,%llu,%llu,[", comma, cpu, key,
			       (unsigned long long)s->first, (unsigned long long)s->last);
			for (int i = 0; i < HS_COUNT_MAX; i++)
				printf("%s%u", i ? "," : "", s->n[i]);
			printf("]]");
			comma = ",";
		}
	}
	puts("]}");
	free(slots);
	return 0;
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? strtod(argv[1], NULL) : 60;
	struct count_bpf *skel;
	struct timespec ts;
	sigset_t set;
	int signo, r;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	skel = count_bpf__open();
	if (!skel) {
		fprintf(stderr, "count: opening: %s\n", strerror(errno));
		return 1;
	}
	clock_gettime(CLOCK_MONOTONIC, &ts);
	skel->rodata->count_start = ts.tv_sec * 1000000000ull + ts.tv_nsec;
	bpf_map__set_max_entries(skel->maps.slots, seconds * 1e9 / (1 << HS_COUNT_SLOT_SHIFT) + 1);
	r = count_bpf__load(skel);
	if (!r)
		r = count_bpf__attach(skel);
	if (r) {
		fprintf(stderr, "count: loading: %s\n", strerror(-r));
		return 1;
	}
	puts("counting");
	fflush(stdout);
	sigwait(&set, &signo);
	count_bpf__detach(skel);
	r = count_print(skel);
	count_bpf__destroy(skel);
	return r ? 1 : 0;
}
