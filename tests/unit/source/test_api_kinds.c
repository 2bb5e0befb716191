// SPDX-License-Identifier: Apache-2.0
#include "lib/check_main.h"

#include <errno.h>
#include <string.h>

#include "source/api_kinds.h"

static const struct {
	const char *plural;
	const char *object;
	const char *kept;
} objects[] = {
	{ "pods",
	  "{'metadata':{'name':'a','namespace':'n','uid':'u','labels':{'a.b/c':'d'},"
	  "'annotations':{'x':'y'},"
	  "'managedFields':[{}]},'spec':{'nodeName':'n1','volumes':[1],'containers':[{'name':'c',"
	  "'image':'i','ports':[{'name':'p','containerPort':80}]},{'name':'d','env':[]}]},"
	  "'status':{'phase':'Running','conditions':[],'podIPs':[{'ip':'10.0.0.1'}]}}",
	  "{'kind':'Pod','metadata':{'labels':{'a.b/c':'d'},'name':'a','namespace':'n','uid':'u'},"
	  "'spec':{'containers':[{'name':'c','ports':[{'containerPort':80,'name':'p'}]},{'name':'d'}],"
	  "'nodeName':'n1'},'status':{'phase':'Running','podIPs':[{'ip':'10.0.0.1'}]}}" },
	{ "pods", "{'spec':7,'status':[{'podIP':'x','q':1}],'metadata':null,'apiVersion':'v1'}",
	  "{'apiVersion':'v1','kind':'Pod','metadata':null,'spec':7,'status':[{'podIP':'x'}]}" },
	{ "networkpolicies",
	  "{'metadata':{'name':'a','managedFields':[],'annotations':{'k':'v',"
	  "'kubectl.kubernetes.io/last-applied-configuration':'{}'}},'spec':{'podSelector':{}},"
	  "'apiVersion':'networking.k8s.io/v1'}",
	  "{'apiVersion':'networking.k8s.io/v1','kind':'NetworkPolicy',"
	  "'metadata':{'annotations':{'k':'v'},"
	  "'name':'a'},'spec':{'podSelector':{}}}" },
};

static json_t *parse(const char *text)
{
	char quoted[1024];
	json_t *value;

	strcpy(quoted, text);
	for (char *c = quoted; *c; c++)
		if (*c == '\'')
			*c = '"';
	value = json_loads(quoted, 0, NULL);
	ck_assert_ptr_nonnull(value);
	return value;
}

static const struct api_kind *find_kind(const char *plural)
{
	for (size_t i = 0; i < API_KINDS; i++)
		if (!strcmp(api_kinds[i].plural, plural))
			return &api_kinds[i];
	ck_abort_msg("%s", plural);
}

START_TEST(only_fields_that_matter_are_kept)
{
	json_t *object = parse(objects[_i].object), *before = json_deep_copy(object);
	json_t *expected = parse(objects[_i].kept);
	json_t *kept = api_kind_reduce(find_kind(objects[_i].plural), object);

	ck_assert_msg(json_equal(kept, expected), "%s", json_dumps(kept, JSON_SORT_KEYS));
	ck_assert(json_equal(object, before));
	json_decref(object);
	json_decref(before);
	json_decref(expected);
	json_decref(kept);
}
END_TEST

static const struct {
	const char *plural;
	const char *object;
	int expected;
	const char *whole;
} elements[] = {
	{ "pods", "{}", 0, "{'kind':'Pod','apiVersion':'v1'}" },
	{ "networkpolicies", "{'metadata':{}}", 0,
	  "{'metadata':{},'kind':'NetworkPolicy','apiVersion':'networking.k8s.io/v1'}" },
	{ "clusternetworkpolicies", "{'kind':'ClusterNetworkPolicy','apiVersion':'x/v7'}", 0,
	  "{'kind':'ClusterNetworkPolicy','apiVersion':'x/v7'}" },
	{ "pods", "{'kind':'Status'}", -EBADMSG, "{'kind':'Status'}" },
	{ "pods",
	  "{'metadata':{'uid':'a','annotations':{'kubernetes.io/config.mirror':'b'}}}", 0,
	  "{'kind':'Pod','apiVersion':'v1','metadata':{'uid':'b','annotations':"
	  "{'kubernetes.io/config.mirror':'b'}}}" },
	{ "pods", "{'metadata':{'uid':'a','annotations':{'kubernetes.io/config.mirror':7}}}", 0,
	  "{'kind':'Pod','apiVersion':'v1','metadata':{'uid':'a','annotations':"
	  "{'kubernetes.io/config.mirror':7}}}" },
};

START_TEST(elements_of_lists_become_whole)
{
	json_t *object = parse(elements[_i].object), *expected = parse(elements[_i].whole);
	const struct api_kind *kind = find_kind(elements[_i].plural);

	ck_assert_int_eq(api_kind_complete(kind, kind->versions[0], object), elements[_i].expected);
	ck_assert(json_equal(object, expected));
	json_decref(object);
	json_decref(expected);
}
END_TEST

CHECK_MAIN("api_kinds", CHECK_LOOP(elements_of_lists_become_whole, elements),
	   CHECK_LOOP(only_fields_that_matter_are_kept, objects))
