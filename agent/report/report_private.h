/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of report.h. */
#pragma once

#include "base/buf.h"
#include "report/report.h"
#include "report/report_said.h"
#include "report/report_text.h"

#define REPORT_PATH_MAX 640
#define REPORT_PROBLEM_MAX (API_HTTP_ERROR_MAX + 64)

enum report_topic {
	REPORT_NOTHING,
	REPORT_NODE,
	REPORT_EVENT,
	REPORT_STATUS,
	REPORT_TOPIC_MAX,
};

struct report_job {
	enum report_topic topic;
	struct report_subject subject;
	uint64_t key; /* in report->said */
	char *text;
	bool is_warning;
	bool is_accepted;
	size_t taint; /* of a Node: the number of the taint that goes, from 1; 0: the condition */
};

struct report {
	struct report_host host;
	struct event *timer;
	int64_t look_ms; /* when it fires */
	struct said said;
	struct report_job job; /* what is being said */
	struct api_call *call;
	struct buf answer;
	int64_t blocked_ms[REPORT_TOPIC_MAX]; /* until then the API server forbids it */
	char problem[REPORT_PROBLEM_MAX];
};

/* For people: "an Event", "the status of a policy". */
const char *report_topic_name(enum report_topic topic);

/* Where the subject is at the API server, and where an Event about it goes. */
void report_object_path(char ret[static REPORT_PATH_MAX], const struct report *report,
			const struct report_subject *subject);
void report_event_path(char ret[static REPORT_PATH_MAX], const struct report_subject *subject);

/* Sets report->job to what is due, if something is. Returns when the next thing is due. */
int64_t report_choose(struct report *report, int64_t now_ms);
