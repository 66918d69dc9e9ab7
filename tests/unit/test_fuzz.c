// SPDX-License-Identifier: BSD-2-Clause
/*
 * A recording is a file of unknown origin: damaged in thousands of ways it must do no harm. What
 * "harm" is a sanitizer sees (make SAN=1). The same damage every time, for a few seconds;
 * FUZZ_ONLY=N does number N alone, FUZZ_COUNT=N changes how many, to look longer or closer.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "../fuzz/stream_target.h"
#include "helper_conn.h"
#include "helper_story.h"

#define COUNT	   4000
#define SECONDS	   5 /* no more than that, unless FUZZ_COUNT says so */
#define MAX_SIZE   (1 << 17)
#define MAX_CHANGE 8
#define SEEDS	   7

struct damage {
	uint64_t random;
	uint8_t *data; /* the stream, at two bytes from the start of room for MAX_SIZE */
	size_t len;
};

/* xorshift64* */
static uint32_t damage_random(struct damage *d, uint32_t below)
{
	d->random ^= d->random >> 12;
	d->random ^= d->random << 25;
	d->random ^= d->random >> 27;
	return (d->random * 0x2545f4914f6cdd1dull >> 32) % below;
}

static uint16_t damage_size_at(const struct damage *d, size_t at)
{
	struct hs_hdr hdr;

	memcpy(&hdr, d->data + at, sizeof(hdr));
	return hdr.size;
}

/* Where a record begins that was chosen at random; sizes may have been damaged before. */
static size_t damage_record(struct damage *d)
{
	size_t begin[4096], n = 0, at = 0;

	while (n < 4096 && at + sizeof(struct hs_hdr) <= d->len) {
		uint16_t size = damage_size_at(d, at);

		begin[n++] = at;
		if (size < sizeof(struct hs_hdr) || at + size > d->len)
			break;
		at += size;
	}
	return n ? begin[damage_random(d, n)] : 0;
}

/* Numbers that are limits of something. */
static uint64_t damage_number(struct damage *d)
{
	static const uint64_t numbers[] = { 0,
					    1,
					    2,
					    7,
					    8,
					    24,
					    40,
					    41,
					    127,
					    128,
					    255,
					    511,
					    512,
					    4096,
					    0x7fff,
					    0xffff,
					    0x10000,
					    0x7fffffff,
					    0x80000000,
					    0xffffffff,
					    0xa000,
					    0xc000,
					    0x5000,
					    100 * STREAM_S,
					    105 * STREAM_S,
					    UINT64_MAX >> 1,
					    UINT64_MAX };

	return numbers[damage_random(d, sizeof(numbers) / sizeof(numbers[0]))];
}

/* A field of a record. Its size stays as it is most times, else all that follows is lost. */
static void damage_field(struct damage *d)
{
	size_t at = damage_record(d), size, width = 1u << damage_random(d, 4), field;
	uint64_t number = damage_number(d);

	if (at + sizeof(struct hs_hdr) > d->len)
		return;
	size = damage_size_at(d, at);
	if (size < 8 || at + size > d->len)
		return;
	field = at + damage_random(d, size / width) * width;
	if (field / 2 * 2 == at + 4 && damage_random(d, 8))
		return;
	memcpy(d->data + field, &number, width);
}

/*
 * What one record says, another of its type says too: sequence numbers, addresses and states that are
 * possible, of another moment, socket or connection.
 */
static void damage_likeness(struct damage *d)
{
	size_t from = damage_record(d), to = damage_record(d), width = 1u << damage_random(d, 4),
	       field;
	uint16_t size;

	if (from + sizeof(struct hs_hdr) > d->len || to + sizeof(struct hs_hdr) > d->len ||
	    d->data[from] != d->data[to])
		return;
	size = damage_size_at(d, from);
	if (size < sizeof(struct hs_hdr) || size != damage_size_at(d, to) || from + size > d->len ||
	    to + size > d->len)
		return;
	field = damage_random(d, size / width) * width;
	memcpy(d->data + to + field, d->data + from + field, width);
}

static void damage_bit(struct damage *d)
{
	d->data[damage_random(d, d->len)] ^= 1 << damage_random(d, 8);
}

/* A record is lost, or comes twice, or elsewhere. */
static void damage_order(struct damage *d)
{
	size_t from = damage_record(d), to = damage_record(d), size;
	uint8_t copy[UINT16_MAX];
	int what = damage_random(d, 3);

	if (from + sizeof(struct hs_hdr) > d->len)
		return;
	size = damage_size_at(d, from);
	if (from + size > d->len || d->len + size > MAX_SIZE)
		return;
	memcpy(copy, d->data + from, size);
	if (what != 0) {
		memmove(d->data + to + size, d->data + to, d->len - to);
		memcpy(d->data + to, copy, size);
		d->len += size;
		from += to <= from ? size : 0;
	}
	if (what != 1) {
		memmove(d->data + from, d->data + from + size, d->len - from - size);
		d->len -= size;
	}
}

static void damage(struct damage *d)
{
	int changes = 1 + damage_random(d, MAX_CHANGE);

	while (changes-- && d->len > sizeof(struct hs_hdr)) {
		switch (damage_random(d, 16)) {
		case 0:
			d->len -= damage_random(d, d->len / 8);
			break;
		case 1:
		case 2:
			damage_bit(d);
			break;
		case 3:
		case 4:
		case 5:
		case 6:
			damage_order(d);
			break;
		case 7:
		case 8:
		case 9:
			damage_likeness(d);
			break;
		default:
			damage_field(d);
		}
	}
}

/* ---- what is damaged ---- */

/* Sent, lost, sent again, taken; the window closes and opens; cut by the device. */
static void story_bytes(struct conn *c)
{
	struct stream *s = c->s;
	struct conn_segment seg = conn_write(c, CLIENT, 100), probe;
	struct wire part = wire_segment(c->end[CLIENT].at, c->end[SERVER].at, CONN_ACK, 40, seg.seq,
					seg.ack, 64);

	conn_write(c, SERVER, 7);
	conn_read(c, SERVER, 60);
	stream_softirq(s, 0);
	seg = conn_send_again(c, &seg);
	conn_arrive(c, &seg);
	stream_drop(s, seg.skb, "TCP_OLD_DATA", "tcp_data_queue");
	stream_cut(s, 0xe000, CONN_NS_CLIENT, CONN_VETH_C, &part, c->end[CLIENT].sk);
	stream_tcp(s, HS_TCP_RETRANSMITTED, c->end[CLIENT].sk, 0);
	c->end[SERVER].window = 0;
	seg = conn_send(c, SERVER, CONN_ACK, 0);
	conn_arrive(c, &seg);
	conn_take(c, &seg);
	stream_softirq(s, 0);
	conn_tcp(c, CLIENT)->snd_nxt--;
	probe = conn_send(c, CLIENT, CONN_ACK, 0);
	conn_tcp(c, CLIENT)->snd_nxt++;
	conn_arrive(c, &probe);
	stream_back(s);
	conn_read(c, SERVER, 40);
}

/* Reset while it sends, and told so. */
static void story_reset(struct conn *c)
{
	struct stream *s = c->s;
	struct conn_segment rst;

	conn_open(c);
	conn_accept(c);
	conn_deliver(c, CLIENT, CONN_PSH | CONN_ACK, 5);
	conn_enter(c, SERVER, HS_CALL_CLOSE, 0);
	conn_state(c, SERVER, HS_TCP_ESTABLISHED, HS_TCP_CLOSE);
	rst = conn_send(c, SERVER, CONN_RST | CONN_ACK, 0);
	conn_arrive(c, &rst);
	stream_tcp(s, HS_TCP_RESET_RECEIVED, c->end[CLIENT].sk, 0);
	conn_state(c, CLIENT, HS_TCP_ESTABLISHED, HS_TCP_CLOSE);
	stream_error(s, c->end[CLIENT].sk, ECONNRESET);
	stream_back(s);
	stream_tcp_reset(s, c->end[SERVER].sk, 0, "TCP_ABORT_ON_CLOSE");
	conn_leave(c, 0);
	conn_enter(c, CLIENT, HS_CALL_SENDTO, 5);
	stream_signal(s, CONN_PID_CLIENT, SIGPIPE, false);
	stream_send_failed(s, c->end[CLIENT].sk, -ECONNRESET);
	conn_leave(c, -ECONNRESET);
}

/* A full queue, and nobody there. */
static void story_refused(struct conn *c)
{
	struct stream *s = c->s;
	struct conn_segment seg;

	stream_tcp_of(s, CONN_LISTENER)->backlog = 2;
	stream_tcp(s, HS_TCP_SNAPSHOT, CONN_LISTENER, 0);
	seg = conn_syn(c);
	conn_arrive(c, &seg);
	stream_consume(s, seg.skb, "tcp_rcv_state_process");
	stream_softirq(s, 0);
	seg = conn_send_again(c, &seg);
	conn_arrive(c, &seg);
	stream_tcp_reset(s, 0, seg.skb, "NO_SOCKET");
	seg = conn_send(c, SERVER, CONN_RST | CONN_ACK, 0);
	conn_arrive_here(c, &seg);
	stream_drop(s, seg.skb, "NO_SOCKET", "tcp_v4_rcv");
	stream_back(s);
	conn_leave(c, -ECONNREFUSED);
}

static struct stream *story_tcp(struct stream *s)
{
	struct conn c;

	conn_init(&c, s, 0);
	conn_listen(&c, 1);
	conn_open(&c);
	conn_accept(&c);
	story_bytes(&c);
	stream_tick(s, 150 * STREAM_MS);
	conn_init(&c, s, 1);
	story_reset(&c);
	conn_init(&c, s, 2);
	conn_whole(&c);
	stream_mini(s, c.end[CLIENT].sk, HS_TCP_TIME_WAIT);
	conn_init(&c, s, 3);
	story_refused(&c);
	stream_lose(s, 2);
	conn_init(&c, s, 2); /* the same endpoints again */
	conn_set_isn(&c, 500000, 700000);
	conn_whole(&c);
	stream_tick(s, 3 * STREAM_S);
	stream_end(s);
	return s;
}

static struct stream *seeds[SEEDS];

static void fuzz_one(uint8_t *room, uint32_t number)
{
	struct damage d = { .random = number + 1ull, .data = room + 2 };
	const struct stream *seed;
	uint8_t *exact;

	d.random *= 0x9e3779b97f4a7c15ull;
	seed = seeds[damage_random(&d, SEEDS)];
	d.len = seed->len;
	memcpy(d.data, seed->bytes, d.len);
	damage(&d);
	room[0] = damage_random(&d, 256);
	room[1] = damage_random(&d, 256);
	/* in memory of exactly its size */
	exact = malloc(d.len + 2);
	assert_non_null(exact);
	memcpy(exact, room, d.len + 2);
	stream_target(exact, d.len + 2);
	free(exact);
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void test_damaged_recordings(void **state)
{
	const char *only = getenv("FUZZ_ONLY"), *count = getenv("FUZZ_COUNT");
	uint32_t n = count ? strtoul(count, NULL, 10) : COUNT, i = 0;
	uint8_t *room = malloc(MAX_SIZE + 2);
	double end = seconds() + SECONDS;

	(void)state;
	assert_non_null(room);
	seeds[0] = stream_new(NULL);
	seeds[1] = stream_new("all", "followed", NULL);
	seeds[2] = stream_new("netns", "ns_b", "filter", "udp or icmp or icmp6", NULL);
	seeds[3] =
		stream_new("dev", "veth_b", "without", "10.0.1.2", "5000", "10.0.1.1", "80", NULL);
	for (int j = 0; j < 4; j++)
		story_tell(seeds[j]);
	seeds[4] = story_tcp(conn_lab(NULL));
	seeds[5] = story_tcp(conn_lab("all", "followed", NULL));
	seeds[6] = story_tcp(conn_lab("filter", "tcp[13] & 8 != 0", NULL));
	if (only)
		fuzz_one(room, strtoul(only, NULL, 10));
	while (!only && i < n && (count || seconds() < end)) {
		if (count)
			fprintf(stderr, "\r%u", i);
		fuzz_one(room, i++);
	}
	if (!only)
		print_message("%u recordings\n", i);
	for (int j = 0; j < SEEDS; j++)
		stream_free(seeds[j]);
	free(room);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_damaged_recordings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
