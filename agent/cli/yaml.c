// SPDX-License-Identifier: Apache-2.0
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "base/cleanup.h"
#include "cli/output.h"

static bool emit_value(yaml_emitter_t *emitter, const json_t *json);

/* Whether a reader of YAML might take the bare @text for something else than a string. */
static bool needs_quotes(const char *text)
{
	static const char *const words[] = { "null", "true", "false", "yes", "no",
					     "on", "off", "y", "n" };

	if (!*text || isdigit((unsigned char)*text) || strchr("~+-.=<", *text))
		return true;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcasecmp(text, words[i]))
			return true;
	return false;
}

/* yaml_emitter_emit() takes the event, also when it fails. */
static bool emit_scalar(yaml_emitter_t *emitter, const char *text, bool quoted)
{
	yaml_scalar_style_t style = quoted ? YAML_SINGLE_QUOTED_SCALAR_STYLE
					   : YAML_ANY_SCALAR_STYLE;
	yaml_event_t event;

	return yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text,
					    (int)strlen(text), 1, 1, style) &&
	       yaml_emitter_emit(emitter, &event);
}

static bool emit_string(yaml_emitter_t *emitter, const char *text)
{
	return emit_scalar(emitter, text, needs_quotes(text));
}

/* Numbers, booleans and null are written as in JSON. */
static bool emit_other(yaml_emitter_t *emitter, const json_t *json)
{
	cleanup(freep) char *text = json_dumps(json, JSON_ENCODE_ANY);

	return text && emit_scalar(emitter, text, false);
}

static bool emit_array(yaml_emitter_t *emitter, const json_t *array)
{
	yaml_event_t event;
	json_t *value;
	size_t i;

	if (!yaml_sequence_start_event_initialize(&event, NULL, NULL, 1,
						  YAML_BLOCK_SEQUENCE_STYLE) ||
	    !yaml_emitter_emit(emitter, &event))
		return false;
	json_array_foreach(array, i, value)
		if (!emit_value(emitter, value))
			return false;
	return yaml_sequence_end_event_initialize(&event) && yaml_emitter_emit(emitter, &event);
}

static bool emit_object(yaml_emitter_t *emitter, const json_t *object)
{
	yaml_event_t event;
	const char *key;
	json_t *value;

	if (!yaml_mapping_start_event_initialize(&event, NULL, NULL, 1,
						 YAML_BLOCK_MAPPING_STYLE) ||
	    !yaml_emitter_emit(emitter, &event))
		return false;
	json_object_foreach((json_t *)object, key, value)
		if (!emit_string(emitter, key) || !emit_value(emitter, value))
			return false;
	return yaml_mapping_end_event_initialize(&event) && yaml_emitter_emit(emitter, &event);
}

static bool emit_value(yaml_emitter_t *emitter, const json_t *json)
{
	if (json_is_object(json))
		return emit_object(emitter, json);
	if (json_is_array(json))
		return emit_array(emitter, json);
	if (json_is_string(json))
		return emit_string(emitter, json_string_value(json));
	return emit_other(emitter, json);
}

static bool emit_stream(yaml_emitter_t *emitter, const json_t *json)
{
	yaml_event_t event;

	if (!yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING) ||
	    !yaml_emitter_emit(emitter, &event) ||
	    !yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1) ||
	    !yaml_emitter_emit(emitter, &event) || !emit_value(emitter, json))
		return false;
	return yaml_document_end_event_initialize(&event, 1) &&
	       yaml_emitter_emit(emitter, &event) && yaml_stream_end_event_initialize(&event) &&
	       yaml_emitter_emit(emitter, &event);
}

int write_yaml(FILE *out, const json_t *json)
{
	yaml_emitter_t emitter;
	bool done;

	if (!yaml_emitter_initialize(&emitter))
		return -EIO;
	yaml_emitter_set_output_file(&emitter, out);
	yaml_emitter_set_unicode(&emitter, 1);
	yaml_emitter_set_width(&emitter, -1);
	done = emit_stream(&emitter, json);
	yaml_emitter_delete(&emitter);
	return done ? 0 : -EIO;
}
