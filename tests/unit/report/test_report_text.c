// SPDX-License-Identifier: Apache-2.0
#include "lib/check_main.h"

#include <string.h>

#include "base/cleanup.h"
#include "report/report_text.h"

#define NOW 1800000000 /* 2027-01-15T08:00:00Z */

static const char *text_at(const json_t *object, const char *path)
{
	char part[64];

	for (const char *end; (end = strchr(path, '.')); path = end + 1) {
		snprintf(part, sizeof(part), "%.*s", (int)(end - path), path);
		object = json_is_array(object) ? json_array_get(object, (size_t)atoi(part)) :
						 json_object_get(object, part);
	}
	return json_string_value(json_object_get(object, path)) ?: "";
}

static struct report_subject subject_of(const char *text)
{
	struct report_subject subject;

	ck_assert_int_eq(report_subject_read(&subject, text, NULL), 0);
	return subject;
}

static json_t *event_of(const char *subject, const char *uid, const char *text)
{
	struct report_subject about = subject_of(subject);
	struct report_saying saying = { .text = text };
	json_t *object = json_pack("{ss s{ss ss}}", "apiVersion", "x/v1", "metadata", "uid", uid,
				   "resourceVersion", "7");
	json_t *event = report_event(&about, object, &saying, "n1", NOW);

	ck_assert_ptr_nonnull(event);
	json_decref(object);
	return event;
}

START_TEST(an_event_names_its_object)
{
	json_t *event = event_of("NetworkPolicy shop/front", "u1", "spec.ingress: is odd");

	ck_assert_str_eq(text_at(event, "metadata.namespace"), "shop");
	ck_assert_str_eq(text_at(event, "involvedObject.kind"), "NetworkPolicy");
	ck_assert_str_eq(text_at(event, "involvedObject.namespace"), "shop");
	ck_assert_str_eq(text_at(event, "involvedObject.name"), "front");
	ck_assert_str_eq(text_at(event, "involvedObject.uid"), "u1");
	ck_assert_str_eq(text_at(event, "involvedObject.apiVersion"), "x/v1");
	ck_assert_str_eq(text_at(event, "message"), "spec.ingress: is odd");
	ck_assert_str_eq(text_at(event, "reason"), "Refused");
	ck_assert_str_eq(text_at(event, "type"), "Warning");
	ck_assert_str_eq(text_at(event, "source.host"), "n1");
	ck_assert_str_eq(text_at(event, "firstTimestamp"), "2027-01-15T08:00:00Z");
	json_decref(event);
	event = event_of("Node n1", "u1", "x");
	ck_assert_str_eq(text_at(event, "metadata.namespace"), "default");
	ck_assert_str_eq(text_at(event, "involvedObject.namespace"), "");
	json_decref(event);
}
END_TEST

START_TEST(the_name_of_an_event_is_what_it_says)
{
	static const char *const others[][3] = {
		{ "Service shop/front", "u1", "b" },
		{ "Service shop/front", "u2", "a" },
		{ "NetworkPolicy shop/front", "u1", "a" },
	};
	json_t *first = event_of("Service shop/front", "u1", "a");
	json_t *same = event_of("Service shop/front", "u1", "a");

	ck_assert_str_eq(text_at(first, "metadata.name"), text_at(same, "metadata.name"));
	json_decref(same);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		json_t *other = event_of(others[i][0], others[i][1], others[i][2]);

		ck_assert_str_ne(text_at(first, "metadata.name"), text_at(other, "metadata.name"));
		json_decref(other);
	}
	json_decref(first);
}
END_TEST

START_TEST(long_texts_are_cut)
{
	char subject[300] = "Service shop/", text[3000] = "";
	json_t *event;
	const char *name;

	memset(subject + strlen(subject), 'a', 235);
	memset(subject + strlen("Service shop/") + 230, '-', 4);
	for (int i = 0; i < 1400; i++)
		strcat(text, "\xc3\xa9");
	event = event_of(subject, "u", text);
	name = text_at(event, "metadata.name");
	ck_assert_uint_le(strlen(name), 253);
	ck_assert_ptr_null(strstr(name, "-."));
	ck_assert_uint_le(strlen(text_at(event, "message")), 1024);
	json_decref(event);
}
END_TEST

#define POLICY                                                                               \
	"{\"apiVersion\":\"policy.networking.k8s.io/v1alpha1\",\"metadata\":"              \
	"{\"name\":\"p\",\"generation\":3},\"status\":{\"conditions\":[%s]}}"
#define CONDITION                                                                            \
	"{\"type\":\"Accepted\",\"status\":\"%s\",\"reason\":\"%s\",\"message\":\"%s\","   \
	"\"observedGeneration\":%d,\"lastTransitionTime\":\"2020-01-01T00:00:00Z\"}"

static json_t *status_of(const char *condition, bool is_accepted, const char *text)
{
	struct report_subject subject = subject_of("AdminNetworkPolicy p");
	struct report_saying saying = { .is_accepted = is_accepted, .text = text };
	char policy[1024];
	json_t *object, *status;

	snprintf(policy, sizeof(policy), POLICY, condition);
	object = json_loads(policy, 0, NULL);
	ck_assert_ptr_nonnull(object);
	ck_assert_int_eq(report_status(&status, &subject, object, &saying, NOW), 0);
	json_decref(object);
	return status;
}

static const struct {
	const char *status, *reason, *message;
	int generation;
	bool is_accepted;
	const char *text;
	bool is_same;
	const char *since;
} statuses[] = {
	{ "False", "Refused", "bad", 3, false, "bad", true },
	{ "False", "Refused", "bad", 2, false, "bad", false, "2020-01-01T00:00:00Z" },
	{ "False", "Refused", "odd", 3, false, "bad", false, "2020-01-01T00:00:00Z" },
	{ "False", "Refused", "bad", 3, true, "", false, "2027-01-15T08:00:00Z" },
	{ "True", "Accepted", "every node enforces it as written", 3, true, "", true },
	{ "True", "Accepted", "every node enforces it as written", 3, false, "bad", false,
	  "2027-01-15T08:00:00Z" },
};

START_TEST(a_status_is_written_when_it_differs)
{
	char condition[512];
	json_t *status;

	snprintf(condition, sizeof(condition), CONDITION, statuses[_i].status, statuses[_i].reason,
		 statuses[_i].message, statuses[_i].generation);
	status = status_of(condition, statuses[_i].is_accepted, statuses[_i].text);
	ck_assert(!status == statuses[_i].is_same);
	if (!status)
		return;
	ck_assert_str_eq(text_at(status, "status.conditions.0.lastTransitionTime"),
			 statuses[_i].since);
	ck_assert_str_eq(text_at(status, "status.conditions.0.status"),
			 statuses[_i].is_accepted ? "True" : "False");
	json_decref(status);
}
END_TEST

START_TEST(a_policy_without_status_gets_one)
{
	json_t *status = status_of("", false, "spec.subject: is required");

	ck_assert_str_eq(text_at(status, "kind"), "AdminNetworkPolicy");
	ck_assert_str_eq(text_at(status, "metadata.name"), "p");
	ck_assert_str_eq(text_at(status, "status.conditions.0.message"), "spec.subject: is required");
	json_decref(status);
}
END_TEST

START_TEST(a_taint_goes_only_if_it_is_still_there)
{
	json_t *patch = report_taint_removal(2, "a/b");
	char *text = json_dumps(patch, JSON_COMPACT);

	ck_assert_str_eq(text, "[{\"op\":\"test\",\"path\":\"/spec/taints/2/key\",\"value\":\"a/b\"},"
			       "{\"op\":\"remove\",\"path\":\"/spec/taints/2\"}]");
	free(text);
	json_decref(patch);
}
END_TEST

CHECK_MAIN("report_text", CHECK_TEST(an_event_names_its_object),
	   CHECK_TEST(the_name_of_an_event_is_what_it_says), CHECK_TEST(long_texts_are_cut),
	   CHECK_LOOP(a_status_is_written_when_it_differs, statuses),
	   CHECK_TEST(a_policy_without_status_gets_one),
	   CHECK_TEST(a_taint_goes_only_if_it_is_still_there))
