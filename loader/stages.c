// SPDX-License-Identifier: BSD-2-Clause
#include "stages.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static const struct hs_stage_info stages[] = {
#define HS_STAGE(id, NAME, label, layer, direction, probe, meaning, remedy) \
	{ HS_STAGE_##NAME, #NAME, label, layer, direction, probe, meaning, remedy },
#include "../bpf/stages.def"
#undef HS_STAGE
};

#define N_STAGES (sizeof(stages) / sizeof(stages[0]))

static const struct hs_function_info functions[] = {
#define HS_FUNCTION(STAGE, name, kind, arg, flags) \
	{ HS_STAGE_##STAGE, #name, HS_FN_##kind, arg, flags },
#include "../bpf/functions.def"
#undef HS_FUNCTION
};

bool function_is_in_stacks(const struct hs_function_info *f)
{
	return !(f->flags & HS_FN_LEAF) && f->kind != HS_FN_HERE && f->kind != HS_FN_NEW &&
	       f->kind != HS_FN_READ;
}

#define N_FUNCTIONS (sizeof(functions) / sizeof(functions[0]))

const struct hs_function_info *functions_all(size_t *ret_n)
{
	*ret_n = N_FUNCTIONS;
	return functions;
}

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

const struct hs_stage_info *stage_of_function(const char *fn)
{
	size_t len = strcspn(fn, ".");

	if (len == 0)
		return NULL;
	for (size_t i = 0; i < N_FUNCTIONS; i++)
		if (!strncmp(functions[i].name, fn, len) && !functions[i].name[len])
			return stage_info(functions[i].stage);
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

static const char *const backends[] = {
	[HS_BY_STACK] = "stack",   [HS_BY_TRACEPOINT] = "tracepoint",
	[HS_BY_FENTRY] = "fentry", [HS_BY_KPROBE_MULTI] = "kprobe.multi",
	[HS_BY_KPROBE] = "kprobe",
};

#define N_BACKENDS (sizeof(backends) / sizeof(backends[0]))

const char *backend_name(enum hs_backend backend)
{
	return backend < N_BACKENDS ? backends[backend] : "?";
}

enum hs_backend backend_by_name(const char *name)
{
	for (size_t i = HS_BY_TRACEPOINT; i < N_BACKENDS; i++)
		if (!strcmp(backends[i], name))
			return i;
	return HS_BY_STACK;
}
