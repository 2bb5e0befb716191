// SPDX-License-Identifier: Apache-2.0
#include "control/view.h"

#include <netinet/in.h>

#include "base/addr.h"
#include "base/cleanup.h"

static const char *const kind_names[] = {
	[FRONTEND_CLUSTER_IP] = "ClusterIP",
	[FRONTEND_EXTERNAL_IP] = "ExternalIP",
	[FRONTEND_LOAD_BALANCER] = "LoadBalancer",
	[FRONTEND_NODE_PORT] = "NodePort",
};

static json_t *view_frontends(const struct service_image *image)
{
	cleanup(json_decrefp) json_t *frontends = json_array();
	char addr[ADDR_TEXT_MAX];

	for (size_t i = 0; i < image->frontend_count; i++) {
		const struct service_frontend *frontend = &image->frontends[i];
		json_t *value = json_pack("{s:s,s:i,s:s,s:s}", "address",
					  addr_text(addr, &frontend->addr), "port", frontend->port,
					  "kind", kind_names[frontend->kind], "policy",
					  frontend->flags & FRONTEND_LOCAL ? "Local" : "Cluster");

		if (json_array_append_new(frontends, value) < 0)
			return NULL;
	}
	return take_ptr(&frontends);
}

static json_t *view_backends(const struct service_image *image)
{
	cleanup(json_decrefp) json_t *backends = json_array();
	char addr[ADDR_TEXT_MAX];

	for (size_t i = 0; i < image->backend_count; i++) {
		const struct service_backend *backend = &image->backends[i];
		json_t *value = json_pack(
			"{s:s,s:i,s:s,s:b,s:b,s:b,s:b,s:b,s:b}",
			"address", addr_text(addr, &backend->addr),
			"port", backend->port,
			"node", backend->node ?: "",
			"local", backend->local,
			"ready", !!(backend->conditions & SLICE_READY),
			"serving", !!(backend->conditions & SLICE_SERVING),
			"terminating", !!(backend->conditions & SLICE_TERMINATING),
			"inCluster", !!(backend->flags & BACKEND_IN_CLUSTER),
			"inLocal", !!(backend->flags & BACKEND_IN_LOCAL));

		if (json_array_append_new(backends, value) < 0)
			return NULL;
	}
	return take_ptr(&backends);
}

/* How many the set has. */
static json_int_t count_backends(const struct service_image *image, enum backend_flag flag)
{
	json_int_t count = 0;

	for (size_t i = 0; i < image->backend_count; i++)
		count += !!(image->backends[i].flags & flag);
	return count;
}

static json_t *view_port(const struct service_image *image, const struct view_service_port *state)
{
	return json_pack("{s:s,s:o,s:i,s:I,s:I,s:o,s:I,s:I,s:I,s:I,s:I}",
			 "name", image->port_name,
			 "protocol", view_proto(image->proto),
			 "family", image->is_v4 ? 4 : 6,
			 "number", (json_int_t)state->number,
			 "affinitySeconds", (json_int_t)image->affinity_s,
			 "frontends", view_frontends(image),
			 "clusterBackends", count_backends(image, BACKEND_IN_CLUSTER),
			 "localBackends", count_backends(image, BACKEND_IN_LOCAL),
			 "connections", (json_int_t)state->hits.connections,
			 "refused", (json_int_t)state->hits.refused,
			 "silent", (json_int_t)state->hits.silent);
}

json_t *view_service(const struct service_images *images, const struct view_service_port *ports_now,
		     const char *problem, bool detail)
{
	cleanup(json_decrefp) json_t *ports = json_array();
	json_t *port;

	for (size_t i = 0; i < images->count; i++) {
		port = view_port(&images->items[i], &ports_now[i]);
		if (json_array_append(ports, port) < 0 ||
		    (detail && json_object_set_new(port, "backends",
						   view_backends(&images->items[i])) < 0)) {
			json_decref(port);
			return NULL;
		}
		json_decref(port);
	}
	return json_pack("{s:s,s:s,s:s,s:i,s:I,s:o}", "namespace", images->namespace, "name",
			 images->name, "problem", problem ?: "", "healthCheckNodePort",
			 images->health_port, "readyLocal", (json_int_t)images->ready_local,
			 "ports", take_ptr(&ports));
}
