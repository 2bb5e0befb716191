// SPDX-License-Identifier: Apache-2.0
/*
 * Services in the real maps: what the programs find there, what a new agent takes over, and
 * what a full table of the kernel means. All else is in tests/unit/agent/test_service_*.c.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/clock.h"
#include "bpffs_main.h"
#include "reconcile/service.h"
#include "service_text.h"

#define WEB                                                                       \
	"web: http c10.96.0.1#80 e192.0.2.1#443 > 10.1.0.1#8080 10.1.0.2#8080B "  \
	"10.1.0.3#8081T | v6 cfd00::1#80 > fd01::1#8080L"

static struct datapath_config config = { .bpffs = bpffs };
static struct datapath *dp;
static struct service_writer *writer;

static void open_agent(void)
{
	char error[DATAPATH_ERROR_MAX] = "";
	struct service_maps maps;

	ck_assert_msg(!datapath_open(&dp, &config, error), "%s", error);
	ck_assert_int_eq(service_maps_open(&maps, dp, 0), 0);
	ck_assert_int_eq(service_writer_new(&writer, &maps), 0);
}

static void close_agent(void)
{
	service_writer_free(writer);
	datapath_free(dp);
}

static int apply(const char *line)
{
	struct service_text text;
	int r;

	service_text_read(&text, line);
	r = service_writer_apply(writer, &text.images, clock_ms());
	service_text_done(&text);
	return r;
}

static struct ip_addr addr_of(const char *text)
{
	struct ip_addr addr;

	ck_assert_int_eq(addr_parse(&addr, text), 0);
	return addr;
}

/* False: the kernel has no such entry. */
static bool find(struct frontend *ret, const char *text, uint16_t port, uint8_t proto)
{
	struct ip_addr addr = addr_of(text);
	struct frontend4_key key4 = { addr.words[3], htons(port), proto, 0 };
	struct frontend6_key key6 = { .addr = addr, .port = htons(port), .proto = proto };
	bool v4 = ip_addr_is_v4(&addr);

	return !bpf_map_lookup_elem(datapath_map_fd(dp, v4 ? MAP_FRONTEND4 : MAP_FRONTEND6),
				    v4 ? (void *)&key4 : &key6, ret);
}

static void element_of(enum datapath_map map, const uint32_t *index, void *ret)
{
	ck_assert_int_eq(bpf_map_lookup_elem(datapath_map_fd(dp, map), index, ret), 0);
}

static struct service_port port_of(const char *text, uint16_t port, uint32_t *number)
{
	struct service_port ret;
	struct frontend frontend;

	ck_assert(find(&frontend, text, port, IPPROTO_TCP));
	*number = frontend.service;
	element_of(MAP_SERVICE_PORT, number, &ret);
	return ret;
}

/* The backend at @index of the set; its number too. */
static struct backend backend_of(uint64_t ref, uint32_t index, uint32_t *number)
{
	uint32_t slot = service_set_first(ref) + index;
	struct backend ret;

	ck_assert_uint_lt(index, service_set_count(ref));
	element_of(MAP_BACKEND_SLOT, &slot, number);
	element_of(MAP_BACKEND, number, &ret);
	return ret;
}

static void is_backend(uint64_t ref, uint32_t index, uint32_t service, const char *text,
		       uint16_t port, uint8_t flags)
{
	struct ip_addr addr = addr_of(text);
	uint32_t number;
	struct backend backend = backend_of(ref, index, &number);

	ck_assert_uint_ne(number, 0);
	ck_assert(ip_addr_equal(&backend.addr, &addr));
	ck_assert_uint_eq(backend.port, htons(port));
	ck_assert_uint_eq(backend.proto, IPPROTO_TCP);
	ck_assert_uint_eq(backend.flags, flags);
	ck_assert_uint_eq(backend.service, service);
}

START_TEST(programs_find_what_was_written)
{
	const uint8_t both = BACKEND_IN_CLUSTER | BACKEND_IN_LOCAL;
	uint32_t number, same, number6;
	struct service_port port;
	struct frontend frontend;

	open_agent();
	ck_assert_int_eq(apply(WEB), 0);
	ck_assert(service_writer_commit(writer));
	ck_assert_uint_eq(datapath_state(dp)->services, 3);
	port = port_of("10.96.0.1", 80, &number);
	ck_assert_uint_eq(service_set_count(port.sets[SERVICE_CLUSTER]), 2);
	ck_assert_uint_eq(service_set_count(port.sets[SERVICE_LOCAL]), 1);
	is_backend(port.sets[SERVICE_CLUSTER], 0, number, "10.1.0.1", 8080, BACKEND_IN_CLUSTER);
	is_backend(port.sets[SERVICE_CLUSTER], 1, number, "10.1.0.2", 8080, both);
	is_backend(port.sets[SERVICE_LOCAL], 0, number, "10.1.0.2", 8080, both);
	port_of("192.0.2.1", 443, &same);
	ck_assert_uint_eq(same, number);
	port = port_of("fd00::1", 80, &number6);
	ck_assert_uint_ne(number6, number);
	is_backend(port.sets[SERVICE_LOCAL], 0, number6, "fd01::1", 8080, BACKEND_IN_LOCAL);
	ck_assert_uint_eq(port.sets[SERVICE_CLUSTER], service_set_ref(SERVICE_REFUSE, 0));
	ck_assert(find(&frontend, "10.96.0.1", 0, 0) && frontend.flags == FRONTEND_WHOLE);
	ck_assert(find(&frontend, "192.0.2.1", 0, 0) && !frontend.flags);
	ck_assert(find(&frontend, "fd00::1", 0, 0) && frontend.flags == FRONTEND_WHOLE);
	ck_assert(!find(&frontend, "10.96.0.1", 81, IPPROTO_TCP));
	close_agent();
}
END_TEST

static uint32_t count_of(enum datapath_map map)
{
	uint8_t key[sizeof(struct frontend6_key)], next[sizeof(key)];
	int fd = datapath_map_fd(dp, map);
	void *at = NULL;
	uint32_t count = 0;

	for (; !bpf_map_get_next_key(fd, at, next); count++) {
		memcpy(key, next, sizeof(key));
		at = key;
	}
	return count;
}

START_TEST(a_removed_service_leaves_nothing)
{
	struct backend backend;

	open_agent();
	ck_assert_int_eq(apply(WEB), 0);
	service_writer_commit(writer);
	ck_assert_int_eq(apply("web:"), 0);
	service_writer_commit(writer);
	ck_assert_uint_eq(count_of(MAP_FRONTEND4) + count_of(MAP_FRONTEND6), 0);
	ck_assert_uint_eq(datapath_state(dp)->services, 0);
	/* An agent that ends waits for the grace period, and ends them. */
	service_writer_free(writer);
	for (uint32_t number = 1; number < 8; number++) {
		element_of(MAP_BACKEND, &number, &backend);
		ck_assert_uint_eq(backend.service, 0);
		ck_assert_uint_eq(backend.generation, number <= 4 ? 2 : 0);
	}
	datapath_free(dp);
}
END_TEST

START_TEST(the_next_agent_takes_over)
{
	uint32_t number, later, backend_number, backend_later;
	struct service_port before, after;
	struct backend backend, backend_after;

	open_agent();
	ck_assert_int_eq(apply(WEB), 0);
	ck_assert_int_eq(apply("gone: http c10.96.0.9#80 > 10.1.0.9#80"), 0);
	service_writer_commit(writer);
	before = port_of("10.96.0.1", 80, &number);
	backend = backend_of(before.sets[SERVICE_CLUSTER], 1, &backend_number);
	close_agent();

	open_agent();
	ck_assert_int_eq(apply(WEB), 0);
	ck_assert_uint_eq(count_of(MAP_FRONTEND4), 6);
	service_writer_synced(writer, clock_ms());
	ck_assert(!service_writer_commit(writer));
	ck_assert_uint_eq(count_of(MAP_FRONTEND4), 4);
	ck_assert_uint_eq(datapath_state(dp)->services, 3);
	after = port_of("10.96.0.1", 80, &later);
	ck_assert_uint_eq(later, number);
	ck_assert_mem_eq(&after, &before, sizeof(after));
	backend_after = backend_of(after.sets[SERVICE_CLUSTER], 1, &backend_later);
	ck_assert_uint_eq(backend_later, backend_number);
	ck_assert_mem_eq(&backend_after, &backend, sizeof(backend));
	close_agent();
}
END_TEST

static void set_hits(uint32_t number, uint64_t connections)
{
	int cpus = libbpf_num_possible_cpus();
	struct service_hit hits[1024] = {};

	ck_assert_int_le(cpus, 1024);
	for (int cpu = 0; cpu < cpus; cpu++)
		hits[cpu] = (struct service_hit){ .connections = connections, .refused = 1 };
	ck_assert_int_eq(bpf_map_update_elem(datapath_map_fd(dp, MAP_SERVICE_HIT), &number, hits,
					     BPF_ANY), 0);
}

START_TEST(a_number_begins_to_count_at_zero)
{
	int cpus = libbpf_num_possible_cpus();
	struct service_hit hits;
	uint32_t number;

	open_agent();
	set_hits(1, 5);
	ck_assert_int_eq(apply("web: http c10.96.0.1#80 > 10.1.0.1#80"), 0);
	port_of("10.96.0.1", 80, &number);
	ck_assert_int_eq(service_writer_hits(&hits, writer, number), 0);
	ck_assert_uint_eq(hits.connections, 0);
	set_hits(number, 5);
	ck_assert_int_eq(apply("web: http c10.96.0.1#80 > 10.1.0.2#80"), 0);
	ck_assert_int_eq(service_writer_hits(&hits, writer, number), 0);
	ck_assert_uint_eq(hits.connections, 5u * (unsigned int)cpus);
	ck_assert_uint_eq(hits.refused, (unsigned int)cpus);
	close_agent();
}
END_TEST

START_TEST(a_table_of_the_kernel_is_full)
{
	const struct frontend other = { .service = 1 };
	struct frontend4_key key = { .addr = 1 };
	struct frontend frontend;

	config.sizes[MAP_FRONTEND4] = 4;
	open_agent();
	ck_assert_int_eq(apply("web: http c10.96.0.1#80 > 10.1.0.1#80"), 0);
	/* What the writer knows nothing of takes the room that it counts with. */
	ck_assert_int_eq(bpf_map_update_elem(datapath_map_fd(dp, MAP_FRONTEND4), &key, &other,
					     BPF_ANY), 0);
	service_writer_synced(writer, clock_ms());
	ck_assert_int_eq(apply("db: sql c10.96.0.2#80 > 10.1.0.2#80"), -ENOSPC);
	ck_assert(!find(&frontend, "10.96.0.2", 80, IPPROTO_TCP));
	ck_assert(!find(&frontend, "10.96.0.2", 0, 0));
	ck_assert(find(&frontend, "10.96.0.1", 80, IPPROTO_TCP));
	ck_assert_int_eq(bpf_map_delete_elem(datapath_map_fd(dp, MAP_FRONTEND4), &key), 0);
	ck_assert_int_eq(apply("db: sql c10.96.0.2#80 > 10.1.0.2#80"), 0);
	ck_assert(find(&frontend, "10.96.0.2", 80, IPPROTO_TCP));
	close_agent();
}
END_TEST

#define BANK "bank: http l192.0.2.2#80 r198.51.100.0/24 r203.0.113.7/32 > 10.1.0.4#80"
#define BANK6 "| v6 lfd00::2#80 r2001:db8::/32 > fd01::4#80"

static bool may(uint32_t number, const char *source)
{
	struct ip_addr addr = addr_of(source);
	struct service_range4_key key4 = { SERVICE_RANGE_BITS + 32, htonl(number), addr.words[3] };
	struct service_range6_key key6 = { SERVICE_RANGE_BITS + 128, htonl(number), addr };
	uint32_t value;

	if (ip_addr_is_v4(&addr))
		return !bpf_map_lookup_elem(datapath_map_fd(dp, MAP_SERVICE_RANGE4), &key4, &value);
	return !bpf_map_lookup_elem(datapath_map_fd(dp, MAP_SERVICE_RANGE6), &key6, &value);
}

/* Of the frontend that @bank has in the family of its address. */
static uint32_t number_of(const char *bank, const char *port_name, bool is_v4)
{
	const struct service_image image = { .port_name = port_name, .proto = IPPROTO_TCP,
					     .is_v4 = is_v4 };

	return service_writer_port(writer, "shop", bank, &image);
}

START_TEST(source_ranges_are_of_their_service_port)
{
	uint32_t number, number6;

	open_agent();
	ck_assert_int_eq(apply(BANK BANK6), 0);
	number = number_of("bank", "http", true);
	number6 = number_of("bank", "v6", false);
	ck_assert(may(number, "198.51.100.9") && may(number, "203.0.113.7"));
	ck_assert(!may(number, "203.0.113.8") && !may(number + 2, "198.51.100.9"));
	ck_assert(may(number6, "2001:db8::1") && !may(number6, "2001:db9::1"));
	/* The next agent takes them over, and takes away what is not wanted any more. */
	close_agent();
	open_agent();
	ck_assert_uint_eq(service_writer_used(writer, MAP_SERVICE_RANGE4), 2);
	ck_assert_int_eq(apply("bank: http l192.0.2.2#80 r198.51.100.0/25 > 10.1.0.4#80"), 0);
	service_writer_synced(writer, clock_ms());
	ck_assert_uint_eq(number_of("bank", "http", true), number);
	ck_assert(may(number, "198.51.100.9") && !may(number, "198.51.100.200"));
	ck_assert(!may(number, "203.0.113.7"));
	ck_assert_uint_eq(service_writer_used(writer, MAP_SERVICE_RANGE4), 1);
	service_writer_settle(writer, clock_ms() + 1000);
	ck_assert(!may(number6, "2001:db8::1"));
	ck_assert_uint_eq(service_writer_used(writer, MAP_SERVICE_RANGE6), 0);
	close_agent();
}
END_TEST

/* Whatever it is: it may not let anybody in. */
START_TEST(a_range_that_is_nobodys_goes)
{
	const struct service_range4_key all = { 0, 0, 0 }, nobodys = { 40, htonl(77), htonl(10) };
	const uint32_t value = 1;

	open_agent();
	ck_assert_int_eq(apply(BANK), 0);
	ck_assert(!bpf_map_update_elem(datapath_map_fd(dp, MAP_SERVICE_RANGE4), &all, &value, 0));
	ck_assert(!bpf_map_update_elem(datapath_map_fd(dp, MAP_SERVICE_RANGE4), &nobodys, &value,
				       0));
	close_agent();
	open_agent();
	ck_assert_uint_eq(service_writer_used(writer, MAP_SERVICE_RANGE4), 2);
	ck_assert_int_eq(apply(BANK), 0);
	ck_assert(!may(number_of("bank", "http", true), "203.0.113.8"));
	ck_assert(may(number_of("bank", "http", true), "203.0.113.7"));
	close_agent();
}
END_TEST

START_TEST(a_full_table_of_ranges_refuses_the_service)
{
	config.sizes[MAP_SERVICE_RANGE4] = 2;
	open_agent();
	ck_assert_int_eq(apply(BANK), 0);
	service_writer_synced(writer, clock_ms());
	ck_assert_int_eq(apply("more: http l192.0.2.3#80 r10.0.0.0/8 > 10.1.0.4#80"), -ENOSPC);
	ck_assert_uint_eq(number_of("more", "http", true), 0);
	ck_assert_int_eq(apply("bank: http l192.0.2.2#80 r198.51.100.0/24 > 10.1.0.4#80"), 0);
	ck_assert_int_eq(apply("more: http l192.0.2.3#80 r10.0.0.0/8 > 10.1.0.4#80"), 0);
	ck_assert(may(number_of("more", "http", true), "10.1.2.3"));
	close_agent();
}
END_TEST

BPFFS_MAIN("service_maps", CHECK_TEST(source_ranges_are_of_their_service_port),
	   CHECK_TEST(a_range_that_is_nobodys_goes),
	   CHECK_TEST(a_full_table_of_ranges_refuses_the_service),
	   CHECK_TEST(programs_find_what_was_written),
	   CHECK_TEST(a_removed_service_leaves_nothing), CHECK_TEST(the_next_agent_takes_over),
	   CHECK_TEST(a_number_begins_to_count_at_zero), CHECK_TEST(a_table_of_the_kernel_is_full))
