// SPDX-License-Identifier: BSD-2-Clause
#include "stages.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static const struct hs_stage_info stages[] = {
#define HS_STAGE(id, NAME, label, layer, direction, probe, functions, meaning, remedy) \
	{ HS_STAGE_##NAME, #NAME, label, layer, direction, probe, functions, meaning, remedy },
#include "../bpf/stages.def"
#undef HS_STAGE
};

#define N_STAGES (sizeof(stages) / sizeof(stages[0]))

const struct hs_stage_info *stages_all(size_t *ret_n)
{
	*ret_n = N_STAGES;
	return stages;
}

const struct hs_stage_info *stage_info(enum hs_stage id)
{
	for (size_t i = 0; i < N_STAGES; i++)
		if (stages[i].id == id)
			return &stages[i];
	return NULL;
}

static bool word_in_list(const char *list, const char *word, size_t len)
{
	while (*list) {
		size_t n = strcspn(list, " ");

		if (n == len && !memcmp(list, word, len))
			return true;
		list += n;
		list += strspn(list, " ");
	}
	return false;
}

const struct hs_stage_info *stage_of_function(const char *fn)
{
	size_t len = strcspn(fn, ".");

	if (len == 0)
		return NULL;
	for (size_t i = 0; i < N_STAGES; i++)
		if (word_in_list(stages[i].functions, fn, len))
			return &stages[i];
	return NULL;
}

static bool words_alike(const char *a, const char *b)
{
	for (; *a && *b; a++, b++) {
		int x = *a == '_' || *a == '-' ? ' ' : tolower((unsigned char)*a);
		int y = *b == '_' || *b == '-' ? ' ' : tolower((unsigned char)*b);

		if (x != y)
			return false;
	}
	return *a == *b;
}

const struct hs_stage_info *stage_by_word(const char *word)
{
	for (size_t i = 0; i < N_STAGES; i++)
		if (words_alike(word, stages[i].label) || words_alike(word, stages[i].name))
			return &stages[i];
	return NULL;
}
