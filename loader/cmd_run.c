// SPDX-License-Identifier: BSD-2-Clause
/* trace run: the running kernel, live. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "cmd.h"
#include "losses.h"
#include "netns_scan.h"
#include "options.h"
#include "output.h"
#include "pipeline.h"
#include "source.h"

#define TICK_MS		50
#define SNAP_SHOWN	256 /* of each packet, for -X without -s */
#define STACK_LIMIT	256 /* unless --stacks=always */
#define RING_BYTES	(32 << 20)
#define PURGE_S		0.2
#define LINGER_UNSEEN_S 0.2 /* when only recording: nobody can say whether all have a fate */
#define HOLDS_S		0.1 /* how often it is asked whether all holds that is expected */
#define KILL_S		5   /* from SIGTERM to SIGKILL, for a COMMAND that outlives --timeout */

static const char run_help[] =
	"Follow packets through the running kernel.\n\n"
	"  trace [run] [OPTIONS] [FILTER] [-- COMMAND [ARG...]]\n\n"
	"Which packets (all that are given have to hold):\n"
	"  -- COMMAND [ARG...]  those of COMMAND's sockets and its children's, and what they cause\n"
	"  -p, --pid PID[,PID]  the same for running processes\n"
	"  -n, --netns NAME     seen in that namespace (repeatable)\n"
	"  -i, --device NAME    seen at that device (repeatable)\n"
	"  FILTER               pcap-filter(7), for example: udp port 8080 and host 10.0.2.1\n"
	"      --only KINDS     dropped,refused,reset,retransmitted,unread,unknown\n"
	"      --reason NAME    dropped for that reason, for example NO_SOCKET (repeatable)\n"
	"      --all            also the background: ARP, ND, MLD, mDNS ...\n"
	"  -c, --count N        stop after N packets\n"
	"How they are shown:\n"
	"      --list           a line a packet (the default)\n"
	"      --tree           a block a packet\n"
	"  -f, --follow         every hop as it happens\n"
	"      --ladder [~N]    TCP: client state, segment, server state (of connection ~N)\n"
	"      --no-fold        list, ladder: each of many segments in a row\n"
	"      --json           one JSON object a line; --json-hops: also one for each hop\n"
	"  -v, -vv              with functions; with addresses too\n"
	"      --stats          at the end a table of all that was lost, and what to do about it\n"
	"  -t, -tt, -ttt        wall-clock times, since the start, since the line before\n"
	"  -o, --output FILE    there, instead of stdout (with COMMAND: instead of stderr)\n"
	"  -w, --write FILE     record; show it later with trace read FILE\n"
	"  -q, --quiet          not at all\n"
	"  -X, --hex            the first bytes of each payload; -s, --snaplen N  how many (256,\n"
	"                       headers included); with -w they are recorded\n"
	"      --width N        columns;  --ascii  7-bit;  --plain  no art;  --color=WHEN\n"
	"What has to happen:\n"
	"      --expect TEXT    steps in order, for example: drop reason=NO_SOCKET as $p; icmp cause=$p\n"
	"                       exit status 0: they held, 3: they did not, 4: inconclusive;\n"
	"                       --expect help lists what there is to say; --expect-file FILE\n"
	"      --timeout S      stop then, and end COMMAND\n"
	"Running COMMAND:\n"
	"      --in NETNS       in that namespace;  --user NAME  as that user\n"
	"      --linger S       wait so long for packets under way when it has ended (1)\n"
	"Rarely:\n"
	"      --ready-fd N     a line is written there when tracing has begun\n"
	"      --ring SIZE      of the ring buffers together (32M);  --stacks=auto|always|never\n"
	"      --maps N         entries of each table that can fill up: calls under way (16384), packets\n"
	"                       (100000), connections (20000) ...\n"
	"      --backend NAME   tracepoint, fentry, kprobe.multi, kprobe (the best there is)\n";

struct run {
	struct hs_options opt;
	struct hs_live *live;
	struct hs_pipeline *pipeline; /* NULL: only recording */
	struct hs_output *view, *record;
	struct hs_child child;
	bool has_child;
	bool quiet; /* what COMMAND writes to stderr is to stay its own */
	bool timed_out;
	int signals;
	sigset_t old_mask;
	struct sigaction old_pipe, old_child;
	uint64_t events;
	struct hs_losses losses; /* as the kernel told them */
	const char *stopped;	 /* why it could not go on: the file that failed */
};

static int run_record(void *ctx, const struct hs_hdr *rec)
{
	struct run *run = ctx;
	int r = 0;

	/* So that a recording of -c N is what was shown. */
	if (run->pipeline && pipeline_is_done(run->pipeline) && rec->type != HS_REC_END)
		return 0;
	run->events += rec->type < HS_REC_START;
	if (rec->type == HS_REC_LOSS)
		losses_learn(&run->losses, (const void *)rec);
	if (run->record) {
		r = output_put(run->record, rec, rec->size);
		if (r)
			run->stopped = run->opt.record;
	}
	if (!r && run->pipeline)
		r = pipeline_record(run->pipeline, rec);
	return r;
}

static int run_fail(const struct run *run, const char *fmt, const char *what)
{
	fputs("trace: ", stderr);
	fprintf(stderr, fmt, what);
	fputc('\n', stderr);
	return run->has_child || run->opt.n_args ? 125 : 1;
}

/* Adds processes that descend from followed ones, until there are no new ones. */
static int run_follow_children(struct run *run, struct hs_words *pids)
{
	size_t before;

	do {
		DIR *proc = opendir("/proc");
		struct dirent *entry;

		if (!proc)
			return -errno;
		before = pids->n;
		while ((entry = readdir(proc))) {
			char path[300], line[512], parent[16];
			const char *after;
			FILE *f;

			if (entry->d_name[0] < '1' || entry->d_name[0] > '9' ||
			    words_have(pids, entry->d_name))
				continue;
			snprintf(path, sizeof(path), "/proc/%s/stat", entry->d_name);
			f = fopen(path, "re");
			if (!f)
				continue;
			/* pid (comm) state ppid: comm may hold anything, so from its end on */
			after = fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
			fclose(f);
			if (after && sscanf(after, ") %*c %15s", parent) == 1 &&
			    words_have(pids, parent) && words_add(pids, entry->d_name)) {
				closedir(proc);
				return -ENOMEM;
			}
		}
		closedir(proc);
	} while (pids->n > before);
	for (size_t i = 0; i < pids->n; i++) {
		int r = live_follow(run->live, strtoul(pids->word[i], NULL, 10));

		if (r)
			return r;
	}
	return 0;
}

static bool run_any_alive(const struct hs_words *pids)
{
	for (size_t i = 0; i < pids->n; i++)
		if (!kill(strtoul(pids->word[i], NULL, 10), 0) || errno == EPERM)
			return true;
	return false;
}

/* The terminal's own connection would show itself showing itself. */
static void run_leave_out_terminal(struct run *run)
{
	const char *ssh = getenv("SSH_CONNECTION");
	char words[4][64], spec[300], err[64];
	size_t len = 0;

	if (!ssh || run->opt.n_args || run->opt.pids.n ||
	    sscanf(ssh, "%63s %63s %63s %63s", words[0], words[1], words[2], words[3]) != 4)
		return;
	len += sprintf(spec, "without") + 1;
	for (int i = 0; i < 4; i++)
		len += sprintf(spec + len, "%s", words[i]) + 1;
	if (!select_add_spec(&run->opt.select, spec, len, err, sizeof(err)))
		fprintf(stderr, "leaving out this terminal's connection, %s:%s\n", words[0],
			words[1]);
}

static int run_open_view(struct run *run)
{
	struct hs_options *opt = &run->opt;
	int fd = opt->n_args || opt->show.quiet ? STDERR_FILENO : STDOUT_FILENO;
	char what[4200];
	int r = 0;

	if (opt->show.view == HS_VIEW_JSON && opt->n_args && !opt->output)
		return run_fail(
			run,
			"--json with a COMMAND needs -o FILE: otherwise both would write to %s",
			"the same place");
	if (!opt->show.quiet)
		r = opt->output ? output_open(&run->view, opt->output, true)
				: output_of_fd(&run->view, fd);
	if (r) {
		snprintf(what, sizeof(what), "%s: %s", opt->output ?: "stdout", strerror(-r));
		return run_fail(run, "cannot write %s", what);
	}
	options_fit(opt, opt->output ? -1 : fd);
	if (pipeline_new(&run->pipeline, run->view ? output_file(run->view) : NULL, &opt->show,
			 NULL))
		return run_fail(run, "%s", "out of memory");
	return 0;
}

static int run_open_outputs(struct run *run)
{
	struct hs_options *opt = &run->opt;
	char what[4200];
	int r;

	run->quiet = (opt->n_args && opt->output) || opt->show.quiet;
	/* COMMAND must not hold the other end of somebody's pipe open. */
	if (opt->ready_fd >= 0 && fcntl(opt->ready_fd, F_SETFD, FD_CLOEXEC))
		return run_fail(run, "--ready-fd: %s", strerror(errno));
	if (opt->record) {
		r = output_open(&run->record, opt->record, false);
		if (r) {
			snprintf(what, sizeof(what), "%s: %s", opt->record, strerror(-r));
			return run_fail(run, "cannot record to %s", what);
		}
		/* Nothing is shown then, and without an expectation nothing has to be understood. */
		if (!opt->show.view_given && !opt->output)
			opt->show.quiet = true;
		if (opt->show.quiet && !opt->show.expect.n)
			return 0;
	}
	return run_open_view(run);
}

static int run_check_namespaces(struct run *run, struct hs_netns *ret_in)
{
	const struct hs_words *names = &run->opt.select.netns;
	char err[512];

	/* COMMAND may be what makes a namespace. */
	for (size_t i = 0; i < names->n && !run->opt.n_args; i++) {
		struct hs_netns found;

		if (netns_find(names->word[i], &found, err, sizeof(err)))
			return run_fail(run, "-n: %s", err);
	}
	if (run->opt.in && netns_find(run->opt.in, ret_in, err, sizeof(err)))
		return run_fail(run, "--in: %s", err);
	return 0;
}

static int run_signals(struct run *run)
{
	static const int taken[] = { SIGINT, SIGTERM, SIGHUP, SIGCHLD };
	const struct sigaction ignore = { .sa_handler = SIG_IGN }, wait = { .sa_handler = SIG_DFL };
	sigset_t set;

	sigaction(SIGPIPE, &ignore, &run->old_pipe);
	sigaction(SIGCHLD, &wait, &run->old_child);
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		sigaddset(&set, taken[i]);
	sigprocmask(SIG_BLOCK, &set, &run->old_mask);
	run->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return run->signals < 0 ? -errno : 0;
}

static int run_start(struct run *run)
{
	struct hs_options *opt = &run->opt;
	struct hs_live_options live = {
		.stack_limit = opt->stacks < 0 ? STACK_LIMIT : 0,
		.stacks = opt->stacks < 0 ? run->pipeline != NULL : opt->stacks,
		.calls = opt->n_args || opt->pids.n,
		.backend = opt->backend,
		.snap = opt->snap
				?: opt->show.render.payload ? SNAP_SHOWN
							    : 0,
		.ring_bytes = opt->ring_bytes ?: RING_BYTES,
		.map_entries = opt->map_entries,
	};
	struct hs_netns in = { 0 };
	struct hs_netns_list list = { 0 };
	char err[1024] = "", *spec = NULL;
	int r;

	live.functions = live.stacks || opt->backend;
	r = run_check_namespaces(run, &in);
	if (r)
		return r;
	if (opt->n_args) {
		const struct hs_child_options child = {
			.argv = opt->args,
			.netns = opt->in ? in.path : NULL,
			.user = opt->user,
			.mask = &run->old_mask,
			.on_pipe = &run->old_pipe,
			.on_child = &run->old_child,
		};

		if (child_start(&run->child, &child, err, sizeof(err)))
			return run_fail(run, "%s", err);
		run->has_child = true;
	}
	opt->select.followed = live.calls;
	r = select_spec(&opt->select, &spec, &live.spec_len);
	if (r)
		return run_fail(run, "%s", strerror(-r));
	live.spec = spec;
	r = live_open(&run->live, &live, err, sizeof(err));
	if (!r && run->has_child)
		r = live_follow(run->live, run->child.pid);
	if (!r && opt->pids.n) {
		if (!run_any_alive(&opt->pids)) {
			free(spec);
			return run_fail(run, "-p %s: no such process", opt->pids.word[0]);
		}
		r = run_follow_children(run, &opt->pids);
	}
	if (!r)
		r = live_start(run->live, run_record, run, err, sizeof(err));
	free(spec);
	if (r) {
		const char *why = run->pipeline ? pipeline_error(run->pipeline) : "";

		return run_fail(run, "%s", *why ? why : *err ? err : strerror(-r));
	}
	if (!run->quiet && !netns_list(&list)) {
		fprintf(stderr, "tracing %zu namespace%s, %u probes\n", list.n,
			list.n == 1 ? "" : "s", live_probes(run->live));
		netns_list_free(&list);
	}
	if (opt->ready_fd >= 0) {
		if (write(opt->ready_fd, "ready\n", 6) != 6)
			return run_fail(run, "--ready-fd: %s", strerror(errno));
		close(opt->ready_fd);
	}
	return 0;
}

static double run_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static int run_flush(struct run *run)
{
	int r = run->view ? output_flush(run->view) : 0;

	if (r)
		run->stopped = run->opt.output ?: "its output";
	if (!r && run->record) {
		r = output_flush(run->record);
		if (r)
			run->stopped = run->opt.record;
	}
	return r;
}

/* False: a signal asks trace to end. */
static bool run_take_signals(struct run *run, bool command_runs)
{
	struct signalfd_siginfo info;
	bool go_on = true;

	while (read(run->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			continue;
		if (!command_runs)
			go_on = false;
		else if (info.ssi_signo != SIGINT)
			child_signal(&run->child, info.ssi_signo);
	}
	return go_on;
}

/*
 * Has every packet that was sent until `ended` a fate? The kernel purges a closed UDP socket's queue after a
 * grace period of RCU, so what is queued and unread gets a moment after that.
 */
static bool run_is_over(const struct run *run, double ended)
{
	if (!run->pipeline || live_seen(run->live) < ended * 1e9 ||
	    pipeline_underway(run->pipeline))
		return false;
	return !pipeline_unread(run->pipeline) || run_now() >= ended + PURGE_S;
}

/*
 * Has trace been asked to stop here? Without COMMAND also once all holds that is expected; a COMMAND
 * is not cut off for that.
 */
static bool run_is_stopped(struct run *run, double begun, double *asked)
{
	double now = run_now();

	run->timed_out = run->opt.timeout > 0 && now >= begun + run->opt.timeout;
	if (run->timed_out || !run->pipeline)
		return run->timed_out;
	if (pipeline_is_done(run->pipeline))
		return true;
	if (run->has_child || now < *asked + HOLDS_S)
		return false;
	*asked = now;
	return pipeline_holds(run->pipeline);
}

/* Until there is nothing left to wait for. */
static int run_loop(struct run *run)
{
	double begun = run_now(), asked = begun;
	struct pollfd fd = { .fd = run->signals, .events = POLLIN };
	double linger = run->pipeline || run->opt.linger < LINGER_UNSEEN_S ? run->opt.linger
									   : LINGER_UNSEEN_S;
	double end = 0; /* when lingering ends; 0: the traced are still running */
	bool running = true, more = false;

	while (running) {
		bool command_runs = run->has_child && !end;
		int r;

		poll(&fd, 1, more ? 0 : LIVE_PERIOD_MS);
		if (command_runs && child_status(&run->child) != -EAGAIN)
			end = run_now() + linger;
		else if (!run->has_child && run->opt.pids.n && !end &&
			 !run_any_alive(&run->opt.pids))
			end = run_now() + linger;
		/* Ctrl-C goes to both: one that came no later than COMMAND's end was for COMMAND. */
		if (!run_take_signals(run, command_runs))
			running = false;
		r = live_drain(run->live);
		more = r > 0;
		if (r >= 0)
			r = run_flush(run);
		if (r)
			return r;
		if (end && (run_now() >= end || run_is_over(run, end - linger)))
			running = false;
		if (run_is_stopped(run, begun, &asked))
			running = false;
	}
	return 0;
}

/* COMMAND's status; it may go on when trace has ended early, except for --timeout. */
static int run_wait_command(struct run *run)
{
	struct pollfd fd = { .fd = run->signals, .events = POLLIN };
	double kill_at = run_now() + KILL_S;
	int status;

	if (run->timed_out)
		child_signal(&run->child, SIGTERM);
	while ((status = child_status(&run->child)) == -EAGAIN) {
		if (run->timed_out && run_now() >= kill_at)
			child_signal(&run->child, SIGKILL);
		poll(&fd, 1, TICK_MS);
		run_take_signals(run, true);
	}
	return status;
}

/* Where no view tells it. */
static void run_tell_losses(const struct run *run)
{
	const struct text_style style = { .width = 80, .ascii = run->opt.show.render.ascii };
	struct text t;

	text_init(&t, &style);
	losses_tell(&run->losses, &t);
	text_write(&t, stderr);
	text_free(&t);
}

/* `r`: why it ended early, 0. Returns trace's own status. */
static int run_finish(struct run *run, int r)
{
	char what[4200];
	int closed;

	if (!r)
		r = live_stop(run->live);
	closed = output_close(run->view);
	run->view = NULL;
	if (!r && closed)
		run->stopped = run->opt.output ?: "its output";
	r = r ?: closed;
	closed = output_close(run->record);
	run->record = NULL;
	if (!r && closed)
		run->stopped = run->opt.record;
	r = r ?: closed;
	if (r == -EPIPE && run->stopped != run->opt.record)
		return 0; /* whoever read has had enough */
	if (r) {
		const char *why = run->pipeline ? pipeline_error(run->pipeline) : "";

		snprintf(what, sizeof(what), "%s%s%s", run->stopped ?: "", run->stopped ? ": " : "",
			 *why ? why : strerror(-r));
		return run_fail(run, run->stopped ? "cannot write %s; stopped" : "%s; stopped",
				what);
	}
	if (run->opt.show.render.stats && (!run->pipeline || run->opt.show.quiet))
		run_tell_losses(run);
	if (live_names_warning(run->live))
		fprintf(stderr, "trace: %s\n", live_names_warning(run->live));
	if (run->opt.record && !run->quiet)
		fprintf(stderr, "recorded %llu events to %s; trace read %s\n",
			(unsigned long long)run->events, run->opt.record, run->opt.record);
	return 0;
}

static int run_verdict(struct run *run)
{
	const struct text_style style = { .ascii = run->opt.show.render.ascii };
	enum hs_verdict verdict;
	struct text report;

	text_init(&report, &style);
	verdict = pipeline_verdict(run->pipeline, &report);
	if (verdict || !run->quiet)
		text_write(&report, stderr);
	text_free(&report);
	return verdict;
}

/* COMMAND is let go, and its packets are followed, or whatever else was asked for. */
static int run_watch(struct run *run)
{
	int status = 0, command = 0;
	char err[512];

	if (run->has_child)
		status = child_release(&run->child, run->opt.args[0], err, sizeof(err));
	if (status) {
		fprintf(stderr, "trace: %s\n", err);
		return status;
	}
	status = run_finish(run, run_loop(run));
	/* COMMAND goes on without when trace cannot. */
	live_close(run->live);
	run->live = NULL;
	if (run->has_child)
		command = run_wait_command(run);
	if (run->opt.show.expect.n && !status)
		return run_verdict(run);
	return status ?: command;
}

int cmd_run(int argc, char **argv)
{
	struct run run = { .signals = -1 };
	int status, r;

	r = options_parse(&run.opt, "run", argc, argv);
	if (!r && (run.opt.help || run.opt.expect_help)) {
		options_help(&run.opt, run_help);
		options_free(&run.opt);
		return 0;
	}
	if (r) {
		/* With --expect the status is never COMMAND's. */
		r = run.opt.n_args && !run.opt.expects ? 125 : 2;
		options_free(&run.opt);
		return r;
	}
	run_leave_out_terminal(&run);
	r = run_open_outputs(&run);
	if (!r && run_signals(&run))
		r = run_fail(&run, "signalfd: %s", strerror(errno));
	if (!r)
		r = run_start(&run);
	status = r ?: run_watch(&run);
	if (run.has_child)
		child_abandon(&run.child);
	live_close(run.live);
	pipeline_free(run.pipeline);
	output_close(run.view);
	output_close(run.record);
	if (run.signals >= 0)
		close(run.signals);
	options_free(&run.opt);
	return status;
}
