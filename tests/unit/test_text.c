// SPDX-License-Identifier: BSD-2-Clause
/* Columns, wrapping, cleaning, and the words for values. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "../../loader/text.h"

static const struct text_style normal = { .width = 80 };
static const struct text_style ascii = { .width = 80, .ascii = true };
static const struct text_style plain = { .width = 80, .plain = true };
static const struct text_style narrow = { .width = 20 };
static const struct text_style colored = { .width = 20, .color = true };

/* What a text will look like once written; frees the text. */
static const char *written(struct text *t)
{
	static char *last;
	size_t size;
	FILE *out;

	free(last);
	out = open_memstream(&last, &size);
	assert_non_null(out);
	text_write(t, out);
	assert_int_equal(fclose(out), 0);
	text_free(t);
	return last;
}

static const char *added(const struct text_style *style, const char *s)
{
	struct text t;

	text_init(&t, style);
	text_add(&t, s);
	assert_int_equal(t.column, text_width(t.data ? t.data : ""));
	return written(&t);
}

static void test_next(void **state)
{
	const char *s = "a\xc3\xa9\xe2\x86\x92\xf0\x9f\x90\xb0";

	(void)state;
	assert_int_equal(text_next(&s), 'a');
	assert_int_equal(text_next(&s), 0xe9);
	assert_int_equal(text_next(&s), 0x2192);
	assert_int_equal(text_next(&s), 0x1f430);
	assert_int_equal(text_next(&s), 0);
	assert_int_equal(text_next(&s), 0);
}

/* RFC 3629 section 3: overlong forms, surrogates, cut sequences, numbers that are too large. */
static void test_next_bad(void **state)
{
	static const char *const bad[] = {
		"\x80",		"\xff",		"\xc0\x80",	    "\xc1\xbf",
		"\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
		"\xe2\x86",	"\xc3",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *s = bad[i];

		while (*s)
			assert_int_equal(text_next(&s), TEXT_BAD);
		assert_ptr_equal(s, bad[i] + strlen(bad[i]));
	}
}

static void test_width(void **state)
{
	(void)state;
	assert_int_equal(text_width(""), 0);
	assert_int_equal(text_width("abc"), 3);
	assert_int_equal(text_width("µs →"), 4);
	assert_int_equal(text_width("e\xcc\x81"), 1);
	assert_int_equal(text_width("日本"), 4);
	assert_int_equal(text_width("\xff"), 1);
}

static void test_add_cleans(void **state)
{
	(void)state;
	assert_string_equal(added(&normal, "a\033[31mb\n\xff\x7f"), "a?[31mb???");
	assert_string_equal(added(&normal, "a\u202eb\xc2\x85"), "a?b?");
	assert_string_equal(added(&normal, "a" TEXT_GLUE "b"), "a b");
	assert_string_equal(added(&ascii, "1 µs → 2 ✓ ✗ … é"), "1 us -> 2 ok x ... ?");
	assert_string_equal(added(&ascii, "═⇒└▶◀·"), "==>`-><-.");
	assert_string_equal(added(&plain, "a → b"), "a to b");
}

static const char *flowed(const struct text_style *style, const char *s, const char *prefix,
			  int indent)
{
	struct text from, to;

	text_init(&from, style);
	text_init(&to, style);
	text_add(&from, s);
	text_flow(&to, &from, prefix, indent);
	text_free(&from);
	return written(&to);
}

static void test_flow(void **state)
{
	(void)state;
	assert_string_equal(flowed(&narrow, "one two", NULL, 2), "one two");
	assert_string_equal(flowed(&narrow, "one  two", NULL, 2), "one  two");
	assert_string_equal(flowed(&narrow, "12345678901234567890 b", NULL, 2),
			    "12345678901234567890\n  b");
	assert_string_equal(flowed(&narrow, "one two three four five", NULL, 2),
			    "one two three four\n  five");
	assert_string_equal(flowed(&narrow, "one two three four five", "#2 ", 6),
			    "one two three four\n#2    five");
	/* glue holds, as long as it can */
	assert_string_equal(
		flowed(&narrow, "one two three" TEXT_GLUE "four" TEXT_GLUE "five", NULL, 2),
		"one two\n  three four five");
	assert_string_equal(
		flowed(&narrow, "three" TEXT_GLUE "four" TEXT_GLUE "five" TEXT_GLUE "six", NULL, 2),
		"three four five six");
	assert_string_equal(flowed(&narrow,
				   "x three" TEXT_GLUE "four" TEXT_GLUE "five" TEXT_GLUE "six",
				   NULL, 4),
			    "x three four five\n    six");
	/* an address moves left before it is cut */
	assert_string_equal(flowed(&narrow, "x [2001:db8::1]:8080", NULL, 6),
			    "x [2001:db8::1]:8080");
	assert_string_equal(flowed(&narrow, "xx [2001:db8::1]:8080", NULL, 6),
			    "xx\n  [2001:db8::1]:8080");
	assert_string_equal(flowed(&narrow, "ab 1234567890123456789012345", NULL, 6),
			    "ab\n  123456789012345678\n  9012345");
	/* an option stays with its command */
	assert_string_equal(flowed(&narrow, "what do you see? ss -lun.", NULL, 0),
			    "what do you see?\nss -lun.");
}

static void test_flow_color(void **state)
{
	struct text from, to;

	(void)state;
	text_init(&from, &colored);
	text_init(&to, &colored);
	text_color(&from, TEXT_RED);
	text_add(&from, "one two three four five");
	text_color(&from, TEXT_RESET);
	text_flow(&to, &from, NULL, 2);
	text_free(&from);
	assert_string_equal(written(&to),
			    "\033[31mone two three four\033[0m\n  \033[31mfive\033[0m");
}

static void test_write_trims(void **state)
{
	struct text t;

	(void)state;
	text_init(&t, &normal);
	text_add(&t, "a  ");
	text_newline(&t);
	text_add(&t, "b" TEXT_GLUE);
	text_newline(&t);
	assert_string_equal(written(&t), "a\nb\n");
}

static const char *duration(const struct text_style *style, uint64_t ns)
{
	struct text t;

	text_init(&t, style);
	text_duration(&t, ns);
	return written(&t);
}

static void test_duration(void **state)
{
	(void)state;
	assert_string_equal(duration(&normal, 0), "0.0 µs");
	assert_string_equal(duration(&normal, 49), "0.0 µs");
	assert_string_equal(duration(&normal, 50), "0.1 µs");
	assert_string_equal(duration(&normal, 999949), "999.9 µs");
	assert_string_equal(duration(&normal, 999950), "1.0 ms");
	assert_string_equal(duration(&normal, 999950000), "1.0 s");
	assert_string_equal(duration(&normal, 59900000000), "59.9 s");
	assert_string_equal(duration(&normal, 600 * 1000000000ull), "10 min 0 s");
	assert_string_equal(duration(&normal, 725 * 1000000000ull), "12 min 5 s");
	assert_string_equal(duration(&ascii, 1000), "1.0 us");
	assert_string_equal(duration(&plain, 1000), "1.0 microseconds");
	assert_true(strlen(duration(&normal, UINT64_MAX)) > 0);
}

static void test_size(void **state)
{
	struct text t;

	(void)state;
	text_init(&t, &normal);
	text_size(&t, 65507);
	text_add(&t, ",");
	text_size(&t, 1400000);
	text_add(&t, ",");
	text_size(&t, 401408);
	text_add(&t, ",");
	text_size(&t, 999499);
	text_add(&t, ",");
	text_size(&t, 999500);
	assert_string_equal(written(&t), "65507 B,1.4 MB,401 kB,999 kB,1.0 MB");
	text_init(&t, &plain);
	text_size(&t, 1);
	assert_string_equal(written(&t), "1 byte");
}

static struct hs_endpoint ep(const char *addr, uint16_t port)
{
	struct hs_endpoint e = { .port = port };

	e.addr.family = strchr(addr, ':') ? AF_INET6 : AF_INET;
	assert_int_equal(inet_pton(e.addr.family, addr, e.addr.bytes), 1);
	return e;
}

static const char *endpoint(struct hs_endpoint e)
{
	struct text t;

	text_init(&t, &normal);
	text_endpoint(&t, &e);
	return written(&t);
}

static void test_endpoint(void **state)
{
	(void)state;
	assert_string_equal(endpoint(ep("10.0.1.1", 8080)), "10.0.1.1:8080");
	assert_string_equal(endpoint(ep("fd00::1", 8080)), "[fd00::1]:8080");
	assert_string_equal(endpoint((struct hs_endpoint){ .port = 1 }), "?:1");
}

static const char *packet(const struct hs_packet *p)
{
	struct text t;

	text_init(&t, &normal);
	text_packet(&t, p, true);
	return written(&t);
}

static void test_packet(void **state)
{
	struct hs_packet p = { .ethertype = 0x0800,
			       .version = 4,
			       .proto = IPPROTO_ICMP,
			       .has_icmp = true,
			       .icmp_type = 8,
			       .echo_id = 7,
			       .echo_seq = 1,
			       .payload = 56,
			       .src = ep("10.0.1.2", 0),
			       .dst = ep("10.0.1.1", 0) };

	(void)state;
	assert_string_equal(packet(&p), "ICMP 10.0.1.2 → 10.0.1.1  echo request id 7 seq 1  56 B");
	p.icmp_type = 3;
	p.icmp_code = 4;
	p.icmp_info = 1400;
	p.icmp_error = p.has_quoted = true;
	p.quoted_proto = IPPROTO_UDP;
	p.quoted_src = ep("10.0.2.2", 40112);
	p.quoted_dst = ep("10.0.2.1", 8080);
	assert_string_equal(packet(&p), "ICMP 10.0.1.2 → 10.0.1.1  fragmentation needed MTU 1400"
					" about UDP 10.0.2.2:40112 → 10.0.2.1:8080");
	p.icmp_type = 200;
	p.has_quoted = false;
	assert_string_equal(packet(&p), "ICMP 10.0.1.2 → 10.0.1.1  type 200 code 4");
	p.has_icmp = p.icmp_error = false;
	p.proto = IPPROTO_TCP;
	p.has_ports = true;
	p.tcp_flags = 0x12;
	p.payload = 0;
	assert_string_equal(packet(&p), "TCP 10.0.1.2:0 → 10.0.1.1:0  SYN+ACK");
	p.proto = 99;
	p.has_ports = false;
	p.payload = 5;
	assert_string_equal(packet(&p), "IP protocol 99 10.0.1.2 → 10.0.1.1  5 B");
	p.arp_op = 1;
	assert_string_equal(packet(&p), "ARP who-has 10.0.1.1 tell 10.0.1.2");
	p.arp_op = 2;
	assert_string_equal(packet(&p), "ARP reply 10.0.1.2 to 10.0.1.1");
	p = (struct hs_packet){ .ethertype = 0x88cc, .length = 46 };
	assert_string_equal(packet(&p), "EtherType 0x88cc  46 B");
}

static void test_names(void **state)
{
	char buf[16];

	(void)state;
	assert_string_equal(text_errno(ECONNREFUSED, buf), "ECONNREFUSED");
	assert_string_equal(text_errno(4242, buf), "errno 4242");
	assert_string_equal(text_icmp_name(4, 3, 3), "port unreachable");
	assert_string_equal(text_icmp_name(4, 3, 99), "unreachable");
	assert_string_equal(text_icmp_name(4, 11, 0), "TTL exceeded");
	assert_string_equal(text_icmp_name(6, 1, 4), "port unreachable");
	assert_string_equal(text_icmp_name(6, 3, 0), "hop limit exceeded");
	assert_null(text_icmp_name(4, 250, 0));
	assert_string_equal(text_proto_name(IPPROTO_ICMPV6), "ICMPv6");
	assert_null(text_proto_name(250));
	assert_string_equal(text_stage_label(HS_STAGE_UDP_IN), "udp receive");
	assert_string_equal(text_stage_name(HS_STAGE_UDP_IN), "UDP_IN");
	assert_string_equal(text_stage_label((enum hs_stage)0), "");
	assert_string_equal(text_stage_name((enum hs_stage)60000), "");
	assert_string_equal(text_noise_name(HS_NOISE_MDNS), "mDNS");
}

static const char *segment(const struct text_style *style, const struct hs_journey *j,
			   enum text_segment how)
{
	struct text t;

	text_init(&t, style);
	text_segment(&t, j, how);
	return written(&t);
}

/* RFC 9293, 3.1: what a segment is called, its numbers counted from the initial ones. */
static void test_segment(void **state)
{
	struct hs_journey j = { .has_rel = true, .packet.tcp_flags = 0x02 };

	(void)state;
	assert_string_equal(segment(&normal, &j, TEXT_SEGMENT_ALL), "SYN seq 0");
	assert_string_equal(segment(&normal, &j, TEXT_SEGMENT_NAME), "SYN");
	j.packet.tcp_flags = 0x12;
	j.rel_ack = 1;
	assert_string_equal(segment(&normal, &j, TEXT_SEGMENT_ALL), "SYN+ACK seq 0 ack 1");
	assert_string_equal(segment(&normal, &j, TEXT_SEGMENT_SEQ), "SYN+ACK seq 0");
	assert_string_equal(segment(&plain, &j, TEXT_SEGMENT_ALL),
			    "SYN+ACK, sequence 0, acknowledgment 1");
	j.packet.tcp_flags = 0x10;
	assert_string_equal(segment(&normal, &j, TEXT_SEGMENT_NAME), "ACK 1");
	j.zero_window = true;
	assert_string_equal(segment(&normal, &j, TEXT_SEGMENT_ALL), "ACK 1 window 0");
	j.zero_window = false;
	j.packet.tcp_flags = 0x18;
	j.packet.payload = 12;
	j.rel_seq = 1;
	assert_string_equal(segment(&normal, &j, TEXT_SEGMENT_ALL), "12 B seq 1..12 ack 1");
	assert_string_equal(segment(&plain, &j, TEXT_SEGMENT_ALL),
			    "12 bytes, sequence 1 to 12, acknowledgment 1");
	j.packet.payload = 1;
	assert_string_equal(segment(&normal, &j, TEXT_SEGMENT_SEQ), "1 B seq 1");
	j.packet.tcp_flags = 0x11;
	assert_string_equal(segment(&normal, &j, TEXT_SEGMENT_ALL), "FIN 1 B seq 1 ack 1");
	j.packet.payload = 0;
	assert_string_equal(segment(&normal, &j, TEXT_SEGMENT_ALL), "FIN seq 1 ack 1");
	j.packet.tcp_flags = 0x14;
	assert_string_equal(segment(&normal, &j, TEXT_SEGMENT_ALL), "RST+ACK seq 1 ack 1");
	j.packet.tcp_flags = 0xc2;
	assert_string_equal(segment(&normal, &j, TEXT_SEGMENT_SEQ), "SYN+ECE+CWR seq 1");
	j.packet.tcp_flags = 0;
	assert_string_equal(segment(&normal, &j, TEXT_SEGMENT_NAME), "no flags");
	j.packet.tcp_flags = 0x10;
	j.window_probe = true;
	assert_string_equal(segment(&normal, &j, TEXT_SEGMENT_ALL), "window probe seq 1 ack 1");
	/* without the initial numbers */
	j.window_probe = j.has_rel = false;
	assert_string_equal(segment(&normal, &j, TEXT_SEGMENT_ALL), "ACK");
	j.packet.payload = 5;
	assert_string_equal(segment(&normal, &j, TEXT_SEGMENT_ALL), "5 B");
}

static const char *call_text(const struct hs_call *c, bool detail)
{
	struct text t;

	text_init(&t, &normal);
	text_call(&t, c, detail);
	return written(&t);
}

/* Calls of streams: which bytes, what is left, how long they took. */
static void test_stream_call(void **state)
{
	struct hs_call c = { .name = "recvfrom",
			     .id = HS_CALL_RECVFROM,
			     .fd = 4,
			     .type = SOCK_STREAM,
			     .entered = 1,
			     .left = 2,
			     .ret = 5,
			     .len = 8,
			     .flow = 1,
			     .has_range = true,
			     .rel_from = 1,
			     .rel_to = 6,
			     .has_queues = true,
			     .rcv_queued = 7,
			     .hint = "" };

	(void)state;
	assert_string_equal(call_text(&c, true), "recvfrom(4, 8 B) = 5, bytes 1..5, 7 B left");
	c.waited = 2000000000;
	assert_string_equal(call_text(&c, true),
			    "recvfrom(4, 8 B) = 5, bytes 1..5 (2.0 s old), 7 B left");
	c.ret = 0;
	assert_string_equal(call_text(&c, true), "recvfrom(4, 8 B) = 0, end of stream");
	c.name = "write";
	c.id = HS_CALL_WRITE;
	c.ret = 5;
	c.snd_queued = 5;
	c.left = 3000000001;
	assert_string_equal(call_text(&c, true), "write(4, 8 B) = 5, bytes 1..5,"
						 " 5 B not acknowledged after 3.0 s");
	assert_string_equal(call_text(&c, false), "write(4, 8 B) = 5, bytes 1..5");
	c.ret = -EPIPE;
	c.signal = SIGPIPE;
	assert_string_equal(call_text(&c, false), "write(4, 8 B) = -1 EPIPE and SIGPIPE");
	c.signal = 0;
	c.ret = -512;
	c.left = 2;
	assert_string_equal(call_text(&c, true),
			    "write(4, 8 B) = -1 ERESTART (interrupted by a signal)");
	c.name = "accept";
	c.id = HS_CALL_ACCEPT;
	c.ret = 5;
	c.given = ep("10.0.0.2", 40112);
	c.accept_before = 1;
	assert_string_equal(call_text(&c, true),
			    "accept(4) = 5 from 10.0.0.2:40112, queue 1→0, no packet");
	assert_string_equal(call_text(&c, false), "accept(4) = 5, queue 1→0, no packet");
}

static void test_tcp_names(void **state)
{
	char buf[16];

	(void)state;
	assert_string_equal(text_tcp_state(HS_TCP_NONE), "?");
	assert_string_equal(text_tcp_state(HS_TCP_SYN_RECV), "SYN_RECV");
	assert_string_equal(text_tcp_state(HS_TCP_NEW_SYN_RECV), "SYN_RECV");
	assert_string_equal(text_tcp_state(HS_TCP_CLOSING), "CLOSING");
	assert_string_equal(text_tcp_state((enum hs_tcp_state)99), "?");
	assert_string_equal(text_signal(SIGPIPE, buf), "SIGPIPE");
	assert_string_equal(text_signal(99, buf), "signal 99");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_next),	    cmocka_unit_test(test_next_bad),
		cmocka_unit_test(test_width),	    cmocka_unit_test(test_add_cleans),
		cmocka_unit_test(test_flow),	    cmocka_unit_test(test_flow_color),
		cmocka_unit_test(test_write_trims), cmocka_unit_test(test_duration),
		cmocka_unit_test(test_size),	    cmocka_unit_test(test_endpoint),
		cmocka_unit_test(test_packet),	    cmocka_unit_test(test_names),
		cmocka_unit_test(test_segment),	    cmocka_unit_test(test_stream_call),
		cmocka_unit_test(test_tcp_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
