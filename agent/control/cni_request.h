/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the CNI plugin asks for (docs/control-api.md), read from the body of its request and
 * checked: nothing of it has been done when one of these fails, and @fault says which field
 * is wrong. Texts are borrowed from the body.
 */
#pragma once

#include <jansson.h>

#include "base/addr.h"
#include "base/fault.h"
#include "endpoint/lifecycle.h"

/* "" where there is no such text. */
const char *cni_text(const json_t *body, const char *key);

/* The interface of a container that a call is about. 0, or negative with @fault set. */
int cni_read_names(const char **id, const char **ifname, const json_t *body,
		   struct fault *fault);

/* At most one address a family from @list, called @field; @ips is :: where there is none. */
int cni_read_ips(struct ip_addr ips[FAMILY_MAX], const json_t *list, const char *field,
		 struct fault *fault);

/* Host ports from @list; the array is the caller's, and untouched where there are none. */
int cni_read_ports(struct host_port **ret, size_t *count, const json_t *list,
		   struct fault *fault);

/* All else that ADD says. */
int cni_read_request(struct endpoint_request *request, const json_t *body,
		     struct fault *fault);
