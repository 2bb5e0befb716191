// SPDX-License-Identifier: Apache-2.0
#include "report/report_text.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "source/fingerprint.h"

#define COMPONENT "weir-agent"
#define MESSAGE_MAX 1024 /* of an Event; longer ones are refused */
#define NUMBER_DIGITS 16

static const char *text_at(const json_t *object, const char *part, const char *name)
{
	return json_string_value(json_object_get(json_object_get(object, part), name)) ?: "";
}

static const char *version_of(const json_t *object)
{
	return json_string_value(json_object_get(object, "apiVersion")) ?: "v1";
}

static void copy_message(char ret[static MESSAGE_MAX], const char *text)
{
	snprintf(ret, MESSAGE_MAX, "%s", text);
	utf8_trim(ret);
}

/* The object's name, cut so that a number fits behind it, and again a name. */
static void name_event(char ret[static REPORT_NAME_MAX], const struct report_subject *subject,
		       const char *uid, const char *text)
{
	int length = (int)strlen(subject->name), most = REPORT_NAME_MAX - 2 - NUMBER_DIGITS;
	char all[MESSAGE_MAX + 64];

	if (length > most)
		length = most;
	while (length && !isalnum((unsigned char)subject->name[length - 1]))
		length--;
	snprintf(all, sizeof(all), "%s %s %s", subject->kind->name, uid, text);
	snprintf(ret, REPORT_NAME_MAX, "%.*s.%016llx", length, subject->name,
		 (unsigned long long)fingerprint_text(all, strlen(all)));
}

json_t *report_event(const struct report_subject *subject, const json_t *object,
		     const struct report_saying *saying, const char *node, time_t now)
{
	const char *namespace = *subject->namespace ? subject->namespace : "default";
	const char *uid = text_at(object, "metadata", "uid");
	char message[MESSAGE_MAX], name[REPORT_NAME_MAX], when[CLOCK_TEXT_MAX];

	copy_message(message, saying->text);
	name_event(name, subject, uid, message);
	clock_text(when, now);
	return json_pack("{ss ss s{ss ss} s{ss ss ss ss ss ss} ss ss ss s{ss ss} ss ss si ss ss}",
			 "apiVersion", "v1", "kind", "Event", "metadata", "name", name, "namespace",
			 namespace, "involvedObject", "kind", subject->kind->name, "namespace",
			 subject->namespace, "name", subject->name, "uid", uid, "apiVersion",
			 version_of(object), "resourceVersion",
			 text_at(object, "metadata", "resourceVersion"), "type", "Warning", "reason",
			 saying->is_warning ? "Ignored" : "Refused", "message", message, "source",
			 "component", COMPONENT, "host", node, "firstTimestamp", when,
			 "lastTimestamp", when, "count", 1, "reportingComponent", COMPONENT,
			 "reportingInstance", node);
}

static const json_t *find_condition(const json_t *object, const char *type)
{
	const json_t *status = json_object_get(object, "status"), *condition;
	size_t i;

	json_array_foreach(json_object_get(status, "conditions"), i, condition) {
		const char *text = json_string_value(json_object_get(condition, "type"));

		if (text && !strcmp(text, type))
			return condition;
	}
	return NULL;
}

static bool says(const json_t *condition, const char *member, const char *text)
{
	const char *value = json_string_value(json_object_get(condition, member));

	return value && !strcmp(value, text);
}

int report_status(json_t **ret, const struct report_subject *subject, const json_t *object,
		  const struct report_saying *saying, time_t now)
{
	const json_t *former = find_condition(object, "Accepted");
	const json_t *generation = json_object_get(json_object_get(object, "metadata"), "generation");
	const char *status = saying->is_accepted ? "True" : "False";
	const char *reason = saying->is_accepted ? "Accepted" : "Refused";
	char message[MESSAGE_MAX], when[CLOCK_TEXT_MAX];
	const char *since = clock_text(when, now);

	*ret = NULL;
	copy_message(message, *saying->text ? saying->text : "every node enforces it as written");
	if (says(former, "status", status)) {
		if (says(former, "reason", reason) && says(former, "message", message) &&
		    json_equal(json_object_get(former, "observedGeneration"), generation))
			return 0;
		since = json_string_value(json_object_get(former, "lastTransitionTime")) ?: when;
	}
	*ret = json_pack("{ss ss s{ss} s{s[{ss ss ss ss ss sI}]}}", "apiVersion",
			 version_of(object), "kind", subject->kind->name, "metadata", "name",
			 subject->name, "status", "conditions", "type", "Accepted", "status", status,
			 "reason", reason, "message", message, "lastTransitionTime", since,
			 "observedGeneration", json_integer_value(generation));
	return *ret ? 0 : -ENOMEM;
}

json_t *report_node_condition(time_t now)
{
	char when[CLOCK_TEXT_MAX];

	clock_text(when, now);
	return json_pack("{s{s[{ss ss ss ss ss ss}]}}", "status", "conditions", "type",
			 "NetworkUnavailable", "status", "False", "reason", "WeirIsUp", "message",
			 "weir serves pods on this node", "lastHeartbeatTime", when,
			 "lastTransitionTime", when);
}

json_t *report_taint_removal(size_t index, const char *key)
{
	char place[64], of_key[80];

	snprintf(place, sizeof(place), "/spec/taints/%zu", index);
	snprintf(of_key, sizeof(of_key), "%s/key", place);
	return json_pack("[{ss ss ss}{ss ss}]", "op", "test", "path", of_key, "value", key, "op",
			 "remove", "path", place);
}
