// SPDX-License-Identifier: BSD-2-Clause
/* Values that are one of a list of words, and words that are nearly the right one. */
#define _GNU_SOURCE
#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "expect_parts.h"
#include "stages.h"

#define ERRNO_MAX 133 /* EHWPOISON */

/* By the model's numbers. */
static const char *const fates[] = {
	[HS_FATE_UNDERWAY] = "underway", [HS_FATE_QUEUED] = "queued",
	[HS_FATE_DROPPED] = "dropped",	 [HS_FATE_REFUSED] = "refused",
	[HS_FATE_CONSUMED] = "consumed", [HS_FATE_MERGED] = "merged",
	[HS_FATE_LEFT] = "left",	 [HS_FATE_UNKNOWN] = "unknown",
};
static const char *const ends[] = { "client", "server" };
static const char *const tolds[] = {
	[HS_TOLD_NOTHING] = "nothing",
	[HS_TOLD_SOCKET] = "socket",
	[HS_TOLD_CALL] = "call",
	[HS_TOLD_NOBODY] = "nobody",
};
static const char *const causes[] = {
	[HS_CAUSE_NONE] = "unknown",  [HS_CAUSE_CALL] = "call",	  [HS_CAUSE_JOURNEY] = "journey",
	[HS_CAUSE_KERNEL] = "kernel", [HS_CAUSE_TIMER] = "timer",
};
/* Those that trace follows. */
static const char *const calls[] = {
	"socket",  "bind",     "connect",  "listen",  "accept",	  "accept4", "sendto",
	"sendmsg", "sendmmsg", "recvfrom", "recvmsg", "recvmmsg", "read",    "write",
	"readv",   "writev",   "shutdown", "close",   "exit",
};

#define WORDS(list)                                    \
	{                                              \
		list, sizeof(list) / sizeof((list)[0]) \
	}
static const struct {
	const char *const *words;
	size_t n;
} lists[] = {
	[TYPE_FATE] = WORDS(fates),   [TYPE_END] = WORDS(ends),	  [TYPE_TOLD] = WORDS(tolds),
	[TYPE_CAUSE] = WORDS(causes), [TYPE_CALL] = WORDS(calls),
};

const char *word_nth(enum field_type type, size_t i)
{
	return i < lists[type].n ? lists[type].words[i] : "";
}

const char *word_at(enum field_type type, size_t i, char buf[static 32])
{
	const struct hs_stage_info *stages;
	const char *name;
	size_t n;

	switch (type) {
	case TYPE_PROTO:
		if (i < 256)
			return text_proto_name((uint8_t)i) ?: "";
		return i == 256 ? "ARP" : NULL;
	case TYPE_ERRNO:
		return i < ERRNO_MAX ? strerrorname_np((int)i + 1) ?: "" : NULL;
	case TYPE_SIGNAL:
		name = i + 1 < NSIG ? sigabbrev_np((int)i + 1) ?: "" : NULL;
		if (!name || !*name)
			return name;
		snprintf(buf, 32, "SIG%s", name);
		return buf;
	case TYPE_STATE:
		return i + 1 < HS_TCP_NEW_SYN_RECV ? text_tcp_state(i + 1) : NULL;
	case TYPE_STAGE:
		stages = stages_all(&n);
		return i < n ? stages[i].label : NULL;
	default:
		return i < lists[type].n ? lists[type].words[i] : NULL;
	}
}

static char word_letter(char c)
{
	return c == '-' || c == ' ' ? '_' : (char)tolower((unsigned char)c);
}

bool words_alike(const char *a, const char *b)
{
	while (*a && word_letter(*a) == word_letter(*b)) {
		a++;
		b++;
	}
	return !*a && !*b;
}

/* Levenshtein's, of words up to 31 letters. */
static size_t word_distance(const char *a, const char *b)
{
	size_t row[32], n = strlen(b);

	if (n > 31 || strlen(a) > 31)
		return SIZE_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t change = diagonal + (word_letter(a[i - 1]) != word_letter(b[j - 1]));
			size_t add = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;

			diagonal = row[j];
			row[j] = change < add ? change : add;
		}
	}
	return row[n];
}

void word_guess(const char *word, const char *candidate, const char **best, size_t *distance)
{
	size_t len = strlen(word), most = len / 3 + 1, d = word_distance(word, candidate);

	/* recv is short for recvfrom. */
	if (len > 2 && !strncasecmp(word, candidate, len))
		d = 1;
	if (*candidate && d < *distance && d <= most) {
		*best = candidate;
		*distance = d;
	}
}
