// SPDX-License-Identifier: BSD-2-Clause
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "cmd.h"

#define HS_VERSION "0.1"

static const struct {
	const char *word;
	int (*run)(int argc, char **argv);
	const char *about;
} commands[] = {
	{ "run", cmd_run, "follow packets through the running kernel (the default)" },
	{ "read", cmd_read, "show a recording again" },
	{ "diff", cmd_diff, "where two recordings part: the first hop, and what differs there" },
	{ "stages", cmd_stages, "the places on a packet's path" },
	{ "explain", cmd_explain,
	  "what a word means: a stage, a function, a drop reason, an errno" },
	{ "doctor", cmd_doctor, "what this kernel lets trace see" },
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int help(FILE *out)
{
	fputs("Watch packets hop through the Linux kernel.\n\n"
	      "  trace [OPTIONS] [FILTER] [-- COMMAND [ARG...]]\n"
	      "  trace WORD ...\n\n",
	      out);
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(out, "  %-8s %s\n", commands[i].word, commands[i].about);
	fputs("\nExamples:\n"
	      "  trace --tree -- nc -u -w1 127.0.0.1 9     one program's packets, a block each\n"
	      "  trace -f -n ns_server udp port 8080       every hop, in one namespace\n"
	      "  trace --only dropped                      whatever dies on this machine\n"
	      "  trace explain NO_SOCKET\n\n"
	      "trace run --help lists the options.\n",
	      out);
	return 0;
}

/*
 * A file that is opened must not take the place of a closed stdin, stdout or stderr. For trace they
 * fail as before (a descriptor for the wrong direction), and for COMMAND they are closed.
 */
static void reserve_standard_streams(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", (fd ? O_RDONLY : O_WRONLY) | O_CLOEXEC) < 0)
			return;
}

int main(int argc, char **argv)
{
	reserve_standard_streams();
	if (argc > 1) {
		for (size_t i = 0; i < N_COMMANDS; i++)
			if (!strcmp(argv[1], commands[i].word))
				return commands[i].run(argc - 1, argv + 1);
		if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") ||
		    !strcmp(argv[1], "help"))
			return help(stdout);
		if (!strcmp(argv[1], "--version")) {
			puts("hopscope trace " HS_VERSION);
			return 0;
		}
	}
	return cmd_run(argc, argv);
}
