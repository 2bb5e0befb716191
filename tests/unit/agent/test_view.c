// SPDX-License-Identifier: Apache-2.0
#include "lib/check_main.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "control/view.h"

#define HZ 250

/* The table is large: one for all; check forks before each test. */
static struct endpoint_table table;

static struct image_policy all_tiers[] = {
	{ "ClusterNetworkPolicy x", "selects pods *", TIER_ADMIN, 5 },
	{ "NetworkPolicy shop/front", "selects pods app=front", TIER_NETWORK_POLICY, 0 },
	{ "BaselineAdminNetworkPolicy default", "selects pods *", TIER_BASELINE,
	  POLICY_PRIORITY_LAST },
};
static struct image_rule all_rules[] = {
	{ 0, 1, ACTION_PASS, "go-on", "from anywhere" },
	{ 1, 0, ACTION_ALLOW, NULL, "from anywhere; ports 80/tcp" },
	{ 2, 0, ACTION_DENY, NULL, "from nodes *" },
};
static struct image_policy both[] = {
	{ "NetworkPolicy shop/back", "selects pods a", TIER_NETWORK_POLICY, 0 },
	{ "NetworkPolicy shop/front", "selects pods b", TIER_NETWORK_POLICY, 0 },
};
static struct image_explanation explanations[] = {
	{ .policies = all_tiers, .policy_count = 3, .rules = all_rules, .rule_count = 3 },
	{ .policies = both, .policy_count = 2 },
	{ .policies = all_tiers, .policy_count = 1 },
};
static struct image_ruleset rulesets[] = {
	{ .id = 4, .dir = POLICY_INGRESS, .header.flags = RULESET_ISOLATED,
	  .explanation = &explanations[0] },
	{ .id = 7, .dir = POLICY_EGRESS, .header.flags = RULESET_ISOLATED,
	  .explanation = &explanations[1] },
	{ .id = 9, .dir = POLICY_EGRESS, .explanation = &explanations[2] },
};
static struct image_class classes[] = {
	{ .id = 1, .text = "nobody asks", .members = 12 },
	{ .id = 3, .text = "shop: app in (front)", .members = 2 },
};
static struct image_binding bindings[] = {
	{ .ifindex = 65536, .class = 1 },
	{ .ifindex = 65553, .class = 3, .ruleset = { 4, 7 } },
	{ .ifindex = 65554, .class = 3, .ruleset = { 4, 9 } },
};
static const struct image image = {
	.bindings = bindings,
	.binding_count = CHECK_COUNT(bindings),
	.rulesets = rulesets,
	.ruleset_count = CHECK_COUNT(rulesets),
	.classes = classes,
	.class_count = CHECK_COUNT(classes),
};

static struct ip_addr addr(const char *text)
{
	struct ip_addr result;

	ck_assert_int_eq(addr_parse(&result, text), 0);
	return result;
}

static struct pod_endpoint *add(const char *id, const char *pod, uint32_t ifindex)
{
	struct pod_endpoint *ep = NULL;

	ck_assert_int_eq(pod_endpoint_new(&ep, id, "eth0", "weir", "shop", pod, "uid"), 0);
	ep->ifindex = ifindex;
	ep->mtu = 1500;
	ep->state = POD_READY;
	snprintf(ep->host_ifname, sizeof(ep->host_ifname), "weir%s", id);
	ck_assert_int_eq(mac_parse(ep->mac, "0e:00:00:00:00:01"), 0);
	ck_assert_int_eq(endpoints_insert(&table, ep), 0);
	return ep;
}

/* Takes @value; @expected is JSON, the order of members is free. */
static void expect(json_t *value, const char *expected)
{
	cleanup(json_decrefp) json_t *actual = value;
	cleanup(json_decrefp) json_t *wanted = json_loads(expected, JSON_DECODE_ANY, NULL);
	cleanup(freep) char *text = NULL;

	ck_assert_ptr_nonnull(wanted);
	ck_assert_ptr_nonnull(actual);
	text = json_dumps(actual, JSON_ENCODE_ANY | JSON_COMPACT);
	ck_assert_msg(json_equal(actual, wanted), "%s", text);
}

#define POLICY(name, tier, priority, why)                                                      \
	"{\"policy\":\"" name "\",\"tier\":\"" tier "\",\"priority\":" priority                \
	",\"why\":\"selects pods " why "\"}"
#define FRONT_RULESET                                                                          \
	"{\"id\":4,\"isolated\":true,\"policies\":["                                           \
	POLICY("ClusterNetworkPolicy x", "Admin", "5", "*") ","                                \
	POLICY("NetworkPolicy shop/front", "NetworkPolicy", "null", "app=front") ","           \
	POLICY("BaselineAdminNetworkPolicy default", "Baseline", "null", "*") "],\"rules\":["  \
	"{\"tier\":\"Admin\",\"priority\":5,\"action\":\"pass\","                              \
	"\"policy\":\"ClusterNetworkPolicy x\",\"rule\":1,\"name\":\"go-on\","                 \
	"\"text\":\"from anywhere\"},"                                                         \
	"{\"tier\":\"NetworkPolicy\",\"priority\":null,\"action\":\"allow\","                  \
	"\"policy\":\"NetworkPolicy shop/front\",\"rule\":0,\"name\":\"\","                    \
	"\"text\":\"from anywhere; ports 80/tcp\"},"                                           \
	"{\"tier\":\"Baseline\",\"priority\":null,\"action\":\"deny\","                        \
	"\"policy\":\"BaselineAdminNetworkPolicy default\",\"rule\":0,\"name\":\"\","          \
	"\"text\":\"from nodes *\"}]}"
#define BOTH_RULESET                                                                           \
	"{\"id\":7,\"isolated\":true,\"policies\":["                                           \
	POLICY("NetworkPolicy shop/back", "NetworkPolicy", "null", "a") ","                    \
	POLICY("NetworkPolicy shop/front", "NetworkPolicy", "null", "b") "],\"rules\":[]}"
#define FRONT_ENDPOINT                                                                         \
	"\"id\":17,\"state\":\"ready\",\"namespace\":\"shop\",\"pod\":\"front-1\","            \
	"\"containerID\":\"c1\",\"ifname\":\"eth0\",\"network\":\"weir\","                     \
	"\"hostIfname\":\"weirc1\",\"ifindex\":65553,\"mac\":\"0e:00:00:00:00:01\","           \
	"\"mtu\":1500,\"ips\":[\"10.1.0.5\",\"fd00::5\"],\"class\":3,"                         \
	"\"ingress\":\"isolated\",\"egress\":\"isolated\",\"hostPorts\":["                     \
	"{\"protocol\":\"tcp\",\"hostPort\":8080,\"containerPort\":80,\"hostIP\":\"\"},"       \
	"{\"protocol\":\"udp\",\"hostPort\":53,\"containerPort\":5353,\"hostIP\":\"192.0.2.1\"}]"

static struct pod_endpoint *add_front(void)
{
	struct pod_endpoint *ep = add("c1", "front-1", 65553);

	ep->ips[0] = addr("10.1.0.5");
	ep->ips[1] = addr("fd00::5");
	ep->ports = calloc(2, sizeof(*ep->ports));
	ck_assert_ptr_nonnull(ep->ports);
	ep->port_count = 2;
	ep->ports[0] = (struct host_port){ IPPROTO_TCP, 8080, 80, IP_ADDR_NONE };
	ep->ports[1] = (struct host_port){ IPPROTO_UDP, 53, 5353, addr("192.0.2.1") };
	return ep;
}

START_TEST(a_ruleset_has_its_rules_in_order_and_their_reasons)
{
	expect(view_ruleset(&rulesets[0]), FRONT_RULESET);
	expect(view_ruleset(NULL), "null");
}
END_TEST

START_TEST(an_endpoint_shows_what_it_is_and_what_binds_it)
{
	const struct pod_endpoint *ep;

	endpoints_init(&table, 0);
	ep = add_front();
	expect(view_endpoint(ep, &image), "{" FRONT_ENDPOINT "}");
	expect(view_endpoint_detail(ep, &image), "{" FRONT_ENDPOINT
	       ",\"ingressRuleset\":" FRONT_RULESET ",\"egressRuleset\":" BOTH_RULESET "}");
	expect(view_endpoints(&table, &image), "{\"endpoints\":[{" FRONT_ENDPOINT "}]}");
	endpoints_done(&table);
	expect(view_endpoints(&table, &image), "{\"endpoints\":[]}");
}
END_TEST

struct isolation_row {
	uint32_t ifindex;
	bool no_image;
	const char *ingress;
	const char *egress;
	int class;
	bool ingress_ruleset;
	bool egress_ruleset;
};

static const struct isolation_row isolation_rows[] = {
	{ 65536, false, "open", "open", 1, false, false },
	{ 65553, false, "isolated", "isolated", 3, true, true },
	/* Rules of a cluster policy alone do not isolate. */
	{ 65554, false, "isolated", "open", 3, true, true },
	/* Not in the image: nothing gets through. */
	{ 65555, false, "isolated", "isolated", 0, false, false },
	{ 65536, true, "isolated", "isolated", 0, false, false },
};

START_TEST(isolation_is_that_of_the_image)
{
	const struct isolation_row *row = &isolation_rows[_i];
	const struct pod_endpoint *ep;
	json_t *value;

	endpoints_init(&table, 0);
	ep = add("c1", "p", row->ifindex);
	value = view_endpoint_detail(ep, row->no_image ? NULL : &image);
	ck_assert_str_eq(json_string_value(json_object_get(value, "ingress")), row->ingress);
	ck_assert_str_eq(json_string_value(json_object_get(value, "egress")), row->egress);
	ck_assert_int_eq(json_integer_value(json_object_get(value, "class")), row->class);
	ck_assert_int_eq(json_is_object(json_object_get(value, "ingressRuleset")),
			 row->ingress_ruleset);
	ck_assert_int_eq(json_is_object(json_object_get(value, "egressRuleset")),
			 row->egress_ruleset);
	ck_assert_int_eq(json_array_size(json_object_get(value, "ips")), 0);
	json_decref(value);
	endpoints_done(&table);
}
END_TEST

static void put_policy(struct store *store, const char *name, bool ingress, bool egress)
{
	struct object *obj = calloc(1, sizeof(*obj));

	ck_assert_ptr_nonnull(obj);
	obj->kind = OBJECT_NETWORK_POLICY;
	obj->namespace = strdup("shop");
	obj->name = strdup(name);
	obj->policy.tier = TIER_NETWORK_POLICY;
	obj->policy.isolates[POLICY_INGRESS] = ingress;
	obj->policy.isolates[POLICY_EGRESS] = egress;
	ck_assert_int_eq(store_put(store, obj), 0);
}

static void put_ordered_policy(struct store *store, enum object_kind kind, const char *name,
			       enum policy_tier tier, uint32_t priority, size_t egress_rules)
{
	struct object *obj = calloc(1, sizeof(*obj));

	ck_assert_ptr_nonnull(obj);
	obj->kind = kind;
	obj->namespace = strdup("");
	obj->name = strdup(name);
	obj->policy.tier = tier;
	obj->policy.priority = priority;
	obj->policy.rules[POLICY_EGRESS] = calloc(egress_rules, sizeof(struct policy_rule));
	obj->policy.rule_count[POLICY_EGRESS] = egress_rules;
	ck_assert_int_eq(store_put(store, obj), 0);
}

#define NP_TIER "\"tier\":\"NetworkPolicy\",\"priority\":null,"

START_TEST(policies_list_the_endpoints_that_they_select)
{
	cleanup(store_freep) struct store *store = NULL;

	endpoints_init(&table, 0);
	add("c0", "idle", 65536);
	add("c1", "front-1", 65553);
	add("c2", "front-2", 65554);
	ck_assert_int_eq(store_new(&store), 0);
	put_policy(store, "front", true, true);
	put_policy(store, "back", false, true);
	put_policy(store, "none", true, false);
	put_ordered_policy(store, OBJECT_CLUSTER_NETWORK_POLICY, "x", TIER_ADMIN, 5, 1);
	put_ordered_policy(store, OBJECT_BASELINE_ADMIN_NETWORK_POLICY, "default", TIER_BASELINE,
			   POLICY_PRIORITY_LAST, 0);
	expect(view_policies(store, &table, &image),
	       "{\"policies\":["
	       "{\"kind\":\"ClusterNetworkPolicy\",\"namespace\":\"\",\"name\":\"x\","
	       "\"tier\":\"Admin\",\"priority\":5,\"directions\":[\"egress\"],"
	       "\"endpoints\":[\"shop/front-1\",\"shop/front-2\"]},"
	       "{\"kind\":\"NetworkPolicy\",\"namespace\":\"shop\",\"name\":\"back\"," NP_TIER
	       "\"directions\":[\"egress\"],\"endpoints\":[\"shop/front-1\"]},"
	       "{\"kind\":\"NetworkPolicy\",\"namespace\":\"shop\",\"name\":\"front\"," NP_TIER
	       "\"directions\":[\"ingress\",\"egress\"],"
	       "\"endpoints\":[\"shop/front-1\",\"shop/front-2\"]},"
	       "{\"kind\":\"NetworkPolicy\",\"namespace\":\"shop\",\"name\":\"none\"," NP_TIER
	       "\"directions\":[\"ingress\"],\"endpoints\":[]},"
	       "{\"kind\":\"BaselineAdminNetworkPolicy\",\"namespace\":\"\","
	       "\"name\":\"default\",\"tier\":\"Baseline\",\"priority\":null,"
	       "\"directions\":[],\"endpoints\":[\"shop/front-1\",\"shop/front-2\"]}]}");
	endpoints_done(&table);
}
END_TEST

START_TEST(a_pod_has_a_ruleset_a_direction)
{
	const struct pod_endpoint *ep;

	endpoints_init(&table, 0);
	ep = add("c1", "front-1", 65553);
	expect(view_pod_policies(ep, &image), "{\"namespace\":\"shop\",\"pod\":\"front-1\","
	       "\"ingress\":" FRONT_RULESET ",\"egress\":" BOTH_RULESET "}");
	expect(view_pod_policies(ep, NULL), "{\"namespace\":\"shop\",\"pod\":\"front-1\","
	       "\"ingress\":null,\"egress\":null}");
	endpoints_done(&table);
}
END_TEST

START_TEST(identities_are_the_classes)
{
	expect(view_identities(&image),
	       "{\"identities\":[{\"class\":1,\"members\":12,\"text\":\"nobody asks\"},"
	       "{\"class\":3,\"members\":2,\"text\":\"shop: app in (front)\"}]}");
	expect(view_identities(NULL), "{\"identities\":[]}");
}
END_TEST

START_TEST(a_flow_is_told_from_its_opener)
{
	const struct view_clock clock = { .now = 1000, .hz = HZ };
	const struct ct4_key key = {
		.addr = { inet_addr("10.1.0.5"), inet_addr("10.1.0.9") },
		.port = { htons(80), htons(40000) },
		.proto = IPPROTO_TCP,
	};
	const struct ct_entry entry = {
		.expires = 1000 + 10 * HZ,
		.generation = 6,
		.opener = CT_HIGH,
		.flags = CT_ANSWERED,
		.ifindex = { 65553, 0 },
		.packets = { 1, 2 },
		.bytes = { 100, 5000000000 },
	};
	const struct ct6_key wide = view_flow_key(&key);

	expect(view_flow(&wide, &entry, &(struct ct6_nat){}, &clock),
	       "{\"family\":4,\"protocol\":\"tcp\","
	       "\"opener\":{\"address\":\"10.1.0.9\",\"port\":40000,\"endpoint\":0},"
	       "\"answerer\":{\"address\":\"10.1.0.5\",\"port\":80,\"endpoint\":65553},"
	       "\"state\":\"answered\",\"expiresSeconds\":10,\"generation\":6,"
	       "\"packets\":[2,1],\"bytes\":[5000000000,100]}");
}
END_TEST

/* What the packets of its opener become, or were. */
START_TEST(a_translated_flow_says_what_it_becomes_or_was)
{
	const struct view_clock clock = { .now = 1000, .hz = HZ };
	const struct ct6_key key = { .addr = { addr("fd00::1"), addr("fd00:96::1") },
				     .proto = IPPROTO_UDP };
	const struct ct6_nat nat = { .src = addr("fd00::1"), .dst = addr("fd00::2"),
				     .sport = htons(4000), .dport = htons(5353) };
	struct ct_entry entry = { .flags = _i ? CT_TRANSLATED : CT_SERVICE };
	json_t *value = view_flow(&key, &entry, &nat, &clock);
	json_t *text = json_incref(json_object_get(value, _i ? "was" : "becomes"));

	ck_assert_ptr_null(json_object_get(value, _i ? "becomes" : "was"));
	expect(text, "{\"opener\":{\"address\":\"fd00::1\",\"port\":4000},"
		     "\"answerer\":{\"address\":\"fd00::2\",\"port\":5353}}");
	json_decref(value);
}
END_TEST

static const int translations[] = { 0, 1 };

struct flow_row {
	uint8_t proto;
	uint8_t flags;
	uint32_t now;
	uint32_t expires;
	const char *protocol;
	const char *state;
	int seconds;
};

static const struct flow_row flow_rows[] = {
	{ IPPROTO_UDP, 0, 0, HZ, "udp", "new", 1 },
	{ IPPROTO_SCTP, CT_ANSWERED | CT_CLOSING, 0, 1, "sctp", "closing", 1 },
	{ IPPROTO_ICMP, CT_CLOSING, 0, HZ + 1, "icmp", "closing", 2 },
	{ IPPROTO_ICMPV6, CT_ANSWERED, 100, 100, "icmpv6", "answered", 0 },
	{ 47, CT_HOST_OPENED, 100, 99, "47", "new", 0 },
	/* The counter of jiffies starts anew every few months. */
	{ IPPROTO_TCP, 0, UINT32_MAX - 9, 2 * HZ - 10, "tcp", "new", 2 },
	{ IPPROTO_TCP, 0, 10, UINT32_MAX - 9, "tcp", "new", 0 },
};

START_TEST(states_protocols_and_times_of_flows)
{
	const struct flow_row *row = &flow_rows[_i];
	const struct view_clock clock = { .now = row->now, .hz = HZ };
	const struct ct_entry entry = { .expires = row->expires, .flags = row->flags };
	const struct ct6_key key = {
		.addr = { addr("fd00::1"), addr("fd00::2") },
		.proto = row->proto,
	};
	json_t *value = view_flow(&key, &entry, &(struct ct6_nat){}, &clock);

	ck_assert_int_eq(json_integer_value(json_object_get(value, "family")), 6);
	ck_assert_str_eq(json_string_value(json_object_get(value, "protocol")), row->protocol);
	ck_assert_str_eq(json_string_value(json_object_get(value, "state")), row->state);
	ck_assert_int_eq(json_integer_value(json_object_get(value, "expiresSeconds")), row->seconds);
	json_decref(value);
}
END_TEST

START_TEST(a_service_shows_what_is_wanted_and_what_is_in_force)
{
	static struct service_frontend frontends[] = {
		{ .port = 80, .kind = FRONTEND_CLUSTER_IP },
		{ .port = 30080, .kind = FRONTEND_NODE_PORT,
		  .flags = FRONTEND_EXTERNAL | FRONTEND_LOCAL },
	};
	static struct service_backend backends[] = {
		{ .port = 8080, .flags = BACKEND_IN_CLUSTER | BACKEND_IN_LOCAL, .local = true,
		  .conditions = SLICE_READY | SLICE_SERVING, .node = "here" },
		{ .port = 8080, .conditions = SLICE_SERVING | SLICE_TERMINATING },
	};
	struct service_image item = { .port_name = "http", .proto = IPPROTO_TCP, .is_v4 = true,
				      .affinity_s = 60, .frontends = frontends,
				      .frontend_count = 2, .backends = backends,
				      .backend_count = 2 };
	const struct service_images images = { .namespace = "shop", .name = "web",
					       .items = &item, .count = 1, .health_port = 30999,
					       .ready_local = 1 };
	const struct view_service_port now = { 7, { 30, 4, 5 } };

	frontends[0].addr = addr("10.96.0.1");
	frontends[1].addr = addr("192.0.2.1");
	backends[0].addr = addr("10.0.0.5");
	backends[1].addr = addr("10.0.0.6");
#define WEB_BEGIN(problem)                                                                \
	"{\"namespace\":\"shop\",\"name\":\"web\",\"problem\":\"" problem "\","              \
	"\"healthCheckNodePort\":30999,\"readyLocal\":1,\"ports\":[{\"name\":\"http\","        \
	"\"protocol\":\"tcp\",\"family\":4,\"number\":7,\"affinitySeconds\":60,"              \
	"\"frontends\":[{\"address\":\"10.96.0.1\",\"port\":80,\"kind\":\"ClusterIP\","       \
	"\"policy\":\"Cluster\"},{\"address\":\"192.0.2.1\",\"port\":30080,"                \
	"\"kind\":\"NodePort\",\"policy\":\"Local\"}],\"clusterBackends\":1,"                \
	"\"localBackends\":1,\"connections\":30,\"refused\":4,\"silent\":5"
	expect(view_service(&images, &now, NULL, false), WEB_BEGIN("") "}]}");
	expect(view_service(&images, &now, "no room", true),
	       WEB_BEGIN("no room") ",\"backends\":[{\"address\":\"10.0.0.5\",\"port\":8080,"
	       "\"node\":\"here\",\"local\":true,\"ready\":true,\"serving\":true,"
	       "\"terminating\":false,\"inCluster\":true,\"inLocal\":true},"
	       "{\"address\":\"10.0.0.6\",\"port\":8080,\"node\":\"\",\"local\":false,"
	       "\"ready\":false,\"serving\":true,\"terminating\":true,\"inCluster\":false,"
	       "\"inLocal\":false}]}]}");
}
END_TEST

CHECK_MAIN("view", CHECK_TEST(a_service_shows_what_is_wanted_and_what_is_in_force),
	   CHECK_TEST(a_ruleset_has_its_rules_in_order_and_their_reasons),
	   CHECK_TEST(an_endpoint_shows_what_it_is_and_what_binds_it),
	   CHECK_LOOP(isolation_is_that_of_the_image, isolation_rows),
	   CHECK_TEST(policies_list_the_endpoints_that_they_select),
	   CHECK_TEST(a_pod_has_a_ruleset_a_direction), CHECK_TEST(identities_are_the_classes),
	   CHECK_TEST(a_flow_is_told_from_its_opener),
	   CHECK_LOOP(a_translated_flow_says_what_it_becomes_or_was, translations),
	   CHECK_LOOP(states_protocols_and_times_of_flows, flow_rows))
