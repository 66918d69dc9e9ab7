/* SPDX-License-Identifier: BSD-2-Clause */
/* Writing JSON: RFC 8259. For the JSON view only. */
#ifndef HS_RENDER_JSON_WRITE_H
#define HS_RENDER_JSON_WRITE_H

#include "text.h"

/* As it is. */
void json_put(struct text *t, const char *s);
void json_putf(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void json_string(struct text *t, const char *s);
/* What comes before the next member or element; it knows whether there was one. */
void json_key(struct text *t, const char *name);
void json_element(struct text *t);

/* Members. */
void json_str(struct text *t, const char *name, const char *value);
void json_lower(struct text *t, const char *name, const char *value);
void json_uint(struct text *t, const char *name, uint64_t value);
void json_int(struct text *t, const char *name, int64_t value);
void json_bool(struct text *t, const char *name, bool value);
void json_null(struct text *t, const char *name);
/* An id, or null for 0. */
void json_id(struct text *t, const char *name, uint32_t id);
void json_ids(struct text *t, const char *name, const uint32_t *ids, size_t n);
void json_errno(struct text *t, const char *name, int err);

#endif
