// SPDX-License-Identifier: BSD-2-Clause
/*
 * A recording is a file of unknown origin: damaged in thousands of ways it must do no harm. What
 * "harm" is a sanitizer sees (make SAN=1). The same damage every time, for a few seconds;
 * FUZZ_ONLY=N does number N alone, FUZZ_COUNT=N changes how many, to look longer or closer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "../fuzz/stream_target.h"
#include "helper_story.h"

#define COUNT	   4000
#define SECONDS	   5 /* no more than that, unless FUZZ_COUNT says so */
#define MAX_SIZE   (1 << 17)
#define MAX_CHANGE 8

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
		default:
			damage_field(d);
		}
	}
}

static struct stream *seeds[4];

static void fuzz_one(uint8_t *room, uint32_t number)
{
	struct damage d = { .random = number + 1ull, .data = room + 2 };
	const struct stream *seed;
	uint8_t *exact;

	d.random *= 0x9e3779b97f4a7c15ull;
	seed = seeds[damage_random(&d, 4)];
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
	if (only)
		fuzz_one(room, strtoul(only, NULL, 10));
	while (!only && i < n && (count || seconds() < end)) {
		if (count)
			fprintf(stderr, "\r%u", i);
		fuzz_one(room, i++);
	}
	if (!only)
		print_message("%u recordings\n", i);
	for (int j = 0; j < 4; j++)
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
