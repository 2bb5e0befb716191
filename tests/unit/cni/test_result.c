// SPDX-License-Identifier: Apache-2.0
#include "lib/check_main.h"

#include <errno.h>

#include "cni/result.h"

/* One result in every form that there is. */
static const struct {
	enum cni_version version;
	const char *text;
} forms[] = {
	{ CNI_0_2_0,
	  "{'cniVersion':'0.2.0',"
	  "'ip4':{'ip':'10.0.0.7/32','gateway':'10.0.0.1',"
	  "'routes':[{'dst':'0.0.0.0/0','gw':'10.0.0.1'}]},"
	  "'ip6':{'ip':'fd00::7/128','gateway':'fd00::1','routes':[{'dst':'::/0','gw':'fd00::1'}]},"
	  "'dns':{'search':['x']}}" },
	{ CNI_0_4_0,
	  "{'cniVersion':'0.4.0','interfaces':[{'name':'weirx','mac':'0a:00:00:00:00:01'},"
	  "{'name':'eth0','mac':'0e:00:00:00:00:07','sandbox':'/run/netns/x'}],"
	  "'ips':[{'version':'4','interface':1,'address':'10.0.0.7/32','gateway':'10.0.0.1'},"
	  "{'version':'6','interface':1,'address':'fd00::7/128','gateway':'fd00::1'}],"
	  "'routes':[{'dst':'0.0.0.0/0','gw':'10.0.0.1'},{'dst':'::/0','gw':'fd00::1'}],"
	  "'dns':{'search':['x']}}" },
	{ CNI_1_0_0,
	  "{'cniVersion':'1.0.0','interfaces':[{'name':'weirx','mac':'0a:00:00:00:00:01'},"
	  "{'name':'eth0','mac':'0e:00:00:00:00:07','sandbox':'/run/netns/x'}],"
	  "'ips':[{'interface':1,'address':'10.0.0.7/32','gateway':'10.0.0.1'},"
	  "{'interface':1,'address':'fd00::7/128','gateway':'fd00::1'}],"
	  "'routes':[{'dst':'0.0.0.0/0','gw':'10.0.0.1'},{'dst':'::/0','gw':'fd00::1'}],"
	  "'dns':{'search':['x']}}" },
	{ CNI_1_1_0,
	  "{'cniVersion':'1.1.0','interfaces':[{'name':'weirx','mac':'0a:00:00:00:00:01',"
	  "'mtu':1500},"
	  "{'name':'eth0','mac':'0e:00:00:00:00:07','mtu':1500,'sandbox':'/run/netns/x'}],"
	  "'ips':[{'interface':1,'address':'10.0.0.7/32','gateway':'10.0.0.1'},"
	  "{'interface':1,'address':'fd00::7/128','gateway':'fd00::1'}],"
	  "'routes':[{'dst':'0.0.0.0/0','gw':'10.0.0.1','mtu':1400,'table':5},"
	  "{'dst':'::/0','gw':'fd00::1'}],'dns':{'search':['x']}}" },
};

#define NEWEST_FORM (CHECK_COUNT(forms) - 1)

/* JSON with ' for ". */
static json_t *load(const char *text)
{
	char *copy = strdup(text);
	json_t *object;

	for (char *p = copy; *p; p++)
		if (*p == '\'')
			*p = '"';
	object = json_loads(copy, 0, NULL);
	ck_assert_ptr_nonnull(object);
	free(copy);
	return object;
}

static void assert_formats(const json_t *result, enum cni_version version, json_t *expected)
{
	json_t *out = NULL;

	ck_assert_int_eq(result_format(&out, result, version), 0);
	ck_assert_msg(json_equal(out, expected), "%s", json_dumps(out, 0));
	json_decref(out);
}

START_TEST(the_newest_form_becomes_every_other)
{
	json_t *given = load(forms[NEWEST_FORM].text);
	json_t *expected = load(forms[_i].text);
	json_t *result = NULL;

	ck_assert_int_eq(result_parse(&result, given, CNI_0_1_0), 0);
	assert_formats(result, forms[_i].version, expected);
	json_decref(result);
	json_decref(expected);
	json_decref(given);
}
END_TEST

START_TEST(every_form_comes_back_unchanged)
{
	json_t *given = load(forms[_i].text);
	json_t *result = NULL;

	ck_assert_int_eq(result_parse(&result, given, CNI_0_1_0), 0);
	assert_formats(result, forms[_i].version, given);
	json_decref(result);
	json_decref(given);
}
END_TEST

START_TEST(both_families_are_found_in_every_form)
{
	struct result_ip ips[RESULT_IPS_MAX];
	json_t *given = load(forms[_i].text);
	json_t *result = NULL;

	ck_assert_int_eq(result_parse(&result, given, CNI_0_1_0), 0);
	ck_assert_int_eq(result_ips(ips, result, "eth0"), 2);
	ck_assert_str_eq(ips[0].text, "10.0.0.7/32");
	ck_assert_str_eq(ips[1].text, "fd00::7/128");
	ck_assert_int_eq(ips[1].bits, 128);
	json_decref(result);
	json_decref(given);
}
END_TEST

START_TEST(a_result_without_a_version_has_the_configurations)
{
	json_t *old = load("{'ip4':{'ip':'10.0.0.7/24'}}");
	json_t *new = load("{'ips':[{'address':'10.0.0.7/24'}]}");
	struct result_ip ips[RESULT_IPS_MAX];
	json_t *result = NULL;

	ck_assert_int_eq(result_parse(&result, old, CNI_0_2_0), 0);
	ck_assert_int_eq(result_ips(ips, result, "eth0"), 1);
	json_decref(result);
	ck_assert_int_eq(result_parse(&result, new, CNI_1_0_0), 0);
	ck_assert_int_eq(result_ips(ips, result, "eth0"), 1);
	json_decref(result);
	json_decref(new);
	json_decref(old);
}
END_TEST

static const char *const no_results[] = {
	"[]",
	"{'cniVersion':'9.9.9'}",
	"{'cniVersion':1}",
	"{'cniVersion':'0.2.0','ip4':{}}",
	"{'cniVersion':'0.2.0','ip6':{'ip':7}}",
	"{'cniVersion':'1.0.0','ips':{}}",
	"{'cniVersion':'1.0.0','ips':['10.0.0.7/24']}",
	"{'cniVersion':'1.0.0','ips':[{}]}",
	"{'cniVersion':'1.0.0','interfaces':'eth0'}",
	"{'cniVersion':'1.0.0','routes':7}",
};

START_TEST(what_is_no_result_is_refused)
{
	json_t *given = load(no_results[_i]);
	json_t *result = NULL;

	ck_assert_int_eq(result_parse(&result, given, CNI_1_1_0), -EINVAL);
	ck_assert_ptr_null(result);
	json_decref(given);
}
END_TEST

/* Interfaces: 0 on the node, 1 the container's, 2 another of the container. */
static const struct {
	const char *ips;
	int count;
} pointing[] = {
	{ "[]", 0 },
	{ "[{'address':'10.0.0.7/24'}]", 1 },
	{ "[{'address':'10.0.0.7/24','interface':1}]", 1 },
	{ "[{'address':'10.0.0.7/24','interface':0}]", 0 },
	{ "[{'address':'10.0.0.7/24','interface':2}]", 0 },
	{ "[{'address':'10.0.0.7/24','interface':3}]", 0 },
	{ "[{'address':'10.0.0.7/24','interface':-1}]", 0 },
	{ "[{'address':'10.0.0.7/24','interface':2},{'address':'fd00::7/64','interface':1}]", 1 },
	{ "[{'address':'10.0.0.7'}]", -EINVAL },
	{ "[{'address':'10.0.0.7/33'}]", -EINVAL },
	{ "[{'address':'::ffff:10.0.0.7/128'}]", -EINVAL },
	{ "[{'address':''}]", -EINVAL },
};

START_TEST(only_the_containers_addresses_count)
{
	json_t *given = load("{'interfaces':[{'name':'eth0'},{'name':'eth0','sandbox':'/x',"
			     "'mac':'0e:00:00:00:00:07'},{'name':'eth1','sandbox':'/x'}]}");
	struct result_ip ips[RESULT_IPS_MAX];
	json_t *result = NULL;

	json_object_set_new(given, "ips", load(pointing[_i].ips));
	ck_assert_int_eq(result_parse(&result, given, CNI_1_0_0), 0);
	ck_assert_int_eq(result_ips(ips, result, "eth0"), pointing[_i].count);
	ck_assert_str_eq(result_mac(result, "eth0"), "0e:00:00:00:00:07");
	ck_assert_ptr_null(result_mac(result, "eth2"));
	json_decref(result);
	json_decref(given);
}
END_TEST

static const struct {
	const char *routes;
	const char *gateway; /* of 10.0.0.7/24, which names 10.0.0.1; NULL: no default route */
} promised[] = {
	{ "[{'dst':'0.0.0.0/0','gw':'10.0.0.1'}]", "10.0.0.1" },
	{ "[{'dst':'10.1.0.0/16','gw':'10.0.0.9'},{'dst':'0.0.0.0/0','gw':'10.0.0.1'}]", "10.0.0.1" },
	{ "[]", NULL },
	{ "[{'dst':'0.0.0.0/0'}]", NULL },
	{ "[{'dst':'0.0.0.0/0','gw':'10.0.0.9'}]", NULL },
	{ "[{'dst':'10.1.0.0/16','gw':'10.0.0.1'}]", NULL },
	{ "[{'dst':'::/0','gw':'10.0.0.1'}]", NULL },
	{ "[7, {'dst':7,'gw':7}]", NULL },
};

START_TEST(the_default_route_through_the_gateway_is_promised)
{
	json_t *given = load("{'ips':[{'address':'10.0.0.7/24','gateway':'10.0.0.1'}]}");
	struct ip_addr gateway = {};
	struct result_ip ips[RESULT_IPS_MAX];

	if (promised[_i].gateway)
		ck_assert_int_eq(addr_parse(&gateway, promised[_i].gateway), 0);
	json_object_set_new(given, "routes", load(promised[_i].routes));
	ck_assert_int_eq(result_ips(ips, given, "eth0"), 1);
	ck_assert(ip_addr_equal(&ips[0].gateway, &gateway));
	json_decref(given);
}
END_TEST

START_TEST(versions_are_told_to_whoever_asks)
{
	static const struct {
		const char *asked, *told;
	} rows[] = {
		{ "", "1.1.0" }, { "0.2.0", "0.2.0" }, { "0.4.0", "0.4.0" }, { "7", "1.1.0" }
	};

	for (int i = 0; i < CHECK_COUNT(rows); i++) {
		json_t *answer = cni_version_json(rows[i].asked);

		ck_assert_str_eq(json_string_value(json_object_get(answer, "cniVersion")),
				 rows[i].told);
		ck_assert_uint_eq(json_array_size(json_object_get(answer, "supportedVersions")),
				  CNI_VERSIONS);
		json_decref(answer);
	}
}
END_TEST

CHECK_MAIN("cni_result", CHECK_LOOP(the_newest_form_becomes_every_other, forms),
	   CHECK_LOOP(every_form_comes_back_unchanged, forms),
	   CHECK_LOOP(both_families_are_found_in_every_form, forms),
	   CHECK_TEST(a_result_without_a_version_has_the_configurations),
	   CHECK_LOOP(what_is_no_result_is_refused, no_results),
	   CHECK_LOOP(only_the_containers_addresses_count, pointing),
	   CHECK_LOOP(the_default_route_through_the_gateway_is_promised, promised),
	   CHECK_TEST(versions_are_told_to_whoever_asks))
