/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML to JSON values, as Kubernetes reads it (YAML 1.1 scalars resolve like
 * sigs.k8s.io/yaml: null, booleans, integers, floats; all else is a string).
 * Bounded: size, depth, the memory of a document and the expansion of aliases are limited.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#define YAML_TEXT_MAX (16u << 20) /* bytes: what kubectl writes of 2,000 pods */
#define YAML_DEPTH_MAX 64
#define YAML_COST_MAX (32u << 20) /* bytes that the values of a document take in memory */
#define YAML_ITEMS "items" /* the member whose elements may come one by one */
#define YAML_ALIASED_MAX 250000 /* values that stand there by aliases only, per text */
#define YAML_ANCHORS_MAX 256 /* per document */
#define YAML_BROKEN_MAX 100 /* documents that cannot be read, before the rest is given up */
#define YAML_ERROR_MAX 256

struct json_arena;

/* What a callback returns, if not 0, ends the reading; never -EINVAL. */
struct yaml_sink {
	void *arg;
	/* A document with its number and first line, from 1; the value is borrowed. */
	int (*document)(void *arg, const json_t *value, unsigned int number, unsigned int line);
	/* One that cannot be read: where (0: nowhere in particular), and a sentence. */
	int (*broken)(void *arg, unsigned int line, const char *why);
	/*
	 * NULL, or told of each element that the list "items" of a document has, before the
	 * document, which comes without them, or is broken. 1: leave this one and all behind
	 * it in the document. What an element takes in memory does not count for the document.
	 */
	int (*item)(void *arg, const json_t *value, unsigned int number, unsigned int line);
	/* NULL, or in use: values are there, and gone when their callback has returned. */
	struct json_arena *arena;
};

/*
 * Calls the sink for each document in order; empty ones are counted but not
 * delivered. After a broken one it goes on where the next begins. 0, -ENOMEM, or
 * what a callback returned.
 */
int yaml_each(const char *text, size_t length, const struct yaml_sink *sink);
