/* SPDX-License-Identifier: BSD-2-Clause */
/* -X: the bytes of a packet, as hexdump -C would show them. For the renderers only. */
#ifndef HS_RENDER_PAYLOAD_H
#define HS_RENDER_PAYLOAD_H

#include "render_parts.h"

/* Adds whole lines to r->page, from `column` on; nothing without -X, or without a captured byte. */
void payload_add(struct render *r, const struct hs_journey *j, int column);

#endif
