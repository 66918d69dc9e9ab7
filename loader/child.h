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
	bool ended;
	int status; /* then: as child_status() says it */
	int go;	    /* a byte lets it run */
	int failed; /* what stopped it before it ran: errno and a word */
};

struct hs_child_options {
	char **argv;	   /* NULL-terminated */
	const char *netns; /* path of a namespace, NULL */
	const char *user;  /* name, NULL */
	/* What trace has changed for itself, as COMMAND shall find it. */
	const sigset_t *mask;
	const struct sigaction *on_pipe, *on_child; /* SIGPIPE, SIGCHLD */
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
/* Nothing, once child_status() has told its end. */
void child_signal(const struct hs_child *child, int signal);
/* Ends a process that was never released. */
void child_abandon(struct hs_child *child);

#endif
