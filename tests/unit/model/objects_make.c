// SPDX-License-Identifier: Apache-2.0
#include "objects_make.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* An array with a zeroed item more. */
static void *grown(void *items, size_t count, size_t size)
{
	char *data = reallocarray(items, count + 1, size);

	must(data);
	memset(data + count * size, 0, size);
	return data;
}

#define add_item(items, count)                                        \
	({                                                            \
		(items) = grown((items), (count), sizeof(*(items)));  \
		&(items)[(count)++];                                  \
	})

static char *copy(const char *text, size_t length)
{
	char *data = strndup(text, length);

	must(data);
	return data;
}

struct ip_addr make_addr(const char *text)
{
	struct ip_addr addr;

	must(addr_parse(&addr, text) == 0);
	return addr;
}

struct prefix make_prefix(const char *text)
{
	struct prefix prefix;

	must(prefix_parse(&prefix, NULL, text) == 0);
	return prefix;
}

static int compare_labels(const void *a, const void *b)
{
	return strcmp(((const struct label *)a)->key, ((const struct label *)b)->key);
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void read_labels(struct labels *labels, const char *text)
{
	cleanup(freep) char *words = copy(text, strlen(text));
	char *save = NULL;

	for (char *word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		size_t length = strcspn(word, "=");
		struct label *label = add_item(labels->items, labels->count);

		must(word[length] == '=');
		label->key = copy(word, length);
		label->value = copy(word + length + 1, strlen(word + length + 1));
	}
	if (labels->count)
		qsort(labels->items, labels->count, sizeof(*labels->items), compare_labels);
}

static void read_values(struct requirement *req, const char *text)
{
	for (;;) {
		size_t length = strcspn(text, "|");
		char **value = add_item(req->values, req->value_count);

		*value = copy(text, length);
		if (!text[length])
			break;
		text += length + 1;
	}
	qsort(req->values, req->value_count, sizeof(*req->values), compare_texts);
}

static void read_requirement(struct requirement *req, const char *word)
{
	size_t length = strcspn(word, "!=");

	if (word[0] == '!') {
		req->op = SELECTOR_NOT_EXISTS;
		req->key = copy(word + 1, strlen(word + 1));
		return;
	}
	req->key = copy(word, length);
	req->op = SELECTOR_EXISTS;
	if (word[length] == '=') {
		req->op = SELECTOR_IN;
		read_values(req, word + length + 1);
	} else if (word[length]) {
		req->op = SELECTOR_NOT_IN;
		read_values(req, word + length + 2);
	}
}

static void read_selector(struct selector *selector, const char *text)
{
	cleanup(freep) char *words = copy(text, strlen(text));
	char *save = NULL;

	for (char *word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save))
		read_requirement(add_item(selector->items, selector->count), word);
}

static struct object *make_object(enum object_kind kind, const char *namespace, const char *name)
{
	struct object *obj = calloc(1, sizeof(*obj));

	must(obj);
	obj->kind = kind;
	obj->namespace = copy(namespace, strlen(namespace));
	obj->name = copy(name, strlen(name));
	return obj;
}

struct object *make_namespace(const char *name, const char *labels)
{
	struct object *obj = make_object(OBJECT_NAMESPACE, "", name);
	cleanup(freep) char *text = NULL;

	must(asprintf(&text, "%s kubernetes.io/metadata.name=%s", labels, name) > 0);
	read_labels(&obj->ns.labels, text);
	return obj;
}

static void read_addrs(struct ip_addr **ret, size_t *count, const char *text)
{
	cleanup(freep) char *words = copy(text, strlen(text));
	char *save = NULL;

	for (char *word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save))
		*add_item(*ret, *count) = make_addr(word);
}

static void read_port(struct container_port *port, const char *word)
{
	size_t slash = strcspn(word, "/");
	const char *equals = strchr(word, '=');

	must(word[slash] && equals);
	port->name = copy(word, slash);
	port->proto = word[slash + 1] == 't' ? IPPROTO_TCP :
		      word[slash + 1] == 'u' ? IPPROTO_UDP : IPPROTO_SCTP;
	port->port = (uint16_t)atoi(equals + 1);
}

struct object *make_pod(const char *namespace, const char *name, const char *node,
			const char *labels, const char *ips, const char *ports)
{
	struct object *obj = make_object(OBJECT_POD, namespace, name);
	cleanup(freep) char *words = copy(ports, strlen(ports));
	char *save = NULL;

	obj->pod.node = copy(node, strlen(node));
	obj->pod.uid = copy("", 0);
	read_labels(&obj->pod.labels, labels);
	read_addrs(&obj->pod.ips, &obj->pod.ip_count, ips);
	for (char *word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save))
		read_port(add_item(obj->pod.ports, obj->pod.port_count), word);
	return obj;
}

struct object *make_node(const char *name, const char *ips)
{
	struct object *obj = make_object(OBJECT_NODE, "", name);

	read_addrs(&obj->node.ips, &obj->node.ip_count, ips);
	obj->node.internal_count = (uint32_t)obj->node.ip_count;
	return obj;
}

void add_node_cidrs(struct object *node, const char *cidrs)
{
	cleanup(freep) char *words = copy(cidrs, strlen(cidrs));
	char *save = NULL;

	for (char *word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save))
		*add_item(node->node.cidrs, node->node.cidr_count) = make_prefix(word);
}

void label_node(struct object *node, const char *labels)
{
	read_labels(&node->node.labels, labels);
}

struct object *make_ordered_policy(enum object_kind kind, const char *name, enum policy_tier tier,
				   uint32_t priority, const char *namespaces, const char *pods)
{
	struct object *obj = make_object(kind, "", name);

	obj->policy.tier = tier;
	obj->policy.priority = priority;
	read_selector(&obj->policy.namespaces, namespaces);
	read_selector(&obj->policy.pods, pods);
	return obj;
}

struct object *make_policy(const char *namespace, const char *name, const char *pods,
			   const char *types)
{
	struct object *obj = make_object(OBJECT_NETWORK_POLICY, namespace, name);

	obj->policy.tier = TIER_NETWORK_POLICY;
	read_selector(&obj->policy.pods, pods);
	obj->policy.isolates[POLICY_INGRESS] = strchr(types, 'i');
	obj->policy.isolates[POLICY_EGRESS] = strchr(types, 'e');
	return obj;
}

struct policy_rule *add_rule(struct object *policy, enum policy_dir dir)
{
	return add_item(policy->policy.rules[dir], policy->policy.rule_count[dir]);
}

void add_pods(struct policy_rule *rule, const char *namespaces, const char *pods)
{
	struct policy_peer *peer = add_item(rule->peers, rule->peer_count);

	peer->own_namespace = !namespaces;
	if (namespaces)
		read_selector(&peer->namespaces, namespaces);
	read_selector(&peer->pods, pods);
}

void add_nodes(struct policy_rule *rule, const char *nodes)
{
	struct policy_peer *peer = add_item(rule->peers, rule->peer_count);

	peer->is_nodes = true;
	read_selector(&peer->nodes, nodes);
}

void add_cidr(struct policy_rule *rule, const char *cidr, const char *except)
{
	struct policy_peer *peer = add_item(rule->peers, rule->peer_count);
	cleanup(freep) char *words = copy(except, strlen(except));
	char *save = NULL;

	peer->is_cidr = true;
	peer->cidr = make_prefix(cidr);
	for (char *word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save))
		*add_item(peer->except, peer->except_count) = make_prefix(word);
}

void add_ports(struct policy_rule *rule, uint8_t proto, uint16_t first, uint16_t last)
{
	struct policy_port *port = add_item(rule->ports, rule->port_count);

	port->proto = proto;
	port->first = first;
	port->last = last;
}

void add_named_port(struct policy_rule *rule, uint8_t proto, const char *name)
{
	struct policy_port *port = add_item(rule->ports, rule->port_count);

	port->proto = proto;
	port->name = copy(name, strlen(name));
}
