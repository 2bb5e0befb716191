// SPDX-License-Identifier: Apache-2.0
#include "lib/check_main.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "endpoint/table.h"

/* The table is large: one for all; check forks before each test. */
static struct endpoint_table table;

static uint32_t choose(void)
{
	uint32_t ifindex = 0;

	ck_assert_int_eq(endpoints_choose(&ifindex, &table, NULL), 0);
	return ifindex;
}

static struct pod_endpoint *endpoint(const char *id, const char *ifname, uint32_t ifindex)
{
	struct pod_endpoint *ep = NULL;

	ck_assert_int_eq(pod_endpoint_new(&ep, id, ifname, "weir", "shop", id, NULL), 0);
	ep->ifindex = ifindex;
	return ep;
}

static struct pod_endpoint *add(const char *id)
{
	struct pod_endpoint *ep = endpoint(id, "eth0", choose());

	ck_assert_int_eq(endpoints_insert(&table, ep), 0);
	return ep;
}

static struct ip_addr addr(const char *text)
{
	struct ip_addr result;

	ck_assert_int_eq(addr_parse(&result, text), 0);
	return result;
}

START_TEST(an_endpoint_is_found_by_container_and_interface)
{
	struct pod_endpoint *one, *two;

	endpoints_init(&table, 0);
	one = add("c1");
	two = endpoint("c1", "net1", choose());
	ck_assert_int_eq(endpoints_insert(&table, two), 0);
	ck_assert_ptr_eq(endpoints_find(&table, "c1", "eth0"), one);
	ck_assert_ptr_eq(endpoints_find(&table, "c1", "net1"), two);
	ck_assert_ptr_null(endpoints_find(&table, "c2", "eth0"));
	ck_assert_ptr_null(endpoints_find(&table, "c1", "eth"));
	ck_assert_uint_eq(table.count, 2);
	endpoints_done(&table);
}
END_TEST

START_TEST(absent_texts_are_empty)
{
	struct pod_endpoint *ep = NULL;

	ck_assert_int_eq(pod_endpoint_new(&ep, "c1", "eth0", NULL, NULL, NULL, NULL), 0);
	ck_assert_str_eq(ep->network, "");
	ck_assert_str_eq(ep->namespace, "");
	ck_assert_str_eq(ep->pod, "");
	ck_assert_str_eq(ep->uid, "");
	ck_assert_int_eq(ep->state, POD_RESERVED);
	ck_assert(ip_addr_is_none(&ep->ips[0]) && ip_addr_is_none(&ep->ips[1]));
	pod_endpoint_free(ep);
	pod_endpoint_free(NULL);
}
END_TEST

START_TEST(a_name_or_a_slot_is_held_once)
{
	struct pod_endpoint *same_name, *same_slot;
	uint32_t first, other;

	endpoints_init(&table, 7);
	first = choose();
	ck_assert_int_eq(endpoints_insert(&table, endpoint("c1", "eth0", first)), 0);
	other = choose();
	ck_assert_uint_ne(first & (ENDPOINT_SLOTS - 1), other & (ENDPOINT_SLOTS - 1));

	same_name = endpoint("c1", "eth0", other);
	ck_assert_int_eq(endpoints_insert(&table, same_name), -EEXIST);
	pod_endpoint_free(same_name);

	same_slot = endpoint("c2", "eth0", first + ENDPOINT_SLOTS);
	ck_assert_int_eq(endpoints_insert(&table, same_slot), -EBUSY);
	pod_endpoint_free(same_slot);
	ck_assert_uint_eq(table.count, 1);
	endpoints_done(&table);
}
END_TEST

static const uint32_t seeds[] = { 0, 1, ENDPOINT_SLOTS - 1, ENDPOINT_SLOTS, 123456789, UINT32_MAX };

START_TEST(an_interface_index_names_its_slot_and_is_not_the_kernels)
{
	uint32_t ifindex;

	endpoints_init(&table, seeds[_i]);
	for (int i = 0; i < 100; i++) {
		char id[16];
		struct pod_endpoint *ep;

		snprintf(id, sizeof(id), "c%d", i);
		ep = add(id);
		ifindex = ep->ifindex;
		ck_assert_uint_ge(ifindex, ENDPOINT_IFINDEX_FIRST);
		ck_assert_uint_lt(ifindex, 1U << 28);
		ck_assert_uint_eq(ep->slot, ifindex & (ENDPOINT_SLOTS - 1));
	}
	endpoints_done(&table);
}
END_TEST

START_TEST(a_slot_rests_until_the_others_had_their_turn)
{
	uint32_t first, ifindex;
	struct pod_endpoint *ep;

	endpoints_init(&table, 42);
	ep = add("first");
	first = ep->ifindex;
	endpoints_forget(&table, ep);
	for (int i = 0; i < ENDPOINT_SLOTS - 1; i++) {
		ep = add("next");
		ck_assert_uint_ne(ep->slot, first & (ENDPOINT_SLOTS - 1));
		endpoints_forget(&table, ep);
	}
	ifindex = choose();
	ck_assert_uint_eq(ifindex & (ENDPOINT_SLOTS - 1), first & (ENDPOINT_SLOTS - 1));
	ck_assert_uint_ne(ifindex, first);
	endpoints_done(&table);
}
END_TEST

START_TEST(a_full_table_refuses_until_one_is_forgotten)
{
	struct pod_endpoint *ep = NULL;
	uint32_t ifindex, slot;
	char id[16];

	endpoints_init(&table, 5);
	for (int i = 0; i < ENDPOINT_SLOTS; i++) {
		snprintf(id, sizeof(id), "c%d", i);
		ep = add(id);
	}
	ck_assert_uint_eq(table.count, ENDPOINT_SLOTS);
	ck_assert_int_eq(endpoints_choose(&ifindex, &table, NULL), -ENOSPC);
	endpoints_leave(&table, ep, 1);
	ck_assert_int_eq(endpoints_choose(&ifindex, &table, NULL), -ENOSPC);
	slot = ep->slot;
	endpoints_forget(&table, ep);
	ck_assert_uint_eq(choose() & (ENDPOINT_SLOTS - 1), slot);
	endpoints_done(&table);
}
END_TEST

static uint32_t stranger;

static bool is_stranger(uint32_t ifindex)
{
	return ifindex == stranger;
}

static bool is_anybody(uint32_t ifindex)
{
	return true;
}

START_TEST(an_index_that_a_stranger_uses_is_passed_over)
{
	uint32_t ifindex;

	endpoints_init(&table, 9);
	stranger = choose();
	endpoints_done(&table);

	endpoints_init(&table, 9);
	ck_assert_int_eq(endpoints_choose(&ifindex, &table, is_stranger), 0);
	ck_assert_uint_ne(ifindex, stranger);
	ck_assert_int_eq(endpoints_choose(&ifindex, &table, is_anybody), -ENOSPC);
	endpoints_done(&table);
}
END_TEST

START_TEST(an_adopted_endpoint_keeps_its_slot)
{
	uint32_t slot;

	endpoints_init(&table, 3);
	slot = choose() & (ENDPOINT_SLOTS - 1);
	/* As after a restart: the number comes from a file, not from endpoints_choose(). */
	ck_assert_int_eq(endpoints_insert(&table, endpoint("old", "eth0",
							   ENDPOINT_IFINDEX_FIRST + slot)), 0);
	ck_assert_uint_ne(add("new")->slot, slot);
	endpoints_done(&table);
}
END_TEST

START_TEST(who_leaves_has_no_name_but_keeps_its_addresses)
{
	struct pod_endpoint *old, *renewed;
	struct ip_addr ip = addr("10.0.0.5");

	endpoints_init(&table, 11);
	old = add("c1");
	old->ips[0] = ip;
	endpoints_leave(&table, old, 1234);
	ck_assert_int_eq(old->state, POD_LEAVING);
	ck_assert_int_eq(old->since_ms, 1234);
	ck_assert_ptr_null(endpoints_find(&table, "c1", "eth0"));
	ck_assert_ptr_eq(endpoints_find_addr(&table, &ip), old);
	ck_assert_uint_eq(table.count, 1);

	renewed = add("c1");
	ck_assert_uint_ne(renewed->slot, old->slot);
	endpoints_leave(&table, old, 2000);
	ck_assert_ptr_eq(endpoints_find(&table, "c1", "eth0"), renewed);
	endpoints_forget(&table, old);
	ck_assert_ptr_eq(endpoints_find(&table, "c1", "eth0"), renewed);
	ck_assert_ptr_null(endpoints_find_addr(&table, &ip));
	ck_assert_uint_eq(table.count, 1);
	endpoints_done(&table);
}
END_TEST

START_TEST(both_families_find_the_endpoint)
{
	struct ip_addr v4 = addr("10.0.0.5"), v6 = addr("fd00::5"), other = addr("10.0.0.6");
	struct pod_endpoint *ep;

	endpoints_init(&table, 0);
	add("none");
	ep = add("both");
	ep->ips[0] = v4;
	ep->ips[1] = v6;
	ck_assert_ptr_eq(endpoints_find_addr(&table, &v4), ep);
	ck_assert_ptr_eq(endpoints_find_addr(&table, &v6), ep);
	ck_assert_ptr_null(endpoints_find_addr(&table, &other));
	endpoints_done(&table);
}
END_TEST

struct port_row {
	struct host_port held;
	const char *held_ip; /* NULL: all */
	struct host_port wanted;
	const char *wanted_ip;
	bool collides;
};

static const struct port_row ports[] = {
	{ { IPPROTO_TCP, 80, 1 }, NULL, { IPPROTO_TCP, 80, 2 }, NULL, true },
	{ { IPPROTO_TCP, 80, 1 }, NULL, { IPPROTO_TCP, 81, 1 }, NULL, false },
	{ { IPPROTO_TCP, 80, 1 }, NULL, { IPPROTO_UDP, 80, 1 }, NULL, false },
	{ { IPPROTO_TCP, 80, 1 }, NULL, { IPPROTO_TCP, 80, 1 }, "10.0.0.1", true },
	{ { IPPROTO_TCP, 80, 1 }, "10.0.0.1", { IPPROTO_TCP, 80, 1 }, NULL, true },
	{ { IPPROTO_TCP, 80, 1 }, "10.0.0.1", { IPPROTO_TCP, 80, 1 }, "10.0.0.1", true },
	{ { IPPROTO_TCP, 80, 1 }, "10.0.0.1", { IPPROTO_TCP, 80, 1 }, "10.0.0.2", false },
	{ { IPPROTO_TCP, 80, 1 }, "10.0.0.1", { IPPROTO_TCP, 80, 1 }, "fd00::1", false },
};

START_TEST(a_host_port_belongs_to_one_endpoint)
{
	const struct port_row *row = &ports[_i];
	struct host_port wanted = row->wanted;
	struct pod_endpoint *holder, *other;

	endpoints_init(&table, 0);
	holder = add("holder");
	other = add("other");
	holder->ports = calloc(1, sizeof(*holder->ports));
	ck_assert_ptr_nonnull(holder->ports);
	holder->port_count = 1;
	holder->ports[0] = row->held;
	if (row->held_ip)
		holder->ports[0].host_ip = addr(row->held_ip);
	if (row->wanted_ip)
		wanted.host_ip = addr(row->wanted_ip);

	ck_assert_ptr_eq(endpoints_find_port(&table, other, &wanted),
			 row->collides ? holder : NULL);
	ck_assert_ptr_null(endpoints_find_port(&table, holder, &wanted));
	endpoints_leave(&table, holder, 1);
	ck_assert_ptr_null(endpoints_find_port(&table, other, &wanted));
	endpoints_done(&table);
}
END_TEST

START_TEST(the_walk_meets_every_endpoint_once_in_slot_order)
{
	struct pod_endpoint *ep;
	uint32_t pos = 0, last = 0;
	int met = 0;

	endpoints_init(&table, ENDPOINT_SLOTS - 3);
	for (int i = 0; i < 10; i++) {
		char id[16];

		snprintf(id, sizeof(id), "c%d", i);
		add(id);
	}
	while ((ep = endpoints_next(&table, &pos))) {
		ck_assert(!met || ep->slot > last);
		last = ep->slot;
		met++;
	}
	ck_assert_int_eq(met, 10);
	endpoints_done(&table);
}
END_TEST

START_TEST(every_state_has_a_name)
{
	ck_assert_str_eq(pod_state_name(POD_RESERVED), "reserved");
	ck_assert_str_eq(pod_state_name(POD_ATTACHING), "attaching");
	ck_assert_str_eq(pod_state_name(POD_READY), "ready");
	ck_assert_str_eq(pod_state_name(POD_LEAVING), "leaving");
}
END_TEST

CHECK_MAIN("endpoints",
	   CHECK_TEST(an_endpoint_is_found_by_container_and_interface),
	   CHECK_TEST(absent_texts_are_empty),
	   CHECK_TEST(a_name_or_a_slot_is_held_once),
	   CHECK_LOOP(an_interface_index_names_its_slot_and_is_not_the_kernels, seeds),
	   CHECK_TEST(a_slot_rests_until_the_others_had_their_turn),
	   CHECK_TEST(a_full_table_refuses_until_one_is_forgotten),
	   CHECK_TEST(an_index_that_a_stranger_uses_is_passed_over),
	   CHECK_TEST(an_adopted_endpoint_keeps_its_slot),
	   CHECK_TEST(who_leaves_has_no_name_but_keeps_its_addresses),
	   CHECK_TEST(both_families_find_the_endpoint),
	   CHECK_LOOP(a_host_port_belongs_to_one_endpoint, ports),
	   CHECK_TEST(the_walk_meets_every_endpoint_once_in_slot_order),
	   CHECK_TEST(every_state_has_a_name))
