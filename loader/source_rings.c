// SPDX-License-Identifier: BSD-2-Clause
#include "source_rings.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What was taken out of a ring and not handed over yet: `used` bytes from `first` on. */
struct ring {
	struct ring_buffer *buffer;
	char *taken;
	size_t first, used, room;
	uint64_t last;	     /* time of the last record taken */
	unsigned int budget; /* records that may be taken */
};

struct hs_rings {
	struct ring *ring;
	int n;
};

static int ring_reserve(struct ring *ring, size_t size)
{
	size_t room = ring->room ?: 1 << 16;
	char *grown;

	while (room < ring->used + size)
		room *= 2;
	if (room == ring->room)
		return 0;
	grown = realloc(ring->taken, room);
	if (!grown)
		return -ENOMEM;
	ring->taken = grown;
	ring->room = room;
	return 0;
}

static int ring_take(void *ctx, void *data, size_t len)
{
	struct ring *ring = ctx;
	const struct hs_hdr *rec = data;

	if (len < sizeof(*rec) || rec->size > len)
		return 0;
	if (ring_reserve(ring, rec->size))
		return -ENOMEM;
	memcpy(ring->taken + ring->used, rec, rec->size);
	/* The next one is aligned. */
	ring->used += (rec->size + 7) & ~7u;
	ring->last = rec->time;
	return --ring->budget ? 0 : -EAGAIN;
}

static const struct hs_hdr *ring_head(const struct ring *ring)
{
	return ring->first < ring->used ? (const void *)(ring->taken + ring->first) : NULL;
}

static int ring_fill(struct ring *ring, unsigned int budget)
{
	int r;

	/* What is still to be handed over is moved when that is the smaller part. */
	if (ring->first >= ring->used - ring->first) {
		ring->used -= ring->first;
		memmove(ring->taken, ring->taken + ring->first, ring->used);
		ring->first = 0;
	}
	ring->budget = budget;
	r = ring_buffer__consume(ring->buffer);
	if (r < 0 && r != -EAGAIN)
		return r;
	return 0;
}

int rings_take(struct hs_rings *rings, unsigned int budget, uint64_t *until)
{
	for (int i = 0; i < rings->n; i++) {
		struct ring *ring = &rings->ring[i];
		int r = ring_fill(ring, budget);

		if (r)
			return r;
		if (!ring->budget && ring->last < *until)
			*until = ring->last;
	}
	return 0;
}

int rings_hand_over(struct hs_rings *rings, uint64_t until, hs_record_fn fn, void *ctx)
{
	struct ring *oldest;

	do {
		oldest = NULL;
		for (int i = 0; i < rings->n; i++) {
			struct ring *ring = &rings->ring[i];

			if (ring_head(ring) && ring_head(ring)->time < until &&
			    (!oldest || ring_head(ring)->time < ring_head(oldest)->time))
				oldest = ring;
		}
		if (oldest) {
			const struct hs_hdr *rec = ring_head(oldest);
			int r;

			oldest->first += (rec->size + 7) & ~7u;
			r = fn(ctx, rec);
			if (r)
				return r;
		}
	} while (oldest);
	return 0;
}

static int ring_new(struct ring *ring, int array, uint32_t cpu, size_t bytes)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "hs_ring", 0, 0, bytes, NULL);
	int r;

	if (fd < 0)
		return fd;
	r = bpf_map_update_elem(array, &cpu, &fd, BPF_ANY);
	if (!r) {
		ring->buffer = ring_buffer__new(fd, ring_take, ring, NULL);
		r = ring->buffer ? 0 : -errno;
	}
	close(fd); /* the mapping and the array hold it */
	return r;
}

int rings_new(struct hs_rings **ret, int fd, size_t bytes)
{
	size_t page = sysconf(_SC_PAGESIZE), share = page;
	int n = libbpf_num_possible_cpus(), r = 0;
	struct hs_rings *rings = calloc(1, sizeof(*rings));

	if (n > HS_MAX_CPUS)
		n = HS_MAX_CPUS;
	if (rings)
		rings->ring = calloc(n, sizeof(*rings->ring));
	if (!rings || !rings->ring) {
		free(rings);
		return -ENOMEM;
	}
	while (share * 2 <= bytes / n)
		share *= 2;
	for (; rings->n < n && !r; rings->n++) {
		r = ring_new(&rings->ring[rings->n], fd, rings->n, share);
	}
	if (r) {
		rings_free(rings);
		return r;
	}
	*ret = rings;
	return 0;
}

void rings_free(struct hs_rings *rings)
{
	if (!rings)
		return;
	for (int i = 0; i < rings->n; i++) {
		ring_buffer__free(rings->ring[i].buffer);
		free(rings->ring[i].taken);
	}
	free(rings->ring);
	free(rings);
}
