// SPDX-License-Identifier: BSD-2-Clause
/* The language of expectations: what is understood, and what is said of what is not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../loader/expect_parts.h"

static struct hs_expectations parsed(const char *text)
{
	struct hs_expectations list = { 0 };
	char err[2048] = "";

	if (expect_add(&list, text, err, sizeof(err)))
		fail_msg("%s: %s", text, err);
	return list;
}

/* It is not understood, and the message has `wanted`. */
static void refused(const char *text, const char *wanted)
{
	struct hs_expectations list = { 0 };
	char err[2048] = "";

	if (expect_add(&list, text, err, sizeof(err)) != -EINVAL)
		fail_msg("%s: it should not be understood", text);
	if (!strstr(err, wanted))
		fail_msg("%s:\ngot:    %s\nwanted: %s", text, err, wanted);
	assert_int_equal(list.n, 0);
	expectations_free(&list);
}

static void test_understood(void **state)
{
	static const char *const texts[] = {
		"drop",
		"drop reason=NO_SOCKET netns=ns_server as $p; icmp type=3 code=3 cause=$p; "
		"call errno=ECONNREFUSED",
		"\n\n# nothing yet\ndrop # the first\n;; call\n",
		"call connect errno=ECONNREFUSED|EHOSTUNREACH|none",
		"call name = connect errno != none ret < 0 len >= 1kB",
		"{ state SYN_SENT as $c; state SYN_RECV flow=$c }; state after=ESTABLISHED",
		"{state SYN_SENT\nstate SYN_RECV}\ncall",
		"no drop; call x3 connect; retransmission x2+ of=#4; flow x1-3; state x0",
		"journey tcp flags=SYN+ACK seq=0 ack=1 window>=64KiB zero_window!=yes",
		"journey flags~RST zero_window window_probe=no as $j; reset from=$j.from",
		"journey as $a; journey ack=$a.seq+1460 began>$a.ended+200ms born<=$a.born-1us",
		"drop as $a; drop dport=$a.dport*2 lasted<=$a.lasted*1.5+2ms",
		"signal SIGPIPE comm=\"tcp client\" cause=none socket=@3; flow id=~1",
		"queued src=10.0.0.1 dst=fd00:0:0:1::1 src~10.0.* dst!~fd00",
		"icmp \"port unreachable\"; icmp name=port_unreachable; icmp name='Port-Unreachable'",
		"journey stage=\"udp receive\"|UDP_IN passes=veth0 via=udp_rcv text~'no socket'",
		"read waited<1.5s copied=1400 cut=0 reader=server read_call=recvfrom",
		"socket LISTEN lport=8080 accept_queued>0; told ECONNREFUSED told_to=x; unread; refused",
		"blocked send; call send",
		"call read; call socket; call write|read|close",
		"call connect x2; call errno=none connect x1+ fd=3",
		"state before=CLOSE after=syn_sent end=client cause_kind=call; drop fate=dropped",
		"drop why~\"a;b}c#d\" as $x_1; call sent=$x_1",
	};

	(void)state;
	/* The one exception: send() is a library's, the kernel knows sendto(). */
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct hs_expectations list;

		if (!strncmp(texts[i], "blocked send;", 13)) {
			refused(texts[i], "did you mean 'sendto'?");
			continue;
		}
		list = parsed(texts[i]);
		assert_int_equal(list.n, 1);
		expectations_free(&list);
	}
}

static void test_steps(void **state)
{
	struct hs_expectations list =
		parsed("  no  drop reason=A|\"B C\"  # why not\n"
		       "{ call x2+ connect ; call accept ret>=0 as $a } ; call close socket=$a");
	const struct hs_expectation *e = list.all[0];

	(void)state;
	assert_int_equal(e->n, 4);
	assert_string_equal(e->steps[0].text, "no  drop reason=A|\"B C\"");
	assert_true(e->steps[0].counted);
	assert_int_equal(e->steps[0].min, 0);
	assert_int_equal(e->steps[0].max, 0);
	assert_int_equal(e->steps[0].group, 0);
	assert_int_equal(e->steps[0].conditions[0].n, 2);
	assert_string_equal(e->steps[0].conditions[0].operands[1].text, "B C");
	assert_int_equal(e->steps[1].min, 2);
	assert_int_equal(e->steps[1].max, UINT32_MAX);
	assert_int_equal(e->steps[1].group, 1);
	assert_int_equal(e->steps[2].group, 1);
	assert_string_equal(e->steps[2].name, "a");
	assert_int_equal(e->steps[3].group, 0);
	assert_int_equal(e->steps[3].refs, 1 << 2);
	assert_string_equal(e->steps[3].conditions[1].operands[0].field->name, "socket");
	expectations_free(&list);
}

/* Which steps hold by a conclusion of the engine, and which by something that is not there. */
static void test_concluded(void **state)
{
	static const struct {
		const char *text;
		bool concluded, absent;
	} cases[] = {
		{ "journey dport=80", false, false },
		{ "journey dport!=80", false, false },
		{ "journey fate=queued", true, false },
		{ "journey fate=underway", true, true },
		{ "drop", true, false },
		{ "queued read=no", true, true },
		{ "queued read", true, false },
		{ "queued reader=none", true, true },
		{ "queued reader!=none", true, false },
		{ "queued reader!~x", true, true },
		{ "icmp told=call", true, false },
		{ "icmp told=nothing", true, true },
		{ "icmp told!=nothing", true, false },
		{ "journey retransmission=0", true, true },
		{ "journey retransmission=1", true, false },
		{ "call errno=none", false, false },
		{ "call error_from!=none", true, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hs_expectations list = parsed(cases[i].text);

		if (list.all[0]->steps[0].concluded != cases[i].concluded ||
		    list.all[0]->steps[0].absent != cases[i].absent)
			fail_msg("%s", cases[i].text);
		expectations_free(&list);
	}
}

static void test_refused(void **state)
{
	(void)state;
	refused("", "nothing is expected; an example: drop");
	refused(" # nothing\n", "nothing is expected");
	refused("dorp reason=X", "step 1, 'dorp reason=X': there is no kind of step 'dorp'; "
				 "did you mean 'drop'?\nthere are: call blocked");
	refused("call; xyzzy", "step 2, 'xyzzy': there is no kind of step 'xyzzy'\n");
	refused("drop raeson=X",
		"drop has no field 'raeson'; did you mean 'reason'?\ndrop has: id");
	refused("call =3", "'=3' is not understood");
	refused("=3", "a step begins with its kind");
	refused("no", "a step begins with its kind");
	refused("call connect errno=ECONREFUSED", "did you mean 'ECONNREFUSED'?");
	refused("no call conect",
		"'conect' is not a call that trace follows; did you mean 'connect'?");
	refused("state ESTABLISH", "is not a TCP state; did you mean 'ESTABLISHED'?");
	refused("signal SIGPIP", "did you mean 'SIGPIPE'?");
	refused("journey stage=udp_recive",
		"stage: 'udp_recive' is not a stage (trace stages lists them); "
		"did you mean 'udp receive'?");
	refused("journey fate=lost", "'lost' is not a fate");
	refused("journey dport=http", "'http' is not a number");
	refused("journey waited>2", "'2' is not a time with its unit, such as 200ms");
	refused("journey flags=SIN", "'SIN' is not TCP flags, such as SYN+ACK");
	refused("journey src=10.0.0", "'10.0.0' is not an IPv4 or IPv6 address");
	refused("journey read=maybe", "'maybe' is not yes or no");
	refused("journey cause=x", "'x' is not a packet, such as $name or #7");
	refused("journey dport==80", "'==' is no operator; did you mean '='?");
	refused("journey dport=", "a value is missing");
	refused("journey dport=80|", "a value is missing");
	refused("journey dport<80|90", "dport< takes one value");
	refused("journey reason<A", "reason is no number: it takes = != ~ !~");
	refused("journey cause<#1", "cause is no number: it takes = !=");
	refused("journey dport~80", "dport is no text: it takes = != < <= > >=");
	refused("journey cause~x", "cause is no text: it takes = !=");
	refused("journey why~\"x", "the quote is not closed: \"x");
	refused("journey zero", "'zero' is not a protocol");
	refused("no queued UPD", "did you mean 'UDP'?");
	refused("drop reason", "after 'reason' comes one of = !=");
	refused("call errno", "'errno' is not a call that trace follows");
	refused("flow zero", "after 'zero' comes one of = != < <= > >= ~ !~");
	refused("call dport=80", "call has no field 'dport'; did you mean 'lport'?");
	refused("drop cause=$p", "no step before this one is named $p");
	refused("call as $a; call as $b; drop cause=$p", "named $p; there is $a, $b");
	refused("drop cause=$p as $p", "no step before this one is named $p");
	refused("call as $a; drop as $a", "step 1 is named $a already");
	refused("call as $a as $b", "it is named already, $a");
	refused("call as a", "after 'as' comes a name such as $a");
	refused("call as $", "after 'as' comes a name such as $a");
	refused("no call as $a", "a step that counts has no name");
	refused("state as $s; drop cause=$s",
		"cause cannot be compared with $s, which is a state: say $s.cause, $s.sent");
	refused("signal as $s; drop flow=$s", "which is a signal and has nothing of that kind");
	refused("state as $s; drop dport=$s", "dport cannot be compared with $s");
	refused("call as $c; drop dport=$c.comm",
		"dport and $c.comm are of different kinds, so they cannot be compared");
	refused("call as $c; drop dport=$c.prot",
		"call has no field 'prot'; did you mean 'proto'?");
	refused("call as $c; drop dport=$c.port*x", "'x' is not a number");
	refused("call as $c; drop dport=$c.port*-2", "'-2' is not a number");
	refused("call as $c; drop dport=$c.port*2*3", "'*3' is not understood after $c");
	refused("call as $c; drop reason=$c.hint*2", "'*2' is not understood after $c");
	refused("call as $c; drop dport=$c.port+x", "'x' is not a number");
	refused("call as $c; drop reason=$c.hint+1", "'+1' is not understood");
	refused("call x3-1", "'x3-1' is no count; it is written x3, x2+ or x1-3");
	refused("call x3y", "'x3y' is no count");
	refused("no call x3", "'x3' is too much: the step counts already");
	refused("call x3 connect x2", "'x2' is too much");
	refused("call as $a x3", "a step that counts has no name");
	refused("{ call", "the { is not closed");
	refused("call }", "there is no { before this");
	refused("{ call; { call } }", "a { stands inside of another");
}

static void test_too_many(void **state)
{
	char text[5 * (EXPECT_STEPS_MAX + 1) + 1] = "";

	(void)state;
	for (int i = 0; i <= EXPECT_STEPS_MAX; i++)
		strcat(text, "call;");
	refused(text, "there are more than 64 steps");
	text[5 * EXPECT_STEPS_MAX] = '\0';
	struct hs_expectations list = parsed(text);
	expectations_free(&list);
}

/* Each kind's word alone and each field can be said, and none is told twice. */
static void test_tables(void **state)
{
	const struct kind *kind;
	const struct field *field;

	(void)state;
	for (size_t i = 0; (kind = kind_at(i)); i++) {
		assert_ptr_equal(kind_find(kind->name), kind);
		assert_true(!*kind->bare || field_find(kind->thing, kind->bare));
		assert_true(*kind->meaning);
		for (size_t f = 0; (field = field_at(kind->thing, f)); f++) {
			assert_ptr_equal(field_find(kind->thing, field->name), field);
			assert_true(*field->meaning);
		}
	}
	for (enum thing a = 0; a < THING_MAX; a++)
		for (size_t f = 0; (field = field_at(THING_JOURNEY, f)); f++) {
			const struct field *implied = field_implied(a, field);

			assert_true(!implied || field_find(a, implied->name) == implied);
		}
}

/* Any bytes: it is understood or not, and nothing else happens. */
static void test_garbage(void **state)
{
	static const char *const parts[] = {
		"drop", "call ", "no ",	   "x2+ ", "{",	   "}", ";",	     "\n",
		"#",	" ",	 "reason", "=",	   "!=",   "~", "$a",	     "as ",
		"$",	"\"",	 "sport",  "1",	   "none", "|", "$a.sport+", "\xff"
	};
	unsigned int seed = 1;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct hs_expectations list = { 0 };
		char text[256] = "", err[200];

		for (int n = 0; n < 12; n++) {
			seed = seed * 1103515245 + 12345;
			strcat(text, parts[(seed >> 16) % (sizeof(parts) / sizeof(parts[0]))]);
		}
		if (expect_add(&list, text, err, sizeof(err)))
			assert_true(*err);
		expectations_free(&list);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_understood), cmocka_unit_test(test_steps),
		cmocka_unit_test(test_concluded),  cmocka_unit_test(test_refused),
		cmocka_unit_test(test_too_many),   cmocka_unit_test(test_tables),
		cmocka_unit_test(test_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
