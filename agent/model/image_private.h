/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the steps of image_compile() hand to each other. Private to image*.c.
 *
 *	endpoints                  image_local.c    which policies matter to them
 *	policies                   image_policies.c in order, and whom they select
 *	policies -> terms          image_terms.c    the peers that rules speak of
 *	pods -> shapes             image_pods.c     pods that no policy can tell apart
 *	shapes x terms             image_match.c
 *	shapes -> classes          image_class.c
 *	addresses                  image_peers.c
 *	nodes                      image_nodes.c    their addresses, as peers
 *	shape, policies -> groups  image_groups.c   rule groups of one direction
 *	groups -> rule set         image_ruleset.c  with image_ports.c, image_cover.c, image_bits.c
 *	numbers                    image_numbers.c
 *	the first image            image_renumber.c, image_same.c
 *
 * Strings and keys live in the arena or are borrowed from the store; only what
 * stands in struct image is allocated apart.
 */
#pragma once

#include "model/image.h"
#include "model/image_mem.h"
#include "model/image_select.h"

enum number_space {
	NUMBERS_RULESET,
	NUMBERS_CLASS,
	NUMBERS_ROW,
	NUMBERS_MAX,
};

/* image.numbers: in use, or given up by this image and not to be used by the next. Sorted. */
struct image_numbers {
	struct id_list used[NUMBERS_MAX];
	struct id_list resting[NUMBERS_MAX];
};

/* Gives out the numbers from 1 that are neither in use nor resting in an image. */
struct number_source {
	struct id_list taken; /* sorted */
	size_t at;
	uint32_t next;
};

int number_source_init(struct number_source *source, const struct image *previous,
		       enum number_space space);
uint32_t number_take(struct number_source *source);
void number_source_done(struct number_source *source);
/* Rule sets, classes and rows in the order of their numbers. */
void image_sort(struct image *image);
/* Fill image.numbers, once all the rest is there. 0 or -ENOMEM. */
int numbers_finish(struct image *image, const struct image *previous);
void image_numbers_free(struct image_numbers *numbers);

/* Base of a term with a port name, when the rule has no peers. */
#define TERM_ANY_POD INTERN_NONE

enum term_kind {
	TERM_OWN, /* a: namespace, b: pod selector */
	TERM_SELECTED, /* a: namespace selector, b: pod selector */
	/*
	 * Named ports of egress rules are resolved by the other side. TERM_ASK (a: port
	 * name, b: base term) is what a rule says, no pod is a member; TERM_NUMBER (a: the
	 * TERM_ASK, b: number) are the pods of the base that mean this number.
	 */
	TERM_ASK,
	TERM_NUMBER,
};

/* Compared as bytes: no padding. */
struct term_key {
	uint32_t kind;
	uint32_t a;
	uint32_t b;
};

struct term {
	struct term_key key;
	const char *text;
	struct id_list numbers; /* TERM_ASK: its TERM_NUMBER terms */
	struct id_list classes; /* indexes of classes whose members match */
};

struct image_terms {
	struct selector_index pods;
	struct selector_index namespaces;
	struct intern own; /* namespaces that terms name as their own, with NUL */
	struct intern keys; /* struct term_key */
	struct term *items; /* as keys */
	size_t count;
	struct id_list *by_selector; /* TERM_SELECTED by pod selector */
	size_t by_selector_count;
	struct intern peers; /* pointer of struct policy_peer: each is read once */
	struct id_list of_peer; /* term, as peers */
	struct intern port_names; /* protocol byte, name, NUL */
};

struct image_build;

/* All peers and port names that the rules in force mention. */
int terms_collect(struct image_build *build);
/* The term of a selector peer that terms_collect() saw. */
uint32_t terms_of_peer(const struct image_terms *terms, const struct policy_peer *peer);
/* INTERN_NONE: no rule mentions it. */
uint32_t terms_port_name(const struct image_terms *terms, struct buf *scratch, uint8_t proto,
			 const char *name);
/* INTERN_NONE: no rule asks @base for it. */
uint32_t terms_ask(const struct image_terms *terms, uint32_t base, uint32_t port_name);
/* The pods of @ask that mean @port. 0 or -ENOMEM. */
int terms_number(uint32_t *ret, struct image_build *build, uint32_t ask, uint16_t port);
void terms_done(struct image_terms *terms);

struct image_namespace {
	const char *name;
	const struct labels *labels;
	uint32_t own; /* in terms.own, INTERN_NONE: no term names it */
	const bool *selected; /* by namespace selector; made when first asked for */
	size_t first_policy; /* its policies are one stretch of build.policies */
	size_t policy_count;
	size_t first_local; /* its endpoints are one stretch of build.locals */
	size_t local_count;
};

/* Endpoints of one workload. */
struct image_local {
	uint64_t workload; /* its id; 0: there is no Pod object */
	uint32_t namespace;
	const struct labels *labels;
};

/* A port of a pod whose name some rule mentions. */
struct shape_port {
	uint32_t name;
	uint16_t port;
};

/* Pods that nothing tells apart. Compared as bytes: no padding. */
struct pod_kind {
	uint64_t workload; /* its id; 0: there is no Pod object */
	uint32_t namespace;
	uint32_t selectable;
};

/* Pods that are alike in all that policies ask for. */
struct image_shape {
	uint32_t namespace;
	const struct labels *labels;
	bool selectable; /* as a peer */
	struct shape_port *ports;
	size_t port_count;
	struct id_list terms; /* sorted */
	uint32_t class; /* index */
	bool judged; /* an endpoint has it: its rule sets are known */
	uint32_t ruleset[POLICY_DIR_MAX]; /* id */
};

/* Addresses of the nodes that one selector selects; in the arena. */
struct node_list {
	struct cidr_element *elements;
	size_t count;
};

/* There are as many as the cluster has: each byte counts while an image is made. */
struct image_pod {
	const struct ip_addr *ips;
	uint32_t ip_count;
	uint32_t ifindex; /* 0: of another node */
	uint32_t shape;
};

struct image_build {
	const struct image_input *input;
	const struct image *previous; /* or NULL */
	struct image *image;
	struct arena arena;
	struct buf scratch;
	struct buf key;

	struct image_local *locals;
	size_t local_count;
	/*
	 * Those that select an endpoint: NetworkPolicies by namespace and name, then the
	 * others in the order of evaluation.
	 */
	const struct object **policies;
	size_t policy_count;
	size_t ordered; /* index of the first of the others */
	struct intern node_selectors; /* texts */
	struct node_list *node_lists; /* as node_selectors */
	size_t node_list_count;
	struct intern namespace_names;
	struct image_namespace *namespaces;
	size_t namespace_count;
	uint32_t namespace_before; /* that was found last */
	struct intern label_keys; /* of pods, that some selector asks for; with NUL */
	struct image_terms terms;

	struct image_pod *pods; /* endpoints by interface index, then the others by name */
	size_t pod_count;
	struct intern kinds; /* struct pod_kind */
	struct id_list kind_shapes; /* as kinds */
	struct intern shape_keys;
	struct image_shape *shapes;
	size_t shape_count;

	struct intern class_keys; /* sorted terms */
	uint32_t *class_ids; /* by index */

	struct image_peer *peers; /* image.peers */
	uint32_t *peer_pods; /* as image.peers: index of the pod, INTERN_NONE: none */

	struct intern ruleset_sources; /* direction, policies, ports of the pod */
	struct id_list source_rulesets; /* id, as ruleset_sources */
	struct intern identities;
	struct id_list identity_rulesets; /* id, as identities */
	struct intern previous_identities; /* as previous->rulesets */
	struct intern previous_explanations; /* what they were made from */
	struct id_list explanation_sets; /* index in previous->rulesets, as previous_explanations */
	struct number_source rulesets;
	struct number_source rows;
};

/* Known by name; made when new. 0 or -ENOMEM. */
int namespace_find(uint32_t *ret, struct image_build *build, const char *name);
int locals_collect(struct image_build *build);
/* The policy selects an endpoint. */
bool locals_are_selected(const struct image_build *build, const struct object *obj);
int policies_collect(struct image_build *build);
/* The policies that select @shape, in the order of evaluation. 0 or -ENOMEM. */
int policies_select(struct id_list *ret, const struct image_build *build,
		    const struct image_shape *shape, enum policy_dir dir);
int pods_collect(struct image_build *build);
/* The terms of each shape. */
int shapes_match(struct image_build *build);
int classes_compile(struct image_build *build);
int peers_compile(struct image_build *build);
/* Index of the first peer within or after @prefix, or with @beyond after it. */
size_t peers_from(const struct image_build *build, const struct prefix *prefix, bool beyond);
/* The rule sets of the shapes of all endpoints. */
int rulesets_compile(struct image_build *build);
void image_ruleset_done(struct image_ruleset *set);

/* The comparison of an image with the previous one. */
struct same {
	const struct image *image;
	const struct image *previous;
	uint32_t *rows; /* by row of image: the row of previous that has its bits, 0: none known */
};

/*
 * @before has all entries that @now has, with the same bits, but for classes that
 * only one of the images knows. Then its rows are in same.rows.
 */
bool ruleset_same(struct same *same, struct image_ruleset *now, const struct image_ruleset *before);
/* Replace each bit set, inline or row, of @set by what @fn makes of it. */
void ruleset_each_bits(struct image_ruleset *set, uint64_t (*fn)(uint64_t bits, void *arg),
		       void *arg);
