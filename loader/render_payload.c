// SPDX-License-Identifier: BSD-2-Clause
#include "render_payload.h"

#include <inttypes.h>

#define OFFSET_WIDTH 6 /* "0000  " */

/* As many as fit: 16, 8 or 4. */
static uint32_t payload_per_line(const struct render *r, int column)
{
	uint32_t n = 16;

	while (n > 4 && column + OFFSET_WIDTH + 4 * (int)n + 1 > r->style.width)
		n /= 2;
	return n;
}

static void payload_begin(struct text *to, const char *prefix, int column)
{
	if (prefix)
		text_add(to, prefix);
	text_pad(to, column);
}

static void payload_line(struct text *to, const struct hs_journey *j, uint32_t from, uint32_t n,
			 int column)
{
	uint32_t end = from + n < j->payload_captured ? from + n : j->payload_captured;

	text_addf(to, "%04" PRIx32 "  ", from);
	for (uint32_t i = from; i < end; i++)
		text_addf(to, "%02x ", j->payload[i]);
	text_pad(to, column + OFFSET_WIDTH + 3 * (int)n + 1);
	for (uint32_t i = from; i < end; i++) {
		bool shows = j->payload[i] >= ' ' && j->payload[i] < 0x7f;

		text_addf(to, "%c", shows ? j->payload[i] : '.');
	}
	text_newline(to);
}

void payload_add(const struct render *r, struct text *to, const struct hs_journey *j,
		 const char *prefix, int column)
{
	uint32_t n = payload_per_line(r, column);

	if (!r->opt.payload || !j->payload)
		return;
	for (uint32_t from = 0; from < j->payload_captured; from += n) {
		payload_begin(to, prefix, column);
		payload_line(to, j, from, n, column);
	}
	if (j->payload_captured >= j->packet.payload)
		return;
	payload_begin(to, prefix, column);
	text_addf(to, "the first %" PRIu32 " of %" PRIu32 " B", j->payload_captured,
		  j->packet.payload);
	text_newline(to);
}
