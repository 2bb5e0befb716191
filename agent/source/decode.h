/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one decoder of all sources: Kubernetes objects in YAML or JSON to
 * model/objects.h. It applies the defaults that an API server would, and the
 * validation that it would do; both are idempotent.
 *
 * A problem never stops the rest, not even a document that is no YAML. Of a
 * NetworkPolicy with a malformed part the isolation is kept and only the unusable
 * rule is dropped (fail closed), of one in a version that is not known all rules
 * are; a rule of the other tiers fails closed by its action (docs/policy.md); a
 * Service or an EndpointSlice loses what cannot be an address of it, and is skipped
 * when anything else is wrong; an object without a usable identity is skipped too.
 *
 * Source: Kubernetes API reference, core/v1, networking.k8s.io/v1,
 * discovery.k8s.io/v1, policy.networking.k8s.io/v1alpha1 and v1alpha2.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "model/objects.h"

struct decode_problem {
	unsigned int document; /* within the text, from 1; 0: the text cannot be read there */
	unsigned int line; /* where the document starts or the syntax breaks, from 1; 0: unknown */
	const char *object; /* "NetworkPolicy shop/front", "" when it is not known */
	const char *field; /* "spec.ingress[0].ports[1].endPort", "" for the whole object */
	const char *text; /* what is wrong */
	bool warning; /* the object is in force as written */
};

struct decode_sink {
	void *arg;
	/* Takes ownership of @obj. */
	void (*object)(void *arg, struct object *obj);
	/* All strings are borrowed. */
	void (*problem)(void *arg, const struct decode_problem *problem);
	/* NULL, or told before @object what it was made from, complete with kind and version. */
	void (*source)(void *arg, const struct object *obj, const json_t *value);
	/*
	 * NULL, if no text has a list that is broken, or told whether what was told since the
	 * last time counts. Elements of a list come before it is known that it is one, and
	 * that all of it can be read.
	 */
	void (*settle)(void *arg, bool counts);
};

/*
 * Decode a text of @length bytes: YAML (several documents, `List` kinds) or JSON. A list is
 * decoded element by element, so that only each of them is bounded in memory.
 * 0 or -ENOMEM; everything about the content goes to @sink.
 */
int decode_text(const struct decode_sink *sink, const char *text, size_t length);

/* One object, as an API server sends it; a List is unpacked. 0 or -ENOMEM. */
int decode_json(const struct decode_sink *sink, const json_t *value, unsigned int document,
		unsigned int line);
