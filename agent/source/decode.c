// SPDX-License-Identifier: Apache-2.0
/*
 * Documents, lists, and the identity of objects: which kind, which name. What is
 * inside an object is the business of its decoder.
 */
#include "source/decode.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "source/decode_parts.h"
#include "source/names.h"
#include "source/yaml.h"

#define DEFAULT_NAMESPACE "default"
#define LIST "List"

struct kind {
	const char *name;
	const char *version; /* apiVersion */
	enum object_kind kind;
	bool namespaced;
	bool (*is_name)(const char *text);
	decode_content decode;
};

static const struct kind kinds[] = {
	{ "Pod", "v1", OBJECT_POD, true, name_is_subdomain, decode_pod },
	{ "Namespace", "v1", OBJECT_NAMESPACE, false, name_is_label, decode_namespace },
	{ "NetworkPolicy", "networking.k8s.io/v1", OBJECT_NETWORK_POLICY, true, name_is_subdomain,
	  decode_policy },
	{ "Node", "v1", OBJECT_NODE, false, name_is_subdomain, decode_node },
	{ "Service", "v1", OBJECT_SERVICE, true, name_is_label, decode_service },
	{ "EndpointSlice", "discovery.k8s.io/v1", OBJECT_ENDPOINT_SLICE, true, name_is_subdomain,
	  decode_endpoint_slice },
	{ "ClusterNetworkPolicy", "policy.networking.k8s.io/v1alpha2",
	  OBJECT_CLUSTER_NETWORK_POLICY, false, name_is_subdomain, decode_cluster_policy },
};

/* What an element of a list need not repeat; both NULL outside of a list. */
struct inherited {
	const char *kind;
	const char *version;
	bool in_list;
};

static const struct kind *find_kind(const char *name, size_t length)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strlen(kinds[i].name) == length && !memcmp(kinds[i].name, name, length))
			return &kinds[i];
	}
	return NULL;
}

/*
 * A kind of the same name in another API group is somebody else's, unless the
 * group is one of Kubernetes': then the version is wrong, and nothing else would
 * say that the object has no effect.
 */
static bool is_foreign(const char *version)
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

/* Once the object has a name, paths start at it and not at the list around it. */
static int decode_object(const struct kind *kind, const struct field *field)
{
	cleanup(object_freep) struct object *obj = NULL;
	struct field_origin origin = *field->origin;
	struct field root = { .origin = &origin, .value = field->value };
	cleanup(freep) char *title = NULL;
	int r;

	r = new_object(&obj, kind, field);
	if (r < 0)
		return r;
	title = object_title(obj);
	if (!title)
		return -ENOMEM;
	origin.object = title;
	r = kind->decode(obj, &root);
	if (r < 0)
		return r;
	origin.sink->object(origin.sink->arg, take_ptr(&obj));
	return 0;
}

static int decode_value(const struct field *field, const struct inherited *inherited);

static int decode_list(const struct field *field, const struct inherited *elements)
{
	struct field items = field_get(field, "items");
	int r = field_list(&items);

	if (r < 0)
		return r;
	for (size_t i = 0; i < field_count(&items); i++) {
		struct field element = field_at(&items, i);

		r = decode_value(&element, elements);
		if (r == -ENOMEM)
			return r;
	}
	return 0;
}

static int decode_typed_list(const struct field *field, const struct kind *kind,
			     const struct inherited *inherited)
{
	struct inherited elements = { .in_list = true };

	if (inherited->in_list)
		return field_error(field, "is a list within a list");
	if (kind) {
		elements.kind = kind->name;
		elements.version = kind->version;
	}
	return decode_list(field, &elements);
}

static int check_version(const struct field *field, const struct kind *kind, const char *version)
{
	struct field where = field_get(field, "apiVersion");

	return field_error(&where, "must be %s for a %s, not \"%s\"", kind->version, kind->name,
			   version);
}

static int decode_kind(const struct field *field, const char *name, const char *version,
		       const struct inherited *inherited)
{
	size_t length = strlen(name);
	bool is_list = length >= strlen(LIST) && !strcmp(name + length - strlen(LIST), LIST);
	const struct kind *kind;

	if (is_list)
		length -= strlen(LIST);
	if (is_list && !length)
		return decode_typed_list(field, NULL, inherited);
	kind = find_kind(name, length);
	if (!kind)
		return 0; /* of Kubernetes, but not of interest */
	if (strcmp(version, kind->version))
		return is_foreign(version) ? 0 : check_version(field, kind, version);
	return is_list ? decode_typed_list(field, kind, inherited) : decode_object(kind, field);
}

static int read_type(const char **ret, const struct field *field, const char *inherited)
{
	int r = field_string(ret, field);

	if (r < 0)
		return r;
	if (!*ret)
		*ret = inherited;
	if (!*ret || !**ret)
		return field_error(field, "is required");
	return 0;
}

static int decode_value(const struct field *field, const struct inherited *inherited)
{
	struct field kind_field = field_get(field, "kind");
	struct field version_field = field_get(field, "apiVersion");
	const char *version = NULL;
	const char *kind = NULL;
	int r;

	r = field_object(field) ?: read_type(&version, &version_field, inherited->version);
	r = r ?: read_type(&kind, &kind_field, inherited->kind);
	return r ?: decode_kind(field, kind, version, inherited);
}

int decode_json(const struct decode_sink *sink, const json_t *value, unsigned int document,
		unsigned int line)
{
	struct field_origin origin = {
		.sink = sink,
		.document = document,
		.line = line,
		.object = "",
	};
	struct field root = { .origin = &origin, .value = value };
	struct inherited nothing = {};
	int r = decode_value(&root, &nothing);

	return r == -ENOMEM ? r : 0;
}

static int decode_document(void *arg, const json_t *value, unsigned int number, unsigned int line)
{
	return decode_json(arg, value, number, line);
}

static int report_broken(void *arg, unsigned int line, const char *why)
{
	const struct decode_sink *sink = arg;
	struct decode_problem problem = { .object = "", .field = "", .line = line, .text = why };

	sink->problem(sink->arg, &problem);
	return 0;
}

/* Every value but the first has a comma before it, or a bracket or a key. */
static bool has_many_values(const char *text, size_t length)
{
	size_t commas = 0;

	for (size_t i = 0; i < length; i++)
		commas += text[i] == ',';
	return commas > YAML_NODES_MAX;
}

/*
 * JSON first: almost all of it is YAML too, but not surrogate pairs. What is
 * wrong with it, the YAML parser says with its line; it also counts exactly.
 */
static json_t *load_json(const char *text, size_t length)
{
	size_t blank = 0;

	while (blank < length && strchr(" \t\r\n", text[blank]))
		blank++;
	if (blank == length || text[blank] != '{')
		return NULL;
	if (length > YAML_TEXT_MAX || has_many_values(text, length))
		return NULL;
	return json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
}

int decode_text(const struct decode_sink *sink, const char *text, size_t length)
{
	const struct yaml_sink documents = {
		.arg = (void *)sink,
		.document = decode_document,
		.broken = report_broken,
	};
	json_t *value = load_json(text, length);
	int r;

	if (!value)
		return yaml_each(text, length, &documents);
	r = decode_json(sink, value, 1, 1);
	json_decref(value);
	return r;
}
