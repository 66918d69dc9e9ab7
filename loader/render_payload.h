/* SPDX-License-Identifier: BSD-2-Clause */
/* -X: the bytes of a packet, as hexdump -C would show them. For the renderers only. */
#ifndef HS_RENDER_PAYLOAD_H
#define HS_RENDER_PAYLOAD_H

#include "render_parts.h"

/*
 * Adds whole lines to `to`, each with `prefix` (may be NULL), the bytes from `column` on; nothing
 * without -X, or without a captured byte.
 */
void payload_add(const struct render *r, struct text *to, const struct hs_journey *j,
		 const char *prefix, int column);

#endif
