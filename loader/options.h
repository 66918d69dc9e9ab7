/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line of `trace run` and `trace read`, which share all that is about selecting and
 * showing. */
#ifndef HS_OPTIONS_H
#define HS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "expect.h"
#include "render.h"
#include "select.h"

enum hs_view { HS_VIEW_LIST, HS_VIEW_TREE, HS_VIEW_FOLLOW, HS_VIEW_LADDER, HS_VIEW_JSON };

struct hs_show {
	enum hs_view view;
	bool view_given;
	bool quiet;			 /* -q: no view at all */
	struct hs_render_options render; /* start, wall_offset: filled from the stream */
	unsigned int only;		 /* enum hs_only */
	struct hs_words reasons;
	uint64_t count; /* -c N, 0: no limit */
	struct hs_expectations expect;
};

struct hs_options {
	struct hs_select select; /* netns, devs, filter, all */
	struct hs_show show;
	const char *output; /* -o, NULL */
	int color;	    /* 1, 0; -1: as the terminal suggests */
	/* run only */
	const char *record;	 /* -w, NULL */
	struct hs_words pids;	 /* -p, numbers */
	const char *in, *user;	 /* --in, --user, NULL */
	double linger;		 /* s */
	double timeout;		 /* s, 0: none */
	int ready_fd;		 /* -1 */
	uint64_t ring_bytes;	 /* 0: not given */
	uint32_t map_entries;	 /* --maps, 0: not given; select.tables goes with it */
	uint32_t snap;		 /* -s, 0: as -X needs it */
	int stacks;		 /* -1: by the view */
	enum hs_backend backend; /* --backend; HS_BY_STACK: the best that the kernel grants */
	/* what follows "--" (run), or the files (read) */
	char **args;
	int n_args;
	bool expects; /* --expect was among them */
	bool help, expect_help;
};

/*
 * 0, or 2 after an explanation on stderr (usage). `command` is "run" or "read". Terminal facts
 * (width, locale, NO_COLOR) are applied by options_fit() once the output is known.
 */
int options_parse(struct hs_options *opt, const char *command, int argc, char **argv);
/* What --help or --expect help asks for, on stdout; `help`: the command's own. */
void options_help(const struct hs_options *opt, const char *help);
/* `fd`: where the view goes. */
void options_fit(struct hs_options *opt, int fd);
void options_free(struct hs_options *opt);

#endif
