// SPDX-License-Identifier: Apache-2.0
/* GET /v1/services: what is wanted of each Service, as it is in force. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "control/queries.h"
#include "control/view.h"

#define SERVICES_SHOWN_MAX 10000 /* one takes some kilobytes here */

struct service_list {
	struct agent *agent;
	json_t *services; /* an array */
	json_int_t more; /* that are not shown */
	bool detail;
};

static int add_images(const struct service_images *images, void *arg)
{
	cleanup(freep) struct view_service_port *ports = calloc(images->count + 1, sizeof(*ports));
	struct service_list *list = arg;
	const struct service_writer *writer = list->agent->service_writer;
	struct service_images shown = *images;
	int r;

	if (!ports)
		return -ENOMEM;
	/* What another proxy carries has nothing to show. */
	if (shown.count && service_image_is_others(&shown.items[0]))
		shown.count = 0;
	for (size_t i = 0; i < shown.count; i++) {
		ports[i].number = service_writer_port(writer, images->namespace, images->name,
						      &images->items[i]);
		if (!ports[i].number)
			continue;
		r = service_writer_hits(&ports[i].hits, writer, ports[i].number);
		if (r < 0)
			return r;
	}
	return json_array_append_new(list->services,
				     view_service(&shown, ports,
						  service_writer_problem(writer, images->namespace,
									 images->name),
						  list->detail)) < 0 ?
		       -ENOMEM : 0;
}

static int add_service(const struct object *obj, void *arg)
{
	struct service_list *list = arg;

	if (json_array_size(list->services) == SERVICES_SHOWN_MAX) {
		list->more++;
		return 0;
	}
	return services_resolve(list->agent->services, obj->namespace, obj->name, add_images, list);
}

static int refuse(struct fault *fault, int r)
{
	return fault_errno(fault, FAULT_KERNEL, r, "services cannot be read", "%s", "service_hit");
}

int query_services(json_t **ret, struct agent *agent, const json_t *body, const char *tail,
		   struct fault *fault)
{
	cleanup(json_decrefp) json_t *services = json_array();
	struct service_list list = { .agent = agent, .services = services };
	int r = 0;

	if (agent->services)
		r = store_each(agent->store, OBJECT_SERVICE, add_service, &list);
	if (r < 0)
		return refuse(fault, r);
	*ret = json_pack("{s:O,s:I}", "services", services, "more", list.more);
	return *ret ? 0 : refuse(fault, -ENOMEM);
}

int query_service(json_t **ret, struct agent *agent, const json_t *body, const char *tail,
		  struct fault *fault)
{
	cleanup(json_decrefp) json_t *services = json_array();
	struct service_list list = { .agent = agent, .services = services, .detail = true };
	const char *slash = strchr(tail, '/');
	cleanup(freep) char *namespace = slash ? strndup(tail, (size_t)(slash - tail)) : NULL;
	int r;

	r = namespace && agent->services ? services_resolve(agent->services, namespace, slash + 1,
							     add_images, &list) : -ENOENT;
	if (r == -ENOENT)
		return fault_set(fault, FAULT_NOT_FOUND, "no such Service", "%s", tail);
	if (r < 0 || !json_array_size(services))
		return refuse(fault, r < 0 ? r : -ENOMEM);
	*ret = json_incref(json_array_get(services, 0));
	return 0;
}
