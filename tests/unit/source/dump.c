// SPDX-License-Identifier: Apache-2.0
#include "dump.h"

#include <check.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "source/decode.h"

struct dump {
	FILE *objects;
	FILE *problems;
	long settled_objects; /* as much of each counts whatever comes */
	long settled_problems;
};

static void put_selector(FILE *out, const char *what, const struct selector *selector)
{
	cleanup(buf_done) struct buf text = {};

	selector_text(&text, selector);
	ck_assert(!text.failed);
	fprintf(out, " %s(%s)", what, text.data);
}

static void put_labels(FILE *out, const struct labels *labels)
{
	for (size_t i = 0; i < labels->count; i++) {
		ck_assert(!i || strcmp(labels->items[i - 1].key, labels->items[i].key) < 0);
		fprintf(out, " %s=%s", labels->items[i].key, labels->items[i].value);
	}
}

static void put_ips(FILE *out, const struct ip_addr *ips, size_t count)
{
	char buf[ADDR_TEXT_MAX];

	for (size_t i = 0; i < count; i++)
		fprintf(out, " %s", addr_text(buf, &ips[i]));
}

static const char *proto_name(uint8_t proto)
{
	return proto == IPPROTO_TCP ? "TCP" : proto == IPPROTO_UDP ? "UDP"
				      : proto == IPPROTO_SCTP	   ? "SCTP"
								   : "?";
}

static void put_pod(FILE *out, const struct pod *pod)
{
	fprintf(out, " node=%s uid=%s%s%s", pod->node, pod->uid, pod->host_network ? " host" : "",
		pod->finished ? " finished" : "");
	put_labels(out, &pod->labels);
	put_ips(out, pod->ips, pod->ip_count);
	for (size_t i = 0; i < pod->port_count; i++)
		fprintf(out, " %s:%s/%u", pod->ports[i].name, proto_name(pod->ports[i].proto),
			pod->ports[i].port);
}

static void put_peer(FILE *out, const struct policy_peer *peer)
{
	char buf[PREFIX_TEXT_MAX];

	if (peer->is_nodes) {
		put_selector(out, "nodes", &peer->nodes);
		return;
	}
	if (!peer->is_cidr) {
		if (!peer->own_namespace)
			put_selector(out, "ns", &peer->namespaces);
		put_selector(out, "pods", &peer->pods);
		return;
	}
	fprintf(out, " %s", prefix_text(buf, &peer->cidr));
	for (size_t i = 0; i < peer->except_count; i++)
		fprintf(out, "-%s", prefix_text(buf, &peer->except[i]));
}

static void put_port(FILE *out, const struct policy_port *port)
{
	if (port->name)
		fprintf(out, " %s:%s", proto_name(port->proto), port->name);
	else
		fprintf(out, " %s:%u-%u", proto_name(port->proto), port->first, port->last);
}

static void put_rule(FILE *out, const struct policy_rule *rule)
{
	static const char *const actions[] = { "", " deny", " pass" };

	fprintf(out, " [%s", actions[rule->action]);
	if (rule->name)
		fprintf(out, " '%s'", rule->name);
	if (rule->matches_nothing)
		fputs(" nothing", out);
	for (size_t i = 0; i < rule->peer_count; i++)
		put_peer(out, &rule->peers[i]);
	fputs(" :", out);
	for (size_t i = 0; i < rule->port_count; i++)
		put_port(out, &rule->ports[i]);
	fputs(" ]", out);
}

static void put_policy(FILE *out, const struct network_policy *policy)
{
	static const char *const names[] = { "ingress", "egress" };

	put_selector(out, "pods", &policy->pods);
	for (int dir = 0; dir < POLICY_DIR_MAX; dir++) {
		if (policy->isolates[dir])
			fprintf(out, " %s", names[dir]);
		else if (policy->rule_count[dir])
			fprintf(out, " (%s)", names[dir]);
		for (size_t i = 0; i < policy->rule_count[dir]; i++)
			put_rule(out, &policy->rules[dir][i]);
	}
}

static void put_ordered_policy(FILE *out, const struct network_policy *policy)
{
	static const char *const names[] = { "ingress", "egress" };

	fprintf(out, " %s %u", policy->tier == TIER_ADMIN ? "admin" : "baseline",
		policy->priority);
	put_selector(out, "ns", &policy->namespaces);
	put_selector(out, "pods", &policy->pods);
	for (int dir = 0; dir < POLICY_DIR_MAX; dir++) {
		ck_assert(!policy->isolates[dir]);
		if (policy->rule_count[dir])
			fprintf(out, " %s", names[dir]);
		for (size_t i = 0; i < policy->rule_count[dir]; i++)
			put_rule(out, &policy->rules[dir][i]);
	}
}

static void put_named_ips(FILE *out, const char *name, const struct ip_addr *ips, size_t count)
{
	if (count)
		fprintf(out, " %s", name);
	put_ips(out, ips, count);
}

static void put_service(FILE *out, const struct service *service)
{
	static const char *const types[] = { "ClusterIP", "NodePort", "LoadBalancer", "ExternalName" };
	char buf[PREFIX_TEXT_MAX];

	fprintf(out, " %s%s%s%s%s", types[service->type], service->headless ? " headless" : "",
		service->foreign ? " foreign" : "",
		service->internal_local ? " internal-local" : "",
		service->external_local ? " external-local" : "");
	if (service->affinity_s)
		fprintf(out, " affinity=%u", service->affinity_s);
	if (service->health_port)
		fprintf(out, " health=%u", service->health_port);
	put_named_ips(out, "cluster", service->cluster_ips, service->cluster_ip_count);
	put_named_ips(out, "external", service->external_ips, service->external_ip_count);
	put_named_ips(out, "balancer", service->balancer_ips, service->balancer_ip_count);
	if (service->has_ranges)
		fputs(" ranges", out);
	for (size_t i = 0; i < service->range_count; i++)
		fprintf(out, " %s", prefix_text(buf, &service->ranges[i]));
	for (size_t i = 0; i < service->port_count; i++) {
		const struct service_spec_port *port = &service->ports[i];

		fprintf(out, " %s:%s/%u", port->name, proto_name(port->proto), port->port);
		if (port->node_port)
			fprintf(out, "@%u", port->node_port);
	}
}

static void put_hints(FILE *out, const struct endpoint_slice *slice, const char *what,
		      const struct slice_endpoint *ep, size_t first, size_t count)
{
	for (size_t i = 0; i < count; i++)
		fprintf(out, "%s%s", i ? "," : what, slice_hint(slice, ep, first + i));
}

static void put_slice(FILE *out, const struct endpoint_slice *slice)
{
	fprintf(out, " of %s%s", slice->service, slice->is_v4 ? " IPv4" : "");
	for (size_t i = 1; i < slice->name_count; i++)
		ck_assert_int_lt(strcmp(slice->names[i - 1], slice->names[i]), 0);
	for (size_t i = 0; i < slice->endpoint_count; i++) {
		const struct slice_endpoint *ep = &slice->endpoints[i];

		fputs(" [", out);
		put_ips(out, &ep->addr, 1);
		fprintf(out, "%s%s%s", ep->conditions & SLICE_READY ? " ready" : "",
			ep->conditions & SLICE_SERVING ? " serving" : "",
			ep->conditions & SLICE_TERMINATING ? " terminating" : "");
		if (ep->node)
			fprintf(out, " node=%s", slice_node(slice, ep));
		put_hints(out, slice, " zones=", ep, 0, ep->zone_count);
		put_hints(out, slice, " nodes=", ep, ep->zone_count, ep->node_count);
		fputs(" ]", out);
	}
	for (size_t i = 0; i < slice->port_count; i++)
		fprintf(out, " %s:%s/%u", slice->ports[i].name, proto_name(slice->ports[i].proto),
			slice->ports[i].port);
}

static void take_object(void *arg, struct object *given)
{
	FILE *out = ((struct dump *)arg)->objects;
	cleanup(object_freep) struct object *obj = given;
	char cidr[PREFIX_TEXT_MAX];

	fprintf(out, "%s %s%s%s", object_kind_name(obj->kind), obj->namespace,
		*obj->namespace ? "/" : "", obj->name);
	switch (obj->kind) {
	case OBJECT_POD:
		put_pod(out, &obj->pod);
		break;
	case OBJECT_NAMESPACE:
		put_labels(out, &obj->ns.labels);
		break;
	case OBJECT_NODE:
		put_labels(out, &obj->node.labels);
		put_ips(out, obj->node.ips, obj->node.ip_count);
		for (size_t i = 0; i < obj->node.cidr_count; i++)
			fprintf(out, " pods=%s", prefix_text(cidr, &obj->node.cidrs[i]));
		fprintf(out, "%s", obj->node.deleting ? " deleting" : "");
		break;
	case OBJECT_SERVICE_CIDR:
		for (size_t i = 0; i < obj->service_cidr.count; i++)
			fprintf(out, " %s", prefix_text(cidr, &obj->service_cidr.cidrs[i]));
		break;
	case OBJECT_NETWORK_POLICY:
		put_policy(out, &obj->policy);
		break;
	case OBJECT_CLUSTER_NETWORK_POLICY:
	case OBJECT_ADMIN_NETWORK_POLICY:
	case OBJECT_BASELINE_ADMIN_NETWORK_POLICY:
		put_ordered_policy(out, &obj->policy);
		break;
	case OBJECT_SERVICE:
		put_service(out, obj->service);
		break;
	case OBJECT_ENDPOINT_SLICE:
		put_slice(out, obj->slice);
		break;
	case OBJECT_KIND_MAX:
		break;
	}
	fputc('\n', out);
}

static void take_problem(void *arg, const struct decode_problem *problem)
{
	FILE *out = ((struct dump *)arg)->problems;

	fputs(problem->warning ? "warning:" : "error:", out);
	if (*problem->object)
		fprintf(out, " %s:", problem->object);
	else
		fprintf(out, " document %u line %u:", problem->document, problem->line);
	if (*problem->field)
		fprintf(out, " %s:", problem->field);
	fprintf(out, " %s\n", problem->text);
}

static long settle_one(FILE *out, long settled, bool counts)
{
	if (!counts)
		ck_assert_int_eq(fseek(out, settled, SEEK_SET), 0);
	return ftell(out);
}

static void settle(void *arg, bool counts)
{
	struct dump *dump = arg;

	dump->settled_objects = settle_one(dump->objects, dump->settled_objects, counts);
	dump->settled_problems = settle_one(dump->problems, dump->settled_problems, counts);
}

char *dump_text(const char *text)
{
	char *objects = NULL, *problems = NULL, *all = NULL;
	size_t length;
	struct dump dump = {
		.objects = open_memstream(&objects, &length),
		.problems = open_memstream(&problems, &length),
	};
	const struct decode_sink sink = { .arg = &dump, .object = take_object,
					  .problem = take_problem, .settle = settle };

	ck_assert_ptr_nonnull(dump.objects);
	ck_assert_ptr_nonnull(dump.problems);
	ck_assert_int_eq(decode_text(&sink, text, strlen(text)), 0);
	ck_assert_int_eq(ftell(dump.objects), dump.settled_objects);
	ck_assert_int_eq(ftell(dump.problems), dump.settled_problems);
	/* What was taken back is there, behind the end. */
	fputc('\0', dump.objects);
	fputc('\0', dump.problems);
	fclose(dump.objects);
	fclose(dump.problems);
	ck_assert_int_ge(asprintf(&all, "%s%s", objects, problems), 0);
	free(objects);
	free(problems);
	return all;
}

void check_decodes(const char *text, const char *expected)
{
	cleanup(freep) char *said = dump_text(text);

	ck_assert_msg(!strcmp(said, expected), "of:\n%s\nexpected:\n%s\nbut it says:\n%s", text,
		      expected, said);
}
