// SPDX-License-Identifier: Apache-2.0
/*
 * Any text through the decoder. Beyond memory errors, the promises that others
 * build on are checked: objects are complete and their lists are in order, a
 * problem is valid text, and no rule became "any" by losing what it listed.
 */
#include <netinet/in.h>
#include <string.h>

#include "fuzz.h"
#include "model/service_cidr.h"
#include "source/decode.h"
#include "source/fingerprint.h"
#include "source/names.h"

static void check_labels(const struct labels *labels)
{
	for (size_t i = 0; i < labels->count; i++) {
		PROMISE(name_is_label_key(labels->items[i].key));
		PROMISE(name_is_label_value(labels->items[i].value));
		PROMISE(!i || strcmp(labels->items[i - 1].key, labels->items[i].key) < 0);
	}
}

static void check_requirement(const struct requirement *req)
{
	bool has_values = req->op == SELECTOR_IN || req->op == SELECTOR_NOT_IN;

	PROMISE(name_is_label_key(req->key));
	PROMISE(has_values == !!req->value_count);
	for (size_t i = 1; i < req->value_count; i++)
		PROMISE(strcmp(req->values[i - 1], req->values[i]) < 0);
}

static void check_selector(const struct selector *selector)
{
	struct buf text = {};

	selector_text(&text, selector);
	PROMISE(!text.failed && text.length);
	buf_done(&text);
	for (size_t i = 0; i < selector->count; i++)
		check_requirement(&selector->items[i]);
}

static void check_peer(const struct policy_peer *peer)
{
	PROMISE(!peer->is_cidr || !peer->is_nodes);
	if (peer->is_nodes) {
		check_selector(&peer->nodes);
		return;
	}
	if (!peer->is_cidr) {
		check_selector(&peer->namespaces);
		check_selector(&peer->pods);
		PROMISE(!peer->own_namespace || !peer->namespaces.count);
		return;
	}
	PROMISE(peer->cidr.bits <= prefix_width(&peer->cidr));
	for (size_t i = 0; i < peer->except_count; i++) {
		PROMISE(prefix_covers(&peer->cidr, &peer->except[i]));
		PROMISE(peer->except[i].bits > peer->cidr.bits);
	}
}

static bool is_transport(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP;
}

static void check_port(const struct policy_port *port)
{
	bool all = !port->first && port->last == UINT16_MAX;

	PROMISE(is_transport(port->proto));
	if (port->name)
		PROMISE(name_is_port(port->name));
	else
		PROMISE(all || (port->first && port->first <= port->last));
}

static void check_rule(const struct policy_rule *rule)
{
	for (size_t i = 0; i < rule->peer_count; i++)
		check_peer(&rule->peers[i]);
	for (size_t i = 0; i < rule->port_count; i++)
		check_port(&rule->ports[i]);
	/* A list was allocated, so something was listed. */
	PROMISE(!rule->peers || rule->peer_count || rule->matches_nothing);
	PROMISE(!rule->ports || rule->port_count || rule->matches_nothing);
}

static void check_policy(const struct network_policy *policy)
{
	check_selector(&policy->pods);
	PROMISE(policy->isolates[POLICY_INGRESS] || policy->isolates[POLICY_EGRESS]);
	for (int dir = 0; dir < POLICY_DIR_MAX; dir++) {
		for (size_t i = 0; i < policy->rule_count[dir]; i++)
			check_rule(&policy->rules[dir][i]);
	}
}

/* Who cannot be read in full only denies, and never under a condition that was lost. */
static void check_ordered_policy(const struct network_policy *policy)
{
	PROMISE(policy->tier == TIER_ADMIN || policy->tier == TIER_BASELINE);
	PROMISE(policy->priority <= POLICY_PRIORITY_LAST);
	check_selector(&policy->namespaces);
	check_selector(&policy->pods);
	for (int dir = 0; dir < POLICY_DIR_MAX; dir++) {
		PROMISE(!policy->isolates[dir]);
		for (size_t i = 0; i < policy->rule_count[dir]; i++) {
			const struct policy_rule *rule = &policy->rules[dir][i];

			check_rule(rule);
			PROMISE(rule->peer_count || rule->matches_nothing ||
				rule->action == ACTION_DENY);
		}
	}
}

/* What a service address or an endpoint may be, told from the bits alone. */
static bool is_host(const struct ip_addr *addr)
{
	const uint8_t *b = addr->bytes;

	if (ip_addr_is_none(addr))
		return false;
	if (!ip_addr_is_v4(addr))
		return b[0] != 0xff && !(b[0] == 0xfe && b[1] >> 6 == 2) &&
		       !(!addr->halves[0] && !addr->words[2] && ntohl(addr->words[3]) == 1);
	return addr->words[3] && addr->words[3] != UINT32_MAX && b[12] != 127 &&
	       !(b[12] == 169 && b[13] == 254) && b[12] >> 4 != 14;
}

static void check_hosts(const struct ip_addr *addrs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		PROMISE(is_host(&addrs[i]));
		for (size_t j = 0; j < i; j++)
			PROMISE(!ip_addr_equal(&addrs[i], &addrs[j]));
	}
}

static void check_service_ports(const struct service_spec_port *ports, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct service_spec_port *a = &ports[i];

		PROMISE(is_transport(a->proto) && a->port);
		PROMISE(*a->name ? name_is_label(a->name) : count == 1);
		for (size_t j = 0; j < i; j++) {
			const struct service_spec_port *b = &ports[j];

			PROMISE(strcmp(a->name, b->name) != 0);
			PROMISE(a->proto != b->proto || a->port != b->port);
			PROMISE(a->proto != b->proto || !a->node_port ||
				a->node_port != b->node_port);
		}
	}
}

static void check_service(const struct service *service)
{
	const struct ip_addr *ips = service->cluster_ips;

	PROMISE(service->type <= SERVICE_EXTERNAL_NAME && service->affinity_s <= 86400);
	PROMISE(service->cluster_ip_count < 2 || ip_addr_is_v4(&ips[0]) != ip_addr_is_v4(&ips[1]));
	check_hosts(ips, service->cluster_ip_count);
	check_hosts(service->external_ips, service->external_ip_count);
	check_hosts(service->balancer_ips, service->balancer_ip_count);
	PROMISE(service->has_ranges || !service->range_count);
	for (size_t i = 0; i < service->range_count; i++)
		PROMISE(service->ranges[i].bits <= prefix_width(&service->ranges[i]));
	check_service_ports(service->ports, service->port_count);
}

static void check_endpoint(const struct endpoint_slice *slice, const struct slice_endpoint *ep)
{
	size_t hints = (size_t)ep->zone_count + ep->node_count;

	PROMISE(is_host(&ep->addr) && ip_addr_is_v4(&ep->addr) == slice->is_v4);
	PROMISE(ep->node <= slice->name_count);
	PROMISE(!ep->node || *slice_node(slice, ep));
	for (size_t i = 0; i < hints; i++)
		PROMISE(slice->hints[ep->hints + i] < slice->name_count);
}

static void check_slice(const struct endpoint_slice *slice)
{
	PROMISE(slice->service);
	for (size_t i = 1; i < slice->name_count; i++)
		PROMISE(strcmp(slice->names[i - 1], slice->names[i]) < 0);
	for (size_t i = 0; i < slice->endpoint_count; i++)
		check_endpoint(slice, &slice->endpoints[i]);
	for (size_t i = 0; i < slice->port_count; i++) {
		const struct slice_port *port = &slice->ports[i];

		PROMISE(is_transport(port->proto) && port->port);
		PROMISE(!*port->name || name_is_label(port->name));
		for (size_t j = 0; j < i; j++)
			PROMISE(strcmp(port->name, slice->ports[j].name) != 0);
	}
}

static void check_pod(const struct pod *pod)
{
	PROMISE(pod->node && pod->uid);
	check_labels(&pod->labels);
	for (size_t i = 0; i < pod->port_count; i++) {
		PROMISE(name_is_port(pod->ports[i].name));
		PROMISE(pod->ports[i].port);
	}
}

static void check_service_cidr(const struct service_cidr_spec *spec)
{
	PROMISE(spec->count <= 2);
	for (size_t i = 0; i < spec->count; i++)
		PROMISE(!service_cidr_doubt(&spec->cidrs[i]));
	if (spec->count == 2)
		PROMISE(ip_addr_is_v4(&spec->cidrs[0].addr) != ip_addr_is_v4(&spec->cidrs[1].addr));
}

static void take_object(void *arg, struct object *obj)
{
	unsigned int *unsettled = arg;

	(*unsettled)++;
	PROMISE(obj->name && *obj->name && obj->namespace);
	switch (obj->kind) {
	case OBJECT_POD:
		check_pod(&obj->pod);
		break;
	case OBJECT_NAMESPACE:
		check_labels(&obj->ns.labels);
		PROMISE(!strcmp(labels_get(&obj->ns.labels, "kubernetes.io/metadata.name") ?: "",
				obj->name));
		break;
	case OBJECT_NODE:
		check_labels(&obj->node.labels);
		break;
	case OBJECT_NETWORK_POLICY:
		check_policy(&obj->policy);
		break;
	case OBJECT_CLUSTER_NETWORK_POLICY:
	case OBJECT_ADMIN_NETWORK_POLICY:
	case OBJECT_BASELINE_ADMIN_NETWORK_POLICY:
		check_ordered_policy(&obj->policy);
		break;
	case OBJECT_SERVICE:
		check_service(obj->service);
		break;
	case OBJECT_ENDPOINT_SLICE:
		check_slice(obj->slice);
		break;
	case OBJECT_SERVICE_CIDR:
		check_service_cidr(&obj->service_cidr);
		break;
	case OBJECT_KIND_MAX:
		PROMISE(false);
	}
	object_free(obj);
}

static void check_text(const char *text)
{
	json_t *value = json_string(text);

	PROMISE(value); /* UTF-8 */
	json_decref(value);
}

static void take_problem(void *arg, const struct decode_problem *problem)
{
	unsigned int *unsettled = arg;

	(*unsettled)++;
	check_text(problem->object);
	check_text(problem->field);
	check_text(problem->text);
	PROMISE(*problem->text);
}

static void take_same_problem(void *arg, const struct decode_problem *problem)
{
	unsigned int unsettled = 0;

	take_problem(&unsettled, problem);
}

static void compare_object(void *arg, struct object *obj)
{
	uint64_t *expected = arg;

	PROMISE(fingerprint_object(obj) == *expected);
	*expected = 0;
	object_free(obj);
}

/* It makes the same object once more, alone. */
static void take_source(void *arg, const struct object *obj, const json_t *value)
{
	uint64_t expected = fingerprint_object(obj);
	const struct decode_sink sink = { &expected, compare_object, take_same_problem };

	PROMISE(expected);
	PROMISE(decode_json(&sink, value, 1, 1) == 0);
	PROMISE(!expected);
}

static void settle(void *arg, bool counts)
{
	*(unsigned int *)arg = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned int unsettled = 0;
	const struct decode_sink sink = { &unsettled, take_object, take_problem, take_source,
					  settle };

	PROMISE(decode_text(&sink, (const char *)data, size) == 0);
	PROMISE(!unsettled);
	return 0;
}
