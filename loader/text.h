/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text for a terminal: lines composed in display columns, wrapped, in UTF-8 or in 7-bit ASCII, and
 * the words for the values of the model. Pure: knows no locale.
 *
 * Source and model strings are UTF-8 in every mode. What is added to a struct text is cleaned and,
 * in ASCII mode, transliterated (→ becomes ->), so columns always count what will be printed. A
 * no-break space (TEXT_GLUE) holds two words on one line and is printed as a space.
 *   text.c   lines, columns, wrapping     text_words.c  words for values
 *   text_tcp.c  segments, states          text_call.c   system calls
 */
#ifndef HS_TEXT_H
#define HS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "model.h"

#define TEXT_GLUE "\u00a0"
#define TEXT_BAD  0xfffdu /* what text_next() returns for a byte that is not UTF-8 */

enum text_color { TEXT_RESET, TEXT_BOLD, TEXT_DIM, TEXT_RED, TEXT_GREEN, TEXT_YELLOW, TEXT_CYAN };

struct text_style {
	int width;
	bool ascii, plain, color;
};

struct text {
	char *data; /* len bytes, then a NUL; NULL while nothing was added */
	size_t len, cap;
	int column;  /* display columns since the last newline */
	bool failed; /* out of memory: something is missing */
	const struct text_style *style;
};

void text_init(struct text *t, const struct text_style *style);
void text_free(struct text *t);
void text_clear(struct text *t);

/* Cleaned: control and direction characters and broken UTF-8 become '?'. */
void text_add(struct text *t, const char *s);
void text_addf(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* As it is; must not hold a newline. Counts no columns. */
void text_raw(struct text *t, const char *s, size_t n);
/* Another text's bytes, newlines and all. */
void text_append(struct text *t, const struct text *from);
void text_color(struct text *t, enum text_color color);
void text_repeat(struct text *t, const char *s, int times);
/* Spaces up to `column`; nothing when it is passed already. */
void text_pad(struct text *t, int column);
void text_newline(struct text *t);

/*
 * Adds `from` (no newlines in it) word by word. Where a word would pass the style's width, a new
 * line is begun with `prefix` (may be NULL) and spaces up to column `indent`. A word that is too
 * long for such a line is broken at its glue, else moved left, and cut only when it is wider than a
 * line.
 */
void text_flow(struct text *t, const struct text *from, const char *prefix, int indent);

/* Writes the lines with one fwrite() and clears `t`. Glue becomes space; no line ends in space. */
void text_write(struct text *t, FILE *out);

/* The code point at *s, which is moved past it; 0 at the end, TEXT_BAD for a broken byte. */
uint32_t text_next(const char **s);
/* Display columns: 0 for combining marks, 2 for wide East Asian characters and emoji. */
int text_width(const char *s);

/* "0.4 µs", "12.3 ms", "12.3 s", "4 min 5 s" */
void text_duration(struct text *t, uint64_t ns);
/* "4 B", "1472 B", "401 kB", "1.4 MB" */
void text_size(struct text *t, uint64_t bytes);
/* "10.0.1.1", "fd00::1", "?" when there is none */
void text_address(struct text *t, const struct hs_addr *addr);
/* "10.0.1.1:8080", "[fd00::1]:8080" */
void text_endpoint(struct text *t, const struct hs_endpoint *ep);
/* "time_client[812]"; "the kernel" for pid 0 */
void text_task(struct text *t, const struct hs_task *task);
/* "10.0.1.2:40112 → 10.0.1.1:8080" */
void text_endpoints(struct text *t, const struct hs_endpoint *src, const struct hs_endpoint *dst);
/* "1..12", "1 to 12" */
void text_range(struct text *t, uint32_t from, uint32_t to);
/* "UDP", "IP protocol 99" */
void text_proto(struct text *t, uint8_t proto);
/* "UDP 10.0.1.2:40112 → 10.0.1.1:8080  4 B"; `about`: an ICMP error also tells what it is about */
void text_packet(struct text *t, const struct hs_packet *p, bool about);
/* How much is said of a TCP segment: "FIN", "FIN seq 13", "FIN seq 13 ack 1". */
enum text_segment { TEXT_SEGMENT_NAME, TEXT_SEGMENT_SEQ, TEXT_SEGMENT_ALL };

/* A TCP segment of a known flow, numbers as from its start: "12 B seq 1..12 ack 1", "ACK 13". */
void text_segment(struct text *t, const struct hs_journey *j, enum text_segment how);
/* "sendto(3, 4 B → 10.0.2.1:8080) = 4"; with `detail` also what helps but may be left out */
void text_call(struct text *t, const struct hs_call *call, bool detail);
/* send(), write() and the like; recv(), read() and the like. */
bool text_call_sends(enum hs_call_id id);
bool text_call_receives(enum hs_call_id id);

/* "ECONNREFUSED"; "errno 4242" is written to `buf` for an unknown one. `err` is positive. */
const char *text_errno(int err, char buf[static 16]);
/* "port unreachable"; NULL when the type is unknown, the type's name when only the code is. */
const char *text_icmp_name(uint8_t version, uint8_t type, uint8_t code);
/* "UDP", "ICMPv6"; NULL unknown. */
const char *text_proto_name(uint8_t proto);
/* "udp receive" and "UDP_IN"; "" unknown. */
const char *text_stage_label(enum hs_stage stage);
const char *text_stage_name(enum hs_stage stage);
const char *text_noise_name(enum hs_noise noise);
/* "blocked", "" unknown */
const char *text_reader_name(enum hs_reader reader);
/* "nagle", "" none */
const char *text_hold_name(enum hs_hold hold);
/* "fragment", as in JSON; "" none. The words before the other's id: "fragment of". */
const char *text_relation_name(enum hs_relation relation);
const char *text_relation_words(enum hs_relation relation);
/* The name of bit `bit` of tcp_flags: 0 "FIN" … 7 "CWR". */
const char *text_tcp_flag(int bit);
/* "ESTABLISHED"; "?" unknown. */
const char *text_tcp_state(enum hs_tcp_state state);
/* "SIGPIPE"; "signal 40" is written to `buf` for one without a name. */
const char *text_signal(int number, char buf[static 16]);

#endif
