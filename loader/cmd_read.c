// SPDX-License-Identifier: BSD-2-Clause
/* trace read: recordings, shown again; needs no privileges. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "options.h"
#include "output.h"
#include "pipeline.h"
#include "source.h"

static const char read_help[] =
	"Show recordings of trace -w again.\n\n"
	"  trace read FILE... [OPTIONS] [-- FILTER]\n\n"
	"The options that select and show packets are those of trace run: -n -i --only --reason --all -c\n"
	"--list --tree -f --ladder --no-fold --json --stats -v -t -o --width --ascii --plain --color -q, and\n"
	"--expect. FILE - is standard input.\n";

struct reader {
	struct hs_pipeline *pipeline;
	struct hs_output *out;
	uint64_t last; /* time of the last record */
};

static int read_record(void *ctx, const struct hs_hdr *rec)
{
	struct reader *reader = ctx;
	int r;

	if (pipeline_is_done(reader->pipeline) && rec->type != HS_REC_END)
		return 0;
	reader->last = rec->time;
	r = pipeline_record(reader->pipeline, rec);
	if (!r && ferror(output_file(reader->out)))
		r = output_flush(reader->out);
	return r;
}

static int read_fail(const char *file, const char *why)
{
	fprintf(stderr, "trace read: %s: %s\n", file, why);
	return 1;
}

/* The worst of several: 1, 3, 4. */
static int read_worse(int a, int b)
{
	return !a || (b && b < a) ? b : a;
}

static int read_verdict(const struct hs_options *opt, const struct hs_pipeline *pipeline)
{
	const struct text_style style = { .ascii = opt->show.render.ascii };
	enum hs_verdict verdict;
	struct text report;

	text_init(&report, &style);
	verdict = pipeline_verdict(pipeline, &report);
	if (verdict || !opt->show.quiet)
		text_write(&report, stderr);
	text_free(&report);
	return verdict;
}

static int read_file(const struct hs_options *opt, struct hs_output *out, const char *path)
{
	struct reader reader = { .out = out };
	char err[256] = "";
	FILE *file = strcmp(path, "-") ? fopen(path, "re") : stdin;
	int r, status = 0;

	if (!file)
		return read_fail(path, strerror(errno));
	r = pipeline_new(&reader.pipeline, output_file(out), &opt->show, &opt->select);
	if (!r)
		r = recording_read(file, read_record, &reader, err, sizeof(err));
	if (r == -ENODATA) {
		/* What there is ends here. */
		struct hs_rec_end end = {
			.hdr = { .type = HS_REC_END, .size = sizeof(end), .time = reader.last },
		};

		pipeline_note_cut(reader.pipeline);
		pipeline_record(reader.pipeline, &end.hdr);
	}
	if (r) {
		const char *why = reader.pipeline ? pipeline_error(reader.pipeline) : "";

		status = read_fail(path, *why ? why : *err ? err : strerror(-r));
	}
	/* One that is cut short may still tell. */
	if (opt->show.expect.n && (!r || r == -ENODATA))
		status = read_verdict(opt, reader.pipeline);
	if (file != stdin)
		fclose(file);
	pipeline_free(reader.pipeline);
	return status;
}

int cmd_read(int argc, char **argv)
{
	struct hs_options opt;
	struct hs_output *out;
	int r = options_parse(&opt, "read", argc, argv), status = 0;

	if (!r && (opt.help || opt.expect_help)) {
		options_help(&opt, read_help);
		options_free(&opt);
		return 0;
	}
	if (!r && !opt.n_args) {
		fputs("trace read: which recording? trace read FILE\n", stderr);
		r = 2;
	}
	if (r) {
		options_free(&opt);
		return r;
	}
	signal(SIGPIPE, SIG_IGN);
	r = opt.output ? output_open(&out, opt.output, true) : output_of_fd(&out, STDOUT_FILENO);
	if (r) {
		status = read_fail(opt.output ?: "stdout", strerror(-r));
	} else {
		options_fit(&opt, opt.output ? -1 : STDOUT_FILENO);
		for (int i = 0; i < opt.n_args && !r; i++)
			status = read_worse(status, read_file(&opt, out, opt.args[i]));
		r = output_close(out);
		if (r && r != -EPIPE)
			status = read_fail(opt.output ?: "stdout", strerror(-r));
	}
	options_free(&opt);
	return status;
}
