// SPDX-License-Identifier: BSD-2-Clause
/* trace diff: two recordings held against each other; needs no privileges. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "diff.h"
#include "options.h"
#include "output.h"
#include "pipeline.h"
#include "source.h"

/* 1 says that they part, so failure is what it is where COMMAND has the small numbers. */
enum { STATUS_SAME, STATUS_PART, STATUS_USAGE, STATUS_INCONCLUSIVE = 4, STATUS_FAILED = 125 };

static const char diff_help[] =
	"Hold two recordings of trace -w against each other: the first hop where they part.\n\n"
	"  trace diff A B [OPTIONS] [-- FILTER]\n\n"
	"Journeys are paired by what they are; ports that the kernel picks, times, ids and process ids\n"
	"do not count. A pair parts at the first hop that only one of them has, or where they differ.\n"
	"The options that select packets apply to both: -n -i --only --reason --all -c. Others:\n"
	"-v (names the hops that one recording only has), -o --width --ascii --plain --color --json, and\n"
	"-q (the exit status alone). One of the files may be -, standard input.\n\n"
	"Exit status: 0 they are the same, 1 they part, 4 events were lost and nobody can tell,\n"
	"2 usage, 125 failure.\n";

/* One recording on its way in. The names that a side points at live in its pipeline. */
struct reading {
	struct hs_pipeline *pipeline;
	uint64_t last; /* time of the last record */
};

static int diff_fail(const char *file, const char *why)
{
	fprintf(stderr, "trace diff: %s: %s\n", file, why);
	return STATUS_FAILED;
}

static int diff_usage(const char *why)
{
	fprintf(stderr, "trace diff: %s; see trace diff --help\n", why);
	return STATUS_USAGE;
}

static int reading_record(void *ctx, const struct hs_hdr *rec)
{
	struct reading *reading = ctx;

	if (pipeline_is_done(reading->pipeline) && rec->type != HS_REC_END)
		return 0;
	reading->last = rec->time;
	return pipeline_record(reading->pipeline, rec);
}

/* What there is ends here: -ENODATA. */
static void reading_cut(struct reading *reading, struct diff_side *side)
{
	struct hs_rec_end end = {
		.hdr = { .type = HS_REC_END, .size = sizeof(end), .time = reading->last },
	};

	side->silent = true;
	pipeline_record(reading->pipeline, &end.hdr);
}

static int diff_read(const struct hs_options *opt, struct reading *reading, struct diff_side *side,
		     const char *path)
{
	FILE *file = strcmp(path, "-") ? fopen(path, "re") : stdin;
	char err[256] = "";
	int r, status = STATUS_SAME;

	if (!file)
		return diff_fail(path, strerror(errno));
	diff_side_init(side);
	r = pipeline_new(&reading->pipeline, NULL, &opt->show, &opt->select);
	if (!r) {
		pipeline_tell(reading->pipeline, &side->sink);
		r = recording_read(file, reading_record, reading, err, sizeof(err));
	}
	if (r == -ENODATA) {
		reading_cut(reading, side);
		fprintf(stderr, "trace diff: %s: %s\n", path, err);
		r = side->journeys ? 0 : r;
		status = r ? STATUS_FAILED : status;
	} else if (r) {
		const char *why = reading->pipeline ? pipeline_error(reading->pipeline) : "";

		status = diff_fail(path, *why ? why : *err ? err : strerror(-r));
	}
	if (!r && diff_side_error(side))
		status = diff_fail(path, strerror(-diff_side_error(side)));
	if (file != stdin)
		fclose(file);
	return status;
}

static int diff_show(const struct hs_options *opt, const struct diff *d, struct hs_output *out)
{
	const char *const names[] = { opt->args[0], opt->args[1] };

	if (opt->show.quiet)
		return 0;
	if (opt->show.view == HS_VIEW_JSON)
		return diff_tell_json(d, output_file(out), &opt->show.render, names);
	return diff_tell(d, output_file(out), &opt->show.render, names);
}

static int diff_status(const struct diff *d)
{
	switch (diff_verdict(d)) {
	case DIFF_SAME:
		return STATUS_SAME;
	case DIFF_INCONCLUSIVE:
		return STATUS_INCONCLUSIVE;
	default:
		return STATUS_PART;
	}
}

static int diff_run(const struct hs_options *opt, struct hs_output *out)
{
	struct reading readings[2] = { 0 };
	struct diff d = { 0 };
	int r, status = STATUS_SAME;

	for (int i = 0; i < 2 && !status; i++)
		status = diff_read(opt, &readings[i], &d.side[i], opt->args[i]);
	if (!status) {
		r = diff_compare(&d);
		if (!r)
			r = diff_show(opt, &d, out);
		status = r ? diff_fail("comparing", strerror(-r)) : diff_status(&d);
	}
	diff_free(&d);
	pipeline_free(readings[0].pipeline);
	pipeline_free(readings[1].pipeline);
	return status;
}

/* NULL: it can be done. */
static const char *diff_refuses(const struct hs_options *opt)
{
	if (opt->n_args != 2)
		return opt->n_args < 2 ? "two recordings are needed: trace diff A B"
				       : "two recordings only can be held against each other";
	if (!strcmp(opt->args[0], "-") && !strcmp(opt->args[1], "-"))
		return "only one of the recordings can be standard input";
	if (opt->expects)
		return "--expect belongs to trace run and trace read";
	if (opt->show.view_given && opt->show.view != HS_VIEW_JSON)
		return "it has one view of its own, and --json";
	return NULL;
}

int cmd_diff(int argc, char **argv)
{
	struct hs_options opt;
	struct hs_output *out;
	int r = options_parse(&opt, "diff", argc, argv), status;

	if (!r && opt.help) {
		options_help(&opt, diff_help);
		options_free(&opt);
		return STATUS_SAME;
	}
	if (!r && diff_refuses(&opt))
		r = diff_usage(diff_refuses(&opt));
	if (r) {
		options_free(&opt);
		return r;
	}
	signal(SIGPIPE, SIG_IGN);
	r = opt.output ? output_open(&out, opt.output, true) : output_of_fd(&out, STDOUT_FILENO);
	if (r) {
		status = diff_fail(opt.output ?: "stdout", strerror(-r));
	} else {
		options_fit(&opt, opt.output ? -1 : STDOUT_FILENO);
		status = diff_run(&opt, out);
		r = output_close(out);
		if (r && r != -EPIPE)
			status = diff_fail(opt.output ?: "stdout", strerror(-r));
	}
	options_free(&opt);
	return status;
}
