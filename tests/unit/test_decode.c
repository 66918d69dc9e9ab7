// SPDX-License-Identifier: BSD-2-Clause
/* From records to events: sizes, names, stacks, gaps. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../loader/decode.h"
#include "helper_stream.h"

/* What the decoder handed on. */
struct seen {
	struct hs_names *names;
	struct hs_decoder *decoder;
	char text[4096]; /* a line an event that has a place */
	size_t events;
	int64_t lost;
	int stop; /* what to return */
};

static int seen_event(void *ctx, const struct hs_event *e)
{
	struct seen *s = ctx;
	size_t at = strlen(s->text);

	s->events++;
	if (e->rec->type > HS_REC_READ)
		return s->stop;
	at += snprintf(s->text + at, sizeof(s->text) - at, "%s/%s(%s) %s[%u]%s", e->netns,
		       e->dev.name, e->dev.kind, e->task.comm, e->task.pid,
		       e->softirq ? " softirq" : "");
	for (size_t i = 0; i < e->n_functions; i++)
		at += snprintf(s->text + at, sizeof(s->text) - at, " %s", e->functions[i]);
	snprintf(s->text + at, sizeof(s->text) - at, "\n");
	return s->stop;
}

static void seen_gap(void *ctx, uint64_t time, int64_t lost)
{
	(void)time;
	((struct seen *)ctx)->lost += lost;
}

static int setup(void **state)
{
	struct seen *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->names = names_new();
	s->decoder = decode_new(s->names, seen_event, seen_gap, s);
	assert_non_null(s->decoder);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct seen *s = *state;

	decode_free(s->decoder);
	names_free(s->names);
	free(s);
	return 0;
}

static int decode_one(void *ctx, const struct hs_hdr *rec)
{
	return decode_record(((struct seen *)ctx)->decoder, rec);
}

/* Frees the stream. */
static int decode_all(struct seen *seen, struct stream *s)
{
	int r = stream_each(s, decode_one, seen);

	stream_free(s);
	return r;
}

static void test_names_and_place(void **state)
{
	struct stream *s = stream_new(NULL);

	stream_netns(s, 1, "ns_a");
	stream_dev(s, 1, 2, "veth_a", "veth");
	stream_task(s, 812, "client");
	stream_by(s, 0, 812);
	stream_see(s, HS_STAGE_DEV_XMIT, 0xa000, 1, 2);
	stream_softirq(s, 0);
	stream_see(s, HS_STAGE_RECEIVE, 0xa000, 7, 9);
	assert_int_equal(decode_all(*state, s), 0);
	assert_string_equal(((struct seen *)*state)->text, "ns_a/veth_a(veth) client[812]\n"
							   "net:?/() client[812] softirq\n");
}

/* Outermost first, from the softirq (or the system call) on, without the tracing itself. */
static void test_stack(void **state)
{
	struct stream *s = stream_new(NULL);
	static const char frames[] =
		"bpf_prog_1 < bpf_trace_run1 < __bpf_trace_netif_receive_skb < "
		"__traceiter_netif_receive_skb < __netif_receive_skb_core < process_backlog < "
		"net_rx_action < handle_softirqs < do_softirq < __dev_queue_xmit < udp_sendmsg < "
		"__sys_sendto < __x64_sys_sendto < do_syscall_64";

	stream_softirq(s, 0);
	stream_stack(s, frames);
	stream_see(s, HS_STAGE_RECEIVE, 0xa000, 1, 2);
	/* in process context a softirq's entry is nobody's, and only the call is cut */
	stream_by(s, 0, 1);
	stream_stack(s, "bpf_prog_1 < __dev_queue_xmit < bpf_redirect < udp_sendmsg < "
			"__sys_sendto < __x64_sys_sendto < do_syscall_64 < entry");
	stream_see(s, HS_STAGE_DEV_QUEUE, 0xa000, 1, 2);
	assert_int_equal(decode_all(*state, s), 0);
	assert_string_equal(((struct seen *)*state)->text,
			    "net:?/() [0] softirq net_rx_action process_backlog "
			    "__netif_receive_skb_core\n"
			    "net:?/() [1] __sys_sendto udp_sendmsg bpf_redirect "
			    "__dev_queue_xmit\n");
}

static void test_unknown_functions_are_left_out(void **state)
{
	struct stream *s = stream_new(NULL);

	stream_stack(s, "a < b < c");
	s->frames[1] = 0x1234;
	stream_see(s, HS_STAGE_DEV_QUEUE, 0xa000, 1, 2);
	assert_int_equal(decode_all(*state, s), 0);
	assert_string_equal(((struct seen *)*state)->text, "net:?/() [0] c a\n");
}

static void test_gaps(void **state)
{
	struct seen *seen = *state;
	struct stream *s = stream_new(NULL);
	uint32_t late = 1;

	stream_task(s, 1, "a"); /* 0 */
	stream_lose(s, 2);	/* 1, 2 */
	stream_task(s, 1, "a"); /* 3 */
	s->forced_seq = &late;
	stream_task(s, 1, "a");
	stream_by(s, 1, 1); /* each CPU counts for itself */
	stream_task(s, 1, "a");
	stream_by(s, 0, 1);
	stream_task(s, 1, "a");
	stream_tick(s, 0); /* user space has no numbers */
	assert_int_equal(decode_all(seen, s), 0);
	assert_int_equal(seen->lost, 1);
}

/* Sequence numbers go round. */
static void test_numbers_wrap(void **state)
{
	struct seen *seen = *state;
	struct stream *s = stream_new(NULL);

	s->seq[0] = 0xfffffffe;
	stream_task(s, 1, "a"); /* seen from 0 this is two behind: late by one record */
	for (int i = 0; i < 4; i++)
		stream_task(s, 1, "a");
	assert_int_equal(decode_all(seen, s), 0);
	assert_int_equal(seen->lost, -2);
}

static void test_listed_records_have_no_number(void **state)
{
	struct seen *seen = *state;
	struct stream *s = stream_new(NULL);
	struct hs_rec_sock rec = { .hdr.flags = HS_F_LISTED, .sk = 1 };

	stream_task(s, 1, "a");
	stream_add(s, &rec, sizeof(rec), HS_REC_SOCK, 0);
	stream_task(s, 1, "a");
	assert_int_equal(decode_all(seen, s), 0);
	assert_int_equal(seen->lost, 0);
	assert_int_equal(seen->events, 4);
}

/* A newer recording: types that nobody knows are skipped and not taken for lost. */
static void test_unknown_types(void **state)
{
	struct seen *seen = *state;
	struct stream *s = stream_new(NULL);
	struct hs_rec_stage rec = { 0 };

	stream_add(s, &rec, sizeof(rec), 29, 0);
	stream_add(s, &rec, sizeof(rec), 200, 0);
	stream_add(s, &rec, sizeof(rec.hdr), HS_REC_PREFIX + 1, 0);
	stream_task(s, 1, "a");
	assert_int_equal(decode_all(seen, s), 0);
	assert_int_equal(seen->events, 2);
	assert_int_equal(seen->lost, 0);
}

/* A longer record of a known type has fields that this reader does not know. */
static void test_longer_records(void **state)
{
	struct seen *seen = *state;
	struct stream *s = stream_new(NULL);
	struct {
		struct hs_rec_task task;
		char more[40];
	} rec = { .task.pid = 7, .task.tid = 7, .task.comm = "seven" };

	stream_add(s, &rec, sizeof(rec), HS_REC_TASK, 0);
	assert_int_equal(decode_all(seen, s), 0);
	assert_string_equal(names_task(seen->names, 7, 7).comm, "seven");
}

static void test_short_records(void **state)
{
	static const struct {
		uint8_t type;
		uint16_t size; /* the least */
	} records[] = {
		{ HS_REC_STAGE, sizeof(struct hs_rec_stage) },
		{ HS_REC_BIRTH, offsetof(struct hs_rec_birth, data) },
		{ HS_REC_FREE, sizeof(struct hs_rec_free) },
		{ HS_REC_ICMP, sizeof(struct hs_rec_icmp) },
		{ HS_REC_QUEUE, sizeof(struct hs_rec_queue) },
		{ HS_REC_READ, sizeof(struct hs_rec_read) },
		{ HS_REC_CALL, sizeof(struct hs_rec_call) },
		{ HS_REC_TASK, sizeof(struct hs_rec_task) },
		{ HS_REC_DEV, sizeof(struct hs_rec_dev) },
		{ HS_REC_QDISC, sizeof(struct hs_rec_qdisc) },
		{ HS_REC_SOCK, sizeof(struct hs_rec_sock) },
		{ HS_REC_START, sizeof(struct hs_rec_start) },
		{ HS_REC_LOSS, offsetof(struct hs_rec_loss, untimed) },
		{ HS_REC_NETNS, sizeof(struct hs_rec_netns) },
		{ HS_REC_SYM, sizeof(struct hs_rec_text) + 1 },
		{ HS_REC_REASON, sizeof(struct hs_rec_text) + 1 },
		{ HS_REC_BOUND, sizeof(struct hs_rec_sock) },
		{ HS_REC_COUNTER, sizeof(struct hs_rec_counter) },
		{ HS_REC_END, sizeof(struct hs_rec_end) },
		{ HS_REC_TCP, offsetof(struct hs_rec_tcp, wmem) },
		{ HS_REC_SIGNAL, sizeof(struct hs_rec_signal) },
		{ HS_REC_RST_REASON, sizeof(struct hs_rec_text) + 1 },
		{ HS_REC_MINI, sizeof(struct hs_rec_sock) },
		{ HS_REC_RULE, sizeof(struct hs_rec_rule) + 1 },
		{ HS_REC_REFUSAL, sizeof(struct hs_rec_refusal) },
		{ HS_REC_PREFIX, sizeof(struct hs_rec_prefix) },
	};

	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		struct hs_hdr *rec = calloc(1, records[i].size);

		rec->type = records[i].type;
		rec->size = records[i].size;
		assert_int_equal(decode_one(*state, rec), 0);
		rec->size--;
		assert_int_equal(decode_one(*state, rec), -EPROTO);
		/* frames that it promises have to be there, too */
		rec->size++;
		rec->frames = 1;
		assert_int_equal(decode_one(*state, rec), -EPROTO);
		free(rec);
	}
}

static void test_too_many_frames(void **state)
{
	struct {
		struct hs_rec_stage stage;
		uint64_t frames[HS_MAX_FRAMES + 1];
	} rec = { .stage.hdr = { .type = HS_REC_STAGE, .size = sizeof(rec) } };

	rec.stage.hdr.frames = HS_MAX_FRAMES + 1;
	assert_int_equal(decode_one(*state, &rec.stage.hdr), -EPROTO);
	rec.stage.hdr.frames = HS_MAX_FRAMES;
	rec.stage.hdr.size -= 8;
	assert_int_equal(decode_one(*state, &rec.stage.hdr), 0);
}

/* Frames lie at the end, wherever that is. */
static void test_frames_at_any_place(void **state)
{
	struct {
		struct hs_rec_stage stage;
		uint8_t more[15];
	} rec = { .stage.hdr = { .type = HS_REC_STAGE, .frames = 1 } };
	uint64_t frame = 0x4242;

	rec.stage.hdr.size = sizeof(rec.stage) + 13;
	memcpy(rec.more + 5, &frame, sizeof(frame));
	assert_int_equal(names_learn_symbol(((struct seen *)*state)->names, frame, "a_function"),
			 0);
	assert_int_equal(decode_one(*state, &rec.stage.hdr), 0);
	assert_string_equal(((struct seen *)*state)->text, "net:?/() [0] a_function\n");
}

static void test_text_without_end(void **state)
{
	union {
		uint8_t room[sizeof(struct hs_rec_text) + 8];
		struct hs_rec_text text;
	} rec = { 0 };

	rec.text.hdr.type = HS_REC_SYM;
	rec.text.key = 5;
	memcpy(rec.text.text, "abcdefg", 8);
	rec.text.hdr.size = sizeof(rec.text) + 7;
	assert_int_equal(decode_one(*state, &rec.text.hdr), -EPROTO);
	rec.text.hdr.size = sizeof(rec.text) + 8;
	assert_int_equal(decode_one(*state, &rec.text.hdr), 0);
	assert_string_equal(names_symbol(((struct seen *)*state)->names, 5), "abcdefg");
}

static void test_cpu_out_of_range(void **state)
{
	struct seen *seen = *state;
	struct hs_rec_stage rec = {
		.hdr = { .type = HS_REC_STAGE, .size = sizeof(rec), .cpu = 65535, .seq = 9 }
	};

	assert_int_equal(decode_one(seen, &rec.hdr), 0);
	assert_int_equal(seen->lost, 0);
	assert_int_equal(seen->events, 1);
}

static void test_the_next_one_may_stop(void **state)
{
	struct seen *seen = *state;

	seen->stop = -ENOMEM;
	assert_int_equal(decode_all(seen, stream_new(NULL)), -ENOMEM);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_names_and_place),
		TEST(test_stack),
		TEST(test_unknown_functions_are_left_out),
		TEST(test_gaps),
		TEST(test_numbers_wrap),
		TEST(test_listed_records_have_no_number),
		TEST(test_unknown_types),
		TEST(test_longer_records),
		TEST(test_short_records),
		TEST(test_too_many_frames),
		TEST(test_frames_at_any_place),
		TEST(test_text_without_end),
		TEST(test_cpu_out_of_range),
		TEST(test_the_next_one_may_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
