/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The forms that Kubernetes prescribes for names.
 *
 * Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/ and
 * .../labels/; RFC 1123, RFC 6335 section 5.1.
 */
#pragma once

#include <stdbool.h>

/* A DNS label: lower case, digits and '-'; at most 63. */
bool name_is_label(const char *text);

/* DNS labels with dots between; at most 253. */
bool name_is_subdomain(const char *text);

/* `[SUBDOMAIN/]NAME`, the key of a label. */
bool name_is_label_key(const char *text);

/* The value of a label; may be empty. */
bool name_is_label_value(const char *text);

/* The name of a port: at most 15, with a letter, no "--". */
bool name_is_port(const char *text);
