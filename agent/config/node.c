// SPDX-License-Identifier: Apache-2.0
/* Options about this node: its Node object, and how often it is looked after. */
#include <ctype.h>
#include <string.h>

#include "base/parse.h"
#include "config/private.h"

#define NAME_MAX_LENGTH 253
#define DRIFT_INTERVAL_MAX 3600 /* seconds */
#define KEY_NAME_MAX 63 /* behind the slash of a key */

int config_set_node_name(struct config *config, const char *value, char *why)
{
	if (!value[0] || strlen(value) > NAME_MAX_LENGTH || strpbrk(value, "/ \t"))
		return config_refuse(why, "\"%s\" is not a node name", value);
	return config_set_string(&config->node_name, value);
}

/* Starts and ends with a letter or digit; within, @others are allowed too. */
static bool is_name(const char *text, size_t length, const char *others)
{
	if (!length || !isalnum((unsigned char)text[0]) ||
	    !isalnum((unsigned char)text[length - 1]))
		return false;
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)text[i]) && !strchr(others, text[i]))
			return false;
	return true;
}

/* Keys of taints are qualified names. Source: Kubernetes, "Labels and Selectors", their syntax. */
static bool is_key(const char *text)
{
	const char *slash = strchr(text, '/');
	const char *name = slash ? slash + 1 : text;

	if (slash && ((size_t)(slash - text) > NAME_MAX_LENGTH ||
		      !is_name(text, (size_t)(slash - text), "-.")))
		return false;
	return strlen(name) <= KEY_NAME_MAX && is_name(name, strlen(name), "-._");
}

int config_set_node_taint(struct config *config, const char *value, char *why)
{
	if (!strcmp(value, "none"))
		return config_set_string(&config->node_taint, "");
	if (!is_key(value))
		return config_refuse(why, "\"%.128s\" is neither none nor the key of a taint, like "
				     CONFIG_NODE_TAINT_DEFAULT, value);
	return config_set_string(&config->node_taint, value);
}

int config_set_drift_interval(struct config *config, const char *value, char *why)
{
	uint64_t seconds = 0;

	if (strcmp(value, "off") != 0 &&
	    (parse_u64(&seconds, value, DRIFT_INTERVAL_MAX) < 0 || !seconds))
		return config_refuse(why, "\"%s\" is neither off nor a number from 1 to %d", value,
				     DRIFT_INTERVAL_MAX);
	config->drift_interval_s = (unsigned int)seconds;
	return 0;
}
