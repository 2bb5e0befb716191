// SPDX-License-Identifier: Apache-2.0
/*
 * The identity of objects: which kind, which name. What is inside an object is the
 * business of its decoder.
 */
#include "source/decode_kind.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "source/names.h"

#define DEFAULT_NAMESPACE "default"

static const struct kind kinds[] = {
	{ "Pod", { "v1" }, OBJECT_POD, true, name_is_subdomain, decode_pod },
	{ "Namespace", { "v1" }, OBJECT_NAMESPACE, false, name_is_label, decode_namespace },
	{ "NetworkPolicy", { "networking.k8s.io/v1" }, OBJECT_NETWORK_POLICY, true,
	  name_is_subdomain, decode_policy, decode_policy_close },
	{ "Node", { "v1" }, OBJECT_NODE, false, name_is_subdomain, decode_node },
	{ "Service", { "v1" }, OBJECT_SERVICE, true, name_is_label, decode_service },
	{ "EndpointSlice", { "discovery.k8s.io/v1" }, OBJECT_ENDPOINT_SLICE, true,
	  name_is_subdomain, decode_endpoint_slice },
	{ "ClusterNetworkPolicy",
	  { "policy.networking.k8s.io/v1alpha2", "policy.networking.k8s.io/v1beta1" },
	  OBJECT_CLUSTER_NETWORK_POLICY, false, name_is_subdomain, decode_cluster_policy,
	  policy_close },
	{ "AdminNetworkPolicy", { "policy.networking.k8s.io/v1alpha1" },
	  OBJECT_ADMIN_NETWORK_POLICY, false, name_is_subdomain, decode_admin_policy, policy_close },
	{ "BaselineAdminNetworkPolicy", { "policy.networking.k8s.io/v1alpha1" },
	  OBJECT_BASELINE_ADMIN_NETWORK_POLICY, false, name_is_subdomain,
	  decode_baseline_policy, policy_close },
	{ "ServiceCIDR", { "networking.k8s.io/v1", "networking.k8s.io/v1beta1" },
	  OBJECT_SERVICE_CIDR, false, name_is_subdomain, decode_service_cidr },
};

const struct kind *kind_find(const char *name, size_t length)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strlen(kinds[i].name) == length && !memcmp(kinds[i].name, name, length))
			return &kinds[i];
	}
	return NULL;
}

bool kind_is_foreign(const char *version)
{
	const char *slash = strchr(version, '/');
	static const char own[] = ".k8s.io";

	if (!slash || !strncmp(version, "extensions/", strlen("extensions/")))
		return false;
	if ((size_t)(slash - version) < strlen(own))
		return true;
	return strncmp(slash - strlen(own), own, strlen(own)) != 0;
}

static int read_name(const char **ret, const struct kind *kind, const struct field *metadata)
{
	struct field name = field_get(metadata, "name");
	int r = field_require(&name) ?: field_string(ret, &name);

	if (r < 0)
		return r;
	if (!kind->is_name(*ret))
		return field_error(&name, "must be a lower case name, not \"%s\"", *ret);
	return 0;
}

static int read_namespace(const char **ret, const struct kind *kind, const struct field *metadata)
{
	struct field namespace = field_get(metadata, "namespace");
	const char *text = "";
	int r = field_string(&text, &namespace);

	if (r < 0)
		return r;
	if (!kind->namespaced) {
		if (*text)
			field_warning(&namespace, "is ignored: a %s is not in a namespace",
				      kind->name);
		*ret = "";
		return 0;
	}
	*ret = *text ? text : DEFAULT_NAMESPACE;
	if (!name_is_label(*ret))
		return field_error(&namespace, "must be a lower case name, not \"%s\"", text);
	return 0;
}

static int new_object(struct object **ret, const struct kind *kind, const struct field *field)
{
	struct field metadata = field_get(field, "metadata");
	cleanup(object_freep) struct object *obj = NULL;
	const char *namespace = NULL;
	const char *name = NULL;
	int r;

	r = field_require(&metadata) ?: field_object(&metadata);
	r = r ?: read_name(&name, kind, &metadata) ?: read_namespace(&namespace, kind, &metadata);
	if (r < 0)
		return r;
	obj = calloc(1, sizeof(*obj));
	if (!obj)
		return -ENOMEM;
	obj->kind = kind->kind;
	obj->namespace = strdup(namespace);
	obj->name = strdup(name);
	if (!obj->namespace || !obj->name)
		return -ENOMEM;
	*ret = take_ptr(&obj);
	return 0;
}

/* "NetworkPolicy shop/front" */
static char *object_title(const struct object *obj)
{
	char *title;

	if (asprintf(&title, "%s %s%s%s", object_kind_name(obj->kind), obj->namespace,
		     *obj->namespace ? "/" : "", obj->name) < 0)
		return NULL;
	return title;
}

int kind_require(const struct field *field, const char *text)
{
	const char *unusable = NULL;

	if (text)
		return 0;
	return field_string(&unusable, field) ?: field_error(field, "is required");
}

bool kind_has_version(const struct kind *kind, const char *version)
{
	for (size_t i = 0; i < DECODE_VERSIONS_MAX && kind->versions[i]; i++)
		if (!strcmp(kind->versions[i], version))
			return true;
	return false;
}

static int refuse_version(const struct field *field, const struct kind *kind, const char *version)
{
	bool two = kind->versions[1];

	return field_error(field, "must be %s%s%s for a %s, not \"%s\"", kind->versions[0],
			   two ? " or " : "", two ? kind->versions[1] : "", kind->name, version);
}

static int check_version(const struct kind *kind, const struct field *field, const char *version)
{
	struct field where = field_get(field, "apiVersion");
	int r = kind_require(&where, version);

	if (!r && !kind_has_version(kind, version))
		r = refuse_version(&where, kind, version);
	return r;
}

/* An element of a list may leave its kind and version to the list. */
static int tell_source(const struct decode_sink *sink, const struct object *obj,
		       const struct kind *kind, const char *version, const json_t *value)
{
	cleanup(json_decrefp) json_t *whole = NULL;

	if (!sink->source)
		return 0;
	whole = json_copy((json_t *)value);
	if (!whole || json_object_set_new(whole, "kind", json_string(kind->name)) < 0 ||
	    (version && json_object_set_new(whole, "apiVersion", json_string(version)) < 0))
		return -ENOMEM;
	sink->source(sink->arg, obj, whole);
	return 0;
}

int decode_object(const struct kind *kind, const struct field *field, const char *version)
{
	cleanup(object_freep) struct object *obj = NULL;
	struct field_origin origin = *field->origin;
	struct field root = { .origin = &origin, .value = field->value };
	cleanup(freep) char *title = NULL;
	bool is_ours;
	int r;

	r = new_object(&obj, kind, field);
	if (r < 0)
		return check_version(kind, field, version) ?: r;
	title = object_title(obj);
	if (!title)
		return -ENOMEM;
	origin.object = title;
	is_ours = !check_version(kind, &root, version);
	if (!is_ours && !kind->close)
		return -EINVAL;
	r = kind->decode(obj, &root);
	if (r < 0)
		return r;
	if (!is_ours)
		kind->close(&obj->policy);
	r = object_pack(&obj) ?: tell_source(origin.sink, obj, kind, version, field->value);
	if (r < 0)
		return r;
	origin.sink->object(origin.sink->arg, take_ptr(&obj));
	return 0;
}

int kind_check_unknown(const struct field *field, const char *kind, const char *version)
{
	static const char *const networking[] = { "Ingress",	 "IngressList",
						  "IngressClass", "IngressClassList",
						  "IPAddress",	 "IPAddressList" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!strcasecmp(kinds[i].name, kind) && !kind_is_foreign(version))
			return field_error(field, "must be %s, not \"%s\"", kinds[i].name, kind);
	}
	if (strncmp(version, "networking.k8s.io/", strlen("networking.k8s.io/")))
		return 0;
	for (size_t i = 0; i < sizeof(networking) / sizeof(networking[0]); i++) {
		if (!strcmp(networking[i], kind))
			return 0;
	}
	return field_error(field, "must be a kind of networking.k8s.io, not \"%s\"", kind);
}
