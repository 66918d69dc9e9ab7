// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "helper_view.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "../../loader/text.h"

#define EXPECTED "tests/unit/render/"

/* --- building journeys by hand --- */

struct hs_endpoint ep(const char *addr, uint16_t port)
{
	struct hs_endpoint e = { .port = port };

	e.addr.family = strchr(addr, ':') ? AF_INET6 : AF_INET;
	assert_int_equal(inet_pton(e.addr.family, addr, e.addr.bytes), 1);
	return e;
}

void trip_init(struct trip *t, uint32_t id, struct hs_packet packet, uint64_t born)
{
	memset(t, 0, sizeof(*t));
	t->j.id = id;
	t->j.packet = packet;
	t->j.born = born;
	t->j.skb = 0xffff888004a3c000 + id * 0x100;
	t->j.hops = t->hops;
	t->j.caused = t->caused;
	t->j.by_call = "";
	t->j.by_fd = -1;
	t->j.by.comm = "";
	t->j.cause_text = "";
	t->j.fate = (struct hs_fate){
		.netns = "", .dev = "", .reason = "", .function = "", .why = "", .remedy = ""
	};
	t->j.read.call = t->j.told_call = t->j.told_why = t->j.no_icmp = t->j.qdisc = "";
	t->j.read.task.comm = t->j.told_task.comm = "";
}

struct hs_hop *trip_hop(struct trip *t, enum hs_stage stage, uint64_t time, const char *netns,
			const char *dev)
{
	struct hs_hop *hop = &t->hops[t->j.n_hops++];

	assert_true(t->j.n_hops <= MAX_HOPS);
	*hop = (struct hs_hop){ .kind = HS_HOP_STAGE,
				.by = HS_BY_TRACEPOINT,
				.stage = stage,
				.time = time,
				.netns = netns,
				.dev = dev,
				.dev_kind = *dev ? "veth" : "",
				.task = t->j.by,
				.text = "",
				.conntrack = "",
				.matched = { .table = "", .prefix = "" },
				.function = "" };
	hop->crossed = t->j.n_hops > 1 && strcmp(netns, hop[-1].netns) != 0;
	return hop;
}

void trip_via(struct trip *t, enum hs_stage stage, uint64_t time, const char *netns,
	      const char *dev, const char *function)
{
	struct hs_hop *hop = trip_hop(t, stage, time, netns, dev);

	hop->kind = HS_HOP_VIA;
	hop->by = HS_BY_STACK;
	hop->function = function;
}

struct hs_hop *trip_last(struct trip *t, enum hs_stage stage, uint64_t time, const char *netns,
			 const char *dev)
{
	struct hs_hop *hop = trip_hop(t, stage, time, netns, dev);

	hop->cpu = 1;
	hop->softirq = true;
	return hop;
}

void trip_fate(struct trip *t, enum hs_fate_kind kind, uint64_t time, const char *netns,
	       const char *dev)
{
	t->j.fate.kind = kind;
	t->j.fate.time = time;
	t->j.fate.netns = netns;
	t->j.fate.dev = dev;
	t->j.fate.stage = t->hops[t->j.n_hops - 1].stage;
}

void trip_queued(struct trip *t, uint64_t time, uint32_t socket, const char *netns, const char *dev)
{
	trip_last(t, HS_STAGE_SOCK_QUEUE, time, netns, dev);
	trip_fate(t, HS_FATE_QUEUED, time, netns, dev);
	t->j.fate.socket = socket;
}

struct hs_call made_call(struct hs_task task, enum hs_call_id id, const char *name, int fd,
			 int64_t ret, uint64_t at)
{
	return (struct hs_call){ .entered = at,
				 .left = at + 2 * US,
				 .task = task,
				 .id = id,
				 .name = name,
				 .fd = fd,
				 .ret = ret,
				 .family = AF_INET,
				 .type = SOCK_DGRAM,
				 .protocol = IPPROTO_UDP,
				 .hint = "" };
}

/* --- telling and comparing --- */

/* Hops i … before `end`, as they happen. */
void tell_hops(struct view *v, struct trip *t, size_t from, size_t end)
{
	struct hs_journey j = t->j;

	j.fate.kind = HS_FATE_UNDERWAY;
	j.by_done = false;
	for (size_t i = from; i < end; i++) {
		j.n_hops = i + 1;
		TELL(v, hop, &j, &t->hops[i]);
	}
}

void tell_whole(struct view *v, struct trip *t)
{
	tell_hops(v, t, 0, t->j.n_hops);
	TELL(v, fate, &t->j);
	if (t->j.read_done)
		TELL(v, read, &t->j);
	TELL(v, settled, &t->j);
}

char *view_render(make_view *make, void (*tell)(struct view *v),
		  const struct hs_render_options *options)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	struct view v;

	assert_non_null(out);
	v.sink = make(out, options);
	assert_non_null(v.sink);
	tell(&v);
	render_free(v.sink);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(strlen(text), size);
	return text;
}

static char *read_file(const char *path)
{
	FILE *in = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;

	if (!in)
		return NULL;
	if (getdelim(&text, &size, '\0', in) < 0) {
		free(text);
		text = strdup("");
	}
	fclose(in);
	return text;
}

static void write_file(const char *path, const char *text)
{
	FILE *out;

	mkdir(EXPECTED, 0755);
	out = fopen(path, "we");
	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
}

void view_check_lines(const char *text, const struct hs_render_options *options, bool json)
{
	char *copy = strdup(text), *save = NULL;

	assert_non_null(copy);
	assert_true(!*text || text[strlen(text) - 1] == '\n');
	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (!json && text_width(line) > options->width) {
			print_error("%d columns: %s\n", text_width(line), line);
			fail();
		}
		if (line[strlen(line) - 1] == ' ') {
			print_error("space at the end: %s\n", line);
			fail();
		}
	}
	free(copy);
	for (const char *p = text; *p; p++) {
		if (!json && !options->color)
			assert_false((unsigned char)*p < ' ' && *p != '\n');
		if (options->ascii)
			assert_true((unsigned char)*p < 0x80);
	}
}

static void check(void **state)
{
	const struct view_expectation *e = *state;
	struct hs_render_options options = e->options;
	char path[128];
	char *text, *expected;

	if (!options.width)
		options.width = 80;
	text = view_render(e->make, e->tell, &options);
	view_check_lines(text, &options, e->make == render_json_new);
	snprintf(path, sizeof(path), EXPECTED "%s.txt", e->file);
	if (getenv("UPDATE"))
		write_file(path, text);
	expected = read_file(path);
	if (!expected)
		fail_msg("cannot read %s: %s", path, strerror(errno));
	if (strcmp(text, expected) != 0) {
		print_error("--- %s\n%s--- now\n%s", path, expected, text);
		fail();
	}
	free(expected);
	free(text);
}

int view_check_all(const struct view_expectation *expectations, size_t n)
{
	struct CMUnitTest *tests = calloc(n, sizeof(*tests));
	int failed;

	assert_non_null(tests);
	for (size_t i = 0; i < n; i++)
		tests[i] = (struct CMUnitTest){
			.name = expectations[i].file,
			.test_func = check,
			.initial_state = (void *)&expectations[i],
		};
	failed = _cmocka_run_group_tests("views", tests, n, NULL, NULL);
	free(tests);
	return failed;
}
