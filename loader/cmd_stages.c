// SPDX-License-Identifier: BSD-2-Clause
/* trace stages: the table of stages, for people or as JSON. */
#include <errno.h>
#include <getopt.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "stages.h"
#include "text.h"

static const char usage[] =
	"usage: trace stages [--json]\n"
	"Lists the places on a packet's path that trace knows; --json: as a JSON array.\n";

/* In the order in which a packet meets them on its way down. */
static const char *const layers[] = { "socket", "transport", "network", "neighbour", "device" };

static void add_paragraph(struct text *t, const char *s, int indent)
{
	struct text words;

	text_init(&words, t->style);
	text_add(&words, s);
	text_pad(t, indent);
	text_flow(t, &words, NULL, indent);
	text_newline(t);
	text_free(&words);
}

static bool stage_is_probed(enum hs_stage id)
{
	size_t n;
	const struct hs_function_info *all = functions_all(&n);

	for (size_t i = 0; i < n; i++)
		if (all[i].stage == id && all[i].kind != HS_FN_STACK)
			return true;
	return false;
}

static void add_stage(struct text *t, const struct hs_stage_info *s)
{
	text_addf(t, "  %s", s->label);
	text_pad(t, 20);
	text_add(t, s->direction);
	text_pad(t, 26);
	if (*s->probe)
		text_addf(t, "tracepoint %s", s->probe);
	else
		text_add(t, stage_is_probed(s->id) ? "by its functions" : "inferred from stacks");
	text_newline(t);
	add_paragraph(t, s->meaning, 6);
}

static void print_text(void)
{
	static const struct text_style style = { .width = 80, .ascii = true };
	size_t n;
	const struct hs_stage_info *all = stages_all(&n);
	struct text t;

	text_init(&t, &style);
	add_paragraph(
		&t,
		"The places on a packet's path, by layer. A stage with a tracepoint is seen and "
		"timed on every kernel; the others by a probe on one of their functions, where "
		"the kernel grants that. Elsewhere the stack of the next tracepoint shows their "
		"place, but not their time. trace doctor tells how it is here.",
		0);
	for (size_t l = 0; l < sizeof(layers) / sizeof(layers[0]); l++) {
		text_newline(&t);
		text_add(&t, layers[l]);
		text_newline(&t);
		for (size_t i = 0; i < n; i++)
			if (!strcmp(all[i].layer, layers[l]))
				add_stage(&t, &all[i]);
	}
	text_newline(&t);
	text_add(&t, "More about one: trace explain 'udp receive'");
	text_newline(&t);
	text_write(&t, stdout);
	text_free(&t);
}

static void add_string(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, json_object_new_string(value));
}

static struct json_object *json_functions(const struct hs_stage_info *s)
{
	struct json_object *array = json_object_new_array();
	size_t n;
	const struct hs_function_info *all = functions_all(&n);

	for (size_t i = 0; i < n; i++)
		if (all[i].stage == s->id)
			json_object_array_add(array, json_object_new_string(all[i].name));
	return array;
}

static void print_json(void)
{
	size_t n;
	const struct hs_stage_info *all = stages_all(&n);
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < n; i++) {
		struct json_object *o = json_object_new_object();

		json_object_object_add(o, "id", json_object_new_int((int)all[i].id));
		add_string(o, "name", all[i].name);
		add_string(o, "label", all[i].label);
		add_string(o, "layer", all[i].layer);
		add_string(o, "direction", all[i].direction);
		add_string(o, "probe", all[i].probe);
		json_object_object_add(o, "functions", json_functions(&all[i]));
		add_string(o, "meaning", all[i].meaning);
		add_string(o, "remedy", all[i].remedy);
		json_object_array_add(array, o);
	}
	puts(json_object_to_json_string_ext(array, JSON_C_TO_STRING_PRETTY |
							   JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(array);
}

int cmd_stages(int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' },
						 { "help", no_argument, NULL, 'h' },
						 { 0 } };
	bool json = false;
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (c) {
		case 'j':
			json = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "trace: stages takes no argument '%s'\n%s", argv[optind], usage);
		return 2;
	}
	if (json)
		print_json();
	else
		print_text();
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "trace: cannot write the table: %s\n", strerror(errno));
		return 1;
	}
	return 0;
}
