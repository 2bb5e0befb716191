// SPDX-License-Identifier: Apache-2.0
#include "service_problems.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "base/log.h"
#include "net/sysctl.h"
#include "node_health.h"
#include "service_cidrs.h"

#define LINES_MAX 20

static void add(struct service_problems *problems, const char *text, bool warning)
{
	size_t room = problems->room * 2 ?: 16;
	struct service_problem *items;
	char *copy = strdup(text);

	if (copy && problems->count == problems->room) {
		items = reallocarray(problems->items, room, sizeof(*items));
		if (items) {
			problems->items = items;
			problems->room = room;
		}
	}
	if (!copy || problems->count == problems->room) {
		free(copy);
		log_error("%s", text);
		return;
	}
	problems->items[problems->count++] = (struct service_problem){ copy, warning };
}

static void add_warning(const char *text, void *arg)
{
	add(arg, text, true);
}

static void add_error(const char *text, void *arg)
{
	add(arg, text, false);
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct service_problem *)a)->text,
		      ((const struct service_problem *)b)->text);
}

static bool was_said(const struct service_problems *former, const struct service_problem *problem)
{
	return former->count && bsearch(problem, former->items, former->count, sizeof(*problem),
					compare);
}

static void say(const struct service_problems *problems, const struct service_problems *former)
{
	size_t fresh = 0;

	for (size_t i = 0; i < problems->count; i++) {
		const struct service_problem *problem = &problems->items[i];

		if (!was_said(former, problem) && fresh++ < LINES_MAX)
			log_line(problem->warning ? LOG_LEVEL_WARN : LOG_LEVEL_ERROR, "%s",
				 problem->text);
	}
	if (fresh > LINES_MAX)
		log_error("and %zu more problems of services, see weir status -o yaml",
			  fresh - LINES_MAX);
	if (former->count && !problems->count)
		log_info("services are without problems again");
}

/* Two connections that are the same in the eyes of a backend: one of a socket, one of weir. */
static void look_at_ports(struct service_problems *problems, const struct config *config)
{
	char text[256];
	uint16_t first, last;

	if (net_local_ports(&first, &last) < 0 || config->source_port_first > last ||
	    config->source_port_last < first)
		return;
	snprintf(text, sizeof(text),
		 "service-source-ports %u-%u: the kernel gives ports %u-%u to sockets "
		 "(net.ipv4.ip_local_port_range); neither may use the other's",
		 config->source_port_first, config->source_port_last, first, last);
	add(problems, text, true);
}

void service_problems_update(struct agent *agent)
{
	struct service_problems next = {};

	services_each_problem(agent->services, add_warning, &next);
	service_writer_each_problem(agent->service_writer, add_error, &next);
	health_each_problem(agent->health, add_error, &next);
	node_health_each_problem(agent, add_error, &next);
	service_cidrs_each_problem(agent, add_warning, &next);
	look_at_ports(&next, &agent->config);
	if (next.count)
		qsort(next.items, next.count, sizeof(*next.items), compare);
	say(&next, &agent->service_problems);
	service_problems_done(&agent->service_problems);
	agent->service_problems = next;
	report_soon(agent->report);
}

void service_problems_done(struct service_problems *problems)
{
	for (size_t i = 0; i < problems->count; i++)
		free(problems->items[i].text);
	free(problems->items);
	*problems = (struct service_problems){};
}
