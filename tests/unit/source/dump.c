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

static void take_object(void *arg, struct object *given)
{
	FILE *out = ((struct dump *)arg)->objects;
	cleanup(object_freep) struct object *obj = given;

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
		break;
	case OBJECT_NETWORK_POLICY:
		put_policy(out, &obj->policy);
		break;
	case OBJECT_CLUSTER_NETWORK_POLICY:
	case OBJECT_ADMIN_NETWORK_POLICY:
	case OBJECT_BASELINE_ADMIN_NETWORK_POLICY:
		put_ordered_policy(out, &obj->policy);
		break;
	default:
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

char *dump_text(const char *text)
{
	char *objects = NULL, *problems = NULL, *all = NULL;
	size_t length;
	struct dump dump = {
		.objects = open_memstream(&objects, &length),
		.problems = open_memstream(&problems, &length),
	};
	const struct decode_sink sink = { &dump, take_object, take_problem };

	ck_assert_ptr_nonnull(dump.objects);
	ck_assert_ptr_nonnull(dump.problems);
	ck_assert_int_eq(decode_text(&sink, text, strlen(text)), 0);
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
