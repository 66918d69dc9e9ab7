// SPDX-License-Identifier: BSD-2-Clause
/*
 * What learning adds to a stream, from records made by hand: names of functions and reasons, labels
 * of namespaces, snapshots of sockets and counters. Namespaces are made for it, so root is needed;
 * without it those tests are skipped.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../loader/learn.h"
#include "../../loader/netns_enter.h"
#include "../../loader/netns_scan.h"
#include "../../loader/procnet.h"
#include "../../loader/reason.h"
#include "../../loader/symbols.h"

#define MS 1000000ull

/* ---- symbols ---- */

static struct hs_symbols *symbols_of(const char *text)
{
	struct hs_symbols *s;

	assert_int_equal(symbols_parse(&s, text, strlen(text)), 0);
	return s;
}

static void test_symbols(void **state)
{
	struct hs_symbols *s = symbols_of("ffffffff81000000 T _stext\n"
					  "ffffffff81000000 T _text\n"
					  "ffffffff81000100 T udp_rcv\n"
					  "ffffffff81000180 D some_data\n"
					  "ffffffff81000200 t do_softirq.part.0\n"
					  "ffffffff81000300 W weak_one\n"
					  "ffffffffc0001000 t veth_xmit\t[veth]\n"
					  "ffffffffc0000800 t older\t[other]\n"
					  "garbage\n"
					  "\n"
					  "ffffffffc0002000 t last_line_without_end [m]");

	(void)state;
	assert_false(symbols_hidden(s));
	assert_null(symbols_find(s, 0));
	assert_null(symbols_find(s, 0xffffffff80ffffff));
	assert_string_equal(symbols_find(s, 0xffffffff81000000), "_stext");
	assert_string_equal(symbols_find(s, 0xffffffff810000ff), "_stext");
	assert_string_equal(symbols_find(s, 0xffffffff81000100), "udp_rcv");
	assert_string_equal(symbols_find(s, 0xffffffff810001ff), "udp_rcv");
	assert_string_equal(symbols_find(s, 0xffffffff81000234), "do_softirq.part.0");
	assert_string_equal(symbols_find(s, 0xffffffff81000301), "weak_one");
	assert_string_equal(symbols_find(s, 0xffffffffc0000fff), "older");
	assert_string_equal(symbols_find(s, 0xffffffffc0001000), "veth_xmit");
	assert_string_equal(symbols_find(s, 0xffffffffc0002abc), "last_line_without_end");
	assert_true(symbols_have(s, "udp_rcv"));
	assert_false(symbols_have(s, "udp_rc"));
	assert_false(symbols_have(s, "some_data"));
	/* far behind the last function of a region */
	assert_null(symbols_find(s, 0xffffffff81200000));
	assert_null(symbols_find(s, UINT64_MAX));
	symbols_free(s);
}

static void test_symbols_hidden(void **state)
{
	struct hs_symbols *s = symbols_of("0000000000000000 T _text\n0000000000000000 t udp_rcv\n");

	(void)state;
	assert_true(symbols_hidden(s));
	assert_null(symbols_find(s, 0xffffffff81000100));
	assert_null(symbols_find(s, 0));
	symbols_free(s);
	s = symbols_of("");
	assert_false(symbols_hidden(s));
	assert_null(symbols_find(s, 1));
	symbols_free(s);
	symbols_free(NULL);
}

static void test_symbols_cut_anywhere(void **state)
{
	static const char text[] = "ffffffff81000100 T udp_rcv\nffffffffc0001000 t a\t[b]\n";

	(void)state;
	for (size_t len = 0; len < sizeof(text); len++) {
		struct hs_symbols *s;
		char *copy = malloc(len + 1);

		assert_non_null(copy);
		memcpy(copy, text, len);
		assert_int_equal(symbols_parse(&s, copy, len), 0);
		free(copy);
		symbols_find(s, 0xffffffff81000101);
		symbols_free(s);
	}
}

/* ---- /proc/net ---- */

static const char udp_text[] =
	"   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
	"inode ref pointer drops\n"
	"  123: 0100007F:1F90 00000000:0000 07 00000000:00000000 00:00000000 00000000  1000        0 "
	"4711 2 000000007e636b25 0\n"
	"  124: 0202000A:0035 0102000A:9CB0 01 00000000:00000000 00:00000000 00000000     0        0 "
	"4712 2 000000007e636b25 0\n";
static const char udp6_text[] =
	"  sl  local_address                         remote_address                        st tx_queue\n"
	"   0: 00000000000000000000000001000000:0016 00000000000000000000000000000000:0000 07 "
	"00000000:00000000 00:00000000 00000000     0        0 99 1 0 100 0\n";

static void assert_sa(const struct hs_sa *sa, const char *text, unsigned int port)
{
	char buf[INET6_ADDRSTRLEN];

	assert_non_null(inet_ntop(sa->family, sa->addr, buf, sizeof(buf)));
	assert_string_equal(buf, text);
	assert_int_equal(ntohs(sa->port), port);
}

static void test_procnet_sockets(void **state)
{
	struct hs_rec_sock sock[4];

	(void)state;
	if (htonl(1) == 1)
		skip(); /* the text above is of a little-endian machine */
	assert_int_equal(procnet_parse_udp(udp_text, AF_INET, sock, 4), 2);
	assert_sa(&sock[0].local, "127.0.0.1", 8080);
	assert_sa(&sock[0].remote, "0.0.0.0", 0);
	assert_int_equal(sock[0].state, 7);
	assert_int_equal(sock[0].ino, 4711);
	assert_int_equal(sock[0].protocol, IPPROTO_UDP);
	assert_int_equal(sock[0].sock_type, SOCK_DGRAM);
	assert_int_equal(sock[0].pid, 0);
	assert_sa(&sock[1].local, "10.0.2.2", 53);
	assert_sa(&sock[1].remote, "10.0.2.1", 40112);
	assert_int_equal(sock[1].state, 1);
	assert_int_equal(procnet_parse_udp(udp_text, AF_INET, sock, 1), 1);

	assert_int_equal(procnet_parse_udp(udp6_text, AF_INET6, sock, 4), 1);
	assert_sa(&sock[0].local, "::1", 22);
	assert_sa(&sock[0].remote, "::", 0);
	assert_int_equal(sock[0].ino, 99);
}

static void test_procnet_sockets_cut_anywhere(void **state)
{
	struct hs_rec_sock sock[4];

	(void)state;
	for (size_t len = 0; len < sizeof(udp_text); len++) {
		char *copy = strndup(udp_text, len);

		assert_non_null(copy);
		procnet_parse_udp(copy, AF_INET, sock, 4);
		procnet_parse_udp(copy, AF_INET6, sock, 4);
		free(copy);
	}
	assert_int_equal(procnet_parse_udp("", AF_INET, sock, 4), 0);
	assert_int_equal(procnet_parse_udp("a\nb\n: \n", AF_INET, sock, 4), 0);
}

static void test_procnet_counters(void **state)
{
	static const char snmp[] = "Ip: Forwarding InReceives\n"
				   "Ip: 1 77\n"
				   "Icmp: InMsgs OutRateLimitGlobal OutRateLimitHost OutEchos\n"
				   "Icmp: 1 20 18446744073709551615 4\n"
				   "IcmpMsg: InType3\n"
				   "IcmpMsg: 9\n";
	static const char snmp6[] = "Icmp6OutRateLimitHostX\t1\nIp6InReceives  \t5\n"
				    "Icmp6OutRateLimitHost           \t14\n";

	(void)state;
	assert_int_equal(procnet_parse_snmp(snmp, "Icmp", "OutRateLimitGlobal"), 20);
	assert_true(procnet_parse_snmp(snmp, "Icmp", "OutRateLimitHost") == UINT64_MAX);
	assert_int_equal(procnet_parse_snmp(snmp, "Ip", "InReceives"), 77);
	assert_int_equal(procnet_parse_snmp(snmp, "IcmpMsg", "InType3"), 9);
	assert_int_equal(procnet_parse_snmp(snmp, "Icmp", "OutRateLimit"), 0);
	assert_int_equal(procnet_parse_snmp(snmp, "Icmp", "InReceives"), 0);
	assert_int_equal(procnet_parse_snmp(snmp, "Udp", "InReceives"), 0);
	assert_int_equal(procnet_parse_snmp("", "Ip", "InReceives"), 0);
	assert_int_equal(procnet_parse_snmp("Ip: A B\nIp: 1", "Ip", "B"), 0);
	assert_int_equal(procnet_parse_snmp6(snmp6, "Icmp6OutRateLimitHost"), 14);
	assert_int_equal(procnet_parse_snmp6(snmp6, "Ip6InReceives"), 5);
	assert_int_equal(procnet_parse_snmp6(snmp6, "Ip6OutRequests"), 0);
	assert_int_equal(procnet_parse_snmp6("", "x"), 0);
}

/* ---- labels ---- */

static void test_label_number(void **state)
{
	char label[HS_NETNS_LABEL], base[HS_NETNS_LABEL];

	(void)state;
	netns_label_number(label, "ns_a", 2);
	assert_string_equal(label, "ns_a(2)");
	memset(base, 'x', sizeof(base));
	base[sizeof(base) - 1] = '\0';
	netns_label_number(base, base, 12);
	assert_int_equal(strlen(base), HS_NETNS_LABEL - 1);
	assert_string_equal(base + HS_NETNS_LABEL - 1 - 4, "(12)");
}

/* ---- reasons ---- */

static void test_reason_without_btf(void **state)
{
	char buf[64];

	(void)state;
	reason_name(NULL, 3, buf, sizeof(buf));
	assert_string_equal(buf, "reason 3");
	reason_name(NULL, 0x20003, buf, sizeof(buf));
	assert_string_equal(buf, "reason 131075");
}

static void test_reason_of_this_kernel(void **state)
{
	struct hs_reason_names *names;
	bool no_socket = false;
	char buf[64];

	(void)state;
	if (reason_names_load(&names)) {
		print_message("no enum skb_drop_reason in this kernel's BTF\n");
		skip();
	}
	for (uint32_t i = 0; i < 300; i++) {
		reason_name(names, i, buf, sizeof(buf));
		no_socket |= !strcmp(buf, "NO_SOCKET");
		assert_null(strstr(buf, "SKB_"));
		assert_string_not_equal(buf, "MAX");
	}
	assert_true(no_socket);
	reason_name(names, 12345, buf, sizeof(buf));
	assert_string_equal(buf, "reason 12345");
	reason_names_free(names);
	reason_names_free(NULL);
}

/* ---- the stream ---- */

/* What was emitted, in order. */
struct caught {
	struct hs_learn *learn;
	struct {
		struct hs_hdr hdr;
		uint8_t room[512];
	} rec[512];
	size_t n;
};

static int catch (void *ctx, const struct hs_hdr *rec)
{
	struct caught *c = ctx;

	assert_true(rec->size >= sizeof(*rec) && rec->size <= sizeof(c->rec[0]));
	assert_int_equal(rec->size % 8, 0);
	assert_int_equal(rec->seq, 0);
	assert_int_equal(rec->frames, 0);
	assert_true(c->n < 512);
	memcpy(&c->rec[c->n++], rec, rec->size);
	return 0;
}

static int setup_learn(void **state)
{
	struct caught *c = calloc(1, sizeof(*c));

	*state = c;
	return c ? learn_new(&c->learn) : -1;
}

static int teardown_learn(void **state)
{
	struct caught *c = *state;

	learn_free(c->learn);
	free(c);
	return 0;
}

static void feed(struct caught *c, const void *rec)
{
	c->n = 0;
	assert_int_equal(learn_record(c->learn, rec, catch, c), 0);
}

static const struct hs_rec_text *text_at(const struct caught *c, size_t i)
{
	assert_true(i < c->n);
	assert_true(memchr(((const struct hs_rec_text *)&c->rec[i])->text, '\0', 256) != NULL);
	return (const void *)&c->rec[i];
}

static size_t count(const struct caught *c, uint8_t type)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++)
		n += c->rec[i].hdr.type == type;
	return n;
}

/* Where the running kernel has this function; 0 when it does not say. */
static uint64_t address_of(const char *function)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	char line[512], name[512];
	unsigned long long addr, found = 0;

	while (f && !found && fgets(line, sizeof(line), f))
		if (sscanf(line, "%llx %*c %511s", &addr, name) == 2 && !strcmp(name, function))
			found = addr;
	if (f)
		fclose(f);
	return found;
}

static void test_frames_are_named_once(void **state)
{
	struct caught *c = *state;
	uint64_t sendmsg = address_of("udp_sendmsg"), xmit = address_of("__dev_queue_xmit");
	struct {
		struct hs_rec_stage rec;
		uint64_t frames[4];
	} r = {
		.rec.hdr = { .type = HS_REC_STAGE,
			     .stage = HS_STAGE_DEV_QUEUE,
			     .frames = 4,
			     .size = sizeof(r),
			     .time = 5 * MS },
	};

	if (!sendmsg || !xmit) {
		print_message("/proc/kallsyms does not show addresses here\n");
		skip();
	}
	r.frames[0] = xmit + 5;
	r.frames[1] = sendmsg + 9;
	r.frames[2] = 4096; /* in no function */
	r.frames[3] = xmit + 5;
	feed(c, &r);
	assert_int_equal(c->n, 2);
	assert_int_equal(c->rec[0].hdr.type, HS_REC_SYM);
	assert_true(c->rec[0].hdr.time == 5 * MS);
	assert_true(text_at(c, 0)->key == xmit + 5);
	assert_string_equal(text_at(c, 0)->text, "__dev_queue_xmit");
	assert_string_equal(text_at(c, 1)->text, "udp_sendmsg");
	feed(c, &r);
	assert_int_equal(c->n, 0);
	assert_null(learn_warning(c->learn));

	/* a record that claims more frames than it has room for */
	r.rec.hdr.size = sizeof(r.rec);
	r.rec.hdr.frames = 200;
	feed(c, &r);
	assert_int_equal(c->n, 0);
}

static uint32_t reason_number(const char *wanted)
{
	struct hs_reason_names *names;
	uint32_t found = 0;
	char buf[64];

	if (reason_names_load(&names))
		return 0;
	for (uint32_t i = 0; i < 300 && !found; i++) {
		reason_name(names, i, buf, sizeof(buf));
		if (!strcmp(buf, wanted))
			found = i;
	}
	reason_names_free(names);
	return found;
}

static struct hs_rec_free drop(uint32_t netns, uint32_t reason, uint64_t time)
{
	return (struct hs_rec_free){
		.hdr = { .type = HS_REC_FREE,
			 .stage = HS_STAGE_DROP,
			 .size = sizeof(struct hs_rec_free),
			 .time = time },
		.at.netns = netns,
		.reason = reason,
	};
}

static void test_reasons_are_named_once(void **state)
{
	struct caught *c = *state;
	uint32_t no_socket = reason_number("NO_SOCKET");
	struct hs_rec_free rec = drop(0, no_socket ? no_socket : 3, 7 * MS);

	feed(c, &rec);
	assert_int_equal(c->n, 1);
	assert_int_equal(c->rec[0].hdr.type, HS_REC_REASON);
	assert_true(text_at(c, 0)->key == rec.reason);
	assert_string_equal(text_at(c, 0)->text, no_socket ? "NO_SOCKET" : "reason 3");
	feed(c, &rec);
	assert_int_equal(c->n, 0);
	rec.reason = 54321;
	feed(c, &rec);
	assert_string_equal(text_at(c, 0)->text, "reason 54321");
	/* a consumed packet has none */
	rec.hdr.stage = HS_STAGE_CONSUME;
	rec.reason = 0;
	feed(c, &rec);
	assert_int_equal(c->n, 0);
}

/* ---- namespaces ---- */

/* A process in a network namespace of its own; it ends when the test does. */
struct guest {
	pid_t pid;
	uint32_t inum;
	uint64_t cookie;
	char path[64];
};

static int read_cookie(void *ctx)
{
	return netns_cookie(ctx);
}

/* False without the right to make one. */
static bool guest_start(struct guest *g, const char *comm)
{
	int ready[2];
	char done = 0;
	struct stat st;

	assert_int_equal(pipe(ready), 0);
	g->pid = fork();
	assert_true(g->pid >= 0);
	if (g->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, comm);
		if (unshare(CLONE_NEWNET) || write(ready[1], "x", 1) != 1)
			_exit(1);
		close(ready[1]);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &done, 1) != 1)
		done = 0;
	close(ready[0]);
	if (!done) {
		waitpid(g->pid, NULL, 0);
		print_message("network namespaces cannot be made here (CAP_SYS_ADMIN)\n");
		return false;
	}
	snprintf(g->path, sizeof(g->path), "/proc/%d/ns/net", g->pid);
	assert_int_equal(stat(g->path, &st), 0);
	g->inum = st.st_ino;
	if (netns_run(g->path, g->inum, read_cookie, &g->cookie))
		g->cookie = 0;
	return true;
}

static void guest_end(struct guest *g)
{
	kill(g->pid, SIGKILL);
	waitpid(g->pid, NULL, 0);
}

static struct hs_rec_dev device(uint32_t inum, uint64_t cookie, uint32_t id, uint64_t time)
{
	return (struct hs_rec_dev){
		.hdr = { .type = HS_REC_DEV, .size = sizeof(struct hs_rec_dev), .time = time },
		.cookie = cookie,
		.netns = id,
		.inum = inum,
		.ifindex = 1,
		.name = "lo",
	};
}

static const struct hs_rec_netns *netns_at(const struct caught *c, size_t i)
{
	assert_true(i < c->n);
	assert_int_equal(c->rec[i].hdr.type, HS_REC_NETNS);
	return (const void *)&c->rec[i];
}

static uint32_t my_inum(void)
{
	struct stat st;

	assert_int_equal(stat("/proc/thread-self/ns/net", &st), 0);
	return st.st_ino;
}

static int count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void test_namespace_of_a_process(void **state)
{
	struct caught *c = *state;
	int fds = count_fds();
	struct guest g;
	struct hs_rec_dev rec;
	char label[64];

	if (!guest_start(&g, "hs guest)"))
		skip();
	rec = device(g.inum, g.cookie, (uint32_t)g.cookie, 3 * MS);
	feed(c, &rec);
	assert_int_equal(c->n, 2);
	snprintf(label, sizeof(label), "net:hs guest)[%d]", g.pid);
	assert_string_equal(netns_at(c, 0)->label, label);
	assert_int_equal(netns_at(c, 0)->inum, g.inum);
	assert_int_equal(netns_at(c, 0)->netns, (uint32_t)g.cookie);
	assert_true(c->rec[0].hdr.time == 3 * MS);
	assert_int_equal(c->rec[1].hdr.type, HS_REC_COUNTER);
	/* once */
	feed(c, &rec);
	assert_int_equal(c->n, 0);
	guest_end(&g);
	assert_int_equal(count_fds(), fds);
}

static void test_namespace_that_is_gone(void **state)
{
	struct caught *c = *state;
	struct hs_rec_dev rec = device(1, 77, 77, MS);
	struct guest g;

	feed(c, &rec);
	assert_string_equal(netns_at(c, 0)->label, "net:1");
	/* two that had the same inode, one after the other */
	rec = device(1, 78, 78, MS);
	feed(c, &rec);
	assert_string_equal(netns_at(c, 0)->label, "net:1(2)");

	/* the inode is used again: its cookie is not that of the record */
	if (!guest_start(&g, "hs_guest"))
		skip();
	if (g.cookie) {
		char label[64];

		rec = device(g.inum, g.cookie + 1, (uint32_t)g.cookie + 1, MS);
		feed(c, &rec);
		snprintf(label, sizeof(label), "net:%u", g.inum);
		assert_string_equal(netns_at(c, 0)->label, label);
	}
	guest_end(&g);
}

static void test_namespace_known_by_id_only(void **state)
{
	struct caught *c = *state;
	struct hs_rec_sock sock = {
		.hdr = { .type = HS_REC_SOCK, .size = sizeof(sock), .time = MS }
	};
	struct hs_rec_call call = {
		.hdr = { .type = HS_REC_CALL, .size = sizeof(call), .time = MS }
	};
	struct hs_rec_dev dev;
	struct guest a, b;

	/* id 0 is unknown, and one that nobody has stays unknown */
	feed(c, &sock);
	assert_int_equal(c->n, 0);
	sock.netns = 0xfffffff0;
	feed(c, &sock);
	assert_int_equal(c->n, 0);
	/* until a device brings the inode */
	dev = device(2, 0, 0xfffffff0, MS);
	feed(c, &dev);
	assert_string_equal(netns_at(c, 0)->label, "net:2");

	if (!guest_start(&a, "hs_a"))
		skip();
	if (!guest_start(&b, "hs_b"))
		skip();
	if (a.cookie) {
		sock.netns = (uint32_t)a.cookie;
		feed(c, &sock);
		assert_int_equal(netns_at(c, 0)->inum, a.inum);
		call.netns = (uint32_t)b.cookie;
		feed(c, &call);
		assert_int_equal(netns_at(c, 0)->inum, b.inum);
	}
	guest_end(&a);
	guest_end(&b);
}

static void test_list_and_find(void **state)
{
	struct hs_netns_list all;
	struct hs_netns found = {};
	struct guest g;
	char err[4096], label[96], name[64], command[128];
	bool listed = false;

	(void)state;
	assert_int_equal(netns_list(&all), 0);
	assert_true(all.n >= 1);
	assert_string_equal(all.list[0].label, "host");
	for (size_t i = 0; i < all.n; i++)
		for (size_t j = 0; j < i; j++) {
			assert_string_not_equal(all.list[i].label, all.list[j].label);
			assert_int_not_equal(all.list[i].inum, all.list[j].inum);
		}
	netns_list_free(&all);
	assert_int_equal(netns_find("no_such", &found, err, sizeof(err)), -ENOENT);
	assert_non_null(strstr(err, "'no_such'; there is: host"));
	assert_int_equal(netns_find("no_such", &found, err, 20), -ENOENT);
	assert_int_equal(strlen(err), 19);

	if (!guest_start(&g, "hs_find"))
		skip();
	snprintf(label, sizeof(label), "net:hs_find[%d]", g.pid);
	assert_int_equal(netns_find(label, &found, err, sizeof(err)), 0);
	assert_int_equal(found.inum, g.inum);
	assert_string_equal(found.path, g.path);
	snprintf(label, sizeof(label), "net:%u", g.inum);
	assert_int_equal(netns_find(label, &found, err, sizeof(err)), 0);
	assert_int_equal(found.inum, g.inum);
	/* a process has been renamed since it was printed, but is there */
	snprintf(label, sizeof(label), "net:bash[%d]", g.pid);
	assert_int_equal(netns_find(label, &found, err, sizeof(err)), 0);
	assert_int_equal(found.inum, g.inum);

	/* a name in /run/netns is better than any process */
	snprintf(name, sizeof(name), "hsu_%d", getpid());
	snprintf(command, sizeof(command), "ip netns attach %s %d 2>/dev/null", name, g.pid);
	if (system(command) == 0) {
		assert_int_equal(netns_find(name, &found, err, sizeof(err)), 0);
		assert_int_equal(found.inum, g.inum);
		snprintf(label, sizeof(label), "%s(2)", name);
		assert_int_equal(netns_find(label, &found, err, sizeof(err)), 0);
		assert_int_equal(netns_list(&all), 0);
		for (size_t i = 0; i < all.n; i++)
			listed |= !strcmp(all.list[i].label, name);
		assert_true(listed);
		netns_list_free(&all);
		snprintf(command, sizeof(command), "ip netns del %s", name);
		assert_int_equal(system(command), 0);
	}
	guest_end(&g);
}

static int fail_now(void *ctx)
{
	(void)ctx;
	return -EXDEV;
}

static void test_run_in_namespace(void **state)
{
	uint32_t mine = my_inum();
	struct guest g;
	uint64_t cookie;

	(void)state;
	assert_int_equal(netns_run("/no/such/path", 1, fail_now, NULL), -ENOENT);
	assert_int_equal(netns_run("/proc/self/ns/net", mine + 1, fail_now, NULL), -ESTALE);
	assert_int_equal(netns_run("/proc/self/ns/net", mine, fail_now, NULL), -EXDEV);
	if (!guest_start(&g, "hs_run"))
		skip();
	if (netns_cookie(&cookie) == 0)
		assert_true(cookie != g.cookie);
	assert_int_equal(netns_run(g.path, g.inum, fail_now, NULL), -EXDEV);
	assert_int_equal(my_inum(), mine);
	guest_end(&g);
	assert_int_equal(netns_run(g.path, g.inum, fail_now, NULL), -ENOENT);
}

static int read_procnet(void *ctx)
{
	return procnet_read(ctx);
}

/* A socket outlives the thread that made it and stays in its namespace. */
static int bind_udp(void *ctx)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	int *ret = ctx, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (void *)&a, len) || getsockname(fd, (void *)&a, &len))
		return -errno;
	ret[0] = fd;
	ret[1] = ntohs(a.sin_port);
	return 0;
}

static int listen_tcp6(void *ctx)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(4711) };
	int *ret = ctx;

	*ret = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*ret < 0 || bind(*ret, (void *)&a, sizeof(a)) || listen(*ret, 1))
		return -errno;
	return 0;
}

static void test_listeners(void **state)
{
	struct hs_procnet *p = calloc(1, sizeof(*p));
	struct guest g;
	int fd;

	(void)state;
	assert_non_null(p);
	if (!guest_start(&g, "hs_listen")) {
		free(p);
		skip();
	}
	assert_int_equal(netns_run(g.path, g.inum, listen_tcp6, &fd), 0);
	assert_int_equal(netns_run(g.path, g.inum, read_procnet, p), 0);
	assert_int_equal(p->n, 1);
	assert_sa(&p->sockets[0].local, "::", 4711);
	assert_int_equal(p->sockets[0].protocol, IPPROTO_TCP);
	assert_int_equal(p->sockets[0].state, 10);
	assert_true(p->sockets[0].ino != 0);
	assert_true(p->cookie == g.cookie);
	close(fd);
	guest_end(&g);
	free(p);
}

static size_t bound_to(const struct caught *c, unsigned int port)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++) {
		const struct hs_rec_sock *rec = (const void *)&c->rec[i];

		if (rec->hdr.type == HS_REC_BOUND)
			n += ntohs(rec->local.port) == port && rec->protocol == IPPROTO_UDP;
	}
	return n;
}

static void test_snapshots(void **state)
{
	struct caught *c = *state;
	uint32_t no_socket = reason_number("NO_SOCKET"), id, mine = my_inum();
	struct hs_hdr tick = { .type = HS_REC_TICK, .size = sizeof(tick) };
	struct hs_rec_free rec;
	struct hs_rec_dev dev;
	struct guest g;
	int sock[2];

	if (!no_socket) {
		print_message("no enum skb_drop_reason in this kernel's BTF\n");
		skip();
	}
	if (!guest_start(&g, "hs_snap"))
		skip();
	id = g.cookie ? (uint32_t)g.cookie : 1;
	assert_int_equal(netns_run(g.path, g.inum, bind_udp, sock), 0);

	/* nothing is known of the namespace yet */
	rec = drop(id, no_socket, 10 * MS);
	feed(c, &rec);
	assert_int_equal(count(c, HS_REC_COUNTER), 0);

	dev = device(g.inum, g.cookie, id, 11 * MS);
	feed(c, &dev);
	assert_int_equal(count(c, HS_REC_COUNTER), 1);

	rec = drop(id, no_socket, 12 * MS);
	feed(c, &rec);
	assert_int_equal(c->n, 2);
	assert_int_equal(bound_to(c, sock[1]), 1);
	assert_int_equal(c->rec[1].hdr.type, HS_REC_COUNTER);
	assert_true(c->rec[0].hdr.time == 12 * MS && c->rec[1].hdr.time == 12 * MS);
	assert_int_equal(((const struct hs_rec_sock *)&c->rec[0])->netns, id);
	assert_int_equal(((const struct hs_rec_counter *)&c->rec[1])->netns, id);

	/* another reason asks for nothing */
	rec = drop(id, no_socket + 1, 50 * MS);
	feed(c, &rec);
	assert_int_equal(count(c, HS_REC_COUNTER), 0);

	/* too soon after the last: put off, then caught up on by whatever comes */
	rec = drop(id, no_socket, 60 * MS);
	feed(c, &rec);
	assert_int_equal(c->n, 2);
	rec = drop(id, no_socket, 70 * MS);
	feed(c, &rec);
	assert_int_equal(c->n, 0);
	tick.time = 79 * MS;
	feed(c, &tick);
	assert_int_equal(c->n, 0);
	tick.time = 80 * MS;
	feed(c, &tick);
	assert_int_equal(c->n, 2);
	assert_true(c->rec[1].hdr.time == 80 * MS);
	tick.time = 200 * MS;
	feed(c, &tick);
	assert_int_equal(c->n, 0);

	/* or by the end; a socket that was closed is in it no more */
	rec = drop(id, no_socket, 201 * MS);
	feed(c, &rec);
	assert_int_equal(bound_to(c, sock[1]), 1);
	close(sock[0]);
	rec = drop(id, no_socket, 202 * MS);
	feed(c, &rec);
	assert_int_equal(c->n, 0);
	assert_int_equal(learn_flush(c->learn, catch, c), 0);
	assert_int_equal(c->n, 1);
	assert_true(c->rec[0].hdr.type == HS_REC_COUNTER && c->rec[0].hdr.time == 202 * MS);
	c->n = 0;
	assert_int_equal(learn_flush(c->learn, catch, c), 0);
	assert_int_equal(c->n, 0);

	/* gone with its last process: no snapshot, no error */
	guest_end(&g);
	rec = drop(id, no_socket, 300 * MS);
	feed(c, &rec);
	assert_int_equal(c->n, 0);
	assert_int_equal(my_inum(), mine);
}

static int fail_emit(void *ctx, const struct hs_hdr *rec)
{
	(void)ctx;
	(void)rec;
	return -EPIPE;
}

static void test_emit_can_end_it(void **state)
{
	struct caught *c = *state;
	struct hs_rec_free rec = drop(0, 3, MS);
	struct hs_rec_dev dev = device(1, 5, 5, MS);

	assert_int_equal(learn_record(c->learn, &rec.hdr, fail_emit, NULL), -EPIPE);
	assert_int_equal(learn_record(c->learn, &dev.hdr, fail_emit, NULL), -EPIPE);
}

#define STREAM(test) cmocka_unit_test_setup_teardown(test, setup_learn, teardown_learn)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_symbols),
		cmocka_unit_test(test_symbols_hidden),
		cmocka_unit_test(test_symbols_cut_anywhere),
		cmocka_unit_test(test_procnet_sockets),
		cmocka_unit_test(test_procnet_sockets_cut_anywhere),
		cmocka_unit_test(test_procnet_counters),
		cmocka_unit_test(test_label_number),
		cmocka_unit_test(test_reason_without_btf),
		cmocka_unit_test(test_reason_of_this_kernel),
		STREAM(test_frames_are_named_once),
		STREAM(test_reasons_are_named_once),
		STREAM(test_emit_can_end_it),
		STREAM(test_namespace_of_a_process),
		STREAM(test_namespace_that_is_gone),
		STREAM(test_namespace_known_by_id_only),
		cmocka_unit_test(test_list_and_find),
		cmocka_unit_test(test_run_in_namespace),
		cmocka_unit_test(test_listeners),
		STREAM(test_snapshots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
