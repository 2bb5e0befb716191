// SPDX-License-Identifier: Apache-2.0
/* One screen: is it healthy, what does it serve, how full is it, what goes wrong. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "cli/status.h"

#define PRESSURE_PERCENT 50 /* tables that are fuller get a line */

static int print_health(FILE *out, const json_t *answer)
{
	cleanup(freep) char *cidrs = json_join(json_object_get(answer, "podCidrs"), ", ", 0);
	char up[UNIT_TEXT_MAX];

	if (!cidrs)
		return -ENOMEM;
	fprintf(out, "%s: weir %s on %s, up %s\n",
		json_flag(answer, "healthy") ? "healthy" : "NOT HEALTHY",
		json_text(answer, "version"), json_text(answer, "node"),
		duration_text(up, json_number(answer, "uptimeSeconds")));
	fprintf(out, "Uplink      %s, mtu %lld, pods %s\n", json_text(answer, "uplink"),
		json_number(answer, "mtu"), cidrs);
	return 0;
}

/* The fast path of the uplink, where it is wanted. */
static void print_xdp(FILE *out, const json_t *xdp)
{
	const char *wanted = json_text(xdp, "wanted"), *error = json_text(xdp, "error");

	if (!*wanted || !strcmp(wanted, "off"))
		return;
	if (*error)
		fprintf(out, "XDP         none: %s\n", error);
	else
		fprintf(out, "XDP         %s\n", json_text(xdp, "mode"));
}

/* How the outside sees the node; an agent of a former version does not tell. */
static int print_outside(FILE *out, const json_t *outside)
{
	cleanup(freep) char *ips = json_join(json_object_get(outside, "addresses"), ", ", 0);
	cleanup(freep) char *node_ports = json_join(json_object_get(outside, "nodePortAddresses"),
						    ", ", 0);

	if (!ips || !node_ports)
		return -ENOMEM;
	if (*ips || *node_ports)
		fprintf(out, "Outside     this node is %s; NodePorts on %s%s\n",
			*ips ? ips : "nobody", *node_ports ? node_ports : "no address",
			!strcmp(json_text(outside, "forwarding"), "dsr") ?
				"; backends' nodes answer (dsr)" : "");
	print_xdp(out, json_object_get(outside, "xdp"));
	return 0;
}

/* By what pods are known outside; an agent of a former version does not tell. */
static void print_masquerade(FILE *out, const json_t *masquerade)
{
	const json_t *sources = json_object_get(masquerade, "sources");
	json_t *source;
	size_t i;

	if (!json_flag(masquerade, "enabled"))
		return;
	fprintf(out, "Masquerade ");
	json_array_foreach(sources, i, source)
		fprintf(out, "%s %s on %s", i ? "," : "", json_text(source, "address"),
			json_text(source, "device"));
	fprintf(out, "%s\n", json_array_size(sources) ? "" : " NO ADDRESS of this node");
}

static void print_counts(FILE *out, const json_t *answer)
{
	const json_t *endpoints = json_object_get(answer, "endpoints");
	const json_t *policy = json_object_get(answer, "policy");
	const char *error = json_text(policy, "error");

	fprintf(out, "Endpoints   %lld ready, %lld reserved, %lld leaving\n",
		json_number(endpoints, "ready"), json_number(endpoints, "reserved"),
		json_number(endpoints, "leaving"));
	fprintf(out, "Policy      %s, generation %lld: %lld rule sets, %lld classes, %lld peers, "
		     "applied in %.1f ms\n",
		json_flag(policy, "inForce") ? "in force" : "NOT IN FORCE",
		json_number(answer, "generation"), json_number(policy, "rulesets"),
		json_number(policy, "classes"), json_number(policy, "peers"),
		(double)json_number(policy, "appliedMicroseconds") / 1000);
	if (*error)
		fprintf(out, "            %s\n", error);
}

/* Only what is wrong: that services can be used from here is nothing special. */
static void print_sockets(FILE *out, const json_t *sockets)
{
	const char *error = json_text(sockets, "error");

	if (*error)
		fprintf(out, "Sockets     services cannot be used from this node itself: %s\n", error);
}

static void print_addresses(FILE *out, const json_t *pools)
{
	json_t *pool;
	size_t i;

	json_array_foreach(pools, i, pool)
		fprintf(out, "%-10s  %s: %lld used, %lld available\n", i ? "" : "Addresses",
			json_text(pool, "cidr"), json_number(pool, "used"),
			json_number(pool, "available"));
}

static size_t count_state(const json_t *kinds, const char *state)
{
	size_t count = 0, i;
	json_t *kind;

	json_array_foreach(kinds, i, kind)
		count += !strcmp(json_text(kind, "state"), state);
	return count;
}

static void print_sources(FILE *out, const json_t *sources)
{
	const json_t *kinds;
	json_t *source;
	size_t i;

	json_array_foreach(sources, i, source) {
		kinds = json_object_get(source, "kinds");
		fprintf(out, "%-10s  %s %s: ", i ? "" : "Sources", json_text(source, "kind"),
			json_text(source, "path"));
		if (kinds)
			fprintf(out, "%s, %zu of %zu kinds watched, %zu absent, %lld objects\n",
				json_flag(source, "synced") ? "synced" : "NOT SYNCED",
				count_state(kinds, "watching"), json_array_size(kinds),
				count_state(kinds, "absent"), json_number(source, "objects"));
		else
			fprintf(out, "%lld files, %lld objects%s\n", json_number(source, "files"),
				json_number(source, "objects"),
				json_flag(source, "reading") ? ", changes are being read" : "");
	}
}

static json_int_t percent(const json_t *map)
{
	json_int_t max = json_number(map, "max");

	return max > 0 ? (json_int_t)((double)json_number(map, "entries") * 100 / (double)max) : 0;
}

/* The tables under pressure, or in one line that there are none. */
static void print_maps(FILE *out, const json_t *maps)
{
	const json_t *fullest = NULL;
	const char *title = "Tables";
	json_t *map;
	size_t i;

	json_array_foreach(maps, i, map) {
		if (!fullest || percent(map) > percent(fullest))
			fullest = map;
		if (percent(map) <= PRESSURE_PERCENT)
			continue;
		fprintf(out, "%-10s  %s is %lld %% full: %lld of %lld\n", title,
			json_text(map, "name"), percent(map), json_number(map, "entries"),
			json_number(map, "max"));
		title = "";
	}
	if (fullest && percent(fullest) <= PRESSURE_PERCENT)
		fprintf(out, "Tables      room in all %zu; the fullest is %s with %lld %%\n",
			json_array_size(maps), json_text(fullest, "name"), percent(fullest));
}

/* An agent of a former version tells of no CIDRs. */
static int print_services_line(FILE *out, const json_t *services)
{
	cleanup(freep) char *cidrs = json_join(json_object_get(services, "cidrs"), ", ", 0);

	if (!cidrs)
		return -ENOMEM;
	fprintf(out, "Services    %lld Services, %lld EndpointSlices%s%s, applied in %.1f ms\n",
		json_number(services, "services"), json_number(services, "endpointSlices"),
		*cidrs ? ", of " : "", cidrs,
		(double)json_number(services, "appliedMicroseconds") / 1000);
	return 0;
}

/* An agent of a former version does not tell. */
static void print_nodes(FILE *out, const json_t *nodes)
{
	if (nodes)
		fprintf(out, "Nodes       %lld, routing mode %s: %lld routes\n",
			json_number(nodes, "nodes"), json_text(nodes, "routingMode"),
			json_number(nodes, "routes"));
}

static void print_drift(FILE *out, const json_t *drift)
{
	json_t *table;
	size_t i;

	if (!json_number(drift, "intervalSeconds")) {
		fprintf(out, "Drift       not looked for\n");
		return;
	}
	fprintf(out, "Drift       %lld found in %lld rounds", json_number(drift, "found"),
		json_number(drift, "rounds"));
	json_array_foreach(json_object_get(drift, "tables"), i, table)
		fprintf(out, "%s%s %lld", i ? ", " : ": ", json_text(table, "name"),
			json_number(table, "found"));
	fprintf(out, "; the last one found %lld, %.1f s ago, in %.1f ms\n",
		json_number(drift, "lastFound"),
		(double)json_number(drift, "lastEndedMillisecondsAgo") / 1000,
		(double)json_number(drift, "lastTookMicroseconds") / 1000);
}

int print_status(FILE *out, const json_t *answer)
{
	int r = print_health(out, answer);

	r = r ?: print_outside(out, json_object_get(answer, "outside"));
	if (!r)
		print_masquerade(out, json_object_get(answer, "masquerade"));
	if (r < 0)
		return r;
	print_counts(out, answer);
	print_nodes(out, json_object_get(answer, "nodes"));
	r = print_services_line(out, json_object_get(answer, "services"));
	if (r < 0)
		return r;
	print_addresses(out, json_object_get(answer, "addresses"));
	print_sources(out, json_object_get(answer, "sources"));
	print_sockets(out, json_object_get(answer, "sockets"));
	print_maps(out, json_object_get(answer, "maps"));
	print_drift(out, json_object_get(answer, "drift"));
	print_passed(out, json_object_get(answer, "passed"));
	r = print_drops(out, json_object_get(answer, "drops"));
	if (r < 0)
		return r;
	print_problems(out, answer);
	return 0;
}
