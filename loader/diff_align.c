// SPDX-License-Identifier: BSD-2-Clause
/* Two sequences side by side: their longest common subsequence. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "diff.h"

#define CELLS_MAX \
	(16u << 20) /* of the table; beyond that only what they begin and end with is found */

/* The middle, where neither begins nor ends like the other: n x m of them, from `from` on. */
static int align_middle(size_t from, size_t n, size_t m, diff_same_fn same, const void *ctx,
			size_t *match)
{
	size_t width = m + 1, i = 0, j = 0;
	uint32_t *best;

	if (!n || !m || n >= CELLS_MAX / width)
		return 0;
	best = calloc((n + 1) * width, sizeof(*best)); /* how many are common from i, j on */
	if (!best)
		return -ENOMEM;
	for (i = n; i-- > 0;)
		for (j = m; j-- > 0;) {
			uint32_t down = best[(i + 1) * width + j], right = best[i * width + j + 1];

			best[i * width + j] = same(ctx, from + i, from + j)
						      ? best[(i + 1) * width + j + 1] + 1
					      : down > right ? down
							     : right;
		}
	for (i = j = 0; i < n && j < m;) {
		uint32_t here = best[i * width + j];

		if (same(ctx, from + i, from + j)) {
			match[from + i++] = from + ++j;
			continue;
		}
		if (best[(i + 1) * width + j] == here)
			i++;
		else
			j++;
	}
	free(best);
	return 0;
}

int diff_align(size_t n, size_t m, diff_same_fn same, const void *ctx, size_t *match)
{
	size_t begin = 0, end = 0;

	memset(match, 0, n * sizeof(*match));
	while (begin < n && begin < m && same(ctx, begin, begin)) {
		match[begin] = begin + 1;
		begin++;
	}
	while (begin + end < n && begin + end < m && same(ctx, n - 1 - end, m - 1 - end)) {
		match[n - 1 - end] = m - end;
		end++;
	}
	return align_middle(begin, n - begin - end, m - begin - end, same, ctx, match);
}

bool diff_same_name(const char *a, const char *b)
{
	while (*a || *b) {
		if (*a == '[' && *b == '[') {
			a += strcspn(a, "]");
			b += strcspn(b, "]");
			continue;
		}
		if (*a++ != *b++)
			return false;
	}
	return true;
}
