// SPDX-License-Identifier: BSD-2-Clause
/* Records that are missing, and what is still said then. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "helper_lab.h"
#include "helper_notes.h"

/* A gap marks who was alive; silence after that is no evidence. */
static void test_gap(void **state)
{
	struct stream *s = lab_new();
	struct wire w = lab_datagram(4);

	(void)state;
	lab_delivered(s, A, &w, 1);
	lab_read_by(s, SERVER, 4, 0, 0);
	stream_by(s, 0, CLIENT);
	lab_crossed(s, B, &w, SK_CLIENT);
	stream_lose(s, 3);
	stream_back(s);
	lab_delivered(s, C, &w, 1);
	lab_read_by(s, SERVER, 4, 0, 0);
	stream_tick(s, 2100 * STREAM_MS);
	lab_expect(
		s,
		LAB_DELIVERED(
			"1", "8080",
			"1") "#1 read by server[700] recvfrom, 4 B\n"
			     "#1 settled\n"
			     "#2 born, UDP to port 8080, by the kernel\n" LAB_DELIVERED(
				     "3", "8080",
				     "1") "#3 read by server[700] recvfrom, 4 B\n"
					  "#3 settled\n"
					  "lost 3, skipped 0\n"
					  "#2 unknown in ns_server (events were lost, so its end may have been missed), "
					  "inferred\n"
					  "#2 settled, incomplete (3 lost)\n");
}

/* Numbers are taken before room is, so one record may overtake another. */
static void test_late_record(void **state)
{
	struct stream *s = lab_new();
	struct wire w = lab_datagram(4);
	struct notes notes;
	uint32_t late;

	(void)state;
	stream_birth(s, A, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	late = s->seq[0];
	stream_lose(s, 1);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_CLIENT, VETH_C);
	s->forced_seq = &late;
	stream_task(s, CLIENT, "client");
	stream_loss(s, 0, 0, 0);
	stream_end(s);
	notes_init(&notes);
	notes_run(&notes, s);
	assert_int_equal(notes.summary.lost, 0);
	notes_done(&notes);
	stream_free(s);
}

/* A number that comes twice is damage, and no reason to count below zero. */
static void test_repeated_number(void **state)
{
	struct stream *s = lab_new();
	struct notes notes;
	uint32_t first = 0;

	(void)state;
	s->forced_seq = &first;
	stream_task(s, CLIENT, "client");
	stream_loss(s, 2, 0, 0);
	stream_end(s);
	notes_init(&notes);
	notes_run(&notes, s);
	assert_int_equal(notes.summary.lost, 2);
	notes_done(&notes);
	stream_free(s);
}

/*
 * LOSS tells of what no gap can show: records after the last one, programs that were skipped. The
 * sink hears of losses at most once a second.
 */
static void test_loss_beyond_gaps(void **state)
{
	struct stream *s = lab_new();
	struct wire w = lab_datagram(4);

	(void)state;
	stream_birth(s, A, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	stream_lose(s, 2);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_CLIENT, VETH_C);
	stream_loss(s, 2, 0, 0);
	stream_loss(s, 5, 1, 1);
	stream_loss(s, 5, 1, 1);
	stream_wait(s, STREAM_S);
	stream_loss(s, 6, 1, 1);
	lab_expect(
		s,
		"#1 born, UDP to port 8080, by the kernel\n"
		"lost 2, skipped 0\n"
		"lost 6, skipped 2\n"
		"#1 unknown in ns_client (events were lost, so its end may have been missed), inferred\n"
		"#1 settled, incomplete (8 lost)\n");
}

/* However little time has passed since: at the end all that is known is said. */
static void test_loss_at_the_end(void **state)
{
	struct stream *s = lab_new();

	(void)state;
	stream_task(s, CLIENT, "client");
	stream_loss(s, 2, 0, 0);
	stream_loss(s, 5, 1, 0);
	lab_expect(s, "lost 2, skipped 0\n"
		      "lost 5, skipped 1\n");
}

/*
 * What is told ahead may have been lost until then: who is born before that, and ends, is marked; who is born
 * later is not, though the gap is seen later still.
 */
static void test_loss_told_ahead(void **state)
{
	struct stream *s = lab_new();
	struct wire w = lab_datagram(4);

	(void)state;
	stream_birth(s, A, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	stream_loss_ahead(s, 3, 20 * STREAM_MS);
	stream_drop(s, A, "SOME_REASON", "veth_xmit");
	stream_tick(s, 10 * STREAM_MS);
	stream_birth(s, B, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	stream_drop(s, B, "SOME_REASON", "veth_xmit");
	stream_tick(s, 10 * STREAM_MS);
	stream_lose(s, 3);
	stream_birth(s, C, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	stream_drop(s, C, "SOME_REASON", "veth_xmit");
	lab_expect(s, "#1 born, UDP to port 8080, by the kernel\n"
		      "lost 3, skipped 0\n"
		      "#1 dropped in ns_client: SOME_REASON by veth_xmit\n"
		      "#1 settled, incomplete (3 lost)\n"
		      "#2 born, UDP to port 8080, by the kernel\n"
		      "#2 dropped in ns_client: SOME_REASON by veth_xmit\n"
		      "#2 settled, incomplete (3 lost)\n"
		      "#3 born, UDP to port 8080, by the kernel\n"
		      "#3 dropped in ns_client: SOME_REASON by veth_xmit\n"
		      "#3 settled\n");
}

/* Where there is no room for more packets, the oldest is given up, and nobody knows its fate. */
static void test_forgotten(void **state)
{
	struct stream *s = lab_of(stream_new("tables", "2", NULL));
	struct wire w = lab_datagram(4);
	struct notes notes;

	(void)state;
	stream_birth(s, A, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	stream_birth(s, B, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	stream_drop(s, B, "SOME_REASON", "veth_xmit");
	stream_birth(s, C, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	stream_birth(s, D, NS_CLIENT, VETH_C, &w, SK_CLIENT);
	stream_drop(s, A, "SOME_REASON", "veth_xmit");
	stream_end(s);
	notes_init(&notes);
	notes_run(&notes, s);
	assert_string_equal(
		notes_text(&notes),
		"#1 born, UDP to port 8080, by the kernel\n"
		"#2 born, UDP to port 8080, by the kernel\n"
		"#2 dropped in ns_client: SOME_REASON by veth_xmit\n"
		"#2 settled\n"
		"#3 born, UDP to port 8080, by the kernel\n"
		"#1 unknown in ns_client (forgotten on its way: too many packets at once), inferred\n"
		"#1 settled, incomplete (1 lost)\n"
		"#4 born, UDP to port 8080, by the kernel\n"
		"#3 settled\n"
		"#4 settled\n");
	assert_int_equal(notes.summary.losses.n[HS_LOSS_JOURNEYS], 1);
	assert_int_equal(notes.summary.losses.n[HS_LOSS_KEPT], 1);
	notes_done(&notes);
	stream_free(s);
}

/* A FIN in a socket's queue is never read, and takes no room for long. */
static void test_queued_fin_is_not_kept(void **state)
{
	struct stream *s = lab_of(stream_new("tables", "4", NULL));
	struct wire fin = wire_tcp(CLIENT_EP, SERVER_EP, 0x11, 0);
	struct notes notes;

	(void)state;
	stream_sock_is(s, SK_TCP, NS_SERVER, IPPROTO_TCP, SERVER_EP, CLIENT_EP);
	for (uint64_t i = 0; i < 10; i++) {
		lab_crossed(s, A + i * 256, &fin, 0);
		stream_queued(s, SK_TCP, A + i * 256, 1);
		stream_back(s);
		stream_tick(s, 3 * STREAM_S);
		stream_tick(s, 3 * STREAM_S);
	}
	stream_end(s);
	notes_init(&notes);
	notes_run(&notes, s);
	assert_int_equal(notes.summary.queued, 10);
	assert_int_equal(notes.summary.losses.n[HS_LOSS_KEPT], 0);
	assert_int_equal(notes.summary.losses.n[HS_LOSS_JOURNEYS], 0);
	notes_done(&notes);
	stream_free(s);
}

/* The birth was lost: a journey without a beginning, which no filter can have chosen. */
static void test_lost_birth(void **state)
{
	struct stream *s = lab_new();

	(void)state;
	stream_lose(s, 1);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_CLIENT, VETH_C);
	stream_see(s, HS_STAGE_BACKLOG, A, NS_SERVER, VETH_S);
	lab_received(s, A);
	stream_tick(s, 2100 * STREAM_MS);
	lab_expect(s,
		   "#1 born\n"
		   "lost 1, skipped 0\n"
		   "#1 unknown in ns_server (events were lost, so its end may have been missed), "
		   "inferred\n"
		   "#1 settled, incomplete (0 lost)\n");
	s = lab_of(stream_new("filter", "udp", NULL));
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_CLIENT, VETH_C);
	lab_expect(s, "");
}

/* The next packet at an address, without its birth, is not the one that was delivered there. */
static void test_lost_birth_at_a_known_address(void **state)
{
	struct stream *s = lab_new();
	struct wire w = lab_datagram(4), ack = wire_tcp(CLIENT_EP, SERVER_EP, 0x10, 0);

	(void)state;
	lab_delivered(s, A, &w, 1);
	lab_read_by(s, SERVER, 4, 0, 0);
	stream_by(s, 0, CLIENT);
	stream_lose(s, 1);
	stream_see(s, HS_STAGE_DEV_XMIT, A, NS_CLIENT, VETH_C);
	stream_drop(s, A, "SOME_REASON", "veth_xmit");
	/* the same after a pure ACK, whose end nothing shows */
	lab_crossed(s, B, &ack, 0);
	stream_back(s);
	stream_lose(s, 1);
	stream_see(s, HS_STAGE_DEV_XMIT, B, NS_CLIENT, VETH_C);
	stream_drop(s, B, "SOME_REASON", "veth_xmit");
	lab_expect(
		s,
		LAB_DELIVERED(
			"1", "8080",
			"1") "#1 read by server[700] recvfrom, 4 B\n"
			     "#1 settled\n"

			     "#2 born\n"
			     "#2 dropped in ns_client: SOME_REASON by veth_xmit\n"
			     "#2 settled, incomplete (0 lost)\n"
			     "#3 born, TCP to port 8080, by the kernel\n"
			     ""
			     "#4 born\n"
			     "#4 dropped in ns_client: SOME_REASON by veth_xmit\n"
			     "#4 settled, incomplete (0 lost)\n"
			     "lost 2, skipped 0\n"
			     "#3 unknown in ns_server (events were lost, so its end may have been missed), "
			     "inferred\n"
			     "#3 settled, incomplete (2 lost)\n");
}

/* A read that was lost must not shift all later reads by one. */
static void test_lost_read(void **state)
{
	struct stream *s = lab_new();
	struct wire w = lab_datagram(4), x = lab_datagram(8);

	(void)state;
	lab_delivered(s, A, &w, 1);
	stream_by(s, 1, SERVER);
	stream_lose(s, 1); /* the read of #1 */
	lab_delivered(s, B, &x, 1);
	lab_read_by(s, SERVER, 8, 0, 0);
	lab_expect(s,
		   LAB_DELIVERED("1", "8080", "1")
			   LAB_DELIVERED("2", "8080", "1") "#2 read by server[700] recvfrom, 8 B\n"
							   "#2 settled, incomplete (1 lost)\n"
							   "lost 1, skipped 0\n"
							   "#1 settled, incomplete (1 lost)\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gap),
		cmocka_unit_test(test_late_record),
		cmocka_unit_test(test_repeated_number),
		cmocka_unit_test(test_loss_beyond_gaps),
		cmocka_unit_test(test_loss_at_the_end),
		cmocka_unit_test(test_loss_told_ahead),
		cmocka_unit_test(test_forgotten),
		cmocka_unit_test(test_queued_fin_is_not_kept),
		cmocka_unit_test(test_lost_birth),
		cmocka_unit_test(test_lost_birth_at_a_known_address),
		cmocka_unit_test(test_lost_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
