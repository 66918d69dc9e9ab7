/* SPDX-License-Identifier: BSD-2-Clause */
/* COMMAND: started, held until tracing is ready, let go, waited for. */
#ifndef HS_CHILD_H
#define HS_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct hs_child {
	pid_t pid;
	int go;	    /* a byte lets it run */
	int failed; /* what stopped it before it ran: errno and a word */
};

struct hs_child_options {
	char **argv;	   /* NULL-terminated */
	const char *netns; /* path of a namespace, NULL */
	const char *user;  /* name, NULL */
	const sigset_t *mask; /* its signal mask */
};

/* The process exists and waits. Negative errno, and `err`. */
int child_start(struct hs_child *child, const struct hs_child_options *opt, char *err,
		size_t err_len);
/*
 * Lets it run. 0: it runs; else 126 or 127 (it could not be started), `err` says why, and it has
 * been waited for.
 */
int child_release(struct hs_child *child, const char *name, char *err, size_t err_len);
/* The exit status as a shell tells it: 128+N for a signal. -EAGAIN while it runs. */
int child_status(struct hs_child *child);
/* Ends a process that was never released. */
void child_abandon(struct hs_child *child);

#endif
