// SPDX-License-Identifier: Apache-2.0
/* An agent over an imagined kernel, asked directly. */
#include "lib/check_main.h"

#include <string.h>

#include "endpoint/lifecycle.h"
#include "fuzz/fake_kernel.h"
#include "fuzz/fake_node.h"
#include "unit/model/objects_make.h"

#define FOREIGN_LINK 9

/* The pools of the node: 10.9.0.0/28 and fd09::/120. */
static struct endpoint_request request(const char *id)
{
	return (struct endpoint_request){ .container_id = id, .ifname = "eth0", .network = "n",
					  .namespace = "default", .pod = id, .uid = "" };
}

static struct endpoint_request delegated(const char *id, const char *ip4, const char *ip6)
{
	struct endpoint_request ask = request(id);

	ask.delegated = true;
	ask.ips[FAMILY_IP4] = ip4 ? make_addr(ip4) : IP_ADDR_NONE;
	ask.ips[FAMILY_IP6] = ip6 ? make_addr(ip6) : IP_ADDR_NONE;
	return ask;
}

static enum fault_code reserve(const struct endpoint_request *ask)
{
	struct fault fault = {};
	struct pod_endpoint *ep;

	if (endpoint_reserve(&ep, fake_node(), ask, &fault) < 0)
		ck_assert_int_ne(fault.code, FAULT_NONE);
	fake_node_check();
	return fault.code;
}

static size_t used(enum family family)
{
	return ipam_pool_used(fake_node()->pools[family]);
}

START_TEST(a_pool_does_not_give_away_what_a_delegate_gave)
{
	struct endpoint_request first = delegated("a", "10.9.0.2", NULL), other = request("b");
	char id[] = "b";

	ck_assert_int_eq(reserve(&first), FAULT_NONE);
	ck_assert_uint_eq(used(FAMILY_IP4), 1);
	for (other.container_id = id; ipam_pool_available(fake_node()->pools[FAMILY_IP4]); id[0]++)
		ck_assert_int_eq(reserve(&other), FAULT_NONE);
	ck_assert_uint_gt(used(FAMILY_IP4), 1);
	fake_node_reset();
}
END_TEST

START_TEST(a_delegate_cannot_give_what_the_node_or_a_pod_has)
{
	struct endpoint_request pod = request("a"), gateway = delegated("b", "10.9.0.1", NULL);
	struct endpoint_request halfway = delegated("c", "10.9.0.9", "fd09::7");

	pod.ips[FAMILY_IP6] = make_addr("fd09::7");
	ck_assert_int_eq(reserve(&pod), FAULT_NONE);
	ck_assert_int_eq(reserve(&gateway), FAULT_ADDRESS);
	ck_assert_int_eq(reserve(&halfway), FAULT_ADDRESS);
	ck_assert_uint_eq(used(FAMILY_IP4), 1);
	fake_node_reset();
}
END_TEST

START_TEST(addresses_of_elsewhere_are_no_business_of_the_pools)
{
	struct endpoint_request ask = delegated("a", "192.0.2.1", "2001:db8::1");

	ck_assert_int_eq(reserve(&ask), FAULT_NONE);
	ck_assert_uint_eq(used(FAMILY_IP4) + used(FAMILY_IP6), 0);
	fake_node_reset();
}
END_TEST

START_TEST(a_slot_that_is_taken_costs_no_address)
{
	struct endpoint_request first = delegated("a", "10.9.0.2", NULL);
	struct endpoint_request second = delegated("b", "10.9.0.3", NULL);

	first.chained_ifindex = second.chained_ifindex = FOREIGN_LINK;
	ck_assert_int_eq(reserve(&first), FAULT_NONE);
	ck_assert_int_eq(reserve(&second), FAULT_TRY_LATER);
	ck_assert_uint_eq(used(FAMILY_IP4), 1);
	fake_node_reset();
}
END_TEST

START_TEST(a_link_whose_name_is_no_text_is_refused)
{
	struct endpoint_request ask = delegated("a", "192.0.2.1", NULL);

	ask.chained_ifindex = FAKE_LINK_NO_TEXT;
	ck_assert_int_eq(reserve(&ask), FAULT_CONFIG);
	fake_node_reset();
}
END_TEST

CHECK_MAIN("reserve",
	   CHECK_TEST(a_pool_does_not_give_away_what_a_delegate_gave),
	   CHECK_TEST(a_delegate_cannot_give_what_the_node_or_a_pod_has),
	   CHECK_TEST(addresses_of_elsewhere_are_no_business_of_the_pools),
	   CHECK_TEST(a_slot_that_is_taken_costs_no_address),
	   CHECK_TEST(a_link_whose_name_is_no_text_is_refused))
