// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "only.h"
#include "stages.h"

#define TABLES_LEAST 16 /* so many packets are spoken of at once */

enum {
	OPT_TREE = 256,
	OPT_LIST,
	OPT_JSON,
	OPT_JSON_HOPS,
	OPT_LADDER,
	OPT_NO_FOLD,
	OPT_ONLY,
	OPT_REASON,
	OPT_WIDTH,
	OPT_ASCII,
	OPT_PLAIN,
	OPT_COLOR,
	OPT_ALL,
	OPT_STATS,
	OPT_EXPECT,
	OPT_EXPECT_FILE,
	OPT_HELP,
	OPT_IN, /* from here on: run only */
	OPT_USER,
	OPT_LINGER,
	OPT_TIMEOUT,
	OPT_READY_FD,
	OPT_RING,
	OPT_MAPS,
	OPT_STACKS,
	OPT_BACKEND,
};

static const struct option options_long[] = {
	{ "tree", no_argument, NULL, OPT_TREE },
	{ "list", no_argument, NULL, OPT_LIST },
	{ "follow", no_argument, NULL, 'f' },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "json-hops", no_argument, NULL, OPT_JSON_HOPS },
	{ "ladder", optional_argument, NULL, OPT_LADDER },
	{ "no-fold", no_argument, NULL, OPT_NO_FOLD },
	{ "netns", required_argument, NULL, 'n' },
	{ "device", required_argument, NULL, 'i' },
	{ "only", required_argument, NULL, OPT_ONLY },
	{ "reason", required_argument, NULL, OPT_REASON },
	{ "all", no_argument, NULL, OPT_ALL },
	{ "stats", no_argument, NULL, OPT_STATS },
	{ "expect", required_argument, NULL, OPT_EXPECT },
	{ "expect-file", required_argument, NULL, OPT_EXPECT_FILE },
	{ "quiet", no_argument, NULL, 'q' },
	{ "hex", no_argument, NULL, 'X' },
	{ "snaplen", required_argument, NULL, 's' },
	{ "output", required_argument, NULL, 'o' },
	{ "count", required_argument, NULL, 'c' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "width", required_argument, NULL, OPT_WIDTH },
	{ "ascii", no_argument, NULL, OPT_ASCII },
	{ "plain", no_argument, NULL, OPT_PLAIN },
	{ "color", optional_argument, NULL, OPT_COLOR },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "pid", required_argument, NULL, 'p' },
	{ "write", required_argument, NULL, 'w' },
	{ "in", required_argument, NULL, OPT_IN },
	{ "user", required_argument, NULL, OPT_USER },
	{ "linger", required_argument, NULL, OPT_LINGER },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "ready-fd", required_argument, NULL, OPT_READY_FD },
	{ "ring", required_argument, NULL, OPT_RING },
	{ "maps", required_argument, NULL, OPT_MAPS },
	{ "stacks", required_argument, NULL, OPT_STACKS },
	{ "backend", required_argument, NULL, OPT_BACKEND },
	{ 0 },
};

static int usage(const char *command, const char *fmt, const char *what, const char *advice)
{
	fprintf(stderr, "trace %s: ", command);
	fprintf(stderr, fmt, what);
	fprintf(stderr, "%s\n", advice);
	return 2;
}

/* A whole number within limits; false leaves *ret alone. */
static bool options_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	char *end;
	unsigned long long v;

	errno = 0;
	v = strtoull(text, &end, 10);
	if (errno || end == text || *end || strchr(text, '-') || v < min || v > max)
		return false;
	*ret = v;
	return true;
}

/* Bytes with an optional K, M or G; rounded up to a power of two. */
static bool options_size(const char *text, uint64_t *ret)
{
	static const char units[] = "KMG";
	uint64_t size = 4096, v;
	const char *unit;
	char *end;

	errno = 0;
	v = strtoull(text, &end, 10);
	if (errno || end == text || strchr(text, '-'))
		return false;
	unit = *end ? strchr(units, *end) : NULL;
	if (*end && (!unit || end[1]))
		return false;
	if (unit)
		v <<= 10 * (unit - units + 1);
	while (size < v && size < 1ull << 30)
		size <<= 1;
	*ret = size;
	return v <= 1ull << 30;
}

static int options_pids(struct hs_options *opt, const char *command, const char *list)
{
	char *copy = strdup(list), *rest = copy;
	const char *word;
	int r = 0;

	while (!r && (word = strsep(&rest, ","))) {
		uint64_t pid;

		if (!options_number(word, 1, INT32_MAX, &pid))
			r = usage(command, "-p '%s' is no process id", word, "; example: -p 4711");
		else if (words_add(&opt->pids, word))
			r = 1;
	}
	free(copy);
	return r;
}

static bool options_is_program(const char *word)
{
	char *path, *rest, *dir;
	bool found = false;

	if (strchr(word, '/'))
		return !access(word, X_OK);
	path = rest = strdup(getenv("PATH") ?: "");
	while (!found && (dir = strsep(&rest, ":"))) {
		char file[4096];

		snprintf(file, sizeof(file), "%s/%s", dir, word);
		found = !access(file, X_OK);
	}
	free(path);
	return found;
}

static int options_filter(struct hs_options *opt, const char *command, int argc, char **argv)
{
	char expr[4096] = "", err[512];
	size_t used = 0;

	for (int i = 0; i < argc; i++) {
		int n = snprintf(expr + used, sizeof(expr) - used, "%s%s", i ? " " : "", argv[i]);

		if ((size_t)n >= sizeof(expr) - used)
			return usage(command, "the filter is longer than 4095 bytes%s", "", "");
		used += n;
	}
	if (!argc || !select_add_filter(&opt->select, expr, err, sizeof(err)))
		return 0;
	fprintf(stderr, "trace %s: %s\n", command, err);
	if (options_is_program(argv[0]))
		fprintf(stderr, "did you mean: trace -- %s\n", expr);
	return 2;
}

static int options_expect(struct hs_options *opt, const char *command, const char *where,
			  const char *text)
{
	char err[2048];
	int r = expect_add(&opt->show.expect, text, err, sizeof(err));

	if (r == -EINVAL)
		fprintf(stderr, "trace %s: %s: %s\n", command, where, err);
	else if (r)
		fprintf(stderr, "trace %s: %s: %s\n", command, where, strerror(-r));
	return r ? 2 : 0;
}

static int options_expect_file(struct hs_options *opt, const char *command, const char *path)
{
	FILE *file = strcmp(path, "-") ? fopen(path, "re") : stdin;
	char *text = NULL;
	size_t room = 0;
	int r;

	/* All of it: a text has no NUL. */
	if (!file || getdelim(&text, &room, '\0', file) < 0) {
		fprintf(stderr, "trace %s: --expect-file %s: %s\n", command, path,
			file && !ferror(file) ? "it is empty" : strerror(errno));
		r = 2;
	} else {
		r = options_expect(opt, command, path, text);
	}
	free(text);
	if (file && file != stdin)
		fclose(file);
	return r;
}

/* "~7" or "7": the connection of --ladder. */
static bool options_flow(const char *text, uint32_t *ret)
{
	uint64_t v;

	text += *text == '~';
	if (!options_number(text, 1, UINT32_MAX, &v))
		return false;
	*ret = v;
	return true;
}

static int options_backend(struct hs_options *opt, const char *command, const char *where,
			   const char *name)
{
	char what[64];

	opt->backend = backend_by_name(name);
	if (opt->backend || !strcmp(name, "auto"))
		return 0;
	snprintf(what, sizeof(what), "%s '%.30s'", where, name);
	return usage(command, "%s is unknown", what,
		     "; it takes auto, tracepoint, fentry, kprobe.multi or kprobe");
}

/* Seconds; false leaves *ret alone. */
static bool options_seconds(const char *text, double *ret)
{
	char *end;
	double v = strtod(text, &end);

	if (end == text || *end || !(v >= 0 && v <= 3600))
		return false;
	*ret = v;
	return true;
}

static int options_one(struct hs_options *opt, const char *command, int c)
{
	struct hs_show *show = &opt->show;
	const char *bad;
	uint64_t v;

	switch (c) {
	case 'f':
	case OPT_TREE:
	case OPT_LIST:
	case OPT_JSON:
		show->view = c == 'f'	     ? HS_VIEW_FOLLOW
			     : c == OPT_TREE ? HS_VIEW_TREE
			     : c == OPT_JSON ? HS_VIEW_JSON
					     : HS_VIEW_LIST;
		show->view_given = true;
		return 0;
	case OPT_JSON_HOPS:
		show->view = HS_VIEW_JSON;
		show->view_given = show->render.json_hops = true;
		return 0;
	case OPT_LADDER:
		show->view = HS_VIEW_LADDER;
		show->view_given = true;
		if (!optarg || options_flow(optarg, &show->render.flow))
			return 0;
		return usage(command, "--ladder '%s' is no connection", optarg,
			     "; example: --ladder ~1");
	case OPT_NO_FOLD:
		show->render.no_fold = true;
		return 0;
	case 'n':
		return words_add(&opt->select.netns, optarg);
	case 'i':
		return words_add(&opt->select.devs, optarg);
	case OPT_ONLY:
		if (!only_parse(optarg, &show->only, &bad))
			return 0;
		return usage(command, "--only '%s' is unknown", bad,
			     "; it takes dropped,refused,reset,retransmitted,unread,unknown");
	case OPT_REASON:
		return words_add(&show->reasons, optarg);
	case OPT_ALL:
		opt->select.all = true;
		return 0;
	case 'o':
		opt->output = optarg;
		return 0;
	case 'c':
		if (options_number(optarg, 1, UINT32_MAX, &show->count))
			return 0;
		return usage(command, "-c '%s' is no number of journeys", optarg,
			     "; example: -c 5");
	case 'v':
		show->render.verbose++;
		return 0;
	case 't':
		if (show->render.time < HS_TIME_DELTA)
			show->render.time++;
		return 0;
	case OPT_WIDTH:
		if (!options_number(optarg, 40, 10000, &v))
			return usage(command, "--width '%s' is no width", optarg,
				     "; it takes 40 to 10000 columns");
		show->render.width = v;
		return 0;
	case OPT_ASCII:
		show->render.ascii = true;
		return 0;
	case OPT_PLAIN:
		show->render.plain = true;
		return 0;
	case OPT_COLOR:
		if (!optarg || !strcmp(optarg, "always"))
			opt->color = 1;
		else if (!strcmp(optarg, "never"))
			opt->color = 0;
		else if (strcmp(optarg, "auto"))
			return usage(command, "--color '%s' is unknown", optarg,
				     "; it takes auto, always or never");
		return 0;
	case 'q':
		show->quiet = true;
		return 0;
	case 'X':
		show->render.payload = show->render.no_fold = true;
		return 0;
	case 's':
		if (!options_number(optarg, 1, HS_SNAP_MAX, &v))
			return usage(command, "-s '%s' is no length", optarg,
				     "; it takes bytes from the IP header on, 1 to 4096");
		opt->snap = v;
		return 0;
	case OPT_STATS:
		show->render.stats = true;
		return 0;
	case OPT_EXPECT:
		opt->expects = true;
		if (strcmp(optarg, "help"))
			return options_expect(opt, command, "--expect", optarg);
		opt->expect_help = true;
		return 0;
	case OPT_EXPECT_FILE:
		opt->expects = true;
		return options_expect_file(opt, command, optarg);
	case OPT_HELP:
		opt->help = true;
		return 0;
	case 'p':
		return options_pids(opt, command, optarg);
	case 'w':
		opt->record = optarg;
		return 0;
	case OPT_IN:
		opt->in = optarg;
		return 0;
	case OPT_USER:
		opt->user = optarg;
		return 0;
	case OPT_LINGER:
		if (options_seconds(optarg, &opt->linger))
			return 0;
		return usage(command, "--linger '%s' is no time", optarg,
			     "; it takes seconds, 0 to 3600");
	case OPT_TIMEOUT:
		if (options_seconds(optarg, &opt->timeout) && opt->timeout > 0)
			return 0;
		return usage(command, "--timeout '%s' is no time", optarg,
			     "; it takes seconds, up to 3600");
	case OPT_READY_FD:
		if (!options_number(optarg, 0, 65535, &v))
			return usage(command, "--ready-fd '%s' is no descriptor", optarg, "");
		opt->ready_fd = v;
		return 0;
	case OPT_RING:
		if (options_size(optarg, &opt->ring_bytes))
			return 0;
		return usage(command, "--ring '%s' is no size", optarg,
			     "; it takes bytes, as in 64K or 16M, up to 1G");
	case OPT_MAPS:
		if (!options_number(optarg, 1, 1 << 20, &v))
			return usage(command, "--maps '%s' is no number", optarg,
				     "; it takes entries of each table, 1 to 1048576");
		opt->map_entries = v;
		opt->select.tables = v < TABLES_LEAST ? TABLES_LEAST : v;
		return 0;
	case OPT_STACKS:
		if (!strcmp(optarg, "always") || !strcmp(optarg, "never")) {
			opt->stacks = !strcmp(optarg, "always");
			return 0;
		}
		if (!strcmp(optarg, "auto"))
			return 0;
		return usage(command, "--stacks '%s' is unknown", optarg,
			     "; it takes auto, always or never");
	case OPT_BACKEND:
		return options_backend(opt, command, "--backend", optarg);
	}
	return -EINVAL;
}

/* An option that getopt does not take: `c` is ':' when it lacks its value. */
static int options_refuse(const char *command, int c, const char *word)
{
	char letter[] = { '-', optopt, '\0' }, advice[64];

	snprintf(advice, sizeof(advice), "; see trace %s --help", command);
	if (optopt > 0 && optopt < OPT_TREE && strncmp(word, "--", 2))
		word = letter;
	return usage(command, c == ':' ? "option '%s' needs a value" : "option '%s' is unknown",
		     word, advice);
}

int options_parse(struct hs_options *opt, const char *command, int argc, char **argv)
{
	const char *backend = getenv("HOPSCOPE_BACKEND");
	bool run = !strcmp(command, "run");
	int n = argc, c, r = 0, which = 0;

	*opt = (struct hs_options){ .linger = 1, .ready_fd = -1, .stacks = -1, .color = -1 };
	if (run && backend && *backend)
		r = options_backend(opt, command, "HOPSCOPE_BACKEND", backend);
	for (int i = 1; i < argc && n == argc; i++)
		if (!strcmp(argv[i], "--"))
			n = i;
	if (n < argc) {
		opt->args = argv + n + 1;
		opt->n_args = argc - n - 1;
	}
	optind = opterr = 0;
	while (!r && (c = getopt_long(n, argv, run ? ":fn:i:o:c:vtqXs:p:w:" : ":fn:i:o:c:vtqX",
				      options_long, &which)) != -1) {
		if (c == ':' || c == '?')
			r = options_refuse(command, c, argv[optind - 1]);
		else if (!run && (c >= OPT_IN || c == 'p' || c == 'w'))
			r = usage(command, "option '--%s' belongs to trace run",
				  options_long[which].name, "");
		else
			r = options_one(opt, command, c);
		/* its value may be a word of its own */
		if (c == OPT_LADDER && !optarg && optind < n &&
		    options_flow(argv[optind], &opt->show.render.flow))
			optind++;
	}
	if (r || opt->help || opt->expect_help)
		return r;
	if (opt->show.quiet && (opt->show.view_given || opt->output))
		return usage(command, "-q shows nothing, so %s makes no sense",
			     opt->output ? "-o" : "another view", "");
	if (run)
		return options_filter(opt, command, n - optind, argv + optind);
	/* read: the first words are files, what follows "--" is a filter */
	r = options_filter(opt, command, opt->n_args, opt->args);
	opt->args = argv + optind;
	opt->n_args = n - optind;
	return r;
}

void options_help(const struct hs_options *opt, const char *help)
{
	struct text_style style = { .width = 80 };
	struct text t;

	if (!opt->expect_help) {
		fputs(help, stdout);
		return;
	}
	text_init(&t, &style);
	expect_help(&t);
	text_write(&t, stdout);
	text_free(&t);
}

void options_fit(struct hs_options *opt, int fd)
{
	struct hs_render_options *render = &opt->show.render;
	struct winsize size;
	time_t now = time(NULL);
	struct tm tm;

	if (!render->width)
		render->width =
			!ioctl(fd, TIOCGWINSZ, &size) && size.ws_col >= 40 ? size.ws_col : 80;
	setlocale(LC_CTYPE, "");
	if (strcmp(nl_langinfo(CODESET), "UTF-8"))
		render->ascii = true;
	render->color = opt->color < 0 ? isatty(fd) && !getenv("NO_COLOR") : opt->color;
	localtime_r(&now, &tm);
	render->utc_offset = tm.tm_gmtoff;
}

void options_free(struct hs_options *opt)
{
	select_free(&opt->select);
	words_free(&opt->show.reasons);
	expectations_free(&opt->show.expect);
	words_free(&opt->pids);
}
