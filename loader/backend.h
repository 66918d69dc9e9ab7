/* SPDX-License-Identifier: BSD-2-Clause */
/* The ways to put a probe on a kernel function: their names, and whether this kernel grants them. */
#ifndef HS_BACKEND_H
#define HS_BACKEND_H

#include <linux/bpf.h>
#include <stddef.h>

#include "../bpf/abi.h"

/* A set of enum hs_backend: 1 << HS_BY_… */
#define HS_BACKENDS_ALL	  (1u << HS_BY_FENTRY | 1u << HS_BY_KPROBE_MULTI | 1u << HS_BY_KPROBE)

#define HS_TRIED_FUNCTION "udp_recvmsg"

/*
 * Whether the kernel grants it, by trying it on HS_TRIED_FUNCTION with a program that does nothing. 0 or
 * negative errno; `why`, when it is not NULL, then says where it failed.
 */
int backend_try(enum hs_backend backend, char *why, size_t why_len);

/* A program that does nothing. Its descriptor, or negative errno. */
int backend_load_empty(enum bpf_prog_type type, enum bpf_attach_type attach, int btf_id);

#endif
