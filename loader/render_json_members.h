/* SPDX-License-Identifier: BSD-2-Clause */
/* Members of the JSON view that more than one kind of line has. */
#ifndef HS_RENDER_JSON_MEMBERS_H
#define HS_RENDER_JSON_MEMBERS_H

#include "render_json_write.h"
#include "render_parts.h"

/* Each adds to `r->page` (or `t`); `r->line` is scratch. */
void json_packet(struct render *r, const struct hs_packet *p);
void json_ends(struct render *r, const struct hs_endpoint *src, const struct hs_endpoint *dst,
	       bool ports);
void json_endpoint(struct render *r, const char *name, const struct hs_endpoint *ep);
void json_task(struct text *t, const char *name, const struct hs_task *task);
void json_stage(struct text *t, enum hs_stage stage);
void json_fate(struct text *t, const struct hs_fate *fate);
/* nothing where it has no kind */
void json_no_route(struct text *t, const struct hs_no_route *why);
/* "read", "unread_at_close" and "told" */
void json_outcome(struct text *t, const struct hs_journey *j);
/* what is within "read" and "told", without the braces */
void json_read_members(struct text *t, const struct hs_journey *j);
void json_told_members(struct text *t, const struct hs_journey *j);

#endif
