// SPDX-License-Identifier: BSD-2-Clause
/* trace explain: what a word of the output means, in a few sentences. */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cmd.h"
#include "reasons.h"
#include "stages.h"
#include "text.h"

#define MAX_WORD	64
#define MAX_SUGGESTIONS 5

static const char usage[] =
	"usage: trace explain WORD\n"
	"Explains a stage ('udp receive'), a kernel function that stands for one\n"
	"(udp_rcv), a drop reason (NO_SOCKET), an errno (ECONNREFUSED), or a word of\n"
	"the views (journey, fate, hop); --help lists them.\n";

struct entry {
	const char *word;
	const char *meaning;
	const char *remedy;
};

static const struct entry words[] = {
#define HS_WORD(word, meaning) { word, meaning, "" },
#define HS_ERRNO(NAME, meaning, remedy)
#include "explain.def"
#undef HS_WORD
#undef HS_ERRNO
};

static const struct {
	int number;
	struct entry entry;
} errnos[] = {
#define HS_WORD(word, meaning)
#define HS_ERRNO(NAME, meaning, remedy) { NAME, { #NAME, meaning, remedy } },
#include "explain.def"
#undef HS_WORD
#undef HS_ERRNO
};

#define N_WORDS	 (sizeof(words) / sizeof(words[0]))
#define N_ERRNOS (sizeof(errnos) / sizeof(errnos[0]))

static void add_paragraph(struct text *t, const char *head, const char *s)
{
	struct text flow;

	if (!*s)
		return;
	text_init(&flow, t->style);
	text_add(&flow, head);
	text_add(&flow, s);
	text_pad(t, 2);
	text_flow(t, &flow, NULL, 2);
	text_newline(t);
	text_free(&flow);
}

static void add_functions(struct text *t, const struct hs_stage_info *s)
{
	char list[512] = "";
	size_t n, used = 0;
	const struct hs_function_info *all = functions_all(&n);

	for (size_t i = 0; i < n; i++)
		if (all[i].stage == s->id && used < sizeof(list))
			used += snprintf(list + used, sizeof(list) - used, "%s%s", used ? " " : "",
					 all[i].name);
	add_paragraph(t, "Functions that stand for it: ", list);
}

static void add_stage(struct text *t, const struct hs_stage_info *s)
{
	text_addf(t, "%s: a stage (%s) of the %s layer, direction %s", s->label, s->name, s->layer,
		  s->direction);
	text_newline(t);
	add_paragraph(t, "", s->meaning);
	if (*s->probe)
		add_paragraph(t, "Timed by the tracepoint ", s->probe);
	else
		add_paragraph(
			t, "",
			"Timed by a probe on one of its functions where the kernel grants that, "
			"else inferred from stacks: then its place is known, its time is not.");
	add_functions(t, s);
	add_paragraph(t, "When packets die here: ", s->remedy);
}

/* Both in any case; '_', '-' and ' ' alike. */
static bool is_word(const char *a, const char *b)
{
	for (; *a && *b; a++, b++) {
		int x = strchr("_- ", *a) ? ' ' : tolower((unsigned char)*a);
		int y = strchr("_- ", *b) ? ' ' : tolower((unsigned char)*b);

		if (x != y)
			return false;
	}
	return *a == *b;
}

static bool explain_stage(struct text *t, const char *word)
{
	const struct hs_stage_info *s = stage_by_word(word);

	if (s)
		add_stage(t, s);
	return s;
}

static bool explain_function(struct text *t, const char *word)
{
	const struct hs_stage_info *s = stage_of_function(word);

	if (!s)
		return false;
	text_addf(t, "%s: a function of the kernel; in a stack it stands for this stage:", word);
	text_newline(t);
	text_newline(t);
	add_stage(t, s);
	return true;
}

static bool explain_word(struct text *t, const char *word)
{
	for (size_t i = 0; i < N_WORDS; i++) {
		if (!is_word(word, words[i].word))
			continue;
		text_addf(t, "%s", words[i].word);
		text_newline(t);
		add_paragraph(t, "", words[i].meaning);
		return true;
	}
	return false;
}

static bool explain_reason(struct text *t, const char *word)
{
	static const char prefix[] = "SKB_DROP_REASON_";
	size_t n;
	const struct hs_reason_info *all = reasons_all(&n);

	if (!strncasecmp(word, prefix, strlen(prefix)))
		word += strlen(prefix);
	for (size_t i = 0; i < n; i++) {
		if (!is_word(word, all[i].name))
			continue;
		text_addf(t, "%s: a drop reason of the kernel", all[i].name);
		text_newline(t);
		add_paragraph(t, "", all[i].sentence);
		add_paragraph(t, "What to look at: ", all[i].remedy);
		return true;
	}
	return false;
}

static bool explain_errno(struct text *t, const char *word)
{
	if (is_word(word, "EWOULDBLOCK"))
		word = "EAGAIN";
	for (size_t i = 0; i < N_ERRNOS; i++) {
		const struct entry *e = &errnos[i].entry;

		if (!is_word(word, e->word))
			continue;
		text_addf(t, "%s: errno %d, \"%s\"", e->word, errnos[i].number,
			  strerrordesc_np(errnos[i].number));
		text_newline(t);
		add_paragraph(t, "", e->meaning);
		add_paragraph(t, "What to look at: ", e->remedy);
		return true;
	}
	return false;
}

/* Levenshtein: how many letters must be put in, left out or changed. Ignores case. */
static int distance(const char *a, const char *b)
{
	size_t la = strnlen(a, MAX_WORD), lb = strnlen(b, MAX_WORD);
	int row[MAX_WORD + 1];

	for (size_t j = 0; j <= lb; j++)
		row[j] = (int)j;
	for (size_t i = 1; i <= la; i++) {
		int diagonal = row[0];

		row[0] = (int)i;
		for (size_t j = 1; j <= lb; j++) {
			int same = tolower((unsigned char)a[i - 1]) ==
				   tolower((unsigned char)b[j - 1]);
			int best = diagonal + !same;

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[lb];
}

struct suggestions {
	const char *asked;
	struct {
		const char *word;
		int distance;
	} best[MAX_SUGGESTIONS];
	size_t n;
};

/* Keeps the nearest, nearest first. A word that holds the one asked for is as near as a typing
 * error. */
static void suggest(struct suggestions *s, const char *word)
{
	int d, limit = (int)strlen(s->asked) / 3 + 1;
	size_t at;

	d = distance(s->asked, word);
	if (strlen(s->asked) >= 3 && strcasestr(word, s->asked) && d > 1)
		d = 1;
	if (d > limit)
		return;
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->best[i].word, word))
			return;
	for (at = s->n; at > 0 && s->best[at - 1].distance > d; at--)
		;
	if (at == MAX_SUGGESTIONS)
		return;
	if (s->n < MAX_SUGGESTIONS)
		s->n++;
	memmove(&s->best[at + 1], &s->best[at], (s->n - at - 1) * sizeof(s->best[0]));
	s->best[at].word = word;
	s->best[at].distance = d;
}

static void suggest_all(struct suggestions *s)
{
	size_t n_stages, n_functions, n_reasons;
	const struct hs_stage_info *stages = stages_all(&n_stages);
	const struct hs_function_info *functions = functions_all(&n_functions);
	const struct hs_reason_info *reasons = reasons_all(&n_reasons);

	for (size_t i = 0; i < N_WORDS; i++)
		suggest(s, words[i].word);
	for (size_t i = 0; i < n_stages; i++)
		suggest(s, stages[i].label);
	for (size_t i = 0; i < n_reasons; i++)
		suggest(s, reasons[i].name);
	for (size_t i = 0; i < N_ERRNOS; i++)
		suggest(s, errnos[i].entry.word);
	for (size_t i = 0; i < n_functions; i++)
		suggest(s, functions[i].name);
}

static int print_unknown(const char *word)
{
	struct suggestions s = { .asked = word };

	suggest_all(&s);
	fprintf(stderr, "trace: nothing is known of '%s'", word);
	for (size_t i = 0; i < s.n; i++)
		fprintf(stderr, "%s'%s'", i ? ", " : "; near it: ", s.best[i].word);
	fputs(s.n ? "\n" : ". Stages: trace stages. Other words: trace explain --help\n", stderr);
	return 2;
}

static void print_help(void)
{
	static const struct text_style style = { .width = 80, .ascii = true };
	struct text t, list;
	size_t n;
	const struct hs_reason_info *reasons = reasons_all(&n);

	fputs(usage, stdout);
	text_init(&t, &style);
	text_init(&list, &style);
	text_newline(&t);
	for (size_t i = 0; i < N_WORDS; i++)
		text_addf(&list, "%s%s", i ? ", " : "Words: ", words[i].word);
	text_flow(&t, &list, NULL, 2);
	text_newline(&t);
	text_clear(&list);
	for (size_t i = 0; i < n; i++)
		text_addf(&list, "%s%s", i ? ", " : "Drop reasons: ", reasons[i].name);
	text_flow(&t, &list, NULL, 2);
	text_newline(&t);
	text_clear(&list);
	for (size_t i = 0; i < N_ERRNOS; i++)
		text_addf(&list, "%s%s", i ? ", " : "Errors: ", errnos[i].entry.word);
	text_flow(&t, &list, NULL, 2);
	text_newline(&t);
	text_write(&t, stdout);
	text_free(&list);
	text_free(&t);
}

/* One word, or several that make one ("udp receive"). 0, or -E2BIG. */
static int join_words(int argc, char **argv, char *ret_word, size_t size)
{
	char joined[MAX_WORD];
	size_t len = 0;

	for (int i = 0; i < argc; i++) {
		int n = snprintf(joined + len, sizeof(joined) - len, "%s%s", i ? " " : "", argv[i]);

		if (n < 0 || (size_t)n >= sizeof(joined) - len)
			return -E2BIG;
		len += (size_t)n;
	}
	snprintf(ret_word, size, "%s", joined);
	return 0;
}

int cmd_explain(int argc, char **argv)
{
	static const struct text_style style = { .width = 80, .ascii = true };
	static bool (*const kinds[])(struct text *, const char *) = {
		explain_stage, explain_function, explain_word, explain_reason, explain_errno
	};
	char word[MAX_WORD];
	bool known = false;
	struct text t;

	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		print_help();
		return 0;
	}
	if (argc < 2 || argv[1][0] == '-') {
		fputs(usage, stderr);
		return 2;
	}
	if (join_words(argc - 1, argv + 1, word, sizeof(word))) {
		fprintf(stderr, "trace: that is no word: at most %d letters\n", MAX_WORD - 1);
		return 2;
	}
	/* a word can be of more than one kind: "neighbour" is a stage, too */
	text_init(&t, &style);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct text part;

		text_init(&part, &style);
		if (kinds[i](&part, word)) {
			if (known)
				text_newline(&t);
			text_append(&t, &part);
			known = true;
		}
		text_free(&part);
	}
	text_write(&t, stdout);
	text_free(&t);
	if (!known)
		return print_unknown(word);
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "trace: cannot write the explanation: %s\n", strerror(errno));
		return 1;
	}
	return 0;
}
