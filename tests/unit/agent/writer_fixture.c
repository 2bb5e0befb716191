// SPDX-License-Identifier: Apache-2.0
#include "writer_fixture.h"

#include <string.h>

#include "lib/check_main.h"
#include "service_text.h"

struct service_writer *writer;
int64_t now_ms;

int apply(const char *line)
{
	struct service_text text;
	int r;

	service_text_read(&text, line);
	r = service_writer_apply(writer, &text.images, now_ms);
	service_text_done(&text);
	return r;
}

void open_writer(const struct service_maps *maps)
{
	ck_assert_int_eq(service_writer_new(&writer, maps), 0);
	now_ms = 1ll << 40; /* later than what the start has left to rest */
}

void settle(void)
{
	while (service_writer_settle(writer, now_ms) >= 0)
		now_ms += SERVICE_GRACE_MS;
}

/* Every place that the tests speak of. */
static const struct {
	const char *addr;
	uint16_t port;
} probes[] = {
	{ "10.96.0.1", 80 }, { "10.96.0.1", 81 }, { "10.96.0.1", 443 }, { "10.96.0.1", 9 },
	{ "10.96.0.2", 80 }, { "192.0.2.1", 80 }, { "192.0.2.2", 80 },	{ "fd00::1", 80 },
};
_Static_assert(CHECK_COUNT(probes) == PROBES, "PROBES");

/* Of whom source ranges speak. */
static const char *const sources[] = { "198.51.100.1", "198.51.100.200", "203.0.113.1",
				       "2001:db8::1" };
_Static_assert(CHECK_COUNT(sources) == SOURCES, "SOURCES");

struct sights before, after;

void look(struct sights *ret)
{
	for (int i = 0; i < PROBES; i++)
		for (enum service_set set = 0; set < SERVICE_SETS; set++)
			fake_look(ret->text[i][set], probes[i].addr, probes[i].port, set);
	for (int i = 0; i < PROBES; i++)
		for (int from = 0; from < SOURCES; from++)
			ret->may[i][from] =
				fake_lets_in(sources[from], probes[i].addr, probes[i].port);
}

static void lets_in_whom_it_should(const struct sights *seen)
{
	for (int i = 0; i < PROBES; i++)
		for (int from = 0; from < SOURCES; from++)
			ck_assert_msg(seen->may[i][from] == before.may[i][from] ||
				      seen->may[i][from] == after.may[i][from],
				      "%s port %u: %s may%s use it", probes[i].addr,
				      probes[i].port, sources[from],
				      seen->may[i][from] ? "" : " not");
}

void is_whole(void)
{
	static struct sights seen;

	look(&seen);
	lets_in_whom_it_should(&seen);
	for (int i = 0; i < PROBES; i++)
		for (enum service_set set = 0; set < SERVICE_SETS; set++)
			ck_assert_msg(!strcmp(seen.text[i][set], before.text[i][set]) ||
				      !strcmp(seen.text[i][set], after.text[i][set]),
				      "%s port %u, set %d: seen %s, neither %s nor %s",
				      probes[i].addr, probes[i].port, set, seen.text[i][set],
				      before.text[i][set], after.text[i][set]);
}

void is_done(void)
{
	static struct sights former;

	former = before;
	before = after;
	is_whole();
	before = former;
}

void finish(void)
{
	service_writer_synced(writer, now_ms);
	service_writer_commit(writer);
	settle();
}

unsigned int used(void)
{
	static const enum datapath_map maps[] = { MAP_FRONTEND4, MAP_FRONTEND6, MAP_SERVICE_PORT,
						  MAP_BACKEND, MAP_BACKEND_SLOT,
						  MAP_SERVICE_RANGE4, MAP_SERVICE_RANGE6 };
	unsigned int sum = 0;

	for (int i = 0; i < CHECK_COUNT(maps); i++)
		sum += service_writer_used(writer, maps[i]);
	return sum;
}

/* What the kernel holds, without its order. */
unsigned int held(void)
{
	unsigned int sum = 0;

	for (int i = 0; i < FAKE_FRONTENDS_MAX; i++)
		sum += fake.frontends[i].used;
	for (int i = 0; i < FAKE_RANGES_MAX; i++)
		sum += fake.ranges[i].used;
	for (int i = 1; i < SIZE; i++)
		sum += !!fake.backends[i].service;
	return sum;
}
