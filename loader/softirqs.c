// SPDX-License-Identifier: BSD-2-Clause
#include "softirqs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void softirqs_parse(char *text, uint32_t *ran, int n_cpus)
{
	int cpus[HS_MOST_CPUS], n = 0;
	char *lines, *words, *word, *line = strtok_r(text, "\n", &lines);

	if (!line)
		return;
	for (word = strtok_r(line, " ", &words); word && n < n_cpus;
	     word = strtok_r(NULL, " ", &words)) {
		if (sscanf(word, "CPU%d", &cpus[n]) != 1 || cpus[n] < 0 || cpus[n] >= n_cpus)
			return;
		n++;
	}
	for (int i = 0; i < n; i++)
		ran[cpus[i]] = 0;
	while ((line = strtok_r(NULL, "\n", &lines))) {
		char *number = strchr(line, ':');

		for (int i = 0; number && i < n; i++)
			ran[cpus[i]] += strtoul(number + (i == 0), &number, 10);
	}
}

static bool softirqs_read(uint32_t *ran, int n_cpus)
{
	FILE *file = fopen("/proc/softirqs", "re");
	char *text = NULL;
	size_t size = 0;
	bool done;

	if (!file)
		return false;
	done = getdelim(&text, &size, '\0', file) > 0;
	if (done)
		softirqs_parse(text, ran, n_cpus);
	free(text);
	fclose(file);
	return done;
}

static uint32_t softirqs_seen(const struct hs_cpu *cpu)
{
	return __atomic_load_n(&cpu->softirqs, __ATOMIC_RELAXED);
}

/* One that runs between the two readings is taken for seen: the first time, the program's counter is read first. */
void softirqs_look(struct hs_softirqs *s, const struct hs_cpu *cpus, int n_cpus)
{
	uint32_t ran[HS_MOST_CPUS];
	uint64_t unseen = 0;

	if (!s->begun) {
		for (int i = 0; i < n_cpus; i++)
			s->seen[i] = softirqs_seen(&cpus[i]);
		s->begun = softirqs_read(s->ran, n_cpus);
		return;
	}
	memcpy(ran, s->ran, sizeof(ran));
	if (!softirqs_read(ran, n_cpus))
		return;
	for (int i = 0; i < n_cpus; i++) {
		int32_t more = (ran[i] - s->ran[i]) - (softirqs_seen(&cpus[i]) - s->seen[i]);

		unseen += more > 0 ? more : 0;
	}
	s->unseen = unseen > s->unseen ? unseen : s->unseen;
}
