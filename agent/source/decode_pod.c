// SPDX-License-Identifier: Apache-2.0
/*
 * Pod. Unknown fields are the rule here: only what decides
 * about packets is read. A pod with unreadable labels is refused as a whole, as
 * an API server would: with some of its labels it would be another pod.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/workload.h"
#include "source/decode_parts.h"
#include "source/names.h"

#define PORT_MAX 65535

static const char *const container_lists[] = { "initContainers", "containers" };

enum phase {
	PHASE_PENDING,
	PHASE_RUNNING,
	PHASE_SUCCEEDED,
	PHASE_FAILED,
	PHASE_UNKNOWN,
};

static const char *const phases[] = {
	[PHASE_PENDING] = "Pending", [PHASE_RUNNING] = "Running", [PHASE_SUCCEEDED] = "Succeeded",
	[PHASE_FAILED] = "Failed",   [PHASE_UNKNOWN] = "Unknown", NULL,
};

static int decode_container_port(struct container_port *ret, const struct field *field)
{
	struct field name = field_get(field, "name");
	struct field number = field_get(field, "containerPort");
	struct field protocol = field_get(field, "protocol");
	const char *text = NULL;
	int64_t port = 0;
	int r;

	r = field_object(field) ?: field_string(&text, &name);
	if (r < 0 || !text || !*text)
		return r;
	if (!name_is_port(text))
		return field_error(&name, "must be the name of a port, not \"%s\"", text);
	r = field_require(&number) ?: field_int(&port, &number, 1, PORT_MAX);
	r = r ?: decode_proto(&ret->proto, &protocol);
	if (r < 0)
		return r;
	ret->port = (uint16_t)port;
	ret->name = strdup(text);
	return ret->name ? 0 : -ENOMEM;
}

/* Unusable ports are left out: a name that nobody has matches nothing. */
static int decode_container(struct pod *pod, const struct field *container)
{
	struct field ports = field_get(container, "ports");
	struct container_port *items;
	int r;

	if (field_object(container) < 0 || field_list(&ports) < 0 || !field_count(&ports))
		return 0;
	items = reallocarray(pod->ports, pod->port_count + field_count(&ports), sizeof(*items));
	if (!items)
		return -ENOMEM;
	pod->ports = items;
	for (size_t i = 0; i < field_count(&ports); i++) {
		struct field element = field_at(&ports, i);
		struct container_port port = {};

		r = decode_container_port(&port, &element);
		if (r == -ENOMEM)
			return r;
		if (!r && port.name)
			pod->ports[pod->port_count++] = port;
	}
	return 0;
}

static int decode_containers(struct pod *pod, const struct field *list)
{
	int r;

	if (field_list(list) < 0)
		return 0;
	for (size_t i = 0; i < field_count(list); i++) {
		struct field container = field_at(list, i);

		r = decode_container(pod, &container);
		if (r < 0)
			return r;
	}
	return 0;
}

static int decode_pod_spec(struct pod *pod, const struct field *spec)
{
	struct field node = field_get(spec, "nodeName");
	struct field host = field_get(spec, "hostNetwork");
	int r;

	r = field_object(spec) ?: field_copy(&pod->node, &node);
	r = r ?: field_bool(&pod->host_network, &host);
	for (size_t i = 0; !r && i < sizeof(container_lists) / sizeof(container_lists[0]); i++) {
		struct field list = field_get(spec, container_lists[i]);

		r = decode_containers(pod, &list);
	}
	return r;
}

static void add_ip(struct ip_addr *ips, size_t *count, const struct field *field)
{
	struct ip_addr addr;

	if (decode_addr(&addr, field) < 0)
		return;
	for (size_t i = 0; i < *count; i++) {
		if (ip_addr_equal(&ips[i], &addr))
			return;
	}
	ips[(*count)++] = addr;
}

/* podIP is the first of podIPs; older writers know only it. */
static int decode_pod_ips(struct pod *pod, const struct field *status)
{
	struct field list = field_get(status, "podIPs");
	struct field single = field_get(status, "podIP");
	const char *text = "";

	if (field_list(&list) < 0 || field_string(&text, &single) < 0)
		return 0;
	if (!field_count(&list) && !*text)
		return 0;
	pod->ips = calloc(field_count(&list) ?: 1, sizeof(*pod->ips));
	if (!pod->ips)
		return -ENOMEM;
	if (!field_count(&list))
		add_ip(pod->ips, &pod->ip_count, &single);
	for (size_t i = 0; i < field_count(&list); i++) {
		struct field element = field_at(&list, i);
		struct field ip = field_get(&element, "ip");

		if (!field_object(&element))
			add_ip(pod->ips, &pod->ip_count, &ip);
	}
	return 0;
}

static int decode_pod_status(struct pod *pod, const struct field *status)
{
	struct field phase = field_get(status, "phase");
	unsigned int index = PHASE_UNKNOWN;
	int r = field_object(status);

	if (r < 0)
		return r;
	field_enum(&index, &phase, phases); /* reported; such a pod counts as running */
	pod->finished = index == PHASE_SUCCEEDED || index == PHASE_FAILED;
	return decode_pod_ips(pod, status);
}

int decode_pod(struct object *obj, const struct field *root)
{
	struct field metadata = field_get(root, "metadata");
	struct field uid = field_get(&metadata, "uid");
	struct field labels = field_get(&metadata, "labels");
	struct field spec = field_get(root, "spec");
	struct field status = field_get(root, "status");
	struct pod *pod = &obj->pod;

	return field_copy(&pod->uid, &uid) ?: decode_labels(&pod->labels, &labels) ?:
	       decode_pod_spec(pod, &spec) ?: decode_pod_status(pod, &status) ?:
	       workload_join(pod);
}
