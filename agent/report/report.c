// SPDX-License-Identifier: Apache-2.0
#include "report/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "report/report_private.h"
#include "source/fingerprint.h"

#define STALL_MS 15000
#define SOON_MS 500 /* what changes together is looked at together */
#define GAP_MS 100 /* between two requests */
#define LOOK_MS 30000 /* nothing is missed for longer, whatever happens */
#define AGAIN_MS (30 * 60000) /* an Event is kept for an hour */
#define FORBIDDEN_MS (10 * 60000) /* permissions are given by people */
#define ANSWER_MAX (2 << 20)

static void schedule(struct report *report, int64_t ms)
{
	const struct timeval delay = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	report->look_ms = clock_ms() + ms;
	evtimer_add(report->timer, &delay);
}

static void end_job(struct report *report)
{
	free(report->job.text);
	report->job = (struct report_job){};
	buf_reset(&report->answer);
	schedule(report, GAP_MS);
}

static void fail(struct report *report, const struct api_answer *answer, const char *error)
{
	enum report_topic topic = report->job.topic;
	char before[sizeof(report->problem)];

	memcpy(before, report->problem, sizeof(before));
	snprintf(report->problem, sizeof(report->problem), "%s: %s", report_topic_name(topic),
		 answer && answer->error[0] ? answer->error : error);
	if (answer && answer->status == 403)
		report->blocked_ms[topic] = clock_ms() + FORBIDDEN_MS;
	if (strcmp(before, report->problem))
		log_warn("the API server does not take %s; it is tried again", report->problem);
	said_failed(&report->said, report->job.key, clock_ms());
	end_job(report);
}

/* It is there, or nobody needs it any more. */
static void succeed(struct report *report)
{
	enum report_topic topic = report->job.topic;
	int64_t again = topic == REPORT_EVENT ? clock_ms() + AGAIN_MS : SAID_NEVER;

	report->problem[0] = '\0';
	if (topic == REPORT_NODE)
		log_info("the API server knows now that %s", report->job.text);
	said_done(&report->said, report->job.key, again);
	end_job(report);
}

static int on_data(void *arg, const char *bytes, size_t length)
{
	struct report *report = arg;

	if (report->answer.length + length > ANSWER_MAX)
		return -ECANCELED;
	buf_put(&report->answer, bytes, length);
	return report->answer.failed ? -ENOMEM : 0;
}

static void on_sent(void *arg, const struct api_answer *answer)
{
	struct report *report = arg;

	report->call = NULL;
	/* Another node has said the same, word for word; or the object has gone. */
	if (api_answer_is_good(answer) || answer->status == 404 ||
	    (answer->status == 409 && report->job.topic == REPORT_EVENT))
		succeed(report);
	else
		fail(report, answer, "it answers too much");
}

static void send_letter(struct report *report, const char *path, const char *method,
			const char *type, json_t *body)
{
	const struct api_call_handler handler = { .arg = report, .data = on_data, .done = on_sent };
	cleanup(freep) char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	const struct api_letter letter = { .method = method, .type = type, .body = text };
	int r = text ? 0 : -ENOMEM;

	json_decref(body);
	buf_reset(&report->answer);
	r = r ?: api_http_send(&report->call, report->host.http, path, &letter, STALL_MS, &handler);
	if (r < 0)
		fail(report, NULL, strerror(-r));
}

static void send_about(struct report *report, const json_t *object)
{
	const struct report_job *job = &report->job;
	struct report_saying saying = {
		.is_accepted = job->is_accepted,
		.is_warning = job->is_warning,
		.text = job->text,
	};
	char path[REPORT_PATH_MAX + 64];
	json_t *status;

	if (job->topic == REPORT_EVENT) {
		report_event_path(path, &job->subject);
		send_letter(report, path, "POST", "application/json",
			    report_event(&job->subject, object, &saying, report->host.node,
					 time(NULL)));
	} else if (report_status(&status, &job->subject, object, &saying, time(NULL)) < 0) {
		fail(report, NULL, strerror(ENOMEM));
	} else if (!status) {
		succeed(report);
	} else {
		report_object_path(path, report, &job->subject);
		strcat(path, "/status?fieldManager=weir&force=true");
		send_letter(report, path, "PATCH", "application/apply-patch+yaml", status);
	}
}

static void on_object(void *arg, const struct api_answer *answer)
{
	struct report *report = arg;
	cleanup(json_decrefp) json_t *object = NULL;

	report->call = NULL;
	if (answer->status == 404) {
		succeed(report);
		return;
	}
	if (api_answer_is_good(answer))
		object = json_loadb(report->answer.data ?: "", report->answer.length, 0, NULL);
	if (json_is_object(object))
		send_about(report, object);
	else
		fail(report, answer, "its answer is no object");
}

/* What is said of an object names its UID, which only the API server knows. */
static void begin_object(struct report *report)
{
	const struct api_call_handler handler = { .arg = report, .data = on_data,
						  .done = on_object };
	char path[REPORT_PATH_MAX];
	int r;

	report_object_path(path, report, &report->job.subject);
	r = api_http_get(&report->call, report->host.http, path, STALL_MS, &handler);
	if (r < 0)
		fail(report, NULL, strerror(-r));
}

static void begin_node(struct report *report)
{
	const struct report_job *job = &report->job;
	char path[REPORT_PATH_MAX];

	report_object_path(path, report, &job->subject);
	if (job->taint) {
		send_letter(report, path, "PATCH", "application/json-patch+json",
			    report_taint_removal(job->taint - 1, report->host.taint));
		return;
	}
	strcat(path, "/status");
	send_letter(report, path, "PATCH", "application/strategic-merge-patch+json",
		    report_node_condition(time(NULL)));
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct report *report = arg;
	int64_t now = clock_ms(), due;

	if (report->job.topic != REPORT_NOTHING)
		return;
	due = report_choose(report, now);
	if (report->job.topic == REPORT_NOTHING)
		schedule(report, due - now < LOOK_MS ? due - now : LOOK_MS);
	else if (report->job.topic == REPORT_NODE)
		begin_node(report);
	else
		begin_object(report);
}

void report_soon(struct report *report)
{
	if (!report || report->job.topic != REPORT_NOTHING ||
	    report->look_ms <= clock_ms() + SOON_MS)
		return;
	schedule(report, SOON_MS);
}

const char *report_problem(const struct report *report)
{
	return report ? report->problem : "";
}

int report_new(struct report **ret, struct event_base *base, const struct report_host *host)
{
	struct report *report = calloc(1, sizeof(*report));

	if (!report)
		return -ENOMEM;
	report->host = *host;
	report->timer = evtimer_new(base, on_timer, report);
	if (!report->timer) {
		free(report);
		return -ENOMEM;
	}
	schedule(report, GAP_MS);
	*ret = report;
	return 0;
}

void report_free(struct report *report)
{
	if (!report)
		return;
	api_call_cancel(report->call);
	free(report->job.text);
	event_free(report->timer);
	said_free(&report->said);
	buf_done(&report->answer);
	free(report);
}
