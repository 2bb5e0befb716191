// SPDX-License-Identifier: Apache-2.0
#include "source/api_kinds.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"

#define POLICY_GROUP "/apis/policy.networking.k8s.io"

static const char *const pod_fields[] = {
	"metadata.name", "metadata.namespace", "metadata.uid", "metadata.labels", "spec.nodeName",
	"spec.hostNetwork", "spec.containers.name", "spec.containers.ports",
	"spec.initContainers.name", "spec.initContainers.ports", "status.phase", "status.podIP",
	"status.podIPs", NULL,
};

static const char *const namespace_fields[] = { "metadata.name", "metadata.labels", NULL };

static const char *const node_fields[] = { "metadata.name", "metadata.labels", "spec",
					   "status.addresses", "status.conditions.type",
					   "status.conditions.status", NULL };

static const char *const service_cidr_fields[] = { "metadata.name", "metadata.uid", "spec.cidrs",
						  NULL };

const struct api_kind api_kinds[API_KINDS] = {
	{ "/api", "namespaces", "Namespace", { "v1" }, OBJECT_NAMESPACE, false, false,
	  namespace_fields, API_NEED_POLICY },
	{ "/api", "nodes", "Node", { "v1" }, OBJECT_NODE, false, false, node_fields,
	  API_NEEDS_ALL },
	{ "/api", "pods", "Pod", { "v1" }, OBJECT_POD, true, false, pod_fields, API_NEED_POLICY },
	{ "/api", "services", "Service", { "v1" }, OBJECT_SERVICE, true, false, NULL,
	  API_NEED_SERVICES },
	{ "/apis/discovery.k8s.io", "endpointslices", "EndpointSlice", { "v1" },
	  OBJECT_ENDPOINT_SLICE, true, false, NULL, API_NEED_SERVICES },
	{ "/apis/networking.k8s.io", "networkpolicies", "NetworkPolicy", { "v1" },
	  OBJECT_NETWORK_POLICY, true, false, NULL, API_NEED_POLICY },
	{ POLICY_GROUP, "clusternetworkpolicies", "ClusterNetworkPolicy", { "v1alpha2", "v1beta1" },
	  OBJECT_CLUSTER_NETWORK_POLICY, false, true, NULL, API_NEED_POLICY },
	{ POLICY_GROUP, "adminnetworkpolicies", "AdminNetworkPolicy", { "v1alpha1" },
	  OBJECT_ADMIN_NETWORK_POLICY, false, true, NULL, API_NEED_POLICY },
	{ POLICY_GROUP, "baselineadminnetworkpolicies", "BaselineAdminNetworkPolicy",
	  { "v1alpha1" }, OBJECT_BASELINE_ADMIN_NETWORK_POLICY, false, true, NULL,
	  API_NEED_POLICY },
	{ "/apis/networking.k8s.io", "servicecidrs", "ServiceCIDR", { "v1", "v1beta1" },
	  OBJECT_SERVICE_CIDR, false, true, service_cidr_fields, API_NEED_SERVICE_CIDRS },
};

/*
 * A pod that a kubelet has from a file: the object here only mirrors it, and the pod's
 * own UID, by which the runtime knows it, is in an annotation.
 *
 * Source: Kubernetes, well-known annotations, kubernetes.io/config.mirror.
 */
static int use_own_uid(json_t *object)
{
	json_t *metadata = json_object_get(object, "metadata");
	json_t *own = json_object_get(json_object_get(metadata, "annotations"),
				      "kubernetes.io/config.mirror");

	return json_is_string(own) && json_object_set(metadata, "uid", own) < 0 ? -ENOMEM : 0;
}

int api_kind_complete(const struct api_kind *kind, const char *version, json_t *object)
{
	const char *name = json_string_value(json_object_get(object, "kind"));
	const char *slash = strchr(kind->group + 1, '/'); /* behind "/apis" */
	json_t *whole;

	if (name && strcmp(name, kind->name) != 0)
		return -EBADMSG;
	if (!name && json_object_set_new(object, "kind", json_string(kind->name)) < 0)
		return -ENOMEM;
	if (json_object_get(object, "apiVersion"))
		return use_own_uid(object);
	whole = json_sprintf("%s%s%s", slash ? slash + 1 : "", slash ? "/" : "", version);
	if (json_object_set_new(object, "apiVersion", whole) < 0)
		return -ENOMEM;
	return use_own_uid(object);
}

enum verdict {
	FIELD_DROPPED,
	FIELD_ENTERED, /* some of what is in it is kept */
	FIELD_KEPT,
};

/* @path is the field's, of @length bytes. */
static enum verdict judge(const char *const *fields, const char *path, size_t length)
{
	for (; *fields; fields++) {
		size_t whole = strlen(*fields);

		if (whole == length && !memcmp(*fields, path, length))
			return FIELD_KEPT;
		if (whole > length && !memcmp(*fields, path, length) && (*fields)[length] == '.')
			return FIELD_ENTERED;
	}
	return FIELD_DROPPED;
}

#define PATH_BYTES 64 /* longer ones are in no table */

static json_t *reduce(const json_t *value, const char *const *fields, char *path, size_t length);

static json_t *reduce_list(const json_t *list, const char *const *fields, char *path, size_t length)
{
	cleanup(json_decrefp) json_t *kept = json_array();
	json_t *element;
	size_t i;

	json_array_foreach(list, i, element)
		if (json_array_append_new(kept, reduce(element, fields, path, length)) < 0)
			return NULL;
	return take_ptr(&kept);
}

static json_t *reduce(const json_t *value, const char *const *fields, char *path, size_t length)
{
	cleanup(json_decrefp) json_t *kept = NULL;
	const char *key;
	json_t *item;

	if (json_is_array(value))
		return reduce_list(value, fields, path, length);
	if (!json_is_object(value))
		return json_incref((json_t *)value);
	kept = json_object();
	json_object_foreach((json_t *)value, key, item) {
		size_t size = strlen(key), dot = length ? 1 : 0;
		enum verdict verdict;

		if (length + dot + size >= PATH_BYTES)
			continue;
		path[length] = '.';
		memcpy(path + length + dot, key, size);
		verdict = judge(fields, path, length + dot + size);
		if (verdict == FIELD_DROPPED)
			continue;
		item = verdict == FIELD_KEPT ? json_incref(item) :
					       reduce(item, fields, path, length + dot + size);
		if (json_object_set_new(kept, key, item) < 0)
			return NULL;
	}
	return take_ptr(&kept);
}

/* What controllers write about themselves is most of many an object. */
static json_t *without_noise(const json_t *object)
{
	static const char *const noise[] = { "managedFields", "ownerReferences", "finalizers",
					     "resourceVersion", "generation" };
	cleanup(json_decrefp) json_t *metadata = json_copy(json_object_get(object, "metadata"));
	json_t *kept = json_copy((json_t *)object), *annotations;

	for (size_t i = 0; metadata && i < sizeof(noise) / sizeof(noise[0]); i++)
		json_object_del(metadata, noise[i]);
	annotations = json_copy(json_object_get(metadata, "annotations"));
	json_object_del(annotations, "kubectl.kubernetes.io/last-applied-configuration");
	if (annotations && json_object_set_new(metadata, "annotations", annotations) < 0)
		return NULL;
	if (kept && metadata)
		json_object_set(kept, "metadata", metadata);
	return kept;
}

json_t *api_kind_reduce(const struct api_kind *kind, const json_t *object)
{
	cleanup(json_decrefp) json_t *kept = NULL;
	const json_t *version = json_object_get(object, "apiVersion");
	char path[PATH_BYTES];

	kept = kind->fields ? reduce(object, kind->fields, path, 0) : without_noise(object);
	if (!kept || json_object_set_new(kept, "kind", json_string(kind->name)) < 0)
		return NULL;
	if (version && json_object_set(kept, "apiVersion", (json_t *)version) < 0)
		return NULL;
	return take_ptr(&kept);
}
