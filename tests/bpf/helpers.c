// SPDX-License-Identifier: BSD-2-Clause
/*
 * Runs the inline helpers of bpf/ in the kernel with input of its own (helpers.bpf.c) and looks at the
 * records that come out; prints TAP. As root, in a network namespace that it makes for itself.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../loader/source.h"
#include "../../loader/source_rings.h"
#include "helpers.h"
#include "helpers.skel.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 /* since 5.14 */
#endif

#define CPU		0 /* where all of this runs */
#define KERNEL_ADDRESS	(1ull << 63)
#define WINDOW_BITS	24 /* HS_STACK_WINDOW_BITS, bpf/emit.bpf.h */
#define STACKS_A_WINDOW 3

/* TAP */

static unsigned int tests, failures;

__attribute__((format(printf, 2, 3))) static bool ok(bool passed, const char *fmt, ...)
{
	va_list args;

	printf("%sok %u - ", passed ? "" : "not ", ++tests);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
	failures += !passed;
	return passed;
}

static bool is(const char *what, uint64_t got, uint64_t wanted)
{
	if (ok(got == wanted, "%s", what))
		return true;
	printf("# got %llu (%#llx), wanted %llu (%#llx)\n", (unsigned long long)got,
	       (unsigned long long)got, (unsigned long long)wanted, (unsigned long long)wanted);
	return false;
}

static void skip(const char *what, const char *why)
{
	printf("ok %u - %s # SKIP %s\n", ++tests, what, why);
}

__attribute__((noreturn)) static void bail(const char *what, int error)
{
	ok(false, "%s: %s", what, strerror(error));
	printf("1..%u\n", tests);
	exit(1);
}

/* The programs, and what they write */

static struct helpers_bpf *skel;
static struct hs_rings *rings;
static uint64_t netns_cookie; /* 0: this kernel has none */
static uint32_t netns_inode;

#define MOST_RECORDS 512
static struct {
	struct hs_hdr *list[MOST_RECORDS];
	size_t n;
} got;

static int keep(void *ctx, const struct hs_hdr *rec)
{
	struct hs_hdr *copy = malloc(rec->size);

	(void)ctx;
	if (!copy || got.n == MOST_RECORDS)
		return -ENOMEM;
	memcpy(copy, rec, rec->size);
	got.list[got.n++] = copy;
	return 0;
}

/* Forgets what came before, and takes what has come since. */
static void collect(void)
{
	uint64_t until = UINT64_MAX;
	int r;

	while (got.n)
		free(got.list[--got.n]);
	r = rings_take(rings, MOST_RECORDS, &until);
	if (!r)
		r = rings_hand_over(rings, until, keep, NULL);
	if (r)
		bail("reading the rings", -r);
}

static size_t count_of(uint8_t type)
{
	size_t n = 0;

	for (size_t i = 0; i < got.n; i++)
		n += got.list[i]->type == type;
	return n;
}

/* The first record of that type, which must be there. */
static const void *first(uint8_t type, size_t size)
{
	for (size_t i = 0; i < got.n; i++)
		if (got.list[i]->type == type && got.list[i]->size >= size)
			return got.list[i];
	ok(false, "a record of type %u", type);
	printf("1..%u\n", tests);
	exit(1);
}

/* Runs a program by the system call itself, so that its arguments are known. */
static uint32_t run_counted(const struct bpf_program *prog, uint64_t *args, size_t n,
			    union bpf_attr *attr)
{
	memset(attr, 0, sizeof(*attr));
	attr->test.prog_fd = bpf_program__fd(prog);
	attr->test.ctx_in = n ? (uintptr_t)args : 0;
	attr->test.ctx_size_in = n * sizeof(*args);
	if (syscall(SYS_bpf, BPF_PROG_TEST_RUN, attr, sizeof(*attr)))
		bail(bpf_program__name(prog), errno);
	return attr->test.retval;
}

#define run(prog, ...)                                                                          \
	({                                                                                      \
		uint64_t run_args[] = { __VA_ARGS__ };                                          \
		union bpf_attr run_attr;                                                        \
		run_counted(skel->progs.prog, run_args, sizeof(run_args) / sizeof(run_args[0]), \
			    &run_attr);                                                         \
	})

/* A packet comes into being on device `ifindex`, and the program for `what` sees its end. */
static void run_packet(enum t_what what, const void *bytes, size_t len, uint32_t ifindex)
{
	struct __sk_buff ctx = { .ifindex = ifindex };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = bytes, .data_size_in = len,
		    .ctx_in = ifindex ? &ctx : NULL, .ctx_size_in = ifindex ? sizeof(ctx) : 0,
		    .repeat = 1);
	int r;

	skel->bss->t_what = what;
	skel->bss->t_skb = 0;
	r = bpf_prog_test_run_opts(bpf_program__fd(skel->progs.t_note_packet), &opts);
	if (r)
		bail("a packet cannot be made", -r);
	if (skel->bss->t_skb)
		bail("the packet's end is not seen", ENOENT);
	collect();
}

struct config {
	bool stacks, stacks_of_ends;
	uint32_t stack_limit, snap;
	size_t ring_bytes; /* 0: plenty */
};

static int open_programs(const struct config *config)
{
	struct bpf_program *prog;
	int r;

	skel = helpers_bpf__open();
	bpf_object__for_each_program (prog, skel->obj)
		bpf_program__set_autoload(prog, !strncmp(bpf_program__name(prog), "t_", 2));
	skel->rodata->hs_stacks = config->stacks;
	skel->rodata->hs_stacks_of_ends = config->stacks_of_ends;
	skel->rodata->hs_stack_limit = config->stack_limit;
	skel->rodata->hs_snap = config->snap;
	skel->rodata->hs_call_of_nr[SYS_bpf] = HS_CALL_LISTEN;
	skel->rodata->hs_has_fetch_add = live_fit_atomics(skel->obj);
	r = helpers_bpf__load(skel);
	if (r)
		return r;
	if (!bpf_program__attach(skel->progs.t_packet_dropped) ||
	    !bpf_program__attach(skel->progs.t_packet_consumed))
		bail("attaching to the ends of packets", errno);
	r = rings_new(&rings, bpf_map__fd(skel->maps.rings),
		      config->ring_bytes
			      ?: (size_t)libbpf_num_possible_cpus() * 64 * sysconf(_SC_PAGESIZE));
	if (r)
		bail("making the rings", -r);
	return 0;
}

static void close_programs(void)
{
	rings_free(rings);
	rings = NULL;
	helpers_bpf__destroy(skel);
	skel = NULL;
}

static struct hs_cpu this_cpu(void)
{
	return skel->bss->hs_cpus[CPU];
}

static void set_softirq(uint32_t number)
{
	skel->bss->hs_cpus[CPU].softirq = number;
}

/* Which names have been said: bpf/seen.bpf.h */

static void test_seen(void)
{
	const uint64_t a = KERNEL_ADDRESS | 0x1000, b = KERNEL_ADDRESS | 0x2000;
	unsigned int lost = 0;

	is("a name that was not said is unseen", run(t_unseen, a, 7), 1);
	is("then it is seen", run(t_unseen, a, 7), 0);
	is("the same address, another check: unseen", run(t_unseen, a, 8), 1);
	is("the same check, another address: unseen", run(t_unseen, b, 7), 1);
	is("which takes the first one's place", run(t_unseen, a, 7), 1);
	/* The two ends of veths: neighbours in namespace and index. */
	for (uint64_t i = 0; i < 32; i++)
		run(t_unseen, a + i, (1000 + i / 2) << 32 | (2 + i));
	for (uint64_t i = 0; i < 32; i++)
		lost += run(t_unseen, a + i, (1000 + i / 2) << 32 | (2 + i));
	ok(lost <= 4, "of 32 neighbours at most 4 push each other out (%u do)", lost);
}

/* Numbers, loss and headers of records: bpf/emit.bpf.h */

static void test_numbers(void)
{
	const struct hs_hdr *one, *other;

	collect();
	is("a record has room", run(t_record, 11), 1);
	is("and another one", run(t_record, 12), 1);
	collect();
	is("both arrive", got.n, 2);
	if (got.n != 2)
		return;
	one = got.list[0];
	other = got.list[1];
	is("its type", one->type, HS_REC_SIGNAL);
	is("its stage", one->stage, HS_STAGE_RECEIVE);
	is("its size", one->size, sizeof(struct hs_rec_signal));
	is("its CPU", one->cpu, CPU);
	is("no softirq, no flag", one->flags, 0);
	is("no softirq, no number of one", one->ctx, 0);
	is("no frames", one->frames, 0);
	is("the first number", one->seq, 0);
	is("the second number", other->seq, 1);
	ok(one->time && one->time < other->time, "times rise");
	is("what the program wrote", ((const struct hs_rec_signal *)other)->number, 12);
	is("both are counted as generated", this_cpu().generated, 2);

	set_softirq(5);
	run(t_record, 13);
	set_softirq(0);
	collect();
	one = first(HS_REC_SIGNAL, sizeof(struct hs_rec_signal));
	is("in a softirq: the flag", one->flags, HS_F_SOFTIRQ);
	is("in a softirq: its number", one->ctx, 5);

	run(t_name);
	collect();
	one = first(HS_REC_SIGNAL, sizeof(struct hs_rec_signal));
	is("a name is marked as no event", one->flags, HS_F_LISTED);
	is("and has no number", one->seq, 0);
	is("and is not counted as generated", this_cpu().generated, 3);
}

/* In rings of one page each. */
static void test_loss(void)
{
	const unsigned int tries = 300;
	unsigned int written = 0;
	uint32_t cpu = CPU;
	bool numbered = true;

	for (unsigned int i = 0; i < tries; i++)
		written += run(t_record, i);
	ok(written > 10 && written < tries, "a ring of one page has no room for %u records", tries);
	is("full: all are generated", this_cpu().generated, tries);
	is("full: what has no room is lost", this_cpu().lost, tries - written);
	is("full: a name has no room", run(t_name), 0);
	is("full: which is counted", this_cpu().kinds[HS_LOST_NAME], 1);
	is("full: but not as lost", this_cpu().lost, tries - written);
	collect();
	is("what had room is there", got.n, written);
	for (size_t i = 0; i < got.n; i++)
		numbered &= got.list[i]->seq == i;
	ok(numbered, "numbered without a gap");
	is("read: there is room again", run(t_record, 0), 1);
	collect();
	is("and the gap is as wide as the loss", first(HS_REC_SIGNAL, 0) ? got.list[0]->seq : 0,
	   tries);

	if (bpf_map_delete_elem(bpf_map__fd(skel->maps.rings), &cpu))
		bail("taking a ring away", errno);
	is("a CPU without a ring has no room", run(t_record, 0), 0);
	is("which is a loss", this_cpu().lost, tries - written + 1);
}

/* As many stacks in a window of time as allowed; a drop's always. */
static void test_stacks(const struct config *config)
{
	unsigned int in_window = 0, frees = 0;
	bool as_allowed = true, sized = true, kernel = true;
	uint64_t window = 0;

	collect();
	for (int i = 0; i < 40; i++)
		run(t_stack, i % 8 == 7 ? HS_REC_FREE : HS_REC_STAGE);
	collect();
	is("records with a stack behind", got.n, 40);
	for (size_t i = 0; i < got.n; i++) {
		const struct hs_hdr *rec = got.list[i];
		const uint64_t *frame = (const void *)(rec + 1) + sizeof(struct hs_where);
		bool wanted = !config->stacks_of_ends;

		if (rec->time >> WINDOW_BITS != window)
			in_window = 0;
		window = rec->time >> WINDOW_BITS;
		if (rec->type == HS_REC_FREE) {
			wanted = true;
			frees++;
		} else if (wanted && config->stack_limit) {
			wanted = in_window++ < config->stack_limit;
		}
		as_allowed &= !!rec->frames == wanted;
		sized &= rec->size == sizeof(struct hs_rec_stage) + rec->frames * sizeof(*frame);
		for (int f = 0; f < rec->frames; f++)
			kernel &= frame[f] >= KERNEL_ADDRESS;
	}
	is("drops among them", frees, 5);
	ok(as_allowed, "%s: stacks are taken as allowed",
	   config->stacks_of_ends ? "of ends only"
	   : config->stack_limit  ? "limited"
				  : "unlimited");
	ok(sized, "a record is as long as its stack");
	ok(kernel, "frames are addresses in the kernel");
}

/* Packets: bpf/packet.bpf.h, bpf/payload.bpf.h */

static uint8_t packet[ETH_HLEN + 2048];

/* `l3`: what its network header begins with; bytes up to `len` are counted up. */
static void make_packet(uint16_t proto, const void *l3, size_t l3_len, size_t len)
{
	memset(packet, 0, ETH_HLEN);
	packet[12] = proto >> 8;
	packet[13] = (uint8_t)proto;
	for (size_t i = 0; i < len; i++)
		packet[ETH_HLEN + i] = (uint8_t)i;
	memcpy(packet + ETH_HLEN, l3, l3_len < len ? l3_len : len);
}

static void make_ip4(uint8_t first_byte, uint8_t protocol, size_t len)
{
	uint8_t ip[20] = { first_byte, 0, len >> 8, (uint8_t)len, 0, 1, 0, 0,	64,
			   protocol,   0, 0,	    192,	  0, 2, 1, 192, 0,
			   2,	       2 };

	make_packet(ETH_P_IP, ip, sizeof(ip), len);
}

static void make_ip6(uint8_t next, size_t len)
{
	uint8_t ip[40] = { 0x60, 0, 0, 0, (len - 40) >> 8, (uint8_t)(len - 40), next, 64 };

	ip[8] = ip[24] = 0xfd;
	ip[23] = 1;
	ip[39] = 2;
	make_packet(ETH_P_IPV6, ip, sizeof(ip), len);
}

static void birth_is(const char *what, uint16_t proto, uint32_t len, uint32_t room)
{
	const struct hs_rec_birth *rec;
	char name[128];

	run_packet(T_BIRTH, packet, ETH_HLEN + len, 0);
	rec = first(HS_REC_BIRTH, offsetof(struct hs_rec_birth, data));
	snprintf(name, sizeof(name), "%s: %u bytes of headers have room", what, room);
	if (!is(name, rec->hdr.size, offsetof(struct hs_rec_birth, data) + room))
		return;
	snprintf(name, sizeof(name), "%s: so many are the packet's", what);
	is(name, rec->headers, len < room ? len : room);
	ok(!memcmp(rec->data, packet + ETH_HLEN, rec->headers), "%s: they are copied", what);
	snprintf(name, sizeof(name), "%s: length from the network header on", what);
	is(name, rec->l3, len);
	snprintf(name, sizeof(name), "%s: EtherType", what);
	is(name, rec->proto, proto);
}

static void test_headers(void)
{
	make_ip4(0x45, IPPROTO_UDP, 300);
	birth_is("UDP", ETH_P_IP, 300, HS_HEADERS_SHORT);
	make_ip4(0x45, IPPROTO_TCP, 300);
	birth_is("TCP", ETH_P_IP, 300, HS_HEADERS_SHORT);
	make_ip4(0x46, IPPROTO_UDP, 300);
	birth_is("UDP behind IP options", ETH_P_IP, 300, HS_HEADERS_LONG);
	make_ip4(0x45, IPPROTO_ICMP, 300);
	birth_is("ICMP", ETH_P_IP, 300, HS_HEADERS_LONG);
	make_ip4(0x45, IPPROTO_ICMP, HS_HEADERS_SHORT + 1);
	birth_is("ICMP, just too long", ETH_P_IP, HS_HEADERS_SHORT + 1, HS_HEADERS_LONG);
	make_ip4(0x45, IPPROTO_ICMP, HS_HEADERS_SHORT);
	birth_is("ICMP, just short enough", ETH_P_IP, HS_HEADERS_SHORT, HS_HEADERS_SHORT);
	make_ip4(0x45, IPPROTO_UDP, 28);
	birth_is("empty UDP", ETH_P_IP, 28, HS_HEADERS_SHORT);
	make_ip6(IPPROTO_TCP, 300);
	birth_is("TCP, IPv6", ETH_P_IPV6, 300, HS_HEADERS_SHORT);
	make_ip6(IPPROTO_UDP, 300);
	birth_is("UDP, IPv6", ETH_P_IPV6, 300, HS_HEADERS_SHORT);
	make_ip6(IPPROTO_HOPOPTS, 300);
	birth_is("an extension header", ETH_P_IPV6, 300, HS_HEADERS_LONG);
	make_ip6(IPPROTO_ICMPV6, 300);
	birth_is("ICMPv6", ETH_P_IPV6, 300, HS_HEADERS_LONG);
	make_packet(ETH_P_ARP, "\0\1\10\0\6\4\0\1", 8, 28);
	birth_is("ARP", ETH_P_ARP, 28, HS_HEADERS_SHORT);
}

static uint32_t netns_id(void)
{
	return netns_cookie ? (uint32_t)netns_cookie : netns_inode;
}

static void where_is(const char *what, const struct hs_where *at, uint32_t ifindex)
{
	char name[96];

	ok(at->skb >= KERNEL_ADDRESS, "%s: an address of a packet", what);
	snprintf(name, sizeof(name), "%s: the namespace, by its %s", what,
		 netns_cookie ? "cookie" : "inode");
	is(name, at->netns, netns_id());
	snprintf(name, sizeof(name), "%s: the device", what);
	is(name, at->ifindex, ifindex);
	snprintf(name, sizeof(name), "%s: the process", what);
	is(name, at->pid, (uint32_t)getpid());
	snprintf(name, sizeof(name), "%s: the thread", what);
	is(name, at->tid, (uint32_t)gettid());
}

/* The second veth is made, and seen, by nobody else: what was said of it is known. */
static void test_where(uint32_t veth)
{
	const struct hs_rec_birth *birth;
	const struct hs_rec_stage *stage;
	const struct hs_rec_icmp *icmp;
	const struct hs_rec_sock *sock;
	const struct hs_rec_dev *dev;

	make_ip4(0x45, IPPROTO_UDP, 100);
	run_packet(T_BIRTH, packet, ETH_HLEN + 100, veth);
	is("a device is introduced once", count_of(HS_REC_DEV), 1);
	dev = first(HS_REC_DEV, sizeof(*dev));
	is("introduced: namespace", dev->netns, netns_id());
	is("introduced: its cookie", dev->cookie, netns_cookie);
	is("introduced: its inode", dev->inum, netns_inode);
	is("introduced: number", dev->ifindex, veth);
	is("introduced: MTU", dev->mtu, 1500);
	ok(!strcmp(dev->name, "hs_test_b"), "introduced: name");
	ok(!strcmp(dev->kind, "veth"), "introduced: kind");
	is("before the birth", got.list[got.n - 1]->type, HS_REC_BIRTH);

	birth = first(HS_REC_BIRTH, sizeof(*birth) - HS_HEADERS_LONG);
	where_is("birth", &birth->at, veth);
	is("birth: its stage", birth->hdr.stage, HS_STAGE_DEV_QUEUE);
	is("birth: no device received it", birth->hdr.flags & HS_F_LOCAL, HS_F_LOCAL);
	is("birth: its checksum is complete", birth->hdr.flags & HS_F_PARTIAL, 0);
	is("birth: length with the link's header", birth->len, ETH_HLEN + 100);
	is("birth: the call that it happens in", birth->call, HS_CALL_LISTEN);
	is("birth: no timer", birth->pending, 0);
	ok(birth->head >= KERNEL_ADDRESS, "birth: an address of its memory");
	ok(birth->sk >= KERNEL_ADDRESS, "birth: an address of its socket");
	/* A test run has a socket, with the packet's addresses. */
	sock = first(HS_REC_SOCK, sizeof(*sock));
	is("its socket is introduced: address", sock->sk, birth->sk);
	is("its socket is introduced: family", sock->local.family, AF_INET);
	ok(!memcmp(sock->local.addr, packet + ETH_HLEN + 12, 4) &&
		   !memcmp(sock->remote.addr, packet + ETH_HLEN + 16, 4),
	   "its socket is introduced: addresses");

	run_packet(T_BIRTH, packet, ETH_HLEN + 100, veth);
	is("and not again", count_of(HS_REC_DEV), 0);
	birth = first(HS_REC_BIRTH, sizeof(*birth) - HS_HEADERS_LONG);

	run_packet(T_BIRTH_FROM_DATA, packet, ETH_HLEN + 100, veth);
	birth = first(HS_REC_BIRTH, sizeof(*birth) - HS_HEADERS_LONG);
	is("received: all from the data on", birth->l3, ETH_HLEN + 100);
	ok(!memcmp(birth->data, packet, birth->headers), "received: is copied");

	run_packet(T_STAGE, packet, ETH_HLEN + 100, 0);
	stage = first(HS_REC_STAGE, sizeof(*stage));
	where_is("stage", &stage->at, 1);
	is("stage: which", stage->hdr.stage, HS_STAGE_DEV_XMIT);
	is("stage: size", stage->hdr.size, sizeof(*stage));

	run_packet(T_ICMP, packet, ETH_HLEN + 100, veth);
	icmp = first(HS_REC_ICMP, sizeof(*icmp));
	where_is("ICMP error", &icmp->at, veth);
	is("ICMP error: type", icmp->icmp_type, 3);
	is("ICMP error: code", icmp->icmp_code, 1);

	set_softirq(9);
	run_packet(T_BIRTH, packet, ETH_HLEN + 100, veth);
	set_softirq(0);
	birth = first(HS_REC_BIRTH, sizeof(*birth) - HS_HEADERS_LONG);
	is("in a softirq: the task's call says nothing", birth->call, 0);
	is("in a softirq: its number", birth->hdr.ctx, 9);

	run_packet(T_LEADS_OUTSIDE, packet, ETH_HLEN + 100, 0);
	is("lo leads nowhere", skel->bss->t_result, 0);
	run_packet(T_LEADS_OUTSIDE, packet, ETH_HLEN + 100, veth);
	is("veth leads nowhere", skel->bss->t_result, 0);
}

static void test_payload(const struct config *config)
{
	const struct hs_rec_payload *rec;

	make_ip4(0x45, IPPROTO_UDP, 300);
	run_packet(T_BIRTH, packet, ETH_HLEN + 300, 0);
	rec = first(HS_REC_PAYLOAD, sizeof(*rec));
	is("payload: as many bytes as asked for", rec->len, config->snap);
	is("payload: its record is no longer", rec->hdr.size, sizeof(*rec) + config->snap);
	ok(!memcmp(rec->data, packet + ETH_HLEN, config->snap),
	   "payload: from the network header on");
	is("payload: then the birth", got.list[got.n - 1]->type, HS_REC_BIRTH);
	is("payload: of that packet", rec->skb,
	   ((const struct hs_rec_birth *)got.list[got.n - 1])->at.skb);
	make_ip4(0x45, IPPROTO_UDP, 60);
	run_packet(T_BIRTH, packet, ETH_HLEN + 60, 0);
	rec = first(HS_REC_PAYLOAD, sizeof(*rec));
	is("payload: of a short packet all", rec->len, 60);
	ok(!memcmp(rec->data, packet + ETH_HLEN, 60), "payload: of a short packet: copied");
}

/* Functions: bpf/functions.bpf.h. The cookie is put together as loader/attach.c does. */

static uint64_t cookie(uint16_t fn, uint8_t stage, uint8_t kind, uint8_t flags)
{
	return fn | (uint64_t)stage << 16 | (uint64_t)kind << 28 | (uint64_t)flags << 32;
}

static void test_functions(uint32_t veth)
{
	const struct hs_rec_func *rec;

	collect();
	run(t_entry, cookie(300, HS_STAGE_IP_OUT, HS_FN_CALL, 0));
	collect();
	rec = first(HS_REC_FUNC, sizeof(*rec));
	is("function: its number", rec->fn, 300);
	is("function: its stage", rec->hdr.stage, HS_STAGE_IP_OUT);
	is("function: its kind", rec->kind, HS_FN_CALL);
	is("function: passed", rec->how, HS_FUNC_PASSED);
	is("function: no packet", rec->at.skb, 0);
	is("function: no device", rec->at.ifindex, 0);
	is("function: the process", rec->at.pid, (uint32_t)getpid());
	is("function: the call", rec->call, HS_CALL_LISTEN);
	run(t_entry, cookie(1, HS_STAGE_IP_OUT, HS_FN_AT, HS_FN_RESULT));
	collect();
	rec = first(HS_REC_FUNC, sizeof(*rec));
	is("function: entered, its result follows", rec->how, HS_FUNC_ENTERED);

	run(t_return, cookie(2, HS_STAGE_SKB_ALLOC, HS_FN_NEW, 0), 0);
	run(t_return, cookie(2, HS_STAGE_SKB_ALLOC, HS_FN_NEW, 0), (uint64_t)-ENOBUFS);
	collect();
	is("new: none, or an error, is no packet", got.n, 0);
	run(t_return, cookie(2, HS_STAGE_SKB_ALLOC, HS_FN_NEW, HS_FN_NODEV), KERNEL_ADDRESS);
	collect();
	rec = first(HS_REC_FUNC, sizeof(*rec));
	is("new: the packet", rec->at.skb, KERNEL_ADDRESS);
	is("new: left", rec->how, HS_FUNC_LEFT);
	run(t_return, cookie(3, HS_STAGE_IP_OUT, HS_FN_AT, HS_FN_RESULT), (uint64_t)-EPERM);
	collect();
	rec = first(HS_REC_FUNC, sizeof(*rec));
	is("left: the result", rec->ret, (uint64_t)-EPERM);
	is("left: no packet", rec->at.skb, 0);

	make_ip4(0x45, IPPROTO_UDP, 100);
	skel->bss->t_cookie = cookie(4, HS_STAGE_IP_OUT, HS_FN_AT, 0);
	run_packet(T_FUNCTION, packet, ETH_HLEN + 100, veth);
	rec = first(HS_REC_FUNC, sizeof(*rec));
	where_is("function with a packet", &rec->at, veth);
	skel->bss->t_cookie = cookie(4, HS_STAGE_IP_OUT, HS_FN_AT, HS_FN_NODEV);
	run_packet(T_FUNCTION, packet, ETH_HLEN + 100, veth);
	rec = first(HS_REC_FUNC, sizeof(*rec));
	is("function before there is a device: none is read", rec->at.ifindex, 0);
}

/* What skb->dev holds; which socket was to keep a packet: hs_skb_dev(), hs_note_taker() */

static uint64_t dev_of(uint64_t dev)
{
	run(t_dev_of, dev);
	return skel->bss->t_result;
}

static uint64_t taker_of(uint64_t skb)
{
	run(t_taker_of, skb);
	return skel->bss->t_result;
}

static void test_dev(void)
{
	is("an address is a device", dev_of(KERNEL_ADDRESS), KERNEL_ADDRESS);
	is("no device is none", dev_of(0), 0);
	is("what UDP keeps in its place is none", dev_of(0x0000000100000240), 0);
}

static void test_taker(void)
{
	const uint64_t skb = KERNEL_ADDRESS, other = skb + 256, sk = skb + 4096;
	const uint64_t tells = cookie(5, HS_STAGE_SOCK_BUFFER, HS_FN_AT, HS_FN_SOCK);
	const uint64_t silent = cookie(5, HS_STAGE_UDP_QUEUE, HS_FN_AT, 0);

	run(t_note_taker, tells, skb, sk);
	is("taker: none outside softirqs", taker_of(skb), 0);
	set_softirq(5);
	run(t_note_taker, silent, skb, sk);
	is("taker: none by a function that does not know it", taker_of(skb), 0);
	run(t_note_taker, tells, skb, sk);
	is("taker: none of another packet", taker_of(other), 0);
	is("taker: the socket that was to keep it", taker_of(skb), sk);
	is("taker: told once", taker_of(skb), 0);
	set_softirq(0);
}

/* System calls: bpf/calls.bpf.h, bpf/kernel.bpf.h */

static void test_registers(void)
{
	union bpf_attr attr;
	uint64_t args[1] = { 0 };

	is("the number of the call that is on",
	   run_counted(skel->progs.t_registers, args, 1, &attr), SYS_bpf);
	is("its first argument", skel->bss->t_arguments[0], BPF_PROG_TEST_RUN);
	is("its second argument", skel->bss->t_arguments[1], (uintptr_t)&attr);
	is("its third argument", skel->bss->t_arguments[2], sizeof(attr));
	is("which call that is", run(t_current_call), HS_CALL_LISTEN);
	is("the buffer of read() is as long as its third argument", run(t_asked, HS_CALL_READ),
	   sizeof(attr));
	is("which other calls have not", run(t_asked, HS_CALL_BIND), 0);
	set_softirq(3);
	is("in a softirq there is no call", run(t_current_call), 0);
	set_softirq(0);
	is("receiving: only between its ends", run(t_receiving), 2);
}

static const struct hs_rec_call *call_with(uint64_t call, bool done, uint64_t a0, uint64_t a1,
					   uint64_t a2, uint64_t a3, uint64_t a4)
{
	const struct hs_rec_call *rec;

	run(t_call_args, call, done, a0, a1, a2, a3, a4, 0);
	collect();
	rec = first(HS_REC_CALL, sizeof(*rec));
	return rec;
}

static void test_calls(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(8080) };
	struct iovec iov[9];
	struct msghdr msg = { .msg_name = &in, .msg_namelen = sizeof(in), .msg_iov = iov };
	const struct hs_rec_call *rec;

	for (int i = 0; i < 9; i++)
		iov[i] = (struct iovec){ NULL, 1ul << i };
	rec = call_with(HS_CALL_SOCKET, true, AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_TCP, 0,
			0);
	is("socket(): no descriptor yet", rec->fd, (uint64_t)-1);
	is("socket(): family", rec->family, AF_INET6);
	is("socket(): type without its flags", rec->sock_type, SOCK_STREAM);
	is("socket(): protocol", rec->protocol, IPPROTO_TCP);
	is("leaving a call", rec->hdr.flags, 0);
	rec = call_with(HS_CALL_LISTEN, false, 3, 128, 0, 0, 0);
	is("listen(): descriptor", rec->fd, 3);
	is("listen(): backlog", rec->flags, 128);
	is("entering a call", rec->hdr.flags, HS_F_ENTER);
	is("a call: the thread", rec->tid, (uint32_t)gettid());
	rec = call_with(HS_CALL_SENDTO, true, 3, 0, 77, MSG_DONTWAIT, (uintptr_t)&in);
	is("sendto(): bytes", rec->len, 77);
	is("sendto(): flags", rec->flags, MSG_DONTWAIT);
	is("sendto(): port of the address", rec->name.port, htons(8080));
	rec = call_with(HS_CALL_RECVFROM, false, 3, 0, 77, MSG_PEEK, (uintptr_t)&in);
	is("recvfrom(): bytes asked for", rec->len, 77);
	is("recvfrom(): its address is not there at entry", rec->name.family, 0);
	rec = call_with(HS_CALL_RECVFROM, true, 3, 0, 77, MSG_PEEK, (uintptr_t)&in);
	is("recvfrom(): but when it returns", rec->name.family, AF_INET);
	rec = call_with(HS_CALL_WRITE, true, 3, 0, 99, 0, 0);
	is("write(): bytes", rec->len, 99);
	rec = call_with(HS_CALL_WRITEV, true, 3, (uintptr_t)iov, 3, 0, 0);
	is("writev(): bytes of all parts", rec->len, 1 + 2 + 4);
	rec = call_with(HS_CALL_WRITEV, true, 3, (uintptr_t)iov, 9, 0, 0);
	is("writev(): of the first eight", rec->len, 255);
	msg.msg_iovlen = 2;
	rec = call_with(HS_CALL_SENDMSG, true, 3, (uintptr_t)&msg, MSG_NOSIGNAL, 0, 0);
	is("sendmsg(): bytes", rec->len, 3);
	is("sendmsg(): flags", rec->flags, MSG_NOSIGNAL);
	is("sendmsg(): address", rec->name.port, htons(8080));
	rec = call_with(HS_CALL_SENDMMSG, true, 3, (uintptr_t)&msg, 1, MSG_DONTWAIT, 0);
	is("sendmmsg(): flags come one later", rec->flags, MSG_DONTWAIT);
	rec = call_with(HS_CALL_RECVMSG, false, 3, (uintptr_t)&msg, MSG_PEEK, 0, 0);
	is("recvmsg(): no address at entry", rec->name.family, 0);
	rec = call_with(HS_CALL_RECVMSG, true, 3, 8, MSG_PEEK, 0, 0);
	is("recvmsg(): a bad pointer is no length", rec->len, 0);
	rec = call_with(HS_CALL_SHUTDOWN, true, 3, SHUT_WR, 0, 0, 0);
	is("shutdown(): how", rec->flags, SHUT_WR);
}

/* Addresses that a program gives: up to 28 bytes, as far as they can be read. */
static void test_addresses(void)
{
	size_t page = sysconf(_SC_PAGESIZE);
	char *pages =
		mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(53) };
	struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "x" };
	struct sockaddr_in *in;
	const struct hs_rec_call *rec;
	uint8_t none[16] = { 0 };

	if (pages == MAP_FAILED || mprotect(pages + page, page, PROT_NONE))
		bail("pages", errno);
	in = (void *)(pages + page - sizeof(*in));
	in->sin_family = AF_INET;
	in->sin_port = htons(80);
	in->sin_addr.s_addr = htonl(0xc0000207);
	memset(&in6.sin6_addr, 0xab, 16);
	rec = call_with(HS_CALL_CONNECT, true, 3, (uintptr_t)in, 0, 0, 0);
	is("an IPv4 address where memory ends: family", rec->name.family, AF_INET);
	is("an IPv4 address where memory ends: port", rec->name.port, htons(80));
	ok(!memcmp(rec->name.addr, &in->sin_addr, 4) && !memcmp(rec->name.addr + 4, none, 12),
	   "an IPv4 address where memory ends: address");
	rec = call_with(HS_CALL_CONNECT, true, 3, (uintptr_t)&in6, 0, 0, 0);
	is("an IPv6 address: family", rec->name.family, AF_INET6);
	is("an IPv6 address: port", rec->name.port, htons(53));
	ok(!memcmp(rec->name.addr, &in6.sin6_addr, 16), "an IPv6 address: address");
	rec = call_with(HS_CALL_CONNECT, true, 3, (uintptr_t)&un, 0, 0, 0);
	is("an address of another family is none", rec->name.family, 0);
	rec = call_with(HS_CALL_CONNECT, true, 3, 0, 0, 0, 0);
	is("no address is none", rec->name.family, 0);
	rec = call_with(HS_CALL_CONNECT, true, 3, (uintptr_t)(pages + page), 0, 0, 0);
	is("one that cannot be read is none", rec->name.family, 0);
	munmap(pages, 2 * page);
}

static int bound_socket(int type, struct sockaddr_in *name)
{
	socklen_t len = sizeof(*name);
	int fd = socket(AF_INET, type, 0);

	*name = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	if (fd < 0 || bind(fd, (void *)name, len) || getsockname(fd, (void *)name, &len))
		bail("a socket", errno);
	return fd;
}

static void test_sockets(void)
{
	struct sockaddr_in name, udp_name;
	int tcp = bound_socket(SOCK_STREAM, &name), udp = bound_socket(SOCK_DGRAM, &udp_name);
	int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC), pair[2], dup;
	const struct hs_rec_sock *sock;
	const struct hs_rec_call *call;
	const struct hs_rec_tcp *rec;
	struct stat st;

	if (file < 0 || listen(tcp, 17) || fstat(tcp, &st) || pipe(pair))
		bail("files", errno);
	collect();
	is("no socket: a file", run(t_socket, file), 0);
	is("no socket: a pipe", run(t_socket, pair[0]), 0);
	is("no socket: -1", run(t_socket, (uint64_t)-1), 0);
	is("no socket: a descriptor out of the table", run(t_socket, 1 << 30), 0);
	is("no socket: one that is not open", run(t_socket, pair[1] + 20), 0);
	is("a socket", run(t_socket, tcp), 1);
	collect();
	sock = first(HS_REC_SOCK, sizeof(*sock));
	is("socket: family", sock->family, AF_INET);
	is("socket: type", sock->sock_type, SOCK_STREAM);
	is("socket: protocol", sock->protocol, IPPROTO_TCP);
	is("socket: inode", sock->ino, st.st_ino);
	is("socket: namespace", sock->netns, netns_id());
	is("socket: port", sock->local.port, name.sin_port);
	ok(!memcmp(sock->local.addr, &name.sin_addr, 4), "socket: address");
	is("socket: no peer", sock->remote.port, 0);
	rec = first(HS_REC_TCP, sizeof(*rec));
	is("TCP: the same socket", rec->sk, sock->sk);
	is("TCP: listens", rec->after, 10);
	is("TCP: how many may wait", rec->backlog_max, 17);
	is("TCP: none waits", rec->backlog, 0);
	is("TCP: port", rec->local.port, name.sin_port);
	ok(rec->rcvbuf > 0 && rec->sndbuf > 0, "TCP: buffers");
	run(t_socket, udp);
	collect();
	is("of UDP there is no such record", count_of(HS_REC_TCP), 0);
	sock = first(HS_REC_SOCK, sizeof(*sock));
	is("UDP: port", sock->local.port, udp_name.sin_port);
	is("UDP: protocol", sock->protocol, IPPROTO_UDP);

	/* The call that runs the program has BPF_PROG_TEST_RUN for a descriptor. */
	dup = dup2(udp, BPF_PROG_TEST_RUN);
	if (dup < 0)
		bail("dup2", errno);
	is("a whole call", run(t_whole_call, 0), 1);
	collect();
	call = first(HS_REC_CALL, sizeof(*call));
	is("a whole call: descriptor", call->fd, BPF_PROG_TEST_RUN);
	is("a whole call: socket", call->sk, sock->sk);
	is("a whole call: its type", call->sock_type, SOCK_DGRAM);
	is("a whole call: its namespace", call->netns, netns_id());
	is("a whole call: its port", call->local.port, udp_name.sin_port);
	ok(call->entered <= call->hdr.time && call->entered,
	   "a whole call: entered before it is left");
	close(dup);
	dup2(file, BPF_PROG_TEST_RUN);
	is("a call on a file is not of interest", run(t_whole_call, 0), 0);
	close(BPF_PROG_TEST_RUN);
	is("nor one on nothing", run(t_whole_call, 0), 0);
	close(pair[0]);
	close(pair[1]);
	close(file);
	close(udp);
	close(tcp);
}

static void test_tasks(void)
{
	const struct hs_rec_task *rec;
	uint32_t pid = getpid();
	uint8_t one = 1;

	if (bpf_map_delete_elem(bpf_map__fd(skel->maps.followed), &pid) && errno != ENOENT)
		bail("followed", errno);
	collect();
	is("a process that nobody follows", run(t_see_current), 0);
	collect();
	if (count_of(HS_REC_TASK)) {
		rec = first(HS_REC_TASK, sizeof(*rec));
		is("is introduced as such", rec->followed, 0);
	} else {
		skip("is introduced as such", "it had been introduced before");
	}
	run(t_see_current);
	collect();
	is("and once", count_of(HS_REC_TASK), 0);
	if (bpf_map_update_elem(bpf_map__fd(skel->maps.followed), &pid, &one, BPF_ANY))
		bail("followed", errno);
	is("a process that is followed", run(t_see_current), 1);
}

/* A pair of veths: the numbers of the second one. */
static uint32_t make_devices(void)
{
	uint32_t veth;

	if (unshare(CLONE_NEWNET))
		bail("a network namespace", errno);
	if (system("ip link set lo up && ip link add hs_test_a type veth peer name hs_test_b"))
		bail("a veth", EINVAL);
	veth = if_nametoindex("hs_test_b");
	if (!veth)
		bail("a veth", errno);
	return veth;
}

static void learn_netns(void)
{
	socklen_t len = sizeof(netns_cookie);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct stat st;

	if (fd < 0 || stat("/proc/self/ns/net", &st))
		bail("the network namespace", errno);
	netns_inode = st.st_ino;
	if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &netns_cookie, &len))
		netns_cookie = 0;
	close(fd);
}

int main(void)
{
	static const struct config plain = { 0 };
	static const struct config small = { .ring_bytes = 1 };
	static const struct config stacks[] = {
		{ .stacks = true },
		{ .stacks = true, .stack_limit = STACKS_A_WINDOW },
		{ .stacks = true, .stacks_of_ends = true },
	};
	static const struct config snap = { .snap = 100 };
	uint32_t veth;
	cpu_set_t set;

	setvbuf(stdout, NULL, _IOLBF, 0);
	CPU_ZERO(&set);
	CPU_SET(CPU, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		bail("staying on one CPU", errno);
	veth = make_devices();
	learn_netns();

	if (open_programs(&plain))
		bail("loading the programs", errno);
	test_numbers();
	test_seen();
	test_tasks();
	test_where(veth);
	test_headers();
	test_functions(veth);
	test_dev();
	test_taker();
	test_registers();
	test_calls();
	test_addresses();
	test_sockets();
	close_programs();

	if (open_programs(&small))
		bail("loading the programs", errno);
	test_loss();
	close_programs();

	for (size_t i = 0; i < sizeof(stacks) / sizeof(stacks[0]); i++) {
		if (open_programs(&stacks[i]))
			bail("loading the programs", errno);
		test_stacks(&stacks[i]);
		close_programs();
	}

	libbpf_set_print(NULL);
	if (!open_programs(&snap)) {
		test_payload(&snap);
	} else {
		skip("payload", "this kernel gives tracepoints no bytes of packets (since 6.12)");
		helpers_bpf__destroy(skel);
	}
	printf("1..%u\n", tests);
	return failures > 0;
}
