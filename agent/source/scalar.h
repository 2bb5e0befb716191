/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a YAML scalar means: null, boolean, integer, float or string. Only a
 * plain scalar can be other than a string.
 */
#pragma once

#include <jansson.h>
#include <yaml.h>

/* The value of a scalar event. 0, -ENOMEM, or -EINVAL: a NUL or an unknown tag. */
int scalar_resolve(json_t **ret, const yaml_event_t *event);

/*
 * The same as the key of a JSON object, as Kubernetes' conversion writes it: the
 * plain keys 0x50 and yes become "80" and "true". Caller frees.
 * 0, -ENOMEM, or -EINVAL: null, or as above.
 */
int scalar_key(char **ret, const yaml_event_t *event);
