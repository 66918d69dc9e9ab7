/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of kernel functions, from a copy of /proc/kallsyms. Live only.
 */
#ifndef HS_SYMBOLS_H
#define HS_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hs_symbols;

/* Reads /proc/kallsyms. Negative errno when it cannot be read, -ENOMEM. */
int symbols_load(struct hs_symbols **ret);

/* The same from `text`, which need not end in NUL and may be freed afterwards. */
int symbols_parse(struct hs_symbols **ret, const char *text, size_t len);

/* NULL is fine. */
void symbols_free(struct hs_symbols *symbols);

/* The kernel showed only zeros (kernel.kptr_restrict): nothing will be found. */
bool symbols_hidden(const struct hs_symbols *symbols);

/*
 * The function that contains `addr`, with what the compiler appended to its name (.part.0), without
 * the module. Of several names of one address the first, as the kernel itself does. Owned by
 * `symbols`; NULL when there is none.
 */
const char *symbols_find(const struct hs_symbols *symbols, uint64_t addr);

/* Is there a function of that name? */
bool symbols_have(const struct hs_symbols *symbols, const char *name);

#endif
