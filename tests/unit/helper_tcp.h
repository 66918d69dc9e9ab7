/* SPDX-License-Identifier: BSD-2-Clause */
/* TCP connections as the journey engine would tell of them, one story for each thing to be seen. */
#ifndef HELPER_TCP_H
#define HELPER_TCP_H

#include "helper_view.h"

/* O13 to O17: handshake, data that waits for accept(), reads, an orderly close, TIME_WAIT. */
void tcp_orderly(struct view *v);
/* The same, with states that are told after the end of the segment that moved them. */
void tcp_orderly_late(struct view *v);
/* O12: no listener: RST. */
void tcp_no_listener(struct view *v);
/* O18: a full accept queue: the SYN is refused, sent again, taken. */
void tcp_full_queue(struct view *v);
/* O20: the server is gone: RST, EPIPE, SIGPIPE. */
void tcp_broken_pipe(struct view *v);
/* O21: the server is killed before it has read everything: RST instead of FIN. */
void tcp_unread(struct view *v);
/* O24: a router that does not forward: retransmissions until it does. */
void tcp_lost(struct view *v);
/* O25: a reader that does not read: zero window, a probe, the window opens. */
void tcp_zero_window(struct view *v);
/* 1,000 segments and the calls that sent and read them. */
void tcp_bulk(struct view *v);
/* Each segment is read before its sender's call returns, by a process whose calls are not shown. */
void tcp_quick_reader(struct view *v);
/* Both close at once over a slow path: the FINs cross. */
void tcp_crossing(struct view *v);
/* Two clients in turn, one of them known from the middle only, with IPv6. */
void tcp_two(struct view *v);

#endif
