// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/output.h"

#define PLACE_MAX 64
#define FRONTENDS_SHOWN 3

/* "10.96.0.1:80", "[fd00::1]:80". Returns @buf. */
static const char *place_text(char buf[static PLACE_MAX], const json_t *value)
{
	const char *addr = json_text(value, "address");

	snprintf(buf, PLACE_MAX, strchr(addr, ':') ? "[%s]:%lld" : "%s:%lld", addr,
		 json_number(value, "port"));
	return buf;
}

static void add_places(struct table *table, const json_t *frontends)
{
	cleanup(json_dropp) json_t *texts = json_array();
	char place[PLACE_MAX];
	json_t *frontend;
	size_t i;

	json_array_foreach(frontends, i, frontend)
		json_array_append_new(texts, json_string(place_text(place, frontend)));
	table_cell_join(table, texts, FRONTENDS_SHOWN);
}

static void add_port(struct table *table, const json_t *service, const json_t *port)
{
	table_cell(table, "%s", json_text(service, "namespace"));
	table_cell(table, "%s", json_text(service, "name"));
	table_cell(table, "%s", json_text(port, "name"));
	table_cell(table, "%s", json_text(port, "protocol"));
	add_places(table, json_object_get(port, "frontends"));
	table_cell(table, "%lld", json_number(port, "clusterBackends"));
	table_cell(table, "%lld", json_number(port, "localBackends"));
	table_cell(table, "%lld", json_number(port, "connections"));
	table_cell(table, "%lld", json_number(port, "refused"));
	table_cell(table, "%s", *json_text(service, "problem") ? "see weir service get" :
				json_number(port, "number")	? "in force" :
								  "not in force");
}

int print_services(FILE *out, const json_t *answer)
{
	cleanup(table_done) struct table table =
		TABLE("NAMESPACE", "NAME", "PORT", "PROTOCOL", "FRONTENDS", ">BACKENDS", ">LOCAL",
		      ">CONNECTIONS", ">REFUSED", "STATE");
	json_t *service, *port;
	size_t i, j;
	int r;

	json_array_foreach(json_object_get(answer, "services"), i, service)
		json_array_foreach(json_object_get(service, "ports"), j, port)
			add_port(&table, service, port);
	r = table_print(out, &table);
	if (r >= 0 && json_number(answer, "more"))
		fprintf(out, "and %lld more\n", json_number(answer, "more"));
	return r;
}

static const char *state_of(const json_t *backend)
{
	if (json_flag(backend, "terminating"))
		return json_flag(backend, "serving") ? "terminating, serving" : "terminating";
	return json_flag(backend, "ready") ? "ready" : "not ready";
}

static const char *sets_of(const json_t *backend)
{
	if (json_flag(backend, "inCluster"))
		return json_flag(backend, "inLocal") ? "Cluster, Local" : "Cluster";
	return json_flag(backend, "inLocal") ? "Local" : "none";
}

static int print_backends(FILE *out, const json_t *backends)
{
	cleanup(table_done) struct table table = TABLE("  BACKEND", "STATE", "SETS", "NODE");
	char place[PLACE_MAX];
	json_t *backend;
	size_t i;

	if (!json_array_size(backends)) {
		fprintf(out, "  no backends\n");
		return 0;
	}
	json_array_foreach(backends, i, backend) {
		const char *node = json_text(backend, "node");

		table_cell(&table, "  %s", place_text(place, backend));
		table_cell(&table, "%s", state_of(backend));
		table_cell(&table, "%s", sets_of(backend));
		table_cell(&table, "%s%s", *node ? node : "unknown",
			   json_flag(backend, "local") ? " (this one)" : "");
	}
	return table_print(out, &table);
}

static int print_port(FILE *out, const json_t *port)
{
	const char *name = json_text(port, "name");
	char place[PLACE_MAX], affinity[UNIT_TEXT_MAX];
	json_t *frontend;
	size_t i;

	fprintf(out, "\nPort %s%s%s, IPv%lld: ", name, *name ? "/" : "",
		json_text(port, "protocol"), json_number(port, "family"));
	if (json_number(port, "number"))
		fprintf(out, "service port %lld", json_number(port, "number"));
	else
		fprintf(out, "not in force");
	if (json_number(port, "affinitySeconds"))
		fprintf(out, ", clients keep their backend for %s",
			duration_text(affinity, json_number(port, "affinitySeconds")));
	fprintf(out, "\n  %lld connections, %lld refused, %lld dropped\n",
		json_number(port, "connections"), json_number(port, "refused"),
		json_number(port, "silent"));
	json_array_foreach(json_object_get(port, "frontends"), i, frontend)
		fprintf(out, "  %s %s, policy %s\n", json_text(frontend, "kind"),
			place_text(place, frontend), json_text(frontend, "policy"));
	return print_backends(out, json_object_get(port, "backends"));
}

int print_service(FILE *out, const json_t *service)
{
	const char *problem = json_text(service, "problem");
	json_t *port;
	size_t i;
	int r = 0;

	fprintf(out, "Service %s/%s\n", json_text(service, "namespace"),
		json_text(service, "name"));
	if (*problem)
		fprintf(out, "PROBLEM %s\n", problem);
	if (json_number(service, "healthCheckNodePort"))
		fprintf(out, "Health check on port %lld: %lld ready endpoints on this node\n",
			json_number(service, "healthCheckNodePort"),
			json_number(service, "readyLocal"));
	if (!json_array_size(json_object_get(service, "ports")))
		fprintf(out, "Nothing of it is to be served here\n");
	json_array_foreach(json_object_get(service, "ports"), i, port) {
		r = print_port(out, port);
		if (r < 0)
			return r;
	}
	return r;
}
