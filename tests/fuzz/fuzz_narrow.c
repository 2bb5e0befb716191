// SPDX-License-Identifier: Apache-2.0
/*
 * A valid policy, and the same with one mistake. When the decoder reports the
 * mistake, what is left of the policy allows nothing that the policy did not
 * allow, and isolates whom it isolated. The compiler of the image agrees about
 * it, and the same text read as YAML says the same.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "fuzz.h"
#include "policy_make.h"
#include "source/decode.h"
#include "source/fingerprint.h"
#include "unit/model/image_ask.h"
#include "unit/model/objects_make.h"

#define ENDPOINTS 4
#define OTHERS 7
#define SERVICES 5
#define PROBES (ENDPOINTS * POLICY_DIR_MAX * OTHERS * SERVICES)

static struct store *store;
static struct image_endpoint endpoints[ENDPOINTS];
static struct image_input input = { .node_name = "n1", .endpoints = endpoints,
				    .endpoint_count = ENDPOINTS };

static struct probe {
	enum policy_dir dir;
	const struct image_endpoint *subject;
	struct naive_packet packet;
} probes[PROBES];

static void put(struct object *obj)
{
	PROMISE(store_put(store, obj) == 0);
}

/* Every endpoint, both ways, towards everybody, with every service. */
static void make_probes(void)
{
	static const char *const others[OTHERS] = { "10.0.0.1", "10.0.0.2", "10.0.0.130", "fd00::2",
						    "fd00::5", "192.0.2.9", "2001:db8::1" };
	static const struct {
		uint8_t proto;
		uint16_t port;
	} services[SERVICES] = { { IPPROTO_TCP, 80 }, { IPPROTO_TCP, 81 }, { IPPROTO_UDP, 53 },
				 { IPPROTO_SCTP, 80 }, { IPPROTO_ICMP, 0 } };

	for (unsigned int i = 0; i < PROBES; i++) {
		struct probe *p = &probes[i];
		struct ip_addr other = make_addr(others[i / SERVICES % OTHERS]), own;

		p->dir = (enum policy_dir)(i / (SERVICES * OTHERS) % POLICY_DIR_MAX);
		p->subject = &endpoints[i / (SERVICES * OTHERS * POLICY_DIR_MAX)];
		own = p->subject->ips[!ip_addr_is_v4(&other)];
		p->packet = (struct naive_packet){ p->dir == POLICY_INGRESS ? other : own,
						   p->dir == POLICY_INGRESS ? own : other,
						   services[i % SERVICES].proto,
						   services[i % SERVICES].port };
	}
}

static void start(void)
{
	PROMISE(store_new(&store) == 0);
	input.store = store;
	put(make_namespace("a", "app=1"));
	put(make_namespace("b", "tier=2"));
	put(make_pod("a", "p0", "n1", "app=1", "", "http/tcp=80 dns/udp=53"));
	put(make_pod("a", "p1", "n1", "app=2 tier=1", "", "http/tcp=81"));
	put(make_pod("b", "p2", "n1", "tier=", "", "http/sctp=80"));
	put(make_pod("a", "far", "n2", "app=1 tier=2", "10.0.0.5 fd00::5", "dns/tcp=53"));
	endpoints[0] = (struct image_endpoint){ 11, "a", "p0", { make_addr("10.0.0.1") } };
	endpoints[1] = (struct image_endpoint){ 12, "a", "p1", { make_addr("10.0.0.2"),
								 make_addr("fd00::2") } };
	endpoints[2] = (struct image_endpoint){ 13, "b", "p2", { make_addr("10.0.0.130") } };
	endpoints[3] = (struct image_endpoint){ 14, "a", "without-an-object",
						{ make_addr("10.0.0.4"), make_addr("fd00::4") } };
	make_probes();
}

/* What the decoder made of a policy. */
struct outcome {
	struct object *policy;
	unsigned int errors;
	uint64_t hash;
};

static void take_object(void *arg, struct object *obj)
{
	struct outcome *outcome = arg;

	PROMISE(!outcome->policy && obj->kind == OBJECT_NETWORK_POLICY);
	outcome->policy = obj;
	outcome->hash = fingerprint_object(obj);
}

static void take_problem(void *arg, const struct decode_problem *problem)
{
	struct outcome *outcome = arg;

	outcome->errors += !problem->warning;
}

/* @yaml: by the YAML parser, which is not asked about what begins with a brace. */
static void decode(struct outcome *ret, const json_t *policy, bool yaml)
{
	const struct decode_sink sink = { ret, take_object, take_problem };
	cleanup(freep) char *json = json_dumps(policy, 0);
	cleanup(freep) char *text = NULL;

	*ret = (struct outcome){};
	PROMISE(json && asprintf(&text, "%s%s", yaml ? "--- " : "", json) > 0);
	PROMISE(decode_text(&sink, text, strlen(text)) == 0);
	PROMISE(ret->policy); /* no mistake in its spec makes a policy go away */
}

static void ask(bool ret[static PROBES], const struct image *image)
{
	for (unsigned int i = 0; i < PROBES; i++) {
		const struct probe *p = &probes[i];

		ret[i] = naive_allows(&input, p->dir, p->subject, &p->packet);
		if (image)
			PROMISE(ask_allows(image, p->dir, p->subject->ifindex, &p->packet) ==
				ret[i]);
	}
}

/* Which probes pass: what the rules of a policy allow, and whom it isolates. */
struct answers {
	bool rules[PROBES]; /* where everybody is isolated already */
	bool alone[PROBES];
};

static void ask_both(struct answers *ret, struct object *policy, bool with_image)
{
	cleanup(image_freep) struct image *image = NULL;

	put(policy);
	ask(ret->alone, NULL);
	put(make_policy("a", "closed", "", "ie"));
	put(make_policy("b", "closed", "", "ie"));
	if (with_image)
		PROMISE(image_compile(&image, &input, NULL) == 0);
	ask(ret->rules, image);
	PROMISE(store_delete(store, OBJECT_NETWORK_POLICY, "a", "closed"));
	PROMISE(store_delete(store, OBJECT_NETWORK_POLICY, "b", "closed"));
}

static void trace(const json_t *whole, const json_t *broken)
{
	if (!getenv("WEIR_FUZZ_TRACE"))
		return;
	json_dumpf(whole, stderr, JSON_INDENT(1));
	json_dumpf(broken, stderr, JSON_INDENT(1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct answers was, is;
	struct bytes in = { data, size };
	cleanup(json_decrefp) json_t *whole = policy_make(&in);
	cleanup(json_decrefp) json_t *broken = json_deep_copy(whole);
	struct outcome before, after, again;

	if (!store)
		start();
	policy_spoil(broken, &in);
	trace(whole, broken);
	decode(&before, whole, false);
	decode(&after, broken, false);
	decode(&again, broken, true);
	PROMISE(!before.errors && after.errors == again.errors && after.hash == again.hash);
	object_free(again.policy);
	if (!after.errors) {
		object_free(before.policy);
		object_free(after.policy);
		return 0;
	}
	ask_both(&was, before.policy, false);
	ask_both(&is, after.policy, true);
	for (unsigned int i = 0; i < PROBES; i++)
		PROMISE((was.rules[i] || !is.rules[i]) && (was.alone[i] || !is.alone[i]));
	return 0;
}
