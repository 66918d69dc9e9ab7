/* SPDX-License-Identifier: BSD-2-Clause */
/* Members of the JSON view that other lines have, too. */
#ifndef HS_RENDER_JSON_H
#define HS_RENDER_JSON_H

#include "render_json_write.h"
#include "render_parts.h"

/* Each adds a member to `r->page` (or `t`); `r->line` is scratch. */
void json_packet(struct render *r, const struct hs_packet *p);
void json_fate(struct text *t, const struct hs_fate *fate);
/* "read", "unread_at_close" and "told" */
void json_outcome(struct text *t, const struct hs_journey *j);
void json_task(struct text *t, const char *name, const struct hs_task *task);
void json_endpoint(struct render *r, const char *name, const struct hs_endpoint *ep);
void json_stage(struct text *t, enum hs_stage stage);

#endif
