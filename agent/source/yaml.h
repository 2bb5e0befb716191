/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML to JSON values, as Kubernetes reads it (YAML 1.1 scalars resolve like
 * sigs.k8s.io/yaml: null, booleans, integers, floats; all else is a string).
 * Bounded: size, depth and the expansion of aliases are limited.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#define YAML_TEXT_MAX (16u << 20) /* bytes */
#define YAML_DEPTH_MAX 64
#define YAML_NODES_MAX 1000000 /* after expansion of aliases, per document */
#define YAML_ANCHORS_MAX 256 /* per document */
#define YAML_ERROR_MAX 256

/*
 * Calls @document for each document in order, with its number and first line
 * (from 1), and a borrowed value; empty documents are counted but not delivered.
 * 0, what @document returned if non-zero, -ENOMEM, or -EINVAL with a sentence in
 * @error and its line in *@error_line; documents before a syntax error have been
 * delivered.
 */
int yaml_each(const char *text, size_t length,
	      int (*document)(void *arg, const json_t *value, unsigned int number,
			      unsigned int line),
	      void *arg, char error[static YAML_ERROR_MAX], unsigned int *error_line);
