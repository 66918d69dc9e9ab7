/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files that trace writes: those it creates belong to the user who called sudo, and text never ends
 * in half a line: it is written in whole ones, and what a full disk cut off is taken back. (A
 * recording may end anywhere; its reader copes.)
 */
#ifndef HS_OUTPUT_H
#define HS_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

struct hs_output;

/* `path` "-" is standard output. `lines`: it is text. */
int output_open(struct hs_output **ret, const char *path, bool lines);
/* Text, over a descriptor that stays the caller's. */
int output_of_fd(struct hs_output **ret, int fd);
/* `len` bytes, a whole record: the short way. It appears at output_flush() at the latest. */
int output_put(struct hs_output *out, const void *data, size_t len);
/* Where to write, a whole line at a time; the same holds. */
FILE *output_file(struct hs_output *out);
/* 0, or the first error since the start, negative errno. */
int output_flush(struct hs_output *out);
/* Flushes and closes; the first error. NULL is fine. */
int output_close(struct hs_output *out);

#endif
