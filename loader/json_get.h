/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading JSON that may be of any shape: what is not there, or is another type, is NULL or "". Pure.
 */
#ifndef HS_JSON_GET_H
#define HS_JSON_GET_H

#include <stddef.h>

#include <json-c/json.h>

/* The value of that key; NULL when `o` is no object, has no such key, or has null there. Not to be freed. */
struct json_object *json_get(struct json_object *o, const char *key);
/* The same as a string, "" when it is none. */
const char *json_get_word(struct json_object *o, const char *key);
/* How many elements; 0 when it is no array, on which json_object_array_length() would abort. */
size_t json_get_length(struct json_object *array);

#endif
