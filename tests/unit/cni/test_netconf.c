// SPDX-License-Identifier: Apache-2.0
#include "lib/check_main.h"

#include <string.h>

#include "cni/netconf.h"

#define HEAD "{\"cniVersion\":\"1.1.0\",\"name\":\"weir\",\"type\":\"weir-cni\""

static int parse(struct netconf *conf, const char *text, struct cni_error *error)
{
	return netconf_parse(conf, strdup(text), true, error);
}

START_TEST(a_short_configuration_gets_defaults)
{
	struct cni_error error = {};
	struct netconf conf;

	ck_assert_int_eq(parse(&conf, HEAD "}", &error), 0);
	ck_assert_int_eq(conf.version, CNI_1_1_0);
	ck_assert_str_eq(conf.name, "weir");
	ck_assert_str_eq(conf.socket, NETCONF_SOCKET);
	ck_assert_str_eq(conf.pod_namespace, "default");
	ck_assert_int_eq(conf.mtu, 0);
	ck_assert_str_eq(conf.mac, "");
	ck_assert_ptr_null(conf.ipam_type);
	ck_assert_ptr_null(conf.ips);
	ck_assert_ptr_null(conf.port_mappings);
	ck_assert_ptr_null(conf.prev_result);
	ck_assert_ptr_null(conf.dns);
	ck_assert_ptr_null(conf.valid_attachments);
	netconf_done(&conf);
}
END_TEST

START_TEST(a_full_configuration_is_read)
{
	static const char text[] = HEAD
		",\"socket\":\"/tmp/x.sock\",\"mtu\":1400,\"namespace\":\"shop\","
		"\"ipam\":{\"type\":\"host-local\",\"ranges\":[]},\"dns\":{\"search\":[\"x\"]},"
		"\"runtimeConfig\":{\"mac\":\"02:00:00:00:00:01\","
		"\"ips\":[\"10.0.0.7/24\",\"fd00::7\"]},"
		"\"prevResult\":{\"ips\":[]},\"cni.dev/attachments\":[],\"unknown\":{\"a\":1}}";
	struct cni_error error = {};
	struct netconf conf;

	ck_assert_int_eq(parse(&conf, text, &error), 0);
	ck_assert_str_eq(conf.socket, "/tmp/x.sock");
	ck_assert_int_eq(conf.mtu, 1400);
	ck_assert_str_eq(conf.pod_namespace, "shop");
	ck_assert_str_eq(conf.ipam_type, "host-local");
	ck_assert_str_eq(conf.mac, "02:00:00:00:00:01");
	ck_assert_str_eq(json_string_value(json_array_get(conf.ips, 0)), "10.0.0.7");
	ck_assert_str_eq(json_string_value(json_array_get(conf.ips, 1)), "fd00::7");
	ck_assert_ptr_nonnull(conf.prev_result);
	ck_assert_ptr_nonnull(conf.dns);
	ck_assert_ptr_nonnull(conf.valid_attachments);
	ck_assert_str_eq(conf.text, text);
	netconf_done(&conf);
}
END_TEST

/* What is wrong, and the code that says so. */
static const struct {
	const char *text;
	int code;
} refused[] = {
	{ "", CNI_DECODE_FAILURE },
	{ "{", CNI_DECODE_FAILURE },
	{ "[]", CNI_DECODE_FAILURE },
	{ "{} x", CNI_DECODE_FAILURE },
	{ "{\"name\":\"weir\",\"cniVersion\":\"9.0.0\"}", CNI_INCOMPATIBLE_VERSION },
	{ "{\"name\":\"weir\",\"cniVersion\":\"1.1\"}", CNI_INCOMPATIBLE_VERSION },
	{ "{\"name\":\"weir\",\"cniVersion\":1}", CNI_BAD_CONFIG },
	{ "{\"cniVersion\":\"1.0.0\"}", CNI_BAD_CONFIG },
	{ "{\"cniVersion\":\"1.0.0\",\"name\":\"\"}", CNI_BAD_CONFIG },
	{ "{\"cniVersion\":\"1.0.0\",\"name\":\"a/b\"}", CNI_BAD_CONFIG },
	{ "{\"cniVersion\":\"1.0.0\",\"name\":7}", CNI_BAD_CONFIG },
	{ HEAD ",\"socket\":\"weir.sock\"}", CNI_BAD_CONFIG },
	{ HEAD ",\"socket\":7}", CNI_BAD_CONFIG },
	{ HEAD ",\"mtu\":67}", CNI_BAD_CONFIG },
	{ HEAD ",\"mtu\":65536}", CNI_BAD_CONFIG },
	{ HEAD ",\"mtu\":-1}", CNI_BAD_CONFIG },
	{ HEAD ",\"mtu\":\"1500\"}", CNI_BAD_CONFIG },
	{ HEAD ",\"mtu\":4294968796}", CNI_BAD_CONFIG },
	{ HEAD ",\"ipam\":\"host-local\"}", CNI_BAD_CONFIG },
	{ HEAD ",\"ipam\":{\"type\":\"../host-local\"}}", CNI_BAD_CONFIG },
	{ HEAD ",\"dns\":[]}", CNI_BAD_CONFIG },
	{ HEAD ",\"prevResult\":[]}", CNI_BAD_CONFIG },
	{ HEAD ",\"runtimeConfig\":{\"mac\":\"01:00:00:00:00:01\"}}", CNI_BAD_CONFIG },
	{ HEAD ",\"runtimeConfig\":{\"mac\":\"x\"}}", CNI_BAD_CONFIG },
	{ HEAD ",\"runtimeConfig\":{\"ips\":[\"x\"]}}", CNI_BAD_CONFIG },
	{ HEAD ",\"runtimeConfig\":{\"ips\":[\"10.0.0.7/33\"]}}", CNI_BAD_CONFIG },
	{ HEAD ",\"runtimeConfig\":{\"ips\":[7]}}", CNI_BAD_CONFIG },
	{ HEAD ",\"runtimeConfig\":{\"ips\":\"10.0.0.7\"}}", CNI_BAD_CONFIG },
	{ HEAD ",\"runtimeConfig\":{\"bandwidth\":{\"ingressRate\":1}}}", CNI_UNSUPPORTED_FIELD },
	{ HEAD ",\"runtimeConfig\":{\"bandwidth\":{\"egressRate\":1e9}}}", CNI_UNSUPPORTED_FIELD },
	{ HEAD ",\"runtimeConfig\":{\"bandwidth\":{\"IngressRate\":0,\"EgressRate\":8}}}",
	  CNI_UNSUPPORTED_FIELD },
};

START_TEST(a_bad_configuration_is_refused)
{
	struct cni_error error = {};
	struct netconf conf;

	ck_assert_int_eq(parse(&conf, refused[_i].text, &error), -refused[_i].code);
	ck_assert_int_eq(error.code, refused[_i].code);
	ck_assert_str_ne(error.msg, "");
	netconf_done(&conf);
}
END_TEST

/* Of the network, where no verb can do without; of one attachment, where DEL must. */
static const struct {
	const char *text;
	bool fatal;
} without_attachment[] = {
	{ HEAD ",\"socket\":7}", true },
	{ HEAD ",\"ipam\":7}", true },
	{ "{\"cniVersion\":\"1.0.0\"}", true },
	{ HEAD ",\"mtu\":-1}", false },
	{ HEAD ",\"dns\":7,\"prevResult\":7,\"namespace\":7}", false },
	{ HEAD ",\"runtimeConfig\":{\"bandwidth\":{\"ingressRate\":1}}}", false },
	{ HEAD ",\"runtimeConfig\":{\"portMappings\":[7],\"ips\":[7],\"mac\":7}}", false },
};

START_TEST(what_makes_add_fail_does_not_make_del_fail)
{
	struct cni_error error = {};
	struct netconf conf;
	int r;

	ck_assert_int_lt(parse(&conf, without_attachment[_i].text, &error), 0);
	netconf_done(&conf);
	r = netconf_parse(&conf, strdup(without_attachment[_i].text), false, &error);
	ck_assert_int_eq(r < 0, without_attachment[_i].fatal);
	netconf_done(&conf);
}
END_TEST

static const char *const accepted[] = {
	"{\"name\":\"weir\"}",
	"{\"name\":\"weir\",\"cniVersion\":\"0.1.0\",\"ipam\":{}}",
	HEAD ",\"prevResult\":null,\"dns\":null,\"ipam\":null,\"runtimeConfig\":null}",
	HEAD ",\"runtimeConfig\":{\"portMappings\":null,\"ips\":null,\"mac\":null}}",
	HEAD ",\"runtimeConfig\":{\"bandwidth\":{\"ingressRate\":0,\"ingressBurst\":0}}}",
	HEAD ",\"ipam\":{\"type\":\"\"}}",
	HEAD ",\"mtu\":68}",
	HEAD ",\"mtu\":65535}",
};

START_TEST(what_a_runtime_may_leave_out_is_not_asked_for)
{
	struct cni_error error = {};
	struct netconf conf;

	ck_assert_msg(!parse(&conf, accepted[_i], &error), "%s", error.msg);
	ck_assert_ptr_null(conf.ipam_type);
	ck_assert_ptr_null(conf.prev_result);
	netconf_done(&conf);
}
END_TEST

START_TEST(no_version_is_the_oldest)
{
	struct cni_error error = {};
	struct netconf conf;

	ck_assert_int_eq(parse(&conf, "{\"name\":\"weir\"}", &error), 0);
	ck_assert_int_eq(conf.version, CNI_0_1_0);
	netconf_done(&conf);
}
END_TEST

START_TEST(an_error_after_the_version_is_told_in_it)
{
	struct cni_error error = {};
	struct netconf conf;

	ck_assert_int_lt(parse(&conf, "{\"cniVersion\":\"0.3.1\"}", &error), 0);
	ck_assert_int_eq(conf.version, CNI_0_3_1);
	netconf_done(&conf);
}
END_TEST

/* One mapping as a runtime writes it, and as the agent is told (NULL: not at all). */
static const struct {
	const char *given;
	const char *told;
	int code;
} mappings[] = {
	{ "{\"hostPort\":8080,\"containerPort\":80,\"protocol\":\"tcp\"}",
	  "{\"hostPort\":8080,\"containerPort\":80,\"protocol\":\"tcp\",\"hostIP\":\"\"}", 0 },
	{ "{\"HostPort\":8080,\"ContainerPort\":80,\"Protocol\":\"TCP\",\"HostIP\":\"\"}",
	  "{\"hostPort\":8080,\"containerPort\":80,\"protocol\":\"tcp\",\"hostIP\":\"\"}", 0 },
	{ "{\"HostPort\":53,\"ContainerPort\":53,\"Protocol\":\"Udp\",\"HostIP\":\"192.0.2.1\"}",
	  "{\"hostPort\":53,\"containerPort\":53,\"protocol\":\"udp\",\"hostIP\":\"192.0.2.1\"}",
	  0 },
	{ "{\"hostPort\":1,\"containerPort\":65535,\"protocol\":\"sctp\","
	  "\"hostIP\":\"2001:db8::1\"}",
	  "{\"hostPort\":1,\"containerPort\":65535,\"protocol\":\"sctp\","
	  "\"hostIP\":\"2001:db8::1\"}",
	  0 },
	{ "{\"hostPort\":1,\"containerPort\":2}",
	  "{\"hostPort\":1,\"containerPort\":2,\"protocol\":\"tcp\",\"hostIP\":\"\"}", 0 },
	{ "{\"hostPort\":0,\"containerPort\":80}", NULL, 0 },
	{ "{\"containerPort\":80}", NULL, 0 },
	{ "{\"hostPort\":80}", NULL, CNI_BAD_CONFIG },
	{ "{\"hostPort\":65536,\"containerPort\":80}", NULL, CNI_BAD_CONFIG },
	{ "{\"hostPort\":-1,\"containerPort\":80}", NULL, CNI_BAD_CONFIG },
	{ "{\"hostPort\":\"80\",\"containerPort\":80}", NULL, CNI_BAD_CONFIG },
	{ "{\"hostPort\":80,\"containerPort\":80,\"protocol\":\"icmp\"}", NULL, CNI_BAD_CONFIG },
	{ "{\"hostPort\":80,\"containerPort\":80,\"hostIP\":\"localhost\"}", NULL, CNI_BAD_CONFIG },
	{ "{\"hostPort\":80,\"containerPort\":80,\"hostIP\":\"::ffff:192.0.2.1\"}", NULL,
	  CNI_BAD_CONFIG },
	{ "80", NULL, CNI_BAD_CONFIG },
};

START_TEST(both_styles_of_port_mappings_are_read)
{
	struct cni_error error = {};
	struct netconf conf;
	json_t *told;
	char text[512];
	int r;

	snprintf(text, sizeof(text), HEAD ",\"runtimeConfig\":{\"portMappings\":[%s]}}",
		 mappings[_i].given);
	r = parse(&conf, text, &error);
	ck_assert_int_eq(r, -mappings[_i].code);
	if (!r && !mappings[_i].told)
		ck_assert_uint_eq(json_array_size(conf.port_mappings), 0);
	if (mappings[_i].told) {
		told = json_loads(mappings[_i].told, 0, NULL);
		ck_assert_int_eq(json_equal(json_array_get(conf.port_mappings, 0), told), 1);
		json_decref(told);
	}
	netconf_done(&conf);
}
END_TEST

CHECK_MAIN("cni_netconf", CHECK_TEST(a_short_configuration_gets_defaults),
	   CHECK_TEST(a_full_configuration_is_read),
	   CHECK_LOOP(a_bad_configuration_is_refused, refused),
	   CHECK_LOOP(what_makes_add_fail_does_not_make_del_fail, without_attachment),
	   CHECK_LOOP(what_a_runtime_may_leave_out_is_not_asked_for, accepted),
	   CHECK_TEST(no_version_is_the_oldest),
	   CHECK_TEST(an_error_after_the_version_is_told_in_it),
	   CHECK_LOOP(both_styles_of_port_mappings_are_read, mappings))
