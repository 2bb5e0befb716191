// SPDX-License-Identifier: Apache-2.0
/* What is to be said next: all there is is looked at each time, and what was said is known. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "report/report_private.h"
#include "source/fingerprint.h"

#define RANK_DELAY_MS 20000 /* until the next node says it */
#define RANKS 3 /* nodes that would say it */
#define UNREADY_MS 100 /* until it is looked again whether the node is ready: pods wait for it */
#define LATER_MS 200 /* until the next look, when one would have been too long */
#define FRESH_MAX 50 /* new things of one look: an order of all nodes is found for each */
#define TEXT_MAX 2048

struct choice {
	struct report *report;
	int64_t now_ms;
	int64_t due_ms; /* of the next thing that is not due yet */
	unsigned int fresh;
};

const char *report_topic_name(enum report_topic topic)
{
	switch (topic) {
	case REPORT_NODE:
		return "the state of this Node";
	case REPORT_EVENT:
		return "an Event";
	case REPORT_STATUS:
		return "the status of a policy";
	default:
		return "nothing";
	}
}

void report_object_path(char ret[static REPORT_PATH_MAX], const struct report *report,
			const struct report_subject *subject)
{
	const struct api_kind *kind = subject->kind;
	const char *namespace = subject->namespace;

	snprintf(ret, REPORT_PATH_MAX, "%s/%s%s%s/%s/%s", kind->group,
		 report->host.version(report->host.arg, kind), *namespace ? "/namespaces/" : "",
		 namespace, kind->plural, subject->name);
}

void report_event_path(char ret[static REPORT_PATH_MAX], const struct report_subject *subject)
{
	snprintf(ret, REPORT_PATH_MAX, "/api/v1/namespaces/%s/events",
		 *subject->namespace ? subject->namespace : "default");
}

static uint64_t key_of(enum report_topic topic, const struct report_subject *subject,
		       const char *text)
{
	char all[TEXT_MAX + 512];

	snprintf(all, sizeof(all), "%d %s %s/%s %s", topic, subject->kind->name, subject->namespace,
		 subject->name, text);
	return fingerprint_text(all, strlen(all));
}

/* When this node says it. Those beyond the first ones never do. */
static int64_t turn_of(const struct choice *choice, const struct report_job *job)
{
	const struct report_host *host = &choice->report->host;
	uint32_t rank = 0;

	if (job->topic != REPORT_NODE)
		rank = report_subject_rank(&job->subject, host->store, host->node);
	return rank < RANKS ? choice->now_ms + (int64_t)rank * RANK_DELAY_MS : SAID_NEVER;
}

static int64_t due_of(struct choice *choice, const struct report_job *job, uint64_t value)
{
	struct report *report = choice->report;
	struct said_entry *entry;

	/* No number of problems may keep a node closed. */
	entry = job->topic == REPORT_NODE ? said_need(&report->said, job->key, value) :
					    said_want(&report->said, job->key, value);
	if (!entry)
		return SAID_NEVER;
	if (entry->is_fresh && choice->fresh++ >= FRESH_MAX)
		return choice->now_ms + LATER_MS;
	if (entry->is_fresh)
		entry->due_ms = turn_of(choice, job);
	entry->is_fresh = false;
	return entry->due_ms > report->blocked_ms[job->topic] ? entry->due_ms :
								report->blocked_ms[job->topic];
}

/* Takes @job if it is due and nothing else was taken. */
static void consider(struct choice *choice, const struct report_job *job, const char *text,
		     uint64_t value)
{
	struct report *report = choice->report;
	int64_t due = due_of(choice, job, value);

	if (due > choice->now_ms || report->job.topic != REPORT_NOTHING) {
		choice->due_ms = due < choice->due_ms ? due : choice->due_ms;
		return;
	}
	report->job = *job;
	report->job.text = strdup(text);
	if (!report->job.text)
		report->job = (struct report_job){};
}

static size_t find_taint(const struct report_host *host, const struct node *node)
{
	for (size_t i = 0; *host->taint && i < node->taint_count; i++)
		if (!strcmp(node->taints[i], host->taint))
			return i + 1;
	return 0;
}

static void look_at_node(struct choice *choice)
{
	const struct report_host *host = &choice->report->host;
	const struct object *obj = store_get(host->store, OBJECT_NODE, "", host->node);
	struct report_job job = { .topic = REPORT_NODE };
	char name[REPORT_NAME_MAX + 8];
	const char *text;

	if (!obj)
		return;
	snprintf(name, sizeof(name), "Node %s", host->node);
	job.taint = obj->node.network_ready ? find_taint(host, &obj->node) : 0;
	if ((obj->node.network_ready && !job.taint) ||
	    report_subject_read(&job.subject, name, NULL) < 0)
		return;
	text = job.taint ? "pods may come to this node" : "the network of this node is there";
	job.key = key_of(REPORT_NODE, &job.subject, text);
	/* Said once of each version of the Node: the next one shows whether it helped. */
	consider(choice, &job, text, obj->stamp);
}

static bool has_status(enum object_kind kind)
{
	return kind == OBJECT_CLUSTER_NETWORK_POLICY || kind == OBJECT_ADMIN_NETWORK_POLICY ||
	       kind == OBJECT_BASELINE_ADMIN_NETWORK_POLICY;
}

static void look_at_status(struct choice *choice, const struct report_subject *subject,
			   const char *text, bool is_accepted)
{
	struct report_job job = {
		.topic = REPORT_STATUS,
		.subject = *subject,
		.is_accepted = is_accepted,
		.key = key_of(REPORT_STATUS, subject, ""),
	};
	const struct object *obj = store_get(choice->report->host.store, subject->kind->kind, "",
					     subject->name);

	/* The first problem stands for all. */
	if (said_wants(&choice->report->said, job.key))
		return;
	consider(choice, &job, text, key_of(REPORT_STATUS, subject, text) + (obj ? obj->stamp : 0));
}

static void look_at_problem(void *arg, const char *object, const char *field, const char *text,
			    bool is_warning)
{
	struct choice *choice = arg;
	struct report_job job = { .topic = REPORT_EVENT, .is_warning = is_warning };
	char whole[TEXT_MAX];

	if (report_subject_read(&job.subject, object, NULL) < 0)
		return;
	snprintf(whole, sizeof(whole), "%s%s%s", field, *field ? ": " : "", text);
	job.key = key_of(REPORT_EVENT, &job.subject, whole);
	consider(choice, &job, whole, 0);
	if (!is_warning && has_status(job.subject.kind->kind))
		look_at_status(choice, &job.subject, whole, false);
}

static int look_at_policy(const struct object *obj, void *arg)
{
	struct report_subject subject;
	char name[REPORT_NAME_MAX + 64];

	snprintf(name, sizeof(name), "%s %s", object_kind_name(obj->kind), obj->name);
	if (!report_subject_read(&subject, name, NULL))
		look_at_status(arg, &subject, "", true);
	return 0;
}

int64_t report_choose(struct report *report, int64_t now_ms)
{
	struct choice choice = { .report = report, .now_ms = now_ms, .due_ms = SAID_NEVER };
	const struct report_host *host = &report->host;

	if (!host->is_ready(host->arg))
		return now_ms + UNREADY_MS;
	said_begin(&report->said);
	look_at_node(&choice);
	host->each_problem(host->arg, look_at_problem, &choice);
	store_each(host->store, OBJECT_CLUSTER_NETWORK_POLICY, look_at_policy, &choice);
	store_each(host->store, OBJECT_ADMIN_NETWORK_POLICY, look_at_policy, &choice);
	store_each(host->store, OBJECT_BASELINE_ADMIN_NETWORK_POLICY, look_at_policy, &choice);
	said_sweep(&report->said);
	return choice.due_ms;
}
